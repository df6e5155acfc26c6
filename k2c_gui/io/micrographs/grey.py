"""From whatever a decoder returns to one grey plane."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of red, green, blue: Recommendation ITU-R BT.601."""


def grey(pixels: NDArray[Any]) -> NDArray[Any]:
    """Collapse colour and drop alpha.

    Parameters
    ----------
    pixels : ndarray
        (height, width), or (height, width, samples) with samples grey, grey + alpha, RGB or RGBA.

    Returns
    -------
    ndarray
        (height, width), C-contiguous, native byte order, dtype as given (bool becomes uint8).
        Where red, green and blue are equal throughout it is that value, else the luminance.

    Raises
    ------
    ValueError
        Another shape, or pixels that are no real numbers.
    """
    if pixels.ndim == 3 and 1 <= pixels.shape[2] <= 4:
        pixels = pixels[..., 0] if pixels.shape[2] < 3 else _luminance(pixels[..., :3])
    if pixels.ndim != 2:
        raise ValueError(f"pixels of shape {pixels.shape} are not one plane")
    if pixels.dtype == np.bool_:
        pixels = pixels.view(np.uint8)
    if pixels.dtype.kind not in "uif":
        raise ValueError(f"pixels of type {pixels.dtype} are not real numbers")
    return np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))


def _luminance(rgb: NDArray[Any]) -> NDArray[Any]:
    red = rgb[..., 0]
    if np.array_equal(red, rgb[..., 1]) and np.array_equal(red, rgb[..., 2]):
        return red
    mixed = rgb @ LUMINANCE
    if rgb.dtype.kind in "ui":
        mixed = np.rint(mixed)
    return mixed.astype(rgb.dtype)


def is_rising_ramp(colours: NDArray[Any]) -> bool:
    """Whether a palette only says that a larger index is a brighter grey.

    Parameters
    ----------
    colours : ndarray
        (3, entries), red, green and blue.
    """
    red, green, blue = colours.astype(np.int64)
    same = np.array_equal(red, green) and np.array_equal(red, blue)
    return bool(same and (np.diff(red) >= 0).all() and red[-1] > red[0])


def apply_palette(indices: NDArray[Any], colours: NDArray[Any]) -> NDArray[Any]:
    """Look the colours of a palette image up, unless the indices already are the greys.

    Parameters
    ----------
    indices : ndarray
        (height, width), unsigned.
    colours : ndarray
        (3, entries), uint16.

    Returns
    -------
    ndarray
        (height, width), or (height, width, 3) of the dtype of `indices`.
    """
    if is_rising_ramp(colours):
        return indices
    # TIFF palettes have 16 bits, but some writers fill the lower 8 only
    if indices.dtype.itemsize == 1 and colours.max() > 255:
        colours = colours >> 8
    looked_up: NDArray[Any] = colours.T.astype(indices.dtype)[indices]
    return looked_up
