from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from k2c_gui.io.micrographs import ImageInfo, inspect
from k2c_gui.io.micrographs.pixel_size import UNCALIBRATED, nm_per, pixel_size
from k2c_gui.io.micrographs.tiff_pixel_size import TVIPS

BLANK = np.zeros((16, 24), np.uint16)


@pytest.mark.parametrize(
    ("unit", "nm"),
    [
        ("nm", 1), ("NM", 1), ("n_m", 1), ("[n_m]", 1), (b"n_m", 1), ("nm\0", 1), ("nanometers", 1),
        ("µm", 1e3), ("\u03bcm", 1e3), ("um", 1e3), (r"\u00B5m", 1e3), ("micron", 1e3),
        ("Microns", 1e3), ("micrometer", 1e3), ("pm", 1e-3), ("fm", 1e-6),
        ("Å", 0.1), ("\u212b", 0.1), ("A", 0.1), ("a", 0.1), ("Angstrom", 0.1),
        ("m", 1e9), ("mm", 1e6), ("Mm", 1e15), ("cm", 1e7), ("dm", 1e8), ("dam", 1e10),
        ("km", 1e12), ("inch", 2.54e7), ("in", 2.54e7), ("thou", 2.54e4), ("ft", 3.048e8),
        ("yd", 9.144e8), ("mi", 1.609344e12), ("pt", 2.54e7 / 72), ("li", 2.54e7 / 12),
        ("ym", 1e-15), ("Ym", 1e33),
        ("furlong", None), ("eV", None), ("1/nm", None), ("", None), (None, None), ("pixel", None),
    ],
)  # fmt: skip
def test_units(unit: object, nm: float | None) -> None:
    got = nm_per(unit)
    assert got == nm if nm is None else got == pytest.approx(nm, rel=1e-12)


@pytest.mark.parametrize("unit", ["1/nm", "1 / nm", "1/m", "nm^-1", "nm⁻¹", "/µm", "m-1"])
def test_reciprocal_units_say_so(unit: str) -> None:
    got = pixel_size(0.1, unit, 0.1, unit, "tag")
    assert got.nm is None
    assert "not one of real space" in got.warning


@pytest.mark.parametrize("size", [0.0, -0.2, float("nan"), float("inf"), float("-inf")])
def test_sizes_that_cannot_be_are_not_taken(size: float) -> None:
    for x, y in ((size, size), (0.2, size), (size, 0.2)):
        got = pixel_size(x, "nm", y, "nm", "tag")
        assert got.nm is None
        assert "tag" in got.warning


def test_pixels_must_be_square_to_a_thousandth() -> None:
    assert pixel_size(0.2, "nm", 0.2001, "nm", "tag").nm == 0.2
    assert pixel_size(200, "pm", 0.2, "nm", "tag").nm == 0.2
    got = pixel_size(0.2, "nm", 0.2003, "nm", "tag")
    assert got.nm is None
    assert "0.2 x 0.2003 nm, and pixels must be square" in got.warning


def test_no_unit_is_no_calibration_and_no_news() -> None:
    for unit in ("", None, "pixel", "px", "none", "reference frame"):
        assert pixel_size(0.2, unit, 0.2, unit, "tag") == UNCALIBRATED


def test_binary_noise_does_not_show() -> None:
    assert pixel_size(0.00021, "µm", 0.00021, "µm", "tag").nm == 0.21


def written(path: Path, **options: Any) -> ImageInfo:
    tifffile.imwrite(path / "a.tif", BLANK, **options)
    return inspect(path / "a.tif")


def ascii_tag(code: int, text: str) -> tuple[int, str, int, str, bool]:
    return (code, "s", 0, text, True)


@pytest.mark.parametrize(
    ("unit", "value"),
    [("nm", 0.21), ("µm", 0.00021), ("pm", 210.0), ("Å", 2.1), ("m", 2.1e-10), ("mm", 2.1e-7)],
)
def test_ome(tmp_path: Path, unit: str, value: float) -> None:
    size = {"PhysicalSizeX": value, "PhysicalSizeY": value}
    units = {"PhysicalSizeXUnit": unit, "PhysicalSizeYUnit": unit}
    info = written(tmp_path, ome=True, metadata={"axes": "YX", **size, **units})
    assert info.pixel_size_nm == pytest.approx(0.21)
    assert info.pixel_size_source == "OME PhysicalSize"


def test_ome_without_a_unit_is_in_micrometres(tmp_path: Path) -> None:
    size = {"PhysicalSizeX": 0.00021, "PhysicalSizeY": 0.00021}
    assert written(tmp_path, ome=True, metadata={"axes": "YX", **size}).pixel_size_nm == 0.21


def test_ome_takes_the_image_that_is_used(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        for shape, size in (((8, 8), 9.0), ((16, 24), 0.21)):
            unit = {"PhysicalSizeXUnit": "nm", "PhysicalSizeYUnit": "nm"}
            metadata = {"axes": "YX", "PhysicalSizeX": size, "PhysicalSizeY": size, **unit}
            writer.write(np.zeros(shape, np.uint16), metadata=metadata)
    info = inspect(tmp_path / "a.ome.tif")
    assert (info.width, info.pixel_size_nm) == (24, 0.21)


def test_ome_in_pixels_is_not_calibrated(tmp_path: Path) -> None:
    size = {"PhysicalSizeX": 2.0, "PhysicalSizeY": 2.0}
    units = {"PhysicalSizeXUnit": "pixel", "PhysicalSizeYUnit": "pixel"}
    info = written(tmp_path, ome=True, metadata={"axes": "YX", **size, **units})
    assert (info.pixel_size_nm, info.pixel_size_source, info.warnings) == (None, "", ())


def test_ome_of_oblong_pixels_warns(tmp_path: Path) -> None:
    size = {"PhysicalSizeX": 0.2, "PhysicalSizeY": 0.3}
    units = {"PhysicalSizeXUnit": "nm", "PhysicalSizeYUnit": "nm"}
    info = written(tmp_path, ome=True, metadata={"axes": "YX", **size, **units})
    assert info.pixel_size_nm is None
    assert "0.2 x 0.3 nm" in info.warnings[0]


@pytest.mark.parametrize(
    ("unit", "pixels_per_unit"),
    [("nm", 1 / 0.21), ("micron", 1e3 / 0.21), (r"\u00B5m", 1e3 / 0.21), ("cm", 1e7 / 0.21)],
)
def test_imagej(tmp_path: Path, unit: str, pixels_per_unit: float) -> None:
    scale = (pixels_per_unit, pixels_per_unit)
    info = written(tmp_path, imagej=True, resolution=scale, metadata={"unit": unit})
    assert info.pixel_size_nm == pytest.approx(0.21, rel=1e-6)
    assert info.pixel_size_source == "ImageJ scale"


@pytest.mark.parametrize(
    ("unit", "scale"), [("inch", 72), ("inch", 300), ("cm", 28.35), ("pixel", 5), (None, 5)]
)
def test_imagej_without_a_scale_of_the_specimen(tmp_path: Path, unit: Any, scale: float) -> None:
    metadata = {} if unit is None else {"unit": unit}
    info = written(tmp_path, imagej=True, resolution=(scale, scale), metadata=metadata)
    assert (info.pixel_size_nm, info.warnings) == (None, ())


def test_imagej_at_exactly_one_is_not_believed(tmp_path: Path) -> None:
    info = written(tmp_path, imagej=True, metadata={"unit": "nm"})
    assert info.pixel_size_nm is None
    assert "exactly 1 nm" in info.warnings[0]


@pytest.mark.parametrize("dpi", [72, 96, 300, 600, 1200, 25_400])
@pytest.mark.parametrize("unit", ["INCH", "CENTIMETER"])
def test_dots_per_inch_are_no_calibration(tmp_path: Path, dpi: int, unit: str) -> None:
    scale = dpi if unit == "INCH" else dpi / 2.54
    info = written(tmp_path, resolution=(scale, scale), resolutionunit=unit)
    assert (info.pixel_size_nm, info.pixel_size_source, info.warnings) == (None, "", ())


def test_a_density_in_centimetres_that_no_camera_has_is_the_specimen(tmp_path: Path) -> None:
    info = written(tmp_path, resolution=(1e7 / 0.21, 1e7 / 0.21), resolutionunit="CENTIMETER")
    assert info.pixel_size_nm == pytest.approx(0.21)
    assert info.pixel_size_source == "TIFF resolution per cm"


def gatan(x: float, y: float, unit: str | None) -> list[tuple[Any, ...]]:
    scales = [(65009, "d", 1, x, True), (65010, "d", 1, y, True)]
    return scales + ([] if unit is None else [ascii_tag(65003, unit), ascii_tag(65004, unit)])


def test_gatan(tmp_path: Path) -> None:
    info = written(tmp_path, extratags=gatan(0.21, 0.21, "nm"))
    assert (info.pixel_size_nm, info.pixel_size_source) == (0.21, "Gatan TIFF tag 65009")
    assert written(tmp_path, extratags=gatan(1.0, 1.0, None)).pixel_size_nm is None
    diffraction = written(tmp_path, extratags=gatan(0.02, 0.02, "1/nm"))
    assert diffraction.pixel_size_nm is None
    assert "real space" in diffraction.warnings[0]
    assert "168 x 1686 nm" in written(tmp_path, extratags=gatan(168, 1686, "nm")).warnings[0]


@pytest.mark.parametrize("section", ["Scan", "EScan"])
@pytest.mark.parametrize("code", [34680, 34682])
def test_fei(tmp_path: Path, code: int, section: str) -> None:
    text = f"[User]\r\nDate=1\r\n[{section}]\r\nPixelWidth=2.1e-10\r\nPixelHeight=2.1e-10\r\n"
    info = written(tmp_path, extratags=[ascii_tag(code, text)])
    assert (info.pixel_size_nm, info.pixel_size_source) == (0.21, "FEI TIFF tag 34682")


@pytest.mark.parametrize(
    "line", ["Image Pixel Size = 558.3 pm", "Image Pixel Size = 0.5583 nm"], ids=["pm", "nm"]
)
def test_zeiss(tmp_path: Path, line: str) -> None:
    text = f"0\r\n0\r\n\r\nAP_IMAGE_PIXEL_SIZE\r\n{line}\r\nAP_MAG\r\nMag = 200.00 K X\r\n"
    info = written(tmp_path, extratags=[ascii_tag(34118, text)])
    assert (info.pixel_size_nm, info.pixel_size_source) == (0.5583, "Zeiss TIFF tag 34118")


@pytest.mark.parametrize("in_unit", [1.42, 1.42e-9], ids=["nm", "m, as tifffile once converted"])
def test_tvips(tmp_path: Path, in_unit: float, monkeypatch: pytest.MonkeyPatch) -> None:
    header = {"Version": 2, "PixelSizeX": in_unit, "PixelSizeY": in_unit}
    genuine = tifffile.TiffTags.valueof
    monkeypatch.setattr(
        tifffile.TiffTags,
        "valueof",
        lambda tags, key, *a, **b: header if key == TVIPS else genuine(tags, key, *a, **b),
    )
    info = written(tmp_path)
    assert (info.pixel_size_nm, info.pixel_size_source) == (1.42, "TVIPS TIFF tag 37706")


def test_damaged_tags_cost_the_calibration_only(tmp_path: Path) -> None:
    info = written(tmp_path, extratags=[*gatan(0.21, 0.21, None), (65003, "d", 1, 3.5, True)])
    assert (info.width, info.pixel_size_nm) == (24, None)
    broken = '<?xml version="1.0"?><OME><Image><Pixels PhysicalSizeX="huge"/></Image></OME>'
    info = written(tmp_path, description=broken, metadata=None)
    assert info.pixel_size_nm is None
    assert "OME PhysicalSize: it cannot be read" in info.warnings[0]
