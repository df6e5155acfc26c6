"""Every fault that can be worked into a release is told."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from k2c_gui import releasing
from k2c_gui.core.model import NO_LABEL, STATUS, Decision, K2CError
from k2c_gui.io import session_file
from k2c_gui.io.session_file import SessionFile
from k2c_gui.io.verification import verify
from k2c_gui.releasing import About, Choice
from k2c_gui.session import Session

ABOUT = About(image_licence="CC0-1.0")
CHOICE = Choice(
    formats=("coco", "yolo", "star", "voc"),
    include="all",
    ambiguous="soft",
    box_px=20.0,
    images=False,
)


@pytest.fixture(scope="module")
def made(demo_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release with rulings of every verdict; to be read only."""
    folder = tmp_path_factory.mktemp("made")
    path = shutil.copy(demo_project / "demo.k2c", folder / "demo.k2c")
    shutil.copytree(demo_project / "images", folder / "images")
    with Session(path, write=True, expert="Ada") as session:
        table = session.instances(only=[0])
        marks, evidence = session.state.evidence[0].marks, session.state.evidence[0]
        rows = table[(table["status"] == STATUS.index("proposed")) & (table["label"] != NO_LABEL)]
        for row, verdict in zip(
            rows[:5], ("label", "label", "reject", "defer", "label"), strict=True
        ):
            near = np.hypot(marks["x"] - row["x"], marks["y"] - row["y"]) < 5
            session.decide(
                [
                    Decision(
                        micrograph=evidence.name,
                        marks=tuple(marks["mark"][near].tolist()),
                        verdict=verdict,  # type: ignore[arg-type]
                        label=1 if verdict == "label" else None,
                        x=float(row["x"]) + 0.25,
                        y=float(row["y"]),
                        decided_at="2024-01-02T03:04:05.000Z",
                    )
                ]
            )
        session.undo()
        releasing.release(session, folder / "release", CHOICE, ABOUT)
    return folder / "release"


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "release")


def resign(folder: Path) -> None:
    """Make the manifest right again, so that only the other checks can tell."""
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest-sha256.txt"
    )
    text = "".join(
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names
    )
    (folder / "manifest-sha256.txt").write_text(text, "utf-8", newline="\n")


def edit_run(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        run = json.loads((folder / "run.json").read_text("utf-8"))
        change(run)
        (folder / "run.json").write_text(json.dumps(run), "utf-8")

    return edit


def edit_table(name: str, change: Callable[[list[dict[str, str]]], None]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "csv" / f"{name}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        columns = list(rows[0])
        change(rows)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    return edit


def edit_log(change: Callable[[list[dict[str, Any]]], None]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        lines = (folder / "decisions.jsonl").read_text("utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        change(rows)
        text = "".join(f"{json.dumps(row)}\n" for row in rows)
        (folder / "decisions.jsonl").write_text(text, "utf-8")

    return edit


def test_a_release_is_as_it_was_written(made: Path) -> None:
    assert verify(made) == ()
    lines = (made / "decisions.jsonl").read_text("utf-8").splitlines()
    ruled = [json.loads(line) for line in lines]
    assert [line["verdict"] for line in ruled] == ["label", "label", "reject", "defer", "label"]
    assert [line["in_force"] for line in ruled] == [True, True, True, True, False]
    assert all(line["instance"] for line in ruled[:4])


def test_a_tiled_release_with_images_is_too(demo_project: Path, tmp_path: Path) -> None:
    choice = replace(CHOICE, images=True, tile=128, overlap=32, formats=("coco", "masks", "crops"))
    with Session(demo_project / "demo.k2c") as session:
        releasing.release(session, tmp_path / "out", choice, ABOUT)
    assert verify(tmp_path / "out") == ()
    with (tmp_path / "out" / "csv" / "instances.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    tiled = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))["formats"]["coco"]
    assert tiled["tiled"]
    assert tiled["instances"] > len(rows)


ODD = (
    ("AuGe.tif", "AuGe_2.tif"),  # crop 2 of the one begins as the other
    ("con.tif", "CON.tif"),
    ("train", "validation"),
    ("a\u2028b.tif", "a\nb.tif"),  # Python takes both for the end of a line
    ("x" * 250 + ".tif", "x" * 250 + "y.tif"),
)
LABELS = ("train", "aux.txt", "x.box", "a_info.json")


@pytest.mark.parametrize("names", ODD)
def test_odd_names_are_no_faults(
    demo_project: Path, tmp_path: Path, names: tuple[str, ...]
) -> None:
    file = SessionFile(demo_project / "demo.k2c")
    content = file.content()
    file.close()
    sources = content.sources
    odd = replace(
        sources,
        micrographs=tuple(map(_named, sources.micrographs, names)),
        labels=tuple(map(_named, sources.labels, LABELS)),
    )
    session_file.write(tmp_path / "odd.k2c", replace(content, sources=odd))
    formats = ("crops", "coco", "cryolo", "eman2", "huggingface", "topaz")
    with Session(tmp_path / "odd.k2c") as session:
        for tile in (None, 128):
            choice = replace(CHOICE, images=True, formats=formats, tile=tile)
            releasing.release(session, tmp_path / f"out{tile}", choice, ABOUT)
            assert verify(tmp_path / f"out{tile}") == ()


def _named(what: Any, name: str) -> Any:
    return replace(what, name=name)


def drop_line(folder: Path) -> None:
    path = next((folder / "yolo" / "labels").rglob("*.txt"))
    path.write_text("\n".join(path.read_text().splitlines()[1:]) + "\n")


def into_two_parts(folder: Path) -> None:
    path = next((folder / "yolo" / "labels" / "train").iterdir())
    shutil.copy(path, folder / "yolo" / "labels" / "val" / path.name)
    for other in (folder / "yolo" / "labels" / "val").iterdir():
        if other.name != path.name:
            other.write_text("")


def break_json(folder: Path) -> None:
    (folder / "run.json").write_text("{")


def break_xml(folder: Path) -> None:
    next(folder.rglob("*.xml")).write_text("<annotation>")


def break_log(folder: Path) -> None:
    (folder / "decisions.jsonl").write_text("no\n")


def edit_catalogue(folder: Path) -> None:
    path = folder / "croissant.json"
    found = json.loads(path.read_text("utf-8"))
    (table,) = (e for e in found["distribution"] if e["@id"] == "csv/instances.csv")
    table["sha256"] = "0" * 64
    path.write_text(json.dumps(found), "utf-8")


def first_by(rows: list[dict[str, str]], source: str) -> dict[str, str]:
    return next(row for row in rows if row["source"] == source)


def other_label(rows: list[dict[str, str]], source: str) -> None:
    row = first_by(rows, source)
    row["label"] = {"0": "1", "1": "0"}[row["label"]]


CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a line of a format": (drop_line, r"yolo has \d+ instances, and run.json says"),
    "a micrograph in two parts": (into_two_parts, r"yolo: \w+_00\d is in train and validation"),
    "run.json": (break_json, "cannot be read: run.json is broken"),
    "run.json without micrographs": (
        edit_run(lambda run: run.pop("micrographs")),
        "cannot be read: run.json is broken, or does not name the micrographs",
    ),
    "decisions in force": (
        edit_run(lambda run: run["counts"]["in_force"].update(bulk=99)),
        "Other numbers of decisions are in force than run.json says",
    ),
    "a row of the table": (
        edit_table("instances", lambda rows: rows.pop()),
        r"There are \d+ instances, and run.json says",
    ),
    "a negative": (
        edit_table("negatives", lambda rows: rows.pop()),
        r"There are \d+ negatives, and run.json says",
    ),
    "a label by majority": (
        edit_table("instances", lambda rows: other_label(rows, "majority")),
        r"label of instance \d+ is not the majority",
    ),
    "a label by an expert": (
        edit_table("instances", lambda rows: other_label(rows, "expert")),
        r"Instance \d+ does not have the label of its decision",
    ),
    "votes": (
        edit_table("instances", lambda rows: rows[0].update(votes_0="77")),
        r"soft label of instance 1 is not that of its votes",
    ),
    "a source": (
        edit_table("instances", lambda rows: first_by(rows, "expert").update(source="majority")),
        r"is by majority, and the decisions do not say so",
    ),
    "a source of another decision": (
        edit_table("instances", lambda rows: first_by(rows, "expert").update(source="bulk")),
        r"Instance \d+ is by bulk, its decision by single",
    ),
    "a margin": (
        edit_table("instances", lambda rows: rows[0].update(margin="0.0123")),
        "margin of instance 1 is not that of its votes",
    ),
    "an ambiguous one": (
        edit_table(
            "instances",
            lambda rows: rows[0].update(ambiguous=str(1 - int(rows[0]["ambiguous"]))),
        ),
        "Instance 1 is wrongly told ambiguous or clear",
    ),
    "a name of a label": (
        edit_table("instances", lambda rows: rows[0].update(label_name="Something")),
        "label of instance 1 has another name",
    ),
    "nm": (
        edit_table("negatives", lambda rows: rows[0].update(y_nm="1.0")),
        r"nm of instance \d+ are not those of its px",
    ),
    "a size in the catalogue": (
        lambda folder: (folder / "README.md").write_text("mine"),
        "ro-crate-metadata.json has another size of README.md",
    ),
    "a hash in the catalogue": (
        edit_catalogue,
        "croissant.json has another hash of csv/instances.csv",
    ),
    "a place": (
        edit_table("instances", lambda rows: first_by(rows, "expert").update(x_px="1.0")),
        r"Instance \d+ is not where its decision is",
    ),
    "the part of a row": (
        edit_table("instances", lambda rows: rows[0].update(split="elsewhere")),
        r"Instance 1 is in elsewhere, its micrograph is not",
    ),
    "a number": (
        edit_table("instances", lambda rows: rows[0].update(instance="2")),
        "not numbered from 1",
    ),
    "a label that is not used": (
        edit_table("instances", lambda rows: rows[0].update(label="3")),
        "label of instance 1 is not trained on",
    ),
    "a negative that is used": (
        edit_table("negatives", lambda rows: rows[0].update(label="0")),
        r"label of negative \d+ is trained on",
    ),
    "a split that leaks": (
        edit_run(lambda run: run["micrographs"][1].update(sha256=run["micrographs"][0]["sha256"])),
        r"The image [0-9a-f]{12} is in train and validation",
    ),
    "a micrograph twice": (
        edit_run(lambda run: run["micrographs"].append(run["micrographs"][0])),
        "is there 2 times",
    ),
    "no part": (
        edit_run(lambda run: run["micrographs"][0].update(split="x")),
        "is in no part of the split",
    ),
    "a filter": (
        edit_run(lambda run: run["filters"][-1].update(out=1)),
        "does not let through what follows",
    ),
    "a count of a part": (
        edit_run(lambda run: run["parts"]["train"].update(unlabelled=99)),
        r"train has \d+ unlabelled, and run.json says 99",
    ),
    "a count of a label": (
        edit_run(lambda run: run["parts"]["train"]["instances"].update({"0": 99})),
        "train has other numbers of labels",
    ),
    "a count of a format": (
        edit_run(lambda run: run["formats"]["coco"].update(instances=99)),
        r"coco has \d+ instances, and run.json says 99",
    ),
    "a missing key": (edit_run(lambda run: run.pop("filters")), "makes no sense"),
    "a decision": (edit_log(lambda rows: rows.pop(0)), r"is by expert, and the decisions do not"),
    "a decision taken back": (
        edit_log(lambda rows: rows[0].update(in_force=False)),
        "Decision 1 cannot stand",
    ),
    "a decision on nothing": (
        edit_log(lambda rows: rows[4].update(instance=9999, in_force=True)),
        "about instance 9999, which is not there",
    ),
    "a decision elsewhere": (
        edit_log(lambda rows: rows[0].update(micrograph="PdC_002.tif")),
        "is not where its decision is",
    ),
    "numbers of decisions": (
        edit_log(lambda rows: rows[0].update(decision=7)),
        "decisions are not numbered from 1",
    ),
    "a file without XML": (break_xml, r"voc has \d+ instances, and run.json says"),
    "a file without JSON": (
        break_log,
        "cannot be read",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_was_changed_is_told_with_and_without_its_hash(folder: Path, what: str) -> None:
    change, told = CHANGES[what]
    change(folder)
    assert any("has changed" in f or "does not belong" in f for f in verify(folder))
    resign(folder)
    faults = verify(folder)
    assert any(re.search(told, fault) for fault in faults), faults
    assert not any("has changed" in fault for fault in faults)


def test_one_byte_is_enough(folder: Path) -> None:
    path = folder / "star" / "particles.star"
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)
    assert "star/particles.star has changed." in verify(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_that_leads_nowhere_is_told(folder: Path) -> None:
    (folder / "README.md").unlink()
    (folder / "README.md").symlink_to("gone")
    assert any("README.md cannot be read" in fault for fault in verify(folder))


def test_files_that_are_gone_or_new_are_told(folder: Path) -> None:
    (folder / "README.md").unlink()
    (folder / "data.yaml").write_text("mine")
    (folder / "CROISSANT.json").write_text("mine")
    faults = verify(folder)
    assert "README.md is missing." in faults
    assert "data.yaml does not belong to the release." in faults
    if (folder / "croissant.json").read_text() != "mine":  # where case tells files apart
        assert any("differ in upper and lower case" in fault for fault in faults)


def test_a_manifest_of_another_kind_is_told(folder: Path) -> None:
    path = folder / "manifest-sha256.txt"
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(["no hash", *lines, lines[0]]), "utf-8")
    faults = verify(folder)
    assert "manifest-sha256.txt, row 1: it is none of ours." in faults
    assert f"manifest-sha256.txt, row {len(lines) + 2}: it is none of ours." in faults


def test_other_folders_are_no_releases(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(K2CError, match=r"no manifest-sha256\.txt in it"):
            verify(folder)
