from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from k2c_gui.core import review
from k2c_gui.core.model import STATUS
from k2c_gui.core.queue import COME_BACK, FACETS, NAMED, TO_CHECK
from k2c_gui.desk import Desk
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.queue_table import Columns
from k2c_gui.gui.style import look
from k2c_gui.gui.symbols import label_colour
from k2c_gui.gui.views.queue import View
from k2c_gui.session import Session


@pytest.fixture
def view(qtbot: QtBot, desk: Desk, pictures: Pictures, actions: Actions) -> View:
    view = View(desk, pictures, actions)
    qtbot.addWidget(view)
    view.resize(316, 700)
    view.show()
    desk.go(1)
    return view


def rule(desk: Desk, label: int = 0) -> None:
    desk.painted()
    assert desk.rule("label", label)


def click_head(qtbot: QtBot, view: View, column: str) -> None:
    box, _ = Columns(view.head.width()).named()[column]
    qtbot.mouseClick(view.head, Qt.MouseButton.LeftButton, pos=box.center().toPoint())


def supports(desk: Desk) -> list[float]:
    """Support of the cases of the first micrograph of the queue, in its order."""
    state = desk.state
    first = state.queue.cases["micrograph"][0]
    table = state.tables[first]
    assert table is not None
    of = dict(zip(table["instance"].tolist(), table["support"].tolist(), strict=True))
    own = state.queue.cases[state.queue.cases["micrograph"] == first]
    return [of[str(mark)] for mark in own["mark"].tolist()]


def label_colours_in(picture: QImage) -> set[int]:
    """Labels whose colour is somewhere in a picture."""
    picture = picture.convertToFormat(QImage.Format.Format_RGB32)
    seen = {picture.pixel(x, y) for x in range(picture.width()) for y in range(picture.height())}
    return {label for label in range(4) if label_colour(label).rgb() in seen}


def row_picture(view: View, case: int) -> QImage:
    box: QRect = view.table.row_box(case).toRect()
    return view.table.viewport().grab(box).toImage()


def test_facets_count_every_micrograph_in_a_fixed_order(view: View, desk: Desk) -> None:
    assert tuple(view.facets) == (*FACETS, TO_CHECK, *COME_BACK, *NAMED)
    tables = [table for table in desk.state.tables if table is not None]
    every = np.concatenate(tables)
    proposed = every["status"] == STATUS.index("proposed")
    assert view.facets["all"].count == len(every)
    assert view.facets["ambiguous"].count == (every["ambiguous"] & proposed).sum() > 1
    assert view.facets["deferred"].count == 0
    assert view.facets["ambiguous"].isChecked()

    rule(desk)
    desk.painted()
    desk.rule("defer")
    assert view.facets["decided"].count == 1
    assert view.facets["deferred"].count == 1
    assert view.facets["ambiguous"].count == (every["ambiguous"] & proposed).sum() - 2


def test_choosing_a_facet_ranks_it(qtbot: QtBot, view: View, desk: Desk) -> None:
    qtbot.mouseClick(view.facets["undecided"], Qt.MouseButton.LeftButton)
    assert desk.state.queue.facet == "undecided"
    assert len(desk.state.queue.cases) == view.facets["undecided"].count
    assert view.facets["undecided"].isChecked()
    assert not view.facets["ambiguous"].isChecked()


def test_ruling_moves_no_row_and_counts(view: View, desk: Desk) -> None:
    before = desk.state.queue
    where = view.table.row_box(0)
    rule(desk)
    assert desk.state.queue is before
    assert view.table.row_box(0) == where
    assert view.table.current() == 1
    assert f"1 of {len(before.cases)} ambiguous ruled" in view.progress.words()


def test_a_click_on_a_row_selects_its_case(qtbot: QtBot, view: View, desk: Desk) -> None:
    last = len(desk.state.queue.cases) - 1
    place = view.table.row_box(last).center().toPoint()
    qtbot.mouseClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert desk.place() == last
    assert view.table.current() == last
    assert desk.state.shown == desk.state.queue.cases["micrograph"][last]


def test_a_click_on_a_section_selects_nothing(qtbot: QtBot, view: View, desk: Desk) -> None:
    before = desk.state.selected
    qtbot.mouseClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(60, 8))
    assert desk.state.selected == before


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_blind_rows_show_no_label(view: View, desk: Desk, theme: str) -> None:
    look().apply("dark" if theme == "dark" else "light")
    assert not label_colours_in(row_picture(view, 0))
    words = view.table.words(0)
    assert not any(label.name in words for label in desk.state.sources.labels)

    desk.set_blind(False)
    assert label_colours_in(row_picture(view, 0))
    assert any(label.name in view.table.words(0) for label in desk.state.sources.labels)


def test_a_blind_row_opens_once_it_is_ruled(view: View, desk: Desk) -> None:
    rule(desk, label=1)
    assert 1 in label_colours_in(row_picture(view, 0))
    assert not label_colours_in(row_picture(view, 1))


def test_sorting_freezes_an_order_that_only_a_click_turns(
    qtbot: QtBot, view: View, desk: Desk
) -> None:
    selected = desk.state.selected
    click_head(qtbot, view, "support")
    assert supports(desk) == sorted(supports(desk), reverse=True)
    assert desk.state.selected == selected
    assert view.table.current() == desk.place()
    frozen = desk.state.queue.cases.copy()
    rule(desk)
    assert (desk.state.queue.cases == frozen).all()
    click_head(qtbot, view, "support")
    assert desk.state.queue.cases["mark"].tolist() != frozen["mark"].tolist()
    click_head(qtbot, view, "support")
    assert desk.state.queue.cases["mark"].tolist() == frozen["mark"].tolist()


def test_sorting_keeps_the_sections(qtbot: QtBot, view: View, desk: Desk) -> None:
    qtbot.mouseClick(view.facets["all"], Qt.MouseButton.LeftButton)
    before = desk.state.queue.cases["micrograph"].tolist()
    click_head(qtbot, view, "instance")
    assert desk.state.queue.cases["micrograph"].tolist() == before
    click_head(qtbot, view, "margin")
    assert desk.state.queue.cases["micrograph"].tolist() == before


def test_sorting_by_votes_tells_nothing_of_hidden_cases(
    qtbot: QtBot, view: View, desk: Desk
) -> None:
    before = desk.state.queue.cases["mark"].tolist()
    click_head(qtbot, view, "votes")
    assert desk.state.queue.cases["mark"].tolist() == before


def test_the_current_row_is_scrolled_to_only_when_out_of_sight(
    qtbot: QtBot, view: View, desk: Desk
) -> None:
    qtbot.mouseClick(view.facets["all"], Qt.MouseButton.LeftButton)
    view.resize(316, 420)
    cases = desk.state.queue.cases
    bar = view.table.verticalScrollBar()
    desk.select(int(cases["mark"][0]), int(cases["micrograph"][0]))
    start = bar.value()
    desk.go(1)
    assert bar.value() == start
    desk.select(int(cases["mark"][-1]), int(cases["micrograph"][-1]))
    box = view.table.row_box(len(cases) - 1)
    assert 0 <= box.top() <= box.bottom() <= view.table.viewport().height() + 1
    assert bar.value() > start


def test_only_the_rank_action_ranks_again(
    qtbot: QtBot, view: View, desk: Desk, actions: Actions
) -> None:
    actions.on("rank", lambda: desk.rank(desk.state.queue.facet))
    total = len(desk.state.queue.cases)
    rule(desk)
    assert len(desk.state.queue.cases) == total
    qtbot.mouseClick(view.frozen, Qt.MouseButton.LeftButton)
    assert len(desk.state.queue.cases) == total - 1
    assert "Order frozen" in view.frozen.text()


def test_an_empty_facet_says_so_and_leads_on(qtbot: QtBot, view: View, desk: Desk) -> None:
    assert view.facets["deferred"].count == 0
    qtbot.mouseClick(view.facets["deferred"], Qt.MouseButton.LeftButton)
    assert view.empty.isVisible()
    assert view.empty.words.text() == "Nothing deferred here."
    count = view.facets["ambiguous"].count
    assert view.empty.button.text() == f"Show {count} ambiguous"
    qtbot.mouseClick(view.empty.button, Qt.MouseButton.LeftButton)
    assert len(desk.state.queue.cases) == count
    assert view.table.isVisible()


def test_while_micrographs_are_grouped_the_queue_says_how_far(
    qtbot: QtBot, session: Session, pictures: Pictures, actions: Actions
) -> None:
    desk = Desk(session)
    view = View(desk, pictures, actions)
    qtbot.addWidget(view)
    view.show()
    assert view.empty.words.text() == "Grouping: 0 of 2 micrographs."
    assert not view.empty.button.isVisible()


def test_undo_brings_the_row_back_as_it_was(view: View, desk: Desk) -> None:
    rule(desk)
    desk.undo()
    assert view.table.current() == 0
    assert "0 of" in view.progress.words()
    assert not label_colours_in(row_picture(view, 0))


def test_cases_that_come_later_are_offered_and_not_slipped_in(
    qtbot: QtBot, session: Session, pictures: Pictures, actions: Actions
) -> None:
    desk = Desk(session)
    view = View(desk, pictures, actions)
    qtbot.addWidget(view)
    view.show()
    for evidence in desk.state.evidence:
        desk.offer(review.group(evidence, desk.state.params))
    assert len(desk.state.queue.cases) == 0
    assert view.empty.words.text() == "Cases have come since the order was frozen."
    qtbot.mouseClick(view.empty.button, Qt.MouseButton.LeftButton)
    assert len(desk.state.queue.cases) == view.facets["ambiguous"].count > 0
