"""Sets of marks held against each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from .model import Ints


def table(place: Ints, own: Ints, n: int, n_marks: int) -> Any:
    """Lay out sets by marks.

    Parameters
    ----------
    place : (n_members,) int64
        Marks.
    own : (n_members,) int64
        Which set each is in.
    n, n_marks : int
        Sets, and marks.

    Returns
    -------
    (n, n_marks) sparse array
        Of ones.
    """
    from scipy.sparse import csr_array

    return csr_array((np.ones(len(place), np.int32), (own, place)), (n, n_marks))


def shared(one: Any, other: Any) -> tuple[Ints, Ints, Ints]:
    """Find the sets of two such tables that have marks in common.

    Parameters
    ----------
    one, other
        See `table`.

    Returns
    -------
    row, column : (n_pairs,) int64
        A set of either.
    common : (n_pairs,) int64
        Marks.
    """
    common = (one @ other.T).tocoo()
    row, column = common.coords
    return row.astype(np.int64), column.astype(np.int64), common.data.astype(np.int64)
