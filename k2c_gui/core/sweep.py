"""A grid of settings over all micrographs, scored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from multiprocessing import cpu_count
from typing import Protocol

import numpy as np

from .grid import Axis, Grid
from .model import Cancelled, ClusterParams, Floats, K2CError, Ledger, Progress, Table, no_progress
from .review import Evidence
from .rulings import rulings
from .scores import TALLY, Answer, Question, Stop, answer, versions

SCORES = {
    "instances": "instances proposed",
    "ambiguous": "of them, ambiguous",
    "ties": "of them, tied",
    "unvoted": "of them, without votes",
    "noise": "marks in no group",
    "precision": "of the proposals that the decisions speak of, the share that is a decided one",
    "recall": "share of the decided instances that is proposed",
    "f1": "harmonic mean of precision and recall",
    "labels": "of the decided instances that are proposed, the share with the expert's label",
    "agreement": "F1 where a match counts only if its label is the expert's",
    "stability": "share of the other settings with the same instance and label; mean of instances",
    "validity": "density-based validity along the spanning tree (DBCV); compares, no more",
}
"""What is told of each setting. Proposals are made as if nothing were decided."""

_AHEAD = 256
"""Questions under way at once: enough for many machines, and not all marks sent at the start."""

_PATIENCE = 0.2
"""Seconds after which progress is told again, though nothing came: it may be stopped there."""


class Shelf(Protocol):
    """Where tallies are kept, by the name that `Question.key` gives them; a dict will do."""

    def get(self, key: str, /) -> Table | None:
        """What was kept under a name; None: nothing."""

    def __setitem__(self, key: str, tallies: Table, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a grid of settings finds.

    Attributes
    ----------
    grid : Grid
        Its `axes` are those of every array here.
    micrographs : tuple of str
        Names, in the order of `tallies`; without those of `failed`.
    tallies : (n_micrographs, *grid.shape) TALLY
    scores : dict of str to float64 array of grid.shape
        Of all micrographs together, by the names of `SCORES`; nan where there is nothing to
        tell.
    failed : dict of str to str
        Names of micrographs that could not be scored, and why.
    """

    grid: Grid
    micrographs: tuple[str, ...]
    tallies: Table
    scores: Mapping[str, Floats]
    failed: Mapping[str, str]

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Of every array here, in order."""
        return self.grid.axes

    @property
    def best(self) -> tuple[int, ...] | None:
        """Place of the setting that agrees best with the expert, of equals the least ambiguous.

        Of those still equal the first. None where no decision can be compared with.
        """
        agreement = self.scores["agreement"].ravel()
        if not np.isfinite(agreement).any():
            return None
        rank = np.where(np.isfinite(agreement), -agreement, np.inf)
        place = np.lexsort((self.scores["ambiguous"].ravel(), rank))[0]
        return tuple(int(i) for i in np.unravel_index(place, self.grid.shape))

    def setting(self, place: tuple[int, ...]) -> ClusterParams:
        """The setting at a place of the grid."""
        flat = int(np.ravel_multi_index(place, self.grid.shape)) if place else 0
        return next(islice(self.grid.settings(), flat, None))


def sweep(
    evidence: Sequence[Evidence],
    grid: Grid,
    decisions: Ledger,
    executor: Executor | None = None,
    *,
    first: int | None = None,
    shelf: Shelf | None = None,
    arrived: Callable[[str, Table], None] | None = None,
    progress: Progress = no_progress,
) -> Sweep:
    """Score every setting of a grid on every micrograph.

    Parameters
    ----------
    evidence : sequence of Evidence
    grid : Grid
    decisions : Ledger
        What the expert decided; nothing of it changes what is proposed.
    executor : Executor, optional
        Left out: as many threads of this process as there are cores. A hierarchy works without
        Python's lock.
    first : int, optional
        Place in `evidence` of the micrograph that is wanted first.
    shelf : Shelf, optional
        Takes what is worked out, and gives what it has: a sweep that was broken off goes on.
    arrived : callable, optional
        ``arrived(name, tallies)`` after each micrograph, in this thread, the wanted one first.
    progress : Progress
        Told five times a second or more often.

    Returns
    -------
    Sweep
        The same to the bit, whatever the executor and the order in which answers arrive.

    Raises
    ------
    Cancelled
        `progress` said so; on the shelf remains what was worked out.
    K2CError
        A worker has other versions than this process.
    """
    if executor is None:
        with ThreadPoolExecutor(cpu_count()) as threads:
            return sweep(
                evidence,
                grid,
                decisions,
                threads,
                first=first,
                shelf=shelf,
                arrived=arrived,
                progress=progress,
            )
    settings, stop = tuple(grid.settings()), Stop()
    order = sorted(range(len(evidence)), key=lambda i: i != first)
    questions = (
        (i, Question(evidence[i], rulings(evidence[i], decisions), settings, stop)) for i in order
    )
    found: dict[int, Table] = {}
    failed: dict[int, str] = {}
    for i, reply in _asked(questions, len(evidence), executor, shelf, progress):
        if reply.fault:
            failed[i] = reply.fault
            continue
        found[i] = reply.tallies
        if arrived is not None:
            arrived(evidence[i].name, reply.tallies)
    rows = [found[i] for i in sorted(found)]
    flat = np.array(rows, TALLY).reshape(len(rows), len(settings))
    tallies = flat.reshape(len(rows), *grid.shape)
    return Sweep(
        grid,
        tuple(evidence[i].name for i in sorted(found)),
        tallies,
        summed(tallies),
        {evidence[i].name: failed[i] for i in sorted(failed)},
    )


def _asked(
    questions: Iterator[tuple[int, Question]],
    total: int,
    executor: Executor,
    shelf: Shelf | None,
    progress: Progress,
) -> Iterator[tuple[int, Answer]]:
    """Answers as they come, each with the number of its question."""
    waiting: dict[Future[Answer], tuple[int, str]] = {}
    stop: Stop | None = None
    done = 0
    try:
        progress("Scoring settings", 0, total)
        while True:
            for i, question in islice(questions, _AHEAD - len(waiting)):
                stop = question.stop
                key = question.key() if shelf is not None else ""
                kept = shelf.get(key) if shelf is not None else None
                if kept is not None and len(kept) == len(question.settings):
                    done += 1
                    yield i, Answer(kept, "", versions())
                    progress("Scoring settings", done, total)
                else:
                    waiting[executor.submit(answer, question)] = i, key
            if not waiting:
                return
            for future in wait(waiting, _PATIENCE, FIRST_COMPLETED).done:
                i, key = waiting.pop(future)
                reply = _reply(future)
                if shelf is not None and not reply.fault:
                    shelf[key] = reply.tallies
                done += 1
                yield i, reply
            progress("Scoring settings", done, total)
    finally:
        if stop is not None:
            stop.ask()
        for future in waiting:
            future.cancel()


def _reply(future: Future[Answer]) -> Answer:
    try:
        reply = future.result()
    except Cancelled:
        raise
    except Exception as error:  # the worker itself is gone, and its successors, too
        return Answer(np.zeros(0, TALLY), f"{type(error).__name__}: {error}", versions())
    if reply.versions != versions():
        raise differ(reply.versions)
    return reply


def differ(theirs: Mapping[str, str]) -> K2CError:
    """Say in what a worker's versions are not ours."""
    told = ", ".join(
        f"{name} {theirs.get(name, 'none')} there and {own} here"
        for name, own in versions().items()
        if theirs.get(name) != own
    )
    return K2CError(
        f"A worker has other versions: {told}.",
        remedy="Install the same on every machine; otherwise results would differ.",
    )


def summed(tallies: Table) -> dict[str, Floats]:
    """Scores of some micrographs together.

    Parameters
    ----------
    tallies : (n_micrographs, ...) TALLY

    Returns
    -------
    dict of str to float64 array
        See `SCORES`.
    """
    total = {name: tallies[name].sum(axis=0).astype(float) for name in TALLY.names or ()}
    precision = _share(total["right"], total["judged"])
    recall = _share(total["found"], total["decided"])
    agreement = _mean(
        _share(np.minimum(total["agreeing"], total["right"]), total["judged"]),
        _share(total["agreeing"], total["decided"]),
    )
    known = np.isfinite(tallies["validity"])
    marks = np.where(known, tallies["marks"], 0)
    validity = np.where(known, tallies["validity"], 0.0)
    scores = {name: total[name] for name in ("instances", "ambiguous", "ties", "unvoted", "noise")}
    return scores | {
        "precision": precision,
        "recall": recall,
        "f1": _mean(precision, recall),
        "labels": _share(total["agreeing"], total["found"]),
        "agreement": agreement,
        "stability": _share(total["stable"], total["instances"]),
        "validity": _share((validity * marks).sum(axis=0), marks.sum(axis=0)),
    }


def _share(part: Floats, whole: Floats) -> Floats:
    share = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
    return np.asarray(share)


def _mean(precision: Floats, recall: Floats) -> Floats:
    """Harmonic mean: 0 where nothing was proposed of what could be found."""
    both = np.where(np.isnan(precision), 0.0, precision) + recall
    twice = 2 * np.where(np.isnan(precision), 0.0, precision) * recall
    mean = _share(twice, both + (both == 0))
    return np.asarray(np.where(np.isnan(recall), np.nan, mean))
