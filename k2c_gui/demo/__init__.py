"""A small world with known truth: micrographs, volunteers, and the exports they leave.

`make` gives the arrays, `write` a folder that the program imports like any other project. The
writers of `k2c_gui.demo.exports` also serve arrays of your own.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from k2c_gui.core.model import Ints, Progress, Table, no_progress
from k2c_gui.demo import volunteers
from k2c_gui.demo.exports import mark_ids, write_classifying, write_picking
from k2c_gui.demo.micrograph import render
from k2c_gui.demo.scene import Scene, scene
from k2c_gui.demo.world import PARTICLE, Stage, WorldParams, contains, tiles
from k2c_gui.io.resources import resource

__all__ = [
    "PARTICLE",
    "World",
    "WorldParams",
    "make",
    "mark_ids",
    "write",
    "write_classifying",
    "write_picking",
]


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is the case.

    Attributes
    ----------
    params : WorldParams
        Its knobs.
    scenes : tuple of Scene
        One a micrograph.
    truth : Table
        `PARTICLE`, micrograph by micrograph; ``label`` and ``exposure`` are what ought to be found.
    tiles, looks, marks, votes : Table
        `TILE`, `LOOK` and `VOTE` in the order of time, `MARK` in the order of the looks.
    origin : Ints
        (marks,) the row of `truth` a mark was meant for, negative where there is none.
    """

    params: WorldParams
    scenes: tuple[Scene, ...]
    truth: Table
    tiles: Table
    looks: Table
    marks: Table
    votes: Table
    origin: Ints

    @property
    def names(self) -> tuple[str, ...]:
        """The micrographs' file names."""
        return tuple(scene.name for scene in self.scenes)

    def micrograph(self, index: int) -> NDArray[np.uint16]:
        """Render one micrograph: about 2 s at 2048 px; (size, size) camera counts."""
        return render(self.scenes[index], self.params.size, self.params.rng(Stage.IMAGE, index))


def make(params: WorldParams, progress: Progress = no_progress) -> World:
    """Make a world; its micrographs are rendered only when asked for.

    Parameters
    ----------
    params : WorldParams
        Its knobs.
    progress : Progress
        Called for each micrograph.

    Returns
    -------
    World
        The same for the same parameters.
    """
    scenes = []
    for i in range(params.micrographs):
        progress("placing particles", i, params.micrographs)
        scenes.append(scene(params, i))
    people = volunteers.crowd(params)
    cut = tiles(params)
    looks = volunteers.show(params, people, len(cut))
    marks, origin = volunteers.mark(params, people, scenes, cut, looks)
    votes = volunteers.vote(params, people, scenes, marks, origin)
    progress("placing particles", params.micrographs, params.micrographs)
    truth = np.concatenate([one.particles for one in scenes])
    counted = np.bincount(looks["tile"][looks["counted"]], minlength=len(cut))
    for i in range(params.micrographs):
        here, there = truth["micrograph"] == i, cut["micrograph"] == i
        inside = contains(cut[there], truth["x"][here, None], truth["y"][here, None])
        truth["exposure"][here] = inside @ counted[there]
    return World(params, tuple(scenes), truth, cut, looks, marks, votes, origin)


def write(folder: Path, params: WorldParams, progress: Progress = no_progress) -> None:
    """Write a world as the project a team would have on disk.

    ``images/*.tif`` (16 bit, pixel size as ImageJ states it), ``picking.csv``, ``classifying.csv``,
    ``mapping.toml``, ``truth.csv``. The same parameters give the same bytes on one machine.

    Parameters
    ----------
    folder : Path
        Made if need be; files of these names are replaced.
    params : WorldParams
        Its knobs.
    progress : Progress
        Called for each micrograph and each file.
    """
    world = make(params, progress)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for i, one in enumerate(world.scenes):
        progress("rendering micrographs", i, params.micrographs)
        per_nm = 1 / one.preset.pixel_nm
        tifffile.imwrite(
            folder / "images" / one.name,
            world.micrograph(i),
            imagej=True,
            resolution=(per_nm, per_nm),
            metadata={"unit": "nm", "axes": "YX"},
        )
    progress("rendering micrographs", params.micrographs, params.micrographs)
    progress("writing exports", 0, 2)
    write_picking(folder / "picking.csv", world.names, world.tiles, world.looks, world.marks)
    progress("writing exports", 1, 2)
    write_classifying(folder / "classifying.csv", world.names, world.votes)
    progress("writing exports", 2, 2)
    shutil.copyfile(resource("mapping.toml"), folder / "mapping.toml")
    rows = [
        f"{world.names[p['micrograph']]},{p['x']:.3f},{p['y']:.3f},{p['label']},"
        f"{p['diameter']:.2f},{p['exposure']}\n"
        for p in world.truth
    ]
    _write_text(folder / "truth.csv", "micrograph,x,y,label,diameter,exposure\n" + "".join(rows))


def _write_text(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
