import copy
from typing import Any

import pytest

from builders import ExperimentBuilder, experiment
from katib_control.api.defaults import default
from katib_control.api.validation.template import UNREAD, check_template

PATH = "spec.trialTemplate"
JOB: dict[str, Any] = experiment().to_dict()["spec"]["trialTemplate"]["trialSpec"]
TEXT = """
apiVersion: batch/v1
kind: Job
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: training-container, args: ["${trialParameters.lr}"]}]
"""


def job(**pod: Any) -> dict[str, Any]:
    """The builder's Job with these fields in its Pod spec."""
    changed = copy.deepcopy(JOB)
    changed["spec"]["template"]["spec"].update(pod)
    return changed


def errors(builder: ExperimentBuilder, text: Any = UNREAD) -> list[tuple[str, str]]:
    spec = default(builder.build(), text if isinstance(text, str) else None).spec
    return [(item.field, item.reason.removeprefix("FieldValue")) for item in check_template(spec, text)]


def declared(*pairs: tuple[str, str]) -> ExperimentBuilder:
    """The builder's Job uses ``lr``; these are the trialParameters."""
    return experiment().trial_template(trialParameters=[{"name": name, "reference": ref} for name, ref in pairs])


def first(field: str, index: int = 0) -> str:
    return f"{PATH}.trialParameters[{index}].{field}"


WORKERS = {
    "apiVersion": "kubeflow.org/v1",
    "kind": "MPIJob",
    "spec": {
        "Launcher": {"template": {"spec": {"containers": [{"name": "launcher", "args": ["${trialParameters.lr}"]}]}}},
        "Worker": {"template": {"spec": {"containers": [{"name": "worker"}]}}},
    },
}
TRAIN_JOB = {"apiVersion": "t/v1", "kind": "TrainJob", "spec": {"trainer": {"args": ["${trialParameters.lr}"]}}}
SIDECAR = [{"name": "training-container", "restartPolicy": "Always"}]


@pytest.mark.parametrize(
    "builder",
    [
        pytest.param(experiment(), id="a Job"),
        pytest.param(experiment().double("lr", 1, 2).int("n", 1, 2).categorical("c", "x"), id="several parameters"),
        pytest.param(
            experiment().template(WORKERS).trial_template(primaryContainerName="worker"),
            id="the primary container in one of several Pod templates",
        ),
        pytest.param(experiment().template(TRAIN_JOB), id="a kind without Pod templates"),
        pytest.param(
            experiment().template(
                job(initContainers=SIDECAR, containers=[{"name": "x", "args": ["${trialParameters.lr}"]}])
            ),
            id="the primary container as a native sidecar",
        ),
        pytest.param(
            experiment().template(job(containers=[{"name": "${trialParameters.lr}"}])),
            id="a container name to be filled in",
        ),
        pytest.param(experiment().template(job(resources={"limits": {"cpu": "1000m"}})), id="quantities in any form"),
        pytest.param(
            experiment()
            .template({**job(note="${trialParameters.team}"), "metadata": {"labels": {"team": "a"}}})
            .trial_template(
                trialParameters=[
                    {"name": "lr", "reference": "lr"},
                    {"name": "team", "reference": "${trialSpec.Labels[team]}"},
                ]
            ),
            id="a reference to a label of the template",
        ),
    ],
)
def test_accepts(builder: ExperimentBuilder) -> None:
    assert errors(builder) == []


@pytest.mark.parametrize(
    ("builder", "expected"),
    [
        pytest.param(experiment().spec(trialTemplate=None), [(PATH, "Required")], id="no template"),
        pytest.param(
            experiment().trial_template(primaryContainerName=""),
            [(f"{PATH}.primaryContainerName", "Required")],
            id="no primary container",
        ),
        pytest.param(
            experiment().trial_template(primaryContainerName="traning-container"),
            [(f"{PATH}.primaryContainerName", "Invalid")],
            id="a primary container that is not there",
        ),
        pytest.param(
            experiment().template(WORKERS).trial_template(primaryContainerName="master"),
            [(f"{PATH}.primaryContainerName", "Invalid")],
            id="a primary container in none of several Pod templates",
        ),
        pytest.param(
            experiment()
            .template(TRAIN_JOB | {"kind": "Workflow"})
            .trial_template(successCondition="", failureCondition=""),
            [(f"{PATH}.successCondition", "Required"), (f"{PATH}.failureCondition", "Required")],
            id="a kind that has no conditions by default",
        ),
        pytest.param(
            experiment().trial_template(successCondition="status..x", failureCondition='a.#(b=="c" && d=="e")'),
            [(f"{PATH}.successCondition", "Invalid"), (f"{PATH}.failureCondition", "Invalid")],
            id="conditions that do not parse",
        ),
        pytest.param(experiment().config_map("t", "k").template(JOB), [(PATH, "Required")], id="two sources"),
        pytest.param(
            experiment().config_map("", "", ""),
            [
                (f"{PATH}.configMap.{name}", "Required")
                for name in ("configMapName", "configMapNamespace", "templatePath")
            ],
            id="an empty ConfigMap source",
        ),
        pytest.param(
            experiment().template({**JOB, "metadata": {"name": "n", "namespace": "m"}}),
            [(f"{PATH}.trialSpec.metadata.name", "Forbidden"), (f"{PATH}.trialSpec.metadata.namespace", "Forbidden")],
            id="a name of its own",
        ),
        pytest.param(
            experiment().template({"spec": "${trialParameters.lr}"}),
            [(f"{PATH}.trialSpec.apiVersion", "Required"), (f"{PATH}.trialSpec.kind", "Required")],
            id="no kind",
        ),
        pytest.param(
            experiment()
            .template(job(containers=[]))
            .trial_template(trialParameters=[{"name": "lr", "reference": "lr"}]),
            [(first("name"), "Invalid"), (f"{PATH}.trialSpec.spec.template.spec.containers", "Required")],
            id="a Job without containers",
        ),
        pytest.param(
            experiment().template(job(restartPolicy="Always")),
            [(f"{PATH}.trialSpec.spec.template.spec.restartPolicy", "NotSupported")],
            id="a Job that always restarts",
        ),
        pytest.param(
            declared(),
            [("spec.parameters[0].name", "Invalid"), (f"{PATH}.trialSpec", "NotFound")],
            id="a search parameter that nothing refers to, a placeholder that is not declared",
        ),
        pytest.param(
            declared(("lr", "lr"), ("extra", "${trialSpec.Name}")),
            [(first("name", 1), "Invalid")],
            id="a trial parameter that the template never uses",
        ),
        pytest.param(
            declared(("lr", "rl")),
            [(first("reference"), "NotFound"), ("spec.parameters[0].name", "Invalid")],
            id="a reference to no parameter",
        ),
        pytest.param(
            declared(("lr", "lr"), ("", "lr"), ("{", "")),
            [
                (first("name", 1), "Required"),
                (first("reference", 1), "Duplicate"),
                (first("name", 2), "Invalid"),
                (first("reference", 2), "Required"),
                (first("name", 2), "Invalid"),
            ],
            id="odd trial parameters",
        ),
        pytest.param(
            declared(("lr", "lr"), ("lr", "${trialSpec.Labels}")),
            [(first("name", 1), "Duplicate"), (first("reference", 1), "Invalid")],
            id="a label reference without a key",
        ),
    ],
)
def test_refuses(builder: ExperimentBuilder, expected: list[tuple[str, str]]) -> None:
    assert errors(builder) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(UNREAD, [], id="not looked up, not checked"),
        pytest.param(TEXT, [], id="a good template"),
        pytest.param(None, [(f"{PATH}.configMap", "NotFound")], id="no such ConfigMap or key"),
        pytest.param("a: [", [(f"{PATH}.configMap", "Invalid")], id="no YAML"),
        pytest.param("- a", [(f"{PATH}.configMap", "Invalid")], id="no object"),
        pytest.param(
            TEXT.replace("trialParameters.lr", "trialParameters.rate"),
            [(f"{PATH}.configMap", "NotFound"), (first("name"), "Invalid")],
            id="an unknown placeholder",
        ),
    ],
)
def test_a_template_from_a_config_map(text: Any, expected: list[tuple[str, str]]) -> None:
    assert errors(experiment().double("lr", 1, 2).config_map("t", "k"), text) == expected


def test_messages_help() -> None:
    builder = experiment().trial_template(primaryContainerName="traning-container")
    (error,) = check_template(default(builder.build()).spec, UNREAD)
    expected = "is no container of the template: did you mean 'training-container'? (got 'traning-container')"
    assert str(error) == f"{PATH}.primaryContainerName: {expected}"
