"""How fast the expert rules: what the log says about the time that it took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from .model import Entry

IDLE = 60.0
"""s: more than this on one case was a pause, and counts as this much."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast cases were ruled.

    Attributes
    ----------
    cases : int
    per_minute : float
        Cases in a minute, from one ruling to the next; 0 without cases.
    median : float
        s, from the case being painted to its ruling; 0 without cases.
    """

    cases: int
    per_minute: float
    median: float


def pace(log: Iterable[Entry]) -> Pace:
    """Measure the rulings that were made one by one, those taken back included.

    Parameters
    ----------
    log : iterable of Entry
        Of one sitting.

    Returns
    -------
    Pace
    """
    spent, looked = [], []
    before: datetime | None = None
    for entry in log:
        decision = entry.decision
        if decision is None or not decision.shown_at:
            continue
        shown = datetime.fromisoformat(decision.shown_at)
        ruled = datetime.fromisoformat(decision.decided_at)
        looked.append(_seconds(shown, ruled))
        spent.append(looked[-1] if before is None else _seconds(before, ruled))
        before = ruled
    if not looked:
        return Pace(0, 0.0, 0.0)
    return Pace(len(looked), 60 * len(spent) / max(sum(spent), 1e-3), median(looked))


def _seconds(start: datetime, end: datetime) -> float:
    """Time between, without pauses; a clock that was set back gives 0."""
    return min(IDLE, max(0.0, (end - start).total_seconds()))
