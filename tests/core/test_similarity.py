from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.core.similarity import features, nearest


def blob(pixels: np.ndarray, x: float, y: float, radius: float, depth: float) -> None:
    row, column = np.indices(pixels.shape)
    pixels -= depth * (np.hypot(column + 0.5 - x, row + 0.5 - y) < radius)


def test_particles_of_one_size_and_depth_are_nearest() -> None:
    pixels = np.full((120, 400), 100.0)
    x = np.array([50.0, 130.0, 210.0, 290.0, 360.0])
    y = np.full(5, 60.0)
    for at, radius, depth in zip(x, (8, 16, 8, 16, 8), (40, 40, 42, 38, 80), strict=True):
        blob(pixels, at, 60.0, radius, depth)
    rows, distance = nearest(features(pixels, x, y, 24.0), 0, np.ones(5, bool), 2)
    assert rows[0] == 2
    assert distance[0] < distance[1]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31))
def test_turning_the_micrograph_by_a_quarter_changes_no_distance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.normal(size=(96, 96))
    x, y = rng.uniform(20, 76, 6), rng.uniform(20, 76, 6)
    every = np.ones(6, bool)
    before = nearest(features(pixels, x, y, 16.0), 0, every, 5)
    after = nearest(features(np.rot90(pixels), y, 96 - x, 16.0), 0, every, 5)
    assert before[0].tolist() == after[0].tolist()
    np.testing.assert_allclose(before[1], after[1])


def test_only_those_allowed_are_named_and_never_the_case_itself() -> None:
    described = np.arange(5.0)[:, None]
    among = np.array([True, True, False, True, False])
    rows, distance = nearest(described, 1, among, 6)
    assert rows.tolist() == [0, 3]
    assert distance.tolist() == [1.0, 2.0]


def test_border_flat_image_and_nan_give_numbers() -> None:
    pixels = np.full((20, 20), np.nan)
    described = features(pixels, np.array([0.0, 20.0]), np.array([0.0, 20.0]), 24.0)
    assert np.isfinite(described).all()
    assert features(pixels, np.zeros(0), np.zeros(0), 24.0).shape == (0, 16)
