"""The queue: what to look at next, in an order that stays, and how far it is done."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from k2c_gui.core import queue as queues
from k2c_gui.core.model import Entry, Ints, Table
from k2c_gui.core.pace import Pace, pace
from k2c_gui.desk import Desk, State
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.cases import Cases
from k2c_gui.gui.controls import Text
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.painting import NOTHING, RIGHT, Strip, clock, duration, percent, text, width_of
from k2c_gui.gui.queue_table import CaseTable, Head
from k2c_gui.gui.style import CAPTION, HEAD, TITLE, colour, icon_pixmap, px

_NONE_HERE = {
    "ambiguous": "Nothing ambiguous here.",
    "tie": "No ties here.",
    "no votes": "Nothing without votes here.",
    "low support": "Nothing of low support here.",
    "undecided": "Nothing undecided here.",
    "deferred": "Nothing deferred here.",
    "decided": "Nothing decided here yet.",
    "all": "No instances here.",
    queues.TO_CHECK: "No decision came back to be checked.",
    "audit": "Nothing accepted in bulk is drawn for an audit.",
}
_RULED = {
    "ambiguous": "ambiguous ruled",
    "tie": "ties ruled",
    "no votes": "without votes ruled",
    "low support": "of low support ruled",
    queues.TO_CHECK: "checked",
}
_MORE = (queues.TO_CHECK, *queues.COME_BACK, *queues.NAMED)
"""What came back, and what somebody marked to be looked at."""

_COUNTED = (*queues.FACETS, queues.TO_CHECK, *queues.COME_BACK)
_COLUMNS, _MORE_COLUMNS = 4, 3
_RECENT = 300
"""Steps by which the pace is measured: a long sitting has a morning and an evening."""


class View(QWidget):
    """The dock of the queue.

    Parameters
    ----------
    desk : Desk
    pictures : Pictures
        Not used: the queue draws no pictures.
    actions : Actions
    """

    def __init__(self, desk: Desk, pictures: Pictures, actions: Actions) -> None:
        super().__init__()
        self._desk, self._actions = desk, actions
        self._counted: dict[int, tuple[Table, Ints]] = {}
        self._began = len(desk.session.log)
        self._audited = 0
        self._order = ("margin", False)
        self._cases = Cases(desk.state)
        self._make()
        desk.subscribe(self._changed)
        self._show_counts(desk.state)
        self._show_cases(desk.state)
        self._show_progress(desk.state)

    # Parts

    def _make(self) -> None:
        self.frozen = _Frozen(self._actions)
        self.facets = {name: _Facet(name) for name in queues.FACETS}
        self.facets |= {name: _Facet(name, flat=True) for name in _MORE}
        self.head, self.table = Head(), CaseTable(self._cases)
        self.empty = _Empty()
        self.progress = _Progress()
        self.head.clicked.connect(self._sort)
        self.table.chosen.connect(self._choose)
        self.empty.button.clicked.connect(self._fill)
        rows = QWidget()
        below = QVBoxLayout(rows)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(0)
        below.addWidget(self.head)
        below.addWidget(self.table, 1)
        self.stack = QStackedWidget()
        self.stack.addWidget(rows)
        self.stack.addWidget(self.empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._top())
        column.addWidget(self.stack, 1)
        column.addWidget(self.progress)

    def _top(self) -> QVBoxLayout:
        title = QHBoxLayout()
        title.addWidget(Text("Queue", size=TITLE, weight=600))
        title.addStretch(1)
        title.addWidget(self.frozen)
        grid = QGridLayout()
        grid.setSpacing(px(4))
        for i, name in enumerate(queues.FACETS):
            grid.addWidget(self.facets[name], i // _COLUMNS, i % _COLUMNS)
        more = QGridLayout()
        more.setSpacing(px(4))
        for i, name in enumerate(_MORE):
            more.addWidget(self.facets[name], i // _MORE_COLUMNS, i % _MORE_COLUMNS)
        for name, button in self.facets.items():
            button.clicked.connect(lambda _checked=False, name=name: self._desk.rank(name))
        top = QVBoxLayout()
        top.setContentsMargins(px(12), px(8), px(12), px(10))
        top.setSpacing(px(8))
        top.addLayout(title)
        top.addLayout(grid)
        top.addLayout(more)
        return top

    def sizeHint(self) -> QSize:
        """As wide as the dock is drawn."""
        return QSize(px(316), px(600))

    def minimumSizeHint(self) -> QSize:
        """Narrower than this, words would be left out."""
        return QSize(px(296), px(240))

    # What the expert does

    def _choose(self, case: int) -> None:
        self._desk.select(self._cases.mark(case), self._cases.micrograph(case))

    def _sort(self, column: str) -> None:
        descending = not self._order[1] if column == self._order[0] else column == "support"
        order = column, descending
        self._desk.reorder(self._cases.sorted_by(column, descending=descending))
        self._order = order
        self.head.sorted_by = column
        self.head.update()

    def _fill(self) -> None:
        """Go to where there is something."""
        facet = self._next_facet()
        if facet:
            self._desk.rank(facet)

    def _next_facet(self) -> str:
        """The facet itself if it has cases by now, else the next one that has some."""
        names = [name for name in queues.FACETS if name != "all"]
        facet = self._desk.state.queue.facet
        at = names.index(facet) if facet in names else 0
        around = (*names[at:], *names[:at])
        return next((name for name in around if self.facets[name].count), "")

    # State

    def _changed(self, old: State, new: State) -> None:
        if new.tables is not old.tables or new.ledger.remarks is not old.ledger.remarks:
            self._show_counts(new)
        cases = new.queue is not old.queue
        if cases or new.ledger is not old.ledger or new.tables is not old.tables:
            self._show_cases(new)
        elif new.blind != old.blind:
            self._cases.update(new)
            self.table.refresh()
        moved = new.selected != old.selected or new.shown != old.shown
        if cases or moved:
            self.table.set_current(self._desk.place())
        if cases or moved or new.ledger is not old.ledger:
            self._show_progress(new)

    def _show_counts(self, state: State) -> None:
        """Count again where the table is another one; all of them would take too long."""
        for i, table in enumerate(state.tables):
            if table is None:
                self._counted.pop(i, None)
            elif i not in self._counted or self._counted[i][0] is not table:
                counts = [int(queues.facet(table, name).sum()) for name in _COUNTED]
                self._counted[i] = table, np.array(counts)
        counted = [counts for _, counts in self._counted.values()]
        totals = np.sum(counted, axis=0) if counted else np.zeros(len(_COUNTED), np.int64)
        for name, count in zip(_COUNTED, totals.tolist(), strict=True):
            self.facets[name].set_count(count)
        if state.ledger.remarks or self.facets["flagged"].count:
            self.facets["flagged"].set_count(len(self._desk.members("flagged")))
        self._count_audit()

    def _count_audit(self) -> None:
        """Draw the sample again only if what it is drawn from has changed: the log is long."""
        log = self._desk.session.log
        new, self._audited = log[self._audited :], len(log)
        if any(_shifts_audit(entry) for entry in new):
            self.facets["audit"].set_count(len(self._desk.members("audit")))

    def _show_cases(self, state: State) -> None:
        if state.queue is not self._cases.state.queue:
            self._order = ("margin", False)
            self.head.sorted_by = "margin"
            self.head.update()
        self._cases.update(state)
        for name, button in self.facets.items():
            button.setChecked(name == state.queue.facet)
        self.frozen.set_time(state.queue.ranked_at)
        if len(self._cases):
            self.table.refresh()
        else:
            self._show_empty(state)
        self.stack.setCurrentIndex(0 if len(self._cases) else 1)

    def _show_empty(self, state: State) -> None:
        unknown = sum(table is None for table in state.tables)
        facet = self._next_facet()
        words = _NONE_HERE.get(state.queue.facet, f"Nothing {state.queue.facet} here.")
        if facet == state.queue.facet:
            words = "Cases have come since the order was frozen."
        elif unknown:
            done = len(state.tables) - unknown
            words = f"Grouping: {done} of {len(state.tables)} micrographs."
        self.empty.say(words, f"Show {self.facets[facet].count} {facet}" if facet else "")

    def _show_progress(self, state: State) -> None:
        log = self._desk.session.log
        log = log[max(self._began, len(log) - _RECENT) :]
        self.progress.show_queue(self._cases, self._desk.place(), state.shown, pace(log))


class _Facet(QAbstractButton):
    """A facet of the queue: how many, over its name."""

    def __init__(self, name: str, *, flat: bool = False) -> None:
        super().__init__()
        self.count, self._flat = 0 if flat else -1, flat
        self.setText(name.capitalize())
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def set_count(self, count: int) -> None:
        """Show another count."""
        if count != self.count:
            self.count = count
            self.setAccessibleName(f"{count} {self.text()}")
            self.update()

    def nextCheckState(self) -> None:
        """A click asks; what the queue shows is chosen."""

    def sizeHint(self) -> QSize:
        """Two lines, or one; the width does not follow the count."""
        room = px(34 if self._flat else 11)
        return QSize(round(width_of(self.text(), CAPTION)) + room, px(22 if self._flat else 40))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The count over the name; the chosen one solid, a zero dimmed."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = self.isChecked()
        fill = "solid" if chosen else "hover" if self.underMouse() else "raised"
        painter.setBrush(colour(fill))
        edge = "text1" if self.hasFocus() else "solid" if chosen else "line"
        painter.setPen(colour(edge))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, 5, 5)
        first = "on_solid" if chosen else "text1" if self.count else "text3"
        second = "on_solid" if chosen else "text2" if self.count else "text3"
        inner = QRectF(self.rect()).adjusted(px(6), px(4), -px(2), -px(4))
        weight = 600 if self.count or chosen else 400
        if self._flat:
            inner = QRectF(self.rect()).adjusted(px(7), 0, -px(7), 0)
            number = f"{self.count:,}"
            used = text(
                painter, inner, number, size=CAPTION, weight=weight, tone=first, align=RIGHT
            )
            inner.setRight(inner.right() - used - px(4))
            text(painter, inner, self.text(), size=CAPTION, tone=second)
            painter.end()
            return
        upper = QRectF(inner.left(), inner.top(), inner.width(), inner.height() / 2)
        text(painter, upper, f"{self.count}", size=TITLE, weight=weight, tone=first)
        upper.translate(0, inner.height() / 2)
        text(painter, upper, self.text(), size=CAPTION, tone=second)
        painter.end()


class _Frozen(QAbstractButton):
    """Since when the order stands; a click ranks again."""

    def __init__(self, actions: Actions) -> None:
        super().__init__()
        self._actions = actions
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its action has a key
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.clicked.connect(lambda: actions.trigger("rank"))
        actions.keys_changed.connect(self._name)
        self._name()
        self.set_time("")

    def set_time(self, at: str) -> None:
        """Show when the queue was ranked."""
        words = f"Order frozen {clock(at)}" if at else "Not ranked yet"
        if words != self.text():
            self.setText(words)
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        """Words and lock."""
        return QSize(round(width_of(self.text(), CAPTION)) + px(22), px(20))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Words and lock."""
        painter = QPainter(self)
        tone = "text1" if self.underMouse() else "text3"
        size = px(14)
        box = QRectF(self.rect()).adjusted(0, 0, -size - px(5), 0)
        text(painter, box, self.text(), size=CAPTION, tone=tone, align=RIGHT)
        lock = icon_pixmap("lock", tone, size)
        painter.drawPixmap(self.width() - size, (self.height() - size) // 2, lock)
        painter.end()

    def _name(self) -> None:
        self.setToolTip(self._actions.tooltip("rank"))


class _Empty(QWidget):
    """What is said when the queue has no cases."""

    def __init__(self) -> None:
        super().__init__()
        self.words = Text(tone="text2")
        self.words.setWordWrap(True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.button = QPushButton()
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), 0, px(24), 0)
        column.setSpacing(px(12))
        column.addStretch(2)
        column.addWidget(self.words)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)

    def say(self, words: str, action: str) -> None:
        """Say why, and what the one button does; without words there is no button."""
        self.words.setText(words)
        self.button.setText(action)
        self.button.setVisible(bool(action))


class _Progress(Strip):
    """How much of the queue is ruled, how fast, and how long the rest will take."""

    def __init__(self) -> None:
        super().__init__()
        self.done = self.total = 0
        self._words = ""
        self._parts: list[tuple[str, str]] = []
        self._cases: Cases | None = None
        self._place = -1

    def show_queue(self, cases: Cases, place: int, shown: int, pace: Pace) -> None:
        """Take what is to be shown."""
        self._cases, self._place = cases, place
        self.done, self.total = int(cases.ruled.sum()), len(cases)
        facet = cases.state.queue.facet
        self._words = _RULED.get(facet, "ruled")
        left = ~cases.ruled
        here = int((left & (cases.state.queue.cases["micrograph"] == shown)).sum())
        known = pace.cases > 0
        each = 60 / pace.per_minute if known else 0.0
        self._parts = [
            (f"{pace.per_minute:.0f} / min" if known else NOTHING, "pace"),
            (f"{pace.median:.1f} s" if known else NOTHING, "median"),
            (duration(here * each) if known else NOTHING, "left here"),
            (duration(int(left.sum()) * each) if known else NOTHING, "in all"),
        ]
        self.setAccessibleName(self.words())
        self.update()

    def words(self) -> str:
        """What is shown, read aloud."""
        parts = ", ".join(f"{name} {value}" for value, name in self._parts)
        return f"{self.done} of {self.total} {self._words}, {parts}"

    def heightForWidth(self, width: int) -> int:
        """Figures, segments, figures."""
        return px(104)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A hairline, how much, the segments, the pace."""
        painter = QPainter(self)
        painter.setPen(colour("line"))
        painter.drawLine(0, 0, self.width(), 0)
        line = QRectF(px(12), px(10), self.width() - px(24), px(22))
        share = percent(self.done / self.total) if self.total else NOTHING
        used = text(painter, line, share, weight=600, align=RIGHT)
        rest = QRectF(line.left(), line.top(), line.width() - used - px(8), line.height())
        used = text(painter, rest, f"{self.done} of {self.total}", size=HEAD, weight=600)
        rest.setLeft(rest.left() + used + px(8))
        text(painter, rest, self._words, tone="text2")
        self._paint_segments(painter, QRectF(px(12), px(38), self.width() - px(24), px(6)))
        wide = (self.width() - px(24)) / len(self._parts or " ")
        for i, (value, name) in enumerate(self._parts):
            cell = QRectF(px(12) + i * wide, px(56), wide - px(4), px(18))
            text(painter, cell, value, weight=600)
            cell.translate(0, px(18))
            text(painter, cell, name, size=CAPTION, tone="text3")
        painter.end()

    def _paint_segments(self, painter: QPainter, box: QRectF) -> None:
        """One segment a case; where they would be too thin, each stands for several."""
        cases = self._cases
        if cases is None or not len(cases):
            painter.fillRect(box, colour("track"))
            return
        n = min(len(cases), max(1, int(box.width() // 4)))
        of = np.arange(len(cases)) * n // len(cases)
        size = np.bincount(of, minlength=n)
        ruled = np.bincount(of, cases.ruled, minlength=n) / size
        deferred = np.bincount(of, cases.deferred, minlength=n) > 0
        here = int(of[self._place]) if self._place >= 0 else -1
        gap = 2.0 if box.width() / n >= 6 else 1.0
        for i in range(n):
            left, right = (box.left() + round(box.width() * j / n) for j in (i, i + 1))
            part = QRectF(left, box.top(), max(1.0, right - left - gap), box.height())
            painter.fillRect(part, colour("track"))
            painter.setOpacity(float(ruled[i]))
            painter.fillRect(part, colour("ask" if deferred[i] else "text2"))
            painter.setOpacity(1.0)
            if i == here:
                painter.fillRect(part, colour("text1"))
                under = QRectF(part.left(), box.bottom() + 2, part.width(), 2)
                painter.fillRect(under, colour("text1"))


def _shifts_audit(entry: Entry) -> bool:
    """Whether an entry of the log can change which decisions are to be audited."""
    bulk = entry.decision is not None and entry.decision.source == "bulk"
    return bulk or bool(entry.supersedes) or entry.kind in ("undo", "redo")
