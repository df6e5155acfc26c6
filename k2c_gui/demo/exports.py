"""Write marks and votes the way Zooniverse exports them.

The last fifth of the looks and of the votes is written as the second generation of Zooniverse's
classifier does it, the others as the first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from k2c_gui.core.model import MARKS_PER_CLASSIFICATION, Ints, Table

V2_FROM = 0.8  # of the looks or votes
RENAMED_FROM = 0.3  # of the votes: until then an answer ended in a line break
ANONYMOUS_EVERY = 5  # volunteers, of whom one is not logged in
ANSWERS = ("Nanoparticle", "Cluster", "Artifact", "Nothing", "Something else")
HEADER = (
    "classification_id,user_name,user_id,user_ip,workflow_id,workflow_name,workflow_version,"
    "created_at,gold_standard,expert,metadata,annotations,subject_data,subject_ids\n"
)


def mark_ids(classifications: Ints) -> Ints:
    """Give each mark its id: its classification and its place in the value list.

    Parameters
    ----------
    classifications : Ints
        (n,) that in which each mark was made, ascending.

    Returns
    -------
    Ints
        (n,) for the field ``mark`` of `MARK`.
    """
    first = np.searchsorted(classifications, classifications)
    places = np.arange(len(classifications)) - first
    return classifications.astype(np.int64) * MARKS_PER_CLASSIFICATION + places


def write_picking(
    path: Path, micrographs: Sequence[str], tiles: Table, looks: Table, marks: Table
) -> None:
    """Write the export of the workflow in which volunteers mark particles.

    Parameters
    ----------
    path : Path
        The file.
    micrographs : sequence of str
        Names, as `tiles` counts them.
    tiles, looks, marks : Table
        `TILE`, `LOOK` in the order of its classifications, which leave at least one number free
        between two, and `MARK` with ids from `mark_ids`. A look without marks becomes an empty
        list. The first generation tells x, y to the last digit, the second to 0.01 px.
    """
    v2_from = V2_FROM * len(looks)
    values = _values(tiles, looks["classification"], marks, v2_from)
    people = _People(looks["volunteer"], "picking")
    widths = tiles["width"][looks["tile"]].astype(int).tolist()
    subjects = [
        _subject(70_000_000 + i, 19001, 5, f'"#micrograph":"{micrographs[tile["micrograph"]]}",'
                 f'"#x0":"{tile["x0"]:g}","#y0":"{tile["y0"]:g}","magnification":"40k"')
        for i, tile in enumerate(tiles)
    ]  # fmt: skip

    def rows() -> Iterator[str]:
        fields = (looks[name].tolist() for name in ("classification", "volunteer", "tile"))
        each = zip(*fields, values, widths, _times(looks["made_at"]), strict=True)
        for i, (number, volunteer, tile, value, width, time) in enumerate(each):
            v2 = i >= v2_from
            annotations = f'[{{"task":"T0","task_label":"Mark every particle","value":[{value}]}}]'
            yield (
                f"{number},{people.names[volunteer]},19001,Particle picking,"
                f"{'12.34' if v2 else '12.31'},{time[0]},,,"
                f"{people.metadata(volunteer, i, v2, width, time)},"
                f"{_cell(annotations)},{subjects[tile]}\n"
            )
            if i % 40 == 20:
                yield _tutorial(number + 1, people.names[volunteer], time[0])

    _write(path, rows())


def write_classifying(path: Path, micrographs: Sequence[str], votes: Table) -> None:
    """Write the export of the workflow in which volunteers say what a mark sits on.

    Parameters
    ----------
    path : Path
        The file.
    micrographs : sequence of str
        Names, as `votes` counts them.
    votes : Table
        `VOTE` in the order of its classifications, with marks, positions and labels 0 to 3.
    """
    v2_from, renamed_from = V2_FROM * len(votes), RENAMED_FROM * len(votes)
    people = _People(votes["volunteer"], "classifying")
    marks, first, which = np.unique(votes["mark"], return_index=True, return_inverse=True)
    ids, places = np.divmod(marks, MARKS_PER_CLASSIFICATION)
    each_mark = zip(ids.tolist(), places.tolist(), votes[first], strict=True)
    subjects = [
        _subject(80_000_000 + i, 19777, 5, f'"#micrograph":"{micrographs[vote["micrograph"]]}",'
                 f'"#x":"{vote["x"]:.3f}","#y":"{vote["y"]:.3f}","#mark":"{classification}:{place}"')
        for i, (classification, place, vote) in enumerate(each_mark)
    ]  # fmt: skip

    def rows() -> Iterator[str]:
        answers = votes["label"] + (votes["label"] == 3) * (np.arange(len(votes)) * 7 % 25 < 6)
        fields = (votes[name].tolist() for name in ("classification", "volunteer"))
        each = zip(*fields, which.tolist(), answers.tolist(), _times(votes["made_at"]), strict=True)
        for i, (number, volunteer, mark, answer, time) in enumerate(each):
            renamed = i >= renamed_from
            stray = "\\n" if answer == 1 and not renamed else ""
            annotations = (
                '[{"task":"T0","task_label":"What is in the circle?",'
                f'"value":"{ANSWERS[answer]}{stray}"}}]'
            )
            metadata = people.metadata(volunteer, i, i >= v2_from, 200, time)
            yield (
                f"{number},{people.names[volunteer]},19777,Classification,"
                f"{'3.20' if renamed else '3.19'},{time[0]},,,"
                f"{metadata},{_cell(annotations)},{subjects[mark]}\n"
            )

    _write(path, rows())


def _values(tiles: Table, classifications: Ints, marks: Table, v2_from: float) -> list[str]:
    """The marks of each look as the inside of a JSON list, in tile px."""
    marks = marks[np.argsort(marks["mark"])]
    rows = np.searchsorted(classifications, marks["mark"] // MARKS_PER_CLASSIFICATION)
    x, y = (marks[axis] - tiles[axis + "0"][marks["tile"]] for axis in "xy")
    texts = [
        f'{{"frame":0,"toolIndex":0,"toolType":"point","x":{x:.2f},"y":{y:.2f},'
        '"details":[],"tool_label":null}'
        if row >= v2_from
        else f'{{"x":{x!r},"y":{y!r},"tool":0,"frame":0,"details":[],"tool_label":"Particle"}}'
        for row, x, y in zip(rows.tolist(), x.tolist(), y.tolist(), strict=True)
    ]
    ends = np.searchsorted(rows, np.arange(len(classifications) + 1)).tolist()
    return [",".join(texts[a:b]) for a, b in pairwise(ends)]


class _People:
    """What an export tells of each volunteer; nothing that could be a person's."""

    def __init__(self, volunteers: Ints, export: str) -> None:
        everyone = range(int(volunteers.max(initial=0)) + 1)
        self.names, self._begin = [], []
        for number in everyone:
            anonymous = number % ANONYMOUS_EVERY == ANONYMOUS_EVERY - 1
            # some of the anonymous share an address: only their sessions tell them apart
            at = number % 50 if anonymous else number
            address = _hex(f"{export} address {at}", 20)
            name = (
                f"not-logged-in-{address},"
                if anonymous
                else f"volunteer{number:03d},{1000 + number}"
            )
            self.names.append(f"{name},{address}")
            self._begin.append(
                f'{{"source": "api", "session": "{_hex(f"{export} {number}", 64)}", '
            )

    def metadata(
        self, volunteer: int, row: int, v2: bool, width: int, time: tuple[str, str, str]
    ) -> str:
        """The cell that tells how the classification was made."""
        shown = (
            "null" if row % 7 == 3
            else f'{{"clientWidth": {width}, "clientHeight": {width}, '
            f'"naturalWidth": {width}, "naturalHeight": {width}}}'
        )  # fmt: skip
        generation = (
            '"feedback": {}, "subject_flagged": false, "classifier_version": "2.0"' if v2
            else '"interventions": {"opt_in": false, "messageShown": false}'
        )  # fmt: skip
        return _cell(
            f"{self._begin[volunteer]}"
            f'"viewport": {{"width": 1661, "height": 1157}}, "started_at": "{time[1]}Z", '
            f'"user_agent": "Mozilla/5.0", "utc_offset": "0", "finished_at": "{time[2]}Z", '
            f'"live_project": true, {generation}, "user_language": "en", "user_group_ids": [], '
            f'"subject_dimensions": [{shown}]}}'
        )


def _hex(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _subject(number: int, workflow: int, looks: int, metadata: str) -> str:
    """The last two cells of a row: the subject's metadata and its id."""
    retired = (
        f'{{"id":{number + 9},"workflow_id":{workflow},"classifications_count":{looks},'
        f'"subject_id":{number},"retirement_reason":"classification_count"}}'
    )
    return _cell(f'{{"{number}":{{"retired":{retired},{metadata}}}}}') + f",{number}"


def _tutorial(number: int, name: str, created: str) -> str:
    """A row of another workflow: an export of the whole project mixes them."""
    metadata = _cell('{"source": "api", "live_project": true, "user_language": "en"}')
    annotations = _cell('[{"task":"T0","task_label":"Are you ready?","value":"Yes"}]')
    subject = _cell('{"60000001":{"retired":null,"Filename":"welcome.png"}}')
    return (
        f"{number},{name},555,Tutorial,1.1,{created},,,"
        f"{metadata},{annotations},{subject},60000001\n"
    )


def _times(made_at: Ints) -> Iterator[tuple[str, str, str]]:
    """When each classification was created, started and finished, in the forms of an export."""
    finished = made_at.astype("datetime64[s]")
    created = np.datetime_as_string(finished).tolist()
    ended = np.datetime_as_string(finished, unit="ms").tolist()
    started = np.datetime_as_string((made_at - 9).astype("datetime64[s]"), unit="ms").tolist()
    for day, begin, end in zip(created, started, ended, strict=True):
        yield f"{day.replace('T', ' ')} UTC", begin, end


def _write(path: Path, rows: Iterator[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(HEADER)
        file.writelines(rows)
