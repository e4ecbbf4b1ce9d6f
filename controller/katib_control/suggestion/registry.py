"""The algorithms there are: a new one is a file and a line here, and the contract suite tests it unasked."""

from __future__ import annotations

from collections.abc import Mapping

from katib_control.suggestion.algorithm import Algorithm
from katib_control.suggestion.algorithms.grid import Grid
from katib_control.suggestion.algorithms.random import Random
from katib_control.suggestion.algorithms.tpe import TreeParzen

ALGORITHMS: Mapping[str, Algorithm] = {
    "random": Random(),
    "grid": Grid(),
    "tpe": TreeParzen(),
}
"""By Katib's ``algorithmName``."""
