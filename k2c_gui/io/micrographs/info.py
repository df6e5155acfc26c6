"""What is known of a micrograph before its pixels are read, and how large it may be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from k2c_gui.core.model import K2CError

MAX_SIDE = 32_768
"""px. Four times the largest camera of an electron microscope (8,192 px), and the largest texture
that displays take."""

MAX_BYTES = 2 << 30
"""Decoded. A 32,768 x 32,768 px micrograph of 16 bits; more does not fit beside the program on an
ordinary laptop."""

MAX_RATIO = 2_000
"""Decoded size over file size. Noise keeps micrographs below 20, and deflate cannot exceed 1,032:
what lies above is a damaged header, not a micrograph."""

RATIO_FLOOR = 16 << 20
"""Bytes decoded up to which the ratio is not asked: blank test images compress without limit."""


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """A micrograph as its header describes it.

    Attributes
    ----------
    width, height : int
        px.
    dtype : str
        Of the array that `read` returns.
    pixel_size_nm : float or None
        None: not calibrated.
    pixel_size_source : str
        Which tag the pixel size rests on; empty without one.
    inverted : bool
        Dark and bright are to be swapped on display (TIFF MINISWHITE); the pixels stay as stored.
    warnings : tuple of str
        What the expert should know before trusting the file.
    """

    width: int
    height: int
    dtype: str
    pixel_size_nm: float | None = None
    pixel_size_source: str = ""
    inverted: bool = False
    warnings: tuple[str, ...] = ()


def check_size(path: Path, width: int, height: int, decoded: int) -> None:
    """Refuse a size that no micrograph has, before any memory is taken for it.

    Parameters
    ----------
    path : Path
    width, height : int
        px.
    decoded : int
        Bytes in memory.

    Raises
    ------
    K2CError
        The header claims no pixels, a side, a size, or a compression beyond the limits above.
    """
    claim = f"The header claims {width} x {height} px"
    if width < 1 or height < 1:
        raise K2CError(f"{claim}.", file=path, remedy="Fetch the original file again.")
    if max(width, height) > MAX_SIDE:
        raise K2CError(
            f"{claim}; at most {MAX_SIDE} px a side are read.",
            file=path,
            remedy="If it is genuine, cut it into smaller micrographs.",
        )
    if decoded > MAX_BYTES:
        raise K2CError(
            f"{claim}, {decoded / 2**30:.1f} GiB of pixels; at most {MAX_BYTES >> 30} are read.",
            file=path,
            remedy="If it is genuine, store it with fewer bits a pixel.",
        )
    size = path.stat().st_size
    if decoded > max(RATIO_FLOOR, size * MAX_RATIO):
        raise K2CError(
            f"{claim}, {decoded >> 20} MiB of pixels, but the file has only {size} bytes.",
            file=path,
            remedy="Fetch the original file again.",
        )


def check_length(path: Path, end: int) -> None:
    """Refuse a file that ends before its pixels do.

    Parameters
    ----------
    path : Path
    end : int
        Offset of the byte after the last pixel.

    Raises
    ------
    K2CError
        The file is shorter.
    """
    size = path.stat().st_size
    if size < end:
        raise K2CError(
            f"The file is cut short: it has {size} bytes of {end}.",
            file=path,
            remedy="Fetch the original file again.",
        )


def planes_warning(planes: int) -> tuple[str, ...]:
    """Say that only the first of several planes is used.

    Parameters
    ----------
    planes : int
        In the file.

    Returns
    -------
    tuple of str
        Empty for one plane.
    """
    return (f"The file holds {planes} planes; the first is used.",) if planes > 1 else ()
