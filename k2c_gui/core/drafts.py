"""Edits that the expert sees before they are stored: merged, split and added instances."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from . import clustering, consensus, splitting
from .edits import Basis, Marks, made_from, refuse_outside, refuse_taken
from .ledger import owners
from .model import NO_LABEL, Bools, Decision, Floats, Ints, K2CError, Verdict
from .standing import standing


@dataclass(frozen=True, slots=True)
class Draft:
    """An edit that the expert sees before it is stored.

    Attributes
    ----------
    kind : {"merge", "split", "add"}
    micrograph : str
    parts : tuple of tuples of int
        Marks of each instance that it would make.
    x, y : tuple of float
        px, of each.
    labels : tuple of int or None
        Of each; None: the expert has to say it.
    votes : tuple of tuples of int
        On the marks of each.
    made_from : tuple of tuples of int
        See `Decision`.
    seeds : tuple of (float, float)
        px: where the parts of a split by k-means began; empty for a split by lasso.
    """

    kind: Literal["merge", "split", "add"]
    micrograph: str
    parts: tuple[Marks, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    labels: tuple[int | None, ...]
    votes: tuple[tuple[int, ...], ...] = ()
    made_from: tuple[Marks, ...] = ()
    seeds: tuple[tuple[float, float], ...] = ()


def add(basis: Basis, x: float, y: float, label: int | None = None) -> Draft:
    """Add a particle that nobody marked; the expert's own mark is never grouped.

    Parameters
    ----------
    basis : Basis
    x, y : float
        px.
    label : int, optional

    Returns
    -------
    Draft
        Its mark is a random number below 0, so that experts who work apart never choose the same.

    Raises
    ------
    K2CError
        Outside the micrograph, or where a decision stands.
    """
    refuse_outside(basis, x, y)
    refuse_taken(basis, x, y, hand=True)
    mark = -2 - secrets.randbits(62)  # -1 is no mark
    none = (0,) * len(basis.evidence.labels)
    return Draft("add", basis.evidence.name, ((mark,),), (x,), (y,), (label,), (none,))


def merge(basis: Basis, rows: Sequence[int], label: int | None = None) -> Draft:
    """Make one instance of several, at the mode of all their marks.

    Parameters
    ----------
    basis : Basis
    rows : sequence of int
    label : int, optional
        Without it: the one that the expert gave to some of them; where she gave none, the majority
        of all their votes, if it is to be seen.

    Returns
    -------
    Draft

    Raises
    ------
    K2CError
        Fewer than two.
    """
    if len(rows) < 2:
        raise K2CError("One instance alone cannot be merged.", remedy="Select two or more.")
    marks = tuple(dict.fromkeys(mark for row in rows for mark in basis.free(row)))
    made = (group for row in rows for group in made_from(basis, row))
    given = {label for row in rows for label in _given(basis, row)}
    hidden = any(basis.hidden(row) for row in rows)
    draft = _draft(basis, "merge", (marks,), tuple(dict.fromkeys(made)), label, given, hidden)
    if not len(basis.places(marks)):  # only marks of experts, which have no other place
        x, y = (float(basis.instances[axis][list(rows)].mean()) for axis in "xy")
        draft = replace(draft, x=(x,), y=(y,))
    return draft


def split(
    basis: Basis,
    row: int,
    seeds: int | Sequence[tuple[float, float]] = 2,
    label: int | None = None,
) -> Draft:
    """Part the marks of an instance by k-means, so that no part has two marks of one look.

    Parameters
    ----------
    basis : Basis
    row : int
    seeds : int or sequence of (float, float)
        How many parts, or px where each begins. A number begins with equal shares of the marks
        along their longest extent.
    label : int, optional
        Of all parts; without it that of the decision, and for a proposal the majority of each
        part's votes, if it is to be seen.

    Returns
    -------
    Draft
        Marks that a look has beyond the number of parts are in none.

    Raises
    ------
    K2CError
        Fewer than two parts, or a part without marks.
    """
    k = seeds if isinstance(seeds, int) else len(seeds)
    if k < 2:
        raise K2CError("A split makes two instances or more.")
    marks = basis.evidence.marks[basis.places(basis.free(row))]
    if len(marks) < k:
        raise K2CError(
            f"{len(marks)} marks cannot make {k} instances.", remedy="Choose fewer parts."
        )
    begin = _shares(marks["x"], marks["y"], k) if isinstance(seeds, int) else np.array(seeds, float)
    look = splitting.looks(marks)
    part = splitting.parts(marks["x"], marks["y"], look, begin[:, 0], begin[:, 1])
    draft = _split(basis, row, marks["mark"], part, k, label)
    return replace(draft, seeds=tuple((x, y) for x, y in begin.tolist()))


def _shares(x: Floats, y: Floats, k: int) -> Floats:
    """Means of k equal shares of the marks along their longest extent."""
    xy = np.column_stack([x, y])
    away = xy - xy.mean(axis=0)
    _, axes = np.linalg.eigh(away.T @ away)
    order = np.argsort(away @ axes[:, -1], kind="stable")
    return np.array([xy[own].mean(axis=0) for own in np.array_split(order, k)])


def split_by(basis: Basis, row: int, polygon: Floats, label: int | None = None) -> Draft:
    """Part the marks of an instance into those inside a polygon and those outside.

    Parameters
    ----------
    basis : Basis
    row : int
    polygon : (n, 2) float64
        Corners, px.
    label : int, optional
        Of both parts; without it see `split`.

    Returns
    -------
    Draft

    Raises
    ------
    K2CError
        A part would have no marks.
    """
    marks = basis.evidence.marks[basis.places(basis.free(row))]
    part = (~inside(marks["x"], marks["y"], polygon)).astype(np.int64)
    return _split(basis, row, marks["mark"], part, 2, label)


def _split(basis: Basis, row: int, marks: Ints, part: Ints, k: int, label: int | None) -> Draft:
    parts = tuple(tuple(marks[part == i].tolist()) for i in range(k))
    if not all(parts):
        raise K2CError(
            "A part would have no marks.",
            remedy="Choose fewer parts, or draw around some of the marks.",
        )
    made, given, hidden = made_from(basis, row), _given(basis, row), basis.hidden(row)
    return _draft(basis, "split", parts, made, label, given, hidden)


def _given(basis: Basis, row: int) -> set[int | None]:
    """The label that a decision has, None for one that has none or is withheld."""
    old = basis.decision(row)
    return set() if old is None else {None if basis.hidden(row) else old.label}


def _draft(
    basis: Basis,
    kind: Literal["merge", "split"],
    parts: tuple[Marks, ...],
    made_from: tuple[Marks, ...],
    label: int | None,
    given: set[int | None],
    hidden: bool,
) -> Draft:
    """Parts at the mode of their marks, with the label of the expert or else of the majority.

    `given` are the labels of the decisions that the parts are made of; None is one without. What
    is made of a hidden case does not tell its majority, however clear that of a part alone is.
    """
    evidence, params = basis.evidence, basis.grouping.params
    part = np.full(len(evidence.marks), -1, np.int64)
    for i, own in enumerate(parts):
        part[basis.places(own)] = i
    votes = consensus.tally(
        evidence.votes, evidence.mark_of_vote, evidence.marks, part, len(parts), evidence.labels
    )
    proposed, _, ambiguous = consensus.headline(votes, evidence.labels, params.margin)
    seen = (proposed != NO_LABEL) & ~(basis.blind & ambiguous) & (not hidden)
    labels: list[int | None] = [
        int(v) if ok else None for v, ok in zip(proposed, seen, strict=True)
    ]
    if label is not None or given:
        # experts who disagree, or who kept it ambiguous, are not outvoted
        one = label if label is not None else next(iter(given)) if len(given) == 1 else None
        labels = [one] * len(parts)
    x, y, _ = clustering.centroids(evidence.marks["x"], evidence.marks["y"], part, params.centroid)
    return Draft(
        kind,
        evidence.name,
        parts,
        tuple(x.tolist()),
        tuple(y.tolist()),
        tuple(labels),
        tuple(tuple(row) for row in votes.tolist()),
        made_from,
    )


def rulings(
    draft: Draft,
    basis: Basis,
    verdict: Verdict = "label",
    label: int | None = None,
    *,
    at: str,
    shown_at: str = "",
    note: str = "",
    reason: str = "",
) -> tuple[Decision, ...]:
    """Make decisions of a draft, to be stored as one step.

    Parameters
    ----------
    draft : Draft
    basis : Basis
        That it was made on.
    verdict : {"label", "defer", "reject"}
    label : int, optional
        Of all parts; without it those of the draft.
    at, shown_at : str
    note, reason : str

    Returns
    -------
    tuple of Decision

    Raises
    ------
    K2CError
        A part has no label yet.
    """
    between = standing(basis.ledger, draft.micrograph).contested
    named = (mark for own in draft.parts for mark in own)
    contested = any(uid in between for mark in named for uid in owners(basis.ledger, mark))
    labels = draft.labels if label is None else (label,) * len(draft.parts)
    if verdict != "label":
        labels = (None,) * len(draft.parts)
    elif None in labels:
        raise K2CError(
            "The label is not clear: the votes are tied, hidden or missing.",
            remedy="Press the key of a label, or Esc to leave everything as it was.",
        )
    return tuple(
        Decision(
            micrograph=draft.micrograph,
            marks=marks,
            verdict=verdict,
            label=one,
            x=x,
            y=y,
            shown_at=shown_at,
            decided_at=at,
            source="adjudicated" if contested else "single",
            note=note,
            reason=reason,
            votes=votes,
            params=basis.grouping.params,
            made_from=draft.made_from,
        )
        for marks, one, x, y, votes in zip(
            draft.parts, labels, draft.x, draft.y, draft.votes, strict=True
        )
    )


def inside(x: Floats, y: Floats, polygon: Floats) -> Bools:
    """Tell which points lie in a polygon, by the even-odd rule.

    Parameters
    ----------
    x, y : (n,) float64
    polygon : (k, 2) float64
        Corners; it closes by itself.

    Returns
    -------
    (n,) bool
    """
    found = np.zeros(len(x), bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y0 != y1:
            crosses = (y0 > y) != (y1 > y)
            found ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return found
