"""The sign-off sheet: what is open on a micrograph, what blocks, and what would be accepted."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from k2c_gui.core.model import NO_LABEL, STATUS
from k2c_gui.desk import Desk, State, withheld
from k2c_gui.gui.controls import Text
from k2c_gui.gui.counts import setting
from k2c_gui.gui.style import CAPTION, TITLE, colour, icon_pixmap, look, px
from k2c_gui.gui.symbols import DECIDED, Symbol, chip
from k2c_gui.gui.votes import short

from .sheet import Sheet

BLOCKING = ("conflict", "tie", "no votes")
"""Facets that keep a micrograph from being signed off; a conflict only between experts."""

_OPEN = {
    "tie": "tied: the votes name no label",
    "no votes": "without votes",
    "ambiguous": "ambiguous, and not tied",
    "low support": "of low support",
    "deferred": "kept ambiguous",
    "changed": "decided, and the votes have changed",
    "merged": "decided, and in one group with another",
    "conflict": "decided differently, on the same marks",
    "split": "decided, and split by the grouping",
    "grew": "decided, and grown since",
    "dissolved": "decided, and backed by no group",
}


@dataclass(frozen=True, slots=True)
class Open:
    """What a sign-off of the shown micrograph would meet.

    Attributes
    ----------
    open : dict of str to int
        Cases by facet, those that have some; of the ambiguous ones without the tied.
    blocking : tuple of str
        Facets among them that block.
    accepts : dict of int to int
        Proposals by the label that they would be accepted with.
    hidden : int
        Those whose label is withheld.
    stands : int
        Decisions that stand already.
    """

    open: dict[str, int]
    blocking: tuple[str, ...]
    accepts: dict[int, int]
    hidden: int
    stands: int

    @property
    def accepted(self) -> int:
        """How many decisions the sign-off would make."""
        return sum(self.accepts.values()) + self.hidden


def read(desk: Desk) -> Open | None:
    """Count what is open on the shown micrograph; None while its table is not known."""
    state = desk.state
    table = state.tables[state.shown]
    if table is None:
        return None
    counts = desk.open_cases()
    counts["ambiguous"] -= counts["tie"] + _ambiguous_without_votes(state)
    between = {uid for pair in state.ledger.conflicts for uid in pair}
    disagree = bool(between & set(table["instance"].tolist()))
    found = {name: counts[name] for name in _OPEN if counts.get(name)}
    blocks = [n for n in BLOCKING if n in found and (n != "conflict" or disagree)]
    # what came back to be ruled again is decided, whatever the expert is shown
    open_ = (table["status"] == STATUS.index("proposed")) & (
        table["instance"] != (state.again_as or "-")
    )
    proposed = table[open_]
    named = proposed["label"] != NO_LABEL
    closed = withheld(state, proposed)  # their labels are not told, not even as a sum
    value = proposed["label"][named & ~closed]
    labels = {one.value: int((value == one.value).sum()) for one in state.sources.labels}
    return Open(
        found,
        tuple(blocks),
        {v: n for v, n in labels.items() if n},
        int((named & closed).sum()),
        len(table) - len(proposed),
    )


def _ambiguous_without_votes(state: State) -> int:
    table = state.tables[state.shown]
    if table is None:
        return 0
    proposed = table["status"] == STATUS.index("proposed")
    return int((proposed & table["ambiguous"] & (table["votes"].sum(axis=1) == 0)).sum())


class SignOff(Sheet):
    """Opens below the button of the session bar, and closes on a click elsewhere.

    Parameters
    ----------
    desk : Desk
        Whose shown micrograph is grouped.
    parent : QWidget or None
    """

    go = Signal(str)  # a facet that is to be shown
    agreed = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None) -> None:
        state = desk.state
        super().__init__(f"Sign off {state.evidence[state.shown].name}", parent, 480)
        self.setWindowFlags(Qt.WindowType.Popup)
        found = read(desk)
        self.open_ = found if found is not None else Open({}, (), {}, 0, 0)
        self._state = state
        self.buttons: dict[str, QPushButton] = {}
        self._list_open()
        self._list_accepted()
        if state.params != state.ledger.params:
            applied = setting(state.ledger.params)
            self.say(f"Counted under the applied setting, {applied}, not the one that is tried.")
        self._finish()

    def open_below(self, widget: QWidget) -> None:
        """Open below a widget, inside its window."""
        self.show()
        window = widget.window()
        right = window.mapToGlobal(QPoint(window.width(), 0)).x() - px(8)
        at = widget.mapToGlobal(QPoint(0, widget.height() + px(6)))
        self.move(max(0, min(at.x(), right - self.width())), at.y())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The ground, and a hairline around it."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour("panel"))
        painter.setPen(QPen(colour("strong"), 1))
        painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def _list_open(self) -> None:
        if not self.open_.open:
            self.say("Nothing is open.", "text1")
            return
        self.content.addWidget(Text("Open", weight=600))
        grid = self._grid()
        order = sorted(self.open_.open, key=lambda name: name not in self.open_.blocking)
        for row, name in enumerate(order):
            blocks = name in self.open_.blocking
            sign = QLabel()
            sign.setFixedWidth(px(18))
            if blocks:
                sign.setPixmap(icon_pixmap("warning", "bad", px(14)))
                sign.setToolTip("This blocks the sign-off")
            go = QPushButton("Decide these" if blocks else "Show these")
            go.setAccessibleName(f"{go.text()}: {_OPEN[name]}")
            go.clicked.connect(lambda _checked=False, name=name: self._go(name))
            go.setAutoDefault(False)
            self.buttons[name] = go
            grid.addWidget(sign, row, 0)
            grid.addWidget(_number(self.open_.open[name]), row, 1)
            grid.addWidget(Text(_OPEN[name], tone="text1" if blocks else "text2"), row, 2)
            grid.addWidget(go, row, 3)

    def _list_accepted(self) -> None:
        found = self.open_
        if not found.accepted:
            self.say("Nothing is left to accept: every instance is decided.")
            return
        title = "Would be accepted" if found.blocking else "Will be accepted"
        self.content.addWidget(Text(f"{title}, as the volunteers have it", weight=600))
        grid = self._grid()
        names = {label.value: short(label) for label in self._state.sources.labels}
        for row, (value, n) in enumerate(found.accepts.items()):
            sign = QLabel()
            sign.setFixedWidth(px(18))
            sign.setPixmap(chip(Symbol(value, DECIDED), px(8), look().theme))
            grid.addWidget(sign, row, 0)
            grid.addWidget(_number(n), row, 1)
            grid.addWidget(Text(names[value].lower(), tone="text2"), row, 2)
        if found.hidden:
            row = len(found.accepts)
            grid.addWidget(_number(found.hidden), row, 1)
            words = "ambiguous, each as its majority has it"
            grid.addWidget(Text(words, tone="text2"), row, 2)

    def _finish(self) -> None:
        found = self.open_
        blocked = sum(found.open[name] for name in found.blocking)
        words = "One step of undo takes all of it back."
        if blocked:
            words = f"{blocked:,} must be decided first, or kept ambiguous."
        stands = f"{found.stands:,} decided already stay as they are. " if found.stands else ""
        note = Text(stands + words, size=CAPTION, tone="text3")
        note.setWordWrap(True)
        self.content.addWidget(note)
        self.button("Cancel").clicked.connect(self.reject)
        self.agree = self.button(
            f"Sign off, accept {found.accepted:,}" if found.accepted else "Sign off", main=True
        )
        self.agree.setEnabled(not blocked)
        self.agree.clicked.connect(self._agree)
        first = next((self.buttons[name] for name in found.blocking), None)
        if first is not None:  # what Return does, where it cannot sign off
            self.agree.setDefault(False)
            first.setDefault(True)
            first.setFocus()

    def _grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(8))
        grid.setVerticalSpacing(px(4))
        grid.setColumnMinimumWidth(1, px(44))
        grid.setColumnStretch(2, 1)
        self.content.addLayout(grid)
        return grid

    def _go(self, facet: str) -> None:
        self.accept()
        self.go.emit(facet)

    def _agree(self) -> None:
        self.accept()
        self.agreed.emit()


def _number(n: int) -> Text:
    words = Text(f"{n:,}", size=TITLE, weight=600)
    words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return words
