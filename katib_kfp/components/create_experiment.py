"""Create an Experiment, or find the one that this step has already created."""

# kfp reads this signature itself: NamedTuple("Outputs", [...]) and bare dict and list are its language, not mypy's.
# mypy: disable-error-code="valid-type,type-arg"

from typing import NamedTuple

from katib_kfp.components._build import build


def create_experiment(
    experiment_spec: dict,
    experiment_name: str = "",
    experiment_namespace: str = "",
    max_trial_count: int = -1,
    parallel_trial_count: int = -1,
    trial_parameters: dict = {},  # noqa: B006  kfp's default, changed by nobody
    run_id: str = "",
    if_exists: str = "adopt",
    state_dir: str = "",
    kubeconfig: str = "",
    context: str = "",
) -> NamedTuple("Outputs", [("experiment_name", str), ("experiment_namespace", str)]):
    """Create an Experiment and do not wait for it.

    Args:
        experiment_spec: The Experiment, or its spec alone: katib_kfp.Experiment(...).for_kfp(), or a plain dict.
        experiment_name: Exact name of the Experiment; empty: derived from run, task and spec, so that a retry finds
            it again.
        experiment_namespace: Its namespace; empty: the one of the place where it runs.
        max_trial_count: Overrides spec.maxTrialCount; -1: as it is.
        parallel_trial_count: Overrides spec.parallelTrialCount; -1: as it is.
        trial_parameters: Fixed values for ${trialParameters.<name>} in the trial template, e.g. the URI of a data set.
        run_id: Who asks: dsl.PIPELINE_JOB_ID_PLACEHOLDER; empty: found out where that is possible.
        if_exists: What to do when the name is taken: adopt (go on with it), recreate or fail.
        state_dir: Run on this machine, with this state directory; excludes kubeconfig and context.
        kubeconfig: Run on the cluster of this kubeconfig file.
        context: Context in the kubeconfig.

    Returns:
        experiment_name: Name of the Experiment.
        experiment_namespace: Its namespace.
    """
    from katib_kfp import runtime

    made = runtime.create_experiment(
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
        runtime.Where(state_dir=state_dir, kubeconfig=kubeconfig, context=context),
    )
    return (made.name, made.namespace)


create_experiment = build(create_experiment)
