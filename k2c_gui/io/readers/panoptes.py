"""Zooniverse's classification export, of both classifier generations, in one file."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import nan
from operator import itemgetter
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from k2c_gui.core.model import MARKS_PER_CLASSIFICATION
from k2c_gui.io.detection import Survey
from k2c_gui.io.files import Rows
from k2c_gui.io.mapping import Metadata
from k2c_gui.io.workflows import Workflows

from . import MOST_FRAMES, Fates, Harvest, Kind, Request, classification_id, is_place, seconds

NAME = "Zooniverse classification export"

_NEEDED = ("user_name", "workflow_id", "annotations", "subject_data")
_REPORT_EVERY = 5000
_LARGEST = 1e6  # px of what was shown


class _Annotation(msgspec.Struct):
    task: str = ""
    value: msgspec.Raw = msgspec.Raw(b"null")


class _Point(msgspec.Struct, rename={"tool_2": "toolIndex", "tool_2_old": "tool_index"}):
    """A mark of classifier 1 or 2; the keys that do not matter are passed over."""

    x: float | UnsetType | None = UNSET
    y: float | UnsetType | None = UNSET
    x_center: float | UnsetType | None = UNSET
    y_center: float | UnsetType | None = UNSET
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
_text = msgspec.json.Decoder(str | int | None | list[str | int])


class _BadRow(Exception):
    """Why a row is not imported."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """Places of the columns; -1 for those that older exports lack."""

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
            subject, metadata = _subject(cells[at.subject])
            annotations = _decoded(_annotations, cells[at.annotations])
        except _BadRow:
            continue
        workflow = cells[at.workflow].strip()
        if not workflow.isdecimal():
            continue
        found.subjects.setdefault(workflow, {})[subject] = metadata
        if size := _size(_told(cells, at)):
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
    harvest.fates.lost(request.rows)
    return harvest


class _Taker(ABC):
    """Takes rows of one file into a harvest."""

    def __init__(self, request: Request, harvest: Harvest, at: _Columns) -> None:
        self.table = request.table
        self.workflow = str(request.table.workflow_id).strip()
        self.version = str(request.table.version).strip()
        self.workflows: Workflows = request.workflows
        self.people = request.people
        self.harvest = harvest
        self.at = at
        self._subjects: dict[str, str] = {}
        # few kinds of rows, and many rows of each
        columns = (at.workflow, at.version, at.expert, at.gold)
        self._kind = itemgetter(*(place for place in columns if place >= 0))
        self._refusals: dict[object, str] = {}

    def take(self, number: int, cells: list[str], seen: set[int]) -> None:
        """Take one row, or say why not."""
        at = self.at
        kind = self._kind(cells)
        refusal = self._refusals.get(kind)
        if refusal is None:
            refusal = self._refusals[kind] = self._refusal(cells)
        if refusal:
            raise _BadRow(refusal)
        try:
            # exports of 2015 have no ids: the row stands in, as exports only ever grow
            id_there = at.classification >= 0
            classification = classification_id(cells[at.classification]) if id_there else number
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

    def _refusal(self, cells: list[str]) -> str:
        """Why rows of this kind are not wanted; empty if they are."""
        at = self.at
        if self.workflow and cells[at.workflow].strip() != self.workflow:
            return "another workflow"
        if self.version:
            version = self._version(cells)
            if self.version not in (version, version.partition(".")[0]):
                return "another version of the workflow"
        if not self.table.experts and (_filled(cells, at.expert) or _filled(cells, at.gold)):
            return "by an expert or a gold standard"
        return ""

    def _version(self, cells: list[str]) -> str:
        return cells[self.at.version].strip() if self.at.version >= 0 else ""

    @abstractmethod
    def _take(self, number: int, cells: list[str], subject: str) -> None:
        """Take what only this kind of row has."""

    def _who_and_when(self, cells: list[str], unsized: str = "") -> None:
        """Note person and date, and the size of a tile while it is not known."""
        at, harvest = self.at, self.harvest
        known_by = cells[at.user_id] if at.user_id >= 0 else ""
        name = cells[at.user_name]
        anonymous = not known_by.strip() and (not name or name.startswith("not-logged-in"))
        try:
            made_at = seconds(cells[at.made_at]) if at.made_at >= 0 else 0
        except ValueError:
            raise _BadRow("created_at is not a date") from None
        about = _told(cells, at) if anonymous or unsized else _About()
        if unsized and (size := _size(about)):
            harvest.sizes[unsized] = size
        if anonymous:
            # the hash is drawn anew for each export and shared behind one address
            address = cells[at.user_ip] if at.user_ip >= 0 else ""
            person = self.people.code((id(harvest), address or name, about.session))
        else:
            person = self.people.logged_in(known_by, name)
        harvest.person.append(person)
        harvest.made_at.append(made_at)


class _Picks(_Taker):
    """Rows of the picking workflow."""

    def _take(self, number: int, cells: list[str], subject: str) -> None:
        raw = _value(cells[self.at.annotations], self.table.task)
        points = _marks(raw)
        if len(points) > MARKS_PER_CLASSIFICATION:
            raise _BadRow("more marks than one classification can hold")
        self._who_and_when(cells, unsized="" if subject in self.harvest.sizes else subject)
        harvest, look = self.harvest, len(self.harvest.classification)
        for position, point in enumerate(points):
            x, y, fault = _place(point)
            if fault:
                harvest.fates.dropped(fault, number)
            frame = point.frame or 0
            harvest.look.append(look)
            harvest.position.append(position)
            harvest.frame.append(frame if 0 <= frame < MOST_FRAMES else -1)
            harvest.x.append(x)
            harvest.y.append(y)
            harvest.tool.append(self._tool(cells, point))

    def _tool(self, cells: list[str], point: _Point) -> str:
        if point.tool_label:
            return point.tool_label
        tools = (point.tool, point.tool_2, point.tool_2_old)
        index = next((tool for tool in tools if tool is not None), None)
        if index is None:
            return ""
        workflow = cells[self.at.workflow].strip()
        return self.workflows.tool(workflow, self._version(cells), self.table.task, index)


class _Answers(_Taker):
    """Rows of the classifying workflow."""

    def __init__(self, request: Request, harvest: Harvest, at: _Columns) -> None:
        super().__init__(request, harvest, at)
        self._known: dict[tuple[str, str, str], str] = {}

    def _take(self, number: int, cells: list[str], subject: str) -> None:
        workflow = cells[self.at.workflow].strip()
        key = cells[self.at.annotations], workflow, self._version(cells)
        answer = self._known.get(key)
        if answer is None:
            answer = self._known[key] = self._answer(*key)
        self._who_and_when(cells)
        self.harvest.answer.append(answer)

    def _answer(self, annotations: str, workflow: str, version: str) -> str:
        try:
            value = _text.decode(_value(annotations, self.table.task))
        except (msgspec.DecodeError, RecursionError):
            raise _BadRow("the answer is not a text") from None
        if isinstance(value, list):
            if len(value) > 1:
                raise _BadRow("more than one answer")
            value = value[0] if value else None
        if isinstance(value, int):
            value = self.workflows.answer(workflow, version, self.table.task, value)
            if not value:
                raise _BadRow("the answer is a number; the workflow export would name it")
        if value is None:
            raise _BadRow("the question was skipped")
        return str(value)


def _columns(header: Sequence[str]) -> _Columns:
    def place(name: str) -> int:
        return header.index(name) if name in header else -1

    return _Columns(
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


def _filled(cells: list[str], place: int) -> bool:
    return place >= 0 and cells[place].strip().casefold() not in ("", "false")


def _decoded(decoder: msgspec.json.Decoder[Any], text: str | bytes) -> Any:
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return _decoded_leniently(decoder, text)


def _decoded_leniently(decoder: msgspec.json.Decoder[Any], text: str | bytes) -> Any:
    """Accept numbers that JSON has not: the NaN and Infinity that Python writes, and 1e999.

    They become null.
    """
    try:
        loose = json.loads(text, parse_int=lambda n: int(n) if len(n) < 19 else float(n))
        return decoder.decode(msgspec.json.encode(loose))
    except msgspec.ValidationError:
        raise _BadRow("the JSON is not what an export holds") from None
    except (ValueError, RecursionError):
        raise _BadRow("not JSON") from None


def _told(cells: list[str], at: _Columns) -> _About:
    """What the metadata tell; a row is good without them."""
    try:
        about: _About = _decoded(_about, cells[at.metadata]) if at.metadata >= 0 else _About()
    except _BadRow:
        return _About()
    return about


def _marks(raw: msgspec.Raw) -> list[_Point]:
    try:
        marks: list[_Point] = _decoded(_points, bytes(raw))
    except _BadRow:
        raise _BadRow("the task holds no list of marks") from None
    return marks


def _place(point: _Point) -> tuple[float, float, str]:
    """Coordinates of a mark, px of the tile, or nan twice and what is wrong with them."""
    x = point.x_center if point.x is UNSET else point.x
    y = point.y_center if point.y is UNSET else point.y
    if isinstance(x, UnsetType) or isinstance(y, UnsetType):
        return nan, nan, "marks of a shape that has no x and y, such as a line"
    if x is None or y is None or not is_place(x, y):
        return nan, nan, "marks without a finite x and y"
    return x, y, ""


def _subject(text: str) -> tuple[str, Metadata]:
    subjects = _decoded(_subjects, text)
    if len(subjects) != 1:
        raise _BadRow("not exactly one subject")
    ((subject, metadata),) = subjects.items()
    return subject.strip(), metadata


def _flat(annotations: list[_Annotation]) -> Iterator[_Annotation]:
    """Annotations with those inside combo tasks, which nest one level."""
    for annotation in annotations:
        yield annotation
        if b'"task"' in bytes(annotation.value):
            try:
                yield from _annotations.decode(annotation.value)
            except (msgspec.DecodeError, RecursionError):
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
        marks = _marks(raw)
    except _BadRow:
        with suppress(msgspec.DecodeError, RecursionError):
            if isinstance(text := _text.decode(raw), str):
                found.answers[at] += 1
                found.texts.setdefault(at, set()).add(text)
        return
    points = sum(not _place(mark)[2] for mark in marks)
    # what is inside a combo task looks like marks at first sight, but has no tool
    drawn = sum(m.tool is not None or m.tool_2 is not None for m in marks)
    found.points[at] += points
    found.shapes[at] += max(0, drawn - points)


def _size(about: _About) -> tuple[float, float] | None:
    """Natural size of the first frame, px; half of real exports have gaps here."""
    for size in about.subject_dimensions or ():
        if size and 0 < (size.width or 0) < _LARGEST and 0 < (size.height or 0) < _LARGEST:
            return size.width or 0, size.height or 0
    return None
