"""The window as a whole: real keys and clicks, and what they leave on the disk."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QWidget
from pytestqt.qtbot import QtBot

from k2c_gui import demo
from k2c_gui.core import ledger as ledgers
from k2c_gui.core.model import NO_MARK, STATUS, ClusterParams, Entry, K2CError
from k2c_gui.core.pace import Due
from k2c_gui.demo import WorldParams
from k2c_gui.gui.main_window import MainWindow
from k2c_gui.gui.sliders import Number, Slider
from k2c_gui.gui.style import look
from k2c_gui.importing import import_
from k2c_gui.io.session_file import SessionFile
from k2c_gui.io.sources import Files
from k2c_gui.repeating import RepeatingDesk
from k2c_gui.session import Session

Key, Mod, Left = Qt.Key, Qt.KeyboardModifier, Qt.MouseButton.LeftButton
Open = Callable[..., MainWindow]
PROPOSED = STATUS.index("proposed")


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session with about a hundred instances on six micrographs; not to be written to."""
    folder = tmp_path_factory.mktemp("large")
    world = WorldParams(micrographs=6, seed=3, size=512, particles=30, tiles_per_axis=4)
    demo.write(folder, world)
    files = Files(folder / "images", folder / "picking.csv", folder / "classifying.csv")
    import_(folder / "large.k2c", files)
    return folder / "large.k2c"


@pytest.fixture
def many(large: Path, tmp_path: Path) -> Path:
    path = tmp_path / "large.k2c"
    path.write_bytes(large.read_bytes())
    images = tmp_path / "images"
    images.symlink_to(large.parent / "images", target_is_directory=True)
    return path


@pytest.fixture
def window(copied: Path, opened: Open) -> MainWindow:
    return opened(copied)


def press(window: MainWindow, key: Key, modifier: Mod = Mod.NoModifier) -> None:
    """As the window system hands a key over: to whatever has the focus."""
    QTest.keyClick(window.windowHandle(), key, modifier)


def painted(window: MainWindow) -> None:
    """Let what was asked for come onto the screen."""
    window.micrograph.surface.repaint()


def rule(window: MainWindow, key: Key, modifier: Mod = Mod.NoModifier) -> None:
    """Wait for the case to be painted, as an expert would, and press a key."""
    painted(window)
    press(window, key, modifier)


def there(window: MainWindow) -> bool:
    state = window.desk.state
    return state.grouping is not None and window.pictures.peek(state.shown) is not None


def begin(window: MainWindow, facet: str = "undecided") -> None:
    window.desk.rank(facet)
    press(window, Key.Key_Space)
    painted(window)
    assert window.desk.row() >= 0


def rulings(window: MainWindow) -> list[Entry]:
    return [entry for entry in window.session.log if entry.decision]


def on_disk(path: Path) -> tuple[Entry, ...]:
    file = SessionFile(path)
    log = file.log()
    file.close()
    return log


# Deciding


def without_repeats(window: MainWindow) -> None:
    """Every key decides a case that was never decided."""
    assert isinstance(window.desk, RepeatingDesk)
    window.desk._due = Due(share=0.0)


def test_a_hundred_cases_are_cleared_with_a_hundred_keys(
    many: Path, opened: Open, qtbot: QtBot
) -> None:
    window = opened(many)
    without_repeats(window)
    begin(window)
    n = len(window.desk.state.queue.cases)
    assert n >= 90
    keys = (Key.Key_F, Key.Key_J, Key.Key_D, Key.Key_S, Key.Key_1, Key.Key_2, Key.Key_3, Key.Key_4)
    meant = (0, 1, 2, 3, 0, 1, 2, 3)
    expected = []
    for i in range(n):
        case = int(window.desk.state.selected)
        rule(window, keys[i % 8])
        expected.append((case, meant[i % 8]))
        qtbot.waitUntil(lambda: there(window), timeout=5000)
    log = on_disk(many)
    assert [(e.decision.marks[0], e.decision.label) for e in log if e.decision] == expected
    assert len({case for case, _ in expected}) == n
    assert all(e.decision and e.decision.shown_at <= e.decision.decided_at for e in log)
    for table in window.desk.state.tables:
        assert table is not None
        assert not (table["status"] == PROPOSED).any()
    assert {e.decision.micrograph for e in log if e.decision} == {
        evidence.name for evidence in window.desk.state.evidence
    }


@pytest.mark.parametrize(
    ("key", "modifier", "label"),
    [
        (Key.Key_F, Mod.NoModifier, 0),
        (Key.Key_J, Mod.NoModifier, 1),
        (Key.Key_D, Mod.NoModifier, 2),
        (Key.Key_S, Mod.NoModifier, 3),
        (Key.Key_1, Mod.KeypadModifier, 0),
        (Key.Key_2, Mod.KeypadModifier, 1),
        (Key.Key_3, Mod.KeypadModifier, 2),
        (Key.Key_4, Mod.KeypadModifier, 3),
    ],
)
def test_each_key_rules_its_label(window: MainWindow, key: Key, modifier: Mod, label: int) -> None:
    begin(window)
    rule(window, key, modifier)
    assert [e.decision.label for e in rulings(window) if e.decision] == [label]


def test_k_keeps_a_case_ambiguous_and_goes_on(window: MainWindow) -> None:
    begin(window)
    case = window.desk.state.selected
    rule(window, Key.Key_K)
    assert window.desk.state.selected != case
    (entry,) = rulings(window)
    assert entry.decision is not None
    assert (entry.decision.verdict, entry.decision.label) == ("defer", None)
    assert case in entry.decision.marks


def test_space_goes_on_and_back_and_decides_nothing(window: MainWindow) -> None:
    begin(window)
    cases = window.desk.state.queue.cases["mark"].tolist()
    for expected in (1, 2, 3):
        press(window, Key.Key_Space)
        assert window.desk.state.selected == cases[expected]
    press(window, Key.Key_Space, Mod.ShiftModifier)
    assert window.desk.state.selected == cases[2]
    assert not window.session.log


def test_backspace_takes_the_last_decision_back_and_returns_to_it(window: MainWindow) -> None:
    begin(window)
    first = window.desk.state.selected
    rule(window, Key.Key_F)
    rule(window, Key.Key_J)
    rule(window, Key.Key_Space)
    press(window, Key.Key_Backspace)
    press(window, Key.Key_Backspace)
    assert window.desk.state.selected == first
    assert not window.desk.state.ledger.in_force
    rule(window, Key.Key_D)
    (decision,) = window.desk.state.ledger.in_force.values()
    assert (decision.label, decision.marks[0]) == (2, first)


def test_undo_to_the_empty_log_and_redo_to_the_end_across_restarts(
    copied: Path, opened: Open
) -> None:
    window = opened(copied)
    without_repeats(window)
    begin(window)
    n = len(window.desk.state.queue.cases)
    assert len({*window.desk.state.queue.cases["micrograph"].tolist()}) == 2
    ruled = []
    for i in range(n):
        ruled.append((window.desk.state.shown, window.desk.state.selected))
        rule(window, (Key.Key_F, Key.Key_J, Key.Key_K)[i % 3])
    assert len(rulings(window)) == n
    ends = [window.desk.state.ledger.in_force]
    for where in ruled[: n // 2 : -1]:
        press(window, Key.Key_Z, Mod.ControlModifier)
        assert (window.desk.state.shown, window.desk.state.selected) == where
    window.close()
    window = opened(copied)
    for where in ruled[n // 2 :: -1]:
        press(window, Key.Key_Z, Mod.ControlModifier)
        assert (window.desk.state.shown, window.desk.state.selected) == where
    assert not window.desk.state.ledger.in_force
    press(window, Key.Key_Z, Mod.ControlModifier)  # there is no further back
    for i, where in enumerate(ruled):
        press(window, Key.Key_Z, Mod.ControlModifier | Mod.ShiftModifier)
        assert (window.desk.state.shown, window.desk.state.selected) == where
        if i == n // 2:
            window.close()
            window = opened(copied)
    assert window.desk.state.ledger.in_force == ends[0]
    assert ledgers.fold(on_disk(copied), ClusterParams()).in_force == ends[0]


def test_undo_shows_where_it_was(window: MainWindow, qtbot: QtBot) -> None:
    begin(window)
    rule(window, Key.Key_F)
    window.desk.show(1)
    qtbot.waitUntil(window.settled)
    press(window, Key.Key_Z, Mod.ControlModifier)
    qtbot.waitUntil(window.settled)
    painted(window)
    one = window.desk.state.instances[window.desk.row()]
    at = window.micrograph.surface.viewport.to_screen(float(one["x"]), float(one["y"]))
    assert window.micrograph.surface.rect().contains(round(at[0]), round(at[1]))


def test_the_last_case_is_not_ruled_twice_by_a_double_press(window: MainWindow) -> None:
    begin(window)
    n = len(window.desk.state.queue.cases)
    for _ in range(n - 1):
        press(window, Key.Key_Space)
    painted(window)
    QTest.keyClick(window, Key.Key_F)
    QTest.keyClick(window, Key.Key_J)
    assert len(rulings(window)) == 1


def test_two_quick_keys_never_rule_one_case_twice(window: MainWindow) -> None:
    begin(window)
    QTest.keyClick(window, Key.Key_F)
    QTest.keyClick(window, Key.Key_F)  # before the next case was on the screen: nobody saw it
    assert len(rulings(window)) == 1
    rule(window, Key.Key_F)
    marks = [e.decision.marks for e in rulings(window) if e.decision]
    assert len(set(marks)) == 2


def test_a_held_key_decides_once(window: MainWindow) -> None:
    begin(window)
    handle = window.windowHandle()
    QTest.keyPress(handle, Key.Key_F)
    for _ in range(20):
        painted(window)
        repeat(window, Key.Key_F)
    QTest.keyRelease(handle, Key.Key_F)
    assert len(rulings(window)) == 1


def repeat(window: MainWindow, key: Key) -> None:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QKeyEvent

    target = QApplication.focusWidget() or window
    for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
        QApplication.sendEvent(target, QKeyEvent(kind, key, Mod.NoModifier, "f", True, 1))


def test_a_label_button_does_as_its_key(window: MainWindow) -> None:
    begin(window)
    QTest.mouseClick(window.decision.labels[2], Left)
    assert [e.decision.label for e in rulings(window) if e.decision] == [2]
    rule(window, Key.Key_F)
    assert [e.decision.label for e in rulings(window) if e.decision] == [2, 0]


# Focus


def _others(window: MainWindow) -> list[QWidget]:
    shown = [w for w in window.findChildren(QWidget) if w.isVisible() and w.isEnabled()]
    return [w for w in shown if w.focusPolicy() != Qt.FocusPolicy.NoFocus]


@pytest.mark.parametrize("preset", ["Adjudicate", "Tune", "Overview"])
def test_keys_decide_whatever_has_the_focus(window: MainWindow, preset: str, qtbot: QtBot) -> None:
    window.set_preset(preset)
    qtbot.waitUntil(window.settled)
    begin(window)
    others = [w for w in _others(window) if not isinstance(w, Number)]
    others = [w for w in others if w not in (window.case.note_field, window.bar.expert.field)]
    assert len(others) > 10
    for i, widget in enumerate(others[:20]):
        widget.setFocus()
        painted(window)
        press(window, (Key.Key_F, Key.Key_K)[i % 2])
        assert len(rulings(window)) == i + 1, widget


@pytest.mark.qt_log_ignore("This plugin does not support raise", extend=True)
def test_keys_decide_over_a_combo_box_and_in_a_floating_dock(window: MainWindow) -> None:
    begin(window)
    combo = QComboBox(window)
    combo.addItems(["first", "five"])
    combo.show()
    combo.setFocus()
    rule(window, Key.Key_F)
    assert (len(rulings(window)), combo.currentIndex()) == (1, 0)
    dock = window.docks["case"]
    dock.setFloating(True)
    painted(window)
    QTest.keyClick(dock, Key.Key_F)
    assert len(rulings(window)) == 2


def test_text_that_is_edited_takes_its_keys(window: MainWindow) -> None:
    begin(window)
    note = window.case.note_field
    press(window, Key.Key_N)
    assert QApplication.focusWidget() is note
    for key in (Key.Key_F, Key.Key_K, Key.Key_1, Key.Key_Space, Key.Key_F, Key.Key_Backspace):
        press(window, key)
    assert note.text() == "fk1 "
    press(window, Key.Key_Z, Mod.ControlModifier)
    assert not window.session.log
    press(window, Key.Key_Return)
    rule(window, Key.Key_F)
    assert len(rulings(window)) == 1


def test_a_note_goes_with_the_case_that_it_was_written_on(window: MainWindow) -> None:
    begin(window)
    press(window, Key.Key_N)
    QTest.keyClicks(window.case.note_field, "halo")
    press(window, Key.Key_Escape)
    rule(window, Key.Key_F)
    rule(window, Key.Key_F)
    assert [e.decision.note for e in rulings(window) if e.decision] == ["halo", ""]


def test_a_click_on_a_button_ends_the_writing(window: MainWindow) -> None:
    begin(window)
    press(window, Key.Key_N)
    QTest.keyClicks(window.case.note_field, "seen")
    painted(window)
    QTest.mouseClick(window.decision.labels[0], Left)
    rule(window, Key.Key_J)
    decided = [(e.decision.label, e.decision.note) for e in rulings(window) if e.decision]
    assert decided == [(0, "seen"), (1, "")]


@pytest.mark.parametrize("leave", [Key.Key_Return, Key.Key_Escape])
def test_a_number_box_gives_the_keys_back(window: MainWindow, leave: Key, qtbot: QtBot) -> None:
    begin(window)
    rule(window, Key.Key_F)
    window.set_preset("Tune")
    qtbot.waitUntil(window.settled)
    number = next(w for w in window.findChildren(Number) if w.isVisible())
    before = number.text()
    QTest.mouseClick(number, Left, Mod.NoModifier, QPoint(5, 5))
    assert QApplication.focusWidget() is number
    number.selectAll()
    press(window, Key.Key_9)
    press(window, Key.Key_Z, Mod.ControlModifier)
    assert number.text() == before
    number.selectAll()
    for key in (Key.Key_1, Key.Key_2, Key.Key_Backspace, Key.Key_0):
        press(window, key)
    assert number.text() == "10"
    assert len(window.session.log) == 1
    press(window, leave)
    assert QApplication.focusWidget() is not number
    qtbot.waitUntil(window.settled)
    press(window, Key.Key_Space)  # the setting may have taken the case away
    rule(window, Key.Key_F)
    assert len(rulings(window)) == 2


# Held keys


def test_peek_lasts_as_long_as_its_key(window: MainWindow) -> None:
    begin(window)
    handle, with_marks = window.windowHandle(), window.micrograph.grab_view()
    QTest.keyPress(handle, Key.Key_Q)
    assert window.micrograph.grab_view() != with_marks
    repeat(window, Key.Key_Q)
    assert window.micrograph.grab_view() != with_marks
    QTest.keyRelease(handle, Key.Key_Q)
    assert window.micrograph.grab_view() == with_marks


def test_peek_is_let_go_when_the_keyboard_goes_elsewhere(window: MainWindow, qtbot: QtBot) -> None:
    begin(window)
    with_marks = window.micrograph.grab_view()
    QTest.keyPress(window.windowHandle(), Key.Key_Q)
    other = QWidget()
    qtbot.addWidget(other)
    other.show()
    other.activateWindow()
    qtbot.waitUntil(lambda: not window.isActiveWindow())
    assert window.micrograph.grab_view() == with_marks


def test_peek_is_let_go_in_a_text_too(window: MainWindow) -> None:
    begin(window)
    with_marks = window.micrograph.grab_view()
    handle = window.windowHandle()
    QTest.keyPress(handle, Key.Key_Q)
    press(window, Key.Key_N)
    QTest.keyRelease(handle, Key.Key_Q)
    press(window, Key.Key_Escape)
    assert window.micrograph.grab_view() == with_marks


# While the grouping changes


def test_a_slider_dragged_while_deciding_loses_no_decision(
    window: MainWindow, qtbot: QtBot
) -> None:
    begin(window)
    slider = next(s for s in window.findChildren(Slider) if s.isVisible())
    middle = slider.height() // 2
    QTest.mousePress(slider, Left, Mod.NoModifier, QPoint(slider.width() // 2, middle))
    expected = []
    for i in range(24):
        x = slider.width() * (4 + i % 9) // 24
        QTest.mouseMove(slider, QPoint(x, middle))
        QApplication.processEvents()
        row, case = window.desk.row(), window.desk.state.selected
        painted(window)
        press(window, (Key.Key_F, Key.Key_J)[i % 2])
        if len(rulings(window)) > len(expected):
            assert row >= 0
            expected.append(case)
        elif row < 0:
            press(window, Key.Key_Space)
    QTest.mouseRelease(slider, Left, Mod.NoModifier, QPoint(slider.width() // 2, middle))
    qtbot.waitUntil(window.settled)
    assert len(expected) >= 12
    decided = [e.decision for e in rulings(window)]
    assert all(case in d.marks for case, d in zip(expected, decided, strict=True) if d)
    assert window.desk.state.grouping is not None
    assert window.desk.state.grouping.params == window.desk.state.params
    state = window.desk.state
    assert int(slider.value()) == state.params.min_cluster_size
    in_force = [mark for d in state.ledger.in_force.values() for mark in d.marks]
    assert len(in_force) == len(set(in_force))


def test_what_the_expert_arranged_survives_everything(window: MainWindow, qtbot: QtBot) -> None:
    begin(window)
    for key in (Key.Key_Z, Key.Key_V, Key.Key_T, Key.Key_I, Key.Key_BracketRight):
        press(window, key)
    window.desk.reorder(np.arange(len(window.desk.state.queue.cases))[::-1].copy())
    order = window.desk.state.queue.cases.tolist()
    zoom = window.micrograph.surface.viewport.zoom
    kept = {k: v for k, v in window.micrograph.view_state().items() if k != "centre"}

    def same() -> None:
        qtbot.waitUntil(window.settled)
        now = {k: v for k, v in window.micrograph.view_state().items() if k != "centre"}
        assert now == kept
        assert window.micrograph.surface.viewport.zoom == zoom
        assert window.desk.state.queue.cases.tolist() == order

    rule(window, Key.Key_F)
    same()
    window.desk.try_params(ClusterParams(min_cluster_size=6, min_samples=4))
    same()
    press(window, Key.Key_Return, Mod.ControlModifier | Mod.ShiftModifier)
    qtbot.waitUntil(lambda: all(t is not None for t in window.desk.state.tables))
    same()
    case = window.desk.state.selected
    place = window.micrograph.view_state()["centre"]
    press(window, Key.Key_T, Mod.ControlModifier)
    press(window, Key.Key_Underscore, Mod.ControlModifier | Mod.ShiftModifier)
    same()
    assert window.desk.state.selected == case
    assert window.micrograph.view_state()["centre"] == pytest.approx(place, abs=2)
    press(window, Key.Key_PageDown)
    same()
    press(window, Key.Key_PageUp)
    same()


# Trouble


def test_a_disk_that_takes_nothing_is_told_and_forgotten_when_it_does(
    window: MainWindow, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(window)
    case = window.desk.state.selected

    def full(_self: SessionFile, _entries: object) -> None:
        raise K2CError("The disk is full.", file=copied)

    with monkeypatch.context() as patched:
        patched.setattr(SessionFile, "append", full)
        rule(window, Key.Key_F)
        assert window.desk.state.instances["status"][window.desk.row()] == PROPOSED
        assert window.desk.state.selected == case
        assert "disk is full" in window.bar.saved.accessibleDescription()
        press(window, Key.Key_Backspace)
    assert not on_disk(copied)
    rule(window, Key.Key_F)
    assert len(on_disk(copied)) == 1
    assert "disk is full" not in window.bar.saved.accessibleDescription()
    assert window.desk.state.selected != case


def test_read_only_decides_nothing_and_says_why(copied: Path, opened: Open) -> None:
    before = copied.read_bytes()
    window = opened(copied, read_only="Somebody writes this session.")
    begin(window)
    for key in (Key.Key_F, Key.Key_K, Key.Key_Backspace):
        rule(window, key)
    for button in window.decision.rulings:
        assert not button.isEnabled()
        assert "reading only" in button.toolTip()
    assert "Somebody" in window.bar.saved.text() or "Somebody" in window.bar.saved.toolTip()
    window.close()
    assert copied.read_bytes() == before


def test_a_lost_and_a_broken_image_leave_their_marks_to_be_ruled(
    copied: Path, opened: Open, qtbot: QtBot
) -> None:
    lost, broken = sorted((copied.parent / "images").iterdir())[:2]
    lost.unlink()
    broken.write_bytes(b"II*\0 no more than that")
    window = opened(copied)
    assert window.images_missing == 1
    begin(window)
    for place in range(2):
        window.desk.select_row(place, 0)
        qtbot.waitUntil(window.settled)
        assert window.micrograph.failure.isVisible()
        rule(window, Key.Key_F)
    decided = [e.decision.micrograph for e in rulings(window) if e.decision]
    assert decided == [evidence.name for evidence in window.desk.state.evidence]


# Arrangement, and leaving


def test_it_is_opened_where_it_was_left(copied: Path, opened: Open, qtbot: QtBot) -> None:
    window = opened(copied)
    window.desk.rank("undecided")
    press(window, Key.Key_PageDown)
    window.desk.select_row(1, 2)
    qtbot.waitUntil(window.settled)
    case = window.desk.state.selected
    window.micrograph.zoom(1.8)
    window.micrograph.surface.go_to(window.micrograph.surface.viewport.moved(31, -22))
    for key in (Key.Key_G, Key.Key_I):
        press(window, key)
    left = window.micrograph.view_state()
    window.close()
    window = opened(copied)
    assert window.desk.state.shown == 1
    assert window.desk.state.queue.facet == "undecided"
    assert window.desk.state.selected == case
    qtbot.waitUntil(window.settled)
    now = window.micrograph.view_state()
    assert now.pop("centre") == pytest.approx(left.pop("centre"), abs=0.5)
    assert now.pop("zoom") == pytest.approx(left.pop("zoom"))
    assert now == left


def test_its_card_is_kept_when_it_is_closed(window: MainWindow, copied: Path) -> None:
    begin(window)
    rule(window, Key.Key_F)
    window.preferences.remember(copied, window.session)
    window.close()
    (recent,) = window.preferences.recent
    assert recent.decided is not None
    assert 0 < recent.decided < 1
    assert Path(recent.thumbnail).is_file()


def test_image_only_and_back(window: MainWindow) -> None:
    docks = [name for name, dock in window.docks.items() if dock.isVisible()]
    assert docks
    press(window, Key.Key_F11)
    assert not any(dock.isVisible() for dock in window.docks.values())
    assert not window.bar.isVisible()
    press(window, Key.Key_F11)
    assert [name for name, dock in window.docks.items() if dock.isVisible()] == docks
    assert window.bar.isVisible()


def test_image_only_is_not_how_it_opens_the_next_time(copied: Path, opened: Open) -> None:
    window = opened(copied)
    docks = [name for name, dock in window.docks.items() if dock.isVisible()]
    press(window, Key.Key_F11)
    window.close()
    window = opened(copied)
    assert [name for name, dock in window.docks.items() if dock.isVisible()] == docks


def test_docks_are_remembered_with_their_preset(copied: Path, opened: Open) -> None:
    window = opened(copied)
    window.docks["strip"].hide()
    press(window, Key.Key_2, Mod.ControlModifier)
    assert window.docks["tune"].isVisible()
    press(window, Key.Key_1, Mod.ControlModifier)
    assert not window.docks["strip"].isVisible()
    window.close()
    window = opened(copied)
    assert not window.docks["strip"].isVisible()
    assert window.docks["queue"].isVisible()


def test_theme_and_text_size_are_kept(window: MainWindow) -> None:
    press(window, Key.Key_T, Mod.ControlModifier)
    press(window, Key.Key_Plus, Mod.ControlModifier | Mod.ShiftModifier)
    assert (look().theme, look().scale) == ("light", pytest.approx(1.1))
    assert window.preferences.theme == "light"
    assert window.preferences.font_scale == pytest.approx(1.1)


def test_copy_takes_the_case_in_words(window: MainWindow) -> None:
    begin(window)
    press(window, Key.Key_C, Mod.ControlModifier)
    copied = QApplication.clipboard().text()
    assert window.desk.state.evidence[window.desk.state.shown].name in copied
    assert f"{window.desk.state.instances['x'][window.desk.row()]:.1f}" in copied


def test_closing_while_it_works_neither_hangs_nor_warns(
    many: Path, opened: Open, qtbot: QtBot
) -> None:
    for wait in (0, 1, 5):
        window = opened(many, settle=False)
        window.desk.try_params(ClusterParams(min_cluster_size=5 + wait))
        window.desk.show(wait % 4)
        qtbot.wait(wait)
        window.close()
        window.deleteLater()
        qtbot.wait(1)
    Session(many, write=True).close()  # the right to write was given back


def test_windows_leave_nothing_behind(
    copied: Path, opened: Open, qapp: QApplication, qtbot: QtBot
) -> None:
    counts = []
    for _ in range(5):
        window = opened(copied)
        begin(window)
        window.close()
        window.deleteLater()
        del window
        qtbot.wait(20)
        gc.collect()
        counts.append(len(qapp.allWidgets()))
    assert len(set(counts[1:])) == 1, counts


def test_nothing_selected_decides_nothing(window: MainWindow) -> None:
    assert window.desk.state.selected == NO_MARK
    for button in window.decision.rulings:
        assert not button.isEnabled()
    press(window, Key.Key_F)
    assert not window.session.log
