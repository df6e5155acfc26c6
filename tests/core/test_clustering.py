from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hdbscan import HDBSCAN
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN, KMeans

from k2c_gui.core import clustering
from k2c_gui.core.hierarchy import Hierarchy
from k2c_gui.core.model import MARK, ClusterParams, Floats, Grouping, Ints, Sources, Table


def marks_at(xy: Floats) -> Table:
    marks = np.zeros(len(xy), MARK)
    marks["mark"] = 7 + 3 * np.arange(len(xy))
    marks["x"], marks["y"] = np.reshape(xy, (-1, 2)).T
    marks["inside"] = marks["counted"] = True
    return marks


def blobs(seed: int, n_blobs: int = 6, most: int = 30, grid: float = 0.0) -> Floats:
    """Bell-shaped blobs with noise between, in random order; on a grid, marks coincide and tie."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(3, most, n_blobs)
    spread = np.repeat(rng.uniform(1, 6, n_blobs), sizes)[:, None]
    at = np.repeat(rng.uniform(0, 200, (n_blobs, 2)), sizes, axis=0)
    xy = np.vstack([at + spread * rng.normal(size=at.shape), rng.uniform(0, 200, (20, 2))])
    xy = rng.permutation(xy)
    return np.round(xy / grid) * grid if grid else xy


def parts(group: Ints) -> set[frozenset[int]]:
    """The groups as sets of rows."""
    return {frozenset(np.flatnonzero(group == g).tolist()) for g in set(group.tolist()) - {-1}}


def same_groups(marks: Table, one: Grouping, other_marks: Table, other: Grouping) -> None:
    """Fail unless every mark is in the same group and every group at the very same place."""
    of = dict(zip(marks["mark"].tolist(), one.group_of_mark.tolist(), strict=True))
    assert of == dict(zip(other_marks["mark"].tolist(), other.group_of_mark.tolist(), strict=True))
    for name in ("x", "y", "spread"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name


params_of = st.builds(
    ClusterParams,
    algorithm=st.just("reference"),
    min_cluster_size=st.integers(2, 20),
    min_samples=st.integers(1, 20),
    epsilon=st.sampled_from([0.0, 2.0, 10.0]),
    method=st.sampled_from(["eom", "leaf"]),
    centroid=st.sampled_from(["mode", "mean", "median"]),
)
algorithms = [
    ClusterParams(),
    ClusterParams(algorithm="reference"),
    ClusterParams(min_cluster_size=5, min_samples=3, method="leaf"),
    ClusterParams(algorithm="dbscan", epsilon=4.0, min_samples=4),
    ClusterParams(algorithm="kmeans"),
]


@given(st.integers(0, 10**6), st.sampled_from([0.0, 2.0]), params_of)
@settings(deadline=None, max_examples=100)
def test_the_reference_is_hdbscan_itself(seed: int, grid: float, params: ClusterParams) -> None:
    xy = blobs(seed, grid=grid)
    reference = HDBSCAN(
        min_cluster_size=params.min_cluster_size,
        min_samples=params.min_samples,
        cluster_selection_epsilon=params.epsilon,
        cluster_selection_method=params.method,
        core_dist_n_jobs=1,
    ).fit(xy)
    found = clustering.cluster(marks_at(xy), params, micrograph=4)
    assert parts(found.group_of_mark) == parts(reference.labels_)
    assert (found.micrograph, found.params) == (4, params)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_hierarchy_kept_answers_as_a_new_one(weighted: bool) -> None:
    marks = np.random.default_rng(2).permutation(marks_at(blobs(2)))
    marks["counted"][::7] = False
    marks["volunteer"] = np.arange(len(marks)) % 9
    weight = 1 + marks["x"] % 3
    kept = clustering.hierarchy_of(marks, weight)
    by_mark = np.argsort(marks["mark"])
    counted = by_mark[marks["counted"][by_mark]]
    assert kept.weight.tolist() == weight[counted].tolist()
    for min_samples in (3, 8, 3):
        for params in (
            ClusterParams(min_samples=min_samples, weighted=weighted),
            ClusterParams(min_samples=min_samples, weighted=weighted, method="leaf", epsilon=4.0),
        ):
            anew = clustering.hierarchy_of(marks, weight)
            one = clustering.cluster(marks, params, hierarchy=kept)
            other = clustering.cluster(marks, params, hierarchy=anew)
            same_groups(marks, one, marks, other)
            xy = np.column_stack([marks["x"], marks["y"]])[counted]
            direct = Hierarchy(xy, weight[counted], marks["volunteer"][counted]).groups(
                params.min_cluster_size,
                params.min_samples,
                epsilon=params.epsilon,
                method=params.method,
                weighted=weighted,
            )
            assert parts(one.group_of_mark[counted]) == parts(direct)


def test_weights_matter_only_where_they_are_asked_for() -> None:
    marks = marks_at(blobs(2))
    marks["volunteer"] = np.arange(len(marks))
    heavy = clustering.hierarchy_of(marks, np.full(len(marks), 4.0))
    plain = clustering.cluster(marks, ClusterParams(), hierarchy=heavy)
    same_groups(marks, plain, marks, clustering.cluster(marks, ClusterParams()))
    weighted = clustering.cluster(marks, ClusterParams(weighted=True), hierarchy=heavy)
    assert len(weighted.x) > len(plain.x)


@given(st.integers(0, 10**6), st.integers(1, 12), st.floats(1, 12))
@settings(deadline=None, max_examples=30)
def test_dbscan_counts_neighbours_without_the_mark_itself(
    seed: int, min_samples: int, epsilon: float
) -> None:
    xy = blobs(seed)
    params = ClusterParams(algorithm="dbscan", epsilon=epsilon, min_samples=min_samples)
    reference = DBSCAN(eps=epsilon, min_samples=min_samples + 1).fit(xy)
    found = clustering.cluster(marks_at(xy), params)
    assert parts(found.group_of_mark) == parts(reference.labels_)


@given(st.integers(0, 10**6), st.integers(2, 30))
@settings(deadline=None, max_examples=15)
def test_kmeans_seeks_as_many_particles_as_the_looks_suggest(seed: int, looks: int) -> None:
    xy = blobs(seed)
    k = round(len(xy) / looks)
    reference = KMeans(n_clusters=k, n_init=1, random_state=0).fit(xy)
    params = ClusterParams(algorithm="kmeans")
    found = clustering.cluster(marks_at(xy), params, expected_looks=looks)
    assert len(found.x) == k
    assert parts(found.group_of_mark) == parts(reference.labels_)


@pytest.mark.parametrize("params", algorithms, ids=lambda p: f"{p.algorithm}-{p.method}")
@given(st.integers(0, 10**6), st.sampled_from([0.0, 1.0, 3.0]))
@settings(deadline=None, max_examples=30)
def test_row_order_does_not_matter(params: ClusterParams, seed: int, grid: float) -> None:
    rng = np.random.default_rng(seed)
    marks = marks_at(blobs(seed, grid=grid))
    marks["counted"] = rng.random(len(marks)) < 0.9
    shuffled = rng.permutation(marks)
    one, other = (clustering.cluster(m, params, expected_looks=9) for m in (marks, shuffled))
    same_groups(marks, one, shuffled, other)


@pytest.mark.parametrize("params", algorithms, ids=lambda p: f"{p.algorithm}-{p.method}")
def test_marks_that_do_not_count_are_noise_and_do_not_disturb(params: ClusterParams) -> None:
    marks = marks_at(blobs(3))
    marks["counted"] = np.random.default_rng(3).random(len(marks)) < 0.7
    counted = marks[marks["counted"]]
    one, other = clustering.cluster(marks, params), clustering.cluster(counted, params)
    assert len(one.x) > 1
    assert (one.group_of_mark[~marks["counted"]] == -1).all()
    assert one.group_of_mark[marks["counted"]].tolist() == other.group_of_mark.tolist()
    assert one.x.tobytes() == other.x.tobytes()


@pytest.mark.parametrize("params", algorithms, ids=lambda p: f"{p.algorithm}-{p.method}")
def test_groups_are_numbered_by_their_earliest_mark(params: ClusterParams) -> None:
    marks = np.random.default_rng(5).permutation(marks_at(blobs(5, n_blobs=8)))
    found = clustering.cluster(marks, params)
    n = len(found.x)
    earliest = [marks["mark"][found.group_of_mark == g].min() for g in range(n)]
    assert n > 2
    assert earliest == sorted(earliest)
    assert set(found.group_of_mark.tolist()) - {-1} == set(range(n))


@pytest.mark.parametrize("params", algorithms, ids=lambda p: f"{p.algorithm}-{p.method}")
@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_a_few_marks_far_apart_are_no_group(params: ClusterParams, n: int) -> None:
    found = clustering.cluster(marks_at(100.0 * np.arange(2 * n).reshape(-1, 2)), params)
    assert found.group_of_mark.tolist() == [-1] * n
    assert len(found.x) == len(found.y) == len(found.spread) == 0


def test_nothing_that_counts_is_no_group() -> None:
    marks = marks_at(blobs(1))
    marks["counted"] = False
    for params in algorithms:
        assert (clustering.cluster(marks, params).group_of_mark == -1).all()


def test_fewer_marks_than_a_group_needs_are_noise() -> None:
    xy = np.vstack([np.zeros((11, 2)), np.full((11, 2), 50.0)])
    small = ClusterParams(min_cluster_size=11, min_samples=1)
    assert len(clustering.cluster(marks_at(xy), small).x) == 2
    large = ClusterParams(min_cluster_size=12, min_samples=1)
    assert (clustering.cluster(marks_at(xy), large).group_of_mark == -1).all()


@pytest.mark.parametrize("centroid", ["mode", "mean", "median"])
def test_coincident_marks_are_groups_on_the_spot(centroid: Any) -> None:
    at = np.array([(10.5, 20.25), (300.0, 5.0), (90.0, 400.0)])
    xy = np.random.default_rng(0).permutation(np.repeat(at, 15, axis=0))
    for params in (
        ClusterParams(centroid=centroid),
        ClusterParams(centroid=centroid, algorithm="dbscan", epsilon=0.5),
        ClusterParams(centroid=centroid, algorithm="kmeans"),
    ):
        found = clustering.cluster(marks_at(xy), params, expected_looks=15)
        assert (found.group_of_mark >= 0).all()
        np.testing.assert_allclose(sorted(zip(found.x, found.y, strict=True)), sorted(at.tolist()))
        np.testing.assert_allclose(found.spread, 0, atol=1e-9)


def test_dense_enough_is_dbscan_s_minimum_of_other_marks() -> None:
    params = ClusterParams(algorithm="dbscan", epsilon=1.0, min_samples=11)
    assert len(clustering.cluster(marks_at(np.zeros((12, 2))), params).x) == 1
    assert len(clustering.cluster(marks_at(np.zeros((11, 2))), params).x) == 0


def test_kmeans_asks_for_no_more_groups_than_spots() -> None:
    params = ClusterParams(algorithm="kmeans")
    found = clustering.cluster(
        marks_at(np.repeat([[0.0, 0.0], [9.0, 0.0]], 10, axis=0)), params, expected_looks=2
    )
    assert found.x.tolist() == [0.0, 9.0]


@pytest.mark.parametrize("centroid", ["mode", "mean", "median"])
def test_marks_on_a_line(centroid: Any) -> None:
    step = np.linspace(-2, 2, 21)
    x = np.concatenate([step + 50, step + 150])
    params = ClusterParams(min_samples=5, centroid=centroid)
    found = clustering.cluster(marks_at(np.column_stack([x, np.full(len(x), 8.0)])), params)
    assert found.group_of_mark.tolist() == [0] * 21 + [1] * 21
    np.testing.assert_allclose(found.x, [50, 150], atol=1e-6)
    np.testing.assert_allclose(found.y, 8)
    np.testing.assert_allclose(found.spread, 1, atol=1e-6)


def test_true_particles_are_found(sources: Sources) -> None:
    marks = sources.marks[sources.marks["micrograph"] == 0]
    found = clustering.cluster(marks, ClusterParams(min_cluster_size=5, min_samples=5))
    assert len(found.x) > 12


@given(st.integers(0, 10**6), st.integers(1, 7))
@settings(deadline=None, max_examples=30)
def test_mean_and_median_are_numpy_s(seed: int, n_groups: int) -> None:
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.concatenate([np.arange(n_groups), rng.integers(-1, n_groups, 40)]))
    x, y = rng.uniform(0, 2048, (2, len(group)))
    for kind, plain in (("mean", np.mean), ("median", np.median)):
        cx, cy, spread = clustering.centroids(x, y, group, kind)
        for g in range(n_groups):
            own = group == g
            expected = plain(x[own]), plain(y[own])
            away = np.hypot(x[own] - expected[0], y[own] - expected[1])
            np.testing.assert_allclose((cx[g], cy[g], spread[g]), (*expected, np.median(away)))


def test_no_group_has_no_centroid() -> None:
    for kind in ("mode", "mean", "median"):
        for n in (0, 3):
            found = clustering.centroids(np.zeros(n), np.zeros(n), np.full(n, -1), kind)
            assert [len(column) for column in found] == [0, 0, 0]


def test_mode_is_nearer_the_truth_than_the_mean_under_far_noise() -> None:
    rng = np.random.default_rng(8)
    truth = rng.uniform(100, 1900, (60, 2))
    own = np.repeat(np.arange(60), 18)
    xy = truth[own] + rng.normal(0, 3, (len(own), 2))
    far = np.arange(len(own)) % 18 < 4
    xy[far] = truth[own[far]] + rng.uniform(10, 40, (far.sum(), 2))
    error = {}
    for kind in ("mode", "median", "mean"):
        x, y, _ = clustering.centroids(*xy.T, own, kind)
        error[kind] = np.sqrt(np.mean((x - truth[:, 0]) ** 2 + (y - truth[:, 1]) ** 2))
    assert error["mode"] < 1.5
    assert error["mode"] < error["median"] < error["mean"]
    assert error["mode"] < error["mean"] / 3


def kernel_widths(groups: list[Floats]) -> Floats:
    """1.5 standard deviations, told by the median distance; at most the typical, at least 1."""
    scatter = [np.median(np.hypot(*(g - np.median(g, axis=0)).T)) for g in groups]
    return np.maximum(1.0, 1.5 / 1.1774 * np.minimum(scatter, np.median(scatter)))


def density(at: Floats, xy: Floats, width: float) -> Floats:
    squares = ((at[:, None] - xy) ** 2).sum(2)
    return np.exp(-squares / (2 * width**2)).sum(1)


@pytest.mark.parametrize("seed", range(12))
def test_mode_is_the_densest_spot(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = []
    for at in 100.0 * np.arange(1, 6):
        # one particle, or two that touch, one of them marked more often; and some far noise
        second = rng.normal((14, 3), 3, (rng.integers(0, 25), 2))
        noise = rng.uniform(-25, 25, (rng.integers(0, 6), 2))
        groups.append(at + np.vstack([rng.normal(0, 3, (30, 2)), second, noise]))
    xy = np.vstack(groups)
    own = np.repeat(np.arange(5), [len(g) for g in groups])
    shuffle = rng.permutation(len(xy))
    x, y, _ = clustering.centroids(*xy[shuffle].T, own[shuffle], "mode")
    for g, (members, width) in enumerate(zip(groups, kernel_widths(groups), strict=True)):
        low, high = members.min(axis=0), members.max(axis=0)
        axes = (np.arange(a, b + 0.5, 0.5) for a, b in zip(low, high, strict=True))
        spots = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
        grid = density(spots, members, width)
        found = np.array([[x[g], y[g]]])
        assert density(found, members, width)[0] >= 0.999 * grid.max()
        clear = grid >= 0.98 * grid.max()  # the plateau of the densest spot
        assert np.hypot(*(spots[clear] - found).T).min() <= 0.5


def test_two_touching_particles_do_not_meet_in_the_middle() -> None:
    rng = np.random.default_rng(2)
    alone = [rng.normal(0, 2, (20, 2)) + 100 * i for i in range(1, 8)]
    pair = np.vstack([rng.normal(0, 2, (24, 2)), rng.normal((14, 0), 2, (18, 2))])
    xy = np.vstack([pair, *alone])
    own = np.repeat(np.arange(8), [42, *[20] * 7])
    x, y, _ = clustering.centroids(*xy.T, own, "mode")
    assert np.hypot(x[0], y[0]) < 2
    mean_x, _, _ = clustering.centroids(*xy.T, own, "mean")
    assert 4 < mean_x[0] < 10


def test_a_group_of_20000_marks_stays_within_memory() -> None:
    rng = np.random.default_rng(0)
    xy = np.vstack([rng.normal(500, 30, (20_000, 2)), rng.normal(1000, 1, (50, 2))])
    tracemalloc.start()
    x, y, _ = clustering.centroids(*xy.T, np.repeat([0, 1], [20_000, 50]), "mode")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200e6  # all pairs would take 3.2e9
    np.testing.assert_allclose([x[0], y[0]], 500, atol=8)
    np.testing.assert_allclose([x[1], y[1]], 1000, atol=0.7)


def test_split_tells_which_groups_come_from_one_and_why() -> None:
    """Two particles 12 px apart that every volunteer marked, and one far off, marked first."""
    rng = np.random.default_rng(4)
    particle = np.repeat([2, 0, 1], 15)
    marks = np.zeros(45, MARK)
    marks["mark"], marks["counted"] = np.arange(45), True
    marks["volunteer"] = np.tile(np.arange(15), 3)
    marks["x"] = np.array([0.0, 12.0, 300.0])[particle] + rng.normal(0, 4, 45)
    marks["y"] = rng.normal(0, 4, 45)
    params = ClusterParams(min_cluster_size=12, min_samples=8)
    whole = clustering.cluster(marks, params, jitter=3.0)
    found = clustering.cluster(marks, replace(params, split=True), jitter=3.0)
    assert whole.split_into.tolist() == [1, 1]
    assert whole.pairs[0] == 0
    assert whole.pairs[1] > 0.5, "that it holds two is told even where it is not split"
    assert found.split_into.tolist() == [1, 2, 2]
    assert found.pairs.tolist() == [0, whole.pairs[1], whole.pairs[1]]
    np.testing.assert_allclose(np.sort(found.x), [0, 12, 300], atol=3)
    first = [found.group_of_mark.tolist().index(g) for g in range(3)]
    assert first == sorted(first), "numbered by the earliest mark"
    order = rng.permutation(45)
    again = clustering.cluster(marks[order], replace(params, split=True), jitter=3.0)
    assert again.group_of_mark.tolist() == found.group_of_mark[order].tolist()
    assert again.x.tolist() == found.x.tolist()
