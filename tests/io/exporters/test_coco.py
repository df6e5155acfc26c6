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

from k2c_gui.core.model import TrainingSet
from k2c_gui.io.exporters import coco


@pytest.fixture
def read(training_set: TrainingSet, tmp_path: Path) -> COCO:
    (name,) = coco.write(training_set, tmp_path)
    return COCO(str(tmp_path / name))


def test_categories_are_the_labels_in_use(read: COCO) -> None:
    found = {c["id"]: c["name"] for c in read.loadCats(read.getCatIds())}
    assert found == {1: "Nanoparticle", 2: "-Cluster", 8: "Rod, long"}


def test_images_are_named_and_measured(read: COCO) -> None:
    first, second = read.loadImgs(read.getImgIds())
    assert (first["file_name"], first["width"], first["height"]) == ("=1+1.tif", 100, 80)
    assert second["file_name"] == 'ü, "b".tif'


def test_boxes_are_cut_at_the_border_and_keypoints_are_not_moved(read: COCO) -> None:
    found = read.loadAnns(read.getAnnIds())
    assert [a["bbox"] for a in found] == [
        [0, 0, 11, 12],
        [40.124, 30.5, 20, 20],
        [89.5, 69.9, 10.5, 10.1],
        [25.75, 26.75, 12.5, 12.5],
    ]
    assert [a["keypoints"] for a in found] == [
        [1, 2, 2],
        [50.124, 40.5, 2],
        [99.5, 79.9, 2],
        [32, 33, 2],
    ]
    assert [a["area"] for a in found] == pytest.approx([132, 400, 106.05, 156.25])
    assert [a["category_id"] for a in found] == [1, 8, 2, 2]
    assert [a["num_keypoints"] for a in found] == [1] * 4


def test_annotations_are_found_by_image_and_category(read: COCO) -> None:
    first, second = read.getImgIds()
    assert len(read.getAnnIds(imgIds=[first])) == 3
    assert len(read.getAnnIds(imgIds=[second])) == 1
    assert len(read.getAnnIds(catIds=[2])) == 2


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


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    places=st.lists(st.tuples(st.floats(0, 100), st.floats(0, 80)), min_size=1, max_size=20),
    side=st.floats(0.5, 300),
)
def test_boxes_hold_their_centroid_and_stay_inside(
    training_set: TrainingSet, tmp_path: Path, places: list[tuple[float, float]], side: float
) -> None:
    instances = np.repeat(training_set.instances[:1], len(places))
    instances["x"], instances["y"] = np.transpose(places)
    box_px = np.array([side, side])
    coco.write(replace(training_set, instances=instances, box_px=box_px), tmp_path)
    document: dict[str, Any] = json.loads((tmp_path / "annotations.json").read_text("utf-8"))
    for annotation, (x, y) in zip(document["annotations"], places, strict=True):
        left, top, width, height = annotation["bbox"]
        assert 0 <= left <= x + 0.001
        assert 0 <= top <= y + 0.001
        assert x - 0.002 <= left + width <= 100.002
        assert y - 0.002 <= top + height <= 80.002
        assert min(width, height) >= min(side / 2, 80) - 0.002
        assert max(width, height) <= side + 0.002
