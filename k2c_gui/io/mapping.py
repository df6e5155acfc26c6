"""Which tile lies where on which micrograph, and which subject shows which mark.

Zooniverse has no standard for it: every project writes its own keys into its subjects' metadata.
``mapping.toml`` says it outright; `detection` guesses the usual conventions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from k2c_gui.core.model import K2CError, Label, Micrograph

from .files import Rows

Metadata = MappingOf[str, Any]
"""What a subject says of itself: keys as the project wrote them."""

FARTHEST = 1e9
"""px: what lies farther out is no coordinate."""


class Pattern(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A regular expression on one metadata value.

    Its groups: ``micrograph``, and ``x0``, ``y0`` (px) or ``col``, ``row`` (counted in tiles).
    ``{frame}`` in the key stands for the frame of a multi-frame subject.
    """

    key: str
    regex: str


class Picking(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The ``[picking]`` table: how marks on tiles become marks on micrographs.

    Attributes
    ----------
    workflow_id, task : str
    version : str
        Major (``12``) or exact (``12.34``) version of the workflow; empty takes all.
    experts : bool
        Take expert and gold-standard rows too.
    micrograph, x0, y0, scale, width, height : str
        Metadata keys; px of the micrograph, `scale` is micrograph px per tile px. Width and
        height are read from the classifications where no key is named.
    row, col : str
        Metadata keys of a grid, instead of `x0`, `y0`.
    first_row, first_col : int
        What the first row and column are called.
    stride_x, stride_y : float
        px of the micrograph between the origins of neighbouring tiles of a grid.
    pattern : Pattern or None
        Instead of the keys.
    tiles : str
        A side table with a column ``subject_id``; its columns are used as metadata.
    tools : dict
        Marking tools that say what the thing is, to a label's value.
    """

    workflow_id: str | int = ""
    task: str = ""
    version: str | int = ""
    experts: bool = False
    micrograph: str = ""
    x0: str = ""
    y0: str = ""
    scale: str = ""
    width: str = ""
    height: str = ""
    row: str = ""
    col: str = ""
    first_row: int = 0
    first_col: int = 0
    stride_x: float = 0.0
    stride_y: float = 0.0
    pattern: Pattern | None = None
    tiles: str = ""
    tools: dict[str, int] = {}


class Classifying(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The ``[classifying]`` table: what was shown, and which answer means which label.

    Attributes
    ----------
    workflow_id, task, version, experts
        As in `Picking`.
    mark : str
        Metadata key of ``<classification id>:<place in the task's value list>``.
    micrograph, x, y : str
        Metadata keys: the nearest mark within `radius` is meant.
    radius : float
        px of the micrograph.
    subjects : str
        A side table with a column ``subject_id``; its columns are used as metadata.
    answers : dict
        Answer to a label's value.
    """

    workflow_id: str | int = ""
    task: str = ""
    version: str | int = ""
    experts: bool = False
    mark: str = ""
    micrograph: str = ""
    x: str = ""
    y: str = ""
    radius: float = 1.0
    subjects: str = ""
    answers: dict[str, int] = {}


class Mapping(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A whole ``mapping.toml``."""

    picking: Picking = Picking()
    classifying: Classifying = Classifying()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tile lies; px of the micrograph, width and height 0 where they are not known."""

    micrograph: int
    x0: float
    y0: float
    scale: float
    width: float
    height: float


def load(path: Path, labels: tuple[Label, ...]) -> Mapping:
    """Read a ``mapping.toml``.

    Parameters
    ----------
    path : Path
    labels : tuple of Label
        Tools and answers must name one of these.

    Returns
    -------
    Mapping
        Paths of side tables are taken from beside the file and made absolute.

    Raises
    ------
    K2CError
        Missing, no TOML, an unknown key, a pattern that is no regular expression, a label that
        the scheme does not have.
    """
    try:
        mapping = msgspec.toml.decode(path.read_bytes(), type=Mapping)
    except OSError as error:
        raise K2CError(f"It cannot be read: {error.strerror}.", file=path) from error
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise K2CError(
            f"This is no mapping: {error}.", file=path, remedy="See the README for the keys."
        ) from error
    _check(mapping, path, {label.value for label in labels})
    beside = {
        "picking": msgspec.structs.replace(
            mapping.picking, tiles=_beside(path, mapping.picking.tiles)
        ),
        "classifying": msgspec.structs.replace(
            mapping.classifying, subjects=_beside(path, mapping.classifying.subjects)
        ),
    }
    return msgspec.structs.replace(mapping, **beside)


def dump(mapping: Mapping) -> str:
    """Write a mapping as TOML, without what is left at its default.

    Parameters
    ----------
    mapping : Mapping

    Returns
    -------
    str
    """
    tables = {
        name: {
            key: msgspec.to_builtins(value)
            for key, value in msgspec.structs.asdict(table).items()
            if value != getattr(type(table)(), key)
        }
        for name, table in (("picking", mapping.picking), ("classifying", mapping.classifying))
    }
    return tomli_w.dumps({name: table for name, table in tables.items() if table})


def side_table(path: str) -> dict[str, Metadata]:
    """Read metadata that did not travel with the export.

    Takes any table with a column ``subject_id``; of a Zooniverse subject export, the JSON in its
    column ``metadata`` is taken.

    Parameters
    ----------
    path : str
        Empty: no table.

    Returns
    -------
    dict of str to dict

    Raises
    ------
    K2CError
        The file cannot be read, or has no column ``subject_id``.
    """
    if not path:
        return {}
    rows = Rows(Path(path))
    if "subject_id" not in rows.header:
        raise K2CError(
            "There is no column subject_id.",
            file=path,
            row=1,
            remedy="Name the column that holds the subjects' ids subject_id.",
        )
    table: dict[str, Metadata] = {}
    for number, cells in rows.all():
        row: dict[str, Any] = dict(zip(rows.header, cells, strict=True))
        # metadata often have a subject_id of their own, which is another one
        subject = row["subject_id"].strip()
        if "metadata" in row:
            try:
                row |= msgspec.json.decode(row.pop("metadata"), type=dict[str, Any])
            except (msgspec.DecodeError, RecursionError) as error:
                raise K2CError(
                    "The metadata are not JSON.",
                    file=path,
                    row=number,
                    remedy="Export the subjects again.",
                ) from error
        table[subject] = row
    return table


class Micrographs:
    """Find a micrograph by the name a project gave it.

    Parameters
    ----------
    micrographs : tuple of Micrograph
    """

    def __init__(self, micrographs: tuple[Micrograph, ...]) -> None:
        self.all = micrographs
        self._place: dict[str, int] = {}
        for spell in (_stem_folded, str.casefold, _stem, str):
            spelt = Counter(spell(micrograph.name) for micrograph in micrographs)
            for i, micrograph in enumerate(micrographs):
                # two images of one name: only what tells them apart finds either
                if spelt[spell(micrograph.name)] == 1:
                    self._place[spell(micrograph.name)] = i

    def find(self, name: object) -> int | None:
        """Place of the micrograph that a file name, or its stem, means; None if there is none."""
        text = re.split(r"[\\/]", str(name).strip())[-1]
        for spell in (str, _stem, str.casefold, _stem_folded):
            if (place := self._place.get(spell(text))) is not None:
                return place
        return None


def place(
    picking: Picking, metadata: Metadata, micrographs: Micrographs, frame: int = 0
) -> Place | str:
    """Say where a tile lies.

    Parameters
    ----------
    picking : Picking
    metadata : dict
        Of the subject.
    micrographs : Micrographs
    frame : int
        Of a multi-frame subject.

    Returns
    -------
    Place or str
        A str is the reason why the tile has no place.
    """
    found: dict[str, Any] = {}
    if picking.pattern is not None:
        key = picking.pattern.key.replace("{frame}", str(frame))
        match = re.search(picking.pattern.regex, str(metadata.get(key, "")))
        if match is None:
            return f"the pattern does not fit {key}"
        found = match.groupdict()
    for field in ("micrograph", "x0", "y0", "row", "col", "scale", "width", "height"):
        key = getattr(picking, field).replace("{frame}", str(frame))
        if key and found.get(field) is None:
            if key not in metadata:
                return f"no {key} in the subject's metadata"
            found[field] = metadata[key]
    for field in ("scale", "width", "height"):
        if found.get(field) in ("", None):
            found.pop(field, None)
    name = found.pop("micrograph", "")
    micrograph = micrographs.find(name)
    if micrograph is None:
        return f"micrograph {name!s:.80} is not in the image folder, or not by one name"
    try:
        return _placed(picking, micrograph, {k: float(v) for k, v in found.items()})
    except (TypeError, ValueError, OverflowError):
        return "where the tile lies is not a number"


def _placed(picking: Picking, micrograph: int, number: dict[str, float]) -> Place | str:
    if "row" in number and "col" in number:
        number["x0"] = (number["col"] - picking.first_col) * picking.stride_x
        number["y0"] = (number["row"] - picking.first_row) * picking.stride_y
    where = Place(
        micrograph,
        number.get("x0", 0.0),
        number.get("y0", 0.0),
        number.get("scale", 1.0),
        number.get("width", 0.0),
        number.get("height", 0.0),
    )
    numbers = (where.x0, where.y0, where.scale, where.width, where.height)
    if not all(-FARTHEST < number < FARTHEST for number in numbers):
        return "where the tile lies is not a number"
    if where.scale <= 0 or where.width < 0 or where.height < 0:
        return "the tile's scale or size is not above 0"
    return where


def _check(mapping: Mapping, path: Path, values: set[int]) -> None:
    picking, pattern = mapping.picking, mapping.picking.pattern
    told = {name for name in ("x0", "y0", "row", "col") if getattr(picking, name)}
    if pattern is not None:
        try:
            groups = re.compile(pattern.regex).groupindex
        except re.error as error:
            raise K2CError(f"The pattern is no regular expression: {error}.", file=path) from error
        told |= groups.keys() & {"x0", "y0", "row", "col"}
        if "micrograph" not in groups and not picking.micrograph:
            raise K2CError(
                "The pattern does not say which micrograph.",
                file=path,
                remedy="Add a group (?P<micrograph>...), or the key micrograph.",
            )
    _check_numbers(mapping, path, told)
    for table, named in (
        ("picking.tools", mapping.picking.tools),
        ("classifying.answers", mapping.classifying.answers),
    ):
        for name, value in named.items():
            if value not in values:
                raise K2CError(
                    f"[{table}] gives {name!r} the label {value}, which is not in the scheme.",
                    file=path,
                    remedy=f"Use one of {', '.join(map(str, sorted(values)))}.",
                )


def _check_numbers(mapping: Mapping, path: Path, told: set[str]) -> None:
    for one, other in (("x0", "y0"), ("row", "col")):
        if len(told & {one, other}) == 1:
            raise K2CError(
                f"[picking] tells one of {one} and {other}.", file=path, remedy="Tell both."
            )
    strides = mapping.picking.stride_x, mapping.picking.stride_y
    if "row" in told and not all(0 < stride < FARTHEST for stride in strides):
        raise K2CError(
            "[picking] tells row and col, but not how far apart they are.",
            file=path,
            remedy="Give stride_x and stride_y, in px of the micrograph, above 0.",
        )
    if not 0 <= mapping.classifying.radius < FARTHEST:
        raise K2CError(
            f"A radius of {mapping.classifying.radius} px is none.",
            file=path,
            remedy="Give px of the micrograph, 0 or more.",
        )


def _beside(path: Path, side: str) -> str:
    return str((path.parent / side).resolve()) if side else ""


def _stem(name: str) -> str:
    return re.sub(r"(?i)(\.ome)?\.(tiff?|png|jpe?g|mrc|map|dm[34]|emd|ser|rec)$", "", name)


def _stem_folded(name: str) -> str:
    return _stem(name).casefold()
