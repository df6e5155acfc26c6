"""Facets, a frozen order, and finding an instance again by its mark."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.core import queue
from k2c_gui.core.model import (
    BACKING,
    MARK,
    NO_LABEL,
    NO_MARK,
    STATUS,
    ClusterParams,
    Decision,
    Entry,
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


RETURNED = {
    kind: RULED | {"instance": f"r{i}", "backing": BACKING.index(kind)}
    for i, kind in enumerate(queue.COME_BACK)
}
KEPT = RULED | {"instance": "k", "backing": BACKING.index("kept")}


def test_what_comes_back_is_found_by_kind_and_all_of_it_the_gravest_first() -> None:
    table = rows(CLEAR, KEPT, *RETURNED.values())
    in_force = {str(row["instance"]): decision(i) for i, row in enumerate(RETURNED.values())}
    for kind, row in RETURNED.items():
        assert table["instance"][queue.facet(table, kind)].tolist() == [row["instance"]]
    held = ledger(k=decision(99), **in_force)
    ranked = queue.rank([table], held, queue.TO_CHECK)
    kinds = [list(RETURNED)[mark] for mark in ranked.cases["mark"].tolist()]
    assert kinds == ["conflict", "merged", "split", "grew", "dissolved", "changed"]


def test_what_comes_back_is_not_ruled_until_it_is_ruled_again() -> None:
    table = rows(CLEAR, KEPT, RETURNED["split"])
    uid = str(RETURNED["split"]["instance"])
    held = ledger(k=decision(12), **{uid: decision(13)})
    assert queue.ruled([12, 13, 14], table, held) == [True, False, False]
    assert queue.ruled([12, 13], None, held) == [True, True]
    assert queue.returned(table) == {uid}


def test_of_two_decisions_on_the_same_marks_one_is_a_case() -> None:
    conflict = RETURNED["conflict"]
    table = rows(conflict | {"instance": "v"}, conflict | {"instance": "w"}, KEPT)
    held = Ledger(
        {"v": decision(1, 2), "w": decision(1, 2), "k": decision(5)},
        {5: "k"},
        frozenset(),
        ClusterParams(),
        "",
        "",
        contested={1: ("v", "w"), 2: ("v", "w")},
        conflicts=(("v", "w"),),
    )
    assert queue.rank([table], held, "conflict").cases["mark"].tolist() == [1]
    assert queue.find(table, 2, MARKS, grouping(-1), held) == 0
    assert queue.ruled([1, 5], table, held) == [False, True]


def grouping(*groups: int) -> Grouping:
    n = max(groups, default=-1) + 1
    zeros = np.zeros(n)
    return Grouping(
        0, ClusterParams(), np.array(groups), zeros, zeros, zeros, zeros.astype(int), zeros
    )


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


def bulk(step: int, n: int, *, source: str = "bulk", over: tuple[str, ...] = ()) -> list[Entry]:
    """One step that accepts n cases."""
    made = replace(decision(1), source=source)
    return [
        Entry(
            uid=f"{step} {i}",
            step=f"step {step}",
            kind="decide",
            at="",
            decision=made,
            supersedes=over,
        )
        for i in range(n)
    ]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 90), max_size=6))
def test_a_share_of_each_bulk_step_is_audited(sizes: list[int]) -> None:
    log = [entry for step, n in enumerate(sizes) for entry in bulk(step, n)]
    single = bulk(99, 40, source="single") + bulk(98, 40, source="sign-off")
    sample = queue.audited(log + single)
    for step, n in enumerate(sizes):
        drawn = sum(uid.startswith(f"{step} ") for uid in sample)
        assert drawn == -(-n // 20)
    assert all(entry.uid not in sample for entry in single)
    assert queue.audited(log[::-1]) == sample, "the order of the log does not matter"
    assert sample <= queue.audited(log + bulk(7, 30)), "a longer log only adds"


def test_what_was_moved_is_audited_if_what_was_accepted_is() -> None:
    log = bulk(0, 60)
    sample = queue.audited(log)
    moved = [bulk(i + 1, 1, over=(entry.uid,))[0] for i, entry in enumerate(log)]
    found = queue.audited(log + moved)
    assert {m.uid for m, old in zip(moved, log, strict=True) if old.uid in sample} == found - sample


def test_named_facets_have_the_members_they_are_given() -> None:
    marks = ledger(u=decision(12), v=decision(13), w=decision(14))
    ranked = queue.rank([EVERY], marks, "flagged", members=frozenset({"2", "v"}))
    assert sorted(ranked.cases["mark"].tolist()) == [2, 13]
    assert not len(queue.rank([EVERY], marks, "audit").cases)


@pytest.mark.parametrize("name", queue.COME_BACK)
def test_what_is_not_borne_out_is_a_facet_by_how(name: str) -> None:
    back = rows(CLEAR, RULED | {"backing": BACKING.index(name)}, RULED | {"backing": 1})
    assert queue.facet(back, name).tolist() == [False, True, False]
