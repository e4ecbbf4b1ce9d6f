"""The real kubectl against the whole control plane over HTTP: what users type, and what they read."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from kubectl import Kubectl, manifest

JOB = manifest(
    """
    apiVersion: batch/v1
    kind: Job
    metadata: {name: hello, labels: {app: demo}}
    spec:
      backoffLimit: 0
      template:
        spec:
          restartPolicy: Never
          containers:
          - {name: main, image: any, command: [sh, -c, "echo one; echo two; echo three"]}
    """
)
SLEEPER = manifest(
    """
    apiVersion: v1
    kind: Pod
    metadata: {name: sleeper, labels: {app: demo, tier: back}}
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      containers:
      - {name: main, image: any, command: [sh, -c, "echo up; exec sleep 60"], env: [{name: A, value: "1"}]}
      - {name: side, image: any, command: [sleep, "60"]}
    """
)
CONFIG = manifest("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cfg}\ndata: {a: '1', b: '2'}")
EXPERIMENT = manifest(
    """
    apiVersion: kubeflow.org/v1beta1
    kind: Experiment
    metadata: {name: tune}
    spec:
      objective: {type: maximize, objectiveMetricName: acc}
      algorithm: {algorithmName: random, algorithmSettings: [{name: random_state, value: "1"}]}
      parallelTrialCount: 2
      maxTrialCount: 3
      maxFailedTrialCount: 1
      parameters:
      - {name: lr, parameterType: double, feasibleSpace: {min: "0.1", max: "1"}}
      trialTemplate:
        primaryContainerName: main
        trialParameters: [{name: lr, reference: lr}]
        trialSpec:
          apiVersion: batch/v1
          kind: Job
          spec:
            template:
              spec:
                restartPolicy: Never
                containers: [{name: main, image: any, command: [sh, -c, "echo acc=${trialParameters.lr}"]}]
    """
)


LONG_EXPERIMENT = json.loads(json.dumps(EXPERIMENT).replace("echo acc=", "sleep 60; echo "))


def changed(obj: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return json.loads(json.dumps(obj)) | fields


# --- what is there -----------------------------------------------------------------------------------------------


def test_version_and_cluster_info(kubectl: Kubectl) -> None:
    assert "Server Version: v1." in kubectl("version")
    assert "Kubernetes control plane is running at" in kubectl("cluster-info")
    assert kubectl("get", "--raw", "/readyz") == "ok"


def test_api_resources_and_versions(kubectl: Kubectl) -> None:
    rows = [line.split() for line in kubectl("api-resources", "--no-headers").splitlines()]
    by_name = {row[0]: row[1:] for row in rows}
    assert by_name["pods"] == ["po", "v1", "true", "Pod"]
    assert by_name["experiments"] == ["kubeflow.org/v1beta1", "true", "Experiment"]
    assert by_name["customresourcedefinitions"][0] == "crd,crds"
    assert {"v1", "batch/v1", "kubeflow.org/v1beta1"} <= set(kubectl("api-versions").split())
    assert "experiments.kubeflow.org" in kubectl("api-resources", "--categories", "katib", "-o", "name").split()


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        pytest.param("job.spec.backoffLimit", ["KIND:       Job", "FIELD: backoffLimit <integer>"], id="a field"),
        pytest.param(
            "pod.spec.containers", ["FIELD: containers <[]Container>", "name\t<string> -required-"], id="items"
        ),
        pytest.param(
            "experiment.spec", ["GROUP:      kubeflow.org", "parallelTrialCount\t<integer>"], id="a custom kind"
        ),
        pytest.param("crd.spec.versions.schema", ["openAPIV3Schema\t<JSONSchemaProps>"], id="a schema of schemas"),
    ],
)
def test_explain(kubectl: Kubectl, path: str, texts: list[str]) -> None:
    told = kubectl("explain", path)
    assert [text for text in texts if text not in told] == []


def test_explain_recursive(kubectl: Kubectl) -> None:
    assert "objectiveMetricName\t<string>" in kubectl("explain", "experiments.spec.objective", "--recursive")


def test_auth_can_i(kubectl: Kubectl) -> None:
    assert kubectl("auth", "can-i", "create", "pods").strip() == "yes"
    assert "*.*" in kubectl("auth", "can-i", "--list")
    assert "katib" in kubectl("auth", "whoami")


# --- apply and create --------------------------------------------------------------------------------------------


def test_apply_creates_and_then_says_unchanged(kubectl: Kubectl) -> None:
    assert kubectl.apply(CONFIG, SLEEPER) == "configmap/cfg created\npod/sleeper created\n"
    assert kubectl.apply(CONFIG, SLEEPER) == "configmap/cfg unchanged\npod/sleeper unchanged\n"


def test_apply_removes_what_it_applied_before_and_keeps_what_others_have_set(kubectl: Kubectl) -> None:
    kubectl.apply(CONFIG)
    kubectl("patch", "configmap", "cfg", "--type", "merge", "-p", '{"data":{"other":"x"}}')
    assert kubectl.apply(changed(CONFIG, data={"a": "9"})) == "configmap/cfg configured\n"
    assert kubectl.get("configmap/cfg")["data"] == {"a": "9", "other": "x"}


def test_apply_merges_lists_of_built_in_kinds_by_their_keys(kubectl: Kubectl) -> None:
    kubectl.apply(SLEEPER)
    more = changed(SLEEPER)
    more["spec"]["containers"][1]["image"] = "new"
    kubectl.apply(more)
    containers = kubectl.get("pod/sleeper")["spec"]["containers"]
    assert [(item["name"], item["image"]) for item in containers] == [("main", "any"), ("side", "new")]


def test_apply_of_a_custom_kind_is_a_three_way_merge_too(kubectl: Kubectl) -> None:
    kubectl.apply(LONG_EXPERIMENT)
    spec = changed(LONG_EXPERIMENT["spec"], maxTrialCount=4)
    del spec["maxFailedTrialCount"]
    assert kubectl.apply(changed(LONG_EXPERIMENT, spec=spec)) == "experiment.kubeflow.org/tune configured\n"
    assert kubectl.get("experiment/tune")["spec"]["maxTrialCount"] == 4


def test_apply_on_trial_stores_nothing(kubectl: Kubectl) -> None:
    assert kubectl.apply(EXPERIMENT, "--dry-run=server") == "experiment.kubeflow.org/tune created (server dry run)\n"
    assert kubectl("get", "experiments", "-o", "name") == ""


def test_apply_on_the_server_keeps_managers_apart(kubectl: Kubectl) -> None:
    said = kubectl.apply(CONFIG, "--server-side", "--field-manager=one")
    assert said == "configmap/cfg serverside-applied\n"
    other = changed(CONFIG, data={"a": "7"})
    refused = kubectl.fails("apply", "--server-side", "--field-manager=two", "-f", "-", stdin=other)
    assert 'conflict with "one"' in refused
    assert ".data.a" in refused
    kubectl.apply(other, "--server-side", "--field-manager=two", "--force-conflicts")
    assert kubectl.get("configmap/cfg")["data"] == {"a": "7", "b": "2"}


def test_create_twice_says_that_it_is_there(kubectl: Kubectl) -> None:
    assert kubectl("create", "-f", "-", stdin=CONFIG) == "configmap/cfg created\n"
    refused = kubectl.fails("create", "-f", "-", stdin=CONFIG)
    assert refused.startswith("Error from server (AlreadyExists):")
    assert 'configmaps "cfg" already exists' in refused


def test_create_with_a_generated_name(kubectl: Kubectl) -> None:
    said = kubectl("create", "-f", "-", stdin=changed(CONFIG, metadata={"generateName": "cfg-"}))
    assert re.fullmatch(r"configmap/cfg-[a-z0-9]{5} created\n", said)


def test_create_without_a_file(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "made", "--from-literal=k=v")
    kubectl("create", "secret", "generic", "hidden", "--from-literal=k=v")
    kubectl("create", "serviceaccount", "me")
    assert kubectl.get("configmap/made")["data"] == {"k": "v"}
    assert kubectl.get("secret/hidden")["data"] == {"k": "dg=="}
    assert kubectl.get("serviceaccount/me")["metadata"]["name"] == "me"


def test_create_a_job_without_a_file(kubectl: Kubectl) -> None:
    kubectl("create", "job", "quick", "--image=any", "--", "echo", "hi")
    kubectl("wait", "--for=condition=complete", "job/quick", "--timeout=20s")
    assert kubectl("logs", "job/quick") == "hi\n"


def test_run_a_pod(kubectl: Kubectl) -> None:
    assert kubectl("run", "one", "--image=any", "--restart=Never", "--command", "--", "true") == "pod/one created\n"
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/one", "--timeout=20s")


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        pytest.param({"maxTrialCuont": 3}, 'unknown field "spec.maxTrialCuont"', id="an unknown field"),
        pytest.param(
            {"maxTrialCount": "3"}, 'spec.maxTrialCount in body must be of type integer: "string"', id="a wrong type"
        ),
    ],
)
def test_bad_objects_are_refused_by_name(kubectl: Kubectl, spec: dict[str, Any], text: str) -> None:
    assert text in kubectl.fails("create", "-f", "-", stdin=changed(EXPERIMENT, spec=EXPERIMENT["spec"] | spec))


def test_an_unknown_field_of_a_built_in_kind_is_refused_by_name(kubectl: Kubectl) -> None:
    bad = changed(SLEEPER)
    bad["spec"]["containers"][0]["comand"] = ["x"]
    assert 'unknown field "spec.containers[0].comand"' in kubectl.fails("apply", "-f", "-", stdin=bad)


def test_a_definition_is_served_as_soon_as_it_is_there(kubectl: Kubectl) -> None:
    group = f"{kubectl.namespace}.example.com"
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer", "default": 3}}}},
    }
    column = {"name": "Size", "type": "integer", "jsonPath": ".spec.size"}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group, "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema},
                          "additionalPrinterColumns": [column]}],
        },
    }  # fmt: skip
    kubectl.apply(crd)
    kubectl("wait", "--for=condition=Established", f"crd/widgets.{group}", "--timeout=10s")
    kubectl.apply({"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {}})
    assert kubectl("get", f"widgets.{group}").split() == ["NAME", "SIZE", "w", "3"]
    assert kubectl("delete", "crd", f"widgets.{group}", "--timeout=20s")
    assert "the server doesn't have a resource type" in kubectl.fails("get", f"widgets.{group}")


# --- get ---------------------------------------------------------------------------------------------------------


def test_get_in_all_its_forms(kubectl: Kubectl) -> None:
    kubectl.apply(CONFIG, SLEEPER)
    kubectl("wait", "--for=condition=Ready", "pod/sleeper", "--timeout=20s")
    header, row = kubectl("get", "pods").splitlines()
    assert header.split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert row.split()[:4] == ["sleeper", "2/2", "Running", "0"]
    assert kubectl("get", "pods", "-o", "wide").splitlines()[0].split()[5:7] == ["IP", "NODE"]
    assert kubectl("get", "po", "-o", "name") == "pod/sleeper\n"
    assert kubectl("get", "pod", "sleeper", "-o", "jsonpath={.spec.containers[*].name}") == "main side"
    assert "name: sleeper\n" in kubectl("get", "pod", "sleeper", "-o", "yaml")
    assert json.loads(kubectl("get", "cm,po", "-o", "json"))["kind"] == "List"
    assert "app=demo,tier=back" in kubectl("get", "pods", "--show-labels")
    columns = kubectl("get", "pods", "-o", "custom-columns=N:.metadata.name,L:.metadata.labels.tier")
    assert columns.split() == ["N", "L", "sleeper", "back"]
    assert "pod/sleeper" in kubectl("get", "all")
    assert kubectl("get", "cm", "--sort-by=.metadata.name", "-o", "name") == "configmap/cfg\n"


def test_get_by_selectors(kubectl: Kubectl) -> None:
    kubectl.apply(SLEEPER, changed(SLEEPER, metadata={"name": "other", "labels": {"app": "else"}}))
    assert kubectl("get", "po", "-l", "app=demo", "-o", "name") == "pod/sleeper\n"
    assert kubectl("get", "po", "-l", "app in (else,x),!tier", "-o", "name") == "pod/other\n"
    assert kubectl("get", "po", "--field-selector", "metadata.name=other", "-o", "name") == "pod/other\n"
    kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=20s")
    running = kubectl("get", "po", "-A", "--field-selector", "status.phase=Running")
    assert running.count(f"{kubectl.namespace} ") == 2


def test_get_what_is_not_there(kubectl: Kubectl) -> None:
    assert kubectl.fails("get", "pod", "nobody") == 'Error from server (NotFound): pods "nobody" not found\n'
    assert kubectl("get", "pods", "--ignore-not-found") == ""
    assert "the server doesn't have a resource type" in kubectl.fails("get", "unicorns")


def test_get_watch_shows_changes_as_they_come(kubectl: Kubectl) -> None:
    kubectl.apply(CONFIG)
    with kubectl.start("get", "configmaps", "-w", "--output-watch-events") as watch:
        assert watch.line_with("cfg").startswith("ADDED")
        kubectl.apply(changed(CONFIG, metadata={"name": "second"}))
        assert watch.line_with("second").split()[:3] == ["ADDED", "second", "2"]
        kubectl("delete", "configmap", "cfg")
        assert watch.line_with("cfg").startswith("DELETED")


# --- change ------------------------------------------------------------------------------------------------------


def test_edit(kubectl: Kubectl) -> None:
    kubectl.apply(CONFIG)
    editor = {"KUBE_EDITOR": "sed -i s/a:.*1.*/a:\\ changed/"}
    assert kubectl("edit", "configmap", "cfg", env=editor) == "configmap/cfg edited\n"
    assert kubectl.get("configmap/cfg")["data"]["a"] == "changed"


def test_edit_of_a_custom_kind_into_something_invalid_is_told(kubectl: Kubectl) -> None:
    kubectl.apply(LONG_EXPERIMENT)
    kubectl.fails("edit", "experiment", "tune", env={"KUBE_EDITOR": "sed -i s/maxTrialCount:.*/maxTrialCount:\\ x/"})
    assert kubectl.get("experiment/tune")["spec"]["maxTrialCount"] == 3


def test_label_and_annotate(kubectl: Kubectl) -> None:
    kubectl.apply(CONFIG)
    kubectl("label", "configmap", "cfg", "team=a")
    assert "--overwrite is false" in kubectl.fails("label", "configmap", "cfg", "team=b")
    kubectl("label", "configmap", "cfg", "team=b", "--overwrite")
    kubectl("annotate", "configmap", "cfg", "note=text")
    metadata = kubectl.get("configmap/cfg")["metadata"]
    assert (metadata["labels"], metadata["annotations"]["note"]) == ({"team": "b"}, "text")
    kubectl("label", "configmap", "cfg", "team-")
    assert "labels" not in kubectl.get("configmap/cfg")["metadata"]


@pytest.mark.parametrize(
    ("kind", "patch", "data"),
    [
        pytest.param("merge", '{"data":{"b":null,"c":"3"}}', {"a": "1", "c": "3"}, id="merge"),
        pytest.param("json", '[{"op":"replace","path":"/data/a","value":"x"}]', {"a": "x", "b": "2"}, id="json"),
        pytest.param("strategic", '{"data":{"$retainKeys":["c"],"c":"3"}}', {"c": "3"}, id="strategic"),
    ],
)
def test_patch(kubectl: Kubectl, kind: str, patch: str, data: dict[str, str]) -> None:
    kubectl.apply(CONFIG)
    assert kubectl("patch", "configmap", "cfg", "--type", kind, "-p", patch) == "configmap/cfg patched\n"
    assert kubectl.get("configmap/cfg")["data"] == data


def test_patch_of_a_status(kubectl: Kubectl) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": kubectl.namespace}}
    kubectl.apply(node)
    patch = '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}'
    kubectl("patch", "node", kubectl.namespace, "--subresource=status", "--type=merge", "-p", patch)
    assert " Ready " in kubectl("get", "node", kubectl.namespace)
    kubectl("delete", "node", kubectl.namespace)


def test_a_custom_kind_knows_no_strategic_patches(kubectl: Kubectl) -> None:
    kubectl.apply(LONG_EXPERIMENT)
    refused = kubectl.fails("patch", "experiment", "tune", "-p", '{"spec":{"maxTrialCount":4}}')
    assert "application/strategic-merge-patch+json is not supported" in refused


def test_replace_of_what_has_changed_meanwhile_is_refused(kubectl: Kubectl) -> None:
    kubectl.apply(CONFIG)
    seen = kubectl.get("configmap/cfg")
    kubectl("label", "configmap", "cfg", "by=someone")
    refused = kubectl.fails("replace", "-f", "-", stdin=seen)
    assert refused.startswith("Error from server (Conflict)")
    assert "the object has been modified" in refused
    assert kubectl("replace", "-f", "-", stdin=changed(CONFIG, data={"z": "1"})) == "configmap/cfg replaced\n"
    assert kubectl.get("configmap/cfg")["data"] == {"z": "1"}


def test_diff_shows_what_apply_would_change(kubectl: Kubectl) -> None:
    kubectl.apply(CONFIG)
    told = kubectl.fails("diff", "-f", "-", stdin=changed(CONFIG, data={"a": "5", "b": "2"}), code=1, out=True)
    assert '-  a: "1"' in told
    assert '+  a: "5"' in told
    kubectl("diff", "-f", "-", stdin=CONFIG)


def test_a_template_of_a_job_may_not_change(kubectl: Kubectl) -> None:
    kubectl.apply(JOB)
    other = changed(JOB)
    other["spec"]["template"]["spec"]["containers"][0]["image"] = "else"
    assert "spec.template: Invalid value" in kubectl.fails("apply", "-f", "-", stdin=other)


# --- wait, logs, describe ----------------------------------------------------------------------------------------


def test_wait_for_condition_value_and_deletion(kubectl: Kubectl) -> None:
    kubectl.apply(JOB, SLEEPER)
    assert (
        kubectl("wait", "--for=condition=complete", "job/hello", "--timeout=20s") == "job.batch/hello condition met\n"
    )
    kubectl("wait", "--for=jsonpath={.status.succeeded}=1", "job/hello", "--timeout=20s")
    refused = kubectl.fails("wait", "--for=condition=failed", "job/hello", "--timeout=1s")
    assert "timed out waiting for the condition on jobs/hello" in refused
    kubectl("delete", "pod", "sleeper", "--wait=false")
    kubectl("wait", "--for=delete", "pod/sleeper", "--timeout=20s")
    header, row = kubectl("get", "jobs").splitlines()
    assert header.split() == ["NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE"]
    assert row.split()[:3] == ["hello", "Complete", "1/1"]


def test_logs(kubectl: Kubectl) -> None:
    kubectl.apply(JOB)
    kubectl("wait", "--for=condition=complete", "job/hello", "--timeout=20s")
    assert kubectl("logs", "job/hello") == "one\ntwo\nthree\n"
    assert kubectl("logs", "-f", "job/hello") == "one\ntwo\nthree\n"
    assert kubectl("logs", "job/hello", "--tail=1") == "three\n"
    assert kubectl("logs", "job/hello", "--limit-bytes=5") == "one\nt"
    assert kubectl("logs", "job/hello", "--since-time=2999-01-01T00:00:00Z") == ""
    assert kubectl("logs", "-l", "job-name=hello", "--prefix").count("/main] ") == 3
    first = kubectl("logs", "job/hello", "--timestamps").splitlines()[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z one", first)


def test_logs_of_one_of_several_containers_and_followed(kubectl: Kubectl) -> None:
    kubectl.apply(SLEEPER)
    kubectl("wait", "--for=condition=Ready", "pod/sleeper", "--timeout=20s")
    assert kubectl("logs", "sleeper", "-c", "side") == ""
    assert "container nope is not valid for pod sleeper" in kubectl.fails("logs", "sleeper", "-c", "nope")
    with kubectl.start("logs", "-f", "sleeper", "-c", "main") as log:
        assert log.line_with("up") == "up"
        kubectl("delete", "pod", "sleeper", "--timeout=20s")
        assert log.ended(10)


def test_describe_a_pod_and_a_job_with_their_events(kubectl: Kubectl) -> None:
    broken = changed(JOB)
    broken["spec"]["template"]["spec"]["containers"][0]["command"] = ["sh", "-c", "exit 3"]
    kubectl.apply(broken)
    kubectl("wait", "--for=condition=failed", "job/hello", "--timeout=20s")
    job = kubectl.until(lambda: kubectl("describe", "job", "hello"), "BackoffLimitExceeded")
    assert "1 Failed" in job
    pod = kubectl("describe", "pods", "-l", "job-name=hello")
    assert re.search(r"Status:\s+Failed", pod)
    assert re.search(r"Controlled By:\s+Job/hello", pod)
    assert re.search(r"Exit Code:\s+3", pod)
    header, *rows = kubectl("get", "events").splitlines()
    assert header.split() == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert [row for row in rows if "Warning" in row and "BackoffLimitExceeded" in row and "job/hello" in row]
    assert "BackoffLimitExceeded" in kubectl("events", "--for", "job/hello")


def test_an_experiment_from_apply_to_its_best_trial(kubectl: Kubectl) -> None:
    kubectl.apply(EXPERIMENT)
    kubectl("wait", "--for=condition=Succeeded", "experiment/tune", "--timeout=60s")
    header, row = kubectl("get", "experiments").splitlines()
    assert header.split() == ["NAME", "TYPE", "STATUS", "AGE"]
    assert row.split()[:3] == ["tune", "Succeeded", "True"]
    assert len(kubectl("get", "trials", "--no-headers").splitlines()) == 3
    best = kubectl("get", "experiment", "tune", "-o", "jsonpath={.status.currentOptimalTrial.bestTrialName}")
    assert best in kubectl("get", "trials", "-o", "name")
    told = kubectl("describe", "experiment", "tune")
    assert "Current Optimal Trial:" in told
    kubectl.until(lambda: kubectl("describe", "experiment", "tune"), "Normal  ExperimentMaxTrialsReached")
    kubectl("delete", "experiment", "tune", "--timeout=20s")
    deadline = time.monotonic() + 10
    while kubectl("get", "trials,suggestions,jobs,pods", "-o", "name") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert kubectl("get", "trials,suggestions,jobs,pods", "-o", "name") == ""


# --- delete ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cascade", "pods"),
    [pytest.param("background", 0, id="background"), pytest.param("foreground", 0, id="foreground"),
     pytest.param("orphan", 1, id="orphan")],
)  # fmt: skip
def test_delete_a_job_and_what_becomes_of_its_pod(kubectl: Kubectl, cascade: str, pods: int) -> None:
    kubectl.apply(JOB)
    kubectl("wait", "--for=condition=complete", "job/hello", "--timeout=20s")
    kubectl("delete", "job", "hello", f"--cascade={cascade}", "--timeout=20s")
    deadline = time.monotonic() + 10
    while len(kubectl("get", "pods", "-o", "name").splitlines()) != pods and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(kubectl("get", "pods", "-o", "name").splitlines()) == pods


def test_delete_by_label_file_and_all(kubectl: Kubectl) -> None:
    kubectl.apply(CONFIG, changed(CONFIG, metadata={"name": "two", "labels": {"x": "y"}}),
                  changed(CONFIG, metadata={"name": "three"}))  # fmt: skip
    assert kubectl("delete", "configmap", "-l", "x=y").startswith('configmap "two" deleted')
    assert kubectl("delete", "-f", "-", stdin=CONFIG).startswith('configmap "cfg" deleted')
    assert kubectl("delete", "configmap", "--all").startswith('configmap "three" deleted')
    assert kubectl("get", "configmaps", "-o", "name") == ""


def test_delete_a_namespace_with_all_that_is_in_it(kubectl: Kubectl) -> None:
    inner = f"{kubectl.namespace}-inner"
    kubectl("create", "namespace", inner)
    kubectl.apply(CONFIG, JOB, "-n", inner)
    kubectl("delete", "namespace", inner, "--timeout=30s")
    assert "not found" in kubectl.fails("get", "namespace", inner)
