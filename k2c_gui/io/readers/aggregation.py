"""Extractions by ``panoptes_aggregation``: points and questions, one row a classification.

They carry no subject metadata, so the mapping needs a side table. Places in the value list are
counted over all frames and tools in the order of the columns, as the original order is lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from math import isfinite, nan

from k2c_gui.core.model import MARKS_PER_CLASSIFICATION, K2CError
from k2c_gui.io.detection import Survey
from k2c_gui.io.files import Rows

from . import MOST_FRAMES, Fates, Harvest, Kind, Request, classification_id, is_place, seconds

NAME = "panoptes_aggregation extraction (points or questions)"

_POINT = re.compile(r"data\.frame(\d{1,9})\.(.+)_tool(?:Index)?(\d+)_x$")
_NO_ANSWER = ("data.aggregation_version", "data.classifier_version", "data.None")
_NUMBERS = {"None": "null", "nan": "NaN", "inf": "Infinity"}


class _BadRow(Exception):
    """Why a row is not imported."""


def recognises(header: Sequence[str]) -> bool:
    """Tell by the columns that every extraction has."""
    return {"classification_id", "subject_id", "task", "extractor"} <= set(header)


def survey(rows: Rows) -> Survey:
    """See which tasks there are; what an extraction holds tells no more."""
    found = Survey()
    points = any(map(_POINT.match, rows.header))
    for _, cells in rows:
        row = dict(zip(rows.header, cells, strict=True))
        at = row.get("workflow_id", "").strip(), row["task"]
        if at[0].isdecimal():
            (found.points if points else found.answers)[at] += 1
    return found


def read(request: Request, kind: Kind) -> Harvest:
    """Read the rows of one workflow and task.

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
        Asked for marks: no column has any.
    """
    harvest = Harvest(Fates(kind))
    header = request.rows.header
    if kind == "picking" and not any(map(_POINT.match, header)):
        raise K2CError(
            "No column of this extraction holds points.",
            file=request.rows.path,
            row=1,
            remedy="Extract with point_extractor_by_frame or shape_extractor_point.",
        )
    seen: set[int] = set()
    task = request.table.task
    for number, cells in request.rows:
        row = dict(zip(header, cells, strict=True))
        task = task or row["task"]
        try:
            _take(row, number, task, request, harvest, kind, seen)
        except _BadRow as reason:
            harvest.fates.dropped(str(reason), number)
    harvest.fates.lost(request.rows)
    return harvest


def _take(
    row: dict[str, str],
    number: int,
    task: str,
    request: Request,
    harvest: Harvest,
    kind: Kind,
    seen: set[int],
) -> None:
    """Take one row, or say why not."""
    workflow = str(request.table.workflow_id).strip()
    if workflow and row.get("workflow_id", "").strip() != workflow:
        raise _BadRow("another workflow")
    if row["task"] != task:
        raise _BadRow("another task")
    try:
        classification = classification_id(row["classification_id"])
        made_at = seconds(row.get("created_at", ""))
        marks = list(_marks(row, task)) if kind == "picking" else []
        answer = _answer(row) if kind == "classifying" else ""
    except (ValueError, TypeError, RecursionError):
        raise _BadRow("not what an extraction holds") from None
    if classification in seen:
        raise _BadRow("the same classification again")
    if kind == "classifying" and not answer:
        raise _BadRow("the question was skipped")
    if len(marks) > MARKS_PER_CLASSIFICATION:
        raise _BadRow("more marks than one classification can hold")
    seen.add(classification)
    _add_marks(harvest, marks, number)
    if kind == "classifying":
        harvest.answer.append(answer)
    harvest.classification.append(classification)
    harvest.made_at.append(made_at)
    person = request.people.logged_in(row.get("user_id", ""), row.get("user_name") or f"#{number}")
    harvest.person.append(person)
    subject = row["subject_id"].strip()
    harvest.subject.append(subject)
    harvest.row.append(number)
    harvest.metadata.setdefault(subject, {})


def _marks(row: dict[str, str], task: str) -> Iterator[tuple[int, float, float, str]]:
    """Frame, x, y and tool of each mark; px of the tile."""
    for column, cell in row.items():
        match = _POINT.match(column)
        if match and cell and task == match[2]:
            xs, ys = _numbers(cell), _numbers(row.get(column.removesuffix("_x") + "_y", ""))
            frame = int(match[1])
            for x, y in zip(xs, ys, strict=True):
                good = is_place(x, y)
                at = (x, y) if good else (nan, nan)
                yield frame if frame < MOST_FRAMES else -1, *at, f"tool{match[3]}"


def _numbers(cell: str) -> list[float]:
    """A list as Python or JSON writes it; nan for what is no number."""
    for python, javascript in _NUMBERS.items():
        cell = cell.replace(python, javascript)
    numbers = json.loads(cell, parse_int=float)
    return [nan if number is None else float(number) for number in numbers]


def _add_marks(harvest: Harvest, marks: list[tuple[int, float, float, str]], number: int) -> None:
    for position, (frame, x, y, tool) in enumerate(marks):
        if not isfinite(x):
            harvest.fates.dropped("marks without a finite x and y", number)
        harvest.look.append(len(harvest.classification))
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
    if len(given) > 1:
        raise _BadRow("more than one answer")
    return given[0] if given else ""
