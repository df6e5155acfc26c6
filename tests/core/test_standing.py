"""Mappings that are changed by copies, against plain dicts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.core import ledger
from k2c_gui.core.model import MARK, NO_LABEL, STATUS, ClusterParams, Decision, Entry
from k2c_gui.core.standing import Shards, Standing, standing, within

KEYS = st.integers(-20, 20).map(lambda i: 509 * i + i % 3)  # many in one part
STEPS = st.lists(st.tuples(st.sets(KEYS), st.dictionaries(KEYS, st.integers(0, 5))), max_size=6)


@given(st.dictionaries(KEYS, st.integers(0, 5)), STEPS)
@settings(deadline=None, max_examples=200)
def test_copies_are_as_of_a_plain_dict_and_what_they_were_copied_from_stays(
    first: dict[int, int], steps: list[tuple[set[int], dict[int, int]]]
) -> None:
    found, plain = Shards(dict(first)), dict(first)
    line = [(found, dict(plain))]
    for drop, put in steps:
        found = found.changed(drop, dict(put))
        plain = {key: value for key, value in plain.items() if key not in drop} | put
        line.append((found, dict(plain)))
    for shards, expected in line:
        assert shards == expected
        assert len(shards) == len(list(shards)) == len(expected)
        for key in {*first, *(key for drop, put in steps for key in (*drop, *put)), 7}:
            assert (key in shards) is (key in expected)
            assert shards.get(key, "none") == expected.get(key, "none")
            if key not in expected:
                with pytest.raises(KeyError):
                    shards[key]


def ruling(*marks: int, **about: object) -> Decision:
    fixed = {"micrograph": "a", "verdict": "label", "label": 0, "x": 1.0, "y": 2.0}
    return Decision(marks=marks, decided_at="", **fixed | about)  # type: ignore[arg-type]


def test_columns_of_what_stands_on_a_micrograph() -> None:
    one = ruling(7, -3, 5, made_from=((5, 7, 9),), votes=(3, 1), held=12)
    other = ruling(8, verdict="reject", label=None, x=3.0, made_from=((8,),), votes=(1,))
    found = Standing({"u": one, "v": other})
    assert found.uids.tolist() == ["u", "v"]
    assert (found.x.tolist(), found.y.tolist()) == ([1, 3], [2, 2])
    assert found.label.tolist() == [0, NO_LABEL]
    assert [STATUS[i] for i in found.status] == ["decided", "rejected"]
    assert found.held.tolist() == [12, 0]
    assert found.votes(2).tolist() == [[3, 1], [-1, -1]], "of another scheme: not known"
    assert found.ruling[0] != found.ruling[1]
    assert found.named.mark.tolist() == [7, 5, 8], "an expert's mark is in no group"
    assert found.named.size.tolist() == [2, 1]
    assert found.made_from.mark.tolist() == [5, 7, 9]
    assert found.made_from.decision.tolist() == [0]


def test_places_are_those_of_the_table_asked_about() -> None:
    found = Standing({"u": ruling(5, 7, made_from=((5, 9),))})
    marks = np.zeros(3, MARK)
    marks["mark"] = [5, 8, 9]
    assert [at.tolist() for at in found.places(marks)] == [[0, -1], [0, 2]]
    other = marks[1:]
    assert [at.tolist() for at in found.places(other)] == [[-1, -1], [-1, 1]]
    assert [at.tolist() for at in found.places(marks[:0])] == [[-1, -1], [-1, -1]]


def test_a_micrograph_that_a_step_leaves_alone_keeps_its_columns() -> None:
    def made(uid: str, decision: Decision) -> Entry:
        return Entry(uid=uid, step=uid, kind="decide", at="", decision=decision)

    history = ledger.History(ClusterParams())
    before = history.take([made("u", ruling(1)), made("v", ruling(2, micrograph="b"))])
    after = history.take([made("w", replace(ruling(3), x=9.0))])
    assert standing(after, "b") is standing(before, "b")
    assert list(standing(before, "a")) == ["u"]
    assert list(standing(after, "a")) == ["u", "w"]
    assert len(standing(after, "c")) == 0


@given(
    st.lists(st.tuples(*[st.floats(0, 20)] * 2), max_size=30),
    st.lists(st.tuples(*[st.floats(0, 20)] * 2), max_size=30),
    st.floats(0.1, 9),
)
@settings(deadline=None, max_examples=60)
def test_within_is_every_pair_that_is_near(
    one: list[tuple[float, float]], other: list[tuple[float, float]], near: float
) -> None:
    (x, y), (to_x, to_y) = (np.array(xy, float).reshape(-1, 2).T for xy in (one, other))
    found = set(zip(*(places.tolist() for places in within(x, y, to_x, to_y, near)), strict=True))
    away = np.hypot(x[:, None] - to_x, y[:, None] - to_y)
    assert found == set(zip(*(places.tolist() for places in np.nonzero(away <= near)), strict=True))
