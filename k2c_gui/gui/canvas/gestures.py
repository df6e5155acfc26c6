"""What a drag on the image can do in place of a pan: draw a box or a lasso, or carry something."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from k2c_gui.core.model import Floats
from k2c_gui.gui.style import CASING, WHITE

from .surface import Surface
from .viewport import Viewport

_STEP = 2.0
"""Screen px between the corners of a lasso."""

Place = tuple[float, float]


class Band:
    """A box or a lasso that follows the pointer.

    Parameters
    ----------
    surface : Surface
    at : QPointF
        Where it begins, on the screen.
    lasso : bool
    done : callable
        Takes the corners, (n, 2) px of the image.
    """

    def __init__(
        self, surface: Surface, at: QPointF, *, lasso: bool, done: Callable[[Floats], None]
    ) -> None:
        self._surface, self._lasso, self._done = surface, lasso, done
        self._points = [at]

    def drag(self, at: QPointF) -> None:
        """Reach to the pointer."""
        if not self._lasso:
            del self._points[1:]
        if (at - self._points[-1]).manhattanLength() >= _STEP or not self._lasso:
            self._points.append(at)
        self._surface.show_overlay((self,))

    def drop(self, at: QPointF) -> None:
        """Take what is inside."""
        self.drag(at)
        view = self._surface.viewport
        corners = self._corners()
        self._done(np.array([view.to_image(point.x(), point.y()) for point in corners]))

    def paint(self, painter: QPainter, _viewport: Viewport, _area: QRectF) -> None:
        """Paint its edge: white, broken, on a dark casing."""
        edge = QPolygonF(self._corners())
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(CASING, 3.4))
        painter.drawPolygon(edge)
        pen = QPen(WHITE, 1.4)
        pen.setDashPattern([4, 3])
        painter.setPen(pen)
        painter.drawPolygon(edge)

    def _corners(self) -> list[QPointF]:
        if self._lasso:
            return self._points
        box = QRectF(self._points[0], self._points[-1]).normalized()
        return [box.topLeft(), box.topRight(), box.bottomRight(), box.bottomLeft()]


class Carry:
    """Something that the pointer carries to another place.

    Parameters
    ----------
    surface : Surface
    offset : QPointF
        From the pointer to what is carried, screen px.
    dragged, dropped : callable
        Take its place, px of the image.
    """

    def __init__(
        self,
        surface: Surface,
        offset: QPointF,
        dragged: Callable[[Place], object],
        dropped: Callable[[Place], object],
    ) -> None:
        self._surface, self._offset = surface, offset
        self._dragged, self._dropped = dragged, dropped

    def drag(self, at: QPointF) -> None:
        """Carry it along."""
        self._dragged(self._place(at))

    def drop(self, at: QPointF) -> None:
        """Leave it here."""
        self._dropped(self._place(at))

    def _place(self, at: QPointF) -> Place:
        at = at + self._offset
        return self._surface.viewport.to_image(at.x(), at.y())
