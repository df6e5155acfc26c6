"""What the expert does to instances, as decisions over marks; nothing here is stored yet.

Every edit says what it needs before it makes a decision, so that what cannot be stored is refused
while it is still a wish.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Literal

import numpy as np

from . import queue, splitting
from .ledger import owners
from .model import (
    BACKING,
    NO_LABEL,
    STATUS,
    Bools,
    Decision,
    Grouping,
    Ints,
    K2CError,
    Ledger,
    Micrograph,
    Table,
    Verdict,
)
from .review import Evidence
from .standing import by_hand, standing, within

MOVED = "moved"
"""Reason of a decision by which a proposal was moved: its label is what was proposed."""

_BACKS = 0.25
"""Share of a decision's marks that a group holds to be one of those that it is made from."""

_BORNE_OUT = tuple(map(BACKING.index, ("kept", "changed")))

Source = Literal["single", "bulk", "sign-off", "adjudicated"]
Marks = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """What an edit is made on: one micrograph as the expert sees it.

    Attributes
    ----------
    image : Micrograph
    evidence : Evidence
    grouping : Grouping
    instances : structured array
        INSTANCE rows under `grouping`.
    ledger : Ledger
    blind : bool
        The votes on ambiguous, undecided instances are withheld.
    """

    image: Micrograph
    evidence: Evidence
    grouping: Grouping
    instances: Table
    ledger: Ledger
    blind: bool = False

    def decision(self, row: int) -> Decision | None:
        """The decision that a row is; None for a proposal."""
        return self.ledger.in_force.get(str(self.instances["instance"][row]))

    def find(self, mark: int) -> int:
        """Row that a mark belongs to; -1 when there is none."""
        return queue.find(self.instances, mark, self.evidence.marks, self.grouping, self.ledger)

    def marks_of(self, row: int) -> Marks:
        """Marks of an instance; of a proposal also those that decisions took from its group."""
        decided = self.decision(row)
        if decided is not None:
            return decided.marks
        marks = self.evidence.marks["mark"]
        group = self.grouping.group_of_mark
        own = group == group[int(np.searchsorted(marks, int(self.instances["instance"][row])))]
        return tuple(marks[own].tolist())

    def free(self, row: int) -> Marks:
        """Marks of an instance that no other decision has."""
        own = self.marks_of(row)
        if self.decision(row) is not None:
            return own
        return tuple(mark for mark in own if not owners(self.ledger, mark))

    def contested(self, row: int) -> bool:
        """Whether a row is a decision that shares marks, or its place, with another."""
        own = standing(self.ledger, self.evidence.name)
        return str(self.instances["instance"][row]) in own.contested

    def hidden(self, row: int) -> bool:
        """Whether the votes on an instance are withheld."""
        one = self.instances[row : row + 1]
        return bool(withheld(one, self.ledger, blind=self.blind)[0])

    def places(self, marks: Iterable[int]) -> Ints:
        """Places of marks in ``evidence.marks``; those that an expert set have none."""
        all_marks = self.evidence.marks["mark"]
        wanted = np.array(list(marks), np.int64)
        at = np.minimum(np.searchsorted(all_marks, wanted), max(0, len(all_marks) - 1))
        return np.asarray(at[all_marks[at] == wanted] if len(all_marks) else at[:0])


def withheld(instances: Table, ledger: Ledger, *, blind: bool) -> Bools:
    """Tell for which INSTANCE rows votes, and what other experts said, are withheld.

    They are the undecided, ambiguous ones, and those on which experts disagree.
    """
    doubtful = (instances["status"] == STATUS.index("proposed")) & instances["ambiguous"]
    if blind and ledger.conflicts:
        between = {uid for pair in ledger.conflicts for uid in pair}
        doubtful |= np.isin(instances["instance"], list(between))
    return np.asarray(blind & doubtful)


def rule(
    basis: Basis,
    rows: Sequence[int],
    verdict: Verdict,
    label: int | None = None,
    *,
    at: str,
    shown_at: str = "",
    note: str = "",
    reason: str = "",
) -> tuple[Decision, ...]:
    """Rule on instances, all of them alike.

    Parameters
    ----------
    basis : Basis
    rows : sequence of int
        Of ``basis.instances``.
    verdict : {"label", "defer", "reject"}
    label : int, optional
    at, shown_at : str
        ISO 8601, UTC: now, and when the case was painted.
    note, reason : str

    Returns
    -------
    tuple of Decision
        Source ``bulk`` where there are several; ``adjudicated`` where experts had disagreed.
    """
    alone = len(rows) == 1
    return tuple(
        Decision(
            micrograph=basis.evidence.name,
            marks=basis.free(row),
            verdict=verdict,
            label=label,
            x=float(basis.instances["x"][row]),
            y=float(basis.instances["y"][row]),
            shown_at=shown_at if alone else "",
            decided_at=at,
            blind=basis.hidden(row),
            source="adjudicated" if basis.contested(row) else "single" if alone else "bulk",
            note=note,
            reason=reason,
            votes=tuple(basis.instances["votes"][row].tolist()),
            params=basis.grouping.params,
            made_from=made_from(basis, row),
        )
        for row in rows
    )


def accept(basis: Basis, rows: Sequence[int], source: Source, *, at: str) -> tuple[Decision, ...]:
    """Accept proposals as the consensus proposes them.

    Parameters
    ----------
    basis : Basis
    rows : sequence of int
        Proposals with a label.
    source : {"bulk", "sign-off"}
    at : str
        ISO 8601, UTC.

    Returns
    -------
    tuple of Decision
    """
    accepted = []
    for row in rows:
        (ruling,) = rule(basis, [row], "label", int(basis.instances["label"][row]), at=at)
        accepted.append(replace(ruling, source=source, blind=False))
    return tuple(accepted)


def move(
    basis: Basis, row: int, x: float, y: float, *, at: str, shown_at: str = ""
) -> tuple[Decision, ...]:
    """Put an instance elsewhere.

    What is decided keeps its ruling. A proposal takes the label that is proposed, for the reason
    `MOVED`: the expert saw it and moved it. Where none is to be seen, none is taken.

    Parameters
    ----------
    basis : Basis
    row : int
    x, y : float
        px.
    at, shown_at : str

    Returns
    -------
    tuple of Decision
        One.

    Raises
    ------
    K2CError
        Outside the micrograph; a proposal without a label to be seen; or another decision has the
        same marks, or the place.
    """
    refuse_outside(basis, x, y)
    old = basis.decision(row)
    if basis.contested(row):
        raise _contested(basis, row)
    refuse_taken(basis, x, y, hand=old is not None and by_hand(old), but=old)
    if old is not None:
        return (replace(old, x=x, y=y, shown_at="", decided_at=at, note=""),)
    label = int(basis.instances["label"][row])
    if label == NO_LABEL or basis.hidden(row):
        raise K2CError("This instance has no label yet.", remedy="Label it first, then move it.")
    (ruling,) = rule(basis, [row], "label", label, at=at, shown_at=shown_at, reason=MOVED)
    return (replace(ruling, x=x, y=y),)


def _contested(basis: Basis, row: int) -> K2CError:
    own = standing(basis.ledger, basis.evidence.name)
    place = own.uids.tolist().index(basis.instances["instance"][row])
    if any(place in pair for pair in own.differing):
        return K2CError("Experts disagree here.", remedy="Decide between them first.")
    return K2CError(
        "Two decisions that are alike stand here.",
        remedy="Rule on it once more, so that one does, then move it.",
    )


def made_from(basis: Basis, row: int) -> tuple[Marks, ...]:
    """Mark sets of the groups that an instance is made of, now that it is ruled upon.

    A decision keeps the groups that it was made on as long as they are there; where they are
    not, those that hold its marks now take their place, and the case need not come back. Where
    no group does, it is made on none: the expert has seen that, too.
    """
    own = basis.marks_of(row)
    old = basis.decision(row)
    if old is None:
        return (own,)
    if not old.made_from or basis.instances["backing"][row] in _BORNE_OUT:
        return old.made_from
    size = np.bincount(_groups(basis, own), minlength=len(basis.grouping.x))
    backing = np.flatnonzero(size >= max(1, _BACKS * len(own)))
    marks, group = basis.evidence.marks["mark"], basis.grouping.group_of_mark
    return tuple(tuple(marks[group == g].tolist()) for g in backing)


def _groups(basis: Basis, marks: Marks) -> Ints:
    """Group of each of the marks that are in one."""
    group = basis.grouping.group_of_mark[basis.places(marks)]
    return np.asarray(group[group >= 0])


def refuse_taken(
    basis: Basis, x: float, y: float, *, hand: bool, but: Decision | None = None
) -> None:
    """Raise `K2CError` for a place, px, that would be one with that of another decision.

    Parameters
    ----------
    basis : Basis
    x, y : float
        px.
    hand : bool
        What is to stand there is made by hand; else it is only one with what is.
    but : Decision, optional
        Not counted: the one that moves.
    """
    own = standing(basis.ledger, basis.evidence.name)
    near = splitting.near(basis.evidence.jitter)
    there = within(np.array([x]), np.array([y]), own.x, own.y, near)[1]
    others = (own[uid] for uid in own.uids[there].tolist())
    if any(other is not but and (hand or by_hand(other)) for other in others):
        raise K2CError(
            f"Another decision stands within {near:.1f} px of this place: both would be one thing.",
            remedy="Rule on that one, or choose another place.",
        )


def refuse_outside(basis: Basis, x: float, y: float) -> None:
    """Raise `K2CError` for a place that is not on the micrograph, px."""
    image = basis.image
    if not (isfinite(x) and isfinite(y) and 0 <= x <= image.width and 0 <= y <= image.height):
        raise K2CError(f"({x:.1f}, {y:.1f}) px lies outside the micrograph.")
