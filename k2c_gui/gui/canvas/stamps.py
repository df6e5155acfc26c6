"""Many small things drawn fast: the same few pictures again and again, and lines by the thousand.

`QPainter` takes whole arrays of fragments and lines, if it is handed their address; one call for
all of them costs a hundredth of one call each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPixmap
from shiboken6 import Shiboken

from k2c_gui.core.model import Floats, Ints

from .viewport import Viewport

MANY, MANY_LARGE = 1000, 3000
"""Small and large stamps; from here on numpy writes them, five times faster than Qt blends them."""

_SMALL = 13

MOST = 800_000
"""Pixels that are written for one layer; beyond, each stamp is drawn with fewer."""

_FAINT = 32
_TINY = 9

Draw = Callable[[QPainter], None]

Seen = list[tuple[int, Floats, Floats]]
"""A picture, and the x and y of those of its places that are in sight."""

Places = Sequence[tuple[Floats, Floats]]
"""For each picture the x and y of its places, px of the image; y in rising order."""


class Stamps:
    """Some small pictures, side by side.

    Parameters
    ----------
    draws : sequence of callable
        Each paints one picture around the origin of an antialiased painter.
    side : float
        Room that one picture takes, screen px.
    ratio : float
        Device px per screen px.
    """

    def __init__(self, draws: Sequence[Draw], side: float, ratio: float) -> None:
        self._ratio = ratio
        self.side = int(np.ceil(side * ratio)) | 1
        sheet = QImage(
            self.side * max(1, len(draws)), self.side, QImage.Format.Format_ARGB32_Premultiplied
        )
        sheet.fill(Qt.GlobalColor.transparent)
        painter = QPainter(sheet)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for i, draw in enumerate(draws):
            painter.save()
            painter.translate((i + 0.5) * self.side, self.side / 2)
            painter.scale(ratio, ratio)
            draw(painter)
            painter.restore()
        painter.end()
        self._sheet = QPixmap.fromImage(sheet)
        pixels = np.frombuffer(sheet.constBits(), np.uint32).reshape(self.side, -1)
        # (rows, pictures, columns) -> pictures first
        cells = pixels.reshape(self.side, max(1, len(draws)), self.side)
        self._pixels = np.ascontiguousarray(cells.transpose(1, 0, 2))
        # half of the side of the square that holds what is not transparent
        self._reach = np.array([_reach(cell) for cell in self._pixels], np.int64)
        self._parts: dict[str, list[Ints]] = {}

    def draw(self, painter: QPainter, viewport: Viewport, places: Places, area: QRectF) -> None:
        """Draw a picture at each of many places.

        Parameters
        ----------
        painter : QPainter
            Scaled by the ratio and by nothing else.
        viewport : Viewport
        places : Places
        area : QRectF
            The only part that is painted, screen px.
        """
        seen: Seen = []
        for kind, (x, y) in enumerate(places):
            own = within(x, y, viewport, area, self.side)
            if len(own):
                seen.append((kind, x[own], y[own]))
        if not seen:
            return
        # the same for every part of the window, so that they fit together
        about = expected(sum(len(x) for x, _ in places), viewport)
        painter.save()
        painter.resetTransform()
        if about > (MANY if self.side <= _SMALL else MANY_LARGE):
            self._write(painter, viewport, seen, area, about)
        else:
            self._blend(painter, viewport, seen)
        painter.restore()

    def _corner(
        self, viewport: Viewport, x: Floats, y: Floats, from_x: int, from_y: int
    ) -> tuple[Ints, Ints]:
        """Upper left corners of stamps, device px from a place that none lies left of or above."""
        half, ratio = self.side // 2, self._ratio
        scale = viewport.zoom * ratio
        left = (x * scale + (viewport.left * ratio - half - from_x)).astype(np.int64)
        top = (y * scale + (viewport.top * ratio - half - from_y)).astype(np.int64)
        return left, top

    def _blend(self, painter: QPainter, viewport: Viewport, seen: Seen) -> None:
        far = -1_000_000
        which = np.repeat([kind for kind, _, _ in seen], [len(x) for _, x, _ in seen])
        x, y = (np.concatenate([at[axis] for at in seen]) for axis in (1, 2))
        left, top = self._corner(viewport, x, y, far, far)
        rows = np.zeros((len(left), 10))
        rows[:, 0], rows[:, 1] = left + (far + self.side / 2), top + (far + self.side / 2)
        reach = self._reach[which]
        rows[:, 2] = which * self.side + self.side // 2 - reach
        rows[:, 3] = self.side // 2 - reach
        rows[:, 4] = rows[:, 5] = 2 * reach + 1
        rows[:, [6, 7, 9]] = 1.0
        first: Any = Shiboken.wrapInstance(rows.ctypes.data, QPainter.PixmapFragment)
        painter.drawPixmapFragments(first, len(rows), self._sheet)

    def _write(
        self,
        painter: QPainter,
        viewport: Viewport,
        seen: Seen,
        area: QRectF,
        expected: int,
    ) -> None:
        ratio, side = self._ratio, self.side
        # room for all that `within` lets in
        room = ceil(side * (ratio + 1)) + 2
        x0, y0 = floor(area.left() * ratio) - room, floor(area.top() * ratio) - room
        width = ceil(area.width() * ratio) + 2 * room + side
        height = ceil(area.height() * ratio) + 2 * room + side
        starts = []
        for kind, x, y in seen:
            left, top = self._corner(viewport, x, y, x0, y0)
            starts.append((kind, top * width + left))
        buffer = _room(height * width)
        buffer.fill(0)
        # solid pixels last: a neighbour's edge never covers them
        for part in self._affordable(expected):
            for kind, own in starts:
                # one pixel of all stamps at a time is four times faster than all at once
                for row, column in self._part(part)[kind].tolist():
                    buffer[own + (row * width + column)] = self._pixels[kind, row, column]
        image = QImage(
            buffer.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied
        )
        painter.drawImage(QPointF(x0, y0), image)

    def _affordable(self, expected: int) -> tuple[str, ...]:
        """Which pixels of the stamps to write, first to last."""
        mean = {
            name: sum(map(len, self._part(name))) / max(1, len(self._pixels))
            for name in ("faint", "solid")
        }
        if expected * (mean["faint"] + mean["solid"]) <= MOST:
            return "faint", "solid"
        if self.side <= _TINY and expected * mean["solid"] > MOST:
            return ("strongest",)
        return ("solid",)

    def _part(self, name: str) -> list[Ints]:
        """Rows and columns of some pixels, a stamp."""
        if name not in self._parts:
            self._parts[name] = [_PARTS[name](cell >> 24) for cell in self._pixels]
        return self._parts[name]


@lru_cache(maxsize=4)
def _room(n: int) -> NDArray[np.uint32]:
    """Pixels to write to, used again and again: fresh memory costs a page fault a page."""
    return np.empty(n, np.uint32)


def _reach(pixels: NDArray[np.uint32]) -> int:
    drawn = np.argwhere(pixels)
    return int(np.abs(drawn - len(pixels) // 2).max(initial=0))


def _solid(alpha: NDArray[np.uint32]) -> Ints:
    return np.argwhere(alpha >= 0.85 * max(1, int(alpha.max())))


def _faint(alpha: NDArray[np.uint32]) -> Ints:
    return np.argwhere((alpha >= _FAINT) & (alpha < 0.85 * int(alpha.max())))


def _strongest(alpha: NDArray[np.uint32]) -> Ints:
    """The five strongest, from the middle outwards: a dot of 2 px is no more."""
    away = ((np.indices(alpha.shape) - len(alpha) // 2) ** 2).sum(axis=0)
    order = np.lexsort((away.ravel(), -alpha.astype(np.int64).ravel()))[:5]
    return np.column_stack(np.divmod(order, len(alpha)))


_PARTS = {"faint": _faint, "solid": _solid, "strongest": _strongest}


def within(x: Floats, y: Floats, viewport: Viewport, area: QRectF, reach: float) -> Ints:
    """Find the places on the image that can touch an area of the screen.

    Parameters
    ----------
    x, y : (n,) float64
        px of the image; y in rising order.
    viewport : Viewport
    area : QRectF
        Screen px.
    reach : float
        Screen px by which things stick out.

    Returns
    -------
    (n_found,) int64
    """
    left, top = viewport.to_image(area.left() - reach, area.top() - reach)
    right, bottom = viewport.to_image(area.right() + reach, area.bottom() + reach)
    first, last = np.searchsorted(y, (top, bottom))
    beside = x[first:last]
    return np.flatnonzero((beside >= left) & (beside <= right)) + int(first)


def expected(n: int, viewport: Viewport) -> int:
    """How many of n things the window holds, about; the same for every part of it."""
    shown = viewport.width * viewport.height / viewport.zoom**2
    return int(n * min(1.0, shown / max(1, viewport.image_width * viewport.image_height)))


def by_kind(x: Floats, y: Floats, kind: Ints, n: int) -> Places:
    """Part places by their picture once: it costs more than to write them.

    Parameters
    ----------
    x, y : (n_places,) float64
        px of the image; y in rising order.
    kind : (n_places,) integer
        Place of the picture.
    n : int
        How many pictures there are.
    """
    own = [kind == i for i in range(n)]
    return [(x[mine], y[mine]) for mine in own]


def draw_lines(painter: QPainter, ends: NDArray[np.float64]) -> None:
    """Draw lines with the painter's pen.

    Parameters
    ----------
    painter : QPainter
    ends : (n, 4) float64
        x, y, x, y of each, screen px.
    """
    if len(ends):
        ends = np.ascontiguousarray(ends)
        first: Any = Shiboken.wrapInstance(ends.ctypes.data, QLineF)
        painter.drawLines(first, len(ends))
