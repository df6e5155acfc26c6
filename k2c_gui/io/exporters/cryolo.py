"""crYOLO: ``.box`` and ``.cbox``, one file a micrograph, by label and split.

A box is its lower left corner, width and height in px: x counts from the left edge of the
micrograph as in the program, and y upwards from the bottom of the picture that crYOLO loads. It
loads MRC with the first row at the bottom and every other format with the first row at the top
(crYOLO 1.7.7: `CoordsIO`, `preprocessing`). So for an ``.mrc`` micrograph y is the program's
``y - box / 2``, and for any other ``height - y - box / 2``; who converts a micrograph to MRC row by
row must turn y. Boxes are not cut at the border, so that their middle stays. ``.cbox`` is a STAR
file that also holds the support as confidence, 1 where nobody looked; z does not exist. crYOLO
finds one kind of particle: a folder a label. An empty file says that there is none; negatives have
no place. An instance without a hard label is left out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from k2c_gui.core.model import Progress, TrainingSet
from k2c_gui.core.names import stems
from k2c_gui.io.legal_names import label_changes, label_words, report, stem_changes

NAME = "crYOLO (.box and .cbox)"
DESCRIPTION = "Boxes by label and split; lower left corner, y upwards (MRC: downwards)."
NEEDS_PIXELS = False
TILED = False
SPLIT_FOLDER = 2

_HEAD = """\
data_global

_cbox_format_version 1.0

data_cryolo

loop_
_CoordinateX #1
_CoordinateY #2
_CoordinateZ #3
_Width #4
_Height #5
_Depth #6
_EstWidth #7
_EstHeight #8
_Confidence #9
_NumBoxes #10
_Angle #11
"""
_TAIL = """
data_cryolo_include

loop_
_slice_index #1

"""


def write(training_set: TrainingSet, folder: Path, progress: Progress) -> tuple[str, ...]:
    """Write ``LABEL/box/SPLIT/MICROGRAPH.box`` and ``LABEL/cbox/SPLIT/MICROGRAPH.cbox``.

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
    lines = _lines(training_set)
    words = label_words(training_set.labels)
    used = [label.value for label in training_set.labels if label.use]
    files = []
    for i, (stem, split) in enumerate(zip(names, training_set.split, strict=True)):
        progress(NAME, i, len(names))
        for label in used:
            boxes, rows = zip(*lines.get((i, label), [("", "")]), strict=True)
            texts = {"box": "".join(boxes), "cbox": _HEAD + "".join(rows) + _TAIL}
            for kind, text in texts.items():
                files.append(f"{words[label]}/{kind}/{split}/{stem}.{kind}")
                path = folder / files[-1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="\n")
    changes = [*label_changes(training_set.labels), *stem_changes(training_set.micrographs)]
    return (*files, *report(folder, changes))


def count(folder: Path) -> int:
    """Lines of all ``.box`` files together."""
    return sum(len(path.read_text("utf-8").splitlines()) for path in folder.glob("*/box/*/*.box"))


def _lines(training_set: TrainingSet) -> dict[tuple[int, int], list[tuple[str, str]]]:
    """By micrograph and label: a line of the ``.box`` and one of the ``.cbox`` an instance."""
    rows = training_set.labelled
    sides = training_set.sides(rows)
    turned = np.array([not m.name.lower().endswith(".mrc") for m in training_set.micrographs], bool)
    heights = np.array([m.height for m in training_set.micrographs], float)
    of = rows["micrograph"]
    y = np.where(turned[of], heights[of] - rows["y"], rows["y"])
    sure = np.where(np.isfinite(rows["support"]), rows["support"], 1.0)
    found: dict[tuple[int, int], list[tuple[str, str]]] = {}
    for i, label, left, low, side, share in zip(
        *(of.tolist(), rows["label"].tolist()),
        *((rows["x"] - sides / 2).tolist(), (y - sides / 2).tolist(), sides.tolist()),
        sure.tolist(),
        strict=True,
    ):
        corner = f"{left:.3f} {low:.3f}"
        size = f"{side:.3f} {side:.3f}"
        found.setdefault((i, label), []).append(
            (
                f"{corner} {size}\n".replace(" ", "\t"),
                f"{corner} <NA> {size} <NA> {size} {share:.4f} <NA> <NA>\n",
            )
        )
    return found
