"""Extractions by ``panoptes_aggregation``: points and questions, one row a classification.

They carry no subject metadata, so the mapping needs a side table. Places in the value list are
counted over all frames and tools in the order of the columns, as the original order is lost.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import isfinite

from . import Fates, Harvest, Kind, Request

NAME = "panoptes_aggregation extraction (points or questions)"

_POINT = re.compile(r"data\.frame(\d+)\.(.+)_tool(?:Index)?(\d+)_x$")
_NO_ANSWER = ("data.aggregation_version", "data.classifier_version", "data.None")


def recognises(header: Sequence[str]) -> bool:
    """Tell by the columns that every extraction has."""
    return {"classification_id", "subject_id", "task", "extractor"} <= set(header)


def read(request: Request, kind: Kind) -> Harvest:
    """Read the rows of one workflow and task.

    Parameters
    ----------
    request : Request
    kind : {"picking", "classifying"}

    Returns
    -------
    Harvest
    """
    harvest = Harvest(Fates(kind))
    header, table = request.rows.header, request.table
    seen: set[int] = set()
    for number, cells in request.rows:
        row = dict(zip(header, cells, strict=False))
        try:
            reason = _unwanted(row, len(cells) == len(header), table.workflow_id, table.task)
            classification = int(row.get("classification_id", ""))
            if not reason and classification in seen:
                reason = "the same classification again"
            made_at = _seconds(row.get("created_at", ""))
            marks = list(_marks(row, table.task)) if kind == "picking" else []
            answer = _answer(row) if kind == "classifying" else ""
        except (ValueError, SyntaxError, TypeError, RecursionError):
            reason = "not what an extraction holds"
        if not reason and kind == "classifying" and not answer:
            reason = "the question was skipped"
        if reason:
            harvest.fates.dropped(reason, number)
            continue
        seen.add(classification)
        _add(harvest, marks, len(harvest.classification), number)
        if kind == "classifying":
            harvest.answer.append(answer)
        harvest.classification.append(classification)
        harvest.made_at.append(made_at)
        who = row.get("user_id") or row.get("user_name") or number
        harvest.person.append(request.people.code(("id", str(who).removesuffix(".0"))))
        harvest.subject.append(row["subject_id"])
        harvest.row.append(number)
        harvest.metadata.setdefault(row["subject_id"], {})
    if request.rows.broken:
        harvest.fates.add("dropped", request.rows.broken)
    return harvest


def _unwanted(row: dict[str, str], whole: bool, workflow: object, task: str) -> str:
    if not whole:
        return "not as many columns as the header; is the file cut off?"
    if workflow and row.get("workflow_id") != str(workflow):
        return "another workflow"
    if task and row["task"] != task:
        return "another task"
    return ""


def _marks(row: dict[str, str], task: str) -> Iterator[tuple[int, float, float, str]]:
    """Frame, x, y and tool of each mark; px of the tile."""
    for column, cell in row.items():
        match = _POINT.match(column)
        if match and cell and task in ("", match[2]):
            xs = ast.literal_eval(cell)
            ys = ast.literal_eval(row[column.removesuffix("_x") + "_y"])
            for x, y in zip(xs, ys, strict=True):
                good = x is not None and y is not None and isfinite(x) and isfinite(y)
                yield int(match[1]), *((x, y) if good else (float("nan"),) * 2), f"tool{match[3]}"


def _add(
    harvest: Harvest, marks: list[tuple[int, float, float, str]], look: int, number: int
) -> None:
    for position, (frame, x, y, tool) in enumerate(marks):
        if not isfinite(x):
            harvest.fates.add("dropped", "marks without a finite x and y", f"row {number}")
        harvest.look.append(look)
        harvest.position.append(position)
        harvest.frame.append(frame)
        harvest.x.append(x)
        harvest.y.append(y)
        harvest.tool.append(tool)


def _answer(row: dict[str, str]) -> str:
    """The one answer that is 1; its name went through a slug."""
    given = [
        name.removeprefix("data.").replace("-", " ")
        for name, cell in row.items()
        if name.startswith("data.") and name not in _NO_ANSWER and cell and float(cell) == 1
    ]
    return given[0] if len(given) == 1 else ""


def _seconds(text: str) -> int:
    date = datetime.fromisoformat(text.replace(" UTC", ""))
    return int(date.replace(tzinfo=UTC).timestamp())
