"""Two settings compared: by marks, whatever groups are called, and the same from either side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.core import ledger, review
from k2c_gui.core.diff import CHANGE, KINDS, NOWHERE, counts, diff
from k2c_gui.core.model import (
    MARK,
    NO_LABEL,
    STATUS,
    ClusterParams,
    Decision,
    Entry,
    Grouping,
    Sources,
    Table,
    instance_dtype,
)

NAN = float("nan")
MIRROR = {"born": "died", "died": "born", "split": "merged", "merged": "split"}


def marks(n: int) -> Table:
    table = np.zeros(n, MARK)
    table["mark"] = 100 + np.arange(n)
    return table


def side(
    groups: Sequence[int], at: dict[int, tuple[float, float]], labels: dict[int, int]
) -> tuple[Grouping, Table]:
    """A grouping and its table: one number a mark, -1 is noise; places and labels by group."""
    group = np.array(groups, np.int64)
    n = int(group.max(initial=-1)) + 1
    xy = np.array([at.get(i, (10.0 * i, 0.0)) for i in range(n)], float).reshape(-1, 2)
    table = np.zeros(n, instance_dtype(4))
    table["x"], table["y"] = xy.T
    table["label"] = [labels.get(i, 0) for i in range(n)]
    table["n_marks"] = np.bincount(group[group >= 0], minlength=n)
    for i in range(n):
        table["instance"][i] = str(100 + int(np.argmax(group == i)))
    nothing = np.zeros(n)
    whole = np.ones(n, np.int64)
    x, y = xy.T
    return Grouping(0, ClusterParams(), group, x, y, nothing, whole, nothing), table


def compare(
    a: Sequence[int],
    b: Sequence[int],
    at_a: dict[int, tuple[float, float]] | None = None,
    at_b: dict[int, tuple[float, float]] | None = None,
    labels_a: dict[int, int] | None = None,
    labels_b: dict[int, int] | None = None,
) -> Table:
    return diff(
        marks(len(a)), *side(a, at_a or {}, labels_a or {}), *side(b, at_b or {}, labels_b or {})
    )


def only(changes: Table) -> tuple[str, set[int], set[int]]:
    """The one change there is, with its rows in A and in B."""
    assert set(changes["change"]) == {0}
    (kind,) = set(changes["kind"])
    return KINDS[kind], set(changes["a"]) - {NOWHERE}, set(changes["b"]) - {NOWHERE}


HERE = {0: (5.0, 5.0)}


def test_the_same_is_kept() -> None:
    changes = compare([0] * 5, [0] * 5, HERE, HERE)
    assert only(changes) == ("kept", {0}, {0})
    (row,) = changes
    assert (row["xa"], row["ya"], row["xb"], row["yb"], row["shift"]) == (5, 5, 5, 5, 0)
    assert changes.dtype == CHANGE


@pytest.mark.parametrize(("y", "kind"), [(8.0, "kept"), (8.01, "moved"), (1.9, "moved")])
def test_moved_is_further_than_the_radius(y: float, kind: str) -> None:
    changes = compare([0] * 5, [0] * 5, HERE, {0: (5.0, y)})
    assert only(changes) == (kind, {0}, {0})
    assert changes["shift"][0] == pytest.approx(abs(y - 5))


@pytest.mark.parametrize(("before", "after"), [(0, 1), (NO_LABEL, 2), (2, NO_LABEL)])
def test_another_label_is_flipped_moved_or_not(before: int, after: int) -> None:
    for place in (HERE, {0: (50.0, 50.0)}):
        changes = compare([0] * 5, [0] * 5, HERE, place, {0: before}, {0: after})
        assert only(changes) == ("flipped", {0}, {0})
        assert (changes["label_a"][0], changes["label_b"][0]) == (before, after)


def test_born_and_died_have_one_side_only() -> None:
    changes = compare([0] * 5 + [-1] * 5, [-1] * 5 + [0] * 5, HERE, HERE)
    assert [KINDS[k] for k in changes["kind"]] == ["born", "died"]
    born, died = changes
    assert (born["a"], born["b"], died["a"], died["b"]) == (NOWHERE, 0, 0, NOWHERE)
    assert (born["xb"], died["xa"]) == (5, 5)
    assert np.isnan([born["xa"], born["shift"], died["yb"], died["shift"]]).all()
    assert (born["label_a"], died["label_b"]) == (NO_LABEL, NO_LABEL)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        # a group of 20 in halves, with a rest of noise, with one part only, in three
        ([0] * 20, [0] * 10 + [1] * 10, ("split", {0}, {0, 1})),
        ([0] * 20, [0] * 12 + [1] * 5 + [-1] * 3, ("split", {0}, {0, 1})),
        ([0] * 20, [0] * 7 + [1] * 6 + [2] * 7, ("split", {0}, {0, 1, 2})),
        # it grew out of the noise, or shrank: the same one as long as it is a quarter
        ([0] * 5 + [-1] * 15, [0] * 20, ("kept", {0}, {0})),
        ([0] * 20, [0] * 5 + [-1] * 15, ("kept", {0}, {0})),
        # 2 of 2: most of (12 + 7) and (5) becomes (12 + 5) and (7)
        ([0] * 19 + [1] * 5, [0] * 12 + [1] * 7 + [0] * 5, ("regrouped", {0, 1}, {0, 1})),
    ],
)
def test_what_belongs_together(
    a: list[int], b: list[int], expected: tuple[str, set[int], set[int]]
) -> None:
    at = dict.fromkeys(range(3), (5.0, 5.0))
    assert only(compare(a, b, at, at)) == expected
    kind, of_a, of_b = expected
    assert only(compare(b, a, at, at)) == (MIRROR.get(kind, kind), of_b, of_a)


def test_a_splinter_is_born_and_what_lost_it_is_kept() -> None:
    changes = compare([0] * 20, [0] * 16 + [1] * 4, HERE, {0: (5, 5), 1: (9, 9)})
    assert counts(changes) == dict.fromkeys(KINDS, 0) | {"kept": 1, "born": 1}
    changes = compare([0] * 21 + [-1], [0] * 5 + [-1] * 17, HERE, HERE)
    assert counts(changes)["died"] == counts(changes)["born"] == 1


def test_nothing_on_one_side_or_on_both() -> None:
    assert len(compare([-1] * 4, [-1] * 4)) == 0
    assert len(compare([], [])) == 0
    assert counts(compare([0, 0, 1, 1], [-1] * 4))["died"] == 2
    assert sum(counts(compare([], [])).values()) == 0


groupings = st.lists(st.integers(-1, 6), min_size=40, max_size=40)


@st.composite
def near(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """A grouping and one made of it: groups joined, cut, and marks moved."""
    a = draw(groupings)
    joined = draw(st.lists(st.integers(0, 5), min_size=7, max_size=7))
    b = [g if g < 0 else joined[g] for g in a]
    for i in draw(st.lists(st.integers(0, 39), max_size=12)):
        b[i] = draw(st.integers(-1, 6))
    return a, b


def dense(groups: list[int]) -> list[int]:
    names = sorted(set(groups) - {-1})
    return [names.index(g) if g >= 0 else -1 for g in groups]


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.tuples(groupings, groupings), near()), st.randoms(use_true_random=False))
def test_laws(pair: tuple[list[int], list[int]], random: st.DataObject) -> None:
    a, b = map(dense, pair)
    forth, back = compare(a, b), compare(b, a)

    def told(
        changes: Table, one: str, other: str
    ) -> set[tuple[str, frozenset[int], frozenset[int]]]:
        return {
            (
                KINDS[own["kind"][0]],
                frozenset(own[one].tolist()) - {NOWHERE},
                frozenset(own[other].tolist()) - {NOWHERE},
            )
            for own in (changes[changes["change"] == i] for i in set(changes["change"]))
        }

    found = told(forth, "a", "b")
    # every instance is in one change; rows of one change are of one kind
    assert sorted(i for _, own, _ in found for i in own) == list(range(max(a) + 1))
    assert sorted(i for _, _, own in found for i in own) == list(range(max(b) + 1))
    assert len(found) == sum(counts(forth).values())
    shape = {"born": (0, 1), "died": (1, 0), "kept": (1, 1), "moved": (1, 1), "flipped": (1, 1)}
    for kind, of_a, of_b in found:
        if kind in shape:
            assert (len(of_a), len(of_b)) == shape[kind]
        assert (kind == "split") == (len(of_a) == 1 and len(of_b) > 1)
        assert (kind == "merged") == (len(of_a) > 1 and len(of_b) == 1)
    # the other way round
    assert found == {(MIRROR.get(k, k), x, y) for k, x, y in told(back, "b", "a")}
    # group numbers play no part
    order = list(range(7))
    random.shuffle(order)  # type: ignore[attr-defined]
    other = [order[g] if g >= 0 else -1 for g in b]
    names = sorted(set(other) - {-1})
    at = {names.index(order[g]): (10.0 * g, 0.0) for g in set(b) - {-1}}
    again = diff(marks(40), *side(a, {}, {}), *side(dense(other), at, {}))
    assert counts(again) == counts(forth)
    for column in ("change", "kind", "a", "xa", "xb", "shift"):
        assert np.array_equal(np.sort(again[column]), np.sort(forth[column]), equal_nan=True)
    assert counts(compare(a, a)) == dict.fromkeys(KINDS, 0) | {"kept": max(a) + 1}


@pytest.fixture(scope="module")
def evidence(sources: Sources) -> review.Evidence:
    return review.evidence(sources)[0]


def compared(
    evidence: review.Evidence, a: ClusterParams, b: ClusterParams, log: Sequence[Entry] = ()
) -> Table:
    folded = ledger.fold(log, ClusterParams())
    sides: list[Grouping | Table] = []
    for params in (a, b):
        grouping = review.group(evidence, params)
        sides += [grouping, review.instances(evidence, grouping, folded)]
    return diff(evidence.marks, *sides)  # type: ignore[arg-type]


def test_decisions_stand_under_both(evidence: review.Evidence) -> None:
    loose, strict = ClusterParams(5, 3, method="leaf"), ClusterParams(11, 11)
    free = compared(evidence, loose, strict)
    grouping = review.group(evidence, strict)
    own = evidence.marks["mark"][grouping.group_of_mark == 0]
    decision = Decision(
        micrograph=evidence.name,
        marks=tuple(own.tolist()),
        verdict="label",
        label=2,
        x=3.0,
        y=4.0,
        decided_at="",
    )
    entry = Entry(uid="u", step="s", kind="decide", at="", decision=decision)
    changes = compared(evidence, loose, strict, [entry])
    here = changes[(changes["xa"] == 3) & (changes["ya"] == 4)]
    assert [KINDS[k] for k in here["kind"]] == ["kept"]
    assert (here["xb"], here["yb"], here["label_a"], here["label_b"]) == (3, 4, 2, 2)
    n = len(np.unique(changes["b"][changes["b"] >= 0]))
    assert n == len(np.unique(free["b"][free["b"] >= 0]))


def test_fast(sources: Sources) -> None:
    """2,000 marks, 100 instances, in 5 ms."""
    rng = np.random.default_rng(0)
    table = marks(2000)
    a = np.arange(2000) % 100
    b = np.where(rng.random(2000) < 0.9, a, rng.integers(-1, 100, 2000))
    sides = (*side(a.tolist(), {}, {}), *side(b.tolist(), {}, {}))
    times = []
    for _ in range(30):
        start = perf_counter()
        changes = diff(table, *sides)
        times.append(perf_counter() - start)
    assert counts(changes)["kept"] == 100
    assert median(times) < 0.005


def test_status_of_the_table_is_read(evidence: review.Evidence) -> None:
    """A rejected one is a decision, too: its name is no mark."""
    grouping, table = side([0] * 5, HERE, {})
    table["status"], table["instance"] = STATUS.index("rejected"), "uid"
    changes = diff(marks(5), grouping, table, replace(grouping), table.copy())
    assert only(changes) == ("kept", {0}, {0})
