"""What each micrograph shows: the specimen, and where its particles lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from k2c_gui.core.model import Floats, Table
from k2c_gui.demo.world import ARTIFACT, CLUSTER, NANOPARTICLE, PARTICLE, Stage, WorldParams

BORDER = 5.0  # px that a particle's centroid stays away from the micrograph's border
APART = 1.25  # distance of bodies that do not touch, in sums of two radii
TRIES = 300  # positions tried before a body is left out


@dataclass(frozen=True, slots=True)
class Preset:
    """A kind of specimen and how it is photographed.

    All figures are assumptions, bounded by what is usual for supported catalysts at 200 kV.

    Attributes
    ----------
    name : str
        Begins the file names.
    pixel_nm : float
        Pixel size, nm.
    diameter_nm, spread : float
        Median of the diameters, nm, and their geometric standard deviation.
    spheres : bool
        Whether the support is spheres that hang together; otherwise it is a film.
    holes : int
        Holes of the film in a micrograph.
    film_nm : float
        Thickness of the film, nm; spheres lie on one too.
    support_path_nm, metal_path_nm : float
        Mean free paths of the bright-field contrast, nm.
    defocus_nm : tuple of float
        Least and most underfocus, nm.
    dose : tuple of float
        Fewest and most electrons a pixel.
    """

    name: str
    pixel_nm: float
    diameter_nm: float
    spread: float
    spheres: bool
    holes: int
    film_nm: float
    support_path_nm: float
    metal_path_nm: float
    defocus_nm: tuple[float, float]
    dose: tuple[float, float]


PRESETS = (
    Preset("AuGe", 0.21, 6.0, 1.32, False, 0, 40.0, 90.0, 17.0, (420.0, 620.0), (32.0, 44.0)),
    Preset("PdC", 0.11, 3.4, 1.36, True, 0, 3.0, 130.0, 11.0, (260.0, 380.0), (42.0, 56.0)),
    Preset("AuGe", 0.21, 7.2, 1.40, False, 6, 26.0, 90.0, 19.0, (520.0, 760.0), (22.0, 30.0)),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What one micrograph shows.

    Attributes
    ----------
    name : str
        The micrograph's file name.
    preset : Preset
        The specimen.
    discs : Floats
        (n, 3): x, y, radius in px of the support's spheres or of the film's holes.
    particles : Table
        `PARTICLE`, exposure still 0.
    confusers : Floats
        (n, 3): x, y, diameter in px.
    """

    name: str
    preset: Preset
    discs: Floats
    particles: Table
    confusers: Floats


def scene(params: WorldParams, index: int) -> Scene:
    """Place everything that one micrograph shows; no pixel is computed.

    Parameters
    ----------
    params : WorldParams
        The world.
    index : int
        Of the micrograph.

    Returns
    -------
    Scene
        The same one for the same `params` and `index`.
    """
    rng = params.rng(Stage.SCENE, index)
    preset = PRESETS[index % len(PRESETS)]
    discs = (_spheres if preset.spheres else _holes)(rng, preset, params.size)
    median = preset.diameter_nm / preset.pixel_nm * rng.uniform(0.92, 1.12)
    ground = _Ground(rng, params.size, discs, preset.spheres)
    artifacts = round(params.artifacts * params.particles)
    sizes = _body_sizes(rng, params.particles - artifacts, params.touching)
    bodies = [ground.place(_body(rng, size, median, preset.spread)) for size in sizes]
    particles = [_particles(rng, body) for body in bodies]
    for spot in _spots(rng, ground, artifacts, median):
        particles.append(_artifact(spot))
    table = np.concatenate(particles)
    table["micrograph"] = index
    table["body"] = np.repeat(np.arange(len(particles)), [len(p) for p in particles])
    confusers = _spots(rng, ground, params.confusers, median)
    name = f"{preset.name}_{index + 1:03d}.tif"
    return Scene(name, preset, discs, table, np.concatenate([np.empty((0, 3)), *confusers]))


def _spheres(rng: np.random.Generator, preset: Preset, size: int) -> Floats:
    """Carbon black: primary spheres grown one on another, some out of view; (n, 3) px."""
    discs = [np.array([*rng.uniform(0.3, 0.7, 2) * size, 0.13 * size])]
    while len(discs) < 36:
        x, y, radius = discs[rng.integers(max(0, len(discs) - 12), len(discs))]
        new = rng.uniform(0.07, 0.14) * size
        step, angle = (radius + new) * rng.uniform(0.55, 0.9), rng.uniform(0, 2 * np.pi)
        place = np.array([x + step * np.cos(angle), y + step * np.sin(angle)])
        if np.all(np.abs(place - size / 2) < 0.56 * size):
            discs.append(np.array([*place, new]))
    return np.array(discs)


def _holes(rng: np.random.Generator, preset: Preset, size: int) -> Floats:
    """Tears of a film; (n, 3) px."""
    radius = np.exp(rng.normal(np.log(0.055 * size), 0.5, preset.holes))
    return np.column_stack([rng.uniform(0, size, (preset.holes, 2)), radius])


def _body_sizes(rng: np.random.Generator, particles: int, touching: float) -> list[int]:
    """How many particles hang together in each body: aggregates first, then pairs, then ones."""
    left = round(touching * particles)
    sizes: list[int] = []
    while left > 1:
        size = 2 if rng.random() < 0.4 else int(rng.integers(3, 10))
        size = left if left - size < 2 else size
        sizes.append(size)
        left -= size
    return sorted(sizes, reverse=True) + [1] * (particles - sum(sizes))


def _body(rng: np.random.Generator, size: int, median: float, spread: float) -> Floats:
    """Grow an aggregate, each particle on an earlier one; (size, 3) x, y, diameter in px."""
    diameters = median * np.clip(np.exp(rng.normal(0, np.log(spread), size)), 0.45, 2.2)
    body = np.array([[0.0, 0.0, diameters[0]]])
    while len(body) < size:
        diameter = diameters[len(body)]
        x, y, near = body[rng.integers(len(body))]
        step, angle = (near + diameter) / 2 * rng.uniform(0.88, 0.99), rng.uniform(0, 2 * np.pi)
        new = np.array([x + step * np.cos(angle), y + step * np.sin(angle), diameter])
        if np.all(_distances(new[None], body) > 0.86):
            body = np.vstack([body, new])
    return body


def _distances(some: Floats, others: Floats) -> Floats:
    """Distances of discs, in sums of two radii; (n, m)."""
    apart = np.hypot(*(some[:, None, :2] - others[None, :, :2]).transpose(2, 0, 1))
    ratio: Floats = 2 * apart / (some[:, None, 2] + others[None, :, 2])
    return ratio


class _Ground:
    """The support, and what lies on it already."""

    def __init__(self, rng: np.random.Generator, size: int, discs: Floats, spheres: bool) -> None:
        self.rng, self.size, self.discs, self.spheres = rng, size, discs, spheres
        self.taken = np.empty((0, 3))

    def place(self, body: Floats) -> Floats:
        """Move a body to a free spot of the support; an empty body when there is none."""
        for _ in range(TRIES):
            spot = self.rng.uniform(BORDER, self.size - BORDER, 2)
            moved: Floats = np.round(body + np.append(spot, 0.0), 3)
            if self._supports(moved) and np.all(_distances(moved, self.taken) > APART):
                self.taken = np.vstack([self.taken, moved])
                return moved
        return body[:0]

    def _supports(self, body: Floats) -> bool:
        xy, radius = body[:, :2], body[:, 2]
        if np.any(xy < BORDER) or np.any(xy > self.size - BORDER):
            return False
        apart = np.hypot(*(xy[:, None] - self.discs[None, :, :2]).transpose(2, 0, 1))
        if self.spheres:
            return bool(np.all(np.any(apart < 0.96 * self.discs[:, 2], axis=1)))
        return bool(np.all(apart > 1.12 * self.discs[:, 2] + radius[:, None] / 2))


def _spots(rng: np.random.Generator, ground: _Ground, n: int, median: float) -> list[Floats]:
    sizes = median * rng.uniform(0.9, 1.7, n)
    return [ground.place(np.array([[0.0, 0.0, size]])) for size in sizes]


def _particles(rng: np.random.Generator, body: Floats) -> Table:
    """Label the particles of one body.

    A pair is two nanoparticles or one cluster, as one likes to see it, and so is many a particle
    at the rim of a cluster: about these the volunteers will be of two minds.
    """
    n = len(body)
    table = np.zeros(n, PARTICLE)
    table["x"], table["y"], table["diameter"] = body.T
    table["label"] = CLUSTER if n > 2 else NANOPARTICLE
    # a crystal that happens to lie along a zone axis is much darker than its neighbour
    table["contrast"] = rng.choice([0.7, 1.0, 1.5], n, p=[0.3, 0.5, 0.2])
    contacts = np.sum(_distances(body, body) < 1.0, axis=1) - 1
    rim = (contacts == 1) & (rng.random(n) < 0.45)
    sure = rng.uniform(0.02, 0.06, n) if n == 1 else rng.uniform(0.86, 0.97, n)
    torn = rng.normal(0.515, 0.03, n)
    table["clustered"] = np.where((n == 2) | ((n > 2) & rim), torn, sure)
    return table


def _artifact(spot: Floats) -> Table:
    table = np.zeros(len(spot), PARTICLE)
    table["x"], table["y"], table["diameter"] = spot.T
    table["label"], table["contrast"], table["clustered"] = ARTIFACT, 1.0, 0.1
    return table
