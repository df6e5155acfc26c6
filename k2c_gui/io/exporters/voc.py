"""Pascal VOC: one XML a micrograph in ``Annotations/``, splits in ``ImageSets/Main/``.

VOC counts pixels from 1 and a box ends with its last pixel: ``xmin = floor(left) + 1`` and
``xmax = ceil(right)`` of edges cut at the border. ``point`` carries the centroid itself in the
same count, where the middle of the first pixel is 1: ``x + 0.5``. ``truncated`` says that the box
was cut, ``difficult`` that the label is ambiguous. Names of labels are single words, because VOC
makes file names of them. An instance without a hard label is left out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from k2c_gui.core.model import SPLITS, Micrograph, Progress, TrainingSet
from k2c_gui.core.names import stems
from k2c_gui.io.legal_names import label_changes, label_words, report, stem_changes
from k2c_gui.io.pictures import image_names, write_images

NAME = "Pascal VOC (XML)"
DESCRIPTION = "One XML an image; whole pixels, counted from 1 at the top left, ends included."
NEEDS_PIXELS = False
TILED = False
SPLIT_FOLDER = None

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_SET = {"train": "train", "validation": "val", "test": "test"}


def write(training_set: TrainingSet, folder: Path, progress: Progress) -> tuple[str, ...]:
    """Write ``Annotations/``, ``ImageSets/Main/``, and ``JPEGImages/`` where there are pixels.

    Parameters
    ----------
    training_set : TrainingSet
    folder : Path
        Empty.
    progress : Progress

    Returns
    -------
    tuple of str
        File names. The images are PNG, in the folder where VOC looks for images.
    """
    names = stems(training_set.micrographs)
    pictures = image_names(training_set, "JPEGImages/{stem}.png")
    written = write_images(training_set, folder, pictures, progress)
    objects = _objects(training_set)
    for name in ("Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    files = []
    for i, (stem, micrograph) in enumerate(zip(names, training_set.micrographs, strict=True)):
        progress(NAME, i, len(names))
        image = f"{stem}.png" if written else micrograph.name
        files.append(f"Annotations/{stem}.xml")
        _write_xml(folder / files[-1], image, micrograph, objects[i])
    for split in SPLITS:
        chosen = [stem for stem, own in zip(names, training_set.split, strict=True) if own == split]
        files.append(f"ImageSets/Main/{_SET[split]}.txt")
        text = "".join(f"{stem}\n" for stem in chosen)
        (folder / files[-1]).write_text(text, encoding="utf-8", newline="\n")
    changes = [*label_changes(training_set.labels), *stem_changes(training_set.micrographs)]
    return (*files, *written, *report(folder, changes))


def count(folder: Path) -> int:
    """Objects of all XML files together."""
    return sum(
        path.read_text("utf-8").count("<object>") for path in (folder / "Annotations").glob("*.xml")
    )


def _objects(training_set: TrainingSet) -> list[list[dict[str, Any]]]:
    """Elements of each micrograph's objects, in the order of the format."""
    rows = training_set.labelled
    names = label_words(training_set.labels)
    edges = training_set.boxes(rows)
    half = training_set.sides(rows) / 2
    x, y = rows["x"], rows["y"]
    whole = np.column_stack([x - half, y - half, x + half, y + half])
    cut = np.any(abs(whole - edges) > 1e-9, axis=1)
    # a box narrower than a rounding error must still hold a pixel
    first = np.floor(edges[:, :2]).astype(int) + 1
    last = np.maximum(np.ceil(edges[:, 2:]).astype(int), first)
    points = np.column_stack([x, y]).round(3) + 0.5
    flags: list[bool] = cut.tolist()
    found: list[list[dict[str, Any]]] = [[] for _ in training_set.micrographs]
    for micrograph, label, ambiguous, is_cut, low, high, point in zip(
        *(rows[name].tolist() for name in ("micrograph", "label", "ambiguous")),
        *(flags, first.tolist(), last.tolist(), points.round(3).tolist()),
        strict=True,
    ):
        found[micrograph].append(
            {
                "name": names[label],
                "pose": "Unspecified",
                "truncated": int(is_cut),
                "difficult": int(ambiguous),
                "bndbox": {"xmin": low[0], "ymin": low[1], "xmax": high[0], "ymax": high[1]},
                "point": {"x": point[0], "y": point[1]},
            }
        )
    return found


def _write_xml(
    path: Path, image: str, micrograph: Micrograph, objects: list[dict[str, Any]]
) -> None:
    root = ET.Element("annotation")
    size = {"width": micrograph.width, "height": micrograph.height, "depth": 1}
    _add(root, {"filename": image, "size": size, "segmented": 0})
    for one in objects:
        _add(root, {"object": one})
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def _add(parent: ET.Element, elements: dict[str, Any]) -> None:
    for name, value in elements.items():
        child = ET.SubElement(parent, name)
        if isinstance(value, dict):
            _add(child, value)
        else:
            child.text = _NOT_XML.sub("_", str(value))
