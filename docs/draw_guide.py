"""Draw the user guide's pictures, and write its table of keys.

    python docs/draw_guide.py /tmp/key2cat
    python docs/draw_guide.py               # the table of keys alone

The folder gets a demo of fixed seed, or keeps the one it has. The pictures are those of
``k2c screenshot``, with few colours: the grain of a micrograph makes large files.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QMainWindow, QWidget

from k2c_gui import demo
from k2c_gui.core import review
from k2c_gui.core.queue import facet
from k2c_gui.demo import WorldParams
from k2c_gui.desk import Desk
from k2c_gui.gui.app import screenshot
from k2c_gui.gui.jobs import decode
from k2c_gui.gui.main_window import PRESETS, MainWindow
from k2c_gui.gui.preferences import Preferences
from k2c_gui.gui.style import look
from k2c_gui.gui.views import dialogs, import_page, start
from k2c_gui.gui.views.dialogs.keys import in_force
from k2c_gui.gui.views.start import thumbnail
from k2c_gui.importing import import_
from k2c_gui.io.sources import Files
from k2c_gui.session import Session

DOCS = Path(__file__).parent
KEYS = DOCS.parent / "resources" / "keys.toml"
BEGIN, END = "<!-- keys: written by docs/draw_guide.py -->", "<!-- end of keys -->"
SIZE = 1520, 940
GREYS, COLOURS, MOST_TRIED = 11, 40, 4000
EXPERT = "A. Expert"
RULED = 5
STANDARD = {
    "Undo": "Ctrl+Z",
    "Redo": "Ctrl+Shift+Z",
    "Copy": "Ctrl+C",
    "Open": "Ctrl+O",
    "Close": "Ctrl+W",
    "Quit": "Ctrl+Q",
    "ZoomIn": "Ctrl++",
    "ZoomOut": "Ctrl+-",
}


def main() -> None:
    """Draw everything."""
    write_keys()
    if len(sys.argv) < 2:
        return
    folder = Path(sys.argv[1])
    fresh, ruled = folder / "demo.k2c", folder / "example.k2c"
    if not fresh.exists():
        write_demo(folder)
    shutil.copyfile(fresh, ruled)
    rule_some(ruled)
    for theme in ("dark", "light"):
        for preset in PRESETS:
            draw_window(ruled, f"{preset.lower()}-{theme}", theme=theme, preset=preset)
    right = QRect(SIZE[0] - 940, 42, 940, 660)
    draw_window(ruled, "decided", select=first_ruled(ruled), crop=right)
    draw_window(ruled, "tour", prepare=take_tour, crop=QRect(316, 640, 832, 215))
    draw_start(folder, ruled)
    draw_import(folder)
    draw_keys()


def write_demo(folder: Path) -> None:
    """A demo as ``k2c demo`` writes it."""
    demo.write(folder, WorldParams(micrographs=3, seed=0))
    files = Files(
        folder / "images",
        folder / "picking.csv",
        folder / "classifying.csv",
        mapping=folder / "mapping.toml",
    )
    import_(folder / "demo.k2c", files)


def at_desk(session: Session) -> Desk:
    """A desk at which every micrograph is grouped."""
    desk = Desk(session)
    for evidence in desk.state.evidence:
        desk.offer(review.group(evidence, desk.state.params))
    desk.show(len(desk.state.evidence) - 1)
    desk.rank("ambiguous")
    return desk


def rule_some(path: Path) -> None:
    """Rule the first cases: most for the leading label, every fourth is kept ambiguous."""
    with Session(path, write=True, expert=EXPERT) as session:
        desk = at_desk(session)
        desk.go(1)
        for i in range(RULED):
            desk.painted()
            votes = desk.state.instances[desk.row()]["votes"]
            label = desk.state.sources.labels[int(votes.argmax())].value
            if i % 4 == 3:
                desk.rule("defer")
            else:
                desk.rule("label", label, note="Edge is sharp all round." if i == 0 else "")


def first_ruled(path: Path) -> str:
    """Name of the first decided instance."""
    with Session(path) as session:
        table = session.instances(only=[len(session.state.evidence) - 1])
        return str(table["instance"][facet(table, "decided")][0])


def draw_window(
    path: Path,
    name: str,
    *,
    theme: str = "dark",
    preset: str = "Adjudicate",
    select: str = "",
    prepare: Callable[[MainWindow], object] | None = None,
    crop: QRect | None = None,
) -> None:
    """Draw the window on a session, closer to the case where that is what it is about."""

    def arrange(window: MainWindow) -> None:
        if not select:
            window.desk.go(1)
        if preset != "Overview":
            window.micrograph.zoom_to_case()
            window.micrograph.zoom(0.6 if preset == "Adjudicate" else 0.4)
        if prepare is not None:
            prepare(window)

    with Session(path, expert=EXPERT) as session:
        picture = screenshot(
            session,
            preset=preset,
            micrograph=session.state.sources.micrographs[-1].name,
            select=select,
            size=SIZE,
            theme="light" if theme == "light" else "dark",
            prepare=arrange,
        )
    save(picture.copy(crop) if crop else picture, name)


def take_tour(window: MainWindow) -> None:
    """Go to the fourth step of the tour."""
    window.tour.start()
    for _ in range(3):
        window.tour.next()


def draw_start(folder: Path, ruled: Path) -> None:
    """The start page, with two sessions opened before."""
    kept = folder / "preferences.ini"
    kept.unlink(missing_ok=True)
    preferences = Preferences(kept)
    for path, micrograph in ((folder / "demo.k2c", 0), (ruled, 2)):
        with Session(path) as session:
            preferences.remember(path, session)
            image = decode(micrograph, Path(session.state.sources.micrographs[micrograph].path))
            thumbnail.record(preferences, at_desk(session), image)
    window = QMainWindow()
    window.setCentralWidget(start.View(preferences))
    window.resize(1120, 700)
    save(grab(window), "start")


def draw_import(folder: Path) -> None:
    """The import dialog, once it has found out what the files are."""
    names = ("images", "picking.csv", "classifying.csv")
    dialog = import_page.Dialog([folder / name for name in names])
    save(grab(dialog, until=lambda: dialog.proof.tiles > 0), "import")


def draw_keys() -> None:
    """The keys in force."""
    save(grab(dialogs.KeysInForce(in_force(None, Preferences.nowhere()), None)), "keys")


def grab(window: QWidget, until: Callable[[], bool] = lambda: True) -> QImage:
    """Draw a window once it has what it waits for."""
    look().apply("dark", 1.0)
    window.show()
    end = time.monotonic() + 30
    while time.monotonic() < end and not until():
        QApplication.processEvents()
        time.sleep(0.02)
    for _ in range(20):
        QApplication.processEvents()
        time.sleep(0.01)
    picture = window.grab().toImage()
    window.close()
    return picture


def save(picture: QImage, name: str) -> None:
    """Write a picture with few colours, each pixel as the nearest of them."""
    picture = picture.convertToFormat(QImage.Format.Format_RGB32)
    height, width = picture.height(), picture.width()
    exact = np.frombuffer(picture.constBits(), np.uint32) & 0xFFFFFF
    found, place, count = np.unique(exact, return_inverse=True, return_counts=True)
    rgb = np.stack([found >> 16, found >> 8 & 255, found & 255], 1).astype(int)
    few = palette(rgb, count)
    far = np.where(np.ptp(few, axis=1) > 0, 1 << 20, 0)  # grain keeps to the greys
    nearest = np.array(
        [(((few - c) ** 2).sum(1) + (far if np.ptp(c) == 0 else 0)).argmin() for c in rgb], np.uint8
    )
    pixels = np.zeros((height, -(-width // 4) * 4), np.uint8)
    pixels[:, :width] = nearest[place].reshape(height, width)
    drawn = QImage(pixels.data, width, height, pixels.shape[1], QImage.Format.Format_Indexed8)
    drawn.setColorTable([int(c) for c in 0xFF000000 + few @ np.array([65536, 256, 1])])
    path = DOCS / "pictures" / f"{name}.png"
    if not drawn.save(str(path), "PNG", 0):
        raise SystemExit(f"{path} cannot be written")
    kilobytes = path.stat().st_size / 1000
    sys.stdout.write(f"{path.name:24}{width} x {height}  {kilobytes:.0f} kB\n")


def palette(rgb: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Greys for the grain, and of all that is tinted what covers most, no two of it alike."""
    kept = [np.full(3, grey) for grey in np.linspace(0, 255, GREYS).round().astype(int)]
    tint = np.ptp(rgb, axis=1)
    for wanted, apart in (((tint > 0) & (tint < 12), 3), (tint >= 12, 30)):
        places = np.flatnonzero(wanted)
        room = len(kept) + COLOURS
        for colour in rgb[places[np.argsort(-count[places], kind="stable")][:MOST_TRIED]]:
            if len(kept) < room and all(abs(colour - other).max() >= apart for other in kept):
                kept.append(colour)
    return np.array(kept)


def keys_table() -> str:
    """The keys that ship, as a table a menu."""
    rows = tomllib.loads(KEYS.read_text(encoding="utf-8"))["action"]
    lines = ["| menu | what it does | keys |", "|---|---|---|"]
    for menu in dict.fromkeys(row["menu"] for row in rows):
        for row in rows:
            if row["menu"] == menu and row["keys"] and not row["text"].startswith("Label "):
                keys = [STANDARD.get(k.removeprefix("Standard:"), k) for k in row["keys"]]
                written = ", ".join(f"`{key}`" for key in dict.fromkeys(keys))
                lines.append(f"| {menu} | {row['text'].removesuffix(' ...')} | {written} |")
    return "\n".join(lines)


def write_keys() -> None:
    """Put the table of keys between its two marks in the guide."""
    guide = DOCS / "user-guide.md"
    head, _, rest = guide.read_text(encoding="utf-8").partition(BEGIN)
    tail = rest.partition(END)[2]
    text = f"{head}{BEGIN}\n\n{keys_table()}\n\n{END}{tail}"
    guide.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
