"""Parts of the form: a field with what is wrong with it, ticks, a choice of one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QRadioButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from k2c_gui.gui.controls import Notice, Text
from k2c_gui.gui.style import CAPTION, TITLE, px

_BOX = 32
"""px that a tick box and its margins take of a line."""


class Section(QWidget):
    """A heading with fields below it.

    Parameters
    ----------
    title : str
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        column.addWidget(Text(title, size=TITLE, weight=600))
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(px(12))
        self._grid.setVerticalSpacing(px(8))
        self._grid.setColumnStretch(1, 1)
        column.addLayout(self._grid)

    def add(self, name: str, *parts: QWidget, hint: str = "") -> Field:
        """Add a field: its name, its controls in a column, a hint below them."""
        field = Field(parts, hint)
        row = self._grid.rowCount()
        if name:
            label = Text(name, tone="text2")
            label.setBuddy(parts[0])
            label.setMinimumHeight(px(26))
            label.setFixedWidth(px(92))
            self._grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(field, row, 1)
        else:
            self._grid.addWidget(field, row, 0, 1, 2)
        return field


class Field(QWidget):
    """Controls, a hint, and what is wrong."""

    def __init__(self, parts: Sequence[QWidget], hint: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(4))
        for part in parts:
            column.addWidget(part)
        self.fault = Notice()
        self.hint = Text(size=CAPTION, tone="text3")
        self.hint.setWordWrap(True)
        column.addWidget(self.fault)
        column.addWidget(self.hint)
        self.fault.hide()
        self.explain(hint)

    def explain(self, hint: str) -> None:
        """Say something else below the controls."""
        self.hint.setText(hint)
        self.hint.setVisible(bool(hint))

    def blame(self, fault: str) -> None:
        """Say what is wrong; empty: nothing."""
        self.fault.tell(fault, bad=True)
        self.fault.setVisible(bool(fault))


class Tick(QCheckBox):
    """A box to tick; a name for which there is no room is cut, and is the tooltip then.

    Parameters
    ----------
    name : str
    on : bool
    """

    def __init__(self, name: str, *, on: bool = False) -> None:
        super().__init__(name)
        self._name = name
        self.setChecked(on)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:
        """Hardly any width: the name may be cut."""
        return QSize(px(60), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as much of the name as there is room for."""
        room = self.width() - px(_BOX)
        # an ampersand would be taken for the mark of a key
        whole = self._name.replace("&", "&&")
        text = self.fontMetrics().elidedText(whole, Qt.TextElideMode.ElideMiddle, room)
        self.setText(text)
        self.setToolTip(self._name if text != whole else "")
        super().resizeEvent(event)


class OneOf(QWidget):
    """A choice of one, a line each.

    Parameters
    ----------
    options : sequence of (str, str)
        Key and words.
    """

    changed = Signal()

    def __init__(self, options: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, px(4), 0, 0)
        column.setSpacing(px(6))
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QRadioButton] = {}
        for key, words in options:
            button = QRadioButton(words)
            self._group.addButton(button)
            column.addWidget(button)
            self.buttons[key] = button
        self._group.buttonClicked.connect(lambda _button: self.changed.emit())

    @property
    def chosen(self) -> str:
        """Key of what is chosen."""
        return next((key for key, button in self.buttons.items() if button.isChecked()), "")

    def choose(self, key: str) -> None:
        """Choose, and tell nobody."""
        self.buttons[key].setChecked(True)


def line(text: str, name: str, *, hint: str = "", width: int = 0) -> QLineEdit:
    """Make a line to write in.

    Parameters
    ----------
    text, name, hint : str
        What it holds, what it is called, and what it says while it is empty.
    width : int
        px at scale 1; 0: as wide as there is room.
    """
    edit = QLineEdit(text)
    edit.setAccessibleName(name)
    edit.setPlaceholderText(hint)
    edit.setCursorPosition(0)
    if width:
        edit.setFixedWidth(px(width))
    return edit


def beside(*parts: QWidget | str, last: bool = False) -> QWidget:
    """Put controls and words in one line; the last part takes what room there is, or nothing."""
    whole = QWidget()
    row = QHBoxLayout(whole)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(px(8))
    for part in parts:
        row.addWidget(Text(part, tone="text3") if isinstance(part, str) else part)
    if not last:
        row.addStretch()
    return whole
