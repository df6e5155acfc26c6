"""Many small pictures at once."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication

from k2c_gui.gui.canvas.stamps import MANY, Draw, Stamps, by_kind, draw_lines, within
from k2c_gui.gui.canvas.viewport import Viewport

AREA = QRectF(0, 0, 60, 40)


def disc(colour: str) -> Draw:
    def draw(painter: QPainter) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colour))
        painter.drawEllipse(-3, -3, 6, 6)

    return draw


X, Y, WHICH = np.array([10.0, 40.0, 59.0]), np.array([10.0, 20.0, 39.0]), np.array([0, 1, 0])


def painted(copies: int, ratio: float = 1.0, parts: tuple[QRectF, ...] = (AREA,)) -> QImage:
    """Three stamps, each so many times in one place."""
    canvas = QImage(int(60 * ratio), int(40 * ratio), QImage.Format.Format_RGB32)
    canvas.fill(QColor("black"))
    painter = QPainter(canvas)
    painter.scale(ratio, ratio)
    stamps = Stamps([disc("red"), disc("lime")], 9, ratio)
    x, y, which = (np.repeat(values, copies) for values in (X, Y, WHICH))
    for part in parts:
        places = by_kind(x, y, which, 2)
        stamps.draw(painter, Viewport(60, 40, 60, 40, ratio=ratio), places, part)
    painter.end()
    return canvas


@pytest.mark.parametrize("copies", [1, MANY, 100_000])
@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_each_lies_at_its_place_in_its_colour(
    copies: int, ratio: float, qapp: QApplication
) -> None:
    canvas = painted(copies, ratio)

    def at(x: float, y: float) -> str:
        return canvas.pixelColor(int(x * ratio), int(y * ratio)).name()

    assert at(10, 10) == "#ff0000"
    assert at(40, 20) == "#00ff00"
    assert at(59, 39) == "#ff0000"
    assert at(25, 15) == "#000000"
    assert at(16, 10) == "#000000"


def test_the_fast_way_looks_like_the_good_one(qapp: QApplication) -> None:
    good, fast = painted(1), painted(MANY)
    for x in range(60):
        for y in range(40):
            one, other = good.pixelColor(x, y), fast.pixelColor(x, y)
            # the faintest pixels of an edge are left out
            assert abs(one.red() - other.red()) <= 32
            assert abs(one.green() - other.green()) <= 32


def test_what_cannot_be_seen_is_left_out_and_nothing_else() -> None:
    view = Viewport(60, 40, 600, 400, zoom=2.0, left=-100.0, top=-50.0)
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 600, 9000), np.sort(rng.uniform(0, 400, 9000))
    found = within(x, y, view, QRectF(10, 0, 20, 40), 6.0)
    on_x, on_y = view.to_screen(x, y)
    near = (on_x >= 4) & (on_x <= 36) & (on_y >= -6) & (on_y <= 46)
    assert found.tolist() == np.flatnonzero(near).tolist()
    assert len(found)


def test_lines(qapp: QApplication) -> None:
    canvas = QImage(20, 20, QImage.Format.Format_RGB32)
    canvas.fill(QColor("black"))
    painter = QPainter(canvas)
    painter.setPen(QColor("white"))
    draw_lines(painter, np.array([[2.0, 5.0, 17.0, 5.0], [3.0, 8.0, 3.0, 15.0]]))
    draw_lines(painter, np.zeros((0, 4)))
    painter.end()
    assert canvas.pixelColor(10, 5).name() == "#ffffff"
    assert canvas.pixelColor(3, 12).name() == "#ffffff"
    assert canvas.pixelColor(10, 12).name() == "#000000"
