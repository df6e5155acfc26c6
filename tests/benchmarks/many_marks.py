"""A session of known size, written without an import: for the benchmarks of the window."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from k2c_gui.core.model import (
    LOOK,
    MARK,
    MARKS_PER_CLASSIFICATION,
    NO_LABEL,
    TILE,
    VOTE,
    ClusterParams,
    Decision,
    Entry,
    Micrograph,
    Sources,
    Table,
)
from k2c_gui.io import session_file
from k2c_gui.io.resources import labels

SIDE = 2048
MARKS_PER_GROUP = 6
VOTES_PER_MARK = 5
PARAMS = ClusterParams(min_cluster_size=4, min_samples=3)
_AT = "2026-01-01T00:00:00.000Z"


def write(path: Path, marks: list[int], decisions: int = 0) -> Path:
    """Write a session and its images.

    Parameters
    ----------
    path : Path
    marks : list of int
        How many, a micrograph.
    decisions : int
        In force; a group each, evenly over the micrographs.

    Returns
    -------
    Path
        The same.
    """
    rng = np.random.default_rng(0)
    kinds = labels()
    images = _images(path.parent, rng)
    names = [f"m{i:03d}.tif" for i in range(len(marks))]
    micrographs = tuple(
        Micrograph(name, str(images[i % len(images)]), SIDE, SIDE, 0.4, "benchmark")
        for i, name in enumerate(names)
    )
    tiles = np.zeros(len(marks), TILE)
    tiles["micrograph"] = np.arange(len(marks))
    tiles["width"] = tiles["height"] = SIDE
    parts = [_marks(i, n, rng) for i, n in enumerate(marks)]
    rows = np.concatenate(parts)
    looks = np.zeros(len(marks) * MARKS_PER_GROUP, LOOK)
    looks["tile"], looks["volunteer"] = np.divmod(np.arange(len(looks)), MARKS_PER_GROUP)
    looks["classification"] = np.arange(len(looks))
    sources = Sources(
        micrographs, kinds, tuple(names), tiles, looks, rows, _votes(rows, len(kinds), rng)
    )
    log = _log(names, parts, decisions, len(kinds))
    content = session_file.Content(uuid.uuid4().hex, sources, (), PARAMS, log)
    session_file.write(path, content)
    return path


def _images(folder: Path, rng: np.random.Generator) -> list[Path]:
    paths = []
    for i in range(6):
        paths.append(folder / f"image{i}.tif")
        grey = rng.normal(120, 25, (SIDE, SIDE)).clip(0, 255).astype(np.uint8)
        tifffile.imwrite(paths[-1], grey)
    return paths


def _marks(micrograph: int, n: int, rng: np.random.Generator) -> Table:
    """Groups on a grid, so that each of them stays one."""
    n_groups = n // MARKS_PER_GROUP
    across = int(np.ceil(np.sqrt(n_groups)))
    step = SIDE / across
    volunteer, group = np.divmod(np.arange(n_groups * MARKS_PER_GROUP), n_groups)
    n = len(group)
    jitter = rng.normal(0, min(1.5, step / 12), (n, 2))
    rows = np.zeros(n, MARK)
    rows["micrograph"] = rows["tile"] = micrograph
    rows["x"] = (group % across + 0.5) * step + jitter[:, 0]
    rows["y"] = (group // across + 0.5) * step + jitter[:, 1]
    look = micrograph * MARKS_PER_GROUP + volunteer
    rows["mark"] = look * MARKS_PER_CLASSIFICATION + group
    rows["volunteer"] = volunteer
    rows["label"] = NO_LABEL
    rows["inside"] = True
    return rows


def _votes(marks: Table, n_labels: int, rng: np.random.Generator) -> Table:
    rows = np.zeros(len(marks) * VOTES_PER_MARK, VOTE)
    rows["classification"] = 10**9 + np.arange(len(rows))
    for name in ("mark", "micrograph", "x", "y"):
        rows[name] = np.repeat(marks[name], VOTES_PER_MARK)
    rows["volunteer"] = np.tile(np.arange(VOTES_PER_MARK), len(marks)) + 100
    rows["label"] = rng.integers(0, n_labels, len(rows))
    return rows


def _log(names: list[str], parts: list[Table], n: int, n_labels: int) -> tuple[Entry, ...]:
    entries = []
    for i in range(n):
        name, marks = names[i % len(names)], parts[i % len(names)]
        groups = len(marks) // MARKS_PER_GROUP
        own: NDArray[np.int64] = marks["mark"][i // len(names) :: groups]
        at = marks[i // len(names)]
        decision = Decision(
            micrograph=name,
            marks=tuple(own.tolist()),
            verdict="label",
            label=i % n_labels,
            x=float(at["x"]),
            y=float(at["y"]),
            decided_at=_AT,
            params=PARAMS,
            made_from=(tuple(own.tolist()),),
        )
        entries.append(
            Entry(uid=f"{i:032x}", step=f"{i:031x}s", kind="decide", at=_AT, decision=decision)
        )
    return tuple(entries)
