from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from k2c_gui.core.model import K2CError
from k2c_gui.io.micrographs import inspect, read
from k2c_gui.io.micrographs.tia import DTYPES

PIXELS = np.arange(24 * 32, dtype=np.uint16).reshape(24, 32)


def series(
    path: Path,
    pixels: NDArray[Any] = PIXELS,
    *,
    code: int = 2,
    size: tuple[float, float] = (2.1e-10, 2.1e-10),
    version: int = 0x0210,
    kind: int = 0x4122,
    images: int = 1,
) -> Path:
    """Write a SER file: header, one offset, one element, the bottom row first."""
    offset = "Q" if version >= 0x0220 else "I"
    head = f"<HHHIIII{offset}I"
    array_at = struct.calcsize(head)
    data_at = array_at + struct.calcsize(f"<{offset}")
    body = struct.pack(head, 0x4949, 0x0197, version, kind, 0x4152, images, images, array_at, 1)
    body += struct.pack(f"<{offset}", data_at)
    height, width = pixels.shape
    body += struct.pack("<ddiddihii", 0, size[0], 0, 0, size[1], 0, code, width, height)
    (path / "a.ser").write_bytes(body + pixels[::-1].astype(DTYPES.get(code, "u1")).tobytes())
    return path / "a.ser"


@pytest.mark.parametrize("version", [0x0210, 0x0220])
@pytest.mark.parametrize("code", sorted(DTYPES))
def test_every_type_in_both_versions(tmp_path: Path, version: int, code: int) -> None:
    path = series(tmp_path, PIXELS % 100, version=version, code=code)
    info, got = inspect(path), read(path)
    assert np.array_equal(got, PIXELS % 100)
    assert (info.width, info.height, info.dtype) == (32, 24, str(got.dtype))
    assert (info.pixel_size_nm, info.pixel_size_source) == (0.21, "TIA calibration")


def test_several_images_are_told(tmp_path: Path) -> None:
    assert inspect(series(tmp_path, images=3)).warnings == (
        "The file holds 3 planes; the first is used.",
    )


@pytest.mark.parametrize(
    ("size", "warning"),
    [((2e8, 2e8), "real space"), ((2e-10, 3e-10), "square"), ((0.0, 0.0), "0.0 x 0.0")],
)
def test_calibrations_that_do_not_serve(
    tmp_path: Path, size: tuple[float, float], warning: str
) -> None:
    info = inspect(series(tmp_path, size=size))
    assert info.pixel_size_nm is None
    assert warning in info.warnings[0]


def test_spectra_complex_pixels_and_truncation_are_refused(tmp_path: Path) -> None:
    with pytest.raises(K2CError, match="no image in this SER"):
        inspect(series(tmp_path, kind=0x4120))
    with pytest.raises(K2CError, match="no image in this SER"):
        inspect(series(tmp_path, images=0))
    with pytest.raises(K2CError, match="not real numbers"):
        inspect(series(tmp_path, code=9))
    path = series(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(K2CError, match="cut short"):
        read(path)
