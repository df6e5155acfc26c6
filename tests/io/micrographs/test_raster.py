from __future__ import annotations

import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from k2c_gui.core.model import K2CError
from k2c_gui.io.micrographs import ImageInfo, inspect, read

SHAPE = 40, 56


@pytest.fixture
def grey() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, SHAPE, dtype=np.uint8)


@pytest.fixture
def smooth() -> NDArray[np.uint8]:
    return np.add.outer(np.arange(40), 3 * np.arange(56)).astype(np.uint8)


@pytest.mark.parametrize("samples", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png(tmp_path: Path, grey: NDArray[np.uint8], samples: int, dtype: type) -> None:
    one = grey.astype(dtype) * (1 if dtype is np.uint8 else 257)
    stored = one if samples == 1 else np.dstack([one] * samples)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(stored))
    got = read(tmp_path / "a.png")
    assert np.array_equal(got, one)
    assert inspect(tmp_path / "a.png") == ImageInfo(56, 40, np.dtype(dtype).name)
    assert got.dtype == dtype


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def test_png_with_a_palette(tmp_path: Path) -> None:
    """Two bits a pixel and a falling palette: what is shown counts, not the index."""
    head = struct.pack(">IIBBBBB", 4, 1, 2, 3, 0, 0, 0)
    palette = b"".join(bytes([level] * 3) for level in (250, 170, 90, 10))
    body = zlib.compress(b"\0" + bytes([0b00011011]))
    chunks = chunk(b"IHDR", head) + chunk(b"PLTE", palette) + chunk(b"IDAT", body)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks + chunk(b"IEND", b""))
    assert read(tmp_path / "a.png").tolist() == [[250, 170, 90, 10]]


@pytest.mark.parametrize("ask", [inspect, read])
def test_a_png_that_claims_a_giant_image(tmp_path: Path, ask) -> None:
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100)))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks + chunk(b"IEND", b""))
    with pytest.raises(K2CError, match="claims 60000 x 60000 px"):
        ask(tmp_path / "a.png")


def test_truncated_files_are_refused(tmp_path: Path, smooth: NDArray[np.uint8]) -> None:
    """A JPEG decoder fills the missing part with grey and says nothing."""
    for name, encode in (("a.png", imagecodecs.png_encode), ("a.jpg", imagecodecs.jpeg_encode)):
        whole = encode(smooth)
        for kept in (len(whole) // 2, len(whole) - 20, 30):
            (tmp_path / name).write_bytes(whole[:kept])
            with pytest.raises(K2CError, match="does not read as"):
                read(tmp_path / name)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".JPG"])
@pytest.mark.parametrize("samples", [1, 3])
def test_jpeg(tmp_path: Path, smooth: NDArray[np.uint8], samples: int, suffix: str) -> None:
    stored = smooth if samples == 1 else np.dstack([smooth] * 3)
    path = tmp_path / f"a{suffix}"
    path.write_bytes(imagecodecs.jpeg_encode(stored, level=98))
    got = read(path)
    assert inspect(path) == ImageInfo(56, 40, "uint8")
    assert got.dtype == np.uint8
    assert np.abs(got.astype(int) - smooth).max() <= 6


def test_jpeg_walks_over_other_segments_fill_bytes_and_trailers(
    tmp_path: Path, smooth: NDArray[np.uint8]
) -> None:
    whole = imagecodecs.jpeg_encode(smooth)
    thumbnail = b"\xff\xe1" + struct.pack(">H", 2 + len(whole)) + whole
    (tmp_path / "a.jpg").write_bytes(
        whole[:2] + thumbnail + b"\xff\xff\xff" + whole[3:] + b"trailer" * 9
    )
    assert inspect(tmp_path / "a.jpg") == ImageInfo(56, 40, "uint8")
    assert np.array_equal(read(tmp_path / "a.jpg"), imagecodecs.jpeg_decode(whole))


def frame(height: int, width: int, samples: int) -> bytes:
    body = struct.pack(">BHHB", 8, height, width, samples)
    return b"\xff\xd8\xff\xc0" + struct.pack(">H", 2 + len(body)) + body + b"\xff\xda\xff\xd9"


def test_jpegs_for_the_press_and_giants_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(frame(40, 56, 4))
    with pytest.raises(K2CError, match="CMYK"):
        inspect(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes(frame(60_000, 60_000, 1))
    with pytest.raises(K2CError, match="claims 60000 x 60000 px"):
        read(tmp_path / "a.jpg")
