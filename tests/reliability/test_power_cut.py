"""A power cut simulated: what a program wrote and did not sync is kept, lost or torn at random.

The operations of a child are recorded once; then, for many moments, the disk is rebuilt as it
might be found after a cut at that moment. The model is harsher than most file systems: only syncing
the folder keeps a name, and every write that was not synced comes or goes by itself. Only changes
of names keep their order, as a journal keeps them.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

from k2c_gui.core.model import K2CError
from k2c_gui.io.session_file import SessionFile

CC = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or not CC, reason="needs Linux and a C compiler"),
]
HERE = Path(__file__).parent
SECTOR = 512
CUTS = 300


class Op(NamedTuple):
    """One record of recorder.c."""

    kind: str
    path: str
    other: str
    offset: int
    data: bytes


@dataclass
class File:
    """What is safe of a file, and what is under way."""

    safe: bytearray
    waiting: list[Op] = field(default_factory=list)


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("recorder") / "recorder.so"
    source = str(HERE / "recorder.c")
    subprocess.run([str(CC), "-shared", "-fPIC", "-O1", "-o", str(library), source], check=True)
    return library


def record(recorder: Path, what: str, path: Path) -> list[Op]:
    into = path.parent.with_name("record")
    env = {
        "LD_PRELOAD": str(recorder),
        "RECORD_BELOW": str(path.parent),
        "RECORD_INTO": str(into),
    }
    child = [sys.executable, str(HERE / "recorded_child.py"), what, str(path)]
    subprocess.run(child, env=os.environ | env, stdout=subprocess.DEVNULL, check=True)
    ops = []
    with into.open("rb") as file:
        while head := file.readline():
            kind, name, other, offset, length = head.decode().rstrip("\n").split("\t")
            ops.append(Op(kind, name, other, int(offset), file.read(int(length))))
    return ops


def apply(op: Op, data: bytearray) -> None:
    if op.kind == "T":
        del data[op.offset :]
    data.extend(bytes(max(0, op.offset - len(data))))
    data[op.offset : op.offset + len(op.data)] = op.data


def rename(op: Op, names: dict[str, File]) -> None:
    """Do to names what an operation does; the file of `C` is handed over in `names` itself."""
    file = names.pop(op.path, None)
    if op.kind == "R" and file is not None:
        names[op.other] = file


class Disk:
    """What is on the disk for good, and what is only on its way there."""

    def __init__(self, start: dict[str, bytes]) -> None:
        self.names = {name: File(bytearray(data)) for name, data in start.items()}
        self.safe_names = dict(self.names)
        self.waiting_names: list[tuple[Op, File | None]] = []

    def do(self, op: Op) -> None:
        if op.kind == "C":
            self.names[op.path] = File(bytearray())
            self.waiting_names.append((op, self.names[op.path]))
        elif op.kind in "UR":
            rename(op, self.names)
            self.waiting_names.append((op, None))
        elif op.kind in "WT" and op.path in self.names:
            self.names[op.path].waiting.append(op)
        elif op.kind == "S" and op.path in self.names:
            file = self.names[op.path]
            for waiting in file.waiting:
                apply(waiting, file.safe)
            file.waiting.clear()
        elif op.kind == "S":
            self._keep_names(len(self.waiting_names))

    def cut(self, loss: float, rng: random.Random) -> dict[str, bytes]:
        """What is found after the power came back; the disk is of no use afterwards."""
        self._keep_names(0 if loss == 1 else rng.randint(0, len(self.waiting_names)))
        for file in self.safe_names.values():
            for op in file.waiting:
                if rng.random() < loss:
                    continue
                if len(op.data) > SECTOR and rng.random() < 0.3:
                    end = SECTOR * rng.randrange(1, len(op.data) // SECTOR + 1)
                    op = op._replace(data=op.data[:end])
                apply(op, file.safe)
        return {name: bytes(file.safe) for name, file in self.safe_names.items()}

    def _keep_names(self, n: int) -> None:
        for op, made in self.waiting_names[:n]:
            if made is None:
                rename(op, self.safe_names)
            else:
                self.safe_names[op.path] = made
        del self.waiting_names[:n]


def cuts(ops: Sequence[Op], start: dict[str, bytes], path: Path) -> Iterator[list[str]]:
    """Put the folder as after each of many cuts, and tell what had been acknowledged by then."""
    rng = random.Random(5)
    begun = next(i for i, op in enumerate(ops) if op.data == b"begun\n")
    for _ in range(CUTS):
        moment = rng.randint(begun + 1, len(ops))
        disk = Disk(start)
        for op in ops[:moment]:
            disk.do(op)
        shutil.rmtree(path.parent)
        path.parent.mkdir()
        for name, data in disk.cut(rng.choice([1.0, 0.9, 0.5, 0.1]), rng).items():
            Path(name).write_bytes(data)
        yield [op.data.decode().strip() for op in ops[begun + 1 : moment] if op.kind == "A"]


def steps_after_cuts(
    recorder: Path, what: str, path: Path
) -> Iterator[tuple[list[str], list[str] | None]]:
    """Steps acknowledged, and those found in the log; None for a damaged file."""
    start = {str(path): path.read_bytes()}
    ops = record(recorder, what, path)
    assert {op.kind for op in ops} >= set("CWSUA"), "not everything is recorded"
    for acknowledged in cuts(ops, start, path):
        try:
            with closing(SessionFile(path)) as file:
                file.check()
                log = file.log()
        except K2CError:
            yield acknowledged, None
        else:
            found = [entry.step for entry in log]
            assert found[::2] == found[1::2], "half a step"
            yield acknowledged, found[::2]


def test_no_acknowledged_decision_is_lost(recorder: Path, small_session: Path) -> None:
    in_the_midst = 0
    for acknowledged, found in steps_after_cuts(recorder, "append", small_session):
        assert found is not None
        assert found[: len(acknowledged)] == acknowledged
        assert len(found) <= len(acknowledged) + 1
        in_the_midst += len(found) > len(acknowledged)
    assert in_the_midst, "no cut fell between a commit and its acknowledgement"


def test_weaker_syncing_would_lose_decisions(recorder: Path, small_session: Path) -> None:
    """Or the test above proves nothing."""
    lost = 0
    for acknowledged, found in steps_after_cuts(recorder, "append without EXTRA", small_session):
        lost += found is None or found[: len(acknowledged)] != acknowledged
    assert lost > 0


def versions_after_cuts(
    recorder: Path, what: str, path: Path
) -> Iterator[tuple[list[str], str | None]]:
    """Versions acknowledged, and the one found; None for a damaged file."""
    with closing(SessionFile(path)) as file:
        first = file.content().identity
    start = {str(path): path.read_bytes()}
    ops = record(recorder, what, path)
    assert {op.kind for op in ops} >= set("CWRA"), "not everything is recorded"
    for acknowledged in cuts(ops, start, path):
        try:
            with closing(SessionFile(path)) as file:
                file.check()
                yield [first, *acknowledged], file.content().identity
        except K2CError:
            yield [first, *acknowledged], None


def test_a_file_written_anew_is_the_old_or_the_new_one(recorder: Path, small_session: Path) -> None:
    for acknowledged, found in versions_after_cuts(recorder, "write", small_session):
        assert found in (acknowledged[-1], f"v{len(acknowledged) - 1}")


def test_without_fsync_files_would_be_torn(recorder: Path, small_session: Path) -> None:
    """Or the test above proves nothing."""
    found = [f for _, f in versions_after_cuts(recorder, "write without fsync", small_session)]
    assert found.count(None) > 0
