"""Masks, heat maps, crops and the Hugging Face layout, pixel by pixel."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from k2c_gui.core.model import NO_LABEL, K2CError, Label, TrainingSet, no_progress
from k2c_gui.core.names import stems
from k2c_gui.io import micrographs
from k2c_gui.io.exporters import crops, heatmaps, huggingface, masks
from k2c_gui.io.pictures import eight_bit


def pages(training_set: TrainingSet, folder: Path, i: int) -> Any:
    name = f"{training_set.split[i]}/{stems(training_set.micrographs)[i]}.tif"
    return tifffile.imread(folder / name)


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_mask_is_the_discs_by_brute_force(training_set: TrainingSet, tmp_path: Path) -> None:
    masks.write(training_set, tmp_path, no_progress)
    place = {0: 1, 1: 2, 7: 3, NO_LABEL: 255}
    for i, micrograph in enumerate(training_set.micrographs):
        semantic = pages(training_set, tmp_path / "semantic", i)
        instance = pages(training_set, tmp_path / "instance", i)
        rows = training_set.instances[training_set.instances["micrograph"] == i]
        down, across = np.mgrid[: micrograph.height, : micrograph.width] + 0.5
        apart = np.array([np.hypot(across - row["x"], down - row["y"]) for row in rows])
        apart = apart.reshape(-1, *down.shape)
        radii = training_set.sides(rows)[:, None, None] / 2
        apart[apart > radii] = np.inf
        values = [place[label] for label in rows["label"].tolist()]
        nearest = np.array([0, *values])
        expected = np.zeros(down.shape, int)
        if len(rows):
            expected = np.where(np.isinf(apart.min(axis=0)), 0, apart.argmin(axis=0) + 1)
        np.testing.assert_array_equal(semantic, nearest[expected])
        assert semantic.dtype == np.uint8
        assert instance.dtype == np.uint16
        hard = (rows["label"] != NO_LABEL).tolist()
        numbers = np.array([0, *np.where(hard, np.cumsum(hard), 0).tolist()])
        np.testing.assert_array_equal(instance, numbers[expected])


def test_numbers_of_a_mask_are_told(training_set: TrainingSet, tmp_path: Path) -> None:
    masks.write(training_set, tmp_path, no_progress)
    legend = {row["value"]: row["label"] for row in read_csv(tmp_path / "labels.csv")}
    assert legend == {"1": "0", "2": "1", "3": "7"}
    for i, stem in enumerate(stems(training_set.micrographs)):
        name = f"{training_set.split[i]}/{stem}.tif"
        listed = [row for row in read_csv(tmp_path / "instances.csv") if row["mask"] == name]
        mine = training_set.labelled[training_set.labelled["micrograph"] == i]
        assert [int(row["instance"]) for row in listed] == mine["instance"].tolist()
        plane = pages(training_set, tmp_path / "instance", i)
        assert set(np.unique(plane)) - {0} == {int(row["value"]) for row in listed}


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(x=st.floats(0, 100), y=st.floats(0, 80), side=st.floats(0.01, 300))
def test_every_instance_has_a_pixel_however_small_or_near_the_edge(
    training_set: TrainingSet,
    tmp_path_factory: pytest.TempPathFactory,
    x: float,
    y: float,
    side: float,
) -> None:
    folder = tmp_path_factory.mktemp("masks")
    table = training_set.instances[:1].copy()
    table["x"], table["y"], table["radius"] = x, y, side / 2
    masks.write(replace(training_set, instances=table), folder, no_progress)
    plane = pages(training_set, folder / "instance", 0)
    assert plane[min(int(y), 79), min(int(x), 99)] == 1
    down, across = np.nonzero(plane)
    assert (np.hypot(across + 0.5 - x, down + 0.5 - y) <= max(side / 2, 0.7072)).all()


def test_more_labels_than_a_byte_are_told(training_set: TrainingSet, tmp_path: Path) -> None:
    labels = tuple(Label(value, f"kind {value}", use=True) for value in range(255))
    with pytest.raises(K2CError, match="255 labels are more than the 254 of a mask"):
        masks.write(replace(training_set, labels=labels), tmp_path, no_progress)


def test_heat_maps_peak_at_the_centroids(training_set: TrainingSet, tmp_path: Path) -> None:
    heatmaps.write(training_set, tmp_path, no_progress)
    used = [row["label"] for row in read_csv(tmp_path / "labels.csv")]
    assert used == ["0", "1", "7"]
    column = [0, 1, 3]
    for i, micrograph in enumerate(training_set.micrographs):
        found = pages(training_set, tmp_path / "maps", i)
        assert found.dtype == np.float32
        assert found.shape == (3, micrograph.height, micrograph.width)
        down, across = np.mgrid[: micrograph.height, : micrograph.width] + 0.5
        expected = np.zeros(found.shape)
        rows = training_set.instances[training_set.instances["micrograph"] == i]
        for row, side in zip(rows, training_set.sides(rows), strict=True):
            apart = np.hypot(across - row["x"], down - row["y"])
            bump = np.exp(-0.5 * (apart / (side / 6)) ** 2) * (apart <= side / 2)
            for page, label in enumerate((0, 1, 7)):
                soft = float(row["soft"][column[page]])
                height = soft if row["label"] == NO_LABEL else float(row["label"] == label)
                expected[page] = np.maximum(expected[page], height * bump)
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_tiffs_have_no_date_and_no_name_of_a_program(
    training_set: TrainingSet, tmp_path: Path
) -> None:
    heatmaps.write(training_set, tmp_path, no_progress)
    masks.write(training_set, tmp_path, no_progress)
    for path in tmp_path.rglob("*.tif"):
        with tifffile.TiffFile(path) as file:
            for page in file.pages:
                assert isinstance(page, tifffile.TiffPage)
                assert {"DateTime", "Software", "ImageDescription"}.isdisjoint(
                    tag.name for tag in page.tags
                )


def test_crops_show_the_centroid_in_their_middle(with_pixels: TrainingSet, tmp_path: Path) -> None:
    crops.write(with_pixels, tmp_path, no_progress)
    assert with_pixels.pixels is not None
    found = {}
    for split in ("train", "validation"):
        text = (tmp_path / split / "metadata.jsonl").read_text("utf-8")
        for line in text.splitlines():
            record = json.loads(line)
            found[record["instance"]] = (tmp_path / split / record["file_name"], record)
    table = np.concatenate([with_pixels.instances, with_pixels.negatives])
    assert sorted(found) == table["instance"].tolist()
    for row, side in zip(table, with_pixels.sides(table), strict=True):
        path, record = found[row["instance"]]
        crop = micrographs.read(path)
        assert crop.shape == (round(side), round(side))
        picture = eight_bit(with_pixels.pixels(row["micrograph"]))
        # the corner of the crop, in px of the micrograph
        left, top = (round(float(row[axis]) - crop.shape[0] / 2) for axis in ("x", "y"))
        middle = np.array([left, top]) + crop.shape[0] / 2
        assert (abs(middle - [row["x"], row["y"]]) <= 0.5).all()
        for down in range(crop.shape[0]):
            for across in range(crop.shape[1]):
                y, x = top + down, left + across
                inside = 0 <= y < picture.shape[0] and 0 <= x < picture.shape[1]
                assert crop[down, across] == (picture[y, x] if inside else int(np.median(picture)))
        assert (record["x_px"], record["y_px"]) == (round(row["x"], 3), round(row["y"], 3))


def test_crops_are_sorted_by_label_and_negatives_are_told(
    with_pixels: TrainingSet, tmp_path: Path
) -> None:
    crops.write(with_pixels, tmp_path, no_progress)
    folders = {path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png")}
    assert folders == {
        *("train/Nanoparticle", "train/_-Cluster", "train/Rod__long_thin", "train/Artifact"),
        *("validation/_-Cluster", "validation/Nanoparticle", "validation/soft-label-only"),
        "validation/rejected",
    }
    lines = (tmp_path / "validation" / "metadata.jsonl").read_text("utf-8").splitlines()
    negative = {record["instance"]: record["negative"] for record in map(json.loads, lines)}
    assert negative == {8: False, 9: False, 10: False, 12: True}


@pytest.mark.parametrize("exporter", [crops, huggingface])
def test_types_of_the_metadata_are_alike_in_all_splits(
    exporter: Any, with_pixels: TrainingSet, tmp_path: Path
) -> None:
    from pyarrow import json as arrow

    exporter.write(with_pixels, tmp_path, no_progress)
    schemas = [
        arrow.read_json(tmp_path / split / "metadata.jsonl").schema
        for split in ("train", "validation")
    ]
    assert schemas[0].equals(schemas[1])
    assert "null" not in str(schemas[0])


def test_hugging_face_has_the_boxes_beside_the_images(
    with_pixels: TrainingSet, tmp_path: Path
) -> None:
    huggingface.write(with_pixels, tmp_path, no_progress)
    names = stems(with_pixels.micrographs)
    for i, split in enumerate(with_pixels.split):
        text = (tmp_path / split / "metadata.jsonl").read_text("utf-8")
        records = {record["file_name"]: record for record in map(json.loads, text.splitlines())}
        record = records[f"{names[i]}.png"]
        info = micrographs.inspect(tmp_path / split / record["file_name"])
        micrograph = with_pixels.micrographs[i]
        assert (info.width, info.height) == (micrograph.width, micrograph.height)
        objects = record["objects"]
        mine = with_pixels.labelled[with_pixels.labelled["micrograph"] == i]
        boxes = np.array(objects["bbox"]).reshape(-1, 4)
        edges = np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
        np.testing.assert_allclose(edges, with_pixels.boxes(mine), atol=1e-3)
        points = np.array(objects["centroid"]).reshape(-1, 2)
        np.testing.assert_allclose(points, np.column_stack([mine["x"], mine["y"]]), atol=1e-3)
        assert objects["id"] == mine["instance"].tolist()
        assert objects["categories"] == [{0: 0, 1: 1, 7: 2}[v] for v in mine["label"].tolist()]


def test_the_card_names_the_splits_that_are_there(with_pixels: TrainingSet, tmp_path: Path) -> None:
    only = replace(with_pixels, split=("train", "validation", "train", "train"))
    huggingface.write(only, tmp_path, no_progress)
    text = (tmp_path / "README.md").read_text("utf-8")
    assert text.split("---\n")[1].splitlines() == [
        *("task_categories:", "- object-detection", "configs:", "- config_name: default"),
        *("  data_files:", "  - split: train", "    path: train/**"),
        *("  - split: validation", "    path: validation/**"),
    ]
    huggingface.write(with_pixels, tmp_path, no_progress)
    text = (tmp_path / "README.md").read_text("utf-8")
    assert "split: test" not in text
    assert "No instance is in the split test" in text
    assert "| 2 | 7 | Rod, long/thin |" in text


@pytest.mark.parametrize("dtype", ["i2", "u2", "u4", "f4", "f8", ">u2"])
def test_contrast_is_that_of_the_percentiles(dtype: str) -> None:
    pixels = (np.arange(20_000).reshape(100, 200) - 3000).astype(dtype)
    found = eight_bit(pixels)
    low, high = np.percentile(pixels, [0.5, 99.5])
    expected = np.clip((pixels.astype(float) - low) / (high - low), 0, 1) * 255
    assert found.dtype == np.uint8
    np.testing.assert_allclose(found, expected, atol=0.51)


def test_contrast_bears_what_is_no_number() -> None:
    pixels = np.linspace(0, 1, 2000, dtype=np.float32).reshape(40, 50)
    pixels[0, :3] = np.nan, np.inf, -np.inf
    assert eight_bit(pixels)[0, :3].tolist() == [0, 255, 0]
    assert (eight_bit(np.full((3, 4), np.nan)) == 0).all()
    assert (eight_bit(np.full((3, 4), 7, np.uint16)) == 0).all()


def test_bytes_stay_as_they_are() -> None:
    pixels = np.arange(100, 160, dtype=np.uint8).reshape(6, 10)
    np.testing.assert_array_equal(eight_bit(pixels), pixels)
