"""Files as such: rows of a CSV however it is packed, hashes, and writing all or nothing."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import os
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from k2c_gui.core.model import K2CError

MAX_CELL = 8 << 20
"""Characters of one CSV cell: far above any real annotation, far below a cell that swallowed the
rest of a file behind a lost quote."""


class Rows:
    """The rows of a CSV file: plain, gzip or zip, told apart by content.

    Iterating gives ``(number, cells)``; the header is row 1. A file that ends early or breaks
    off gives its good rows, and `broken` says what happened.

    Parameters
    ----------
    path : Path

    Raises
    ------
    K2CError
        The file is missing, empty, no CSV, or not UTF-8.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.broken = ""
        self.header = next(iter(self._read()), (1, []))[1]
        if not self.header:
            raise K2CError("The file is empty.", file=path, remedy="Export it again.")

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        rows = self._read()
        next(rows, None)
        return rows

    def _read(self) -> Iterator[tuple[int, list[str]]]:
        csv.field_size_limit(MAX_CELL)
        number = 0
        with _binary(self.path) as packed:
            # a bad byte must cost its own row only: it is found when the cell is used
            text = io.TextIOWrapper(packed, "utf-8-sig", errors="surrogateescape", newline="")
            try:
                for number, cells in enumerate(csv.reader(text), start=1):
                    if cells:
                        yield number, cells
            except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile):
                self.broken = f"the packed file breaks off after row {number}: download it again"
            except csv.Error as error:
                self.broken = f"no CSV after row {number} ({error}): download it again"


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
                with zipfile.ZipFile(file) as archive, archive.open(_member(path, archive)) as m:
                    yield m  # type: ignore[misc]  # ZipExtFile reads as a BinaryIO does
            elif start[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in start:
                raise K2CError("The file is not UTF-8.", file=path, remedy="Save it as UTF-8.")
            else:
                yield file
    except OSError as error:
        raise K2CError(f"It cannot be read: {error.strerror or error}.", file=path) from error
    except zipfile.BadZipFile as error:
        raise K2CError("The zip is broken.", file=path, remedy="Download it again.") from error


def _member(path: Path, archive: zipfile.ZipFile) -> str:
    tables = [n for n in archive.namelist() if n.lower().endswith(".csv") and "__MACOSX" not in n]
    if len(tables) != 1:
        raise K2CError(
            f"The zip holds {len(tables)} CSV files.", file=path, remedy="Unpack it and pick one."
        )
    return tables[0]


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
        part.unlink(missing_ok=True)


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
