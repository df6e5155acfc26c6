"""Instances as rows for people and programs outside."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from k2c_gui.core.model import NO_LABEL, STATUS, Micrograph, instance_dtype
from k2c_gui.io import resources, tables

LABELS = resources.labels()
MICROGRAPHS = (Micrograph("a.tif", "a.tif", 10, 10, 0.25), Micrograph("b.tif", "b.tif", 10, 10))
COLUMNS = (
    "instance,micrograph,x_px,y_px,x_nm,y_nm,label,status,backing,n_marks,"
    "n_volunteers,exposure,support,"
    "votes_0,votes_1,votes_2,votes_3,margin,ambiguous,split_into,pairs"
)


@pytest.fixture
def instances() -> np.ndarray:
    table = np.zeros(2, instance_dtype(4))
    table[0] = ("655360", 0, 1.23456, 2, 1, 0, 0, 9, 8, 20, 0.45, [1, 4, 0, 0], 0.6, False, 2, 0.3)
    table[1] = ("abc", 1, 3, 4, NO_LABEL, 1, 7, 0, 0, 0, np.nan, [0] * 4, np.nan, True, 1, 0)
    return table


def test_columns_are_those_that_the_issue_names() -> None:
    assert ",".join(tables.columns(LABELS)) == COLUMNS


def test_rows_of_plain_values(instances: np.ndarray) -> None:
    first, second = tables.rows(instances, MICROGRAPHS, LABELS)
    assert list(first) == COLUMNS.split(",")
    assert list(first.values()) == [
        *("655360", "a.tif", 1.235, 2.0, 0.3086, 0.5, 1, STATUS[0], None, 9, 8, 20, 0.45),
        *(1, 4, 0, 0, 0.6, 0, 2, 0.3),
    ]
    nothing = {k for k, v in second.items() if v is None}
    assert nothing == {"x_nm", "y_nm", "label", "support", "margin"}, "what there is not is None"
    assert second["ambiguous"] == 1
    assert second["backing"] == "dissolved"


def test_csv_of_rows(instances: np.ndarray) -> None:
    file = io.StringIO()
    tables.write_csv(file, tables.rows(instances, MICROGRAPHS, LABELS), tables.columns(LABELS))
    read = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert "\r" not in file.getvalue()
    assert read[0]["x_px"] == "1.235"
    assert read[0]["label"] == "1"
    assert read[1]["label"] == read[1]["margin"] == read[1]["x_nm"] == ""


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_runs_in_a_spreadsheet(start: str) -> None:
    file = io.StringIO()
    tables.write_csv(file, [{"name": f"{start}cmd", "x": -1.5}], ["name", "x"])
    assert file.getvalue() == f"name,x\n'{start}cmd,-1.5\n", "numbers stay numbers"
