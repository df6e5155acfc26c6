"""What a setting makes of one micrograph, in numbers, and how that differs from another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject

from k2c_gui.core import queue, review
from k2c_gui.core.model import ClusterParams, Grouping, Ledger, Table
from k2c_gui.desk import State

from .jobs import Worker


@dataclass(frozen=True, slots=True)
class Counts:
    """What a setting makes of one micrograph."""

    centroids: int
    ambiguous: int
    noise: int
    low_support: int


def counted(evidence: review.Evidence, grouping: Grouping, table: Table) -> Counts:
    """Count what a grouping makes of a micrograph.

    Parameters
    ----------
    evidence : Evidence
    grouping : Grouping
    table : structured array
        INSTANCE rows under it.

    Returns
    -------
    Counts
    """
    noise = (grouping.group_of_mark < 0) & evidence.marks["counted"]
    return Counts(
        len(table),
        int(queue.facet(table, "ambiguous").sum()),
        int(noise.sum()),
        int(queue.facet(table, "low support").sum()),
    )


def setting(params: ClusterParams) -> str:
    """A setting in a few words, such as ``8 · 5 · eom``."""
    epsilon = f"{params.epsilon:.1f} px"
    if params.algorithm == "kmeans":
        return "k-means"
    if params.algorithm == "dbscan":
        return f"dbscan · {params.min_samples} · {epsilon}"
    parts = [str(params.min_cluster_size), str(params.min_samples), params.method]
    return " · ".join(parts + ([epsilon] if params.epsilon else []))


def change(now: int, before: int) -> str:
    """A difference with its sign: ``+20``, ``−3`` or ``±0``."""
    return f"{now - before:+d}".replace("-", "\u2212") if now != before else "±0"


class PinnedCounts:
    """Counts of the pinned setting on the shown micrograph; the GUI thread never groups marks.

    Parameters
    ----------
    parent : QObject
        Dies with it.
    ready : callable
        Called when an answer is there.
    """

    def __init__(self, parent: QObject, ready: Callable[[], None]) -> None:
        self._worker = Worker(self._answered)
        self._worker.setParent(parent)
        self._ready = ready
        self._known: tuple[Grouping, Ledger, Counts] | None = None

    def settled(self) -> bool:
        """Whether nothing more is being computed."""
        return self._worker.busy_with is None

    def get(self, state: State) -> Counts | None:
        """Counts if they are known; where they are not, or are of an older log, `ready` follows."""
        known = self._known
        if known is None or not _answers(known[0], state):
            known = None
        if known is None or known[1] is not state.ledger:
            self._ask(state)
        return None if known is None else known[2]

    def _ask(self, state: State) -> None:
        evidence, ledger, pinned = state.evidence[state.shown], state.ledger, state.pinned
        before = None if self._known is None else self._known[0]
        applied = state.groupings[state.shown]
        kept = next((g for g in (applied, before) if g and _answers(g, state)), None)

        def answer() -> tuple[Grouping, Ledger, Counts]:
            grouping = kept or review.group(evidence, pinned)
            table = review.instances(evidence, grouping, ledger)
            return grouping, ledger, counted(evidence, grouping, table)

        self._worker.ask((state.shown, pinned), answer)

    def _answered(self, _question: object, answer: object) -> None:
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, tuple):
            self._known = answer
            self._ready()


def _answers(grouping: Grouping, state: State) -> bool:
    return grouping.micrograph == state.shown and grouping.params == state.pinned
