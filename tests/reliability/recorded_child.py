"""Append to a session, or write it anew, and say what is saved; run by test_power_cut.py."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from k2c_gui.core.model import ClusterParams, Entry
from k2c_gui.io import session_file
from k2c_gui.io.session_file import SessionFile


def say(what: str) -> None:
    os.write(1, f"{what}\n".encode())


def append(path: Path, synchronous: str) -> None:
    with closing(SessionFile(path, write=True)) as file:
        if synchronous:  # the control: what the setting in force is good for
            file._db.execute(f"PRAGMA synchronous = {synchronous}")
        say("begun")
        for i in range(40):
            file.append(
                [
                    Entry(
                        uid=f"u{i}.{row}",
                        step=f"u{i}",
                        kind="apply",
                        at="",
                        expert="e" * (i * 97 % 900),
                        params=ClusterParams(),
                    )
                    for row in range(2)
                ]
            )
            say(f"u{i}")


def write(path: Path, sync: Callable[[int], None]) -> None:
    with closing(SessionFile(path)) as file:
        content = file.content()
    os.fsync = sync
    say("begun")
    for i in range(12):
        session_file.write(path, replace(content, identity=f"v{i}"))
        say(f"v{i}")


if __name__ == "__main__":
    what, where = sys.argv[1], Path(sys.argv[2])
    if what == "append":
        append(where, "")
    elif what == "append without EXTRA":
        append(where, "NORMAL")
    elif what == "write":
        write(where, os.fsync)
    elif what == "write without fsync":
        write(where, lambda handle: None)
