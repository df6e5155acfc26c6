"""Drafts on a few marks laid out by hand, and what a polygon holds."""

from __future__ import annotations

from dataclasses import replace
from math import pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.core import drafts, edits, ledger, review, splitting
from k2c_gui.core.edits import Basis
from k2c_gui.core.exposure import count
from k2c_gui.core.model import (
    BACKING,
    LOOK,
    MARK,
    NO_LABEL,
    NO_MARK,
    TILE,
    VOTE,
    ClusterParams,
    Entry,
    K2CError,
    Label,
    Micrograph,
    Sources,
)

AT = "2024-05-01T10:00:00Z"
LABELS = (Label(0, "Nanoparticle", True), Label(1, "Cluster", True))
MICROGRAPH = Micrograph("a.tif", "a.tif", 200, 100)
PARAMS = ClusterParams(min_cluster_size=5, min_samples=3)


def basis(
    places: list[tuple[float, float]], votes: list[list[int]], *, blind: bool = True
) -> Basis:
    """Ten volunteers mark each place once; `votes` are the labels given to the marks of each."""
    ten = np.arange(10)
    looks, marks = np.zeros(10, LOOK), np.zeros(10 * len(places), MARK)
    looks["classification"] = looks["volunteer"] = ten
    place, who = np.repeat(np.arange(len(places)), 10), np.tile(ten, len(places))
    marks["mark"], marks["volunteer"], marks["label"] = who * 65536 + place, who, NO_LABEL
    marks["x"] = np.array(places)[place, 0] + np.cos(who)
    marks["y"] = np.array(places)[place, 1] + np.sin(who)
    marks["inside"] = True
    cast = np.zeros(sum(map(len, votes)), VOTE)
    cast["classification"] = np.arange(len(cast))
    cast["label"] = [label for given in votes for label in given]
    cast["volunteer"] = [v for given in votes for v in range(len(given))]
    cast["mark"] = [v * 65536 + i for i, given in enumerate(votes) for v in range(len(given))]
    tiles = np.array([(0, 0.0, 0.0, 200.0, 100.0)], TILE)
    order = np.argsort(marks["mark"])
    sources = Sources((MICROGRAPH,), LABELS, ("t",), tiles, looks, marks[order], cast)
    (evidence,) = review.evidence(count(sources))
    grouping = review.group(evidence, PARAMS)
    nothing = ledger.fold([], PARAMS)
    rows = review.instances(evidence, grouping, nothing)
    assert len(rows) == len(places)
    return Basis(MICROGRAPH, evidence, grouping, rows, nothing, blind)


TWO = [(40.0, 50.0), (140.0, 50.0)]


def test_a_merge_has_the_majority_of_all_votes() -> None:
    ground = basis(TWO, [[0] * 6 + [1] * 2, [1] * 3])
    draft = drafts.merge(ground, [0, 1])
    assert draft.votes == ((6, 5),)
    assert draft.labels == (None,), "6 to 5 is ambiguous, and withheld"
    open_eyes = basis(TWO, [[0] * 6 + [1] * 2, [1] * 3], blind=False)
    assert drafts.merge(open_eyes, [0, 1]).labels == (0,)
    assert drafts.merge(basis(TWO, [[0] * 4, [1] * 4], blind=False), [0, 1]).labels == (None,)
    assert drafts.merge(basis(TWO, [[], []], blind=False), [0, 1]).labels == (None,)
    assert drafts.merge(ground, [0, 1], 1).labels == (1,), "the expert's word goes before"


def test_each_part_of_a_split_has_its_own_majority() -> None:
    marks = basis(TWO, [[], []]).evidence.marks
    right = marks["x"][marks["mark"] % 65536 == 0] > 40
    votes = [np.where(right, 1, 0).tolist(), []]
    polygon = np.array([(40, 0), (99, 0), (99, 99), (40, 99)], float)
    draft = drafts.split_by(basis(TWO, votes, blind=False), 0, polygon)
    assert draft.labels == (1, 0)
    assert drafts.split_by(basis(TWO, votes), 0, polygon).labels == (None, None), "hidden"
    assert draft.votes == ((0, int(right.sum())), (int((~right).sum()), 0))
    assert draft.x[0] > 40 > draft.x[1]


def test_a_label_that_is_missing_is_asked_for() -> None:
    ground = basis(TWO, [[0, 1], [0, 1]])
    draft = drafts.merge(ground, [0, 1])
    with pytest.raises(K2CError, match="label is not clear"):
        drafts.rulings(draft, ground, at=AT)
    (ruled,) = drafts.rulings(draft, ground, label=1, at=AT)
    assert (ruled.label, ruled.verdict, ruled.source) == (1, "label", "single")
    (deferred,) = drafts.rulings(draft, ground, "defer", at=AT)
    assert (deferred.label, deferred.verdict) == (None, "defer")


@pytest.mark.parametrize("k", [2, 3, 5, 10])
def test_parts_share_the_marks_out(k: int) -> None:
    ground = basis(TWO, [[0] * 10, []])
    draft = drafts.split(ground, 0, k)
    marks = [mark for part in draft.parts for mark in part]
    assert len(draft.parts) == k
    assert all(draft.parts)
    assert sorted(marks) == sorted(ground.marks_of(0)), "every look marked it once"


def test_added_marks_are_never_those_of_volunteers() -> None:
    ground = basis(TWO, [[], []])
    marks = {drafts.add(ground, 5.0, 5.0, 0).parts[0][0] for _ in range(200)}
    assert len(marks) == 200
    assert max(marks) < NO_MARK
    assert min(marks) >= -(1 << 63)


def test_what_others_decided_on_is_not_taken() -> None:
    ground = basis(TWO, [[0] * 10, [0] * 10])
    whole = ground.marks_of(0)
    (ruled,) = edits.rule(ground, [0], "label", 0, at=AT)
    assert ruled.marks == whole
    few = Entry(uid="a", step="a", kind="decide", at=AT, decision=replace(ruled, marks=whole[:3]))
    taken = ledger.fold([few], PARAMS)
    ground = replace(ground, ledger=taken)
    ground = replace(ground, instances=review.instances(ground.evidence, ground.grouping, taken))
    row = ground.find(whole[-1])
    assert ground.marks_of(row) == whole
    assert ground.free(row) == whole[3:]
    (ruled,) = edits.rule(ground, [row], "label", 1, at=AT)
    assert (ruled.marks, ruled.made_from) == (whole[3:], (whole,))
    assert set(drafts.merge(ground, [row, ground.find(whole[0])]).parts[0]) == set(whole)


def test_a_ruling_anew_names_the_groups_of_now() -> None:
    ground = basis(TWO, [[0] * 10, [0] * 10])
    both = ground.marks_of(0) + ground.marks_of(1)
    (ruled,) = edits.rule(ground, [0], "label", 0, at=AT)
    made = replace(ruled, marks=both, made_from=(both,))  # on one group that is two by now
    in_force = ledger.fold([Entry(uid="a", step="a", kind="decide", at=AT, decision=made)], PARAMS)
    rows = review.instances(ground.evidence, ground.grouping, in_force)
    split = replace(ground, ledger=in_force, instances=rows)
    assert BACKING[rows["backing"][0]] == "split"
    (again,) = edits.rule(split, [0], "label", 1, at=AT)
    assert set(again.made_from) == {ground.marks_of(0), ground.marks_of(1)}
    in_force = ledger.fold([Entry(uid="b", step="b", kind="decide", at=AT, decision=again)], PARAMS)
    rows = review.instances(ground.evidence, ground.grouping, in_force)
    assert BACKING[rows["backing"][0]] in ("kept", "changed"), "it need not come back"


@settings(deadline=None, max_examples=60)
@given(
    st.integers(3, 12),
    st.floats(0.1, 6.0),
    st.lists(st.tuples(st.floats(-20, 20), st.floats(-20, 20)), min_size=1, max_size=30),
    st.integers(0, 11),
)
def test_a_convex_polygon_holds_what_lies_left_of_every_side(
    k: int, turn: float, points: list[tuple[float, float]], start: int
) -> None:
    angles = turn + 2 * pi / k * np.arange(k)
    corners = np.column_stack([9 * np.cos(angles), 9 * np.sin(angles)])
    x, y = np.array(points).T
    after = np.roll(corners, -1, axis=0)
    side = (after[:, :1] - corners[:, :1]) * (y - corners[:, 1:]) - (
        after[:, 1:] - corners[:, 1:]
    ) * (x - corners[:, :1])
    clear = (np.abs(side) > 1e-6).all(axis=0)
    expected = (side > 0).all(axis=0)
    for polygon in (corners, np.roll(corners, start, axis=0), corners[::-1]):
        found = drafts.inside(x, y, polygon)
        assert found[clear].tolist() == expected[clear].tolist()


def test_a_polygon_that_is_none_holds_nothing() -> None:
    x = np.array([0.0, 1.0])
    for polygon in (np.zeros((0, 2)), np.array([(0.5, 0.5)]), np.array([(0.0, 0.0), (2.0, 2.0)])):
        assert not drafts.inside(x, x, polygon).any()


def test_nothing_is_added_or_moved_to_where_a_decision_stands() -> None:
    ground = basis(TWO, [[0] * 10, [0] * 10])
    (far,) = drafts.rulings(drafts.add(ground, 90.0, 20.0, 0), ground, at=AT)
    (ruled,) = edits.rule(ground, [0], "label", 0, at=AT)
    log = [
        Entry(uid=uid, step=uid, kind="decide", at=AT, decision=d)
        for uid, d in (("far", far), ("ruled", ruled))
    ]
    taken = ledger.fold(log, PARAMS)
    rows = review.instances(ground.evidence, ground.grouping, taken)
    ground = replace(ground, ledger=taken, instances=rows)
    near = splitting.near(ground.evidence.jitter)
    for x, y in ((90.0, 20.0), (90.0 + 0.9 * near, 20.0), (ruled.x, ruled.y)):
        with pytest.raises(K2CError, match=r"both would be one thing.*another place"):
            drafts.add(ground, x, y, 0)
    assert drafts.add(ground, 90.0 + 1.1 * near, 20.0, 0)
    by_hand, marked = (rows["instance"].tolist().index(uid) for uid in ("far", "ruled"))
    for row, x, y in ((by_hand, ruled.x, ruled.y), (marked, 90.0, 20.0), (0, 90.0, 20.0)):
        with pytest.raises(K2CError, match="both would be one thing"):
            edits.move(ground, row, x, y, at=AT)
    assert edits.move(ground, by_hand, 90.1, 20.0, at=AT)
    assert edits.move(ground, 0, ruled.x, ruled.y, at=AT), "a proposal has marks of its own"


def test_what_two_ruled_alike_is_not_told_a_disagreement() -> None:
    ground = basis(TWO, [[0] * 10, [0] * 10])
    (ruled,) = edits.rule(ground, [0], "label", 0, at=AT)
    for label, said in ((0, "Two decisions that are alike"), (1, "Experts disagree here")):
        log = [
            Entry(uid=str(i), step=str(i), kind="decide", at=AT, decision=replace(ruled, label=i))
            for i in (0, label + 2)
        ]
        log[1] = replace(log[1], decision=replace(ruled, label=label))
        taken = ledger.fold(log, PARAMS)
        rows = review.instances(ground.evidence, ground.grouping, taken)
        between = replace(ground, ledger=taken, instances=rows)
        with pytest.raises(K2CError, match=said):
            edits.move(between, len(rows) - 1, 60.0, 60.0, at=AT)
