"""Hugging Face: an `ImageFolder` with boxes, ``SPLIT/*.png``, ``SPLIT/metadata.jsonl``, README.

``objects`` has lists of equal length: ``bbox`` as in COCO, ``[left, top, width, height]`` in px
from the top-left corner, cut at the border of the micrograph; ``categories`` from 0 through the
labels in use; ``centroid`` as x, y, not cut; ``id``, the number of the instance in the release; and
``ambiguous``. Nothing is shifted. The YAML at the head of ``README.md`` names the splits; its text,
the categories. The reader guesses types and wants them alike in all splits: so ``pixel_size_nm`` is
there only where it is known of every micrograph, and a split without instances is not named.
Negatives have no place. An instance without a hard label is left out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from k2c_gui.core.model import SPLITS, K2CError, Progress, TrainingSet
from k2c_gui.core.names import label_names, stems
from k2c_gui.io.legal_names import report, stem_changes
from k2c_gui.io.pictures import CONTRAST, image_names, write_images

NAME = "Hugging Face (ImageFolder)"
DESCRIPTION = "Images and metadata.jsonl with boxes, for the datasets library and the Hub."
NEEDS_PIXELS = True
TILED = False
SPLIT_FOLDER = 0


def write(training_set: TrainingSet, folder: Path, progress: Progress) -> tuple[str, ...]:
    """Write ``README.md``, ``SPLIT/metadata.jsonl`` and ``SPLIT/MICROGRAPH.png``.

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
        raise K2CError("The Hugging Face layout needs the images.", remedy="Export with images.")
    pictures = image_names(training_set, "{split}/{stem}.png")
    files = list(write_images(training_set, folder, pictures, progress))
    objects = _objects(training_set)
    names = stems(training_set.micrographs)
    calibrated = all(micrograph.pixel_size_nm for micrograph in training_set.micrographs)
    for split in SPLITS:
        lines = []
        for i, own in enumerate(training_set.split):
            if own != split:
                continue
            micrograph = training_set.micrographs[i]
            record: dict[str, Any] = {"file_name": f"{names[i]}.png", "micrograph": micrograph.name}
            if calibrated:
                record["pixel_size_nm"] = float(micrograph.pixel_size_nm or 0)
            record["objects"] = objects[i]
            lines.append(json.dumps(record, ensure_ascii=False) + "\n")
        if lines:
            files.append(f"{split}/metadata.jsonl")
            (folder / files[-1]).write_text("".join(lines), encoding="utf-8", newline="\n")
    files.append("README.md")
    (folder / "README.md").write_text(_readme(training_set), encoding="utf-8", newline="\n")
    return (*files, *report(folder, stem_changes(training_set.micrographs)))


def count(folder: Path) -> int:
    """Boxes of all ``metadata.jsonl`` together."""
    return sum(
        len(json.loads(line)["objects"]["bbox"])
        for path in folder.glob("*/metadata.jsonl")
        # not splitlines: a name may hold what Python takes for the end of a line
        for line in path.read_text("utf-8").split("\n")
        if line
    )


def _objects(training_set: TrainingSet) -> list[dict[str, list[Any]]]:
    rows = training_set.labelled
    used = [label.value for label in training_set.labels if label.use]
    place = {value: i for i, value in enumerate(used)}
    edges = training_set.boxes(rows)
    boxes = np.column_stack([edges[:, :2], edges[:, 2:] - edges[:, :2]]).round(3)
    points = np.column_stack([rows["x"], rows["y"]]).round(3)
    found = []
    for i in range(len(training_set.micrographs)):
        mine = rows["micrograph"] == i
        found.append(
            {
                "bbox": boxes[mine].tolist(),
                "categories": [place[label] for label in rows["label"][mine].tolist()],
                "centroid": points[mine].tolist(),
                "id": rows["instance"][mine].tolist(),
                "ambiguous": rows["ambiguous"][mine].tolist(),
            }
        )
    return found


def _readme(training_set: TrainingSet) -> str:
    names = label_names(training_set.labels)
    used = [label.value for label in training_set.labels if label.use]
    filled = {training_set.split[i] for i in training_set.labelled["micrograph"].tolist()}
    there = [split for split in SPLITS if split in filled]
    head = ["---", "task_categories:", "- object-detection", "configs:", "- config_name: default"]
    head.append("  data_files:")
    for split in there:
        head += [f"  - split: {split}", f"    path: {split}/**"]
    text = [
        *("---", "", "# Particles on electron micrographs", ""),
        "| category | label | name |",
        "|---|---|---|",
        *(f"| {i} | {label} | {_cell(names[label])} |" for i, label in enumerate(used)),
        *(
            f"\nNo instance is in the split {split}, so `datasets` cannot load it with the others."
            for split in SPLITS
            if split in training_set.split and split not in filled
        ),
        *("", f"Box: {training_set.box_source}. Images: {CONTRAST}.", ""),
    ]
    return "\n".join([*head, *text])


def _cell(name: str) -> str:
    return name.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
