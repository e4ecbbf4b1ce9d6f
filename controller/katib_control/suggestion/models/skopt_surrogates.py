"""The surrogates of scikit-optimize: a Gaussian process, two kinds of forests, and boosted quantiles.

Each is fitted to rows of features and standardised losses, and tells a mean and a standard deviation. None of them
warns: warnings can only be silenced for all threads, so what would cause one is avoided. Loads scikit-learn, so it is
imported where it is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import minimize
from skopt.learning import GaussianProcessRegressor
from skopt.learning.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from skopt.utils import cook_estimator

from katib_control.suggestion.models.acquisition import Matrix, Numbers

_LEAST_DEVIATION = 1e-9
# Natural logarithms: centre and width of what is plausible for losses of standard deviation 1.
_AMPLITUDE, _NOISE = (0.0, 1.0), (math.log(1e-3), 2.5)
_MARGIN = 0.01


class Regressor(Protocol):
    """What acquisition functions ask."""

    def fit(self, features: Matrix, losses: Numbers) -> Any:
        """Learn; what was learned before is forgotten."""

    def predict(self, features: Matrix, return_std: bool = False) -> Any:
        """Return the means, or the means and the standard deviations."""


class Process:
    """A Gaussian process: Matern 5/2 with a length scale for each feature, and noise.

    Its kernel is fitted with the first data only, so that the rest of a batch costs little.
    """

    def __init__(self, width: int, parameters: int) -> None:
        kernel = ConstantKernel(1.0, (0.01, 1000.0)) * Matern([1.0] * width, [(0.01, 100.0)] * width, nu=2.5)
        self._kernel = kernel + WhiteKernel(1e-3, (1e-6, 1.0))
        self._optimizer: Callable[..., Any] | None = plausible(parameters)

    def fit(self, features: Matrix, losses: Numbers) -> Process:
        """See Regressor."""
        fitted = GaussianProcessRegressor(kernel=self._kernel, optimizer=self._optimizer)
        fitted.fit(features, losses)
        self._kernel, self._optimizer = fitted.kernel_, None
        self._signal = fitted.kernel_.k1
        self._features, self._factor, self._weights = fitted.X_train_, fitted.L_, fitted.alpha_
        return self

    def predict(self, features: Matrix, return_std: bool = False) -> Any:
        """See Regressor. The library's own inverts a matrix, finds negative variances, and warns of them."""
        across = self._signal(features, self._features)
        mean = across @ self._weights
        if not return_std:
            return mean
        explained = solve_triangular(self._factor, across.T, lower=True, check_finite=False)
        variance = self._signal.diag(features) - np.einsum("ij,ij->j", explained, explained)
        return mean, np.sqrt(np.maximum(variance, _LEAST_DEVIATION**2))


def plausible(parameters: int) -> Callable[..., Any]:
    """Return an optimizer of kernels: the likelihood times how plausible they are, from one sensible start.

    The more parameters, the longer the length scales (Hvarfner, Hellsten and Nardi, 2024). A likelihood alone is
    multimodal with few points, needs restarts, and ends on the bounds.
    """
    length = math.log(0.6) + 0.25 * math.log(parameters)

    def optimize(likelihood: Callable[..., Any], initial: Numbers, bounds: Matrix) -> tuple[Numbers, float]:
        scales = len(initial) - 2
        centre = np.array([_AMPLITUDE[0], *[length] * scales, _NOISE[0]])
        width = np.array([_AMPLITUDE[1], *[1.0] * scales, _NOISE[1]])
        # Off the bounds: the library warns of parameters that lie on them.
        low, high = bounds[:, 0] + _MARGIN, bounds[:, 1] - _MARGIN

        def loss(theta: Numbers) -> tuple[float, Numbers]:
            value, slope = likelihood(theta, eval_gradient=True)
            off = (theta - centre) / width
            return float(value + off @ off / 2), slope + off / width

        start = np.clip(centre, low, high)
        ended = minimize(
            loss, start, jac=True, method="L-BFGS-B", bounds=list(zip(low, high, strict=True)), options={"maxiter": 20}
        )
        return ended.x, float(ended.fun)

    return optimize


class Forest:
    """Random forest (RF) or extremely randomised trees (ET)."""

    def __init__(self, kind: str, seed: int) -> None:
        self._inner = cook_estimator(kind, random_state=seed)

    def fit(self, features: Matrix, losses: Numbers) -> Forest:
        """See Regressor."""
        self._inner.fit(features, losses)
        return self

    def predict(self, features: Matrix, return_std: bool = False) -> Any:
        """See Regressor."""
        # As the library has it (Hutter et al., 2014, section 4.3.2), which asks each tree twice and checks each time.
        mean, square = np.zeros(len(features)), np.zeros(len(features))
        leaves = features.astype(np.float32)
        for tree in (estimator.tree_ for estimator in self._inner.estimators_):
            leaf = tree.apply(leaves)
            here = tree.value[leaf, 0, 0]
            mean += here
            square += here**2 + tree.impurity[leaf]
        count = len(self._inner.estimators_)
        mean /= count
        variance = np.maximum(square / count - mean**2, _LEAST_DEVIATION**2)
        return (mean, np.sqrt(variance)) if return_std else mean


class Quantiles:
    """Gradient-boosted trees (GBRT) for the quantiles 0.16, 0.5 and 0.84, which stand for mean and deviation.

    The library's Optimizer refuses its own class with scikit-learn 1.6 and later, and its deviation needs a function
    that numpy has dropped; the quantiles are sound.
    """

    def __init__(self, seed: int) -> None:
        self._inner = cook_estimator("GBRT", random_state=seed)

    def fit(self, features: Matrix, losses: Numbers) -> Quantiles:
        """See Regressor."""
        self._inner.fit(features, losses)
        return self

    def predict(self, features: Matrix, return_std: bool = False) -> Any:
        """See Regressor."""
        low, middle, high = self._inner.predict(features, return_quantiles=True).T
        # Quantiles are fitted one by one, and may cross.
        return (middle, np.maximum((high - low) / 2, _LEAST_DEVIATION)) if return_std else middle
