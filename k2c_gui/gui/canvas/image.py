"""The micrograph itself: only the pixels that are seen, from the level of detail that fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import floor, isfinite, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter

from k2c_gui.gui.jobs import Picture

from .viewport import Viewport

LOW, HIGH = 0.5, 99.5
"""Percentiles that are drawn black and white."""

CRISP = 8.0
"""Zoom from which pixels are drawn as squares."""

GAMMAS = (0.25, 4.0)

_MARGIN = 0.25
_STEPS = 4096
_WHOLE = 2_000_000
"""Pixels of a level that is toned as a whole."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """How grey values become screen greys.

    Attributes
    ----------
    low, high : float
        Grey values that are drawn black and white.
    gamma : float
        Above 1 the middle greys are brighter.
    invert, blur : bool
    """

    low: float = 0.0
    high: float = 255.0
    gamma: float = 1.0
    invert: bool = False
    blur: bool = False

    def curve(self, steps: int) -> NDArray[np.uint8]:
        """Screen grey at evenly spaced values from `low` to `high`."""
        tone = np.linspace(0.0, 1.0, steps) ** (1 / self.gamma)
        return np.round(255 * (1 - tone if self.invert else tone)).astype(np.uint8)


def from_picture(picture: Picture, contrast: Contrast) -> Contrast:
    """Take black and white from a picture's own percentiles."""
    low, high = picture.percentile(LOW), picture.percentile(HIGH)
    return replace(contrast, low=low, high=high if high > low else low + 1)


def suits(picture: Picture, contrast: Contrast) -> bool:
    """Whether a picture is neither a black nor a white nor a flat grey frame at this contrast."""
    low, high = picture.percentile(LOW), picture.percentile(HIGH)
    shared = min(high, contrast.high) - max(low, contrast.low)
    return shared > 0.1 * max(high - low, contrast.high - contrast.low)


class ImageLayer:
    """Paints a picture; pans and zooms cost the same at 2k and at 16k.

    Attributes
    ----------
    picture : Picture or None
    contrast : Contrast
    """

    def __init__(self) -> None:
        self.picture: Picture | None = None
        self.contrast = Contrast()
        self._asked: object = None
        self._seen: dict[int, tuple[tuple[int, int, int, int], QImage]] = {}

    def level(self, viewport: Viewport) -> int:
        """The coarsest level that is at least as fine as the screen."""
        if self.picture is None:
            return 0
        finest = floor(log2(1 / (viewport.zoom * viewport.ratio)) + 0.05)
        return min(len(self.picture.levels) - 1, max(0, finest))

    def grey_at(self, x: float, y: float) -> float | None:
        """Grey value of a pixel as stored; None outside."""
        if self.picture is None:
            return None
        pixels = self.picture.levels[0]
        column, row = floor(x), floor(y)
        if not (0 <= row < pixels.shape[0] and 0 <= column < pixels.shape[1]):
            return None
        return float(pixels[row, column])

    def paint(self, painter: QPainter, viewport: Viewport, area: QRectF) -> None:
        """Paint what lies in an area of the screen."""
        if self.picture is None:
            return
        level = self.level(viewport)
        window = self._window(viewport, area, level, margin=0.0)
        if window[0] >= window[1] or window[2] >= window[3]:
            return
        question = (self.picture, self.contrast)
        if question != self._asked:
            self._asked, self._seen = question, {}
        seen = self._seen.get(level)
        if seen is None or not _holds(seen[0], window):
            window = self._ahead(viewport, level)
            seen = self._seen[level] = window, self._toned(level, window)
        left, right, top, bottom = (side << level for side in seen[0])
        x, y = viewport.to_screen(float(left), float(top))
        target = QRectF(x, y, (right - left) * viewport.zoom, (bottom - top) * viewport.zoom)
        painter.setRenderHint(
            QPainter.RenderHint.SmoothPixmapTransform, viewport.zoom * viewport.ratio < CRISP
        )
        painter.drawImage(target, seen[1])

    def _ahead(self, viewport: Viewport, level: int) -> tuple[int, int, int, int]:
        """More of a level than the window shows, or all of it: a zoom wants that next."""
        height, width = self.picture.levels[level].shape if self.picture else (0, 0)
        if height * width <= _WHOLE:
            return 0, width, 0, height
        whole = QRectF(0, 0, viewport.width, viewport.height)
        return self._window(viewport, whole, level, margin=_MARGIN)

    def _window(
        self, viewport: Viewport, area: QRectF, level: int, margin: float
    ) -> tuple[int, int, int, int]:
        """Columns and rows (left, right, top, bottom) of a level that an area shows."""
        pixels = self.picture.levels[level] if self.picture else np.zeros((0, 0))
        left, top = viewport.to_image(area.left(), area.top())
        right, bottom = viewport.to_image(area.right(), area.bottom())
        dx, dy = margin * (right - left), margin * (bottom - top)
        scale = 1 << level
        return (
            max(0, floor((left - dx) / scale)),
            min(pixels.shape[1], floor((right + dx) / scale) + 2),
            max(0, floor((top - dy) / scale)),
            min(pixels.shape[0], floor((bottom + dy) / scale) + 2),
        )

    def _toned(self, level: int, window: tuple[int, int, int, int]) -> QImage:
        if self.picture is None:
            return QImage()
        left, right, top, bottom = window
        part = self.picture.levels[level][top:bottom, left:right]
        return screen(part, self.contrast, stored_inverted=self.picture.inverted)


def screen(pixels: NDArray[Any], contrast: Contrast, *, stored_inverted: bool = False) -> QImage:
    """Pixels as they are shown.

    Parameters
    ----------
    pixels : (height, width) ndarray
    contrast : Contrast
    stored_inverted : bool
        The file means dark by large values.
    """
    contrast = replace(contrast, invert=contrast.invert != stored_inverted)
    height, width = pixels.shape
    if pixels.dtype == np.uint8 and not contrast.blur:
        # Qt looks colours up five times faster than numpy
        pixels = np.ascontiguousarray(pixels)
        image = QImage(pixels.data, width, height, width, QImage.Format.Format_Indexed8)
        image.setColorTable(_colours(contrast))
        return image.convertToFormat(QImage.Format.Format_RGB32)
    grey = _grey(pixels, contrast)
    if contrast.blur:
        grey = _blurred(grey)
    grey = np.ascontiguousarray(grey)
    image = QImage(grey.data, width, height, width, QImage.Format.Format_Grayscale8)
    # what the screen blits fastest; the copy also owns its pixels
    return image.convertToFormat(QImage.Format.Format_RGB32)


def _colours(contrast: Contrast) -> list[int]:
    grey = _grey(np.arange(256, dtype=np.uint8)[None], contrast)[0]
    return [(255 << 24) + value * 0x10101 for value in grey.tolist()]


def _grey(pixels: NDArray[Any], contrast: Contrast) -> NDArray[np.uint8]:
    kind, size = pixels.dtype.kind, pixels.dtype.itemsize
    span = (contrast.high - contrast.low) or 1.0
    curve = contrast.curve(_STEPS)
    last = _STEPS - 1
    if kind in "ub" and size <= 2:
        value = np.arange(1 << (8 * size), dtype=np.float64)
        step = np.clip((value - contrast.low) * (last / span), 0, last).astype(np.int64)
        return np.asarray(curve[step][pixels.astype(f"u{size}", copy=False)])
    value32 = (pixels.astype(np.float32) - np.float32(contrast.low)) * np.float32(last / span)
    value32 = np.nan_to_num(value32, copy=False, nan=0.0)
    return np.asarray(curve[np.clip(value32, 0, last).astype(np.uint16)])


def _blurred(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Binomial over 5 x 5 px, standard deviation 1 px."""
    wide = np.pad(grey, 2, mode="edge").astype(np.uint16)
    for _ in range(2):
        wide = wide[:-2] + 2 * wide[1:-1] + wide[2:]
        wide = wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]
        wide = ((wide + 8) >> 4).astype(np.uint16)
    return wide.astype(np.uint8)


def _holds(outer: tuple[int, int, int, int], inner: tuple[int, int, int, int]) -> bool:
    return (
        outer[0] <= inner[0]
        and outer[1] >= inner[1]
        and outer[2] <= inner[2]
        and outer[3] >= inner[3]
    )


def contrast_from(state: object) -> Contrast | None:
    """Read a contrast that was kept as JSON; None when it is not one."""
    if not isinstance(state, Mapping):
        return None
    numbers = [state.get(name) for name in ("low", "high", "gamma")]
    if not all(isinstance(n, int | float) and isfinite(n) for n in numbers):
        return None
    low, high, gamma = (float(n) for n in numbers if isinstance(n, int | float))
    if low >= high:
        return None
    return Contrast(
        low,
        high,
        min(GAMMAS[1], max(GAMMAS[0], gamma)),
        state.get("invert") is True,
        state.get("blur") is True,
    )
