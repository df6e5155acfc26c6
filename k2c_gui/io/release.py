"""Release folders: a training set in the formats asked for, with all that is known about it.

A release is there whole or not at all, and one session gives the same bytes again. Nothing in it
tells where, when or by whom it was written.
"""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from k2c_gui import __version__
from k2c_gui.core import tiling
from k2c_gui.core.model import (
    ClusterParams,
    Entry,
    K2CError,
    Ledger,
    Progress,
    TrainingSet,
    no_progress,
)
from k2c_gui.core.training_set import PSEUDO_COUNT, SOURCE_OF_DECISION, Ambiguous, parts

from . import catalogues, decisions, exporters, papers, pictures
from .decisions import Published
from .files import sha256, whole_folder
from .papers import About
from .session_file import ImportRecord

__all__ = ["TABLE", "About", "Choice", "Provenance", "write"]

TABLE = "csv"
"""The format that every release has: what verifies it, and what Croissant describes."""

RUN, LOG, MANIFEST = "run.json", "decisions.jsonl", "manifest-sha256.txt"

_LIBRARIES = ("numpy", "scipy", "hdbscan", "numba")
"""Those whose versions could change a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What an expert chooses of a release.

    Attributes
    ----------
    formats : tuple of str
        Of `exporters.names`; the table comes with all of them.
    include : {"signed-off", "all"}
    labels : tuple of int or None
        Values of the labels to train on; None: those in use in the session.
    ambiguous : {"keep", "drop", "soft"}
        See `training_set.build`.
    box_nm, box_px : float or None
        Side of the boxes; see `training_set.build`.
    ratios : tuple of float
        Shares of the micrographs for train, validation and test.
    seed : int
    test : tuple of str
        Names of the micrographs to test on; empty: chosen by the seed.
    tile : int or None
        px: side of the tiles of the formats that take some; None: whole micrographs.
    overlap : int
        px.
    images : bool
        Write images, too, in the formats that have a place for them.
    """

    formats: tuple[str, ...]
    include: Literal["signed-off", "all"] = "signed-off"
    labels: tuple[int, ...] | None = None
    ambiguous: Ambiguous = "keep"
    box_nm: float | None = None
    box_px: float | None = None
    ratios: tuple[float, ...] = (0.8, 0.1, 0.1)
    seed: int = 0
    test: tuple[str, ...] = ()
    tile: int | None = None
    overlap: int = 0
    images: bool = True


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a training set comes from.

    Attributes
    ----------
    identity : str
        Of the session.
    imports : tuple of ImportRecord
    params : ClusterParams
        That grouped the marks.
    log : tuple of Entry
    ledger : Ledger
    looks, marks, votes, volunteers : int
        Counted, on the micrographs of the release.
    """

    identity: str
    imports: tuple[ImportRecord, ...]
    params: ClusterParams
    log: tuple[Entry, ...]
    ledger: Ledger
    looks: int
    marks: int
    votes: int
    volunteers: int


def write(
    folder: Path,
    training_set: TrainingSet,
    choice: Choice,
    about: About,
    provenance: Provenance,
    progress: Progress = no_progress,
) -> tuple[str, ...]:
    """Write a release, whole or not at all.

    Parameters
    ----------
    folder : Path
        Made; may be there if it is empty.
    training_set : TrainingSet
        Split, not tiled.
    choice : Choice
        How `training_set` was chosen.
    about : About
    provenance : Provenance
    progress : Progress

    Returns
    -------
    tuple of str
        Files, relative to `folder`, with ``/``.

    Raises
    ------
    K2CError
        An unknown format, or one that needs images where there are none; no licence; one image
        in two parts of the split; a folder that is not empty, or a disk that does not take it.
        Nothing is left behind.
    Cancelled
        By `progress`. Nothing is left behind.
    """
    formats = tuple(dict.fromkeys((TABLE, *choice.formats)))
    _refuse(formats, choice, training_set)
    about = about.checked()
    if choice.tile is None:
        tiled = training_set
    else:
        tiled = tiling.tile(pictures.stretched(training_set), choice.tile, choice.overlap)
    with whole_folder(folder) as part:
        found = {}
        for name in formats:
            module = exporters.load(name)
            (part / name).mkdir()
            module.write(tiled if module.TILED else training_set, part / name, progress)
            found[name] = {
                "name": module.NAME,
                "tiled": module.TILED and choice.tile is not None,
                "instances": module.count(part / name),
            }
        progress("Writing what is known about it", 0, 0)
        published = decisions.publish(
            provenance.log,
            provenance.ledger,
            training_set,
            named=about.named_experts,
            notes=about.notes,
        )
        run = _run(training_set, tiled, choice, about, provenance, published, found)
        return _describe(part, about, run, published)


def _refuse(formats: Sequence[str], choice: Choice, training_set: TrainingSet) -> None:
    if not choice.formats:
        exporters.load("")
    tiled = [name for name in exporters.names() if exporters.load(name).TILED]
    if choice.tile is not None and not set(tiled) & set(formats):
        raise K2CError(
            "None of the formats takes tiles.",
            remedy=f"Export without, or choose one of {', '.join(tiled)}.",
        )
    if choice.overlap and choice.tile is None:
        raise K2CError("Whole micrographs do not overlap.", remedy="Give the side of the tiles.")
    for name in formats:
        if exporters.load(name).NEEDS_PIXELS and training_set.pixels is None:
            raise K2CError(
                f"The format {name} is made of images, and none are wanted.",
                remedy="Export with images, or without this format.",
            )
    first: dict[str, int] = {}
    for i, micrograph in enumerate(training_set.micrographs):
        twin = first.setdefault(micrograph.sha256, i) if micrograph.sha256 else i
        if training_set.split[twin] != training_set.split[i]:
            raise K2CError(
                f"{training_set.micrographs[twin].name} and {micrograph.name} are one image, and"
                f" would be for {training_set.split[twin]} and for {training_set.split[i]}.",
                remedy="Choose another seed, or name both as test micrographs.",
            )


def _describe(
    part: Path, about: About, run: dict[str, Any], published: Published
) -> tuple[str, ...]:
    """Everything beside the data; the manifest last."""
    data = _files(part)
    _text(part / RUN, _json(run, indent=1))
    _text(part / LOG, "\n".join(map(_json, published.lines)))
    columns = (part / TABLE / "instances.csv").read_text("utf-8").split("\n", 1)[0].split(",")
    hashes = {name: sha256(part / name) for name in data}
    texts = {
        "README.md": papers.readme(about, run),
        "DATASHEET.md": papers.datasheet(about, run),
        "CITATION.cff": papers.citation(about, run),
        "croissant.json": _json(
            catalogues.croissant(about, run, f"{TABLE}/instances.csv", columns, hashes), indent=1
        ),
    }
    for name, text in texts.items():
        _text(part / name, text)
    sizes = {name: (part / name).stat().st_size for name in _files(part)}
    _text(part / "ro-crate-metadata.json", _json(catalogues.crate(about, run, sizes), indent=1))
    files = _files(part)
    for name in files:
        hashes.setdefault(name, sha256(part / name))
    _text(part / MANIFEST, "".join(f"{hashes[name]}  {name}\n" for name in files))
    return (*files, MANIFEST)


def _run(
    training_set: TrainingSet,
    tiled: TrainingSet,
    choice: Choice,
    about: About,
    provenance: Provenance,
    published: Published,
    formats: dict[str, Any],
) -> dict[str, Any]:
    """Parameters, versions, hashes of what went in, and counts in and out of every filter."""
    in_force = Counter(line["source"] for line in published.lines if line["in_force"])
    return {
        "program": {
            "k2c_gui": __version__,
            "python": platform.python_version(),
            **{name: _version(name) for name in _LIBRARIES},
        },
        "session": provenance.identity,
        "imports": [
            {"k2c_gui": r.program, "sha256": r.hashes, "rows": [asdict(t) for t in r.tallies]}
            for r in provenance.imports
        ],
        "parameters": asdict(provenance.params),
        "settings": [asdict(params) for params in published.settings],
        "choice": asdict(choice),
        "box": training_set.box_source,
        "split": training_set.split_source,
        "soft_label_pseudo_count": PSEUDO_COUNT,
        "with_notes": about.notes,
        "experts": list(published.experts),
        "labels": [
            {"value": label.value, "name": label.name, "use": label.use}
            for label in training_set.labels
        ],
        "micrographs": [
            {
                "name": m.name,
                "split": split,
                "width": m.width,
                "height": m.height,
                "pixel_size_nm": m.pixel_size_nm,
                "pixel_size_source": m.pixel_size_source,
                "box_px": round(side, 3),
                "sha256": m.sha256,
            }
            for m, split, side in zip(
                training_set.micrographs,
                training_set.split,
                training_set.box_px.tolist(),
                strict=True,
            )
        ],
        "counts": {
            "looks": provenance.looks,
            "marks": provenance.marks,
            "votes": provenance.votes,
            "volunteers": provenance.volunteers,
            "decisions": len(published.lines),
            "in_force": {source: in_force[source] for source in SOURCE_OF_DECISION},
            "instances": len(training_set.instances),
            "labelled": len(training_set.labelled),
            "negatives": len(training_set.negatives),
        },
        "parts": {name: asdict(part) for name, part in parts(training_set).items()},
        "filters": _filters(training_set),
        "tiles": None if tiled is training_set else len(tiled.micrographs),
        "formats": formats,
    }


def _filters(training_set: TrainingSet) -> list[dict[str, Any]]:
    """Counts in and out of every filter, in the order in which they apply."""
    left = {
        "micrographs": len(training_set.micrographs),
        "instances": len(training_set.instances),
    }
    for tally in training_set.left_out:
        left[tally.source] += tally.count
    found = []
    for tally in training_set.left_out:
        before = left[tally.source]
        left[tally.source] -= tally.count
        found.append(
            {"of": tally.source, "filter": tally.what, "in": before, "out": left[tally.source]}
        )
    return found


def _files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:  # a frozen program need not carry what pip knows
        return None


def _json(document: object, indent: int | None = None) -> str:
    return json.dumps(document, indent=indent, ensure_ascii=False, allow_nan=False)


def _text(path: Path, text: str) -> None:
    """Write a text that ends with its line."""
    path.write_text(text if text.endswith("\n") or not text else f"{text}\n", "utf-8", newline="\n")
