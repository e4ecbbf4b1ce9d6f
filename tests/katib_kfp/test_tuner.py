"""Any lightweight component becomes a typed tuning step, and runs as one.

No postponed annotations here: kfp reads the signatures of the components below.
"""

import collections
import json
import re
from pathlib import Path
from typing import Any, List, NamedTuple, Optional  # noqa: UP035  the old spelling is tested too

import pytest
from kfp import compiler, dsl
from kfp import components as kfp_components

from conftest_kfp import run_here  # noqa: F401  a fixture
from katib_kfp import Categorical, Discrete, Double, Int, maximize, tune, unpack_parameters
from katib_kfp.components import tune as tune_component
from katib_kfp.runtime import codec, outputs
from katib_kfp.tuner import ARTIFACTS, CONTROLS, RESULT_OUTPUTS, TunerError

pytestmark = pytest.mark.xdist_group("kfp")


class Foreign(dsl.Artifact):
    """An artifact of some other library."""

    schema_title = "google.Foreign"
    schema_version = "0.0.1"


SPACE = {
    "lr": Double(min=0.001, max=1.0, log=True),
    "layers": Int(min=1, max=4),
    "batch": Discrete(choices=[16, 32]),
    "opt": Categorical(choices=["sgd", "adam"]),
}
OBJECTIVE = maximize("accuracy")


@dsl.component(base_image="python:3.11", packages_to_install=["pytest"], install_kfp_package=False)
def train(
    data: dsl.Input[dsl.Dataset],
    model: dsl.Output[dsl.Model],
    lr: float,
    layers: int,
    batch: int,
    opt: str,
    bias: float = 0.5,
    steps: int = 3,
    sizes: list = [8, 4],  # noqa: B006  kfp's default, changed by nobody
    note: str = "python3 $(HOME) {{x}}",
    seed: Optional[str] = None,
) -> NamedTuple("Outputs", [("accuracy", float), ("size", int)]):
    """Train."""
    assert repr((steps, sizes, note, seed)) == "(3, [8, 4], 'python3 $(HOME) {{x}}', None)"
    with open(data.path) as file, open(model.path, "w") as out:
        out.write(file.read())
    return (lr * layers + bias, batch)


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def prepare(data: dsl.Output[dsl.Dataset]):
    with open(data.path, "w") as file:
        file.write("rows")


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def use(lr: float, layers: int, batch: int, opt: str) -> str:
    return f"{lr!r} {layers!r} {batch!r} {opt}"


@dsl.component(
    base_image="python:3.11", packages_to_install=["pytest"], pip_index_urls=["https://index.invalid/simple"],
)  # fmt: skip
def takes_much(
    lr: float,
    sizes: List[int],  # noqa: UP006
    weights: dict[str, float],
    scores: dsl.Input[dsl.ClassificationMetrics],
    foreign: dsl.Input[Foreign],
    seed: Optional[str] = None,
    data: dsl.Input[dsl.Dataset] = None,
    flag: bool = False,
) -> float:
    return lr


def types(items: Any) -> dict[str, str]:
    return {name: str(item.type) for name, item in (items or {}).items()}


def test_what_is_tuned_becomes_typed_outputs_and_the_rest_stays_inputs() -> None:
    spec = tune(train, space=SPACE, objective=OBJECTIVE).component_spec
    given = types(spec.inputs)
    assert {key: given[key] for key in ("data", "bias", "steps")} == {
        "data": "system.Dataset@0.0.1", "bias": "Float", "steps": "Integer",
    }  # fmt: skip
    assert set(given) == {"data", "bias", "steps", "sizes", "note", "seed", *CONTROLS}
    assert (spec.inputs["bias"].default, spec.inputs["steps"].default) == (0.5, 3)
    made = types(spec.outputs)
    assert {key: made[key] for key in SPACE} == {
        "lr": "Float",
        "layers": "Integer",
        "batch": "Integer",
        "opt": "String",
    }
    assert set(made) == {*SPACE, *RESULT_OUTPUTS, *ARTIFACTS}


def test_every_tuning_step_has_the_inputs_and_outputs_of_the_tune_component() -> None:
    spec = tune_component.component_spec
    assert set(CONTROLS) == set(spec.inputs) - {"experiment_spec", "trial_parameters", "on_failure"}
    assert {key: item.default for key, item in spec.inputs.items() if key in CONTROLS} == {
        key: default for key, (_, default) in CONTROLS.items()
    }
    assert set(spec.outputs) == {*RESULT_OUTPUTS, *ARTIFACTS}
    assert tuple(RESULT_OUTPUTS) == outputs.PARAMETERS


def test_the_step_works_as_yaml_and_its_source_holds_no_trap(tmp_path: Path) -> None:
    made = tune(train, space=SPACE, objective=OBJECTIVE)
    compiler.Compiler().compile(made, str(tmp_path / "step.yaml"))
    loaded = kfp_components.load_component_from_file(str(tmp_path / "step.yaml"))
    assert types(loaded.component_spec.outputs) == types(made.component_spec.outputs)
    source = loaded.component_spec.implementation.container.command[-1]
    assert not [trap for trap in ("python3", "{{", "$$", "$(") if trap in source]


def test_a_component_from_yaml_is_tuned_like_the_object(tmp_path: Path) -> None:
    compiler.Compiler().compile(train, str(tmp_path / "train.yaml"))
    loaded = kfp_components.load_component_from_file(str(tmp_path / "train.yaml"))
    ours, theirs = (tune(item, space=SPACE, objective=OBJECTIVE).component_spec for item in (train, loaded))
    assert types(ours.inputs) == types(theirs.inputs)
    assert theirs.inputs["steps"].default == 3
    assert isinstance(theirs.inputs["steps"].default, int)


def trial_container(made: Any) -> dict[str, Any]:
    text = made.component_spec.implementation.container.command[-1]
    start = text.index("spec={'$json': ") + len("spec=")
    spec = codec.decode(eval(text[start : text.index("},\n", start) + 1]), {})["spec"]
    found: dict[str, Any] = spec["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["containers"][0]
    return found


def test_trials_run_in_the_components_image_with_its_packages() -> None:
    container = trial_container(tune(train, space=SPACE, objective=OBJECTIVE))
    assert container["image"] == "python:3.11"
    assert "ensure_installed(['pytest'])" in container["command"][-1]


def test_inputs_of_every_kind_stay_inputs_and_optional_ones_stay_optional() -> None:
    inputs = tune(takes_much, space={"lr": SPACE["lr"]}, objective=OBJECTIVE).component_spec.inputs
    assert {name: (str(item.type), item.optional) for name, item in inputs.items() if name not in CONTROLS} == {
        "sizes": ("List", False),
        "weights": ("Dict", False),
        "scores": ("system.ClassificationMetrics@0.0.1", False),
        "foreign": ("system.Artifact@0.0.1", False),
        "seed": ("String", True),
        "data": ("system.Dataset@0.0.1", True),
        "flag": ("Boolean", True),
    }


def test_trials_install_from_where_the_component_does() -> None:
    source = trial_container(tune(takes_much, space={"lr": SPACE["lr"]}, objective=OBJECTIVE))["command"][-1]
    (line,) = re.findall(r"^ensure_installed\((.*)\)$", source, re.MULTILINE)
    options = eval(line)
    assert options[0] == "--index-url=https://index.invalid/simple"
    assert options[-1] == "pytest"
    assert [word for word in options if word.startswith("kfp")] == []


@dsl.component(base_image="python:3.11")
def has_status(status: str, lr: float) -> float:
    return lr


@dsl.container_component
def container(lr: float):
    return dsl.ContainerSpec(image="x", command=["x"], args=[lr])


def outside(lr: float) -> Any:
    return SPACE


@pytest.mark.parametrize(
    ("component", "space", "message"),
    [
        pytest.param(train, {"lr": SPACE["lr"]}, None, id="what is left out of the space stays an input"),
        pytest.param(train, {"depth": SPACE["lr"]}, "no parameter 'depth'", id="a parameter that is not there"),
        pytest.param(has_status, {"status": SPACE["opt"]}, "name of an output", id="a name that is taken by an output"),
        pytest.param(container, {"lr": SPACE["lr"]}, "only lightweight Python components", id="a container component"),
        pytest.param(
            outside, {"lr": SPACE["lr"]}, "uses SPACE from outside itself", id="a function that leans on others"
        ),
        pytest.param("train", SPACE, "must be a KFP component or a function", id="a text"),
    ],
)
def test_what_cannot_be_tuned_is_refused(component: Any, space: Any, message: Any) -> None:
    if message is None:
        assert "layers" in tune(component, space=space, objective=OBJECTIVE).component_spec.inputs
        return
    with pytest.raises(ValueError, match=message):
        tune(component, space=space, objective=OBJECTIVE)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        pytest.param(
            {"best_hyperparameters": {"lr": 1, "layers": 3.0, "batch": 32.0, "opt": "sgd"}},
            [1.0, 3, 32, "sgd"],
            id="numbers that KFP has changed have their types again",
        ),
        pytest.param(
            {"best_hyperparameters_json": json.dumps({"lr": 0.5, "layers": 2**60 + 1, "batch": 16, "opt": "a"})},
            [0.5, 2**60 + 1, 16, "a"],
            id="JSON is exact",
        ),
    ],
)
def test_the_unpacker_gives_each_parameter_its_type(arguments: Any, wanted: Any) -> None:
    found = unpack_parameters(SPACE).python_func(**arguments)
    assert [(value, type(value)) for value in found] == [(value, type(value)) for value in wanted]


def test_the_unpackers_outputs_are_named_like_the_parameters() -> None:
    space = {"learning-rate": SPACE["lr"], "n.layers": SPACE["layers"]}
    assert types(unpack_parameters(space).component_spec.outputs) == {"learning_rate": "Float", "n_layers": "Integer"}
    with pytest.raises(TunerError, match="the same as Python identifiers"):
        unpack_parameters({"a-b": SPACE["lr"], "a_b": SPACE["lr"]})


@pytest.mark.slow
def test_a_tuning_step_runs_in_a_pipeline_and_from_yaml(run_here: Path, tmp_path: Path) -> None:  # noqa: F811
    made = tune(train, space=SPACE, objective=OBJECTIVE, max_trial_count=3, parallel_trial_count=3, algorithm="random")
    compiler.Compiler().compile(made, str(tmp_path / "step.yaml"))
    loaded = kfp_components.load_component_from_file(str(tmp_path / "step.yaml"))
    unpack = unpack_parameters(SPACE)

    @dsl.pipeline
    def pipeline(state: str) -> NamedTuple(
        "Outputs", [("typed", str), ("unpacked", str), ("value", float), ("json", str)]
    ):
        data = prepare()
        best = made(data=data.output, bias=0.25, state_dir=state)
        again = loaded(data=data.output, state_dir=state)
        typed = use(**{name: best.outputs[name] for name in SPACE})
        values = unpack(best_hyperparameters=best.outputs["best_hyperparameters"]).after(again)
        unpacked = use(**{name: values.outputs[name] for name in SPACE})
        found = collections.namedtuple("Outputs", ["typed", "unpacked", "value", "json"])
        exact = best.outputs["best_hyperparameters_json"]
        return found(typed.output, unpacked.output, best.outputs["best_objective_value"], exact)

    found = pipeline(state=str(run_here)).outputs
    exact = json.loads(found["json"])
    assert found["typed"] == found["unpacked"] == f"{exact['lr']!r} {exact['layers']} {exact['batch']} {exact['opt']}"
    assert found["value"] == pytest.approx(exact["lr"] * exact["layers"] + 0.25)
