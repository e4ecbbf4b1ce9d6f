from typing import Any

import pytest

from builders import COMPLETE, FAILED, ExperimentBuilder, experiment
from katib_control.api.defaults import default
from katib_control.api.experiment import Experiment

SUCCEEDED = 'status.conditions.#(type=="Succeeded")#|#(status=="True")#'
MASTER = {"training.kubeflow.org/job-role": "master"}
NODE = {"jobset.sigs.k8s.io/replicatedjob-name": "node", "batch.kubernetes.io/job-completion-index": "0"}


def bare(kind: str = "Job") -> ExperimentBuilder:
    """An Experiment whose template says nothing about conditions."""
    run = {"apiVersion": "any/v1", "kind": kind, "spec": {}}
    return experiment("x").template(run).trial_template(successCondition="", failureCondition="")


@pytest.mark.parametrize(
    ("builder", "parallel"),
    [
        pytest.param(experiment(), 3, id="three at a time"),
        pytest.param(experiment().max_trials(10), 3, id="three at a time, of ten"),
        pytest.param(experiment().max_trials(2), 2, id="never more at a time than there may be"),
        pytest.param(experiment().max_trials(0), 3, id="an impossible limit is left to validation"),
        pytest.param(experiment().parallel(7), 7, id="what is given stays"),
        pytest.param(experiment().parallel(0), 0, id="also what is wrong"),
    ],
)
def test_parallel_trial_count(builder: ExperimentBuilder, parallel: int) -> None:
    assert default(builder.build()).spec.parallel_trial_count == parallel


@pytest.mark.parametrize(("given", "expected"), [("", "Never"), ("LongRunning", "LongRunning"), ("typo", "typo")])
def test_resume_policy(given: str, expected: str) -> None:
    assert default(experiment().resume(given).build()).spec.resume_policy == expected


@pytest.mark.parametrize(
    ("builder", "expected"),
    [
        pytest.param(experiment().objective("loss", "minimize"), {"loss": "min"}, id="minimize takes the least"),
        pytest.param(experiment().objective("acc", "maximize"), {"acc": "max"}, id="maximize takes the most"),
        pytest.param(experiment().objective("acc", ""), {"acc": "latest"}, id="an unknown type takes the latest"),
        pytest.param(
            experiment().objective("acc", "maximize", additional=["loss"]),
            {"acc": "max", "loss": "max"},
            id="additional metrics follow the objective's type",
        ),
        pytest.param(
            experiment().objective("acc", "maximize", additional=["loss"]).strategy("loss", "latest"),
            {"loss": "latest", "acc": "max"},
            id="a given strategy stays",
        ),
    ],
)
def test_metric_strategies(builder: ExperimentBuilder, expected: dict[str, str]) -> None:
    objective = default(builder.build()).spec.objective
    assert objective is not None
    assert {item.name: item.value for item in objective.metric_strategies} == expected


@pytest.mark.parametrize(
    ("kind", "success", "failure", "labels"),
    [
        ("Job", COMPLETE, FAILED, {}),
        ("TrainJob", COMPLETE, FAILED, NODE),
        ("TFJob", SUCCEEDED, FAILED, MASTER),
        ("PyTorchJob", SUCCEEDED, FAILED, MASTER),
        ("XGBoostJob", SUCCEEDED, FAILED, MASTER),
        ("MPIJob", SUCCEEDED, FAILED, MASTER),
        ("Workflow", "", "", {}),
    ],
)
def test_conditions_and_labels_follow_the_kind(kind: str, success: str, failure: str, labels: dict[str, str]) -> None:
    template = default(bare(kind).build()).spec.trial_template
    assert template is not None
    assert (template.success_condition, template.failure_condition) == (success, failure)
    assert template.primary_pod_labels == labels


def test_given_conditions_and_labels_stay() -> None:
    builder = bare("TFJob").trial_template(successCondition="a", failureCondition="b", primaryPodLabels={"c": "d"})
    template = default(builder.build()).spec.trial_template
    assert template is not None
    assert (template.success_condition, template.failure_condition) == ("a", "b")
    assert template.primary_pod_labels == {"c": "d"}


def test_a_template_from_a_config_map_gets_them_when_its_text_is_known() -> None:
    builder = experiment().config_map("t", "k").trial_template(successCondition="", failureCondition="")
    unknown = default(builder.build()).spec.trial_template
    known = default(builder.build(), "apiVersion: batch/v1\nkind: Job\n").spec.trial_template
    assert unknown is not None
    assert known is not None
    assert unknown.success_condition == ""
    assert (known.success_condition, known.failure_condition) == (COMPLETE, FAILED)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(None, {"collector": {"kind": "StdOut"}}, id="standard output where nothing is said"),
        pytest.param({"collector": {}}, {"collector": {"kind": "StdOut"}}, id="also for an empty kind"),
        pytest.param({"collector": {"kind": "Push"}}, {"collector": {"kind": "Push"}}, id="Push needs nothing"),
        pytest.param(
            {"collector": {"kind": "File"}},
            {
                "collector": {"kind": "File"},
                "source": {"fileSystemPath": {"kind": "File", "path": "/var/log/katib/metrics.log", "format": "TEXT"}},
            },
            id="a file of Katib's name",
        ),
        pytest.param(
            {"collector": {"kind": "File"}, "source": {"fileSystemPath": {"path": "/m.json", "format": "JSON"}}},
            {
                "collector": {"kind": "File"},
                "source": {"fileSystemPath": {"path": "/m.json", "format": "JSON", "kind": "File"}},
            },
            id="what is said of a file stays",
        ),
        pytest.param(
            {"collector": {"kind": "TensorFlowEvent"}},
            {
                "collector": {"kind": "TensorFlowEvent"},
                "source": {"fileSystemPath": {"kind": "Directory", "path": "/var/log/katib/tfevent/"}},
            },
            id="a directory of event files",
        ),
        pytest.param(
            {"collector": {"kind": "PrometheusMetric"}, "source": {"httpGet": {"port": 0}}},
            {"collector": {"kind": "PrometheusMetric"}, "source": {"httpGet": {"port": 8080, "path": "/metrics"}}},
            id="port and path of a metrics page",
        ),
        pytest.param(
            {"collector": {"kind": "PrometheusMetric"}, "source": {"httpGet": {"port": 1, "path": "/x"}}},
            {"collector": {"kind": "PrometheusMetric"}, "source": {"httpGet": {"port": 1, "path": "/x"}}},
            id="what is said of a metrics page stays",
        ),
    ],
)
def test_metrics_collector(given: Any, expected: Any) -> None:
    builder = experiment() if given is None else experiment().spec(metricsCollectorSpec=given)
    spec = default(builder.build()).spec.metrics_collector_spec
    assert spec is not None
    assert spec.to_dict() == expected


def test_every_parameter_gets_a_distribution() -> None:
    found = default(
        experiment().double("a", 1, 2, distribution="logUniform").int("b", 1, 2).categorical("c", "x").build()
    )
    assert [item.feasible_space.distribution for item in found.spec.parameters] == ["logUniform", "uniform", "uniform"]


def test_defaults_are_written_out() -> None:
    spec = default(experiment().build()).to_dict()["spec"]
    assert spec["parallelTrialCount"] == 3
    assert spec["resumePolicy"] == "Never"
    assert spec["metricsCollectorSpec"] == {"collector": {"kind": "StdOut"}}
    assert spec["parameters"][0]["feasibleSpace"]["distribution"] == "uniform"


def test_defaults_twice_are_defaults_once() -> None:
    once = default(experiment().collector("File").max_trials(2).build())
    assert default(once) == once


def test_an_empty_experiment_is_left_to_validation() -> None:
    spec = default(Experiment.decode({"spec": {"trialTemplate": {}}})).spec
    assert spec.objective is None
    assert spec.algorithm is None


def test_what_is_unknown_survives() -> None:
    found = default(experiment().spec(later={"a": 1}).build())
    assert found.to_dict()["spec"]["later"] == {"a": 1}
