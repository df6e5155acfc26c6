"""Guess the mapping from the usual conventions, to be shown before it is used."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import msgspec

from k2c_gui.core.model import K2CError, Label, Micrograph

from .mapping import Classifying, Metadata, Micrographs, Pattern, Picking, place

_ENOUGH = 0.5
"""Share of the surveyed subjects that a guess must place; stray subjects of tests are common."""

_X0 = ("x0", "x", "xoffset", "offsetx", "xorigin", "originx", "tilex", "xstart", "startx", "left")
_Y0 = ("y0", "y", "yoffset", "offsety", "yorigin", "originy", "tiley", "ystart", "starty", "top")
_ROW = ("row", "rowid", "tilerow", "gridrow")
_COL = ("col", "column", "colid", "columnid", "tilecol", "tilecolumn", "gridcol", "gridcolumn")
# not x0, y0: the tile from which a mark was cut tells its origin too
_AT = (("x", "y"), ("xpx", "ypx"), ("markx", "marky"), ("centroidx", "centroidy"), ("cx", "cy"))
_NAMES = ("micrograph", "image", "filename", "imagename", "file", "name", "image0", "source")

_IN_NAME = (
    r"(?P<micrograph>.+?)[_-]?(?:Tile)?[_-]x(?P<x0>-?\d+)[_-]y(?P<y0>-?\d+)",
    r"(?P<micrograph>.+?)[_-]?(?:Tile)?[_-]r(?:ow)?[_-]?(?P<row>\d+)[_-]c(?:ol)?[_-]?(?P<col>\d+)",
)


@dataclass(slots=True)
class Survey:
    """What the first rows of an export hold.

    Attributes
    ----------
    points, shapes, answers : Counter
        Marks with an x and y, marks of other shapes, and text answers, by (workflow id, task).
    texts : dict
        The different answers, by (workflow id, task).
    subjects : dict
        Metadata by workflow id and subject id.
    sizes : dict
        Natural width and height of what was shown, px, by subject id.
    """

    points: Counter[tuple[str, str]] = field(default_factory=Counter)
    shapes: Counter[tuple[str, str]] = field(default_factory=Counter)
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    texts: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    subjects: dict[str, dict[str, Metadata]] = field(default_factory=dict)
    sizes: dict[str, tuple[float, float]] = field(default_factory=dict)


def normalise(text: str) -> str:
    """Strip what projects and volunteers' browsers add around an answer."""
    return re.sub(r"[\s*_#`/-]+", " ", text).strip().rstrip(".!?").rstrip().casefold()


def holds(survey: Survey) -> str:
    """Say which tasks an export has, and what is in them."""
    kinds = ("points", survey.points), ("other shapes", survey.shapes), ("answers", survey.answers)
    there = sorted({at for _, counts in kinds for at in counts})
    tasks = [
        f"workflow_id {workflow}, task {task}"
        f" ({', '.join(kind for kind, n in kinds if n[workflow, task]) or 'nothing marked'})"
        for workflow, task in there[:12]
    ]
    return f"It holds {'; '.join(tasks) or 'no task that can be read'}."


def picking(survey: Survey, micrographs: tuple[Micrograph, ...], file: object) -> Picking:
    """Guess how tiles lie on micrographs.

    Parameters
    ----------
    survey : Survey
        Of the picking export.
    micrographs : tuple of Micrograph
    file : object
        For messages.

    Returns
    -------
    Picking

    Raises
    ------
    K2CError
        No task with marks; or no convention fits: the message lists the keys that are there.
    """
    if not any(survey.points.values()):
        raise K2CError(
            "No task of this export holds marks with an x and y.",
            file=file,
            remedy=f"Is it the picking export? {holds(survey)}",
        )
    (workflow, task), _ = survey.points.most_common(1)[0]
    found = Micrographs(micrographs)
    subjects = list(survey.subjects[workflow].values())
    guesses = [*_by_keys(subjects, found), *_by_name(subjects), *_whole(subjects, found)]
    for guess in guesses:
        guess = msgspec.structs.replace(guess, workflow_id=workflow, task=task)
        if guess.row or (guess.pattern and "<row>" in guess.pattern.regex):
            guess = _with_stride(guess, survey, subjects, found)
            if min(guess.stride_x, guess.stride_y) <= 0:
                continue
        placed = sum(not isinstance(place(guess, m, found), str) for m in subjects)
        if placed >= _ENOUGH * len(subjects):
            return guess
    raise K2CError(
        "No usual convention says where the tiles lie on the images of this folder.",
        file=file,
        remedy=f"Say it in mapping.toml. {_keys(subjects, found)}",
    )


def classifying(
    survey: Survey, labels: tuple[Label, ...], micrographs: tuple[Micrograph, ...], file: object
) -> Classifying:
    """Guess which question asked "what is it?", and of which mark.

    Parameters
    ----------
    survey : Survey
        Of the classifying export.
    labels : tuple of Label
    micrographs : tuple of Micrograph
    file : object
        For messages.

    Returns
    -------
    Classifying

    Raises
    ------
    K2CError
        No question with these answers, or nothing that says which mark was shown.
    """
    meant = answers(labels)
    known = {
        at: sum(normalise(t) in meant for t in texts)
        for at, texts in survey.texts.items()
        if any(normalise(t) in meant for t in texts)
    }
    if not known:
        seen = sorted({t.strip() for texts in survey.texts.values() for t in texts})[:8]
        raise K2CError(
            f"No question of this export is answered with the labels' names; answers: {seen}.",
            file=file,
            remedy="Name workflow_id, task and answers in mapping.toml.",
        )
    workflow, task = max(known, key=lambda at: (known[at], survey.answers[at]))
    subjects = list(survey.subjects[workflow].values())
    found = Micrographs(micrographs)
    keys = {_plain(k): k for k in _common_keys(subjects)}
    mark = next((k for k in keys.values() if _all(subjects, k, r"^\d+:\d+$")), "")
    name = _micrograph_key(subjects, found)
    x, y = next(((keys[x], keys[y]) for x, y in _AT if x in keys and y in keys), ("", ""))
    if not (name and x and y):
        name = x = y = ""
    if not (mark or name):
        raise K2CError(
            "Nothing says which mark was shown.",
            file=file,
            remedy=f"Say it in mapping.toml. {_keys(subjects, found)}",
        )
    return Classifying(workflow_id=workflow, task=task, mark=mark, micrograph=name, x=x, y=y)


def answers(labels: tuple[Label, ...]) -> dict[str, int]:
    """Answers that name a label outright, normalised, to its value."""
    meant: dict[str, int] = {}
    for label in labels:
        for text in (label.name, *label.name.split("/"), *label.answers):
            meant.setdefault(normalise(text), label.value)
    return meant


def keys_found(subjects: list[Metadata]) -> str:
    """List the metadata keys of an export, each with an example value."""
    example: dict[str, Any] = {}
    for metadata in subjects:
        for key, value in metadata.items():
            if key and value not in (None, ""):
                example.setdefault(key, value)
    shown = "; ".join(f"{k} = {str(v)[:60]!r}" for k, v in example.items())
    return f"Keys there: {shown or 'none'}."


def _keys(subjects: list[Metadata], found: Micrographs) -> str:
    images = ", ".join(m.name for m in found.all[:3]) or "none"
    return f"{keys_found(subjects)} Images: {images}."


def _plain(key: str) -> str:
    """A metadata key without the marks that hide it from volunteers, spaces and case."""
    return re.sub(r"[^a-z0-9]", "", key.casefold())


def _common_keys(subjects: list[Metadata]) -> list[str]:
    count = Counter(key for metadata in subjects for key in metadata if key)
    return [key for key, n in count.items() if n >= _ENOUGH * len(subjects)]


def _all(subjects: list[Metadata], key: str, regex: str) -> bool:
    fits = sum(bool(re.match(regex, str(m.get(key, "")))) for m in subjects)
    return fits >= _ENOUGH * len(subjects)


def _micrograph_key(subjects: list[Metadata], found: Micrographs) -> str:
    """The key whose values are names of images; of several, the one with the telling name."""
    fits = [
        key
        for key in _common_keys(subjects)
        if sum(found.find(m.get(key, "")) is not None for m in subjects) >= _ENOUGH * len(subjects)
    ]
    rank = {name: i for i, name in enumerate(_NAMES)}
    return min(fits, key=lambda k: rank.get(_plain(k), len(rank)), default="")


def _by_keys(subjects: list[Metadata], found: Micrographs) -> list[Picking]:
    """Conventions with one key a number: an origin in px, or a row and a column."""
    name = _micrograph_key(subjects, found)
    if not name:
        return []
    keys = {_plain(k): k for k in _common_keys(subjects)}
    scale, width, height = (keys.get(f, "") for f in ("scale", "width", "height"))
    origins = [
        Picking(micrograph=name, x0=keys[x], y0=keys[y], scale=scale, width=width, height=height)
        for x, y in zip(_X0, _Y0, strict=True)
        if x in keys and y in keys
    ]
    grids = [
        Picking(micrograph=name, row=keys[r], col=keys[c])
        for r, c in product(_ROW, _COL)
        if r in keys and c in keys
    ]
    return origins + grids


def _by_name(subjects: list[Metadata]) -> list[Picking]:
    """Conventions that write the origin, or row and column, into a file name."""
    return [
        Picking(pattern=Pattern(key=key, regex=regex))
        for regex in _IN_NAME
        for key in _common_keys(subjects)
        if _all(subjects, key, regex)
    ]


def _whole(subjects: list[Metadata], found: Micrographs) -> list[Picking]:
    """Micrographs that were never cut: a subject is a whole micrograph."""
    key = _micrograph_key(subjects, found)
    names = {str(m.get(key)) for m in subjects}
    return [Picking(micrograph=key)] if key and len(names) == len(subjects) else []


def _with_stride(
    guess: Picking, survey: Survey, subjects: list[Metadata], found: Micrographs
) -> Picking:
    """Give a grid its first row and column and its stride: the tiles span the micrograph."""
    rows, cols, micrographs = [], [], []
    for metadata in subjects:
        if guess.pattern:
            match = re.search(guess.pattern.regex, str(metadata.get(guess.pattern.key, "")))
            numbers = match.groupdict() if match else {}
        else:
            numbers = {
                "row": metadata.get(guess.row),
                "col": metadata.get(guess.col),
                "micrograph": metadata.get(guess.micrograph),
            }
        micrograph = found.find(numbers.get("micrograph") or "")
        at = [str(numbers.get(k, "")).strip() for k in ("row", "col")]
        if micrograph is not None and all(re.fullmatch(r"\d{1,6}", number) for number in at):
            rows.append(int(at[0]))
            cols.append(int(at[1]))
            micrographs.append(found.all[micrograph])
    sizes = Counter(survey.sizes.values())
    if not rows or not sizes:
        return guess
    (width, height), _ = sizes.most_common(1)[0]
    return msgspec.structs.replace(
        guess,
        first_row=min(rows),
        first_col=min(cols),
        stride_x=_stride(micrographs[0].width, width, max(cols) - min(cols)),
        stride_y=_stride(micrographs[0].height, height, max(rows) - min(rows)),
    )


def _stride(whole: float, tile: float, steps: int) -> float:
    return (whole - tile) / steps if steps else tile
