"""Search quality: normalised regret of every algorithm on problems with a known optimum, and of its peers."""

from __future__ import annotations


def measure(*, quick: bool) -> dict[str, object]:
    """Return the figures; what they need is loaded here, because the searches run in processes of their own."""
    from benchmarks.search.report import measure

    return measure(quick=quick)
