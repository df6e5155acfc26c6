"""What an import kept, flagged and dropped, and why."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from k2c_gui.core.model import Tally
from k2c_gui.gui.style import BODY, colour, font, px

_FATES = {
    "kept": "Kept",
    "flagged": "Flagged: stored, but see why",
    "dropped": "Dropped: not stored",
}
_HEAD = ("What and why", "Count", "First met", "In")


class Account(QTableWidget):
    """A row a reason, in three sections."""

    def __init__(self) -> None:
        super().__init__(0, len(_HEAD))
        self.setHorizontalHeaderLabels(list(_HEAD))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(px(26))
        self.setProperty("padded", True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        head = self.horizontalHeader()
        head.setHighlightSections(False)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        number = QTableWidgetItem(_HEAD[1])
        number.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setHorizontalHeaderItem(1, number)

    def show_tallies(self, tallies: Iterable[Tally]) -> None:
        """Fill the table; a section without rows says so."""
        tallies = list(tallies)
        self.setRowCount(0)
        for fate, words in _FATES.items():
            own = [tally for tally in tallies if tally.fate == fate]
            self._section(words if own else f"{_FATES[fate].partition(':')[0]}: nothing")
            for tally in own:
                self._row(tally)

    def _section(self, words: str) -> None:
        row = self.rowCount()
        self.insertRow(row)
        item = QTableWidgetItem(words)
        item.setFont(font(BODY, 600))
        item.setBackground(colour("raised"))
        self.setItem(row, 0, item)
        self.setSpan(row, 0, 1, len(_HEAD))

    def _row(self, tally: Tally) -> None:
        row = self.rowCount()
        self.insertRow(row)
        cells = (tally.what, f"{tally.count:,}", tally.first, tally.source)
        for column, text in enumerate(cells):
            item = QTableWidgetItem(text)
            item.setToolTip(text if column == 0 else "")
            dim: QColor = colour("text1" if column < 2 else "text3")
            item.setForeground(dim)
            if column == 1:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.setItem(row, column, item)
