from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.core import ledger, review
from k2c_gui.core.model import (
    LOOK,
    MARK,
    NO_LABEL,
    NO_MARK,
    STATUS,
    TILE,
    VOTE,
    ClusterParams,
    Decision,
    Entry,
    Grouping,
    Label,
    Ledger,
    Micrograph,
    Sources,
    Table,
)

PARAMS = ClusterParams(min_cluster_size=5, min_samples=3)
SETTINGS = [
    PARAMS,
    ClusterParams(min_cluster_size=3, min_samples=2, method="leaf"),
    ClusterParams(min_cluster_size=15, min_samples=15, centroid="mean"),
    ClusterParams(min_cluster_size=500),  # no group at all
    ClusterParams(algorithm="kmeans"),
    ClusterParams(algorithm="dbscan", epsilon=3.0, min_samples=4),
]
NOBODY = ledger.fold([], PARAMS)


def in_force(*decisions: Decision) -> Ledger:
    """A ledger of decisions called uid 0, uid 1 ..."""
    return ledger.fold(
        [
            Entry(uid=f"uid {i}", step=str(i), kind="decide", at="", decision=d)
            for i, d in enumerate(decisions)
        ],
        PARAMS,
    )


def decision(marks: Any, verdict: Any = "label", label: int | None = 0, **about: Any) -> Decision:
    about = {"micrograph": "m", "x": 1.0, "y": 2.0, "decided_at": ""} | about
    marks = tuple(int(m) for m in marks)
    return Decision(
        marks=marks, verdict=verdict, label=label if verdict == "label" else None, **about
    )


def two_groups() -> review.Evidence:
    """Marks 0..11 about (50, 50) and 12..23 about (150, 50), mark 24 alone far off. Two tiles.

    Volunteer v marked 2 v and 2 v + 1, on the tile 0 and 1; each tile was seen by 15 volunteers.
    Each of the first 12 marks has the votes 0, 0, 1; each of the others one for 2.
    """
    marks = np.zeros(25, MARK)
    marks["mark"] = np.arange(25)
    rng = np.random.default_rng(1)
    marks["x"] = np.repeat([50.0, 150.0, 390.0], [12, 12, 1]) + rng.normal(0, 1, 25)
    marks["y"] = 50 + rng.normal(0, 1, 25)
    marks["volunteer"], marks["tile"] = np.arange(25) // 2, np.arange(25) % 2
    marks["label"], marks["inside"], marks["counted"] = NO_LABEL, True, True
    votes = np.zeros(36 + 13, VOTE)
    votes["mark"] = [*np.repeat(np.arange(12), 3), *range(12, 25)]
    votes["label"] = [*[0, 0, 1] * 12, *[2] * 13]
    votes["counted"] = True
    looks = np.zeros(30, LOOK)
    looks["tile"], looks["volunteer"] = np.arange(30) % 2, np.arange(30) // 2
    looks["classification"], looks["counted"] = np.arange(30), True
    labels = tuple(Label(i, str(i), True) for i in range(4))
    tiles = np.array([(0, 0, 0, 200, 100), (0, 0, 0, 100, 100)], TILE)
    images = (Micrograph("m", "m", 400, 100),)
    (found,) = review.evidence(Sources(images, labels, ("0", "1"), tiles, looks, marks, votes))
    return found


def grouping_of(evidence: review.Evidence, *groups: Any) -> Grouping:
    """A grouping made by hand."""
    group = np.full(len(evidence.marks), -1)
    for i, rows in enumerate(groups):
        group[list(rows)] = i
    at = np.arange(len(groups), dtype=float)
    return Grouping(
        evidence.micrograph, PARAMS, group, 10 + at, 20 + at, at, np.ones(len(groups), int), at
    )


def by_hand(evidence: review.Evidence, rows: list[int], x: float, y: float) -> dict[str, Any]:
    """What a row of the table should say of these marks, counted one by one."""
    volunteers, looks = set(), set()
    votes = dict.fromkeys((label.value for label in evidence.labels), 0)
    for i in rows:
        mark = evidence.marks[i]
        volunteers.add(int(mark["volunteer"]))
        tile = evidence.tiles[mark["tile"]]
        if 0 <= x - tile["x0"] < tile["width"] and 0 <= y - tile["y0"] < tile["height"]:
            looks.add((int(mark["volunteer"]), int(mark["tile"])))
        if mark["label"] != NO_LABEL:
            votes[int(mark["label"])] += 1
    for vote, place in zip(evidence.votes, evidence.mark_of_vote, strict=True):
        if place in rows:
            votes[int(vote["label"])] += 1
    exposure = 0
    for tile, n in zip(evidence.tiles, evidence.looks_per_tile, strict=True):
        inside = 0 <= x - tile["x0"] < tile["width"] and 0 <= y - tile["y0"] < tile["height"]
        exposure += int(n) * bool(inside)
    counts = list(votes.values())
    first, second = sorted(counts, reverse=True)[:2]
    total = sum(counts)
    return {
        "n_marks": len(rows),
        "n_volunteers": len(volunteers),
        "exposure": exposure,
        "support": len(looks) / exposure if exposure else np.nan,
        "votes": counts,
        "margin": (first - second) / total if total else np.nan,
        "ambiguous": total > 0 and (first - second) / total <= PARAMS.margin,
    }


def same(row: Any, expected: dict[str, Any]) -> None:
    for name, value in expected.items():
        np.testing.assert_equal(row[name].tolist(), value, err_msg=name)


def status(table: Table) -> list[str]:
    return [STATUS[i] for i in table["status"]]


def test_proposals_by_hand() -> None:
    evidence = two_groups()
    table = review.instances(evidence, review.group(evidence, PARAMS), NOBODY)
    assert table["instance"].tolist() == ["0", "12"]
    assert status(table) == ["proposed", "proposed"]
    assert table["label"].tolist() == [0, 2]
    assert table["n_marks"].tolist() == [12, 12]
    assert table["n_volunteers"].tolist() == [6, 6]
    assert table["exposure"].tolist() == [30, 15]  # only one tile reaches as far as the second
    # of the second, half the marks are of looks that could not see its centroid
    assert table["support"].tolist() == [12 / 30, 6 / 15]
    assert table["votes"].tolist() == [[24, 12, 0, 0], [0, 0, 12, 0]]
    assert table["margin"].tolist() == [12 / 36, 1.0]
    assert table["ambiguous"].tolist() == [False, False]
    np.testing.assert_allclose(table["x"], [50, 150], atol=2)
    wide = replace(PARAMS, margin=0.5)
    table = review.instances(evidence, review.group(evidence, wide), NOBODY)
    assert table["ambiguous"].tolist() == [True, False]


def test_verdicts_and_their_labels() -> None:
    evidence = two_groups()
    ledger_ = in_force(
        decision(range(12), "label", 3),
        decision(range(12, 20), "reject"),
        decision(range(20, 25), "defer"),
    )
    table = review.instances(evidence, review.group(evidence, PARAMS), ledger_)
    assert table["instance"].tolist() == ["uid 0", "uid 1", "uid 2"]
    assert status(table) == ["decided", "rejected", "deferred"]
    assert table["label"].tolist() == [3, NO_LABEL, NO_LABEL]
    # the volunteers' votes stay what they were
    assert table["votes"].tolist() == [[24, 12, 0, 0], [0, 0, 8, 0], [0, 0, 5, 0]]
    assert table["n_marks"].tolist() == [12, 8, 5]


@pytest.mark.parametrize("params", SETTINGS, ids=str)
def test_decided_instance_stands_whatever_the_grouping(params: ClusterParams) -> None:
    evidence = two_groups()
    # half of one group, half of the other, and the lone mark, at a place of its own
    ledger_ = in_force(decision([*range(6), *range(12, 18), 24], "label", 1, x=33.25, y=77.5))
    table = review.instances(evidence, review.group(evidence, params), ledger_)
    (row,) = table[table["status"] == STATUS.index("decided")]
    assert (row["instance"], row["label"], row["x"], row["y"]) == ("uid 0", 1, 33.25, 77.5)
    same(row, by_hand(evidence, [*range(6), *range(12, 18), 24], 33.25, 77.5))


@pytest.mark.parametrize(("owned", "proposed"), [(0, True), (5, True), (6, False), (12, False)])
def test_group_is_not_proposed_once_half_of_it_is_decided(owned: int, proposed: bool) -> None:
    evidence = two_groups()
    ledger_ = in_force(decision([*range(owned), 24])) if owned else NOBODY
    table = review.instances(evidence, review.group(evidence, PARAMS), ledger_)
    assert ("0" in table["instance"]) is proposed
    assert "12" in table["instance"]


def test_odd_group_owned_by_two_decisions_together() -> None:
    evidence = two_groups()
    group = grouping_of(evidence, range(5))
    for taken, proposed in ((([0], [1]), True), (([0, 1], [2]), False)):
        table = review.instances(evidence, group, in_force(*map(decision, taken)))
        assert ("proposed" in status(table)) is proposed


def test_withdrawing_one_group_leaves_the_others_their_own_marks() -> None:
    evidence = two_groups()
    group = grouping_of(evidence, range(4, 8), range(3), range(8, 12), range(12, 14))
    table = review.instances(evidence, group, in_force(decision(range(3))))
    assert table["instance"].tolist() == ["4", "8", "12", "uid 0"]
    assert table["x"].tolist() == [10.0, 12.0, 13.0, 1.0]
    for row, rows in zip(table, (range(4, 8), range(8, 12), range(12, 14), range(3)), strict=True):
        same(row, by_hand(evidence, list(rows), row["x"], row["y"]))


def test_decisions_of_other_micrographs_do_not_show() -> None:
    evidence = two_groups()
    ledger_ = in_force(decision([1000, 1001], micrograph="n"))
    table = review.instances(evidence, review.group(evidence, PARAMS), ledger_)
    assert table["instance"].tolist() == ["0", "12"]


def test_decision_whose_marks_are_gone_stands_without_them() -> None:
    evidence = two_groups()
    table = review.instances(
        evidence, review.group(evidence, PARAMS), in_force(decision([700, 701]))
    )
    row = table[table["instance"] == "uid 0"][0]
    same(row, by_hand(evidence, [], 1.0, 2.0) | {"label": 0, "support": 0.0})
    assert "0" in table["instance"]


def test_spot_that_no_tile_holds_has_no_support() -> None:
    evidence = two_groups()
    ledger_ = in_force(decision(range(12), x=500.0, y=500.0))
    table = review.instances(evidence, review.group(evidence, PARAMS), ledger_)
    row = table[table["instance"] == "uid 0"][0]
    assert row["exposure"] == 0
    assert np.isnan(row["support"])


def test_micrograph_without_marks_shows_its_decisions() -> None:
    evidence = two_groups()
    empty = replace(
        evidence,
        marks=evidence.marks[:0],
        votes=evidence.votes[:0],
        mark_of_vote=evidence.mark_of_vote[:0],
    )
    group = review.group(empty, PARAMS)
    assert len(review.instances(empty, group, NOBODY)) == 0
    table = review.instances(empty, group, in_force(decision([3])))
    assert (status(table), table["n_marks"].tolist()) == (["decided"], [0])


def test_evidence_does_not_depend_on_the_order_of_rows(sources: Sources) -> None:
    rng = np.random.default_rng(0)
    shuffled = replace(
        sources,
        looks=rng.permutation(sources.looks),
        marks=rng.permutation(sources.marks),
        votes=rng.permutation(sources.votes),
    )
    for one, other in zip(review.evidence(sources), review.evidence(shuffled), strict=True):
        assert one.full_exposure == other.full_exposure == 20
        assert (np.diff(other.marks["mark"]) > 0).all()
        tables = [review.instances(e, review.group(e, PARAMS), NOBODY) for e in (one, other)]
        assert len(tables[0]) > 5
        assert tables[0].tobytes() == tables[1].tobytes()


def test_evidence_joins_the_facts_of_each_micrograph(sources: Sources) -> None:
    joined = review.evidence(sources)
    assert [e.name for e in joined] == [m.name for m in sources.micrographs]
    for i, evidence in enumerate(joined):
        own = sources.marks["mark"][sources.marks["micrograph"] == i]
        assert evidence.marks["mark"].tolist() == sorted(own.tolist())
        cast = evidence.mark_of_vote >= 0
        named = evidence.votes["mark"][cast]
        assert cast.sum() > 100
        assert evidence.marks["mark"][evidence.mark_of_vote[cast]].tolist() == named.tolist()


def test_kmeans_seeks_particles_of_full_exposure(sources: Sources) -> None:
    for evidence in review.evidence(sources):
        grouping = review.group(evidence, ClusterParams(algorithm="kmeans"))
        assert len(grouping.x) == round(evidence.marks["counted"].sum() / 20)
        assert grouping.micrograph == evidence.micrograph


def test_votes_without_a_mark_reach_as_far_as_the_session_says(sources: Sources) -> None:
    votes = np.zeros(2, VOTE)
    votes["mark"], votes["label"], votes["counted"] = NO_MARK, 2, True
    mark = sources.marks[sources.marks["counted"]][0]
    votes["micrograph"], votes["x"], votes["y"] = mark["micrograph"], mark["x"], mark["y"]
    lone = sources.marks[sources.marks["mark"] == mark["mark"]]
    votes["x"][1] += 3.0
    for radius, reached in ((1.0, [0, -1]), (3.5, [0, 0])):
        facts = replace(sources, marks=lone, votes=votes, vote_radius=radius)
        found = review.evidence(facts)[mark["micrograph"]].mark_of_vote
        assert found.tolist() == reached


def decided_at_random(evidence: review.Evidence, seed: int) -> Ledger:
    """Decisions over groups, parts of groups, several groups, and noise."""
    rng = np.random.default_rng(seed)
    group = review.group(evidence, PARAMS).group_of_mark
    free = set(evidence.marks["mark"].tolist())
    decisions = []
    for _ in range(rng.integers(0, 12)):
        near = np.isin(group, rng.integers(-1, group.max() + 1, rng.integers(1, 3)))
        share = near & (rng.random(len(group)) < rng.uniform(0.2, 1))
        marks = sorted(free.intersection(evidence.marks["mark"][share].tolist()))[:30]
        if marks:
            free -= set(marks)
            verdict = rng.choice(["label", "defer", "reject"])
            x, y = rng.uniform(0, 512, 2)
            decisions.append(decision(marks, str(verdict), x=x, y=y, micrograph=evidence.name))
    return in_force(*decisions)


@given(st.integers(0, 10**6), st.sampled_from(SETTINGS))
@settings(deadline=None, max_examples=40)
def test_table_counts_every_mark_and_vote_of_a_row_and_none_twice(
    sources: Sources, seed: int, params: ClusterParams
) -> None:
    evidence = review.evidence(sources)[seed % 2]
    ledger_ = decided_at_random(evidence, seed)
    grouping = review.group(evidence, params)
    table = review.instances(evidence, grouping, ledger_)

    rows_of: dict[str, list[int]] = defaultdict(list)
    groups: dict[int, list[int]] = defaultdict(list)
    for i, mark in enumerate(evidence.marks["mark"].tolist()):
        if mark in ledger_.owner:
            rows_of[ledger_.owner[mark]].append(i)
        if grouping.group_of_mark[i] >= 0:
            groups[int(grouping.group_of_mark[i])].append(i)
    place = {u: (d.x, d.y) for u, d in ledger_.in_force.items()}
    for g, rows in groups.items():
        marks = evidence.marks["mark"][rows].tolist()
        if 2 * sum(m in ledger_.owner for m in marks) < len(marks):
            rows_of[str(min(marks))] = rows
            place[str(min(marks))] = grouping.x[g], grouping.y[g]

    assert sorted(table["instance"].tolist()) == sorted(rows_of)
    for row in table:
        name = str(row["instance"])
        assert (row["x"], row["y"]) == place[name]
        expected = by_hand(evidence, rows_of[name], *place[name])
        same(row, {k: v for k, v in expected.items() if k != "ambiguous"})
    for kind in range(len(STATUS)):
        own = table[table["status"] == kind]
        rows = [i for name in own["instance"].tolist() for i in rows_of[name]]
        assert len(rows) == len(set(rows)) == own["n_marks"].sum()
        votes = np.isin(evidence.mark_of_vote, rows).sum()
        tools = (evidence.marks["label"][rows] != NO_LABEL).sum()
        assert own["votes"].sum() == votes + tools


def test_there_and_back_is_the_same_table(sources: Sources) -> None:
    for evidence in review.evidence(sources):
        ledger_ = decided_at_random(evidence, 5)
        first = review.instances(evidence, review.group(evidence, PARAMS), ledger_)
        for params in SETTINGS[1:]:
            between = review.instances(evidence, review.group(evidence, params), ledger_)
            assert between.tobytes() != first.tobytes()
        again = review.instances(evidence, review.group(evidence, PARAMS), ledger_)
        assert again.tobytes() == first.tobytes()


def test_table_tells_what_was_split_and_why() -> None:
    evidence = two_groups()
    marks = evidence.marks.copy()
    marks["volunteer"][12:14] = marks["volunteer"][0:2]
    evidence = replace(evidence, marks=marks, jitter=3.0)
    groups = grouping_of(evidence, range(4, 8), range(3), range(8, 12))
    split_into, pairs = np.array([1, 2, 2]), np.array([0.1, 0.5, 0.5])
    groups = replace(groups, split_into=split_into, pairs=pairs)
    table = review.instances(evidence, groups, in_force(decision([0, 1, 2, 12, 13])))
    assert table["instance"].tolist() == ["4", "8", "uid 0"]
    assert table["split_into"].tolist() == [1, 2, 1]
    # of the decided marks: two looks marked both here and 100 px away, one only here
    assert table["pairs"].tolist() == [0.1, 0.5, 2 / 3]


@pytest.mark.parametrize(("away", "jitter", "n"), [(0.9, 0.0, 1), (1.1, 0.0, 2), (3.9, 2.0, 1)])
def test_a_group_that_appears_under_an_added_particle_is_not_proposed(
    away: float, jitter: float, n: int
) -> None:
    evidence = replace(two_groups(), jitter=jitter)
    grouping = review.group(evidence, PARAMS)
    x, y = float(grouping.x[1]) + away, float(grouping.y[1])
    added = decision([-5], x=x, y=y, label=1)
    table = review.instances(evidence, grouping, in_force(added))
    assert (table["status"] == STATUS.index("proposed")).sum() == n
    marked = decision([24], x=x, y=y, label=1)  # known by its mark, not by its place
    table = review.instances(evidence, grouping, in_force(marked))
    assert (table["status"] == STATUS.index("proposed")).sum() == 2
