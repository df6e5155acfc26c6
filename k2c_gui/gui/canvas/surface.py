"""The canvas: paints its layers once, then scrolls; and turns the pointer into pans and zooms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil, floor
from typing import Protocol

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from k2c_gui.gui.style import colour

from .viewport import Viewport

REACH = 40
"""Screen px by which symbols and corners stick out of the places that they stand for."""

_MANY = 24
"""Parts; painting more of them costs as much as painting all."""

CLICK = 4
"""Screen px that a click may stray; more is a pan."""

_NOTCH = 1.2
"""Zoom of one notch of the wheel."""


class Layer(Protocol):
    """What can be painted on a micrograph."""

    def paint(self, painter: QPainter, viewport: Viewport, area: QRectF, /) -> None:
        """Paint what lies in an area of the screen."""


class Grip(Protocol):
    """What a drag does that is no pan; places are on the screen."""

    def drag(self, at: QPointF, /) -> None:
        """Follow the pointer."""

    def drop(self, at: QPointF, /) -> None:
        """Do it."""


class Surface(QWidget):
    """A window onto a micrograph.

    Symbols keep their size on the screen, so a pan moves everything by the same px: what was
    painted is scrolled, and only the strips that come into sight, and what changed, are painted.
    """

    clicked = Signal(QPointF, object)  # screen position, and which of Ctrl, Shift ... are held
    hovered = Signal(QPointF)
    left = Signal()
    menu_asked = Signal(QPointF)
    moved = Signal()  # the viewport changed
    shown = Signal()  # everything that is asked for is on the screen

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewport = Viewport(1, 1, 1, 1)
        self.fitted = True
        self._layers: list[tuple[Layer, float]] = []
        self._canvas: QPixmap | None = None
        self._painted: Viewport | None = None
        self._stale: list[QRectF] = []  # px of the image
        self._pressed: QPoint | None = None
        self._last = QPoint()
        self._panning = False
        self._overlay: Sequence[Layer] = ()
        self._grip: Grip | None = None
        self.grip: Callable[[QPointF, Qt.KeyboardModifier], Grip | None] = lambda _at, _held: None
        self.setProperty("scope", "image")
        self.setAccessibleName("Micrograph")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(160, 120)

    def show_layers(self, layers: Sequence[tuple[Layer, float]]) -> None:
        """Paint these from now on, lowest first, each with its opacity."""
        self._layers = list(layers)
        self.renew()

    def show_overlay(self, layers: Sequence[Layer]) -> None:
        """Paint these over all others from now on, anew whenever the window is painted."""
        self._overlay = layers
        self.update()

    def renew(self, parts: Sequence[QRectF] | None = None) -> None:
        """Something that is painted has changed.

        Parameters
        ----------
        parts : sequence of QRectF, optional
            Where, px of the image; `REACH` beyond them is painted, too. Without it: everywhere.
        """
        if parts is None or len(self._stale) + len(parts) > _MANY:
            self._painted = None
            self.update()
            return
        for place in parts:
            part = place.adjusted(-0.5, -0.5, 0.5, 0.5)  # Qt unites nothing with a point
            near = [one for one in self._stale if self._on_screen(one).contains(part.center())]
            self._stale = [one for one in self._stale if one not in near]
            for one in near:
                part = part | one
            self._stale.append(part)
            self.update(self._on_screen(part).toAlignedRect())

    def _on_screen(self, part: QRectF) -> QRectF:
        left, top = self.viewport.to_screen(part.left(), part.top())
        zoom = self.viewport.zoom
        around = QRectF(left, top, part.width() * zoom, part.height() * zoom)
        return around.adjusted(-REACH, -REACH, REACH, REACH)

    def go_to(self, viewport: Viewport, *, fitted: bool = False) -> None:
        """Show another part of the micrograph."""
        self.fitted = fitted
        if viewport != self.viewport:
            self.viewport = viewport
            self.moved.emit()
            self.update()

    def show_image(self, width: int, height: int) -> None:
        """Stand before an image of this size: zoom and place stay; the whole stays the whole."""
        other = self.viewport.onto(width, height)
        self.go_to(other.fitted() if self.fitted else other, fitted=self.fitted)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Bring the canvas up to date and show it."""
        canvas = self._current()
        painter = QPainter(self)
        painter.setClipRegion(event.region())
        painter.drawPixmap(self.rect(), canvas)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for layer in self._overlay:
            layer.paint(painter, self.viewport, QRectF(event.rect()))
        painter.end()
        self.shown.emit()

    def _current(self) -> QPixmap:
        view, last, canvas = self.viewport, self._painted, self._canvas
        size = QSize(round(view.width * view.ratio), round(view.height * view.ratio))
        if canvas is None or canvas.size() != size:
            canvas, last = QPixmap(size), None
        if last is None or replace(last, left=view.left, top=view.top) != view:
            self._paint(canvas, canvas.rect())
        else:
            if last != view:
                self._scroll(canvas, last)
            for part in self._stale:
                # whole rows: Qt scales an image by a hair differently from another start
                at = self._on_screen(part)
                top, bottom = floor(at.top() * view.ratio), ceil(at.bottom() * view.ratio)
                rows = QRect(0, top, canvas.width(), bottom - top)
                self._paint(canvas, rows & canvas.rect())
        self._canvas, self._painted, self._stale = canvas, view, []
        return canvas

    def _scroll(self, canvas: QPixmap, last: Viewport) -> None:
        view = self.viewport
        dx = round((view.left - last.left) * view.ratio)
        dy = round((view.top - last.top) * view.ratio)
        width, height = canvas.width(), canvas.height()
        if abs(dx) >= width or abs(dy) >= height:
            self._paint(canvas, canvas.rect())
            return
        canvas.scroll(dx, dy, canvas.rect())
        if dx:
            self._paint(canvas, QRect(0 if dx > 0 else width + dx, 0, abs(dx), height))
        if dy:
            self._paint(canvas, QRect(0, 0 if dy > 0 else height + dy, width, abs(dy)))

    def _paint(self, canvas: QPixmap, part: QRect) -> None:
        """Paint all layers on a part of the canvas, device px."""
        view = self.viewport
        ratio = view.ratio
        area = QRectF(
            part.x() / ratio, part.y() / ratio, part.width() / ratio, part.height() / ratio
        )
        painter = QPainter(canvas)
        painter.setClipRect(part)
        painter.fillRect(part, colour("canvas"))
        painter.scale(ratio, ratio)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for layer, opacity in self._layers:
            painter.setOpacity(opacity)
            layer.paint(painter, view, area)
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the middle, or the whole."""
        size = event.size()
        view = self.viewport.resized(
            max(1, size.width()), max(1, size.height()), self.devicePixelRatioF()
        )
        self.go_to(view.fitted() if self.fitted else view, fitted=self.fitted)

    def changeEvent(self, event: QEvent) -> None:
        """Repaint in the colours of a new theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.PaletteChange):
            self.renew()

    def event(self, event: QEvent) -> bool:
        """Follow the window to a screen of another density."""
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            view = self.viewport
            self.go_to(
                view.resized(view.width, view.height, self.devicePixelRatioF()), fitted=self.fitted
            )
        return super().event(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the pointer."""
        turned = event.angleDelta().y() / 120
        if turned:
            at = event.position()
            self.go_to(self.viewport.zoomed(_NOTCH**turned, at.x(), at.y()))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click or a pan."""
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._pressed = self._last = event.position().toPoint()
            self._panning = False
            left = event.button() == Qt.MouseButton.LeftButton
            self._grip = self.grip(event.position(), event.modifiers()) if left else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pan while a button is held; else tell where the pointer is."""
        at = event.position().toPoint()
        if self._pressed is None:
            self.hovered.emit(event.position())
            return
        if not self._panning and (at - self._pressed).manhattanLength() > CLICK:
            self._panning = True
            if self._grip is None:
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
        if self._panning and self._grip is not None:
            self._grip.drag(event.position())
            self.update()
        elif self._panning:
            by, self._last = at - self._last, at
            self.go_to(self.viewport.moved(by.x(), by.y()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a pan, or click."""
        if self._pressed is None:
            return
        self._pressed = None
        self.unsetCursor()
        grip, self._grip = self._grip, None
        if self._panning and grip is not None:
            grip.drop(event.position())
            self.update()
        elif not self._panning and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(event.position(), event.modifiers())

    def let_go(self) -> bool:
        """End a drag as if it had not been; False when there is none."""
        held = self._grip is not None and self._panning
        if held:
            self._grip = self._pressed = None
            self.update()
        return held

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done here."""
        self.menu_asked.emit(QPointF(event.pos()))

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the pointer."""
        super().leaveEvent(event)
        self.left.emit()
