"""Random edits, undo, redo, reruns and restarts at the desk, against a plain stack of snapshots."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from k2c_gui.core import queue, review
from k2c_gui.core.model import NO_LABEL, STATUS, ClusterParams
from k2c_gui.desk import Desk
from k2c_gui.session import Session

SETTINGS = (ClusterParams(), ClusterParams(5, 3), ClusterParams(4, 3, method="leaf"))
picks = st.lists(st.integers(0, 40), min_size=1, max_size=3, unique=True)
labels = st.integers(0, 3)
shifts = st.floats(-2.0, 2.0)


class Editing(RuleBasedStateMachine):
    """`done` and `undone` hold what the ledger was after each step; nothing else is known."""

    project: Path

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "some.k2c"
        shutil.copy(self.project, self.path)
        self.done: list[Any] = []
        self.undone: list[Any] = []
        self.open()
        self.bottom = self.snapshot()

    def teardown(self) -> None:
        self.desk.session.close()
        self.folder.cleanup()

    def open(self) -> None:
        self.desk = Desk(Session(self.path, write=True, expert="an expert"))
        self.answer()

    def answer(self) -> None:
        desk = self.desk
        for evidence in desk.state.evidence:
            if desk.state.groupings[evidence.micrograph] is None:
                desk.offer(review.group(evidence, desk.state.ledger.params))
        desk.offer(review.group(desk.state.evidence[desk.state.shown], desk.state.params))

    def snapshot(self) -> Any:
        ledger = self.desk.state.ledger
        return dict(ledger.in_force), dict(ledger.remarks), ledger.signed_off

    def select(self, chosen: list[int]) -> None:
        state = self.desk.state
        n = len(state.instances)
        rows = list(dict.fromkeys(i % n for i in chosen))
        marks = queue.anchors(state.instances[rows], state.ledger).tolist()
        self.desk.select(marks[0])
        for mark in marks[1:]:
            self.desk.toggle(mark)
        self.desk.painted()
        self.selected = marks

    def edit(self, run: Callable[[], bool]) -> None:
        """What succeeds is one more step; what is refused changes nothing."""
        before, n = self.snapshot(), len(self.desk.session.log)
        step = self.desk.state.ledger.undoable
        done = run()
        draft = self.desk.state.draft
        if draft is not None:
            done = self.desk.commit("label", 1)
        if not done:
            assert self.snapshot() == before
            assert len(self.desk.session.log) == n
            return
        if self.desk.state.ledger.undoable == step:  # it joined the step before
            self.done.pop()
        self.done.append(self.snapshot())
        self.undone = []

    @rule(chosen=picks, label=labels)
    def label(self, chosen: list[int], label: int) -> None:
        self.select(chosen)
        self.edit(lambda: self.desk.rule("label", label, note="n" * (label == 2)))
        owner = self.desk.state.ledger.owner
        assert all(mark in owner for mark in self.selected)

    @rule(chosen=picks, verdict=st.sampled_from(["defer", "reject"]))
    def put_aside(self, chosen: list[int], verdict: Any) -> None:
        self.select(chosen)
        self.edit(lambda: self.desk.rule(verdict))

    @rule(chosen=picks, dx=shifts, dy=shifts)
    def nudge(self, chosen: list[int], dx: float, dy: float) -> None:
        self.select(chosen[:1])
        for _ in range(2):
            self.edit(lambda: self.desk.nudge(dx, dy))

    @rule(chosen=picks)
    def merge(self, chosen: list[int]) -> None:
        self.select(chosen)
        self.edit(self.desk.merge)

    @rule(chosen=picks, k=st.integers(2, 4))
    def split(self, chosen: list[int], k: int) -> None:
        self.select(chosen[:1])
        self.edit(lambda: self.desk.split(k) and False)

    @rule(x=st.floats(0, 384), y=st.floats(0, 384), label=labels)
    def add(self, x: float, y: float, label: int) -> None:
        self.edit(lambda: self.desk.add(x, y, label))
        if "one thing" in self.desk.state.trouble:
            return  # another decision stands there
        last = next(reversed(list(self.desk.state.ledger.in_force.values())))
        assert (last.x, last.y, last.label) == (x, y, label)

    @rule(chosen=picks, flag=st.booleans())
    def remark(self, chosen: list[int], flag: bool) -> None:
        self.select(chosen)
        self.edit(lambda: self.desk.remark(note="so", flag=flag))

    @rule()
    def reason(self) -> None:
        self.edit(lambda: self.desk.give_reason("edge"))

    @rule()
    def accept(self) -> None:
        table = self.desk.state.tables[1]
        assert table is not None
        clear = table[
            (table["status"] == STATUS.index("proposed"))
            & ~table["ambiguous"]
            & (table["label"] != NO_LABEL)
        ][:4]
        cases = np.zeros(len(clear), queue.CASE)
        cases["micrograph"], cases["mark"] = 1, queue.anchors(clear, self.desk.state.ledger)
        self.desk.page_painted(cases)
        self.edit(lambda: self.desk.accept(cases))

    @rule()
    def sign_off(self) -> None:
        self.edit(self.desk.sign_off)

    @rule()
    def undo(self) -> None:
        self.desk.undo()
        self.answer()  # it may be shown on another micrograph
        if self.done:
            self.undone.append(self.done.pop())

    @rule()
    def redo(self) -> None:
        self.desk.redo()
        self.answer()
        if self.undone:
            self.done.append(self.undone.pop())

    @rule(params=st.sampled_from(SETTINGS), apply=st.booleans())
    def rerun(self, params: ClusterParams, apply: bool) -> None:
        self.desk.try_params(params)
        self.answer()
        if apply:
            self.desk.apply()
            self.answer()

    @rule()
    def turn(self) -> None:
        self.desk.show(1 - self.desk.state.shown)
        self.answer()  # as the window's threads do; until then nothing is known of it

    @rule()
    def restart(self) -> None:
        self.desk.session.close()
        self.open()

    @invariant()
    def as_the_stack_says(self) -> None:
        if hasattr(self, "desk"):
            assert self.snapshot() == (self.done[-1] if self.done else self.bottom)

    @invariant()
    def every_decision_stands_once_where_it_was_put(self) -> None:
        if not hasattr(self, "desk"):
            return
        state = self.desk.state
        own = {u: d for u, d in state.ledger.in_force.items() if d.micrograph == state.name}
        decided = state.instances[state.instances["status"] != STATUS.index("proposed")]
        assert sorted(decided["instance"].tolist()) == sorted(own)
        for row in decided:
            decision = own[str(row["instance"])]
            assert (row["x"], row["y"]) == (decision.x, decision.y)
            assert row["label"] == (NO_LABEL if decision.label is None else decision.label)
        marks = [mark for decision in own.values() for mark in decision.marks]
        assert len(set(marks)) == len(marks)


def run(project: Path, examples: int, steps: int) -> None:
    machine = type("OnDemo", (Editing,), {"project": project / "demo.k2c"})
    run_state_machine_as_test(
        machine,
        settings=settings(
            deadline=None,
            max_examples=examples,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_edits_are_what_a_stack_of_snapshots_is(demo_project: Path) -> None:
    run(demo_project, 4, 25)


@pytest.mark.slow
def test_ten_thousand_random_steps(demo_project: Path) -> None:
    run(demo_project, 200, 50)
