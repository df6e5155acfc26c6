"""What stands at the side of the start page: large buttons, and where to drop."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QEnterEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QLabel, QVBoxLayout, QWidget

from k2c_gui.gui.controls import Text
from k2c_gui.gui.style import CAPTION, TITLE, colour, font, icon_pixmap, px


class Choice(QAbstractButton):
    """A large button: what it does, to what, and by which key."""

    def __init__(self, symbol: str, text: str, about: str) -> None:
        super().__init__()
        self._symbol, self._about, self.key = symbol, about, ""
        self.setText(text)
        self.setAccessibleDescription(about)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def sizeHint(self) -> QSize:
        """As high as in the look."""
        return QSize(px(240), px(60))

    def enterEvent(self, event: QEnterEvent) -> None:
        """Show the hover."""
        self.update()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Drop the hover."""
        self.update()
        super().leaveEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Icon, words, key."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setBrush(colour("hover" if self.underMouse() or self.isDown() else "raised"))
        painter.setPen(QPen(colour("text1" if self.hasFocus() else "line"), 1))
        painter.drawRoundedRect(box, 6, 6)
        side = px(18)
        picture = icon_pixmap(self._symbol, "text1", side)
        painter.drawPixmap(px(16), (self.height() - side) // 2, picture)
        left = px(50)
        middle = Qt.AlignmentFlag.AlignVCenter
        half = self.height() / 2
        painter.setFont(font(TITLE, 500))
        painter.setPen(colour("text1"))
        width = self.width() - left - px(12)
        words = QRectF(left, half - px(21), width, px(22))
        painter.drawText(words, middle, self.text())
        painter.setFont(font(CAPTION))
        painter.setPen(colour("text2"))
        painter.drawText(QRectF(left, half, width, px(18)), middle, self._about)
        painter.setPen(colour("text3"))
        key = QRectF(0, half - px(21), self.width() - px(14), px(22))
        painter.drawText(key, middle | Qt.AlignmentFlag.AlignRight, self.key)


class Target(QWidget):
    """Says that things can be dropped; the whole page takes them."""

    def __init__(self) -> None:
        super().__init__()
        self._over = False
        column = QVBoxLayout(self)
        column.setSpacing(px(4))
        column.addStretch()
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.dress()
        column.addWidget(self._picture)
        column.addSpacing(px(8))
        self._title = Text(size=TITLE, weight=600)
        about = Text(
            "a session, a folder of micrographs,\nor exports with their images", tone="text2"
        )
        for text in (self._title, about):
            text.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(text)
        column.addStretch()
        self.words(over=False)

    def sizeHint(self) -> QSize:
        """Nearly a square, where there is room."""
        return QSize(px(300), px(220))

    def dress(self) -> None:
        """Take the colours of the theme."""
        self._picture.setPixmap(icon_pixmap("download", "text2", px(24)))

    def words(self, title: str = "Drop anywhere in this window", *, over: bool) -> None:
        """Say something, and whether a drop is about to come."""
        self._over = over
        self._title.setText(title)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A broken line: something is missing here."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(colour("text1" if self._over else "strong"), 1.4)
        pen.setDashPattern([5, 4])
        painter.setPen(pen)
        if self._over:
            painter.setBrush(colour("hover"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 10, 10)
