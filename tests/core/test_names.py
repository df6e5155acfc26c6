from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.core import names
from k2c_gui.core.model import Label, Micrograph


@given(
    st.lists(
        st.text(max_size=12) | st.sampled_from(["CON.tif", "a.tif", "A.mrc", "\u00e4", "a\u0308"])
    )
)
@settings(deadline=None, max_examples=200)
def test_stems_are_legal_and_unique_ignoring_case(given_: list[str]) -> None:
    found = names.stems([Micrograph(name, name, 1, 1) for name in given_])
    assert len({stem.casefold() for stem in found}) == len(given_)
    for stem in found:
        assert stem
        assert not set(stem) & set('<>:"/\\|?*\0\n ')
        assert stem[0] not in ".-"
        assert not stem.endswith(".")
        assert stem.partition(".")[0].upper() not in ("CON", "NUL", "COM1", "LPT9")


def test_plain_names_stay() -> None:
    named = [Micrograph(name, name, 1, 1) for name in ("AuGe_001.tif", "Pd C.mrc", "a.b.dm4")]
    assert names.stems(named) == ("AuGe_001", "Pd_C", "a.b")


@pytest.mark.parametrize("letter", ["x", "\u00fc", "\u65e5"])
def test_long_names_are_cut_so_that_the_place_of_a_tile_may_follow(letter: str) -> None:
    once = names.words([letter * 300, letter * 300 + "y"])
    assert len(set(once)) == 2
    assert all(len(f"{word}_RoiSet.zip".encode()) <= 255 for word in once)
    tiles = [f"{word}_y{y:05d}_x00000" for word in once for y in (0, 512)]
    assert names.words(tiles) == tuple(tiles)


@pytest.mark.parametrize(
    ("given_", "told"),
    [
        (["a", "b"], ["a", "b"]),
        (["Rod", "rod "], ["Rod 0", "rod 1"]),
        (["", "x"], ["label", "x"]),
        (["A", "A", "A 0"], ["A 0", "A 1", "A 0 2"]),
    ],
)
def test_names_of_labels_are_told_apart(given_: list[str], told: list[str]) -> None:
    labels = [Label(value, name, True) for value, name in enumerate(given_)]
    assert list(names.label_names(labels).values()) == told


@pytest.mark.parametrize("letter", ["x", "\u00fc", "\u65e5"])
def test_names_of_files_keep_their_ending(letter: str) -> None:
    long = f"{letter * 170}.tiff"
    found = names.words([long, f"{long[:-5]}x.tiff", "a b.mrc", "a_b.MRC", "b.mrc"], files=True)
    assert [name.rpartition(".")[2] for name in found] == ["tiff", "tiff", "mrc", "MRC", "mrc"]
    assert len({name.casefold() for name in found}) == 5
    assert found[2:] == ("a_b.mrc", "a_b_2.MRC", "b.mrc")
    assert all(len(name.encode()) <= names.LONGEST for name in found)
