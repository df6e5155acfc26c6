"""The proof of an export: what goes in, drawn on a micrograph as the formats will have it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from k2c_gui.core.model import NO_LABEL, Bools, Table, TrainingSet
from k2c_gui.core.tiling import starts
from k2c_gui.gui.canvas.image import Contrast, ImageLayer, from_picture
from k2c_gui.gui.canvas.plates import ground, scale_bar
from k2c_gui.gui.canvas.viewport import Viewport
from k2c_gui.gui.jobs import Picture, Worker
from k2c_gui.gui.painting import paragraph
from k2c_gui.gui.style import CAPTION, CASING, PLATE_TEXT, WHITE, colour, font, metrics, px
from k2c_gui.gui.symbols import label_colour
from k2c_gui.io.exporters.masks import discs

SHAPES = ("Boxes", "Discs", "Masks")
LARGEST_MASK = 4096 * 4096
"""px: what has more is not painted as a mask, which takes 12 bytes for each."""

_VEIL = 140
"""Opacity of a mask, of 255."""
_BAR = 100
_NOTCH = 1.2
_WHEEL_NOTCH = 120


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What goes in of one micrograph.

    Attributes
    ----------
    chosen : TrainingSet
        Not tiled.
    micrograph : int
        Place in it.
    withheld : (n,) bool
        Of its instances: the label may not be shown.
    tile, overlap : int
        px; 0: no tiles.
    """

    chosen: TrainingSet
    micrograph: int
    withheld: Bools
    tile: int = 0
    overlap: int = 0

    @property
    def rows(self) -> Table:
        """Instances of the micrograph."""
        table = self.chosen.instances
        return np.asarray(table[table["micrograph"] == self.micrograph])

    @property
    def negatives(self) -> Table:
        """Negatives of the micrograph."""
        table = self.chosen.negatives
        return np.asarray(table[table["micrograph"] == self.micrograph])

    def labels(self) -> NDArray[np.int64]:
        """Labels of the instances, as far as they may be shown."""
        return np.where(self.withheld, NO_LABEL, self.rows["label"]).astype(np.int64)


class Proof(QWidget):
    """A micrograph with what goes in of it; the wheel zooms, the mouse pushes."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: Drawn | None = None
        self.shape = SHAPES[0]
        self._image = ImageLayer()
        self._viewport: Viewport | None = None
        self._text, self._trouble = "", ""
        self._mask = QImage()
        self._masker = Worker(self._masked)
        self._held: QPointF | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setAccessibleName("Proof")

    def sizeHint(self) -> QSize:
        """The least room for a micrograph: it takes what is left."""
        return QSize(px(260), px(220))

    def minimumSizeHint(self) -> QSize:
        """As `sizeHint`."""
        return self.sizeHint()

    def close_worker(self) -> None:
        """Wait for the mask that is being made."""
        self._masker.close()

    def clear(self, text: str) -> None:
        """Say something in place of the proof."""
        self.drawn, self._text = None, text
        self._viewport = None
        self.update()

    def show_drawn(self, drawn: Drawn) -> None:
        """Draw what goes in of a micrograph; zoom and place stay while that is the same."""
        before = self.drawn
        self.drawn = drawn
        name = drawn.chosen.micrographs[drawn.micrograph].name
        if before is None or before.chosen.micrographs[before.micrograph].name != name:
            self._image.picture, self._trouble = None, ""
            self.fit()
        self.setAccessibleDescription(f"{len(drawn.rows)} instances on {name}")
        self._make_mask()
        self.update()

    def show_picture(self, picture: Picture) -> None:
        """Paint the micrograph below."""
        self._image.picture, self._trouble = picture, ""
        self._image.contrast = from_picture(picture, Contrast())
        self.update()

    def show_trouble(self, trouble: str) -> None:
        """Say why the micrograph cannot be painted."""
        self._image.picture, self._trouble = None, trouble
        self.update()

    def show_shape(self, shape: str) -> None:
        """Draw boxes, discs or masks."""
        self.shape = shape
        self._make_mask()
        self.update()

    def fit(self) -> None:
        """Show the whole micrograph."""
        if self.drawn is not None:
            micrograph = self.drawn.chosen.micrographs[self.drawn.micrograph]
            size = max(1, self.width()), max(1, self.height())
            whole = Viewport(*size, micrograph.width, micrograph.height)
            self._viewport = whole.fitted()
        self.update()

    @property
    def zoom(self) -> float:
        """Screen px per px of the micrograph; 0 where nothing is drawn."""
        return 0.0 if self._viewport is None else self._viewport.zoom

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the micrograph is drawn, px."""
        return (0.0, 0.0) if self._viewport is None else self._viewport.to_screen(x, y)

    # What Qt calls

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the whole micrograph in view, or the middle of what is seen of it."""
        view = self._viewport
        if view is None or view.zoom <= view.fitting_zoom * 1.001:
            self.fit()
        else:
            self._viewport = view.resized(self.width(), self.height(), view.ratio)
        super().resizeEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom about the pointer."""
        if self._viewport is not None:
            factor = _NOTCH ** (event.angleDelta().y() / _WHEEL_NOTCH)
            at = event.position()
            self._viewport = self._viewport.zoomed(factor, at.x(), at.y())
            self.update()
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the micrograph."""
        self._held = event.position()
        self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Push it."""
        if self._held is not None and self._viewport is not None:
            by = event.position() - self._held
            self._held = event.position()
            self._viewport = self._viewport.moved(by.x(), by.y())
            self.update()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Let go of it."""
        self._held = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        """Show the whole micrograph."""
        self.fit()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the micrograph, and what goes in of it."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour("canvas"))
        if self.drawn is None or self._viewport is None:
            room = QRectF(self.rect()).adjusted(px(24), px(24), -px(24), -px(24))
            paragraph(painter, room, self._text)
            painter.end()
            return
        self._image.paint(painter, self._viewport, QRectF(self.rect()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_tiles(painter, self.drawn, self._viewport)
        self._paint_instances(painter, self.drawn, self._viewport)
        self._paint_plate(painter, self.drawn, self._viewport)
        painter.end()

    # Painting

    def _paint_tiles(self, painter: QPainter, drawn: Drawn, view: Viewport) -> None:
        if not drawn.tile:
            return
        micrograph = drawn.chosen.micrographs[drawn.micrograph]
        lines = QPainterPath()
        side = drawn.tile
        for y in starts(micrograph.height, side, drawn.overlap):
            for x in starts(micrograph.width, side, drawn.overlap):
                right, bottom = min(x + side, micrograph.width), min(y + side, micrograph.height)
                lines.addRect(_rect(view, (x, y, right, bottom)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for tint, width in ((CASING, 2.4), (WHITE, 0.8)):
            painter.setPen(QPen(tint, width))
            painter.drawPath(lines)

    def _paint_instances(self, painter: QPainter, drawn: Drawn, view: Viewport) -> None:
        rows, negatives, labels = drawn.rows, drawn.negatives, drawn.labels()
        mask = self.shape == "Masks"
        if mask and not self._mask.isNull():
            micrograph = drawn.chosen.micrographs[drawn.micrograph]
            place = _rect(view, (0, 0, micrograph.width, micrograph.height))
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, view.zoom < 1)
            painter.drawImage(place, self._mask)
            painter.restore()
        elif not mask:
            for label in np.unique(labels).tolist():
                self._outline(painter, drawn, view, rows[labels == label], label, broken=False)
        for label in np.unique(negatives["label"]).tolist():
            own = negatives[negatives["label"] == label]
            self._outline(painter, drawn, view, own, label, broken=True)

    def _outline(
        self,
        painter: QPainter,
        drawn: Drawn,
        view: Viewport,
        rows: Table,
        label: int,
        *,
        broken: bool,
    ) -> None:
        square = self.shape == "Boxes"
        if square:
            shapes = drawn.chosen.boxes(rows)
        else:
            half = drawn.chosen.sides(rows) / 2
            x, y = rows["x"], rows["y"]
            shapes = np.column_stack([x - half, y - half, x + half, y + half])
        window = QRectF(self.rect())
        rects = [rect for box in shapes.tolist() if window.intersects(rect := _rect(view, box))]
        painter.setBrush(Qt.BrushStyle.NoBrush)
        line = Qt.PenStyle.DashLine if broken else Qt.PenStyle.SolidLine
        for tint, width in ((CASING, 3.2), (label_colour(label), 1.5)):
            pen = QPen(tint, width, line if tint is not CASING else Qt.PenStyle.SolidLine)
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            painter.setPen(pen)
            if square:
                painter.drawRects(rects)
            else:
                # one by one: a path of thousands costs ten times more
                for rect in rects:
                    painter.drawEllipse(rect)

    def _paint_plate(self, painter: QPainter, drawn: Drawn, view: Viewport) -> None:
        """The scale bar and, where there is something to say, why a layer is missing."""
        micrograph = drawn.chosen.micrographs[drawn.micrograph]
        length, text = scale_bar(px(_BAR), view.zoom, micrograph.pixel_size_nm)
        words = self._words()
        bold, plain = metrics(CAPTION, 600), metrics(CAPTION)
        bar = max(length, bold.horizontalAdvance(text))
        wide = plain.horizontalAdvance(words) + px(14) if words else 0.0
        size = round(bar + px(24) + wide), px(36)
        plate = QRectF(px(8), self.height() - px(44), *size)
        painter.drawPixmap(plate.topLeft(), ground(*size, self.devicePixelRatioF()))
        left = plate.left() + px(12)
        painter.setPen(PLATE_TEXT)
        painter.setFont(font(CAPTION, 600))
        room = QRectF(left, plate.top() + px(4), bar, px(20))
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, text)
        start = left + (bar - length) / 2
        painter.fillRect(QRectF(start, plate.bottom() - px(9), length, 2), WHITE)
        if words:
            painter.setFont(font(CAPTION))
            at = QRectF(left + bar + px(14), plate.top(), wide, plate.height())
            painter.drawText(at, Qt.AlignmentFlag.AlignVCenter, words)

    def _words(self) -> str:
        if self._trouble:
            return "The image cannot be read"
        if self._image.picture is None:
            return "Reading the image"
        if self.shape == "Masks" and self._too_large():
            return "Too large to draw masks here"
        return ""

    # Masks

    def _too_large(self) -> bool:
        if self.drawn is None:
            return False
        micrograph = self.drawn.chosen.micrographs[self.drawn.micrograph]
        return micrograph.width * micrograph.height > LARGEST_MASK

    def _make_mask(self) -> None:
        self._mask = QImage()
        drawn = self.drawn
        if self.shape == "Masks" and drawn is not None and not self._too_large():
            self._masker.ask(drawn, lambda: _mask(drawn))

    def _masked(self, question: object, answer: object) -> None:
        if isinstance(answer, Exception):
            raise answer
        if question is self.drawn and isinstance(answer, QImage):
            self._mask = answer
            self.update()


def _rect(view: Viewport, box: tuple[float, float, float, float] | list[float]) -> QRectF:
    """Left, top, right, bottom, px of the micrograph, on the screen."""
    left, top, right, bottom = box
    return QRectF(
        QPointF(*view.to_screen(float(left), float(top))),
        QPointF(*view.to_screen(float(right), float(bottom))),
    )


def _mask(drawn: Drawn) -> QImage:
    """The mask that is exported, a colour a label; run on a worker's thread."""
    micrograph = drawn.chosen.micrographs[drawn.micrograph]
    rows = drawn.rows
    tints = [0]
    for label in drawn.labels().tolist():
        tint = QColor(label_colour(label))
        tint.setAlpha(_VEIL)
        tints.append(tint.rgba())
    disc = discs(micrograph, rows, drawn.chosen.sides(rows))
    pixels = np.ascontiguousarray(np.array(tints, np.uint32)[disc])
    height, width = pixels.shape
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32).copy()
