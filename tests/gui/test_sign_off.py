from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from k2c_gui.core.model import NO_LABEL, STATUS
from k2c_gui.desk import Desk, withheld
from k2c_gui.gui.controls import Text
from k2c_gui.gui.main_window import MainWindow
from k2c_gui.gui.style import look
from k2c_gui.gui.views.dialogs.sign_off import SignOff, read

PROPOSED = STATUS.index("proposed")


@pytest.fixture(scope="session")
def project(demo_project: Path) -> Path:
    """One of its instances is a tie."""
    return demo_project


def tied(desk: Desk) -> list[int]:
    """Rows of the shown micrograph that block: proposals without a label."""
    table = desk.state.instances
    blocks = (table["status"] == PROPOSED) & (table["label"] == NO_LABEL)
    return np.flatnonzero(blocks).tolist()


def make_tie(desk: Desk) -> None:
    """Go to a micrograph that has a tie."""
    for micrograph in range(len(desk.state.evidence)):
        desk.show(micrograph)
        if tied(desk):
            return
    pytest.fail("the demo has no tie")


def settle_ties(desk: Desk) -> None:
    for row in tied(desk):
        desk.select_row(desk.state.shown, row)
        desk.painted()
        assert desk.rule("defer")


def words(sheet: SignOff) -> str:
    return "\n".join(text.text() for text in sheet.findChildren(Text))


@pytest.fixture
def sheet(desk: Desk, qtbot: QtBot) -> Callable[[], SignOff]:
    def open_() -> SignOff:
        made = SignOff(desk, None)
        made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(made)
        made.show()
        return made

    return open_


def test_a_tie_blocks_and_has_a_way_to_it(
    desk: Desk, sheet: Callable[[], SignOff], qtbot: QtBot
) -> None:
    make_tie(desk)
    blocking = len(tied(desk))
    made = sheet()
    assert made.open_.blocking
    assert sum(made.open_.open[name] for name in made.open_.blocking) == blocking
    assert not made.agree.isEnabled()
    assert f"{blocking} must be decided first" in words(made)
    name = made.open_.blocking[0]
    with qtbot.waitSignal(made.go) as gone:
        qtbot.mouseClick(made.buttons[name], Qt.MouseButton.LeftButton)
    assert gone.args == [name]
    assert not made.isVisible()


def test_enter_never_signs_off_what_is_blocked(
    desk: Desk, sheet: Callable[[], SignOff], qtbot: QtBot
) -> None:
    make_tie(desk)
    made = sheet()
    agreed: list[bool] = []
    made.agreed.connect(lambda: agreed.append(True))
    qtbot.keyClick(made, Qt.Key.Key_Return)
    assert not agreed


def test_it_says_what_will_be_accepted(desk: Desk, sheet: Callable[[], SignOff]) -> None:
    make_tie(desk)
    settle_ties(desk)
    desk.set_blind(False)
    table = desk.state.tables[desk.state.shown]
    assert table is not None
    proposed = table[table["status"] == PROPOSED]
    made = sheet()
    for value, n in zip(*np.unique(proposed["label"], return_counts=True), strict=True):
        assert made.open_.accepts[int(value)] == n
    assert made.open_.accepted == len(proposed)
    assert made.open_.stands == len(table) - len(proposed)
    assert made.agree.isEnabled()
    assert made.agree.text() == f"Sign off, accept {len(proposed)}"
    assert f"{made.open_.stands} decided already stay as they are." in words(made)


def test_labels_that_are_withheld_are_in_no_count(desk: Desk, sheet: Callable[[], SignOff]) -> None:
    make_tie(desk)
    settle_ties(desk)
    assert desk.state.blind
    table = desk.state.instances
    closed = withheld(desk.state, table)
    assert closed.any()
    told = table[(table["status"] == PROPOSED) & ~closed]
    made = sheet()
    assert made.open_.hidden == closed.sum()
    assert sum(made.open_.accepts.values()) == len(told)
    assert "ambiguous, each as its majority has it" in words(made)


def test_what_is_open_is_counted_once(desk: Desk) -> None:
    """The tied are not among the ambiguous ones, too."""
    make_tie(desk)
    found = read(desk)
    assert found is not None
    table = desk.state.instances
    open_ = (table["status"] == PROPOSED) & table["ambiguous"]
    parts = ("tie", "no votes", "ambiguous")
    assert sum(found.open.get(name, 0) for name in parts) == open_.sum()


def test_the_setting_that_is_tried_is_not_the_one_that_counts(
    desk: Desk, sheet: Callable[[], SignOff]
) -> None:
    desk.try_params(replace(desk.state.params, min_cluster_size=9))
    assert "Counted under the applied setting" in words(sheet())


def test_a_micrograph_that_is_not_grouped_yet_has_nothing_to_tell(desk: Desk) -> None:
    other = Desk(desk.session)
    assert read(other) is None


# In the window


@pytest.fixture
def window(opened: Callable[..., MainWindow], copied: Path, qtbot: QtBot) -> MainWindow:
    window = opened(copied)
    make_tie(window.desk)
    qtbot.waitUntil(window.settled, timeout=10_000)
    return window


def opened_sheet(window: MainWindow) -> SignOff:
    window.actions_.trigger("sign-off")
    (sheet,) = (s for s in window.findChildren(SignOff) if s.isVisible())
    return sheet


def test_the_key_opens_the_sheet_and_return_signs_off(window: MainWindow, qtbot: QtBot) -> None:
    desk = window.desk
    settle_ties(desk)
    log = len(desk.session.log)
    qtbot.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    (sheet,) = window.findChildren(SignOff)
    assert desk.state.name not in desk.state.ledger.signed_off
    accepted = sheet.open_.accepted
    qtbot.keyClick(sheet.agree, Qt.Key.Key_Return)
    assert desk.state.name in desk.state.ledger.signed_off
    new = desk.session.log[log:]
    assert len({entry.step for entry in new}) == 1
    assert sum(entry.decision is not None for entry in new) == accepted
    assert window.bar.sign_off.text().startswith("Signed off")
    assert not window.bar.sign_off.isEnabled()
    desk.undo()
    assert desk.state.name not in desk.state.ledger.signed_off
    assert window.bar.sign_off.text().startswith("Sign off")


def test_decide_these_goes_to_the_first_of_them(window: MainWindow, qtbot: QtBot) -> None:
    window.set_preset("Tune")
    row = tied(window.desk)
    sheet = opened_sheet(window)
    name = sheet.open_.blocking[0]
    qtbot.mouseClick(sheet.buttons[name], Qt.MouseButton.LeftButton)
    desk = window.desk
    assert window.preset == "Adjudicate"
    assert desk.state.queue.facet == name
    assert desk.row() in row


def test_a_decision_reopens_it_visibly(window: MainWindow, qtbot: QtBot) -> None:
    desk = window.desk
    settle_ties(desk)
    qtbot.mouseClick(opened_sheet(window).agree, Qt.MouseButton.LeftButton)
    assert window.bar.sign_off.text().startswith("Signed off")
    place = desk.state.shown
    desk.select_row(place, 0)
    desk.painted()
    assert desk.rule("label", 2)
    desk.show(place)
    assert window.bar.sign_off.text().startswith("Reopened")
    assert "reopened this micrograph" in window.bar.sign_off.toolTip()
    assert window.bar.sign_off.isEnabled()
    desk.undo()
    assert window.bar.sign_off.text().startswith("Signed off")
    desk.undo()
    assert window.bar.sign_off.text().startswith("Sign off")


def test_what_is_new_since_is_counted_and_can_be_signed_off(
    window: MainWindow, qtbot: QtBot
) -> None:
    desk, place = window.desk, window.desk.state.shown

    def apply(size: int) -> None:
        desk.try_params(replace(desk.state.params, min_cluster_size=size, min_samples=size))
        qtbot.waitUntil(window.settled, timeout=10_000)
        desk.apply()
        qtbot.waitUntil(lambda: all(t is not None for t in desk.state.tables), timeout=10_000)

    apply(17)
    settle_ties(desk)
    desk.show(place)
    qtbot.mouseClick(opened_sheet(window).agree, Qt.MouseButton.LeftButton)
    assert desk.state.name in desk.state.ledger.signed_off
    apply(4)
    table = desk.state.tables[place]
    assert table is not None
    new = int((table["status"] == PROPOSED).sum())
    assert new > 0
    assert window.bar.sign_off.text() == f"Signed off   {new} new since"
    assert window.bar.sign_off.isEnabled()


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("scale", [0.9, 1.6])
def test_it_lies_inside_the_window(
    window: MainWindow, theme: str, scale: float, qtbot: QtBot
) -> None:
    look().apply(theme, scale)  # type: ignore[arg-type]  # one of the two
    QApplication.processEvents()
    sheet = opened_sheet(window)
    right = window.mapToGlobal(window.rect().bottomRight()).x()
    assert sheet.geometry().right() <= right
    sheet.close()
