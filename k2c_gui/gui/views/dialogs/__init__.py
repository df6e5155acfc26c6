"""Every dialog but the import."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, runtime_checkable

from PySide6.QtWidgets import QDialog, QWidget

from k2c_gui.desk import Desk
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.preferences import Preferences

from .about import About
from .demo import MakeDemo
from .images import FindImages, find_named
from .keys import ChangeKeys, KeysInForce, in_force
from .messages import Crash, Locked, Message
from .pace import Pace
from .pixel_size import PixelSize
from .sign_off import SignOff

__all__ = [
    "About",
    "ChangeKeys",
    "Crash",
    "FindImages",
    "KeysInForce",
    "Locked",
    "MakeDemo",
    "Message",
    "Pace",
    "PixelSize",
    "SignOff",
    "Window",
    "crash",
    "find_images",
    "images_remembered",
    "make_demo",
    "offer_read_only",
    "show",
    "tell",
]


def tell(parent: QWidget | None, text: str) -> None:
    """Tell what did not work."""
    Message(text, parent).open()


def crash(parent: QWidget | None, report: str) -> None:
    """Tell of a bug; a second one joins the first while that is open."""
    for dialog in parent.findChildren(Crash) if parent is not None else ():
        if dialog.isVisible():
            dialog.add(report)
            return
    Crash(report, parent).open()


def offer_read_only(parent: QWidget | None, text: str) -> bool:
    """Ask whether to open a session that is written elsewhere; waits for the answer."""
    dialog = Locked(text, parent)
    return QDialog.DialogCode(dialog.exec()) == QDialog.DialogCode.Accepted


def make_demo(parent: QWidget | None, folder: Path, opened: Callable[[Path], None]) -> None:
    """Write the demo and hand its session over."""
    MakeDemo(folder, opened, parent).open()


@runtime_checkable
class Window(Protocol):
    """What a window on a session has."""

    actions_: Actions
    desk: Desk
    pictures: Pictures


def show(
    what: str,
    parent: QWidget | None,
    preferences: Preferences,
    set_pixel_size: Callable[[float, list[str]], None] | None = None,
) -> bool:
    """Show a dialog by the name of its action.

    Parameters
    ----------
    what : str
        ``about``, ``keys-help``, ``keys-edit``, ``pixel-size`` or ``find-image``.
    parent : QWidget or None
        Dialogs about a session need a `Window`.
    preferences : Preferences
    set_pixel_size : callable, optional
        Takes nm per px and names of micrographs.

    Returns
    -------
    bool
        False: there is no such dialog here.
    """
    given: object = parent
    window = given if isinstance(given, Window) else None
    if what == "about":
        About(parent).open()
    elif what == "keys-help":
        actions = None if window is None else window.actions_
        KeysInForce(in_force(actions, preferences), parent).open()
    elif what == "keys-edit" and window is not None:
        ChangeKeys(window.actions_, preferences, parent).open()
    elif what == "pixel-size" and window is not None and set_pixel_size is not None:
        state = window.desk.state
        asks = PixelSize(state.sources.micrographs, state.shown, parent)
        asks.chosen.connect(set_pixel_size)
        asks.open()
    elif what == "find-image" and window is not None:
        find_images(parent, preferences, window.desk, window.pictures)
    else:
        return False
    return True


def find_images(
    parent: QWidget | None, preferences: Preferences, desk: Desk, pictures: Pictures
) -> None:
    """Ask where the images are, show them, and remember the folder for this machine."""
    asks = FindImages(desk.state.sources.micrographs, parent)

    def take(found: dict[int, Path], folder: Path) -> None:
        preferences.set_images(desk.session.identity, folder)
        for micrograph, path in found.items():
            pictures.replace(micrograph, path)

    asks.found.connect(take)
    asks.open()


def images_remembered(preferences: Preferences, desk: Desk, pictures: Pictures) -> int:
    """Look for images that are missing where they were found the last time.

    Returns
    -------
    int
        How many are missing still.
    """
    folder = preferences.images(desk.session.identity)
    missing = 0
    for i, micrograph in enumerate(desk.state.sources.micrographs):
        if Path(micrograph.path).is_file():
            continue
        there = find_named(Path(folder), micrograph.name) if folder else None
        if there is None:
            missing += 1
        else:
            pictures.replace(i, there)
    return missing
