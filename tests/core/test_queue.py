"""Facets, a frozen order, and finding an instance again by its mark."""

from __future__ import annotations

import numpy as np
import pytest

from k2c_gui.core import queue
from k2c_gui.core.model import (
    MARK,
    NO_LABEL,
    NO_MARK,
    STATUS,
    ClusterParams,
    Decision,
    Grouping,
    Ledger,
    Table,
    instance_dtype,
)


def ledger(**in_force: Decision) -> Ledger:
    owner = {mark: uid for uid, decision in in_force.items() for mark in decision.marks}
    return Ledger(in_force, owner, frozenset(), ClusterParams(), "", "")


def decision(*marks: int) -> Decision:
    return Decision(
        micrograph="a.tif", marks=marks, verdict="label", label=0, x=0.0, y=0.0, decided_at=""
    )


def rows(*wanted: dict[str, object]) -> Table:
    table = np.zeros(len(wanted), instance_dtype(2))
    for row, values in zip(table, wanted, strict=True):
        for name, value in values.items():
            row[name] = value
    return table


CLEAR = {"instance": "1", "votes": (9, 1), "label": 0, "margin": 0.8, "support": 0.9}
CLOSE = CLEAR | {"instance": "2", "votes": (6, 4), "margin": 0.2, "ambiguous": True}
TIE = CLOSE | {"instance": "3", "votes": (5, 5), "margin": 0.0, "label": NO_LABEL}
MUTE = {"instance": "4", "label": NO_LABEL, "margin": np.nan, "support": 0.3}
DEFERRED = TIE | {"instance": "u", "status": STATUS.index("deferred")}
RULED = CLOSE | {"instance": "v", "status": STATUS.index("decided")}
REJECTED = MUTE | {"instance": "w", "status": STATUS.index("rejected"), "support": 0.1}
EVERY = rows(CLEAR, CLOSE, TIE, MUTE, DEFERRED, RULED, REJECTED)


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("ambiguous", "23"),
        ("tie", "3"),
        ("no votes", "4"),
        ("low support", "4"),
        ("undecided", "1234"),
        ("deferred", "u"),
        ("decided", "vw"),
        ("all", "1234uvw"),
    ],
)
def test_a_facet_holds_what_its_name_says(name: str, members: str) -> None:
    assert "".join(EVERY["instance"][queue.facet(EVERY, name)]) == members


def test_every_facet_is_known_and_others_are_refused() -> None:
    assert all(queue.facet(EVERY, name).shape == (7,) for name in queue.FACETS)
    with pytest.raises(ValueError, match="no facet"):
        queue.facet(EVERY, "interesting")


def test_the_closest_vote_comes_first_micrograph_by_micrograph() -> None:
    tables = [rows(CLOSE, TIE), rows(), rows(CLOSE | {"instance": "7"}, MUTE)]
    ranked = queue.rank(tables, ledger(), "undecided")
    assert ranked.cases.tolist() == [(0, 3), (0, 2), (2, 7), (2, 4)]
    begun_later = queue.rank(tables, ledger(), "undecided", first=2)
    assert begun_later.cases["mark"].tolist() == [7, 4, 3, 2]


def test_a_decided_instance_is_queued_by_a_mark_of_its_decision() -> None:
    ranked = queue.rank([rows(RULED)], ledger(v=decision(12, 13)), "decided")
    assert ranked.cases.tolist() == [(0, 12)]


def grouping(*groups: int) -> Grouping:
    n = max(groups, default=-1) + 1
    zeros = np.zeros(n)
    return Grouping(0, ClusterParams(), np.array(groups), zeros, zeros, zeros)


MARKS = np.zeros(4, MARK)
MARKS["mark"] = [10, 11, 12, 13]


@pytest.mark.parametrize(
    ("mark", "row"), [(10, 0), (12, 0), (11, 1), (13, -1), (99, -1), (NO_MARK, -1)]
)
def test_any_mark_finds_its_group(mark: int, row: int) -> None:
    table = rows({"instance": "10"}, {"instance": "11"})
    assert queue.find(table, mark, MARKS, grouping(0, 1, 0, -1), ledger()) == row


def test_a_mark_of_a_decision_finds_the_decision_whatever_its_group() -> None:
    table = rows({"instance": "10"}, {"instance": "v"})
    found = queue.find(table, 13, MARKS, grouping(0, 0, 0, 0), ledger(v=decision(13)))
    assert found == 1


def test_a_group_that_is_not_proposed_is_not_found() -> None:
    assert queue.find(rows(), 10, MARKS, grouping(0, 0, 0, 0), ledger()) == -1
