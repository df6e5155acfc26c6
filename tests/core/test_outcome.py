"""What a setting makes of a micrograph, counted; scipy's assignment is the oracle for pairs."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from k2c_gui.core import outcome
from k2c_gui.core.model import (
    BACKING,
    MARK,
    NO_LABEL,
    STATUS,
    TILE,
    VOTE,
    Grouping,
    Label,
    instance_dtype,
)
from k2c_gui.core.model import ClusterParams as Params
from k2c_gui.core.outcome import OUTCOME, TRUTH, Truth
from k2c_gui.core.review import Evidence

LABELS = (Label(0, "One", True), Label(3, "Nothing", False))
places = st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)), max_size=9)


def bare(n_marks: int = 0) -> Evidence:
    marks = np.zeros(n_marks, MARK)
    marks["counted"] = True
    nothing = np.zeros(0, np.int64)
    return Evidence(
        0, "a", LABELS, marks, np.zeros(0, VOTE), nothing, np.zeros(1, TILE), np.ones(1, int), 20
    )


def grouping(group: list[int]) -> Grouping:
    n = np.zeros(max([*group, -1]) + 1)
    return Grouping(0, Params(), np.array(group, np.int64), n, n, n, n.astype(int), n)


def rows(at: list[tuple[float, float]], label: int = 0) -> np.ndarray:
    table = np.zeros(len(at), instance_dtype(2))
    table["label"] = label
    if at:
        table["x"], table["y"] = np.array(at).T
    return table


def truth(at: list[tuple[float, float]], diameter: float = 20.0) -> Truth:
    there = np.array([(x, y, 0, diameter) for x, y in at], TRUTH)
    return Truth({"a": there}, frozenset({0}), "truth.csv")


@settings(deadline=None, max_examples=60)
@given(places, places)
def test_as_many_particles_are_found_as_can_be(
    found: list[tuple[float, float]], there: list[tuple[float, float]]
) -> None:
    one = outcome.count(bare(), grouping([]), rows(found), truth(there))
    best = 0
    if found and there:
        away = np.hypot(*(np.array(found)[:, None] - np.array(there)[None]).transpose(2, 0, 1))
        far = away > 10
        i, j = linear_sum_assignment(far)
        best = int((~far[i, j]).sum())
    assert (one["true"], one["detected"], one["matched"]) == (len(there), len(found), best)


def test_what_claims_no_particle_is_no_false_one() -> None:
    at = [(10.0, 10.0), (40.0, 40.0), (20.0, 40.0)]
    table = rows(at)
    table["label"] = 0, 3, NO_LABEL
    table["status"][2] = STATUS.index("rejected")
    one = outcome.count(bare(), grouping([]), table, truth([at[0]]))
    assert (one["detected"], one["matched"], outcome.f1(one)) == (1, 1, 1.0)


def test_without_truth_there_is_no_score() -> None:
    one = outcome.count(bare(), grouping([]), rows([(1.0, 1.0)]), outcome.NO_TRUTH)
    assert np.isnan(outcome.f1(one))


def test_no_group_at_all_is_counted_as_nothing() -> None:
    one = outcome.count(bare(4), grouping([-1] * 4), rows([]), truth([(5.0, 5.0)]))
    assert one["known"]
    assert (one["centroids"], one["noise"], outcome.f1(one)) == (0, 4, 0.0)


def test_decisions_are_told_by_what_backs_them() -> None:
    table = rows([(1.0, 1.0)] * 4)
    table["status"] = STATUS.index("decided")
    table["status"][3] = STATUS.index("proposed")
    table["backing"][:3] = [BACKING.index(name) for name in ("kept", "split", "split")]
    one = outcome.count(bare(), grouping([]), table, outcome.NO_TRUTH)
    assert (one["ruled"], outcome.kept(one), outcome.come_back(one)) == (3, 1, {"split": 2})


def test_a_total_is_known_when_all_of_it_is() -> None:
    each = np.zeros(3, OUTCOME)
    each["centroids"] = 5, 6, 7
    each["known"] = True
    assert outcome.total(each)["known"]
    each[1:2] = outcome.stale(each[1:2])
    whole = outcome.total(each)
    assert (whole["centroids"], bool(whole["known"]), bool(whole["lags"])) == (18, False, True)
    assert not outcome.total(np.zeros(2, OUTCOME))["lags"]
