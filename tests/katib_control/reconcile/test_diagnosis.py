"""Why a run does not get on."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from builders import experiment, trial
from katib_control.reconcile.diagnosis import diagnose

NOW = datetime(2026, 1, 31, 12, 0, 30, tzinfo=timezone.utc)
JUST_NOW, BEFORE = "2026-01-31T12:00:28Z", "2026-01-31T12:00:10Z"
TRIAL = trial("x-a").of(experiment("x").build()).running().build()


def run(created: str = BEFORE, kind: str = "Job", **spec: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": "x-a", "creationTimestamp": created}, "spec": spec}


def pod(phase: str = "Pending", created: str = BEFORE, *, container: str = "training-container", **more: Any) -> Any:
    return {
        "metadata": {"name": "x-a-1", "creationTimestamp": created, "labels": {"role": "master"}},
        "spec": {"containers": [{"name": container}]},
        "status": {"phase": phase, **more},
    }


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"containerStatuses": [{"name": "training-container", "image": "nope:1", "state": state, **more}]}


def ended(code: int, at: str, message: str = "") -> dict[str, Any]:
    state = {"terminated": {"exitCode": code, "finishedAt": at, "message": message}}
    return {"containerStatuses": [{"name": "training-container", "state": state}]}


def beside(at: str) -> Any:
    found = pod("Running", **ended(0, at))
    found["status"]["containerStatuses"].append({"name": "proxy", "state": {"running": {"startedAt": BEFORE}}})
    return found


NO_FIT = {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                          "message": "0/1 nodes: 8 cpu wanted, 2 there"}]}  # fmt: skip


@pytest.mark.parametrize(
    ("found", "pods", "expected", "words"),
    [
        pytest.param(run(), [pod("Running")], None, [], id="runs"),
        pytest.param(run(), [pod("Succeeded")], None, [], id="has just ended"),
        pytest.param(run(JUST_NOW), [], None, [], id="just created, no Pod yet"),
        pytest.param(run(), [pod(created=JUST_NOW, **NO_FIT)], None, [], id="does not fit for a moment"),
        pytest.param(run(), [pod(**NO_FIT)], "PodDoesNotFit", ["8 cpu wanted", "lower its"], id="does not fit"),
        pytest.param(run(), [pod()], "PodNotStarted", ["still Pending"], id="Pending without a reason"),
        pytest.param(
            run(), [pod(**waiting("ContainerCreating"))], "PodNotStarted", ["ContainerCreating"], id="slow to start"
        ),
        pytest.param(
            run(), [pod(created=JUST_NOW, **waiting("ImagePullBackOff", "no such image"))], "ImagePullError",
            ["nope:1", "no such image", "imagePullSecrets"], id="image cannot be pulled: said at once",
        ),
        pytest.param(
            run(), [pod(**waiting("CreateContainerConfigError", 'secret "s" not found'))], "ContainerConfigError",
            ['secret "s" not found'], id="refers to a secret that is not there",
        ),
        pytest.param(
            run(), [pod("Running", **waiting("RunContainerError", 'exec: "trian": executable file not found in PATH'))],
            "CommandNotFound", ["trian", "correct command"], id="command not found",
        ),
        pytest.param(
            run(), [pod("Running", **waiting("CrashLoopBackOff", restartCount=4,
                                             lastState={"terminated": {"exitCode": 1}}))],
            "CrashLoop", ["exit code 1", "4 restarts"], id="keeps crashing",
        ),
        pytest.param(
            run(), [pod("Running", **waiting("CrashLoopBackOff", lastState={"terminated": {"exitCode": 127}}))],
            "CommandNotFound", ["correct command"], id="keeps crashing because the command is not found",
        ),
        pytest.param(run(), [pod("Failed", **ended(1, JUST_NOW))], None, [], id="has just failed"),
        pytest.param(
            run(), [pod("Failed", **ended(1, BEFORE))], "RunRetrying", ["exit code 1", "backoffLimit"],
            id="has failed and waits to try again",
        ),
        pytest.param(
            run(), [pod("Failed", **ended(127, BEFORE, "trian: command not found"))], "CommandNotFound", ["trian"],
            id="will fail again for want of the command",
        ),
        pytest.param(
            run(), [pod("Running", container="main")], "PrimaryContainerMissing",
            ["no container training-container", "it has: main", "primaryContainerName"], id="primary container missing",
        ),
        pytest.param(
            run(kind="MPIJob"), [pod("Running", JUST_NOW, container="worker")], None, [],
            id="the Pod with the primary container may still come",
        ),
        pytest.param(
            run(kind="MPIJob"), [pod("Running", container="worker")], "PrimaryContainerMissing", ["worker"],
            id="it has not come",
        ),
        pytest.param(
            run(kind="MPIJob"), [pod("Running", container="worker"), pod("Running")], None, [],
            id="one of the Pods has it, that is enough",
        ),
        pytest.param(run(suspend=True), [], "RunSuspended", ["spec.suspend"], id="suspended"),
        pytest.param(run(), [beside(JUST_NOW)], None, [], id="the training has just ended, another container may too"),
        pytest.param(
            run(), [beside(BEFORE)], "OtherContainersRunning", ["waits for proxy", "restartPolicy Always"],
            id="a container beside the training never ends",
        ),
        pytest.param(
            run(), [pod(initContainerStatuses=[{"name": "prepare", "state": {"running": {}}}])], "PodNotStarted",
            ["init container prepare (still running"], id="an init container that does not end",
        ),
        pytest.param(run(kind="MPIJob"), [pod("Succeeded", **ended(0, JUST_NOW))], None, [], id="may yet say so"),
        pytest.param(
            run(kind="MPIJob"), [pod("Succeeded", **ended(0, BEFORE))], "ConditionsNotMatched",
            ["MPIJob x-a has ended", "successCondition"], id="its Pods have ended, and it does not say so",
        ),
    ],
)  # fmt: skip
def test_diagnose(found: Any, pods: list[Any], expected: str | None, words: list[str]) -> None:
    stall = diagnose(TRIAL, found, pods, [], NOW)
    assert (stall.reason if stall else None) == expected
    for word in words:
        assert stall is not None
        assert word in stall.message


@pytest.mark.parametrize(
    ("events", "expected", "words"),
    [
        pytest.param([], "NoPodCreated", "is the controller of kind Job running", id="nobody says why"),
        pytest.param(
            [{"type": "Warning", "message": "exceeded quota: team, requested: cpu=8"}], "QuotaExceeded",
            "raise the ResourceQuota", id="quota",
        ),
        pytest.param(
            [{"type": "Normal", "message": "fine"}, {"type": "Warning", "message": "serviceaccount x not found"}],
            "NoPodCreated", "serviceaccount x not found", id="the last warning",
        ),
    ],
)  # fmt: skip
def test_no_pod(events: list[Any], expected: str, words: str) -> None:
    stall = diagnose(TRIAL, run(), [], events, NOW)
    assert stall is not None
    assert stall.reason == expected
    assert words in stall.message


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(JUST_NOW, None, id="just now"),
        pytest.param(BEFORE, ("ConditionsNotMatched", False), id="a while ago"),
        pytest.param(
            "2026-01-31T12:00:00Z", ("ConditionsNotMatched", True), id="long ago: it will not change any more"
        ),
    ],
)
@pytest.mark.parametrize("how", ["Complete", "Failed"])
def test_a_job_that_has_ended_and_matches_no_condition_does_not_run_for_ever(at: str, expected: Any, how: str) -> None:
    job = run() | {"status": {"conditions": [{"type": how, "status": "True", "lastTransitionTime": at}]}}
    stall = diagnose(TRIAL, job, [pod("Failed" if how == "Failed" else "Succeeded", **ended(1, at))], [], NOW)
    assert (stall and (stall.reason, stall.fatal)) == expected
    assert stall is None or f"conditions: {how}" in stall.message


def test_every_stall_is_told_in_one_line() -> None:
    stall = diagnose(TRIAL, run(), [pod(**NO_FIT)], [], NOW)
    assert stall is not None
    assert "\n" not in stall.message
