"""Work off the GUI thread: the newest question wins, and an answer fits its question."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from k2c_gui.core import outcome
from k2c_gui.core.model import DEFAULT, Cancelled, ClusterParams
from k2c_gui.desk import Desk
from k2c_gui.gui.jobs import KEPT_PICTURES, Groupings, Pictures, Report, Worker, decode
from k2c_gui.session import Session


@pytest.fixture
def answers() -> list[tuple[object, object]]:
    return []


@pytest.fixture
def worker(qapp: QApplication, answers: list[tuple[object, object]]) -> Iterator[Worker]:
    worker = Worker(lambda question, answer: answers.append((question, answer)))
    yield worker
    worker.close()


def test_the_newest_of_the_waiting_questions_is_answered(
    worker: Worker, answers: list[tuple[object, object]], qtbot: QtBot
) -> None:
    hold = threading.Event()
    worker.ask("first", lambda: hold.wait(5))
    for i in range(50):
        worker.ask(i, lambda i=i: i * i)
    hold.set()
    qtbot.waitUntil(lambda: len(answers) == 2)
    qtbot.wait(20)
    assert answers == [("first", True), (49, 49 * 49)]
    assert worker.busy_with is None


def test_what_breaks_is_handed_over_and_the_next_is_answered(
    worker: Worker, answers: list[tuple[object, object]], qtbot: QtBot
) -> None:
    worker.ask("bad", lambda: 1 // 0)
    worker.ask("good", lambda: 1)
    qtbot.waitUntil(lambda: len(answers) == 2)
    assert isinstance(answers[0][1], ZeroDivisionError)
    assert answers[1] == ("good", 1)


def test_a_forgotten_question_is_not_answered(
    worker: Worker, answers: list[tuple[object, object]], qtbot: QtBot
) -> None:
    hold = threading.Event()
    worker.ask("first", lambda: hold.wait(5))
    worker.ask("second", lambda: 2)
    worker.forget()
    hold.set()
    qtbot.waitUntil(lambda: bool(answers))
    qtbot.wait(20)
    assert [question for question, _ in answers] == ["first"]


def test_a_closed_worker_answers_nothing_and_closes_twice(
    answers: list[tuple[object, object]], qtbot: QtBot
) -> None:
    worker = Worker(lambda question, answer: answers.append((question, answer)))
    done = []
    worker.ask("late", lambda: (time.sleep(0.05), done.append(1)))
    worker.ask("never", lambda: done.append(2))
    worker.close()
    worker.close()
    qtbot.wait(20)
    assert (done, answers) == ([1], [])


def test_a_report_stops_the_work_at_its_next_word() -> None:
    report = Report()
    report("Reading", 1, 3)
    assert not report.stopped
    report.stop()
    assert report.stopped
    with pytest.raises(Cancelled):
        report("Reading", 2, 3)


def test_a_report_tells_each_thing_at_once_and_then_now_and_again(qtbot: QtBot) -> None:
    report, said = Report(), []
    report.said.connect(lambda *about: said.append(about))
    for i in range(1000):
        report("Reading", i, 1000)
    report("Writing", 0, 1)
    assert said[0] == ("Reading", 0, 1000)
    assert said[-1] == ("Writing", 0, 1)
    assert len(said) < 20


@pytest.fixture
def fresh(session: Session) -> Desk:
    return Desk(session)


def test_the_whole_project_is_grouped_the_shown_micrograph_first(fresh: Desk, qtbot: QtBot) -> None:
    order: list[int] = []
    fresh.subscribe(
        lambda old, new: order.extend(
            i for i, g in enumerate(new.groupings) if g is not None and old.groupings[i] is None
        )
    )
    fresh.show(1)
    groupings = Groupings(fresh)
    progress: list[tuple[int, int]] = []
    groupings.progressed.connect(lambda done, total: progress.append((done, total)))
    qtbot.waitUntil(lambda: all(g is not None for g in fresh.state.groupings))
    groupings.close()
    assert order[0] == 1
    assert sorted(order) == [0, 1]
    assert progress[-1] == (2, 2)


def test_the_last_of_many_settings_is_the_one_that_is_shown(fresh: Desk, qtbot: QtBot) -> None:
    groupings = Groupings(fresh)
    seen: list[ClusterParams] = []
    fresh.subscribe(
        lambda old, new: (
            seen.append(new.grouping.params)
            if new.grouping is not None and new.grouping is not old.grouping
            else None
        )
    )
    asked = [ClusterParams(min_cluster_size=3 + i % 15, min_samples=3) for i in range(200)]
    for params in asked:
        fresh.try_params(params)
    qtbot.waitUntil(
        lambda: fresh.state.grouping is not None and fresh.state.grouping.params == asked[-1]
    )
    qtbot.wait(30)
    groupings.close()
    assert seen[-1] == asked[-1]
    assert len(seen) < 20
    assert fresh.state.ledger.params == DEFAULT


def known(desk: Desk, params: ClusterParams) -> bool:
    """Whether it is known what a setting makes of every micrograph."""
    return bool(desk.state.outcomes[params]["known"].all())


def test_a_tried_setting_is_answered_for_the_whole_project_and_applied_as_it_is(
    fresh: Desk, qtbot: QtBot
) -> None:
    groupings = Groupings(fresh)
    params = ClusterParams(min_cluster_size=6, min_samples=4)
    fresh.try_params(params)
    qtbot.waitUntil(lambda: known(fresh, params) and known(fresh, DEFAULT))
    groupings.close()
    state = fresh.state
    made = [outcome.result(e, params, state.ledger, state.truth).outcome for e in state.evidence]
    assert state.outcomes[params]["centroids"].tolist() == [one["centroids"] for one in made]
    assert state.outcomes[params]["matched"].tolist() == [one["matched"] for one in made]
    assert {g.params for g in state.groupings if g is not None} == {DEFAULT}
    fresh.apply()
    assert fresh.state.groupings == state.trial.groupings
    assert all(table is not None for table in fresh.state.tables)
    assert fresh.state.instances is state.instances


def test_a_setting_without_any_group_is_an_answer(fresh: Desk, qtbot: QtBot) -> None:
    groupings = Groupings(fresh)
    params = ClusterParams(min_cluster_size=5_000)
    fresh.try_params(params)
    qtbot.waitUntil(lambda: known(fresh, params))
    groupings.close()
    assert fresh.state.grouping is not None
    assert fresh.state.grouping.params == params
    assert len(fresh.state.instances) == 0
    assert fresh.state.outcomes[params]["centroids"].tolist() == [0, 0]
    assert fresh.state.outcomes[params]["noise"].min() > 0


def test_what_was_ruled_meanwhile_is_asked_again(fresh: Desk, qtbot: QtBot) -> None:
    groupings = Groupings(fresh)
    params = ClusterParams(min_cluster_size=6, min_samples=4)
    fresh.try_params(params)
    qtbot.waitUntil(lambda: known(fresh, params) and known(fresh, DEFAULT))
    state = fresh.state
    late = outcome.result(state.evidence[0], params, state.ledger, state.truth)
    assert state.grouping is not None
    first = state.evidence[0].marks["mark"][state.grouping.group_of_mark == 0][0]
    fresh.select(int(first))
    fresh.painted()
    assert fresh.rule("defer")
    assert fresh.state.outcomes[params]["ruled"][0] == 1
    fresh.take([late])
    assert fresh.state.outcomes[params]["ruled"][0] == 1
    qtbot.waitUntil(lambda: known(fresh, DEFAULT))
    groupings.close()
    assert fresh.state.outcomes[DEFAULT]["ruled"][0] == 1


def test_stopped_groupings_go_on_with_another_setting(fresh: Desk, qtbot: QtBot) -> None:
    groupings = Groupings(fresh)
    groupings.stop()
    fresh.try_params(ClusterParams(min_cluster_size=6, min_samples=4))
    fresh.apply()
    qtbot.waitUntil(lambda: all(g is not None for g in fresh.state.groupings))
    groupings.close()
    assert {g.params.min_cluster_size for g in fresh.state.groupings if g is not None} == {6}


def test_stopped_groupings_go_on_when_asked_to(fresh: Desk, qtbot: QtBot) -> None:
    groupings = Groupings(fresh)
    groupings.stop()
    qtbot.wait(30)
    groupings.resume()
    qtbot.waitUntil(lambda: all(g is not None for g in fresh.state.groupings))
    groupings.close()


def test_a_bug_in_a_grouping_is_told(
    fresh: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("k2c_gui.core.review.group", broken)
    told: list[object] = []
    groupings = Groupings(fresh)
    groupings.failed.connect(told.append)
    qtbot.waitUntil(lambda: bool(told))
    groupings.close()
    assert isinstance(told[0], RuntimeError)


def test_pictures_come_the_wanted_one_first_and_old_ones_go(
    project: Path, qapp: QApplication, qtbot: QtBot
) -> None:
    image = str(next((project / "images").iterdir()))
    n = KEPT_PICTURES + 3
    pictures = Pictures([image] * n)
    came: list[int] = []
    pictures.ready.connect(came.append)
    pictures.prefetch([1, 2])
    assert pictures.get(5) is None
    qtbot.waitUntil(lambda: len(came) == 3)
    assert came.index(5) <= 1  # one may have been on its way
    for i in range(n):
        if pictures.get(i) is None:
            with qtbot.waitSignal(pictures.ready):
                pass
    assert sum(pictures.peek(i) is not None for i in range(n)) == KEPT_PICTURES
    pictures.close()


def test_a_picture_that_fails_says_why_and_comes_from_elsewhere(
    project: Path, tmp_path: Path, qapp: QApplication, qtbot: QtBot
) -> None:
    pictures = Pictures([str(tmp_path / "gone.tif")])
    with qtbot.waitSignal(pictures.failed) as failed:
        pictures.get(0)
    assert "not there" in pictures.error(0)
    assert failed.args == [0, pictures.error(0)]
    with qtbot.waitSignal(pictures.ready):
        pictures.replace(0, next((project / "images").iterdir()))
    assert pictures.error(0) == ""
    pictures.close()


def test_levels_halve_and_percentiles_are_those_of_the_pixels(project: Path) -> None:
    picture = decode(3, next((project / "images").iterdir()))
    assert picture.micrograph == 3
    for fine, coarse in zip(picture.levels, picture.levels[1:], strict=False):
        assert coarse.shape == (fine.shape[0] // 2, fine.shape[1] // 2)
    pixels = picture.levels[0].astype(np.float64)
    for share in (1, 50, 99):
        assert picture.percentile(share) == pytest.approx(np.percentile(pixels, share), rel=0.02)
