"""One writer at a time, told apart from readers, and nothing to tidy up after a kill."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from k2c_gui.core.model import K2CError
from k2c_gui.io.session_file import Locked, SessionFile
from k2c_gui.io.writer_lock import WriterLock

CHILD = """
import json, sys, time
from pathlib import Path
from k2c_gui.io.session_file import Locked, SessionFile, WriterLock

def say(what):
    print(json.dumps(what), flush=True)

def hold(path):
    file = SessionFile(path, write=True)
    say("held")
    sys.stdin.readline()
    file.close()

def race(path):
    say("ready")
    for line in sys.stdin:
        while time.time() < float(line):
            pass
        try:
            lock = WriterLock(path)
        except Locked as error:
            say(str(error))
            sys.stdin.readline()
        else:
            say("won")
            sys.stdin.readline()
            lock.release()
            say("released")

def share(path):
    mark = path.with_name("only one")
    say("ready")
    sys.stdin.readline()
    won = 0
    end = time.time() + 20
    while won < 100 and time.time() < end:
        try:
            lock = WriterLock(path)
        except Locked:
            continue
        mark.touch(exist_ok=False)  # fails when two hold the lock
        mark.unlink()
        lock.release()
        won += 1
    say(won)

{"hold": hold, "race": race, "share": share}[sys.argv[1]](Path(sys.argv[2]))
"""


class Child:
    """Another process at the same session."""

    def __init__(self, what: str, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, what, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hear(self) -> object:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def tell(self, what: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def child() -> Iterator[Callable[[str, Path], Child]]:
    children: list[Child] = []

    def start(what: str, path: Path) -> Child:
        children.append(Child(what, path))
        return children[-1]

    yield start
    for one in children:
        one.end()


def test_a_second_writer_is_told_at_once_by_whom(
    project: Path, child: Callable[[str, Path], Child]
) -> None:
    path = project / "demo.k2c"
    holder = child("hold", path)
    assert holder.hear() == "held"
    before = time.monotonic()
    with pytest.raises(Locked) as told:
        SessionFile(path, write=True)
    assert time.monotonic() - before < 1
    for part in (getpass.getuser(), f"process {holder.process.pid}", str(path), "read-only"):
        assert part in str(told.value)
    holder.tell("let go")
    holder.process.wait(10)
    with closing(SessionFile(path, write=True)) as file:
        file.check()
    assert not path.with_name("demo.k2c.lock").exists()


def test_readers_work_while_a_writer_holds_it(
    project: Path,
    child: Callable[[str, Path], Child],
    k2c: Callable[..., Any],
) -> None:
    path = project / "demo.k2c"
    assert child("hold", path).hear() == "held"

    all_ = ("--format", "csv", "--include", "all", "--image-licence", "CC0-1.0")
    for read in (
        ("check", path),
        ("log", path),
        ("instances", path),
        ("export", path, project / "out", *all_),
    ):
        assert k2c(*read)[::2] == (0, "")
    exports = ("--images", project / "images", "--picking", project / "picking.csv")
    for write in (("instances", path, "--min-samples", 5, "--apply"), ("import", path, *exports)):
        ended = k2c(*write)
        assert ended.code == 2
        assert "is writing this session" in ended.err


def test_a_killed_writer_leaves_nothing_to_tidy(
    project: Path, child: Callable[[str, Path], Child]
) -> None:
    path = project / "demo.k2c"
    for _ in range(2):
        holder = child("hold", path)
        assert holder.hear() == "held"
        holder.process.kill()
        holder.process.wait(10)
    assert path.with_name("demo.k2c.lock").exists(), "nothing left behind: nothing tested"
    before = time.monotonic()
    with closing(SessionFile(path, write=True)) as file:
        assert time.monotonic() - before < 1
        assert f"process {os.getpid()}" in path.with_name("demo.k2c.lock").read_text()
        file.check()
    assert not path.with_name("demo.k2c.lock").exists()


def test_of_two_who_race_one_wins(tmp_path: Path, child: Callable[[str, Path], Child]) -> None:
    path = tmp_path / "some.k2c"
    racers = [child("race", path) for _ in range(2)]
    assert [racer.hear() for racer in racers] == ["ready", "ready"]
    for _ in range(50):
        start = time.time() + 0.003
        for racer in racers:
            racer.tell(start)
        said = [racer.hear() for racer in racers]
        assert said.count("won") == 1, said
        winner = said.index("won")
        assert "is writing this session" in str(said[1 - winner])
        for racer in racers:
            racer.tell("next")
        assert racers[winner].hear() == "released"
    assert not path.with_name("some.k2c.lock").exists()


def test_two_who_take_turns_never_hold_it_together(
    tmp_path: Path, child: Callable[[str, Path], Child]
) -> None:
    """The lock file comes and goes: a lock on one that is gone must not count."""
    sharers = [child("share", tmp_path / "some.k2c") for _ in range(2)]
    for sharer in sharers:
        assert sharer.hear() == "ready"
    for sharer in sharers:
        sharer.tell("go")
    assert [sharer.hear() for sharer in sharers] == [100, 100]


def test_one_process_cannot_take_it_twice(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "some.k2c")
    with pytest.raises(Locked):
        WriterLock(tmp_path / "some.k2c")
    lock.release()
    lock.release()
    WriterLock(tmp_path / "some.k2c").release()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(K2CError, match="cannot be written") as told:
        WriterLock(tmp_path / "nowhere" / "some.k2c")
    assert not isinstance(told.value, Locked)
