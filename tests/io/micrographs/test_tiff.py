from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from k2c_gui.core.model import K2CError
from k2c_gui.io.micrographs import inspect, read

HEIGHT, WIDTH = 48, 64


@pytest.fixture
def pixels() -> NDArray[np.uint16]:
    return np.random.default_rng(1).integers(0, 60_000, (HEIGHT, WIDTH), dtype=np.uint16)


def agreed(path: Path) -> NDArray[Any]:
    """The pixels, after checking that the header promised them."""
    info, got = inspect(path), read(path)
    assert got.shape == (info.height, info.width)
    assert str(got.dtype) == info.dtype
    assert got.dtype.isnative
    assert got.flags.c_contiguous
    return got


@pytest.mark.parametrize(
    "dtype", ["u1", "u2", ">u2", "u4", "i1", "i2", "i4", "f2", "f4", ">f4", "f8"]
)
def test_every_dtype_comes_back_as_stored_in_native_order(tmp_path: Path, dtype: str) -> None:
    stored = np.random.default_rng(2).normal(0, 50, (HEIGHT, WIDTH)).astype(dtype)
    order = ">" if dtype.startswith(">") else "<"
    tifffile.imwrite(tmp_path / "a.tif", stored, byteorder=order)
    got = agreed(tmp_path / "a.tif")
    assert np.array_equal(got, stored)
    assert got.dtype == stored.dtype.newbyteorder("=")


@pytest.mark.parametrize(
    "codec", ["lzw", "zlib", "zstd", "lzma", "packbits", "png", "jpeg2000", "jpegxr", "lerc"]
)
def test_lossless_codecs(tmp_path: Path, pixels: NDArray[np.uint16], codec: str) -> None:
    exact = {"compressionargs": {"level": 0}} if codec == "jpeg2000" else {}
    tifffile.imwrite(tmp_path / "a.tif", pixels, compression=codec, **exact)
    assert np.array_equal(agreed(tmp_path / "a.tif"), pixels)


@pytest.mark.parametrize(
    "layout",
    [
        {"bigtiff": True},
        {"tile": (16, 32)},
        {"rowsperstrip": 7},
        {"compression": "zlib", "predictor": True},
        {"tile": (32, 32), "compression": "lzw"},
    ],
)
def test_layouts(tmp_path: Path, pixels: NDArray[np.uint16], layout: dict[str, Any]) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels, **layout)
    assert np.array_equal(agreed(tmp_path / "a.tif"), pixels)


def test_one_bit_becomes_uint8(tmp_path: Path) -> None:
    stored = np.random.default_rng(3).random((HEIGHT, WIDTH - 3)) > 0.5
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack")
    got = agreed(tmp_path / "a.tif")
    assert got.dtype == np.uint8
    assert np.array_equal(got, stored)


def test_not_finite_values_stay(tmp_path: Path) -> None:
    stored = np.zeros((HEIGHT, WIDTH), np.float32)
    stored[0, :3] = np.nan, np.inf, -np.inf
    tifffile.imwrite(tmp_path / "a.tif", stored)
    assert np.array_equal(agreed(tmp_path / "a.tif"), stored, equal_nan=True)


def test_miniswhite_is_told_and_left_alone(tmp_path: Path, pixels: NDArray[np.uint16]) -> None:
    tifffile.imwrite(tmp_path / "white.tif", pixels, photometric="miniswhite")
    tifffile.imwrite(tmp_path / "black.tif", pixels, photometric="minisblack")
    assert inspect(tmp_path / "white.tif").inverted
    assert not inspect(tmp_path / "black.tif").inverted
    assert np.array_equal(agreed(tmp_path / "white.tif"), pixels)


GREY_RAMP = np.arange(256, dtype=np.uint16) * 257


@pytest.mark.parametrize(
    ("colours", "expected"),
    [
        (np.stack([GREY_RAMP] * 3), lambda index: index),
        (np.stack([GREY_RAMP[::-1]] * 3), lambda index: 255 - index),
        (np.stack([GREY_RAMP[::-1] // 257] * 3), lambda index: 255 - index),
        (np.stack([GREY_RAMP, 0 * GREY_RAMP, 0 * GREY_RAMP]), lambda index: 0.299 * index),
    ],
    ids=["grey ramp", "falling", "falling, written with 8 bits", "red"],
)
def test_palettes(tmp_path: Path, colours: NDArray[np.uint16], expected) -> None:
    index = np.random.default_rng(4).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", index, photometric="palette", colormap=colours)
    got = agreed(tmp_path / "a.tif")
    assert got.dtype == np.uint8
    assert np.abs(got - expected(index.astype(float))).max() <= 0.5


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("samples", [3, 4])
def test_colour_collapses(tmp_path: Path, samples: int, planar: str) -> None:
    rng = np.random.default_rng(5)
    one = rng.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    alpha = rng.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    same = np.dstack([one, one, one, alpha])[..., :samples]
    mixed = np.dstack([one, one, 0 * one, alpha])[..., :samples]
    for name, colour in (("same.tif", same), ("mixed.tif", mixed)):
        stored = colour if planar == "contig" else np.moveaxis(colour, -1, 0)
        tifffile.imwrite(tmp_path / name, stored, photometric="rgb", planarconfig=planar)
    assert np.array_equal(agreed(tmp_path / "same.tif"), one)
    assert np.abs(agreed(tmp_path / "mixed.tif") - 0.886 * one).max() <= 0.51


def test_jpeg_in_colour(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(WIDTH, dtype=np.uint8) * 3, (HEIGHT, 1))
    tifffile.imwrite(tmp_path / "a.tif", np.dstack([ramp] * 3), compression="jpeg")
    assert np.abs(agreed(tmp_path / "a.tif").astype(int) - ramp).max() <= 6


def test_extra_samples_of_a_grey_image_are_told(tmp_path: Path, pixels: NDArray[np.uint16]) -> None:
    both = np.dstack([pixels, pixels // 2])
    tifffile.imwrite(
        tmp_path / "a.tif", both, photometric="minisblack", planarconfig="contig", extrasamples=[0]
    )
    assert np.array_equal(agreed(tmp_path / "a.tif"), pixels)
    assert "A pixel has 2 samples; the first is used." in inspect(tmp_path / "a.tif").warnings


def test_cmyk_and_complex_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "ink.tif", np.zeros((HEIGHT, WIDTH, 4), np.uint8), photometric="separated"
    )
    with pytest.raises(K2CError, match="not those of a camera"):
        inspect(tmp_path / "ink.tif")
    tifffile.imwrite(tmp_path / "complex.tif", np.zeros((HEIGHT, WIDTH), np.complex64))
    with pytest.raises(K2CError, match="not real numbers"):
        read(tmp_path / "complex.tif")
    with pytest.raises(K2CError, match="not real numbers"):
        inspect(tmp_path / "complex.tif")


def test_a_thumbnail_in_front_is_passed_over(tmp_path: Path, pixels: NDArray[np.uint16]) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.zeros((16, 16), np.uint8))
        writer.write(pixels)
    assert np.array_equal(agreed(tmp_path / "a.tif"), pixels)
    assert inspect(tmp_path / "a.tif").warnings == ()


def test_a_colour_preview_of_the_same_size_is_passed_over(
    tmp_path: Path, pixels: NDArray[np.uint16]
) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.zeros((HEIGHT, WIDTH, 3), np.uint8), photometric="rgb")
        writer.write(pixels)
    assert np.array_equal(agreed(tmp_path / "a.tif"), pixels)


@pytest.mark.parametrize("kind", [{"imagej": True}, {"ome": True}, {}], ids=["ij", "ome", "plain"])
def test_the_first_plane_of_a_stack_is_used_and_the_others_told(
    tmp_path: Path, pixels: NDArray[np.uint16], kind: dict[str, Any]
) -> None:
    stack = np.stack([pixels, pixels + 1, pixels + 2])
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack", **kind)
    assert np.array_equal(agreed(tmp_path / "a.tif"), pixels)
    assert "The file holds 3 planes; the first is used." in inspect(tmp_path / "a.tif").warnings


def test_orientation_is_told_and_not_applied(tmp_path: Path, pixels: NDArray[np.uint16]) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels, extratags=[(274, "H", 1, 4, True)])
    assert np.array_equal(agreed(tmp_path / "a.tif"), pixels)
    (warning,) = inspect(tmp_path / "a.tif").warnings
    assert warning.startswith("The orientation tag (4) asks")


def claim(path: Path, **tags: int) -> None:
    """Overwrite tags of the first page."""
    with tifffile.TiffFile(path, mode="r+b") as file:
        for name, value in tags.items():
            file.pages.first.tags[name].overwrite(value)


@pytest.mark.parametrize("ask", [inspect, read])
def test_a_small_file_that_claims_a_giant_image_takes_no_memory(tmp_path: Path, ask) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((16, 16), np.uint8), compression="zlib")
    inspect(path)
    claim(path, ImageWidth=60_000, ImageLength=60_000, RowsPerStrip=60_000)
    assert path.stat().st_size < 1024
    tracemalloc.start()
    with pytest.raises(K2CError, match="claims 60000 x 60000 px"):
        ask(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


def test_a_giant_tile_around_a_small_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((32, 32), np.uint8), compression="zlib", tile=(32, 32))
    claim(path, TileWidth=32_000, TileLength=32_000)
    with pytest.raises(K2CError, match="but the file has only"):
        read(path)


def test_blank_images_pass_and_bombs_do_not(tmp_path: Path) -> None:
    blank, bomb = tmp_path / "blank.tif", tmp_path / "bomb.tif"
    tifffile.imwrite(blank, np.zeros((2048, 2048), np.uint16), compression="zstd")
    tifffile.imwrite(bomb, np.zeros((4096, 4096), np.uint16), compression="zstd")
    assert blank.stat().st_size < 3000
    assert not read(blank).any()
    with pytest.raises(K2CError, match="32 MiB of pixels, but the file has only"):
        read(bomb)


@pytest.mark.parametrize("layout", [{}, {"compression": "lzw"}, {"tile": (16, 16)}])
@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_a_truncated_file_is_refused_by_its_header_already(
    tmp_path: Path, pixels: NDArray[np.uint16], layout: dict[str, Any], kept: float
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, **layout)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    for ask in (inspect, read):
        with pytest.raises(K2CError, match="cut short"):
            ask(path)


def test_a_last_strip_declared_too_long_is_no_harm(
    tmp_path: Path, pixels: NDArray[np.uint16]
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, rowsperstrip=40)  # strips of 40 and 8 rows
    row = WIDTH * 2
    claim(path, StripByteCounts=(40 * row, 40 * row))
    assert np.array_equal(agreed(path), pixels)


def test_missing_strips_are_not_filled_with_black(
    tmp_path: Path, pixels: NDArray[np.uint16]
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, rowsperstrip=16, compression="zlib")
    with tifffile.TiffFile(path) as file:
        first, *others = file.pages.first.dataoffsets
    claim(path, StripOffsets=(first, 0, *others[1:]))
    with pytest.raises(K2CError, match="parts of the image are missing"):
        read(path)
