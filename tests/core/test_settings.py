from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k2c_gui.core.model import DEFAULT, SETTING_2022, ClusterParams, K2CError
from k2c_gui.core.settings import KEYS, setting, value

APPLIED = ClusterParams(min_cluster_size=7, min_samples=3, weighted=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", APPLIED),
        ("applied", APPLIED),
        ("2022", SETTING_2022),
        ("default", DEFAULT),
        ("min_cluster_size=5,method=leaf", replace(APPLIED, min_cluster_size=5, method="leaf")),
        (" min_samples = 2 , epsilon=1.5", replace(APPLIED, min_samples=2, epsilon=1.5)),
        ("2022, margin=0", replace(SETTING_2022, margin=0.0)),
        ("weighted=no,split=TRUE", replace(APPLIED, weighted=False, split=True)),
    ],
)
def test_a_setting_is_what_it_names_and_else_as_applied(text: str, expected: ClusterParams) -> None:
    assert setting(text, APPLIED) == expected


@given(
    st.builds(
        ClusterParams,
        min_cluster_size=st.integers(2, 99),
        min_samples=st.integers(1, 99),
        epsilon=st.floats(0, 50),
        method=st.sampled_from(["eom", "leaf"]),
        algorithm=st.sampled_from(["hdbscan", "reference", "kmeans"]),
        centroid=st.sampled_from(["mode", "mean", "median"]),
        margin=st.floats(0, 1),
        weighted=st.booleans(),
        split=st.booleans(),
    )
)
def test_written_out_in_full_it_is_read_back(params: ClusterParams) -> None:
    text = ",".join(f"{key}={value}" for key, value in asdict(params).items())
    assert setting(text, APPLIED) == params


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("size=5", "no parameter 'size'. There are min_cluster_size, min_samples"),
        ("min_cluster_size", "no key=value.*default, applied"),
        ("min_cluster_size=5,", "no key=value"),
        ("margin=.1,2022", "'2022' is no key=value"),
        ("method=leaf,method=eom", "method is given twice.*Give it once"),
        ("min_cluster_size=5.5", "Give a whole number"),
        ("min_samples=", "Give a whole number"),
        ("epsilon=wide", "Give a number"),
        ("epsilon=nan", "epsilon is nan px"),
        ("min_cluster_size=1", "Give 2 marks or more"),
        ("method=best", "Give one of: eom, leaf"),
        ("weighted=perhaps", "Give true or false"),
    ],
)
def test_what_is_no_setting_is_told(text: str, told: str) -> None:
    with pytest.raises(K2CError, match=told):
        setting(text, APPLIED)


def test_every_key_has_values() -> None:
    for key in KEYS:
        assert value(key, str(getattr(APPLIED, key))) == getattr(APPLIED, key)
