from __future__ import annotations

import array
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from k2c_gui.core.model import K2CError
from k2c_gui.io.micrographs import inspect, read
from k2c_gui.io.micrographs.gatan import PARSER

PIXELS = np.arange(24 * 32, dtype=np.uint16).reshape(24, 32)
UINT8, UINT16, COMPLEX, COLOUR = 6, 10, 3, 23


def entry(
    pixels: NDArray[Any],
    kind: int,
    scales: tuple[float, ...] = (0.21, 0.21),
    unit: str = "nm",
) -> dict[str, Any]:
    """Tags of one image as the parser gives them: text as an array of 16-bit codes."""
    units = array.array("H", unit.encode("utf-16-le"))
    code = {1: "b", 2: "H", 4: "i", 8: "d"}[pixels.dtype.itemsize]
    return {
        "ImageData": {
            "Dimensions": list(pixels.shape[::-1]),
            "DataType": kind,
            "Data": array.array(code, pixels.tobytes()),
            "Calibrations": {
                "Dimension": [{"Origin": 0.0, "Scale": one, "Units": units} for one in scales]
            },
        }
    }


@pytest.fixture
def holding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A DM4 file that a stand-in for the optional reader finds these images in."""

    def with_images(*images: dict[str, Any]) -> Path:
        parser = ModuleType(PARSER)
        monkeypatch.setattr(
            parser, "dm_read_header", lambda _: {"ImageList": list(images)}, raising=False
        )
        parents = PARSER.split(".")[:-1]
        for depth in range(len(parents)):
            name = ".".join(parents[: depth + 1])
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        monkeypatch.setitem(sys.modules, PARSER, parser)
        (tmp_path / "a.dm4").write_bytes(b"DM4" * 2000)
        return tmp_path / "a.dm4"

    return with_images


@pytest.mark.parametrize("suffix", [".dm3", ".dm4"])
def test_without_the_extra_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setitem(sys.modules, PARSER, None)
    (tmp_path / f"a{suffix}").write_bytes(bytes(100))
    for ask in (inspect, read):
        with pytest.raises(K2CError, match=r'pip install "k2c_gui\[em\]"'):
            ask(tmp_path / f"a{suffix}")


def test_the_preview_in_colour_is_passed_over(holding) -> None:
    preview = np.zeros((90, 90), np.int32)
    path = holding(entry(preview, COLOUR), entry(PIXELS, UINT16))
    info, got = inspect(path), read(path)
    assert np.array_equal(got, PIXELS)
    assert got.flags.writeable
    assert (info.width, info.height, info.dtype) == (32, 24, "uint16")
    assert (info.pixel_size_nm, info.pixel_size_source) == (0.21, "Gatan calibration")


def test_unsigned_bytes_are_unsigned_though_the_parser_gives_them_signed(holding) -> None:
    stored = np.array([[0, 127, 128, 255]], np.uint8)
    path = holding(entry(stored, UINT8))
    assert read(path).tolist() == stored.tolist()
    assert inspect(path).dtype == "uint8"


def test_colour_alone_becomes_grey(holding) -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    packed = np.dstack([grey, grey, grey, 0 * grey]).view(np.int32)[..., 0]
    assert np.array_equal(read(holding(entry(packed, COLOUR))), grey)


def test_the_first_plane_of_a_stack(holding) -> None:
    path = holding(entry(np.stack([PIXELS, PIXELS + 1]), UINT16))
    assert np.array_equal(read(path), PIXELS)
    assert inspect(path).warnings == ("The file holds 2 planes; the first is used.",)


@pytest.mark.parametrize(
    ("scales", "unit", "warning"),
    [
        ((0.02, 0.02), "1/nm", "real space"),
        ((168.7, 1686.7), "nm", "must be square"),
        ((1.0, 1.0), "", None),
        ((), "nm", None),
    ],
)
def test_calibrations_that_do_not_serve(holding, scales, unit: str, warning: str | None) -> None:
    info = inspect(holding(entry(PIXELS, UINT16, scales, unit)))
    assert info.pixel_size_nm is None
    assert [warning in one for one in info.warnings] == ([] if warning is None else [True])


def test_damaged_calibration_costs_the_calibration_only(holding) -> None:
    image = entry(PIXELS, UINT16)
    del image["ImageData"]["Calibrations"]
    info = inspect(holding(image))
    assert info.pixel_size_nm is None
    assert "cannot be read" in info.warnings[0]


def test_claims_beyond_the_file_and_files_without_an_image(holding) -> None:
    with pytest.raises(K2CError, match="no image in this DigitalMicrograph"):
        inspect(holding(entry(PIXELS.astype(np.float64), COMPLEX)))
    image = entry(PIXELS, UINT16)
    image["ImageData"]["Dimensions"] = [32, 2400]
    with pytest.raises(K2CError, match="does not read as DigitalMicrograph"):
        read(holding(image))
    image["ImageData"]["Dimensions"] = [60_000, 60_000]
    with pytest.raises(K2CError, match="60000 x 60000"):
        read(holding(image))


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("dtype", ["i1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_files_written_by_the_optional_reader_itself(
    tmp_path: Path, version: int, dtype: str
) -> None:
    pytest.importorskip(PARSER)
    from nion.data import Calibration, DataAndMetadata
    from nionswift_plugin.DM_IO import dm3_image_utils

    stored = (PIXELS % 100).astype(dtype)
    scale = Calibration.Calibration(0.0, 0.21, "nm")
    image = DataAndMetadata.new_data_and_metadata(stored, dimensional_calibrations=[scale, scale])
    path = tmp_path / f"a.dm{version}"
    with path.open("wb") as file:
        dm3_image_utils.save_image(image, file, version)
    info, got = inspect(path), read(path)
    assert np.array_equal(got, stored)
    assert str(got.dtype) == info.dtype
    assert info.pixel_size_nm == pytest.approx(0.21)


def test_a_truncated_file_prints_nothing(tmp_path: Path, shared_data: Path, capfd) -> None:
    pytest.importorskip(PARSER)
    folder = shared_data / "micrographs" / "vendor-GPL3-verify-only"
    whole = (folder / "JEOL HAADF Image.dm4").read_bytes()
    for kept in (2, 30, 5000, len(whole) // 2):
        (tmp_path / "a.dm4").write_bytes(whole[:kept])
        with pytest.raises(K2CError, match="cut short"):
            read(tmp_path / "a.dm4")
    assert capfd.readouterr() == ("", "")
