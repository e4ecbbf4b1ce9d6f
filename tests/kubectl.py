"""The real kubectl as an object: runs commands, gives back what they print, and ends what it started."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import textwrap
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

_SECONDS = 60.0


def manifest(text: str) -> dict[str, Any]:
    """Return the object that a YAML text means."""
    found: dict[str, Any] = yaml.safe_load(textwrap.dedent(text))
    return found


class Running:
    """A command that goes on: its lines as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))

    def line_with(self, text: str, seconds: float = 20.0) -> str:
        """Return the next line that holds the text; fail when none comes in time."""
        deadline = time.monotonic() + seconds
        seen = []
        while True:
            try:
                line = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no line with {text!r} came, only {seen}") from None
            if text in line:
                return line
            seen.append(line)

    def ended(self, seconds: float) -> bool:
        """Whether the command ends by itself in time."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._reader.join(10)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Kubectl:
    """kubectl with one kubeconfig and one namespace; ``home`` keeps its caches."""

    def __init__(self, binary: str, kubeconfig: Path, home: Path, namespace: str) -> None:
        self._binary = binary
        self._environment = {
            "HOME": str(home), "KUBECONFIG": str(kubeconfig), "PATH": os.environ["PATH"], "TMPDIR": str(home),
        }  # fmt: skip
        self.namespace = namespace

    def _command(self, args: tuple[str, ...]) -> list[str]:
        own = () if {"-n", "-A", "--raw"} & set(args) else ("-n", self.namespace)
        return [self._binary, *own, *args]

    def _run(self, args: tuple[str, ...], stdin: Any, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        text = None if stdin is None else json.dumps(stdin)
        return subprocess.run(
            self._command(args), input=text, capture_output=True, text=True, timeout=_SECONDS, check=False,
            env=self._environment | dict(env),
        )  # fmt: skip

    def __call__(self, *args: str, stdin: Any = None, env: Mapping[str, str] | None = None) -> str:
        """Run to the end and return what was printed; fail when it fails."""
        done = self._run(args, stdin, env or {})
        assert done.returncode == 0, f"kubectl {' '.join(args)}: {done.stderr}{done.stdout}"
        return done.stdout

    def fails(
        self, *args: str, stdin: Any = None, env: Mapping[str, str] | None = None, code: int = 1, out: bool = False
    ) -> str:
        """Run to the end and return what was complained about (``out``: what was printed); fail when it succeeds."""
        done = self._run(args, stdin, env or {})
        assert done.returncode == code, f"kubectl {' '.join(args)}: {done.returncode} {done.stdout}{done.stderr}"
        return done.stdout if out else done.stderr

    def apply(self, *objects_and_options: dict[str, Any] | str) -> str:
        """Apply objects, with options."""
        objects = [item for item in objects_and_options if isinstance(item, dict)]
        options = [item for item in objects_and_options if isinstance(item, str)]
        return self("apply", *options, "-f", "-", stdin={"apiVersion": "v1", "kind": "List", "items": objects})

    def get(self, what: str) -> Any:
        """Return one object (``kind/name``)."""
        return json.loads(self("get", what, "-o", "json"))

    def until(self, read: Callable[[], str], text: str, seconds: float = 10.0) -> str:
        """Read until the text is there and return what was read; fail when it does not come."""
        deadline = time.monotonic() + seconds
        while text not in (found := read()):
            assert time.monotonic() < deadline, f"{text!r} did not come: {found}"
            time.sleep(0.1)
        return found

    def start(self, *args: str) -> Running:
        """Start a command that goes on."""
        process = subprocess.Popen(
            self._command(args), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self._environment
        )
        return Running(process)
