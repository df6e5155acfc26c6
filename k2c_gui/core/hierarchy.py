"""The density hierarchy of one set of marks: built once, asked many times.

HDBSCAN (Campello, Moulavi, Sander: Density-based clustering based on hierarchical density
estimates, PAKDD 2013, p. 160) is a chain, and each of its links is kept: the nearest neighbours
for every question; the dendrogram for a ``min_samples``; the rest, which takes no time, is done
anew. A published shortcut keeps a graph that holds the trees for every smaller ``min_samples``
(Neto and others, IEEE TKDE 33(8), 2021, p. 3075). Here the tree itself is found faster than the
twenty edges a mark of that graph are sorted.
"""

from __future__ import annotations

import threading
from typing import Literal, NamedTuple

import numpy as np

from . import compiled, linkage
from .linkage import SLACK
from .model import Bools, Floats, Ints
from .spanning_tree import boxes, core_distances, spanning_tree

NEIGHBOURS = 30
"""Kept for each mark, until a greater ``min_samples`` is asked for."""

_KEPT = 8
"""Dendrograms kept; one of 170,000 marks takes 9 MB."""


class Dendrogram(NamedTuple):
    """Single linkage of n marks; see `linkage.link`."""

    left: Ints
    right: Ints
    height: Floats
    size: Floats
    shared: Bools


class _Linked(NamedTuple):
    """What is kept for a ``min_samples``."""

    tree: Dendrogram
    ends: Ints
    """Marks that the edge of each merge joins, as they were given."""


class _Neighbours(NamedTuple):
    """Of each mark the nearest, itself among them, in rising order of distance."""

    distance: Floats
    mark: Ints


class _Layout(NamedTuple):
    """The marks as the kernels want them: neighbours in space are neighbours in the arrays."""

    order: Ints
    xy: Floats
    box: Floats
    weight: Floats
    person: Ints


class Hierarchy:
    """Density hierarchy of the marks of one micrograph.

    Built at the first question, in whichever thread asks. Labels do not depend on the order of
    the rows.

    Parameters
    ----------
    xy : (n, 2) float64
        px.
    weight : (n,) float64, optional
        At least 1; see `exposure.weights`.
    volunteer : (n,) int, optional
        Whose mark each is; left out, everybody's own.
    """

    def __init__(
        self, xy: Floats, weight: Floats | None = None, volunteer: Ints | None = None
    ) -> None:
        self._xy = xy
        self._volunteer = volunteer
        self._layout: _Layout | None = None
        self._near: _Neighbours | None = None
        self._dendrograms: dict[tuple[int, bool], _Linked] = {}
        self._lock = threading.Lock()
        self.weight: Floats = np.ones(len(xy)) if weight is None else weight

    def __reduce__(self) -> tuple[object, ...]:
        return Hierarchy, (self._xy, self.weight, self._volunteer)

    def __len__(self) -> int:
        return len(self._xy)

    def groups(
        self,
        min_cluster_size: int,
        min_samples: int,
        *,
        epsilon: float = 0.0,
        method: Literal["eom", "leaf"] = "eom",
        weighted: bool = False,
        allow_single_cluster: bool = False,
        ties: Literal["together", "binary"] = "together",
    ) -> Ints:
        """Group the marks as HDBSCAN does.

        Parameters
        ----------
        min_cluster_size : int
            2 or more.
        min_samples : int
            Neighbours, without the mark itself; 1 or more.
        epsilon : float
            px; 0: none.
        method : {"eom", "leaf"}
        weighted : bool
            A mark counts as many times as it weighs, in `min_cluster_size` and in `min_samples`,
            and a group is of two volunteers or more.
        allow_single_cluster : bool
        ties : {"together", "binary"}
            Merges of the same height are one parting, or one after the other as in `hdbscan`,
            whose answer then depends on the order of the rows.

        Returns
        -------
        (n,) int64
            Group of each mark, -1 for noise.
        """
        group = np.full(len(self), -1, np.int64)
        if len(self) < 2:
            return group
        layout, (tree, _) = self._ask(min_samples, weighted)
        branches = linkage.condense(
            *tree,
            layout.weight if weighted else np.ones(len(self)),
            float(min_cluster_size),
            ties == "together",
        )
        # the root, too, has to be of two volunteers
        single = allow_single_cluster and bool(tree.shared[-1])
        group[layout.order] = linkage.select(*branches, float(epsilon), method == "leaf", single)
        return group

    def dendrogram(self, min_samples: int, *, weighted: bool = False) -> Dendrogram:
        """Single linkage of the mutual-reachability distances of two marks or more.

        Parameters
        ----------
        min_samples, weighted
            See `groups`.

        Returns
        -------
        Dendrogram
            Mark 0 is the first in the hierarchy's own order.
        """
        return self._ask(min_samples, weighted)[1].tree

    def edges(self, min_samples: int, *, weighted: bool = False) -> tuple[Ints, Floats]:
        """Minimum spanning tree of the mutual-reachability distances of two marks or more.

        Parameters
        ----------
        min_samples, weighted
            See `groups`.

        Returns
        -------
        ends : (n - 1, 2) int64
            The marks that each edge joins.
        length : (n - 1,) float64
            px, rising.
        """
        tree, ends = self._ask(min_samples, weighted)[1]
        return ends, tree.height

    def build(self) -> None:
        """Do ahead of the first question what every question needs."""
        if len(self) > 1:
            with self._lock:
                self._prepare(NEIGHBOURS)

    def _ask(self, min_samples: int, weighted: bool) -> tuple[_Layout, _Linked]:
        key = (min_samples, weighted)
        with self._lock:
            layout, near = self._prepare(min_samples)
            tree = self._dendrograms.pop(key, None) or _link(layout, near, min_samples, weighted)
            self._dendrograms[key] = tree  # the newest last
            if len(self._dendrograms) > _KEPT:
                del self._dendrograms[next(iter(self._dendrograms))]
        return layout, tree

    def _prepare(self, min_samples: int) -> tuple[_Layout, _Neighbours]:
        if self._layout is None:
            self._layout = _lay_out(self._xy, self.weight, self._volunteer)
        known = 0 if self._near is None else self._near.distance.shape[1] - 1
        if self._near is None or known < min(min_samples, len(self) - 1):
            # doubled, as whoever asks for more goes on asking
            self._near = _neighbours(self._layout, max(NEIGHBOURS, 2 * known, min_samples))
        return self._layout, self._near


def _lay_out(xy: Floats, weight: Floats, volunteer: Ints | None) -> _Layout:
    from scipy.spatial import cKDTree

    if len(xy) > compiled.WORTHWHILE:
        compiled.warm_up()
    # coincident marks are alike: whatever their order, the answer is the same
    order = np.lexsort((xy[:, 1], xy[:, 0]))
    order = order[cKDTree(xy[order]).indices]
    xy, weight = np.asarray(xy, np.float64)[order], np.asarray(weight, np.float64)[order]
    person = order if volunteer is None else np.asarray(volunteer, np.int64)[order]
    return _Layout(order, xy, boxes(xy[:, 0], xy[:, 1]), weight, person)


def _neighbours(layout: _Layout, k: int) -> _Neighbours:
    from scipy.spatial import cKDTree

    distance, mark = cKDTree(layout.xy).query(layout.xy, k=min(k + 1, len(layout.xy)))
    return _Neighbours(np.asarray(distance, np.float64), np.asarray(mark, np.int32))


def _link(layout: _Layout, near: _Neighbours, min_samples: int, weighted: bool) -> _Linked:
    n = len(layout.xy)
    weight, person = layout.weight, layout.person
    if not weighted:
        weight, person = np.ones(n), np.arange(n)
    # as if each mark were there as often as it weighs: its own copies are others, but for one
    core = core_distances(*near, weight, min_samples + 1 - SLACK)
    x, y = (np.ascontiguousarray(column) for column in layout.xy.T)
    u, v, length = spanning_tree(x, y, layout.box, core, *near)
    rising = np.argsort(length)
    ends = layout.order[np.column_stack([u, v])[rising]]
    return _Linked(Dendrogram(*linkage.link(u, v, length, rising, weight, person)), ends)
