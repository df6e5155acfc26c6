"""What every dialog is made of: a title, its content, what went wrong, and buttons."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from k2c_gui.gui.controls import Notice, Text
from k2c_gui.gui.style import HEAD, px


class Sheet(QDialog):
    """A dialog; it is gone for good when it is closed.

    Parameters
    ----------
    title : str
    parent : QWidget or None
    width : int
        px at scale 1.
    """

    def __init__(self, title: str, parent: QWidget | None, width: int = 460) -> None:
        super().__init__(parent)
        self.fills = False
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(px(width))
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), px(20), px(24), px(16))
        column.setSpacing(px(12))
        column.addWidget(Text(title, size=HEAD, weight=600))
        self.content = QVBoxLayout()
        self.content.setSpacing(px(12))
        column.addLayout(self.content, 1)
        column.addSpacing(px(4))
        self.notice = Notice()
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(px(8))
        self._buttons.addWidget(self.notice, 1)
        column.addLayout(self._buttons)

    def say(self, words: str, tone: str = "text2") -> Text:
        """Add a paragraph."""
        text = Text(words, tone=tone)
        text.setWordWrap(True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.content.addWidget(text)
        return text

    def showEvent(self, event: QShowEvent) -> None:
        """Be as high as the words need at this width, where nothing else fills the dialog."""
        super().showEvent(event)
        layout = self.layout()
        if not self.fills and layout is not None:
            self.resize(self.width(), layout.totalHeightForWidth(self.width()))

    def button(self, text: str, *, main: bool = False) -> QPushButton:
        """Add a button; the main one is what Return does."""
        button = QPushButton(text)
        button.setAutoDefault(False)
        if main:
            button.setProperty("main", True)
            button.setDefault(True)
        self._buttons.addWidget(button)
        if main:
            button.setFocus()
        return button
