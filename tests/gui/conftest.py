"""A desk with a small demo session on it, in an offscreen window system."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from k2c_gui import demo
from k2c_gui.core import compiled, review
from k2c_gui.demo import WorldParams
from k2c_gui.desk import Desk
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.main_window import MainWindow
from k2c_gui.gui.preferences import Preferences
from k2c_gui.gui.style import look
from k2c_gui.importing import import_
from k2c_gui.io.sources import Files
from k2c_gui.session import Session

PARAMS = WorldParams(micrographs=2, seed=2, size=512, particles=30, tiles_per_axis=4)


@pytest.fixture(autouse=True)
def plain_look(qapp: QApplication) -> Iterator[None]:
    """Begin with the dark theme at scale 1, and leave no widget that a later change would style."""
    look().apply("dark", 1.0)
    yield
    for widget in qapp.topLevelWidgets():
        if isValid(widget):
            widget.deleteLater()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(scope="session", autouse=True)
def warm() -> None:
    """Compile once, as a machine does, and not against the clock of some test."""
    compiled.warm_up()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a demo project; not to be written to."""
    folder = tmp_path_factory.mktemp("project")
    demo.write(folder, PARAMS)
    files = Files(folder / "images", folder / "picking.csv", folder / "classifying.csv")
    import_(folder / "demo.k2c", files)
    return folder


@pytest.fixture
def session(project: Path, tmp_path: Path) -> Iterator[Session]:
    """A writable copy of the session; its images stay where they were."""
    path = tmp_path / "project" / "demo.k2c"
    shutil.copytree(project, path.parent)
    with Session(path, write=True, expert="Some Expert") as session:
        yield session


@pytest.fixture
def desk(session: Session) -> Desk:
    """A desk at which every micrograph is grouped and the ambiguous cases are queued."""
    desk = Desk(session)
    for evidence in desk.state.evidence:
        desk.offer(review.group(evidence, desk.state.params))
    desk.rank("ambiguous")
    return desk


@pytest.fixture
def pictures(desk: Desk, qapp: QApplication) -> Iterator[Pictures]:
    """The micrographs of the desk."""
    pictures = Pictures([m.path for m in desk.state.sources.micrographs])
    yield pictures
    pictures.close()


@pytest.fixture
def actions(qapp: QApplication, qtbot: object) -> Iterator[Actions]:
    """Actions of an empty window; connect what a test needs with ``actions.on``."""
    look().apply("dark")
    window = QWidget()
    actions = Actions(window, {})
    yield actions
    qapp.removeEventFilter(actions)
    window.deleteLater()


@pytest.fixture
def copied(project: Path, tmp_path: Path) -> Path:
    """Your own copy of the session, closed, with its images beside it."""
    return Path(shutil.copytree(project, tmp_path / "project")) / "demo.k2c"


@pytest.fixture
def opened(tmp_path: Path, qapp: QApplication, qtbot: QtBot) -> Iterator[Callable[..., MainWindow]]:
    """Open a session in its window, and wait until everything is there."""
    windows: list[MainWindow] = []

    def open_(path: Path, *, read_only: str = "", settle: bool = True) -> MainWindow:
        session = Session(path, write=not read_only, expert="Some Expert")
        window = MainWindow(session, Preferences(tmp_path / "some.ini"), read_only=read_only)
        windows.append(window)
        window.resize(1280, 800)
        window.show()
        window.activateWindow()
        qtbot.waitExposed(window)
        if settle:
            qtbot.waitUntil(lambda: len(window.desk.state.queue.cases) > 0, timeout=10_000)
            qtbot.waitUntil(window.settled, timeout=10_000)
        qapp.processEvents()
        return window

    yield open_
    for window in filter(isValid, windows):
        window.close()
        window.deleteLater()
    qapp.processEvents()
