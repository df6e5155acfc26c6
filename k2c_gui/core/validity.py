"""How well the groups of a spanning tree stand apart."""

from __future__ import annotations

import numpy as np

from .compiled import kernel
from .model import Floats, Ints


@kernel("float64(int64[::1], int64, int64[:, ::1], float64[::1])")
def relative_validity(group: Ints, n_groups: int, ends: Ints, length: Floats) -> float:
    """Density-based validity (DBCV) along the tree that is there, instead of one a group.

    Of each group the widest gap inside is held against the narrowest to another group: Moulavi,
    Jaskowiak, Campello, Zimek, Sander, SDM 2014, p. 839; approximated as ``relative_validity_``
    of `hdbscan` does it. It compares settings, and means nothing by itself.

    Parameters
    ----------
    group : (n,) int64
        -1 for noise; the others are 0 to n_groups - 1, none of them empty.
    n_groups : int
    ends : (n - 1, 2) int64
        Marks that the edges of the mutual-reachability spanning tree join.
    length : (n - 1,) float64

    Returns
    -------
    float
        -1 to 1; nan without a group.
    """
    if n_groups == 0:
        return np.nan
    within = np.zeros(n_groups)
    between = np.full(n_groups, np.inf)
    longest = 0.0
    to_noise = np.inf
    for e in range(len(length)):
        a, b, long = group[ends[e, 0]], group[ends[e, 1]], length[e]
        longest = max(longest, long)
        if a == b:
            if a >= 0:
                within[a] = max(within[a], long)
        elif a < 0 or b < 0:
            to_noise = min(to_noise, long)
        else:
            between[a] = min(between[a], long)
            between[b] = min(between[b], long)
    # no edge leads from the group to another one: then as far as can be
    far = 2 * (longest if n_groups > 1 or to_noise == np.inf else to_noise)
    size = np.zeros(n_groups)
    for g in group:
        if g >= 0:
            size[g] += 1
    total = 0.0
    for g in range(n_groups):
        apart = between[g] if between[g] < np.inf else far
        widest = max(apart, within[g])
        if widest > 0:
            total += size[g] * (apart - within[g]) / widest
    return total / len(group)
