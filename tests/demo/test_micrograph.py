from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from k2c_gui import demo
from k2c_gui.demo.micrograph import intensity, stamp_particle
from k2c_gui.demo.scene import PRESETS, Preset


def lone_particle(x: float, y: float, diameter: float) -> np.void:
    table = np.zeros(1, demo.PARTICLE)
    table["x"], table["y"], table["diameter"], table["contrast"] = x, y, diameter, 1.0
    return table[0]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("seed", range(6))
def test_darkness_is_centred_on_the_truth(preset: Preset, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(60, 100, 2)
    depth, phase = np.zeros((160, 160), np.float32), np.zeros((160, 160), np.float32)
    stamp_particle(depth, phase, lone_particle(x, y, rng.uniform(16, 60)), preset, rng)
    dark = 1 - intensity(depth, phase, preset.pixel_nm, preset.defocus_nm[1])
    middle = np.arange(160) + 0.5
    assert dark.sum() > 20
    assert (dark.sum(axis=0) * middle).sum() / dark.sum() == pytest.approx(x, abs=0.1)
    assert (dark.sum(axis=1) * middle).sum() / dark.sum() == pytest.approx(y, abs=0.1)


def test_particle_in_the_middle_of_a_pixel_is_darkest_there() -> None:
    depth, phase = np.zeros((64, 64), np.float32), np.zeros((64, 64), np.float32)
    stamp_particle(
        depth, phase, lone_particle(20.5, 40.5, 15), PRESETS[0], np.random.default_rng(0)
    )
    assert np.unravel_index(phase.argmax(), phase.shape) == (40, 20)


def test_particle_over_the_border_is_cut_off() -> None:
    depth, phase = np.zeros((64, 64), np.float32), np.zeros((64, 64), np.float32)
    rng = np.random.default_rng(0)
    stamp_particle(depth, phase, lone_particle(1.0, 62.0, 30), PRESETS[0], rng)
    assert depth[62, 1] > 0
    assert not np.any(depth[:40])
    assert not np.any(depth[:, 20:])


def test_nothing_in_the_way_is_full_intensity() -> None:
    empty = np.zeros((64, 64), np.float32)
    assert np.allclose(intensity(empty, empty, 0.2, 500.0), 1, atol=1e-5)


def test_micrographs_are_dark_where_the_truth_is(small: demo.WorldParams) -> None:
    world = demo.make(replace(small, touching=0.0, artifacts=0.0))
    middle = np.arange(384) + 0.5
    darker = []
    for i in range(3):
        pixels = world.micrograph(i).astype(float)
        assert pixels.shape == (384, 384)
        for p in world.truth[world.truth["micrograph"] == i]:
            radius = 2 * np.hypot(middle - p["x"], middle[:, None] - p["y"]) / p["diameter"]
            inside, around = pixels[radius < 0.7], pixels[(radius > 1.4) & (radius < 2)]
            darker.append(inside.mean() < around.mean())
    assert np.mean(darker) > 0.95


def test_micrographs_differ_in_kind(world: demo.World) -> None:
    assert world.names == ("AuGe_001.tif", "PdC_002.tif", "AuGe_003.tif")
    pixels = world.micrograph(0)
    assert pixels.dtype == np.uint16
    assert 300 < np.median(pixels) < 5000


def test_file_is_16_bit_with_pixel_size_in_nm(folder: Path, world: demo.World) -> None:
    with tifffile.TiffFile(folder / "images" / "PdC_002.tif") as file:
        assert file.imagej_metadata is not None
        assert file.imagej_metadata["unit"] == "nm"
        for axis in "XY":
            pixels, nm = file.pages[0].tags[f"{axis}Resolution"].value
            assert nm / pixels == pytest.approx(0.11, rel=1e-6)
        assert np.array_equal(file.asarray(), world.micrograph(1))
