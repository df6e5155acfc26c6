"""napari and ImageJ, read back."""

from __future__ import annotations

import csv
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import roifile

from k2c_gui.core.model import Floats, K2CError, TrainingSet, no_progress
from k2c_gui.core.names import stems
from k2c_gui.io.exporters import imagej, napari

Centroids = dict[int, Floats]


def test_napari_has_the_row_first_and_counts_from_the_middle_of_a_pixel(
    training_set: TrainingSet, tmp_path: Path
) -> None:
    napari.write(training_set, tmp_path, no_progress)
    tables = {"0": training_set.instances, "1": training_set.negatives}
    for i, stem in enumerate(stems(training_set.micrographs)):
        with (tmp_path / "points" / f"{stem}.csv").open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
        # napari's reader knows a points layer by these names
        assert list(reader.fieldnames or ())[:3] == ["index", "axis-0", "axis-1"]
        assert [int(row["index"]) for row in rows] == list(range(len(rows)))
        for negative, table in tables.items():
            mine = table[table["micrograph"] == i]
            found = [row for row in rows if row["negative"] == negative]
            places = np.array([(row["axis-1"], row["axis-0"]) for row in found], float)
            expected = np.column_stack([mine["x"], mine["y"]]) - 0.5
            np.testing.assert_allclose(places.reshape(-1, 2), expected, atol=1e-3)
            assert [int(row["label"]) for row in found] == mine["label"].tolist()
            assert [int(row["instance"]) for row in found] == mine["instance"].tolist()


def test_imagej_reads_the_points(
    training_set: TrainingSet, centroids: Centroids, tmp_path: Path
) -> None:
    files = imagej.write(training_set, tmp_path, no_progress)
    names = stems(training_set.micrographs)
    assert [name for name in files if name.endswith(".zip")] == [
        f"{names[0]}_RoiSet.zip",
        f"{names[1]}_RoiSet.zip",
    ]
    words = {label.value: label.name for label in training_set.labels}
    for i in (0, 1):
        rois = roifile.roiread(tmp_path / f"{names[i]}_RoiSet.zip")
        assert isinstance(rois, list)
        assert {roi.roitype for roi in rois} == {roifile.ROI_TYPE.POINT}
        # a whole number is the middle of a pixel
        places = np.vstack([roi.coordinates() for roi in rois]) + 0.5
        np.testing.assert_allclose(places, centroids[i], atol=1e-3)
        table = training_set.labelled[training_set.labelled["micrograph"] == i]
        expected = [
            f"{number} {words[label]}"
            for number, label in zip(table["instance"], table["label"], strict=True)
        ]
        assert [roi.name for roi in rois] == expected
        assert [roi.group for roi in rois] == [
            {0: 1, 1: 2, 7: 3}[v] for v in table["label"].tolist()
        ]
        for roi, (x, y) in zip(rois, centroids[i], strict=True):
            assert (roi.left, roi.top) == (np.floor(x - 0.5), np.floor(y - 0.5))
            assert (roi.right, roi.bottom) == (roi.left + 1, roi.top + 1)


def test_a_roi_has_the_bytes_that_roifile_writes(training_set: TrainingSet, tmp_path: Path) -> None:
    imagej.write(training_set, tmp_path, no_progress)
    path = tmp_path / f"{stems(training_set.micrographs)[0]}_RoiSet.zip"
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            stored = archive.read(name)
            assert roifile.ImagejRoi.frombytes(stored).tobytes() == stored


def test_a_zip_tells_neither_when_nor_where_it_was_written(
    training_set: TrainingSet, tmp_path: Path
) -> None:
    imagej.write(training_set, tmp_path, no_progress)
    for path in tmp_path.glob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                assert member.date_time == (1980, 1, 1, 0, 0, 0)
                assert member.create_system == 3


def test_a_micrograph_larger_than_a_roi_can_say_is_told(
    training_set: TrainingSet, tmp_path: Path
) -> None:
    large = replace(training_set.micrographs[0], width=40_000)
    with pytest.raises(K2CError, match=r"=1\+1.tif is larger than the 32767 px"):
        imagej.write(
            replace(training_set, micrographs=(large, *training_set.micrographs[1:])),
            tmp_path,
            no_progress,
        )
