"""Every code block of the README runs as it stands there, one after the other, in one directory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    language: str
    title: str
    text: str


def blocks() -> list[Block]:
    found = []
    for match in BLOCK.finditer((ROOT / "README.md").read_text(encoding="utf-8")):
        language, _, rest = match["info"].partition(" ")
        found.append(Block(language, rest.removeprefix("title="), match["text"]))
    return found


RUNNABLE = [block for block in blocks() if block.language in ("sh", "python")]


def run(block: Block, directory: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("KUBECONFIG", None)
    if block.language == "python":
        script = directory / "block.py"
        script.write_text(block.text, encoding="utf-8")
        command = [sys.executable, str(script)]
    else:
        command = ["bash", "-euo", "pipefail", "-c", block.text]
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=110)


def test_the_first_block_names_the_two_commands():
    for line in blocks()[0].text.splitlines():
        command = ROOT / line.split()[0]
        assert command.exists()
        assert os.access(command, os.X_OK)


def test_every_block_is_of_a_language_that_is_run_or_drawn():
    assert {block.language for block in blocks()} == {"sh", "python", "yaml", ""}


@pytest.mark.slow
@pytest.mark.xdist_group("readme")
@pytest.mark.parametrize("number", range(1, len(RUNNABLE)), ids=lambda number: f"block {number}")
def test_block_runs(number, tmp_path):
    for block in blocks():
        if block.language == "yaml":
            (tmp_path / block.title).write_text(block.text, encoding="utf-8")
    done = run(RUNNABLE[number], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    if "--report" in RUNNABLE[number].text:
        assert (tmp_path / "report.html").stat().st_size > 1000
        assert "6 Succeeded" in done.stdout
