"""A release: what is in it, what is not, and that it is there whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import platform
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from imagecodecs import png_decode
from numpy.typing import NDArray

from k2c_gui.core import ledger
from k2c_gui.core.model import (
    DEFAULT,
    LABEL_SOURCE,
    Cancelled,
    Decision,
    Entry,
    K2CError,
    Label,
    Micrograph,
    Tally,
    TrainingSet,
    training_dtype,
)
from k2c_gui.core.training_set import soften
from k2c_gui.io import mapping, release
from k2c_gui.io.exporters import coco
from k2c_gui.io.release import About, Choice, Provenance
from k2c_gui.io.session_file import ImportRecord

LABELS = (Label(0, "Nanoparticle", True), Label(1, "-Cluster | *big*", True), Label(2, "No", False))
MICROGRAPHS = (
    Micrograph("=1+1 ü.tif", "/home/ada/=1+1 ü.tif", 90, 70, 0.5, "tag", "a" * 64),
    Micrograph("CON.mrc", "/home/ada/CON.mrc", 64, 64, None, "", "b" * 64),
    Micrograph("con.tif", "/home/ada/con.tif", 64, 64, None, "", "c" * 64),
)
ABOUT = About(image_licence="CC-BY-4.0", date="2024-05-06")
ROWS = [
    # key, micrograph, x, y, label, source, votes
    ("d1", 0, 10.0, 8.0, 0, "expert", (4, 1, 0)),
    ("900000001", 0, 50.1239, 40.5, 1, "majority", (2, 3, 0)),
    ("d2", 1, 60.0, 3.0, 1, "sign-off", (0, 5, 0)),
    ("900000007", 2, 30.0, 33.0, 0, "majority", (5, 0, 0)),
    ("d3", 0, 70.0, 60.0, 2, "bulk", (0, 0, 5)),
    ("d4", 1, 20.0, 20.0, -1, "expert", (1, 0, 0)),
]


def ruling(name: str, micrograph: int, x: float, y: float, **about: Any) -> Entry:
    fixed: dict[str, Any] = {"verdict": "label", "marks": (900_000_001, 900_000_002), "label": 0}
    decision = Decision(
        micrograph=MICROGRAPHS[micrograph].name,
        x=x,
        y=y,
        decided_at="2023-01-02T03:04:05.678Z",
        shown_at="2023-01-02T03:03:05.678Z",
        params=DEFAULT,
        **{**fixed, **about},
    )
    return Entry(
        uid=name,
        step=f"step {name}",
        kind="decide",
        at="2023-01-02T03:04:05.678Z",
        expert=about.get("reason", "") and "Ada Lovelace",
        decision=decision,
    )


LOG = (
    ruling("d0", 0, 1.0, 1.0),
    Entry(uid="u", step="u", kind="undo", at="2023-01-02T03:04:06.678Z", target="step d0"),
    ruling("d1", 0, 10.0, 8.0, note="as Grace said", reason="moved"),
    ruling("d2", 1, 60.0, 3.0, label=1, source="sign-off", marks=(900_000_003,)),
    ruling("d3", 0, 70.0, 60.0, label=2, source="bulk", marks=(900_000_004,)),
    ruling("d4", 1, 20.0, 20.0, label=None, verdict="reject", marks=(), reason="dirt"),
)


@pytest.fixture
def chosen() -> TrainingSet:
    table = np.zeros(len(ROWS), training_dtype(len(LABELS)))
    for i, (key, micrograph, x, y, label, source, votes) in enumerate(ROWS):
        row = table[i : i + 1]
        row["instance"], row["key"], row["micrograph"] = i + 1, key, micrograph
        row["x"], row["y"], row["label"], row["votes"] = x, y, label, votes
        row["source"] = LABEL_SOURCE.index(source)
        row["soft"] = soften(row["votes"])
        row["margin"], row["support"], row["radius"] = 0.5, 0.75, np.nan

    def pixels(i: int) -> NDArray[np.uint8]:
        shape = MICROGRAPHS[i].height, MICROGRAPHS[i].width
        return np.random.default_rng(i).integers(0, 255, shape, np.uint8)

    return TrainingSet(
        MICROGRAPHS,
        LABELS,
        table[:4],
        table[4:],
        np.array([10.0, 8.0, 8.0]),
        "10 px, as given",
        ("train", "validation", "test"),
        "as given",
        (
            Tally("micrographs", "dropped", "not signed off", 2),
            Tally("instances", "dropped", "rejected by the expert", 1),
            Tally("instances", "dropped", "label 2, No: not for training", 1),
        ),
        pixels,
    )


@pytest.fixture
def write(chosen: TrainingSet, tmp_path: Path) -> Callable[..., Path]:
    """Write a release of `chosen` and name its folder."""
    imported = ImportRecord(
        "0.1.0",
        mapping.Mapping(picking=mapping.Picking(workflow_id="1", task="T0", micrograph="#m")),
        False,
        {"picking": "d" * 64},
        (Tally("picking", "dropped", "another workflow", 38, "row 23"),),
    )
    provenance = Provenance(
        "e" * 64, (imported,), DEFAULT, LOG, ledger.fold(LOG, DEFAULT), 9, 8, 7, 6
    )

    def run(
        name: str = "out",
        formats: tuple[str, ...] = ("coco", "yolo"),
        about: About = ABOUT,
        training_set: TrainingSet = chosen,
        progress: Callable[[str, int, int], None] = lambda *_: None,
        **more: Any,
    ) -> Path:
        choice = Choice(formats=formats, **more)
        release.write(tmp_path / name, training_set, choice, about, provenance, progress)
        return tmp_path / name

    return run


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


PAPERS = {
    *("README.md", "DATASHEET.md", "CITATION.cff", "croissant.json", "ro-crate-metadata.json"),
    *("run.json", "decisions.jsonl", "manifest-sha256.txt"),
}


def test_what_is_in_it(write: Callable[..., Path]) -> None:
    found = contents(write())
    assert {name for name in found if "/" not in name} == PAPERS
    assert {name.partition("/")[0] for name in found} - PAPERS == {"csv", "coco", "yolo"}
    assert any(name.endswith(".png") for name in found)


def test_the_manifest_is_what_sha256sum_checks(write: Callable[..., Path]) -> None:
    found = contents(write())
    lines = found.pop("manifest-sha256.txt").decode().splitlines()
    assert lines == [
        f"{hashlib.sha256(data).hexdigest()}  {n}" for n, data in sorted(found.items())
    ]


def test_the_same_set_gives_the_same_bytes(write: Callable[..., Path]) -> None:
    formats = ("coco", "yolo", "star", "parquet", "imagej", "masks")
    assert contents(write("a", formats)) == contents(write("b", formats))


def test_nothing_tells_where_when_or_by_whom(write: Callable[..., Path]) -> None:
    formats = ("coco", "yolo", "star", "parquet", "imagej", "masks", "crops", "napari", "topaz")
    folder = write("out", formats)
    clock = re.compile(rb"\d\d:\d\d:\d\d|20\d\d-\d\d-\d\d[T ]\d\d|\bd[0-4]\b")
    secret = [b"/home/", str(folder.parent).encode(), platform.node().encode(), b"Lovelace"]
    secret += [b"Grace", b"90000000", str(Path.home()).encode()]
    for name, data in contents(folder).items():
        for word in filter(None, secret):
            assert word not in data, (name, word)
        if name.endswith(("json", "jsonl", "md", "csv", "cff", "txt", "star", "yaml")):
            assert not clock.search(data), (name, clock.search(data))
            assert b"\r" not in data, name


def test_names_of_files_are_legal_and_unique_ignoring_case(write: Callable[..., Path]) -> None:
    names = list(contents(write()))
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        for part in name.split("/"):
            assert not re.search(r'[<>:"\\|?*\x00-\x1f]', part)
            assert part.partition(".")[0].upper() != "CON"
            assert part == part.rstrip(" .")


def lines(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in (folder / "decisions.jsonl").read_text("utf-8").splitlines()
    ]


def test_decisions_are_told_without_people(write: Callable[..., Path]) -> None:
    found = lines(write())
    assert [line["in_force"] for line in found] == [False, True, True, True, True]
    assert [line["instance"] for line in found] == [None, 1, 3, 5, 6]
    assert [line["expert"] for line in found] == [f"expert-{i}" for i in (1, 2, 1, 1, 2)]
    assert [line["marks"] for line in found] == [[1, 2], [1, 2], [3], [4], []]
    assert {line["setting"] for line in found} == {1}
    keys = {
        "decision",
        "in_force",
        "instance",
        "expert",
        "supersedes",
        "micrograph",
        "x_px",
        "y_px",
    }
    keys |= {"verdict", "label", "source", "blind", "reason", "votes", "setting", "marks"}
    assert all(line.keys() == keys | {"made_from"} for line in found)


def test_experts_are_named_and_notes_published_when_asked(write: Callable[..., Path]) -> None:
    about = replace(ABOUT, named_experts=True, notes=True)
    folder = write(about=about)
    found = lines(folder)
    assert [line["expert"] for line in found] == [
        *("expert-1", "Ada Lovelace", "expert-1", "expert-1", "Ada Lovelace")
    ]
    assert found[1]["note"] == "as Grace said"
    assert "Ada Lovelace" in (folder / "DATASHEET.md").read_text("utf-8")


def test_run_counts_in_and_out_of_every_filter(write: Callable[..., Path]) -> None:
    run = json.loads((write() / "run.json").read_text("utf-8"))
    assert [tuple(entry.values()) for entry in run["filters"]] == [
        ("micrographs", "not signed off", 5, 3),
        ("instances", "rejected by the expert", 6, 5),
        ("instances", "label 2, No: not for training", 5, 4),
    ]
    assert run["imports"][0]["sha256"] == {"picking": "d" * 64}
    assert [m["sha256"][0] for m in run["micrographs"]] == ["a", "b", "c"]
    assert run["parts"]["train"] == {
        "micrographs": 1,
        "instances": {"0": 1, "1": 1},
        "unlabelled": 0,
        "negatives": 1,
    }
    assert run["counts"] == {
        **{"looks": 9, "marks": 8, "votes": 7, "volunteers": 6, "decisions": 5},
        **{"instances": 4, "labelled": 4, "negatives": 2},
        "in_force": {"single": 2, "bulk": 1, "adjudicated": 0, "sign-off": 1},
    }
    assert run["formats"]["coco"] == {"name": coco.NAME, "tiled": False, "instances": 4}


def test_texts_hold_what_the_expert_said(write: Callable[..., Path]) -> None:
    about = replace(ABOUT, title="Au\n on # Ge", credit='The "lab"', image_licence="Ask  us first")
    folder = write(about=about)
    readme = (folder / "README.md").read_text("utf-8")
    assert readme.startswith("# Au on \\# Ge\n")
    assert 'Credit: The "lab"\n' in readme
    assert "Licence of the images: Ask us first\n" in readme
    assert "| train | 1 | 1 | 1 | 0 | 1 |" in readme
    assert r"-Cluster \| \*big\*" in readme
    cff = (folder / "CITATION.cff").read_text("utf-8")
    assert 'title: "Au on # Ge"\n' in cff
    assert '  - name: "The \\"lab\\""\n' in cff
    assert "license" not in cff
    for heading in ("Motivation", "Composition", "Collection process", "Uses", "Maintenance"):
        assert f"\n## {heading}\n" in (folder / "DATASHEET.md").read_text("utf-8")


def test_citation_is_yaml_of_the_citation_file_format(write: Callable[..., Path]) -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    found = yaml.safe_load((write() / "CITATION.cff").read_text("utf-8"))
    assert found["cff-version"] == "1.2.0"
    assert found["license"] == "CC-BY-4.0"
    assert found["authors"] == [{"name": release.About(image_licence="x").credit}]
    assert {"message", "title", "type", "abstract", "date-released"} <= found.keys()


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
def test_croissant_is_valid_and_reads_the_table(
    write: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    folder = write()
    found = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    issues = found.metadata.ctx.issues
    assert (issues.errors, issues.warnings) == (set(), set())
    assert found.metadata.ctx.is_v1_1()
    assert caplog.text == ""
    assert found.metadata.license == ["https://spdx.org/licenses/CC-BY-4.0"]
    with (folder / "csv" / "instances.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    records = list(found.records("instances"))
    assert len(records) == len(table) == 4
    for record, row in zip(records, table, strict=True):
        assert [key.removeprefix("instances/") for key in record] == list(row)
        assert record["instances/micrograph"].decode() == row["micrograph"]
        for name in ("instance", "x_px", "y_px", "label", "votes_1", "soft_1", "support"):
            assert record[f"instances/{name}"] == float(row[name])


def test_ro_crate_describes_every_file(write: Callable[..., Path]) -> None:
    folder = write()
    crate = json.loads((folder / "ro-crate-metadata.json").read_text("utf-8"))
    assert crate["@context"] == "https://w3id.org/ro/crate/1.1/context"
    entities = {entity["@id"]: entity for entity in crate["@graph"]}
    assert len(entities) == len(crate["@graph"])
    descriptor, root = entities["ro-crate-metadata.json"], entities["./"]
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert descriptor["about"] == {"@id": "./"}
    assert {"name", "description", "datePublished", "license"} <= root.keys()
    assert root["datePublished"] == "2024-05-06"
    assert root["license"]["@id"] == "https://spdx.org/licenses/CC-BY-4.0"
    found = contents(folder)
    described = {part["@id"] for part in root["hasPart"]}
    own = {"ro-crate-metadata.json", "manifest-sha256.txt"}
    assert {entities[name]["name"] for name in described} == found.keys() - own
    for name in described:
        assert entities[name]["@type"] == "File"
        assert entities[name]["contentSize"] == str(len(found[entities[name]["name"]]))
        assert re.fullmatch(r"[A-Za-z0-9%/._-]+", name), "an address, not a name"

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["@id"]] if value.keys() == {"@id"} else []
            return own + [r for v in value.values() for r in references(v)]
        return [r for v in value for r in references(v)] if isinstance(value, list) else []

    inside = [r for r in references(crate["@graph"]) if not r.startswith("https://w3id.org")]
    assert set(inside) <= entities.keys()


def test_tiles_go_to_the_formats_that_take_them(write: Callable[..., Path]) -> None:
    folder = write(formats=("coco", "star"), tile=32, overlap=8)
    run = json.loads((folder / "run.json").read_text("utf-8"))
    assert [run["formats"][name]["tiled"] for name in ("csv", "coco", "star")] == [
        False,
        True,
        False,
    ]
    assert run["formats"]["star"]["instances"] == 4
    assert run["formats"]["coco"]["instances"] > 4
    assert run["tiles"] == 4 * 3 + 9 + 9
    assert len(list((folder / "coco").rglob("*.png"))) == run["tiles"]
    assert (
        "`coco/`: COCO (boxes and centre keypoints), on tiles" in (folder / "README.md").read_text()
    )


# refusals, and what they leave behind


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"formats": ()}, "no format.*coco"),
        ({"formats": ("coco", "tiff")}, "no format tiff"),
        ({"about": About(image_licence=" \n", date="2024-05-06")}, "licence of the images is miss"),
        ({"about": replace(ABOUT, title="")}, "title is empty"),
        ({"about": replace(ABOUT, credit=" ")}, "credit is empty"),
        ({"about": replace(ABOUT, date="6.5.2024")}, "'6.5.2024' is no date"),
        ({"tile": 8}, "8 px is too small"),
        ({"name": "."}, "current folder"),
        ({"name": "taken"}, "not an empty folder"),
        ({"name": "file"}, "not an empty folder"),
        ({"name": "file/below"}, "cannot be written"),
    ],
)
def test_what_is_refused_leaves_nothing(
    write: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    more: dict[str, Any],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(K2CError, match=told):
        write(**more)
    assert contents(tmp_path) == {"taken/mine.txt": b"mine", "file": b"mine"}


def test_a_format_of_images_needs_images(write: Callable[..., Path], chosen: TrainingSet) -> None:
    with pytest.raises(K2CError, match="crops is made of images, and none are wanted"):
        write(formats=("crops",), training_set=replace(chosen, pixels=None))


def test_one_image_under_two_names_cannot_be_in_two_parts(
    write: Callable[..., Path], chosen: TrainingSet
) -> None:
    twins = (MICROGRAPHS[0], replace(MICROGRAPHS[1], sha256="a" * 64), MICROGRAPHS[2])
    leaking = replace(chosen, micrographs=twins)
    with pytest.raises(
        K2CError, match=r"CON\.mrc are one image, and would be for train and for val"
    ):
        write(training_set=leaking)
    write(training_set=replace(leaking, split=("train", "train", "test")))


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize(
    ("module", "name", "error"),
    [
        (coco, "write", OSError(28, "No space left on device")),
        (coco, "write", KeyboardInterrupt()),
        (release, "_text", OSError(28, "No space left on device")),
        (release.catalogues, "crate", KeyboardInterrupt()),
        (os, "fsync", OSError(5, "Input/output error")),
        (os, "rename", OSError(13, "Permission denied")),
    ],
)
def test_a_release_that_breaks_off_leaves_nothing(
    write: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: str,
    error: BaseException,
    there: bool,
) -> None:
    def fail(*_: object) -> NoReturn:
        raise error

    if there:
        (tmp_path / "out").mkdir()
    told = K2CError if isinstance(error, OSError) else type(error)
    with monkeypatch.context() as patch:
        patch.setattr(module, name, fail)
        with pytest.raises(told, match=getattr(error, "strerror", None)):
            write()
    assert contents(tmp_path) == {}
    assert set(tmp_path.iterdir()) <= {tmp_path / "out"}
    assert contents(write()).keys() >= PAPERS


def test_a_cancelled_release_leaves_nothing(write: Callable[..., Path], tmp_path: Path) -> None:
    seen = []

    def stop(what: str, done: int, total: int) -> None:
        seen.append(what)
        if what.startswith("Writing what is known"):
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        write(progress=stop)
    assert len(set(seen)) > 2
    assert list(tmp_path.iterdir()) == []


def test_one_spot_is_one_grey_in_all_tiles(write: Callable[..., Path], chosen: TrainingSet) -> None:
    def pixels(i: int) -> NDArray[np.float32]:
        ramp = np.linspace(0, 1000 + i, MICROGRAPHS[i].width, dtype=np.float32)
        return np.tile(ramp, (MICROGRAPHS[i].height, 1))

    folder = write(
        formats=("coco",), tile=32, overlap=16, training_set=replace(chosen, pixels=pixels)
    )
    grey = {
        (y, x): png_decode(path.read_bytes())
        for path in (folder / "coco").rglob("*CON_y*.png")
        for y, x in [map(int, re.findall(r"_[yx](\d+)", path.name))]
    }
    assert np.array_equal(grey[0, 0][:, 16:], grey[0, 16][:, :16])
    assert grey[0, 0].max() < 140 < grey[0, 32].max() == 255


def test_texts_tell_rulings_from_acceptances(write: Callable[..., Path]) -> None:
    folder = write()
    said = "2 rulings case by case, 1 in bulk and 1 proposal accepted by sign-off, of 2 experts"
    readme, sheet, cff = (
        " ".join((folder / name).read_text("utf-8").split())
        for name in ("README.md", "DATASHEET.md", "CITATION.cff")
    )
    assert said in readme
    assert said in cff
    assert f"In force are {said}: expert-1, expert-2." in sheet
    assert "the 1 that were taken back or replaced" in sheet
    run = json.loads((folder / "run.json").read_text("utf-8"))
    assert run["counts"]["in_force"] == {"single": 2, "bulk": 1, "adjudicated": 0, "sign-off": 1}
