from __future__ import annotations

import numpy as np
import pytest

from k2c_gui.core.model import Cancelled, ClusterParams, K2CError, instance_dtype


def test_fault_says_where_what_and_what_to_do() -> None:
    assert str(K2CError("Bad.")) == "Bad."
    assert str(K2CError("Bad.", file="a.csv", remedy="Mend it.")) == "a.csv: Bad. Mend it."
    assert str(K2CError("Bad.", file="a.csv", row=7)) == "a.csv, row 7: Bad."
    assert issubclass(Cancelled, K2CError)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"min_cluster_size": 1}, "min_cluster_size is 1"),
        ({"min_samples": 0}, "min_samples is 0"),
        ({"epsilon": -0.1}, "epsilon is -0.1"),
        ({"epsilon": float("nan")}, "epsilon is nan"),
        ({"epsilon": float("inf")}, "epsilon is inf"),
        ({"margin": 1.01}, "margin is 1.01"),
        ({"margin": float("nan")}, "margin is nan"),
        ({"method": "roots"}, "Give one of: eom, leaf"),
        ({"algorithm": "optics"}, "Give one of: hdbscan, reference, dbscan, kmeans"),
        ({"centroid": "medoid"}, "Give one of: mode, mean, median"),
        ({"algorithm": "dbscan"}, "Give epsilon"),
    ],
)
def test_setting_that_makes_no_sense_is_refused(setting: dict[str, object], told: str) -> None:
    with pytest.raises(K2CError, match=told):
        ClusterParams(**setting)  # type: ignore[arg-type]


def test_bounds_of_a_setting_are_inside() -> None:
    ClusterParams(min_cluster_size=2, min_samples=1, epsilon=0.0, margin=0.0)
    ClusterParams(algorithm="dbscan", epsilon=0.1, margin=1.0)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_instance_has_one_vote_count_a_label(n: int) -> None:
    table = np.zeros(3, instance_dtype(n))
    assert table["votes"].shape == (3, n)
    table["instance"] = "0123456789abcdef" * 2
    assert table["instance"][0] == "0123456789abcdef" * 2


@pytest.mark.parametrize("name", ["min_cluster_size", "min_samples"])
def test_sizes_beyond_all_marks_are_refused(name: str) -> None:
    assert ClusterParams(**{name: 1_000_000})
    for size in (1_000_001, 10**20):
        with pytest.raises(K2CError, match=rf"{name} is {size}\. Give 1,000,000 at most"):
            ClusterParams(**{name: size})
