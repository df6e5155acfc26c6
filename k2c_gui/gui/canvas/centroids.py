"""Centroids as symbols, and the white corners of what is selected."""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from k2c_gui.core.model import Floats, Ints
from k2c_gui.gui.symbols import Symbol, centroid_size, corners, draw

from .scene import Scene
from .stamps import Stamps
from .viewport import Viewport


class CentroidsLayer:
    """Paints one symbol an instance."""

    def __init__(self) -> None:
        self._x: Floats = np.zeros(0)
        self._y: Floats = np.zeros(0)
        self._symbols: tuple[Symbol, ...] = ()
        self._symbol: Ints = np.zeros(0, np.int64)

    def show(self, scene: Scene) -> None:
        """Take the instances of a scene."""
        order = np.argsort(scene.instances["y"], kind="stable")
        self._x, self._y = (scene.instances[axis][order] for axis in "xy")
        self._symbols, self._symbol = scene.symbols, scene.symbol[order]

    def paint(self, painter: QPainter, viewport: Viewport, area: QRectF) -> None:
        """Paint the symbols in an area of the screen."""
        size = round(centroid_size(viewport.zoom) * 2) / 2
        stamps = _stamps(self._symbols, size, viewport.ratio)
        stamps.draw(painter, viewport, self._x, self._y, self._symbol, area)


class Selection:
    """Paints the four corners around the selected instance.

    Attributes
    ----------
    place : tuple of float or None
        px of the image.
    swell : float
        1 at rest; larger while it pulses.
    """

    def __init__(self) -> None:
        self.place: tuple[float, float] | None = None
        self.swell = 1.0

    def paint(self, painter: QPainter, viewport: Viewport, _area: QRectF) -> None:
        """Paint the corners, if there are any."""
        if self.place is None:
            return
        x, y = viewport.to_screen(*self.place)
        painter.save()
        painter.translate(x, y)
        corners(painter, half=23.0 * self.swell)
        painter.restore()


@lru_cache(maxsize=64)
def _stamps(symbols: tuple[Symbol, ...], size: float, ratio: float) -> Stamps:
    return Stamps(
        [partial(draw, symbol=symbol, size=size) for symbol in symbols], 2.4 * size + 6, ratio
    )
