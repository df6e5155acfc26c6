from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from k2c_gui.core.model import K2CError
from k2c_gui.io.micrographs import inspect, read

PLANE = np.arange(-40, 24 * 32 - 40, dtype=np.int16).reshape(24, 32)


def velox(
    path: Path,
    images: dict[str, NDArray[Any]],
    size: tuple[Any, Any] = ("2.1e-10", "2.1e-10"),
    unit: str = "m",
) -> Path:
    metadata = {
        "BinaryResult": {
            "PixelSize": {"width": size[0], "height": size[1]},
            "PixelUnitX": unit,
            "PixelUnitY": unit,
        }
    }
    stored = np.zeros((1000, 1), np.uint8)
    text = json.dumps(metadata).encode()
    stored[: len(text), 0] = list(text)
    with h5py.File(path / "a.emd", "w") as file:
        for name, data in images.items():
            file[f"Data/Image/{name}/Data"] = data
            file[f"Data/Image/{name}/Metadata"] = stored
    return path / "a.emd"


def berkeley(path: Path, data: NDArray[Any], steps: tuple[float, ...], unit: str) -> Path:
    with h5py.File(path / "a.emd", "w") as file:
        group = file.create_group("data/image")
        group.attrs["emd_group_type"] = 1
        group["data"] = data
        for axis, step in enumerate(steps, start=1):
            group[f"dim{axis}"] = np.arange(data.shape[axis - 1], dtype=np.float32) * step
            group[f"dim{axis}"].attrs["units"] = np.bytes_(unit)
    return path / "a.emd"


def test_velox(tmp_path: Path) -> None:
    path = velox(tmp_path, {"a": PLANE[..., np.newaxis]})
    info = inspect(path)
    assert np.array_equal(read(path), PLANE)
    assert (info.width, info.height, info.dtype) == (32, 24, "int16")
    assert (info.pixel_size_nm, info.pixel_size_source) == (0.21, "Velox metadata")
    assert info.warnings == ()


def test_velox_stack_and_several_images(tmp_path: Path) -> None:
    stack = np.dstack([PLANE, PLANE + 1, PLANE + 2])
    path = velox(tmp_path, {"a": stack, "b": stack})
    assert np.array_equal(read(path), PLANE)
    assert inspect(path).warnings == (
        "The file holds 3 planes; the first is used.",
        "The file holds 2 images; the first is used.",
    )


def test_velox_passes_over_complex_images(tmp_path: Path) -> None:
    path = velox(tmp_path, {"a": np.zeros((8, 8, 1), np.complex64), "b": PLANE[..., np.newaxis]})
    assert np.array_equal(read(path), PLANE)


@pytest.mark.parametrize(
    ("size", "unit", "warning"),
    [
        (("2e8", "2e8"), "1/m", "real space"),
        (("2.1e-10", "3e-10"), "m", "must be square"),
        (("0", "0"), "m", "it says 0.0 x 0.0"),
        (("wide", "wide"), "m", "cannot be read"),
    ],
)
def test_velox_calibrations_that_do_not_serve(
    tmp_path: Path, size: tuple[str, str], unit: str, warning: str
) -> None:
    info = inspect(velox(tmp_path, {"a": PLANE[..., np.newaxis]}, size, unit))
    assert info.pixel_size_nm is None
    assert warning in info.warnings[0]


def test_berkeley(tmp_path: Path) -> None:
    path = berkeley(tmp_path, PLANE, (0.21, 0.21), "n_m")
    info = inspect(path)
    assert np.array_equal(read(path), PLANE)
    assert (info.width, info.height) == (32, 24)
    assert (info.pixel_size_nm, info.pixel_size_source) == (pytest.approx(0.21), "EMD dimensions")


def test_berkeley_stack_takes_the_calibration_of_the_image_axes(tmp_path: Path) -> None:
    path = berkeley(tmp_path, np.stack([PLANE, PLANE + 1]), (7.0, 0.21, 0.21), "n_m")
    assert np.array_equal(read(path), PLANE)
    info = inspect(path)
    assert info.pixel_size_nm == pytest.approx(0.21)
    assert info.warnings == ("The file holds 2 planes; the first is used.",)


def test_berkeley_without_calibration(tmp_path: Path) -> None:
    info = inspect(berkeley(tmp_path, PLANE, (1.0, 1.0), ""))
    assert (info.pixel_size_nm, info.warnings) == (None, ())


def test_a_file_without_an_image(tmp_path: Path) -> None:
    diffraction = np.zeros((2, 3, 4, 5), np.uint16)
    for path in (
        berkeley(tmp_path, diffraction, (), "n_m"),
        velox(tmp_path, {"a": np.zeros(5, np.uint16)}),
    ):
        for ask in (inspect, read):
            with pytest.raises(K2CError, match="no image in this EMD"):
                ask(path)


def test_a_claim_without_pixels_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.emd", "w") as file:
        group = file.create_group("Data/Image/a")
        group.create_dataset("Data", (30_000, 30_000, 1), np.uint8, chunks=(1000, 1000, 1))
    for ask in (inspect, read):
        with pytest.raises(K2CError, match=r"30000 x 30000 px, 858 MiB .* has only"):
            ask(tmp_path / "a.emd")
