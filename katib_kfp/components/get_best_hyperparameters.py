"""Read the best hyperparameters that an Experiment has found so far."""

# kfp reads this signature itself: NamedTuple("Outputs", [...]) and bare dict and list are its language, not mypy's.
# mypy: disable-error-code="valid-type,type-arg"

from typing import NamedTuple

from katib_kfp.components._build import build


def get_best_hyperparameters(
    experiment_name: str,
    experiment_namespace: str = "",
    state_dir: str = "",
    kubeconfig: str = "",
    context: str = "",
) -> NamedTuple(
    "Outputs",
    [
        ("best_hyperparameters", dict),
        ("best_hyperparameters_json", str),
        ("best_arguments", list),
        ("best_objective_value", float),
        ("best_trial_name", str),
        ("status", str),
        ("experiment_name", str),
        ("experiment_namespace", str),
    ],
):
    """Read the best hyperparameters so far, without waiting; fails when there are none.

    Args:
        experiment_name: Name of the Experiment.
        experiment_namespace: Its namespace; empty: the one of the place where it runs.
        state_dir: Run on this machine, with this state directory; excludes kubeconfig and context.
        kubeconfig: Run on the cluster of this kubeconfig file.
        context: Context in the kubeconfig.

    Returns:
        best_hyperparameters: Best hyperparameters, each of its own type.
        best_hyperparameters_json: The same as exact JSON text.
        best_arguments: The same as command-line arguments, ["--lr=0.1", ...].
        best_objective_value: Value of the objective, 0.0 where there is none.
        best_trial_name: Name of the best trial.
        status: Succeeded, Failed or TimedOut.
        experiment_name: Name of the Experiment.
        experiment_namespace: Its namespace.
    """
    from katib_kfp import runtime

    results = runtime.get_best_hyperparameters(
        experiment_name,
        experiment_namespace,
        runtime.Where(state_dir=state_dir, kubeconfig=kubeconfig, context=context),
    )
    return runtime.values(results)


get_best_hyperparameters = build(get_best_hyperparameters)
