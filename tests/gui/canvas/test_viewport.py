"""The window onto a micrograph."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.gui.canvas.viewport import LARGEST, Viewport

VIEW = Viewport(800, 600, 2048, 2048).fitted()


def test_fitted_shows_the_whole_image_in_the_middle() -> None:
    assert VIEW.zoom == pytest.approx(600 / 2048)
    assert VIEW.to_image(400, 300) == pytest.approx((1024, 1024), abs=2)
    assert VIEW.to_screen(0.0, 0.0)[1] == pytest.approx(0, abs=1)


@settings(deadline=None, max_examples=60)
@given(
    st.floats(0.2, 5),
    st.floats(0, 800),
    st.floats(0, 600),
    st.sampled_from([1.0, 1.25, 2.0]),
)
def test_zooming_leaves_what_is_below_the_cursor(
    factor: float, x: float, y: float, ratio: float
) -> None:
    view = Viewport(800, 600, 2048, 2048, ratio=ratio).at(1000, 1000, 1.0)
    before = view.to_image(x, y)
    after = view.zoomed(factor, x, y)
    at = after.to_screen(*before)
    # the middle of the window stays on the image, which may push it
    if all(3 < side < 2045 for side in after.centre):
        assert at == pytest.approx((x, y), abs=1)
    assert after.left * ratio == pytest.approx(round(after.left * ratio))


def test_zoom_has_ends() -> None:
    assert VIEW.zoomed(1e9, 400, 300).zoom == LARGEST
    assert VIEW.zoomed(1e-9, 400, 300).zoom == pytest.approx(VIEW.zoom / 2)


def test_the_image_cannot_be_lost() -> None:
    away = VIEW.at(1024, 1024, 2.0).moved(1e6, -1e6)
    x, y = away.centre
    assert (x, y) == pytest.approx((0, 2048), abs=1)


def test_a_case_is_centred_unless_it_is_near_the_middle() -> None:
    view = VIEW.at(1000, 1000, 2.0)
    assert view.centred(1005, 1003, 0.04) == view
    assert view.centred(300, 400, 0.04).centre == pytest.approx((300, 400), abs=1)
    assert view.centred(300, 400, 0.04).zoom == 2.0


def test_nothing_moves_while_the_whole_image_is_seen() -> None:
    assert VIEW.centred(5, 2000, 0.04) == VIEW


def test_another_size_keeps_the_middle() -> None:
    view = VIEW.at(700, 900, 1.5).resized(1000, 500, 2.0)
    assert view.centre == pytest.approx((700, 900), abs=1)
    assert view.ratio == 2.0
