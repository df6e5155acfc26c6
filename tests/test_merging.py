"""Sessions of several experts joined: the same in any order, and what is refused."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from k2c_gui import importing, merging
from k2c_gui.core import edits
from k2c_gui.core.model import ClusterParams, Decision, K2CError, Remark
from k2c_gui.io import session_file
from k2c_gui.io.files import sha256
from k2c_gui.io.session_file import Content, SessionFile
from k2c_gui.io.sources import Files
from k2c_gui.session import Session

FIRST, SECOND = "AuGe_001.tif", "PdC_002.tif"


def ruling(session: Session, i: int, label: int | None = 1, **about: Any) -> Decision:
    """On the marks of group i of the first micrograph."""
    evidence = session.state.evidence[0]
    marks = tuple(evidence.marks["mark"][5 * i : 5 * i + 5].tolist())
    fixed = {
        "micrograph": evidence.name,
        "marks": marks,
        "x": 1.0,
        "y": 2.0,
        "verdict": "label" if label is not None else "defer",
        "label": label,
        "decided_at": "2024-05-01T10:00:00.000Z",
        "made_from": (marks,),
    }
    return Decision(**(fixed | about))


@pytest.fixture
def experts(project: Path) -> dict[str, Path]:
    """Three sessions that were begun together; ann and bob went on, cat did nothing."""
    base = project / "demo.k2c"
    with Session(base, write=True, expert="both") as session:
        session.decide([ruling(session, 0)])
    paths = {name: project / f"{name}.k2c" for name in ("ann", "bob", "cat")}
    for path in paths.values():
        shutil.copy(base, path)
    with Session(paths["ann"], write=True, expert="ann") as session:
        session.undo()
        session.decide([ruling(session, 1, 0), ruling(session, 2, 3)])
        session.decide([ruling(session, 3, None)])
        session.undo()
        session.redo()
        session.remark([Remark(FIRST, ruling(session, 3).marks, "look again", True)])
        settle_and_sign_off(session, 1)
        session.apply(replace(session.state.ledger.params, min_samples=4))
        session.set_pixel_size(0.5, [FIRST])
    with Session(paths["bob"], write=True, expert="bob") as session:
        session.decide([ruling(session, 1, 2)])
        uid = session.log[-1].uid
        session.decide([ruling(session, 9, 1)])
        session.repeat(uid, ruling(session, 1, 0, blind=True))
        session.apply(replace(session.state.ledger.params, min_samples=7))
        session.set_pixel_size(0.25, [FIRST])
    return paths


def settle_and_sign_off(session: Session, place: int) -> None:
    """Decide the ties of a micrograph and sign it off."""
    evidence = session.state.evidence[place]
    table = session.instances(only=[place])
    for row in table[(table["status"] == 0) & (table["label"] == -1)]:
        near = np.hypot(evidence.marks["x"] - row["x"], evidence.marks["y"] - row["y"]) < 6
        marks = tuple(evidence.marks["mark"][near].tolist())
        session.decide([ruling(session, 0, marks=marks, micrograph=evidence.name)])
    session.sign_off(evidence.name)


def content(path: Path) -> Content:
    file = SessionFile(path)
    try:
        file.check()
        return file.content()
    finally:
        file.close()


def told(found: Content) -> tuple[Any, ...]:
    """Content, comparable: arrays by their bytes."""
    s = found.sources
    arrays = (s.tiles, s.looks, s.marks, s.votes)
    facts = (s.micrographs, s.labels, s.tile_names, s.vote_radius)
    return found.identity, found.imports, found.params, found.log, facts, *map(bytes, arrays)


def test_in_any_order_grouping_and_number_the_content_is_the_same(
    experts: dict[str, Path], tmp_path: Path
) -> None:
    paths = list(experts.values())
    before = {path: sha256(path) for path in paths}
    found = []
    for i, order in enumerate(permutations(paths)):
        out = paths[0].with_name(f"joint{i}.k2c")
        merged = merging.merge(order, out)
        assert told(content(out)) == told(merged.content)
        found.append(told(merged.content))
    a, b, c = paths
    ab, bc, joint = (a.with_name(f"{name}.k2c") for name in ("ab", "bc", "joint"))
    merging.merge([a, b], ab)
    merging.merge([b, c], bc)
    merging.merge([ab, bc], joint)  # b twice, in two parts
    found.append(told(content(joint)))
    assert all(one == found[0] for one in found)
    assert {path: sha256(path) for path in paths} == before
    assert not list(a.parent.glob("*.lock"))
    assert not list(a.parent.glob(".*"))


def test_what_is_in_force_is_what_each_decided(experts: dict[str, Path]) -> None:
    ann, bob, cat = experts.values()
    merged = merging.merge([ann, bob, cat], ann.with_name("joint.k2c"))
    with Session(ann) as one, Session(bob) as other:
        expected = {**one.state.ledger.in_force, **other.state.ledger.in_force}
        gone = set(other.state.ledger.in_force) - set(one.state.ledger.in_force)
        (base,) = (u for u in gone if other.state.ledger.in_force[u].marks == ruling(one, 0).marks)
        del expected[base]  # ann took back what they had begun with
        (mine,) = (
            u for u, d in expected.items() if d.marks == ruling(one, 1).marks and not d.label
        )
        (his,) = (
            u for u, d in expected.items() if d.marks == ruling(one, 1).marks and d.label == 2
        )
    assert dict(merged.ledger.in_force) == expected
    assert [set(pair) for pair in merged.ledger.conflicts] == [{mine, his}]
    assert merged.ledger.signed_off == {SECOND}
    assert merging.experts(merged.content.log) == ("ann", "bob", "both")
    assert {e.kind for e in merged.content.log} == {
        *("decide", "undo", "redo", "remark", "repeat", "sign-off", "apply", "calibrate")
    }
    assert merged.entries == tuple(len(content(path).log) for path in (ann, bob, cat))


def test_work_goes_on_in_the_joint_session(experts: dict[str, Path]) -> None:
    ann, bob, _ = experts.values()
    out = ann.with_name("joint.k2c")
    merging.merge([ann, bob], out)
    with Session(out, write=True, expert="cat") as session:
        before = dict(session.state.ledger.in_force)
        session.decide([ruling(session, 12)])
        while session.state.ledger.undoable:
            session.undo()
        assert not session.state.ledger.in_force
        while session.state.ledger.redoable:
            session.redo()
        after = dict(session.state.ledger.in_force)
        (new,) = (d for uid, d in after.items() if uid not in before)
        assert new.marks == ruling(session, 12).marks
        assert before.keys() <= after.keys()
    content(out)
    again = merging.merge([out, bob], ann.with_name("again.k2c"))
    assert again.content.log == content(out).log  # bob has nothing new


def test_experts_who_agree_do_not_stand_in_the_way_of_a_sign_off(
    experts: dict[str, Path],
) -> None:
    ann, bob, _ = experts.values()
    with Session(bob, write=True, expert="bob") as session:
        settle_and_sign_off(session, 1)
    with Session(ann) as session:
        alone = session.training_set(box_px=10.0).instances
    out = ann.with_name("joint.k2c")
    merging.merge([ann, bob], out)
    with Session(out, write=True, expert="cat") as session:
        on = session.state.ledger.on[SECOND]
        assert sum(one in on for one, _ in session.state.ledger.conflicts) > 10
        assert session.state.ledger.signed_off == frozenset()
        session.sign_off(SECOND)
        assert session.state.ledger.signed_off == {SECOND}
        both = session.training_set(box_px=10.0).instances
    assert both[["x", "y", "label"]].tolist() == alone[["x", "y", "label"]].tolist()


def test_choices_between_sessions_are_told(experts: dict[str, Path]) -> None:
    ann, bob, cat = experts.values()
    merged = merging.merge([ann, bob], ann.with_name("joint.k2c"))
    assert merged.ledger.params.min_samples == 7  # applied last
    setting, size = merged.chosen
    assert f"applied settings differ: the joint session has that of {bob}" in setting
    assert size == f"{FIRST} was calibrated to 0.25 and 0.5 nm a pixel; 0.25 was set last."
    assert merging.merge([cat, cat.with_name("demo.k2c")], ann.with_name("j.k2c")).chosen == ()


# what is refused


Damage = Callable[[Path], None]


def _other_import(path: Path) -> None:
    edit(path, lambda c: replace(c, identity="another"))


def _more_votes(path: Path) -> None:
    edit(path, lambda c: replace(c, sources=replace(c.sources, votes=c.sources.votes[:-1])))


def _moved_mark(path: Path) -> None:
    def move(c: Content) -> Content:
        marks = c.sources.marks.copy()
        marks["x"][0] += 0.5
        return replace(c, sources=replace(c.sources, marks=marks))

    edit(path, move)


def _other_scale(path: Path) -> None:
    def scale(c: Content) -> Content:
        first, *rest = c.sources.micrographs
        return replace(
            c, sources=replace(c.sources, micrographs=(replace(first, pixel_size_nm=9.0), *rest))
        )

    edit(path, scale)


def _other_labels(path: Path) -> None:
    def rename(c: Content) -> Content:
        first, *rest = c.sources.labels
        return replace(c, sources=replace(c.sources, labels=(replace(first, name="Dot"), *rest)))

    edit(path, rename)


def _another_word(path: Path) -> None:
    edit(path, lambda c: replace(c, log=(replace(c.log[0], expert="eve"), *c.log[1:])))


def _newer(path: Path) -> None:
    with path.open("rb+") as file:
        file.seek(60)
        file.write((session_file.VERSION + 1).to_bytes(4, "big"))


def _flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    place = data.index(b"2024-05-01T10:00:00.000Z")
    data[place + 3] ^= 1
    path.write_bytes(data)


def _no_session(path: Path) -> None:
    path.write_text("mark,x,y\n", encoding="utf-8")


def edit(path: Path, change: Callable[[Content], Content]) -> None:
    changed = change(content(path))
    path.unlink()
    session_file.write(path, changed)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (_other_import, "not begun with the exports that .*ann.k2c was"),
        (_more_votes, "differs from .*ann.k2c in its votes"),
        (_moved_mark, "differs from .*ann.k2c in its marks"),
        (_other_scale, r"in its micrograph AuGe_001.tif \(384 x 384 px, .*there .*9 nm a pixel"),
        (_other_labels, "differs from .*ann.k2c in its labels"),
        (_another_word, "one thing here and another there"),
        (_newer, "written by a newer k2c_gui"),
        (_flipped, "The file is damaged"),
        (_no_session, "This is no session file"),
        (Path.unlink, "It cannot be opened"),
    ],
)
def test_what_does_not_belong_is_refused_and_nothing_is_touched(
    experts: dict[str, Path], damage: Damage, why: str
) -> None:
    ann, bob, _ = experts.values()
    damage(bob)
    before = {path: path.read_bytes() for path in ann.parent.iterdir() if path.is_file()}
    out = ann.with_name("joint.k2c")
    for order in ((ann, bob), (bob, ann)):
        with pytest.raises(K2CError, match=r"bob\.k2c") as refused:
            merging.merge(order, out)
        if order[0] == ann:
            refused.match(why)
        now = {path: path.read_bytes() for path in ann.parent.iterdir() if path.is_file()}
        assert now == before


def test_no_merge_onto_what_is_there_or_of_one_with_itself(
    experts: dict[str, Path], tmp_path: Path
) -> None:
    ann, bob, _ = experts.values()
    before = {path: sha256(path) for path in experts.values()}
    free = ann.with_name("joint.k2c")
    link = ann.with_name("link.k2c")
    link.symlink_to(ann)
    here = Path(os.path.relpath(ann))
    for paths, out, why in (
        ([ann, bob], bob, "bob.k2c: It is there already"),
        ([ann, ann], free, "ann.k2c: The same session is given twice"),
        ([ann, bob, here], free, "given twice"),
        ([ann, link], free, "given twice"),
        ([ann], free, "two sessions or more"),
        ([], free, "two sessions or more"),
        ([ann, bob], tmp_path / "nowhere" / "joint.k2c", "cannot be written"),
    ):
        with pytest.raises(K2CError, match=why):
            merging.merge(paths, out)
        assert out in experts.values() or not out.exists()
    assert {path: sha256(path) for path in experts.values()} == before


def test_a_disk_that_does_not_take_it_leaves_nothing(
    experts: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob, _ = experts.values()

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    before = sorted(ann.parent.iterdir())
    monkeypatch.setattr("k2c_gui.io.session_rows.insert_log", full)
    with pytest.raises(K2CError, match="disk is full"):
        merging.merge([ann, bob], ann.with_name("joint.k2c"))
    assert sorted(ann.parent.iterdir()) == before


def test_sessions_of_one_import_made_by_two_are_one(project: Path, tmp_path: Path) -> None:
    """Each began with the same exports; one read them once more."""
    files = Files(
        project / "images",
        project / "picking.csv",
        project / "classifying.csv",
        mapping=project / "mapping.toml",
    )
    mine, theirs = project / "demo.k2c", tmp_path / "theirs.k2c"
    importing.import_(theirs, files)
    importing.import_(theirs, files)
    for path in (mine, theirs):
        with Session(path, write=True, expert=path.stem) as session:
            session.decide([ruling(session, 3)])
    merged = merging.merge([mine, theirs], tmp_path / "joint.k2c")
    assert len(merged.content.imports) == 2
    assert len(merged.ledger.conflicts) == 1
    with Session(tmp_path / "joint.k2c") as session:
        assert session.check() == ()  # the images are found from there


def test_begun_with_other_settings(experts: dict[str, Path]) -> None:
    """As versions with another default did."""
    _, bob, cat = experts.values()
    edit(bob, lambda c: replace(c, params=ClusterParams(min_cluster_size=5), log=()))
    found = {
        msgspec.json.encode(merging.merge(order, cat.with_name(f"{i}.k2c")).content.params)
        for i, order in enumerate([(cat, bob), (bob, cat)])
    }
    assert len(found) == 1
    told = merging.merge([cat, bob], cat.with_name("told.k2c")).chosen
    assert len(told) == 1
    assert "applied settings differ" in told[0]


def added(session: Session, x: float, y: float, label: int = 0) -> Decision:
    """A particle that nobody marked, as the expert adds it."""
    about = {"x": x, "y": y, "label": label, "verdict": "label", "micrograph": FIRST}
    mark = -2 - secrets.randbits(62)
    return Decision(marks=(mark,), decided_at="2024-05-01T10:00:00.000Z", **about)


@pytest.mark.parametrize(("shift", "label"), [(1.0, 0), (1.0, 1), (30.0, 0)])
def test_a_particle_that_two_experts_added_is_one(
    experts: dict[str, Path], shift: float, label: int
) -> None:
    ann, bob, _ = experts.values()
    with Session(ann, write=True, expert="ann") as session:
        session.decide([added(session, 70.0, 70.0)])
    with Session(bob, write=True, expert="bob") as session:
        session.decide([added(session, 70.0 + shift, 70.0, label)])
    out = ann.with_name("joint.k2c")
    merged = merging.merge([ann, bob], out)
    hand = {uid for uid, d in merged.ledger.in_force.items() if max(d.marks) < 0}
    assert ({*hand} in map(set, merged.ledger.conflicts)) == (shift == 1)
    with Session(out, write=True, expert="cat") as session:
        assert session.state.ledger.conflicts == merged.ledger.conflicts
        rows = session.training_set(signed_off_only=False, box_px=9.0).instances
        here = rows[(rows["micrograph"] == 0) & (np.hypot(rows["x"] - 70, rows["y"] - 70) < 40)]
        assert sum(key in hand for key in here["key"]) == {1.0: 1 - label, 30.0: 2}[shift]
        if shift > 1:
            return
        basis = session._basis(0)
        both = np.flatnonzero(np.isin(basis.instances["instance"], list(hand))).tolist()
        (ruled,) = edits.rule(basis, both[:1], "label", 2, at="2024-05-02T10:00:00Z")
        assert ruled.source == "adjudicated"
        session.decide([ruled])
        last = session.log[-1]
        assert set(last.supersedes) == hand
        assert last.decision is not None
        assert len(last.decision.marks) == 2
        assert not any(hand & set(pair) for pair in session.state.ledger.conflicts)
        session.undo()
        twice = edits.rule(basis, both, "label", 2, at="2024-05-02T10:00:00Z")
        with pytest.raises(K2CError, match="cannot be part of two"):
            session.decide(twice)
