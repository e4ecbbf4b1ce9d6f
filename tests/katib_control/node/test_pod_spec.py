"""From a container to a process: command, environment, directory, volumes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from katib_control.node.environment import Machine, complete, environment
from katib_control.node.pod_spec import find, launch
from katib_control.node.quantity import parse
from katib_control.node.sources import ContainerError, NotYet, Sources, references
from katib_control.node.volumes import Mount, locate, mentions, mounts, prepare, rewrite

POD: dict[str, Any] = {
    "metadata": {"name": "p", "namespace": "ns", "uid": "u", "labels": {"app": "x"}, "annotations": {"a/b": "c"}},
    "spec": {"containers": [{"name": "main"}]},
}
SOURCES = Sources(config_maps={"c": {"data": {"k": "v", "other": "w"}}}, secrets={"s": {"data": {"token": "dDBw"}}})
MACHINE = Machine(
    python=sys.executable,
    directory="/",
    path=("/first",),
    inherited={"HOME": "/home/me", "PATH": "/bin", "_KFP_RUNTIME": "true"},
    added={"SERVICE": "here"},
    resources={"cpu": parse(4), "memory": parse("8Gi")},
)


def defined(*env: dict[str, Any], sources: Sources = SOURCES, **container: Any) -> dict[str, str]:
    return environment(POD, {"name": "main", "env": list(env), **container}, sources, MACHINE)


def value_from(**ref: Any) -> dict[str, Any]:
    return {"name": "X", "valueFrom": ref}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param({"name": "X", "value": "1"}, "1", id="a value"),
        pytest.param({"name": "X"}, "", id="no value is an empty one"),
        pytest.param(
            {"name": "X", "value": "$(SERVICE)/$(NONE)"}, "here/$(NONE)", id="a reference to what came before"
        ),
        pytest.param(value_from(fieldRef={"fieldPath": "metadata.name"}), "p", id="the Pod's name"),
        pytest.param(value_from(fieldRef={"fieldPath": "metadata.labels['app']"}), "x", id="a label"),
        pytest.param(value_from(fieldRef={"fieldPath": "metadata.annotations['a/b']"}), "c", id="an annotation"),
        pytest.param(value_from(fieldRef={"fieldPath": "status.podIP"}), "127.0.0.1", id="the address"),
        pytest.param(
            value_from(resourceFieldRef={"resource": "limits.cpu"}), "4", id="a limit that is not set is the machine's"
        ),
        pytest.param(
            value_from(resourceFieldRef={"resource": "limits.memory", "divisor": "1Gi"}),
            "8",
            id="in units of the divisor",
        ),
        pytest.param(value_from(resourceFieldRef={"resource": "requests.cpu"}), "1", id="rounded up"),
        pytest.param(value_from(configMapKeyRef={"name": "c", "key": "k"}), "v", id="from a ConfigMap"),
        pytest.param(value_from(secretKeyRef={"name": "s", "key": "token"}), "t0p", id="from a Secret, decoded"),
        pytest.param(
            value_from(secretKeyRef={"name": "no", "key": "k", "optional": True}),
            None,
            id="optional and missing: not set",
        ),
        pytest.param(
            value_from(configMapKeyRef={"name": "c", "key": "no", "optional": True}), None, id="optional key: not set"
        ),
    ],
)
def test_environment(entry: dict[str, Any], expected: str | None) -> None:
    assert defined(entry, resources={"requests": {"cpu": "100m"}}).get("X") == expected


def test_env_from_has_a_prefix_and_env_comes_over_it() -> None:
    found = defined(
        {"name": "P_k", "value": "mine"},
        envFrom=[{"prefix": "P_", "configMapRef": {"name": "c"}}, {"secretRef": {"name": "s"}}],
    )
    assert found == {"SERVICE": "here", "P_k": "mine", "P_other": "w", "token": "t0p"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        pytest.param(
            value_from(configMapKeyRef={"name": "no", "key": "k"}), 'configmap "no" not found', id="no such ConfigMap"
        ),
        pytest.param(
            value_from(secretKeyRef={"name": "s", "key": "no"}), "couldn't find key no in secret ns/s", id="no such key"
        ),
    ],
)
def test_what_is_missing_is_waited_for(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(NotYet, match=message):
        defined(entry)


def test_an_unknown_field_can_never_be_had() -> None:
    with pytest.raises(ContainerError, match="not a field of a Pod"):
        defined(value_from(fieldRef={"fieldPath": "spec.what"}))


def test_the_machine_lends_its_environment() -> None:
    env = complete({"A": "1"}, {"resources": {"limits": {"cpu": "1500m"}}}, MACHINE)
    assert env["PATH"] == "/first:/bin"
    assert (env["HOME"], env["A"], env["PYTHONUNBUFFERED"], env["OMP_NUM_THREADS"]) == ("/home/me", "1", "1", "2")
    assert "_KFP_RUNTIME" not in env
    assert "OMP_NUM_THREADS" not in complete({}, {}, MACHINE)
    assert complete({"PYTHONUNBUFFERED": ""}, {}, MACHINE)["PYTHONUNBUFFERED"] == ""


@pytest.mark.parametrize(
    "command",
    ["python", "python3", "/no/such/bin/python", "/no/such/bin/python3"],
)
def test_python_is_this_interpreter(command: str) -> None:
    assert find(command, "/bin", "/", "/this/python") == "/this/python"


def test_programs_are_found_as_a_shell_finds_them(tmp_path: Path) -> None:
    script = tmp_path / "run.sh"
    script.write_text("#!/bin/sh\n")
    with pytest.raises(ContainerError, match="permission denied") as refused:
        find("./run.sh", "/bin", str(tmp_path), "")
    assert refused.value.exit_code == 126
    script.chmod(0o755)
    assert find("./run.sh", "/bin", str(tmp_path), "") == os.path.join(str(tmp_path), "./run.sh")
    assert find("run.sh", f"/nowhere:{tmp_path}", "/", "") == str(script)
    with pytest.raises(ContainerError, match=r"not found in \$PATH \(/nowhere\)"):
        find("run.sh", "/nowhere", "/", "")


MOUNTED = [Mount("m", "/data/model", "/real/m"), Mount("d", "/data", "/real/d")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("/data", "/real/d", id="the path itself"),
        pytest.param("/data/x.csv", "/real/d/x.csv", id="a file below"),
        pytest.param("--dir=/data/", "--dir=/real/d/", id="after an equals sign"),
        pytest.param("cat /data/a > '/data/b'", "cat /real/d/a > '/real/d/b'", id="several in a shell command"),
        pytest.param("/data/model/w", "/real/m/w", id="the longest path wins"),
        pytest.param("/database", "/database", id="a longer word is another path"),
        pytest.param("/data-set", "/data-set", id="so is one with a hyphen"),
        pytest.param("/home/data", "/home/data", id="the end of another path is left alone"),
        pytest.param("s3://data/x", "s3://data/x", id="and so is a URL"),
    ],
)
def test_rewrite(text: str, expected: str) -> None:
    assert rewrite(text, MOUNTED) == expected


def test_a_launch_has_everything_replaced(tmp_path: Path) -> None:
    container = {
        "name": "main", "command": ["sh", "-c", "echo $(NAME)"], "args": ["--out=/scratch/$(NAME)"],
        "env": [{"name": "NAME", "value": "n"}, {"name": "OUT", "value": "/scratch"}], "workingDir": "/scratch",
        "resources": {"limits": {"memory": "1Mi"}},
        "volumeMounts": [{"name": "w", "mountPath": "/scratch/", "subPath": "a"}],
    }  # fmt: skip
    made, mounted = launch(POD, container, "u/main/0", places={"w": str(tmp_path)}, sources=SOURCES, machine=MACHINE)
    real = f"{tmp_path}/a"
    assert made.argv == ["sh", "-c", "echo n", f"--out={real}/n"]
    assert (made.directory, made.env["OUT"], made.env["KATIB_CONTAINER"], made.memory) == (
        real,
        real,
        "u/main/0",
        2**20,
    )
    assert [item.real for item in mounted] == [real]
    assert mentions(container, "/scratch")
    assert not mentions({"command": ["true"]}, "/scratch")


def test_volumes_are_directories_with_what_belongs_in_them(tmp_path: Path) -> None:
    pod = POD | {
        "spec": {
            "containers": [],
            "volumes": [
                {"name": "e", "emptyDir": {}},
                {"name": "c", "configMap": {"name": "c", "items": [{"key": "k", "path": "sub/file"}]}},
                {"name": "s", "secret": {"secretName": "s"}},
                {"name": "d", "downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
                {"name": "pr", "projected": {"sources": [{"configMap": {"name": "c"}}, {"secret": {"name": "s"}}]}},
                {"name": "h", "hostPath": {"path": str(tmp_path / "made"), "type": "DirectoryOrCreate"}},
                {"name": "p", "persistentVolumeClaim": {"claimName": "claim"}},
            ],
        }
    }
    places = locate(pod, tmp_path / "pod", tmp_path / "claims")
    prepare(pod, places, SOURCES, MACHINE)
    own = tmp_path / "pod" / "volumes"
    assert (own / "e").is_dir()
    assert (own / "c/sub/file").read_text() == "v"
    assert (own / "s/token").read_text() == "t0p"
    assert (own / "s/token").stat().st_mode & 0o777 == 0o600
    assert (own / "d/l").read_text() == 'app="x"'
    assert sorted(path.name for path in (own / "pr").iterdir()) == ["k", "other", "token"]
    assert (tmp_path / "made").is_dir()
    assert (tmp_path / "claims/ns/claim").is_dir()
    assert references(pod) == ({"c"}, {"s"})


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        pytest.param({"nfs": {}}, "a nfs cannot be had", id="a kind that a laptop lacks"),
        pytest.param(
            {"hostPath": {"path": "/no/such/dir"}},
            "hostPath /no/such/dir is not there",
            id="a hostPath that is missing",
        ),
        pytest.param(
            {"configMap": {"name": "c", "items": [{"key": "k", "path": "../x"}]}},
            "must stay inside",
            id="a file outside of its volume",
        ),
    ],
)
def test_volumes_that_can_never_be_had(tmp_path: Path, volume: dict[str, Any], message: str) -> None:
    pod = POD | {"spec": {"containers": [], "volumes": [{"name": "v", **volume}]}}
    with pytest.raises(ContainerError, match=message):
        prepare(pod, locate(pod, tmp_path, tmp_path), SOURCES, MACHINE)


def test_a_sub_path_cannot_leave_its_volume() -> None:
    container = {"volumeMounts": [{"name": "w", "mountPath": "/w", "subPath": "../x"}]}
    with pytest.raises(ContainerError, match="must stay inside"):
        mounts(container, {"w": "/real"}, {})
