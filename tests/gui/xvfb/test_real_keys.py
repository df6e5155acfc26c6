"""A real window of a real window system, with keys pressed by another program; and kills."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from k2c_gui.io.session_file import SessionFile

CHILD = Path(__file__).with_name("window_child.py")
pytestmark = pytest.mark.slow  # a window of its own for each: 40 s together
UNIX = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a word of Unix")


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """A screen that nobody looks at."""
    for tool in ("Xvfb", "xdotool"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as said:
        number = said.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait()


class Window:
    """The window in a process of its own."""

    def __init__(self, path: Path, how: str, **environment: str) -> None:
        self.environment = os.environ | environment
        self.child = subprocess.Popen(
            [sys.executable, CHILD, path, path.parent / "some.ini", how],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
        )
        self.id = self.until("window")
        self.cases = int(self.until("ready"))

    def line(self) -> str:
        assert self.child.stdout is not None
        line = self.child.stdout.readline().decode().strip()
        if not line:
            said = self.child.communicate()[1].decode()
            if "could not connect" in said or "libxcb-cursor0" in said:
                pytest.skip("Qt's own libraries for X11 are not installed")
            pytest.fail(said)
        return line

    def until(self, word: str) -> str:
        while True:
            first, _, rest = self.line().partition(" ")
            if first == word:
                return rest

    def xdotool(self, *arguments: str) -> None:
        subprocess.run(["xdotool", *arguments], env=self.environment, check=True, timeout=20)

    def press(self, *keys: str) -> None:
        self.xdotool("key", "--delay", "0", *keys)

    def end(self) -> None:
        self.child.kill()
        self.child.communicate()


@pytest.fixture
def window(display: str, copied: Path) -> Iterator[Window]:
    window = Window(copied, "keys", QT_QPA_PLATFORM="xcb", DISPLAY=display)
    window.xdotool("windowfocus", "--sync", window.id)
    yield window
    window.end()


def labels(path: Path) -> list[int | None]:
    with closing(SessionFile(path)) as file:
        return [entry.decision.label for entry in file.log() if entry.decision]


def test_real_keys_decide(window: Window, copied: Path) -> None:
    keys = ("f", "j", "d", "s", "k", "1", "KP_2", "3")
    for key in keys:
        window.press(key)
        window.until("saved")
    assert labels(copied) == [0, 1, 2, 3, None, 0, 1, 2]


def test_a_queue_is_cleared_without_the_mouse(window: Window, copied: Path) -> None:
    for i in range(window.cases * 11 // 10 + 1):  # a case in twenty comes back to be ruled again
        if len(labels(copied)) == window.cases:
            break
        window.press("fjds"[i % 4])
        window.until("saved")
    assert len(labels(copied)) == window.cases


def test_a_real_repeat_decides_once(window: Window, copied: Path) -> None:
    window.xdotool("keydown", "f")
    window.until("saved")
    time.sleep(1.0)  # the server repeats after .66 s
    window.xdotool("keyup", "f")
    window.press("j")
    window.until("saved")
    assert labels(copied) == [0, 1]


def test_real_keys_edit(window: Window, copied: Path) -> None:
    window.press("x")
    window.until("saved")
    window.press("p")
    window.press("j")  # rules both parts
    window.until("saved")
    window.until("saved")
    window.press("Escape")  # leaves one of them
    window.press("shift+Right")
    window.until("saved")
    with closing(SessionFile(copied)) as file:
        rulings = [entry.decision for entry in file.log() if entry.decision]
    assert [(r.verdict, r.label) for r in rulings] == [("reject", None), *[("label", 1)] * 3]
    assert rulings[3].marks in (rulings[1].marks, rulings[2].marks)
    moved = next(r for r in rulings[1:3] if r.marks == rulings[3].marks)
    assert rulings[3].x == pytest.approx(moved.x + 10)


def test_undo_and_redo_by_the_systems_own_keys(window: Window, copied: Path) -> None:
    window.press("f")
    window.until("saved")
    window.press("ctrl+z")
    window.press("ctrl+shift+z")
    window.until("saved")
    with closing(SessionFile(copied)) as file:
        assert [entry.kind for entry in file.log()] == ["decide", "undo", "redo"]


def test_digits_by_their_place_on_azerty(window: Window, copied: Path) -> None:
    if shutil.which("setxkbmap") is None:
        pytest.skip("setxkbmap is not installed")
    try:
        subprocess.run(["setxkbmap", "fr"], env=window.environment, check=True)
        time.sleep(0.3)
        window.press("10")  # the key above A: & on this keyboard
        window.until("saved")
        window.press("12")
        window.until("saved")
    finally:
        subprocess.run(["setxkbmap", "us"], env=window.environment, check=True)
    assert labels(copied) == [0, 2]


def kill_between_decisions(path: Path, kills: int) -> None:
    """Each kill at another moment; what was called saved before it must be in the file."""
    promised: set[str] = set()
    for i in range(kills):
        window = Window(path, "timer", QT_QPA_PLATFORM="offscreen")
        for _ in range(2 + i * 7 % 11):
            promised.add(window.until("saved"))
        time.sleep(0.001 * (i * 37 % 23))
        window.child.send_signal(signal.SIGKILL)
        rest, _ = window.child.communicate()
        whole = (
            rest.decode().splitlines() if rest.endswith(b"\n") else rest.decode().split("\n")[:-1]
        )
        promised |= {line.partition(" ")[2] for line in whole if line.startswith("saved")}
        with closing(SessionFile(path, write=True)) as file:
            file.check()
            kept = {entry.uid for entry in file.log() if entry.decision}
        assert promised <= kept
    assert len(promised) >= 2 * kills


@UNIX
def test_nothing_called_saved_is_lost_by_kills(copied: Path) -> None:
    kill_between_decisions(copied, 3)


@UNIX
def test_nothing_called_saved_is_lost_by_many_kills(copied: Path) -> None:
    kill_between_decisions(copied, 30)
