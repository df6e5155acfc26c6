"""Export releases, each in a new process; run by test_release_kill.py.

Takes a session as argument and folders from stdin; forks for each, prints ``pid N``, and ``dead``
when the child is.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from k2c_gui import releasing
from k2c_gui.session import Session

ABOUT = releasing.About(image_licence="CC0-1.0")
CHOICE = releasing.Choice(formats=("coco", "yolo", "star"), include="all")


def say(what: str) -> None:
    os.write(1, f"{what}\n".encode())


with Session(Path(sys.argv[1])) as session:
    chosen = releasing.choose(session, CHOICE)  # what is compiled and imported, once for all
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            say("exporting")
            releasing.release(session, Path(line.strip()), CHOICE, ABOUT)
            signal.pause()  # killed in any case
        say(f"pid {child}")
        os.waitpid(child, 0)
        say("dead")
