from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui import demo
from k2c_gui.core import exposure
from k2c_gui.core.model import (
    LOOK,
    MARK,
    MARKS_PER_CLASSIFICATION,
    NO_LABEL,
    NO_MARK,
    TILE,
    VOTE,
    Micrograph,
    Sources,
    Table,
)

ONE_TILE = np.array([(0, 0, 0, 100, 100)], TILE)


def facts(
    tiles: Table = ONE_TILE,
    looks: list[tuple[int, int, int, int]] | None = None,
    marks: list[tuple[int, int, int, float, float]] | None = None,
    votes: list[tuple[int, int, int, int, float, float]] | None = None,
    micrographs: int = 1,
) -> Sources:
    """Looks (classification, date, tile, volunteer), marks (mark, tile, volunteer, x, y), votes
    (classification, date, volunteer, mark, x, y)."""
    looks_ = np.array([(*row, False) for row in looks or ()], LOOK)
    marks_ = np.array(
        [
            (m, tiles["micrograph"][t], t, v, x, y, NO_LABEL, True, False, 0)
            for m, t, v, x, y in marks or ()
        ],
        MARK,
    )
    votes_ = np.array(
        [(c, at, v, mark, 0, x, y, 0, False) for c, at, v, mark, x, y in votes or ()], VOTE
    )
    images = tuple(Micrograph(f"m{i}", "", 100, 100) for i in range(micrographs))
    names = tuple(str(i) for i in range(len(tiles)))
    return Sources(images, (), names, tiles, looks_, marks_, votes_)


def mark(classification: int, place: int) -> int:
    return classification * MARKS_PER_CLASSIFICATION + place


def test_tiles_are_half_open() -> None:
    tiles = np.array([(0, 0, 0, 100, 100), (0, 100, 0, 100, 100)], TILE)
    x = np.array([0.0, 99.999, 100.0, 199.999, 200.0, -0.001, 50.0, 50.0])
    y = np.array([0.0, 0.0, 99.999, 50.0, 50.0, 50.0, 100.0, -0.001])
    n_looks = np.array([5, 7])
    assert exposure.at(x, y, tiles, n_looks).tolist() == [5, 5, 7, 7, 0, 0, 0, 0]


grid = st.integers(-2, 8)


@given(
    st.lists(st.tuples(grid, grid, st.integers(1, 5), st.integers(1, 5)), max_size=8),
    st.lists(st.tuples(grid, grid), max_size=12),
    st.data(),
)
@settings(deadline=None, max_examples=60)
def test_exposure_is_the_looks_whose_tile_holds_the_spot(
    boxes: list[tuple[int, int, int, int]], spots: list[tuple[int, int]], data: st.DataObject
) -> None:
    tiles = np.array([(0, *box) for box in boxes], TILE)
    tile = st.sampled_from(range(len(boxes)) or [0])
    shown = data.draw(st.lists(tile, max_size=15 if boxes else 0))
    looks = np.array([(i, 0, t, i, i % 3 > 0) for i, t in enumerate(shown)], LOOK)
    x, y = np.array(spots, float).reshape(-1, 2).T
    expected = []
    for px, py in spots:
        seen = 0
        for i, t in enumerate(shown):
            x0, y0, width, height = boxes[t]
            seen += i % 3 > 0 and x0 <= px < x0 + width and y0 <= py < y0 + height
        expected.append(seen)
    n_looks = exposure.looks_per_tile(looks, len(tiles))
    assert exposure.at(x, y, tiles, n_looks).tolist() == expected


def test_exposure_of_true_particles(world: demo.World, sources: Sources) -> None:
    n_looks = exposure.looks_per_tile(sources.looks, len(sources.tiles))
    for i in range(len(sources.micrographs)):
        truth = world.truth[world.truth["micrograph"] == i]
        own = sources.tiles["micrograph"] == i
        seen = exposure.at(truth["x"], truth["y"], sources.tiles[own], n_looks[own])
        assert seen.tolist() == truth["exposure"].tolist()
    assert exposure.full(sources) == 20


def test_repeat_is_the_later_look_and_its_marks_do_not_count() -> None:
    looks = [(30, 100, 0, 1), (10, 200, 0, 1), (20, 100, 0, 2)]
    marks = [(mark(30, 0), 0, 1, 5, 5), (mark(10, 0), 0, 1, 5, 5), (mark(20, 0), 0, 2, 5, 5)]
    counted = exposure.count(facts(looks=looks, marks=marks))
    assert counted.looks["counted"].tolist() == [True, False, True]
    assert counted.marks["counted"].tolist() == [True, False, True]


def test_looks_of_one_second_count_by_their_id() -> None:
    counted = exposure.count(facts(looks=[(12, 100, 0, 1), (11, 100, 0, 1)]))
    assert counted.looks["counted"].tolist() == [False, True]


def test_same_volunteer_on_other_tile_and_other_volunteer_on_same_tile_count() -> None:
    tiles = np.array([(0, 0, 0, 100, 100), (0, 50, 0, 100, 100)], TILE)
    looks = [(1, 1, 0, 1), (2, 2, 1, 1), (3, 3, 0, 2)]
    assert exposure.count(facts(tiles, looks)).looks["counted"].all()


def test_classification_of_two_tiles_may_repeat_one_of_them() -> None:
    tiles = np.array([(0, 0, 0, 100, 100), (0, 50, 0, 100, 100)], TILE)
    looks = [(1, 1, 0, 1), (2, 2, 0, 1), (2, 2, 1, 1)]
    marks = [(mark(2, 0), 0, 1, 5, 5), (mark(2, 1), 1, 1, 60, 5)]
    counted = exposure.count(facts(tiles, looks, marks))
    assert counted.looks["counted"].tolist() == [True, False, True]
    assert counted.marks["counted"].tolist() == [False, True]


def test_mark_outside_does_not_count() -> None:
    given_ = facts(looks=[(1, 1, 0, 1)], marks=[(mark(1, 0), 0, 1, 5, 5), (mark(1, 1), 0, 1, 5, 5)])
    given_.marks["inside"] = [True, False]
    assert exposure.count(given_).marks["counted"].tolist() == [True, False]


def test_votes_count_once_a_volunteer_and_mark_or_spot() -> None:
    votes = [
        (4, 90, 1, 7, 0, 0),  # the first of volunteer 1 on mark 7
        (3, 91, 1, 7, 0, 0),
        (5, 95, 2, 7, 0, 0),
        (6, 96, 1, 8, 0, 0),
        (7, 97, 1, NO_MARK, 1.5, 2.5),
        (8, 98, 1, NO_MARK, 1.5, 2.5),  # the same spot again
        (9, 99, 1, NO_MARK, 1.5, 2.6),
    ]
    counted = exposure.count(facts(votes=votes)).votes["counted"]
    assert counted.tolist() == [True, False, True, True, True, False, True]


def test_counting_leaves_what_it_was_given() -> None:
    given_ = facts(looks=[(1, 1, 0, 1)], marks=[(mark(1, 0), 0, 1, 5, 5)])
    exposure.count(given_)
    assert not given_.looks["counted"].any()
    assert not given_.marks["counted"].any()


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=20
    ),
    st.randoms(use_true_random=False),
)
@settings(deadline=None, max_examples=60)
def test_what_counts_is_told_by_dates_alone(rows: list[tuple[int, int, int]], random) -> None:
    tiles = np.zeros(3, TILE)
    looks = [(100 + i, at, tile, who) for i, (at, tile, who) in enumerate(rows)]
    votes = [(100 + i, at, who, mark(1, tile), 0, 0) for i, (at, tile, who) in enumerate(rows)]
    first: dict[tuple[int, int], tuple[int, int]] = {}
    for classification, at, tile, who in looks:
        first[tile, who] = min(first.get((tile, who), (99, 0)), (at, classification))
    expected = {c for _, c in first.values()}
    random.shuffle(looks)
    random.shuffle(votes)
    counted = exposure.count(facts(tiles, looks, votes=votes))
    for table in (counted.looks, counted.votes):
        assert set(table["classification"][table["counted"]].tolist()) == expected


def test_repeats_of_the_world_are_found(world: demo.World, sources: Sources) -> None:
    for name, key in (("looks", "classification"), ("votes", "classification"), ("marks", "mark")):
        true, found = getattr(world, name), getattr(sources, name)
        assert not true["counted"].all()
        assert set(found[key][found["counted"]]) == set(true[key][true["counted"]]), name


def test_full_exposure_is_the_commonest_over_marks_that_count() -> None:
    tiles = np.array([(0, 0, 0, 100, 100), (0, 50, 0, 100, 100), (1, 0, 0, 100, 100)], TILE)
    looks = [(1, 1, 0, 1), (2, 2, 1, 1), (3, 3, 1, 2), (4, 4, 2, 1), (5, 5, 2, 2), (6, 6, 2, 2)]
    # exposure 3 at 60, 1 at 10, 2 on the other micrograph
    marks = [
        (mark(1, 0), 0, 1, 60.0, 5.0),
        (mark(2, 0), 1, 1, 60.0, 5.0),
        (mark(3, 0), 1, 2, 110.0, 5.0),
        (mark(4, 0), 2, 1, 10.0, 5.0),
        (mark(6, 0), 2, 2, 10.0, 5.0),  # of a repeat
    ]
    counted = exposure.count(facts(tiles, looks, marks, micrographs=2))
    x = counted.marks["x"][counted.marks["counted"]]
    assert Counter(x.tolist()) == {60.0: 2, 110.0: 1, 10.0: 1}
    # 3 twice against 2 twice (110 and the other micrograph): the smaller
    assert exposure.full(counted) == 2
    # 3 twice against 2 once: the repeat is none
    assert exposure.full(replace(counted, marks=np.delete(counted.marks, 2))) == 3


def test_full_exposure_is_never_nothing() -> None:
    assert exposure.full(facts()) == 1
    assert exposure.full(facts(micrographs=0)) == 1
    # on the far edge of the only tile: counted, yet in no half-open tile
    edge = [(mark(1, i), 0, 1, 100.0, 5.0) for i in range(3)]
    assert exposure.full(exposure.count(facts(looks=[(1, 1, 0, 1)], marks=edge))) == 1
    inside = [(mark(1, 9), 0, 1, 5.0, 5.0)]
    looks = [(1, 1, 0, 1), (2, 1, 0, 2)]
    assert exposure.full(exposure.count(facts(looks=looks, marks=edge + inside))) == 2


@pytest.mark.parametrize("n_tiles", [0, 3])
def test_no_looks_is_no_exposure(n_tiles: int) -> None:
    n_looks = exposure.looks_per_tile(np.zeros(0, LOOK), n_tiles)
    assert n_looks.tolist() == [0] * n_tiles
    spots = np.zeros(2)
    assert exposure.at(spots, spots, np.zeros(n_tiles, TILE), n_looks).tolist() == [0, 0]


def test_a_mark_weighs_as_much_more_as_its_spot_was_looked_at_less() -> None:
    tiles = np.array([(0, 0, 0, 100, 100), (0, 50, 0, 100, 100)], TILE)
    marks = np.zeros(5, MARK)
    marks["x"], marks["y"] = [10, 60, 99, 120, 150], 40
    marks["tile"] = [0, 0, 1, 1, 1]  # the last lies on the far edge, which is no tile's own
    found = exposure.weights(marks, tiles, np.array([5, 15]), 20)
    np.testing.assert_allclose(found, [4, 1, 1, 4 / 3, 4 / 3])
    # where more looked than is usual, a mark is a mark still
    assert exposure.weights(marks, tiles, np.array([50, 150]), 20).tolist() == [1] * 5
    assert exposure.weights(marks[:0], tiles, np.array([5, 15]), 20).tolist() == []


def test_weighed_marks_of_a_spot_make_up_for_the_looks_it_did_not_get(sources: Sources) -> None:
    n_looks = exposure.looks_per_tile(sources.looks, len(sources.tiles))
    full = exposure.full(sources)
    for micrograph in range(len(sources.micrographs)):
        own = np.flatnonzero(sources.tiles["micrograph"] == micrograph)
        marks = sources.marks[sources.marks["micrograph"] == micrograph]
        marks = marks[marks["counted"]]
        marks["tile"] = np.searchsorted(own, marks["tile"])
        tiles, looks = sources.tiles[own], n_looks[own]
        weight = exposure.weights(marks, tiles, looks, full)
        seen = exposure.at(marks["x"], marks["y"], tiles, looks)
        inside = seen > 0
        np.testing.assert_allclose((weight * seen)[inside], np.maximum(full, seen)[inside])
        assert (weight >= 1).all()
        assert (weight > 1).any()
