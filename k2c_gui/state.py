"""What is so at the desk: one frozen state, and what follows from it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from .core import edits, queue, review
from .core.drafts import Draft
from .core.edits import Basis
from .core.model import (
    NO_MARK,
    STATUS,
    Bools,
    ClusterParams,
    Grouping,
    Ledger,
    Remark,
    Sources,
    Table,
    instance_dtype,
)
from .core.queue import Queue
from .core.review import Evidence


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
    selection : tuple of int
        A mark of each selected instance of the shown micrograph, the selected case first. It may
        be a mark of no instance.
    draft : Draft or None
        An edit that is seen and not stored. Selecting, tuning and deciding drop it.
    queue : Queue
    blind : bool
        Votes on ambiguous, undecided instances are withheld.
    saved_at : str
        ISO 8601, UTC: when the disk last took something.
    trouble : str
        Why the last verb did nothing, in words; empty when all is well.
    """

    sources: Sources
    evidence: tuple[Evidence, ...]
    ledger: Ledger
    groupings: tuple[Grouping | None, ...]
    tables: tuple[Table | None, ...]
    shown: int
    params: ClusterParams
    pinned: ClusterParams
    grouping: Grouping | None
    instances: Table
    selection: tuple[int, ...] = ()
    draft: Draft | None = None
    queue: Queue = queue.EMPTY
    blind: bool = True
    saved_at: str = ""
    trouble: str = ""

    @property
    def selected(self) -> int:
        """The selected case: a mark of it; `NO_MARK` when nothing is selected."""
        return self.selection[0] if self.selection else NO_MARK

    @property
    def name(self) -> str:
        """Of the shown micrograph."""
        return self.evidence[self.shown].name

    def basis(self, micrograph: int | None = None) -> Basis | None:
        """What edits are made on: the shown micrograph as it is tried, or another as applied.

        Parameters
        ----------
        micrograph : int, optional

        Returns
        -------
        Basis or None
            None while the grouping is not known.
        """
        i, grouping = self.shown, self.grouping
        table: Table | None = self.instances
        if micrograph is not None:
            i, grouping, table = micrograph, self.groupings[micrograph], self.tables[micrograph]
        if grouping is None or table is None:
            return None
        image = self.sources.micrographs[i]
        return Basis(image, self.evidence[i], grouping, table, self.ledger, self.blind)

    def find(self, mark: int) -> int:
        """Row of `instances` that a mark belongs to; -1 when there is none."""
        basis = self.basis()
        return -1 if basis is None else basis.find(mark)

    def turned_to(self, micrograph: int) -> State:
        """With another micrograph shown."""
        return replace(self, shown=micrograph, grouping=None).tried()

    def tried(self) -> State:
        """Answered from what is known; else the old answer of this micrograph stays, and lags."""
        known = self.groupings[self.shown]
        if known is not None and known.params == self.params:
            return replace(self, grouping=known).answered()
        if self.grouping is None:
            return replace(self, instances=no_rows(self.sources))
        return self

    def answered(self) -> State:
        """With the instances under `grouping`, from the project's own table where that is it."""
        grouping, table = self.grouping, self.tables[self.shown]
        if grouping is None:
            return self
        if table is None or grouping is not self.groupings[self.shown]:
            table = self.rows_of(grouping)
        return replace(self, instances=table)

    def knowing(self, grouping: Grouping) -> State:
        """With a grouping under the applied setting."""
        i = grouping.micrograph
        groupings, tables = list(self.groupings), list(self.tables)
        groupings[i], tables[i] = grouping, self.rows_of(grouping)
        return replace(self, groupings=tuple(groupings), tables=tuple(tables))

    def rows_of(self, grouping: Grouping) -> Table:
        """INSTANCE rows under a grouping."""
        return review.instances(self.evidence[grouping.micrograph], grouping, self.ledger)

    def outdates_draft(self, old: State) -> bool:
        """Whether what a draft was made on has changed since."""
        same = "selection", "shown", "params", "instances", "ledger"
        return any(getattr(old, name) is not getattr(self, name) for name in same)


def hidden(state: State, row: int) -> bool:
    """Whether the votes on an instance of the shown micrograph are withheld."""
    return bool(withheld(state, state.instances[row : row + 1])[0])


def withheld(state: State, instances: Table) -> Bools:
    """Tell for which INSTANCE rows, of any micrograph, the votes are withheld."""
    return edits.withheld(instances, state.ledger, blind=state.blind)


def number(state: State, micrograph: int, mark: int) -> str:
    """What an instance is called for short: the place of its earliest mark in the micrograph.

    Groups come and go, and marks stay: it is the same number whatever the setting. An expert's
    own mark has no place: it is called by its last digits, with a plus.
    """
    if mark < NO_MARK:
        return f"+{-mark % 10_000:04d}"
    marks = state.evidence[micrograph].marks["mark"]
    return f"{int(np.searchsorted(marks, mark)):04d}"


def new_since(state: State, micrograph: int) -> int:
    """Proposals on a micrograph since it was signed off; 0 when it is not, or is not known."""
    table = state.tables[micrograph]
    if table is None or state.evidence[micrograph].name not in state.ledger.signed_off:
        return 0
    return int((table["status"] == STATUS.index("proposed")).sum())


def remark_on(ledger: Ledger, marks: tuple[int, ...]) -> Remark | None:
    """The remark on an instance: the one most of whose marks it has, if that is half of them.

    Parameters
    ----------
    ledger : Ledger
    marks : tuple of int
        Of the instance.
    """
    found = Counter(ledger.remarks[mark] for mark in marks if mark in ledger.remarks)
    for remark, shared in found.most_common(1):
        if 2 * shared >= len(remark.marks) and (remark.note or remark.flag):
            return remark
    return None


def flagged(state: State) -> frozenset[str]:
    """Names of the instances that are flagged, as far as the tables are known."""
    names: set[str] = set()
    for remark in set(state.ledger.remarks.values()):
        place = next((e.micrograph for e in state.evidence if e.name == remark.micrograph), -1)
        basis = state.basis(place) if remark.flag and place >= 0 else None
        if basis is None:
            continue
        for row in {basis.find(mark) for mark in remark.marks} - {-1}:
            said = remark_on(state.ledger, basis.marks_of(row))
            if said is not None and said.flag:
                names.add(str(basis.instances["instance"][row]))
    return frozenset(names)


def no_rows(sources: Sources) -> Table:
    """An INSTANCE table without rows."""
    return np.zeros(0, instance_dtype(len(sources.labels)))
