"""Kernels that share marks out among particles, no two marks of one look to the same."""

from __future__ import annotations

import numpy as np

from .compiled import kernel
from .model import Bools, Floats, Ints


@kernel("int64[::1](float64[::1], float64[::1], int64[::1], float64)")
def clicks(x: Floats, y: Floats, first: Ints, apart: float) -> Ints:
    """Count double clicks once.

    Parameters
    ----------
    x, y : (n,) float64
        px; marks of one look stand together.
    first : (n_looks + 1,) int64
        Place of each look's first mark, and n.
    apart : float
        px: marks of one look that are no farther apart are one click.

    Returns
    -------
    (n,) int64
        The click that each mark is part of, counted in the order of their first marks.
    """
    click = np.empty(len(x), np.int64)
    n = 0
    for look in range(len(first) - 1):
        for i in range(first[look], first[look + 1]):
            click[i] = -1
            for j in range(first[look], i):
                if (x[i] - x[j]) ** 2 + (y[i] - y[j]) ** 2 <= apart * apart:
                    click[i] = click[j]
                    break
            if click[i] < 0:
                click[i] = n
                n += 1
    return click


@kernel("int64[::1](float64[:, ::1])")
def cheapest(cost: Floats) -> Ints:
    """Give each row a column of its own, at the least sum of costs.

    The Hungarian method, row by row along shortest paths: Jonker, Volgenant, Computing 38, 1987,
    p. 325.

    Parameters
    ----------
    cost : (n, m) float64
        Finite, n <= m.

    Returns
    -------
    (n,) int64
        Column of each row.
    """
    n, m = cost.shape
    if n == 1:
        return np.array([cost[0].argmin()])
    price = np.zeros(n)  # of rows and columns: no cost is below the sum of its two
    rebate = np.zeros(m + 1)
    row = np.full(m + 1, -1)  # that holds the column; the last column stands for no column
    before = np.zeros(m, np.int64)
    for i in range(n):
        row[m] = i
        at = m
        least = np.full(m, np.inf)
        done = np.zeros(m + 1, np.bool_)
        while row[at] >= 0:
            done[at] = True
            here = row[at]
            step = np.inf
            nearest = m
            for j in range(m):
                if not done[j]:
                    reduced = cost[here, j] - price[here] - rebate[j]
                    if reduced < least[j]:
                        least[j] = reduced
                        before[j] = at
                    if least[j] < step:
                        step = least[j]
                        nearest = j
            for j in range(m + 1):
                if done[j]:
                    price[row[j]] += step
                    rebate[j] -= step
                elif j < m:
                    least[j] -= step
            at = nearest
        while at != m:
            row[at] = row[before[at]]
            at = before[at]
    column = np.zeros(n, np.int64)
    for j in range(m):
        if row[j] >= 0:
            column[row[j]] = j
    return column


@kernel(
    "float64[::1](float64[::1], float64[::1], int64[::1], int64[:, ::1], float64[:, ::1],"
    " float64[:, ::1], int64[::1], float64, int64, int64[::1])"
)
def share_out(
    x: Floats,
    y: Floats,
    first: Ints,
    looks: Ints,
    at_x: Floats,
    at_y: Floats,
    n_parts: Ints,
    beyond: float,
    steps: int,
    part: Ints,
) -> Floats:
    """Constrained k-means of several groups, each by itself.

    In turn each look's marks are assigned to different centroids, at the least sum of squared
    distances, and each centroid moves to the mean of its marks, until nothing changes. Wagstaff,
    Cardie, Rogers, Schroedl: Constrained k-means clustering with background knowledge, ICML
    2001, p. 577; but the assignment within a look is exact.

    Parameters
    ----------
    x, y : (n,) float64
        px; marks of one look stand together.
    first : (n_looks + 1,) int64
        Place of each look's first mark, and n.
    looks : (n_groups, 2) int64
        Each group's first look and the one after its last.
    at_x, at_y : (n_groups, most) float64
        px, centroids; they are moved.
    n_parts : (n_groups,) int64
        How many centroids each group has.
    beyond : float
        px², what it costs to leave a mark over. One that costs more is left over.
    steps : int
        At most so many rounds.
    part : (n,) int64
        Is filled with the centroid of each mark, counted within its group; -1 for those left over.

    Returns
    -------
    (n_groups,) float64
        px², sum of the costs in the last round.
    """
    totals = np.zeros(len(looks))
    for g in range(len(looks)):
        k = n_parts[g]
        size = np.zeros(k)
        sum_x = np.zeros(k)
        sum_y = np.zeros(k)
        for round_ in range(steps):
            changed = round_ == 0
            totals[g] = 0.0
            size[:] = 0.0
            sum_x[:] = 0.0
            sum_y[:] = 0.0
            for look in range(looks[g, 0], looks[g, 1]):
                a = first[look]
                n = first[look + 1] - a
                # one column a centroid, then one a mark: being left over
                cost = np.full((n, k + n), beyond)
                for i in range(n):
                    for j in range(k):
                        dx = x[a + i] - at_x[g, j]
                        dy = y[a + i] - at_y[g, j]
                        cost[i, j] = min(beyond, dx * dx + dy * dy)
                column = cheapest(cost)
                for i in range(n):
                    own = column[i]
                    totals[g] += cost[i, own]
                    if own >= k:
                        own = -1
                    else:
                        size[own] += 1.0
                        sum_x[own] += x[a + i]
                        sum_y[own] += y[a + i]
                    changed = changed or part[a + i] != own
                    part[a + i] = own
            if not changed:
                break
            for j in range(k):
                if size[j] > 0:
                    at_x[g, j] = sum_x[j] / size[j]
                    at_y[g, j] = sum_y[j] / size[j]
    return totals


@kernel("UniTuple(int64, 2)(boolean[:, ::1], float64[::1], float64[::1], float64)")
def least_apart(marked: Bools, at_x: Floats, at_y: Floats, both_share: float) -> tuple[int, int]:
    """Find the two neighbours that the fewest looks tell apart by marking both.

    Parameters
    ----------
    marked : (n_looks, k) bool
        Which looks marked which part.
    at_x, at_y : (k or more,) float64
        px.
    both_share : float
        Parts stay two if of the looks that marked either at least this share marked both.

    Returns
    -------
    int, int
        A part and the one nearest to it; -1, -1 when all stay.
    """
    out = -1
    into = -1
    k = marked.shape[1]
    for j in range(k):
        near = j
        nearest = np.inf
        for other in range(k):
            dx = at_x[j] - at_x[other]
            dy = at_y[j] - at_y[other]
            if other != j and dx * dx + dy * dy < nearest:
                nearest = dx * dx + dy * dy
                near = other
        both = 0
        either = 0
        for look in range(len(marked)):
            both += marked[look, j] and marked[look, near]
            either += marked[look, j] or marked[look, near]
        if both < both_share * either:
            both_share = both / either
            out = j
            into = near
    return out, into


@kernel(
    "boolean[::1](int64[::1], float64[::1], int64[::1], int64[::1], int64[:, ::1],"
    " float64[:, ::1], float64[:, ::1], int64[::1], float64[::1], float64)"
)
def judge(
    part: Ints,
    weight: Floats,
    volunteer: Ints,
    first: Ints,
    looks: Ints,
    at_x: Floats,
    at_y: Floats,
    n_parts: Ints,
    enough: Floats,
    both_share: float,
) -> Bools:
    """Tell which groups' parts can all stand; of the others take out the part that can least.

    A part stands if it weighs enough, two volunteers marked it, and of the looks that marked it
    or the part next to it a share marked both. Of two parts that fail in this one becomes.

    Parameters
    ----------
    part : (n,) int64
        Of each mark, counted within its group; -1 for none.
    weight : (n,) float64
    volunteer : (n,) int64
    first, looks
        See `share_out`.
    at_x, at_y, n_parts
        See `share_out`; a part that is taken out is missing from these.
    enough : (n_groups,) float64
        Weight of a part.
    both_share : float

    Returns
    -------
    (n_groups,) bool
    """
    stands = np.zeros(len(looks), np.bool_)
    for g in range(len(looks)):
        k = n_parts[g]
        start = looks[g, 0]
        marked = np.zeros((looks[g, 1] - start, k), np.bool_)
        size = np.zeros(k)
        someone = np.full(k, -1, np.int64)
        several = np.zeros(k, np.bool_)
        for look in range(start, looks[g, 1]):
            for i in range(first[look], first[look + 1]):
                j = part[i]
                if j < 0:
                    continue
                marked[look - start, j] = True
                size[j] += weight[i]
                if someone[j] >= 0 and someone[j] != volunteer[i]:
                    several[j] = True
                someone[j] = volunteer[i]
        lightest = 0
        for j in range(k):
            if not several[j]:
                size[j] = 0.0
            if size[j] < size[lightest]:
                lightest = j
        out = lightest
        into = -1
        if size[lightest] >= enough[g]:
            out, into = least_apart(marked, at_x[g], at_y[g], both_share)
        if out < 0:
            stands[g] = True
            continue
        if into >= 0:
            at_x[g, into] = (at_x[g, into] + at_x[g, out]) / 2
            at_y[g, into] = (at_y[g, into] + at_y[g, out]) / 2
        for j in range(out, k - 1):
            at_x[g, j] = at_x[g, j + 1]
            at_y[g, j] = at_y[g, j + 1]
        n_parts[g] = k - 1
    return stands
