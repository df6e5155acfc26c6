"""Two settings compared: which instances of the one are which of the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from .model import STATUS, Bools, Grouping, Ints, Table

Kind = Literal["kept", "moved", "flipped", "split", "merged", "regrouped", "born", "died"]
KINDS: tuple[Kind, ...] = (
    "kept",
    "moved",
    "flipped",
    "split",
    "merged",
    "regrouped",
    "born",
    "died",
)
"""One to one, at its place; further off; with another label (moved or not). One to several;
several to one; several to several. In B only; in A only."""

CHANGE = np.dtype(
    [
        ("change", "i4"),  # rows of one number are one change
        ("kind", "i1"),  # place in KINDS
        ("a", "i4"),  # row of A's table; NOWHERE: there is none
        ("b", "i4"),  # row of B's table; NOWHERE: there is none
        ("xa", "f8"),  # px; nan where there is none
        ("ya", "f8"),
        ("xb", "f8"),
        ("yb", "f8"),
        ("shift", "f8"),  # px, from a to b; nan where one is missing
        ("label_a", "i2"),  # NO_LABEL: a tie, no votes; or there is none
        ("label_b", "i2"),
    ]
)
NOWHERE = -1
MOVED = 3.0
"""px: about twice the error of a centroid."""

_MOST = 0.6
"""Share of a part's marks that the whole holds: over a half, so a part has one whole."""
_PART = 0.25
"""Share of the whole's marks below which a part is a splinter."""


def diff(
    marks: Table,
    grouping_a: Grouping,
    table_a: Table,
    grouping_b: Grouping,
    table_b: Table,
    *,
    moved: float = MOVED,
) -> Table:
    """Compare the instances of one micrograph under two settings.

    Two proposals belong together when one holds at least .6 of the other's marks and these are at
    least a quarter of its own. What hangs together so is one change. A decision stands under any
    setting and is compared with itself. Numbers of groups play no part, and with A and B
    exchanged what was born died, and what was split is merged.

    Parameters
    ----------
    marks : (n,) MARK
        Of the micrograph, in rising order of ``mark``.
    grouping_a, grouping_b : Grouping
        Of these marks.
    table_a, table_b : structured array
        Of `instance_dtype`: the instances of each.
    moved : float
        px: a centroid further off than this has moved.

    Returns
    -------
    (n,) structured array
        Of `CHANGE`: one row for each pair that belongs together and for each instance alone,
        by change. Every instance of either table is part of one change.
    """
    a, b = _links(marks, grouping_a, table_a, grouping_b, table_b)
    part = _components(len(table_a), len(table_b), a, b)
    of_a, of_b = part[: len(table_a)], part[len(table_a) :]
    n = int(part.max(initial=-1)) + 1
    n_a, n_b = np.bincount(of_a, minlength=n), np.bincount(of_b, minlength=n)
    died, born = np.flatnonzero((n_b == 0)[of_a]), np.flatnonzero((n_a == 0)[of_b])

    changes = np.zeros(len(a) + len(died) + len(born), CHANGE)
    changes["a"] = np.concatenate([a, died, np.full(len(born), NOWHERE)])
    changes["b"] = np.concatenate([b, np.full(len(died), NOWHERE), born])
    changes["change"] = np.concatenate([of_a[a], of_a[died], of_b[born]])
    for side, table in (("a", table_a), ("b", table_b)):
        there = changes[side] != NOWHERE
        for column, name in ((f"x{side}", "x"), (f"y{side}", "y"), (f"label_{side}", "label")):
            changes[column] = np.nan if name != "label" else -1
            changes[column][there] = table[name][changes[side][there]]
    changes["shift"] = np.hypot(changes["xb"] - changes["xa"], changes["yb"] - changes["ya"])
    changes["kind"] = _kinds(changes, n_a, n_b, moved)
    return _in_order(changes)


def counts(changes: Table) -> dict[str, int]:
    """Count changes by kind.

    Parameters
    ----------
    changes : structured array
        Of `CHANGE`, of one micrograph.

    Returns
    -------
    dict of str to int
        Every kind, in the order of `KINDS`.
    """
    _, first = np.unique(changes["change"], return_index=True)
    number = np.bincount(changes["kind"][first], minlength=len(KINDS))
    return dict(zip(KINDS, number.tolist(), strict=True))


def _links(
    marks: Table, grouping_a: Grouping, table_a: Table, grouping_b: Grouping, table_b: Table
) -> tuple[Ints, Ints]:
    """Rows of A and of B that belong together."""
    own_a, own_b = (
        _row_of_mark(marks, grouping_a, table_a),
        _row_of_mark(marks, grouping_b, table_b),
    )
    size_a = np.bincount(own_a[own_a >= 0], minlength=len(table_a))
    size_b = np.bincount(own_b[own_b >= 0], minlength=len(table_b))
    both = (own_a >= 0) & (own_b >= 0)
    pair, shared = np.unique(own_a[both] * max(len(table_b), 1) + own_b[both], return_counts=True)
    a, b = np.divmod(pair, max(len(table_b), 1))
    in_a, in_b = shared / size_a[a], shared / size_b[b]
    close = np.maximum(in_a, in_b) >= _MOST
    close &= np.minimum(in_a, in_b) >= _PART
    named = {uid: row for row, uid in _decided(table_b)}
    stands = [(row, named[uid]) for row, uid in _decided(table_a) if uid in named]
    again = np.array(stands, np.int64).reshape(-1, 2)
    return np.concatenate([a[close], again[:, 0]]), np.concatenate([b[close], again[:, 1]])


def _row_of_mark(marks: Table, grouping: Grouping, table: Table) -> Ints:
    """Row of the table that proposes each mark's group; -1 where none does."""
    rows = np.flatnonzero(table["status"] == STATUS.index("proposed"))
    first = np.searchsorted(marks["mark"], table["instance"][rows].astype(np.int64))
    row_of_group = np.full(len(grouping.x) + 1, -1, np.int64)  # the last is that of noise
    row_of_group[grouping.group_of_mark[first]] = rows
    return np.asarray(row_of_group[grouping.group_of_mark])


def _decided(table: Table) -> list[tuple[int, str]]:
    rows = np.flatnonzero(table["status"] != STATUS.index("proposed"))
    return list(zip(rows.tolist(), table["instance"][rows].tolist(), strict=True))


def _components(n_a: int, n_b: int, a: Ints, b: Ints) -> Ints:
    """Number of the change that each row of A, then each of B, is part of."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = n_a + n_b
    if not n:
        return np.zeros(0, np.int64)
    edges = coo_array((np.ones(len(a), bool), (a, n_a + b)), shape=(n, n))
    return np.asarray(connected_components(edges, directed=False)[1], dtype=np.int64)


def _kinds(changes: Table, n_a: Ints, n_b: Ints, moved: float) -> Ints:
    in_a, in_b = n_a[changes["change"]], n_b[changes["change"]]
    one_to_one = (in_a == 1) & (in_b == 1)
    tests: Sequence[tuple[Kind, Bools]] = (
        ("born", in_a == 0),
        ("died", in_b == 0),
        ("flipped", one_to_one & (changes["label_a"] != changes["label_b"])),
        ("moved", one_to_one & (changes["shift"] > moved)),
        ("kept", one_to_one),
        ("split", in_a == 1),
        ("merged", in_b == 1),
    )
    kinds = np.full(len(changes), KINDS.index("regrouped"))
    for kind, test in reversed(tests):  # the first that fits stands
        kinds[test] = KINDS.index(kind)
    return kinds


def _in_order(changes: Table) -> Table:
    """Number the changes by what is seen of them: kind, then place from the top."""
    x = np.where(np.isnan(changes["xa"]), changes["xb"], changes["xa"])
    y = np.where(np.isnan(changes["ya"]), changes["yb"], changes["ya"])
    order = np.lexsort((changes["b"], changes["a"], x, y, changes["kind"]))
    _, first = np.unique(changes["change"][order], return_index=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    changes["change"] = rank[np.unique(changes["change"], return_inverse=True)[1]]
    return changes[np.argsort(changes["change"], kind="stable")]
