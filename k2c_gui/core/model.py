"""The words of the program: records as frozen dataclasses, columns as numpy dtypes.

Coordinates are float pixels of the full micrograph, origin at the top-left corner of the
top-left pixel, y down, always in the order x, y. Pixel sizes are in nm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

MARK = np.dtype(
    [
        ("mark", "i8"),  # classification * MARKS_PER_CLASSIFICATION + place in the value list
        ("micrograph", "i4"),  # place in Sources.micrographs
        ("tile", "i4"),  # place in Sources.tiles
        ("volunteer", "i4"),
        ("x", "f8"),  # px
        ("y", "f8"),  # px
        ("label", "i2"),  # what the marking tool says the thing is; NO_LABEL when it says nothing
        ("inside", "?"),  # False: the mark lies outside its tile or its micrograph
        ("counted", "?"),  # inside, and of a look that counts; derived, never stored
        ("since", "i8"),  # marks held from the import on that brought it; 0: the first import
    ]
)
VOTE = np.dtype(
    [
        ("classification", "i8"),
        ("made_at", "i8"),  # seconds since 1970, UTC
        ("volunteer", "i4"),
        ("mark", "i8"),  # NO_MARK: the vote is for the mark nearest to x, y
        ("micrograph", "i4"),
        ("x", "f8"),  # px
        ("y", "f8"),  # px
        ("label", "i2"),
        ("counted", "?"),  # the volunteer's first vote on this subject; derived, never stored
    ]
)
TILE = np.dtype(
    [
        ("micrograph", "i4"),
        ("x0", "f8"),  # px of the micrograph; may be negative
        ("y0", "f8"),
        ("width", "f8"),  # px of the micrograph
        ("height", "f8"),
    ]
)
LOOK = np.dtype(
    [
        ("classification", "i8"),
        ("made_at", "i8"),  # seconds since 1970, UTC
        ("tile", "i4"),
        ("volunteer", "i4"),
        ("counted", "?"),  # the volunteer's first look at this tile; derived, never stored
    ]
)
MARKS_PER_CLASSIFICATION = 1 << 16
NO_MARK = -1
NO_LABEL = -1

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Table = NDArray[np.void]
"""A structured array of one of the dtypes above."""

Progress = Callable[[str, int, int], None]
"""``progress(what, done, total)``; it may raise `Cancelled` to stop the work."""


def no_progress(what: str, done: int, total: int) -> None:
    """Report to nobody."""


class K2CError(Exception):
    """The world's fault, not ours: told as a message, never as a traceback.

    Parameters
    ----------
    message : str
        What is wrong, as a sentence.
    file, row : optional
        Where: the file, and the row as a spreadsheet counts it (the header is row 1).
    remedy : str
        What the expert can do about it.
    """

    def __init__(
        self, message: str, *, file: object = None, row: int | None = None, remedy: str = ""
    ) -> None:
        where = "" if file is None else f"{file}: " if row is None else f"{file}, row {row}: "
        super().__init__(f"{where}{message}" + (f" {remedy}" if remedy else ""))


class Cancelled(K2CError):
    """The expert stopped the work; nothing of it was kept."""


@dataclass(frozen=True, slots=True)
class Label:
    """A kind of thing; frozen in the session.

    Attributes
    ----------
    value : int
        The number that is stored, exported and shown.
    name : str
        For people.
    use : bool
        Whether instances of it go into a training set.
    answers : tuple of str
        The volunteers' answers that mean it.
    """

    value: int
    name: str
    use: bool
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Micrograph:
    """One full electron-microscope image.

    Attributes
    ----------
    name : str
        Unique in the session: the file's name.
    path : str
        Where the image was found; relative to the session file's folder where that is possible.
    width, height : int
        px.
    pixel_size_nm : float or None
        None: not calibrated.
    pixel_size_source : str
        Which tag or whose word the pixel size rests on.
    sha256 : str
        Of the file as imported.
    """

    name: str
    path: str
    width: int
    height: int
    pixel_size_nm: float | None = None
    pixel_size_source: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Sources:
    """The facts: imported once, never changed.

    Attributes
    ----------
    micrographs, labels : tuple
        Labels in rising order of value.
    tile_names : tuple of str
        One a tile: the subject id of Zooniverse, or what a flat table calls it.
    tiles, looks, marks, votes : structured arrays
        Of dtype `TILE`, `LOOK`, `MARK` (by micrograph, then mark) and `VOTE`.
    vote_radius : float
        px of the micrograph: how far a vote without a mark reaches for the nearest one.
    """

    micrographs: tuple[Micrograph, ...]
    labels: tuple[Label, ...]
    tile_names: tuple[str, ...]
    tiles: Table
    looks: Table
    marks: Table
    votes: Table
    vote_radius: float = 1.0


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows, marks or votes of one source met one fate.

    Attributes
    ----------
    source : str
        ``picking``, ``classifying`` or ``images``.
    fate : str
        ``kept``, ``flagged`` (stored, not counted) or ``dropped``.
    what : str
        The reason, in words.
    count : int
    first : str
        Where it was met first, such as ``row 17``; empty where there is no such place.
    """

    source: str
    fate: Literal["kept", "flagged", "dropped"]
    what: str
    count: int
    first: str = ""


MOST_MARKS = 1_000_000
"""Marks that a setting may ask for; more than any micrograph has."""


@dataclass(frozen=True, slots=True)
class ClusterParams:
    """One setting of the grouping: which marks are one particle, where it sits, when it is split.

    Attributes
    ----------
    min_cluster_size : int
        Fewest marks of a group (HDBSCAN). The project's 11 is a majority of 20 looks.
    min_samples : int
        Neighbours that make a spot dense, as `hdbscan` counts them: without the mark itself.
    epsilon : float
        px. HDBSCAN: groups closer than this are not parted. DBSCAN: the neighbourhood.
    method : {"eom", "leaf"}
        HDBSCAN's selection: excess of mass, or the leaves of the condensed tree.
    algorithm : {"hdbscan", "reference", "dbscan", "kmeans"}
        ``hdbscan`` asks our own density hierarchy, whose answer does not depend on the order of
        the marks; ``reference`` is the `hdbscan` library itself, as the project ran it in 2022.
        The last two are there to compare with.
    centroid : {"mode", "mean", "median"}
        Where a group sits.
    margin : float
        An instance is ambiguous when (first - second) / votes is at most this.
    weighted : bool
        A mark weighs full looks / looks at its spot, never below 1, so that a particle at the
        border, which fewer volunteers saw, is found by the same majority. `min_cluster_size` and
        `min_samples` then count weight. With ``hdbscan`` only.
    split : bool
        Split groups in which volunteers marked two particles at once on one tile, and unite
        those side by side that hardly anyone marked both.
    """

    min_cluster_size: int = 11
    min_samples: int = 11
    epsilon: float = 0.0
    method: Literal["eom", "leaf"] = "eom"
    algorithm: Literal["hdbscan", "reference", "dbscan", "kmeans"] = "hdbscan"
    centroid: Literal["mode", "mean", "median"] = "mode"
    margin: float = 0.2
    weighted: bool = False
    split: bool = False

    def __post_init__(self) -> None:
        if self.min_cluster_size < 2:
            raise K2CError(
                f"min_cluster_size is {self.min_cluster_size}.", remedy="Give 2 marks or more."
            )
        if self.min_samples < 1:
            raise K2CError(f"min_samples is {self.min_samples}.", remedy="Give 1 mark or more.")
        for name in ("min_cluster_size", "min_samples"):
            if getattr(self, name) > MOST_MARKS:
                raise K2CError(
                    f"{name} is {getattr(self, name)}.", remedy=f"Give {MOST_MARKS:,} at most."
                )
        if not (isfinite(self.epsilon) and self.epsilon >= 0):
            raise K2CError(f"epsilon is {self.epsilon} px.", remedy="Give 0 px or more.")
        if not 0 <= self.margin <= 1:
            raise K2CError(f"margin is {self.margin}.", remedy="Give a share from 0 to 1.")
        for name, value, known in (
            ("method", self.method, ("eom", "leaf")),
            ("algorithm", self.algorithm, ("hdbscan", "reference", "dbscan", "kmeans")),
            ("centroid", self.centroid, ("mode", "mean", "median")),
        ):
            if value not in known:
                raise K2CError(f"{name} is {value!r}.", remedy=f"Give one of: {', '.join(known)}.")
        if self.algorithm == "dbscan" and self.epsilon == 0:
            raise K2CError("DBSCAN needs a neighbourhood.", remedy="Give epsilon, in px, above 0.")


SETTING_2022 = ClusterParams(algorithm="reference", centroid="mean")
"""What the project ran in 2022: groups of 11 marks, by the library, at the mean of their marks."""

DEFAULT = ClusterParams(min_cluster_size=5, min_samples=4, weighted=True, split=True)
"""What a new session begins with; `docs/method.md` has the evidence."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which marks of one micrograph are one thing: a guess, disposable.

    Attributes
    ----------
    micrograph : int
    params : ClusterParams
        The question this answers.
    group_of_mark : (n_marks,) int64
        Group of each mark handed in, -1 for noise; groups are numbered by their earliest mark.
    x, y : (n_groups,) float64
        Centroids, px.
    spread : (n_groups,) float64
        px: median distance of the marks from the centroid.
    split_into : (n_groups,) int64
        Parts of the group that this one was split from; 1 when it was not split.
    pairs : (n_groups,) float64
        Share of the looks at that group that hold two marks too far apart for a double click.
    """

    micrograph: int
    params: ClusterParams
    group_of_mark: Ints
    x: Floats
    y: Floats
    spread: Floats
    split_into: Ints
    pairs: Floats


Verdict = Literal["label", "defer", "reject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The expert's ruling on some marks; appended, never edited.

    Attributes
    ----------
    micrograph : str
        Name of the micrograph.
    marks : tuple of int
        What the ruling is about. Groups come and go, marks stay.
    verdict : {"label", "defer", "reject"}
        ``defer``: looked at, still ambiguous. ``reject``: no thing at all.
    label : int or None
        With ``label`` only.
    x, y : float
        px.
    decided_at, shown_at : str
        ISO 8601, UTC; `shown_at` is empty when the case was not shown by itself.
    blind : bool
        The votes were hidden until the ruling.
    source : {"single", "bulk", "sign-off", "adjudicated"}
    note : str
        The expert's words; they are a remark on the marks, see `Ledger`.
    reason : str
        Why the expert disagrees with the majority: a code of ``reasons.toml``. ``moved``: the
        expert moved a proposal, and the label is what was proposed.
    votes : tuple of int
        What the volunteers' votes were, one count a label of the session.
    params : ClusterParams or None
        The setting under which the case was shown.
    made_from : tuple of tuples of int
        Marks of each group it was made on: several for a merge, the same one for each part of
        a split, none for a particle that nobody marked, or that no group backed.
    held : int
        How many marks the session held: those of later imports were not there to be seen.
        0: not known, and every mark is taken to have been there.
    """

    micrograph: str
    marks: tuple[int, ...]
    verdict: Verdict
    x: float
    y: float
    decided_at: str
    label: int | None = None
    shown_at: str = ""
    blind: bool = False
    source: Literal["single", "bulk", "sign-off", "adjudicated"] = "single"
    note: str = ""
    reason: str = ""
    votes: tuple[int, ...] = ()
    params: ClusterParams | None = None
    made_from: tuple[tuple[int, ...], ...] = ()
    held: int = 0


@dataclass(frozen=True, slots=True)
class Remark:
    """What the expert says of an instance, decided or not; a newer one takes its place.

    Attributes
    ----------
    micrograph : str
        Name of the micrograph.
    marks : tuple of int
        Of the instance.
    note : str
        The expert's words.
    flag : bool
        To be looked at again.
    """

    micrograph: str
    marks: tuple[int, ...]
    note: str = ""
    flag: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the log.

    Attributes
    ----------
    uid : str
        Of this row, unique in all sessions; a decision goes by it.
    step : str
        The expert's action that the row is part of; one action is undone at once.
    kind : {"decide", "remark", "repeat", "sign-off", "undo", "redo", "apply", "calibrate"}
        ``repeat`` is a second, blind ruling on a decided case, which measures the expert and is
        never in force. ``apply`` names the setting that holds for the project from here on,
        ``calibrate`` the pixel size of some micrographs.
    at : str
        ISO 8601, UTC. For people; the order is that of the rows.
    expert : str
    supersedes : tuple of str
        Decisions that this one takes the place of; with ``redo``, the undos that it takes back.
    decision : Decision or None
        With ``decide``.
    repeat : Decision or None
        With ``repeat``: what the ruling was, the second time.
    remark : Remark or None
        With ``remark``.
    micrograph : str
        With ``sign-off``.
    accepts : tuple of str or None
        With ``sign-off``: the decisions in force on the micrograph, those of its own step
        included. None, as older versions wrote it: all that stood before it.
    target : str
        With ``undo`` and ``redo``: the step; with ``repeat``: the decision.
    params : ClusterParams or None
        With ``apply``.
    pixel_size_nm : float or None
    micrographs : tuple of str
        With ``calibrate``: nm a pixel, and the names of the micrographs.
    """

    uid: str
    step: str
    kind: Literal["decide", "remark", "repeat", "sign-off", "undo", "redo", "apply", "calibrate"]
    at: str
    expert: str = ""
    supersedes: tuple[str, ...] = ()
    decision: Decision | None = None
    remark: Remark | None = None
    repeat: Decision | None = None
    micrograph: str = ""
    accepts: tuple[str, ...] | None = None
    target: str = ""
    params: ClusterParams | None = None
    pixel_size_nm: float | None = None
    micrographs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the log amounts to.

    Attributes
    ----------
    in_force : mapping of str to Decision
        By uid, in the order in which they were made.
    owner : mapping of int to str
        The one decision in force that a mark belongs to; marks of several are in `contested`.
    signed_off : frozenset of str
        Names of the micrographs declared complete.
    params : ClusterParams
        The project's applied setting.
    undoable, redoable : str
        The step that undo and redo would act on; empty when there is none.
    pixel_sizes : mapping of str to float
        nm a pixel, as the expert set it, by the name of the micrograph.
    remarks : mapping of int to Remark
        By mark: the newest that stands, be it a remark or the note of a decision.
    contested : mapping of int to tuple of str
        Decisions in force that share a mark, in the order in which they were made.
    conflicts : tuple of (str, str)
        Pairs of decisions in force that share marks, or a place where one of them has no marks
        of volunteers, as sessions of several experts have them when they are joined. Time never
        decides: only a ruling that supersedes them does.
    on : mapping of str to mapping of str to Decision
        The decisions in force by name of the micrograph, then as `in_force`.
    """

    in_force: Mapping[str, Decision]
    owner: Mapping[int, str]
    signed_off: frozenset[str]
    params: ClusterParams
    undoable: str
    redoable: str
    pixel_sizes: Mapping[str, float] = field(default_factory=dict)
    remarks: Mapping[int, Remark] = field(default_factory=dict)
    contested: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    conflicts: tuple[tuple[str, str], ...] = ()
    on: Mapping[str, Mapping[str, Decision]] = field(default_factory=dict, compare=False)


STATUS = ("proposed", "decided", "rejected", "deferred")
BACKING = (
    "",  # no decision, or its grouping is not known
    "kept",
    "changed",  # kept, but the votes have moved since
    "merged",  # one group holds it and another decision
    "conflict",  # the same, and they differ; or two experts ruled differently on the same marks
    "split",  # several groups hold parts of it
    "grew",  # its group holds many more marks by now
    "dissolved",  # no group backs it
    "detached",  # its micrograph is gone
)
"""How a grouping bears out a decision in force. The decision stands whatever it is."""


def instance_dtype(n_labels: int) -> np.dtype[np.void]:
    """Dtype of the INSTANCE table: what table, picture and exporters read.

    Parameters
    ----------
    n_labels : int
        Length of the vote counts.
    """
    return np.dtype(
        [
            ("instance", "U40"),  # a decision's uid, or the earliest mark of a group
            ("micrograph", "i4"),
            ("x", "f8"),  # px
            ("y", "f8"),  # px
            ("label", "i2"),  # NO_LABEL: a tie, no votes, or not decided upon
            ("status", "i1"),  # place in STATUS
            ("backing", "i1"),  # place in BACKING
            ("n_marks", "i4"),
            ("n_volunteers", "i4"),
            ("exposure", "i4"),  # looks
            ("support", "f8"),  # looks that marked it / exposure; nan where nobody looked
            ("votes", "i4", (n_labels,)),
            ("margin", "f8"),  # (first - second) / votes; nan without votes
            ("ambiguous", "?"),
            ("split_into", "i2"),  # parts of the group that this was split from; 1: not split
            ("pairs", "f8"),  # share of that group's looks that marked two particles
        ]
    )


LABEL_SOURCE = ("majority", "expert", "bulk", "adjudicated", "sign-off")
"""Whose word a label is: the volunteers' majority alone, an expert's ruling on the case by itself
or on many at once, a ruling between experts, or the majority as an expert signed it off."""

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def training_dtype(n_labels: int) -> np.dtype[np.void]:
    """Dtype of the instances and negatives of a `TrainingSet`.

    Parameters
    ----------
    n_labels : int
        Length of the vote counts and of the soft label.
    """
    return np.dtype(
        [
            ("instance", "i8"),  # number in the release, from 1; negatives count on
            ("key", "U40"),  # what the session calls it; never written to a file
            ("micrograph", "i4"),
            ("x", "f8"),  # px
            ("y", "f8"),  # px
            ("label", "i2"),  # NO_LABEL: ambiguous, soft label only; or a rejected one
            ("source", "i1"),  # place in LABEL_SOURCE
            ("n_marks", "i4"),
            ("n_volunteers", "i4"),
            ("exposure", "i4"),  # looks
            ("support", "f8"),  # looks that marked it / exposure; nan where nobody looked
            ("votes", "i4", (n_labels,)),
            ("soft", "f8", (n_labels,)),  # the volunteers' shares, smoothed; they sum to 1
            ("margin", "f8"),  # (first - second) / votes; nan without votes
            ("ambiguous", "?"),
            ("radius", "f8"),  # px; nan where it is not known
        ]
    )


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What the exporters receive.

    Attributes
    ----------
    micrographs : tuple of Micrograph
        Those exported, in the order in which `instances` counts them. Tiles of a tiled set are
        micrographs, too. Names are for people; files are named by `names.stems`.
    labels : tuple of Label
        All labels of the session: votes are counted for each. Instances have those in use.
    instances : structured array
        Of `training_dtype`; sorted by micrograph, y, x. Numbers are those of the release, so in
        a tiled set one number stands in every tile that shows the instance.
    negatives : structured array
        Of `training_dtype`: what is surely no instance, that is labels not in use and, without
        a label, what the expert rejected. Sorted alike.
    box_px : (n_micrographs,) float64
        Side of the square box around an instance without a radius.
    box_source : str
        Where the size comes from, in words.
    split : tuple of str
        Of each micrograph, one of `SPLITS`.
    split_source : str
        How it was made, in words.
    left_out : tuple of Tally
        What is not among `instances`, and why; negatives are counted here, too.
    pixels : callable or None
        ``pixels(i)`` reads micrograph i: (height, width), grey, as stored. None where no images
        are wanted.
    """

    micrographs: tuple[Micrograph, ...]
    labels: tuple[Label, ...]
    instances: Table
    negatives: Table
    box_px: Floats
    box_source: str
    split: tuple[Split, ...]
    split_source: str = ""
    left_out: tuple[Tally, ...] = ()
    pixels: Callable[[int], NDArray[Any]] | None = None

    @property
    def labelled(self) -> Table:
        """The instances with a hard label: all that a format without soft labels can hold."""
        labelled: Table = self.instances[self.instances["label"] != NO_LABEL]
        return labelled

    def sides(self, rows: Table) -> Floats:
        """Side of the box, or diameter of the disc, of some instances.

        Parameters
        ----------
        rows : (n,) structured array
            Of `instances` or `negatives`.

        Returns
        -------
        (n,) float64
            px.
        """
        given = 2 * rows["radius"]
        return np.asarray(np.where(np.isfinite(given), given, self.box_px[rows["micrograph"]]))

    def boxes(self, rows: Table) -> Floats:
        """Boxes around some instances, cut at the border of the micrograph.

        Parameters
        ----------
        rows : (n,) structured array
            Of `instances` or `negatives`.

        Returns
        -------
        (n, 4) float64
            px: left, top, right, bottom.
        """
        half = self.sides(rows) / 2
        size = np.array([(m.width, m.height) for m in self.micrographs], float).reshape(-1, 2)
        width, height = size[rows["micrograph"]].T
        x, y = rows["x"], rows["y"]
        return np.column_stack(
            [
                np.clip(x - half, 0, width),
                np.clip(y - half, 0, height),
                np.clip(x + half, 0, width),
                np.clip(y + half, 0, height),
            ]
        )
