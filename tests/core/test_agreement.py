"""Two experts compared; scikit-learn is the oracle of kappa."""

from __future__ import annotations

import warnings
from math import isnan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from k2c_gui.core.agreement import agreement, compared, match
from k2c_gui.core.kappa import categories, category, kappa
from k2c_gui.core.model import Decision, Ints, K2CError, Label

LABELS = tuple(Label(value, name, True) for value, name in enumerate(("NP", "Cluster", "Other")))


def ruling(marks: Any, label: int | None = 0, micrograph: str = "a", **about: Any) -> Decision:
    fixed: dict[str, Any] = {"x": 0.0, "y": 0.0, "decided_at": ""}
    verdict = about.pop("verdict", "label")
    return Decision(
        micrograph=micrograph,
        marks=tuple(marks),
        verdict=verdict,
        label=label if verdict == "label" else None,
        **(fixed | about),
    )


def ints(*values: int) -> Ints:
    return np.array(values, np.int64)


# kappa


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs, np.int64).T
    found = kappa(first, second, np.zeros(len(pairs), np.int64), 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = cohen_kappa_score(first, second, labels=[0, 1, 2, 3])
    if len({*first, *second}) == 1:
        assert isnan(found.kappa)
        assert found.why == "every ruling was the same"
    else:
        assert found.kappa == pytest.approx(oracle)
    assert found.agreement == pytest.approx(np.mean(first == second))
    assert found.confusion.sum() == found.n == len(pairs)
    swapped = kappa(second, first, np.zeros(len(pairs), np.int64), 4)
    assert np.array_equal(swapped.confusion, found.confusion.T)
    assert swapped.kappa == pytest.approx(found.kappa, nan_ok=True)


def test_cohens_own_example() -> None:
    # Cohen 1960, table 1: 200 cases, three categories, kappa .49
    table = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]
    first, second = zip(
        *((i, j) for i in range(3) for j in range(3) for _ in range(table[i][j])), strict=True
    )
    found = kappa(ints(*first), ints(*second), ints(*[0] * 200), 3)
    assert found.agreement == pytest.approx(0.70)
    assert found.kappa == pytest.approx(0.492, abs=0.001)


def test_interval_covers_and_is_drawn_over_micrographs() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for world in range(60):
        truth = rng.integers(0, 2, 600)
        first = np.where(rng.random(600) < 0.9, truth, 1 - truth)
        second = np.where(rng.random(600) < 0.9, truth, 1 - truth)
        found = kappa(first, second, np.repeat(np.arange(30), 20), 2, seed=world, resamples=400)
        assert found.low < found.kappa < found.high
        covered += found.low <= 0.64 <= found.high  # (.82 - .5) / .5
    assert 51 <= covered <= 60
    # micrographs that are each of one mind tell less than as many instances apart
    good = np.repeat(rng.random(30) < 0.5, 20)
    first = rng.integers(0, 2, 600)
    second = np.where(good, first, 1 - first)
    together = kappa(first, second, np.repeat(np.arange(30), 20), 2)
    apart = kappa(first, second, np.arange(600), 2)
    assert together.kappa == apart.kappa
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_the_same_seed_gives_the_same_interval_in_whatever_order() -> None:
    rng = np.random.default_rng(5)
    first, second, on = (*rng.integers(0, 3, (2, 90)), np.arange(90) // 6)
    found = kappa(first, second, on, 3, seed=4)
    order = rng.permutation(90)
    again = kappa(first[order], second[order], on[order], 3, seed=4)
    assert (found.low, found.high) == (again.low, again.high)
    other = kappa(first, second, on, 3, seed=5)
    assert (found.low, found.high) != (other.low, other.high)


def test_what_cannot_be_computed_says_why() -> None:
    nothing = kappa(ints(), ints(), ints(), 3)
    assert nothing.n == 0
    assert isnan(nothing.agreement)
    assert isnan(nothing.kappa)
    assert nothing.why == "there is nothing to compare"
    one = kappa(ints(1, 1), ints(1, 1), ints(0, 1), 3)
    assert (one.agreement, one.why) == (1.0, "every ruling was the same")
    assert isnan(one.kappa)
    alone = kappa(ints(0, 1), ints(0, 1), ints(7, 7), 3)
    assert alone.kappa == 1
    assert isnan(alone.low)
    assert "two micrographs" in alone.why


# matching


def test_instances_are_shared_by_six_tenths_of_both_sets_of_marks() -> None:
    a = {"whole": ruling(range(10)), "part": ruling(range(20, 26)), "less": ruling(range(40, 50))}
    b = {
        "6": ruling(range(4, 10)),  # 6 of 10 and 6 of 6
        "10": ruling(range(20, 30)),  # 6 of 6 and 6 of 10
        "5": ruling(range(45, 50)),  # 5 of 10
    }
    assert match(a, b) == (("whole", "6"), ("part", "10"))
    assert match(b, a) == (("6", "whole"), ("10", "part"))


def test_a_mark_with_two_decisions_is_shared_once() -> None:
    a = {"mine": ruling(range(10))}
    b = {"near": ruling(range(8)), "same": ruling(range(10)), "also": ruling(range(1, 10))}
    assert match(a, b) == (("mine", "same"),)
    assert match(b, a) == (("same", "mine"),)


def test_rulings_of_every_kind_are_counted() -> None:
    a = {
        "1": ruling([1], 0),
        "2": ruling([2], 1),
        "3": ruling([3], verdict="defer"),
        "4": ruling([4], 2, micrograph="b"),
        "5": ruling([5], 2),
        "common": ruling([9]),
    }
    b = {
        "1'": ruling([1], 0),
        "2'": ruling([2], verdict="reject"),
        "3'": ruling([3], verdict="defer"),
        "4'": ruling([4], 1, micrograph="b"),
        "6'": ruling([6], 2),
        "7'": ruling([7], 2),
        "common": ruling([9]),
    }
    found = agreement(a, b, LABELS)
    assert found.shared == (("1", "1'"), ("2", "2'"), ("3", "3'"), ("4", "4'"))
    assert (found.only_a, found.only_b, found.same) == (("5",), ("6'", "7'"), 1)
    assert categories(LABELS)[3:] == ("kept ambiguous", "rejected")
    expected = np.zeros((5, 5), int)
    for row, column in ((0, 0), (1, 4), (3, 3), (2, 1)):
        expected[row, column] += 1
    assert np.array_equal(found.all.confusion, expected)
    assert found.all.agreement == 0.5
    back = agreement(b, a, LABELS)
    assert np.array_equal(back.all.confusion, expected.T)
    assert (back.all.low, back.all.high) == (found.all.low, found.all.high)


def test_sign_offs_agree_by_construction_and_are_told_apart() -> None:
    a = {str(i): ruling([i], i % 2, source="sign-off") for i in range(10)}
    b = {f"{i}'": ruling([i], i % 2, source="sign-off") for i in range(9)}
    a["9"], b["9'"] = ruling([9], 0), ruling([9], 1, source="bulk")
    found = agreement(a, b, LABELS)
    assert (found.all.n, found.all.agreement) == (10, 0.9)
    assert (found.independent.n, found.independent.agreement) == (1, 0)


def test_nothing_shared() -> None:
    found = agreement({"1": ruling([1])}, {"2": ruling([2])}, LABELS)
    assert found.shared == ()
    assert found.all.why == "there is nothing to compare"
    assert compared([], LABELS).n == 0


def test_label_that_the_session_does_not_know_is_told() -> None:
    with pytest.raises(K2CError, match="label 7"):
        category(ruling([1], 7), LABELS)


@settings(deadline=None, max_examples=60)
@given(st.randoms(use_true_random=False))
def test_matching_is_one_to_one_and_the_same_from_either_side(random: Any) -> None:
    def side(name: str) -> dict[str, Decision]:
        marks = list(range(30))
        random.shuffle(marks)
        made = {}
        while marks:
            n = random.randint(1, 6)
            made[f"{name}{len(made)}"] = ruling(marks[:n])
            del marks[:n]
        return made

    a, b = side("a"), side("b")
    b |= {f"c{i}": d for i, d in enumerate(a.values()) if random.random() < 0.5}
    pairs = match(a, b)
    assert {(y, x) for x, y in pairs} == set(match(b, a))
    assert len({x for x, _ in pairs}) == len({y for _, y in pairs}) == len(pairs)
    for x, y in pairs:
        both = len(set(a[x].marks) & set(b[y].marks))
        assert both >= 0.6 * len(a[x].marks) - 1e-9
        assert both >= 0.6 * len(b[y].marks) - 1e-9


# by place


def test_what_two_added_by_hand_is_shared_where_it_is_one_place() -> None:
    a = {
        "a1": ruling([-5], x=700.0, y=700.0),
        "a2": ruling([-6], x=50.0, y=50.0),
        "a3": ruling([1, 2, 3], x=300.0, y=300.0),
        "a4": ruling([7, 8, 9], x=400.0, y=300.0),
    }
    b = {
        "far": ruling([-7], x=704.0, y=700.0),
        "near": ruling([-8], 1, x=701.0, y=700.0),
        "nearer": ruling([-9], x=700.5, y=700.0, micrograph="b"),
        "b3": ruling([-10], x=301.0, y=300.0),
        "b4": ruling([11, 12], x=400.0, y=300.0),  # other marks: another particle
    }
    assert match(a, b, 2.0) == (("a1", "near"), ("a3", "b3"))
    assert match(b, a, 2.0) == (("near", "a1"), ("b3", "a3"))
    assert match(a, b, 0.5) == ()
    found = agreement(a, b, LABELS, near=2.0)
    assert (len(found.shared), found.only_a, found.all.n) == (2, ("a2", "a4"), 2)
    assert found.all.agreement == 0.5


def test_marks_go_before_place() -> None:
    a = {"a": ruling([-5, 1, 2, 3], x=1.0, y=1.0)}
    b = {"place": ruling([-6], x=1.0, y=1.0), "marks": ruling([1, 2, 3], x=9.0, y=9.0)}
    assert match(a, b, 2.0) == (("a", "marks"),)
