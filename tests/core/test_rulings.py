from __future__ import annotations

from k2c_gui.core import ledger
from k2c_gui.core.model import DEFAULT, Decision, Entry, Ints, Sources
from k2c_gui.core.review import Evidence, evidence
from k2c_gui.core.rulings import rulings


def test_whole_and_part_with_one_label_leave_the_case_open(sources: Sources) -> None:
    """Who merged what another keeps apart disagrees, whatever the label."""
    facts: list[Evidence] = evidence(sources)

    def kinds(*sizes: int) -> Ints:
        log = [
            Entry(
                uid=str(i),
                step=str(i),
                kind="decide",
                at="",
                decision=Decision(
                    micrograph=facts[0].name,
                    marks=tuple(facts[0].marks["mark"][:size].tolist()),
                    verdict="label",
                    label=0,
                    x=1.0,
                    y=1.0,
                    decided_at="",
                ),
            )
            for i, size in enumerate(sizes)
        ]
        return rulings(facts[0], ledger.fold(log, DEFAULT)).kind

    (labelled,) = kinds(20)
    assert kinds(20, 19).tolist() == [labelled] * 2
    assert labelled not in kinds(20, 8)
