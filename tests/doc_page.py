"""Runs the code blocks of one Markdown page in a directory: ``python doc_page.py PAGE DIRECTORY``.

All blocks of a page share one directory, and its ``python`` blocks one interpreter and one namespace, from top to
bottom, as a reader would go. A block with a title is a file of that name and is written first. A ``text`` block tells
what the block before it prints: its lines in their order, ``...`` for what differs from run to run. Blocks without a
language are drawings. Exit code 1 and the page's line tell of a block that failed.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any, NamedTuple

BLOCK = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = ("sh", "python")
SECONDS = 100


class Block(NamedTuple):
    language: str
    title: str
    text: str
    line: int


class BlockFailed(Exception):
    """What a block did that it should not have done."""


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page; ``line`` is that of the first line inside."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in BLOCK.finditer(text):
        language, _, rest = match["info"].partition(" ")
        line = text.count("\n", 0, match.start("text")) + 1
        found.append(Block(language, rest.removeprefix("title="), match["text"], line))
    return found


def run_page(page: Path, directory: Path) -> None:
    """Run every block; raise BlockFailed."""
    found, namespace, printed = blocks(page), {"__name__": "__main__"}, ""
    for block in found:
        if block.title:
            (directory / block.title).write_text(block.text, encoding="utf-8")
    for block in found:
        try:
            if block.language == "text":
                compare(block.text, printed)
            elif block.language in RUN and not block.title:
                printed = run_python(block, directory, namespace) if block.language == "python" else run_shell(block)
        except BlockFailed as error:
            raise BlockFailed(f"{page.name}:{block.line}: {error}") from None


def run_shell(block: Block) -> str:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        command = ["bash", "-euo", "pipefail", "-c", block.text]
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            code = process.wait(SECONDS)
            left = code == 0 and not ended(process.pid)
        except subprocess.TimeoutExpired:
            code, left = 1, True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        out.seek(0)
        printed = out.read()
    if code or left:
        raise BlockFailed(f"{'left processes behind' if left else f'exit code {code}'}:\n{printed}")
    return printed


def ended(group: int) -> bool:
    """Wait for what was told to stop; return whether everything of the process group has."""
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def run_python(block: Block, directory: Path, namespace: dict[str, Any]) -> str:
    file = directory / f"block_{block.line}.py"  # on disk, because components are taken by their source
    file.write_text(block.text, encoding="utf-8")
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(block.text, str(file), "exec", dont_inherit=True), namespace)
    except (Exception, SystemExit):
        raise BlockFailed(f"{printed.getvalue()}\n{traceback.format_exc()}") from None
    return printed.getvalue()


def compare(expected: str, printed: str) -> None:
    """Find the expected lines in what was printed, in their order."""
    lines = iter(printed.splitlines())
    for wanted in filter(None, map(str.strip, expected.splitlines())):
        pattern = ".*".join(map(re.escape, wanted.split("...")))
        if not any(re.fullmatch(pattern, line.strip()) for line in lines):
            raise BlockFailed(f"the block before has not printed (in this order)\n{wanted}\nbut\n{printed}")


def main() -> int:
    page, directory = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    os.chdir(directory)
    os.environ.pop("KUBECONFIG", None)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    sys.argv[1:], sys.path[0] = [], str(directory)  # as for a script there
    try:
        run_page(page, directory)
    except BlockFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
