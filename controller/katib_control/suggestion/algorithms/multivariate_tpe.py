"""``tpe`` under the name and with the settings that Katib's multivariate service has."""

from __future__ import annotations

from typing import ClassVar

from katib_control.api.settings import RANDOM_STATE, Setting
from katib_control.suggestion.algorithms.tpe import N_EI_CANDIDATES, N_STARTUP_TRIALS, TreeParzen


class MultivariateTreeParzen(TreeParzen):
    """See the module."""

    settings: ClassVar[tuple[Setting, ...]] = (N_EI_CANDIDATES, N_STARTUP_TRIALS, RANDOM_STATE)
