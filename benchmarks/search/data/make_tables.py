"""Trains the models of the tables, once: losses on held-back data over a grid.

    python benchmarks/search/data/make_tables.py [name ...]

Takes about half an hour on two cores. The tables are committed, so that a benchmark needs no training.
"""

from __future__ import annotations

import itertools
import json
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import (
    datasets,
    decomposition,
    ensemble,
    kernel_ridge,
    metrics,
    model_selection,
    neural_network,
    pipeline,
    preprocessing,
    svm,
)

HERE = Path(__file__).parent
EPOCHS = 27


def _powers(low: float, high: float, count: int) -> list[float]:
    return [float(f"{item:.3g}") for item in np.geomspace(low, high, count)]


GRIDS: dict[str, dict[str, list[Any]]] = {
    "svr_diabetes": {
        "C": _powers(1e-2, 1e4, 13), "gamma": _powers(1e-5, 10, 13), "epsilon": _powers(1e-1, 1e2, 7),
        "kernel": ["rbf", "sigmoid", "poly"],
    },
    "forest_wine": {
        "max_depth": [1, 2, 3, 5, 9], "max_features": [1, 2, 3, 5, 8, 13], "min_samples_leaf": [1, 2, 4, 8, 16, 24],
        "n_estimators": [5, 10, 20, 40], "criterion": ["gini", "entropy"],
    },
    "boosting_cancer": {
        "learning_rate": _powers(3e-3, 1, 9), "n_estimators": [10, 20, 40, 80], "max_depth": [1, 2, 3, 5],
        "subsample": [0.3, 0.6, 1.0], "max_features": ["all", "sqrt"],
    },
    "ridge_digits": {
        "alpha": _powers(1e-6, 1e2, 13), "gamma": _powers(1e-4, 10, 13), "components": [4, 8, 16, 32, 64],
        "kernel": ["rbf", "laplacian", "poly"],
    },
    "network_digits": {
        "lr": _powers(1e-4, 1e-1, 9), "alpha": _powers(1e-5, 10, 4), "units": [8, 16, 32, 64], "batch": [32, 128],
        "activation": ["relu", "tanh"],
    },
}  # fmt: skip


def svr_diabetes(C: float, gamma: float, epsilon: float, kernel: str) -> float:  # noqa: N803 - the model's own name
    """Return the cross-validated mean squared error, a worse one than the mean's being cut off at 4 times that."""
    x, y = datasets.load_diabetes(return_X_y=True)
    model = svm.SVR(C=C, gamma=gamma, epsilon=epsilon, kernel=kernel, max_iter=20000)
    steps = pipeline.make_pipeline(preprocessing.StandardScaler(), model)
    error = -model_selection.cross_val_score(steps, x, y, cv=_folds(5), scoring="neg_mean_squared_error").mean()
    return float(min(error, 4 * y.var()))


def forest_wine(**chosen: Any) -> float:
    """Return the cross-validated log loss."""
    x, y = datasets.load_wine(return_X_y=True)
    return _log_loss(ensemble.RandomForestClassifier(**chosen, random_state=1), x, y, folds=3)


def boosting_cancer(max_features: str, **chosen: Any) -> float:
    """Return the cross-validated log loss."""
    x, y = datasets.load_breast_cancer(return_X_y=True)
    features = None if max_features == "all" else max_features
    return _log_loss(
        ensemble.GradientBoostingClassifier(**chosen, max_features=features, random_state=1), x, y, folds=3
    )


def ridge_digits(components: int, **chosen: Any) -> float:
    """Return the mean squared error of kernel ridge regression on the ten indicators, a third of the data to learn."""
    x, y = datasets.load_digits(return_X_y=True)
    test, train = next(_folds(3).split(x, y))
    reduced = decomposition.PCA(components, random_state=1).fit(x[train] / 16)
    model = kernel_ridge.KernelRidge(**chosen).fit(reduced.transform(x[train] / 16), np.eye(10)[y[train]])
    error = np.mean((model.predict(reduced.transform(x[test] / 16)) - np.eye(10)[y[test]]) ** 2)
    return float(min(np.nan_to_num(error, nan=1.0), 0.2))


def network_digits(lr: float, alpha: float, units: int, batch: int, activation: str) -> list[float]:
    """Return the log loss on a third of the data after each epoch, cut off at twice that of guessing."""
    x, y = datasets.load_digits(return_X_y=True)
    train, test = next(_folds(3).split(x, y))
    scale = preprocessing.StandardScaler().fit(x[train])
    x_train, x_test, losses = scale.transform(x[train]), scale.transform(x[test]), []
    model = neural_network.MLPClassifier(
        (units,), learning_rate_init=lr, alpha=alpha, batch_size=batch, activation=activation, random_state=1
    )
    for _ in range(EPOCHS):
        model.partial_fit(x_train, y[train], classes=np.arange(10))
        odds = np.clip(np.nan_to_num(model.predict_proba(x_test)), 1e-7, 1)
        losses.append(float(metrics.log_loss(y[test], odds / odds.sum(axis=1, keepdims=True))))
    return [min(item, 2 * np.log(10)) for item in losses]


def _log_loss(model: Any, x: Any, y: Any, *, folds: int) -> float:
    odds = model_selection.cross_val_predict(model, x, y, cv=_folds(folds), method="predict_proba")
    return float(metrics.log_loss(y, np.clip(odds, 1e-3, 1 - 1e-3)))


def _folds(count: int) -> Any:
    return model_selection.KFold(count, shuffle=True, random_state=1)


def train(job: tuple[str, dict[str, Any]]) -> Any:
    """Return the loss, or the losses, of one cell of a table."""
    name, chosen = job
    warnings.simplefilter("ignore")  # some corners of a grid do not converge; their loss says so
    return globals()[name](**chosen)


def make(name: str, pool: ProcessPoolExecutor) -> None:
    """Train one table and write it."""
    grid = GRIDS[name]
    jobs = [(name, dict(zip(grid, values, strict=True))) for values in itertools.product(*grid.values())]
    losses = np.array(list(pool.map(train, jobs, chunksize=16)), dtype=np.float32)
    shape = [len(values) for values in grid.values()]
    table = losses.reshape([*shape, *losses.shape[1:]])
    axes = [
        {"name": axis, "kind": "named" if isinstance(values[0], str) else "listed", "values": values}
        for axis, values in grid.items()
    ]
    (HERE / f"{name}.json").write_text(json.dumps({"parameters": axes}, indent=1) + "\n", encoding="utf-8")
    np.savez_compressed(HERE / f"{name}.npz", loss=table)
    print(name, table.shape, float(table.min()), float(np.median(table)), float(table.max()), flush=True)


if __name__ == "__main__":
    with ProcessPoolExecutor(2) as workers:
        for wanted in sys.argv[1:] or GRIDS:
            make(wanted, workers)
