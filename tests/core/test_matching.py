"""Matching against the rules written out with sets, and against the truth of demo worlds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui import demo
from k2c_gui.core import exposure, ledger, matching, review
from k2c_gui.core.model import (
    BACKING,
    MARK,
    NO_LABEL,
    STATUS,
    ClusterParams,
    Decision,
    Entry,
    Grouping,
    Ints,
    Label,
    Ledger,
    Micrograph,
    Sources,
    Table,
)
from k2c_gui.core.standing import Standing, standing

N = 40
LABELS = tuple(Label(i, str(i), True) for i in range(2))
PARAMS = ClusterParams(min_cluster_size=5, min_samples=3)


def decision(marks: Iterable[int], label: int | None = 0, **about: Any) -> Decision:
    marks = tuple(marks)
    about = {"made_from": (marks,), "verdict": "label", "x": 0.0, "y": 0.0} | about
    return Decision(micrograph="m", marks=marks, label=label, decided_at="", **about)


def table_of(n: int, since: Sequence[int] | None = None) -> Table:
    marks = np.zeros(n, MARK)
    marks["mark"] = np.arange(n) * 3  # a mark's id is not its place
    marks["since"] = 0 if since is None else since
    return marks


def groups_of(n: int, *groups: Iterable[int]) -> Ints:
    group = np.full(n, -1)
    for i, rows in enumerate(groups):
        group[list(rows)] = i
    return group


def ids(*rows: int) -> tuple[int, ...]:
    return tuple(3 * row for row in rows)


def told(
    groups: Sequence[Iterable[int]],
    *decisions: Decision,
    marks: Table | None = None,
    conflicts: Iterable[tuple[str, str]] = (),
) -> list[str]:
    """What is said of decisions called 0, 1, 2 ... under these groups of rows."""
    marks = table_of(N) if marks is None else marks
    found = Standing({str(i): d for i, d in enumerate(decisions)}, conflicts)
    match = matching.match(marks, groups_of(len(marks), *groups), len(groups), found)
    return [BACKING[i] for i in match.backing]


def made_of(uid: str, ruling: Decision) -> Entry:
    return Entry(uid=uid, step=uid, kind="decide", at="", decision=ruling)


def rows(first: int, n: int) -> range:
    return range(first, first + n)


ten = ids(*rows(0, 10))


@pytest.mark.parametrize(
    ("groups", "state"),
    [
        ([rows(0, 10)], "kept"),
        ([rows(0, 6)], "kept"),  # 60 % of the decision's marks
        ([rows(0, 5)], "dissolved"),
        ([rows(0, 16)], "kept"),  # 62 % of the group's
        ([rows(0, 17)], "grew"),
        ([[*rows(0, 6), *rows(20, 4)]], "kept"),  # 60 % of both
        ([[*rows(0, 6), *rows(20, 5)]], "grew"),
        ([rows(0, 5), rows(5, 5)], "split"),
        ([rows(0, 5), rows(5, 3)], "split"),
        ([rows(0, 5), rows(5, 2)], "dissolved"),  # 2 of 10 are no part
        ([rows(0, 4), rows(4, 3), rows(7, 3)], "split"),
        ([rows(0, 7), rows(7, 3)], "kept"),  # kept comes before split
        ([[*rows(0, 7), *rows(20, 9)], rows(7, 3)], "split"),  # and split before grew
        ([], "dissolved"),
        ([rows(20, 10)], "dissolved"),
    ],
)
def test_one_decision_of_ten_marks(groups: list[Iterable[int]], state: str) -> None:
    assert told(groups, decision(ten)) == [state]


def test_two_decisions_in_one_group_are_merged_and_conflict_where_they_differ() -> None:
    one, other = ids(*rows(0, 10)), ids(*rows(10, 10))
    whole = [rows(0, 20)]
    assert told(whole, decision(one), decision(other)) == ["merged", "merged"]
    assert told(whole, decision(one), decision(other, 1)) == ["conflict", "conflict"]
    rejected = decision(other, None, verdict="reject")
    assert told(whole, decision(one), rejected) == ["conflict", "conflict"]
    assert told(whole, decision(one, None, verdict="reject"), rejected) == ["merged", "merged"]
    # the large one is still its group; the small one is in it as well
    assert told([rows(0, 14)], decision(one), decision(ids(*rows(10, 4)))) == ["kept", "merged"]


def test_an_experts_merge_is_kept_under_both_groups_and_under_their_union() -> None:
    one, other = ids(*rows(0, 10)), ids(*rows(10, 3))
    merged = decision((*one, *other), made_from=(one, other))
    assert told([rows(0, 10), rows(10, 3)], merged) == ["kept"]
    assert told([rows(0, 13)], merged) == ["kept"]
    assert told([rows(0, 5), rows(5, 5), rows(10, 3)], merged) == ["split"]


def test_the_parts_of_an_experts_split_are_kept_under_the_whole_group_and_under_parts() -> None:
    parts = [
        decision(ids(*part), i, made_from=(ten,)) for i, part in enumerate((rows(0, 6), rows(6, 4)))
    ]
    assert told([rows(0, 10)], *parts) == ["kept", "kept"]
    assert told([rows(0, 6), rows(6, 4)], *parts) == ["kept", "kept"]
    assert told([rows(0, 18)], *parts) == ["conflict", "conflict"]
    assert told([[]], *parts) == ["dissolved", "dissolved"]


def test_a_particle_that_nobody_marked_always_stands() -> None:
    added = decision([-7], made_from=())
    for groups in ([], [rows(0, 10)], [range(N)]):
        assert told(groups, added) == ["kept"]
    # joined with a group it goes by the group alone
    joined = decision((-7, *ten), made_from=((-7,), ten))
    assert told([rows(0, 10)], joined) == ["kept"]
    assert told([rows(0, 5), rows(5, 5)], joined) == ["split"]


def test_marks_of_a_later_import_do_not_count_against_a_decision() -> None:
    since = np.zeros(N, int)
    since[10:30] = 30
    marks = table_of(N, since)
    before, after, unknown = (decision(ten, held=held) for held in (10, 30, 0))
    assert told([rows(0, 30)], before, marks=marks) == ["kept"]
    assert told([rows(0, 30)], after, marks=marks) == ["grew"]
    assert told([rows(0, 30)], unknown, marks=marks) == ["grew"]
    # those that were there then do
    assert told([[*rows(0, 10), *rows(30, 9)]], before, marks=marks) == ["grew"]
    # and so for the groups that it was made on
    merged = replace(before, marks=ten, made_from=(ten[:7], ten[7:]))
    assert told(
        [[*rows(0, 7), *rows(10, 9)], [*rows(7, 3), *rows(20, 9)]], merged, marks=marks
    ) == ["kept"]


def test_experts_who_ruled_on_the_same_marks_conflict_whatever_the_grouping() -> None:
    pair = [("0", "1")]
    for groups, alike in (([rows(0, 10)], "kept"), ([], "dissolved")):
        assert told(groups, decision(ten), decision(ten, 1), conflicts=pair) == ["conflict"] * 2
        # what they ruled alike is as the grouping has it: there is nothing to settle
        assert told(groups, decision(ten), decision(ten[2:]), conflicts=pair) == [alike] * 2
    three = [decision(ten), decision(ten), decision(ten, 1)]
    for pairs in ([("0", "1"), ("0", "2")], [("0", "2"), ("0", "1")]):
        assert told([], *three, conflicts=pairs)[0] == "conflict"


def test_one_particle_is_not_two_of_the_same_label() -> None:
    both, left, right = decision(ten), decision(ten[:5]), decision(ten[5:])
    for groups in ([rows(0, 10)], [rows(0, 5), rows(5, 5)], []):
        found = told(groups, both, left, right, conflicts=[("0", "1"), ("0", "2")])
        assert found == ["conflict"] * 3


def test_without_marks_or_decisions() -> None:
    assert told([]) == []
    assert told([], decision(ten), marks=table_of(0)) == ["dissolved"]
    assert told([rows(0, 3)], decision([1, 2, 4]), marks=table_of(3)) == ["dissolved"]  # no such


def test_decisions_whose_micrograph_is_gone_are_told() -> None:
    log = [made_of(name, replace(decision([i]), micrograph=name)) for i, name in enumerate("abc")]
    found = matching.detached(ledger.fold(log, PARAMS), ["a", "c"])
    assert list(found) == ["b"]
    assert found["b"].marks == (1,)


# The rules written out with sets


def plain(
    groups: Sequence[set[int]], decisions: Mapping[str, Decision], since: Mapping[int, int]
) -> dict[str, str]:
    """The state of each decision; `design` in words, nothing shared with what is tested."""

    def matches(marks: set[int], group: set[int], held: int) -> bool:
        there = {m for m in group if held == 0 or since[m] <= held}
        both = len(marks & group)
        return both * 10 >= len(marks) * 6 and both * 10 >= len(there) * 6

    def inside(marks: set[int], group: set[int]) -> bool:
        return bool(marks) and len(marks & group) * 10 >= len(marks) * 6

    own = {uid: {m for m in d.marks if m >= 0} for uid, d in decisions.items()}
    states = {}
    for uid, d in decisions.items():
        sets = [s for marks in d.made_from if (s := {m for m in marks if m >= 0})]
        held = d.held
        home = next((g for g in groups if inside(own[uid], g)), None)
        others = [e for other, e in decisions.items() if home and inside(own[other], home)]
        if (
            not d.made_from
            or not own[uid]
            or any(matches(own[uid], g, held) for g in groups)
            or all(any(matches(s, g, held) for g in groups) for s in sets)
        ):
            states[uid] = "kept"
        elif len(others) > 1:
            same = len({(e.verdict, e.label) for e in others}) == 1
            states[uid] = "merged" if same else "conflict"
        elif sum(len(own[uid] & g) * 4 >= len(own[uid]) for g in groups) >= 2:
            states[uid] = "split"
        else:
            states[uid] = "grew" if home is not None else "dissolved"
    return states


@st.composite
def situations(draw: st.DrawFn) -> tuple[Table, Ints, int, dict[str, Decision]]:
    """Marks of one or two imports, a grouping, and decisions that share no mark."""
    n = draw(st.integers(1, N))
    late = draw(st.integers(0, n))
    since = [0] * late + [n] * (n - late)
    marks = table_of(n, since)
    n_groups = draw(st.integers(0, 5))
    # runs, so that groups and decisions often are nearly the same
    group = np.sort(np.array(draw(st.lists(st.integers(-1, n_groups - 1), min_size=n, max_size=n))))
    owner = np.sort(np.array(draw(st.lists(st.integers(-1, 5), min_size=n, max_size=n))))
    for where in draw(st.sets(st.integers(0, n - 1), max_size=4)):
        group[where] = draw(st.integers(-1, n_groups - 1))
    made = {}
    for i in range(6):
        own = ids(*np.flatnonzero(owner == i).tolist())
        if draw(st.booleans()) and draw(st.booleans()):
            own = (*own, -2 - i)
        if not own:
            continue
        cut = draw(st.integers(0, len(own)))
        made_from = draw(
            st.sampled_from(
                [(own,), (own[:cut], own[cut:]), (), (ids(*range(n)),), (own, ids(0, n - 1))]
            )
        )
        verdict = draw(st.sampled_from(["label", "reject", "defer"]))
        label = draw(st.integers(0, 1)) if verdict == "label" else None
        held = draw(st.sampled_from([0, late, n]))
        made[f"uid {i}"] = decision(own, label, verdict=verdict, made_from=made_from, held=held)
    return marks, group, n_groups, made


@given(situations(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=400)
def test_as_the_rules_written_out_with_sets_say(
    situation: tuple[Table, Ints, int, dict[str, Decision]], random: Any
) -> None:
    marks, group, n_groups, made = situation
    found = matching.match(marks, group, n_groups, Standing(made))
    groups = [set(marks["mark"][group == g].tolist()) for g in range(n_groups)]
    since = dict(zip(marks["mark"].tolist(), marks["since"].tolist(), strict=True))
    states = dict(zip(made, (BACKING[i] for i in found.backing), strict=True))
    assert states == plain(groups, made, since)

    # whatever the numbers of the groups and the order of the decisions
    number = list(range(n_groups))
    random.shuffle(number)
    other = np.where(group >= 0, np.array([*number, -1])[group], -1)
    order = list(made)
    random.shuffle(order)
    again = matching.match(marks, other, n_groups, Standing({uid: made[uid] for uid in order}))
    assert dict(zip(order, (BACKING[i] for i in again.backing), strict=True)) == states
    assert found.same.tolist() == again.same[number].tolist()


# Votes


def voted(then: tuple[int, ...], now: tuple[int, ...], group: tuple[int, ...] = ()) -> bool:
    """Whether the votes moved: of the decision's two marks, and of the group it was made on."""
    made_from = (ids(0, 1, 2),) if group else (ids(0, 1),)
    found = Standing({"0": decision(ids(0, 1), votes=then, made_from=made_from)})
    each = np.array([(0, 0), now, np.subtract(group, now) if group else (0, 0)])
    (moved,) = matching.moved(table_of(3), found, np.array([now]), lambda: each)
    return bool(moved)


def test_votes_are_compared_with_what_they_were() -> None:
    assert not voted((3, 1), (3, 1))
    assert voted((3, 1), (3, 2))
    assert voted((3, 1), (1, 3))
    assert not voted((), (3, 2)), "it is not known what they were"
    # the case was shown as a group, and another decision holds one of its marks
    assert not voted((5, 1), (3, 1), group=(5, 1))
    assert voted((5, 1), (3, 1), group=(5, 2))


# In the INSTANCE table


def world_of(seed: int, **knobs: Any) -> tuple[demo.World, list[review.Evidence]]:
    params = demo.WorldParams(
        micrographs=1, seed=seed, size=512, particles=26, tiles_per_axis=4, volunteers=40, **knobs
    )
    world = demo.make(params)
    labels = tuple(Label(value, str(value), value != 3) for value in range(4))
    sources = Sources(
        tuple(Micrograph(name, name, 512, 512, 0.5) for name in world.names),
        labels,
        tuple(f"tile {i}" for i in range(len(world.tiles))),
        world.tiles,
        world.looks[np.argsort(world.looks["classification"])],
        world.marks[np.argsort(world.marks["mark"])],
        world.votes[np.argsort(world.votes["classification"])],
    )
    return world, review.evidence(exposure.count(sources))


def decide_all(evidence: review.Evidence, grouping: Grouping) -> Ledger:
    """Every proposal accepted, as a session would store it."""
    table = review.instances(evidence, grouping, ledger.fold([], PARAMS))
    log = []
    for g, row in enumerate(table):
        own = tuple(evidence.marks["mark"][grouping.group_of_mark == g].tolist())
        ruling = Decision(
            micrograph=evidence.name,
            marks=own,
            verdict="defer" if row["label"] == NO_LABEL else "label",
            label=None if row["label"] == NO_LABEL else int(row["label"]),
            x=float(row["x"]),
            y=float(row["y"]),
            decided_at="",
            votes=tuple(row["votes"].tolist()),
            params=grouping.params,
            made_from=(own,),
            held=len(evidence.marks),
        )
        log.append(made_of(f"uid {g}", ruling))
    return ledger.fold(log, PARAMS)


GRID = [
    ClusterParams(min_cluster_size=size, min_samples=samples, epsilon=epsilon, method=method)
    for size, samples, epsilon, method in product(
        (3, 5, 8, 11, 15), (2, 5, 11), (0.0, 4.0, 9.0), ("eom", "leaf")
    )
]


@pytest.mark.parametrize("seed", [3, 4])
def test_over_all_settings_nothing_is_lost_and_nothing_on_the_wrong_particle(seed: int) -> None:
    assert len(GRID) >= 90
    world, (evidence,) = world_of(seed, touching=0.6)
    origin = dict(zip(world.marks["mark"].tolist(), world.origin.tolist(), strict=True))
    groupings = [review.group(evidence, params) for params in GRID]
    counted = dict.fromkeys(BACKING, 0)
    for made_under in (groupings[0], groupings[40], groupings[-1]):
        decided = decide_all(evidence, made_under)
        assert len(decided.in_force) > 10
        for grouping in groupings:
            for state in compared(evidence, grouping, decided, origin):
                counted[state] += 1
    # had the reruns changed nothing, or everything, this would show nothing
    assert counted["kept"] > 100
    assert sum(counted[name] for name in ("merged", "conflict", "split", "grew")) > 10
    assert counted["dissolved"] > 1
    assert counted["changed"] == counted[""] == counted["detached"] == 0


def compared(
    evidence: review.Evidence, grouping: Grouping, decided: Ledger, origin: dict[int, int]
) -> Iterator[str]:
    """The state of each decision, once it is sure that it stands and is where it belongs."""

    def particle(marks: Iterable[int]) -> tuple[int, float]:
        own, n = np.unique([origin[m] for m in marks], return_counts=True)
        return int(own[n.argmax()]), n.max() / n.sum()

    marks = evidence.marks["mark"]
    n = len(grouping.x)
    groups = [set(marks[grouping.group_of_mark == g].tolist()) for g in range(n)]
    in_force = standing(decided, evidence.name)
    found = matching.match(evidence.marks, grouping.group_of_mark, n, in_force)
    table = review.instances(evidence, grouping, decided)
    own = table[table["status"] != STATUS.index("proposed")]
    assert own["instance"].tolist() == list(decided.in_force), "a decision is lost"
    for row, home in zip(own, found.group.tolist(), strict=True):
        ruled = decided.in_force[str(row["instance"])]
        assert (row["x"], row["y"]) == (ruled.x, ruled.y)
        state = BACKING[row["backing"]]
        yield state
        if state == "kept":
            shared = len(groups[home].intersection(ruled.marks))
            assert shared * 10 >= 6 * len(ruled.marks), "under the threshold"
            assert shared * 10 >= 6 * len(groups[home]), "under the threshold"
            meant, purity = particle(ruled.marks)
            if purity >= 0.7:
                assert particle(groups[home])[0] == meant, "the wrong particle"
    taken = {m for d in decided.in_force.values() for m in d.marks}
    for row in table[table["status"] == STATUS.index("proposed")]:
        group = next(g for g in groups if min(g) == int(row["instance"]))
        assert 2 * len(group & taken) < len(group), "counted twice"


def test_there_and_back_again_is_the_same_table() -> None:
    _, (evidence,) = world_of(5)
    a, b = GRID[40], GRID[-1]
    decided = decide_all(evidence, review.group(evidence, a))
    first = review.instances(evidence, review.group(evidence, a), decided)
    assert {BACKING[i] for i in first["backing"]} == {"kept"}
    between = review.instances(evidence, review.group(evidence, b), decided)
    assert {BACKING[i] for i in between["backing"]} > {"kept"}
    again = review.instances(evidence, review.group(evidence, a), decided)
    assert again.tobytes() == first.tobytes()


def test_votes_that_came_since_show_in_the_table() -> None:
    _, (evidence,) = world_of(5)
    grouping = review.group(evidence, GRID[40])
    decided = decide_all(evidence, grouping)
    votes = np.concatenate([evidence.votes, evidence.votes[:1]])
    (first,) = np.flatnonzero(grouping.group_of_mark >= 0)[:1]
    hit = evidence.mark_of_vote[np.flatnonzero(evidence.mark_of_vote == first)[0]]
    newer = replace(
        evidence, votes=votes, mark_of_vote=np.concatenate([evidence.mark_of_vote, [hit]])
    )
    table = review.instances(newer, grouping, decided)
    own = decided.owner[int(evidence.marks["mark"][hit])]
    changed = table["instance"][table["backing"] == BACKING.index("changed")]
    assert changed.tolist() == [own]


def test_a_group_that_grew_by_a_newer_import_is_not_proposed_beside_its_decision() -> None:
    _, (evidence,) = world_of(5)
    grouping = review.group(evidence, GRID[40])
    decided = decide_all(evidence, grouping)
    own = grouping.group_of_mark == 0
    others = np.flatnonzero(~own)[: own.sum() * 2]
    marks = evidence.marks.copy()
    marks["since"][others] = len(marks)
    group = np.where(own, 0, -1)
    group[others] = 0
    grown = replace(
        grouping,
        group_of_mark=group,
        **{
            name: getattr(grouping, name)[:1]
            for name in ("x", "y", "spread", "split_into", "pairs")
        },
    )
    uid, ruled = next(iter(decided.in_force.items()))
    alone = [made_of(uid, replace(ruled, held=len(marks) - 1))]
    table = review.instances(replace(evidence, marks=marks), grown, ledger.fold(alone, PARAMS))
    assert table["instance"].tolist() == [uid]
    assert BACKING[table["backing"][0]] == "kept"


def test_two_experts_decisions_on_the_same_marks_both_stand_whole() -> None:
    _, (evidence,) = world_of(5)
    grouping = review.group(evidence, GRID[40])
    decided = decide_all(evidence, grouping)
    first = next(iter(decided.in_force.values()))
    fewer = replace(first, marks=first.marks[1:])
    log = [made_of("a", first), made_of("b", replace(first, label=9)), made_of("c", fewer)]
    joint = ledger.fold(log, PARAMS)
    assert joint.conflicts == tuple(combinations("abc", 2))
    table = review.instances(evidence, grouping, joint)
    own = table[-3:]
    assert own["instance"].tolist() == ["a", "b", "c"]
    assert own["n_marks"].tolist() == [len(first.marks)] * 2 + [len(first.marks) - 1]
    assert own["votes"][0].tolist() == own["votes"][1].tolist() == list(first.votes)
    assert [BACKING[i] for i in own["backing"]] == ["conflict"] * 3
    assert "proposed" not in [
        STATUS[i] for i in table["status"][table["instance"] == str(first.marks[0])]
    ]


def test_two_by_hand_at_one_place_are_alike_or_in_conflict() -> None:
    one = decision([-5])
    pair = [("0", "1")]
    assert told([], one, replace(one, marks=(-6,)), conflicts=pair) == ["kept"] * 2
    other = replace(one, marks=(-6,), label=1)
    assert told([], one, other, conflicts=pair) == ["conflict"] * 2
