"""EMAN2: ``info/MICROGRAPH_info.json`` with boxes, a project folder for each label.

A box is the index of the pixel in its middle, counted from 0 at the lower left pixel of the picture
that EMAN2 shows: half a px is taken from the program's coordinates. EMAN2 shows MRC with the first
row at the bottom and turns other formats, such as TIFF and DM3, over (I2PC/scipion issue 1421;
Topaz's converter says the same). So for an ``.mrc`` micrograph y is the program's ``y - 0.5``, and
for any other ``height - y - 0.5``; who converts a micrograph to MRC row by row must turn y. The
size of the box is asked for in EMAN2. Every box is of the type ``manual``: other types belong to
EMAN2's own pickers. Negatives have no place. An instance without a hard label is left out.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from k2c_gui.core.model import Progress, TrainingSet
from k2c_gui.core.names import stems
from k2c_gui.io.legal_names import label_changes, label_words, report, stem_changes

NAME = "EMAN2 (JSON)"
DESCRIPTION = "Box centres by label for e2boxer; y upwards (MRC: downwards)."
NEEDS_PIXELS = False
TILED = False
SPLIT_FOLDER = None


def write(training_set: TrainingSet, folder: Path, progress: Progress) -> tuple[str, ...]:
    """Write ``LABEL/info/MICROGRAPH_info.json``.

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
    names = stems(training_set.micrographs)
    words = label_words(training_set.labels)
    boxes = _boxes(training_set)
    files = []
    for label in training_set.labels:
        if not label.use:
            continue
        (folder / words[label.value] / "info").mkdir(parents=True)
        for i, stem in enumerate(names):
            progress(NAME, i, len(names))
            files.append(f"{words[label.value]}/info/{stem}_info.json")
            text = json.dumps({"boxes": boxes.get((i, label.value), [])})
            (folder / files[-1]).write_text(text + "\n", encoding="utf-8", newline="\n")
    changes = [*label_changes(training_set.labels), *stem_changes(training_set.micrographs)]
    return (*files, *report(folder, changes))


def count(folder: Path) -> int:
    """Boxes of all files together."""
    return sum(
        len(json.loads(path.read_text("utf-8"))["boxes"])
        for path in folder.glob("*/info/*_info.json")
    )


def _boxes(training_set: TrainingSet) -> dict[tuple[int, int], list[tuple[float, float, str]]]:
    """By micrograph and label."""
    rows = training_set.labelled
    turned = np.array([not m.name.lower().endswith(".mrc") for m in training_set.micrographs], bool)
    heights = np.array([m.height for m in training_set.micrographs], float)
    of = rows["micrograph"]
    y = np.where(turned[of], heights[of] - rows["y"], rows["y"]) - 0.5
    found: dict[tuple[int, int], list[tuple[float, float, str]]] = {}
    for i, label, column, row in zip(
        *(of.tolist(), rows["label"].tolist()),
        *((rows["x"] - 0.5).round(3).tolist(), y.round(3).tolist()),
        strict=True,
    ):
        found.setdefault((i, label), []).append((column, row, "manual"))
    return found
