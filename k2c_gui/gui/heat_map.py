"""A map of settings: a cell a setting, its colour a score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from k2c_gui.core.model import Floats

from .painting import LEFT, MIDDLE, RIGHT, paragraph, text, width_of
from .score_words import WORDS, Score, as_table
from .style import CAPTION, CASING, HEAT, WHITE, colour, font, look, px
from .sweeps import Place

_GAP_FROM = 6
"""px: smaller cells have no gaps between them."""

_LEAST = 9
"""px: a frame is no smaller, however small its cell is."""

_LIGHT = 0.5
"""Share from which a colour of the ramp is better written on in black than in white."""

_NONE = np.zeros((0, 0))


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """What a map shows.

    Attributes
    ----------
    values : (rows, columns) float64
        The score; row 0 is at the bottom. nan where there is none.
    rows, columns : sequence of str
        Their values.
    up, across : str
        Their names.
    score : Score
    unknown : str
        Why no setting has a score.
    """

    values: Floats = field(default_factory=lambda: _NONE)
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    up: str = ""
    across: str = ""
    score: Score = WORDS[0]
    unknown: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """The cells' rectangle, and where columns and rows begin and end in it, px, from the top."""

    area: QRect
    x: list[int]
    y: list[int]


class HeatMap(QWidget):
    """The map: the pointer tells, a click or Enter chooses, arrows go from cell to cell.

    Parameters
    ----------
    tell : callable
        All that is to be told of a place.
    """

    chosen = Signal(object)  # a Place

    def __init__(self, tell: Callable[[Place], Sequence[tuple[str, str]]]) -> None:
        super().__init__()
        self._tell = tell
        self.cells = Cells()
        self.words = ""
        self.now: Place | None = None
        self.pinned: Place | None = None
        self.here: Place | None = None
        self._over: Place | None = None
        self._laid: tuple[object, _Places] | None = None
        self._picture: tuple[object, QPixmap] | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Parameter map")

    # What it shows

    def show_cells(self, cells: Cells) -> None:
        """Take another map, or another score of the same; the cursor stays where it can."""
        self.cells, self._over = cells, None
        if self.here is not None and not self._inside(self.here):
            self.here = None
        self.update()

    def say(self, words: str) -> None:
        """Say in the place of a map why there is none; empty: there is one."""
        if words != self.words:
            self.words = words
            self.update()

    def mark(self, now: Place | None, pinned: Place | None) -> None:
        """Frame the setting that is tried and the pinned one."""
        if (now, pinned) != (self.now, self.pinned):
            self.now, self.pinned = now, pinned
            self.update()

    def go(self, place: Place) -> None:
        """Put the cursor on a place, and tell of it."""
        self.here = place
        self.setAccessibleDescription(", ".join(map(" ".join, self._tell(place))))
        self._show_tip(place, self.mapToGlobal(self.box(place).bottomRight().toPoint()))
        self.update()

    def step(self, across: int, up: int) -> None:
        """Move the cursor; it begins at the setting that is tried."""
        if not self.cells.values.size:
            return
        begin = self.here or self.now
        if begin is None:
            self.go((0, 0))
            return
        rows, columns = self.cells.values.shape
        row = min(rows - 1, max(0, begin[0] + up))
        self.go((row, min(columns - 1, max(0, begin[1] + across))))

    def choose(self) -> None:
        """Choose where the cursor is."""
        if self.here is not None:
            self.chosen.emit(self.here)

    # Where things are

    def area(self) -> QRect:
        """Where the cells are, without names and scale."""
        return self._places().area

    def box(self, place: Place) -> QRectF:
        """Where a place is, px."""
        x, y = self._places().x, self._places().y
        row, column = place
        top = y[len(y) - 2 - row]
        return QRectF(x[column], top, x[column + 1] - x[column], y[len(y) - 1 - row] - top)

    def at(self, point: QPointF) -> Place | None:
        """The place under a point; None outside."""
        if not self.cells.values.size or not self.area().contains(point.toPoint()):
            return None
        x, y = self._places().x, self._places().y
        column = int(np.searchsorted(x, point.x(), side="right")) - 1
        row = len(y) - 1 - int(np.searchsorted(y, point.y(), side="right"))
        return (row, column) if self._inside((row, column)) else None

    def sizeHint(self) -> QSize:
        """As high as ten rows with their names."""
        return QSize(px(340), px(224))

    def minimumSizeHint(self) -> QSize:
        """Cells still to be hit; hardly any width."""
        return QSize(px(120), px(170))

    def _floor(self) -> int:
        return max(px(20), self.height() - 3 * px(16) - px(6))

    def _inside(self, place: Place) -> bool:
        rows, columns = self.cells.values.shape
        return bool(0 <= place[0] < rows and 0 <= place[1] < columns)

    def _places(self) -> _Places:
        """Where everything is; found once."""
        key = self.cells, self.size(), look().scale
        if self._laid is None or self._laid[0] != key:
            widest = max((width_of(row, CAPTION, 600) for row in self.cells.rows), default=0.0)
            left = px(16) + min(round(widest), px(80)) + px(6)
            width, floor = self.width() - left - px(2), self._floor() - px(2)
            area = QRect(left, px(2), max(1, width), floor)
            rows, columns = self.cells.values.shape
            x = np.round(np.linspace(area.left(), area.left() + area.width(), columns + 1))
            y = np.round(np.linspace(area.top(), area.top() + area.height(), rows + 1))
            places = _Places(area, x.astype(int).tolist(), y.astype(int).tolist())
            self._laid = key, places
        return self._laid[1]

    # Events

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell of the cell under the pointer."""
        over = self.at(event.position())
        if over != self._over:
            self._over = over
            self._show_tip(over, event.globalPosition().toPoint())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose."""
        place = self.at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and place is not None:
            self.here = place
            self.chosen.emit(place)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Tell of nothing."""
        super().leaveEvent(event)
        self._over = None
        QToolTip.hideText()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the keys are."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """No more."""
        super().focusOutEvent(event)
        QToolTip.hideText()
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme and the scale."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self.updateGeometry()

    def _show_tip(self, place: Place | None, where: QPoint) -> None:
        if place is None:
            QToolTip.hideText()
        elif self.isVisible():
            QToolTip.showText(where, as_table(self._tell(place)), self, self.box(place).toRect())

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """Cells, frames, names, scale."""
        painter = QPainter(self)
        area = self.area()
        if self.words or not self.cells.values.size:
            painter.fillRect(area, colour("raised"))
            paragraph(painter, QRectF(area).adjusted(px(12), px(10), -px(12), -px(10)), self.words)
        else:
            painter.drawPixmap(area.topLeft(), self._painted())
            self._paint_frames(painter)
            self._paint_names(painter)
            self._paint_scale(painter)
        if self.hasFocus():
            painter.setPen(colour("text1"))
            painter.drawRect(area.adjusted(-2, -2, 1, 1))
        painter.end()

    def _painted(self) -> QPixmap:
        """The cells with their numbers, painted once."""
        places, ratio = self._places(), self.devicePixelRatioF()
        key = places, look().theme, ratio
        if self._picture is None or self._picture[0] != key:
            pixmap = QPixmap(places.area.size() * ratio)
            pixmap.setDevicePixelRatio(ratio)
            painter = QPainter(pixmap)
            painter.translate(-places.area.topLeft())
            cells = _picture(self.cells.values, places.x, places.y)
            painter.drawImage(places.area.topLeft(), cells)
            self._paint_numbers(painter)
            painter.end()
            self._picture = key, pixmap
        return self._picture[1]

    def _paint_numbers(self, painter: QPainter) -> None:
        """Numbers, of one length, where all of them have room."""
        x, y = self._places().x, self._places().y
        narrow, low = min(b - a for a, b in pairwise(x)), min(b - a for a, b in pairwise(y))
        painter.setFont(font(CAPTION))
        measure = painter.fontMetrics()
        if low < measure.height() or narrow < measure.horizontalAdvance("0"):
            return
        values = self.cells.values
        if not np.isfinite(values).any():
            return
        written = [[self.cells.score.short(v) for v in row] for row in values.tolist()]
        for length in range(2):
            widest = max(measure.horizontalAdvance(c[length]) for row in written for c in row)
            if widest + px(2) <= narrow - 1:
                break
        else:
            return
        share = _shares(values)
        for row, line in enumerate(written):
            for column, cell in enumerate(line):
                painter.setPen(_ink(share[row, column]))
                painter.drawText(self.box((row, column)), MIDDLE, cell[length])

    def _paint_frames(self, painter: QPainter) -> None:
        for place, broken in ((self.pinned, True), (self.now, False)):
            # where both are one setting it is what is shown: its frame is whole
            if place is not None and self._inside(place) and not (broken and place == self.now):
                _frame(painter, self.box(place), broken=broken)
        if self.here is not None and self.hasFocus():
            _corners(painter, self.box(self.here))

    def _paint_names(self, painter: QPainter) -> None:
        area, line = self.area(), px(16)
        x, y = self._places().x, self._places().y
        marked = self.now or (-1, -1)
        boxes = [
            QRectF(line, y[-2 - i], area.left() - line - px(6), y[-1 - i] - y[-2 - i])
            for i in range(len(self.cells.rows))
        ]
        _labels(painter, self.cells.rows, boxes, marked[0], RIGHT, upright=True)
        floor = area.top() + area.height()
        boxes = [QRectF(x[i], floor + px(1), x[i + 1] - x[i], line) for i in range(len(x) - 1)]
        _labels(painter, self.cells.columns, boxes, marked[1], MIDDLE, upright=False)
        painter.save()
        painter.translate(0, floor)
        painter.rotate(-90)
        box = QRectF(0, 0, area.height(), line)
        text(painter, box, self.cells.up, size=CAPTION, tone="text2", align=MIDDLE)
        painter.restore()
        box = QRectF(area.left(), floor + line + px(1), area.width(), line)
        text(painter, box, self.cells.across, size=CAPTION, tone="text2", align=MIDDLE)

    def _paint_scale(self, painter: QPainter) -> None:
        """What the colours say."""
        score, area = self.cells.score, self.area()
        box = QRectF(area.left(), self.height() - px(16), area.width(), px(16))
        known = self.cells.values[np.isfinite(self.cells.values)]
        if not len(known):
            text(painter, box, self.cells.unknown, size=CAPTION, tone="text3")
            return
        low, high = (score.written(float(edge)) for edge in (known.min(), known.max()))
        if known.min() == known.max():
            words = f"{score.told(float(known.min()))} in every setting"
            text(painter, box, words, size=CAPTION, tone="text2")
            return
        if score.counts:
            high = f"{high} {score.unit}"
        wide = text(painter, box, low, size=CAPTION, tone="text2", align=LEFT)
        right = text(painter, box, high, size=CAPTION, tone="text2", align=RIGHT)
        ramp = box.adjusted(wide + px(6), px(4), -right - px(6), -px(4)).toRect()
        if ramp.width() > 0:
            shares = np.linspace(0, 1, ramp.width())[None]
            painter.drawImage(ramp, _rgb(_ramp(shares)))


def _shares(values: Floats) -> Floats:
    """Where values are between the least and the greatest; in the middle where all are one."""
    known = values[np.isfinite(values)]
    span = known.max() - known.min() if len(known) else 0.0
    if not span:
        return np.where(np.isfinite(values), 0.5, np.nan)
    return np.asarray((values - known.min()) / span)


def _ramp(shares: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Colours of shares; that of a button where there is none.  (..., 3) uint8."""
    stops = np.array([_channels(QColor(hue)) for hue in HEAT], float)
    at = np.linspace(0, 1, len(stops))
    known = np.nan_to_num(shares)
    mixed = np.stack([np.interp(known, at, channel) for channel in stops.T], axis=-1)
    mixed[np.isnan(shares)] = _channels(colour("raised"))
    return np.round(mixed).astype(np.uint8)


def _channels(tint: QColor) -> tuple[int, int, int]:
    return tint.red(), tint.green(), tint.blue()


def _rgb(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> QImage:
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def _picture(values: Floats, x: list[int], y: list[int]) -> QImage:
    """Cells between edges, the last row at the top, parted by lines where they are large enough."""
    cells = _ramp(_shares(values))[::-1]
    pixels = np.repeat(np.repeat(cells, np.diff(y), axis=0), np.diff(x), axis=1)
    panel = _channels(colour("panel"))
    if min(b - a for a, b in pairwise(x)) >= _GAP_FROM:
        pixels[:, np.array(x[1:-1], int) - x[0]] = panel
    if min(b - a for a, b in pairwise(y)) >= _GAP_FROM:
        pixels[np.array(y[1:-1], int) - y[0]] = panel
    return _rgb(pixels)


def _ink(share: float) -> QColor:
    """Black or white, whichever is better read on a colour of the ramp."""
    if np.isnan(share):
        return colour("text3")
    return QColor("#0E0E0F") if share >= _LIGHT else WHITE


def _frame(painter: QPainter, box: QRectF, *, broken: bool) -> None:
    """A white frame within its dark casing."""
    wide, high = (max(0.0, _LEAST - side) / 2 for side in (box.width(), box.height()))
    inner = box.adjusted(1 - wide, 1 - high, wide, high)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    casing = QPen(CASING, 4)
    casing.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    painter.setPen(casing)
    painter.drawRect(inner)
    line = QPen(WHITE, 2)
    line.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    if broken:
        line.setDashPattern([2, 1.5])
        line.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(line)
    painter.drawRect(inner)


def _corners(painter: QPainter, box: QRectF) -> None:
    """Four corners around what the keys are at."""
    outer = box.adjusted(-3, -3, 3, 3)
    arm = max(4.0, min(9.0, min(box.width(), box.height()) / 3))
    for pen in (QPen(CASING, 4.2), QPen(WHITE, 2)):
        painter.setPen(pen)
        for corner, right, down in (
            (outer.topLeft(), 1, 1),
            (outer.topRight(), -1, 1),
            (outer.bottomLeft(), 1, -1),
            (outer.bottomRight(), -1, -1),
        ):
            painter.drawPolyline(
                [corner + QPointF(right * arm, 0), corner, corner + QPointF(0, down * arm)]
            )


def _labels(
    painter: QPainter,
    words: Sequence[str],
    boxes: Sequence[QRectF],
    marked: int,
    align: Qt.AlignmentFlag,
    *,
    upright: bool,
) -> None:
    """Names along an edge: the marked one, and of the others every n-th, as there is room for."""
    spans = []
    for i, (own, box) in enumerate(zip(words, boxes, strict=True)):
        weight = 600 if i == marked else 400
        half = px(13) / 2 if upright else width_of(own, CAPTION, weight) / 2 + px(3)
        middle = box.center().y() if upright else box.center().x()
        spans.append((middle - half, middle + half))
    for i in _fitting(spans, marked):
        box, (low, high) = boxes[i], spans[i]
        room = (box.left(), low - px(2), box.width(), high - low + px(4))
        if not upright:
            room = (low, box.top(), high - low, box.height())
        weight, tone = (600, "text1") if i == marked else (400, "text3")
        text(painter, QRectF(*room), words[i], size=CAPTION, weight=weight, tone=tone, align=align)


def _fitting(spans: Sequence[tuple[float, float]], marked: int) -> list[int]:
    """Of some spans in a row the marked one, and every n-th of the others that leaves it room."""

    def apart(one: int, other: int) -> bool:
        (a, b), (c, d) = spans[one], spans[other]
        return b <= c or d <= a

    shown: list[int] = []
    for stride in range(1, len(spans) + 1):
        shown = list(range(0, len(spans), stride))
        if all(apart(one, other) for one, other in pairwise(shown)):
            break
    if not 0 <= marked < len(spans):
        return shown
    return [marked, *(i for i in shown if i != marked and apart(i, marked))]
