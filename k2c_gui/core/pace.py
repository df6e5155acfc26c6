"""How fast the expert rules, and how far she agrees with herself: what the log says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from math import nan
from statistics import median

from . import kappa as kappas
from . import ledger
from .model import ClusterParams, Decision, Entry, Label

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
    step = ""
    for entry in log:
        decision = entry.decision
        # parts of a split, and a reason given to a ruling, are one case
        if decision is None or not decision.shown_at or entry.step == step:
            continue
        step = entry.step
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


REPEAT_SHARE = 0.05
REPEAT_AFTER = 20
"""Cases ruled in between: a ruling that is remembered is not repeated but recalled."""
REPEAT_BETWEEN = 10


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of paces.

    Attributes
    ----------
    by, what : str
        The kind of line (``all``, ``expert``, ``label``, ``votes``, ``state``, ``repeat``) and
        which of them.
    cases : int
        Ruled one by one, those taken back included.
    paused : int
        Of these, with a pause in between, or with a clock that was set: in no time below.
    per_hour : float
        Cases in an hour of work on them; nan without a time.
    median : float
        s, from shown to decided; nan without a time.
    taken_back : int
        Of the cases: how many were undone, be it for a while.
    """

    by: str
    what: str
    cases: int
    paused: int
    per_hour: float
    median: float
    taken_back: int


def table(log: Iterable[Entry], labels: Sequence[Label], *, pause: float = IDLE) -> tuple[Row, ...]:
    """Measure the cases ruled one by one: all, and by what is known of them.

    A case is a step; one of several rulings, such as a split, counts once, by its first. What was
    ruled in bulk or by sign-off was not shown by itself and is left out.

    Parameters
    ----------
    log : iterable of Entry
        Of one expert or several.
    labels : sequence of Label
    pause : float
        s: who took longer for a case did something else meanwhile.

    Returns
    -------
    tuple of Row
        ``all`` always; of the others those that have a case.
    """
    entries = list(log)
    undone = {entry.target for entry in entries if entry.kind == "undo"}
    found: dict[tuple[str, str], list[tuple[float, bool]]] = {("all", ""): []}
    seen: set[str] = set()
    for entry in entries:
        ruling = entry.decision or entry.repeat
        if ruling is None or not ruling.shown_at or entry.step in seen:
            continue
        seen.add(entry.step)
        case = (_took(ruling), entry.step in undone)
        for line in (("all", ""), *_lines(entry, ruling, labels)):
            found.setdefault(line, []).append(case)
    kinds = ("all", "expert", "label", "votes", "state", "repeat")
    order = sorted(found, key=lambda line: (kinds.index(line[0]), line[1]))
    return tuple(_row(*line, found[line], pause) for line in order)


def due(
    log: Sequence[Entry],
    in_force: Container[str],
    *,
    share: float = REPEAT_SHARE,
    after: int = REPEAT_AFTER,
) -> dict[str, tuple[str, ...]]:
    """Choose the decided cases that are to come back, sooner or later; see `Due`.

    Parameters
    ----------
    log : sequence of Entry
    in_force : container of str
        Uids of the decisions in force.
    share : float
    after : int

    Returns
    -------
    dict of str to tuple of str
        Uids of decisions not repeated yet, the longest ago first, by the expert who made them.
    """
    steps = Due(share=share, after=after, between=0)
    steps.take(log)
    return {expert: steps.choose(expert, in_force) for expert in steps.experts}


class Due:
    """What is due to come back to an expert, blind, found as the log grows.

    Her own rulings, made one by one, that are in force. Which of them come back is settled by their
    uids, so that it is the same after a restart and the expert cannot tell.

    Parameters
    ----------
    share : float
        Of her rulings.
    after : int
        Cases that she has ruled since; those that were taken back count, too.
    between : int
        Cases that the expert rules from one repeat to the next, at least: those of an old session
        do not come all at once.
    """

    def __init__(
        self,
        *,
        share: float = REPEAT_SHARE,
        after: int = REPEAT_AFTER,
        between: int = REPEAT_BETWEEN,
    ) -> None:
        self._share, self._after, self._between = share, after, between
        self._read = 0
        self._ruled: Counter[str] = Counter()  # cases, by expert
        self._last: dict[str, int] = {}  # how many these were at the last repeat
        self._drawn: dict[str, list[tuple[int, str]]] = {}
        self._again: dict[str, list[str]] = {}  # steps of repeats, by decision
        self._undone: set[str] = set()

    def take(self, log: Sequence[Entry]) -> None:
        """Read what is new in a log since the last time."""
        for entry in log[self._read :]:
            who, ruling = entry.expert, entry.decision
            if entry.kind == "undo":
                self._undone.add(entry.target)
            elif entry.kind == "redo":
                self._undone.discard(entry.target)
            elif entry.repeat:
                self._again.setdefault(entry.target, []).append(entry.step)
                self._last[who] = self._ruled[who]
            elif ruling is not None and ruling.source == "single":
                if _drawn(entry.uid, self._share):
                    self._drawn.setdefault(who, []).append((self._ruled[who], entry.uid))
                self._ruled[who] += 1
        self._read = len(log)

    @property
    def experts(self) -> tuple[str, ...]:
        """Who ruled on cases one by one."""
        return tuple(self._ruled)

    def choose(self, expert: str, in_force: Container[str]) -> tuple[str, ...]:
        """Uids of decisions that may come back now, the longest ago first."""
        ruled = self._ruled[expert]
        if expert in self._last and ruled - self._last[expert] < self._between:
            return ()
        return tuple(
            uid
            for place, uid in self._drawn.get(expert, ())
            if place < ruled - self._after
            and uid in in_force
            and self._undone.issuperset(self._again.get(uid, ()))
        )


def repeats(log: Iterable[Entry]) -> tuple[tuple[Decision, Decision], ...]:
    """Pair the decisions that came back with what they were ruled the second time.

    Parameters
    ----------
    log : iterable of Entry

    Returns
    -------
    tuple of (Decision, Decision)
        First and second ruling, where neither was taken back. A first one that was superseded
        since still tells how the expert ruled then.
    """
    entries = _standing(log)
    ruled = {entry.uid: entry.decision for entry in entries if entry.decision}
    return tuple(
        (ruled[entry.target], entry.repeat)
        for entry in entries
        if entry.repeat and entry.target in ruled
    )


def _standing(log: Iterable[Entry]) -> list[Entry]:
    history = ledger.History(ClusterParams())
    history.take(log)
    return history.standing()


def _lines(entry: Entry, ruling: Decision, labels: Sequence[Label]) -> Iterable[tuple[str, str]]:
    if entry.repeat:
        yield "repeat", "blind"
        return
    if entry.expert:
        yield "expert", entry.expert
    yield "label", kappas.categories(labels)[kappas.category(ruling, labels)]
    if ruling.votes:
        yield "votes", _votes(ruling)
    yield "state", "decided before" if entry.supersedes else "first ruling"


def _votes(ruling: Decision) -> str:
    """How close the volunteers' votes were, by the setting under which the case was shown."""
    first, second = sorted((*ruling.votes, 0), reverse=True)[:2]
    if not first:
        return "none"
    if first == second:
        return "tie"
    margin = ruling.params.margin if ruling.params else ClusterParams().margin
    return "ambiguous" if (first - second) / sum(ruling.votes) <= margin else "clear"


def _row(by: str, what: str, cases: Sequence[tuple[float, bool]], pause: float) -> Row:
    times = [seconds for seconds, _ in cases if 0 <= seconds <= pause]
    spent = sum(times)
    return Row(
        by,
        what,
        len(cases),
        len(cases) - len(times),
        3600 * len(times) / spent if spent else nan,
        median(times) if times else nan,
        sum(undone for _, undone in cases),
    )


def _took(ruling: Decision) -> float:
    shown, decided = map(datetime.fromisoformat, (ruling.shown_at, ruling.decided_at))
    return (decided - shown).total_seconds()


def _drawn(uid: str, share: float) -> bool:
    return int.from_bytes(sha256(uid.encode()).digest()[:8], "big") < share * 2**64
