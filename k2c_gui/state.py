"""What is so at the desk: one frozen state, and what follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from .core import edits, outcome, queue, review
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
from .core.outcome import NO_TRUTH, OUTCOME, Result, Truth
from .core.queue import Queue
from .core.review import Evidence


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """The whole project under one setting, as far as it is known.

    Attributes
    ----------
    groupings, tables : tuple
        Of each micrograph; None while it is not known.
    """

    groupings: tuple[Grouping | None, ...]
    tables: tuple[Table | None, ...]


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
        The setting that is tried.
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
    trial : Whole
        The project under `params`.
    outcomes : mapping of ClusterParams to (n_micrographs,) OUTCOME
        What the tried, the pinned and the applied setting make of each micrograph. Rows that are
        not ``known`` yet are those of the setting before.
    truth : Truth
    again : str
        The decision that came back to be ruled on once more, by uid: `ledger` does without it.
        Empty when there is none.
    again_as : str
        The instance that it is shown as; its votes are withheld.
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
    trial: Whole = Whole((), ())
    outcomes: Mapping[ClusterParams, Table] = field(default_factory=dict)
    truth: Truth = NO_TRUTH
    again: str = ""
    again_as: str = ""

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

    def blank(self) -> State:
        """With nothing known of any setting."""
        nothing = (None,) * len(self.evidence)
        bare = replace(self, groupings=nothing, tables=nothing, grouping=None, outcomes={})
        return bare.trying(self.params)

    def trying(self, params: ClusterParams) -> State:
        """With another setting tried: what is known of it, and else the old answers, that lag."""
        nothing = (None,) * len(self.evidence)
        trial = Whole(nothing, nothing)
        if params == self.ledger.params:
            trial = Whole(self.groupings, self.tables)
        elif params == self.params:
            trial = self.trial
        before = self.outcomes.get(self.params, np.zeros(len(self.evidence), OUTCOME))
        stale = outcome.stale(before)
        wanted = dict.fromkeys((params, self.pinned, self.ledger.params))
        outcomes = {one: self.outcomes.get(one, stale) for one in wanted}
        return replace(self, params=params, trial=trial, outcomes=outcomes).answered()

    def turned_to(self, micrograph: int) -> State:
        """With another micrograph shown."""
        return replace(self, shown=micrograph, grouping=None).answered()

    def answered(self) -> State:
        """With what is known of the shown micrograph; else its old answer stays, and lags."""
        grouping, table = self.trial.groupings[self.shown], self.trial.tables[self.shown]
        if grouping is not None and table is not None:
            return replace(self, grouping=grouping, instances=table)
        return self if self.grouping else replace(self, instances=no_rows(self.sources))

    def taking(self, results: Iterable[Result]) -> State:
        """With answers, those to other questions left out."""
        fresh = [one for one in results if one.ledger is self.ledger]
        groupings, tables = list(self.groupings), list(self.tables)
        trial = list(self.trial.groupings), list(self.trial.tables)
        outcomes = {params: rows.copy() for params, rows in self.outcomes.items()}
        state, asked = self, {one.grouping.params for one in fresh}
        for one in fresh:
            i, params = one.grouping.micrograph, one.grouping.params
            if params == self.ledger.params:
                groupings[i], tables[i] = one.grouping, one.table
            if params == self.params:
                trial[0][i], trial[1][i] = one.grouping, one.table
            if params in outcomes:
                outcomes[params][i] = one.outcome
        if asked & outcomes.keys():
            state = replace(state, outcomes=outcomes)
        if self.ledger.params in asked:
            state = replace(state, groupings=tuple(groupings), tables=tuple(tables))
        if self.params in asked:
            state = replace(state, trial=Whole(tuple(trial[0]), tuple(trial[1])))
            if any(one.grouping is state.trial.groupings[self.shown] for one in fresh):
                state = state.answered()
        return state

    def ruled(self, ledger: Ledger, changed: set[str]) -> State:
        """With another ledger, which rules otherwise on some micrographs, by their names.

        Tables under the applied setting, and the one that is shown, follow at once; of the others
        it is known again that they are not known.
        """
        state = replace(self, ledger=ledger)
        if not changed:
            return state
        places = [i for i, evidence in enumerate(self.evidence) if evidence.name in changed]
        tables, tried = list(self.tables), list(self.trial.tables)
        outcomes = {params: rows.copy() for params, rows in self.outcomes.items()}
        for i in places:
            for rows in outcomes.values():
                rows[i : i + 1] = outcome.stale(rows[i : i + 1])
            applied, trial = self.groupings[i], self.trial.groupings[i]
            tables[i] = tried[i] = None
            if applied is not None:
                table = tables[i] = state.rows_of(applied)
                outcomes[applied.params][i] = state.count(applied, table)
            if trial is not None and trial is applied:
                tried[i] = tables[i]
            elif trial is not None and i == self.shown:
                table = tried[i] = state.rows_of(trial)
                outcomes[trial.params][i] = state.count(trial, table)
        trial_ = Whole(self.trial.groupings, tuple(tried))
        state = replace(state, tables=tuple(tables), trial=trial_, outcomes=outcomes)
        return state._with_own_rows() if self.name in changed else state

    def _with_own_rows(self) -> State:
        """With the instances that are shown made anew."""
        grouping = self.grouping
        if grouping is None or grouping is self.trial.groupings[self.shown]:
            return self.answered()
        return replace(self, instances=self.rows_of(grouping))  # it lags behind the setting

    def rows_of(self, grouping: Grouping) -> Table:
        """INSTANCE rows under a grouping."""
        return review.instances(self.evidence[grouping.micrograph], grouping, self.ledger)

    def count(self, grouping: Grouping, table: Table) -> np.void:
        """What a grouping makes of its micrograph; see `outcome.count`."""
        return outcome.count(self.evidence[grouping.micrograph], grouping, table, self.truth)

    def outdates_draft(self, old: State) -> bool:
        """Whether what a draft was made on has changed since."""
        same = "selection", "shown", "params", "instances", "ledger"
        return any(getattr(old, name) is not getattr(self, name) for name in same)


def hidden(state: State, row: int) -> bool:
    """Whether the votes on an instance of the shown micrograph are withheld."""
    return bool(withheld(state, state.instances[row : row + 1])[0])


def withheld(state: State, instances: Table) -> Bools:
    """Tell for which INSTANCE rows, of any micrograph, the votes are withheld."""
    closed = edits.withheld(instances, state.ledger, blind=state.blind)
    return closed | (instances["instance"] == state.again_as) if state.again else closed


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
    proposed = table["status"] == STATUS.index("proposed")
    return int((proposed & (table["instance"] != (state.again_as or "-"))).sum())


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
