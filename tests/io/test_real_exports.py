"""Real exports: what is imported against what plain csv and json find in them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from k2c_gui.core.model import K2CError
from k2c_gui.importing import import_
from k2c_gui.io import resources, sources
from k2c_gui.io.mapping import Picking
from k2c_gui.io.sources import Files
from k2c_gui.session import Session

csv.field_size_limit(1 << 24)
POINTS = Picking(workflow_id="21790", version="50", task="T2", micrograph="image_name")


@pytest.fixture
def real(shared_data: Path) -> Callable[[str], Path]:
    return lambda name: shared_data / "zooniverse" / name


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Rows with their JSON read, and the one subject taken out."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    for row in rows:
        for column in ("metadata", "annotations", "subject_data"):
            row[column] = json.loads(row[column])
        ((row["subject"], row["about"]),) = row["subject_data"].items()
        row["tasks"] = {a["task"]: a["value"] for a in row["annotations"]}
        sizes = row["metadata"].get("subject_dimensions") or [None]
        row["size"] = sizes[0] and (sizes[0]["naturalWidth"], sizes[0]["naturalHeight"])
    return rows


def paint(lab, rows: list[dict[str, Any]], key: str) -> None:
    """Blank micrographs of the right sizes, under the names that the subjects give."""
    (lab.images / "a.png").unlink()
    for name, size in {r["about"][key]: r["size"] for r in rows if r["size"]}.items():
        lab.image(name, *size)


def test_points_and_looks_of_a_real_project(lab, real, count) -> None:
    path = real("drawing-and-question_v1_MIT.csv")
    rows = rows_of(path)
    paint(lab, rows, "image_name")
    there = [r for r in rows if r["workflow_version"].split(".")[0] == "50" and "T2" in r["tasks"]]
    expected = sorted(
        (int(r["classification_id"]), i, m["x"], m["y"], r["about"]["image_name"])
        for r in there
        for i, m in enumerate(r["tasks"]["T2"])
    )
    found = lab.read(path, mapping=POINTS)
    sources = found.sources
    names = [m.name for m in sources.micrographs]
    got = [
        (int(m["mark"]) >> 16, int(m["mark"]) & 0xFFFF, m["x"], m["y"], names[m["micrograph"]])
        for m in sources.marks
    ]
    assert got == expected
    assert len(got) == 180 == count(found, "kept", "marks")
    assert len(sources.looks) == len(there) == count(found, "kept", "classifications")
    empty = sum(not r["tasks"]["T2"] for r in there)
    assert count(found, "kept", "without a mark") == empty > 0
    assert count(found, "dropped", "another version of the workflow") == 23
    assert count(found, "dropped", "task T2 was not reached") == 90 - len(there)
    people = {
        r["user_id"] or (r["user_ip"], r["metadata"].get("session"))
        for r in there
    }  # fmt: skip
    assert len(set(sources.looks["volunteer"].tolist())) == len(people)


def test_and_from_there_to_a_session(lab, real) -> None:
    rows = rows_of(real("drawing-and-question_v1_MIT.csv"))
    paint(lab, rows, "image_name")
    mapping = lab.write(
        '[picking]\nworkflow_id = 21790\nversion = 50\ntask = "T2"\nmicrograph = "image_name"\n',
        "mapping.toml",
    )
    files = Files(lab.images, real("drawing-and-question_v1_MIT.csv"), mapping=mapping)
    import_(lab.folder / "x.k2c", files)
    with Session(lab.folder / "x.k2c") as desk:
        assert len(desk.state.sources.marks) == 180
        assert not desk.check()


def test_another_major_version_has_other_tasks(lab, real) -> None:
    path = real("drawing-and-question_v1_MIT.csv")
    paint(lab, rows_of(path), "image_name")
    with pytest.raises(K2CError) as error:
        lab.read(path, mapping=Picking(workflow_id="21790", task="T9", micrograph="image_name"))
    told = str(error.value)
    for task in ("T0 (answers)", "T2 (points)", "T5 (other shapes)"):
        assert f"workflow_id 21790, task {task}" in told


@pytest.mark.parametrize("experts", [False, True])
def test_experts_and_gold_standards(lab, real, count, experts: bool) -> None:
    path = real("subimage-metadata_gold-standard_MIT.csv")
    rows = rows_of(path)
    paint(lab, rows, "IMG_COLOR")
    table = Picking(workflow_id="3149", task="T0", micrograph="IMG_COLOR", experts=experts)
    taken = [r for r in rows if experts or not (r["expert"] or r["gold_standard"])]
    marks = [m for r in taken for m in r["tasks"].get("T0", ())]
    found = lab.read(path, mapping=table)
    assert len(found.sources.looks) == len(taken) == (63 if experts else 54)
    assert len(found.sources.marks) == sum("x" in m for m in marks)
    assert count(found, "dropped", "a shape that has no x and y") == sum(
        "x" not in m for m in marks
    )
    assert count(found, "dropped", "by an expert or a gold standard") == (0 if experts else 9)


@pytest.mark.parametrize(
    "mapping", [None, Picking(workflow_id="28090", task="T0", micrograph="image_name")]
)
def test_a_project_of_lines_and_polygons(lab, real, mapping: Picking | None) -> None:
    path = real("drawing_v2_Apache2.csv")
    paint(lab, rows_of(path), "image_name")
    with pytest.raises(K2CError) as error:
        lab.read(path, mapping=mapping)
    assert "workflow_id 28090, task T0 (other shapes)" in str(error.value)
    if mapping:
        assert "marks of a shape that has no x and y, such as a line: 184" in str(error.value)


def test_questions_are_no_picking_export(lab, real) -> None:
    with pytest.raises(K2CError, match=r"workflow_id 10, task T0 \(answers\)"):
        lab.read(real("question_Apache2.csv"), mapping=None)


@pytest.mark.parametrize("name", ["workflows_Apache2.csv", "subjects_Apache2.csv"])
def test_other_exports_are_refused_by_name(lab, real, name: str) -> None:
    with pytest.raises(K2CError, match=f"{name}, row 1: The first row has the columns of no"):
        lab.read(real(name))


def test_a_whole_small_project(shared_data: Path, lab, count) -> None:
    """Its marks and votes, by the mapping and by detection; 0.3 MB of gzip."""
    project = shared_data / "pt-c-project"
    files = [project / "images", project / "picking.csv.gz"]
    given = sources.read(Files(*files, mapping=project / "mapping.toml"), resources.labels())
    found = sources.read(Files(*files), resources.labels())
    assert given.mapping.picking == found.mapping.picking
    assert (given.sources.marks == found.sources.marks).all()
    assert count(given, "dropped", "another workflow") == 50
    assert len(given.sources.marks) == 11420
