"""The case: one instance, its crops, its votes, and what was ruled on it before."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from k2c_gui.core import consensus, queue, similarity
from k2c_gui.core.model import NO_LABEL, STATUS, Bools, Floats, Ints
from k2c_gui.desk import Desk, State, number, remark_on, withheld
from k2c_gui.gui import case_facts, case_parts
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.controls import Icon, Text
from k2c_gui.gui.crops import Alike, Marks, Pair, Similar
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.painting import (
    NOTHING,
    clock,
)
from k2c_gui.gui.style import CAPTION, px
from k2c_gui.gui.votes import HIDDEN, Bars, MarkByMark

_PROPOSED, _DECIDED, _REJECTED, _DEFERRED = range(len(STATUS))
_RADIUS = 24.0
"""px of the micrograph: how far from the centroid instances are compared."""
_NOT_RULED = "Nothing ruled yet."


class View(QWidget):
    """The dock of the case.

    Parameters
    ----------
    desk : Desk
    pictures : Pictures
    actions : Actions
    """

    def __init__(self, desk: Desk, pictures: Pictures, actions: Actions) -> None:
        super().__init__()
        self._desk, self._pictures = desk, pictures
        self._case: case_facts.Case | None = None
        self._votes_of_mark: tuple[object, Ints, Ints] | None = None
        self._features: tuple[object, Floats, Floats] | None = None
        self._notes: dict[tuple[int, int], str] = {}
        self._note_action = actions.actions["note"]
        self._make(actions)
        desk.subscribe(self._changed)
        pictures.ready.connect(self._picture_came)
        pictures.failed.connect(self._picture_came)
        self._show()

    # Parts

    def _make(self, actions: Actions) -> None:
        labels = self._desk.state.sources.labels
        self.heading, self.pair, self.bars = case_parts.Heading(), Pair(), Bars(labels)
        self.cast, self.margin = Text(size=CAPTION, tone="text2"), _line()
        self.facts, self.cells = case_parts.Facts(), MarkByMark(labels)
        self.each, self.similar = Text(size=CAPTION, tone="text2"), Similar()
        self.history = case_parts.History()
        self.note_field = case_parts.Note(actions)
        self.note_field.entered.connect(self._store_note)
        self.note_field.textEdited.connect(self._write_note)
        self.flag = Icon("flag", actions, "flag")
        actions.actions["note"].changed.connect(self._show_note)
        self.similar.chosen.connect(self._desk.select)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(px(14), px(10), px(14), px(8))
        column.setSpacing(px(8))
        self.standing = _line()
        for part in (
            self.heading,
            self.standing,
            self.pair,
            _titled("Volunteers' votes", self.cast),
        ):
            column.addWidget(part)
        column.addWidget(self.bars)
        column.addWidget(self.margin)
        self.split = _line()
        self._section(column, self.facts, self.split)
        self._section(column, _titled("Mark by mark", self.each), self.cells)
        compared = Text("distance in features", size=CAPTION, tone="text2")
        self._section(column, _titled("Most similar, undecided", compared), self.similar)
        self._section(column, _titled("History"), self.history)
        column.addStretch(1)
        self._put(page)

    def _section(self, column: QVBoxLayout, *parts: QWidget) -> None:
        line = QFrame()
        line.setFixedHeight(1)
        line.setProperty("hairline", True)
        column.addWidget(line)
        for part in parts:
            column.addWidget(part)

    def _put(self, page: QWidget) -> None:
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(page)
        below = QHBoxLayout()
        below.setContentsMargins(px(14), px(4), px(14), px(12))
        below.setSpacing(px(6))
        below.addWidget(self.note_field, 1)
        below.addWidget(self.flag)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(area, 1)
        whole.addLayout(below)

    def sizeHint(self) -> QSize:
        """As wide as the dock is drawn."""
        return QSize(px(372), px(600))

    def minimumSizeHint(self) -> QSize:
        """Narrower than this, words would be left out."""
        return QSize(px(320), px(240))

    # What others ask for

    def note(self) -> str:
        """What is written on this case and not stored yet; it goes with the next decision."""
        written = self.note_field.text().strip()
        return "" if written == self._said() else written

    def clear_note(self) -> None:
        """Forget what was written on cases that are ruled by now."""
        owner = self._desk.state.ledger.owner
        self._notes = {key: note for key, note in self._notes.items() if key[1] not in owner}
        self._show_note()

    def focus_note(self) -> None:
        """Let the expert write."""
        self.note_field.take_focus()

    def details(self) -> str:
        """The instance in words, for the clipboard; empty without one."""
        case = self._case
        if case is None:
            return ""
        state, one = self._desk.state, case.one
        lines = [
            f"Instance {case.number} ({one['instance']})",
            f"Micrograph {state.evidence[state.shown].name}",
            f"Position {one['x']:.1f}, {one['y']:.1f} px",
            f"State {case_facts.state_words(case, state.sources.labels)[0]}",
            f"Votes {HIDDEN.lower() if case.hidden else self.bars.words()}",
            f"Marks {one['n_marks']}, volunteers {one['n_volunteers']}, looks {one['exposure']}",
            *filter(None, [case_facts.split_words(case)]),
        ]
        return "\n".join(lines)

    # State

    def _changed(self, old: State, new: State) -> None:
        drawn = ("selected", "shown", "instances", "grouping", "ledger", "blind", "sources")
        if any(getattr(old, name) is not getattr(new, name) for name in drawn):
            if self._key(old) != self._key(new):
                self._keep_note(old, new)
            self._show()
        elif old.queue is not new.queue:
            self._show_heading()

    def _keep_note(self, old: State, new: State) -> None:
        """A note stays with the case that it was written on."""
        written = self.note_field.text().strip()
        if written != self.note_field.stored:
            self._notes[self._key(old)] = written
        self.note_field.clear()

    def _said(self) -> str:
        """The note that is stored on this case."""
        case = self._case
        said = None if case is None else remark_on(self._desk.state.ledger, case.marks)
        return "" if said is None else said.note

    def _write_note(self, written: str) -> None:
        self._notes[self._key(self._desk.state)] = written

    def _store_note(self) -> None:
        """Store what was written, undone like any decision; what is refused stays written."""
        written = self.note_field.text().strip()
        if self._case is not None and written != self._said():
            key = self._key(self._desk.state)
            self._notes[key] = written
            if self._desk.remark(note=written):
                self._notes.pop(key, None)
        self._show_note()

    def _show_note(self) -> None:
        """The note and the flag of this case; what is being written is left alone."""
        case, state = self._case, self._desk.state
        said = None if case is None else remark_on(state.ledger, case.marks)
        self.note_field.stored = "" if said is None else said.note
        if not self.note_field.hasFocus():
            words = self._notes.get(self._key(state), self.note_field.stored)
            self.note_field.setText(words)
        allowed = case is not None and self._note_action.isEnabled()
        self.note_field.setEnabled(allowed)
        self.flag.set_icon("flag-on" if said is not None and said.flag else "flag")
        self.flag.setEnabled(allowed)

    def _key(self, state: State) -> tuple[int, int]:
        return state.shown, state.selected

    def _picture_came(self, micrograph: int) -> None:
        if micrograph == self._desk.state.shown:
            self._show_pictures()

    def _show(self) -> None:
        self._case = case_facts.read(self._desk)
        self._show_heading()
        self._show_votes()
        self.facts.show_cells(case_facts.figures(self._case))
        self.split.setText(case_facts.split_words(self._case))
        self.split.setVisible(bool(self.split.text()))
        self._show_pictures()
        self._show_history()
        self._show_note()

    def _show_heading(self) -> None:
        state, case = self._desk.state, self._case
        place = self._desk.place()
        where = f"case {place + 1} of {len(state.queue.cases)}" if place >= 0 else "not queued"
        name = state.evidence[state.shown].name if state.evidence else NOTHING
        labels = state.sources.labels
        self.heading.show_case(
            f"Instance {NOTHING if case is None else case.number}",
            (name, "" if case is None else where),
            ("", None) if case is None else case_facts.state_words(case, labels),
            "" if case is None else str(case.one["instance"]),
        )
        standing = "" if case is None else case_facts.standing_words(case.one)
        self.standing.setText(standing)
        self.standing.setVisible(bool(standing))

    def _show_votes(self) -> None:
        case, state = self._case, self._desk.state
        if case is None:
            self.bars.show_votes(None, hidden=False)
            self.cells.show_votes(np.zeros((0, len(state.sources.labels)), np.int64), hidden=False)
            for line in (self.cast, self.margin, self.each):
                line.setText(NOTHING)
            return
        votes = case.one["votes"]
        own = self._votes()[0][case.own]
        self.bars.show_votes(votes, hidden=case.hidden)
        self.cells.show_votes(own, hidden=case.hidden)
        people = case_facts.count(int(case.one["n_volunteers"]), "volunteer")
        self.cast.setText(f"{case_facts.count(int(votes.sum()), 'vote')}, {people}")
        self.margin.setText(case_facts.margin_words(case, state.params.margin))
        each = own.sum(axis=1)
        same = len(each) and (each == each[0]).all()
        number_of = f"{case_facts.count(int(each[0]), 'vote')} a mark" if same else ""
        self.each.setText(number_of or case_facts.count(len(each), "mark"))

    def _votes(self) -> tuple[Ints, Ints]:
        """Votes on each mark of the shown micrograph, and the label that leads them."""
        evidence = self._desk.state.evidence[self._desk.state.shown]
        if self._votes_of_mark is None or self._votes_of_mark[0] is not evidence:
            n = len(evidence.marks)
            counts = consensus.tally(
                evidence.votes,
                evidence.mark_of_vote,
                evidence.marks,
                np.arange(n),
                n,
                evidence.labels,
            )
            leading = consensus.headline(counts, evidence.labels, 0.0)[0]
            self._votes_of_mark = evidence, counts, leading
        return self._votes_of_mark[1:]

    def _show_pictures(self) -> None:
        state, case = self._desk.state, self._case
        picture = self._pictures.get(state.shown)
        if case is None:
            self.pair.show_case(picture, None, None, None)
            self.similar.show_alike(None, [], self.pair.half)
            return
        words = self._pictures.error(state.shown) or f"Reading {state.evidence[state.shown].name}"
        place = float(case.one["x"]), float(case.one["y"])
        self.pair.show_case(picture, place, self._marks(case), case.pixel_size, words)
        alike = [] if picture is None else self._alike(case)
        self.similar.show_alike(picture, alike, self.pair.half)

    def _marks(self, case: case_facts.Case) -> Marks:
        """Marks around the case, without their labels where those are withheld."""
        state = self._desk.state
        marks = state.evidence[state.shown].marks
        near = marks["counted"] & (
            np.hypot(marks["x"] - case.one["x"], marks["y"] - case.one["y"]) < 240
        )
        label = np.where(self._closed(case), NO_LABEL, self._votes()[1])
        return Marks(marks["x"][near], marks["y"][near], label[near], case.own[near])

    def _closed(self, case: case_facts.Case) -> Bools:
        """Marks whose labels are withheld: all of them as long as the case itself is hidden."""
        state = self._desk.state
        marks = state.evidence[state.shown].marks
        if case.hidden:
            return np.ones(len(marks), bool)
        rows = np.flatnonzero(withheld(state, state.instances)).tolist()
        closed = [mark for row in rows for mark in self._desk.marks_of(row)]
        return np.isin(marks["mark"], closed)

    def _alike(self, case: case_facts.Case) -> list[Alike]:
        state = self._desk.state
        table = state.instances
        undecided = table["status"] == _PROPOSED
        rows, distance = similarity.nearest(self._described(), case.row, undecided, Similar.MOST)
        closed = withheld(state, table)
        marks = queue.anchors(table[rows], state.ledger)
        return [
            Alike(
                mark,
                float(table["x"][row]),
                float(table["y"][row]),
                away,
                None if case.hidden else case_facts.symbol(table[row], hidden=bool(closed[row])),
                number(state, state.shown, mark),
            )
            for row, mark, away in zip(
                rows.tolist(), marks.tolist(), distance.tolist(), strict=True
            )
        ]

    def _described(self) -> Floats:
        """Features of the instances on the shown micrograph; a ruling only changes their order."""
        x, y = (self._desk.state.instances[axis] for axis in "xy")
        picture = self._pictures.get(self._desk.state.shown)
        order = np.lexsort((y, x))
        place = np.column_stack([x, y])[order]
        known = self._features
        if known is None or known[0] is not picture or not np.array_equal(known[1], place):
            assert picture is not None  # noqa: S101
            level = min(1, len(picture.levels) - 1)
            step = 2.0**level
            at_x, at_y = (place / step).T
            found = similarity.features(picture.levels[level], at_x, at_y, _RADIUS / step)
            known = self._features = picture, place, found
        described = np.empty_like(known[2])
        described[order] = known[2]
        return described

    def _show_history(self) -> None:
        case = self._case
        if case is None:
            self.history.show_rows([], NOTHING)
            return
        rulings = self._desk.history()
        if not rulings:
            self.history.show_rows([], _NOT_RULED)
            return
        steps = {entry.step for entry in rulings}
        own = {entry.uid for entry in rulings}
        labels = self._desk.state.sources.labels
        rows = [
            (clock(entry.at), case_facts.entry_words(entry, labels, hidden=case.hidden))
            for entry in self._desk.session.log
            if entry.uid in own or (entry.kind in ("undo", "redo") and entry.target in steps)
        ]
        self.history.show_rows(rows[::-1], _NOT_RULED)


def _titled(title: str, right: QWidget | None = None) -> QWidget:
    """A heading inside the dock, with a word at the right."""
    line = QWidget()
    row = QHBoxLayout(line)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(Text(title, size=CAPTION, weight=600))
    row.addStretch(1)
    if right is not None:
        row.addWidget(right)
    return line


def _line() -> Text:
    return Text(size=CAPTION, tone="text2", elide=Qt.TextElideMode.ElideRight)
