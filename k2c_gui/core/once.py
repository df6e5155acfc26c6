"""Groups under many settings, each looked at once, however many of them find it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from . import splitting
from .groups import laid_out, named
from .model import ClusterParams, Floats, Ints, Table


class Distinct(NamedTuple):
    """The groups of some settings, each once.

    Attributes
    ----------
    name : (n,) int64
        See `groups.named`.
    member : (n_members,) int64
        Their marks, group after group; those of one group rise.
    edge : (n + 1,) int64
        Place of each group's first mark in `member`, and its length.
    of : (n_found,) int64
        Which of the n each group of each setting is, one setting after the other.
    first : (n_settings + 1,) int64
        Place of each setting's first group in `of`, and its length.
    """

    name: Ints
    member: Ints
    edge: Ints
    of: Ints
    first: Ints


class Once:
    """Finds, unites and splits the groups of one micrograph as `clustering` does.

    What becomes of a group depends on its marks, on what they weigh and on ``min_cluster_size``,
    on no other group; and most settings find most groups alike.

    Parameters
    ----------
    marks : (n,) MARK
        Of one micrograph, those that count.
    weight : (n,) float64
    jitter : float
        px, see `splitting.jitter`.
    """

    def __init__(self, marks: Table, weight: Floats, jitter: float) -> None:
        self._x, self._y = (np.ascontiguousarray(marks[k]) for k in "xy")
        self._volunteer = marks["volunteer"].astype(np.int64)
        self._look = splitting.looks(marks)
        self._weight = weight
        self._jitter = jitter
        self._number = np.random.default_rng(0).integers(-(2**63), 2**63, len(marks), np.int64)

    def distinct(self, group: Ints) -> Distinct:
        """Tell which groups of some settings are the same.

        Parameters
        ----------
        group : (n_settings, n) int64
            Of each setting 0, 1, 2 ... without a gap; -1 for noise.

        Returns
        -------
        Distinct
        """
        first = np.append(0, np.cumsum(group.max(axis=1, initial=-1) + 1))
        names, found = named(group, first, self._number)
        name, one, of = np.unique(names, return_index=True, return_inverse=True)
        number = np.full(len(names) + 1, -1)  # noise, -1, finds the last
        number[one] = np.arange(len(name))
        member, edge = laid_out(number[found], len(name))
        return Distinct(name, member % max(1, group.shape[1]), edge, of, first)

    def split(self, group: Ints, settings: Sequence[ClusterParams]) -> Ints:
        """Unite and split groups; see `splitting.join` and `splitting.split`.

        Parameters
        ----------
        group : (n_settings, n) int64
            See `distinct`.
        settings : sequence of ClusterParams
            What is asked for ``min_cluster_size``, and whether marks count what they weigh.

        Returns
        -------
        (n_settings, n) int64
            Numbers without a gap.
        """
        if not len(settings):
            return group
        joined = np.empty_like(group)
        for old, new in zip(group, joined, strict=True):
            new[:] = splitting.join(self._x, self._y, self._look, old, self._jitter)
        found = self.distinct(joined)
        paired = self._paired(found)
        setting = np.searchsorted(found.first, paired, side="right") - 1
        asked = np.array([(p.min_cluster_size, p.weighted) for p in settings], np.float64)
        kinds, kind = np.unique(asked, axis=0, return_inverse=True)
        case, of = np.unique(found.of[paired] * len(kinds) + kind[setting], return_inverse=True)
        at, own = spans(found.edge, case // len(kinds))
        row = found.member[at]
        part, parts = self._parts(row, own, *kinds[case % len(kinds)].T)

        # the first part keeps the group's number, the others take new ones, in each setting
        more = np.cumsum(parts[of] - 1) - (parts[of] - 1)
        more -= more[np.searchsorted(setting, setting)]
        last = np.diff(found.first)[setting] + more - 1
        first = np.append(0, np.cumsum(np.bincount(own, minlength=len(case))))
        at, own = spans(first, of)
        part, kept = part[at], (paired - found.first[setting])[own]
        joined[setting[own], row[at]] = np.select(
            [part < 0, part == 0], [-1, kept], last[own] + part
        )
        return joined

    def _paired(self, found: Distinct) -> Ints:
        """Places of the groups that may hold two particles, among those of all settings."""
        row, n = found.member, len(found.name)
        own = np.repeat(np.arange(n), np.diff(found.edge))
        apart = splitting.APART * self._jitter
        share = splitting.pairs(self._x[row], self._y[row], self._look[row], own, n, apart)
        return np.flatnonzero(share[found.of] >= splitting.ENOUGH)

    def _parts(self, row: Ints, group: Ints, least: Floats, weighted: Floats) -> tuple[Ints, Ints]:
        """Of each mark its part of the group, from 0, -1 for none; of each group its parts."""
        split = splitting.split(
            self._x[row],
            self._y[row],
            self._look[row],
            self._volunteer[row],
            np.where(weighted[group] > 0, self._weight[row], 1.0),
            group,
            jitter=self._jitter,
            min_cluster_size=least,
        )
        n = len(least)
        # the first part has the group's number, the others those that follow, group by group
        parts = split.split_into[:n]
        before = n + np.cumsum(parts - 1) - (parts - 1)
        part = np.where(split.group == group, 0, split.group - before[group] + 1)
        part[split.group < 0] = -1
        return part, parts


def spans(edge: Ints, which: Ints) -> tuple[Ints, Ints]:
    """Lay some of the groups that stand one after the other side by side.

    Parameters
    ----------
    edge : (n_groups + 1,) int64
        Place of each group's first member, and the end of the last.
    which : (n,) int64
        Groups, in any order, again and again.

    Returns
    -------
    place : (n_places,) int64
        Of their members.
    own : (n_places,) int64
        Which of the n each belongs to.
    """
    size = np.diff(edge)[which]
    own = np.repeat(np.arange(len(which)), size)
    return np.arange(len(own)) + (edge[which] - np.cumsum(size) + size)[own], own
