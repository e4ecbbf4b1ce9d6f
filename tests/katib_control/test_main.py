"""The command line of the services: what it says, what it refuses. That they serve: tests/e2e/test_services.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from katib_control.__main__ import main
from katib_control.runtime.grpc_server import GrpcServer
from katib_control.suggestion.registry import ALGORITHMS
from katib_control.suggestion.server import NAMES, SuggestionService

ROOT = Path(__file__).parents[2]

REFUSED = [
    pytest.param([], "SERVICE", id="no service"),
    pytest.param(["everything"], "invalid choice: 'everything'", id="an unknown service"),
    pytest.param(
        ["suggestion", "--algorithm", "random", "magic"], "there is no algorithm 'magic'; there is", id="a name"
    ),
    pytest.param(["suggestion", "--port", "65536"], "'65536' is not a port", id="a port too high"),
    pytest.param(["suggestion", "--port", "http"], "'http' is not a port", id="a port that is no number"),
    pytest.param(["suggestion", "--cache-trials", "-1"], "'-1' is not a whole number", id="less than nothing"),
    pytest.param(["suggestion", "--cache-trials", "many"], "'many' is not a whole number", id="a word for a number"),
    pytest.param(["earlystopping", "--algorithm", "random"], "unrecognized arguments", id="another service's option"),
]


@pytest.mark.parametrize(("arguments", "told"), REFUSED)
def test_a_wrong_command_line_is_explained(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert told in capsys.readouterr().err


HELP = [
    pytest.param([], ["suggestion", "earlystopping"], id="both services are named"),
    pytest.param(["suggestion"], ["--algorithm", "--host", "--port", "6789", "0.0.0.0"], id="suggestion"),
    pytest.param(["earlystopping"], ["--host", "--port", "6788", "--kubeconfig"], id="earlystopping"),
]


@pytest.mark.parametrize(("service", "words"), HELP)
def test_help_names_every_option(service: list[str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*service, "--help"])
    assert caught.value.code == 0
    told = capsys.readouterr().out
    assert [word for word in words if word not in told] == []


@pytest.mark.parametrize("service", ["suggestion", "earlystopping"])
def test_a_port_that_is_taken_is_one_line_and_exit_code_1(service: str) -> None:
    taken = GrpcServer(SuggestionService(ALGORITHMS), NAMES, host="127.0.0.1", port=0)
    command = [sys.executable, "-m", "katib_control", service, "--port", str(taken.port), "--log-level", "error"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "controller"), "GRPC_VERBOSITY": "NONE", "KUBECONFIG": ""}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 1
    assert f"katib_control {service}: cannot listen on {taken.address}: another process has the port" in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout
    taken.stop(0)


def test_a_kubeconfig_that_is_not_there_is_one_line_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["earlystopping", "--kubeconfig", str(tmp_path / "none")]) == 1
    assert "there is no such file" in capsys.readouterr().err
