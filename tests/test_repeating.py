"""A case that comes back looks as if it had never been ruled on, and is never overruled."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from k2c_gui import demo
from k2c_gui.core import pace, review
from k2c_gui.core.model import STATUS
from k2c_gui.core.pace import Due
from k2c_gui.core.queue import anchors
from k2c_gui.demo import WorldParams
from k2c_gui.desk import Desk, hidden, new_since, withheld
from k2c_gui.importing import import_
from k2c_gui.io.sources import Files
from k2c_gui.merging import merge
from k2c_gui.repeating import RepeatingDesk
from k2c_gui.session import Session

PARAMS = WorldParams(micrographs=2, seed=2, size=512, particles=30, tiles_per_axis=4)
AFTER = 2


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    demo.write(folder, PARAMS)
    files = Files(folder / "images", folder / "picking.csv", folder / "classifying.csv")
    import_(folder / "demo.k2c", files)
    return folder / "demo.k2c"


@pytest.fixture
def session(project: Path, tmp_path: Path) -> Iterator[Session]:
    path = Path(shutil.copy(project, tmp_path / "demo.k2c"))
    with Session(path, write=True, expert="Ann") as session:
        yield session


def answer(desk: Desk) -> None:
    for evidence in desk.state.evidence:
        for params in {desk.state.params, desk.state.ledger.params}:
            desk.offer(review.group(evidence, params))


@pytest.fixture
def desk(session: Session) -> RepeatingDesk:
    """Every case comes back once two others lie between, and each time there is one."""
    desk = RepeatingDesk(session, Due(share=1.0, after=AFTER, between=0))
    answer(desk)
    desk.rank("undecided")
    desk.go(1)
    return desk


def rule(desk: Desk, label: int = 0, **about: str) -> bool:
    desk.painted()
    return desk.rule("label", label, **about)


def until_again(desk: RepeatingDesk) -> str:
    """Rule until a case comes back; its uid."""
    for _ in range(AFTER + 3):
        assert rule(desk, 1)
        if desk.state.again:
            return desk.state.again
    pytest.fail("nothing came back")


def test_a_case_comes_back_as_if_it_had_never_been_ruled_on(desk: RepeatingDesk) -> None:
    first_table = desk.state.tables[0]
    assert first_table is not None
    first = desk.state.instances[desk.row()].copy()
    uid = until_again(desk)
    row = desk.row()
    now = desk.state.instances[row]
    for field in ("instance", "x", "y", "votes", "n_marks", "status", "backing", "label"):
        np.testing.assert_array_equal(now[field], first[field])
    assert STATUS[int(now["status"])] == "proposed"
    assert hidden(desk.state, row)
    assert uid not in desk.state.ledger.in_force
    assert uid in desk.session.state.ledger.in_force
    assert desk.history() == ()


def test_it_is_blind_whatever_the_switch_says(desk: RepeatingDesk) -> None:
    desk.set_blind(False)
    until_again(desk)
    table = desk.state.instances
    closed = withheld(desk.state, table)
    assert np.flatnonzero(closed).tolist() == [desk.row()]


def test_the_second_ruling_is_kept_beside_the_first(desk: RepeatingDesk) -> None:
    uid = until_again(desk)
    before = dict(desk.session.state.ledger.in_force)
    assert rule(desk, 3)
    assert dict(desk.session.state.ledger.in_force) == before
    assert before[uid].label == 1
    ((first, second),) = pace.repeats(desk.session.log)
    assert (first, second.label, second.blind) == (before[uid], 3, True)
    assert second.shown_at
    entry = next(e for e in desk.session.log if e.repeat)
    assert (entry.target, entry.supersedes) == (uid, ())


def test_it_has_a_place_in_the_queue_like_any_other(desk: RepeatingDesk) -> None:
    cases, places = len(desk.state.queue.cases), [desk.place()]
    for _ in range(12):
        assert rule(desk, 1)
        places.append(desk.place())
    assert len(pace.repeats(desk.session.log)) >= 3
    assert len(desk.state.queue.cases) == cases
    assert len(np.unique(desk.state.queue.cases)) == cases
    steps = np.diff(places)
    assert set(steps.tolist()) <= {0, 1}  # a row that moved down from above leaves a gap there


def test_each_comes_back_once(desk: RepeatingDesk) -> None:
    for _ in range(30):
        assert rule(desk, 1)
    targets = [e.target for e in desk.session.log if e.repeat]
    assert len(targets) == len(set(targets)) > 3


def test_going_elsewhere_shows_it_as_it_was_decided(desk: RepeatingDesk) -> None:
    uid = until_again(desk)
    name = desk.state.again_as
    desk.go(1)
    assert not desk.state.again
    assert uid in desk.state.ledger.in_force
    table = desk.state.tables[desk.state.shown]
    assert table is not None
    assert uid in table["instance"]
    assert name not in table["instance"]
    assert not any(entry.repeat for entry in desk.session.log)
    for _ in range(6):  # it is not asked again and again
        assert rule(desk, 1)
        assert desk.state.again != uid


def test_a_click_on_it_changes_nothing(desk: RepeatingDesk) -> None:
    uid = until_again(desk)
    table = desk.state.instances
    (mark,) = anchors(table[desk.row() : desk.row() + 1], desk.state.ledger)
    desk.select(int(mark))
    assert desk.state.again == uid
    assert hidden(desk.state, desk.row())


def test_what_would_overrule_it_is_refused_and_it_is_seen_as_decided(desk: RepeatingDesk) -> None:
    uid = until_again(desk)
    log = len(desk.session.log)
    desk.painted()
    assert not desk.nudge(1, 0)
    assert "decided before" in desk.state.trouble
    assert len(desk.session.log) == log
    assert uid in desk.state.ledger.in_force
    uid = until_again(desk)
    assert not desk.split(2)
    assert desk.state.draft is None
    assert uid in desk.state.ledger.in_force


def test_a_reason_for_the_last_ruling_does_not_give_it_away(desk: RepeatingDesk) -> None:
    uid = until_again(desk)
    given = desk.give_reason("edge")
    assert given
    assert desk.state.again == uid
    assert hidden(desk.state, desk.row())
    assert uid not in desk.state.ledger.in_force


def test_undo_of_a_repeat_asks_again_and_undo_of_it_goes_on(desk: RepeatingDesk) -> None:
    uid = until_again(desk)
    mark = desk.state.selected
    assert rule(desk, 3)
    desk.undo()
    assert (desk.state.again, desk.state.selected) == (uid, mark)
    assert pace.repeats(desk.session.log) == ()
    assert rule(desk, 2)
    ((_, second),) = pace.repeats(desk.session.log)
    assert second.label == 2


def test_undo_of_the_decision_that_is_back_shows_it_undecided(desk: RepeatingDesk) -> None:
    uid = until_again(desk)
    for _ in range(AFTER + 3):
        if uid not in desk.session.state.ledger.in_force:
            break
        desk.undo()
    assert uid not in desk.session.state.ledger.in_force
    assert desk.state.again != uid
    assert dict(desk.state.ledger.in_force).keys() == (
        desk.session.state.ledger.in_force.keys() - {desk.state.again}
    )


def test_a_signed_off_micrograph_does_not_seem_to_have_something_new(desk: RepeatingDesk) -> None:
    until_again(desk)
    desk.go(1)
    name = desk.state.name
    table = desk.state.tables[desk.state.shown]
    assert table is not None
    for row in np.flatnonzero((table["label"] < 0) & (table["status"] == 0)).tolist():
        desk.select_row(desk.state.shown, row)
        desk.painted()
        assert desk.rule("defer")
        if desk.state.again:
            desk.select(-1)
    assert desk.sign_off()
    assert name in desk.state.ledger.signed_off
    assert new_since(desk.state, desk.state.shown) == 0
    desk.rank("decided")
    desk.go(1)
    uid = next(
        uid
        for uid, d in desk.session.state.ledger.in_force.items()
        if d.source == "single" and d.micrograph == name
    )
    assert desk._ask_again(uid)  # which one comes is left to chance
    assert name in desk.state.ledger.signed_off
    assert new_since(desk.state, desk.state.shown) == 0


def test_another_setting_ends_it(desk: RepeatingDesk) -> None:
    uid = until_again(desk)
    desk.try_params(replace(desk.state.params, min_cluster_size=9))
    assert not desk.state.again
    assert uid in desk.state.ledger.in_force


def test_a_full_disk_keeps_the_case_and_counts_nothing(
    desk: RepeatingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from k2c_gui.core.model import K2CError

    uid = until_again(desk)

    def full(*_: object) -> None:
        raise K2CError("The disk is full.")

    monkeypatch.setattr(desk.session._file, "append", full)
    assert not rule(desk, 2)
    assert desk.state.trouble == "The disk is full."
    assert desk.state.again == uid
    assert pace.repeats(desk.session.log) == ()


def test_a_plain_desk_brings_nothing_back(session: Session) -> None:
    desk = Desk(session)
    answer(desk)
    desk.rank("undecided")
    desk.go(1)
    for _ in range(30):
        assert rule(desk, 1)
    assert not any(entry.repeat for entry in session.log)


def test_subscribers_hear_of_one_change(desk: RepeatingDesk) -> None:
    heard: list[str] = []
    until_again(desk)
    desk.subscribe(lambda _old, new: heard.append(new.again))
    assert rule(desk, 1)
    assert len(heard) == 1


# Conflicts between experts


@pytest.fixture
def merged(project: Path, tmp_path: Path) -> Iterator[Session]:
    """Two experts who ruled differently on the same three cases."""
    paths = []
    for expert, label in (("Ann", 0), ("Bob", 1)):
        path = Path(shutil.copy(project, tmp_path / f"{expert}.k2c"))
        with Session(path, write=True, expert=expert) as session:
            desk = Desk(session)
            answer(desk)
            desk.rank("ambiguous")
            desk.go(1)
            for _ in range(3):
                assert rule(desk, label)
        paths.append(path)
    out = tmp_path / "both.k2c"
    merge(paths, out)
    with Session(out, write=True, expert="Cem") as session:
        yield session


def test_conflicts_are_a_queue_blind_until_decided_and_cite_both(merged: Session) -> None:
    desk = RepeatingDesk(merged)
    answer(desk)
    desk.rank("conflict")
    assert len(desk.state.queue.cases) == 3
    desk.go(1)
    assert hidden(desk.state, desk.row())
    pair = next(
        p
        for p in merged.state.ledger.conflicts
        if str(desk.state.instances["instance"][desk.row()]) in p
    )
    assert rule(desk, 2)
    entry = merged.log[-1]
    assert entry.decision is not None
    assert entry.decision.source == "adjudicated"
    assert entry.decision.blind
    assert set(entry.supersedes) == set(pair)
    assert len(merged.state.ledger.conflicts) == 2
    assert desk.place() == 1


def test_a_contested_decision_never_comes_back(merged: Session) -> None:
    merged.expert = "Ann"
    desk = RepeatingDesk(merged, Due(share=1.0, after=0, between=0))
    answer(desk)
    desk.rank("undecided")
    desk.go(1)
    contested = {uid for pair in merged.state.ledger.conflicts for uid in pair}
    for _ in range(6):
        assert rule(desk, 1)
        assert desk.state.again not in contested
