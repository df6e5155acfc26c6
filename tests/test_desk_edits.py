"""Every edit at the desk: what it stores, that one undo takes it back, and what it refuses."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from k2c_gui import desk as desks
from k2c_gui.core import edits, queue, review
from k2c_gui.core.model import BACKING, NO_LABEL, STATUS, ClusterParams, Decision, K2CError
from k2c_gui.desk import Desk, hidden, new_since, number, remark_on
from k2c_gui.io.session_file import SessionFile
from k2c_gui.merging import merge
from k2c_gui.session import Session

CONFLICT = BACKING.index("conflict")
PROPOSED, DECIDED = STATUS.index("proposed"), STATUS.index("decided")


@pytest.fixture
def session(project: Path) -> Iterator[Session]:
    with Session(project / "demo.k2c", write=True, expert="an expert") as session:
        yield session


@pytest.fixture
def desk(session: Session) -> Desk:
    return opened(session)


def opened(session: Session) -> Desk:
    """A desk that knows every grouping."""
    desk = Desk(session)
    answer(desk)
    return desk


def answer(desk: Desk) -> None:
    for evidence in desk.state.evidence:
        desk.offer(review.group(evidence, desk.state.ledger.params))
    desk.offer(review.group(desk.state.evidence[desk.state.shown], desk.state.params))


def proposals(desk: Desk, label: int | None = None) -> list[int]:
    """Marks by which the clear proposals on the shown micrograph are found."""
    table = desk.state.instances
    clear = (table["status"] == PROPOSED) & ~table["ambiguous"] & (table["label"] != NO_LABEL)
    if label is not None:
        clear &= table["label"] == label
    return queue.anchors(table[clear], desk.state.ledger).tolist()


def tie(desk: Desk) -> int:
    table = desk.state.instances
    tied = (table["status"] == PROPOSED) & (table["label"] == NO_LABEL)
    return int(queue.anchors(table[tied], desk.state.ledger)[0])


def select(desk: Desk, *marks: int) -> None:
    """Select, and let it be painted."""
    desk.select(marks[0])
    for mark in marks[1:]:
        desk.toggle(mark)
    desk.painted()


def in_force(desk: Desk) -> list[Decision]:
    return list(desk.state.ledger.in_force.values())


def undone_at_once(desk: Desk, before: review.Table) -> None:
    """One undo brings back what was there, one redo what is there now; also after a restart."""
    after = desk.state.instances
    n = len(desk.session.log)
    desk.undo()
    assert len(desk.session.log) == n + 1
    assert desk.state.instances.tobytes() == before.tobytes()
    desk.redo()
    assert desk.state.instances.tobytes() == after.tobytes()
    with Session(desk.session.path) as again:
        assert again.state.ledger == desk.state.ledger
        assert opened(again).state.tables[0].tobytes() == desk.state.tables[0].tobytes()


# Selecting


def test_instances_are_taken_in_and_out(desk: Desk) -> None:
    one, two, three = proposals(desk)[:3]
    desk.select(one)
    desk.toggle(two)
    desk.toggle(three)
    assert desk.state.selected == three
    assert set(desk.rows()) == {desk.state.find(mark) for mark in (one, two, three)}
    other = desk.marks_of(desk.state.find(two))[-1]
    assert other != two
    desk.toggle(other)
    assert set(desk.rows()) == {desk.state.find(mark) for mark in (one, three)}
    desk.select(two)
    assert desk.state.selection == (two,)
    desk.toggle(two)
    assert desk.state.selection == ()


def test_box_and_lasso_take_the_centroids_inside(desk: Desk) -> None:
    x, y = desk.state.instances["x"], desk.state.instances["y"]
    left, right = np.sort(x)[[1, 4]]
    desk.select_box(right, y.max(), left, y.min())
    assert set(desk.rows()) == set(np.flatnonzero((x >= left) & (x <= right)).tolist())
    corner = float(np.median(x))
    triangle = np.array([(-1.0, -1.0), (2 * corner, -1.0), (-1.0, 2 * corner)])
    desk.select_lasso(triangle)
    inside = set(np.flatnonzero(x + y < 2 * corner - 1).tolist())
    assert 0 < len(inside) < len(x)
    assert set(desk.rows()) == inside
    first = desk.state.selected
    desk.select_box(0, 0, 4096, 4096, add=True)
    assert desk.state.selected == first
    assert sorted(desk.rows()) == list(range(len(x)))
    desk.select_box(-5, -5, -1, -1)
    assert desk.state.selection == ()


def test_marks_that_come_to_lie_in_one_instance_count_once(desk: Desk) -> None:
    one, two = proposals(desk)[:2]
    select(desk, one, two)
    assert desk.merge(0)
    desk.select(one)
    assert len(desk.rows()) == 1
    desk.toggle(two)
    assert desk.rows() == []


# Ruling on several


def test_a_label_for_all_selected_is_one_step_in_bulk(desk: Desk) -> None:
    before = desk.state.instances
    marks = proposals(desk)[:3]
    select(desk, *marks)
    assert desk.rule("label", 2)
    assert [(d.label, d.source, d.shown_at) for d in in_force(desk)] == [(2, "bulk", "")] * 3
    assert len({e.step for e in desk.session.log}) == 1
    assert len(desk.rows()) == 3, "what was ruled together stays selected"
    assert not desk.rule("label", 1), "one key does not rule it twice"
    desk.painted()
    assert desk.rule("reject")
    assert [d.verdict for d in in_force(desk)] == ["reject"] * 3
    desk.undo()
    assert [d.label for d in in_force(desk)] == [2] * 3
    undone_at_once(desk, before)


def test_a_hidden_case_among_several_is_stored_as_blind(desk: Desk) -> None:
    select(desk, proposals(desk)[0], tie(desk))
    assert desk.rule("defer")
    assert sorted(d.blind for d in in_force(desk)) == [False, True]


def test_undo_selects_again_what_was_selected(desk: Desk) -> None:
    marks = proposals(desk)[:3]
    select(desk, *marks)
    rows = set(desk.rows())
    desk.rule("label", 0)
    desk.show(1)
    desk.undo()
    assert desk.state.shown == 0
    assert set(desk.rows()) == rows


# Moving


def test_a_proposal_that_is_moved_takes_the_label_that_was_seen(desk: Desk) -> None:
    before = desk.state.instances
    mark = proposals(desk)[0]
    select(desk, mark)
    row = desk.row()
    assert desk.move(100.5, 40.25)
    (decision,) = in_force(desk)
    assert (decision.x, decision.y) == (100.5, 40.25)
    assert decision.label == before["label"][row]
    assert decision.reason == "moved"
    assert set(decision.marks) == set(decision.made_from[0])
    assert desk.state.selected == mark
    undone_at_once(desk, before)


def test_no_label_is_taken_that_nobody_saw(desk: Desk) -> None:
    table = desk.state.instances
    doubtful = np.flatnonzero(table["ambiguous"] | (table["label"] == NO_LABEL))
    assert len(doubtful)
    for row in doubtful.tolist():
        select(desk, int(queue.anchors(table[row : row + 1], desk.state.ledger)[0]))
        assert not desk.move(100.0, 100.0)
        assert "Label it first" in desk.state.trouble
    assert desk.session.log == ()
    desk.select(proposals(desk)[0])
    assert desk.state.trouble == "", "it was about another instance"


@pytest.mark.parametrize("verdict", ["label", "defer", "reject"])
def test_what_is_decided_keeps_its_ruling_when_it_is_moved(desk: Desk, verdict: str) -> None:
    mark = tie(desk)
    select(desk, mark)
    desk.rule(verdict, 3 if verdict == "label" else None, reason="edge")
    before = desk.state.instances
    select(desk, mark)
    desk.move(5.0, 6.0)
    (decision,) = in_force(desk)
    assert (decision.x, decision.y, decision.verdict, decision.reason) == (5, 6, verdict, "edge")
    assert decision.blind
    assert len(desk.state.instances) == len(before)
    undone_at_once(desk, before)


@pytest.mark.parametrize("x", [-0.1, 1e9, float("nan"), float("inf")])
def test_nothing_is_moved_off_the_micrograph(desk: Desk, x: float) -> None:
    select(desk, proposals(desk)[0])
    assert not desk.move(x, 10.0)
    assert "outside the micrograph" in desk.state.trouble
    assert desk.session.log == ()


def test_one_instance_is_moved_at_a_time_and_not_before_it_was_painted(desk: Desk) -> None:
    select(desk, *proposals(desk)[:2])
    assert not desk.move(1.0, 1.0)
    assert "Select one" in desk.state.trouble
    desk.select(proposals(desk)[0])
    assert not desk.move(1.0, 1.0)
    assert desk.session.log == ()


def test_nudges_in_a_row_are_one_step(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    time = [100.0]
    monkeypatch.setattr(desks, "monotonic", lambda: time[0])
    before = desk.state.instances
    one, two = proposals(desk)[:2]
    select(desk, one)
    x, y = (float(before[axis][desk.row()]) for axis in "xy")
    for _ in range(3):
        assert desk.nudge(1.0, -0.5)
        time[0] += desks.NUDGE
    (decision,) = in_force(desk)
    assert (decision.x, decision.y) == pytest.approx((x + 3, y - 1.5))
    assert decision.reason == "moved"
    undone_at_once(desk, before)
    time[0] += 0.1
    assert desk.nudge(1.0, 0.0)
    assert len({e.step for e in desk.session.log if e.decision}) == 2, "a pause begins another"
    select(desk, two)
    assert desk.nudge(1.0, 0.0)
    desk.undo()
    assert len(in_force(desk)) == 1, "so does another instance"
    assert in_force(desk)[0].x == pytest.approx(x + 4)


# Merging


def test_merged_instances_are_one_decision_over_all_marks(desk: Desk) -> None:
    before = desk.state.instances
    marks = proposals(desk, 0)[:3]
    select(desk, *marks)
    groups = {desk.marks_of(row) for row in desk.rows()}
    assert desk.merge()
    (decision,) = in_force(desk)
    assert set(decision.made_from) == groups
    assert set(decision.marks) == set().union(*groups)
    assert decision.label == 0
    assert sum(decision.votes) == sum(
        int(before["votes"][r].sum()) for r in range(len(before)) if decided_by(before, r, marks)
    )
    assert desk.row() == int(np.flatnonzero(desk.state.instances["status"] == DECIDED)[0])
    assert len(desk.state.instances) == len(before) - 2
    undone_at_once(desk, before)


def decided_by(table: review.Table, row: int, marks: list[int]) -> bool:
    return str(table["instance"][row]) in set(map(str, marks))


def test_a_merge_whose_votes_are_tied_asks_for_the_label(desk: Desk) -> None:
    one, two = proposals(desk)[0], tie(desk)
    select(desk, one)
    desk.rule("defer")
    before = desk.state.instances
    select(desk, one, two)
    assert not desk.merge()
    assert "key of a label" in desk.state.trouble
    assert desk.state.draft is not None
    assert desk.state.draft.labels == (None,)
    assert len(desk.session.log) == 1
    assert desk.rule("label", 1), "the key of a label answers"
    assert [d.label for d in in_force(desk)] == [1]
    assert desk.state.draft is None
    assert desk.state.trouble == ""
    undone_at_once(desk, before)


def test_the_expert_is_not_outvoted_in_a_merge(desk: Desk) -> None:
    one, two, three = proposals(desk, 0)[:3]
    select(desk, one)
    desk.rule("label", 1)
    select(desk, one, two)
    assert desk.merge()
    assert [d.label for d in in_force(desk)] == [1]
    select(desk, three)
    desk.rule("label", 2)
    select(desk, one, three)
    assert not desk.merge(), "she said two things"
    assert desk.commit("label", 2)
    (decision,) = in_force(desk)
    assert {one, two, three} <= set(decision.marks)


def test_a_merge_stands_under_the_setting_it_was_made_with(desk: Desk) -> None:
    select(desk, *proposals(desk, 0)[:2])
    assert desk.merge()
    names = desk.state.instances["instance"].tolist()
    desk.try_params(ClusterParams(min_cluster_size=5, min_samples=3))
    answer(desk)
    desk.try_params(desk.state.ledger.params)
    assert desk.state.instances["instance"].tolist() == names


def test_one_instance_is_not_merged(desk: Desk) -> None:
    select(desk, proposals(desk)[0])
    assert not desk.merge()
    assert "two or more" in desk.state.trouble
    assert desk.session.log == ()


# Splitting


def test_a_split_is_seen_first_and_stored_when_it_is_wanted(desk: Desk) -> None:
    before = desk.state.instances
    mark = proposals(desk, 0)[0]
    select(desk, mark)
    whole = desk.marks_of(desk.row())
    assert desk.split(3)
    draft = desk.state.draft
    assert draft is not None
    assert desk.session.log == ()
    assert len(draft.seeds) == len(draft.parts) == len(draft.x) == 3
    assert sum(map(len, draft.parts)) == len(set().union(*draft.parts))
    assert set().union(*draft.parts) <= set(whole)
    assert desk.commit("label", 0)
    assert [set(d.marks) for d in in_force(desk)] == [set(part) for part in draft.parts]
    assert all(d.made_from == (whole,) for d in in_force(desk))
    assert len({e.step for e in desk.session.log}) == 1
    assert len(desk.rows()) == 3, "the pieces are selected"
    assert desk.state.draft is None
    undone_at_once(desk, before)


def two_in_one(desk: Desk) -> None:
    """Merge two instances, each marked once a look, and select what holds both."""
    table = desk.state.instances
    single = table["instance"][(table["status"] == PROPOSED) & (table["pairs"] == 0)]
    select(desk, *single[:2].astype(int).tolist())
    assert desk.merge(0)


def test_a_split_parts_what_was_one_by_mistake(desk: Desk) -> None:
    two_in_one(desk)
    desk.painted()
    truth = in_force(desk)[0].made_from
    assert desk.split(2)
    draft = desk.state.draft
    assert draft is not None
    one, other = (min(len(set(part) ^ set(group)) for group in truth) for part in draft.parts)
    assert one <= 2 >= other, "but for double clicks"
    assert len({min(groups_of(part, truth)) for part in draft.parts}) == 2


def groups_of(part: tuple[int, ...], groups: tuple[tuple[int, ...], ...]) -> list[int]:
    """Groups that hold most of a part."""
    return [i for i, group in enumerate(groups) if 2 * len(set(part) & set(group)) > len(part)]


def test_no_part_of_a_split_has_two_marks_of_one_look(desk: Desk) -> None:
    table = desk.state.instances
    row = int(table["pairs"].argmax())
    assert table["pairs"][row] > 0
    desk.select_row(0, row)
    assert desk.split(2)
    draft = desk.state.draft
    assert draft is not None
    marks = desk.state.evidence[0].marks
    for part in draft.parts:
        own = marks[np.isin(marks["mark"], part)]
        assert len(np.unique(own[["volunteer", "tile"]])) == len(own)


def test_seeds_are_dragged(desk: Desk) -> None:
    two_in_one(desk)
    desk.painted()
    assert desk.split(2)
    draft = desk.state.draft
    assert draft is not None
    swapped = draft.seeds[::-1]
    assert desk.split_from(swapped)
    assert desk.state.draft is not None
    assert desk.state.draft.seeds == swapped
    assert [set(p) for p in desk.state.draft.parts] == [set(p) for p in draft.parts[::-1]]


def test_a_lasso_splits_by_what_it_holds(desk: Desk) -> None:
    before = desk.state.instances
    select(desk, proposals(desk, 0)[0])
    whole = set(desk.marks_of(desk.row()))
    x = float(before["x"][desk.row()])
    half = np.array([(x, 0.0), (x, 1e4), (1e4, 1e4), (1e4, 0.0)])
    assert desk.split_by(half)
    assert desk.commit("label", 0)
    inside, outside = in_force(desk)
    marks = desk.state.evidence[0].marks
    position = dict(zip(marks["mark"].tolist(), marks["x"].tolist(), strict=True))
    assert min(position[m] for m in inside.marks) >= x > max(position[m] for m in outside.marks)
    assert set(inside.marks) | set(outside.marks) == whole
    undone_at_once(desk, before)


def test_a_part_without_marks_is_refused_before_it_is_stored(desk: Desk) -> None:
    select(desk, proposals(desk, 0)[0])
    n = len(desk.marks_of(desk.row()))
    nowhere = np.array([(-9.0, -9.0), (-8.0, -9.0), (-8.0, -8.0)])
    everywhere = np.array([(-9.0, -9.0), (1e4, -9.0), (1e4, 1e4), (-9.0, 1e4)])
    refusals: list[tuple[Callable[[], bool], str]] = [
        (lambda: desk.split_by(nowhere), "no marks"),
        (lambda: desk.split_by(everywhere), "no marks"),
        (lambda: desk.split(n + 1), f"{n} marks cannot make {n + 1}"),
        (lambda: desk.split(1), "two instances or more"),
        (lambda: desk.split_from([(-1e6, -1e6), (-1e6, -1e6), (-1e6, -1e6)]), ""),
    ]
    for refused, told in refusals:
        assert not refused() or not told
        assert told in desk.state.trouble
    assert desk.session.log == ()
    select(desk, *proposals(desk)[:2])
    assert not desk.split()
    assert "Select one" in desk.state.trouble


def test_the_parts_of_a_decision_have_its_label(desk: Desk) -> None:
    mark = proposals(desk, 0)[0]
    select(desk, mark)
    desk.rule("label", 1)
    select(desk, mark)
    assert desk.split(2)
    assert desk.commit()
    assert [d.label for d in in_force(desk)] == [1, 1]
    select(desk, proposals(desk)[0])
    desk.rule("defer")
    desk.select(in_force(desk)[-1].marks[0])
    desk.painted()
    assert desk.split(2)
    assert not desk.commit(), "what was kept ambiguous is not decided by votes"
    assert desk.state.draft is not None
    assert desk.commit("defer")
    assert [d.verdict for d in in_force(desk)] == ["label", "label", "defer", "defer"]


def test_a_draft_is_dropped_when_what_it_was_made_on_changes(desk: Desk) -> None:
    one, two = proposals(desk)[:2]
    changes: list[Callable[[], object]] = [
        desk.cancel,
        desk.undo,
        lambda: desk.select(two),
        lambda: desk.show(1),
        lambda: desk.try_params(ClusterParams(7, 7)),
    ]
    for change in changes:
        desk.show(0)
        desk.try_params(desk.state.ledger.params)
        answer(desk)
        select(desk, one)
        assert desk.split(2)
        change()
        assert desk.state.draft is None
    assert desk.session.log == ()


# Adding


def test_a_particle_that_nobody_marked(desk: Desk) -> None:
    before = desk.state.instances
    assert desk.add(33.25, 44.5, 0)
    (decision,) = in_force(desk)
    (mark,) = decision.marks
    assert mark < -1
    assert (decision.x, decision.y, decision.label, decision.made_from) == (33.25, 44.5, 0, ())
    row = desk.state.instances[desk.row()]
    assert (row["x"], row["y"], row["n_marks"], row["support"]) == (33.25, 44.5, 0, 0.0)
    assert row["exposure"] > 0
    assert number(desk.state, 0, mark) == f"+{-mark % 10000:04d}"
    assert [e.decision for e in desk.history()] == [decision]
    undone_at_once(desk, before)
    for params in (ClusterParams(3, 3), ClusterParams(min_cluster_size=40)):
        desk.try_params(params)
        answer(desk)
        assert np.sum(desk.state.instances["status"] == DECIDED) == 1
    select(desk, mark)
    assert desk.move(34.0, 44.0)
    desk.painted()
    assert desk.rule("label", 1)
    (decision,) = in_force(desk)
    assert (decision.marks, decision.x, decision.label) == ((mark,), 34.0, 1)
    select(desk, mark)
    assert not desk.split(2)


def test_an_added_particle_waits_for_its_label(desk: Desk) -> None:
    assert not desk.add(10.0, 20.0)
    assert desk.state.draft is not None
    assert desk.state.draft.kind == "add"
    assert desk.session.log == ()
    assert desk.rule("label", 1)
    assert [(d.x, d.y, d.label) for d in in_force(desk)] == [(10.0, 20.0, 1)]


def test_two_added_particles_are_two_and_can_be_merged(desk: Desk) -> None:
    desk.add(10.0, 20.0, 0)
    desk.add(20.0, 30.0, 0)
    one, two = (d.marks[0] for d in in_force(desk))
    assert one != two
    select(desk, one, two)
    assert desk.merge()
    assert [(d.x, d.y, set(d.marks)) for d in in_force(desk)] == [(15.0, 25.0, {one, two})]


def test_nothing_is_added_off_the_micrograph(desk: Desk) -> None:
    for x, y in ((-1.0, 5.0), (5.0, 1e6), (float("nan"), 5.0)):
        assert not desk.add(x, y, 0)
        assert "outside the micrograph" in desk.state.trouble
    assert desk.session.log == ()


# Accepting a page


def page(desk: Desk, *micrographs: int) -> review.Table:
    """All clear proposals of some micrographs, as cases."""
    parts = []
    for i in micrographs:
        table = desk.state.tables[i]
        assert table is not None
        clear = table[~table["ambiguous"] & (table["label"] != NO_LABEL)]
        cases = np.zeros(len(clear), queue.CASE)
        cases["micrograph"], cases["mark"] = i, queue.anchors(clear, desk.state.ledger)
        parts.append(cases)
    return np.concatenate(parts)


def test_a_page_is_accepted_as_one_step(desk: Desk) -> None:
    before = desk.state.instances
    tables = desk.state.tables
    cases = page(desk, 0, 1)
    assert not desk.accept(cases), "it was not painted"
    desk.page_painted(cases)
    exception = cases[0]
    assert desk.accept(cases[1:])
    assert len(in_force(desk)) == len(cases) - 1
    assert {(d.source, d.blind, d.shown_at) for d in in_force(desk)} == {("bulk", False, "")}
    assert int(exception["mark"]) not in desk.state.ledger.owner
    for decision in in_force(desk):
        i = desk.session.micrograph(decision.micrograph)
        row = np.flatnonzero(tables[i]["instance"] == str(min(decision.marks)))[0]
        assert decision.label == tables[i]["label"][row]
    assert len({e.step for e in desk.session.log}) == 1
    assert not desk.accept(cases), "the next page was not painted"
    undone_at_once(desk, before)


def test_what_is_in_doubt_is_not_accepted_with_a_page(desk: Desk) -> None:
    cases = page(desk, 0)
    doubtful = np.array([*cases.tolist(), (0, tie(desk))], queue.CASE)
    desk.page_painted(doubtful)
    assert not desk.accept(doubtful)
    assert "1 of these" in desk.state.trouble
    assert desk.session.log == ()


def test_what_is_ruled_is_passed_over_and_nothing_left_is_told(desk: Desk) -> None:
    cases = page(desk, 0)
    select(desk, int(cases["mark"][0]))
    desk.rule("label", 3)
    desk.page_painted(cases)
    assert desk.accept(cases)
    assert sorted(d.source for d in in_force(desk)) == ["bulk"] * (len(cases) - 1) + ["single"]
    desk.page_painted(cases)
    assert not desk.accept(cases)
    assert "Nothing is left" in desk.state.trouble


def test_what_was_accepted_in_bulk_is_sampled_for_audit(desk: Desk) -> None:
    select(desk, tie(desk))
    desk.rule("label", 0)
    cases = page(desk, 0)
    desk.page_painted(cases)
    desk.accept(cases)
    sample = queue.audited(desk.session.log)
    assert len(sample) == 1
    assert desk.state.ledger.in_force[next(iter(sample))].source == "bulk"
    desk.rank("audit")
    assert len(desk.state.queue.cases) == 1
    case = desk.state.queue.cases[0]
    select(desk, int(case["mark"]))
    desk.rule("label", 3)
    desk.rank("audit")
    assert not len(desk.state.queue.cases), "it was looked at, and no other takes its place"


# Remarks and reasons


def test_a_note_and_a_flag_on_what_is_not_decided(desk: Desk) -> None:
    before = desk.state.instances
    mark = proposals(desk)[0]
    assert not desk.remark(flag=True), "nothing is selected"
    desk.select(mark)
    assert desk.remark(note="halo?")
    assert desk.remark(flag=True)
    marks = desk.marks_of(desk.row())

    def said() -> tuple[str, bool] | None:
        remark = remark_on(desk.state.ledger, marks)
        return None if remark is None else (remark.note, remark.flag)

    assert said() == ("halo?", True)
    assert desk.state.instances.tobytes() == before.tobytes()
    assert in_force(desk) == []
    desk.rank("flagged")
    assert desk.state.queue.cases["mark"].tolist() == [mark]
    desk.undo()
    assert said() == ("halo?", False)
    assert desk.state.selected == mark
    desk.redo()
    desk.painted()
    assert desk.rule("label", 1)
    assert said() == ("halo?", True), "it outlives a ruling"
    desk.select(mark)
    assert desk.remark(note="", flag=False)
    assert said() is None
    with Session(desk.session.path) as again:
        assert again.state.ledger == desk.state.ledger


def test_a_note_that_goes_with_a_ruling_is_a_remark(desk: Desk) -> None:
    mark = proposals(desk)[0]
    desk.select(mark)
    desk.remark(flag=True)
    desk.painted()
    desk.rule("label", 1, note="two lobes")
    desk.select(mark)
    remark = remark_on(desk.state.ledger, desk.marks_of(desk.row()))
    assert remark is not None
    assert (remark.note, remark.flag) == ("two lobes", True)
    desk.remark(note="no, three")
    desk.painted()
    desk.move(9.0, 9.0)
    remark = remark_on(desk.state.ledger, desk.marks_of(desk.row()))
    assert remark is not None
    assert remark.note == "no, three", "moving does not bring back the older note"
    for _ in range(2):
        desk.undo()
    remark = remark_on(desk.state.ledger, desk.marks_of(desk.row()))
    assert remark is not None
    assert remark.note == "two lobes"


def test_a_remark_does_not_reopen_a_micrograph(desk: Desk) -> None:
    signed_off(desk)
    select(desk, in_force(desk)[0].marks[0])
    assert desk.remark(flag=True)
    assert desk.state.ledger.signed_off == {desk.state.name}


def test_a_reason_goes_with_the_last_ruling(desk: Desk) -> None:
    assert not desk.give_reason("edge")
    assert "Decide first" in desk.state.trouble
    before = desk.state.instances
    one, two = proposals(desk)[:2]
    select(desk, one, two)
    desk.rule("label", 2, note="cut")
    assert desk.give_reason("edge")
    assert [(d.label, d.reason) for d in in_force(desk)] == [(2, "edge")] * 2
    undone_at_once(desk, before)
    desk.give_reason("focus")
    assert {d.reason for d in in_force(desk)} == {"focus"}
    assert remark_on(desk.state.ledger, in_force(desk)[0].marks) is not None
    desk.undo()
    assert desk.state.instances.tobytes() == before.tobytes()


# Signing off


def apply(desk: Desk, params: ClusterParams) -> None:
    desk.try_params(params)
    answer(desk)
    desk.apply()
    answer(desk)


def signed_off(desk: Desk) -> None:
    while int(desk.open_cases()["tie"]):
        select(desk, tie(desk))
        desk.rule("label", 0)
    assert desk.sign_off()


def test_sign_off_tells_what_is_open_and_waits_for_ties(desk: Desk) -> None:
    table = desk.state.instances
    open_cases = desk.open_cases()
    assert open_cases["tie"] == 1
    assert open_cases["ambiguous"] == int(table["ambiguous"].sum())
    assert not desk.sign_off()
    assert "undecided" in desk.state.trouble
    assert desk.session.log == ()
    signed_off(desk)
    assert not any(desk.open_cases().values())
    assert not desk.sign_off()
    desk.undo()
    assert desk.state.ledger.signed_off == frozenset()
    assert len(in_force(desk)) == 1
    desk.redo()
    assert desk.state.ledger.signed_off == {desk.state.name}


def test_proposals_since_the_sign_off_are_counted_and_can_be_signed_off(desk: Desk) -> None:
    loose = desk.state.ledger.params
    apply(desk, ClusterParams(min_cluster_size=19, min_samples=11))
    signed_off(desk)
    assert new_since(desk.state, 0) == 0
    assert new_since(desk.state, 1) == 0
    name, mark = desk.state.name, in_force(desk)[0].marks[0]
    apply(desk, loose)
    new = new_since(desk.state, 0)
    assert new == int((desk.state.instances["status"] == PROPOSED).sum())
    assert new > 0
    assert desk.state.ledger.signed_off == {name}
    select(desk, mark)
    desk.rule("label", 1)
    assert desk.state.ledger.signed_off == frozenset(), "a decision reopens it"
    desk.undo()
    assert desk.state.ledger.signed_off == {name}
    signed_off(desk)
    assert new_since(desk.state, 0) == 0


# Experts who disagree


@pytest.fixture
def joint(project: Path, tmp_path: Path) -> Iterator[Desk]:
    """Two experts ruled differently on a tie and alike on another case, then were merged."""
    paths = [project / "demo.k2c", tmp_path / "other.k2c"]
    shutil.copy(*paths)
    for path, label in zip(paths, (0, 1), strict=True):
        with Session(path, write=True, expert=f"expert {label}") as session:
            desk = opened(session)
            select(desk, tie(desk))
            desk.rule("label", label, note=f"surely {label}")
            select(desk, proposals(desk)[label])
            desk.rule("label", 2)
    merge(paths, tmp_path / "joint.k2c")
    with Session(tmp_path / "joint.k2c", write=True, expert="a third") as session:
        yield opened(session)


def test_a_conflict_is_adjudicated_blind_and_cites_both(joint: Desk) -> None:
    before = joint.state.instances
    assert joint.open_cases()["conflict"] == 2
    conflict = joint.state.ledger.conflicts[0]
    joint.rank("conflict")
    assert len(joint.state.queue.cases) == 1, "both have the same marks"
    assert all(hidden(joint.state, int(r)) for r in np.flatnonzero(before["backing"] == CONFLICT))
    assert not joint.sign_off()
    assert "2 decisions contradict each other" in joint.state.trouble
    joint.go(1)
    assert joint.row() >= 0
    joint.painted()
    assert joint.rule("label", 1)
    entry = joint.session.log[-1]
    assert entry.decision is not None
    assert entry.decision.source == "adjudicated"
    assert entry.decision.blind
    assert set(entry.supersedes) == set(conflict)
    assert joint.state.ledger.conflicts == ()
    assert joint.open_cases()["conflict"] == 0
    assert len(joint.state.instances) == len(before) - 1
    undone_at_once(joint, before)
    assert joint.sign_off()


def test_a_conflict_between_a_whole_and_its_parts(project: Path, tmp_path: Path) -> None:
    paths = [project / "demo.k2c", tmp_path / "other.k2c"]
    shutil.copy(*paths)
    with Session(paths[0], write=True, expert="one") as session:
        desk = opened(session)
        select(desk, proposals(desk, 0)[0])
        whole = set(desk.marks_of(desk.row()))
        desk.rule("label", 1)
    with Session(paths[1], write=True, expert="two") as session:
        desk = opened(session)
        select(desk, proposals(desk, 0)[0])
        assert desk.split(3)
        assert desk.commit("label", 0)
        part = in_force(desk)[0].marks
    merge(paths, tmp_path / "joint.k2c")
    with Session(tmp_path / "joint.k2c", write=True) as session:
        desk = opened(session)
        assert len(desk.state.ledger.conflicts) == 3
        rows = [i for i in range(len(desk.state.instances)) if desk.marks_of(i) == part]
        assert len(rows) == 1
        ruled = edits.rule(desk.state.basis(), rows, "label", 3, at="2024-05-01T10:00:00Z")
        session.decide(ruled)
        assert session.state.ledger.conflicts == ()
        assert [
            (d.label, set(d.marks) < whole) for d in session.state.ledger.in_force.values()
        ] == [
            (0, True),
            (0, True),
            (3, True),
        ]


# What every edit respects

EDITS: dict[str, Callable[[Desk], object]] = {
    "rule": lambda desk: desk.rule("label", 0),
    "move": lambda desk: desk.move(5.0, 5.0),
    "nudge": lambda desk: desk.nudge(1.0, 1.0),
    "split": lambda desk: desk.split(2) and desk.commit("label", 0),
    "add": lambda desk: desk.add(5.0, 5.0, 0),
    "remark": lambda desk: desk.remark(flag=True),
    "merge": lambda desk: (desk.toggle(proposals(desk)[1]), desk.painted(), desk.merge(0))[-1],
    "accept": lambda desk: (desk.page_painted(page(desk, 0)), desk.accept(page(desk, 0)))[-1],
    "sign-off": lambda desk: desk.sign_off(),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_reader_edits_nothing(project: Path, edit: str) -> None:
    with Session(project / "demo.k2c", write=True) as session:
        desk = opened(session)
        select(desk, tie(desk))
        desk.rule("label", 0)
    with Session(project / "demo.k2c") as session:
        desk = opened(session)
        select(desk, proposals(desk)[0])
        before = desk.state
        assert not EDITS[edit](desk)
        assert "reading only" in desk.state.trouble
        assert desk.state.ledger is before.ledger
        assert desk.state.instances is before.instances


@pytest.mark.parametrize("edit", EDITS)
def test_what_the_disk_refuses_is_not_believed(
    desk: Desk, edit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise K2CError("The disk is full.", file=desk.session.path)

    select(desk, tie(desk))
    desk.rule("label", 0)
    select(desk, proposals(desk)[0])
    ledger, instances = desk.state.ledger, desk.state.instances
    with monkeypatch.context() as patched:
        patched.setattr(SessionFile, "append", full)
        assert not EDITS[edit](desk)
    assert "disk is full" in desk.state.trouble
    assert desk.state.ledger is ledger
    assert desk.state.instances is instances
    desk.select(proposals(desk)[1])
    assert "disk is full" in desk.state.trouble, "it is not over because something is selected"


@pytest.mark.parametrize("edit", ["rule", "move", "nudge"])
def test_nothing_is_edited_before_it_was_painted(desk: Desk, edit: str) -> None:
    desk.select(proposals(desk)[0])
    assert not EDITS[edit](desk)
    assert desk.session.log == ()
    desk.painted()
    assert EDITS[edit](desk)


def test_hidden_votes_are_not_told_by_an_edit(desk: Desk) -> None:
    table = desk.state.instances
    ambiguous = np.flatnonzero(table["ambiguous"])
    row = int(ambiguous[0])
    assert hidden(desk.state, row)
    desk.select_row(0, row)
    desk.painted()
    assert desk.split(2)
    draft = desk.state.draft
    assert draft is not None
    desk.set_blind(False)
    assert desk.split(2)
    shown = desk.state.draft
    assert shown is not None
    assert sum(label is None for label in draft.labels) >= sum(
        label is None for label in shown.labels
    )
