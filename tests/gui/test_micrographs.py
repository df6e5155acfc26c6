"""What a person sees and does in the list of micrographs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from k2c_gui.desk import Desk
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.jobs import Picture, Pictures
from k2c_gui.gui.style import look
from k2c_gui.gui.views import micrographs


@pytest.fixture
def view(
    desk: Desk, pictures: Pictures, actions: Actions, qtbot: QtBot
) -> Iterator[micrographs.View]:
    view = micrographs.View(desk, pictures, actions)
    qtbot.addWidget(view)
    view.resize(400, 400)
    with qtbot.waitExposed(view):
        view.show()
    qtbot.waitUntil(view.settled, timeout=5000)
    yield view
    view.thumbnails.close()


def card(view: micrographs.View, micrograph: int) -> QModelIndex:
    return view.cards.index(view.cards.order.index(micrograph))


def picture_of(view: micrographs.View, micrograph: int) -> QImage:
    box = view.list.visualRect(card(view, micrograph))
    return view.list.viewport().grab(box).toImage()


def test_a_click_shows_the_micrograph(view: micrographs.View, desk: Desk, qtbot: QtBot) -> None:
    at = view.list.visualRect(card(view, 1)).center()
    qtbot.mouseClick(view.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert desk.state.shown == 1


def test_the_shown_one_is_marked(view: micrographs.View, desk: Desk) -> None:
    selected, panel = look().tokens.selected, look().tokens.panel
    for shown in (0, 1):
        desk.show(shown)
        for i in (0, 1):
            colour = picture_of(view, i).pixelColor(5, 5).name().upper()
            assert colour == (selected if i == shown else panel)


def test_thumbnails_come_by_themselves_and_stay_small(
    view: micrographs.View, pictures: Pictures
) -> None:
    for i in (0, 1):
        image = view.thumbnails.get(i)
        assert image is not None
        assert max(image.width(), image.height()) == micrographs.THUMBNAIL
        box = picture_of(view, i).copy(14, 10, 56, 56)
        greys = {box.pixelColor(x, y).red() for x in range(0, 56, 4) for y in range(0, 56, 4)}
        assert len(greys) > 10
    assert pictures.peek(0) is None  # the large ones were left alone


def test_what_is_decoded_already_is_not_decoded_again(
    desk: Desk,
    pictures: Pictures,
    actions: Actions,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with qtbot.waitSignal(pictures.ready, timeout=5000):
        pictures.get(0)

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(micrographs, "decode", never)
    view = micrographs.View(desk, pictures, actions)
    qtbot.addWidget(view)
    view.thumbnails.get(0)
    qtbot.waitUntil(view.settled, timeout=5000)
    assert view.thumbnails.get(0) is not None
    view.thumbnails.close()


def test_an_image_that_cannot_be_read_says_so_until_it_is_found(
    desk: Desk, actions: Actions, qtbot: QtBot, tmp_path: Path
) -> None:
    paths = [micrograph.path for micrograph in desk.state.sources.micrographs]
    pictures = Pictures([str(tmp_path / "gone.tif"), paths[1]])
    view = micrographs.View(desk, pictures, actions)
    qtbot.addWidget(view)
    view.resize(400, 400)
    view.show()
    qtbot.waitUntil(lambda: view.thumbnails.failed(0) and view.settled(), timeout=5000)
    qtbot.wait(1)
    bad = picture_of(view, 0)
    with qtbot.waitSignal(pictures.ready, timeout=5000):
        pictures.replace(0, Path(paths[0]))
    qtbot.wait(1)
    qtbot.waitUntil(view.settled, timeout=5000)
    assert view.thumbnails.get(0) is not None
    assert picture_of(view, 0) != bad
    pictures.close()
    view.thumbnails.close()


def test_sorted_by_ambiguous_left_and_then_left_alone(
    view: micrographs.View, desk: Desk, qtbot: QtBot
) -> None:

    def left() -> list[int]:
        return desk.state.outcomes[desk.state.params]["ambiguous"].tolist()

    def rule(micrograph: int, until: int) -> None:
        while left()[micrograph] > until:
            cases = desk.state.queue.cases
            undecided = [c for c in cases if int(c["mark"]) not in desk.state.ledger.owner]
            case = next(c for c in undecided if c["micrograph"] == micrograph)
            desk.select(int(case["mark"]), micrograph)
            desk.painted()
            assert desk.rule("defer")

    by_ambiguous = view.order.buttons["ambiguous"]
    assert min(left()) > 1
    rule(0, min(left()) - 1)
    assert view.cards.order == [0, 1]
    qtbot.mouseClick(by_ambiguous, Qt.MouseButton.LeftButton)
    assert view.cards.order == [1, 0]
    rule(1, 0)
    assert view.cards.order == [1, 0]  # it never sorts itself
    qtbot.mouseClick(by_ambiguous, Qt.MouseButton.LeftButton)
    assert view.cards.order == [0, 1]


def test_the_bar_and_the_share_grow_with_decisions(view: micrographs.View, desk: Desk) -> None:
    before = picture_of(view, 0)
    desk.go(1)
    desk.painted()
    assert desk.state.shown == 0
    assert desk.rule("label", 0)
    desk.show(1)
    desk.show(0)
    after = picture_of(view, 0)
    y = after.height() - 14
    done = look().tokens.text1.lower()

    def filled(image: QImage) -> int:
        return sum(image.pixelColor(x, y).name() == done for x in range(84, 388))

    assert filled(before) == 0
    assert filled(after) > 2
    assert after.copy(250, 5, 140, 20) != before.copy(250, 5, 140, 20)


def test_a_sign_off_is_ticked_and_counted(view: micrographs.View, desk: Desk) -> None:
    before = picture_of(view, 1).copy(80, 0, 320, 30)
    assert view.count.text() == "2"
    name = desk.state.evidence[1].name
    ledger = replace(desk.state.ledger, signed_off=frozenset({name}))
    desk._set(replace(desk.state, ledger=ledger))
    assert view.count.text() == "1 of 2 signed off"
    assert picture_of(view, 1).copy(80, 0, 320, 30) != before


def test_what_is_not_grouped_yet_waits(view: micrographs.View, desk: Desk) -> None:
    before = picture_of(view, 1)
    desk._set(desk.state.blank())
    assert picture_of(view, 1) != before


def test_a_long_name_leaves_the_share_alone(view: micrographs.View, desk: Desk) -> None:
    """It is elided in the middle, and ends before the words on the right."""
    share = picture_of(view, 0).copy(300, 6, 90, 18)
    evidence = replace(desk.state.evidence[0], name="a_very_long_name_" * 12 + ".tif")
    desk._set(replace(desk.state, evidence=(evidence, desk.state.evidence[1])))
    view.list.viewport().update()
    assert picture_of(view, 0).copy(300, 6, 90, 18) == share


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("scale", [0.9, 1.6])
def test_both_themes_and_scales(
    view: micrographs.View, qtbot: QtBot, theme: str, scale: float
) -> None:
    look().apply(theme, scale)
    qtbot.wait(20)
    assert view.list.visualRect(card(view, 0)).height() == round(76 * scale)
    assert view.grab().toImage().pixelColor(2, 2).name().upper() == look().tokens.panel
    look().apply("dark", 1.0)


def test_a_thumbnail_of_an_inverted_picture_is_turned_round() -> None:
    pixels = np.tile(np.arange(256, dtype=np.float32), (256, 1))
    sample = np.sort(pixels.ravel())
    plain, turned = (
        micrographs.thumbnail(Picture(0, (pixels,), sample, inverted)) for inverted in (False, True)
    )
    assert plain.pixelColor(0, 5).red() < 10 < 240 < plain.pixelColor(127, 5).red()
    assert turned.pixelColor(0, 5).red() > 240 > 10 > turned.pixelColor(127, 5).red()
