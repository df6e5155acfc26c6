"""Training sets to files: one file a target format.

An exporter module has ``NAME`` and ``write(training_set, folder) -> tuple of file names``; a new
format is a new file here.
"""

from __future__ import annotations

import importlib
import pkgutil
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from k2c_gui.core.model import K2CError, TrainingSet
from k2c_gui.io.files import sync_folder, sync_tree


class Exporter(Protocol):
    """What a module of this folder offers."""

    NAME: str

    def write(self, training_set: TrainingSet, folder: Path) -> tuple[str, ...]:
        """Write files into an empty folder and name them."""


def names() -> tuple[str, ...]:
    """Formats that can be exported."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)])))


def export(training_set: TrainingSet, folder: Path, formats: Sequence[str]) -> tuple[Path, ...]:
    """Write a training set, whole or not at all.

    Parameters
    ----------
    training_set : TrainingSet
    folder : Path
        Made; may be there if it is empty.
    formats : sequence of str
        Of `names`.

    Returns
    -------
    tuple of Path

    Raises
    ------
    K2CError
        An unknown format, a folder that is not empty, or a disk that does not take it; nothing
        is left behind.
    """
    unknown = [name for name in formats if name not in names()]
    if unknown or not formats:
        raise K2CError(
            f"There is no format {', '.join(unknown) or 'given'}.",
            remedy=f"Known are {', '.join(names())}.",
        )
    folder = folder.resolve()
    if folder == Path.cwd():  # what takes its place would not be where the caller still stands
        raise K2CError("It is the current folder.", file=folder, remedy="Name a new one.")
    part = folder.with_name(f".{folder.name}.part")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise K2CError("It is not an empty folder.", file=folder, remedy="Choose a new one.")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        written: list[str] = []
        for name in dict.fromkeys(formats):
            module: Exporter = importlib.import_module(f"{__name__}.{name}")
            written += module.write(training_set, part)
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
    return tuple(folder / name for name in written)
