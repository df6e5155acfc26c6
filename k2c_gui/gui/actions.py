"""Every action of the window, from one table: its words, its keys, and what it does.

Keys act whatever has the focus, except text that is being edited; a repeated key never acts
twice. The table is ``resources/keys.toml``; what the expert changed comes on top.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from PySide6.QtCore import QEvent, QKeyCombination, QObject, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDockWidget,
    QKeySequenceEdit,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from k2c_gui.core.model import K2CError
from k2c_gui.io.resources import reasons, resource

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
HELD = ("peek", "flicker")
"""Actions that last as long as their key is down."""

# by place on the keyboard: the top row gives other characters on AZERTY, and the rows below it
# other letters on keyboards that have no Latin ones
_ROWS = ((2, "1234567890"), (16, "QWERTYUIOP"), (30, "ASDFGHJKL"), (44, "ZXCVBNM"))
_WINDOWS_SCAN_CODES = {first + i: key for first, row in _ROWS for i, key in enumerate(row)}
_SCAN_CODES = {code + 8: key for code, key in _WINDOWS_SCAN_CODES.items()}
_MAC_PLACES = (
    *(18, 19, 20, 21, 23, 22, 26, 28, 25, 29, 12, 13, 14, 15, 17, 16, 32, 34, 31, 35),
    *(0, 1, 2, 3, 5, 4, 38, 40, 37, 6, 7, 8, 9, 11, 45, 46),
)
_MAC_KEYS = dict(zip(_MAC_PLACES, _WINDOWS_SCAN_CODES.values(), strict=True))
_ASCII_ENDS = 0x7F
_KEYPAD = Qt.KeyboardModifier.KeypadModifier


class Row(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One ``[[action]]`` of the table; keys of a scope go before others where it has the focus."""

    id: str
    text: str
    keys: list[str]
    menu: str
    scope: str = ""


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    action: list[Row]


def table() -> tuple[Row, ...]:
    """The actions, in the order of the menus; the reasons come with keys of their own."""
    rows = msgspec.toml.decode(resource("keys.toml").read_bytes(), type=_Table).action
    why = [Row(f"reason:{r.code}", r.text, [r.key] if r.key else [], "Reason") for r in reasons()]
    return (*rows, *why)


def sequences(keys: list[str]) -> list[QKeySequence]:
    """Key sequences of a row; ``Standard:`` ones are the system's own."""
    found: list[QKeySequence] = []
    for key in keys:
        if key.startswith("Standard:"):
            found += QKeySequence.keyBindings(_STANDARD[key.removeprefix("Standard:")])
        else:
            found.append(QKeySequence(key))
    return list({sequence.toString(): sequence for sequence in found}.values())


class Actions(QObject):
    """The actions of one window.

    Parameters
    ----------
    window : QWidget
        Whose keys they are.
    changed : mapping of str to list of str
        Keys that the expert chose, by action.

    Attributes
    ----------
    mode : str
        Scope whose keys go before all others, wherever the focus is.
    """

    keys_changed = Signal()

    def __init__(self, window: QWidget, changed: Mapping[str, list[str]]) -> None:
        super().__init__(window)
        self._window = window
        self.mode = ""
        self.rows = table()
        self.actions: dict[str, QAction] = {}
        self._released: dict[str, Callable[[], None]] = {}
        self._down: dict[int, str] = {}
        self._let_go_at: dict[int, int] = {}  # ms of the window system
        self._name_of: dict[tuple[str, str], str] = {}  # by scope and key
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
        scope = {row.id: row.scope for row in self.rows}
        taken: dict[tuple[str, str], str] = {}
        for name, keys in chosen.items():
            for sequence in sequences(keys):
                text = sequence.toString()
                if taken.setdefault((scope[name], text), name) != name:
                    one, other = (self.actions[n].text() for n in (taken[scope[name], text], name))
                    raise K2CError(
                        f"{text} is the key of “{one}” and of “{other}”.",
                        remedy="Give one of them another key.",
                    )
        self._name_of = taken
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
        kind = event.type()
        if kind == QEvent.Type.MouseButtonPress:
            self._leave_text(watched)
        elif kind == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            # the menu's button has the focus: Qt would act by itself, and on every repeat
            if self._ours(watched) and self._meant(event):
                event.accept()
                return True
        elif kind == QEvent.Type.KeyRelease and isinstance(event, QKeyEvent):
            return self._release(event)
        elif kind == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and self._ours(watched):
            return self._press(event)
        return False

    def _press(self, event: QKeyEvent) -> bool:
        name = self._meant(event)
        if not name:
            return False
        # the key of an action that is off does nothing, rather than something else
        repeated = event.isAutoRepeat() or self._repeated(event)
        if self.actions[name].isEnabled() and (not repeated or self._ended(event, name)):
            self._down[event.key()] = name
            self.trigger(name)
        return True

    def _repeated(self, event: QKeyEvent) -> bool:
        """Tell what X11 repeats: released and pressed in the same ms; Qt misses it in a race."""
        return QGuiApplication.platformName() == "xcb" and (
            self._let_go_at.get(event.key()) == event.timestamp()
        )

    def _ended(self, event: QKeyEvent, name: str) -> bool:
        """Whether a held action was ended by the release of such a pair."""
        return name in self._released and event.key() not in self._down

    def _release(self, event: QKeyEvent) -> bool:
        self._let_go_at[event.key()] = event.timestamp()
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
        popup = QApplication.activePopupWidget() or QApplication.activeModalWidget()
        return self._inside(watched) and popup is None and not _editable(QApplication.focusWidget())

    def _inside(self, watched: QObject) -> bool:
        """Whether it is a part of the window, or of a dock that floats beside it."""
        if not isinstance(watched, QWidget):
            return False
        window = watched.window()
        return window is self._window or (
            isinstance(window, QDockWidget) and window.parent() is self._window
        )

    def _leave_text(self, watched: QObject) -> None:
        """A press elsewhere ends the editing of text, also on what takes no focus by itself."""
        focus = QApplication.focusWidget()
        if (
            isinstance(watched, QWidget)
            and self._inside(watched)
            and focus is not None
            and self._inside(focus)
            and _editable(focus)
            and watched is not focus
            and not focus.isAncestorOf(watched)
        ):
            focus.clearFocus()

    def _meant(self, event: QKeyEvent) -> str:
        """The action of a key: by the whole combination, then its character, then its place."""
        held = event.modifiers() & ~_KEYPAD
        pressed = [QKeySequence(QKeyCombination(held, Qt.Key(event.key()))).toString()]
        text, place = event.text(), _place(event)
        if place.isalpha() and _ASCII_ENDS < event.key() < Qt.Key.Key_Escape:
            pressed.append(QKeySequence(QKeyCombination(held, Qt.Key(ord(place)))).toString())
        if text and held in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier):
            # a character such as ? already holds its Shift
            if not text.isalpha() and text.isprintable() and text != " ":
                pressed.append(text)
            if held == Qt.KeyboardModifier.NoModifier and place.isdecimal():
                pressed.append(place)
        scopes = (*filter(None, (self.mode, _scope(QApplication.focusWidget()))), "")
        names = (self._name_of.get((scope, key), "") for scope in scopes for key in pressed)
        return next((name for name in names if name and self.actions[name].isVisible()), "")


def _editable(focus: QWidget | None) -> bool:
    """Whether keys write into it."""
    if isinstance(focus, QLineEdit | QPlainTextEdit | QTextEdit):
        return not focus.isReadOnly()
    if isinstance(focus, QComboBox):
        return focus.isEditable()
    return isinstance(focus, QAbstractSpinBox | QKeySequenceEdit)


def _scope(focus: QWidget | None) -> str:
    """The scope of the innermost widget around the focus; of the image where nothing has it."""
    if focus is None:
        return "image"
    while focus is not None:
        if scope := focus.property("scope"):
            return str(scope)
        focus = focus.parentWidget()
    return ""


def _place(event: QKeyEvent) -> str:
    """The digit or letter that a US keyboard has at the place of this key; empty without one."""
    if event.modifiers() & _KEYPAD:
        return ""
    system = QGuiApplication.platformName()
    if system == "cocoa":
        return _MAC_KEYS.get(event.nativeVirtualKey(), "")
    codes = _WINDOWS_SCAN_CODES if system == "windows" else _SCAN_CODES
    return codes.get(event.nativeScanCode(), "")
