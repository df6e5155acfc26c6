"""Large micrographs to overlapping tiles: a training set whose micrographs are the tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .model import Floats, Ints, K2CError, Micrograph, Table, Tally, TrainingSet
from .names import stems

FEWEST_PX = 16
"""Side of the smallest tile."""


def tile(training_set: TrainingSet, side: int, overlap: int = 0) -> TrainingSet:
    """Cut every micrograph into square tiles.

    All tiles of a micrograph are of one size: the last one of a row or column moves back until it
    ends with the micrograph. A tile is in the part of the split that its micrograph is in. An
    instance is on every tile that its centre lies on, with the number that it has in the release;
    its box is cut at the border of the tile.

    Parameters
    ----------
    training_set : TrainingSet
        Split already.
    side : int
        px. A micrograph that is smaller is one tile, as it is.
    overlap : int
        px that neighbours share at least.

    Returns
    -------
    TrainingSet
        Named by micrograph and the place of the tile, such as ``AuGe_001_y0512_x1024``.

    Raises
    ------
    K2CError
        A tile that is too small, or an overlap that leaves no step.
    """
    if side < FEWEST_PX:
        raise K2CError(f"A tile of {side} px is too small.", remedy=f"Give {FEWEST_PX} or more.")
    if not 0 <= overlap < side:
        raise K2CError(
            f"Tiles of {side} px cannot overlap by {overlap} px.",
            remedy="Give an overlap from 0 to less than the side.",
        )
    parents, corners, tiles = _tiles(training_set, side, overlap)
    instances, lost = _shown(training_set.instances, tiles, parents, corners)
    negatives, _ = _shown(training_set.negatives, tiles, parents, corners)
    left_out = training_set.left_out
    if lost:
        left_out += (Tally("instances", "dropped", "centre outside its micrograph", lost),)
    return replace(
        training_set,
        micrographs=tiles,
        instances=instances,
        negatives=negatives,
        box_px=training_set.box_px[parents],
        split=tuple(training_set.split[i] for i in parents),
        left_out=left_out,
        pixels=_cut(training_set.pixels, parents, corners, tiles) if training_set.pixels else None,
    )


def _tiles(
    training_set: TrainingSet, side: int, overlap: int
) -> tuple[Ints, Ints, tuple[Micrograph, ...]]:
    """Micrograph of each tile, its top-left corner x, y in px, and the tile as a micrograph."""
    parents, corners, tiles = [], [], []
    named = stems(training_set.micrographs)
    for i, micrograph in enumerate(training_set.micrographs):
        for y in starts(micrograph.height, side, overlap):
            for x in starts(micrograph.width, side, overlap):
                parents.append(i)
                corners.append((x, y))
                tiles.append(
                    replace(
                        micrograph,
                        name=f"{named[i]}_y{y:04d}_x{x:04d}",
                        width=min(side, micrograph.width),
                        height=min(side, micrograph.height),
                    )
                )
    return np.array(parents, np.int64), np.array(corners, np.int64).reshape(-1, 2), tuple(tiles)


def starts(length: int, side: int, overlap: int) -> list[int]:
    """Where tiles begin along one axis, px: the last one ends at the border.

    Parameters
    ----------
    length, side, overlap : int
        px: of the micrograph along this axis, and of the tiles.
    """
    last = max(0, length - side)
    return [*range(0, last, side - overlap), last]


def _shown(
    rows: Table, tiles: tuple[Micrograph, ...], parents: Ints, corners: Ints
) -> tuple[Table, int]:
    """Rows as the tiles show them, sorted by tile, y, x; and how many no tile shows."""
    first = np.searchsorted(parents, np.arange(parents.max(initial=-1) + 2))
    size = np.array([(t.width, t.height) for t in tiles], np.int64).reshape(-1, 2)
    found, lost = [], 0
    for i in np.unique(rows["micrograph"]):
        own = rows[rows["micrograph"] == i]
        of_tile = slice(first[i], first[i + 1])
        # as the tables have it, so that they tell which tile shows what
        xy = np.column_stack([own["x"], own["y"]]).round(3)
        inside = _inside(xy, corners[of_tile], size[of_tile])
        tile, which = np.nonzero(inside)
        shown = own[which]
        shown["micrograph"] = first[i] + tile
        shown["x"] -= corners[of_tile][tile, 0]
        shown["y"] -= corners[of_tile][tile, 1]
        found.append(shown)
        lost += int((~inside.any(axis=0)).sum())
    table = np.concatenate([rows[:0], *found])
    return table[np.lexsort((table["x"], table["y"], table["micrograph"]))], lost


def _inside(xy: Floats, corners: Ints, sizes: Ints) -> NDArray[np.bool_]:
    """Which tile shows which spot; the right and lower border of a micrograph are its last px."""
    ends = corners + sizes
    end = ends.max(axis=0, initial=0)
    below = (xy < ends[:, None]) | ((ends == end)[:, None] & (xy == end))
    return np.asarray(((xy >= corners[:, None]) & below).all(axis=2))


def _cut(
    pixels: Callable[[int], NDArray[Any]],
    parents: Ints,
    corners: Ints,
    tiles: tuple[Micrograph, ...],
) -> Callable[[int], NDArray[Any]]:
    """Pixels of tiles; the micrograph last read is kept, since its tiles come one by one."""
    kept: dict[int, NDArray[Any]] = {}

    def read(i: int) -> NDArray[Any]:
        parent = int(parents[i])
        if parent not in kept:
            kept.clear()
            kept[parent] = pixels(parent)
        x, y = corners[i]
        return kept[parent][y : y + tiles[i].height, x : x + tiles[i].width]

    return read
