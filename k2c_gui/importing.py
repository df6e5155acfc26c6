"""Exports and micrographs into a session: a new one, or one that is there already."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from . import __version__
from .core.model import (
    Decision,
    Ints,
    K2CError,
    Label,
    Progress,
    Sources,
    Table,
    no_progress,
)
from .core.union import dated, disturbed, union
from .io import preview as previews
from .io import resources, session_file
from .io import sources as reading
from .io.session_file import Content, ImportRecord, SessionFile, WriterLock


class MarksMoved(K2CError):
    """An import would move or remove marks under decisions.

    Attributes
    ----------
    what : str
        The same without its remedy.
    """

    def __init__(self, path: Path, marks: int, decisions: int) -> None:
        self.what = f"This import would move or remove {marks} marks under {decisions} decisions."
        remedy = "Write a new session with --remap NEW.k2c; the decisions are carried over."
        super().__init__(self.what, file=path, remedy=remedy)


def import_(
    path: Path,
    files: reading.Files,
    *,
    labels: Path | None = None,
    remap: Path | None = None,
    progress: Progress = no_progress,
) -> tuple[reading.Import, Path]:
    """Make a session of exports and micrographs, or bring a newer export into one.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    files : Files
    labels : Path, optional
        Label scheme of a new session.
    remap : Path, optional
        Write a new session here, with the decisions carried over by their marks, and leave
        `path` as it is.
    progress : Progress

    Returns
    -------
    import : Import
    path : Path
        The session that was written.

    Raises
    ------
    K2CError
        The import would move or remove marks under decisions and `remap` is not given; the
        session's labels are others; a file cannot be used at all. Nothing is changed then.
    """
    target = remap or path
    lock = WriterLock(target)
    try:
        if remap is not None and remap.exists():
            raise K2CError("It is there already.", file=remap, remedy="Give --remap a new name.")
        if remap is not None and not path.exists():
            raise K2CError("There is no session to carry over.", file=path)
        if path.exists():
            found, content = _read_into(path, files, labels, remap is not None, progress)
        else:
            found = reading.read(files, resources.labels(labels), progress=progress)
            content = Content(_identity(found), found.sources, (_record(found),))
        progress(f"Writing {target.name}", 0, 0)
        session_file.write(target, content)
    finally:
        lock.release()
    return found, target


def preview(
    path: Path,
    files: reading.Files,
    *,
    labels: Path | None = None,
    progress: Progress = no_progress,
) -> previews.Preview:
    """Look at the start of an import, as `import_` would read it; nothing is written.

    Parameters
    ----------
    path : Path
        The session to be made, or to be joined.
    files : Files
    labels : Path, optional
    progress : Progress

    Returns
    -------
    Preview

    Raises
    ------
    K2CError
        As for `import_`, as far as the start of the files tells.
    """
    if not path.exists():
        return previews.preview(files, resources.labels(labels), progress=progress)
    stored = _stored(path)
    mapping = stored.imports[-1].mapping
    scheme = _same_labels(stored, labels)
    return previews.preview(files, scheme, mapping=mapping, progress=progress)


def make_demo(
    folder: Path, *, micrographs: int = 3, seed: int = 0, progress: Progress = no_progress
) -> tuple[reading.Import, Path]:
    """Fill a new or empty folder with the demo; on failure it is left as it was found.

    Parameters
    ----------
    folder : Path
    micrographs, seed : int
        See `demo.WorldParams`.
    progress : Progress

    Returns
    -------
    import : Import
    path : Path
        The session.

    Raises
    ------
    K2CError
        The folder is not empty, or cannot be written.
    """
    from . import demo  # brings scipy, which nothing else here waits for

    there = folder.exists()
    if there and (not folder.is_dir() or any(folder.iterdir())):
        raise K2CError("It is not an empty folder.", file=folder, remedy="Choose a new one.")
    try:
        demo.write(folder, demo.WorldParams(micrographs=micrographs, seed=seed), progress)
        files = reading.Files(
            folder / "images",
            folder / "picking.csv",
            folder / "classifying.csv",
            mapping=folder / "mapping.toml",
        )
        return import_(folder / "demo.k2c", files, progress=progress)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if there:
            folder.mkdir(exist_ok=True)
        if isinstance(error, OSError):
            raise K2CError(
                f"It cannot be written: {error.strerror or error}.",
                file=folder,
                remedy="Choose another place, or make room.",
            ) from error
        raise


def _read_into(
    path: Path,
    files: reading.Files,
    labels: Path | None,
    allow_moves: bool,
    progress: Progress,
) -> tuple[reading.Import, Content]:
    """Read exports as the session there knows their volunteers, and join both."""
    stored = _stored(path)
    found = reading.read(
        files,
        _same_labels(stored, labels),
        known=stored.sources,
        mapping=stored.imports[-1].mapping,
        progress=progress,
    )
    return found, _joined(stored, found, path, allow_moves=allow_moves)


def _stored(path: Path) -> Content:
    file = SessionFile(path)
    try:
        return file.content()
    finally:
        file.close()


def _joined(stored: Content, found: reading.Import, path: Path, *, allow_moves: bool) -> Content:
    joined = union(stored.sources, found.sources, found.classifications, found.votings)
    joined = replace(joined, marks=dated(stored.sources.marks, joined.marks))
    moved = set(disturbed(stored.sources.marks, joined.marks).tolist())
    under = {e.uid: e.decision for e in stored.log if e.decision}
    hit = {u: d for u, d in under.items() if moved.intersection(d.marks)}
    if hit and not allow_moves:
        marks = len(moved.intersection(m for d in hit.values() for m in d.marks))
        raise MarksMoved(path, marks, len(hit))
    log = tuple(
        replace(e, decision=_carried(e.decision, stored.sources, joined)) if e.uid in hit else e
        for e in stored.log
    )
    imports = (*stored.imports, _record(found))
    return Content(stored.identity, joined, imports, stored.params, log)


def _carried(decision: Decision | None, old: Sources, new: Sources) -> Decision | None:
    """Move a decision as far as its marks moved; marks that are gone stay named in it."""
    if decision is None:
        return None
    before, after = _rows(old.marks, decision.marks), _rows(new.marks, decision.marks)
    both = np.intersect1d(before["mark"], after["mark"])
    if not len(both):
        return decision
    before, after = _rows(before, both), _rows(after, both)
    return replace(
        decision,
        micrograph=new.micrographs[int(np.bincount(after["micrograph"]).argmax())].name,
        x=decision.x + float(np.mean(after["x"] - before["x"])),
        y=decision.y + float(np.mean(after["y"] - before["y"])),
    )


def _rows(marks: Table, wanted: Sequence[int] | Ints) -> Table:
    return marks[np.isin(marks["mark"], wanted)]


def _same_labels(stored: Content, labels: Path | None) -> tuple[Label, ...]:
    if labels is not None and resources.labels(labels) != stored.sources.labels:
        raise K2CError(
            "The session was made with other labels, and they are frozen in it.",
            file=labels,
            remedy="Make a new session for a new label scheme.",
        )
    return stored.sources.labels


def _record(found: reading.Import) -> ImportRecord:
    return ImportRecord(__version__, found.mapping, found.detected, found.hashes, found.tallies)


def _identity(found: reading.Import) -> str:
    """The same for everybody who begins with the same exports."""
    return hashlib.sha256(" ".join(sorted(found.hashes.values())).encode()).hexdigest()
