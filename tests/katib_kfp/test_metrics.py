"""What training code prints is what the StdOut collector reads."""

from __future__ import annotations

import subprocess
import sys

import numpy
import pytest

from katib_kfp import metrics


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        pytest.param({"accuracy": 0.9}, "accuracy=0.9", id="one metric"),
        pytest.param({"a": 1, "b": 2.5, "step": 3}, "step=3 a=1.0 b=2.5", id="several, after their step"),
        pytest.param({"a": numpy.float32(0.5)}, "a=0.5", id="a numpy scalar"),
        pytest.param({"loss": float("nan")}, "loss=nan", id="nan is printed, the collector does not count it"),
        pytest.param({"loss": 1e-30}, "loss=1e-30", id="an exponent"),
    ],
)
def test_report_prints_name_and_value(
    arguments: dict[str, float], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics.report(**arguments)
    assert capsys.readouterr().out == line + "\n"


def test_names_that_are_no_identifiers_come_in_a_dict(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.report({"val-accuracy": 0.5}, loss=1)
    assert capsys.readouterr().out == "val-accuracy=0.5 loss=1.0\n"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda: metrics.report(), "at least one metric", id="nothing to report"),
        pytest.param(lambda: metrics.report({"val acc": 1}), "'val acc'", id="a space in the name"),
        pytest.param(lambda: metrics.report(loss="low"), "metric loss: 'low' is not a number", id="text"),
        pytest.param(lambda: metrics.report(loss=None), "metric loss: None is not a number", id="none"),
    ],
)
def test_what_the_collector_could_not_read_is_refused(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]


def test_metrics_need_the_standard_library_only() -> None:
    code = (
        "import sys, katib_kfp.metrics\n"
        "print([name for name in sys.modules if name.split('.')[0] not in sys.stdlib_module_names])"
    )
    found = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd=_root())
    assert found.stdout.strip() in (
        "['katib_kfp', 'katib_kfp.metrics']",
        "['__main__', 'katib_kfp', 'katib_kfp.metrics']",
    )


def _root() -> str:
    import katib_kfp

    return str(__import__("pathlib").Path(katib_kfp.__file__).parents[1])
