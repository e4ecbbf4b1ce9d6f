"""The order of API versions: v10 before v2, releases before betas before alphas, odd names last."""

from __future__ import annotations

import re

_VERSION = re.compile(r"v([1-9]\d*)((alpha|beta)([1-9]\d*))?")
_STAGES = {None: 0, "beta": 1, "alpha": 2}


def rank(name: str) -> tuple[int, int, int, str]:
    """Return the sort key of a version's name; the preferred version comes first."""
    found = _VERSION.fullmatch(name)
    if found is None:
        return 3, 0, 0, name
    return _STAGES[found[3]], -int(found[1]), -int(found[4] or 0), name
