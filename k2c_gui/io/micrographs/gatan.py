"""DM3 and DM4 of Gatan's DigitalMicrograph, through the optional reader nionswift-io.

nionswift-io (Apache-2.0) reads both; the others need GPL code (ncempy, rosettasciio) or read DM4
only (dm4).
"""

from __future__ import annotations

import importlib
import math
import mmap
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2c_gui.core.model import K2CError

from .grey import grey
from .info import ImageInfo, check_size, planes_warning
from .pixel_size import UNCALIBRATED, PixelSize, pixel_size, unreadable

PARSER = "nionswift_plugin.DM_IO.parse_dm3"
COLOUR = 23
DTYPES = {
    1: "i2", 2: "f4", 6: "u1", 7: "i4", 9: "i1", 10: "u2", 11: "u4", 12: "f8", 14: "u1", 23: "u4",
    39: "i8", 40: "u8",
}  # fmt: skip
"""By DataType; the complex ones and those of spectra are left out."""

SOURCE = "Gatan calibration"

_parsing = threading.Lock()
"""The parser keeps the version of the file it reads in a global variable."""


@dataclass(frozen=True, slots=True)
class _Image:
    width: int
    height: int
    planes: int
    kind: int
    data: Any
    calibration: PixelSize


def inspect(path: Path) -> ImageInfo:
    """Describe the largest image of a DM3 or DM4 file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ImageInfo

    Raises
    ------
    K2CError
        The optional reader is missing, there is no image, or its size cannot be right.
    """
    image = _largest(path)
    dtype = "uint8" if image.kind == COLOUR else np.dtype(DTYPES[image.kind]).name
    return ImageInfo(
        image.width,
        image.height,
        dtype,
        image.calibration.nm,
        image.calibration.source,
        warnings=tuple(filter(None, [image.calibration.warning, *planes_warning(image.planes)])),
    )


def read(path: Path) -> NDArray[Any]:
    """Read the largest image of a DM3 or DM4 file, the first plane of a stack.

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
    image = _largest(path)
    pixels = np.frombuffer(image.data, DTYPES[image.kind], image.height * image.width)
    if image.kind == COLOUR:
        pixels = pixels.view(np.uint8).reshape(image.height, image.width, 4)
    return grey(pixels.reshape(image.height, image.width, *pixels.shape[2:])).copy()


def _largest(path: Path) -> _Image:
    found = []
    for entry in _entries(path):
        image = _image(entry["ImageData"])
        if image is not None:
            found.append(image)
    if not found:
        raise K2CError(
            "There is no image in this DigitalMicrograph file.",
            file=path,
            remedy="Spectra and Fourier transforms are not micrographs; save the image.",
        )
    # the preview is in colour, and larger than a small image
    best = max(found, key=lambda one: (one.kind != COLOUR, one.width * one.height))
    decoded = best.width * best.height * np.dtype(DTYPES[best.kind]).itemsize
    check_size(path, best.width, best.height, decoded)
    return best


def _entries(path: Path) -> list[Any]:
    try:
        parser = importlib.import_module(PARSER)
    except ImportError as error:
        raise K2CError(
            "DM3 and DM4 files need a reader that is not installed.",
            file=path,
            remedy='Run: pip install "k2c_gui[em]", or save the micrograph as TIFF.',
        ) from error
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as stored,
        _parsing,
    ):
        return list(parser.dm_read_header(_Exact(stored))["ImageList"])


class _Exact:
    """A file that raises where it ends; the parser itself would print there, or take memory."""

    def __init__(self, stored: mmap.mmap) -> None:
        self._stored = stored

    def tell(self) -> int:
        return self._stored.tell()

    def read(self, count: int) -> bytes:
        if not 0 <= count <= len(self._stored) - self._stored.tell():
            raise EOFError("the file is cut short")
        return self._stored.read(count)


def _image(tags: dict[str, Any]) -> _Image | None:
    size = [int(length) for length in tags["Dimensions"]]
    kind = tags["DataType"]
    if kind not in DTYPES or len(size) not in (2, 3):
        return None
    try:
        calibration = _pixel_size(tags["Calibrations"]["Dimension"])
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        calibration = unreadable(SOURCE)
    return _Image(size[0], size[1], math.prod(size[2:]), kind, tags["Data"], calibration)


def _pixel_size(axes: Any) -> PixelSize:
    if len(axes) < 2:
        return UNCALIBRATED
    x, y = axes[0], axes[1]
    units = [axis["Units"].tobytes().decode("utf-16-le") for axis in (x, y)]
    return pixel_size(x["Scale"], units[0], y["Scale"], units[1], SOURCE)
