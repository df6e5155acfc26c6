"""RELION: ``particles.star`` with its optics groups.

RELION places a box by the index of the pixel in its middle, counted from 0 at the top-left pixel
of the full-size micrograph, so half a px is taken from the program's coordinates: the middle of
the first pixel, .5 here, is 0 there. (RELION documents no sub-pixel origin.) y is not turned: that
is right for a micrograph that RELION reads as MRC, row by row. For TIFF its users report it upside
down (asarnow/pyem issues 22 and 81), so look at one micrograph before you extract.
``_rlnClassNumber`` is label + 1, and the comments at the head
say which; ``_rlnAutopickFigureOfMerit`` is the support, -999 as in RELION's manual picks where
nobody looked. One optics group a pixel size, in Å: nan where it is not known. Names of micrographs
are single words, because RELION parts columns at white space. An instance without a hard label is
left out. Written without the time of day that the `starfile` library puts into its header.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from k2c_gui.core.model import Progress, TrainingSet
from k2c_gui.core.names import words
from k2c_gui.io.legal_names import label_changes, label_words, report

NAME = "RELION (STAR)"
DESCRIPTION = "particles.star with optics groups; middle of the box, from the first pixel's middle."
NEEDS_PIXELS = False
TILED = False
SPLIT_FOLDER = None

_COLUMNS = (
    "_rlnCoordinateX",
    "_rlnCoordinateY",
    "_rlnClassNumber",
    "_rlnAutopickFigureOfMerit",
    "_rlnOpticsGroup",
    "_rlnMicrographName",  # last, because a line that begins with _ or data_ is no row
)


def write(training_set: TrainingSet, folder: Path, progress: Progress) -> tuple[str, ...]:
    """Write ``particles.star``.

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
    progress(NAME, 0, 1)
    sizes = [10 * (m.pixel_size_nm or np.nan) for m in training_set.micrographs]
    groups = {size: i for i, size in enumerate(sorted({f"{size:.6g}" for size in sizes}), start=1)}
    of = [groups[f"{size:.6g}"] for size in sizes]
    names = words((m.name for m in training_set.micrographs), files=True)
    classes = label_words(training_set.labels)
    lines = ["# version 30001", ""]
    lines += [f"# class {value + 1}: {name}" for value, name in classes.items()]
    lines += ["", "data_optics", "", "loop_", "_rlnOpticsGroupName #1", "_rlnOpticsGroup #2"]
    lines.append("_rlnMicrographPixelSize #3")
    lines += [f"opticsGroup{i} {i} {size}" for size, i in groups.items()]
    lines += ["", "", "data_particles", "", "loop_"]
    lines += [f"{column} #{i}" for i, column in enumerate(_COLUMNS, start=1)]
    lines += _particles(training_set, names, of)
    text = "\n".join([*lines, "", ""])
    (folder / "particles.star").write_text(text, encoding="utf-8", newline="\n")
    changes = [
        ("micrograph", micrograph.name, name)
        for micrograph, name in zip(training_set.micrographs, names, strict=True)
    ]
    return ("particles.star", *report(folder, [*label_changes(training_set.labels), *changes]))


def count(folder: Path) -> int:
    """Rows of the particles."""
    body = (folder / "particles.star").read_text("utf-8").partition("data_particles")[2]
    return sum(1 for line in body.splitlines() if len(line.split()) == len(_COLUMNS))


def _particles(training_set: TrainingSet, names: tuple[str, ...], groups: list[int]) -> list[str]:
    rows = training_set.labelled
    merit = np.where(np.isfinite(rows["support"]), rows["support"], -999.0)
    return [
        f"{x:.3f} {y:.3f} {label} {share:.4f} {groups[i]} {names[i]}"
        for i, x, y, label, share in zip(
            rows["micrograph"].tolist(),
            (rows["x"] - 0.5).tolist(),
            (rows["y"] - 0.5).tolist(),
            (rows["label"] + 1).tolist(),
            merit.tolist(),
            strict=True,
        )
    ]
