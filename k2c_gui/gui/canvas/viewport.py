"""Which part of a micrograph the window shows, and how large."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

LARGEST = 40.0
"""Screen px per image px."""

SMALLEST = 0.5
"""Of the zoom at which the whole micrograph fits."""

Number = TypeVar("Number", float, NDArray[np.float64])


@dataclass(frozen=True, slots=True)
class Viewport:
    """A window onto an image; lengths on the screen are device-independent px.

    Attributes
    ----------
    width, height : int
        Of the window, screen px.
    image_width, image_height : int
        px.
    zoom : float
        Screen px per image px.
    left, top : float
        Where the image's corner lies on the screen; whole device px, so that what is painted
        once can be scrolled.
    ratio : float
        Device px per screen px.
    """

    width: int
    height: int
    image_width: int
    image_height: int
    zoom: float = 1.0
    left: float = 0.0
    top: float = 0.0
    ratio: float = 1.0

    def to_screen(self, x: Number, y: Number) -> tuple[Number, Number]:
        """Screen position of a place on the image."""
        return x * self.zoom + self.left, y * self.zoom + self.top

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        """Place on the image, px, below a screen position."""
        return (x - self.left) / self.zoom, (y - self.top) / self.zoom

    @property
    def centre(self) -> tuple[float, float]:
        """Place on the image in the middle of the window, px."""
        return self.to_image(self.width / 2, self.height / 2)

    @property
    def fitting_zoom(self) -> float:
        """Zoom at which the whole image is seen."""
        return min(
            self.width / max(1, self.image_width), self.height / max(1, self.image_height), LARGEST
        )

    def fitted(self) -> Viewport:
        """The whole image, in the middle."""
        return self.at(self.image_width / 2, self.image_height / 2, self.fitting_zoom)

    def at(self, x: float, y: float, zoom: float | None = None) -> Viewport:
        """A place on the image in the middle of the window."""
        zoom = min(LARGEST, max(SMALLEST * self.fitting_zoom, zoom or self.zoom))
        left, top = self.width / 2 - x * zoom, self.height / 2 - y * zoom
        return replace(self, zoom=zoom, left=left, top=top)._snapped()

    def zoomed(self, factor: float, x: float, y: float) -> Viewport:
        """Larger by a factor; what lies below a screen position stays there."""
        zoom = min(LARGEST, max(SMALLEST * self.fitting_zoom, self.zoom * factor))
        grown = zoom / self.zoom
        left, top = x - (x - self.left) * grown, y - (y - self.top) * grown
        return replace(self, zoom=zoom, left=left, top=top)._held()

    def moved(self, dx: float, dy: float) -> Viewport:
        """Pushed over the screen; the middle of the window stays on the image."""
        return replace(self, left=self.left + dx, top=self.top + dy)._held()

    def centred(self, x: float, y: float, slack: float) -> Viewport:
        """Moved so that a place on the image comes to the middle.

        Parameters
        ----------
        x, y : float
            px of the image.
        slack : float
            Share of the window around its middle in which a place is left where it is. Along a
            side that is seen whole nothing moves either.
        """
        at_x, at_y = self.to_screen(x, y)
        dx, dy = self.width / 2 - at_x, self.height / 2 - at_y
        if self._whole(self.left, self.image_width, self.width) or abs(dx) <= slack * self.width:
            dx = 0.0
        if self._whole(self.top, self.image_height, self.height) or abs(dy) <= slack * self.height:
            dy = 0.0
        return replace(self, left=self.left + dx, top=self.top + dy)._snapped()

    def resized(self, width: int, height: int, ratio: float) -> Viewport:
        """A window of another size with the same middle."""
        x, y = self.centre
        return replace(self, width=width, height=height, ratio=ratio).at(x, y)

    def onto(self, image_width: int, image_height: int) -> Viewport:
        """The same window, zoom and place on another image."""
        return replace(self, image_width=image_width, image_height=image_height)._held()

    def _whole(self, start: float, length: int, room: int) -> bool:
        return start >= -1 and start + length * self.zoom <= room + 1

    def _held(self) -> Viewport:
        left = min(self.width / 2, max(self.width / 2 - self.image_width * self.zoom, self.left))
        top = min(self.height / 2, max(self.height / 2 - self.image_height * self.zoom, self.top))
        return replace(self, left=left, top=top)._snapped()

    def _snapped(self) -> Viewport:
        left, top = (round(side * self.ratio) / self.ratio for side in (self.left, self.top))
        return replace(self, left=left, top=top)
