"""COCO detection: ``annotations.json`` with boxes, and the centroid as a keypoint.

COCO counts px from the top-left corner of the image, as the program does: nothing is shifted. A
box is ``[left, top, width, height]``, cut at the border of the micrograph; the keypoint is not.
Category ids are label + 1, because 0 is the background to many readers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from k2c_gui.core.model import Micrograph, TrainingSet

NAME = "COCO (boxes and centre keypoints)"


def write(training_set: TrainingSet, folder: Path) -> tuple[str, ...]:
    """Write ``annotations.json``.

    Parameters
    ----------
    training_set : TrainingSet
    folder : Path

    Returns
    -------
    tuple of str
        File names.
    """
    document = {
        "info": {"description": f"Box: {training_set.box_source}"},
        "images": [
            {"id": i, "file_name": m.name, "width": m.width, "height": m.height}
            for i, m in enumerate(training_set.micrographs, start=1)
        ],
        "categories": [
            {
                "id": label.value + 1,
                "name": label.name,
                "supercategory": "particle",
                "keypoints": ["centroid"],
                "skeleton": [],
            }
            for label in training_set.labels
            if label.use
        ],
        "annotations": [
            _annotation(number, row, training_set)
            for number, row in enumerate(training_set.instances, start=1)
        ],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False)
    (folder / "annotations.json").write_text(text + "\n", encoding="utf-8", newline="\n")
    return ("annotations.json",)


def _annotation(number: int, row: Any, training_set: TrainingSet) -> dict[str, Any]:
    micrograph = training_set.micrographs[row["micrograph"]]
    x, y = float(row["x"]), float(row["y"])
    box = _box(x, y, float(training_set.box_px[row["micrograph"]]), micrograph)
    return {
        "id": number,
        "image_id": int(row["micrograph"]) + 1,
        "category_id": int(row["label"]) + 1,
        "bbox": box,
        "area": round(box[2] * box[3], 3),
        "iscrowd": 0,
        "segmentation": [],
        "keypoints": [round(x, 3), round(y, 3), 2],
        "num_keypoints": 1,
    }


def _box(x: float, y: float, side: float, micrograph: Micrograph) -> list[float]:
    left, top = max(0.0, x - side / 2), max(0.0, y - side / 2)
    right = min(float(micrograph.width), x + side / 2)
    bottom = min(float(micrograph.height), y + side / 2)
    width, height = max(0.0, right - left), max(0.0, bottom - top)
    return [round(v, 3) for v in (left, top, width, height)]
