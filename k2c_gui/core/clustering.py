"""Marks of one micrograph to groups and centroids.

HDBSCAN is the project's method (Campello, Moulavi, Sander: Density-based clustering based on
hierarchical density estimates, PAKDD 2013, p. 160; McInnes, Healy, Astels: hdbscan, JOSS 2(11),
2017). DBSCAN and K-means are there to compare with.
"""

from __future__ import annotations

import warnings

import numpy as np

from .model import ClusterParams, Floats, Grouping, Ints, Table

_START_CANDIDATES = 256
"""Marks of one group tried as the densest; a group of 20,000 would ask for 4e8 distances."""

_SHIFTS = 30
"""Mean-shift steps: a step shortens the error by half or more on bell-shaped groups."""


def cluster(
    marks: Table, params: ClusterParams, *, micrograph: int = 0, expected_looks: int = 20
) -> Grouping:
    """Group the marks of one micrograph.

    Parameters
    ----------
    marks : (n,) MARK
        Of one micrograph. Those that do not count are noise.
    params : ClusterParams
    micrograph : int
        Carried into the answer.
    expected_looks : int
        Marks that one particle is expected to draw; K-means needs it to guess how many there are.

    Returns
    -------
    Grouping
        Groups numbered by their earliest mark, so that equal groups have equal numbers.
    """
    counted = np.flatnonzero(marks["counted"])
    # row order decides ties inside hdbscan and the last digit of sums: take one that never changes
    counted = counted[np.argsort(marks["mark"][counted], kind="stable")]
    xy = np.column_stack([marks["x"][counted], marks["y"][counted]])
    if params.algorithm in ("hdbscan", "reference"):
        own = _hdbscan(xy, params)
    elif params.algorithm == "dbscan":
        own = _dbscan(xy, params)
    else:
        own = _kmeans(xy, expected_looks)
    own = _by_first(own)
    x, y, spread = centroids(xy[:, 0], xy[:, 1], own, params.centroid)
    group = np.full(len(marks), -1, np.int64)
    group[counted] = own
    return Grouping(micrograph, params, group, x, y, spread)


def centroids(x: Floats, y: Floats, group: Ints, kind: str) -> tuple[Floats, Floats, Floats]:
    """Where each group sits, and how far its marks scatter.

    The mean is dragged by marks far off (error 3.7 px in simulations), the mode is not (1.6 px).

    Parameters
    ----------
    x, y : (n,) float64
        px.
    group : (n,) int64
        -1 is noise; the others are 0, 1, 2 ... without a gap.
    kind : {"mode", "mean", "median"}

    Returns
    -------
    x, y, spread : (n_groups,) float64
        px; spread is the median distance from the centroid.
    """
    member = np.flatnonzero(group >= 0)
    member = member[np.argsort(group[member], kind="stable")]
    if not len(member):
        return np.zeros(0), np.zeros(0), np.zeros(0)
    own = group[member]
    size = np.bincount(own)
    xy = np.column_stack([x[member], y[member]])
    median = np.column_stack([_median(xy[:, 0], own, size), _median(xy[:, 1], own, size)])
    if kind == "mean":
        first = np.concatenate([[0], np.cumsum(size)[:-1]])
        at = np.add.reduceat(xy, first, axis=0) / size[:, None]
    elif kind == "median":
        at = median
    else:
        scatter = _median(np.hypot(*(xy - median[own]).T), own, size)
        at = _modes(xy, size, _bandwidth(scatter))
    spread = _median(np.hypot(*(xy - at[own]).T), own, size)
    return at[:, 0], at[:, 1], spread


def _hdbscan(xy: Floats, params: ClusterParams) -> Ints:
    if len(xy) < max(2, params.min_cluster_size):
        return np.full(len(xy), -1, np.int64)
    from hdbscan import HDBSCAN

    model = HDBSCAN(
        min_cluster_size=params.min_cluster_size,
        min_samples=params.min_samples,
        cluster_selection_epsilon=params.epsilon,
        cluster_selection_method=params.method,
        core_dist_n_jobs=1,  # a process pool costs 350 ms and may hang at exit
    )
    return np.asarray(model.fit(xy).labels_, dtype=np.int64)


def _dbscan(xy: Floats, params: ClusterParams) -> Ints:
    if not len(xy):
        return np.zeros(0, np.int64)
    from sklearn.cluster import DBSCAN

    # scikit-learn counts the mark itself among its neighbours, hdbscan does not
    model = DBSCAN(eps=params.epsilon, min_samples=params.min_samples + 1)
    return np.asarray(model.fit(xy).labels_, dtype=np.int64)


def _kmeans(xy: Floats, expected_looks: int) -> Ints:
    k = min(round(len(xy) / expected_looks), len(np.unique(xy, axis=0)))
    if k < 1:
        return np.full(len(xy), -1, np.int64)
    from sklearn.cluster import KMeans

    model = KMeans(n_clusters=k, n_init=1, random_state=0)
    with warnings.catch_warnings():
        # where a system hides how many cores it has, the answer is the same
        warnings.filterwarnings("ignore", "Could not find the number of physical cores")
        return np.asarray(model.fit(xy).labels_, dtype=np.int64)


def _by_first(group: Ints) -> Ints:
    """Number the groups by their first member."""
    member = np.flatnonzero(group >= 0)
    _, first, own = np.unique(group[member], return_index=True, return_inverse=True)
    number = np.full(len(group), -1, np.int64)
    number[member] = np.argsort(np.argsort(first))[own]
    return number


def _median(values: Floats, group: Ints, size: Ints) -> Floats:
    """Median of each group of a column sorted by group."""
    ordered = values[np.lexsort((values, group))]
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    return np.asarray((ordered[first + (size - 1) // 2] + ordered[first + size // 2]) / 2)


def _bandwidth(scatter: Floats) -> Floats:
    """Kernel width for the modes, px.

    A group that holds two particles scatters widely by itself, and a kernel as wide would put the
    mode between them; so no group's kernel is wider than the micrograph's typical one.
    """
    return np.maximum(1.0, 1.5 / 1.1774 * np.minimum(scatter, np.median(scatter)))


def _modes(xy: Floats, size: Ints, width: Floats) -> Floats:
    """Densest spot of each group by mean shift (Comaniciu, Meer, PAMI 24(5), 2002, p. 603)."""
    first = np.cumsum(size) - size
    groups = zip(np.split(xy, first[1:]), width, strict=True)
    at = np.array([_densest(own, kernel) for own, kernel in groups])
    scale = -0.5 / np.repeat(width, size) ** 2
    for _ in range(_SHIFTS):
        weight = np.exp(scale * ((xy - np.repeat(at, size, axis=0)) ** 2).sum(1))
        total = np.add.reduceat(weight, first)
        at = np.add.reduceat(xy * weight[:, None], first) / total[:, None]
    return at


def _densest(xy: Floats, width: float) -> Floats:
    """Mark of one group with the most others around it."""
    tried = xy[:: -(-len(xy) // _START_CANDIDATES)]
    square = (tried[:, :1] - xy[:, 0]) ** 2 + (tried[:, 1:] - xy[:, 1]) ** 2
    return np.asarray(tried[np.exp(-0.5 / width**2 * square).sum(axis=1).argmax()])
