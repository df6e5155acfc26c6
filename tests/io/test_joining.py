"""From rows to tiles, looks, marks and votes on micrographs."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from k2c_gui.core.model import MARKS_PER_CLASSIFICATION, NO_LABEL, NO_MARK, K2CError
from k2c_gui.io.mapping import Pattern, Picking

HERE = {"#micrograph": "a.png", "#x0": "100", "#y0": "-50"}


def replace(table: Any, **change: Any) -> Any:
    return msgspec.structs.replace(table, **change)


def marks(found: Any, *names: str) -> list[Any]:
    rows = [tuple(m[n].item() for n in names) for m in found.sources.marks]
    return rows if len(names) > 1 else [row[0] for row in rows]


def sizes(found: Any) -> list[tuple[float, ...]]:
    return [t.tolist()[1:] for t in found.sources.tiles]


# where marks lie


def test_tile_px_become_micrograph_px(lab) -> None:
    found = lab.read([lab.pick([(10.5, 70), (0, 199.9)], about=HERE, classification_id="7")])
    assert marks(found, "x", "y") == [(110.5, 20), (100, 149.9)]
    assert marks(found, "mark") == [7 * MARKS_PER_CLASSIFICATION, 7 * MARKS_PER_CLASSIFICATION + 1]
    assert sizes(found) == [(100, -50, 200, 200)]
    assert marks(found, "counted") == [True, True]


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.tuples(*[st.floats(-1e4, 1e4)] * 4), st.floats(0.01, 100), st.integers(1, 10**14 - 1))
def test_the_law_of_tiles(lab, at: tuple[float, ...], scale: float, number: int) -> None:
    x0, y0, x, y = at
    about = {"#micrograph": "a", "#x0": repr(x0), "#y0": y0, "s": str(scale)}
    row = lab.pick([(x, y)], about=about, classification_id=str(number))
    found = lab.read([row], mapping=replace(lab.PICKING, scale="s"))
    (mark,) = found.sources.marks
    assert mark["x"] == pytest.approx(x0 + scale * x, abs=1e-6)
    assert mark["y"] == pytest.approx(y0 + scale * y, abs=1e-6)
    assert mark["mark"] // MARKS_PER_CLASSIFICATION == number
    inside = 0 <= mark["x"] < 1000 and 0 <= mark["y"] < 800
    assert bool(mark["inside"]) <= inside
    assert bool(mark["counted"]) == bool(mark["inside"])


def test_a_scale_as_told(lab) -> None:
    found = lab.read([lab.pick(about=HERE | {"s": "2"})], mapping=replace(lab.PICKING, scale="s"))
    assert marks(found, "x", "y") == [(120, -10)]
    assert sizes(found) == [(100, -50, 400, 400)]


def test_a_scale_as_the_size_betrays_it(lab) -> None:
    """The tile covers 400 px of the micrograph and was shown with 200."""
    picking = replace(lab.PICKING, width="w", height="h")
    rows = [lab.pick(about=HERE | {"w": "400", "h": "400"})]
    rows += [lab.pick(about=HERE | {"w": "400", "h": "400"}, subject="7002", size=(None,))]
    found = lab.read(rows, mapping=picking)
    assert marks(found, "x", "y") == [(120, -10)] * 2, "also where no row tells the size shown"
    assert sizes(found) == [(100, -50, 400, 400)] * 2


def test_a_whole_micrograph_shown_smaller_than_it_is(lab, count) -> None:
    shown = ({"naturalWidth": 500, "naturalHeight": 400},)
    rows = [lab.pick([(250, 200)], about={"m": "a"}, size=shown)]
    rows += [lab.pick([(250, 200)], about={"m": "a"}, size=(None,), subject="7002")]
    found = lab.read(rows, mapping=Picking(workflow_id="1", task="T0", micrograph="m"))
    assert marks(found, "x", "y") == [(500, 400), (250, 200)]
    assert count(found, "flagged", "shown at an unknown size") == 1
    assert sizes(found) == [(0, 0, 1000, 800)] * 2


def test_a_tile_of_unknown_size_is_as_large_as_most(lab, count) -> None:
    other = ({"naturalWidth": 50, "naturalHeight": 60},)
    shown: list[Any] = [None, None, None, other]
    rows = [
        lab.pick(subject=str(i), **({} if size is None else {"size": size}))
        for i, size in enumerate(shown)
    ]
    found = lab.read([*rows, lab.pick(subject="9", size=(None,))])
    assert sizes(found)[3:] == [(0, 0, 50, 60), (0, 0, 200, 200)]
    assert count(found, "flagged", "tiles of unknown size") == 1


def test_no_tile_of_known_size(lab) -> None:
    with pytest.raises(K2CError, match=r"how large the tiles are.*width and height"):
        lab.read([lab.pick(size=(None,))])


def test_marks_outside_are_kept_and_flagged_but_do_not_count(lab, count) -> None:
    """Negative ones, those beyond the tile, and those in the padding beyond the micrograph."""
    spots = [(10, 60), (-0.5, 60), (200, 60), (199.5, 200.5), (10, 49), (-556, 9000)]
    found = lab.read([lab.pick(spots, about=HERE)])
    assert marks(found, "inside") == [True, False, False, False, False, False]
    assert marks(found, "counted") == marks(found, "inside")
    assert marks(found, "x")[5] == -456
    assert count(found, "flagged", "outside their tile") == 4
    assert count(found, "flagged", "outside their micrograph") == 1
    assert count(found, "kept", "marks") == 6


def test_tiles_without_a_place_are_counted(lab, count) -> None:
    about = [
        {"#micrograph": "gone.png", "#x0": "0", "#y0": "0"},
        {"#micrograph": "a", "#x0": "left", "#y0": "0"},
        {"#micrograph": "a", "#x0": "0"},
    ]
    rows = [
        lab.pick(subject="1"),
        *(lab.pick(about=a, subject=f"x{i}") for i, a in enumerate(about)),
    ]
    found = lab.read([*rows, lab.pick(about=about[0], subject="x0")])
    assert len(found.sources.marks) == 1
    assert count(found, "dropped", "micrograph gone.png is not in the image folder") == 2
    assert count(found, "dropped", "where the tile lies is not a number") == 1
    assert count(found, "dropped", "no #y0 in the subject's metadata") == 1
    assert count(found, "kept", "classifications") == 1


# looks


def test_an_empty_list_is_a_look(lab, count) -> None:
    found = lab.read([lab.pick([]), lab.pick()])
    assert len(found.sources.looks) == 2
    assert found.sources.looks["counted"].all()
    assert count(found, "kept", "without a mark") == 1


def test_a_repeat_is_kept_and_flagged_and_the_first_by_date_counts(lab, count) -> None:
    days = {"late": "2024-05-09 08:00:00 UTC", "early": "2024-05-02 08:00:00 UTC"}
    me = {"user_id": "7"}
    late = lab.pick([(1, 1)], created_at=days["late"], classification_id="201", **me)
    early = lab.pick([(2, 2), (3, 3)], created_at=days["early"], classification_id="202", **me)
    else_ = lab.pick([(4, 4)], classification_id="203")
    for rows in ([late, early, else_], [else_, early, late]):
        found = lab.read(rows)
        assert marks(found, "x", "counted") == [(1, False), (2, True), (3, True), (4, True)]
        assert count(found, "flagged", "had seen the tile before") == 1


# frames

FRAMES = {"Image 0": "a_x0_y0.png", "Image 1": "a_x300_y0.png", "Image 3": "a_x700_y0.png"}
BY_FRAME = Pattern("Image {frame}", r"(?P<micrograph>\w)_x(?P<x0>\d+)_y(?P<y0>\d+)")


def framed(*frames: int) -> list[dict[str, Any]]:
    return [{"x": 1, "y": 2, "frame": f, "tool": 0} for f in frames]


def test_frames_that_lie_apart(lab, count) -> None:
    picking = Picking(workflow_id="1", task="T0", pattern=BY_FRAME)
    rows = [lab.pick(framed(0, 1, 1, 2, 3, -1), about=FRAMES), lab.pick([], about=FRAMES)]
    found = lab.read(rows, mapping=picking)
    assert marks(found, "x") == [1, 301, 301]
    assert found.sources.tile_names == ("7001", "7001#1"), "frame 2 is missing: there it ends"
    assert len(found.sources.looks) == 4, "a look at each frame"
    assert count(found, "dropped", "a frame that the mapping does not place") == 3


def test_a_mapping_by_frame_and_a_subject_of_one(lab, count) -> None:
    picking = Picking(workflow_id="1", task="T0", micrograph="m{frame}", x0="x{frame}", y0="y0")
    rows = [lab.pick(framed(0, 1), about={"m0": "a", "x0": "5", "y0": "0"})]
    found = lab.read(rows, mapping=picking)
    assert marks(found, "x") == [6]
    assert count(found, "dropped", "a frame that the mapping does not place") == 1


def test_frames_of_one_place(lab) -> None:
    """Without ``{frame}`` in the mapping all frames show the same spot."""
    found = lab.read([lab.pick(framed(0, 1, 7), about=HERE)])
    assert marks(found, "x") == [101, 101, 101]
    assert len(found.sources.looks) == 1


# what tools say


def test_tools_that_say_what_the_thing_is(lab, count) -> None:
    names = ("Heap", "heap!", "**Heap**", "Speck", None)
    spots = [{"x": 1, "y": 2, "tool_label": name} for name in names]
    found = lab.read([lab.pick(spots)], mapping=replace(lab.PICKING, tools={"Heap": 1}))
    assert marks(found, "label") == [1, 1, 1, NO_LABEL, NO_LABEL]
    assert count(found, "flagged", "'Speck' means no label") == 1
    assert count(found, "flagged", "tool has no name; the workflow export would tell") == 1


def test_without_tools_in_the_mapping_nothing_is_said(lab, count) -> None:
    found = lab.read([lab.pick(), lab.pick(v2=True)])
    assert marks(found, "label") == [NO_LABEL] * 2
    assert count(found, "flagged", "tool") == 0


def test_tools_of_the_second_generation_through_the_workflow_export(lab) -> None:
    workflows = lab.workflows(("3.20", ["Speck", "Heap"], []))
    spots = [{"x": 1, "y": 2, "toolIndex": i, "tool_label": None} for i in (0, 1)]
    table = replace(lab.PICKING, tools={"Heap": 1, "Speck": 0})
    assert marks(lab.read([lab.pick(spots)], mapping=table, workflows=workflows), "label") == [0, 1]


# votes


def voted(lab, *rows: Any, picks: Any = None, **change: Any) -> Any:
    picks = picks or [lab.pick([(10, 20), (50, 60)], classification_id="101")]
    return lab.read(picks, list(rows), mapping=(lab.PICKING, replace(lab.CLASSIFYING, **change)))


def ballots(found: Any) -> list[tuple[Any, ...]]:
    names = ("mark", "x", "y", "label")
    return [tuple(vote[name].item() for name in names) for vote in found.sources.votes]


FIRST = 101 * MARKS_PER_CLASSIFICATION


def test_a_vote_for_a_mark(lab) -> None:
    found = voted(lab, lab.vote("Artifact"), mark="#mark", micrograph="", x="", y="")
    assert ballots(found) == [(FIRST, 10, 20, 2)]


def test_a_vote_for_a_mark_that_lies_where_it_is_said_to(lab) -> None:
    about = {"#mark": "101:1", "#micrograph": "a.png", "#x": "50.4", "#y": "59.6"}
    assert ballots(voted(lab, lab.vote("Cluster", about=about))) == [(FIRST + 1, 50, 60, 1)]


@pytest.mark.parametrize(
    "about",
    [
        {"#mark": "101:1"},
        {"#mark": "101:7"},
        {"#mark": "999:0"},
        {"#mark": "101"},
        {"#mark": "101:" + "9" * 30},
        {"#mark": "9" * 30 + ":0"},
        {"#mark": "-101:0"},
        {"#mark": None},
        {},
    ],
)
def test_where_mark_and_position_disagree_the_position_holds(lab, about: dict[str, Any]) -> None:
    position = {"#micrograph": "a.png", "#x": "300", "#y": 400}
    found = voted(lab, lab.vote("Cluster", about=about | position))
    assert ballots(found) == [(NO_MARK, 300, 400, 1)]


def test_another_micrograph_disagrees_too(lab) -> None:
    lab.image("b.png")
    about = {"#mark": "101:0", "#micrograph": "b", "#x": "10", "#y": "20"}
    found = voted(lab, lab.vote(about=about))
    assert ballots(found) == [(NO_MARK, 10, 20, 1)]
    assert found.sources.votes["micrograph"].tolist() == [1]


def test_a_vote_at_a_place_with_a_radius(lab) -> None:
    """Centroids were shown: stored at their place, for the nearest mark within the radius."""
    about = {"#micrograph": "a", "#x": "15", "#y": "25"}
    found = voted(lab, lab.vote(about=about), mark="", radius=12.0)
    assert ballots(found) == [(NO_MARK, 15, 25, 1)]
    assert found.sources.vote_radius == 12


def test_a_mark_reference_within_the_radius(lab) -> None:
    about = {"#mark": "101:0", "#micrograph": "a", "#x": "15", "#y": "25"}
    assert ballots(voted(lab, lab.vote(about=about), radius=8.0)) == [(FIRST, 10, 20, 1)]
    assert ballots(voted(lab, lab.vote(about=about), radius=6.0)) == [(NO_MARK, 15, 25, 1)]


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"#mark": "999:0"}, "the mark that was shown is not in the picking export"),
        ({"#mark": "x"}, "the mark that was shown is not in the picking export"),
        (
            {"#mark": "999:0", "#micrograph": "a", "#x": "nan", "#y": "1"},
            "the mark that was shown is not in the picking export",
        ),
        (
            {"#mark": "999:0", "#micrograph": "gone", "#x": "1", "#y": "1"},
            "the mark that was shown is not in the picking export",
        ),
    ],
)
def test_votes_for_no_known_mark_are_counted(lab, count, about: dict[str, Any], why: str) -> None:
    found = voted(lab, lab.vote(), lab.vote(about=about, subject="8002"))
    assert len(found.sources.votes) == 1
    assert count(found, "dropped", why) == 1
    assert count(found, "kept", "votes") == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"#x": None}, "nothing says which mark was shown"),
        ({"#y": "1e999"}, "nothing says which mark was shown"),
        ({"#micrograph": "gone"}, "nothing says which mark was shown"),
        ({"#y": 10**400}, "nothing says which mark was shown"),
    ],
)
def test_votes_for_no_place_are_counted(lab, count, change: dict[str, Any], why: str) -> None:
    at = {"#micrograph": "a", "#x": "1", "#y": "2"}
    rows = [lab.vote(about=at), lab.vote(about=at | change, subject="8002")]
    rows += [lab.vote(about={"#micrograph": "a", "#x": 1}, subject="8003")]
    found = voted(lab, *rows, mark="")
    assert len(found.sources.votes) == 1
    assert count(found, "dropped", why) == 1
    assert count(found, "dropped", "no #y in the subject's metadata") == 1


def test_answers_by_the_mapping_or_by_the_labels(lab, count) -> None:
    rows = [lab.vote(a) for a in ("Heap", " *heap*.\n", "Cluster", "unknown answer label")]
    found = voted(lab, *rows, answers={"Heap": 2})
    assert found.sources.votes["label"].tolist() == [2, 2]
    assert count(found, "dropped", "answer 'cluster' means no label") == 1
    assert count(found, "dropped", "answer 'unknown answer label' means no label") == 1
    rows = [lab.vote(a) for a in ("Nothing", "something else", "NANOPARTICLE", "Artefact")]
    assert voted(lab, *rows).sources.votes["label"].tolist() == [3, 3, 0, 2]


def test_a_repeated_vote_is_kept_and_flagged(lab, count) -> None:
    me = {"user_id": "7"}
    rows = [lab.vote("Cluster", **me), lab.vote("Artifact", **me), lab.vote("Artifact")]
    found = voted(lab, *rows)
    assert found.sources.votes["counted"].tolist() == [True, False, True]
    assert count(found, "flagged", "had voted on the mark before") == 1


def test_one_person_in_both_exports(lab) -> None:
    me = {"user_id": "7", "user_name": "me"}
    away = {"user_id": "", "user_name": "not-logged-in-f", "user_ip": "f", "session": "s"}
    picks = [lab.pick(classification_id="101", **me), lab.pick(subject="7002", **away)]
    found = voted(lab, lab.vote(**me), lab.vote(**away), picks=picks)
    looks, votes = found.sources.looks["volunteer"], found.sources.votes["volunteer"]
    assert looks[0] == votes[0]
    assert looks[1] != votes[1], "the hash is drawn anew for each export"
    assert len(np.unique([*looks, *votes])) == 3
