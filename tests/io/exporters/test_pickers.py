"""Particle pickers: what their readers make of the files is where the instances are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import starfile

from k2c_gui.core.model import Floats, Micrograph, TrainingSet, no_progress
from k2c_gui.core.names import stems
from k2c_gui.io.exporters import cryolo, eman2, star, topaz

Centroids = dict[int, Floats]
FOLDERS = {"Nanoparticle": 0, "_-Cluster": 1, "Rod__long_thin": 7}


def shown(micrograph: Micrograph, xy: Floats) -> Floats:
    """Places in a picture whose first row is at the bottom where it is MRC, else at the top.

    As crYOLO and EMAN2 show it, in px from the lower left corner, y upwards.
    """
    mrc = micrograph.name.lower().endswith(".mrc")
    return np.column_stack([xy[:, 0], xy[:, 1] if mrc else micrograph.height - xy[:, 1]])


def as_set(xy: Floats) -> Floats:
    """Rows in an order of their own, since a format may sort by label."""
    return xy[np.lexsort((xy[:, 1], xy[:, 0]))]


def test_relion_reads_the_middles_of_the_boxes(
    training_set: TrainingSet, centroids: Centroids, tmp_path: Path
) -> None:
    star.write(training_set, tmp_path, no_progress)
    blocks = starfile.read(tmp_path / "particles.star")
    particles, optics = blocks["particles"], blocks["optics"]
    assert list(blocks) == ["optics", "particles"]
    names = dict.fromkeys(particles["rlnMicrographName"])
    assert list(names) == ["_1_1.tif", "ü___b_.MRC"]
    for i, name in enumerate(names):
        mine = particles[particles["rlnMicrographName"] == name]
        xy = mine[["rlnCoordinateX", "rlnCoordinateY"]].to_numpy() + 0.5
        np.testing.assert_allclose(xy, centroids[i], atol=1e-3)
        size = training_set.micrographs[i].pixel_size_nm
        group = optics.set_index("rlnOpticsGroup").loc[mine["rlnOpticsGroup"].unique()]
        expected = [np.nan if size is None else 10 * size]
        np.testing.assert_allclose(group["rlnMicrographPixelSize"], expected)
    table = training_set.labelled
    assert particles["rlnClassNumber"].tolist() == (table["label"] + 1).tolist()
    support = np.where(np.isnan(table["support"]), -999, table["support"])
    np.testing.assert_allclose(particles["rlnAutopickFigureOfMerit"], support, atol=1e-4)


def test_names_that_look_like_a_part_of_a_star_file_are_read(
    training_set: TrainingSet, tmp_path: Path
) -> None:
    names = ("data_001.mrc", "loop_.mrc", "_rlnX.mrc", "data_002.mrc")
    micrographs = tuple(
        replace(m, name=name) for m, name in zip(training_set.micrographs, names, strict=True)
    )
    star.write(replace(training_set, micrographs=micrographs), tmp_path, no_progress)
    particles = starfile.read(tmp_path / "particles.star")["particles"]
    assert len(particles) == len(training_set.labelled)
    assert set(particles["rlnMicrographName"]) == set(names[:2])


def test_star_says_what_a_class_is_and_not_when_it_was_written(
    training_set: TrainingSet, tmp_path: Path
) -> None:
    star.write(training_set, tmp_path, no_progress)
    head = (tmp_path / "particles.star").read_text("utf-8").partition("data_optics")[0]
    assert head.split("\n") == [
        *("# version 30001", "", "# class 1: Nanoparticle", "# class 2: _-Cluster"),
        *("# class 3: Artifact", "# class 8: Rod__long_thin", "", ""),
    ]


@pytest.mark.parametrize("kind", ["box", "cbox"])
def test_cryolo_reads_the_same_boxes(
    training_set: TrainingSet, centroids: Centroids, tmp_path: Path, kind: str
) -> None:
    cryolo.write(training_set, tmp_path, no_progress)
    for i, (stem, split) in enumerate(
        zip(stems(training_set.micrographs), training_set.split, strict=True)
    ):
        found = []
        for folder, label in FOLDERS.items():
            path = tmp_path / folder / kind / split / f"{stem}.{kind}"
            if kind == "box":
                table = np.array([line.split("\t") for line in path.read_text().splitlines()])
                boxes = table.reshape(-1, 4).astype(float)
            else:
                blocks = starfile.read(path, always_dict=True)
                assert blocks["global"]["cbox_format_version"] in (1.0, "1.0")
                assert list(blocks) == ["global", "cryolo", "cryolo_include"]
                columns = ["CoordinateX", "CoordinateY", "Width", "Height"]
                boxes = blocks["cryolo"][columns].to_numpy(float).reshape(-1, 4)
            mine = training_set.labelled
            mine = mine[(mine["micrograph"] == i) & (mine["label"] == label)]
            np.testing.assert_allclose(boxes[:, 2], training_set.sides(mine), atol=1e-3)
            np.testing.assert_allclose(boxes[:, 3], boxes[:, 2])
            found.append(boxes[:, :2] + boxes[:, 2:] / 2)
        expected = shown(training_set.micrographs[i], centroids[i])
        np.testing.assert_allclose(as_set(np.vstack(found)), as_set(expected), atol=1e-3)


@pytest.mark.parametrize("name", ["a.mrc", "a.MRC", "a.tif", "a.png"])
def test_the_pixel_that_a_picker_looks_at_is_the_right_one(
    training_set: TrainingSet, tmp_path: Path, name: str
) -> None:
    picture = np.zeros((80, 100))
    picture[12, 34] = 1  # x 34..35, y 12..13
    table = training_set.instances[:1].copy()
    table["x"], table["y"] = 34.5, 12.5
    first = replace(training_set.micrographs[0], name=name)
    one = replace(training_set, micrographs=(first, *training_set.micrographs[1:]), instances=table)
    for exporter in (cryolo, eman2):
        (tmp_path / exporter.__name__).mkdir()
        exporter.write(one, tmp_path / exporter.__name__, no_progress)
    is_mrc = name.lower().endswith(".mrc")

    # crYOLO turns MRC over when it loads it, and then counts boxes from the bottom row
    loaded = np.flipud(picture) if is_mrc else picture
    path = tmp_path / cryolo.__name__ / "Nanoparticle" / "box" / "train" / "a.box"
    x, y, width, height = map(float, path.read_text().split())
    top = len(loaded) - (y + height)
    assert loaded[int(top + height / 2), int(x + width / 2)] == 1

    # the rows of EMAN2 count from the bottom; it turns over all but MRC when it loads them
    loaded = picture if is_mrc else np.flipud(picture)
    path = tmp_path / eman2.__name__ / "Nanoparticle" / "info" / "a_info.json"
    ((x, y, _),) = json.loads(path.read_text())["boxes"]
    assert loaded[round(y), round(x)] == 1


def test_cbox_has_confidences_and_no_depth(training_set: TrainingSet, tmp_path: Path) -> None:
    cryolo.write(training_set, tmp_path, no_progress)
    stem = stems(training_set.micrographs)[0]
    path = tmp_path / "_-Cluster" / "cbox" / "train" / f"{stem}.cbox"
    table = starfile.read(path)["cryolo"]
    assert table["Confidence"].tolist() == [0.25, 0.25, 1.0]
    assert table["CoordinateZ"].isna().all()


def test_topaz_reads_the_pixels_that_hold_the_centroids(
    training_set: TrainingSet, centroids: Centroids, tmp_path: Path
) -> None:
    topaz.write(training_set, tmp_path, no_progress)
    tables = [
        pd.read_csv(tmp_path / folder / f"{split}.txt", sep="\t")
        for folder in FOLDERS
        for split in ("train", "validation", "test")
    ]
    assert all(list(table) == ["image_name", "x_coord", "y_coord"] for table in tables)
    found = pd.concat([table for table in tables if len(table)])
    names = stems(training_set.micrographs)
    assert set(found["image_name"]) == set(names[:2])
    for i in (0, 1):
        pixel = found[found["image_name"] == names[i]][["x_coord", "y_coord"]].to_numpy()
        np.testing.assert_array_equal(as_set(pixel), as_set(np.floor(centroids[i])))


def test_a_centroid_on_the_far_edge_is_in_the_last_pixel(
    training_set: TrainingSet, tmp_path: Path
) -> None:
    table = training_set.instances[:1].copy()
    table["x"], table["y"] = 100, 80
    topaz.write(replace(training_set, instances=table), tmp_path, no_progress)
    lines = (tmp_path / "Nanoparticle" / "train.txt").read_text("utf-8").splitlines()
    assert lines[1].split("\t")[1:] == ["99", "79"]


def test_eman2_reads_the_middles_of_the_boxes(
    training_set: TrainingSet, centroids: Centroids, tmp_path: Path
) -> None:
    eman2.write(training_set, tmp_path, no_progress)
    for i, stem in enumerate(stems(training_set.micrographs)):
        found = []
        for folder in FOLDERS:
            path = tmp_path / folder / "info" / f"{stem}_info.json"
            found += json.loads(path.read_text("utf-8"))["boxes"]
        assert {box[2] for box in found} <= {"manual"}
        xy = np.array([box[:2] for box in found], float).reshape(-1, 2) + 0.5
        expected = shown(training_set.micrographs[i], centroids[i])
        np.testing.assert_allclose(as_set(xy), as_set(expected), atol=1e-3)


def test_topaz_is_not_given_names_that_are_numbers(
    training_set: TrainingSet, tmp_path: Path
) -> None:
    names = ("001.mrc", "1e5.tif", "micrograph_001.tif")
    given = training_set.micrographs
    micrographs = tuple(replace(m, name=n) for m, n in zip(given, names, strict=False))
    topaz.write(
        replace(training_set, micrographs=(*micrographs, *given[3:])), tmp_path, no_progress
    )
    table = pd.read_csv(tmp_path / "Nanoparticle" / "train.txt", sep="\t")
    assert set(table["image_name"]) <= {"micrograph_001", "micrograph_1e5", "micrograph_001_2"}
    told = pd.read_csv(tmp_path / "names.csv").set_index("name")["written"].to_dict()
    assert told["001.mrc"] == "micrograph_001.mrc"
    assert told["1e5.tif"] == "micrograph_1e5.tif"


def test_star_keeps_the_ending_of_a_long_name(training_set: TrainingSet, tmp_path: Path) -> None:
    first, *others = training_set.micrographs
    long = replace(first, name=f"{'x' * 170}.mrc")
    star.write(replace(training_set, micrographs=(long, *others)), tmp_path, no_progress)
    found = starfile.read(tmp_path / "particles.star")["particles"]["rlnMicrographName"]
    assert f"{'x' * 116}.mrc" in set(found)
