from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from k2c_gui.core import diff as diffs
from k2c_gui.core import review
from k2c_gui.core.model import ClusterParams
from k2c_gui.desk import Desk, withheld
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.comparison import compare
from k2c_gui.gui.diff_table import Change
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.main_window import MainWindow
from k2c_gui.gui.style import look
from k2c_gui.gui.views.diff import View

COARSE = ClusterParams(min_cluster_size=16, min_samples=14)
FINE = ClusterParams(min_cluster_size=4, min_samples=2, method="leaf")


def try_params(desk: Desk, params: ClusterParams) -> None:
    desk.try_params(params)
    desk.offer(review.group(desk.state.evidence[desk.state.shown], params))


@pytest.fixture
def view(qtbot: QtBot, desk: Desk, pictures: Pictures, actions: Actions) -> View:
    view = View(desk, pictures, actions)
    qtbot.addWidget(view)
    view.resize(900, 400)
    try_params(desk, COARSE)
    desk.pin()
    view.show()
    try_params(desk, FINE)
    qtbot.waitUntil(lambda: view.settled() and bool(view.table.changes()), timeout=5000)
    return view


def expected(desk: Desk) -> dict[str, int]:
    """Counts of changes, straight from the core."""
    state = desk.state
    evidence = state.evidence[state.shown]
    pinned = review.group(evidence, state.pinned)
    before = review.instances(evidence, pinned, state.ledger)
    assert state.grouping is not None
    found = diffs.diff(evidence.marks, pinned, before, state.grouping, state.instances)
    return diffs.counts(found)


def shown(view: View) -> list[Change]:
    return view.table.changes()


def test_chips_count_the_changes_against_the_pinned_setting(view: View, desk: Desk) -> None:
    counts = expected(desk)
    assert counts["born"] > 0
    for kind in ("born", "died", "split", "merged", "regrouped", "moved", "flipped"):
        assert view.chips[kind].count == counts[kind]
    changed = sum(n for kind, n in counts.items() if kind != "kept")
    assert view.chips["all"].count == changed == len(shown(view))
    assert view.kept.text() == f"{counts['kept']:,} kept"
    assert view.against.text() == "16 · 14 · eom"


def test_a_chip_leaves_one_kind_in_the_table(view: View, qtbot: QtBot) -> None:
    qtbot.mouseClick(view.chips["born"], Qt.MouseButton.LeftButton)
    assert {change.kind for change in shown(view)} == {"born"}
    assert view.chips["born"].isChecked()
    assert not view.chips["all"].isChecked()
    empty = next(kind for kind, chip in view.chips.items() if chip.count == 0)
    qtbot.mouseClick(view.chips[empty], Qt.MouseButton.LeftButton)
    assert shown(view) == []
    assert view.stack.currentIndex() == 1
    assert view.words.text()


def test_a_row_says_where_what_and_how_many(view: View, desk: Desk) -> None:
    size = desk.state.sources.micrographs[desk.state.shown].pixel_size_nm
    assert size is not None
    for change in shown(view):
        cells = change.cells()
        assert cells["place"] == f"{change.x:.1f}, {change.y:.1f} px"
        assert cells["nm"] == f"{change.x * size:.2f}, {change.y * size:.2f} nm"
    born = next(change for change in shown(view) if change.kind == "born")
    row = desk.state.find(born.mark)
    assert row >= 0
    one = desk.state.instances[row]
    assert (born.x, born.y) == (one["x"], one["y"])
    assert born.marks == ("noise", str(one["n_marks"]))
    (symbol,) = born.symbols[1]
    assert symbol.label == one["label"]


def test_a_click_selects_and_centres(view: View, desk: Desk, qtbot: QtBot) -> None:
    change = shown(view)[1]
    at = view.table.row_box(1).center().toPoint()
    with qtbot.waitSignal(view.looked_at) as looked:
        qtbot.mouseClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    place = looked.args[0]
    assert (place.x(), place.y()) == (change.x, change.y)
    assert desk.state.selected == change.mark


def test_arrows_mark_and_enter_selects(view: View, desk: Desk) -> None:
    desk.select(-1)
    view.step(1)
    view.step(1)
    assert view.table.current == 1
    assert desk.state.selected == -1
    view.go()
    assert desk.state.selected == shown(view)[1].mark
    view.step(-5)
    assert view.table.current == 0


def test_the_marked_row_stays_marked_when_the_setting_moves_a_little(
    view: View, desk: Desk, qtbot: QtBot
) -> None:
    view.step(1)
    marked = shown(view)[view.table.current]
    try_params(desk, replace(FINE, margin=0.25))
    qtbot.waitUntil(lambda: view.settled() and view._found is not None, timeout=5000)
    again = shown(view)[view.table.current]
    assert (again.kind, again.mark) == (marked.kind, marked.mark)


def test_the_same_setting_has_no_changes_and_dims_nothing(
    view: View, desk: Desk, qtbot: QtBot
) -> None:
    desk.pin()
    qtbot.waitUntil(lambda: view.chips["all"].count == 0, timeout=5000)
    assert "Move a slider" in view.words.text()
    assert shown(view) == []


def test_what_is_withheld_has_no_label_in_the_table(view: View, desk: Desk, qtbot: QtBot) -> None:
    """With a wide margin nearly every case is in doubt."""
    try_params(desk, replace(FINE, margin=0.9))
    qtbot.waitUntil(
        lambda: view.settled() and any(s.hidden for c in shown(view) for s in c.symbols[1]),
        timeout=5000,
    )
    assert desk.state.blind
    closed = set(np.flatnonzero(withheld(desk.state, desk.state.instances)).tolist())
    for change in shown(view):
        rows = {desk.state.find(change.mark)}
        if rows & closed:
            assert all(symbol.hidden for side in change.symbols for symbol in side)
    desk.set_blind(False)
    qtbot.waitUntil(
        lambda: not any(s.hidden for c in shown(view) for side in c.symbols for s in side),
        timeout=5000,
    )


def test_one_side_in_doubt_hides_both(desk: Desk) -> None:
    """Under the pinned setting the case was clear; its label must not be read off there."""
    try_params(desk, replace(desk.state.params, margin=0.9))
    state = desk.state
    pinned = review.group(state.evidence[0], replace(state.params, margin=0.0))
    found = compare(state, pinned)
    closed = withheld(state, state.instances)[found.changes["b"]]
    assert closed.any()
    assert not withheld(found.before, found.before.instances)[found.changes["a"]].all()
    np.testing.assert_array_equal(found.hidden, closed)


def test_a_hidden_dock_compares_nothing(
    qtbot: QtBot, desk: Desk, pictures: Pictures, actions: Actions
) -> None:
    view = View(desk, pictures, actions)
    qtbot.addWidget(view)
    try_params(desk, FINE)
    assert view.settled()
    assert shown(view) == []


def pixels(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), -1).copy()


@pytest.fixture
def window(opened: Callable[..., MainWindow], copied: Path, qtbot: QtBot) -> MainWindow:
    window = opened(copied)
    window.set_preset("Tune")
    desk = window.desk
    desk.pin()
    desk.try_params(FINE)
    qtbot.waitUntil(lambda: bool(shown(window.diff)) and window.settled(), timeout=10_000)
    return window


def test_keys_draw_the_changes_and_flicker(window: MainWindow, qtbot: QtBot) -> None:
    """The picture differs in all three; keys bring each of them and give it back."""
    surface = window.micrograph.surface

    def picture() -> np.ndarray:
        return pixels(surface.grab().toImage())

    change = picture()
    qtbot.keyClick(surface, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    after = picture()
    qtbot.keyPress(surface, Qt.Key.Key_Slash)
    before = picture()
    qtbot.keyRelease(surface, Qt.Key.Key_Slash)
    assert (picture() == after).all()
    assert (change != after).any()
    assert (before != after).any()
    qtbot.keyClick(surface, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    assert (picture() == change).all()
    assert (before != change).any()


def test_arrows_in_the_table_go_before_other_keys(window: MainWindow, qtbot: QtBot) -> None:
    table = window.diff.table
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Down)
    qtbot.keyClick(table, Qt.Key.Key_Down)
    assert table.current == 1
    qtbot.keyClick(table, Qt.Key.Key_Return)
    change = table.changes()[1]
    assert window.desk.state.selected == change.mark


def test_what_died_is_brought_to_the_middle(
    opened: Callable[..., MainWindow], copied: Path, qtbot: QtBot
) -> None:
    window = opened(copied)
    window.set_preset("Tune")
    desk, view = window.desk, window.diff
    desk.try_params(FINE)
    qtbot.waitUntil(window.settled, timeout=10_000)
    desk.pin()
    desk.try_params(COARSE)
    qtbot.waitUntil(lambda: bool(view.chips["died"].count) and window.settled(), timeout=10_000)
    qtbot.mouseClick(view.chips["died"], Qt.MouseButton.LeftButton)
    surface = window.micrograph.surface
    surface.go_to(surface.viewport.at(256, 256, 6.0))
    view.step(1)
    view.go()
    died = shown(view)[0]
    at = surface.viewport.to_screen(died.x, died.y)
    middle = QPoint(surface.width() // 2, surface.height() // 2)
    assert abs(at[0] - middle.x()) <= surface.width() * 0.05
    assert abs(at[1] - middle.y()) <= surface.height() * 0.05


def test_leaving_tune_gives_the_picture_back(window: MainWindow, qtbot: QtBot) -> None:
    stack = window.micrograph._stack  # what is painted, and how strongly
    assert stack.changes.on
    window.set_preset("Adjudicate")
    assert not stack.changes.on
    assert max(opacity for _, opacity in stack.layers()) == 1.0
    assert min(opacity for _, opacity in stack.layers()) == 1.0


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("scale", [0.9, 1.6])
def test_it_fits_at_every_scale(view: View, theme: str, scale: float, qtbot: QtBot) -> None:
    look().apply(theme, scale)  # type: ignore[arg-type]  # one of the two
    qtbot.wait(1)
    chips = list(view.chips.values())
    assert all(chip.geometry().right() <= view.width() for chip in chips)
    assert all(chip.height() == chip.sizeHint().height() for chip in chips)
    view.grab()
