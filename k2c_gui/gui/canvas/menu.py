"""What can be done at the cursor."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QIcon
from PySide6.QtWidgets import QMenu, QWidget

from k2c_gui.core.model import NO_LABEL, Label
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.style import look, px
from k2c_gui.gui.symbols import DECIDED, DEFERRED, REJECTED, Symbol, chip

EDITS = ("merge", "split", "move", "note", "flag")


def label_menu(
    labels: tuple[Label, ...],
    actions: Actions,
    choose: Callable[[str], None],
    parent: QWidget,
) -> QMenu:
    """Make a menu of what the expert can decide and edit; none of it is suggested.

    Parameters
    ----------
    labels : tuple of Label
    actions : Actions
    choose : callable
        Called with the id of the action that was chosen.
    parent : QWidget
    """
    menu = QMenu(parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def add(name: str, symbol: Symbol | None = None) -> None:
        if name not in actions.actions:
            return
        icon = QIcon() if symbol is None else QIcon(chip(symbol, px(10), look().theme))
        action = _entry(icon, name, actions, menu)
        action.triggered.connect(lambda _checked=False: choose(name))

    for i, label in enumerate(labels):
        add(f"label:{i}", Symbol(label.value, DECIDED))
    menu.addSeparator()
    add("defer", Symbol(NO_LABEL, DEFERRED))
    add("reject", Symbol(NO_LABEL, REJECTED))
    menu.addSeparator()
    for name in EDITS:
        if actions.actions[name].isEnabled():
            add(name)
    return menu


def place_menu(actions: Actions, add: Callable[[], None], parent: QWidget) -> QMenu:
    """Make a menu of what can be done where there is nothing.

    Parameters
    ----------
    actions : Actions
    add : callable
        Adds a particle there.
    parent : QWidget
    """
    menu = QMenu(parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    entry = _entry(QIcon(), "add", actions, menu)
    entry.triggered.connect(lambda _checked=False: add())
    entry = _entry(QIcon(), "lasso", actions, menu)
    entry.triggered.connect(lambda _checked=False: actions.trigger("lasso"))
    return menu


def _entry(icon: QIcon, name: str, actions: Actions, menu: QMenu) -> QAction:
    """An action with its key, in a menu."""
    key = actions.key(name)
    action = QAction(icon, actions.actions[name].text() + (f"\t{key}" if key else ""), menu)
    action.setEnabled(actions.actions[name].isEnabled())
    menu.addAction(action)
    return action
