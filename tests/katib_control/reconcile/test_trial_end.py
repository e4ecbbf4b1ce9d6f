"""The words at the end of a Trial."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from builders import experiment, trial
from katib_control.api.observation import Collected, MetricLog
from katib_control.reconcile.seen import TrialSeen, Verdict
from katib_control.reconcile.trial_end import LINE_LENGTH, judged
from katib_control.runtime.plan import Plan

NOW = datetime(2026, 1, 31, 12, 0, 30, tzinfo=timezone.utc)
RUNNING = trial("x-a").of(experiment("x").build()).running()
RUN = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x-a"}}
GOOD = Verdict("succeeded")
BAD = Verdict("failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")


def end(verdict: Verdict, builder: Any = RUNNING, **more: Any) -> Plan:
    return judged(TrialSeen(trial=builder.build(), run=RUN, verdict=verdict, **more), NOW)


def message(done: Plan) -> str:
    assert done.status is not None
    return str(done.status["conditions"][-1]["message"])


def failed_pod(code: int, **more: Any) -> dict[str, Any]:
    ended = {"exitCode": code, "reason": "Error", **more}
    status = {"name": "training-container", "state": {"terminated": ended}}
    return {"metadata": {"name": "x-a-1"}, "status": {"phase": "Failed", "containerStatuses": [status]}}


@pytest.mark.parametrize(
    ("done", "parts"),
    [
        pytest.param(
            end(GOOD, collected=Collected(names_found=["acc", "Loss"], tail=["epoch 1", "Loss=0.3"])),
            ["metric loss", "metric names found: Loss, acc", "print lines like loss=0.5", "epoch 1 | Loss=0.3"],
            id="no metrics: the names that were found, the remedy, the last lines",
        ),
        pytest.param(
            end(GOOD, collected=Collected(tail=["a", "", "b", "c", "d", "e", "f"])),
            ["no metric was found at all", "last log lines: b | c | d | e | f"],
            id="only the last lines, empty ones left out",
        ),
        pytest.param(
            end(BAD, collected=Collected(tail=["ValueError: bad lr"]), pods=[failed_pod(3)]),
            ["BackoffLimitExceeded", "has reached the specified", "training-container ended with exit code 3",
             "ValueError: bad lr"],
            id="failed: the job's reason, the exit code, the last lines",
        ),
        pytest.param(
            end(BAD, pods=[failed_pod(127, reason="StartError", message='exec: "trian": not found')]),
            ["exit code 127, command not found", 'StartError exec: "trian": not found'],
            id="failed: the command was not found",
        ),
        pytest.param(
            end(BAD, pods=[failed_pod(137, reason="OOMKilled")]), ["code 137 (OOMKilled)"], id="failed: out of memory"
        ),
    ],
)  # fmt: skip
def test_message(done: Plan, parts: list[str]) -> None:
    for part in parts:
        assert part in message(done)


def test_a_log_line_without_end_is_cut() -> None:
    assert len(message(end(BAD, collected=Collected(tail=["x" * 10_000])))) < LINE_LENGTH + 200


@pytest.mark.parametrize("verdict", [GOOD, BAD])
def test_reasons_are_single_words_whatever_the_job_says(verdict: Verdict) -> None:
    """Reasons with spaces and free text: W-29."""
    done = end(Verdict(verdict.state, "Job Reason: x", "words"), collected=Collected())
    assert done.status is not None
    assert all(item["reason"].isalnum() for item in done.status["conditions"])


def test_what_a_failed_trial_has_reported_is_kept() -> None:
    logs = [MetricLog("2026-01-31T12:00:00Z", "loss", "0.4")]
    done = end(BAD, collected=Collected(logs=logs))
    assert done.status is not None
    assert done.status["observation"]["metrics"][0]["latest"] == "0.4"
    assert done.status["conditions"][-1]["type"] == "Failed"


@pytest.mark.parametrize(
    ("done", "event", "kind", "counter"),
    [
        pytest.param(
            end(GOOD, collected=Collected(logs=[MetricLog("2026-01-31T12:00:00Z", "loss", "1")])),
            "JobSucceeded", "Normal", "katib_trial_succeeded_total", id="success is normal",
        ),
        pytest.param(
            end(BAD), "JobFailed", "Warning", "katib_trial_failed_total", id="failure is a warning (W-36)"
        ),
        pytest.param(
            end(GOOD), "MetricsUnavailable", "Warning", "katib_trial_metrics_unavailable_total",
            id="no metrics is a warning",
        ),
    ],
)  # fmt: skip
def test_event_and_counter(done: Plan, event: str, kind: str, counter: str) -> None:
    assert [(item.reason, item.type) for item in done.events] == [(event, kind)]
    assert list(done.counters) == [counter]


def test_the_end_is_the_last_condition_and_running_is_over() -> None:
    done = end(BAD)
    assert done.status is not None
    assert [(item["type"], item["status"]) for item in done.status["conditions"]] == [
        ("Created", "True"), ("Running", "False"), ("Failed", "True"),
    ]  # fmt: skip
    assert done.status["completionTime"] == "2026-01-31T12:00:30Z"


def test_metrics_that_cannot_be_read_do_not_hide_why_a_run_failed() -> None:
    done = end(BAD, collect_error="no such pod", ended_since=NOW - timedelta(minutes=2))
    assert "BackoffLimitExceeded" in message(done)
    assert "no such pod" in message(done)


def test_what_the_job_says_of_its_container_is_not_said_twice() -> None:
    why = "container has no command: set `command` in the template"
    verdict = Verdict("failed", "CommandMissing", f"container training-container of pod x-a-1: {why}")
    said = message(end(verdict, pods=[failed_pod(128, reason="CommandMissing", message=why)]))
    assert said.count(why) == 1
    assert said.endswith("training-container ended with exit code 128")
