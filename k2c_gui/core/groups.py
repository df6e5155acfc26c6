"""Kernels on the group numbers of marks."""

from __future__ import annotations

import numpy as np

from .compiled import kernel
from .model import Floats, Ints


@kernel("int64[::1](int64[::1])")
def by_first(group: Ints) -> Ints:
    """Number groups by their first member, so that equal groups have equal numbers.

    Parameters
    ----------
    group : (n,) int64
        Less than n; -1 for noise.

    Returns
    -------
    (n,) int64
        Without a gap; -1 for noise.
    """
    number = np.full(len(group), -1)
    found = np.full(len(group), -1)
    n = 0
    for i in range(len(group)):
        g = group[i]
        if g >= 0:
            if number[g] < 0:
                number[g] = n
                n += 1
            found[i] = number[g]
    return found


@kernel("UniTuple(int64[::1], 2)(int64[::1], int64)")
def laid_out(group: Ints, n_groups: int) -> tuple[Ints, Ints]:
    """Lay the marks of each group together, group after group.

    Parameters
    ----------
    group : (n,) int64
        -1 for noise, which is left out.
    n_groups : int

    Returns
    -------
    member : (n_grouped,) int64
        Marks; those of one group rise.
    edge : (n_groups + 1,) int64
        Place of each group's first mark in `member`, and its length.
    """
    edge = np.zeros(n_groups + 1, np.int64)
    for g in group:
        if g >= 0:
            edge[g + 1] += 1
    for g in range(n_groups):
        edge[g + 1] += edge[g]
    following = edge[:-1].copy()
    member = np.empty(edge[n_groups], np.int64)
    for i in range(len(group)):
        g = group[i]
        if g >= 0:
            member[following[g]] = i
            following[g] += 1
    return member, edge


@kernel("UniTuple(int64[::1], 2)(int64[:, ::1], int64[::1], int64[::1])")
def named(group: Ints, first: Ints, number: Ints) -> tuple[Ints, Ints]:
    """Name groups by their marks, so that equal ones have equal names whoever finds them.

    Parameters
    ----------
    group : (n_settings, n) int64
        Of each setting 0, 1, 2 ... without a gap; -1 for noise.
    first : (n_settings + 1,) int64
        Place of each setting's first group among those of all, and how many they are.
    number : (n,) int64
        Of each mark, at random: of 64 bits, so that of 10^6 groups no two agree by chance.

    Returns
    -------
    name : (n_found,) int64
        Of each group of each setting.
    found : (n_settings * n,) int64
        The group of each mark among those of all settings; -1 for noise.
    """
    name = np.zeros(first[-1], np.int64)
    found = np.full(group.size, -1)
    for s in range(len(group)):
        for i in range(len(number)):
            g = group[s, i]
            if g >= 0:
                g += first[s]
                found[s * len(number) + i] = g
                name[g] ^= number[i]
    return name, found


@kernel("float64[::1](float64[::1], float64[::1], int64[::1], int64[::1], int64, int64, float64)")
def paired(
    x: Floats, y: Floats, look: Ints, group: Ints, n_groups: int, n_looks: int, apart: float
) -> Floats:
    """Share of each group's looks that hold a pair of marks farther apart than `apart`.

    Parameters
    ----------
    x, y : (n,) float64
        px.
    look : (n,) int64
        0 to n_looks - 1.
    group : (n,) int64
        -1 for noise.
    n_groups, n_looks : int
    apart : float
        px.

    Returns
    -------
    (n_groups,) float64
        0 for a group without marks.
    """
    member, edge = laid_out(group, n_groups)
    share = np.zeros(n_groups)
    met = np.full(n_looks, -1)  # the last group with a mark of the look
    newest = np.empty(n_looks, np.int64)  # of these marks; -1: the look holds a pair
    before = np.empty(len(group), np.int64)  # the mark of the same look and group before each
    for g in range(n_groups):
        looks, pairs = 0, 0
        for i in member[edge[g] : edge[g + 1]]:
            own = look[i]
            if met[own] != g:
                met[own] = g
                looks += 1
                before[i] = -1
                newest[own] = i
                continue
            j = newest[own]
            if j < 0:
                continue
            before[i] = j
            newest[own] = i
            while j >= 0:
                dx, dy = x[i] - x[j], y[i] - y[j]
                if dx * dx + dy * dy > apart * apart:
                    pairs += 1
                    newest[own] = -1
                    break
                j = before[j]
        share[g] = pairs / max(1, looks)
    return share
