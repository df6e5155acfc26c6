from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.core import training_set
from k2c_gui.core.model import (
    NO_LABEL,
    STATUS,
    K2CError,
    Label,
    Micrograph,
    Table,
    TrainingSet,
    instance_dtype,
)

LABELS = tuple(
    Label(value, name, use)
    for value, name, use in (
        (0, "Nanoparticle", True),
        (1, "Cluster", True),
        (2, "Artifact", False),
        (5, "Nothing", False),
    )
)
MICROGRAPHS = tuple(
    Micrograph(name, name, 1000, 1000, size)
    for name, size in (("a", 0.5), ("b", 0.25), ("c", None))
)


def instance(
    micrograph: int = 0,
    x: float = 0.0,
    y: float = 0.0,
    label: int = 0,
    status: str = "decided",
    votes: tuple[int, ...] = (3, 0, 0, 0),
    name: str = "",
) -> Table:
    row = np.zeros(1, instance_dtype(len(LABELS)))
    row["micrograph"], row["x"], row["y"], row["label"] = micrograph, x, y, label
    row["status"], row["votes"], row["instance"] = STATUS.index(status), votes, name
    return row


def table(*rows: Table) -> Table:
    return np.concatenate([instance()[:0], *rows])


def build(rows: Table, only: frozenset[str] | None = None, **about: Any) -> TrainingSet:
    return training_set.build(MICROGRAPHS, LABELS, rows, only=only, **(about or {"box_px": 10.0}))


def fates(found: TrainingSet) -> dict[str, int]:
    return {tally.what: tally.count for tally in found.left_out}


EVERY_CASE = table(
    instance(name="decided"),
    instance(status="proposed", name="proposed"),
    instance(status="rejected", label=NO_LABEL),
    instance(status="deferred", label=NO_LABEL),
    instance(status="proposed", label=NO_LABEL, votes=(2, 2, 0, 0)),
    instance(status="proposed", label=NO_LABEL, votes=(0, 0, 0, 0)),
    instance(status="proposed", label=2),
    instance(status="decided", label=5),
    instance(status="decided", label=0, votes=(0, 0, 0, 0), name="no votes but decided"),
)


def test_everything_but_the_undecidable_and_the_unused() -> None:
    found = build(EVERY_CASE)
    assert sorted(found.instances["instance"]) == ["decided", "no votes but decided", "proposed"]
    assert fates(found) == {
        "rejected by the expert": 1,
        "kept ambiguous by the expert": 1,
        "tie between labels": 1,
        "no votes": 1,
        "label 2, Artifact: not for training": 1,
        "label 5, Nothing: not for training": 1,
    }


def test_of_signed_off_micrographs_the_decisions_alone() -> None:
    found = build(EVERY_CASE, only=frozenset("a"))
    assert sorted(found.instances["instance"]) == ["decided", "no votes but decided"]
    assert fates(found) == {
        "rejected by the expert": 1,
        "kept ambiguous by the expert": 1,
        "new since sign-off": 4,
        "label 5, Nothing: not for training": 1,
    }


def test_micrographs_that_are_not_signed_off_stay_out() -> None:
    rows = table(*(instance(m, name=f"{m}") for m in (2, 0, 1)))
    found = build(rows, only=frozenset({"c", "a"}))
    assert [m.name for m in found.micrographs] == ["a", "c"]
    assert found.instances["instance"].tolist() == ["0", "2"]
    assert found.instances["micrograph"].tolist() == [0, 1]
    assert found.left_out == ()
    assert len(found.box_px) == 2


row_of = st.builds(
    instance,
    micrograph=st.integers(0, 2),
    x=st.integers(0, 9).map(float),
    y=st.integers(0, 9).map(float),
    label=st.sampled_from([0, 1, 2, 5]),
    status=st.sampled_from(STATUS),
    votes=st.sampled_from([(3, 0, 0, 0), (0, 2, 2, 0), (0, 0, 0, 0)]),
)


def settled(row: Table) -> Table:
    """Give a row the label that goes with its status and votes."""
    first, second = np.sort(row["votes"][0])[::-1][:2]
    kind = STATUS[row["status"][0]]
    if kind in ("rejected", "deferred") or (kind == "proposed" and first == second):
        row["label"] = NO_LABEL
    return row


@given(
    st.lists(row_of.map(settled), max_size=30),
    st.none() | st.sets(st.sampled_from("abc"), min_size=1).map(frozenset),
)
@settings(deadline=None, max_examples=100)
def test_every_instance_is_kept_or_left_out_for_one_reason(
    rows: list[Table], only: frozenset[str] | None
) -> None:
    given_ = table(*rows)
    found = build(given_, only)
    chosen = [i for i, m in enumerate(MICROGRAPHS) if only is None or m.name in only]
    n = int(np.isin(given_["micrograph"], chosen).sum())
    assert len(found.instances) + sum(fates(found).values()) == n
    assert all(tally.count > 0 and tally.fate == "dropped" for tally in found.left_out)
    kept = found.instances
    used = {label.value for label in LABELS if label.use}
    assert set(kept["label"].tolist()) <= used
    statuses = {STATUS[s] for s in kept["status"]}
    assert statuses <= ({"decided"} if only else {"decided", "proposed"})
    order = list(zip(kept["micrograph"], kept["y"], kept["x"], strict=True))
    assert order == sorted(order)
    assert kept["micrograph"].max(initial=0) < max(1, len(found.micrographs))


def brute_force_median(rows: Table) -> float:
    nearest = []
    for one in range(len(rows)):
        others = [
            float(np.hypot(rows["x"][one] - rows["x"][i], rows["y"][one] - rows["y"][i]))
            for i in range(len(rows))
            if i != one and rows["micrograph"][i] == rows["micrograph"][one]
        ]
        nearest += [min(others)] if others else []
    return float(np.median(nearest))


@pytest.mark.parametrize("seed", range(4))
def test_box_is_a_share_of_the_median_distance_between_neighbours(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spots = rng.uniform(0, 1000, (40, 2))
    # one alone on its micrograph has no neighbour
    rows = table(instance(2), *(instance(i % 2, x, y) for i, (x, y) in enumerate(spots)))
    found = build(rows, box_px=None)
    side = 0.8 * brute_force_median(rows)
    np.testing.assert_allclose(found.box_px, [side] * 3)
    assert found.box_source.startswith(f"{side:.1f} px: 0.8 x the project's median")


def test_box_is_measured_between_what_is_exported() -> None:
    rows = table(instance(x=0), instance(x=10), instance(x=1, label=5), instance(x=9, label=5))
    assert build(rows, box_px=None).box_px[0] == 8.0


def test_box_in_nm_is_as_many_pixels_as_each_micrograph_has() -> None:
    found = build(table(instance(0), instance(1)), only=frozenset("ab"), box_nm=20.0)
    assert found.box_px.tolist() == [40.0, 80.0]
    assert found.box_source == "20 nm, as given"


def test_box_in_px_is_the_same_everywhere() -> None:
    found = build(table(instance(2)), box_px=12.5)
    assert found.box_px.tolist() == [12.5, 12.5, 12.5]
    assert found.box_source == "12.5 px, as given"


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"only": frozenset()}, "No micrograph is signed off yet.*--include all"),
        ({"box_nm": 5.0, "box_px": 5.0}, "Two box sizes"),
        ({"box_nm": 0.0}, "Give a size above 0"),
        ({"box_px": -1.0}, "Give a size above 0"),
        ({"box_px": float("nan")}, "Give a size above 0"),
        ({"box_nm": float("inf")}, "Give a size above 0"),
        ({"box_nm": 5.0}, "1 micrographs have no pixel size, c among them"),
        ({"only": frozenset("b"), "box_px": None}, "not two instances on one micrograph"),
        ({"box_px": None}, "not two instances on one micrograph"),
    ],
)
def test_refusals(about: dict[str, Any], told: str) -> None:
    rows = table(instance(0), instance(1), instance(0, x=5.0, label=5))
    with pytest.raises(K2CError, match=told):
        build(rows, **about)


def test_pixel_size_is_asked_only_of_what_is_exported() -> None:
    assert build(table(instance(0)), only=frozenset("a"), box_nm=5.0).box_px.tolist() == [10.0]


def test_nothing_to_export_is_no_fault_with_a_box_given() -> None:
    found = build(table(), box_px=5.0)
    assert len(found.instances) == 0
    assert found.micrographs == MICROGRAPHS
