"""Keys: those in force, to look up, and the same to change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QLocale,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)
from PySide6.QtGui import QGuiApplication, QKeySequence, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QKeySequenceEdit,
    QLineEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from k2c_gui.core.model import K2CError
from k2c_gui.gui.actions import Actions, sequences, table
from k2c_gui.gui.preferences import Preferences
from k2c_gui.gui.style import BODY, colour, font, px
from k2c_gui.io.resources import labels

from .sheet import Sheet

_KEYS_WIDTH = 320
_EDITS = 2
"""Keys of an action that can be changed; the table may give it more."""


@dataclass(frozen=True, slots=True)
class Line:
    """One action: its id, menu, words, and keys as Qt writes them in files."""

    id: str
    menu: str
    text: str
    keys: tuple[str, ...]

    @property
    def shown(self) -> str:
        """The keys as the system writes them."""
        native = QKeySequence.SequenceFormat.NativeText
        return ", ".join(QKeySequence(key).toString(native) for key in self.keys)


def in_force(actions: Actions | None, preferences: Preferences) -> list[Line]:
    """Every action with its keys, in the order of the menus.

    Parameters
    ----------
    actions : Actions or None
        Of the window; without them, as the next window will have them.
    preferences : Preferences
    """
    lines = []
    named = {row.id: row.text for row in table() if not row.id.startswith("label:")}
    named |= {f"label:{i}": label.name for i, label in enumerate(labels())}
    for menu in dict.fromkeys(row.menu for row in table()):
        for row in table():
            if row.menu != menu or (actions is None and row.id not in named):
                continue
            if actions is None:
                keys, text = sequences(preferences.keys.get(row.id, row.keys)), named[row.id]
            else:
                action = actions.actions[row.id]
                if not action.isVisible():
                    continue
                keys, text = action.shortcuts(), action.text()
            name = text.removesuffix(" ...")
            written = tuple(dict.fromkeys(key.toString() for key in keys))
            lines.append(Line(row.id, menu, name, tuple(key for key in written if key)))
    return lines


def as_text(lines: Sequence[Line]) -> str:
    """Lines to print: a section a menu."""
    wide = max((len(line.text) for line in lines), default=0)
    parts = []
    for menu in dict.fromkeys(line.menu for line in lines):
        rows = [f"  {x.text:<{wide}}  {x.shown or '-'}" for x in lines if x.menu == menu]
        parts.append("\n".join([menu, *rows]))
    return "\n\n".join(parts) + "\n"


class KeysInForce(Sheet):
    """A list of the keys, to be searched by what they do or by the key."""

    def __init__(self, lines: Sequence[Line], parent: QWidget | None) -> None:
        super().__init__("Keys in force", parent, 460)
        self._lines = list(lines)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find an action or a key")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.content.addWidget(self.search)
        self.table = _Table(("What it does", "Keys"))
        self.table.fill(self._lines)
        for row, line in self.table.rows():
            item = QTableWidgetItem(line.shown or "none")
            item.setToolTip(line.shown)
            self.table.setItem(row, 1, item)
        self.content.addWidget(self.table, 1)
        self.button("Copy as text").clicked.connect(self._copy)
        self.button("Close", main=True).clicked.connect(self.accept)
        self.search.setFocus()
        self.fills = True
        self.resize(px(560), px(640))

    def shown(self) -> list[Line]:
        """Lines that the search leaves."""
        return [line for row, line in self.table.rows() if not self.table.isRowHidden(row)]

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        self.table.show_where(
            lambda line: all(w in f"{line.menu} {line.text} {line.shown}".casefold() for w in words)
        )

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(as_text(self.shown()))
        self.notice.tell("Copied.")


class ChangeKeys(Sheet):
    """A table in which keys are pressed to be taken.

    What is tried holds at once, so that a conflict shows at once; Cancel brings back what was.

    Parameters
    ----------
    actions : Actions
    preferences : Preferences
    parent : QWidget or None
    """

    def __init__(self, actions: Actions, preferences: Preferences, parent: QWidget | None) -> None:
        super().__init__("Change keys", parent, 620)
        self._actions, self._preferences = actions, preferences
        self._before = preferences.keys
        self._changed = dict(self._before)
        self.say("Click a key and press another. The cross empties it.")
        self.table = _Table(("What it does", "Key", "Second key"))
        pressed = _PressedKeys(self.table)
        for column in (1, 2):
            self.table.setItemDelegateForColumn(column, pressed)
        self.table.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.table.cellClicked.connect(self._edit)
        self.table.itemChanged.connect(self._edited)
        self._fill()
        self.content.addWidget(self.table, 1)
        self.button("Reset to defaults").clicked.connect(self._reset)
        self.button("Cancel").clicked.connect(self.reject)
        self.save = self.button("Save", main=True)
        self.save.clicked.connect(self.accept)
        self.fills = True
        self.resize(px(680), px(680))

    def accept(self) -> None:
        """Keep what differs from the shipped table, so that a new one takes hold elsewhere."""
        self._preferences.keys = self._changed
        super().accept()

    def reject(self) -> None:
        """Bring back the keys that were in force."""
        self._actions.set_keys(self._before)
        super().reject()

    def cell(self, action: str, i: int) -> QTableWidgetItem:
        """The cell of an action's first (0) or second (1) key."""
        row = next(row for row, line in self.table.rows() if line.id == action)
        item = self.table.item(row, i + 1)
        if item is None:
            raise IndexError(i)
        return item

    def _fill(self) -> None:
        self.table.blockSignals(True)
        self.table.fill(in_force(self._actions, self._preferences))
        for row, line in self.table.rows():
            for i in range(_EDITS):
                item = QTableWidgetItem(line.keys[i] if i < len(line.keys) else "")
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
                self.table.setItem(row, i + 1, item)
        self.table.blockSignals(False)

    def _edit(self, row: int, column: int) -> None:
        item = self.table.item(row, column)
        if item is not None and column > 0 and self.table.line(row) is not None:
            self.table.editItem(item)

    def _edited(self, item: QTableWidgetItem) -> None:
        line = self.table.line(item.row())
        if line is None:
            return
        given = [self.cell(line.id, i).text() for i in range(_EDITS)]
        keys = [key for key in given if key] + list(line.keys[_EDITS:])
        self._changed[line.id] = keys
        if tuple(keys) == _default(line.id):
            del self._changed[line.id]
        try:
            self._actions.set_keys(self._changed)
        except K2CError as error:
            self.notice.tell(str(error), bad=True)
            self.save.setEnabled(False)
        else:
            self.notice.tell("")
            self.save.setEnabled(True)

    def _reset(self) -> None:
        self._changed = {}
        self._actions.set_keys({})
        self._fill()
        self.notice.tell("The keys are those of the program. Save keeps them.")
        self.save.setEnabled(True)


class _PressedKeys(QStyledItemDelegate):
    """Cells that take the key which is pressed in them."""

    def displayText(self, value: object, _locale: QLocale | QLocale.Language) -> str:
        """The key as the system writes it."""
        native = QKeySequence.SequenceFormat.NativeText
        return QKeySequence(str(value)).toString(native) or "none"

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Dim what is no key."""
        super().initStyleOption(option, index)
        if not index.data():
            palette = option.palette
            palette.setColor(QPalette.ColorRole.Text, colour("text3"))
            option.palette = palette

    def createEditor(
        self,
        parent: QWidget,
        _option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> QWidget:
        """A field that takes one key."""
        edit = QKeySequenceEdit(parent)
        edit.setMaximumSequenceLength(1)
        edit.setClearButtonEnabled(True)
        edit.setAutoFillBackground(True)
        # at once, or Save would be pressed before the field has given its key
        place = QPersistentModelIndex(index)
        edit.keySequenceChanged.connect(lambda key: self._pressed(edit, key, place))
        return edit

    def _pressed(self, edit: QWidget, key: QKeySequence, place: QPersistentModelIndex) -> None:
        """Give a key on; a field that closes tells its old one once more."""
        if key.toString() != (place.data() or ""):
            self.commitData.emit(edit)

    def setEditorData(self, editor: QWidget, index: QModelIndex | QPersistentModelIndex) -> None:
        """Begin with the key that holds."""
        if isinstance(editor, QKeySequenceEdit) and editor.keySequence().isEmpty():
            editor.blockSignals(True)
            editor.setKeySequence(QKeySequence(str(index.data() or "")))
            editor.blockSignals(False)

    def setModelData(
        self,
        editor: QWidget,
        model: QAbstractItemModel,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Keep the key as Qt writes it in files."""
        if isinstance(editor, QKeySequenceEdit):
            text = editor.keySequence().toString()
            if text != (index.data() or ""):
                model.setData(index, text)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Return, Esc and Tab are keys like any other here."""
        keys = (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride)
        return event.type() not in keys and super().eventFilter(watched, event)


class _Table(QTableWidget):
    """Actions by menu; a row is a `Line` or the name of a menu."""

    def __init__(self, head: tuple[str, ...]) -> None:
        super().__init__(0, len(head))
        self._lines: list[Line | None] = []
        self.setHorizontalHeaderLabels(list(head))
        self.setProperty("padded", True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(px(30))
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in range(1, len(head)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            self.setColumnWidth(column, px(_KEYS_WIDTH // (len(head) - 1)))

    def line(self, row: int) -> Line | None:
        """What a row is about; None for the name of a menu."""
        return self._lines[row]

    def fill(self, lines: Sequence[Line]) -> None:
        """A row a line, below the name of its menu."""
        self.clearContents()
        self.setRowCount(0)
        self._lines = []
        menu = ""
        for line in lines:
            if line.menu != menu:
                menu = line.menu
                self._section(menu)
            self._add(line.text, line)

    def rows(self) -> list[tuple[int, Line]]:
        """Rows of the actions."""
        return [(row, line) for row, line in enumerate(self._lines) if line is not None]

    def show_where(self, wanted: Callable[[Line], bool]) -> None:
        """Hide the lines that are not wanted, and menus without any."""
        section, left = -1, 0
        for row, line in enumerate([*self._lines, None]):
            if line is None:
                if section >= 0:
                    self.setRowHidden(section, not left)
                section, left = row, 0
            else:
                hit = wanted(line)
                self.setRowHidden(row, not hit)
                left += hit

    def _section(self, menu: str) -> None:
        row = self._add(menu, None)
        item = self.item(row, 0)
        if item is not None:
            item.setFont(font(BODY, 600))
            item.setBackground(colour("raised"))
        self.setSpan(row, 0, 1, self.columnCount())

    def _add(self, text: str, line: Line | None) -> int:
        row = self.rowCount()
        self.insertRow(row)
        self.setItem(row, 0, QTableWidgetItem(text))
        self._lines.append(line)
        return row


def _default(name: str) -> tuple[str, ...]:
    """Keys of the shipped table, as Qt writes them."""
    keys = next(row.keys for row in table() if row.id == name)
    return tuple(dict.fromkeys(key.toString() for key in sequences(keys)))
