"""ImageJ: ``MICROGRAPH_RoiSet.zip`` for the ROI Manager, one point an instance.

ImageJ counts from the top-left pixel, and a whole number in a point ROI is the middle of a pixel
(class `Roi` in the ImageJ API: "Line and Point Rois: Integer coordinates refer to the center of a
pixel"): half a px is taken from the program's coordinates. A ROI is called ``NUMBER LABEL``, and
its group is the place of the label among those in use, from 1, which gives it a colour. Negatives
have no place. An instance without a hard label is left out. The ROI bytes are written here, after
`ij.io.RoiDecoder`; the zip has fixed times and no compression, so that it is the same each time.
"""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

from k2c_gui.core.model import K2CError, Progress, TrainingSet
from k2c_gui.core.names import label_names, stems
from k2c_gui.io.legal_names import report, stem_changes

NAME = "ImageJ (RoiSet.zip)"
DESCRIPTION = "Point ROIs for the ROI Manager, from the middle of the first pixel."
NEEDS_PIXELS = False
TILED = False
SPLIT_FOLDER = None

_VERSION = 228
_POINT = 10
_SUB_PIXEL = 128
_LARGEST = 32767
"""Px: the format has 16 bits, with a sign, for the corner of a ROI."""


def write(training_set: TrainingSet, folder: Path, progress: Progress) -> tuple[str, ...]:
    """Write ``MICROGRAPH_RoiSet.zip``, for micrographs with instances.

    Parameters
    ----------
    training_set : TrainingSet
    folder : Path
        Empty.
    progress : Progress

    Returns
    -------
    tuple of str
        File names.

    Raises
    ------
    K2CError
        A micrograph is larger than the format can count.
    """
    rows = training_set.labelled
    names = label_names(training_set.labels)
    used = [label.value for label in training_set.labels if label.use]
    files = []
    for i, stem in enumerate(stems(training_set.micrographs)):
        progress(NAME, i, len(training_set.micrographs))
        micrograph = training_set.micrographs[i]
        own = rows[rows["micrograph"] == i]
        if max(micrograph.width, micrograph.height) > _LARGEST:
            raise K2CError(
                f"{micrograph.name} is larger than the {_LARGEST} px of an ImageJ ROI.",
                remedy="Leave out this format.",
            )
        if not len(own):  # the ROI Manager takes an empty zip for a broken one
            continue
        files.append(f"{stem}_RoiSet.zip")
        with zipfile.ZipFile(folder / files[-1], "w") as archive:
            fields = ("instance", "x", "y", "label")
            for number, x, y, label in zip(*(own[f].tolist() for f in fields), strict=True):
                member = zipfile.ZipInfo(f"{number:06d}.roi", (1980, 1, 1, 0, 0, 0))
                member.create_system = 3  # else it says on which system it was written
                member.external_attr = 0o644 << 16
                name = f"{number} {names[label]}"
                group = min(used.index(label) + 1, 255)
                archive.writestr(member, _point(x - 0.5, y - 0.5, name, group))
    return (*files, *report(folder, stem_changes(training_set.micrographs)))


def count(folder: Path) -> int:
    """ROIs of all files together."""
    found = 0
    for path in folder.glob("*_RoiSet.zip"):
        with zipfile.ZipFile(path) as archive:
            found += len(archive.namelist())
    return found


def _point(x: float, y: float, name: str, group: int) -> bytes:
    """One point ROI with a sub-pixel place: header, coordinates, second header, name."""
    left, top = int(x // 1), int(y // 1)
    head = struct.pack(
        ">4shBxhhhhH16xhi4s4shhBBhi",
        *(b"Iout", _VERSION, _POINT, top, left, top + 1, left + 1, 1),
        *(0, 0, bytes(4), bytes(4), 0, _SUB_PIXEL, 0, 0, 0, 0),
    )
    # whole px from the corner of the ROI, then the place itself
    place = struct.pack(">hhff", 0, 0, x, y)
    second = len(head) + 4 + len(place)
    text = name.encode("utf-16-be")
    more = struct.pack(
        ">4xiiiii4shBBifiii12x",
        *(0, 0, 0, second + 64, len(text) // 2, bytes(4), 0, group, 0, 0, 0.0, 0, 0, 0),
    )
    return head + struct.pack(">i", second) + place + more + text
