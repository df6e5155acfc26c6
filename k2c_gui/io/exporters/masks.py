"""Masks as TIFF: ``semantic/`` with the label, ``instance/`` with a number an instance.

An instance is a disc about its centroid, as wide as its box: a pixel is in it when its middle is,
and the pixel that holds the centroid always is; where discs overlap, the nearest centroid has the
pixel. Semantic (uint8): 0 is background, negatives among it, 1 onwards are the labels in use, and
255 is an instance without a hard label, to be ignored. Instance (uint16, or uint32 above 65,535):
1 onwards in the order of the table; without a hard label it is 0. ``labels.csv`` and
``instances.csv`` say what the numbers are. Rows and columns are those of the micrograph.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2c_gui.core.model import NO_LABEL, K2CError, Micrograph, Progress, Table, TrainingSet
from k2c_gui.core.names import label_names, stems
from k2c_gui.io.pictures import image_names, write_images, write_tiff
from k2c_gui.io.tables import Value, write_csv

NAME = "Masks (TIFF)"
DESCRIPTION = "Semantic and instance masks of discs, pixel by pixel as the micrograph."
NEEDS_PIXELS = False
TILED = True
SPLIT_FOLDER = 1

_IGNORE = 255


def write(training_set: TrainingSet, folder: Path, progress: Progress) -> tuple[str, ...]:
    """Write ``semantic/SPLIT/MICROGRAPH.tif``, ``instance/...``, and ``images/`` with pixels.

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

    Raises
    ------
    K2CError
        More labels than a byte can tell apart.
    """
    used = [label.value for label in training_set.labels if label.use]
    if len(used) >= _IGNORE:
        raise K2CError(
            f"{len(used)} labels are more than the {_IGNORE - 1} of a mask.",
            remedy="Choose fewer labels.",
        )
    value_of = {label: i for i, label in enumerate(used, start=1)} | {NO_LABEL: _IGNORE}
    written = write_images(
        training_set, folder, image_names(training_set, "images/{split}/{stem}.png"), progress
    )
    instances = training_set.instances
    sides = training_set.sides(instances)
    files: list[str] = []
    listed: list[dict[str, Value]] = []
    names = stems(training_set.micrographs)
    for i, (stem, split) in enumerate(zip(names, training_set.split, strict=True)):
        progress(NAME, i, len(names))
        mine = instances["micrograph"] == i
        own = instances[mine]
        disc = discs(training_set.micrographs[i], own, sides[mine])
        number = np.where(own["label"] == NO_LABEL, 0, (own["label"] != NO_LABEL).cumsum())
        values = [value_of[label] for label in own["label"].tolist()]
        wide = np.uint16 if len(own) < 1 << 16 else np.uint32
        planes = {
            "semantic": np.array([0, *values], np.uint8)[disc],
            "instance": np.array([0, *number.tolist()], wide)[disc],
        }
        for kind, plane in planes.items():
            files.append(f"{kind}/{split}/{stem}.tif")
            (folder / files[-1]).parent.mkdir(parents=True, exist_ok=True)
            write_tiff(folder / files[-1], plane)
        listed += [
            {"mask": f"{split}/{stem}.tif", "value": value, "instance": instance}
            for value, instance in zip(number.tolist(), own["instance"].tolist(), strict=True)
            if value
        ]
    return (*files, *_write_legends(training_set, folder, listed, value_of), *written)


def count(folder: Path) -> int:
    """Rows of ``instances.csv``."""
    with (folder / "instances.csv").open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def _write_legends(
    training_set: TrainingSet,
    folder: Path,
    listed: list[dict[str, Value]],
    value_of: dict[int, int],
) -> tuple[str, ...]:
    """What the numbers of both kinds of masks mean."""
    used = [label.value for label in training_set.labels if label.use]
    words = label_names(training_set.labels)
    legend: list[dict[str, Value]] = [
        {"value": value_of[label], "label": label, "name": words[label]} for label in used
    ]
    for name, rows, columns in (
        ("labels.csv", legend, ("value", "label", "name")),
        ("instances.csv", listed, ("mask", "value", "instance")),
    ):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            write_csv(file, rows, columns)
    return "labels.csv", "instances.csv"


def discs(micrograph: Micrograph, rows: Table, sides: NDArray[np.float64]) -> NDArray[np.int64]:
    """Tell which disc each pixel is in.

    Parameters
    ----------
    micrograph : Micrograph
    rows : (n,) structured array
        Of `training_dtype`, on it.
    sides : (n,) float64
        Diameters, px.

    Returns
    -------
    (height, width) int64
        Place among `rows` + 1, or 0.
    """
    height, width = micrograph.height, micrograph.width
    disc = np.zeros((height, width), np.int64)
    nearest = np.full((height, width), np.inf, np.float32)
    for place, (x, y, radius) in enumerate(
        zip(rows["x"].tolist(), rows["y"].tolist(), (sides / 2).tolist(), strict=True), start=1
    ):
        top, bottom = _span(y, radius, height)
        left, right = _span(x, radius, width)
        here: tuple[Any, Any] = slice(top, bottom), slice(left, right)
        down = np.arange(top, bottom) + 0.5 - y
        across = np.arange(left, right) + 0.5 - x
        apart = (down**2)[:, None] + across**2
        inside = apart <= radius**2
        inside[_pixel(y, height) - top, _pixel(x, width) - left] = True
        mine = inside & (apart < nearest[here])
        disc[here][mine] = place
        nearest[here][mine] = apart[mine]
    return disc


def _span(middle: float, radius: float, size: int) -> tuple[int, int]:
    """Pixels of one axis that a disc may touch, the one that holds the centroid among them."""
    pixel = _pixel(middle, size)
    first = min(int(middle - radius), pixel)
    last = max(int(middle + radius) + 1, pixel + 1)
    return max(first, 0), min(last, size)


def _pixel(place: float, size: int) -> int:
    """The pixel of one axis that holds a place; the last one where it is on the far edge."""
    return min(max(int(place), 0), size - 1)
