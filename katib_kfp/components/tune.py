"""Create an Experiment, wait for it, hand out the best hyperparameters: all in one step."""

# kfp reads this signature itself: NamedTuple("Outputs", [...]) and bare dict and list are its language, not mypy's.
# mypy: disable-error-code="valid-type,type-arg"

from typing import NamedTuple

from kfp.dsl import HTML, Dataset, Metrics, Output

from katib_kfp.components._build import build


def tune(
    trials: Output[Dataset],
    metrics: Output[Metrics],
    report: Output[HTML],
    experiment_spec: dict,
    experiment_name: str = "",
    experiment_namespace: str = "",
    experiment_timeout_minutes: int = 1440,
    delete_finished_experiment: bool = False,
    max_trial_count: int = -1,
    parallel_trial_count: int = -1,
    trial_parameters: dict = {},  # noqa: B006  kfp's default, changed by nobody
    run_id: str = "",
    if_exists: str = "adopt",
    on_cancel: str = "delete",
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
    """Tune hyperparameters: create an Experiment, wait for it, hand out what is best.

    A step that is tried again finds its own Experiment and goes on with it. A failed or timed-out Experiment still
    writes the outputs it has, then fails the step with the reason.

    Args:
        trials: CSV table of all trials.
        metrics: Best value of each metric, and counts of trials.
        report: HTML report.
        experiment_spec: The Experiment, or its spec alone: katib_kfp.Experiment(...).for_kfp(), or a plain dict.
        experiment_name: Exact name of the Experiment; empty: derived from run, task and spec, so that a retry finds
            it again.
        experiment_namespace: Its namespace; empty: the one of the place where it runs.
        experiment_timeout_minutes: Give up waiting after so many minutes.
        delete_finished_experiment: Delete the Experiment after it has succeeded and the outputs are written.
        max_trial_count: Overrides spec.maxTrialCount; -1: as it is.
        parallel_trial_count: Overrides spec.parallelTrialCount; -1: as it is.
        trial_parameters: Fixed values for ${trialParameters.<name>} in the trial template, e.g. the URI of a data set.
        run_id: Who asks: dsl.PIPELINE_JOB_ID_PLACEHOLDER; empty: found out where that is possible.
        if_exists: What to do when the name is taken: adopt (go on with it), recreate or fail.
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

    results = runtime.tune(
        runtime.Request(
            spec=experiment_spec,
            name=experiment_name,
            namespace=experiment_namespace,
            max_trial_count=max_trial_count,
            parallel_trial_count=parallel_trial_count,
            pinned=trial_parameters,
            run_id=run_id,
            if_exists=if_exists,
        ),
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


tune = build(tune)
