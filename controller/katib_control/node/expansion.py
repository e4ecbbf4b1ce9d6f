"""``$(VAR)`` in commands, arguments and environment values, exactly as Kubernetes documents it. Pure.

``$(NAME)`` of a variable that is defined becomes its value; of one that is not it stays as it is. ``$$`` becomes ``$``,
so ``$$(NAME)`` is a way to say ``$(NAME)``. Everything else is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Return the text with its references replaced; what comes out is not expanded again."""

    def replaced(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else variables.get(match[1], match[0])

    return _REFERENCE.sub(replaced, text) if "$" in text else text
