"""Real processes that print learning curves: hopeless ones are stopped while they run, the others are left alone."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from builders import ExperimentBuilder, experiment
from katib_control.api.names import trial_name
from katib_control.api.observation import MetricLog, TrialKey
from katib_control.api.times import to_wire_exact
from katib_control.embedded import ControlPlane
from katib_control.kube.errors import Invalid, NotFound
from katib_control.kube.resources import EVENTS, EXPERIMENTS, JOBS, TRIALS
from katib_control.runtime.clock import system_clock

pytestmark = pytest.mark.xdist_group("embedded")

# Reports top/10, 2*top/10 ... top, one every ``pause`` seconds; says how it was ended.
CURVE = (
    "import sys, time, signal\n"
    "top, pause, directory, trial = float(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4]\n"
    "def say(word):\n"
    "    with open(f'{directory}/journal', 'a') as out: out.write(f'{word} {trial} {time.time()}\\n')\n"
    "def stopped(*_):\n"
    "    say('stopped'); sys.exit(0)\n"
    "signal.signal(signal.SIGTERM, stopped)\n"
    "say('start')\n"
    "for step in range(1, 11):\n"
    "    print(f'accuracy={top * step / 10:.3f}', flush=True)\n"
    "    say(f'step-{step}')\n"
    "    time.sleep(pause if top < 0.2 else pause / 10)\n"
    "say('end')\n"
)


def curves(directory: Path, pause: float = 0.5, *, parallel: int = 1) -> ExperimentBuilder:
    """Three good trials, then hopeless ones (grid: in this order)."""
    words = (sys.executable, "-u", "-c", CURVE, "${trialParameters.top}", str(pause), str(directory))
    built = experiment("curves").objective("accuracy", "maximize").algorithm("grid").parallel(parallel)
    built = built.categorical("top", "0.9", "0.8", "0.7", "0.1").max_trials(4).command(
        *words, "${trialParameters.trialName}"
    )  # fmt: skip
    body = built.to_dict()["spec"]["trialTemplate"]["trialParameters"]
    named = [*body, {"name": "trialName", "reference": "${trialSpec.Name}"}]
    return built.trial_template(trialParameters=named).early_stopping("medianstop", start_step=3)


def eventually(told: Callable[[], Any], seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if answer := told():
                return answer
        except (NotFound, FileNotFoundError):
            pass
        time.sleep(0.02)
    raise AssertionError(f"not so within {seconds} s")


def journal(directory: Path) -> dict[tuple[str, str], float]:
    """When each trial said each word."""
    lines = (directory / "journal").read_text().splitlines()
    return {(trial, word): float(when) for word, trial, when in map(str.split, lines)}


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path / "state") as started:
        yield started


def finished(plane: ControlPlane) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = plane.client.get(EXPERIMENTS, "curves", "default")
        return found if found.get("status", {}).get("completionTime") else None

    answer: dict[str, Any] = eventually(ended, 60)
    return answer


def name_of(created: dict[str, Any], index: int) -> str:
    return trial_name("curves", created["metadata"]["uid"], index)


@pytest.mark.timeout(120)
def test_a_hopeless_trial_is_stopped_within_a_second_of_the_report_that_decides(
    plane: ControlPlane, tmp_path: Path
) -> None:
    created = plane.client.create(EXPERIMENTS, curves(tmp_path, pause=2.0).to_dict())
    bad = name_of(created, 3)
    status = finished(plane)["status"]

    assert (status["trialsSucceeded"], status["trialsEarlyStopped"]) == (3, 1)
    assert status["earlyStoppedTrialList"] == [bad]
    said = journal(tmp_path)
    assert (bad, "step-4") not in said
    assert (bad, "end") not in said
    eventually(lambda: (bad, "stopped") in journal(tmp_path))
    assert journal(tmp_path)[bad, "stopped"] - said[bad, "step-3"] < 1.5, "a second, and one half for a busy machine"

    trial = plane.client.get(TRIALS, bad, "default")
    last = trial["status"]["conditions"][-1]
    assert (last["type"], last["status"], last["reason"]) == ("EarlyStopped", "True", "TrialEarlyStopped")
    # Averages of the first three steps of 0.9, 0.8 and 0.7 times 0.1, 0.2, 0.3.
    assert last["message"] == "medianstop: best accuracy 0.03 at step 3 is below the median 0.16 of 3 trials"
    metric = {"name": "accuracy", "min": "0.010", "max": "0.030", "latest": "0.030"}
    assert trial["status"]["observation"]["metrics"] == [metric]
    assert trial["status"]["completionTime"]
    events = [item for item in plane.client.list(EVENTS, "default")["items"] if item["reason"] == "TrialEarlyStopped"]
    assert [item["message"] for item in events] == [last["message"]]
    eventually(lambda: not plane.client.list(JOBS, "default")["items"])


@pytest.mark.timeout(120)
def test_a_killed_control_plane_decides_the_same_and_nothing_twice(tmp_path: Path) -> None:
    """SIGKILL at the moment of the report that decides."""
    body = curves(tmp_path, pause=2.0).to_dict()
    (tmp_path / "experiment.json").write_text(json.dumps(body))
    command = [sys.executable, "-m", "katib_kfp.cli", "run", str(tmp_path / "experiment.json"), "--state"]
    process = subprocess.Popen(
        [*command, str(tmp_path / "state")], start_new_session=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    eventually(lambda: len(list_of(tmp_path)) == 4 and (list_of(tmp_path)[3], "step-3") in journal(tmp_path), 60)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    bad = list_of(tmp_path)[-1]

    with ControlPlane(tmp_path / "state") as plane:
        status = finished(plane)["status"]
        trial = plane.client.get(TRIALS, bad, "default")
    assert status["earlyStoppedTrialList"] == [bad]
    told = trial["status"]["conditions"][-1]["message"]
    assert told == "medianstop: best accuracy 0.03 at step 3 is below the median 0.16 of 3 trials"
    assert len(list_of(tmp_path)) == 4, "each trial was started once"
    assert (bad, "end") not in journal(tmp_path)


def list_of(directory: Path) -> list[str]:
    """The trials in the order of their starts, one entry for each start."""
    lines = (directory / "journal").read_text().splitlines()
    return [line.split()[1] for line in lines if line.startswith("start ")]


@pytest.mark.timeout(120)
def test_pushed_metrics_stop_a_trial_too(plane: ControlPlane, tmp_path: Path) -> None:
    """Whoever writes to the observation log: here the test does."""
    built = curves(tmp_path).collector("Push").parallel(4)
    waiting = built.command("sh", "-c", "sleep 60 # ${trialParameters.top} ${trialParameters.trialName}")
    created = plane.client.create(EXPERIMENTS, waiting.to_dict())
    keys = []
    for name in [name_of(created, index) for index in range(4)]:
        found = eventually(functools.partial(plane.client.get, TRIALS, name, "default"))
        keys.append(TrialKey("default", found["metadata"]["name"], found["metadata"]["uid"]))
    carried = [{"name": "accuracy", "value": "0.5", "comparison": "less", "startStep": 2}]
    plane.client.patch(TRIALS, keys[0].name, {"spec": {"earlyStoppingRules": carried}}, "default")
    eventually(lambda: plane.client.get(EXPERIMENTS, "curves", "default")["status"].get("trialsRunning") == 4)
    report(plane, keys[0], "0.4")
    report(plane, keys[0], "0.45")

    def stopped() -> dict[str, Any] | None:
        last: dict[str, Any] = plane.client.get(TRIALS, keys[0].name, "default")["status"]["conditions"][-1]
        return last if last["type"] == "EarlyStopped" else None

    assert eventually(stopped, 5)["message"] == "best accuracy 0.45 at step 2 is less than 0.5"
    states = [plane.client.get(TRIALS, key.name, "default")["status"]["conditions"][-1]["type"] for key in keys[1:]]
    assert states == ["Running"] * 3


def report(plane: ControlPlane, key: TrialKey, value: str) -> None:
    plane.observations.report(key, [MetricLog(to_wire_exact(system_clock()), "accuracy", value)])


def test_settings_are_checked_before_an_experiment_is_stored(plane: ControlPlane, tmp_path: Path) -> None:
    for settings, field, told in (
        ({"start_step": "0"}, "spec.earlyStopping.algorithmSettings[0].value", "at least 1"),
        ({"steps": "3"}, "spec.earlyStopping.algorithmSettings[0].name", "known: min_trials_required, start_step"),
    ):
        with pytest.raises(Invalid, match=told) as caught:
            plane.client.create(EXPERIMENTS, curves(tmp_path).early_stopping("medianstop", **settings).to_dict())
        assert [cause["field"] for cause in caught.value.status["details"]["causes"]] == [field]
    with pytest.raises(Invalid, match="did you mean medianstop"):
        plane.client.create(EXPERIMENTS, curves(tmp_path).early_stopping("medianstopping").to_dict())
