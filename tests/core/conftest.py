"""Facts of a small world for the tests of the core."""

from __future__ import annotations

import numpy as np
import pytest

from k2c_gui import demo
from k2c_gui.core import compiled, exposure
from k2c_gui.core.model import Label, Micrograph, Sources


@pytest.fixture(scope="session", autouse=True)
def warm() -> None:
    compiled.warm_up()


@pytest.fixture(scope="session")
def labels() -> tuple[Label, ...]:
    names = ("Nanoparticle", "Cluster", "Artifact", "Nothing")
    return tuple(Label(value, name, value != 3) for value, name in enumerate(names))


@pytest.fixture(scope="session")
def world() -> demo.World:
    return demo.make(
        demo.WorldParams(
            micrographs=2, size=512, particles=24, tiles_per_axis=4, volunteers=40, repeats=0.05
        )
    )


@pytest.fixture(scope="session")
def sources(world: demo.World, labels: tuple[Label, ...]) -> Sources:
    """The world as an import would hand it over, counted."""
    return exposure.count(
        Sources(
            tuple(Micrograph(name, name, 512, 512, 0.5) for name in world.names),
            labels,
            tuple(f"tile {i}" for i in range(len(world.tiles))),
            world.tiles,
            world.looks[np.argsort(world.looks["classification"])],
            world.marks[np.argsort(world.marks["mark"])],
            world.votes[np.argsort(world.votes["classification"])],
        )
    )
