"""A mapping in plain words."""

from __future__ import annotations

from k2c_gui.io.mapping import Classifying, Mapping, Picking


def explain(mapping: Mapping, *, votes: bool) -> list[tuple[str, str]]:
    """Say what is read from where.

    Parameters
    ----------
    mapping : Mapping
    votes : bool
        There is a classifying export.

    Returns
    -------
    list of (str, str)
        What, and where it is read from.
    """
    picking = mapping.picking
    rows = [("Marks", _task(picking)), *_tiles(picking)]
    if picking.tools:
        named = ", ".join(f"{tool} is {value}" for tool, value in picking.tools.items())
        rows.append(("Marking tools", named))
    if votes:
        rows += [("Votes", _task(mapping.classifying)), *_votes(mapping.classifying)]
    return rows


def _task(table: Picking | Classifying) -> str:
    if not (table.workflow_id or table.task):
        return "every row"
    said = [f"workflow {table.workflow_id}"] if table.workflow_id else []
    said += [f"task {table.task}"] if table.task else []
    said += [f"version {table.version}"] if table.version else []
    return ", ".join(said)


def _tiles(picking: Picking) -> list[tuple[str, str]]:
    rows = []
    if picking.pattern is not None:
        rows.append(("Tile", f"by its name in {picking.pattern.key}"))
    if picking.micrograph:
        rows.append(("Micrograph", f"named in {picking.micrograph}"))
    if picking.x0:
        rows.append(("Corner of the tile", f"{picking.x0}, {picking.y0} px"))
    if picking.row:
        rows.append(("Place in the grid", f"row {picking.row}, column {picking.col}"))
    if picking.stride_x:
        rows.append(("Tiles lie", f"{picking.stride_x:g} by {picking.stride_y:g} px apart"))
    if not (picking.pattern or picking.x0 or picking.row):
        rows.append(("Tile", "the whole micrograph"))
    if picking.scale:
        rows.append(("Scale", f"{picking.scale}, micrograph px a tile px"))
    if picking.width:
        rows.append(("Size of the tile", f"{picking.width}, {picking.height} px"))
    return rows


def _votes(classifying: Classifying) -> list[tuple[str, str]]:
    rows = []
    if classifying.mark:
        rows.append(("Mark", f"named in {classifying.mark}"))
    if classifying.x:
        nearest = f"{classifying.x}, {classifying.y}, within {classifying.radius:g} px"
        rows.append(("Place of the mark" if classifying.mark else "Nearest mark", nearest))
    if classifying.answers:
        rows.append(("Answers", ", ".join(f"{a} is {v}" for a, v in classifying.answers.items())))
    else:
        rows.append(("Answers", "the names of the labels"))
    return rows
