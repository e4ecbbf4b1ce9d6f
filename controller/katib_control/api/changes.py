"""Where two versions of a long list differ: what is derived from it is then brought up to date by that alone."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any


def changed(old: Sequence[Any], new: Sequence[Any], equal: Callable[[Any, Any], bool] = operator.is_) -> Iterator[int]:
    """Yield the positions where they differ, ascending, those that only one of them has too.

    Fast where nearly nothing differs: API objects are never changed, so by default the same object is an equal one.
    """
    same = list(map(equal, old, new))
    position = -1
    for _ in range(same.count(False)):
        position = same.index(False, position + 1)
        yield position
    yield from range(len(same), max(len(old), len(new)))
