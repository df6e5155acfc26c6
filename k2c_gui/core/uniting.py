"""A kernel that unites what hardly any look tells apart."""

from __future__ import annotations

import numpy as np

from .compiled import kernel
from .model import Ints


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
        The group that each has become part of.
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
                for i in range(edge[g], edge[g + 1]):
                    own = look[i]
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
    return into
