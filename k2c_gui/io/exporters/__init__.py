"""Training sets to files: one file a target format.

An exporter module is an `Exporter`; a new format is a new file here. `k2c_gui.io.release` writes
whole releases, all or nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Protocol

from k2c_gui.core.model import K2CError, Progress, TrainingSet


class Exporter(Protocol):
    """What a module of this folder offers.

    Attributes
    ----------
    NAME : str
        For people.
    DESCRIPTION : str
        One sentence: what it is for, and what its coordinates are.
    NEEDS_PIXELS : bool
        It is nothing without images. The others write images where there are pixels.
    TILED : bool
        It takes a tiled set where tiles are asked for; the others get whole micrographs.
    SPLIT_FOLDER : int or None
        Which folder of a path below the format's own names the part of the split, from 0; None
        where none does.
    """

    NAME: str
    DESCRIPTION: str
    NEEDS_PIXELS: bool
    TILED: bool
    SPLIT_FOLDER: int | None

    def write(self, training_set: TrainingSet, folder: Path, progress: Progress) -> tuple[str, ...]:
        """Write files into an empty folder of their own; name them, relative, with ``/``."""

    def count(self, folder: Path) -> int | None:
        """Instances that a reader finds in what was written; None where none can be told apart."""


def names() -> tuple[str, ...]:
    """Formats that can be exported."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)])))


def load(name: str) -> Exporter:
    """The module of a format.

    Raises
    ------
    K2CError
        There is none of that name.
    """
    if name not in names():
        raise K2CError(
            f"There is no format {name or 'without a name'}.",
            remedy=f"Known are {', '.join(names())}.",
        )
    module: Exporter = importlib.import_module(f"{__name__}.{name}")
    return module
