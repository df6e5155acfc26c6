from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.core import exposure
from k2c_gui.core.model import (
    MARKS_PER_CLASSIFICATION,
    Bools,
    Ints,
    Label,
    Micrograph,
    Sources,
    Table,
)
from k2c_gui.core.union import BY_HAND, dated, disturbed, union

NONE = np.zeros(0, np.int64)


def part(sources: Sources, looked: Bools, voted: Bools) -> Sources:
    """What an export of these looks and votes alone would give: its own lists of names."""
    looks, votes = sources.looks[looked], sources.votes[voted]
    of_mark = sources.marks["mark"] // MARKS_PER_CLASSIFICATION
    marks = sources.marks[np.isin(of_mark, looks["classification"])]
    tiles = np.unique(looks["tile"])
    seen = np.concatenate([sources.tiles["micrograph"][tiles], votes["micrograph"]])
    images = np.unique(seen)[::-1]  # another order than that of the whole
    place = {int(old): new for new, old in enumerate(images)}
    looks, marks, votes, table = (t.copy() for t in (looks, marks, votes, sources.tiles[tiles]))
    for rows in (looks, marks):
        rows["tile"] = np.searchsorted(tiles, rows["tile"])
    for rows in (marks, votes, table):
        rows["micrograph"] = [place[m] for m in rows["micrograph"].tolist()]
    return exposure.count(
        replace(
            sources,
            micrographs=tuple(sources.micrographs[i] for i in images),
            tile_names=tuple(sources.tile_names[i] for i in tiles),
            tiles=table,
            looks=looks,
            marks=marks,
            votes=votes,
        )
    )


def told(sources: Sources) -> dict[str, object]:
    """Everything the sources say, by names and not by places."""
    images = [m.name for m in sources.micrographs]

    def rows(table: Table) -> list[dict[str, object]]:
        said = []
        for row in table:
            one = dict(zip(table.dtype.names or (), row.tolist(), strict=True))
            if "micrograph" in one:
                one["micrograph"] = images[one["micrograph"]]
            if "tile" in one:
                one["tile"] = sources.tile_names[one["tile"]]
            said.append(one)
        return said

    return {
        "micrographs": {m.name: m for m in sources.micrographs},
        "tiles": dict(zip(sources.tile_names, rows(sources.tiles), strict=True)),
        "looks": rows(sources.looks),
        "marks": rows(sources.marks),
        "votes": rows(sources.votes),
        "labels": sources.labels,
    }


def classifications(sources: Sources) -> tuple[Ints, Ints]:
    return sources.looks["classification"], sources.votes["classification"]


def cut(sources: Sources, seed: int, share: float) -> tuple[Bools, Bools]:
    rng = np.random.default_rng(seed)
    return rng.random(len(sources.looks)) < share, rng.random(len(sources.votes)) < share


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.1, 0.5, 1.0]))
@settings(deadline=None, max_examples=12)
def test_two_exports_in_either_order_are_one_import(
    sources: Sources, seed: int, share: float
) -> None:
    looked, voted = cut(sources, seed, share)
    one, other = part(sources, looked, voted), part(sources, ~looked, ~voted)
    whole = told(sources)
    assert told(union(one, other, *classifications(other))) == whole
    assert told(union(other, one, *classifications(one))) == whole


@given(st.integers(0, 10**6), st.sampled_from([0.1, 0.9]))
@settings(deadline=None, max_examples=8)
def test_newer_export_that_holds_the_older(sources: Sources, seed: int, share: float) -> None:
    older = part(sources, *cut(sources, seed, share))
    assert told(union(older, sources, *classifications(sources))) == told(sources)
    # and once more, and the older after the newer
    assert told(union(sources, sources, *classifications(sources))) == told(sources)
    assert told(union(sources, older, *classifications(older))) == told(sources)


def test_micrographs_and_tiles_of_the_session_keep_their_places(sources: Sources) -> None:
    looked, voted = cut(sources, 3, 0.1)
    older = part(sources, looked, voted)
    joined = union(older, sources, *classifications(sources))
    n = len(older.tile_names)
    assert joined.tile_names[:n] == older.tile_names
    assert [m.name for m in joined.micrographs[: len(older.micrographs)]] == [
        m.name for m in older.micrographs
    ]
    assert len(joined.tile_names) == len(sources.tile_names) > n


def test_repeats_show_only_once_both_exports_are_there(sources: Sources) -> None:
    repeats = ~sources.looks["counted"]
    later = part(sources, repeats, np.zeros(len(sources.votes), bool))
    first = part(sources, ~repeats, np.ones(len(sources.votes), bool))
    assert later.looks["counted"].all()
    joined = union(later, first, *classifications(first))
    assert (~joined.looks["counted"]).sum() == repeats.sum() > 0
    assert told(joined)["marks"] == told(sources)["marks"]


def test_classification_read_again_is_told_by_the_new_export_alone(sources: Sources) -> None:
    again = sources.looks["classification"][:5]
    new = part(
        sources,
        sources.looks["classification"] == again[0],
        np.zeros(len(sources.votes), bool),
    )
    joined = union(sources, new, again, NONE)
    gone = again[1:]
    assert not np.isin(joined.looks["classification"], gone).any()
    of_mark = joined.marks["mark"] // MARKS_PER_CLASSIFICATION
    assert not np.isin(of_mark, gone).any()
    assert again[0] in joined.looks["classification"]
    assert len(joined.looks) == len(sources.looks) - len(np.unique(gone))
    assert len(joined.votes) == len(sources.votes)


def test_votes_read_again_are_told_by_the_new_export_alone(sources: Sources) -> None:
    again = sources.votes["classification"][:5]
    nothing = part(sources, np.zeros(len(sources.looks), bool), np.zeros(len(sources.votes), bool))
    joined = union(sources, nothing, NONE, again)
    assert not np.isin(joined.votes["classification"], again).any()
    assert len(joined.votes) == len(sources.votes) - 5
    assert len(joined.marks) == len(sources.marks)


def test_new_place_of_a_tile_holds(sources: Sources) -> None:
    moved = replace(sources, tiles=sources.tiles.copy())
    moved.tiles["x0"] += 3
    joined = union(sources, moved, *classifications(sources))
    assert joined.tiles["x0"].tolist() == moved.tiles["x0"].tolist()


def test_labels_of_the_session_hold(sources: Sources) -> None:
    new = replace(sources, labels=(Label(9, "Other", True),), vote_radius=7.0)
    joined = union(sources, new, *classifications(sources))
    assert joined.labels == sources.labels
    assert joined.vote_radius == 7.0


def test_order_of_rows_is_that_of_ids(sources: Sources) -> None:
    looked, voted = cut(sources, 8, 0.5)
    one, other = part(sources, looked, voted), part(sources, ~looked, ~voted)
    joined = union(one, other, *classifications(other))
    assert (np.diff(joined.marks["mark"]) > 0).all()
    assert (np.diff(joined.looks["classification"]) >= 0).all()
    assert (np.diff(joined.votes["classification"]) >= 0).all()


def image(size: float | None, source: str, path: str = "new") -> Micrograph:
    return Micrograph("a.tif", path, 10, 10, size, source)


@pytest.mark.parametrize(
    ("old", "new", "size", "source"),
    [
        ((0.5, BY_HAND), (0.7, "ImageJ"), 0.5, BY_HAND),
        ((0.5, BY_HAND), (None, ""), 0.5, BY_HAND),
        ((0.5, BY_HAND), (0.6, BY_HAND), 0.6, BY_HAND),
        ((0.5, "ImageJ"), (0.6, BY_HAND), 0.6, BY_HAND),
        ((0.5, "ImageJ"), (0.7, "FEI"), 0.7, "FEI"),
        ((0.5, "ImageJ"), (None, ""), 0.5, "ImageJ"),
        ((None, ""), (0.7, "FEI"), 0.7, "FEI"),
        ((None, ""), (None, ""), None, ""),
    ],
)
def test_pixel_size_given_by_hand_outlives_an_import(
    sources: Sources,
    old: tuple[float | None, str],
    new: tuple[float | None, str],
    size: float | None,
    source: str,
) -> None:
    nothing = part(sources, np.zeros(len(sources.looks), bool), np.zeros(len(sources.votes), bool))
    one = replace(nothing, micrographs=(image(*old, path="old"),))
    other = replace(nothing, micrographs=(image(*new),))
    (joined,) = union(one, other, NONE, NONE).micrographs
    assert (joined.pixel_size_nm, joined.pixel_size_source) == (size, source)
    assert joined.path == "new"


def test_same_marks_are_not_disturbed(sources: Sources) -> None:
    assert disturbed(sources.marks, sources.marks).tolist() == []
    assert disturbed(sources.marks[::2], sources.marks).tolist() == []
    assert disturbed(sources.marks[:0], sources.marks).tolist() == []
    assert disturbed(sources.marks[:0], sources.marks[:0]).tolist() == []


def test_marks_gone_are_disturbed(sources: Sources) -> None:
    for kept in (slice(3, None), slice(None, -3), slice(0, 0), slice(None, None, 2)):
        gone = set(sources.marks["mark"]) - set(sources.marks["mark"][kept])
        assert set(disturbed(sources.marks, sources.marks[kept])) == gone


@pytest.mark.parametrize("name", ["x", "y", "micrograph"])
def test_marks_moved_are_disturbed(sources: Sources, name: str) -> None:
    new = sources.marks.copy()
    new[name][[0, 7, -1]] += 1
    moved = disturbed(sources.marks, new)
    assert moved.tolist() == sources.marks["mark"][[0, 7, -1]].tolist()


def test_marks_that_only_count_otherwise_are_not_disturbed(sources: Sources) -> None:
    new = sources.marks.copy()
    new["counted"], new["volunteer"] = ~new["counted"], 5
    assert disturbed(sources.marks, new).tolist() == []


def test_marks_know_since_how_many_they_are_there(sources: Sources) -> None:
    marks = sources.marks[np.argsort(sources.marks["mark"])]
    first = marks[1::3]
    second = dated(first, marks[np.arange(len(marks)) % 3 > 0])
    assert np.unique(second["since"]).tolist() == [0, len(second)]
    third = dated(second, marks)
    for i, since in enumerate((len(marks), 0, len(second))):
        assert set(third["since"][i::3].tolist()) == {since}
    assert set(dated(marks[:0], marks)["since"].tolist()) == {len(marks)}
    # the same exports read at once: what is older than both is told alike
    at_once = dated(first, marks)
    assert ((at_once["since"] == 0) == (third["since"] == 0)).all()
