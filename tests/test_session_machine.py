"""Anything an expert may do, in any order, with reruns and restarts, against a plain model."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from k2c_gui import demo
from k2c_gui.core import exposure, review
from k2c_gui.core.model import (
    BACKING,
    NO_LABEL,
    STATUS,
    ClusterParams,
    Decision,
    Grouping,
    K2CError,
    Label,
    Micrograph,
    Sources,
    Table,
)
from k2c_gui.io import session_file
from k2c_gui.session import Session

SETTINGS = (
    ClusterParams(min_cluster_size=5, min_samples=3),
    ClusterParams(min_cluster_size=3, min_samples=2, method="leaf"),
    ClusterParams(min_cluster_size=14, min_samples=11),
    ClusterParams(min_cluster_size=5, min_samples=3, epsilon=14.0),
    ClusterParams(min_cluster_size=500),  # no group at all
)
Marks = tuple[int, ...]


@cache
def content() -> session_file.Content:
    """A small world as an import would store it."""
    params = demo.WorldParams(
        micrographs=2, seed=7, size=256, particles=8, tiles_per_axis=3, volunteers=30, touching=0.7
    )
    world = demo.make(params)
    names = ("Nanoparticle", "Cluster", "Artifact", "Nothing")
    sources = Sources(
        tuple(Micrograph(name, name, 256, 256, 0.5) for name in world.names),
        tuple(Label(value, name, value != 3) for value, name in enumerate(names)),
        tuple(f"tile {i}" for i in range(len(world.tiles))),
        world.tiles,
        world.looks[np.argsort(world.looks["classification"])],
        world.marks[np.argsort(world.marks["mark"])],
        world.votes[np.argsort(world.votes["classification"])],
    )
    return session_file.Content("world", exposure.count(sources), (), SETTINGS[0])


@cache
def evidence() -> list[review.Evidence]:
    return review.evidence(content().sources)


@cache
def grouping(place: int, params: ClusterParams) -> Grouping:
    return review.group(evidence()[place], params)


@cache
def groups(place: int, params: ClusterParams) -> tuple[Marks, ...]:
    """Marks of each group, by its earliest mark."""
    group = grouping(place, params).group_of_mark
    marks = evidence()[place].marks["mark"]
    return tuple(tuple(marks[group == g].tolist()) for g in range(group.max(initial=-1) + 1))


@dataclass
class Model:
    """What is so, held outright: rulings in the order in which they were made."""

    in_force: list[Decision] = field(default_factory=list)
    signed_off: frozenset[str] = frozenset()

    def decided(self, rulings: list[Decision], signs: str = "") -> Model | None:
        """After one more step; None where it has to be refused."""
        named = [m for r in rulings for m in r.marks]
        stays = [d for d in self.in_force if 2 * len({*d.marks} & {*named}) < len(d.marks)]
        taken = {m for d in stays for m in d.marks}
        new = [replace(r, marks=tuple(m for m in r.marks if m not in taken)) for r in rulings]
        if len(set(named)) < len(named) or not all(r.marks for r in new):
            return None
        signed = self.signed_off - {r.micrograph for r in rulings} | {signs} - {""}
        return Model([*stays, *new], signed)


class Machine(RuleBasedStateMachine):
    """A session at work beside the model."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "world.k2c"
        session_file.write(self.path, content())
        self.session = Session(self.path, write=True, expert="E")
        self.names = [m.name for m in content().sources.micrographs]
        self.params = SETTINGS[0]
        self.past: list[Model] = []
        self.now = Model()
        self.future: list[Model] = []
        self.seen: dict[tuple[ClusterParams, str], bytes] = {}
        self.added = 0

    def teardown(self) -> None:
        if hasattr(self, "session"):
            self.session.close()
            self.folder.cleanup()

    # What there is to rule on, worked out anew

    def on(self, place: int) -> list[Decision]:
        return [d for d in self.now.in_force if d.micrograph == self.names[place]]

    def proposals(self, place: int) -> list[Marks]:
        taken = {m for d in self.on(place) for m in d.marks}
        every = groups(place, self.params)
        return [own for own in every if 2 * len(taken.intersection(own)) < len(own)]

    def ruling(self, place: int, marks: Marks, made_from: tuple[Marks, ...], code: int) -> Decision:
        verdict: Any = ("label", "label", "label", "label", "defer", "reject")[code]
        return Decision(
            micrograph=self.names[place],
            marks=marks,
            verdict=verdict,
            label=code if code < 4 else None,
            # what has no marks of volunteers is known by its place, and each has its own
            x=float(sum(marks) % 251) if max(marks) > 0 else 1000.0 * min(marks),
            y=float(code),
            decided_at="2026-01-01T00:00:00Z",
            params=self.params,
            made_from=made_from,
            held=len(content().sources.marks),
        )

    def candidates(self, place: int) -> list[tuple[Marks, tuple[Marks, ...]]]:
        free = [(own, (own,)) for own in self.proposals(place)]
        return free + [(d.marks, d.made_from) for d in self.on(place)]

    def step(self, rulings: list[Decision]) -> None:
        after = self.now.decided(rulings)
        if after is None:
            before = self.session.log
            with pytest.raises(K2CError):
                self.session.decide(rulings)
            assert self.session.log == before
            return
        self.session.decide(rulings)
        self.past.append(self.now)
        self.now, self.future = after, []

    # What the expert does

    @rule(place=st.integers(0, 1), code=st.integers(0, 5), which=st.integers(0, 99))
    def decide(self, place: int, code: int, which: int) -> None:
        if every := self.candidates(place):
            self.step([self.ruling(place, *every[which % len(every)], code)])

    @rule(place=st.integers(0, 1), code=st.integers(0, 5), first=st.integers(0, 99))
    def merge(self, place: int, code: int, first: int) -> None:
        every = self.candidates(place)
        if len(every) > 1:
            one, other = every[first % len(every)], every[(first + 1) % len(every)]
            union = tuple(sorted({*one[0], *other[0]}))
            self.step([self.ruling(place, union, one[1] + other[1], code)])

    @rule(
        place=st.integers(0, 1),
        code=st.integers(0, 5),
        which=st.integers(0, 99),
        n=st.integers(2, 3),
    )
    def split(self, place: int, code: int, which: int, n: int) -> None:
        if every := self.candidates(place):
            whole, made_from = every[which % len(every)]
            parts = [whole[i::n] for i in range(n) if whole[i::n]]
            self.step([self.ruling(place, part, made_from, code) for part in parts])

    @rule(
        place=st.integers(0, 1),
        code=st.integers(0, 5),
        which=st.integers(0, 999),
        n=st.integers(1, 9),
    )
    def lasso(self, place: int, code: int, which: int, n: int) -> None:
        """Any marks at all, be they noise, of several groups, or of other decisions."""
        marks = evidence()[place].marks["mark"].tolist()
        self.step([self.ruling(place, tuple(marks[which % len(marks) :][:n]), (), code)])

    @rule(place=st.integers(0, 1), code=st.integers(0, 5))
    def add(self, place: int, code: int) -> None:
        self.added += 1
        self.step([self.ruling(place, (-1 - self.added,), (), code)])

    @rule(place=st.integers(0, 1), code=st.integers(0, 3), n=st.integers(2, 5))
    def accept_a_page(self, place: int, code: int, n: int) -> None:
        if page := self.proposals(place)[:n]:
            bulk = [self.ruling(place, own, (own,), code) for own in page]
            self.step([replace(ruling, source="bulk") for ruling in bulk])

    @rule(place=st.integers(0, 1))
    def sign_off(self, place: int) -> None:
        name = self.names[place]
        proposals = self.proposals(place)
        table = self.table(place)
        proposed = table[table["status"] == STATUS.index("proposed")]
        if (proposed["label"] == NO_LABEL).any() or (name in self.now.signed_off and not proposals):
            with pytest.raises(K2CError, match=r"undecided|signed off already"):
                self.session.sign_off(name)
            return
        before = set(self.session.state.ledger.in_force)
        self.session.sign_off(name)
        made = [d for u, d in self.session.state.ledger.in_force.items() if u not in before]
        assert {d.made_from for d in made} == {(own,) for own in proposals}
        after = self.now.decided(made, name)
        assert after is not None
        self.past.append(self.now)
        self.now, self.future = after, []

    @precondition(lambda self: self.past)
    @rule()
    def undo(self) -> None:
        self.session.undo()
        self.future.append(self.now)
        self.now = self.past.pop()

    @precondition(lambda self: self.future)
    @rule()
    def redo(self) -> None:
        self.session.redo()
        self.past.append(self.now)
        self.now = self.future.pop()

    @rule(which=st.sampled_from(SETTINGS))
    def rerun(self, which: ClusterParams) -> None:
        self.session.apply(which)
        self.params = which

    @rule()
    def restart(self) -> None:
        self.session.close()
        self.session = Session(self.path, write=True, expert="E")

    # What must be so

    def table(self, place: int) -> Table:
        facts, ledger = self.session.state.evidence[place], self.session.state.ledger
        return review.instances(facts, grouping(place, self.params), ledger)

    @invariant()
    def the_ledger_is_the_model(self) -> None:
        if not hasattr(self, "session"):
            return
        found = self.session.state.ledger
        assert list(found.in_force.values()) == self.now.in_force
        assert dict(found.owner) == {m: uid for uid, d in found.in_force.items() for m in d.marks}
        assert (found.conflicts, dict(found.contested)) == ((), {})
        assert found.signed_off == self.now.signed_off
        assert found.params == self.params
        assert (found.undoable != "", found.redoable != "") == (
            bool(self.past),
            bool(self.future),
        )

    @invariant()
    def every_decision_stands_and_nothing_counts_twice(self) -> None:
        if not hasattr(self, "session"):
            return
        for place in range(2):
            table = self.table(place)
            own = table[table["status"] != STATUS.index("proposed")]
            in_force = self.on(place)
            told = zip(own["x"].tolist(), own["y"].tolist(), own["label"].tolist(), strict=True)
            assert list(told) == [
                (d.x, d.y, NO_LABEL if d.label is None else d.label) for d in in_force
            ]
            proposed = table["instance"][table["status"] == STATUS.index("proposed")]
            assert proposed.tolist() == [str(marks[0]) for marks in self.proposals(place)]
            for row, decision in zip(own, in_force, strict=True):
                self.borne_out(place, BACKING[row["backing"]], decision)
            # the same decisions under the same setting: the same table, whatever lay between
            key = self.params, " ".join(own["instance"].tolist()) or self.names[place]
            assert self.seen.setdefault(key, table.tobytes()) == table.tobytes()

    def borne_out(self, place: int, state: str, decision: Decision) -> None:
        every = [set(own) for own in groups(place, self.params)]

        def there(marks: Marks) -> bool:
            both = [(len(own.intersection(marks)), len(own)) for own in every]
            return any(10 * n >= 6 * max(size, len(marks)) for n, size in both)

        marks = tuple(m for m in decision.marks if m >= 0)
        wanted = (
            not marks
            or not decision.made_from
            or there(marks)
            or all(there(own) for own in decision.made_from if own[0] >= 0)
        )
        assert (state == "kept") is wanted
        if state == "dissolved":
            most = max((len(own.intersection(marks)) for own in every), default=0)
            assert 10 * most < 6 * len(marks)


FAST = settings(deadline=None, max_examples=10, stateful_step_count=25)
TestSession = Machine.TestCase
TestSession.settings = FAST


@pytest.mark.slow
def test_ten_thousand_steps() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Machine,
        settings=settings(
            deadline=None,
            max_examples=50,
            stateful_step_count=200,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
