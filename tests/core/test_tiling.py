"""Tiles: what they cover, what they show, and that they leak nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.core import tiling
from k2c_gui.core.model import (
    SPLITS,
    Floats,
    K2CError,
    Label,
    Micrograph,
    Table,
    TrainingSet,
    training_dtype,
)

LABELS = (Label(0, "Particle", True),)


def rows(places: list[tuple[int, float, float]], first: int = 1) -> Table:
    table = np.zeros(len(places), training_dtype(1))
    table["instance"] = np.arange(first, first + len(places))
    for name, values in zip(
        ("micrograph", "x", "y"), np.array(places).reshape(-1, 3).T, strict=True
    ):
        table[name] = values
    table["radius"] = np.nan
    return table


def training_set(
    sizes: list[tuple[int, int]], places: list[tuple[int, float, float]]
) -> TrainingSet:
    """Micrographs of width and height, and instances at micrograph, x, y."""

    def pixels(i: int) -> Floats:
        width, height = sizes[i]
        return np.add.outer(1000.0 * np.arange(height), np.arange(width)) + 1e6 * i

    micrographs = tuple(Micrograph(f"m{i}.tif", "", *size) for i, size in enumerate(sizes))
    parts = tuple(SPLITS[i % 3] for i in range(len(sizes)))
    table = rows(places)
    return TrainingSet(
        *(micrographs, LABELS, table, table[:0], np.arange(1.0, len(sizes) + 1), "", parts),
        pixels=pixels,
    )


def corner(name: str) -> tuple[int, int]:
    """x, y of a tile, by its name."""
    _, y, x = name.split("_")
    return int(x[1:]), int(y[1:])


def test_tiles_cover_the_micrograph_and_keep_inside() -> None:
    found = tiling.tile(training_set([(100, 70), (20, 50)], []), 40, 10)
    assert [m.name for m in found.micrographs] == [
        *(f"m0_y{y:04d}_x{x:04d}" for y in (0, 30) for x in (0, 30, 60)),
        *(f"m1_y{y:04d}_x0000" for y in (0, 10)),
    ]
    assert {(m.width, m.height) for m in found.micrographs[:6]} == {(40, 40)}
    assert {(m.width, m.height) for m in found.micrographs[6:]} == {(20, 40)}
    assert found.split == ("train",) * 6 + ("validation",) * 2
    assert found.box_px.tolist() == [1.0] * 6 + [2.0] * 2


def test_a_tile_shows_the_pixels_of_its_place() -> None:
    given_ = training_set([(100, 70), (20, 50)], [])
    found = tiling.tile(given_, 40, 10)
    assert found.pixels is not None
    for i, tile in enumerate(found.micrographs):
        own = found.pixels(i)
        assert own.shape == (tile.height, tile.width)
        x, y = corner(tile.name)
        assert own[0, 0] == 1000 * y + x + 1e6 * int(tile.name[1])
        assert own[-1, -1] - own[0, 0] == 1000 * (tile.height - 1) + tile.width - 1


def test_a_micrograph_is_read_once_for_all_of_its_tiles() -> None:
    read = []

    def pixels(i: int) -> Floats:
        read.append(i)
        return np.zeros((50, 50))

    given_ = replace(training_set([(50, 50), (50, 50)], []), pixels=pixels)
    found = tiling.tile(given_, 20)
    assert found.pixels is not None
    for i in range(len(found.micrographs)):
        found.pixels(i)
    assert read == [0, 1]
    assert tiling.tile(replace(given_, pixels=None), 20).pixels is None


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.floats(0, 90), st.floats(0, 70)), max_size=15, unique=True
    ),
    st.integers(16, 100),
    st.data(),
)
@settings(deadline=None, max_examples=80)
def test_an_instance_is_on_every_tile_that_shows_its_centre(
    places: list[tuple[int, float, float]], side: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, side - 1))
    places.sort(key=lambda place: (place[0], place[2], place[1]))
    given_ = training_set([(90, 70), (90, 70)], places)
    found = tiling.tile(given_, side, overlap)
    shown = {
        (int(row["instance"]), found.micrographs[row["micrograph"]].name) for row in found.instances
    }
    for number, (micrograph, x, y) in enumerate(places, start=1):
        for tile in found.micrographs:
            x0, y0 = corner(tile.name)
            right, low = x0 + tile.width, y0 + tile.height
            inside = (
                int(tile.name[1]) == micrograph
                and x0 <= round(x, 3)
                and y0 <= round(y, 3)
                and (round(x, 3) < right or right == 90)
                and (round(y, 3) < low or low == 70)
            )
            assert ((number, tile.name) in shown) == inside
    assert {number for number, _ in shown} == set(range(1, len(places) + 1))
    for row in found.instances:
        x0, y0 = corner(found.micrographs[row["micrograph"]].name)
        _, x, y = places[row["instance"] - 1]
        assert (row["x"] + x0, row["y"] + y0) == pytest.approx((x, y))
    order = list(zip(*(found.instances[n] for n in ("micrograph", "y", "x")), strict=True))
    assert order == sorted(order)


def test_boxes_end_at_the_border_of_the_tile() -> None:
    given_ = replace(training_set([(100, 100)], [(0, 38.0, 5.0)]), box_px=np.array([10.0]))
    found = tiling.tile(given_, 40)
    assert found.boxes(found.instances).tolist() == [[33, 0, 40, 10]]


def test_negatives_are_cut_alike_and_what_lies_outside_is_counted() -> None:
    given_ = training_set([(50, 50)], [(0, 10.0, -0.5), (0, 10.0, 10.0), (0, 50.1, 10.0)])
    given_ = replace(given_, negatives=rows([(0, 30.0, 45.0)], first=4))
    found = tiling.tile(given_, 25)
    assert found.instances["instance"].tolist() == [2]
    assert found.negatives["instance"].tolist() == [4]
    assert (found.negatives["x"][0], found.negatives["y"][0]) == (5, 20)
    assert found.micrographs[found.negatives["micrograph"][0]].name == "m0_y0025_x0025"
    assert [(t.what, t.count) for t in found.left_out] == [("centre outside its micrograph", 2)]


@pytest.mark.parametrize(
    ("side", "overlap", "told"),
    [(15, 0, "15 px is too small"), (40, 40, "cannot overlap by 40"), (40, -1, "overlap by -1")],
)
def test_refusals(side: int, overlap: int, told: str) -> None:
    with pytest.raises(K2CError, match=told):
        tiling.tile(training_set([(50, 50)], []), side, overlap)


def test_without_micrographs_there_are_no_tiles() -> None:
    assert tiling.tile(training_set([], []), 40).micrographs == ()
