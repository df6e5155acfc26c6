"""Every action of the window, from one table: its words, its keys, and what it does.

Keys act whatever has the focus, except text that is being edited; a repeated key never acts
twice. The table is ``resources/keys.toml``; what the expert changed comes on top.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QKeySequenceEdit,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from k2c_gui.core.model import K2CError
from k2c_gui.io.resources import resource

_STANDARD = {
    "Undo": QKeySequence.StandardKey.Undo,
    "Redo": QKeySequence.StandardKey.Redo,
    "Copy": QKeySequence.StandardKey.Copy,
    "Open": QKeySequence.StandardKey.Open,
    "Close": QKeySequence.StandardKey.Close,
    "Quit": QKeySequence.StandardKey.Quit,
    "ZoomIn": QKeySequence.StandardKey.ZoomIn,
    "ZoomOut": QKeySequence.StandardKey.ZoomOut,
}
HELD = ("peek",)
"""Actions that last as long as their key is down."""

# digits by place on the keyboard: the top row gives other characters on AZERTY
_DIGIT_SCAN_CODES = {10 + i: str(i + 1) for i in range(9)} | {19: "0"}
_TEXT = (QLineEdit, QPlainTextEdit, QTextEdit, QKeySequenceEdit)


class Row(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One ``[[action]]`` of the table."""

    id: str
    text: str
    keys: list[str]
    menu: str


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    action: list[Row]


def table() -> tuple[Row, ...]:
    """The actions, in the order of the menus."""
    return tuple(msgspec.toml.decode(resource("keys.toml").read_bytes(), type=_Table).action)


def sequences(keys: list[str]) -> list[QKeySequence]:
    """Key sequences of a row; ``Standard:`` ones are the system's own."""
    found: list[QKeySequence] = []
    for key in keys:
        if key.startswith("Standard:"):
            found += QKeySequence.keyBindings(_STANDARD[key.removeprefix("Standard:")])
        else:
            found.append(QKeySequence(key))
    return found


class Actions(QObject):
    """The actions of one window.

    Parameters
    ----------
    window : QWidget
        Whose keys they are.
    changed : mapping of str to list of str
        Keys that the expert chose, by action.
    """

    keys_changed = Signal()

    def __init__(self, window: QWidget, changed: Mapping[str, list[str]]) -> None:
        super().__init__(window)
        self._window = window
        self.rows = table()
        self.actions: dict[str, QAction] = {}
        self._released: dict[str, Callable[[], None]] = {}
        self._down: dict[int, str] = {}
        for row in self.rows:
            action = QAction(row.text, self)
            action.setObjectName(row.id)
            # menus show the keys; `eventFilter` acts on them, whatever has the focus
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            self.actions[row.id] = action
        self.set_keys(changed)
        app = QApplication.instance()
        if app is not None:
            app.installEventFilter(self)

    def on(
        self, name: str, run: Callable[[], Any], released: Callable[[], Any] | None = None
    ) -> None:
        """Say what an action does, and what letting its key go does."""
        self.actions[name].triggered.connect(lambda _checked=False: run())
        if released is not None:
            self._released[name] = released

    def trigger(self, name: str) -> None:
        """Do it, as its key would; nothing happens while it is disabled."""
        self.actions[name].trigger()

    def key(self, name: str) -> str:
        """The first key of an action, as the system writes it; empty without one."""
        shortcuts = self.actions[name].shortcuts()
        return shortcuts[0].toString(QKeySequence.SequenceFormat.NativeText) if shortcuts else ""

    def tooltip(self, name: str) -> str:
        """Name and key of an action."""
        action, key = self.actions[name], self.key(name)
        text = action.text().removesuffix(" ...")
        return f"{text} ({key})" if key else text

    def let_go(self, name: str) -> None:
        """Do what letting the key go does, if it is down."""
        for key, held in list(self._down.items()):
            if held == name:
                del self._down[key]
                self._released.get(name, lambda: None)()

    def set_keys(self, changed: Mapping[str, list[str]]) -> None:
        """Take the table's keys, and over them those that the expert chose.

        Raises
        ------
        K2CError
            Two actions would have one key; nothing is changed then.
        """
        chosen = {row.id: changed.get(row.id, row.keys) for row in self.rows}
        taken: dict[str, str] = {}
        for name, keys in chosen.items():
            for sequence in sequences(keys):
                text = sequence.toString()
                if taken.setdefault(text, name) != name:
                    one, other = (self.actions[n].text() for n in (taken[text], name))
                    raise K2CError(
                        f"{text} is the key of “{one}” and of “{other}”.",
                        remedy="Give one of them another key.",
                    )
        for name, keys in chosen.items():
            self.actions[name].setShortcuts(sequences(keys))
            self.actions[name].setToolTip(self.tooltip(name))
        self.keys_changed.emit()

    def menus(self) -> Iterator[tuple[str, list[QAction]]]:
        """Menus and their actions, in the order of the table's first mention."""
        names = dict.fromkeys(row.menu for row in self.rows)
        for menu in names:
            yield menu, [self.actions[row.id] for row in self.rows if row.menu == menu]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Give keys to their actions before any widget sees them."""
        if event.type() not in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            return False
        if not isinstance(event, QKeyEvent) or not self._ours(watched):
            return False
        if event.type() == QEvent.Type.KeyRelease:
            return self._release(event)
        return self._press(event)

    def _press(self, event: QKeyEvent) -> bool:
        name = self._meant(event)
        if not name or not self.actions[name].isEnabled():
            return False
        if not event.isAutoRepeat():
            self._down[event.key()] = name
            self.trigger(name)
        return True

    def _release(self, event: QKeyEvent) -> bool:
        name = self._down.get(event.key(), "")
        if not name:
            return False
        if not event.isAutoRepeat():
            del self._down[event.key()]
            if name in self._released:
                self._released[name]()
        return True

    def _ours(self, watched: QObject) -> bool:
        """Keys of this window, unless text is being edited or a dialog is open."""
        if not isinstance(watched, QWidget) or watched.window() is not self._window:
            return False
        focus = QApplication.focusWidget()
        editing = isinstance(focus, _TEXT) and not (
            isinstance(focus, QLineEdit | QPlainTextEdit | QTextEdit) and focus.isReadOnly()
        )
        popup = QApplication.activePopupWidget() or QApplication.activeModalWidget()
        return not editing and popup is None and not isinstance(focus, QComboBox)

    def _meant(self, event: QKeyEvent) -> str:
        pressed = {QKeySequence(event.keyCombination()).toString()}
        bare = event.modifiers() & ~(
            Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier
        )
        # a character such as ? already holds its Shift, a digit of the keypad its keypad
        if event.text() and bare == Qt.KeyboardModifier.NoModifier:
            if not event.text().isalpha() and event.text().isprintable() and event.text() != " ":
                pressed.add(event.text())
            digit = _DIGIT_SCAN_CODES.get(event.nativeScanCode(), "")
            if digit and event.modifiers() == Qt.KeyboardModifier.NoModifier:
                pressed.add(digit)
        for name, action in self.actions.items():
            if any(shortcut.toString() in pressed for shortcut in action.shortcuts()):
                return name
        return ""
