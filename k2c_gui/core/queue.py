"""What to look at next: facets of the INSTANCE table, and an order that stays as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from .ledger import owners
from .model import (
    BACKING,
    NO_LABEL,
    NO_MARK,
    STATUS,
    Bools,
    Entry,
    Grouping,
    Ints,
    Ledger,
    Table,
)

FACETS = (
    "ambiguous",
    "tie",
    "no votes",
    "low support",
    "undecided",
    "deferred",
    "decided",
    "all",
)
COME_BACK = BACKING[2:-1]
"""Facets, too: what is ruled, and not borne out by the grouping, by how."""

TO_CHECK = "to check"
"""The facet of all that comes back, the gravest first."""

_GRAVITY = ("conflict", "merged", "split", "grew", "dissolved", "changed")

NAMED = "flagged", "audit"
"""Facets whose members are named one by one, see `rank`."""

OPEN = ("tie", "no votes", "ambiguous", "low support", "deferred", *COME_BACK)
"""What is told before a micrograph is signed off."""

LOW_SUPPORT = 0.5

AUDIT_SHARE = 0.05
"""Of what is accepted in bulk in one step, to be looked at one by one."""

CASE = np.dtype([("micrograph", "i4"), ("mark", "i8")])
"""One row of a queue. Instances come and go with the grouping; a mark of theirs stays."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Cases in an order that only changes when it is asked for.

    Attributes
    ----------
    facet : str
        Of `FACETS`.
    cases : (n,) CASE
    ranked_at : str
        ISO 8601, UTC.
    """

    facet: str
    cases: Table
    ranked_at: str = ""


EMPTY = Queue("ambiguous", np.zeros(0, CASE))


def facet(table: Table, name: str) -> Bools:
    """Tell which instances belong to a facet.

    Parameters
    ----------
    table : structured array
        Of `instance_dtype`.
    name : str
        Of `FACETS` or `COME_BACK`, or `TO_CHECK`. The first four of `FACETS` are questions: what
        is ruled is in none of them.

    Returns
    -------
    (n,) bool
    """
    proposed = table["status"] == STATUS.index("proposed")
    voted = table["votes"].sum(axis=1) > 0
    if name == "ambiguous":
        return np.asarray(proposed & table["ambiguous"])
    if name == "tie":
        return np.asarray(proposed & voted & (table["label"] == NO_LABEL))
    if name == "no votes":
        return np.asarray(proposed & ~voted)
    if name == "low support":
        return np.asarray(proposed & (table["support"] < LOW_SUPPORT))
    if name == "undecided":
        return np.asarray(proposed)
    if name == "deferred":
        return np.asarray(table["status"] == STATUS.index("deferred"))
    if name == "decided":
        ruled = (STATUS.index("decided"), STATUS.index("rejected"))
        return np.isin(table["status"], ruled)
    if name == TO_CHECK or name in COME_BACK:
        kinds = COME_BACK if name == TO_CHECK else (name,)
        return np.isin(table["backing"], [BACKING.index(kind) for kind in kinds])
    if name == "all":
        return np.ones(len(table), bool)
    raise ValueError(f"there is no facet {name}")


def rank(
    tables: Sequence[Table],
    ledger: Ledger,
    name: str,
    *,
    first: int = 0,
    at: str = "",
    members: frozenset[str] = frozenset(),
) -> Queue:
    """Put the cases of a facet in order: micrograph by micrograph, the closest vote first.

    Of two decisions on the very same marks one is a case: it asks about both.

    Parameters
    ----------
    tables : sequence of structured array
        Of `instance_dtype`, one a micrograph.
    ledger : Ledger
    name : str
        Of `FACETS`.
    first : int
        The micrograph to begin with.
    at : str
        Time, for the expert.
    members : frozenset of str
        Instances of a facet of `NAMED`.

    Returns
    -------
    Queue
    """
    parts = []
    for i in (*range(first, len(tables)), *range(first)):
        table = tables[i]
        if name in NAMED:
            rows = table[np.isin(table["instance"], list(members))]
        else:
            rows = table[facet(table, name)]
        keys = [rows["support"], np.nan_to_num(rows["margin"], nan=2.0)]
        if name == TO_CHECK:
            keys.append(_gravity(rows))
        marks = anchors(rows, ledger)[np.lexsort(keys)]
        marks = marks[np.sort(np.unique(marks, return_index=True)[1])]
        cases = np.zeros(len(marks), CASE)
        cases["micrograph"], cases["mark"] = i, marks
        parts.append(cases)
    return Queue(name, np.concatenate([np.zeros(0, CASE), *parts]), at)


def anchors(table: Table, ledger: Ledger) -> Ints:
    """A mark of each instance, by which it is found again under any grouping.

    Parameters
    ----------
    table : structured array
        Of `instance_dtype`.
    ledger : Ledger

    Returns
    -------
    (n,) int64
    """
    return np.array([_anchor(name, ledger) for name in table["instance"].tolist()], np.int64)


def _anchor(name: str, ledger: Ledger) -> int:
    decided = ledger.in_force.get(name)
    if decided is None:
        return int(name)
    # a mark of two decisions does not tell which is meant
    return next((mark for mark in decided.marks if mark in ledger.owner), decided.marks[0])


def _gravity(table: Table) -> Ints:
    order = {BACKING.index(kind): i for i, kind in enumerate(_GRAVITY)}
    return np.array([order[backing] for backing in table["backing"].tolist()], np.int64)


def ruled(marks: Iterable[int], table: Table | None, ledger: Ledger) -> list[bool]:
    """Tell which cases are done with: decided upon, and not back to be checked.

    Parameters
    ----------
    marks : iterable of int
        Of cases of one micrograph, see `anchors`.
    table : structured array or None
        Of `instance_dtype`, of that micrograph; None where it is not known.
    ledger : Ledger

    Returns
    -------
    list of bool
        False for what is in conflict, too.
    """
    back = returned(table)
    owner_of = (ledger.owner.get(mark) for mark in marks)
    return [owner is not None and owner not in back for owner in owner_of]


def returned(table: Table | None) -> frozenset[str]:
    """Decisions of a table that are back to be checked; none where there is no table."""
    if table is None:
        return frozenset()
    return frozenset(table["instance"][facet(table, TO_CHECK)].tolist())


def find(table: Table, mark: int, marks: Table, grouping: Grouping, ledger: Ledger) -> int:
    """Find the instance that a mark belongs to.

    Parameters
    ----------
    table : structured array
        Of `instance_dtype`, of one micrograph.
    mark : int
    marks : (n,) MARK
        Of that micrograph, in rising order of ``mark``.
    grouping : Grouping
        That `table` was made with.
    ledger : Ledger

    Returns
    -------
    int
        Row of the table; -1 when the mark is noise, or its group is not proposed.
    """
    if mark == NO_MARK:
        return -1
    decided = owners(ledger, mark)
    if decided:
        name = decided[0]
    else:
        place = int(np.searchsorted(marks["mark"], mark))
        if place == len(marks) or marks["mark"][place] != mark:
            return -1
        group = int(grouping.group_of_mark[place])
        if group < 0:
            return -1
        name = str(marks["mark"][int(np.argmax(grouping.group_of_mark == group))])
    rows = np.flatnonzero(table["instance"] == name)
    return int(rows[0]) if len(rows) else -1


def audited(log: Iterable[Entry], share: float = AUDIT_SHARE) -> frozenset[str]:
    """Draw from what was accepted in bulk a sample to be looked at one by one.

    Parameters
    ----------
    log : iterable of Entry
    share : float
        Of each step; at least one of each. By a hash of the uid, so that the same log gives the
        same sample, and a longer one adds to it.

    Returns
    -------
    frozenset of str
        Uids of decisions, in force or not.
    """
    steps: dict[str, list[str]] = {}
    after: dict[str, str] = {}  # what was moved, or given a reason, was not accepted again
    for entry in log:
        if entry.decision is not None and entry.decision.source == "bulk":
            old = [uid for uid in entry.supersedes if uid in after]
            after[entry.uid] = after[old[0]] if old else entry.uid
            if not old:
                steps.setdefault(entry.step, []).append(entry.uid)
    drawn = {
        uid
        for uids in steps.values()
        for uid in sorted(uids, key=lambda uid: hashlib.sha256(uid.encode()).digest())[
            : ceil(share * len(uids))
        ]
    }
    return frozenset(uid for uid, first in after.items() if first in drawn)
