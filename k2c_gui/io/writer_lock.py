"""One writer at a time, by a lock that the system drops together with its process.

The lock is on a small file beside the session, never on the session itself: closing any handle
of a SQLite file drops SQLite's own locks on it. A lock file left behind by a killed process
locks nothing, and is taken over.
"""

from __future__ import annotations

import getpass
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

from k2c_gui.core.model import K2CError

_FAR = 1 << 30
"""Offset of the locked byte: Windows keeps others from reading what is locked, and they want to
read who holds it."""


class Locked(K2CError):
    """Another process writes this session."""


class WriterLock:
    """The right to write a session, held until `release`.

    Parameters
    ----------
    session : Path

    Raises
    ------
    Locked
        Somebody else writes it; the message says who.
    K2CError
        The folder cannot be written.
    """

    def __init__(self, session: Path) -> None:
        if session.is_dir():
            raise K2CError("It is a folder.", file=session, remedy="Name a file.")
        self.path = session.with_name(f"{session.name}.lock")
        while True:
            handle = self._open()
            if not _lock(handle):
                with os.fdopen(handle, "rb") as file:
                    who = file.read().decode("utf-8", "replace").strip()
                raise Locked(
                    f"{who or 'Another program'} is writing this session.",
                    file=session,
                    remedy="Open it read-only, or close it there.",
                )
            if _is_still(handle, self.path):
                break
            os.close(handle)  # its holder tidied it away while we waited: lock the new one
        self._handle = handle
        with suppress(OSError):  # a full disk takes no name; the lock holds all the same
            os.ftruncate(handle, 0)
            who = f"{_person()} on {socket.gethostname()}, process {os.getpid()}"
            os.write(handle, who.encode())

    def release(self) -> None:
        """Give the right back."""
        if self._handle < 0:
            return
        if sys.platform == "win32":
            os.close(self._handle)
            self.path.unlink(missing_ok=True)
        else:  # unlink while locked, or the next writer's file would go
            self.path.unlink(missing_ok=True)
            os.close(self._handle)
        self._handle = -1

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise K2CError(
                f"The folder cannot be written: {error.strerror}.",
                file=self.path.parent,
                remedy="Open the session read-only, or choose another folder.",
            ) from error


def _person() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "Somebody"


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> bool:
        os.lseek(handle, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
        return True

    def _is_still(handle: int, path: Path) -> bool:
        return True  # an open file cannot be unlinked there

else:
    import fcntl

    def _lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _is_still(handle: int, path: Path) -> bool:
        try:
            return os.fstat(handle).st_ino == path.stat().st_ino
        except OSError:
            return False
