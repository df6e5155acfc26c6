"""What there is to draw on one micrograph: arrays made from the state, and nothing that paints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from k2c_gui.core import consensus
from k2c_gui.core.model import NO_LABEL, STATUS, Bools, Floats, Ints, Table
from k2c_gui.core.review import Evidence
from k2c_gui.desk import State, remark_on
from k2c_gui.desk import withheld as votes_withheld
from k2c_gui.gui.symbols import Symbol, signs, symbol_of


@dataclass(frozen=True, slots=True, eq=False)
class Opinions:
    """The marks of a micrograph that count, from top to bottom, and what was said of each.

    Attributes
    ----------
    evidence : Evidence
    place : (n,) int64
        Of each mark in ``evidence.marks``.
    x, y : (n,) float64
        px; y in rising order.
    counts : (n, n_labels) int64
        Votes on the mark.
    label : (n,) int64
        Place of the leading label in ``evidence.labels``; `NO_LABEL` for a tie and for no votes.
    agreement : (n,) float64
        Share of the leading label; nan without votes.
    """

    evidence: Evidence
    place: Ints
    x: Floats
    y: Floats
    counts: Ints
    label: Ints
    agreement: Floats


def opinions(evidence: Evidence) -> Opinions:
    """Read the votes mark by mark; independent of any grouping."""
    place = np.flatnonzero(evidence.marks["counted"])
    place = place[np.argsort(evidence.marks["y"][place], kind="stable")]
    n = len(evidence.marks)
    counts = consensus.tally(
        evidence.votes, evidence.mark_of_vote, evidence.marks, np.arange(n), n, evidence.labels
    )[place]
    value, _, _ = consensus.headline(counts, evidence.labels, 0.0)
    values = np.array([label.value for label in evidence.labels], np.int64)
    label = np.where(value == NO_LABEL, NO_LABEL, np.searchsorted(values, value))
    total = counts.sum(axis=1)
    share = np.full(len(place), np.nan)
    np.divide(counts.max(axis=1, initial=0), total, out=share, where=total > 0)
    x, y = (np.ascontiguousarray(evidence.marks[axis][place]) for axis in "xy")
    return Opinions(evidence, place, x, y, counts, label, share)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The instances of a micrograph and the marks below them.

    Attributes
    ----------
    opinions : Opinions
    instances : structured array
        INSTANCE rows.
    row : (n_marks,) int64
        The instance that each mark belongs to; -1 for none.
    noise : (n_marks,) bool
        In no group and in no decision.
    hidden : (n_instances,) bool
        Blind: votes and labels are withheld.
    said : (n_instances,) int64
        1: an expert wrote a note on it; 2: flagged it.
    withheld : (n_marks,) bool
        The colour of the mark would tell a vote that is hidden.
    symbols : tuple of Symbol
        Those that occur.
    symbol : (n_instances,) int64
        Place in `symbols`.
    """

    opinions: Opinions
    instances: Table
    row: Ints
    noise: Bools
    hidden: Bools
    said: Ints
    withheld: Bools
    symbols: tuple[Symbol, ...]
    symbol: Ints

    def differs(self, old: Scene | None) -> tuple[float, float, float, float] | None:
        """Find where this is drawn differently from an older scene.

        Returns
        -------
        left, top, width, height : float, or None
            px of the image; None: perhaps everywhere.
        """
        if old is None or old.opinions is not self.opinions:
            return None
        place = {symbol: i for i, symbol in enumerate({*old.symbols, *self.symbols})}
        (mine, bare), (theirs, bare_before) = self._seen(place), old._seen(place)
        other = np.flatnonzero((mine != theirs).any(axis=1))
        if not np.array_equal(bare, bare_before) or not len(other):
            return None
        known = self.opinions
        x = np.concatenate([known.x[other], mine[other, 0], theirs[other, 0]])
        y = np.concatenate([known.y[other], mine[other, 1], theirs[other, 1]])
        left, top = float(np.nanmin(x)), float(np.nanmin(y))
        return left, top, float(np.nanmax(x)) - left, float(np.nanmax(y)) - top

    def _seen(self, place: dict[Symbol, int]) -> tuple[Floats, Floats]:
        """How each mark is drawn and its instance; and instances that no mark stands for."""
        symbol = np.array([place[symbol] for symbol in self.symbols], np.int64)[self.symbol]
        table = np.column_stack([self.instances["x"], self.instances["y"], symbol, self.said])
        marks = np.full((len(self.row), 6), -1.0)
        marks[:, 4], marks[:, 5] = self.noise, self.withheld
        marks[self.row >= 0, :4] = table[self.row[self.row >= 0]]
        return marks, table[np.setdiff1d(np.arange(len(table)), self.row)]

    def marks_of(self, row: int) -> Ints:
        """Places in `opinions` of the marks of an instance."""
        return np.flatnonzero(self.row == row)

    def nearest(self, x: float, y: float, reach: float, *, marks: bool) -> tuple[int, int]:
        """Find what lies at a place on the image.

        Parameters
        ----------
        x, y, reach : float
            px of the image.
        marks : bool
            Whether marks can be hit, too.

        Returns
        -------
        row, mark : int
            An instance and the mark by which it was met, -1 when it was met by its centroid; an
            instance of -1 with a mark is a mark in none; both -1: nothing within reach.
        """
        row, to_row = _nearest(self.instances["x"], self.instances["y"], x, y)
        mark, to_mark = _nearest(self.opinions.x, self.opinions.y, x, y) if marks else (-1, np.inf)
        if min(to_row, to_mark) > reach:
            return -1, -1
        return (row, -1) if to_row <= to_mark else (int(self.row[mark]), mark)


def scene(state: State, known: Opinions) -> Scene:
    """Put the state of the shown micrograph and its marks together.

    Parameters
    ----------
    state : State
    known : Opinions
        Of the shown micrograph.
    """
    table = state.instances
    row, noise = _rows(state, known)
    hidden = votes_withheld(state, table)
    withheld = np.zeros(len(row), bool)
    if state.grouping is None:
        # which marks are of ambiguous cases is not known yet
        withheld[:] = state.blind
    elif len(table):
        withheld = (row >= 0) & hidden[row]
    keys = np.column_stack(
        [table["label"], table["status"], table["ambiguous"], hidden, signs(table)]
    )
    _, first, symbol = np.unique(
        keys.astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    symbols = tuple(symbol_of(table[i], hidden=bool(hidden[i])) for i in first.tolist())
    said = _said(state, known, row)
    return Scene(known, table, row, noise, hidden, said, withheld, symbols, symbol.reshape(-1))


def _said(state: State, known: Opinions, row: Ints) -> Ints:
    """Which instances an expert wrote on, or flagged."""
    said = np.zeros(len(state.instances), np.int64)
    basis, remarks = state.basis(), state.ledger.remarks
    if basis is None or not remarks:
        return said
    marks = known.evidence.marks["mark"][known.place].tolist()
    met = {at for mark, at in zip(marks, row.tolist(), strict=True) if mark in remarks}
    alone = np.flatnonzero(state.instances["n_marks"] == 0).tolist()
    for i in (met | set(alone)) - {-1}:
        remark = remark_on(state.ledger, basis.marks_of(i))
        if remark is not None:
            said[i] = 2 if remark.flag else 1
    return said


def _rows(state: State, known: Opinions) -> tuple[Ints, Bools]:
    """Instance of each mark that counts, and whether it is noise."""
    marks = known.evidence.marks["mark"]
    n = len(marks)
    if state.grouping is None:
        return np.full(len(known.place), -1, np.int64), np.zeros(len(known.place), bool)
    group = state.grouping.group_of_mark
    row_of_group = np.full(len(state.grouping.x) + 1, -1, np.int64)
    names = state.instances["instance"]
    proposed = state.instances["status"] == STATUS.index("proposed")
    first = np.searchsorted(marks, names[proposed].astype(np.int64))
    row_of_group[group[first]] = np.flatnonzero(proposed)
    decided = {str(names[i]): i for i in np.flatnonzero(~proposed).tolist()}
    row_of_group[-1] = -1
    row = row_of_group[group]
    noise = group < 0
    for name, i in decided.items():
        own = np.array(state.ledger.in_force[name].marks, np.int64)
        place = np.minimum(np.searchsorted(marks, own), max(0, n - 1))
        place = place[marks[place] == own] if n else place[:0]
        row[place], noise[place] = i, False
    return row[known.place], noise[known.place]


def _nearest(x: Floats, y: Floats, to_x: float, to_y: float) -> tuple[int, float]:
    if not len(x):
        return -1, np.inf
    squared = (x - to_x) ** 2 + (y - to_y) ** 2
    nearest = int(squared.argmin())
    return nearest, float(np.sqrt(squared[nearest]))
