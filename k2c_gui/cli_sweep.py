"""The verb that tries many settings."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table as Grid

from . import scheduler
from . import session as sessions
from .arguments import Json, SessionPath
from .core.grid import grid
from .core.sweep import SCORES, Shelf, Sweep, summed, sweep
from .io import shelf
from .terminal import err, out, print_json, progress, write_rows

app = typer.Typer()

SHOWN = 100
"""Settings that a terminal is given at most; files get all."""

_COUNTS = ("instances", "ambiguous", "ties", "unvoted", "noise")


@app.command("sweep")
def sweep_(
    session: SessionPath,
    grid_: Annotated[
        str,
        typer.Option(
            "--grid", metavar="GRID", help='Such as "min_cluster_size=5:15:2,method=eom,leaf".'
        ),
    ],
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the scores here, a setting a row.")
    ] = None,
    by_micrograph: Annotated[
        bool, typer.Option("--by-micrograph", help="In --csv and --json: of each micrograph, too.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads of this machine; without it: one a core.")
    ] = None,
    scheduler_: Annotated[
        str, typer.Option("--scheduler", metavar="tcp://HOST:PORT", help="dask.distributed.")
    ] = "",
    resume: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep results here; what is there is not done again."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Score every setting of a grid on all micrographs, and name the one that agrees best.

    In a grid, values are parted by commas and a range is first:last:step. What it does not name is
    as applied in the session; a setting by name (2022, default, applied) may stand first.
    Proposals are made as if nothing were decided, and compared with the decisions in force.
    """
    with sessions.Session(session) as desk:
        facts = desk.state
    asked = grid(grid_, facts.ledger.params)
    kept: Shelf | None = shelf.Shelf(resume) if resume else None
    with _executor(workers, scheduler_) as executor, progress() as report:
        found = sweep(facts.evidence, asked, facts.ledger, executor, shelf=kept, progress=report)
    if csv is not None:
        rows = list(_rows(found, by_micrograph))
        write_rows(csv, rows, list(rows[0]) if rows else [])
    if as_json:
        print_json(_document(found, by_micrograph))
    else:
        _print(found)
        if csv is not None:
            out.print(f"Wrote {csv}.")
    for name, fault in found.failed.items():
        err.print(f"{name} could not be scored: {fault}", style="bold red")
    if found.failed:
        raise typer.Exit(2)


@contextmanager
def _executor(workers: int | None, address: str) -> Iterator[Executor | None]:
    if address:
        with scheduler.connected(address) as executor:
            yield executor
    elif workers:
        with ThreadPoolExecutor(workers) as executor:
            yield executor
    else:
        yield None


def _rows(found: Sweep, by_micrograph: bool) -> Iterator[dict[str, Any]]:
    """One row a setting; or one a micrograph and setting."""
    parts = [("", found.scores)]
    if by_micrograph:
        parts = [
            (name, summed(tallies[None]))
            for name, tallies in zip(found.micrographs, found.tallies, strict=True)
        ]
    settings = [asdict(params) for params in found.grid.settings()]
    for name, scores in parts:
        columns = {key: np.ravel(values).tolist() for key, values in scores.items()}
        for i, setting in enumerate(settings):
            own = {key: _written(key, values[i]) for key, values in columns.items()}
            yield ({"micrograph": name} if by_micrograph else {}) | setting | own


def _document(found: Sweep, by_micrograph: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "axes": {axis.name: list(axis.values) for axis in found.axes},
        "scores": SCORES,
        "settings": list(_rows(found, False)),
        "best": None if found.best is None else asdict(found.setting(found.best)),
        "micrographs": list(found.micrographs),
        "failed": dict(found.failed),
    }
    if by_micrograph:
        document["by_micrograph"] = list(_rows(found, True))
    return document


def _written(name: str, value: float) -> float | int | None:
    """A whole number is one; JSON and CSV know no nan."""
    if not isfinite(value):
        return None
    return int(value) if name in _COUNTS else value


def _print(found: Sweep) -> None:
    best = None
    if found.best is not None:
        best = int(np.ravel_multi_index(found.best, found.grid.shape)) if found.best else 0
    table = Grid(box=None, pad_edge=False)
    for axis in found.axes:
        table.add_column(axis.name, justify="right", min_width=len(axis.name))
    names = [name for name in SCORES if np.isfinite(found.scores[name]).any()]
    for name in names:
        table.add_column(name, justify="right", min_width=len(name))
    columns = {name: found.scores[name].ravel() for name in names}
    shown = list(range(min(len(found.grid), SHOWN)))
    for i in shown + ([best] if best is not None and best not in shown else []):
        place = np.unravel_index(i, found.grid.shape) if found.axes else ()
        values = [axis.values[j] for axis, j in zip(found.axes, place, strict=True)]
        told = [_told(name, float(columns[name][i])) for name in names]
        table.add_row(*map(str, values), *told, style="bold" if i == best else "")
    out.print(table)
    if len(found.grid) > SHOWN:
        out.print(f"{len(found.grid) - SHOWN:,} more settings: ask for --csv or --json.")
    out.print(_verdict(found))


def _verdict(found: Sweep) -> str:
    if found.best is None:
        return "Nothing was decided that a setting could be compared with: none is called best."
    decided = int(found.tallies["decided"].sum(axis=0).max())
    setting = asdict(found.setting(found.best))
    words = ", ".join(f"{axis.name}={setting[axis.name]}" for axis in found.axes) or "the only one"
    agreement = float(found.scores["agreement"][found.best])
    return f"Best by agreement with {decided} decisions ({agreement:.3f}): {words}."


def _told(name: str, value: float) -> str:
    if not isfinite(value):
        return "-"
    return f"{value:.0f}" if name in _COUNTS else f"{value:.3f}"
