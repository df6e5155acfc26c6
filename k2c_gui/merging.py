"""Sessions of several experts: read side by side, and joined into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from .core import joint_log, splitting
from .core import ledger as ledgers
from .core.model import Entry, K2CError, Ledger, Micrograph, Progress, Sources, no_progress
from .io import session_file
from .io.session_file import Content, SessionFile, WriterLock


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of a merge.

    Attributes
    ----------
    path : Path
        The session that was written.
    entries : tuple of int
        Of the log of each session that was joined, in the order given.
    content : Content
        As written.
    ledger : Ledger
        What the joint log amounts to.
    chosen : tuple of str
        Where the sessions differ and one had to be followed, as sentences.
    """

    path: Path
    entries: tuple[int, ...]
    content: Content
    ledger: Ledger
    chosen: tuple[str, ...]


def merge(paths: Sequence[Path], out: Path, *, progress: Progress = no_progress) -> Merged:
    """Write a session with all that was decided in several sessions of one import.

    Parameters
    ----------
    paths : sequence of Path
        Two or more; they are only read.
    out : Path
        A new file.
    progress : Progress

    Returns
    -------
    Merged
        The same, but for the paths of the images, in whatever order the sessions are given.

    Raises
    ------
    K2CError
        A session cannot be read, is given twice, or is of another import; or `out` is there,
        cannot be written or has not the ending of a session. Nothing is written then.
    """
    if out.suffix.lower() != ".k2c":
        raise K2CError(
            "The name of a session ends with .k2c.", file=out, remedy=f"Write {out.name}.k2c."
        )
    lock = WriterLock(out)
    try:
        if out.exists():
            raise K2CError("It is there already.", file=out, remedy="Give a new name after -o.")
        contents = read(paths, progress=progress)
        joined = _joined(paths, contents)
        near = splitting.near(splitting.jitter(joined.sources.marks))
        ledger = ledgers.fold(joined.log, joined.params, near)
        progress(f"Writing {out.name}", 0, 0)
        session_file.write(out, joined)
    finally:
        lock.release()
    entries = tuple(len(content.log) for content in contents)
    return Merged(out, entries, joined, ledger, _chosen(paths, contents, ledger))


def read(paths: Sequence[Path], *, progress: Progress = no_progress) -> list[Content]:
    """Read sessions of one import, every page of them.

    Parameters
    ----------
    paths : sequence of Path
        Two or more.
    progress : Progress

    Returns
    -------
    list of Content

    Raises
    ------
    K2CError
        Fewer than two; the same file twice; one that is damaged, of a newer version or no
        session; or two whose facts differ. The message says which, and why.
    """
    if len(paths) < 2:
        raise K2CError("Give two sessions or more.")
    contents: list[Content] = []
    for done, path in enumerate(paths):
        progress(f"Reading {path.name}", done, len(paths))
        for earlier in paths[:done]:
            if path.exists() and path.samefile(earlier):
                raise K2CError("The same session is given twice.", file=path)
        file = SessionFile(path)
        try:
            file.check()
            contents.append(file.content())
        finally:
            file.close()
        if done:
            _refuse_other_facts(paths[0], contents[0], path, contents[done])
    return contents


def _refuse_other_facts(first: Path, known: Content, path: Path, content: Content) -> None:
    if content.identity != known.identity:
        raise K2CError(
            f"It was not begun with the exports that {first} was begun with.",
            file=path,
            remedy="Only sessions of one import belong together.",
        )
    if differ := _difference(known.sources, content.sources):
        raise K2CError(
            f"It differs from {first} in its {differ}.",
            file=path,
            remedy="Import the same, newest exports into both, then try again.",
        )


def _difference(one: Sources, other: Sources) -> str:
    """The first thing in which two sets of facts differ; empty when they are the same."""
    if one.labels != other.labels:
        return "labels"
    if len(one.micrographs) != len(other.micrographs):
        return "micrographs"
    for mine, theirs in zip(one.micrographs, other.micrographs, strict=True):
        if replace(mine, path="") != replace(theirs, path=""):
            return f"micrograph {_told(mine)}, there {_told(theirs)}"
    if one.tile_names != other.tile_names:
        return "tiles"
    if one.vote_radius != other.vote_radius:
        return "vote radius"
    # since when a mark is there depends on the steps in which the exports were read
    known = {name for name in one.marks.dtype.names or () if name != "since"}
    if any(not np.array_equal(one.marks[name], other.marks[name]) for name in sorted(known)):
        return "marks"
    for name in ("tiles", "looks", "votes"):
        if not np.array_equal(getattr(one, name), getattr(other, name)):
            return name
    return ""


def _told(micrograph: Micrograph) -> str:
    size = micrograph.pixel_size_nm
    scale = "not calibrated" if size is None else f"{size:g} nm a pixel"
    return f"{micrograph.name} ({micrograph.width} x {micrograph.height} px, {scale})"


def _joined(paths: Sequence[Path], contents: Sequence[Content]) -> Content:
    """Sessions as one; where they differ, the choice does not depend on their order."""
    try:
        log = joint_log.join([content.log for content in contents])
    except K2CError as error:
        raise K2CError(
            f"They cannot be joined: {error}",
            file=", ".join(str(path) for path in paths),
            remedy="One of them was changed by another program; restore it from a copy.",
        ) from error
    # the same exports, read in more or fewer steps: the longest story tells all
    longest = max(contents, key=lambda c: (len(c.imports), msgspec.json.encode(c.imports)))
    begun = max((c.params for c in contents), key=msgspec.json.encode)
    there = [
        next((m for m in same if Path(m.path).is_file()), same[0])
        for same in zip(*(c.sources.micrographs for c in contents), strict=True)
    ]
    sources = replace(longest.sources, micrographs=tuple(there))
    return Content(contents[0].identity, sources, longest.imports, begun, log)


def _chosen(paths: Sequence[Path], contents: Sequence[Content], joint: Ledger) -> tuple[str, ...]:
    """Where the sessions differ and the joint one follows one of them."""
    own = [ledgers.fold(content.log, content.params) for content in contents]
    told = []
    if any(ledger.params != own[0].params for ledger in own):
        of = next(
            path for path, ledger in zip(paths, own, strict=True) if ledger.params == joint.params
        )
        told.append(
            f"The applied settings differ: the joint session has that of {of}, applied last."
            " k2c instances --apply sets another."
        )
    for name, size in joint.pixel_sizes.items():
        given = {ledger.pixel_sizes[name] for ledger in own if name in ledger.pixel_sizes}
        if len(given) > 1:
            sizes = " and ".join(f"{nm:g}" for nm in sorted(given))
            told.append(f"{name} was calibrated to {sizes} nm a pixel; {size:g} was set last.")
    return tuple(told)


def experts(log: Sequence[Entry]) -> tuple[str, ...]:
    """Who decided something in a log, in the order of the names."""
    return tuple(sorted({entry.expert for entry in log if entry.decision}))
