"""What a person sees and does in the tune strip and dock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from k2c_gui.core import outcome
from k2c_gui.core.model import DEFAULT, SETTING_2022, ClusterParams
from k2c_gui.desk import Desk
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.counts import change, setting
from k2c_gui.gui.histogram import Histogram
from k2c_gui.gui.jobs import Groupings, Pictures
from k2c_gui.gui.sliders import Number
from k2c_gui.gui.style import look
from k2c_gui.gui.views import tune

Make = Callable[[str], tune.View]


@pytest.fixture
def groupings(desk: Desk, qapp: QApplication) -> Iterator[Groupings]:
    groupings = Groupings(desk)
    yield groupings
    groupings.close()


@pytest.fixture
def make(
    desk: Desk, pictures: Pictures, actions: Actions, groupings: Groupings, qtbot: QtBot
) -> Make:
    """A shown view, its actions connected as the window connects them."""
    desk.try_params(ClusterParams())
    desk.apply()
    desk.pin()
    actions.on("reset", lambda: desk.try_params(SETTING_2022))
    actions.on("default-setting", lambda: desk.try_params(DEFAULT))
    actions.on("pin", desk.pin)
    actions.on("apply", desk.apply)
    actions.on("cancel", groupings.stop)

    def make(layout: str) -> tune.View:
        view = tune.View(desk, pictures, actions, groupings, layout=layout)
        qtbot.addWidget(view)
        view.resize(1600 if layout == "strip" else 316, 84 if layout == "strip" else 900)
        with qtbot.waitExposed(view):
            view.show()
        return view

    return make


def settle(qtbot: QtBot, desk: Desk, view: tune.View) -> None:
    """Wait until everything asked for is there."""

    def there() -> bool:
        grouping = desk.state.grouping
        known = all(g is not None for g in desk.state.groupings)
        answered = grouping is not None and grouping.params == desk.state.params
        return known and answered and view.settled()

    qtbot.waitUntil(there, timeout=5000)


def made_of(desk: Desk, params: ClusterParams, micrographs: list[int]) -> np.void:
    """What a setting makes of micrographs, worked out anew."""
    state = desk.state
    results = [
        outcome.result(state.evidence[i], params, state.ledger, state.truth) for i in micrographs
    ]
    return outcome.total(np.array([one.outcome for one in results]))


def choose(view: tune.View, algorithm: str) -> None:
    """Choose as a person does: the list opened, and a row of it."""
    place = view.algorithm.findText(algorithm)
    view.algorithm.setCurrentIndex(place)
    view.algorithm.activated.emit(place)


def wheel(widget: QWidget, notches: int) -> None:
    at = QPointF(widget.rect().center())
    event = QWheelEvent(
        at,
        QPointF(widget.mapToGlobal(at.toPoint())),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


@pytest.mark.parametrize("layout", ["strip", "dock"])
def test_dragging_a_slider_is_followed_by_the_counts(
    make: Make, desk: Desk, qtbot: QtBot, layout: str
) -> None:
    view = make(layout)
    settle(qtbot, desk, view)
    before = int(view.now[0].text())
    slider = view.dials["min_cluster_size"].slider
    middle = slider.height() // 2
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(round(slider.place(11)), middle))
    for value in (14, 17, 20):
        qtbot.mouseMove(slider, QPoint(round(slider.place(value)), middle))
        assert desk.state.params.min_cluster_size == value
    at_end = QPoint(round(slider.place(20)), middle)
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=at_end)
    settle(qtbot, desk, view)
    shown = [0, 1] if layout == "dock" else [0]  # the strip tells of this micrograph
    now = made_of(desk, desk.state.params, shown)
    assert view.now[0].text() == str(now["centroids"])
    assert view.now[2].text() == str(now["noise"])
    assert now["centroids"] < before
    assert view.changes[0].text() == f"\u2212{before - now['centroids']}"


def test_counts_of_the_pinned_setting_are_those_of_its_own_grouping(
    make: Make, desk: Desk, qtbot: QtBot
) -> None:
    desk.try_params(replace(desk.state.params, min_cluster_size=6, min_samples=4))
    desk.pin()
    desk.try_params(replace(desk.state.params, min_cluster_size=15, margin=0.6))
    view = make("dock")
    for word, micrographs in (("This micrograph", [0]), ("Whole project", [0, 1])):
        qtbot.mouseClick(view.scope.buttons[word], Qt.MouseButton.LeftButton)
        settle(qtbot, desk, view)
        pinned = made_of(desk, desk.state.pinned, micrographs)
        shown = [int(text.text()) for text in view.then[:4]]
        names = ("centroids", "ambiguous", "noise", "low_support")
        assert shown == [pinned[name] for name in names]
        assert view.then[5].text() == f"{outcome.f1(pinned):.3f}"


def test_a_decision_moves_the_counts(make: Make, desk: Desk, qtbot: QtBot) -> None:
    view = make("strip")
    settle(qtbot, desk, view)
    before = int(view.now[1].text())
    desk.go(1)
    desk.painted()
    assert desk.state.shown == 0
    assert desk.rule("label", 0)
    assert int(view.now[1].text()) == before - 1
    assert view.changes[1].text() == "±0"


def test_double_click_on_the_triangle_goes_back_to_the_pinned_value(
    make: Make, desk: Desk, qtbot: QtBot
) -> None:
    view = make("dock")
    desk.try_params(replace(desk.state.params, min_samples=3))
    slider = view.dials["min_samples"].slider
    assert slider.value() == 3
    at = slider.triangle().toPoint()
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=at)
    assert desk.state.params.min_samples == 3
    qtbot.mouseDClick(slider, Qt.MouseButton.LeftButton, pos=at)
    assert desk.state.params.min_samples == 11


@pytest.mark.parametrize(
    ("field", "step"),
    [("min_cluster_size", 1), ("min_samples", 1), ("epsilon", 1.0), ("margin", 0.01)],
)
def test_wheel_and_arrows_go_by_one(
    make: Make, desk: Desk, qtbot: QtBot, field: str, step: float
) -> None:
    view = make("strip")
    slider = view.dials[field].slider
    start = getattr(desk.state.params, field)
    wheel(slider, 1)
    assert getattr(desk.state.params, field) == pytest.approx(start + step)
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert getattr(desk.state.params, field) == pytest.approx(start + 2 * step)
    qtbot.keyClick(slider, Qt.Key.Key_Left)
    wheel(slider, -1)
    assert getattr(desk.state.params, field) == pytest.approx(start)


def test_a_typed_value_beyond_the_slider_widens_it(make: Make, desk: Desk, qtbot: QtBot) -> None:
    view = make("dock")
    dial = view.dials["min_cluster_size"]
    assert dial.slider.maximum() == 20
    type_(qtbot, dial.number, "35")
    assert desk.state.params.min_cluster_size == 35
    assert (dial.slider.maximum(), dial.slider.value()) == (35, 35)


@pytest.mark.parametrize(
    ("field", "typed", "value"),
    [("epsilon", "3,5 px", 3.5), ("margin", "12.5", 0.125), ("min_samples", "7", 7)],
)
def test_numbers_are_read_with_their_unit_or_without(
    make: Make, desk: Desk, qtbot: QtBot, field: str, typed: str, value: float
) -> None:
    view = make("dock")
    type_(qtbot, view.dials[field].number, typed)
    assert getattr(desk.state.params, field) == pytest.approx(value)


def test_a_refused_number_leaves_the_setting_and_says_why(
    make: Make, desk: Desk, qtbot: QtBot
) -> None:
    view = make("dock")
    before = desk.state.params
    number = view.dials["min_cluster_size"].number
    type_(qtbot, number, "1")
    assert desk.state.params == before
    assert "2 marks or more" in view.said.text()
    assert number.text() == "11"
    type_(qtbot, number, "eleven")
    assert desk.state.params == before
    assert number.text() == "11"
    type_(qtbot, number, "9")
    assert view.said.text() == ""


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Escape])
def test_a_number_gives_the_keys_back(
    make: Make, desk: Desk, actions: Actions, qtbot: QtBot, key: Qt.Key
) -> None:
    """F in the field is text; after Enter or Esc it decides again."""
    view = make("dock")
    window = actions.parent()
    assert isinstance(window, QWidget)
    QVBoxLayout(window).addWidget(view)
    window.show()
    window.activateWindow()
    decided: list[str] = []
    for name in ("label:0", "take-back", "undo"):
        actions.on(name, lambda name=name: decided.append(name))
    number = view.dials["min_samples"].number
    qtbot.mouseClick(number, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(number.hasFocus)
    number.selectAll()
    qtbot.keyClicks(number, "15")
    assert decided == []
    qtbot.keyClick(number, key)
    assert not number.hasFocus()
    assert desk.state.params.min_samples == (15 if key == Qt.Key.Key_Return else 11)
    for widget in (view.dials["min_samples"].slider, view.words["method"].buttons["leaf"]):
        widget.setFocus()
        decided.clear()
        qtbot.keyClick(widget, Qt.Key.Key_F)
        qtbot.keyClick(widget, Qt.Key.Key_1)
        qtbot.keyClick(widget, Qt.Key.Key_Backspace)
        qtbot.keyClick(widget, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert decided == ["label:0", "label:0", "take-back", "undo"]
    view.setParent(None)


def test_dbscan_comes_with_a_neighbourhood(make: Make, desk: Desk, qtbot: QtBot) -> None:
    view = make("dock")
    choose(view, "dbscan")
    assert (desk.state.params.algorithm, desk.state.params.epsilon) == ("dbscan", 5.0)
    assert not view.dials["min_cluster_size"].isEnabled()
    assert not view.words["method"].isEnabled()
    slider = view.dials["epsilon"].slider
    left = QPoint(0, slider.height() // 2)
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=left)
    assert desk.state.params.epsilon == 0.5
    choose(view, "hdbscan")
    assert view.dials["min_cluster_size"].isEnabled()


def test_segments_choose_and_follow_undoing_elsewhere(make: Make, desk: Desk, qtbot: QtBot) -> None:
    view = make("strip")
    qtbot.mouseClick(view.words["centroid"].buttons["mean"], Qt.MouseButton.LeftButton)
    qtbot.mouseClick(view.words["method"].buttons["leaf"], Qt.MouseButton.LeftButton)
    assert (desk.state.params.centroid, desk.state.params.method) == ("mean", "leaf")
    qtbot.mouseClick(view.reset, Qt.MouseButton.LeftButton)
    assert desk.state.params == SETTING_2022
    assert view.words["method"].buttons["eom"].isChecked()
    assert view.dials["min_cluster_size"].number.text() == "11"
    qtbot.mouseClick(view.default, Qt.MouseButton.LeftButton)
    assert desk.state.params == DEFAULT
    assert view.dials["min_cluster_size"].number.text() == "5"


def test_apply_is_offered_only_for_another_setting_and_shows_its_progress(
    make: Make, desk: Desk, qtbot: QtBot
) -> None:
    view = make("dock")
    settle(qtbot, desk, view)
    assert view.apply.text() == "Apply to all 2"
    assert not view.apply.isEnabled()
    assert view.share_of.text() == "2 of 2"
    desk.try_params(replace(desk.state.params, min_cluster_size=8))
    assert view.apply.isEnabled()
    qtbot.mouseClick(view.apply, Qt.MouseButton.LeftButton)
    assert desk.state.ledger.params.min_cluster_size == 8
    assert not view.apply.isEnabled()
    qtbot.waitUntil(lambda: view.bar.share == 1.0, timeout=5000)
    assert view.share_title.text() == "Whole project at 8 · 11 · eom"
    settle(qtbot, desk, view)
    assert all(g.params.min_cluster_size == 8 for g in desk.state.groupings)


def test_esc_cancels_the_whole_project(
    make: Make, desk: Desk, actions: Actions, qtbot: QtBot
) -> None:
    view = make("strip")
    settle(qtbot, desk, view)
    desk.try_params(replace(desk.state.params, min_cluster_size=9))
    actions.trigger("cancel")
    assert view.share_title.text() == "stopped at 0 of 2"
    qtbot.wait(200)
    assert not view.bar.isVisible()
    # the shown micrograph is answered all the same, and the rest with the next setting
    assert view.share_title.text() == "stopped at 1 of 2"
    desk.try_params(replace(desk.state.params, min_cluster_size=8))
    qtbot.waitUntil(lambda: bool(desk.state.outcomes[desk.state.params]["known"].all()))


def test_pin_moves_the_comparison_here(
    make: Make, desk: Desk, actions: Actions, qtbot: QtBot
) -> None:
    view = make("strip")
    desk.try_params(replace(desk.state.params, min_cluster_size=8, min_samples=5))
    settle(qtbot, desk, view)
    assert view.pinned_as.text() == "change against pinned 11 · 11 · eom"
    actions.trigger("pin")
    assert view.pinned_as.text() == "change against pinned 8 · 5 · eom"
    assert [text.text() for text in view.changes] == ["±0", "±0", "±0"]
    assert view.dials["min_samples"].slider.pinned == 5


def test_nothing_is_counted_before_there_is_a_grouping(
    desk: Desk, make: Make, qtbot: QtBot
) -> None:
    view = make("dock")
    settle(qtbot, desk, view)
    desk._set(desk.state.blank())
    assert {text.text() for text in view.now} == {"–"}
    assert {text.text() for text in view.changes} == {""}


@pytest.mark.parametrize("width", [700, 1000, 1300, 1900])
def test_a_narrow_strip_folds_and_never_overflows(make: Make, qtbot: QtBot, width: int) -> None:
    view = make("strip")
    view.resize(width, view.height())
    qtbot.wait(1)
    assert view.dials["min_cluster_size"].isVisible()
    assert view.words["centroid"].isVisible() == (width == 1900)
    if width >= 1300:
        assert view.apply.geometry().right() <= width


def test_a_hidden_view_catches_up(make: Make, desk: Desk, qtbot: QtBot) -> None:
    view = make("strip")
    view.hide()
    desk.try_params(replace(desk.state.params, min_cluster_size=7))
    view.show()
    assert view.dials["min_cluster_size"].number.text() == "7"


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("scale", [0.9, 1.6])
def test_both_themes_and_scales_are_painted(
    make: Make, qtbot: QtBot, theme: str, scale: float
) -> None:
    view = make("dock")
    look().apply(theme, scale)
    qtbot.wait(1)
    picture = view.grab().toImage()
    assert picture.pixelColor(2, 2).name().upper() == look().tokens.panel
    look().apply("dark", 1.0)


def test_histogram_counts_a_margin_at_the_line_as_in_question(qtbot: QtBot) -> None:
    histogram = Histogram()
    qtbot.addWidget(histogram)
    histogram.show_margins(np.array([0.0, 0.2, 0.2001, 1.0, np.nan]), 0.2)
    line = round(0.2 * Histogram.bins)
    assert histogram.heights[:line].sum() == 2
    assert histogram.heights[line:].sum() == 2


@pytest.mark.parametrize(
    ("now", "before", "words"), [(3, 1, "+2"), (1, 3, "\u22122"), (4, 4, "±0")]
)
def test_change_has_a_sign(now: int, before: int, words: str) -> None:
    assert change(now, before) == words


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (ClusterParams(), "11 · 11 · eom"),
        (ClusterParams(epsilon=2.0, method="leaf"), "11 · 11 · leaf · 2.0 px"),
        (ClusterParams(algorithm="dbscan", epsilon=5), "dbscan · 11 · 5.0 px"),
        (ClusterParams(algorithm="kmeans"), "k-means"),
        (ClusterParams(algorithm="reference", split=True), "11 · 11 · eom · library · split"),
        (DEFAULT, "the default"),
        (SETTING_2022, "the 2022 setting"),
    ],
)
def test_a_setting_in_words(params: ClusterParams, words: str) -> None:
    assert setting(params) == words


def type_(qtbot: QtBot, number: object, text: str) -> None:
    assert isinstance(number, Number)
    qtbot.mouseClick(number, Qt.MouseButton.LeftButton)
    number.selectAll()
    qtbot.keyClicks(number, text)
    qtbot.keyClick(number, Qt.Key.Key_Return)
