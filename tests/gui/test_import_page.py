"""The import dialog: from files to a session, with the proof before and the account after."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from k2c_gui.core.model import Decision, K2CError, Progress
from k2c_gui.gui.style import look
from k2c_gui.gui.views import import_page
from k2c_gui.gui.views.import_page import Dialog
from k2c_gui.gui.views.import_page.words import explain
from k2c_gui.io.mapping import Classifying, Mapping, Pattern, Picking
from k2c_gui.session import Session

PATIENCE = 15_000


@pytest.fixture
def files(project: Path, tmp_path: Path) -> Path:
    """Exports and images alone, in a folder of their own."""
    folder = tmp_path / "world"
    shutil.copytree(project / "images", folder / "images")
    for name in ("picking.csv", "classifying.csv"):
        shutil.copy(project / name, folder / name)
    return folder


@pytest.fixture
def opened(qtbot: QtBot, qapp: QApplication) -> Iterator[Callable[..., Dialog]]:
    look().apply("dark", 1.0)
    dialogs: list[Dialog] = []

    def make(*paths: Path) -> Dialog:
        dialog = Dialog(paths)
        dialogs.append(dialog)
        qtbot.addWidget(dialog)
        with qtbot.waitExposed(dialog):
            dialog.show()
        return dialog

    yield make
    for dialog in dialogs:
        dialog.done(0)


def words(dialog: Dialog) -> str:
    return "\n".join(label.text() for label in dialog.findChildren(QLabel) if label.isVisible())


def proven(dialog: Dialog, qtbot: QtBot) -> Dialog:
    qtbot.waitUntil(dialog.go.isEnabled, timeout=PATIENCE)
    return dialog


def test_from_a_folder_to_an_open_session(
    files: Path, opened: Callable[..., Dialog], qtbot: QtBot
) -> None:
    dialog = proven(opened(files), qtbot)
    assert dialog.proof.tiles == 5
    # rows are shown at the next turn of the event loop
    qtbot.waitUntil(lambda: "named in #micrograph" in words(dialog))
    assert "Mapping found" in words(dialog)
    assert "#x0, #y0 px" in words(dialog)
    assert dialog.form.lines["session"].text() == str(files / "world.k2c")
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    assert not dialog.go.isEnabled()
    qtbot.waitUntil(lambda: dialog.go.text() == "Open", timeout=PATIENCE)
    rows = [
        [item.text() if (item := dialog.account.item(r, c)) else "" for c in range(4)]
        for r in range(dialog.account.rowCount())
    ]
    assert ["micrographs", "2", "", "images"] in rows
    heads = [row[0].partition(":")[0] for row in rows if not row[1]]
    assert heads == ["Kept", "Flagged", "Dropped"]
    with qtbot.waitSignal(dialog.imported) as imported:
        qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    path = imported.args[0]
    assert path == files / "world.k2c"
    with Session(path) as session:
        assert f"{len(session.state.sources.marks):,} marks" in words_of_sum(dialog)


def words_of_sum(dialog: Dialog) -> str:
    return "\n".join(label.text() for label in dialog.findChildren(QLabel))


def test_dropped_files_find_their_lines(
    files: Path, opened: Callable[..., Dialog], qtbot: QtBot
) -> None:
    dialog = opened()
    assert not dialog.go.isEnabled()
    data = QMimeData()
    paths = [files / "classifying.csv", files / "images", files / "picking.csv"]
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    button, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    copy = Qt.DropAction.CopyAction
    QApplication.sendEvent(dialog, QDragEnterEvent(QPoint(50, 50), copy, data, button, none))
    QApplication.sendEvent(dialog, QDropEvent(QPointF(50, 50), copy, data, button, none))
    proven(dialog, qtbot)
    lines = dialog.form.lines
    assert lines["images"].text() == str(files / "images")
    assert lines["picking"].text() == str(files / "picking.csv")
    assert lines["classifying"].text() == str(files / "classifying.csv")


def test_error_is_told_in_the_dialog_and_can_be_mended(
    files: Path, opened: Callable[..., Dialog], qtbot: QtBot
) -> None:
    dialog = opened(files / "images")
    qtbot.waitUntil(lambda: bool(dialog.form.lines["images"].text()), timeout=PATIENCE)
    dialog.form.lines["picking"].setText(str(files / "classifying.csv"))
    qtbot.waitUntil(lambda: dialog.notice.bad, timeout=PATIENCE)
    assert "Is it the picking export?" in dialog.notice.text()
    assert not dialog.go.isEnabled()
    assert QApplication.activeModalWidget() is None
    dialog.form.lines["picking"].setText(str(files / "picking.csv"))
    proven(dialog, qtbot)
    assert not dialog.notice.bad


@pytest.mark.parametrize(("size", "bad"), [("half", True), ("-1", True), ("0,05", False)])
def test_pixel_size(
    size: str, bad: bool, files: Path, opened: Callable[..., Dialog], qtbot: QtBot
) -> None:
    dialog = proven(opened(files), qtbot)
    dialog.form.lines["pixel"].setText(size)
    qtbot.waitUntil(lambda: not dialog.go.isEnabled(), timeout=PATIENCE)
    if bad:
        qtbot.waitUntil(lambda: dialog.notice.bad, timeout=PATIENCE)
        assert "nm above 0" in dialog.notice.text()
        assert not dialog.go.isEnabled()
    else:
        proven(dialog, qtbot)
        asked = dialog.form.asked()
        assert asked is not None
        assert asked.files.pixel_size_nm == 0.05


def test_cancel_stops_the_import_and_writes_nothing(
    files: Path,
    opened: Callable[..., Dialog],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def slow(*_: object, progress: Progress, **__: object) -> None:
        for row in range(2000):
            progress("Reading", row, 2000)
            time.sleep(0.01)

    dialog = proven(opened(files), qtbot)
    monkeypatch.setattr(import_page, "import_", slow)
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.notice.text().startswith("Reading,"), timeout=PATIENCE)
    assert dialog.bar.isVisible()
    assert dialog.bar.maximum() == 2000
    qtbot.mouseClick(dialog.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Stopped" in dialog.notice.text(), timeout=PATIENCE)
    assert dialog.isVisible()
    assert dialog.go.isEnabled(), "one may try again"
    assert not (files / "world.k2c").exists()
    qtbot.mouseClick(dialog.cancel, Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()


def test_failed_import_leaves_the_form_to_be_mended(
    files: Path,
    opened: Callable[..., Dialog],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object, **__: object) -> None:
        raise K2CError("It cannot be written: the disk is full.")

    dialog = proven(opened(files), qtbot)
    monkeypatch.setattr(import_page, "import_", full)
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.notice.bad, timeout=PATIENCE)
    assert "the disk is full" in dialog.notice.text()
    assert dialog.form.isEnabled()
    assert dialog.go.text() == "Import"


def test_session_that_is_there_is_added_to(
    project: Path, session: Session, opened: Callable[..., Dialog], qtbot: QtBot
) -> None:
    dialog = opened(project / "images", project / "picking.csv")
    qtbot.waitUntil(lambda: bool(dialog.form.lines["picking"].text()), timeout=PATIENCE)
    dialog.form.lines["session"].setText(str(session.path))
    qtbot.waitUntil(lambda: "added to it" in dialog.notice.text(), timeout=PATIENCE)
    qtbot.waitUntil(lambda: "Mapping as the session has it" in words(dialog))


def test_moved_marks_under_decisions_ask_for_a_new_session(
    files: Path,
    session: Session,
    opened: Callable[..., Dialog],
    qtbot: QtBot,
) -> None:
    state = session.state
    marks = state.evidence[0].marks
    ruling = Decision(
        micrograph=state.evidence[0].name,
        marks=(int(marks["mark"][0]),),
        verdict="label",
        label=0,
        x=float(marks["x"][0]),
        y=float(marks["y"][0]),
        decided_at="2026-01-01T00:00:00.000Z",
        params=state.ledger.params,
        made_from=((int(marks["mark"][0]),),),
    )
    session.decide([ruling])
    session.close()
    rows = (files / "picking.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    moved = re.sub(r'(""x"":\s*)([0-9.]+)', r"\g<1>1.5", "".join(rows))
    assert moved != "".join(rows)
    (files / "picking.csv").write_text(moved, encoding="utf-8")
    before = session.path.read_bytes()
    dialog = opened(files)
    qtbot.waitUntil(lambda: bool(dialog.form.lines["picking"].text()), timeout=PATIENCE)
    assert not dialog.form.lines["remap"].isVisible()
    dialog.form.lines["session"].setText(str(session.path))
    qtbot.waitUntil(lambda: "added to it" in dialog.notice.text(), timeout=PATIENCE)
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.notice.bad, timeout=PATIENCE)
    assert "under 1 decisions" in dialog.notice.text()
    assert "--remap" not in dialog.notice.text()
    assert dialog.form.lines["remap"].isVisible()
    new = Path(dialog.form.lines["remap"].text())
    assert new.parent == session.path.parent
    assert not new.exists()
    qtbot.mouseClick(proven(dialog, qtbot).go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.go.text() == "Open", timeout=PATIENCE)
    assert session.path.read_bytes() == before
    with Session(new) as carried:
        assert len(carried.state.ledger.in_force) == 1


def test_image_that_fails_to_decode_still_leaves_the_import(
    files: Path,
    opened: Callable[..., Dialog],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise K2CError("The image breaks off.")

    monkeypatch.setattr(import_page, "decode", broken)
    dialog = proven(opened(files), qtbot)
    assert dialog.notice.bad
    assert "breaks off" in dialog.notice.text()
    assert dialog.proof.tiles == 5


def test_click_shows_a_tile_large_and_back(
    files: Path, opened: Callable[..., Dialog], qtbot: QtBot
) -> None:
    dialog = proven(opened(files), qtbot)
    proof = dialog.proof
    whole = proof.grab().toImage()
    at = proof.rect().bottomLeft()
    at.setX(20)
    at.setY(at.y() - 20)
    qtbot.mouseClick(proof, Qt.MouseButton.LeftButton, pos=at)
    assert proof.grab().toImage() != whole
    qtbot.mouseClick(proof, Qt.MouseButton.LeftButton, pos=at)
    assert proof.grab().toImage() == whole


def test_mapping_in_words() -> None:
    grid = Mapping(
        picking=Picking(
            workflow_id=12,
            task="T1",
            version="3",
            pattern=Pattern(key="#Image", regex="(?P<micrograph>.+)_r(?P<row>\\d+)c(?P<col>\\d+)"),
            stride_x=186,
            stride_y=93.5,
        ),
        classifying=Classifying(micrograph="#m", x="#x", y="#y", radius=2.5, answers={"Yes": 1}),
    )
    said = dict(explain(grid, votes=True))
    assert said["Marks"] == "workflow 12, task T1, version 3"
    assert said["Tile"] == "by its name in #Image"
    assert said["Tiles lie"] == "186 by 93.5 px apart"
    assert said["Nearest mark"] == "#x, #y, within 2.5 px"
    assert said["Answers"] == "Yes is 1"
    assert "Votes" not in dict(explain(grid, votes=False))
    assert ("Tile", "the whole micrograph") in explain(Mapping(), votes=False)
