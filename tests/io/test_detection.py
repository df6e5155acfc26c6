"""Guessing the mapping: each usual convention, and what is said where none fits."""

from __future__ import annotations

from typing import Any

import pytest

from k2c_gui.core.model import K2CError, Label
from k2c_gui.io import detection
from k2c_gui.io.detection import normalise

SIDE = 200  # px of a tile, as `Lab.pick` shows it


def spots(found: Any) -> list[tuple[str, float, float]]:
    """Micrograph, x and y of each mark."""
    names = [m.name for m in found.sources.micrographs]
    return [(names[m["micrograph"]], float(m["x"]), float(m["y"])) for m in found.sources.marks]


def picks(lab, *told: dict[str, Any], **options: Any) -> list[dict[str, str]]:
    """One row a tile, each with a mark at (10, 20) px of the tile."""
    return [lab.pick(about=t, subject=f"70{i:02d}", **options) for i, t in enumerate(told)]


@pytest.mark.parametrize(
    ("name", "x0", "y0"),
    [
        ("#micrograph", "#x0", "#y0"),
        ("//Micrograph", "//X0", "//Y0"),
        ("!File Name", "!X_Offset", "!Y_Offset"),
        ("image", "x", "y"),
        ("#Image_Name", "# tile X", "# tile Y"),
        ("Filename", "left", "top"),
        ("Image 0", "xStart", "yStart"),
    ],
)
def test_an_origin_in_two_keys(lab, name: str, x0: str, y0: str) -> None:
    lab.image("b.png")
    rows = picks(
        lab,
        {name: "a.png", x0: "512", y0: "256.5", "": ""},
        {name: "b", x0: -50, y0: 100, "note": "a.png"},
        {name: "b", x0: "0", y0: "0"},
    )
    found = lab.read(rows, mapping=None)
    assert spots(found) == [("a.png", 522, 276.5), ("b.png", -40, 120), ("b.png", 10, 20)]
    assert found.detected
    assert (found.mapping.picking.workflow_id, found.mapping.picking.task) == ("1", "T0")


def test_scale_and_size_in_keys(lab) -> None:
    told = {
        "image": "a",
        "#x0": "100",
        "#y0": "0",
        "#Scale": "2",
        "#Width": "400",
        "#Height": "300",
    }
    found = lab.read(picks(lab, told), mapping=None)
    assert spots(found) == [("a.png", 120, 40)]
    assert found.sources.tiles[0].tolist() == (0, 100, 0, 400, 300)


@pytest.mark.parametrize(
    "form",
    [
        "{}_x{:04d}_y{:04d}_.jpg",
        "{}_x{:04d}_y{:04d}_z0000.jpg",
        "{}_Tile_x{:04d}_y{:04d}_z0000.png",
        "{}Tile_x{:04d}_y{:04d}_z0000.jpg",
        "{}-x{}-y{}.png",
        "Tiles_X4_Y4_OFFSET/{}_x{:04d}_y{:04d}.jpg",
    ],
)
def test_an_origin_in_a_name(lab, form: str) -> None:
    """Tiles of the second set begin half a tile before the image: at negative numbers."""
    lab.image("Pd-C_02.png")
    origins = (("a", 512, 0), ("Pd-C_02", 100, -100), ("Pd-C_02", -100, 300))
    rows = picks(
        lab, *({"Image 0": form.format(*o), "Subject ID": i} for i, o in enumerate(origins))
    )
    found = lab.read(rows, mapping=None)
    assert spots(found) == [
        ("a.png", 522, 20),
        ("Pd-C_02.png", 110, -80),
        ("Pd-C_02.png", -90, 320),
    ]
    assert found.sources.marks["inside"].tolist() == [True, False, False], "in the padding"


def grid(first: int) -> list[tuple[int, int]]:
    return [(r, c) for r in range(first, first + 4) for c in range(first, first + 5)]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(
    "tell",
    [
        lambda r, c: {"image": "a.png", "#row": str(r), "#col": str(c)},
        lambda r, c: {"//Micrograph": "a", "row_id": r, "col_id": c, "magnification": "5"},
        lambda r, c: {"Image 0": f"a_r{r:02d}_c{c:02d}.jpg"},
        lambda r, c: {"filename": f"a_row{r}_col{c}.png"},
    ],
    ids=["keys", "odd keys", "name", "long name"],
)
def test_a_grid(lab, first: int, tell: Any) -> None:
    """1000 x 800 px in 5 x 4 tiles of 200 px."""
    found = lab.read(picks(lab, *(tell(r, c) for r, c in grid(first))), mapping=None)
    marks = [(200 * (c - first) + 10, 200 * (r - first) + 20) for r, c in grid(first)]
    assert [s[1:] for s in spots(found)] == marks


def test_a_grid_with_overlap(lab) -> None:
    rows = picks(lab, *({"f": f"a_r{r}_c{c}"} for r in range(7) for c in range(9)))
    found = lab.read(rows, mapping=None)
    assert spots(found)[-1] == ("a.png", 810, 620), "the last tile ends with the image"
    assert spots(found)[1] == ("a.png", 110, 20), "every 100 px"


@pytest.mark.parametrize(
    ("size", "steps"), [((None,), 5), (({"naturalWidth": 1000, "naturalHeight": 800},), 5)]
)
def test_a_grid_of_unknown_stride_is_not_guessed(lab, size: Any, steps: int) -> None:
    """All tiles in one corner would be worse than a question."""
    rows = picks(lab, *({"f": f"a_r{i}_c{i}"} for i in range(steps)), size=size)
    with pytest.raises(K2CError, match="No usual convention"):
        lab.read(rows, mapping=None)


def test_micrographs_that_were_never_cut(lab) -> None:
    lab.image("b.png", 300, 100)
    found = lab.read(picks(lab, {"Name": "a.png"}, {"Name": "b.png"}, size=(None,)), mapping=None)
    assert spots(found) == [("a.png", 10, 20), ("b.png", 10, 20)]
    sizes = [t.tolist()[3:] for t in found.sources.tiles]
    assert sizes == [(1000, 800), (300, 100)]


def test_where_no_convention_fits_the_keys_are_listed(lab) -> None:
    rows = picks(lab, {"site": "north", "#where": "B2"}, {"site": "south", "frame": 3})
    with pytest.raises(K2CError) as error:
        lab.read(rows, mapping=None)
    for told in ("mapping.toml", "site = 'north'", "#where = 'B2'", "frame = '3'", "a.png"):
        assert told in str(error.value)


def test_stray_subjects_of_tests_do_not_mislead(lab) -> None:
    rows = picks(lab, *[{"#micrograph": "a", "#x0": i, "#y0": 0} for i in range(4)], {"x": "y"})
    found = lab.read(rows, mapping=None)
    assert len(found.sources.marks) == 4


def test_of_several_workflows_that_with_the_most_marks(lab) -> None:
    told = {"#micrograph": "a", "#x0": 1, "#y0": 0}
    rows = picks(lab, told, told, workflow_id="77")
    rows += [lab.pick([(1, 1)] * 5, about=told, workflow_id="78")]
    assert lab.read(rows, mapping=None).mapping.picking.workflow_id == "78"


@pytest.mark.parametrize(
    ("annotations", "told"),
    [
        ([{"task": "T0", "value": "Yes"}], "workflow_id 1, task T0 (answers)"),
        ([{"task": "T4", "value": [{"tool": 0, "x1": 1, "x2": 2}]}], "task T4 (other shapes)"),
        ([{"task": "T4", "value": []}], "task T4 (nothing marked)"),
        ([], "no task that can be read"),
    ],
)
def test_an_export_without_points_says_what_it_holds(lab, annotations: Any, told: str) -> None:
    with pytest.raises(K2CError, match="No task of this export holds marks") as error:
        lab.read([lab.pick(annotations=annotations)], mapping=None)
    assert told in str(error.value)


# classifying


def votes(lab, *told: dict[str, Any], **options: Any) -> list[dict[str, str]]:
    return [lab.vote(about=t, subject=f"80{i:02d}", **options) for i, t in enumerate(told)]


def guessed(lab, rows: list[dict[str, str]], **options: Any) -> Any:
    picking = lab.write([lab.pick([(10, 20), (50, 60)], classification_id="101")])
    return lab.read(picking, rows, mapping=None, **options)


def test_a_mark_by_its_classification(lab) -> None:
    found = guessed(
        lab, votes(lab, {"!Mark": "101:1", "tile": "t"}, {"!Mark": "101:0", "tile": "t"})
    )
    assert (found.sources.votes["mark"] & 0xFFFF).tolist() == [1, 0]
    assert found.mapping.classifying.mark == "!Mark"
    assert not found.mapping.classifying.x


def test_a_mark_by_its_position(lab) -> None:
    """The origin of the tile is told too, and is not the mark's."""
    found = guessed(
        lab, votes(lab, {"//Image": "a", "x0": "7", "y0": "8", "#X": "50", "#Y": "60.5"})
    )
    (vote,) = found.sources.votes
    assert (vote["x"], vote["y"], vote["mark"]) == (50, 60.5, -1)


def test_the_origin_of_the_tile_is_no_position(lab) -> None:
    with pytest.raises(K2CError, match=r"which mark was shown.*x0 = '7'"):
        guessed(lab, votes(lab, {"image": "a", "x0": "7", "y0": "8"}))


def test_the_question_with_the_labels_for_answers(lab) -> None:
    told = {"#mark": "101:0"}
    tasks = [{"task": "T0", "value": "Yes"}, {"task": "T3", "value": "**Cluster**\n"}]
    rows = votes(lab, told, told, workflow_id="9", annotations=tasks)
    rows += votes(lab, told, workflow_id="8", answer="a cluster of stars")
    table = guessed(lab, rows).mapping.classifying
    assert (table.workflow_id, table.task) == ("9", "T3")


def test_answers_that_name_no_label(lab) -> None:
    with pytest.raises(K2CError, match=r"labels' names; answers: \['Maybe', 'Yes'\]"):
        guessed(lab, [lab.vote("Yes"), lab.vote("Maybe")])


def test_other_labels_are_looked_for(lab) -> None:
    labels = Label(1, "Pd", True, ("Palladium",)), Label(5, "C", False)
    rows = votes(lab, {"#mark": "101:0"}, answer="palladium")
    assert guessed(lab, rows, labels=labels).sources.votes["label"].tolist() == [1]


def test_a_mapping_for_one_export_leaves_the_other_to_be_found(lab) -> None:
    text = '[classifying]\nworkflow_id = "2"\ntask = "T0"\nmark = "#mark"\n'
    text += '[classifying.answers]\n"Heap" = 1\n'
    found = lab.read([lab.pick(classification_id="101")], [lab.vote("Heap")], mapping=text)
    assert found.mapping.picking.x0 == "#x0"
    assert found.sources.votes["label"].tolist() == [1]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Yes!", "yes"),
        ("No.\n", "no"),
        ("  **Nano-particle** ", "nano particle"),
        ("# Cluster", "cluster"),
        ("_Artifact_\r\n", "artifact"),
        ("Nothing / Something  else", "nothing something else"),
        ("nothing-something-else", "nothing something else"),
        ("STRAẞE", "strasse"),
        ("?!", ""),
    ],
)
def test_stray_text_around_an_answer(text: str, plain: str) -> None:
    assert normalise(text) == plain


def test_answers_of_a_label() -> None:
    labels = Label(2, "Artifact", False, ("Artefact",)), Label(3, "Nothing/Something else", False)
    meant = detection.answers(labels)
    for text in ("artefact", "nothing", "something else", "nothing something else"):
        assert text in meant
    assert set(meant.values()) == {2, 3}
