"""How sure the volunteers are, as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from .style import CAPTION, colour, font, px


class Histogram(QWidget):
    """How sure the volunteers are: instances by margin, and the line below which they ask."""

    bins = 40

    def __init__(self) -> None:
        super().__init__()
        self.heights = np.zeros(self.bins, np.int64)
        self.margin = 0.0

    def sizeHint(self) -> QSize:
        """As wide as there is room for."""
        return QSize(px(280), px(120))

    def minimumSizeHint(self) -> QSize:
        """Still to be read."""
        return QSize(px(120), px(84))

    def show_margins(self, margins: np.ndarray[Any, Any], margin: float) -> None:
        """Show the distribution of (first - second) / votes; nan has no votes.

        Parameters
        ----------
        margins : (n,) float64
        margin : float
            The line.
        """
        known = margins[~np.isnan(margins)]
        # closed at the right, for an instance at the margin is ambiguous
        place = np.ceil(np.round(known * self.bins, 9)).astype(np.int64) - 1
        self.heights = np.bincount(np.clip(place, 0, self.bins - 1), minlength=self.bins)
        self.margin = margin
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Bars, the part in question in its colour, the line, the scale."""
        painter = QPainter(self)
        painter.setFont(font(CAPTION))
        floor = self.height() - painter.fontMetrics().height() - px(4)
        width = self.width() - 1
        line = round(self.margin * width)
        tallest = max(1, int(self.heights.max()))
        for tone, from_, to in (("ask", 0, line), ("track", line, self.width())):
            painter.setClipRect(QRectF(from_, 0, to - from_, floor))
            for i, n in enumerate(self.heights.tolist()):
                high = round(n / tallest * (floor - px(6)))
                left = round(i * width / self.bins)
                right = round((i + 1) * width / self.bins)
                painter.fillRect(left, floor - high, max(1, right - left - 1), high, colour(tone))
        painter.setClipping(False)
        painter.fillRect(0, floor, self.width(), 1, colour("line"))
        painter.fillRect(line, 0, 1, floor, colour("text1"))
        self._scale(painter, floor, line)
        painter.end()

    def _scale(self, painter: QPainter, floor: int, line: int) -> None:
        width = painter.fontMetrics().horizontalAdvance
        own = f"{100 * self.margin:.4g} %"
        left = min(max(0, line - width(own) // 2), self.width() - width(own))
        base = self.height() - painter.fontMetrics().descent() - 1
        painter.setPen(colour("text3"))
        for share, text in ((0.0, "0"), (0.5, "50 %"), (1.0, "100 %")):
            at = round(share * (self.width() - width(text)))
            if at + width(text) + 6 < left or at > left + width(own) + 6:
                painter.drawText(at, base, text)
        painter.setPen(colour("text1"))
        painter.drawText(left, base, own)
