"""What is known to be there: ``truth.csv`` beside a session, as the demo writes it."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from pathlib import Path

import numpy as np

from k2c_gui.core.model import K2CError
from k2c_gui.core.outcome import NO_TRUTH, TRUTH, Truth

from .files import Rows

NAME = "truth.csv"
_COLUMNS = ("x", "y", "label", "diameter")


def read(session: Path, micrographs: Iterable[str]) -> Truth:
    """Read the truth beside a session, if there is one about its micrographs.

    Nothing depends on it but a score, so what is wrong with it is told and stops nobody.

    Parameters
    ----------
    session : Path
        The session file.
    micrographs : iterable of str
        Names.

    Returns
    -------
    Truth
        `NO_TRUTH` where there is no such file, or it is about other micrographs.
    """
    path = session.parent / NAME
    try:
        if not path.is_file():
            return NO_TRUTH
        found = _rows(path, set(micrographs))
    except (K2CError, OSError) as error:
        return Truth({}, source=NAME, fault=str(error))
    if not found:
        return NO_TRUTH
    of = {name: np.array(rows, TRUTH) for name, rows in found.items()}
    labels = frozenset(int(label) for rows in of.values() for label in rows["label"])
    return Truth(of, labels, NAME)


def _rows(path: Path, names: set[str]) -> dict[str, list[tuple[float, ...]]]:
    found: dict[str, list[tuple[float, ...]]] = {}
    table = Rows(path)
    if not {"micrograph", *_COLUMNS} <= set(table.header):
        return found  # somebody else's
    at = [table.header.index(column) for column in _COLUMNS]
    name_at = table.header.index("micrograph")
    for number, cells in table.all():
        if cells[name_at] in names:
            found.setdefault(cells[name_at], []).append(_numbers(path, number, cells, at))
    return found


def _numbers(path: Path, number: int, cells: list[str], at: list[int]) -> tuple[float, ...]:
    try:
        values = tuple(float(cells[i]) for i in at)
    except ValueError:
        values = (np.nan,)
    if not all(isfinite(value) for value in values):
        words = f"{', '.join(_COLUMNS)} are not four numbers."
        raise K2CError(words, file=path, row=number, remedy="Mend the row.")
    return values
