"""The verbs that read a session: instances, export, check and log."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from k2c_gui.core.model import DEFAULT, Decision
from k2c_gui.session import Session

COLUMNS = (
    "instance,micrograph,x_px,y_px,x_nm,y_nm,label,status,backing,n_marks,"
    "n_volunteers,exposure,support,"
    "votes_0,votes_1,votes_2,votes_3,margin,ambiguous,split_into,pairs"
)


K2C = Callable[..., Any]


@pytest.fixture
def path(project: Path) -> Path:
    return project / "demo.k2c"


def test_instances_are_rows_in_the_columns_agreed_on(k2c: K2C, path: Path) -> None:
    ended = k2c("instances", path)
    assert ended.code == 0
    assert ended.out.splitlines()[0] == COLUMNS
    with Session(path) as session:
        table = session.instances()
        nm = {m.name: m.pixel_size_nm for m in session.state.sources.micrographs}
        marks = set(session.state.sources.marks["mark"].tolist())
    assert len(ended.rows) == len(table)
    tied = 0
    for row, instance in zip(ended.rows, table, strict=True):
        assert int(row["instance"]) in marks
        assert float(row["x_px"]) == pytest.approx(instance["x"], abs=5e-4)
        assert float(row["y_nm"]) == pytest.approx(
            instance["y"] * (nm[row["micrograph"]] or 0), abs=1e-4
        )
        votes = [int(row[f"votes_{value}"]) for value in range(4)]
        leading = [value for value in range(4) if votes[value] == max(votes)]
        assert row["label"] == (str(leading[0]) if len(leading) == 1 else "")
        assert row["status"] == "proposed"
        tied += row["label"] == ""
    assert tied


def test_instances_go_where_they_are_sent(k2c: K2C, path: Path, project: Path) -> None:
    rows = k2c("instances", path).out
    assert k2c("instances", path, "--csv", "-").out == rows
    file = project / "rows.csv"
    ended = k2c("instances", path, "--csv", file)
    assert str(file) in ended.out
    assert file.read_text(encoding="utf-8") == rows
    found = k2c("instances", path, "--json").json
    assert found["params"] == asdict(DEFAULT)
    listed = found["instances"]
    as_text = [{k: "" if v is None else str(v) for k, v in row.items()} for row in listed]
    assert as_text == list(csv.DictReader(io.StringIO(rows)))
    assert k2c("instances", path, "--csv", project / "no" / "rows.csv").code == 2


def test_at_a_terminal_there_is_a_line_a_micrograph(
    k2c: K2C, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = k2c("instances", path).rows
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda self: True)
    lines = k2c("instances", path).out.splitlines()
    for name in ("AuGe_001.tif", "PdC_002.tif"):
        own = [row for row in rows if row["micrograph"] == name]
        (line,) = [line for line in lines if name in line]
        assert str(len(own)) in line.split()
    assert any(f"min_cluster_size {DEFAULT.min_cluster_size}" in line for line in lines)


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("min-cluster-size", 30),
        ("min-samples", 1),
        ("epsilon", 60.0),
        ("method", "leaf"),
        ("algorithm", "kmeans"),
        ("centroid", "mean"),
        ("centroid", "median"),
        ("margin", 0.9),
    ],
)
def test_each_flag_of_instances_is_used(k2c: K2C, path: Path, flag: str, value: object) -> None:
    fine = {"min-cluster-size": 3, "min-samples": 2}
    given = [part for name, value in fine.items() if name != flag for part in (f"--{name}", value)]
    usual = k2c("instances", path, *given, "--json").json
    found = k2c("instances", path, *given, f"--{flag}", value, "--json").json
    params = usual["params"]
    assert found["params"] == params | {flag.replace("-", "_"): value}
    assert found["instances"] != usual["instances"]


def test_dbscan_needs_a_neighbourhood(k2c: K2C, path: Path) -> None:
    ended = k2c("instances", path, "--algorithm", "dbscan")
    assert ended.code == 2
    assert "epsilon" in ended.err
    assert k2c("instances", path, "--algorithm", "dbscan", "--epsilon", 6).rows


def test_only_the_micrographs_named(k2c: K2C, path: Path) -> None:
    everything = k2c("instances", path).rows
    second = k2c("instances", path, "--micrograph", "PdC_002.tif").rows
    assert second == [row for row in everything if row["micrograph"] == "PdC_002.tif"]
    names = ("--micrograph", "PdC_002.tif", "--micrograph", "AuGe_001.tif")
    assert k2c("instances", path, *names).rows == everything
    ended = k2c("instances", path, "--micrograph", "nothing.tif")
    assert ended.code == 2
    assert "AuGe_001.tif" in ended.err


def test_apply_makes_a_setting_the_projects_own_and_logs_it(k2c: K2C, path: Path) -> None:
    flags = ("--min-cluster-size", 8, "--min-samples", 5)
    asked = k2c("instances", path, *flags).out
    before = k2c("instances", path).out
    assert asked != before, "the setting must matter"
    assert k2c("log", path, "--json").out == ""
    assert k2c("instances", path, *flags, "--apply").out == asked
    assert k2c("instances", path).out == asked
    assert k2c("instances", path, "--apply").out == asked  # no change, no entry
    (line,) = k2c("log", path, "--json").out.splitlines()
    entry = json.loads(line)
    assert entry["kind"] == "apply"
    assert (entry["params"]["min_cluster_size"], entry["params"]["min_samples"]) == (8, 5)
    assert "min_cluster_size 8" in k2c("log", path).out


def test_check_counts_and_finds(k2c: K2C, path: Path, project: Path) -> None:
    ended = k2c("check", path)
    assert (ended.code, ended.err) == (0, "")
    assert "The session is whole." in ended.out
    found = k2c("check", path, "--json").json
    assert found["troubles"] == []
    counts = found["counts"]
    with Session(path) as session:
        sources = session.state.sources
        assert counts["marks"] == len(sources.marks)
        assert counts["votes"] == len(sources.votes)
        assert counts["micrographs"] == 2
    (project / "images" / "PdC_002.tif").unlink()
    ended = k2c("check", path)
    assert ended.code == 2
    assert "PdC_002.tif: the image is missing" in ended.err
    ended = k2c("check", path, "--json")
    assert ended.code == 2
    assert len(ended.json["troubles"]) == 1
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 0x10
    path.write_bytes(damaged)
    ended = k2c("check", path)
    assert ended.code == 2
    assert "Restore the session from a copy" in ended.err


def test_log_lists_decisions(k2c: K2C, path: Path) -> None:
    assert k2c("log", path).out == "Nothing was decided yet.\n"
    made = Decision(
        micrograph="AuGe_001.tif",
        marks=(1, 2),
        verdict="label",
        label=2,
        x=1.25,
        y=7.0,
        decided_at="2024-05-01T10:00:00Z",
        note="粒子 [bold]",
    )
    with Session(path, write=True, expert="an expert") as session:
        session.decide([made])
        session.undo()
    ended = k2c("log", path)
    assert "AuGe_001.tif (1.2, 7.0) px: label 2" in ended.out
    assert "undo" in ended.out
    first, second = (json.loads(line) for line in k2c("log", path, "--json").out.splitlines())
    assert (first["kind"], first["expert"]) == ("decide", "an expert")
    assert first["decision"]["marks"] == [1, 2]
    assert first["decision"]["note"] == "粒子 [bold]"
    assert (second["kind"], second["target"]) == ("undo", first["step"])


def test_reading_leaves_the_file_alone(k2c: K2C, path: Path, project: Path) -> None:
    before, at = path.read_bytes(), path.stat().st_mtime_ns
    there = {p.name for p in project.iterdir()}
    target = project / "out"
    all_ = ("--format", "csv", "--include", "all", "--image-licence", "CC0-1.0")
    for args in (
        ("check", path),
        ("log", path),
        ("log", path, "--json"),
        ("instances", path),
        ("instances", path, "--min-samples", 3),
        ("export", path, target, *all_),
    ):
        assert k2c(*args).code == 0
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == at
    assert {p.name for p in project.iterdir()} == there | {"out"}
