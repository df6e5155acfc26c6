"""A table: one row an instance, ``instances.csv``.

Coordinates are those of the program: px of the full micrograph, origin at the top-left corner of
the top-left pixel, y down; nm are the same times the pixel size.
"""

from __future__ import annotations

from pathlib import Path

from k2c_gui.core.model import TrainingSet
from k2c_gui.io.tables import columns, rows, write_csv

NAME = "Table (CSV)"


def write(training_set: TrainingSet, folder: Path) -> tuple[str, ...]:
    """Write ``instances.csv``.

    Parameters
    ----------
    training_set : TrainingSet
    folder : Path

    Returns
    -------
    tuple of str
        File names.
    """
    labels = training_set.labels
    name_of: dict[object, str] = {label.value: label.name for label in labels}
    sides = training_set.box_px[training_set.instances["micrograph"]].round(3).tolist()
    plain = rows(training_set.instances, training_set.micrographs, labels)
    table = [
        row | {"label_name": name_of[row["label"]], "box_px": side}
        for row, side in zip(plain, sides, strict=True)
    ]
    with (folder / "instances.csv").open("w", encoding="utf-8", newline="") as file:
        write_csv(file, table, [*columns(labels), "label_name", "box_px"])
    return ("instances.csv",)
