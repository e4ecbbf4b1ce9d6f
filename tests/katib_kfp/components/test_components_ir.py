"""What a cluster gets: the compiled pipeline is IR as the backend reads it, and nothing of this machine is in it.

No postponed annotations here: kfp reads the signatures of the components below.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp import compiler, dsl
from kfp.pipeline_spec import pipeline_spec_pb2

from conftest_kfp import SPACE, experiment
from katib_kfp import components, maximize, tune, unpack_parameters

pytestmark = pytest.mark.xdist_group("kfp")
ROOT = Path(components.__file__).parents[2]
RUN = dsl.PIPELINE_JOB_ID_PLACEHOLDER


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def prepare(data: dsl.Output[dsl.Dataset]):
    open(data.path, "w").close()


@dsl.component(base_image="registry.invalid/train:1", install_kfp_package=False)
def train(data: dsl.Input[dsl.Dataset], lr: float, layers: int, note: str = "python3 $(X)") -> float:
    return lr * layers


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A pipeline with every component of ours, compiled."""
    tune_train = tune(train, space=SPACE, objective=maximize("accuracy"))
    unpack = unpack_parameters(SPACE)

    @dsl.pipeline(name="everything")
    def pipeline(trials: int = 4):
        with dsl.ExitHandler(components.delete_experiment(run_id=RUN, only_unfinished=True)):
            best = tune_train(data=prepare().output, run_id=RUN).set_caching_options(False).set_retry(2)
            first = components.create_experiment(experiment_spec=experiment().for_kfp(), run_id=RUN)
            waited = components.wait_for_experiment(experiment_name=first.outputs["experiment_name"])
            components.get_best_hyperparameters(experiment_name=waited.outputs["experiment_name"])
            again = components.tune(experiment_spec=experiment().for_kfp(), max_trial_count=trials, run_id=RUN)
            with dsl.If(again.outputs["status"] == "Succeeded"):
                unpack(best_hyperparameters=best.outputs["best_hyperparameters"])

    file = tmp_path_factory.mktemp("ir") / "everything.yaml"
    compiler.Compiler().compile(pipeline, str(file))
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


def container(made: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = made["deploymentSpec"]["executors"][f"exec-{name}"]["container"]
    return found


def tasks(made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = made["components"]["comp-exit-handler-1"]["dag"]["tasks"]
    return found


def constant(made: dict[str, Any], task: str, name: str) -> Any:
    return tasks(made)[task]["inputs"]["parameters"][name]["runtimeValue"]["constant"]


def test_it_is_a_pipeline_spec_without_unknown_fields(made: dict[str, Any]) -> None:
    spec = json_format.ParseDict(made, pipeline_spec_pb2.PipelineSpec())
    assert spec.schema_version == "2.1.0"
    assert len(spec.deployment_spec["executors"]) == 8


def test_nothing_of_this_machine_is_in_it(made: dict[str, Any]) -> None:
    text = json.dumps(made)
    assert not [path for path in (str(ROOT), sys.prefix, sys.executable, str(Path.home()), "127.0.0.1") if path in text]


OURS = [*(name for name in components.__all__ if name not in ("IMAGE", "build")), "tune_train", "best_parameters"]


@pytest.mark.parametrize("name", [name.replace("_", "-") for name in OURS])
def test_our_steps_run_in_our_image_and_never_install_another_kfp(name: str, made: dict[str, Any]) -> None:
    found = container(made, name)
    assert found["image"] == components.IMAGE
    assert not [word for word in found["command"] if "pip install" in word]
    assert "\nfrom __future__" not in found["command"][-1], "kfp cannot read postponed annotations"


def test_trials_run_in_the_image_of_the_component_that_is_tuned(made: dict[str, Any]) -> None:
    assert "registry.invalid/train:1" in container(made, "tune-train")["command"][-1]


@pytest.mark.parametrize("task", ["tune-train", "tune", "create-experiment"])
def test_the_run_is_a_placeholder_of_its_own_that_backends_fill_in(task: str, made: dict[str, Any]) -> None:
    assert constant(made, task, "run_id") == "{{$.pipeline_job_uuid}}"


def test_a_spec_holds_nothing_that_a_cluster_expands(made: dict[str, Any]) -> None:
    (text,) = constant(made, "tune", "experiment_spec").values()
    assert json.loads(text) == experiment().to_dict()
    assert not [trap for trap in ("{{", "$", "python3") if trap in text]


def test_a_count_is_a_parameter_of_the_pipeline_with_its_type(made: dict[str, Any]) -> None:
    given = tasks(made)["tune"]["inputs"]["parameters"]["max_trial_count"]
    assert list(given) == ["componentInputParameter"]
    assert made["root"]["inputDefinitions"]["parameters"]["trials"]["parameterType"] == "NUMBER_INTEGER"


def test_task_settings_stay(made: dict[str, Any]) -> None:
    assert tasks(made)["tune-train"]["retryPolicy"]["maxRetryCount"] == 2
    assert not tasks(made)["tune-train"]["cachingOptions"].get("enableCache")
