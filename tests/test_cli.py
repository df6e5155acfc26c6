"""Every verb: what it prints, what it leaves alone, and how it ends."""

from __future__ import annotations

import functools
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any, NoReturn

import pytest

from k2c_gui import __version__, demo
from k2c_gui.io import mapping, resources
from k2c_gui.io.files import Rows
from k2c_gui.session import Session

K2C = Callable[..., Any]


@pytest.fixture
def path(project: Path) -> Path:
    return project / "demo.k2c"


def exports(project: Path) -> list[object]:
    """Arguments of an import."""
    return [
        "--images",
        project / "images",
        "--picking",
        project / "picking.csv",
        "--classifying",
        project / "classifying.csv",
    ]


# the program as such


def test_version_and_help(k2c: K2C) -> None:
    assert k2c("--version") == (0, f"k2c_gui {__version__}\n", "")
    ended = k2c()
    assert ended.code == 0
    for verb in ("demo", "import", "instances", "export", "check", "log"):
        assert f"\n  {verb} " in ended.out
        assert k2c(verb, "--help").code == 0


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["nonsense"], "nonsense"),
        (["check"], "SESSION.k2c"),
        (["check", "--bogus", "x.k2c"], "--bogus"),
        (["instances", "x.k2c", "--min-samples", "many"], "--min-samples"),
        (["instances", "x.k2c", "--method", "best"], "leaf"),
        (["export", "x.k2c", "out"], "--format"),
        (["import", "x.k2c", "--images", "images"], "--picking"),
        (["demo", "d", "--micrographs", "0"], "--micrographs"),
        (["check", "nowhere.k2c"], "nowhere.k2c: It cannot be opened: No such file"),
    ],
)
def test_what_is_asked_wrongly_is_told(k2c: K2C, args: list[str], told: str) -> None:
    ended = k2c(*args)
    assert ended.code == 2
    assert ended.out == ""
    assert told in ended.err
    assert "bug" not in ended.err


def test_a_bug_is_reported_with_its_message(
    k2c: K2C, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*_: object) -> NoReturn:
        raise ZeroDivisionError("seven by nought")

    monkeypatch.setattr(Session, "check", wrong)
    ended = k2c("check", path)
    assert ended.code == 1
    assert ended.out == ""
    assert "This is a bug of k2c_gui" in ended.err
    assert f"k2c_gui {__version__}" in ended.err
    assert "test_cli.py" in ended.err
    assert "ZeroDivisionError: seven by nought" in ended.err


def test_a_bug_met_while_reading_an_export_is_reported_without_its_message(
    k2c: K2C, path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(_: Rows) -> NoReturn:
        raise ZeroDivisionError("volunteer017 at 192.0.2.1")

    monkeypatch.setattr(Rows, "__iter__", wrong)
    ended = k2c("import", path, *exports(project), "--mapping", project / "mapping.toml")
    assert ended.code == 1
    assert "This is a bug of k2c_gui" in ended.err
    assert "ZeroDivisionError: (withheld" in ended.err
    for secret in ("volunteer017", "192.0.2.1", str(project)):
        assert secret not in ended.err


def test_names_are_not_markup(k2c: K2C, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = k2c("instances", path, "--micrograph", "[red]x[/b].tif")
    assert ended.code == 2
    assert "no micrograph [red]x[/b].tif" in ended.err


# demo


@pytest.fixture
def small_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    small = functools.partial(
        demo.WorldParams, size=256, particles=10, tiles_per_axis=3, volunteers=12
    )
    monkeypatch.setattr(demo, "WorldParams", small)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".k2c"
    }


def sql(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


@pytest.mark.usefixtures("small_demo")
def test_the_same_seed_gives_the_same_demo(k2c: K2C, tmp_path: Path) -> None:
    asked: list[tuple[str, list[object]]] = [
        ("a", ["--seed", 5, "--micrographs", 2, "--no-open"]),
        ("b", ["--seed", 5, "--micrographs", 2]),
        ("c", ["--seed", 6, "--micrographs", 2]),
    ]
    for name, flags in asked:
        ended = k2c("demo", tmp_path / name, *flags)
        assert ended.code == 0, ended.err
        assert "2 micrographs" in ended.out
        assert str(tmp_path / name / "demo.k2c") in ended.out
    a, b, c = (contents(tmp_path / name) for name in "abc")
    tables = {"picking.csv", "classifying.csv", "mapping.toml", "truth.csv"}
    assert {name for name in a if "/" not in name} == tables
    assert len([name for name in a if name.startswith("images/")]) == 2
    assert a == b
    assert sql(tmp_path / "a" / "demo.k2c") == sql(tmp_path / "b" / "demo.k2c")
    assert a["picking.csv"] != c["picking.csv"]
    assert sql(tmp_path / "a" / "demo.k2c") != sql(tmp_path / "c" / "demo.k2c")
    head = a["truth.csv"].decode().splitlines()[0]
    assert head == "micrograph,x,y,label,diameter,exposure"


@pytest.mark.usefixtures("small_demo")
def test_demo_takes_an_empty_folder_and_no_other(k2c: K2C, tmp_path: Path) -> None:
    taken, empty, file = tmp_path / "taken", tmp_path / "empty", tmp_path / "file"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    file.write_text("mine")
    for folder in (taken, file):
        ended = k2c("demo", folder)
        assert ended.code == 2
        assert "not an empty folder" in ended.err
    assert k2c("demo", file / "below").code == 2
    assert contents(tmp_path) == {"file": b"mine", "taken/mine.txt": b"mine"}
    empty.mkdir()
    assert k2c("demo", empty, "--micrographs", 1).code == 0
    assert (empty / "demo.k2c").exists()


@pytest.mark.usefixtures("small_demo")
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("there", [False, True])
def test_a_demo_that_breaks_off_leaves_nothing(
    k2c: K2C,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    there: bool,
) -> None:
    def full(*_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(demo, "write_classifying", full)
    folder = tmp_path / "demo"
    if there:
        folder.mkdir()
    ended = k2c("demo", folder)
    assert ended.code == (2 if isinstance(error, OSError) else 130)
    assert ("No space left" if isinstance(error, OSError) else "Stopped") in ended.err
    assert list(tmp_path.rglob("*")) == ([folder] if there else [])


# import


def test_import_tells_of_every_row(k2c: K2C, project: Path) -> None:
    new = project / "new.k2c"
    ended = k2c("import", new, *exports(project), "--mapping", project / "mapping.toml")
    assert ended.code == 0
    assert ended.err == ""
    assert "Mapping found" not in ended.out
    assert f"Wrote {new}." in ended.out
    as_json = k2c("import", new, *exports(project), "--json")
    found = as_json.json
    assert (found["session"], found["detected"]) == (str(new), False)
    tallies = found["tallies"]
    printed = [line.split()[:3] for line in ended.out.splitlines()]
    for tally in tallies:
        assert tally.keys() == {"source", "fate", "what", "count", "first"}
        assert tally["fate"] in ("kept", "flagged", "dropped")
        assert [tally["source"], tally["fate"], str(tally["count"])] in printed
    with Session(new) as session:
        kept = {t["source"]: t["count"] for t in tallies if t["what"] == "micrographs"}
        assert kept["images"] == len(session.state.sources.micrographs)


def test_a_mapping_that_was_found_is_shown_and_can_be_used(k2c: K2C, project: Path) -> None:
    new = project / "new.k2c"
    ended = k2c("import", new, *exports(project))
    assert ended.code == 0
    assert ended.out.startswith("Mapping found")
    toml = ended.out.split("\n", 1)[1].split("\nsource", 1)[0]
    (project / "found.toml").write_text(toml, encoding="utf-8")
    found = mapping.load(project / "found.toml", resources.labels())
    given = mapping.load(project / "mapping.toml", resources.labels())
    assert found.picking == given.picking
    with Session(new) as detected, Session(project / "demo.k2c") as told:
        assert detected.imports[0].detected
        assert detected.state.sources.marks.tolist() == told.state.sources.marks.tolist()
        assert detected.state.sources.votes.tolist() == told.state.sources.votes.tolist()


def test_import_takes_its_other_flags(k2c: K2C, project: Path, path: Path) -> None:
    scheme = resources.resource("labels.toml").read_text(encoding="utf-8")
    (project / "labels.toml").write_text(scheme.replace('"Artifact"', '"Dirt"', 1), "utf-8")
    new = project / "new.k2c"
    more = ["--labels", project / "labels.toml", "--pixel-size-nm", "0.125"]
    more += ["--mapping", project / "mapping.toml"]
    ended = k2c("import", new, *exports(project), *more)
    assert ended.code == 0, ended.err
    with Session(new) as session:
        assert "Dirt" in [label.name for label in session.state.sources.labels]
        assert session.state.sources.micrographs[0].pixel_size_nm == 0.125
    before, remapped = path.read_bytes(), project / "remapped.k2c"
    ended = k2c("import", path, *exports(project), "--remap", remapped, "--json")
    assert ended.json["session"] == str(remapped)
    assert path.read_bytes() == before
    for flags, told in (
        (["--pixel-size-nm", "-1"], "-1"),
        (["--workflows", project / "nowhere.csv"], "nowhere.csv"),
        (["--mapping", project / "nowhere.toml"], "nowhere.toml"),
        (["--labels", project / "labels.toml"], "frozen"),
        (["--remap", remapped], "there already"),
    ):
        ended = k2c("import", path, *exports(project), *flags)
        assert ended.code == 2
        assert told in ended.err
    assert path.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
def test_without_rights_it_reads_and_says_what_it_cannot_write(
    k2c: K2C, demo_project: Path, public: Path, nobody: Callable[[], AbstractContextManager[None]]
) -> None:
    folder = shutil.copytree(demo_project, public / "project")
    session = folder / "demo.k2c"
    picking = ["--images", folder / "images", "--picking", folder / "picking.csv"]
    all_ = ["--format", "csv", "--include", "all", "--image-licence", "CC0-1.0"]
    for args in (
        ["check", session],
        ["instances", session],
        ["export", session, public / "1", *all_],
    ):
        assert k2c(*args).code == 0  # with all rights first: modules are imported when needed
    before, there = session.read_bytes(), sorted(folder.rglob("*"))
    for path in (*there, folder, public):
        path.chmod(0o555 if path.is_dir() else 0o444)
    with nobody():
        assert k2c("check", session)[::2] == (0, "")
        assert k2c("instances", session)[::2] == (0, "")
        for args in (
            ["instances", session, "--apply"],
            ["instances", session, "--csv", folder / "rows.csv"],
            ["import", session, *picking],
            ["export", session, public / "2", *all_],
            ["demo", public / "3"],
        ):
            ended = k2c(*args)
            assert (ended.code, ended.out) == (2, ""), args
            assert "Permission denied" in ended.err
    assert session.read_bytes() == before
    assert sorted(folder.rglob("*")) == there
    assert sorted(p.name for p in public.iterdir()) == ["1", "project"]
