"""The pinned setting compared with the one that is tried, off the GUI thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QObject

from k2c_gui.core import diff, review
from k2c_gui.core.model import Bools, Grouping, Table
from k2c_gui.desk import State, withheld

from .jobs import Worker


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """How the shown micrograph differs under two settings.

    Attributes
    ----------
    before : State
        The desk as it would be under the pinned setting.
    after : State
        As it is under the one that is tried.
    changes : structured array
        Of `diff.CHANGE`: rows of ``before.instances`` and of ``after.instances``.
    counts : dict of str to int
        Changes by kind.
    hidden : (n,) bool
        For each row of `changes`: on one side or the other the votes are withheld, and labels of
        neither may be told.
    """

    before: State
    after: State
    changes: Table
    counts: dict[str, int]
    hidden: Bools


def compare(state: State, pinned: Grouping) -> Comparison:
    """Compare the grouping that is shown with another one.

    Parameters
    ----------
    state : State
        With a grouping.
    pinned : Grouping
        Of the same micrograph.

    Returns
    -------
    Comparison
    """
    evidence = state.evidence[state.shown]
    grouping = state.grouping
    if grouping is None:
        raise ValueError("there is nothing to compare yet")
    table = review.instances(evidence, pinned, state.ledger)
    before = replace(state, params=pinned.params, grouping=pinned, instances=table)
    changes = diff.diff(evidence.marks, pinned, table, grouping, state.instances)
    return Comparison(before, state, changes, diff.counts(changes), _hidden(before, state, changes))


def _hidden(before: State, after: State, changes: Table) -> Bools:
    closed = np.zeros(len(changes), bool)
    for side, state in (("a", before), ("b", after)):
        there = changes[side] != diff.NOWHERE
        closed[there] |= withheld(state, state.instances)[changes[side][there]]
    of = changes["change"]
    return np.asarray(np.bincount(of, closed, minlength=int(of.max(initial=-1)) + 1)[of] > 0)


class Comparisons:
    """Keeps a comparison up to date; newest question wins.

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
        self._known: Comparison | None = None

    def settled(self) -> bool:
        """Whether nothing is being compared."""
        return self._worker.busy_with is None

    def get(self, state: State) -> Comparison | None:
        """The comparison if it is known; else None, and `ready` follows."""
        known = self._known
        if known is not None and _answers(known, state):
            return known
        if state.grouping is not None:
            self._ask(state)
        return None

    def _ask(self, state: State) -> None:
        evidence, pinned = state.evidence[state.shown], state.pinned
        before = None if self._known is None else self._known.before.grouping
        kept = (state.grouping, state.groupings[state.shown], before)
        same = next((g for g in kept if g and _is(g, state.shown, pinned)), None)
        self._worker.ask(state, lambda: compare(state, same or review.group(evidence, pinned)))

    def _answered(self, _question: object, answer: object) -> None:
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Comparison):
            self._known = answer
            self._ready()


def _is(grouping: Grouping, micrograph: int, params: object) -> bool:
    return grouping.micrograph == micrograph and grouping.params == params


def _answers(known: Comparison, state: State) -> bool:
    asked = known.after
    same = asked.instances is state.instances and asked.ledger is state.ledger
    return same and asked.pinned == state.pinned and asked.blind == state.blind
