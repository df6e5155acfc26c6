"""The cases of the queue, looked up in the INSTANCE tables only when they are asked for."""

from __future__ import annotations

import numpy as np

from k2c_gui.core import queue as queues
from k2c_gui.core.model import Bools, Floats, Ints, Table
from k2c_gui.desk import State, number, remark_on, withheld


class Cases:
    """The cases of the queue, looked up in the INSTANCE tables of the applied setting.

    Attributes
    ----------
    starts : (n_sections,) int64
        Place of the first case of each micrograph.
    section : (n_cases,) int64
    ruled, deferred : (n_cases,) bool
    """

    def __init__(self, state: State) -> None:
        self._names: dict[int, tuple[Table, dict[str, int]]] = {}
        self._rows: dict[int, tuple[Table, Ints]] = {}
        self.state = state
        self._order(state)

    def __len__(self) -> int:
        return len(self.state.queue.cases)

    def update(self, state: State) -> None:
        """Take a newer state."""
        old, self.state = self.state, state
        if state.queue.cases is not old.queue.cases:
            self._order(state)
        elif state.ledger is not old.ledger:
            self._look(old)

    def _order(self, state: State) -> None:
        self._rows.clear()
        self._marks: list[int] = state.queue.cases["mark"].tolist()
        micrograph = state.queue.cases["micrograph"]
        new = np.ones(len(micrograph), bool)
        new[1:] = micrograph[1:] != micrograph[:-1]
        self.starts: Ints = np.flatnonzero(new)
        self.section: Ints = np.cumsum(new) - 1
        self.ruled: Bools = np.zeros(len(micrograph), bool)
        self.deferred: Bools = np.zeros(len(micrograph), bool)
        self._look(None)

    def _look(self, old: State | None) -> None:
        """Take what is ruled; a micrograph whose table stays has no other decisions than before."""
        ledger, tables = self.state.ledger, self.state.tables
        for section in range(len(self.starts)):
            span = self.span(section)
            i = self.micrograph(span.start)
            if old is not None and tables[i] is not None and tables[i] is old.tables[i]:
                continue
            owners = [ledger.owner.get(mark) for mark in self._marks[span]]
            self.ruled[span] = queues.ruled(self._marks[span], tables[i], ledger)
            self.deferred[span] = [
                owner is not None and ledger.in_force[owner].verdict == "defer" for owner in owners
            ]

    def micrograph(self, i: int) -> int:
        """Micrograph of a case."""
        return int(self.state.queue.cases["micrograph"][i])

    def mark(self, i: int) -> int:
        """The mark that a case goes by."""
        return self._marks[i]

    def number(self, i: int) -> str:
        """What the instance is called for short."""
        return number(self.state, self.micrograph(i), self._marks[i])

    def span(self, section: int) -> slice:
        """Cases of one micrograph."""
        ends = self.starts[section + 1 : section + 2].tolist() or [len(self)]
        return slice(int(self.starts[section]), ends[0])

    def row(self, i: int) -> Table | None:
        """The INSTANCE row of a case, as a table of one; None when there is none any more."""
        table = self.state.tables[self.micrograph(i)]
        if table is None:
            return None
        at = self._at(i, table)
        return table[at : at + 1] if at >= 0 else None

    def flagged(self, i: int) -> bool:
        """Whether the instance of a case is flagged."""
        state, micrograph = self.state, self.micrograph(i)
        table, basis = state.tables[micrograph], None
        if state.ledger.remarks:
            basis = state.basis(micrograph)
        at = -1 if table is None or basis is None else self._at(i, table)
        if basis is None or at < 0:
            return False
        said = remark_on(state.ledger, basis.marks_of(at))
        return said is not None and said.flag

    def _at(self, i: int, table: Table) -> int:
        section = int(self.section[i])
        return int(self._found(section, table)[i - self.starts[section]])

    def _found(self, section: int, table: Table) -> Ints:
        """Row of each case of a section, -1 where there is none."""
        kept = self._rows.get(section)
        if kept is None or kept[0] is not table:
            rows = np.array([self._find(mark, section, table) for mark in self._span(section)])
            kept = self._rows[section] = table, rows.astype(np.int64)
        return kept[1]

    def _span(self, section: int) -> list[int]:
        return self._marks[self.span(section)]

    def _find(self, mark: int, section: int, table: Table) -> int:
        state = self.state
        micrograph = self.micrograph(int(self.starts[section]))
        known = self._names.get(micrograph)
        if known is None or known[0] is not table:
            names = {name: row for row, name in enumerate(table["instance"].tolist())}
            known = self._names[micrograph] = table, names
        row = known[1].get(state.ledger.owner.get(mark, str(mark)))
        grouping = state.groupings[micrograph]
        if row is not None or grouping is None:
            return -1 if row is None else row
        marks = state.evidence[micrograph].marks
        return queues.find(table, mark, marks, grouping, state.ledger)

    def sorted_by(self, column: str, *, descending: bool) -> Ints:
        """Places of the cases in another order, section by section.

        What is withheld does not show in the order by votes either.
        """
        if column == "instance":
            key = self.state.queue.cases["mark"].astype(float)
            return np.lexsort((-key if descending else key, self.section))
        key = np.full(len(self), np.nan)
        for section in range(len(self.starts)):
            span = self.span(section)
            table = self.state.tables[self.micrograph(span.start)]
            if table is None:
                continue
            rows = self._found(section, table)
            key[span][rows >= 0] = self._key(table, column)[rows[rows >= 0]]
        missing = np.isnan(key)
        key = np.where(missing, 0.0, -key if descending else key)
        return np.lexsort((key, missing, self.section))

    def _key(self, table: Table, column: str) -> Floats:
        if column == "votes":
            votes = table["votes"]
            share = votes.max(axis=1) / np.maximum(votes.sum(axis=1), 1)
            key = votes.argmax(axis=1) + 1 - share
            return np.where(withheld(self.state, table), np.nan, key)
        return np.asarray(table[column], float)
