"""Early stopping over a real API server: a Trial is judged when it reports, and stopped while it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from builders import ExperimentBuilder, experiment
from katib_control.api.errors import FieldError
from katib_control.api.experiment import Experiment
from katib_control.api.observation import MetricLog, TrialKey
from katib_control.api.trial import Trial
from katib_control.kube.resources import EXPERIMENTS, JOBS, PODS, TRIALS

STAMP = "2026-01-31T12:00:00Z"


class Rule:
    """Stops whom the test names; notes who was judged."""

    def __init__(self) -> None:
        self.hopeless: set[str] = set()
        self.judged: list[str] = []
        self.peers: list[int] = []
        self.forgotten: list[str] = []
        self.refuses: Sequence[FieldError] = ()

    def validate(self, experiment: Experiment) -> Sequence[FieldError]:
        return self.refuses

    def judge(self, experiment: Experiment | None, trial: Trial, peers: Callable[[], Sequence[Trial]]) -> str:
        self.judged.append(trial.metadata.name)
        self.peers.append(len(peers()))
        return "it is hopeless: loss 9 at step 3" if trial.metadata.name in self.hopeless else ""

    def forget(self, uid: str) -> None:
        self.forgotten.append(uid)


@pytest.fixture
def rule(cluster: Any) -> Rule:
    cluster.early_stop = Rule()
    cluster.node.hold = lambda name: True
    made: Rule = cluster.early_stop
    return made


def curves(parallel: int = 2, trials: int = 4) -> ExperimentBuilder:
    return experiment("x").parallel(parallel).max_trials(trials).early_stopping("medianstop")


def running(cluster: Any, count: int) -> list[str]:
    def names() -> list[str]:
        return [item["metadata"]["name"] for item in cluster.trials() if state(item)[0] == "Running"]

    cluster.wait(lambda: len(names()) == count)
    return list(names())


def state(trial: dict[str, Any]) -> tuple[str, str, str]:
    last = trial.get("status", {}).get("conditions", [{"type": ""}])[-1]
    return last["type"], last.get("reason", ""), last.get("message", "")


def trial_of(cluster: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = cluster.client.get(TRIALS, name, "default")
    return found


def report(cluster: Any, name: str, *values: str) -> None:
    meta = trial_of(cluster, name)["metadata"]
    key = TrialKey("default", name, meta["uid"])
    cluster.log.report(key, [MetricLog(STAMP, "loss", value) for value in values])


def jobs(cluster: Any) -> set[str]:
    return {item["metadata"]["name"] for item in cluster.client.list(JOBS, "default")["items"]}


def test_a_report_stops_a_hopeless_trial_at_once(cluster: Any, rule: Rule) -> None:
    cluster.start()
    cluster.create(curves().to_dict())
    bad, good = running(cluster, 2)
    rule.hopeless.add(bad)
    report(cluster, bad, "7", "9", "8")

    # Long before the next look at running trials is due.
    cluster.wait(lambda: bad not in jobs(cluster), timeout=4)

    found = trial_of(cluster, bad)
    assert state(found) == ("EarlyStopped", "TrialEarlyStopped", "it is hopeless: loss 9 at step 3")
    assert found["status"]["observation"]["metrics"] == [{"name": "loss", "min": "7", "max": "9", "latest": "8"}]
    assert {"type": "Running", "status": "False"}.items() <= found["status"]["conditions"][-2].items()
    assert found["status"]["completionTime"]
    assert good in jobs(cluster)
    cluster.wait(lambda: cluster.experiment()["status"].get("trialsEarlyStopped") == 1)
    assert cluster.experiment()["status"]["earlyStoppedTrialList"] == [bad]
    running(cluster, 2)  # another one takes its place


def test_a_stopped_trial_counts_as_done_and_may_be_the_best(cluster: Any, rule: Rule) -> None:
    cluster.start()
    cluster.create(curves(parallel=1, trials=1).to_dict())
    (name,) = running(cluster, 1)
    rule.hopeless.add(name)
    report(cluster, name, "0.5", "0.25")

    assert cluster.wait_end()["type"] == "Succeeded"
    status = cluster.experiment()["status"]
    assert (status["trials"], status["trialsEarlyStopped"]) == (1, 1)
    assert status["currentOptimalTrial"]["bestTrialName"] == name


def test_a_run_that_has_ended_keeps_its_own_end(cluster: Any, rule: Rule) -> None:
    cluster.start()
    cluster.create(curves(parallel=1, trials=1).to_dict())
    (name,) = running(cluster, 1)
    # The news of the end comes after the judgement.
    cluster.late["jobs"] = 0.5
    cluster.stop()
    cluster.start()
    rule.hopeless.add(name)
    complete = {"conditions": [{"type": "Complete", "status": "True"}]}
    cluster.client.patch(JOBS, name, {"status": complete}, "default", subresource="status")
    report(cluster, name, "0.5")

    assert cluster.wait_end()["type"] == "Succeeded"
    assert state(trial_of(cluster, name))[0] == "Succeeded"
    assert name in rule.judged


def test_after_a_restart_what_was_reported_is_judged_again(cluster: Any, rule: Rule) -> None:
    cluster.start()
    cluster.create(curves(parallel=1, trials=1).to_dict())
    (name,) = running(cluster, 1)
    cluster.stop()
    rule.hopeless.add(name)
    report(cluster, name, "0.5")
    cluster.start()

    cluster.wait(lambda: state(trial_of(cluster, name))[0] == "EarlyStopped")


@pytest.mark.parametrize("writes", [1, 2, 3])
def test_a_stop_after_any_single_write_changes_nothing_in_the_end(cluster: Any, rule: Rule, writes: int) -> None:
    cluster.start()
    cluster.create(curves(parallel=2, trials=2).to_dict())
    names = running(cluster, 2)
    cluster.stop()
    rule.hopeless.update(names)
    for name in names:
        report(cluster, name, "0.5")

    def done() -> bool:
        ends = [
            item["type"] for item in cluster.experiment()["status"].get("conditions", []) if item["status"] == "True"
        ]
        return "Succeeded" in ends and not jobs(cluster)

    lives = 0
    while not done():
        lives += 1
        assert lives < 60, cluster.describe()
        cluster.start(stop_after_writes=writes)
        cluster.wait(lambda: cluster.dead or done())
        cluster.stop()
    assert lives > 1
    assert [state(item)[0] for item in cluster.trials()] == ["EarlyStopped"] * 2
    assert cluster.experiment()["status"]["trialsEarlyStopped"] == 2
    assert len(cluster.node.started) == 2


def test_a_trial_one_of_whose_pods_does_not_fit_is_stopped_too(cluster: Any, rule: Rule) -> None:
    cluster.start()
    cluster.create(curves(parallel=1, trials=1).to_dict())
    (name,) = running(cluster, 1)
    pod = cluster.client.get(PODS, name, "default")
    meta = {key: pod["metadata"][key] for key in ("namespace", "labels", "ownerReferences")} | {"name": "worker"}
    cluster.client.create(PODS, {"metadata": meta, "spec": pod["spec"], "status": {"phase": "Pending"}})
    rule.hopeless.add(name)
    report(cluster, name, "0.5")
    cluster.wait(lambda: state(trial_of(cluster, name))[0] == "EarlyStopped")


def test_a_run_that_is_to_be_kept_is_stopped_all_the_same(cluster: Any, rule: Rule) -> None:
    cluster.start()
    cluster.create(curves(parallel=1, trials=1).retain().to_dict())
    (name,) = running(cluster, 1)
    rule.hopeless.add(name)
    report(cluster, name, "0.5")
    cluster.wait(lambda: name not in jobs(cluster))


def test_experiments_without_early_stopping_are_never_judged(cluster: Any, rule: Rule) -> None:
    cluster.node.hold = lambda name: False
    cluster.start()
    cluster.create(experiment("x").parallel(2).max_trials(4).to_dict())
    assert cluster.wait_end()["type"] == "Succeeded"
    assert rule.judged == []


def test_trials_that_carry_rules_are_judged_too(cluster: Any, rule: Rule) -> None:
    cluster.start()
    cluster.create(experiment("x").parallel(1).max_trials(1).to_dict())
    (name,) = running(cluster, 1)
    carried = [{"name": "loss", "value": "3", "comparison": "greater", "startStep": 1}]
    cluster.client.patch(TRIALS, name, {"spec": {"earlyStoppingRules": carried}}, "default")
    rule.hopeless.add(name)
    # Whichever comes first, the rules or the report: the next look has both.
    cluster.wait(lambda: [report(cluster, name, "9")] and state(trial_of(cluster, name))[0] == "EarlyStopped")


def test_wrong_settings_fail_an_experiment_that_came_past_admission(cluster: Any, rule: Rule) -> None:
    rule.refuses = [FieldError("spec.earlyStopping.algorithmSettings[0].value", "start_step must be at least 1", "0")]
    cluster.start()
    cluster.create(curves().to_dict())
    assert "start_step must be at least 1" in cluster.wait_end()["message"]


def test_what_is_kept_of_an_experiment_goes_when_it_has_ended(cluster: Any, rule: Rule) -> None:
    cluster.start()
    uid = cluster.create(curves(parallel=1, trials=1).to_dict())["metadata"]["uid"]
    running(cluster, 1)
    assert rule.forgotten == []
    cluster.node.release()
    cluster.wait_end()
    cluster.wait(lambda: uid in rule.forgotten)


def test_what_is_kept_of_an_experiment_goes_with_it(cluster: Any, rule: Rule) -> None:
    cluster.start()
    uid = cluster.create(curves(parallel=1, trials=1).to_dict())["metadata"]["uid"]
    running(cluster, 1)
    cluster.client.delete(EXPERIMENTS, "x", "default")
    cluster.wait(lambda: uid in rule.forgotten)
