"""Validity along a tree, against hdbscan's own on the same tree."""

from __future__ import annotations

import numpy as np
import pytest
from hdbscan import HDBSCAN
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.core.hierarchy import Hierarchy
from k2c_gui.core.model import Floats
from k2c_gui.core.validity import relative_validity


def spots(seed: int, n: int, particles: int) -> Floats:
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 100, (particles, 2))[rng.integers(0, particles, n)]
    xy += rng.normal(0, 1.5, (n, 2))
    xy[: n // 8] = rng.uniform(0, 100, (n // 8, 2))
    return xy


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 1000),
    n=st.integers(8, 80),
    particles=st.integers(1, 6),
    min_samples=st.integers(1, 6),
    size=st.integers(2, 8),
)
def test_it_is_hdbscan_s_on_hdbscan_s_tree(
    seed: int, n: int, particles: int, min_samples: int, size: int
) -> None:
    model = HDBSCAN(
        min_cluster_size=size,
        min_samples=min_samples,
        gen_min_span_tree=True,
        approx_min_span_tree=False,
        core_dist_n_jobs=1,
    ).fit(spots(seed, n, particles))
    group = model.labels_.astype(np.int64)
    tree = model.minimum_spanning_tree_.to_numpy()
    ends = np.ascontiguousarray(tree[:, :2].astype(np.int64))
    n_groups = int(group.max()) + 1
    own = relative_validity(group, n_groups, ends, np.ascontiguousarray(tree[:, 2]))
    if n_groups:
        assert own == pytest.approx(model.relative_validity_, rel=1e-12, abs=1e-12)
    else:
        assert np.isnan(own)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1000), n=st.integers(3, 80), min_samples=st.integers(1, 6))
def test_the_hierarchy_s_edges_are_a_spanning_tree(seed: int, n: int, min_samples: int) -> None:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
    from scipy.spatial.distance import cdist

    xy = spots(seed, n, 4)
    ends, length = Hierarchy(xy).edges(min_samples)
    joined = coo_array((np.ones(n - 1), ends.T), (n, n))
    assert connected_components(joined, directed=False)[0] == 1
    distance = cdist(xy, xy)
    core = np.sort(distance, axis=1)[:, min(min_samples, n - 1)]
    reach = np.maximum(distance, np.maximum(core[:, None], core))
    np.testing.assert_allclose(length, reach[ends[:, 0], ends[:, 1]], rtol=1e-12)
    assert length.sum() == pytest.approx(minimum_spanning_tree(np.triu(reach, 1)).sum())


def test_far_apart_is_better_than_close_together() -> None:
    rng = np.random.default_rng(1)
    blob = rng.normal(0, 1, (30, 2))
    group = np.repeat([0, 1], 30)
    found = []
    for apart in (6.0, 60.0):
        ends, length = Hierarchy(np.concatenate([blob, blob + np.array([apart, 0.0])])).edges(5)
        found.append(relative_validity(group, 2, ends, length))
    assert -1 <= found[0] < found[1] <= 1


def test_coincident_marks_have_no_gap_to_compare() -> None:
    ends, length = Hierarchy(np.zeros((8, 2))).edges(3)
    assert relative_validity(np.repeat([0, 1], 4), 2, ends, length) == 0
