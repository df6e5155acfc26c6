"""Grids as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k2c_gui.core.grid import MOST, Axis, Grid, grid
from k2c_gui.core.model import DEFAULT, SETTING_2022, ClusterParams, K2CError

APPLIED = ClusterParams(min_cluster_size=7, margin=0.1)


def test_ranges_lists_and_names() -> None:
    asked = grid("min_cluster_size=5:15:2,min_samples=3, 5,11,method=eom,leaf", APPLIED)
    assert asked.axes == (
        Axis("min_cluster_size", (5, 7, 9, 11, 13, 15)),
        Axis("min_samples", (3, 5, 11)),
        Axis("method", ("eom", "leaf")),
    )
    settings = list(asked.settings())
    assert (asked.shape, len(asked), len(set(settings))) == ((6, 3, 2), 36, 36)
    assert settings[0] == ClusterParams(5, 3, method="eom", margin=0.1)
    assert settings[7] == ClusterParams(7, 3, method="leaf", margin=0.1)  # the last varies first


def test_the_base_is_what_is_not_named() -> None:
    assert list(grid("applied", APPLIED).settings()) == [APPLIED]
    assert list(grid("2022", APPLIED).settings()) == [SETTING_2022]
    assert grid("default,split=yes,no", APPLIED).base == DEFAULT
    assert grid("split=yes,no", APPLIED).axes == (Axis("split", (True, False)),)


@given(
    first=st.integers(2, 50),
    n=st.integers(1, 20),
    step=st.integers(1, 9),
    beyond=st.integers(0, 8),
)
def test_a_range_holds_its_last(first: int, n: int, step: int, beyond: int) -> None:
    last = first + (n - 1) * step
    text = f"min_cluster_size={first}:{last + min(beyond, step - 1)}:{step}"
    sizes = [params.min_cluster_size for params in grid(text, APPLIED).settings()]
    assert sizes == list(range(first, last + 1, step))


def test_one_value_is_no_axis() -> None:
    asked = grid("min_cluster_size=9,min_samples=3,5,split=yes", APPLIED)
    assert asked.axes == (Axis("min_samples", (3, 5)),)
    assert asked.base == ClusterParams(9, margin=0.1, split=True)


def test_decimals_add_up() -> None:
    (axis,) = grid("epsilon=0:0.5:0.1", APPLIED).axes
    assert axis.values == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    (axis,) = grid("margin=.1:.25:.05,1", APPLIED).axes
    assert axis.values == (0.1, 0.15, 0.2, 0.25, 1.0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "0 settings"),
        ("min_cluster_size=9:5", "0 settings"),
        ("min_cluster_size=", "0 settings"),
        ("min_cluster_size=-3:5", "9 settings"),
        ("min_cluster_size=5,7,epsilon=-1", "2 settings"),
        ("min_cluster_size=5:3000,min_samples=1:100,margin=0:1:.1", "3,295,600 settings"),
        ("epsilon=0:1:1e-9", "1,000,000,001 settings"),
        ("margin=0.5,2", "margin is 2"),
        ("min_samples=3,5,3", "given twice: 3"),
        ("min_samples=3:9,4:6", "given twice: 4, 5, 6"),
        ("min_samples=3,min_samples=5", "given twice"),
        ("min_samples=3:9:0", "step above 0"),
        ("min_samples=3:9:-1", "step above 0"),
        ("min_samples=3:nan", "step above 0"),
        ("min_samples=1:2:3:4", "step above 0"),
        ("min_samples=3.5:9", "whole number"),
        ("method=leaves", "eom, leaf"),
        ("method=1:2", "eom, leaf"),
        ("size=3", "no parameter 'size'"),
        ("5,min_samples=3", "no key=values"),
        ("algorithm=dbscan,hdbscan", "neighbourhood"),
    ],
)
def test_nonsense_is_refused(text: str, told: str) -> None:
    with pytest.raises(K2CError) as refused:
        grid(text, APPLIED)
    assert told in str(refused.value)


def test_a_grid_by_hand_is_looked_at_too() -> None:
    with pytest.raises(K2CError, match="100,001 settings"):
        Grid(APPLIED, (Axis("min_samples", tuple(range(1, MOST + 2))),))
    with pytest.raises(K2CError, match="0 settings"):
        Grid(APPLIED, (Axis("min_samples", ()),))
    assert math.prod(Grid(APPLIED).shape) == len(Grid(APPLIED)) == 1
