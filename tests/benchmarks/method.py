"""What each stage of the method brings: worlds with known truth, and projects with a truth.csv.

    python tests/benchmarks/method.py [PROJECT ...]

A project is a folder of images/, picking.csv, classifying.csv (as they are or .gz), mapping.toml
and truth.csv. Prints the tables of docs/method.md; ten minutes or less.

The worlds below are for reporting. Settings were chosen on worlds of the seeds 5000 to 5019.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from f1 import NOTHING, match, read_truth

from k2c_gui import demo
from k2c_gui.core import compiled, exposure, ledger, review
from k2c_gui.core.model import (
    DEFAULT,
    SETTING_2022,
    Bools,
    ClusterParams,
    Floats,
    Label,
    Micrograph,
    Sources,
    Table,
)
from k2c_gui.importing import import_
from k2c_gui.io.sources import Files
from k2c_gui.session import Session

JITTERS, MISS_RATES, FIRST_SEED = (0.08, 0.10, 0.12, 0.15, 0.18), (0.05, 0.15, 0.25, 0.35), 9000
LABELS = tuple(
    Label(value, name, value != NOTHING)
    for value, name in enumerate(("Nanoparticle", "Cluster", "Artifact", "Nothing"))
)
ZONES = {"interior": (0.75, np.inf), "border": (0.3, 0.75), "corner": (0.0, 0.3)}
"""Shares of the full exposure: more than the first, at most the second."""

NOBODY = ledger.fold([], DEFAULT)
SIZES = {
    "min_cluster_size": DEFAULT.min_cluster_size,
    "min_samples": DEFAULT.min_samples,
}
OWN_2022 = replace(SETTING_2022, algorithm="hdbscan")
FIRST, DEFAULT_ROW = "2022: library, 11 and 11, mean", "**default**"
SETTINGS = {
    FIRST: SETTING_2022,
    "own hierarchy": OWN_2022,
    "mode": replace(OWN_2022, centroid="mode"),
    "weights": replace(OWN_2022, weighted=True),
    "sizes": replace(OWN_2022, **SIZES),
    "split": replace(OWN_2022, split=True),
    DEFAULT_ROW: DEFAULT,
    "default, mean": replace(DEFAULT, centroid="mean"),
    "default, no weights": replace(DEFAULT, weighted=False),
    "default, 8 and 5": replace(DEFAULT, min_cluster_size=8, min_samples=5),
    "default, 11 and 11": replace(DEFAULT, min_cluster_size=11, min_samples=11),
    "default, no split": replace(DEFAULT, split=False),
    "default, leaf": replace(DEFAULT, method="leaf"),
}


@dataclass(frozen=True)
class Known:
    """Micrographs of which the truth is known: x, y, label, diameter, exposure by micrograph."""

    name: str
    evidence: list[review.Evidence]
    truth: list[Floats]


def worlds(first_seed: int = FIRST_SEED, **knobs: float) -> Iterator[Known]:
    """20 worlds: five jitters by four miss rates, each of its own seed, three micrographs."""
    for i, (miss, jitter) in enumerate(product(MISS_RATES, JITTERS)):
        usual = {"touching": 0.6, "double_clicks": 0.1, "offset": 4.0}
        world = demo.make(
            demo.WorldParams(seed=first_seed + i, jitter=jitter, miss_rate=miss, **(usual | knobs))
        )
        size = world.params.size
        sources = Sources(
            tuple(Micrograph(name, name, size, size) for name in world.names),
            LABELS,
            tuple(str(i) for i in range(len(world.tiles))),
            world.tiles,
            world.looks,
            world.marks,
            world.votes,
        )
        columns = np.column_stack(
            [world.truth[k] for k in ("x", "y", "label", "diameter", "exposure")]
        )
        yield Known(
            f"jitter {jitter}, missed {miss}",
            review.evidence(exposure.count(sources)),
            [columns[world.truth["micrograph"] == i] for i in range(len(world.names))],
        )


def project(folder: Path) -> Known:
    """A project on disk, imported into a session that is thrown away."""
    exports = [next(folder.glob(f"{name}.csv*")) for name in ("picking", "classifying")]
    truth = read_truth(folder / "truth.csv")
    with tempfile.TemporaryDirectory() as scratch:
        session = Path(scratch) / "s.k2c"
        import_(session, Files(folder / "images", *exports, mapping=folder / "mapping.toml"))
        with Session(session) as desk:
            evidence = list(desk.state.evidence)
    return Known(folder.name, evidence, [truth.get(e.name, np.zeros((0, 5))) for e in evidence])


def detected(table: Table) -> Bools:
    """Instances that are detections: the consensus does not call them nothing."""
    return np.asarray(table["label"] != NOTHING)


def score(
    known: Known, params: ClusterParams, keep: Callable[[Table], Bools] = detected
) -> dict[str, float]:
    """Precision, recall and F1, in each zone too; error of the centroids, labels that are right."""
    counts = {zone: np.zeros(4) for zone in ("all", *ZONES)}  # found, of those hit; true, hit
    errors, right = [np.zeros(0)], [np.zeros(0)]
    for evidence, truth in zip(known.evidence, known.truth, strict=True):
        table = review.instances(evidence, review.group(evidence, params), NOBODY)
        table = table[keep(table)]
        xy = np.column_stack([table["x"], table["y"]])
        one, other = match(xy, truth[:, :2], truth[:, 3] / 2)
        errors.append(np.hypot(*(xy[one] - truth[other, :2]).T))
        right.append(table["label"][one] == truth[other, 2])
        shares = table["exposure"] / evidence.full_exposure, truth[:, 4] / evidence.full_exposure
        for zone, count in counts.items():
            low, high = ZONES.get(zone, (-1.0, np.inf))
            found, true = ((low < share) & (share <= high) for share in shares)
            count += [found.sum(), found[one].sum(), true.sum(), true[other].sum()]
    answer = {
        "error": float(np.median(np.concatenate(errors))),
        "label": float(np.mean(np.concatenate(right))),
    }
    for zone, (found, good, true, hit) in counts.items():
        precision = good / found if found else np.nan
        recall = hit / true if true else np.nan
        both = precision + recall
        answer |= {f"{zone} precision": precision, f"{zone} recall": recall}
        answer[f"{zone} F1"] = 2 * precision * recall / both if both else 0.0
    return answer


COLUMNS = (
    *("all F1", "all precision", "all recall"),
    *("interior F1", "border F1", "border recall", "corner F1", "corner recall", "error", "label"),
)


def row(name: str, scores: list[dict[str, float]]) -> str:
    """Medians over the worlds; of F1 and recall at the border also the worst."""
    cells = []
    for column in COLUMNS:
        values = np.array([one[column] for one in scores])
        known = values[~np.isnan(values)]  # not every world has particles in its corners
        digits = 2 if column == "error" else 3
        cell = f"{np.median(known):.{digits}f}" if len(known) else "–"
        worst = column in ("all F1", "border recall") and len(values) > 1
        cells.append(f"{cell} ({known.min():.3f})" if worst else cell)
    return f"| {name} | " + " | ".join(cells) + " |"


def header() -> None:
    print("\n| | " + " | ".join(c.removeprefix("all ") for c in COLUMNS) + " |")
    print("|---" * (len(COLUMNS) + 1) + "|")


def stages(some: list[Known], title: str) -> None:
    print(f"\n## {title}")
    header()
    scores = {name: [score(k, params) for k in some] for name, params in SETTINGS.items()}
    for name, own in scores.items():
        print(row(name, own), flush=True)
    print("\n| | F1 2022 | F1 default | border recall 2022 | border recall default |")
    print("|---" * 5 + "|")
    for known, *pair in zip(some, scores[FIRST], scores[DEFAULT_ROW], strict=True):
        cells = [f"{one[column]:.3f}" for column in ("all F1", "border recall") for one in pair]
        print(f"| {known.name} | {' | '.join(cells)} |")


def confusers() -> None:
    """20 spots a micrograph that are no particles, and what brings back what they cost."""
    print("\n## 20 confusers in each micrograph")
    header()
    some = list(worlds(FIRST_SEED + 100, confusers=20))
    ways: dict[str, tuple[ClusterParams, Callable[[Table], Bools]]] = {
        "default": (DEFAULT, detected),
        "without the votes": (DEFAULT, lambda t: np.ones(len(t), bool)),
        "without the votes, support >= .3": (DEFAULT, lambda t: t["support"] >= 0.3),
        "without the votes, support >= .4": (DEFAULT, lambda t: t["support"] >= 0.4),
        "without the votes, 8 and 5": (
            replace(DEFAULT, min_cluster_size=8, min_samples=5),
            lambda t: np.ones(len(t), bool),
        ),
        "without the votes, 11 and 11": (
            replace(DEFAULT, min_cluster_size=11, min_samples=11),
            lambda t: np.ones(len(t), bool),
        ),
        "2022": (SETTING_2022, detected),
    }
    for name, (params, keep) in ways.items():
        print(row(name, [score(k, params, keep) for k in some]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("project", nargs="*", type=Path)
    projects = parser.parse_args().project
    compiled.warm_up()
    stages(list(worlds()), "20 worlds: medians (worst)")
    confusers()
    for folder in projects:
        stages([project(folder)], folder.name)


if __name__ == "__main__":
    main()
