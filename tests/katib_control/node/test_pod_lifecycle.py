"""What a Pod needs next, as a table: the containers' attempts in, starts, stops and the phase out."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from katib_control.node.attempt import Attempt
from katib_control.node.pod_lifecycle import Seen, Steps, grace, steps
from katib_control.node.pod_status import status

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)


def wire(seconds_ago: float) -> str:
    return (NOW - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def runs(number: int = 0, **more: Any) -> dict[str, Any]:
    return {"number": number, "pid": 7, "started": wire(60), **more}


def ended(code: int, number: int = 0, ago: float = 1.0, **more: Any) -> dict[str, Any]:
    return runs(number, exit_code=code, finished=wire(ago), **more)


def seen(policy: str = "Never", *, init: Any = (), mains: Any = ("main",), spec: Any = None, **attempts: Any) -> Seen:
    body = {
        "metadata": {"name": "p", "namespace": "n", "uid": "u", **(spec or {}).pop("metadata", {})},
        "spec": {
            "restartPolicy": policy,
            "initContainers": [item if isinstance(item, dict) else {"name": item} for item in init],
            "containers": [{"name": name} for name in mains],
            **{key: value for key, value in (spec or {}).items() if key not in ("status", "refusal")},
        },
        "status": (spec or {}).get("status", {}),
    }
    known = {
        name: [Attempt(pod="u", container=name, **one) for one in (found if isinstance(found, list) else [found])]
        for name, found in attempts.items()
    }
    return Seen(pod=body, attempts=known, refusal=(spec or {}).get("refusal", ""))


SIDE = {"name": "side", "restartPolicy": "Always"}
LAST = {"name": "last", "restartPolicy": "Always"}


@pytest.mark.parametrize(
    ("given", "phase", "start", "stop"),
    [
        pytest.param(seen(), "Pending", [("main", 0)], [], id="a new Pod starts its container"),
        pytest.param(seen(mains=("a", "b")), "Pending", [("a", 0), ("b", 0)], [], id="all containers start at once"),
        pytest.param(seen(main=runs()), "Running", [], [], id="one that runs is left alone"),
        pytest.param(seen(main=ended(0)), "Succeeded", [], [], id="exit code 0 is success"),
        pytest.param(seen(main=ended(1)), "Failed", [], [], id="Never: a failure is final"),
        pytest.param(
            seen(mains=("a", "b"), a=ended(1), b=runs()), "Running", [], [], id="the others go on after a failure"
        ),
        pytest.param(seen(mains=("a", "b"), a=ended(1), b=ended(0)), "Failed", [], [], id="one failure fails the Pod"),
        pytest.param(
            seen("OnFailure", main=ended(1)), "Running", [("main", 1)], [], id="OnFailure: the first restart is at once"
        ),
        pytest.param(seen("OnFailure", main=ended(0)), "Succeeded", [], [], id="OnFailure: success is final"),
        pytest.param(
            seen("Always", main=ended(0)), "Running", [("main", 1)], [], id="Always: success is restarted too"
        ),
        pytest.param(seen("OnFailure", main=ended(1, 1, ago=5)), "Running", [], [], id="the second restart waits 10 s"),
        pytest.param(
            seen("OnFailure", main=ended(1, 1, ago=11)), "Running", [("main", 2)], [], id="and comes after 10 s"
        ),
        pytest.param(seen("OnFailure", main=ended(1, 3, ago=39)), "Running", [], [], id="the fourth waits 40 s"),
        pytest.param(
            seen("OnFailure", main=ended(128, reason="CommandMissing")),
            "Failed",
            [],
            [],
            id="what cannot get better is not restarted",
        ),
        pytest.param(
            seen("Always", main=ended(255, reason="ExitCodeUnknown")),
            "Failed",
            [],
            [],
            id="an unknown exit code is never run again",
        ),
        pytest.param(seen(init=("i", "j")), "Pending", [("i", 0)], [], id="init containers come first, one at a time"),
        pytest.param(seen(init=("i", "j"), i=runs()), "Pending", [], [], id="the second waits for the first"),
        pytest.param(seen(init=("i", "j"), i=ended(0)), "Pending", [("j", 0)], [], id="then comes the second"),
        pytest.param(seen(init=("i",), i=ended(0)), "Pending", [("main", 0)], [], id="then the containers"),
        pytest.param(
            seen(init=("i",), i=ended(2)), "Failed", [], [], id="Never: a failed init container fails the Pod"
        ),
        pytest.param(
            seen("OnFailure", init=("i",), i=ended(2)), "Pending", [("i", 1)], [], id="OnFailure: it is restarted"
        ),
        pytest.param(
            seen("Always", init=("i",), i=ended(0)),
            "Pending",
            [("main", 0)],
            [],
            id="Always does not repeat a successful one",
        ),
        pytest.param(seen(init=(SIDE, "i")), "Pending", [("side", 0)], [], id="a sidecar starts in its place"),
        pytest.param(seen(init=(SIDE, "i"), side=runs()), "Pending", [("i", 0)], [], id="and is not waited for"),
        pytest.param(
            seen(init=(SIDE,), side=ended(0), main=runs()),
            "Running",
            [("side", 1)],
            [],
            id="a sidecar that ends is restarted even under Never",
        ),
        pytest.param(
            seen(init=(SIDE, LAST), side=runs(), last=runs(), main=ended(0)),
            "Running",
            [],
            ["u/last/0"],
            id="sidecars are stopped last first",
        ),
        pytest.param(
            seen(init=(SIDE, LAST), side=runs(), last=ended(143, stopped="SidecarDone"), main=ended(0)),
            "Running",
            [],
            ["u/side/0"],
            id="then the one before",
        ),
        pytest.param(
            seen(init=(SIDE,), side=ended(143, stopped="SidecarDone"), main=ended(0)),
            "Succeeded",
            [],
            [],
            id="how a sidecar ended does not matter",
        ),
        pytest.param(
            seen(spec={"activeDeadlineSeconds": 30}, main=runs()),
            "Running",
            [],
            ["u/main/0"],
            id="a deadline that has passed stops the containers",
        ),
        pytest.param(
            seen(spec={"activeDeadlineSeconds": 90}, main=runs()), "Running", [], [], id="one to come does not"
        ),
        pytest.param(
            seen("Always", main=ended(143, stopped="DeadlineExceeded")),
            "Failed",
            [],
            [],
            id="after the deadline nothing is restarted",
        ),
        pytest.param(
            seen("OnFailure", main=ended(0, stopped="NodeShutdown")),
            "Failed",
            [],
            [],
            id="a disrupted Pod has failed, whatever the exit code",
        ),
        pytest.param(
            seen(spec={"status": {"phase": "Succeeded"}}, main=ended(1)), "Succeeded", [], [], id="a final phase stays"
        ),
        pytest.param(
            seen(spec={"status": {"phase": "Failed"}}, main=runs()),
            "Failed",
            [],
            ["u/main/0"],
            id="and nothing may go on running in it",
        ),
        pytest.param(
            seen(spec={"metadata": {"deletionTimestamp": "x"}}, main=runs()),
            "Pending",
            [],
            ["u/main/0"],
            id="a deleted Pod is stopped",
        ),
        pytest.param(seen(spec={"metadata": {"deletionTimestamp": "x"}}), "Pending", [], [], id="and never started"),
        pytest.param(seen(spec={"refusal": "no room"}), "Pending", [], [], id="without room nothing starts"),
    ],
)
def test_steps(given: Seen, phase: str, start: list[tuple[str, int]], stop: list[str]) -> None:
    decided = steps(given, NOW)
    assert (decided.phase, list(decided.start), [key for key, _ in decided.stop]) == (phase, start, stop)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        pytest.param(seen("OnFailure", main=ended(1, 1, ago=4)), 6.0, id="until the backoff is over"),
        pytest.param(seen(spec={"activeDeadlineSeconds": 90}, main=runs()), 30.0, id="until the deadline"),
        pytest.param(seen(main=runs()), None, id="not at all when there is nothing to wait for"),
    ],
)
def test_when_to_look_again(given: Seen, seconds: float | None) -> None:
    assert steps(given, NOW).requeue_after == seconds


def shown(given: Seen) -> dict[str, Any]:
    return status(given, steps(given, NOW), NOW)


def test_a_crashing_container_waits_with_its_last_end_beside_it() -> None:
    found = shown(seen("OnFailure", main=ended(1, 3, ago=4)))["containerStatuses"][0]
    assert found["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert found["state"]["waiting"]["message"] == "back-off 40s restarting failed container=main pod=p_n(u)"
    assert found["lastState"]["terminated"]["exitCode"] == 1
    assert found["restartCount"] == 3


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        pytest.param(ended(0), (0, "Completed", None), id="success is Completed"),
        pytest.param(ended(3), (3, "Error", None), id="failure is Error"),
        pytest.param(ended(137, signal=9), (137, "Error", 9), id="a signal is named"),
        pytest.param(
            ended(137, signal=9, reason="OOMKilled"), (137, "OOMKilled", 9), id="too much memory is OOMKilled"
        ),
    ],
)
def test_how_an_end_is_shown(attempt: dict[str, Any], expected: tuple[int, str, int | None]) -> None:
    state = shown(seen(main=attempt))["containerStatuses"][0]["state"]["terminated"]
    assert (state["exitCode"], state["reason"], state.get("signal")) == expected
    assert (state["startedAt"], state["finishedAt"]) == ("2026-01-31T11:59:00Z", "2026-01-31T11:59:59Z")


def test_a_disruption_is_a_condition_that_a_job_can_see() -> None:
    found = shown(seen(main=ended(143, signal=15, stopped="NodeShutdown")))
    target = next(item for item in found["conditions"] if item["type"] == "DisruptionTarget")
    assert (found["phase"], found["reason"], target["status"]) == ("Failed", "NodeShutdown", "True")


def test_a_pod_without_room_says_so_and_keeps_the_time_it_began_to() -> None:
    first = shown(seen(spec={"refusal": "2 cpu requested, 1 of 4 free"}))
    [condition] = first["conditions"]
    assert (first["phase"], condition["type"], condition["status"], condition["reason"]) == (
        "Pending", "PodScheduled", "False", "Unschedulable",
    )  # fmt: skip
    later = seen(spec={"refusal": "still", "status": first})
    assert (
        status(later, Steps(phase="Pending"), NOW + timedelta(hours=1))["conditions"][0]["lastTransitionTime"]
        == "2026-01-31T12:00:00Z"
    )


def test_the_grace_period_of_a_deletion_comes_before_the_pods_own() -> None:
    assert grace({"metadata": {}, "spec": {}}) == 30.0
    assert grace({"metadata": {}, "spec": {"terminationGracePeriodSeconds": 5}}) == 5.0
    assert grace({"metadata": {"deletionGracePeriodSeconds": 0}, "spec": {"terminationGracePeriodSeconds": 5}}) == 0.0
