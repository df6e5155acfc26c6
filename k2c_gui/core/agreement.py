"""Two experts compared: what both decided, and how far they agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot

import numpy as np

from .kappa import Kappa, category, kappa
from .model import Decision, Label
from .standing import by_hand, within

INDEPENDENT = ("single", "bulk")
"""Sources of rulings that an expert made for herself: a sign-off takes over what the volunteers
say, and two of them agree by construction; who adjudicates has seen both."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two experts on one project.

    Attributes
    ----------
    shared : tuple of (str, str)
        Decisions of the one and of the other on the same instance, by uid.
    only_a, only_b : tuple of str
        Decisions on what the other did not decide, by uid.
    same : int
        Decisions that both sessions hold as one and the same entry; they compare nobody.
    all, independent : Kappa
        Of the shared ones; and of those among them that each expert ruled for herself, neither
        by sign-off nor as a judge between experts.
    """

    shared: tuple[tuple[str, str], ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    same: int
    all: Kappa
    independent: Kappa


def agreement(
    a: Mapping[str, Decision],
    b: Mapping[str, Decision],
    labels: Sequence[Label],
    *,
    near: float = 1.0,
    seed: int = 0,
) -> Agreement:
    """Compare the decisions in force of two experts.

    Parameters
    ----------
    a, b : mapping of str to Decision
        By uid.
    labels : sequence of Label
    near : float
        px: how far apart two places are one, see `splitting.near`.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Agreement
        Rows of the confusion tables are a's rulings, columns b's, see `kappa.categories`.
    """
    same = a.keys() & b.keys()
    a = {uid: d for uid, d in a.items() if uid not in same}
    b = {uid: d for uid, d in b.items() if uid not in same}
    shared = match(a, b, near)
    own = [(x, y) for x, y in shared if a[x].source in INDEPENDENT and b[y].source in INDEPENDENT]
    of_a, of_b = {x for x, _ in shared}, {y for _, y in shared}
    return Agreement(
        shared,
        tuple(uid for uid in a if uid not in of_a),
        tuple(uid for uid in b if uid not in of_b),
        len(same),
        compared([(a[x], b[y]) for x, y in shared], labels, seed=seed),
        compared([(a[x], b[y]) for x, y in own], labels, seed=seed),
    )


def match(
    a: Mapping[str, Decision], b: Mapping[str, Decision], near: float = 1.0
) -> tuple[tuple[str, str], ...]:
    """Find the instances that both decided: each set of marks holds .6 of the other.

    The threshold makes it one-to-one by arithmetic where no mark has two decisions; in a session
    with open conflicts a mark may, and the closest pair goes first. What has no marks of volunteers
    is the same as what stands at its place and has no better match.

    Parameters
    ----------
    a, b : mapping of str to Decision
        By uid.
    near : float
        px: how far apart two places are one.

    Returns
    -------
    tuple of (str, str)
        Uids, in the order of `a`.
    """
    of_mark: dict[int, list[str]] = {}
    for uid, decision in b.items():
        for mark in decision.marks:
            of_mark.setdefault(mark, []).append(uid)
    close = []
    for uid, decision in a.items():
        size = len(decision.marks)
        held = Counter(other for mark in decision.marks for other in of_mark.get(mark, ()))
        for other, both in held.items():
            others = len(b[other].marks)
            if 5 * both >= 3 * max(size, others):
                close.append((-both / (size + others - both), uid, other))
    close += _at_one_place(a, b, near)
    found: dict[str, str] = {}
    taken: set[str] = set()
    for _, uid, other in sorted(close):
        if uid not in found and other not in taken:
            found[uid] = other
            taken.add(other)
    return tuple((uid, found[uid]) for uid in a if uid in found)


def _at_one_place(
    a: Mapping[str, Decision], b: Mapping[str, Decision], near: float
) -> list[tuple[float, str, str]]:
    """Distance in px, and uids, of pairs at one place, of which one at least is by hand."""
    found = []
    for name in {d.micrograph for d in (*a.values(), *b.values()) if by_hand(d)}:
        mine, theirs = ([uid for uid, d in of.items() if d.micrograph == name] for of in (a, b))
        x, y = (np.array([getattr(a[uid], axis) for uid in mine], float) for axis in "xy")
        to_x, to_y = (np.array([getattr(b[uid], axis) for uid in theirs], float) for axis in "xy")
        for i, j in zip(*within(x, y, to_x, to_y, near), strict=True):
            one, other = a[mine[i]], b[theirs[j]]
            if by_hand(one) or by_hand(other):
                found.append((hypot(one.x - other.x, one.y - other.y), mine[i], theirs[j]))
    return found


def compared(
    pairs: Sequence[tuple[Decision, Decision]], labels: Sequence[Label], *, seed: int = 0
) -> Kappa:
    """Kappa of pairs of rulings on one instance each, with its interval over micrographs."""
    names = sorted({first.micrograph for first, _ in pairs})
    return kappa(
        np.array([category(first, labels) for first, _ in pairs], np.int64),
        np.array([category(second, labels) for _, second in pairs], np.int64),
        np.array([names.index(first.micrograph) for first, _ in pairs], np.int64),
        len(labels) + 2,
        seed=seed,
    )
