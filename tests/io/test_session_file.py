"""The session file: what goes in comes out, and is only ever added to."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from k2c_gui.core import exposure
from k2c_gui.core.model import (
    LOOK,
    MARK,
    NO_LABEL,
    NO_MARK,
    TILE,
    VOTE,
    ClusterParams,
    Decision,
    Entry,
    K2CError,
    Label,
    Micrograph,
    Sources,
    Tally,
)
from k2c_gui.io import session_file, session_rows
from k2c_gui.io.mapping import Classifying, Mapping, Pattern, Picking
from k2c_gui.io.session_file import Content, ImportRecord, SessionFile

PARAMS = ClusterParams(8, 5, 1.5, "leaf", "hdbscan", "median", 0.35)
RULING = Decision(
    micrograph="a.tif",
    marks=(1 << 16, (1 << 16) + 1),
    verdict="label",
    label=7,
    x=0.1,
    y=1 / 3,
    shown_at="2024-05-01T10:00:00.000Z",
    decided_at="2024-05-01T10:00:02.500Z",
    blind=True,
    source="adjudicated",
    note="two, = touching; 'ü' \"µ\"\n– 粒子",
    reason="edge",
    votes=(3, 2),
    params=PARAMS,
    made_from=((1 << 16,), ((1 << 16) + 1, 2 << 16)),
)


def entry(uid: str, kind: str = "decide", step: str = "", **about: Any) -> Entry:
    if kind == "decide":
        about.setdefault("decision", RULING)
    fixed = {"at": "2024-05-01T10:00:02.501Z", "expert": "an expert", **about}
    return Entry(uid=uid, step=step or f"step {uid}", kind=kind, **fixed)  # type: ignore[arg-type]


LOG = (
    entry("a"),
    entry("b", decision=replace(RULING, verdict="defer", label=None), supersedes=("a",)),
    entry("c", decision=replace(RULING, marks=(-4,), verdict="reject", label=None, params=None)),
    entry("d", "sign-off", step="step c", micrograph="a.tif"),
    entry("e", "undo", target="step c"),
    entry("f", "redo", target="step c"),
    entry("g", "apply", params=PARAMS),
)


def sources(folder: Path) -> Sources:
    micrographs = (
        Micrograph("a.tif", str(folder / "images" / "a.tif"), 64, 48, 0.25, "given", "ab" * 32),
        Micrograph("b [x].tif", "/elsewhere/b [x].tif", 9, 9),
    )
    labels = (Label(2, "Nothing", False), Label(7, "Particle", True, ("Yes", "Ja, ja")))
    tiles = np.array([(0, -8.5, -8, 40, 40), (1, 0, 0, 9, 9)], TILE)
    looks = np.array([(1, 100, 0, 0, 0), (2, 200, 1, 1, 0), (3, 300, 0, 0, 0)], LOOK)
    marks = np.array(
        [
            (1 << 16, 0, 0, 0, 0.1, 1 / 3, NO_LABEL, 1, 0, 0),
            ((1 << 16) + 1, 0, 0, 0, 5, 6, 7, 1, 0, 2),
            (2 << 16, 1, 1, 1, -1.5, 3, 2, 0, 0, 3),
        ],
        MARK,
    )
    votes = np.array(
        [(5, 400, 2, 1 << 16, 0, 0.1, 1 / 3, 7, 0), (6, 500, 3, NO_MARK, 1, 2, 2, 2, 0)], VOTE
    )
    names = ("701", "702#1")
    return exposure.count(
        Sources(micrographs, labels, names, tiles, looks, marks, votes, vote_radius=0.1 + 0.2)
    )


@pytest.fixture
def content(tmp_path: Path) -> Content:
    mapping = Mapping(
        picking=Picking(task="T0", pattern=Pattern("Filename", r"(?P<micrograph>.+)_x")),
        classifying=Classifying(task="T1", answers={"Yes": 7, "No": 2}, radius=12.0),
    )
    tallies = (Tally("picking", "dropped", "no task", 3, "row 17"),)
    record = ImportRecord("9.8.7", mapping, True, {"picking": "cd" * 32}, tallies)
    return Content("one of a kind", sources(tmp_path), (record, record), PARAMS, LOG)


@pytest.fixture
def path(tmp_path: Path, content: Content) -> Path:
    path = tmp_path / "some.k2c"
    session_file.write(path, content)
    return path


@pytest.fixture
def opened() -> Iterator[Callable[..., SessionFile]]:
    files: list[SessionFile] = []

    def open_(path: Path, *, write: bool = False) -> SessionFile:
        files.append(SessionFile(path, write=write))
        return files[-1]

    yield open_
    for file in files:
        file.close()


def plain(content: Content) -> tuple[Any, ...]:
    """What Python can compare."""
    facts = content.sources
    tables = [t.tolist() for t in (facts.tiles, facts.looks, facts.marks, facts.votes)]
    named = (facts.micrographs, facts.labels, facts.tile_names, facts.vote_radius)
    return (content.identity, named, tables, content.imports, content.params, content.log)


def test_everything_comes_back(
    path: Path, content: Content, opened: Callable[..., SessionFile]
) -> None:
    assert plain(opened(path).content()) == plain(content)


def test_a_file_without_marks_and_votes_comes_back(
    tmp_path: Path, content: Content, opened: Callable[..., SessionFile]
) -> None:
    facts = content.sources
    bare = replace(content, sources=replace(facts, marks=facts.marks[:0], votes=facts.votes[:0]))
    session_file.write(tmp_path / "bare.k2c", bare)
    file = opened(tmp_path / "bare.k2c")
    file.check()
    assert plain(file.content()) == plain(bare)


def test_images_below_the_folder_move_with_it(
    path: Path, opened: Callable[..., SessionFile]
) -> None:
    moved = path.parent / "moved"
    moved.mkdir()
    near, far = opened(path.rename(moved / path.name)).content().sources.micrographs
    assert Path(near.path) == moved / "images" / "a.tif"
    assert Path(far.path).as_posix() == "/elsewhere/b [x].tif"


def test_the_same_content_gives_the_same_bytes(path: Path, content: Content) -> None:
    again = path.with_name("again.k2c")
    session_file.write(again, content)
    assert again.read_bytes() == path.read_bytes()


def test_the_file_says_what_it_is(path: Path) -> None:
    head = path.read_bytes()[:100]
    assert head[68:72] == b"K2CG"
    assert int.from_bytes(head[60:64], "big") == session_file.VERSION
    assert head[18:20] == b"\1\1", "no write-ahead log: a session is one file"


def test_durability_settings_are_in_force(path: Path, opened: Callable[..., SessionFile]) -> None:
    reader, writer = opened(path), opened(path, write=True)
    settings = {"journal_mode": "delete", "synchronous": 3, "locking_mode": "normal"}
    settings |= {"foreign_keys": 1, "trusted_schema": 0, "mmap_size": 0}
    settings |= {"cell_size_check": 1, "fullfsync": 1}
    for file in (reader, writer):
        for name, value in settings.items():
            assert file._db.execute(f"PRAGMA {name}").fetchone() == (value,), name
    assert reader._db.execute("PRAGMA query_only").fetchone() == (1,)


@pytest.mark.parametrize("table", session_rows.SCHEMA)
@pytest.mark.parametrize("verb", ['UPDATE "TABLE" SET ROWID = 77', 'DELETE FROM "TABLE"'])
def test_no_row_is_changed_or_deleted(path: Path, table: str, verb: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        before = list(db.iterdump())
        assert any(line.startswith(f'INSERT INTO "{table}"') for line in before)
        with pytest.raises(sqlite3.IntegrityError, match=f"{table} is only ever added to"):
            db.execute(verb.replace("TABLE", table))
        assert list(db.iterdump()) == before


def test_appended_entries_come_last_and_are_there_at_once(
    path: Path, opened: Callable[..., SessionFile]
) -> None:
    reader, writer = opened(path), opened(path, write=True)
    step = (entry("x", step="one"), entry("y", step="one", supersedes=("x", "b")))
    writer.append(step)
    writer.append([entry("z", "undo", target="one")])
    assert reader.log() == (*LOG, *step, entry("z", "undo", target="one"))
    assert opened(path).content().log == reader.log()
    writer.check()


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_step_goes_in_whole_or_not_at_all(
    path: Path, opened: Callable[..., SessionFile], place: int
) -> None:
    step = [entry("x"), entry("y"), entry("z")]
    step[place] = replace(step[place], uid="a")  # there already
    writer = opened(path, write=True)
    before = path.read_bytes()
    with pytest.raises(K2CError):
        writer.append(step)
    assert writer.log() == LOG
    assert path.read_bytes() == before
    writer.append([entry("x")])
    assert [e.uid for e in writer.log()] == [*"abcdefg", "x"]


def test_a_reader_cannot_append(path: Path, opened: Callable[..., SessionFile]) -> None:
    before = path.read_bytes()
    reader = opened(path)
    with pytest.raises(K2CError, match="reading only"):
        reader.append([entry("x")])
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._db.execute("CREATE TABLE mine (x)")
    assert path.read_bytes() == before


def test_a_reader_sees_the_last_whole_step_while_another_is_written(
    path: Path, opened: Callable[..., SessionFile]
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO log VALUES (NULL, 'x', 's', 'undo', '', '', '[]', '{}', '')")
        assert opened(path).content().log == LOG
        other.execute("ROLLBACK")


def test_reading_leaves_no_trace(path: Path, opened: Callable[..., SessionFile]) -> None:
    before = path.read_bytes()
    there = sorted(path.parent.iterdir())
    file = opened(path)
    file.content()
    file.check()
    file.close()
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == there


def test_check_passes_a_whole_file(path: Path, opened: Callable[..., SessionFile]) -> None:
    opened(path).check()


def unguarded(path: Path, *statements: str) -> None:
    """Change a file as another program might, and leave its schema as it was."""
    with closing(sqlite3.connect(path)) as db:
        for trigger in session_rows.TRIGGERS:
            db.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            assert db.execute(statement).rowcount == 1, statement
        for trigger in session_rows.TRIGGERS.values():
            db.execute(trigger)
        db.commit()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO mark VALUES (99, 88, 0, 1.0, 1.0, NULL, 1)",  # on no tile
        "UPDATE mark SET x = x + 0.001 WHERE mark = 65536",
        "UPDATE vote SET label = 2 WHERE label = 7",
        "UPDATE micrograph SET pixel_size_nm = 0.5 WHERE micrograph = 0",
        "UPDATE meta SET value = 'another' WHERE key = 'identity'",
        "UPDATE import SET tallies = '[]' WHERE import = 0",
        "DELETE FROM vote WHERE classification = 5",
        "DELETE FROM meta WHERE key = 'sum'",
        "DELETE FROM meta WHERE key = 'vote_radius'",
        "UPDATE log SET body = replace(body, '\"label\":7', '\"label\":2') WHERE uid = 'a'",
        "UPDATE log SET body = 'no json' WHERE uid = 'a'",
        "UPDATE log SET expert = 'nobody' WHERE uid = 'a'",
        "UPDATE log SET seq = 100 WHERE uid = 'a'",
        "DELETE FROM log WHERE uid = 'b'",
    ],
)
def test_check_finds_what_was_changed(
    path: Path, opened: Callable[..., SessionFile], statement: str
) -> None:
    unguarded(path)
    opened(path).check()  # the way of changing it alone does no harm
    unguarded(path, statement)
    with pytest.raises(K2CError, match=r"some\.k2c"):
        opened(path).check()


def test_check_finds_a_log_that_does_not_add_up(
    path: Path, opened: Callable[..., SessionFile]
) -> None:
    writer = opened(path, write=True)
    writer.append([entry("x", "undo", target="never done")])
    with pytest.raises(K2CError, match="undo of a step that was not there"):
        writer.check()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER more AFTER INSERT ON log BEGIN DELETE FROM meta; END",
        "CREATE VIEW more AS SELECT * FROM mark",
        "CREATE TABLE more (x)",
        "CREATE INDEX more ON mark (x)",
        "CREATE VIRTUAL TABLE more USING fts5(x)",
        "DROP TABLE import",
        "DROP TRIGGER log_no_delete",
        "ALTER TABLE mark ADD COLUMN more TEXT",
    ],
)
def test_a_strange_schema_is_refused(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(statement)
        db.commit()
    before = path.read_bytes()
    for write in (False, True):
        with pytest.raises(K2CError, match="does not belong in a session"):
            SessionFile(path, write=write)
    assert path.read_bytes() == before


def test_a_trigger_of_our_name_that_does_something_else_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TRIGGER log_no_update")
        db.execute(
            "CREATE TRIGGER log_no_update AFTER INSERT ON log BEGIN"
            " INSERT INTO meta VALUES (new.uid, 'ran'); END"
        )
        db.commit()
    with pytest.raises(K2CError, match="log_no_update"):
        SessionFile(path)


def test_a_newer_file_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA user_version = {session_file.VERSION + 1}")
    before, there = path.read_bytes(), sorted(path.parent.iterdir())
    for write in (False, True):
        with pytest.raises(K2CError, match=r"newer k2c_gui \(format 2.*Install the newer"):
            SessionFile(path, write=write)
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == there
