"""How two settings differ: what was born has a plus, what went a broken ring at its old place."""

from __future__ import annotations

from math import pi

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen

from k2c_gui.core.diff import KINDS, NOWHERE
from k2c_gui.gui.comparison import Comparison
from k2c_gui.gui.style import CASING, WHITE
from k2c_gui.gui.symbols import Symbol, centroid_size, draw

from .surface import REACH
from .viewport import Viewport

KEPT = 0.55
"""Opacity of all that did not change."""

_PLUS = 9.0
_DASHES = 8
_KEPT, _BORN, _FLIPPED = (KINDS.index(kind) for kind in ("kept", "born", "flipped"))


class ChangesLayer:
    """Paints what changed, at full strength over what was kept.

    Attributes
    ----------
    on : bool
        Something changed.
    """

    def __init__(self) -> None:
        self.on = False
        self._old: list[tuple[float, float]] = []
        self._new: list[tuple[float, float, Symbol]] = []
        self._born: list[tuple[float, float]] = []
        self._lines: list[tuple[float, float, float, float]] = []
        self._flipped: list[tuple[float, float, Symbol]] = []

    def show(self, found: Comparison | None) -> None:
        """Take a comparison; None for nothing."""
        self.on = False
        self._old, self._new, self._born, self._lines, self._flipped = [], [], [], [], []
        if found is None:
            return
        changed = found.changes["kind"] != _KEPT
        self.on = bool(changed.any())
        for row, hidden in zip(found.changes[changed], found.hidden[changed].tolist(), strict=True):
            self._take(found, row, hidden=hidden)
        self._old, self._born = list(dict.fromkeys(self._old)), list(dict.fromkeys(self._born))
        self._new = list(dict.fromkeys(self._new))

    def _take(self, found: Comparison, row: np.void, *, hidden: bool) -> None:
        kind, a, b = (int(row[name]) for name in ("kind", "a", "b"))
        xa, ya, xb, yb = (float(row[name]) for name in ("xa", "ya", "xb", "yb"))
        if b != NOWHERE:
            self._new.append((xb, yb, _symbol(found.after.instances[b], hidden=hidden)))
        if kind == _BORN:
            self._born.append((xb, yb))
        elif kind == _FLIPPED:
            self._flipped.append((xb, yb, _symbol(found.before.instances[a], hidden=hidden)))
        else:
            self._old.append((xa, ya))
            if b != NOWHERE:
                self._lines.append((xa, ya, xb, yb))

    def paint(self, painter: QPainter, viewport: Viewport, area: QRectF) -> None:
        """Paint what changed in an area of the screen."""
        if not self.on:
            return
        near = area.adjusted(-REACH, -REACH, REACH, REACH)
        size = centroid_size(viewport.zoom)
        self._paint_lines(painter, viewport)
        for at in self._old:
            x, y = viewport.to_screen(*at)
            if near.contains(x, y):
                _broken(painter, QPointF(x, y), 1.5 * size)
        for x, y, symbol in self._new:
            _stamp(painter, viewport, near, (x, y), symbol, size)
        for x, y in self._born:
            at_x, at_y = viewport.to_screen(x, y)
            if near.contains(at_x, at_y):
                _plus(painter, QPointF(at_x + 0.75 * size, at_y - 0.75 * size))
        for x, y, symbol in self._flipped:
            at_x, at_y = viewport.to_screen(x, y)
            if near.contains(at_x, at_y):
                _was(painter, QPointF(at_x + 1.1 * size, at_y - 1.1 * size), symbol, size)

    def _paint_lines(self, painter: QPainter, viewport: Viewport) -> None:
        path = QPainterPath()
        for xa, ya, xb, yb in self._lines:
            path.moveTo(QPointF(*viewport.to_screen(xa, ya)))
            path.lineTo(QPointF(*viewport.to_screen(xb, yb)))
        for tint, width in ((CASING, 4.2), (WHITE, 2.0)):
            painter.strokePath(path, QPen(tint, width))


def _symbol(one: np.void, *, hidden: bool) -> Symbol:
    label, status = int(one["label"]), int(one["status"])
    return Symbol(label, status, bool(one["ambiguous"]), hidden)


def _stamp(
    painter: QPainter,
    viewport: Viewport,
    near: QRectF,
    place: tuple[float, float],
    symbol: Symbol,
    size: float,
) -> None:
    x, y = viewport.to_screen(*place)
    if near.contains(x, y):
        painter.save()
        painter.translate(x, y)
        draw(painter, symbol, size)
        painter.restore()


def _plus(painter: QPainter, at: QPointF) -> None:
    path = QPainterPath()
    half = _PLUS / 2
    for way in (QPointF(half, 0), QPointF(0, half)):
        path.moveTo(at - way)
        path.lineTo(at + way)
    for tint, width in ((CASING, 4.2), (WHITE, 2.0)):
        painter.strokePath(path, QPen(tint, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))


def _broken(painter: QPainter, at: QPointF, across: float) -> None:
    """A ring of dashes: something is missing here."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(CASING, 4.2))
    painter.drawEllipse(at, across / 2, across / 2)
    pen = QPen(WHITE, 2.0)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    dash = pi * across / (2 * _DASHES) / 2.0
    pen.setDashPattern([dash, dash])
    painter.setPen(pen)
    painter.drawEllipse(at, across / 2, across / 2)


def _was(painter: QPainter, at: QPointF, symbol: Symbol, size: float) -> None:
    """The old label, small, in a broken ring at the upper right."""
    _broken(painter, at, 1.1 * size)
    painter.save()
    painter.translate(at)
    draw(painter, Symbol(symbol.label, 0, hidden=symbol.hidden), 0.6 * size)
    painter.restore()
