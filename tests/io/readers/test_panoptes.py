"""Zooniverse's own exports: every shape in which rows, marks and answers come."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from k2c_gui.io.files import Rows
from k2c_gui.io.readers import Harvest, panoptes

NAN = float("nan")
MARKS = '[{"task":"T0","value":[%s]}]'
POINT = '{"x":1.5,"y":2,"tool":0,"frame":0,"tool_label":"Particle"}'


def xy(harvest: Harvest) -> list[tuple[float, float]]:
    return list(zip(harvest.x, harvest.y, strict=True))


def dropped(harvest: Harvest) -> dict[str, int]:
    return {t.what: t.count for t in harvest.fates.tallies() if t.fate == "dropped"}


def why(harvest: Harvest) -> str:
    """The one reason why something was dropped."""
    (reason,) = dropped(harvest)
    return reason


# rows


def test_both_generations_in_one_file(lab) -> None:
    rows = [lab.pick([(1.25, 2)]), lab.pick([(3.5, 4), (5, 6)], v2=True), lab.pick([])]
    got = lab.harvest(rows)
    assert xy(got) == [(1.25, 2), (3.5, 4), (5, 6)]
    assert got.look == [0, 1, 1]
    assert got.position == [0, 0, 1]
    assert len(got.classification) == 3, "an empty list is a look"
    assert not dropped(got)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda c: b"\xef\xbb\xbf" + c])
def test_packed_or_marked(lab, pack: Any) -> None:
    assert xy(lab.harvest(lab.write(pack(lab.table([lab.pick()]))))) == [(10, 20)]


def test_key_order_and_missing_keys_do_not_matter(lab) -> None:
    text = '[{"value":[{"tool_label":null,"y":2,"frame":null,"x":1}],"more":{},"task":"T0"}]'
    got = lab.harvest([lab.pick(annotations=text)])
    assert xy(got) == [(1, 2)]
    assert (got.frame, got.tool) == ([0], [""])


def test_ids_with_leading_blanks(lab) -> None:
    row = lab.pick(
        classification_id=" 420702379", workflow_id=" 1", workflow_version=" 3.20", subject=" 77 "
    )
    got = lab.harvest([row], msgspec.structs.replace(lab.PICKING, workflow_id=1, version=3))
    assert got.classification == [420702379]
    assert got.subject == ["77"]


def test_workflow_then_version(lab) -> None:
    versions = ("3.20", "3.2", "3.3", "32.1", "13.20")
    rows = [lab.pick(workflow_version=v, classification_id=str(i)) for i, v in enumerate(versions)]
    rows += [lab.pick(workflow_id="11", workflow_version="3.20", classification_id="99")]

    def taken(**change: Any) -> tuple[list[int], dict[str, int]]:
        got = lab.harvest(rows, msgspec.structs.replace(lab.PICKING, **change))
        return got.classification, dropped(got)

    other = {"another workflow": 1}
    assert taken() == ([0, 1, 2, 3, 4], other)
    assert taken(version="3.20") == ([0], other | {"another version of the workflow": 4})
    assert taken(version="3.2")[0] == [1], "3.20 is not 3.2"
    assert taken(version="3")[0] == [0, 1, 2]
    assert taken(version=3)[0] == [0, 1, 2]
    assert taken(workflow_id="")[0] == [0, 1, 2, 3, 4, 99]


@pytest.mark.parametrize(
    "cells",
    [{"expert": "true"}, {"expert": "owner"}, {"gold_standard": "true"}, {"gold_standard": "True"}],
)
def test_experts_and_gold_standards_are_an_option(lab, cells: dict[str, str]) -> None:
    rows = [lab.pick([(1, 1)]), lab.pick([(2, 2)], **cells), lab.pick([(3, 3)], expert="false")]
    got = lab.harvest(rows)
    assert xy(got) == [(1, 1), (3, 3)]
    assert dropped(got) == {"by an expert or a gold standard": 1}
    experts = msgspec.structs.replace(lab.PICKING, experts=True)
    assert len(lab.harvest(rows, experts).classification) == 3


def test_an_export_of_2015(lab) -> None:
    """No ids of classifications, users and subjects: the row stands in for the first."""
    there = [
        c
        for c in lab.COLUMNS
        if c not in ("classification_id", "subject_ids", "user_id", "user_ip")
    ]
    rows = [lab.pick([(10, 20)], subject="4"), lab.pick([(30, 40)], subject="5")]
    got = lab.harvest(lab.write(rows, columns=there))
    assert got.classification == got.row == [2, 3]
    assert got.subject == ["4", "5"]
    assert len(set(got.person)) == 2
    grown = lab.harvest(lab.write([*rows, lab.pick([(1, 1)])], columns=there))
    assert grown.classification[:2] == got.classification, "exports only ever grow"


def test_the_same_classification_again(lab) -> None:
    """Downloads put one after another."""
    rows = [lab.pick([(i, i)], classification_id=str(100 + i % 2)) for i in range(4)]
    got = lab.harvest(rows)
    assert xy(got) == [(0, 0), (1, 1)]
    assert dropped(got) == {"the same classification again": 2}


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"classification_id": "x"}, "the classification id is not a number"),
        ({"classification_id": ""}, "the classification id is not a number"),
        ({"classification_id": "-5"}, "the classification id is not a number"),
        ({"classification_id": "9" * 20}, "the classification id is not a number"),
        ({"classification_id": "9" * 5000}, "the classification id is not a number"),
        ({"created_at": "yesterday"}, "created_at is not a date"),
        ({"created_at": ""}, "created_at is not a date"),
        ({"subject_data": "{}"}, "not exactly one subject"),
        ({"subject_data": '{"1":{},"2":{}}'}, "not exactly one subject"),
        ({"subject_data": '{"1":null}'}, "the JSON is not what an export holds"),
        ({"subject_data": ""}, "not JSON"),
        ({"subject_data": '{"1":' * 9000}, "not JSON"),
        ({"subject_data": '{"1":{"a":"\\ud800"}}'}, "not JSON"),
        ({"annotations": ""}, "not JSON"),
        ({"annotations": "[{"}, "not JSON"),
        ({"annotations": "[" * 100_000}, "not JSON"),
        ({"annotations": '[{"task":"T0","value":' + "[" * 9000 + "]" * 9000 + "}]"}, "not JSON"),
        ({"annotations": "{}"}, "the JSON is not what an export holds"),
        ({"annotations": "null"}, "the JSON is not what an export holds"),
        ({"annotations": "[]"}, "task T0 was not reached"),
        ({"annotations": '[{"task":"T1","value":[]}]'}, "task T0 was not reached"),
        ({"annotations": '[{"task":"T0"}]'}, "the task holds no list of marks"),
        ({"annotations": MARKS % '{"x":"1","y":2}'}, "the task holds no list of marks"),
        ({"annotations": MARKS % "7"}, "the task holds no list of marks"),
        ({"annotations": MARKS % ",".join(["{}"] * 65537)}, "more marks than one"),
    ],
)
def test_a_bad_row_is_counted_and_costs_itself_only(
    lab, cells: dict[str, str], reason: str
) -> None:
    got = lab.harvest([lab.pick([(1, 1)]), lab.pick([(2, 2)]) | cells, lab.pick([(3, 3)])])
    assert xy(got) == [(1, 1), (3, 3)]
    ((what, n),) = dropped(got).items()
    assert reason in what
    assert n == 1
    assert [t.first for t in got.fates.tallies() if t.fate == "dropped"] == ["row 3"]


def test_rows_that_the_file_could_not_give_are_counted_too(lab) -> None:
    good = [lab.pick([(i, i)]) for i in range(3)]
    lines = lab.table(good).splitlines(keepends=True)
    latin = lines[1].replace(b"volunteer", b"caf\xe9")
    bad = [latin, b"1,2\n", lines[2].replace(b"}]", b'}]"', 1), lines[3][:-40] + b"\n"]
    got = lab.harvest(lab.write(b"".join([lines[0], *bad, *lines[1:]])))
    assert xy(got) == [(0, 0), (1, 1), (2, 2)]
    assert sum(dropped(got).values()) == 4
    assert dropped(got)["not UTF-8"] == 1


def test_a_file_that_breaks_off_gives_its_good_rows(lab) -> None:
    whole = gzip.compress(lab.table([lab.pick([(i, i)]) for i in range(300)]))
    got = lab.harvest(lab.write(whole[: len(whole) // 2]))
    n = len(got.classification)
    assert 10 < n < 300
    assert xy(got) == [(i, i) for i in range(n)]
    assert "breaks off" in " ".join(dropped(got))


# people


def test_who_is_who(lab) -> None:
    """An id, else a name, else the hash of an address with the browser's session."""
    ada, hidden = {"user_id": "7", "user_name": "ada"}, {"user_id": "", "user_ip": "ff"}
    away = {"user_id": "", "user_name": "not-logged-in-ff", "user_ip": "ff"}
    people = [
        ada,
        ada | {"user_name": "ada, renamed"},
        ada | {"user_id": " 7.0"},
        {"user_id": "", "user_name": "ada"},
        away | {"session": "one"},
        away | {"session": "one"},
        away | {"session": "two"},
        away | {"session": "two", "user_ip": "ee", "user_name": "not-logged-in-ee"},
        hidden | {"session": "one", "user_name": ""},
    ]
    got = lab.harvest([lab.pick(**p) for p in people])
    assert got.person == [0, 0, 0, 1, 2, 2, 3, 4, 2]


def test_people_called_nothing(lab) -> None:
    names = ("NA", "None", "null", "nan", "", "N/A", "0", "true")
    rows = [
        lab.pick(user_id="", user_name=n, session="s", user_ip="f") for n in names for _ in "ab"
    ]
    got = lab.harvest(rows)
    assert got.person == [i for i in range(len(names)) for _ in "ab"]


@pytest.mark.parametrize("metadata", ["", "{", "null", "[]", "[" * 5000, '{"session":4}'])
def test_a_row_is_good_without_its_metadata(lab, metadata: str) -> None:
    """Whether they are needed depends on the rows before; what is imported must not."""
    one = lab.pick([(1, 1)], user_id="") | {"metadata": metadata}
    other = lab.pick([(2, 2)])
    assert xy(lab.harvest([one, other])) == [(1, 1), (2, 2)]
    assert xy(lab.harvest([other, one])) == [(2, 2), (1, 1)]


def test_dates(lab) -> None:
    texts = ("2022-03-01 00:01:21 UTC", "2022-03-01T00:01:21.9Z", "2022-03-01T01:01:21+01:00")
    got = lab.harvest([lab.pick(created_at=text) for text in texts])
    assert got.made_at == [1646092881] * 3


# marks


@pytest.mark.parametrize(
    "bad",
    [
        '"x":null,"y":1',
        '"x":1,"y":null',
        '"x":NaN,"y":1',
        '"x":-Infinity,"y":1',
        '"x":1,"y":Infinity',
        '"x":1e999,"y":1',
        '"x":-1e999,"y":1',
        '"x":1e300,"y":1',
        '"x":' + "9" * 400 + ',"y":1',
        '"x":' + "9" * 5000 + ',"y":1',
    ],
)
def test_a_mark_without_a_place_costs_itself_only(lab, bad: str) -> None:
    """Its place in the value list stays taken: the marks after it keep their ids."""
    got = lab.harvest([lab.pick(annotations=MARKS % f'{POINT},{{{bad},"tool":0}},{POINT}')])
    assert [position for position, x in enumerate(got.x) if x == 1.5] == [0, 2]
    assert got.position == [0, 1, 2]
    assert np.isnan(got.x[1])
    assert np.isnan(got.y[1])
    assert dropped(got) == {"marks without a finite x and y": 1}


def test_marks_of_other_shapes(lab) -> None:
    shapes = (
        '{"x1":1,"y1":2,"x2":3,"y2":4,"tool":1}',
        '{"points":[{"x":1,"y":1}],"toolIndex":1,"toolType":"polygon"}',
        '{"pathX":[1,2],"pathY":[3,4],"toolIndex":0,"toolType":"freehandLine"}',
    )
    got = lab.harvest([lab.pick(annotations=MARKS % ",".join((*shapes, POINT)))])
    assert got.x[3] == 1.5
    assert dropped(got) == {"marks of a shape that has no x and y, such as a line": 3}


def test_circles_have_a_centre(lab) -> None:
    circles = '{"x":1,"y":2,"r":9,"angle":0,"tool":0},{"x_center":3,"y_center":4,"toolIndex":0}'
    assert xy(lab.harvest([lab.pick(annotations=MARKS % circles)])) == [(1, 2), (3, 4)]


def test_negative_and_far_marks_are_read_as_they_are(lab) -> None:
    assert xy(lab.harvest([lab.pick([(-556.25, 9000)])])) == [(-556.25, 9000)]


def test_of_a_key_told_twice_the_last_holds(lab) -> None:
    got = lab.harvest([lab.pick(annotations=MARKS % '{"x":9,"x":1,"y":2}')])
    assert xy(got) == [(1, 2)]


def test_frames(lab) -> None:
    frames = ("0", "3", "null", "-1", "64", "9" * 30, "-" + "9" * 30)
    marks = ",".join(f'{{"x":1,"y":2,"frame":{f}}}' for f in frames)
    assert lab.harvest([lab.pick(annotations=MARKS % marks)]).frame == [0, 3, 0] + [-1] * 4


def test_combo_tasks(lab) -> None:
    """Marks and answers inside a combo, one level deep."""
    inside = [
        {"task": "T1", "value": "Yes"},
        {"task": "T0", "value": [{"x": 1, "y": 2, "tool": 0}]},
    ]
    combo = [{"task": "T3", "task_label": None, "value": inside}]
    assert xy(lab.harvest([lab.pick(annotations=combo)])) == [(1, 2)]
    table = msgspec.structs.replace(lab.CLASSIFYING, task="T1")
    assert lab.harvest([lab.vote(annotations=combo)], table).answer == ["Yes"]


def test_subtasks_are_passed_over(lab) -> None:
    """Of the first generation inside the mark, of the second as rows of their own."""
    first = {"x": 1, "y": 2, "tool": 0, "frame": 0, "details": [{"value": 0}, {"value": [1, 2]}]}
    second = {"x": 3, "y": 4, "toolIndex": 0, "frame": 0, "details": [{"task": "T0.0.0"}]}
    rows = [
        lab.pick([first]),
        lab.pick(
            annotations=[
                {"task": "T0.0.0", "taskType": "single", "markIndex": 0, "value": 0},
                {"task": "T0", "taskType": "drawing", "value": [second]},
                {"task": "T0.0.1", "taskType": "text", "markIndex": 0, "value": "Cluster"},
            ]
        ),
    ]
    got = lab.harvest(rows)
    assert xy(got) == [(1, 2), (3, 4)]
    assert not dropped(got)


# tools


def test_a_tool_is_what_the_row_calls_it(lab) -> None:
    assert lab.harvest([lab.pick()]).tool == ["Particle"]


def test_a_tool_without_a_name_is_looked_up(lab) -> None:
    workflows = lab.workflows(
        ("3.20", ["Particle", "Heap"], []), ("3.2", ["Speck"], []), ("9.1", ["Late", "Later"], [])
    )
    tools = (
        {"tool": 1},
        {"toolIndex": 1},
        {"tool_index": 1},
        {"toolIndex": -1},
        {"toolIndex": 7},
        {},
    )
    marks = [{"x": 1, "y": 2, "tool_label": None, **tool} for tool in tools]
    versions = ("3.20", "3.2", "4.4", "30.1")
    rows = [lab.pick(marks, workflow_version=v) for v in versions]
    got = lab.harvest(rows, workflows=workflows).tool
    assert got[:6] == ["Heap", "Heap", "Heap", "", "", ""]
    assert got[6:9] == ["", "", ""], "version 3.2 had one tool"
    assert got[12:15] == got[18:21] == ["Later"] * 3, "a version that is gone"
    assert set(lab.harvest(rows).tool) == {""}, "without the workflow export"


def test_a_tool_is_looked_up_in_the_workflow_of_its_row(lab) -> None:
    workflows = lab.workflows(("3.20", ["Particle"], []))
    any_workflow = msgspec.structs.replace(lab.PICKING, workflow_id="")
    rows = [lab.pick([(1, 2)], v2=True), lab.pick([(1, 2)], v2=True, workflow_id=" 1")]
    rows += [lab.pick([(1, 2)], v2=True, workflow_id="5")]
    assert lab.harvest(rows, any_workflow, workflows).tool == ["Particle", "Particle", ""]


# answers


@pytest.mark.parametrize(
    "answer", ["Cluster", "No\n", "Yes!", "NA", "None", "null", "", "0", "é ß"]
)
def test_an_answer_is_read_as_it_is(lab, answer: str) -> None:
    assert lab.harvest([lab.vote(answer)], lab.CLASSIFYING).answer == [answer]
    assert lab.harvest([lab.vote([answer])], lab.CLASSIFYING).answer == [answer], "multiple, one"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "the question was skipped"),
        ([], "the question was skipped"),
        (["Cluster", "Artifact"], "more than one answer"),
        (1, "the answer is a number; the workflow export would name it"),
        (1.5, "the answer is not a text"),
        (True, "the answer is not a text"),
        ({"choice": "A"}, "the answer is not a text"),
        ([{"x": 1, "y": 2}], "the answer is not a text"),
    ],
)
def test_what_is_no_answer_is_counted(lab, answer: Any, reason: str) -> None:
    got = lab.harvest([lab.vote(answer), lab.vote("Cluster")], lab.CLASSIFYING)
    assert dropped(got) == {reason: 1}
    assert got.answer == ["Cluster"]
    assert got.row == [3]


def test_a_number_is_looked_up(lab) -> None:
    workflows = lab.workflows(("3.20", [], ["Nanoparticle", "Cluster"]), ("7.7", [], ["Heap", "x"]))
    table = msgspec.structs.replace(lab.CLASSIFYING, workflow_id="")
    rows = [
        lab.vote(i, workflow_id="1", workflow_version=v) for v in ("3.20", "5.5") for i in (0, 1)
    ]
    got = lab.harvest([*rows, lab.vote(2, workflow_id="1")], table, workflows)
    assert got.answer == ["Nanoparticle", "Cluster", "Heap", "x"]
    assert why(got).startswith("the answer is a number")


# survey


def test_a_survey_of_the_first_rows(lab) -> None:
    combo = [{"task": "T2", "value": [{"task": "T1", "value": "Maybe"}]}]
    rows = [lab.pick([(1, 2), (3, 4)]), lab.pick(annotations=combo), lab.pick() | {"metadata": "{"}]
    rows += [lab.pick() | {"annotations": "{"}, lab.pick([{"x1": 1, "tool": 0}])]
    found = panoptes.survey(Rows(lab.write(rows)))
    assert found.points["1", "T0"] == 3
    assert +found.shapes == {("1", "T0"): 1}
    assert found.texts == {("1", "T1"): {"Maybe"}}
    assert found.sizes == {"7001": (200, 200)}
    assert panoptes.survey(Rows(lab.write(rows)), most=2).points["1", "T0"] == 2


@pytest.mark.parametrize(
    ("sizes", "found"),
    [
        ((None,), {}),
        (None, {}),
        ((None, {"naturalWidth": 5, "naturalHeight": 4}), {"7001": (5, 4)}),
        (({"naturalWidth": 0, "naturalHeight": 4},), {}),
        (({"naturalWidth": -5, "naturalHeight": 4},), {}),
        (({"naturalWidth": 1e300, "naturalHeight": 4},), {}),
        (({"clientWidth": 5, "clientHeight": 4},), {}),
        (({"naturalWidth": "5", "naturalHeight": 4},), {}),
    ],
)
def test_sizes_with_gaps(lab, sizes: Any, found: dict[str, Any]) -> None:
    assert lab.harvest([lab.pick(size=sizes)]).sizes == found


def test_a_later_row_tells_the_size(lab) -> None:
    rows = [
        lab.pick(size=(None,)),
        lab.pick(),
        lab.pick(size=({"naturalWidth": 9, "naturalHeight": 9},)),
    ]
    assert lab.harvest(rows).sizes == {"7001": (200, 200)}


def test_a_real_file_of_the_second_generation(shared_data: Path) -> None:
    """Lines and polygons, no points: nothing is taken for one."""
    found = panoptes.survey(Rows(shared_data / "zooniverse" / "drawing_v2_Apache2.csv"))
    assert found.shapes["28090", "T0"] == 184
    assert not found.points["28090", "T0"]
