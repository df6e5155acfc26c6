"""A folder of results, so that a sweep that was broken off goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from k2c_gui.core.model import K2CError, Table
from k2c_gui.core.scores import TALLY

from .files import write_whole


class Shelf:
    """Tallies by name, each a file that is there whole or not at all.

    Parameters
    ----------
    folder : Path
        Made if it is not there.

    Raises
    ------
    K2CError
        It cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise K2CError(
                f"Results cannot be kept there: {error.strerror or error}.",
                file=folder,
                remedy="Name a folder that may be written.",
            ) from error

    def get(self, key: str) -> Table | None:
        """What was kept under a name; None when that is nothing, or nothing that can be read."""
        try:
            found = np.load(self._path(key), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        if not isinstance(found, np.ndarray) or found.dtype != TALLY or found.ndim != 1:
            return None
        return found

    def __setitem__(self, key: str, tallies: Table) -> None:
        def fill(part: Path) -> None:
            with part.open("wb") as file:
                np.save(file, tallies, allow_pickle=False)

        write_whole(self._path(key), fill)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.npy"
