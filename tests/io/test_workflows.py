"""Texts of tools and answers, through the workflow export."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from k2c_gui.core.model import K2CError
from k2c_gui.io.workflows import Workflows

VERSIONS = (
    ("3.20", ["Particle", "Heap"], ["Yes", "No"]),
    ("3.2", ["Old particle"], ["Yea"]),
    ("12.5", ["Later"], ["Aye"]),
)


@pytest.fixture
def known(lab) -> Workflows:
    return Workflows(lab.workflows(*VERSIONS))


@pytest.mark.parametrize(
    ("version", "tool"),
    [
        ("3.20", "Particle"),
        ("3.2", "Old particle"),
        ("3.3", "Particle"),
        ("3", "Old particle"),
        ("3.21", "Later"),
        ("5.1", "Later"),
        ("99.1", "Later"),
        ("", "Later"),
        ("one", "Later"),
    ],
)
def test_a_version_that_is_gone_reads_as_the_next_one(
    known: Workflows, version: str, tool: str
) -> None:
    """As Panoptes itself does; and 3.20 is not 3.2."""
    assert known.tool("1", version, "T0", 0) == tool


def test_answers(known: Workflows) -> None:
    assert [known.answer("1", "3.20", "T0", i) for i in range(3)] == ["Yes", "No", ""]


@pytest.mark.parametrize(
    "asked",
    [
        ("2", "3.20", "T0", 0),
        ("1", "3.20", "T9", 0),
        ("1", "3.20", "T0", 2),
        ("1", "3.2", "T0", -1),
    ],
)
def test_what_is_not_there_has_no_name(known: Workflows, asked: tuple[str, str, str, int]) -> None:
    assert known.tool(*asked) == ""
    assert Workflows(None).tool(*asked) == ""


def test_texts_in_place_of_keys(lab) -> None:
    """Without an entry among the strings the label stands for itself."""
    tasks = '"{""T0"":{""tools"":[{""label"":""Speck""},{""label"":null},{}]},""T1"":7}"'
    head = "workflow_id,version,minor_version,tasks,strings\n"
    known = Workflows(lab.write(f'{head} 1,1,1,{tasks},"{{""x"":null}}"\n'))
    assert known.tool("1", "1.1", "T0", 0) == "Speck"
    assert known.tool("1", "1.1", "T0", 2) == ""
    assert known.tool("1", "1.1", "T1", 0) == ""


@pytest.mark.parametrize(
    ("cells", "row"),
    [
        ("1,x,1,{},{}", 3),
        ("1,1,,{},{}", 3),
        ("1,1,1,{,{}", 3),
        ("1,1,1,{},[]", 3),
        ("1,1,1," + "[" * 5000 + ",{}", 3),
        ("1,1,1,{}", 3),
        (f"1,{'9' * 5000},1,{{}},{{}}", 3),
    ],
)
def test_a_broken_version_is_told_by_its_row(lab, cells: str, row: int) -> None:
    head = "workflow_id,version,minor_version,tasks,strings\n1,1,1,{},{}\n"
    with pytest.raises(K2CError, match=f"workflows.csv, row {row}: .*(again|Mend)"):
        Workflows(lab.write(head + cells + "\n", "workflows.csv"))


def test_a_file_that_breaks_off_is_refused(lab) -> None:
    whole = lab.workflows(*VERSIONS * 40).read_bytes()
    with pytest.raises(K2CError, match="breaks off"):
        Workflows(lab.write(gzip.compress(whole)[:-9]))


def test_another_export_is_refused(lab) -> None:
    with pytest.raises(K2CError, match="no workflow export: no column version"):
        Workflows(lab.write([lab.pick()]))


def test_a_real_one(shared_data: Path) -> None:
    known = Workflows(shared_data / "zooniverse" / "workflows_Apache2.csv")
    assert known.answer("10", "16.55", "T0", 0) == "Yes"
    assert known.answer("10", "16.55", "T0", 1) == "No"
