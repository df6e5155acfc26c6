"""Splits: by micrograph, alike in every label, and the same for the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.core import splits
from k2c_gui.core.model import (
    NO_LABEL,
    SPLITS,
    K2CError,
    Label,
    Micrograph,
    TrainingSet,
    training_dtype,
)

LABELS = (Label(0, "Particle", True), Label(1, "Dirt", False), Label(4, "Rod", True))
VALUES = (0, 4, NO_LABEL)


def training_set(counts: Any) -> TrainingSet:
    """Instances by micrograph (rows) and by 0, 4 and no label (columns)."""
    counts = np.atleast_2d(np.asarray(counts, int))
    rows = np.zeros(counts.sum(), training_dtype(len(LABELS)))
    micrograph, label = np.indices(counts.shape)
    rows["micrograph"] = np.repeat(micrograph.ravel(), counts.ravel())
    rows["label"] = np.repeat(np.array(VALUES)[label.ravel()], counts.ravel())
    micrographs = tuple(Micrograph(f"m{i}", "", 100, 100) for i in range(len(counts)))
    return TrainingSet(
        micrographs, LABELS, rows, rows[:0], np.ones(len(counts)), "", (SPLITS[0],) * len(counts)
    )


def sizes(found: TrainingSet) -> list[int]:
    return [found.split.count(part) for part in SPLITS]


def shares(found: TrainingSet, label: int) -> list[float]:
    """Share of a label in each part."""
    split = np.array(found.split)[found.instances["micrograph"]]
    of_label = split[found.instances["label"] == label]
    return [float((of_label == part).mean()) for part in SPLITS]


@pytest.mark.parametrize(
    ("n", "ratios", "expected", "said"),
    [
        (0, (0.8, 0.1, 0.1), [0, 0, 0], "too few micrographs for train and validation and test"),
        (1, (0.8, 0.1, 0.1), [1, 0, 0], "too few micrographs for validation and test"),
        (2, (0.8, 0.1, 0.1), [1, 1, 0], "too few micrographs for test"),
        (2, (0.7, 0.1, 0.2), [1, 0, 1], "too few micrographs for validation"),
        (3, (0.8, 0.1, 0.1), [1, 1, 1], ""),
        (4, (0.8, 0.1, 0.1), [2, 1, 1], ""),
        (10, (0.8, 0.1, 0.1), [8, 1, 1], ""),
        (94, (0.8, 0.1, 0.1), [75, 10, 9], ""),
        (5, (1, 0, 0), [5, 0, 0], ""),
        (5, (0.6, 0, 0.4), [3, 0, 2], ""),
    ],
)
def test_sizes_follow_the_ratios(
    n: int, ratios: tuple[float, ...], expected: list[int], said: str
) -> None:
    found = splits.split(training_set(np.ones((n, 3))), ratios=ratios)
    assert sizes(found) == expected
    assert ("too few" in found.split_source) == bool(said)
    assert said in found.split_source


def test_every_part_has_its_share_of_every_label() -> None:
    rng = np.random.default_rng(3)
    counts = np.column_stack(
        [rng.poisson(150, 94), rng.negative_binomial(1, 0.05, 94), np.zeros(94, int)]
    )
    found = splits.split(training_set(counts))
    by_chance = splits.split(training_set(np.zeros((94, 3))))
    wanted = np.array(sizes(found)) / 94
    for label in (0, 4):
        np.testing.assert_allclose(shares(found, label), wanted, atol=0.015)
    # a division that does not know the counts is far from that: the rod is clumped
    chance = np.array(by_chance.split)[training_set(counts).instances["micrograph"]]
    rods = chance[training_set(counts).instances["label"] == 4]
    assert (
        max(abs((rods == part).mean() - w) for part, w in zip(SPLITS, wanted, strict=True)) > 0.02
    )


def test_a_rare_label_reaches_every_part() -> None:
    counts = np.zeros((30, 3), int)
    counts[:, 0] = 100
    counts[[3, 11, 27], 1] = 5
    found = splits.split(training_set(counts), ratios=(0.4, 0.3, 0.3))
    assert min(shares(found, 4)) > 0


@given(
    st.lists(st.tuples(*[st.integers(0, 9)] * 3), min_size=1, max_size=12),
    st.integers(0, 5),
    st.data(),
)
@settings(deadline=None, max_examples=25)
def test_laws(counts: list[tuple[int, ...]], seed: int, data: st.DataObject) -> None:
    given_ = training_set(counts)
    names = [m.name for m in given_.micrographs]
    test = data.draw(st.lists(st.sampled_from(names), max_size=len(names) - 1, unique=True))
    found = splits.split(given_, seed=seed, test=test)
    assert found == splits.split(given_, seed=seed, test=test)
    assert len(found.split) == len(names)
    assert set(found.split) <= set(SPLITS)
    assert "train" in found.split
    tested = [n for n, part in zip(names, found.split, strict=True) if part == "test"]
    if test:
        assert sorted(tested) == sorted(test)
        assert f"test on {len(test)} given" in found.split_source
    elif len(names) >= 3:
        assert set(found.split) == set(SPLITS)
    np.testing.assert_array_equal(found.instances, given_.instances)


def test_another_seed_divides_otherwise() -> None:
    given_ = training_set(np.ones((20, 3)))
    divided = {splits.split(given_, seed=seed).split for seed in range(4)}
    assert len(divided) == 4


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"ratios": (0.8, 0.2)}, r"0\.8, 0\.2 is none.*three shares"),
        ({"ratios": (0.8, 0.1, 0.2)}, "sum to 1"),
        ({"ratios": (1.2, -0.1, -0.1)}, "sum to 1"),
        ({"ratios": (0, 0.5, 0.5)}, "the first above 0"),
        ({"ratios": (float("nan"), 0.5, 0.5)}, "sum to 1"),
        ({"seed": -1}, "seed is -1"),
        ({"test": ["m0", "nowhere"]}, "nowhere is not among those"),
        ({"test": ["m0", "m1"]}, "Every micrograph is for testing"),
    ],
)
def test_refusals(about: dict[str, Any], told: str) -> None:
    with pytest.raises(K2CError, match=told):
        splits.split(training_set(np.ones((2, 3))), **about)
