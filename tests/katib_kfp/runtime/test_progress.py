"""How far an Experiment is, in one line for each change."""

from __future__ import annotations

from typing import Any

import pytest

from builders import experiment
from katib_kfp.runtime.progress import Pace, Progress, ProgressLines, duration, line, progress, reason, state


def at(done: int = 0, **changes: Any) -> Progress:
    fields: dict[str, Any] = {
        "state": "Running", "done": done, "failed": 0, "running": 0, "pending": 0, "wanted": 24, "metric": "acc",
        "best": None,
    }  # fmt: skip
    return Progress(**(fields | changes))


@pytest.mark.parametrize(
    ("now", "left", "text"),
    [
        pytest.param(at(), None, "0/24 trials done", id="nothing yet"),
        pytest.param(
            at(12, failed=1, running=4, best=0.98123456),
            35.2,
            "12/24 trials done (1 failed), 4 running, best acc=0.981235, about 35 s left",
            id="in the middle",
        ),
        pytest.param(
            at(24, state="Succeeded", best=1.0), 0.0, "24/24 trials done, best acc=1, Succeeded", id="the end"
        ),
        pytest.param(at(3, wanted=None, pending=2), None, "3 trials done, 2 pending", id="without a limit"),
    ],
)
def test_the_line(now: Progress, left: float | None, text: str) -> None:
    assert line(now, left) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "1 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (7500, "2 h 5 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_progress_is_read_from_the_status() -> None:
    built = (
        experiment("x").max_trials(9).objective("acc", "maximize")
        .status(trialsSucceeded=3, trialsFailed=1, trialMetricsUnavailable=1, trialsEarlyStopped=1, trialsRunning=2,
                currentOptimalTrial={"observation": {"metrics": [{"name": "acc", "max": "0.9"}]}})
        .condition("Running").build()
    )  # fmt: skip
    found = progress(built)
    assert (found.done, found.failed, found.running, found.wanted, found.best) == (6, 2, 2, 9, 0.9)
    assert (found.state, found.finished) == ("Running", False)


def test_state_and_reason_follow_the_conditions() -> None:
    assert state(experiment("x").build()) == "Created"
    failed = experiment("x").condition("Running", "False").condition("Failed", reason="Why", message="because").build()
    assert (state(failed), reason(failed)) == ("Failed", ("Why", "because"))


def test_what_stalls_is_told_once() -> None:
    stage = Stage()
    stalled = experiment("x").max_trials(3).condition("Running", reason="TrialsStalled", message="1 of 1 does not fit")
    for moment, done in [(0.0, 0), (2.0, 1)]:
        stage.now = moment
        stage.lines(stalled.status(trialsSucceeded=done).build())
    assert stage.written[:2] == ["0/3 trials done", "stalled: 1 of 1 does not fit"]
    assert [text for text in stage.written[2:] if "stalled" in text] == []
    assert progress(experiment("x").condition("Running", reason="ExperimentRunning").build()).stalled == ""


def test_time_left_counts_from_where_this_wait_began() -> None:
    times = iter([100.0, 110.0])
    pace = Pace(lambda: next(times))
    assert pace.seconds_left(at(8)) is None
    assert pace.seconds_left(at(12)) == pytest.approx(30.0)


class Stage:
    """A clock by hand, what was written, and what was put off."""

    def __init__(self) -> None:
        self.now, self.written, self.put_off = 0.0, [], []
        self.lines = ProgressLines(
            self.written.append, lambda: self.now, lambda seconds, call: self.put_off.append((seconds, call))
        )

    def see(self, moment: float, done: int, finished: bool = False) -> None:
        self.now = moment
        built = experiment("x").max_trials(3).status(trialsSucceeded=done)
        self.lines((built.condition("Succeeded") if finished else built).build())

    @property
    def shown(self) -> list[str]:
        return [text.split(" ")[0] for text in self.written]


def test_lines_are_written_on_change_only_and_at_once_at_the_end() -> None:
    stage = Stage()
    for moment, done in [(0.0, 0), (1.2, 1), (5.0, 1), (6.5, 2)]:
        stage.see(moment, done)
    stage.see(6.6, 3, finished=True)
    assert stage.shown == ["0/3", "1/3", "2/3", "3/3"]
    assert stage.written[-1].endswith("Succeeded")


def test_what_comes_too_soon_is_shown_when_the_second_is_over() -> None:
    stage = Stage()
    for moment, done in [(0.0, 0), (0.25, 1), (0.5, 2)]:
        stage.see(moment, done)
    assert (stage.shown, [seconds for seconds, _ in stage.put_off]) == (["0/3"], [0.75])
    stage.now = 1.0
    stage.put_off[0][1]()
    assert stage.shown == ["0/3", "2/3"], "the latest, and nothing in between"
