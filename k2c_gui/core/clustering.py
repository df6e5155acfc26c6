"""Marks of one micrograph to groups and centroids.

HDBSCAN is the project's method (Campello, Moulavi, Sander: Density-based clustering based on
hierarchical density estimates, PAKDD 2013, p. 160; McInnes, Healy, Astels: hdbscan, JOSS 2(11),
2017). DBSCAN and K-means are there to compare with.
"""

from __future__ import annotations

import warnings

import numpy as np

from . import splitting
from .groups import by_first, laid_out
from .hierarchy import Hierarchy
from .mode import modes
from .model import ClusterParams, Floats, Grouping, Ints, Table


def hierarchy_of(marks: Table, weight: Floats | None = None) -> Hierarchy:
    """Prepare to group the marks of one micrograph again and again.

    Parameters
    ----------
    marks : (n,) MARK
    weight : (n,) float64, optional
        See `exposure.weights`; left out, every mark weighs 1.

    Returns
    -------
    Hierarchy
        Of the marks that count, in rising order of ``mark``.
    """
    counted = _counted(marks)
    return Hierarchy(
        np.column_stack([marks["x"][counted], marks["y"][counted]]),
        None if weight is None else weight[counted],
        marks["volunteer"][counted],
    )


def cluster(
    marks: Table,
    params: ClusterParams,
    *,
    micrograph: int = 0,
    expected_looks: int = 20,
    hierarchy: Hierarchy | None = None,
    jitter: float = 0.0,
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
    hierarchy : Hierarchy, optional
        Of these marks, see `hierarchy_of`. Left out, one is built, in which every mark weighs 1.
    jitter : float
        px, see `splitting.jitter`.

    Returns
    -------
    Grouping
        Groups numbered by their earliest mark, so that equal groups have equal numbers.
    """
    counted = _counted(marks)
    members = marks.take(counted)  # indexing records takes twenty times as long
    if hierarchy is None:
        hierarchy = hierarchy_of(marks)
    own = parted(members, params, expected_looks=expected_looks, hierarchy=hierarchy)
    weight = hierarchy.weight if params.weighted else np.ones(len(counted))
    own, split_into, pairs = _split(members, own, params, weight, jitter)
    x, y, spread = centroids(members["x"], members["y"], own, params.centroid)
    group = np.full(len(marks), -1, np.int64)
    group[counted] = own
    return Grouping(micrograph, params, group, x, y, spread, split_into, pairs)


def parted(
    marks: Table,
    params: ClusterParams,
    *,
    expected_looks: int,
    hierarchy: Hierarchy,
) -> Ints:
    """Group marks, and neither split the groups nor ask where they sit.

    Parameters
    ----------
    marks : (n,) MARK
        Of one micrograph, those that count, in rising order of ``mark``.
    params, expected_looks, hierarchy
        See `cluster`.

    Returns
    -------
    (n,) int64
        -1 for noise; groups are numbered by their earliest mark.
    """
    if params.algorithm == "hdbscan":
        own = hierarchy.groups(
            params.min_cluster_size,
            params.min_samples,
            epsilon=params.epsilon,
            method=params.method,
            weighted=params.weighted,
        )
    else:
        xy = np.column_stack([marks["x"], marks["y"]])
        if params.algorithm == "reference":
            own = _hdbscan(xy, params)
        elif params.algorithm == "dbscan":
            own = _dbscan(xy, params)
        else:
            own = _kmeans(xy, expected_looks)
    return np.asarray(by_first(own))


def _split(
    marks: Table, group: Ints, params: ClusterParams, weight: Floats, jitter: float
) -> tuple[Ints, Ints, Floats]:
    """Group of each mark, and of each group its parts and its share of pairs."""
    look, x, y = splitting.looks(marks), *(np.ascontiguousarray(marks[k]) for k in "xy")
    n = int(group.max(initial=-1)) + 1
    if not params.split:
        apart = splitting.APART * jitter
        return group, np.ones(n, np.int64), splitting.pairs(x, y, look, group, n, apart)
    group = splitting.join(x, y, look, group, jitter)
    found = splitting.split(
        x,
        y,
        look,
        marks["volunteer"].astype(np.int64),
        weight,
        group,
        jitter=jitter,
        min_cluster_size=params.min_cluster_size,
    )
    number = by_first(found.group)
    before = np.zeros(len(found.pairs), np.int64)
    before[number[number >= 0]] = found.group[number >= 0]
    return number, found.split_into[before], found.pairs[before]


def _counted(marks: Table) -> Ints:
    """Rows that count, in an order that never changes: it decides ties and the last digit."""
    counted = np.flatnonzero(marks["counted"])
    return counted[np.argsort(marks["mark"][counted], kind="stable")]


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
        first = np.concatenate([[0], np.cumsum(size)])
        at = modes(*np.ascontiguousarray(xy.T), first, _bandwidth(scatter))
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


def _median(values: Floats, group: Ints, size: Ints) -> Floats:
    """Median of each group of a column sorted by group."""
    order = np.argsort(values)
    member, edge = laid_out(group[order], len(size))
    ordered, first = values[order[member]], edge[:-1]
    return np.asarray((ordered[first + (size - 1) // 2] + ordered[first + size // 2]) / 2)


def _bandwidth(scatter: Floats) -> Floats:
    """Kernel width for the modes, px.

    A group that holds two particles scatters widely by itself, and a kernel as wide would put the
    mode between them; so no group's kernel is wider than the micrograph's typical one.
    """
    return np.maximum(1.0, 1.5 / 1.1774 * np.minimum(scatter, np.median(scatter)))
