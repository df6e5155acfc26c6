"""YOLO detection as Ultralytics reads it: ``data.yaml``, ``images/SPLIT/``, ``labels/SPLIT/``.

A line is ``class x y width height``: the centre of the box, cut at the border of the micrograph,
in shares of its width and height from the top-left corner, as the program counts; nothing is
shifted. Classes count from 0 through the labels in use. A micrograph without instances has an
empty file, which the trainer takes for background; so does all that is not in a box, negatives
among it. An instance without a hard label is left out.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from k2c_gui.core.model import SPLITS, Progress, TrainingSet
from k2c_gui.core.names import label_names, stems
from k2c_gui.io.legal_names import report, stem_changes
from k2c_gui.io.pictures import CONTRAST, image_names, write_images

NAME = "YOLO (folder with data.yaml)"
DESCRIPTION = "One text file an image, boxes in shares of its size from the top-left corner."
NEEDS_PIXELS = False
TILED = True
SPLIT_FOLDER = 1

_FOLDER = {"train": "train", "validation": "val", "test": "test"}


def write(training_set: TrainingSet, folder: Path, progress: Progress) -> tuple[str, ...]:
    """Write ``data.yaml`` and ``labels/``, and ``images/`` where there are pixels.

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
    pictures = {
        i: name.replace("validation", "val", 1)
        for i, name in image_names(training_set, "images/{split}/{stem}.png").items()
    }
    written = write_images(training_set, folder, pictures, progress)
    lines = _lines(training_set)
    files = ["data.yaml"]
    # the trainer asks for both of these, whether or not there is something in them
    for kind in {*(_FOLDER[split] for split in training_set.split), "train", "val"}:
        (folder / "images" / kind).mkdir(parents=True, exist_ok=True)
        (folder / "labels" / kind).mkdir(parents=True)
    for i, (stem, split) in enumerate(zip(names, training_set.split, strict=True)):
        progress(NAME, i, len(names))
        files.append(f"labels/{_FOLDER[split]}/{stem}.txt")
        (folder / files[-1]).write_text("".join(lines[i]), encoding="utf-8", newline="\n")
    (folder / "data.yaml").write_text(
        _yaml(training_set, bool(written)), encoding="utf-8", newline="\n"
    )
    return (*files, *written, *report(folder, stem_changes(training_set.micrographs)))


def count(folder: Path) -> int:
    """Lines of all label files together."""
    return sum(
        len(path.read_text("utf-8").splitlines()) for path in (folder / "labels").rglob("*.txt")
    )


def _lines(training_set: TrainingSet) -> list[list[str]]:
    rows = training_set.labelled
    used = [label.value for label in training_set.labels if label.use]
    place = {value: i for i, value in enumerate(used)}
    sizes = np.array([(m.width, m.height) for m in training_set.micrographs], float)
    size = sizes.reshape(-1, 2)[rows["micrograph"]]
    edges = training_set.boxes(rows)
    first, last = edges[:, :2] / size, edges[:, 2:] / size
    shares = np.column_stack([(first + last) / 2, last - first]).tolist()
    found: list[list[str]] = [[] for _ in training_set.micrographs]
    for micrograph, label, (x, y, width, height) in zip(
        rows["micrograph"].tolist(), rows["label"].tolist(), shares, strict=True
    ):
        line = f"{place[label]} {x:.8f} {y:.8f} {width:.8f} {height:.8f}\n"
        found[micrograph].append(line)
    return found


def _yaml(training_set: TrainingSet, with_images: bool) -> str:
    used = [label for label in training_set.labels if label.use]
    names = label_names(training_set.labels)
    there = set(training_set.split)
    lines = [
        f"# Box: {training_set.box_source}",
        f"# Images: {CONTRAST}"
        if with_images
        else "# Images: not exported; put them below images/, named as the files below labels/",
        *(
            f"{_FOLDER[split]}: images/{_FOLDER[split]}"
            for split in SPLITS
            if split != "test" or split in there
        ),
        "names:",
        # JSON strings are YAML strings, whatever is in them
        *(
            f"  {i}: {json.dumps(names[label.value], ensure_ascii=False)}"
            for i, label in enumerate(used)
        ),
    ]
    return "\n".join(lines) + "\n"
