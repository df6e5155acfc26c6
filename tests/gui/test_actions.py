"""Keys: which action a press means, on every keyboard, and what is shown of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu, QPlainTextEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from k2c_gui.core.model import K2CError
from k2c_gui.gui.actions import Actions, Row, sequences, table

Key, Mod = Qt.Key, Qt.KeyboardModifier
Down, Up = QEvent.Type.KeyPress, QEvent.Type.KeyRelease
PLAIN = Mod.NoModifier


class Desk(QWidget):
    """A window that notes what its keys do."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []
        self.actions_ = Actions(self, {})
        for name in self.actions_.actions:
            if name != "peek":
                self.actions_.on(name, lambda name=name: self.done.append(name))
        self.actions_.on("peek", lambda: self.done.append("on"), lambda: self.done.append("off"))

    def key(
        self,
        key: int,
        text: str = "",
        held: Mod = PLAIN,
        *,
        scan: int = 0,
        repeat: bool = False,
        kind: QEvent.Type = Down,
        to: QWidget | None = None,
    ) -> None:
        event = QKeyEvent(kind, int(key), held, scan, 0, 0, text, repeat)
        QApplication.sendEvent(to or self, event)


@pytest.fixture
def window(qtbot: QtBot, qapp: QApplication) -> Iterator[Desk]:
    window = Desk()
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitExposed(window)
    yield window
    qapp.removeEventFilter(window.actions_)


def test_every_action_has_words_a_menu_and_a_tooltip_that_names_its_key(window: Desk) -> None:
    for row in table():
        action, key = window.actions_.actions[row.id], window.actions_.key(row.id)
        assert action.text()
        assert row.menu
        assert key
        assert action.toolTip() == f"{action.text().removesuffix(' ...')} ({key})"


def test_no_two_actions_share_a_key() -> None:
    keys = [(row.scope, key.toString()) for row in table() for key in sequences(row.keys)]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("row", table(), ids=lambda row: row.id)
def test_every_key_does_its_action_once(window: Desk, row: Row) -> None:
    window.actions_.mode = row.scope
    for sequence in sequences(row.keys):
        window.done.clear()
        combination = sequence[0]
        window.key(combination.key(), held=combination.keyboardModifiers())
        assert window.done[-1:] == ["on" if row.id == "peek" else row.id]
        window.key(combination.key(), held=combination.keyboardModifiers(), kind=Up)


def test_menus_hold_every_action_with_its_keys(window: Desk) -> None:
    menu = QMenu(window)
    shown = []
    for name, actions in window.actions_.menus():
        sub = menu.addMenu(name)
        sub.addActions(actions)
        shown += [action.objectName() for action in sub.actions()]
    assert sorted(shown) == sorted(row.id for row in table())
    undo = window.actions_.actions["undo"]
    assert undo.shortcut() in QKeySequence.keyBindings(QKeySequence.StandardKey.Undo)
    undo.trigger()
    assert window.done[-1] == "undo"


@pytest.mark.parametrize(
    ("key", "text", "held", "means"),
    [
        (Key.Key_Question, "?", Mod.ShiftModifier, "keys-help"),
        (Key.Key_Slash, "?", Mod.ShiftModifier, "keys-help"),
        (Key.Key_Equal, "=", PLAIN, "zoom-in"),
        (Key.Key_Equal, "=", Mod.ShiftModifier, "zoom-in"),  # German
        (Key.Key_BracketLeft, "[", PLAIN, "gamma-down"),
        (Key.Key_1, "1", Mod.ShiftModifier, "label:0"),  # AZERTY
        (Key.Key_1, "1", Mod.KeypadModifier, "label:0"),
        (Key.Key_0, "0", Mod.KeypadModifier, "fit"),
        (Key.Key_F, "F", PLAIN, "label:0"),  # caps lock
        (Key.Key_V, "V", Mod.ShiftModifier, "mark-colours"),
        (Key.Key_F, "f", Mod.AltModifier, ""),
        (Key.Key_F, "\x06", Mod.ControlModifier, ""),
        (Key.Key_Plus, "+", Mod.ControlModifier | Mod.KeypadModifier, "zoom-in"),
    ],
)
def test_a_character_means_the_same_on_every_keyboard(
    window: Desk, key: Key, text: str, held: Mod, means: str
) -> None:
    window.key(key, text, held)
    assert window.done == ([means] if means else [])


@pytest.mark.parametrize(
    ("key", "text", "scan", "means"),
    [
        (Key.Key_Ampersand, "&", 10, "label:0"),
        (Key.Key_Eacute, "é", 11, "label:1"),
        (Key.Key_QuoteDbl, '"', 12, "label:2"),
        (Key.Key_Apostrophe, "'", 13, "label:3"),
        (Key.Key_Agrave, "à", 19, "fit"),
        (Key.Key_Minus, "-", 15, "zoom-out"),  # its own character goes before its place
        (Key.Key_1, "1", 87, "label:0"),
    ],
)
def test_digits_are_found_by_their_place_on_azerty(
    window: Desk, key: Key, text: str, scan: int, means: str
) -> None:
    window.key(key, text, scan=scan)
    assert window.done == [means]


@pytest.mark.parametrize(
    ("key", "text", "held", "scan", "means"),
    [
        (0x0410, "а", PLAIN, 41, "label:0"),  # Cyrillic, at the place of F
        (0x042F, "", Mod.ControlModifier, 52, "undo"),  # Ctrl, at the place of Z
    ],
)
def test_letters_are_found_by_their_place_without_latin_ones(
    window: Desk, key: int, text: str, held: Mod, scan: int, means: str
) -> None:
    window.key(key, text, held, scan=scan)
    assert window.done == [means]


def test_a_latin_letter_is_not_another_by_its_place(window: Desk) -> None:
    window.key(Key.Key_U, "u", scan=41)  # Dvorak: at the place of F
    assert "label:0" not in window.done


def test_place_means_no_digit_with_a_modifier(window: Desk) -> None:
    window.key(Key.Key_Ampersand, "", Mod.ControlModifier, scan=10)
    window.key(Key.Key_Exclam, "", Mod.AltModifier, scan=10)
    assert window.done == []


def test_a_repeated_key_never_acts_and_no_widget_sees_it(window: Desk, qtbot: QtBot) -> None:
    button = QPushButton("some", window)
    clicks = []
    button.clicked.connect(lambda: clicks.append(1))
    button.show()
    button.setFocus()
    for _ in range(5):
        window.key(Key.Key_Space, " ", repeat=True, to=button)
        window.key(Key.Key_F, "f", repeat=True, to=button)
    assert window.done == []
    window.key(Key.Key_Space, " ", to=button)
    window.key(Key.Key_Space, " ", kind=Up, to=button)
    assert (window.done, clicks) == (["next"], [])


def test_the_key_of_an_action_that_is_off_does_nothing(window: Desk) -> None:
    window.actions_.actions["label:0"].setEnabled(False)
    window.key(Key.Key_F, "f")
    window.actions_.trigger("label:0")
    assert window.done == []


def test_a_label_that_the_scheme_has_not_has_no_key(window: Desk) -> None:
    window.actions_.actions["label:8"].setVisible(False)
    window.key(Key.Key_9, "9")
    assert window.done == []


@pytest.mark.parametrize("kind", [QLineEdit, QPlainTextEdit])
def test_text_takes_its_keys_unless_it_is_to_be_read_only(
    window: Desk, kind: type[QLineEdit | QPlainTextEdit]
) -> None:
    field = kind(window)
    field.show()
    field.setFocus()
    for key, text in ((Key.Key_F, "f"), (Key.Key_1, "1"), (Key.Key_Backspace, "\b")):
        window.key(key, text, to=field)
    written = field.text() if isinstance(field, QLineEdit) else field.toPlainText()
    assert (written, window.done) == ("f", [])
    field.setReadOnly(True)
    window.key(Key.Key_F, "f", to=field)
    assert window.done == ["label:0"]


def test_a_held_action_ends_with_its_key(window: Desk) -> None:
    window.key(Key.Key_Q, "q")
    window.key(Key.Key_Q, "q", repeat=True)
    window.key(Key.Key_Q, "q", repeat=True, kind=Up)
    assert window.done == ["on"]
    window.key(Key.Key_Q, "q", kind=Up)
    assert window.done == ["on", "off"]
    window.key(Key.Key_Q, "q")
    window.actions_.let_go("peek")
    window.key(Key.Key_Q, "q", kind=Up)
    assert window.done == ["on", "off", "on", "off"]


def test_keys_of_another_window_are_its_own(window: Desk, qtbot: QtBot) -> None:
    other = QWidget()
    qtbot.addWidget(other)
    window.key(Key.Key_F, "f", to=other)
    assert window.done == []


def test_changed_keys_act_at_once_and_are_shown(window: Desk, qtbot: QtBot) -> None:
    with qtbot.waitSignal(window.actions_.keys_changed):
        window.actions_.set_keys({"label:0": ["Y", "1"]})
    window.key(Key.Key_F, "f")
    assert window.done == []
    window.key(Key.Key_Y, "y")
    assert window.done == ["label:0"]
    assert window.actions_.tooltip("label:0") == "Nanoparticle (Y)"
    assert window.actions_.actions["label:0"].toolTip() == "Nanoparticle (Y)"


def test_one_key_for_two_actions_is_refused_and_nothing_changes(window: Desk) -> None:
    with pytest.raises(K2CError, match=r"J is the key of .Nanoparticle. and of .Cluster"):
        window.actions_.set_keys({"label:0": ["J"]})
    window.key(Key.Key_J, "j")
    window.key(Key.Key_F, "f")
    assert window.done == ["label:1", "label:0"]
