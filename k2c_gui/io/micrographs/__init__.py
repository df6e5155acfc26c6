"""Micrographs: which files are some, what their headers say, and their pixels.

Every format is one file here; what it raises on a damaged file ends at `boundary`. Pixels are
read row for row as the vendor's own program shows them, and never turned.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from k2c_gui.core.model import K2CError

from . import emd, gatan, mrc, raster, tia, tiff
from .boundary import boundary
from .info import ImageInfo

__all__ = ["SUFFIXES", "ImageInfo", "find", "inspect", "read"]


class _Format(NamedTuple):
    name: str
    inspect: Callable[[Path], ImageInfo]
    read: Callable[[Path], NDArray[Any]]


_TIFF = _Format("TIFF", tiff.inspect, tiff.read)
_JPEG = _Format("JPEG", raster.inspect_jpeg, raster.read_jpeg)
_DM = _Format("DigitalMicrograph", gatan.inspect, gatan.read)
_FORMATS = {
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".mrc": _Format("MRC", mrc.inspect, mrc.read),
    ".png": _Format("PNG", raster.inspect_png, raster.read_png),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".emd": _Format("EMD", emd.inspect, emd.read),
    ".dm3": _DM,
    ".dm4": _DM,
    ".ser": _Format("SER", tia.inspect, tia.read),
}
SUFFIXES = frozenset(_FORMATS)
"""Of the files that are tried, in lower case."""


def find(folder: Path) -> list[Path]:
    """List the micrographs of a folder by their suffixes; subfolders and hidden files are left out.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of Path
        Sorted by name, upper and lower case as one.

    Raises
    ------
    K2CError
        There is no such folder, or it may not be read.
    """
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise K2CError(
            f"The folder of micrographs cannot be listed ({error.strerror}).",
            file=folder,
            remedy="Give the folder that holds the micrographs.",
        ) from error
    found = [
        path
        for path in entries
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
    return sorted(found, key=lambda path: (path.name.casefold(), path.name))


def inspect(path: Path) -> ImageInfo:
    """Read the header of a micrograph.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ImageInfo

    Raises
    ------
    K2CError
        No format we read, no micrograph, damaged, or too large.
    """
    form = _format(path)
    with boundary(path, form.name):
        return form.inspect(path)


def read(path: Path) -> NDArray[Any]:
    """Read the pixels of a micrograph.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ndarray
        (height, width), grey, numeric dtype as stored (bool becomes uint8), native byte order.
        Colour becomes luminance, alpha is dropped, palettes are applied; not-a-number and infinite
        values stay.

    Raises
    ------
    K2CError
        No format we read, no micrograph, damaged, or too large.
    """
    form = _format(path)
    with boundary(path, form.name):
        return form.read(path)


def _format(path: Path) -> _Format:
    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        raise K2CError(
            f"Files that end in {path.suffix or 'nothing'!r} are not read as micrographs.",
            file=path,
            remedy=f"Save it as one of {', '.join(sorted(SUFFIXES))}.",
        )
    if not path.is_file():
        raise K2CError("There is no such file.", file=path, remedy="Look where it was moved to.")
    if not path.stat().st_size:
        raise K2CError("The file is empty.", file=path, remedy="Fetch the original file again.")
    return form
