"""Hyperparameter tuning for Kubeflow Pipelines: what a pipeline author imports.

Everything is loaded when it is first used, so that ``import katib_kfp`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from katib_kfp import local as local
    from katib_kfp import metrics as metrics
    from katib_kfp.client import KatibClient
    from katib_kfp.experiment import Experiment
    from katib_kfp.objective import maximize, minimize
    from katib_kfp.space import Categorical, Discrete, Double, Int
    from katib_kfp.tuner import tune, unpack_parameters

__all__ = [
    "Categorical",
    "Discrete",
    "Double",
    "Experiment",
    "Int",
    "KatibClient",
    "local",
    "maximize",
    "metrics",
    "minimize",
    "tune",
    "unpack_parameters",
]
__version__ = "0.1.0"

_HOME = {
    "Categorical": "space",
    "Discrete": "space",
    "Double": "space",
    "Experiment": "experiment",
    "Int": "space",
    "KatibClient": "client",
    "maximize": "objective",
    "minimize": "objective",
    "tune": "tuner",
    "unpack_parameters": "tuner",
}
_MODULES = ("local", "metrics")


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _HOME:
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *__all__})
