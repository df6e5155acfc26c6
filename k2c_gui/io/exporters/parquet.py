"""The table as Apache Parquet: the columns of the CSV with their types, ``instances.parquet``.

Coordinates are those of the program: px of the full micrograph, origin at the top-left corner of
the top-left pixel, y down. What does not exist is null. Text is as it is: no spreadsheet runs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from k2c_gui.core.model import Progress, TrainingSet
from k2c_gui.io.tables import training_columns

NAME = "Table (Parquet)"
DESCRIPTION = (
    "The table for pandas, Polars, R, DuckDB; px from the top-left corner of the micrograph."
)
NEEDS_PIXELS = False
TILED = False
SPLIT_FOLDER = None

_TEXT = {"micrograph", "split", "label_name", "source"}
_WHOLE = {"instance", "label", "n_marks", "n_volunteers", "exposure"}


def write(training_set: TrainingSet, folder: Path, progress: Progress) -> tuple[str, ...]:
    """Write ``instances.parquet`` and ``negatives.parquet``.

    Parameters
    ----------
    training_set : TrainingSet
    folder : Path
        Empty.
    progress : Progress

    Returns
    -------
    tuple of str
        File names.
    """
    import pyarrow as pa
    from pyarrow import parquet

    tables = {
        "instances.parquet": training_set.instances,
        "negatives.parquet": training_set.negatives,
    }
    for done, (name, instances) in enumerate(tables.items()):
        progress(NAME, done, len(tables))
        columns = training_columns(training_set, instances)
        # given, because a column of an empty table, or of nulls alone, has no type of its own
        types = pa.schema([(column, _type(column)) for column in columns])
        table = pa.Table.from_pydict(columns, schema=types)
        parquet.write_table(table, str(folder / name), compression="zstd")
    return tuple(tables)


def count(folder: Path) -> int:
    """Rows of ``instances.parquet``."""
    from pyarrow import parquet

    return int(parquet.read_metadata(str(folder / "instances.parquet")).num_rows)


def _type(column: str) -> Any:
    import pyarrow as pa

    if column in _TEXT:
        return pa.string()
    if column == "ambiguous":
        return pa.int8()
    whole = column in _WHOLE or column.startswith("votes_")
    return pa.int64() if whole else pa.float64()
