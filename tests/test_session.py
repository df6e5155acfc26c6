"""The session: from an import over decisions to a training set, and what it refuses."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from k2c_gui.core.model import (
    NO_LABEL,
    STATUS,
    ClusterParams,
    Decision,
    K2CError,
    Remark,
    Table,
)
from k2c_gui.io.session_file import SessionFile
from k2c_gui.session import Session

FIRST, SECOND = "AuGe_001.tif", "PdC_002.tif"


@pytest.fixture
def session(project: Path) -> Iterator[Session]:
    with Session(project / "demo.k2c", write=True, expert="an expert") as session:
        yield session


def ruling(session: Session, row: Any, **about: Any) -> Decision:
    """Rule on the marks of a proposal."""
    place = int(row["micrograph"])
    evidence = session.state.evidence[place]
    near = np.hypot(evidence.marks["x"] - row["x"], evidence.marks["y"] - row["y"]) < 6
    marks = tuple(evidence.marks["mark"][near].tolist())
    fixed = {"verdict": "label", "label": 1, "decided_at": "2024-05-01T10:00:00.000Z"}
    x, y = float(row["x"]), float(row["y"])
    return Decision(
        micrograph=evidence.name, marks=marks, x=x, y=y, made_from=(marks,), **(fixed | about)
    )


def status(table: Table, name: str) -> Table:
    return table[table["status"] == STATUS.index(name)]


def ties(session: Session, place: int) -> Table:
    table = status(session.instances(only=[place]), "proposed")
    return table[table["label"] == NO_LABEL]


def decide_ties(session: Session, place: int) -> int:
    found = ties(session, place)
    for row in found:
        session.decide([ruling(session, row)])
    assert len(ties(session, place)) == 0
    return len(found)


def test_the_main_job(project: Path) -> None:
    path = project / "demo.k2c"
    with Session(path, write=True, expert="an expert") as session:
        n_instances = len(session.instances(only=[0]))
        n_ties = len(ties(session, 0))
        assert n_ties
        with pytest.raises(K2CError, match=f"{n_ties} instances of {FIRST} are undecided"):
            session.sign_off(FIRST)
        assert session.log == ()
        decide_ties(session, 0)
        assert len(status(session.instances(only=[0]), "decided")) == n_ties
        session.undo()
        assert len(ties(session, 0)) == 1

    with Session(path, write=True, expert="an expert") as session:  # after a restart
        assert len(ties(session, 0)) == 1
        session.redo()
        session.sign_off(FIRST)
        assert session.state.ledger.signed_off == {FIRST}
        decided = status(session.instances(only=[0]), "decided")
        assert len(decided) == len(session.instances(only=[0])) == n_instances
        chosen = session.training_set()
        assert [m.name for m in chosen.micrographs] == [FIRST]
        in_use = [label.value for label in chosen.labels if label.use]
        assert len(chosen.instances) == int(np.isin(decided["label"], in_use).sum())
        assert {e.expert for e in session.log} == {"an expert"}


def test_a_decided_instance_stands_whatever_the_setting(session: Session) -> None:
    row = ties(session, 0)[0]
    made = replace(ruling(session, row, label=3), x=12.25, y=7.5)
    session.decide([made])
    for params in (ClusterParams(), ClusterParams(min_cluster_size=40), ClusterParams(3, 3)):
        (decided,) = status(session.instances(params), "decided")
        assert (decided["x"], decided["y"], decided["label"]) == (12.25, 7.5, 3)
        assert decided["instance"] == next(iter(session.state.ledger.in_force))
        beside = status(session.instances(params, only=[0]), "proposed")
        assert not np.any(np.hypot(beside["x"] - row["x"], beside["y"] - row["y"]) < 2)


def test_sign_off_is_one_step(session: Session) -> None:
    decide_ties(session, 0)
    before = session.instances(only=[0])
    session.sign_off(FIRST)
    *accepted, last = [e for e in session.log if e.step == session.log[-1].step]
    assert last.kind == "sign-off"
    assert len(accepted) == len(status(before, "proposed"))
    by_place = {(float(r["x"]), float(r["y"])): r for r in before}
    for entry in accepted:
        decision = entry.decision
        assert decision is not None
        row = by_place[decision.x, decision.y]
        assert decision.source == "sign-off"
        assert decision.label == row["label"]
        assert decision.votes == tuple(row["votes"].tolist())
        assert decision.params == session.state.ledger.params
        assert len(decision.made_from[0]) == row["n_marks"]
    with pytest.raises(K2CError, match="signed off already"):
        session.sign_off(FIRST)
    session.undo()
    assert session.state.ledger.signed_off == frozenset()
    assert session.instances(only=[0]).tobytes() == before.tobytes()
    session.redo()
    assert session.state.ledger.signed_off == {FIRST}


def test_a_later_decision_reopens_a_micrograph(session: Session) -> None:
    decide_ties(session, 0)
    session.sign_off(FIRST)
    session.decide([ruling(session, session.instances(only=[0])[0], label=2)])
    assert session.state.ledger.signed_off == frozenset()
    session.undo()
    assert session.state.ledger.signed_off == {FIRST}


def test_a_verb_replaces_the_state_and_leaves_the_facts(session: Session) -> None:
    row = ties(session, 0)[0]
    verbs: list[Callable[[], None]] = [
        lambda: session.decide([ruling(session, row)]),
        session.undo,
        session.redo,
        lambda: session.apply(ClusterParams(min_samples=9)),
    ]
    for verb in verbs:
        before = session.state
        verb()
        assert session.state is not before
        assert session.state.sources is before.sources
        assert session.state.evidence is before.evidence


def test_verbs_without_effect_write_nothing(session: Session) -> None:
    before = session.state
    session.undo()
    session.redo()
    session.apply(session.state.ledger.params)
    assert session.state is before
    assert session.log == ()


def test_a_failing_disk_changes_nothing(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.decide([ruling(session, ties(session, 0)[0])])

    def full(*_: object) -> None:
        raise K2CError("The disk is full.")

    before, log = session.state, session.log
    with monkeypatch.context() as patch:
        patch.setattr(SessionFile, "append", full)
        for verb in (
            session.undo,
            lambda: session.apply(ClusterParams(9, 9)),
            lambda: session.decide([ruling(session, ties(session, 1)[0])]),
        ):
            with pytest.raises(K2CError, match="disk is full"):
                verb()
    assert session.state is before
    assert session.log == log
    session.undo()
    assert session.state.ledger.in_force == {}


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"label": 9}, "cannot have the label 9"),
        ({"label": None}, "cannot have the label None"),
        ({"verdict": "reject"}, "cannot have the label 1"),
        ({"x": float("nan")}, "no place"),
        ({"y": float("inf")}, "no place"),
        ({"micrograph": "other.tif"}, r"no micrograph other\.tif.*AuGe_001"),
    ],
)
def test_impossible_rulings_are_refused(session: Session, about: dict[str, Any], told: str) -> None:
    good = ruling(session, ties(session, 0)[0])
    other = ruling(session, ties(session, 1)[0])
    with pytest.raises(K2CError, match=told):
        session.decide([other, replace(good, **about)])
    assert session.log == ()


def test_impossible_remarks_are_refused(session: Session) -> None:
    for remark, told in (
        (Remark("other.tif", (1,), "so"), "no micrograph"),
        (Remark(FIRST, (), "so"), "marks that it is about"),
    ):
        with pytest.raises(K2CError, match=told):
            session.remark([Remark(FIRST, (1,), "fine"), remark])
    assert session.log == ()


def test_what_joins_a_step_is_undone_with_it(session: Session) -> None:
    first, second = status(session.instances(only=[1]), "proposed")[:2]
    session.decide([ruling(session, first)])
    session.decide([ruling(session, second)], joins=True)
    session.decide([ruling(session, first, label=2)], joins=True)
    assert len({entry.step for entry in session.log}) == 1
    assert sorted(d.label or 0 for d in session.state.ledger.in_force.values()) == [1, 2]
    session.undo()
    assert session.state.ledger.in_force == {}
    session.decide([ruling(session, first)], joins=True)
    assert len({e.step for e in session.log if e.decision}) == 2, "nothing is left to join"


def test_a_reader_does_not_decide(project: Path) -> None:
    with Session(project / "demo.k2c") as session:
        with pytest.raises(K2CError, match="reading only"):
            session.decide([ruling(session, ties(session, 0)[0])])
        assert session.log == ()


@settings(
    deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("decide"), st.integers(0, 5), st.integers(0, 3)),
            st.sampled_from([("undo",), ("redo",), ("sign off",), ("restart",)]),
            st.tuples(st.just("apply"), st.integers(2, 15)),
        ),
        max_size=12,
    )
)
def test_the_state_is_what_the_log_amounts_to(
    demo_project: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
) -> None:
    path = tmp_path_factory.mktemp("law") / "some.k2c"
    shutil.copy(demo_project / "demo.k2c", path)
    session = Session(path, write=True)
    rows = session.instances(only=[0])
    decide_ties(session, 0)
    try:
        for step in steps:
            if step[0] == "decide":
                session.decide([ruling(session, rows[step[1]], label=step[2])])
            elif step[0] == "undo":
                session.undo()
            elif step[0] == "redo":
                session.redo()
            elif step[0] == "apply":
                session.apply(ClusterParams(min_cluster_size=step[1]))
            elif step[0] == "sign off" and FIRST not in session.state.ledger.signed_off:
                if not len(ties(session, 0)):
                    session.sign_off(FIRST)
            elif step[0] == "restart":
                session.close()
                session = Session(path, write=True)
            with Session(path) as again:
                assert again.state.ledger == session.state.ledger
                assert again.log == session.log
    finally:
        session.close()


def test_check_looks_at_the_images(project: Path) -> None:
    with Session(project / "demo.k2c") as session:
        assert session.check() == ()
        image = project / "images" / FIRST
        data = image.read_bytes()
        image.write_bytes(data[:-1] + b"!")
        assert session.check() == (f"{image}: the image has changed since it was imported.",)
        image.unlink()
        (trouble,) = session.check()
        assert str(image) in trouble
        assert "missing" in trouble


def test_check_tells_of_an_image_it_cannot_read(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("k2c_gui.session.sha256", refuse)
    with Session(project / "demo.k2c") as session:
        troubles = session.check()
    assert len(troubles) == 2
    assert "cannot be read: Permission denied" in troubles[0]
