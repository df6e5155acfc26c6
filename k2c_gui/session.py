"""A session: what is on disk, and the verbs that add to it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

import numpy as np

from .core import compiled, edits, review, splitting, training_set
from .core import ledger as ledgers
from .core.model import (
    NO_LABEL,
    STATUS,
    ClusterParams,
    Decision,
    Entry,
    K2CError,
    Ledger,
    Micrograph,
    Progress,
    Remark,
    Sources,
    Table,
    TrainingSet,
    instance_dtype,
    no_progress,
)
from .core.outcome import NO_TRUTH, Truth
from .core.standing import standing
from .io import truth
from .io.files import sha256
from .io.session_file import Content, SessionFile


@dataclass(frozen=True, slots=True)
class Stored:
    """What is on disk, worked out; every verb replaces it whole.

    Attributes
    ----------
    sources : Sources
    evidence : tuple of Evidence
        The same facts joined, one a micrograph.
    ledger : Ledger
        What the log amounts to; its `params` is the project's applied setting.
    truth : Truth
        What is known to be there: ``truth.csv`` beside the session.
    """

    sources: Sources
    evidence: tuple[review.Evidence, ...]
    ledger: Ledger
    truth: Truth = NO_TRUTH


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a session file holds, worked out; see `read`."""

    content: Content
    history: ledgers.History
    state: Stored


def read(path: Path) -> Facts:
    """Read a session for `Session.complete`, on any thread.

    Parameters
    ----------
    path : Path

    Raises
    ------
    K2CError
        See `SessionFile`.
    """
    file = SessionFile(path)
    try:
        return _worked_out(file.content(), path)
    finally:
        file.close()


class Session:
    """A session at work.

    Parameters
    ----------
    path : Path
    write : bool
        Take the right to decide; without it the reading verbs work.
    expert : str
        Who decides.
    whole : bool
        Read everything now. Without it there are micrographs and labels, but no evidence and no
        decisions, and nothing can be written, before `complete`.

    Raises
    ------
    K2CError
        See `SessionFile`.
    """

    def __init__(
        self, path: Path, *, write: bool = False, expert: str = "", whole: bool = True
    ) -> None:
        self.path = path
        self.expert = expert
        self._file = SessionFile(path, write=write, whole=whole)
        try:
            content = self._file.content() if whole else self._file.front()
            self.complete(_worked_out(content, path))
            self.whole = whole
        except BaseException:
            self._file.close()
            raise

    def complete(self, facts: Facts) -> None:
        """Take what `read` has read."""
        content = facts.content
        self._log = list(content.log)
        self._rulings: dict[str, list[Entry]] = {}
        self._index(self._log)
        self._history = facts.history
        self.imports, self.identity = content.imports, content.identity
        self.state = facts.state
        self.whole = True

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

    def rulings(self, name: str) -> Sequence[Entry]:
        """Every decision and remark of the log on a micrograph, undone or not, in order."""
        return self._rulings.get(name, ())

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
            if trouble := _trouble(micrograph):
                troubles.append(f"{micrograph.path}: {trouble}")
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
        if sum(len(evidence.marks) for evidence in wanted) > compiled.WORTHWHILE:
            compiled.warm_up()
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

    def set_pixel_size(self, nm: float, names: Sequence[str]) -> None:
        """Calibrate micrographs by hand; the images and what was imported stay as they are.

        Parameters
        ----------
        nm : float
            A pixel.
        names : sequence of str
            Of the micrographs.

        Raises
        ------
        K2CError
            No such micrograph, or a size that is not above 0.
        """
        for name in names:
            self.micrograph(name)
        if not (isfinite(nm) and nm > 0):
            raise K2CError(f"A pixel size of {nm} nm is none.", remedy="Give nm above 0.")
        about = {"pixel_size_nm": float(nm), "micrographs": tuple(names)}
        self._append([self._entry("calibrate", uuid.uuid4().hex, **about)])

    def decide(self, rulings: Sequence[Decision], *, joins: bool = False) -> None:
        """Store rulings as one step: on the disk when this returns.

        Parameters
        ----------
        rulings : sequence of Decision
        joins : bool
            They are part of the last step that stands, and undone with it.

        Raises
        ------
        K2CError
            See `ledger.settle`; or the disk does not take it, and nothing is kept.
        """
        step = self.state.ledger.undoable if joins else ""
        self._append(self._decide(rulings, step or uuid.uuid4().hex))

    def remark(self, remarks: Sequence[Remark]) -> None:
        """Store remarks as one step: on the disk when this returns.

        Parameters
        ----------
        remarks : sequence of Remark

        Raises
        ------
        K2CError
            No such micrograph, or no marks; or the disk does not take it.
        """
        for remark in remarks:
            self.micrograph(remark.micrograph)
            if not remark.marks:
                raise K2CError("A remark needs the marks that it is about.")
        step = uuid.uuid4().hex
        self._append([self._entry("remark", step, remark=remark) for remark in remarks])

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
            Instances without a proposed label are undecided still, experts disagree on one, or
            it is signed off already and nothing is new.
        """
        place = self.micrograph(name)
        basis = self._basis(place)
        table = basis.instances
        proposed = np.flatnonzero(table["status"] == STATUS.index("proposed")).tolist()
        if name in self.state.ledger.signed_off and not proposed:
            raise K2CError(f"{name} is signed off already.")
        undecided = int((table["label"][proposed] == NO_LABEL).sum())
        if undecided:
            raise K2CError(
                f"{undecided} instances of {name} are undecided: tied, or without votes.",
                remedy="Decide them, or keep them ambiguous, first.",
            )
        differing = {i for pair in standing(self.state.ledger, name).differing for i in pair}
        if differing:
            raise K2CError(
                f"Experts disagree on {name}: {len(differing)} decisions contradict each other.",
                remedy="Decide between them first.",
            )
        step = uuid.uuid4().hex
        rulings = edits.accept(basis, proposed, "sign-off", at=_now())
        made = self._decide(rulings, step)
        gone = {uid for entry in made for uid in entry.supersedes}
        stays = self.state.ledger.on.get(name, {})
        accepts = (*(uid for uid in stays if uid not in gone), *(entry.uid for entry in made))
        self._append([*made, self._entry("sign-off", step, micrograph=name, accepts=accepts)])

    def repeat(self, uid: str, ruling: Decision) -> None:
        """Store a second, blind ruling on a decided case: it measures the expert, no more.

        Parameters
        ----------
        uid : str
            Of the decision; see `pace.Due`.
        ruling : Decision
            On its marks.

        Raises
        ------
        K2CError
            There is no such decision, the ruling is none, or it was not blind.
        """
        ruled = next((e.decision for e in self._log if e.uid == uid and e.decision), None)
        if ruled is None:
            raise K2CError(f"There is no decision {uid} to repeat.")
        if not ruling.blind or ruling.marks != ruled.marks:
            raise K2CError("A repeat is made on the same marks, with the votes hidden.")
        self._refuse_nonsense(ruling)
        self._append([self._entry("repeat", uuid.uuid4().hex, target=uid, repeat=ruling)])

    def _basis(self, place: int) -> edits.Basis:
        """A micrograph under the applied setting."""
        facts = self.state
        evidence = facts.evidence[place]
        grouping = review.group(evidence, facts.ledger.params)
        table = review.instances(evidence, grouping, facts.ledger)
        return edits.Basis(
            facts.sources.micrographs[place], evidence, grouping, table, facts.ledger
        )

    def undo(self) -> None:
        """Take back the last step that stands; nothing happens when there is none."""
        if target := self.state.ledger.undoable:
            self._append([self._entry("undo", uuid.uuid4().hex, target=target)])

    def redo(self) -> None:
        """Bring back the last step undone; nothing happens when there is none."""
        if target := self.state.ledger.redoable:
            undos = (e.uid for e in self._log if e.kind == "undo" and e.target == target)
            entry = self._entry("redo", uuid.uuid4().hex, target=target, supersedes=tuple(undos))
            self._append([entry])

    def training_set(
        self,
        *,
        signed_off_only: bool = True,
        use: frozenset[int] | None = None,
        ambiguous: training_set.Ambiguous = "keep",
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
            in_force=ledger.in_force,
            conflicts=ledger.conflicts,
            use=use,
            ambiguous=ambiguous,
            box_nm=box_nm,
            box_px=box_px,
        )

    def _decide(self, rulings: Sequence[Decision], step: str) -> list[Entry]:
        for ruling in rulings:
            self._refuse_nonsense(ruling)
        held = len(self.state.sources.marks)
        return [
            self._entry("decide", step, decision=replace(ruling, held=held), supersedes=gone)
            for ruling, gone in ledgers.settle(self.state.ledger, rulings)
        ]

    def _refuse_nonsense(self, ruling: Decision) -> None:
        values = {label.value for label in self.state.sources.labels}
        self.micrograph(ruling.micrograph)
        if (ruling.verdict == "label") != (ruling.label in values):
            raise K2CError(
                f"A ruling to {ruling.verdict} cannot have the label {ruling.label}.",
                remedy=f"The labels are {', '.join(map(str, sorted(values)))}.",
            )
        if not (isfinite(ruling.x) and isfinite(ruling.y)):  # what JSON could not give back
            raise K2CError(f"({ruling.x}, {ruling.y}) px is no place.")

    def _entry(self, kind: str, step: str, **about: object) -> Entry:
        fixed = {"uid": uuid.uuid4().hex, "step": step, "kind": kind, "at": _now()}
        return Entry(**fixed, expert=self.expert, **about)  # type: ignore[arg-type]

    def _append(self, entries: Sequence[Entry]) -> None:
        """Write first, then believe it."""
        if not self.whole:
            raise K2CError("The session is still being read.")
        self._file.append(entries)
        self._log += entries
        self._index(entries)
        ledger = self._history.take(entries)
        sources = self.state.sources
        if ledger.pixel_sizes != self.state.ledger.pixel_sizes:
            sources = _calibrated(sources, ledger)
        self.state = replace(self.state, sources=sources, ledger=ledger)

    def _index(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            about = entry.decision or entry.remark
            if about is not None:
                self._rulings.setdefault(about.micrograph, []).append(entry)


def _worked_out(content: Content, path: Path) -> Facts:
    evidence = tuple(review.evidence(content.sources))
    jitter = evidence[0].jitter if evidence else 0.0
    history = ledgers.History(content.params, splitting.near(jitter))
    ledger = history.take(content.log)
    known = truth.read(path, (one.name for one in evidence))
    state = Stored(_calibrated(content.sources, ledger), evidence, ledger, known)
    return Facts(content, history, state)


def _calibrated(sources: Sources, ledger: Ledger) -> Sources:
    """The facts with the pixel sizes that the expert set."""
    if not ledger.pixel_sizes:
        return sources
    micrographs = tuple(
        replace(m, pixel_size_nm=ledger.pixel_sizes[m.name], pixel_size_source="set by the expert")
        if m.name in ledger.pixel_sizes
        else m
        for m in sources.micrographs
    )
    return replace(sources, micrographs=micrographs)


def _trouble(micrograph: Micrograph) -> str:
    """What has become of an image since its import; empty when nothing has."""
    path = Path(micrograph.path)
    try:
        if not path.is_file():
            return "the image is missing. Decisions stay; put it back."
        if sha256(path) != micrograph.sha256:
            return "the image has changed since it was imported."
    except OSError as error:
        return f"the image cannot be read: {error.strerror or error}."
    return ""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
