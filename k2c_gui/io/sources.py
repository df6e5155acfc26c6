"""Export files and a folder of images to `Sources`, with every row accounted for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

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

from . import detection, joining, micrographs
from .files import Rows, sha256
from .mapping import Classifying, Mapping, Micrographs, Picking, load, side_table
from .readers import Harvest, Kind, People, Reader, Request, of, panoptes
from .workflows import Workflows


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

    rows = Rows(files.picking)
    reader = of(rows)
    picking = given.picking
    if given == Mapping() and reader.NAME == panoptes.NAME:
        picking = detection.picking(panoptes.survey(rows), images, files.picking)
    if reader.NAME != panoptes.NAME:
        picking = _with_defaults(picking)
    picks = reader.read(Request(rows, picking, workflows, people, progress), "picking")
    _refuse_nothing(picks, picking, rows, reader, "picking")

    classifying, votes_of = given.classifying, None
    if files.classifying:
        rows = Rows(files.classifying)
        reader = of(rows)
        if not given.classifying.task and reader.NAME == panoptes.NAME:
            survey = panoptes.survey(rows)
            classifying = detection.classifying(survey, labels, images, files.classifying)
        request = Request(rows, classifying, workflows, people, progress)
        votes_of = reader.read(request, "classifying")
        _refuse_nothing(votes_of, classifying, rows, reader, "classifying")

    progress("Placing marks", 0, 0)
    volunteers = _volunteers(picks, votes_of, known)
    metadata = {**picks.metadata, **_side(picks, picking.tiles)}
    picked = joining.picked(picks, picking, metadata, found, labels, volunteers)
    if not len(picked.looks):
        raise K2CError(
            "The mapping puts no tile onto a micrograph.",
            file=files.picking,
            remedy=f"{_reasons(picks)} {detection.keys_found(list(metadata.values()))}",
        )
    votes = np.zeros(0, VOTE)
    if votes_of is not None:
        metadata = {**votes_of.metadata, **_side(votes_of, classifying.subjects)}
        votes = joining.voted(
            votes_of, classifying, metadata, found, labels, volunteers, picked.marks
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
            size, source = pixel_size_nm, "given at import"
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


def _with_defaults(picking: Picking) -> Picking:
    """Tables name their columns as the mapping names its fields."""
    if picking.micrograph or picking.pattern:
        return picking
    if not picking.tiles:
        return msgspec.structs.replace(picking, micrograph="micrograph")
    return msgspec.structs.replace(picking, micrograph="micrograph", x0="x0", y0="y0")


def _side(harvest: Harvest, path: str) -> dict[str, dict[str, object]]:
    """Metadata of the side table, over what the export says."""
    return {
        subject: {**harvest.metadata.get(subject, {}), **more}
        for subject, more in side_table(path).items()
    }


def _volunteers(picks: Harvest, votes: Harvest | None, known: Sources | None) -> Ints:
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
    """Say what the file does hold when not one row of it was wanted."""
    if harvest.classification:
        return
    there = ""
    if reader.NAME == panoptes.NAME:
        survey = panoptes.survey(rows)
        tasks = sorted(survey.points.keys() | survey.answers.keys())
        there = "; ".join(f"workflow_id {w}, task {t}" for w, t in tasks[:12])
        there = f" It holds {there or 'no task that can be read'}."
    raise K2CError(
        f"No row fits workflow_id {str(table.workflow_id)!r}, task {table.task!r}"
        f" of [{kind}].{there}",
        file=rows.path,
        remedy=_reasons(harvest),
    )


def _reasons(harvest: Harvest) -> str:
    dropped = [t for t in harvest.fates.tallies() if t.fate == "dropped"]
    return " ".join(f"{t.count} rows: {t.what} ({t.first})." for t in dropped[:5])
