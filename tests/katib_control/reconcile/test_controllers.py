"""The reconcilers over a real API server: from an Experiment to its end, through interruptions and meddling."""

from __future__ import annotations

from typing import Any

import pytest

from builders import experiment
from katib_control.api.errors import FieldError
from katib_control.kube.errors import NotFound
from katib_control.kube.resources import CONFIG_MAPS, EVENTS, EXPERIMENTS, JOBS, SUGGESTIONS, TRIALS


def states(cluster: Any) -> dict[str, str]:
    return {
        item["metadata"]["name"]: item.get("status", {}).get("conditions", [{"type": ""}])[-1]["type"]
        for item in cluster.trials()
    }


def running(cluster: Any, count: int) -> list[dict[str, Any]]:
    """Wait until so many Trials run, and return all Trials."""
    cluster.wait(lambda: list(states(cluster).values()).count("Running") == count)
    return list(cluster.trials())


def test_ten_trials_to_succeeded(cluster: Any) -> None:
    cluster.start()
    cluster.create(experiment("x").parallel(3).max_trials(10).to_dict())

    end = cluster.wait_end()

    assert (end["type"], end["reason"]) == ("Succeeded", "ExperimentMaxTrialsReached")
    status = cluster.experiment()["status"]
    assert (status["trials"], status["trialsSucceeded"]) == (10, 10)
    best = status["currentOptimalTrial"]
    assert best["parameterAssignments"] == [{"name": "lr", "value": "0.001"}]
    assert len(cluster.node.started) == len(set(cluster.node.started)) == 10
    assert cluster.counters.value("katib_trial_succeeded_total", "default") == 10
    assert cluster.counters.value("katib_experiment_succeeded_total", "default") == 1
    cluster.wait(lambda: not cluster.client.list(JOBS, "default")["items"])


def test_a_restart_in_the_middle_repeats_nothing(cluster: Any) -> None:
    cluster.start()
    cluster.create(experiment("x").parallel(3).max_trials(10).to_dict())
    cluster.wait(lambda: cluster.experiment().get("status", {}).get("trialsSucceeded", 0) >= 3)
    cluster.stop()
    cluster.start()

    assert cluster.wait_end()["type"] == "Succeeded"

    assert cluster.experiment()["status"]["trialsSucceeded"] == 10
    assert len(cluster.node.started) == len(set(cluster.node.started)) == 10


@pytest.mark.parametrize("writes", [1, 2, 3, 5, 8])
def test_a_stop_after_any_single_write_changes_nothing_in_the_end(cluster: Any, writes: int) -> None:
    cluster.create(experiment("x").parallel(2).max_trials(4).to_dict())
    lives = 0
    while not _all_done(cluster):
        lives += 1
        assert lives < 100, cluster.describe()
        cluster.start(stop_after_writes=writes)
        cluster.wait(lambda: cluster.dead or _all_done(cluster))
        cluster.stop()

    assert lives > 3
    status = cluster.experiment()["status"]
    assert (status["trials"], status["trialsSucceeded"]) == (4, 4)
    assert status["currentOptimalTrial"]["parameterAssignments"] == [{"name": "lr", "value": "0.001"}]
    assert len(cluster.node.started) == len(set(cluster.node.started)) == 4
    assert cluster.suggestion()["status"]["suggestionCount"] == 4
    points = sorted(item["spec"]["parameterAssignments"][0]["value"] for item in cluster.trials())
    assert points == ["0.001", "0.002", "0.003", "0.004"]


@pytest.mark.parametrize("kind", ["experiments", "suggestions", "trials", "jobs", "pods"])
def test_news_that_come_late_lead_to_no_wrong_decision(cluster: Any, kind: str) -> None:
    cluster.late = {kind: 0.03}
    cluster.start()
    cluster.create(experiment("x").parallel(2).max_trials(5).resume("LongRunning").to_dict())
    cluster.wait_end()
    cluster.patch("x", maxTrialCount=7)
    cluster.wait(lambda: _counted(cluster, "trialsSucceeded", 7))

    assert set(states(cluster).values()) == {"Succeeded"}
    assert len(cluster.node.started) == len(set(cluster.node.started)) == 7
    assert cluster.suggestion()["status"]["suggestionCount"] == 7
    made = [path for method, path in cluster.writes if method == "POST" and not path.endswith("suggestions")]
    assert len(made) == 14, "something was created twice"


def test_events_tell_of_every_transition_of_an_experiment(cluster: Any) -> None:
    """No sign of a transition but in the status: W-36."""
    cluster.start()
    cluster.create(experiment("x").parallel(1).max_trials(1).to_dict())
    cluster.wait_end()
    cluster.recorder.flush()

    events = cluster.client.list(EVENTS, "default")["items"]
    told = {(item["involvedObject"]["kind"], item["reason"]) for item in events}
    assert {("Experiment", "ExperimentCreated"), ("Experiment", "ExperimentMaxTrialsReached")} <= told
    assert {("Trial", "JobCreated"), ("Trial", "JobSucceeded")} <= told


def test_running_trials_are_stopped_when_the_experiment_ends(cluster: Any) -> None:
    """``Killed`` can be reached: W-22; trials that run on after the end."""
    cluster.node.hold = lambda name: name != cluster.node.started[0]
    cluster.start()
    cluster.create(experiment("x").parallel(3).max_trials(9).objective("loss", goal=0.5).to_dict())

    end = cluster.wait_end()

    assert end["reason"] == "ExperimentGoalReached"
    status = cluster.wait(lambda: _counted(cluster, "trialsKilled", 2))
    assert "trialsRunning" not in status
    cluster.wait(lambda: not cluster.client.list(JOBS, "default")["items"])
    assert sorted(states(cluster).values()) == ["Killed", "Killed", "Succeeded"]


def test_lower_parallelism_deletes_unfinished_trials_only_and_their_points_are_used_again(cluster: Any) -> None:
    """Finished trials deleted with their metrics: W-18."""
    cluster.node.hold = lambda name: cluster.node.started.index(name) >= 2
    cluster.start()
    cluster.create(experiment("x").parallel(4).max_trials(8).to_dict())
    cluster.wait(lambda: _counted(cluster, "trialsSucceeded", 2))
    before = {item["metadata"]["name"] for item in running(cluster, 4)}

    cluster.patch("x", parallelTrialCount=1)
    cluster.wait(lambda: len(cluster.trials()) == 3)

    assert sorted(states(cluster).values()) == ["Running", "Succeeded", "Succeeded"]
    cluster.node.release()
    cluster.wait_end()
    assert before <= set(states(cluster)), "a point that was taken back was lost"
    assert cluster.experiment()["status"]["trialsSucceeded"] == 8
    assert cluster.suggestion()["status"]["suggestionCount"] == 8


def test_a_trial_deleted_by_hand_is_not_run_again_and_the_counters_follow(cluster: Any) -> None:
    """Silently run again under the same name, old counters left: W-32."""
    cluster.node.hold = lambda name: True
    cluster.start()
    cluster.create(experiment("x").parallel(2).max_trials(4).to_dict())
    victim = running(cluster, 2)[0]["metadata"]["name"]

    cluster.client.delete(TRIALS, victim, "default")

    cluster.wait(lambda: victim not in states(cluster) and len(states(cluster)) == 2)
    cluster.node.release()
    cluster.wait_end()
    assert victim not in states(cluster)
    assert cluster.node.started.count(victim) == 1
    status = cluster.experiment()["status"]
    assert (status["trials"], status["trialsSucceeded"]) == (4, 4)
    assert cluster.suggestion()["status"]["suggestionCount"] == 5


def test_a_run_that_disappears_fails_its_trial_and_is_not_made_again(cluster: Any) -> None:
    """Silently created again: W-37."""
    cluster.node.hold = lambda name: len(cluster.node.started) < 2
    cluster.start()
    cluster.create(experiment("x").parallel(1).max_trials(2).to_dict())
    first = running(cluster, 1)[0]["metadata"]["name"]

    cluster.client.delete(JOBS, first, "default")

    cluster.wait_end()
    gone = cluster.client.get(TRIALS, first, "default")["status"]["conditions"][-1]
    assert (gone["type"], gone["reason"]) == ("Failed", "RunDisappeared")
    assert cluster.node.started.count(first) == 1


def test_a_search_space_that_is_used_up_ends_the_experiment(cluster: Any) -> None:
    """An endless error instead of an end: W-22, W-23."""
    cluster.algorithm.size = 5
    cluster.start()
    cluster.create(experiment("x").parallel(3).max_trials(20).to_dict())

    end = cluster.wait_end()

    assert (end["type"], end["reason"]) == ("Succeeded", "ExperimentSuggestionEndReached")
    assert cluster.experiment()["status"]["trialsSucceeded"] == 5


def test_an_experiment_without_a_usable_trial_is_never_succeeded(cluster: Any) -> None:
    cluster.collector.values = lambda trial: {"loss": "nan", "acc": "0.5"}
    cluster.collector.tail = ["epoch 1", "loss=nan"]
    cluster.start()
    cluster.create(experiment("x").parallel(2).max_trials(3).to_dict())

    end = cluster.wait_end()

    assert (end["type"], end["reason"]) == ("Failed", "ExperimentNoUsableTrial")
    assert "3 MetricsUnavailable" in end["message"]
    assert "metric names found: acc, loss" in end["message"]
    assert "loss=nan" in end["message"]


def test_failed_runs_end_the_experiment_with_their_words(cluster: Any) -> None:
    cluster.node.fail = lambda name: True
    cluster.collector.tail = ["Traceback", "ValueError: no data"]
    cluster.start()
    cluster.create(experiment("x").parallel(2).max_trials(9).max_failed(3).to_dict())

    end = cluster.wait_end()

    assert (end["type"], end["reason"]) == ("Failed", "ExperimentFailed")
    assert "ValueError: no data" in end["message"]
    cluster.recorder.flush()
    events = cluster.client.list(EVENTS, "default")["items"]
    assert {item["type"] for item in events if item["reason"] == "JobFailed"} == {"Warning"}


@pytest.mark.parametrize("policy", ["LongRunning", "FromVolume"])
def test_a_higher_max_trial_count_restarts_and_what_is_then_said_is_true(cluster: Any, policy: str) -> None:
    cluster.start()
    cluster.create(experiment("x").parallel(2).max_trials(3).resume(policy).to_dict())
    cluster.wait_end()

    cluster.patch("x", maxTrialCount=6)
    cluster.wait(lambda: _counted(cluster, "trialsSucceeded", 6))

    assert cluster.wait_end()["reason"] == "ExperimentMaxTrialsReached"
    conditions = {item["type"]: item for item in cluster.experiment()["status"]["conditions"]}
    assert conditions["Restarting"]["status"] == "False"
    assert conditions["Running"]["status"] == "False"
    assert len(cluster.node.started) == len(set(cluster.node.started)) == 6


def test_a_finished_experiment_without_max_trial_count_does_not_restart_for_ever(cluster: Any) -> None:
    """Restarted by an absent maxTrialCount, again and again: W-2."""
    cluster.start()
    cluster.create(experiment("x").parallel(2).objective("loss", goal=0.5).resume("LongRunning").to_dict())
    cluster.wait_end()
    cluster.wait(lambda: not cluster.experiment()["status"].get("trialsRunning"))
    _settle(cluster)  # the last numbers are written a moment later
    cluster.stop()
    version = cluster.experiment()["metadata"]["resourceVersion"]
    cluster.writes.clear()

    cluster.start()
    cluster.client.patch(EXPERIMENTS, "x", {"metadata": {"labels": {"touched": "yes"}}}, "default")
    cluster.wait(lambda: cluster.experiment()["metadata"]["resourceVersion"] != version)
    _settle(cluster)

    assert [path for _, path in cluster.writes if "experiments" in path] == []


def test_deleting_an_experiment_leaves_nothing_behind(cluster: Any) -> None:
    cluster.node.hold = lambda name: True
    cluster.start()
    cluster.create(experiment("x").parallel(2).max_trials(4).to_dict())
    running(cluster, 2)

    cluster.client.delete(EXPERIMENTS, "x", "default")
    cluster.wait(lambda: _gone(cluster, EXPERIMENTS, "x"))

    cluster.wait(lambda: not cluster.trials() and _gone(cluster, SUGGESTIONS, "x"))
    cluster.wait(lambda: not cluster.client.list(JOBS, "default")["items"])
    assert cluster.counters.value("katib_experiment_deleted_total", "default") == 1
    assert cluster.counters.value("katib_trial_deleted_total", "default") == 2


def test_same_names_in_two_namespaces_do_not_mix(cluster: Any) -> None:
    """Histories mixed by label over all namespaces: W-16."""
    cluster.start()
    cluster.create(experiment("x").parallel(2).max_trials(4).to_dict())
    cluster.client.create(
        EXPERIMENTS, _in_namespace(experiment("x").parallel(2).max_trials(3).to_dict(), "kube-public")
    )
    cluster.wait_end()
    cluster.wait(lambda: _condition(cluster.client.get(EXPERIMENTS, "x", "kube-public")) == "Succeeded")

    assert cluster.experiment()["status"]["trials"] == 4
    assert cluster.client.get(EXPERIMENTS, "x", "kube-public")["status"]["trials"] == 3
    assert not set(states(cluster)) & {
        item["metadata"]["name"] for item in cluster.client.list(TRIALS, "kube-public")["items"]
    }


def test_editing_labels_hides_no_trial_from_the_algorithm(cluster: Any) -> None:
    """Trials found by the Experiment's current labels: W-17."""
    cluster.node.hold = lambda name: len(cluster.node.started) > 2
    cluster.start()
    cluster.create(experiment("x").labels({"team": "a"}).parallel(1).max_trials(4).to_dict())
    cluster.wait(lambda: _counted(cluster, "trialsSucceeded", 2))
    cluster.client.patch(EXPERIMENTS, "x", {"metadata": {"labels": {"team": "b"}}}, "default")
    cluster.node.release()

    cluster.wait_end()

    assert cluster.algorithm.trials_seen == [0, 1, 2, 3]


def test_an_invalid_experiment_fails_with_every_error(cluster: Any) -> None:
    cluster.algorithm.refuses = [FieldError("spec.algorithm.algorithmSettings[0]", "is not known", "x")]
    cluster.start()
    cluster.create(experiment("x").max_trials(3).to_dict())
    cluster.create(experiment("y").max_trials(2).max_failed(3).double("lr", 5, 1).to_dict())

    assert "algorithmSettings[0]" in cluster.wait_end()["message"]
    end = cluster.wait_end("y")
    assert (end["type"], end["reason"]) == ("Failed", "ExperimentInvalid")
    assert "maxFailedTrialCount" in end["message"]
    assert "feasibleSpace" in end["message"]
    assert cluster.trials() == []


def test_an_algorithm_error_is_told_on_the_experiment(cluster: Any) -> None:
    cluster.algorithm.error = "the study is broken"
    cluster.start()
    cluster.create(experiment("x").max_trials(3).to_dict())

    told = cluster.wait(lambda: _running_with(cluster, "AlgorithmError"))

    assert "the study is broken" in told["message"]
    assert told["status"] == "True"
    cluster.algorithm.error = ""
    assert cluster.wait_end()["type"] == "Succeeded"


def test_a_missing_config_map_is_told_and_then_found(cluster: Any) -> None:
    template = """
apiVersion: batch/v1
kind: Job
spec: {template: {spec: {restartPolicy: Never, containers: [
  {name: training-container, image: i, command: [echo, "loss=${trialParameters.lr}"]}]}}}
"""
    cluster.start()
    cluster.create(experiment("x").parallel(1).max_trials(1).config_map("templates", "job.yaml").to_dict())
    assert "templates" in cluster.wait(lambda: _running_with(cluster, "TemplateError"))["message"]

    body = {"metadata": {"name": "templates", "namespace": "default"}, "data": {"job.yaml": template}}
    cluster.client.create(CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", **body})
    cluster.client.patch(EXPERIMENTS, "x", {"metadata": {"labels": {"touched": "yes"}}}, "default")

    assert cluster.wait_end()["type"] == "Succeeded"


def test_no_deployment_per_experiment(cluster: Any) -> None:
    """Ten seconds and an image before the first trial: W-9."""
    cluster.start()
    cluster.create(experiment("x").parallel(2).max_trials(4).to_dict())
    cluster.wait_end()

    made = {path.split("/")[-1] for method, path in cluster.writes if method == "POST"}
    assert made == {"suggestions", "trials", "jobs"}


def test_nothing_is_written_once_nothing_changes(cluster: Any) -> None:
    """Lists in random order make every reconcile write: W-5."""
    cluster.node.hold = lambda name: True
    cluster.start()
    cluster.create(experiment("x").parallel(3).max_trials(9).to_dict())
    running(cluster, 3)
    _settle(cluster)
    cluster.writes.clear()
    for resource in (EXPERIMENTS, SUGGESTIONS):
        cluster.client.patch(resource, "x", {"metadata": {"labels": {"touched": "yes"}}}, "default")
    _settle(cluster)

    assert cluster.writes == []


def _all_done(cluster: Any) -> bool:
    """The Experiment has succeeded, and every Trial's run is taken away."""
    if _condition(cluster.experiment()) != "Succeeded":
        return False
    return not cluster.client.list(JOBS, "default")["items"]


def _settle(cluster: Any) -> None:
    """Wait until the reconcilers have been idle for a while."""
    seen = -1
    while seen != len(cluster.writes):
        seen = len(cluster.writes)
        cluster.idle()


def _counted(cluster: Any, counter: str, number: int) -> dict[str, Any] | None:
    status: dict[str, Any] = cluster.experiment().get("status", {})
    return status if status.get(counter, 0) == number else None


def _running_with(cluster: Any, reason: str) -> dict[str, Any] | None:
    conditions = cluster.experiment().get("status", {}).get("conditions", [])
    return next((item for item in conditions if item["type"] == "Running" and item["reason"] == reason), None)


def _condition(obj: dict[str, Any]) -> str:
    return str(obj.get("status", {}).get("conditions", [{"type": ""}])[-1]["type"])


def _gone(cluster: Any, resource: Any, name: str) -> bool:
    try:
        cluster.client.get(resource, name, "default")
    except NotFound:
        return True
    return False


def _in_namespace(body: dict[str, Any], namespace: str) -> dict[str, Any]:
    meta = {"name": body["metadata"]["name"], "namespace": namespace}
    return {**body, "metadata": meta}
