"""The desk without a window: what is shown, tried, selected, queued and ruled."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from k2c_gui import demo
from k2c_gui.core import review
from k2c_gui.core.model import NO_MARK, STATUS, ClusterParams, K2CError
from k2c_gui.demo import WorldParams
from k2c_gui.desk import Desk, State, hidden
from k2c_gui.importing import import_
from k2c_gui.io.sources import Files
from k2c_gui.session import Session

LOOSE = ClusterParams(min_cluster_size=5, min_samples=3)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    demo.write(folder, WorldParams(micrographs=2, seed=2, size=512, particles=30, tiles_per_axis=4))
    files = Files(folder / "images", folder / "picking.csv", folder / "classifying.csv")
    import_(folder / "demo.k2c", files)
    return folder / "demo.k2c"


@pytest.fixture
def session(project: Path, tmp_path: Path) -> Iterator[Session]:
    path = tmp_path / "copy.k2c"
    shutil.copy(project, path)
    with Session(path, write=True) as session:
        yield session


@pytest.fixture
def desk(session: Session) -> Desk:
    desk = Desk(session)
    answer(desk)
    desk.rank("undecided")
    return desk


def answer(desk: Desk) -> None:
    """Do what the threads of the window would do."""
    for i, evidence in enumerate(desk.state.evidence):
        if desk.state.groupings[i] is None:
            desk.offer(review.group(evidence, desk.state.ledger.params))
    desk.offer(review.group(desk.state.evidence[desk.state.shown], desk.state.params))


def rule(desk: Desk, label: int = 0) -> bool:
    desk.painted()
    return desk.rule("label", label)


def test_a_desk_knows_nothing_until_groupings_are_offered(session: Session) -> None:
    desk = Desk(session)
    assert desk.state.tables == (None, None)
    assert len(desk.state.instances) == 0
    answer(desk)
    assert all(table is not None and len(table) for table in desk.state.tables)
    assert desk.state.instances is desk.state.tables[0]


def test_a_key_decides_and_goes_to_the_next_case(desk: Desk) -> None:
    desk.go(1)
    first, second = desk.state.queue.cases[:2]
    assert desk.state.selected == first["mark"]
    assert rule(desk, 1)
    assert desk.state.selected == second["mark"]
    ruled = list(desk.state.ledger.in_force.values())
    assert [(d.label, first["mark"] in d.marks) for d in ruled] == [(1, True)]
    assert ruled[0].shown_at
    assert desk.state.saved_at


def test_a_whole_micrograph_is_cleared_with_one_key_a_case(desk: Desk) -> None:
    desk.go(1)
    n = len(desk.state.queue.cases)
    keys = 0
    while rule(desk):
        keys += 1
        if desk.state.selected == desk.state.queue.cases["mark"][-1] and keys == n:
            break
    assert keys == n
    assert len(desk.state.ledger.in_force) == n
    assert all(
        not (table["status"] == STATUS.index("proposed")).any()
        for table in desk.state.tables
        if table is not None
    )


def test_nothing_is_decided_before_the_case_was_painted(desk: Desk) -> None:
    desk.go(1)
    assert not desk.rule("label", 0)
    assert not desk.state.ledger.in_force
    desk.painted()
    assert desk.rule("label", 0)
    assert not desk.rule("label", 0), "the next case was not painted yet"
    assert len(desk.state.ledger.in_force) == 1


def test_nothing_selected_decides_nothing(desk: Desk) -> None:
    assert desk.state.selected == NO_MARK
    assert not rule(desk)


def test_undo_and_redo_show_where_they_were(desk: Desk) -> None:
    last = desk.state.queue.cases[-1]
    desk.select(int(last["mark"]), int(last["micrograph"]))
    assert rule(desk)
    desk.show(0)
    desk.undo()
    assert (desk.state.shown, desk.state.selected) == (last["micrograph"], last["mark"])
    assert not desk.state.ledger.in_force
    desk.show(0)
    desk.redo()
    assert (desk.state.shown, desk.state.selected) == (last["micrograph"], last["mark"])
    assert len(desk.state.ledger.in_force) == 1


def test_undo_to_the_empty_log_and_redo_to_the_end(desk: Desk) -> None:
    desk.go(1)
    for label in (0, 1, 2, 3, 0):
        assert rule(desk, label)
    end = dict(desk.state.ledger.in_force)
    tables = [np.sort(t, order="instance") for t in desk.state.tables if t is not None]
    for _ in range(5):
        desk.undo()
    assert not desk.state.ledger.in_force
    desk.undo()
    for _ in range(5):
        desk.redo()
    desk.redo()
    assert dict(desk.state.ledger.in_force) == end
    again = [np.sort(t, order="instance") for t in desk.state.tables if t is not None]
    assert all(map(np.array_equal, tables, again)) or str(tables) == str(again)


def test_a_later_ruling_takes_the_place_of_the_earlier(desk: Desk) -> None:
    desk.go(1)
    mark = desk.state.selected
    assert rule(desk, 0)
    desk.select(mark)
    desk.painted()
    assert desk.rule("defer")
    (decision,) = desk.state.ledger.in_force.values()
    assert decision.verdict == "defer"
    desk.select(mark)
    assert [entry.decision.verdict for entry in desk.history() if entry.decision] == [
        "label",
        "defer",
    ]


def test_a_tried_setting_changes_the_shown_micrograph_only(desk: Desk) -> None:
    applied = desk.state.tables
    desk.try_params(LOOSE)
    assert desk.state.grouping is not None
    assert desk.state.grouping.params != LOOSE, "the old answer stays until the new one is there"
    answer(desk)
    assert desk.state.grouping.params == LOOSE
    assert desk.state.tables is applied
    desk.try_params(desk.state.ledger.params)
    assert desk.state.instances is applied[0], "what is known is not asked again"


def test_an_answer_to_an_old_question_is_dropped(desk: Desk) -> None:
    late = review.group(desk.state.evidence[0], LOOSE)
    elsewhere = review.group(desk.state.evidence[1], desk.state.params)
    before = desk.state
    desk.offer(late)
    assert desk.state is before
    desk.offer(elsewhere)
    assert desk.state.instances is before.instances


def test_a_case_is_decided_while_another_setting_is_tried(desk: Desk) -> None:
    desk.go(1)
    desk.try_params(LOOSE)
    answer(desk)
    assert rule(desk, 1)
    (decision,) = desk.state.ledger.in_force.values()
    assert decision.params == LOOSE
    assert any(name in desk.state.ledger.in_force for name in desk.state.instances["instance"])


def test_applying_a_setting_asks_for_every_micrograph_again(desk: Desk) -> None:
    desk.try_params(LOOSE)
    answer(desk)
    shown = desk.state.instances
    desk.apply()
    assert desk.state.ledger.params == LOOSE
    assert desk.state.tables[0] is not None
    assert len(desk.state.tables[0]) == len(shown)
    assert desk.state.tables[1] is None
    assert desk.session.log[-1].kind == "apply"


def test_the_queue_keeps_its_order_and_place_when_everything_changes(desk: Desk) -> None:
    desk.go(1)
    queue = desk.state.queue
    rule(desk)
    desk.try_params(LOOSE)
    answer(desk)
    desk.apply()
    answer(desk)
    assert desk.state.queue is queue
    assert desk.place() == 1


def test_next_and_back_do_not_decide(desk: Desk) -> None:
    desk.go(1)
    desk.go(1)
    desk.go(-1)
    assert desk.place() == 0
    desk.go(-1)
    assert desk.place() == 0
    assert not desk.session.log


def test_a_full_disk_is_told_and_nothing_is_believed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise K2CError("The disk is full.")

    desk.go(1)
    before = desk.state
    with monkeypatch.context() as patched:
        patched.setattr(desk.session, "decide", refuse)
        assert not rule(desk)
    assert desk.state.trouble == "The disk is full."
    assert desk.state.ledger is before.ledger
    assert desk.state.selected == before.selected
    assert rule(desk)
    assert desk.state.trouble == ""


def test_votes_are_hidden_on_ambiguous_cases_until_they_are_ruled(desk: Desk) -> None:
    ambiguous = np.flatnonzero(desk.state.instances["ambiguous"])
    clear = np.flatnonzero(~desk.state.instances["ambiguous"])
    assert hidden(desk.state, int(ambiguous[0]))
    assert not hidden(desk.state, int(clear[0]))
    assert not hidden(replace(desk.state, blind=False), int(ambiguous[0]))
    desk.select_row(0, int(ambiguous[0]))
    mark = desk.state.selected
    assert rule(desk)
    desk.select(mark, 0)
    assert not hidden(desk.state, desk.row())
    (decision,) = desk.state.ledger.in_force.values()
    assert decision.blind


def test_subscribers_hear_each_change_once_and_untouched_fields_stay(desk: Desk) -> None:
    heard: list[tuple[State, State]] = []
    desk.subscribe(lambda old, new: heard.append((old, new)))
    desk.set_blind(False)
    ((old, new),) = heard
    assert (old.blind, new.blind) == (True, False)
    assert old.instances is new.instances
    assert old.tables is new.tables


def test_a_desk_read_only_decides_nothing(project: Path) -> None:
    with Session(project) as session:
        desk = Desk(session)
        answer(desk)
        desk.rank("undecided")
        desk.go(1)
        assert not rule(desk)
        assert "reading only" in desk.state.trouble


def test_a_pixel_size_set_by_hand_is_kept_and_is_no_step_of_undo(desk: Desk, project: Path) -> None:
    name = desk.state.sources.micrographs[1].name
    desk.set_pixel_size(0.25, [name])
    assert desk.state.sources.micrographs[1].pixel_size_nm == 0.25
    assert desk.state.sources.micrographs[0].pixel_size_nm != 0.25
    assert not desk.state.ledger.undoable
    with Session(desk.session.path) as again:
        assert again.state.sources.micrographs[1].pixel_size_nm == 0.25
    before = desk.state.sources
    desk.set_pixel_size(-1.0, [name])
    assert "above 0" in desk.state.trouble
    assert desk.state.sources is before
