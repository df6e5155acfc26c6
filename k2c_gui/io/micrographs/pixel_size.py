"""Lengths in the spellings that microscopes write, in nm."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

SQUARE_TOLERANCE = 1e-3
"""Relative difference of width and height up to which a pixel counts as square: a micrograph of
4,096 px is then off by 4 px at most."""

DIGITS = 7
"""Significant digits kept of a pixel size: more than any calibration is good for, and fewer than
headers in float32 spoil (0.20999999046 nm for 0.21)."""

_METRE = 1e9
_PREFIXES = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1, "": 0,
    "d": -1, "c": -2, "m": -3, "µ": -6, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21,
    "y": -24,
}  # fmt: skip
_INCH = 2.54e7
_NM = {f"{prefix}m": _METRE * 10.0**power for prefix, power in _PREFIXES.items()} | {
    "Å": 0.1,
    "A": 0.1,
    # OME's others: OME-XML schema 2016-06, UnitsLength
    "thou": _INCH / 1000,
    "li": _INCH / 12,
    "in": _INCH,
    "ft": _INCH * 12,
    "yd": _INCH * 36,
    "mi": _INCH * 63_360,
    "pt": _INCH / 72,
    "ua": 1.495978707e11 * _METRE,
    "ly": 9.4607304725808e15 * _METRE,
    "pc": 3.0856776e16 * _METRE,
}
_NM_WORDS = {
    "nanometer": 1.0,
    "nanometers": 1.0,
    "nanometre": 1.0,
    "nanometres": 1.0,
    "micron": 1e3,
    "microns": 1e3,
    "micrometer": 1e3,
    "micrometers": 1e3,
    "micrometre": 1e3,
    "micrometres": 1e3,
    "ang": 0.1,
    "angstrom": 0.1,
    "angstroms": 0.1,
    "ångström": 0.1,
    "ångstrom": 0.1,
    "inch": _INCH,
    "inches": _INCH,
    "nm": 1.0,
    "um": 1e3,
    "µm": 1e3,
    "å": 0.1,
    "a": 0.1,
}
_NO_UNIT = {"", "none", "pixel", "pixels", "px", "reference frame"}
_RECIPROCAL = re.compile(r"1\s*/|^/|\^\s*-|⁻|-1$")


@dataclass(frozen=True, slots=True)
class PixelSize:
    """What the tags of a file say about its pixel size.

    Attributes
    ----------
    nm : float or None
        Positive and finite; None: not calibrated.
    source : str
        Which tags.
    warning : str
        Why tags that are there give no pixel size.
    """

    nm: float | None = None
    source: str = ""
    warning: str = ""


UNCALIBRATED = PixelSize()


def spelled(unit: object) -> str:
    r"""Undo the ways in which writers disguise a unit.

    Parameters
    ----------
    unit : object
        As stored: text, bytes or nothing; ``\u00B5m`` (ImageJ), ``n_m`` or ``[n_m]`` (Berkeley),
        the Greek letter mu for the micro sign, trailing zeros.

    Returns
    -------
    str
    """
    if isinstance(unit, bytes):
        unit = unit.decode("utf-8", errors="replace")
    text = "" if unit is None else str(unit)
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), text)
    text = text.replace("\u03bc", "µ").replace("\u212b", "Å")
    return text.replace("\0", "").replace("_", "").strip().strip("[]").strip()


def nm_per(unit: object) -> float | None:
    """Length of a unit.

    Parameters
    ----------
    unit : object
        As stored in a file, see `spelled`.

    Returns
    -------
    float or None
        nm; None where it is no length we know.
    """
    text = spelled(unit)
    return _NM.get(text) or _NM_WORDS.get(text.lower())


def pixel_size(
    x: float,
    x_unit: object,
    y: float,
    y_unit: object,
    source: str,
    *,
    one_is_default: bool = False,
) -> PixelSize:
    """Judge the width and height that a file gives its pixels.

    Parameters
    ----------
    x, y : float
        Width and height of a pixel.
    x_unit, y_unit : object
        As stored, see `spelled`.
    source : str
        Which tags they are from.
    one_is_default : bool
        Programs that do not know the size write 1 here: an exact 1 is not believed.

    Returns
    -------
    PixelSize
        Without `nm`, and with a warning, for reciprocal or unknown units, sizes that are not
        positive and finite, and pixels that are not square. Without either where there is no unit.
    """
    units = [spelled(x_unit), spelled(y_unit)]
    if any(unit.lower() in _NO_UNIT for unit in units):
        return UNCALIBRATED
    for unit in units:
        if _RECIPROCAL.search(unit):
            return _unusable(source, f"its unit is {unit!r}, which is not one of real space")
        if nm_per(unit) is None:
            return _unusable(source, f"its unit is {unit!r}, which is not known here")
    width, height = (
        float(size) * (nm_per(unit) or 0.0) for size, unit in zip((x, y), units, strict=True)
    )
    if not (math.isfinite(width) and math.isfinite(height) and width > 0 and height > 0):
        return _unusable(source, f"it says {x} x {y}")
    if abs(width - height) > SQUARE_TOLERANCE * max(width, height):
        return _unusable(
            source, f"it says {width:.6g} x {height:.6g} nm, and pixels must be square"
        )
    if one_is_default and x == y == 1:
        return _unusable(
            source,
            f"it says exactly 1 {units[0]}, as programs write that do not know; set it if right",
        )
    return PixelSize(float(f"{width:.{DIGITS}g}"), source)


def _unusable(source: str, why: str) -> PixelSize:
    return PixelSize(warning=f"No pixel size is taken from {source}: {why}.")


def unreadable(source: str) -> PixelSize:
    """Calibration tags that are there but damaged.

    Parameters
    ----------
    source : str
        Which tags.
    """
    return PixelSize(warning=f"No pixel size is taken from {source}: it cannot be read.")
