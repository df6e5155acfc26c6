"""MRC as cameras and EPU write it: header and modes after mrcfile, pixels straight from the file.

`mrcfile.open` would trust the header for its first allocation, and call a file with a wrong
machine stamp or map ID invalid; both are common and neither matters here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2c_gui.core.model import K2CError

from .grey import grey
from .info import ImageInfo, check_length, check_size
from .pixel_size import PixelSize, pixel_size

HEADER_SIZE = 1024
HIGHEST_MODE = 101
IMOD_STAMP = 1146047817
"""Bytes 152 to 155 of a file of the IMOD family; bit 0 of the next integer says that mode 0 is
signed (IMOD's MRC format page). Everybody else's mode 0 is signed: MRC2014."""


@dataclass(frozen=True, slots=True)
class _Layout:
    width: int
    height: int
    dtype: np.dtype[Any]
    start: int
    calibration: PixelSize


def inspect(path: Path) -> ImageInfo:
    """Describe an MRC file; no pixels are read.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ImageInfo

    Raises
    ------
    K2CError
        A volume, a stack, complex pixels, or a size that cannot be right.
    """
    layout = _layout(path)
    return ImageInfo(
        layout.width,
        layout.height,
        str(layout.dtype.newbyteorder("=")),
        layout.calibration.nm,
        layout.calibration.source,
        warnings=tuple(filter(None, [layout.calibration.warning])),
    )


def read(path: Path) -> NDArray[Any]:
    """Read an MRC file, row for row in file order.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ndarray
        (height, width).

    Raises
    ------
    K2CError
        As `inspect`.
    """
    layout = _layout(path)
    count = layout.height * layout.width
    pixels = np.fromfile(path, layout.dtype, count, offset=layout.start)
    return grey(pixels.reshape(layout.height, layout.width))


def _layout(path: Path) -> _Layout:
    from mrcfile.utils import dtype_from_mode

    header, order = _header(path)
    width, height, sections = (int(header[key]) for key in ("nx", "ny", "nz"))
    if sections > 1:
        raise K2CError(
            f"The file is a volume or a stack of {sections} sections, not one micrograph.",
            file=path,
            remedy="Save the sum or one section as a file of its own.",
        )
    dtype = dtype_from_mode(header["mode"]).newbyteorder(order)
    if dtype.kind == "c":
        raise K2CError(
            "The pixels are complex numbers: a Fourier transform, not a micrograph.",
            file=path,
            remedy="Save the image itself.",
        )
    stamp, flags = np.frombuffer(header["extra2"].tobytes(), f"{order}i4", 2, offset=40)
    if dtype == np.int8 and stamp == IMOD_STAMP and not flags & 1:
        dtype = np.dtype(np.uint8)
    start = HEADER_SIZE + max(0, int(header["nsymbt"]))
    decoded = width * height * dtype.itemsize
    check_size(path, width, height, decoded)
    check_length(path, start + decoded)
    return _Layout(width, height, dtype, start, _pixel_size(header))


def _header(path: Path) -> tuple[Any, str]:
    """The header, and the byte order that makes sense of it: machine stamps are often wrong."""
    from mrcfile.dtypes import HEADER_DTYPE

    with path.open("rb") as file:
        stored = file.read(HEADER_SIZE)
    read_as = [
        (np.frombuffer(stored, HEADER_DTYPE.newbyteorder(order), 1)[0], order) for order in "<>"
    ]
    sane = [one for one in read_as if 0 <= one[0]["mode"] <= HIGHEST_MODE]
    if not sane:
        raise ValueError("its header makes no sense in either byte order")
    # mode 0 is 0 in both
    return min(sane, key=lambda one: abs(int(one[0]["nx"])))


def _pixel_size(header: Any) -> PixelSize:
    cell, grid = header["cella"], (int(header["mx"]), int(header["my"]))
    # a cell of nothing is what most programs write when they do not know
    if min(grid) < 1 or not (cell["x"] or cell["y"]):
        return PixelSize()
    x, y = float(cell["x"]) / grid[0], float(cell["y"]) / grid[1]
    return pixel_size(x, "Å", y, "Å", "MRC cell size", one_is_default=True)
