"""Kernel density estimates of good and bad configurations, as in BOHB (Falkner et al., ICML 2018, section 4.1).

A product kernel over all parameters: Gaussian where values have an order, Aitchison and Aitken's (1976) for categories.
One more kernel that covers everything, and a least width that shrinks with the number of points (both as in Bergstra
et al., 2011), keep a few points that happen to lie together from becoming the only place that is ever looked at.

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

_FINEST = 100
_REDRAWS = 20


@dataclass(frozen=True)
class Kernels:
    """A density: the mean of the kernels of ``width`` at each row of ``centres`` (points x parameters, from 0 to 1).

    ``sizes`` has the number of categories of each parameter, 0 where values have an order. A category keeps its
    probability but for its width, which the others share.
    """

    centres: Array
    widths: Array
    sizes: Array

    def log_density(self, rows: Array) -> Array:
        """Return the logarithm of the density at these rows, up to a constant that all densities share."""
        import numpy as np

        ordered = self.sizes == 0
        widths = self.widths[:, ordered]
        scaled = (rows[:, None, ordered] - self.centres[None, :, ordered]) / widths
        logs = -0.5 * np.einsum("ijk,ijk->ij", scaled, scaled) - np.log(widths).sum(axis=1)
        if not ordered.all():
            same = np.isclose(rows[:, None, ~ordered], self.centres[None, :, ~ordered])
            widths, others = self.widths[:, ~ordered], np.maximum(self.sizes[~ordered] - 1, 1)
            logs = logs + np.where(same, np.log1p(-widths), np.log(widths / others)).sum(axis=2)
        highest = logs.max(axis=1)
        return np.asarray(highest + np.log(np.exp(logs - highest[:, None]).mean(axis=1)))

    def draw(self, count: int, factor: float, rng: np.random.Generator) -> Array:
        """Draw rows from kernels ``factor`` times as wide, cut off at 0 and 1."""
        import numpy as np

        chosen = rng.integers(len(self.centres), size=count)
        centres, widths = self.centres[chosen], self.widths[chosen] * factor
        rows = centres + widths * rng.standard_normal(centres.shape)
        for _ in range(_REDRAWS):
            outside = (rows < 0) | (rows > 1)
            if not outside.any():
                break
            rows[outside] = centres[outside] + widths[outside] * rng.standard_normal(int(outside.sum()))
        sizes = np.broadcast_to(self.sizes, centres.shape)
        category = (np.floor(rng.random(centres.shape) * sizes) + 0.5) / np.maximum(sizes, 1)
        moved = np.where(rng.random(centres.shape) < widths * sizes / np.maximum(sizes - 1, 1), category, centres)
        return np.asarray(np.clip(np.where(sizes > 0, moved, rows), 0.0, 1.0))


def kernels(points: Sequence[Sequence[float]], sizes: Sequence[int]) -> Kernels:
    """Return the density of these points, and of one more that is everywhere.

    Widths by the normal reference rule; for categories so that one more observation is spread over all of them.
    """
    import numpy as np

    rows, counts = np.array(points, dtype=float), np.array(sizes, dtype=float)
    number, parameters = rows.shape
    reference = 1.06 * rows.std(axis=0) * number ** (-1.0 / (4 + parameters))
    # The share that is not the category's own where all are equally likely.
    even = (counts - 1) / np.maximum(counts, 1)
    tiny = np.finfo(float).tiny
    widths = np.where(
        counts > 0, np.maximum(even / (number + 1), tiny), np.maximum(reference, 1 / min(_FINEST, number + 1))
    )
    everywhere = np.where(counts > 0, np.maximum(even, tiny), 1.0)
    first = np.where(counts > 0, 0.5 / np.maximum(counts, 1), 0.5)
    return Kernels(
        np.vstack([rows, first]), np.vstack([np.broadcast_to(widths, rows.shape), everywhere]), counts
    )  # fmt: skip


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
