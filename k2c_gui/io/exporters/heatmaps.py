"""Gaussian heat maps as TIFF: a page a label, float32 from 0 to 1.

The Gaussian stands on the centroid and is sampled at the middles of the pixels; its sigma is a
sixth of the box, so that the border of the box is at three sigma, beyond which it is 0. Where two
overlap, the larger value holds. An instance with a hard label has the height 1 on the page of its
label; one with a soft label alone has its share on the page of each. Pages are the labels in use,
in the order of ``labels.csv``. Negatives are background: 0. Rows and columns are those of the
micrograph.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from k2c_gui.core.model import NO_LABEL, Floats, Micrograph, Progress, Table, TrainingSet
from k2c_gui.core.names import label_names, stems
from k2c_gui.io.pictures import image_names, write_images, write_tiff
from k2c_gui.io.tables import Value, write_csv

NAME = "Heat maps (TIFF)"
DESCRIPTION = "A Gaussian on each centroid, a page a label, pixel by pixel as the micrograph."
NEEDS_PIXELS = False
TILED = True
SPLIT_FOLDER = 1

SIGMAS = 6.0
"""Of the box: three to either side."""


def write(training_set: TrainingSet, folder: Path, progress: Progress) -> tuple[str, ...]:
    """Write ``maps/SPLIT/MICROGRAPH.tif`` and ``labels.csv``, and ``images/`` with pixels.

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
    written = write_images(
        training_set, folder, image_names(training_set, "images/{split}/{stem}.png"), progress
    )
    instances = training_set.instances
    heights = _heights(training_set)
    sigmas = training_set.sides(instances) / SIGMAS
    files = ["labels.csv"]
    names = stems(training_set.micrographs)
    for i, (stem, split) in enumerate(zip(names, training_set.split, strict=True)):
        progress(NAME, i, len(names))
        mine = instances["micrograph"] == i
        pages = _pages(training_set.micrographs[i], instances[mine], sigmas[mine], heights[mine])
        files.append(f"maps/{split}/{stem}.tif")
        (folder / files[-1]).parent.mkdir(parents=True, exist_ok=True)
        write_tiff(folder / files[-1], pages)
    words = label_names(training_set.labels)
    used = [label.value for label in training_set.labels if label.use]
    legend: list[dict[str, Value]] = [
        {"page": i, "label": label, "name": words[label]} for i, label in enumerate(used)
    ]
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        write_csv(file, legend, ("page", "label", "name"))
    return (*files, *written)


def count(folder: Path) -> None:
    """Nothing: touching Gaussians cannot be told apart."""
    return None


def _heights(training_set: TrainingSet) -> Floats:
    """Height of each instance on each page."""
    rows = training_set.instances
    use = np.array([label.use for label in training_set.labels], bool)
    values = np.array([label.value for label in training_set.labels], int)
    hard = rows["label"][:, None] == values
    soft = (rows["label"] == NO_LABEL)[:, None]
    return np.asarray(np.where(soft, rows["soft"], hard)[:, use])


def _pages(
    micrograph: Micrograph, rows: Table, sigmas: Floats, heights: Floats
) -> NDArray[np.float32]:
    size = micrograph.height, micrograph.width
    pages = np.zeros((heights.shape[1], *size), np.float32)
    for x, y, sigma, height in zip(
        rows["x"].tolist(), rows["y"].tolist(), sigmas.tolist(), heights, strict=True
    ):
        reach = SIGMAS / 2 * sigma
        spans = []
        for middle, length in ((y, size[0]), (x, size[1])):
            first = max(0, int(np.ceil(middle - reach - 0.5)))
            last = min(length, int(np.floor(middle + reach - 0.5)) + 1)
            spans.append((slice(first, last), np.arange(first, last) + 0.5 - middle))
        (down, dy), (across, dx) = spans
        gaussian = np.exp(-((dy**2)[:, None] + dx**2) / (2 * sigma**2))
        gaussian[(dy**2)[:, None] + dx**2 > reach**2] = 0
        for page in np.flatnonzero(height):
            part = pages[page, down, across]
            np.maximum(part, height[page] * gaussian, out=part, casting="same_kind")
    return pages
