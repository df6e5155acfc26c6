"""The density hierarchy against refitting hdbscan, in one run; medians in ms.

    python tests/benchmarks/hierarchy.py [REPEATS]

A whole project is asked on as many threads as the machine has cores, as the window does it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from statistics import median

import numpy as np
from hdbscan import HDBSCAN

from k2c_gui.core import compiled, review
from k2c_gui.core.hierarchy import Hierarchy
from k2c_gui.core.ledger import fold
from k2c_gui.core.model import DEFAULT, MARK, TILE, VOTE, ClusterParams, Floats, Ints
from k2c_gui.core.review import Evidence
from k2c_gui.io.resources import labels

SIDE, TILE_SIDE, LOOKS_PER_TILE = 2048, 512, 5
MICROGRAPHS, MARKS = 94, 170_000
NOBODY = fold((), DEFAULT)


def spots(n: int, side: float, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """Marks around particles, a tenth anywhere; and who made each."""
    n_particles = n // 18
    xy = rng.uniform(0, side, (n_particles, 2))[rng.integers(0, n_particles, n)]
    xy += rng.normal(0, 3, (n, 2))
    xy[: n // 10] = rng.uniform(0, side, (n // 10, 2))
    return np.clip(xy, 0, side - 0.001), rng.integers(0, 40, n)


def micrograph(i: int, n: int) -> Evidence:
    """Half-overlapping tiles, each looked at by five; two votes a mark."""
    rng = np.random.default_rng(i)
    corner = np.arange(0, SIDE - TILE_SIDE + 1, TILE_SIDE // 2)
    tiles = np.zeros(len(corner) ** 2, TILE)
    tiles["x0"], tiles["y0"] = np.tile(corner, len(corner)), np.repeat(corner, len(corner))
    tiles["width"] = tiles["height"] = TILE_SIDE
    marks = np.zeros(n, MARK)
    xy, marks["volunteer"] = spots(n, SIDE, rng)
    marks["x"], marks["y"] = xy.T
    marks["mark"] = np.arange(n)
    marks["inside"] = marks["counted"] = True
    column = np.minimum(xy // (TILE_SIDE / 2), len(corner) - 1).astype(int)
    marks["tile"] = column[:, 1] * len(corner) + column[:, 0]
    of = np.repeat(np.arange(n), 2)
    votes = np.zeros(len(of), VOTE)
    votes["mark"], votes["x"], votes["y"] = of, marks["x"][of], marks["y"][of]
    votes["label"], votes["counted"] = rng.integers(0, 2, len(of)), True
    looks = np.full(len(tiles), LOOKS_PER_TILE)
    return Evidence(i, f"{i}.tif", labels(), marks, votes, of, tiles, looks, 20, 3.0)


def timed(work: Callable[[], object], repeats: int) -> float:
    """Median, ms."""
    took = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return 1000 * median(took)


def refit(xy: Floats) -> None:
    HDBSCAN(min_cluster_size=11, min_samples=11, core_dist_n_jobs=1).fit(xy)


def anew(hierarchy: Hierarchy, weighted: bool) -> None:
    """Ask for a min_samples whose dendrogram is not kept."""
    for min_samples in (5, 11):
        hierarchy._dendrograms.clear()
        hierarchy.groups(8, min_samples, weighted=weighted)


def whole(evidence: Evidence, params: ClusterParams) -> None:
    """Everything that the window shows of a setting."""
    review.instances(evidence, review.group(evidence, params), NOBODY)


def longest_stall(work: Callable[[], object]) -> float:
    """Longest time, ms, that another thread waited beyond the 1 ms it asked for."""
    done = threading.Event()
    worker = threading.Thread(target=lambda: (work(), done.set()))
    worker.start()
    longest = 0.0
    while not done.is_set():
        start = time.perf_counter()
        time.sleep(0.001)
        longest = max(longest, time.perf_counter() - start - 0.001)
    worker.join()
    return 1000 * longest


def one_set(name: str, hierarchy: Hierarchy, xy: Floats, repeats: int) -> None:
    fit = timed(lambda: refit(xy), max(1, repeats // 4))
    build = timed(lambda: Hierarchy(xy, hierarchy.weight).build(), max(1, repeats // 4))
    hierarchy.groups(11, 11)
    select = timed(lambda: hierarchy.groups(11, 11), repeats)
    samples = timed(lambda: anew(hierarchy, True), max(1, repeats // 4)) / 2
    line(name, fit, build, samples, select)


def line(name: str, fit: float, build: float, samples: float, select: float) -> None:
    print(
        f"{name:24} refit {fit:8.1f}   build {build:8.1f}   new min_samples {samples:7.2f}"
        f"   condense+select {select:7.3f}   ratio {fit / select:6.0f}"
    )


def project(repeats: int) -> None:
    all_evidence = [micrograph(i, MARKS // MICROGRAPHS) for i in range(MICROGRAPHS)]
    xys = [np.column_stack([e.marks["x"], e.marks["y"]]) for e in all_evidence]
    with ThreadPoolExecutor(os.cpu_count()) as pool:

        def everywhere(work: Callable[[Evidence], object]) -> Callable[[], object]:
            return lambda: list(pool.map(work, all_evidence))

        fit = timed(lambda: list(pool.map(refit, xys)), 3)
        build = timed(everywhere(lambda e: Hierarchy(*e.hierarchy.__reduce__()[1]).build()), 3)
        everywhere(lambda e: e.hierarchy.groups(11, 11))()
        samples = timed(everywhere(lambda e: anew(e.hierarchy, True)), 5) / 2
        everywhere(lambda e: e.hierarchy.groups(11, 11))()
        select = timed(everywhere(lambda e: e.hierarchy.groups(11, 11)), repeats)
        line(f"{MICROGRAPHS} x {MARKS // MICROGRAPHS}", fit, build, samples, select)
        for name, params in (
            ("default", DEFAULT),
            ("without split", replace(DEFAULT, split=False)),
            ("without weights", replace(DEFAULT, split=False, weighted=False)),
        ):
            ask = everywhere(partial(whole, params=params))
            ask()
            all_of = timed(ask, 5)
            one = timed(partial(whole, all_evidence[0], params), repeats)
            group = timed(partial(review.group, all_evidence[0], params), repeats)
            print(f"  {name:22} one {one:6.2f} (grouping {group:6.2f})   all {all_of:7.1f}")
        stall = longest_stall(everywhere(lambda e: (anew(e.hierarchy, True), whole(e, DEFAULT))))
        print(f"  longest stall of another thread meanwhile {stall:.1f} ms")


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    start = time.perf_counter()
    compiled.warm_up()
    print(f"warm-up, compiled or from the cache: {time.perf_counter() - start:.2f} s")
    for n in (2_000, 200_000):
        xy, who = spots(n, SIDE * (n / 2000) ** 0.5, np.random.default_rng(n))
        own = Hierarchy(xy, np.random.default_rng(n).uniform(1, 2, n), who)
        one_set(f"one set of {n}", own, xy, repeats if n < 10_000 else 4)
        if n > 10_000:
            stall = longest_stall(partial(anew, own, True))
            print(f"  longest stall of another thread meanwhile {stall:.1f} ms")
    project(repeats)


if __name__ == "__main__":
    main()
