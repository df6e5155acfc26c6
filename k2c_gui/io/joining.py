"""Harvested columns to facts: tiles on micrographs, looks, marks and votes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import hypot

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
from .readers import MOST_FRAMES, Harvest, is_place

_Shown = tuple[int, int, float, float]
"""Mark or `NO_MARK`, micrograph, and x, y in px: what a vote is about."""


@dataclass(frozen=True, slots=True)
class Picked:
    """What the picking export amounts to; fields as in `Sources`."""

    tile_names: tuple[str, ...]
    tiles: Table
    looks: Table
    marks: Table


@dataclass(frozen=True, slots=True)
class _Tile:
    """A tile before its size is sure.

    `nominal` is its size in px of the micrograph as the project tells it, `shown` in px of what
    the volunteers saw; 0 where they are not known. `guessed`: it is shown as most are.
    """

    name: str
    where: Place
    nominal: tuple[float, float]
    shown: tuple[float, float]
    guessed: bool = False


def picked(
    harvest: Harvest,
    picking: Picking,
    metadata: dict[str, Metadata],
    micrographs: Micrographs,
    labels: tuple[Label, ...],
    volunteers: Ints,
    file: object,
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
    file : object
        For messages.

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
    n_marks = np.bincount(np.array(harvest.look, np.int64), minlength=len(harvest.subject))
    known: dict[str, tuple[int, int] | str] = {}
    ((usual, _),) = Counter(harvest.sizes.values()).most_common(1) or [((0.0, 0.0), 0)]
    for i, subject in enumerate(harvest.subject):
        if subject not in known:
            told = metadata.get(subject, {})
            found = _tiles_of(harvest, picking, told, micrographs, subject, usual)
            known[subject] = found if isinstance(found, str) else (len(tiles), len(found))
            tiles += [] if isinstance(found, str) else found
        entry = known[subject]
        if isinstance(entry, str):
            # a flat table has a row for each mark, the others one for each classification
            rows = n_marks[i] if harvest.flat else 1
            harvest.fates.add("dropped", entry, f"row {harvest.row[i]}", int(rows))
        else:
            first[i], frames[i] = entry
    looks = _looks(harvest, volunteers, first, frames)
    return Picked(
        tuple(tile.name for tile in tiles),
        table := _tile_table(harvest, tiles, file),
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
    label_of = {answer: meant.get(normalise(answer)) for answer in set(harvest.answer)}
    at = zip(*(marks[name].tolist() for name in ("micrograph", "x", "y")), strict=True)
    at_mark = dict(zip(marks["mark"].tolist(), at, strict=True))
    places: dict[str, int] = {}
    place_of = [places.setdefault(subject, len(places)) for subject in harvest.subject]
    shown = [_shown(classifying, metadata.get(s, {}), micrographs, at_mark) for s in places]
    rows: list[int] = []
    for i, (k, answer) in enumerate(zip(place_of, harvest.answer, strict=True)):
        target = shown[k]
        if isinstance(target, str):
            harvest.fates.dropped(target, harvest.row[i])
        elif label_of[answer] is None:
            what = f"answer {normalise(answer)[:60]!r} means no label"
            harvest.fates.dropped(what, harvest.row[i])
        else:
            rows.append(i)
    harvest.fates.add("kept", "votes", count=len(rows))
    votes = _votes(harvest, rows, shown, np.array(place_of, np.int64)[rows], volunteers)
    votes["label"] = [label_of[harvest.answer[i]] for i in rows]
    return votes


def _votes(
    harvest: Harvest, rows: list[int], shown: list[_Shown | str], which: Ints, volunteers: Ints
) -> Table:
    """VOTE of those rows of a harvest, still without labels; `which` is where in `shown`."""
    votes = np.zeros(len(rows), VOTE)
    names = "mark", "micrograph", "x", "y"
    nothing = NO_MARK, -1, 0.0, 0.0
    targets = [nothing if isinstance(target, str) else target for target in shown]
    table = np.array(targets, [(name, VOTE[name]) for name in names])
    for name in names:
        votes[name] = table[name][which]
    votes["classification"] = np.array(harvest.classification, np.int64)[rows]
    votes["made_at"] = np.array(harvest.made_at, np.int64)[rows]
    votes["volunteer"] = volunteers[np.array(harvest.person, np.int64)[rows]]
    votes["counted"] = True
    return votes


def _tiles_of(
    harvest: Harvest,
    picking: Picking,
    metadata: Metadata,
    micrographs: Micrographs,
    subject: str,
    usual: tuple[float, float],
) -> list[_Tile] | str:
    """The tiles that a subject shows, or why none."""
    most = MOST_FRAMES if _by_frame(picking) else 1
    placed = picking.x0 or picking.row or picking.pattern
    tiles: list[_Tile] = []
    for frame in range(most):
        where = place(picking, metadata, micrographs, frame)
        if isinstance(where, str):
            return tiles or where
        name = subject if frame == 0 else f"{subject}#{frame}"
        shown = harvest.sizes.get(subject)
        if not placed and (not harvest.flat or subject == metadata.get("micrograph")):
            image = micrographs.all[where.micrograph]
            nominal = float(image.width), float(image.height)
            tiles.append(_Tile(name, where, nominal, shown or nominal, shown is None))
        else:
            nominal = where.width, where.height
            tiles.append(_Tile(name, where, nominal, shown or usual, shown is None))
    return tiles


def _by_frame(picking: Picking) -> bool:
    """Whether the mapping tells the frames of a subject apart."""
    told = picking.pattern.key if picking.pattern else ""
    told += picking.micrograph + picking.x0 + picking.y0 + picking.row + picking.col
    return "{frame}" in told


def _tile_table(harvest: Harvest, tiles: list[_Tile], file: object) -> Table:
    """TILE rows; a tile of unknown size is as large as most are."""
    table = np.zeros(len(tiles), TILE)
    for row, tile in zip(table, tiles, strict=True):
        where = tile.where
        row["micrograph"], row["x0"], row["y0"] = where.micrograph, where.x0, where.y0
        row["width"] = tile.nominal[0] or tile.shown[0] * _scale(tile)
        row["height"] = tile.nominal[1] or tile.shown[1] * _scale(tile)
    if not harvest.flat:
        if not (table["width"] > 0).all() or not (table["height"] > 0).all():
            raise K2CError(
                "No row says how large the tiles are.",
                file=file,
                remedy="Name the metadata keys width and height in [picking] of mapping.toml.",
            )
        guessed = [tile for tile in tiles if tile.guessed]
        full = sum(tile.shown == tile.nominal for tile in guessed)
        usual = sum(0 in tile.nominal for tile in guessed)
        for what, n in (
            ("tiles of unknown size, taken to be as large as most", usual),
            ("tiles shown at an unknown size, taken to be shown at their own", full),
        ):
            harvest.fates.add("flagged", what, count=n)
    return table


def _scale(tile: _Tile) -> float:
    """Micrograph px per tile px: as said, or as the shown size betrays."""
    if tile.where.scale == 1 and tile.nominal[0] and tile.shown[0]:
        return tile.nominal[0] / tile.shown[0]
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
    by_frame = _by_frame(picking)
    shown = (frame >= 0) & (frame < frames[look]) if by_frame else np.ones(len(look), bool)
    keep = np.isfinite(x) & (first[look] >= 0)
    what = "marks on a frame that the mapping does not place"
    harvest.fates.add("dropped", what, count=int((keep & ~shown).sum()))
    keep &= shown
    look, frame, x, y = look[keep], frame[keep], x[keep], y[keep]
    tile = first[look] + (frame if by_frame else 0)
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
    unsized = np.flatnonzero((table["width"] == 0) | (table["height"] == 0))
    of_tile = np.argsort(marks["tile"], kind="stable")
    starts = np.searchsorted(marks["tile"][of_tile], np.arange(len(table) + 1))
    for tile in unsized:
        own = marks[of_tile[starts[tile] : starts[tile + 1]]]
        for origin, side, at in (("x0", "width", "x"), ("y0", "height", "y")):
            # whole pixels: the outermost mark is inside, however sums are rounded
            table[origin][tile] = np.floor(own[at].min())
            table[side][tile] = np.floor(own[at].max()) + 1 - table[origin][tile]
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
    return np.asarray((at >= 0) & (at < length))


def _shown(
    classifying: Classifying,
    metadata: Metadata,
    micrographs: Micrographs,
    at_mark: dict[int, tuple[int, float, float]],
) -> _Shown | str:
    """Mark, micrograph, x and y that a subject showed, or why it cannot be told."""
    position = _position(classifying, metadata, micrographs)
    if classifying.mark:
        mark = _mark(str(metadata.get(classifying.mark, "")))
        at = at_mark.get(mark)
        if at is not None:
            if position is None or _near(at, position, classifying.radius):
                return mark, *at
        elif position is None and classifying.mark in metadata:
            return "the mark that was shown is not in the picking export"
    if position is not None:
        return NO_MARK, *position
    keys = classifying.mark, classifying.micrograph, classifying.x, classifying.y
    missing = [key for key in keys if key and key not in metadata]
    if missing:
        return f"no {missing[0]} in the subject's metadata"
    return "nothing says which mark was shown"


def _position(
    classifying: Classifying, metadata: Metadata, micrographs: Micrographs
) -> tuple[int, float, float] | None:
    if not (classifying.micrograph and classifying.x and classifying.y):
        return None
    micrograph = micrographs.find(metadata.get(classifying.micrograph, ""))
    try:
        x, y = float(metadata[classifying.x]), float(metadata[classifying.y])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return (micrograph, x, y) if micrograph is not None and is_place(x, y) else None


def _mark(text: str) -> int:
    """``380000004:0`` to a mark; `NO_MARK` where it is none."""
    classification, _, position = text.strip().partition(":")
    if not (classification.isdecimal() and position.isdecimal()):
        return NO_MARK
    if int(position) >= MARKS_PER_CLASSIFICATION or len(classification) > 14:
        return NO_MARK
    return int(classification) * MARKS_PER_CLASSIFICATION + int(position)


def _near(one: tuple[int, float, float], other: tuple[int, float, float], radius: float) -> bool:
    return one[0] == other[0] and hypot(one[1] - other[1], one[2] - other[2]) <= radius
