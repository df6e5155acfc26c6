"""A training set by hand: not square, with instances at every border and in every corner."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from k2c_gui.core.model import (
    LABEL_SOURCE,
    NO_LABEL,
    Floats,
    Label,
    Micrograph,
    TrainingSet,
    training_dtype,
)

LABELS = (
    Label(0, "Nanoparticle", True),
    Label(1, "-Cluster", True),
    Label(2, "Artifact", False),
    Label(7, "Rod, long/thin", True),
)
MICROGRAPHS = (
    Micrograph("=1+1.tif", "/images/=1+1.tif", 100, 80, 0.5),
    Micrograph('ü, "b".MRC', "/images/b.mrc", 64, 90),
    Micrograph("empty one.png", "/images/empty one.png", 30, 40, 0.25),
    Micrograph("Empty One.tif", "/images/Empty One.tif", 40, 30, 0.25),
)
BOX = np.array([20.0, 12.5, 8.0, 8.0])

# micrograph, x, y, label, source, votes, ambiguous, radius
TRAINING: list[tuple[Any, ...]] = [
    (0, 1.0, 2.0, 0, "majority", (4, 1, 0, 0), False, np.nan),
    (0, 99.25, 3.0, 1, "majority", (0, 5, 0, 0), False, np.nan),
    (0, 50.0, 0.5, 0, "expert", (3, 2, 0, 0), False, np.nan),
    (0, 50.1239, 40.5, 7, "bulk", (2, 2, 0, 1), True, 6.0),
    (0, 52.0, 44.0, 0, "sign-off", (5, 0, 0, 0), False, np.nan),
    (0, 0.25, 79.5, 1, "adjudicated", (1, 4, 0, 0), False, np.nan),
    (0, 99.5, 79.9, 1, "expert", (0, 0, 0, 0), False, np.nan),
    (1, 32.0, 33.0, 1, "majority", (0, 5, 0, 0), False, np.nan),
    (1, 20.0, 60.0, NO_LABEL, "majority", (5, 5, 0, 0), True, np.nan),
    (1, 63.999, 89.0, 0, "majority", (5, 0, 0, 0), False, np.nan),
]
NEGATIVES: list[tuple[Any, ...]] = [
    (0, 70.5, 20.25, 2, "majority", (0, 0, 5, 0), False, np.nan),
    (1, 10.0, 12.0, NO_LABEL, "expert", (0, 1, 0, 0), False, np.nan),
]


def rows(given: list[tuple[Any, ...]], first: int) -> NDArray[np.void]:
    table = np.zeros(len(given), training_dtype(len(LABELS)))
    for i, (micrograph, x, y, label, source, votes, ambiguous, radius) in enumerate(given):
        total = sum(votes)
        table[i]["instance"], table[i]["key"] = first + i, f"secret-{i}"
        table[i]["micrograph"], table[i]["x"], table[i]["y"] = micrograph, x, y
        table[i]["label"], table[i]["source"] = label, LABEL_SOURCE.index(source)
        table[i]["n_marks"], table[i]["n_volunteers"], table[i]["exposure"] = total, total, 20
        table[i]["support"] = total / 20 if total else np.nan
        table[i]["votes"], table[i]["soft"] = votes, (np.array(votes) + 0.5) / (total + 2)
        high = sorted(votes)
        table[i]["margin"] = (high[-1] - high[-2]) / total if total else np.nan
        table[i]["ambiguous"], table[i]["radius"] = ambiguous, radius
    return table


def pixels(i: int) -> NDArray[np.uint16]:
    """A picture in which every pixel tells where it is."""
    micrograph = MICROGRAPHS[i]
    down, across = np.mgrid[: micrograph.height, : micrograph.width]
    return np.asarray(down * 100 + across, np.uint16)


@pytest.fixture
def training_set() -> TrainingSet:
    return TrainingSet(
        MICROGRAPHS,
        LABELS,
        rows(TRAINING, 1),
        rows(NEGATIVES, 1 + len(TRAINING)),
        BOX,
        "20 px, as given",
        ("train", "validation", "test", "train"),
    )


@pytest.fixture
def with_pixels(training_set: TrainingSet) -> TrainingSet:
    from dataclasses import replace

    return replace(training_set, pixels=pixels)


@pytest.fixture
def centroids(training_set: TrainingSet) -> dict[int, Floats]:
    """x and y of the instances with a hard label, by micrograph."""
    found = training_set.labelled
    return {
        i: np.column_stack([found["x"], found["y"]])[found["micrograph"] == i]
        for i in range(len(MICROGRAPHS))
    }
