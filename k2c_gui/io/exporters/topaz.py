"""Topaz: a table of particles by label and split, tab between columns.

Topaz takes a coordinate as the index of a pixel, counted from 0 at the top-left pixel, and cuts
off what comes after the point: here it is the pixel that holds the centroid, ``floor`` of the
program's coordinates, so up to half a px is lost. ``image_name`` is the file name without its
ending. Topaz learns one kind of particle, and takes all it was not shown for unknown: a folder a
label, and no place for negatives. An instance without a hard label is left out. Topaz reads names
that are numbers alone as numbers and does not find their images; here such a micrograph is called
``micrograph_001``, ``names.csv`` says so, and its image needs that name, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from k2c_gui.core.model import SPLITS, Micrograph, Progress, TrainingSet
from k2c_gui.core.names import stems, words
from k2c_gui.io.legal_names import label_changes, label_words, report

NAME = "Topaz"
DESCRIPTION = "Tables by label and split; the pixel that holds the centroid, from the top left."
NEEDS_PIXELS = False
TILED = False
SPLIT_FOLDER = None


def write(training_set: TrainingSet, folder: Path, progress: Progress) -> tuple[str, ...]:
    """Write ``LABEL/SPLIT.txt``.

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
    progress(NAME, 0, 1)
    rows = training_set.labelled
    names = _names(training_set.micrographs)
    folders = label_words(training_set.labels)
    of_split = np.array(training_set.split, "U10")[rows["micrograph"]]
    files = []
    for label in training_set.labels:
        if not label.use:
            continue
        (folder / folders[label.value]).mkdir()
        for split in SPLITS:
            if split not in training_set.split:
                continue
            own = rows[(rows["label"] == label.value) & (of_split == split)]
            x, y = np.floor(own["x"]).astype(int), np.floor(own["y"]).astype(int)
            lines = ["image_name\tx_coord\ty_coord"]
            for i, column, row in zip(
                own["micrograph"].tolist(), x.tolist(), y.tolist(), strict=True
            ):
                # a centroid on the far edge is in the last pixel
                micrograph = training_set.micrographs[i]
                pixel = min(column, micrograph.width - 1), min(row, micrograph.height - 1)
                lines.append(f"{names[i]}\t{pixel[0]}\t{pixel[1]}")
            files.append(f"{folders[label.value]}/{split}.txt")
            text = "\n".join([*lines, ""])
            (folder / files[-1]).write_text(text, encoding="utf-8", newline="\n")
    changes = [
        ("micrograph", micrograph.name, name + Path(micrograph.name).suffix)
        for micrograph, name in zip(training_set.micrographs, names, strict=True)
    ]
    return (*files, *report(folder, [*label_changes(training_set.labels), *changes]))


def _names(micrographs: Sequence[Micrograph]) -> tuple[str, ...]:
    """Stems that nobody takes for numbers."""
    return words(f"micrograph_{n}" if _is_number(n) else n for n in stems(micrographs))


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def count(folder: Path) -> int:
    """Rows of all tables together."""
    return sum(len(path.read_text("utf-8").splitlines()) - 1 for path in folder.glob("*/*.txt"))
