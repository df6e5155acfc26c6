"""A first look at an import, without a window."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from k2c_gui import importing
from k2c_gui.core.model import Cancelled, K2CError
from k2c_gui.io import resources
from k2c_gui.io.files import Rows
from k2c_gui.io.preview import Preview, preview, recognise
from k2c_gui.io.sources import Files

SIDE = 200


def row(
    number: int, workflow: str, annotations: Any, subject: str, metadata: Any
) -> dict[str, Any]:
    return {
        "classification_id": number,
        "user_name": f"v{number}",
        "user_id": number,
        "user_ip": "",
        "workflow_id": workflow,
        "workflow_name": "",
        "workflow_version": "1.1",
        "created_at": "2022-03-01 00:00:00 UTC",
        "gold_standard": "",
        "expert": "",
        "metadata": json.dumps(
            {"subject_dimensions": [{"naturalWidth": SIDE, "naturalHeight": SIDE}]}
        ),
        "annotations": json.dumps(annotations),
        "subject_data": json.dumps({subject: metadata}),
        "subject_ids": subject,
    }


def picks(image: str = "a.png", per_axis: tuple[int, int] = (9, 7)) -> list[dict[str, Any]]:
    """A grid of half-overlapping tiles over 1000 x 800 px, one mark in the middle of each."""
    rows = []
    for down in range(per_axis[1]):
        for across in range(per_axis[0]):
            n = down * per_axis[0] + across + 1
            metadata = {"#micrograph": image, "#x0": across * 100, "#y0": down * 100}
            mark = {"tool": 0, "frame": 0, "x": SIDE / 2, "y": SIDE / 2}
            rows.append(row(n, "1", [{"task": "T0", "value": [mark]}], f"s{n}", metadata))
    return rows


def answers() -> list[dict[str, Any]]:
    metadata = {"#mark": "1:0", "#micrograph": "a.png", "#x": 100, "#y": 100}
    return [row(1001, "2", [{"task": "T0", "value": "Cluster"}], "q1", metadata)]


def look(lab: Any, rows: Any, **more: Any) -> Preview:
    files = Files(lab.images, lab.write(rows), **more)
    return preview(files, resources.labels())


def test_five_tiles_are_the_corners_and_the_middle(lab: Any) -> None:
    seen = look(lab, picks())
    at = {(float(t["x0"]), float(t["y0"])) for t in seen.tiles}
    assert at == {(0, 0), (800, 0), (0, 600), (800, 600), (400, 300)}
    assert seen.detected
    assert seen.mapping.picking.x0 == "#x0"
    assert [seen.micrographs[seen.micrograph].name] == ["a.png"]


def test_marks_belong_to_the_tiles_they_are_told_with(lab: Any) -> None:
    seen = look(lab, picks())
    assert sorted(seen.marks["tile"]) == [0, 1, 2, 3, 4]
    of = seen.tiles[seen.marks["tile"]]
    assert np.array_equal(seen.marks["x"], of["x0"] + SIDE / 2)
    assert np.array_equal(seen.marks["y"], of["y0"] + SIDE / 2)
    assert len(seen.tile_names) == len(seen.tiles)


def test_micrograph_with_the_most_marks_is_shown(lab: Any) -> None:
    lab.image("b.png")
    few = picks("a.png", (2, 1))
    many = picks("b.png", (3, 3))
    for i, one in enumerate(many):
        one["classification_id"] = 500 + i
        one["subject_data"] = one["subject_data"].replace('"s', '"b')
    seen = look(lab, few + many)
    assert seen.micrographs[seen.micrograph].name == "b.png"
    assert set(seen.tiles["micrograph"]) == {seen.micrograph}


def test_fewer_tiles_than_five(lab: Any) -> None:
    assert len(look(lab, picks(per_axis=(2, 1))).tiles) == 2


def test_classifying_is_found_as_well(lab: Any) -> None:
    seen = look(lab, picks(), classifying=lab.write(answers(), "classifying.csv"))
    assert seen.mapping.classifying.mark == "#mark"


def test_given_mapping_is_used(lab: Any) -> None:
    text = '[picking]\nworkflow_id = "1"\ntask = "T0"\nmicrograph = "#micrograph"\n'
    text += 'x0 = "#y0"\ny0 = "#x0"\n'
    seen = look(lab, picks(), mapping=lab.write(text, "mapping.toml"))
    assert not seen.detected
    assert (0.0, 700.0) in {(float(t["x0"]), float(t["y0"])) for t in seen.tiles}, "x, y swapped"


def test_only_the_start_is_read(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = lab.write(picks())
    assert len(list(Rows(path, 4))) == 4
    assert len(list(Rows(path))) == 63
    monkeypatch.setattr("k2c_gui.io.preview.MOST_ROWS", 4)
    assert len(preview(Files(lab.images, path), resources.labels()).tiles) == 4


def test_wrong_file_is_refused(lab: Any) -> None:
    with pytest.raises(K2CError, match="Is it the picking export"):
        look(lab, answers())


def test_it_can_be_stopped(lab: Any) -> None:
    def stop(*_: object) -> None:
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        preview(Files(lab.images, lab.write(picks())), resources.labels(), progress=stop)


def test_session_that_is_there_lends_its_mapping(lab: Any) -> None:
    files = Files(lab.images, lab.write(picks()))
    path = lab.folder / "one.k2c"
    before = importing.preview(path, files)
    assert before.detected
    assert not path.exists(), "nothing is written"
    importing.import_(path, files)
    again = importing.preview(path, files)
    assert not again.detected
    assert again.mapping.picking == before.mapping.picking
    assert np.array_equal(again.tiles, before.tiles)


# Which file is which


@pytest.fixture
def lying(lab: Any) -> Path:
    lab.write(picks(), "export-1.csv")
    lab.write(answers(), "export-2.csv")
    lab.write("workflow_id,tasks,strings,version,minor_version\n", "export-3.csv")
    lab.write("[picking]\n", "one.toml")
    lab.write("[[label]]\nname = 'A'\nvalue = 0\n", "two.toml")
    lab.write("a letter", "letter.txt")
    lab.write("[tool.ruff]\n", "other.toml")
    lab.write("", "empty.csv")
    return Path(lab.folder)


ROLES = {
    "images": "images",
    "picking": "export-1.csv",
    "classifying": "export-2.csv",
    "workflows": "export-3.csv",
    "mapping": "one.toml",
    "labels": "two.toml",
}


def test_files_are_told_by_content(lying: Path) -> None:
    found = recognise(sorted(lying.iterdir(), reverse=True))
    assert {role: path.name for role, path in found.items()} == ROLES


def test_folder_of_a_project_is_searched(lying: Path) -> None:
    (lying / "old.k2c").touch()
    found = recognise([lying])
    assert {role: path.name for role, path in found.items()} == ROLES, "no session to overwrite"


def test_an_image_stands_for_its_folder(lying: Path) -> None:
    assert recognise([lying / "images" / "a.png"]) == {"images": lying / "images"}


def test_flat_table_is_a_picking_export(lab: Any) -> None:
    path = lab.write("micrograph,x,y\na.png,1,2\n", "table.csv")
    assert recognise([path]) == {"picking": path}


def test_nothing_to_recognise(tmp_path: Path) -> None:
    assert recognise([tmp_path, tmp_path / "gone.csv"]) == {}
