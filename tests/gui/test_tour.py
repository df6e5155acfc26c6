"""The tour: each step waits for its thing, and only for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from k2c_gui.core.model import NO_MARK
from k2c_gui.desk import State
from k2c_gui.gui.actions import table
from k2c_gui.gui.app import App
from k2c_gui.gui.main_window import MainWindow
from k2c_gui.gui.preferences import Preferences
from k2c_gui.gui.views.tour import steps
from k2c_gui.session import Session


@pytest.fixture
def window(session: Session, qtbot: QtBot) -> Iterator[MainWindow]:
    window = MainWindow(session, Preferences.nowhere())
    qtbot.addWidget(window)
    window.resize(1400, 900)
    window.tour.set_pause(0)
    window.show()
    qtbot.waitUntil(lambda: bool(len(window.desk.state.queue.cases)) and window.settled())
    yield window
    window.close()


def begin(window: MainWindow, qtbot: QtBot, title: str = "") -> None:
    """Start the tour, and pass over what comes before a step."""
    window.actions_.trigger("tour")
    while title and title not in said(window):
        next_step(window, qtbot)
    qtbot.waitUntil(lambda: bool(window.desk._painted_at))


def next_step(window: MainWindow, qtbot: QtBot) -> None:
    buttons = {b.text(): b for b in window.tour.findChildren(QPushButton) if b.isVisible()}
    button = buttons.get("Next") or buttons["Done"]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def said(window: MainWindow) -> str:
    return " ".join(label.text() for label in window.tour.findChildren(QLabel))


def test_there_are_twelve_steps_and_each_names_actions_and_fields_that_exist() -> None:
    names = {row.id for row in table()}
    assert len(steps()) == 12
    for step in steps():
        assert set(step.actions) <= names, step.title
        assert set(step.fields) <= {field.name for field in fields(State)}, step.title
        assert set(re.findall(r"{([^}]+)}", step.text)) <= {*names, "labels"}, step.title
        assert len(step.text) < 180


def test_it_is_hidden_until_it_is_asked_for(window: MainWindow) -> None:
    assert not window.tour.isVisible()
    window.actions_.trigger("tour")
    assert window.tour.isVisible()
    assert "1 of 12" in said(window)


def test_twelve_things_done_with_keys_take_it_to_the_end(window: MainWindow, qtbot: QtBot) -> None:
    begin(window, qtbot)
    key, canvas = Qt.Key, window.micrograph.surface
    control = Qt.KeyboardModifier.ControlModifier

    def do(step: int, *keys: Qt.Key) -> None:
        assert f"{step} of 12" in said(window)
        qtbot.waitUntil(lambda: bool(window.desk._painted_at))
        for pressed in keys:
            QTest.keyClick(canvas, pressed)
        qtbot.waitUntil(lambda: window.tour.at == step)

    do(1, key.Key_Z)
    qtbot.waitUntil(lambda: bool(window.desk._painted_at))
    next_step(window, qtbot)  # the crops are looked at: there is nothing to do
    do(3, key.Key_B, key.Key_B)
    assert window.desk.state.blind
    do(4, key.Key_F)
    do(5, key.Key_K)
    assert len(window.session.state.ledger.in_force) == 2
    do(6, key.Key_Space)
    do(7, key.Key_Backspace)
    assert len(window.session.state.ledger.in_force) == 1
    QTest.keyClick(canvas, key.Key_Z, control | Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: window.tour.at == 8)
    assert len(window.session.state.ledger.in_force) == 2
    do(9, key.Key_Q)
    window.desk.rank("undecided")
    qtbot.waitUntil(lambda: window.tour.at == 10)
    window.desk.try_params(replace(window.desk.state.params, min_samples=5))
    qtbot.waitUntil(lambda: window.tour.at == 11)
    next_step(window, qtbot)
    assert not window.tour.isVisible()


def test_another_key_is_not_the_step(window: MainWindow, qtbot: QtBot) -> None:
    begin(window, qtbot, "Keep ambiguous")
    QTest.keyClick(window.micrograph.surface, Qt.Key.Key_F)
    qtbot.wait(20)
    assert "Keep ambiguous" in said(window)


def test_what_the_disk_refused_is_not_done(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(window, qtbot, "Keep ambiguous")
    monkeypatch.setattr(window.desk, "rule", lambda *_args, **_kwargs: False)
    QTest.keyClick(window.micrograph.surface, Qt.Key.Key_K)
    qtbot.wait(20)
    assert "5 of 12" in said(window)


def test_blind_is_on_again_before_it_goes_on(window: MainWindow, qtbot: QtBot) -> None:
    begin(window, qtbot, "Votes stay hidden")
    QTest.keyClick(window.micrograph.surface, Qt.Key.Key_B)
    qtbot.wait(20)
    assert "3 of 12" in said(window)


def test_each_step_brings_a_case_that_is_not_ruled(window: MainWindow, qtbot: QtBot) -> None:
    begin(window, qtbot)
    faced = []
    for _ in range(12):
        faced.append(window.desk.state.selected)
        assert faced[-1] not in window.desk.state.ledger.owner
        next_step(window, qtbot)
    there = len(window.desk.state.queue.cases)
    assert NO_MARK not in faced
    assert len(set(faced)) == min(12, there)


def test_it_can_be_ended_and_begun_again(window: MainWindow, qtbot: QtBot) -> None:
    begin(window, qtbot, "Blind")
    (end,) = (b for b in window.tour.findChildren(QPushButton) if b.text() == "End tour")
    QTest.mouseClick(end, Qt.MouseButton.LeftButton)
    assert not window.tour.isVisible()
    QTest.keyClick(window.micrograph.surface, Qt.Key.Key_F1)
    assert "1 of 12" in said(window)


def test_changed_keys_are_the_ones_it_names(window: MainWindow, qtbot: QtBot) -> None:
    begin(window, qtbot, "Keep ambiguous")
    window.actions_.set_keys({"defer": ["Y"]})
    assert "Y keeps the case" in said(window)


def test_the_first_demo_starts_it_and_the_second_does_not(
    session: Session, tmp_path: Path, qtbot: QtBot
) -> None:
    path = session.path
    session.close()
    preferences = Preferences(tmp_path / "k2c.ini")
    for first in (True, False):
        app = App(preferences)
        app.open(path)
        window = app._window
        assert isinstance(window, MainWindow)
        qtbot.addWidget(window)
        assert window.tour.isVisible() is first
        window.close()
