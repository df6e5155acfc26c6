"""The whole micrograph in a corner, with what is ambiguous and where the window is."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from k2c_gui.core.model import Floats
from k2c_gui.gui.style import ASK, WHITE

from .plates import ground
from .stamps import Stamps
from .viewport import Viewport

SIDE = 132
_BRIGHTNESS = 0.73


class Minimap(QWidget):
    """A small map; a click or a drag on it brings the window there."""

    asked = Signal(QPointF)  # px of the image

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFixedSize(SIDE, SIDE)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip("The whole micrograph: click to go there")
        self._image = QImage()
        self._x: Floats = np.zeros(0)
        self._y: Floats = np.zeros(0)
        self._viewport = Viewport(1, 1, 1, 1)
        self._ground: QPixmap | None = None
        self._map: QPixmap | None = None

    def show_image(self, image: QImage) -> None:
        """Take the whole micrograph, small."""
        self._image, self._ground, self._map = image, None, None
        self.update()

    def show_dots(self, x: Floats, y: Floats) -> None:
        """Take the places of what is ambiguous, px of the image."""
        order = np.argsort(y)
        x, y = x[order], y[order]
        if not (np.array_equal(x, self._x) and np.array_equal(y, self._y)):
            self._x, self._y, self._map = x, y, None
            self.update()

    def show_viewport(self, viewport: Viewport) -> None:
        """Take where the window is."""
        if viewport == self._viewport:
            return
        sides = viewport.image_width, viewport.image_height
        if sides != (self._viewport.image_width, self._viewport.image_height):
            self._ground = self._map = None
        self._viewport = viewport
        self.update()

    def to_map(self, x: float, y: float) -> QPointF:
        """Where a place on the image lies on the map."""
        box, scale = self._box()
        return QPointF(box.left() + x * scale, box.top() + y * scale)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the map."""
        if self._ground is None or self._ground.devicePixelRatioF() != self.devicePixelRatioF():
            self._ground, self._map = self._small(), None
        if self._map is None:
            self._map = self._dotted(self._ground)
        box, scale = self._box()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._map)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(WHITE, 1.2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(self._frame(box, scale))
        painter.end()

    def _small(self) -> QPixmap:
        """The image on its plate."""
        drawn = QPixmap(ground(SIDE, SIDE, self.devicePixelRatioF()))
        painter = QPainter(drawn)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(3.5, 3.5, SIDE - 7, SIDE - 7), 5, 5)
        painter.setClipPath(shape)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setOpacity(_BRIGHTNESS)
        painter.drawImage(self._box()[0], self._image)
        painter.end()
        return drawn

    def _dotted(self, image: QPixmap) -> QPixmap:
        """The image with what is ambiguous."""
        drawn = QPixmap(image)
        painter = QPainter(drawn)
        box, scale = self._box()
        view = Viewport(
            SIDE,
            SIDE,
            *(self._viewport.image_width, self._viewport.image_height),
            *(scale, box.left(), box.top(), image.devicePixelRatio()),
        )
        dots = _dots(image.devicePixelRatio())
        dots.draw(painter, view, [(self._x, self._y)], QRectF(0, 0, SIDE, SIDE))
        painter.end()
        return drawn

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go there."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._ask(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go along."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._ask(event.position())

    def _ask(self, at: QPointF) -> None:
        box, scale = self._box()
        view = self._viewport
        x, y = (at.x() - box.left()) / scale, (at.y() - box.top()) / scale
        self.asked.emit(
            QPointF(min(view.image_width, max(0.0, x)), min(view.image_height, max(0.0, y)))
        )

    def _box(self) -> tuple[QRectF, float]:
        """Where the image lies on the map, and map px per image px."""
        view, room = self._viewport, SIDE - 8.0
        scale = room / max(1, view.image_width, view.image_height)
        size = QSizeF(view.image_width * scale, view.image_height * scale)
        corner = QPointF((SIDE - size.width()) / 2, (SIDE - size.height()) / 2)
        return QRectF(corner, size), scale

    def _frame(self, box: QRectF, scale: float) -> QRectF:
        view = self._viewport
        left, top = view.to_image(0, 0)
        right, bottom = view.to_image(view.width, view.height)
        frame = QRectF(
            box.left() + left * scale,
            box.top() + top * scale,
            (right - left) * scale,
            (bottom - top) * scale,
        )
        return frame.intersected(box.adjusted(0.6, 0.6, -0.6, -0.6))


@lru_cache(maxsize=4)
def _dots(ratio: float) -> Stamps:
    def draw(painter: QPainter) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ASK)
        painter.drawEllipse(QPointF(0, 0), 1.7, 1.7)

    return Stamps([draw], 4, ratio)
