"""The expert's desk: every verb that decides, each one step of undo.

An edit is on the disk before it is believed; what is refused leaves all as it was, and
`State.trouble` says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic

import numpy as np

from .core import drafts, edits
from .core.drafts import Draft
from .core.edits import Basis
from .core.model import (
    NO_LABEL,
    STATUS,
    Decision,
    Entry,
    Floats,
    K2CError,
    Remark,
    Table,
    Verdict,
)
from .showing import Changed, Showing, now
from .state import State, hidden, new_since, number, remark_on, withheld

__all__ = [
    "Changed",
    "Desk",
    "State",
    "hidden",
    "new_since",
    "number",
    "remark_on",
    "withheld",
]

NUDGE = 1.0
"""s: moves of one instance by keys that follow each other within this are one step of undo."""


class Desk(Showing):
    """A session on a desk: all that the expert can do to it."""

    _page: Table | None = None
    _nudged = "", 0, 0.0  # step, case, when

    # Ruling

    def rule(
        self, verdict: Verdict, label: int | None = None, *, note: str = "", reason: str = ""
    ) -> bool:
        """Rule on what is selected; where that is one case, go to the next that is not ruled.

        Where there is a draft, its parts are ruled, see `commit`.

        Parameters
        ----------
        verdict : {"label", "defer", "reject"}
        label : int, optional
        note, reason : str

        Returns
        -------
        bool
            False when nothing is selected, or it was not painted yet, or the disk refused;
            `State.trouble` then says why.
        """
        if self.state.draft is not None:
            return self.commit(verdict, label, note=note, reason=reason)
        rows = self.rows()
        shown_at = self._painted_at
        about = {"shown_at": shown_at, "note": note, "reason": reason}
        with self._told_once():
            if not (rows and shown_at) or not self._edit(
                lambda basis: edits.rule(basis, rows, verdict, label, at=now(), **about)
            ):
                return False
            self._painted_at = ""  # where no next case follows, one key must not rule it twice
            if len(rows) == 1:
                self.go(1, undecided=True)
        return True

    def give_reason(self, reason: str) -> bool:
        """Say why the last ruling is as it is; undone with it.

        Parameters
        ----------
        reason : str
            A code of ``reasons.toml``; empty takes it back.
        """
        step, in_force = self.state.ledger.undoable, self.state.ledger.in_force
        last = [e.uid for e in self.session.log if e.step == step and e.uid in in_force]
        rulings = [in_force[uid] for uid in last if in_force[uid].source != "sign-off"]

        def write() -> None:
            if not rulings:
                raise K2CError("There is no ruling to give a reason for.", remedy="Decide first.")
            self.session.decide(
                [replace(ruling, reason=reason, note="") for ruling in rulings], joins=True
            )

        with self._told_once():
            done = self._stored(write)
            if done:
                self._refold({ruling.micrograph for ruling in rulings})
        return done

    def remark(self, *, note: str | None = None, flag: bool | None = None) -> bool:
        """Write a note on what is selected, or flag it, decided or not; rules on nothing.

        Parameters
        ----------
        note : str, optional
            Without it the note stays as it is; empty takes it away.
        flag : bool, optional
            Without it the flag stays as it is.

        Returns
        -------
        bool
            False when nothing is selected, or the disk refused.
        """
        basis, rows = self.state.basis(), self.rows()
        if basis is None or not rows:
            return False
        remarks = []
        for row in rows:
            old = remark_on(self.state.ledger, basis.free(row)) or Remark("", ())
            remarks.append(
                Remark(
                    self.state.name,
                    basis.free(row),
                    old.note if note is None else note,
                    old.flag if flag is None else flag,
                )
            )
        with self._told_once():
            done = self._stored(lambda: self.session.remark(remarks))
            if done:
                self._refold(set())
        return done

    def page_painted(self, cases: Table) -> None:
        """A page of cases is on the screen; before that it cannot be accepted.

        Parameters
        ----------
        cases : (n,) CASE
        """
        self._page = cases

    def accept(self, cases: Table) -> bool:
        """Accept the proposals of a painted page, as one step of undo.

        Parameters
        ----------
        cases : (n,) CASE
            Of that page, without the exceptions; of any micrographs, as they are under the
            applied setting. What is ruled already is passed over.

        Returns
        -------
        bool
            False when one of them is a tie, ambiguous or without votes, when nothing is left to
            accept, or the page was not painted, or the disk refused.
        """
        page = self._page
        if page is None or not set(cases.tolist()) <= set(page.tolist()):
            return False
        rulings: list[Decision] = []

        def write() -> None:
            at = now()
            for micrograph in np.unique(cases["micrograph"]).tolist():
                basis = self.state.basis(micrograph)
                marks = cases["mark"][cases["micrograph"] == micrograph].tolist()
                rulings.extend(
                    edits.accept(basis, _clear(basis, marks), "bulk", at=at) if basis else ()
                )
            if not rulings:
                raise K2CError("Nothing is left here to accept.")
            self.session.decide(rulings)

        with self._told_once():
            done = self._stored(write)
            if done:
                self._page = None
                self._refold({ruling.micrograph for ruling in rulings})
        return done

    # Editing

    def move(self, x: float, y: float) -> bool:
        """Put the selected instance at x, y px; see `edits.move`."""
        return self._move(x, y, joins=False)

    def nudge(self, dx: float, dy: float) -> bool:
        """Move the selected instance by px; see `edits.move`.

        Nudges that follow each other within `NUDGE` are one step of undo.
        """
        row = self.row()
        if row < 0:
            return False
        step, mark, when = self._nudged
        ledger = self.state.ledger
        joins = (
            step == ledger.undoable != ""
            and ledger.owner.get(mark, "") == str(self.state.instances["instance"][row])
            and monotonic() - when <= NUDGE
        )
        at = self.state.instances[row]
        moved = self._move(float(at["x"]) + dx, float(at["y"]) + dy, joins=joins)
        if moved:
            self._nudged = self.state.ledger.undoable, self.state.selected, monotonic()
        return moved

    def merge(self, label: int | None = None) -> bool:
        """Make one instance of those selected; see `drafts.merge`.

        Parameters
        ----------
        label : int, optional

        Returns
        -------
        bool
            False when it was refused; also when the label is not clear: then `State.draft` shows
            the merged instance, `State.trouble` says what is needed, and `rule` or `commit`
            stores it.
        """
        return self._drafted(lambda basis: drafts.merge(basis, self.rows(), label), commit=True)

    def split(self, k: int = 2) -> bool:
        """Show in `State.draft` the selected instance as k parts, by constrained k-means."""
        return self._drafted(lambda basis: drafts.split(basis, self._alone(), k))

    def split_from(self, seeds: Sequence[tuple[float, float]]) -> bool:
        """Show it again with the parts begun at other places, px; see `Draft.seeds`."""
        return self._drafted(lambda basis: drafts.split(basis, self._alone(), seeds))

    def split_by(self, polygon: Floats) -> bool:
        """Show the marks inside a polygon, (n, 2) px, and those outside as two parts."""
        return self._drafted(lambda basis: drafts.split_by(basis, self._alone(), polygon))

    def add(self, x: float, y: float, label: int | None = None) -> bool:
        """Add a particle that nobody marked, at x, y px; without a label it waits for one.

        Returns
        -------
        bool
            False when it was refused, or waits as `State.draft`; see `merge`.
        """
        return self._drafted(lambda basis: drafts.add(basis, x, y, label), commit=True)

    def commit(
        self,
        verdict: Verdict = "label",
        label: int | None = None,
        *,
        note: str = "",
        reason: str = "",
    ) -> bool:
        """Store the draft as one step, and select what it made.

        Parameters
        ----------
        verdict : {"label", "defer", "reject"}
        label : int, optional
            Of every part; without it those that the draft shows.
        note, reason : str

        Returns
        -------
        bool
            False when there is none, or it needs a label, or the disk refused; it stays then.
        """
        draft = self.state.draft
        if draft is None:
            return False
        about = {"shown_at": self._painted_at, "note": note, "reason": reason}
        with self._told_once():
            done = self._edit(
                lambda basis: drafts.rulings(draft, basis, verdict, label, at=now(), **about)
            )
            if done:
                ledger = self.state.ledger
                made = [e for e in self.session.log if e.step == ledger.undoable and e.decision]
                self._pick(e.decision.marks[0] for e in made if e.decision)
                self._painted_at = ""
        return done

    def cancel(self) -> bool:
        """Drop the draft; False when there is none."""
        if self.state.draft is None:
            return False
        self._set(replace(self.state, draft=None, trouble=""))
        return True

    # Steps

    def sign_off(self) -> bool:
        """Declare the shown micrograph complete; see `Session.sign_off`."""
        name = self.state.name
        with self._told_once():
            done = self._stored(lambda: self.session.sign_off(name))
            if done:
                self._refold({name})
        return done

    def undo(self) -> None:
        """Drop the draft; without one take back the last step, and show where it was."""
        if not self.cancel():
            self._travel(self.state.ledger.undoable, self.session.undo)

    def redo(self) -> None:
        """Bring back the last step undone, and show where it was."""
        self._travel(self.state.ledger.redoable, self.session.redo)

    def history(self) -> tuple[Entry, ...]:
        """What was ruled on the selected instance and said of it so far, undone or not."""
        row = self.row()
        if row < 0:
            return ()
        own = set(self.marks_of(row))
        return tuple(
            entry
            for entry in self.session.rulings(self.state.name)
            if (about := entry.decision or entry.remark) and not own.isdisjoint(about.marks)
        )

    # How an edit is made

    def _edit(self, make: Callable[[Basis], Sequence[Decision]], *, joins: bool = False) -> bool:
        """Make decisions on the shown micrograph, store them as one step, and take them in."""
        basis = self.state.basis()
        if basis is None or not self._stored(lambda: self.session.decide(make(basis), joins=joins)):
            return False
        self._refold({self.state.name})
        return True

    def _move(self, x: float, y: float, *, joins: bool) -> bool:
        shown_at = self._painted_at
        with self._told_once():
            return bool(shown_at) and self._edit(
                lambda basis: edits.move(basis, self._alone(), x, y, at=now(), shown_at=shown_at),
                joins=joins,
            )

    def _drafted(self, make: Callable[[Basis], Draft], *, commit: bool = False) -> bool:
        """Show a draft; store it at once if that is asked and nothing is missing."""
        basis = self.state.basis()
        if basis is None:
            return False
        try:
            draft = make(basis)
        except K2CError as error:
            self._refused = True
            self._set(replace(self.state, trouble=str(error)))
            return False
        with self._told_once():
            self._set(replace(self.state, draft=draft, trouble=""))
            return self.commit() if commit else True

    def _alone(self) -> int:
        """Row of the one selected instance."""
        rows = self.rows()
        if len(rows) != 1:
            raise K2CError(f"{len(rows)} instances are selected.", remedy="Select one.")
        return rows[0]

    def _travel(self, step: str, go: Callable[[], None]) -> None:
        with self._told_once():
            if not step or not self._stored(go):
                return
            entries = [e for e in self.session.log if e.step == step]
            about = [a for e in entries if (a := e.decision or e.remark) is not None]
            self._refold({e.decision.micrograph for e in entries if e.decision})
            if about:
                self._return_to(about)

    def _return_to(self, about: Sequence[Decision | Remark]) -> None:
        """Select what a step was about, on the first micrograph of it."""
        name = about[0].micrograph
        micrograph = next(e.micrograph for e in self.state.evidence if e.name == name)
        if micrograph != self.state.shown:
            self.show(micrograph)
        first = about[0].marks[0]
        found = {self.state.find(first): first}
        if len(about) <= MANY:
            for mark in (m for a in about if a.micrograph == name for m in a.marks):
                found.setdefault(self.state.find(mark), mark)
        self._pick(mark for row, mark in found.items() if row >= 0 or mark == first)


MANY = 64
"""More than this a step of undo does not select again: nobody sees them at once."""


def _clear(basis: Basis, marks: Sequence[int]) -> list[int]:
    """Rows of the proposals that marks belong to, none of them in doubt."""
    table = basis.instances
    found = map(basis.find, marks)
    proposed = STATUS.index("proposed")
    rows = [row for row in dict.fromkeys(found) if row >= 0 and table["status"][row] == proposed]
    doubtful = [r for r in rows if table["ambiguous"][r] or table["label"][r] == NO_LABEL]
    if doubtful:
        raise K2CError(
            f"{len(doubtful)} of these are tied, ambiguous or without votes.",
            remedy="Decide them one by one.",
        )
    return rows
