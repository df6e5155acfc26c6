"""What a person sees and does in the session bar."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu, QWidget
from pytestqt.qtbot import QtBot

from k2c_gui.core import review
from k2c_gui.core.model import NO_LABEL, STATUS
from k2c_gui.desk import Desk
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.style import look
from k2c_gui.gui.views import session_bar
from k2c_gui.session import Session


@pytest.fixture
def bar(desk: Desk, pictures: Pictures, actions: Actions, qtbot: QtBot) -> session_bar.View:
    """The bar, its actions connected as the window connects them."""
    actions.on("blind", lambda: desk.set_blind(not desk.state.blind))
    actions.on("next-micrograph", lambda: desk.show(desk.state.shown + 1))
    actions.on("previous-micrograph", lambda: desk.show(desk.state.shown - 1))
    actions.on("undo", desk.undo)
    actions.on("redo", desk.redo)
    actions.on("sign-off", desk.sign_off)
    view = session_bar.View(desk, pictures, actions)
    qtbot.addWidget(view)
    view.resize(1600, 40)
    with qtbot.waitExposed(view):
        view.show()
    return view


def decide(desk: Desk) -> None:
    desk.go(1, undecided=True)
    desk.painted()
    assert desk.rule("label", 0)


def clear(desk: Desk) -> None:
    """Rule on everything of the shown micrograph that would block its sign-off."""
    for _ in range(session_bar.unlabelled(desk.state.instances)):
        rows = desk.state.instances
        blocked = (rows["status"] == STATUS.index("proposed")) & (rows["label"] == NO_LABEL)
        desk.select(int(rows["instance"][blocked][0]))
        desk.painted()
        assert desk.rule("defer")
        desk.show(0)


def test_it_says_where_one_is_and_goes_to_the_neighbours(
    bar: session_bar.View, desk: Desk, qtbot: QtBot
) -> None:
    names = [micrograph.name for micrograph in desk.state.sources.micrographs]
    assert bar.session.text() == "demo"
    assert (bar.micrograph.text(), bar.place.text()) == (names[0], "1 of 2")
    assert not bar.previous.isEnabled()
    before = bar.next.geometry()
    qtbot.mouseClick(bar.next, Qt.MouseButton.LeftButton)
    assert (bar.micrograph.text(), bar.place.text()) == (names[1], "2 of 2")
    assert not bar.next.isEnabled()
    assert bar.next.geometry() == before  # nothing moves under the pointer
    qtbot.mouseClick(bar.previous, Qt.MouseButton.LeftButton)
    assert desk.state.shown == 0


def test_the_tick_is_there_only_with_what_is_on_disk(bar: session_bar.View, desk: Desk) -> None:
    assert bar.saved.text() == "No changes"
    assert bar.disk.pixmap().isNull()
    decide(desk)
    assert bar.saved.text() == session_bar.when(desk.state.saved_at)
    assert not bar.disk.pixmap().isNull()
    assert "On disk" in bar.disk.toolTip()


def test_trouble_takes_the_place_of_the_time(
    bar: session_bar.View, desk: Desk, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(desk)

    def full(*_: object) -> None:
        import sqlite3

        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("k2c_gui.io.session_rows.insert_log", full)
    tick = bar.disk.pixmap().toImage()
    desk.go(1, undecided=True)
    desk.painted()
    assert not desk.rule("label", 1)
    assert bar.saved.text().startswith("Not saved: database or disk is full")
    assert str(session.path) not in bar.saved.text()
    assert bar.disk.toolTip() == desk.state.trouble
    assert bar.disk.pixmap().toImage() != tick
    assert bar.saved.palette().windowText().color().name().upper() == look().tokens.bad
    monkeypatch.undo()
    assert desk.rule("label", 1)
    assert bar.disk.pixmap().toImage() == tick


def test_a_session_with_a_log_says_since_when_it_is_on_disk(
    desk: Desk, pictures: Pictures, actions: Actions, session: Session, qtbot: QtBot
) -> None:
    decide(desk)
    again = session_bar.View(Desk(session), pictures, actions)
    qtbot.addWidget(again)
    assert again.saved.text() == session_bar.when(session.log[-1].at)


def test_undo_and_redo_are_there_when_they_would_do_something(
    bar: session_bar.View, desk: Desk, qtbot: QtBot
) -> None:
    assert not bar.undo.isEnabled()
    assert not bar.redo.isEnabled()
    decide(desk)
    qtbot.mouseClick(bar.undo, Qt.MouseButton.LeftButton)
    assert not desk.state.ledger.in_force
    assert not bar.undo.isEnabled()
    qtbot.mouseClick(bar.redo, Qt.MouseButton.LeftButton)
    assert len(desk.state.ledger.in_force) == 1
    assert not bar.redo.isEnabled()


def test_blind_is_switched_by_a_click_and_by_its_key(
    bar: session_bar.View, desk: Desk, actions: Actions, qtbot: QtBot
) -> None:
    assert bar.blind.isChecked()
    qtbot.mouseClick(bar.blind, Qt.MouseButton.LeftButton)
    assert not desk.state.blind
    assert not bar.blind.isChecked()
    actions.trigger("blind")
    assert bar.blind.isChecked()


def test_sign_off_counts_what_is_ruled_and_says_what_blocks_it(
    demo_project: Path, tmp_path: Path, pictures: Pictures, actions: Actions, qtbot: QtBot
) -> None:
    """Some of the instances are tied."""
    path = Path(shutil.copytree(demo_project, tmp_path / "tied")) / "demo.k2c"
    with Session(path, write=True, expert="Some Expert") as session:
        desk = Desk(session)
        actions.on("sign-off", desk.sign_off)
        bar = session_bar.View(desk, pictures, actions)
        qtbot.addWidget(bar)
        bar.show()
        assert bar.sign_off.text() == "Sign off"
        assert not bar.sign_off.isEnabled()
        desk.offer(review.group(desk.state.evidence[0], desk.state.params))
        n, tied = len(desk.state.instances), session_bar.unlabelled(desk.state.instances)
        assert tied
        assert bar.sign_off.text() == f"Sign off   0 / {n} seen"
        assert bar.sign_off.isEnabled()  # what it opens says what is to be done
        assert f"{tied} tied or without votes" in bar.sign_off.toolTip()
        clear(desk)
        assert bar.sign_off.text() == f"Sign off   {tied} / {n} seen"
        assert bar.sign_off.isEnabled()
        qtbot.mouseClick(bar.sign_off, Qt.MouseButton.LeftButton)
        assert desk.state.evidence[0].name in desk.state.ledger.signed_off
        assert bar.sign_off.text() == f"Signed off   {n} / {n} seen"
        assert not bar.sign_off.isEnabled()
        desk.undo()
        assert bar.sign_off.isEnabled()


def test_actions_that_are_off_turn_their_buttons_off(
    bar: session_bar.View, desk: Desk, actions: Actions
) -> None:
    """A session that is open for reading only."""
    decide(desk)
    for name, button in (("undo", bar.undo), ("sign-off", bar.sign_off)):
        assert button.isEnabled()
        actions.actions[name].setEnabled(False)
        assert not button.isEnabled()
    bar.set_read_only("Read only: written on another computer")
    assert bar.saved.text() == "Read only: written on another computer"
    assert not bar.disk.pixmap().isNull()


def test_presets_are_asked_for_by_a_click(
    bar: session_bar.View, actions: Actions, qtbot: QtBot
) -> None:
    asked: list[str] = []
    for name in ("Adjudicate", "Tune", "Overview"):
        actions.on(f"preset:{name}", lambda name=name: asked.append(name))
    bar.set_preset("Adjudicate")
    assert bar.presets.buttons["Adjudicate"].isChecked()
    qtbot.mouseClick(bar.presets.buttons["Tune"], Qt.MouseButton.LeftButton)
    assert asked == ["Tune"]
    bar.set_preset("Overview")
    assert [name for name, b in bar.presets.buttons.items() if b.isChecked()] == ["Overview"]


def test_presets_stand_in_the_middle(bar: session_bar.View, desk: Desk) -> None:
    for trouble in ("", "x" * 300):
        desk._set(replace(desk.state, trouble=trouble))
        middle = bar.presets.mapTo(bar, QPoint(bar.presets.width() // 2, 0)).x()
        assert abs(middle - bar.width() / 2) < 4
        assert bar.expert.geometry().right() <= bar.width()


@pytest.mark.parametrize("width", [800, 1000, 1600])
def test_a_narrow_bar_leaves_out_the_least(bar: session_bar.View, width: int) -> None:
    bar.resize(width, 40)
    assert bar.place.isVisible() == (width == 1600)
    for part in (bar.undo, bar.saved, bar.sign_off, bar.expert):
        assert part.isVisible()
    assert bar.expert.geometry().right() <= bar.width()


def test_the_name_is_edited_by_a_click(bar: session_bar.View, qtbot: QtBot) -> None:
    assert bar.expert.initials.text() == "SE"
    qtbot.mouseClick(bar.expert.initials, Qt.MouseButton.LeftButton)
    assert bar.expert.field.isVisible()
    assert bar.expert.field.text() == "Some Expert"
    bar.expert.field.selectAll()
    qtbot.keyClicks(bar.expert.field, "  Another   Old Expert ")
    with qtbot.waitSignal(bar.expert_changed) as told:
        qtbot.keyClick(bar.expert.field, Qt.Key.Key_Return)
    assert told.args == ["Another Old Expert"]
    assert bar.expert.initials.text() == "AE"
    assert not bar.expert.field.isVisible()


@pytest.mark.parametrize("key", [Qt.Key.Key_Escape, Qt.Key.Key_Return])
def test_esc_and_an_empty_name_change_nothing(
    bar: session_bar.View, qtbot: QtBot, key: Qt.Key
) -> None:
    told: list[str] = []
    bar.expert_changed.connect(told.append)
    bar.expert.edit()
    if key == Qt.Key.Key_Return:
        bar.expert.field.clear()
    else:
        qtbot.keyClicks(bar.expert.field, "Nobody")
    qtbot.keyClick(bar.expert.field, key)
    assert told == []
    assert bar.expert.initials.text() == "SE"
    assert not bar.expert.field.isVisible()


def test_the_session_opens_the_menu(bar: session_bar.View) -> None:
    menu = QMenu(bar)
    bar.set_menu(menu)
    assert bar.session.menu() is menu


def test_tooltips_follow_the_keys(bar: session_bar.View, actions: Actions) -> None:
    assert bar.undo.toolTip() == actions.tooltip("undo")
    actions.set_keys({"blind": ["Ctrl+Shift+B"], "preset:Tune": ["Ctrl+8"]})
    assert "B" in bar.blind.toolTip()
    assert bar.blind.toolTip() == actions.tooltip("blind")
    assert bar.presets.buttons["Tune"].toolTip() == actions.tooltip("preset:Tune")


@pytest.mark.parametrize("scale", [0.9, 1.6])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_both_themes_and_scales(
    bar: session_bar.View, qtbot: QtBot, theme: str, scale: float
) -> None:
    look().apply(theme, scale)
    bar.resize(1900, bar.sizeHint().height())
    qtbot.wait(1)
    picture = bar.grab().toImage()
    assert picture.pixelColor(1, 1).name().upper() == look().tokens.panel
    assert bar.sizeHint().height() == round(40 * scale)
    shown = [w for w in bar.findChildren(QWidget) if w.isVisible() and w.parent() is bar]
    assert all(w.geometry().right() <= bar.width() for w in shown)
    look().apply("dark", 1.0)


@pytest.mark.parametrize(
    ("name", "letters"),
    [("", "?"), ("ada", "A"), ("Ada Lovelace", "AL"), ("Ada B C Lovelace", "AL")],
)
def test_initials(name: str, letters: str) -> None:
    assert session_bar.initials(name) == letters


def test_when_shows_the_day_only_if_it_is_another() -> None:
    now = datetime.now(UTC)
    assert session_bar.when(now.isoformat()) == f"{now.astimezone():%H:%M:%S}"
    before = now - timedelta(days=3)
    assert session_bar.when(before.isoformat()) == f"{before.astimezone():%Y-%m-%d}"
    assert session_bar.when("") == ""
