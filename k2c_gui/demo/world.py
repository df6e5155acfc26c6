"""The parameters of the world, the truth about a particle, and the tiles."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from k2c_gui.core.model import TILE, Bools, Floats, K2CError, Table

PARTICLE = np.dtype(
    [
        ("micrograph", "i4"),
        ("x", "f8"),  # px
        ("y", "f8"),  # px
        ("label", "i2"),  # NANOPARTICLE, CLUSTER or ARTIFACT
        ("diameter", "f8"),  # px
        ("exposure", "i4"),  # looks that contained it, repeats left out
        ("body", "i4"),  # particles of one micrograph that hang together share it
        ("contrast", "f8"),  # darkness over what the thickness alone would give
        ("clustered", "f8"),  # share of attentive volunteers who call it a cluster
    ]
)
NANOPARTICLE, CLUSTER, ARTIFACT, NOTHING = range(4)


class Stage(IntEnum):
    """What random numbers are for: a change in one stage leaves the others as they are."""

    SCENE = 0
    IMAGE = 1
    CROWD = 2
    LOOKS = 3
    MARKS = 4
    VOTES = 5


@dataclass(frozen=True, slots=True)
class WorldParams:
    """The knobs of the world.

    Attributes
    ----------
    micrographs : int
        How many; the presets take turns.
    seed : int
        Same seed, same world.
    size : int
        Side of a micrograph, px.
    particles : int
        In each micrograph, artifacts included; fewer where the room does not suffice.
    tiles_per_axis : int
        Tiles of half overlap along each axis.
    looks_per_tile : int
        Volunteers shown each tile.
    volunteers : int
        How many there are.
    votes_per_mark : int
        Volunteers asked about each mark.
    jitter : float
        Standard deviation of a mark about its particle along each axis, in diameters.
    miss_rate : float
        Share of looks in which a usual particle stays unmarked.
    false_marks : float
        Share of the marks that sit on nothing.
    touching : float
        Share of the nanoparticles and clusters that touch another.
    artifacts : float
        Share of the particles that are contamination or beam damage.
    double_clicks : float
        Share of the marks set twice.
    offset : float
        px by which a fifth of the volunteers mark too far to the lower right.
    confusers : int
        Spots of each micrograph that are no particles and yet draw a third of the volunteers.
    repeats : float
        Share of looks and votes that a volunteer gives a second time.
    """

    micrographs: int = 3
    seed: int = 0
    size: int = 2048
    particles: int = 150
    tiles_per_axis: int = 10
    looks_per_tile: int = 5
    volunteers: int = 200
    votes_per_mark: int = 5
    jitter: float = 0.12
    miss_rate: float = 0.15
    false_marks: float = 0.05
    touching: float = 0.4
    artifacts: float = 0.06
    double_clicks: float = 0.004
    offset: float = 0.0
    confusers: int = 3
    repeats: float = 0.01

    def __post_init__(self) -> None:
        if min(self.micrographs, self.particles, self.tiles_per_axis, self.looks_per_tile) < 1:
            raise K2CError("A demo world needs a micrograph, a particle, a tile and a look.")
        if self.volunteers < max(self.looks_per_tile, self.votes_per_mark):
            raise K2CError(f"{self.volunteers} volunteers are fewer than one tile or mark asks.")
        if self.seed < 0 or self.size < 256:
            raise K2CError("The seed must not be negative, the size not below 256 px.")
        shares = (self.miss_rate, self.touching, self.artifacts, self.double_clicks, self.repeats)
        if not all(0 <= share <= 1 for share in shares) or not 0 <= self.false_marks < 1:
            raise K2CError("The shares of a demo world lie between 0 and 1.")

    def rng(self, stage: Stage, micrograph: int = 0) -> np.random.Generator:
        """Random numbers of their own for each stage and micrograph."""
        return np.random.default_rng((self.seed, stage, micrograph))


def tiles(params: WorldParams) -> Table:
    """Cut every micrograph into tiles that overlap by half.

    The tiles reach over the border by a few pixels, as padded ones do, so that origins are whole
    numbers and every interior spot lies in exactly four tiles.

    Parameters
    ----------
    params : WorldParams
        The world.

    Returns
    -------
    Table
        `TILE`, micrograph by micrograph, row by row.
    """
    n = params.tiles_per_axis
    step = -(-params.size // (n + 1))
    first = -(((n + 1) * step - params.size) // 2)
    y0, x0 = np.divmod(np.arange(n * n), n)
    table = np.zeros((params.micrographs, n * n), TILE)
    table["micrograph"] = np.arange(params.micrographs)[:, None]
    table["x0"], table["y0"] = first + step * x0, first + step * y0
    table["width"] = table["height"] = 2 * step
    return table.ravel()


def contains(tile: Table, x: Floats, y: Floats) -> Bools:
    """Tell which spots lie in a tile; arguments broadcast, px."""
    inside_x = (x >= tile["x0"]) & (x < tile["x0"] + tile["width"])
    inside: Bools = inside_x & (y >= tile["y0"]) & (y < tile["y0"] + tile["height"])
    return inside
