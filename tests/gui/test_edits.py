"""Every edit in the real window, by key, by mouse and from the menus; undo brings back what was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QImage, QKeyEvent, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from k2c_gui.core import drafts, queue, review
from k2c_gui.core.model import BACKING, NO_LABEL, NO_MARK, STATUS, Decision, K2CError
from k2c_gui.desk import remark_on
from k2c_gui.gui import case_facts
from k2c_gui.gui.canvas.scene import opinions, scene
from k2c_gui.gui.main_window import MainWindow
from k2c_gui.gui.style import look
from k2c_gui.gui.symbols import SIGNS, Symbol, chip

Key, Mod, Left = Qt.Key, Qt.KeyboardModifier, Qt.MouseButton.LeftButton
Open = Callable[..., MainWindow]
PROPOSED, DECIDED, REJECTED = (STATUS.index(s) for s in ("proposed", "decided", "rejected"))

# what the window system of the tests says of every menu
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


@pytest.fixture
def window(copied: Path, opened: Open) -> Iterator[MainWindow]:
    window = opened(copied)
    window.desk.set_blind(False)
    yield window
    assert window.micrograph.surface.viewport.image_width == 512


def press(window: MainWindow, key: Key, modifier: Mod = Mod.NoModifier) -> None:
    """As the window system hands a key over, once all is painted."""
    window.micrograph.surface.repaint()
    QTest.keyClick(window.windowHandle(), key, modifier)


def clear(window: MainWindow, n: int) -> list[int]:
    """Marks of proposals with a label that is clear, those nearest to each other."""
    state = window.desk.state
    table = state.instances
    rows = np.flatnonzero(
        (table["status"] == PROPOSED) & ~table["ambiguous"] & (table["label"] != NO_LABEL)
    )
    first = rows[np.argmax(table["n_marks"][rows])]
    away = np.hypot(table["x"][rows] - table["x"][first], table["y"][rows] - table["y"][first])
    return queue.anchors(table[rows[np.argsort(away)[:n]]], state.ledger).tolist()


def select(window: MainWindow, *marks: int) -> None:
    window.desk.select(marks[0])
    for mark in marks[1:]:
        window.desk.toggle(mark)
    window.micrograph.surface.repaint()


def place(window: MainWindow, mark: int) -> QPoint:
    one = window.desk.state.instances[window.desk.state.find(mark)]
    return on_screen(window, float(one["x"]), float(one["y"]))


def on_screen(window: MainWindow, x: float, y: float) -> QPoint:
    return QPointF(*window.micrograph.surface.viewport.to_screen(x, y)).toPoint()


def click(window: MainWindow, at: QPoint, held: Mod = Mod.NoModifier) -> None:
    QTest.mouseClick(window.micrograph.surface, Left, held, at)


def drag(window: MainWindow, *points: QPoint, held: Mod = Mod.NoModifier) -> None:
    surface = window.micrograph.surface
    QTest.mousePress(surface, Left, held, points[0])
    for point in points[1:]:
        QTest.mouseMove(surface, point)
    QTest.mouseRelease(surface, Left, held, points[-1])


def point_at(window: MainWindow, at: QPoint) -> None:
    surface = window.micrograph.surface
    QApplication.sendEvent(
        surface,
        QMouseEvent(
            QMouseEvent.Type.MouseMove,
            at.toPointF(),
            surface.mapToGlobal(at).toPointF(),
            Qt.MouseButton.NoButton,
            Qt.MouseButton.NoButton,
            Mod.NoModifier,
        ),
    )


def menu_at(window: MainWindow, at: QPoint) -> QMenu:
    surface = window.micrograph.surface
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, surface.mapToGlobal(at))
    QApplication.sendEvent(surface, event)
    return next(menu for menu in surface.findChildren(QMenu) if menu.isVisible())


def choose(menu: QMenu, words: str) -> None:
    action = next(a for a in menu.actions() if a.text().split("\t")[0] == words)
    assert action.isEnabled()
    action.trigger()
    menu.close()


def bare(window: MainWindow) -> QPoint:
    """A place where nothing is."""
    drawn = window.micrograph._stack.scene
    view = window.micrograph.surface.viewport
    assert drawn is not None
    return next(
        QPoint(x, y)
        for x in range(60, view.width - 60, 10)
        for y in range(120, view.height - 80, 10)
        if drawn.nearest(*view.to_image(x, y), 20 / view.zoom, marks=True) == (-1, -1)
        and 0 < view.to_image(x, y)[0] < 512
    )


def rulings(window: MainWindow) -> list[Decision]:
    return [e.decision for e in window.session.log if e.decision]


def in_force(window: MainWindow) -> list[Decision]:
    return list(window.desk.state.ledger.in_force.values())


def undone(window: MainWindow, before: np.ndarray) -> None:
    """One key takes it back, on the disk too."""
    press(window, Key.Key_Z, Mod.ControlModifier)
    assert window.desk.state.instances.tobytes() == before.tobytes()


# Selecting


def test_clicks_with_a_modifier_take_in_and_out(window: MainWindow) -> None:
    one, two = clear(window, 2)
    window.micrograph.zoom(1.5)
    click(window, place(window, one))
    before = window.micrograph.surface.viewport
    click(window, place(window, two), Mod.ControlModifier)
    assert len(window.desk.rows()) == 2
    assert window.micrograph.surface.viewport == before
    assert window.micrograph.mode_plate.title == "2 selected"
    assert window.decision.selected.text() == "2 selected"
    click(window, place(window, two), Mod.ShiftModifier)
    assert window.desk.rows() == [window.desk.state.find(one)]
    assert not window.micrograph.mode_plate.isVisible()
    assert window.decision.selected.text() == ""


def test_a_box_and_a_lasso_select_and_a_plain_drag_pans(window: MainWindow) -> None:
    table = window.desk.state.instances
    corners = [on_screen(window, 0, 0), on_screen(window, 256, 256), on_screen(window, 256, 512)]
    before = window.micrograph.surface.viewport
    drag(window, *corners, held=Mod.ShiftModifier)
    left = set(np.flatnonzero(table["x"] <= 256.5).tolist())
    assert set(window.desk.rows()) == left
    assert window.micrograph.surface.viewport == before
    window.desk.select(NO_MARK)
    around = [on_screen(window, *p) for p in ((-2, -2), (514, -2), (514, 255), (-2, 255))]
    drag(window, *around, held=Mod.ControlModifier)
    upper = set(np.flatnonzero(table["y"] < 255).tolist())
    assert set(window.desk.rows()) == upper
    drag(window, *corners, held=Mod.ControlModifier | Mod.ShiftModifier)
    assert set(window.desk.rows()) == upper | left
    press(window, Key.Key_L)
    assert window.micrograph.mode_plate.title == "Lasso"
    drag(window, *around)
    assert set(window.desk.rows()) == upper
    assert window.micrograph.editor.tool == ""
    window.micrograph.zoom(2)
    before, rows = window.micrograph.surface.viewport, window.desk.rows()
    drag(window, QPoint(200, 200), QPoint(230, 220), QPoint(260, 240))
    assert window.micrograph.surface.viewport != before
    assert window.desk.rows() == rows


def test_esc_ends_a_lasso_before_it_selects(window: MainWindow) -> None:
    surface = window.micrograph.surface
    rows = window.desk.rows()
    QTest.mousePress(surface, Left, Mod.ShiftModifier, QPoint(60, 100))
    QTest.mouseMove(surface, QPoint(300, 300))
    QTest.mouseMove(surface, QPoint(500, 500))
    press(window, Key.Key_Escape)
    QTest.mouseRelease(surface, Left, Mod.ShiftModifier, QPoint(500, 500))
    assert window.desk.rows() == rows


def test_others_that_are_selected_have_smaller_corners(window: MainWindow) -> None:
    one, two = clear(window, 2)
    select(window, one, two)  # two is the case
    window.micrograph.zoom(2)
    window.desk.select(two)
    window.desk.toggle(one)
    window.desk.toggle(two)
    window.desk.toggle(two)
    image = QImage(window.micrograph.surface.size(), QImage.Format.Format_RGB32)
    window.micrograph.surface.render(image)

    def white(mark: int, half: int) -> bool:
        at = place(window, mark)
        return any(
            image.pixelColor(at.x() + dx * half + i, at.y() + dy * half + j).lightness() == 255
            for dx in (-1, 1)
            for dy in (-1, 1)
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
        )

    assert white(two, 23)
    assert white(one, 15)


@pytest.mark.parametrize(
    ("key", "verdict", "label"),
    [(Key.Key_J, "label", 1), (Key.Key_X, "reject", None), (Key.Key_K, "defer", None)],
)
def test_a_key_rules_all_that_is_selected(
    window: MainWindow, key: Key, verdict: str, label: int | None
) -> None:
    before = window.desk.state.instances
    select(window, *clear(window, 3))
    press(window, key)
    assert [(d.verdict, d.label, d.source) for d in in_force(window)] == [
        (verdict, label, "bulk")
    ] * 3
    undone(window, before)
    assert len(window.desk.rows()) == 3


@pytest.mark.parametrize("words", ["Reject: no thing at all", "Cluster", "Keep ambiguous"])
def test_the_right_button_rules_all_that_is_selected(window: MainWindow, words: str) -> None:
    before = window.desk.state.instances
    marks = clear(window, 3)
    select(window, *marks)
    choose(menu_at(window, place(window, marks[0])), words)
    assert len(in_force(window)) == 3
    undone(window, before)


def test_the_bar_rejects(window: MainWindow, qtbot: QtBot) -> None:
    select(window, clear(window, 1)[0])
    window.micrograph.surface.repaint()
    button = next(b for b in window.decision.rulings if b.action == "reject")
    qtbot.mouseClick(button, Left)
    assert [d.verdict for d in in_force(window)] == ["reject"]


# Moving


def test_arrows_move_by_a_pixel_and_by_ten(window: MainWindow) -> None:
    before = window.desk.state.instances
    (mark,) = clear(window, 1)
    select(window, mark)
    x, y = (float(before[axis][window.desk.row()]) for axis in "xy")
    press(window, Key.Key_Right)
    press(window, Key.Key_Up, Mod.ShiftModifier)
    (moved,) = in_force(window)
    assert (moved.x, moved.y) == pytest.approx((x + 1, y - 10))
    assert window.desk.row() == window.desk.state.find(mark)
    undone(window, before)


def test_a_held_arrow_moves_once(window: MainWindow) -> None:
    select(window, clear(window, 1)[0])
    x = float(window.desk.state.instances["x"][window.desk.row()])
    press(window, Key.Key_Right)
    for _ in range(5):
        event = QKeyEvent(QKeyEvent.Type.KeyPress, Key.Key_Right, Mod.NoModifier, "", autorep=True)
        QApplication.sendEvent(window.micrograph.surface, event)
    assert in_force(window)[0].x == pytest.approx(x + 1)


def test_a_centroid_is_dragged_only_once_it_is_asked_for(window: MainWindow) -> None:
    before = window.desk.state.instances
    (mark,) = clear(window, 1)
    window.micrograph.zoom(2)
    select(window, mark)
    at = place(window, mark)
    drag(window, at, at + QPoint(10, 0), at + QPoint(20, 10))
    assert not rulings(window)  # that was a pan
    press(window, Key.Key_M)
    assert window.micrograph.mode_plate.title == "Move the centroid"
    at, zoom = place(window, mark), window.micrograph.surface.viewport.zoom
    x, y = (float(before[axis][window.desk.row()]) for axis in "xy")
    drag(window, at, at + QPoint(10, 0), at + QPoint(20, 10))
    (moved,) = in_force(window)
    assert (moved.x, moved.y) == pytest.approx((x + 20 / zoom, y + 10 / zoom), abs=0.6)
    assert moved.reason == "moved"
    press(window, Key.Key_Escape)
    assert not window.micrograph.mode_plate.isVisible()
    undone(window, before)


def test_move_from_the_menu_at_the_cursor(window: MainWindow) -> None:
    (mark,) = clear(window, 1)
    choose(menu_at(window, place(window, mark)), "Move the centroid ...")
    assert window.micrograph.editor.tool == "move"
    window.desk.select(clear(window, 2)[1])
    assert window.micrograph.editor.tool == ""  # another case is not what was to be moved


def test_what_cannot_be_moved_says_why_on_the_image(window: MainWindow) -> None:
    window.desk.set_blind(True)
    state = window.desk.state
    row = int(np.flatnonzero(state.instances["ambiguous"])[0])
    select(window, int(queue.anchors(state.instances[row : row + 1], state.ledger)[0]))
    press(window, Key.Key_Left)
    assert not rulings(window)
    assert "Label it first" in window.micrograph.mode_plate.title
    window.desk.select(clear(window, 1)[0])
    assert not window.micrograph.mode_plate.isVisible()


# Merging


@pytest.mark.parametrize("how", ["key", "menu", "right button"])
def test_two_are_merged(window: MainWindow, how: str) -> None:
    before = window.desk.state.instances
    table = window.desk.state.instances
    marks = [m for m in clear(window, 20) if table["label"][window.desk.state.find(m)] == 0][:2]
    select(window, *marks)
    if how == "key":
        press(window, Key.Key_G)
    elif how == "menu":
        window.actions_.actions["merge"].trigger()
    else:
        choose(menu_at(window, place(window, marks[0])), "Merge what is selected")
    if window.desk.state.draft is not None:
        press(window, Key.Key_F)
    (merged,) = in_force(window)
    assert len(merged.made_from) == 2
    assert window.desk.state.find(marks[0]) == window.desk.state.find(marks[1])
    assert len(window.desk.rows()) == 1
    undone(window, before)


def test_a_merge_that_is_not_clear_waits_for_a_label(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = window.desk.state.instances
    select(window, *clear(window, 3))
    unclear = replace(drafts.merge(window.desk.state.basis(), window.desk.rows()), labels=(None,))
    monkeypatch.setattr(drafts, "merge", lambda *_about: unclear)
    press(window, Key.Key_G)
    assert window.micrograph.mode_plate.title == "Merge into one"
    assert "not clear" not in window.bar.saved.text()  # the plate asks; nothing went wrong
    press(window, Key.Key_Escape)
    assert window.desk.state.draft is None
    assert window.desk.state.instances.tobytes() == before.tobytes()
    assert not window.session.log
    press(window, Key.Key_G)
    press(window, Key.Key_J)
    assert [d.label for d in in_force(window)] == [1]
    undone(window, before)


# Splitting


def split(window: MainWindow) -> int:
    (mark,) = clear(window, 1)
    select(window, mark)
    window.micrograph.zoom_to_case()
    press(window, Key.Key_P)
    assert window.desk.state.draft is not None
    return mark


def test_a_split_is_seen_chosen_and_stored(window: MainWindow) -> None:
    before = window.desk.state.instances
    marks = set(window.desk.marks_of(window.desk.state.find(clear(window, 1)[0])))
    split(window)
    assert not window.session.log
    assert window.micrograph.mode_plate.title == "Split into 2"
    press(window, Key.Key_3)  # not a label now
    assert window.micrograph.mode_plate.title == "Split into 3"
    press(window, Key.Key_Minus)
    assert window.micrograph.mode_plate.title == "Split into 2"
    press(window, Key.Key_Return)
    parts = in_force(window)
    assert len(parts) == 2
    assert len({e.step for e in window.session.log}) == 1
    assert not set(parts[0].marks) & set(parts[1].marks)
    assert {mark for part in parts for mark in part.marks} <= marks
    assert len(window.desk.rows()) == 2
    undone(window, before)


def test_a_split_is_left_by_esc_and_by_1_and_keys_are_labels_again(window: MainWindow) -> None:
    for key in (Key.Key_Escape, Key.Key_1):
        split(window)
        press(window, key)
        assert window.desk.state.draft is None
        assert not window.session.log
    press(window, Key.Key_3)
    assert [d.label for d in in_force(window)] == [2]


def test_a_label_key_stores_all_parts(window: MainWindow) -> None:
    split(window)
    press(window, Key.Key_J)
    assert [d.label for d in in_force(window)] == [1, 1]


def test_seeds_are_dragged(window: MainWindow) -> None:
    split(window)
    draft = window.desk.state.draft
    assert draft is not None
    (x, y), other = draft.seeds
    at = on_screen(window, x, y)
    before = window.micrograph.surface.viewport
    drag(window, at, at + QPoint(6, 6), at + QPoint(12, 8))
    moved = window.desk.state.draft
    assert moved is not None
    zoom = before.zoom
    assert moved.seeds[0] == pytest.approx((x + 12 / zoom, y + 8 / zoom), abs=0.3)
    assert moved.seeds[1] == other
    assert window.micrograph.surface.viewport == before


def test_a_lasso_splits_inside_from_outside(window: MainWindow) -> None:
    before = window.desk.state.instances
    mark = split(window)
    marks = window.desk.state.evidence[0].marks
    own = marks[np.isin(marks["mark"], window.desk.marks_of(window.desk.state.find(mark)))]
    middle = float(np.median(own["x"]))
    low, high = own["y"].min() - 3, own["y"].max() + 3
    left = own["x"].min() - 3
    around = ((left, low), (middle, low), (middle, high), (left, high))
    drag(window, *(on_screen(window, *p) for p in around), held=Mod.ControlModifier)
    assert window.micrograph.mode_plate.title == "Split by the lasso"
    press(window, Key.Key_Enter)
    inside, outside = in_force(window)
    x = dict(zip(own["mark"].tolist(), own["x"].tolist(), strict=True))
    assert max(x[m] for m in inside.marks) <= middle + 0.5
    assert min(x[m] for m in outside.marks) >= middle - 0.5
    undone(window, before)


def test_a_lasso_around_nothing_is_refused_and_the_split_stays(window: MainWindow) -> None:
    split(window)
    at = QPoint(30, 120)
    around = (at, at + QPoint(12, 0), at + QPoint(12, 12), at + QPoint(0, 12))
    drag(window, *around, held=Mod.ControlModifier)
    assert "no marks" in window.micrograph.mode_plate.title
    assert window.desk.state.draft is not None
    assert not window.session.log


def test_a_stray_click_does_not_lose_a_split(window: MainWindow) -> None:
    split(window)
    click(window, QPoint(40, 140))
    assert window.desk.state.draft is not None


def test_parts_are_drawn_in_white_shapes(window: MainWindow) -> None:
    split(window)
    surface = window.micrograph.surface
    seen, gone = (QImage(surface.size(), QImage.Format.Format_RGB32) for _ in "ab")
    surface.render(seen)
    window.micrograph.peek(True)
    surface.render(gone)
    marks = window.desk.state.evidence[0].marks
    draft = window.desk.state.draft
    assert draft is not None
    for part in draft.parts:
        own = marks[np.isin(marks["mark"], part)]
        white = []
        for x, y in zip(own["x"].tolist(), own["y"].tolist(), strict=True):
            at = on_screen(window, x, y)
            near = [(at.x() + i, at.y() + j) for i in range(-6, 7) for j in range(-6, 7)]
            white.append(max(seen.pixelColor(*p).lightness() for p in near) >= 250)
            assert any(seen.pixel(*p) != gone.pixel(*p) for p in near)
        assert np.mean(white) > 0.7


# Adding


@pytest.mark.parametrize("how", ["cursor", "tool", "right button"])
def test_a_particle_that_nobody_marked_is_added(window: MainWindow, how: str) -> None:
    before = window.desk.state.instances
    at = bare(window)
    x, y = window.micrograph.surface.viewport.to_image(at.x(), at.y())
    if how == "cursor":
        point_at(window, at)
        press(window, Key.Key_W)
    elif how == "tool":
        press(window, Key.Key_Insert)
        assert window.micrograph.mode_plate.title == "Add a particle"
        click(window, at)
    else:
        choose(menu_at(window, at), "Add a particle at the cursor")
    assert not window.session.log
    draft = window.desk.state.draft
    assert draft is not None
    assert (draft.x[0], draft.y[0]) == pytest.approx((x, y), abs=0.6)
    press(window, Key.Key_X)  # what is not there cannot be rejected
    assert not window.session.log
    press(window, Key.Key_D)
    (added,) = in_force(window)
    assert added.label == 2
    assert added.marks[0] < NO_MARK
    row = window.desk.row()
    drawn = window.micrograph._stack.scene
    assert drawn is not None
    assert drawn.symbols[drawn.symbol[row]].sign == "expert"
    undone(window, before)


def test_a_ghost_is_put_elsewhere_by_a_click_and_left_by_esc(window: MainWindow) -> None:
    at = bare(window)
    point_at(window, at)
    press(window, Key.Key_W)
    click(window, at + QPoint(30, 10))
    draft = window.desk.state.draft
    assert draft is not None
    assert draft.x[0] == pytest.approx(
        window.micrograph.surface.viewport.to_image(at.x() + 30, 0)[0], abs=0.6
    )
    press(window, Key.Key_Escape)
    assert window.desk.state.draft is None
    assert not window.session.log


# Notes, flags, reasons


def test_a_flag_is_seen_beside_the_centroid_and_in_the_queue(window: MainWindow) -> None:
    window.desk.rank("undecided")
    press(window, Key.Key_Space)
    surface = window.micrograph.surface
    plain = window.docks["queue"].widget().table.viewport().grab().toImage()
    press(window, Key.Key_N, Mod.ShiftModifier)
    drawn = window.micrograph._stack.scene
    assert drawn is not None
    assert drawn.said[window.desk.row()] == 2
    assert window.docks["queue"].widget().table.viewport().grab().toImage() != plain
    assert window.docks["queue"].widget().facets["flagged"].count == 1
    assert not rulings(window)
    window.docks["queue"].widget().facets["flagged"].click()
    assert window.desk.state.queue.cases["mark"].tolist() == [window.desk.state.selected]
    surface.repaint()
    press(window, Key.Key_N, Mod.ShiftModifier)
    assert drawn is not window.micrograph._stack.scene
    assert not window.micrograph._stack.scene.said.any()
    undo = len(window.session.log)
    press(window, Key.Key_Z, Mod.ControlModifier)
    assert len(window.session.log) == undo + 1
    assert window.micrograph._stack.scene.said[window.desk.row()] == 2


def test_a_note_is_stored_by_enter_or_goes_with_the_decision(
    window: MainWindow, qtbot: QtBot
) -> None:
    (mark,) = clear(window, 1)
    select(window, mark)
    press(window, Key.Key_N)
    field = window.case.note_field
    assert field.hasFocus()
    qtbot.keyClicks(field, "a shadow f")
    qtbot.keyClick(field, Key.Key_Return)
    said = remark_on(window.desk.state.ledger, window.desk.marks_of(window.desk.row()))
    assert said is not None
    assert said.note == "a shadow f"
    assert not rulings(window)
    assert window.case.note() == ""
    press(window, Key.Key_N)
    qtbot.keyClicks(field, " or not")
    qtbot.keyClick(field, Key.Key_Escape)
    assert len(window.session.log) == 1
    press(window, Key.Key_F)
    assert rulings(window)[-1].note == "a shadow f or not"
    press(window, Key.Key_Z, Mod.ControlModifier)
    window.desk.select(mark)
    assert field.text() == "a shadow f"
    press(window, Key.Key_F)
    assert rulings(window)[-1].note == ""  # it is stored already
    window.desk.select(mark)
    assert field.text() == "a shadow f"  # and the instance has it still
    press(window, Key.Key_Z, Mod.ControlModifier)
    press(window, Key.Key_Z, Mod.ControlModifier)
    window.desk.select(mark)
    assert field.text() == ""


def test_a_reason_goes_with_the_last_ruling_and_blocks_nothing(
    window: MainWindow, qtbot: QtBot
) -> None:
    before = window.desk.state.instances
    window.desk.rank("undecided")
    press(window, Key.Key_Space)
    press(window, Key.Key_D)
    press(window, Key.Key_Semicolon)
    assert window.micrograph.why_plate.isVisible()
    assert window.micrograph.why_plate.title.endswith("Artifact?")
    press(window, Key.Key_3, Mod.AltModifier)
    assert not window.micrograph.why_plate.isVisible()
    (ruled,) = in_force(window)
    assert (ruled.label, ruled.reason) == (2, "focus")
    press(window, Key.Key_Semicolon)
    qtbot.mouseClick(window.micrograph.why_plate.buttons["reason:edge"], Left)
    assert in_force(window)[0].reason == "edge"
    press(window, Key.Key_Semicolon)
    press(window, Key.Key_F)  # labels rule on
    assert len(in_force(window)) == 2
    assert not window.micrograph.why_plate.isVisible()
    press(window, Key.Key_Z, Mod.ControlModifier)
    undone(window, before)


# What holds for every edit

EDITS = (
    *((key, Mod.NoModifier) for key in (Key.Key_F, Key.Key_X, Key.Key_K, Key.Key_Left)),
    (Key.Key_G, Mod.NoModifier),
    (Key.Key_P, Mod.NoModifier),
    (Key.Key_M, Mod.NoModifier),
    (Key.Key_W, Mod.NoModifier),
    (Key.Key_N, Mod.ShiftModifier),
    (Key.Key_Semicolon, Mod.NoModifier),
)


def test_a_session_for_reading_takes_no_edit(copied: Path, opened: Open) -> None:
    window = opened(copied, read_only="Ada has it open")
    window.desk.set_blind(False)
    for marks in (clear(window, 1), clear(window, 3)):
        select(window, *marks)
        for key, modifier in EDITS:
            press(window, key, modifier)
            assert window.desk.state.draft is None
            assert window.micrograph.editor.tool == ""
            assert window.desk.state.trouble == ""
    assert not window.case.note_field.isEnabled()
    assert not window.session.log
    assert len(window.desk.rows()) == 3


def test_nothing_is_ruled_or_moved_before_it_was_painted(window: MainWindow) -> None:
    (mark,) = clear(window, 1)
    for key in (Key.Key_F, Key.Key_X, Key.Key_K, Key.Key_Left):
        window.desk.select(NO_MARK)
        window.desk.select(mark)
        QTest.keyClick(window.windowHandle(), key)
        assert not window.session.log


def test_a_disk_that_refuses_leaves_all_as_it_was(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_entries: object) -> None:
        raise K2CError("disk full", file=window.session.path)

    before = window.desk.state.instances
    mark = split(window)
    monkeypatch.setattr(window.session._file, "append", full)
    press(window, Key.Key_Return)
    assert window.desk.state.draft is not None  # it can be tried again
    press(window, Key.Key_Escape)
    press(window, Key.Key_M)
    at = place(window, mark)
    drag(window, at, at + QPoint(10, 0), at + QPoint(20, 10))
    press(window, Key.Key_Escape)
    press(window, Key.Key_N, Mod.ShiftModifier)
    press(window, Key.Key_X)
    assert window.desk.state.instances.tobytes() == before.tobytes()
    assert not window.session.log
    assert "disk full" in window.bar.saved.text()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_edit_is_in_the_main_menu_with_its_key(window: MainWindow, theme: str) -> None:
    look().apply(theme)  # type: ignore[arg-type]
    found = {action.text() for sub in window.menu().actions() for action in sub.menu().actions()}
    for name in ("reject", "defer", "merge", "split", "move", "add", "lasso", "note", "flag"):
        assert window.actions_.actions[name].text() in found
        assert window.actions_.key(name)
    for name in ("why", "reason:touching", "to-check", "nudge-left", "split:4", "commit"):
        assert window.actions_.actions[name].text() in found
        assert window.actions_.key(name)


# What came back


def returned(window: MainWindow) -> int:
    """Rule on one, then take another setting under which no group backs it."""
    (mark,) = clear(window, 1)
    select(window, mark)
    press(window, Key.Key_F)
    params = replace(window.desk.state.params, min_cluster_size=400, min_samples=30)
    window.desk.try_params(params)
    window.desk.apply()
    for evidence in window.desk.state.evidence:
        window.desk.offer(review.group(evidence, params))
    window.desk.select(mark, 0)
    return mark


def test_a_dissolved_decision_stands_says_so_and_is_counted(
    window: MainWindow, qtbot: QtBot
) -> None:
    mark = returned(window)
    row = window.desk.state.find(mark)
    assert BACKING[int(window.desk.state.instances["backing"][row])] == "dissolved"
    drawn = window.micrograph._stack.scene
    assert drawn is not None
    assert drawn.symbols[drawn.symbol[row]].sign == "dissolved"
    assert window.case.standing.text() == "No group backs it under this setting."
    for _ in range(10):  # answers that still come take the plate away
        point_at(window, place(window, mark))
        qtbot.wait(400)
        if window.micrograph.hover_plate.isVisible():
            break
    said = [line.text for line in window.micrograph.hover_plate.lines]
    assert "No group backs it under this setting." in said
    facets = window.docks["queue"].widget().facets
    assert (facets["dissolved"].count, facets["to check"].count) == (1, 1)
    assert window.bar.to_check.isVisible()
    assert window.bar.to_check.text() == "1 to check"
    window.desk.select(NO_MARK)
    qtbot.mouseClick(window.bar.to_check, Left)
    assert window.desk.state.queue.facet == queue.TO_CHECK
    assert window.desk.row() == row
    press(window, Key.Key_F)  # it stands although no group backs it
    assert not window.bar.to_check.isVisible()


def test_what_is_withheld_of_a_decision_is_not_told(window: MainWindow) -> None:
    """As long as experts disagree, neither ruling may sway the one who settles it."""
    select(window, clear(window, 1)[0])
    press(window, Key.Key_J)
    window.desk.select_row(0, int(np.flatnonzero(window.desk.state.instances["status"])[0]))
    case = case_facts.read(window.desk)
    assert case is not None
    labels = window.desk.state.sources.labels
    assert case_facts.state_words(case, labels)[0] == "Decided: Cluster"
    assert case_facts.state_words(replace(case, hidden=True), labels) == ("Experts disagree", None)
    assert case_facts.symbol(case.one, hidden=True).label == NO_LABEL
    assert case_facts.symbol(case.one, hidden=True).status == PROPOSED
    words = case_facts.entry_words(window.session.log[0], labels, hidden=True)
    assert words == "Decided, Some Expert"


def test_signs_are_told_apart(window: MainWindow) -> None:
    pictures = set()
    for sign in SIGNS:
        image = chip(Symbol(0, DECIDED, sign=sign), 20, "dark").toImage()
        if sign in ("", "dissolved", "expert"):  # the others are drawn on the image alone
            pictures.add(bytes(image.constBits()))
    assert len(pictures) == 3


def test_a_scene_knows_what_each_decision_looks_like(window: MainWindow) -> None:
    select(window, clear(window, 1)[0])
    press(window, Key.Key_F)
    state = window.desk.state
    row = int(np.flatnonzero(state.instances["status"] == DECIDED)[0])
    for backing, sign in (("kept", ""), ("grew", "grew"), ("conflict", "conflict")):
        table = state.instances.copy()
        table["backing"][row] = BACKING.index(backing)
        drawn = scene(replace(state, instances=table), opinions(state.evidence[0]))
        assert drawn.symbols[drawn.symbol[row]].sign == sign
