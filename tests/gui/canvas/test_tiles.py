"""Borders of tiles, and how often each region was looked at."""

from __future__ import annotations

import numpy as np

from k2c_gui.core.model import MARK, TILE, VOTE
from k2c_gui.core.review import Evidence
from k2c_gui.gui.canvas.tiles import ExposureLayer, borders, regions


def tiled() -> Evidence:
    """Four tiles of 100 px that overlap by half along x and touch along y."""
    tiles = np.zeros(4, TILE)
    tiles["x0"], tiles["y0"] = [0, 50, 0, 50], [0, 0, 100, 100]
    tiles["width"] = tiles["height"] = 100
    empty = np.zeros(0, VOTE)
    looks = np.array([5, 5, 5, 3])
    return Evidence(
        0, "a.tif", (), np.zeros(0, MARK), empty, np.zeros(0, np.int64), tiles, looks, 10
    )


def test_a_border_that_tiles_share_is_one_line() -> None:
    lines = borders(tiled().tiles).tolist()
    assert sorted(lines) == [
        [0, 0, 0, 200],
        [0, 0, 150, 0],
        [0, 100, 150, 100],
        [0, 200, 150, 200],
        [50, 0, 50, 200],
        [100, 0, 100, 200],
        [150, 0, 150, 200],
    ]
    assert borders(tiled().tiles[:0]).shape == (0, 4)


def test_looks_add_up_where_tiles_overlap() -> None:
    x, y, looks = regions(tiled())
    assert x.tolist() == [0, 50, 100, 150]
    assert y.tolist() == [0, 100, 200]
    assert looks.tolist() == [[5, 10, 5], [5, 8, 3]]


def test_looks_at_a_spot() -> None:
    layer = ExposureLayer()
    assert layer.looks_at(10, 10) == 0
    layer.show(tiled())
    assert layer.looks_at(75, 20) == 10
    assert layer.looks_at(120, 150) == 3
    assert layer.looks_at(-1, 20) == 0
