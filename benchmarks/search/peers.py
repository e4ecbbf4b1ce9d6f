"""Other libraries as searchers on the same spaces, each as its own documentation says to use it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.search.loop import Asked, Searcher
from benchmarks.search.parameters import Array, Listed, Named, Parameter, Real, Steps
from benchmarks.search.problem import Instance


def _number(parameter: Parameter, chosen: Any) -> float:
    """Return the number of what a library chose: ranks of steps and lists, categories by their text."""
    if isinstance(parameter, Steps):
        return float(parameter.low + parameter.step * int(chosen))
    if isinstance(parameter, Listed):
        return parameter.values[int(chosen)]
    return parameter.number(str(chosen)) if isinstance(parameter, Named) else float(chosen)


def _asked(instance: Instance, chosen: Sequence[Any]) -> Asked:
    point: Array = np.array([_number(item, value) for item, value in zip(instance.parameters, chosen, strict=True)])
    return Asked(point, instance.resource)


class Optuna:
    """An Optuna study under ask and tell; open trials run."""

    def __init__(self, instance: Instance, sampler: Callable[[Any], Any]) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._instance = instance
        self._space = {item.name: self._distribution(optuna.distributions, item) for item in instance.parameters}
        self._study = optuna.create_study(sampler=sampler(optuna.samplers))
        self._trials: list[Any] = []

    @staticmethod
    def _distribution(kinds: Any, item: Parameter) -> Any:
        if isinstance(item, Real):
            return kinds.FloatDistribution(item.low, item.high, log=item.log)
        if isinstance(item, Named):
            return kinds.CategoricalDistribution(item.values)
        return kinds.IntDistribution(0, item.size - 1)

    def ask(self, count: int) -> Sequence[Asked]:
        """Ask for so many, one after the other."""
        fresh = [self._study.ask(self._space) for _ in range(count)]
        self._trials += fresh
        return [_asked(self._instance, [item.params[name] for name in self._space]) for item in fresh]

    def tell(self, index: int, loss: float) -> None:
        """Tell the study."""
        self._study.tell(self._trials[index], loss)


class Hyperopt:
    """hyperopt's TPE; each point with a seed of its own, which its own loop does as well."""

    def __init__(self, instance: Instance, seed: int) -> None:
        import hyperopt

        self._hyperopt = hyperopt
        self._instance = instance
        space = {item.name: self._expression(hyperopt.hp, item) for item in instance.parameters}
        self._domain = hyperopt.Domain(lambda values: 0.0, space)
        self._trials = hyperopt.Trials()
        self._rng = np.random.default_rng(seed)
        self._made = 0

    @staticmethod
    def _expression(kinds: Any, item: Parameter) -> Any:
        if isinstance(item, Real):
            if item.log:
                return kinds.loguniform(item.name, np.log(item.low), np.log(item.high))
            return kinds.uniform(item.name, item.low, item.high)
        if isinstance(item, Named):
            return kinds.choice(item.name, list(range(item.size)))
        return kinds.quniform(item.name, -0.5, item.size - 0.5, 1)

    def ask(self, count: int) -> Sequence[Asked]:
        """Ask for so many, one after the other; hyperopt knows nothing of running ones."""
        return [self._one() for _ in range(count)]

    def tell(self, index: int, loss: float) -> None:
        """Write the loss into the trial."""
        trial = self._trials._dynamic_trials[index]
        trial["result"] = {"loss": loss, "status": "ok"}
        trial["state"] = self._hyperopt.JOB_STATE_DONE
        self._trials.refresh()

    def _one(self) -> Asked:
        seed = int(self._rng.integers(2**31))
        fresh = self._hyperopt.tpe.suggest([self._made], self._domain, self._trials, seed)
        self._trials.insert_trial_docs(fresh)
        self._trials.refresh()
        self._made += 1
        values = {name: found[0] for name, found in fresh[0]["misc"]["vals"].items()}
        return _asked(self._instance, [self._choice(item, values[item.name]) for item in self._instance.parameters])

    @staticmethod
    def _choice(item: Parameter, value: Any) -> Any:
        if isinstance(item, Named):
            return item.values[int(value)]
        return value if isinstance(item, Real) else min(max(int(value), 0), item.size - 1)


class Skopt:
    """scikit-optimize with a Gaussian process and constant liars."""

    def __init__(self, instance: Instance, seed: int) -> None:
        from skopt import Optimizer
        from skopt.space import Categorical, Integer
        from skopt.space import Real as Double

        dimensions: list[Any] = []
        for item in instance.parameters:
            if isinstance(item, Real):
                dimensions.append(Double(item.low, item.high, prior="log-uniform" if item.log else "uniform"))
            elif isinstance(item, Named):
                dimensions.append(Categorical(item.values))
            else:
                dimensions.append(Integer(0, item.size - 1))
        self._instance = instance
        self._optimizer = Optimizer(dimensions, "GP", random_state=seed)
        self._points: list[Any] = []

    def ask(self, count: int) -> Sequence[Asked]:
        """Ask for so many at once."""
        fresh = [self._optimizer.ask()] if count == 1 else self._optimizer.ask(n_points=count)
        self._points += fresh
        return [_asked(self._instance, point) for point in fresh]

    def tell(self, index: int, loss: float) -> None:
        """Tell the optimizer."""
        self._optimizer.tell(self._points[index], loss)


def _optuna(name: str, **options: Any) -> Callable[[Instance, int], Searcher]:
    return lambda instance, seed: Optuna(instance, lambda samplers: getattr(samplers, name)(seed=seed, **options))


PEERS: dict[str, Callable[[Instance, int], Searcher]] = {
    "optuna-tpe": _optuna("TPESampler"),
    "optuna-tpe-independent": _optuna("TPESampler", multivariate=False),
    "optuna-gp": _optuna("GPSampler"),
    "optuna-cmaes": _optuna("CmaEsSampler"),
    "hyperopt-tpe": Hyperopt,
    "skopt-gp": Skopt,
}
"""Searchers by name, each made for an instance and a seed."""
