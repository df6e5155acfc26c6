"""One particle or two, told by volunteers who marked both, or never both.

A volunteer marks a particle once on a tile. So two marks by one volunteer on one tile (one look)
are two particles, unless they are so close that they must be a double click. A group in which
many looks hold such a pair is split under that constraint, see `assignment.share_out`. And two
groups side by side that hardly any look marked both are one particle, cut in two by chance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .assignment import clicks, judge, share_out
from .groups import laid_out, paired
from .model import Floats, Ints, Table
from .uniting import centres, close, unite

APART = 2.0
"""Jitters: marks of one look that are closer are a double click."""

ENOUGH = 0.25
"""Share of the looks that must hold a pair; of the looks at either part that marked both."""

SIDE_BY_SIDE = 4.0
"""Jitters: groups whose means are no farther apart may be one particle."""

HARDLY = 0.1
"""Share of the looks at either of two groups below which hardly any marked both."""

_REACH = 6.0
"""Jitters: a mark farther from every centroid of a split group belongs to no part."""

_STEPS = 20
"""Of k-means; almost all groups stand still after five."""

_MOST = 32
"""Parts that a group may have. What one look clicked more often than that is no clump of particles
but a setting that runs everything together, and to part it would take minutes."""

_STARTS = 8
"""Looks that are tried as the parts' first centroids."""

_WINDOWS, _WINDOW = 94, 100
"""Spots at which the jitter is measured, and marks about each: a twentieth of a real project."""

_TAIL = 3.5
"""Jitters: two marks farther apart than sqrt(2) times this are taken for two particles."""


class Split(NamedTuple):
    """What became of each group.

    Attributes
    ----------
    group : (n_marks,) int64
        As before, or the part; numbers are in use without a gap. -1 for noise and for marks of a
        split group that fit no part.
    split_into : (n_groups,) int64
        Parts of the group that this one came from; 1 when it was not split.
    pairs : (n_groups,) float64
        Share of the looks of the group that this one came from that hold a pair.
    """

    group: Ints
    split_into: Ints
    pairs: Floats


def near(jitter: float) -> float:
    """Tell within how many px two places are one.

    Parameters
    ----------
    jitter : float
        px, see `jitter`.

    Returns
    -------
    float
        px: what makes two marks of one look a double click; 1 where the jitter is not known.
    """
    return APART * jitter or 1.0


def jitter(marks: Table) -> float:
    """Measure how far marks scatter about their particle.

    No grouping is asked, so that groups that hold two particles cannot spoil it: any two looks
    are laid over each other, and marks that are each other's nearest are one particle's. Their
    distance is sqrt(2) jitters wide along each axis; what is farther than that can be, two
    particles each of which one look missed, is left out, and the loss made good.

    Parameters
    ----------
    marks : (n,) MARK
        Of the whole project; those that do not count are passed over.

    Returns
    -------
    float
        px, standard deviation along an axis; 0 where no two looks met.
    """
    counted = np.flatnonzero(marks["counted"])
    counted = counted[np.lexsort((marks["mark"][counted], marks["micrograph"][counted]))]
    columns = [marks[k][counted] for k in ("micrograph", "x", "y", "volunteer", "tile")]
    edge = np.flatnonzero(np.diff(columns[0])) + 1
    distances = [np.zeros(0)]
    for x, y, who, tile in zip(*(np.split(c, edge) for c in columns[1:]), strict=True):
        n = min(len(x), max(1, _WINDOWS * len(x) // max(1, len(counted))))
        for i in np.linspace(0, len(x) - 1, n).astype(np.int64):
            off = (x - x[i]) ** 2 + (y - y[i]) ** 2
            near = np.argsort(off, kind="stable")[:_WINDOW]
            distances.append(_mutual(x[near], y[near], who[near], tile[near]))
    distance = np.concatenate(distances)
    if not len(distance):
        return 0.0
    # mean square of a Rayleigh distance cut off at _TAIL standard deviations
    cut = _TAIL**2 / 2
    kept = 1 - cut * np.exp(-cut) / (1 - np.exp(-cut))
    # begin too low, where there are no pairs of different particles; from there it rises
    apart = distance[distance > 0]
    measured = float(np.quantile(apart, 0.05) / np.sqrt(-4 * np.log(0.95))) if len(apart) else 0.0
    for _ in range(50):
        near = distance[distance <= _TAIL * np.sqrt(2) * measured]
        before, measured = measured, float(np.sqrt(np.mean(near**2) / 4 / kept))
        if abs(measured - before) <= 1e-6 * before:
            break
    return measured


def _mutual(x: Floats, y: Floats, volunteer: Ints, tile: Ints) -> Floats:
    """Distances of marks of different looks that are each other's nearest, px."""
    order = np.lexsort((tile, volunteer))
    x, y, volunteer, tile = x[order], y[order], volunteer[order], tile[order]
    new = np.ones(len(x), bool)
    new[1:] = (volunteer[1:] != volunteer[:-1]) | (tile[1:] != tile[:-1])
    look = np.cumsum(new) - 1
    square = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2
    nearest = square == np.minimum.reduceat(square, np.flatnonzero(new), axis=1)[:, look]
    return np.asarray(np.sqrt(square[nearest & nearest.T & (look[:, None] < look)]))


def looks(marks: Table) -> Ints:
    """Number the looks that marks of one micrograph are of.

    Parameters
    ----------
    marks : (n,) MARK

    Returns
    -------
    (n,) int64
        From 0; the same for one volunteer's marks on one tile, and for no others.
    """
    n = int(marks["tile"].max(initial=0)) + 1
    look = marks["volunteer"].astype(np.int64) * n + marks["tile"]
    return np.unique(look, return_inverse=True)[1]


def pairs(x: Floats, y: Floats, look: Ints, group: Ints, n: int, apart: float) -> Floats:
    """Share of each group's looks that hold a pair of marks farther apart than `apart`.

    Parameters
    ----------
    x, y : (n_marks,) float64
        px.
    look : (n_marks,) int64
        See `looks`.
    group : (n_marks,) int64
        -1 for noise.
    n : int
        Groups.
    apart : float
        px.

    Returns
    -------
    (n,) float64
        0 for a group without marks.
    """
    x, y = np.ascontiguousarray(x), np.ascontiguousarray(y)
    return np.asarray(paired(x, y, look, group, n, int(look.max(initial=-1)) + 1, apart))


def join(x: Floats, y: Floats, look: Ints, group: Ints, jitter: float) -> Ints:
    """Unite groups that are one particle cut in two.

    Where few looks are expected, two or three marks that happen to lie close are a group already.
    Two such groups of one particle share no look; of two particles that touch, most do.

    Parameters
    ----------
    x, y : (n_marks,) float64
        px.
    look : (n_marks,) int64
        See `looks`.
    group : (n_marks,) int64
        0, 1, 2 ... without a gap; -1 for noise.
    jitter : float
        px, see `jitter`.

    Returns
    -------
    (n_marks,) int64
        As before, the closest united first; numbers without a gap.
    """
    n = int(group.max(initial=-1)) + 1
    member, edge = laid_out(group, n)
    at_x, at_y = centres(np.ascontiguousarray(x), np.ascontiguousarray(y), member, edge)
    rising = np.argsort(at_x)
    pair, square = close(at_x, at_y, rising, SIDE_BY_SIDE * jitter)
    pair = pair[np.lexsort((pair[:, 1], pair[:, 0], square))]
    into = unite(pair, look[member], edge, int(look.max(initial=-1)) + 1, HARDLY)
    return np.append(into, -1)[group]


def split(
    x: Floats,
    y: Floats,
    look: Ints,
    volunteer: Ints,
    weight: Floats,
    group: Ints,
    *,
    jitter: float,
    min_cluster_size: float | Floats,
) -> Split:
    """Split the groups that hold two particles or more.

    Of each group in which at least `ENOUGH` of the looks hold a pair, as many parts are made as
    are justified: each weighs `min_cluster_size`, was marked by two volunteers, and of the looks
    that marked it or the part next to it at least `ENOUGH` marked both. When there are not two
    such parts, or some look holds more than 32 marks of it, the group stays.

    Parameters
    ----------
    x, y : (n_marks,) float64
        px.
    look, volunteer : (n_marks,) int64
        See `pairs`.
    weight : (n_marks,) float64
        What a mark counts towards `min_cluster_size`; a double click counts once.
    group : (n_marks,) int64
        0, 1, 2 ... without a gap; -1 for noise.
    jitter : float
        px, see `jitter`.
    min_cluster_size : float or (n_groups,) float64

    Returns
    -------
    Split
        Of the same marks, whatever their order.
    """
    n = int(group.max(initial=-1)) + 1
    share = pairs(x, y, look, group, n, APART * jitter)
    found, split_into, origin = group.copy(), np.ones(n, np.int64), np.arange(n)
    marks = np.flatnonzero((group >= 0) & np.append(share >= ENOUGH, False)[group])
    if len(marks):
        marks = marks[np.lexsort((y[marks], x[marks], look[marks], group[marks]))]
        columns = (x[marks], y[marks], look[marks], volunteer[marks], weight[marks], group[marks])
        whole = np.unique(group[marks])
        enough = np.broadcast_to(np.float64(min_cluster_size), n)[whole]
        part, k = _divide(*columns, APART * jitter, (_REACH * jitter) ** 2, enough)
        split_into[whole] = k
        origin = np.concatenate([origin, np.repeat(whole, k - 1)])
        # the first part keeps the group's number, the others take new ones
        new = np.zeros(n, np.int64)
        new[whole] = n - 1 + np.cumsum(k - 1) - (k - 1)
        found[marks] = np.where(part > 0, new[group[marks]] + part, group[marks])
        found[marks[part < 0]] = -1
    return Split(found, split_into[origin], share[origin])


def parts(x: Floats, y: Floats, look: Ints, seed_x: Floats, seed_y: Floats) -> Ints:
    """Share marks out among k particles, so that none has two marks of one look.

    Parameters
    ----------
    x, y : (n,) float64
        px.
    look : (n,) int64
        See `pairs`.
    seed_x, seed_y : (k,) float64
        px, where the particles are thought to be.

    Returns
    -------
    (n,) int64
        Which of the k each mark belongs to, whatever the order of the marks; -1 for what a look
        has beyond k.
    """
    order = np.lexsort((y, x, look))
    x, y = x[order].astype(float), y[order].astype(float)
    at_x, at_y = np.array([seed_x], float), np.array([seed_y], float)
    first = _starts(look[order])
    # to leave a mark over costs more than any assignment can
    wide = [np.ptp(np.append(at, own)) for at, own in ((at_x, x), (at_y, y))]
    beyond = 1.0 + len(x) * float(np.square(wide).sum())
    own = np.full(len(x), -1, np.int64)
    looks, k = np.array([[0, len(first) - 1]]), np.array([at_x.size])
    share_out(x, y, first, looks, at_x, at_y, k, beyond, _STEPS, own)
    part = np.empty(len(x), np.int64)
    part[order] = own
    return part


def _divide(
    x: Floats,
    y: Floats,
    look: Ints,
    volunteer: Ints,
    weight: Floats,
    group: Ints,
    apart: float,
    beyond: float,
    enough: Floats,
) -> tuple[Ints, Ints]:
    """Part of each mark, -1 for none, and how many parts each group has.

    The marks are sorted by group, then look. Each group begins with as many parts as any look
    has clicks in it, and loses the one that can stand least until all can.
    """
    click = clicks(x, y, _starts(group, look), apart)
    order = np.argsort(click, kind="stable")
    begin = _starts(click[order])[:-1]
    size = np.bincount(click)
    x, y = np.bincount(click, x) / size, np.bincount(click, y) / size
    weight = np.maximum.reduceat(weight[order], begin)
    volunteer, group, look = (c[order][begin] for c in (volunteer, group, look))
    first = _starts(group, look)
    edge = np.searchsorted(first, _starts(group))
    looks = np.column_stack([edge[:-1], edge[1:]])
    part = np.zeros(len(x), np.int64)

    k = np.maximum.reduceat(np.diff(first), edge[:-1])
    k[k > _MOST] = 1
    at_x, at_y = _seeds(x, y, first, looks, k, beyond)
    going = np.flatnonzero(k > 1)
    while len(going):
        own_x, own_y, own_k = at_x[going], at_y[going], k[going]
        problem = (first, looks[going], own_x, own_y, own_k)
        share_out(x, y, *problem, beyond, _STEPS, part)
        stands = judge(part, weight, volunteer, *problem, enough[going], ENOUGH)
        at_x[going], at_y[going], k[going] = own_x, own_y, own_k
        going = going[~stands & (own_k > 1)]
    part[np.repeat(k < 2, np.diff(first[edge]))] = 0
    return part[click], k


def _seeds(
    x: Floats, y: Floats, first: Ints, looks: Ints, k: Ints, beyond: float
) -> tuple[Floats, Floats]:
    """First centroids of each group: of the looks with k marks, the one that suits the rest."""
    group_of_look = np.repeat(np.arange(len(looks)), np.diff(looks)[:, 0])
    tried = np.flatnonzero(np.diff(first) >= k[group_of_look])
    group = group_of_look[tried]
    # of many looks some, evenly
    n = np.bincount(group, minlength=len(looks))
    rank = np.arange(len(tried)) - (np.cumsum(n) - n)[group]
    some = rank % np.maximum(1, n // _STARTS)[group] == 0
    tried, group = tried[some], group[some]
    at = np.minimum(first[tried, None] + np.arange(k.max()), len(x) - 1)
    at_x, at_y = x[at], y[at]
    part = np.zeros(len(x), np.int64)
    cost = share_out(x, y, first, looks[group], at_x.copy(), at_y.copy(), k[group], beyond, 1, part)
    best = np.lexsort((cost, group))[_starts(group)[:-1]]
    return at_x[best], at_y[best]


def _starts(*columns: Ints) -> Ints:
    """Where each run of equal rows of sorted columns begins, and their end."""
    new = np.ones(len(columns[0]) + 1, bool)
    new[1:-1] = np.any([c[1:] != c[:-1] for c in columns], axis=0)
    return np.flatnonzero(new)
