"""Extractions by panoptes_aggregation, with rows as version 5.3.1 writes them."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from k2c_gui.core.model import K2CError
from k2c_gui.io.mapping import Classifying, Picking
from k2c_gui.io.readers import Harvest

START = "classification_id,user_name,user_id,workflow_id,task,created_at,subject_id,extractor"
POINTS = f"{START},data.aggregation_version,data.frame0.T2_tool0_x,data.frame0.T2_tool0_y"
POINT_ROW = (
    "420702379,cmk24,108.0,21790,T2,2022-06-10 12:58:25 UTC,458030,point_extractor_by_frame,5.3.1"
    ',"[418.25, 392.25]","[167.96665954589844, 164.96665954589844]"'
)
QUESTIONS = f"{START},data.playing,data.aggregation_version,data.other,data.sleeping,data.None"
PICKING = Picking(workflow_id="21790", task="T2")
CLASSIFYING = Classifying(workflow_id="21790", task="T0")
TILES = "subject_id,micrograph,x0,y0,width,height\n458030,a.png,100,200,640,427\n"


def point(x: str, y: str, **change: str) -> str:
    row = POINT_ROW.partition(',"[')[0] + f',"{x}","{y}"'
    for old, new in change.items():
        row = row.replace({"id": "420702379"}.get(old, old), new)
    return row


def question(n: int, cells: str, who: str = "cmk24,108.0") -> str:
    return f"{n},{who},21790,T0,2022-06-10 12:58:25 UTC,458030,question_extractor,{cells}"


def xy(harvest: Harvest) -> list[tuple[float, float]]:
    return list(zip(harvest.x, harvest.y, strict=True))


def dropped(harvest: Harvest) -> dict[str, int]:
    return {t.what: t.count for t in harvest.fates.tallies() if t.fate == "dropped"}


def test_points_as_the_first_classifier_left_them(lab) -> None:
    empty = POINT_ROW.replace("420702379", "420702380").partition(',"[')[0] + ",,"
    got = lab.harvest(lab.write(f"{POINTS}\n{POINT_ROW}\n{empty}\n"), PICKING)
    assert xy(got) == [(418.25, 167.96665954589844), (392.25, 164.96665954589844)]
    assert got.classification == [420702379, 420702380]
    assert got.look == [0, 0]
    assert got.position == [0, 1]
    assert got.tool == ["tool0", "tool0"]
    assert got.made_at == [1654865905] * 2
    assert got.person == [0, 0]
    assert not dropped(got)


def test_points_as_the_second_classifier_left_them(lab) -> None:
    header = (
        f"{START},data.classifier_version,data.aggregation_version,data.frame0.T2_toolIndex1_x,"
        "data.frame0.T2_toolIndex1_y,data.frame1.T2_toolIndex0_x,data.frame1.T2_toolIndex0_y,"
        "data.frame0.T2_toolIndex1_details"
    )
    row = POINT_ROW.partition("point_")[0] + "shape_extractor_point,2.0,5.3.1,[1.5],[2],[3],[4],[]"
    got = lab.harvest(lab.write(f"{header}\n{row}\n"), PICKING)
    assert xy(got) == [(1.5, 2), (3, 4)]
    assert got.frame == [0, 1]
    assert got.tool == ["tool1", "tool0"]


@pytest.mark.parametrize("bad", ["None", "null", "nan", "NaN", "inf", "-inf", "1e999", "9" * 5000])
def test_a_point_without_a_place_costs_itself_only(lab, bad: str) -> None:
    row = point(f"[1, {bad}, 3]", "[4, 5, 6]")
    got = lab.harvest(lab.write(f"{POINTS}\n{row}\n"), PICKING)
    assert (got.x[0], got.y[2]) == (1, 6)
    assert math.isnan(got.x[1])
    assert math.isnan(got.y[1])
    assert dropped(got) == {"marks without a finite x and y": 1}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (point("[1", "[2]"), "not what an extraction holds"),
        (point("[1]", "[2, 3]"), "not what an extraction holds"),
        (point("[1]", ""), "not what an extraction holds"),
        (point("7", "[7]"), "not what an extraction holds"),
        (point("['a']", "[7]"), "not what an extraction holds"),
        (point("[" * 90_000, "[7]"), "not what an extraction holds"),
        (point("[1]", "[2]", id="x"), "not what an extraction holds"),
        (point("[1]", "[2]", id="9" * 30), "not what an extraction holds"),
        (point("[1]", "[2]").replace("2022-06", "2022-66"), "not what an extraction holds"),
        (point("[1]", "[2]").replace("21790", "4"), "another workflow"),
        (point("[1]", "[2]").replace(",T2,", ",T1,"), "another task"),
        (POINT_ROW, "the same classification again"),
        (POINT_ROW + ",9", "not as many columns"),
        (POINT_ROW[:40], "not as many columns"),
    ],
)
def test_a_bad_row_is_counted_and_costs_itself_only(lab, row: str, reason: str) -> None:
    last = POINT_ROW.replace("420702379", "420702381")
    got = lab.harvest(lab.write(f"{POINTS}\n{POINT_ROW}\n{row}\n{last}\n"), PICKING)
    assert len(got.classification) == 2
    ((what, n),) = dropped(got).items()
    assert reason in what
    assert n == 1


def test_a_list_too_long_for_one_classification(lab) -> None:
    many = "[" + "1," * 65536 + "1]"
    assert dropped(lab.harvest(lab.write(f"{POINTS}\n{point(many, many)}\n"), PICKING)) == {
        "more marks than one classification can hold": 1
    }


def test_without_a_task_the_first_is_taken(lab) -> None:
    other = POINT_ROW.replace(",T2,", ",T4,")
    got = lab.harvest(lab.write(f"{POINTS}\n{POINT_ROW}\n{other}\n"), Picking())
    assert xy(got) == [(418.25, 167.96665954589844), (392.25, 164.96665954589844)]
    assert dropped(got) == {"another task": 1}


@pytest.mark.parametrize(
    ("cells", "answer"),
    [
        ("1.0,5.3.1,,,", "playing"),
        ("1,5.3.1,,0.0,", "playing"),
        (",5.3.1,,1.0,", "sleeping"),
    ],
)
def test_an_answer(lab, cells: str, answer: str) -> None:
    got = lab.harvest(lab.write(f"{QUESTIONS}\n{question(1, cells)}\n"), CLASSIFYING)
    assert got.answer == [answer]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (",5.3.1,,,1.0", "the question was skipped"),
        (",5.3.1,,,", "the question was skipped"),
        ("1.0,5.3.1,,1.0,", "more than one answer"),
        ("yes,5.3.1,,,", "not what an extraction holds"),
    ],
)
def test_what_is_no_answer_is_counted(lab, cells: str, reason: str) -> None:
    rows = f"{QUESTIONS}\n{question(1, cells)}\n{question(2, '1.0,5.3.1,,,')}\n"
    got = lab.harvest(lab.write(rows), CLASSIFYING)
    assert dropped(got) == {reason: 1}
    assert got.answer == ["playing"]


def test_who_is_who(lab) -> None:
    who = ("ada,108.0", "renamed,108", "not-logged-in-ff,", "not-logged-in-ee,", "108,", ",", ",")
    rows = [question(i, "1.0,5.3.1,,,", w) for i, w in enumerate(who)]
    got = lab.harvest(lab.write("\n".join([QUESTIONS, *rows]) + "\n"), CLASSIFYING)
    assert got.person == [0, 0, 1, 2, 3, 4, 5]


def test_from_extractions_to_marks_and_votes(lab) -> None:
    """Points need a side table; it says what the mapping needs to know."""
    picking = lab.write(f"{POINTS}\n{POINT_ROW}\n")
    header = QUESTIONS.replace("playing", "cluster").replace("sleeping", "something-else")
    rows = [header, *(question(i, c) for i, c in enumerate(("1.0,5.3.1,,,", ",5.3.1,,1.0,")))]
    asked = lab.write("\n".join(rows) + "\n", "questions.csv")
    lab.write(TILES, "tiles.csv")
    lab.write("subject_id,micrograph,x,y\n458030,a,518,368\n", "shown.csv")
    mapping = (
        '[picking]\ntiles = "tiles.csv"\n[picking.tools]\ntool0 = 1\n'
        '[classifying]\nsubjects = "shown.csv"\n'
    )
    found = lab.read(picking, asked, mapping=mapping)
    assert [(m["x"], m["label"], m["inside"]) for m in found.sources.marks] == [
        (518.25, 1, True),
        (492.25, 1, True),
    ]
    assert found.sources.tiles[0].tolist() == (0, 100, 200, 640, 427)
    assert found.sources.votes["label"].tolist() == [1, 3]
    assert found.sources.votes["volunteer"].tolist() == [0, 0], "known from the marks"


def refused(lab, content: str, mapping: Any = None) -> str:
    with pytest.raises(K2CError) as error:
        lab.read(lab.write(content), mapping=mapping)
    return str(error.value)


def test_without_a_side_table_it_is_asked_for(lab) -> None:
    told = refused(lab, f"{POINTS}\n{POINT_ROW}\n")
    assert "puts no tile onto a micrograph" in told
    assert "tiles in [picking]" in told


def test_a_side_table_without_sizes(lab) -> None:
    lab.write("subject_id,micrograph,x0,y0\n458030,a,0,0\n", "tiles.csv")
    told = refused(lab, f"{POINTS}\n{POINT_ROW}\n", '[picking]\ntiles = "tiles.csv"\n')
    assert "how large the tiles are" in told


def test_a_wrong_task_says_which_there_are(lab) -> None:
    wrong = msgspec.structs.replace(PICKING, task="T7", micrograph="m")
    told = refused(lab, f"{POINTS}\n{POINT_ROW}\n", wrong)
    assert "task 'T7'" in told
    assert "workflow_id 21790, task T2 (points)" in told


def test_questions_hold_no_points(lab) -> None:
    told = refused(lab, f"{QUESTIONS}\n{question(1, '1.0,5.3.1,,,')}\n")
    assert "No column of this extraction holds points" in told
