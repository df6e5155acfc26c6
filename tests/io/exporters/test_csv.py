"""The tables, read back."""

from __future__ import annotations

import csv
from math import nan
from pathlib import Path

import pytest
from pyarrow import parquet

from k2c_gui.core.model import LABEL_SOURCE, TrainingSet, no_progress
from k2c_gui.io.exporters import csv as exporter
from k2c_gui.io.exporters import parquet as parquet_exporter

COLUMNS = (
    "instance micrograph split x_px y_px x_nm y_nm label label_name source box_px n_marks"
    " n_volunteers exposure support votes_0 votes_1 votes_2 votes_7 soft_0 soft_1 soft_2 soft_7"
    " margin ambiguous"
)


def read(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["instances", "negatives"])
def test_what_is_read_back_is_the_table(
    training_set: TrainingSet, tmp_path: Path, name: str
) -> None:
    def number(cell: str) -> float:
        return float(cell) if cell else nan

    exporter.write(training_set, tmp_path, no_progress)
    table = getattr(training_set, name)
    found = read(tmp_path, f"{name}.csv")
    assert list(found[0]) == COLUMNS.split()
    same = {"nan_ok": True, "abs": 5e-4}
    for row, instance in zip(found, table, strict=True):
        micrograph = training_set.micrographs[instance["micrograph"]]
        nm = micrograph.pixel_size_nm or nan
        assert row["micrograph"].removeprefix("'") == micrograph.name
        assert row["split"] == training_set.split[instance["micrograph"]]
        assert row["source"] == LABEL_SOURCE[instance["source"]]
        assert int(row["label"] or -1) == instance["label"]
        for column in ("instance", "n_marks", "n_volunteers", "exposure", "ambiguous"):
            assert int(row[column]) == instance[column], column
        for column in ("support", "margin"):
            assert number(row[column]) == pytest.approx(instance[column], **same), column
        for column in ("x", "y"):
            assert float(row[f"{column}_px"]) == pytest.approx(instance[column], **same)
            assert number(row[f"{column}_nm"]) == pytest.approx(instance[column] * nm, **same)
        for column in ("votes", "soft"):
            cells = [float(row[f"{column}_{value}"]) for value in (0, 1, 2, 7)]
            assert cells == pytest.approx(instance[column].tolist(), abs=5e-5)


def test_text_that_a_spreadsheet_would_run_is_made_inert(
    training_set: TrainingSet, tmp_path: Path
) -> None:
    exporter.write(training_set, tmp_path, no_progress)
    rows = read(tmp_path, "instances.csv")
    assert {row["micrograph"] for row in rows} == {"'=1+1.tif", 'ü, "b".MRC'}
    assert {row["label_name"] for row in rows} == {
        "Nanoparticle",
        "'-Cluster",
        "Rod, long/thin",
        "",
    }


def test_each_row_has_its_own_box(training_set: TrainingSet, tmp_path: Path) -> None:
    exporter.write(training_set, tmp_path, no_progress)
    boxes = [float(row["box_px"]) for row in read(tmp_path, "instances.csv")]
    assert boxes == [20, 20, 20, 12, 20, 20, 20, 12.5, 12.5, 12.5]


def test_parquet_holds_the_same_with_types(training_set: TrainingSet, tmp_path: Path) -> None:
    exporter.write(training_set, tmp_path, no_progress)
    parquet_exporter.write(training_set, tmp_path, no_progress)
    for name in ("instances", "negatives"):
        table = parquet.read_table(str(tmp_path / f"{name}.parquet"))
        assert table.column_names == COLUMNS.split()
        for row, plain in zip(table.to_pylist(), read(tmp_path, f"{name}.csv"), strict=True):
            for column, value in row.items():
                text = "" if value is None else value
                cell = plain[column].removeprefix("'") if isinstance(value, str) else plain[column]
                assert cell == str(text), column


def test_parquet_types_do_not_depend_on_what_is_in_it(
    training_set: TrainingSet, tmp_path: Path
) -> None:
    parquet_exporter.write(training_set, tmp_path, no_progress)
    schema = parquet.read_schema(str(tmp_path / "instances.parquet"))
    assert schema.equals(parquet.read_schema(str(tmp_path / "negatives.parquet")))
    kinds = {name: str(schema.field(name).type) for name in ("instance", "label", "x_nm", "source")}
    assert kinds == {"instance": "int64", "label": "int64", "x_nm": "double", "source": "string"}
