"""Train, validation and test: by micrograph, because tiles and neighbours of one would leak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isclose, isfinite

import numpy as np

from .model import NO_LABEL, SPLITS, Floats, Ints, K2CError, TrainingSet

DRAWS = 2000
"""Divisions that are tried. Of 94 micrographs the best of 2000 has every label of every part
within a few per cent of what it should have; more draws gain next to nothing."""


def split(
    training_set: TrainingSet,
    *,
    ratios: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    test: Sequence[str] = (),
) -> TrainingSet:
    """Divide the micrographs, so that each part has its share of every label.

    The number of micrographs in each part follows from the ratios alone. Of `DRAWS` random
    divisions with these numbers the one is taken whose label counts are nearest to their share,
    by Pearson's chi-squared; the aim is that of Sechidis et al., ECML PKDD 2011, LNCS 6913,
    145-158, who stratify rows of several labels.

    Parameters
    ----------
    training_set : TrainingSet
        Not tiled yet.
    ratios : sequence of float
        Shares of the micrographs for train, validation and test; they sum to 1.
    seed : int
        The same seed divides the same micrographs alike.
    test : sequence of str
        Names of the micrographs to test on: these and no others. The rest is divided between
        train and validation.

    Returns
    -------
    TrainingSet
        With `split` and `split_source`.

    Raises
    ------
    K2CError
        Ratios that are none, a negative seed, a test micrograph that is not there, or nothing
        left to train on.
    """
    names = [m.name for m in training_set.micrographs]
    shares = _shares(ratios, names, test)
    if seed < 0:
        raise K2CError(f"The seed is {seed}.", remedy="Give 0 or more.")
    free = np.array([i for i, name in enumerate(names) if name not in set(test)], int)
    sizes = _sizes(len(free), shares)
    part = np.full(len(names), SPLITS.index("test"))
    part[free] = _stratified(_table(training_set)[free], sizes, seed)
    given = f"test on {len(set(test))} given micrographs; " if test else ""
    how = (
        f"{given}by micrograph, stratified by label counts, seed {seed},"
        f" ratios {', '.join(f'{share:g}' for share in shares)}"
    )
    missing = [s for s, size, share in zip(SPLITS, sizes, shares, strict=True) if share > size == 0]
    if missing:
        how += f"; too few micrographs for {' and '.join(missing)}"
    return replace(training_set, split=tuple(SPLITS[i] for i in part), split_source=how)


def _shares(ratios: Sequence[float], names: Sequence[str], test: Sequence[str]) -> list[float]:
    shares = [float(ratio) for ratio in ratios]
    if (
        len(shares) != len(SPLITS)
        or not all(isfinite(share) and share >= 0 for share in shares)
        or not isclose(sum(shares), 1, abs_tol=1e-6)
        or not shares[0]
    ):
        raise K2CError(
            f"A split of {', '.join(f'{share:g}' for share in shares)} is none.",
            remedy="Give three shares that sum to 1, such as 0.8,0.1,0.1; the first above 0.",
        )
    if unknown := sorted(set(test) - set(names)):
        raise K2CError(
            f"The test micrograph {unknown[0]} is not among those exported.",
            remedy="Name one that is, or sign it off first.",
        )
    if test:
        if set(test) == set(names):
            raise K2CError(
                "Every micrograph is for testing.", remedy="Leave one or more to train on."
            )
        rest = shares[0] + shares[1]
        shares = [shares[0] / rest, shares[1] / rest, 0.0]
    return shares


def _sizes(n: int, shares: Sequence[float]) -> list[int]:
    """Micrographs of each part: by largest remainder, and one at least where there are enough.

    With fewer micrographs than parts, training comes first, then the largest share.
    """
    wanted = [i for i, share in enumerate(shares) if share]
    wanted.sort(key=lambda i: (i != 0, -shares[i], i))
    sizes = [int(i in wanted[:n]) for i in range(len(shares))]
    for _ in range(n - sum(sizes)):
        short = [n * share - size for share, size in zip(shares, sizes, strict=True)]
        sizes[short.index(max(short))] += 1
    return sizes


def _table(training_set: TrainingSet) -> Ints:
    """Instances by micrograph and label; those with a soft label alone are one label more."""
    values = [*(label.value for label in training_set.labels if label.use), NO_LABEL]
    table = np.zeros((len(training_set.micrographs), len(values)), np.int64)
    rows = training_set.instances
    np.add.at(table, (rows["micrograph"], np.searchsorted(np.sort(values), rows["label"])), 1)
    return table


def _stratified(counts: Ints, sizes: Sequence[int], seed: int) -> Ints:
    """Part of each micrograph: the best of many draws."""
    n = len(counts)
    counts = counts[:, counts.sum(axis=0) > 0]
    expected = np.outer(np.array(sizes) / max(1, n), counts.sum(axis=0))
    ends = np.cumsum([0, *sizes])
    rng = np.random.default_rng(seed)
    nothing = np.zeros((1, counts.shape[1]), np.int64)  # where the last part is empty
    best, least = np.arange(n), np.inf
    for _ in range(DRAWS if n > 1 else 1):
        order = rng.permutation(n)
        sums = np.add.reduceat(np.vstack([counts[order], nothing]), ends[:-1], axis=0)
        sums[np.diff(ends) == 0] = 0
        if (far := _chi_squared(sums, expected)) < least:
            best, least = order, far
    part = np.empty(n, np.int64)
    part[best] = np.repeat(np.arange(len(sizes)), sizes)
    return part


def _chi_squared(found: Ints, expected: Floats) -> float:
    there = expected > 0
    return float((np.square(found[there] - expected[there]) / expected[there]).sum())
