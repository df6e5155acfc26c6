"""The INSTANCE table: proposals of a grouping beside the decisions in force."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import clustering, consensus, exposure
from .model import (
    NO_LABEL,
    STATUS,
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

_STATUS_OF_VERDICT = {"label": "decided", "reject": "rejected", "defer": "deferred"}


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
    )


def instances(evidence: Evidence, grouping: Grouping, ledger: Ledger) -> Table:
    """Every instance of one micrograph: the proposals, then the decisions in force.

    A decided instance always stands, at its own place. A group at least half of whose marks
    belong to decisions in force is not proposed beside them: it would count twice.

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
    decided = [(u, d) for u, d in ledger.in_force.items() if d.micrograph == evidence.name]
    owners = [ledger.owner.get(mark, "") for mark in evidence.marks["mark"].tolist()]
    proposed = ~_owned(grouping, np.array([uid != "" for uid in owners], bool))
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
    place = {uid: i for i, (uid, _) in enumerate(decided)}
    owner_of_mark = np.array([place.get(uid, -1) for uid in owners], np.int64)
    table = np.concatenate(
        [
            _rows(
                evidence, group_of_mark, grouping.x[proposed], grouping.y[proposed], grouping.params
            ),
            _rows(
                evidence,
                owner_of_mark,
                np.array([d.x for _, d in decided], float),
                np.array([d.y for _, d in decided], float),
                grouping.params,
            ),
        ]
    )
    table["instance"][:n] = first
    for row, (uid, decision) in zip(table[n:], decided, strict=True):
        row["instance"] = uid
        row["label"] = NO_LABEL if decision.label is None else decision.label
        row["status"] = STATUS.index(_STATUS_OF_VERDICT[decision.verdict])
    return table


def _owned(grouping: Grouping, taken: Bools) -> Bools:
    """Groups at least half of whose marks are taken by decisions in force."""
    n = len(grouping.x)
    group = grouping.group_of_mark
    size = np.bincount(group[group >= 0], minlength=n)
    return np.asarray(2 * np.bincount(group[(group >= 0) & taken], minlength=n) >= size)


def _rows(evidence: Evidence, group: Ints, x: Floats, y: Floats, params: ClusterParams) -> Table:
    """INSTANCE rows of the marks that `group` puts together, at x, y."""
    n = len(x)
    table = np.zeros(n, instance_dtype(len(evidence.labels)))
    table["micrograph"], table["x"], table["y"] = evidence.micrograph, x, y
    member = np.flatnonzero(group >= 0)
    marks, own = evidence.marks[member], group[member]
    table["n_marks"] = np.bincount(own, minlength=n)
    table["n_volunteers"] = _distinct(own, marks["volunteer"], n)
    seen = exposure.at(table["x"], table["y"], evidence.tiles, evidence.looks_per_tile)
    table["exposure"] = seen
    # a wide group has marks of looks that could not see its centroid: they do not support it
    tile = evidence.tiles[marks["tile"]]
    sees = exposure.within(x[own], y[own], tile)
    look = marks["volunteer"].astype(np.int64) * len(evidence.tiles) + marks["tile"]
    marked = _distinct(own[sees], look[sees], n)
    table["support"] = np.divide(marked, seen, out=np.full(n, np.nan), where=seen > 0)
    votes = consensus.tally(
        evidence.votes, evidence.mark_of_vote, evidence.marks, group, n, evidence.labels
    )
    table["votes"] = votes
    table["label"], table["margin"], table["ambiguous"] = consensus.headline(
        votes, evidence.labels, params.margin
    )
    return table


def _distinct(group: Ints, value: Ints, n: int) -> Ints:
    """Count the distinct values in each of n groups."""
    order = np.lexsort((value, group))
    group, value = group[order], value[order]
    new = np.ones(len(group), bool)
    new[1:] = (group[1:] != group[:-1]) | (value[1:] != value[:-1])
    return np.bincount(group[new], minlength=n)
