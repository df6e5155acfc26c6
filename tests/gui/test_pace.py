from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from k2c_gui.core import pace
from k2c_gui.core.kappa import Kappa, kappa
from k2c_gui.core.model import STATUS
from k2c_gui.core.pace import Due
from k2c_gui.desk import Desk
from k2c_gui.gui.controls import Text
from k2c_gui.gui.main_window import MainWindow
from k2c_gui.gui.style import look
from k2c_gui.gui.views.dialogs.pace import Pace, in_words, measure


@pytest.fixture
def page(desk: Desk, qtbot: QtBot) -> Callable[[], Pace]:
    def open_() -> Pace:
        made = Pace(desk, None)
        made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(made)
        made.show()
        qtbot.waitUntil(made.settled, timeout=5000)
        QApplication.processEvents()  # what was added is shown in the next turn
        return made

    return open_


def words(page: Pace) -> str:
    return "\n".join(text.text() for text in page.findChildren(Text))


def rule(desk: Desk, n: int, label: int = 0) -> None:
    if desk.row() < 0:
        desk.go(1)
    for _ in range(n):
        desk.painted()
        time.sleep(0.003)  # times are stored in ms, and no time is no pace
        assert desk.rule("label", label)


def compared(first: list[int], second: list[int], micrograph: list[int]) -> Kappa:
    return kappa(np.array(first), np.array(second), np.array(micrograph), 6)


def test_before_the_first_case_there_are_dashes(page: Callable[[], Pace]) -> None:
    made = page()
    assert made.lines == [("All cases ruled one by one", "0", "–", "–", "0")]
    assert "No case has come back yet." in words(made)
    assert made.decide.isHidden()


def test_rows_say_what_the_log_says(desk: Desk, page: Callable[[], Pace]) -> None:
    rule(desk, 3)
    rule(desk, 1, label=1)
    desk.undo()
    made = page()
    lines = {line[0]: line[1:] for line in made.lines}
    for row in pace.table(desk.session.log, desk.state.sources.labels):
        name = "All cases ruled one by one" if row.by == "all" else row.what
        assert lines[name][0] == f"{row.cases:,}"
    assert lines["All cases ruled one by one"][0] == "4"
    assert lines["All cases ruled one by one"][3] == "1, 25 %"
    assert lines["0 Nanoparticle"][0] == "3"
    assert lines["Some Expert"][0] == "4"
    assert lines["All cases ruled one by one"][1].endswith(" / h")
    assert lines["All cases ruled one by one"][2].endswith(" s")


def test_kappa_comes_with_its_interval_or_says_why_not() -> None:
    found = compared([0, 0, 1, 1, 2, 0], [0, 0, 1, 1, 2, 1], [0, 0, 0, 1, 1, 1])
    first, second = in_words(found)
    assert first == "6 cases were ruled twice, 5 alike: 83 %."
    assert f"{found.kappa:.2f}" in second
    assert f"{found.low:.2f} to {found.high:.2f}" in second
    assert in_words(compared([0], [0], [0])) == (
        "1 case was ruled twice, 1 alike: 100 %.",
        "No kappa: every ruling was the same.",
    )
    one = compared([0, 1], [0, 1], [0, 0])
    assert "an interval needs two micrographs" in in_words(one)[1]
    below = compared([0, 1, 0, 1], [1, 0, 1, 0], [0, 0, 1, 1])
    assert "kappa \u22121.00" in in_words(below)[1]


def test_figures_are_those_of_the_core(desk: Desk) -> None:
    rule(desk, 2)
    log, labels = desk.session.log, desk.state.sources.labels
    in_force = desk.session.state.ledger.in_force
    found = measure(log, labels, in_force, "Some Expert")
    assert found.rows == pace.table(log, labels)
    assert found.due == len(pace.due(log, in_force).get("Some Expert", ()))


# In the window


@pytest.fixture
def window(opened: Callable[..., MainWindow], copied: Path, qtbot: QtBot) -> MainWindow:
    window = opened(copied)
    desk = window.desk
    desk._due = Due(share=1.0, after=2, between=0)  # type: ignore[attr-defined]
    desk.rank("undecided")
    desk.go(1)
    return window


def press(window: MainWindow, key: Qt.Key, qtbot: QtBot) -> None:
    window.micrograph.surface.repaint()
    qtbot.keyClick(window.micrograph.surface, key)


def until_again(window: MainWindow, qtbot: QtBot) -> str:
    for _ in range(6):
        press(window, Qt.Key.Key_J, qtbot)
        if window.desk.state.again:
            return window.desk.state.again
    pytest.fail("nothing came back")


def test_a_case_that_comes_back_looks_like_any_blind_one(window: MainWindow, qtbot: QtBot) -> None:
    uid = until_again(window, qtbot)
    desk, case = window.desk, window.case
    assert STATUS[int(desk.state.instances["status"][desk.row()])] == "proposed"
    assert "hidden" in case.margin.text()
    assert case.heading.place.startswith("case ")
    press(window, Qt.Key.Key_S, qtbot)
    assert desk.session.state.ledger.in_force[uid].label == 1
    ((first, second),) = pace.repeats(desk.session.log)
    assert (first.label, second.label) == (1, 3)


def test_the_key_opens_the_page_with_the_repeats(window: MainWindow, qtbot: QtBot) -> None:
    until_again(window, qtbot)
    press(window, Qt.Key.Key_J, qtbot)
    qtbot.keyClick(window, Qt.Key.Key_F9)
    (made,) = window.findChildren(Pace)
    qtbot.waitUntil(made.settled, timeout=5000)
    assert "1 case was ruled twice, 1 alike: 100 %." in words(made)
    assert any(line[0] == "blind" and line[1] == "1" for line in made.lines)
    made.accept()


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("scale", [0.9, 1.6])
def test_it_is_drawn_at_every_scale(
    desk: Desk, page: Callable[[], Pace], theme: str, scale: float
) -> None:
    look().apply(theme, scale)  # type: ignore[arg-type]  # one of the two
    rule(desk, 2)
    made = page()
    cells = [text for text in made.findChildren(Text) if text.isVisible() and not text.wordWrap()]
    assert len(cells) > 12
    assert all(text.width() >= text.sizeHint().width() for text in cells)
