"""The log folded: which decisions are in force, and what undo would take back.

Undo and redo are entries like any other, so they outlive a restart. What is in force depends on
which steps are undone and on what supersedes what, never on the time of day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, combinations
from typing import TypeVar

from .model import ClusterParams, Decision, Entry, K2CError, Ledger, Remark
from .standing import InForce, Shards, Standing, beside, by_hand

Pairs = tuple[tuple[str, str], ...]
V = TypeVar("V")


def fold(log: Iterable[Entry], params: ClusterParams, near: float = 1.0) -> Ledger:
    """Work out what the log amounts to.

    Parameters
    ----------
    log : iterable of Entry
        In the order of the file.
    params : ClusterParams
        The setting that the session began with.
    near : float
        px: how far apart two places are one, see `splitting.near`.

    Returns
    -------
    Ledger

    Raises
    ------
    K2CError
        An undo or redo of a step that cannot be undone or redone: the log is not one of ours.
    """
    return History(params, near).take(log)


class History:
    """A log, indexed: what one more step changes is worked out from that step alone.

    Parameters
    ----------
    params : ClusterParams
        The setting that the session began with.
    near : float
        px: see `fold`.

    Attributes
    ----------
    ledger : Ledger
        What the steps taken so far amount to.
    """

    def __init__(self, params: ClusterParams, near: float = 1.0) -> None:
        self._near = near
        self._by_hand: set[str] = set()  # decisions, in force or not
        self._in_force = InForce(Shards())
        self._owner: Shards[int, str] = Shards()
        self._contested: Shards[int, tuple[str, ...]] = Shards()
        self._remarks: Shards[int, Remark] = Shards()
        self._place: dict[str, int] = {}  # of each decision, in the order in which they were made
        self._decided: dict[str, tuple[str, Decision]] = {}  # its step, and itself
        self._steps: dict[str, list[Entry]] = {}
        self._said: dict[str, list[Entry]] = {}  # all that was ever said of a micrograph, in order
        self._done: dict[str, None] = {}  # steps that stand, the newest last
        self._undone: dict[str, None] = {}  # steps that a redo would bring back
        self._undos: dict[str, set[str]] = {}  # of a step, those that no redo took back
        self._against: Counter[str] = Counter()  # standing entries that supersede a decision
        self._conflicts: dict[str, Pairs] = {}  # by micrograph
        self.ledger = Ledger(
            self._in_force,
            self._owner,
            frozenset(),
            params,
            "",
            "",
            remarks=self._remarks,
            contested=self._contested,
        )

    def take(self, entries: Iterable[Entry]) -> Ledger:
        """Take the next entries of the log, be it one step or all of them.

        Parameters
        ----------
        entries : iterable of Entry

        Returns
        -------
        Ledger
            The same as `fold` of the whole log.

        Raises
        ------
        K2CError
            See `fold`; there is no going on then.
        """
        turned: list[Entry] = []  # entries that came to stand, or ceased to
        params, sizes = self.ledger.params, dict(self.ledger.pixel_sizes)
        for entry in entries:
            if entry.kind == "apply":
                params = entry.params or params
            elif entry.kind == "calibrate":
                sizes |= dict.fromkeys(entry.micrographs, entry.pixel_size_nm or 0.0)
            elif entry.kind == "undo":
                turned += self._undo(entry)
            elif entry.kind == "redo":
                turned += self._redo(entry)
            else:
                turned += self._add(entry)
        self._settle_remarks(turned)
        on, conflicts = self._settle_decisions(turned)
        self.ledger = Ledger(
            in_force=self._in_force,
            owner=self._owner,
            signed_off=self._signed_off(turned, on),
            params=params,
            undoable=next(reversed(self._done), ""),
            redoable=next(reversed(self._undone), ""),
            pixel_sizes=sizes,
            remarks=self._remarks,
            contested=self._contested,
            conflicts=conflicts,
            on=on,
        )
        return self.ledger

    def standing(self) -> list[Entry]:
        """Entries of the steps that stand, in the order in which the steps were begun."""
        steps = (entries for step, entries in self._steps.items() if step in self._done)
        return list(chain.from_iterable(steps))

    def _undo(self, entry: Entry) -> Sequence[Entry]:
        step = entry.target
        if step not in self._steps:
            raise _never_there(entry)
        self._undos.setdefault(step, set()).add(entry.uid)
        if step not in self._done:
            return ()  # two experts took back what both had
        del self._done[step]
        self._undone[step] = None
        return self._turn(self._steps[step], -1)

    def _redo(self, entry: Entry) -> Sequence[Entry]:
        step, undos = entry.target, self._undos.get(entry.target)
        # without a list, as older versions wrote it: all undos before it
        if undos is None or not (entry.supersedes or step in self._undone):
            raise _never_there(entry)
        undos.difference_update(entry.supersedes or tuple(undos))
        if undos or step in self._done:
            return ()
        self._undone.pop(step, None)
        self._done[step] = None
        return self._turn(self._steps[step], 1)

    def _add(self, entry: Entry) -> Sequence[Entry]:
        step = self._steps.setdefault(entry.step, [])
        step.append(entry)
        about = entry.decision or entry.remark
        self._said.setdefault(about.micrograph if about else entry.micrograph, []).append(entry)
        if entry.decision is not None:
            self._place[entry.uid] = len(self._place)
            self._decided[entry.uid] = entry.step, entry.decision
            if by_hand(entry.decision):
                self._by_hand.add(entry.uid)
        if self._undos.get(entry.step):
            return ()
        stood = entry.step in self._done
        self._done[entry.step] = None
        self._undone.clear()
        return self._turn([entry] if stood else step, 1)

    def _turn(self, entries: Sequence[Entry], by: int) -> Sequence[Entry]:
        for entry in entries:
            for uid in entry.supersedes:
                self._against[uid] += by
        return entries

    def _stands(self, uid: str) -> bool:
        step, _ = self._decided.get(uid, ("", None))
        return step in self._done and not self._against.get(uid)

    def _standing(self, micrograph: str) -> Iterator[Entry]:
        return (e for e in self._said.get(micrograph, ()) if e.step in self._done)

    def _signed_off(
        self, turned: Iterable[Entry], on: Mapping[str, Mapping[str, Decision]]
    ) -> frozenset[str]:
        signed = self.ledger.signed_off
        names = {e.decision.micrograph if e.decision else e.micrograph for e in turned}
        for name in names - {""}:
            if _complete(self._standing(name), on.get(name, {})) != (name in signed):
                signed ^= {name}
        return signed

    def _settle_remarks(self, turned: Iterable[Entry]) -> None:
        said = [remark for remark in map(_remark, turned) if remark is not None]
        marks = set(chain.from_iterable(remark.marks for remark in said))
        newest: dict[int, Remark] = {}
        for name in dict.fromkeys(remark.micrograph for remark in said):
            for entry in self._standing(name):
                if (remark := _remark(entry)) is not None:
                    flagged = replace(remark, flag=True)
                    for mark in marks.intersection(remark.marks):
                        # a note that goes with a decision leaves the flag as it is
                        keeps = entry.decision and mark in newest and newest[mark].flag
                        newest[mark] = flagged if keeps else remark
        if marks:
            self._remarks = self._remarks.changed(marks, newest)

    def _settle_decisions(
        self, turned: Sequence[Entry]
    ) -> tuple[Mapping[str, Mapping[str, Decision]], Pairs]:
        """What is in force now, by micrograph, and what of it conflicts."""
        touched = dict.fromkeys(e.uid for e in turned if e.decision)
        touched |= dict.fromkeys(chain.from_iterable(e.supersedes for e in turned))
        old = self._in_force
        gone = {u: old[u] for u in touched if u in old and not self._stands(u)}
        new = {u: self._decided[u][1] for u in touched if u not in old and self._stands(u)}
        if not gone and not new:
            return self.ledger.on, self.ledger.conflicts
        self._in_force = old.changed(gone, {u: (self._place[u], d) for u, d in new.items()})
        self._settle_owners(gone, new)
        on = dict(self.ledger.on)
        for name in {d.micrograph for d in chain(gone.values(), new.values())}:
            said = self._standing(name)
            standing = {e.uid: e.decision for e in said if e.decision and self._stands(e.uid)}
            self._conflicts[name] = self._sharing(standing)
            on[name] = Standing(standing, self._conflicts[name])
        conflicts = (self._conflicts[name] for name in sorted(on))
        pairs = tuple(chain.from_iterable(conflicts))
        return {name: standing for name, standing in on.items() if standing}, pairs

    def _settle_owners(self, gone: Mapping[str, Decision], new: Mapping[str, Decision]) -> None:
        sole: dict[int, str] = {}
        claims: dict[int, tuple[str, ...]] = {}

        def claim(mark: int) -> tuple[str, ...]:
            if mark in claims:
                return claims[mark]
            owner = sole.pop(mark, "") or self._owner.get(mark, "")
            return (owner,) if owner else self._contested.get(mark, ())

        for uid, decision in gone.items():
            for mark in decision.marks:
                claims[mark] = tuple(u for u in claim(mark) if u != uid)
        fresh = not claims and not self._owner and not self._contested
        for uid, decision in new.items():
            own = dict.fromkeys(decision.marks, uid)
            if fresh and sole.keys().isdisjoint(own) and claims.keys().isdisjoint(own):
                sole |= own  # the whole log at once: nothing to look up
            else:
                for mark in own:
                    claims[mark] = tuple(sorted({*claim(mark), uid}, key=self._place.__getitem__))
        sole |= {mark: uids[0] for mark, uids in claims.items() if len(uids) == 1}
        several = {mark: uids for mark, uids in claims.items() if len(uids) > 1}
        self._owner = self._owner.changed(claims, sole)
        if several or self._contested:
            self._contested = self._contested.changed(claims, several)

    def _sharing(self, standing: Mapping[str, Decision]) -> Pairs:
        """Pairs in force that share marks, or a place, in the order in which they were made."""
        pairs: set[tuple[str, str]] = set()
        if hand := self._by_hand & standing.keys():
            pairs = beside(standing, hand, self._near)
        if self._contested:
            shared = (self._contested.get(m, ()) for d in standing.values() for m in d.marks)
            pairs.update(pair for uids in set(shared) for pair in combinations(uids, 2))
        return tuple(sorted(pairs, key=lambda pair: [self._place[uid] for uid in pair]))


def settle(
    ledger: Ledger, rulings: Sequence[Decision]
) -> tuple[tuple[Decision, tuple[str, ...]], ...]:
    """Fit the rulings of one step into what is in force.

    They supersede each decision at least half of whose marks they name together, and take no
    mark from the others. One that adjudicates supersedes every decision that has a mark of it, and
    takes over those at its place that share none with it.

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
    rulings = _with_beside(ledger, rulings)
    named = [mark for ruling in rulings for mark in ruling.marks]
    if len(set(named)) < len(named):
        raise K2CError("One mark cannot be part of two instances.")
    touched = dict.fromkeys(uid for mark in named for uid in owners(ledger, mark))
    wanted = set(named)
    gone = {
        uid
        for uid in touched
        if 2 * len(wanted.intersection(ledger.in_force[uid].marks))
        >= len(ledger.in_force[uid].marks)
    }
    between = (
        mark for ruling in rulings if ruling.source == "adjudicated" for mark in ruling.marks
    )
    gone.update(uid for mark in between for uid in owners(ledger, mark))
    settled = []
    for ruling in rulings:
        free = tuple(m for m in ruling.marks if gone.issuperset(owners(ledger, m)))
        if not free:
            raise K2CError(
                "Every mark of this instance belongs to another decision.",
                remedy="Decide on that one, or take it back first.",
            )
        own = gone.intersection(uid for mark in ruling.marks for uid in owners(ledger, mark))
        settled.append((replace(ruling, marks=free), tuple(u for u in touched if u in own)))
    return tuple(settled)


def _with_beside(ledger: Ledger, rulings: Sequence[Decision]) -> list[Decision]:
    """Rulings between experts with the marks, too, of what lies at the place of what they end."""
    given: set[int] = set()
    found = []
    for ruling in rulings:
        if ruling.source == "adjudicated":
            ends = {uid for mark in ruling.marks for uid in owners(ledger, mark)}
            pairs = (
                (ledger.in_force[one].marks, ledger.in_force[other].marks)
                for pair in ledger.conflicts
                for one, other in (pair, pair[::-1])
                if one in ends
            )
            more = chain.from_iterable(b for a, b in pairs if set(a).isdisjoint(b))
            fresh = [m for m in dict.fromkeys(more) if m not in given and m not in ruling.marks]
            given.update(fresh)
            ruling = replace(ruling, marks=(*ruling.marks, *fresh))
        found.append(ruling)
    return found


def without(ledger: Ledger, uid: str) -> Ledger:
    """What the log would amount to if one decision had not been made.

    Parameters
    ----------
    ledger : Ledger
    uid : str
        Of a decision in force that conflicts with no other.

    Returns
    -------
    Ledger
        Its marks belong to nobody and nothing is remarked on them. What is signed off stays so.
    """
    decision = ledger.in_force[uid]
    on = dict(ledger.on)
    rest = {other: d for other, d in on.pop(decision.micrograph, {}).items() if other != uid}
    if rest:
        own = (pair for pair in ledger.conflicts if pair[0] in rest)
        on[decision.micrograph] = Standing(rest, own)
    in_force = ledger.in_force
    if isinstance(in_force, InForce):
        in_force = in_force.changed((uid,), {})
    else:
        in_force = {other: d for other, d in in_force.items() if other != uid}
    return replace(
        ledger,
        in_force=in_force,
        owner=_less(ledger.owner, decision.marks),
        remarks=_less(ledger.remarks, decision.marks),
        on=on,
    )


def _less(mapping: Mapping[int, V], keys: Iterable[int]) -> Mapping[int, V]:
    if isinstance(mapping, Shards):
        return mapping.changed(keys, {})
    gone = set(keys)
    return {key: value for key, value in mapping.items() if key not in gone}


def owners(ledger: Ledger, mark: int) -> tuple[str, ...]:
    """Decisions in force that a mark belongs to: none, one, or several that conflict."""
    owner = ledger.owner.get(mark)
    return ledger.contested.get(mark, ()) if owner is None else (owner,)


def _remark(entry: Entry) -> Remark | None:
    """A note given with a decision is a remark, too."""
    ruled = entry.decision
    if ruled is not None and ruled.note:
        return Remark(ruled.micrograph, ruled.marks, ruled.note)
    return entry.remark


def _complete(said: Iterable[Entry], in_force: Mapping[str, Decision]) -> bool:
    """Whether a micrograph is signed off, and not decided upon since by another step."""
    signed = ""
    for entry in said:
        if entry.kind == "sign-off" and entry.accepts is None:
            signed = entry.step
        elif entry.kind == "sign-off" and in_force.keys() == set(entry.accepts or ()):
            return True
        elif entry.decision and entry.step != signed:
            signed = ""
    return bool(signed)


def _never_there(entry: Entry) -> K2CError:
    return K2CError(
        f"The log has an {entry.kind} of a step that was not there to {entry.kind}.",
        remedy="Restore the session from a copy.",
    )
