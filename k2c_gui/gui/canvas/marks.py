"""Volunteers' marks: dots coloured by what was said of them, and rings for noise."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from k2c_gui.core.model import NO_LABEL, Ints
from k2c_gui.gui.style import HEAT, UNLABELLED
from k2c_gui.gui.symbols import centroid_size, label_colour, mark_size

from .scene import Scene
from .stamps import Draw, Places, Stamps, by_kind
from .viewport import Viewport

Colours = Literal["label", "agreement", "plain"]
COLOURS: tuple[Colours, ...] = ("label", "agreement", "plain")


class MarksLayer:
    """Paints the marks that are noise, or those that are not.

    Parameters
    ----------
    noise : bool
    """

    def __init__(self, *, noise: bool) -> None:
        self._noise = noise
        self._places: Places = ()
        self._palette: tuple[str, ...] = (UNLABELLED.name(),)

    def show(self, scene: Scene, colours: Colours) -> None:
        """Take the marks of a scene and colour them."""
        own = scene.noise == self._noise
        labels = scene.opinions.evidence.labels
        tints = [label_colour(label.value).name() for label in labels]
        self._palette = (UNLABELLED.name(), *tints, *HEAT)
        x, y = scene.opinions.x[own], scene.opinions.y[own]
        colour = colour_of_mark(scene, colours)[own]
        self._places = by_kind(x, y, colour, len(self._palette))

    def paint(self, painter: QPainter, viewport: Viewport, area: QRectF) -> None:
        """Paint the marks in an area of the screen."""
        size = (
            max(9.0, centroid_size(viewport.zoom)) * 0.34
            if self._noise
            else mark_size(viewport.zoom)
        )
        strong = viewport.zoom >= 1.5
        stamps = _stamps(self._palette, round(size * 4) / 4, self._noise, strong, viewport.ratio)
        stamps.draw(painter, viewport, self._places, area)


def colour_of_mark(scene: Scene, colours: Colours) -> Ints:
    """Place in the palette: 0 tells nothing, then the labels, then agreement from low to high."""
    known = scene.opinions
    n_labels = len(known.evidence.labels)
    if colours == "label":
        colour = np.where(known.label == NO_LABEL, 0, known.label + 1)
    elif colours == "agreement":
        step = np.nan_to_num(np.floor(known.agreement * len(HEAT)), nan=0.0).astype(np.int64)
        step = 1 + n_labels + np.minimum(step, len(HEAT) - 1)
        colour = np.where(np.isnan(known.agreement), 0, step)
    else:
        colour = np.zeros(len(known.x), np.int64)
    return np.where(scene.withheld, 0, colour).astype(np.int64)


@lru_cache(maxsize=64)
def _stamps(
    palette: tuple[str, ...], size: float, ring: bool, strong: bool, ratio: float
) -> Stamps:
    make = _ring if ring else _dot
    return Stamps(
        [make(QColor(tint), size, 0.85 if strong else 0.7) for tint in palette], size + 4, ratio
    )


def _dot(tint: QColor, size: float, alpha: float) -> Draw:
    tint = QColor(tint)
    tint.setAlphaF(alpha)

    def draw(painter: QPainter) -> None:
        painter.setPen(QPen(QColor(0, 0, 0, 148), 0.8))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QPointF(0, 0), size / 2 + 0.4, size / 2 + 0.4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tint)
        painter.drawEllipse(QPointF(0, 0), size / 2, size / 2)

    return draw


def _ring(tint: QColor, size: float, _alpha: float) -> Draw:
    def draw(painter: QPainter) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (QPen(QColor(0, 0, 0, 128), 2.6), QPen(tint, 1.2)):
            painter.setPen(pen)
            painter.drawEllipse(QPointF(0, 0), size / 2, size / 2)

    return draw
