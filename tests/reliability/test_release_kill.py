"""kill -9 while a release is written: it is there whole, or not at all."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from k2c_gui.io.verification import verify

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")

CHILD = Path(__file__).with_name("exporting_child.py")


def part_of(folder: Path) -> Path:
    """What is written beside a release."""
    return folder.with_name(f".{folder.name}.part")


@pytest.mark.parametrize("kills", [8, pytest.param(150, marks=pytest.mark.slow)])
def test_a_release_is_whole_or_absent(project: Path, tmp_path: Path, kills: int) -> None:
    rng = random.Random(kills)
    broken_off = 0
    with subprocess.Popen(
        [sys.executable, str(CHILD), str(project / "demo.k2c")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None

        def export(folder: Path, patience: float) -> float:
            """Kill it so long after it began to write; how long that was, with the end awaited."""
            assert nursery.stdin is not None
            assert nursery.stdout is not None
            nursery.stdin.write(f"{folder}\n")
            nursery.stdin.flush()
            heard = sorted(nursery.stdout.readline().strip() for _ in range(2))
            assert heard[0] == "exporting"
            while not (part_of(folder).exists() or folder.exists()):
                time.sleep(0.0005)
            began = time.monotonic()
            while not folder.exists() and time.monotonic() - began < patience:
                time.sleep(0.0005)
            took = time.monotonic() - began
            os.kill(int(heard[1].split()[1]), signal.SIGKILL)
            assert nursery.stdout.readline().strip() == "dead"
            return took

        takes = export(tmp_path / "0", 60)
        assert verify(tmp_path / "0") == ()
        for kill in range(1, kills + 1):
            folder = tmp_path / str(kill)
            export(folder, rng.uniform(0, takes))
            if folder.exists():
                assert verify(folder) == ()
            else:
                broken_off += part_of(folder).exists()
        assert broken_off, "no kill fell into the writing: the test proves nothing"
        # what a kill left behind is in nobody's way
        part = next(path for path in tmp_path.iterdir() if path.name.endswith(".part"))
        folder = tmp_path / part.name.removeprefix(".").removesuffix(".part")
        export(folder, 60)
        assert verify(folder) == ()
        assert not part.exists()
        nursery.stdin.close()
