"""Minimum spanning trees of mutual-reachability distances: kernels, and the boxes they search."""

from __future__ import annotations

import numpy as np

from .compiled import kernel
from .model import Floats, Ints

_LEAF = 16
"""Marks of the smallest boxes, which hold at least half as many."""


def boxes(x: Floats, y: Floats) -> Floats:
    """Nested boxes around runs of marks.

    Parameters
    ----------
    x, y : (n,) float64
        One or more.

    Returns
    -------
    (2 n_leaves, 4) float64
        Least x, least y, greatest x, greatest y. Box 1 holds everything, box i is boxes 2i and
        2i + 1, and the leaves, a power of two, share the marks evenly and in order.
    """
    n = len(x)
    n_leaves = 1
    while n_leaves * _LEAF <= n:
        n_leaves *= 2
    corner = np.column_stack([x, y])
    first = np.arange(n_leaves) * n // n_leaves
    box = np.zeros((2 * n_leaves, 4))
    box[n_leaves:, :2] = np.minimum.reduceat(corner, first)
    box[n_leaves:, 2:] = np.maximum.reduceat(corner, first)
    while n_leaves > 1:
        pair = box[n_leaves : 2 * n_leaves].reshape(-1, 2, 4)
        n_leaves //= 2
        box[n_leaves : 2 * n_leaves, :2] = pair[:, :, :2].min(axis=1)
        box[n_leaves : 2 * n_leaves, 2:] = pair[:, :, 2:].max(axis=1)
    return box


@kernel("float64[::1](float64[:, ::1], int32[:, ::1], float64[::1], float64)")
def core_distances(distance: Floats, neighbour: Ints, weight: Floats, enough: float) -> Floats:
    """Distance within which the neighbours of each mark, itself among them, weigh enough.

    Parameters
    ----------
    distance, neighbour : (n, k) float64, int32
        Of the nearest neighbours, the nearest first.
    weight : (n,) float64
    enough : float

    Returns
    -------
    (n,) float64
        As far as the last neighbour where even all of them are not enough.
    """
    core = np.empty(len(distance))
    for p in range(len(distance)):
        reached = 0.0
        for j in range(distance.shape[1]):
            reached += weight[neighbour[p, j]]
            core[p] = distance[p, j]
            if reached >= enough:
                break
    return core


@kernel("void(float64[::1], float64[:, ::1], int32[:, ::1], float64[::1], int64[::1], int64[::1])")
def _first_edges(
    core: Floats, distance: Floats, neighbour: Ints, shortest: Floats, start: Ints, end: Ints
) -> None:
    """Shortest edge of each mark, where that is easily told.

    No edge of a mark is shorter than its core distance, and one to a denser mark within that
    distance is as short.
    """
    for p in range(len(core)):
        lowest = core[p]
        for j in range(neighbour.shape[1]):
            if distance[p, j] > core[p]:
                break
            q = neighbour[p, j]
            if q != p and core[q] <= lowest:
                lowest = core[q]
                shortest[p] = core[p]
                start[p] = p
                end[p] = q


@kernel(
    "int64(int64[::1], float64[::1], int64[::1], int64[::1],"
    " int64[::1], int64[::1], float64[::1], int64)"
)
def _join(
    leader: Ints, shortest: Floats, start: Ints, end: Ints, u: Ints, v: Ints, long: Floats, m: int
) -> int:
    """Take each component's shortest edge into the tree, unless it closes a circle."""
    for c in range(len(leader)):
        if shortest[c] == np.inf:
            continue
        a = start[c]
        while leader[a] != a:
            leader[a] = leader[leader[a]]
            a = leader[a]
        b = end[c]
        while leader[b] != b:
            leader[b] = leader[leader[b]]
            b = leader[b]
        if a != b:
            leader[b] = a
            u[m] = start[c]
            v[m] = end[c]
            long[m] = shortest[c]
            m += 1
    return m


@kernel("void(int64[::1], int64[::1])")
def _components(leader: Ints, owner: Ints) -> None:
    """Name each mark's component, and each box's if all its marks are of one, else -1."""
    n = len(leader)
    n_leaves = len(owner) // 2
    for p in range(n):
        a = leader[p]
        while leader[a] != a:
            a = leader[a]
        leader[p] = a
    for i in range(n_leaves):
        low = i * n // n_leaves
        common = leader[low]
        for p in range(low + 1, (i + 1) * n // n_leaves):
            if leader[p] != common:
                common = -1
        owner[n_leaves + i] = common
    for i in range(n_leaves - 1, 0, -1):
        owner[i] = owner[2 * i] if owner[2 * i] == owner[2 * i + 1] else -1


@kernel(
    "Tuple((int64, float64))(int64, float64, float64[::1], float64[:, ::1], int32[:, ::1],"
    " int64[::1])"
)
def _near_way_out(
    p: int, best: float, core: Floats, distance: Floats, neighbour: Ints, leader: Ints
) -> tuple[int, float]:
    """Of the nearest neighbours the one of another component, if nearer than `best`, or -1."""
    found = -1
    for j in range(neighbour.shape[1]):
        if distance[p, j] >= best:
            break
        q = neighbour[p, j]
        if leader[q] != leader[p]:
            length = max(distance[p, j], core[q], core[p])
            if length < best:
                best = length
                found = q
    return found, best


@kernel(
    "Tuple((int64, float64))(int64, float64, float64[::1], float64[::1], float64[:, ::1],"
    " float64[::1], float64[::1], int64[::1], int64[::1], int64[::1], float64[::1])"
)
def _way_out(
    p: int,
    best: float,
    x: Floats,
    y: Floats,
    box: Floats,
    core: Floats,
    least: Floats,
    leader: Ints,
    owner: Ints,
    stack: Ints,
    away: Floats,
) -> tuple[int, float]:
    """Nearest mark of another component, if nearer than `best`, and how near; or -1."""
    n = len(x)
    n_leaves = len(box) // 2
    found = -1
    stack[0] = 1
    away[0] = 0.0
    depth = 1
    while depth > 0:
        depth -= 1
        i = stack[depth]
        if away[depth] >= best or owner[i] == leader[p]:
            continue
        if i >= n_leaves:
            i -= n_leaves
            for q in range(i * n // n_leaves, (i + 1) * n // n_leaves):
                if leader[q] != leader[p]:
                    dx = x[q] - x[p]
                    dy = y[q] - y[p]
                    length = max(np.sqrt(dx * dx + dy * dy), core[q], core[p])
                    if length < best:
                        best = length
                        found = q
            continue
        for j in (2 * i, 2 * i + 1):
            dx = max(box[j, 0] - x[p], x[p] - box[j, 2], 0.0)
            dy = max(box[j, 1] - y[p], y[p] - box[j, 3], 0.0)
            away[depth] = max(np.sqrt(dx * dx + dy * dy), least[j], core[p])
            stack[depth] = j
            depth += 1
        if away[depth - 2] < away[depth - 1]:  # the nearer comes off the stack first
            stack[depth - 2], stack[depth - 1] = stack[depth - 1], stack[depth - 2]
            away[depth - 2], away[depth - 1] = away[depth - 1], away[depth - 2]
    return found, best


@kernel(
    "Tuple((int64[::1], int64[::1], float64[::1]))"
    "(float64[::1], float64[::1], float64[:, ::1], float64[::1], float64[:, ::1], int32[:, ::1])"
)
def spanning_tree(
    x: Floats, y: Floats, box: Floats, core: Floats, distance: Floats, neighbour: Ints
) -> tuple[Ints, Ints, Floats]:
    """Minimum spanning tree of the mutual-reachability distances, by Boruvka's algorithm.

    Each round every component takes the shortest edge that leaves it. The search for that edge
    passes over boxes that lie too far off, are too sparse, or belong to the component: March,
    Ram, Gray: Fast Euclidean minimum spanning tree, KDD 2010, p. 603.

    Parameters
    ----------
    x, y : (n,) float64
        Two or more, in an order in which neighbours in space are neighbours.
    box : (2 n_leaves, 4) float64
        See `boxes`.
    core : (n,) float64
        Core distances.
    distance, neighbour : (n, k) float64, int32
        Of the nearest neighbours, the nearest first, as far as the core distance or farther.

    Returns
    -------
    u, v : (n - 1,) int64
        Ends of the edges.
    length : (n - 1,) float64
    """
    n, k = neighbour.shape
    n_leaves = len(box) // 2
    least = np.empty(2 * n_leaves)  # core distance in a box
    for i in range(n_leaves):
        least[n_leaves + i] = core[i * n // n_leaves : (i + 1) * n // n_leaves].min()
    for i in range(n_leaves - 1, 0, -1):
        least[i] = min(least[2 * i], least[2 * i + 1])
    leader = np.arange(n)  # a forest; the root of each tree names the component
    owner = np.empty(2 * n_leaves, np.int64)
    bound = core.copy()  # no edge that leaves a mark's component is shorter
    shortest = np.full(n, np.inf)
    start = np.empty(n, np.int64)
    end = np.empty(n, np.int64)
    u = np.empty(n - 1, np.int64)
    v = np.empty(n - 1, np.int64)
    long = np.empty(n - 1)
    stack = np.empty(128, np.int64)
    away = np.empty(128)
    _first_edges(core, distance, neighbour, shortest, start, end)
    m = _join(leader, shortest, start, end, u, v, long, 0)
    while m < n - 1:
        _components(leader, owner)
        shortest[:] = np.inf
        for p in range(n):
            own = leader[p]
            if bound[p] >= shortest[own]:
                continue
            q, best = _near_way_out(p, shortest[own], core, distance, neighbour, leader)
            if best > distance[p, k - 1]:
                far, best = _way_out(p, best, x, y, box, core, least, leader, owner, stack, away)
                if far >= 0:
                    q = far
            bound[p] = best
            if q >= 0:
                shortest[own] = bound[p]
                start[own] = p
                end[own] = q
        m = _join(leader, shortest, start, end, u, v, long, m)
    return u, v, long
