from __future__ import annotations

import pytest

from k2c_gui.core.model import Decision, Entry
from k2c_gui.core.pace import pace


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
