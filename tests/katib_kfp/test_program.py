"""A function becomes the command of a trial, and that command really runs."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from typing import Any

import pytest

from katib_kfp import program
from katib_kfp.program import ProgramError
from katib_kfp.space import Categorical, Discrete, Double, Int

SPACE = {
    "lr": Double(min=1e-4, max=1),
    "layers": Int(min=1, max=4),
    "batch": Discrete(choices=[16, 32]),
    "opt": Categorical(choices=["sgd", "b\"'=$x"]),
}
VALUES = {"lr": "1", "layers": "3", "batch": "32", "opt": "b\"'=$x"}


def plain(lr: float, layers: int, batch: int, opt: str, *, epochs: int = 1, tag: str = "") -> Any:
    """Uses what a trial has: builtins, typing, and what it imports itself."""
    import json

    found: List[Any] = [lr, layers, batch, opt, epochs, tag]  # noqa: F821
    print(json.dumps(found), "$(HOME) $$ $HOME")
    return lr * layers


def run(source: program.Source, fixed: dict[str, Any]) -> list[str]:
    """Run the container's command as a kubelet would: $$ and $(VAR) expanded, placeholders filled."""
    words = program.command(program.program(source, SPACE, "accuracy")) + program.arguments(SPACE, fixed)
    words = [re.sub(r"\$([$(])", r"\1", word) for word in words]
    for name, value in VALUES.items():
        words = [word.replace(f"${{trialParameters.{name}}}", value) for word in words]
    done = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_function_runs_with_typed_arguments_and_reports_what_it_returns() -> None:
    fixed = {"epochs": 7, "tag": "a $(b) ${trialParameters.lr} 'q'"}
    lines = run(program.from_function(plain), fixed)
    assert lines[0].endswith(" $(HOME) $$ $HOME")
    assert json.loads(lines[0].split(" $(HOME) $$")[0]) == [1.0, 3, 32, "b\"'=$x", 7, fixed["tag"]]
    assert lines[1:] == ["accuracy=3.0"]


COMPONENT = """
import kfp
from kfp import dsl
from kfp.dsl import *
from typing import *

def train(
    data: Input[Dataset], model: Output[Model], scores: Output[Metrics], note: OutputPath(str),
    lr: float, layers: int, batch: int, opt: str,
) -> NamedTuple("O", [("accuracy", float), ("name", str)]):
    open(model.path, "w").write("m")
    open(note, "w").write("n")
    scores.log_metric("loss", 0.5)
    model.metadata["framework"] = "none"
    print(data.uri, open(data.path).read())
    return (lr, "x")
"""


def test_a_component_runs_with_artifacts_and_reports_outputs_and_metrics(tmp_path: Any) -> None:
    (tmp_path / "data").write_text("rows")
    outputs = {
        "model": "system.Model@0.0.1",
        "scores": "system.Metrics@0.0.1",
        "note": "String",
        "accuracy": "Float",
        "name": "String",
    }
    source = program.from_component_source(COMPONENT, "train", outputs=outputs, packages=["pytest", "hypothesis"])
    assert source.parameters == ("data", "lr", "layers", "batch", "opt")
    assert (source.artifacts, source.paths, source.returns) == (("model", "scores"), ("note",), ("accuracy", "name"))
    assert not source.needs_kfp
    artifact = {"name": "data", "uri": "s3://b/data", "path": str(tmp_path / "data"), "metadata": {}}
    assert run(source, {"data": {"$artifact": artifact}}) == ["s3://b/data rows", "loss=0.5", "accuracy=1.0"]


PATHS = """
def train(data: InputPath("Dataset"), text: dsl.InputPath(str), counts: InputPath(list), out: OutputPath("Model"),
          lr: float, layers: int, batch: int, opt: str, absent: InputPath("Dataset") = None) -> float:
    open(out, "w").write("m")
    print(*(open(path).read() for path in (data, text, counts)), absent)
    return lr
"""


def test_a_component_that_takes_paths_gets_paths(tmp_path: Any) -> None:
    (tmp_path / "data").write_text("rows")
    source = program.from_component_source(PATHS, "train", outputs={"out": "system.Model@0.0.1", "Output": "Float"})
    artifact = {"name": "data", "uri": "", "path": str(tmp_path / "data"), "metadata": {}}
    fixed = {"data": {"$artifact": artifact}, "text": "python3", "counts": [1, 2]}
    assert run(source, fixed) == ["rows python3 [1, 2] None", "accuracy=1.0"]


def test_kfp_is_imported_only_by_components_that_use_it() -> None:
    text = "def f(lr: float):\n    return dsl.Artifact(uri='x')\n"
    assert program.from_component_source(text, "f", outputs={}).needs_kfp
    assert not program.from_component_source("def f(d: dsl.Input[Dataset]): pass", "f", outputs={}).needs_kfp


def uses_a_module(lr: float) -> float:
    return math.log(lr)


def takes_anything(*values: float) -> float:
    return sum(values)


async def waits(lr: float) -> float:
    return lr


def closure() -> Any:
    bound = 3

    def inner(lr: float) -> float:
        return lr * bound

    return inner


@pytest.mark.parametrize(
    ("function", "message"),
    [
        pytest.param(uses_a_module, "uses math from outside itself", id="an import outside the function"),
        pytest.param(closure(), "uses bound from outside itself", id="a closure"),
        pytest.param(lambda lr: lr, "only a plain `def`", id="a lambda"),
        pytest.param(takes_anything, r"\*args cannot be tuned", id="star args"),
        pytest.param(waits, "only a plain `def`", id="an async function"),
        pytest.param(eval("lambda lr: lr"), "its source cannot be read", id="no source"),
        pytest.param(len, "its source cannot be read", id="a builtin"),
    ],
)
def test_a_function_that_does_not_stand_alone_is_refused(function: Any, message: str) -> None:
    with pytest.raises(ProgramError, match=message):
        program.from_function(function)


@pytest.mark.parametrize(
    ("fixed", "message"),
    [
        pytest.param({"lr": 1}, "'lr' is both tuned and fixed", id="tuned and fixed"),
        pytest.param({"depth": 1}, "has no parameter 'depth'; it takes lr, layers", id="a name that it has not"),
    ],
)
def test_arguments_must_fit_the_function(fixed: dict[str, Any], message: str) -> None:
    with pytest.raises(ProgramError, match=message):
        program.check(program.from_function(plain), SPACE, fixed)


def test_a_required_argument_must_be_tuned_or_given() -> None:
    with pytest.raises(ProgramError, match="plain needs 'batch': tune it"):
        program.check(program.from_function(plain), {"lr": SPACE["lr"]}, {"layers": 1})


def test_fixed_arguments_must_be_json() -> None:
    with pytest.raises(ProgramError, match="must be JSON values"):
        program.arguments(SPACE, {"x": object()})


def test_decorators_stay_behind() -> None:
    source = program.from_function(decorated.__wrapped__)
    assert source.text.startswith("def decorated")


def _decorate(function: Any) -> Any:
    import functools

    return functools.wraps(function)(lambda *args: function(*args))


@_decorate
def decorated(lr: float) -> float:
    return lr
