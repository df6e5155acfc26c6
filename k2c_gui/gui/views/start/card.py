"""One session on the start page."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QDate, QEvent, QLocale, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QEnterEvent,
    QFontMetricsF,
    QKeyEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QAbstractButton, QWidget

from k2c_gui.gui.preferences import Recent
from k2c_gui.gui.style import (
    BODY,
    CAPTION,
    PLATE,
    PLATE_TEXT,
    TITLE,
    colour,
    font,
    icon_pixmap,
    look,
    px,
)

_RADIUS = 10
_FOOT = 112
"""px: what lies below the picture."""


class Card(QAbstractButton):
    """A session to open: its picture, its size, how far it is.

    Parameters
    ----------
    recent : Recent
    parent : QWidget
    """

    def __init__(self, recent: Recent, parent: QWidget) -> None:
        super().__init__(parent)
        self.recent = recent
        self.first = False
        self.there = Path(recent.path).is_file()
        self._picture = QPixmap(recent.thumbnail) if recent.thumbnail else QPixmap()
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setToolTip(recent.path)
        self.setAccessibleName(Path(recent.path).stem)
        self.setAccessibleDescription(", ".join((size_words(recent), *progress_words(recent))))

    def height_for(self, width: int) -> int:
        """Height of a card of a width."""
        return round(width * 0.735) + px(_FOOT)

    def sizeHint(self) -> QSize:
        """As in the look at scale 1."""
        return QSize(px(354), self.height_for(px(354)))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return opens, as a click does."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Show the hover."""
        self.update()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Drop the hover."""
        self.update()
        super().leaveEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Picture above, words and progress below."""
        painter = QPainter(self)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        shape = QPainterPath()
        shape.addRoundedRect(box, _RADIUS, _RADIUS)
        hover = self.underMouse() or self.isDown()
        ground = "panel" if look().theme == "dark" else "raised"
        painter.fillPath(shape, colour("hover" if hover else ground))
        picture = QRectF(box.left(), box.top(), box.width(), self.height() - px(_FOOT))
        painter.save()
        painter.setClipPath(shape)
        self._paint_picture(painter, picture)
        painter.restore()
        edge = "text1" if self.hasFocus() else "strong" if self.first or hover else "line"
        painter.setPen(QPen(colour(edge), 1))
        painter.drawPath(shape)
        self._paint_words(painter, QRectF(self.rect()).adjusted(px(16), 0, -px(16), 0))
        if self.first and self.there:
            self._paint_continue(painter, picture)

    def _paint_picture(self, painter: QPainter, box: QRectF) -> None:
        painter.fillRect(box, colour("canvas"))
        if self._picture.isNull():
            painter.setFont(font(BODY))
            painter.setPen(colour("text3"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "No picture yet")
        else:
            size = self._picture.size()
            zoom = max(box.width() / size.width(), box.height() / size.height())
            wide, high = box.width() / zoom, box.height() / zoom
            left, top = (size.width() - wide) / 2, (size.height() - high) / 2
            painter.setOpacity(1.0 if self.there else 0.35)
            painter.drawPixmap(box, self._picture, QRectF(left, top, wide, high))
            painter.setOpacity(1.0)
        painter.fillRect(QRectF(box.left(), box.bottom() - 1, box.width(), 1), colour("line"))

    def _paint_words(self, painter: QPainter, box: QRectF) -> None:
        top = self.height() - px(_FOOT)
        when = moment(self.recent.opened_at)
        right = self._line(painter, box, top + px(22), when, CAPTION, 400, "text3", right=True)
        name = QRectF(box.left(), box.top(), box.width() - right - px(12), box.height())
        self._line(painter, name, top + px(22), Path(self.recent.path).stem, TITLE, 600, "text1")
        size = size_words(self.recent)
        self._line(painter, box, top + px(42), size, BODY, 400, "text2")
        if not self.there:
            painter.drawPixmap(QPointF(box.left(), top + px(85) - 8), icon_pixmap("warning", "bad"))
            words = box.adjusted(22, 0, 0, 0)
            text = "Not found. Click to look for it."
            self._line(painter, words, top + px(85), text, BODY, 400, "bad")
            return
        share = self.recent.decided
        bar = QRectF(box.left(), top + px(64), box.width(), 4)
        painter.setPen(Qt.PenStyle.NoPen)
        for tint, part in (("track", 1.0), ("text1", share or 0.0)):
            painter.setBrush(colour(tint))
            if part:
                filled = QRectF(bar.left(), bar.top(), bar.width() * part, bar.height())
                painter.drawRoundedRect(filled, 2, 2)
        left, rest = progress_words(self.recent)
        weight, tint = (500, "text1") if share is not None else (400, "text3")
        self._line(painter, box, top + px(87), left, BODY, weight, tint)
        used = self._line(painter, box, top + px(87), rest, BODY, 400, "text2", right=True)
        if rest == "signed off":
            at = QPointF(box.right() - used - 20, top + px(87) - 8)
            painter.drawPixmap(at, icon_pixmap("check", "text2"))

    def _line(
        self,
        painter: QPainter,
        box: QRectF,
        middle: float,
        text: str,
        size: int,
        weight: int,
        tint: str,
        *,
        right: bool = False,
    ) -> float:
        """Write one line around a height; its width, px."""
        chosen = font(size, weight)
        metrics = QFontMetricsF(chosen)
        text = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, box.width())
        painter.setFont(chosen)
        painter.setPen(colour(tint))
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        height = metrics.height()
        line = QRectF(box.left(), middle - height / 2, box.width(), height)
        painter.drawText(line, side | Qt.AlignmentFlag.AlignVCenter, text)
        return metrics.horizontalAdvance(text)

    def _paint_continue(self, painter: QPainter, picture: QRectF) -> None:
        """A plate on the picture, alike in both themes: Return goes on where one was."""
        chosen = font(BODY, 500)
        text = "Continue  ↵"
        wide = QFontMetricsF(chosen).horizontalAdvance(text) + px(24)
        plate = QRectF(picture.right() - wide - px(12), picture.bottom() - px(40), wide, px(28))
        painter.setPen(Qt.PenStyle.NoPen)
        solid = look().theme == "dark"
        painter.setBrush(colour("solid") if solid else PLATE)
        painter.drawRoundedRect(plate, 5, 5)
        painter.setFont(chosen)
        painter.setPen(colour("on_solid") if solid else PLATE_TEXT)
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)


def size_words(recent: Recent) -> str:
    """How much there is: ``3 micrographs · 11,420 marks``."""
    return f"{_count(recent.micrographs, 'micrograph')} · {_count(recent.marks, 'mark')}"


def progress_words(recent: Recent) -> tuple[str, str]:
    """How far it is, and what is left."""
    if recent.decided is None:
        return "Progress not counted yet", ""
    # rounded down: 100 % is said of nothing that is not done
    decided = f"{int(recent.decided * 100)} % decided"
    if recent.micrographs and recent.signed_off >= recent.micrographs:
        return decided, "signed off"
    return decided, "" if recent.ambiguous is None else f"{recent.ambiguous:,} ambiguous left"


def moment(at: str, now: datetime | None = None) -> str:
    """A time as people say it: ``Today 14:02``, ``Yesterday``, ``Monday``, ``3 November``.

    Parameters
    ----------
    at : str
        ISO 8601; anything else is not said.
    now : datetime, optional
        With a time zone, that of the words.
    """
    now = now or datetime.now().astimezone()
    try:
        then = datetime.fromisoformat(at).astimezone(now.tzinfo)
    except ValueError:
        return ""
    days = (now.date() - then.date()).days
    if days <= 1:
        return "Yesterday" if days == 1 else f"Today {then:%H:%M}"
    words = "dddd" if days < 7 else "d MMMM" if then.year == now.year else "d MMMM yyyy"
    english = QLocale(QLocale.Language.English)
    return english.toString(QDate(then.year, then.month, then.day), words)


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" + ("" if n == 1 else "s")
