from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.core import training_set
from k2c_gui.core.model import (
    LABEL_SOURCE,
    NO_LABEL,
    SPLITS,
    STATUS,
    Decision,
    K2CError,
    Label,
    Micrograph,
    Table,
    Tally,
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
    ambiguous: bool = False,
) -> Table:
    row = np.zeros(1, instance_dtype(len(LABELS)))
    row["micrograph"], row["x"], row["y"], row["label"] = micrograph, x, y, label
    row["status"], row["votes"], row["instance"] = STATUS.index(status), votes, name
    row["ambiguous"] = ambiguous
    return row


def table(*rows: Table) -> Table:
    return np.concatenate([instance()[:0], *rows])


def build(rows: Table, only: frozenset[str] | None = None, **about: Any) -> TrainingSet:
    return training_set.build(MICROGRAPHS, LABELS, rows, only=only, **(about or {"box_px": 10.0}))


def fates(found: TrainingSet) -> dict[str, int]:
    return {tally.what: tally.count for tally in found.left_out if tally.source == "instances"}


def keys(rows: Table) -> list[str]:
    return sorted(rows["key"].tolist())


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
    assert keys(found.instances) == ["decided", "no votes but decided", "proposed"]
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
    assert keys(found.instances) == ["decided", "no votes but decided"]
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
    assert found.instances["key"].tolist() == ["0", "2"]
    assert found.instances["micrograph"].tolist() == [0, 1]
    assert found.left_out == (Tally("micrographs", "dropped", "not signed off", 1),)
    assert len(found.box_px) == 2


def sources(rows: Table) -> list[str]:
    return [LABEL_SOURCE[i] for i in rows["source"]]


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
    assert only is None or "majority" not in sources(kept)
    assert kept["instance"].tolist() == list(range(1, len(kept) + 1))
    assert found.negatives["instance"].tolist() == list(
        range(len(kept) + 1, len(kept) + len(found.negatives) + 1)
    )
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
        ({"only": frozenset({"gone"})}, "No micrograph is signed off yet"),
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


# labels: whose word they are, and what becomes of the ambiguous


def ruling(source: str, **about: Any) -> Decision:
    fixed = {"micrograph": "a", "marks": (1,), "verdict": "label", "label": 0, "decided_at": ""}
    return Decision(**{**fixed, **about}, x=0.0, y=0.0, source=source)  # type: ignore[arg-type]


AMBIGUOUS = table(
    instance(name="clear", status="proposed"),
    instance(name="majority", status="proposed", votes=(3, 2, 0, 0), ambiguous=True),
    instance(name="signed", votes=(3, 2, 0, 0), ambiguous=True),
    instance(name="ruled", label=1, votes=(3, 2, 0, 0), ambiguous=True),
    instance(name="tie", status="proposed", label=NO_LABEL, votes=(2, 2, 0, 0), ambiguous=True),
    instance(name="deferred", status="deferred", label=NO_LABEL, votes=(3, 2, 0, 0)),
    instance(name="unvoted", status="deferred", label=NO_LABEL, votes=(0, 0, 0, 0)),
    instance(name="dirt or not", status="proposed", label=NO_LABEL, votes=(0, 0, 2, 2)),
    instance(name="dirt", status="proposed", label=2, votes=(1, 0, 2, 0), ambiguous=True),
    instance(name="rejected", status="rejected", label=NO_LABEL),
)
IN_FORCE = {
    "signed": ruling("sign-off"),
    "ruled": ruling("single", label=1),
    "deferred": ruling("single", verdict="defer", label=None),
    "rejected": ruling("bulk", verdict="reject", label=None),
}


@pytest.mark.parametrize(
    ("ambiguous", "kept", "unlabelled", "negatives"),
    [
        ("keep", "clear majority ruled signed", "", "dirt rejected"),
        ("drop", "clear ruled", "", "rejected"),
        ("soft", "clear deferred majority ruled signed tie", "deferred tie", "dirt rejected"),
    ],
)
def test_ambiguous_are_kept_dropped_or_soft(
    ambiguous: Any, kept: str, unlabelled: str, negatives: str
) -> None:
    found = build(AMBIGUOUS, box_px=1.0, ambiguous=ambiguous, in_force=IN_FORCE)
    assert keys(found.instances) == kept.split()
    assert keys(found.instances[found.instances["label"] == NO_LABEL]) == unlabelled.split()
    assert keys(found.labelled) == sorted(set(kept.split()) - set(unlabelled.split()))
    assert keys(found.negatives) == negatives.split()
    assert len(found.instances) + sum(fates(found).values()) == len(AMBIGUOUS)


def test_no_particle_goes_in_twice_where_experts_share_marks() -> None:
    rows = table(
        *(instance(name=name) for name in ("a", "a again", "b", "c", "alone")),
        instance(name="b otherwise", label=1),
        instance(name="c rejected", status="rejected", label=NO_LABEL),
        instance(name="d dirt", label=2),
        instance(name="d dirt again", label=2),
    )
    pairs = [
        *(("a", "a again"), ("b", "b otherwise"), ("c", "c rejected"), ("d dirt", "d dirt again")),
        ("gone", "alone"),
    ]
    rulings = {str(row["instance"]): said(row, 1, 2, 3) for row in rows}
    found = build(rows, box_px=1.0, conflicts=pairs, in_force=rulings)
    assert keys(found.instances) == ["a", "alone"]
    assert keys(found.negatives) == ["d dirt"]
    assert fates(found) == {
        "experts disagree": 4,
        "ruled on alike by another expert": 2,
        "label 2, Artifact: not for training": 1,
    }


def said(row: Table, *marks: int) -> Decision:
    label = int(row["label"])
    about = {"verdict": "reject", "label": None} if label == NO_LABEL else {"label": label}
    return ruling("single", **about, marks=marks)


def test_one_particle_is_not_two_of_the_same_label() -> None:
    rows = table(*(instance(name=name) for name in ("both", "left", "right")))
    marks = {"both": (1, 2, 3, 4), "left": (1, 2), "right": (3, 4)}
    rulings = {str(row["instance"]): said(row, *marks[str(row["instance"])]) for row in rows}
    for pairs in ([("both", "left"), ("both", "right")], [("left", "both"), ("right", "both")]):
        found = build(rows, box_px=1.0, conflicts=pairs, in_force=rulings)
        assert len(found.instances) == 0, "which of the two came first decides nothing"
        assert fates(found) == {"experts disagree": 3}


def test_a_label_says_whose_word_it_is() -> None:
    in_force = IN_FORCE | {"signed": ruling("adjudicated")}
    found = build(AMBIGUOUS, box_px=1.0, in_force=in_force)
    said = dict(zip(found.instances["key"], sources(found.instances), strict=True))
    assert said == {
        "clear": "majority",
        "majority": "majority",
        "signed": "adjudicated",
        "ruled": "expert",
    }
    no = dict(zip(found.negatives["key"], sources(found.negatives), strict=True))
    assert no == {"dirt": "majority", "rejected": "bulk"}
    assert found.negatives["label"].tolist() == [2, NO_LABEL]


def test_an_expert_changes_the_hard_label_and_not_the_soft_one() -> None:
    found = build(AMBIGUOUS, box_px=1.0, in_force=IN_FORCE).instances
    soft = {key: found["soft"][found["key"] == key][0] for key in ("majority", "ruled")}
    assert found["label"][found["key"] == "ruled"] == 1
    np.testing.assert_array_equal(soft["majority"], soft["ruled"])
    np.testing.assert_allclose(soft["ruled"], np.array([3.5, 2.5, 0.5, 0.5]) / 7)


@given(st.lists(st.tuples(*[st.integers(0, 200)] * 4), min_size=1, max_size=20))
@settings(deadline=None, max_examples=100)
def test_soft_labels_are_shares_in_the_order_of_the_votes(votes: list[tuple[int, ...]]) -> None:
    counts = np.array(votes, np.int32)
    soft = training_set.soften(counts)
    np.testing.assert_allclose(soft.sum(axis=1), 1)
    assert (soft > 0).all()
    for own, shares in zip(counts, soft, strict=True):
        assert (
            np.sign(np.subtract.outer(own, own)) == np.sign(np.subtract.outer(shares, shares))
        ).all()


def test_labels_to_train_on_can_be_chosen() -> None:
    found = build(EVERY_CASE, box_px=1.0, use=frozenset({2}))
    assert found.instances["label"].tolist() == [2]
    assert [label.use for label in found.labels] == [False, False, True, False]
    assert fates(found)["label 0, Nanoparticle: not for training"] == 3
    with pytest.raises(K2CError, match=r"no label 7.*0, 1, 2, 5"):
        build(EVERY_CASE, box_px=1.0, use=frozenset({0, 7}))
    with pytest.raises(K2CError, match="No label is chosen"):
        build(EVERY_CASE, box_px=1.0, use=frozenset())


def test_parts_are_counted_by_label() -> None:
    rows = table(AMBIGUOUS, instance(1, label=1), instance(2, label=1), instance(2, label=5))
    found = build(rows, box_px=1.0, ambiguous="soft", in_force=IN_FORCE)
    parts = training_set.parts(replace(found, split=("train", "test", "test")))
    assert list(parts) == list(SPLITS)
    assert parts["train"] == training_set.Part(1, {0: 3, 1: 1}, 2, 2)
    assert parts["validation"] == training_set.Part(0, {0: 0, 1: 0}, 0, 0)
    assert parts["test"] == training_set.Part(2, {0: 0, 1: 2}, 0, 1)


# boxes


def test_a_radius_that_is_known_goes_before_the_box() -> None:
    found = build(table(instance(x=50, y=50), instance(x=5, y=995)), box_px=20.0)
    rows = found.instances.copy()
    rows["radius"][0] = 3
    assert found.sides(rows).tolist() == [6, 20]
    assert found.boxes(rows).tolist() == [[47, 47, 53, 53], [0, 985, 15, 1000]]
