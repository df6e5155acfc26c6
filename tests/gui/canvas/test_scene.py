"""What there is to draw: colours, noise, what is withheld, what the pointer meets."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from k2c_gui.core.model import STATUS
from k2c_gui.core.queue import anchors
from k2c_gui.desk import Desk
from k2c_gui.gui.canvas.groups import outlines
from k2c_gui.gui.canvas.marks import COLOURS, colour_of_mark
from k2c_gui.gui.canvas.scene import Scene, opinions, scene
from k2c_gui.gui.style import HEAT


def drawn(desk: Desk) -> Scene:
    return scene(desk.state, opinions(desk.state.evidence[desk.state.shown]))


@pytest.fixture
def seeing(desk: Desk) -> Scene:
    desk.set_blind(False)
    return drawn(desk)


def test_marks_belong_to_the_instances_that_count_them(seeing: Scene) -> None:
    counted = np.bincount(seeing.row[seeing.row >= 0], minlength=len(seeing.instances))
    assert counted.tolist() == seeing.instances["n_marks"].tolist()
    assert seeing.noise.any()
    assert (seeing.row[seeing.noise] == -1).all()


def test_a_mark_has_the_label_most_of_its_votes_name(desk: Desk, seeing: Scene) -> None:
    known, evidence = seeing.opinions, seeing.opinions.evidence
    for i in range(0, len(known.place), 37):
        own = evidence.mark_of_vote == known.place[i]
        votes = Counter(evidence.votes["label"][own].tolist()).most_common(2)
        if not votes:
            continue
        tied = len(votes) == 2 and votes[0][1] == votes[1][1]
        label = -1 if tied else evidence.labels[known.label[i]].value
        assert label == (-1 if tied else votes[0][0])
        assert known.agreement[i] == pytest.approx(votes[0][1] / own.sum())


def test_marks_run_from_top_to_bottom(seeing: Scene) -> None:
    assert (np.diff(seeing.opinions.y) >= 0).all()


def test_decided_instances_keep_their_marks_under_any_grouping(desk: Desk) -> None:
    desk.set_blind(False)
    mark = int(anchors(desk.state.instances, desk.state.ledger)[0])
    desk.select(mark)
    desk.painted()
    assert desk.rule("label", 0)
    assert desk.state.grouping is not None
    own = set(desk.state.ledger.owner)
    nothing = replace(
        desk.state.grouping,
        group_of_mark=np.full_like(desk.state.grouping.group_of_mark, -1),
        x=np.zeros(0),
        y=np.zeros(0),
        spread=np.zeros(0),
    )
    desk.offer(nothing)
    seen = drawn(desk)
    assert len(seen.instances) == 1
    assert seen.symbols[seen.symbol[0]].status == STATUS.index("decided")
    place = seen.opinions.place[seen.marks_of(0)]
    assert set(seen.opinions.evidence.marks["mark"][place].tolist()) == own
    assert not seen.noise[seen.marks_of(0)].any()


@pytest.mark.parametrize("colours", COLOURS)
def test_blind_marks_of_open_questions_tell_nothing(desk: Desk, colours: str) -> None:
    desk.set_blind(True)
    blind = drawn(desk)
    asked = np.flatnonzero(blind.instances["ambiguous"])
    assert len(asked)
    assert blind.hidden[asked].all()
    tints = colour_of_mark(blind, colours)  # type: ignore[arg-type]
    assert not tints[np.isin(blind.row, asked)].any()
    for row in asked:
        symbol = blind.symbols[blind.symbol[row]]
        assert symbol.hidden
    desk.set_blind(False)
    if colours != "plain":
        assert colour_of_mark(drawn(desk), colours)[np.isin(blind.row, asked)].any()  # type: ignore[arg-type]


def test_blind_marks_tell_nothing_while_their_cases_are_not_known(desk: Desk) -> None:
    state = replace(desk.state, blind=True, grouping=None, instances=desk.state.instances[:0])
    seen = scene(state, opinions(state.evidence[state.shown]))
    assert seen.withheld.all()
    assert not scene(replace(state, blind=False), seen.opinions).withheld.any()


def test_agreement_rises_through_the_heat_map(seeing: Scene) -> None:
    tints = colour_of_mark(seeing, "agreement")
    voted = ~np.isnan(seeing.opinions.agreement)
    order = np.argsort(seeing.opinions.agreement[voted])
    assert (np.diff(tints[voted][order]) >= 0).all()
    assert tints.max() == len(seeing.opinions.evidence.labels) + len(HEAT)


def test_the_pointer_meets_the_nearest(seeing: Scene) -> None:
    table = seeing.instances
    x, y = float(table["x"][3]), float(table["y"][3])
    assert seeing.nearest(x + 1, y, 4, marks=False) == (3, -1)
    assert seeing.nearest(-500, -500, 12, marks=True) == (-1, -1)
    loose = int(np.flatnonzero(seeing.noise)[0])
    at = float(seeing.opinions.x[loose]), float(seeing.opinions.y[loose])
    assert seeing.nearest(*at, 0.01, marks=True) == (-1, loose)
    assert seeing.nearest(*at, 0.01, marks=False) == (-1, -1)


def test_outlines_hold_their_marks_and_little_more(seeing: Scene) -> None:
    shapes = outlines(seeing)
    rows = np.unique(seeing.row[seeing.row >= 0])
    assert len(shapes) == len(rows)
    for shape, row in zip(shapes, rows, strict=True):
        own = seeing.marks_of(row)
        at = np.column_stack([seeing.opinions.x[own], seeing.opinions.y[own]])
        side = np.roll(shape, -1, axis=0) - shape
        away = at[:, None] - shape[None]
        assert (side[:, 0] * away[..., 1] - side[:, 1] * away[..., 0] >= -1e-6).all()
        reach = np.ptp(at, axis=0).max() + 2 * 2.0 + 1
        assert (np.ptp(shape, axis=0) <= 1.3 * reach).all()
