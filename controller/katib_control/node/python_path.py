"""Seeing to it that ``python`` and ``python3`` in a shell command are the control plane's interpreter too."""

from __future__ import annotations

import os
import shlex
from pathlib import Path


def python_directories(python: str, fallback: Path) -> tuple[str, ...]:
    """Return the directories to put first in PATH.

    That is the interpreter's own. Where it lacks one of the two names, ``fallback`` gets a script for it: a link would
    make an interpreter of a virtual environment forget where it belongs.
    """
    home = os.path.dirname(python)
    missing = [name for name in ("python", "python3") if not os.path.exists(os.path.join(home, name))]
    if not missing:
        return (home,)
    fallback.mkdir(parents=True, exist_ok=True)
    for name in missing:
        script = fallback / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(python)} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    return (str(fallback), home)
