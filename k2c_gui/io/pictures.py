"""Pictures as a training program opens them: 8-bit PNG, and TIFF without a date."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2c_gui.core.model import Progress, TrainingSet
from k2c_gui.core.names import stems

DARK, BRIGHT = 0.5, 99.5
"""Percentiles that become black and white; as the window shows a micrograph."""

CONTRAST = (
    f"8-bit grey; black and white are the percentiles {DARK:g} and {BRIGHT:g} of each micrograph, "
    "but 8-bit images are as they were"
)
"""For people: how the pixels of an exported PNG came about."""


def eight_bit(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Grey values as bytes.

    Parameters
    ----------
    pixels : (height, width) array
        Any real dtype; nan becomes black.

    Returns
    -------
    (height, width) uint8
    """
    if pixels.dtype == np.uint8:
        return np.asarray(pixels, np.uint8)
    values = pixels.astype(np.float32)
    finite = values[np.isfinite(values)]
    if not len(finite):
        return np.zeros(pixels.shape, np.uint8)
    dark, bright = np.percentile(finite, [DARK, BRIGHT])
    span = max(float(bright - dark), float(np.finfo(np.float32).tiny))
    with np.errstate(invalid="ignore", over="ignore"):
        share = (values - np.float32(dark)) / np.float32(span)
    inside = np.clip(np.nan_to_num(share, nan=0.0, posinf=1.0, neginf=0.0), 0, 1)
    return np.asarray(np.rint(255 * inside), np.uint8)


def stretched(training_set: TrainingSet) -> TrainingSet:
    """The same with pixels as bytes, so that one spot is one grey in all tiles cut from it."""
    pixels = training_set.pixels
    if pixels is None:
        return training_set
    return replace(training_set, pixels=lambda i: eight_bit(pixels(i)))


def write_png(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write 8-bit grey as PNG.

    Parameters
    ----------
    path : Path
    picture : (height, width) uint8
    """
    from imagecodecs import png_encode

    # 3 % larger than at the usual level, in a third of the time
    path.write_bytes(png_encode(np.ascontiguousarray(picture), level=1))


def write_tiff(path: Path, planes: NDArray[Any]) -> None:
    """Write a TIFF whose bytes depend on the pixels alone.

    Parameters
    ----------
    path : Path
    planes : (height, width) or (planes, height, width) array
        Several planes become one page each.
    """
    import tifffile

    with tifffile.TiffWriter(path) as file:
        for plane in planes[np.newaxis] if planes.ndim == 2 else planes:
            file.write(
                plane, photometric="minisblack", compression="zlib", metadata=None, software=""
            )


def write_images(
    training_set: TrainingSet, folder: Path, names: dict[int, str], progress: Progress
) -> tuple[str, ...]:
    """Write micrographs as 8-bit PNG, where there are pixels.

    Parameters
    ----------
    training_set : TrainingSet
    folder : Path
    names : dict of int to str
        By place of the micrograph: path below `folder`, with ``/``.
    progress : Progress

    Returns
    -------
    tuple of str
        Of `names`; empty where no images are wanted.
    """
    if training_set.pixels is None:
        return ()
    for done, (i, name) in enumerate(names.items()):
        progress("Images", done, len(names))
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_png(path, eight_bit(training_set.pixels(i)))
    progress("Images", len(names), len(names))
    return tuple(names.values())


def image_names(training_set: TrainingSet, pattern: str) -> dict[int, str]:
    """Paths of images by place of the micrograph.

    Parameters
    ----------
    training_set : TrainingSet
    pattern : str
        With ``{split}`` and ``{stem}``.

    Returns
    -------
    dict of int to str
    """
    return {
        i: pattern.format(split=split, stem=stem)
        for i, (stem, split) in enumerate(
            zip(stems(training_set.micrographs), training_set.split, strict=True)
        )
    }
