"""The KFP components: one module each, a signature, a docstring and a call into ``katib_kfp.runtime``.

    from katib_kfp.components import tune

``build(tune.python_func, image=..., pip=True)`` makes the same component for another image.
"""

from katib_kfp.components._build import IMAGE, build
from katib_kfp.components.create_experiment import create_experiment
from katib_kfp.components.delete_experiment import delete_experiment
from katib_kfp.components.get_best_hyperparameters import get_best_hyperparameters
from katib_kfp.components.tune import tune
from katib_kfp.components.wait_for_experiment import wait_for_experiment

__all__ = [
    "IMAGE",
    "build",
    "create_experiment",
    "delete_experiment",
    "get_best_hyperparameters",
    "tune",
    "wait_for_experiment",
]
