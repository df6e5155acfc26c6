"""TIFF in every flavour that microscopes and ImageJ write: pixels through tifffile."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .grey import apply_palette, grey
from .info import ImageInfo, check_length, check_size, planes_warning
from .tiff_pixel_size import tiff_pixel_size

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

MINISWHITE, MINISBLACK, RGB, PALETTE, YCBCR = 0, 1, 2, 3, 6
NOT_COMPRESSED = 1
JPEG = 6, 7
ORIENTATION = 274
TOP_LEFT = 1


@dataclass(frozen=True, slots=True)
class _Series:
    """Pages that belong together; `page` is the first, `place` counts the series in the file."""

    place: int
    page: TiffPage
    planes: int


def inspect(path: Path) -> ImageInfo:
    """Describe the largest image of a TIFF file; no pixels are decoded.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ImageInfo

    Raises
    ------
    K2CError
        The size or the length of the file cannot be right.
    """
    with _largest(path) as (file, series):
        page = series.page
        calibration = tiff_pixel_size(file, series.place, page)
        warnings = [*planes_warning(series.planes), calibration.warning]
        orientation = page.tags.valueof(ORIENTATION, TOP_LEFT)
        if orientation != TOP_LEFT:
            warnings.append(
                f"The orientation tag ({orientation}) asks for a turned or mirrored view; the "
                "pixels are used as stored. Check that the marks sit right."
            )
        if page.photometric == MINISBLACK and page.samplesperpixel > 1:
            warnings.append(f"A pixel has {page.samplesperpixel} samples; the first is used.")
        return ImageInfo(
            width=page.imagewidth,
            height=page.imagelength,
            dtype="uint8" if page.dtype == np.bool_ else str(page.dtype),
            pixel_size_nm=calibration.nm,
            pixel_size_source=calibration.source,
            inverted=page.photometric == MINISWHITE,
            warnings=tuple(filter(None, warnings)),
        )


def read(path: Path) -> NDArray[Any]:
    """Decode the largest image of a TIFF file, the first plane of a stack.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ndarray
        (height, width). MINISWHITE stays as stored; the orientation tag is not applied.

    Raises
    ------
    K2CError
        The size or the length of the file cannot be right.
    """
    with _largest(path) as (_, series):
        page = series.page
        pixels = page.asarray()
        if page.photometric == PALETTE and page.colormap is not None:
            return grey(apply_palette(pixels, page.colormap))
        if page.axes == "SYX":
            pixels = np.moveaxis(pixels, 0, -1)
        # what is not RGB has grey or luminance first; JPEG comes out as RGB whatever its tag says
        if pixels.ndim == 3 and page.photometric != RGB and page.compression not in JPEG:
            pixels = pixels[..., 0]
        return grey(pixels)


@contextmanager
def _largest(path: Path) -> Iterator[tuple[TiffFile, _Series]]:
    """Open the file and find the series with most pixels, sound enough to be decoded."""
    from tifffile import TiffFile

    with TiffFile(path) as file:
        every = _series(file)
        if not every:
            raise ValueError("there is no image in it")
        # previews come first, in colour, and may be as large as the micrograph itself
        best = max(
            every,
            key=lambda one: (
                one.page.imagewidth * one.page.imagelength,
                one.page.samplesperpixel == 1,
            ),
        )
        _check(path, best.page)
        yield file, best


def _series(file: TiffFile) -> list[_Series]:
    try:
        return [
            _Series(
                place, one.keyframe, math.prod(one.shape) // max(1, math.prod(one.keyframe.shape))
            )
            for place, one in enumerate(file.series)
        ]
    # a damaged description must not cost the pixels: then every page stands for itself
    except Exception:
        return [_Series(place, page.aspage(), 1) for place, page in enumerate(file.pages)]


def _check(path: Path, page: TiffPage) -> None:
    """Refuse before decoding what tifffile would only find out, or fill with zeros, while at it."""
    if page.photometric not in (MINISWHITE, MINISBLACK, RGB, PALETTE, YCBCR):
        raise ValueError(f"its colours (photometric {page.photometric}) are not those of a camera")
    if page.dtype is None or page.dtype.kind not in "biuf":
        raise ValueError(f"pixels of {page.dtype or page.bitspersample} are not real numbers")
    if page.axes not in ("YX", "YXS", "SYX"):
        raise ValueError(f"its image has the axes {page.axes}")
    piece = math.prod(page.chunks) * page.dtype.itemsize
    check_size(path, page.imagewidth, page.imagelength, max(page.nbytes, piece))
    complete = len(page.dataoffsets) >= math.prod(page.chunked)
    if not (complete and all(page.dataoffsets) and all(page.databytecounts)):
        raise ValueError("parts of the image are missing")
    if page.compression == NOT_COMPRESSED:
        # the last strip may be declared longer than it is
        before = sum(page.databytecounts[:-1])
        packed = page.nbytes * page.bitspersample // (8 * page.dtype.itemsize)
        check_length(path, page.dataoffsets[-1] + max(0, packed - before))
    else:
        ends = zip(page.dataoffsets, page.databytecounts, strict=True)
        check_length(path, max(offset + count for offset, count in ends))
