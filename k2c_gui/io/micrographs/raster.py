"""PNG and JPEG through imagecodecs; sizes from their own headers. Neither is calibrated."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from .grey import grey
from .info import ImageInfo, check_size

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_SAMPLES = {0: 1, 2: 3, 3: 4, 4: 2, 6: 4}
"""Samples a pixel may decode to, by colour type (PNG specification, 11.2.1); a palette may hold
transparency."""

JPEG_SIGNATURE = b"\xff\xd8"
JPEG_END = b"\xff\xd9"
JPEG_FILL = 0xFF
JPEG_SCAN = 0xDA
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers that carry the size (ITU-T T.81, table B.1)."""
JPEG_BARE = {0x01, *range(0xD0, 0xD8)}
"""Markers without a length."""


def inspect_png(path: Path) -> ImageInfo:
    """Describe a PNG file by its header.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ImageInfo

    Raises
    ------
    K2CError
        The size cannot be right.
    ValueError, struct.error
        No PNG.
    """
    with path.open("rb") as file:
        signature, header = file.read(8), file.read(25)
    if signature != PNG_SIGNATURE:
        raise ValueError("it does not begin as PNG does")
    width, height, bits, colour = struct.unpack_from(">IIBB", header, 8)
    return _info(path, width, height, PNG_SAMPLES[colour], bits)


def read_png(path: Path) -> NDArray[Any]:
    """Decode a PNG file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ndarray
        (height, width), uint8 or uint16.

    Raises
    ------
    K2CError
        The size cannot be right.
    Exception
        Whatever the decoder raises.
    """
    from imagecodecs import png_decode

    inspect_png(path)
    return grey(png_decode(path.read_bytes()))


def inspect_jpeg(path: Path) -> ImageInfo:
    """Describe a JPEG file by its frame header.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ImageInfo

    Raises
    ------
    K2CError
        The size cannot be right.
    ValueError, struct.error, IndexError
        No JPEG, one without an end, or colours of the press.
    """
    stored = path.read_bytes()
    if not stored.startswith(JPEG_SIGNATURE):
        raise ValueError("it does not begin as JPEG does")
    frame, scan = _jpeg_frame(stored)
    # the decoder would fill what is missing with grey and say nothing
    if stored.find(JPEG_END, scan) < 0:
        raise ValueError("it is cut short")
    bits, height, width, samples = struct.unpack_from(">BHHB", frame)
    if samples > 3:
        raise ValueError("its colours are those of a printing press, CMYK")
    return _info(path, width, height, samples, bits)


def _jpeg_frame(stored: bytes) -> tuple[bytes, int]:
    """Walk the markers up to the first scan: the frame header and where the scan begins."""
    frame = b""
    at = len(JPEG_SIGNATURE)
    while True:
        while stored[at] == stored[at + 1] == JPEG_FILL:
            at += 1
        fill, marker = stored[at], stored[at + 1]
        if fill != JPEG_FILL:
            raise ValueError(f"there is no marker at byte {at}")
        at += 2
        if marker == JPEG_SCAN:
            return frame, at
        if marker in JPEG_BARE:
            continue
        (length,) = struct.unpack_from(">H", stored, at)
        if marker in JPEG_FRAMES:
            frame = stored[at + 2 : at + length]
        at += max(2, length)


def read_jpeg(path: Path) -> NDArray[Any]:
    """Decode a JPEG file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ndarray
        (height, width), uint8, or uint16 where a sample has more than 8 bits.

    Raises
    ------
    K2CError
        The size cannot be right.
    Exception
        Whatever the decoder raises.
    """
    from imagecodecs import jpeg_decode

    inspect_jpeg(path)
    return grey(jpeg_decode(path.read_bytes()))


def _info(path: Path, width: int, height: int, samples: int, bits: int) -> ImageInfo:
    check_size(path, width, height, width * height * samples * (2 if bits > 8 else 1))
    return ImageInfo(width, height, "uint16" if bits > 8 else "uint8")
