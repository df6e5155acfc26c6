"""What holds of every format."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from k2c_gui.core.model import Cancelled, K2CError, Label, TrainingSet, no_progress
from k2c_gui.io import exporters

FORMATS = (
    *("coco", "crops", "cryolo", "csv", "eman2", "heatmaps", "huggingface", "imagej", "masks"),
    *("napari", "parquet", "star", "topaz", "voc", "yolo"),
)
TEXT = {".csv", ".json", ".jsonl", ".txt", ".star", ".box", ".cbox", ".xml", ".yaml", ".md"}
every = pytest.mark.parametrize("name", FORMATS)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def written(name: str, training_set: TrainingSet, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    named = exporters.load(name).write(training_set, folder, no_progress)
    found = contents(folder)
    assert sorted(named) == sorted(found), "what is named is what is there"
    return found


def test_every_format_is_known_by_its_file() -> None:
    assert exporters.names() == FORMATS
    assert len({exporters.load(name).NAME for name in FORMATS}) == len(FORMATS)


def test_an_unknown_format_is_told() -> None:
    with pytest.raises(K2CError, match=r"no format tiff.*coco, crops"):
        exporters.load("tiff")


@every
def test_the_same_set_gives_the_same_bytes(
    name: str, with_pixels: TrainingSet, tmp_path: Path
) -> None:
    first = written(name, with_pixels, tmp_path / "one")
    assert first
    assert first == written(name, with_pixels, tmp_path / "two")


@every
def test_files_are_legal_everywhere(name: str, with_pixels: TrainingSet, tmp_path: Path) -> None:
    found = written(name, with_pixels, tmp_path / "out")
    assert len({path.casefold() for path in found}) == len(found)
    for path in found:
        for part in path.split("/"):
            assert not re.search(r'[<>:"\\|?*\x00-\x1f]', part), path
            assert part == part.strip(" ."), path
    for path, data in found.items():
        if Path(path).suffix in TEXT:
            assert b"\r" not in data, path
            assert data.decode("utf-8").endswith("\n") or not data, path


@every
def test_what_the_session_calls_an_instance_stays_in_the_session(
    name: str, with_pixels: TrainingSet, tmp_path: Path
) -> None:
    for path, data in written(name, with_pixels, tmp_path / "out").items():
        assert b"secret" not in data, path
        assert b"/images/=1" not in data, path


@every
def test_what_is_counted_is_what_went_in(
    name: str, with_pixels: TrainingSet, tmp_path: Path
) -> None:
    written(name, with_pixels, tmp_path / "out")
    whole = {"csv", "parquet", "napari", "crops"}
    expected = len(with_pixels.instances if name in whole else with_pixels.labelled)
    assert len(with_pixels.labelled) == len(with_pixels.instances) - 1
    found = exporters.load(name).count(tmp_path / "out")
    assert found == (None if name == "heatmaps" else expected)


@every
def test_a_set_without_instances_is_written(
    name: str, with_pixels: TrainingSet, tmp_path: Path
) -> None:
    nothing = replace(
        with_pixels, instances=with_pixels.instances[:0], negatives=with_pixels.negatives[:0]
    )
    written(name, nothing, tmp_path / "out")
    assert exporters.load(name).count(tmp_path / "out") in (0, None)


@every
def test_work_can_be_stopped(name: str, with_pixels: TrainingSet, tmp_path: Path) -> None:
    def stop(what: str, done: int, total: int) -> None:
        assert what
        assert 0 <= done <= total
        raise Cancelled("Stopped.")

    (tmp_path / "out").mkdir()
    with pytest.raises(Cancelled):
        exporters.load(name).write(with_pixels, tmp_path / "out", stop)


@every
def test_images_are_asked_for_only_where_they_are_needed(
    name: str, training_set: TrainingSet, tmp_path: Path
) -> None:
    if exporters.load(name).NEEDS_PIXELS:
        (tmp_path / "out").mkdir()
        with pytest.raises(K2CError, match=r"needs? .*images"):
            exporters.load(name).write(training_set, tmp_path / "out", no_progress)
    else:
        found = written(name, training_set, tmp_path / "out")
        assert not [path for path in found if path.endswith(".png")]


@every
def test_labels_that_look_alike_stay_apart(
    name: str, with_pixels: TrainingSet, tmp_path: Path
) -> None:
    names = ("a b", "A/B", "con", "a b")
    labels = tuple(
        Label(label.value, word, use=True)
        for label, word in zip(with_pixels.labels, names, strict=True)
    )
    table = with_pixels.instances.copy()
    table["label"] = np.resize([0, 1, 2, 7], len(table))
    written(name, replace(with_pixels, labels=labels, instances=table), tmp_path / "out")
    found = exporters.load(name).count(tmp_path / "out")
    assert found in (len(table), None)


@pytest.mark.parametrize("name", ["star", "topaz", "cryolo", "eman2", "voc", "crops"])
def test_names_that_were_changed_are_reported(
    name: str, with_pixels: TrainingSet, tmp_path: Path
) -> None:
    lines = written(name, with_pixels, tmp_path / "out")["names.csv"].decode("utf-8").splitlines()
    assert lines[0] == "what,name,written"
    assert any(line.startswith('label,"Rod, long/thin",Rod__long_thin') for line in lines)
    assert any(line.startswith("micrograph,Empty One.tif,") for line in lines)
    assert not any("Nanoparticle" in line for line in lines)
