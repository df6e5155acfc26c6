"""An edit before it is stored: parts in white shapes, a ghost where an instance would be."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from k2c_gui.core.drafts import Draft
from k2c_gui.core.edits import Basis
from k2c_gui.core.model import NO_LABEL, Floats
from k2c_gui.gui.style import CAPTION, CASING, PLATE, PLATE_TEXT, WHITE, font
from k2c_gui.gui.symbols import Symbol, centroid_size, draw

from .viewport import Viewport

SEED = 9.0
"""Radius of the number by which a part is dragged, screen px."""

_GLYPH = 4.2
"""Half of the side of a mark's shape, screen px."""

Place = tuple[float, float]


class Preview:
    """Paints a draft, or a centroid that is on its way to another place."""

    def __init__(self) -> None:
        self._parts: list[tuple[Floats, Floats]] = []
        self._ghosts: list[tuple[float, float, Symbol]] = []
        self._from: list[Place] = []
        self.seeds: list[Place] = []

    def show(self, draft: Draft | None, basis: Basis | None, old: list[Place]) -> None:
        """Take a draft; None for nothing.

        Parameters
        ----------
        draft : Draft or None
        basis : Basis or None
            That it was made on.
        old : list of (float, float)
            Where the instances are that it is made of, px of the image.
        """
        self._parts, self._ghosts, self.seeds, self._from = [], [], [], []
        if draft is None or basis is None:
            return
        marks = basis.evidence.marks
        if draft.kind == "split":
            for own in draft.parts:
                at = basis.places(own)
                self._parts.append((marks["x"][at], marks["y"][at]))
            self.seeds = list(draft.seeds)
        elif draft.kind == "merge":
            self._from = old
        sign = "expert" if draft.kind == "add" else ""
        for x, y, label in zip(draft.x, draft.y, draft.labels, strict=True):
            unknown = label is None
            value = NO_LABEL if label is None else label
            ring = unknown and draft.kind != "add"
            self._ghosts.append((x, y, Symbol(value, ambiguous=ring, sign=sign)))

    def carry(self, old: Place, new: Place, symbol: Symbol) -> None:
        """Show a centroid on its way."""
        self._from, self._ghosts = [old], [(*new, symbol)]
        self._parts, self.seeds = [], []

    def put_seed(self, i: int, place: Place) -> None:
        """Show a seed elsewhere, until its parts are known."""
        self.seeds[i] = place

    def paint(self, painter: QPainter, viewport: Viewport, _area: QRectF) -> None:
        """Paint lines, the marks of each part, ghosts, and the numbers to drag."""
        self._paint_lines(painter, viewport)
        for i, part in enumerate(self._parts):
            self._paint_part(painter, viewport, i, *part)
        size = centroid_size(viewport.zoom)
        for x, y, symbol in self._ghosts:
            painter.save()
            painter.translate(*viewport.to_screen(x, y))
            draw(painter, symbol, size)
            painter.restore()
        for i, seed in enumerate(self.seeds):
            _number(painter, QPointF(*viewport.to_screen(*seed)), str(i + 1))

    def _paint_lines(self, painter: QPainter, viewport: Viewport) -> None:
        path = QPainterPath()
        for old in self._from:
            for x, y, _ in self._ghosts:
                path.moveTo(QPointF(*viewport.to_screen(*old)))
                path.lineTo(QPointF(*viewport.to_screen(x, y)))
        painter.strokePath(path, QPen(CASING, 4.2))
        painter.strokePath(path, QPen(WHITE, 2.0))

    def _paint_part(
        self, painter: QPainter, viewport: Viewport, i: int, x: Floats, y: Floats
    ) -> None:
        at_x, at_y = viewport.to_screen(x, y)
        glyph, filled = _glyph(i), i % 2 == 0
        to = QPointF(*viewport.to_screen(*self._ghosts[i][:2]))
        faint = QColor(255, 255, 255, 130)
        for here in map(QPointF, at_x.tolist(), at_y.tolist()):
            painter.setPen(QPen(QColor(0, 0, 0, 110), 2.6))
            painter.drawLine(here, to)
            painter.setPen(QPen(faint, 1.0))
            painter.drawLine(here, to)
        for here in np.column_stack([at_x, at_y]).tolist():
            path = glyph.translated(*here)
            painter.strokePath(path, QPen(CASING, 4.0))
            if filled:
                painter.fillPath(path, WHITE)
            painter.strokePath(path, QPen(WHITE, 1.4))


def _glyph(i: int) -> QPainterPath:
    """The shape of a part's marks: no two of nine parts have shape and filling in common."""
    r = _GLYPH
    path = QPainterPath()
    kind = i // 2 % 5
    if kind == 0:
        path.addEllipse(QPointF(0, 0), r, r)
    elif kind == 1:
        path.addRect(-0.9 * r, -0.9 * r, 1.8 * r, 1.8 * r)
    elif kind == 2:
        _polygon(path, [(0, -1.2 * r), (1.1 * r, 0.8 * r), (-1.1 * r, 0.8 * r)])
    elif kind == 3:
        _polygon(path, [(0, -1.25 * r), (1.25 * r, 0), (0, 1.25 * r), (-1.25 * r, 0)])
    else:
        path.moveTo(-r, 0)
        path.lineTo(r, 0)
        path.moveTo(0, -r)
        path.lineTo(0, r)
    return path


def _polygon(path: QPainterPath, points: list[Place]) -> None:
    path.moveTo(*points[0])
    for point in points[1:]:
        path.lineTo(*point)
    path.closeSubpath()


def _number(painter: QPainter, at: QPointF, words: str) -> None:
    """A dark disc with a white edge and a number on it."""
    painter.setBrush(PLATE)
    painter.setPen(QPen(WHITE, 1.4))
    painter.drawEllipse(at, SEED, SEED)
    painter.setFont(font(CAPTION, 600))
    painter.setPen(PLATE_TEXT)
    box = QRectF(at.x() - SEED, at.y() - SEED, 2 * SEED, 2 * SEED)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextDontClip, words)
