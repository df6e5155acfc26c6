"""Export files and a folder of images to `Sources`, with every row accounted for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from k2c_gui.core import exposure
from k2c_gui.core.model import (
    VOTE,
    Ints,
    K2CError,
    Label,
    Micrograph,
    Progress,
    Sources,
    Tally,
    no_progress,
)
from k2c_gui.core.union import BY_HAND

from . import detection, joining, micrographs
from .files import Rows, sha256
from .mapping import Classifying, Mapping, Metadata, Micrographs, Picking, load, side_table
from .readers import Harvest, Kind, People, Reader, Request, of, panoptes
from .workflows import Workflows

T = TypeVar("T", Picking, Classifying)


@dataclass(frozen=True, slots=True)
class Files:
    """What an import reads.

    Attributes
    ----------
    images : Path
        Folder of micrographs.
    picking : Path
    classifying, workflows, mapping : Path, optional
    pixel_size_nm : float, optional
        Of every micrograph, in place of what the images say.
    """

    images: Path
    picking: Path
    classifying: Path | None = None
    workflows: Path | None = None
    mapping: Path | None = None
    pixel_size_nm: float | None = None


@dataclass(frozen=True, slots=True)
class Import:
    """An import ready to be stored.

    Attributes
    ----------
    sources : Sources
    mapping : Mapping
        As used.
    detected : bool
        The mapping was found, not given.
    tallies : tuple of Tally
    hashes : dict of str to str
        SHA-256 of each export, by kind.
    classifications, votings : (n,) int64
        Every classification that was read from the picking and the classifying export, also
        those that found no place.
    """

    sources: Sources
    mapping: Mapping
    detected: bool
    tallies: tuple[Tally, ...]
    hashes: dict[str, str]
    classifications: Ints
    votings: Ints


def read(
    files: Files,
    labels: tuple[Label, ...],
    *,
    known: Sources | None = None,
    mapping: Mapping | None = None,
    progress: Progress = no_progress,
) -> Import:
    """Read everything that an import names.

    Parameters
    ----------
    files : Files
    labels : tuple of Label
    known : Sources, optional
        What the session holds already: a returning volunteer is recognised by the
        classifications that are there.
    mapping : Mapping, optional
        The session's own, for files that do not come with one.
    progress : Progress

    Returns
    -------
    Import

    Raises
    ------
    K2CError
        A file cannot be used at all. Bad rows and images are counted instead.
    """
    images, image_tallies = find_micrographs(files.images, files.pixel_size_nm, progress)
    found = Micrographs(images)
    people = People()
    given = load(files.mapping, labels) if files.mapping else mapping or Mapping()
    workflows = Workflows(files.workflows)

    picking, picks, metadata = read_picking(
        Rows(files.picking), given.picking, images, workflows, people, progress
    )
    classifying, votes_of = given.classifying, None
    shown = side_table(classifying.subjects)
    if files.classifying:
        rows = Rows(files.classifying)
        reader = of(rows)
        classifying = find_classifying(rows, reader, classifying, labels, images)
        request = Request(rows, classifying, workflows, people, progress)
        votes_of = reader.read(request, "classifying")
        _refuse_nothing(votes_of, classifying, rows, reader, "classifying")

    progress("Placing marks", 0, 0)
    volunteers = number_volunteers(picks, votes_of, known)
    picked = place_marks(picks, picking, metadata, found, labels, volunteers, files.picking)
    votes = np.zeros(0, VOTE)
    if votes_of is not None:
        metadata = {**votes_of.metadata, **_over(votes_of, shown)}
        votes = joining.voted(
            votes_of, classifying, metadata, found, labels, volunteers, picked.marks
        )
        if not len(votes):
            raise K2CError(
                "The mapping brings no answer to a mark.",
                file=files.classifying,
                remedy=_what_there_is(
                    votes_of, metadata, "a side table as subjects in [classifying]"
                ),
            )
    sources = exposure.count(
        Sources(
            images,
            labels,
            picked.tile_names,
            picked.tiles,
            picked.looks,
            picked.marks,
            votes,
            classifying.radius,
        )
    )
    _flag_repeats(sources, picks, votes_of)
    exports = {"picking": files.picking, "classifying": files.classifying}
    return Import(
        sources,
        Mapping(picking=picking, classifying=classifying),
        not files.mapping and mapping is None,
        (
            *image_tallies,
            *picks.fates.tallies(),
            *(votes_of.fates.tallies() if votes_of else ()),
        ),
        {kind: sha256(path) for kind, path in exports.items() if path},
        np.array(picks.classification, np.int64),
        np.array(votes_of.classification if votes_of else (), np.int64),
    )


def read_picking(
    rows: Rows,
    picking: Picking,
    images: tuple[Micrograph, ...],
    workflows: Workflows,
    people: People,
    progress: Progress = no_progress,
) -> tuple[Picking, Harvest, dict[str, Metadata]]:
    """Read a picking export by the mapping given, or by the one found.

    Parameters
    ----------
    rows : Rows
    picking : Picking
        As given; the default one is to be found.
    images : tuple of Micrograph
    workflows : Workflows
    people : People
    progress : Progress

    Returns
    -------
    picking : Picking
        As used.
    harvest : Harvest
    metadata : dict
        Of the subjects, side table included.

    Raises
    ------
    K2CError
        No format is recognised, no mapping is found, or nothing fits it.
    """
    reader = of(rows)
    side = side_table(picking.tiles)
    if picking == Picking() and reader.NAME == panoptes.NAME:
        picking = detection.picking(reader.survey(rows), images, rows.path)
    elif side or reader.NAME != panoptes.NAME:
        picking = _with_columns(picking, ("x0", "y0", "scale", "width", "height"), side)
    harvest = reader.read(Request(rows, picking, workflows, people, progress), "picking")
    _refuse_nothing(harvest, picking, rows, reader, "picking")
    return picking, harvest, {**harvest.metadata, **_over(harvest, side)}


def find_classifying(
    rows: Rows,
    reader: Reader,
    classifying: Classifying,
    labels: tuple[Label, ...],
    images: tuple[Micrograph, ...],
) -> Classifying:
    """The mapping of a classifying export: as given, or found; see `detection.classifying`."""
    if classifying == Classifying() and reader.NAME == panoptes.NAME:
        return detection.classifying(reader.survey(rows), labels, images, rows.path)
    if shown := side_table(classifying.subjects):
        return _with_columns(classifying, ("mark", "x", "y"), shown)
    return classifying


def place_marks(
    picks: Harvest,
    picking: Picking,
    metadata: dict[str, Metadata],
    found: Micrographs,
    labels: tuple[Label, ...],
    volunteers: Ints,
    file: Path,
) -> joining.Picked:
    """Put looks and marks onto micrographs; see `joining.picked`.

    Raises
    ------
    K2CError
        The mapping puts no tile of the file onto a micrograph.
    """
    picked = joining.picked(picks, picking, metadata, found, labels, volunteers, file)
    if not len(picked.looks):
        raise K2CError(
            "The mapping puts no tile onto a micrograph.",
            file=file,
            remedy=_what_there_is(picks, metadata, "a side table as tiles in [picking]"),
        )
    return picked


def find_micrographs(
    folder: Path, pixel_size_nm: float | None = None, progress: Progress = no_progress
) -> tuple[tuple[Micrograph, ...], tuple[Tally, ...]]:
    """Look at every image of a folder, without reading pixels.

    Parameters
    ----------
    folder : Path
    pixel_size_nm : float, optional
        In place of what the images say.
    progress : Progress

    Returns
    -------
    micrographs : tuple of Micrograph
    tallies : tuple of Tally
        Images that cannot be read are dropped and named; the rest goes on.

    Raises
    ------
    K2CError
        No such folder, no image in it, or a pixel size that is not above 0.
    """
    if pixel_size_nm is not None and not (np.isfinite(pixel_size_nm) and pixel_size_nm > 0):
        raise K2CError(f"A pixel size of {pixel_size_nm} nm is none.", remedy="Give nm above 0.")
    if not folder.is_dir():
        raise K2CError("There is no such folder of images.", file=folder)
    good: list[Micrograph] = []
    tallies: list[Tally] = []
    paths = micrographs.find(folder)
    for done, path in enumerate(paths):
        progress("Looking at images", done, len(paths))
        try:
            info = micrographs.inspect(path)
        except K2CError as error:
            tallies.append(Tally("images", "dropped", str(error), 1))
            continue
        tallies += [Tally("images", "flagged", f"{path.name}: {w}", 1) for w in info.warnings]
        size, source = info.pixel_size_nm, info.pixel_size_source
        if pixel_size_nm is not None:
            size, source = pixel_size_nm, BY_HAND
        good.append(
            Micrograph(
                path.name, str(path.resolve()), info.width, info.height, size, source, sha256(path)
            )
        )
    if not good:
        raise K2CError(
            "The folder holds no image that can be read.",
            file=folder,
            remedy=f"Known are {', '.join(sorted(micrographs.SUFFIXES))}."
            + "".join(f" {t.what}" for t in tallies[:3]),
        )
    return tuple(good), (Tally("images", "kept", "micrographs", len(good)), *tallies)


def _with_columns(table: T, fields: tuple[str, ...], side: dict[str, Metadata]) -> T:
    """Where the mapping names no key, tables name their columns as it names its fields."""
    if any(getattr(table, name, "") for name in ("micrograph", "pattern", "mark", "x0", "row")):
        return table
    columns = next(iter(side.values()), {})
    named = {name: name for name in fields if name in columns}
    if "micrograph" in columns or isinstance(table, Picking):
        named["micrograph"] = "micrograph"
    return msgspec.structs.replace(table, **named)


def _over(harvest: Harvest, side: dict[str, Metadata]) -> dict[str, Metadata]:
    """Metadata of the side table, over what the export says."""
    return {
        subject: {**harvest.metadata.get(subject, {}), **more} for subject, more in side.items()
    }


def _what_there_is(harvest: Harvest, metadata: dict[str, Metadata], side: str) -> str:
    keys = detection.keys_found(list(metadata.values()))
    hint = "" if any(metadata.values()) else f" Give {side} of mapping.toml."
    return f"{_reasons(harvest)} {keys}{hint}"


def number_volunteers(picks: Harvest, votes: Harvest | None, known: Sources | None) -> Ints:
    """Number every person: as the session knows them, the new ones by their first classification.

    Nothing of a person is stored, so a person is known again only by what they did.
    """
    harvests = [picks] if votes is None else [picks, votes]
    n_people = max((max(h.person, default=-1) for h in harvests), default=-1) + 1
    number = np.full(n_people, -1, np.int64)
    earliest = np.full(n_people, np.iinfo(np.int64).max)
    if known is not None:
        for harvest, rows in zip(harvests, (known.looks, known.votes), strict=False):
            stored = dict(zip(rows["classification"], rows["volunteer"], strict=True))
            for classification, person in zip(harvest.classification, harvest.person, strict=True):
                if number[person] < 0 and classification in stored:
                    number[person] = stored[classification]
    for harvest in harvests:
        np.minimum.at(
            earliest, np.array(harvest.person, np.int64), np.array(harvest.classification, np.int64)
        )
    fresh = 1 + max(_numbers(known), default=-1)
    new = np.flatnonzero(number < 0)
    number[new[np.argsort(earliest[new], kind="stable")]] = fresh + np.arange(len(new))
    return number


def _numbers(known: Sources | None) -> Iterable[int]:
    tables = () if known is None else (known.looks, known.votes)
    return [int(t["volunteer"].max()) for t in tables if len(t)]


def _flag_repeats(sources: Sources, picks: Harvest, votes: Harvest | None) -> None:
    looks = int((~sources.looks["counted"]).sum())
    what = "looks of a volunteer who had seen the tile before"
    picks.fates.add("flagged", what, count=looks)
    if votes is not None:
        again = int((~sources.votes["counted"]).sum())
        what = "votes of a volunteer who had voted on the mark before"
        votes.fates.add("flagged", what, count=again)


def _refuse_nothing(
    harvest: Harvest, table: Picking | Classifying, rows: Rows, reader: Reader, kind: Kind
) -> None:
    """Say what the file does hold when nothing in it was wanted."""
    if harvest.classification and (not harvest.x or np.isfinite(harvest.x).any()):
        return
    wanted = f"workflow_id {str(table.workflow_id)!r}, task {table.task!r}"
    if table.version:
        wanted += f", version {str(table.version)!r}"
    there = "" if harvest.flat else detection.holds(reader.survey(rows))
    raise K2CError(
        f"Nothing to import fits {wanted} of [{kind}].",
        file=rows.path,
        remedy=f"{_reasons(harvest)} {there}".strip(),
    )


def _reasons(harvest: Harvest) -> str:
    dropped = [t for t in harvest.fates.tallies() if t.fate == "dropped"]
    return " ".join(
        f"{t.what}: {t.count}" + (f", first at {t.first}." if t.first else ".") for t in dropped[:5]
    )
