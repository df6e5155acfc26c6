from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from k2c_gui import demo
from k2c_gui.core.model import K2CError, Table


def touching_share(truth: Table) -> float:
    """Share of the particles, artifacts left out, that reach another of their micrograph."""
    touched = []
    for i in np.unique(truth["micrograph"]):
        p = truth[(truth["micrograph"] == i) & (truth["label"] < 2)]
        apart = np.hypot(p["x"][:, None] - p["x"], p["y"][:, None] - p["y"])
        np.fill_diagonal(apart, np.inf)
        touched += list(np.any(apart < (p["diameter"][:, None] + p["diameter"]) / 2, axis=1))
    return float(np.mean(touched))


def counted_origin(world: demo.World) -> np.ndarray:
    return world.origin[world.marks["counted"]]


def pooled_votes(world: demo.World) -> np.ndarray:
    """Votes of each true particle over the labels, from marks meant for it."""
    order = np.argsort(world.marks["mark"])
    row = order[np.searchsorted(world.marks["mark"][order], world.votes["mark"])]
    origin, counted = world.origin[row], world.votes["counted"]
    pooled = np.zeros((len(world.truth), 4), int)
    use = counted & (origin >= 0)
    np.add.at(pooled, (origin[use], world.votes["label"][use]), 1)
    return pooled


def test_same_parameters_same_arrays_other_seed_others(small: demo.WorldParams) -> None:
    a, b, c = demo.make(small), demo.make(small), demo.make(replace(small, seed=1))
    for name in ("truth", "tiles", "looks", "marks", "votes", "origin"):
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes()
    assert a.marks["x"].tobytes() != c.marks["x"].tobytes()
    assert np.array_equal(a.micrograph(1), b.micrograph(1))
    assert not np.array_equal(a.micrograph(1), c.micrograph(1))


def test_exposure_is_what_tiles_and_looks_say(world: demo.World) -> None:
    looks = world.looks[world.looks["counted"]][["tile", "volunteer"]].tolist()
    assert len(set(looks)) == len(looks)
    for particle in world.truth:
        exposure = 0
        for tile, _ in looks:
            m, x0, y0, width, height = world.tiles[tile].tolist()
            if m == particle["micrograph"]:
                dx, dy = particle["x"] - x0, particle["y"] - y0
                exposure += 0 <= dx < width and 0 <= dy < height
        assert exposure == particle["exposure"]


def test_interior_has_20_looks_sides_10_corners_5(plane: demo.World) -> None:
    exposure, step = plane.truth["exposure"], plane.tiles["width"][0] / 2
    first = plane.tiles["x0"].min()
    assert -step < first <= 0
    reach = plane.tiles["x0"].max() + 2 * step
    assert plane.params.size <= reach < plane.params.size + step
    sides = np.zeros(len(exposure), int)
    for axis in ("x", "y"):
        sides += (plane.truth[axis] < first + step) | (plane.truth[axis] >= reach - step)
    assert np.array_equal(exposure, 20 >> sides)
    assert np.mean(exposure == 20) > 0.6


def test_marks_belong_to_looks_and_lie_where_counted_says(world: demo.World) -> None:
    marks, tile = world.marks, world.tiles[world.marks["tile"]]
    assert len(np.unique(marks["mark"])) == len(marks)
    dx, dy = marks["x"] - tile["x0"], marks["y"] - tile["y0"]
    on_tile = (dx >= 0) & (dx < tile["width"]) & (dy >= 0) & (dy < tile["height"])
    on = (np.minimum(marks["x"], marks["y"]) >= 0) & (np.maximum(marks["x"], marks["y"]) < 384)
    assert np.any(~on_tile)
    assert np.array_equal(marks["inside"], on_tile & on)
    row = np.searchsorted(world.looks["classification"], marks["mark"] >> 16)
    look = world.looks[row]
    assert np.array_equal(look["classification"], marks["mark"] >> 16)
    for field in ("tile", "volunteer"):
        assert np.array_equal(look[field], marks[field])
    assert np.array_equal(marks["counted"], marks["inside"] & look["counted"])


def test_repeats_come_later_and_do_not_count(world: demo.World) -> None:
    for table, key in ((world.looks, "tile"), (world.votes, "mark")):
        seen = set()
        for what, volunteer, counted in zip(
            table[key].tolist(), table["volunteer"].tolist(), table["counted"].tolist(), strict=True
        ):
            assert ((what, volunteer) not in seen) == counted
            seen.add((what, volunteer))
        assert 0 < np.mean(~table["counted"]) < 0.1
        assert np.all(np.diff(table["classification"]) > 1)
        assert np.all(np.diff(table["made_at"]) >= 0)


def test_every_mark_on_a_micrograph_has_its_votes(world: demo.World) -> None:
    marks = world.marks
    low, high = np.minimum(marks["x"], marks["y"]), np.maximum(marks["x"], marks["y"])
    asked, votes = np.unique(world.votes["mark"][world.votes["counted"]], return_counts=True)
    assert np.array_equal(asked, np.sort(marks["mark"][(low >= 0) & (high < 384)]))
    assert np.all(votes == 5)


def test_volunteers_find_the_truth_but_are_of_two_minds_about_some(plane: demo.World) -> None:
    pooled = pooled_votes(plane)
    first, second = np.sort(pooled, axis=1)[:, :1:-1].T
    margin = (first - second) / pooled.sum(axis=1)
    assert np.mean(pooled.argmax(axis=1) == plane.truth["label"]) > 0.9
    assert np.sum(margin == 0) > 0
    assert 0.04 < np.mean(margin <= 0.2) < 0.25
    close = pooled[margin <= 0.2]
    assert np.mean(close.argmax(axis=1) < 2) > 0.9


def test_participation_is_uneven(plane: demo.World) -> None:
    looks = np.sort(np.bincount(plane.looks["volunteer"], minlength=40))[::-1]
    assert looks[:4].sum() > 0.25 * looks.sum()


@pytest.mark.parametrize("touching", [0.0, 0.3, 0.7])
def test_touching(plane: demo.World, touching: float) -> None:
    world = demo.make(replace(plane.params, touching=touching))
    assert touching_share(world.truth) == pytest.approx(touching, abs=0.05)
    assert np.any(world.truth["label"] == 1) == (touching > 0)


def test_cluster_is_three_or_more_that_touch(plane: demo.World) -> None:
    truth = plane.truth[plane.truth["label"] < 2]
    _, body, size = np.unique(
        truth[["micrograph", "body"]], return_inverse=True, return_counts=True
    )
    assert np.array_equal(truth["label"] == 1, size[body] > 2)


def test_double_clicks(small: demo.WorldParams) -> None:
    def pairs(share: float) -> int:
        world = demo.make(replace(small, double_clicks=share, repeats=0))
        m = world.marks
        near = np.hypot(np.diff(m["x"][np.lexsort((m["x"], m["mark"] >> 16))]), 0) < 3
        return int(near.sum())

    assert pairs(0.3) > pairs(0.0) + 50


def test_offset_moves_a_fifth_of_the_volunteers(small: demo.WorldParams) -> None:
    world = demo.make(replace(small, offset=8.0, jitter=0.0, false_marks=0.0))
    use = (world.origin >= 0) & world.marks["counted"]
    off = world.marks["x"][use] - world.truth["x"][world.origin[use]]
    moved = world.marks["volunteer"][use] % 5 == 0
    assert np.median(off[moved]) == pytest.approx(8 / np.sqrt(2), abs=0.01)
    assert np.median(np.abs(off[~moved])) == pytest.approx(0, abs=0.01)


def test_confusers_draw_a_third_and_are_nothing_to_most(plane: demo.World) -> None:
    world = demo.make(replace(plane.params, confusers=12))
    assert not np.any(demo.make(replace(plane.params, confusers=0)).origin == -2)
    spots = sum(len(scene.confusers) for scene in world.scenes)
    assert spots == 24
    per_spot = np.sum(counted_origin(world) == -2) / spots
    assert 4 < per_spot < 9
    of_confusers = world.marks["mark"][world.origin == -2]
    labels = world.votes["label"][np.isin(world.votes["mark"], of_confusers)]
    assert np.mean(labels == 3) > 0.5


@pytest.mark.parametrize(
    ("knob", "more"),
    [("miss_rate", 0.5), ("false_marks", 0.3), ("jitter", 0.3), ("artifacts", 0.3)],
)
def test_the_other_knobs_turn_the_right_way(
    world: demo.World, small: demo.WorldParams, knob: str, more: float
) -> None:
    def read(one: demo.World) -> float:
        real = one.origin >= 0
        match knob:
            case "miss_rate":
                return 1 - np.sum(counted_origin(one) >= 0) / one.truth["exposure"].sum()
            case "false_marks":
                return float(np.mean(one.origin == -1))
            case "jitter":
                at = one.truth[one.origin[real]]
                return float(np.std((one.marks["x"][real] - at["x"]) / at["diameter"]))
            case _:
                return float(np.mean(one.truth["label"] == 2))

    usual, turned = getattr(small, knob), demo.make(replace(small, **{knob: more}))
    assert read(world) == pytest.approx(usual, rel=0.6)
    assert read(turned) == pytest.approx(more, rel=0.4)


def test_progress_is_told_of_each_micrograph(small: demo.WorldParams) -> None:
    told: list[tuple[int, int]] = []
    demo.make(small, lambda what, done, total: told.append((done, total)))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    "wrong", [{"micrographs": 0}, {"volunteers": 3}, {"seed": -1}, {"size": 64}, {"touching": 1.2}]
)
def test_impossible_worlds_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(K2CError):
        replace(demo.WorldParams(), **wrong)
