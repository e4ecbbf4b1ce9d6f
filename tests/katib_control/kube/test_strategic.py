from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from katib_control.kube.errors import BadRequest, Invalid
from katib_control.kube.patches import strategic_merge_patch
from katib_control.kube.resources import CONFIG_MAPS, DEPLOYMENTS, JOBS, PODS, SERVICES

KINDS = {resource.kind: resource for resource in (CONFIG_MAPS, DEPLOYMENTS, JOBS, PODS, SERVICES)}
KUBECTL = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")


def pod(**spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}


def container(name, **fields):
    return {"name": name, "image": "i", **fields}


TWO = pod(containers=[container("x"), container("y")])
PORTS = [{"containerPort": 53, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}]
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d"},
    "spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}},
}
ENV = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
HOST = {"path": "/x"}
TOLERATIONS = [{"key": "a", "operator": "Exists"}]

ROWS = [
    pytest.param(TWO, {"metadata": {"labels": {"a": "b"}}}, {**TWO, "metadata": {"name": "p", "labels": {"a": "b"}}},
                 id="maps merge"),
    pytest.param(pod(nodeName="n", containers=[]), {"spec": {"nodeName": None}}, pod(containers=[]), id="null removes"),
    pytest.param(TWO, {"spec": {"containers": [{"name": "y", "image": "k"}]}},
                 pod(containers=[container("x"), container("y", image="k")]), id="a container merges by its name"),
    pytest.param(TWO, {"spec": {"containers": [{"name": "z", "image": "k"}]}},
                 pod(containers=[container("z", image="k"), container("x"), container("y")]),
                 id="a new container stands before those only the server has"),
    pytest.param(TWO, {"spec": {"containers": [{"name": "x", "$patch": "delete"}]}}, pod(containers=[container("y")]),
                 id="an item is deleted"),
    pytest.param(TWO, {"spec": {"containers": [{"$patch": "replace"}, container("z")]}},
                 pod(containers=[container("z")]), id="a list is replaced"),
    pytest.param(TWO, {"spec": {"$patch": "replace", "containers": [container("z")]}},
                 pod(containers=[container("z")]), id="a map is replaced"),
    pytest.param(pod(containers=[], securityContext={"runAsUser": 1}),
                 {"spec": {"securityContext": {"$patch": "delete"}}}, pod(containers=[], securityContext={}),
                 id="a map is emptied"),
    pytest.param(TWO, {"spec": {"$setElementOrder/containers": [{"name": "y"}, {"name": "x"}]}},
                 pod(containers=[container("y"), container("x")]), id="items are put in order"),
    pytest.param(TWO, {"spec": {"$setElementOrder/containers": [{"name": "z"}, {"name": "x"}],
                                "containers": [{"name": "z", "image": "k"}]}},
                 pod(containers=[container("z", image="k"), container("x"), container("y")]),
                 id="an added item comes where the order says, the server's own behind it"),
    pytest.param(pod(containers=[container("x", ports=PORTS)]),
                 {"spec": {"containers": [{"name": "x", "ports": [{"containerPort": 80}]}]}},
                 pod(containers=[container("x", ports=[{"containerPort": 80}, *PORTS])]),
                 id="two ports of one number both stay"),
    pytest.param(pod(containers=[container("x", env=ENV)]),
                 {"spec": {"containers": [{"name": "x", "env": [{"name": "B", "value": "3"}]}]}},
                 pod(containers=[container("x", env=[ENV[0], {"name": "B", "value": "3"}])]),
                 id="lists inside list items merge too"),
    pytest.param(pod(containers=[container("x", args=["a", "b"])]),
                 {"spec": {"containers": [{"name": "x", "args": ["c"]}]}},
                 pod(containers=[container("x", args=["c"])]), id="arguments are replaced"),
    pytest.param(pod(containers=[], tolerations=TOLERATIONS),
                 {"spec": {"tolerations": [{"key": "b", "operator": "Exists"}]}},
                 pod(containers=[], tolerations=[{"key": "b", "operator": "Exists"}]), id="tolerations are replaced"),
    pytest.param({"apiVersion": "v1", "kind": "Pod", "metadata": {"finalizers": ["a", "b"]}},
                 {"metadata": {"finalizers": ["c", "a"]}},
                 {"apiVersion": "v1", "kind": "Pod", "metadata": {"finalizers": ["c", "a", "b"]}},
                 id="finalizers are a set"),
    pytest.param({"apiVersion": "v1", "kind": "Pod", "metadata": {"finalizers": ["a", "b"]}},
                 {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "$setElementOrder/finalizers": ["b"]}},
                 {"apiVersion": "v1", "kind": "Pod", "metadata": {"finalizers": ["b"]}}, id="a finalizer is taken out"),
    pytest.param(DEPLOYMENT, {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
                 {**DEPLOYMENT, "spec": {"strategy": {"type": "Recreate"}}}, id="only the keys to retain stay"),
    pytest.param(pod(containers=[], volumes=[{"name": "v", "emptyDir": {}}]),
                 {"spec": {"volumes": [{"$retainKeys": ["name", "hostPath"], "name": "v", "hostPath": HOST}]}},
                 pod(containers=[], volumes=[{"name": "v", "hostPath": HOST}]), id="a volume changes its kind"),
    pytest.param(
        {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}, {"port": 81, "name": "b"}]}},
        {"spec": {"ports": [{"port": 81, "name": "c"}]}},
        {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}, {"port": 81, "name": "c"}]}},
        id="ports of a Service merge by port"),
    pytest.param(
        {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": {"containers": [container("x")]}}}},
        {"spec": {"template": {"spec": {"containers": [{"name": "x", "command": ["c"]}]}}}},
        {"apiVersion": "batch/v1", "kind": "Job",
         "spec": {"template": {"spec": {"containers": [container("x", command=["c"])]}}}},
        id="a Job's template merges"),
    pytest.param(
        {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1", "b": "2"}},
        {"data": {"b": None, "c": "3"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1", "c": "3"}}, id="a ConfigMap's data merges"),
    pytest.param(
        pod(containers=[]), {"spec": {"containers": [{"name": "x", "$patch": "delete"}, container("y", env=None)]}},
        pod(containers=[container("y")]), id="nothing of a patch's own words is left in a new list"),
    pytest.param(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"ownerReferences": [{"uid": "1", "name": "a"}]}},
        {"metadata": {"ownerReferences": [{"uid": "2", "name": "b"}]}},
        {"apiVersion": "v1", "kind": "Pod",
         "metadata": {"ownerReferences": [{"uid": "2", "name": "b"}, {"uid": "1", "name": "a"}]}},
        id="owners merge by uid"),
]  # fmt: skip


@pytest.mark.parametrize(("obj", "patch", "result"), ROWS)
def test_strategic_merge(obj, patch, result):
    before = copy.deepcopy((obj, patch))
    assert strategic_merge_patch(obj, patch, KINDS[obj["kind"]]) == result
    assert (obj, patch) == before


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        pytest.param({"spec": {"containers": [{"image": "i"}]}}, "does not contain declared merge key: name",
                     id="item without its key"),
        pytest.param({"spec": {"containers": [{"name": "x", "$patch": "frob"}]}}, "unknown patch type 'frob' in map",
                     id="unknown directive in an item"),
        pytest.param({"$patch": "merge"}, "unknown patch type 'merge' in map", id="unknown directive in a map"),
        pytest.param({"spec": {"$retainKeys": "x"}}, "invalid patch format of retainKeys",
                     id="keys to retain, no list"),
        pytest.param({"spec": {"$setElementOrder/containers": "x"}}, "invalid patch format of setElementOrder list",
                     id="order that is no list"),
        pytest.param({"metadata": {"$deleteFromPrimitiveList/finalizers": 1}}, "invalid patch format of primitive list",
                     id="primitives that are no list"),
        pytest.param({"spec": {"$setElementOrder/containers": [{"name": "x"}], "containers": [{"name": "y"}]}},
                     "doesn't match", id="an item that the order does not have"),
        pytest.param([], "a map is expected", id="no map"),
    ],
)  # fmt: skip
def test_a_malformed_strategic_patch_is_a_bad_request(patch, message):
    with pytest.raises(BadRequest, match=message.replace("$", r"\$")):
        strategic_merge_patch(TWO, patch, PODS)


def test_a_field_outside_the_keys_to_retain_is_invalid():
    with pytest.raises(Invalid, match="patch content doesn't match retainKeys list"):
        strategic_merge_patch(
            DEPLOYMENT, {"spec": {"strategy": {"$retainKeys": ["x"], "type": "Recreate"}}}, DEPLOYMENTS
        )


def kubectl_patched(obj, patch, directory):
    """What the real strategic merge, inside kubectl, makes of it; None when it refuses."""
    file = directory / "obj.json"
    file.write_text(json.dumps(obj))
    done = subprocess.run(
        [str(KUBECTL), "patch", "--local", "-f", str(file), "--type=strategic", "-p", json.dumps(patch), "-o", "json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return json.loads(done.stdout) if done.returncode == 0 else None


def pruned(value):
    """What of an object is said at all: kubectl's typed round trip drops or adds empty values and nulls."""
    if isinstance(value, dict):
        kept = {key: pruned(item) for key, item in value.items() if key != "creationTimestamp"}
        return {key: item for key, item in kept.items() if item not in ({}, [], None)}
    return [pruned(item) for item in value] if isinstance(value, list) else value


@pytest.mark.skipif(KUBECTL is None, reason="needs the real kubectl")
@pytest.mark.parametrize(("obj", "patch", "result"), ROWS)
def test_kubectl_merges_the_same(obj, patch, result, tmp_path):
    assert pruned(kubectl_patched(obj, patch, tmp_path)) == pruned(result)


NAMES = ["a", "b", "c", "d"]
ENVS = st.lists(
    st.sampled_from(NAMES).map(lambda name: {"name": name, "value": name}), max_size=3, unique_by=lambda i: i["name"]
)
CONTAINERS = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from(NAMES), "image": st.sampled_from("ij")}, optional={"env": ENVS}),
    max_size=4, unique_by=lambda item: item["name"],
)  # fmt: skip


@st.composite
def patches(draw):
    items = draw(CONTAINERS)
    if draw(st.booleans()):
        items = [{"name": item["name"], "$patch": "delete"} if draw(st.booleans()) else item for item in items]
    spec = {"containers": items} if items or draw(st.booleans()) else {}
    if draw(st.booleans()):
        live = [item["name"] for item in items if "$patch" not in item]
        deleted = {item["name"] for item in items if "$patch" in item}
        extra = draw(st.lists(st.sampled_from(NAMES), max_size=2, unique=True))
        order = live + [name for name in extra if name not in live and name not in deleted]
        spec["$setElementOrder/containers"] = [{"name": name} for name in order]
    return {"spec": spec}


@pytest.mark.skipif(KUBECTL is None, reason="needs the real kubectl")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(containers=CONTAINERS, patch=patches())
def test_kubectl_merges_any_containers_the_same(containers, patch, tmp_path):
    obj = pod(containers=containers)
    theirs = kubectl_patched(obj, patch, tmp_path)
    try:
        ours = strategic_merge_patch(obj, patch, PODS)
    except BadRequest:
        ours = None
    if theirs is not None:
        if "delete" in json.dumps(patch):
            # The original deletes in place, inside the list whose order it asks afterwards: its order is an accident.
            for found in (ours, theirs):
                found["spec"].get("containers", []).sort(key=lambda item: item["name"])
        assert pruned(ours) == pruned(theirs)
    elif ours is not None:
        # The original also refuses an order for a list that is empty: that changes nothing, and passes here.
        assert pruned(ours) == pruned(obj)
