"""The INSTANCE table: proposals of a grouping beside the decisions in force."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from . import clustering, consensus, exposure, matching, splitting
from . import standing as standings
from .hierarchy import Hierarchy
from .model import (
    Bools,
    ClusterParams,
    Floats,
    Grouping,
    Ints,
    Label,
    Ledger,
    Sources,
    Table,
    instance_dtype,
)
from .standing import Standing


@dataclass(frozen=True, slots=True)
class Evidence:
    """The facts of one micrograph, joined once and asked many times.

    Attributes
    ----------
    micrograph : int
    name : str
    labels : tuple of Label
    marks : (n_marks,) MARK
        In rising order of ``mark``; ``tile`` is the place in `tiles` here.
    votes : (n_votes,) VOTE
    mark_of_vote : (n_votes,) int64
        See `consensus.attach`.
    tiles : (n_tiles,) TILE
    looks_per_tile : (n_tiles,) int64
    full_exposure : int
        Looks, of the whole project.
    jitter : float
        px, of the whole project; see `splitting.jitter`.
    hierarchy : Hierarchy
        Of the marks that count, weighed by exposure: built at the first question.
    """

    micrograph: int
    name: str
    labels: tuple[Label, ...]
    marks: Table
    votes: Table
    mark_of_vote: Ints
    tiles: Table
    looks_per_tile: Ints
    full_exposure: int
    jitter: float = 0.0
    hierarchy: Hierarchy = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        weight = exposure.weights(self.marks, self.tiles, self.looks_per_tile, self.full_exposure)
        object.__setattr__(self, "hierarchy", clustering.hierarchy_of(self.marks, weight))


def evidence(sources: Sources) -> list[Evidence]:
    """Join the facts of every micrograph.

    Parameters
    ----------
    sources : Sources
        Counted, see `exposure.count`.

    Returns
    -------
    list of Evidence
        In the order of the micrographs.
    """
    n_looks = exposure.looks_per_tile(sources.looks, len(sources.tiles))
    full = exposure.full(sources)
    jitter = splitting.jitter(sources.marks)
    joined = []
    n = len(sources.micrographs)
    marks_of = _by_micrograph(sources.marks[np.argsort(sources.marks["mark"])], n)
    votes_of = _by_micrograph(sources.votes, n)
    for i, micrograph in enumerate(sources.micrographs):
        marks, votes = marks_of[i], votes_of[i]
        own = sources.tiles["micrograph"] == i
        marks["tile"] = (np.cumsum(own) - 1)[marks["tile"]]
        place = consensus.attach(votes, marks, sources.vote_radius)
        joined.append(
            Evidence(
                i,
                micrograph.name,
                sources.labels,
                marks,
                votes,
                place,
                sources.tiles[own],
                n_looks[own],
                full,
                jitter,
            )
        )
    return joined


def _by_micrograph(rows: Table, n: int) -> list[Table]:
    """Rows of each of n micrographs, in the order that they have."""
    rows = rows[np.argsort(rows["micrograph"], kind="stable")]
    return np.split(rows, np.searchsorted(rows["micrograph"], np.arange(1, n)))


def group(evidence: Evidence, params: ClusterParams) -> Grouping:
    """Group the marks; see `clustering.cluster`."""
    return clustering.cluster(
        evidence.marks,
        params,
        micrograph=evidence.micrograph,
        expected_looks=evidence.full_exposure,
        hierarchy=evidence.hierarchy,
        jitter=evidence.jitter,
    )


def instances(evidence: Evidence, grouping: Grouping, ledger: Ledger) -> Table:
    """Every instance of one micrograph: the proposals, then the decisions in force.

    A decided instance always stands, at its own place; whether the grouping bears it out is told
    in ``backing``. A group at least half of whose marks belong to decisions in force, or that is
    the very thing one of them names but for marks that came later, is not proposed beside them:
    it would count twice. Nor is one at the place of a particle that the expert added.

    Parameters
    ----------
    evidence : Evidence
    grouping : Grouping
        Of this evidence's marks.
    ledger : Ledger

    Returns
    -------
    (n,) structured array
        Of `instance_dtype`. ``label`` is what the consensus proposes or the expert decided; the
        votes, margin and ambiguity are the volunteers' in either case.
    """
    standing = standings.standing(ledger, evidence.name)
    matched = matching.match(evidence.marks, grouping.group_of_mark, len(grouping.x), standing)
    proposed = ~(_owned(evidence, grouping, standing) | matched.same)
    proposed &= ~_added(evidence, grouping, standing)
    renumber = np.cumsum(proposed) - 1
    group_of_mark = grouping.group_of_mark.copy()
    grouped = group_of_mark >= 0
    group_of_mark[grouped] = np.where(
        proposed[group_of_mark[grouped]], renumber[group_of_mark[grouped]], -1
    )
    n = int(proposed.sum())
    first = np.full(n, -1, np.int64)
    member = np.flatnonzero(group_of_mark >= 0)[::-1]
    first[group_of_mark[member]] = evidence.marks["mark"][member]

    # the decided take the places behind the proposals; a mark may count for one of each
    x, y = grouping.x[proposed], grouping.y[proposed]
    table = np.concatenate(
        [
            _rows(evidence, group_of_mark, x, y, grouping.params),
            _decided(evidence, standing, grouping.params),
        ]
    )
    table["instance"][:n] = first
    table["split_into"][:n] = grouping.split_into[proposed]
    table["pairs"][:n] = grouping.pairs[proposed]
    decided = table[n:]
    decided["backing"] = matched.backing
    kept = matched.backing == matching.KEPT
    decided["backing"][kept & _votes_moved(evidence, standing, decided)] = matching.CHANGED
    return table


def _decided(evidence: Evidence, standing: Standing, params: ClusterParams) -> Table:
    """INSTANCE rows of the decisions in force, in their order."""
    sets, at = standing.named, standing.places(evidence.marks)[0]
    found = at >= 0
    at, decision = at[found], sets.decision[sets.set[found]]
    table = np.zeros(len(standing), instance_dtype(len(evidence.labels)))
    layer = _layers(standing)
    for i in range(int(layer.max(initial=0)) + 1):
        own = layer[decision] == i
        owner = np.full(len(evidence.marks), -1)
        owner[at[own]] = decision[own]
        rows = _rows(evidence, owner, standing.x, standing.y, params)
        table[layer == i] = rows[layer == i]
    table["instance"] = standing.uids
    table["label"], table["status"] = standing.label, standing.status
    return table


def _layers(standing: Standing) -> Ints:
    """Number decisions so that no two of one number share a mark: 0 alone, but for conflicts."""
    layer = np.zeros(len(standing), np.int64)
    for early, late in sorted(standing.conflicts, key=lambda pair: pair[1]):
        layer[late] = max(layer[late], layer[early] + 1)
    return layer


def _votes_moved(evidence: Evidence, standing: Standing, decided: Table) -> Bools:
    def votes_of_mark() -> Ints:
        n = len(evidence.marks)
        return consensus.tally(
            evidence.votes,
            evidence.mark_of_vote,
            evidence.marks,
            np.arange(n),
            n,
            evidence.labels,
        )

    return matching.moved(evidence.marks, standing, decided["votes"], votes_of_mark)


def _owned(evidence: Evidence, grouping: Grouping, standing: Standing) -> Bools:
    """Groups at least half of whose marks belong to decisions in force."""
    n = len(grouping.x)
    group = grouping.group_of_mark
    taken = np.zeros(len(group), bool)
    at = standing.places(evidence.marks)[0]
    taken[at[at >= 0]] = True
    size = np.bincount(group[group >= 0], minlength=n)
    return np.asarray(2 * np.bincount(group[(group >= 0) & taken], minlength=n) >= size)


def _added(evidence: Evidence, grouping: Grouping, standing: Standing) -> Bools:
    """Groups that are what the expert added where nobody had marked it, or too few."""
    found = np.zeros(len(grouping.x), bool)
    hand = standing.by_hand
    if hand.any():
        near = splitting.near(evidence.jitter)
        x, y = standing.x[hand], standing.y[hand]
        found[standings.within(x, y, grouping.x, grouping.y, near)[1]] = True
    return found


def _rows(evidence: Evidence, group: Ints, x: Floats, y: Floats, params: ClusterParams) -> Table:
    """INSTANCE rows of the marks that `group` puts together, at x, y."""
    n = len(x)
    table = np.zeros(n, instance_dtype(len(evidence.labels)))
    table["micrograph"], table["x"], table["y"] = evidence.micrograph, x, y
    member = np.flatnonzero(group >= 0)
    # indexing records takes twenty times as long
    marks, own = evidence.marks.take(member), group[member]
    table["n_marks"] = np.bincount(own, minlength=n)
    table["n_volunteers"] = _distinct(own, marks["volunteer"], n)
    seen = exposure.at(table["x"], table["y"], evidence.tiles, evidence.looks_per_tile)
    table["exposure"] = seen
    # a wide group has marks of looks that could not see its centroid: they do not support it
    tile = evidence.tiles.take(marks["tile"])
    sees = exposure.within(x[own], y[own], tile)
    look = splitting.looks(marks)
    marked = _distinct(own[sees], look[sees], n)
    table["support"] = np.divide(marked, seen, out=np.full(n, np.nan), where=seen > 0)
    votes = consensus.tally(
        evidence.votes, evidence.mark_of_vote, evidence.marks, group, n, evidence.labels
    )
    table["votes"] = votes
    table["label"], table["margin"], table["ambiguous"] = consensus.headline(
        votes, evidence.labels, params.margin
    )
    apart = splitting.APART * evidence.jitter
    table["split_into"] = 1
    table["pairs"] = splitting.pairs(marks["x"], marks["y"], look, own, n, apart)
    return table


def _distinct(group: Ints, value: Ints, n: int) -> Ints:
    """Count the distinct values in each of n groups."""
    across = int(value.max(initial=0)) + 1
    return np.bincount(np.unique(group * across + value) // across, minlength=n)
