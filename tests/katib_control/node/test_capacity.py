"""Room on the machine: who comes first is admitted first."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from katib_control.node.capacity import Ledger, detect, requests
from katib_control.node.quantity import parse


def amounts(**values: str) -> dict[str, Decimal]:
    return {name: parse(value) for name, value in values.items()}


def ledger() -> Ledger:
    return Ledger(amounts(cpu="2", memory="1Gi"))


def test_what_fits_is_admitted_and_what_does_not_fit_yet_says_what_is_free() -> None:
    room = ledger()
    assert room.ask("a", "1", amounts(cpu="1500m")) == ""
    refusal = room.ask("b", "2", amounts(cpu="1", memory="2Mi"))
    assert refusal == "0/1 nodes are available: 1 cpu requested, 500m of 2 free: the Pod waits until others end"
    assert room.first() == "b"
    assert room.release("a")
    assert room.ask("b", "2", amounts(cpu="1")) == ""


def test_a_small_pod_does_not_overtake_a_big_one_that_waits() -> None:
    room = ledger()
    room.ask("running", "1", amounts(cpu="1"))
    assert room.ask("big", "2", amounts(cpu="2")) != ""
    assert "1 Pods that came earlier wait" in room.ask("small", "3", amounts(cpu="1"))
    room.release("running")
    assert room.first() == "big"


def test_a_pod_that_can_never_fit_says_so_and_holds_up_nobody() -> None:
    room = ledger()
    refusal = room.ask("huge", "1", amounts(cpu="64") | {"nvidia.com/gpu": Decimal(1)})
    assert refusal.startswith("the Pod can never fit: 64 cpu requested, this machine has 2; 1 nvidia.com/gpu requested")
    assert room.first() is None
    assert room.ask("small", "2", amounts(cpu="2")) == ""


def test_who_runs_after_a_restart_has_room_whatever_it_asks() -> None:
    room = ledger()
    room.take("running", amounts(cpu="3"))
    room.line_up("later", "9", amounts(cpu="1"))
    room.line_up("sooner", "1", amounts(cpu="1"))
    assert room.first() == "sooner"
    assert "0 of 2 free" in room.ask("sooner", "1", amounts(cpu="1"))
    room.release("running")
    assert room.ask("sooner", "1", amounts(cpu="1")) == ""


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"containers": [{}]}, {}, id="no requests ask for no more than a place"),
        pytest.param(
            {"containers": [{"resources": {"requests": {"cpu": "1"}}}, {"resources": {"requests": {"cpu": "500m"}}}]},
            {"cpu": "1500m"},
            id="containers add up",
        ),
        pytest.param(
            {"containers": [{"resources": {"limits": {"memory": "1Gi"}}}]},
            {"memory": "1Gi"},
            id="a limit stands for a request",
        ),
        pytest.param(
            {
                "initContainers": [{"resources": {"requests": {"cpu": "3"}}}],
                "containers": [{"resources": {"requests": {"cpu": "1"}}}],
            },
            {"cpu": "3"},
            id="the largest init container counts when it is more",
        ),
        pytest.param(
            {
                "initContainers": [{"restartPolicy": "Always", "resources": {"requests": {"cpu": "1"}}}],
                "containers": [{"resources": {"requests": {"cpu": "1"}}}],
            },
            {"cpu": "2"},
            id="a sidecar adds to the containers",
        ),
    ],
)
def test_requests(spec: dict[str, Any], expected: dict[str, str]) -> None:
    assert requests({"spec": spec}) == {"pods": Decimal(1)} | {key: parse(value) for key, value in expected.items()}


def test_this_machine_has_something() -> None:
    found = detect()
    assert found["cpu"] >= 1
    assert found["memory"] > 2**20
