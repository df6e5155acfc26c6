"""What volunteers of differing skill mark on the tiles, and what they take the marks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.spatial import KDTree
from scipy.special import expit, logit

from k2c_gui.core.model import LOOK, MARK, NO_LABEL, VOTE, Bools, Floats, Ints, Table
from k2c_gui.demo.exports import mark_ids
from k2c_gui.demo.scene import Scene
from k2c_gui.demo.world import ARTIFACT, Stage, WorldParams, contains

FALSE = -1  # origin of a mark that sits on nothing
CONFUSED = -2  # ... on a confuser
# lowest classification, first day, mean seconds between two
LOOKED = (380_000_000, "2022-03-01T08:00:00", 12)
VOTED = (420_000_000, "2022-05-02T08:00:00", 6)
SLIPS = 0.002  # share of the marks dragged out of their tile
DRAWN = 1 / 3  # share of the looks in which a confuser is marked
VAGUE = 0.25  # jitter about a confuser, in diameters
# what the attentive say of a mark, by label: on nothing, on a confuser, on an artifact
NOWHERE = np.array([0.13, 0.04, 0.09, 0.74])
LUMP = np.array([0.12, 0.07, 0.09, 0.72])
DIRT = np.array([0.09, 0.05, 0.76, 0.10])
INATTENTIVE = np.array([0.52, 0.28, 0.08, 0.12])  # what the others say of any


@dataclass(frozen=True, slots=True)
class Crowd:
    """The volunteers; every field is (volunteers, ...).

    Attributes
    ----------
    zeal : Floats
        How often each comes, relative to the others; a few do most of the work.
    care : Floats
        What each adds to the log odds of seeing a particle.
    clumsiness : Floats
        Factor of the jitter.
    fancy : Floats
        Factor of the false marks.
    inattention : Floats
        Share of the votes given without looking.
    offset : Floats
        (volunteers, 2) px, added to every mark.
    """

    zeal: Floats
    care: Floats
    clumsiness: Floats
    fancy: Floats
    inattention: Floats
    offset: Floats


def crowd(params: WorldParams) -> Crowd:
    """Draw the volunteers."""
    rng, n = params.rng(Stage.CROWD), params.volunteers
    aslant = (np.arange(n) % 5 == 0) * params.offset / np.sqrt(2)
    return Crowd(
        zeal=1 + rng.pareto(1.1, n),
        care=rng.normal(0, 0.7, n),
        clumsiness=np.exp(rng.normal(0, 0.3, n)),
        fancy=np.exp(rng.normal(-0.3, 0.8, n)),
        inattention=rng.beta(1.2, 9, n),
        offset=np.column_stack([aslant, aslant]),
    )


def show(params: WorldParams, people: Crowd, tiles: int) -> Table:
    """Show each tile to different volunteers, a few twice; `LOOK` in the order of time."""
    rng = params.rng(Stage.LOOKS)
    viewers = _draw(rng, people, tiles, params.looks_per_tile)
    looks = np.zeros(viewers.size, LOOK)
    looks["tile"] = np.repeat(np.arange(tiles), params.looks_per_tile)
    looks["volunteer"] = viewers.ravel()
    return _in_time(rng, looks, params.repeats, *LOOKED)


def mark(
    params: WorldParams, people: Crowd, scenes: Sequence[Scene], tiles: Table, looks: Table
) -> tuple[Table, Ints]:
    """Let the volunteers mark what they see.

    Parameters
    ----------
    params : WorldParams
        The world.
    people : Crowd
        The volunteers.
    scenes : sequence of Scene
        The micrographs.
    tiles, looks : Table
        `TILE` and `LOOK`.

    Returns
    -------
    marks : Table
        `MARK`, in the order of the looks.
    origin : Ints
        (marks,) what each mark was meant for: the row of the particle, those of all scenes
        counted one after another, or `CONFUSED` or `FALSE`.
    """
    columns = []
    first = 0
    for i, scene in enumerate(scenes):
        rows = np.nonzero(tiles["micrograph"][looks["tile"]] == i)[0]
        aims = _aims(params, scene, first)
        columns.append(
            _mark_one(params.rng(Stage.MARKS, i), params, people, aims, tiles, looks, rows)
        )
        first += len(scene.particles)
    look, origin, x, y = (np.concatenate(column) for column in zip(*columns, strict=True))
    order = np.argsort(look, kind="stable")
    look, origin, x, y = look[order], origin[order], x[order], y[order]
    marks = np.zeros(len(look), MARK)
    marks["x"], marks["y"], marks["label"] = x, y, NO_LABEL
    marks["mark"] = mark_ids(looks["classification"][look])
    marks["tile"], marks["volunteer"] = looks["tile"][look], looks["volunteer"][look]
    tile = tiles[marks["tile"]]
    marks["micrograph"] = tile["micrograph"]
    marks["inside"] = contains(tile, x, y) & _on(params, marks)
    marks["counted"] = marks["inside"] & looks["counted"][look]
    return marks, origin


def vote(
    params: WorldParams, people: Crowd, scenes: Sequence[Scene], marks: Table, origin: Ints
) -> Table:
    """Ask different volunteers about each mark that lies on a micrograph, a few of them twice.

    Parameters
    ----------
    params : WorldParams
        The world.
    people : Crowd
        The volunteers.
    scenes : sequence of Scene
        The micrographs.
    marks, origin
        From `mark`.

    Returns
    -------
    Table
        `VOTE` in the order of time.
    """
    tables = []
    first = 0
    for i, scene in enumerate(scenes):
        rng = params.rng(Stage.VOTES, i)
        rows = np.nonzero((marks["micrograph"] == i) & _on(params, marks))[0]
        seen = _seen(scene, marks[rows], origin[rows] - first * (origin[rows] >= 0))
        voters = _draw(rng, people, len(rows), params.votes_per_mark)
        idle = people.inattention[voters][..., None]
        chances = _opinions(scene)[seen][:, None] * (1 - idle) + INATTENTIVE * idle
        table = np.zeros(voters.shape, VOTE)
        for field in ("mark", "micrograph", "x", "y"):
            table[field] = marks[field][rows, None]
        table["volunteer"] = voters
        dice = rng.random((*voters.shape, 1))
        table["label"] = np.sum(dice > np.cumsum(chances, axis=-1)[..., :-1], axis=-1)
        tables.append(table.ravel())
        first += len(scene.particles)
    return _in_time(params.rng(Stage.VOTES), np.concatenate(tables), params.repeats, *VOTED)


class _Aims(NamedTuple):
    """What draws marks on one micrograph; columns of equal length."""

    origin: Ints
    x: Floats
    y: Floats
    spread: Floats  # px
    odds: Floats  # log odds that a usual volunteer marks it


def _aims(params: WorldParams, scene: Scene, first: int) -> _Aims:
    p, lumps = scene.particles, scene.confusers
    with np.errstate(divide="ignore"):
        odds = logit(1 - params.miss_rate) + _clearness(p)
    return _Aims(
        np.concatenate([first + np.arange(len(p)), np.full(len(lumps), CONFUSED)]),
        np.concatenate([p["x"], lumps[:, 0]]),
        np.concatenate([p["y"], lumps[:, 1]]),
        np.concatenate([params.jitter * p["diameter"], VAGUE * lumps[:, 2]]),
        np.concatenate([odds, np.full(len(lumps), logit(DRAWN))]),
    )


def _clearness(particles: Table) -> Floats:
    """How much better than a usual particle each one is seen, in log odds."""
    size = np.log(particles["diameter"] / np.median(particles["diameter"]))
    clear: Floats = 1.5 * size + 1.2 * (particles["contrast"] - 1)
    return clear


def _mark_one(
    rng: np.random.Generator,
    params: WorldParams,
    people: Crowd,
    aims: _Aims,
    tiles: Table,
    looks: Table,
    rows: Ints,
) -> tuple[Ints, Ints, Floats, Floats]:
    """Look, origin, x and y of the marks of one micrograph, those of a look in random order."""
    who = looks["volunteer"][rows]
    tile = tiles[looks["tile"][rows]]
    chance = expit(aims.odds + people.care[who, None]) * contains(tile[:, None], aims.x, aims.y)
    look, aim = np.nonzero(rng.random(chance.shape) < chance)
    # Student's t with 5 degrees of freedom: most marks sit well, a few do not
    error = rng.standard_t(5, (2, len(look))) * np.sqrt(3 / 5) * aims.spread[aim]
    x, y = np.array([aims.x[aim], aims.y[aim]]) + error * people.clumsiness[who[look]]
    origin = aims.origin[aim]

    per_look = params.false_marks / (1 - params.false_marks) * len(look) / max(1, len(rows))
    false = np.repeat(np.arange(len(rows)), rng.poisson(per_look * people.fancy[who]))
    look = np.concatenate([look, false])
    origin = np.concatenate([origin, np.full(len(false), FALSE)])
    at = rng.random((2, len(false))) * tile["width"][false]
    x, y = (
        np.concatenate([x, tile["x0"][false] + at[0]]),
        np.concatenate([y, tile["y0"][false] + at[1]]),
    )
    x, y = np.array([x, y]) + people.offset[who[look]].T

    twice = np.nonzero(rng.random(len(look)) < params.double_clicks)[0]
    look, origin = (np.concatenate([column, column[twice]]) for column in (look, origin))
    x, y = (np.concatenate([c, c[twice] + rng.normal(0, 0.7, len(twice))]) for c in (x, y))

    # the pointer stays on the tile, but for the marks that an old fault let slip off it
    x0, y0, width = tile["x0"][look], tile["y0"][look], tile["width"][look]
    x, y = np.clip(x, x0, x0 + width - 0.01), np.clip(y, y0, y0 + width - 0.01)
    slip = rng.random(len(look)) < SLIPS
    x[slip] += rng.choice([-1, 1], slip.sum()) * width[slip] * rng.uniform(1, 1.6, slip.sum())
    origin[slip] = FALSE
    order = rng.permutation(len(look))
    return rows[look[order]], origin[order], x[order], y[order]


def _on(params: WorldParams, marks: Table) -> Bools:
    """Which marks lie on their micrograph."""
    low, high = np.minimum(marks["x"], marks["y"]), np.maximum(marks["x"], marks["y"])
    on: Bools = (low >= 0) & (high < params.size)
    return on


def _seen(scene: Scene, marks: Table, origin: Ints) -> Ints:
    """What a volunteer finds at each mark: a false mark may sit on a particle after all."""
    p = scene.particles
    apart, nearest = KDTree(np.column_stack([p["x"], p["y"]])).query(
        np.column_stack([marks["x"], marks["y"]])
    )
    lucky = (origin == FALSE) & (apart < 0.45 * p["diameter"][nearest])
    seen: Ints = np.where(lucky, nearest, origin)
    return seen


def _opinions(scene: Scene) -> Floats:
    """What the attentive say of each particle, then of confusers, then of nothing; (n + 2, 4)."""
    p = scene.particles
    nothing = 0.02 + 0.12 * expit(-2 - 2 * _clearness(p))
    sure = 1 - 0.02 - nothing
    cluster = sure * p["clustered"]
    opinions = np.column_stack([sure - cluster, cluster, np.full(len(p), 0.02), nothing])
    opinions[p["label"] == ARTIFACT] = DIRT
    return np.vstack([opinions, LUMP, NOWHERE])


def _draw(rng: np.random.Generator, people: Crowd, n: int, k: int) -> Ints:
    """Draw k different volunteers n times, the zealous more often (Gumbel's trick); (n, k)."""
    luck = np.log(people.zeal) + rng.gumbel(size=(n, len(people.zeal)))
    chosen: Ints = np.argsort(-luck, axis=1)[:, :k]
    return chosen


def _in_time(
    rng: np.random.Generator, table: Table, repeats: float, first: int, start: str, pace: int
) -> Table:
    """Put looks or votes in the order of time, some given once more later, not counted."""
    table["counted"] = True
    time = rng.random(len(table))
    again = rng.random(len(table)) < repeats
    more = table[again]
    more["counted"] = False
    later = rng.uniform(time[again], 1)
    table = np.concatenate([table, more])[np.argsort(np.concatenate([time, later]))]
    # the site numbers the classifications of all its projects in one row
    table["classification"] = first + np.cumsum(rng.integers(2, 40, len(table)))
    began = np.datetime64(start, "s").astype(np.int64)
    table["made_at"] = began + np.cumsum(rng.integers(0, 2 * pace, len(table)))
    return table
