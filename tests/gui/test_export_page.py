"""The export dialog: what one chooses, what one sees of it before, what lies there after."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from k2c_gui.core.model import SPLITS, K2CError, Label, Micrograph, Progress
from k2c_gui.core.training_set import parts
from k2c_gui.desk import Desk
from k2c_gui.gui.app import App
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.main_window import MainWindow
from k2c_gui.gui.preferences import Preferences
from k2c_gui.gui.style import look
from k2c_gui.gui.views import export_page
from k2c_gui.gui.views.export_page import Dialog, content
from k2c_gui.gui.views.export_page.asked import Asked, faults, number, recalled
from k2c_gui.gui.views.export_page.formats import grouped
from k2c_gui.io import exporters
from k2c_gui.io.files import whole_folder
from k2c_gui.io.verification import verify
from k2c_gui.releasing import Choice, choose
from k2c_gui.session import Session

PATIENCE = 15_000
Open = Callable[..., Dialog]


@pytest.fixture
def preferences(tmp_path: Path) -> Preferences:
    return Preferences(tmp_path / "export.ini")


@pytest.fixture
def shown(desk: Desk, pictures: Pictures, preferences: Preferences, qtbot: QtBot) -> Iterator[Open]:
    """The dialog; everything goes in unless told otherwise, for nothing is signed off."""
    dialogs: list[Dialog] = []

    def make(*, everything: bool = True) -> Dialog:
        if everything and not preferences.export:
            preferences.export = Asked(include="all").kept()
        dialog = Dialog(desk, pictures, preferences)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        dialogs.append(dialog)
        qtbot.addWidget(dialog)
        with qtbot.waitExposed(dialog):
            dialog.show()
        if everything:
            counted(dialog, qtbot)
        return dialog

    yield make
    for dialog in dialogs:
        dialog.done(0)


def counted(dialog: Dialog, qtbot: QtBot) -> Dialog:
    """Wait until what is asked for is counted."""

    def at_rest() -> bool:
        return not (dialog._quiet.isActive() or dialog._worker.busy_with)

    qtbot.waitUntil(at_rest, timeout=PATIENCE)
    return dialog


def said(dialog: Dialog) -> str:
    return "\n".join(label.text() for label in dialog.findChildren(QLabel) if label.isVisible())


def written(dialog: Dialog, qtbot: QtBot) -> Path:
    """Press Export, and wait until the release is verified."""
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.go.text() == "Close", timeout=PATIENCE)
    qtbot.waitUntil(lambda: dialog.outcome.verified.text() != "Verifying", timeout=PATIENCE)
    return Path(dialog.outcome.where.text())


# What is asked for, and what is wrong with it


MICROGRAPHS = tuple(
    Micrograph(f"{name}.tif", "", 64, 64, size, "", "")
    for name, size in (("A", 0.1), ("B", None), ("C", 0.1))
)
LABELS = (Label(0, "Nanoparticle", True), Label(1, "Cluster", True), Label(2, "Artifact", False))
GOOD = Asked(licence="CC0-1.0", include="all")


@pytest.mark.parametrize(
    ("field", "changed", "words"),
    [
        ("folder", {"folder": ""}, "Name a new"),
        ("folder", {"folder": "here"}, "whole path"),
        ("licence", {"licence": "  "}, "licence"),
        ("include", {"include": "signed-off"}, "No micrograph is signed off"),
        ("labels", {"labels": ()}, "one label or more"),
        ("box", {"box": "px", "size": "0"}, "above 0 px"),
        ("box", {"box": "px", "size": "inf"}, "above 0 px"),
        ("box", {"box": "nm", "size": "5"}, "B.tif has no pixel size"),
        ("split", {"shares": ("80", "10", "5")}, "sum to 95 %"),
        ("split", {"shares": ("0", "50", "50")}, "Train needs"),
        ("split", {"shares": ("many", "10", "10")}, "three shares"),
        ("seed", {"seed": "-1"}, "whole number"),
        ("test", {"test": ("A.tif", "B.tif", "C.tif")}, "Every micrograph is for testing"),
        ("tile", {"tiled": True, "tile": "8"}, "16 px or more"),
        ("tile", {"tiled": True, "tile": "64", "overlap": "64"}, "less than the side"),
        ("formats", {"formats": ("crops",), "images": False}, "need images"),
        ("title", {"title": " "}, "title"),
        ("credit", {"credit": ""}, "credit"),
        ("date", {"date": "2026-02-30"}, "YYYY-MM-DD"),
    ],
)
def test_each_fault_is_told_at_its_field(
    field: str, changed: dict[str, object], words: str, tmp_path: Path
) -> None:
    good = replace(GOOD, folder=str(tmp_path / "new"))
    assert faults(good, MICROGRAPHS, LABELS, frozenset()) == {}
    found = faults(replace(good, **changed), MICROGRAPHS, LABELS, frozenset())  # type: ignore[arg-type]
    assert list(found) == [field]
    assert words in found[field]


def test_folder_that_is_there_must_be_empty(tmp_path: Path) -> None:
    def told(folder: Path) -> dict[str, str]:
        asked = replace(GOOD, folder=str(folder))
        return faults(asked, MICROGRAPHS, LABELS, frozenset())

    assert told(tmp_path) == {}
    (tmp_path / "something").write_text("here")
    assert "not empty" in told(tmp_path)["folder"]
    assert "is a file" in told(tmp_path / "something")["folder"]


def test_tiles_matter_only_where_a_format_takes_them() -> None:
    asked = replace(GOOD, tiled=True, tile="nonsense", formats=("csv", "star"))
    assert "tile" not in faults(asked, MICROGRAPHS, LABELS, frozenset())
    assert asked.choice().tile is None


def test_numbers_as_people_write_them() -> None:
    assert number(" 2,5 ") == 2.5
    assert np.isnan(number("wide"))
    choice = replace(GOOD, box="nm", size="2,5", shares=("70", "20", "10")).choice()
    assert choice.box_nm == 2.5
    assert choice.box_px is None
    assert choice.ratios == (0.7, 0.2, 0.1)


def test_consent_and_what_is_the_sessions_own_are_not_remembered() -> None:
    asked = replace(GOOD, folder="/x", test=("A.tif",), labels=(0,), named_experts=True, notes=True)
    again = recalled(json.loads(json.dumps(asked.kept())))
    assert again == GOOD
    assert recalled({"formats": 3}) == Asked()
    assert recalled({"formats": ["coco", "of a later version"]}).formats == ("coco",)


def test_every_format_is_in_one_group() -> None:
    names = [name for group in grouped().values() for name in group]
    assert sorted(names) == list(exporters.names())


# What one sees before anything is written


def test_nothing_signed_off_is_told_at_the_field(shown: Open, qtbot: QtBot) -> None:
    dialog = shown(everything=False)
    fault = dialog.form.fields["include"].fault
    assert fault.isVisible()
    assert "No micrograph is signed off yet" in fault.text()
    assert not dialog.preview.counts.isVisible()
    dialog.form.include.buttons["all"].click()
    qtbot.waitUntil(dialog.preview.counts.isVisible, timeout=PATIENCE)
    assert not fault.isVisible()


def test_counts_by_label_and_split(shown: Open, session: Session) -> None:
    dialog = shown()
    found = parts(choose(session, Choice(formats=("csv",), include="all")))
    rows = {row[0]: row[1:] for row in dialog.preview.counts.texts()}
    for name, value in (("Nanoparticle", 0), ("Cluster", 1)):
        counts = [found[part].instances[value] for part in SPLITS]
        assert sum(counts) > 0
        assert rows[name] == [str(n) for n in (*counts, sum(counts))]
    assert rows["Micrographs"][-1] == "2"
    assert "Artifact" not in rows
    assert "Left out: " in dialog.preview.left_out.text()


def test_given_test_micrograph_moves_the_split_and_nothing_else(shown: Open, qtbot: QtBot) -> None:
    dialog = shown()
    before = {row[0]: row for row in dialog.preview.counts.texts()}
    form = dialog.form
    form.own_test.setChecked(True)
    item = form.test.item(1)
    assert item is not None
    item.setCheckState(Qt.CheckState.Checked)
    counted(dialog, qtbot)
    after = {row[0]: row for row in dialog.preview.counts.texts()}
    assert after["Micrographs"] == ["Micrographs", "1", "0", "1", "2"]
    assert after["Nanoparticle"][-1] == before["Nanoparticle"][-1]
    assert not form.shares[2].isEnabled()
    dialog.preview.which.setCurrentText(item.text())
    assert dialog.preview.caption.text().startswith("Test · ")


def test_labels_that_are_not_ticked_become_negatives(shown: Open, qtbot: QtBot) -> None:
    dialog = shown()
    before = {row[0]: row[-1] for row in dialog.preview.counts.texts()}
    dialog.form.labels[1].click()
    counted(dialog, qtbot)
    after = {row[0]: row[-1] for row in dialog.preview.counts.texts()}
    assert "Cluster" not in after
    # those that tied with another label are counted otherwise, so not all of them
    assert int(after["Negatives"]) > int(before["Negatives"])


def test_size_in_nm_is_drawn_to_scale(shown: Open, qtbot: QtBot) -> None:
    dialog = shown()
    dialog.form.box.buttons["nm"].click()
    dialog.form.size_.setText("6")
    counted(dialog, qtbot)
    drawn = dialog.preview.proof.drawn
    assert drawn is not None
    micrograph = drawn.chosen.micrographs[drawn.micrograph]
    assert micrograph.pixel_size_nm is not None
    side = 6 / micrograph.pixel_size_nm
    assert drawn.chosen.box_px[drawn.micrograph] == pytest.approx(side)
    assert "6 nm" in dialog.form.fields["box"].hint.text()
    left, _ = dialog.preview.proof.place(100, 100)
    right, _ = dialog.preview.proof.place(100 + side, 100)
    assert right - left == pytest.approx(side * dialog.preview.proof.zoom)


def edges(dialog: Dialog, tint: str) -> int:
    """Pixels of the proof in a colour."""
    image = dialog.preview.proof.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    pixels = rows[:, : 3 * image.width()].reshape(-1, 3).astype(int)
    wanted = QColor(tint)
    apart = pixels - (wanted.red(), wanted.green(), wanted.blue())
    return int((abs(apart) < 24).all(axis=1).sum())


def test_proof_draws_each_shape_on_the_real_image(shown: Open, desk: Desk, qtbot: QtBot) -> None:
    desk.set_blind(False)
    dialog = shown()
    qtbot.waitUntil(lambda: dialog.preview.proof._image.picture is not None, timeout=PATIENCE)
    dialog.preview.proof.setFixedSize(260, 260)
    drawings = []
    for shape in ("Boxes", "Discs", "Masks"):
        dialog.preview.shape.buttons[shape].click()
        if shape == "Masks":
            qtbot.waitUntil(lambda: not dialog.preview.proof._mask.isNull(), timeout=PATIENCE)
        else:
            assert edges(dialog, "#E69F00") > 20
        drawings.append(dialog.preview.proof.grab().toImage())
    assert drawings[0] != drawings[1]
    assert drawings[1] != drawings[2]


def test_blind_labels_are_not_given_away(shown: Open, desk: Desk) -> None:
    assert desk.state.blind
    drawn = shown().preview.proof.drawn
    assert drawn is not None
    doubtful = drawn.rows["ambiguous"]
    assert doubtful.any()
    assert (drawn.labels()[doubtful] == -1).all()
    assert (drawn.labels()[~doubtful] >= 0).all()


def test_wheel_zooms_about_the_pointer_and_double_click_fits(shown: Open, qtbot: QtBot) -> None:
    proof = shown().preview.proof
    whole = proof.zoom
    at = QPointF(80, 90)
    view = proof._viewport
    assert view is not None
    before = view.to_image(at.x(), at.y())
    none, no_button = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.NoButton
    event = QWheelEvent(
        *(at, at, QPoint(), QPoint(0, 360), no_button, none),
        *(Qt.ScrollPhase.NoScrollPhase, False),
    )
    QApplication.sendEvent(proof, event)
    assert proof.zoom > 1.5 * whole
    assert proof.place(*before) == pytest.approx((80, 90), abs=1)
    qtbot.mouseDClick(proof, Qt.MouseButton.LeftButton)
    assert proof.zoom == pytest.approx(whole)


def test_missing_image_is_told_and_the_rest_is_drawn(
    desk: Desk, shown: Open, pictures: Pictures, qtbot: QtBot
) -> None:
    for micrograph in range(2):
        pictures.replace(micrograph, Path("/nowhere/x.tif"))
    dialog = shown()
    qtbot.waitUntil(lambda: "not there any more" in dialog.preview.caption.text(), timeout=PATIENCE)
    assert dialog.preview.proof.drawn is not None


def test_late_answer_to_another_question_is_dropped(
    shown: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(session: Session, choice: Choice, progress: Progress) -> object:
        time.sleep(0.3)
        return choose(session, choice)

    dialog = shown()
    monkeypatch.setattr(content, "choose", slow)
    dialog.form.ambiguous.buttons["drop"].click()
    qtbot.waitUntil(lambda: bool(dialog._worker.busy_with), timeout=PATIENCE)
    for tick in dialog.form.labels.values():
        tick.setChecked(False)
    counted(dialog, qtbot)
    assert dialog.notice.text() == "Choose one label or more."
    assert not dialog.preview.counts.isVisible()


def test_empty_release_is_refused(
    shown: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def empty(*args: object) -> object:
        chosen = choose(*args)  # type: ignore[arg-type]
        return replace(chosen, instances=chosen.instances[:0])

    dialog = shown()
    monkeypatch.setattr(content, "choose", empty)
    dialog.form.box.buttons["px"].click()
    dialog.form.licence.setText("CC0-1.0")
    counted(dialog, qtbot)
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    counted(dialog, qtbot)
    assert "Nothing goes in" in dialog.form.fields["labels"].fault.text()
    assert not Path(dialog.form.folder.text()).exists()


# Writing


def test_export_is_written_verified_and_remembered(
    shown: Open, preferences: Preferences, session: Session, qtbot: QtBot
) -> None:
    dialog = shown()
    assert Path(dialog.form.folder.text()) == session.path.parent / "demo-release"
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    assert dialog.form.fields["licence"].fault.isVisible(), "the licence is required"
    dialog.form.licence.setText("CC-BY-4.0")
    dialog.form.formats.ticks["yolo"].click()
    folder = written(dialog, qtbot)
    assert dialog.outcome.verified.text().startswith("Verified")
    assert not dialog.outcome.verified.bad
    assert verify(folder) == ()
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {"csv", "coco", "yolo"}
    table = dialog.outcome.left_out
    why = [item.text() for row in range(table.rowCount()) if (item := table.item(row, 0))]
    assert "Label 2, Artifact: not for training" in why
    dialog.go.click()
    assert not dialog.isVisible()
    again = shown()
    assert again.form.licence.text() == "CC-BY-4.0"
    assert set(again.form.formats.chosen()) == {"csv", "coco", "yolo"}
    assert again.form.folder.text().endswith("demo-release-2")


def test_images_that_moved_are_taken_from_where_they_are(
    shown: Open, pictures: Pictures, session: Session, tmp_path: Path, qtbot: QtBot
) -> None:
    there = tmp_path / "moved"
    there.mkdir()
    for i, micrograph in enumerate(session.state.sources.micrographs):
        pictures.replace(i, there / micrograph.name)
        shutil.copy(micrograph.path, there)
    away = replace(
        session.state.sources,
        micrographs=tuple(
            replace(m, path="/nowhere/x.tif") for m in session.state.sources.micrographs
        ),
    )
    session.state = replace(session.state, sources=away)
    dialog = shown()
    dialog.form.licence.setText("CC0-1.0")
    folder = written(dialog, qtbot)
    assert len(list(folder.glob("coco/images/*/*.png"))) == 2


def test_tampered_release_is_not_called_sound(
    shown: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = verify

    def after_damage(folder: Path, progress: Progress) -> tuple[str, ...]:
        (folder / "README.md").write_text("else")
        return real(folder, progress)

    monkeypatch.setattr(export_page, "verify", after_damage)
    dialog = shown()
    dialog.form.licence.setText("CC0-1.0")
    written(dialog, qtbot)
    assert dialog.outcome.verified.bad
    assert "README.md" in dialog.outcome.verified.text()


def test_cancel_leaves_nothing_behind(
    shown: Open, session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(_session: Session, folder: Path, *args: object, **_: object) -> None:
        progress = args[-1]
        assert callable(progress)
        with whole_folder(folder):
            for done in range(2000):
                progress("Images", done, 2000)
                time.sleep(0.01)

    monkeypatch.setattr(export_page, "release", slow)
    dialog = shown()
    dialog.form.licence.setText("CC0-1.0")
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.notice.text().startswith("Images, "), timeout=PATIENCE)
    assert dialog.bar.isVisible()
    assert not dialog.form.isEnabled()
    qtbot.mouseClick(dialog.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Stopped" in dialog.notice.text(), timeout=PATIENCE)
    assert dialog.go.isEnabled(), "one may try again"
    left = {path.name for path in session.path.parent.iterdir() if "release" in path.name}
    assert left == set()
    qtbot.mouseClick(dialog.cancel, Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()


def test_full_disk_is_told_at_the_folder(
    shown: Open, session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_session: Session, folder: Path, *_: object, **__: object) -> None:
        with whole_folder(folder):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(export_page, "release", full)
    dialog = shown()
    dialog.form.licence.setText("CC0-1.0")
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    fault = dialog.form.fields["folder"].fault
    qtbot.waitUntil(fault.isVisible, timeout=PATIENCE)
    assert "No space left on device" in fault.text()
    assert str(session.path.parent) not in fault.text()
    assert dialog.form.isEnabled()
    assert dialog.go.text() == "Export"


def test_too_little_to_take_a_size_from(
    shown: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lonely(session: Session, choice: Choice, progress: Progress) -> object:
        whole = choose(session, replace(choice, box_px=choice.box_px or 9.0), progress)
        if choice.box_px is None:
            raise K2CError("There are not two instances on one micrograph.")
        return replace(whole, instances=whole.instances[:1])

    dialog = shown()
    monkeypatch.setattr(content, "choose", lonely)
    dialog.form.ambiguous.buttons["drop"].click()
    counted(dialog, qtbot)
    assert "too little" in dialog.form.fields["box"].fault.text()
    dialog.form.box.buttons["px"].click()
    dialog.form.size_.setText("20")
    counted(dialog, qtbot)
    assert not dialog.form.fields["box"].fault.isVisible()
    assert dialog.preview.counts.isVisible()


# The window


def test_key_opens_it_and_it_reads_only(
    copied: Path, opened: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    window = opened(copied, read_only="Somebody else writes it.")
    assert window.actions_.actions["export"].isEnabled()
    with qtbot.waitSignal(window.wanted) as wanted:
        qtbot.keyClick(
            window,
            Qt.Key.Key_S,
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
        )
    assert wanted.args == ["export"]


def test_program_shows_it_over_the_window(copied: Path, tmp_path: Path, qtbot: QtBot) -> None:
    preferences = Preferences(tmp_path / "program.ini")
    preferences.toured = True
    program = App(preferences)
    program.open(copied)
    (window,) = (
        w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow) and w.isVisible()
    )
    try:
        assert not window.actions_.actions["export"].isEnabled(), "decisions are not read yet"
        qtbot.waitUntil(lambda: window.session.whole, timeout=PATIENCE)
        window.actions_.trigger("export")
        (dialog,) = window.findChildren(Dialog)
        assert dialog.isVisible()
        assert dialog.width() < window.width()
        dialog.reject()
    finally:
        window.close()
        window.deleteLater()
        qtbot.wait(10)


@pytest.mark.parametrize(("theme", "scale"), [("dark", 0.9), ("light", 1.4)])
def test_narrow_window_cuts_nothing(theme: str, scale: float, shown: Open, qtbot: QtBot) -> None:
    look().apply("dark" if theme == "dark" else "light", scale)
    dialog = shown()
    dialog.resize(1000, 720)
    qtbot.waitUntil(lambda: dialog.width() <= 1000)
    form = dialog.form
    assert form.width() <= form.parentWidget().width()
    assert dialog.preview.counts.width() >= dialog.preview.counts.horizontalHeader().length() - 2
    right = dialog.preview.proof.parentWidget()
    assert right.width() <= right.parentWidget().width()
