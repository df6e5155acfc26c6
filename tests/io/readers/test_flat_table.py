"""A flat table, with each of its optional columns there or missing."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from k2c_gui.core.model import NO_LABEL, K2CError, Label

ROWS = (
    {"micrograph": "a.png", "x": "10.5", "y": "20", "volunteer": "v1", "tile": "t1", "label": "1"},
    {"micrograph": "a", "x": "30", "y": "40", "volunteer": "v1", "tile": "t1", "label": "Cluster"},
    {"micrograph": "a.png", "x": "12", "y": "21", "volunteer": "v2", "tile": "t1", "label": ""},
    {"micrograph": "b.png", "x": "1", "y": "2", "volunteer": "v1", "tile": "t1", "label": "0"},
)
OPTIONAL = ("volunteer", "tile", "label")


@pytest.fixture
def table(lab):
    lab.image("b.png", 300, 100)

    def read(rows: Any = ROWS, columns: Any = None) -> Any:
        path = rows if isinstance(rows, str) else lab.table(rows, columns)
        return lab.read(lab.write(path), mapping=None)

    return read


def xy(found: Any) -> list[tuple[int, float, float]]:
    return [(int(m["micrograph"]), float(m["x"]), float(m["y"])) for m in found.sources.marks]


@pytest.mark.parametrize(
    "there", [c for n in range(4) for c in combinations(OPTIONAL, n)], ids="+".join
)
def test_with_each_optional_column_or_without(table, there: tuple[str, ...], count) -> None:
    rows = [dict(ROWS[0]), {**ROWS[1], "micrograph": "a.png"}, *ROWS[2:]]
    found = table(rows, ["y", "micrograph", "x", *there])
    sources = found.sources
    assert sorted(xy(found)) == [(0, 10.5, 20), (0, 12, 21), (0, 30, 40), (1, 1, 2)]
    assert sources.marks["counted"].all()
    assert len(set(sources.marks["volunteer"].tolist())) == (2 if "volunteer" in there else 4)
    assert sorted(sources.tile_names) == (
        ["a.png/t1", "b.png/t1"] if "tile" in there else ["a.png", "b.png"]
    )
    labels = sorted(sources.marks["label"].tolist())
    assert labels == ([NO_LABEL, 0, 1, 1] if "label" in there else [NO_LABEL] * 4)
    assert count(found, "kept", "marks") == 4
    assert not [t for t in found.tallies if t.fate == "dropped"]


def test_a_tile_of_one_name_on_two_micrographs_is_two(table) -> None:
    """Many projects number their tiles anew on each micrograph."""
    found = table()
    assert (0, 1.0, 2.0) not in xy(found)
    assert found.sources.tile_names == ("a.png/t1", "a/t1", "b.png/t1")


def test_without_tiles_a_look_is_at_the_whole_micrograph(table) -> None:
    found = table(ROWS, ["micrograph", "x", "y", "volunteer"])
    whole = {tuple(t.tolist()) for t in found.sources.tiles}
    assert whole == {(0, 0, 0, 1000, 800), (1, 0, 0, 300, 100)}


def test_a_tile_known_by_name_reaches_as_far_as_its_marks(table, count) -> None:
    found = table()
    tile = found.sources.tiles[0].tolist()
    assert tile == (0, 10, 20, 3, 2), "whole pixels around (10.5, 20) and (12, 21)"
    assert count(found, "flagged", "known by name only") == 3


def test_an_old_mark_keeps_its_id_when_the_table_grows(table) -> None:
    before = table(ROWS[:3]).sources.marks["mark"].tolist()
    more = {**ROWS[0], "x": "99"}
    after = table([*ROWS, more]).sources.marks["mark"].tolist()
    assert set(before) < set(after)
    assert len(after) == len(set(after)) == 5


def test_marks_outside_are_kept_and_flagged(table, count) -> None:
    rows = [ROWS[0], {**ROWS[0], "x": "-1"}, {**ROWS[0], "y": "800.5"}]
    found = table(rows, ["micrograph", "x", "y"])
    assert found.sources.marks["counted"].tolist() == [True, False, False]
    assert count(found, "flagged", "outside") == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"x": ""}, "x and y are not numbers"),
        ({"x": "1,5"}, "x and y are not numbers"),
        ({"y": "left"}, "x and y are not numbers"),
        ({"y": "nan"}, "x and y are not finite"),
        ({"y": "1e999"}, "x and y are not finite"),
        ({"micrograph": "c.png"}, "micrograph c.png is not in the image folder"),
        ({"micrograph": ""}, "is not in the image folder"),
    ],
)
def test_a_bad_row_is_counted_and_costs_itself_only(table, count, change, reason: str) -> None:
    found = table([ROWS[0], {**ROWS[1], **change}, ROWS[3]])
    assert len(found.sources.marks) == 2
    assert count(found, "dropped", reason) == 1
    assert count(found, "dropped", "") == 1


def test_every_row_of_a_missing_micrograph_is_counted(table, count) -> None:
    """One look of one volunteer may have many rows."""
    rows = [ROWS[0]] + [{**ROWS[1], "micrograph": "c.png", "x": str(i)} for i in range(7)]
    assert count(table(rows), "dropped", "micrograph c.png") == 7


def test_ragged_and_foreign_rows(table, count) -> None:
    found = table("micrograph,x,y\na,1,2\na,1\na,1,2,3\n\na,3,4\n")
    assert xy(found) == [(0, 1, 2), (0, 3, 4)]
    assert count(found, "dropped", "as many columns") == 2


def test_labels_by_name_value_or_answer(lab, count) -> None:
    labels = Label(7, "Pd", True, ("Palladium",)), Label(9, "Carbon", False)
    names = ("Pd", " palladium ", "7", "carbon", "9", "gold", "")
    rows = [{**ROWS[0], "label": name} for name in names]
    found = lab.read(lab.write(rows), mapping=None, labels=labels)
    assert found.sources.marks["label"].tolist() == [7, 7, 7, 9, 9, NO_LABEL, NO_LABEL]
    assert count(found, "flagged", "'gold' means no label") == 1


def test_a_volunteer_may_be_called_like_a_row(table) -> None:
    rows = [{**ROWS[0], "volunteer": ""}, {**ROWS[0], "volunteer": "2"}]
    assert len(set(table(rows).sources.marks["volunteer"].tolist())) == 2


def test_it_answers_no_question(lab) -> None:
    with pytest.raises(K2CError, match="no classifying export"):
        lab.read([lab.pick()], lab.write(list(ROWS), "classifying.csv"))


def test_a_table_of_no_good_row(table) -> None:
    with pytest.raises(K2CError, match="x and y are not numbers: 1, first at row 2"):
        table("micrograph,x,y\na,here,there\n")
