"""Tree-structured Parzen estimator (Bergstra et al., 2011): Optuna's, all parameters at once.

Accepts the settings of both Katib services that offer ``tpe``. Until ``n_startup_trials`` trials have a value it is
random search. Running trials and the rest of a batch count as bad ones (constant liar), so that points spread out. A
point that was already made is not made again while the space has others. With several objectives it is MOTPE (Ozaki
et al., 2022): good trials are those that no other dominates.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, ClassVar

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.settings import RANDOM_STATE, Setting, Settings
from katib_control.suggestion.algorithm import ANY_OBJECTIVE, Feature, Found, Request, Suggested
from katib_control.suggestion.batch import new_points
from katib_control.suggestion.history import History
from katib_control.suggestion.models.archive import Archive, archive_of
from katib_control.suggestion.space import Point, SearchSpace

if TYPE_CHECKING:
    from katib_control.suggestion.models.parzen import Model

_GOOD_AT_MOST = 25

N_STARTUP_TRIALS = Setting(
    name="n_startup_trials", type="int", low=0, default=10,
    help="random points until this many trials have a value",
)  # fmt: skip
N_EI_CANDIDATES = Setting(
    name="n_ei_candidates", type="int", low=1, default=24, alias="n_EI_candidates",
    help="how many candidates are drawn for the best expected improvement",
)  # fmt: skip


class TreeParzen:
    """See the module."""

    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            name="gamma", type="float", above=0, below=1,
            help="share of good trials: gamma * sqrt(trials) of them, at most 25; without it a fifth, at most 25",
        ),
        Setting(
            name="prior_weight", type="float", above=0, default=1.0,
            help="weight of the parameter's own distribution against one trial",
        ),
        N_EI_CANDIDATES,
        N_STARTUP_TRIALS,
        RANDOM_STATE,
    )  # fmt: skip
    supports: ClassVar[frozenset[Feature]] = ANY_OBJECTIVE

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        """Accept every search space."""
        return ()

    def ask(self, request: Request) -> Found:
        """Sample one point per index, each knowing of those before it."""
        history, archive = request.history(), archive_of(request)
        archive.update(history)
        # Where all trials are alike, or there is none, there is nothing to go by either.
        started = len(archive.finished) >= request.settings["n_startup_trials"] and not archive.level
        model = _model(request, history, archive) if started else None
        if model is None:
            return Found(new_points(request, history))

        def propose(index: int, *taken: Collection[Point]) -> Suggested | None:
            point = _proposed(request, index, model, taken)
            return Suggested(point) if point else None

        return Found(new_points(request, history, propose, model.add))


def _model(request: Request, history: History, archive: Archive) -> Model:
    from katib_control.suggestion.models.parzen import Model

    model: Model | None = request.memo.get("model")
    if model is None:
        model = request.memo["model"] = Model(request.space, archive.objectives)
    model.update(history, archive)
    return model


def _proposed(request: Request, index: int, model: Model, taken: Sequence[Collection[Point]]) -> Point | None:
    """Return a point that was not made; where all are made, one that is not busy."""
    from katib_control.suggestion.models.estimators import Tuning

    settings, space = request.settings, request.space
    tuning = Tuning(
        candidates=settings["n_ei_candidates"],
        prior_weight=settings.get("prior_weight", 1.0),
        finished=model.finished,
        good=good_trials(settings.get("gamma"), model.finished),
    )
    for group in taken:
        if space.size is None or len(group) < space.size:
            # numpy's legacy seeds have 32 bits.
            seed = request.number(index, "tpe") >> 32

            def accept(point: Point, group: Collection[Point] = group) -> bool:
                return point not in group and space.feasible(point)

            return model.propose(tuning, accept, seed)
    return None


def good_trials(gamma: float | None, finished: int) -> int:
    """Return how many finished trials are good ones: hyperopt's rule for ``gamma``, and a fifth without it."""
    share = 0.2 * finished if gamma is None else gamma * math.sqrt(finished)
    return min(math.ceil(share), _GOOD_AT_MOST)
