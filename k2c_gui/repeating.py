"""The desk with repeats: now and then a decided case comes back, blind, to measure the expert.

While it is before her the state is as if she had never ruled on it. What she rules the second time
is stored beside the first, which stays in force.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from .core import edits
from .core import ledger as ledgers
from .core import queue as queues
from .core.drafts import Draft
from .core.edits import Basis
from .core.model import BACKING, STATUS, ClusterParams, Decision, Entry, Verdict
from .core.pace import Due
from .core.queue import CASE
from .desk import Desk
from .session import Session
from .showing import now

_BORNE_OUT = tuple(map(BACKING.index, ("kept", "changed")))
_CAME_BACK = "This case was decided before and came back as a check. Here is how it was decided."


class RepeatingDesk(Desk):
    """A desk at which decided cases come back.

    Parameters
    ----------
    session : Session
    due : Due, optional
        Which cases, and when.
    """

    def __init__(self, session: Session, due: Due | None = None) -> None:
        super().__init__(session)
        self._due = due or Due()
        self._asked: set[str] = set()

    # What is different while a case is back

    def go(self, step: int, *, undecided: bool = False) -> None:
        """Go on; where one goes on after a ruling, a decided case may come back instead."""
        if not (undecided and self._come_back()):
            super().go(step, undecided=undecided)

    def rule(
        self, verdict: Verdict, label: int | None = None, *, note: str = "", reason: str = ""
    ) -> bool:
        """Rule on what is selected; a case that came back is ruled beside its decision."""
        if not self.state.again:
            return super().rule(verdict, label, note=note, reason=reason)
        basis, row, shown_at = self.state.basis(), self.row(), self._painted_at
        if basis is None or row < 0 or not shown_at:
            return False
        uid = self.state.again
        about = {"shown_at": shown_at, "note": note, "reason": reason}
        (ruling,) = edits.rule(basis, [row], verdict, label, at=now(), **about)
        first = self.session.state.ledger.in_force[uid]
        ruling = replace(ruling, marks=first.marks, blind=True, source="single")
        with self._told_once():
            if not self._stored(lambda: self.session.repeat(uid, ruling)):
                return False
            self._lift()
            self._painted_at = ""
            self.go(1, undecided=True)
        return True

    def remark(self, *, note: str | None = None, flag: bool | None = None) -> bool:
        """Write a note or a flag; the old ones are seen again first."""
        with self._told_once():
            self._lift()
            return super().remark(note=note, flag=flag)

    def history(self) -> tuple[Entry, ...]:
        """What was ruled on the selected instance; nothing while it is to be ruled again."""
        return () if self.state.again else super().history()

    def try_params(self, params: ClusterParams) -> None:
        """Ask for another setting; a case that came back is as it was."""
        if params != self.state.params:
            with self._told_once():
                self._lift()
                super().try_params(params)

    def apply(self) -> None:
        """Make the setting that is tried the project's own."""
        with self._told_once():
            self._lift()
            super().apply()

    def set_pixel_size(self, nm: float, names: list[str]) -> None:
        """Calibrate micrographs by hand; see `Session.set_pixel_size`."""
        with self._told_once():
            self._lift()
            super().set_pixel_size(nm, names)

    def _refold(self, changed: set[str]) -> None:
        again, ledger = self.state.again, self.session.state.ledger
        if again in ledger.in_force:
            self._set(self.state.ruled(ledgers.without(ledger, again), changed))
        else:
            with self._told_once():
                self._set(replace(self.state, again="", again_as=""))
                super()._refold(changed)

    def _pick(self, selection: Iterable[int], micrograph: int | None = None) -> None:
        selection = tuple(selection)
        with self._told_once():
            if selection != self.state.selection or micrograph not in (None, self.state.shown):
                self._lift()
            super()._pick(selection, micrograph)

    def _edit(self, make: Callable[[Basis], Sequence[Decision]], *, joins: bool = False) -> bool:
        return not self._told() and super()._edit(make, joins=joins)

    def _drafted(self, make: Callable[[Basis], Draft], *, commit: bool = False) -> bool:
        return not self._told() and super()._drafted(make, commit=commit)

    def _travel(self, step: str, go: Callable[[], None]) -> None:
        taken_back = go == self.session.undo
        super()._travel(step, go)
        again = [e.target for e in self.session.log if e.step == step and e.repeat]
        if taken_back and again and self.state.ledger.undoable != step:
            self._ask_again(again[0])

    # How a case comes back

    def _come_back(self) -> bool:
        """Bring a decided case back, if one is due."""
        session, shown = self.session, self.state.name
        self._due.take(session.log)
        in_force = session.state.ledger.in_force
        due = [u for u in self._due.choose(session.expert, in_force) if u not in self._asked]
        # on the shown micrograph first: turning to another one tells
        due.sort(key=lambda uid: in_force[uid].micrograph != shown)
        return any(self._ask_again(uid) for uid in due)

    def _ask_again(self, uid: str) -> bool:
        """Show a decided case as if it had never been ruled on; False where that cannot be."""
        facts, state = self.session.state.ledger, self.state
        ruled = facts.in_force.get(uid)
        names = [evidence.name for evidence in state.evidence]
        if ruled is None or ruled.micrograph not in names:
            return False
        i = names.index(ruled.micrograph)
        grouping, table = state.groupings[i], state.tables[i]
        if grouping is None or table is None or any(uid in pair for pair in facts.conflicts):
            return False
        backing = table["backing"][table["instance"] == uid]
        if state.params != facts.params or not (len(backing) and backing[0] in _BORNE_OUT):
            return False  # it would not look as it did
        with self._told_once():
            self._lift()
            masked = ledgers.without(facts, uid)
            state = self.state.ruled(masked, {ruled.micrograph})
            marks, rows = state.evidence[i].marks, state.tables[i]
            assert rows is not None  # noqa: S101
            row = queues.find(rows, ruled.marks[0], marks, grouping, masked)
            if row < 0 or rows["status"][row] != STATUS.index("proposed"):
                return False
            name = str(rows["instance"][row])
            state = replace(state, again=uid, again_as=name, queue=self._moved(i, ruled, int(name)))
            self._set(state)
            self._asked.add(uid)
            super()._pick((int(name),), i)
        return True

    def _moved(self, micrograph: int, ruled: Decision, mark: int) -> queues.Queue:
        """The queue with the case next, where a place in it is known."""
        queue, at = self.state.queue, self.place()
        if at < 0:
            return queue
        own = np.isin(queue.cases["mark"], [mark, *ruled.marks])
        own &= queue.cases["micrograph"] == micrograph
        own[at] = False
        case = np.array([(micrograph, mark)], CASE)
        before, after = np.arange(len(own)) <= at, np.arange(len(own)) > at
        cases = [queue.cases[before & ~own], case, queue.cases[after & ~own]]
        return replace(queue, cases=np.concatenate(cases))

    def _lift(self) -> None:
        """Show the case that came back as it was decided."""
        again = self.state.again
        if not again:
            return
        with self._told_once():
            ledger = self.session.state.ledger
            ruled = ledger.in_force.get(again)
            state = replace(self.state, again="", again_as="")
            self._set(state.ruled(ledger, {ruled.micrograph} if ruled else set()))

    def _told(self) -> bool:
        """Refuse an edit of a case that came back, and show it as it was decided."""
        if not self.state.again:
            return False
        with self._told_once():
            self._lift()
            self._refused = True
            self._set(replace(self.state, trouble=_CAME_BACK))
        return True
