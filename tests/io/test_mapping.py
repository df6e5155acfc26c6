"""The mapping file, side tables, finding a micrograph, and placing a tile."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.core.model import K2CError, Micrograph
from k2c_gui.io import mapping, resources
from k2c_gui.io.mapping import Classifying, Mapping, Micrographs, Pattern, Picking, Place

LABELS = resources.labels()
WHOLE = r"""
[picking]
workflow_id = "19001"
version = "3.20"
task = "T0"
experts = true
micrograph = "#micrograph"
x0 = "#x0"
y0 = "#y0"
scale = "#scale"
width = "#w"
height = "#h"
tiles = "tiles.csv"
[picking.tools]
"Cluster" = 1
[classifying]
workflow_id = 19777
task = "T0"
mark = "#mark"
micrograph = "#micrograph"
x = "#x"
y = "#y"
radius = 12
[classifying.answers]
"Nanoparticle" = 0
"Something else" = 3
"""


@pytest.fixture
def load(tmp_path: Path):
    def loaded(text: str | bytes) -> Mapping:
        path = tmp_path / "mapping.toml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return mapping.load(path, LABELS)

    return loaded


def test_every_key_of_a_mapping(load, tmp_path: Path) -> None:
    found = load(WHOLE)
    keys = {"micrograph": "#micrograph", "x0": "#x0", "y0": "#y0", "scale": "#scale"}
    assert found.picking == Picking(
        workflow_id="19001",
        version="3.20",
        task="T0",
        experts=True,
        **keys,
        width="#w",
        height="#h",
        tiles=str(tmp_path / "tiles.csv"),
        tools={"Cluster": 1},
    )
    assert found.classifying == Classifying(
        workflow_id=19777,
        task="T0",
        mark="#mark",
        micrograph="#micrograph",
        x="#x",
        y="#y",
        radius=12.0,
        answers={"Nanoparticle": 0, "Something else": 3},
    )


def test_a_pattern_in_place_of_keys(load) -> None:
    regex = r"(?P<micrograph>.+)_Tile_x(?P<x0>-?\d+)_y(?P<y0>-?\d+)"
    found = load(f"[picking]\npattern = {{ key = 'Filename', regex = '{regex}' }}\n")
    assert found.picking.pattern == Pattern("Filename", regex)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[picking", "no mapping"),
        ("[picking]\nx0 = '", "no mapping"),
        ("[picking]\nmicrograf = 'x'\n", "micrograf"),
        ("[picking]\nversion = 3.20\n", "version"),
        ("[piking]\n", "piking"),
        ("[classifying]\nradius = 'far'\n", "radius"),
        ("[classifying]\nradius = -1\n", "radius of -1.0 px"),
        ("[classifying]\nradius = nan\n", "radius of nan px"),
        ("[picking]\nx0 = 'x'\n", "one of x0 and y0"),
        ("[picking]\nmicrograph = 'm'\ncol = 'c'\n", "one of row and col"),
        ("[picking]\nmicrograph = 'm'\nrow = 'r'\ncol = 'c'\n", "how far apart"),
        ("[picking]\nrow = 'r'\ncol = 'c'\nstride_x = 9.0\nstride_y = inf\n", "how far apart"),
        ("[picking]\npattern = {key='k', regex='('}\n", "no regular expression"),
        ("[picking]\npattern = {key='k', regex='(?P<x0>.)(?P<y0>.)'}\n", "which micrograph"),
        ("[picking]\npattern = {key='k', regex='(?P<micrograph>.)(?P<x0>.)'}\n", "x0 and y0"),
        ("[picking]\npattern = {regex='x'}\n", "key"),
        ("[picking.tools]\nHeap = 4\n", "'Heap' the label 4.*Use one of 0, 1, 2, 3"),
        ("[classifying.answers]\nHeap = -1\n", "'Heap' the label -1"),
        ("[classifying.answers]\nHeap = true\n", "no mapping"),
        ("[picking]\nmicrograph = 'größe'\n".encode("latin-1"), "no mapping"),
    ],
)
def test_a_mapping_that_is_none(load, text: str, why: str) -> None:
    with pytest.raises(K2CError, match=rf"mapping\.toml: .*{why}"):
        load(text)


def test_a_missing_mapping(tmp_path: Path) -> None:
    with pytest.raises(K2CError, match="cannot be read"):
        mapping.load(tmp_path / "no.toml", LABELS)


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)


@settings(deadline=None, max_examples=60)
@given(
    st.builds(
        Picking,
        workflow_id=words | st.integers(0, 9**9),
        task=words,
        version=words,
        experts=st.booleans(),
        micrograph=words,
        tools=st.dictionaries(words, st.integers(0, 3), max_size=3),
    ),
    st.builds(
        Classifying,
        mark=words,
        radius=st.floats(0, 1e6),
        answers=st.dictionaries(words, st.integers(0, 3), max_size=3),
    ),
)
def test_what_is_shown_loads_as_it_was(tmp_path_factory, picking, classifying) -> None:
    whole = Mapping(picking=picking, classifying=classifying)
    path = tmp_path_factory.getbasetemp() / "law.toml"
    path.write_text(mapping.dump(whole), encoding="utf-8")
    assert mapping.load(path, LABELS) == whole


def test_nothing_is_shown_of_what_is_at_its_default() -> None:
    assert mapping.dump(Mapping(picking=Picking(task="T1"))) == '[picking]\ntask = "T1"\n'


# side tables


def test_a_side_table(lab) -> None:
    path = lab.write(" subject_id,micrograph,x0\n 7001 ,a.png,-5\n7002,b,\n")
    assert mapping.side_table(str(path)) == {
        "7001": {"subject_id": " 7001 ", "micrograph": "a.png", "x0": "-5"},
        "7002": {"subject_id": "7002", "micrograph": "b", "x0": ""},
    }
    assert mapping.side_table("") == {}


def test_a_subject_export_as_side_table(lab) -> None:
    """Its metadata often have a ``subject_id`` of their own, which is not Zooniverse's."""
    metadata = '"{""subject_id"":26,""#micrograph"":""a.png"",""#x0"":1.5}"'
    head = "subject_id,project_id,workflow_id,subject_set_id,metadata,locations\n"
    path = lab.write(head + f"458046,1,1,9,{metadata},{{}}\n458046,1,2,9,{metadata},{{}}\n")
    table = mapping.side_table(str(path))
    assert list(table) == ["458046"]
    assert table["458046"]["#micrograph"] == "a.png"
    assert table["458046"]["#x0"] == 1.5


def test_a_real_subject_export(shared_data: Path) -> None:
    table = mapping.side_table(str(shared_data / "zooniverse" / "subjects_Apache2.csv"))
    assert len(table) == 30
    assert table["458021"]["image_name"] == "6672150457_420d61007d_b.jpg"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("subject,x\n1,2\n", "row 1: There is no column subject_id"),
        ("subject_id,x\n1,2\n3\n", "row 3: .*as many columns"),
        ("subject_id,metadata\n1,{\n", "row 2: The metadata are not JSON"),
        ("subject_id,metadata\n1,[]\n", "row 2: The metadata are not JSON"),
        ("subject_id,metadata\n1," + '{"a":' * 5000 + "\n", "row 2: "),
        (b"subject_id,x\n1,caf\xe9\n", "row 2: .*not UTF-8"),
    ],
)
def test_a_side_table_must_be_whole(lab, text: str | bytes, why: str) -> None:
    with pytest.raises(K2CError, match=why):
        mapping.side_table(str(lab.write(text)))


# finding a micrograph


def among(*names: str) -> Micrographs:
    return Micrographs(tuple(Micrograph(name, name, 1000, 800) for name in names))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("Pd 01.tif", 0),
        ("Pd 01", 0),
        ("pd 01.TIF", 0),
        ("PD 01", 0),
        (" Pd 01.tif ", 0),
        ("Pd 01.png", 0),
        ("tiles/x4/Pd 01.tif", 0),
        ("C:\\scans\\Pd 01.tif", 0),
        ("02", 1),
        ("02.ome.tiff", 1),
        (2, None),
        ("3.5", 2),
        (3.5, 2),
        ("Pd", None),
        ("", None),
        (None, None),
        (["Pd 01.tif"], None),
    ],
)
def test_a_micrograph_by_name_or_stem(name: object, place: int | None) -> None:
    assert among("Pd 01.tif", "02.ome.tif", "3.5.mrc").find(name) == place


def test_two_micrographs_of_one_stem() -> None:
    """What does not tell them apart finds neither; what does finds each."""
    found = among("a.tif", "a.png", "b.tif", "B.tif")
    assert found.find("a") is None
    assert found.find("a.jpg") is None
    assert (found.find("a.tif"), found.find("a.png")) == (0, 1)
    assert (found.find("b.tif"), found.find("B.tif"), found.find("B")) == (2, 3, 3)
    assert found.find("b.TIF") == 2, "the stem still tells"


# placing a tile

KEYS = Picking(micrograph="m", x0="x", y0="y")


def placed(picking: Picking, metadata: dict[str, Any], frame: int = 0) -> Place | str:
    return mapping.place(picking, metadata, among("a.png", "b.png"), frame)


@pytest.mark.parametrize(
    ("metadata", "where"),
    [
        ({"m": "a.png", "x": "512", "y": "-512"}, (0, 512, -512)),
        ({"m": "b", "x": 12, "y": -0.5}, (1, 12, -0.5)),
        ({"m": "a", "x": "1440.0000000000002", "y": " 7 "}, (0, 1440.0000000000002, 7)),
    ],
)
def test_a_tile_by_keys(metadata: dict[str, Any], where: tuple[float, ...]) -> None:
    assert placed(KEYS, metadata) == Place(*where, 1, 0, 0)


def test_scale_and_size() -> None:
    picking = msgspec.structs.replace(KEYS, scale="s", width="w", height="h")
    told = {"m": "a", "x": 1, "y": 2, "s": "2.5", "w": 400, "h": "300"}
    assert placed(picking, told) == Place(0, 1, 2, 2.5, 400, 300)
    assert placed(picking, told | {"s": "", "w": None, "h": ""}) == Place(0, 1, 2, 1, 0, 0)


def test_a_grid() -> None:
    grid = Picking(
        micrograph="m", row="r", col="c", first_row=1, first_col=1, stride_x=100, stride_y=50
    )
    assert placed(grid, {"m": "a", "r": "3", "c": 2}) == Place(0, 100, 100, 1, 0, 0)


def test_a_pattern_with_frames() -> None:
    regex = r"(?P<micrograph>.+)_x(?P<x0>-?\d+)_y(?P<y0>-?\d+)"
    picking = Picking(pattern=Pattern("Image {frame}", regex))
    told = {"Image 0": "a_x0512_y-0512_z0000.jpg", "Image 1": "b_x0_y7"}
    assert placed(picking, told) == Place(0, 512, -512, 1, 0, 0)
    assert placed(picking, told, 1) == Place(1, 0, 7, 1, 0, 0)
    assert placed(picking, told, 2) == "the pattern does not fit Image 2"


def test_a_pattern_that_leaves_the_name_to_a_key() -> None:
    picking = Picking(micrograph="m", pattern=Pattern("at", r"(?P<x0>\d+)/(?P<y0>\d+)"))
    assert placed(picking, {"m": "b.png", "at": "3/4"}) == Place(1, 3, 4, 1, 0, 0)


def test_no_key_but_the_micrograph_is_the_whole_of_it() -> None:
    assert placed(Picking(micrograph="m"), {"m": "b"}) == Place(1, 0, 0, 1, 0, 0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"x": "left"}, "not a number"),
        ({"x": None}, "not a number"),
        ({"x": [1]}, "not a number"),
        ({"x": "nan"}, "not a number"),
        ({"y": "-inf"}, "not a number"),
        ({"y": 10**400}, "not a number"),
        ({"y": 1e300}, "not a number"),
        ({"s": "0"}, "not above 0"),
        ({"s": -2}, "not above 0"),
        ({"w": "-4"}, "not above 0"),
        ({"m": "c.png"}, r"micrograph c.png is not in the image folder"),
        ({"m": "x" * 500}, "^.{0,150}$"),
    ],
)
def test_a_tile_without_a_place(change: dict[str, Any], why: str) -> None:
    picking = msgspec.structs.replace(KEYS, scale="s", width="w")
    told = {"m": "a", "x": 1, "y": 2, "s": 1, "w": 4} | change
    reason = placed(picking, told)
    assert isinstance(reason, str)
    assert re.search(why, reason)


def test_a_key_that_is_not_there() -> None:
    assert placed(KEYS, {"m": "a", "x": 1}) == "no y in the subject's metadata"
