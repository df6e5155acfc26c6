"""What a setting makes of a micrograph, in numbers that add up over the project."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import queue, review
from .model import (
    BACKING,
    NO_LABEL,
    STATUS,
    ClusterParams,
    Floats,
    Grouping,
    Ints,
    Ledger,
    Table,
)
from .review import Evidence

TRUTH = np.dtype(
    [
        ("x", "f8"),  # px
        ("y", "f8"),  # px
        ("label", "i2"),
        ("diameter", "f8"),  # px
    ]
)
"""One particle that is known to be there."""

OUTCOME = np.dtype(
    [
        ("known", "?"),
        ("lags", "?"),  # not known, and the numbers are those of the setting before
        ("centroids", "i8"),
        ("ambiguous", "i8"),  # proposals
        ("noise", "i8"),  # marks that count and are in no group
        ("low_support", "i8"),  # proposals
        ("ruled", "i8"),  # decisions in force
        ("backing", "i8", (len(BACKING),)),  # of them, by how the grouping bears them out
        ("true", "i8"),  # particles that are known to be there
        ("detected", "i8"),  # instances that say there is one; 0 where nothing is known
        ("matched", "i8"),  # pairs of the two, one to one
    ]
)
"""What a setting makes of one micrograph; rows are summed up by `total`."""

_REJECTED = STATUS.index("rejected")
_PROPOSED = STATUS.index("proposed")


@dataclass(frozen=True, slots=True)
class Truth:
    """Particles that are known to be there, as in a demo or in what experts agreed upon.

    Attributes
    ----------
    of : dict of str to (n,) TRUTH
        By name of the micrograph; where nothing is known there is none.
    labels : frozenset of int
        Kinds of things that it tells of: an instance with another label is no claim of one.
    source : str
        Name of the file; empty: there is no truth.
    fault : str
        Why it cannot be used, in words.
    """

    of: dict[str, Table]
    labels: frozenset[int] = frozenset()
    source: str = ""
    fault: str = ""


NO_TRUTH = Truth({})


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a setting makes of one micrograph.

    Attributes
    ----------
    grouping : Grouping
    table : structured array
        INSTANCE rows under it.
    outcome : () OUTCOME
    ledger : Ledger
        With which the table was made.
    """

    grouping: Grouping
    table: Table
    outcome: np.void
    ledger: Ledger


def result(
    evidence: Evidence,
    params: ClusterParams,
    ledger: Ledger,
    truth: Truth,
    grouping: Grouping | None = None,
) -> Result:
    """Group, lay the decisions over it, and count.

    Parameters
    ----------
    evidence : Evidence
    params : ClusterParams
    ledger : Ledger
    truth : Truth
    grouping : Grouping, optional
        Where it is known already.

    Returns
    -------
    Result
    """
    if grouping is None:
        grouping = review.group(evidence, params)
    table = review.instances(evidence, grouping, ledger)
    return Result(grouping, table, count(evidence, grouping, table, truth), ledger)


def count(evidence: Evidence, grouping: Grouping, table: Table, truth: Truth) -> np.void:
    """Count what a grouping makes of a micrograph.

    Parameters
    ----------
    evidence : Evidence
    grouping : Grouping
    table : structured array
        INSTANCE rows under it.
    truth : Truth

    Returns
    -------
    () OUTCOME
    """
    row = np.zeros(1, OUTCOME)
    ruled = table["status"] != _PROPOSED
    row["known"] = True
    row["centroids"] = len(table)
    row["ambiguous"] = queue.facet(table, "ambiguous").sum()
    row["noise"] = ((grouping.group_of_mark < 0) & evidence.marks["counted"]).sum()
    row["low_support"] = queue.facet(table, "low support").sum()
    row["ruled"] = ruled.sum()
    row["backing"] = np.bincount(table["backing"][ruled], minlength=len(BACKING))
    there = truth.of.get(evidence.name)
    if there is not None:
        claims = np.isin(table["label"], [NO_LABEL, *truth.labels])
        claims &= table["status"] != _REJECTED
        row["true"], row["detected"] = len(there), claims.sum()
        row["matched"] = _pairs(np.column_stack([table["x"], table["y"]])[claims], there)
    one: np.void = row[0]
    return one


def stale(rows: Table) -> Table:
    """The same rows as what they were: numbers to be shown until there are new ones."""
    old = rows.copy()
    old["lags"] |= old["known"]
    old["known"] = False
    return old


def total(rows: Table) -> np.void:
    """Sum up; known where every row is, and lagging where some do and none is missing."""
    whole = np.zeros(1, OUTCOME)
    for name in OUTCOME.names or ():
        if name not in ("known", "lags"):
            whole[name] = rows[name].sum(axis=0)
    whole["known"] = rows["known"].all()
    whole["lags"] = not rows["known"].all() and (rows["known"] | rows["lags"]).all()
    one: np.void = whole[0]
    return one


def f1(row: np.void) -> float:
    """F1 against the truth, one to one within half a particle's diameter; nan without truth."""
    both = int(row["true"]) + int(row["detected"])
    return 2 * int(row["matched"]) / both if row["true"] else np.nan


def kept(row: np.void) -> int:
    """Decisions that the grouping bears out, with the votes that they were made on."""
    return int(row["backing"][BACKING.index("kept")])


def come_back(row: np.void) -> dict[str, int]:
    """Decisions that are to be looked at again, by why; none that is 0."""
    number = {name: int(row["backing"][BACKING.index(name)]) for name in queue.COME_BACK}
    return {name: n for name, n in number.items() if n}


def _pairs(found: Floats, truth: Table) -> int:
    """How many particles are found, as many as possible, each by an instance of its own."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching
    from scipy.spatial import cKDTree

    if not len(found) or not len(truth):
        return 0
    near = cKDTree(found).query_ball_point(
        np.column_stack([truth["x"], truth["y"]]), truth["diameter"] / 2
    )
    size = np.array([len(one) for one in near])
    if not size.any():
        return 0
    column: Ints = np.concatenate([np.array(one, np.int64) for one in near])
    row = np.repeat(np.arange(len(truth)), size)
    graph = csr_array((np.ones(len(row), bool), (row, column)), (len(truth), len(found)))
    return int((maximum_bipartite_matching(graph) >= 0).sum())
