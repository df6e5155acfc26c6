"""The verbs that compare, as a person runs them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from k2c_gui.core.diff import KINDS
from k2c_gui.core.model import DEFAULT, SETTING_2022, ClusterParams, Decision
from k2c_gui.io.files import sha256
from k2c_gui.session import Session

K2C = Callable[..., Any]
FIRST, SECOND = "AuGe_001.tif", "PdC_002.tif"


def ruling(session: Session, i: int, label: int | None, place: int = 0, **about: Any) -> Decision:
    """On some marks of a micrograph."""
    evidence = session.state.evidence[place]
    fixed = {
        "micrograph": evidence.name,
        "marks": tuple(evidence.marks["mark"][5 * i : 5 * i + 5].tolist()),
        "x": 1.0,
        "y": 2.0,
        "verdict": "label" if label is not None else "defer",
        "label": label,
        "shown_at": "2024-05-01T10:00:00.000Z",
        "decided_at": "2024-05-01T10:00:04.000Z",
    }
    return Decision(**(fixed | about))


@pytest.fixture
def path(project: Path) -> Path:
    return project / "demo.k2c"


@pytest.fixture
def ann(path: Path) -> Path:
    return decided(path, "ann", [0, 0, 1, 1, None])


@pytest.fixture
def bob(path: Path) -> Path:
    return decided(path, "bob", [0, 1, 1, 1])


def decided(path: Path, expert: str, labels: list[int | None]) -> Path:
    """A copy in which an expert ruled on both micrographs."""
    own = shutil.copy(path, path.with_name(f"{expert}.k2c"))
    with Session(own, write=True, expert=expert) as session:
        for place in (0, 1):
            for i, label in enumerate(labels):
                session.decide([ruling(session, i, label, place)])
    return own


# diff


def test_diff_counts_and_lists(k2c: K2C, path: Path) -> None:
    before = sha256(path)
    settings = ["--a", "min_cluster_size=11,weighted=no", "--b", "2022,min_cluster_size=30"]
    found = k2c("diff", path, *settings, "--json").json
    with Session(path) as session:
        applied = session.state.ledger.params
        tables = [
            session.instances(replace(applied, min_cluster_size=11, weighted=False)),
            session.instances(replace(SETTING_2022, min_cluster_size=30)),
        ]
    assert found["a"] == asdict(replace(applied, min_cluster_size=11, weighted=False))
    assert found["b"] == asdict(replace(SETTING_2022, min_cluster_size=30))
    assert [m["micrograph"] for m in found["micrographs"]] == [FIRST, SECOND]
    for side, table in zip("ab", tables, strict=True):
        rows = [i for m in found["micrographs"] for c in m["changes"] for i in c[side]]
        assert len(rows) == len(table)
        assert sorted(i["x_px"] for i in rows) == pytest.approx(sorted(table["x"]), abs=1e-3)
    total = dict.fromkeys(KINDS, 0)
    for m in found["micrographs"]:
        assert sum(m["counts"].values()) == len(m["changes"])
        total = {kind: total[kind] + m["counts"][kind] for kind in KINDS}
    assert total["died"] > 0

    shown = k2c("diff", path, *settings).out
    last = next(line for line in shown.splitlines() if line.startswith("all"))
    assert last.split() == ["all", *(str(total[kind]) for kind in KINDS)]
    assert "b: min_cluster_size 30" in shown
    assert sha256(path) == before


def test_diff_of_one_micrograph_lists_its_changes(k2c: K2C, path: Path) -> None:
    settings = ["--a", "applied,weighted=no", "--b", "min_cluster_size=40,weighted=no"]
    found = k2c("diff", path, *settings, "--micrograph", SECOND, "--json").json
    (one,) = found["micrographs"]
    assert one["micrograph"] == SECOND
    ended = k2c("diff", path, *settings, "--micrograph", SECOND)
    listed = [line for line in ended.out.splitlines() if line.startswith(SECOND)][1:]
    changed = [c for c in one["changes"] if c["kind"] != "kept"]
    assert [line.split()[1] for line in listed] == [c["kind"] for c in changed]
    assert FIRST not in ended.out


def test_diff_of_a_setting_with_itself_and_further_than_any(k2c: K2C, path: Path) -> None:
    found = k2c("diff", path, "--a", "default", "--b", "default", "--json").json
    assert found["a"] == asdict(DEFAULT)
    assert {c["kind"] for m in found["micrographs"] for c in m["changes"]} == {"kept"}
    settings = ["--a", "centroid=mean", "--b", "centroid=median"]

    def moved(*args: object) -> int:
        found = k2c("diff", path, *settings, *args, "--json").json
        return sum(m["counts"]["moved"] for m in found["micrographs"])

    assert moved("--moved", "0") > 0
    assert moved("--moved", "99") == 0


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--a", "size=3", "--b", "2022"], "no parameter 'size'"),
        (["--a", "2022", "--b", "min_samples=0"], "min_samples is 0"),
        (["--a", "2022"], "--b"),
        (["--a", "2022", "--b", "2022", "--moved", "-1"], "--moved is -1"),
        (["--a", "2022", "--b", "2022", "--moved", "nan"], "--moved is nan"),
        (["--a", "2022", "--b", "2022", "--micrograph", "x.tif"], "no micrograph x.tif"),
    ],
)
def test_diff_refuses(k2c: K2C, path: Path, args: list[str], told: str) -> None:
    ended = k2c("diff", path, *args)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


# merge


def test_merge(k2c: K2C, ann: Path, bob: Path) -> None:
    out = ann.with_name("joint.k2c")
    ended = k2c("merge", ann, bob, "-o", out)
    assert ended.code == 0
    assert [line.split(maxsplit=1) for line in ended.out.splitlines()] == [
        ["10", f"entries in {ann}"],
        ["8", f"entries in {bob}"],
        ["18", "entries joined"],
        ["18", "decisions in force"],
        ["8", "pairs of them share marks or a place, 6 of these ruled alike"],
        ["Wrote", f"{out}."],
    ]
    assert k2c("check", out).code == 0
    again = k2c("merge", out, ann, "-o", ann.with_name("again.k2c"), "--json").json
    assert again["entries"] == {str(out): 18, str(ann): 10}
    assert (again["entries_joined"], again["conflicts"], again["alike"]) == (18, 2, 6)
    assert again["experts"] == ["ann", "bob"]
    assert again["chosen"] == []


def test_merge_tells_what_it_chose(k2c: K2C, ann: Path, bob: Path) -> None:
    with Session(bob, write=True) as session:
        session.apply(ClusterParams(min_cluster_size=5))
    ended = k2c("merge", ann, bob, "-o", ann.with_name("joint.k2c"))
    assert ended.code == 0
    assert f"the joint session has that of {bob}" in ended.err


def test_merge_refuses(k2c: K2C, ann: Path, bob: Path) -> None:
    before = sha256(ann), sha256(bob)
    for args, told in (
        ([ann, bob, "-o", bob], "It is there already"),
        ([ann, bob, "-o", "."], "name of a session ends with .k2c"),
        ([ann, bob, "-o", ann.with_name("joint")], "Write joint.k2c."),
        ([ann, ann, "-o", ann.with_name("new.k2c")], "given twice"),
        ([ann, "-o", ann.with_name("new.k2c")], "two sessions or more"),
        ([ann, bob], "--output"),
        ([ann, ann.parent / "mapping.toml", "-o", ann.with_name("new.k2c")], "no session file"),
    ):
        ended = k2c("merge", *args)
        assert (ended.code, ended.out) == (2, "")
        assert told in ended.err
    assert (sha256(ann), sha256(bob)) == before
    assert not ann.with_name("new.k2c").exists()


# agreement


def test_agreement(k2c: K2C, ann: Path, bob: Path) -> None:
    before = sha256(ann), sha256(bob)
    found = k2c("agreement", ann, bob, "--json").json
    assert (found["shared"], found["only_a"], found["only_b"], found["same_entry"]) == (8, 2, 0, 0)
    assert found["all"]["agreement"] == 0.75
    assert found["all"]["kappa"] == pytest.approx(0.5)  # (.75 - .5) / .5
    assert found["all"]["confusion"][0][:2] == [2, 2]
    assert found["all"]["confusion"][1][:2] == [0, 4]
    assert found["independent"] == found["all"]
    assert found["categories"][-2:] == ["kept ambiguous", "rejected"]
    ended = k2c("agreement", ann, bob)
    assert "8 instances decided in both" in ended.out
    assert "75.0% alike, kappa 0.500 (95 %: 0.500 to 0.500)" in ended.out
    assert "kept ambiguous" in ended.out
    assert (sha256(ann), sha256(bob)) == before


def test_agreement_of_nobody_says_why(k2c: K2C, path: Path, ann: Path) -> None:
    found = k2c("agreement", path, ann, "--json").json
    assert (found["shared"], found["only_b"]) == (0, 10)
    assert found["all"]["kappa"] is None
    assert found["all"]["why"] == "there is nothing to compare"
    assert "there is nothing to compare" in k2c("agreement", path, ann).out
    copy = shutil.copy(ann, ann.with_name("copy.k2c"))
    assert k2c("agreement", ann, copy, "--json").json["same_entry"] == 10
    assert k2c("agreement", ann, ann).code == 2


# pace


def test_pace(k2c: K2C, ann: Path) -> None:
    with Session(ann, write=True, expert="ann") as session:
        session.undo()
        first, second = (e.uid for e in session.log[:2])
        session.repeat(first, ruling(session, 0, 0, blind=True))
        session.repeat(second, ruling(session, 1, 1, blind=True))
    found = k2c("pace", ann, "--json").json
    (all_,) = (row for row in found["rows"] if row["by"] == "all")
    assert (all_["cases"], all_["median"], all_["per_hour"]) == (12, 4, 900)
    assert all_["undo_rate"] == pytest.approx(1 / 12)
    assert found["repeats"]["n"] == 2
    assert found["repeats"]["agreement"] == 0.5
    assert found["repeats"]["low"] is None
    shown = k2c("pace", ann).out
    row = next(line.split() for line in shown.splitlines() if line.startswith("label"))
    assert row == ["label", "0", "Nanoparticle", "4", "0", "900", "4.0", "0.0%"]
    assert "2 instances, 50.0% alike, kappa 0.000; an interval needs two micrographs" in shown
    log = k2c("log", ann).out.splitlines()
    assert "repeat" in log[-1]
    assert "label 1" in log[-1]


def test_pace_of_nothing(k2c: K2C, path: Path) -> None:
    assert "nothing to compare" in k2c("pace", path).out
    found = k2c("pace", path, "--json").json
    assert found["rows"][0]["per_hour"] is None
    assert k2c("pace", path, "--pause", "0").code == 2


def test_a_repeat_is_blind_on_the_same_marks_and_of_a_decision(ann: Path) -> None:
    from k2c_gui.core.model import K2CError

    with Session(ann, write=True) as session:
        uid = session.log[0].uid
        before = len(session.log)
        for made, of, told in (
            (ruling(session, 0, 0, blind=True), "nobody", "no decision nobody"),
            (ruling(session, 0, 0), uid, "votes hidden"),
            (ruling(session, 1, 0, blind=True), uid, "the same marks"),
            (ruling(session, 0, 9, blind=True), uid, "cannot have the label 9"),
        ):
            with pytest.raises(K2CError, match=told):
                session.repeat(of, made)
        assert len(session.log) == before
        session.repeat(uid, ruling(session, 0, 3, blind=True))
        in_force = dict(session.state.ledger.in_force)
        session.undo()
        assert dict(session.state.ledger.in_force) == in_force
