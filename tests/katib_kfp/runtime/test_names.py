"""Names that a retried step finds again, and that two different steps never share."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_kfp.runtime import names
from katib_kfp.runtime.names import Asker

LOCAL = "/w/local_outputs/my-pipe-2026-01-31-12-00-00-123456/tune/executor_output.json"
LOOP = "/w/local_outputs/my-pipe-2026-01-31-12-00-00-123456/for-loop-1-iteration-2/tune/executor_output.json"
CLUSTER = "/tmp/kfp_outputs/output_metadata.json"
POD = {
    "metadata": {
        "labels": {"pipeline/runid": "0b1c"},
        "annotations": {"workflows.argoproj.io/node-name": "pipe-x.root.tune(1).executor"},
    }
}


@pytest.mark.parametrize(
    ("run_id", "file", "pod", "wanted"),
    [
        pytest.param("r1", LOCAL, None, Asker(run="r1", task="tune", explicit=True), id="the run that was named"),
        pytest.param(
            "", LOCAL, None, Asker(run="//w/local_outputs/my-pipe-2026-01-31-12-00-00-123456", task="tune"),
            id="a local run is its output directory, so a retried local step finds its own",
        ),
        pytest.param(
            "r1", LOOP, None, Asker(run="r1", task="for-loop-1-iteration-2/tune", explicit=True),
            id="loop iterations are different tasks",
        ),
        pytest.param(
            "", CLUSTER, POD, Asker(run="0b1c", task="pipe-x.root.tune.executor"),
            id="on a cluster the own Pod knows run and task, the same for every attempt",
        ),
        pytest.param("r1", CLUSTER, None, Asker(run="r1", explicit=True), id="a Pod that may not be read"),
    ],
)  # fmt: skip
def test_who_asks(run_id: str, file: str, pod: dict[str, object] | None, wanted: Asker) -> None:
    assert names.asker(run_id, file, pod) == wanted


def test_without_any_run_every_call_is_another_asker() -> None:
    assert names.asker("", "", None) != names.asker("", "", None)


def test_the_identity_is_made_of_run_task_and_spec() -> None:
    base = (Asker(run="r", task="t"), "d")
    others = [(Asker(run="q", task="t"), "d"), (Asker(run="r", task="u"), "d"), (Asker(run="r", task="t"), "e")]
    assert len({names.identity(*each) for each in [base, *others]}) == 4
    assert names.identity(*base) == names.identity(Asker(run="r", task="t", explicit=True), "d")


def test_the_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert names.spec_digest({"a": 1, "b": [2]}) == names.spec_digest({"b": [2], "a": 1})
    assert names.spec_digest({"a": 1}) != names.spec_digest({"a": 2})


@pytest.mark.parametrize(
    ("base", "wanted"),
    [
        pytest.param("train", "train-0123abcd", id="a plain name"),
        pytest.param("My Pipeline (v2)!", "my-pipeline-v2-0123abcd", id="free text"),
        pytest.param("9 lives", "x-9-lives-0123abcd", id="a name must start with a letter"),
        pytest.param("", "tune-0123abcd", id="nothing"),
        pytest.param("x" * 60, "x" * 31 + "-0123abcd", id="at most 40 characters"),
        pytest.param("a" * 30 + "-b", "a" * 30 + "-0123abcd", id="no two dashes where it is cut"),
    ],
)
def test_derived_names(base: str, wanted: str) -> None:
    assert names.derived_name(base, "0123abcd") == wanted


@given(st.text(alphabet=string.printable, max_size=80), st.integers(0, 99))
def test_every_name_is_a_kubernetes_name_of_at_most_40(base: str, attempt: int) -> None:
    found = names.attempt_name(names.derived_name(base, "0123abcd"), attempt)
    assert len(found) <= 40
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", found)


def test_attempts_are_numbered() -> None:
    assert [names.attempt_name("x", attempt) for attempt in range(3)] == ["x", "x-r1", "x-r2"]


@given(st.text(max_size=100))
def test_label_values_are_valid(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9]([\w.\-]{0,61}[A-Za-z0-9])?", names.label_value(text), re.ASCII)


def test_the_executor_input_is_read_from_the_command_line() -> None:
    argv = ["main.py", "--executor_input", '{"outputs": {"outputFile": "/x"}}', "--function_to_execute", "f"]
    assert names.output_file(argv) == "/x"
    assert names.output_file(["main.py"]) == names.output_file(["main.py", "--executor_input", "{"]) == ""
