"""Finding ``name = value`` in a line: Katib's default filter, and those of the Experiment. Bounded in time.

Katib's filters are RE2's, which cannot run away. Ours are of the ``regex`` package, because it can be given a time
limit; the syntax is the same but for the rarest things.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from katib_control.collectors.errors import FilterError

Find = Callable[[str], Iterable[tuple[str, str]]]
"""From a line to its pairs of metric name and value text, in order; a value may be empty (``loss=nan``)."""

LINE_SECONDS = 0.2
"""Longest time that one filter of the Experiment may take for one line."""

PATIENCE = 5
"""How many lines may take longer before the filter is given up."""

_NAME = r"[\w|-]+"
_VALUE = r"([+-]?\d*(?:\.\d+)?(?:[Ee][+-]?\d+)?)"
# The look-behind changes nothing but the time: without it a line of n letters takes n * n steps.
_DEFAULT = re.compile(rf"(?<![\w|-])({_NAME})\s*=\s*{_VALUE}")
_NEARLY = re.compile(r"""(?<![\w./|-])([A-Za-z_][\w./|-]*)["']?\s*:\s*["']?[+-]?(?:\d|\.\d|nan\b|inf)""")


def finder(metrics: Iterable[str], filters: Sequence[str]) -> Find:
    """Return how to look into lines for these metrics; raise FilterError for a filter that cannot be used."""
    return custom_filter(filters) if filters else default_filter(metrics)


def default_filter(metrics: Iterable[str]) -> Find:
    """Return Katib's filter, ``([\\w|-]+)\\s*=\\s*(number)``.

    A wanted name with other characters (``train/loss``), which Katib's cannot find, is taken as a whole first.
    """
    special = sorted((name for name in metrics if not re.fullmatch(_NAME, name)), key=len, reverse=True)
    pattern = _DEFAULT
    if special:
        names = "|".join(map(re.escape, special))
        pattern = re.compile(rf"({names}|(?<![\w|-]){_NAME})\s*=\s*{_VALUE}")

    def find(line: str) -> Iterable[tuple[str, str]]:
        return pattern.findall(line) if "=" in line else ()

    return find


def custom_filter(filters: Sequence[str]) -> Find:
    """Return a search for the filters' first two groups: filter by filter, in order."""
    import regex  # type: ignore[import-untyped]  # it comes without type information

    patterns = []
    for text in filters:
        try:
            pattern = regex.compile(text)
        except regex.error as error:
            raise FilterError(f"metrics filter {text!r} does not compile: {error}") from error
        if pattern.groups < 2:
            raise FilterError(f"metrics filter {text!r} needs two groups: the name and the value of the metric")
        patterns.append(pattern)
    slow = 0

    def find(line: str) -> Iterator[tuple[str, str]]:
        nonlocal slow
        for pattern in patterns:
            try:
                for match in pattern.finditer(line, timeout=LINE_SECONDS):
                    yield match.group(1) or "", (match.group(2) or "").strip()
            except TimeoutError as error:
                slow += 1
                if slow > PATIENCE:
                    raise FilterError(
                        f"metrics filter {pattern.pattern!r} takes over {LINE_SECONDS} s on each of {slow} lines;"
                        " write it without repeats inside repeats"
                    ) from error

    return find


def nearly(line: str) -> list[str]:
    """Return names printed like metrics but with a colon (``loss: 0.5``), which the default filter passes by."""
    return _NEARLY.findall(line) if ":" in line else []
