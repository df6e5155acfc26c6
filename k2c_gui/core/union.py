"""What a session holds, joined with a newer import."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import exposure
from .model import MARKS_PER_CLASSIFICATION, TILE, Ints, Micrograph, Sources, Table

BY_HAND = "given at import"
"""Source of a pixel size that the expert gave."""


def union(old: Sources, new: Sources, reread: Ints, revoted: Ints) -> Sources:
    """Join what a session holds with a newer import.

    Parameters
    ----------
    old, new : Sources
    reread, revoted : (n,) int64
        Classifications of the picking and the classifying export read now: for these, `new`
        alone speaks.

    Returns
    -------
    Sources
        Counted. Micrographs and tiles of `old` keep their places, and its labels hold.
    """
    micrographs = {m.name: m for m in old.micrographs}
    for m in new.micrographs:
        micrographs[m.name] = _calibrated(micrographs.get(m.name), m)
    names = tuple(dict.fromkeys((*old.tile_names, *new.tile_names)))
    tiles = np.zeros(len(names), TILE)
    parts: list[tuple[Table, Table, Table]] = []
    for part in (old, new):
        to_micrograph = _places(tuple(m.name for m in part.micrographs), tuple(micrographs))
        to_tile = _places(part.tile_names, names)
        moved = part.tiles.copy()
        moved["micrograph"] = to_micrograph[moved["micrograph"]]
        tiles[to_tile] = moved
        looks, marks, votes = part.looks.copy(), part.marks.copy(), part.votes.copy()
        looks["tile"], marks["tile"] = to_tile[looks["tile"]], to_tile[marks["tile"]]
        for rows in (marks, votes):
            rows["micrograph"] = to_micrograph[rows["micrograph"]]
        parts.append((looks, marks, votes))
    (looks, marks, votes), fresh = parts
    of_mark = marks["mark"] // MARKS_PER_CLASSIFICATION
    stays = (
        looks[~np.isin(looks["classification"], reread)],
        marks[~np.isin(of_mark, reread)],
        votes[~np.isin(votes["classification"], revoted)],
    )
    looks, marks, votes = (np.concatenate(pair) for pair in zip(stays, fresh, strict=True))
    return exposure.count(
        replace(
            new,
            micrographs=tuple(micrographs.values()),
            labels=old.labels,
            tile_names=names,
            tiles=tiles,
            looks=looks[np.lexsort((looks["tile"], looks["classification"]))],
            marks=marks[np.argsort(marks["mark"], kind="stable")],
            votes=votes[np.argsort(votes["classification"], kind="stable")],
        )
    )


def dated(old: Table, new: Table) -> Table:
    """Say of every mark since when it is there: with what import it came.

    Parameters
    ----------
    old, new : (n,) MARK
        What a session held, in rising order of ``mark``, and all that it holds now.

    Returns
    -------
    (n,) MARK
        `new` with ``since``. The count of marks serves as a date: joined sessions may have read
        the same exports in more or fewer steps, and it is the same in all of them.
    """
    new = new.copy()
    new["since"] = len(new)
    if len(old):
        at = np.minimum(np.searchsorted(old["mark"], new["mark"]), len(old) - 1)
        new["since"] = np.where(old["mark"][at] == new["mark"], old["since"][at], new["since"])
    return new


def disturbed(old: Table, new: Table) -> Ints:
    """Marks that a newer import would move or remove.

    Parameters
    ----------
    old, new : (n,) MARK
        In rising order of ``mark``, with places in the same list of micrographs.

    Returns
    -------
    (k,) int64
        The marks.
    """
    if not len(new):
        return np.asarray(old["mark"])
    at = np.minimum(np.searchsorted(new["mark"], old["mark"]), len(new) - 1)
    same = new["mark"][at] == old["mark"]
    for name in ("micrograph", "x", "y"):
        same &= new[name][at] == old[name]
    return np.asarray(old["mark"][~same])


def _places(names: tuple[str, ...], among: tuple[str, ...]) -> Ints:
    place = {name: i for i, name in enumerate(among)}
    return np.array([place[name] for name in names], np.int64)


def _calibrated(old: Micrograph | None, new: Micrograph) -> Micrograph:
    """A pixel size given by hand outlives an import that does not give one."""
    if old is None or new.pixel_size_source == BY_HAND:
        return new
    if new.pixel_size_nm is None or old.pixel_size_source == BY_HAND:
        return replace(
            new, pixel_size_nm=old.pixel_size_nm, pixel_size_source=old.pixel_size_source
        )
    return new
