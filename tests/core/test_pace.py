from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import isnan
from typing import Any

import pytest

from k2c_gui.core import ledger
from k2c_gui.core.agreement import compared
from k2c_gui.core.model import ClusterParams, Decision, Entry, Label
from k2c_gui.core.pace import REPEAT_AFTER, Due, Row, due, pace, repeats, table


def entry(shown: str, decided: str) -> Entry:
    decision = Decision(
        micrograph="a.tif",
        marks=(1,),
        verdict="label",
        label=0,
        x=1.0,
        y=1.0,
        shown_at=f"2024-05-01T10:{shown}Z" if shown else "",
        decided_at=f"2024-05-01T10:{decided}Z",
    )
    return Entry(
        uid=decided, step=decided, kind="decide", at=decision.decided_at, decision=decision
    )


def test_nothing_ruled_has_no_pace() -> None:
    assert pace([]).cases == 0


def test_pace_goes_from_ruling_to_ruling_and_the_median_from_showing_to_ruling() -> None:
    log = [entry("00:00", "00:02"), entry("00:06", "00:10"), entry("00:10", "00:12")]
    found = pace(log)
    assert found.cases == 3
    assert found.per_minute == pytest.approx(3 * 60 / (2 + 8 + 2))
    assert found.median == 2


def test_what_joins_a_step_is_the_same_case() -> None:
    log = [entry("00:00", "00:02"), entry("00:06", "00:10")]
    again = replace(log[0], uid="again")
    assert pace([log[0], again, log[1]]) == pace(log)


def test_a_pause_counts_as_one_minute() -> None:
    found = pace([entry("00:00", "00:30"), entry("00:31", "40:31")])
    assert found.per_minute == pytest.approx(2 * 60 / (30 + 60))
    assert found.median == 45


def test_what_was_not_shown_by_itself_is_left_out() -> None:
    assert pace([entry("", "00:30")]).cases == 0
    other = Entry(uid="u", step="u", kind="undo", at="2024-05-01T10:00:00Z", target="t")
    assert pace([other]).cases == 0


def test_a_clock_set_back_does_not_make_time_negative() -> None:
    found = pace([entry("05:00", "01:00")])
    assert found.median == 0
    assert found.per_minute > 0


# the table


LABELS = (Label(0, "Nanoparticle", True), Label(1, "Cluster", True))


@dataclass
class Log:
    """Rulings one after another; a minute of the clock each."""

    entries: list[Entry] = field(default_factory=list)

    def add(self, seconds: float = 2.0, expert: str = "ann", step: str = "", **about: Any) -> str:
        n = len(self.entries)
        shown = datetime(2024, 5, 1, 10, tzinfo=UTC) + timedelta(minutes=n)
        kind, target = about.pop("kind", "decide"), about.pop("target", "")
        fixed = {"verdict": "label", "label": 0, "votes": (3, 1), "marks": (n,)}
        decision = Decision(
            micrograph=about.pop("micrograph", "a.tif"),
            x=1.0,
            y=1.0,
            shown_at=shown.isoformat(),
            decided_at=(shown + timedelta(seconds=seconds)).isoformat(),
            **(fixed | about),
        )
        self.entries.append(
            Entry(
                uid=f"uid {n}",
                step=step or f"step {n}",
                kind=kind,
                at=decision.decided_at,
                expert=expert,
                target=target,
                decision=decision if kind == "decide" else None,
                repeat=decision if kind == "repeat" else None,
            )
        )
        return f"uid {n}"

    def undo(self, target: str) -> None:
        n = len(self.entries)
        about: dict[str, Any] = {"kind": "undo", "at": "", "target": target}
        self.entries.append(Entry(uid=f"uid {n}", step=f"step {n}", **about))

    def row(self, by: str, what: str = "", **about: Any) -> Row:
        (found,) = (r for r in table(self.entries, LABELS, **about) if (r.by, r.what) == (by, what))
        return found


def test_an_empty_log_has_a_row_that_says_so() -> None:
    (row,) = table([], LABELS)
    assert (row.by, row.cases, row.taken_back) == ("all", 0, 0)
    assert isnan(row.per_hour)
    assert isnan(row.median)


def test_time_is_from_shown_to_decided_and_pauses_are_set_apart() -> None:
    log = Log()
    for seconds in (1, 2, 6, 61, -5):
        log.add(seconds)
    assert log.row("all") == Row("all", "", 5, 2, 3600 * 3 / 9, 2.0, 0)
    assert log.row("all", pause=5.0) == Row("all", "", 5, 3, 3600 * 2 / 3, 1.5, 0)
    assert log.row("all", pause=61.0).paused == 1


def test_rows_by_expert_label_votes_and_state() -> None:
    log = Log()
    first = log.add(1, label=0, votes=(5, 0))
    log.add(3, label=1, votes=(2, 2))
    log.add(5, expert="bob", verdict="defer", label=None, votes=(5, 4), params=ClusterParams())
    log.add(7, expert="bob", verdict="reject", label=None, votes=(0, 0))
    log.entries[-1] = replace(log.entries[-1], supersedes=(first,))
    log.add(9, votes=(3, 2), params=ClusterParams(margin=0.1))
    medians = {(r.by, r.what): (r.cases, r.median) for r in table(log.entries, LABELS)}
    assert medians == {
        ("all", ""): (5, 5),
        ("expert", "ann"): (3, 3),
        ("expert", "bob"): (2, 6),
        ("label", "0 Nanoparticle"): (2, 5),
        ("label", "1 Cluster"): (1, 3),
        ("label", "kept ambiguous"): (1, 5),
        ("label", "rejected"): (1, 7),
        ("votes", "clear"): (2, 5),
        ("votes", "tie"): (1, 3),
        ("votes", "ambiguous"): (1, 5),
        ("votes", "none"): (1, 7),
        ("state", "first ruling"): (4, 4),
        ("state", "decided before"): (1, 7),
    }


def test_a_step_is_one_case_and_what_was_not_shown_is_none() -> None:
    log = Log()
    log.add(2, step="split")
    log.add(4, step="split")
    log.add(4, step="other")
    log.add(9, step="split")
    log.entries.append(entry("", "00:30"))
    assert (log.row("all").cases, log.row("all").median) == (2, 3)


def test_what_was_taken_back_once_counts_also_after_a_redo() -> None:
    log = Log()
    for _ in range(4):
        log.add()
    log.undo("step 1")
    log.entries.append(Entry(uid="r", step="r", kind="redo", at="", target="step 1"))
    log.undo("step 1")
    log.undo("step 3")
    assert log.row("all").taken_back == 2


# repeats


def due_to(expert: str, entries: Sequence[Entry], **about: Any) -> tuple[str, ...]:
    in_force = ledger.fold(entries, ClusterParams()).in_force
    return due(entries, in_force, **about).get(expert, ())


def test_a_twentieth_comes_back_and_never_at_once() -> None:
    log = Log()
    for _ in range(2000):
        log.add()
    found = due_to("ann", log.entries)
    assert 60 < len(found) < 140  # of 1980; 99 expected, four standard deviations either way
    assert found == due_to("ann", log.entries)
    longer = [*log.entries]
    log.add()
    assert due_to("ann", log.entries)[: len(found)] == found
    place = {e.uid: i for i, e in enumerate(longer)}
    assert [place[uid] for uid in found] == sorted(place[uid] for uid in found)
    assert max(place[uid] for uid in found) < 2000 - REPEAT_AFTER
    assert due_to("bob", longer) == ()
    assert len(due_to("ann", longer, share=1.0)) == 2000 - REPEAT_AFTER
    assert due_to("ann", longer, share=0.0) == ()


def test_what_comes_back_is_in_force_single_ones_own_and_not_repeated() -> None:
    log = Log()
    mine = log.add()
    log.add(expert="bob")
    log.add(source="bulk")
    log.add(source="sign-off")
    superseded = log.add()
    undone = log.add()
    repeated = log.add()
    log.undo(f"step {undone[4:]}")
    log.add()
    log.entries[-1] = replace(log.entries[-1], supersedes=(superseded,))
    log.add(kind="repeat", target=repeated)
    fresh = log.entries[-2].uid
    everything: dict[str, Any] = {"share": 1.0, "after": 0}
    assert due_to("ann", log.entries, **everything) == (mine, fresh)
    log.undo(log.entries[-1].step)  # the repeat is taken back: it is due again
    assert due_to("ann", log.entries, **everything) == (mine, repeated, fresh)


def test_due_step_by_step_is_what_the_whole_log_says() -> None:
    """However the log is cut, and for all experts at once."""
    log = Log()
    every: dict[str, Any] = {"share": 0.5, "after": 5}
    before = ""
    steps = Due(**every, between=0)
    for i in range(60):
        uid = log.add(
            expert="bob" if i % 7 == 3 else "ann", source="bulk" if i % 5 == 4 else "single"
        )
        if i % 11 == 10:
            log.add(kind="repeat", target=due_to("ann", log.entries, **every)[0])
        if i % 13 == 12:
            log.entries[-1] = replace(log.entries[-1], supersedes=(before,))
        before = uid
        steps.take(log.entries)
        in_force = ledger.fold(log.entries, ClusterParams()).in_force
        found = due(log.entries, in_force, **every)
        assert found == {expert: steps.choose(expert, in_force) for expert in steps.experts}
        assert steps.choose("cem", in_force) == ()
    assert set(found) == {"ann", "bob"}
    assert any(entry.repeat for entry in log.entries)


def test_repeats_do_not_come_all_at_once() -> None:
    log = Log()
    steps = Due(share=1.0, after=0, between=3)
    first = [log.add() for _ in range(6)]
    steps.take(log.entries)
    in_force = set(first)
    assert steps.choose("ann", in_force)
    log.add(kind="repeat", target=first[0])
    found = []
    for _ in range(4):
        steps.take(log.entries)
        found.append(bool(steps.choose("ann", in_force)))
        log.add()
    assert found == [False, False, False, True]


def test_repeats_rule_nothing_and_are_paired_with_what_they_repeat() -> None:
    log = Log()
    first, second, third = (log.add(label=label) for label in (0, 1, 0))
    before = ledger.fold(log.entries, ClusterParams())
    log.add(kind="repeat", target=first, label=1, marks=(0,))
    after = ledger.fold(log.entries, ClusterParams())
    assert (after.in_force, after.owner) == (before.in_force, before.owner)
    assert after.undoable == "step 3"
    log.add(kind="repeat", target=second, label=1)
    log.add(kind="repeat", target=third, label=1)
    found = [(one.label, other.label) for one, other in repeats(log.entries)]
    assert found == [(0, 1), (1, 1), (0, 1)]
    # a mind changed later does not change how it was; what is taken back was never so
    log.add(label=1)
    log.entries[-1] = replace(log.entries[-1], supersedes=(first,))
    log.undo("step 4")
    log.undo("step 2")
    assert [(one.label, other.label) for one, other in repeats(log.entries)] == [(0, 1)]
    assert log.row("repeat", "blind").cases == 3
    assert log.row("label", "1 Cluster").cases == 2


def test_agreement_with_oneself() -> None:
    log = Log()
    for i in range(40):
        uid = log.add(label=i % 2, micrograph=f"{i % 4}.tif")
        again = i % 2 if i % 10 else 1 - i % 2
        log.add(kind="repeat", target=uid, label=again, micrograph=f"{i % 4}.tif")
    found = compared(repeats(log.entries), LABELS)
    assert (found.n, found.agreement) == (40, 0.9)
    assert found.kappa == pytest.approx(0.8, abs=0.01)
    assert found.low < found.kappa < found.high
