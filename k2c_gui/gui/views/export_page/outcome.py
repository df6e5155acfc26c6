"""What became of an export: where it is, what was left out and why, whether it is sound."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from k2c_gui.core.model import TrainingSet
from k2c_gui.gui.controls import Notice, Text
from k2c_gui.gui.style import PAGE, TITLE, px

from .counts import Counts

_MOST_FAULTS = 5
_ROW = 26


class Outcome(QWidget):
    """The last page."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path()
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), px(20), px(24), px(16))
        column.setSpacing(px(12))
        self.title = Text("The release is written", size=PAGE, weight=600)
        column.addWidget(self.title)
        row = QHBoxLayout()
        row.setSpacing(px(12))
        self.where = Text(tone="text2")
        self.where.setWordWrap(True)
        self.where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row.addWidget(self.where, 1)
        self.open_folder = QPushButton("Open the folder")
        self.open_folder.setAutoDefault(False)
        self.open_folder.clicked.connect(self._open)
        row.addWidget(self.open_folder)
        column.addLayout(row)
        self.verified = Notice()
        column.addWidget(self.verified)
        self.counts = Counts()
        column.addWidget(self.counts)
        self._left_out = Text("Left out", size=TITLE, weight=600)
        column.addSpacing(px(8))
        column.addWidget(self._left_out)
        self.left_out = _LeftOut()
        column.addWidget(self.left_out, 1)

    def show_release(self, folder: Path, written: TrainingSet) -> None:
        """Tell of a release; whether it is sound is still to come."""
        self._folder = folder
        self.where.setText(str(folder))
        self.verified.tell("Verifying")
        self.counts.show_parts(written)
        self._left_out.setText("Left out" if written.left_out else "Nothing was left out")
        self.left_out.setVisible(bool(written.left_out))
        self.left_out.show_tallies(written)

    def show_faults(self, faults: tuple[str, ...]) -> None:
        """Tell what the verification found."""
        if not faults:
            self.verified.tell("Verified: every file, count and label is as it should be.")
            return
        more = len(faults) - _MOST_FAULTS
        said = " ".join(faults[:_MOST_FAULTS]) + (f" And {more} more." if more > 0 else "")
        self.verified.tell(f"It is not sound: {said}", bad=True)

    def _open(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder)))


class _LeftOut(QTableWidget):
    def __init__(self) -> None:
        super().__init__(0, 3)
        self.setHorizontalHeaderLabels(["Why", "What", "Count"])
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(px(_ROW))
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

    def show_tallies(self, written: TrainingSet) -> None:
        self.setRowCount(len(written.left_out))
        for row, tally in enumerate(written.left_out):
            what = tally.what[:1].upper() + tally.what[1:]
            for column, text in enumerate((what, tally.source, f"{tally.count:,}")):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if column == 2:
                    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    item.setTextAlignment(right)
                self.setItem(row, column, item)
