"""Scale bar and minimap."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from k2c_gui.gui.canvas.minimap import Minimap
from k2c_gui.gui.canvas.plates import Readout, ScalePlate, scale_bar
from k2c_gui.gui.canvas.viewport import Viewport


@pytest.mark.parametrize(
    ("zoom", "nm", "text", "length"),
    [
        (1.0, 0.102, "10 nm", 98.04),
        (1.0, None, "100 px", 100.0),
        (0.1, 20.0, "20 µm", 100.0),
        (40.0, 0.01, "0.02 nm", 80.0),
    ],
)
def test_scale_bar(zoom: float, nm: float | None, text: str, length: float) -> None:
    found = scale_bar(120, zoom, nm)
    assert found[1] == text
    assert found[0] == pytest.approx(length, abs=0.1)


@settings(deadline=None, max_examples=80)
@given(st.floats(0.01, 40), st.floats(1e-3, 1e4))
def test_a_scale_bar_is_round_and_fits(zoom: float, nm: float) -> None:
    length, text = scale_bar(120, zoom, nm)
    assert 120 / 2.5 - 1e-6 <= length <= 120 + 1e-6
    digits = text.split()[0].replace(".", "").strip("0")
    assert digits in {"1", "2", "5"}


def test_readout_says_px_nm_and_grey(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    plate = ScalePlate(parent)
    plate.show_scale(1.0, 0.5)
    plate.show_readout(Readout(943.6, 587.2, 112), looks=False)
    assert plate.words == ("x 943.6  y 587.2 px", "471.8, 293.6 nm", "grey 112", "", "100 %")
    width = plate.sizeHint().width()
    plate.show_readout(Readout(1.0, 2.0, None), looks=False)
    assert plate.sizeHint().width() == width
    plate.show_readout(Readout(1.0, 2.0, None, 12), looks=True, full=20)
    assert plate.words[3] == "12 of 20 looks"
    plate.show_readout(None, looks=True, full=20)
    assert plate.words[3] == "0 to 20 looks"


def test_minimap_asks_for_the_place_that_is_clicked(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    minimap = Minimap(parent)
    minimap.show_viewport(Viewport(800, 600, 2000, 1000).fitted())
    asked: list[QPointF] = []
    minimap.asked.connect(asked.append)
    for x, y in ((500.0, 250.0), (1900.0, 900.0)):
        at = minimap.to_map(x, y).toPoint()
        qtbot.mouseClick(minimap, Qt.MouseButton.LeftButton, pos=at)
        assert (asked[-1].x(), asked[-1].y()) == pytest.approx((x, y), abs=15)
