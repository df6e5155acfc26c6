"""Nothing of a person leaves the reader: no name, id or address, in no form."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from k2c_gui import cli
from k2c_gui.core.model import K2CError
from k2c_gui.importing import import_
from k2c_gui.io import readers
from k2c_gui.io.sources import Files
from k2c_gui.session import Session

FORMS = ("md5", "sha1", "sha256")


class Canaries:
    """Values that are found nowhere else, and the forms in which they might get out."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def new(self, kind: str) -> str:
        n = len(self.all)
        canary = {
            "name": f"Quaxi{n:03d}zort",
            "id": f"77{n:03d}4100{n:03d}99",
            "address": f"abcd{n:03d}7f3e9c2b5a81{n:03d}",
        }[kind]
        self.all.append(canary)
        return canary

    def row(self, n: int) -> dict[str, str]:
        """Cells of a person: some are logged in, some are not, some have lost their id."""
        address = self.new("address")
        name = f"not-logged-in-{address}" if n % 3 == 0 else self.new("name")
        return {
            "user_name": name,
            "user_id": self.new("id") if n % 3 == 1 else "",
            "user_ip": address,
            "session": self.new("address") + "5e55",
        }

    def leaks(self, where: bytes) -> list[str]:
        """The canaries that can be found, as they are, folded, or hashed."""
        there = where.lower()
        return [
            canary
            for canary in self.all
            if any(form in there for form in forms(canary) + forms(f"not-logged-in-{canary}"))
        ]


def forms(canary: str) -> list[bytes]:
    plain = [canary.encode(), canary.casefold().encode(), json.dumps(canary)[1:-1].encode()]
    hashed = [hashlib.new(h, p, usedforsecurity=False) for h in FORMS for p in plain]
    raw = [digest.digest().lower() for digest in hashed]
    hexed = [digest.hexdigest()[:16].encode() for digest in hashed]
    return [*(p.lower() for p in plain), *(p.hex().encode() for p in plain), *raw, *hexed]


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
def exports(lab, canaries: Canaries) -> dict[str, Any]:
    """Every row of another person, with every reason to be dropped or flagged among them."""
    spoilt: list[dict[str, Any]] = [
        {"workflow_id": "9"},
        {"expert": "true"},
        {"created_at": "never"},
        {"classification_id": "x"},
        {"annotations": "{"},
        {"annotations": '[{"task":"T0","value":[{"x":null}]}]'},
        {"metadata": "{"},
        {"subject_data": "[]"},
        {"subject_data": '{"9":{"#micrograph":"gone"}}'},
    ]
    picks = [lab.pick([(n, n), (-1, n)], subject=f"{n}", **canaries.row(n)) for n in range(9)]
    picks += [lab.pick(**canaries.row(n)) | c for n, c in enumerate(spoilt)]
    picks += [lab.pick(**canaries.row(1), classification_id="5") for _ in "ab"]
    votes = [
        lab.vote(
            answer, about={"#mark": f"{int(picks[0]['classification_id'])}:0"}, **canaries.row(n)
        )
        for n, answer in enumerate(["Cluster"] * 9 + ["Maybe", None, ["a", "b"], 4])
    ]
    votes += [lab.vote(**canaries.row(n)) | c for n, c in enumerate(spoilt)]
    content = lab.table(picks)
    last = content.splitlines()[-1]
    ragged = b"".join(
        line + b"\n" for line in (last[:-30], b'"' + last, last.replace(b"q", b"\xe9"))
    )
    return {
        "picking": lab.write(content + ragged),
        "classifying": lab.write(votes, "classifying.csv"),
    }


def everything(session: Path) -> bytes:
    """All that an import left on the disk, but what it was given."""
    given = {"picking.csv", "classifying.csv", "a.png", "newer.csv"}
    return b"".join(
        p.name.encode() + p.read_bytes()
        for p in session.parent.rglob("*")
        if p.is_file() and p.name not in given
    )


def test_canaries_are_found_where_they_are(canaries: Canaries) -> None:
    """The test itself can fail."""
    name, address = canaries.new("name"), canaries.new("address")
    digest = hashlib.sha1(f"not-logged-in-{address}".encode(), usedforsecurity=False)
    for text in (name, name.upper(), name.encode().hex(), hashlib.md5(name.encode()).hexdigest()):  # noqa: S324
        assert canaries.leaks(f"so {text} it is".encode()) == [name]
    assert canaries.leaks(digest.digest()) == [address]
    assert canaries.leaks(json.dumps({"who": name}).encode()) == [name]
    assert not canaries.leaks(b"nobody")


def test_nothing_of_a_person_is_stored_or_told(lab, canaries: Canaries, exports: Any) -> None:
    said: list[str] = []
    path = lab.folder / "x.k2c"
    files = Files(lab.images, **exports)
    for _ in range(2):  # and once more, into the session that is there
        found, _ = import_(path, files, progress=lambda what, *_: said.append(what))
    assert len(found.sources.looks) > 9
    assert len(found.sources.votes) >= 9
    assert sum(t.fate == "dropped" for t in found.tallies) > 9
    assert not canaries.leaks(everything(path))
    assert not canaries.leaks(repr((found.tallies, found.mapping, said)).encode())
    with Session(path) as desk:
        assert not canaries.leaks(repr((desk.imports, desk.state, desk.identity)).encode())


def test_volunteers_are_numbers_that_tell_nothing(lab, exports: Any) -> None:
    found, _ = import_(lab.folder / "x.k2c", Files(lab.images, **exports))
    numbers = {
        *found.sources.looks["volunteer"].tolist(),
        *found.sources.votes["volunteer"].tolist(),
    }
    assert numbers <= set(range(80))


def confused(header: bytes) -> bytes:
    """Two columns have each other's name."""
    named = header.replace(b"workflow_id", b"?").replace(b"user_name", b"workflow_id")
    return named.replace(b"?", b"user_name")


def extraction(lab, exports: Any) -> bytes:
    """An extraction whose columns are confused in the same way."""
    rows = exports["picking"].read_bytes().splitlines()[1:9]
    head = b"classification_id,workflow_id,task,subject_id,extractor,data.frame0.T0_tool0_x\n"
    return head + b"".join(b",".join(row.split(b",")[:2]) + b",T0,1,x,[1]\n" for row in rows)


def messages(lab, exports: Any) -> list[str]:
    """What is said when an import fails, in each way in which it can."""
    header, _, body = exports["picking"].read_bytes().partition(b"\n")
    whole = exports["picking"]
    mappings = [
        '[picking]\nworkflow_id = "404"\ntask = "T0"\nmicrograph = "m"\n',
        '[picking]\nworkflow_id = "1"\ntask = "T9"\nmicrograph = "m"\n',
        '[picking]\nworkflow_id = "1"\ntask = "T0"\nmicrograph = "m"\n',
        '[picking]\nworkflow_id = "1"\ntask = "T0"\nmicrograph = "m"\ntiles = "picking.csv"\n',
    ]
    attempts: list[dict[str, Any]] = [
        *({"picking": whole, "mapping": lab.write(m, f"{i}.toml")} for i, m in enumerate(mappings)),
        {"picking": lab.write(body, "no-header.csv")},
        {"picking": lab.write(header.replace(b"annotations", b"x") + b"\n" + body, "renamed.csv")},
        {"picking": lab.write(header + b"\n" + body.replace(b"#x0", b"#q"), "keys.csv")},
        {"picking": lab.write(confused(header) + b"\n" + body, "confused.csv")},
        {
            "picking": lab.write(extraction(lab, exports), "extraction.csv"),
            "mapping": lab.folder / "1.toml",
        },
        {"picking": whole, "workflows": whole},
        {"picking": exports["classifying"]},
        {"picking": whole, "classifying": whole},
    ]
    told = []
    for attempt in attempts:
        with pytest.raises(K2CError) as error:
            import_(lab.folder / "failed.k2c", Files(lab.images, **attempt))
        told.append(str(error.value))
    return told


def test_no_message_tells_of_a_person(lab, canaries: Canaries, exports: Any) -> None:
    told = messages(lab, exports)
    assert len(set(told)) == 12
    assert not canaries.leaks("\n".join(told).encode())
    assert not (lab.folder / "failed.k2c").exists()


@pytest.mark.parametrize("where", ["code", "logged_in"])
def test_no_crash_report_tells_of_a_person(
    lab, canaries: Canaries, exports: Any, where: str, monkeypatch, capsys
) -> None:
    """A bug that quotes what it was given."""

    def crash(_: object, *who: object) -> int:
        raise RuntimeError(f"cannot number {who!r} {who[0]}")

    monkeypatch.setattr(readers.People, where, crash)
    arguments = ["--images", str(lab.images), "--picking", str(exports["picking"])]
    monkeypatch.setattr(sys, "argv", ["k2c", "import", str(lab.folder / "x.k2c"), *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    printed = "".join(capsys.readouterr())
    assert stop.value.code == 1
    assert "This is a bug" in printed
    assert "in crash" in printed
    assert not canaries.leaks(printed.encode())


def test_nothing_is_printed_of_a_person(
    lab, canaries: Canaries, exports: Any, monkeypatch, capsys
) -> None:
    path = lab.folder / "x.k2c"
    arguments = ["--images", str(lab.images), "--picking", str(exports["picking"])]
    arguments += ["--classifying", str(exports["classifying"])]
    for verb in (["import", str(path), *arguments], ["import", str(path), *arguments, "--json"]):
        monkeypatch.setattr(sys, "argv", ["k2c", *verb])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert not stop.value.code
    printed = "".join(capsys.readouterr())
    assert "another workflow" in printed
    assert not canaries.leaks(printed.encode())
