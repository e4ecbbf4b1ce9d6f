"""What kfp.local prints, without what only debugging wants."""

from __future__ import annotations

import sys

import pytest

from katib_kfp import local

NOISY = """\
12:00:00.000 - INFO - Executing task 'tune'
    [KFP Executor 2026-01-01 12:00:00,000 INFO]: Looking for component `tune` in --component_module_path `x`
    [KFP Executor 2026-01-01 12:00:00,000 INFO]: Got executor_input:
    {
        "inputs": {
            "a": {}
        }
    }
    [katib-kfp] 1/2 trials done
    {"printed": "by the component"}

    Traceback (most recent call last):
    [KFP Executor 2026-01-01 12:00:00,000 ERROR]: it went wrong
    [KFP Executor 2026-01-01 12:00:00,000 INFO]: Wrote executor output file to x.
"""


def test_readable_logs_leave_out_the_executor_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    plain = sys.stdout
    with local.readable_logs():
        for start in range(0, len(NOISY), 7):  # in pieces, as they come
            print(NOISY[start : start + 7], end="", flush=True)
    assert sys.stdout is plain
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == [
        "12:00:00.000 - INFO - Executing task 'tune'",
        "[katib-kfp] 1/2 trials done",
        '{"printed": "by the component"}',
        "Traceback (most recent call last):",
        "[KFP Executor 2026-01-01 12:00:00,000 ERROR]: it went wrong",
    ]


def test_ctrl_c_ends_a_local_run_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught, local.readable_logs():
        raise KeyboardInterrupt
    assert caught.value.code == 130
    assert capsys.readouterr().err == "\ninterrupted\n"
