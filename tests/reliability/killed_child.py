"""Append to sessions for ever, each time in a new process; run by test_kill.py.

Reads a path from stdin, forks, prints ``pid N``; the child prints each step once it is saved;
prints ``dead`` when the child is.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from uuid import uuid4

from k2c_gui.core.model import Decision, Entry
from k2c_gui.io.session_file import SessionFile

ROWS = 3
"""Of each step: a step must be kept whole or not at all."""


def say(what: str) -> None:
    os.write(1, f"{what}\n".encode())


def append_for_ever(path: Path) -> None:
    file = SessionFile(path, write=True)
    say("opened")
    for i in range(1_000_000):
        step = uuid4().hex
        file.append([entry(step, i + row) for row in range(ROWS)])
        say(step)


def entry(step: str, i: int) -> Entry:
    ruling = Decision(
        micrograph="AuGe_001.tif",
        marks=(i,),
        verdict="label",
        label=i % 4,
        x=1.0,
        y=2.0,
        decided_at="",
        note="n" * (i * 97 % 900),
    )
    return Entry(uid=uuid4().hex, step=step, kind="decide", at="", decision=ruling)


for line in sys.stdin:
    child = os.fork()
    if child == 0:
        append_for_ever(Path(line.strip()))
    say(f"pid {child}")
    os.waitpid(child, 0)
    say("dead")
