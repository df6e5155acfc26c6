"""Files that microscopes wrote, beside the checkout: expected sizes, types and pixel sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from k2c_gui.core.model import K2CError
from k2c_gui.io.micrographs import find, inspect, read
from k2c_gui.io.micrographs.gatan import PARSER

VENDOR = "micrographs/vendor-GPL3-verify-only"
POINTS = "micrographs/point-labels-Apache2"
CATALYST = "micrographs/catalyst-MIT"

# file, width, height, dtype, pixel size (nm) to six digits, the top left pixel
EXPECTED = [
    (f"{VENDOR}/Acquisition_18.emd", 1024, 1024, "uint16", 0.0122465, 12487),
    (f"{VENDOR}/Camera Ceta Imaging Micro.emd", 512, 512, "int16", 3.13884, -6),
    (f"{VENDOR}/After HAADF 130mm_1.ser", 1024, 1024, "uint16", 3.27036, 2906),
    (f"{VENDOR}/TVIPS_bin4.tif", 1024, 1024, "uint8", 1.42080, None),
    (f"{VENDOR}/olympus_SIS.tif", 112, 101, "uint16", 0.0239279, None),
    (f"{VENDOR}/test_loading_image_saved_with_DM.tif", 68, 68, "int32", 168.675, None),
    ("micrographs/mrc-BSD/epu2.9_crop2048.mrc", 2048, 2048, "uint16", 0.0666551, None),
    (f"{POINTS}/PtPorph_1h_3.tif", 1024, 1024, "uint8", None, None),
    (f"{POINTS}/Re_phen_15min_again_3.tif", 1024, 1024, "uint8", None, None),
    (f"{POINTS}/Ptporph10.tif", 512, 512, "uint16", None, None),
    (f"{POINTS}/Ptporph26.tif", 512, 512, "uint16", None, None),
    (f"{CATALYST}/Pd_silica3.jpg", 2048, 2048, "uint8", None, None),
    (f"{CATALYST}/PtC1.jpg", 2048, 2048, "uint8", None, None),
    (f"{CATALYST}/Pt_carbon1.jpg", 2048, 2048, "uint8", None, None),
]


@pytest.mark.parametrize(
    ("name", "width", "height", "dtype", "nm", "corner"), EXPECTED, ids=[one[0] for one in EXPECTED]
)
def test_vendor_files(
    shared_data: Path,
    name: str,
    width: int,
    height: int,
    dtype: str,
    nm: float | None,
    corner: int | None,
) -> None:
    info, pixels = inspect(shared_data / name), read(shared_data / name)
    assert (info.width, info.height, info.dtype) == (width, height, dtype)
    assert info.pixel_size_nm == (None if nm is None else pytest.approx(nm, rel=1e-5))
    assert bool(info.pixel_size_source) == (nm is not None)
    assert info.warnings == ()
    assert (pixels.shape, str(pixels.dtype)) == ((height, width), dtype)
    assert pixels.std() > 0
    assert corner is None or pixels[0, 0] == corner


def test_dm4(shared_data: Path) -> None:
    pytest.importorskip(PARSER)
    path = shared_data / VENDOR / "JEOL HAADF Image.dm4"
    info, pixels = inspect(path), read(path)
    assert (info.width, info.height, info.dtype) == (112, 112, "float32")
    assert info.pixel_size_nm == pytest.approx(1.24901, rel=1e-5)
    assert pixels.shape == (112, 112)
    assert pixels.std() > 0


def test_a_volume_is_no_micrograph(shared_data: Path, tmp_path: Path) -> None:
    volume = (shared_data / "micrographs/mrc-BSD/EMD-3197.map").read_bytes()
    (tmp_path / "a.mrc").write_bytes(volume)
    with pytest.raises(K2CError, match="20 sections"):
        inspect(tmp_path / "a.mrc")


def test_every_quirk_reads(shared_data: Path) -> None:
    """All are one micrograph: what is stored without loss is the same everywhere."""
    paths = find(shared_data / "tiff-quirks")
    assert len(paths) == 37 + 4
    reference = read(shared_data / "tiff-quirks" / "u16_bigtiff.tif")
    for path in paths:
        info, pixels = inspect(path), read(path)
        assert pixels.shape == (info.height, info.width)
        assert str(pixels.dtype) == info.dtype
        if path.name.startswith(("u16_", "ome_")) and "anisotropic" not in path.name:
            assert np.array_equal(pixels, reference), path.name


@pytest.mark.parametrize(
    "name",
    [
        "mrc_f4.mrc", "mrc_i1.mrc", "mrc_i2.mrc", "mrc_u2.mrc", "ome_m.ome.tif", "ome_nm.ome.tif",
        "ome_pm.ome.tif", "ome_um.ome.tif", "ome_ungstrom.ome.tif", "u16_be_imagej_nm.tif",
        "u16_cm_resolution_only.tif", "u16_imagej_micron_stack.tif", "u16_imagej_um_escaped.tif",
    ],
)  # fmt: skip
def test_calibrated_quirks(shared_data: Path, name: str) -> None:
    assert inspect(shared_data / "tiff-quirks" / name).pixel_size_nm == pytest.approx(0.21)


def test_quirks_of_grey(shared_data: Path) -> None:
    quirks = shared_data / "tiff-quirks"
    black = read(quirks / "u8_minisblack.tif")
    assert inspect(quirks / "u8_miniswhite.tif").inverted
    for name in ("rgb_gray.tif", "rgba.tif"):
        assert np.array_equal(read(quirks / name), black), name
    assert np.array_equal(read(quirks / "u8_palette_inverted.tif"), 255 - black)
