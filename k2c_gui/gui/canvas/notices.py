"""What is said in the place of a micrograph that is not there yet, or cannot be shown."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from k2c_gui.gui.actions import Actions
from k2c_gui.gui.style import BODY, HEAD, PLATE_DIM, colour, font, px

from .plates import Plate


class Notice(Plate):
    """A few words on a plate, such as which image is being read."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.text = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def say(self, text: str) -> None:
        """Show the words; none hides the plate."""
        self.text = text
        self.setVisible(bool(text))
        self.resize(self.sizeHint())
        self.update()

    def sizeHint(self) -> QSize:
        """Room for the words."""
        return QSize(round(QFontMetricsF(font(BODY)).horizontalAdvance(self.text)) + px(24), px(30))

    def fill(self, painter: QPainter) -> None:
        """Paint the words."""
        painter.setFont(font(BODY))
        painter.setPen(PLATE_DIM)
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text)


class Failure(QWidget):
    """Why an image cannot be shown, and what can be done.

    Parameters
    ----------
    actions : Actions
    parent : QWidget
    """

    find_asked = Signal()

    def __init__(self, actions: Actions, parent: QWidget) -> None:
        super().__init__(parent)
        self._actions = actions
        self.name = QLabel(self)
        self.reason = QLabel(self)
        for label in (self.name, self.reason):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.find_button = QPushButton("Find it", self)
        self.find_button.setProperty("main", True)
        self.find_button.clicked.connect(self.find_asked)
        self.skip_button = QPushButton("Skip", self)
        self.skip_button.clicked.connect(lambda: actions.trigger("next-micrograph"))
        row = QHBoxLayout()
        row.addWidget(self.find_button)
        row.addWidget(self.skip_button)
        row.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(14), px(16), px(14))
        column.setSpacing(px(8))
        column.addWidget(self.name)
        column.addWidget(self.reason)
        column.addLayout(row)
        actions.keys_changed.connect(self._name_keys)
        self._name_keys()
        self.restyle()
        self.hide()

    def say(self, name: str, reason: str) -> None:
        """Show what failed and why; no reason hides it."""
        self.name.setText(name)
        self.reason.setText(reason)
        self.setVisible(bool(reason))

    def restyle(self) -> None:
        """Take the fonts and colours in force."""
        self.name.setFont(font(HEAD, 600))
        self.reason.setFont(font(BODY))
        for label, token in ((self.name, "text1"), (self.reason, "text2")):
            palette = label.palette()
            palette.setColor(label.foregroundRole(), colour(token))
            label.setPalette(palette)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the card."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour("line"), 1))
        painter.setBrush(colour("panel"))
        painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1).toRectF(), 10, 10)
        painter.end()

    def _name_keys(self) -> None:
        self.find_button.setToolTip("Look for the image in another place")
        self.skip_button.setToolTip(self._actions.tooltip("next-micrograph"))
