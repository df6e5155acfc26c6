"""What is written in the form, and whether that can be exported."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import date
from math import isclose, isfinite, nan
from pathlib import Path
from typing import Any, Literal

import msgspec

from k2c_gui.core.model import Label, Micrograph
from k2c_gui.core.tiling import FEWEST_PX
from k2c_gui.core.training_set import Ambiguous
from k2c_gui.io import exporters
from k2c_gui.io.papers import CREDIT, TITLE
from k2c_gui.io.release import TABLE
from k2c_gui.releasing import About, Choice

Include = Literal["signed-off", "all"]
Box = Literal["default", "nm", "px"]

COUNTED = ("include", "labels", "box", "split", "seed", "test")
"""Fields without which there is nothing to count or draw."""

_SEED = "Give a whole number from 0."

_FORGOTTEN = ("folder", "test", "labels", "date", "named_experts", "notes")
"""What another release may not take over unseen: its place, its session's own, and consent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The form as it is filled in: text is as written, with its faults.

    Attributes
    ----------
    folder, licence : str
    formats : tuple of str
    include : {"signed-off", "all"}
    labels : tuple of int or None
        Values; None: those in use in the session.
    ambiguous : {"keep", "drop", "soft"}
    box : {"default", "nm", "px"}
    size : str
        In the unit of `box`.
    shares : tuple of str
        Per cent for train, validation and test.
    seed : str
    test : tuple of str
        Names of the micrographs to test on.
    images, tiled : bool
    tile, overlap : str
        px.
    title, credit, date : str
    named_experts, notes : bool
    """

    folder: str = ""
    licence: str = ""
    formats: tuple[str, ...] = (TABLE, "coco")
    include: Include = "signed-off"
    labels: tuple[int, ...] | None = None
    ambiguous: Ambiguous = "keep"
    box: Box = "default"
    size: str = ""
    shares: tuple[str, str, str] = ("80", "10", "10")
    seed: str = "0"
    test: tuple[str, ...] = ()
    images: bool = True
    tiled: bool = False
    tile: str = "512"
    overlap: str = "64"
    title: str = TITLE
    credit: str = CREDIT
    date: str = ""
    named_experts: bool = False
    notes: bool = False

    def choice(self) -> Choice:
        """What is chosen; the fields must be without faults."""
        size = None if self.box == "default" else number(self.size)
        return Choice(
            formats=tuple(dict.fromkeys((TABLE, *self.formats))),
            include=self.include,
            labels=self.labels,
            ambiguous=self.ambiguous,
            box_nm=size if self.box == "nm" else None,
            box_px=size if self.box == "px" else None,
            ratios=tuple(number(share) / 100 for share in self.shares),
            seed=int(self.seed),
            test=self.test,
            tile=int(self.tile) if self.cuts_tiles else None,
            overlap=int(self.overlap) if self.cuts_tiles else 0,
            images=self.images,
        )

    def about(self) -> About:
        """What is said of it; the fields must be without faults."""
        return About(
            image_licence=self.licence,
            title=self.title,
            credit=self.credit,
            date=self.date,
            named_experts=self.named_experts,
            notes=self.notes,
        )

    @property
    def cuts_tiles(self) -> bool:
        """Whether tiles are wanted, and a format is that takes them."""
        return self.tiled and any(exporters.load(name).TILED for name in self.formats)

    def kept(self) -> dict[str, Any]:
        """What is remembered for the next release, as plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return {name: value for name, value in plain.items() if name not in _FORGOTTEN}


def recalled(kept: dict[str, Any]) -> Asked:
    """What was remembered; the defaults where that cannot be read, or is of another version."""
    try:
        asked = msgspec.convert(kept, Asked)
    except msgspec.ValidationError:
        return Asked()
    known = exporters.names()
    return replace(asked, formats=tuple(name for name in asked.formats if name in known))


def number(text: str) -> float:
    """A number as people write it, with point or comma; nan for what is none."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return nan
    return value if isfinite(value) else nan


def faults(
    asked: Asked,
    micrographs: Sequence[Micrograph],
    labels: Sequence[Label],
    signed_off: Set[str],
) -> dict[str, str]:
    """Tell what cannot be exported as it is asked for, by field, in plain sentences.

    Parameters
    ----------
    asked : Asked
    micrographs, labels : sequence
        Of the session.
    signed_off : set of str
        Names of micrographs.
    """
    taken = taking(asked, micrographs, signed_off)
    found = {
        "folder": folder_fault(asked.folder),
        "licence": "" if asked.licence.strip() else "Say under which licence the images are.",
        "formats": _formats(asked),
        "include": "" if taken else "No micrograph is signed off yet. Sign one off, or take all.",
        "labels": _labels(asked, labels),
        "box": _box(asked, taken),
        "split": _split(asked),
        "seed": "" if re.fullmatch(r"\d{1,9}", asked.seed.strip(), re.ASCII) else _SEED,
        "test": _test(asked, taken),
        "tile": _tile(asked) if asked.cuts_tiles else "",
        "title": "" if asked.title.strip() else "Give it a title.",
        "credit": "" if asked.credit.strip() else "Say whom to credit.",
        "date": _date(asked.date.strip()),
    }
    return {field: fault for field, fault in found.items() if fault}


def taking(
    asked: Asked, micrographs: Sequence[Micrograph], signed_off: Set[str]
) -> list[Micrograph]:
    """Micrographs that go in."""
    return [m for m in micrographs if asked.include == "all" or m.name in signed_off]


def folder_fault(text: str) -> str:
    """Why a release cannot be written there; empty where it can, as far as one can see."""
    if not text.strip():
        return "Name a new or empty folder."
    folder = Path(text.strip())
    if not folder.is_absolute():
        return "Name the whole path of the folder."
    try:
        if folder.exists() and not folder.is_dir():
            return "That is a file. Name a new or empty folder."
        if folder.is_dir() and any(folder.iterdir()):
            return "That folder is not empty. Name a new one."
    except OSError as error:
        return f"It cannot be read: {error.strerror or error}."
    return ""


def _formats(asked: Asked) -> str:
    images = [m.NAME for m in map(exporters.load, asked.formats) if m.NEEDS_PIXELS]
    if asked.images or not images:
        return ""
    return f"{' and '.join(images)} need images: write images, or leave them out."


def _labels(asked: Asked, labels: Sequence[Label]) -> str:
    used = [x for x in labels if (x.use if asked.labels is None else x.value in asked.labels)]
    return "" if used else "Choose one label or more."


def _box(asked: Asked, taken: Sequence[Micrograph]) -> str:
    if asked.box == "default":
        return ""
    bare = [m.name for m in taken if m.pixel_size_nm is None]
    if asked.box == "nm" and bare:
        who = f"{bare[0]} has" if len(bare) == 1 else f"{bare[0]} and {len(bare) - 1} more have"
        return f"{who} no pixel size. Set it in the window, or give the size in px."
    return "" if number(asked.size) > 0 else f"Give a size above 0 {asked.box}."


def _split(asked: Asked) -> str:
    shares = [number(share) for share in asked.shares]
    if any(not 0 <= share <= 100 for share in shares):
        return "Give three shares from 0 to 100 %."
    if not isclose(sum(shares), 100, abs_tol=1e-4):
        return f"The shares sum to {sum(shares):g} %, not to 100 %."
    return "" if shares[0] else "Train needs a share above 0 %."


def _test(asked: Asked, taken: Sequence[Micrograph]) -> str:
    if asked.test and len(asked.test) == len(taken):
        return "Every micrograph is for testing. Leave one or more to train on."
    return ""


def _tile(asked: Asked) -> str:
    sizes = asked.tile.strip(), asked.overlap.strip()
    if not all(re.fullmatch(r"\d{1,6}", size, re.ASCII) for size in sizes):
        return "Give whole px for the side and the overlap."
    side, overlap = map(int, sizes)
    if side < FEWEST_PX:
        return f"A tile needs {FEWEST_PX} px or more."
    return "" if overlap < side else "The overlap must be less than the side."


def _date(text: str) -> str:
    if not text:
        return ""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    return "" if day and day.isoformat() == text else "Give the date as YYYY-MM-DD."
