"""Crops of a micrograph around one instance: bare, with its marks, and those that look alike."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from k2c_gui.core.model import Bools, Floats, Ints

from .jobs import Picture, grey
from .painting import RIGHT, Strip, centred, paragraph, text
from .style import CAPTION, CASING, WHITE, colour, font, look, px
from .symbols import Symbol, chip, label_colour, ringed

HALF = 36.0
"""px of the micrograph from the middle of a crop to its edge, at first."""

CLOSEST, WIDEST = 12.0, 160.0
_LOW, _HIGH = 0.5, 99.5
_RADIUS = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Marks in and around a crop.

    Attributes
    ----------
    x, y : (n,) float64
        px of the micrograph.
    label : (n,) int64
        As it may be shown: `NO_LABEL` where the votes are withheld.
    own : (n,) bool
        Of the instance that the crop is about.
    """

    x: Floats
    y: Floats
    label: Ints
    own: Bools


@dataclass(frozen=True, slots=True)
class Alike:
    """One crop of the strip of similar instances.

    Attributes
    ----------
    mark : int
        A mark of it.
    x, y : float
        px of the micrograph.
    distance : float
    symbol : Symbol or None
        None: not to be shown.
    name : str
        Of the instance, for short.
    """

    mark: int
    x: float
    y: float
    distance: float
    symbol: Symbol | None
    name: str


class Greys:
    """Black and white of each picture, worked out once: crops of one micrograph look alike."""

    def __init__(self) -> None:
        self._of: dict[int, tuple[Picture, float, float]] = {}

    def of(self, picture: Picture) -> tuple[float, float]:
        """Grey values that are drawn black and white."""
        known = self._of.get(picture.micrograph)
        if known is None or known[0] is not picture:
            low, high = picture.percentile(_LOW), picture.percentile(_HIGH)
            if picture.inverted:
                low, high = high, low
            known = self._of[picture.micrograph] = picture, low, high
        return known[1:]


def draw_crop(
    painter: QPainter,
    box: QRectF,
    picture: Picture,
    levels: tuple[float, float],
    place: tuple[float, float],
    half: float,
) -> None:
    """Draw what lies around a place into a square box.

    Parameters
    ----------
    painter : QPainter
        Clipped to the box.
    box : QRectF
    picture : Picture
    levels : (float, float)
        Grey values of black and white.
    place : (float, float)
        x, y, px of the micrograph.
    half : float
        px of the micrograph from the middle to the edge.
    """
    level = 0
    while level + 1 < len(picture.levels) and 2 * half > 2 ** (level + 1) * box.width():
        level += 1
    pixels, step = picture.levels[level], 2.0**level
    height, width = pixels.shape
    left = max(0, floor((place[0] - half) / step) - 1)
    top = max(0, floor((place[1] - half) / step) - 1)
    right = min(width, floor((place[0] + half) / step) + 2)
    bottom = min(height, floor((place[1] + half) / step) + 2)
    if left >= right or top >= bottom:
        return
    image: QImage = grey(pixels[top:bottom, left:right], *levels)
    scale = box.width() / (2 * half)
    target = QRectF(
        box.left() + (left * step - place[0] + half) * scale,
        box.top() + (top * step - place[1] + half) * scale,
        (right - left) * step * scale,
        (bottom - top) * step * scale,
    )
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(target, image)


def round_length(most: float) -> float:
    """The longest of 1, 2, 5, 10 ... that is no longer than this."""
    ten = 10.0 ** floor(log10(most))
    return max(n * ten for n in (1, 2, 5) if n * ten <= most * (1 + 1e-9))


class Pair(Strip):
    """The case twice: bare, and with its marks. The wheel zooms; nothing else does."""

    def __init__(self) -> None:
        super().__init__()
        self.half = HALF
        self._greys = Greys()
        self._picture: Picture | None = None
        self._place: tuple[float, float] | None = None
        self._marks: Marks | None = None
        self._words = ""
        self._pixel_size: float | None = None

    def show_case(
        self,
        picture: Picture | None,
        place: tuple[float, float] | None,
        marks: Marks | None,
        pixel_size: float | None,
        words: str = "",
    ) -> None:
        """Show a case; without a picture its marks lie on the canvas.

        Parameters
        ----------
        picture : Picture or None
        place : (float, float) or None
            x, y of the centroid, px; None: no case.
        marks : Marks or None
        pixel_size : float or None
            nm.
        words : str
            Why there is no picture.
        """
        self._picture, self._place, self._marks = picture, place, marks
        self._pixel_size, self._words = pixel_size, words
        self.update()

    def heightForWidth(self, width: int) -> int:
        """Two squares beside each other."""
        return (width - px(8)) // 2

    def wheelEvent(self, event: QWheelEvent) -> None:
        """See more of it, or less."""
        half = self.half * 0.85 ** (event.angleDelta().y() / 120)
        self.half = min(WIDEST, max(CLOSEST, half))
        self.update()
        event.accept()

    def paintEvent(self, event: object) -> None:
        """Both crops."""
        pixels = _pixels(self)
        painter = QPainter(pixels)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = float((self.width() - px(8)) // 2)
        for i in range(2):
            box = QRectF(i * (self.width() - side), 0, side, side)
            painter.save()
            _clip(painter, box)
            painter.fillRect(box, colour("canvas" if self._place else "raised"))
            if self._place is not None:
                self._crop(painter, box, with_marks=i == 1)
            painter.restore()
        painter.end()
        _show(pixels, self)

    def _crop(self, painter: QPainter, box: QRectF, *, with_marks: bool) -> None:
        assert self._place is not None  # noqa: S101
        if self._picture is None:
            if not with_marks:
                paragraph(painter, box.adjusted(px(10), px(10), -px(10), -px(10)), self._words)
        else:
            levels = self._greys.of(self._picture)
            draw_crop(painter, box, self._picture, levels, self._place, self.half)
        if with_marks:
            _draw_marks(painter, box, self._place, self.half, self._marks)
        elif self._picture is not None:
            _draw_scale(painter, box, self.half, self._pixel_size)


class Similar(Strip):
    """Crops of the instances that look most like the case; a click selects one."""

    chosen = Signal(object)  # a mark: more than the 32 bits of Signal(int)
    MOST = 6

    def __init__(self) -> None:
        super().__init__()
        self._greys = Greys()
        self._picture: Picture | None = None
        self._alike: list[Alike] = []
        self._half = HALF
        self._over = -1
        self.setMouseTracking(True)

    def show_alike(self, picture: Picture | None, alike: list[Alike], half: float) -> None:
        """Show instances of one micrograph, the likest first."""
        self._picture, self._alike, self._half = picture, alike, half
        self.update()

    def heightForWidth(self, width: int) -> int:
        """Squares, with a line of figures below."""
        return round(self._side(width)) + px(22)

    def box(self, i: int) -> QRectF:
        """Where the i-th crop is."""
        side = self._side(self.width())
        return QRectF(i * (side + px(6)), 0, side, side)

    def paintEvent(self, event: object) -> None:
        """Crops, symbols and distances."""
        pixels = _pixels(self)
        painter = QPainter(pixels)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for i in range(self.MOST):
            box = self.box(i)
            known = i < len(self._alike)
            painter.save()
            _clip(painter, box)
            painter.fillRect(box, colour("canvas" if known else "raised"))
            if known and self._picture is not None:
                one = self._alike[i]
                levels = self._greys.of(self._picture)
                draw_crop(painter, box, self._picture, levels, (one.x, one.y), self._half)
            painter.restore()
            if known:
                self._caption(painter, box, self._alike[i])
            if known and i == self._over:
                painter.setPen(QPen(colour("text1"), 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), _RADIUS, _RADIUS)
        painter.end()
        _show(pixels, self)

    def _caption(self, painter: QPainter, box: QRectF, one: Alike) -> None:
        line = QRectF(box.left(), box.bottom() + px(2), box.width(), px(20))
        if one.symbol is not None:
            shape = chip(one.symbol, px(7 if ringed(one.symbol) else 9), look().theme)
            centred(painter, shape, line.left() + px(7), line.center().y())
        text(painter, line, f"{one.distance:.2f}", size=CAPTION, tone="text2", align=RIGHT)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show which one a click would select."""
        self._hover(self._at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        """Show none."""
        self._hover(-1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Select the instance."""
        i = self._at(event.position())
        if i >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(self._alike[i].mark)

    def event(self, event: QEvent) -> bool:
        """Say which one it is."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            i = self._at(QPointF(event.pos()))
            if i >= 0:
                QToolTip.showText(event.globalPos(), f"Instance {self._alike[i].name}", self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def _hover(self, i: int) -> None:
        if i != self._over:
            self._over = i
            shape = Qt.CursorShape.PointingHandCursor if i >= 0 else Qt.CursorShape.ArrowCursor
            self.setCursor(shape)
            self.update()

    def _at(self, place: QPointF) -> int:
        hit = (i for i in range(len(self._alike)) if self.box(i).contains(place))
        return next(hit, -1)

    def _side(self, width: int) -> float:
        return (width - px(6) * (self.MOST - 1)) / self.MOST


def _pixels(widget: QWidget) -> QPixmap:
    """Room to draw a widget on: a drawing of shapes knows no clipping."""
    pixels = QPixmap(widget.size() * widget.devicePixelRatioF())
    pixels.setDevicePixelRatio(widget.devicePixelRatioF())
    pixels.fill(Qt.GlobalColor.transparent)
    return pixels


def _show(pixels: QPixmap, widget: QWidget) -> None:
    painter = QPainter(widget)
    painter.drawPixmap(0, 0, pixels)
    painter.end()


def _clip(painter: QPainter, box: QRectF) -> None:
    path = QPainterPath()
    path.addRoundedRect(box, _RADIUS, _RADIUS)
    painter.setClipPath(path)


def _draw_marks(
    painter: QPainter, box: QRectF, place: tuple[float, float], half: float, marks: Marks | None
) -> None:
    """Spokes, dots, and the centroid as four ticks that leave the marks to be seen."""
    scale = box.width() / (2 * half)
    middle = box.center()
    if marks is not None:
        x = middle.x() + (marks.x - place[0]) * scale
        y = middle.y() + (marks.y - place[1]) * scale
        spoke = QColor(WHITE)
        spoke.setAlphaF(0.35)
        painter.setPen(QPen(spoke, 1))
        for at_x, at_y in zip(x[marks.own].tolist(), y[marks.own].tolist(), strict=True):
            painter.drawLine(QPointF(at_x, at_y), middle)
        order = marks.own.argsort(kind="stable")
        dots = zip(
            x[order].tolist(),
            y[order].tolist(),
            marks.label[order].tolist(),
            marks.own[order].tolist(),
            strict=True,
        )
        for at_x, at_y, label, own in dots:
            painter.setOpacity(0.9 if own else 0.45)
            painter.setPen(QPen(QColor(0, 0, 0, 148), 0.8))
            painter.setBrush(label_colour(label))
            painter.drawEllipse(QPointF(at_x, at_y), 2.6, 2.6)
        painter.setOpacity(1.0)
    for tint, width in ((CASING, 4.2), (WHITE, 2.0)):
        pen = QPen(tint, width)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            way = QPointF(dx, dy)
            painter.drawLine(middle + way * 6, middle + way * 12)


def _draw_scale(painter: QPainter, box: QRectF, half: float, pixel_size: float | None) -> None:
    """A bar of a round length at the lower left: nm, or px without calibration."""
    per_unit = box.width() / (2 * half) / (pixel_size or 1.0)
    length = round_length(box.width() * 0.36 / per_unit)
    words = f"{length:g} {'px' if pixel_size is None else 'nm'}"
    left, y = box.left() + px(10), box.bottom() - px(12)
    right = left + length * per_unit
    for tint, width in ((CASING, 4.5), (WHITE, 2.2)):
        pen = QPen(tint, width)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        grow = (width - 2.2) / 2
        painter.drawLine(QPointF(left - grow, y), QPointF(right + grow, y))
    path = QPainterPath()
    path.addText(QPointF(right + px(6), y + px(4)), font(CAPTION, 600), words)
    painter.strokePath(path, QPen(CASING, 2.4))
    painter.fillPath(path, WHITE)
