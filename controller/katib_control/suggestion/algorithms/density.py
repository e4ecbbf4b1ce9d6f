"""Kernel density estimates of good and bad configurations, as in BOHB (Falkner et al., ICML 2018, section 4.1).

A product kernel over all parameters: Gaussian where values have an order, Aitchison and Aitken's (1976) for categories.
Coordinates are shares of a parameter's distribution, so that steps, logarithms and bells are all the same here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from katib_control.suggestion.space import Point, SearchSpace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

NARROWEST = 1e-3
"""No kernel is narrower: points of a lattice, or one value seen again and again, leave no spread to measure."""

_REDRAWS = 20


@dataclass(frozen=True)
class Kernels:
    """A density: the sum of a kernel at each row of ``centres`` (points x parameters, from 0 to 1)."""

    centres: Array
    widths: Array
    sizes: Array
    """How many categories each parameter has; 0 where values have an order."""

    def log_density(self, rows: Array) -> Array:
        """Return the logarithm of the density at these rows, up to a constant that all densities share."""
        import numpy as np

        ordered = self.sizes == 0
        scaled = (rows[:, None, ordered] - self.centres[None, :, ordered]) / self.widths[ordered]
        logs = -0.5 * np.einsum("ijk,ijk->ij", scaled, scaled) - np.log(self.widths[ordered]).sum()
        if not ordered.all():
            same = np.isclose(rows[:, None, ~ordered], self.centres[None, :, ~ordered])
            widths, others = self.widths[~ordered], np.maximum(self.sizes[~ordered] - 1, 1)
            logs = logs + np.where(same, np.log1p(-widths), np.log(widths / others)).sum(axis=2)
        highest = logs.max(axis=1)
        summed = np.exp(logs - highest[:, None]).mean(axis=1)
        return np.asarray(highest + np.log(summed))

    def draw(self, count: int, factor: float, rng: np.random.Generator) -> Array:
        """Draw rows from kernels ``factor`` times as wide, cut off at 0 and 1."""
        import numpy as np

        centres = self.centres[rng.integers(len(self.centres), size=count)]
        widths = np.broadcast_to(self.widths * factor, centres.shape)
        rows = centres + widths * rng.standard_normal(centres.shape)
        for _ in range(_REDRAWS):
            outside = (rows < 0) | (rows > 1)
            if not outside.any():
                break
            rows[outside] = centres[outside] + widths[outside] * rng.standard_normal(int(outside.sum()))
        sizes = np.broadcast_to(self.sizes, centres.shape)
        jumps = rng.random(centres.shape) < np.minimum(widths, 1.0)
        category = (np.floor(rng.random(centres.shape) * sizes) + 0.5) / np.maximum(sizes, 1)
        rows = np.where(sizes > 0, np.where(jumps, category, centres), rows)
        return np.asarray(np.clip(rows, 0.0, 1.0))


def kernels(centres: Sequence[Sequence[float]], sizes: Sequence[int]) -> Kernels:
    """Return the density of these points; widths by the normal reference rule."""
    import numpy as np

    rows, counts = np.array(centres, dtype=float), np.array(sizes, dtype=float)
    number, parameters = rows.shape
    # For categories the spread is that of their numbers, as in the paper's code; the kernel's limit is (k - 1) / k.
    spread = np.where(counts > 0, rows * np.maximum(counts, 1), rows).std(axis=0)
    widths = np.maximum(1.06 * spread * number ** (-1.0 / (4 + parameters)), NARROWEST)
    limits = np.where(counts > 0, (counts - 1) / np.maximum(counts, 1), np.inf)
    return Kernels(rows, np.minimum(widths, np.maximum(limits, NARROWEST)), counts)


def categories(space: SearchSpace) -> list[int]:
    """Return how many categories each parameter has, 0 where its values have an order."""
    return [(item.size or 0) if item.kind == "categorical" else 0 for item in space.dimensions]


def most_promising(
    space: SearchSpace, good: Kernels, bad: Kernels, *, samples: int, factor: float, rng: np.random.Generator
) -> Iterator[Point]:
    """Yield points drawn near the good ones, those first that are likeliest to be good rather than bad."""
    import numpy as np

    rows = good.draw(samples, factor, rng)
    order = np.argsort(bad.log_density(rows) - good.log_density(rows), kind="stable")
    return (space.point(rows[place].tolist()) for place in order)
