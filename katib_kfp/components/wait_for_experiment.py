"""Wait for an Experiment and hand out what it has found."""

# kfp reads this signature itself: NamedTuple("Outputs", [...]) and bare dict and list are its language, not mypy's.
# mypy: disable-error-code="valid-type,type-arg"

from typing import NamedTuple

from kfp.dsl import HTML, Dataset, Metrics, Output

from katib_kfp.components._build import build


def wait_for_experiment(
    trials: Output[Dataset],
    metrics: Output[Metrics],
    report: Output[HTML],
    experiment_name: str,
    experiment_namespace: str = "",
    experiment_timeout_minutes: int = 1440,
    delete_finished_experiment: bool = False,
    on_cancel: str = "keep",
    on_failure: str = "fail",
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
    """Wait for an Experiment to finish; print its progress.

    Args:
        trials: CSV table of all trials.
        metrics: Best value of each metric, and counts of trials.
        report: HTML report.
        experiment_name: Name of the Experiment.
        experiment_namespace: Its namespace; empty: the one of the place where it runs.
        experiment_timeout_minutes: Give up waiting after so many minutes.
        delete_finished_experiment: Delete the Experiment after it has succeeded and the outputs are written.
        on_cancel: What to do with the Experiment when the step is cancelled or times out: delete or keep.
        on_failure: What to do when the Experiment does not succeed: fail the step, or continue with the outputs
            there are.
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

    results = runtime.wait_for_experiment(
        experiment_name,
        experiment_namespace,
        runtime.Waiting(
            timeout_minutes=experiment_timeout_minutes,
            on_cancel=on_cancel,
            on_failure=on_failure,
            delete_finished=delete_finished_experiment,
        ),
        runtime.Where(state_dir=state_dir, kubeconfig=kubeconfig, context=context),
        runtime.Artifacts(trials=trials, metrics=metrics, report=report),
    )
    return runtime.values(results)


wait_for_experiment = build(wait_for_experiment)
