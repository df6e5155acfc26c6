from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from k2c_gui.core.model import NO_MARK, Label
from k2c_gui.desk import Desk
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.style import colour, look
from k2c_gui.gui.views.decision import FLASH, View


@pytest.fixture
def bar(qtbot: QtBot, desk: Desk, pictures: Pictures, actions: Actions) -> View:
    view = View(desk, pictures, actions)
    qtbot.addWidget(view)
    view.resize(1200, 52)
    view.show()
    desk.go(1)
    return view


def from_left(bar: View) -> list[str]:
    buttons = [*bar.rulings, bar.next, bar.back]
    return [button.text() for button in sorted(buttons, key=QAbstractButton.x)]


def find(bar: View, text: str) -> QAbstractButton:
    return next(button for button in bar.rulings if button.text() == text)


def test_buttons_lie_as_their_keys_do(bar: View) -> None:
    assert from_left(bar) == [
        "Nothing",
        "Artifact",
        "Nanoparticle",
        "Cluster",
        "Keep ambiguous",
        "Reject",
        "next",
        "take back",
    ]
    left, right = find(bar, "Nanoparticle"), find(bar, "Cluster")
    same_hand = left.x() - find(bar, "Artifact").geometry().right()
    assert right.x() - left.geometry().right() > same_hand


def test_buttons_follow_changed_keys(bar: View, actions: Actions) -> None:
    actions.set_keys({"label:0": ["L"], "lasso": []})
    bar.layout().activate()
    assert from_left(bar)[:4] == ["Nothing", "Artifact", "Cluster", "Keep ambiguous"]
    assert find(bar, "Nanoparticle").toolTip() == "Nanoparticle (L)"


@pytest.mark.parametrize(
    ("text", "action"),
    [("Nanoparticle", "label:0"), ("Nothing", "label:3"), ("Keep ambiguous", "defer")],
)
def test_a_click_does_what_the_key_does(
    qtbot: QtBot, bar: View, actions: Actions, text: str, action: str
) -> None:
    done: list[str] = []
    actions.on(action, lambda: done.append(action))
    qtbot.mouseClick(find(bar, text), Qt.MouseButton.LeftButton)
    actions.trigger(action)
    assert done == [action, action]


def test_next_and_take_back_are_clickable(qtbot: QtBot, bar: View, actions: Actions) -> None:
    done: list[str] = []
    actions.on("next", lambda: done.append("next"))
    actions.on("take-back", lambda: done.append("take-back"))
    qtbot.mouseClick(bar.next, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(bar.back, Qt.MouseButton.LeftButton)
    assert done == ["next", "take-back"]


def test_a_key_lights_its_button_for_a_moment(qtbot: QtBot, bar: View, actions: Actions) -> None:
    button = find(bar, "Cluster")
    place = button.rect().center()
    place.setX(button.width() - 5)
    before = button.grab().toImage().pixelColor(place)
    actions.trigger("label:1")
    during = button.grab().toImage().pixelColor(place)
    assert before == colour("raised") != during
    qtbot.waitUntil(lambda: button.grab().toImage().pixelColor(place) == before, timeout=FLASH * 20)


def test_without_a_selection_the_buttons_say_why_not(bar: View, desk: Desk) -> None:
    assert all(button.isEnabled() for button in bar.rulings)
    desk.select(NO_MARK)
    assert not any(button.isEnabled() for button in bar.rulings)
    assert {button.toolTip() for button in bar.rulings} == {"No instance is selected."}
    desk.go(1)
    assert find(bar, "Cluster").isEnabled()
    assert find(bar, "Cluster").toolTip() == "Cluster (J)"


def test_read_only_the_buttons_say_why_not(bar: View, actions: Actions) -> None:
    actions.actions["label:1"].setEnabled(False)
    assert not find(bar, "Cluster").isEnabled()
    assert "reading only" in find(bar, "Cluster").toolTip()
    actions.actions["label:1"].setEnabled(True)
    assert find(bar, "Cluster").isEnabled()


def test_no_answer_is_suggested(bar: View, desk: Desk) -> None:
    """The bar looks the same whatever the volunteers said."""
    desk.set_blind(False)
    desk.rank("undecided")
    desk.go(1)
    first = bar.grab().toImage()
    for _ in range(6):
        desk.go(1)
        assert bar.grab().toImage() == first


def test_other_labels_have_buttons_too(
    qtbot: QtBot, desk: Desk, pictures: Pictures, actions: Actions
) -> None:
    labels = tuple(
        Label(i, name, True) for i, name in enumerate(("Rod", "Cube", "Wire", "?", "Sheet"))
    )
    desk.state = replace(desk.state, sources=replace(desk.state.sources, labels=labels))
    bar = View(desk, pictures, actions)
    qtbot.addWidget(bar)
    bar.show()
    done: list[int] = []
    actions.on("label:4", lambda: done.append(4))
    bar.labels[4].setEnabled(True)
    qtbot.mouseClick(find(bar, "Sheet"), Qt.MouseButton.LeftButton)
    assert [button.text() for button in bar.labels] == ["Rod", "Cube", "Wire", "?", "Sheet"]
    assert done == [4]


def test_fewer_labels_leave_no_keys_over(
    qtbot: QtBot, desk: Desk, pictures: Pictures, actions: Actions
) -> None:
    labels = desk.state.sources.labels[:2]
    desk.state = replace(desk.state, sources=replace(desk.state.sources, labels=labels))
    qtbot.addWidget(View(desk, pictures, actions))
    assert actions.actions["label:1"].isVisible()
    assert not actions.actions["label:2"].isVisible()


def test_a_narrow_bar_gives_up_words_then_keys_but_no_answer(qtbot: QtBot, bar: View) -> None:
    def laid_out() -> bool:
        seen = [button for button in bar.rulings if button.isVisible()]
        assert len(seen) >= len(bar.rulings) - 1  # rejecting has its key and the menus
        return all(bar.rect().contains(button.geometry()) for button in seen)

    wide = bar.back.width()
    least = bar.minimumSizeHint().width()
    bar.resize(least + 140, 52)
    qtbot.waitUntil(lambda: bar.back.width() < wide, timeout=2000)
    assert bar.next.isVisible()
    assert bar.back.isVisible()
    assert bar.rect().contains(bar.back.geometry())
    bar.resize(least, 52)
    assert not bar.next.isVisible()
    qtbot.waitUntil(laid_out, timeout=2000)
    bar.resize(1200, 52)
    qtbot.waitUntil(lambda: bar.back.isVisible() and bar.back.width() == wide, timeout=2000)


def test_the_bar_grows_with_the_text(bar: View) -> None:
    small = find(bar, "Cluster").sizeHint()
    look().apply("dark", 1.6)
    try:
        assert find(bar, "Cluster").sizeHint().width() > small.width()
        assert bar.sizeHint().height() > 52
    finally:
        look().apply("dark", 1.0)
