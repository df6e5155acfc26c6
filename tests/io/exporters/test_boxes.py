"""YOLO and Pascal VOC: by their definitions, and as supervision reads them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from k2c_gui.core.model import TrainingSet, no_progress
from k2c_gui.core.names import stems
from k2c_gui.io import micrographs
from k2c_gui.io.exporters import voc, yolo


@pytest.fixture(scope="module")
def supervision() -> ModuleType:
    with warnings.catch_warnings():  # it says which backend it has found
        warnings.simplefilter("ignore")
        module: ModuleType = pytest.importorskip(
            "supervision", reason="heavy: installed by the extra `formats` alone"
        )
    return module


def expected(training_set: TrainingSet, i: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    found = training_set.labelled
    return training_set.boxes(found[found["micrograph"] == i])


def test_yolo_lines_are_the_boxes_in_shares_of_the_image(
    training_set: TrainingSet, tmp_path: Path
) -> None:
    yolo.write(training_set, tmp_path, no_progress)
    folders = ("train", "val", "test", "train")
    for i, (stem, folder) in enumerate(zip(stems(training_set.micrographs), folders, strict=True)):
        lines = (tmp_path / "labels" / folder / f"{stem}.txt").read_text().splitlines()
        table = np.array([line.split() for line in lines], float).reshape(-1, 5)
        assert ((table[:, 1:] >= 0) & (table[:, 1:] <= 1)).all()
        middle, size = table[:, 1:3], table[:, 3:]
        edges = np.hstack([middle - size / 2, middle + size / 2])
        whole = [training_set.micrographs[i].width, training_set.micrographs[i].height] * 2
        np.testing.assert_allclose(edges * whole, expected(training_set, i), atol=1e-3)
        if i == 0:
            assert table[:, 0].tolist() == [0, 1, 0, 2, 0, 1, 1]


def test_yolo_says_where_images_and_what_classes_are(
    with_pixels: TrainingSet, tmp_path: Path
) -> None:
    yolo.write(with_pixels, tmp_path, no_progress)
    lines = (tmp_path / "data.yaml").read_text("utf-8").splitlines()
    assert lines[0] == "# Box: 20 px, as given"
    assert "percentiles 0.5 and 99.5" in lines[1]
    assert lines[2:] == [
        *("train: images/train", "val: images/val", "test: images/test", "names:"),
        *('  0: "Nanoparticle"', '  1: "-Cluster"', '  2: "Rod, long/thin"'),
    ]
    for folder, count in {"train": 2, "val": 1, "test": 1}.items():
        images = {path.stem for path in (tmp_path / "images" / folder).glob("*.png")}
        labels = {path.stem for path in (tmp_path / "labels" / folder).glob("*.txt")}
        assert images == labels
        assert len(images) == count


def test_both_folders_that_the_trainer_asks_for_are_there(
    training_set: TrainingSet, tmp_path: Path
) -> None:
    from dataclasses import replace

    yolo.write(replace(training_set, split=("test",) * 4), tmp_path, no_progress)
    assert "val: images/val" in (tmp_path / "data.yaml").read_text("utf-8")
    assert (tmp_path / "images" / "train").is_dir()
    assert (tmp_path / "images" / "val").is_dir()


def test_images_are_bytes_of_the_same_shape(with_pixels: TrainingSet, tmp_path: Path) -> None:
    yolo.write(with_pixels, tmp_path, no_progress)
    assert with_pixels.pixels is not None
    stem = stems(with_pixels.micrographs)[0]
    picture = micrographs.read(tmp_path / "images" / "train" / f"{stem}.png")
    source = with_pixels.pixels(0)
    assert picture.dtype == np.uint8
    assert picture.shape == (80, 100)
    assert (picture[source <= np.percentile(source, 0.5)] == 0).all()
    assert (picture[source >= np.percentile(source, 99.5)] == 255).all()
    order = np.argsort(source.ravel())
    assert (np.diff(picture.ravel()[order].astype(int)) >= 0).all()


def test_voc_boxes_are_the_pixels_touched_counted_from_1(
    training_set: TrainingSet, tmp_path: Path
) -> None:
    voc.write(training_set, tmp_path, no_progress)
    for i, stem in enumerate(stems(training_set.micrographs)):
        root = ET.parse(tmp_path / "Annotations" / f"{stem}.xml").getroot()  # noqa: S314 our own
        micrograph = training_set.micrographs[i]
        assert root.findtext("filename") == micrograph.name
        assert int(root.findtext("size/width") or 0) == micrograph.width
        assert int(root.findtext("size/height") or 0) == micrograph.height

        def values(path: str, root: ET.Element = root) -> list[float]:
            return [float(one.text or "nan") for one in root.iterfind(path)]

        keys = ("xmin", "ymin", "xmax", "ymax")
        table = np.array([values(f"object/bndbox/{key}") for key in keys]).T.reshape(-1, 4)
        edges = expected(training_set, i)
        assert (table == table.round()).all()
        assert (table[:, :2] >= 1).all()
        assert (table[:, 2:] <= [micrograph.width, micrograph.height]).all()
        low, high = edges[:, :2] - (table[:, :2] - 1), table[:, 2:] - edges[:, 2:]
        for gap in (low, high):
            assert ((gap >= 0) & (gap < 1)).all()
        mine = training_set.labelled[training_set.labelled["micrograph"] == i]
        np.testing.assert_allclose(values("object/point/x"), mine["x"] + 0.5, atol=1e-3)
        np.testing.assert_allclose(values("object/point/y"), mine["y"] + 0.5, atol=1e-3)
        if i == 0:
            assert values("object/truncated") == [1, 1, 1, 0, 0, 1, 1]
            assert values("object/difficult") == [0, 0, 0, 1, 0, 0, 0]
            assert {one.text for one in root.iterfind("object/name")} == {
                *("Nanoparticle", "_-Cluster", "Rod__long_thin")
            }


def test_voc_splits_name_every_micrograph_once(training_set: TrainingSet, tmp_path: Path) -> None:
    voc.write(training_set, tmp_path, no_progress)
    names = stems(training_set.micrographs)
    sets = {
        name: (tmp_path / "ImageSets" / "Main" / f"{name}.txt").read_text("utf-8").splitlines()
        for name in ("train", "val", "test")
    }
    assert sets == {"train": [names[0], names[3]], "val": [names[1]], "test": [names[2]]}


def _yolo(module: Any, folder: Path, kind: str) -> Any:
    return module.DetectionDataset.from_yolo(
        images_directory_path=str(folder / "images" / kind),
        annotations_directory_path=str(folder / "labels" / kind),
        data_yaml_path=str(folder / "data.yaml"),
    )


def _voc(module: Any, folder: Path, kind: str) -> Any:
    return module.DetectionDataset.from_pascal_voc(
        images_directory_path=str(folder / "JPEGImages"),
        annotations_directory_path=str(folder / "Annotations"),
    )


@pytest.mark.parametrize(("exporter", "load", "tolerance"), [(yolo, _yolo, 1e-3), (voc, _voc, 1.0)])
def test_supervision_reads_the_same_boxes(
    exporter: Any,
    load: Callable[[Any, Path, str], Any],
    tolerance: float,
    supervision: ModuleType,
    with_pixels: TrainingSet,
    tmp_path: Path,
) -> None:
    exporter.write(with_pixels, tmp_path, no_progress)
    for i, kind in ((0, "train"), (1, "val")):
        dataset = load(supervision, tmp_path, kind)
        stem = stems(with_pixels.micrographs)[i]
        found = {Path(path).stem: boxes for path, boxes in dataset.annotations.items()}[stem]
        np.testing.assert_allclose(found.xyxy, expected(with_pixels, i), atol=tolerance)
        mine = with_pixels.labelled[with_pixels.labelled["micrograph"] == i]
        alike = {"_-Cluster": "-Cluster", "Rod__long_thin": "Rod, long/thin"}
        names = [dataset.classes[place] for place in found.class_id]
        words = {label.value: label.name for label in with_pixels.labels}
        assert [alike.get(n, n) for n in names] == [words[v] for v in mine["label"].tolist()]
