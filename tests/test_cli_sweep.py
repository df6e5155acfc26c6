"""``k2c sweep`` as a person runs it."""

from __future__ import annotations

import csv
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from k2c_gui import scheduler
from k2c_gui.core import review
from k2c_gui.core.model import ClusterParams, Decision
from k2c_gui.io.files import sha256
from k2c_gui.session import Session

K2C = Callable[..., Any]
GRID = "min_cluster_size=5:11:2,min_samples=3,5,method=eom,leaf"


@pytest.fixture
def path(project: Path) -> Path:
    return project / "demo.k2c"


@pytest.fixture
def decided(path: Path) -> Path:
    """The expert agrees with what 7, 3 proposes on the first micrograph."""
    with Session(path, write=True, expert="ann") as session:
        evidence = session.state.evidence[0]
        params = replace(session.state.ledger.params, min_cluster_size=7, min_samples=3)
        grouping = review.group(evidence, params)
        table = review.instances(evidence, grouping, session.state.ledger)
        rulings = []
        for i, row in enumerate(table):
            marks = tuple(evidence.marks["mark"][grouping.group_of_mark == i].tolist())
            rulings.append(
                Decision(
                    micrograph=evidence.name,
                    marks=marks,
                    verdict="label" if row["label"] >= 0 else "defer",
                    label=int(row["label"]) if row["label"] >= 0 else None,
                    x=float(row["x"]),
                    y=float(row["y"]),
                    decided_at="2024-05-01T10:00:04.000Z",
                    made_from=(marks,),
                )
            )
        session.decide(rulings)
    return path


def test_the_best_is_named(k2c: K2C, decided: Path) -> None:
    before = sha256(decided)
    ended = k2c("sweep", decided, "--grid", GRID)
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert len(lines) == 1 + 16 + 1
    head = lines[0].split()
    assert head[:3] == ["min_cluster_size", "min_samples", "method"]
    assert "agreement" in head
    found = k2c("sweep", decided, "--grid", GRID, "--json").json
    best = found["best"]
    assert best["min_cluster_size"] in (5, 7, 9, 11)
    words = f"min_cluster_size={best['min_cluster_size']}, min_samples={best['min_samples']}"
    assert words in lines[-1]
    assert "(1.000)" in lines[-1]
    rows = found["settings"]
    top = [row for row in rows if all(row[key] == best[key] for key in best)]
    assert len(top) == 1
    assert top[0]["agreement"] == 1
    assert sha256(decided) == before


def test_rows_are_the_sweep_s(k2c: K2C, decided: Path, tmp_path: Path) -> None:
    file = tmp_path / "scores.csv"
    assert k2c("sweep", decided, "--grid", GRID, "--csv", file).code == 0
    with file.open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert len(rows) == 16
    with Session(decided) as session:
        for row in rows:
            keys = asdict(session.state.ledger.params)
            changes: dict[str, Any] = {
                "min_cluster_size": int(row["min_cluster_size"]),
                "min_samples": int(row["min_samples"]),
                "method": row["method"],
            }
            params = ClusterParams(**(keys | changes))
            groups = [review.group(e, params) for e in session.state.evidence]
            assert int(row["instances"]) == sum(len(g.x) for g in groups)
    assert len({row["instances"] for row in rows}) > 1


def test_without_decisions_none_is_best(k2c: K2C, path: Path) -> None:
    ended = k2c("sweep", path, "--grid", GRID)
    assert ended.code == 0
    assert "none is called best" in ended.out
    assert "agreement" not in ended.out.splitlines()[0]
    assert k2c("sweep", path, "--grid", GRID, "--json").json["best"] is None


def test_one_setting_by_micrograph(k2c: K2C, path: Path, tmp_path: Path) -> None:
    file = tmp_path / "counts.csv"
    args = ["sweep", path, "--grid", "applied", "--by-micrograph", "--json", "--csv", file]
    found = k2c(*args).json
    with file.open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert [row["micrograph"] for row in rows] == ["AuGe_001.tif", "PdC_002.tif"]
    with Session(path) as session:
        params = session.state.ledger.params
        counts = [len(review.group(e, params).x) for e in session.state.evidence]
    assert [int(row["instances"]) for row in rows] == counts
    assert [row["instances"] for row in found["by_micrograph"]] == counts
    assert found["settings"][0]["instances"] == sum(counts)


def test_no_group_at_all(k2c: K2C, decided: Path) -> None:
    found = k2c("sweep", decided, "--grid", "min_cluster_size=5000,6000", "--json")
    assert found.code == 0
    assert [row["instances"] for row in found.json["settings"]] == [0, 0]
    assert [row["precision"] for row in found.json["settings"]] == [None, None]


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        ("", "0 settings"),
        ("min_cluster_size=9:5", "0 settings"),
        ("min_cluster_size=-2:5", "8 settings"),
        ("min_cluster_size=2:10001,min_samples=1:1000", "10,000,000 settings"),
        ("sise=3", "no parameter 'sise'"),
    ],
)
def test_a_grid_that_makes_no_sense(k2c: K2C, path: Path, grid: str, told: str) -> None:
    ended = k2c("sweep", path, "--grid", grid)
    assert ended.code == 2
    assert told in ended.err


def test_it_goes_on_where_it_was(
    k2c: K2C, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    args = ["sweep", path, "--grid", GRID, "--json", "--resume", tmp_path / "kept"]
    first = k2c(*args).json
    assert len(list((tmp_path / "kept").iterdir())) == 2

    def never(question: object) -> None:
        raise AssertionError("done already")

    monkeypatch.setattr("k2c_gui.core.sweep.answer", never)
    assert k2c(*args).json == first
    torn = sorted((tmp_path / "kept").iterdir())[0]
    torn.write_bytes(torn.read_bytes()[:-1])
    ended = k2c(*args)
    assert ended.code == 2
    assert "done already" in ended.err


def test_threads_change_nothing(k2c: K2C, decided: Path) -> None:
    found = [
        k2c("sweep", decided, "--grid", GRID, "--workers", n, "--json", "--by-micrograph").json
        for n in (1, 3)
    ]
    assert found[0] == found[1]


def test_a_scheduler_that_is_not_there_is_named(
    k2c: K2C, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(scheduler, "PATIENCE", 1)
    with socket.socket() as mute:  # takes the call and says nothing
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        address = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        start = time.perf_counter()
        ended = k2c("sweep", path, "--grid", GRID, "--scheduler", address)
    assert ended.code == 2
    assert f"The scheduler {address} does not answer within 1 s" in ended.err
    assert time.perf_counter() - start < 10
    ended = k2c("sweep", path, "--grid", GRID, "--scheduler", "nonsense://")
    assert ended.code == 2
    assert "nonsense://" in ended.err
