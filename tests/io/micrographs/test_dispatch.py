from __future__ import annotations

import logging
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile

from k2c_gui.core.model import Cancelled, K2CError
from k2c_gui.io import micrographs
from k2c_gui.io.micrographs import info
from k2c_gui.io.micrographs.boundary import boundary


def test_find_sorts_ignoring_case_and_skips_what_is_no_micrograph(tmp_path: Path) -> None:
    for name in ("b.TIF", "A.png", "c.ome.tiff", "._A.png", ".hidden.mrc", "notes.txt", "d"):
        (tmp_path / name).touch()
    (tmp_path / "folder.tif").mkdir()
    (tmp_path / "folder.tif" / "deep.tif").touch()

    assert [path.name for path in micrographs.find(tmp_path)] == ["A.png", "b.TIF", "c.ome.tiff"]


def test_find_names_the_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(K2CError, match=r"nowhere.*cannot be listed"):
        micrographs.find(tmp_path / "nowhere")


def test_find_refuses_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.tif").touch()
    with pytest.raises(K2CError, match="cannot be listed"):
        micrographs.find(tmp_path / "a.tif")


def test_suffixes_are_lower_case_with_a_dot() -> None:
    assert {".tif", ".tiff", ".mrc", ".png", ".jpg", ".jpeg", ".emd"} <= micrographs.SUFFIXES
    assert all(one == one.lower() and one[0] == "." for one in micrographs.SUFFIXES)


@pytest.mark.parametrize("ask", [micrographs.inspect, micrographs.read])
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xyz", b"x", r"a\.xyz: Files that end in '\.xyz' .* Save it as one of .*\.tif"),
        ("a", b"x", "Files that end in 'nothing'"),
        ("a.tif", None, r"a\.tif: There is no such file"),
        ("a.tif", b"", r"a\.tif: The file is empty"),
        ("a.tif", b"nonsense", r"a\.tif: The file does not read as TIFF .* Fetch the original"),
        ("a.mrc", b"nonsense", r"a\.mrc: The file does not read as MRC"),
        ("a.png", b"nonsense", r"a\.png: The file does not read as PNG \(it does not begin"),
        ("a.JPG", b"nonsense", r"a\.JPG: The file does not read as JPEG \(it does not begin"),
        ("a.emd", b"nonsense", r"a\.emd: The file does not read as EMD"),
        ("a.ser", b"nonsense" * 9, r"a\.ser: The file does not read as SER \(it does not begin"),
    ],
)
def test_a_file_that_is_no_micrograph_is_named(
    tmp_path: Path, ask, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(K2CError, match=message):
        ask(tmp_path / name)


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (MemoryError(), "not enough memory"),
        (PermissionError(13, "no"), "may not be read"),
        (ZeroDivisionError("division by zero"), r"does not read as TIFF \(division by zero\)"),
        (KeyError(7), r"\(KeyError 7\)"),
        (RecursionError(), r"\(RecursionError\)"),
        (ValueError("x " * 5000), r"\((x ?)+\)"),
    ],
)
def test_boundary_turns_everything_into_a_short_message(raised: Exception, message: str) -> None:
    with pytest.raises(K2CError, match=message) as caught, boundary(Path("a.tif"), "TIFF"):
        raise raised
    assert len(str(caught.value)) < 400
    assert caught.value.__cause__ is raised


def test_boundary_lets_our_own_errors_through() -> None:
    with pytest.raises(Cancelled, match="stop"), boundary(Path("a.tif"), "TIFF"):
        raise Cancelled("stop")


def test_boundary_hushes_overlapping_threads_and_restores(capfd) -> None:
    """The second thread leaves after the first: the settings must come back all the same."""
    before = list(warnings.filters)
    inside, leave = threading.Event(), threading.Event()

    def overlap() -> None:
        with boundary(Path("b.tif"), "TIFF"):
            inside.set()
            leave.wait(5)

    thread = threading.Thread(target=overlap)
    with boundary(Path("a.tif"), "TIFF"):
        thread.start()
        assert inside.wait(5)
    warnings.warn("hushed", UserWarning, stacklevel=1)
    logging.getLogger("tifffile").error("hushed")
    leave.set()
    thread.join()

    assert list(warnings.filters) == before
    with pytest.raises(UserWarning, match="heard"):
        warnings.warn("heard", UserWarning, stacklevel=1)
    assert not logging.getLogger("tifffile").filters
    assert "hushed" not in capfd.readouterr().err


def test_importing_the_package_loads_no_decoder() -> None:
    code = (
        "import sys, k2c_gui.io.micrographs;"
        "print({'tifffile', 'h5py', 'mrcfile', 'imagecodecs'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "set()"


def test_limits_refuse_by_side_by_bytes_and_by_ratio(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(bytes(100))
    info.check_size(path, 2048, 2048, 2048 * 2048 * 4)  # small enough whatever the file has
    with pytest.raises(K2CError, match="40000 x 10 px; at most 32768"):
        info.check_size(path, 40_000, 10, 400_000)
    with pytest.raises(K2CError, match=r"30000 x 30000 px, 3\.4 GiB"):
        info.check_size(path, 30_000, 30_000, 30_000 * 30_000 * 4)
    with pytest.raises(K2CError, match="128 MiB of pixels, but the file has only 100 bytes"):
        info.check_size(path, 8192, 8192, 8192 * 8192 * 2)
    with pytest.raises(K2CError, match="0 x 5 px"):
        info.check_size(path, 0, 5, 0)


def test_the_same_file_gives_the_same_array_from_many_threads(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    pixels = np.arange(128 * 128, dtype=np.uint16).reshape(128, 128)
    tifffile.imwrite(path, pixels, compression="zlib", rowsperstrip=8)
    got: list[bool] = []
    threads = [
        threading.Thread(target=lambda: got.append(np.array_equal(micrographs.read(path), pixels)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [True] * 8
