"""Export files to plain columns: one file a source format, told apart by content.

A reader module has what `Reader` asks for; a new format is a new file here.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol

from k2c_gui.core.model import K2CError, Progress, Tally, no_progress
from k2c_gui.io.detection import Survey
from k2c_gui.io.files import Rows
from k2c_gui.io.mapping import FARTHEST, Classifying, Metadata, Picking
from k2c_gui.io.workflows import Workflows

Kind = Literal["picking", "classifying"]

MOST_FRAMES = 64
"""Of a multi-frame subject."""
_EPOCH = datetime(1970, 1, 1)
_EPOCH_UTC = _EPOCH.replace(tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_MOST_DIGITS = 14  # of a classification id: with a place in the value list it still fits 63 bits


class People:
    """Numbers for people, in memory only: names, ids and addresses go no further than here."""

    def __init__(self) -> None:
        self._code: dict[Hashable, int] = {}

    def code(self, identity: Hashable) -> int:
        """Number of a person, the same for the same identity."""
        return self._code.setdefault(identity, len(self._code))

    def logged_in(self, user_id: str, name: str) -> int:
        """Number of a person who goes by an id, or by a name where the id is not told."""
        # tables that went through pandas have ids such as 108.0
        user_id = user_id.strip().removesuffix(".0")
        return self.code(("id", user_id) if user_id else ("name", name))


class Fates:
    """Counts what became of rows, marks and votes.

    Parameters
    ----------
    source : str
        As in `Tally`.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self._count: Counter[tuple[Literal["kept", "flagged", "dropped"], str]] = Counter()
        self._first: dict[str, str] = {}

    def add(
        self,
        fate: Literal["kept", "flagged", "dropped"],
        what: str,
        first: str = "",
        count: int = 1,
    ) -> None:
        """Count one fate; `first` is remembered from the first call."""
        self._count[fate, what] += count
        self._first.setdefault(what, first)

    def dropped(self, what: str, row: int) -> None:
        """Count a row that is not imported."""
        self.add("dropped", what, f"row {row}")

    def lost(self, rows: Rows) -> None:
        """Count the rows that the file itself could not give."""
        for number, what in rows.lost:
            self.dropped(what, number)
        if rows.broken:
            self.add("dropped", rows.broken)

    def tallies(self) -> tuple[Tally, ...]:
        """Kept first, then flagged, then dropped, the commonest first."""
        order = ("kept", "flagged", "dropped")
        return tuple(
            Tally(self.source, fate, what, count, self._first[what])
            for (fate, what), count in sorted(
                self._count.items(), key=lambda item: (order.index(item[0][0]), -item[1])
            )
            if count
        )


@dataclass(slots=True)
class Harvest:
    """Columns read from one file, before anything is known of micrographs.

    Attributes
    ----------
    row, classification, made_at, person : list of int
        One a classification; `row` as a spreadsheet counts it, `made_at` in seconds since
        1970, UTC.
    subject : list of str
    answer : list of str
        One a classification; of a classifying file only.
    look, position, frame : list of int
        One a mark: place of its classification above, its place in the value list, and its frame
        of the subject; -1 for a frame that there cannot be.
    x, y : list of float
        One a mark: px of the tile, nan where the mark has none.
    tool : list of str
        One a mark: what the marking tool is called; empty where that is not known.
    metadata : dict
        By subject.
    sizes : dict
        Natural width and height of the tile, px of the tile, by subject.
    fates : Fates
    flat : bool
        Coordinates are px of the micrograph already, and tools are names or values of labels.
    """

    fates: Fates
    flat: bool = False
    row: list[int] = field(default_factory=list)
    classification: list[int] = field(default_factory=list)
    made_at: list[int] = field(default_factory=list)
    person: list[int] = field(default_factory=list)
    subject: list[str] = field(default_factory=list)
    answer: list[str] = field(default_factory=list)
    look: list[int] = field(default_factory=list)
    position: list[int] = field(default_factory=list)
    frame: list[int] = field(default_factory=list)
    x: list[float] = field(default_factory=list)
    y: list[float] = field(default_factory=list)
    tool: list[str] = field(default_factory=list)
    metadata: dict[str, Metadata] = field(default_factory=dict)
    sizes: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """What to read, and by which table of the mapping."""

    rows: Rows
    table: Picking | Classifying
    workflows: Workflows
    people: People
    progress: Progress = no_progress


class Reader(Protocol):
    """What a module of this folder offers."""

    NAME: str

    def recognises(self, header: Sequence[str]) -> bool:
        """Whether a file with this header is of this format."""

    def survey(self, rows: Rows) -> Survey:
        """Look at what the file holds; bad rows are passed over."""

    def read(self, request: Request, kind: Kind) -> Harvest:
        """Read the file; bad rows are counted, not raised."""


def is_place(x: float, y: float) -> bool:
    """Whether two numbers are coordinates, in px: finite, and no nonsense either."""
    return -FARTHEST < x < FARTHEST and -FARTHEST < y < FARTHEST


def classification_id(text: str) -> int:
    """Number of a classification; ValueError where it is none."""
    if not text.strip().isdecimal() or len(text.strip()) > _MOST_DIGITS:
        raise ValueError
    return int(text)


def seconds(text: str) -> int:
    """``2022-03-01 00:01:21 UTC`` in seconds since 1970; ValueError where it is no date."""
    date = datetime.fromisoformat(text.strip().removesuffix(" UTC"))
    return (date - (_EPOCH_UTC if date.tzinfo else _EPOCH)) // _SECOND


def of(rows: Rows) -> Reader:
    """Find the reader for a file.

    Parameters
    ----------
    rows : Rows

    Returns
    -------
    Reader

    Raises
    ------
    K2CError
        No format is recognised: the message lists those that are.
    """
    modules = all_readers()
    for module in modules:
        if module.recognises(rows.header):
            return module
    names = "; ".join(module.NAME for module in modules)
    # the row is not quoted: in an export without a header it would tell who a volunteer is
    raise K2CError(
        "The first row has the columns of no known format.",
        file=rows.path,
        row=1,
        remedy=f"Known are: {names}.",
    )


def all_readers() -> list[Reader]:
    """Every reader of this folder, by file name."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    return [
        importlib.import_module(f"{__name__}.{module.name}")
        for module in sorted(found, key=lambda module: module.name)
    ]
