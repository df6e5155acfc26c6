"""COCO detection: one JSON a split with boxes, and the centroid as a keypoint.

COCO counts px from the top-left corner of the image, as the program does: nothing is shifted. A
box is ``[left, top, width, height]``, cut at the border of the micrograph; the keypoint is not.
Category ids are label + 1, because 0 is the background to many readers. An instance without a hard
label is left out. ``file_name`` is the micrograph's own, or that of the PNG below ``images/``
where images are exported.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from k2c_gui.core.model import LABEL_SOURCE, SPLITS, Progress, TrainingSet
from k2c_gui.core.names import label_names
from k2c_gui.io.pictures import CONTRAST, image_names, write_images

NAME = "COCO (boxes and centre keypoints)"
DESCRIPTION = "JSON for torchvision, Detectron2, MMDetection; px from the top-left corner."
NEEDS_PIXELS = False
TILED = True
SPLIT_FOLDER = 1


def write(training_set: TrainingSet, folder: Path, progress: Progress) -> tuple[str, ...]:
    """Write ``annotations/SPLIT.json``, and ``images/`` where there are pixels.

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
    pictures = image_names(training_set, "images/{split}/{stem}.png")
    written = write_images(training_set, folder, pictures, progress)
    annotations = _annotations(training_set)
    (folder / "annotations").mkdir()
    description = f"Box: {training_set.box_source}." + (f" Images: {CONTRAST}." if written else "")
    files = []
    for done, split in enumerate(SPLITS):
        progress(NAME, done, len(SPLITS))
        chosen = [i for i, own in enumerate(training_set.split) if own == split]
        if not chosen:
            continue
        images = [
            {
                "id": i + 1,
                "file_name": pictures[i] if written else training_set.micrographs[i].name,
                "width": training_set.micrographs[i].width,
                "height": training_set.micrographs[i].height,
            }
            for i in chosen
        ]
        parts: dict[str, Iterable[Mapping[str, Any]]] = {
            "images": images,
            "categories": _categories(training_set),
            "annotations": (one for i in chosen for one in annotations[i]),
        }
        files.append(f"annotations/{split}.json")
        _write_json(folder / files[-1], {"description": description}, parts)
    return (*files, *written)


def count(folder: Path) -> int:
    """Annotations of all splits together."""
    return sum(
        len(json.loads(path.read_text("utf-8"))["annotations"])
        for path in (folder / "annotations").glob("*.json")
    )


def _categories(training_set: TrainingSet) -> list[dict[str, Any]]:
    names = label_names(training_set.labels)
    return [
        {
            "id": label.value + 1,
            "name": names[label.value],
            "supercategory": "particle",
            "keypoints": ["centroid"],
            "skeleton": [],
        }
        for label in training_set.labels
        if label.use
    ]


def _annotations(training_set: TrainingSet) -> list[list[dict[str, Any]]]:
    """Annotations of each micrograph; ids count on from one to the next."""
    rows = training_set.labelled
    edges = training_set.boxes(rows)
    boxes = np.column_stack([edges[:, :2], edges[:, 2:] - edges[:, :2]]).round(3)
    areas = (boxes[:, 2] * boxes[:, 3]).round(3).tolist()
    places = np.column_stack([rows["x"], rows["y"]]).round(3).tolist()
    found: list[list[dict[str, Any]]] = [[] for _ in training_set.micrographs]
    names = ("instance", "micrograph", "label", "source", "ambiguous", "support")
    plain = zip(*(rows[name].tolist() for name in names), strict=True)
    for number, (own, box, area, place) in enumerate(
        zip(plain, boxes.tolist(), areas, places, strict=True), start=1
    ):
        instance, micrograph, label, source, ambiguous, support = own
        found[micrograph].append(
            {
                "id": number,
                "image_id": micrograph + 1,
                "category_id": label + 1,
                "bbox": box,
                "area": area,
                "iscrowd": 0,
                "segmentation": [],
                "keypoints": [*place, 2],
                "num_keypoints": 1,
                "attributes": {
                    "instance": instance,
                    "source": LABEL_SOURCE[source],
                    "ambiguous": ambiguous,
                    "support": round(support, 4) if isfinite(support) else None,
                },
            }
        )
    return found


def _write_json(
    path: Path, info: Mapping[str, Any], parts: Mapping[str, Iterable[Mapping[str, Any]]]
) -> None:
    """Write one record a line, so that two releases can be compared line by line."""
    encode = json.JSONEncoder(ensure_ascii=False).encode
    texts = [f'"info": {encode(info)}']
    for name, records in parts.items():
        texts.append(f'"{name}": [\n' + ",\n".join(map(encode, records)) + "\n]")
    path.write_text("{\n" + ",\n".join(texts) + "\n}\n", encoding="utf-8", newline="\n")
