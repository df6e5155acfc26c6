"""A grid of 60 settings on 94 micrographs with scores, against refitting hdbscan, in one run.

    python tests/benchmarks/sweep.py [ROUNDS]

The sweep runs on as many threads as the machine has cores, hierarchies built within the time. A
refit gives groups and no scores. It runs on as many threads; as it takes minutes, 6 of the
settings are refitted on all micrographs, and the time is taken ten times.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from statistics import median

import numpy as np
from hdbscan import HDBSCAN
from hierarchy import MARKS, MICROGRAPHS, micrograph

from k2c_gui.core import compiled, ledger, review
from k2c_gui.core.grid import Grid, grid
from k2c_gui.core.model import DEFAULT, ClusterParams, Decision, Entry, Floats, Ledger
from k2c_gui.core.review import Evidence
from k2c_gui.core.sweep import sweep

GRID = "min_cluster_size=5:14,min_samples=3,5,11,method=eom,leaf"
SAMPLE = 10
DECISIONS = 30  # a micrograph


def facts(i: int) -> Evidence:
    """A micrograph whose marks no other has."""
    evidence = micrograph(i, MARKS // MICROGRAPHS)
    evidence.marks["mark"] += i * MARKS
    return evidence


def anew(evidence: Evidence) -> Evidence:
    """The same facts, no hierarchy built yet."""
    return replace(evidence)


def decided(all_evidence: list[Evidence]) -> Ledger:
    """An expert's rulings on groups of the default setting."""
    entries = []
    for evidence in all_evidence:
        grouping = review.group(evidence, DEFAULT)
        for group in range(min(DECISIONS, len(grouping.x))):
            marks = tuple(evidence.marks["mark"][grouping.group_of_mark == group].tolist())
            ruling = Decision(
                micrograph=evidence.name,
                marks=marks,
                verdict="label",
                label=group % 2,
                x=float(grouping.x[group]),
                y=float(grouping.y[group]),
                decided_at="2024-01-01T00:00:00.000Z",
                made_from=(marks,),
            )
            uid = f"{evidence.name} {group}"
            entries.append(
                Entry(uid=uid, step=uid, kind="decide", at=ruling.decided_at, decision=ruling)
            )
    return ledger.fold(entries, DEFAULT)


def swept(all_evidence: list[Evidence], asked: Grid, decisions: Ledger) -> float:
    fresh = [anew(evidence) for evidence in all_evidence]
    start = time.perf_counter()
    found = sweep(fresh, asked, decisions)
    took = time.perf_counter() - start
    assert not found.failed
    assert np.isfinite(found.scores["agreement"]).all()
    return took


def refit(xy: Floats, params: ClusterParams) -> None:
    HDBSCAN(
        min_cluster_size=params.min_cluster_size,
        min_samples=params.min_samples,
        cluster_selection_method=params.method,
        core_dist_n_jobs=1,
    ).fit(xy)


def refitted(all_evidence: list[Evidence], asked: Grid) -> float:
    settings = list(asked.settings())[SAMPLE // 2 :: SAMPLE]
    points = [np.column_stack([e.marks["x"], e.marks["y"]]) for e in all_evidence]
    jobs = [(xy, params) for xy in points for params in settings]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        start = time.perf_counter()
        list(pool.map(lambda job: refit(*job), jobs))
        took = time.perf_counter() - start
    return took * len(asked) / len(settings)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    compiled.warm_up()
    all_evidence = [facts(i) for i in range(MICROGRAPHS)]
    decisions = decided(all_evidence)
    for name, base in (
        ("groups alone, as hdbscan has them", replace(DEFAULT, split=False, weighted=False)),
        ("with weights", replace(DEFAULT, split=False)),
        ("with weights and splits, the default", DEFAULT),
    ):
        asked = grid(GRID, base)
        took = [swept(all_evidence, asked, decisions) for _ in range(rounds)]
        fit = refitted(all_evidence, asked)
        print(
            f"{name:38} {len(asked)} x {MICROGRAPHS}: sweep {median(took):6.2f} s"
            f"   refit {fit:7.1f} s   ratio {fit / median(took):5.0f}"
        )


if __name__ == "__main__":
    main()
