"""A list of names of which one is chosen, however narrow it is."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox

from .style import BODY, colour, font, icon_pixmap, px


class Chooser(QComboBox):
    """One name of many; where there is no room its middle is left out, and the tooltip has it."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeAdjustPolicy(self.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(1)
        self.setMinimumHeight(px(26))
        self.currentTextChanged.connect(self.setToolTip)

    def minimumSizeHint(self) -> QSize:
        """Hardly any width."""
        return QSize(px(56), px(26))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the frame of the style, the name, and an arrow."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        option.subControls = QStyle.SubControl.SC_ComboBoxFrame
        painter = QPainter(self)
        self.style().drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option, painter, self)
        side = px(16)
        room = self.rect().adjusted(px(9), 0, -side - px(8), 0)
        text = self.fontMetrics().elidedText(
            self.currentText(), Qt.TextElideMode.ElideMiddle, room.width()
        )
        painter.setFont(font(BODY))
        painter.setPen(colour("text1"))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)
        top = (self.height() - side) // 2
        painter.drawPixmap(room.right() + px(4), top, side, side, icon_pixmap("down"))
        painter.end()
