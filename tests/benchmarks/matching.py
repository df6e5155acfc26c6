"""Matching of decisions against a rerun: how fast, and how often on the wrong particle.

    python tests/benchmarks/matching.py [speed] [particles]

Run it by hand on an idle machine. The peer is the nearest centroid within 10 px (a kd-tree query),
which is what tools that carry labels through a re-clustering do. Medians and 95th percentiles, ms.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count, product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from k2c_gui import demo
from k2c_gui.core import exposure, ledger, matching, review
from k2c_gui.core.model import (
    BACKING,
    MARK,
    ClusterParams,
    Decision,
    Entry,
    Grouping,
    Label,
    Ledger,
    Micrograph,
    Sources,
    Table,
)
from k2c_gui.core.standing import Standing, standing

RUNS = 25
REACH = 10.0
"""px: how far the peer looks for the nearest centroid."""


def timed(work: Callable[[], object], runs: int = RUNS) -> list[float]:
    took = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        took.append(1000 * (time.perf_counter() - begun))
    return took


def say(what: str, took: list[float], target: str = "") -> float:
    middle = float(np.median(took))
    print(f"  {what:<58}{middle:8.2f} /{np.percentile(took, 95):8.2f}   {target}", flush=True)
    return middle


# Speed


@dataclass(frozen=True)
class Rerun:
    """One micrograph: marks in groups, a decision a group, a rerun in which a tenth changed."""

    marks: Table
    group: NDArray[np.int64]
    n_groups: int
    decisions: Standing

    def match(self) -> None:
        matching.match(self.marks, self.group, self.n_groups, self.decisions)

    def nearest(self) -> None:
        size = np.bincount(self.group, minlength=self.n_groups)
        x = np.bincount(self.group, self.marks["x"], self.n_groups) / size
        y = np.bincount(self.group, self.marks["y"], self.n_groups) / size
        at = np.column_stack([self.decisions.x, self.decisions.y])
        cKDTree(np.column_stack([x, y])).query(at, distance_upper_bound=REACH)


def rerun(micrograph: int, groups: int, size: int) -> Rerun:
    rng = np.random.default_rng(micrograph)
    marks = np.zeros(groups * size, MARK)
    marks["mark"] = np.sort(rng.choice(10**9, len(marks), replace=False)) + micrograph * 10**9
    owner = rng.permutation(np.repeat(np.arange(groups), size))
    centre = rng.uniform(0, 2048, (groups, 2))
    marks["x"], marks["y"] = (centre[owner] + rng.normal(0, 2, (len(owner), 2))).T
    place = {}
    for g, (x, y) in enumerate(centre.tolist()):
        own = tuple(marks["mark"][owner == g].tolist())
        place[f"{micrograph:016x}{g:016x}"] = Decision(
            micrograph=f"m{micrograph}",
            marks=own,
            verdict="label",
            label=g % 4,
            x=x,
            y=y,
            decided_at="",
            made_from=(own,),
        )
    other = np.where(rng.random(groups) < 0.1, rng.integers(0, groups, groups), np.arange(groups))
    group = np.unique(other, return_inverse=True)[1][owner]
    return Rerun(marks, group, int(group.max()) + 1, Standing(place))


def each(micrographs: list[Rerun], how: Callable[[Rerun], None]) -> Callable[[], None]:
    def work() -> None:
        for one in micrographs:
            how(one)

    return work


def speed() -> None:
    for micrographs, groups, size, target in ((1, 2_000, 20, 5), (94, 320, 20, 200)):
        n = micrographs * groups
        print(f"{n:,} decisions of {size} marks on {micrographs} micrographs, median / p95 ms")
        reruns = [rerun(i, groups, size) for i in range(micrographs)]
        new = [replace(one, decisions=Standing(one.decisions)) for one in reruns]
        say("once, after a ruling on each micrograph", timed(each(new, Rerun.match), 1))
        took = timed(each(reruns, Rerun.match))
        own = say("a new grouping, as a slider gives it", took, f"<= {target}")
        peer = say("peer: nearest centroid", timed(each(reruns, Rerun.nearest)))
        print(f"  {'the peer takes, times as long':<58}{peer / own:8.2f}")
    one_more([rerun(i, 320, 20) for i in range(94)])


def one_more(reruns: list[Rerun]) -> None:
    """What a ruling costs with 30,000 in force, and what the whole log folded anew costs."""
    log = [
        Entry(uid=uid, step=uid, kind="decide", at="", decision=decision)
        for one in reruns
        for uid, decision in one.decisions.items()
    ]
    print(f"one step more, {len(log):,} decisions in force, median / p95 ms")
    fold = say("the whole log folded", timed(lambda: ledger.fold(log, ClusterParams()), 5))
    history = ledger.History(ClusterParams())
    history.take(log)
    number = count()

    def rule() -> None:
        old = log[next(number) * 301]
        uid = f"{old.uid} again"
        again = replace(old, uid=uid, step=uid, supersedes=(old.uid,))
        history.take([again])

    def undo() -> None:
        target = history.ledger.undoable
        uid = f"{target} back"
        history.take([Entry(uid=uid, step=uid, kind="undo", at="", target=target)])

    own = say("a ruling that supersedes another", timed(rule, 90))
    say("its undo", timed(undo, 90))
    print(f"  {'folding takes, times as long':<58}{fold / own:8.0f}")


# Particles


def worlds() -> list[tuple[review.Evidence, dict[int, int]]]:
    labels = tuple(Label(value, str(value), value != 3) for value in range(4))
    found = []
    for seed in range(4):
        params = demo.WorldParams(
            micrographs=2,
            seed=seed,
            size=640,
            particles=60,
            tiles_per_axis=4,
            volunteers=60,
            touching=0.6,
        )
        world = demo.make(params)
        sources = Sources(
            tuple(Micrograph(name, name, 640, 640, 0.5) for name in world.names),
            labels,
            tuple(f"tile {i}" for i in range(len(world.tiles))),
            world.tiles,
            world.looks[np.argsort(world.looks["classification"])],
            world.marks[np.argsort(world.marks["mark"])],
            world.votes[np.argsort(world.votes["classification"])],
        )
        origin = dict(zip(world.marks["mark"].tolist(), world.origin.tolist(), strict=True))
        found += [(each, origin) for each in review.evidence(exposure.count(sources))]
    return found


def decide(evidence: review.Evidence, grouping: Grouping) -> Ledger:
    """Every group ruled upon, at its centroid."""
    log = []
    for g, (x, y) in enumerate(zip(grouping.x.tolist(), grouping.y.tolist(), strict=True)):
        own = tuple(evidence.marks["mark"][grouping.group_of_mark == g].tolist())
        ruling = Decision(
            micrograph=evidence.name,
            marks=own,
            verdict="label",
            label=0,
            x=x,
            y=y,
            decided_at="",
            made_from=(own,),
        )
        log.append(Entry(uid=str(g), step=str(g), kind="decide", at="", decision=ruling))
    return ledger.fold(log, grouping.params)


def particles() -> None:
    grid = [
        ClusterParams(min_cluster_size=size, min_samples=samples, epsilon=epsilon, method=method)
        for size, samples, epsilon, method in product(
            (3, 5, 8, 11, 15), (2, 5, 11), (0.0, 4.0, 9.0), ("eom", "leaf")
        )
    ]
    told: dict[str, Counter[str]] = {
        "two-sided 60 % of the marks": Counter(),
        "nearest centroid": Counter(),
    }
    for evidence, origin in worlds():
        groupings = [review.group(evidence, params) for params in grid]
        for made_under in (grid.index(ClusterParams(8, 5)), 0):
            in_force = decide(evidence, groupings[made_under])
            for grouping in groupings:
                compare(evidence, grouping, in_force, origin, told)
    print(f"{len(grid)} reruns of each, decisions whose marks are one particle's to 70 % or more")
    print(f"  {'':<32}{'pairs':>9}{'attached':>10}{'wrong':>8}{'wrong, %':>10}")
    for how, n in told.items():
        share = 100 * n["wrong"] / n["attached"]
        print(f"  {how:<32}{n['pairs']:>9,}{n['attached']:>10,}{n['wrong']:>8,}{share:>10.3f}")


def compare(
    evidence: review.Evidence,
    grouping: Grouping,
    in_force: Ledger,
    origin: dict[int, int],
    told: dict[str, Counter[str]],
) -> None:
    marks, n = evidence.marks["mark"], len(grouping.x)
    if not n:
        return
    decisions = standing(in_force, evidence.name)
    match = matching.match(evidence.marks, grouping.group_of_mark, n, decisions)
    kept = np.where(match.backing == BACKING.index("kept"), match.group, -1)
    far, near = cKDTree(np.column_stack([grouping.x, grouping.y])).query(
        np.column_stack([decisions.x, decisions.y])
    )
    nearest = np.where(far <= REACH, near, -1)
    of_group = [particle(marks[grouping.group_of_mark == g].tolist(), origin)[0] for g in range(n)]
    for i, decision in enumerate(decisions.values()):
        meant, purity = particle(decision.marks, origin)
        if purity < 0.7 or meant < 0:
            continue
        for how, attached in zip(told, (kept[i], nearest[i]), strict=True):
            told[how]["pairs"] += 1
            told[how]["attached"] += attached >= 0
            told[how]["wrong"] += attached >= 0 and of_group[attached] != meant


def particle(marks: tuple[int, ...] | list[int], origin: dict[int, int]) -> tuple[int, float]:
    meant, n = Counter(origin[mark] for mark in marks).most_common(1)[0]
    return meant, n / len(marks)


if __name__ == "__main__":
    for name in sys.argv[1:] or ("speed", "particles"):
        {"speed": speed, "particles": particles}[name]()
