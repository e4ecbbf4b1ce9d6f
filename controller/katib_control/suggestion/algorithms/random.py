"""Random search: every point drawn from the parameters' own distributions.

The numbers of a point come from the seed and its index alone, so that a restart neither repeats nor changes anything.
A point that was already made is drawn again while others are left. When all points of a finite space are made
the search goes on and repeats points, as Katib's does: how long to go on is for ``maxTrialCount`` to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.settings import RANDOM_STATE, Setting, Settings
from katib_control.suggestion.algorithm import ANY_OBJECTIVE, Feature, Found, Request
from katib_control.suggestion.batch import new_points
from katib_control.suggestion.space import SearchSpace


class Random:
    """See the module."""

    settings: ClassVar[tuple[Setting, ...]] = (RANDOM_STATE,)
    supports: ClassVar[frozenset[Feature]] = ANY_OBJECTIVE

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        """Accept every search space."""
        return ()

    def ask(self, request: Request) -> Found:
        """Draw one point per index."""
        return Found(new_points(request, request.history()))
