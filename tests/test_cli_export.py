"""The verbs that make a release and check one: every flag, and every refusal."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from k2c_gui.core.model import NO_LABEL, STATUS, Decision
from k2c_gui.session import Session

K2C = Callable[..., Any]
LICENCE = ["--image-licence", "CC0-1.0"]


@pytest.fixture
def path(project: Path) -> Path:
    """A session with one micrograph signed off."""
    path = project / "demo.k2c"
    with Session(path, write=True, expert="Ada") as session:
        name = session.state.sources.micrographs[0].name
        table = session.instances(only=[0])
        marks = session.state.evidence[0].marks
        for row in table[table["label"] == NO_LABEL]:
            near = (abs(marks["x"] - row["x"]) < 5) & (abs(marks["y"] - row["y"]) < 5)
            ruling = Decision(
                micrograph=name,
                marks=tuple(marks["mark"][near].tolist()),
                verdict="label",
                label=1,
                x=float(row["x"]),
                y=float(row["y"]),
                decided_at="2024-01-02T03:04:05.000Z",
                note="see the rim",
            )
            session.decide([ruling])
        session.sign_off(name)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def rows(folder: Path, name: str = "instances") -> list[dict[str, str]]:
    with (folder / "csv" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def run_of(folder: Path) -> Any:
    return json.loads((folder / "run.json").read_text("utf-8"))


def test_what_is_signed_off_is_exported_and_verified(k2c: K2C, path: Path, tmp_path: Path) -> None:
    ended = k2c("export", path, tmp_path / "out", "--format", "coco,yolo,star", *LICENCE)
    assert (ended.code, ended.err) == (0, "")
    with Session(path) as session:
        table = session.instances(only=[0])
        used = {label.value for label in session.state.sources.labels if label.use}
        wanted = sorted(
            (round(float(row["x"]), 3), round(float(row["y"]), 3), int(row["label"]))
            for row in table
            if row["status"] == STATUS.index("decided") and row["label"] in used
        )
    found = rows(tmp_path / "out")
    assert sorted((float(r["x_px"]), float(r["y_px"]), int(r["label"])) for r in found) == wanted
    assert {row["source"] for row in found} == {"sign-off", "expert"}
    assert "Left out: 1 micrographs, not signed off." in ended.out
    assert "too few micrographs for validation and test" in ended.out
    checked = k2c("verify", tmp_path / "out")
    assert checked == (0, "The release is as it was written.\n", "")


def test_two_exports_are_the_same_bytes(k2c: K2C, path: Path, tmp_path: Path) -> None:
    flags = ["--format", "coco,masks,crops", "--include", "all", "--tile", 128, *LICENCE]
    for name in ("one", "two"):
        assert k2c("export", path, tmp_path / name, *flags).code == 0
    one = contents(tmp_path / "one")
    assert one == contents(tmp_path / "two")
    assert any(name.endswith(".png") for name in one)


def test_flags_reach_the_release(k2c: K2C, path: Path, tmp_path: Path) -> None:
    with Session(path) as session:
        first, second = (m.name for m in session.state.sources.micrographs)
    flags = [
        *("--format", "coco", "--include", "all", "--ambiguous", "soft", "--labels", "0"),
        *("--box-px", 12, "--split", "0.5,0.5,0", "--seed", 3, "--test", second, "--tile", 200),
        *("--overlap", 50, "--no-images", "--title", "Pd on C", "--credit", "The lab"),
        *("--date", "2031-04-05", "--named-experts", "--notes", "--json", *LICENCE),
    ]
    ended = k2c("export", path, tmp_path / "out", *flags)
    assert ended.code == 0, ended.err
    run = run_of(tmp_path / "out")
    assert {m["name"]: m["split"] for m in run["micrographs"]} == {first: "train", second: "test"}
    assert [label["use"] for label in run["labels"]] == [True, False, False, False]
    assert {m["box_px"] for m in run["micrographs"]} == {12}
    assert "seed 3" in run["split"]
    assert run["tiles"] == 9 + 9
    assert (run["choice"]["overlap"], run["choice"]["ambiguous"]) == (50, "soft")
    assert {row["label"] for row in rows(tmp_path / "out")} == {"0", ""}
    assert {row["label"] for row in rows(tmp_path / "out", "negatives")} >= {"1"}
    assert not list((tmp_path / "out").rglob("*.png"))
    readme = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert all(words in readme for words in ("# Pd on C\n", "Credit: The lab", "2031-04-05"))
    log = (tmp_path / "out" / "decisions.jsonl").read_text("utf-8").splitlines()
    assert {json.loads(line)["expert"] for line in log} == {"Ada"}
    assert "see the rim" in {json.loads(line)["note"] for line in log}
    told = ended.json
    assert told["instances"] == len(rows(tmp_path / "out")) == run["counts"]["instances"]
    assert told["parts"]["test"]["micrographs"] == 1
    assert told["folder"] == str(tmp_path / "out")
    assert {tally["source"] for tally in told["left_out"]} == {"instances"}


def test_without_flags_experts_are_numbers_and_notes_stay(
    k2c: K2C, path: Path, tmp_path: Path
) -> None:
    assert k2c("export", path, tmp_path / "out", "--format", "csv", *LICENCE).code == 0
    found = b"".join(contents(tmp_path / "out").values())
    assert b"expert-1" in found
    assert b"see the rim" not in found
    assert b'"Ada"' not in found


def test_ambiguous_ones_are_dropped(k2c: K2C, path: Path, tmp_path: Path) -> None:
    kept = {}
    for name in ("keep", "drop", "soft"):
        flags = ["--format", "csv", "--include", "all", "--ambiguous", name, *LICENCE]
        assert k2c("export", path, tmp_path / name, *flags).code == 0
        kept[name] = rows(tmp_path / name)
    assert not [r for r in kept["drop"] if r["ambiguous"] == "1" and r["source"] != "expert"]
    assert len(kept["drop"]) <= len(kept["keep"]) < len(kept["soft"])
    assert [r for r in kept["soft"] if not r["label"]]


def test_what_is_left_out_is_counted(k2c: K2C, project: Path, tmp_path: Path) -> None:
    session = project / "demo.k2c"
    listed = k2c("instances", session).rows
    ties = sum(row["label"] == "" for row in listed)
    assert ties
    all_ = ["--format", "csv", "--include", "all", *LICENCE]
    ended = k2c("export", session, tmp_path / "a", *all_)
    assert f"Left out: {ties} instances, tie between labels." in ended.out
    assert "0.8 x the project's median nearest-neighbour distance" in ended.out
    assert f"Wrote {tmp_path / 'a'}." in ended.out
    told = k2c("export", session, tmp_path / "b", *all_, "--json").json
    counts = {tally["what"]: tally["count"] for tally in told["left_out"]}
    assert counts["tie between labels"] == ties
    assert told["instances"] == len(listed) - sum(counts.values())
    assert told["micrographs"] == 2


def test_boxes_are_as_large_as_asked(k2c: K2C, project: Path, tmp_path: Path) -> None:
    session, all_ = project / "demo.k2c", ["--format", "csv", "--include", "all", *LICENCE]
    ended = k2c("export", session, tmp_path / "px", *all_, "--box-px", "24")
    assert "Box: 24 px, as given." in ended.out
    assert {row["box_px"] for row in rows(tmp_path / "px")} == {"24.0"}
    ended = k2c("export", session, tmp_path / "nm", *all_, "--box-nm", "2.5")
    assert "Box: 2.5 nm, as given." in ended.out
    sides = {(row["micrograph"], float(row["box_px"])) for row in rows(tmp_path / "nm")}
    with Session(session) as opened:
        micrographs = opened.state.sources.micrographs
    assert sides == {(m.name, round(2.5 / (m.pixel_size_nm or 0), 3)) for m in micrographs}


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--format", "csv"], "licence of the images is missing"),
        (["--format", "csv,word", *LICENCE], "no format word"),
        (["--format", "crops", "--no-images", *LICENCE], "crops is made of images"),
        (["--format", "csv", "--split", "0.8,0.2", *LICENCE], "three shares that sum to 1"),
        (["--format", "csv", "--split", "most,0.2,0", *LICENCE], "'most' is no share"),
        (["--format", "csv", "--labels", "one", *LICENCE], "'one' is no label"),
        (["--format", "csv", "--labels", "9", *LICENCE], "no label 9"),
        (["--format", "csv", "--test", "x.tif", *LICENCE], "x.tif is not among those exported"),
        (["--format", "csv", "--seed", "-1", *LICENCE], "seed is -1"),
        (["--format", "csv", "--box-nm", "3", "--box-px", "3", *LICENCE], "Two box sizes"),
        (["--format", "coco", "--tile", "40", "--overlap", "40", *LICENCE], "cannot overlap"),
        (["--format", "csv", "--box-px", "0", *LICENCE], "Give a size above 0"),
        (["--format", "csv", "--box-nm", "nan", *LICENCE], "Give a size above 0"),
        (["--format", "csv", "--date", "today", *LICENCE], "'today' is no date"),
        (["--format", "csv", "--date", "2026-02-31", *LICENCE], "'2026-02-31' is no date"),
        (["--format", "crops", "--box-px", "1e9", *LICENCE], "larger than AuGe_001.tif, 384 x 384"),
        (["--format", "csv", "--include", "all", "--box-nm", "1e4", *LICENCE], "is larger than"),
        (["--format", "star", "--tile", "128", *LICENCE], "None of the formats takes tiles"),
        (["--format", "coco", "--overlap", "16", *LICENCE], "Give the side of the tiles"),
    ],
)
def test_what_is_refused_leaves_nothing(
    k2c: K2C, path: Path, tmp_path: Path, flags: list[str], told: str
) -> None:
    before = sorted(tmp_path.iterdir())
    ended = k2c("export", path, tmp_path / "out", *flags)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert sorted(tmp_path.iterdir()) == before


def test_a_session_without_sign_off_and_a_folder_that_is_taken(
    k2c: K2C, project: Path, tmp_path: Path
) -> None:
    session = project / "demo.k2c"
    ended = k2c("export", session, tmp_path / "out", "--format", "csv", *LICENCE)
    assert ended.code == 2
    assert "No micrograph is signed off yet" in ended.err
    taken = ["--format", "csv", "--include", "all", *LICENCE]
    ended = k2c("export", session, project, *taken)
    assert ended.code == 2
    assert "not an empty folder" in ended.err


def test_an_uncalibrated_micrograph_has_no_nm(k2c: K2C, project: Path, tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(project / "demo.k2c")) as db, db:
        triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type='trigger'").fetchall()
        for name, _ in triggers:
            db.execute(f"DROP TRIGGER {name}")
        db.execute("UPDATE micrograph SET pixel_size_nm = NULL")
        for _, sql in triggers:
            db.execute(sql)
    flags = ["--format", "csv", "--include", "all", "--box-nm", "5", *LICENCE]
    ended = k2c("export", project / "demo.k2c", tmp_path / "out", *flags)
    assert ended.code == 2
    assert "have no pixel size" in ended.err
    assert not (tmp_path / "out").exists()


def test_an_image_that_changed_or_is_gone_stops_the_export(
    k2c: K2C, path: Path, tmp_path: Path
) -> None:
    with Session(path) as session:
        first, second = (Path(m.path) for m in session.state.sources.micrographs)
    first.write_bytes(second.read_bytes())
    flags = ["--include", "all", *LICENCE]
    for told in ("changed since it was imported", "no such file"):
        ended = k2c("export", path, tmp_path / "out", "--format", "coco", *flags)
        assert ended.code == 2
        assert told in ended.err
        assert str(first) in ended.err
        assert not (tmp_path / "out").exists()
        first.unlink(missing_ok=True)
    assert k2c("export", path, tmp_path / "out", "--format", "csv", *flags).code == 0


def test_verify_tells_every_fault(k2c: K2C, path: Path, tmp_path: Path) -> None:
    flags = ["--format", "coco", "--no-images", *LICENCE]
    assert k2c("export", path, tmp_path / "out", *flags).code == 0
    (tmp_path / "out" / "README.md").write_text("mine")
    (tmp_path / "out" / "extra.txt").write_text("mine")
    ended = k2c("verify", tmp_path / "out")
    assert ended.code == 2
    assert ended.err.splitlines() == [
        "extra.txt does not belong to the release.",
        "README.md has changed.",
    ]
    assert ended.out == "Faults: 2.\n"
    as_json = k2c("verify", tmp_path / "out", "--json")
    assert (as_json.code, len(as_json.json["faults"])) == (2, 2)
    ended = k2c("verify", tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert "manifest-sha256.txt" in ended.err
