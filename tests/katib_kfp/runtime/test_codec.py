"""An Experiment goes through a KFP parameter and comes out the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_control.api.errors import InvalidObject
from katib_kfp.runtime import codec

PYTHON = "/opt/venv/bin/python"
TRAPS = {
    "command": ["python3", "/opt/python3/t.py", "{{$.inputs}}", "{{x}}", "{{{", "$$HOME $(VAR) ${trialParameters.lr}"],
    "int": 3,
    "float": 3.0,
    "big": 2**60,
    "text": 'quote " backslash \\ newline \n ünï',
    "nested": {"a": [{"b": {"c": None}}], "d": True},
}


def mangle(value: Any) -> Any:
    """Do to a value what kfp.local does: numbers in dicts become floats, python3 becomes the interpreter."""
    if isinstance(value, dict):
        return {key: mangle(item) for key, item in value.items()}
    if isinstance(value, list):
        return [mangle(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value.replace("python3", PYTHON) if isinstance(value, str) else value


def test_every_trap_survives() -> None:
    found = codec.decode(mangle(codec.encode(TRAPS)), {}, PYTHON)
    assert found == TRAPS
    assert [type(found[key]) for key in ("int", "float", "big")] == [int, float, int]


def test_the_text_holds_nothing_that_anybody_rewrites() -> None:
    text = codec.encode(TRAPS)["$json"]
    assert not [trap for trap in ("python3", "{{", "$") if trap in text]
    assert json.loads(text) == TRAPS


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(alphabet='python3{$}()\\" x'),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="{$python3", max_size=9), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_any_json_survives(value: Any) -> None:
    found = codec.decode(mangle(codec.encode(value)), {}, PYTHON)
    assert json.dumps(found) == json.dumps(value)


@pytest.mark.parametrize(
    ("given_", "environ", "wanted"),
    [
        pytest.param({"replicas": 1.0}, {}, {"replicas": 1}, id="a whole float is an int again"),
        pytest.param({"lr": 0.5}, {}, {"lr": 0.5}, id="a fraction stays"),
        pytest.param({"x": 1e300}, {}, {"x": 1e300}, id="a float beyond exact ints stays"),
        pytest.param({"c": [f"{PYTHON} t.py"]}, {}, {"c": ["python3 t.py"]}, id="python3 is restored locally"),
        pytest.param(
            {"c": [f"{PYTHON} t.py"]}, {"KFP_POD_NAME": "p"}, {"c": [f"{PYTHON} t.py"]}, id="a cluster rewrites nothing"
        ),
        pytest.param({"on": True}, {}, {"on": True}, id="a bool is no number"),
    ],
)
def test_plain_dicts_are_repaired(given_: Any, environ: dict[str, str], wanted: Any) -> None:
    found = codec.decode(given_, environ, PYTHON)
    assert json.dumps(found) == json.dumps(wanted)


def test_a_functions_arguments_are_what_was_said() -> None:
    text = f"{PYTHON} $(X) {{{{$.x}}}}"
    given_ = {"rate": 1.0, "n": 2, "on": True, "sizes": [1.0, 0.5], "how": {"c": text}, "text": text, "left_out": None}
    found = codec.restore(given_, {}, PYTHON)
    wanted = {"rate": 1.0, "n": 2, "on": True, "sizes": [1, 0.5], "how": {"c": "python3 $(X) {{$.x}}"}}
    assert json.dumps(found) == json.dumps(wanted | {"text": "python3 $(X) {{$.x}}"})


def test_counts_and_goal_given_as_text_are_numbers() -> None:
    spec = {"maxTrialCount": "4.0", "parallelTrialCount": "2", "objective": {"goal": "0.5"}}
    found = codec.experiment_body({"spec": spec})["spec"]
    assert json.dumps(found) == '{"maxTrialCount": 4, "parallelTrialCount": 2, "objective": {"goal": 0.5}}'


def test_a_count_that_is_no_number_is_left_for_validation() -> None:
    assert codec.experiment_body({"spec": {"maxTrialCount": "many"}})["spec"]["maxTrialCount"] == "many"


def test_the_spec_alone_makes_an_experiment() -> None:
    found = codec.experiment_body({"maxTrialCount": 3})
    assert (found["kind"], found["spec"]) == ("Experiment", {"maxTrialCount": 3})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param({}, "experiment_spec: must be an Experiment", id="nothing"),
        pytest.param("text", "experiment_spec: must be an Experiment", id="text"),
        pytest.param({"kind": "Job", "spec": {}}, "experiment_spec.kind: must be Experiment (got 'Job')", id="a Job"),
        pytest.param({"kind": "Experiment"}, "experiment_spec.spec: must be a dict", id="no spec"),
    ],
)
def test_what_is_no_experiment_is_refused(value: Any, message: str) -> None:
    with pytest.raises(InvalidObject) as caught:
        codec.experiment_body(value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda: codec.encode({"x": "y" * 100_001}), "at most 100000 characters", id="too large"),
        pytest.param(lambda: codec.encode({"x": float("nan")}), "must be JSON", id="nan"),
        pytest.param(lambda: codec.encode({"x": object()}), "must be JSON", id="an object"),
        pytest.param(lambda: codec.decode({"$json": "{"}, {}), "experiment_spec.$json: must be JSON", id="broken text"),
    ],
)
def test_what_cannot_travel_is_refused(call: Any, message: str) -> None:
    with pytest.raises(InvalidObject) as caught:
        call()
    assert message in str(caught.value)


def test_a_spec_of_nearly_100_kb_travels() -> None:
    value = {"x": "y" * 99_000}
    assert codec.decode(codec.encode(value), {}) == value


def test_fixed_values_go_into_strings_only() -> None:
    template = {"args": ["--data=${trialParameters.data}", "--n=${trialParameters.n}", "${trialParameters.lr}"], "n": 1}
    found = codec.substitute(template, {"data": 's3://a "b"', "n": 3.0})
    assert found == {"args": ['--data=s3://a "b"', "--n=3", "${trialParameters.lr}"], "n": 1}
