"""What a person sees and does in the parameter map."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from k2c_gui.core import review
from k2c_gui.core.grid import Axis, Grid
from k2c_gui.core.model import ClusterParams, K2CError
from k2c_gui.core.sweep import sweep
from k2c_gui.desk import Desk
from k2c_gui.gui import sweeps
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.heat_map import Cells, HeatMap
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.score_words import BY_NAME, WORDS, as_table
from k2c_gui.gui.setting_rows import ROW
from k2c_gui.gui.sliders import Number
from k2c_gui.gui.style import HEAT, look, px
from k2c_gui.gui.sweeps import Axes, Kept, wanted
from k2c_gui.gui.views import parameter_map

SMALL = Axes("min_cluster_size", "4:12:4", "min_samples", "3,6")


@pytest.fixture
def view(
    desk: Desk, pictures: Pictures, actions: Actions, qtbot: QtBot
) -> Iterator[parameter_map.View]:
    """A dock with a small map, its actions connected as the window connects them."""
    view = parameter_map.View(desk, pictures, actions)
    actions.on("map-go", view.choose)
    actions.on("map-best", view.to_best)
    actions.on("map-score", view.compute)
    for field, text in zip(view.ranges, (SMALL.x_text, SMALL.y_text), strict=True):
        field.show_value(text)
    qtbot.addWidget(view)
    view.resize(400, 760)
    view._pause.setInterval(20)
    with qtbot.waitExposed(view):
        view.show()
    qtbot.waitUntil(view.settled, timeout=20_000)
    yield view
    view.close_down()


def rule_all(desk: Desk) -> None:
    """Decide every case of the shown micrograph for its own label."""
    for row in range(len(desk.state.instances)):
        desk.select_row(0, row)
        desk.painted()
        desk.rule("label", max(0, int(desk.state.instances["label"][row])))


def choose_score(view: parameter_map.View, name: str) -> None:
    view.score.setCurrentIndex(WORDS.index(BY_NAME[name]))


def click(qtbot: QtBot, heat: HeatMap, place: tuple[int, int]) -> None:
    middle = heat.box(place).center().toPoint()
    qtbot.mouseClick(heat, Qt.MouseButton.LeftButton, pos=middle)


def type_(qtbot: QtBot, field: Number, text: str) -> None:
    qtbot.mouseClick(field, Qt.MouseButton.LeftButton)
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


def inks(heat: HeatMap, box: QRect) -> set[str]:
    """Colours inside a cell."""
    image = heat.grab().toImage()
    scale = image.devicePixelRatio()
    return {
        QColor(image.pixel(round(x * scale), round(y * scale))).name()
        for x in range(box.left(), box.right())
        for y in range(box.top(), box.bottom())
    }


def test_cells_are_what_each_setting_gives(view: parameter_map.View, desk: Desk) -> None:
    choose_score(view, "instances")
    shown = view.heat.cells
    assert list(shown.columns) == ["4", "8", "12"]
    assert list(shown.rows) == ["3", "6"]
    for row, min_samples in enumerate((3, 6)):
        for column, size in enumerate((4, 8, 12)):
            params = replace(desk.state.params, min_cluster_size=size, min_samples=min_samples)
            found = sum(len(review.group(e, params).x) for e in desk.state.evidence)
            assert shown.values[row, column] == found


def test_a_click_tries_that_setting_and_frames_it(
    view: parameter_map.View, desk: Desk, qtbot: QtBot
) -> None:
    desk.try_params(replace(desk.state.params, centroid="mean"))
    qtbot.waitUntil(view.settled, timeout=20_000)
    click(qtbot, view.heat, (1, 2))
    tried = desk.state.params
    assert (tried.min_cluster_size, tried.min_samples, tried.centroid) == (12, 6, "mean")
    assert view.heat.now == (1, 2)
    assert any(row.now and row.name == "12 · 6" for row in view.rows.rows)


def test_the_frames_follow_sliders_and_the_pin(view: parameter_map.View, desk: Desk) -> None:
    desk.try_params(replace(desk.state.params, min_cluster_size=4, min_samples=3))
    desk.pin()
    desk.try_params(replace(desk.state.params, min_cluster_size=8))
    assert (view.heat.now, view.heat.pinned) == ((0, 1), (0, 0))
    desk.try_params(replace(desk.state.params, min_cluster_size=9))
    assert (view.heat.now, view.heat.pinned) == (None, (0, 0))


def test_a_setting_of_a_slider_along_an_axis_asks_for_no_new_map(
    view: parameter_map.View, desk: Desk, qtbot: QtBot
) -> None:
    before = view.heat.cells
    desk.try_params(replace(desk.state.params, min_cluster_size=8, min_samples=3))
    assert view.settled()
    with qtbot.waitSignal(view.sweeps.done, timeout=20_000):
        desk.try_params(replace(desk.state.params, method="leaf"))
    assert view.heat.cells is not before


def test_arrows_and_enter_try_a_setting(
    view: parameter_map.View, desk: Desk, actions: Actions, qtbot: QtBot
) -> None:
    desk.try_params(replace(desk.state.params, min_cluster_size=4, min_samples=3))
    for across, up in ((1, 0), (1, 0), (1, 0), (0, 1), (-1, 0)):
        view.step(across, up)
    assert view.heat.here == (1, 1)
    assert desk.state.params.min_cluster_size == 4
    actions.trigger("map-go")
    assert (desk.state.params.min_cluster_size, desk.state.params.min_samples) == (8, 6)


def test_the_pointer_tells_every_number(view: parameter_map.View, qtbot: QtBot) -> None:
    heat = view.heat
    told: list[str] = []
    qtbot.mouseMove(heat, QPoint(1, 1))
    qtbot.mouseMove(heat, heat.box((0, 2)).center().toPoint())
    qtbot.waitUntil(lambda: bool(QToolTip.text()), timeout=2000)
    told.append(QToolTip.text())
    for score in WORDS:
        assert score.words in told[0]
    instances = view.heat.cells.values if view.heat.cells.score.name == "instances" else None
    assert instances is not None
    assert f">{instances[0, 2]:,.0f}<" in told[0]


def test_without_decisions_none_is_best_and_it_says_so(view: parameter_map.View) -> None:
    assert "Nothing was decided" in view.nothing.text()
    assert view.nothing.isVisible()
    assert view.best_by.text() == ""
    choose_score(view, "agreement")
    assert not np.isfinite(view.heat.cells.values).any()
    assert view.heat.cells.unknown == "Nothing is decided yet."


def test_the_best_agree_most_and_are_least_ambiguous(
    view: parameter_map.View, desk: Desk, qtbot: QtBot
) -> None:
    desk.show(0)
    with qtbot.waitSignal(view.sweeps.done, timeout=20_000):
        rule_all(desk)
    asked = Grid(
        replace(desk.state.params, min_cluster_size=4, min_samples=3),
        (Axis("min_samples", (3, 6)), Axis("min_cluster_size", (4, 8, 12))),
    )
    found = sweep(desk.state.evidence, asked, desk.state.ledger)
    best = view.rows.rows[0]
    assert best.place == found.best
    score = [
        (-found.scores["agreement"][row.place], found.scores["ambiguous"][row.place])
        for row in view.rows.rows[:5]
    ]
    assert score == sorted(score)
    assert len(view.rows.rows) >= 5
    assert not view.nothing.isVisible()
    assert view.best_by.text().endswith(f"{found.tallies['decided'].sum(axis=0).max()} decisions")
    view.to_best()
    assert view.heat.here == found.best
    view.to_best()
    assert view.heat.here == view.rows.rows[1].place


def test_a_click_on_a_row_tries_its_setting(
    view: parameter_map.View, desk: Desk, qtbot: QtBot
) -> None:
    desk.try_params(replace(desk.state.params, min_cluster_size=4, min_samples=3))
    desk.pin()
    desk.try_params(replace(desk.state.params, min_cluster_size=8))
    pinned = next(i for i, row in enumerate(view.rows.rows) if row.pinned)
    at = QPoint(40, ROW * (pinned + 1) + ROW // 2)
    qtbot.mouseClick(view.rows, Qt.MouseButton.LeftButton, pos=at)
    assert desk.state.params == desk.state.pinned


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("20:3", "0 settings"),
        ("-4,3", "min_cluster_size is -4"),
        ("1:10000000", "The grid has 10,000,000 settings"),
        ("3:4002", "This map has 8,000 settings"),
        ("3,min_samples=4", "min_cluster_size is '3,min_samples=4'"),
        ("three", "min_cluster_size is 'three'"),
    ],
)
def test_ranges_that_make_no_sense_are_refused_and_the_map_stays(
    view: parameter_map.View, qtbot: QtBot, text: str, said: str
) -> None:
    before = view.heat.cells
    type_(qtbot, view.ranges[0], text)
    qtbot.waitUntil(view.settled, timeout=5000)
    assert said in view.trouble.text()
    assert view.trouble.isVisible()
    assert view.heat.cells is before
    type_(qtbot, view.ranges[0], "4,8")
    qtbot.waitUntil(lambda: list(view.heat.cells.columns) == ["4", "8"], timeout=20_000)
    assert not view.trouble.isVisible()


def test_one_parameter_is_never_on_both_axes(view: parameter_map.View, qtbot: QtBot) -> None:
    view.across.setCurrentIndex(1)
    with qtbot.waitSignal(view.sweeps.done, timeout=20_000):
        view.across.activated.emit(1)
    assert (view.across.currentText(), view.up.currentText()) == ("min_samples", "min_cluster_size")
    assert [field.text() for field in view.ranges] == [SMALL.y_text, SMALL.x_text]
    assert list(view.heat.cells.columns) == ["3", "6"]


class _Held:
    """A scoring that waits until it is let go."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self.go = threading.Event()
        self._real = real

    def __call__(self, state: Any, grid: Any, kept: Any, progress: Any) -> Any:
        while not self.go.wait(0.01):
            progress("Scoring settings", 1, 2)
        return self._real(state, grid, kept, progress)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Held]:
    held = _Held(sweeps.find)
    monkeypatch.setattr(sweeps, "find", held)
    yield held
    held.go.set()


def test_the_old_map_stays_while_a_new_one_is_scored(
    view: parameter_map.View, held: _Held, actions: Actions, qtbot: QtBot
) -> None:
    before = view.heat.cells
    type_(qtbot, view.ranges[0], "4,8")
    qtbot.waitUntil(view.bar.isVisible, timeout=5000)
    qtbot.waitUntil(lambda: view.bar.share == 0.5, timeout=5000)
    assert view.said.text() == f"1 of 2, {actions.key('cancel')} cancels"
    assert view.heat.cells is before
    assert not view.heat.words
    held.go.set()
    qtbot.waitUntil(lambda: list(view.heat.cells.columns) == ["4", "8"], timeout=20_000)
    assert not view.bar.isVisible()


def test_cancel_leaves_the_old_map_and_compute_goes_on(
    view: parameter_map.View, held: _Held, actions: Actions, qtbot: QtBot
) -> None:
    before = view.heat.cells
    type_(qtbot, view.ranges[0], "4,8")
    qtbot.waitUntil(lambda: view.sweeps.busy, timeout=5000)
    actions.trigger("cancel")
    assert view.settled()
    assert "Stopped" in view.said.text()
    assert view.button.isEnabled()
    held.go.set()
    qtbot.wait(50)
    assert view.heat.cells is before
    qtbot.mouseClick(view.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: list(view.heat.cells.columns) == ["4", "8"], timeout=20_000)
    assert not view.button.isEnabled()


def test_a_newer_question_stops_the_one_before(
    view: parameter_map.View, held: _Held, qtbot: QtBot
) -> None:
    answers: list[object] = []
    view.sweeps.done.connect(answers.append)
    type_(qtbot, view.ranges[0], "4,8")
    qtbot.waitUntil(lambda: view.sweeps.busy, timeout=5000)
    type_(qtbot, view.ranges[0], "5,7")
    qtbot.wait(400)
    held.go.set()
    qtbot.waitUntil(lambda: list(view.heat.cells.columns) == ["5", "7"], timeout=20_000)
    assert len(answers) == 1


def test_a_hidden_dock_scores_nothing(
    view: parameter_map.View, held: _Held, desk: Desk, qtbot: QtBot
) -> None:
    view.hide()
    desk.try_params(replace(desk.state.params, method="leaf"))
    assert view.settled()
    held.go.set()
    with qtbot.waitSignal(view.sweeps.done, timeout=20_000):
        view.show()
    assert view._found is not None
    assert view._found.sweep.grid.base.method == "leaf"


def test_what_takes_long_waits_to_be_asked(
    view: parameter_map.View,
    actions: Actions,
    monkeypatch: pytest.MonkeyPatch,
    desk: Desk,
    qtbot: QtBot,
) -> None:
    monkeypatch.setattr(parameter_map, "_OF_ITSELF", 1)
    desk.try_params(replace(desk.state.params, method="leaf"))
    qtbot.waitUntil(view.settled, timeout=5000)
    assert view.said.text() == "The map before"
    assert view.button.isEnabled()
    with qtbot.waitSignal(view.sweeps.done, timeout=20_000):
        actions.trigger("map-score")
    assert "6 settings" in view.said.text()
    assert not view.button.isEnabled()


@pytest.mark.parametrize("algorithm", ["reference", "dbscan", "kmeans"])
def test_other_algorithms_wait_to_be_asked(
    view: parameter_map.View, desk: Desk, qtbot: QtBot, algorithm: Any
) -> None:
    desk.try_params(replace(desk.state.params, algorithm=algorithm, epsilon=6.0))
    qtbot.waitUntil(view.settled, timeout=5000)
    assert view.said.text() == "The map before"


def test_no_group_at_all_is_a_map_of_zeros(view: parameter_map.View, qtbot: QtBot) -> None:
    type_(qtbot, view.ranges[0], "5000,6000")
    qtbot.waitUntil(lambda: list(view.heat.cells.columns) == ["5000", "6000"], timeout=20_000)
    assert (view.heat.cells.values == 0).all()
    assert not view.trouble.isVisible()
    view.heat.grab()


def test_a_decision_scores_its_own_micrograph_only(desk: Desk) -> None:
    class Counting(Kept):
        written = 0

        def __setitem__(self, key: str, tallies: Any) -> None:
            self.written += 1
            super().__setitem__(key, tallies)

    kept, asked = Counting(), wanted(SMALL, desk.state.params)
    sweeps.find(desk.state, asked, kept, lambda *_: None)
    assert kept.written == 2
    desk.select_row(0, 0)
    desk.painted()
    assert desk.rule("label", 0)
    sweeps.find(desk.state, asked, kept, lambda *_: None)
    assert kept.written == 3


def test_what_was_not_asked_for_the_longest_is_forgotten() -> None:
    row = np.zeros(10)
    kept = Kept(most=3 * row.nbytes)
    for key in "abc":
        kept[key] = row
    assert kept.get("a") is not None
    kept["d"] = row
    assert [key for key in "abcd" if kept.get(key) is not None] == ["a", "c", "d"]
    kept["d"] = row
    assert [key for key in "abcd" if kept.get(key) is not None] == ["a", "c", "d"]


def test_the_map_has_two_axes_even_of_one_value() -> None:
    found = wanted(Axes("method", "leaf", "split", "no,yes"), ClusterParams())
    assert found.shape == (2, 1)
    assert {params.method for params in found.settings()} == {"leaf"}


def test_a_combination_that_is_none_is_refused() -> None:
    with pytest.raises(K2CError, match="DBSCAN needs a neighbourhood"):
        wanted(Axes("epsilon", "0:4:2", "algorithm", "hdbscan,dbscan"), ClusterParams())
    asked = Axes("epsilon", "2:4:2", "algorithm", "hdbscan,dbscan")
    assert len(wanted(asked, ClusterParams())) == 4


def heat_of(qtbot: QtBot, cells: Cells, width: int = 340, height: int = 250) -> HeatMap:
    heat = HeatMap(lambda place: [("Place", str(place))])
    qtbot.addWidget(heat)
    heat.resize(width, height)
    heat.show_cells(cells)
    heat.show()
    return heat


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_colours_rise_with_the_score(qtbot: QtBot, theme: Any) -> None:
    look().apply(theme)
    values = np.array([[0.0, 0.5], [1.0, np.nan]])
    cells = Cells(values, "ab", "cd", "up", "across", BY_NAME["validity"])
    heat = heat_of(qtbot, cells)
    for place, hue in (((0, 0), HEAT[0]), ((0, 1), HEAT[2]), ((1, 0), HEAT[4])):
        assert hue.lower() in inks(heat, heat.box(place).toRect())
    assert not {hue.lower() for hue in HEAT} & inks(heat, heat.box((1, 1)).toRect())


@pytest.mark.parametrize(("columns", "numbers"), [(6, True), (60, False)])
def test_numbers_stand_where_there_is_room(qtbot: QtBot, columns: int, numbers: bool) -> None:
    values = np.tile(np.arange(columns, dtype=float), (2, 1))
    names = [str(i) for i in range(columns)]
    heat = heat_of(qtbot, Cells(values, "ab", names, "up", "across", BY_NAME["instances"]))
    box = heat.box((0, 0)).toRect().adjusted(1, 1, -1, -1)
    assert (len(inks(heat, box)) > 1) == numbers


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (63, 63), (1, 4000)])
def test_every_cell_can_be_found_where_it_is(qtbot: QtBot, shape: tuple[int, int]) -> None:
    names = [[str(i) for i in range(n)] for n in shape]
    heat = heat_of(qtbot, Cells(np.zeros(shape), *names, "up", "across", WORDS[0]))
    heat.grab()
    corners = {(0, 0), (shape[0] - 1, shape[1] - 1), (shape[0] // 2, shape[1] // 2)}
    for place in corners:
        box = heat.box(place)
        if box.width() >= 1:
            assert heat.at(box.center()) == place
    assert heat.at(heat.box((0, 0)).center() - heat.rect().bottomRight()) is None


def test_the_row_of_the_greatest_value_is_at_the_top(qtbot: QtBot) -> None:
    heat = heat_of(qtbot, Cells(np.zeros((3, 2)), "abc", "de", "up", "across", WORDS[0]))
    assert heat.box((2, 0)).bottom() <= heat.box((1, 0)).top()


@pytest.mark.parametrize(
    ("name", "value", "written", "told"),
    [
        ("instances", 12_345.0, "12,345", "12,345 instances"),
        ("f1", 0.9876, "98.8 %", "98.8 %"),
        ("validity", -0.25, "\u22120.250", "\u22120.250"),
        ("recall", np.nan, "–", "–"),
    ],
)
def test_numbers_are_written_with_their_units(
    name: str, value: float, written: str, told: str
) -> None:
    score = BY_NAME[name]
    assert (score.written(value), score.told(value)) == (written, told)


def test_names_of_a_tooltip_are_no_markup() -> None:
    assert "<b>" not in as_table([("<b>", "1")])


@pytest.mark.parametrize("scale", [0.9, 1.6])
def test_the_dock_bears_narrowness_and_large_letters(
    view: parameter_map.View, qapp: QApplication, scale: float
) -> None:
    look().apply("light", scale)
    view.resize(px(296), 400)
    qapp.processEvents()
    view.grab()
    assert view.minimumSizeHint().width() <= px(296)
    assert view.heat.area().right() <= view.heat.width()
    assert view.heat.width() <= view.width()
    for field in (*view.ranges, view.button):
        assert field.mapTo(view, field.rect().topRight()).x() <= view.width()


def test_two_settings_of_the_map_flicker_while_the_key_is_held(
    opened: Callable[..., Any], copied: Path, qtbot: QtBot
) -> None:
    window = opened(copied)
    assert not window.docks["map"].isVisible()
    window.set_preset("Tune")
    qtbot.waitUntil(window.settled, timeout=30_000)
    heat, desk, drawn = window.map.heat, window.desk, []
    assert heat.isVisible()
    click(qtbot, heat, (9, 17))
    desk.pin()
    click(qtbot, heat, (0, 0))
    qtbot.waitUntil(window.settled, timeout=30_000)
    assert (heat.now, heat.pinned) == ((0, 0), (9, 17))
    window.diff.drawn.connect(
        lambda mode, found: drawn.append((mode, found and found.before.params))
    )
    heat.setFocus()
    qtbot.keyPress(heat, Qt.Key.Key_Slash)
    assert drawn[-1] == ("Before", desk.state.pinned)
    qtbot.keyRelease(heat, Qt.Key.Key_Slash)
    assert drawn[-1][0] == "Change"


def test_a_window_closes_at_once_while_a_map_is_scored(
    opened: Callable[..., Any], copied: Path, qtbot: QtBot
) -> None:
    window = opened(copied)
    window.set_preset("Tune")
    qtbot.waitUntil(window.settled, timeout=30_000)
    window.map.ranges[0].show_value("2:60")
    window.map.ranges[1].show_value("1:60")
    window.map.compute()
    assert window.map.sweeps.busy
    began = monotonic()
    window.close()
    assert monotonic() - began < 3
    assert not window.map.sweeps.busy


def test_arrows_move_in_the_map_and_not_the_case(
    opened: Callable[..., Any], copied: Path, qtbot: QtBot
) -> None:
    window = opened(copied)
    window.set_preset("Tune")
    qtbot.waitUntil(window.settled, timeout=30_000)
    heat, desk = window.map.heat, window.desk
    click(qtbot, heat, (2, 2))
    heat.setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Left, Qt.Key.Key_Down):
        qtbot.keyClick(heat, key)
    assert heat.here == (3, 2)
    assert heat.now == (2, 2)
    qtbot.keyClick(heat, Qt.Key.Key_Return)
    assert heat.now == (3, 2)
    assert desk.state.params.min_samples == 4
