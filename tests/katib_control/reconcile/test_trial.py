"""Trial: from what is seen to what is to be done."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from builders import TrialBuilder, experiment, trial
from katib_control.api.names import TRIAL_FINALIZER, TRIAL_LABEL, TRIAL_NAME_ENV
from katib_control.api.observation import Collected, MetricLog
from katib_control.api.trial import Trial
from katib_control.kube.resources import JOBS, TRIALS
from katib_control.reconcile.reasons import SCALED_DOWN_ANNOTATION
from katib_control.reconcile.seen import Refusal, TrialSeen, Verdict
from katib_control.reconcile.trial import LIVE_INTERVAL, plan, run_object
from katib_control.runtime.plan import Plan

NOW = datetime(2026, 1, 31, 12, 0, 30, tzinfo=timezone.utc)
JUST_NOW, LONG_AGO = "2026-01-31T12:00:29Z", "2026-01-31T11:00:00Z"
OWNER = experiment("x").build()
CONTAINERS = [{"name": "training-container", "image": "i", "command": ["train", "a b; c"]}, {"name": "side"}]
JOB = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": {"containers": CONTAINERS}}}}
BASE = (
    trial("x-a").of(OWNER).index(0).assign(lr=0.1).run(JOB).finalizers(TRIAL_FINALIZER)
    .metadata(resourceVersion="7", creationTimestamp=JUST_NOW)
)  # fmt: skip
RUNNING = BASE.running()


def run(**status: Any) -> dict[str, Any]:
    meta = {"name": "x-a", "namespace": "default", "uid": "run-uid", "creationTimestamp": JUST_NOW}
    return {**JOB, "metadata": meta, "status": status}


def pod(phase: str = "Running", created: str = JUST_NOW, **more: Any) -> dict[str, Any]:
    meta = {"name": "x-a-1", "namespace": "default", "creationTimestamp": created}
    return {"metadata": meta, "spec": {"containers": CONTAINERS}, "status": {"phase": phase, **more}}


def look(builder: TrialBuilder = RUNNING, **more: Any) -> TrialSeen:
    return TrialSeen(trial=builder.build(), **more)


def told(*values: tuple[str, str], tail: tuple[str, ...] = ()) -> Collected:
    logs = [MetricLog("2026-01-31T12:00:00Z", name, value) for name, value in values]
    return Collected(logs=logs, names_found=[name for name, _ in values], tail=tail)


def state(done: Plan) -> tuple[str, str, str] | None:
    if done.status is None:
        return None
    last = done.status["conditions"][-1]
    return last["type"], last["status"], last["reason"]


def after(seen: TrialSeen, done: Plan) -> TrialSeen:
    """What is seen when the plan has been carried out."""
    body = seen.trial.to_dict()
    if done.status is not None:
        body["status"] = done.status
    if done.finalizers is not None:
        body["metadata"]["finalizers"] = list(done.finalizers)
    made = run() if done.create else seen.run
    return replace(seen, trial=Trial.decode(body), run=made)


def test_the_run_is_created_and_one_status_says_created_and_running() -> None:
    done = plan(look(BASE), JOBS, NOW)
    assert [resource for resource, _ in done.create] == [JOBS]
    assert done.status is not None
    assert [item["type"] for item in done.status["conditions"]] == ["Created", "Running"]
    assert done.status["startTime"] == "2026-01-31T12:00:30Z"
    assert [item.reason for item in done.events] == ["JobCreated"]
    assert done.counters == ["katib_trial_created_total"]


def test_the_run_belongs_to_the_trial_and_its_command_is_untouched() -> None:
    made = run_object(BASE.build())
    assert made["metadata"]["name"] == "x-a"
    assert made["metadata"]["ownerReferences"][0]["uid"] == "uid-of-x-a"
    template = made["spec"]["template"]
    first, second = template["spec"]["containers"]
    assert template["metadata"]["labels"] == {TRIAL_LABEL: "x-a"}
    assert first["command"] == ["train", "a b; c"]
    assert first["env"] == [{"name": TRIAL_NAME_ENV, "value": "x-a"}]
    assert not second.get("env")
    assert "env" not in CONTAINERS[0], "the Trial's own runSpec must not change"


GOOD, BAD = Verdict("succeeded", "Completed"), Verdict("failed", "BackoffLimitExceeded", "has reached its limit")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(look(run=run()), None, id="a run that goes on changes nothing"),
        pytest.param(
            look(run=run(), verdict=GOOD, collected=told(("loss", "0.5"))),
            ("Succeeded", "True", "TrialSucceeded"),
            id="a run that succeeded with a value",
        ),
        pytest.param(
            look(run=run(), verdict=GOOD, collected=told(("loss", "nan"))),
            ("MetricsUnavailable", "True", "MetricsUnavailable"),
            id="a value that is no number is none (W-31)",
        ),
        pytest.param(
            look(run=run(), verdict=GOOD, collected=told()),
            ("MetricsUnavailable", "True", "MetricsUnavailable"),
            id="no value: said at once, not polled for ever (W-14)",
        ),
        pytest.param(
            look(run=run(), verdict=BAD, collected=told()), ("Failed", "True", "TrialFailed"), id="a run that failed"
        ),
        pytest.param(look(run_vanished=True), ("Failed", "True", "RunDisappeared"), id="a run that vanished (W-37)"),
        pytest.param(look(), None, id="a run that is not in the cache is looked for first"),
        pytest.param(look(fate="ended"), ("Killed", "True", "TrialKilled"), id="stopped at the end of the Experiment"),
        pytest.param(
            look(BASE, fate="ended"), ("Killed", "True", "TrialKilled"), id="not even begun when the Experiment ended"
        ),
        pytest.param(
            look(fate="ended", run=run(), verdict=GOOD, collected=told(("loss", "1"))),
            ("Succeeded", "True", "TrialSucceeded"),
            id="a run that ended together with the Experiment is not thrown away",
        ),
        pytest.param(look(fate="gone", run=run()), None, id="without Experiment it waits for the garbage collector"),
        pytest.param(
            look(run=run(), pods=[{**pod(), "spec": {"containers": [{"name": "other"}]}}]),
            ("Failed", "True", "PrimaryContainerMissing"),
            id="a Pod without the primary container (W-35)",
        ),
        pytest.param(
            look(run=run(), verdict=GOOD, collected=told(), pods=[{**pod(), "spec": {"containers": [{"name": "o"}]}}]),
            ("Failed", "True", "PrimaryContainerMissing"),
            id="the same, seen only at its end",
        ),
        pytest.param(
            look(run=run(), verdict=Verdict("broken", "", "no such function")),
            ("Running", "True", "ExpressionNotEvaluable"),
            id="a condition that cannot be evaluated is told (W-33)",
        ),
        pytest.param(
            look(BASE.pending().condition("Running", "ExpressionNotEvaluable", at="2026-01-31T12:00:00Z"),
                 run=run(), verdict=Verdict("broken", "", "no such function")),
            ("Failed", "True", "ExpressionNotEvaluable"),
            id="and fails the trial when it stays so (W-33)",
        ),
        pytest.param(
            look(BASE, refusal=Refusal("Job is invalid", fatal=True)), ("Failed", "True", "RunRejected"),
            id="a run that the API server refuses for good",
        ),
        pytest.param(
            look(BASE, refusal=Refusal("exceeded quota", fatal=False)), ("Created", "True", "RunRejected"),
            id="a run that it refuses for now",
        ),
        pytest.param(
            look(BASE.condition("Created", "RunRejected", at=LONG_AGO), refusal=Refusal("forbidden", fatal=False)),
            ("Failed", "True", "RunRejected"),
            id="and for too long",
        ),
        pytest.param(look(BASE, name_taken=True), None, id="an older run of that name may still be going"),
        pytest.param(
            look(BASE.metadata(creationTimestamp=LONG_AGO), name_taken=True), ("Created", "True", "RunNameTaken"),
            id="somebody else's run has the name",
        ),
    ],
)  # fmt: skip
def test_state(seen: TrialSeen, expected: Any) -> None:
    assert state(plan(seen, JOBS, NOW)) == expected


def test_a_trial_that_is_to_be_stopped_early_ends_with_what_it_has_told() -> None:
    seen = look(run=run(), stop="median: it is hopeless", collected=told(("loss", "0.9"), ("loss", "0.7")))
    done = plan(seen, JOBS, NOW)
    assert done.status is not None
    assert state(done) == ("EarlyStopped", "True", "TrialEarlyStopped")
    assert done.status["conditions"][-1]["message"] == "median: it is hopeless"
    assert done.status["observation"]["metrics"] == [{"name": "loss", "min": "0.7", "max": "0.9", "latest": "0.7"}]
    assert done.status["completionTime"] == "2026-01-31T12:00:30Z"
    assert [(item.reason, item.type) for item in done.events] == [("TrialEarlyStopped", "Normal")]
    assert done.delete == (), "only what is written down is carried out"
    assert [item.name for item in plan(after(seen, done), JOBS, NOW).delete] == ["x-a"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({"verdict": GOOD}, "Succeeded", id="a run that has ended by itself keeps its end"),
        pytest.param({"fate": "ended"}, "Killed", id="the Experiment has ended first"),
    ],
)
def test_other_ends_come_before_early_stopping(more: dict[str, Any], expected: str) -> None:
    done = plan(look(run=run(), stop="hopeless", collected=told(("loss", "0.7")), **more), JOBS, NOW)
    found = state(done)
    assert found is not None
    assert found[0] == expected


def test_early_stopped_by_others_gets_its_observation_and_its_end() -> None:
    """Its run deleted before anybody read it: W-20."""
    stopped = RUNNING.condition("EarlyStopped", "TrialEarlyStopped", at=LONG_AGO)
    done = plan(look(stopped, run=run(), collected=told(("loss", "0.7"))), JOBS, NOW)
    assert done.status is not None
    assert state(done) == ("EarlyStopped", "True", "TrialEarlyStopped")
    assert done.status["observation"]["metrics"][0]["latest"] == "0.7"
    assert done.status["completionTime"] == "2026-01-31T12:00:30Z"
    assert {"type": "Running", "status": "False"}.items() <= done.status["conditions"][-2].items()
    assert done.delete == ()


def test_early_stopped_without_a_value_ends_too() -> None:
    stopped = RUNNING.condition("EarlyStopped", "TrialEarlyStopped", at=LONG_AGO)
    done = plan(look(stopped, collected=Collected()), JOBS, NOW)
    assert state(done) == ("EarlyStopped", "True", "TrialEarlyStopped")
    assert done.status is not None
    assert "observation" not in done.status


@pytest.mark.parametrize(
    ("builder", "found", "verdict", "deleted"),
    [
        pytest.param(RUNNING.succeeded(loss=1), run(), GOOD, True, id="taken away when the trial has ended"),
        pytest.param(
            RUNNING.succeeded(loss=1).spec(retainRun=True), run(), GOOD, False, id="kept where the template says so"
        ),
        pytest.param(
            RUNNING.killed().spec(retainRun=True), run(), Verdict("running"), True, id="but stopped if it still runs"
        ),
        pytest.param(
            RUNNING.succeeded(loss=1),
            {**run(), "metadata": {**run()["metadata"], "deletionTimestamp": JUST_NOW}},
            GOOD,
            False,
            id="not again while it is being deleted (W-36)",
        ),
        pytest.param(RUNNING.succeeded(loss=1), None, Verdict("running"), False, id="nothing to take away"),
    ],
)
def test_the_run_of_a_trial_that_has_ended(builder: TrialBuilder, found: Any, verdict: Verdict, deleted: bool) -> None:
    done = plan(look(builder, run=found, verdict=verdict), JOBS, NOW)
    assert [item.name for item in done.delete] == (["x-a"] if deleted else [])
    assert done.events == (), "the Event about the end has said it all"
    assert done.status is None


def test_a_run_is_deleted_only_after_the_end_was_stored() -> None:
    seen = look(run=run(), verdict=GOOD, collected=told(("loss", "0.5")))
    done = plan(seen, JOBS, NOW)
    assert done.delete == ()
    assert [item.uid for item in plan(after(seen, done), JOBS, NOW).delete] == ["run-uid"]


def test_an_unfinished_trial_that_is_taken_back_deletes_itself() -> None:
    marked = RUNNING.annotations({SCALED_DOWN_ANNOTATION: "true"})
    done = plan(look(marked, run=run(), verdict=GOOD), JOBS, NOW)
    assert [(item.resource, item.uid) for item in done.delete] == [(TRIALS, "uid-of-x-a")]
    assert done.status is None


def test_a_finished_trial_is_never_deleted_for_parallelism() -> None:
    """Finished ones deleted with their metrics: W-18."""
    marked = RUNNING.succeeded(loss=1).annotations({SCALED_DOWN_ANNOTATION: "true"})
    assert plan(look(marked), JOBS, NOW).delete == ()


def test_pushed_metrics_may_come_a_little_later_but_not_for_ever() -> None:
    """A poll without limit: W-14."""
    push = RUNNING.spec(metricsCollector={"collector": {"kind": "Push"}})
    seen = look(push, run=run(), verdict=GOOD, collected=told(), ended_since=NOW - timedelta(seconds=1))
    waiting = plan(seen, JOBS, NOW)
    assert waiting.status is None
    assert waiting.requeue_after is not None
    late = replace(seen, ended_since=NOW - timedelta(seconds=6))
    assert state(plan(late, JOBS, NOW)) == ("MetricsUnavailable", "True", "MetricsUnavailable")


def test_metrics_that_cannot_be_read_are_told_and_given_up_after_a_minute() -> None:
    """Nothing but a log line: W-14."""
    seen = look(run=run(), verdict=GOOD, collect_error="connection refused", ended_since=NOW)
    first = plan(seen, JOBS, NOW)
    assert state(first) == ("Running", "True", "MetricsNotReadable")
    assert first.requeue_after is not None
    late = plan(replace(seen, ended_since=NOW - timedelta(seconds=61)), JOBS, NOW)
    assert state(late) == ("MetricsUnavailable", "True", "MetricsUnavailable")
    assert "connection refused" in late.status["conditions"][-1]["message"]  # type: ignore[index]  # state() was not None


def test_the_observation_of_a_running_trial_is_shown() -> None:
    observed = trial().observed(loss=0.3).build().status.observation
    done = plan(look(run=run(), pods=[pod()], live=observed), JOBS, NOW)
    assert done.status is not None
    assert done.status["observation"]["metrics"][0]["latest"] == "0.3"
    assert done.requeue_after == LIVE_INTERVAL


def test_metrics_of_an_observation_keep_their_order() -> None:
    """In random order, a write for each reconcile: W-6."""
    spec = OWNER.spec.objective
    assert spec is not None
    wanted = {**spec.to_dict(), "additionalMetricNames": ["b", "a"]}
    seen = look(RUNNING.spec(objective=wanted), run=run(), verdict=GOOD,
                collected=told(("a", "1"), ("loss", "2"), ("b", "3")))  # fmt: skip
    statuses = [plan(seen, JOBS, NOW).status for _ in range(3)]
    assert statuses[0] is not None
    assert [item["name"] for item in statuses[0]["observation"]["metrics"]] == ["loss", "b", "a"]
    assert statuses[0] == statuses[1] == statuses[2]


@pytest.mark.parametrize(
    ("deleted", "more", "finalizers"),
    [
        pytest.param(JUST_NOW, {}, [], id="goes when all is done"),
        pytest.param(JUST_NOW, {"released": False}, None, id="waits until its point is given up (W-32)"),
        pytest.param(JUST_NOW, {"log_deleted": False}, None, id="waits for the observation log"),
        pytest.param(LONG_AGO, {"log_deleted": False}, [], id="but not for ever"),
    ],
)
def test_deletion(deleted: str, more: dict[str, bool], finalizers: Any) -> None:
    done = plan(look(RUNNING.metadata(deletionTimestamp=deleted), **more), JOBS, NOW)
    assert done.finalizers == finalizers
    assert (done.requeue_after is None) is (finalizers is not None)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(look(BASE), id="new"),
        pytest.param(look(run=run(), pods=[pod()]), id="running"),
        pytest.param(look(run=run(), pods=[pod("Pending", LONG_AGO)]), id="stalled"),
        pytest.param(look(run=run(), verdict=GOOD, collected=told(("loss", "1"))), id="succeeded"),
        pytest.param(look(run=run(), verdict=BAD, collected=told()), id="failed"),
        pytest.param(look(run=run(), verdict=Verdict("broken", "", "x")), id="broken"),
        pytest.param(look(fate="ended"), id="killed"),
        pytest.param(look(BASE, refusal=Refusal("quota", fatal=False)), id="refused"),
    ],
)
def test_a_plan_applied_twice_changes_nothing(seen: TrialSeen) -> None:
    done = plan(seen, JOBS, NOW)
    later = plan(after(seen, done), JOBS, NOW)
    assert (later.status, later.finalizers, later.create, list(later.counters)) == (None, None, (), [])
    assert [item.reason for item in later.events] == []


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param({}, "deleted by hand; it is not run again", id="by hand"),
        pytest.param({"ttlSecondsAfterFinished": 0}, "ttlSecondsAfterFinished of 0: raise that", id="by its TTL"),
    ],
)
def test_a_run_that_its_ttl_may_have_removed_says_so(spec: dict[str, Any], words: str) -> None:
    job = {**JOB, "spec": {**JOB["spec"], **spec}}
    done = plan(look(RUNNING.run(job), run_vanished=True), JOBS, NOW)
    assert done.status is not None
    assert words in done.status["conditions"][-1]["message"]
