"""The whole control plane in one process: what survives, what is left, who may have the directory."""

from __future__ import annotations

import json

import psutil
import pytest

from builders import experiment
from katib_control.api.errors import KatibError
from katib_control.embedded import ControlPlane, reading
from katib_control.kube.errors import Invalid
from katib_control.kube.resources import CONFIG_MAPS, CRDS, EXPERIMENTS, JOBS, PODS, SUGGESTIONS, TRIALS

pytestmark = pytest.mark.xdist_group("embedded")


def quadratic(name="quadratic", trials=3):
    command = ("sh", "-c", "echo loss=${trialParameters.x}")
    return (
        experiment(name).parallel(2).max_trials(trials).objective("loss", "minimize").double("x", -1, 1)
        .algorithm("random", random_state="3").command(*command)
    )  # fmt: skip


def finished(plane, name, seconds=30):
    fields = f"metadata.name={name}"
    for _, seen in plane.client.watch(EXPERIMENTS, "default", fields=fields, timeout_seconds=seconds):
        if seen.get("status", {}).get("completionTime"):
            return seen
    raise AssertionError(f"{name} did not end: {seen.get('status')}")


def test_an_experiment_runs_to_its_end_and_is_there_after_a_restart(tmp_path):
    with ControlPlane(tmp_path) as plane:
        plane.client.create(EXPERIMENTS, quadratic().to_dict())
        ended = finished(plane, "quadratic")
    best = ended["status"]["currentOptimalTrial"]
    with reading(tmp_path) as client:
        again = client.get(EXPERIMENTS, "quadratic", "default")
        trials = client.list(TRIALS, "default")["items"]
    assert again["status"]["currentOptimalTrial"] == best
    values = [float(item["spec"]["parameterAssignments"][0]["value"]) for item in trials]
    assert float(best["observation"]["metrics"][0]["min"]) == min(values)


def test_deleting_an_experiment_deletes_all_that_came_from_it(tmp_path):
    with ControlPlane(tmp_path) as plane:
        plane.client.create(EXPERIMENTS, quadratic().retain().to_dict())
        finished(plane, "quadratic")
        watch = plane.client.watch(PODS, "default", timeout_seconds=20)
        plane.client.delete(EXPERIMENTS, "quadratic", "default", propagation="Foreground")
        gone = 0
        for kind, _ in watch:
            gone += kind == "DELETED"
            if gone == 3:
                break
        fields = "metadata.name=quadratic"
        for kind, _ in plane.client.watch(EXPERIMENTS, "default", fields=fields, timeout_seconds=20):
            if kind == "DELETED":
                break
        for resource in (EXPERIMENTS, SUGGESTIONS, TRIALS, JOBS, PODS):
            assert plane.client.list(resource, "default")["items"] == []


def test_raising_max_trial_count_goes_on_where_the_policy_allows_it(tmp_path):
    with ControlPlane(tmp_path) as plane:
        plane.client.create(EXPERIMENTS, quadratic().resume("LongRunning").to_dict())
        finished(plane, "quadratic")
        plane.client.patch(EXPERIMENTS, "quadratic", {"spec": {"maxTrialCount": 5}}, "default")
        for _, seen in plane.client.watch(EXPERIMENTS, "default", timeout_seconds=30):
            status = seen["status"]
            if status.get("completionTime") and status.get("trialsSucceeded") == 5:
                break
        else:
            pytest.fail(f"did not go on: {seen['status']}")
        with pytest.raises(Invalid):
            plane.client.patch(EXPERIMENTS, "quadratic", {"spec": {"objective": {"type": "maximize"}}}, "default")


def test_experiments_are_checked_before_they_are_stored(tmp_path):
    with reading(tmp_path) as client, ControlPlane() as plane:
        with pytest.raises(Invalid, match="did you mean random"):
            plane.client.create(EXPERIMENTS, quadratic().algorithm("randm").to_dict())
        assert plane.client.list(EXPERIMENTS)["items"] == []
        assert client.list(CONFIG_MAPS, "default")["items"] == []


def test_schema_and_rules_complain_together():
    body = quadratic().algorithm("randm").to_dict()
    body["spec"]["objective"]["type"] = "minimise"
    body["spec"]["maxTrialCount"] = "six"
    body["spec"]["parameters"][0]["feasibleSpace"]["min"] = "7"
    with ControlPlane() as plane, pytest.raises(Invalid) as caught:
        plane.client.create(EXPERIMENTS, body)
    causes = {cause["field"]: cause["message"] for cause in caught.value.status["details"]["causes"]}
    assert set(causes) == {
        "spec.maxTrialCount", "spec.objective.type", "spec.parameters[0].feasibleSpace.min",
        "spec.algorithm.algorithmName",
    }  # fmt: skip
    assert "'six'" in causes["spec.maxTrialCount"]


def test_a_template_comes_from_a_config_map(tmp_path):
    job = quadratic().to_dict()["spec"]["trialTemplate"]["trialSpec"]
    with ControlPlane(tmp_path) as plane:
        plane.client.create(
            CONFIG_MAPS, {"metadata": {"name": "t", "namespace": "default"}, "data": {"job": json.dumps(job)}}
        )
        plane.client.create(EXPERIMENTS, quadratic().config_map("t", "job").to_dict())
        assert finished(plane, "quadratic")["status"]["trialsSucceeded"] == 3


def test_a_directory_has_one_owner_and_nothing_is_left_running(tmp_path):
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    with ControlPlane(tmp_path) as plane:
        with pytest.raises(KatibError, match="in use"):
            ControlPlane(tmp_path)
        crds = [item["metadata"]["name"] for item in plane.client.list(CRDS)["items"]]
        assert {"experiments.kubeflow.org", "suggestions.kubeflow.org", "trials.kubeflow.org"} <= set(crds)
    after = {process.pid for process in psutil.Process().children(recursive=True)}
    assert after <= before


def test_a_directory_in_which_something_cannot_be_opened_is_not_kept_locked(tmp_path):
    (tmp_path / "node").write_text("no directory")
    with pytest.raises(FileExistsError):
        ControlPlane(tmp_path)
    (tmp_path / "node").unlink()
    with reading(tmp_path) as client:
        assert client.list(CONFIG_MAPS, "default")["items"] == []


def test_without_a_directory_nothing_stays(tmp_path):
    with ControlPlane() as plane:
        state = plane.state
        assert state.is_dir()
    assert not state.exists()


def test_state_is_read_while_another_has_it(tmp_path):
    with ControlPlane(tmp_path) as plane:
        plane.client.create(EXPERIMENTS, quadratic().to_dict())
        with reading(tmp_path) as client:
            assert client.get(EXPERIMENTS, "quadratic", "default")["spec"]["maxTrialCount"] == 3
        finished(plane, "quadratic")
        kubeconfig = plane.serve()
        assert kubeconfig.exists()
    assert not kubeconfig.exists(), "a kubeconfig that nobody answers to is taken away"


def test_an_interruption_burns_no_failure_slot(tmp_path):
    journal = tmp_path / "journal"
    body = quadratic(trials=1).parallel(1).max_failed(1).command(
        "sh", "-c", f"echo start >> {journal}; sleep 1; echo loss=${{trialParameters.x}}"
    )  # fmt: skip
    with ControlPlane(tmp_path / "state") as plane:
        plane.client.create(EXPERIMENTS, body.to_dict())
        for _, pod in plane.client.watch(PODS, "default", timeout_seconds=20):
            if pod["status"]["phase"] == "Running":
                break
    with ControlPlane(tmp_path / "state") as plane:
        status = finished(plane, "quadratic")["status"]
    assert (status["trialsSucceeded"], status.get("trialsFailed", 0)) == (1, 0)


def test_the_deadline_of_a_trial_is_its_jobs(tmp_path):
    body = quadratic(trials=1).parallel(1).command("sh", "-c", "sleep 30; echo ${trialParameters.x}").to_dict()
    body["spec"]["trialTemplate"]["trialSpec"]["spec"]["activeDeadlineSeconds"] = 1
    with ControlPlane(tmp_path) as plane:
        plane.client.create(EXPERIMENTS, body)
        finished(plane, "quadratic")
        conditions = plane.client.list(TRIALS, "default")["items"][0]["status"]["conditions"]
    assert (conditions[-1]["type"], "DeadlineExceeded" in conditions[-1]["message"]) == ("Failed", True), conditions
