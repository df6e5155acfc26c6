"""A flat table: ``micrograph,x,y`` in px of the micrograph, and ``volunteer,tile,label`` if known.

Rows have no ids: a mark goes by the row at which its look begins, so that a table that grew at
its end gives the old marks their old ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from k2c_gui.core.model import K2CError

from . import Fates, Harvest, Kind, Request

NAME = "flat table (micrograph, x, y, and volunteer, tile, label if known)"


def recognises(header: Sequence[str]) -> bool:
    """Tell by the three columns that it needs."""
    return {"micrograph", "x", "y"} <= set(header)


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
    looks: dict[tuple[str, ...], int] = {}
    marks: list[int] = []
    for number, cells in request.rows:
        row = dict(zip(request.rows.header, map(str.strip, cells), strict=False))
        try:
            x, y = float(row["x"]), float(row["y"])
        except (KeyError, ValueError):
            harvest.fates.dropped("x and y are not numbers", number)
            continue
        if not (isfinite(x) and isfinite(y)):
            harvest.fates.dropped("x and y are not finite", number)
            continue
        tile = row.get("tile") or row["micrograph"]
        # without a name each row is somebody: marks of one person would not support each other
        who = row.get("volunteer") or f"row {number}"
        look = looks.setdefault((row["micrograph"], tile, who), len(looks))
        if look == len(marks):
            marks.append(0)
            harvest.classification.append(number)
            harvest.made_at.append(0)
            harvest.person.append(request.people.code(("flat", who)))
            harvest.subject.append(tile)
            harvest.row.append(number)
            harvest.metadata.setdefault(tile, {"micrograph": row["micrograph"]})
        harvest.look.append(look)
        harvest.position.append(marks[look])
        harvest.frame.append(0)
        harvest.x.append(x)
        harvest.y.append(y)
        harvest.tool.append(row.get("label", ""))
        marks[look] += 1
    if request.rows.broken:
        harvest.fates.add("dropped", request.rows.broken)
    return harvest
