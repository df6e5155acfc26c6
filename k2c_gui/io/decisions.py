"""The log as a release tells it: what was ruled, and neither when nor, unless asked, by whom.

No volunteer occurs in it. Marks, decisions and experts get numbers of the release, in the order in
which the file meets them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from k2c_gui.core.model import ClusterParams, Decision, Entry, Ledger, TrainingSet


@dataclass(frozen=True, slots=True)
class Published:
    """Decisions of the micrographs of a release.

    Attributes
    ----------
    lines : tuple of dict
        One a decision of the log, undone and superseded ones, too; see `publish`.
    settings : tuple of ClusterParams
        Under which cases were shown; ``setting`` of a line counts them from 1.
    experts : tuple of str
        As the lines call them.
    """

    lines: tuple[dict[str, Any], ...]
    settings: tuple[ClusterParams, ...]
    experts: tuple[str, ...]


def publish(
    log: Sequence[Entry],
    ledger: Ledger,
    training_set: TrainingSet,
    *,
    named: bool = False,
    notes: bool = False,
) -> Published:
    """Tell the decisions on the micrographs of a training set.

    Parameters
    ----------
    log : sequence of Entry
    ledger : Ledger
        What `log` amounts to.
    training_set : TrainingSet
        Not tiled.
    named : bool
        Experts by the names that they go by in the session; else ``expert-1`` and so on.
    notes : bool
        With the experts' own words.

    Returns
    -------
    Published
    """
    micrographs = {m.name for m in training_set.micrographs}
    place = {
        str(key): int(instance)
        for rows in (training_set.instances, training_set.negatives)
        for key, instance in zip(rows["key"], rows["instance"], strict=True)
    }
    marks, numbers, experts, settings = (_Numbers() for _ in range(4))
    lines = []
    for entry in log:
        ruling = entry.decision
        if ruling is None or ruling.micrograph not in micrographs:
            continue
        expert = experts[entry.expert]
        line: dict[str, Any] = {
            "decision": numbers[entry.uid],
            "in_force": entry.uid in ledger.in_force,
            "instance": place.get(entry.uid) if entry.uid in ledger.in_force else None,
            "expert": entry.expert if named and entry.expert else f"expert-{expert}",
            "supersedes": [numbers[uid] for uid in entry.supersedes],
            **_about(ruling),
            "setting": None if ruling.params is None else settings[ruling.params],
            "marks": [marks[mark] for mark in ruling.marks],
            "made_from": [[marks[mark] for mark in group] for group in ruling.made_from],
        }
        if notes:
            line["note"] = _note(ruling, ledger)
        lines.append(line)
    called = dict.fromkeys(line["expert"] for line in lines)
    return Published(tuple(lines), tuple(settings.known), tuple(called))


class _Numbers:
    """Numbers from 1, given to whatever is met first."""

    def __init__(self) -> None:
        self.known: dict[Any, int] = {}

    def __getitem__(self, what: object) -> int:
        return self.known.setdefault(what, len(self.known) + 1)


def _about(ruling: Decision) -> Mapping[str, Any]:
    return {
        "micrograph": ruling.micrograph,
        "x_px": round(ruling.x, 3),
        "y_px": round(ruling.y, 3),
        "verdict": ruling.verdict,
        "label": ruling.label,
        "source": ruling.source,
        "blind": ruling.blind,
        "reason": ruling.reason,
        "votes": list(ruling.votes),
    }


def _note(ruling: Decision, ledger: Ledger) -> str:
    """The newest words on the marks of a ruling."""
    of: Iterable[str] = (ledger.remarks[m].note for m in ruling.marks if m in ledger.remarks)
    return next(iter(of), ruling.note)
