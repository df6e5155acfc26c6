"""The start page: what a person sees of recent sessions, opens, finds and drops."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from k2c_gui.desk import Desk
from k2c_gui.gui.jobs import decode
from k2c_gui.gui.preferences import Preferences, Recent
from k2c_gui.gui.style import ASK, look
from k2c_gui.gui.views.start import View, record
from k2c_gui.gui.views.start.card import Card, moment, progress_words, size_words
from k2c_gui.gui.views.start.thumbnail import draw
from k2c_gui.session import Session

NAMES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta")


@pytest.fixture
def preferences(tmp_path: Path, qapp: QApplication) -> Preferences:
    look().apply("dark", 1.0)
    return Preferences(tmp_path / "preferences.ini")


@pytest.fixture
def recent(preferences: Preferences, session: Session, tmp_path: Path) -> Preferences:
    """Seven sessions; the last of `NAMES` was opened last."""
    for name in NAMES:
        path = tmp_path / f"{name}.k2c"
        path.touch()
        preferences.remember(path, session)
    return preferences


@pytest.fixture
def page(recent: Preferences, qtbot: QtBot) -> View:
    return shown(recent, qtbot)


def shown(preferences: Preferences, qtbot: QtBot) -> View:
    page = View(preferences)
    qtbot.addWidget(page)
    page.resize(1200, 800)
    with qtbot.waitExposed(page):
        page.show()
    page.activateWindow()
    return page


def cards(page: View) -> list[str]:
    return [Path(card.recent.path).stem for card in page.findChildren(Card) if card.isVisible()]


def words(page: View) -> str:
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def test_newest_six_then_all(page: View, qtbot: QtBot) -> None:
    assert cards(page) == list(reversed(NAMES))[:6]
    assert "6 of 7 sessions" in words(page)
    page._show_all()
    assert cards(page) == list(reversed(NAMES))


def test_click_and_return_open(page: View, qtbot: QtBot, tmp_path: Path) -> None:
    card = page.findChildren(Card)[2]
    with qtbot.waitSignal(page.open_session) as opened:
        qtbot.mouseClick(card, Qt.MouseButton.LeftButton)
    assert opened.args == [Path(card.recent.path)]
    page.setFocus()
    with qtbot.waitSignal(page.open_session) as opened:
        qtbot.keyClick(page, Qt.Key.Key_Return)
    assert opened.args == [tmp_path / "eta.k2c"]


def test_find_by_slash(page: View, qtbot: QtBot, tmp_path: Path) -> None:
    qtbot.keyClick(page, Qt.Key.Key_Slash)
    assert page.search.hasFocus()
    qtbot.keyClicks(page.search, "alp")
    assert cards(page) == ["alpha"], "also what was not among the first six is found"
    with qtbot.waitSignal(page.open_session) as opened:
        qtbot.keyClick(page.search, Qt.Key.Key_Return)
    assert opened.args == [tmp_path / "alpha.k2c"]
    qtbot.keyClicks(page.search, " no such")
    assert cards(page) == []
    assert "No session of that name" in words(page)
    qtbot.keyClick(page.search, Qt.Key.Key_Escape)
    assert len(cards(page)) == 6


def test_keys_of_the_buttons(page: View, qtbot: QtBot) -> None:
    with qtbot.waitSignal(page.import_files) as asked:
        qtbot.keyClick(page, Qt.Key.Key_I, Qt.KeyboardModifier.ControlModifier)
    assert asked.args == [[]]
    with qtbot.waitSignal(page.demo):
        qtbot.keyClick(page, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)


def test_changed_keys_hold_here_too(recent: Preferences, qtbot: QtBot) -> None:
    recent.keys = {"import": ["Ctrl+M"]}
    page = shown(recent, qtbot)
    assert page.import_button.key == "Ctrl+M"
    with qtbot.waitSignal(page.import_files):
        qtbot.keyClick(page, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)


def test_missing_session_is_said_and_not_opened(
    recent: Preferences, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "eta.k2c").unlink()
    page = shown(recent, qtbot)
    asked = []
    monkeypatch.setattr(page, "choose_session", lambda: asked.append(True))
    card = page.findChildren(Card)[0]
    assert not card.there
    with qtbot.assertNotEmitted(page.open_session):
        qtbot.mouseClick(card, Qt.MouseButton.LeftButton)
    assert asked == [True]


def test_first_start_says_what_to_do(preferences: Preferences, qtbot: QtBot) -> None:
    page = shown(preferences, qtbot)
    assert "import your exports, or try the demo" in words(page)
    assert "sessions" not in words(page).replace("Recent sessions", "")


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("scale", [0.9, 1.6])
def test_paints_in_both_themes_at_every_scale(page: View, theme: str, scale: float) -> None:
    look().apply("dark" if theme == "dark" else "light", scale)
    picture = page.grab().toImage()
    corner = picture.pixelColor(2, 2).lightness()
    assert (corner < 60) == (theme == "dark")
    look().apply("dark", 1.0)


# Dropping


@pytest.fixture
def dropped(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "dropped"
    (folder / "images").mkdir(parents=True)
    for name in ("picking.csv", "classifying.csv.gz", "one.K2C", "letter.odt", "images/a.tif"):
        (folder / name).touch()
    yield folder
    shutil.rmtree(folder)


def mime(*paths: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def drag(page: View, data: QMimeData) -> bool:
    button, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(600, 400), Qt.DropAction.CopyAction, data, button, none)
    enter.ignore()
    QApplication.sendEvent(page, enter)
    return enter.isAccepted()


def drop(page: View, data: QMimeData) -> None:
    button, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    event = QDropEvent(QPointF(600, 400), Qt.DropAction.CopyAction, data, button, none)
    QApplication.sendEvent(page, event)


def test_drop_a_session(page: View, qtbot: QtBot, dropped: Path) -> None:
    data = mime(dropped / "one.K2C")
    assert drag(page, data)
    assert "Drop to open" in words(page)
    with qtbot.waitSignal(page.open_session) as opened:
        drop(page, data)
    assert opened.args == [dropped / "one.K2C"]
    assert "Drop anywhere" in words(page)


def test_drop_exports_and_images(page: View, qtbot: QtBot, dropped: Path) -> None:
    paths = [dropped / "images", dropped / "picking.csv", dropped / "classifying.csv.gz"]
    data = mime(*paths, dropped / "letter.odt")
    assert drag(page, data)
    assert "Drop to import" in words(page)
    with qtbot.waitSignal(page.import_files) as asked:
        drop(page, data)
    assert asked.args == [paths], "what is of no use is left out"


def test_a_letter_is_not_taken(page: View, dropped: Path) -> None:
    assert not drag(page, mime(dropped / "letter.odt"))


# Cards


def test_words_of_a_card() -> None:
    one = Recent("x.k2c", "", micrographs=1, marks=1480, decided=0.9999, ambiguous=1204)
    assert size_words(one) == "1 micrograph · 1,480 marks"
    assert progress_words(one) == ("99 % decided", "1,204 ambiguous left")
    done = Recent("x.k2c", "", micrographs=3, decided=1.0, ambiguous=0, signed_off=3)
    assert progress_words(done) == ("100 % decided", "signed off")
    assert progress_words(Recent("x.k2c", ""))[0] == "Progress not counted yet"


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2026-11-18T09:05:00+00:00", "Today 09:05"),
        ("2026-11-17T23:59:00Z", "Yesterday"),
        ("2026-11-13T12:00:00Z", "Friday"),
        ("2026-11-03T12:00:00Z", "3 November"),
        ("2025-11-18T12:00:00Z", "18 November 2025"),
        ("", ""),
        ("soon", ""),
    ],
)
def test_moment(at: str, said: str) -> None:
    assert moment(at, datetime(2026, 11, 18, 18, 0, tzinfo=UTC)) == said


def test_record_counts_what_is_decided(desk: Desk, preferences: Preferences) -> None:
    preferences.remember(desk.session.path, desk.session)
    record(preferences, desk)
    before = preferences.recent[0]
    assert before.decided == 0.0
    assert before.ambiguous == len(desk.state.queue.cases) > 0
    desk.go(1)
    desk.painted()
    assert desk.rule("label", 0)
    record(preferences, desk)
    after = preferences.recent[0]
    n = sum(len(table) for table in desk.state.tables if table is not None)
    assert after.decided == pytest.approx(1 / n)
    assert after.ambiguous == before.ambiguous - 1
    assert after.thumbnail == ""


def test_record_draws_a_thumbnail(desk: Desk, preferences: Preferences) -> None:
    preferences.remember(desk.session.path, desk.session)
    path = Path(desk.state.sources.micrographs[0].path)
    record(preferences, desk, decode(0, path))
    picture = QImage(preferences.recent[0].thumbnail)
    assert not picture.isNull()
    table = desk.state.tables[0]
    assert table is not None
    colours = {picture.pixel(x, y) for x in range(picture.width()) for y in range(picture.height())}
    asked = bool((table["ambiguous"] & (table["status"] == 0)).any())
    assert (ASK.rgb() in colours) == asked


def test_thumbnail_has_a_dot_where_it_is_asked(desk: Desk) -> None:
    picture = decode(0, Path(desk.state.sources.micrographs[0].path))
    height, width = picture.levels[0].shape
    image = draw(picture, np.array([width / 2]), np.array([height / 2]))
    assert QColor(image.pixel(image.width() // 2, image.height() // 2)) == ASK
    assert QColor(image.pixel(10, 10)) != ASK
