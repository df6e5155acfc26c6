"""The ``.k2c`` file: sources that are only ever inserted, and an append-only log, in SQLite.

``docs/session-file.md`` describes it for readers without this program.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from k2c_gui.core import ledger
from k2c_gui.core.model import Entry, K2CError

from . import session_rows
from .files import write_whole
from .session_rows import Content, ImportRecord
from .writer_lock import Locked, WriterLock

__all__ = ["Content", "ImportRecord", "Locked", "SessionFile", "WriterLock", "write"]

APPLICATION_ID = 0x4B324347  # "K2CG"
VERSION = 1


class SessionFile:
    """An open ``.k2c`` file.

    Parameters
    ----------
    path : Path
    write : bool
        Take the right to append to the log; without it every reading call works, also while
        another process writes.
    whole : bool
        Look through every page for damage first; without it only `front` is for use.

    Raises
    ------
    Locked
        Another process writes it.
    K2CError
        No session, damaged, or written by a newer version.
    """

    def __init__(self, path: Path, *, write: bool = False, whole: bool = True) -> None:
        self.path = path
        _refuse_what_is_not_for_us(path, write=write)
        self._lock = WriterLock(path) if write else None
        try:
            with _known_errors(path), _impossible_values(path):
                self._db = _connect(path)
                _prepare(self._db, write=write)
                self._check_schema()
                if whole:
                    self._check_whole("quick_check")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the file, and the right to write it, go."""
        if hasattr(self, "_db"):
            self._db.close()
        if self._lock is not None:
            self._lock.release()

    def content(self) -> Content:
        """Read everything.

        Returns
        -------
        Content
            Sources counted, see `exposure.count`.
        """
        with _known_errors(self.path), _impossible_values(self.path):
            return session_rows.content(self._db, self.path.parent)

    def front(self) -> Content:
        """Read what can be shown at once: micrographs and labels, no facts and no log."""
        with _known_errors(self.path), _impossible_values(self.path):
            return session_rows.front(self._db, self.path.parent)

    def log(self) -> tuple[Entry, ...]:
        """Read the log, in order."""
        with _known_errors(self.path), _impossible_values(self.path):
            return session_rows.log(self._db)

    def append(self, entries: Sequence[Entry]) -> None:
        """Add one step to the log; it is on the disk when this returns.

        Parameters
        ----------
        entries : sequence of Entry

        Raises
        ------
        K2CError
            Opened for reading, or the disk does not take it; nothing of the step is kept.
        """
        if self._lock is None:
            raise K2CError("The session is open for reading only.", file=self.path)
        with _known_errors(self.path), _transaction(self._db):
            session_rows.insert_log(self._db, entries)

    def check(self) -> None:
        """Read every page and follow every reference.

        Raises
        ------
        K2CError
            Damage, or a log that does not add up.
        """
        with _known_errors(self.path):
            self._check_whole("integrity_check")
            if broken := self._db.execute("PRAGMA foreign_key_check").fetchone():
                raise K2CError(
                    f"A row of {broken[0]} refers to nothing.",
                    file=self.path,
                    remedy="Restore the session from a copy.",
                )
            stated = self._db.execute("SELECT value FROM meta WHERE key = 'sum'").fetchone()
            if stated != (session_rows.sum_of_facts(self._db),):
                raise K2CError(
                    "The file is damaged: its facts are not as they were written.",
                    file=self.path,
                    remedy="Restore the session from a copy.",
                )
        content = self.content()
        ledger.fold(content.log, content.params)

    def _check_schema(self) -> None:
        # a session may come from anybody: nothing in it may run but what we put there
        query = "SELECT type, name, sql FROM sqlite_master WHERE sql NOT NULL"
        expected = {("table", name, sql) for name, sql in session_rows.TABLES.items()}
        expected |= {("trigger", name, sql) for name, sql in session_rows.TRIGGERS.items()}
        strange = expected ^ set(self._db.execute(query))
        if strange:
            kind, name, _ = min(strange)
            raise K2CError(
                f"The {kind} {name} does not belong in a session, is missing, or is another.",
                file=self.path,
                remedy="Restore the session from a copy.",
            )

    def _check_whole(self, pragma: str) -> None:
        (first,) = self._db.execute(f"PRAGMA {pragma}(1)").fetchone()
        if first != "ok":
            raise K2CError(
                f"The file is damaged: {first}.",
                file=self.path,
                remedy="Restore the session from a copy.",
            )


def write(path: Path, content: Content) -> None:
    """Write a session file anew, whole or not at all.

    Parameters
    ----------
    path : Path
        Replaced if it is there: hold its `WriterLock`.
    content : Content

    Raises
    ------
    K2CError
        The disk does not take it; what was there is untouched.
    """

    def fill(part: Path) -> None:
        part.unlink(missing_ok=True)
        if not path.exists():
            # or SQLite would roll what a killed writer of a file long gone left into the new one
            path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
        db = sqlite3.connect(part, isolation_level=None)
        try:
            # written beside and synced whole: a journal would only slow it down
            db.execute("PRAGMA journal_mode = OFF")
            db.execute("PRAGMA synchronous = OFF")
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {VERSION}")
            with _transaction(db):
                session_rows.create(db)
                session_rows.insert(db, content, path.parent.resolve())
        finally:
            db.close()

    with _known_errors(path):
        write_whole(path, fill)


def _refuse_what_is_not_for_us(path: Path, *, write: bool) -> None:
    try:
        # SQLite would fall back to reading, and say so only when it is to write
        with path.open("rb+" if write else "rb") as file:
            head = file.read(100)
    except OSError as error:
        why = f"It cannot be opened{' for writing' if write else ''}: {error.strerror}."
        raise K2CError(why, file=path) from error
    if head[:16] != b"SQLite format 3\0" or int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        raise K2CError(
            "This is no session file.", file=path, remedy="Make one with k2c import, or k2c demo."
        )
    # read from the header: to ask SQLite is to let it touch a file that is not for us
    version = int.from_bytes(head[60:64], "big")
    if version > VERSION:
        raise K2CError(
            f"It was written by a newer k2c_gui (format {version}, this one knows {VERSION}).",
            file=path,
            remedy="Install the newer version; the file is untouched.",
        )


def _connect(path: Path) -> sqlite3.Connection:
    # a reader, too, must be able to roll back what a killed writer left half done; where it has
    # no right to write, SQLite falls back to reading
    uri = f"{path.resolve().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5.0)


def _prepare(db: sqlite3.Connection, *, write: bool) -> None:
    for pragma in (
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "cell_size_check = ON",
        "mmap_size = 0",
        "synchronous = EXTRA",
        "fullfsync = ON",
        "locking_mode = NORMAL",
        "journal_mode = DELETE" if write else "query_only = ON",
    ):
        db.execute(f"PRAGMA {pragma}")


@contextmanager
def _known_errors(path: Path) -> Iterator[None]:
    """Tell SQLite's troubles with the disk as the expert's, not as ours."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise K2CError(
            f"The session cannot be read or written: {error}.",
            file=path,
            remedy="Is the disk full, or the folder read-only?",
        ) from error
    except (sqlite3.DatabaseError, msgspec.MsgspecError) as error:
        raise K2CError(
            f"The file is damaged: {error}.", file=path, remedy="Restore the session from a copy."
        ) from error


@contextmanager
def _impossible_values(path: Path) -> Iterator[None]:
    """Tell values that we never write as damage: a session may come from anybody."""
    try:
        yield
    except (LookupError, ValueError, ArithmeticError) as error:
        raise K2CError(
            f"The file is damaged: it holds values that make no sense ({type(error).__name__}).",
            file=path,
            remedy="Restore the session from a copy.",
        ) from error


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
