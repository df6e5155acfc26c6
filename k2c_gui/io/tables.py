"""The INSTANCE table as rows of plain values, for people and programs outside."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from typing import Any, TextIO

from k2c_gui.core.model import NO_LABEL, STATUS, Label, Micrograph, Table

Value = str | int | float | None


def rows(
    instances: Table, micrographs: Sequence[Micrograph], labels: Sequence[Label]
) -> Iterator[dict[str, Value]]:
    """One row an instance, in the columns that every output shares.

    Parameters
    ----------
    instances : structured array
        Of `instance_dtype`.
    micrographs : sequence of Micrograph
        That `instances` counts.
    labels : sequence of Label
        Of the session, in rising order of value.

    Yields
    ------
    dict of str to value
        px to .001, nm to .0001; None for what does not exist: nm without a pixel size, a label
        of a tie, a margin without votes.
    """
    vote_columns = [f"votes_{label.value}" for label in labels]
    for row in instances:
        micrograph = micrographs[row["micrograph"]]
        nm = micrograph.pixel_size_nm
        x, y = float(row["x"]), float(row["y"])
        label = int(row["label"])
        yield {
            "instance": str(row["instance"]),
            "micrograph": micrograph.name,
            "x_px": round(x, 3),
            "y_px": round(y, 3),
            "x_nm": None if nm is None else round(x * nm, 4),
            "y_nm": None if nm is None else round(y * nm, 4),
            "label": None if label == NO_LABEL else label,
            "status": STATUS[row["status"]],
            "n_marks": int(row["n_marks"]),
            "n_volunteers": int(row["n_volunteers"]),
            "exposure": int(row["exposure"]),
            "support": _share(row["support"]),
            **dict(zip(vote_columns, row["votes"].tolist(), strict=True)),
            "margin": _share(row["margin"]),
            "ambiguous": int(row["ambiguous"]),
        }


def write_csv(file: TextIO, table: Iterable[dict[str, Value]], columns: Sequence[str]) -> None:
    """Write rows as CSV: empty for None, and no cell that a spreadsheet would run."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_inert(row[column]) for column in columns] for row in table)


def columns(labels: Sequence[Label]) -> list[str]:
    """Names of the columns of `rows`."""
    before = "instance micrograph x_px y_px x_nm y_nm label status n_marks n_volunteers"
    votes = [f"votes_{label.value}" for label in labels]
    return [*before.split(), "exposure", "support", *votes, "margin", "ambiguous"]


def _share(value: Any) -> float | None:
    return round(float(value), 4) if isfinite(value) else None


def _inert(value: Value) -> Value:
    """Text that begins like a formula gets a quote before it (OWASP, CSV injection)."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value
