"""How many looks each spot had.

A look is one volunteer shown one tile. Tiles overlap, so a spot inside a micrograph is looked at
more often than one at its border; a look that found nothing is a look all the same.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .model import MARKS_PER_CLASSIFICATION, NO_MARK, Bools, Floats, Ints, Sources, Table


def count(sources: Sources) -> Sources:
    """Decide what counts: of repeats by one volunteer, the first.

    Zooniverse lets a volunteer meet a subject again; its own rule keeps the first by date. As
    the answer depends on dates alone, imports in any order give the same marks.

    Parameters
    ----------
    sources : Sources
        As stored.

    Returns
    -------
    Sources
        With ``counted`` set in looks, marks and votes.
    """
    looks, marks, votes = sources.looks.copy(), sources.marks.copy(), sources.votes.copy()
    looks["counted"] = _first(looks, ("volunteer", "tile"))
    n = max(1, len(sources.tiles))
    repeats = looks[~looks["counted"]]
    look_of_mark = marks["mark"] // MARKS_PER_CLASSIFICATION * n + marks["tile"]
    repeated = np.isin(look_of_mark, repeats["classification"] * n + repeats["tile"])
    marks["counted"] = marks["inside"] & ~repeated
    named = votes["mark"] != NO_MARK
    votes["counted"] = False
    votes["counted"][named] = _first(votes[named], ("volunteer", "mark"))
    votes["counted"][~named] = _first(votes[~named], ("volunteer", "micrograph", "x", "y"))
    return replace(sources, looks=looks, marks=marks, votes=votes)


def looks_per_tile(looks: Table, n_tiles: int) -> Ints:
    """Number of looks that count, a tile.

    Parameters
    ----------
    looks : (n,) LOOK
    n_tiles : int

    Returns
    -------
    (n_tiles,) int64
    """
    return np.bincount(looks["tile"][looks["counted"]], minlength=n_tiles).astype(np.int64)


def at(x: Floats, y: Floats, tiles: Table, n_looks: Ints) -> Ints:
    """Exposure: the looks whose tile holds the spot.

    Parameters
    ----------
    x, y : (n,) float64
        px of one micrograph.
    tiles : (n_tiles,) TILE
        Of that micrograph.
    n_looks : (n_tiles,) int64
        See `looks_per_tile`.

    Returns
    -------
    (n,) int64
    """
    return np.asarray(within(x[:, None], y[:, None], tiles) @ n_looks, dtype=np.int64)


def within(x: Floats, y: Floats, tiles: Table) -> Bools:
    """Tell which spots lie in which tiles; the far edges belong to the next tile.

    Parameters
    ----------
    x, y : float64
        px of one micrograph.
    tiles : TILE
        Broadcast against x and y.

    Returns
    -------
    bool
    """
    across = (x >= tiles["x0"]) & (x < tiles["x0"] + tiles["width"])
    return np.asarray(across & (y >= tiles["y0"]) & (y < tiles["y0"] + tiles["height"]))


def weights(marks: Table, tiles: Table, n_looks: Ints, full: int) -> Floats:
    """Weigh marks so that every spot is as good as looked at fully.

    Parameters
    ----------
    marks : (n,) MARK
        Of one micrograph; ``tile`` is the place in `tiles`.
    tiles : (n_tiles,) TILE
        Of that micrograph.
    n_looks : (n_tiles,) int64
        See `looks_per_tile`.
    full : int
        Full exposure, see `full`.

    Returns
    -------
    (n,) float64
        max(1, full / looks at the mark's spot).
    """
    seen = at(marks["x"], marks["y"], tiles, n_looks)
    # a mark on the far edge of its tile lies on a spot of the next one, if there is a next one
    seen = np.maximum(seen, n_looks[marks["tile"]])
    return np.asarray(np.maximum(1.0, full / np.maximum(seen, 1)))


def full(sources: Sources) -> int:
    """Full exposure: the commonest one, taken over the marks that count.

    Parameters
    ----------
    sources : Sources
        Counted, see `count`.

    Returns
    -------
    int
        Looks, at least 1; 1 where nothing was marked.
    """
    n_looks = looks_per_tile(sources.looks, len(sources.tiles))
    seen: list[Ints] = []
    for micrograph in range(len(sources.micrographs)):
        own = sources.tiles["micrograph"] == micrograph
        marks = sources.marks[sources.marks["micrograph"] == micrograph]
        marks = marks[marks["counted"]]
        seen.append(at(marks["x"], marks["y"], sources.tiles[own], n_looks[own]))
    exposure = np.concatenate([np.zeros(0, np.int64), *seen])
    # a mark on the far edge of its tile counts, though its spot is the next tile's
    exposure = exposure[exposure > 0]
    return int(np.bincount(exposure).argmax()) if len(exposure) else 1


def _first(rows: Table, same: tuple[str, ...]) -> Bools:
    """Mark the first row, by date and then id, of each set of rows with the `same` values."""
    order = np.lexsort((rows["classification"], rows["made_at"], *(rows[k] for k in same)))
    new = np.zeros(len(rows), bool)
    new[:1] = True
    for k in same:
        new[1:] |= rows[k][order][1:] != rows[k][order][:-1]
    first = np.zeros(len(rows), bool)
    first[order] = new
    return first
