"""Dialogs: what they tell, what they refuse, and what they leave behind."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QKeySequenceEdit, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from k2c_gui import __version__, importing
from k2c_gui.core.model import K2CError, Micrograph, Progress, no_progress
from k2c_gui.desk import Desk
from k2c_gui.gui.actions import Actions, table
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.preferences import Preferences
from k2c_gui.gui.style import look
from k2c_gui.gui.views import dialogs
from k2c_gui.gui.views.dialogs.images import search
from k2c_gui.gui.views.dialogs.keys import as_text, in_force
from k2c_gui.gui.views.dialogs.sheet import Sheet
from k2c_gui.importing import make_demo

PATIENCE = 15_000


@pytest.fixture
def preferences(tmp_path: Path, qapp: QApplication) -> Preferences:
    look().apply("dark", 1.0)
    return Preferences(tmp_path / "preferences.ini")


@pytest.fixture
def window(qtbot: QtBot, preferences: Preferences) -> Iterator[QWidget]:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    yield window
    for sheet in window.findChildren(Sheet):
        sheet.close()


def sheet(window: QWidget) -> Sheet:
    """The one dialog that is open."""
    (only,) = [one for one in window.findChildren(Sheet) if one.isVisible()]
    return only


def words(widget: QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel))


def press(widget: QWidget, text: str, qtbot: QtBot) -> None:
    (button,) = [b for b in widget.findChildren(QPushButton) if b.text() == text]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_trouble_is_told_whole(window: QWidget, qtbot: QtBot) -> None:
    dialogs.tell(window, str(K2CError("The file is empty.", file="a<b>.csv", row=3)))
    assert "a<b>.csv, row 3: The file is empty." in words(sheet(window)), "not taken for HTML"
    press(sheet(window), "Close", qtbot)
    assert not [one for one in window.findChildren(Sheet) if one.isVisible()]


def test_crash_report_can_be_copied_and_a_second_one_joins(window: QWidget, qtbot: QtBot) -> None:
    dialogs.crash(window, "one report")
    dialogs.crash(window, "another report")
    dialogs.crash(window, "another report")
    press(sheet(window), "Copy the report", qtbot)
    assert QGuiApplication.clipboard().text() == "one report\n\nanother report"
    assert "Every decision" in words(sheet(window))


def test_about_tells_versions_and_thanks(
    window: QWidget, qtbot: QtBot, preferences: Preferences
) -> None:
    assert dialogs.show("about", window, preferences)
    text = words(sheet(window))
    for part in (__version__, "hdbscan", "volunteers", "BSD 3-Clause"):
        assert part in text
    press(sheet(window), "Copy versions", qtbot)
    assert f"k2c_gui {__version__}" in QGuiApplication.clipboard().text()


@pytest.mark.parametrize(("answer", "said"), [("Open read-only", True), ("Do not open", False)])
def test_locked_session_says_who_and_asks(
    answer: str, said: bool, window: QWidget, qtbot: QtBot
) -> None:
    seen: list[str] = []

    def choose() -> None:
        seen.append(words(sheet(window)))
        press(sheet(window), answer, qtbot)

    QTimer.singleShot(50, choose)
    assert dialogs.offer_read_only(window, "ada on lab-7 is writing this session.") is said
    assert "ada on lab-7" in seen[0]


# Keys


def test_every_action_is_listed_with_its_keys(actions: Actions, preferences: Preferences) -> None:
    lines = {line.id: line for line in in_force(actions, preferences)}
    assert set(lines) == {row.id for row in table()}
    assert lines["label:0"].shown == "F, 1"
    assert lines["open"].text == "Open session"


def test_keys_without_a_window_are_those_to_come(preferences: Preferences) -> None:
    preferences.keys = {"defer": ["Y"]}
    lines = {line.id: line.shown for line in in_force(None, preferences)}
    assert lines["defer"] == "Y"
    assert lines["label:1"] == "J, 2"


def test_keys_as_text(actions: Actions, preferences: Preferences) -> None:
    text = as_text(in_force(actions, preferences))
    (line,) = [line for line in text.splitlines() if "Keep ambiguous" in line]
    assert line.split() == ["Keep", "ambiguous", "K"]
    assert text.startswith("Decide\n")


def test_search_finds_by_words_and_by_key(
    actions: Actions, preferences: Preferences, qtbot: QtBot
) -> None:
    dialog = dialogs.KeysInForce(in_force(actions, preferences), None)
    qtbot.addWidget(dialog)
    dialog.show()
    everything = len(dialog.shown())
    qtbot.keyClicks(dialog.search, "ambig")
    assert [line.id for line in dialog.shown()] == ["defer"]
    dialog.search.setText("f11")
    assert [line.id for line in dialog.shown()] == ["focus"]
    press(dialog, "Copy as text", qtbot)
    assert "Image only" in QGuiApplication.clipboard().text()
    assert "Nanoparticle" not in QGuiApplication.clipboard().text()
    dialog.search.clear()
    assert len(dialog.shown()) == everything == len(table())


@pytest.fixture
def change(actions: Actions, preferences: Preferences, qtbot: QtBot) -> dialogs.ChangeKeys:
    dialog = dialogs.ChangeKeys(actions, preferences, None)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_key_that_is_pressed_is_taken_and_kept(
    change: dialogs.ChangeKeys, actions: Actions, preferences: Preferences, qtbot: QtBot
) -> None:
    place = change.table.visualItemRect(change.cell("defer", 0)).center()
    qtbot.mouseClick(change.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    edit = change.findChild(QKeySequenceEdit)
    assert edit is not None
    assert edit.keySequence().toString() == "K"
    qtbot.keyClick(edit, Qt.Key.Key_Y)
    assert actions.key("defer") == "Y", "it holds at once"
    assert preferences.keys == {}
    qtbot.mouseClick(change.save, Qt.MouseButton.LeftButton)
    assert preferences.keys == {"defer": ["Y"]}
    assert actions.key("label:0") == "F"


def test_conflict_is_refused_with_both_names_until_it_is_solved(
    change: dialogs.ChangeKeys, actions: Actions, preferences: Preferences
) -> None:
    change.cell("label:0", 0).setText("J")
    assert "“Nanoparticle”" in change.notice.text()
    assert "“Cluster”" in change.notice.text()
    assert not change.save.isEnabled()
    assert actions.key("label:0") == "F", "nothing is changed while two have one key"
    change.cell("label:1", 0).setText("F")
    assert change.notice.text() == ""
    change.save.click()
    assert (actions.key("label:0"), actions.key("label:1")) == ("J", "F")
    assert preferences.keys == {"label:0": ["J", "1"], "label:1": ["F", "2"]}


def test_cancel_brings_the_keys_back(
    change: dialogs.ChangeKeys, actions: Actions, preferences: Preferences
) -> None:
    change.cell("defer", 0).setText("Y")
    change.reject()
    assert actions.key("defer") == "K"
    assert preferences.keys == {}


def test_reset_and_a_key_put_back_by_hand_leave_nothing_changed(
    actions: Actions, preferences: Preferences, qtbot: QtBot
) -> None:
    preferences.keys = {"defer": ["Y"]}
    actions.set_keys(preferences.keys)
    for way in ("reset", "by hand"):
        dialog = dialogs.ChangeKeys(actions, preferences, None)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(dialog)
        if way == "reset":
            press(dialog, "Reset to defaults", qtbot)
            assert dialog.cell("defer", 0).text() == "K"
        else:
            dialog.cell("defer", 0).setText("Y")
            dialog.cell("defer", 0).setText("K")
        dialog.accept()
        assert preferences.keys == {}, way
        assert actions.key("defer") == "K"


def test_changing_one_key_leaves_the_systems_own_alone(
    change: dialogs.ChangeKeys, actions: Actions
) -> None:
    before = list(dict.fromkeys(k.toString() for k in actions.actions["redo"].shortcuts()))
    assert len(before) > 2
    change.cell("redo", 0).setText("Ctrl+Shift+Y")
    after = [key.toString() for key in actions.actions["redo"].shortcuts()]
    assert after == ["Ctrl+Shift+Y", *before[1:]]


# Pixel size


def micrograph(name: str, size: float | None) -> Micrograph:
    return Micrograph(name, f"/nowhere/{name}", 8, 8, size, "a tag" if size else "", "")


@pytest.mark.parametrize(("every", "names"), [(False, ["b.tif"]), (True, ["a.tif", "b.tif"])])
def test_pixel_size_of_one_or_of_all(every: bool, names: list[str], qtbot: QtBot) -> None:
    dialog = dialogs.PixelSize([micrograph("a.tif", 0.1), micrograph("b.tif", None)], 1, None)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    assert "b.tif is not calibrated" in words(dialog)
    dialog.field.setText("0,125")
    if every:
        dialog.all.click()
    with qtbot.waitSignal(dialog.chosen) as chosen:
        press(dialog, "Set", qtbot)
    assert chosen.args == [0.125, names]


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "wide"])
def test_what_is_no_pixel_size_cannot_be_set(text: str, qtbot: QtBot) -> None:
    dialog = dialogs.PixelSize([micrograph("a.tif", 0.1)], 0, None)
    qtbot.addWidget(dialog)
    assert "0.1 nm per px, from a tag" in words(dialog)
    assert dialog.set.isEnabled()
    dialog.field.setText(text)
    assert not dialog.set.isEnabled()
    assert bool(dialog.notice.text()) == bool(text)


# Images that moved


@pytest.fixture
def moved(desk: Desk, tmp_path: Path) -> Path:
    """Copies of the images, one deep in a folder."""
    folder = tmp_path / "new place" / "deep"
    folder.mkdir(parents=True)
    for one in desk.state.sources.micrographs:
        shutil.copy(one.path, folder / one.name)
    return folder.parent


def missing(desk: Desk) -> list[Micrograph]:
    return [replace(m, path=f"/nowhere/{m.name}") for m in desk.state.sources.micrographs]


def test_images_are_found_again(desk: Desk, moved: Path, qtbot: QtBot) -> None:
    dialog = dialogs.FindImages(missing(desk), None)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    assert "2 images are not where" in words(dialog)
    with qtbot.waitSignal(dialog.found, timeout=PATIENCE) as found:
        dialog.look_in(moved)
    paths, folder = found.args
    assert folder == moved
    assert {i: path.name for i, path in paths.items()} == {
        i: m.name for i, m in enumerate(desk.state.sources.micrographs)
    }


def test_image_of_another_content_is_not_taken(desk: Desk, moved: Path, qtbot: QtBot) -> None:
    names = [m.name for m in desk.state.sources.micrographs]
    shutil.copy(moved / "deep" / names[0], moved / "deep" / names[1])
    dialog = dialogs.FindImages(missing(desk), None)
    qtbot.addWidget(dialog)
    with qtbot.waitSignal(dialog.found, timeout=PATIENCE) as found:
        dialog.look_in(moved)
    assert list(found.args[0]) == [0]
    qtbot.waitUntil(lambda: dialog.notice.bad)
    assert f"1 found, 1 still missing. Of another content than at the import: {names[1]}." == (
        dialog.notice.text()
    )
    dialog.done(0)


def test_folder_that_is_gone_is_told(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(K2CError, match="cannot be read"):
        search(tmp_path / "gone", dict(enumerate(missing(desk))), no_progress)


def test_folder_is_remembered(
    desk: Desk, moved: Path, preferences: Preferences, pictures: Pictures, qtbot: QtBot
) -> None:
    lost = replace(desk.state.sources, micrographs=tuple(missing(desk)))
    desk.state = replace(desk.state, sources=lost)
    assert dialogs.images_remembered(preferences, desk, pictures) == 2
    preferences.set_images(desk.session.identity, moved)
    with qtbot.waitSignals([pictures.ready, pictures.ready], timeout=PATIENCE):
        assert dialogs.images_remembered(preferences, desk, pictures) == 0
    assert pictures.get(0) is not None


# The demo


def test_demo_is_written_and_opened(
    window: QWidget, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(folder: Path, *, progress: Progress) -> tuple[None, Path]:
        progress("Drawing", 0, 1)
        return None, folder / "demo.k2c"

    monkeypatch.setattr(importing, "make_demo", make)
    opened: list[Path] = []
    dialogs.make_demo(window, tmp_path / "demo", opened.append)
    qtbot.waitUntil(lambda: bool(opened), timeout=PATIENCE)
    assert opened == [tmp_path / "demo" / "demo.k2c"]


def test_demo_goes_into_an_empty_folder_only(window: QWidget, tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "thesis.tex").write_text("precious", encoding="utf-8")
    dialogs.make_demo(window, tmp_path, lambda _: pytest.fail("opened"))
    dialog = sheet(window)
    qtbot.waitUntil(lambda: dialog.notice.bad, timeout=PATIENCE)
    assert "not an empty folder" in dialog.notice.text()
    assert (tmp_path / "thesis.tex").read_text(encoding="utf-8") == "precious"


def test_stopped_demo_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()

    def stop(*_: object) -> None:
        raise K2CError("Stopped.")

    with pytest.raises(K2CError, match="Stopped"):
        make_demo(folder, progress=stop)
    assert list(folder.iterdir()) == []
    with pytest.raises(K2CError, match="Stopped"):
        make_demo(tmp_path / "new", progress=stop)
    assert not (tmp_path / "new").exists()


def test_dialog_that_is_not_here_is_said_so(window: QWidget, preferences: Preferences) -> None:
    assert not dialogs.show("tour", window, preferences)
    assert not dialogs.show("keys-edit", window, preferences), "needs a window with actions"
