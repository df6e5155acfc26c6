"""The tables of a ``.k2c`` file, and what goes in and out of each.

``docs/session-file.md`` describes them for readers without this program.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from k2c_gui.core import exposure
from k2c_gui.core.model import (
    DEFAULT,
    LOOK,
    MARK,
    NO_LABEL,
    NO_MARK,
    TILE,
    VOTE,
    ClusterParams,
    Decision,
    Entry,
    Label,
    Micrograph,
    Remark,
    Sources,
    Table,
    Tally,
)

from .mapping import Mapping

SCHEMA = {
    "meta": "key TEXT PRIMARY KEY, value TEXT NOT NULL",
    "label": "value INTEGER PRIMARY KEY, name TEXT NOT NULL, use INTEGER NOT NULL,"
    " answers TEXT NOT NULL",
    "micrograph": "micrograph INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " path TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,"
    " pixel_size_nm REAL, pixel_size_source TEXT NOT NULL, sha256 TEXT NOT NULL",
    "tile": "tile INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " micrograph INTEGER NOT NULL REFERENCES micrograph,"
    " x0 REAL NOT NULL, y0 REAL NOT NULL, width REAL NOT NULL, height REAL NOT NULL",
    "look": "classification INTEGER NOT NULL, tile INTEGER NOT NULL REFERENCES tile,"
    " volunteer INTEGER NOT NULL, made_at INTEGER NOT NULL, PRIMARY KEY (classification, tile)",
    "mark": "mark INTEGER PRIMARY KEY, tile INTEGER NOT NULL REFERENCES tile,"
    " volunteer INTEGER NOT NULL, x REAL NOT NULL, y REAL NOT NULL,"
    " label INTEGER REFERENCES label, inside INTEGER NOT NULL",
    "vote": "classification INTEGER PRIMARY KEY, mark INTEGER,"
    " micrograph INTEGER NOT NULL REFERENCES micrograph, x REAL NOT NULL, y REAL NOT NULL,"
    " volunteer INTEGER NOT NULL, label INTEGER NOT NULL REFERENCES label,"
    " made_at INTEGER NOT NULL",
    "import": "import INTEGER PRIMARY KEY, program TEXT NOT NULL, mapping TEXT NOT NULL,"
    " detected INTEGER NOT NULL, hashes TEXT NOT NULL, tallies TEXT NOT NULL",
    "log": "seq INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, step TEXT NOT NULL,"
    " kind TEXT NOT NULL, at TEXT NOT NULL, expert TEXT NOT NULL, supersedes TEXT NOT NULL,"
    " body TEXT NOT NULL, sum TEXT NOT NULL",
}
TABLES = {name: f'CREATE TABLE "{name}" ({columns}) STRICT' for name, columns in SCHEMA.items()}
TRIGGERS = {
    f"{table}_no_{verb.lower()}": (
        f'CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON "{table}"'
        f" BEGIN SELECT raise(ABORT, '{table} is only ever added to'); END"
    )
    for table in SCHEMA
    for verb in ("UPDATE", "DELETE")
}


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """What an import left behind beside its facts.

    Attributes
    ----------
    program : str
        Version of k2c_gui.
    mapping : Mapping
    detected : bool
        The mapping was found, not given.
    hashes : dict of str to str
        SHA-256 of each export.
    tallies : tuple of Tally
    """

    program: str
    mapping: Mapping
    detected: bool
    hashes: dict[str, str]
    tallies: tuple[Tally, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """Everything that a session file holds.

    Attributes
    ----------
    identity : str
        The same in all sessions of one first import: such sessions can be merged.
    sources : Sources
    imports : tuple of ImportRecord
    params : ClusterParams
        The setting the session began with; later ones are in the log.
    log : tuple of Entry
    """

    identity: str
    sources: Sources
    imports: tuple[ImportRecord, ...]
    params: ClusterParams = DEFAULT
    log: tuple[Entry, ...] = ()


def create(db: sqlite3.Connection) -> None:
    """Make the empty tables, and the triggers that keep them from being changed."""
    for statement in (*TABLES.values(), *TRIGGERS.values()):
        db.execute(statement)


def insert(db: sqlite3.Connection, content: Content, folder: Path) -> None:
    """Fill empty tables; image paths below `folder` become relative to it."""
    sources = content.sources
    meta = {
        "identity": content.identity,
        "params": _json(content.params),
        "vote_radius": repr(float(sources.vote_radius)),
    }
    later = {
        str(held): sources.marks["mark"][sources.marks["since"] == held].tolist()
        for held in np.unique(sources.marks["since"]).tolist()
        if held
    }
    if later:
        meta["later"] = _json(later)
    _many(db, "meta", meta.items())
    _many(db, "label", ((v.value, v.name, int(v.use), _json(v.answers)) for v in sources.labels))
    _many(
        db,
        "micrograph",
        (
            (
                i,
                m.name,
                _relative(m.path, folder),
                m.width,
                m.height,
                m.pixel_size_nm,
                m.pixel_size_source,
                m.sha256,
            )
            for i, m in enumerate(sources.micrographs)
        ),
    )
    tiles = zip(sources.tile_names, sources.tiles.tolist(), strict=True)
    _many(db, "tile", ((i, name, *tile) for i, (name, tile) in enumerate(tiles)))
    _many(db, "look", _columns(sources.looks, "classification", "tile", "volunteer", "made_at"))
    mark = ("mark", "tile", "volunteer", "x", "y", "label", "inside")
    _many(db, "mark", _columns(sources.marks, *mark, nothing={"label": NO_LABEL}))
    vote = ("classification", "mark", "micrograph", "x", "y", "volunteer", "label", "made_at")
    _many(db, "vote", _columns(sources.votes, *vote, nothing={"mark": NO_MARK}))
    _many(
        db,
        "import",
        (
            (i, r.program, _json(r.mapping), int(r.detected), _json(r.hashes), _json(r.tallies))
            for i, r in enumerate(content.imports)
        ),
    )
    _many(db, "meta", [("sum", sum_of_facts(db))])
    insert_log(db, content.log)


def insert_log(db: sqlite3.Connection, entries: Iterable[Entry]) -> None:
    """Append entries to the log."""
    last = db.execute("SELECT sum FROM log ORDER BY seq DESC LIMIT 1").fetchone()
    so_far = last[0] if last else ""
    rows = []
    for e in entries:
        row = (e.uid, e.step, e.kind, e.at, e.expert, _json(e.supersedes), _json(_body(e)))
        so_far = _sum(so_far, row)
        rows.append((None, *row, so_far))
    _many(db, "log", rows)


def sum_of_facts(db: sqlite3.Connection) -> str:
    """SHA-256 of every row but those of the log: what a disk changes unnoticed, this notices."""
    digest, lines = hashlib.sha256(), msgspec.json.Encoder().encode_lines
    for table in SCHEMA:
        if table != "log":
            rows = db.execute(f'SELECT * FROM "{table}" ORDER BY 1, 2')  # noqa: S608  # our name
            digest.update(lines(row for row in rows if row[0] != "sum"))
    return digest.hexdigest()


def content(db: sqlite3.Connection, folder: Path) -> Content:
    """Read everything; sources come back counted."""
    meta = dict(db.execute("SELECT key, value FROM meta"))
    imports = (
        ImportRecord(
            program,
            msgspec.json.decode(mapping, type=Mapping),
            bool(detected),
            msgspec.json.decode(hashes, type=dict[str, str]),
            msgspec.json.decode(tallies, type=tuple[Tally, ...]),
        )
        for program, mapping, detected, hashes, tallies in db.execute(
            "SELECT program, mapping, detected, hashes, tallies FROM import ORDER BY import"
        )
    )
    return Content(
        meta["identity"],
        _sources(db, folder, float(meta["vote_radius"]), meta.get("later", "{}")),
        tuple(imports),
        msgspec.json.decode(meta["params"], type=ClusterParams),
        log(db),
    )


def front(db: sqlite3.Connection, folder: Path) -> Content:
    """Read micrographs, labels and the first setting, and no rows of facts."""
    meta = dict(db.execute("SELECT key, value FROM meta WHERE key IN ('identity', 'params')"))
    tiles, looks, marks, votes = (np.zeros(0, dtype) for dtype in (TILE, LOOK, MARK, VOTE))
    sources = Sources(_micrographs(db, folder), _labels(db), (), tiles, looks, marks, votes)
    return Content(
        meta["identity"], sources, (), msgspec.json.decode(meta["params"], type=ClusterParams)
    )


def log(db: sqlite3.Connection) -> tuple[Entry, ...]:
    """Read the log, in order."""
    entries: list[Entry] = []
    so_far = ""
    for *row, stated in db.execute(
        "SELECT uid, step, kind, at, expert, supersedes, body, sum FROM log ORDER BY seq"
    ):
        so_far = _sum(so_far, row)
        if so_far != stated:
            raise ValueError(f"row {len(entries) + 1} of the log is not as it was written")
        entries.append(_entry(*row))
    return tuple(entries)


def _labels(db: sqlite3.Connection) -> tuple[Label, ...]:
    return tuple(
        Label(value, name, bool(use), tuple(msgspec.json.decode(answers)))
        for value, name, use, answers in db.execute(
            "SELECT value, name, use, answers FROM label ORDER BY value"
        )
    )


def _micrographs(db: sqlite3.Connection, folder: Path) -> tuple[Micrograph, ...]:
    return tuple(
        Micrograph(name, str(folder / path), *rest)
        for name, path, *rest in db.execute(
            "SELECT name, path, width, height, pixel_size_nm, pixel_size_source, sha256"
            " FROM micrograph ORDER BY micrograph"
        )
    )


def _sources(db: sqlite3.Connection, folder: Path, vote_radius: float, later: str) -> Sources:
    sources = Sources(
        _micrographs(db, folder),
        _labels(db),
        tuple(name for (name,) in db.execute("SELECT name FROM tile ORDER BY tile")),
        _table(db, TILE, "SELECT micrograph, x0, y0, width, height FROM tile ORDER BY tile"),
        _table(
            db,
            LOOK,
            "SELECT classification, made_at, tile, volunteer, 0 FROM look"
            " ORDER BY classification, tile",
        ),
        _table(
            db,
            MARK,
            "SELECT mark, micrograph, tile, volunteer, x, y, coalesce(label, ?), inside, 0, 0"
            " FROM mark JOIN tile USING (tile) ORDER BY mark",
            NO_LABEL,
        ),
        _table(
            db,
            VOTE,
            "SELECT classification, made_at, volunteer, coalesce(mark, ?), micrograph, x, y,"
            " label, 0 FROM vote ORDER BY classification",
            NO_MARK,
        ),
        vote_radius,
    )
    _refuse_nonsense(sources)
    for held, marks in msgspec.json.decode(later, type=dict[int, list[int]]).items():
        sources.marks["since"][np.isin(sources.marks["mark"], marks)] = held
    return exposure.count(sources)


def _refuse_nonsense(sources: Sources) -> None:
    """Places that are not there, and coordinates that are none, would surface far from here."""
    for table, name, size in (
        (sources.tiles, "micrograph", len(sources.micrographs)),
        (sources.votes, "micrograph", len(sources.micrographs)),
        (sources.looks, "tile", len(sources.tiles)),
        (sources.marks, "tile", len(sources.tiles)),
    ):
        if np.any((table[name] < 0) | (table[name] >= size)):
            raise ValueError(f"there is no such {name}")
    for table, names in (
        (sources.tiles, ("x0", "y0", "width", "height")),
        (sources.marks, ("x", "y")),
        (sources.votes, ("x", "y")),
    ):
        if not all(np.isfinite(table[name]).all() for name in names):
            raise ValueError("a coordinate is no number")
    if not np.isin(sources.votes["label"], [label.value for label in sources.labels]).all():
        raise ValueError("there is no such label")


def _many(db: sqlite3.Connection, table: str, rows: Iterable[Sequence[Any]]) -> None:
    columns = db.execute(f'SELECT * FROM "{table}" LIMIT 0').description  # noqa: S608  # our name
    marks = ", ".join("?" * len(columns))
    db.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)  # noqa: S608  # our name


def _columns(
    rows: Table, *names: str, nothing: dict[str, int] | None = None
) -> Iterator[tuple[Any, ...]]:
    """Rows of chosen columns as Python values, with None for what means nothing."""
    columns = []
    for name in names:
        column = rows[name].tolist()
        if name in (nothing or {}):
            column = [None if value == (nothing or {})[name] else value for value in column]
        columns.append(column)
    return zip(*columns, strict=True)


def _table(db: sqlite3.Connection, dtype: np.dtype[np.void], query: str, *values: int) -> Table:
    return np.fromiter(db.execute(query, values), dtype)


def _relative(path: str, folder: Path) -> str:
    """A path that survives moving the folder, where there is one; with ``/`` on every system."""
    try:
        return Path(path).resolve().relative_to(folder).as_posix()
    except ValueError:
        return Path(path).as_posix()


def _sum(so_far: str, row: Sequence[str]) -> str:
    return hashlib.sha256(msgspec.json.encode([so_far, *row])).hexdigest()


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


class _Calibration(msgspec.Struct):
    pixel_size_nm: float
    micrographs: tuple[str, ...]


class _SignOff(msgspec.Struct, omit_defaults=True):
    micrograph: str
    accepts: tuple[str, ...] | None = None


class _Repeat(msgspec.Struct):
    decision: str
    ruling: Decision


def _body(entry: Entry) -> Any:
    """What the kind of entry is about."""
    if entry.kind == "decide":
        return entry.decision
    if entry.kind == "remark":
        return entry.remark
    if entry.kind == "repeat" and entry.repeat:
        return _Repeat(entry.target, entry.repeat)
    if entry.kind == "apply":
        return entry.params
    if entry.kind == "calibrate":
        return _Calibration(entry.pixel_size_nm or 0.0, entry.micrographs)
    if entry.kind == "sign-off":
        return _SignOff(entry.micrograph, entry.accepts)
    return {"step": entry.target}


def _entry(
    uid: str, step: str, kind: str, at: str, expert: str, supersedes: str, body: str
) -> Entry:
    plain = {"uid": uid, "step": step, "kind": kind, "at": at, "expert": expert}
    plain["supersedes"] = msgspec.json.decode(supersedes)
    entry = msgspec.convert(plain, Entry)
    if kind == "decide":
        return replace(entry, decision=msgspec.json.decode(body, type=Decision))
    if kind == "remark":
        return replace(entry, remark=msgspec.json.decode(body, type=Remark))
    if kind == "apply":
        return replace(entry, params=msgspec.json.decode(body, type=ClusterParams))
    if kind == "calibrate":
        set_to = msgspec.json.decode(body, type=_Calibration)
        return replace(entry, pixel_size_nm=set_to.pixel_size_nm, micrographs=set_to.micrographs)
    if kind == "repeat":
        again = msgspec.json.decode(body, type=_Repeat)
        return replace(entry, target=again.decision, repeat=again.ruling)
    if kind == "sign-off":
        complete = msgspec.json.decode(body, type=_SignOff)
        return replace(entry, micrograph=complete.micrograph, accepts=complete.accepts)
    return replace(entry, target=msgspec.json.decode(body, type=dict[str, str])["step"])
