"""Which names a file format could not hold as they were; told, so that it can be undone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from k2c_gui.core.model import Label, Micrograph
from k2c_gui.core.names import label_names, stems, words

from .tables import Value, write_csv

REPORT = "names.csv"
"""What `report` writes beside the data."""


def label_words(labels: Sequence[Label]) -> dict[int, str]:
    """Words by value, for labels whose names a format cannot hold as they are.

    Parameters
    ----------
    labels : sequence of Label

    Returns
    -------
    dict of int to str
    """
    names = label_names(labels)
    return dict(zip(names, words(names.values()), strict=True))


def label_changes(labels: Sequence[Label]) -> list[tuple[str, str, str]]:
    """What `label_words` changed, for `report`."""
    written = label_words(labels)
    return [("label", label.name, written[label.value]) for label in labels]


def stem_changes(micrographs: Sequence[Micrograph]) -> list[tuple[str, str, str]]:
    """Which micrographs have files under another name than their own, for `report`."""
    return [
        ("micrograph", micrograph.name, stem + Path(micrograph.name).suffix)
        for micrograph, stem in zip(micrographs, stems(micrographs), strict=True)
    ]


def report(folder: Path, changes: Iterable[tuple[str, str, str]]) -> tuple[str, ...]:
    """Write which names are not as they were, in ``names.csv``; nothing where all are.

    Parameters
    ----------
    folder : Path
    changes : iterable of (str, str, str)
        What it is, its name, and the name written in its place.

    Returns
    -------
    tuple of str
        File names.
    """
    keys = "what", "name", "written"
    rows: list[dict[str, Value]] = [
        dict(zip(keys, change, strict=True)) for change in changes if change[1] != change[2]
    ]
    if not rows:
        return ()
    with (folder / REPORT).open("w", encoding="utf-8", newline="") as file:
        write_csv(file, rows, keys)
    return (REPORT,)
