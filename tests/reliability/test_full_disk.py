"""A disk that is full while somebody decides: a real one, of four megabytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from k2c_gui import demo
from k2c_gui.core import review
from k2c_gui.demo import WorldParams
from k2c_gui.desk import Desk
from k2c_gui.importing import import_
from k2c_gui.io.sources import Files
from k2c_gui.session import Session

pytestmark = pytest.mark.slow

WORLD = WorldParams(micrographs=2, seed=2, size=512, particles=30, tiles_per_axis=4)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB in memory."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_what_a_full_disk_refuses_is_not_believed(disk: Path, tmp_path: Path) -> None:
    demo.write(tmp_path / "world", WORLD)
    world = tmp_path / "world"
    made = world / "demo.k2c"
    import_(made, Files(world / "images", world / "picking.csv", world / "classifying.csv"))
    path = Path(shutil.copy(made, disk / "demo.k2c"))
    with Session(path, write=True, expert="Some Expert") as session:
        desk = Desk(session)
        for evidence in desk.state.evidence:
            desk.offer(review.group(evidence, desk.state.params))
        desk.rank("all")
        desk.go(1)
        desk.painted()
        assert desk.rule("label", 0), "there is room yet"
        desk.go(1)
        desk.painted()
        fill(disk)
        before, kept = desk.state, len(session.log)
        assert not desk.rule("label", 1)
        assert "full" in desk.state.trouble
        assert desk.state.ledger is before.ledger
        assert (desk.state.instances == before.instances).all()
        assert len(session.log) == kept
        (disk / "filler").unlink()
        assert desk.rule("label", 1), "and goes on once there is room"
        assert desk.state.trouble == ""
        told = len(session.log)
    with Session(path) as again:
        assert len(again.log) == told


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4096)
