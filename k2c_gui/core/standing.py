"""What is in force, kept so that one more step costs what the step changes, not what there is."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .model import NO_LABEL, NO_MARK, STATUS, Decision, Floats, Ints, Ledger, Table

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MATCHES = 3, 5
"""Share that two sets of marks have of each other, at least, to be the same thing. Being over a
half of both it is one to one by arithmetic: nothing is left to an order or a solver."""

_PARTS = 509
_STATUS = {
    "label": STATUS.index("decided"),
    "reject": STATUS.index("rejected"),
    "defer": STATUS.index("deferred"),
}


class Shards(Mapping[K, V]):
    """A mapping that never changes, and of which a changed copy is cheap.

    What differs from the first of its line lies in many small dicts; a copy shares all of those
    in which nothing changed.

    Parameters
    ----------
    first : dict, optional
        Not to be changed any more.
    """

    __slots__ = ("_first", "_later", "_n")

    def __init__(self, first: dict[K, V] | None = None) -> None:
        self._first = first or {}
        self._later: list[dict[K, V | _Gone]] = [{}] * _PARTS
        self._n = len(self._first)

    def get(self, key: K, default: Any = None) -> Any:
        """The value, or the default."""
        value = self._later[hash(key) % _PARTS].get(key, _UNCHANGED)
        if value is _UNCHANGED:
            return self._first.get(key, default)
        return default if value is _GONE else value

    def __getitem__(self, key: K) -> V:
        value: V | _Gone = self.get(key, _GONE)
        if isinstance(value, _Gone):
            raise KeyError(key)
        return value

    def __contains__(self, key: object) -> bool:
        return self.get(key, _GONE) is not _GONE  # type: ignore[arg-type]  # any key may be asked for

    def __iter__(self) -> Iterator[K]:
        for key in self._first:
            if key not in self._later[hash(key) % _PARTS]:
                yield key
        for part in self._later:
            for key, value in part.items():
                if value is not _GONE:
                    yield key

    def __len__(self) -> int:
        return self._n

    def changed(self, drop: Iterable[K], put: dict[K, V]) -> Shards[K, V]:
        """A copy without some keys, then with some others."""
        if not self._n:
            return Shards(put)
        copy: Shards[K, V] = Shards(self._first)
        copy._later, copy._n = self._later.copy(), self._n
        own: set[int] = set()
        gone: dict[K, V | _Gone] = dict.fromkeys(drop, _GONE)
        for key, value in (gone | put).items():
            i = hash(key) % _PARTS
            if i not in own:
                own.add(i)
                copy._later[i] = copy._later[i].copy()
            copy._n += (value is not _GONE) - (key in copy)
            copy._later[i][key] = value
        return copy


class _Gone:
    """Stands where a key is no longer."""


_GONE, _UNCHANGED = _Gone(), _Gone()


class InForce(Mapping[str, Decision]):
    """Decisions in force by uid, in the order in which they were made.

    Parameters
    ----------
    placed : Shards of str to (int, Decision)
        With the place of each in that order.
    """

    __slots__ = ("_placed",)

    def __init__(self, placed: Shards[str, tuple[int, Decision]]) -> None:
        self._placed = placed

    def __getitem__(self, uid: str) -> Decision:
        return self._placed[uid][1]

    def __contains__(self, uid: object) -> bool:
        return uid in self._placed

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._placed, key=lambda uid: self._placed[uid][0]))

    def __len__(self) -> int:
        return len(self._placed)

    def changed(self, drop: Iterable[str], put: dict[str, tuple[int, Decision]]) -> InForce:
        """A copy without some, then with some others."""
        return InForce(self._placed.changed(drop, put))


@dataclass(frozen=True, slots=True)
class MarkSets:
    """Sets of marks, laid end to end.

    Attributes
    ----------
    mark : (n,) int64
        Volunteers' marks alone: no expert's mark is ever part of a group.
    set : (n,) int64
        The set that each belongs to, rising.
    size : (n_sets,) int64
    decision : (n_sets,) int64
        Place of the decision that each set is of, rising.
    """

    mark: Ints
    set: Ints
    size: Ints
    decision: Ints


class Standing(Mapping[str, Decision]):
    """Decisions in force on one micrograph, in the order in which they were made.

    Their columns are worked out once: groupings come by the dozen while a slider is dragged.

    Parameters
    ----------
    decisions : mapping of str to Decision
        By uid.
    conflicts : iterable of (str, str)
        Pairs of them that share marks, or a place; see `beside`.
    """

    def __init__(
        self, decisions: Mapping[str, Decision], conflicts: Iterable[tuple[str, str]] = ()
    ) -> None:
        self._decisions = dict(decisions)
        self._conflicts = tuple(conflicts)
        self._found: tuple[Table, tuple[Ints, Ints]] | None = None
        self._votes: Ints | None = None

    def __getitem__(self, uid: str) -> Decision:
        return self._decisions[uid]

    def __contains__(self, uid: object) -> bool:
        return uid in self._decisions

    def __iter__(self) -> Iterator[str]:
        return iter(self._decisions)

    def __len__(self) -> int:
        return len(self._decisions)

    @cached_property
    def uids(self) -> NDArray[np.str_]:
        """(n,) names."""
        return np.array(list(self._decisions), np.str_)

    @cached_property
    def x(self) -> Floats:
        """(n,) px."""
        return np.array([d.x for d in self._decisions.values()], float)

    @cached_property
    def y(self) -> Floats:
        """(n,) px."""
        return np.array([d.y for d in self._decisions.values()], float)

    @cached_property
    def label(self) -> Ints:
        """(n,) labels; `NO_LABEL` for other verdicts."""
        every = self._decisions.values()
        return np.array([NO_LABEL if d.label is None else d.label for d in every], np.int64)

    @cached_property
    def status(self) -> Ints:
        """(n,) places in `STATUS`."""
        every = self._decisions.values()
        return np.array([_STATUS[d.verdict] for d in every], np.int64)

    @cached_property
    def ruling(self) -> Ints:
        """(n,) what each says, verdict and label: equal where they say the same."""
        label = self.label - NO_LABEL
        return np.asarray(self.status * (label.max(initial=0) + 1) + label)

    @cached_property
    def conflicts(self) -> tuple[tuple[int, int], ...]:
        """Places of decisions that share marks, or a place."""
        place = {uid: i for i, uid in enumerate(self._decisions)}
        return tuple((place[one], place[other]) for one, other in self._conflicts)

    @cached_property
    def differing(self) -> tuple[tuple[int, int], ...]:
        """Those of `conflicts` that are not `alike`."""
        every = list(self._decisions.values())
        return tuple(pair for pair in self.conflicts if not alike(*(every[i] for i in pair)))

    @cached_property
    def contested(self) -> frozenset[str]:
        """Uids of all that are in `conflicts`."""
        return frozenset(chain.from_iterable(self._conflicts))

    @cached_property
    def by_hand(self) -> NDArray[np.bool_]:
        """(n,) see `by_hand`."""
        return np.asarray(self.named.size == 0)

    def votes(self, n_labels: int) -> Ints:
        """What the votes were.

        Parameters
        ----------
        n_labels : int

        Returns
        -------
        (n, n_labels) int64
            Rows of -1 where that is not known.
        """
        if self._votes is None:
            unknown = (-1,) * n_labels
            every = (d.votes for d in self._decisions.values())
            rows = [votes if len(votes) == n_labels else unknown for votes in every]
            self._votes = np.array(rows, np.int64).reshape(-1, n_labels)
        return self._votes

    @cached_property
    def held(self) -> Ints:
        """(n,) marks that the session held when each was made; 0 where that is not known."""
        return np.array([d.held for d in self._decisions.values()], np.int64)

    @cached_property
    def named(self) -> MarkSets:
        """The marks of each decision: one set a decision."""
        every = [d.marks for d in self._decisions.values()]
        return _laid(every, np.arange(len(every)))

    @cached_property
    def made_from(self) -> MarkSets:
        """The groups that each decision was made on, where they are not its very marks."""
        pairs = [
            (i, group)
            for i, d in enumerate(self._decisions.values())
            if d.made_from != (d.marks,)
            for group in d.made_from
        ]
        return _laid([group for _, group in pairs], np.array([i for i, _ in pairs], np.int64))

    @cached_property
    def on_no_group(self) -> NDArray[np.bool_]:
        """(n,) made on no group: a particle that nobody marked, or that no group backs."""
        return np.array([not d.made_from for d in self._decisions.values()], bool)

    def places(self, marks: Table) -> tuple[Ints, Ints]:
        """Find the marks of `named` and of `made_from` in a table of marks.

        Parameters
        ----------
        marks : (n,) MARK
            In rising order of ``mark``.

        Returns
        -------
        named, made_from : (n,) int64
            Places in the table; -1 for marks that are not there.
        """
        if self._found is None or self._found[0] is not marks:
            here = marks["mark"]
            self._found = marks, (_places(here, self.named), _places(here, self.made_from))
        return self._found[1]


def by_hand(decision: Decision) -> bool:
    """Tell whether a decision names no volunteer's mark: it is known by its place alone."""
    return max(decision.marks, default=NO_MARK) < 0


def within(x: Floats, y: Floats, to_x: Floats, to_y: Floats, near: float) -> tuple[Ints, Ints]:
    """Find pairs of points, one of each set, that are no farther apart than some distance.

    Parameters
    ----------
    x, y : (n,) float64
        px.
    to_x, to_y : (m,) float64
        px.
    near : float
        px.

    Returns
    -------
    one, other : (n_pairs,) int64
        Places in the first set and in the second, sorted by the first.
    """
    order = np.argsort(to_x, kind="stable")
    low = np.searchsorted(to_x[order], x - near, "left")
    n = np.searchsorted(to_x[order], x + near, "right") - low
    one = np.repeat(np.arange(len(x)), n)
    other = order[np.arange(len(one)) - np.repeat(np.cumsum(n) - n - low, n)]
    close = np.hypot(x[one] - to_x[other], y[one] - to_y[other]) <= near
    return one[close], other[close]


def beside(
    decisions: Mapping[str, Decision], hand: Iterable[str], near: float
) -> set[tuple[str, str]]:
    """Pairs of decisions on one micrograph at one place, one of them or both by hand.

    Parameters
    ----------
    decisions : mapping of str to Decision
        In the order in which they were made.
    hand : iterable of str
        Which of them are `by_hand`.
    near : float
        px: how far apart two places are one, see `splitting.near`.

    Returns
    -------
    set of (str, str)
        Of uids, the earlier first.
    """
    uids = list(decisions)
    place = {uid: i for i, uid in enumerate(uids)}
    own = np.array([place[uid] for uid in hand], np.int64)
    x, y = (np.array([getattr(d, axis) for d in decisions.values()], float) for axis in "xy")
    one, other = within(x[own], y[own], x, y, near)
    pairs = np.sort(np.column_stack([own[one], other]), axis=1)
    return {(uids[i], uids[j]) for i, j in pairs.tolist() if i != j}


def alike(one: Decision, other: Decision) -> bool:
    """Tell whether two decisions that share marks, or a place, say the same of the same thing.

    One particle is not two of the same label: who merged what another keeps apart disagrees.

    Parameters
    ----------
    one, other : Decision

    Returns
    -------
    bool
    """
    both = len(set(one.marks).intersection(other.marks))
    size = max(len(one.marks), len(other.marks))
    ruled = (one.verdict, one.label) == (other.verdict, other.label)
    return ruled and (not both or MATCHES[1] * both >= MATCHES[0] * size)


_NONE = Standing({})


def standing(ledger: Ledger, micrograph: str) -> Standing:
    """Decisions in force on one micrograph.

    Parameters
    ----------
    ledger : Ledger
    micrograph : str
        Its name.

    Returns
    -------
    Standing
    """
    found = ledger.on.get(micrograph, _NONE)
    return found if isinstance(found, Standing) else Standing(found)


def _laid(sets: list[tuple[int, ...]], decision: Ints) -> MarkSets:
    n = np.array([len(marks) for marks in sets], np.int64)
    mark = np.fromiter(chain.from_iterable(sets), np.int64, int(n.sum()))
    own = np.repeat(np.arange(len(n)), n)[mark >= 0]
    size = np.bincount(own, minlength=len(n))
    return MarkSets(mark[mark >= 0], own, size, decision)


def _places(here: Ints, sets: MarkSets) -> Ints:
    if not len(here):
        return np.full(len(sets.mark), -1, np.int64)
    at = np.minimum(np.searchsorted(here, sets.mark), len(here) - 1)
    return np.where(here[at] == sets.mark, at, -1)
