"""Kernels that unite what hardly any look tells apart."""

from __future__ import annotations

import numpy as np

from .compiled import kernel
from .model import Floats, Ints


@kernel("float64[:, ::1](float64[::1], float64[::1], int64[::1], int64[::1])")
def centres(x: Floats, y: Floats, member: Ints, edge: Ints) -> Floats:
    """Mean of the marks of each group.

    Parameters
    ----------
    x, y : (n_marks,) float64
        px.
    member, edge
        See `groups.laid_out`; no group is empty.

    Returns
    -------
    (2, n_groups) float64
        px.
    """
    at = np.zeros((2, len(edge) - 1))
    for g in range(len(edge) - 1):
        for i in member[edge[g] : edge[g + 1]]:
            at[0, g] += x[i]
            at[1, g] += y[i]
        at[0, g] /= edge[g + 1] - edge[g]
        at[1, g] /= edge[g + 1] - edge[g]
    return at


@kernel("Tuple((int64[:, ::1], float64[::1]))(float64[::1], float64[::1], int64[::1], float64)")
def close(x: Floats, y: Floats, rising: Ints, reach: float) -> tuple[Ints, Floats]:
    """Find the pairs of places within reach of each other.

    Parameters
    ----------
    x, y : (n,) float64
        px.
    rising : (n,) int64
        Sorts x.
    reach : float
        px.

    Returns
    -------
    pair : (n_pairs, 2) int64
        The lower place first.
    square : (n_pairs,) float64
        px², of their distance.
    """
    pair = np.empty((0, 2), np.int64)
    square = np.empty(0)
    for counted in range(2):
        n = 0
        for i in range(len(rising)):
            a = rising[i]
            for b in rising[i + 1 :]:
                dx, dy = x[b] - x[a], y[b] - y[a]
                if dx > reach:
                    break
                if dx * dx + dy * dy <= reach * reach:
                    if counted:
                        pair[n, 0], pair[n, 1] = min(a, b), max(a, b)
                        square[n] = dx * dx + dy * dy
                    n += 1
        if not counted:
            pair = np.empty((n, 2), np.int64)
            square = np.empty(n)
    return pair, square


@kernel("int64[::1](int64[:, ::1], int64[::1], int64[::1], int64, float64)")
def unite(pair: Ints, look: Ints, edge: Ints, n_looks: int, hardly: float) -> Ints:
    """Unite pairs of groups, one after the other, of which hardly any look marked both.

    Parameters
    ----------
    pair : (n_pairs, 2) int64
        Groups, in the order in which they are tried.
    look : (n_marks,) int64
        Of each mark, from 0; the marks of one group stand together.
    edge : (n_groups + 1,) int64
        Place of each group's first mark, and n_marks.
    n_looks : int
    hardly : float
        Share of the looks at either below which they are one.

    Returns
    -------
    (n_groups,) int64
        What each has become part of, numbered without a gap.
    """
    n = len(edge) - 1
    into = np.arange(n)
    following = np.full(n, -1)  # the groups of one, strung together from the one they are in
    last = np.arange(n)
    seen = np.full((2, n_looks), -1)
    for p in range(len(pair)):
        sides = (into[pair[p, 0]], into[pair[p, 1]])
        if sides[0] == sides[1]:
            continue
        either, both = 0, 0
        for side in range(2):
            g = sides[side]
            while g >= 0:
                for own in look[edge[g] : edge[g + 1]]:
                    if seen[side, own] == p:
                        continue
                    seen[side, own] = p
                    if side == 1 and seen[0, own] == p:
                        both += 1
                    else:
                        either += 1
                g = following[g]
        if both < hardly * either:
            one, other = sides
            following[last[one]] = other
            last[one] = last[other]
            g = other
            while g >= 0:
                into[g] = one
                g = following[g]
    kept, number = 0, last  # which is no longer needed
    for g in range(n):
        if into[g] == g:
            number[g] = kept
            kept += 1
    for g in range(n):
        into[g] = number[into[g]]
    return into
