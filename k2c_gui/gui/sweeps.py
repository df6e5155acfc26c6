"""Grids of settings scored off the GUI thread, for the parameter map."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import cpu_count
from time import perf_counter
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from k2c_gui.core.grid import Axis, Grid, grid
from k2c_gui.core.model import ClusterParams, K2CError, Progress, Table
from k2c_gui.core.sweep import Sweep, sweep
from k2c_gui.desk import State

from .jobs import Report, Worker

MOST = 4_000
"""Settings of a map: more could not be told apart, nor hit with a pointer."""

BEST = 5
"""Settings that are named."""

_KEPT = 64_000_000
"""Bytes of tallies that are remembered: a decision then costs one micrograph, not all."""

Place = tuple[int, int]
"""Of a setting in a map: row, column."""


@dataclass(frozen=True, slots=True)
class Axes:
    """What a map is asked for, as it was written.

    Attributes
    ----------
    x, y : str
        Parameters that vary across and upwards.
    x_text, y_text : str
        Their values, see `core.grid.grid`.
    """

    x: str
    x_text: str
    y: str
    y_text: str


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A map.

    Attributes
    ----------
    sweep : Sweep
        Its first axis goes upwards, its second across.
    asked : State
        What the desk was then.
    best : tuple of Place
        The settings that agree best with the expert, of equals the least ambiguous first; empty
        where there is nothing to agree with.
    seconds : float
    """

    sweep: Sweep
    asked: State
    best: tuple[Place, ...]
    seconds: float

    @property
    def decided(self) -> int:
        """Decisions that the settings were compared with."""
        return int(self.sweep.tallies["decided"].sum(axis=0).max(initial=0))

    def place(self, params: ClusterParams) -> Place | None:
        """Where a setting is in the map; None: not in it."""
        y, x = self.sweep.axes
        own = getattr(params, y.name), getattr(params, x.name)
        if own[0] not in y.values or own[1] not in x.values:
            return None
        at = y.values.index(own[0]), x.values.index(own[1])
        return at if replace(self.sweep.grid.base, **self.values(at)) == params else None

    def values(self, place: Place) -> dict[str, Any]:
        """What a place of the map sets."""
        y, x = self.sweep.axes
        return {y.name: y.values[place[0]], x.name: x.values[place[1]]}

    def answers(self, state: State, wanted: Grid) -> bool:
        """Whether this is still what a desk asks for."""
        same = self.asked.ledger is state.ledger and self.asked.evidence is state.evidence
        return same and self.sweep.grid == wanted


def wanted(axes: Axes, params: ClusterParams) -> Grid:
    """Lay out the settings of a map.

    Parameters
    ----------
    axes : Axes
    params : ClusterParams
        What no axis varies.

    Returns
    -------
    Grid
        With two axes, upwards and across; what they vary in `params` does not matter.

    Raises
    ------
    K2CError
        It makes no sense, or is larger than `MOST`.
    """
    y, x = _axis(axes.y, axes.y_text), _axis(axes.x, axes.x_text)
    size = len(x.values) * len(y.values)
    if size > MOST:
        raise K2CError(
            f"This map has {size:,} settings; {MOST:,} is the most.", remedy="Take wider steps."
        )
    first: dict[str, Any] = {y.name: y.values[0], x.name: x.values[0]}
    return Grid(replace(params, **first), (y, x))


def _axis(name: str, text: str) -> Axis:
    if "=" in text:
        raise K2CError(
            f"{name} is {text!r}.", remedy="Give values parted by commas, or first:last:step."
        )
    # with a neighbourhood: whether it goes with the other axis, the whole grid says
    found = grid(f"{name}={text}", ClusterParams(epsilon=1.0))
    return found.axes[0] if found.axes else Axis(name, (getattr(found.base, name),))


def find(state: State, asked: Grid, kept: Kept, progress: Progress) -> Found:
    """Score a map.

    Parameters
    ----------
    state : State
    asked : Grid
        See `wanted`.
    kept : Kept
    progress : Progress

    Returns
    -------
    Found

    Raises
    ------
    Cancelled
        `progress` said so.
    """
    began = perf_counter()
    with ThreadPoolExecutor(max(1, cpu_count() - 1)) as threads:  # one core is the window's
        found = sweep(
            state.evidence,
            asked,
            state.ledger,
            threads,
            first=state.shown,
            shelf=kept,
            progress=progress,
        )
    return Found(found, state, _best(found), perf_counter() - began)


def _best(found: Sweep) -> tuple[Place, ...]:
    agreement = found.scores["agreement"].ravel()
    known = np.isfinite(agreement)
    rank = np.where(known, -agreement, np.inf)
    order = np.lexsort((found.scores["ambiguous"].ravel(), rank))[: min(BEST, int(known.sum()))]
    rows, columns = np.unravel_index(order, found.grid.shape)
    return tuple(zip(rows.tolist(), columns.tolist(), strict=True))


class Kept:
    """A shelf in memory: the tallies that were asked for last."""

    def __init__(self, most: int = _KEPT) -> None:
        self._tallies: dict[str, Table] = {}
        self._left = most

    def get(self, key: str) -> Table | None:
        """What was kept under a name, which makes it the last that was asked for."""
        found = self._tallies.pop(key, None)
        if found is not None:
            self._tallies[key] = found
        return found

    def __setitem__(self, key: str, tallies: Table) -> None:
        """Keep it; what was not asked for the longest gives way."""
        old = self._tallies.pop(key, None)
        self._tallies[key] = tallies
        self._left += (0 if old is None else old.nbytes) - tallies.nbytes
        while self._left < 0 and len(self._tallies) > 1:
            self._left += self._tallies.pop(next(iter(self._tallies))).nbytes


class Sweeps(QObject):
    """Scores one map at a time; a newer question stops the one before."""

    told = Signal(str, int, int)  # what is done, so much, of so much
    done = Signal(object)  # a Found, or what went wrong

    def __init__(self) -> None:
        super().__init__()
        self._kept = Kept()
        self._worker = Worker(self._answered)
        self._report: Report | None = None

    @property
    def busy(self) -> bool:
        """Whether a map is being scored that somebody waits for."""
        return self._report is not None

    def ask(self, state: State, asked: Grid) -> None:
        """Score a map; `done` follows."""
        self.stop()
        report = Report()
        report.setParent(self)
        report.said.connect(self.told)
        self._report = report
        self._worker.ask(report, lambda: find(state, asked, self._kept, report))

    def stop(self) -> None:
        """Leave off; of what was asked nothing follows, and what was scored is kept."""
        if self._report is not None:
            self._report.said.disconnect(self.told)
            self._report.stop()
            self._report = None
        self._worker.forget()

    def close(self) -> None:
        """Leave off, and wait for the thread."""
        self.stop()
        self._worker.close()

    def _answered(self, question: object, answer: object) -> None:
        if question is self._report:
            self._report = None
            self.done.emit(answer)
        if isinstance(question, Report):
            question.deleteLater()
