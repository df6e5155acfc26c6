"""A grid of settings, scored: against plain loops over what each setting finds by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.core import exposure, matching, review, scores
from k2c_gui.core.grid import Axis, Grid, grid
from k2c_gui.core.ledger import fold
from k2c_gui.core.model import (
    DEFAULT,
    NO_LABEL,
    Cancelled,
    ClusterParams,
    Decision,
    Entry,
    Ints,
    K2CError,
    Ledger,
    Sources,
    Table,
)
from k2c_gui.core.once import Once
from k2c_gui.core.review import Evidence
from k2c_gui.core.rulings import rulings as rulings_on
from k2c_gui.core.standing import standing
from k2c_gui.core.sweep import SCORES, Sweep, sweep

GRID = "default,min_cluster_size=3:11:4,min_samples=3,7,weighted=yes,no,split=yes,no,margin=.1,.3"
UNDECIDED = fold((), DEFAULT)


@pytest.fixture(scope="module")
def facts(sources: Sources) -> list[Evidence]:
    return review.evidence(sources)


@pytest.fixture(scope="module")
def undecided(facts: list[Evidence]) -> Sweep:
    return sweep(facts, grid(GRID, DEFAULT), UNDECIDED)


class Here(Executor):
    """Does the work at once, in this thread."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.names.append(args[0].evidence.name)
        try:
            future.set_result(work(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


def ruling(evidence: Evidence, marks: Iterable[int], **about: Any) -> Decision:
    own = tuple(marks)
    fixed: dict[str, Any] = {
        "micrograph": evidence.name,
        "marks": own,
        "verdict": "label",
        "label": 0,
        "x": 1.0,
        "y": 1.0,
        "decided_at": "2024-01-01T00:00:00.000Z",
        "made_from": (own,),
    }
    return Decision(**(fixed | about))


def decided(rulings: Iterable[Decision], signed: Iterable[str] = ()) -> Ledger:
    at = "2024-01-01T00:00:00.000Z"
    log = [
        Entry(uid=f"d{i}", step=f"s{i}", kind="decide", at=at, decision=decision)
        for i, decision in enumerate(rulings)
    ]
    accepts = tuple(entry.uid for entry in log)
    log += [
        Entry(uid=f"o{n}", step=f"o{n}", kind="sign-off", at=at, micrograph=n, accepts=accepts)
        for n in signed
    ]
    return fold(log, DEFAULT)


def groups(evidence: Evidence, params: ClusterParams) -> list[Ints]:
    """The marks of each group, by their ids."""
    grouping = review.group(evidence, params)
    group = grouping.group_of_mark
    return [evidence.marks["mark"][group == g] for g in range(len(grouping.x))]


# counts


def test_counts_are_those_of_the_instance_table(facts: list[Evidence], undecided: Sweep) -> None:
    assert undecided.micrographs == tuple(e.name for e in facts)
    assert undecided.tallies.shape == (2, 3, 2, 2, 2, 2)
    flat = undecided.tallies.reshape(2, -1)
    split = 0
    for own, evidence in zip(flat, facts, strict=True):
        for row, params in zip(own, undecided.grid.settings(), strict=True):
            grouping = review.group(evidence, params)
            table = review.instances(evidence, grouping, UNDECIDED)
            voted = table["votes"].sum(axis=1) > 0
            split += int((table["split_into"] > 1).sum())
            assert row["instances"] == len(table)
            assert row["ambiguous"] == table["ambiguous"].sum()
            assert row["ties"] == (voted & (table["margin"] == 0)).sum()
            assert row["unvoted"] == (~voted).sum()
            counted = evidence.marks["counted"]
            assert row["marks"] == counted.sum()
            assert row["noise"] == (counted & (grouping.group_of_mark < 0)).sum()
    assert split > 0
    for name in ("instances", "ambiguous", "ties", "unvoted", "noise"):
        np.testing.assert_array_equal(undecided.scores[name], undecided.tallies[name].sum(axis=0))


@pytest.mark.parametrize("algorithm", ["reference", "kmeans", "dbscan"])
def test_other_algorithms_are_scored_alike(facts: list[Evidence], algorithm: Any) -> None:
    base = replace(DEFAULT, algorithm=algorithm, epsilon=4.0)
    found = sweep(facts, Grid(base, (Axis("split", (True, False)),)), UNDECIDED)
    for row, params in zip(found.tallies.T, found.grid.settings(), strict=True):
        assert row["instances"].tolist() == [len(groups(e, params)) for e in facts]


def test_stability_against_every_pair_of_settings(facts: list[Evidence]) -> None:
    found = sweep(
        facts, grid("default,min_cluster_size=3,8,12,min_samples=3,12", DEFAULT), UNDECIDED
    )
    every = list(found.grid.settings())
    assert ((found.scores["stability"] > 0) & (found.scores["stability"] < 1)).all()
    for evidence, tallies in zip(facts, found.tallies, strict=True):
        own_of = [(groups(evidence, params), labels(evidence, params)) for params in every]
        for i, row in enumerate(tallies.ravel()):
            expected = sum(
                sum(stands(own, label, *own_of[j]) for j in range(len(every)) if j != i)
                for own, label in zip(*own_of[i], strict=True)
            )
            assert row["stable"] == pytest.approx(expected / (len(every) - 1))


def labels(evidence: Evidence, params: ClusterParams) -> list[int]:
    table = review.instances(evidence, review.group(evidence, params), UNDECIDED)
    return table["label"].tolist()


def stands(own: Ints, label: int, others: list[Ints], theirs: list[int]) -> bool:
    for other, named in zip(others, theirs, strict=True):
        both = len(np.intersect1d(own, other))
        if named == label and both >= 0.6 * len(own) and both >= 0.6 * len(other):
            return True
    return False


def test_one_setting_has_nothing_to_be_stable_against(facts: list[Evidence]) -> None:
    found = sweep(facts, grid("default", DEFAULT), UNDECIDED)
    assert found.tallies.shape == (2,)
    assert found.scores["instances"].shape == ()
    assert np.isnan(found.scores["stability"])
    assert found.setting(()) == DEFAULT


# agreement


def test_nothing_decided_nothing_best(undecided: Sweep) -> None:
    assert undecided.best is None
    for name in ("precision", "recall", "f1", "labels", "agreement"):
        assert np.isnan(undecided.scores[name]).all()
    assert set(undecided.scores) == set(SCORES)


def test_the_setting_that_was_decided_under_is_the_best(facts: list[Evidence]) -> None:
    asked = grid("default,min_cluster_size=4:12:2,min_samples=2,4,9", DEFAULT)
    right = (2, 2)
    params = next(p for p in asked.settings() if (p.min_cluster_size, p.min_samples) == (8, 9))
    rulings = [
        ruling(e, marks, label=label)
        if label != NO_LABEL
        else ruling(e, marks, verdict="defer", label=None)
        for e in facts
        for marks, label in zip(groups(e, params), labels(e, params), strict=True)
    ]
    found = sweep(facts, asked, decided(rulings, [e.name for e in facts]))
    assert found.setting(right) == params
    for name in ("precision", "recall", "f1", "labels", "agreement"):
        assert found.scores[name][right] == 1
        assert found.scores[name][found.best] == 1
        assert (found.scores[name] < 1).any() or name == "labels"
    # what was decided changes nothing of what is proposed
    blank = sweep(facts, asked, UNDECIDED)
    for name in ("instances", "ambiguous", "noise", "stable", "validity"):
        np.testing.assert_array_equal(found.tallies[name], blank.tallies[name])


def test_found_is_what_matching_calls_kept(facts: list[Evidence]) -> None:
    rng = np.random.default_rng(3)
    evidence = facts[0]
    rulings = []
    for marks in groups(evidence, DEFAULT):  # of some a part, so that not all are found
        some = rng.permutation(marks)[: max(1, int(len(marks) * rng.uniform(0.4, 1)))]
        rulings.append(ruling(evidence, sorted(some.tolist())))
    ledger = decided(rulings)
    found = sweep(facts[:1], grid(GRID, DEFAULT), ledger)
    told = found.tallies[0].ravel()
    for row, params in zip(told, found.grid.settings(), strict=True):
        grouping = review.group(evidence, params)
        own = standing(ledger, evidence.name)
        matched = matching.match(evidence.marks, grouping.group_of_mark, len(grouping.x), own)
        assert row["decided"] == len(rulings)
        assert row["found"] == (matched.backing == matching.KEPT).sum()
        assert row["right"] == matched.same.sum()
    assert len(set(told["found"].tolist())) > 1


def test_later_marks_do_not_count_against_a_decision(facts: list[Evidence]) -> None:
    evidence = facts[0]
    marks = next(m for m in groups(evidence, DEFAULT) if len(m) >= 8)
    old, new = marks[:4], marks[4:]
    since = evidence.marks.copy()
    since["since"][np.isin(since["mark"], new)] = 1000
    later = replace(evidence, marks=since)
    for held, found in ((999, 1), (1000, 0), (0, 0)):  # 0: not known, so all were there
        ledger = decided([ruling(evidence, old.tolist(), held=held)])
        told = sweep([later], grid("default", DEFAULT), ledger)
        assert told.tallies["found"].tolist() == [found], held


def test_verdicts_and_labels_count_as_they_should(facts: list[Evidence]) -> None:
    evidence = facts[0]
    own = groups(evidence, DEFAULT)
    names = labels(evidence, DEFAULT)
    sure = [i for i, label in enumerate(names) if label != NO_LABEL][:5]
    a, b, c, d, e = (own[i].tolist() for i in sure)
    wrong = next(v for v in range(4) if v != names[sure[1]])
    rulings = [
        ruling(evidence, a, label=names[sure[0]]),
        ruling(evidence, b, label=wrong),
        ruling(evidence, c, verdict="reject", label=None),
        ruling(evidence, d, verdict="defer", label=None),
        ruling(evidence, e[: len(e) // 2], label=0),  # no group is that part
        # nobody marked it: no setting can find it; and it lies elsewhere
        ruling(evidence, (), label=0, made_from=(), x=9.0),
    ]

    def told(ledger: Ledger) -> dict[str, int]:
        row = sweep([evidence], grid("default", DEFAULT), ledger).tallies[0]
        names = ("decided", "found", "agreeing", "judged", "right")
        return {name: int(row[name]) for name in names}

    counts = {"decided": 3, "found": 2, "agreeing": 1, "right": 2}
    half = 2 * (len(e) // 2) >= len(e)
    # the deferred one is left open; the half is half of its group, and the group no such thing
    assert told(decided(rulings)) == counts | {"judged": 4 if half else 3} or not half
    # signed off: whatever else is proposed is judged, and wrong
    everything = len(own) - 1
    assert told(decided(rulings, [evidence.name])) == counts | {"judged": everything}


def test_marks_that_came_after_the_sign_off_are_not_judged(facts: list[Evidence]) -> None:
    evidence = facts[0]
    own = groups(evidence, DEFAULT)
    later = evidence.marks.copy()
    later["since"][np.isin(later["mark"], own[1])] = 500
    ledger = decided([ruling(evidence, own[0].tolist(), held=100)], [evidence.name])
    told = sweep([replace(evidence, marks=later)], grid("default", DEFAULT), ledger).tallies[0]
    assert told["judged"] == len(own) - 1


def test_of_equals_the_least_ambiguous(facts: list[Evidence]) -> None:
    marks = groups(facts[0], DEFAULT)[0].tolist()
    label = labels(facts[0], DEFAULT)[0]
    asked = grid("default,margin=.6,.1,.3", DEFAULT)
    found = sweep(facts, asked, decided([ruling(facts[0], marks, label=label)]))
    assert len(set(found.scores["agreement"].tolist())) == 1
    assert found.scores["ambiguous"][1] < found.scores["ambiguous"][0]
    assert found.best == (1,)


# how the work is shared out


def test_the_same_whoever_does_the_work(facts: list[Evidence], undecided: Sweep) -> None:
    fresh = [replace(evidence) for evidence in facts]
    with ThreadPoolExecutor(3) as threads:
        for executor in (Here(), threads):
            found = sweep(fresh, undecided.grid, UNDECIDED, executor, first=1)
            assert found.tallies.tobytes() == undecided.tallies.tobytes()
            assert found.micrographs == undecided.micrographs


def test_the_wanted_micrograph_comes_first(facts: list[Evidence]) -> None:
    came: list[str] = []
    executor = Here()
    found = sweep(
        facts,
        grid("default", DEFAULT),
        UNDECIDED,
        executor,
        first=1,
        arrived=lambda name, tallies: came.append(name),
    )
    assert executor.names[0] == facts[1].name
    assert sorted(came) == sorted(found.micrographs)


def test_a_poisoned_micrograph_is_named(facts: list[Evidence]) -> None:
    bad = replace(facts[0], mark_of_vote=facts[0].mark_of_vote + 10**6)
    found = sweep([bad, facts[1]], grid("default,min_samples=3,5", DEFAULT), UNDECIDED)
    assert list(found.failed) == [facts[0].name]
    assert "IndexError" in found.failed[facts[0].name]
    assert found.micrographs == (facts[1].name,)
    alone = sweep(facts[1:], found.grid, UNDECIDED)
    assert alone.tallies.tobytes() == found.tallies.tobytes()


def test_all_poisoned(facts: list[Evidence]) -> None:
    bad = replace(facts[0], mark_of_vote=facts[0].mark_of_vote + 10**6)
    found = sweep([bad], grid("default,min_samples=3,5", DEFAULT), UNDECIDED)
    assert found.tallies.shape == (0, 2)
    assert found.scores["instances"].tolist() == [0, 0]
    assert found.best is None


def test_it_can_be_stopped_and_goes_on(facts: list[Evidence]) -> None:
    shelf: dict[str, Table] = {}
    asked = grid("default,min_samples=3,5", DEFAULT)

    def impatient(what: str, done: int, total: int) -> None:
        if done == 1:
            raise Cancelled("enough")

    class OneByOne(Here):
        """Never answers the second question."""

        def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            if not self.names:
                return super().submit(work, *args, **kwargs)
            self.never: Future[Any] = Future()
            self.stop = args[0].stop
            return self.never

    executor = OneByOne()
    with pytest.raises(Cancelled, match="enough"):
        sweep(facts, asked, UNDECIDED, executor, shelf=shelf, progress=impatient)
    assert executor.never.cancelled()
    with pytest.raises(Cancelled):
        executor.stop.obey()
    assert len(shelf) == 1
    again = Here()
    found = sweep(facts, asked, UNDECIDED, again, shelf=shelf)
    assert again.names == [facts[1].name]
    assert found.tallies.tobytes() == sweep(facts, asked, UNDECIDED).tallies.tobytes()
    assert len(shelf) == 2


def test_work_is_left_off_between_settings(facts: list[Evidence]) -> None:
    stop = scores.Stop()
    stop.ask()
    own = rulings_on(facts[0], UNDECIDED)
    with pytest.raises(Cancelled):
        scores.answer(scores.Question(facts[0], own, (DEFAULT,), stop))


def test_answers_go_by_what_was_asked(facts: list[Evidence]) -> None:
    evidence = facts[0]
    marks = groups(evidence, DEFAULT)[0].tolist()

    def key(evidence: Evidence, ledger: Ledger = UNDECIDED, *more: ClusterParams) -> str:
        return scores.Question(evidence, rulings_on(evidence, ledger), (DEFAULT, *more)).key()

    moved = evidence.marks.copy()
    moved["x"][3] = np.nextafter(moved["x"][3], 9e9)
    recast = evidence.votes.copy()
    recast["label"][0] = (recast["label"][0] + 1) % 4
    keys = [
        key(evidence),
        key(facts[1]),
        key(replace(evidence, marks=moved)),
        key(replace(evidence, votes=recast)),
        key(replace(evidence, jitter=evidence.jitter + 0.1)),
        key(evidence, UNDECIDED, replace(DEFAULT, margin=0.3)),
        key(evidence, decided([ruling(evidence, marks)])),
        key(evidence, decided([ruling(evidence, marks)], [evidence.name])),
        key(evidence, decided([ruling(evidence, marks, label=1)])),
    ]
    assert len(set(keys)) == len(keys)
    assert key(replace(evidence)) == keys[0]


def test_other_versions_are_refused(facts: list[Evidence], monkeypatch: pytest.MonkeyPatch) -> None:
    class Older(Here):
        def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            told = work(*args, **kwargs)
            future.set_result(told._replace(versions=told.versions | {"numba": "0.1"}))
            return future

    with pytest.raises(K2CError, match=r"numba 0\.1 there and"):
        sweep(facts, grid("default", DEFAULT), UNDECIDED, Older())


def test_a_lost_worker_is_a_fault_of_its_micrograph(facts: list[Evidence]) -> None:
    class Loses(Here):
        def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            if not self.names:
                self.names.append("lost")
                future: Future[Any] = Future()
                future.set_exception(RuntimeError("killed three times"))
                return future
            return super().submit(work, *args, **kwargs)

    found = sweep(facts, grid("default", DEFAULT), UNDECIDED, Loses())
    assert found.failed == {facts[0].name: "RuntimeError: killed three times"}
    assert found.micrographs == (facts[1].name,)


# empty and small


@pytest.mark.parametrize("split", ["yes", "no"])
def test_no_group_at_all(facts: list[Evidence], split: str) -> None:
    ledger = decided([ruling(facts[0], groups(facts[0], DEFAULT)[0].tolist())])
    asked = grid(f"default,split={split},min_cluster_size=5000,6000", DEFAULT)
    found = sweep(facts, asked, ledger)
    assert not found.failed
    assert found.scores["instances"].tolist() == [0, 0]
    assert found.scores["recall"].tolist() == [0, 0]
    assert found.scores["agreement"].tolist() == [0, 0]
    for name in ("precision", "labels", "stability", "validity"):
        assert np.isnan(found.scores[name]).all()
    assert found.scores["noise"][0] == sum(e.marks["counted"].sum() for e in facts)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_hardly_any_marks(facts: list[Evidence], n: int) -> None:
    evidence = facts[0]
    keep = np.flatnonzero(evidence.marks["counted"])[:n]
    few = replace(
        evidence,
        marks=evidence.marks[keep],
        votes=evidence.votes[:0],
        mark_of_vote=evidence.mark_of_vote[:0],
    )
    ledger = decided([ruling(evidence, evidence.marks["mark"][:4].tolist())])
    found = sweep([few], grid("default,split=yes,no,min_cluster_size=2,3", DEFAULT), ledger)
    assert not found.failed
    assert (found.tallies["marks"] == n).all()
    assert sweep([], found.grid, UNDECIDED).scores["instances"].tolist() == [[0, 0], [0, 0]]


def test_the_same_however_many_settings_are_dealt_with_at_once(
    facts: list[Evidence], undecided: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    for marks in (1, 7 * len(facts[0].marks)):
        monkeypatch.setattr(scores, "_AT_ONCE", marks)
        found = sweep(facts, undecided.grid, UNDECIDED, Here())
        assert found.tallies.tobytes() == undecided.tallies.tobytes()


def test_equal_groups_of_several_settings_are_one() -> None:
    marks = crowded(np.random.default_rng(0), 6).marks
    group = np.array([[0, 0, 1, 1, -1, -1], [-1, 1, 0, 0, 1, -1], [0, 0, 1, 1, 1, 1]])
    found = Once(marks, np.ones(6), 1.0).distinct(group)
    sets = [found.member[a:b].tolist() for a, b in pairwise(found.edge)]
    assert sorted(sets) == [[0, 1], [1, 4], [2, 3], [2, 3, 4, 5]]
    told = [[sets[i] for i in found.of[a:b]] for a, b in pairwise(found.first)]
    assert told == [[[0, 1], [2, 3]], [[2, 3], [1, 4]], [[0, 1], [2, 3, 4, 5]]]
    assert len(set(found.name.tolist())) == 4


@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_groups_are_those_of_each_setting_by_itself(data: st.DataObject) -> None:
    """On crowded marks, where much is united and split, and weights differ."""
    seed = data.draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    n = data.draw(st.integers(2, 150))
    evidence = crowded(rng, n)
    asked = Grid(
        DEFAULT,
        (
            Axis("min_cluster_size", (2, 3, 5)),
            Axis("min_samples", (2, 4)),
            Axis("method", ("eom", "leaf")),
            Axis("weighted", (True, False)),
        ),
    )
    found = sweep([evidence], asked, UNDECIDED, Here())
    assert not found.failed
    told = found.tallies[0].ravel()
    for row, params in zip(told, asked.settings(), strict=True):
        own = review.group(evidence, params)
        assert row["instances"] == len(own.x)
        assert row["noise"] == (own.group_of_mark < 0).sum()


def crowded(rng: np.random.Generator, n: int) -> Evidence:
    from k2c_gui.core.model import LOOK, MARK, TILE, VOTE, Label, Micrograph

    marks = np.zeros(n, MARK)
    marks["mark"] = 1 + np.arange(n)
    marks["volunteer"] = rng.integers(0, 12, n)
    particle = rng.uniform(5, 60, (max(1, n // 10), 2))
    xy = particle[rng.integers(0, len(particle), n)] + rng.normal(0, 1.5, (n, 2))
    marks["x"], marks["y"] = np.clip(xy, 0, 63.9).T
    marks["inside"] = True
    marks["label"] = rng.integers(0, 2, n)
    tiles = np.zeros(1, TILE)
    tiles["width"] = tiles["height"] = 64
    looks = np.zeros(12, LOOK)
    looks["volunteer"] = looks["classification"] = np.arange(12)
    looks["counted"] = True
    kinds = (Label(0, "a", True), Label(1, "b", True))
    micrograph = Micrograph("m", "m", 64, 64)
    facts = Sources((micrograph,), kinds, ("t",), tiles, looks, marks, np.zeros(0, VOTE))
    (own,) = review.evidence(exposure.count(facts))
    weight = rng.choice([1.0, 4 / 3, 2.0], n)
    own.hierarchy.weight[:] = weight
    return own
