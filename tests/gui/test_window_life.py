"""A window from its first image to its end: read late, narrow, drawn as a file, and let go."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from k2c_gui.core.model import K2CError
from k2c_gui.gui import picture
from k2c_gui.gui.main_window import PRESETS, MainWindow
from k2c_gui.gui.preferences import Preferences
from k2c_gui.session import Session


def made(path: Path, *, whole: bool = True) -> MainWindow:
    session = Session(path, write=True, expert="Some Expert", whole=whole)
    return MainWindow(session, Preferences.nowhere())


def test_the_image_is_painted_before_the_facts_are_read(copied: Path, qtbot: QtBot) -> None:
    window = made(copied, whole=False)
    qtbot.addWidget(window)
    seen: list[tuple[bool, int]] = []
    surface = window.micrograph.surface
    surface.shown.connect(
        lambda: seen.append(
            (window.pictures.peek(0) is not None, len(window.desk.state.evidence[0].marks))
        )
    )
    window.show()
    assert not window.actions_.actions["sign-off"].isEnabled()
    window.desk.set_pixel_size(0.5, [window.desk.state.evidence[0].name])
    assert "still being read" in window.desk.state.trouble
    qtbot.waitUntil(window.settled, timeout=20_000)
    assert next(marks for painted, marks in seen if painted) == 0
    assert len(window.desk.state.evidence[0].marks) > 0
    assert window.actions_.actions["sign-off"].isEnabled()
    with Session(copied) as read:
        assert len(read.state.sources.votes) == len(window.session.state.sources.votes) > 0


def test_what_cannot_be_read_is_told(
    copied: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = made(copied, whole=False)
    qtbot.addWidget(window)
    monkeypatch.setattr("k2c_gui.session.SessionFile.content", refuse)
    with qtbot.waitSignal(window.unreadable, timeout=20_000) as told:
        window.show()
    assert "damaged" in str(told.args[0])


def refuse(_file: object) -> None:
    raise K2CError("The file is damaged.")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_window_fits_a_small_screen(preset: str, copied: Path, qtbot: QtBot) -> None:
    window = made(copied)
    qtbot.addWidget(window)
    window.show()
    window.set_preset(preset)
    QApplication.processEvents()
    window.resize(1024, 700)
    QApplication.processEvents()
    assert window.width() <= 1024
    view = window.micrograph
    for plate in (view.layers_plate, view.scale_plate):
        assert view.rect().contains(plate.geometry())


def test_a_closed_window_is_freed(copied: Path, qtbot: QtBot) -> None:
    window = made(copied)
    window.show()
    qtbot.waitUntil(window.settled, timeout=20_000)
    window.set_preset("Tune")
    known = [window, window.desk, window.pictures, window.session, window.micrograph.surface]
    left = [weakref.ref(thing) for thing in known]
    window.close()
    window.deleteLater()
    del window, known
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert [ref() for ref in left] == [None] * len(left)


@pytest.mark.parametrize("ending", [".svg", ".png"])
def test_a_picture_of_the_window_shows_the_window(
    ending: str, copied: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = made(copied)
    qtbot.addWidget(window)
    window.resize(1200, 800)
    window.show()
    qtbot.waitUntil(window.settled, timeout=20_000)
    path = tmp_path / f"out{ending}"
    picture.save(window, path)
    drawn = QImage(window.size(), QImage.Format.Format_RGB32)
    if ending == ".svg":
        words = "".join(ET.parse(path).getroot().itertext())  # noqa: S314  # our own
        assert "Sign off" in words
        painter = QPainter(drawn)
        QSvgRenderer(str(path)).render(painter)
        painter.end()
    else:
        drawn = QImage(str(path))
    assert drawn.size() == window.size()
    grabbed = window.grab().toImage()
    place = window.micrograph.mapTo(window, window.micrograph.rect().center())
    near = [
        abs(drawn.pixelColor(place.x() + i, y).red() - grabbed.pixelColor(place.x() + i, y).red())
        for i in range(-60, 60)
        for y in (place.y() - 40, place.y() + 40)
    ]
    assert sum(near) / len(near) < 12


def test_a_format_that_is_none_is_refused(copied: Path, tmp_path: Path, qtbot: QtBot) -> None:
    window = made(copied)
    qtbot.addWidget(window)
    with pytest.raises(K2CError, match="picture"):
        picture.save(window, tmp_path / "out.docx")
    assert not list(tmp_path.glob("out*"))
