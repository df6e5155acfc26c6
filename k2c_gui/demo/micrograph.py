"""How a bright-field microscope and its camera picture a scene.

The specimen is a projected optical depth (mass-thickness contrast, Beer-Lambert) and a projected
phase (mean inner potential); the exit wave goes through an underfocused lens of limited coherence
and onto a camera that counts electrons: see Kirkland, *Advanced Computing in Electron
Microscopy*, chapters 3 and 5. Pixel i covers [i, i + 1): its middle is at i + 0.5.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy import ndimage

from k2c_gui.demo.scene import Preset, Scene
from k2c_gui.demo.world import ARTIFACT

Field = NDArray[np.float32]
"""A picture, (height, width)."""

WAVELENGTH = 0.00251  # nm, 200 kV
METAL_PHASE = 0.13  # rad/nm: interaction constant times mean inner potential
SUPPORT_PHASE = 0.05
CS = 1.2e6  # nm, spherical aberration
FOCAL_SPREAD = 6.0  # nm
CONVERGENCE = 2.5e-4  # rad
MARGIN = 64  # px
COUNTS = 38.0  # camera counts an electron
PEDESTAL = 220.0
READ_NOISE = 9.0


def render(scene: Scene, size: int, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Photograph a scene.

    Parameters
    ----------
    scene : Scene
        What there is to see.
    size : int
        Side of the micrograph, px.
    rng : Generator
        Of support, lens, beam and camera.

    Returns
    -------
    ndarray
        (size, size), camera counts.
    """
    depth, phase = _support(scene, size, rng)
    for particle in scene.particles:
        if particle["label"] == ARTIFACT:
            stamp_artifact(depth, phase, particle, rng)
        else:
            stamp_particle(depth, phase, particle, scene.preset, rng)
    for x, y, diameter in scene.confusers:
        _stamp_lump(depth, x, y, diameter)
    picture = intensity(depth, phase, scene.preset.pixel_nm, rng.uniform(*scene.preset.defocus_nm))
    return _camera(picture * _beam(size, rng), rng.uniform(*scene.preset.dose), rng)


def intensity(depth: Field, phase: Field, pixel_nm: float, defocus_nm: float) -> Field:
    """Image an exit wave through the objective lens.

    Parameters
    ----------
    depth : Field
        Optical depth; the wave's amplitude is exp(-depth / 2).
    phase : Field
        rad.
    pixel_nm : float
        Pixel size, nm.
    defocus_nm : float
        Underfocus, nm.

    Returns
    -------
    Field
        1 where nothing is in the way.
    """
    size = len(depth)
    # a margin, so that what leaves one border does not come in at the other
    depth, phase = (np.pad(field, MARGIN, mode="symmetric") for field in (depth, phase))
    amplitude = np.exp(-depth / 2)
    wave = (amplitude * np.cos(phase)).astype(np.complex64)
    wave.imag = amplitude * np.sin(phase)
    k = scipy.fft.fftfreq(len(depth), pixel_nm).astype(np.float32)
    k2 = k[:, None] ** 2 + k[None, :] ** 2
    tilt = WAVELENGTH * (CS * WAVELENGTH**2 * k2 - defocus_nm)
    chi = np.pi * WAVELENGTH * k2 * (0.5 * CS * WAVELENGTH**2 * k2 - defocus_nm)
    damping = (np.pi * CONVERGENCE / WAVELENGTH * tilt) ** 2 * k2
    damping += 0.5 * (np.pi * WAVELENGTH * FOCAL_SPREAD * k2) ** 2
    transfer = np.exp(-damping - 1j * chi)
    wave = scipy.fft.ifft2(scipy.fft.fft2(wave, workers=-1) * transfer, workers=-1)
    seen = wave[MARGIN : MARGIN + size, MARGIN : MARGIN + size]
    picture: Field = seen.real**2 + seen.imag**2
    return picture


def stamp_particle(
    depth: Field, phase: Field, particle: np.void, preset: Preset, rng: np.random.Generator
) -> None:
    """Add a faceted crystal, symmetric about its centroid, to depth and phase in place."""
    x, y, diameter = particle["x"], particle["y"], particle["diameter"]
    here, dx, dy = _window(x, y, 0.7 * diameter + 2, depth)
    angle, squeeze = rng.uniform(0, np.pi), np.clip(rng.normal(1.0, 0.08), 0.85, 1.2)
    along = dx * np.cos(angle) + dy * np.sin(angle)
    across = dy * np.cos(angle) - dx * np.sin(angle)
    facets = 1 + 0.035 * np.cos(6 * np.arctan2(across, along) + rng.uniform(0, 6))
    facets += 0.03 * np.cos(4 * np.arctan2(across, along) + rng.uniform(0, 6))
    reach = ((along * squeeze) ** 2 + (across / squeeze) ** 2) / (diameter / 2 * facets) ** 2
    nm = diameter * preset.pixel_nm * np.sqrt(np.clip(1 - reach, 0, None))
    twin = 0.25 * rng.binomial(1, 0.25) * np.cos(rng.uniform(6, 16) * across / diameter)
    depth[here] += nm * particle["contrast"] * (1 + twin) / preset.metal_path_nm
    phase[here] += METAL_PHASE * nm


def stamp_artifact(depth: Field, phase: Field, spot: np.void, rng: np.random.Generator) -> None:
    """Add a speck of dirt or the ring that a resting beam burns, in place."""
    x, y, diameter = spot["x"], spot["y"], spot["diameter"]
    here, dx, dy = _window(x, y, 1.3 * diameter, depth)
    radius = np.hypot(dx, dy) / diameter
    if rng.random() < 0.45:
        floor = 1 / (1 + np.exp((radius - 0.4) * 25))
        depth[here] *= 1 - 0.5 * floor
        phase[here] *= 1 - 0.5 * floor
        depth[here] += 0.3 * np.exp(-(((radius - 0.47) / 0.07) ** 2))
        return
    lumps = rng.normal(0, 0.2, (7, 2))
    lumps -= lumps.mean(axis=0)
    cover = np.zeros_like(depth[here])
    for u, v in lumps:
        cover += np.exp(-((dx / diameter - u) ** 2 + (dy / diameter - v) ** 2) / 0.02)
    depth[here] += 1.2 * (1 - np.exp(-0.8 * cover))
    phase[here] += 0.8 * cover


def _stamp_lump(depth: Field, x: float, y: float, diameter: float) -> None:
    """Add a thicker spot of the support: dim, without an edge, no particle."""
    here, dx, dy = _window(x, y, 1.5 * diameter, depth)
    depth[here] += 0.17 * np.exp(-(dx**2 + dy**2) / (0.4 * diameter) ** 2)


def _window(
    x: float, y: float, reach: float, field: Field
) -> tuple[tuple[slice, slice], Field, Field]:
    """The part of a field around a spot, and its pixels' distances from the spot, px."""
    height, width = field.shape
    rows = slice(max(0, int(y - reach)), max(0, min(height, int(y + reach) + 1)))
    columns = slice(max(0, int(x - reach)), max(0, min(width, int(x + reach) + 1)))
    dx = np.arange(columns.start, columns.stop, dtype=np.float32) + np.float32(0.5 - x)
    dy = np.arange(rows.start, rows.stop, dtype=np.float32) + np.float32(0.5 - y)
    return (rows, columns), dx[None, :], dy[:, None]


def _noise(rng: np.random.Generator, size: int, fine: float, coarse: float) -> Field:
    """A random field of unit variance with features from `fine` to `coarse` px."""
    white = rng.standard_normal((size, size), dtype=np.float32)
    ky = scipy.fft.fftfreq(size).astype(np.float32)
    kx = scipy.fft.rfftfreq(size).astype(np.float32)
    k2 = ky[:, None] ** 2 + kx[None, :] ** 2
    band = np.exp(-k2 * fine**2) * (1 - np.exp(-k2 * coarse**2))
    field = scipy.fft.irfft2(scipy.fft.rfft2(white, workers=-1) * band, s=white.shape, workers=-1)
    smooth: Field = field / field.std()
    return smooth


def _support(scene: Scene, size: int, rng: np.random.Generator) -> tuple[Field, Field]:
    """Optical depth and phase (rad) of what the particles lie on."""
    preset = scene.preset
    film = 1 + 0.09 * _noise(rng, size, size / 10, size / 1.5)
    film *= preset.film_nm * (1 + 0.05 * _noise(rng, size, 3 / preset.pixel_nm, size / 20))
    bend_x, bend_y = (0.009 * size * _noise(rng, size, size / 14, size / 3) for _ in range(2))
    for x, y, radius in scene.discs:
        here, dx, dy = _window(x, y, 1.4 * radius + 8, film)
        apart = np.hypot(dx + bend_x[here], dy + bend_y[here])
        if preset.spheres:
            film[here] += 0.8 * preset.pixel_nm * np.sqrt(np.clip(radius**2 - apart**2, 0, None))
        else:
            film[here] *= 1 / (1 + np.exp(np.clip((radius - apart) / 3, -30, 30)))
    np.clip(film, 0, None, out=film)
    grain = _noise(rng, size, 0.25 / preset.pixel_nm, 3 / preset.pixel_nm)
    rough = 1 + 0.03 * _noise(rng, size, 0.5 / preset.pixel_nm, 6 / preset.pixel_nm)
    depth = film * rough / preset.support_path_nm
    phase = SUPPORT_PHASE * film + 0.17 * np.sqrt(film / 10) * grain
    return depth.astype(np.float32), phase.astype(np.float32)


def _beam(size: int, rng: np.random.Generator) -> Field:
    """The uneven illumination, about 1."""
    cx, cy = rng.uniform(0.3, 0.7, 2)
    tilt_x, tilt_y = rng.normal(0, 0.06, 2)
    at = (np.arange(size, dtype=np.float32) + 0.5) / size
    row = tilt_x * at - 0.16 * (at - np.float32(cx)) ** 2
    column = tilt_y * at - 0.16 * (at - np.float32(cy)) ** 2
    beam: Field = (1 + row[None, :] + column[:, None]).astype(np.float32)
    return beam


def _camera(picture: Field, dose: float, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Count electrons: point spread, shot noise, gain, read-out, a few stray x-rays."""
    spread = ndimage.gaussian_filter(picture, 0.55, mode="nearest")
    electrons = rng.poisson(np.clip(spread, 0, None) * dose).astype(np.float32)
    electrons *= 1 + 0.01 * rng.standard_normal(picture.shape, dtype=np.float32)
    counts = electrons * COUNTS + PEDESTAL
    counts += READ_NOISE * rng.standard_normal(picture.shape, dtype=np.float32)
    hits = rng.integers(0, len(picture), (2, len(picture) // 200))
    counts[hits[0], hits[1]] *= rng.uniform(3, 9, hits.shape[1])
    return np.clip(np.round(counts), 0, 65535).astype(np.uint16)
