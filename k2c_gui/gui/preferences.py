"""What this person likes on this machine, kept by the system: no science.

Everything a session means lives in the session; what is here can be lost without loss. A value
that cannot be read, of another version or mended by hand, counts as not set.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import msgspec
from PySide6.QtCore import QByteArray, QSettings, QStandardPaths

from k2c_gui.session import Session

Chosen = Literal["dark", "light", "system"]
MOST_RECENT = 24
"""Sessions that are remembered."""

T = TypeVar("T")


class Recent(msgspec.Struct, frozen=True):
    """A session opened before, as its card shows it.

    Attributes
    ----------
    path : str
        Of the ``.k2c`` file.
    opened_at : str
        ISO 8601, UTC.
    micrographs, marks : int
    decided : float or None
        Share of the instances that are ruled, 0 to 1; None: not known.
    ambiguous : int or None
        Ambiguous instances left; None: not known.
    signed_off : int
        Micrographs declared complete.
    thumbnail : str
        A PNG in the cache folder; empty without one.
    """

    path: str
    opened_at: str
    micrographs: int = 0
    marks: int = 0
    decided: float | None = None
    ambiguous: int | None = None
    signed_off: int = 0
    thumbnail: str = ""


class _Nowhere:
    """A store that lasts as long as the program."""

    def __init__(self) -> None:
        self._values: dict[str, object] = {}

    def value(self, name: str) -> object:
        return self._values.get(name)

    def setValue(self, name: str, value: object) -> None:
        self._values[name] = value

    def sync(self) -> None:
        return


class Preferences:
    """Preferences of one person on one machine.

    Parameters
    ----------
    ini : Path, optional
        Keep them in this file and its pictures beside it; without it, where the system keeps
        them.
    """

    def __init__(self, ini: Path | None = None) -> None:
        self._store: QSettings | _Nowhere
        self.cache: Path | None
        if ini is None:
            self._store = QSettings("k2c_gui", "k2c_gui")
            where = QStandardPaths.StandardLocation.GenericCacheLocation
            self.cache = Path(QStandardPaths.writableLocation(where)) / "k2c_gui"
        else:
            self._store = QSettings(str(ini), QSettings.Format.IniFormat)
            self.cache = ini.parent / "cache"

    @classmethod
    def nowhere(cls) -> Preferences:
        """Preferences as they are at first, none of which is kept: for pictures of the window."""
        preferences = cls()
        preferences._store, preferences.cache = _Nowhere(), None
        return preferences

    def sync(self) -> None:
        """Write what changed to the disk; Qt does it by itself soon after, and at the end."""
        self._store.sync()

    @property
    def expert(self) -> str:
        """Name of the expert; empty until it is given."""
        return self._get("expert", str, "")

    @expert.setter
    def expert(self, name: str) -> None:
        self._set("expert", name.strip())

    @property
    def theme(self) -> Chosen:
        """Theme of the window; ``system`` follows the system."""
        theme: Chosen = self._get("theme", Chosen, "system")
        return theme

    @theme.setter
    def theme(self, theme: Chosen) -> None:
        if theme not in get_args(Chosen):
            raise ValueError(theme)
        self._set("theme", theme)

    @property
    def font_scale(self) -> float:
        """Font scale, 0.9 to 1.6."""
        return min(1.6, max(0.9, self._get("font_scale", float, 1.0)))

    @font_scale.setter
    def font_scale(self, scale: float) -> None:
        self._set("font_scale", scale)

    @property
    def keys(self) -> dict[str, list[str]]:
        """Keys that the expert changed, by action."""
        return self._get("keys", dict[str, list[str]], {})

    @keys.setter
    def keys(self, changed: dict[str, list[str]]) -> None:
        self._set("keys", changed)

    @property
    def folder(self) -> Path:
        """Where a file was chosen last; the home folder until then."""
        folder = Path(self._get("folder", str, ""))
        return folder if folder.is_absolute() and folder.is_dir() else Path.home()

    @folder.setter
    def folder(self, folder: Path) -> None:
        self._set("folder", str(folder))

    @property
    def preset(self) -> str:
        """Arrangement of the docks that was used last; empty at first."""
        return self._get("preset", str, "")

    @preset.setter
    def preset(self, name: str) -> None:
        self._set("preset", name)

    @property
    def toured(self) -> bool:
        """Whether the tour of the demo was taken or declined."""
        return self._get("toured", bool, False)

    @toured.setter
    def toured(self, done: bool) -> None:
        self._set("toured", done)

    @property
    def geometry(self) -> bytes:
        """Place and size of the window, as Qt saves it; empty at first."""
        return self._bytes("window/geometry")

    @geometry.setter
    def geometry(self, geometry: bytes) -> None:
        self._store.setValue("window/geometry", QByteArray(geometry))

    def docks(self, preset: str) -> bytes:
        """Docks of the window under a preset, as Qt saves them; empty at first."""
        return self._bytes(f"window/docks/{preset}")

    def set_docks(self, preset: str, docks: bytes) -> None:
        """Remember the docks of the window under a preset; empty: as it was made."""
        self._store.setValue(f"window/docks/{preset}", QByteArray(docks))

    def left_off(self, identity: str) -> dict[str, Any]:
        """How one project was left: contrast, layers, the case; plain JSON values.

        Parameters
        ----------
        identity : str
            Of the session.
        """
        return self._get(f"left_off/{_name(identity)}", dict[str, Any], {})

    def set_left_off(self, identity: str, state: dict[str, Any]) -> None:
        """Remember how one project was left."""
        self._set(f"left_off/{_name(identity)}", state)

    def images(self, identity: str) -> str:
        """Folder in which the images of a project were found after they moved; empty: none."""
        return self._get(f"images/{_name(identity)}", str, "")

    def set_images(self, identity: str, folder: Path) -> None:
        """Remember where the images of a project are on this machine."""
        self._set(f"images/{_name(identity)}", str(folder))

    @property
    def export(self) -> dict[str, Any]:
        """How the last release was chosen; plain JSON values, empty at first."""
        return self._get("export", dict[str, Any], {})

    @export.setter
    def export(self, chosen: dict[str, Any]) -> None:
        self._set("export", chosen)

    @property
    def recent(self) -> tuple[Recent, ...]:
        """Sessions opened before, the newest first, also those that are gone by now."""
        return self._get("recent", tuple[Recent, ...], ())

    def remember(self, path: Path, session: Session) -> None:
        """Put a session that was opened first, with what is known of it at once."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        known = msgspec.structs.replace(self._known(path), opened_at=now)
        if session.whole:
            known = msgspec.structs.replace(
                known,
                micrographs=len(session.state.sources.micrographs),
                marks=len(session.state.sources.marks),
                signed_off=len(session.state.ledger.signed_off),
            )
        self._put(known)

    def summarise(self, path: Path, **known: Any) -> None:
        """Set fields of a session's card; `Recent` names them."""
        self._put(msgspec.structs.replace(self._known(path), **known))

    def forget(self, path: Path) -> None:
        """Take a session off the list; the file stays."""
        self._set("recent", tuple(r for r in self.recent if Path(r.path) != path.resolve()))

    def thumbnail(self, path: Path) -> Path:
        """Where the thumbnail of a session is to be kept; its folder is there after this.

        Raises
        ------
        OSError
            The cache folder cannot be made, or nothing is kept.
        """
        if self.cache is None:
            raise FileNotFoundError("nothing is kept")
        self.cache.mkdir(parents=True, exist_ok=True)
        return self.cache / f"{_name(str(path.resolve()))}.png"

    def _known(self, path: Path) -> Recent:
        at = str(path.resolve())
        return next((r for r in self.recent if r.path == at), Recent(at, ""))

    def _put(self, recent: Recent) -> None:
        """Keep the list by the time of opening, the newest first."""
        others = (r for r in self.recent if r.path != recent.path)
        ordered = sorted((recent, *others), key=lambda r: r.opened_at, reverse=True)
        self._set("recent", ordered[:MOST_RECENT])

    def _get(self, name: str, kind: Any, default: T) -> T:
        text = self._store.value(name)
        if not isinstance(text, str):
            return default
        try:
            value: T = msgspec.json.decode(text, type=kind)
        except (msgspec.DecodeError, UnicodeError):
            return default
        return value

    def _set(self, name: str, value: object) -> None:
        self._store.setValue(name, msgspec.json.encode(value).decode())

    def _bytes(self, name: str) -> bytes:
        value = self._store.value(name)
        return bytes(value.data()) if isinstance(value, QByteArray) else b""


def _name(text: str) -> str:
    """A short name that the system's store takes, the same for the same text."""
    return hashlib.sha256(text.encode()).hexdigest()[:24]
