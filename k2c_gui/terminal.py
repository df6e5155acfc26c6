"""What a person at a terminal sees: tables, a progress bar, and rows written whole."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid

from .core.model import STATUS, ClusterParams, Tally
from .core.model import Progress as Report
from .io import tables
from .io.files import write_whole

out = Console(highlight=False, soft_wrap=True, markup=False)  # a file may be named [red].tif
err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


@contextmanager
def progress() -> Iterator[Report]:
    """A bar on stderr; nothing at all where stderr is not a terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=None)

        def report(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield report


def print_json(document: object) -> None:
    """Print a document for a program to read."""
    sys.stdout.write(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def print_overview(table: Any, names: list[str], params: ClusterParams) -> None:
    """One line a micrograph, for a person at a terminal."""
    grid = Grid("micrograph", box=None, pad_edge=False)
    for column in ("instances", "ambiguous", "ties", "no votes", "decided"):
        grid.add_column(column, justify="right")
    voted = table["votes"].sum(axis=1) > 0
    facts = {
        "instances": table["micrograph"] >= 0,
        "ambiguous": table["ambiguous"],
        "ties": voted & (table["margin"] == 0),
        "no votes": ~voted,
        "decided": table["status"] != STATUS.index("proposed"),
    }
    for i, name in enumerate(names):
        own = table["micrograph"] == i
        grid.add_row(name, *(str(int((own & fact).sum())) for fact in facts.values()))
    grid.add_row("all", *(str(int(fact.sum())) for fact in facts.values()), style="bold")
    out.print(grid)
    out.print(", ".join(f"{k} {v}" for k, v in asdict(params).items()), style="dim")


def print_tallies(tallies: tuple[Tally, ...]) -> None:
    """What became of every row, mark and vote."""
    grid = Grid("source", "fate", box=None, pad_edge=False)
    grid.add_column("count", justify="right")
    grid.add_column("what")
    grid.add_column("first at")
    for tally in tallies:
        style = {"kept": "", "flagged": "yellow", "dropped": "red"}[tally.fate]
        grid.add_row(
            tally.source, tally.fate, str(tally.count), tally.what, tally.first, style=style
        )
    out.print(grid)


def write_rows(path: Path, rows: list[dict[str, tables.Value]], columns: list[str]) -> None:
    """Write a CSV file that is there whole or not at all."""

    def fill(part: Path) -> None:
        with part.open("w", encoding="utf-8", newline="") as file:
            tables.write_csv(file, rows, columns)

    write_whole(path, fill)
