"""Groups: an outline around the marks of each, and spokes in the selected one."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter, QPen

from k2c_gui.core.model import Floats
from k2c_gui.gui.symbols import centroid_size

from .scene import Scene
from .stamps import draw_lines, expected
from .viewport import Viewport

_SIDES = 16
_ROOM = 2.0
"""px of the image between the outermost marks and the outline."""

_FEW = 600
"""Outlines in the window; antialiasing more of them costs more than a frame."""


class GroupsLayer:
    """Paints the outlines; they are worked out when they are first seen."""

    def __init__(self) -> None:
        self._scene: Scene | None = None
        self._outlines: Floats | None = None
        self._low = self._high = np.zeros((0, 2))
        self._size: Floats = np.zeros(0)

    def show(self, scene: Scene) -> None:
        """Take the groups of a scene."""
        if scene is not self._scene:
            self._scene, self._outlines = scene, None

    def paint(self, painter: QPainter, viewport: Viewport, area: QRectF) -> None:
        """Paint the outlines in an area of the screen."""
        if self._scene is None:
            return
        if self._outlines is None:
            self._outlines = outlines(self._scene)
            self._low, self._high = self._outlines.min(axis=1), self._outlines.max(axis=1)
            self._size = (self._high - self._low).max(axis=1, initial=0)
        left, top = viewport.to_image(area.left() - 2, area.top() - 2)
        right, bottom = viewport.to_image(area.right() + 2, area.bottom() + 2)
        seen = (self._high > (left, top)).all(axis=1) & (self._low < (right, bottom)).all(axis=1)
        # the others lie below their centroid's symbol
        seen &= self._size * viewport.zoom > centroid_size(viewport.zoom)
        x, y = viewport.to_screen(self._outlines[seen, :, 0], self._outlines[seen, :, 1])
        sides = np.stack([x, y, np.roll(x, -1, axis=1), np.roll(y, -1, axis=1)], axis=-1)
        few = expected(len(self._outlines), viewport) < _FEW
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, few)
        pens = [QPen(QColor(0, 0, 0, 110), 2.8)] if few else []
        for pen in (*pens, QPen(QColor(255, 255, 255, 190), 1.2 if few else 1.0)):
            painter.setPen(pen)
            draw_lines(painter, sides.reshape(-1, 4))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)


class Spokes:
    """Paints a line from each mark of the selected instance to its centroid."""

    def __init__(self) -> None:
        self._ends: Floats = np.zeros((0, 4))

    def show(self, scene: Scene | None, row: int) -> None:
        """Take the marks of an instance; -1 for none."""
        if scene is None or row < 0:
            self._ends = np.zeros((0, 4))
            return
        own = scene.marks_of(row)
        x, y = scene.opinions.x[own], scene.opinions.y[own]
        to = scene.instances[row]
        self._ends = np.stack([x, y, np.full_like(x, to["x"]), np.full_like(y, to["y"])], axis=1)

    def box(self) -> QRectF:
        """What the spokes lie in, px of the image; empty without any."""
        if not len(self._ends):
            return QRectF()
        ends = self._ends.reshape(-1, 2)
        (left, top), (right, bottom) = ends.min(axis=0).tolist(), ends.max(axis=0).tolist()
        return QRectF(left, top, right - left, bottom - top)

    def paint(self, painter: QPainter, viewport: Viewport, _area: QRectF) -> None:
        """Paint the spokes."""
        if not len(self._ends):
            return
        painter.setPen(QPen(QColor(255, 255, 255, 89), 1.0))
        origin = np.array([viewport.left, viewport.top] * 2)
        draw_lines(painter, self._ends * viewport.zoom + origin)


def outlines(scene: Scene) -> Floats:
    """Outline the marks of every instance.

    The outermost marks in 16 directions bound a polygon that holds all marks; it is the convex
    hull but for corners that are cut, and costs one pass over the marks a direction.

    Parameters
    ----------
    scene : Scene

    Returns
    -------
    (n_groups, 16, 2) float64
        Corners, px; instances without marks that count are left out.
    """
    member = np.flatnonzero(scene.row >= 0)
    if not len(member):
        return np.zeros((0, _SIDES, 2))
    order = member[np.argsort(scene.row[member], kind="stable")]
    row = scene.row[order]
    first = np.flatnonzero(np.r_[True, row[1:] != row[:-1]])
    x, y = scene.opinions.x[order], scene.opinions.y[order]
    angle = np.arange(_SIDES) * (2 * np.pi / _SIDES)
    cos, sin = np.cos(angle), np.sin(angle)
    reach = np.stack(
        [np.maximum.reduceat(x * c + y * s, first) + _ROOM for c, s in zip(cos, sin, strict=True)],
        axis=1,
    )
    # where the tangents of neighbouring directions meet
    after = np.roll(reach, -1, axis=1)
    turn = np.sin(2 * np.pi / _SIDES)
    corner_x = (reach * np.roll(sin, -1) - after * sin) / turn
    corner_y = (after * cos - reach * np.roll(cos, -1)) / turn
    return np.stack([corner_x, corner_y], axis=-1)
