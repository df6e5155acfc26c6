"""Files as such: rows of a CSV however it is packed, hashes, and writing all or nothing."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import lzma
import os
import shutil
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO, BinaryIO

from k2c_gui.core.model import K2CError

MAX_CELL = 8 << 20
"""Characters of one CSV cell: far above any real annotation, far below a cell that swallowed the
rest of a file behind a lost quote."""


class Rows:
    """The rows of a CSV file: plain, gzip or zip, told apart by content.

    Iterating gives ``(number, cells)``, as many cells as the header has; the header is row 1.

    Parameters
    ----------
    path : Path
    most : int, optional
        Rows to give at most, for a first look.

    Attributes
    ----------
    header : list of str
    lost : list of (int, str)
        Rows that the latest reading could not give, and why not.
    broken : str
        Why it ended before the file did; empty where it did not.

    Raises
    ------
    K2CError
        The file is missing, empty, no CSV, or not UTF-8.
    """

    def __init__(self, path: Path, most: int | None = None) -> None:
        self.path = path
        self._most = most
        self.lost: list[tuple[int, str]] = []
        self.broken = ""
        first = next(self._records(None), None)
        if self.lost or self.broken:
            why = self.lost[0][1] if self.lost else self.broken
            raise K2CError(
                f"No header can be read: {why}.",
                file=path,
                remedy="Export it again, or save it as CSV in UTF-8.",
            )
        if first is None:
            raise K2CError("The file is empty.", file=path, remedy="Export it again.")
        self.header = [name.strip() for name in first[1]]

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        rows = self._records(len(self.header))
        next(rows, None)
        return rows if self._most is None else islice(rows, self._most)

    def all(self) -> list[tuple[int, list[str]]]:
        """Every row, of a table of which none may be missing.

        Raises
        ------
        K2CError
            A row cannot be read, or the file breaks off.
        """
        rows = list(self)
        for number, why in [*self.lost, *([(len(rows) + 1, self.broken)] if self.broken else ())]:
            raise K2CError(
                f"It cannot be read: {why}.",
                file=self.path,
                row=number,
                remedy="Mend the row, or fetch the file again.",
            )
        return rows

    def _records(self, width: int | None) -> Iterator[tuple[int, list[str]]]:
        csv.field_size_limit(MAX_CELL)
        self.lost, self.broken = [], ""
        number = 0
        with _binary(self.path) as packed:
            lines = _Lines(packed)
            reader = csv.reader(lines, strict=True)
            try:
                while (record := _record(reader, lines, width)) is not None:
                    number += 1
                    cells, fault = record
                    if fault:
                        self.lost.append((number, fault))
                    elif cells:
                        yield number, cells
                    if width is None and (cells or fault):
                        return
            except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile):
                self.broken = f"the packed file breaks off after row {number}: download it again"


class _Lines:
    """The lines of a text, of which those last taken may be put back."""

    def __init__(self, packed: BinaryIO) -> None:
        # a bad byte must cost its own row only, and a byte-order mark nothing
        self._text = io.TextIOWrapper(packed, "utf-8-sig", errors="surrogateescape", newline="")
        self._again: list[str] = []
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else self._text.readline(4 * MAX_CELL)
        if not line:
            raise StopIteration
        self.taken.append(line)
        return line

    def keep_first(self) -> None:
        """Put back all but the first line taken."""
        self._again += reversed(self.taken[1:])
        del self.taken[1:]


def _record(
    reader: Iterator[list[str]], lines: _Lines, width: int | None
) -> tuple[list[str], str] | None:
    """Cells of the next row, and what is wrong with it; None at the end."""
    lines.taken.clear()
    fault = ""
    try:
        cells = next(reader)
        if cells and width not in (None, len(cells)):
            fault = "not as many columns as the header; is the file cut off?"
    except StopIteration:
        return None
    except csv.Error:
        cells, fault = [], "a quote is missing or a cell has no end; is the file cut off?"
    if fault:
        # a lost quote takes in what follows, up to the whole rest
        lines.keep_first()
    if not all(map(_is_text, lines.taken)):
        fault = "not UTF-8"
    return cells, fault


def _is_text(line: str) -> bool:
    if "\0" in line:
        return False
    if line.isascii():
        return True
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def _binary(path: Path) -> Iterator[BinaryIO]:
    """Open what is inside a plain, gzip or zip file."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            if start[:2] == b"\x1f\x8b":
                with gzip.open(file) as inside:
                    yield inside  # type: ignore[misc]  # GzipFile reads as a BinaryIO does
            elif start == b"PK\x03\x04":
                with _unzipped(path, file) as member:
                    yield member  # type: ignore[misc]  # ZipExtFile reads as a BinaryIO does
            else:
                yield file
    except OSError as error:
        raise K2CError(
            f"It cannot be read: {error.strerror or error}.",
            file=path,
            remedy="Is it there, and may you read it?",
        ) from error


def _unzipped(path: Path, file: BinaryIO) -> IO[bytes]:
    try:
        archive = zipfile.ZipFile(file)
        tables = [name for name in archive.namelist() if _is_table(name)]
        if len(tables) == 1:
            return archive.open(tables[0])
    # RuntimeError: a password; the others: what a broken list of members comes to
    except (
        *(zipfile.BadZipFile, RuntimeError, OSError),
        *(ValueError, OverflowError, struct.error),
    ) as error:
        raise K2CError(
            "The zip is broken, or locked.", file=path, remedy="Download it again, or unpack it."
        ) from error
    raise K2CError(
        f"The zip holds {len(tables)} CSV files.", file=path, remedy="Unpack it and pick one."
    )


def _is_table(name: str) -> bool:
    """Whether a member is a table, and not what macOS adds beside it."""
    hidden = name.startswith("__MACOSX") or name.rpartition("/")[2].startswith(".")
    return name.lower().endswith(".csv") and not hidden


def sha256(path: Path) -> str:
    """Hash a file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file that is there whole or not at all, also after a power cut.

    Parameters
    ----------
    path : Path
        Replaced if it is there.
    write : callable
        Writes the path that it is given, in the same folder.

    Raises
    ------
    K2CError
        The folder cannot be written or the disk is full; nothing is left behind.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise K2CError(
            f"It cannot be written: {error.strerror or error}.",
            file=path,
            remedy="Choose another place, or make room.",
        ) from error
    finally:
        with suppress(OSError):  # its folder may be no folder
            part.unlink(missing_ok=True)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A new folder that is there whole or not at all, also after a power cut.

    Parameters
    ----------
    folder : Path
        Made; may be there if it is empty.

    Yields
    ------
    Path
        Write here: beside `folder`, whose place it takes in the end.

    Raises
    ------
    K2CError
        `folder` is not empty, or cannot be written; nothing is left behind.
    """
    folder = folder.resolve()
    if not folder.name:
        raise K2CError("It is not an empty folder.", file=folder, remedy="Choose a new one.")
    if folder == Path.cwd():  # what takes its place would not be where the caller still stands
        raise K2CError("It is the current folder.", file=folder, remedy="Name a new one.")
    part = folder.with_name(f".{folder.name}.part")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise K2CError("It is not an empty folder.", file=folder, remedy="Choose a new one.")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
        sync_tree(part)
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise K2CError(
            f"It cannot be written: {error.strerror or error}.",
            file=folder,
            remedy="Choose another place, or make room.",
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def sync_tree(folder: Path) -> None:
    """Bring every file below a folder onto the disk."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
        else:
            sync_folder(path)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make a rename last; Windows has no such call and does it by itself."""
    if sys.platform != "win32":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
