"""A table: one row an instance, ``instances.csv``; what is surely none, ``negatives.csv``.

Coordinates are those of the program: px of the full micrograph, origin at the top-left corner of
the top-left pixel, y down; nm are the same times the pixel size. Text that a spreadsheet would run
as a formula has a ``'`` before it.
"""

from __future__ import annotations

import csv
from pathlib import Path

from k2c_gui.core.model import Progress, TrainingSet
from k2c_gui.io.tables import training_columns, write_csv

NAME = "Table (CSV)"
DESCRIPTION = (
    "One row an instance, with votes and soft label; px from the top-left corner of the micrograph."
)
NEEDS_PIXELS = False
TILED = False
SPLIT_FOLDER = None


def write(training_set: TrainingSet, folder: Path, progress: Progress) -> tuple[str, ...]:
    """Write ``instances.csv`` and ``negatives.csv``.

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
    tables = {"instances.csv": training_set.instances, "negatives.csv": training_set.negatives}
    for done, (name, instances) in enumerate(tables.items()):
        progress(NAME, done, len(tables))
        columns = training_columns(training_set, instances)
        rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            write_csv(file, rows, list(columns))
    return tuple(tables)


def count(folder: Path) -> int:
    """Rows of ``instances.csv``."""
    with (folder / "instances.csv").open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1
