"""Grey values as they are shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication

from k2c_gui.gui.canvas.image import (
    Contrast,
    ImageLayer,
    contrast_from,
    from_picture,
    screen,
    suits,
)
from k2c_gui.gui.canvas.viewport import Viewport
from k2c_gui.gui.jobs import Picture

RAMP = np.linspace(0, 1, 64)


def greys(image: QImage) -> list[int]:
    return [QColor(image.pixel(x, 0)).red() for x in range(image.width())]


def picture(pixels: np.ndarray, *, inverted: bool = False) -> Picture:
    half = pixels[::2, ::2]
    sample = np.sort(pixels.ravel().astype(np.float32))
    return Picture(0, (pixels, half), sample, inverted)


@pytest.mark.parametrize("dtype", ["u1", "u2", ">u2", "i2", "i4", "f4", "f8"])
def test_every_kind_of_pixel_runs_from_black_to_white(dtype: str, qapp: QApplication) -> None:
    top = 200.0
    pixels = (RAMP * top).astype(dtype)[None]
    shown = greys(screen(pixels, Contrast(0, top)))
    assert shown[0] == 0
    assert shown[-1] == 255
    assert shown == sorted(shown)
    assert shown[32] == pytest.approx(255 * float(pixels[0, 32]) / top, abs=1)


def test_beyond_the_ends_is_black_and_white() -> None:
    shown = greys(screen(np.array([[-50.0, 10.0, 20.0, 99.0, np.nan]]), Contrast(10, 20)))
    assert shown == [0, 0, 255, 255, 0]


def test_invert_gamma_and_stored_inverted() -> None:
    pixels = (RAMP * 255).astype("u1")[None]
    plain = greys(screen(pixels, Contrast()))
    assert greys(screen(pixels, Contrast(invert=True))) == [255 - grey for grey in plain]
    assert greys(screen(pixels, Contrast(), stored_inverted=True))[0] == 255
    assert greys(screen(pixels, Contrast(invert=True), stored_inverted=True)) == plain
    assert greys(screen(pixels, Contrast(gamma=2.0)))[20] > plain[20]
    assert greys(screen(pixels, Contrast(gamma=0.5)))[20] < plain[20]


def test_blur_evens_out_and_keeps_the_mean() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (64, 64)).astype("u1")

    def shown(contrast: Contrast) -> np.ndarray:
        image = screen(pixels, contrast).convertToFormat(QImage.Format.Format_Grayscale8)
        return np.frombuffer(image.constBits(), np.uint8).reshape(64, 64).astype(float)

    plain, blurred = shown(Contrast()), shown(Contrast(blur=True))
    assert blurred.std() < 0.5 * plain.std()
    assert blurred.mean() == pytest.approx(plain.mean(), abs=2)


def test_contrast_from_the_picture_leaves_out_the_extremes() -> None:
    pixels = np.full((100, 100), 100, "u2")
    pixels[:50] = 200
    pixels[0, :20], pixels[99, :20] = 0, 60000
    contrast = from_picture(picture(pixels), Contrast(gamma=1.5, invert=True))
    assert (contrast.low, contrast.high) == (100, 200)
    assert (contrast.gamma, contrast.invert) == (1.5, True)


def test_a_flat_picture_has_a_contrast() -> None:
    contrast = from_picture(picture(np.full((8, 8), 7, "u1")), Contrast())
    assert contrast.high > contrast.low


def test_a_contrast_that_would_blank_a_picture_does_not_suit() -> None:
    pixels = (np.arange(64 * 64).reshape(64, 64) % 200).astype("u2")
    fitting = from_picture(picture(pixels), Contrast())
    assert suits(picture(pixels), fitting)
    assert suits(picture(pixels + 40), fitting)
    assert not suits(picture(pixels + 5000), fitting)
    assert not suits(picture(pixels), replace(fitting, high=60000.0))


@pytest.mark.parametrize("zoom", [0.4, 1.0, 3.0])
def test_only_what_is_seen_is_painted_and_in_its_place(zoom: float, qapp: QApplication) -> None:
    pixels = np.zeros((400, 400), "u1")
    pixels[200:, 200:] = 255
    layer = ImageLayer()
    layer.picture = picture(pixels)
    view = Viewport(100, 100, 400, 400).at(200, 200, zoom)
    canvas = QImage(100, 100, QImage.Format.Format_RGB32)
    canvas.fill(QColor("red"))
    painter = QPainter(canvas)
    layer.paint(painter, view, QRectF(0, 0, 100, 100))
    painter.end()
    assert canvas.pixelColor(40, 40).value() == 0
    assert canvas.pixelColor(60, 60).value() == 255
    assert canvas.pixelColor(60, 40).value() == 0


def test_a_finer_level_is_drawn_when_zoomed_in() -> None:
    layer = ImageLayer()
    layer.picture = picture(np.zeros((400, 400), "u1"))
    assert layer.level(Viewport(100, 100, 400, 400, zoom=0.3)) == 1
    assert layer.level(Viewport(100, 100, 400, 400, zoom=0.7)) == 0
    assert layer.level(Viewport(100, 100, 400, 400, zoom=0.4, ratio=2.0)) == 0


def test_grey_under_the_cursor_is_the_stored_one() -> None:
    layer = ImageLayer()
    layer.picture = picture(np.arange(12, dtype="u2").reshape(3, 4) * 1000)
    assert layer.grey_at(2.9, 1.0) == 6000
    assert layer.grey_at(4.0, 1.0) is None
    assert layer.grey_at(-0.1, 1.0) is None


@pytest.mark.parametrize(
    "state",
    [None, 3, {}, {"low": 1, "high": 1, "gamma": 1}, {"low": 0, "high": float("nan"), "gamma": 1}],
)
def test_what_is_no_contrast_is_not_taken(state: object) -> None:
    assert contrast_from(state) is None
