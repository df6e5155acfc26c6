"""Small worlds for the tests of the demo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from k2c_gui import demo

SMALL = demo.WorldParams(
    micrographs=3, size=384, particles=24, tiles_per_axis=4, volunteers=40, repeats=0.03
)


@pytest.fixture(scope="session")
def small() -> demo.WorldParams:
    return SMALL


@pytest.fixture(scope="session")
def world() -> demo.World:
    return demo.make(SMALL)


@pytest.fixture(scope="session")
def plane() -> demo.World:
    """Two micrographs of full size, for shares; no image is rendered."""
    return demo.make(replace(SMALL, micrographs=2, size=2048, particles=150, tiles_per_axis=10))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo")
    demo.write(path, SMALL)
    return path
