"""SER: the series files of TIA (FEI), which hold one image as a rule.

Layout after FEI's "TIA Series Data (ESD) file format" and C. B. Boothroyd's page on it.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from k2c_gui.core.model import K2CError

from .grey import grey
from .info import ImageInfo, check_length, check_size, planes_warning
from .pixel_size import PixelSize, pixel_size

LITTLE_ENDIAN, SERIES = 0x4949, 0x0197
WIDE_OFFSETS = 0x0220
"""Version from which on offsets have 64 bits."""
IMAGES = 0x4122
DTYPES = {1: "u1", 2: "<u2", 3: "<u4", 4: "i1", 5: "<i2", 6: "<i4", 7: "<f4", 8: "<f8"}

LARGEST_PIXEL_M = 1e-4
"""The file names no unit: images are in m, diffraction patterns in 1/m, and nothing lies between
0.1 mm and 10,000 / m."""


@dataclass(frozen=True, slots=True)
class _Layout:
    width: int
    height: int
    dtype: np.dtype[Any]
    start: int
    x_size: float  # m
    y_size: float
    images: int


def inspect(path: Path) -> ImageInfo:
    """Describe the first image of a SER file; no pixels are read.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ImageInfo

    Raises
    ------
    K2CError
        There is no image in it, or its size cannot be right.
    ValueError, struct.error
        No SER file.
    """
    layout = _layout(path)
    calibration = _pixel_size(layout)
    return ImageInfo(
        layout.width,
        layout.height,
        str(layout.dtype.newbyteorder("=")),
        calibration.nm,
        calibration.source,
        warnings=tuple(filter(None, [calibration.warning, *planes_warning(layout.images)])),
    )


def read(path: Path) -> NDArray[Any]:
    """Read the first image of a SER file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ndarray
        (height, width), the top row first as TIA shows it: the file begins with the bottom row.

    Raises
    ------
    K2CError, ValueError, struct.error
        As `inspect`.
    """
    layout = _layout(path)
    pixels = np.fromfile(path, layout.dtype, layout.height * layout.width, offset=layout.start)
    return grey(pixels.reshape(layout.height, layout.width)[::-1])


def _layout(path: Path) -> _Layout:
    with path.open("rb") as file:
        order, series, version, kind, _, _, images, offsets = _unpack(
            file, "<HHHIIIIQ" if _is_wide(file) else "<HHHIIIII"
        )
        if (order, series) != (LITTLE_ENDIAN, SERIES):
            raise ValueError("it does not begin as SER does")
        if kind != IMAGES or images < 1:
            raise K2CError(
                "There is no image in this SER file.",
                file=path,
                remedy="Spectra are not micrographs; save the image.",
            )
        file.seek(offsets)
        (first,) = _unpack(file, "<Q" if version >= WIDE_OFFSETS else "<I")
        file.seek(first)
        _, x_size, _, _, y_size, _, code, width, height = _unpack(file, "<ddiddihii")
        start = file.tell()
    if code not in DTYPES:
        raise ValueError("its pixels are not real numbers")
    dtype = np.dtype(DTYPES[code])
    decoded = width * height * dtype.itemsize
    check_size(path, width, height, decoded)
    check_length(path, start + decoded)
    return _Layout(width, height, dtype, start, x_size, y_size, images)


def _is_wide(file: BinaryIO) -> bool:
    _, _, version = _unpack(file, "<HHH")
    file.seek(0, os.SEEK_SET)
    return bool(version >= WIDE_OFFSETS)


def _unpack(file: BinaryIO, form: str) -> tuple[Any, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _pixel_size(layout: _Layout) -> PixelSize:
    unit = "m" if layout.x_size < LARGEST_PIXEL_M else "1/m"
    return pixel_size(layout.x_size, unit, layout.y_size, unit, "TIA calibration")
