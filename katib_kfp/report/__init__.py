"""Plots, HTML and tables of an Experiment: one code for KFP artifacts, notebooks and the web UI.

Pure: what is shown comes from the Experiment, its Trials and log lines that the caller has read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from katib_control.api.experiment import Experiment
from katib_control.api.trial import Trial
from katib_kfp.report.page import page
from katib_kfp.report.study import study
from katib_kfp.report.table import csv_text

__all__ = ["render", "trials_csv"]


def render(experiment: Experiment, trials: Sequence[Trial], *, logs: Mapping[str, Sequence[str]] | None = None) -> str:
    """Return one HTML page that needs no network, and no rights beyond running its own scripts.

    ``logs`` are the last log lines of trials by trial name, shown beside what went wrong.
    """
    return page(study(experiment, trials), logs or {})


def trials_csv(experiment: Experiment, trials: Sequence[Trial]) -> str:
    """Return one row per trial: name, status, parameters, metrics, start, completion, seconds."""
    return csv_text(study(experiment, trials))
