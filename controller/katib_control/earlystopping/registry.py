"""The early stopping rules there are: a new one is a file and a line here, and the contract suite tests it unasked."""

from __future__ import annotations

from collections.abc import Mapping

from katib_control.earlystopping.rule import Rule
from katib_control.earlystopping.rules.asha import Asha
from katib_control.earlystopping.rules.medianstop import MedianStop
from katib_control.earlystopping.rules.percentile import Percentile

RULES: Mapping[str, Rule] = {
    "medianstop": MedianStop(),
    "asha": Asha(),
    "percentile": Percentile(),
}
"""By ``spec.earlyStopping.algorithmName``."""
