"""How many settings do on one micrograph, counted.

Most settings find most groups alike. So a group is looked at once, however many settings find it:
what its votes say, which decision it is, and which groups of other settings are the same thing.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np

from k2c_gui import __version__

from . import clustering, compiled, consensus
from .matching import MATCHES
from .model import STATUS, Bools, Cancelled, ClusterParams, Floats, Ints, Ledger, Table
from .once import Asked, Once
from .review import Evidence
from .standing import standing
from .validity import relative_validity

TALLY = np.dtype(
    [
        ("marks", "i8"),  # that count
        ("noise", "i8"),  # of them, in no group
        ("instances", "i8"),  # proposed, as if nothing were decided
        ("ambiguous", "i8"),  # at the setting's margin
        ("ties", "i8"),
        ("unvoted", "i8"),
        ("decided", "i8"),  # decisions that a setting can find: with a label, on marks
        ("found", "i8"),  # of them, those that are one of the instances
        ("agreeing", "i8"),  # of these, those with the instance's label
        ("judged", "i8"),  # instances that the decisions say something about
        ("right", "i8"),  # of them, those that are a decided one
        ("stable", "f8"),  # sum over the instances of their label's stability; nan: one setting
        ("validity", "f8"),  # see `validity.relative_validity`
    ]
)
"""What one setting finds on one micrograph."""

_LABELLED, _REJECTED, _OPEN = range(3)
_BLOCK = 256
"""Settings, and groups, that are dealt with at once: all might not fit into memory."""


class Stop:
    """Tells threads of this process to leave off; a copy in another process hears nothing."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def __reduce__(self) -> tuple[object, ...]:
        return Stop, ()

    def ask(self) -> None:
        """Have the work left off."""
        self._asked.set()

    def obey(self) -> None:
        """Leave off if that was asked for.

        Raises
        ------
        Cancelled
        """
        if self._asked.is_set():
            raise Cancelled("The sweep was stopped.")


@dataclass(frozen=True, slots=True)
class Rulings:
    """The decisions in force on one micrograph, as far as groups can be held against them.

    Attributes
    ----------
    at : (n_named,) int64
        Places of the marks they name in `Evidence.marks`; those that are not there left out.
    decision : (n_named,) int64
        Whose each is.
    size : (n,) int64
        Marks that each decision names, there or not.
    kind : (n,) int64
        With a label, rejected, or open: deferred, or experts disagree.
    label : (n,) int64
    held : (n,) int64
        See `Decision`.
    signed_off : bool
        What the decisions do not name is no instance.
    """

    at: Ints
    decision: Ints
    size: Ints
    kind: Ints
    label: Ints
    held: Ints
    signed_off: bool


def rulings(evidence: Evidence, ledger: Ledger) -> Rulings:
    """Collect what groups are compared with.

    Parameters
    ----------
    evidence : Evidence
    ledger : Ledger

    Returns
    -------
    Rulings
    """
    decisions = standing(ledger, evidence.name)
    named, at = decisions.named, decisions.places(evidence.marks)[0]
    kind = np.full(len(decisions), _OPEN)
    kind[decisions.status == STATUS.index("decided")] = _LABELLED
    kind[decisions.status == STATUS.index("rejected")] = _REJECTED
    for one, other in decisions.conflicts:
        if decisions.ruling[one] != decisions.ruling[other]:
            kind[[one, other]] = _OPEN
    there = at >= 0
    return Rulings(
        at[there],
        named.decision[named.set[there]],
        named.size,
        kind,
        decisions.label,
        decisions.held,
        evidence.name in ledger.signed_off,
    )


@dataclass(frozen=True, slots=True)
class Question:
    """One micrograph under many settings; it can be asked in another process.

    Attributes
    ----------
    evidence : Evidence
    rulings : Rulings
    settings : tuple of ClusterParams
    stop : Stop
    """

    evidence: Evidence
    rulings: Rulings
    settings: tuple[ClusterParams, ...]
    stop: Stop = field(default_factory=Stop, compare=False)

    def key(self) -> str:
        """Name of the answer: other facts, settings or versions, other name."""
        e, r = self.evidence, self.rulings
        told = hashlib.sha256(repr((self.settings, sorted(versions().items()))).encode())
        numbers = np.array([e.full_exposure, e.jitter, r.signed_off], float)
        values = np.array([label.value for label in e.labels], np.int64)
        facts = (e.marks, e.votes, e.mark_of_vote, e.tiles, e.looks_per_tile, numbers, values)
        ruled = (r.at, r.decision, r.size, r.kind, r.label, r.held)
        for column in (*facts, *ruled):
            told.update(f"{column.dtype} {column.shape}".encode())
            told.update(np.ascontiguousarray(column).tobytes())
        return told.hexdigest()


class Answer(NamedTuple):
    """What became of a question.

    Attributes
    ----------
    tallies : (n_settings,) TALLY
        Empty when there is none.
    fault : str
        Why there is none.
    versions : dict of str to str
        Of what worked it out.
    """

    tallies: Table
    fault: str
    versions: dict[str, str]


@cache
def versions() -> dict[str, str]:
    """What an answer depends on, by name."""
    others = ("numba", "numpy", "scipy", "hdbscan", "scikit-learn")
    return {"k2c_gui": __version__} | {name: version(name) for name in others}


def answer(question: Question) -> Answer:
    """Score every setting on one micrograph.

    Parameters
    ----------
    question : Question

    Returns
    -------
    Answer
        With a fault where something broke: the other micrographs are worth having.

    Raises
    ------
    Cancelled
        Somebody asked to stop.
    """
    try:
        return Answer(_score(question), "", versions())
    except Cancelled:
        raise
    except Exception as error:  # the boundary: one micrograph's trouble is not the others'
        return Answer(np.zeros(0, TALLY), f"{type(error).__name__}: {error}", versions())


def _score(question: Question) -> Table:
    evidence, settings = question.evidence, question.settings
    if len(evidence.marks) * len(settings) > compiled.WORTHWHILE:
        compiled.warm_up()
    marks = evidence.marks[evidence.marks["counted"]]
    found, once = _Found(), Once(marks, evidence.hierarchy.weight, evidence.jitter)
    tallies = np.zeros(len(settings), TALLY)
    tallies["marks"] = len(marks)
    # one after the other what asks for the same dendrogram
    order = sorted(range(len(settings)), key=lambda i: _dendrogram(settings[i]))
    for first in range(0, len(order), _BLOCK):
        block = order[first : first + _BLOCK]
        groups = _groups(question, marks, [settings[i] for i in block], once)
        for i, group in zip(block, groups, strict=True):
            names = once.names(group)
            found.take(i, group, names)
            tallies["noise"][i] = np.count_nonzero(group < 0)
            tallies["validity"][i] = _validity(evidence, settings[i], group, len(names))
    _count(tallies, found, question)
    return tallies


def _dendrogram(params: ClusterParams) -> tuple[Any, ...]:
    return (params.algorithm, params.weighted, params.min_samples, params.min_cluster_size)


def _groups(
    question: Question, marks: Table, settings: list[ClusterParams], once: Once
) -> list[Ints]:
    """Groups of each setting, as `review.group` finds them."""
    evidence = question.evidence
    found = []
    for params in settings:
        question.stop.obey()
        found.append(
            clustering.parted(
                marks,
                params,
                expected_looks=evidence.full_exposure,
                hierarchy=evidence.hierarchy,
            )
        )
    places = [i for i, params in enumerate(settings) if params.split]
    asked = [Asked(settings[i].min_cluster_size, settings[i].weighted) for i in places]
    for i, group in zip(places, once.split([found[i] for i in places], asked), strict=True):
        found[i] = group
    return found


def _validity(evidence: Evidence, params: ClusterParams, group: Ints, n: int) -> float:
    if len(group) < 2:
        return np.nan
    weighted = params.weighted and params.algorithm == "hdbscan"
    tree = evidence.hierarchy.edges(params.min_samples, weighted=weighted)
    return float(relative_validity(group, n, *tree))


class _Found:
    """The groups that settings found, each once."""

    def __init__(self) -> None:
        self._place: dict[int, int] = {}
        self._members: list[Ints] = []
        self.of: dict[int, Ints] = {}

    def take(self, setting: int, group: Ints, names: list[int]) -> None:
        """Note which groups a setting finds; see `Once.names`."""
        before = len(self._place)
        places = [self._place.setdefault(name, len(self._place)) for name in names]
        self.of[setting] = np.array(places, np.int32)
        if len(self._place) == before:
            return
        new = np.flatnonzero(self.of[setting] >= before)
        rank = np.full(len(names) + 1, -1)
        rank[new] = np.arange(len(new))
        own = rank[group]
        member = np.flatnonzero(own >= 0)
        member = member[np.argsort(own[member], kind="stable")]
        self._members += np.split(member, np.cumsum(np.bincount(own[member]))[:-1])

    def sets(self) -> tuple[Ints, Ints]:
        """The marks of every group, one group after the other, and how many each has."""
        empty = np.zeros(0, np.int64)
        size = np.array([len(member) for member in self._members], np.int64)
        return np.concatenate([empty, *self._members]), size


def _count(tallies: Table, found: _Found, question: Question) -> None:
    """Fill in what is told of groups."""
    member, size = found.sets()
    evidence = question.evidence
    place = np.flatnonzero(evidence.marks["counted"])[member]
    group = np.repeat(np.arange(len(size)), size)
    votes = _sums(_votes(evidence)[place], group, len(size))
    label, margin, _ = consensus.headline(votes, evidence.labels, 0.0)
    judged = _judge(evidence.marks, question.rulings, place, group, size, label)
    tallies["decided"] = judged.decided
    times = np.zeros(len(size), np.int64)
    for own in found.of.values():
        times[own] += 1
    stable = _stability(member, group, size, label, times, len(tallies), question.stop)
    for i, own in found.of.items():
        row = tallies[i]
        row["instances"] = len(own)
        # nan, without votes, is within no margin
        row["ambiguous"] = np.count_nonzero(margin[own] <= question.settings[i].margin)
        row["ties"] = np.count_nonzero(margin[own] == 0)
        row["unvoted"] = np.count_nonzero(np.isnan(margin[own]))
        row["found"] = judged.found[own].sum()
        row["agreeing"] = judged.agreeing[own].sum()
        row["judged"] = np.count_nonzero(judged.judged[own])
        row["right"] = np.count_nonzero(judged.found[own])
        row["stable"] = stable[own].sum() if len(tallies) > 1 else np.nan


def _votes(evidence: Evidence) -> Ints:
    """Votes on each mark, a label."""
    n = len(evidence.marks)
    return consensus.tally(
        evidence.votes, evidence.mark_of_vote, evidence.marks, np.arange(n), n, evidence.labels
    )


def _sums(rows: Ints, group: Ints, n: int) -> Ints:
    columns = [np.bincount(group, column, n) for column in rows.T]
    return np.stack(columns, axis=1).astype(np.int64)


class _Judged(NamedTuple):
    """What the decisions say of each group; and how many decisions can be found at all."""

    decided: int
    found: Ints
    agreeing: Ints
    judged: Bools


def _judge(
    marks: Table, ruled: Rulings, place: Ints, group: Ints, size: Ints, label: Ints
) -> _Judged:
    """Hold groups against decisions: the same where each has 60 % of the other's marks.

    Marks that were not there when a decision was made do not count against it; see `matching`.
    """
    n, n_decisions = len(size), len(ruled.size)
    nobody = np.zeros(n, np.int64)
    decided = int(np.count_nonzero((ruled.kind == _LABELLED) & (ruled.size > 0)))
    if not n_decisions or not n:
        return _Judged(decided, nobody, nobody, nobody > 0)
    pair = _shared(_table(place, group, n, len(marks)), _by_decision(ruled, len(marks)))
    one, of, shared = pair
    there = _sizes(marks["since"], place, group, n, ruled.held)[of, one]
    least, most = MATCHES
    held = most * shared >= least * ruled.size[of]
    same = held & (most * shared >= least * there)
    labelled = same & (ruled.kind[of] == _LABELLED)
    found = np.bincount(one[labelled], minlength=n)
    agrees = labelled & (ruled.label[of] == label[one])
    closed = ruled.kind[of] != _OPEN
    judged = held & closed
    says = np.bincount(one[judged], minlength=n) > 0
    says |= _half(ruled, ruled.kind != _OPEN, place, group, size, len(marks))
    if ruled.signed_off:
        known = (marks["since"] <= ruled.held.max()) | bool((ruled.held == 0).any())
        says |= 2 * np.bincount(group[known[place]], minlength=n) >= size
    left_open = _half(ruled, ruled.kind == _OPEN, place, group, size, len(marks))
    left_open[one[same & ~closed]] = True
    agreeing = np.bincount(one[agrees], minlength=n)
    return _Judged(decided, found, agreeing, (says & ~left_open) | (found > 0))


def _half(
    ruled: Rulings, which: Bools, place: Ints, group: Ints, size: Ints, n_marks: int
) -> Bools:
    """Groups at least half of whose marks belong to some of the decisions."""
    taken = np.zeros(n_marks, bool)
    taken[ruled.at[which[ruled.decision]]] = True
    return np.asarray(2 * np.bincount(group[taken[place]], minlength=len(size)) >= size)


def _sizes(since: Ints, place: Ints, group: Ints, n: int, held: Ints) -> Ints:
    """Marks of each group that were there at each decision; (n_decisions, n)."""
    levels, level = np.unique(held, return_inverse=True)
    rows = [
        np.bincount(group[(since[place] <= then) | (then == 0)], minlength=n)
        for then in levels.tolist()
    ]
    return np.array(rows)[level]


def _table(place: Ints, group: Ints, n: int, n_marks: int) -> Any:
    """Groups by marks, as a sparse table of ones."""
    from scipy.sparse import csr_array

    return csr_array((np.ones(len(place), np.int32), (group, place)), (n, n_marks))


def _by_decision(ruled: Rulings, n_marks: int) -> Any:
    return _table(ruled.at, ruled.decision, len(ruled.size), n_marks)


def _shared(one: Any, other: Any) -> tuple[Ints, Ints, Ints]:
    """Pairs of rows of two such tables that have marks in common, and how many."""
    common = (one @ other.T).tocoo()
    row, column = common.coords
    return row.astype(np.int64), column.astype(np.int64), common.data.astype(np.int64)


def _stability(
    member: Ints, group: Ints, size: Ints, label: Ints, times: Ints, n_settings: int, stop: Stop
) -> Floats:
    """Share of the other settings that find the same thing and give it the same label.

    A setting holds at most one group that matches: each has more than half of the other.
    """
    n = len(size)
    if not n or n_settings < 2:
        return np.full(n, np.nan)
    table = _table(member, group, n, int(member.max()) + 1)
    least, most = MATCHES
    seen = np.zeros(n)
    for first in range(0, n, _BLOCK):
        stop.obey()
        one, other, shared = _shared(table[first : first + _BLOCK], table)
        own = one + first
        same = most * shared >= least * np.maximum(size[own], size[other])
        same &= label[own] == label[other]
        seen[first : first + _BLOCK] = np.bincount(
            one[same], times[other[same]], minlength=min(_BLOCK, n - first)
        )
    return (seen - 1) / (n_settings - 1)
