"""What the setting that is tried changes against the pinned one: counts, a table, the picture."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QEvent, QPointF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from k2c_gui.desk import Desk, State
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.comparison import Comparison, Comparisons
from k2c_gui.gui.controls import Chip, Segments, Text, later
from k2c_gui.gui.counts import setting
from k2c_gui.gui.diff_table import Change, ChangeTable, Head, changes_of
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.style import CAPTION, TITLE, px

Mode = Literal["Before", "Change", "After"]
MODES: tuple[Mode, ...] = ("Before", "Change", "After")

CHIPS = {
    "all": "All",
    "born": "Born",
    "died": "Died",
    "split": "Split",
    "merged": "Merged",
    "regrouped": "Regrouped",
    "moved": "Moved",
    "flipped": "Label",
}
_SAID = {
    "all": "The two settings give the same instances here.",
    "born": "Nothing is born.",
    "died": "Nothing died.",
    "split": "Nothing is split.",
    "merged": "Nothing is merged.",
    "regrouped": "Nothing is regrouped.",
    "moved": "Nothing moved.",
    "flipped": "No label changed.",
}
_COMPARING_AFTER = 150
"""ms: what takes less is not worth a word."""


class View(QWidget):
    """The dock of changes.

    Parameters
    ----------
    desk : Desk
    pictures : Pictures
    actions : Actions
    """

    drawn = Signal(str, object)  # one of MODES, and a Comparison; None: there is nothing to draw
    looked_at = Signal(QPointF)  # px of the micrograph: bring this place to the middle

    def __init__(self, desk: Desk, pictures: Pictures, actions: Actions) -> None:
        super().__init__()
        self._desk, self._actions = desk, actions
        self._comparisons = Comparisons(self, self._show)
        self._found: Comparison | None = None
        self._shown: Comparison | None = None
        self.mode: Mode = "Change"
        self._flicker = False
        self.kind = "all"
        self._make()
        self._late: QTimer = later(self, _COMPARING_AFTER, lambda: self._say("Comparing"))
        actions.keys_changed.connect(self._name)
        self._name()
        desk.subscribe(self._changed)

    def settled(self) -> bool:
        """Whether nothing is being compared."""
        return self._comparisons.settled()

    # What the keys do

    def flicker(self, on: bool) -> None:
        """Show the other of before and after, as long as it is asked for."""
        if on != self._flicker:
            self._flicker = on
            self._draw()

    def toggle(self) -> None:
        """Draw what changed into the picture, or no more."""
        self.set_mode("After" if self.mode == "Change" else "Change")

    def set_mode(self, mode: Mode) -> None:
        """Show the pinned setting, what changed, or the setting that is tried."""
        self.mode = mode
        self.modes.set(mode)
        self._draw()

    def step(self, by: int) -> None:
        """Mark the next change of the table, or the one before."""
        self.table.step(by)

    def go(self) -> None:
        """Select the marked change and bring it to the middle."""
        self.table.choose()

    # Parts

    def _make(self) -> None:
        self.against = Text(tone="text3", elide=Qt.TextElideMode.ElideRight)
        self.kept = Text(size=CAPTION, tone="text3")
        self.modes = Segments(MODES)
        self.modes.set(self.mode)
        for mode in MODES:
            button = self.modes.buttons[mode]
            button.clicked.connect(lambda _checked=False, mode=mode: self.set_mode(mode))
        self.chips = {kind: Chip(name) for kind, name in CHIPS.items()}
        for kind, chip in self.chips.items():
            chip.clicked.connect(lambda _checked=False, kind=kind: self._choose_kind(kind))
        self.table = ChangeTable()
        self.table.setProperty("scope", "changes")
        self.table.chosen.connect(self._go_to)
        self.head = Head()
        self.words = Text(tone="text2")
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.words.setWordWrap(True)
        self.stack = QStackedWidget()
        self.stack.addWidget(self._rows())
        self.stack.addWidget(self.words)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, px(6), 0, 0)
        column.setSpacing(px(6))
        column.addLayout(self._top())
        column.addWidget(_Flow(list(self.chips.values())))
        column.addWidget(self.stack, 1)

    def _rows(self) -> QWidget:
        rows = QWidget()
        column = QVBoxLayout(rows)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.head)
        column.addWidget(self.table, 1)
        return rows

    def _top(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(px(12), 0, px(12), 0)
        row.setSpacing(px(8))
        row.addWidget(
            Text("Change against pinned", size=TITLE, weight=600, elide=Qt.TextElideMode.ElideRight)
        )
        row.addWidget(self.against, 1)
        row.addWidget(self.kept)
        row.addWidget(self.modes)
        return row

    def _name(self) -> None:
        flicker = self._actions.tooltip("flicker")
        for mode, words in (
            ("Before", "As the pinned setting has it"),
            ("Change", self._actions.tooltip("changes")),
            ("After", "As the setting that is tried has it"),
        ):
            self.modes.buttons[mode].setToolTip(f"{words}\n{flicker}")

    def sizeHint(self) -> QSize:
        """A head and seven rows."""
        return QSize(px(640), px(260))

    # What the expert does

    def _choose_kind(self, kind: str) -> None:
        self.kind = kind
        self._fill()

    def _go_to(self, change: Change) -> None:
        self._desk.select(change.mark)
        self.looked_at.emit(QPointF(change.x, change.y))

    # What is shown

    def _changed(self, old: State, new: State) -> None:
        drawn = ("instances", "grouping", "pinned", "ledger", "blind", "shown", "params", "sources")
        if self.isVisible() and any(getattr(old, n) is not getattr(new, n) for n in drawn):
            self._show()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up: a hidden dock compares nothing."""
        super().showEvent(event)
        self._show()

    def hideEvent(self, event: QHideEvent) -> None:
        """Leave the picture as it was."""
        super().hideEvent(event)
        self._flicker = False
        self._draw()

    def _show(self) -> None:
        """Show the comparison that is asked for; the old one stays until the new one is there."""
        state = self._desk.state
        self.against.setText(setting(state.pinned))
        found = self._comparisons.get(state) if self.isVisible() else None
        if found is None:
            stale = self._found is not None and self._found.after.shown != state.shown
            if stale or state.grouping is None:
                self._found = None
                self._fill()
                self._draw()
            if self._found is None and not self._late.isActive():
                self._late.start()
            return
        self._late.stop()
        self._found = found
        self._fill()
        self._draw()

    def _fill(self) -> None:
        found = self._found
        counts = {} if found is None else found.counts
        changed = sum(n for kind, n in counts.items() if kind != "kept")
        for kind, chip in self.chips.items():
            n = changed if kind == "all" else counts.get(kind, 0)
            chip.show_count(None if found is None else n, chosen=kind == self.kind)
        self.kept.setText("" if found is None else f"{counts['kept']:,} kept")
        every = [] if found is None else changes_of(found)
        wanted = [c for c in every if self.kind in ("all", c.kind)]
        self.table.show_changes(wanted)
        self.head.show_columns(calibrated=any(change.nm for change in wanted))
        same = found is not None and found.before.params == found.after.params
        if same and not wanted:
            self._say("The pinned setting is the one that is shown. Move a slider.")
        else:
            self._say("" if wanted or found is None else _SAID[self.kind])

    def _say(self, words: str) -> None:
        self.words.setText(words)
        self.stack.setCurrentIndex(1 if words else 0)

    def _draw(self) -> None:
        mode = self.mode
        if self._flicker:
            mode = "After" if mode == "Before" else "Before"
        found = self._found if self.isVisible() else None
        self.drawn.emit(mode, found)


class _Flow(QWidget):
    """Some parts beside each other, on as many lines as they need."""

    def __init__(self, parts: list[Chip]) -> None:
        super().__init__()
        self._parts = parts
        for part in parts:
            part.setParent(self)
        policy = self.sizePolicy()
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def hasHeightForWidth(self) -> bool:
        """As high as the lines."""
        return True

    def heightForWidth(self, width: int) -> int:
        """As high as the lines."""
        return self._lay(width, place=False)

    def sizeHint(self) -> QSize:
        """As high as the lines."""
        width = max(self.width(), px(200))
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        """As high as the lines are now; hardly any width."""
        return QSize(px(160), self.heightForWidth(max(self.width(), px(160))))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the parts."""
        self._lay(self.width(), place=True)
        self.updateGeometry()

    def event(self, event: QEvent) -> bool:
        """Lay the parts anew when one of them has another size."""
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.StyleChange):
            self._lay(self.width(), place=True)
            self.updateGeometry()
        return super().event(event)

    def _lay(self, width: int, *, place: bool) -> int:
        x, y, gap = px(12), 0, px(4)
        for part in self._parts:
            size = part.sizeHint()
            if x + size.width() > width - px(12) and x > px(12):
                x, y = px(12), y + size.height() + gap
            if place:
                part.setGeometry(x, y, size.width(), size.height())
            x += size.width() + gap
        return y + self._parts[0].sizeHint().height()
