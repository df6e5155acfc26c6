"""The INSTANCE table as rows of plain values, for people and programs outside."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from typing import Any, TextIO

import numpy as np

from k2c_gui.core.model import (
    BACKING,
    LABEL_SOURCE,
    NO_LABEL,
    STATUS,
    Floats,
    Label,
    Micrograph,
    Table,
    TrainingSet,
)
from k2c_gui.core.names import label_names

Value = str | int | float | None


def rows(
    instances: Table, micrographs: Sequence[Micrograph], labels: Sequence[Label]
) -> Iterator[dict[str, Value]]:
    """One row an instance, in the columns that every output shares.

    Parameters
    ----------
    instances : structured array
        Of `instance_dtype`.
    micrographs : sequence of Micrograph
        That `instances` counts.
    labels : sequence of Label
        Of the session, in rising order of value.

    Yields
    ------
    dict of str to value
        px to .001, nm to .0001; None for what does not exist: nm without a pixel size, a label
        of a tie, a margin without votes, the backing of a proposal.
    """
    vote_columns = [f"votes_{label.value}" for label in labels]
    for row in instances:
        micrograph = micrographs[row["micrograph"]]
        nm = micrograph.pixel_size_nm
        x, y = float(row["x"]), float(row["y"])
        label = int(row["label"])
        yield {
            "instance": str(row["instance"]),
            "micrograph": micrograph.name,
            "x_px": round(x, 3),
            "y_px": round(y, 3),
            "x_nm": None if nm is None else round(x * nm, 4),
            "y_nm": None if nm is None else round(y * nm, 4),
            "label": None if label == NO_LABEL else label,
            "status": STATUS[row["status"]],
            "backing": BACKING[row["backing"]] or None,
            "n_marks": int(row["n_marks"]),
            "n_volunteers": int(row["n_volunteers"]),
            "exposure": int(row["exposure"]),
            "support": _share(row["support"]),
            **dict(zip(vote_columns, row["votes"].tolist(), strict=True)),
            "margin": _share(row["margin"]),
            "ambiguous": int(row["ambiguous"]),
            "split_into": int(row["split_into"]),
            "pairs": _share(row["pairs"]),
        }


def training_columns(training_set: TrainingSet, instances: Table) -> dict[str, list[Value]]:
    """Columns of instances or negatives of a training set, for the tables of a release.

    Parameters
    ----------
    training_set : TrainingSet
    instances : structured array
        Its `instances` or `negatives`.

    Returns
    -------
    dict of str to list
        px to .001, nm and shares to .0001; None for what does not exist: nm without a pixel
        size, the label of a tie or of a rejected one, a margin without votes.
    """
    micrographs, names = training_set.micrographs, label_names(training_set.labels)
    of = instances["micrograph"].tolist()
    nm = np.array([m.pixel_size_nm or np.nan for m in micrographs], float)[instances["micrograph"]]
    labels = [None if label == NO_LABEL else label for label in instances["label"].tolist()]
    found: dict[str, list[Value]] = {
        "instance": instances["instance"].tolist(),
        "micrograph": [micrographs[i].name for i in of],
        "split": [training_set.split[i] for i in of],
        "x_px": instances["x"].round(3).tolist(),
        "y_px": instances["y"].round(3).tolist(),
        "x_nm": _known(instances["x"] * nm),
        "y_nm": _known(instances["y"] * nm),
        "label": labels,
        "label_name": [None if label is None else names[label] for label in labels],
        "source": [LABEL_SOURCE[i] for i in instances["source"].tolist()],
        "box_px": training_set.sides(instances).round(3).tolist(),
    }
    for name in ("n_marks", "n_volunteers", "exposure"):
        found[name] = instances[name].tolist()
    found["support"] = _known(instances["support"])
    for name in ("votes", "soft"):
        for i, label in enumerate(training_set.labels):
            found[f"{name}_{label.value}"] = instances[name][:, i].round(4).tolist()
    found["margin"] = _known(instances["margin"])
    found["ambiguous"] = instances["ambiguous"].astype(int).tolist()
    return found


def write_csv(file: TextIO, table: Iterable[dict[str, Value]], columns: Sequence[str]) -> None:
    """Write rows as CSV: empty for None, and no cell that a spreadsheet would run."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_inert(row[column]) for column in columns] for row in table)


def columns(labels: Sequence[Label]) -> list[str]:
    """Names of the columns of `rows`."""
    before = "instance micrograph x_px y_px x_nm y_nm label status backing n_marks n_volunteers"
    votes = [f"votes_{label.value}" for label in labels]
    return [
        *before.split(),
        "exposure",
        "support",
        *votes,
        "margin",
        "ambiguous",
        "split_into",
        "pairs",
    ]


def _known(values: Floats) -> list[Value]:
    return [round(value, 4) if isfinite(value) else None for value in values.tolist()]


def _share(value: Any) -> float | None:
    return round(float(value), 4) if isfinite(value) else None


def _inert(value: Value) -> Value:
    """Text that begins like a formula gets a quote before it (OWASP, CSV injection)."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value
