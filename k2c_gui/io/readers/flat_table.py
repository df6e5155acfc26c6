"""A flat table: ``micrograph,x,y`` in px of the micrograph, and ``volunteer,tile,label`` if known.

Rows have no ids: a mark goes by the row at which its look begins, so that a table that grew at
its end gives the old marks their old ids.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from k2c_gui.core.model import MARKS_PER_CLASSIFICATION, K2CError
from k2c_gui.io.detection import Survey
from k2c_gui.io.files import Rows

from . import Fates, Harvest, Kind, Request, is_place

NAME = "flat table (micrograph, x, y, and volunteer, tile, label if known)"


def recognises(header: Sequence[str]) -> bool:
    """Tell by the three columns that it needs."""
    return {"micrograph", "x", "y"} <= set(header)


def survey(rows: Rows) -> Survey:
    """A flat table has no workflows and no tasks."""
    return Survey()


def read(request: Request, kind: Kind) -> Harvest:
    """Read every row; the column ``label`` counts as the marking person's vote.

    Parameters
    ----------
    request : Request
    kind : {"picking", "classifying"}

    Returns
    -------
    Harvest

    Raises
    ------
    K2CError
        Asked for answers: a flat table has none but its labels.
    """
    if kind != "picking":
        raise K2CError(
            "A flat table is no classifying export.",
            file=request.rows.path,
            remedy="Give it as --picking; its column label is used.",
        )
    harvest = Harvest(Fates(kind), flat=True)
    looks: dict[tuple[str, Hashable], int] = {}
    marks: list[int] = []
    for number, cells in request.rows:
        row = dict(zip(request.rows.header, map(str.strip, cells), strict=True))
        try:
            x, y = _coordinates(row)
        except ValueError as why:
            harvest.fates.dropped(str(why), number)
            continue
        micrograph, tile = row["micrograph"], row.get("tile", "")
        # tiles are often numbered anew on each micrograph
        tile = f"{micrograph}/{tile}" if tile not in ("", micrograph) else micrograph
        # without a name each row is somebody: marks of one person would not support each other
        who = row.get("volunteer") or number
        look = looks.setdefault((tile, who), len(looks))
        if look == len(marks):
            marks.append(0)
            harvest.classification.append(number)
            harvest.made_at.append(0)
            harvest.person.append(request.people.code(("flat", who)))
            harvest.subject.append(tile)
            harvest.row.append(number)
            harvest.metadata.setdefault(tile, {"micrograph": micrograph})
        if marks[look] == MARKS_PER_CLASSIFICATION:
            harvest.fates.dropped("more marks than one look can hold", number)
            continue
        harvest.look.append(look)
        harvest.position.append(marks[look])
        harvest.frame.append(0)
        harvest.x.append(x)
        harvest.y.append(y)
        harvest.tool.append(row.get("label", ""))
        marks[look] += 1
    harvest.fates.lost(request.rows)
    return harvest


def _coordinates(row: dict[str, str]) -> tuple[float, float]:
    try:
        x, y = float(row["x"]), float(row["y"])
    except ValueError:
        raise ValueError("x and y are not numbers") from None
    if not is_place(x, y):
        raise ValueError("x and y are not finite")
    return x, y
