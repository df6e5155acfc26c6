"""Crops by the page, of any micrographs, cut off the GUI thread and kept small."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QObject, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QPainter

from .crops import HALF, draw_crop
from .jobs import Picture, Pictures, Worker, decode

SIDE = 160
"""px of a kept crop."""

KEPT = 720
"""Crops in memory: twenty pages of 36, 70 MB."""

_LOW, _HIGH = 0.5, 99.5


@dataclass(frozen=True, slots=True)
class Spot:
    """A place that is cut out."""

    micrograph: int
    x: float
    y: float


class Thumbnails(QObject):
    """Cuts crops; one micrograph is decoded at a time, those wanted first go first.

    Parameters
    ----------
    pictures : Pictures
        What is decoded already is not decoded again.
    """

    ready = Signal()

    def __init__(self, pictures: Pictures) -> None:
        super().__init__()
        self._pictures = pictures
        self._kept: dict[Spot, QImage] = {}
        self._errors: dict[int, str] = {}
        self._wanted: list[Spot] = []
        self._worker = Worker(self._answered)
        self._worker.setParent(self)
        pictures.ready.connect(self._picture_came)

    def get(self, spot: Spot) -> QImage | None:
        """A crop if it is there."""
        return self._kept.get(spot)

    def error(self, micrograph: int) -> str:
        """Why a micrograph cannot be cut; empty where it can, or was not tried."""
        return self._errors.get(micrograph, "")

    def want(self, spots: Iterable[Spot]) -> None:
        """Cut these, the first of them first; what was wanted before is forgotten."""
        self._wanted = [spot for spot in spots if not self._known(spot)]
        self._ask()

    def settled(self) -> bool:
        """Whether nothing more is cut."""
        return not self._wanted and self._worker.busy_with is None

    def _known(self, spot: Spot) -> bool:
        return spot in self._kept or spot.micrograph in self._errors

    def _picture_came(self, micrograph: int) -> None:
        self._errors.pop(micrograph, None)  # it was found at another place

    def _ask(self) -> None:
        if not self._wanted or self._worker.busy_with is not None:
            return
        i = self._wanted[0].micrograph
        spots = [spot for spot in self._wanted if spot.micrograph == i]
        picture, path = self._pictures.peek(i), self._pictures.path(i)
        self._worker.ask(i, lambda: _cut(picture or decode(i, path), spots))

    def _answered(self, question: object, answer: object) -> None:
        i = question if isinstance(question, int) else -1
        if isinstance(answer, dict):
            self._kept |= answer
            for spot in list(self._kept)[: max(0, len(self._kept) - KEPT)]:
                del self._kept[spot]
        else:
            self._errors[i] = str(answer)
        self._wanted = [spot for spot in self._wanted if not self._known(spot)]
        self.ready.emit()
        self._ask()


def _cut(picture: Picture, spots: list[Spot]) -> dict[Spot, QImage]:
    low, high = picture.percentile(_LOW), picture.percentile(_HIGH)
    levels = (high, low) if picture.inverted else (low, high)
    found = {}
    for spot in spots:
        image = QImage(SIDE, SIDE, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(Qt.GlobalColor.transparent)  # beyond the border there is nothing
        painter = QPainter(image)
        draw_crop(painter, QRectF(0, 0, SIDE, SIDE), picture, levels, (spot.x, spot.y), HALF)
        painter.end()
        found[spot] = image
    return found
