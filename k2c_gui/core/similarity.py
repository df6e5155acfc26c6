"""Which instances look alike: grey values on rings around the centroid, whatever the direction."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .model import Bools, Floats, Ints

RINGS = 8
ANGLES = 16


def features(pixels: NDArray[Any], x: Floats, y: Floats, radius: float) -> Floats:
    """Describe what lies around each centroid by the mean and the spread of its rings.

    Rings do not change when a particle is turned. Each feature is standardised over the
    instances, so none outweighs the others.

    Parameters
    ----------
    pixels : (height, width) ndarray
        Grey values.
    x, y : (n,) float64
        Centroids, px of `pixels`.
    radius : float
        Of the widest ring, px of `pixels`.

    Returns
    -------
    (n, 2 * RINGS) float64
        Without unit; ring means, then the standard deviations along the rings.
    """
    r = radius * (np.arange(RINGS) + 0.5) / RINGS
    turn = 2 * np.pi * np.arange(ANGLES) / ANGLES
    height, width = pixels.shape
    column = np.floor(x[:, None, None] + r[:, None] * np.cos(turn)).astype(np.int64)
    row = np.floor(y[:, None, None] + r[:, None] * np.sin(turn)).astype(np.int64)
    grey = pixels[row.clip(0, height - 1), column.clip(0, width - 1)].astype(np.float64)
    grey = np.nan_to_num(grey)
    found = np.concatenate([grey.mean(axis=2), grey.std(axis=2)], axis=1)
    if not len(found):
        return found
    spread = found.std(axis=0)
    return np.asarray((found - found.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def nearest(features: Floats, row: int, among: Bools, most: int) -> tuple[Ints, Floats]:
    """Find the instances that look most like one of them.

    Parameters
    ----------
    features : (n, n_features) float64
        See `features`.
    row : int
        The instance asked about; never part of the answer.
    among : (n,) bool
        Which may be named.
    most : int
        How many at most.

    Returns
    -------
    rows : (k,) int64
        The likest first.
    distance : (k,) float64
        Root mean square difference of the features.
    """
    allowed = among.copy()
    allowed[row] = False
    rows = np.flatnonzero(allowed)
    distance = np.sqrt(((features[rows] - features[row]) ** 2).mean(axis=1))
    order = np.argsort(distance, kind="stable")[:most]
    return rows[order], distance[order]
