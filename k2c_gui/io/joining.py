"""Harvested columns to facts: tiles on micrographs, looks, marks and votes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from k2c_gui.core.model import (
    LOOK,
    MARK,
    MARKS_PER_CLASSIFICATION,
    NO_LABEL,
    NO_MARK,
    TILE,
    VOTE,
    Floats,
    Ints,
    K2CError,
    Label,
    Table,
)

from .detection import answers, normalise
from .mapping import Classifying, Metadata, Micrographs, Picking, Place, place
from .readers import Harvest

_MOST_FRAMES = 64


@dataclass(frozen=True, slots=True)
class Picked:
    """What the picking export amounts to; fields as in `Sources`."""

    tile_names: tuple[str, ...]
    tiles: Table
    looks: Table
    marks: Table


@dataclass(frozen=True, slots=True)
class _Tile:
    name: str
    where: Place
    size: tuple[float, float]
    whole: bool


def picked(
    harvest: Harvest,
    picking: Picking,
    metadata: dict[str, Metadata],
    micrographs: Micrographs,
    labels: tuple[Label, ...],
    volunteers: Ints,
) -> Picked:
    """Put looks and marks onto their micrographs.

    Parameters
    ----------
    harvest : Harvest
    picking : Picking
    metadata : dict
        Of the subjects, side table included.
    micrographs : Micrographs
    labels : tuple of Label
    volunteers : (n_people,) int64
        Number of each person.

    Returns
    -------
    Picked
        Rows without a place are counted in the harvest's fates.

    Raises
    ------
    K2CError
        The size of no tile is known.
    """
    tiles: list[_Tile] = []
    # first tile of a subject, and how many follow: one a frame where the mapping tells frames
    first = np.full(len(harvest.subject), -1, np.int64)
    frames = np.zeros(len(harvest.subject), np.int64)
    known: dict[str, tuple[int, int] | str] = {}
    for i, subject in enumerate(harvest.subject):
        if subject not in known:
            found = _tiles_of(harvest, picking, metadata.get(subject, {}), micrographs, subject)
            known[subject] = found if isinstance(found, str) else (len(tiles), len(found))
            tiles += [] if isinstance(found, str) else found
        entry = known[subject]
        if isinstance(entry, str):
            harvest.fates.dropped(entry, harvest.row[i])
        else:
            first[i], frames[i] = entry
    looks = _looks(harvest, volunteers, first, frames)
    return Picked(
        tuple(tile.name for tile in tiles),
        table := _tile_table(harvest, tiles, micrographs),
        looks,
        _marks(harvest, picking, tiles, table, micrographs, labels, volunteers, first, frames),
    )


def voted(
    harvest: Harvest,
    classifying: Classifying,
    metadata: dict[str, Metadata],
    micrographs: Micrographs,
    labels: tuple[Label, ...],
    volunteers: Ints,
    marks: Table,
) -> Table:
    """Turn answers into votes on marks.

    Parameters
    ----------
    harvest : Harvest
    classifying : Classifying
    metadata, micrographs, labels, volunteers
        As for `picked`.
    marks : (n,) MARK
        In rising order of ``mark``.

    Returns
    -------
    (n_votes,) VOTE
    """
    meant = {normalise(a): v for a, v in classifying.answers.items()} or answers(labels)
    shown: dict[str, tuple[int, int, float, float] | str] = {}
    columns: list[tuple[int, int, int, int, int, float, float, int, bool]] = []
    label_of: dict[str, int | None] = {}
    for i, subject in enumerate(harvest.subject):
        if subject not in shown:
            shown[subject] = _shown(classifying, metadata.get(subject, {}), micrographs, marks)
        target = shown[subject]
        answer = harvest.answer[i]
        if answer not in label_of:
            label_of[answer] = meant.get(normalise(answer))
        label = label_of[answer]
        if isinstance(target, str):
            harvest.fates.dropped(target, harvest.row[i])
        elif label is None:
            what = f"answer {normalise(answer)[:60]!r} means no label"
            harvest.fates.dropped(what, harvest.row[i])
        else:
            columns.append(
                (
                    harvest.classification[i],
                    harvest.made_at[i],
                    volunteers[harvest.person[i]],
                    *target,
                    label,
                    True,
                )
            )
    harvest.fates.add("kept", "votes", count=len(columns))
    return np.array(columns, VOTE)


def _tiles_of(
    harvest: Harvest,
    picking: Picking,
    metadata: Metadata,
    micrographs: Micrographs,
    subject: str,
) -> list[_Tile] | str:
    """The tiles that a subject shows, or why none."""
    told = picking.pattern.key if picking.pattern else ""
    told += picking.micrograph + picking.x0 + picking.y0
    most = _MOST_FRAMES if "{frame}" in told else 1
    placed = picking.x0 or picking.row or picking.pattern
    tiles: list[_Tile] = []
    for frame in range(most):
        where = place(picking, metadata, micrographs, frame)
        if isinstance(where, str):
            return tiles or where
        name = subject if frame == 0 else f"{subject}#{frame}"
        whole = not placed and (not harvest.flat or subject == metadata.get("micrograph"))
        tiles.append(_Tile(name, where, harvest.sizes.get(subject, (0.0, 0.0)), whole))
    return tiles


def _tile_table(harvest: Harvest, tiles: list[_Tile], micrographs: Micrographs) -> Table:
    """TILE rows; a tile of unknown size is as large as most are."""
    table = np.zeros(len(tiles), TILE)
    for row, tile in zip(table, tiles, strict=True):
        where = tile.where
        row["micrograph"], row["x0"], row["y0"] = where.micrograph, where.x0, where.y0
        if tile.whole:
            image = micrographs.all[where.micrograph]
            row["width"], row["height"] = image.width, image.height
        else:
            row["width"] = where.width or tile.size[0] * _scale(tile)
            row["height"] = where.height or tile.size[1] * _scale(tile)
    known = table["width"] > 0
    if len(table) and not known.all() and not harvest.flat:
        sizes = Counter(zip(table["width"][known], table["height"][known], strict=True))
        if not sizes:
            raise K2CError(
                "No row says how large the tiles are.",
                remedy="Name the metadata keys width and height in [picking] of mapping.toml.",
            )
        (width, height), _ = sizes.most_common(1)[0]
        table["width"][~known], table["height"][~known] = width, height
        what = "tiles of unknown size, taken to be as large as most"
        harvest.fates.add("flagged", what, count=int((~known).sum()))
    return table


def _scale(tile: _Tile) -> float:
    """Micrograph px per tile px: as said, or as the shown size betrays."""
    if tile.where.scale == 1 and tile.where.width and tile.size[0]:
        return tile.where.width / tile.size[0]
    return tile.where.scale


def _looks(harvest: Harvest, volunteers: Ints, first: Ints, frames: Ints) -> Table:
    row = np.repeat(np.arange(len(frames)), frames)
    looks = np.zeros(len(row), LOOK)
    looks["classification"] = np.array(harvest.classification, np.int64)[row]
    looks["made_at"] = np.array(harvest.made_at, np.int64)[row]
    looks["volunteer"] = volunteers[np.array(harvest.person, np.int64)[row]]
    start = np.cumsum(frames) - frames
    looks["tile"] = first[row] + np.arange(len(row)) - start[row]
    empty = np.setdiff1d(np.arange(len(frames)), np.array(harvest.look, np.int64))
    placed = int((first >= 0).sum())
    harvest.fates.add("kept", "classifications", count=placed)
    n_empty = int((first[empty] >= 0).sum())
    harvest.fates.add("kept", "of these without a mark: looks all the same", count=n_empty)
    return looks


def _marks(
    harvest: Harvest,
    picking: Picking,
    tiles: list[_Tile],
    table: Table,
    micrographs: Micrographs,
    labels: tuple[Label, ...],
    volunteers: Ints,
    first: Ints,
    frames: Ints,
) -> Table:
    look, frame = np.array(harvest.look, np.int64), np.array(harvest.frame, np.int64)
    x, y = np.array(harvest.x, float), np.array(harvest.y, float)
    single = frames[look] == 1 if len(look) else np.zeros(0, bool)
    keep = np.isfinite(x) & (first[look] >= 0) & (single | (frame < frames[look]))
    look, frame, x, y = look[keep], frame[keep], x[keep], y[keep]
    tile = first[look] + np.where(single[keep], 0, frame)
    marks = np.zeros(len(look), MARK)
    classification = np.array(harvest.classification, np.int64)[look]
    position = np.array(harvest.position, np.int64)[keep]
    marks["mark"] = classification * MARKS_PER_CLASSIFICATION + position
    marks["tile"], marks["micrograph"] = tile, table["micrograph"][tile]
    marks["volunteer"] = volunteers[np.array(harvest.person, np.int64)[look]]
    if harvest.flat:
        marks["x"], marks["y"] = x, y
        _fit_tiles(harvest, table, marks)
    else:
        scale = np.array([_scale(t) for t in tiles])[tile]
        marks["x"], marks["y"] = (table[o][tile] + scale * v for o, v in (("x0", x), ("y0", y)))
    marks["label"] = _tool_labels(harvest, picking, labels)[keep]
    _flag_outside(harvest, marks, table, micrographs)
    harvest.fates.add("kept", "marks", count=len(marks))
    return marks[np.argsort(marks["mark"], kind="stable")]


def _fit_tiles(harvest: Harvest, table: Table, marks: Table) -> None:
    """Let tiles that only have a name reach as far as their marks."""
    unsized = np.flatnonzero(table["width"] == 0)
    for tile in unsized:
        own = marks[marks["tile"] == tile]
        for origin, side, at in (("x0", "width", "x"), ("y0", "height", "y")):
            table[origin][tile] = own[at].min()
            table[side][tile] = np.nextafter(np.ptp(own[at]), np.inf)
    if len(unsized):
        what = "tiles known by name only, taken to reach as far as their marks"
        harvest.fates.add("flagged", what, count=len(unsized))


def _tool_labels(harvest: Harvest, picking: Picking, labels: tuple[Label, ...]) -> Ints:
    meant = {normalise(tool): value for tool, value in picking.tools.items()}
    if harvest.flat and not meant:
        meant = answers(labels) | {str(label.value): label.value for label in labels}
    value = {tool: meant.get(normalise(tool), NO_LABEL) for tool in set(harvest.tool)}
    if meant:
        unknown = Counter(tool for tool in harvest.tool if value[tool] == NO_LABEL and tool)
        for tool, count in unknown.items():
            what = f"marks whose tool {tool[:60]!r} means no label"
            harvest.fates.add("flagged", what, count=count)
        unnamed = harvest.tool.count("")
        if not harvest.flat:
            what = "marks whose tool has no name; the workflow export would tell"
            harvest.fates.add("flagged", what, count=unnamed)
    return np.array([value[tool] for tool in harvest.tool], np.int64)


def _flag_outside(harvest: Harvest, marks: Table, tiles: Table, micrographs: Micrographs) -> None:
    """Keep what lies outside its tile or micrograph, but do not let it count."""
    size = np.array([(m.width, m.height) for m in micrographs.all], float).reshape(-1, 2)
    at = {"x": marks["x"], "y": marks["y"]}
    own = tiles[marks["tile"]]
    in_tile, in_micrograph = np.ones(len(marks), bool), np.ones(len(marks), bool)
    for axis, (name, origin, side) in enumerate((("x", "x0", "width"), ("y", "y0", "height"))):
        in_tile &= _within(at[name] - own[origin], own[side])
        in_micrograph &= _within(at[name], size[marks["micrograph"], axis])
    marks["inside"] = in_tile & in_micrograph
    for what, n in (
        ("marks outside their tile", int((~in_tile).sum())),
        ("marks outside their micrograph", int((in_tile & ~in_micrograph).sum())),
    ):
        harvest.fates.add("flagged", what, count=n)


def _within(at: Floats, length: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray((at >= 0) & (at <= length))


def _shown(
    classifying: Classifying, metadata: Metadata, micrographs: Micrographs, marks: Table
) -> tuple[int, int, float, float] | str:
    """Mark, micrograph, x and y that a subject showed, or why it cannot be told."""
    position = _position(classifying, metadata, micrographs)
    if classifying.mark:
        mark = _mark(str(metadata.get(classifying.mark, "")))
        i = int(np.searchsorted(marks["mark"], mark))
        if i < len(marks) and marks["mark"][i] == mark:
            m = marks[i]
            at = int(m["micrograph"]), float(m["x"]), float(m["y"])
            if position is None or _near(at, position, classifying.radius):
                return mark, *at
        elif position is None:
            return "the mark that was shown is not in the picking export"
    return (NO_MARK, *position) if position else "nothing says which mark was shown"


def _position(
    classifying: Classifying, metadata: Metadata, micrographs: Micrographs
) -> tuple[int, float, float] | None:
    if not (classifying.micrograph and classifying.x and classifying.y):
        return None
    micrograph = micrographs.find(metadata.get(classifying.micrograph, ""))
    try:
        x, y = float(metadata[classifying.x]), float(metadata[classifying.y])
    except (KeyError, TypeError, ValueError):
        return None
    good = micrograph is not None and np.isfinite(x) and np.isfinite(y)
    return (micrograph, x, y) if micrograph is not None and good else None


def _mark(text: str) -> int:
    """``380000004:0`` to a mark; `NO_MARK` where it is none."""
    classification, _, position = text.strip().partition(":")
    if not (classification.isdecimal() and position.isdecimal()):
        return NO_MARK
    if int(position) >= MARKS_PER_CLASSIFICATION or len(classification) > 14:
        return NO_MARK
    return int(classification) * MARKS_PER_CLASSIFICATION + int(position)


def _near(one: tuple[int, float, float], other: tuple[int, float, float], radius: float) -> bool:
    return one[0] == other[0] and float(np.hypot(one[1] - other[1], one[2] - other[2])) <= radius
