from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from k2c_gui import demo
from k2c_gui.core import splitting
from k2c_gui.core.assignment import cheapest, clicks, judge, least_apart, share_out
from k2c_gui.core.groups import by_first, laid_out, named, paired
from k2c_gui.core.model import MARK
from k2c_gui.core.uniting import centres, close, unite

JITTER = 2.0


def marks_about(particles: Any, seen_by: Any, seed: int = 0) -> dict[str, np.ndarray]:
    """Marks of looks 0, 1, 2 ... : look l marks particle p where seen_by[p] holds l."""
    rng = np.random.default_rng(seed)
    rows = [(p, look) for p, looks in enumerate(seen_by) for look in looks]
    particle, look = np.array(rows).T
    at = np.asarray(particles, float)[particle] + rng.normal(0, JITTER, (len(rows), 2))
    return {
        "x": at[:, 0].copy(),
        "y": at[:, 1].copy(),
        "look": look.astype(np.int64),
        "volunteer": look.astype(np.int64),
        "weight": np.ones(len(rows)),
        "group": np.zeros(len(rows), np.int64),
        "particle": particle,
    }


def split(marks: dict[str, np.ndarray], least: Any = 5) -> splitting.Split:
    columns = {k: v for k, v in marks.items() if k != "particle"}
    return splitting.split(**columns, jitter=JITTER, min_cluster_size=least)


def agree(found: np.ndarray, particle: np.ndarray) -> float:
    """Share of the marks whose group is that of most of their particle's."""
    return float(
        np.mean(
            [
                np.bincount(found[particle == p] + 1).max() / (particle == p).sum()
                for p in np.unique(particle)
            ]
        )
    )


# ---- the jitter


@pytest.mark.parametrize(
    "knobs",
    [
        {"jitter": 0.05},
        {"jitter": 0.12, "touching": 0.0},
        {"jitter": 0.12, "touching": 0.9, "double_clicks": 0.1},
        {"jitter": 0.12, "miss_rate": 0.4, "false_marks": 0.2},
        {"jitter": 0.12, "offset": 6.0},
        {"jitter": 0.2, "touching": 0.6},
    ],
    ids=str,
)
def test_jitter_of_worlds_in_which_it_is_known(knobs: dict[str, float]) -> None:
    world = demo.make(demo.WorldParams(micrographs=2, particles=100, seed=3, **knobs))
    meant = (world.origin >= 0) & world.marks["counted"]
    true = world.truth[world.origin[meant]]
    error = [world.marks[axis][meant] - true[axis] for axis in "xy"]
    # a mark's error has the tails of Student's t, which count less than in a standard deviation
    assert 0.75 < splitting.jitter(world.marks) / np.std(error) < 1.1


def grid_of_marks(sigma: float, seed: int = 0) -> np.ndarray:
    """36 particles, each marked in 16 looks at one tile."""
    rng = np.random.default_rng(seed)
    marks = np.zeros(36 * 16, MARK)
    marks["mark"], marks["counted"] = np.arange(len(marks)), True
    marks["volunteer"] = np.tile(np.arange(16), 36)
    particle = np.repeat(np.arange(36), 16)
    marks["x"] = 60 * (particle % 6) + rng.normal(0, sigma, len(marks))
    marks["y"] = 60 * (particle // 6) + rng.normal(0, sigma, len(marks))
    return marks


@pytest.mark.parametrize("sigma", [0.5, 3.0, 8.0])
def test_jitter_of_normal_errors(sigma: float) -> None:
    assert splitting.jitter(grid_of_marks(sigma)) == pytest.approx(sigma, rel=0.08)


def test_jitter_does_not_depend_on_the_order_of_rows() -> None:
    marks = grid_of_marks(3.0)
    shuffled = np.random.default_rng(1).permutation(marks)
    assert splitting.jitter(shuffled) == splitting.jitter(marks)


def test_marks_that_do_not_count_have_no_say_in_the_jitter() -> None:
    marks = np.concatenate([grid_of_marks(3.0), grid_of_marks(9.0)])
    marks["counted"][576:] = False
    assert splitting.jitter(marks) == splitting.jitter(marks[:576])


def test_jitter_where_there_is_nothing_to_compare() -> None:
    marks = grid_of_marks(3.0)
    assert splitting.jitter(marks[:0]) == 0
    assert splitting.jitter(marks[marks["volunteer"] == 3]) == 0, "one look"
    marks["x"], marks["y"] = 5.0, 5.0
    assert splitting.jitter(marks) == 0, "all on one spot"


# ---- pairs


@st.composite
def few_marks(draw: st.DrawFn) -> dict[str, np.ndarray]:
    n = draw(st.integers(0, 25))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    return {
        "x": rng.integers(0, 8, n) / 1.0,
        "y": rng.integers(0, 8, n) / 1.0,
        "look": rng.integers(0, draw(st.integers(1, 8)), n),
        "group": rng.integers(-1, 3, n),
    }


@given(few_marks(), st.sampled_from([0.0, 2.0, 5.0]))
@settings(deadline=None, max_examples=60)
def test_pairs_are_what_counting_them_says(marks: dict[str, np.ndarray], apart: float) -> None:
    found = splitting.pairs(**marks, n=3, apart=apart)
    for g in range(3):
        looks = set(marks["look"][marks["group"] == g].tolist())
        paired = 0
        for look in looks:
            rows = np.flatnonzero((marks["group"] == g) & (marks["look"] == look))
            paired += any(
                np.hypot(marks["x"][i] - marks["x"][j], marks["y"][i] - marks["y"][j]) > apart
                for i, j in combinations(rows, 2)
            )
        assert found[g] == (paired / len(looks) if looks else 0)


def test_looks_are_one_volunteer_at_one_tile() -> None:
    marks = np.zeros(5, MARK)
    marks["volunteer"], marks["tile"] = [0, 0, 1, 1, 0], [0, 3, 0, 3, 3]
    look = splitting.looks(marks)
    assert look[1] == look[4]
    assert len(set(look.tolist())) == 4


# ---- sharing marks out


@given(few_marks(), st.integers(1, 5), st.sampled_from([1.0, 9.0, 1e6]))
@settings(deadline=None, max_examples=80)
def test_assignment_within_each_look_is_the_cheapest(
    marks: dict[str, np.ndarray], k: int, beyond: float
) -> None:
    order = np.argsort(marks["look"], kind="stable")
    x, y, look = marks["x"][order], marks["y"][order], marks["look"][order]
    at = np.random.default_rng(len(x)).uniform(0, 8, (2, 1, k))
    first = np.append(np.flatnonzero(np.diff(look, prepend=-1)), len(look))
    looks, part = np.array([[0, len(first) - 1]]), np.full(len(x), -2)
    total = share_out(x, y, first, looks, *at.copy(), np.array([k]), beyond, 1, part)
    expected = 0.0
    for a, b in pairwise(first):
        square = (x[a:b, None] - at[0]) ** 2 + (y[a:b, None] - at[1]) ** 2
        cost = np.full((b - a, k + b - a), beyond)
        cost[:, :k] = np.minimum(beyond, square)
        expected += cost[linear_sum_assignment(cost)].sum()
        taken = part[a:b][part[a:b] >= 0]
        assert len(set(taken.tolist())) == len(taken)
    assert total[0] == pytest.approx(expected)
    assert set(part.tolist()) <= set(range(-1, k))


@given(few_marks(), st.integers(1, 4), st.integers(0, 10**6))
@settings(deadline=None, max_examples=60)
def test_parts_hold_no_look_twice_whatever_the_order(
    marks: dict[str, np.ndarray], k: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x = marks["x"] + rng.uniform(0, 0.1, len(marks["x"]))
    y, look = marks["y"], marks["look"]
    seeds = rng.uniform(0, 8, (2, k))
    part = splitting.parts(x, y, look, *seeds)
    for one in np.unique(look):
        own = part[look == one]
        assert (own >= 0).sum() == min(k, len(own)), "only what is too much is left over"
        assert len(set(own[own >= 0].tolist())) == min(k, len(own))
    order = rng.permutation(len(x))
    assert splitting.parts(x[order], y[order], look[order], *seeds).tolist() == part[order].tolist()


def test_parts_of_an_experts_own_split() -> None:
    marks = marks_about([(0, 0), (9, 0), (4, 8)], [range(20)] * 3)
    part = splitting.parts(marks["x"], marks["y"], marks["look"], [1, 8, 4], [0, 1, 7])
    assert (part == marks["particle"]).mean() > 0.95, "numbered as the seeds are"


def test_a_double_click_is_one_click() -> None:
    x, y = np.array([0.0, 1.0, 9.0, 0.5, 9.0]), np.zeros(5)
    first = np.array([0, 3, 5])
    assert clicks(x, y, first, 2.0).tolist() == [0, 0, 1, 2, 3]
    assert clicks(x, y, first, 0.0).tolist() == [0, 1, 2, 3, 4]
    assert clicks(x, y, first, 10.0).tolist() == [0, 0, 0, 1, 1]


@given(st.integers(1, 6), st.integers(0, 4), st.integers(0, 10**6))
@settings(deadline=None, max_examples=60)
def test_cheapest_is_the_cheapest(n: int, more: int, seed: int) -> None:
    cost = np.random.default_rng(seed).integers(0, 9, (n, n + more)) / 2.0
    column = cheapest(cost)
    assert len(set(column.tolist())) == n
    assert cost[np.arange(n), column].sum() == cost[linear_sum_assignment(cost)].sum()


def test_kernels_compiled_are_the_same() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 20, (2, 300))
    look = np.sort(rng.integers(0, 90, 300))
    first = np.append(np.flatnonzero(np.diff(look, prepend=-1)), 300)
    half = (len(first) - 1) // 2
    looks, k = np.array([[0, half], [half, len(first) - 1]]), np.array([3, 5])
    at = rng.uniform(0, 20, (2, 2, 5))
    known: dict[Any, Any] = {}
    for one in (cheapest, least_apart, clicks, share_out, judge):
        known[one] = one.compiled(known)
    answers = []
    for use in (lambda kernel: kernel.plain, known.get):
        part, (at_x, at_y), n = np.full(300, -2), at.copy(), k.copy()
        total = use(share_out)(x, y, first, looks, at_x, at_y, n, 30.0, 20, part)
        click = use(clicks)(x, y, first, 4.0)
        stands = use(judge)(
            part, np.ones(300), look % 7, first, looks, at_x, at_y, n, np.array([3.0, 6.0]), 0.5
        )
        answers.append([c.tolist() for c in (part, click, stands, n, at_x, at_y, total)])
    assert answers[0][:4] == answers[1][:4]
    for one, other in zip(answers[0][4:], answers[1][4:], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_kernels_of_groups_compiled_are_the_same() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 20, (2, 300))
    look, group = rng.integers(0, 9, 300), by_first(rng.integers(-1, 40, 300))
    n = int(group.max()) + 1
    both = np.stack([group, np.where(group % 2 > 0, group // 2, -1)])
    first = np.append(0, np.cumsum(both.max(axis=1) + 1))
    number = rng.integers(-(2**63), 2**63, 300)
    known: dict[Any, Any] = {}
    for one in (by_first, laid_out, paired, named, centres, close, unite):
        known[one] = one.compiled(known)
    answers = []
    for use in (lambda kernel: kernel.plain, known.get):
        member, edge = use(laid_out)(group, n)
        at = use(centres)(x, y, member, edge)
        pair, square = use(close)(*at, np.argsort(at[0]), 3.0)
        told = [
            use(by_first)(group[::-1].copy()),
            use(paired)(x, y, look, group, n, 9, 4.0),
            *use(named)(both, first, number),
            use(unite)(pair, look[member], edge, 9, 0.9),
            *(member, edge, at, pair, square),
        ]
        answers.append([column.tobytes() for column in told])
    assert answers[0] == answers[1]
    assert len(pair) > 10
    assert max(told[4]) < n - 1


# ---- splitting


def test_two_particles_that_both_were_marked() -> None:
    marks = marks_about([(0, 0), (9, 0)], [range(16), range(4, 20)])
    found = split(marks)
    assert found.split_into.tolist() == [2, 2]
    assert found.pairs.tolist() == [found.pairs[0]] * 2
    assert 0.3 < found.pairs[0] < 0.7
    assert agree(found.group, marks["particle"]) > 0.9


@pytest.mark.parametrize("n", [3, 5])
def test_more_than_two(n: int) -> None:
    places = [(9 * np.cos(t), 9 * np.sin(t)) for t in np.arange(n) * 2 * np.pi / n]
    seen = [[look for look in range(20) if (look * 7 + p) % 6] for p in range(n)]
    marks = marks_about(places, seen)
    found = split(marks)
    assert found.split_into.tolist() == [n] * n
    assert agree(found.group, marks["particle"]) > 0.9


def test_double_clicks_split_nothing() -> None:
    marks = marks_about([(0, 0), (0.3, 0)], [range(20)] * 2)
    marks["x"][20:], marks["y"][20:] = marks["x"][:20] + 0.5, marks["y"][:20]
    found = split(marks)
    assert (found.split_into.tolist(), found.pairs.tolist()) == ([1], [0.0])
    assert found.group.tolist() == [0] * 40


@pytest.mark.parametrize(("both", "n"), [(5, 2), (4, 1)])
def test_a_quarter_of_the_looks_must_have_marked_both(both: int, n: int) -> None:
    """20 looks, of which so many marked both."""
    second = [*range(both), *range(12, 20)]
    marks = marks_about([(0, 0), (30, 0)], [range(12), second])
    found = split(marks)
    assert found.pairs[0] == both / 20
    assert found.split_into.tolist() == [n] * n


@pytest.mark.parametrize(("least", "n"), [(7, 2), (7.5, 1)])
def test_each_part_must_be_big_enough(least: float, n: int) -> None:
    marks = marks_about([(0, 0), (30, 0)], [range(20), range(7)])
    found = split(marks, least)
    assert found.split_into.tolist() == [n] * n
    if n == 1:
        assert found.group.tolist() == [0] * 27, "otherwise the group stays"


def test_parts_are_weighed() -> None:
    marks = marks_about([(0, 0), (30, 0)], [range(5), range(4)])
    assert split(marks, 8).split_into.tolist() == [1]
    marks["weight"] *= 2
    assert split(marks, 8).split_into.tolist() == [2, 2]
    doubled = {k: np.concatenate([v, v]) for k, v in marks.items()}
    doubled["weight"] = np.ones(18)
    assert split(doubled, 8).split_into.tolist() == [1], "a double click counts once"


def test_each_group_can_ask_for_parts_of_its_own_size() -> None:
    marks = marks_about([(0, 0), (30, 0)], [range(20), range(7)])
    twice = {k: np.concatenate([v, v]) for k, v in marks.items()}
    twice["group"] = np.repeat([0, 1], 27)
    assert split(twice, np.array([7.0, 7.5])).split_into.tolist() == [2, 1, 2]


def test_one_volunteer_alone_makes_no_part() -> None:
    marks = marks_about([(0, 0), (30, 0)], [range(20), range(12)])
    assert split(marks).split_into.tolist() == [2, 2]
    marks["volunteer"][20:] = 0
    assert split(marks).split_into.tolist() == [1]


def test_a_mark_far_from_both_parts_is_in_neither() -> None:
    marks = marks_about([(0, 0), (9, 0), (4, 90)], [range(20), range(20), [3]])
    found = split(marks)
    assert found.split_into.tolist() == [2, 2]
    assert found.group[-1] == -1
    assert (found.group[:-1] >= 0).all()


def test_what_a_coarse_setting_ran_together_is_left_whole() -> None:
    """Of a group of hundreds of particles the parts would be sought for hours."""
    field = [(40.0 * (i % 20), 40.0 * (i // 20)) for i in range(400)]
    found = split(marks_about(field, [range(10)] * 400))
    assert found.split_into.tolist() == [1]
    assert (found.group == 0).all()
    assert found.pairs.tolist() == [1.0], "it tells what it holds all the same"
    row = split(marks_about([(40.0 * i, 0.0) for i in range(32)], [range(10)] * 32))
    assert row.split_into.tolist() == [32] * 32


def test_other_groups_and_noise_stay() -> None:
    marks = marks_about(
        [(0, 0), (90, 0), (99, 0), (200, 0), (300, 0)],
        [range(20), range(20), range(20), range(20), [1]],
    )
    marks["group"] = np.array([0, 1, 1, 2, -1])[marks["particle"]]
    found = split(marks)
    assert found.split_into.tolist() == [1, 2, 1, 2]
    assert found.pairs[[0, 2]].tolist() == [0, 0]
    assert found.pairs[1] == found.pairs[3] > 0.9
    particle = marks["particle"]
    assert (found.group[particle == 0] == 0).all()
    assert (found.group[particle == 3] == 2).all()
    assert (found.group[particle == 4] == -1).all()
    assert set(found.group[(particle == 1) | (particle == 2)].tolist()) == {1, 3}


@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=25)
def test_split_does_not_depend_on_the_order_of_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, 25, (rng.integers(1, 6), 2))
    seen = [np.flatnonzero(rng.random(15) < 0.8) for _ in places]
    marks = marks_about(places, [[*looks, 15] for looks in seen], seed)
    marks["group"] = rng.integers(0, 2, len(places))[marks["particle"]]
    marks["group"] -= marks["group"].min()
    order = rng.permutation(len(marks["x"]))
    one, other = split(marks), split({k: v[order] for k, v in marks.items()})
    assert one.group[order].tolist() == other.group.tolist()
    assert one.split_into.tolist() == other.split_into.tolist()
    assert one.pairs.tolist() == other.pairs.tolist()
    # every group has marks, and a group that was not split has all of its own
    assert set(one.group[one.group >= 0].tolist()) == set(range(len(one.pairs)))


def test_nothing_to_split() -> None:
    marks = marks_about([(0, 0)], [range(20)])
    none = {k: v[:0] for k, v in marks.items()}
    assert [len(c) for c in split(none)] == [0, 0, 0]
    marks["group"][:] = -1
    assert [len(c) for c in split(marks)] == [20, 0, 0]


# ---- joining


def joined(marks: dict[str, np.ndarray]) -> list[int]:
    columns = [marks[k] for k in ("x", "y", "look", "group")]
    return splitting.join(*columns, JITTER).tolist()


@pytest.mark.parametrize(
    ("apart", "other_looks", "n"),
    [
        (7.0, range(10, 20), 1),
        (9.0, range(10, 20), 2),  # too far apart
        (7.0, range(8, 18), 2),  # of 18 looks two marked both
        (7.0, range(9, 20), 1),  # of 20 looks one
    ],
)
def test_groups_side_by_side(apart: float, other_looks: range, n: int) -> None:
    marks = marks_about([(0, 0), (apart, 0)], [range(10), other_looks])
    marks["group"] = marks["particle"].copy()
    for g, at in ((0, 0), (1, apart)):
        own = marks["group"] == g
        marks["x"][own] += at - marks["x"][own].mean()
        marks["y"][own] -= marks["y"][own].mean()
    assert len(set(joined(marks))) == n


def test_joining_leaves_noise_and_numbers_without_a_gap() -> None:
    marks = marks_about([(0, 0), (0, 3), (90, 0)], [range(5), range(5, 10), range(10)])
    marks["group"] = marks["particle"].copy()
    marks["group"][0] = marks["group"][-1] = -1
    assert joined(marks) == [-1, *[0] * 9, *[1] * 9, -1]


def test_three_pieces_of_one_particle_are_one() -> None:
    marks = marks_about([(0, 0), (0, 3), (3, 0)], [range(5), range(5, 10), range(10, 15)])
    marks["group"] = marks["particle"].copy()
    assert set(joined(marks)) == {0}


def test_pieces_of_one_particle_do_not_bring_its_neighbour_along() -> None:
    # two pieces of the first particle, each of other looks, and a neighbour that all marked
    marks = marks_about([(0, 0), (0, 2), (6, 1)], [range(10), range(10, 20), range(20)])
    marks["group"] = marks["particle"].copy()
    assert len(set(joined(marks))) == 2
    assert joined(marks)[:20] == [joined(marks)[0]] * 20


@given(st.integers(0, 10**6), st.integers(1, 12))
@settings(deadline=None, max_examples=40)
def test_the_closest_groups_are_united_first(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 5, n)
    group = rng.permutation(np.concatenate([np.repeat(np.arange(n), size), [-1]]))
    marks = {"x": rng.uniform(0, 20, len(group)), "y": rng.uniform(0, 20, len(group))}
    marks |= {"look": rng.integers(0, 6, len(group)), "group": group}
    # the same by sets
    at = {g: [marks[k][group == g].mean() for k in "xy"] for g in range(n)}
    own = {g: {g} for g in range(n)}
    near = [(np.hypot(*np.subtract(at[a], at[b])), a, b) for a, b in combinations(range(n), 2)]
    for apart, a, b in sorted(near):
        one, other = (set(marks["look"][np.isin(group, list(own[g]))].tolist()) for g in (a, b))
        few = len(one & other) < splitting.HARDLY * len(one | other)
        if apart <= splitting.SIDE_BY_SIDE * JITTER and own[a] is not own[b] and few:
            own[a] |= own[b]
            for g in own[b]:
                own[g] = own[a]
    found = joined(marks)
    for i, g in enumerate(group.tolist()):
        mates = {j for j, other in enumerate(found) if other == found[i]}
        wanted = {j for j, other in enumerate(group.tolist()) if g >= 0 and other in own[g]}
        assert found[i] == -1 if g < 0 else mates == wanted
    assert set(found) - {-1} == set(range(len({id(members) for members in own.values()})))
