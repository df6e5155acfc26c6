from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.core import consensus
from k2c_gui.core.model import MARK, NO_LABEL, NO_MARK, VOTE, Label, Table

LABELS = tuple(Label(value, f"label {value}", True) for value in (2, 5, 9))
VALUES = [label.value for label in LABELS]


def marks_at(*spots: tuple[float, float], first: int = 100) -> Table:
    """Marks 100, 110, 120 ... that count and say nothing of their label."""
    marks = np.zeros(len(spots), MARK)
    marks["mark"] = first + 10 * np.arange(len(spots))
    if spots:
        marks["x"], marks["y"] = np.transpose(spots)
    marks["label"], marks["inside"], marks["counted"] = NO_LABEL, True, True
    return marks


def vote(mark: int = NO_MARK, at: tuple[float, float] = (0, 0), label: int = 2) -> Table:
    votes = np.zeros(1, VOTE)
    votes["mark"], votes["label"], votes["counted"] = mark, label, True
    votes["x"], votes["y"] = at
    return votes


def test_vote_goes_to_the_mark_it_names_wherever_that_is() -> None:
    marks = marks_at((0, 0), (5, 5), (9, 9))
    votes = np.concatenate([vote(m, (0, 0)) for m in (120, 100, 110)])
    assert consensus.attach(votes, marks, 1.0).tolist() == [2, 0, 1]


@pytest.mark.parametrize("mark", [99, 105, 121])
def test_vote_on_a_mark_that_is_gone_goes_nowhere(mark: int) -> None:
    marks = marks_at((0, 0), (5, 5), (9, 9))
    assert consensus.attach(vote(mark), marks, 100.0).tolist() == [-1]


def test_vote_that_does_not_count_goes_nowhere() -> None:
    votes = np.concatenate([vote(100), vote(at=(0, 0))])
    votes["counted"] = False
    assert consensus.attach(votes, marks_at((0, 0)), 1.0).tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("at", "radius", "reached"),
    [
        ((3, 4), 5.0, True),
        ((3, 4), np.nextafter(5.0, 0), False),
        ((12, 0), 12.0, True),
        ((np.nextafter(12, 13), 0), 12.0, False),
        ((0, 0), 0.0, True),
        ((0, 1e-9), 0.0, False),
    ],
)
def test_radius_reaches_just_as_far_as_it_says(
    at: tuple[float, float], radius: float, reached: bool
) -> None:
    place = consensus.attach(vote(at=at), marks_at((0, 0), (500, 500)), radius)
    assert place.tolist() == [0 if reached else -1]


def test_vote_on_a_spot_passes_over_marks_that_do_not_count() -> None:
    marks = marks_at((0, 0), (3, 0))
    marks["counted"][0] = False
    assert consensus.attach(vote(at=(0, 0)), marks, 5.0).tolist() == [1]
    assert consensus.attach(vote(at=(0, 0)), marks, 2.0).tolist() == [-1]
    marks["counted"] = False
    assert consensus.attach(vote(at=(0, 0)), marks, 5.0).tolist() == [-1]


def test_nothing_to_attach() -> None:
    assert consensus.attach(np.zeros(0, VOTE), marks_at((0, 0)), 1.0).tolist() == []
    assert consensus.attach(vote(100), marks_at(), 1.0).tolist() == [-1]


spot = st.tuples(st.integers(0, 12), st.integers(0, 12))


@given(
    st.lists(spot, min_size=1, max_size=12),
    st.lists(spot, max_size=8),
    st.integers(0, 6),
    st.data(),
)
@settings(deadline=None, max_examples=60)
def test_nearest_mark_that_counts_within_the_radius(
    spots: list[tuple[int, int]], voted: list[tuple[int, int]], radius: int, data: st.DataObject
) -> None:
    marks = marks_at(*spots)
    marks["counted"] = data.draw(
        st.lists(st.booleans(), min_size=len(spots), max_size=len(spots)), label="counted"
    )
    votes = np.concatenate([vote(), *(vote(at=at) for at in voted)])[1:]
    place = consensus.attach(votes, marks, radius)
    for (vx, vy), found in zip(voted, place, strict=True):
        squares = [
            (x - vx) ** 2 + (y - vy) ** 2 if counts else 10**6
            for (x, y), counts in zip(spots, marks["counted"], strict=True)
        ]
        nearest = min(squares)
        if nearest > radius**2:
            assert found == -1
        else:
            assert squares[found] == nearest


def test_tally_by_hand() -> None:
    marks = marks_at((0, 0), (1, 1), (9, 9), (20, 20))
    group = np.array([1, 1, 0, -1])
    cast = ((100, 2), (110, 2), (100, 9), (120, 5), (130, 5), (999, 5))
    votes = np.concatenate([vote(mark, label=label) for mark, label in cast])
    place = consensus.attach(votes, marks, 1.0)
    counts = consensus.tally(votes, place, marks, group, 3, LABELS)
    assert counts.tolist() == [[0, 1, 0], [2, 0, 1], [0, 0, 0]]


def test_what_the_marking_tool_says_is_a_vote() -> None:
    marks = marks_at((0, 0), (1, 1), (9, 9))
    marks["label"] = [5, NO_LABEL, 9]
    group = np.array([0, 0, -1])
    votes = vote(110, label=2)
    counts = consensus.tally(votes, np.array([1]), marks, group, 1, LABELS)
    assert counts.tolist() == [[1, 1, 0]]


@given(
    st.lists(st.tuples(st.integers(-1, 3), st.sampled_from([NO_LABEL, *VALUES])), max_size=15),
    st.lists(st.tuples(st.integers(-1, 14), st.sampled_from(VALUES)), max_size=40),
)
@settings(deadline=None, max_examples=60)
def test_every_vote_is_counted_once_for_its_group(
    of_mark: list[tuple[int, int]], cast: list[tuple[int, int]]
) -> None:
    cast = [(at if at < len(of_mark) else -1, label) for at, label in cast]
    marks = marks_at(*[(0, 0)] * len(of_mark))
    marks["label"] = [label for _, label in of_mark]
    group = np.array([g for g, _ in of_mark], np.int64)
    votes = np.zeros(len(cast), VOTE)
    votes["label"] = [label for _, label in cast]
    place = np.array([at for at, _ in cast], np.int64)
    expected = Counter((of_mark[at][0], label) for at, label in cast if at >= 0)
    expected.update((g, label) for g, label in of_mark if label != NO_LABEL)
    counts = consensus.tally(votes, place, marks, group, 4, LABELS)
    assert counts.tolist() == [[expected[g, value] for value in VALUES] for g in range(4)]


@pytest.mark.parametrize(
    ("counts", "label", "margin", "ambiguous"),
    [
        ([5, 0, 0], 2, 1.0, False),
        ([0, 0, 1], 9, 1.0, False),
        ([0, 3, 2], 5, 0.2, True),  # exactly at the margin
        ([4, 6, 0], 5, 0.2, True),
        ([5, 4, 6], 9, 1 / 15, True),
        ([13, 12, 0], 2, 1 / 25, True),
        ([4, 2, 0], 2, 1 / 3, False),
        ([0, 61, 40], 5, 21 / 101, False),  # just above it
        ([2, 2, 0], NO_LABEL, 0.0, True),
        ([2, 2, 1], NO_LABEL, 0.0, True),
        ([7, 7, 7], NO_LABEL, 0.0, True),
        ([0, 0, 0], NO_LABEL, np.nan, False),
    ],
)
def test_headline(counts: list[int], label: int, margin: float, ambiguous: bool) -> None:
    found = consensus.headline(np.array([counts]), LABELS, 0.2)
    assert found[0].tolist() == [label]
    np.testing.assert_allclose(found[1], [margin])
    assert found[2].tolist() == [ambiguous]


@given(
    st.lists(st.lists(st.integers(0, 12), min_size=3, max_size=3), max_size=12),
    st.integers(0, 20).map(lambda twentieths: Fraction(twentieths, 20)),
)
@settings(deadline=None, max_examples=80)
def test_headline_is_the_exact_majority_and_never_resolves_a_tie(
    table: list[list[int]], margin: Fraction
) -> None:
    counts = np.array(table, np.int64).reshape(-1, 3)
    found = zip(*consensus.headline(counts, LABELS, float(margin)), strict=True)
    for row, (label, share, ambiguous) in zip(table, found, strict=True):
        first, second, _ = sorted(row, reverse=True)
        leaders = [v for v, n in zip(VALUES, row, strict=True) if n == first]
        assert label == (leaders[0] if len(leaders) == 1 else NO_LABEL)
        if sum(row):
            exact = Fraction(first - second, sum(row))
            assert share == float(exact)
            assert ambiguous == (exact <= margin)
        else:
            assert np.isnan(share)
            assert not ambiguous


def test_tie_stays_ambiguous_whatever_the_margin() -> None:
    label, _, ambiguous = consensus.headline(np.array([[3, 3, 0], [3, 2, 0]]), LABELS, 0.0)
    assert label.tolist() == [NO_LABEL, 2]
    assert ambiguous.tolist() == [True, False]


def test_a_single_label_has_no_rival() -> None:
    label, share, ambiguous = consensus.headline(np.array([[3], [0]]), LABELS[1:2], 0.2)
    assert label.tolist() == [5, NO_LABEL]
    np.testing.assert_equal(share, [1.0, np.nan])
    assert ambiguous.tolist() == [False, False]
