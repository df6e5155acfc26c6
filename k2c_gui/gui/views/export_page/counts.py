"""What a release holds, by label and part of the split."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from k2c_gui.core.model import SPLITS, TrainingSet
from k2c_gui.core.names import label_names
from k2c_gui.core.training_set import Part, parts
from k2c_gui.gui.style import BODY, colour, font, look, px
from k2c_gui.gui.symbols import DECIDED, Symbol, chip

_ALL = "all"
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_ROW = 22


class Counts(QTableWidget):
    """A row a label, a column a part of the split."""

    def __init__(self) -> None:
        super().__init__(0, 2 + len(SPLITS))
        heads = [QTableWidgetItem(text) for text in ("", *SPLITS, _ALL)]
        for column, head in enumerate(heads):
            head.setTextAlignment(_RIGHT)
            self.setHorizontalHeaderItem(column, head)
        self.verticalHeader().hide()
        self.setProperty("padded", True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Counts by label and part of the split")
        head_row = self.horizontalHeader()
        head_row.setHighlightSections(False)
        head_row.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head_row.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        head_row.setSectionsClickable(False)
        self._chosen: TrainingSet | None = None

    def show_parts(self, chosen: TrainingSet) -> None:
        """Fill the table."""
        self._chosen = chosen
        found = parts(chosen)
        names = label_names(chosen.labels)
        rows: list[tuple[str, int | None, Callable[[Part], int]]] = [
            ("Micrographs", None, lambda part: part.micrographs)
        ]
        for label in chosen.labels:
            if label.use:
                rows.append((names[label.value], label.value, _of_label(label.value)))
        if any(part.unlabelled for part in found.values()):
            rows.append(("Soft label only", -1, lambda part: part.unlabelled))
        rows.append(("Negatives", None, lambda part: part.negatives))
        self.setRowCount(len(rows))
        for row, (name, label_value, count) in enumerate(rows):
            counts = [count(found[part]) for part in SPLITS]
            self._fill(row, name, label_value, [*counts, sum(counts)])
        self.updateGeometry()

    def texts(self) -> list[list[str]]:
        """What it shows, row by row."""
        return [
            [item.text() if (item := self.item(r, c)) else "" for c in range(self.columnCount())]
            for r in range(self.rowCount())
        ]

    def sizeHint(self) -> QSize:
        """As high as its rows."""
        rows = sum(self.rowHeight(row) for row in range(self.rowCount()))
        return QSize(px(300), self.horizontalHeader().sizeHint().height() + rows + 2)

    def minimumSizeHint(self) -> QSize:
        """All rows: nothing scrolls in here."""
        return QSize(px(240), self.sizeHint().height())

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme and the scale."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and self._chosen is not None:
            self.show_parts(self._chosen)

    def _fill(self, row: int, name: str, label: int | None, counts: list[int]) -> None:
        first = QTableWidgetItem(name)
        first.setToolTip(name)
        first.setForeground(colour("text2"))
        if label is not None:
            first.setIcon(QIcon(chip(Symbol(label, DECIDED), px(12), look().theme)))
        self.setItem(row, 0, first)
        for column, n in enumerate(counts, start=1):
            item = QTableWidgetItem(f"{n:,}")
            item.setTextAlignment(_RIGHT)
            item.setFont(font(BODY, 500 if column > len(SPLITS) else 400))
            item.setForeground(colour("text1" if n else "text3"))
            self.setItem(row, column, item)
        self.setRowHeight(row, px(_ROW))


def _of_label(value: int) -> Callable[[Part], int]:
    return lambda part: part.instances[value]
