"""The program: which window is shown when, and what is told when something does not work."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QMainWindow, QWidget
from pytestqt.qtbot import QtBot

from k2c_gui.core.model import K2CError
from k2c_gui.gui import app as program
from k2c_gui.gui.app import App, screenshot
from k2c_gui.gui.main_window import PRESETS, MainWindow
from k2c_gui.gui.preferences import Preferences
from k2c_gui.gui.views import dialogs, start
from k2c_gui.session import Session

W = TypeVar("W", bound=QWidget)


def shown(kind: type[W]) -> list[W]:
    return [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]


@pytest.fixture
def preferences(tmp_path: Path) -> Preferences:
    preferences = Preferences(tmp_path / "some.ini")
    preferences.expert = "Some Expert"
    preferences.toured = True
    return preferences


@pytest.fixture
def app(preferences: Preferences, qapp: QApplication, qtbot: QtBot) -> Iterator[App]:
    app = App(preferences)
    app.show_start()
    yield app
    for window in QApplication.topLevelWidgets():
        if isinstance(window, QMainWindow):
            window.close()
            window.deleteLater()
    qtbot.wait(10)


def only_window() -> QMainWindow:
    (window,) = shown(QMainWindow)
    return window


def test_it_begins_with_the_start_page(app: App) -> None:
    assert only_window().findChild(start.View) is not None


def test_an_opened_session_takes_the_place_of_the_start_page(
    app: App, copied: Path, preferences: Preferences
) -> None:
    app.open(copied)
    window = only_window()
    assert isinstance(window, MainWindow)
    assert window.session.expert == "Some Expert"
    assert [recent.path for recent in preferences.recent] == [str(copied.resolve())]


def test_closing_the_session_leads_back_to_the_start_page(app: App, copied: Path) -> None:
    app.open(copied)
    window = only_window()
    assert isinstance(window, MainWindow)
    window.actions_.trigger("close")
    assert only_window().findChild(start.View) is not None
    Session(copied, write=True).close()


def test_the_open_session_opened_again_stays(app: App, copied: Path) -> None:
    app.open(copied)
    window = only_window()
    app.open(copied.parent / ".." / copied.parent.name / copied.name)
    assert only_window() is window
    assert not shown(QDialog)


@pytest.mark.parametrize("accept", [True, False])
def test_a_session_that_is_written_elsewhere_is_offered_read_only(
    app: App, copied: Path, accept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def ask(_parent: object, text: str) -> bool:
        asked.append(text)
        return accept

    monkeypatch.setattr(dialogs, "offer_read_only", ask)
    with Session(copied, write=True):
        app.open(copied)
        window = only_window()
        assert "is writing this session" in asked[0]
        if accept:
            assert isinstance(window, MainWindow)
            assert window.read_only
        else:
            assert window.findChild(start.View) is not None


@pytest.mark.parametrize("content", [None, b"", b"no session at all"])
def test_what_is_no_session_is_told_and_the_window_stays(
    app: App, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "some.k2c"
    if content is not None:
        path.write_bytes(content)
    app.open(path)
    assert only_window().findChild(start.View) is not None
    assert shown(dialogs.Message)


def test_images_that_moved_are_asked_for_and_the_marks_are_there(
    app: App, copied: Path, qtbot: QtBot
) -> None:
    moved = copied.parent / "elsewhere"
    shutil.move(copied.parent / "images", moved)
    app.open(copied)
    window = only_window()
    assert isinstance(window, MainWindow)
    (dialog,) = window.findChildren(dialogs.FindImages)
    assert dialog.isVisible()
    with qtbot.waitSignal(window.pictures.ready):
        dialog.look_in(moved)
        qtbot.waitUntil(lambda: window.pictures.path(0).parent == moved)


@pytest.mark.parametrize(
    ("error", "kind"),
    [(K2CError("The disk is full."), dialogs.Message), (RuntimeError("a bug"), dialogs.Crash)],
)
def test_what_nobody_caught_is_told(
    app: App,
    copied: Path,
    error: Exception,
    kind: type[QDialog],
    capsys: pytest.CaptureFixture[str],
) -> None:
    app.open(copied)
    try:
        raise error
    except Exception as caught:
        app.hook(type(caught), caught, caught.__traceback__)
    assert only_window().findChildren(kind)
    assert type(error).__name__ in capsys.readouterr().err


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_picture_of_every_preset_in_both_themes(
    project: Path, preset: str, theme: str, qapp: QApplication
) -> None:
    with Session(project / "demo.k2c") as session:
        picture = screenshot(
            session, preset=preset, theme="dark" if theme == "dark" else "light", size=(1600, 1000)
        )
    assert (picture.width(), picture.height()) == (1600, 1000)
    grey = picture.convertToFormat(picture.Format.Format_Grayscale8)
    pixels = np.frombuffer(grey.constBits(), np.uint8)
    bar = pixels.reshape(1000, -1)[4, 700:760].mean()
    assert bar < 60 if theme == "dark" else bar > 200
    assert len(np.unique(pixels)) > 100


def test_a_picture_of_one_instance_and_of_none(
    project: Path, tmp_path: Path, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Session(project / "demo.k2c") as session:
        name = str(session.instances()["instance"][-1])
        selected = screenshot(session, select=name)
    with Session(project / "demo.k2c") as session:
        assert screenshot(session) != selected
    with Session(project / "demo.k2c") as session, pytest.raises(K2CError, match="no instance 7"):
        screenshot(session, select="7")
    assert not shown(QMainWindow)


def test_a_picture_leaves_no_trace(
    project: Path, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[object] = []
    monkeypatch.setattr("k2c_gui.gui.views.start.thumbnail.write_whole", lambda *a: kept.append(a))
    with Session(project / "demo.k2c") as session:
        screenshot(session, size=(1000, 700))
    assert not kept
    assert program.look().scale == 1.0


def test_the_start_page_takes_keys_without_a_session(app: App) -> None:
    window = only_window()
    for key in (Qt.Key.Key_F, Qt.Key.Key_Z, Qt.Key.Key_Backspace):
        QTest.keyClick(window, key)
    assert only_window() is window
