"""SMAC (Hutter et al., 2011; Lindauer et al., 2022): a random forest over mixed spaces, with SMAC3's own forest.

As in its facade for hyperparameter optimisation: losses on a logarithmic scale, ten trees, the expected improvement of
a lognormal loss, and now and then a random point. The facade itself wants to run the trials, keeps its state in a
directory, and its logging; none of that is used. An extra: the package is not needed by anything else.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import ClassVar

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.settings import RANDOM_STATE, Setting, Settings
from katib_control.suggestion.algorithm import ONE_OBJECTIVE, Feature, Found, Request
from katib_control.suggestion.algorithms.bayesianoptimization import N_INITIAL_POINTS, modelled
from katib_control.suggestion.algorithms.sobol import Sobol
from katib_control.suggestion.models.evidence import evidence
from katib_control.suggestion.space import SearchSpace

_MOST = 300


class Smac:
    """See the module."""

    settings: ClassVar[tuple[Setting, ...]] = (
        N_INITIAL_POINTS,
        Setting(
            name="n_trees", type="int", low=2, high=100, default=10,
            help="trees of the forest; more of them are smoother, and take longer",
        ),
        Setting(
            name="random_probability", type="float", low=0, high=1, default=0.1,
            help="probability that a point is drawn at random, whatever the forest says",
        ),
        RANDOM_STATE,
    )  # fmt: skip
    supports: ClassVar[frozenset[Feature]] = ONE_OBJECTIVE

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        """Refuse to work without the package."""
        if importlib.util.find_spec("smac") is not None:
            return ()
        rule = "algorithm smac needs the package smac: install katib-kfp[smac]"
        return (FieldError("spec.algorithm.algorithmName", rule, "smac", "FieldValueNotSupported"),)

    def ask(self, request: Request) -> Found:
        """Propose one point per index, each knowing of those before it."""
        history = request.history()
        seen = evidence(request, history, _MOST)
        if len(seen.points) < max(1, request.settings["n_initial_points"]):
            return Sobol().ask(request)
        from katib_control.suggestion.models.smac_forest import SmacForest
        from katib_control.suggestion.models.threads import one_thread

        with one_thread():
            return Found(modelled(request, history, SmacForest(request, seen)))
