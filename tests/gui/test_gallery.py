from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from k2c_gui.core.model import NO_LABEL, NO_MARK, STATUS
from k2c_gui.desk import Desk
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.gallery_grid import PAGE
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.main_window import MainWindow
from k2c_gui.gui.style import look
from k2c_gui.gui.views.gallery import View, agreement, clear

PROPOSED = STATUS.index("proposed")


@pytest.fixture
def view(qtbot: QtBot, desk: Desk, pictures: Pictures, actions: Actions) -> Iterator[View]:
    view = View(desk, pictures, actions)
    qtbot.addWidget(view)
    view.resize(900, 900)
    view.show()
    view.grid.setFocus()
    ready(view, qtbot)
    yield view
    view.thumbnails._worker.close()  # as the window does


def ready(view: View, qtbot: QtBot) -> None:
    """Wait for every crop of the page to be on the screen."""
    qtbot.waitUntil(
        lambda: view.settled() and all(c.image is not None for c in view.grid.cells), timeout=10_000
    )
    view.grab()


def names(view: View) -> list[str]:
    return [cell.name for cell in view.grid.cells]


def marks_on_page(view: View) -> list[tuple[int, int]]:
    start = view.page * PAGE
    return [tuple(case) for case in view._cases[start : start + PAGE].tolist()]


def proposals(desk: Desk, micrograph: int = 0) -> int:
    table = desk.state.tables[micrograph]
    assert table is not None
    return int((table["status"] == PROPOSED).sum())


def test_it_shows_the_clear_cases_of_a_label_and_most_agreement_first(
    view: View, desk: Desk
) -> None:
    table = desk.state.tables[0]
    assert table is not None
    wanted = table[clear(desk.state, table)]
    for label in desk.state.sources.labels:
        assert view.chips[label.value].count == int((wanted["label"] == label.value).sum())
    shares = [cell.agreement for cell in view.grid.cells]
    assert len(shares) == min(PAGE, int((wanted["label"] == 0).sum())) > 0
    assert shares == sorted(shares, reverse=True)
    mine = wanted[wanted["label"] == 0]
    assert shares[0] == agreement(mine).max()
    assert {mark for _, mark in marks_on_page(view)} <= set(mine["instance"].astype(int).tolist())


def test_nothing_in_doubt_is_clear(desk: Desk) -> None:
    for blind in (True, False):
        desk.set_blind(blind)
        for table in desk.state.tables:
            assert table is not None
            open_ = clear(desk.state, table)
            assert open_.any()
            assert not table["ambiguous"][open_].any()
            assert (table["label"][open_] != NO_LABEL).all()
            votes = np.sort(table["votes"][open_], axis=1)
            assert (votes[:, -1] > votes[:, -2]).all()


def test_a_page_is_accepted_but_for_its_exceptions_as_one_step(
    view: View, desk: Desk, qtbot: QtBot
) -> None:
    before = proposals(desk)
    page = marks_on_page(view)
    view.go(1, 0)
    view.except_()
    view.accept()
    ledger = desk.state.ledger
    assert len(ledger.in_force) == len(page) - 1
    assert all(d.source == "bulk" and d.label == 0 for d in ledger.in_force.values())
    assert page[1][1] not in {mark for d in ledger.in_force.values() for mark in d.marks}
    assert proposals(desk) == before - len(page) + 1
    desk.undo()
    assert not desk.state.ledger.in_force
    assert proposals(desk) == before


def test_accepted_crops_stay_where_they_are(view: View, desk: Desk) -> None:
    shown = names(view)
    view.accept()
    view.turn(-1)
    assert names(view) == shown
    assert all(cell.ruled for cell in view.grid.cells)
    assert len(view.to_accept()) == 0


def test_an_exception_is_one_no_more_by_the_same_key(view: View) -> None:
    n = len(view.to_accept())
    view.except_()
    assert view.grid.cells[0].excepted
    assert len(view.to_accept()) == n - 1
    assert f"Accept {n - 1} as" in view.take.text()
    assert view.said.text() == "1 exception stays open"
    view.except_()
    assert not view.grid.cells[0].excepted
    assert len(view.to_accept()) == n


def test_a_click_marks_the_crop(view: View, qtbot: QtBot) -> None:
    at = view.grid.box(2).center().toPoint()
    qtbot.mouseClick(view.grid, Qt.MouseButton.LeftButton, pos=at)
    assert view.current == 2
    assert view.grid.cells[2].excepted


def test_an_exception_dims_and_has_a_sign(view: View) -> None:
    def contrast(lower: float) -> float:
        """Spread of the grey values in the lower part of the first crop."""
        picture = view.grid.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
        grey = np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), -1)
        box = view.grid.box(0).toRect().adjusted(8, 8, -8, -8)
        top = box.bottom() - int(box.height() * lower)
        return float(np.ptp(grey[top : box.bottom(), box.left() : box.right()].astype(int)))

    bright = contrast(0.25)
    assert bright > 40
    view.except_()
    assert contrast(0.25) < 0.4 * bright  # it is dim
    assert contrast(1.0) > 200  # and has a white sign in the middle


def test_a_page_that_is_not_painted_cannot_be_accepted(
    desk: Desk, pictures: Pictures, actions: Actions, qtbot: QtBot
) -> None:
    view = View(desk, pictures, actions)
    qtbot.addWidget(view)
    view._rank()  # as when it is shown
    assert len(view.grid.cells)
    view.accept()
    assert not desk.state.ledger.in_force
    assert not view.take.isEnabled()


def test_crops_without_an_image_are_not_accepted(
    desk: Desk, actions: Actions, qtbot: QtBot, tmp_path: Path
) -> None:
    pictures = Pictures([str(tmp_path / "gone.tif") for _ in desk.state.evidence])
    view = View(desk, pictures, actions)
    qtbot.addWidget(view)
    view.resize(900, 900)
    view.show()
    qtbot.waitUntil(lambda: all(cell.trouble for cell in view.grid.cells), timeout=5000)
    view.grab()
    assert not view.take.isEnabled()
    view.accept()
    assert not desk.state.ledger.in_force
    view.thumbnails._worker.close()
    pictures.close()


def test_arrows_stay_on_the_page(view: View) -> None:
    view.go(-1, 0)
    view.go(0, -1)
    assert view.current == 0
    view.go(1, 0)
    view.go(0, 1)
    assert view.current == 7
    for _ in range(20):
        view.go(0, 1)
    assert view.current < len(view.grid.cells)


def test_labels_take_turns(view: View, qtbot: QtBot) -> None:
    full = [value for value, chip in view.chips.items() if chip.count]
    assert len(full) > 1
    view.next_label()
    assert view.label == full[1]
    assert all(cell.symbol.label == full[1] for cell in view.grid.cells)
    qtbot.mouseClick(view.chips[0], Qt.MouseButton.LeftButton)
    assert view.label == 0
    empty = [value for value, chip in view.chips.items() if not chip.count]
    for value in empty[:1]:
        view.choose(value)
        assert view.stack.currentIndex() == 1
        assert not view.take.isEnabled()


def test_the_whole_project_by_the_page(view: View, desk: Desk, qtbot: QtBot) -> None:
    here = view.chips[0].count
    assert here is not None
    view.set_everywhere(True)
    ready(view, qtbot)
    assert (view.chips[0].count or 0) > here
    shares = [cell.agreement for cell in view.grid.cells]
    assert shares == sorted(shares, reverse=True)
    assert {micrograph for micrograph, _ in marks_on_page(view)} == {0, 1}
    view.accept()
    assert {d.micrograph for d in desk.state.ledger.in_force.values()} == {
        evidence.name for evidence in desk.state.evidence
    }
    assert len({e.step for e in desk.session.log}) == 1


def test_undo_turns_to_the_page_that_it_brought_back(
    view: View, desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("k2c_gui.gui.views.gallery.PAGE", 6)
    view.set_everywhere(True)
    ready(view, qtbot)
    page = names(view)
    assert len(page) == 6
    assert view.pages() > 2
    view.accept()
    assert view.page == 1
    view.turn(1)
    desk.undo()
    ready(view, qtbot)
    assert view.page == 0
    assert names(view) == page
    assert not any(cell.ruled for cell in view.grid.cells)
    view.accept()
    assert len(desk.state.ledger.in_force) == len(page)


def test_what_is_accepted_is_sampled_for_audit(view: View, desk: Desk) -> None:
    assert view.audit.isHidden()
    view.accept()
    drawn = desk.members("audit")
    assert len(drawn) >= 1
    assert view.audit.text() == f"{len(drawn)} to audit"
    assert not view.audit.isHidden()
    desk.rank("audit")
    assert len(desk.state.queue.cases) == len(drawn)


# In the window


@pytest.fixture
def window(opened: Callable[..., MainWindow], copied: Path, qtbot: QtBot) -> MainWindow:
    window = opened(copied)
    window.desk.go(1)
    window.set_preset("Gallery")
    qtbot.waitUntil(window.settled, timeout=10_000)
    qtbot.waitUntil(window.gallery.take.isEnabled, timeout=10_000)
    window.gallery.grid.setFocus()
    return window


def test_it_takes_the_place_of_the_micrograph(window: MainWindow) -> None:
    assert window.gallery.isVisible()
    assert not window.micrograph.isVisible()
    assert not window.decision.isVisible()
    assert window.desk.state.selected == NO_MARK
    window.set_preset("Adjudicate")
    assert window.micrograph.isVisible()
    assert window.decision.isVisible()
    assert not window.gallery.isVisible()
    assert window.desk.state.selected != NO_MARK


def test_it_works_by_keys_alone(window: MainWindow, qtbot: QtBot) -> None:
    gallery, grid = window.gallery, window.gallery.grid
    n = len(grid.cells)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_X):
        qtbot.keyClick(grid, key)
    assert gallery.current == 7
    assert grid.cells[7].excepted
    grid.repaint()
    qtbot.keyClick(grid, Qt.Key.Key_Return)
    assert len(window.desk.state.ledger.in_force) == n - 1
    qtbot.keyClick(grid, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not window.desk.state.ledger.in_force


def test_keys_that_decide_do_nothing_here(window: MainWindow, qtbot: QtBot) -> None:
    for key in (Qt.Key.Key_F, Qt.Key.Key_J, Qt.Key.Key_K):
        qtbot.keyClick(window.gallery.grid, key)
    assert not window.desk.state.ledger.in_force


def test_a_crop_is_looked_at_on_its_micrograph(window: MainWindow, qtbot: QtBot) -> None:
    grid = window.gallery.grid
    qtbot.keyClick(grid, Qt.Key.Key_Right)
    case = window.gallery._cases[1]
    qtbot.keyClick(grid, Qt.Key.Key_Z)
    assert window.preset == "Adjudicate"
    assert window.desk.state.selected == int(case["mark"])
    assert window.desk.state.shown == int(case["micrograph"])


def test_audit_goes_to_its_queue(window: MainWindow, qtbot: QtBot) -> None:
    window.gallery.grid.repaint()
    window.gallery.accept()
    qtbot.mouseClick(window.gallery.audit, Qt.MouseButton.LeftButton)
    assert window.preset == "Adjudicate"
    assert window.desk.state.queue.facet == "audit"
    assert window.desk.place() == 0


def test_a_session_that_is_read_only_accepts_nothing(
    opened: Callable[..., MainWindow], copied: Path, qtbot: QtBot
) -> None:
    window = opened(copied, read_only="Written elsewhere")
    window.set_preset("Gallery")
    qtbot.waitUntil(lambda: window.settled() and bool(window.gallery.grid.cells), timeout=10_000)
    window.gallery.grid.repaint()
    assert not window.gallery.take.isEnabled()
    assert not window.actions_.actions["gallery-accept"].isEnabled()


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("scale", [0.9, 1.6])
def test_it_fits_at_every_scale(view: View, theme: str, scale: float, qtbot: QtBot) -> None:
    look().apply(theme, scale)  # type: ignore[arg-type]  # one of the two
    view.resize(1000, 900)
    qtbot.wait(1)
    last = view.grid.box(PAGE - 1)
    assert last.bottom() < view.grid.height()
    assert last.right() <= view.grid.width()
    view.grab()
