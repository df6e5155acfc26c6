"""What there is to say about the selected instance, and nothing that is withheld."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from k2c_gui.core import splitting
from k2c_gui.core.model import NO_LABEL, STATUS, Bools, Entry, Floats, Label
from k2c_gui.desk import Desk, hidden, number

from .painting import NOTHING, percent
from .symbols import Symbol, symbol_of

_PROPOSED, _DECIDED, _REJECTED, _DEFERRED = range(len(STATUS))


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """What there is to say about the selected instance.

    Attributes
    ----------
    row : int
        In the INSTANCE table of the shown micrograph.
    one : numpy.void
        That row.
    hidden : bool
        Its votes are withheld.
    number : str
    marks : tuple of int
        Its marks.
    own : (n_marks,) bool
        The same, among those of the micrograph.
    spread : float
        px: median distance of its marks from its place.
    neighbours : (2,) float64
        px to the nearest two instances; nan where there are fewer.
    pixel_size : float or None
        nm.
    """

    row: int
    one: np.void
    hidden: bool
    number: str
    marks: tuple[int, ...]
    own: Bools
    spread: float
    neighbours: Floats
    pixel_size: float | None


def read(desk: Desk) -> Case | None:
    """Look at the selected instance; None when there is none."""
    row = desk.row()
    if row < 0:
        return None
    state = desk.state
    table, marks = state.instances, state.evidence[state.shown].marks
    one = table[row]
    ids = desk.marks_of(row)
    own = np.isin(marks["mark"], ids)
    away = np.hypot(marks["x"][own] - one["x"], marks["y"][own] - one["y"])
    others = np.delete(np.hypot(table["x"] - one["x"], table["y"] - one["y"]), row)
    nearest = np.full(2, np.nan)
    nearest[: min(2, len(others))] = np.sort(others)[:2]
    return Case(
        row=row,
        one=one,
        hidden=hidden(state, row),
        number=number(state, state.shown, ids[0] if ids else state.selected),
        marks=ids,
        own=own,
        spread=float(np.median(away)) if len(away) else np.nan,
        neighbours=nearest,
        pixel_size=state.sources.micrographs[state.shown].pixel_size_nm,
    )


def symbol(one: np.void, *, hidden: bool) -> Symbol:
    """What an INSTANCE row looks like."""
    return symbol_of(one, hidden=hidden)


_STANDING = {
    "dissolved": "No group backs it under this setting.",
    "expert": "Marked by an expert, by no volunteer.",
    "changed": "The votes have changed since.",
    "merged": "One group holds it and another decision.",
    "conflict": "Decisions disagree here: a ruling settles it.",
    "split": "Several groups hold parts of it.",
    "grew": "Its group holds many more marks by now.",
}


def standing_words(one: np.void) -> str:
    """How the grouping bears a decision out; empty where there is nothing to say."""
    return _STANDING.get(symbol_of(one, hidden=False).sign, "")


def state_words(case: Case, labels: Sequence[Label]) -> tuple[str, Symbol | None]:
    """Words and symbol of the pill; a question has none. What is withheld is not told."""
    one = case.one
    status, label = int(one["status"]), int(one["label"])
    names = {one.value: one.name for one in labels}
    if case.hidden and status != _PROPOSED:
        return "Experts disagree", None
    if status == _DECIDED:
        return f"Decided: {names.get(label, label)}", Symbol(label, status)
    if status == _REJECTED:
        return "Rejected: no thing at all", Symbol(NO_LABEL, status)
    if status == _DEFERRED:
        return "Kept ambiguous", Symbol(NO_LABEL, status)
    if case.hidden:
        return "Ambiguous", None
    if not one["votes"].sum():
        return "No votes", Symbol(NO_LABEL)
    if label == NO_LABEL:
        return "Tie", None
    if one["ambiguous"]:
        return "Ambiguous", None
    return f"Proposed: {names.get(label, label)}", Symbol(label)


def margin_words(case: Case, limit: float) -> str:
    """Tell how far apart the first two labels are, against the setting."""
    margin = float(case.one["margin"])
    if case.hidden:
        return "The margin is hidden too."
    if not np.isfinite(margin):
        return "Nobody voted on these marks."
    if margin == 0:
        return "A tie."
    side = "within" if margin <= limit else "above"
    return f"Margin {percent(margin, 1)}, {side} the {percent(limit)} set."


def entry_words(entry: Entry, labels: Sequence[Label], *, hidden: bool) -> str:
    """One row of the history; the label of a ruling taken back is withheld with the votes."""
    who = f", {entry.expert}" if entry.expert else ""
    if entry.remark is not None:
        said = entry.remark
        words = "Flagged" if said.flag else "Note" if said.note else "Note and flag taken away"
        return f"{words}{who}" + (f": {said.note}" if said.note else "")
    if entry.decision is None:
        return f"{'Undone' if entry.kind == 'undo' else 'Redone'}{who}"
    decision = entry.decision
    names = {label.value: label.name for label in labels}
    if hidden:
        words = "Decided"
    elif decision.verdict == "defer":
        words = "Kept ambiguous"
    elif decision.verdict == "reject":
        words = "Rejected"
    else:
        words = f"Decided: {names.get(decision.label or 0, str(decision.label))}"
    how = {"bulk": ", in bulk", "sign-off": ", by sign-off"}.get(decision.source, "")
    note = f": {decision.note}" if decision.note else ""
    return f"{words}{how}{who}{note}"


def count(n: int, what: str) -> str:
    """A number of things."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def figures(case: Case | None) -> list[tuple[str, str, str]]:
    """Name, value in px and value in nm of each fact."""
    names = ("Marks / looks", "Support", "Spread", "Nearest", "Second nearest", "Position")
    if case is None:
        return [(name, NOTHING, "") for name in names]
    one, scale = case.one, case.pixel_size
    near, second = case.neighbours.tolist()
    nm = "" if scale is None else f"{one['x'] * scale:.1f}, {one['y'] * scale:.1f} nm"
    return [
        (names[0], f"{one['n_marks']} / {one['exposure']}", ""),
        (names[1], percent(float(one["support"])), ""),
        (names[2], *_length(case.spread, None)),
        (names[3], *_length(near, scale)),
        (names[4], *_length(second, scale)),
        (names[5], f"{one['x']:.1f}, {one['y']:.1f} px", nm),
    ]


def split_words(case: Case | None) -> str:
    """Tell that the instance was split from a group, or might be two, and why; else nothing."""
    if case is None:
        return ""
    both = f"{percent(float(case.one['pairs']))} of its looks marked two particles"
    parts = int(case.one["split_into"])
    if parts > 1:
        return f"One of {parts} parts of a group: {both}."
    if float(case.one["pairs"]) >= splitting.ENOUGH:
        return f"Perhaps two: {both}."
    return ""


def _length(length: float, scale: float | None) -> tuple[str, str]:
    if not np.isfinite(length):
        return NOTHING, ""
    return f"{length:.1f} px", "" if scale is None else f"{length * scale:.2f} nm"
