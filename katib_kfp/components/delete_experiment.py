"""Delete an Experiment, or all that a run has made."""

# kfp reads this signature itself: NamedTuple("Outputs", [...]) and bare dict and list are its language, not mypy's.
# mypy: disable-error-code="valid-type,type-arg"

from katib_kfp.components._build import build


def delete_experiment(
    experiment_name: str = "",
    experiment_namespace: str = "",
    run_id: str = "",
    only_unfinished: bool = False,
    state_dir: str = "",
    kubeconfig: str = "",
    context: str = "",
) -> list:
    """Delete an Experiment by name, or every Experiment that a run has made; made for dsl.ExitHandler.

    Args:
        experiment_name: Name of the Experiment; empty: any that run_id has made.
        experiment_namespace: Its namespace; empty: the one of the place where it runs.
        run_id: Delete the Experiments of this run: dsl.PIPELINE_JOB_ID_PLACEHOLDER.
        only_unfinished: Leave Experiments that have finished.
        state_dir: Run on this machine, with this state directory; excludes kubeconfig and context.
        kubeconfig: Run on the cluster of this kubeconfig file.
        context: Context in the kubeconfig.

    Returns:
        Names of the deleted Experiments.
    """
    from katib_kfp import runtime

    return runtime.delete_experiment(
        experiment_name,
        experiment_namespace,
        run_id,
        only_unfinished,
        runtime.Where(state_dir=state_dir, kubeconfig=kubeconfig, context=context),
    )


delete_experiment = build(delete_experiment)
