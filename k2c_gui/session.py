"""The one mutable object: a session, its state, and the verbs that change it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from . import __version__
from .core import ledger as ledgers
from .core import review, training_set
from .core.model import (
    NO_LABEL,
    STATUS,
    ClusterParams,
    Decision,
    Entry,
    Ints,
    K2CError,
    Label,
    Ledger,
    Progress,
    Sources,
    Table,
    TrainingSet,
    instance_dtype,
    no_progress,
)
from .core.union import disturbed, union
from .io import resources, session_file
from .io import sources as reading
from .io.files import sha256
from .io.session_file import Content, ImportRecord, SessionFile, WriterLock


@dataclass(frozen=True, slots=True)
class State:
    """What is so right now; every verb replaces it whole.

    Attributes
    ----------
    sources : Sources
    evidence : tuple of Evidence
        The same facts joined, one a micrograph.
    ledger : Ledger
        What the log amounts to; its `params` is the project's applied setting.
    """

    sources: Sources
    evidence: tuple[review.Evidence, ...]
    ledger: Ledger


Changed = Callable[[State, State], None]


class Session:
    """A session at work.

    Parameters
    ----------
    path : Path
    write : bool
        Take the right to decide; without it the reading verbs work.
    expert : str
        Who decides.

    Raises
    ------
    K2CError
        See `SessionFile`.
    """

    def __init__(self, path: Path, *, write: bool = False, expert: str = "") -> None:
        self.path = path
        self.expert = expert
        self._file = SessionFile(path, write=write)
        try:
            content = self._file.content()
            self._began_with = content.params
            self._log = list(content.log)
            evidence = tuple(review.evidence(content.sources))
            self.imports = content.imports
            self.identity = content.identity
            self.state = State(content.sources, evidence, self._fold())
        except BaseException:
            self._file.close()
            raise
        self._subscribers: list[Changed] = []

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    @property
    def log(self) -> tuple[Entry, ...]:
        """The log, in order."""
        return tuple(self._log)

    def subscribe(self, changed: Changed) -> None:
        """Be called with the old and the new state after every verb that changed something."""
        self._subscribers.append(changed)

    def check(self, progress: Progress = no_progress) -> tuple[str, ...]:
        """Read every page of the file, fold its log, and look for the images.

        Returns
        -------
        tuple of str
            Images that are missing or have changed since the import, as sentences.

        Raises
        ------
        K2CError
            The file is damaged; see `SessionFile.check`.
        """
        self._file.check()
        troubles = []
        micrographs = self.state.sources.micrographs
        for done, micrograph in enumerate(micrographs):
            progress("Looking at images", done, len(micrographs))
            path = Path(micrograph.path)
            if not path.is_file():
                troubles.append(f"{path}: the image is missing. Decisions stay; put it back.")
            elif sha256(path) != micrograph.sha256:
                troubles.append(f"{path}: the image has changed since it was imported.")
        return tuple(troubles)

    def micrograph(self, name: str) -> int:
        """Place of a micrograph.

        Raises
        ------
        K2CError
            There is none of that name.
        """
        names = [m.name for m in self.state.sources.micrographs]
        if name not in names:
            raise K2CError(
                f"There is no micrograph {name}.",
                file=self.path,
                remedy=f"There are {', '.join(names[:8])}" + (" ..." if len(names) > 8 else "."),
            )
        return names.index(name)

    def instances(
        self,
        params: ClusterParams | None = None,
        *,
        only: Iterable[int] | None = None,
        progress: Progress = no_progress,
    ) -> Table:
        """Group the marks and lay the decisions over them.

        Parameters
        ----------
        params : ClusterParams, optional
            Without it: the project's applied setting.
        only : iterable of int, optional
            Places of the micrographs wanted.
        progress : Progress

        Returns
        -------
        (n,) structured array
            Of `instance_dtype`, by micrograph.
        """
        params = params or self.state.ledger.params
        wanted = self.state.evidence
        if only is not None:
            wanted = tuple(wanted[i] for i in sorted(set(only)))
        tables = [np.zeros(0, instance_dtype(len(self.state.sources.labels)))]
        for done, evidence in enumerate(wanted):
            progress("Grouping marks", done, len(wanted))
            grouping = review.group(evidence, params)
            tables.append(review.instances(evidence, grouping, self.state.ledger))
        return np.concatenate(tables)

    def apply(self, params: ClusterParams) -> None:
        """Make a setting the project's own."""
        if params != self.state.ledger.params:
            self._append([self._entry("apply", uuid.uuid4().hex, params=params)])

    def decide(self, rulings: Sequence[Decision]) -> None:
        """Store rulings as one step: on the disk when this returns.

        Parameters
        ----------
        rulings : sequence of Decision

        Raises
        ------
        K2CError
            See `ledger.settle`; or the disk does not take it, and nothing is kept.
        """
        self._append(self._decide(rulings, uuid.uuid4().hex))

    def sign_off(self, name: str) -> None:
        """Declare a micrograph complete, in one step with what that accepts.

        Every proposal becomes a decision for the label that the consensus proposes.

        Parameters
        ----------
        name : str
            Of the micrograph.

        Raises
        ------
        K2CError
            Instances without a proposed label are undecided still, or it is signed off already.
        """
        evidence = self.state.evidence[self.micrograph(name)]
        if name in self.state.ledger.signed_off:
            raise K2CError(f"{name} is signed off already.")
        params = self.state.ledger.params
        grouping = review.group(evidence, params)
        table = review.instances(evidence, grouping, self.state.ledger)
        proposed = table[table["status"] == STATUS.index("proposed")]
        undecided = int((proposed["label"] == NO_LABEL).sum())
        if undecided:
            raise K2CError(
                f"{undecided} instances of {name} are undecided: tied, or without votes.",
                remedy="Decide them, or keep them ambiguous, first.",
            )
        step = uuid.uuid4().hex
        now = _now()
        marks = evidence.marks["mark"]
        group_of = {int(marks[i]): g for i, g in enumerate(grouping.group_of_mark) if g >= 0}
        rulings = []
        for row in proposed:
            own = marks[grouping.group_of_mark == group_of[int(row["instance"])]].tolist()
            rulings.append(
                Decision(
                    micrograph=name,
                    marks=tuple(m for m in own if m not in self.state.ledger.owner),
                    verdict="label",
                    label=int(row["label"]),
                    x=float(row["x"]),
                    y=float(row["y"]),
                    decided_at=now,
                    source="sign-off",
                    votes=tuple(row["votes"].tolist()),
                    params=params,
                    made_from=(tuple(own),),
                )
            )
        self._append([*self._decide(rulings, step), self._entry("sign-off", step, micrograph=name)])

    def undo(self) -> None:
        """Take back the last step that stands; nothing happens when there is none."""
        if target := self.state.ledger.undoable:
            self._append([self._entry("undo", uuid.uuid4().hex, target=target)])

    def redo(self) -> None:
        """Bring back the last step undone; nothing happens when there is none."""
        if target := self.state.ledger.redoable:
            self._append([self._entry("redo", uuid.uuid4().hex, target=target)])

    def training_set(
        self,
        *,
        signed_off_only: bool = True,
        box_nm: float | None = None,
        box_px: float | None = None,
        progress: Progress = no_progress,
    ) -> TrainingSet:
        """Choose what an export holds; see `training_set.build`."""
        sources, ledger = self.state.sources, self.state.ledger
        only = ledger.signed_off if signed_off_only else None
        if only is not None and not only:
            instances = np.zeros(0, instance_dtype(len(sources.labels)))
        else:
            names = [m.name for m in sources.micrographs]
            wanted = [i for i, name in enumerate(names) if only is None or name in only]
            instances = self.instances(only=wanted, progress=progress)
        return training_set.build(
            sources.micrographs,
            sources.labels,
            instances,
            only=only,
            box_nm=box_nm,
            box_px=box_px,
        )

    def _decide(self, rulings: Sequence[Decision], step: str) -> list[Entry]:
        values = {label.value for label in self.state.sources.labels}
        for ruling in rulings:
            self.micrograph(ruling.micrograph)
            if (ruling.verdict == "label") != (ruling.label in values):
                raise K2CError(
                    f"A ruling to {ruling.verdict} cannot have the label {ruling.label}.",
                    remedy=f"The labels are {', '.join(map(str, sorted(values)))}.",
                )
        return [
            self._entry("decide", step, decision=ruling, supersedes=gone)
            for ruling, gone in ledgers.settle(self.state.ledger, rulings)
        ]

    def _entry(self, kind: str, step: str, **about: object) -> Entry:
        fixed = {"uid": uuid.uuid4().hex, "step": step, "kind": kind, "at": _now()}
        return Entry(**fixed, expert=self.expert, **about)  # type: ignore[arg-type]

    def _append(self, entries: Sequence[Entry]) -> None:
        """Write first, then believe it."""
        self._file.append(entries)
        self._log += entries
        old, self.state = self.state, replace(self.state, ledger=self._fold())
        for changed in self._subscribers:
            changed(old, self.state)

    def _fold(self) -> Ledger:
        return ledgers.fold(self._log, self._began_with)


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
    if remap is not None and remap.exists():
        raise K2CError("It is there already.", file=remap, remedy="Give --remap a new name.")
    if remap is not None and not path.exists():
        raise K2CError("There is no session to carry over.", file=path)
    if not path.exists():
        found = reading.read(files, resources.labels(labels), progress=progress)
        content = Content(_identity(found), found.sources, (_record(found),))
        _write(target, content, progress)
        return found, target
    lock = WriterLock(path) if remap is None else None
    try:
        stored = _stored(path)
        scheme = _same_labels(stored, labels)
        found = reading.read(
            files,
            scheme,
            known=stored.sources,
            mapping=stored.imports[-1].mapping,
            progress=progress,
        )
        content = _joined(stored, found, path, allow_moves=remap is not None)
        _write(target, content, progress)
    finally:
        if lock is not None:
            lock.release()
    return found, target


def _stored(path: Path) -> Content:
    file = SessionFile(path)
    try:
        return file.content()
    finally:
        file.close()


def _write(path: Path, content: Content, progress: Progress) -> None:
    progress(f"Writing {path.name}", 0, 0)
    session_file.write(path, content)


def _joined(stored: Content, found: reading.Import, path: Path, *, allow_moves: bool) -> Content:
    joined = union(stored.sources, found.sources, found.classifications, found.votings)
    moved = set(disturbed(stored.sources.marks, joined.marks).tolist())
    under = {e.uid: e.decision for e in stored.log if e.decision}
    hit = {u: d for u, d in under.items() if moved.intersection(d.marks)}
    if hit and not allow_moves:
        marks = sum(len(moved.intersection(d.marks)) for d in hit.values())
        raise K2CError(
            f"This import would move or remove {marks} marks under {len(hit)} decisions.",
            file=path,
            remedy="Write a new session with --remap NEW.k2c; the decisions are carried over.",
        )
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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
