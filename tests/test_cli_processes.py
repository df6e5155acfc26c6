"""The program as a process: closed pipes, Ctrl-C, foreign encodings, missing rights."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from k2c_gui import __version__
from k2c_gui.core.model import Decision
from k2c_gui.session import Session

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


def start(*args: object, **how: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "k2c_gui", *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)


def test_it_runs_as_a_module_and_as_k2c() -> None:
    script = shutil.which("k2c", path=str(Path(sys.executable).parent))
    assert script is not None
    runs = [start("--version"), subprocess.Popen([script, "--version"], stdout=subprocess.PIPE)]
    for run in runs:
        assert run.communicate(timeout=60)[0].decode().split() == ["k2c_gui", __version__]
        assert run.returncode == 0


@posix
def test_who_reads_may_stop_reading(project: Path) -> None:
    """``k2c ... | head``: no complaint, and no bug."""
    path = project / "demo.k2c"
    runs = [start("instances", path), start("check", path), start("--help")]
    for run in runs:
        assert run.stdout is not None
        run.stdout.close()
    for run in runs:
        assert run.stderr is not None
        with run.stderr as err:
            assert err.read() == b"", run.args
        assert run.wait(60) == 0, run.args


@posix
def test_ctrl_c_stops_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    # a shell lets what it starts in the background ignore Ctrl-C, and that is handed down
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    run = start("demo", folder, "--micrographs", 2, "--no-open")
    signal.signal(signal.SIGINT, before)
    end = time.monotonic() + 60
    while not (folder / "images").exists() and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(0.2)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=20)
    assert run.returncode == 130
    assert err.decode().strip() == "Stopped; nothing half-done was kept."
    assert out == b""
    assert list(tmp_path.iterdir()) == []


def test_names_of_all_the_world_come_through_any_pipe(project: Path) -> None:
    path = project / "demo.k2c"
    made = Decision(
        micrograph="AuGe_001.tif",
        marks=(1,),
        verdict="reject",
        x=1.0,
        y=2.0,
        decided_at="",
        note="µ – 粒子",
    )
    with Session(path, write=True, expert="Ærøskøbing") as session:
        session.decide([made])
    env = os.environ | {"PYTHONIOENCODING": "ascii"}
    runs = [start("log", path, "--json", env=env), start("log", path, env=env)]
    (as_json, as_text) = ((run, *run.communicate(timeout=60)) for run in runs)
    for run, out, err in (as_json, as_text):
        assert (run.returncode, err) == (0, b"")
        assert "Ærøskøbing" in out.decode("utf-8")
    assert json.loads(as_json[1])["decision"]["note"] == "µ – 粒子"
