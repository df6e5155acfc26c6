"""Work off the GUI thread: groupings and pictures. Newest request wins; no locks.

Workers are handed plain arrays and hand plain arrays back; an answer carries its question, and
whoever asked drops it when the question has changed.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal
from PySide6.QtGui import QImage

from k2c_gui.core import compiled, outcome
from k2c_gui.core.model import Cancelled, ClusterParams, Grouping, K2CError
from k2c_gui.core.outcome import Result
from k2c_gui.desk import Desk, State
from k2c_gui.io import micrographs

SMALLEST_LEVEL = 512
"""px: the coarsest level of detail is about this large."""

KEPT_PICTURES = 6
"""Decoded micrographs kept in memory: the shown one, two before it, two after, and one to spare."""

_REPORT_S = 0.05
"""The window is told of progress at most this often."""

_SAMPLE = 200_000
"""Pixels that percentiles are taken from; all of them cost 40 ms at 2048 px and say the same."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded micrograph.

    Attributes
    ----------
    micrograph : int
    levels : tuple of (height, width) ndarray
        Full size, half, quarter ...: means of 2 x 2 px.
    sample : (n,) float32
        Finite pixels in rising order, for percentiles.
    inverted : bool
        Stored with dark and bright swapped.
    """

    micrograph: int
    levels: tuple[NDArray[Any], ...]
    sample: NDArray[np.float32]
    inverted: bool

    def percentile(self, share: float) -> float:
        """Grey value below which a share (0 to 100) of the pixels lies."""
        if not len(self.sample):
            return 0.0
        # linear between neighbours, as `numpy.percentile`, which would sort again
        at = share / 100 * (len(self.sample) - 1)
        below = self.sample[int(at)]
        above = self.sample[min(int(at) + 1, len(self.sample) - 1)]
        return float(below + (at - int(at)) * (above - below))


class _Told(QObject):
    done = Signal(object, object)  # the question, the answer or an exception


class _Work(QRunnable):
    def __init__(self, question: object, answer: Callable[[], object], told: _Told) -> None:
        super().__init__()
        self._question, self._answer, self._told = question, answer, told

    def run(self) -> None:
        try:
            answer: object = self._answer()
        except Exception as error:  # handed to the GUI thread, which knows whom to tell
            answer = error
        try:
            self._told.done.emit(self._question, answer)
        except RuntimeError:
            return  # the window is gone


class Worker(QObject):
    """One thread that answers one question at a time; waiting questions can be replaced.

    Parameters
    ----------
    answered : callable
        Called on the GUI thread with the question and the answer, or the exception.
    """

    def __init__(self, answered: Callable[[object, object], None]) -> None:
        super().__init__()
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(1)
        self._told = _Told()
        self._told.done.connect(self._done)
        self._answered = answered
        self._next: tuple[object, Callable[[], object]] | None = None
        self.busy_with: object = None
        self._closed = False

    def ask(self, question: object, answer: Callable[[], object]) -> None:
        """Ask; a question that still waits is forgotten."""
        if self.busy_with is None:
            self.busy_with = question
            self._pool.start(_Work(question, answer, self._told))
        else:
            self._next = (question, answer)

    def forget(self) -> None:
        """Drop the question that waits."""
        self._next = None

    def close(self) -> None:
        """Wait for the thread; nothing is answered any more."""
        self._next = None
        self._closed = True
        self._pool.waitForDone()

    def _done(self, question: object, answer: object) -> None:
        if self._closed:  # disconnecting would not call back what was sent already
            return
        self.busy_with = None
        waiting, self._next = self._next, None
        if waiting is not None:
            self.ask(*waiting)
        self._answered(question, answer)


class Report(QObject):
    """Takes progress from a worker's thread to the window, and the wish to stop back to it.

    Call it as a `Progress`.
    """

    said = Signal(str, int, int)  # what, done, total

    def __init__(self) -> None:
        super().__init__()
        self._stop = threading.Event()
        self._last = ("", 0.0)

    @property
    def stopped(self) -> bool:
        """Whether the work was asked to stop."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Stop the work at its next report."""
        self._stop.set()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Tell how far the work is; `Cancelled` when it is to stop."""
        if self._stop.is_set():
            raise Cancelled("Stopped. Nothing was written.")
        now = time.monotonic()
        if what != self._last[0] or now - self._last[1] > _REPORT_S:
            self._last = what, now
            self.said.emit(what, done, total)


class Warming(Worker):
    """Brings the compiled kernels, so that nobody waits for it.

    Compiling takes seconds, once a machine, and holds up every thread of its process for a good
    part of one. So a process of its own fills the cache; to read that takes half a second.

    Parameters
    ----------
    done : callable
        Called on the GUI thread; at once where there is nothing to bring.
    """

    def __init__(self, done: Callable[[], object]) -> None:
        super().__init__(lambda _question, _answer: self._end(done))
        self._child: subprocess.Popen[bytes] | None = None
        self._left = False
        self.over = compiled.ready()

    def begin(self) -> None:
        """Begin, unless that is done."""
        if not self.over and self.busy_with is None:
            self.ask("kernels", self._bring)

    def close(self) -> None:
        """Leave off compiling."""
        self._left = True
        if self._child is not None:
            self._child.kill()
        super().close()

    def _bring(self) -> None:
        # a program in one file has no interpreter to call
        if not getattr(sys, "frozen", False) and _cold():
            flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
            nothing = subprocess.DEVNULL
            self._child = subprocess.Popen(
                [sys.executable, "-c", _COMPILE],
                stdin=nothing,
                stdout=nothing,
                stderr=nothing,
                creationflags=flags,
            )
            if self._left:
                self._child.kill()
            self._child.wait()
        if not self._left:
            compiled.warm_up()

    def _end(self, done: Callable[[], object]) -> None:
        # also where it failed: the plain path is slow, and as good
        self.over = True
        done()


def _cold() -> bool:
    """Whether numba's cache, where it is by itself, lacks some kernel as it is written now."""
    for own in compiled.declared():
        code = own.plain.__code__
        source = Path(code.co_filename)
        index = f"{source.stem}.{own.plain.__qualname__}-{code.co_firstlineno}.*.nbi"
        try:
            written = source.stat().st_mtime
            kept = [path.stat().st_mtime for path in (source.parent / "__pycache__").glob(index)]
        except OSError:
            return True
        if max(kept, default=0.0) < written:
            return True
    return False


_COMPILE = "from k2c_gui.core import compiled, sweep; compiled.warm_up()"


class _Task(NamedTuple):
    """One micrograph under one setting; where its grouping is known, only the rest."""

    micrograph: int
    params: ClusterParams
    grouping: Grouping | None


class Groupings(QObject):
    """Keeps the desk's answers up to date: the shown micrograph first, then the project.

    The setting that is tried comes before the one that is applied, and that before the pinned
    one. Answers for the project come in batches: every one of them repaints.

    Parameters
    ----------
    desk : Desk
    waiting : bool
        Group nothing before `begin` is called: the first grouping imports for a second, and the
        first image need not wait for that.
    """

    progressed = Signal(int, int)  # micrographs known under the tried setting, of all
    failed = Signal(object)  # a bug: the exception
    _came = Signal(object)  # some results

    def __init__(self, desk: Desk, *, waiting: bool = False) -> None:
        super().__init__()
        self._desk = desk
        self._waiting = waiting
        self._live = Worker(self._answered)
        self._rest = Worker(self._answered)
        self._warming = Warming(lambda: self._ask(desk.state))
        self._leave = threading.Event()
        self._stopped = self._closed = False
        self._came.connect(self._take)
        desk.subscribe(self._changed)
        if not waiting:
            self._warming.begin()
            self._ask(desk.state)

    def begin(self) -> None:
        """Group what there is to group, from now on."""
        if self._waiting:
            self._waiting = False
            self._warming.begin()
            self._ask(self._desk.state)

    def stop(self) -> None:
        """Leave the rest of the project as it is until the setting changes, or `resume`."""
        if _unknown(self._desk.state):
            self._stopped = True
            self._break_off()
            self._tell()

    @property
    def stopped(self) -> bool:
        """Whether something was left as it is."""
        return self._stopped

    def resume(self) -> None:
        """Go on with the rest of the project."""
        self._stopped = False
        self._ask(self._desk.state)

    def close(self) -> None:
        """Wait for the threads."""
        self._break_off()
        self._closed = True
        self._warming.close()
        self._live.close()
        self._rest.close()

    def _break_off(self) -> None:
        self._leave.set()
        self._rest.forget()

    def _changed(self, old: State, new: State) -> None:
        settings = (new.params, new.pinned, new.ledger.params)
        if settings != (old.params, old.pinned, old.ledger.params):
            self._stopped = False
        elif new.ledger is old.ledger and new.evidence is old.evidence and new.shown == old.shown:
            return
        if new.shown == old.shown or new.trial.tables[new.shown] is None:
            self._break_off()  # it goes on with what is left once the shown one is answered
        self._ask(new)

    def _ask(self, state: State) -> None:
        if self._waiting:
            return
        i = state.shown
        # many marks without the compiled kernels would take minutes
        quick = self._warming.over or len(state.evidence[i].marks) <= compiled.WORTHWHILE
        if state.trial.tables[i] is None:
            if quick:
                self._ask_live(state, i)
        elif not self._stopped and self._warming.over and self._rest.busy_with is None:
            tasks = _unknown(state)
            if tasks:
                self._leave = threading.Event()
                leave = self._leave
                self._rest.ask(tasks, lambda: self._work_off(tasks, state, leave))

    def _ask_live(self, state: State, i: int) -> None:
        task = _Task(i, state.params, state.trial.groupings[i])
        question = (i, state.params, state.ledger)
        if self._live.busy_with != question:
            self._live.ask(question, lambda: [_answer(task, state)])

    def _work_off(self, tasks: list[_Task], state: State, leave: threading.Event) -> list[Result]:
        """Answer one after the other, telling of some at a time; those not told are returned."""
        some: list[Result] = []
        told = time.monotonic()
        for task in tasks:
            if leave.is_set():
                break
            some.append(_answer(task, state))
            if time.monotonic() - told > _REPORT_S:
                self._came.emit(some)
                some, told = [], time.monotonic()
        return some

    def _take(self, results: list[Result]) -> None:
        if self._closed:
            return
        self._desk.take(results)
        self._tell()

    def _tell(self) -> None:
        state = self._desk.state
        known = sum(table is not None for table in state.trial.tables)
        self.progressed.emit(known, len(state.evidence))

    def _answered(self, _question: object, answer: object) -> None:
        if isinstance(answer, list):
            self._take(answer)
            self._ask(self._desk.state)
        else:
            self.failed.emit(answer)


def _answer(task: _Task, state: State) -> Result:
    evidence = state.evidence[task.micrograph]
    return outcome.result(evidence, task.params, state.ledger, state.truth, task.grouping)


def _unknown(state: State) -> list[_Task]:
    """What is not known yet of the tried, the applied and the pinned setting, the nearest first."""
    applied = state.groupings, state.tables
    nothing = (None,) * len(state.evidence)
    known = {state.pinned: (nothing, nothing), state.ledger.params: applied}
    known[state.params] = state.trial.groupings, state.trial.tables
    order = dict.fromkeys((state.params, state.ledger.params, state.pinned))
    near = sorted(range(len(state.evidence)), key=lambda i: (abs(i - state.shown), i))
    tasks = []
    for params in order:
        groupings, tables = known[params]
        counted = state.outcomes[params]["known"]
        only_counted = params not in (state.params, state.ledger.params)
        tasks += [
            _Task(i, params, groupings[i])
            for i in near
            if not counted[i] or (tables[i] is None and not only_counted)
        ]
    return tasks


class Pictures(QObject):
    """Decoded micrographs, the shown one first, its neighbours ahead of time.

    Parameters
    ----------
    paths : sequence of str
        Of the micrographs.
    """

    ready = Signal(int)
    failed = Signal(int, str)

    def __init__(self, paths: Iterable[str]) -> None:
        super().__init__()
        self._paths = [Path(path) for path in paths]
        self._kept: dict[int, Picture] = {}
        self._errors: dict[int, str] = {}
        self._wanted: list[int] = []
        self._worker = Worker(self._answered)

    def get(self, micrograph: int) -> Picture | None:
        """A picture if it is there; else None, and `ready` or `failed` follows."""
        if micrograph in self._kept:
            self._kept[micrograph] = self._kept.pop(micrograph)
            return self._kept[micrograph]
        if micrograph not in self._errors:
            self._want([micrograph, *self._wanted])
        return None

    def peek(self, micrograph: int) -> Picture | None:
        """A picture if it is there; nothing is decoded for it."""
        return self._kept.get(micrograph)

    def path(self, micrograph: int) -> Path:
        """Where a micrograph is looked for."""
        return self._paths[micrograph]

    def error(self, micrograph: int) -> str:
        """Why a micrograph cannot be shown; empty where it can, or was not tried."""
        return self._errors.get(micrograph, "")

    def prefetch(self, micrographs_: Iterable[int]) -> None:
        """Decode these when there is nothing else to do."""
        inside = [i for i in micrographs_ if 0 <= i < len(self._paths)]
        self._want([*inside, *self._wanted])

    def replace(self, micrograph: int, path: Path) -> None:
        """Look for a micrograph at another place."""
        self._paths[micrograph] = path
        self._errors.pop(micrograph, None)
        self._kept.pop(micrograph, None)
        self.get(micrograph)

    def close(self) -> None:
        """Wait for the thread."""
        self._worker.close()

    def _want(self, micrographs_: list[int]) -> None:
        fresh = dict.fromkeys(
            i for i in micrographs_ if i not in self._kept and i not in self._errors
        )
        self._wanted = list(fresh)[:KEPT_PICTURES]
        self._ask()

    def _ask(self) -> None:
        if self._wanted and self._worker.busy_with is None:
            i = self._wanted[0]
            path = self._paths[i]
            self._worker.ask(i, lambda: decode(i, path))

    def _answered(self, question: object, answer: object) -> None:
        i = question if isinstance(question, int) else -1
        self._wanted = [wanted for wanted in self._wanted if wanted != i]
        if isinstance(answer, Picture):
            self._kept[i] = answer
            while len(self._kept) > KEPT_PICTURES:
                del self._kept[next(iter(self._kept))]
            self.ready.emit(i)
        else:
            self._errors[i] = str(answer)
            self.failed.emit(i, self._errors[i])
        self._ask()


def decode(micrograph: int, path: Path) -> Picture:
    """Read a micrograph and build its levels of detail.

    Parameters
    ----------
    micrograph : int
    path : Path

    Returns
    -------
    Picture

    Raises
    ------
    K2CError
        It cannot be read.
    """
    if not path.is_file():
        raise K2CError("The image is not there any more.", file=path)
    info = micrographs.inspect(path)
    levels = [np.ascontiguousarray(micrographs.read(path))]
    while max(levels[-1].shape) > SMALLEST_LEVEL * 1.5:
        levels.append(_half(levels[-1]))
    pixels = levels[0].ravel()
    sample = pixels[:: max(1, len(pixels) // _SAMPLE)].astype(np.float32)
    return Picture(micrograph, tuple(levels), np.sort(sample[np.isfinite(sample)]), info.inverted)


def grey(pixels: NDArray[Any], low: float, high: float) -> QImage:
    """Pixels as an 8-bit picture, black at `low` and white at `high`."""
    span = (high - low) or 1.0
    eight = np.clip((np.nan_to_num(pixels.astype(np.float32)) - low) * (255 / span), 0, 255)
    eight = np.ascontiguousarray(eight.astype(np.uint8))
    height, width = eight.shape
    return QImage(eight.data, width, height, width, QImage.Format.Format_Grayscale8).copy()


def _half(level: NDArray[Any]) -> NDArray[Any]:
    """Means of 2 x 2 px; an odd last row or column is left out."""
    height, width = (side // 2 * 2 for side in level.shape)
    wide = np.float32 if level.dtype.kind == "f" or level.dtype.itemsize > 2 else np.int32
    even = level[:height, :width]
    total = even[0::2, 0::2].astype(wide)
    for part in (even[0::2, 1::2], even[1::2, 0::2], even[1::2, 1::2]):
        total += part
    mean = total / 4 if level.dtype.kind == "f" else (total + 2) // 4
    return np.ascontiguousarray(mean.astype(level.dtype))
