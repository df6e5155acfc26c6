"""The proof that a mapping is right: five tiles on their micrograph, and what was marked there."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QTransform
from PySide6.QtWidgets import QWidget

from k2c_gui.core.model import Table
from k2c_gui.gui.jobs import Picture, grey
from k2c_gui.gui.style import (
    BODY,
    CAPTION,
    CASING,
    PLATE,
    PLATE_EDGE,
    PLATE_TEXT,
    WHITE,
    colour,
    font,
    px,
)
from k2c_gui.io.preview import TILES, Preview

_GAP = 8


class Proof(QWidget):
    """A micrograph with five of its tiles, and these tiles by themselves below.

    On the micrograph one sees whether the tiles lie where they should, in the tiles whether the
    marks sit on particles.
    """

    def __init__(self) -> None:
        super().__init__()
        self._preview: Preview | None = None
        self._image = QImage()
        self._crops: list[QImage] = []
        self._large = -1  # the tile that is shown in place of the micrograph
        self._text = ""

    @property
    def tiles(self) -> int:
        """Tiles that are drawn."""
        return 0 if self._preview is None else len(self._preview.tiles)

    def sizeHint(self) -> QSize:
        """Room for a micrograph and its tiles."""
        return QSize(px(560), px(560))

    def clear(self, text: str) -> None:
        """Say something in place of the proof."""
        self._preview, self._text = None, text
        self.update()

    def show_preview(self, preview: Preview, picture: Picture | None) -> None:
        """Draw a preview; without a picture on bare canvas.

        Parameters
        ----------
        preview : Preview
        picture : Picture or None
            Of the preview's micrograph.
        """
        self._preview = preview
        self._image, self._crops, self._large = QImage(), [], -1
        if picture is not None:
            low, high = picture.percentile(0.5), picture.percentile(99.5)
            level = next(
                (one for one in reversed(picture.levels) if max(one.shape) >= 1000),
                picture.levels[0],
            )
            self._image = grey(level, low, high)
            self._crops = [_crop(picture, tile, low, high) for tile in preview.tiles]
        self.setAccessibleDescription(f"{len(preview.tiles)} tiles, {len(preview.marks)} marks")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Micrograph above, tiles below."""
        painter = QPainter(self)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        whole = QRectF(0, 0, self.width(), self.height() - self._side() - px(12))
        if self._preview is None:
            painter.fillRect(self.rect(), colour("canvas"))
            painter.setFont(font(BODY))
            painter.setPen(colour("text2"))
            inner = self.rect().adjusted(24, 24, -24, -24)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(inner, flags, self._text)
            return
        painter.fillRect(whole, colour("canvas"))
        if self._large >= 0:
            large = min(whole.width(), whole.height())
            left = (whole.width() - large) / 2
            self._paint_tile(painter, self._large, QRectF(left, 0, large, large), 3.5)
        else:
            self._paint_whole(painter, whole)
        for i in range(len(self._preview.tiles)):
            self._paint_tile(painter, i, self._place(i), 1.5)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A tile that is clicked is shown large; again, and the micrograph is back."""
        at = event.position()
        hit = next((i for i in range(self.tiles) if self._place(i).contains(at)), -1)
        self._large = -1 if hit == self._large else hit
        self.update()

    def _place(self, i: int) -> QRectF:
        """Where a tile is drawn by itself."""
        side = self._side()
        return QRectF(i * (side + _GAP), self.height() - side, side, side)

    def _side(self) -> float:
        return (self.width() - (TILES - 1) * _GAP) / TILES

    def _paint_whole(self, painter: QPainter, box: QRectF) -> None:
        preview = self._preview
        if preview is None:
            return
        micrograph = preview.micrographs[preview.micrograph]
        zoom = min(box.width() / micrograph.width, box.height() / micrograph.height)
        size = QSize(round(micrograph.width * zoom), round(micrograph.height * zoom))
        left = box.left() + (box.width() - size.width()) / 2
        top = box.top() + (box.height() - size.height()) / 2
        place = QTransform.fromTranslate(left, top).scale(zoom, zoom)
        picture = QRectF(left, top, size.width(), size.height())
        painter.save()
        # what lies outside the micrograph is a fault to be seen, as far as there is room
        painter.setClipRect(box)
        if not self._image.isNull():
            painter.drawImage(picture, self._image)
        x, y = preview.marks["x"], preview.marks["y"]
        _dots(painter, [place.map(QPointF(*at)) for at in zip(x, y, strict=True)], 1.6)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for i, tile in enumerate(preview.tiles):
            shape = place.mapRect(_box(tile))
            for tint, width in ((CASING, 3.5), (WHITE, 1.5)):
                painter.setPen(QPen(tint, width))
                painter.drawRect(shape)
            _number(painter, i, shape.topLeft() + QPointF(4, 4))
        painter.restore()

    def _paint_tile(self, painter: QPainter, i: int, box: QRectF, dot: float) -> None:
        preview = self._preview
        if preview is None:
            return
        painter.save()
        painter.setClipRect(box)
        painter.fillRect(box, colour("canvas"))
        tile = preview.tiles[i]
        zoom = min(box.width() / tile["width"], box.height() / tile["height"])
        if self._crops:
            wide, high = float(tile["width"]) * zoom, float(tile["height"]) * zoom
            painter.drawImage(QRectF(box.left(), box.top(), wide, high), self._crops[i])
        own = preview.marks[preview.marks["tile"] == i]
        x = box.left() + (own["x"] - tile["x0"]) * zoom
        y = box.top() + (own["y"] - tile["y0"]) * zoom
        _dots(painter, [QPointF(*at) for at in zip(x, y, strict=True)], dot)
        if i == self._large:
            painter.setPen(QPen(WHITE, 3))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box)
        _number(painter, i, box.topLeft() + QPointF(4, 4))
        painter.restore()


def _box(tile: Table) -> QRectF:
    return QRectF(*(float(tile[name]) for name in ("x0", "y0", "width", "height")))


def _crop(picture: Picture, tile: Table, low: float, high: float) -> QImage:
    """The pixels of a tile; what lies outside the micrograph is black."""
    pixels = picture.levels[0]
    x0, y0 = round(float(tile["x0"])), round(float(tile["y0"]))
    # a mapping that is wrong may ask for anything
    width, height = (min(4096, max(1, round(float(tile[side])))) for side in ("width", "height"))
    whole = np.full((height, width), low, np.float32)
    top, left = max(0, -y0), max(0, -x0)
    part = pixels[max(0, y0) : max(0, y0 + height), max(0, x0) : max(0, x0 + width)]
    part = part[: max(0, height - top), : max(0, width - left)]
    whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    return grey(whole, low, high)


def _dots(painter: QPainter, places: list[QPointF], radius: float) -> None:
    painter.setPen(QPen(CASING, 1.0))
    painter.setBrush(WHITE)
    for place in places:
        painter.drawEllipse(place, radius, radius)


def _number(painter: QPainter, i: int, at: QPointF) -> None:
    plate = QRectF(at.x(), at.y(), px(16), px(16))
    painter.setPen(QPen(PLATE_EDGE, 1))
    painter.setBrush(PLATE)
    painter.drawRoundedRect(plate, 4, 4)
    painter.setPen(PLATE_TEXT)
    painter.setFont(font(CAPTION, 600))
    painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, str(i + 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
