"""Whatever happens to a file: a good array, or a K2CError; quickly, and never a word on screen."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import h5py
import imagecodecs
import mrcfile
import numpy as np
import pytest
import tifffile

from k2c_gui.core.model import K2CError
from k2c_gui.io.micrographs import inspect, read
from k2c_gui.io.micrographs.info import MAX_BYTES

MUTANTS = 40
"""Of each seed file."""

RNG = np.random.default_rng(0)
GREY8 = RNG.integers(0, 256, (24, 32), dtype=np.uint8)
GREY16 = GREY8.astype(np.uint16) * 200
COLOUR = np.dstack([GREY8, GREY8.T.reshape(24, 32), GREY8])

TIFFS: dict[str, dict[str, Any]] = {
    "plain": {"data": GREY16},
    "big-endian": {"data": GREY16, "byteorder": ">"},
    "bigtiff": {"data": GREY16, "bigtiff": True},
    "lzw": {"data": GREY16, "compression": "lzw", "rowsperstrip": 5},
    "zlib": {"data": GREY16, "compression": "zlib", "predictor": True},
    "zstd": {"data": GREY16, "compression": "zstd", "tile": (16, 16)},
    "png": {"data": GREY16, "compression": "png"},
    "jpeg": {"data": GREY8, "compression": "jpeg"},
    "rgb": {"data": COLOUR, "photometric": "rgb"},
    "palette": {
        "data": GREY8,
        "photometric": "palette",
        "colormap": RNG.integers(0, 65_536, (3, 256), dtype=np.uint16),
    },
    "ome": {"data": GREY16, "ome": True, "metadata": {"axes": "YX", "PhysicalSizeX": 0.1}},
    "imagej": {"data": GREY16, "imagej": True, "resolution": (5, 5), "metadata": {"unit": "nm"}},
}
OTHERS = ("a.png", "a.jpg", "a.mrc", "a.emd")


def mutate(whole: bytes, rng: random.Random) -> bytes:
    """Cut the file off, or change some bytes, mostly where headers are."""
    if rng.random() < 0.2:
        return whole[: rng.randrange(len(whole))]
    stored = bytearray(whole)
    for _ in range(rng.choice([1, 2, 5, 20])):
        reach = len(stored) if rng.random() < 0.3 else min(len(stored), 500)
        at = rng.randrange(reach)
        if rng.random() < 0.25:  # BigTIFF and ImageJ keep their tags at the end
            at = len(stored) - 1 - at
        stored[at] = rng.choice([0, 255, rng.randrange(256), stored[at] ^ (1 << rng.randrange(8))])
    return bytes(stored)


def survives(path: Path) -> bool:
    """Whether the file reads; anything but a K2CError fails the test."""
    try:
        info = inspect(path)
        assert info.pixel_size_nm is None or info.pixel_size_nm > 0
        pixels = read(path)
    except K2CError:
        return False
    assert pixels.shape == (info.height, info.width)
    assert pixels.dtype.kind in "uif"
    assert pixels.nbytes <= MAX_BYTES
    return True


def check_mutants(path: Path, seed: str, capfd: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(seed)
    whole = path.read_bytes()
    assert survives(path)
    start = time.perf_counter()
    outcomes = set()
    for _ in range(MUTANTS):
        path.write_bytes(mutate(whole, rng))
        outcomes.add(survives(path))
    assert time.perf_counter() - start < 10
    # the mutations are not harmless; and not hopeless but for PNG, which has check sums everywhere
    assert outcomes == ({False} if path.suffix == ".png" else {True, False})
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("flavour", TIFFS)
def test_mutated_tiffs(tmp_path: Path, flavour: str, capfd) -> None:
    tifffile.imwrite(tmp_path / "a.tif", **TIFFS[flavour])
    check_mutants(tmp_path / "a.tif", flavour, capfd)


@pytest.mark.parametrize("name", OTHERS)
def test_mutated_others(tmp_path: Path, name: str, capfd) -> None:
    path = tmp_path / name
    if name == "a.png":
        path.write_bytes(imagecodecs.png_encode(GREY8))
    elif name == "a.jpg":
        path.write_bytes(imagecodecs.jpeg_encode(GREY8))
    elif name == "a.mrc":
        mrcfile.new(path, GREY16).close()
    else:
        with h5py.File(path, "w") as file:
            file["Data/Image/one/Data"] = GREY16[..., np.newaxis]
            file["Data/Image/one/Metadata"] = np.zeros((100, 1), np.uint8)
    check_mutants(path, name, capfd)


def test_there_are_enough_mutants() -> None:
    assert MUTANTS * len(TIFFS) >= 300
