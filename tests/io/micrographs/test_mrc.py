from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from mrcfile.dtypes import HEADER_DTYPE
from numpy.typing import NDArray

from k2c_gui.core.model import K2CError
from k2c_gui.io.micrographs import inspect, read
from k2c_gui.io.micrographs.mrc import IMOD_STAMP

MODE, MX, CELL, ISPG, NSYMBT, IMOD, MAP, STAMP = 12, 28, 40, 88, 92, 152, 208, 212


def written(path: Path, pixels: NDArray[Any], voxel: Any = 2.1) -> Path:
    with mrcfile.new(path / "a.mrc", pixels, overwrite=True) as file:
        file.voxel_size = voxel
    return path / "a.mrc"


def patch(path: Path, offset: int, *words: int) -> None:
    stored = bytearray(path.read_bytes())
    struct.pack_into(f"<{len(words)}i", stored, offset, *words)
    path.write_bytes(stored)


@pytest.mark.parametrize("dtype", ["i1", "i2", "u2", "f2", "f4"])
def test_modes(tmp_path: Path, dtype: str) -> None:
    stored = np.random.default_rng(1).normal(0, 40, (32, 48)).astype(dtype)
    path = written(tmp_path, stored)
    info, got = inspect(path), read(path)
    assert np.array_equal(got, stored)
    assert got.dtype == stored.dtype
    assert got.flags.writeable
    assert (info.width, info.height, info.dtype) == (48, 32, str(stored.dtype))
    assert (info.pixel_size_nm, info.pixel_size_source) == (0.21, "MRC cell size")


@pytest.mark.parametrize("dtype", ["i1", ">i2", ">u2", ">f4"])
def test_big_endian(tmp_path: Path, dtype: str) -> None:
    stored = (np.arange(32 * 48).reshape(32, 48) % 100).astype(dtype)
    path = tmp_path / "a.mrc"
    with mrcfile.new(path) as file:
        file.set_data(stored)
        file.voxel_size = 2.1
    if dtype == "i1":  # no byte order of its own: swap the header
        header = np.frombuffer(path.read_bytes(), HEADER_DTYPE, 1)
        path.write_bytes(header.byteswap().tobytes() + stored.tobytes())
    assert inspect(path).pixel_size_nm == 0.21
    got = read(path)
    assert np.array_equal(got, stored)
    assert got.dtype.isnative


def test_a_wrong_machine_stamp_and_map_id_do_no_harm(tmp_path: Path) -> None:
    stored = np.arange(32 * 48, dtype=np.int16).reshape(32, 48)
    path = written(tmp_path, stored)
    patch(path, MAP, 0, 0)
    assert np.array_equal(read(path), stored)
    patch(path, STAMP, 0x1111)  # says big-endian
    assert np.array_equal(read(path), stored)


def test_an_extended_header_is_skipped(tmp_path: Path) -> None:
    stored = np.arange(32 * 48, dtype=np.uint16).reshape(32, 48)
    with mrcfile.new(tmp_path / "a.mrc", stored) as file:
        file.set_extended_header(np.ones(768, np.uint8))
    assert np.array_equal(read(tmp_path / "a.mrc"), stored)


@pytest.mark.parametrize(("flags", "dtype"), [(0, "uint8"), (1, "int8")])
def test_bytes_of_the_imod_family_are_signed_only_if_they_say_so(
    tmp_path: Path, flags: int, dtype: str
) -> None:
    path = written(tmp_path, np.full((8, 8), -1, np.int8))
    patch(path, IMOD, IMOD_STAMP, flags)
    assert inspect(path).dtype == str(read(path).dtype) == dtype


def test_one_section_is_a_micrograph_and_more_are_not(tmp_path: Path) -> None:
    plane = np.arange(32 * 48, dtype=np.uint16).reshape(32, 48)
    path = written(tmp_path, plane[np.newaxis])
    assert np.array_equal(read(path), plane)
    path = written(tmp_path, np.stack([plane] * 5))
    for ask in (inspect, read):
        with pytest.raises(K2CError, match="stack of 5 sections, not one micrograph"):
            ask(path)


@pytest.mark.parametrize("mode", [3, 7, 99, 101])
def test_modes_that_are_not_read(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path, np.zeros((8, 8), np.uint16))
    patch(path, MODE, mode)
    with pytest.raises(K2CError, match=r"does not read as MRC \(Unrecognised mode"):
        inspect(path)


def test_complex_pixels_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, np.zeros((8, 8), np.complex64))
    for ask in (inspect, read):
        with pytest.raises(K2CError, match="Fourier transform"):
            ask(path)


@pytest.mark.parametrize("voxel", [0, -2.1, (2.1, 2.2, 2.1), float("nan"), 1.0])
def test_cells_that_give_no_pixel_size(tmp_path: Path, voxel: Any) -> None:
    info = inspect(written(tmp_path, np.zeros((8, 8), np.uint16), voxel))
    assert info.pixel_size_nm is None
    assert info.pixel_size_source == ""
    assert bool(info.warnings) == (voxel != 0)


def test_a_grid_of_nothing_gives_no_pixel_size(tmp_path: Path) -> None:
    path = written(tmp_path, np.zeros((8, 8), np.uint16))
    patch(path, MX, 0, 0)
    assert inspect(path).pixel_size_nm is None


def test_truncation_and_giants_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, np.zeros((64, 64), np.uint16))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(K2CError, match="cut short: it has 9215 bytes of 9216"):
        inspect(path)
    patch(path, 0, 30_000, 30_000)
    patch(path, NSYMBT, 2_000_000_000)
    tracemalloc.start()
    with pytest.raises(K2CError, match="30000 x 30000"):
        read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6
