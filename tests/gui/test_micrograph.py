"""The micrograph view: what a person sees on it and can do with it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QImage, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from k2c_gui.core import review
from k2c_gui.core.model import NO_MARK
from k2c_gui.core.queue import anchors
from k2c_gui.desk import Desk
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.canvas.words import HIDDEN
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.style import look
from k2c_gui.gui.views.micrograph import View

# what the window system of the tests says of every menu
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


@pytest.fixture
def view(desk: Desk, pictures: Pictures, actions: Actions, qtbot: QtBot) -> View:
    view = View(desk, pictures, actions)
    qtbot.addWidget(view)
    view.resize(700, 600)
    view.show()
    qtbot.waitUntil(lambda: view.surface.viewport.image_width == 512)
    view.surface.repaint()
    return view


def pixels(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)[..., :3].copy()


def middle(view: View) -> np.ndarray:
    """What is painted on the canvas, without the plates."""
    canvas = QImage(view.surface.size(), QImage.Format.Format_RGB32)
    view.surface.render(canvas)
    return pixels(canvas)


def place(view: View, desk: Desk, row: int) -> QPoint:
    instance = desk.state.instances[row]
    x, y = view.surface.viewport.to_screen(float(instance["x"]), float(instance["y"]))
    return QPointF(x, y).toPoint()


def hover(view: View, at: QPoint, qtbot: QtBot) -> list[str]:
    event = QMouseEvent(
        QMouseEvent.Type.MouseMove,
        at.toPointF(),
        view.surface.mapToGlobal(at).toPointF(),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(view.surface, event)
    qtbot.waitUntil(view.hover_plate.isVisible)
    return [f"{line.text} {line.number}" for line in view.hover_plate.lines]


def wheel(view: View, at: QPoint, turns: int) -> None:
    event = QWheelEvent(
        at.toPointF(),
        view.surface.mapToGlobal(at).toPointF(),
        QPoint(),
        QPoint(0, 120 * turns),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view.surface, event)


def menu_at(view: View, at: QPoint) -> QMenu | None:
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, view.surface.mapToGlobal(at))
    QApplication.sendEvent(view.surface, event)
    menus = [menu for menu in view.surface.findChildren(QMenu) if menu.isVisible()]
    return menus[0] if menus else None


def ambiguous(desk: Desk) -> int:
    return int(np.flatnonzero(desk.state.instances["ambiguous"])[0])


def mark(desk: Desk, row: int) -> int:
    return int(anchors(desk.state.instances, desk.state.ledger)[row])


# Looking


def test_the_image_is_there_from_black_to_white(view: View) -> None:
    view.peek(True)
    shown = middle(view)
    assert shown.min() < 20
    assert shown.max() > 235
    assert np.ptp(shown.astype(int), axis=2).max() <= 1  # no hue on the bare image


def test_peek_takes_all_layers_off_and_brings_them_back(view: View, desk: Desk) -> None:
    desk.select(mark(desk, 0))
    before = middle(view)
    view.peek(True)
    bare = middle(view)
    view.peek(False)
    assert (bare != before).any()
    assert (middle(view) == before).all()


@pytest.mark.parametrize("name", ["marks", "noise", "groups", "centroids", "tiles", "exposure"])
def test_each_layer_is_switched_by_its_name(
    view: View, actions: Actions, name: str, qtbot: QtBot
) -> None:
    actions.on(name, lambda: view.toggle_layer(name))
    before, was = middle(view), view.layers_plate.buttons[name].isChecked()
    qtbot.mouseClick(view.layers_plate.buttons[name], Qt.MouseButton.LeftButton)
    assert view.layers_plate.buttons[name].isChecked() != was
    assert (middle(view) != before).any()
    qtbot.mouseClick(view.layers_plate.buttons[name], Qt.MouseButton.LeftButton)
    assert (middle(view) == before).all()


def test_a_layer_without_opacity_is_not_seen(view: View) -> None:
    view.toggle_layer("centroids")
    without = middle(view)
    view.toggle_layer("centroids")
    view.set_opacity("centroids", 0.5)
    half = middle(view)
    view.set_opacity("centroids", 0.0)
    assert (middle(view) == without).all()
    assert (half != without).any()


def test_marks_change_colour(view: View, desk: Desk) -> None:
    desk.set_blind(False)
    seen = []
    for _ in range(3):
        view.cycle_mark_colours()
        seen.append((view.layers_plate.colours.text(), middle(view)))
    assert [name for name, _ in seen] == ["agreement", "plain", "label"]
    assert (seen[0][1] != seen[1][1]).any()
    assert (seen[1][1] != seen[2][1]).any()


def test_scrolling_paints_what_painting_anew_would(view: View) -> None:
    view.toggle_layer("groups")
    view.zoom(2.7)
    view.surface.repaint()
    for dx, dy in ((7, 0), (-13, 4), (0, -31), (90, 60)):
        view.surface.go_to(view.surface.viewport.moved(dx, dy))
        view.surface.repaint()
    scrolled = middle(view)
    view.surface.renew()
    assert np.abs(scrolled.astype(int) - middle(view).astype(int)).max() <= 2


def test_wheel_zooms_at_the_cursor_and_drag_pans(view: View, qtbot: QtBot) -> None:
    at = QPoint(200, 250)
    before = view.surface.viewport.to_image(200, 250)
    wheel(view, at, 3)
    after = view.surface.viewport
    assert after.zoom > 1.5
    assert after.to_image(200, 250) == pytest.approx(before, abs=1)
    qtbot.mousePress(view.surface, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseMove(view.surface, at + QPoint(20, 10))
    qtbot.mouseMove(view.surface, at + QPoint(60, 30))
    qtbot.mouseRelease(view.surface, Qt.MouseButton.LeftButton, pos=at + QPoint(60, 30))
    assert view.surface.viewport.left - after.left == pytest.approx(60, abs=1)
    assert view.surface.viewport.top - after.top == pytest.approx(30, abs=1)


def test_a_drag_selects_nothing(view: View, desk: Desk, qtbot: QtBot) -> None:
    desk.select(mark(desk, 0))
    at = place(view, desk, 3)
    qtbot.mousePress(view.surface, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseMove(view.surface, at + QPoint(40, 0))
    qtbot.mouseMove(view.surface, at)
    qtbot.mouseRelease(view.surface, Qt.MouseButton.LeftButton, pos=at)
    assert desk.state.selected == mark(desk, 0)


def test_contrast_keys(view: View) -> None:
    view.peek(True)
    view.zoom(2)
    plain = middle(view).astype(int)
    view.invert()
    assert np.corrcoef(plain.ravel(), middle(view).ravel())[0, 1] < -0.95
    view.invert()
    view.gamma(3)
    assert middle(view).mean() > plain.mean() + 5
    view.gamma(-3)
    view.toggle_blur()
    assert middle(view).std() < plain.std()
    view.toggle_blur()
    assert (middle(view) == plain).all()


def test_both_themes_and_text_sizes_have_the_same_image(view: View) -> None:
    view.zoom(1.5)
    dark = middle(view)
    look().apply("light", 1.4)
    try:
        assert (middle(view) == dark).all()
        assert view.layers_plate.sizeHint().width() <= view.width()
    finally:
        look().apply("dark", 1.0)


# Selecting


def test_a_click_selects_the_nearest_and_beside_it_nothing(
    view: View, desk: Desk, qtbot: QtBot
) -> None:
    log = len(desk.session.log)
    view.zoom(1.4)
    before = view.surface.viewport
    at = place(view, desk, 2)
    qtbot.mouseClick(view.surface, Qt.MouseButton.LeftButton, pos=at + QPoint(3, 2))
    assert desk.row() == 2
    assert view.surface.viewport == before  # nothing moves under the pointer
    empty = next(
        QPoint(x, y)
        for x in range(40, 600, 10)
        for y in range(60, 500, 10)
        if view._stack.scene is not None
        and view._stack.scene.nearest(
            *view.surface.viewport.to_image(x, y), 20 / view.surface.viewport.zoom, marks=True
        )
        == (-1, -1)
    )
    qtbot.mouseClick(view.surface, Qt.MouseButton.LeftButton, pos=empty)
    assert desk.state.selected == NO_MARK
    assert len(desk.session.log) == log


def test_a_case_from_elsewhere_comes_to_the_middle_with_the_zoom_kept(
    view: View, desk: Desk
) -> None:
    view.zoom(3.0)
    zoom = view.surface.viewport.zoom
    for row in (0, 5, 1):
        desk.select(mark(desk, row))
        at = place(view, desk, row)
        assert abs(at.x() - 350) <= 0.05 * 700
        assert abs(at.y() - 300) <= 0.05 * 600
        assert view.surface.viewport.zoom == zoom


def test_the_selected_case_has_four_white_corners(view: View, desk: Desk) -> None:
    desk.select(mark(desk, 4))
    view.zoom_to_case()
    at = place(view, desk, 4)
    shown = middle(view)
    for dx in (-23, 23):
        for dy in (-23, 23):
            near = shown[at.y() + dy - 2 : at.y() + dy + 3, at.x() + dx - 2 : at.x() + dx + 3]
            assert near.min(axis=2).max() == 255


def test_a_case_is_decided_only_once_it_was_painted(view: View, desk: Desk) -> None:
    desk.select(mark(desk, 1))
    assert not desk.rule("label", 0)
    view.surface.repaint()
    assert desk.rule("label", 0)


def test_a_case_that_is_covered_by_peeking_is_not_painted(view: View, desk: Desk) -> None:
    view.peek(True)
    desk.select(mark(desk, 1))
    view.surface.repaint()
    assert not desk.rule("label", 0)
    view.peek(False)
    view.surface.repaint()
    assert desk.rule("label", 0)


def test_the_right_button_offers_the_labels_and_decides_as_the_key_would(
    view: View, desk: Desk, actions: Actions
) -> None:
    ruled: list[tuple[int, bool]] = []
    actions.on("label:1", lambda: ruled.append((desk.row(), desk.rule("label", 1))))
    desk.select(mark(desk, 0))
    menu = menu_at(view, place(view, desk, 6))
    assert menu is not None
    words = [action.text().split("\t")[0] for action in menu.actions() if action.text()]
    rulings = [*(label.name for label in desk.state.sources.labels), "Keep ambiguous"]
    assert words[: len(rulings)] == rulings
    assert words[len(rulings)] == "Reject: no thing at all"
    menu.actions()[1].trigger()
    menu.close()
    assert ruled == [(6, True)]
    (decision,) = desk.session.state.ledger.in_force.values()
    assert decision.label == 1


def test_the_right_button_offers_nothing_where_nothing_is(view: View, desk: Desk) -> None:
    assert menu_at(view, QPoint(2, 300)) is None
    assert desk.state.selected == NO_MARK


# Reading


def test_hover_says_what_it_is_and_its_votes(view: View, desk: Desk, qtbot: QtBot) -> None:
    desk.set_blind(False)
    row = ambiguous(desk)
    lines = hover(view, place(view, desk, row), qtbot)
    instance = desk.state.instances[row]
    assert "ambiguous" in lines[0]
    assert f"{instance['n_marks']} marks, {instance['exposure']} looks" in lines[-1]
    votes = [count for count in instance["votes"].tolist() if count]
    assert [int(line.split()[-3]) for line in lines[1:-1]] == votes


def test_hover_tells_no_vote_of_a_blind_case(view: View, desk: Desk, qtbot: QtBot) -> None:
    assert desk.state.blind
    lines = hover(view, place(view, desk, ambiguous(desk)), qtbot)
    text = " ".join(lines)
    assert HIDDEN in text
    assert not any(label.name in text for label in desk.state.sources.labels)
    assert all(line.symbol is None or line.symbol.hidden for line in view.hover_plate.lines)


def test_a_blind_case_has_no_hue_until_it_is_decided(view: View, desk: Desk, qtbot: QtBot) -> None:
    def hue() -> int:
        view.zoom_to_case()
        at = place(view, desk, desk.row())
        # inside the ring, which tells no vote
        near = np.s_[at.y() - 10 : at.y() + 11, at.x() - 10 : at.x() + 11]
        return int(np.ptp(middle(view)[near].astype(int), axis=2).max())

    own = mark(desk, ambiguous(desk))
    desk.select(own)
    for _ in range(3):
        assert hue() == 0
        view.cycle_mark_colours()
    qtbot.waitUntil(lambda: desk.rule("label", 0))  # not before the case was painted
    desk.select(own, 0)  # the next case may lie on another micrograph
    assert hue() > 100


def test_readout_follows_the_cursor(view: View, desk: Desk, qtbot: QtBot) -> None:
    hover(view, place(view, desk, 0), qtbot)
    instance = desk.state.instances[0]
    words = view.scale_plate.words
    x = float(words[0].split()[1])
    assert x == pytest.approx(float(instance["x"]), abs=2)
    assert words[2].startswith("grey ")
    assert words[2] != "grey –"


def test_without_a_pixel_size_one_can_be_set(view: View, desk: Desk, qtbot: QtBot) -> None:
    calibrated = desk.state.sources.micrographs[0].pixel_size_nm is not None
    assert view.scale_plate.link.isVisibleTo(view) != calibrated
    bare = replace(desk.state.sources.micrographs[0], pixel_size_nm=None)
    sources = replace(desk.state.sources, micrographs=(bare, *desk.state.sources.micrographs[1:]))
    desk._set(replace(desk.state, sources=sources))
    with qtbot.waitSignal(view.ask_pixel_size):
        qtbot.mouseClick(view.scale_plate.link, Qt.MouseButton.LeftButton)


# Waiting


def test_the_old_result_fades_while_the_new_one_is_out(
    view: View, desk: Desk, qtbot: QtBot
) -> None:
    before = middle(view)
    params = replace(desk.state.params, min_cluster_size=4)
    desk.try_params(params)
    assert (middle(view) == before).all()
    qtbot.waitUntil(lambda: bool((middle(view) != before).any()))
    desk.offer(review.group(desk.state.evidence[0], params))
    assert not view._stack.lagging
    desk.try_params(desk.state.ledger.params)
    assert (middle(view) == before).all()


def test_a_quick_answer_does_not_flicker(view: View, desk: Desk, qtbot: QtBot) -> None:
    params = replace(desk.state.params, min_cluster_size=12)
    desk.try_params(params)
    desk.offer(review.group(desk.state.evidence[0], params))
    qtbot.wait(90)
    assert not view._stack.lagging


def test_another_micrograph_comes_in_one_swap(
    view: View, desk: Desk, pictures: Pictures, qtbot: QtBot
) -> None:
    view.zoom(2.0)
    view.gamma(2)
    view.toggle_layer("noise")
    first, viewport = middle(view), view.surface.viewport
    ready = pictures.get
    pictures.get = lambda _i: None  # type: ignore[method-assign]
    desk.show(1)
    assert (middle(view) == first).all()  # the old one stays until the new one is decoded
    qtbot.mouseClick(view.surface, Qt.MouseButton.LeftButton, pos=QPoint(300, 300))
    assert desk.state.selected == NO_MARK
    pictures.get = ready  # type: ignore[method-assign]
    qtbot.waitUntil(lambda: pictures.get(1) is not None)
    pictures.ready.emit(1)
    assert (middle(view) != first).any()
    assert view.surface.viewport == viewport
    assert not view.layers_plate.buttons["noise"].isChecked()
    assert view.view_state()["contrast"]["gamma"] == pytest.approx(1.15**2)


def test_a_slow_image_is_named(
    view: View, desk: Desk, pictures: Pictures, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "get", lambda _i: None)
    desk.show(1)
    assert not view.notice.isVisible()
    qtbot.waitUntil(view.notice.isVisible)
    assert view.notice.text == f"Reading {desk.state.sources.micrographs[1].name}"
    desk.show(0)
    assert not view.notice.isVisible()


def test_an_image_that_is_gone_can_be_found_or_skipped_and_its_marks_ruled(
    view: View, desk: Desk, pictures: Pictures, actions: Actions, qtbot: QtBot
) -> None:
    path = pictures.path(1)
    qtbot.waitUntil(lambda: pictures.peek(1) is not None)
    pictures.replace(1, Path("nowhere") / path.name)
    qtbot.waitUntil(lambda: bool(pictures.error(1)))
    desk.show(1)
    assert view.failure.isVisible()
    assert view.failure.name.text() == path.name
    assert view.failure.reason.text() == "The image is not there any more."
    shown = middle(view)
    assert (np.ptp(shown.astype(int), axis=2) > 60).any()  # marks are there
    desk.select(mark(desk, 0))
    view.surface.repaint()
    assert desk.rule("label", 0)
    desk.show(1)
    with qtbot.waitSignal(view.find_image) as found:
        qtbot.mouseClick(view.failure.find_button, Qt.MouseButton.LeftButton)
    assert found.args == [1]
    skipped: list[int] = []
    actions.on("next-micrograph", lambda: skipped.append(1))
    qtbot.mouseClick(view.failure.skip_button, Qt.MouseButton.LeftButton)
    assert skipped
    pictures.replace(1, path)
    qtbot.waitUntil(lambda: not view.failure.isVisible())
    assert middle(view).max() > 200


# Keeping


def test_view_state_goes_through_json_and_back(
    view: View, desk: Desk, pictures: Pictures, actions: Actions, qtbot: QtBot
) -> None:
    view.zoom(2.2)
    view.surface.go_to(view.surface.viewport.moved(-40, 25))
    view.toggle_layer("tiles")
    view.set_opacity("marks", 0.4)
    view.cycle_mark_colours()
    view.invert()
    kept = json.loads(json.dumps(view.view_state()))
    other = View(desk, pictures, actions)
    qtbot.addWidget(other)
    other.resize(view.size())
    other.show()
    other.restore_view_state(kept)
    assert (middle(other) == middle(view)).all()
    assert other.view_state()["centre"] == pytest.approx(kept["centre"], abs=1)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"zoom": "much", "centre": 5, "layers": [], "opacity": {"marks": "x"}, "contrast": 1},
        {"zoom": float("nan"), "centre": [0, 0], "mark_colours": "pink"},
    ],
)
def test_a_strange_view_state_changes_nothing(view: View, state: dict[str, object]) -> None:
    before = view.view_state()
    view.restore_view_state(state)
    assert view.view_state() == before


def test_the_whole_stays_the_whole_when_the_window_grows(view: View) -> None:
    view.fit()
    view.resize(900, 800)
    assert view.surface.viewport.zoom == pytest.approx(800 / 512)
    view.zoom(2)
    view.resize(700, 600)
    assert view.surface.viewport.zoom == pytest.approx(2 * 800 / 512)


def test_the_view_can_be_grabbed(view: View) -> None:
    image = view.grab_view()
    assert image.size() == view.size()
    assert np.ptp(pixels(image)) > 200
