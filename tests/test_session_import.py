"""Imports into a session: what a newer export may change, and what it may not."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from k2c_gui.core.model import Decision, K2CError, Table
from k2c_gui.importing import import_
from k2c_gui.io.session_file import Locked, WriterLock
from k2c_gui.io.sources import Files
from k2c_gui.session import Session


@pytest.fixture
def session(project: Path) -> Iterator[Session]:
    with Session(project / "demo.k2c", write=True, expert="an expert") as session:
        yield session


def files(project: Path, picking: str = "picking.csv", **more: Any) -> Files:
    more.setdefault("mapping", project / "mapping.toml")
    return Files(project / "images", project / picking, project / "classifying.csv", **more)


Rows = list[dict[str, str]]


def rewrite(path: Path, change: Callable[[Rows], Rows], to: Path) -> Path:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with to.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(change(rows))
    return to


def move_tile(x0: int) -> Callable[[Rows], Rows]:
    """Another origin for the tile of the first look that marked something."""

    def change(rows: Rows) -> Rows:
        subject = first_marked(rows)["subject_ids"]
        for row in rows:
            if row["subject_ids"] == subject:
                data = json.loads(row["subject_data"])
                data[subject]["#x0"] = str(int(data[subject]["#x0"]) + x0)
                row["subject_data"] = json.dumps(data)
        return rows

    return change


def drop_first_mark(rows: Rows) -> Rows:
    """The last mark of the first look that marked something is gone."""
    row = first_marked(rows)
    annotations = json.loads(row["annotations"])
    annotations[0]["value"].pop()
    row["annotations"] = json.dumps(annotations)
    return rows


def first_marked(rows: Rows) -> dict[str, str]:
    return next(r for r in rows if json.loads(r["annotations"])[0]["value"][:1])


def marks_of_first_look(session: Session) -> Table:
    marks = session.state.sources.marks
    first = session.state.sources.looks
    of_mark = marks["mark"] // 65536
    earliest = next(c for c in first["classification"] if c in of_mark)
    return marks[of_mark == earliest]


def decide_on(session: Session, marks: Table, label: int = 1) -> None:
    name = session.state.sources.micrographs[int(marks["micrograph"][0])].name
    x, y = float(marks["x"].mean()), float(marks["y"].mean())
    ids = tuple(marks["mark"].tolist())
    session.decide(
        [
            Decision(
                micrograph=name, marks=ids, verdict="label", label=label, x=x, y=y, decided_at=""
            )
        ]
    )


def test_the_same_export_again_changes_nothing(project: Path, session: Session) -> None:
    decide_on(session, marks_of_first_look(session))
    before, log = session.state.sources, session.log
    session.close()
    import_(project / "demo.k2c", files(project))
    with Session(project / "demo.k2c") as again:
        for name in ("tiles", "looks", "marks", "votes"):
            assert np.array_equal(getattr(again.state.sources, name), getattr(before, name))
        assert again.state.sources.micrographs == before.micrographs
        assert again.state.sources.labels == before.labels
        assert again.state.sources.tile_names == before.tile_names
        assert again.log == log
        assert again.identity == session.identity


def test_decisions_outlive_a_newer_export(project: Path, demo_project: Path) -> None:
    path = project / "new.k2c"
    for name in ("picking", "classifying"):
        full, older = project / f"{name}.csv", project / f"{name} older.csv"
        rewrite(full, lambda rows: rows[: len(rows) * 3 // 5], older)
    older_files = files(project, "picking older.csv")
    import_(path, replace(older_files, classifying=project / "classifying older.csv"))
    with Session(path, write=True) as session:
        older_marks = session.state.sources.marks
        decide_on(session, older_marks[older_marks["micrograph"] == 1][:7])
        log, in_force = session.log, session.state.ledger.in_force
    import_(path, files(project))
    with Session(path) as session, Session(demo_project / "demo.k2c") as at_once:
        assert session.log == log
        assert session.state.ledger.in_force == in_force
        assert len(session.imports) == 2
        marks, votes = session.state.sources.marks, session.state.sources.votes
        assert len(older_marks) < len(marks)
        assert np.isin(older_marks["mark"], marks["mark"]).all()
        # which of them the expert could see is known
        there = np.isin(marks["mark"], older_marks["mark"])
        assert [d.held for d in in_force.values()] == [there.sum()]
        assert np.array_equal(marks["since"], np.where(there, 0, len(marks)))
        for name in ("mark", "micrograph", "x", "y", "counted"):
            assert np.array_equal(marks[name], at_once.state.sources.marks[name]), name
        assert np.array_equal(votes["counted"], at_once.state.sources.votes["counted"])


def test_an_import_that_moves_marks_under_decisions_is_refused(
    project: Path, session: Session
) -> None:
    marks = marks_of_first_look(session)
    decide_on(session, marks[:3])
    decide_on(session, marks[:2], label=0)  # takes the place of the first
    session.close()
    path = project / "demo.k2c"
    before, there = path.read_bytes(), sorted(project.iterdir())
    rewrite(project / "picking.csv", move_tile(3), project / "moved.csv")
    with pytest.raises(K2CError, match=r"move or remove 3 marks under 2 decisions.*--remap"):
        import_(path, files(project, "moved.csv"))
    (project / "moved.csv").unlink()
    assert path.read_bytes() == before
    assert sorted(project.iterdir()) == there


def test_an_import_that_removes_a_mark_under_a_decision_is_refused(
    project: Path, session: Session
) -> None:
    decide_on(session, marks_of_first_look(session)[-1:])
    session.undo()  # a redo must find its mark
    session.close()
    before = (project / "demo.k2c").read_bytes()
    rewrite(project / "picking.csv", drop_first_mark, project / "fewer.csv")
    with pytest.raises(K2CError, match="move or remove 1 marks under 1 decisions"):
        import_(project / "demo.k2c", files(project, "fewer.csv"))
    assert (project / "demo.k2c").read_bytes() == before


def test_what_nobody_decided_on_may_move_and_go(project: Path, session: Session) -> None:
    first = marks_of_first_look(session)
    old = session.state.sources.marks
    others = old[(old["micrograph"] == 1) & ~np.isin(old["tile"], first["tile"])]
    decide_on(session, others[:4])
    in_force = session.state.ledger.in_force
    session.close()
    rewrite(project / "picking.csv", drop_first_mark, project / "fewer.csv")
    rewrite(project / "fewer.csv", move_tile(3), project / "changed.csv")
    import_(project / "demo.k2c", files(project, "changed.csv"))
    with Session(project / "demo.k2c") as again:
        marks = again.state.sources.marks
        assert set(old["mark"]) - set(marks["mark"]) == {first["mark"][-1]}
        stayed = old[np.isin(old["mark"], marks["mark"])]
        moved = stayed["tile"] == first["tile"][0]
        assert moved.any()
        assert np.allclose(marks["x"] - stayed["x"], np.where(moved, 3, 0))
        assert again.state.ledger.in_force == in_force


def test_remap_carries_decisions_with_their_marks(project: Path, session: Session) -> None:
    first = marks_of_first_look(session)
    old = session.state.sources.marks
    others = old[(old["micrograph"] == 1) & (old["tile"] != first["tile"][0])]
    decide_on(session, first)
    decide_on(session, others[:4])
    carried, untouched = session.state.ledger.in_force.values()
    log = session.log
    session.close()
    before = (project / "demo.k2c").read_bytes()
    rewrite(project / "picking.csv", drop_first_mark, project / "fewer.csv")
    rewrite(project / "fewer.csv", move_tile(3), project / "changed.csv")
    new = project / "new.k2c"
    _, written = import_(project / "demo.k2c", files(project, "changed.csv"), remap=new)
    assert written == new
    assert (project / "demo.k2c").read_bytes() == before
    with Session(new) as again:
        again.check()
        moved, same = again.state.ledger.in_force.values()
        assert same == untouched
        assert moved == replace(carried, x=pytest.approx(carried.x + 3))
        assert [e.uid for e in again.log] == [e.uid for e in log]
        assert again.identity == session.identity
    with pytest.raises(K2CError, match="there already"):
        import_(project / "demo.k2c", files(project), remap=new)
    with pytest.raises(K2CError, match="no session to carry over"):
        import_(project / "nothing.k2c", files(project), remap=project / "newer.k2c")
    assert not (project / "newer.k2c").exists()


def test_labels_are_frozen(project: Path) -> None:
    scheme = project / "labels.toml"
    scheme.write_text(
        "".join(
            f'[[label]]\nname = "{name}"\nvalue = {value}\nuse = {use}\n'
            for value, name, use in ((0, "Pd", "true"), (1, "PdO", "true"), (2, "x", "false"))
        )
        + '[[label]]\nname = "nothing"\nvalue = 3\nuse = false\n',
        encoding="utf-8",
    )
    path = project / "new.k2c"
    import_(path, files(project), labels=scheme)
    with Session(path) as session:
        frozen = session.state.sources.labels
    assert [(label.value, label.name, label.use) for label in frozen] == [
        (0, "Pd", True),
        (1, "PdO", True),
        (2, "x", False),
        (3, "nothing", False),
    ]
    before = path.read_bytes()
    other = project / "other.toml"
    other.write_text(scheme.read_text().replace('"PdO"', '"PdO2"'), encoding="utf-8")
    with pytest.raises(K2CError, match="other labels, and they are frozen"):
        import_(path, files(project), labels=other)
    assert path.read_bytes() == before
    import_(path, files(project), labels=scheme)
    import_(path, files(project))
    with Session(path) as session:
        assert session.state.sources.labels == frozen


def test_a_pixel_size_by_hand_outlives_an_import_without(project: Path) -> None:
    path = project / "demo.k2c"
    with Session(path) as session:
        from_tags = session.state.sources.micrographs[0]
    assert from_tags.pixel_size_nm not in (None, 0.321)
    import_(path, files(project, pixel_size_nm=0.321))
    import_(path, files(project))
    with Session(path) as session:
        assert {m.pixel_size_nm for m in session.state.sources.micrographs} == {0.321}
        rows = session.training_set(signed_off_only=False, box_nm=3.21)
        assert rows.box_px.tolist() == pytest.approx([10, 10])
    import_(path, files(project, pixel_size_nm=0.5))
    with Session(path) as session:
        assert {m.pixel_size_nm for m in session.state.sources.micrographs} == {0.5}


@pytest.mark.parametrize(
    "broken",
    [
        {"images": "nowhere"},
        {"picking": "nowhere.csv"},
        {"picking": "truth.csv.gz"},
        {"mapping": "picking.csv"},
        {"classifying": "mapping.toml"},
    ],
)
def test_an_import_that_fails_leaves_everything_as_it_was(
    project: Path, broken: dict[str, str]
) -> None:
    (project / "truth.csv.gz").write_bytes(b"\x1f\x8bno gzip at all")
    path = project / "demo.k2c"
    before, there = path.read_bytes(), sorted(project.iterdir())
    asked = replace(files(project), **{k: project / v for k, v in broken.items()})
    for target in (path, project / "new.k2c"):
        with pytest.raises(K2CError):
            import_(target, asked)
    assert path.read_bytes() == before
    assert sorted(project.iterdir()) == there


@pytest.mark.parametrize("name", ["demo.k2c", "new.k2c"])
def test_nobody_imports_into_what_another_writes(project: Path, name: str) -> None:
    before = (project / "demo.k2c").read_bytes()
    lock = WriterLock(project / name)
    try:
        with pytest.raises(Locked, match="is writing this session"):
            import_(project / name, files(project))
    finally:
        lock.release()
    assert not (project / "new.k2c").exists()
    assert (project / "demo.k2c").read_bytes() == before
