"""Splitting under many settings: each group is looked at once, however many of them find it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from . import splitting
from .model import Floats, Ints, Table


class Asked(NamedTuple):
    """What groups are split for.

    Attributes
    ----------
    min_cluster_size : int
    weighted : bool
        Marks count what they weigh.
    """

    min_cluster_size: int
    weighted: bool


class Once:
    """Splits the groups of one micrograph as `clustering` does, and remembers them.

    What becomes of a group depends on its marks, on what they weigh and on ``min_cluster_size``,
    on no other group: so most settings ask what was asked before.

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
        rng = np.random.default_rng(0)  # 64 bits: of 10^6 groups, no two agree by chance
        self._number = rng.integers(0, 2**64, len(marks), dtype=np.uint64)
        self._share: dict[int, float] = {}
        self._part: dict[tuple[int, Asked], tuple[Ints, Ints]] = {}

    def names(self, group: Ints) -> list[int]:
        """One number for each group that none of other marks has.

        Parameters
        ----------
        group : (n,) int64
            0, 1, 2 ... without a gap; -1 for noise.
        """
        sums = np.zeros(int(group.max(initial=-1)) + 2, np.uint64)
        np.add.at(sums, group, self._number)  # noise, -1, is added to what is not used
        return sums[:-1].tolist()  # type: ignore[no-any-return]

    def split(self, groups: Sequence[Ints], asked: Sequence[Asked]) -> list[Ints]:
        """Unite and split groups; see `splitting.join` and `splitting.split`.

        Parameters
        ----------
        groups : sequence of (n,) int64
            Of each setting, see `names`.
        asked : sequence of Asked
            Of each setting.

        Returns
        -------
        list of (n,) int64
            Numbers without a gap.
        """
        joined = [
            splitting.join(self._x, self._y, self._look, group, self._jitter) for group in groups
        ]
        names = [self.names(group) for group in joined]
        self._learn_shares(joined, names)
        paired = [
            [g for g, name in enumerate(own) if self._share[name] >= splitting.ENOUGH]
            for own in names
        ]
        self._learn_parts(joined, names, paired, asked)
        found = []
        for group, own, which, key in zip(joined, names, paired, asked, strict=True):
            split, n = group.copy(), len(own)
            for g in which:
                row, part = self._part[own[g], key]
                if part.any():
                    split[row] = np.where(part > 0, n - 1 + part, np.where(part == 0, g, -1))
                    n += int(part.max())
            found.append(split)
        return found

    def _learn_shares(self, groups: Sequence[Ints], names: Sequence[list[int]]) -> None:
        """Find of each new group the share of looks that hold a pair."""
        new: dict[int, Ints] = {}
        for group, own in zip(groups, names, strict=True):
            wanted = [g for g, n in enumerate(own) if n not in self._share and n not in new]
            if wanted:
                rows = _members(group, wanted)
                new |= {own[g]: row for g, row in zip(wanted, rows, strict=True)}
        if new:
            row, group = _laid(list(new.values()))
            columns = self._x[row], self._y[row], self._look[row]
            apart = splitting.APART * self._jitter
            share = splitting.pairs(*columns, group, len(new), apart)
            self._share |= dict(zip(new, share.tolist(), strict=True))

    def _learn_parts(
        self,
        groups: Sequence[Ints],
        names: Sequence[list[int]],
        paired: Sequence[list[int]],
        asked: Sequence[Asked],
    ) -> None:
        """Find what becomes of each new group, all of one question at a time."""
        new: dict[Asked, dict[int, Ints]] = {}
        for group, own, which, key in zip(groups, names, paired, asked, strict=True):
            known = new.setdefault(key, {})
            wanted = [g for g in which if (own[g], key) not in self._part and own[g] not in known]
            if wanted:
                rows = _members(group, wanted)
                known |= {own[g]: row for g, row in zip(wanted, rows, strict=True)}
        for key, members in new.items():
            if members:
                parts = self._parts(list(members.values()), key)
                for name, row, part in zip(members, members.values(), parts, strict=True):
                    self._part[name, key] = row, part

    def _parts(self, members: list[Ints], asked: Asked) -> list[Ints]:
        """Of each group the part of each mark, from 0; -1 for none."""
        row, own = _laid(members)
        split = splitting.split(
            self._x[row],
            self._y[row],
            self._look[row],
            self._volunteer[row],
            self._weight[row] if asked.weighted else np.ones(len(row)),
            own,
            jitter=self._jitter,
            min_cluster_size=asked.min_cluster_size,
        )
        # the first part has the group's number, the others those that follow, group by group
        n = len(members)
        more = split.split_into[:n] - 1
        before = n + np.cumsum(more) - more
        part = np.where(split.group == own, 0, split.group - before[own] + 1)
        part[split.group < 0] = -1
        return np.split(part, np.searchsorted(own, np.arange(1, n)))


def _members(group: Ints, wanted: list[int]) -> list[Ints]:
    """The marks of some of the groups."""
    number = np.full(int(group.max()) + 2, -1)
    number[wanted] = np.arange(len(wanted))
    own = number[group]
    row = np.flatnonzero(own >= 0)
    own = own[row]
    order = np.argsort(own, kind="stable")
    return np.split(row[order], np.cumsum(np.bincount(own))[:-1])


def _laid(members: list[Ints]) -> tuple[Ints, Ints]:
    """Marks of some groups, one group after the other, and whose each is."""
    return np.concatenate(members), np.repeat(np.arange(len(members)), [len(m) for m in members])
