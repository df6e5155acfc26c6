"""EMD: HDF5 as Velox (Thermo Fisher) and Berkeley (NCEM) write it, through h5py."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from k2c_gui.core.model import K2CError

from .grey import grey
from .info import ImageInfo, check_size, planes_warning
from .pixel_size import UNCALIBRATED, PixelSize, pixel_size, unreadable

if TYPE_CHECKING:
    import h5py

VELOX_IMAGES = "Data/Image"
VELOX = "Velox metadata"
BERKELEY = "EMD dimensions"


@dataclass(frozen=True, slots=True)
class _Found:
    """A dataset that holds an image; `velox` has its planes last, Berkeley first."""

    data: h5py.Dataset
    velox: bool

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.data.shape[:2] if self.velox else self.data.shape[-2:]
        return int(height), int(width)

    @property
    def planes(self) -> int:
        return 1 if self.data.ndim == 2 else int(self.data.shape[-1 if self.velox else 0])


def inspect(path: Path) -> ImageInfo:
    """Describe the first image of an EMD file; no pixels are read.

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
    """
    with _first(path) as (found, images):
        name = VELOX if found.velox else BERKELEY
        try:
            calibration = (_velox if found.velox else _berkeley)(found.data.parent)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, OSError):
            calibration = unreadable(name)
        warnings = [calibration.warning, *planes_warning(found.planes)]
        if images > 1:
            warnings.append(f"The file holds {images} images; the first is used.")
        height, width = found.size
        return ImageInfo(
            width,
            height,
            "uint8" if found.data.dtype == np.bool_ else str(found.data.dtype.newbyteorder("=")),
            calibration.nm,
            calibration.source,
            warnings=tuple(filter(None, warnings)),
        )


def read(path: Path) -> NDArray[Any]:
    """Read the first image of an EMD file, the first plane of a stack.

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
    with _first(path) as (found, _):
        if found.data.ndim == 2:
            return grey(found.data[...])
        return grey(found.data[..., 0] if found.velox else found.data[0])


@contextmanager
def _first(path: Path) -> Iterator[tuple[_Found, int]]:
    import h5py

    with h5py.File(path, "r") as file:
        velox = isinstance(file.get(VELOX_IMAGES), h5py.Group)
        candidates = _velox_images(file) if velox else _berkeley_images(file)
        images = [data for data in candidates if data.ndim in (2, 3) and data.dtype.kind in "uifb"]
        if not images:
            raise K2CError(
                "There is no image in this EMD file.",
                file=path,
                remedy="Spectra and diffraction patterns are not micrographs; save the image.",
            )
        found = _Found(images[0], velox)
        height, width = found.size
        decoded = width * height * found.data.dtype.itemsize
        # HDF5 decodes whole chunks
        chunk = math.prod(found.data.chunks or ()) * found.data.dtype.itemsize
        check_size(path, width, height, max(decoded, chunk))
        yield found, len(images)


def _velox_images(file: h5py.File) -> list[h5py.Dataset]:
    return [group["Data"] for group in file[VELOX_IMAGES].values() if "Data" in group]


def _berkeley_images(file: h5py.File) -> list[h5py.Dataset]:
    found = []

    def visit(_: str, node: Any) -> None:
        if node.attrs.get("emd_group_type") == 1 and "data" in node:
            found.append(node["data"])

    file.visititems(visit)
    return found


def _velox(group: h5py.Group) -> PixelSize:
    stored = group["Metadata"][:, 0].tobytes()
    written = json.loads(stored.split(b"\0", 1)[0])["BinaryResult"]
    size = written["PixelSize"]
    return pixel_size(
        float(size["width"]),
        written["PixelUnitX"],
        float(size["height"]),
        written["PixelUnitY"],
        VELOX,
    )


def _berkeley(group: h5py.Group) -> PixelSize:
    axes = group["data"].ndim
    steps, units = [], []
    for axis in (axes, axes - 1):
        along = group[f"dim{axis}"]
        if len(along) < 2 or "units" not in along.attrs:
            return UNCALIBRATED
        # float32 positions: over the whole length, for a step may lie below their precision
        steps.append(abs(float(along[-1]) - float(along[0])) / (len(along) - 1))
        units.append(along.attrs["units"])
    return pixel_size(steps[0], units[0], steps[1], units[1], BERKELEY)
