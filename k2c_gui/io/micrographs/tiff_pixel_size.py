"""Pixel size from the tags that each vendor puts into TIFF; never from dots per inch."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .pixel_size import UNCALIBRATED, PixelSize, nm_per, pixel_size, spelled, unreadable

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

GATAN_UNITS = 65003, 65004
GATAN_SCALES = 65009, 65010
FEI_TAGS = 34680, 34682
TVIPS = 37706
ZEISS = 34118
SIS = 33560
CENTIMETRE = 3

FINEST_CAMERA_NM = 100.0
"""A resolution in centimetres or inches is one of paper, screen, scanner or sensor unless it is
finer than any of them: the smallest sensor pixels are 500 nm, 25,400 dots per inch are 1,000 nm."""

TVIPS_METRES = 1e-4
"""tifffile gives TVIPS pixel sizes in nm since 2026.3.3 and gave them in m before. No micrograph
has pixels below 1e-4 nm or above 1e-4 m."""


@dataclass(frozen=True, slots=True)
class _Tags:
    file: TiffFile
    place: int
    page: TiffPage

    def value(self, code: int) -> Any:
        """Of the page that is used or, failing that, of the first: some vendors write it once."""
        return self.page.tags.valueof(code, self.file.pages.first.tags.valueof(code))


def tiff_pixel_size(file: TiffFile, place: int, page: TiffPage) -> PixelSize:
    """Ask every vendor's tags for the pixel size.

    Parameters
    ----------
    file : TiffFile
    place : int
        Of the series that is used, among those of the file.
    page : TiffPage
        Whose pixels are used.

    Returns
    -------
    PixelSize
        The first that gives one; else the first that says why it does not.
    """
    tags = _Tags(file, place, page)
    found = []
    for name, ask in _SOURCES.items():
        # damaged tags must not cost the pixels
        try:
            found.append(ask(tags, name))
        except Exception:
            found.append(unreadable(name))
    return next(
        (one for one in found if one.nm is not None),
        next((one for one in found if one.warning), UNCALIBRATED),
    )


def _ome(tags: _Tags, name: str) -> PixelSize:
    if not tags.file.is_ome:
        return UNCALIBRATED
    images = re.findall(r"<(?:\w+:)?Pixels\b[^>]*>", tags.file.ome_metadata or "")
    here = images[tags.place if tags.place < len(images) else 0]
    stated = dict(re.findall(r"(PhysicalSize[XY](?:Unit)?)\s*=\s*[\"']([^\"']*)[\"']", here))
    if "PhysicalSizeX" not in stated:
        return UNCALIBRATED
    # the schema: micrometres where no unit is given
    x_unit = html.unescape(stated.get("PhysicalSizeXUnit", "µm"))
    y_unit = html.unescape(stated.get("PhysicalSizeYUnit", x_unit))
    x = float(stated["PhysicalSizeX"])
    return pixel_size(x, x_unit, float(stated.get("PhysicalSizeY", x)), y_unit, name)


def _gatan(tags: _Tags, name: str) -> PixelSize:
    x, y = (tags.value(code) for code in GATAN_SCALES)
    x_unit, y_unit = (tags.value(code) for code in GATAN_UNITS)
    if x is None or x_unit is None:
        return UNCALIBRATED
    return pixel_size(x, x_unit, x if y is None else y, y_unit or x_unit, name)


def _fei(tags: _Tags, name: str) -> PixelSize:
    for code in FEI_TAGS:
        sections = tags.value(code) or {}
        for scan in (sections.get("Scan"), sections.get("EScan")):
            if scan and "PixelWidth" in scan:
                return pixel_size(scan["PixelWidth"], "m", scan["PixelHeight"], "m", name)
    return UNCALIBRATED


def _tvips(tags: _Tags, name: str) -> PixelSize:
    header = tags.value(TVIPS) or {}
    if not header.get("PixelSizeX"):
        return UNCALIBRATED
    x, y = header["PixelSizeX"], header["PixelSizeY"]
    unit = "m" if 0 < x < TVIPS_METRES else "nm"
    return pixel_size(x, unit, y, unit, name)


def _zeiss(tags: _Tags, name: str) -> PixelSize:
    header = tags.value(ZEISS) or {}
    entry = header.get("ap_image_pixel_size") or header.get("ap_pixel_size")
    if not entry:
        return UNCALIBRATED
    _, size, unit = entry
    return pixel_size(size, unit, size, unit, name)


def _sis(tags: _Tags, name: str) -> PixelSize:
    header = tags.value(SIS)
    if not isinstance(header, dict) or not header.get("pixelsizex"):
        return UNCALIBRATED
    return pixel_size(header["pixelsizex"], "m", header["pixelsizey"], "m", name)


def _imagej(tags: _Tags, name: str) -> PixelSize:
    if not tags.file.is_imagej:
        return UNCALIBRATED
    written = tags.file.imagej_metadata or {}
    x_unit = written.get("unit")
    if x_unit is None or 0 in tags.page.resolution:
        return UNCALIBRATED
    x, y = (1 / pixels for pixels in tags.page.resolution)
    # ImageJ keeps the dots per inch of the file it opened as a scale in inches
    if spelled(x_unit) in ("inch", "in", "cm") and x * (nm_per(x_unit) or 0) > FINEST_CAMERA_NM:
        return UNCALIBRATED
    y_unit = written.get("yunit", x_unit)
    return pixel_size(x, x_unit, y, y_unit, name, one_is_default=True)


def _centimetres(tags: _Tags, name: str) -> PixelSize:
    if tags.page.resolutionunit != CENTIMETRE or 0 in tags.page.resolution:
        return UNCALIBRATED
    x, y = (1 / pixels for pixels in tags.page.resolution)
    if x * (nm_per("cm") or 0) > FINEST_CAMERA_NM:
        return UNCALIBRATED
    return pixel_size(x, "cm", y, "cm", name)


_SOURCES: dict[str, Callable[[_Tags, str], PixelSize]] = {
    "OME PhysicalSize": _ome,
    "Gatan TIFF tag 65009": _gatan,
    "FEI TIFF tag 34682": _fei,
    "TVIPS TIFF tag 37706": _tvips,
    "Zeiss TIFF tag 34118": _zeiss,
    "Olympus SIS TIFF tag 33560": _sis,
    "ImageJ scale": _imagej,
    "TIFF resolution per cm": _centimetres,
}
