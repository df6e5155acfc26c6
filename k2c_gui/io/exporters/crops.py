"""Crops: a square PNG an instance in ``SPLIT/LABEL/``, with ``metadata.jsonl`` beside them.

The crop is as wide as the box, in whole px, and its middle is the centroid to the nearest px; what
lies outside of the micrograph is its median grey. ``metadata.jsonl`` of each split has a line a
crop: place in px from the top-left corner of the micrograph, votes and soft label. It is the layout
of Hugging Face's `ImageFolder`, whose reader guesses types and wants them alike in all splits: so
there are no nulls. What is surely no instance is in it, too, as ``negative``: labels not in use in
a folder of their own, and what the expert rejected in ``rejected``; an instance with a soft label
alone is in ``soft-label-only``. Both of these have the label -1. Where ``exposure`` is 0 nobody
looked, and ``support`` says nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2c_gui.core.model import NO_LABEL, Floats, K2CError, Progress, Table, TrainingSet
from k2c_gui.core.names import label_names, stems, words
from k2c_gui.io.legal_names import report, stem_changes
from k2c_gui.io.pictures import eight_bit, write_png

NAME = "Crops (one image an instance)"
DESCRIPTION = "Squares about each centroid in a folder a label, for training a classifier."
NEEDS_PIXELS = True
TILED = False
SPLIT_FOLDER = 0

_SOFT, _REJECTED = "soft-label-only", "rejected"


def write(training_set: TrainingSet, folder: Path, progress: Progress) -> tuple[str, ...]:
    """Write ``SPLIT/LABEL/MICROGRAPH_NUMBER.png`` and ``SPLIT/metadata.jsonl``.

    Parameters
    ----------
    training_set : TrainingSet
        With pixels.
    folder : Path
        Empty.
    progress : Progress

    Returns
    -------
    tuple of str
        File names.

    Raises
    ------
    K2CError
        There are no pixels.
    """
    if training_set.pixels is None:
        raise K2CError("Crops need the images.", remedy="Export with images.")
    names = label_names(training_set.labels)
    # the two of ours go first, so that a label of that name gets another folder
    soft, rejected, *own = words([_SOFT, _REJECTED, *names.values()])
    folders = dict(zip(names, own, strict=True))
    records: dict[str, list[dict[str, Any]]] = {}
    for i, stem in enumerate(stems(training_set.micrographs)):
        progress(NAME, i, len(training_set.micrographs))
        split = training_set.split[i]
        picture = eight_bit(training_set.pixels(i))
        for table, other in ((training_set.instances, soft), (training_set.negatives, rejected)):
            rows = table[table["micrograph"] == i]
            files = [
                f"{folders.get(label, other)}/{stem}_{number}.png"
                for label, number in zip(rows["label"].tolist(), rows["instance"], strict=True)
            ]
            _write_crops(folder / split, files, picture, rows, training_set.sides(rows))
            records.setdefault(split, []).extend(
                {"file_name": file, **_record(training_set, row, negative=other == rejected)}
                for file, row in zip(files, rows, strict=True)
            )
    written = [f"{split}/{r['file_name']}" for split, own in records.items() for r in own]
    for part, lines in records.items():
        if lines:
            written.append(f"{part}/metadata.jsonl")
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            (folder / written[-1]).write_text(text, encoding="utf-8", newline="\n")
    changes = [("label", names[value], folders[value]) for value in names]
    return (*written, *report(folder, [*changes, *stem_changes(training_set.micrographs)]))


def count(folder: Path) -> int:
    """Lines of all ``metadata.jsonl`` together that are no negatives."""
    return sum(
        not json.loads(line)["negative"]
        for path in folder.glob("*/metadata.jsonl")
        # not splitlines: a name may hold what Python takes for the end of a line
        for line in path.read_text("utf-8").split("\n")
        if line
    )


def _record(training_set: TrainingSet, row: Table, *, negative: bool) -> dict[str, Any]:
    label = int(row["label"])
    return {
        "instance": int(row["instance"]),
        "micrograph": training_set.micrographs[row["micrograph"]].name,
        "x_px": round(float(row["x"]), 3),
        "y_px": round(float(row["y"]), 3),
        "label": label,
        "label_name": "" if label == NO_LABEL else label_names(training_set.labels)[label],
        "negative": negative,
        "ambiguous": bool(row["ambiguous"]),
        "exposure": int(row["exposure"]),
        "support": round(float(np.nan_to_num(row["support"])), 4),
        "votes": row["votes"].tolist(),
        "soft": row["soft"].round(4).tolist(),
    }


def _write_crops(
    folder: Path, files: list[str], picture: NDArray[np.uint8], rows: Table, sides: Floats
) -> None:
    grey = int(np.median(picture))
    for file, x, y, side in zip(
        files, rows["x"].tolist(), rows["y"].tolist(), sides.tolist(), strict=True
    ):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        write_png(folder / file, _crop(picture, grey, x, y, max(1, round(side))))


def _crop(
    picture: NDArray[np.uint8], grey: int, x: float, y: float, side: int
) -> NDArray[np.uint8]:
    left, top = round(x - side / 2), round(y - side / 2)
    height, width = picture.shape
    crop = np.full((side, side), grey, np.uint8)
    x0, x1 = max(left, 0), min(left + side, width)
    y0, y1 = max(top, 0), min(top + side, height)
    crop[y0 - top : y1 - top, x0 - left : x1 - left] = picture[y0:y1, x0:x1]
    return crop
