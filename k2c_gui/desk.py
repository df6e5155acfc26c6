"""What the expert has before them: one frozen state, and the verbs that replace it.

A `Session` is what is on disk; a `Desk` is what dies with the window: which micrograph is shown,
which setting is tried, what is selected, the frozen queue. Views subscribe and compare the fields
that they draw with ``is``. Nothing here waits: groupings are offered by whoever computed them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from .core import queue as queues
from .core import review
from .core.model import (
    NO_MARK,
    STATUS,
    Bools,
    ClusterParams,
    Decision,
    Entry,
    Grouping,
    Ints,
    K2CError,
    Ledger,
    Sources,
    Table,
    Verdict,
    instance_dtype,
)
from .core.queue import Queue
from .session import Session


@dataclass(frozen=True, slots=True)
class State:
    """What is so at the desk right now.

    Attributes
    ----------
    sources : Sources
    evidence : tuple of Evidence
        One a micrograph.
    ledger : Ledger
        Decisions in force; `ledger.params` is the project's applied setting.
    groupings, tables : tuple
        Of each micrograph under the applied setting: its `Grouping` and INSTANCE table, or None
        while it is not known.
    shown : int
        Place of the micrograph in the window.
    params : ClusterParams
        The setting that is tried on the shown micrograph.
    pinned : ClusterParams
        The setting that counts are compared with.
    grouping : Grouping or None
        Newest answer for the shown micrograph; it lags while its params are not `params`.
    instances : structured array
        INSTANCE rows of the shown micrograph under `grouping`.
    selected : int
        A mark of the selected instance, or `NO_MARK`.
    queue : Queue
    blind : bool
        Votes on ambiguous, undecided instances are hidden.
    saved_at : str
        When the last step was on disk, ISO 8601, UTC; empty before the first.
    trouble : str
        Why the last step is not on disk; empty when it is.
    """

    sources: Sources
    evidence: tuple[review.Evidence, ...]
    ledger: Ledger
    groupings: tuple[Grouping | None, ...]
    tables: tuple[Table | None, ...]
    shown: int
    params: ClusterParams
    pinned: ClusterParams
    grouping: Grouping | None
    instances: Table
    selected: int = NO_MARK
    queue: Queue = queues.EMPTY
    blind: bool = True
    saved_at: str = ""
    trouble: str = ""


Changed = Callable[[State, State], None]


class Desk:
    """A session on a desk.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._subscribers: list[Changed] = []
        self._painted_at = ""
        self._quiet = False
        facts = session.state
        n = len(facts.evidence)
        params = facts.ledger.params
        self.state = State(
            sources=facts.sources,
            evidence=facts.evidence,
            ledger=facts.ledger,
            groupings=(None,) * n,
            tables=(None,) * n,
            shown=0,
            params=params,
            pinned=params,
            grouping=None,
            instances=_no_rows(facts.sources),
        )

    def subscribe(self, changed: Changed) -> None:
        """Be called with the old and the new state, once after every verb that changed it."""
        self._subscribers.append(changed)

    # Showing

    def show(self, micrograph: int) -> None:
        """Bring a micrograph into the window; nothing is selected on it."""
        if micrograph != self.state.shown:
            self._set(replace(_shown(self.state, micrograph), selected=NO_MARK))

    def select(self, mark: int, micrograph: int | None = None) -> None:
        """Select the instance that a mark belongs to, and show its micrograph."""
        state = self.state
        if micrograph is not None and micrograph != state.shown:
            state = _shown(state, micrograph)
        if mark != self.state.selected:
            self._painted_at = ""
        self._set(replace(state, selected=mark))

    def select_row(self, micrograph: int, row: int) -> None:
        """Select a row of a micrograph's table."""
        table = self.state.tables[micrograph]
        if table is not None:
            mark = queues.anchors(table[row : row + 1], self.state.ledger)[0]
            self.select(int(mark), micrograph)

    def painted(self) -> None:
        """The selected case is on the screen; before that no key decides it."""
        if not self._painted_at and self.state.selected != NO_MARK:
            self._painted_at = _now()

    def set_blind(self, blind: bool) -> None:
        """Hide or show the votes on ambiguous, undecided instances."""
        self._set(replace(self.state, blind=blind))

    def row(self) -> int:
        """Row of the selected instance in `State.instances`; -1 when there is none."""
        state = self.state
        if state.grouping is None:
            return -1
        marks = state.evidence[state.shown].marks
        return queues.find(state.instances, state.selected, marks, state.grouping, state.ledger)

    # The queue

    def rank(self, facet: str) -> None:
        """Freeze a new order of the cases of a facet, and stay at the case where one is."""
        state = self.state
        tables = [_no_rows(state.sources) if t is None else t for t in state.tables]
        ranked = queues.rank(tables, state.ledger, facet, first=state.shown, at=_now())
        self._set(replace(state, queue=ranked))

    def reorder(self, order: Ints) -> None:
        """Freeze another order of the same cases: the places that they have now."""
        queue = self.state.queue
        queue = Queue(queue.facet, queue.cases[order], _now())
        self._set(replace(self.state, queue=queue))

    def place(self) -> int:
        """Place of the selected case in the queue; -1 when it is not in it."""
        state = self.state
        at = (state.queue.cases["mark"] == state.selected) & (
            state.queue.cases["micrograph"] == state.shown
        )
        return int(at.argmax()) if at.any() else -1

    def go(self, step: int, *, undecided: bool = False) -> None:
        """Select the next (1) or the previous (-1) case of the queue.

        Parameters
        ----------
        step : {1, -1}
        undecided : bool
            Pass over what is ruled.
        """
        cases = self.state.queue.cases
        at = self.place()
        if at < 0 and step < 0:
            at = len(cases)
        for i in range(at + step, len(cases) if step > 0 else -1, step):
            mark, micrograph = int(cases["mark"][i]), int(cases["micrograph"][i])
            if not (undecided and mark in self.state.ledger.owner):
                self.select(mark, micrograph)
                return

    # Tuning

    def try_params(self, params: ClusterParams) -> None:
        """Ask for another setting on the shown micrograph."""
        if params != self.state.params:
            self._set(_tried(replace(self.state, params=params)))

    def pin(self) -> None:
        """Compare with the setting that is tried now."""
        self._set(replace(self.state, pinned=self.state.params))

    def offer(self, grouping: Grouping) -> None:
        """Take a grouping if it answers what is asked; otherwise drop it."""
        state = self.state
        if grouping.params == state.ledger.params:
            state = _known(state, grouping)
        if grouping.micrograph == state.shown and grouping.params == state.params:
            state = _answered(replace(state, grouping=grouping))
        self._set(state)

    def apply(self) -> None:
        """Make the setting that is tried the project's own."""
        if self._stored(lambda: self.session.apply(self.state.params)):
            state = replace(self.state, ledger=self.session.state.ledger)
            n = len(state.evidence)
            state = replace(state, groupings=(None,) * n, tables=(None,) * n)
            if state.grouping is not None and state.grouping.params == state.ledger.params:
                state = _known(state, state.grouping)
            self._set(state)

    def set_pixel_size(self, nm: float, names: list[str]) -> None:
        """Calibrate micrographs by hand; see `Session.set_pixel_size`."""
        if self._stored(lambda: self.session.set_pixel_size(nm, names)):
            self._set(
                replace(
                    self.state, sources=self.session.state.sources, ledger=self.session.state.ledger
                )
            )

    # Deciding

    def rule(
        self, verdict: Verdict, label: int | None = None, *, note: str = "", reason: str = ""
    ) -> bool:
        """Rule on the selected instance, and go to the next case that is not ruled.

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
        row = self.row()
        if row < 0 or not self._painted_at:
            return False
        ruling = self._ruling(row, verdict, label, note, reason)
        with self._told_once():
            if not self._stored(lambda: self.session.decide([ruling])):
                return False
            self._painted_at = ""  # where no next case follows, one key must not rule it twice
            self._refold({ruling.micrograph})
            self.go(1, undecided=True)
        return True

    def sign_off(self) -> bool:
        """Declare the shown micrograph complete; see `Session.sign_off`."""
        name = self.state.evidence[self.state.shown].name
        done = self._stored(lambda: self.session.sign_off(name))
        if done:
            self._refold({name})
        return done

    def undo(self) -> None:
        """Take back the last step, and show where it was."""
        self._travel(self.state.ledger.undoable, self.session.undo)

    def redo(self) -> None:
        """Bring back the last step undone, and show where it was."""
        self._travel(self.state.ledger.redoable, self.session.redo)

    def history(self) -> tuple[Entry, ...]:
        """What was ruled on the selected instance so far, undone or not, oldest first."""
        row = self.row()
        if row < 0:
            return ()
        own = set(self.marks_of(row))
        name = self.state.evidence[self.state.shown].name
        return tuple(
            e
            for e in self.session.rulings(name)
            if e.decision and not own.isdisjoint(e.decision.marks)
        )

    def _ruling(
        self, row: int, verdict: Verdict, label: int | None, note: str, reason: str
    ) -> Decision:
        state = self.state
        instance = state.instances[row]
        marks = self.marks_of(row)
        old = state.ledger.in_force.get(str(instance["instance"]))
        return Decision(
            micrograph=state.evidence[state.shown].name,
            marks=marks if old is not None else self._free(marks),
            verdict=verdict,
            label=label,
            x=float(instance["x"]),
            y=float(instance["y"]),
            shown_at=self._painted_at,
            decided_at=_now(),
            blind=hidden(state, row),
            note=note or ("" if old is None else old.note),
            reason=reason,
            votes=tuple(instance["votes"].tolist()),
            params=state.params if old is None else old.params,
            made_from=(marks,) if old is None else old.made_from,
        )

    def marks_of(self, row: int) -> tuple[int, ...]:
        """Marks of an instance of the shown micrograph."""
        state = self.state
        name = str(state.instances["instance"][row])
        if name in state.ledger.in_force:
            return state.ledger.in_force[name].marks
        if state.grouping is None:
            return ()
        marks = state.evidence[state.shown].marks["mark"]
        group = state.grouping.group_of_mark
        own = group == group[int(np.searchsorted(marks, int(name)))]
        return tuple(marks[own].tolist())

    def _free(self, marks: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(mark for mark in marks if mark not in self.state.ledger.owner)

    def _travel(self, step: str, go: Callable[[], None]) -> None:
        with self._told_once():
            if not step or not self._stored(go):
                return
            rulings = [e.decision for e in self.session.log if e.step == step and e.decision]
            self._refold({ruling.micrograph for ruling in rulings})
            if rulings:
                names = [evidence.name for evidence in self.state.evidence]
                self.select(rulings[0].marks[0], names.index(rulings[0].micrograph))

    def _stored(self, write: Callable[[], None]) -> bool:
        """Write; what the disk refused is told and not believed."""
        try:
            write()
        except K2CError as error:
            self._set(replace(self.state, trouble=str(error)))
            return False
        self._set(replace(self.state, saved_at=_now(), trouble=""))
        return True

    def _refold(self, changed: set[str]) -> None:
        """Take the new ledger; only micrographs whose decisions changed get new tables."""
        old, ledger = self.state, self.session.state.ledger
        state = replace(old, ledger=ledger)
        tables = [
            _instances(state, grouping, i)
            if grouping is not None and state.evidence[i].name in changed
            else table
            for i, (grouping, table) in enumerate(zip(state.groupings, state.tables, strict=True))
        ]
        state = replace(state, tables=tuple(tables))
        if state.grouping is not None and state.evidence[state.shown].name in changed:
            state = _answered(state)
        self._set(state)

    @contextmanager
    def _told_once(self) -> Iterator[None]:
        """Tell of several changes as one: every view would draw each of them."""
        old, self._quiet = self.state, True
        try:
            yield
        finally:
            self._quiet = False
            self._tell(old)

    def _set(self, state: State) -> None:
        old, self.state = self.state, state
        if not self._quiet:
            self._tell(old)

    def _tell(self, old: State) -> None:
        new = self.state
        if new is not old:
            for changed in self._subscribers:
                changed(old, new)


def hidden(state: State, row: int) -> bool:
    """Whether the votes on an instance of the shown micrograph are withheld."""
    return bool(withheld(state, state.instances[row : row + 1])[0])


def withheld(state: State, instances: Table) -> Bools:
    """Tell for which INSTANCE rows, of any micrograph, the votes are withheld."""
    undecided = instances["status"] == STATUS.index("proposed")
    return np.asarray(state.blind & undecided & instances["ambiguous"])


def number(state: State, micrograph: int, mark: int) -> str:
    """What an instance is called for short: the place of its earliest mark in the micrograph.

    Groups come and go, and marks stay: it is the same number whatever the setting.
    """
    marks = state.evidence[micrograph].marks["mark"]
    return f"{int(np.searchsorted(marks, mark)):04d}"


def _shown(state: State, micrograph: int) -> State:
    return _tried(replace(state, shown=micrograph, grouping=None))


def _tried(state: State) -> State:
    """Answer from what is known; else the old answer of this micrograph stays, and lags."""
    known = state.groupings[state.shown]
    if known is not None and known.params == state.params:
        return _answered(replace(state, grouping=known))
    if state.grouping is None:
        return replace(state, instances=_no_rows(state.sources))
    return state


def _answered(state: State) -> State:
    """Instances of the shown micrograph, from the project's own table where that is it."""
    grouping, table = state.grouping, state.tables[state.shown]
    if grouping is None:
        return state
    if table is None or grouping is not state.groupings[state.shown]:
        table = _instances(state, grouping, state.shown)
    return replace(state, instances=table)


def _known(state: State, grouping: Grouping) -> State:
    """Keep a grouping under the applied setting."""
    i = grouping.micrograph
    groupings, tables = list(state.groupings), list(state.tables)
    groupings[i], tables[i] = grouping, _instances(state, grouping, i)
    return replace(state, groupings=tuple(groupings), tables=tuple(tables))


def _instances(state: State, grouping: Grouping, micrograph: int) -> Table:
    return review.instances(state.evidence[micrograph], grouping, state.ledger)


def _no_rows(sources: Sources) -> Table:
    return np.zeros(0, instance_dtype(len(sources.labels)))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
