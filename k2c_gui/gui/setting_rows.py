"""Some settings as numbers, a row each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QHelpEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QToolTip

from .painting import LEFT, NOTHING, RIGHT, Strip, text, width_of
from .score_words import Score, as_table
from .style import BODY, CAPTION, colour, icon_pixmap, px
from .sweeps import Place

ROW = 26
_PAD = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One setting.

    Attributes
    ----------
    place : Place or None
        In the map; None: it is not in it, and nothing is known of it.
    name : str
    numbers : tuple of str
        A column each.
    now, pinned : bool
    """

    place: Place | None
    name: str
    numbers: tuple[str, ...]
    now: bool = False
    pinned: bool = False


class SettingRows(Strip):
    """The rows; a click chooses one.

    Parameters
    ----------
    tell : callable
        All that is to be told of a place.
    """

    chosen = Signal(object)  # a Place

    def __init__(self, tell: Callable[[Place], Sequence[tuple[str, str]]]) -> None:
        super().__init__()
        self._tell = tell
        self.name = ""
        self.columns: tuple[Score, ...] = ()
        self.rows: tuple[Row, ...] = ()
        self._over = -1
        self.setMouseTracking(True)
        self.setAccessibleName("Settings")

    def show_rows(self, name: str, columns: Sequence[Score], rows: Sequence[Row]) -> None:
        """Take other rows; `name` says what they are called by."""
        if (name, tuple(columns), tuple(rows)) == (self.name, self.columns, self.rows):
            return
        if len(rows) != len(self.rows):
            self.updateGeometry()
        self.name, self.columns, self.rows = name, tuple(columns), tuple(rows)
        said = (f"{row.name}: {', '.join(row.numbers)}" for row in rows)
        self.setAccessibleDescription("; ".join(said))
        self.update()

    def row_at(self, y: float) -> int:
        """Row at a height; -1 over the head or nothing."""
        row = int(y // px(ROW)) - 1
        return row if 0 <= row < len(self.rows) else -1

    def heightForWidth(self, width: int) -> int:
        """A head, and the rows."""
        return px(ROW) * (len(self.rows) + 1) if self.rows else 0

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Mark the row under the pointer."""
        over = self.row_at(event.position().y())
        if over != self._over:
            self._over = over
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose."""
        row = self.row_at(event.position().y())
        if event.button() == Qt.MouseButton.LeftButton and row >= 0:
            place = self.rows[row].place
            if place is not None:
                self.chosen.emit(place)

    def leaveEvent(self, event: QEvent) -> None:
        """Mark nothing."""
        super().leaveEvent(event)
        self._over = -1
        self.update()

    def event(self, event: QEvent) -> bool:
        """Tell all the numbers of a row."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row = self.row_at(event.pos().y())
            place = self.rows[row].place if row >= 0 else None
            if place is not None:
                QToolTip.showText(event.globalPos(), as_table(self._tell(place)), self)
            elif row >= 0:
                QToolTip.showText(event.globalPos(), "This setting is not in the map.", self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The head, a hairline, the rows."""
        if not self.rows:
            return
        painter = QPainter(self)
        boxes, name_right = self._columns()
        name = QRectF(px(_PAD), 0, name_right - px(_PAD), px(ROW))
        text(painter, name, self.name, size=CAPTION, tone="text3")
        for score, box in zip(self.columns, boxes, strict=False):
            text(painter, box, score.head, size=CAPTION, tone="text3", align=RIGHT)
        painter.fillRect(QRectF(0, px(ROW) - 1, self.width(), 1), colour("line"))
        for i, row in enumerate(self.rows):
            top = px(ROW) * (i + 1)
            self._paint_row(painter, row, top, name, boxes, over=i == self._over)
        painter.end()

    def _paint_row(
        self,
        painter: QPainter,
        row: Row,
        top: int,
        name: QRectF,
        boxes: list[QRectF],
        *,
        over: bool,
    ) -> None:
        whole = QRectF(0, top, self.width(), px(ROW))
        if row.now or (over and row.place is not None):
            painter.fillRect(whole, colour("selected" if row.now else "hover"))
        if row.now:
            painter.fillRect(QRectF(0, top, 2, px(ROW)), colour("text1"))
        tone = "text1" if row.now or row.pinned else "text2"
        weight = 500 if row.now or row.pinned else 400
        room = name.translated(0, top)
        if row.pinned:
            room.setRight(room.right() - px(18))
        wide = text(painter, room, row.name, weight=weight, tone=tone, align=LEFT)
        if row.pinned:
            side = px(14)
            at = round(room.left() + wide + px(5)), round(top + (px(ROW) - side) / 2)
            painter.drawPixmap(*at, side, side, icon_pixmap("pin"))
        for number, box in zip(row.numbers, boxes, strict=False):
            shade = "text3" if number == NOTHING else tone
            text(painter, box.translated(0, top), number, weight=weight, tone=shade, align=RIGHT)

    def _columns(self) -> tuple[list[QRectF], float]:
        """Where the numbers are, and where the names end; the last columns give way first."""
        wide = [
            max(
                width_of(score.head, CAPTION),
                *(width_of(row.numbers[i], BODY, 500) for row in self.rows),
            )
            + px(14)
            for i, score in enumerate(self.columns)
        ]
        names = max(width_of(row.name, BODY, 500) + px(22) * row.pinned for row in self.rows)
        least = px(_PAD) + min(names, px(120))
        while wide and least + sum(wide) > self.width() - px(_PAD):
            wide.pop()
        left = self.width() - px(_PAD) - sum(wide)
        name_right, boxes = left, []
        for own in wide:
            boxes.append(QRectF(left, 0, own, px(ROW)))
            left += own
        return boxes, name_right
