from __future__ import annotations

import csv
import json
import re
import tomllib
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from k2c_gui import demo
from k2c_gui.demo.exports import mark_ids
from k2c_gui.io.resources import resource

Row = dict[str, str]
COLUMNS = (
    "classification_id,user_name,user_id,user_ip,workflow_id,workflow_name,workflow_version,"
    "created_at,gold_standard,expert,metadata,annotations,subject_data,subject_ids"
)


def read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert ",".join(rows[0]) == COLUMNS
    assert all(None not in row and None not in row.values() for row in rows)
    return rows


def value(row: Row) -> Any:
    (annotation,) = json.loads(row["annotations"])
    assert annotation["task"] == "T0"
    return annotation["value"]


def subject(row: Row) -> dict[str, Any]:
    ((number, data),) = json.loads(row["subject_data"]).items()
    assert number == row["subject_ids"]
    assert data["retired"]["retirement_reason"] == "classification_count"
    result: dict[str, Any] = data
    return result


def moment(row: Row) -> float:
    return datetime.strptime(row["created_at"] + "+0000", "%Y-%m-%d %H:%M:%S UTC%z").timestamp()


def is_v2(row: Row) -> bool:
    return bool(json.loads(row["metadata"]).get("classifier_version") == "2.0")


@pytest.fixture(scope="module")
def picking(folder: Path) -> list[Row]:
    return [row for row in read(folder / "picking.csv") if row["workflow_id"] == "19001"]


@pytest.fixture(scope="module")
def classifying(folder: Path) -> list[Row]:
    return read(folder / "classifying.csv")


def test_same_bytes_for_the_same_seed(
    folder: Path, small: demo.WorldParams, tmp_path: Path
) -> None:
    demo.write(tmp_path / "again", small)
    demo.write(tmp_path / "other", replace(small, seed=7))
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*.*"))
    assert len(names) == 7
    for name in names:
        mine = (folder / name).read_bytes()
        assert mine == (tmp_path / "again" / name).read_bytes()
        assert (mine == (tmp_path / "other" / name).read_bytes()) == (name == "mapping.toml")
        assert b"\r" not in mine or name.endswith(".tif")


def test_marks_read_back_where_they_were_set(picking: list[Row], world: demo.World) -> None:
    marks = {m["mark"]: m for m in world.marks}
    seen = 0
    for row, look in zip(picking, world.looks, strict=True):
        where = subject(row)
        assert int(row["classification_id"]) == look["classification"]
        assert moment(row) == look["made_at"]
        tile = world.tiles[look["tile"]]
        assert where["#micrograph"] == world.names[tile["micrograph"]]
        assert (int(where["#x0"]), int(where["#y0"])) == (tile["x0"], tile["y0"])
        for place, point in enumerate(value(row)):
            mark = marks[int(row["classification_id"]) * 65536 + place]
            assert point["x"] + tile["x0"] == pytest.approx(mark["x"], abs=0.006)
            assert point["y"] + tile["y0"] == pytest.approx(mark["y"], abs=0.006)
            assert mark["tile"] == look["tile"]
            seen += 1
    assert seen == len(marks)


def test_votes_read_back_on_their_marks(classifying: list[Row], world: demo.World) -> None:
    answers = tomllib.loads(resource("mapping.toml").read_text(encoding="utf-8"))["classifying"][
        "answers"
    ]
    used = set()
    for row, vote in zip(classifying, world.votes, strict=True):
        where = subject(row)
        assert int(row["classification_id"]) == vote["classification"]
        assert moment(row) == vote["made_at"]
        classification, place = where["#mark"].split(":")
        assert int(classification) * 65536 + int(place) == vote["mark"]
        assert where["#micrograph"] == world.names[vote["micrograph"]]
        assert float(where["#x"]) == pytest.approx(vote["x"], abs=6e-4)
        assert float(where["#y"]) == pytest.approx(vote["y"], abs=6e-4)
        assert answers[value(row).strip()] == vote["label"]
        used.add(value(row))
    assert used == {*answers, "Cluster\n"}


def test_ids_are_unique_and_rise_with_time(folder: Path) -> None:
    rows = read(folder / "picking.csv") + read(folder / "classifying.csv")
    for one, other in pairwise(rows):
        assert int(one["classification_id"]) < int(other["classification_id"])
        assert one["created_at"] <= other["created_at"]
    pattern = re.compile(r"2022-\d\d-\d\d \d\d:\d\d:\d\d UTC")
    assert all(pattern.fullmatch(row["created_at"]) for row in rows)


def test_both_generations_of_the_classifier(picking: list[Row], classifying: list[Row]) -> None:
    for rows in (picking, classifying):
        assert {is_v2(row) for row in rows} == {True, False}
    for row in picking:
        for point in value(row):
            if is_v2(row):
                assert point["tool_label"] is None
                assert (point["toolType"], point["toolIndex"]) == ("point", 0)
            else:
                assert (point["tool_label"], point["tool"]) == ("Particle", 0)
                assert "toolIndex" not in point


def test_picking_has_the_quirks_of_real_exports(folder: Path, picking: list[Row]) -> None:
    assert any(row["workflow_id"] == "555" for row in read(folder / "picking.csv"))
    assert len({row["workflow_version"] for row in picking}) == 2
    assert any(value(row) == [] for row in picking)
    widths = {2 * -(-384 // 5)}
    outside = 0
    dimensions = set()
    for row in picking:
        (shown,) = json.loads(row["metadata"])["subject_dimensions"]
        dimensions.add(shown and shown["naturalWidth"])
        outside += sum(not 0 <= p[axis] < max(widths) for p in value(row) for axis in "xy")
    assert dimensions == {None, *widths}
    assert outside > 0
    key = [(row["user_name"], json.loads(row["metadata"])["session"]) for row in picking]
    again = len(key) - len({(*k, row["subject_ids"]) for k, row in zip(key, picking, strict=True)})
    assert again > 0


def test_answers_lost_their_line_break_with_a_new_version(classifying: list[Row]) -> None:
    stray = {row["workflow_version"] for row in classifying if value(row) == "Cluster\n"}
    clean = {row["workflow_version"] for row in classifying if value(row) == "Cluster"}
    assert (stray, clean) == ({"3.19"}, {"3.20"})


def test_the_anonymous_are_known_by_address_and_session(
    picking: list[Row], classifying: list[Row]
) -> None:
    for rows in (picking, classifying):
        for row in rows:
            assert re.fullmatch("[0-9a-f]{20}", row["user_ip"])
            if row["user_id"]:
                assert re.fullmatch(r"volunteer\d{3}", row["user_name"])
            else:
                assert row["user_name"] == f"not-logged-in-{row['user_ip']}"
    names = [{r["user_name"] for r in rows if not r["user_id"]} for rows in (picking, classifying)]
    assert names[0]
    assert not names[0] & names[1]


def test_one_address_may_be_several_people(tmp_path: Path) -> None:
    world = demo.make(demo.WorldParams(micrographs=1, volunteers=120))
    strangers = world.looks[world.looks["volunteer"] % 5 == 4]
    demo.write_picking(tmp_path / "p.csv", world.names, world.tiles, strangers, world.marks[:0])
    rows = [row for row in read(tmp_path / "p.csv") if row["workflow_id"] == "19001"]
    sessions = {json.loads(row["metadata"])["session"] for row in rows}
    assert len({row["user_name"] for row in rows}) < len(sessions)


def test_truth_and_mapping(folder: Path, world: demo.World) -> None:
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["micrograph", "x", "y", "label", "diameter", "exposure"]
    for row, p in zip(rows[1:], world.truth, strict=True):
        assert row[0] == world.names[p["micrograph"]]
        assert (float(row[1]), float(row[2])) == (p["x"], p["y"])
        assert (int(row[3]), int(row[5])) == (p["label"], p["exposure"])
        assert float(row[4]) == pytest.approx(p["diameter"], abs=0.006)
    mapping = tomllib.loads((folder / "mapping.toml").read_text(encoding="utf-8"))
    assert mapping["picking"]["workflow_id"] == "19001"
    assert mapping["classifying"]["mark"] == "#mark"


def test_mark_ids_count_within_each_look() -> None:
    ids = mark_ids(np.array([7, 7, 21, 21, 21, 28]))
    assert (ids % 65536).tolist() == [0, 1, 0, 1, 2, 0]
    assert (ids // 65536).tolist() == [7, 7, 21, 21, 21, 28]
