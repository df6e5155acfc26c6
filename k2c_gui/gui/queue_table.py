"""The table of the queue: thousands of cases, of which only those in sight are looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QSizePolicy, QToolTip, QWidget

from k2c_gui.core.model import Table
from k2c_gui.desk import withheld

from .cases import Cases
from .painting import LEFT, NOTHING, RIGHT, centred, percent, text
from .style import CAPTION, colour, look, px
from .symbols import chip, pennant, ringed, symbol_of
from .votes import neutral, stacked

ROW = 26
_HEADS = {"instance": "Instance", "votes": "Votes", "margin": "Margin", "support": "Support"}


class Columns:
    """Where the columns are, at a width.

    Parameters
    ----------
    width : int
        px.
    """

    def __init__(self, width: int) -> None:
        self.place = QRectF(px(4), 0, px(30), px(ROW))
        self.symbol = px(48)
        self.instance = QRectF(px(62), 0, px(50), px(ROW))
        self.support = QRectF(width - px(66), 0, px(52), px(ROW))
        self.margin = QRectF(width - px(120), 0, px(54), px(ROW))
        left = px(116)
        self.votes = QRectF(left, 0, max(0.0, self.margin.left() - left), px(ROW))

    def named(self) -> dict[str, tuple[QRectF, Qt.AlignmentFlag]]:
        """Columns that a click on the head sorts by."""
        return {
            "instance": (self.instance, LEFT),
            "votes": (self.votes, LEFT),
            "margin": (self.margin, RIGHT),
            "support": (self.support, RIGHT),
        }


class Head(QWidget):
    """Names of the columns; a click freezes the order of one."""

    clicked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.sorted_by = "margin"
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setToolTip("Sort by this column; again: the other way round")

    def sizeHint(self) -> QSize:
        """One row."""
        return QSize(px(200), px(ROW))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The names, and a hairline."""
        painter = QPainter(self)
        columns = Columns(self.width())
        text(painter, columns.place, "#", size=CAPTION, tone="text3", align=RIGHT)
        for name, (box, align) in columns.named().items():
            tone = "text1" if name == self.sorted_by else "text3"
            weight = 500 if name == self.sorted_by else 400
            text(painter, box, _HEADS[name], size=CAPTION, weight=weight, tone=tone, align=align)
        painter.setPen(colour("line"))
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Sort."""
        for name, (box, _) in Columns(self.width()).named().items():
            if box.left() <= event.position().x() < box.right():
                self.clicked.emit(name)


class CaseTable(QAbstractScrollArea):
    """Rows of the queue, in sections of one micrograph each.

    Parameters
    ----------
    cases : Cases
    """

    chosen = Signal(int)

    def __init__(self, cases: Cases) -> None:
        super().__init__()
        self._cases = cases
        self._current = -1
        self._over = -1
        self._drawn: dict[int, object] = {}
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setMouseTracking(True)
        self.viewport().setBackgroundRole(QPalette.ColorRole.Window)
        self.setAccessibleName("Cases")

    # What it shows

    def refresh(self) -> None:
        """The cases are others, or are ruled differently: draw the lines that show it."""
        lines = len(self._cases) + len(self._cases.starts)
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, lines * px(ROW) - self.viewport().height()))
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(px(ROW))
        for line in self._in_sight(self.viewport().rect()):
            if self._drawn.get(line) != self._content(line):
                self._redraw(line)

    def set_current(self, case: int) -> None:
        """Mark the row of a case, and scroll to it if it is out of sight."""
        if case < 0 and self._current < 0:
            return
        self._mark(case, self._over)
        if case >= 0:
            top = self._line(case) * px(ROW)
            bar = self.verticalScrollBar()
            if not bar.value() <= top <= bar.value() + self.viewport().height() - px(ROW):
                bar.setValue(top - self.viewport().height() // 3)

    def current(self) -> int:
        """Place of the marked row; -1 without one."""
        return self._current

    def row_box(self, case: int) -> QRectF:
        """Where the row of a case is in the viewport; it may be out of sight."""
        top = self._line(case) * px(ROW) - self.verticalScrollBar().value()
        return QRectF(0, top, self.viewport().width(), px(ROW))

    def case_at(self, y: float) -> int:
        """Case at a height of the viewport; -1 over a section's name or nothing."""
        line = int((y + self.verticalScrollBar().value()) // px(ROW))
        section, case = self._at(line)
        return case if section >= 0 else -1

    def _mark(self, current: int, over: int) -> None:
        before = self._current, self._over
        self._current, self._over = current, over
        for case in {*before, current, over} - {-1}:
            if case < len(self._cases):
                self._redraw(self._line(case))

    def _redraw(self, line: int) -> None:
        top = line * px(ROW) - self.verticalScrollBar().value()
        self.viewport().update(0, top, self.viewport().width(), px(ROW))

    def _in_sight(self, part: QRect) -> range:
        offset = self.verticalScrollBar().value()
        first = (offset + part.top()) // px(ROW)
        return range(first, (offset + part.bottom()) // px(ROW) + 1)

    def _content(self, line: int) -> object:
        """What a line shows, but for which case is marked."""
        cases = self._cases
        section, case = self._at(line)
        if case < 0:
            return section, section >= 0 and (cases.starts[section], self._done(section))
        row = cases.row(case)
        drawn = None if row is None else (row.tobytes(), bool(withheld(cases.state, row)[0]))
        about = bool(cases.ruled[case]), cases.flagged(case)
        return case, cases.mark(case), *about, drawn, cases.state.queue.facet

    def _done(self, section: int) -> str:
        span = self._cases.span(section)
        return f"{int(self._cases.ruled[span].sum())} of {span.stop - span.start}"

    def _line(self, case: int) -> int:
        return case + int(self._cases.section[case]) + 1

    def _at(self, line: int) -> tuple[int, int]:
        """Section and case of a line; the case is -1 for the name of a section."""
        heads = self._cases.starts + np.arange(len(self._cases.starts))
        section = int(np.searchsorted(heads, line, side="right")) - 1
        if line < 0 or line >= len(self._cases) + len(heads) or section < 0:
            return -1, -1
        return section, -1 if heads[section] == line else line - section - 1

    # Events

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stay at the place."""
        self.refresh()

    def changeEvent(self, event: QEvent) -> None:
        """Follow theme and scale."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self.refresh()
            self.viewport().update()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Draw what came into sight."""
        self.viewport().scroll(dx, dy)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show which row a click would select."""
        self._hover(self.case_at(event.position().y()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Select the case."""
        case = self.case_at(event.position().y())
        if case >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(case)

    def viewportEvent(self, event: QEvent) -> bool:
        """Say more about a row."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            case = self.case_at(event.pos().y())
            if case >= 0:
                QToolTip.showText(event.globalPos(), self.words(case), self)
            else:
                QToolTip.hideText()
            return True
        if event.type() == QEvent.Type.Leave:
            self._hover(-1)
        return super().viewportEvent(event)

    def words(self, case: int) -> str:
        """What the tooltip of a row says."""
        state, row = self._cases.state, self._cases.row(case)
        if row is None:
            return f"Mark {self._cases.mark(case)}: no instance holds it under this setting."
        one = row[0]
        words = f"Instance {one['instance']}\n{one['x']:.1f}, {one['y']:.1f} px"
        if withheld(state, row)[0]:
            return f"{words}\nVotes are hidden until you decide."
        counts = zip(state.sources.labels, one["votes"].tolist(), strict=True)
        votes = ", ".join(f"{label.name} {count}" for label, count in counts if count)
        return f"{words}\n{votes or 'No votes'}"

    def _hover(self, case: int) -> None:
        if case != self._over:
            self._mark(self._current, case)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """The rows in sight."""
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(event.rect(), colour("panel"))
        columns = Columns(self.width())
        offset = self.verticalScrollBar().value()
        for line in self._in_sight(event.rect()):
            top = line * px(ROW) - offset
            if not event.region().intersects(QRect(0, top, self.width(), px(ROW))):
                continue
            self._drawn[line] = self._content(line)
            section, case = self._at(line)
            if section < 0:
                continue
            painter.save()
            painter.translate(0, top)
            if case < 0:
                self._paint_section(painter, section)
            else:
                self._paint_case(painter, case, columns)
            painter.restore()
        painter.end()

    def _paint_section(self, painter: QPainter, section: int) -> None:
        cases = self._cases
        width = self.width()
        painter.fillRect(QRectF(0, 0, width, px(ROW)), colour("raised"))
        box = QRectF(px(12), 0, width - px(26), px(ROW))
        done = self._done(section)
        used = text(painter, box, done, size=CAPTION, tone="text3", align=RIGHT)
        box.setWidth(box.width() - used - px(8))
        name = cases.state.evidence[cases.micrograph(int(cases.starts[section]))].name
        text(painter, box, name, weight=500)

    def _paint_case(self, painter: QPainter, case: int, columns: Columns) -> None:
        here = case == self._current
        line = QRectF(0, 0, self.viewport().width(), px(ROW))
        if here or case == self._over:
            painter.fillRect(line, colour("selected" if here else "hover"))
        if here:
            painter.fillRect(QRectF(0, 0, 2, px(ROW)), colour("text1"))
        ruled = bool(self._cases.ruled[case])
        tone = "text1" if here else "text3" if ruled else "text2"
        weight = 600 if here else 400
        text(painter, columns.place, str(case + 1), size=CAPTION, tone="text3", align=RIGHT)
        name = self._cases.number(case)
        used = text(painter, columns.instance, name, tone=tone, weight=weight)
        row = self._cases.row(case)
        bar = columns.votes.adjusted(0, px(9), -px(14), -px(9))
        hidden = row is None or bool(withheld(self._cases.state, row)[0])
        if self._cases.flagged(case):
            painter.save()
            painter.translate(columns.instance.left() + used + px(5), px(ROW) / 2 + 5)
            pennant(painter, colour(tone), filled=True, casing=False)
            painter.restore()
        painter.setOpacity(0.45 if ruled else 1.0)
        if row is None or hidden:
            neutral(painter, bar)
        else:
            stacked(painter, bar, row["votes"][0], self._cases.state.sources.labels)
        painter.setOpacity(1.0)
        if row is not None:
            self._paint_symbol(painter, row, columns.symbol, hidden=hidden)
        margin = NOTHING if row is None or hidden else percent(float(row["margin"][0]))
        support = NOTHING if row is None else percent(float(row["support"][0]))
        text(painter, columns.margin, margin, tone=tone, weight=weight, align=RIGHT)
        text(painter, columns.support, support, tone=tone, weight=weight, align=RIGHT)

    def _paint_symbol(self, painter: QPainter, row: Table, x: float, *, hidden: bool) -> None:
        one = row[0]
        # where every case is ambiguous, rings would say nothing
        ring = bool(one["ambiguous"]) and self._cases.state.queue.facet not in ("ambiguous", "tie")
        symbol = replace(symbol_of(one, hidden=hidden), ambiguous=ring)
        shape = chip(symbol, px(8 if ringed(symbol) else 10), look().theme)
        centred(painter, shape, x, px(ROW) / 2)
