"""Groups, of whichever setting, held against the decisions in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .matching import MATCHES
from .model import STATUS, Bools, Ints, Ledger, Table
from .overlap import shared, table
from .review import Evidence
from .standing import standing

_LABELLED, _REJECTED, _OPEN = range(3)


@dataclass(frozen=True, slots=True)
class Rulings:
    """The decisions in force on one micrograph, as far as groups can be held against them.

    Attributes
    ----------
    at : (n_named,) int64
        Places of the marks they name in `Evidence.marks`; those that are not there left out.
    decision : (n_named,) int64
        Whose each is.
    size : (n,) int64
        Marks that each decision names, there or not.
    kind : (n,) int64
        With a label, rejected, or open: deferred, or experts disagree.
    label : (n,) int64
    held : (n,) int64
        See `Decision`.
    signed_off : bool
        What the decisions do not name is no instance.
    """

    at: Ints
    decision: Ints
    size: Ints
    kind: Ints
    label: Ints
    held: Ints
    signed_off: bool


def rulings(evidence: Evidence, ledger: Ledger) -> Rulings:
    """Collect what groups are compared with.

    Parameters
    ----------
    evidence : Evidence
    ledger : Ledger

    Returns
    -------
    Rulings
    """
    decisions = standing(ledger, evidence.name)
    named, at = decisions.named, decisions.places(evidence.marks)[0]
    kind = np.full(len(decisions), _OPEN)
    kind[decisions.status == STATUS.index("decided")] = _LABELLED
    kind[decisions.status == STATUS.index("rejected")] = _REJECTED
    for pair in decisions.differing:
        kind[list(pair)] = _OPEN
    there = at >= 0
    return Rulings(
        at[there],
        named.decision[named.set[there]],
        named.size,
        kind,
        decisions.label,
        decisions.held,
        evidence.name in ledger.signed_off,
    )


class Judged(NamedTuple):
    """What the decisions say of each group.

    Attributes
    ----------
    decided : int
        Decisions that a setting can find: with a label, on marks.
    found : (n,) int64
        Of them, those that each group is.
    agreeing : (n,) int64
        Of these, those with the group's label.
    judged : (n,) bool
        Whether anything is said.
    """

    decided: int
    found: Ints
    agreeing: Ints
    judged: Bools


def judge(
    marks: Table, ruled: Rulings, place: Ints, group: Ints, size: Ints, label: Ints
) -> Judged:
    """Hold groups against decisions: the same where each has 60 % of the other's marks.

    Marks that were not there when a decision was made do not count against it; see `matching`.

    Parameters
    ----------
    marks : (n_marks,) MARK
    ruled : Rulings
    place : (n_members,) int64
        Marks of the groups, as places in `marks`.
    group : (n_members,) int64
        Whose each is.
    size, label : (n,) int64
        Of the groups.

    Returns
    -------
    Judged
    """
    n, n_decisions = len(size), len(ruled.size)
    nobody = np.zeros(n, np.int64)
    decided = int(np.count_nonzero((ruled.kind == _LABELLED) & (ruled.size > 0)))
    if not n_decisions or not n:
        return Judged(decided, nobody, nobody, nobody > 0)
    decisions = table(ruled.at, ruled.decision, n_decisions, len(marks))
    one, of, common = shared(table(place, group, n, len(marks)), decisions)
    there = _sizes(marks["since"], place, group, n, ruled.held)[of, one]
    least, most = MATCHES
    held = most * common >= least * ruled.size[of]
    same = held & (most * common >= least * there)
    labelled = same & (ruled.kind[of] == _LABELLED)
    found = np.bincount(one[labelled], minlength=n)
    agrees = labelled & (ruled.label[of] == label[one])
    closed = ruled.kind[of] != _OPEN
    judged = held & closed
    says = np.bincount(one[judged], minlength=n) > 0
    says |= _half(ruled, ruled.kind != _OPEN, place, group, size, len(marks))
    if ruled.signed_off:
        known = (marks["since"] <= ruled.held.max()) | bool((ruled.held == 0).any())
        says |= 2 * np.bincount(group[known[place]], minlength=n) >= size
    left_open = _half(ruled, ruled.kind == _OPEN, place, group, size, len(marks))
    left_open[one[same & ~closed]] = True
    agreeing = np.bincount(one[agrees], minlength=n)
    return Judged(decided, found, agreeing, (says & ~left_open) | (found > 0))


def _half(
    ruled: Rulings, which: Bools, place: Ints, group: Ints, size: Ints, n_marks: int
) -> Bools:
    """Groups at least half of whose marks belong to some of the decisions."""
    taken = np.zeros(n_marks, bool)
    taken[ruled.at[which[ruled.decision]]] = True
    return np.asarray(2 * np.bincount(group[taken[place]], minlength=len(size)) >= size)


def _sizes(since: Ints, place: Ints, group: Ints, n: int, held: Ints) -> Ints:
    """Marks of each group that were there at each decision; (n_decisions, n)."""
    levels, level = np.unique(held, return_inverse=True)
    rows = [
        np.bincount(group[(since[place] <= then) | (then == 0)], minlength=n)
        for then in levels.tolist()
    ]
    return np.array(rows)[level]
