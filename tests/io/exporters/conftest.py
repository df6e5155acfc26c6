"""A training set by hand."""

from __future__ import annotations

import numpy as np
import pytest

from k2c_gui.core.model import (
    STATUS,
    Label,
    Micrograph,
    TrainingSet,
    instance_dtype,
)

LABELS = (
    Label(0, "Nanoparticle", True),
    Label(1, "-Cluster", True),
    Label(2, "Artifact", False),
    Label(7, "Rod, long", True),
)


@pytest.fixture
def training_set() -> TrainingSet:
    micrographs = (
        Micrograph("=1+1.tif", "/images/=1+1.tif", 100, 80, 0.5),
        Micrograph('ü, "b".tif', "/images/b.tif", 64, 64),
    )
    rows = [
        # instance, micrograph, x, y, label, status, marks, volunteers, looks, support, votes ...
        ("65536", 0, 1.0, 2.0, 0, "proposed", 12, 11, 20, 0.55, (4, 1, 0, 0), 0.6, False),
        ("d" * 32, 0, 50.1239, 40.5, 7, "decided", 9, 9, 20, 0.45, (2, 2, 0, 0), 0.0, True),
        ("e" * 32, 0, 99.5, 79.9, 1, "decided", 0, 0, 0, np.nan, (0, 0, 0, 0), np.nan, True),
        ("65538", 1, 32.0, 33.0, 1, "proposed", 20, 14, 20, 1.0, (0, 5, 0, 0), 1.0, False),
    ]
    instances = np.array(
        [(*row[:5], STATUS.index(row[5]), *row[6:]) for row in rows],  # type: ignore[arg-type]
        instance_dtype(len(LABELS)),
    )
    return TrainingSet(micrographs, LABELS, instances, np.array([20.0, 12.5]), "20 px, as given")
