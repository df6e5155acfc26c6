"""kill -9 while decisions are saved: what was acknowledged is there, and the file is whole."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from k2c_gui.io.session_file import SessionFile

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")

CHILD = Path(__file__).with_name("killed_child.py")
ROWS = 3


@pytest.mark.parametrize("kills", [15, pytest.param(300, marks=pytest.mark.slow)])
def test_nothing_acknowledged_is_lost(small_session: Path, kills: int) -> None:
    whole = shutil.copy(small_session, small_session.with_name("whole"))
    rng = random.Random(kills)
    acknowledged: set[str] = set()
    said = half_way = 0
    with subprocess.Popen(
        [sys.executable, str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        for kill in range(kills):
            if kill % 30 == 0:  # a long log makes every round slow
                shutil.copy(whole, small_session)
                acknowledged = set()
            nursery.stdin.write(f"{small_session}\n")
            nursery.stdin.flush()
            heard = [nursery.stdout.readline().strip()]
            while not heard[-1].startswith("pid"):
                heard.append(nursery.stdout.readline().strip())
            time.sleep(rng.uniform(0, 0.08))
            os.kill(int(heard[-1].split()[1]), signal.SIGKILL)
            while heard[-1] != "dead":
                heard.append(nursery.stdout.readline().strip())
            fresh = {word for word in heard if len(word) == 32}
            said += len(fresh)
            acknowledged |= fresh
            half_way += small_session.with_name("some.k2c-journal").exists()

            with closing(SessionFile(small_session, write=True)) as file:
                file.check()
                steps = Counter(entry.step for entry in file.log())
            assert set(steps.values()) <= {ROWS}
            assert acknowledged <= steps.keys()
            unsaid = steps.keys() - acknowledged  # saved as the kill fell
            assert len(unsaid) <= 1
            acknowledged |= unsaid
        nursery.stdin.close()
    assert said > kills, "hardly anything was saved: the test proves nothing"
    assert half_way or kills < 100, "no kill fell into a commit: the test proves nothing"
