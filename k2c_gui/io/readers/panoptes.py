"""Zooniverse's classification export, of both classifier generations, in one file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite, nan
from typing import Any

import msgspec

from k2c_gui.core.model import MARKS_PER_CLASSIFICATION
from k2c_gui.io.detection import Survey
from k2c_gui.io.files import Rows
from k2c_gui.io.mapping import Metadata
from k2c_gui.io.workflows import Workflows

from . import Fates, Harvest, Kind, Request

NAME = "Zooniverse classification export"

_NEEDED = ("user_name", "workflow_id", "annotations", "subject_data")
_REPORT_EVERY = 5000


class _Annotation(msgspec.Struct):
    task: str = ""
    value: msgspec.Raw = msgspec.Raw(b"null")


class _Point(msgspec.Struct, rename={"tool_2": "toolIndex", "tool_2_old": "tool_index"}):
    """A mark of classifier 1 or 2; the keys that do not matter are passed over."""

    x: float | None = None
    y: float | None = None
    x_center: float | None = None
    y_center: float | None = None
    tool: int | None = None
    tool_2: int | None = None
    tool_2_old: int | None = None
    tool_label: str | None = None
    frame: int | None = None


class _Size(msgspec.Struct, rename={"width": "naturalWidth", "height": "naturalHeight"}):
    width: float | None = None
    height: float | None = None


class _About(msgspec.Struct):
    session: str | None = None
    subject_dimensions: list[_Size | None] | None = None


_annotations = msgspec.json.Decoder(list[_Annotation])
_points = msgspec.json.Decoder(list[_Point])
_about = msgspec.json.Decoder(_About)
_subjects = msgspec.json.Decoder(dict[str, dict[str, Any]])
_text = msgspec.json.Decoder(str | int | None)


class _BadRow(Exception):
    """Why a row is not imported."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """Places of the columns; -1 for those that older exports lack."""

    width: int
    classification: int
    user_name: int
    user_id: int
    user_ip: int
    workflow: int
    version: int
    made_at: int
    gold: int
    expert: int
    metadata: int
    annotations: int
    subject: int


def recognises(header: Sequence[str]) -> bool:
    """Tell by the columns that every such export has had."""
    return all(name in header for name in _NEEDED)


def survey(rows: Rows, most: int = 5000) -> Survey:
    """Look at the first rows of an export for `detection`.

    Parameters
    ----------
    rows : Rows
    most : int
        Rows to look at.

    Returns
    -------
    Survey
        Bad rows are passed over: reading counts them.
    """
    found = Survey()
    at = _columns(rows.header)
    for number, cells in rows:
        if number > most:
            break
        try:
            subject, metadata = _subject(_cell(cells, at.subject))
            annotations = _decoded(_annotations, _cell(cells, at.annotations))
            about = _decoded(_about, _cell(cells, at.metadata) or "{}")
        except _BadRow:
            continue
        workflow = _cell(cells, at.workflow)
        found.subjects.setdefault(workflow, {})[subject] = metadata
        if size := _size(about):
            found.sizes[subject] = size
        for annotation in _flat(annotations):
            _note(found, (workflow, annotation.task), annotation.value)
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
    """
    harvest = Harvest(Fates(kind))
    at = _columns(request.rows.header)
    row = _Picks(request, harvest, at) if kind == "picking" else _Answers(request, harvest, at)
    seen: set[int] = set()
    for number, cells in request.rows:
        if number % _REPORT_EVERY == 0:
            request.progress(f"Reading {request.rows.path.name}", number, 0)
        try:
            row.take(number, cells, seen)
        except _BadRow as reason:
            harvest.fates.dropped(str(reason), number)
    if request.rows.broken:
        harvest.fates.add("dropped", request.rows.broken)
    return harvest


class _Taker:
    """Takes rows of one file into a harvest."""

    def __init__(self, request: Request, harvest: Harvest, at: _Columns) -> None:
        self.table = request.table
        self.workflow = str(request.table.workflow_id)
        self.version = str(request.table.version)
        self.workflows: Workflows = request.workflows
        self.people = request.people
        self.harvest = harvest
        self.at = at
        self._subjects: dict[str, str] = {}

    def take(self, number: int, cells: list[str], seen: set[int]) -> None:
        """Take one row, or say why not."""
        at = self.at
        if len(cells) != at.width:
            raise _BadRow("not as many columns as the header; is the file cut off?")
        self._filter(cells)
        try:
            # exports of 2015 have no ids: the row stands in, as exports only ever grow
            classification = int(cells[at.classification]) if at.classification >= 0 else number
        except ValueError:
            raise _BadRow("the classification id is not a number") from None
        if classification in seen:
            raise _BadRow("the same classification again")
        raw = cells[at.subject]
        subject = self._subjects.get(raw)
        if subject is None:
            subject, metadata = _subject(raw)
            self._subjects[raw] = subject
            self.harvest.metadata.setdefault(subject, metadata)
        self._take(number, cells, subject)
        seen.add(classification)
        self.harvest.classification.append(classification)
        self.harvest.subject.append(subject)
        self.harvest.row.append(number)

    def _filter(self, cells: list[str]) -> None:
        at = self.at
        if self.workflow and cells[at.workflow] != self.workflow:
            raise _BadRow("another workflow")
        if self.version:
            version = cells[at.version] if at.version >= 0 else ""
            if self.version not in (version, version.partition(".")[0]):
                raise _BadRow("another version of the workflow")
        if not self.table.experts and (_filled(cells, at.expert) or _filled(cells, at.gold)):
            raise _BadRow("by an expert or a gold standard")

    def _take(self, number: int, cells: list[str], subject: str) -> None:
        raise NotImplementedError

    def _who_and_when(self, cells: list[str], unsized: str = "") -> None:
        """Note person and date, and the size of a tile while it is not known."""
        at, harvest = self.at, self.harvest
        known_by = cells[at.user_id] if at.user_id >= 0 else ""
        name = cells[at.user_name]
        anonymous = not known_by and (not name or name.startswith("not-logged-in"))
        about = _About()
        if (anonymous or unsized) and at.metadata >= 0:
            about = _decoded(_about, cells[at.metadata] or "{}")
        made_at = _seconds(cells[at.made_at]) if at.made_at >= 0 else 0
        if unsized and (size := _size(about)):
            harvest.sizes[unsized] = size
        if anonymous:
            # the hash is drawn anew for each export and shared behind one address
            address = cells[at.user_ip] if at.user_ip >= 0 else ""
            who: tuple[object, ...] = (id(harvest), address or name, about.session)
        else:
            who = ("id", known_by) if known_by else ("name", name)
        harvest.person.append(self.people.code(who))
        harvest.made_at.append(made_at)


class _Picks(_Taker):
    """Rows of the picking workflow."""

    def _take(self, number: int, cells: list[str], subject: str) -> None:
        raw = _value(cells[self.at.annotations], self.table.task)
        points = _decoded_points(raw)
        if len(points) > MARKS_PER_CLASSIFICATION:
            raise _BadRow("more marks than one classification can hold")
        self._who_and_when(cells, unsized="" if subject in self.harvest.sizes else subject)
        harvest, look = self.harvest, len(self.harvest.classification)
        for position, point in enumerate(points):
            x = point.x if point.x is not None else point.x_center
            y = point.y if point.y is not None else point.y_center
            if x is None or y is None or not (isfinite(x) and isfinite(y)):
                harvest.fates.add("dropped", "marks without a finite x and y", f"row {number}")
                x = y = nan
            harvest.look.append(look)
            harvest.position.append(position)
            harvest.frame.append(point.frame or 0)
            harvest.x.append(x)
            harvest.y.append(y)
            harvest.tool.append(self._tool(cells, point))

    def _tool(self, cells: list[str], point: _Point) -> str:
        if point.tool_label:
            return point.tool_label
        tools = (point.tool, point.tool_2, point.tool_2_old)
        index = next((tool for tool in tools if tool is not None), None)
        if index is None or self.at.version < 0:
            return ""
        version = cells[self.at.version]
        return self.workflows.tool(cells[self.at.workflow], version, self.table.task, index)


class _Answers(_Taker):
    """Rows of the classifying workflow."""

    def __init__(self, request: Request, harvest: Harvest, at: _Columns) -> None:
        super().__init__(request, harvest, at)
        self._known: dict[tuple[str, str], str] = {}

    def _take(self, number: int, cells: list[str], subject: str) -> None:
        version = cells[self.at.version] if self.at.version >= 0 else ""
        key = cells[self.at.annotations], version
        answer = self._known.get(key)
        if answer is None:
            answer = self._known[key] = self._answer(*key)
        self._who_and_when(cells)
        self.harvest.answer.append(answer)

    def _answer(self, annotations: str, version: str) -> str:
        try:
            value = _text.decode(_value(annotations, self.table.task))
        except msgspec.DecodeError:
            raise _BadRow("the answer is not one text") from None
        if isinstance(value, int):
            value = self.workflows.answer(self.workflow, version, self.table.task, value)
            if not value:
                raise _BadRow("the answer is a number; the workflow export would name it")
        if value is None:
            raise _BadRow("the question was skipped")
        return str(value)


def _columns(header: Sequence[str]) -> _Columns:
    def place(name: str) -> int:
        return header.index(name) if name in header else -1

    return _Columns(
        width=len(header),
        classification=place("classification_id"),
        user_name=place("user_name"),
        user_id=place("user_id"),
        user_ip=place("user_ip"),
        workflow=place("workflow_id"),
        version=place("workflow_version"),
        made_at=place("created_at"),
        gold=place("gold_standard"),
        expert=place("expert"),
        metadata=place("metadata"),
        annotations=place("annotations"),
        subject=place("subject_data"),
    )


def _cell(cells: list[str], place: int) -> str:
    return cells[place] if 0 <= place < len(cells) else ""


def _filled(cells: list[str], place: int) -> bool:
    return place >= 0 and cells[place].strip().casefold() not in ("", "false")


def _decoded(decoder: msgspec.json.Decoder[Any], text: str) -> Any:
    try:
        return decoder.decode(text)
    except msgspec.ValidationError:
        raise _BadRow("the JSON is not what an export holds") from None
    except msgspec.DecodeError:
        return _decoded_leniently(decoder, text)
    except UnicodeEncodeError:
        raise _BadRow("not UTF-8") from None


def _decoded_leniently(decoder: msgspec.json.Decoder[Any], text: str) -> Any:
    """Accept the NaN and Infinity that Python writes though JSON has none; they become null."""
    try:
        loose = json.loads(text, parse_constant=lambda _: None)
        return msgspec.convert(loose, decoder.type)
    except (ValueError, RecursionError):
        raise _BadRow("not JSON") from None


def _decoded_points(raw: msgspec.Raw) -> list[_Point]:
    try:
        return _points.decode(raw)
    except msgspec.DecodeError:
        raise _BadRow("the task holds no list of marks") from None


def _subject(text: str) -> tuple[str, Metadata]:
    subjects = _decoded(_subjects, text)
    if len(subjects) != 1:
        raise _BadRow("not exactly one subject")
    ((subject, metadata),) = subjects.items()
    return subject, metadata


def _flat(annotations: list[_Annotation]) -> Iterator[_Annotation]:
    """Annotations with those inside combo tasks, which nest one level."""
    for annotation in annotations:
        yield annotation
        if b'"task"' in bytes(annotation.value):
            try:
                yield from _annotations.decode(annotation.value)
            except msgspec.DecodeError:
                continue


def _value(annotations: str, task: str) -> msgspec.Raw:
    """The value of a task; of a subtask (``T0.0.0``) there is never a question here."""
    for annotation in _flat(_decoded(_annotations, annotations)):
        if annotation.task == task:
            return annotation.value
    raise _BadRow(f"task {task} was not reached")


def _note(found: Survey, at: tuple[str, str], raw: msgspec.Raw) -> None:
    """Note what a task's value looks like."""
    try:
        points = _points.decode(raw)
        found.points[at] += sum(p.x is not None and p.y is not None for p in points)
    except msgspec.DecodeError:
        try:
            if isinstance(text := _text.decode(raw), str):
                found.answers[at] += 1
                found.texts.setdefault(at, set()).add(text)
        except msgspec.DecodeError:
            pass


def _size(about: _About) -> tuple[float, float] | None:
    """Natural size of the first frame, px; half of real exports have gaps here."""
    for size in about.subject_dimensions or ():
        if size and size.width and size.height:
            return size.width, size.height
    return None


def _seconds(text: str) -> int:
    """``2022-03-01 00:01:21 UTC`` in seconds since 1970."""
    try:
        return int(datetime.fromisoformat(text.replace(" UTC", "")).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise _BadRow("created_at is not a date") from None
