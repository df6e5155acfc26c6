"""The volunteers' joint answer to "what is it?", before an expert."""

from __future__ import annotations

import numpy as np

from .model import NO_LABEL, NO_MARK, Bools, Floats, Ints, Label, Table


def attach(votes: Table, marks: Table, radius: float) -> Ints:
    """Find the mark that each vote belongs to.

    A vote names its mark, or it has only a position (the volunteers were shown a spot, not a
    mark) and belongs to the nearest mark that counts, if that is within the radius.

    Parameters
    ----------
    votes : (n_votes,) VOTE
    marks : (n_marks,) MARK
        Of the same micrograph, in rising order of ``mark``.
    radius : float
        px.

    Returns
    -------
    (n_votes,) int64
        Place in `marks`; -1 for a vote that does not count or whose mark is not there.
    """
    place = np.full(len(votes), -1, np.int64)
    if not len(marks):
        return place
    named = votes["counted"] & (votes["mark"] != NO_MARK)
    found = np.searchsorted(marks["mark"], votes["mark"][named])
    found[found == len(marks)] = 0
    place[named] = np.where(marks["mark"][found] == votes["mark"][named], found, -1)

    unnamed = np.flatnonzero(votes["counted"] & (votes["mark"] == NO_MARK))
    candidates = np.flatnonzero(marks["counted"])
    if len(unnamed) and len(candidates):
        from scipy.spatial import cKDTree

        tree = cKDTree(np.column_stack([marks["x"][candidates], marks["y"][candidates]]))
        at = np.column_stack([votes["x"][unnamed], votes["y"][unnamed]])
        distance, nearest = tree.query(at)
        near = np.asarray(distance) <= radius
        place[unnamed[near]] = candidates[np.asarray(nearest)[near]]
    return place


def tally(
    votes: Table,
    place: Ints,
    marks: Table,
    group_of_mark: Ints,
    n_groups: int,
    labels: tuple[Label, ...],
) -> Ints:
    """Count the votes of each group's marks, a label.

    A marking tool that says what the thing is counts as a vote of the one who marked.

    Parameters
    ----------
    votes : (n_votes,) VOTE
    place : (n_votes,) int64
        See `attach`.
    marks : (n_marks,) MARK
    group_of_mark : (n_marks,) int64
        -1 for marks in no group.
    n_groups : int
    labels : tuple of Label
        In rising order of value.

    Returns
    -------
    (n_groups, n_labels) int64
    """
    values = np.array([label.value for label in labels])
    cast = place >= 0
    tooled = marks["label"] != NO_LABEL
    group = np.concatenate([group_of_mark[place[cast]], group_of_mark[tooled]])
    label = np.concatenate([votes["label"][cast], marks["label"][tooled]])
    column = np.searchsorted(values, label[group >= 0])
    cell = group[group >= 0] * len(values) + column
    return np.bincount(cell, minlength=n_groups * len(values)).reshape(n_groups, len(values))


def headline(counts: Ints, labels: tuple[Label, ...], margin: float) -> tuple[Ints, Floats, Bools]:
    """Name the label with the most votes, and say how clear the case is.

    The label is the plain majority of the pooled votes, as the project published it. A tie is
    never resolved here: that is the expert's.

    Parameters
    ----------
    counts : (n, n_labels) int64
    labels : tuple of Label
        In rising order of value.
    margin : float
        At most this much between the first two is ambiguous.

    Returns
    -------
    label : (n,) int64
        `NO_LABEL` for a tie and for no votes.
    margin : (n,) float64
        (first - second) / votes; nan without votes.
    ambiguous : (n,) bool
        Never without votes: there is nothing to be torn between.
    """
    values = np.array([label.value for label in labels], np.int64)
    ranked = np.sort(counts, axis=1)[:, ::-1]
    second = ranked[:, 1] if ranked.shape[1] > 1 else np.zeros(len(counts), np.int64)
    total = counts.sum(axis=1)
    lead = ranked[:, 0] - second
    share = np.divide(lead, total, out=np.full(len(counts), np.nan), where=total > 0)
    label = np.where(lead > 0, values[counts.argmax(axis=1)], NO_LABEL)
    return label, share, (total > 0) & (share <= margin)
