"""A first look at an import: which file is which, and the proof that the tiles lie right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from k2c_gui.core.model import Ints, K2CError, Label, Micrograph, Progress, Table, no_progress

from . import micrographs
from .files import Rows
from .mapping import Mapping, Micrographs, load
from .readers import People, of
from .sources import (
    Files,
    find_classifying,
    find_micrographs,
    number_volunteers,
    place_marks,
    read_picking,
)
from .workflows import Workflows

Role = Literal["images", "picking", "classifying", "workflows", "mapping", "labels", "session"]

MOST_ROWS = 5000
"""Rows of each export that are looked at: enough for tiles of every micrograph, read in 0.2 s."""
TILES = 5
"""Corners and middle: what is swapped, mirrored or scaled wrongly shows in them."""
_FEW_ROWS = 200


@dataclass(frozen=True, slots=True)
class Preview:
    """What the start of an import looks like.

    Attributes
    ----------
    micrographs : tuple of Micrograph
        All that were found.
    mapping : Mapping
        As it would be used.
    detected : bool
        The mapping was found, not given.
    micrograph : int
        The one with the most marks: place in `micrographs`.
    tile_names : tuple of str
    tiles : (n,) TILE
        Up to five tiles of it, those nearest to its corners and its middle.
    marks : (n_marks,) MARK
        Marks placed on these tiles; `tile` is the place in `tiles`.
    """

    micrographs: tuple[Micrograph, ...]
    mapping: Mapping
    detected: bool
    micrograph: int
    tile_names: tuple[str, ...]
    tiles: Table
    marks: Table


def preview(
    files: Files,
    labels: tuple[Label, ...],
    *,
    mapping: Mapping | None = None,
    progress: Progress = no_progress,
) -> Preview:
    """Find the mapping, and place the marks of the first rows by it.

    Parameters
    ----------
    files : Files
    labels : tuple of Label
    mapping : Mapping, optional
        The session's own, for files that do not come with one.
    progress : Progress

    Returns
    -------
    Preview

    Raises
    ------
    K2CError
        A file cannot be used at all, or no mapping is found.
    """
    images, _ = find_micrographs(files.images, files.pixel_size_nm, progress)
    given = load(files.mapping, labels) if files.mapping else mapping or Mapping()
    people = People()
    progress(f"Reading {files.picking.name}", 0, 0)
    picking, picks, metadata = read_picking(
        Rows(files.picking, MOST_ROWS),
        given.picking,
        images,
        Workflows(files.workflows),
        people,
        progress,
    )
    classifying = given.classifying
    if files.classifying:
        progress(f"Reading {files.classifying.name}", 0, 0)
        rows = Rows(files.classifying, MOST_ROWS)
        classifying = find_classifying(rows, of(rows), classifying, labels, images)
    found, volunteers = Micrographs(images), number_volunteers(picks, None, None)
    picked = place_marks(picks, picking, metadata, found, labels, volunteers, files.picking)
    n_marks = np.bincount(picked.marks["micrograph"], minlength=len(images))
    shown = int(n_marks.argmax())
    chosen = _spread(picked.tiles, shown, images[shown], picked.marks)
    marks = picked.marks[np.isin(picked.marks["tile"], chosen)]
    place = np.full(len(picked.tiles), -1)
    place[chosen] = np.arange(len(chosen))
    marks["tile"] = place[marks["tile"]]
    return Preview(
        images,
        Mapping(picking=picking, classifying=classifying),
        not files.mapping and mapping is None,
        shown,
        tuple(picked.tile_names[i] for i in chosen),
        picked.tiles[chosen],
        marks,
    )


def recognise(paths: Iterable[Path]) -> dict[Role, Path]:
    """Tell what dropped files are for, by what is in them.

    Parameters
    ----------
    paths : iterable of Path

    Returns
    -------
    dict of str to Path
        Of several files of one kind the first; what is none of them is left out. An image stands
        for its folder; a folder without images is searched for exports and a folder of images.
    """
    roles: dict[Role, Path] = {}
    for path in paths:
        inside = _images_in(path) if path.is_dir() else None
        if path.is_dir() and inside is None:
            for part in sorted(path.iterdir()):
                images = part.is_dir() and _images_in(part) is not None
                role = "images" if images else _role(part)
                if role and role != "session":
                    roles.setdefault(role, part)
        elif path.suffix.lower() in micrographs.SUFFIXES and path.is_file():
            roles.setdefault("images", path.parent)
        elif role := "images" if inside else _role(path):
            roles.setdefault(role, inside or path)
    return roles


def _images_in(folder: Path) -> Path | None:
    return folder if micrographs.find(folder) else None


def _role(path: Path) -> Role | None:
    """What one file is for; None for none of the roles."""
    if not path.is_file():
        return None
    if path.suffix.lower() == ".k2c":
        return "session"
    if path.suffix.lower() == ".toml":
        return _toml_role(path)
    try:
        rows = Rows(path, _FEW_ROWS)
        if {"workflow_id", "tasks", "strings"} <= set(rows.header):
            return "workflows"
        survey = of(rows).survey(rows)
    except K2CError:
        return None
    answered = survey.answers.total() > survey.points.total() + survey.shapes.total()
    return "classifying" if answered else "picking"


def _toml_role(path: Path) -> Role | None:
    try:
        tables = msgspec.toml.decode(path.read_bytes())
    except (OSError, ValueError):
        return None
    if "label" in tables:
        return "labels"
    return "mapping" if {"picking", "classifying"} & tables.keys() else None


def _spread(tiles: Table, micrograph: int, image: Micrograph, marks: Table) -> Ints:
    """Places of the tiles nearest to the corners and the middle of a micrograph."""
    own = np.flatnonzero(tiles["micrograph"] == micrograph)
    marked = np.bincount(marks["tile"], minlength=len(tiles))[own] > 0
    own = own[marked] if marked.sum() >= TILES else own
    x = tiles["x0"][own] + tiles["width"][own] / 2
    y = tiles["y0"][own] + tiles["height"][own] / 2
    chosen: list[int] = []
    for across, down in ((0.5, 0.5), (0, 0), (1, 0), (0, 1), (1, 1)):
        distance = np.hypot(x - across * image.width, y - down * image.height)
        distance[chosen] = np.inf
        if np.isfinite(distance).any():
            chosen.append(int(distance.argmin()))
    return np.sort(own[chosen])
