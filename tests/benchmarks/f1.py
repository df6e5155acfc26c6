"""F1 of a session's instances against known truth.

    python tests/benchmarks/f1.py SESSION.k2c truth.csv

One-to-one, at most half the particle's diameter apart; instances labelled 3 (nothing, something
else) are no detections. Prints one line for the applied setting and one for each centroid.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from k2c_gui.core.model import Floats, Ints, Table
from k2c_gui.session import Session

NOTHING = 3
FAR = 1e6


def match(found: Floats, truth: Floats, reach: Floats) -> tuple[Ints, Ints]:
    """Pair as many as possible, then as near as possible; places in `found` and in `truth`."""
    distance = np.hypot(*(found[:, None] - truth[None]).transpose(2, 0, 1))
    allowed = distance <= reach
    one, other = linear_sum_assignment(np.where(allowed, distance, FAR))
    good = allowed[one, other]
    return one[good], other[good]


def score(
    instances: Table, names: list[str], truth: dict[str, Floats]
) -> tuple[float, float, float, float, float, float]:
    """F1, precision, recall, border recall, centroid error (px, median), label accuracy."""
    found_n = truth_n = border_n = border_hit = 0
    errors: list[float] = []
    right: list[bool] = []
    full = max(float(rows[:, 4].max()) for rows in truth.values() if len(rows))
    full = min(full, 20.0)
    for i, name in enumerate(names):
        rows = truth.get(name, np.zeros((0, 5)))
        own = instances[(instances["micrograph"] == i) & (instances["label"] != NOTHING)]
        xy = np.column_stack([own["x"], own["y"]])
        one, other = match(xy, rows[:, :2], rows[:, 3] / 2)
        found_n, truth_n = found_n + len(own), truth_n + len(rows)
        border = rows[:, 4] < full
        border_n, border_hit = border_n + int(border.sum()), border_hit + int(border[other].sum())
        errors += np.hypot(*(xy[one] - rows[other, :2]).T).tolist()
        right += (own["label"][one] == rows[other, 2]).tolist()
    precision, recall = len(errors) / max(1, found_n), len(errors) / max(1, truth_n)
    return (
        2 * precision * recall / max(1e-9, precision + recall),
        precision,
        recall,
        border_hit / max(1, border_n),
        float(np.median(errors)) if errors else float("nan"),
        float(np.mean(right)) if right else float("nan"),
    )


def read_truth(path: Path) -> dict[str, Floats]:
    """``x, y, label, diameter, exposure`` by micrograph."""
    rows: dict[str, list[list[float]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            numbers = [float(row[k]) for k in ("x", "y", "label", "diameter", "exposure")]
            rows.setdefault(row["micrograph"], []).append(numbers)
    return {name: np.array(values) for name, values in rows.items()}


def main() -> None:
    session, truth = Path(sys.argv[1]), read_truth(Path(sys.argv[2]))
    with Session(session) as desk:
        names = [m.name for m in desk.state.sources.micrographs]
        applied = desk.state.ledger.params
        print("centroid     F1  precision  recall  border  error px  label")
        for kind in (applied.centroid, *({"mode", "mean", "median"} - {applied.centroid})):
            params = replace(applied, centroid=kind)
            f1, p, r, b, e, a = score(desk.instances(params), names, truth)
            print(f"{kind:<8} {f1:.4f}     {p:.4f}  {r:.4f}  {b:.4f}    {e:6.2f}  {a:.4f}")


if __name__ == "__main__":
    main()
