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
from .model import Cancelled, ClusterParams, Floats, Ints, Table
from .once import Distinct, Once, spans
from .overlap import shared, table
from .review import Evidence
from .rulings import Rulings, judge
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

_BLOCK = 256
"""Groups that are compared with all others at once: all might not fit into memory."""

_AT_ONCE = 1 << 19
"""Marks, each setting's counted, that are dealt with at once: so they fit into memory."""


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
    step = max(1, _AT_ONCE // max(1, len(marks)))
    for start in range(0, len(order), step):
        block = order[start : start + step]
        groups = _groups(question, marks, [settings[i] for i in block], once)
        distinct = once.distinct(groups)
        found.take(block, distinct)
        tallies["noise"][block] = np.count_nonzero(groups < 0, axis=1)
        for i, group, n in zip(block, groups, np.diff(distinct.first).tolist(), strict=True):
            tallies["validity"][i] = _validity(evidence, settings[i], group, n)
    _count(tallies, found, question)
    return tallies


def _dendrogram(params: ClusterParams) -> tuple[Any, ...]:
    return (params.algorithm, params.weighted, params.min_samples, params.min_cluster_size)


def _groups(question: Question, marks: Table, settings: list[ClusterParams], once: Once) -> Ints:
    """Groups of each setting, as `review.group` finds them; (n_settings, n_marks)."""
    evidence = question.evidence
    found = np.empty((len(settings), len(marks)), np.int64)
    for own, params in zip(found, settings, strict=True):
        question.stop.obey()
        own[:] = clustering.parted(
            marks,
            params,
            expected_looks=evidence.full_exposure,
            hierarchy=evidence.hierarchy,
        )
    places = [i for i, params in enumerate(settings) if params.split]
    found[places] = once.split(found[places], [settings[i] for i in places])
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
        self._sizes: list[Ints] = []
        self.of: dict[int, Ints] = {}

    def take(self, settings: list[int], groups: Distinct) -> None:
        """Note which groups some settings find."""
        before = len(self._place)
        place = np.array(
            [self._place.setdefault(name, len(self._place)) for name in groups.name.tolist()],
            np.int64,
        )
        new = np.flatnonzero(place >= before)
        self._members.append(groups.member[spans(groups.edge, new)[0]])
        self._sizes.append(np.diff(groups.edge)[new])
        self.of |= zip(settings, np.split(place[groups.of], groups.first[1:-1]), strict=True)

    def sets(self) -> tuple[Ints, Ints]:
        """The marks of every group, one group after the other, and how many each has."""
        empty = np.zeros(0, np.int64)
        return np.concatenate([empty, *self._members]), np.concatenate([empty, *self._sizes])


def _count(tallies: Table, found: _Found, question: Question) -> None:
    """Fill in what is told of groups."""
    member, size = found.sets()
    evidence = question.evidence
    place = np.flatnonzero(evidence.marks["counted"])[member]
    group = np.repeat(np.arange(len(size)), size)
    votes = _sums(_votes(evidence)[place], group, len(size))
    label, margin, _ = consensus.headline(votes, evidence.labels, 0.0)
    judged = judge(evidence.marks, question.rulings, place, group, size, label)
    tallies["decided"] = judged.decided
    n = len(tallies)
    of = [found.of[i] for i in range(n)]
    every, setting = np.concatenate(of), np.repeat(np.arange(n), [len(own) for own in of])
    times = np.bincount(every, minlength=len(size))
    stable = _stability(member, group, size, label, times, n, question.stop)
    if n > 1:
        tallies["stable"] = [stable[own].sum() for own in of]
    else:
        tallies["stable"] = np.nan
    torn = np.array([params.margin for params in question.settings])[setting]
    counted = {
        "instances": np.ones(len(every)),
        "ambiguous": margin[every] <= torn,  # nan, without votes, is within no margin
        "ties": margin[every] == 0,
        "unvoted": np.isnan(margin[every]),
        "found": judged.found[every],
        "agreeing": judged.agreeing[every],
        "judged": judged.judged[every],
        "right": judged.found[every] > 0,
    }
    for name, own in counted.items():
        tallies[name] = np.bincount(setting, own, n)


def _votes(evidence: Evidence) -> Ints:
    """Votes on each mark, a label."""
    n = len(evidence.marks)
    return consensus.tally(
        evidence.votes, evidence.mark_of_vote, evidence.marks, np.arange(n), n, evidence.labels
    )


def _sums(rows: Ints, group: Ints, n: int) -> Ints:
    columns = [np.bincount(group, column, n) for column in rows.T]
    return np.stack(columns, axis=1).astype(np.int64)


def _stability(
    member: Ints, group: Ints, size: Ints, label: Ints, times: Ints, n_settings: int, stop: Stop
) -> Floats:
    """Share of the other settings that find the same thing and give it the same label.

    A setting holds at most one group that matches: each has more than half of the other.
    """
    n = len(size)
    if not n or n_settings < 2:
        return np.full(n, np.nan)
    sets = table(member, group, n, int(member.max()) + 1)
    least, most = MATCHES
    seen = np.zeros(n)
    for first in range(0, n, _BLOCK):
        stop.obey()
        one, other, common = shared(sets[first : first + _BLOCK], sets)
        own = one + first
        same = most * common >= least * np.maximum(size[own], size[other])
        same &= label[own] == label[other]
        seen[first : first + _BLOCK] = np.bincount(
            one[same], times[other[same]], minlength=min(_BLOCK, n - first)
        )
    return (seen - 1) / (n_settings - 1)
