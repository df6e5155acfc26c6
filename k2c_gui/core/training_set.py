"""Instances to a training set: what goes in, at which size, and what is left out and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .model import (
    LABEL_SOURCE,
    NO_LABEL,
    SPLITS,
    STATUS,
    Bools,
    Decision,
    Floats,
    K2CError,
    Label,
    Micrograph,
    Split,
    Table,
    Tally,
    TrainingSet,
    training_dtype,
)
from .standing import alike

BOX_SHARE = 0.8
"""Of the median nearest-neighbour distance: boxes of neighbours overlap little, and hold most of
a particle that touches its neighbour."""

PSEUDO_COUNT = 0.5
"""Votes that every label has before anybody voted. Half a vote is Jeffreys' prior for shares; the
estimate is that of Krichevsky and Trofimov, IEEE Trans. Inf. Theory 27 (1981) 199-207."""

DISAGREE, ALIKE = "experts disagree", "ruled on alike by another expert"
"""Why decisions that share marks stay out."""

Ambiguous = Literal["keep", "drop", "soft"]

SOURCE_OF_DECISION = {
    "single": "expert",
    "bulk": "bulk",
    "adjudicated": "adjudicated",
    "sign-off": "sign-off",
}
"""What `LABEL_SOURCE` calls the sources of decisions."""


def build(
    micrographs: tuple[Micrograph, ...],
    labels: tuple[Label, ...],
    instances: Table,
    *,
    only: frozenset[str] | None,
    in_force: Mapping[str, Decision] | None = None,
    conflicts: Iterable[tuple[str, str]] = (),
    use: frozenset[int] | None = None,
    ambiguous: Ambiguous = "keep",
    box_nm: float | None = None,
    box_px: float | None = None,
) -> TrainingSet:
    """Choose what is exported; all of it is for training until it is split.

    Parameters
    ----------
    micrographs : tuple of Micrograph
    labels : tuple of Label
    instances : structured array
        Of `instance_dtype`, all micrographs together.
    only : frozenset of str or None
        Names of the signed-off micrographs: these alone, and of them the decisions alone. None
        takes every micrograph, and what the consensus proposes too.
    in_force : mapping of str to Decision, optional
        By uid: whose word the label of a decided instance is.
    conflicts : iterable of (str, str)
        Pairs of decisions of `in_force` that share marks, see `Ledger`. Where they differ both
        stay out, where they are alike (see `standing.alike`) the later one does.
    use : frozenset of int, optional
        Values of the labels to train on. Without it: those in use in the session.
    ambiguous : {"keep", "drop", "soft"}
        What becomes of an instance whose leading labels are within the margin, where its label
        is the volunteers' alone (a sign-off does not change that). ``keep``: it goes in with its
        majority, and a tie stays out. ``drop``: both stay out. ``soft``: both go in, and a tie,
        or what the expert kept ambiguous, has a soft label alone.
    box_nm, box_px : float, optional
        Side of the box. Without either: `BOX_SHARE` of the median nearest-neighbour distance.

    Returns
    -------
    TrainingSet

    Raises
    ------
    K2CError
        Nothing is signed off; a label that is none; both sizes given, or one that is not
        positive; a size in nm and a micrograph without a pixel size; no instance to take a size
        from.
    """
    if only is not None and not any(m.name in only for m in micrographs):
        raise K2CError(
            "No micrograph is signed off yet.",
            remedy="Sign off what is complete, or take everything with --include all.",
        )
    labels = _used(labels, use)
    chosen = [i for i, m in enumerate(micrographs) if only is None or m.name in only]
    rows = instances[np.isin(instances["micrograph"], chosen)]
    table = _table(rows, chosen, in_force or {})
    fates = _contested(rows, tuple(conflicts), in_force or {})
    fates |= _fates(rows, table["source"], labels, ambiguous, decided_only=only is not None)
    kept, left_out = _sieve(len(rows), fates)
    if len(chosen) < len(micrographs):
        out = Tally("micrographs", "dropped", "not signed off", len(micrographs) - len(chosen))
        left_out = (out, *left_out)
    unused = np.isin(rows["label"], [label.value for label in labels if not label.use])
    unsure = _any(fates, DISAGREE, ALIKE, "new since sign-off", "ambiguous")
    negative = (unused | fates["rejected by the expert"]) & ~unsure
    training, negatives = _numbered(table[kept], table[negative])
    taken = tuple(micrographs[i] for i in chosen)
    sides, source = _boxes(taken, training, box_nm, box_px)
    split = (SPLITS[0],) * len(taken)
    return TrainingSet(
        *(taken, labels, training, negatives, sides, source, split), left_out=left_out
    )


def soften(votes: NDArray[np.int32]) -> Floats:
    """Soft labels: the volunteers' shares, smoothed so that no label is impossible.

    The mean of the posterior under a symmetric Dirichlet prior of `PSEUDO_COUNT`. Five votes of
    five are .79 of four labels, and a hundred of a hundred .985; without votes all are alike.

    Parameters
    ----------
    votes : (n, n_labels) int

    Returns
    -------
    (n, n_labels) float64
        Rows sum to 1.
    """
    counts = votes + PSEUDO_COUNT
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the split holds.

    Attributes
    ----------
    micrographs : int
    instances : dict of int to int
        By the value of each label in use.
    unlabelled : int
        Instances with a soft label alone.
    negatives : int
    """

    micrographs: int
    instances: dict[int, int]
    unlabelled: int
    negatives: int


def parts(training_set: TrainingSet) -> dict[Split, Part]:
    """What there is in each part of the split, to be shown before anything is written.

    Parameters
    ----------
    training_set : TrainingSet

    Returns
    -------
    dict of str to Part
        In the order of `SPLITS`; all three of them.
    """
    values = [label.value for label in training_set.labels if label.use]
    split = np.array(training_set.split, "U10")
    found = {}
    for part in SPLITS:
        own, no = (
            rows["label"][split[rows["micrograph"]] == part]
            for rows in (training_set.instances, training_set.negatives)
        )
        found[part] = Part(
            int((split == part).sum()),
            {value: int((own == value).sum()) for value in values},
            int((own == NO_LABEL).sum()),
            len(no),
        )
    return found


def _used(labels: tuple[Label, ...], use: frozenset[int] | None) -> tuple[Label, ...]:
    if use is None:
        return labels
    known = {label.value for label in labels}
    if not use or use - known:
        raise K2CError(
            f"There is no label {min(use - known)}." if use else "No label is chosen.",
            remedy=f"The labels are {', '.join(map(str, sorted(known)))}.",
        )
    return tuple(replace(label, use=label.value in use) for label in labels)


def _contested(
    rows: Table, conflicts: Sequence[tuple[str, str]], in_force: Mapping[str, Decision]
) -> dict[str, Bools]:
    """Decisions that share marks: no particle goes in twice, and time does not decide."""
    place = {str(key): i for i, key in enumerate(rows["instance"])} if conflicts else {}
    differ, again = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    for early, late in conflicts:
        if early in place and late in place:
            if alike(in_force[early], in_force[late]):
                again[place[late]] = True
            else:
                differ[[place[early], place[late]]] = True
    return {DISAGREE: differ, ALIKE: again}


def _fates(
    rows: Table,
    source: NDArray[np.int8],
    labels: tuple[Label, ...],
    ambiguous: Ambiguous,
    *,
    decided_only: bool,
) -> dict[str, Bools]:
    """Every reason to leave an instance out; the first that applies is the one that counts."""
    proposed = rows["status"] == STATUS.index("proposed")
    deferred = rows["status"] == STATUS.index("deferred")
    open_case = proposed & (rows["label"] == NO_LABEL)
    voted = rows["votes"].sum(axis=1) > 0
    fates = {"rejected by the expert": rows["status"] == STATUS.index("rejected")}
    if decided_only:
        fates["new since sign-off"] = proposed
    # a soft label says something only where there were votes, and one for what is trained on
    use = np.array([label.use for label in labels], bool)
    leads = rows["votes"] == rows["votes"].max(axis=1, keepdims=True, initial=0)
    soft = voted & (leads & use).any(axis=1) if ambiguous == "soft" else np.zeros(len(rows), bool)
    fates["kept ambiguous by the expert"] = deferred & ~soft
    fates["tie between labels"] = open_case & voted & ~soft
    fates["no votes"] = open_case & ~voted
    for label in labels:
        if not label.use:
            what = f"label {label.value}, {label.name}: not for training"
            fates[what] = rows["label"] == label.value
    if ambiguous == "drop":
        by_votes = [LABEL_SOURCE.index("majority"), LABEL_SOURCE.index("sign-off")]
        fates["ambiguous"] = rows["ambiguous"] & np.isin(source, by_votes)
    return fates


def _any(fates: Mapping[str, Bools], *names: str) -> Bools:
    """Whether one of some reasons applies, as far as they were looked for."""
    found = np.zeros_like(next(iter(fates.values())))
    for name in names:
        found |= fates.get(name, False)
    return found


def _sieve(n: int, fates: Mapping[str, Bools]) -> tuple[Bools, tuple[Tally, ...]]:
    """What passes, and how many stay out for each reason."""
    free = np.ones(n, bool)
    left_out = []
    for what, applies in fates.items():
        if count := int((applies & free).sum()):
            left_out.append(Tally("instances", "dropped", what, count))
        free &= ~applies
    return free, tuple(left_out)


def _table(rows: Table, chosen: list[int], in_force: Mapping[str, Decision]) -> Table:
    """INSTANCE rows as those of a training set, sorted by micrograph, y, x."""
    table = np.zeros(len(rows), training_dtype(rows["votes"].shape[1]))
    same = "x y label n_marks n_volunteers exposure support votes margin ambiguous"
    for name in same.split():
        table[name] = rows[name]
    table["key"] = rows["instance"]
    table["micrograph"] = np.searchsorted(chosen, rows["micrograph"])
    table["soft"] = soften(rows["votes"])
    table["radius"] = np.nan
    for i in np.flatnonzero(rows["status"] != STATUS.index("proposed")):
        decision = in_force.get(str(rows["instance"][i]))
        said = "expert" if decision is None else SOURCE_OF_DECISION[decision.source]
        table["source"][i] = LABEL_SOURCE.index(said)
    return table


def _numbered(training: Table, negatives: Table) -> tuple[Table, Table]:
    """Both in the order of the release, and with its numbers."""
    first = 1
    tables = []
    for table in (training, negatives):
        rows = table[np.lexsort((table["x"], table["y"], table["micrograph"]))]
        rows["instance"] = np.arange(first, first + len(rows))
        first += len(rows)
        tables.append(rows)
    return tables[0], tables[1]


def _refuse_larger(micrographs: tuple[Micrograph, ...], sides: Floats) -> None:
    for micrograph, side in zip(micrographs, sides.tolist(), strict=True):
        if side > max(micrograph.width, micrograph.height):
            raise K2CError(
                f"A box of {side:g} px is larger than {micrograph.name},"
                f" {micrograph.width} x {micrograph.height} px.",
                remedy="Give a smaller one.",
            )


def _boxes(
    micrographs: tuple[Micrograph, ...],
    instances: Table,
    box_nm: float | None,
    box_px: float | None,
) -> tuple[Floats, str]:
    """Side of the box on each micrograph, px, and where it comes from."""
    if box_nm is not None and box_px is not None:
        raise K2CError("Two box sizes are given.", remedy="Give --box-nm or --box-px.")
    for size in (box_nm, box_px):
        if size is not None and not (np.isfinite(size) and size > 0):
            raise K2CError(f"A box of {size} is no box.", remedy="Give a size above 0.")
    if box_nm is not None:
        without = [m.name for m in micrographs if m.pixel_size_nm is None]
        if without:
            raise K2CError(
                f"{len(without)} micrographs have no pixel size, {without[0]} among them.",
                remedy="Set it at import with --pixel-size-nm, or give --box-px.",
            )
        sides = np.array([box_nm / (m.pixel_size_nm or np.nan) for m in micrographs], float)
        _refuse_larger(micrographs, sides)
        return sides, f"{box_nm:g} nm, as given"
    if box_px is not None:
        sides = np.full(len(micrographs), float(box_px))
        _refuse_larger(micrographs, sides)
        return sides, f"{box_px:g} px, as given"
    side = BOX_SHARE * _median_neighbour_distance(instances)
    return np.full(len(micrographs), side), (
        f"{side:.1f} px: {BOX_SHARE:g} x the project's median nearest-neighbour distance"
    )


def _median_neighbour_distance(instances: Table) -> float:
    """Median over all instances of the distance to the nearest one, px."""
    from scipy.spatial import cKDTree

    distances = []
    for micrograph in np.unique(instances["micrograph"]):
        rows = instances[instances["micrograph"] == micrograph]
        xy = np.column_stack([rows["x"], rows["y"]])
        if len(xy) > 1:
            distances.append(np.asarray(cKDTree(xy).query(xy, k=2)[0])[:, 1])
    if not distances:
        raise K2CError(
            "There are not two instances on one micrograph to take a box size from.",
            remedy="Give --box-nm or --box-px.",
        )
    return float(np.median(np.concatenate(distances)))
