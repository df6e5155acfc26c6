"""Painting a part of a dock: words that fit, numbers and times as people write them."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from functools import cache
from math import isfinite

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from .style import BODY, CAPTION, colour, font, metrics, px

NOTHING = "–"
"""In the place of a value that is not there."""

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
MIDDLE = Qt.AlignmentFlag.AlignCenter


class Strip(QWidget):
    """A painted part of a dock: as wide as it is given, as high as it asks for."""

    def __init__(self) -> None:
        super().__init__()
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    @abstractmethod
    def heightForWidth(self, width: int) -> int:
        """How high it wants to be, px."""

    def sizeHint(self) -> QSize:
        """As `heightForWidth` has it."""
        width = max(self.width(), px(200))
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        """No width of its own; its layout asks for the height."""
        return QSize(0, 0)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the font scale."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self.updateGeometry()


def text(
    painter: QPainter,
    box: QRectF,
    words: str,
    *,
    size: int = BODY,
    weight: int = 400,
    tone: str = "text1",
    align: Qt.AlignmentFlag = LEFT,
) -> float:
    """Draw words into a box, with an ellipsis where they do not fit.

    Parameters
    ----------
    painter : QPainter
    box : QRectF
    words : str
    size, weight : int
        See `style.font`.
    tone : str
        A token.
    align : Qt.AlignmentFlag

    Returns
    -------
    float
        Width of what was drawn, px.
    """
    measure = metrics(size, weight)
    wide = measure.horizontalAdvance(words)
    if wide > box.width():
        words = measure.elidedText(words, Qt.TextElideMode.ElideRight, box.width())
        wide = measure.horizontalAdvance(words)
    painter.setFont(font(size, weight))
    painter.setPen(colour(tone))
    painter.drawText(box, _single_line(align), words)
    return wide


@cache
def _single_line(align: Qt.AlignmentFlag) -> int:
    return align.value | Qt.TextFlag.TextSingleLine.value


def paragraph(painter: QPainter, box: QRectF, words: str, *, tone: str = "text3") -> None:
    """Draw words into a box, on as many lines as they need."""
    painter.setFont(font(CAPTION))
    painter.setPen(colour(tone))
    flags = Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWrapAnywhere | Qt.TextFlag.TextWordWrap
    painter.drawText(box, flags, words)


def width_of(words: str, size: int = BODY, weight: int = 400) -> float:
    """Width of words, px."""
    return metrics(size, weight).horizontalAdvance(words)


def centred(painter: QPainter, pixmap: QPixmap, x: float, y: float) -> None:
    """Draw a picture around a point, on whole pixels."""
    size = pixmap.deviceIndependentSize()
    painter.drawPixmap(QPointF(round(x - size.width() / 2), round(y - size.height() / 2)), pixmap)


def keycap(painter: QPainter, box: QRectF, key: str, *, enabled: bool = True) -> None:
    """Draw a key; F and J have the bump of the keyboard."""
    painter.setPen(colour("strong"))
    painter.setBrush(colour("hover"))
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
    tone = "text1" if enabled else "disabled"
    text(painter, box, key, size=CAPTION, weight=600, tone=tone, align=MIDDLE)
    if key in ("F", "J"):
        painter.setPen(colour(tone))
        y = round(box.bottom() - px(4)) + 0.5
        painter.drawLine(QPointF(box.center().x() - px(3), y), QPointF(box.center().x() + px(3), y))


def percent(share: float, digits: int = 0) -> str:
    """A share, 0 to 1, in percent; a dash where there is none."""
    return f"{100 * share:.{digits}f} %" if isfinite(share) else NOTHING


def clock(at: str) -> str:
    """Hour and minute of a time in ISO 8601, here; with the date when it is not today."""
    if not at:
        return NOTHING
    here = datetime.fromisoformat(at).astimezone()
    if here.date() == datetime.now().astimezone().date():
        return here.strftime("%H:%M")
    return here.strftime("%d.%m.%y %H:%M")


def duration(seconds: float) -> str:
    """A time that is left, roughly."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "< 1 min"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
