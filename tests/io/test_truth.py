"""What is known to be there, read from beside a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from k2c_gui.core.outcome import NO_TRUTH
from k2c_gui.io import truth

HEAD = "micrograph,x,y,label,diameter,exposure\n"


def read(folder: Path, text: str) -> object:
    (folder / "truth.csv").write_text(text, encoding="utf-8")
    return truth.read(folder / "a.k2c", ["one.tif", "two.tif"])


def test_rows_of_own_micrographs_are_taken(tmp_path: Path) -> None:
    own = "one.tif,1.5,2,0,20,20\none.tif,3,4,2,30,10\n"
    found = read(tmp_path, f"{HEAD}{own}else.tif,1,1,7,1,1\n")
    assert isinstance(found, truth.Truth)
    assert found.of["one.tif"].tolist() == [(1.5, 2.0, 0, 20.0), (3.0, 4.0, 2, 30.0)]
    assert (set(found.of), found.labels, found.fault) == ({"one.tif"}, {0, 2}, "")


@pytest.mark.parametrize("text", [f"{HEAD}else.tif,1,1,0,9,1\n", "a,b\n1,2\n", HEAD])
def test_what_is_about_something_else_is_none(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) is NO_TRUTH


def test_no_file_is_none(tmp_path: Path) -> None:
    assert truth.read(tmp_path / "a.k2c", ["one.tif"]) is NO_TRUTH


@pytest.mark.parametrize("x", ["here", "nan", ""])
def test_a_bad_row_is_named_and_stops_nobody(tmp_path: Path, x: str) -> None:
    found = read(tmp_path, f"{HEAD}one.tif,1,2,0,20,20\none.tif,{x},2,0,20,20\n")
    assert isinstance(found, truth.Truth)
    assert not found.of
    assert "truth.csv, row 3" in found.fault


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    found = read(tmp_path, "")
    assert isinstance(found, truth.Truth)
    assert "empty" in found.fault
