"""A folder of results: what was kept comes back, and what is broken is as if it were not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from k2c_gui.core.model import K2CError
from k2c_gui.core.scores import TALLY
from k2c_gui.io.shelf import Shelf


def tallies() -> np.ndarray:
    table = np.zeros(3, TALLY)
    table["instances"] = 1, 2, 3
    table["validity"] = np.nan, 0.1, -0.2
    return table


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    Shelf(tmp_path / "a" / "b")["key"] = tallies()
    found = Shelf(tmp_path / "a" / "b").get("key")
    assert found is not None
    assert found.dtype == TALLY
    assert found.tobytes() == tallies().tobytes()
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["key.npy"]


def test_nothing_kept(tmp_path: Path) -> None:
    assert Shelf(tmp_path).get("key") is None


def test_a_torn_file_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf["key"] = tallies()
    whole = (tmp_path / "key.npy").read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / "key.npy").write_bytes(whole[:length])
        assert shelf.get("key") is None, length
    (tmp_path / "key.npy").write_bytes(whole)
    assert shelf.get("key") is not None


def test_other_tables_are_no_tallies(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    np.save(tmp_path / "other.npy", np.arange(3))
    np.save(tmp_path / "flat.npy", tallies()[0])
    np.save(tmp_path / "objects.npy", np.array([{}, []], object), allow_pickle=True)
    for key in ("other", "flat", "objects"):
        assert shelf.get(key) is None


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(K2CError, match="cannot be kept"):
        Shelf(tmp_path / "taken")
