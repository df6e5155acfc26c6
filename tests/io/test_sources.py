"""A whole import: what goes in, what is counted, and what is said when nothing fits."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from k2c_gui.core.model import MARK, Cancelled, K2CError
from k2c_gui.importing import import_
from k2c_gui.io import resources, sources
from k2c_gui.io.files import sha256
from k2c_gui.session import Session

LABELS = resources.labels()


def refused(lab, *rows: Any, **options: Any) -> str:
    with pytest.raises(K2CError) as error:
        lab.read(*rows, **options)
    return str(error.value)


def facts(found: Any) -> dict[str, list[Any]]:
    """What was imported, by names that do not depend on the order of the rows."""
    s = found.sources
    looks = [(s.tile_names[k["tile"]], k["classification"], k["counted"]) for k in s.looks]
    marks = [(m["mark"], m["x"], m["y"], m["inside"], m["counted"]) for m in s.marks]
    votes = [(v["classification"], v["mark"], v["label"], v["counted"]) for v in s.votes]
    return {"looks": sorted(looks), "marks": sorted(marks), "votes": sorted(votes)}


# images


def test_micrographs_of_a_folder(lab) -> None:
    lab.image("B.png", 30, 40)
    (lab.images / "notes.txt").write_text("no image")
    found, tallies = sources.find_micrographs(lab.images)
    assert [(m.name, m.width, m.height) for m in found] == [("a.png", 1000, 800), ("B.png", 30, 40)]
    assert all(m.pixel_size_nm is None and len(m.sha256) == 64 for m in found)
    assert [(t.fate, t.what, t.count) for t in tallies] == [("kept", "micrographs", 2)]


def test_a_pixel_size_given_by_hand(lab) -> None:
    ((one,), _) = sources.find_micrographs(lab.images, 0.25)
    assert (one.pixel_size_nm, one.pixel_size_source) == (0.25, "given at import")
    for bad in (0, -1, float("nan"), float("inf")):
        with pytest.raises(K2CError, match="pixel size"):
            sources.find_micrographs(lab.images, bad)


def test_an_image_that_does_not_decode_is_named_and_the_rest_goes_on(lab, count) -> None:
    (lab.images / "broken.png").write_bytes(lab.image("b.png").read_bytes()[:20])
    (lab.images / "empty.tif").touch()
    found = lab.read([lab.pick(), lab.pick(about={"#micrograph": "broken", "#x0": 0, "#y0": 0})])
    assert [m.name for m in found.sources.micrographs] == ["a.png", "b.png"]
    assert count(found, "dropped", "broken.png") == 1
    assert count(found, "dropped", "empty.tif: The file is empty") == 1
    assert count(found, "kept", "micrographs") == 2


@pytest.mark.parametrize("content", [None, b"junk"])
def test_a_folder_without_a_good_image(lab, content: bytes | None) -> None:
    (lab.images / "a.png").unlink()
    if content:
        (lab.images / "b.tif").write_bytes(content)
    told = refused(lab, [lab.pick()])
    assert "no image that can be read" in told
    assert ".tif" in told


def test_no_folder_of_images(lab, tmp_path: Path) -> None:
    with pytest.raises(K2CError, match="no such folder"):
        sources.find_micrographs(tmp_path / "no")


# counting


def test_every_row_is_accounted_for(lab, count) -> None:
    picks = [lab.pick(), lab.pick([]), lab.pick(workflow_id="9"), lab.pick(expert="true")]
    picks += [lab.pick() | {"annotations": "{"}, lab.pick(about={"#micrograph": "z"}, subject="x")]
    votes = [lab.vote(classification_id="900"), lab.vote("Maybe"), lab.vote(None)]
    votes += [lab.vote(about={"#mark": "1:1"}, subject="8002"), lab.vote(classification_id="900")]
    found = lab.read(picks, votes)
    kept = count(found, "kept", "classifications")
    assert kept + count(found, "dropped", "", "picking") == len(picks)
    kept = count(found, "kept", "votes")
    assert kept + count(found, "dropped", "", "classifying") == len(votes)
    assert kept == 1


def test_imports_in_any_order_give_the_same_marks(lab) -> None:
    """Repeats, copies and bad rows among them."""
    shuffle = random.Random(5).shuffle
    me = {"user_id": "7"}
    picks = [lab.pick([(i, i), (-1, i)], classification_id=str(100 + i)) for i in range(12)]
    picks += [lab.pick([(50 + i, 5)], classification_id=str(150 + i), **me) for i in range(3)]
    picks += [lab.pick([], size=(None,), subject="7002"), lab.pick() | {"metadata": "{"}]
    votes = [lab.vote(a, **me) for a in ("Cluster", "Artifact")] + [lab.vote("Cluster")]
    expected = facts(lab.read(picks, votes))
    assert sum(counted for *_, counted in expected["marks"]) == 14
    for _ in range(4):
        shuffle(picks)
        shuffle(votes)
        assert facts(lab.read(picks + picks[:3], votes + votes[:1])) == expected


def test_exports_brought_in_any_order_make_the_same_session(lab) -> None:
    """Exports are cumulative: the older one is the beginning of the newer."""
    me, away = {"user_id": "7"}, {"user_id": "", "session": "s", "user_name": "", "user_ip": "f"}
    late = "2024-06-01 10:00:00 UTC"
    rows = [lab.pick([(1, 1)], created_at=late, **me), lab.pick([], **away), lab.pick()]
    rows += [lab.pick([(2, 2), (3, 3)], **me), lab.pick([(4, 4)], **away), lab.pick(subject="72")]
    new, old = lab.write(rows, "new.csv"), lab.write(rows[:3], "old.csv")
    mapping = lab.write(
        '[picking]\nworkflow_id = "1"\ntask = "T0"\nmicrograph = "#micrograph"\n'
        'x0 = "#x0"\ny0 = "#y0"\n',
        "mapping.toml",
    )
    sessions = []
    for n, order in enumerate([(new,), (old, new), (new, old), (old, new, old, new)]):
        path = lab.folder / f"{n}.k2c"
        for export in order:
            import_(path, sources.Files(lab.images, export, mapping=mapping))
        with Session(path) as desk:
            sessions.append(desk.state.sources)
    first = sessions[0]
    assert first.marks["counted"].tolist() == [False, True, True, True, False, True]
    facts_of_marks = [name for name in MARK.names or () if name != "since"]  # since which import
    for other in sessions[1:]:
        assert (other.marks[facts_of_marks] == first.marks[facts_of_marks]).all()
        assert (other.looks == first.looks).all()
        assert other.tile_names == first.tile_names


def test_a_newer_export_knows_marks_and_volunteers_again(lab) -> None:
    """Names and hashes are not stored: those who return are known by what they did."""
    away = {"user_id": "", "session": "s", "user_ip": "f", "user_name": "not-logged-in-f"}
    rows = [lab.pick(user_id="7"), lab.pick(subject="7002", **away), lab.pick(user_id="9")]
    votes = [lab.vote(classification_id="101", user_id="8")]
    first = lab.read(rows, votes).sources
    rehashed = {"user_ip": "e", "user_name": "not-logged-in-e"}
    newer = [lab.pick([(1, 1)], user_id="1", classification_id="50")]
    newer += [rows[0], rows[1] | rehashed, rows[2]]
    newer += [lab.pick(subject="7003", **(away | rehashed)), lab.pick(subject="7003", user_id="8")]
    second = lab.read(newer, votes, known=first).sources
    of = dict(zip(second.looks["classification"], second.looks["volunteer"], strict=True))
    for look in first.looks:
        assert of[look["classification"]] == look["volunteer"]
    assert of[int(newer[4]["classification_id"])] == of[int(rows[1]["classification_id"])]
    assert of[int(newer[5]["classification_id"])] == first.votes["volunteer"][0]
    assert of[50] > max(first.looks["volunteer"].max(), first.votes["volunteer"].max())
    again = np.isin(second.marks["mark"], first.marks["mark"])
    assert (second.marks[again][["mark", "x", "y"]] == first.marks[["mark", "x", "y"]]).all()


def test_volunteers_are_numbered_by_their_first_classification(lab) -> None:
    """Wherever it stands in the file."""
    ids = (("9", "a"), ("5", "b"), ("7", "a"), ("6", "c"))
    looks = lab.read([lab.pick(classification_id=n, user_id=u) for n, u in ids]).sources.looks
    numbers = dict(zip(looks["classification"].tolist(), looks["volunteer"].tolist(), strict=True))
    assert numbers == {5: 0, 6: 1, 7: 2, 9: 2}


def test_hashes_and_ids_of_what_was_read(lab) -> None:
    picking = lab.write(
        [lab.pick(classification_id="5"), lab.pick(classification_id="6") | {"annotations": ""}]
    )
    found = lab.read(picking, [lab.vote(classification_id="8", about={"#mark": "5:0"})])
    assert found.hashes == {
        "picking": sha256(picking),
        "classifying": sha256(lab.folder / "classifying.csv"),
    }
    assert found.classifications.tolist() == [5]
    assert found.votings.tolist() == [8]


# the mapping


def test_a_mapping_that_matches_nothing_lists_the_keys(lab) -> None:
    about = {"Image": "a.png", "#left": "12", "retired": None, "empty": ""}
    told = refused(lab, [lab.pick(about=about)])
    assert "no #micrograph in the subject's metadata: 1, first at row 2." in told
    assert "Image = 'a.png'; #left = '12'." in told


def test_a_mapping_of_votes_that_matches_nothing_lists_the_keys(lab) -> None:
    votes = [lab.vote(about={"Mark id": "101:0", "tile": "B2"})]
    told = refused(lab, [lab.pick()], votes)
    assert "classifying.csv: The mapping brings no answer to a mark" in told
    assert "Mark id = '101:0'; tile = 'B2'" in told
    assert "no #mark in the subject's metadata: 1" in told


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"workflow_id": "7"}, "workflow_id '7', task 'T0'"),
        ({"task": "T5"}, "workflow_id '1', task 'T5'"),
        ({"version": "4"}, "version '4'"),
        ({"task": ""}, "task ''"),
    ],
)
def test_a_wrong_workflow_or_task_says_what_there_is(lab, change: Any, why: str) -> None:
    combo = [{"task": "T3", "value": [{"task": "T4", "value": "Yes"}]}]
    rows = [lab.pick(), lab.pick(annotations=combo), lab.pick(workflow_id="555", annotations=combo)]
    told = refused(lab, rows, mapping=msgspec.structs.replace(lab.PICKING, **change))
    assert why in told
    assert "workflow_id 1, task T0 (points)" in told
    assert "workflow_id 1, task T4 (answers)" in told
    assert "workflow_id 555, task T4 (answers)" in told
    assert "row 2" in told


def test_a_wrong_question_says_what_there_is(lab) -> None:
    table = msgspec.structs.replace(lab.CLASSIFYING, task="T9")
    told = refused(lab, [lab.pick()], [lab.vote()], mapping=(lab.PICKING, table))
    assert "task 'T9' of [classifying]" in told
    assert "workflow_id 2, task T0 (answers)" in told


def test_a_task_of_lines_holds_no_points(lab) -> None:
    told = refused(lab, [lab.pick([{"x1": 1, "y1": 2, "x2": 3, "y2": 4, "tool": 0}] * 3)])
    assert "marks of a shape that has no x and y, such as a line: 3, first at row 2." in told
    assert "task T0 (other shapes)" in told


def test_a_side_table_in_place_of_keys(lab) -> None:
    """``subject_id,micrograph,x0,y0[,width,height,scale]`` needs no more in the mapping."""
    lab.write("subject_id,micrograph,x0,y0,scale\n7001,a.png,-5,100,2\n7002,a,0,0,\n", "t.csv")
    rows = [lab.pick(about={}), lab.pick(about={}, subject="7002"), lab.pick(about={}, subject="3")]
    text = '[picking]\nworkflow_id = "1"\ntask = "T0"\ntiles = "t.csv"\n'
    found = lab.read(rows, mapping=text)
    assert [(m["x"], m["y"]) for m in found.sources.marks] == [(15, 140), (10, 20)]
    assert [t.what for t in found.tallies if t.fate == "dropped"] == [
        "no micrograph in the subject's metadata"
    ]


def test_a_side_table_with_keys_of_its_own(lab) -> None:
    lab.write("subject_id,file,left,top\n7001,a.png,7,8\n", "t.csv")
    text = '[picking]\nworkflow_id = "1"\ntask = "T0"\ntiles = "t.csv"\nmicrograph = "file"\n'
    found = lab.read([lab.pick(about={})], mapping=text + 'x0 = "left"\ny0 = "top"\n')
    assert [(m["x"], m["y"]) for m in found.sources.marks] == [(17, 28)]


def test_a_subject_export_as_side_table(lab) -> None:
    metadata = '"{""subject_id"":1,""image"":""a"",""x"":30,""y"":40}"'
    lab.write(f"subject_id,project_id,metadata\n7001,5,{metadata}\n", "subjects.csv")
    text = '[picking]\nworkflow_id = "1"\ntask = "T0"\ntiles = "subjects.csv"\n'
    text += 'micrograph = "image"\nx0 = "x"\ny0 = "y"\n'
    found = lab.read([lab.pick(about={})], mapping=text)
    assert [(m["x"], m["y"]) for m in found.sources.marks] == [(40, 60)]


def test_a_side_table_of_what_was_asked_about(lab) -> None:
    lab.write("subject_id,mark\n8001,101:0\n", "shown.csv")
    text = (
        '[picking]\nworkflow_id = "1"\ntask = "T0"\nmicrograph = "#micrograph"\nx0 = "#x0"\n'
        'y0 = "#y0"\n[classifying]\nworkflow_id = "2"\ntask = "T0"\nsubjects = "shown.csv"\n'
    )
    picks = [lab.pick(classification_id="101")]
    found = lab.read(picks, [lab.vote("Artifact", about={})], mapping=text)
    assert [(v["mark"] >> 16, v["label"]) for v in found.sources.votes] == [(101, 2)]


def test_what_was_detected_is_said(lab) -> None:
    found = lab.read([lab.pick()], [lab.vote()], mapping=None)
    assert found.detected
    assert found.mapping.picking == lab.PICKING
    assert found.mapping.classifying == lab.CLASSIFYING
    assert not lab.read([lab.pick()]).detected


@pytest.mark.parametrize("name", ["picking", "classifying", "mapping", "workflows"])
def test_a_missing_file_is_named(lab, name: str) -> None:
    files = {"picking": lab.write([lab.pick()]), name: lab.folder / "gone"}
    with pytest.raises(K2CError, match=r"gone: It cannot be read"):
        sources.read(sources.Files(lab.images, **files), LABELS)


def test_work_can_be_stopped(lab) -> None:
    said: list[str] = []

    def stop(what: str, done: int, total: int) -> None:
        said.append(what)
        if len(said) == 2:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        sources.read(sources.Files(lab.images, lab.write([lab.pick()])), LABELS, progress=stop)
    assert len(said) == 2
