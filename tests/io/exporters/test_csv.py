"""The table, read back."""

from __future__ import annotations

import csv
from math import nan
from pathlib import Path

import pytest

from k2c_gui.core.model import STATUS, TrainingSet
from k2c_gui.io.exporters import csv as exporter

COLUMNS = (
    "instance micrograph x_px y_px x_nm y_nm label status n_marks n_volunteers exposure support"
    " votes_0 votes_1 votes_2 votes_7 margin ambiguous label_name box_px"
)


@pytest.fixture
def rows(training_set: TrainingSet, tmp_path: Path) -> list[dict[str, str]]:
    (name,) = exporter.write(training_set, tmp_path)
    data = (tmp_path / name).read_bytes()
    assert b"\r" not in data
    lines = data.decode("utf-8").splitlines()
    assert lines[0].split(",") == COLUMNS.split()
    return list(csv.DictReader(lines))


def test_what_is_read_back_is_the_instance_table(
    training_set: TrainingSet, rows: list[dict[str, str]]
) -> None:
    def number(cell: str) -> float:
        return float(cell) if cell else nan

    same = {"nan_ok": True, "abs": 5e-4}
    for row, instance in zip(rows, training_set.instances, strict=True):
        micrograph = training_set.micrographs[instance["micrograph"]]
        nm = micrograph.pixel_size_nm or nan
        assert row["instance"] == instance["instance"]
        assert row["micrograph"].removeprefix("'") == micrograph.name
        assert row["status"] == STATUS[instance["status"]]
        for name in ("label", "n_marks", "n_volunteers", "exposure", "ambiguous"):
            assert int(row[name]) == instance[name], name
        for name in ("support", "margin"):
            assert number(row[name]) == pytest.approx(instance[name], **same), name
        for name in ("x", "y"):
            assert float(row[f"{name}_px"]) == pytest.approx(instance[name], **same)
            assert number(row[f"{name}_nm"]) == pytest.approx(instance[name] * nm, **same)
        votes = [int(row[f"votes_{value}"]) for value in (0, 1, 2, 7)]
        assert votes == instance["votes"].tolist()


def test_text_that_a_spreadsheet_would_run_is_made_inert(rows: list[dict[str, str]]) -> None:
    assert [row["micrograph"] for row in rows] == [*["'=1+1.tif"] * 3, 'ü, "b".tif']
    assert [row["label_name"] for row in rows] == [
        "Nanoparticle",
        "Rod, long",
        "'-Cluster",
        "'-Cluster",
    ]


def test_each_row_has_the_box_of_its_micrograph(rows: list[dict[str, str]]) -> None:
    assert [row["box_px"] for row in rows] == ["20.0", "20.0", "20.0", "12.5"]
