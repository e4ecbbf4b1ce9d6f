"""Tables and progress on a terminal, by rich (imported where it is used)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from katib_control.api.experiment import Experiment
from katib_kfp.runtime.progress import Pace, ProgressLines, line
from katib_kfp.runtime.progress import progress as progress_of
from katib_kfp.runtime.results import Results, best_trial, text, trial_result

UNLIMITED = 10_000
_TOLD = ("Failed", "MetricsUnavailable", "EarlyStopped")


@contextmanager
def progress(stream: TextIO, clock: Callable[[], float]) -> Iterator[Callable[[Experiment], None]]:
    """Yield what shows an Experiment's progress: one living line on a terminal, a line for each change elsewhere."""
    if not stream.isatty():

        def write(words: str) -> None:
            print(words, file=stream, flush=True)

        yield ProgressLines(write, clock)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console, pace = Console(file=stream), Pace(clock)
    with Progress(BarColumn(bar_width=30), TextColumn("{task.description}"), console=console) as bar:
        task = bar.add_task("waiting for the first trial", total=None)
        told = ""

        def update(experiment: Experiment) -> None:
            nonlocal told
            now = progress_of(experiment)
            if now.stalled not in ("", told):
                told = now.stalled
                console.print(f"stalled: {told}", markup=False, highlight=False)
            bar.update(task, total=now.wanted, completed=now.done, description=line(now, pace.seconds_left(now)))

        yield update


def experiments(found: Sequence[Experiment], *, everywhere: bool) -> None:
    """Print one line for each Experiment."""
    rows = []
    for item in sorted(found, key=lambda item: (item.metadata.namespace, item.metadata.name)):
        now, best = progress_of(item), best_trial(item)
        shown = f"{now.metric}={best.value:.6g}" if best else ""
        wanted = f"/{now.wanted}" if now.wanted is not None else ""
        row = [item.metadata.name, now.state, f"{now.done}{wanted}", str(now.running), shown]
        rows.append([item.metadata.namespace, *row] if everywhere else row)
    heads = ["NAME", "STATE", "DONE", "RUNNING", "BEST"]
    _table(["NAMESPACE", *heads] if everywhere else heads, rows, "no Experiments")


def trials(results: Results) -> None:
    """Print one line for each trial: state, objective value, parameters, and why it failed or was stopped early."""
    names = [item.name for item in results.experiment.spec.parameters]
    found = [trial_result(trial, results.experiment) for trial in results.trials]
    rows = [
        [
            item.name,
            item.state,
            "" if item.value is None else f"{item.value:.6g}",
            *(_short(item.parameters.get(name, "")) for name in names),
            item.message.splitlines()[0] if item.message and item.state in _TOLD else "",
        ]
        for item in found
    ]
    heads = ["TRIAL", "STATE", "VALUE", *names]
    if any(row[-1] for row in rows):
        heads.append("WHY")
    _table(heads, [row[: len(heads)] for row in rows], "no trials")


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else text(value)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> None:
    from rich.console import Console
    from rich.table import Table

    # Only a terminal has a width; whoever pipes the table wants one line for each row.
    console = Console() if Console().is_terminal else Console(width=UNLIMITED)
    if not rows:
        console.print(empty)
        return
    table = Table(box=None, pad_edge=False, show_edge=False)
    for index, head in enumerate(heads):  # names are for copying: whatever else is cut on a narrow terminal, they stay
        named = head in ("NAME", "TRIAL")
        table.add_column(head, min_width=max(len(row[index]) for row in rows) if named else None, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table, markup=False)
