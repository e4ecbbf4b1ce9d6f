"""The algorithms there are: a new one is a file and a line here, and the contract suite tests it unasked."""

from __future__ import annotations

from collections.abc import Mapping

from katib_control.suggestion.algorithm import Algorithm
from katib_control.suggestion.algorithms.asha import Asha
from katib_control.suggestion.algorithms.auto import Auto
from katib_control.suggestion.algorithms.bayesianoptimization import BayesianOptimization
from katib_control.suggestion.algorithms.bohb import Bohb
from katib_control.suggestion.algorithms.cmaes import CovarianceMatrixAdaptation
from katib_control.suggestion.algorithms.grid import Grid
from katib_control.suggestion.algorithms.hyperband import Hyperband
from katib_control.suggestion.algorithms.multivariate_tpe import MultivariateTreeParzen
from katib_control.suggestion.algorithms.nsgaii import NonDominatedSorting
from katib_control.suggestion.algorithms.pbt import PopulationBased
from katib_control.suggestion.algorithms.random import Random
from katib_control.suggestion.algorithms.smac import Smac
from katib_control.suggestion.algorithms.sobol import Sobol
from katib_control.suggestion.algorithms.tpe import TreeParzen

ALGORITHMS: Mapping[str, Algorithm] = {
    "auto": Auto(),
    "random": Random(),
    "grid": Grid(),
    "sobol": Sobol(),
    "tpe": TreeParzen(),
    "multivariate-tpe": MultivariateTreeParzen(),
    "nsgaii": NonDominatedSorting(),
    "cmaes": CovarianceMatrixAdaptation(),
    "bayesianoptimization": BayesianOptimization(),
    "smac": Smac(),
    "hyperband": Hyperband(),
    "asha": Asha(),
    "bohb": Bohb(),
    "pbt": PopulationBased(),
}
"""By Katib's ``algorithmName``."""
