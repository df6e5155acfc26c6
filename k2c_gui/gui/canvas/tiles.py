"""Tiles: their borders, and a grey veil where fewer volunteers looked."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter, QPen

from k2c_gui.core import exposure
from k2c_gui.core.model import Floats, Ints, Table
from k2c_gui.core.review import Evidence

from .stamps import draw_lines
from .viewport import Viewport

_VEIL = QColor("#77777B")
_THICKEST = 0.72


class TilesLayer:
    """Paints the borders of the tiles."""

    def __init__(self) -> None:
        self._lines: Floats = np.zeros((0, 4))

    def show(self, evidence: Evidence) -> None:
        """Take the tiles of a micrograph."""
        self._lines = borders(evidence.tiles)

    def paint(self, painter: QPainter, viewport: Viewport, _area: QRectF) -> None:
        """Paint the borders."""
        ends = self._lines * viewport.zoom + np.array([viewport.left, viewport.top] * 2)
        ends = np.round(ends * viewport.ratio) / viewport.ratio
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for pen in (QPen(QColor(0, 0, 0, 70), 3.0), QPen(QColor(255, 255, 255, 105), 1.0)):
            painter.setPen(pen)
            draw_lines(painter, ends)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)


class ExposureLayer:
    """Paints a veil, the thicker the fewer looks a spot had."""

    def __init__(self) -> None:
        self._evidence: Evidence | None = None
        self._x: Floats = np.zeros(0)
        self._y: Floats = np.zeros(0)
        self._looks: Ints = np.zeros((0, 0), np.int64)

    def show(self, evidence: Evidence) -> None:
        """Take the looks at a micrograph."""
        if evidence is not self._evidence:
            self._evidence = evidence
            self._x, self._y, self._looks = regions(evidence)

    @property
    def full(self) -> int:
        """Looks at which there is no veil."""
        return 0 if self._evidence is None else self._evidence.full_exposure

    def looks_at(self, x: float, y: float) -> int:
        """Looks that a spot had, px."""
        if self._evidence is None:
            return 0
        at = np.array([x]), np.array([y])
        return int(exposure.at(*at, self._evidence.tiles, self._evidence.looks_per_tile)[0])

    def paint(self, painter: QPainter, viewport: Viewport, area: QRectF) -> None:
        """Paint the veil."""
        if self._evidence is None or not self._looks.size:
            return
        full = self._evidence.full_exposure
        x, y = viewport.to_screen(self._x, self._y)
        x, y = (np.round(edges * viewport.ratio) / viewport.ratio for edges in (x, y))
        for row, column in np.argwhere(self._looks < full).tolist():
            cell = QRectF(x[column], y[row], x[column + 1] - x[column], y[row + 1] - y[row])
            if cell.intersects(area):
                painter.fillRect(cell, veil(float(self._looks[row, column]) / full))


def veil(share: float) -> QColor:
    """What lies over a spot that had that share of the full number of looks."""
    tint = QColor(_VEIL)
    tint.setAlphaF(_THICKEST * (1 - share))
    return tint


def regions(evidence: Evidence) -> tuple[Floats, Floats, Ints]:
    """Cut a micrograph at the borders of its tiles.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    x, y : (n_columns + 1,), (n_rows + 1,) float64
        Cuts, px.
    looks : (n_rows, n_columns) int64
    """
    tiles = evidence.tiles
    x = np.unique(np.concatenate([tiles["x0"], tiles["x0"] + tiles["width"]]))
    y = np.unique(np.concatenate([tiles["y0"], tiles["y0"] + tiles["height"]]))
    if not len(tiles):
        return x, y, np.zeros((0, 0), np.int64)
    at_x, at_y = np.meshgrid((x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2)
    looks = exposure.at(at_x.ravel(), at_y.ravel(), tiles, evidence.looks_per_tile)
    return x, y, looks.reshape(at_x.shape)


def borders(tiles: Table) -> Floats:
    """Borders as lines; where tiles share one it is drawn once.

    Parameters
    ----------
    tiles : (n,) TILE

    Returns
    -------
    (n_lines, 4) float64
        x, y, x, y, px.
    """
    right, bottom = tiles["x0"] + tiles["width"], tiles["y0"] + tiles["height"]
    both = np.r_[tiles["x0"], right], np.tile(tiles["y0"], 2), np.tile(bottom, 2)
    down = [(x, a, x, b) for x, a, b in _joined(*both)]
    both = np.r_[tiles["y0"], bottom], np.tile(tiles["x0"], 2), np.tile(right, 2)
    across = [(a, y, b, y) for y, a, b in _joined(*both)]
    return np.array(down + across, float).reshape(-1, 4)


def _joined(at: Floats, start: Floats, stop: Floats) -> list[tuple[float, float, float]]:
    """Join the stretches along each line that touch."""
    joined: list[tuple[float, float, float]] = []
    for c, a, b in sorted(zip(at.tolist(), start.tolist(), stop.tolist(), strict=True)):
        if joined and joined[-1][0] == c and a <= joined[-1][2]:
            joined[-1] = (c, joined[-1][1], max(b, joined[-1][2]))
        else:
            joined.append((c, a, b))
    return joined
