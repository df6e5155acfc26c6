"""How long the formats of a release take at the real project's size, and peers on the same data.

    python tests/benchmarks/export_speed.py [--rounds 3]

Makes a training set as large as Key2Cat's Au/Ge data is expected to be, writes every format that
needs no images, and lets pandas with `starfile` write the tables and the STAR file, and
`supervision` (where it is installed) COCO and YOLO, taking turns in one process. Each format is
written into a folder of its own, on the disk of the temporary files.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from k2c_gui.core.model import SPLITS, Label, Micrograph, TrainingSet, no_progress, training_dtype
from k2c_gui.core.training_set import soften
from k2c_gui.io import exporters
from k2c_gui.io.tables import training_columns

MICROGRAPHS, INSTANCES, SIZE = 94, 15_000, 2048
TARGETS = {"csv": 3.0, "parquet": 3.0, "star": 3.0, "coco": 5.0, "yolo": 5.0}  # s
SLOW = ("masks", "heatmaps")  # a picture a micrograph: once is enough


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    training_set = made()
    writers: dict[str, Callable[[Path], object]] = {}
    for name in exporters.names():
        module = exporters.load(name)
        if not module.NEEDS_PIXELS:
            writers[name] = lambda folder, m=module: m.write(training_set, folder, no_progress)
    writers |= peers(training_set)
    taken: dict[str, list[float]] = {name: [] for name in writers}
    for turn in range(asked.rounds):
        for name, write in writers.items():
            if turn and name in SLOW:
                continue
            with tempfile.TemporaryDirectory() as folder:
                began = time.perf_counter()
                write(Path(folder))
                taken[name].append(time.perf_counter() - began)
            print(f"{name}: {taken[name][-1]:.2f} s", file=sys.stderr)
    report(taken)


def made() -> TrainingSet:
    """A training set of random places, votes and labels."""
    rng = np.random.default_rng(0)
    labels = tuple(
        Label(value, name, use=value < 2)
        for value, name in enumerate(("Nanoparticle", "Cluster", "Artifact", "Nothing"))
    )
    micrographs = tuple(
        Micrograph(f"AuGe_{i:03d}.tif", f"AuGe_{i:03d}.tif", SIZE, SIZE, 0.21)
        for i in range(1, MICROGRAPHS + 1)
    )
    table = np.zeros(INSTANCES, training_dtype(len(labels)))
    table["instance"] = np.arange(1, INSTANCES + 1)
    table["micrograph"] = np.sort(rng.integers(0, MICROGRAPHS, INSTANCES))
    table["x"], table["y"] = rng.uniform(0, SIZE, (2, INSTANCES))
    table["votes"] = rng.multinomial(20, [0.6, 0.3, 0.05, 0.05], INSTANCES)
    table["soft"] = soften(table["votes"])
    table["label"] = table["votes"][:, :2].argmax(axis=1)
    table["support"] = rng.uniform(0.4, 1, INSTANCES)
    table["radius"] = np.nan
    split = tuple(SPLITS[i] for i in np.sort(rng.choice(3, MICROGRAPHS, p=[0.8, 0.1, 0.1])))
    box = np.full(MICROGRAPHS, 28.6)
    return TrainingSet(micrographs, labels, table, table[:0], box, "28.6 px", split)


def peers(training_set: TrainingSet) -> dict[str, Callable[[Path], object]]:
    """What others write of the same data."""
    import pandas as pd
    import starfile

    names = [training_set.micrographs[i].name for i in training_set.instances["micrograph"]]
    frame = pd.DataFrame(
        {
            "rlnMicrographName": names,
            "rlnCoordinateX": training_set.instances["x"] - 0.5,
            "rlnCoordinateY": training_set.instances["y"] - 0.5,
            "rlnClassNumber": training_set.instances["label"] + 1,
            "rlnAutopickFigureOfMerit": training_set.instances["support"],
            "rlnOpticsGroup": 1,
        }
    )
    optics = pd.DataFrame({"rlnOpticsGroup": [1], "rlnMicrographPixelSize": [2.1]})
    flat = pd.DataFrame(training_columns(training_set, training_set.instances))
    found: dict[str, Callable[[Path], object]] = {
        "star, by starfile": lambda folder: starfile.write(
            {"optics": optics, "particles": frame}, folder / "particles.star"
        ),
        "csv, by pandas": lambda folder: flat.to_csv(folder / "instances.csv", index=False),
    }
    with warnings.catch_warnings():  # it says which backend it has found
        warnings.simplefilter("ignore")
        try:
            import supervision
        except ImportError:
            print("supervision is not installed: no peer for COCO and YOLO", file=sys.stderr)
            return found
    dataset = detections(supervision, training_set)
    return found | {
        "coco, by supervision": lambda folder: dataset.as_coco(
            annotations_path=str(folder / "annotations.json")
        ),
        "yolo, by supervision": lambda folder: dataset.as_yolo(
            annotations_directory_path=str(folder / "labels"),
            data_yaml_path=str(folder / "data.yaml"),
        ),
    }


def detections(supervision: Any, training_set: TrainingSet) -> Any:
    """The training set as supervision holds one; it asks the images for their sizes only."""
    rows = training_set.instances
    boxes = training_set.boxes(rows)
    blank = np.zeros((SIZE, SIZE, 3), np.uint8)
    own = [rows["micrograph"] == i for i in range(MICROGRAPHS)]
    names = [m.name for m in training_set.micrographs]
    with warnings.catch_warnings():  # images in memory are deprecated, files would be slower
        warnings.simplefilter("ignore")
        return supervision.DetectionDataset(
            classes=[label.name for label in training_set.labels],
            images=dict.fromkeys(names, blank),
            annotations={
                name: supervision.Detections(xyxy=boxes[mine], class_id=rows["label"][mine])
                for name, mine in zip(names, own, strict=True)
            },
        )


def report(taken: dict[str, list[float]]) -> None:
    """Print what was measured, and the targets beside it."""
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores;"
        f" {MICROGRAPHS} micrographs, {INSTANCES} instances"
    )
    print(f"{'':<22} runs  median s     min     max")
    for name, seconds in taken.items():
        middle = statistics.median(seconds)
        print(
            f"{name:<22} {len(seconds):>4} {middle:>9.3f} {min(seconds):>7.3f} {max(seconds):>7.3f}"
        )
    for name, target in TARGETS.items():
        middle = statistics.median(taken[name])
        met = "met   " if middle <= target else "MISSED"
        print(f"{met} {name} in {middle:.3f} s (target: {target:g} s)")


if __name__ == "__main__":
    main()
