"""The ledger against a plain model: a stack of snapshots."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import process_time
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from k2c_gui.core import ledger
from k2c_gui.core.model import ClusterParams, Decision, Entry, K2CError, Ledger

BEGAN_WITH = ClusterParams()


def ruling(*marks: int, label: int = 0, micrograph: str = "a") -> Decision:
    return Decision(
        micrograph=micrograph,
        marks=marks,
        verdict="label",
        label=label,
        x=0.0,
        y=0.0,
        decided_at="2024-05-01T10:00:00Z",
    )


@dataclass
class Log:
    """A log as the session writes it; steps and uids count up."""

    entries: list[Entry] = field(default_factory=list)

    @property
    def ledger(self) -> Ledger:
        return ledger.fold(self.entries, BEGAN_WITH)

    def decide(self, *rulings: Decision, sign_off: str = "") -> list[str]:
        """Append one step; the uids of its decisions."""
        n = len(self.entries)
        step: dict[str, Any] = {"step": f"step {n}", "at": f"{99 - n % 7}"}
        settled = ledger.settle(self.ledger, rulings)
        self.entries += [
            Entry(uid=f"uid {n + i}", kind="decide", decision=d, supersedes=gone, **step)
            for i, (d, gone) in enumerate(settled)
        ]
        if sign_off:
            uid = f"uid {n} sign-off"
            self.entries.append(Entry(uid=uid, kind="sign-off", micrograph=sign_off, **step))
        return [f"uid {n + i}" for i in range(len(settled))]

    def sign_off(self, micrograph: str) -> None:
        self.decide(sign_off=micrograph)

    def append(self, kind: Any, **about: Any) -> None:
        n = len(self.entries)
        self.entries.append(Entry(uid=f"uid {n}", step=f"step {n}", kind=kind, at="", **about))

    def undo(self) -> None:
        self.append("undo", target=self.ledger.undoable)

    def redo(self) -> None:
        self.append("redo", target=self.ledger.redoable)


def test_without_a_decision_it_is_as_if_it_had_not_been_made() -> None:
    log, bare = Log(), Log()
    log.decide(ruling(1, 2), ruling(3))
    (uid,) = log.decide(ruling(4, 5))
    bare.entries = [e for e in log.entries if e.uid != uid]
    for more in ([ruling(6)], [ruling(7, micrograph="b")]):
        log.decide(*more)
    bare.entries += log.entries[3:]
    found, wanted = ledger.without(log.ledger, uid), bare.ledger
    assert dict(found.in_force) == dict(wanted.in_force)
    assert dict(found.owner) == dict(wanted.owner)
    assert {name: dict(on) for name, on in found.on.items()} == {
        name: dict(on) for name, on in wanted.on.items()
    }
    assert uid in log.ledger.in_force
    alone = ledger.without(log.ledger, log.entries[-1].uid)
    assert "b" not in alone.on


def test_empty_log() -> None:
    assert ledger.fold([], BEGAN_WITH) == Ledger({}, {}, frozenset(), BEGAN_WITH, "", "")


def test_ruling_is_in_force_with_its_words() -> None:
    log = Log()
    (uid,) = log.decide(replace(ruling(3, 1, 2, label=2), note="sure"))
    assert log.ledger.in_force == {uid: replace(ruling(3, 1, 2, label=2), note="sure")}
    assert log.ledger.owner == {1: uid, 2: uid, 3: uid}


@pytest.mark.parametrize(
    ("first", "second", "gone", "left"),
    [
        ((1, 2, 3, 4), (3, 4, 9), True, (3, 4, 9)),  # exactly half
        ((1, 2, 3, 4, 5), (4, 5, 9), False, (9,)),  # less than half
        ((1, 2, 3), (2, 3), True, (2, 3)),
        ((1, 2), (2, 3), True, (2, 3)),
        ((1,), (1,), True, (1,)),
        ((1, 2), (3, 4), False, (3, 4)),
    ],
)
def test_half_of_the_marks_supersede_and_fewer_are_not_taken(
    first: tuple[int, ...], second: tuple[int, ...], gone: bool, left: tuple[int, ...]
) -> None:
    log = Log()
    (old,) = log.decide(ruling(*first))
    (new,) = log.decide(ruling(*second, label=1))
    assert log.entries[-1].supersedes == ((old,) if gone else ())
    assert log.ledger.in_force[new].marks == left
    assert (old in log.ledger.in_force) is not gone
    if not gone:
        assert log.ledger.in_force[old].marks == first


def test_half_is_of_what_the_decision_got_not_of_what_it_named() -> None:
    log = Log()
    log.decide(ruling(1, 2, 3, 4, 5))
    (second,) = log.decide(ruling(4, 5, 6, 7))
    assert log.ledger.in_force[second].marks == (6, 7)
    log.decide(ruling(7))
    assert second not in log.ledger.in_force


def test_parts_of_a_split_supersede_together() -> None:
    log = Log()
    (whole,) = log.decide(ruling(*range(10)))
    parts = log.decide(ruling(0, 1, 2), ruling(3, 4), ruling(20))
    assert list(log.ledger.in_force) == parts
    assert [e.supersedes for e in log.entries[-3:]] == [(whole,), (whole,), ()]
    assert log.ledger.in_force[parts[2]] == ruling(20)
    # five of ten were named: the others are free again
    assert set(log.ledger.owner) == {0, 1, 2, 3, 4, 20}


def test_merge_supersedes_each_of_its_parts() -> None:
    log = Log()
    one, other = log.decide(ruling(1, 2)), log.decide(ruling(3, 4))
    (both,) = log.decide(ruling(1, 2, 3, 4))
    assert log.entries[-1].supersedes == (*one, *other)
    assert list(log.ledger.in_force) == [both]


def test_ruling_without_free_marks_is_refused() -> None:
    log = Log()
    log.decide(ruling(1, 2, 3, 4, 5))
    before = log.ledger
    with pytest.raises(K2CError, match="belongs to another decision"):
        log.decide(ruling(1, 2))
    with pytest.raises(K2CError, match="belongs to another decision"):
        log.decide(ruling(8, 9), ruling(1, 2))
    assert log.ledger == before


def test_one_mark_in_two_instances_is_refused() -> None:
    for rulings in ((ruling(1, 2), ruling(2, 3)), (ruling(4, 4),)):
        with pytest.raises(K2CError, match="cannot be part of two"):
            Log().decide(*rulings)


def test_undo_brings_back_what_was_superseded() -> None:
    log = Log()
    log.decide(ruling(1, 2, label=0))
    first = log.ledger
    log.decide(ruling(1, 2, label=1))
    second = log.ledger
    log.decide(ruling(1), ruling(2))
    log.undo()
    assert log.ledger.in_force == second.in_force
    log.undo()
    assert (log.ledger.in_force, log.ledger.owner) == (first.in_force, first.owner)
    log.undo()
    assert log.ledger.in_force == {}
    assert log.ledger.undoable == ""
    log.redo()
    log.redo()
    assert log.ledger.in_force == second.in_force


def test_new_step_ends_what_could_be_redone() -> None:
    log = Log()
    log.decide(ruling(1))
    log.undo()
    assert log.ledger.redoable == "step 0"
    log.decide(ruling(2))
    assert log.ledger.redoable == ""


def test_order_is_that_of_the_rows_not_of_the_clock() -> None:
    log = Log()
    log.decide(ruling(1, label=0))
    log.decide(ruling(1, label=1))
    log.entries = [replace(e, at=f"{2030 - i}") for i, e in enumerate(log.entries)]
    assert [d.label for d in log.ledger.in_force.values()] == [1]


def test_sign_off_with_the_decisions_of_its_own_step() -> None:
    log = Log()
    log.decide(ruling(1), ruling(2), sign_off="a")
    assert log.ledger.signed_off == {"a"}
    assert len(log.ledger.in_force) == 2
    log.undo()
    assert log.ledger.signed_off == frozenset()
    assert log.ledger.in_force == {}


def test_sign_off_may_stand_anywhere_in_its_step() -> None:
    log = Log()
    log.decide(ruling(1), sign_off="a")
    log.entries.reverse()
    assert log.ledger.signed_off == {"a"}


def test_later_decision_reopens_and_its_undo_closes_again() -> None:
    log = Log()
    log.sign_off("a")
    log.sign_off("b")
    log.decide(ruling(1, micrograph="a"))
    assert log.ledger.signed_off == {"b"}
    log.undo()
    assert log.ledger.signed_off == {"a", "b"}
    log.redo()
    log.sign_off("a")
    assert log.ledger.signed_off == {"a", "b"}
    log.undo()
    assert log.ledger.signed_off == {"b"}


def test_settings_applied_are_outside_the_chain_of_undo() -> None:
    log = Log()
    log.append("apply", params=(five := ClusterParams(min_cluster_size=5)))
    assert (log.ledger.params, log.ledger.undoable) == (five, "")
    log.decide(ruling(1))
    log.undo()
    log.append("apply", params=(six := ClusterParams(min_cluster_size=6)))
    assert (log.ledger.params, log.ledger.redoable) == (six, "step 1")
    log.redo()
    assert (log.ledger.params, list(log.ledger.in_force)) == (six, ["uid 1"])
    log.append("undo", target="step 0")
    with pytest.raises(K2CError, match="not there to undo"):
        _ = log.ledger


@pytest.mark.parametrize(
    "broken",
    [
        ["undo step 0"],
        ["redo step 0"],
        ["decide", "redo step 0"],
        ["decide", "undo step 7"],
        ["decide", "undo step 0", "redo step 0", "redo step 0"],
        ["decide", "undo step 0", "decide", "redo step 0"],
    ],
)
def test_log_that_cannot_be_ours_is_refused(broken: list[str]) -> None:
    log = Log()
    for entry in broken:
        kind, _, target = entry.partition(" ")
        if kind == "decide":
            log.append("decide", decision=ruling(len(log.entries)))
        else:
            log.append(kind, target=target)
    with pytest.raises(K2CError, match="Restore the session from a copy"):
        _ = log.ledger
    del log.entries[-1]
    assert log.ledger.params == BEGAN_WITH


def test_a_long_log_is_folded_in_time_with_its_length() -> None:
    log = Log()
    for i in range(20_000):
        log.append("decide", decision=ruling(i))
    for i in reversed(range(19_000, 20_000)):
        log.append("undo", target=f"step {i}")
    start = process_time()
    found = log.ledger
    assert process_time() - start < 1  # s; quadratic work would take several
    assert len(found.in_force) == 19_000
    assert (found.undoable, found.redoable) == ("step 18999", "step 19000")


MARKS = {"a": range(12), "b": range(12, 24)}


@dataclass
class Snapshot:
    """What is so, held outright."""

    in_force: dict[str, Decision] = field(default_factory=dict)
    signed_off: frozenset[str] = frozenset()

    def decided(
        self, uids: list[str], rulings: list[Decision], step_signs: str = ""
    ) -> Snapshot | None:
        """After one more step; None where it has to be refused."""
        named = {m for r in rulings for m in r.marks}
        standing = {
            uid: d
            for uid, d in self.in_force.items()
            if 2 * sum(m in named for m in d.marks) < len(d.marks)
        }
        taken = {m for d in standing.values() for m in d.marks}
        fresh = [replace(r, marks=tuple(m for m in r.marks if m not in taken)) for r in rulings]
        if not all(r.marks for r in fresh):
            return None
        signed = self.signed_off - {r.micrograph for r in rulings} | {step_signs} - {""}
        return Snapshot(standing | dict(zip(uids, fresh, strict=True)), signed)


class Desk(RuleBasedStateMachine):
    """Anything an expert may do, in any order; `fold` must agree with the snapshots throughout."""

    @initialize()
    def open(self) -> None:
        self.log = Log()
        self.history = ledger.History(BEGAN_WITH)
        self.taken = 0
        self.past: list[Snapshot] = []
        self.now = Snapshot()
        self.future: list[Snapshot] = []
        self.params = BEGAN_WITH

    def step(self, rulings: list[Decision], sign_off: str = "") -> None:
        uids = [f"uid {len(self.log.entries) + i}" for i in range(len(rulings))]
        after = self.now.decided(uids, rulings, sign_off)
        if after is None:
            with pytest.raises(K2CError, match="another decision"):
                self.log.decide(*rulings, sign_off=sign_off)
            return
        assert self.log.decide(*rulings, sign_off=sign_off) == uids
        self.past.append(self.now)
        self.now, self.future = after, []

    @rule(name=st.sampled_from("ab"), label=st.integers(0, 3), data=st.data())
    def decide(self, name: str, label: int, data: st.DataObject) -> None:
        marks = data.draw(st.sets(st.sampled_from(MARKS[name]), min_size=1, max_size=6))
        self.step([ruling(*sorted(marks), label=label, micrograph=name)])

    @precondition(lambda self: self.now.in_force)
    @rule(n=st.integers(2, 4), data=st.data())
    def split(self, n: int, data: st.DataObject) -> None:
        whole = self.now.in_force[data.draw(st.sampled_from(list(self.now.in_force)))]
        marks = data.draw(st.permutations(whole.marks))
        parts = [replace(whole, marks=tuple(marks[i::n])) for i in range(n)]
        self.step([part for part in parts if part.marks])

    @precondition(lambda self: len(self.now.in_force) > 1)
    @rule(data=st.data())
    def merge(self, data: st.DataObject) -> None:
        some = st.sets(st.sampled_from(list(self.now.in_force)), min_size=2, max_size=3)
        chosen = [self.now.in_force[uid] for uid in data.draw(some)]
        self.step([replace(chosen[0], marks=tuple(sorted(m for d in chosen for m in d.marks)))])

    @rule(name=st.sampled_from("ab"), data=st.data())
    def sign_off(self, name: str, data: st.DataObject) -> None:
        taken = {m for d in self.now.in_force.values() for m in d.marks}
        free = [m for m in MARKS[name] if m not in taken]
        some = st.lists(st.sampled_from(free or [0]), unique=True, max_size=2 if free else 0)
        proposals = data.draw(some)
        self.step([ruling(m, micrograph=name) for m in proposals], sign_off=name)

    @rule(size=st.integers(2, 5))
    def apply(self, size: int) -> None:
        self.params = ClusterParams(min_cluster_size=size)
        self.log.append("apply", params=self.params)

    @precondition(lambda self: self.past)
    @rule()
    def undo(self) -> None:
        self.log.undo()
        self.future.append(self.now)
        self.now = self.past.pop()

    @precondition(lambda self: self.future)
    @rule()
    def redo(self) -> None:
        self.log.redo()
        self.past.append(self.now)
        self.now = self.future.pop()

    @precondition(lambda self: self.past)
    @rule()
    def undo_to_empty_and_redo_to_the_end(self) -> None:
        while self.past:
            self.undo()
            self.agree()
        assert not self.log.ledger.in_force
        while self.future:
            self.redo()
            self.agree()

    @invariant()
    def agree(self) -> None:
        found = self.log.ledger
        assert self.history.take(self.log.entries[self.taken :]) == found
        self.taken = len(self.log.entries)
        for each in (found, self.history.ledger):
            of = [(uid, name) for name, decisions in each.on.items() for uid in decisions]
            assert dict(of) == {uid: d.micrograph for uid, d in found.in_force.items()}
            assert len(of) == len(found.in_force)
        assert list(found.in_force.items()) == list(self.now.in_force.items())
        assert found.owner == {m: uid for uid, d in self.now.in_force.items() for m in d.marks}
        assert len(found.owner) == sum(len(d.marks) for d in self.now.in_force.values())
        assert found.signed_off == self.now.signed_off
        assert found.params == self.params
        assert (found.undoable != "") == bool(self.past)
        assert (found.redoable != "") == bool(self.future)


TestDesk = Desk.TestCase
TestDesk.settings = settings(deadline=None, max_examples=50, stateful_step_count=30)


def test_a_step_more_costs_what_it_changes_not_what_there_is() -> None:
    history = ledger.History(BEGAN_WITH)

    def made(i: int, **about: Any) -> Entry:
        decision = ruling(*range(20 * i, 20 * i + 20), micrograph=f"m{i % 100}")
        return Entry(uid=f"uid {i}", step=f"{i}", kind="decide", at="", decision=decision, **about)

    history.take([made(i) for i in range(20_000)])
    again = replace(made(7), uid="again", step="again", supersedes=("uid 7",))
    undo = Entry(uid="back", step="back", kind="undo", at="", target="again")
    start = process_time()
    for step in (made(20_000), again, undo):
        before = history.ledger
        history.take([step])
        assert len(history.ledger.in_force) - len(before.in_force) == (step.uid == "uid 20000")
    assert process_time() - start < 0.1  # s; each dict of all that is in force would take as long
    assert "uid 7" in history.ledger.in_force
    assert "again" in before.in_force, "what was handed out stays as it was"


# Several experts


def joined(*steps: tuple[str, Any]) -> list[Entry]:
    """Steps of several experts as one log; the uid of each names its step."""
    log = []
    for uid, about in steps:
        about = {"decision": about} if isinstance(about, Decision) else about
        fixed: dict[str, Any] = {"uid": uid, "step": uid, "kind": "decide", "at": ""}
        log.append(Entry(**fixed | about))
    return log


def test_decisions_that_share_marks_conflict_and_neither_owns_what_they_share() -> None:
    log = joined(("a", ruling(1, 2, 3)), ("b", ruling(3, 4, label=1)), ("c", ruling(5)))
    for order in ([0, 1, 2], [1, 0, 2]):
        found = ledger.fold([log[i] for i in order], BEGAN_WITH)
        first, second = (log[i].uid for i in order[:2])
        assert found.conflicts == ((first, second),)
        assert found.contested == {3: (first, second)}
        assert found.owner == {1: "a", 2: "a", 4: "b", 5: "c"}
        assert ledger.owners(found, 3) == (first, second)
        assert ledger.owners(found, 4) == ("b",)
        assert ledger.owners(found, 9) == ()
        assert set(found.in_force) == {"a", "b", "c"}


def test_a_ruling_on_what_is_in_conflict_supersedes_both_and_its_undo_brings_both_back() -> None:
    log = joined(("a", ruling(1, 2, 3)), ("b", ruling(2, 3, 4, label=1)))
    before = ledger.fold(log, BEGAN_WITH)
    (settled,) = ledger.settle(before, [ruling(1, 2, 3, 4)])
    assert settled == (ruling(1, 2, 3, 4), ("a", "b"))
    log += joined(("c", {"decision": settled[0], "supersedes": settled[1]}))
    after = ledger.fold(log, BEGAN_WITH)
    assert (after.conflicts, dict(after.contested)) == ((), {})
    assert after.owner == dict.fromkeys((1, 2, 3, 4), "c")
    log += joined(("d", {"kind": "undo", "target": "c"}))
    assert ledger.fold(log, BEGAN_WITH).conflicts == before.conflicts


def test_when_one_of_two_in_conflict_goes_the_other_owns_what_they_shared() -> None:
    log = joined(("a", ruling(1, 2)), ("b", ruling(2, 3)))
    log += joined(("c", {"kind": "undo", "target": "a"}))
    found = ledger.fold(log[:2], BEGAN_WITH)
    history = ledger.History(BEGAN_WITH)
    assert history.take(log[:2]) == found
    for after in (history.take(log[2:]), ledger.fold(log, BEGAN_WITH)):
        assert after.owner == {2: "b", 3: "b"}
        assert (after.conflicts, dict(after.contested)) == ((), {})


def test_a_ruling_takes_no_contested_mark_from_a_decision_that_stays() -> None:
    log = joined(("a", ruling(1, 2)), ("b", ruling(2, 3, 4, 5, 6)))
    found = ledger.fold(log, BEGAN_WITH)
    assert ledger.settle(found, [ruling(1, 2)]) == ((ruling(1), ("a",)),)
    log = joined(("a", ruling(2)), ("b", ruling(2, 3, 4, 5, 6)))
    found = ledger.fold(log, BEGAN_WITH)
    with pytest.raises(K2CError, match="another decision"):
        ledger.settle(found, [ruling(2)])
    # what is wholly in dispute is superseded though the ruling gets nothing of it
    assert ledger.settle(found, [ruling(2, 9)]) == ((ruling(9), ("a",)),)


def test_what_two_experts_undid_comes_back_when_both_redid_it() -> None:
    log = joined(
        ("a", ruling(1)),
        ("b", {"kind": "undo", "target": "a"}),
        ("c", {"kind": "undo", "target": "a"}),
        ("d", ruling(2)),
        ("e", {"kind": "redo", "target": "a", "supersedes": ("b",)}),
    )
    assert list(ledger.fold(log, BEGAN_WITH).in_force) == ["d"]
    log += joined(("f", {"kind": "redo", "target": "a", "supersedes": ("c",)}))
    assert list(ledger.fold(log, BEGAN_WITH).in_force) == ["a", "d"]


def test_a_sign_off_that_names_what_it_accepts_holds_for_that_alone() -> None:
    log = joined(
        ("a", ruling(1)), ("s", {"kind": "sign-off", "micrograph": "a", "accepts": ("a",)})
    )
    assert ledger.fold(log, BEGAN_WITH).signed_off == {"a"}
    # an expert who worked apart had decided more, whichever of them came first
    other = joined(("b", ruling(2)))
    for both in ([*log, *other], [*other, *log]):
        assert ledger.fold(both, BEGAN_WITH).signed_off == frozenset()
    both += joined(("z", {"kind": "undo", "target": "b"}))
    assert ledger.fold(both, BEGAN_WITH).signed_off == {"a"}


def test_a_repeat_is_undone_like_a_ruling_and_is_never_in_force() -> None:
    log = joined(("a", ruling(1)), ("r", {"kind": "repeat", "target": "a", "repeat": ruling(1)}))
    found = ledger.fold(log, BEGAN_WITH)
    assert (found.undoable, list(found.in_force)) == ("r", ["a"])


# by place


def by_hand(mark: int, x: float, **about: Any) -> Decision:
    return replace(ruling(mark, **about), x=x, y=0.0)


def test_what_lies_where_an_expert_added_is_one_with_it() -> None:
    log = Log()
    (a,) = log.decide(by_hand(-5, 10.0))
    (b,) = log.decide(by_hand(-6, 11.0))
    (c, _) = log.decide(by_hand(-7, 12.5), by_hand(-8, 10.0, micrograph="b"))
    one, other = log.decide(by_hand(1, 30.0), by_hand(2, 30.0))  # their marks tell them apart
    (d,) = log.decide(by_hand(-9, 29.5))
    pairs = ((a, b), (one, d), (other, d))
    assert log.ledger.conflicts == pairs
    assert ledger.fold(log.entries, BEGAN_WITH, 2.0).conflicts == ((a, b), (b, c), *pairs[1:])
    assert dict(log.ledger.contested) == {}
    history = ledger.History(BEGAN_WITH)
    for entry in log.entries:
        history.take([entry])
    assert history.ledger.conflicts == pairs
    log.undo()
    assert log.ledger.conflicts == ((a, b),)


def test_between_experts_a_ruling_takes_over_what_lies_at_its_place() -> None:
    log = Log()
    (a,) = log.decide(by_hand(-5, 10.0))
    (b,) = log.decide(by_hand(-6, 11.0, label=2))
    (new,) = log.decide(replace(by_hand(-5, 10.0), source="adjudicated"))
    assert log.ledger.in_force.keys() == {new}
    assert set(log.ledger.in_force[new].marks) == {-5, -6}
    assert set(log.entries[-1].supersedes) == {a, b}
    assert log.ledger.conflicts == ()
