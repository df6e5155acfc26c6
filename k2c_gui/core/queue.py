"""What to look at next: facets of the INSTANCE table, and an order that stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .model import NO_LABEL, NO_MARK, STATUS, Bools, Grouping, Ints, Ledger, Table

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
LOW_SUPPORT = 0.5

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
        Of `FACETS`. The first four are questions: what is ruled is in none of them.

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
    if name == "all":
        return np.ones(len(table), bool)
    raise ValueError(f"there is no facet {name}")


def rank(
    tables: Sequence[Table], ledger: Ledger, name: str, *, first: int = 0, at: str = ""
) -> Queue:
    """Put the cases of a facet in order: micrograph by micrograph, the closest vote first.

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

    Returns
    -------
    Queue
    """
    parts = []
    for i in (*range(first, len(tables)), *range(first)):
        table = tables[i]
        rows = table[facet(table, name)]
        order = np.lexsort((rows["support"], np.nan_to_num(rows["margin"], nan=2.0)))
        cases = np.zeros(len(rows), CASE)
        cases["micrograph"], cases["mark"] = i, anchors(rows, ledger)[order]
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
    named = (
        ledger.in_force[name].marks[0] if name in ledger.in_force else int(name)
        for name in table["instance"].tolist()
    )
    return np.array(list(named), np.int64)


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
    if mark in ledger.owner:
        name = ledger.owner[mark]
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
