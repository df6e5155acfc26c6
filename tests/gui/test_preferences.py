"""Preferences survive a restart, and nothing that is in the file can break a start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from k2c_gui.gui.preferences import MOST_RECENT, Preferences
from k2c_gui.session import Session


@pytest.fixture
def ini(tmp_path: Path, qapp: QApplication) -> Path:
    return tmp_path / "preferences.ini"


def again(preferences: Preferences, ini: Path) -> Preferences:
    """As the next start finds them."""
    preferences.sync()
    return Preferences(ini)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("expert", "Ünal, some expert; [x]=1"),
        ("theme", "light"),
        ("font_scale", 1.3),
        ("keys", {"label:0": ["N", ";"], "defer": []}),
        ("preset", "Tune"),
        ("toured", True),
        ("geometry", bytes(range(256))),
    ],
)
def test_value_survives_a_restart(ini: Path, name: str, value: Any) -> None:
    preferences = Preferences(ini)
    assert getattr(preferences, name) != value
    setattr(preferences, name, value)
    assert getattr(again(preferences, ini), name) == value


def test_docks_are_kept_by_preset(ini: Path) -> None:
    preferences = Preferences(ini)
    preferences.set_docks("Tune", b"\x00tune")
    preferences.set_docks("Adjudicate", b"adjudicate")
    preferences = again(preferences, ini)
    assert preferences.docks("Tune") == b"\x00tune"
    assert preferences.docks("Overview") == b""


def test_how_a_project_was_left_is_its_own(ini: Path) -> None:
    preferences = Preferences(ini)
    left = {"micrograph": "PdC_001.tif", "view": {"gamma": 1.5, "layers": ["marks"]}}
    preferences.set_left_off("one", left)
    preferences = again(preferences, ini)
    assert preferences.left_off("one") == left
    assert preferences.left_off("other") == {}


def test_font_scale_stays_readable(ini: Path) -> None:
    preferences = Preferences(ini)
    preferences.font_scale = 40.0
    assert preferences.font_scale == 1.6


def test_unknown_theme_is_refused(ini: Path) -> None:
    with pytest.raises(ValueError, match="sepia"):
        Preferences(ini).theme = "sepia"  # type: ignore[assignment]


def test_a_file_mended_by_hand_counts_as_not_set(ini: Path) -> None:
    ini.write_text(
        '[General]\nexpert=7\ntheme="\\"sepia\\""\nfont_scale=big\nkeys=[1]\n'
        'recent="{"\ntoured=@Invalid()\n\n[window]\ngeometry=no bytes\n',
        encoding="utf-8",
    )
    preferences = Preferences(ini)
    assert preferences.expert == ""
    assert preferences.theme == "system"
    assert preferences.font_scale == 1.0
    assert preferences.keys == {}
    assert preferences.recent == ()
    assert preferences.toured is False
    assert preferences.geometry == b""
    assert preferences.folder == Path.home()


def test_recent_sessions_newest_first_each_once(ini: Path, session: Session) -> None:
    preferences = Preferences(ini)
    one, other = session.path, session.path.with_name("other.k2c")
    for path in (one, other, one):
        preferences.remember(path, session)
    recent = again(preferences, ini).recent
    assert [Path(r.path).name for r in recent] == ["demo.k2c", "other.k2c"]
    assert recent[0].micrographs == 2
    assert recent[0].marks == len(session.state.sources.marks)
    assert recent[0].decided is None


def test_summary_stays_when_the_session_is_opened_again(ini: Path, session: Session) -> None:
    preferences = Preferences(ini)
    preferences.remember(session.path, session)
    preferences.summarise(session.path, decided=0.25, ambiguous=3)
    preferences.remember(session.path, session)
    assert (preferences.recent[0].decided, preferences.recent[0].ambiguous) == (0.25, 3)


def test_forgotten_and_surplus_sessions_leave_the_list(ini: Path, session: Session) -> None:
    preferences = Preferences(ini)
    paths = [session.path.with_name(f"{i}.k2c") for i in range(MOST_RECENT + 3)]
    for path in paths:
        preferences.remember(path, session)
    assert len(preferences.recent) == MOST_RECENT
    preferences.forget(paths[-1])
    assert paths[-1].name not in [Path(r.path).name for r in preferences.recent]
    assert session.path.exists()


def test_nowhere_keeps_nothing(ini: Path) -> None:
    one = Preferences.nowhere()
    one.expert = "Some Expert"
    one.set_docks("Tune", b"x")
    assert (one.expert, one.docks("Tune")) == ("Some Expert", b"x")
    assert (Preferences.nowhere().expert, Preferences.nowhere().docks("Tune")) == ("", b"")
