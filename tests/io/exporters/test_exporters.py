"""Exports as a whole: all of it or nothing, and the same bytes every time."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from k2c_gui.core.model import NO_LABEL, STATUS, Decision, K2CError, TrainingSet
from k2c_gui.io import exporters
from k2c_gui.io.exporters import coco, export
from k2c_gui.session import Session


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_format_is_known_by_its_file() -> None:
    assert set(exporters.names()) >= {"csv", "coco"}


def test_all_formats_go_into_one_folder(training_set: TrainingSet, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "release"
    written = export(training_set, target, ["csv", "coco", "csv"])
    assert written == (target / "instances.csv", target / "annotations.json")
    assert set(target.iterdir()) == set(written)
    assert list(target.parent.iterdir()) == [target]


def test_the_same_session_gives_the_same_bytes(project: Path) -> None:
    for name in ("one", "two"):
        with Session(project / "demo.k2c") as session:
            chosen = session.training_set(signed_off_only=False)
        assert len(chosen.instances) > 10
        export(chosen, project / name, ["csv", "coco"])
    assert contents(project / "one") == contents(project / "two")


def test_an_empty_folder_is_taken_and_no_other(training_set: TrainingSet, tmp_path: Path) -> None:
    empty, taken, file = tmp_path / "empty", tmp_path / "taken", tmp_path / "file"
    empty.mkdir()
    export(training_set, empty, ["csv"])
    assert set(contents(empty)) == {"instances.csv"}
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    file.write_text("mine")
    for target in (taken, file, empty):
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(K2CError, match="not an empty folder"):
            export(training_set, target, ["csv"])
        assert sorted(tmp_path.rglob("*")) == before
    assert contents(taken) == {"mine.txt": b"mine"}


def test_a_relative_folder_is_taken_and_the_current_one_is_not(
    training_set: TrainingSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    for name in (".", "../here"):
        with pytest.raises(K2CError, match="the current folder"):
            export(training_set, Path(name), ["csv"])
    export(training_set, Path("../there"), ["csv"])
    assert (tmp_path / "there" / "instances.csv").exists()
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("formats", [[], ["yolo"], ["csv", "../csv"], ["csv", ""]])
def test_unknown_formats_are_told(
    training_set: TrainingSet, tmp_path: Path, formats: list[str]
) -> None:
    with pytest.raises(K2CError, match=r"no format.*coco, csv"):
        export(training_set, tmp_path / "out", formats)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize(
    ("module", "name", "error"),
    [
        (coco, "write", OSError(28, "No space left on device")),
        (coco, "write", KeyboardInterrupt()),
        (os, "fsync", OSError(5, "Input/output error")),
        (os, "rename", OSError(13, "Permission denied")),
    ],
)
def test_an_export_that_breaks_off_leaves_nothing(
    training_set: TrainingSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: str,
    error: BaseException,
    there: bool,
) -> None:
    def fail(*_: object) -> NoReturn:
        raise error

    target = tmp_path / "out"
    if there:
        target.mkdir()
    told = K2CError if isinstance(error, OSError) else type(error)
    with monkeypatch.context() as patch:
        patch.setattr(module, name, fail)
        with pytest.raises(told, match=getattr(error, "strerror", None)):
            export(training_set, target, ["csv", "coco"])
    assert not target.exists() or list(target.iterdir()) == []
    assert set(tmp_path.iterdir()) <= {target}
    export(training_set, target, ["csv", "coco"])
    assert set(contents(target)) == {"instances.csv", "annotations.json"}


def test_what_is_open_or_turned_down_is_left_out_and_counted(project: Path) -> None:
    verdicts = {"reject": 1, "defer": 2, "label": 3}
    with Session(project / "demo.k2c", write=True) as session:
        evidence = session.state.evidence[1]
        table = session.instances(only=[1])
        clear = iter(table[table["label"] == 0])
        for verdict, count in verdicts.items():
            for _ in range(count):
                row = next(clear)
                near = (abs(evidence.marks["x"] - row["x"]) < 5) & (
                    abs(evidence.marks["y"] - row["y"]) < 5
                )
                session.decide(
                    [
                        Decision(
                            micrograph=evidence.name,
                            marks=tuple(evidence.marks["mark"][near].tolist()),
                            verdict=verdict,  # type: ignore[arg-type]
                            label=2 if verdict == "label" else None,
                            x=float(row["x"]),
                            y=float(row["y"]),
                            decided_at="",
                        )
                    ]
                )
        table = session.instances()
        chosen = session.training_set(signed_off_only=False)
    in_use = [label.value for label in chosen.labels if label.use]
    status = [STATUS[row["status"]] for row in table]
    n_ties = sum(
        s == "proposed" and row["label"] == NO_LABEL for s, row in zip(status, table, strict=True)
    )
    assert n_ties
    counts = Counter({tally.what: tally.count for tally in chosen.left_out})
    assert counts["rejected by the expert"] == 1
    assert counts["kept ambiguous by the expert"] == 2
    assert counts["tie between labels"] == n_ties
    assert counts["label 2, Artifact: not for training"] >= 3
    assert len(chosen.instances) + counts.total() == len(table)
    export(chosen, project / "out", ["csv", "coco"])
    lines = (project / "out" / "instances.csv").read_text("utf-8").splitlines()
    document = json.loads((project / "out" / "annotations.json").read_text("utf-8"))
    rows = list(csv.DictReader(lines))
    assert len(rows) == len(document["annotations"]) == len(chosen.instances)
    assert {int(row["label"]) for row in rows} <= set(in_use)


def test_a_set_without_instances_is_written(training_set: TrainingSet, tmp_path: Path) -> None:
    nothing = replace(training_set, instances=training_set.instances[:0])
    export(nothing, tmp_path / "out", ["csv", "coco"])
    document = json.loads((tmp_path / "out" / "annotations.json").read_text("utf-8"))
    assert document["annotations"] == []
    assert len(document["images"]) == 2
