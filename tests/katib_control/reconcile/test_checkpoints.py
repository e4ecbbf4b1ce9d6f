"""How a checkpoint gets from a parent to its child: what is added to the run object, and what the copying does."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from builders import ExperimentBuilder, experiment
from katib_control.api.defaults import default
from katib_control.api.errors import TemplateError
from katib_control.api.names import GENERATION_LABEL, PARENT_LABEL
from katib_control.api.suggestion import TrialAssignment
from katib_control.api.validation import validate
from katib_control.kube.resources import PERSISTENT_VOLUME_CLAIMS, SUGGESTIONS
from katib_control.reconcile.checkpoints import claim_object
from katib_control.reconcile.children import owner_reference, trial_object
from katib_control.reconcile.experiment import plan
from katib_control.reconcile.seen import ExperimentSeen

NOW = datetime(2024, 1, 1, tzinfo=timezone.utc)
DIRECTORY, URI = "/opt/checkpoints", "s3://bucket/runs/"


def built(place: str = DIRECTORY) -> ExperimentBuilder:
    settings = {"n_population": 5, "truncation_threshold": 0.4, "suggestion_trial_dir": place}
    return experiment("pop").double("lr", 0.01, 0.1).algorithm("pbt", **settings)


def container(**fields: Any) -> dict[str, Any]:
    return {"name": "training-container", "image": "my/image", "command": ["train", "${trialParameters.lr}"], **fields}


def job(*containers: dict[str, Any], **pod: Any) -> dict[str, Any]:
    spec = {"restartPolicy": "Never", "containers": list(containers), **pod}
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": spec}}}


def run(owner: ExperimentBuilder, parent: str = "", text: str | None = None) -> dict[str, Any]:
    """The run object of the trial pop-child."""
    labels = {GENERATION_LABEL: "1", PARENT_LABEL: parent} if parent else {GENERATION_LABEL: "0"}
    point = [{"name": "lr", "value": "0.05"}]
    item = TrialAssignment.decode({"name": "pop-child", "parameterAssignments": point, "labels": labels})
    found: dict[str, Any] = trial_object(default(owner.build()), text, 7, item)["spec"]["runSpec"]
    return found


def pod(made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = made["spec"]["template"]["spec"]
    return found


def env(made: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["value"] for item in pod(made)["containers"][0]["env"]}


def claim(owner: ExperimentBuilder, text: str | None = None) -> dict[str, Any] | None:
    return claim_object(default(owner.build()), text, owner_reference("Experiment", "pop", "uid"))


def test_a_trial_of_generation_0_gets_a_directory_of_its_own_and_nothing_to_copy() -> None:
    made = pod(run(built().template(job(container()))))
    assert made["volumes"] == [{"name": "suggestion-volume", "persistentVolumeClaim": {"claimName": "pop-pbt"}}]
    assert made["containers"][0]["volumeMounts"] == [
        {"name": "suggestion-volume", "mountPath": DIRECTORY, "subPath": "pop/pop-child"}
    ]
    assert made["containers"][0]["env"] == [{"name": "KATIB_CHECKPOINT_DIR", "value": DIRECTORY}]
    assert "initContainers" not in made


def test_a_child_copies_its_parents_directory_before_the_training_starts() -> None:
    limits = {"limits": {"cpu": "2"}}
    primary = container(resources=limits, securityContext={"runAsUser": 7}, imagePullPolicy="Never")
    made = pod(run(built().template(job(primary)), parent="pop-parent"))
    (init,) = made["initContainers"]
    assert init["image"] == "my/image"
    assert (init["resources"], init["securityContext"], init["imagePullPolicy"]) == (limits, {"runAsUser": 7}, "Never")
    assert init["command"][-3:] == ["/katib-checkpoints", "pop-parent", "pop-child"]
    assert init["volumeMounts"] == [{"name": "suggestion-volume", "mountPath": "/katib-checkpoints", "subPath": "pop"}]
    assert {item["name"]: item["value"] for item in made["containers"][0]["env"]} == {
        "KATIB_CHECKPOINT_DIR": DIRECTORY, "KATIB_PARENT_TRIAL": "pop-parent",
    }  # fmt: skip


def test_kubernetes_leaves_the_script_as_it_is() -> None:
    """It replaces $(NAME) of a variable that the container has, and makes $ of $$."""
    (init,) = pod(run(built().template(job(container())), parent="pop-parent"))["initContainers"]
    assert "$$" not in init["command"][2]
    assert "$(" not in init["command"][2]


def test_a_uri_is_only_told() -> None:
    made = run(built(URI).template(job(container())), parent="pop-parent")
    assert env(made) == {
        "KATIB_CHECKPOINT_URI": "s3://bucket/runs/pop/pop-child",
        "KATIB_PARENT_CHECKPOINT_URI": "s3://bucket/runs/pop/pop-parent",
        "KATIB_PARENT_TRIAL": "pop-parent",
    }
    assert not {"volumes", "initContainers"} & pod(made).keys()
    assert claim(built(URI)) is None


def test_a_template_that_mounts_something_there_keeps_it() -> None:
    mount = {"name": "mine", "mountPath": DIRECTORY + "/"}
    owner = built().template(job(container(volumeMounts=[mount]), volumes=[{"name": "mine", "emptyDir": {}}]))
    made = pod(run(owner, parent="pop-parent"))
    assert made["volumes"] == [{"name": "mine", "emptyDir": {}}]
    assert made["containers"][0]["volumeMounts"] == [mount]
    assert "initContainers" not in made
    assert claim(owner) is None


def test_what_the_template_says_is_kept_and_names_do_not_clash() -> None:
    primary = container(
        env=[{"name": "KATIB_PARENT_TRIAL", "value": "mine"}, {"name": "OUT", "value": "$(KATIB_CHECKPOINT_DIR)/out"}],
        volumeMounts=[{"name": "suggestion-volume", "mountPath": "/data"}],
    )
    first = {"name": "copy-checkpoint", "image": "x"}
    template = job(primary, volumes=[{"name": "suggestion-volume", "emptyDir": {}}], initContainers=[first])
    made = pod(run(built().template(template), parent="pop-parent"))
    # Before OUT, so that Kubernetes can put it in.
    assert [item["name"] for item in made["containers"][0]["env"]] == [
        "KATIB_CHECKPOINT_DIR", "KATIB_PARENT_TRIAL", "OUT",
    ]  # fmt: skip
    assert made["containers"][0]["env"][1]["value"] == "mine"
    assert [item["name"] for item in made["volumes"]] == ["suggestion-volume", "katib-suggestion-volume"]
    assert [item["name"] for item in made["initContainers"]] == ["katib-copy-checkpoint", "copy-checkpoint"]


def test_every_replica_with_the_primary_container_gets_it_and_no_other_container() -> None:
    replica = {"replicas": 1, "template": {"spec": {"containers": [container(), {"name": "proxy", "image": "p"}]}}}
    other = {"replicas": 1, "template": {"spec": {"containers": [{"name": "ps", "image": "p"}]}}}
    kind = {
        "apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob",
        "spec": {"pytorchReplicaSpecs": {"Master": replica, "Worker": replica, "Other": other}},
    }  # fmt: skip
    made = run(built().template(kind), parent="pop-parent")["spec"]["pytorchReplicaSpecs"]
    for name in ("Master", "Worker"):
        spec = made[name]["template"]["spec"]
        assert "volumeMounts" in spec["containers"][0]
        assert spec["containers"][1] == {"name": "proxy", "image": "p"}
        assert spec["initContainers"]
    assert made["Other"] == other


def test_a_train_job_is_told_the_uri() -> None:
    kind = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob",
        "spec": {"trainer": {"args": ["${trialParameters.lr}"]}},
    }  # fmt: skip
    made = run(built(URI).template(kind))
    assert made["spec"]["trainer"]["env"] == [
        {"name": "KATIB_CHECKPOINT_URI", "value": "s3://bucket/runs/pop/pop-child"}
    ]
    with pytest.raises(TemplateError, match="give a URI as suggestion_trial_dir"):
        run(built().template(kind))


def test_a_kind_without_pod_templates_must_ask_for_the_parent_itself() -> None:
    kind = {"apiVersion": "example.com/v1", "kind": "Thing", "spec": {"lr": "${trialParameters.lr}"}}
    with pytest.raises(TemplateError, match="no Pod template of this Thing"):
        run(built().template(kind))
    kind["spec"] = {"lr": "${trialParameters.lr}", "from": "${trialParameters.parent}"}
    parameters = [
        {"name": "lr", "reference": "lr"},
        {"name": "parent", "reference": f"${{trialSpec.Labels[{PARENT_LABEL}]}}"},
    ]
    owner = built().template(kind).trial_template(trialParameters=parameters)
    assert run(owner, parent="pop-parent")["spec"] == {"lr": 0.05, "from": "pop-parent"}
    assert run(owner)["spec"]["from"] == ""
    assert claim(owner) is None


@pytest.mark.parametrize(("parent", "expected"), [("", "/"), ("pop-parent", "1/pop-parent")])
def test_a_template_can_name_generation_and_parent(parent: str, expected: str) -> None:
    words = ["train", "${trialParameters.lr}", "${trialParameters.generation}/${trialParameters.parent}"]
    parameters = [
        {"name": "lr", "reference": "lr"},
        {"name": "generation", "reference": f"${{trialSpec.Labels[{GENERATION_LABEL}]}}"},
        {"name": "parent", "reference": f"${{trialSpec.Labels[{PARENT_LABEL}]}}"},
    ]
    owner = built().template(job(container(command=words))).trial_template(trialParameters=parameters)
    assert not list(validate(default(owner.build())))
    generation = "" if parent else "0"
    assert pod(run(owner, parent))["containers"][0]["command"][2] == generation + expected


def test_other_algorithms_get_nothing() -> None:
    made = pod(run(built().algorithm("random").template(job(container()))))
    assert made["containers"] == [{"name": "training-container", "image": "my/image", "command": ["train", "0.05"]}]
    assert claim(built().algorithm("random")) is None


def test_the_claim_is_made_before_the_suggestion_and_goes_with_the_experiment() -> None:
    created = plan(ExperimentSeen(experiment=default(built().build())), NOW).create
    assert [resource for resource, _ in created] == [PERSISTENT_VOLUME_CLAIMS, SUGGESTIONS]
    body = created[0][1]
    assert body["metadata"]["name"] == "pop-pbt"
    assert body["metadata"]["ownerReferences"][0]["kind"] == "Experiment"
    assert body["spec"] == {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "5Gi"}}}


def test_a_template_in_a_config_map_gets_its_claim_even_before_the_map_is_there() -> None:
    owner = built().config_map("templates", "job")
    assert claim(owner) is not None
    assert claim(owner, json.dumps(job(container()))) is not None


class Copying:
    """Runs the init container's command on directories of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (init,) = pod(run(built().template(job(container())), parent="pop-parent"))["initContainers"]
        self.command = [str(root) if word == "/katib-checkpoints" else word for word in init["command"]]

    def __call__(self, pod_name: str = "pod-1") -> str:
        shell = shutil.which("sh")
        assert shell
        path = "/usr/local/bin:/usr/bin:/bin"
        done = subprocess.run(
            [shell, *self.command[1:]], env={"POD": pod_name, "PATH": path}, capture_output=True, text=True, check=True
        )
        return done.stdout

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def tree(self, trial: str = "pop-child") -> dict[str, str]:
        top = self.root / trial
        return {str(path.relative_to(top)): path.read_text() for path in sorted(top.rglob("*")) if path.is_file()}


def test_the_copy_has_everything_of_the_parent(tmp_path: Path) -> None:
    copying = Copying(tmp_path)
    copying.write("pop-parent/model", "42")
    copying.write("pop-parent/.hidden/a b", "7")
    copying()
    assert copying.tree() == copying.tree("pop-parent") == {"model": "42", ".hidden/a b": "7"}
    assert sorted(item.name for item in tmp_path.iterdir()) == ["pop-child", "pop-parent"]


def test_a_pod_that_is_started_again_keeps_its_progress(tmp_path: Path) -> None:
    copying = Copying(tmp_path)
    copying.write("pop-parent/model", "42")
    copying()
    copying.write("pop-child/model", "43")
    assert "already" in copying("pod-2")
    assert copying.tree() == {"model": "43"}


def test_a_copy_that_was_interrupted_is_made_anew(tmp_path: Path) -> None:
    copying = Copying(tmp_path)
    copying.write("pop-parent/model", "42")
    copying.write(".pop-child.pod-1/half", "4")
    copying()
    assert copying.tree() == {"model": "42"}


def test_a_parent_without_a_checkpoint_leaves_an_empty_directory(tmp_path: Path) -> None:
    copying = Copying(tmp_path)
    assert "no checkpoint" in copying()
    assert copying.tree() == {}
    assert (tmp_path / "pop-child").is_dir()
