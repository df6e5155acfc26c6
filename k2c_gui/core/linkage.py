"""Kernels of the density hierarchy: spanning tree to dendrogram, dendrogram to groups.

A dendrogram of n marks has the nodes 0 to n - 1, the marks, and n to 2n - 2, the merges, in
rising order of height. Every node weighs what its marks weigh together.
"""

from __future__ import annotations

import numpy as np

from .compiled import kernel
from .model import Bools, Floats, Ints

SLACK = 1e-9
"""Weights are fractions such as 20/15: three of them are 4, whatever the last digit says."""


@kernel(
    "Tuple((int64[::1], int64[::1], float64[::1], float64[::1], boolean[::1]))"
    "(int64[::1], int64[::1], float64[::1], int64[::1], float64[::1], int64[::1])"
)
def link(
    u: Ints, v: Ints, length: Floats, order: Ints, weight: Floats, person: Ints
) -> tuple[Ints, Ints, Floats, Floats, Bools]:
    """Single linkage: join what the edges of a spanning tree join, the shortest first.

    Parameters
    ----------
    u, v : (n - 1,) int64
        Ends of the edges of a spanning tree.
    length : (n - 1,) float64
    order : (n - 1,) int64
        Sorts the lengths.
    weight : (n,) float64
    person : (n,) int64
        Whose mark each is.

    Returns
    -------
    left, right : (n - 1,) int64
        The nodes that each merge joins.
    height : (n - 1,) float64
    size : (n - 1,) float64
        Weight.
    shared : (n - 1,) bool
        Whether the marks are of two persons or more.
    """
    n = len(weight)
    left = np.empty(n - 1, np.int64)
    right = np.empty(n - 1, np.int64)
    height = np.empty(n - 1, np.float64)
    size = np.empty(n - 1, np.float64)
    shared = np.empty(n - 1, np.bool_)
    leader = np.arange(n)  # a forest of marks; each tree's root knows all about its marks
    count = np.ones(n, np.int64)
    node = np.arange(n)
    total = weight.copy()
    owner = person.copy()  # -1: of two or more
    for m in range(n - 1):
        e = order[m]
        a = u[e]
        while leader[a] != a:
            leader[a] = leader[leader[a]]
            a = leader[a]
        b = v[e]
        while leader[b] != b:
            leader[b] = leader[leader[b]]
            b = leader[b]
        if count[a] < count[b]:
            a, b = b, a
        left[m] = node[a]
        right[m] = node[b]
        leader[b] = a
        node[a] = n + m
        count[a] += count[b]
        total[a] += total[b]
        if owner[a] != owner[b]:
            owner[a] = -1
        height[m] = length[e]
        size[m] = total[a]
        shared[m] = owner[a] == -1
    return left, right, height, size, shared


@kernel(
    "Tuple((int64[::1], int64[::1]))(int64[::1], int64[::1], float64[::1], boolean[::1], boolean)"
)
def _partings(
    left: Ints, right: Ints, height: Floats, big: Bools, together: bool
) -> tuple[Ints, Ints]:
    """Highest merge of each parting, and how many big branches part there."""
    n = len(left) + 1
    above = np.empty(2 * n - 1, np.int64)
    for i in range(n - 1):
        above[left[i]] = i
        above[right[i]] = i
    top = np.arange(n - 1)
    heirs = np.zeros(n - 1, np.int64)
    for i in range(n - 3, -1, -1):
        up = above[n + i]
        if together and height[up] == height[i]:
            top[i] = top[up]
        elif big[i]:
            heirs[top[up]] += 1
    return top, heirs


@kernel(
    "Tuple((int64[::1], float64[::1], int64[::1], float64[::1], float64[::1], float64[::1]))"
    "(int64[::1], int64[::1], float64[::1], float64[::1], boolean[::1], float64[::1],"
    " float64, boolean)"
)
def condense(
    left: Ints,
    right: Ints,
    height: Floats,
    size: Floats,
    shared: Bools,
    weight: Floats,
    enough: float,
    together: bool,
) -> tuple[Ints, Floats, Ints, Floats, Floats, Floats]:
    """Keep of a dendrogram the branches that are groups: McInnes, Healy, Astels, JOSS 2(11), 2017.

    A branch is a group if it weighs enough and two persons marked it. Where two or more branches
    part, each is born; where but one remains, it goes on, and the others' marks fall out.

    Parameters
    ----------
    left, right, height, size, shared
        See `link`.
    weight : (n,) float64
    enough : float
        Weight of a group.
    together : bool
        Merges of one height that hang together are one parting into many (Campello, Moulavi,
        Sander, PAKDD 2013, p. 165). Otherwise two by two, as `hdbscan` does, and the answer
        depends on the order of the rows.

    Returns
    -------
    last : (n,) int64
        Branch that each mark was in last; 0 is the root. Branches come after their parents.
    fall : (n,) float64
        Density 1 / height at which it fell out.
    parent : (n_branches,) int64
    birth : (n_branches,) float64
        Density.
    stability : (n_branches,) float64
        Sum over the marks of weight x (density at which it left - birth).
    death : (n_branches,) float64
        Greatest density at which anything left the branch.
    """
    n = len(weight)
    big = shared & (size >= enough - SLACK)
    top, heirs = _partings(left, right, height, big, together)
    branch = np.zeros(2 * n - 1, np.int64)
    fall = np.full(2 * n - 1, -1.0)
    parent = np.full(n, -1, np.int64)
    birth, stability, death = np.zeros(n), np.zeros(n), np.zeros(n)
    m = 1
    for i in range(n - 2, -1, -1):
        own = branch[n + i]
        density = 1.0 / height[i] if height[i] > 0 else np.inf
        for child in (left[i], right[i]):
            branch[child] = own
            j = child - n
            if fall[n + i] >= 0:
                fall[child] = fall[n + i]
                continue
            if j >= 0 and (top[j] != j or (big[j] and heirs[top[i]] < 2)):
                continue  # of one parting with its parent, or the only heir
            if j >= 0 and big[j]:
                branch[child] = m
                parent[m] = own
                birth[m] = density
                m += 1
            else:
                fall[child] = density
            death[own] = max(death[own], density)
            if density > birth[own]:  # at infinite density there is nothing more to gain
                stability[own] += (density - birth[own]) * (size[j] if j >= 0 else weight[child])
    return branch[:n].copy(), fall[:n].copy(), parent[:m], birth[:m], stability[:m], death[:m]


@kernel("boolean[::1](int64[::1], float64[::1], boolean)")
def _by_mass(parent: Ints, stability: Floats, single: bool) -> Bools:
    """Excess of mass: branches that do not overlap and whose stabilities sum up highest."""
    m = len(parent)
    chosen = np.zeros(m, np.bool_)
    below = np.zeros(m)  # what the best choice among the descendants is worth
    for c in range(m - 1, -1, -1):
        chosen[c] = below[c] <= stability[c] and (c > 0 or single)
        if c > 0:
            below[parent[c]] += max(below[c], stability[c])
    covered = np.zeros(m, np.bool_)
    for c in range(1, m):
        covered[c] = chosen[parent[c]] or covered[parent[c]]
        if covered[c]:
            chosen[c] = False
    return chosen


@kernel("boolean[::1](boolean[::1], int64[::1], float64[::1], float64, boolean)")
def _widened(chosen: Bools, parent: Ints, birth: Floats, epsilon: float, single: bool) -> Bools:
    """Put an ancestor in the place of every branch that is born within `epsilon`."""
    wide = np.zeros(len(chosen), np.bool_)
    for c in range(1, len(chosen)):
        if not chosen[c]:
            continue
        b = c
        if 1.0 / birth[c] < epsilon:
            while parent[b] != 0:
                b = parent[b]
                if 1.0 / birth[b] > epsilon:
                    break
            if single and parent[b] == 0 and 1.0 / birth[b] <= epsilon:
                b = 0
        wide[b] = True
    return wide


@kernel(
    "int64[::1](int64[::1], float64[::1], int64[::1], float64[::1], float64[::1], float64[::1],"
    " float64, boolean, boolean)"
)
def select(
    last: Ints,
    fall: Floats,
    parent: Ints,
    birth: Floats,
    stability: Floats,
    death: Floats,
    epsilon: float,
    leaves: bool,
    single: bool,
) -> Ints:
    """Choose branches that are groups, and name each mark's.

    By excess of mass (Campello, Moulavi, Sander, PAKDD 2013, p. 168), or the leaves; then those
    born within `epsilon` give way to an ancestor (Malzer, Baum, MFI 2020, p. 223).

    Parameters
    ----------
    last, fall, parent, birth, stability, death
        See `condense`.
    epsilon : float
        Distance; 0: none.
    leaves : bool
        Instead of excess of mass.
    single : bool
        The root may be chosen.

    Returns
    -------
    (n,) int64
        Group of each mark, -1 for noise. Not every number need occur.
    """
    m = len(parent)
    if leaves:
        chosen = np.ones(m, np.bool_)
        chosen[0] = False
        chosen[parent[1:]] = False
    else:
        chosen = _by_mass(parent, stability, single)
    if epsilon > 0 and not chosen[0]:
        chosen = _widened(chosen, parent, birth, epsilon, single)
    number = np.full(m, -1, np.int64)
    for c in range(m):
        if chosen[c]:
            number[c] = c
        elif c > 0:
            number[c] = number[parent[c]]
    group = number[last]
    if chosen[0]:
        # the root holds everything: its group is what lasts as long as the root does
        lasting = 1.0 / epsilon if epsilon > 0 else death[0]
        others = chosen[1:].any()
        for p in range(len(group)):
            if group[p] == 0 and (others or fall[p] < lasting):
                group[p] = -1
    return group
