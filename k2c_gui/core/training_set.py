"""Instances to a training set: what goes in, at which size, and what is left out and why."""

from __future__ import annotations

import numpy as np

from .model import (
    NO_LABEL,
    STATUS,
    Floats,
    K2CError,
    Label,
    Micrograph,
    Table,
    Tally,
    TrainingSet,
)

BOX_SHARE = 0.8
"""Of the median nearest-neighbour distance: boxes of neighbours overlap little, and hold most of
a particle that touches its neighbour."""


def build(
    micrographs: tuple[Micrograph, ...],
    labels: tuple[Label, ...],
    instances: Table,
    *,
    only: frozenset[str] | None,
    box_nm: float | None = None,
    box_px: float | None = None,
) -> TrainingSet:
    """Choose what is exported.

    Parameters
    ----------
    micrographs : tuple of Micrograph
    labels : tuple of Label
    instances : structured array
        Of `instance_dtype`, all micrographs together.
    only : frozenset of str or None
        Names of the signed-off micrographs: these alone, and of them the decisions alone. None
        takes every micrograph, and what the consensus proposes too.
    box_nm, box_px : float, optional
        Side of the box. Without either: `BOX_SHARE` of the median nearest-neighbour distance.

    Returns
    -------
    TrainingSet

    Raises
    ------
    K2CError
        Nothing is signed off; both sizes given, or one that is not positive; a size in nm and
        a micrograph without a pixel size; no instance to take a size from.
    """
    if only is not None and not only:
        raise K2CError(
            "No micrograph is signed off yet.",
            remedy="Sign off what is complete, or take everything with --include all.",
        )
    chosen = [i for i, m in enumerate(micrographs) if only is None or m.name in only]
    kept, left_out = _choose(instances, labels, chosen, decided_only=only is not None)
    taken = tuple(micrographs[i] for i in chosen)
    sides, source = _boxes(taken, kept, box_nm, box_px)
    return TrainingSet(taken, labels, kept, sides, source, left_out)


def _choose(
    instances: Table, labels: tuple[Label, ...], chosen: list[int], *, decided_only: bool
) -> tuple[Table, tuple[Tally, ...]]:
    """Instances that go in, renumbered by micrograph and sorted by micrograph, y, x."""
    rows = instances[np.isin(instances["micrograph"], chosen)]
    status = np.array(STATUS)[rows["status"]]
    fates = {
        "rejected by the expert": status == "rejected",
        "kept ambiguous by the expert": status == "deferred",
        "new since sign-off": (status == "proposed") & decided_only,
    }
    open_case = (status == "proposed") & (rows["label"] == NO_LABEL)
    voted = rows["votes"].sum(axis=1) > 0
    fates["tie between labels"] = open_case & voted
    fates["no votes"] = open_case & ~voted
    for label in labels:
        if not label.use:
            fates[f"label {label.value}, {label.name}: not for training"] = (
                rows["label"] == label.value
            )
    free = np.ones(len(rows), bool)
    left_out = []
    for what, applies in fates.items():
        if count := int((applies & free).sum()):
            left_out.append(Tally("instances", "dropped", what, count))
        free &= ~applies
    kept = rows[free]
    kept["micrograph"] = np.searchsorted(chosen, kept["micrograph"])
    return kept[np.lexsort((kept["x"], kept["y"], kept["micrograph"]))], tuple(left_out)


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
        sides = [box_nm / m.pixel_size_nm for m in micrographs if m.pixel_size_nm]
        return np.array(sides, float), f"{box_nm:g} nm, as given"
    if box_px is not None:
        return np.full(len(micrographs), float(box_px)), f"{box_px:g} px, as given"
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
