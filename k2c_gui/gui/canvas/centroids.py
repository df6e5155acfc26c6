"""Centroids as symbols, and the white corners of what is selected."""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from k2c_gui.gui.style import WHITE
from k2c_gui.gui.symbols import Symbol, centroid_size, corners, draw, pennant

from .scene import Scene
from .stamps import Places, Stamps, by_kind
from .surface import REACH
from .viewport import Viewport

_FLAGGED = 2
_OTHERS = 15.0
"""Half of the side of the corners around what is selected with the case, screen px."""


class CentroidsLayer:
    """Paints one symbol an instance."""

    def __init__(self) -> None:
        self._places: Places = ()
        self._symbols: tuple[Symbol, ...] = ()

    def show(self, scene: Scene) -> None:
        """Take the instances of a scene."""
        order = np.argsort(scene.instances["y"], kind="stable")
        x, y = (scene.instances[axis][order] for axis in "xy")
        self._symbols = scene.symbols
        self._places = by_kind(x, y, scene.symbol[order], len(scene.symbols))

    def paint(self, painter: QPainter, viewport: Viewport, area: QRectF) -> None:
        """Paint the symbols in an area of the screen."""
        size = round(centroid_size(viewport.zoom) * 2) / 2
        stamps = _stamps(self._symbols, size, viewport.ratio)
        stamps.draw(painter, viewport, self._places, area)


class FlagsLayer:
    """Paints a small white flag beside what is flagged; a hollow one beside a note."""

    def __init__(self) -> None:
        self._flags: list[tuple[float, float, bool]] = []

    def show(self, scene: Scene) -> None:
        """Take the remarks of a scene."""
        rows = np.flatnonzero(scene.said)
        x, y = (scene.instances[axis][rows].tolist() for axis in "xy")
        self._flags = list(zip(x, y, (scene.said[rows] == _FLAGGED).tolist(), strict=True))

    def paint(self, painter: QPainter, viewport: Viewport, area: QRectF) -> None:
        """Paint the flags in an area of the screen."""
        near = area.adjusted(-REACH, -REACH, REACH, REACH)
        # outside of a ring, and in the gap between the corners of what is selected
        away = max(_OTHERS, 1.1 * centroid_size(viewport.zoom)) + 9
        for at_x, at_y, flagged in self._flags:
            x, y = viewport.to_screen(at_x, at_y)
            if near.contains(x, y):
                painter.save()
                painter.translate(x - away, y + 5)
                pennant(painter, WHITE, filled=flagged)
                painter.restore()


class Selection:
    """Paints four corners around the selected case, smaller ones around others with it.

    Attributes
    ----------
    place : tuple of float or None
        px of the image.
    others : list of tuple of float
    swell : float
        1 at rest; larger while it pulses.
    """

    def __init__(self) -> None:
        self.place: tuple[float, float] | None = None
        self.others: list[tuple[float, float]] = []
        self.swell = 1.0

    def paint(self, painter: QPainter, viewport: Viewport, _area: QRectF) -> None:
        """Paint the corners, if there are any."""
        for other in self.others:
            x, y = viewport.to_screen(*other)
            painter.save()
            painter.translate(x, y)
            corners(painter, half=_OTHERS * self.swell, arm=5.0)
            painter.restore()
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
