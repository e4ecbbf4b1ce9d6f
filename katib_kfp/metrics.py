"""Tell the tuner how well a trial does, from inside training code. Standard library only.

    from katib_kfp import metrics

    metrics.report(accuracy=0.93, loss=0.21, step=3)

prints ``step=3 accuracy=0.93 loss=0.21``, which the StdOut collector reads; no server, no token, no environment
needed. The same line may be printed by any other means: a trial needs this module no more than it needs Python.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any, SupportsFloat

_NAME = re.compile(r"[\w|-]+", re.ASCII)  # what the collector's default filter takes for a name


def report(metrics: Mapping[str, Any] | None = None, /, *, step: int | None = None, **named: SupportsFloat) -> None:
    """Print one line of ``name=value`` pairs and flush it.

    ``metrics`` takes names that are no Python identifiers (``{"val-accuracy": 0.9}``). Values are anything that
    ``float`` takes, numpy and torch scalars too. NaN and infinity are printed as they are: the collector keeps them
    in the log and never takes them for a result. Raises ValueError for a name that the collector could not read or
    a value that is no number, naming it.
    """
    pairs = {**(metrics or {}), **named}
    if not pairs:
        raise ValueError("report() needs at least one metric, e.g. report(accuracy=0.9)")
    words = [] if step is None else [f"step={int(step)}"]
    words += [f"{_checked(name)}={_text(name, value)}" for name, value in pairs.items()]
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


def _checked(name: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"metric name {name!r}: letters, digits, '_', '-' and '|' only")
    return name


def _text(name: str, value: Any) -> str:
    try:
        return repr(float(value))
    except (TypeError, ValueError):
        raise ValueError(f"metric {name}: {value!r} is not a number") from None
