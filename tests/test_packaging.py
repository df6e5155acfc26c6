"""What is shipped: the wheel, the pins, and whether the pinned Qt draws at all."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from configparser import ConfigParser
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
SCRIPTS = ("packaging/demo.sh", "packaging/test.sh", ".ci/run")


def pins() -> dict[str, str]:
    lines = (CHECKOUT / "packaging/constraints.txt").read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def names(requirements: Iterable[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def installed_with(requirements: Iterable[str]) -> set[str]:
    """Every distribution that the requirements bring into this environment."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in requirements]
    visited: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        for extra in ("", *requirement.extras):
            name = canonicalize_name(requirement.name)
            if (name, extra) in visited:
                continue
            visited.add((name, extra))
            found.add(name)
            needs = [Requirement(text) for text in importlib.metadata.requires(name) or ()]
            waiting += [
                need for need in needs if not need.marker or need.marker.evaluate({"extra": extra})
            ]
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=CHECKOUT,
        check=True,
    )
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as pip would lay it out, away from the checkout."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run_installed(unpacked: Path, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=unpacked.parent,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_the_wheel_holds_the_package_its_resources_and_nothing_else(wheel: Path) -> None:
    code = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "k2c_gui").rglob("*.py")}
    resources = {
        f"k2c_gui/{path.relative_to(CHECKOUT).as_posix()}"
        for path in (CHECKOUT / "resources").rglob("*")
        if path.is_file()
    }
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert "k2c_gui/resources/labels.toml" in packed
    assert packed == code | resources


def test_the_wheel_brings_licence_and_requirements(unpacked: Path) -> None:
    (information,) = unpacked.glob("*.dist-info")
    metadata = importlib.metadata.PathDistribution(information).metadata

    assert (information / "licenses/LICENSE").read_text("utf-8").startswith("BSD 3-Clause License")
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert SpecifierSet(metadata["Requires-Python"]) == SpecifierSet(
        PROJECT["project"]["requires-python"]
    )
    assert names(PROJECT["project"]["dependencies"]) <= names(metadata.get_all("Requires-Dist", []))


def test_the_installed_entry_point_runs_from_the_wheel(unpacked: Path) -> None:
    (information,) = unpacked.glob("*.dist-info")
    entry_points = ConfigParser()
    entry_points.read(information / "entry_points.txt", "utf-8")
    module, function = entry_points["console_scripts"]["k2c"].split(":")
    code = (
        f"import sys, k2c_gui; sys.argv = ['k2c', '--help']; print(k2c_gui.__file__, flush=True); "
        f"from {module} import {function}; sys.exit({function}())"
    )

    by_name = run_installed(unpacked, "-c", code)
    by_module = run_installed(unpacked, "-m", "k2c_gui", "--help")

    assert by_name.startswith(str(unpacked))
    for verb in ("demo", "import", "instances", "export", "check", "log"):
        assert verb in by_name
        assert verb in by_module


def test_every_package_of_the_installation_is_pinned() -> None:
    wanted = [
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["test"],
        *PROJECT["build-system"]["requires"],
    ]
    pinned = pins()

    assert installed_with(wanted) - pinned.keys() == set()
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("name", ["pyside6-essentials", "shiboken6", "pyqtgraph"])
def test_qt_is_the_pinned_one(name: str) -> None:
    assert importlib.metadata.version(name) == pins()[name]


@pytest.mark.skipif(os.name != "posix", reason="the scripts are for bash")
@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_can_be_run(script: str) -> None:
    path = CHECKOUT / script

    assert os.access(path, os.X_OK)
    subprocess.run(["bash", "-n", str(path)], check=True)


def test_qt_paints_an_image_offscreen(qtbot) -> None:
    import pyqtgraph
    from PySide6.QtWidgets import QApplication

    image = np.zeros((64, 64), dtype=np.uint16)
    image[:, 32:] = 60000
    item = pyqtgraph.ImageItem(image, axisOrder="row-major", levels=(0, 60000))
    view = pyqtgraph.GraphicsView()
    qtbot.addWidget(view)
    box = pyqtgraph.ViewBox()
    view.setCentralItem(box)
    box.addItem(item)
    box.setRange(item.boundingRect(), padding=0)
    view.resize(200, 160)
    with qtbot.waitExposed(view):
        view.show()

    grabbed = view.grab().toImage()

    assert QApplication.platformName() == "offscreen"
    assert (grabbed.width(), grabbed.height()) == (200, 160)
    assert grabbed.pixelColor(50, 80).lightness() < 10
    assert grabbed.pixelColor(150, 80).lightness() > 245


def test_signals_keep_their_references(qapp) -> None:
    """PySide6 6.12.0 loses one reference to True an emit and aborts Python 3.11 after a while."""
    from PySide6.QtCore import QObject, Signal

    class Bell(QObject):
        rang = Signal()

    bell = Bell()
    before = sys.getrefcount(True)
    for _ in range(200):
        bell.rang.emit()

    assert before - sys.getrefcount(True) < 100
