"""COCO as its own reader reads it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from k2c_gui.core.model import TrainingSet, no_progress
from k2c_gui.io.exporters import coco
from k2c_gui.io.micrographs import inspect


@pytest.fixture
def read(training_set: TrainingSet, tmp_path: Path) -> COCO:
    assert coco.write(training_set, tmp_path, no_progress) == (
        "annotations/train.json",
        "annotations/validation.json",
        "annotations/test.json",
    )
    return COCO(str(tmp_path / "annotations" / "train.json"))


def test_categories_are_the_labels_in_use(read: COCO) -> None:
    found = {c["id"]: c["name"] for c in read.loadCats(read.getCatIds())}
    assert found == {1: "Nanoparticle", 2: "-Cluster", 8: "Rod, long/thin"}


def test_images_are_named_and_measured(read: COCO, tmp_path: Path) -> None:
    first, second = read.loadImgs(read.getImgIds())
    assert (first["file_name"], first["width"], first["height"]) == ("=1+1.tif", 100, 80)
    assert (second["file_name"], second["width"], second["height"]) == ("Empty One.tif", 40, 30)
    (other,) = COCO(str(tmp_path / "annotations" / "validation.json")).imgs.values()
    assert other["file_name"] == 'ü, "b".MRC'


def test_boxes_are_cut_at_the_border_and_keypoints_are_not_moved(read: COCO) -> None:
    found = read.loadAnns(read.getAnnIds())
    assert [a["bbox"] for a in found] == [
        [0, 0, 11, 12],
        [89.25, 0, 10.75, 13],
        [40, 0, 20, 10.5],
        [44.124, 34.5, 12, 12],
        [42, 34, 20, 20],
        [0, 69.5, 10.25, 10.5],
        [89.5, 69.9, 10.5, 10.1],
    ]
    assert [a["keypoints"] for a in found] == [
        [1, 2, 2],
        [99.25, 3, 2],
        [50, 0.5, 2],
        [50.124, 40.5, 2],
        [52, 44, 2],
        [0.25, 79.5, 2],
        [99.5, 79.9, 2],
    ]
    assert [a["area"] for a in found[:3]] == pytest.approx([132, 139.75, 210])
    assert [a["category_id"] for a in found] == [1, 2, 1, 8, 1, 2, 2]
    assert [a["num_keypoints"] for a in found] == [1] * 7
    assert [a["attributes"]["instance"] for a in found] == list(range(1, 8))
    assert found[3]["attributes"]["ambiguous"] is True
    assert found[6]["attributes"]["support"] is None


def test_annotations_are_found_by_image_and_category(read: COCO, tmp_path: Path) -> None:
    first, empty = read.getImgIds()
    assert len(read.getAnnIds(imgIds=[first])) == 7
    assert read.getAnnIds(imgIds=[empty]) == []
    assert len(read.getAnnIds(catIds=[2])) == 3
    other = COCO(str(tmp_path / "annotations" / "validation.json"))
    assert not set(read.getAnnIds()) & set(other.getAnnIds())
    assert len(other.getAnnIds()) == 2, "not the one without a hard label"


def test_its_own_evaluation_finds_it_perfect(read: COCO) -> None:
    found = [
        {key: a[key] for key in ("image_id", "category_id", "bbox")} | {"score": 1.0}
        for a in read.loadAnns(read.getAnnIds())
    ]
    judge = COCOeval(read, read.loadRes(found), "bbox")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    assert judge.stats[0] == pytest.approx(1)


def test_with_images_each_is_found_by_its_name(with_pixels: TrainingSet, tmp_path: Path) -> None:
    coco.write(with_pixels, tmp_path, no_progress)
    for split in ("train", "validation", "test"):
        for image in COCO(str(tmp_path / "annotations" / f"{split}.json")).imgs.values():
            info = inspect(tmp_path / image["file_name"])
            assert (info.width, info.height) == (image["width"], image["height"])


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    places=st.lists(st.tuples(st.floats(0, 100), st.floats(0, 80)), min_size=1, max_size=20),
    side=st.floats(0.5, 300),
)
def test_boxes_hold_their_centroid_and_stay_inside(
    training_set: TrainingSet,
    tmp_path_factory: pytest.TempPathFactory,
    places: list[tuple[float, float]],
    side: float,
) -> None:
    folder = tmp_path_factory.mktemp("coco")
    instances = np.repeat(training_set.instances[:1], len(places))
    instances["x"], instances["y"] = np.transpose(places)
    coco.write(
        replace(training_set, instances=instances, box_px=np.full(4, side)), folder, no_progress
    )
    document: dict[str, Any] = json.loads((folder / "annotations/train.json").read_text("utf-8"))
    for annotation, (x, y) in zip(document["annotations"], places, strict=True):
        left, top, width, height = annotation["bbox"]
        assert 0 <= left <= x + 0.001
        assert 0 <= top <= y + 0.001
        assert x - 0.002 <= left + width <= 100.002
        assert y - 0.002 <= top + height <= 80.002
        assert min(width, height) >= min(side / 2, 80) - 0.002
        assert max(width, height) <= side + 0.002
