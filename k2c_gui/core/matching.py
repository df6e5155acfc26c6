"""Decisions in force against a new grouping: which of them it bears out, and which come back.

A decision stands whatever the grouping does; here is only told whether it is to be looked at
again. It names marks, and marks outlive groups, so it is compared mark by mark and never by place:
a group within a few px may be the particle beside it. Only what has no marks of volunteers is known
by its place, within the scatter of marks; see `standing.beside`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from .model import BACKING, Bools, Decision, Ints, Ledger, Table
from .standing import MATCHES as MATCHES
from .standing import MarkSets, Standing

PART = 1, 4
"""Share of a decision's marks that a group holds, at least, to be a part of it."""

KEPT, CHANGED, MERGED, CONFLICT, SPLIT, GREW, DISSOLVED = (
    BACKING.index(name)
    for name in ("kept", "changed", "merged", "conflict", "split", "grew", "dissolved")
)


@dataclass(frozen=True, slots=True)
class Matching:
    """What a grouping makes of the decisions in force on a micrograph.

    Attributes
    ----------
    backing : (n_decisions,) int64
        Place of each in `BACKING`. ``changed`` is not told from ``kept``, see `moved`.
    group : (n_decisions,) int64
        The group that holds 60 % or more of its marks; -1 where none does.
    same : (n_groups,) bool
        Groups that are the very thing that some decision names.
    """

    backing: Ints
    group: Ints
    same: Bools


def match(marks: Table, group_of_mark: Ints, n_groups: int, standing: Standing) -> Matching:
    """Compare the decisions on one micrograph with a grouping of its marks.

    Marks that were not there when a decision was made do not count against it.

    Parameters
    ----------
    marks : (n,) MARK
        Of the micrograph, in rising order of ``mark``.
    group_of_mark : (n,) int64
        -1 for noise. How the groups are numbered does not matter.
    n_groups : int
    standing : Standing
        The decisions in force.

    Returns
    -------
    Matching
    """
    n = len(standing)
    size = _Sizes(marks["since"], group_of_mark, n_groups, standing.held)
    named, made_from = standing.named, standing.made_from
    named_at, made_at = standing.places(marks)
    shares = _shares(named, named_at, group_of_mark)
    most = shares.at_least(MATCHES, named.size)
    same = most & shares.fills(MATCHES, named, size)
    group = np.full(n, -1)
    group[shares.set[most]] = shares.group[most]

    # a particle that nobody marked needs no group
    kept = standing.on_no_group | (named.size == 0)
    kept[shares.set[same]] = True
    kept |= _all_there(made_from, _shares(made_from, made_at, group_of_mark), size, n)
    together, differ = _together(group, n_groups, standing.ruling)
    part = shares.set[shares.at_least(PART, named.size)]
    backing = np.select(
        [kept, differ, together, np.bincount(part, minlength=n) >= 2, group >= 0],
        [KEPT, CONFLICT, MERGED, SPLIT, GREW],
        DISSOLVED,
    )
    for pair in standing.differing:  # experts who ruled alike leave nothing to be checked
        backing[list(pair)] = CONFLICT
    there = np.zeros(n_groups, bool)
    there[shares.group[same]] = True
    return Matching(backing, group, there)


def moved(
    marks: Table, standing: Standing, votes: Ints, votes_of_mark: Callable[[], Ints]
) -> Bools:
    """Tell for which decisions the votes are no longer what they were.

    Parameters
    ----------
    marks : (n_marks,) MARK
        Of the micrograph, in rising order of ``mark``.
    standing : Standing
        The decisions in force.
    votes : (n_decisions, n_labels) int64
        On the marks of each, now.
    votes_of_mark : callable
        Gives (n_marks, n_labels) int64; asked only where `votes` differ. The expert may have been
        shown the votes of a whole group of which other decisions hold some marks.

    Returns
    -------
    (n_decisions,) bool
        Never where it is not known what they were.
    """
    n, n_labels = votes.shape
    then = standing.votes(n_labels)
    differ = (then[:, 0] >= 0) & (then != votes).any(axis=1) if n else np.zeros(0, bool)
    sets = standing.made_from
    if not differ[sets.decision].any():
        return np.asarray(differ)
    at = standing.places(marks)[1]
    found = at >= 0
    shown = np.zeros_like(votes)
    np.add.at(shown, sets.decision[sets.set[found]], votes_of_mark()[at[found]])
    return np.asarray(differ & (then != shown).any(axis=1))


def detached(ledger: Ledger, micrographs: Iterable[str]) -> dict[str, Decision]:
    """Decisions in force whose micrograph is gone: they are in no table, and kept all the same.

    Parameters
    ----------
    ledger : Ledger
    micrographs : iterable of str
        Names of those that are there.

    Returns
    -------
    dict of str to Decision
        By uid.
    """
    there = set(micrographs)
    return {
        uid: decision
        for name, decisions in ledger.on.items()
        if name not in there
        for uid, decision in decisions.items()
    }


class _Sizes:
    """Size of each group, counting the marks that were there when a decision was made."""

    def __init__(self, since: Ints, group: Ints, n_groups: int, held: Ints) -> None:
        every, self._level = np.zeros(1, np.int64), np.zeros(len(held), np.int64)
        if since.any():
            every, self._level = np.unique(held, return_inverse=True)
        grouped = group >= 0
        self._size = np.array(
            [
                np.bincount(group[grouped & ((since <= then) | (then == 0))], minlength=n_groups)
                for then in every.tolist()
            ]
        ).reshape(len(every), n_groups)

    def __call__(self, decision: Ints, group: Ints) -> Ints:
        return np.asarray(self._size[self._level[decision], group])


@dataclass(frozen=True, slots=True)
class _Shares:
    """Marks that sets and groups have in common; pairs that have some."""

    set: Ints
    group: Ints
    shared: Ints

    def at_least(self, share: tuple[int, int], size: Ints) -> Bools:
        """Whether it is that share of the set."""
        return np.asarray(share[1] * self.shared >= share[0] * size[self.set])

    def fills(self, share: tuple[int, int], sets: MarkSets, size: _Sizes) -> Bools:
        """Whether it is that share of the group."""
        of_group = size(sets.decision[self.set], self.group)
        return np.asarray(share[1] * self.shared >= share[0] * of_group)


def _shares(sets: MarkSets, at: Ints, group_of_mark: Ints) -> _Shares:
    if not len(group_of_mark):
        nothing = np.zeros(0, np.int64)
        return _Shares(nothing, nothing, nothing)
    group = np.where(at >= 0, group_of_mark[at], -1)
    member = group >= 0
    across = int(group_of_mark.max()) + 2
    key = sets.set[member] * across + group[member]
    # most sets lie in one group: a run of equal keys, and few are left to sort
    begins = np.flatnonzero(np.diff(key, prepend=-1))
    pair, run = np.unique(key[begins], return_inverse=True)
    length = np.diff(begins, append=len(key))
    shared = np.bincount(run, weights=length, minlength=len(pair)).astype(np.int64)
    return _Shares(*np.divmod(pair, across), shared)


def _all_there(sets: MarkSets, shares: _Shares, size: _Sizes, n: int) -> Bools:
    """Decisions of which every group that they were made on is there."""
    same = shares.at_least(MATCHES, sets.size) & shares.fills(MATCHES, sets, size)
    there = sets.size == 0
    there[shares.set[same]] = True
    lost = np.bincount(sets.decision[~there], minlength=n)
    return np.asarray((np.bincount(sets.decision, minlength=n) > 0) & (lost == 0))


def _together(group: Ints, n_groups: int, ruling: Ints) -> tuple[Bools, Bools]:
    """Decisions that are in one group with others, and those of them that differ."""
    homed = np.flatnonzero(group >= 0)
    count = np.bincount(group[homed], minlength=n_groups + 1)
    kinds = np.unique(group[homed] * (ruling.max(initial=0) + 1) + ruling[homed])
    kinds = np.bincount(kinds // (ruling.max(initial=0) + 1), minlength=n_groups + 1)
    there = group >= 0
    return there & (count[group] > 1), there & (kinds[group] > 1)
