"""Files as such: packed or not, broken or not, and written whole or not at all."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2c_gui.core.model import K2CError
from k2c_gui.io import files
from k2c_gui.io.files import Rows

TEXT = "name,x,y\na,1,2\nb,3,4\nc,5,6\n"
ROWS = [(2, ["a", "1", "2"]), (3, ["b", "3", "4"]), (4, ["c", "5", "6"])]


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def macos(content: bytes) -> bytes:
    """What the Finder makes of one file: a folder beside it, with a file of the same name."""
    fork = b"\0\5\x16\7\0\2\0\0Mac OS X" + bytes(60)
    return zipped({"export.csv": content, "__MACOSX/._export.csv": fork, "._export.csv": fork})


@pytest.fixture
def wrote(tmp_path: Path) -> Callable[[bytes | str], Path]:
    def write(content: bytes | str) -> Path:
        path = tmp_path / "export.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    "pack",
    [
        bytes,
        gzip.compress,
        lambda c: zipped({"folder/export.CSV": c, "readme.txt": b"hello"}),
        macos,
        lambda c: zipped({"export.csv": c}, zipfile.ZIP_LZMA),
        lambda c: gzip.compress(c[:7], mtime=0) + gzip.compress(c[7:]),
    ],
    ids=["plain", "gzip", "zip", "zip of macOS", "zip with LZMA", "gzip in two parts"],
)
def test_one_table_however_it_is_packed(wrote, pack, mark: str, newline: str) -> None:
    rows = Rows(wrote(pack((mark + TEXT.replace("\n", newline)).encode())))
    assert rows.header == ["name", "x", "y"]
    assert list(rows) == ROWS
    assert list(rows) == ROWS, "it can be read again"
    assert not rows.broken
    assert not rows.lost


def test_rows_are_numbered_as_a_spreadsheet_does(wrote) -> None:
    rows = Rows(wrote('\n name , x,y\n\n"a\nb",1,2\n\nc,3,4\n'))
    assert rows.header == ["name", "x", "y"]
    assert list(rows) == [(4, ["a\nb", "1", "2"]), (6, ["c", "3", "4"])]


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 4).flatmap(
        lambda n: st.lists(
            st.lists(
                st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
                min_size=n,
                max_size=n,
            )
        )
    )
)
def test_whatever_was_written_is_read(tmp_path_factory, table: list[list[str]]) -> None:
    path = tmp_path_factory.getbasetemp() / "law.csv"
    width = len(table[0]) if table else 1
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[f"h{i}" for i in range(width)], *table])
    rows = Rows(path)
    assert [cells for _, cells in rows] == table
    assert not rows.lost


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_cut_anywhere_gives_its_good_rows(wrote, packed: bool) -> None:
    head, row = "x,y,z\n", 'a,"{""b"":[1,2]}",end\n'
    whole = [["a", '{"b":[1,2]}', "end"]] * 3
    for at in range(len(head) + 1, len(head) + 3 * len(row) + 1):
        content = (head + 3 * row)[:at].encode()
        rows = Rows(wrote(zipped({"a.csv": content}) if packed else content))
        got = [cells for _, cells in rows]
        begun = -(-(at - len(head)) // len(row))
        assert len(got) + len(rows.lost) == begun
        # a cut inside the last cell of a row cannot be seen
        assert got == whole[: len(got)] or got[:-1] == whole[: len(got) - 1]


def test_a_gzip_that_breaks_off_gives_its_good_rows(wrote) -> None:
    text = "name,x,y\n" + "".join(f"n{i * 7919},{i},{i}\n" for i in range(3000))
    packed = gzip.compress(text.encode(), mtime=0)
    for share in (0.3, 0.7, 0.99):
        rows = Rows(wrote(packed[: int(len(packed) * share)]))
        got = [cells for _, cells in rows]
        assert got == [[f"n{i * 7919}", str(i), str(i)] for i in range(len(got))]
        assert 0 < len(got) < 3000
        assert "breaks off after row" in rows.broken


@pytest.mark.parametrize("pack", [gzip.compress, lambda c: zipped({"a.csv": c})])
def test_damage_inside_a_packed_file_is_told(wrote, pack) -> None:
    text = "name,x,y\n" + "".join(f"n{i * 7919},{i},{i}\n" for i in range(3000))
    packed = bytearray(pack(text.encode()))
    packed[len(packed) // 2] ^= 0xFF
    rows = Rows(wrote(bytes(packed)))
    n = len(list(rows))
    assert rows.broken or rows.lost
    assert n < 3001


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (gzip.compress(b"", mtime=0), "empty"),
        (gzip.compress(TEXT.encode(), mtime=0)[:12], "breaks off"),
        (zipped({"a.csv": TEXT.encode()})[:-30], "broken"),
        (zipped({"a.csv": b"", "b.csv": b""}), "2 CSV files"),
        (zipped({"a.txt": b""}), "0 CSV files"),
        (TEXT.encode("utf-16"), "not UTF-8"),
        (TEXT.encode("utf-16-le"), "not UTF-8"),
        (TEXT.encode("utf-16-be"), "not UTF-8"),
        (gzip.compress(TEXT.encode("utf-16"), mtime=0), "not UTF-8"),
        ("größe,x\n".encode("latin-1"), "not UTF-8"),
        (b'"name,x,y\n', "a quote is missing"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not UTF-8"),
    ],
)
def test_what_cannot_be_read_at_all_is_refused(wrote, content: bytes, why: str) -> None:
    path = wrote(content)
    with pytest.raises(K2CError, match=why) as error:
        Rows(path)
    assert str(error.value).startswith(f"{path}: ")
    assert str(error.value).count(". ") >= 1, "there is a remedy"


def test_a_locked_zip_is_refused(wrote) -> None:
    packed = bytearray(zipped({"a.csv": TEXT.encode()}))
    packed[6] |= 1
    packed[packed.index(b"PK\1\2") + 8] |= 1
    with pytest.raises(K2CError, match="locked"):
        Rows(wrote(bytes(packed)))


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_path_that_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(K2CError, match="cannot be read"):
        Rows(tmp_path / name)


BAD_ROWS = {
    "latin-1": (b"caf\xe9,3,4\n", "not UTF-8"),
    "a zero byte": (b"a\0b,3,4\n", "not UTF-8"),
    "too short": (b"b,3\n", "not as many columns"),
    "too long": (b"b,3,4,5\n", "not as many columns"),
    "a quote lost at its end": (b'"b,3,4\n', "a quote is missing"),
    "a quote lost in the last column": (b'b,3,"4\n', "a quote is missing"),
    "a quote too many": (b'"b"b,3,4\n', "a quote is missing"),
    "a cell without end": (b'b,3,"' + b"4" * (files.MAX_CELL + 1) + b'"\n', "a cell has no end"),
}


@pytest.mark.parametrize(("bad", "why"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_costs_itself_only(wrote, bad: bytes, why: str) -> None:
    path = wrote(TEXT.replace("b,3,4\n", "BAD").encode().replace(b"BAD", bad))
    rows = Rows(path)
    assert list(rows) == [ROWS[0], ROWS[2]]
    ((number, told),) = rows.lost
    assert number == 3
    assert why in told
    with pytest.raises(K2CError, match=f"row 3: It cannot be read: .*{why}"):
        Rows(path).all()


def test_a_lost_quote_among_quoted_rows(wrote) -> None:
    """Each later quote closes what an earlier one opened; still one row is lost."""
    good = 'a,"{""k"": ""v, w""}",z\n'
    rows = Rows(wrote("x,y,z\n" + good * 3 + 'a,"{""k"": ""v, w"",z\n' + good * 50))
    assert [n for n, _ in rows] == [2, 3, 4, *range(6, 56)]
    assert [n for n, _ in rows.lost] == [5]


def test_all_gives_every_row_or_none(wrote) -> None:
    assert Rows(wrote(TEXT)).all() == ROWS
    with pytest.raises(K2CError, match="breaks off"):
        Rows(wrote(gzip.compress((TEXT * 900).encode())[:-9])).all()


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 99_999)
    assert files.sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 99_999).hexdigest()


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    files.write_whole(path, lambda part: part.write_text("new") and None)
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("fault", "told"),
    [(OSError(28, "No space left on device"), K2CError), (KeyError("x"), KeyError)],
)
def test_or_not_at_all(tmp_path: Path, fault: Exception, told: type[Exception]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def half(part: Path) -> None:
        part.write_text("half")
        raise fault

    with pytest.raises(told):
        files.write_whole(path, half)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(K2CError, match=r"cannot be written.*Choose another place"):
        files.write_whole(tmp_path / "no" / "a.txt", lambda part: part.write_text("x") and None)


def test_sync_tree_reads_nothing_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "a").write_bytes(b"1")
    files.sync_tree(tmp_path)
    assert [p.name for p in sorted(tmp_path.rglob("*"))] == ["deep", "er", "a"]
    assert (tmp_path / "deep" / "er" / "a").read_bytes() == b"1"
