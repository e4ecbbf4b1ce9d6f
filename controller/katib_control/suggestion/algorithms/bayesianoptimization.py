"""Bayesian optimisation (Mockus, 1978; Snoek et al., 2012): where a surrogate model expects the most of a trial.

Until ``n_initial_points`` trials have a value the points are those of Sobol's sequence. From then on a surrogate is
fitted for every answer to at most a hundred trials, so its time does not grow with the history. Points that run, the
rest of a batch, and points that failed keep others away. Nothing is repeated while the space has other points.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.settings import RANDOM_STATE, Setting, Settings
from katib_control.suggestion.algorithm import ONE_OBJECTIVE, Feature, Found, Request, Suggested
from katib_control.suggestion.algorithms.sobol import Sobol
from katib_control.suggestion.batch import new_points
from katib_control.suggestion.history import History
from katib_control.suggestion.models.evidence import Evidence, evidence
from katib_control.suggestion.space import Point, SearchSpace

if TYPE_CHECKING:
    from katib_control.suggestion.models.acquisition import Surrogate

_MOST = 100
"""So many finished trials a surrogate is shown, fewer where there are many parameters."""
_LEAST, _NUMBERS = 20, 5_000

_TREES = ("RF", "ET", "GBRT")
_PER_SECOND = ("EIps", "PIps")

N_INITIAL_POINTS = Setting(
    name="n_initial_points", type="int", low=0, default=10,
    help="points of Sobol's sequence until this many trials have a value; 0 is the same as 1",
)  # fmt: skip


class BayesianOptimization:
    """See the module."""

    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            name="base_estimator", type="choice", choices=("auto", "GP", "RF", "ET", "GBRT"), default="auto",
            help="surrogate: scikit-optimize's Gaussian process, random forest, extra trees or boosted trees; auto is "
            "Optuna's Gaussian process where torch is installed and no acq_func or acq_optimizer is given, else GP",
        ),
        N_INITIAL_POINTS,
        Setting(
            name="acq_func", type="choice", choices=("gp_hedge", "LCB", "EI", "PI", *_PER_SECOND),
            help="what is maximised; without it expected improvement (EI) for auto, and gp_hedge for the others; EIps "
            "and PIps are refused, for they need the time of each trial",
        ),
        Setting(
            name="acq_optimizer", type="choice", choices=("auto", "sampling", "lbfgs"),
            help="how it is maximised: among random points and points near good ones (sampling), then along the "
            "gradient too (lbfgs, for GP only); auto, which is the same as nothing, is lbfgs for GP",
        ),
        RANDOM_STATE,
    )  # fmt: skip
    supports: ClassVar[frozenset[Feature]] = ONE_OBJECTIVE

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        """Refuse settings that no surrogate can serve."""
        errors = []
        if settings["acq_func"] in _PER_SECOND:
            rule = "acq_func EIps and PIps need the time of each trial, which is not known: take EI or PI"
            errors.append(_wrong(spec, "acq_func", rule))
        if settings["base_estimator"] in _TREES and settings["acq_optimizer"] == "lbfgs":
            rule = "acq_optimizer lbfgs needs a gradient, which RF, ET and GBRT do not have: take sampling"
            errors.append(_wrong(spec, "acq_optimizer", rule))
        return errors

    def ask(self, request: Request) -> Found:
        """Propose one point per index, each knowing of those before it."""
        history = request.history()
        seen = evidence(request, history, most(request.space))
        if len(seen.points) < max(1, request.settings["n_initial_points"]):
            return Sobol().ask(request)
        learn = surrogate(request)
        from katib_control.suggestion.models.threads import one_thread  # loads a library

        with one_thread():
            return Found(modelled(request, history, learn(seen)))


def most(space: SearchSpace) -> int:
    """Return how many finished trials a surrogate of this space is shown."""
    return max(_LEAST, min(_MOST, _NUMBERS // len(space.dimensions)))


def surrogate(request: Request) -> Callable[[Evidence], Surrogate]:
    """Return the model that the settings ask for, to be fitted; its libraries are loaded."""
    settings = request.settings
    kind, function, optimizer = settings["base_estimator"], settings["acq_func"], settings["acq_optimizer"]
    if kind == "auto" and function is None and optimizer is None and torch_is_there():
        from katib_control.suggestion.models.optuna_gp import OptunaProcess

        return partial(OptunaProcess, request.space)
    from katib_control.suggestion.models.skopt_model import Choice, SkoptModel

    estimator = "GP" if kind == "auto" else kind
    choice = Choice(
        estimator=estimator,
        acquisition=function or ("EI" if kind == "auto" else "gp_hedge"),
        gradients=estimator == "GP" and optimizer != "sampling",
        # The same trees at every answer, so that its points differ because the trials do.
        seed=request.number(0, "trees") >> 32,
    )
    return partial(SkoptModel, request.space, choice)


def torch_is_there() -> bool:
    """Whether torch is installed; it is not loaded."""
    return importlib.util.find_spec("torch") is not None


def modelled(request: Request, history: History, model: Surrogate) -> list[Suggested]:
    """Return one point per index by a surrogate; random ones where it has none to propose."""

    def propose(index: int, made: Collection[Point], _: Collection[Point]) -> Suggested | None:
        number = request.number(index, "model")
        point = model.propose(number, lambda item: item not in made and request.space.feasible(item))
        return None if point is None else Suggested(point)

    return new_points(request, history, propose, model.add)


def _wrong(spec: ExperimentSpec, name: str, rule: str) -> FieldError:
    """Return the error at the setting of this name; of two the last counts."""
    given = spec.algorithm.algorithm_settings if spec.algorithm else []
    position = max(place for place, item in enumerate(given) if item.name == name)
    return FieldError(f"spec.algorithm.algorithmSettings[{position}].value", rule, given[position].value)
