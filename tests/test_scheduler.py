"""A sweep on processes of their own: the same to the bit, whatever happens to them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from k2c_gui import scheduler
from k2c_gui.core.grid import grid
from k2c_gui.core.model import K2CError, Table
from k2c_gui.core.review import Evidence
from k2c_gui.core.sweep import sweep
from k2c_gui.session import Session

distributed = pytest.importorskip("distributed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # other people's warnings

GRID = "default,min_cluster_size=4:12:2,min_samples=3,5,method=eom,leaf"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
    ) as own:
        yield own


@pytest.fixture
def session(project: Path) -> Iterator[Session]:
    with Session(project / "demo.k2c") as own:
        yield own


def many(session: Session, n: int) -> list[Evidence]:
    """The same micrographs again and again."""
    return [session.state.evidence[i % 2] for i in range(n)]


def test_a_killed_worker_changes_nothing(cluster: Any, session: Session) -> None:
    evidence, ledger = many(session, 24), session.state.ledger
    asked = grid(GRID, ledger.params)
    here = sweep(evidence, asked, ledger)
    killed: list[int] = []

    def kill(name: str, tallies: Table) -> None:
        if not killed:
            killed.append(next(iter(cluster.workers.values())).pid)
            os.kill(killed[0], signal.SIGKILL)

    with scheduler.connected(cluster.scheduler_address) as executor:
        there = sweep(evidence, asked, ledger, executor, arrived=kill)
    assert killed
    assert not there.failed
    assert there.micrographs == here.micrographs
    assert there.tallies.tobytes() == here.tallies.tobytes()
    assert here.scores["instances"].sum() > 0


def test_what_was_done_here_is_not_done_there(cluster: Any, session: Session) -> None:
    evidence, ledger = list(session.state.evidence), session.state.ledger
    asked = grid(GRID, ledger.params)
    shelf: dict[str, Table] = {}
    here = sweep(evidence[:1], asked, ledger, shelf=shelf)
    came: list[str] = []
    with scheduler.connected(cluster.scheduler_address) as executor:
        submit: Callable[..., Any] = executor.submit

        def noted(work: Callable[..., Any], question: Any) -> Any:
            came.append(question.evidence.name)
            return submit(work, question)

        executor.submit = noted  # type: ignore[method-assign, assignment]
        there = sweep(evidence, asked, ledger, executor, shelf=shelf)
    assert came == [evidence[1].name]
    assert there.tallies[0].tobytes() == here.tallies[0].tobytes()
    assert len(shelf) == 2


def test_a_poisoned_micrograph_is_named(cluster: Any, session: Session) -> None:
    from dataclasses import replace

    evidence, ledger = list(session.state.evidence), session.state.ledger
    bad = replace(evidence[0], mark_of_vote=evidence[0].mark_of_vote + 10**6)
    with scheduler.connected(cluster.scheduler_address) as executor:
        found = sweep([bad, evidence[1]], grid(GRID, ledger.params), ledger, executor)
    assert list(found.failed) == [bad.name]
    assert found.micrographs == (evidence[1].name,)
    assert np.isfinite(found.scores["validity"]).all()


def test_other_versions_are_refused(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # a function of this test cannot be sent to the workers; theirs is asked by name
    from k2c_gui.core import scores

    monkeypatch.setattr(scheduler, "versions", _Ours(scores.versions))
    with (
        pytest.raises(K2CError, match="other versions"),
        scheduler.connected(cluster.scheduler_address),
    ):
        pass


class _Ours:
    """Here another answer than where it is sent to."""

    def __init__(self, theirs: Callable[[], dict[str, str]]) -> None:
        self._theirs = theirs

    def __call__(self) -> dict[str, str]:
        return {"numpy": "0.0"}

    def __reduce__(self) -> Any:
        return _the, (self._theirs,)


def _the(function: Any) -> Any:
    return function
