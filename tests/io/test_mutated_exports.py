"""Exports damaged at random: a message or a good import, every row accounted for, never a crash."""

from __future__ import annotations

import gzip
import io
import json
import random
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from k2c_gui.core.model import NO_LABEL, NO_MARK, K2CError
from k2c_gui.importing import import_
from k2c_gui.io.files import Rows
from k2c_gui.io.sources import Files, Import
from k2c_gui.session import Session

CASES = 300
PATIENCE = 10  # s, for one import; it takes some ms

NASTY_CELLS = (
    *("", " ", "null", "NaN", "None", "true", "0", "-1", "1.5", "1e999", "²", "9" * 30, "9" * 5000),
    *("[]", "{}", "[{}]", '""', "[null]", '[{"task":"T0","value":null}]', '{"1":{},"2":{}}'),
    *("[" * 3000, "{" * 3000, '{"a":' * 3000, '"' * 7, "'", ",", "\n", "\r\n", "\0", "\ufeff"),
    *('{"7001":{"#micrograph":"\\ud800","#x0":"0","#y0":"0"}}', "2024-99-99 10:00:00 UTC"),
    *("0001-01-01 00:00:00 UTC", "9999-12-31 23:59:59 UTC", "x" * 70_000, "=1+1", "\ud800"),
)
NASTY_VALUES = (
    *(None, True, "", "a", "\u0000", "1e5", -1, 0, 1.5, 1e308, -1e308, 10**18, 10**30, 10**400),
    *(float("nan"), float("inf"), [], {}, [[]], [None], [1, 2], {"": None}, [{"task": "T0"}]),
    *("../a.png", "a.png\n", "A", "101:0", "101:99", "99999999999999:65535", "é" * 3000, "-0.0"),
)
Mutation = Callable[[random.Random, list[dict[str, str]]], list[dict[str, str]]]


def any_row(rng: random.Random, rows: list[dict[str, str]]) -> dict[str, str]:
    """A row to be changed, put in place of the one it was."""
    i = rng.randrange(len(rows))
    rows[i] = dict(rows[i])
    return rows[i]


def shuffled(rng: random.Random, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return rng.sample(rows, len(rows)) + rng.choices(rows, k=3)


def cell(rng: random.Random, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    any_row(rng, rows)[rng.choice(list(rows[0]))] = rng.choice(NASTY_CELLS)
    return rows


def swapped(rng: random.Random, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    row = any_row(rng, rows)
    a, b = rng.sample(list(row), 2)
    row[a], row[b] = row[b], row[a]
    return rows


def node(rng: random.Random, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Something inside the JSON of a cell becomes something else."""
    row = any_row(rng, rows)
    column = rng.choice(["annotations", "annotations", "subject_data", "metadata"])
    try:
        whole = json.loads(row.get(column, ""))
    except (ValueError, RecursionError):  # damaged already
        return rows
    at = whole
    while isinstance(at, dict | list) and at:
        key: Any = rng.choice(list(at) if isinstance(at, dict) else range(len(at)))
        if not (isinstance(at[key], dict | list) and at[key]) or rng.random() < 0.3:
            if rng.random() < 0.2:
                del at[key]
            else:
                at[key] = rng.choice(NASTY_VALUES)
            break
        at = at[key]
    row[column] = json.dumps(whole, ensure_ascii=rng.random() < 0.5)
    return rows


def renamed(rng: random.Random, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    old = rng.choice(list(rows[0]))
    new = rng.choice(["", "x", f" {old}", old.upper(), *rows[0]])
    return [{new if k == old else k: v for k, v in row.items()} for row in rows]


def flipped(rng: random.Random, content: bytes) -> bytes:
    damaged = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 20])):
        damaged[rng.randrange(len(damaged))] = (
            rng.choice(b'\0\n\r",[]{}\x80\xff1') if (rng.random() < 0.5) else rng.randrange(256)
        )
    return bytes(damaged)


def cut(rng: random.Random, content: bytes) -> bytes:
    return content[: rng.randrange(len(content))]


def sliced(rng: random.Random, content: bytes) -> bytes:
    """A part is missing, or there twice."""
    a, b = sorted(rng.randrange(len(content)) for _ in "ab")
    return content[:a] + content[b:] if rng.random() < 0.5 else content[:b] + content[a:]


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export.csv", content)
    return packed.getvalue()


def damage(rng: random.Random, rows: list[dict[str, str]], table: Callable[..., bytes]) -> bytes:
    """An export that something has happened to."""
    changed = [dict(row) for row in rows]
    for _ in range(rng.choice([1, 1, 3])):
        changed = rng.choice([node, node, node, cell, cell, swapped, shuffled, renamed])(
            rng, changed
        )
    rough = rng.random() < 0.4
    content = table(rows if rough else changed)
    spoil = rng.choice([flipped, flipped, cut, sliced])
    pack = rng.choice([bytes, bytes, bytes, gzip.compress, zipped])
    if not rough:
        return pack(content)
    return pack(spoil(rng, content)) if rng.random() < 0.5 else spoil(rng, pack(content))


def check(found: Import, picking: Path, classifying: Path) -> None:
    """What came of it is sound, and no row went by unnoticed."""
    s = found.sources
    assert np.isfinite(s.marks["x"]).all()
    assert np.isfinite(s.marks["y"]).all()
    assert len(np.unique(s.marks["mark"])) == len(s.marks)
    assert (s.marks["mark"] >= 0).all()
    assert (s.tiles["width"] > 0).all()
    for table, tiles in ((s.marks, s.tiles), (s.looks, s.tiles)):
        assert ((table["tile"] >= 0) & (table["tile"] < len(tiles))).all()
    assert set(s.votes["label"].tolist()) <= {label.value for label in s.labels}
    assert set(s.marks["label"].tolist()) <= {NO_LABEL}
    assert np.isin(s.votes["mark"], [NO_MARK, *s.marks["mark"]]).all()
    assert msgspec.json.encode([found.tallies, s.tile_names]), "what is told can be stored"
    for source, kept, path in (
        ("picking", "classifications", picking),
        ("classifying", "votes", classifying),
    ):
        rows = Rows(path)
        there = len(list(rows)) + len(rows.lost)
        own = [t for t in found.tallies if t.source == source]
        imported = sum(t.count for t in own if (t.fate, t.what) == ("kept", kept))
        dropped = [t for t in own if t.fate == "dropped" and not t.what.startswith("marks ")]
        of_rows = sum(t.count for t in dropped if t.what != rows.broken)
        assert imported + of_rows == there


@pytest.fixture
def good(lab) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Eleven rows of each export, in all the forms in which good ones come."""
    picks = [lab.pick([(i, 2 * i), (50, 60)], v2=i % 2 == 1, user_id=str(i % 3)) for i in range(8)]
    picks += [
        lab.pick([]),
        lab.pick(user_id="", user_name="not-logged-in-f"),
        lab.pick(size=(None,)),
    ]
    at = int(picks[0]["classification_id"])
    votes = [lab.vote(about={"#mark": f"{at}:{i % 2}"}, subject=f"8{i}") for i in range(9)]
    return picks, [*votes, lab.vote("Artifact", about={"#mark": f"{at}:0"}), lab.vote(["Cluster"])]


def told(lab, *exports: Path, **options: Any) -> Import | str:
    """What came of an import, or the message."""
    try:
        found: Import = lab.read(*exports, **options)
    except K2CError as error:
        return str(error)
    return found


@pytest.mark.parametrize("batch", range(6))
def test_whatever_happens_to_an_export(lab, good, batch: int) -> None:
    picks, votes = good
    outcomes = {"imported": 0, "refused": 0}
    for case in range(batch, CASES, 6):
        rng = random.Random(f"mutated {case}")
        picking = lab.write(damage(rng, picks, lab.table) if case % 3 else picks)
        classifying = lab.write(
            votes if case % 3 else damage(rng, votes, lab.table), "classifying.csv"
        )
        before = time.monotonic()
        found = told(lab, picking, classifying, **({"mapping": None} if case % 5 == 0 else {}))
        if isinstance(found, str):
            assert str(lab.folder) in found, f"case {case}: the file is named"
            outcomes["refused"] += 1
        else:
            check(found, picking, classifying)
            outcomes["imported"] += 1
        assert time.monotonic() - before < PATIENCE, f"case {case} hangs"
    assert outcomes["imported"] > 20, "the damage is small enough to leave something"
    assert outcomes["refused"] > 0


FLAT = "micrograph,x,y,volunteer,tile,label\n" + "".join(
    f"a.png,{i}.5,{2 * i},v{i % 3},t{i % 2},{i % 4}\n" for i in range(9)
)
POINTS = (
    "classification_id,user_name,user_id,workflow_id,task,created_at,subject_id,extractor,"
    "data.aggregation_version,data.frame0.T0_tool0_x,data.frame0.T0_tool0_y\n"
) + "".join(
    f"{100 + i},ada,{i}.0,1,T0,2022-06-10 12:58:2{i} UTC,700{i},point_extractor_by_frame,5.3.1,"
    f'"[{i}.5, 7]","[1, {i}]"\n'
    for i in range(9)
)
TILES = "subject_id,micrograph,x0,y0,width,height,scale\n" + "".join(
    f"700{i},a.png,{20 * i},-5,200,200,1\n" for i in range(9)
)
SIDE = '[picking]\nworkflow_id = "1"\ntask = "T0"\ntiles = "tiles.csv"\n'


@pytest.mark.parametrize("what", ["flat", "points", "tiles", "workflows", "mapping"])
def test_whatever_happens_to_the_other_files(lab, what: str) -> None:
    """Flat tables, extractions, side tables, workflow exports and mappings."""
    versions = [(f"3.{i}", ["Particle"], ["Cluster"]) for i in range(9)]
    whole = {
        "flat": FLAT.encode(),
        "points": POINTS.encode(),
        "tiles": TILES.encode(),
        "workflows": lab.workflows(*versions).read_bytes(),
        "mapping": SIDE.encode(),
    }
    picks = lab.write([lab.pick(v2=True, subject=f"700{i}") for i in range(9)])
    imported = 0
    for case in range(60):
        rng = random.Random(f"{what} {case}")
        now = whole | {what: rng.choice([flipped, cut, sliced])(rng, whole[what])}
        lab.write(now["tiles"], "tiles.csv")
        table = {"flat": "flat", "points": "points"}.get(what, "")
        path = lab.write(now[table], "table.csv") if table else picks
        mapping = None if what == "flat" else now["mapping"].decode(errors="surrogateescape")
        options: dict[str, Any] = (
            {} if mapping is None else {"workflows": lab.write(now["workflows"], "workflows.csv")}
        )
        found = told(lab, path, mapping=mapping, **options)
        if isinstance(found, str):
            assert str(lab.folder) in found
        else:
            imported += 1
            assert np.isfinite(found.sources.marks["x"]).all()
            assert msgspec.json.encode([found.tallies, found.sources.tile_names])
    assert imported > 0


def test_and_it_can_be_stored(lab, good) -> None:
    """A session is written whole, or not at all."""
    picks, votes = good
    classifying = lab.write(votes, "classifying.csv")
    written = 0
    for case in range(20):
        rng = random.Random(f"stored {case}")
        path = lab.folder / f"{case}.k2c"
        files = Files(lab.images, lab.write(damage(rng, picks, lab.table)), classifying)
        try:
            import_(path, files)
        except K2CError:
            assert not path.exists()
            continue
        written += 1
        with Session(path) as desk:
            assert not desk.check()
    assert written > 5
    assert not list(lab.folder.glob("*.part"))
