"""The densest spot of a group."""

from __future__ import annotations

import math

import numpy as np

from .compiled import kernel
from .model import Floats, Ints

_CANDIDATES = 256
"""Marks of one group tried as the densest; a group of 20,000 would ask for 4e8 distances."""

_SHIFTS = 100
"""Steps at most; one shortens the error by half or more on bell-shaped groups."""

_STILL = 1e-6
"""px: a step shorter than this is the last."""


@kernel("float64[:, ::1](float64[::1], float64[::1], int64[::1], float64[::1])")
def modes(x: Floats, y: Floats, first: Ints, width: Floats) -> Floats:
    """Densest spot of each group by mean shift (Comaniciu, Meer, PAMI 24(5), 2002, p. 603).

    Parameters
    ----------
    x, y : (n,) float64
        px; the marks of one group stand together.
    first : (n_groups + 1,) int64
        Place of each group's first mark, and n.
    width : (n_groups,) float64
        px: standard deviation of the Gaussian kernel.

    Returns
    -------
    (n_groups, 2) float64
        x, y.
    """
    at = np.empty((len(width), 2))
    for g in range(len(width)):
        start, end = first[g], first[g + 1]
        scale = -0.5 / (width[g] * width[g])
        densest = -1.0
        ax, ay = x[start], y[start]
        for i in range(start, end, (end - start + _CANDIDATES - 1) // _CANDIDATES):
            density = 0.0
            for j in range(start, end):
                dx, dy = x[j] - x[i], y[j] - y[i]
                density += math.exp(scale * (dx * dx + dy * dy))
            if density > densest:
                densest, ax, ay = density, x[i], y[i]
        for _ in range(_SHIFTS):
            total, sum_x, sum_y = 0.0, 0.0, 0.0
            for j in range(start, end):
                dx, dy = x[j] - ax, y[j] - ay
                weight = math.exp(scale * (dx * dx + dy * dy))
                total += weight
                sum_x += weight * x[j]
                sum_y += weight * y[j]
            moved = max(abs(sum_x / total - ax), abs(sum_y / total - ay))
            ax, ay = sum_x / total, sum_y / total
            if moved < _STILL:
                break
        at[g, 0], at[g, 1] = ax, ay
    return at
