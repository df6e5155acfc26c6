"""The labels at the cursor."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QIcon
from PySide6.QtWidgets import QMenu, QWidget

from k2c_gui.core.model import NO_LABEL, Label
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.style import look, px
from k2c_gui.gui.symbols import DECIDED, DEFERRED, Symbol, chip


def label_menu(
    labels: tuple[Label, ...],
    actions: Actions,
    choose: Callable[[str], None],
    parent: QWidget,
) -> QMenu:
    """Make a menu of what the expert can decide; none of it is suggested.

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

    def add(name: str, symbol: Symbol) -> None:
        if name not in actions.actions:
            return
        icon = QIcon(chip(symbol, px(10), look().theme))
        key = actions.key(name)
        action = QAction(icon, actions.actions[name].text() + (f"\t{key}" if key else ""), menu)
        action.setEnabled(actions.actions[name].isEnabled())
        action.triggered.connect(lambda _checked=False: choose(name))
        menu.addAction(action)

    for i, label in enumerate(labels):
        add(f"label:{i}", Symbol(label.value, DECIDED))
    menu.addSeparator()
    add("defer", Symbol(NO_LABEL, DEFERRED))
    return menu
