from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from k2c_gui.core.model import NO_LABEL, NO_MARK, STATUS
from k2c_gui.desk import Desk
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.style import look
from k2c_gui.gui.symbols import label_colour
from k2c_gui.gui.views.case import View
from k2c_gui.gui.votes import HIDDEN

NAMES = ("Nanoparticle", "Cluster", "Artifact", "Nothing")


@pytest.fixture
def view(qtbot: QtBot, desk: Desk, pictures: Pictures, actions: Actions) -> View:
    view = View(desk, pictures, actions)
    qtbot.addWidget(view)
    view.resize(372, 900)
    view.show()
    desk.go(1)
    qtbot.waitUntil(lambda: pictures.get(desk.state.shown) is not None, timeout=5000)
    return view


def rule(desk: Desk, label: int = 0, note: str = "") -> None:
    desk.painted()
    assert desk.rule("label", label, note=note)


def label_colours_in(picture: QImage) -> set[int]:
    """Labels whose colour is somewhere in a picture."""
    picture = picture.convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(picture.constBits(), np.uint32).reshape(picture.height(), -1)
    seen = set(np.unique(pixels & 0xFFFFFF).tolist())
    return {label for label in range(4) if label_colour(label).rgb() & 0xFFFFFF in seen}


def hued(picture: QImage) -> bool:
    """Whether anything in a picture is not grey."""
    picture = picture.convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(picture.constBits(), np.uint8).reshape(-1, 4)[:, :3].astype(int)
    return bool((pixels.max(axis=1) - pixels.min(axis=1)).max() > 24)


def every_word(view: View) -> str:
    """What is written anywhere in the dock, tooltips and spoken names included."""
    widgets = [view, *view.findChildren(QWidget)]
    said = [text for w in widgets for text in (w.toolTip(), w.accessibleName())]
    said += [w.text() for w in widgets if hasattr(w, "text")]
    return "\n".join([*said, view.details()])


def test_an_open_case_shows_what_the_table_says(view: View, desk: Desk) -> None:
    desk.set_blind(False)
    one = desk.state.instances[desk.row()]
    counts = ", ".join(
        f"{n} {label.name}"
        for n, label in zip(one["votes"], desk.state.sources.labels, strict=True)
    )
    assert view.bars.words() == counts
    assert view.cast.text() == f"{one['votes'].sum()} votes, {one['n_volunteers']} volunteers"
    facts = {name: value for name, value, _ in view.facts.cells}
    assert facts["Marks / looks"] == f"{one['n_marks']} / {one['exposure']}"
    assert facts["Support"] == f"{100 * one['support']:.0f} %"
    assert view.heading.place == f"case 1 of {len(desk.state.queue.cases)}"


def test_neighbours_are_the_nearest_two(view: View, desk: Desk) -> None:
    table, row = desk.state.instances, desk.row()
    away = np.hypot(table["x"] - table["x"][row], table["y"] - table["y"][row])
    first, second = sorted(away.tolist())[1:3]
    facts = {name: (value, nm) for name, value, nm in view.facts.cells}
    scale = desk.state.sources.micrographs[desk.state.shown].pixel_size_nm
    assert facts["Nearest"][0] == f"{first:.1f} px"
    assert facts["Second nearest"][0] == f"{second:.1f} px"
    assert facts["Nearest"][1] == ("" if scale is None else f"{first * scale:.2f} nm")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_hidden_case_shows_no_label_anywhere(view: View, desk: Desk, theme: str) -> None:
    look().apply("dark" if theme == "dark" else "light")
    assert view.bars.words() == HIDDEN
    assert not label_colours_in(view.grab().toImage())
    words = every_word(view)
    assert not [name for name in NAMES if name in words]
    assert "Margin" not in words

    assert not hued(view.pair.grab().toImage())
    assert not hued(view.similar.grab().toImage())
    assert not hued(view.cells.grab().toImage())

    height = view.bars.height()
    desk.set_blind(False)
    assert hued(view.pair.grab().toImage())
    assert hued(view.similar.grab().toImage())
    assert label_colours_in(view.grab().toImage())
    assert view.bars.height() == height


def test_a_hidden_tie_is_not_called_a_tie(view: View, desk: Desk) -> None:
    table, row = desk.state.instances.copy(), desk.row()
    table["label"][row], table["margin"][row] = NO_LABEL, 0.0
    desk.state = replace(desk.state, instances=table)
    desk.set_blind(False)
    desk.set_blind(True)
    assert view.heading.state == "Ambiguous"
    desk.set_blind(False)
    assert view.heading.state == "Tie"


def test_votes_show_once_the_case_is_ruled(view: View, desk: Desk) -> None:
    rule(desk, 1)
    assert view.bars.words() == HIDDEN  # the next one
    desk.go(-1)
    assert view.bars.words() != HIDDEN
    assert view.heading.state == "Decided: Cluster"


def test_history_tells_rulings_and_their_undoing(view: View, desk: Desk) -> None:
    rule(desk, 1, note="Two lobes")
    desk.undo()
    assert [words for _, words in view.history.rows] == [
        "Undone, Some Expert",
        "Decided, Some Expert: Two lobes",  # hidden again, and so is the label
    ]
    desk.redo()
    assert [words for _, words in view.history.rows] == [
        "Redone, Some Expert",
        "Undone, Some Expert",
        "Decided: Cluster, Some Expert: Two lobes",
    ]
    desk.go(1)
    assert view.history.rows == []


def test_the_note_gives_the_keys_back(
    qtbot: QtBot, view: View, desk: Desk, actions: Actions
) -> None:
    window = QWidget()
    column = QVBoxLayout(window)
    before = QLineEdit()
    column.addWidget(before)
    column.addWidget(view)
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    before.setFocus()
    for end in (Qt.Key.Key_Return, Qt.Key.Key_Escape):
        view.focus_note()
        assert view.note_field.hasFocus()
        qtbot.keyClicks(view.note_field, "two f")
        qtbot.keyClick(view.note_field, end)
        assert before.hasFocus()
    assert view.note() == "two ftwo f"
    view.setParent(None)


def test_a_note_stays_with_its_case(qtbot: QtBot, view: View, desk: Desk) -> None:
    view.note_field.setText("a shadow")
    desk.go(1)
    assert view.note() == ""
    desk.go(-1)
    assert view.note() == "a shadow"
    rule(desk, 0, note=view.note())
    view.clear_note()
    assert view.note() == ""
    desk.go(-1)
    assert view.note() == ""
    assert view.history.rows[0][1].endswith(": a shadow")


def test_similar_ones_are_undecided_and_a_click_selects(
    qtbot: QtBot, view: View, desk: Desk
) -> None:
    alike = view.similar._alike
    own = desk.state.selected
    assert 0 < len(alike) <= 6
    assert own not in [one.mark for one in alike]
    assert [one.distance for one in alike] == sorted(one.distance for one in alike)
    place = view.similar.box(1).center().toPoint()
    qtbot.mouseClick(view.similar, Qt.MouseButton.LeftButton, pos=place)
    assert desk.state.selected == alike[1].mark
    row = desk.state.instances[desk.row()]
    assert row["status"] == STATUS.index("proposed")


def test_nothing_selected_keeps_the_headings(view: View, desk: Desk) -> None:
    desk.select(NO_MARK)
    assert view.heading.title == "Instance –"
    assert {value for _, value, _ in view.facts.cells} == {"–"}
    assert not view.note_field.isEnabled()
    assert view.details() == ""
    assert not view.grab().isNull()


def test_without_its_image_the_case_is_still_told(
    qtbot: QtBot, desk: Desk, actions: Actions
) -> None:
    pictures = Pictures(["nowhere.tif" for _ in desk.state.evidence])
    view = View(desk, pictures, actions)
    qtbot.addWidget(view)
    view.resize(372, 900)
    view.show()
    desk.set_blind(False)
    desk.go(1)
    qtbot.waitUntil(lambda: bool(pictures.error(desk.state.shown)), timeout=5000)
    assert hued(view.pair.grab().toImage())  # the marks
    assert view.similar._alike == []
    pictures.close()


def test_the_wheel_zooms_the_crops_and_the_next_case_keeps_it(
    qtbot: QtBot, view: View, desk: Desk
) -> None:
    from PySide6.QtCore import QPoint, QPointF
    from PySide6.QtGui import QWheelEvent
    from PySide6.QtWidgets import QApplication

    before, picture = view.pair.half, view.pair.grab().toImage()
    event = QWheelEvent(
        QPointF(50, 50),
        QPointF(50, 50),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view.pair, event)
    assert view.pair.half < before
    assert view.pair.grab().toImage() != picture
    half = view.pair.half
    desk.go(1)
    assert view.pair.half == half


def test_a_copy_of_the_details_names_what_may_be_told(view: View, desk: Desk) -> None:
    assert HIDDEN.lower() in view.details()
    desk.set_blind(False)
    words = view.details()
    one = desk.state.instances[desk.row()]
    assert str(one["instance"]) in words
    assert f"{one['votes'][0]} Nanoparticle" in words
    assert desk.state.evidence[desk.state.shown].name in words
