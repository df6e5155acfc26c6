"""What the documents show is so."""

from __future__ import annotations

import importlib.util
import re
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from k2c_gui import demo
from k2c_gui.core.model import Decision
from k2c_gui.demo import WorldParams
from k2c_gui.importing import import_
from k2c_gui.io import mapping, resources
from k2c_gui.io.sources import Files
from k2c_gui.session import Session

DOCS = Path(__file__).parents[1] / "docs"
README = Path(__file__).parents[1] / "README.md"


def test_the_mapping_in_the_readme_is_one(tmp_path: Path) -> None:
    (toml,) = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    path = tmp_path / "mapping.toml"
    for text in (toml, re.sub(r"(?m)^# (?=(version|experts|scale|width|radius|tiles) )", "", toml)):
        path.write_text(text, encoding="utf-8")
        assert mapping.load(path, resources.labels()).picking.task == "T0"


@pytest.mark.parametrize("page", [README, *sorted(DOCS.glob("*.md"))], ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


def test_the_sql_in_the_session_file_page_finds_the_decisions_in_force(tmp_path: Path) -> None:
    world = WorldParams(micrographs=1, seed=1, size=512, particles=15, tiles_per_axis=3)
    demo.write(tmp_path, world)
    files = Files(tmp_path / "images", tmp_path / "picking.csv", tmp_path / "classifying.csv")
    path = tmp_path / "some.k2c"
    import_(path, files)
    with Session(path, write=True) as session:
        name = session.state.sources.micrographs[0].name
        ids = session.state.sources.marks["mark"][:6].tolist()
        ruling = Decision(
            micrograph=name, marks=(ids[0],), verdict="label", label=1, x=1.0, y=2.0, decided_at=""
        )
        session.decide([ruling, replace(ruling, marks=(ids[1], ids[2]), label=0)])
        session.decide([replace(ruling, marks=(ids[3],), verdict="defer", label=None)])
        session.undo()
        session.redo()
        session.decide([replace(ruling, marks=(ids[0],), label=2)])  # supersedes the first
        session.decide([replace(ruling, marks=(ids[4],))])
        session.undo()
        in_force = {uid: d.label for uid, d in session.state.ledger.in_force.items()}
    page = (DOCS / "session-file.md").read_text(encoding="utf-8")
    query = re.search(r"(?ms)^    WITH .*?;$", page)
    assert query is not None
    db = sqlite3.connect(path)
    try:
        found = {uid: label for uid, label, _x, _y in db.execute(query[0])}
    finally:
        db.close()
    assert len(found) == 3
    assert found == in_force


def test_every_table_is_described() -> None:
    from k2c_gui.io.session_rows import SCHEMA

    page = (DOCS / "session-file.md").read_text(encoding="utf-8")
    for table, columns in SCHEMA.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{table}` |"))
        plain = re.sub(r", PRIMARY KEY \(.*\)", "", columns)
        for column in plain.split(", "):
            assert column.split()[0] in row or table == "log", (table, column)


def test_the_keys_in_the_guide_are_those_that_ship() -> None:
    spec = importlib.util.spec_from_file_location("draw_guide", DOCS / "draw_guide.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    page = (DOCS / "user-guide.md").read_text(encoding="utf-8")
    written = page.partition(script.BEGIN)[2].partition(script.END)[0].strip()
    assert "| Decide | Keep ambiguous | `K` |" in written
    assert written == script.keys_table()


def test_the_pictures_are_small() -> None:
    for picture in (DOCS / "pictures").glob("*.png"):
        assert picture.name == "overview.png" or picture.stat().st_size < 350_000, picture.name
