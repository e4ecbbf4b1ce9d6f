"""BOHB (Falkner et al., ICML 2018): Hyperband whose new configurations come from a model of the good ones.

The model is a tree-structured Parzen estimator over all parameters at once, fitted to the results of the highest budget
that has enough of them. A share of the configurations stays random, which keeps Hyperband's guarantees.
"""

from __future__ import annotations

from typing import ClassVar

from katib_control.api.settings import Setting
from katib_control.suggestion.algorithm import Request
from katib_control.suggestion.algorithms.hyperband import Hyperband, Race
from katib_control.suggestion.schedules.promising import MODEL_SETTINGS, Model


class Bohb(Hyperband):
    """See the module."""

    settings: ClassVar[tuple[Setting, ...]] = (*Hyperband.settings, *MODEL_SETTINGS)
    name: ClassVar[str] = "bohb"

    def model(self, request: Request, race: Race) -> Model:
        """Return the model of the results so far."""
        return Model(request, race.resource, race.ledger, request.memo.setdefault("rows", {}))
