"""A page of crops: which one is current, which are exceptions, which are ruled."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from .painting import MIDDLE, RIGHT, centred, percent, text, width_of
from .style import CAPTION, CASING, WHITE, colour, look, px
from .symbols import Symbol, chip

ACROSS = DOWN = 6
PAGE = ACROSS * DOWN
_RADIUS = 6.0
_GAP, _CAPTION = 10, 20
_EXCEPTED, _RULED = 0.3, 0.45
_EDGE = 5
"""px above the first row, for its corners."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One crop of the page.

    Attributes
    ----------
    name : str
        Of the instance, for short.
    symbol : Symbol
    agreement : float
        Share of the leading label.
    image : QImage or None
        None: not there yet, or not to be had.
    trouble : str
        Why it is not to be had.
    excepted, ruled : bool
    """

    name: str
    symbol: Symbol
    agreement: float
    image: QImage | None
    trouble: str = ""
    excepted: bool = False
    ruled: bool = False


class Grid(QWidget):
    """Six by six crops."""

    chosen = Signal(int)  # a click on a crop
    opened = Signal(int)  # a double click
    painted = Signal()  # every crop of the page that there is

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[Cell] = []
        self.current = 0
        self._over = -1
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Crops")

    def show_cells(self, cells: list[Cell], current: int) -> None:
        """Take a page."""
        self.cells, self.current = cells, current
        self.update()

    def minimumSizeHint(self) -> QSize:
        """Smaller crops would show nothing."""
        return QSize(px(420), px(420))

    def side(self) -> float:
        """Side of a crop, px."""
        wide = (self.width() - (ACROSS - 1) * px(_GAP)) / ACROSS
        high = (self.height() - _EDGE - (DOWN - 1) * px(_GAP)) / DOWN - px(_CAPTION)
        return max(16.0, float(int(min(wide, high))))

    def box(self, i: int) -> QRectF:
        """Where the i-th crop is."""
        side, gap = self.side(), px(_GAP)
        down, across = divmod(i, ACROSS)
        left = (self.width() - ACROSS * side - (ACROSS - 1) * gap) / 2
        top = _EDGE + down * (side + px(_CAPTION) + gap)
        return QRectF(round(left + across * (side + gap)), top, side, side)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """Crops, with a line of figures below each."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for i, cell in enumerate(self.cells):
            self._paint_cell(painter, i, cell)
        if 0 <= self.current < len(self.cells):
            _corners(painter, self.box(self.current), "text1" if self.hasFocus() else "text3")
        painter.end()
        if self.cells and all(cell.image is not None or cell.trouble for cell in self.cells):
            self.painted.emit()

    def _paint_cell(self, painter: QPainter, i: int, cell: Cell) -> None:
        box = self.box(i)
        path = QPainterPath()
        path.addRoundedRect(box, _RADIUS, _RADIUS)
        painter.save()
        painter.setClipPath(path)
        painter.fillRect(box, colour("canvas" if cell.image is not None else "raised"))
        if cell.image is not None:
            painter.setOpacity(_EXCEPTED if cell.excepted else _RULED if cell.ruled else 1.0)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(box, cell.image)
            painter.setOpacity(1.0)
        elif cell.trouble:
            inner = box.adjusted(px(8), 0, -px(8), 0)
            text(painter, inner, "No image", size=CAPTION, tone="text3", align=MIDDLE)
        painter.restore()
        if cell.excepted:
            _left_out(painter, box.center(), min(px(13), box.width() / 6))
        if i == self._over:
            painter.setPen(QPen(colour("text1"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), _RADIUS, _RADIUS)
        self._paint_caption(painter, box, cell)

    def _paint_caption(self, painter: QPainter, box: QRectF, cell: Cell) -> None:
        line = QRectF(box.left(), box.bottom() + px(1), box.width(), px(_CAPTION) - px(2))
        centred(
            painter, chip(cell.symbol, px(9), look().theme), line.left() + px(6), line.center().y()
        )
        words = (
            "exception" if cell.excepted else "accepted" if cell.ruled else percent(cell.agreement)
        )
        tone = "text2" if not (cell.excepted or cell.ruled) else "text3"
        inner = line.adjusted(px(15), 0, 0, 0)
        used = text(painter, inner, words, size=CAPTION, tone=tone, align=RIGHT)
        inner.setWidth(inner.width() - used - px(6))
        if width_of(cell.name, CAPTION) <= inner.width():  # a part of a number is none
            text(painter, inner, cell.name, size=CAPTION, tone="text3")

    # Events

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show which one a click would mean."""
        self._hover(self._at(event.position()))

    def leaveEvent(self, event: object) -> None:
        """Show none."""
        self._hover(-1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the crop."""
        i = self._at(event.position())
        if i >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(i)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the arrows begin."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show that the arrows go elsewhere."""
        super().focusOutEvent(event)
        self.update()

    def _hover(self, i: int) -> None:
        if i != self._over:
            self._over = i
            shape = Qt.CursorShape.PointingHandCursor if i >= 0 else Qt.CursorShape.ArrowCursor
            self.setCursor(shape)
            self.update()

    def _at(self, place: QPointF) -> int:
        hit = (i for i in range(len(self.cells)) if self.box(i).contains(place))
        return next(hit, -1)


def _left_out(painter: QPainter, at: QPointF, radius: float) -> None:
    """A bar in a ring: not this one. No label has this shape."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for tint, width in ((CASING, 4.6), (WHITE, 2.2)):
        pen = QPen(tint, width)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawEllipse(at, radius, radius)
        half = QPointF(radius * 0.5, 0)
        painter.drawLine(at - half, at + half)


def _corners(painter: QPainter, box: QRectF, tone: str) -> None:
    """Corners around the current crop, in the colour of the chrome: it lies on the panel."""
    arm = min(px(14), box.width() / 4)
    around = box.adjusted(-3, -3, 3, 3)
    path = QPainterPath()
    for x, dx in ((around.left(), 1), (around.right(), -1)):
        for y, dy in ((around.top(), 1), (around.bottom(), -1)):
            path.moveTo(x, y + dy * arm)
            path.lineTo(x, y)
            path.lineTo(x + dx * arm, y)
    pen = QPen(colour(tone), 2.0)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.strokePath(path, pen)
