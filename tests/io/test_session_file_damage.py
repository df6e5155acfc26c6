"""The session file when the world is unkind: damage, full disks, no rights, killed writers."""

from __future__ import annotations

import errno
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from k2c_gui.core.model import ClusterParams, Decision, Entry, K2CError
from k2c_gui.io import session_file, session_rows
from k2c_gui.io.session_file import Content, SessionFile
from k2c_gui.session import Session

Nobody = Callable[[], AbstractContextManager[None]]
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


@pytest.fixture(scope="module")
def decided(
    demo_project: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, tuple[str, ...]]:
    """A session with a log that is worth having, and the same in SQL; to be read only."""
    path = tmp_path_factory.mktemp("decided") / "demo.k2c"
    content = read(demo_project / "demo.k2c")
    facts = content.sources
    few = replace(facts, marks=facts.marks[:150], votes=facts.votes[:300])
    session_file.write(path, replace(content, sources=few))
    with Session(path, write=True, expert="an expert") as session:
        marks = session.state.sources.marks
        for i, mark in enumerate(marks[marks["micrograph"] == 0][:12]):
            session.decide(
                [
                    Decision(
                        micrograph="AuGe_001.tif",
                        marks=(int(mark["mark"]),),
                        verdict="label",
                        label=i % 4,
                        x=float(mark["x"]),
                        y=float(mark["y"]),
                        decided_at="2024-05-01T10:00:02.500Z",
                        note="because it is so",
                    )
                ]
            )
        session.undo()
        session.apply(ClusterParams(min_cluster_size=8, min_samples=5))
    return path, sql(path)


@pytest.fixture
def path(decided: tuple[Path, tuple[str, ...]], tmp_path: Path) -> Path:
    return Path(shutil.copy(decided[0], tmp_path / "some.k2c"))


def sql(path: Path) -> tuple[str, ...]:
    with closing(sqlite3.connect(path)) as db:
        return tuple(db.iterdump())


def read(path: Path) -> Content:
    with closing(SessionFile(path)) as file:
        return file.content()


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize(
    ("what", "damage"),
    [
        ("nothing there", lambda whole: None),
        ("empty", lambda whole: b""),
        ("text", lambda whole: b"micrograph,x,y\na.tif,1,2\n" * 20),
        ("zeros", lambda whole: bytes(len(whole))),
        ("header alone", lambda whole: whole[:100]),
        ("one page", lambda whole: whole[:4096]),
        ("cut in a page", lambda whole: whole[: len(whole) // 2 + 17]),
        ("cut at a page", lambda whole: whole[:-4096]),
        ("a page of zeros", lambda whole: whole[:8192] + bytes(4096) + whole[12288:]),
        ("other program", lambda whole: whole[:68] + b"GP10" + whole[72:]),
    ],
)
def test_what_is_no_session_is_told_and_left_alone(
    path: Path, what: str, damage: Callable[[bytes], bytes | None], write: bool
) -> None:
    damaged = damage(path.read_bytes())
    path.unlink()
    if damaged is not None:
        path.write_bytes(damaged)
    there = sorted(path.parent.iterdir())
    with pytest.raises(K2CError, match=r"some\.k2c"):
        SessionFile(path, write=write)
    assert sorted(path.parent.iterdir()) == there
    assert damaged is None or path.read_bytes() == damaged


def test_a_folder_is_no_session(tmp_path: Path) -> None:
    with pytest.raises(K2CError, match="cannot be opened"):
        SessionFile(tmp_path)


def test_another_database_is_no_session(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.k2c")) as db:
        db.execute("CREATE TABLE mark (x)")
    with pytest.raises(K2CError, match=r"no session file.*k2c import"):
        SessionFile(tmp_path / "other.k2c")


@pytest.mark.parametrize("flips", [100, pytest.param(500, marks=pytest.mark.slow)])
def test_flipped_bytes_are_found_or_change_nothing(
    decided: tuple[Path, tuple[str, ...]], tmp_path: Path, flips: int
) -> None:
    """Half of them in the header, the schema and the log."""
    whole, meaning = decided[0].read_bytes(), decided[1]
    log = whole.index(b"because it is so")
    likely = [*range(8192), *range(log - 4096, min(log + 4096, len(whole)))]
    path = tmp_path / "flipped.k2c"
    found = 0
    rng = random.Random(flips)
    for i in range(flips):
        damaged = bytearray(whole)
        at = rng.choice(likely) if i % 2 else rng.randrange(len(whole))
        damaged[at] ^= rng.randrange(1, 256)
        path.write_bytes(damaged)
        try:
            with Session(path) as session:
                session.check()
        except K2CError:
            found += 1
        else:
            assert sql(path) == meaning, f"byte {at} changed something unnoticed"
        if i % 2 == 0:
            assert path.read_bytes() == damaged, "a damaged file is evidence: leave it"
    assert 0.3 * flips < found < flips


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """Nothing can be written beyond `size` bytes into any file."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@posix
@pytest.mark.parametrize("size", [0, 4096, 50_000, 90_000])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(path: Path, size: int) -> None:
    content, before = read(path), path.read_bytes()
    assert len(before) > size
    with disk_of(size), pytest.raises(K2CError, match=r"some\.k2c.*disk full|make room"):
        session_file.write(path, content)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["some.k2c"]
    with disk_of(size), pytest.raises(K2CError):
        session_file.write(path.with_name("new.k2c"), content)
    assert [p.name for p in path.parent.iterdir()] == ["some.k2c"]


@pytest.mark.parametrize(
    ("module", "name", "error", "told"),
    [
        (session_rows, "insert", sqlite3.OperationalError("database or disk is full"), K2CError),
        (session_rows, "insert_log", KeyboardInterrupt(), KeyboardInterrupt),
        (os, "fsync", OSError(errno.EIO, "Input/output error"), K2CError),
        (os, "replace", OSError(errno.EIO, "Input/output error"), K2CError),
    ],
)
def test_a_write_that_breaks_off_leaves_nothing_half_done(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    error: BaseException,
    told: type[BaseException],
) -> None:
    def fail(*_: object) -> None:
        raise error

    content, before = read(path), path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(module, name, fail)
        with pytest.raises(told):
            session_file.write(path, content)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["some.k2c"]


@posix
def test_a_full_disk_takes_no_half_of_a_step_and_works_again_with_room(path: Path) -> None:
    log = read(path).log
    step = [
        Entry(  # long enough to need new pages
            uid=f"u{i}", step="s", kind="apply", at="", expert="e" * 3000, params=ClusterParams()
        )
        for i in range(20)
    ]
    with closing(SessionFile(path, write=True)) as writer:
        before = path.read_bytes()
        with disk_of(len(before)), pytest.raises(K2CError, match="disk full"):
            writer.append(step)
        assert writer.log() == log
        assert path.read_bytes() == before
        writer.append(step)
        writer.check()
        assert writer.log() == (*log, *step)


@posix
def test_a_writer_opens_on_a_disk_that_takes_nothing(path: Path) -> None:
    with disk_of(0), closing(SessionFile(path, write=True)) as writer:
        with pytest.raises(K2CError):
            writer.append(writer.log()[:1])
        writer.check()


@posix
@pytest.mark.parametrize(("folder_mode", "told"), [(0o555, "folder"), (0o777, "file")])
def test_a_read_only_file_is_read_and_not_written(
    path: Path, public: Path, nobody: Nobody, folder_mode: int, told: str
) -> None:
    copy = Path(shutil.copy(path, public / "some.k2c"))
    copy.chmod(0o444)
    public.chmod(folder_mode)
    before = copy.read_bytes()
    with nobody():
        with closing(SessionFile(copy)) as reader:
            reader.check()
            content = reader.content()
        with pytest.raises(K2CError, match="opened for writing: Permission denied"):
            SessionFile(copy, write=True)
        if told == "folder":
            with pytest.raises(K2CError, match=r"cannot be written|unable to open"):
                session_file.write(copy, content)
    assert copy.read_bytes() == before
    assert [p.name for p in public.iterdir()] == ["some.k2c"]


@posix
def test_a_file_without_rights_is_told(path: Path, public: Path, nobody: Nobody) -> None:
    copy = Path(shutil.copy(path, public / "some.k2c"))
    copy.chmod(0)
    with nobody(), pytest.raises(K2CError, match="cannot be opened: Permission denied"):
        SessionFile(copy)


DIES_WRITING = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA cache_size = 1")  # so that pages reach the file before the commit
db.execute("BEGIN IMMEDIATE")
for i in range(200):
    row = (str(i), "x" * 3000)
    db.execute("INSERT INTO log VALUES (NULL, ?, 's', 'apply', '', '', '[]', ?, '')", row)
os.kill(os.getpid(), 9)
"""


def die_writing(path: Path) -> Path:
    """Leave a file half written, and the journal that can mend it."""
    subprocess.run([sys.executable, "-c", DIES_WRITING, str(path)], check=False)
    journal = path.with_name(f"{path.name}-journal")
    assert journal.exists()
    return journal


@posix
@pytest.mark.parametrize("write", [False, True])
def test_what_a_killed_writer_left_is_rolled_back(path: Path, write: bool) -> None:
    whole, log = path.read_bytes(), read(path).log
    journal = die_writing(path)
    assert path.read_bytes() != whole, "nothing to roll back: the test proves nothing"
    with closing(SessionFile(path, write=write)) as file:
        file.check()
        assert file.log() == log
        assert not journal.exists()
        assert path.read_bytes() == whole


@posix
def test_what_a_killed_writer_left_cannot_be_read_where_nothing_may_be_mended(
    path: Path, public: Path, nobody: Nobody
) -> None:
    copy = Path(shutil.copy(path, public / "some.k2c"))
    die_writing(copy)
    broken = copy.read_bytes()
    public.chmod(0o555)
    copy.chmod(0o444)
    with nobody(), pytest.raises(K2CError, match=r"some\.k2c"):
        SessionFile(copy)
    assert copy.read_bytes() == broken


@posix
def test_the_journal_of_a_file_long_gone_does_not_touch_a_new_one(path: Path) -> None:
    content = read(path)
    die_writing(path)
    path.unlink()
    session_file.write(path, content)
    whole = path.read_bytes()
    with closing(SessionFile(path)) as file:
        file.check()
    assert path.read_bytes() == whole
