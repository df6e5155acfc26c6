"""Agreement of two rulings beyond chance.

Cohen: A coefficient of agreement for nominal scales, Educational and Psychological Measurement
20 (1960) 37-46. The interval is Efron's percentile bootstrap (Annals of Statistics 7 (1979) 1-26;
Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13), drawn over micrographs:
instances of one micrograph share its contrast and are not independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from .model import Decision, Floats, Ints, K2CError, Label

RESAMPLES = 2000
INTERVAL = 0.95


@dataclass(frozen=True, slots=True)
class Kappa:
    """How far two rulings on the same instances agree.

    Attributes
    ----------
    confusion : (k, k) int64
        Instances, by the first ruling and the second.
    n : int
    agreement : float
        Share of equal rulings; nan without instances.
    kappa : float
        Cohen's; nan where it is not defined.
    low, high : float
        Of the 95 % interval; nan where there is none.
    why : str
        Why something is nan; empty when nothing is.
    """

    confusion: Ints
    n: int
    agreement: float
    kappa: float
    low: float
    high: float
    why: str = ""


def categories(labels: Sequence[Label]) -> tuple[str, ...]:
    """Names of what a ruling can be: the labels, then kept ambiguous, then rejected."""
    return (*(f"{label.value} {label.name}" for label in labels), "kept ambiguous", "rejected")


def category(decision: Decision, labels: Sequence[Label]) -> int:
    """Place of a ruling in `categories`.

    Raises
    ------
    K2CError
        It has a label that is none of these.
    """
    if decision.verdict != "label":
        return len(labels) + ("defer", "reject").index(decision.verdict)
    for place, label in enumerate(labels):
        if label.value == decision.label:
            return place
    raise K2CError(f"A decision on {decision.micrograph} has the label {decision.label}.")


def kappa(
    first: Ints,
    second: Ints,
    micrograph: Ints,
    n_categories: int,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Kappa:
    """Compare two rulings on each of some instances.

    Parameters
    ----------
    first, second : (n,) int64
        Categories, from 0.
    micrograph : (n,) int64
        That each instance is on: what is resampled.
    n_categories : int
    resamples, seed : int
        Of the bootstrap. Resamples in which kappa is not defined are left out of it.

    Returns
    -------
    Kappa
    """
    names, place = np.unique(micrograph, return_inverse=True)
    tables = np.zeros((len(names), n_categories, n_categories), np.int64)
    np.add.at(tables, (place, first, second), 1)
    confusion = tables.sum(axis=0)
    n = len(first)
    if not n:
        return Kappa(confusion, 0, nan, nan, nan, nan, "there is nothing to compare")
    agreement, found = float(np.trace(confusion)) / n, float(_kappa(confusion))
    if np.isnan(found):
        return Kappa(confusion, n, agreement, nan, nan, nan, "every ruling was the same")
    if len(names) < 2:
        why = "an interval needs two micrographs or more"
        return Kappa(confusion, n, agreement, found, nan, nan, why)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), resamples)
    drawn = _kappa(np.tensordot(times, tables, 1))
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return Kappa(confusion, n, agreement, found, nan, nan, "no resample had two categories")
    low, high = np.quantile(drawn, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2])
    return Kappa(confusion, n, agreement, found, float(low), float(high))


def _kappa(confusion: Ints) -> Floats:
    """Kappa of (..., k, k) tables; nan where one category is all that both used."""
    n = confusion.sum(axis=(-2, -1))
    expected = (confusion.sum(axis=-1) * confusion.sum(axis=-2)).sum(axis=-1)
    observed = n * np.trace(confusion, axis1=-2, axis2=-1)
    beyond = np.asarray(n * n - expected)
    found = np.full(beyond.shape, nan)
    np.divide(observed - expected, beyond, out=found, where=beyond > 0)
    return found
