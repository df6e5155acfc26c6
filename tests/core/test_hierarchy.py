from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from types import FunctionType
from typing import Any

import numpy as np
import pytest
from hdbscan import HDBSCAN
from hdbscan._hdbscan_tree import compute_stability, condense_tree, get_clusters
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from k2c_gui.core import clustering, compiled, linkage, mode
from k2c_gui.core.groups import by_first
from k2c_gui.core.hierarchy import NEIGHBOURS, Hierarchy
from k2c_gui.core.model import Floats, Ints

Setting = dict[str, Any]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for kernel in compiled._kernels:
        monkeypatch.setattr(kernel, "fast", None)
    assert not compiled.ready()


def marks(seed: int, most: int = 120, grid: float = 0.0) -> Floats:
    """Blobs and noise in random order; on a grid they coincide and tie."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, most))
    at = rng.uniform(0, 60, (int(rng.integers(1, 6)), 2))
    xy = at[rng.integers(0, len(at), n)] + rng.normal(0, rng.uniform(0.5, 5), (n, 2))
    loose = rng.random(n) < 0.2
    xy[loose] = rng.uniform(0, 60, (int(loose.sum()), 2))
    return np.round(xy / grid) * grid if grid else xy


def parts(group: Ints) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(group == g).tolist()) for g in set(group.tolist()) - {-1}}


seeds = st.integers(0, 10**6)
grids = st.sampled_from([0.0, 0.0, 1.0, 4.0])
settings_of = st.fixed_dictionaries(
    {
        "min_cluster_size": st.integers(2, 15),
        "min_samples": st.integers(1, 40),
        "epsilon": st.sampled_from([0.0, 0.0, 1.0, 3.0, 10.0]),
        "method": st.sampled_from(["eom", "leaf"]),
        "allow_single_cluster": st.booleans(),
    }
)


def reference_heights(xy: Floats, min_samples: int) -> Floats:
    """By hdbscan; by Prim's algorithm, as its Boruvka's is inexact where marks coincide."""
    fit = HDBSCAN(min_samples=min_samples, algorithm="prims_kdtree", core_dist_n_jobs=1).fit(xy)
    return np.sort(fit.single_linkage_tree_.to_numpy()[:, 2])


def core_distances(xy: Floats, min_samples: int, weight: Floats) -> Floats:
    """How far it is until the weight, but for one of the mark itself, is min_samples."""
    apart = cdist(xy, xy)
    order = np.argsort(apart, axis=1)
    reached = np.cumsum(weight[order], axis=1)
    enough = reached >= min(min_samples + 1, weight.sum()) - 1e-9
    return np.take_along_axis(apart, order, axis=1)[np.arange(len(xy)), enough.argmax(axis=1)]


class ByDefinition:
    """HDBSCAN with all ties parted at once, straight from the mutual-reachability graph."""

    def __init__(self, xy: Floats, weight: Floats, person: Ints, setting: Setting) -> None:
        core = core_distances(xy, setting["min_samples"], weight)
        self.reach = np.maximum(np.maximum(core[:, None], core[None, :]), cdist(xy, xy))
        np.fill_diagonal(self.reach, core)
        self.heights = np.unique(self.reach)[::-1]
        self.weight, self.person = weight, person
        self.least, self.leaf = setting["min_cluster_size"], setting["method"] == "leaf"

    def groups(self) -> set[frozenset[int]]:
        chosen, _ = self._follow(np.arange(len(self.weight)), 0, 0.0, root=True)
        return {frozenset(own.tolist()) for own in chosen}

    def _big(self, own: Ints) -> bool:
        enough = self.weight[own].sum() >= self.least - 1e-9
        return bool(enough and len(np.unique(self.person[own])) > 1)

    def _follow(
        self, born: Ints, step: int, birth: float, *, root: bool = False
    ) -> tuple[list[Ints], float]:
        """Best choice within a branch, and what it is worth."""
        own, stability = born, 0.0
        for i in range(step, len(self.heights)):
            height = self.heights[i]
            linked = self.reach[np.ix_(own, own)] < height
            count, of = connected_components(linked, directed=False)
            pieces = [own[of == c] for c in range(count)]
            # a mark alone stays while its own core distance is below the height
            alone = [p for p in pieces if len(p) > 1 or self.reach[p[0], p[0]] < height]
            if len(alone) == 1 and len(alone[0]) == len(own):
                continue
            density = 1 / height if height > 0 else np.inf
            big = [p for p in pieces if self._big(p)]
            kept = big[0] if len(big) == 1 else np.zeros(0, int)
            gone = self.weight[own].sum() - self.weight[kept].sum()
            if density > birth:
                stability += (density - birth) * gone
            if len(big) > 1:
                below = [self._follow(p, i + 1, density) for p in big]
                worth = sum(w for _, w in below)
                if root or self.leaf or worth > stability * (1 + 1e-12):
                    return [g for found, _ in below for g in found], worth
                return [born], stability
            if not big:
                break
            own = kept
        return ([] if root else [born]), stability


@given(seeds, grids, settings_of)
@settings(deadline=None, max_examples=300)
def test_tail_is_hdbscan_s_for_the_same_tree(seed: int, grid: float, setting: Setting) -> None:
    xy = marks(seed, grid=grid)
    tree = Hierarchy(xy).dendrogram(setting["min_samples"])
    table = np.column_stack([tree.left, tree.right, tree.height, tree.size]).astype(float)
    condensed = condense_tree(table, setting["min_cluster_size"])
    with np.errstate(divide="ignore"):
        expected, _, _ = get_clusters(
            condensed,
            compute_stability(condensed),
            setting["method"],
            setting["allow_single_cluster"],
            cluster_selection_epsilon=setting["epsilon"],
        )
    branches = linkage.condense(
        *tree[:5], np.ones(len(xy)), float(setting["min_cluster_size"]), False
    )
    found = linkage.select(
        *branches, setting["epsilon"], setting["method"] == "leaf", setting["allow_single_cluster"]
    )
    assert parts(found) == parts(expected)
    whole = Hierarchy(xy).groups(**setting, ties="binary")
    assert sorted(map(len, parts(whole))) == sorted(map(len, parts(found)))


@given(seeds, grids, st.integers(1, 150))
@settings(deadline=None, max_examples=100)
def test_heights_are_hdbscan_s(seed: int, grid: float, min_samples: int) -> None:
    xy = marks(seed, grid=grid)
    expected = reference_heights(xy, min_samples)
    np.testing.assert_allclose(Hierarchy(xy).dendrogram(min_samples).height, expected, rtol=1e-12)


@pytest.mark.parametrize("grid", [0.0, 1.0])
def test_heights_of_many_marks_are_hdbscan_s(grid: float) -> None:
    rng = np.random.default_rng(4)
    xy = rng.uniform(0, 2048, (150, 2))[rng.integers(0, 150, 3000)] + rng.normal(0, 4, (3000, 2))
    xy = np.round(xy / grid) * grid if grid else xy
    own = Hierarchy(xy)
    for min_samples in (1, 11, 30, 31, 90):
        expected = reference_heights(xy, min_samples)
        np.testing.assert_allclose(own.dendrogram(min_samples).height, expected, rtol=1e-12)


@given(seeds, grids, settings_of, st.booleans())
@settings(deadline=None, max_examples=100)
def test_groups_are_those_of_the_definition(
    seed: int, grid: float, setting: Setting, weighted: bool
) -> None:
    xy = marks(seed, most=40, grid=grid)
    rng = np.random.default_rng(seed)
    # marks that coincide had equally many looks
    weight = np.array([1, 4 / 3, 2, 4])[np.abs(xy).sum(1).astype(int) % 4]
    person = rng.integers(0, 6, len(xy))
    setting |= {"epsilon": 0.0, "allow_single_cluster": False}
    found = Hierarchy(xy, weight, person).groups(**setting, weighted=weighted)
    if not weighted:
        weight, person = np.ones(len(xy)), np.arange(len(xy))
    assert parts(found) == ByDefinition(xy, weight, person, setting).groups()


@given(seeds, grids, settings_of, st.booleans())
@settings(deadline=None, max_examples=150)
def test_row_order_does_not_matter(
    seed: int, grid: float, setting: Setting, weighted: bool
) -> None:
    xy = marks(seed, grid=grid)
    weight = 1 + np.abs(xy).sum(1) % 3
    person = np.random.default_rng(seed).integers(0, 6, len(xy))
    shuffle = np.random.default_rng(seed).permutation(len(xy))
    one = Hierarchy(xy, weight, person).groups(**setting, weighted=weighted)
    other = Hierarchy(xy[shuffle], weight[shuffle], person[shuffle]).groups(
        **setting, weighted=weighted
    )
    back = np.empty_like(other)
    back[shuffle] = other
    assert parts(back) == parts(one)


@given(seeds, grids, settings_of, st.integers(2, 4))
@settings(deadline=None, max_examples=100)
def test_a_whole_weight_is_as_many_marks(
    seed: int, grid: float, setting: Setting, most: int
) -> None:
    xy = marks(seed, grid=grid)
    weight = 1.0 + np.abs(xy).sum(1).astype(int) % most
    setting["min_cluster_size"] += most - 1  # no mark is a group by itself
    copy = np.repeat(np.arange(len(xy)), weight.astype(int))
    one = Hierarchy(xy, weight)
    other = Hierarchy(xy[copy]).groups(**setting)
    assert parts(one.groups(**setting, weighted=True)[copy]) == parts(other)
    # hdbscan joins the copies of a mark at its core distance
    core = core_distances(xy, setting["min_samples"], weight)
    height = one.dendrogram(setting["min_samples"], weighted=True).height
    height = np.concatenate([height, np.repeat(core, weight.astype(int) - 1)])
    expected = reference_heights(xy[copy], setting["min_samples"])
    np.testing.assert_allclose(np.sort(height), expected, rtol=1e-12)


def two_spots(n: int) -> Floats:
    """Two spots of n marks each, far from each other."""
    step = np.linspace(0, 1, n)
    near = np.column_stack([step, step**2])
    return np.vstack([near, near + 100])


def test_weight_not_number_makes_a_group() -> None:
    # three marks of weight 4/3 are 4, whatever the last digit of the sum
    own = Hierarchy(two_spots(3), np.full(6, 4 / 3))
    assert parts(own.groups(4, 1)) == set()
    both = {frozenset({0, 1, 2}), frozenset({3, 4, 5})}
    assert parts(own.groups(4, 1, weighted=True)) == both
    assert parts(own.groups(5, 1, weighted=True)) == set()


def test_weight_brings_the_core_nearer() -> None:
    xy = np.column_stack([np.arange(6.0) ** 2, np.zeros(6)])
    light = Hierarchy(xy).dendrogram(3).height
    heavy = Hierarchy(xy, np.full(6, 2.0)).dendrogram(3, weighted=True).height
    # of 3 others the mark's own double is one and the nearest mark is two
    np.testing.assert_array_equal(heavy, [1, 3, 5, 7, 9])
    assert (light > heavy).all()


def test_one_volunteer_is_no_group_however_heavy() -> None:
    xy = two_spots(4)
    weight = np.full(8, 4.0)
    alone = np.array([1, 1, 1, 1, 2, 3, 4, 5])
    together = np.array([1, 1, 1, 9, 2, 3, 4, 5])
    both = {frozenset({0, 1, 2, 3}), frozenset({4, 5, 6, 7})}
    assert parts(Hierarchy(xy, weight, together).groups(8, 3, weighted=True)) == both
    # the other spot, left alone, is everything there is
    assert parts(Hierarchy(xy, weight, alone).groups(8, 3, weighted=True)) == set()
    nobody_else = Hierarchy(xy, weight, np.ones(8, int))
    assert parts(nobody_else.groups(8, 3, weighted=True, allow_single_cluster=True)) == set()
    assert parts(Hierarchy(xy, weight, alone).groups(4, 3)) == both


@pytest.mark.parametrize("weighted", [False, True])
def test_no_mark_and_one_mark_are_no_group(weighted: bool) -> None:
    for n in (0, 1):
        own = Hierarchy(np.zeros((n, 2)), np.full(n, 20.0))
        own.build()
        found = own.groups(2, 1, weighted=weighted, allow_single_cluster=True)
        assert found.tolist() == [-1] * n


def test_two_marks() -> None:
    for apart in (0.0, 5.0):
        own = Hierarchy(np.array([[0.0, 0.0], [apart, 0.0]]))
        assert own.groups(2, 1).tolist() == [-1, -1]
        assert own.groups(2, 1, allow_single_cluster=True).tolist() == [0, 0]
        assert own.groups(3, 50, weighted=True).tolist() == [-1, -1]


def test_coincident_marks_are_groups_on_the_spot() -> None:
    at = np.array([(10.5, 20.25), (300.0, 5.0), (90.0, 400.0)])
    n = 2 * NEIGHBOURS  # more than are kept as neighbours of each
    own = Hierarchy(np.repeat(at, n, axis=0))
    for min_samples in (1, 11, NEIGHBOURS, n - 1):
        found = own.groups(n, min_samples)
        assert found.reshape(3, n).tolist() == [[g] * n for g in found[::n]]
        assert len(set(found.tolist())) == 3
    assert (own.groups(n + 1, 11) == -1).all()


def test_marks_on_a_line() -> None:
    x = np.concatenate([np.arange(12.0), 40 + np.arange(9.0), [100.0]])
    for xy in (np.column_stack([x, np.full(22, 3.0)]), np.column_stack([np.full(22, 3.0), x])):
        found = Hierarchy(xy).groups(5, 3)
        assert parts(found) == {frozenset(range(12)), frozenset(range(12, 21))}


def test_ties_part_at_once() -> None:
    # four spots at the corners of a square, each as far from the next
    corner = np.array([(0.0, 0.0), (0.0, 10.0), (10.0, 0.0), (10.0, 10.0)])
    xy = np.repeat(corner, 5, axis=0)
    own = Hierarchy(xy)
    assert len(parts(own.groups(5, 3))) == 4
    # pairs of spots are no group, as all four part at the same height
    assert (own.groups(6, 3) == -1).all()


def test_all_that_is_kept_is_what_would_be_built() -> None:
    xy = marks(5, most=400)
    own = Hierarchy(xy, np.full(len(xy), 1.5))
    asked = [(ms, weighted) for ms in (3, 12, 45, 7, 70, 200) for weighted in (False, True)]
    for min_samples, weighted in asked + asked[::-1]:
        again = Hierarchy(xy, np.full(len(xy), 1.5)).groups(5, min_samples, weighted=weighted)
        assert own.groups(5, min_samples, weighted=weighted).tolist() == again.tolist()


def test_threads_may_ask_the_same_hierarchy() -> None:
    xy = marks(8, most=2000)
    asked = [(size, samples) for samples in range(1, 14) for size in (4, 9)]
    expected = [Hierarchy(xy).groups(*both).tolist() for both in asked]
    own = Hierarchy(xy)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda both: own.groups(*both).tolist(), asked))
    assert found == expected


def test_it_travels_to_another_process() -> None:
    xy = marks(3)
    own = Hierarchy(xy, np.full(len(xy), 2.0), np.arange(len(xy)) % 5)
    expected = own.groups(4, 3, weighted=True)
    away = pickle.loads(pickle.dumps(own))  # noqa: S301 - our own bytes
    assert away.groups(4, 3, weighted=True).tolist() == expected.tolist()
    assert away.weight.tolist() == own.weight.tolist()


@given(seeds, grids, settings_of, st.booleans())
@settings(deadline=None, max_examples=15)
def test_plain_and_compiled_are_the_same_to_the_last_bit(
    seed: int, grid: float, setting: Setting, weighted: bool
) -> None:
    xy = marks(seed, grid=grid)
    weight = 1 + np.abs(xy).sum(1) % 3

    def answers() -> list[bytes]:
        own = Hierarchy(xy, weight, np.arange(len(xy)) % 7)
        tree = own.dendrogram(setting["min_samples"], weighted=weighted)
        group = own.groups(**setting, weighted=weighted)
        where = clustering.centroids(*xy.T, by_first(group), "mode")
        return [column.tobytes() for column in (*tree, group, *where)]

    fast = answers()
    with pytest.MonkeyPatch.context() as patch:
        for kernel in compiled._kernels:
            patch.setattr(kernel, "fast", None)
        assert answers() == fast


@pytest.mark.usefixtures("plain")
def test_first_answer_does_not_wait_for_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "warm_up", lambda: pytest.fail("it compiles"))
    assert len(parts(Hierarchy(two_spots(12)).groups(5, 3))) == 2


@pytest.mark.usefixtures("plain")
def test_a_large_set_does_wait_as_that_is_sooner() -> None:
    xy = np.random.default_rng(0).uniform(0, 900, (compiled.WORTHWHILE + 1, 2))
    Hierarchy(xy).build()
    assert compiled.ready()


@pytest.mark.usefixtures("plain")
def test_warm_up_is_safe_from_many_threads() -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: compiled.warm_up(), range(4)))
    assert compiled.ready()


def test_no_place_for_a_cache_is_no_fault() -> None:
    # of no file, so there is nothing beside which the compiled form could be kept
    nowhere = compile("lambda x: 2.0 * x", "<nowhere>", "eval")
    own = compiled.Kernel(FunctionType(nowhere.co_consts[0], {}, "double"), "float64(float64)")
    assert own(1.5) == own.compiled({})(1.5) == 3.0


def test_still_groups_have_their_mode_at_once() -> None:
    x, y = np.array([3.0, 3.0, 8.0]), np.array([1.0, 1.0, 2.0])
    at = mode.modes(x, y, np.array([0, 2, 3]), np.array([1.0, 2.0]))
    assert at.tolist() == [[3.0, 1.0], [8.0, 2.0]]
