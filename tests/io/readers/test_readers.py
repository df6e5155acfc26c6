"""Which reader takes a file, and what all readers share."""

from __future__ import annotations

import pytest

from k2c_gui.core.model import K2CError
from k2c_gui.io import readers
from k2c_gui.io.files import Rows
from k2c_gui.io.readers import Fates, People, aggregation, flat_table, panoptes


@pytest.mark.parametrize(
    ("header", "reader"),
    [
        ("classification_id,user_name,workflow_id,annotations,subject_data", panoptes),
        ("user_name,user_ip,workflow_id,annotations,subject_data,metadata", panoptes),
        ("subject_data, annotations ,workflow_id,user_name", panoptes),
        ("classification_id,user_name,user_id,workflow_id,task,subject_id,extractor", aggregation),
        ("x,y,micrograph", flat_table),
        ("micrograph,x,y,label,diameter,exposure", flat_table),
    ],
)
def test_a_file_is_told_by_its_columns(lab, header: str, reader: object) -> None:
    assert readers.of(Rows(lab.write(header + "\n"))) is reader


@pytest.mark.parametrize(
    "header",
    [
        "subject_id,workflow_id,task,reducer,data.yes",
        "subject_id,project_id,metadata,locations",
        "micrograph,X,Y",
        "4207,Real Name,108,eb538a52,21790",
    ],
)
def test_no_reader_for_a_file(lab, header: str) -> None:
    """The row is not quoted: without its header an export begins with a name."""
    with pytest.raises(K2CError, match="no known format") as error:
        readers.of(Rows(lab.write(header + "\n")))
    assert "row 1" in str(error.value)
    for reader in readers.all_readers():
        assert reader.NAME in str(error.value)
    assert not any(cell in str(error.value) for cell in header.split(",")[1:3])


def test_people_have_numbers() -> None:
    people = People()
    assert [people.code(c) for c in ("a", "b", "a", ("a",))] == [0, 1, 0, 2]
    assert people.logged_in("12", "x") == people.logged_in(" 12.0 ", "y") == 3
    assert people.logged_in("", "12") == 4, "a name is no id"


def test_fates_come_in_order() -> None:
    fates = Fates("picking")
    for row, what in ((4, "b"), (5, "a"), (6, "a")):
        fates.dropped(what, row)
    fates.add("kept", "marks", count=0)
    fates.add("flagged", "outside", count=3)
    fates.add("kept", "looks", count=2)
    told = [(t.source, t.fate, t.what, t.count, t.first) for t in fates.tallies()]
    assert told == [
        ("picking", "kept", "looks", 2, ""),
        ("picking", "flagged", "outside", 3, ""),
        ("picking", "dropped", "a", 2, "row 5"),
        ("picking", "dropped", "b", 1, "row 4"),
    ]


@pytest.mark.parametrize("text", ["", "x", "1.0", "-1", "1_0", "1e3", "²", "1" * 15, "9" * 5000])
def test_what_is_no_classification_id(text: str) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        readers.classification_id(text)


@pytest.mark.parametrize(
    ("x", "y", "good"),
    [(0, -5.5, True), (1e9, 0, False), (0, float("nan"), False), (float("-inf"), 0, False)],
)
def test_what_is_a_place(x: float, y: float, good: bool) -> None:
    assert readers.is_place(x, y) is good
