"""Open the real window on a session and print each ruling once it is saved.

Arguments: session, preferences file, and ``keys`` (rules when told by keys) or ``timer`` (rules by
itself, for ever, and takes back when there is nothing left).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from k2c_gui.desk import State
from k2c_gui.gui.main_window import MainWindow
from k2c_gui.gui.preferences import Preferences
from k2c_gui.gui.style import look
from k2c_gui.session import Session


def say(what: str) -> None:
    os.write(1, f"{what}\n".encode())


def saved(old: State, new: State) -> None:
    # what the bar calls saved: the ledger and the time have both changed by now
    for name in new.ledger.in_force:
        if name not in old.ledger.in_force:
            say(f"saved {name}")


def go_on() -> None:
    desk = window.desk
    if desk.row() < 0 and not len(desk.state.queue.cases):
        return
    window.micrograph.surface.repaint()
    left = desk.state.queue.cases
    if all(int(mark) in desk.state.ledger.owner for mark in left["mark"]):
        while desk.state.ledger.undoable:
            desk.undo()
    elif desk.row() < 0:
        desk.go(1)
    else:
        window.actions_.trigger("label:0")


path, ini, how = sys.argv[1:]
program = QApplication(sys.argv[:1])
look().apply("dark")
session = Session(Path(path), write=True, expert="Some Expert")
window = MainWindow(session, Preferences(Path(ini)))
window.desk.subscribe(saved)
window.resize(1200, 760)
window.show()
window.activateWindow()
ready = QTimer()


def tell() -> None:
    if window.settled() and all(table is not None for table in window.desk.state.tables):
        ready.stop()
        window.desk.rank("all" if how == "timer" else "undecided")
        window.desk.go(1)
        say(f"window {int(window.winId())}")
        QTimer.singleShot(100, lambda: say(f"ready {len(window.desk.state.queue.cases)}"))
        if how == "timer":
            rules.start(3)


ready.timeout.connect(tell)
ready.start(20)
rules = QTimer()
rules.timeout.connect(go_on)
program.exec()
