"""Logs joined: the same rows in whatever order, and the same in force as each expert had."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.core import joint_log, ledger
from k2c_gui.core.model import ClusterParams, Decision, Entry, K2CError, Ledger

BEGAN_WITH = ClusterParams()


@dataclass
class Log:
    """A log as the session writes it; uids are drawn, the clock jumps as it likes."""

    draw: Any
    entries: list[Entry] = field(default_factory=list)
    used: set[str] = field(default_factory=set)  # uids, shared by the logs of a family

    @property
    def ledger(self) -> Ledger:
        return ledger.fold(self.entries, BEGAN_WITH)

    def append(self, kind: Any, step: str = "", **about: Any) -> str:
        uid = f"{self.draw.randrange(16**8):08x}"
        while uid in self.used:
            uid += "f"
        self.used.add(uid)
        at = f"2024-05-01T10:{self.draw.randrange(60):02}:00.000Z"
        self.entries.append(Entry(uid=uid, step=step or f"s{uid}", kind=kind, at=at, **about))
        return self.entries[-1].step

    def decide(self, *marks: tuple[int, ...], label: int = 0, step: str = "") -> str:
        rulings = [
            Decision(
                micrograph="ab"[own[0] % 2],
                marks=own,
                verdict="label",
                label=label,
                x=0.0,
                y=0.0,
                decided_at="",
            )
            for own in marks
        ]
        for ruling, gone in ledger.settle(self.ledger, rulings):
            step = self.append("decide", step, decision=ruling, supersedes=gone)
        return step

    def sign_off(self, name: str) -> None:
        held = self.ledger.in_force.items()
        accepts = tuple(uid for uid, d in held if d.micrograph == name)
        self.append("sign-off", micrograph=name, accepts=accepts)

    def undo(self) -> None:
        self.append("undo", target=self.ledger.undoable)

    def redo(self) -> None:
        target = self.ledger.redoable
        undos = [e.uid for e in self.entries if e.kind == "undo" and e.target == target]
        self.append("redo", target=target, supersedes=tuple(undos))

    def act(self) -> None:
        """Anything that an expert may do."""
        what = self.draw.choice(["decide"] * 4 + ["split", "more", "sign", "undo", "redo", "apply"])
        now = self.ledger
        if what == "decide":
            self._try(tuple(self.draw.sample(range(0, 12, 2), self.draw.randint(1, 3))))
        elif what == "split":
            self._try((1, 3), (5,))
        elif what == "more" and now.undoable:
            self._try((self.draw.randrange(20, 30, 2),), step=now.undoable)
        elif what == "sign":
            self.sign_off(self.draw.choice("ab"))
        elif what == "undo" and now.undoable:
            self.undo()
        elif what == "redo" and now.redoable:
            self.redo()
        elif what == "apply":
            self.append("apply", params=ClusterParams(min_samples=self.draw.randint(1, 9)))

    def _try(self, *marks: tuple[int, ...], step: str = "") -> None:
        with suppress(K2CError):  # every mark is another decision's
            self.decide(*marks, label=self.draw.randint(0, 3), step=step)

    def copy(self) -> Log:
        return Log(self.draw, list(self.entries), self.used)


@st.composite
def families(draw: st.DrawFn) -> list[list[Entry]]:
    """2 to 5 logs of one import: begun alike or apart, copied, merged and worked on."""
    random = draw(st.randoms(use_true_random=False))
    logs = [Log(random)]
    for _ in range(draw(st.integers(0, 6))):
        logs[0].act()
    for _ in range(draw(st.integers(1, 4))):
        logs.append(
            draw(st.sampled_from([Log(random, used=logs[0].used), logs[0].copy(), logs[-1].copy()]))
        )
    for _ in range(draw(st.integers(0, 25))):
        log = draw(st.sampled_from(logs))
        if draw(st.integers(0, 9)) == 0:
            log.entries = list(joint_log.join([x.entries for x in draw(st.permutations(logs))[:2]]))
        else:
            log.act()
    return [log.entries for log in logs]


@settings(deadline=None, max_examples=150)
@given(families(), st.data())
def test_in_any_order_and_grouping_the_same_rows(logs: list[list[Entry]], data: Any) -> None:
    joined = joint_log.join(logs)
    assert joint_log.join(data.draw(st.permutations(logs))) == joined
    one_by_one = reduce(lambda a, b: joint_log.join([a, b]), data.draw(st.permutations(logs)))
    assert one_by_one == joined
    assert joint_log.join([joined, *logs, joined]) == joined
    assert {e.uid for e in joined} == {e.uid for log in logs for e in log}
    assert len({e.uid for e in joined}) == len(joined)
    for log in logs:
        assert joint_log.join([log]) == tuple(log)
        mine = {e.uid for e in log}
        assert [e for e in joined if e.uid in mine] == log


def undone(log: list[Entry]) -> set[str]:
    """Steps undone, by the definition in docs/session-file.md."""
    back = {uid for e in log if e.kind == "redo" for uid in e.supersedes}
    return {e.target for e in log if e.kind == "undo" and e.uid not in back}


@settings(deadline=None, max_examples=150)
@given(families(), st.randoms(use_true_random=False))
def test_what_is_in_force_does_not_depend_on_the_order(
    logs: list[list[Entry]], random: Any
) -> None:
    joined = joint_log.join(logs)
    found = ledger.fold(joined, BEGAN_WITH)
    back = undone(list(joined))
    standing = [e for e in joined if e.step not in back]
    gone = {uid for e in standing for uid in e.supersedes}
    expected = {e.uid: e.decision for e in standing if e.decision and e.uid not in gone}
    assert dict(found.in_force) == expected
    assert {name: dict(own) for name, own in found.on.items()} == {
        name: {u: d for u, d in expected.items() if d.micrograph == name}
        for name in {d.micrograph for d in expected.values()}
    }
    # another clock, another order, the same content
    clock = {e.uid: f"{random.random():.6f}" for e in joined}
    other = ledger.fold(
        joint_log.join([[replace(e, at=clock[e.uid]) for e in log] for log in logs]), BEGAN_WITH
    )
    assert dict(other.in_force) == expected
    assert other.signed_off == found.signed_off
    assert {frozenset(pair) for pair in other.conflicts} == {frozenset(p) for p in found.conflicts}


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32))
def test_experts_who_began_apart_keep_all_that_each_had_in_force(seed: int) -> None:
    import random

    draw = random.Random(seed)
    used: set[str] = set()
    logs = [Log(draw, used=used) for _ in range(draw.randint(2, 4))]
    for _ in range(30):
        draw.choice(logs).act()
    joined = joint_log.join([log.entries for log in logs])
    found = ledger.fold(joined, BEGAN_WITH)
    expected: dict[str, Decision] = {}
    for log in logs:
        expected |= log.ledger.in_force
    assert dict(found.in_force) == expected
    # what one step holds together stays together
    follows = {(a.uid, b.uid) for a, b in pairwise(joined)}
    for log in logs:
        for a, b in pairwise(log.entries):
            assert a.step != b.step or (a.uid, b.uid) in follows


@pytest.fixture
def pair() -> tuple[Log, Log]:
    """Two copies of a log in which one thing was decided."""
    import random

    mine = Log(random.Random(1))
    mine.decide((0, 2))
    return mine, mine.copy()


def both(*logs: Log) -> Ledger:
    ledgers = [
        ledger.fold(joint_log.join([log.entries for log in order]), BEGAN_WITH)
        for order in permutations(logs)
    ]
    assert all(found == ledgers[0] for found in ledgers)
    return ledgers[0]


def test_what_one_took_back_stays_so_whatever_the_other_did_meanwhile(
    pair: tuple[Log, Log],
) -> None:
    mine, theirs = pair
    mine.undo()
    theirs.decide((4, 6))
    assert [d.marks for d in both(mine, theirs).in_force.values()] == [(4, 6)]


def test_both_take_back_the_same_and_one_redo_in_the_joint_log_brings_it_back(
    pair: tuple[Log, Log],
) -> None:
    mine, theirs = pair
    mine.undo()
    theirs.undo()
    assert not both(mine, theirs).in_force
    joint = Log(mine.draw, list(joint_log.join([mine.entries, theirs.entries])))
    assert joint.ledger.redoable
    joint.redo()
    assert len(joint.ledger.in_force) == 1
    joint.undo()
    assert not joint.ledger.in_force


def test_redo_by_both_of_what_both_took_back(pair: tuple[Log, Log]) -> None:
    mine, _ = pair
    mine.undo()
    theirs = mine.copy()
    mine.redo()
    theirs.redo()
    assert len(both(mine, theirs).in_force) == 1
    theirs.undo()
    assert not both(mine, theirs).in_force


def test_redo_brings_back_only_the_undos_that_it_knew(pair: tuple[Log, Log]) -> None:
    mine, theirs = pair
    mine.undo()
    theirs.undo()
    theirs.redo()
    assert not both(mine, theirs).in_force


def test_redo_after_the_other_went_on(pair: tuple[Log, Log]) -> None:
    mine, theirs = pair
    mine.undo()
    mine.redo()
    for n in range(20):  # some lie between undo and redo, whatever the clock says
        theirs.decide((20 + 2 * n,))
    assert len(both(mine, theirs).in_force) == 21


def test_more_in_a_step_that_the_other_took_back_is_undone_with_it(
    pair: tuple[Log, Log],
) -> None:
    mine, theirs = pair
    mine.decide((4, 6), step=mine.ledger.undoable)
    theirs.undo()
    assert not both(mine, theirs).in_force


def test_signed_off_holds_while_nobody_else_decided_there(pair: tuple[Log, Log]) -> None:
    mine, theirs = pair
    mine.sign_off("a")
    assert both(mine, theirs).signed_off == {"a"}
    theirs.decide((1, 3))  # elsewhere
    assert both(mine, theirs).signed_off == {"a"}
    theirs.decide((4, 6))
    assert both(mine, theirs).signed_off == frozenset()
    theirs.undo()
    assert both(mine, theirs).signed_off == {"a"}
    theirs.undo()
    theirs.undo()  # what the sign-off accepted
    assert both(mine, theirs).signed_off == frozenset()


def test_two_rulings_on_the_same_both_stand_and_conflict() -> None:
    import random

    mine, theirs = Log(random.Random(2)), Log(random.Random(3))
    mine.decide((0, 2), label=0)
    theirs.decide((0, 2), label=1)
    found = both(mine, theirs)
    assert sorted(d.label or 0 for d in found.in_force.values()) == [0, 1]
    assert [set(conflict) for conflict in found.conflicts] == [set(found.in_force)]


def test_logs_that_contradict_each_other_are_refused(pair: tuple[Log, Log]) -> None:
    mine, theirs = pair
    theirs.entries[0] = replace(theirs.entries[0], expert="somebody else")
    with pytest.raises(K2CError, match="one thing here and another there"):
        joint_log.join([mine.entries, theirs.entries])
    mine.decide((4, 6))
    with pytest.raises(K2CError, match="another order"):
        joint_log.join([mine.entries, mine.entries[::-1]])


def test_nothing_joined_is_nothing() -> None:
    assert joint_log.join([]) == ()
    assert joint_log.join([[], []]) == ()
