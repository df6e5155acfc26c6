"""The log folded: which decisions are in force, and what undo would take back.

Undo and redo are entries like any other, so they outlive a restart. What is in force depends on
which steps are undone and on what supersedes what, never on the time of day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from .model import ClusterParams, Decision, Entry, K2CError, Ledger


def fold(log: Iterable[Entry], params: ClusterParams) -> Ledger:
    """Work out what the log amounts to.

    Parameters
    ----------
    log : iterable of Entry
        In the order of the file.
    params : ClusterParams
        The setting that the session began with.

    Returns
    -------
    Ledger

    Raises
    ------
    K2CError
        An undo or redo of a step that cannot be undone or redone: the log is not one of ours.
    """
    entries = list(log)
    done, undone = _stacks(entries)
    standing = [e for e in entries if e.step in done]
    gone = {uid for e in standing for uid in e.supersedes}
    in_force = {e.uid: e.decision for e in standing if e.decision and e.uid not in gone}
    applied = [params, *(e.params for e in entries if e.kind == "apply" and e.params)]
    return Ledger(
        in_force=in_force,
        owner={mark: uid for uid, d in in_force.items() for mark in d.marks},
        signed_off=_signed_off(standing),
        params=applied[-1],
        undoable=next(reversed(done), ""),
        redoable=next(reversed(undone), ""),
        pixel_sizes={
            name: e.pixel_size_nm for e in entries if e.pixel_size_nm for name in e.micrographs
        },
    )


def advance(ledger: Ledger, step: Sequence[Entry]) -> Ledger | None:
    """Take one more step into a ledger, without reading the whole log again.

    Parameters
    ----------
    ledger : Ledger
        What the log amounted to.
    step : sequence of Entry
        Appended to it since, as one step.

    Returns
    -------
    Ledger or None
        The same as `fold` of the longer log; None where only that can tell, because the step
        takes something back.
    """
    if any(e.supersedes or e.kind in ("undo", "redo") for e in step):
        return None
    ruled = {e.uid: e.decision for e in step if e.decision}
    signed_off = ledger.signed_off.difference(d.micrograph for d in ruled.values())
    signed_off |= {e.micrograph for e in step if e.kind == "sign-off"}
    pixel_sizes = {n: e.pixel_size_nm for e in step if e.pixel_size_nm for n in e.micrographs}
    undoable = next((e.step for e in step if e.kind in ("decide", "sign-off")), "")
    return Ledger(
        in_force={**ledger.in_force, **ruled},
        owner={**ledger.owner, **{mark: uid for uid, d in ruled.items() for mark in d.marks}},
        signed_off=signed_off,
        params=next((e.params for e in reversed(step) if e.params), ledger.params),
        undoable=undoable or ledger.undoable,
        redoable="" if undoable else ledger.redoable,
        pixel_sizes={**ledger.pixel_sizes, **pixel_sizes},
    )


def settle(
    ledger: Ledger, rulings: Sequence[Decision]
) -> tuple[tuple[Decision, tuple[str, ...]], ...]:
    """Fit the rulings of one step into what is in force.

    They supersede each decision at least half of whose marks they name together, and take no
    mark from the others.

    Parameters
    ----------
    ledger : Ledger
    rulings : sequence of Decision

    Returns
    -------
    tuple of (Decision, tuple of str)
        Each ruling with the marks left to it, and the decisions that it supersedes.

    Raises
    ------
    K2CError
        Two rulings of the step name the same mark, or one is left without marks.
    """
    named = [mark for ruling in rulings for mark in ruling.marks]
    if len(set(named)) < len(named):
        raise K2CError("One mark cannot be part of two instances.")
    touched = dict.fromkeys(ledger.owner[m] for m in named if m in ledger.owner)
    wanted = set(named)
    gone = {
        uid
        for uid in touched
        if 2 * len(wanted.intersection(ledger.in_force[uid].marks))
        >= len(ledger.in_force[uid].marks)
    }
    settled = []
    for ruling in rulings:
        free = tuple(m for m in ruling.marks if m not in ledger.owner or ledger.owner[m] in gone)
        if not free:
            raise K2CError(
                "Every mark of this instance belongs to another decision.",
                remedy="Decide on that one, or take it back first.",
            )
        own = {ledger.owner[m] for m in free if m in ledger.owner}
        settled.append((replace(ruling, marks=free), tuple(u for u in touched if u in own)))
    return tuple(settled)


def _stacks(entries: Sequence[Entry]) -> tuple[dict[str, None], dict[str, None]]:
    """Steps that stand, and steps undone that a redo would bring back, each in order."""
    done: dict[str, None] = {}
    undone: dict[str, None] = {}
    for entry in entries:
        if entry.kind == "undo" and entry.target in done:
            del done[entry.target]
            undone[entry.target] = None
        elif entry.kind == "redo" and entry.target in undone:
            del undone[entry.target]
            done[entry.target] = None
        elif entry.kind in ("undo", "redo"):
            raise K2CError(
                f"The log has an {entry.kind} of a step that was not there to {entry.kind}.",
                remedy="Restore the session from a copy.",
            )
        elif entry.kind not in ("apply", "calibrate"):
            done[entry.step] = None
            undone.clear()
    return done, undone


def _signed_off(standing: Iterable[Entry]) -> frozenset[str]:
    """Micrographs signed off and not decided upon since."""
    names: dict[str, str] = {}
    for entry in standing:
        if entry.kind == "sign-off":
            names[entry.micrograph] = entry.step
        elif entry.decision and names.get(entry.decision.micrograph, entry.step) != entry.step:
            del names[entry.decision.micrograph]
    return frozenset(names)
