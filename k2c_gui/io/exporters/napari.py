"""napari: a points layer as CSV for each micrograph.

Columns are ``index,axis-0,axis-1`` and then properties. napari puts the row first, and counts from
the middle of the top-left pixel: ``axis-0 = y - 0.5``, ``axis-1 = x - 0.5`` of the program's
coordinates. Every instance is in it; one without a hard label has the label -1. Negatives are in
it, too, as ``negative`` 1, to be seen or hidden.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from k2c_gui.core.model import NO_LABEL, Progress, TrainingSet
from k2c_gui.core.names import label_names, stems
from k2c_gui.io.legal_names import report, stem_changes
from k2c_gui.io.tables import write_csv

NAME = "napari (points)"
DESCRIPTION = "One CSV a micrograph: row, then column, from the middle of the first pixel."
NEEDS_PIXELS = False
TILED = False
SPLIT_FOLDER = None

_COLUMNS = (
    *("index", "axis-0", "axis-1", "instance", "label", "label_name", "support"),
    *("ambiguous", "negative"),
)


def write(training_set: TrainingSet, folder: Path, progress: Progress) -> tuple[str, ...]:
    """Write ``points/MICROGRAPH.csv``.

    Parameters
    ----------
    training_set : TrainingSet
    folder : Path
        Empty.
    progress : Progress

    Returns
    -------
    tuple of str
        File names.
    """
    tables = training_set.instances, training_set.negatives
    rows = np.concatenate(tables)
    negative = np.repeat([0, 1], [len(table) for table in tables])
    names = {NO_LABEL: ""} | label_names(training_set.labels)
    (folder / "points").mkdir()
    files = []
    for i, stem in enumerate(stems(training_set.micrographs)):
        progress(NAME, i, len(training_set.micrographs))
        mine = rows["micrograph"] == i
        own = rows[mine]
        labels = own["label"].tolist()
        columns = (
            *(range(len(own)), (own["y"] - 0.5).round(3).tolist()),
            *((own["x"] - 0.5).round(3).tolist(), own["instance"].tolist(), labels),
            *([names[label] for label in labels], own["support"].round(4).tolist()),
            *(own["ambiguous"].astype(int).tolist(), negative[mine].tolist()),
        )
        files.append(f"points/{stem}.csv")
        with (folder / files[-1]).open("w", encoding="utf-8", newline="") as file:
            table = (dict(zip(_COLUMNS, row, strict=True)) for row in zip(*columns, strict=True))
            write_csv(file, table, _COLUMNS)
    return (*files, *report(folder, stem_changes(training_set.micrographs)))


def count(folder: Path) -> int:
    """Points of all files together that are no negatives."""
    found = 0
    for path in (folder / "points").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            found += sum(row["negative"] == "0" for row in csv.DictReader(file))
    return found
