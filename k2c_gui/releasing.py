"""A session into a release: what an expert chooses, looked at first, then written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .core import splits
from .core.model import K2CError, Micrograph, Progress, TrainingSet, no_progress
from .io import micrographs as images
from .io import release as releases
from .io.files import sha256
from .io.release import About, Choice, Provenance
from .session import Session

__all__ = ["About", "Choice", "choose", "release"]


def choose(
    session: Session,
    choice: Choice,
    progress: Progress = no_progress,
    *,
    moved: Mapping[str, Path] | None = None,
) -> TrainingSet:
    """Choose what a release holds; nothing is written.

    `training_set.parts` counts it by part and label, `TrainingSet.boxes` has what is to be drawn.

    Parameters
    ----------
    session : Session
    choice : Choice
    progress : Progress
    moved : mapping of str to Path, optional
        Where images are now that are not where they were imported from, by micrograph.

    Returns
    -------
    TrainingSet
        Split, not tiled; with pixels where images are chosen.

    Raises
    ------
    K2CError
        See `training_set.build` and `splits.split`.
    """
    chosen = session.training_set(
        signed_off_only=choice.include == "signed-off",
        use=None if choice.labels is None else frozenset(choice.labels),
        ambiguous=choice.ambiguous,
        box_nm=choice.box_nm,
        box_px=choice.box_px,
        progress=progress,
    )
    divided = splits.split(chosen, ratios=choice.ratios, seed=choice.seed, test=choice.test)
    if not choice.images:
        return replace(divided, pixels=None)
    paths = [Path((moved or {}).get(m.name, m.path)) for m in chosen.micrographs]
    return replace(divided, pixels=_reader(chosen.micrographs, paths))


def release(
    session: Session,
    folder: Path,
    choice: Choice,
    about: About,
    progress: Progress = no_progress,
    *,
    moved: Mapping[str, Path] | None = None,
) -> TrainingSet:
    """Write a release, whole or not at all.

    Parameters
    ----------
    session : Session
    folder : Path
        A new or empty one.
    choice : Choice
    about : About
        Without a date: the day of the newest decision, or else of the newest classification, so
        that the same session gives the same bytes tomorrow.
    progress : Progress
        Raises `Cancelled` to stop; nothing is left behind then.
    moved : mapping of str to Path, optional
        See `choose`.

    Returns
    -------
    TrainingSet
        What was written.

    Raises
    ------
    K2CError
        See `choose` and `release.write`; or an image is missing or not the one imported.
    """
    about = replace(about, date=about.date.strip() or _day(session)).checked()
    chosen = choose(session, choice, progress, moved=moved)
    provenance = _provenance(session, chosen)
    releases.write(folder, chosen, choice, about, provenance, progress)
    return chosen


def _provenance(session: Session, chosen: TrainingSet) -> Provenance:
    sources, ledger = session.state.sources, session.state.ledger
    names = {m.name for m in chosen.micrographs}
    taken = [i for i, m in enumerate(sources.micrographs) if m.name in names]
    of_tile = np.isin(sources.tiles["micrograph"], taken)
    looks = sources.looks[of_tile[sources.looks["tile"]]]
    marks = sources.marks[np.isin(sources.marks["micrograph"], taken)]
    votes = sources.votes[np.isin(sources.votes["micrograph"], taken)]
    looks, marks, votes = (rows[rows["counted"]] for rows in (looks, marks, votes))
    people = np.concatenate([rows["volunteer"] for rows in (looks, marks, votes)])
    return Provenance(
        session.identity,
        tuple(session.imports),
        ledger.params,
        session.log,
        ledger,
        len(looks),
        len(marks),
        len(votes),
        len(np.unique(people)),
    )


def _day(session: Session) -> str:
    """Day of the newest fact, UTC."""
    if session.log:
        return max(entry.at for entry in session.log)[:10]
    looks = session.state.sources.looks
    newest = int(looks["made_at"].max(initial=0))
    return datetime.fromtimestamp(newest, UTC).date().isoformat()


def _reader(
    micrographs: Sequence[Micrograph], paths: Sequence[Path]
) -> Callable[[int], NDArray[Any]]:
    """Pixels of the micrographs, as they were when they were imported."""
    looked_at: set[int] = set()

    def read(i: int) -> NDArray[Any]:
        micrograph, path = micrographs[i], paths[i]
        pixels = images.read(path)
        if i not in looked_at and micrograph.sha256 and sha256(path) != micrograph.sha256:
            raise K2CError(
                "The image has changed since it was imported.",
                file=path,
                remedy="Put the imported one back, or export without images.",
            )
        looked_at.add(i)
        return pixels

    return read
