"""What the expert has before them: the verbs that show, select, queue and tune, and store nothing.

A `Session` is what is on disk; this is what dies with the window: which micrograph is shown,
which setting is tried, what is selected, the frozen queue. Views subscribe and compare the fields
that they draw with ``is``. Nothing here waits: groupings are offered by whoever computed them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from .core import drafts
from .core import queue as queues
from .core.model import (
    NO_MARK,
    Bools,
    ClusterParams,
    Floats,
    Grouping,
    Ints,
    K2CError,
)
from .core.outcome import Result
from .core.queue import Queue
from .session import Session
from .state import State, flagged, no_rows

Changed = Callable[[State, State], None]


class Showing:
    """A session before somebody who looks at it.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._subscribers: list[Changed] = []
        self._painted_at = ""
        self._refused = False
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
            instances=no_rows(facts.sources),
            truth=facts.truth,
        ).blank()
        self._selected_rows: tuple[State, list[int]] = self.state, []

    def arrive(self) -> None:
        """Take the facts of a session that was not read whole before; what is shown stays."""
        facts = self.session.state
        params = facts.ledger.params
        self._set(
            replace(
                self.state,
                sources=facts.sources,
                evidence=facts.evidence,
                ledger=facts.ledger,
                truth=facts.truth,
                params=params,
                pinned=params,
            ).blank()
        )

    def subscribe(self, changed: Changed) -> None:
        """Be called with the old and the new state, once after every verb that changed it."""
        self._subscribers.append(changed)

    # Showing

    def show(self, micrograph: int) -> None:
        """Bring a micrograph into the window; nothing is selected on it."""
        if micrograph != self.state.shown:
            self._pick((), micrograph)

    def painted(self) -> None:
        """The selected case is on the screen; before that no key decides it."""
        if not self._painted_at and self.state.selection:
            self._painted_at = now()

    def set_blind(self, blind: bool) -> None:
        """Hide or show the votes on ambiguous, undecided instances."""
        self._set(replace(self.state, blind=blind))

    # Selecting

    def select(self, mark: int, micrograph: int | None = None) -> None:
        """Select the instance that a mark belongs to, alone, and show its micrograph."""
        self._pick(() if mark == NO_MARK else (mark,), micrograph)

    def select_row(self, micrograph: int, row: int) -> None:
        """Select a row of a micrograph's table."""
        table = self.state.tables[micrograph]
        if table is not None:
            mark = queues.anchors(table[row : row + 1], self.state.ledger)[0]
            self.select(int(mark), micrograph)

    def toggle(self, mark: int) -> None:
        """Take the instance of a mark into the selection, as the case in it, or out of it."""
        state = self.state
        row = state.find(mark)
        if row >= 0:
            others = tuple(m for m in state.selection if state.find(m) not in (row, -1))
            within = row in self.rows()
            self._pick(others if within else (mark, *others))

    def select_box(self, x0: float, y0: float, x1: float, y1: float, *, add: bool = False) -> None:
        """Select the instances in a box.

        Parameters
        ----------
        x0, y0, x1, y1 : float
            px, any two corners that face each other; the box ends where its borders are.
        add : bool
            Keep what is selected.
        """
        x, y = self.state.instances["x"], self.state.instances["y"]
        within = (x >= min(x0, x1)) & (x <= max(x0, x1)) & (y >= min(y0, y1)) & (y <= max(y0, y1))
        self._select_rows(within, add=add)

    def select_lasso(self, polygon: Floats, *, add: bool = False) -> None:
        """Select the instances inside a polygon.

        Parameters
        ----------
        polygon : (n, 2) float64
            Corners, px.
        add : bool
            Keep what is selected.
        """
        table = self.state.instances
        self._select_rows(drafts.inside(table["x"], table["y"], polygon), add=add)

    def row(self) -> int:
        """Row of the selected case in `State.instances`; -1 when there is none."""
        return self.state.find(self.state.selected)

    def rows(self) -> list[int]:
        """Rows of the selected instances, the selected case first."""
        state, known = self._selected_rows
        if state is not self.state:  # asked for by every view that draws the selection
            state = self.state
            known = [row for row in dict.fromkeys(map(state.find, state.selection)) if row >= 0]
            self._selected_rows = state, known
        return list(known)

    def marks_of(self, row: int) -> tuple[int, ...]:
        """Marks of an instance of the shown micrograph."""
        basis = self.state.basis()
        return () if basis is None else basis.marks_of(row)

    def _select_rows(self, chosen: Bools, *, add: bool) -> None:
        state = self.state
        old = self.rows() if add else []
        rows = [*old, *(i for i in np.flatnonzero(chosen).tolist() if i not in old)]
        marks = queues.anchors(state.instances[rows], state.ledger).tolist()
        self._pick(tuple(marks))

    def _pick(self, selection: Iterable[int], micrograph: int | None = None) -> None:
        """Select, and show the micrograph; what is new is not painted yet."""
        state, selection = self.state, tuple(selection)
        if micrograph is not None and micrograph != state.shown:
            state = state.turned_to(micrograph)
        if selection != state.selection:
            self._painted_at = ""
            if self._refused:
                self._refused = False
                state = replace(state, trouble="")
        self._set(replace(state, selection=selection))

    # The queue

    def rank(self, facet: str) -> None:
        """Freeze a new order of the cases of a facet, and stay at the case where one is."""
        state = self.state
        tables = [no_rows(state.sources) if t is None else t for t in state.tables]
        ranked = queues.rank(
            tables,
            state.ledger,
            facet,
            first=state.shown,
            at=now(),
            members=self.members(facet) if facet in queues.NAMED else frozenset(),
        )
        self._set(replace(state, queue=ranked))

    def members(self, facet: str) -> frozenset[str]:
        """Instances of a facet of `queue.NAMED`: what is flagged, or to be audited."""
        if facet == "flagged":
            return flagged(self.state)
        in_force = self.state.ledger.in_force
        return frozenset(uid for uid in queues.audited(self.session.log) if uid in in_force)

    def open_cases(self) -> dict[str, int]:
        """Count what is open on the shown micrograph under the applied setting, by facet."""
        table = self.state.tables[self.state.shown]
        if table is None:
            return {}
        return {name: int(queues.facet(table, name).sum()) for name in queues.OPEN}

    def reorder(self, order: Ints) -> None:
        """Freeze another order of the same cases: the places that they have now."""
        queue = self.state.queue
        queue = Queue(queue.facet, queue.cases[order], now())
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
            Pass over what is ruled and not back to be checked.
        """
        cases = self.state.queue.cases
        at = self.place()
        if at < 0 and step < 0:
            at = len(cases)
        owner_of, tables = self.state.ledger.owner, self.state.tables
        back: dict[int, frozenset[str]] = {}
        for i in range(at + step, len(cases) if step > 0 else -1, step):
            mark, micrograph = int(cases["mark"][i]), int(cases["micrograph"][i])
            owner = owner_of.get(mark) if undecided else None
            if owner is not None and micrograph not in back:
                back[micrograph] = queues.returned(tables[micrograph])
            if owner is None or owner in back[micrograph]:
                self.select(mark, micrograph)
                return

    # Tuning

    def try_params(self, params: ClusterParams) -> None:
        """Ask what another setting makes of the project."""
        if params != self.state.params:
            self._set(self.state.trying(params))

    def pin(self) -> None:
        """Compare with the setting that is tried now."""
        state = replace(self.state, pinned=self.state.params)
        self._set(state.trying(state.params))

    def offer(self, grouping: Grouping) -> None:
        """Take a grouping if it answers what is asked; otherwise drop it."""
        state = self.state
        if grouping.params in (state.params, state.pinned, state.ledger.params):
            table = state.rows_of(grouping)
            self.take([Result(grouping, table, state.count(grouping, table), state.ledger)])

    def take(self, results: Iterable[Result]) -> None:
        """Take what was worked out off this thread; answers to other questions are dropped."""
        self._set(self.state.taking(results))

    def apply(self) -> None:
        """Make the setting that is tried the project's own; what is known of it is known."""
        if self._stored(lambda: self.session.apply(self.state.params)):
            trial = self.state.trial
            state = replace(
                self.state,
                ledger=self.session.state.ledger,
                groupings=trial.groupings,
                tables=trial.tables,
            )
            self._set(state.trying(state.params))

    def set_pixel_size(self, nm: float, names: list[str]) -> None:
        """Calibrate micrographs by hand; see `Session.set_pixel_size`."""
        if self._stored(lambda: self.session.set_pixel_size(nm, names)):
            facts = self.session.state
            self._set(replace(self.state, sources=facts.sources, ledger=facts.ledger))

    # What every verb ends with

    def _stored(self, write: Callable[[], object]) -> bool:
        """Write; what is refused, by us or by the disk, is told and not believed."""
        try:
            write()
        except K2CError as error:
            self._refused = not str(error).startswith(f"{self.session.path}: ")
            self._set(replace(self.state, trouble=str(error)))
            return False
        self._refused = False
        self._set(replace(self.state, saved_at=now(), trouble=""))
        return True

    def _refold(self, changed: set[str]) -> None:
        """Take the new ledger; only micrographs whose decisions changed get new tables."""
        self._set(self.state.ruled(self.session.state.ledger, changed))

    @contextmanager
    def _told_once(self) -> Iterator[None]:
        """Tell of several changes as one: every view would draw each of them."""
        if self._quiet:
            yield
            return
        old, self._quiet = self.state, True
        try:
            yield
        finally:
            self._quiet = False
            self._tell(old)

    def _set(self, state: State) -> None:
        old = self.state
        if state.draft is not None and state.draft is old.draft and state.outdates_draft(old):
            state = replace(state, draft=None)
        self.state = state
        if not self._quiet:
            self._tell(old)

    def _tell(self, old: State) -> None:
        new = self.state
        if new is not old:
            for changed in self._subscribers:
                changed(old, new)


def now() -> str:
    """The time, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
