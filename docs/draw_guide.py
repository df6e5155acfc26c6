"""Draw the user guide's pictures, and write its table of keys.

    python docs/draw_guide.py /tmp/key2cat
    python docs/draw_guide.py /tmp/key2cat split merge  # these alone
    python docs/draw_guide.py                           # the table of keys alone

The folder gets a demo of fixed seed, or keeps the one it has. The pictures are those of
``k2c screenshot``, with few colours: the grain of a micrograph makes large files. What was ruled
and how long it took is made up, see `rule_some` and `rule_many`.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRect, Qt
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QWidget

from k2c_gui import demo
from k2c_gui.core import edits, review
from k2c_gui.core.edits import Basis
from k2c_gui.core.model import NO_LABEL, SETTING_2022, STATUS, ClusterParams
from k2c_gui.core.queue import TO_CHECK, facet
from k2c_gui.demo import WorldParams
from k2c_gui.desk import Desk
from k2c_gui.gui.app import screenshot
from k2c_gui.gui.jobs import Pictures, decode
from k2c_gui.gui.main_window import PRESETS, MainWindow
from k2c_gui.gui.preferences import Preferences
from k2c_gui.gui.style import look
from k2c_gui.gui.views import dialogs, export_page, import_page, start
from k2c_gui.gui.views.dialogs.keys import in_force
from k2c_gui.gui.views.start import thumbnail
from k2c_gui.importing import import_
from k2c_gui.io.resources import reasons
from k2c_gui.io.sources import Files
from k2c_gui.merging import merge
from k2c_gui.session import Session

DOCS = Path(__file__).parent
KEYS = DOCS.parent / "resources" / "keys.toml"
BEGIN, END = "<!-- keys: written by docs/draw_guide.py -->", "<!-- end of keys -->"
SIZE = 1600, 1000
FINE = ClusterParams(3, 2, method="leaf")  # parts what belongs together
RIGHT = QRect(SIZE[0] - 940, 42, 940, 660)
IMAGE = QRect(316, 42, 912, 560)
STRIP = QRect(316, 700, 912, 215)
GREYS, COLOURS, MOST_TRIED = 11, 110, 4000
EXPERT = "A. Expert"
RULED = 5
SCOPES = {
    "image": "moving a centroid",
    "split": "splitting",
    "changes": "changes",
    "map": "parameter map",
    "gallery": "gallery",
}
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
    """Draw everything, or what is named."""
    write_keys()
    if len(sys.argv) < 2:
        return
    folder = Path(sys.argv[1])
    fresh, ruled = folder / "demo.k2c", folder / "example.k2c"
    if not fresh.exists():
        write_demo(folder)
    shutil.copyfile(fresh, ruled)
    rule_some(ruled)
    many = shutil.copyfile(fresh, folder / "many.k2c")
    rule_many(many)
    drawn = pictures(folder, fresh, ruled, many)
    for name in sys.argv[2:] or drawn:
        drawn[name](name)


def pictures(
    folder: Path, fresh: Path, ruled: Path, many: Path
) -> dict[str, Callable[[str], None]]:
    """How each picture is drawn."""
    draw: dict[str, Callable[[str], None]] = {}
    tune = partial(draw_window, many, preset="Tune", facet="undecided", prepare=compare)
    for theme in ("dark", "light"):
        for preset in PRESETS:
            one = tune if preset == "Tune" else partial(draw_window, ruled, preset=preset)
            draw[f"{preset.lower()}-{theme}"] = partial(one, theme=theme)
    draw["map"] = partial(tune, part=lambda window: window.docks["map"])
    draw["changes"] = partial(tune, part=lambda window: window.docks["diff"])
    draw["decided"] = lambda name: draw_window(
        ruled, name, select=first_ruled(ruled), crop=RIGHT, prepare=open_up
    )
    draw["tour"] = partial(draw_window, ruled, prepare=take_tour, crop=STRIP)
    draw["split"] = partial(draw_edit, fresh, folder, SETTING_2022, split_one)
    draw["merge"] = partial(draw_edit, fresh, folder, FINE, merge_two)
    draw["lasso"] = partial(draw_window, fresh, prepare=draw_lasso, crop=IMAGE)
    draw["why"] = partial(draw_window, ruled, prepare=ask_why, crop=QRect(316, 42, 912, 220))
    draw["conflict"] = partial(draw_conflict, fresh, folder)
    draw["come-back"] = partial(draw_come_back, many, folder)
    draw["sign-off"] = partial(draw_sheet, fresh)
    draw["pace"] = partial(draw_pace, many)
    draw["export"] = partial(draw_export, fresh, folder)
    draw["start"] = partial(draw_start, folder, ruled)
    draw["import"] = partial(draw_import, folder)
    draw["keys"] = draw_keys
    return draw


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
    facet: str = "",
    prepare: Callable[[MainWindow], object] | None = None,
    crop: QRect | None = None,
    part: Callable[[MainWindow], QWidget] | None = None,
) -> None:
    """Draw the window on a session, closer to the case where that is what it is about."""
    box = [crop]

    def arrange(window: MainWindow) -> None:
        if facet:
            window.desk.rank(facet)
        if not select:
            window.desk.go(1)
        if preset in ("Adjudicate", "Tune"):
            window.micrograph.zoom_to_case()
            window.micrograph.zoom(0.6 if preset == "Adjudicate" else 0.4)
        if prepare is not None:
            prepare(window)
        if part is not None:
            box[0] = part(window).geometry()

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
    save(picture.copy(box[0]) if box[0] else picture, name)


def compare(window: MainWindow) -> None:
    """Try the default against the setting of 2022."""
    tried = window.desk.state.params
    window.desk.try_params(SETTING_2022)
    window.desk.pin()
    window.desk.try_params(tried)


def open_up(window: MainWindow) -> None:
    """Show the votes, as they are seen of what is decided."""
    window.desk.set_blind(False)


def split_one(window: MainWindow) -> None:
    """Split the instance of the most marks in five."""
    table = window.desk.state.instances
    window.desk.set_blind(False)
    window.desk.select_row(window.desk.state.shown, int(np.argmax(table["n_marks"])))
    window.micrograph.zoom_to_case()
    window.desk.split(5)


def merge_two(window: MainWindow) -> None:
    """Merge two near each other of which one is ambiguous: its label is asked for."""
    table = window.desk.state.instances
    at = np.column_stack([table["x"], table["y"]])
    apart = np.hypot(*(at[:, None] - at).transpose(2, 0, 1))
    apart[~table["ambiguous"]] = np.inf
    apart[apart < 9] = np.inf
    one, other = np.unravel_index(np.argmin(apart), apart.shape)
    window.desk.select_row(window.desk.state.shown, int(one))
    window.micrograph.zoom_to_case()
    window.desk.toggle(window.desk.marks_of(int(other))[0])
    window.desk.merge()


def ask_why(window: MainWindow) -> None:
    """Ask for the reason of the last ruling."""
    window.actions_.trigger("why")


def draw_lasso(window: MainWindow) -> None:
    """Drag a lasso around the middle of the image, and let go."""
    window.micrograph.zoom(0.7)
    surface = window.micrograph.surface
    middle = QPointF(surface.rect().center())
    way = np.linspace(0, 2 * np.pi, 48)
    corners = [middle + QPointF(190 * np.cos(a), 120 * np.sin(a)) for a in way]
    window.micrograph.editor.take("lasso")
    kinds = (QEvent.Type.MouseButtonPress, QEvent.Type.MouseMove, QEvent.Type.MouseButtonRelease)
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    for kind, points in zip(kinds[:2], (corners[:1], corners), strict=True):
        for at in points:
            event = QMouseEvent(kind, at, surface.mapToGlobal(at), left, left, none)
            QApplication.sendEvent(surface, event)


def take_tour(window: MainWindow) -> None:
    """Go to the fourth step of the tour."""
    window.tour.start()
    for _ in range(3):
        window.tour.next()


def basis_of(desk: Desk, micrograph: int) -> Basis:
    """A micrograph as the next ruling finds it."""
    basis = desk.state.basis(micrograph)
    if basis is None:
        raise SystemExit("a micrograph is not grouped")
    return basis


def rule_rows(session: Session, rows: dict[int, Sequence[int]], seed: int) -> list[Any]:
    """Rule on rows of micrographs, mostly as the votes have it, at a person's pace."""
    rng = np.random.default_rng(seed)
    desk, clock, made = at_desk(session), datetime(2024, 5, 6, 9, tzinfo=UTC), []
    values = [label.value for label in session.state.sources.labels]
    for micrograph, own in rows.items():
        basis = basis_of(desk, micrograph)
        for row in own:
            likely = values[int(basis.instances["votes"][row].argmax())]
            label = likely if rng.random() < 0.85 else int(rng.choice(values[:3]))
            shown = clock + timedelta(seconds=0.3)
            clock = shown + timedelta(seconds=float(rng.gamma(3, 1.1)))
            times = {"shown_at": shown.isoformat(), "at": clock.isoformat()}
            verdict, value = ("defer", None) if rng.random() < 0.08 else ("label", label)
            made += edits.rule(basis, [row], verdict, value, **times)
            session.decide(made[-1:])
            if rng.random() < 0.04:
                session.undo()
                made.pop()
    return made


def ambiguous_rows(session: Session) -> dict[int, Sequence[int]]:
    """Rows of the ambiguous cases by micrograph."""
    tables = at_desk(session).state.tables
    return {i: np.flatnonzero(t["ambiguous"]).tolist() for i, t in enumerate(tables)}


def rule_many(path: Path) -> None:
    """Rule on all ambiguous cases and some clear ones, and on a dozen of them once more."""
    with Session(path, write=True, expert=EXPERT) as session:
        rows = ambiguous_rows(session)
        wanted = {i: [*own, *(r for r in range(60) if r not in own)] for i, own in rows.items()}
        made = rule_rows(session, wanted, 1)
        uids = {d.marks: uid for uid, d in session.state.ledger.in_force.items()}
        for i, first in enumerate(made[5:125:10]):
            again = replace(first, blind=True, shown_at="2024-05-06T11:00:00+00:00")
            again = replace(again, decided_at=f"2024-05-06T11:00:{2 + i % 5:02}+00:00")
            if i in (3, 8):
                again = replace(again, verdict="label", label=2)
            session.repeat(uids[first.marks], again)


def draw_sheet(path: Path, name: str) -> None:
    """The sheet that signs a micrograph off."""
    with Session(path) as session:
        save(grab(dialogs.SignOff(at_desk(session), None)), name)


def draw_pace(many: Path, name: str) -> None:
    """The page of pace and repeats."""
    with Session(many, expert=EXPERT) as session:
        page = dialogs.Pace(at_desk(session), None)
        page.resize(660, 740)
        save(grab(page, until=page.settled), name)


def draw_edit(
    fresh: Path,
    folder: Path,
    params: ClusterParams,
    prepare: Callable[[MainWindow], object],
    name: str,
) -> None:
    """An edit that a setting makes necessary."""
    path = shutil.copyfile(fresh, folder / f"{name}.k2c")
    with Session(path, write=True) as session:
        session.apply(params)
    draw_window(path, name, prepare=prepare, crop=IMAGE)


def draw_conflict(fresh: Path, folder: Path, name: str) -> None:
    """Two experts who ruled on the same cases, joined, and a case on which they differ."""
    paths = [folder / "anna.k2c", folder / "ben.k2c"]
    for seed, path in enumerate(paths, 2):
        shutil.copyfile(fresh, path)
        with Session(path, write=True, expert=f"Expert {seed - 1}") as session:
            rule_rows(session, {2: ambiguous_rows(session)[2]}, seed)
    joined = folder / "joined.k2c"
    joined.unlink(missing_ok=True)
    merge(paths, joined)
    draw_window(joined, name, facet="conflict", crop=QRect(0, 42, SIZE[0], 640))


def draw_come_back(many: Path, folder: Path, name: str) -> None:
    """A session that was ruled under one setting, and has another one now."""
    path = shutil.copyfile(many, folder / "regrouped.k2c")
    with Session(path, write=True, expert=EXPERT) as session:
        session.apply(SETTING_2022)
    draw_window(path, name, facet=TO_CHECK, crop=QRect(0, 42, SIZE[0], 560))


def draw_export(fresh: Path, folder: Path, name: str) -> None:
    """The export dialog, with every micrograph signed off."""
    path = shutil.copyfile(fresh, folder / "signed.k2c")
    with Session(path, write=True, expert=EXPERT) as session:
        desk = at_desk(session)
        for i, micrograph in enumerate(session.state.sources.micrographs):
            basis = basis_of(desk, i)
            open_ = basis.instances["status"] == STATUS.index("proposed")
            tied = np.flatnonzero(open_ & (basis.instances["label"] == NO_LABEL)).tolist()
            session.decide(edits.rule(basis, tied, "defer", at="2024-05-06T09:00:00+00:00"))
            session.sign_off(micrograph.name)
        paths = [m.path for m in session.state.sources.micrographs]
        images = Pictures(paths)
        dialog = export_page.Dialog(at_desk(session), images, Preferences.nowhere())
        dialog.resize(1120, 800)
        dialog.form.licence.setText("CC-BY-4.0")
        end = time.monotonic() + 4
        save(grab(dialog, until=lambda: time.monotonic() > end), name)
        images.close()


def draw_start(folder: Path, ruled: Path, name: str) -> None:
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
    save(grab(window), name)


def draw_import(folder: Path, name: str) -> None:
    """The import dialog, once it has found out what the files are."""
    files = ("images", "picking.csv", "classifying.csv")
    dialog = import_page.Dialog([folder / file for file in files])
    save(grab(dialog, until=lambda: dialog.proof.tiles > 0), name)


def draw_keys(name: str) -> None:
    """The keys in force."""
    save(grab(dialogs.KeysInForce(in_force(None, Preferences.nowhere()), None)), name)


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
    for wanted, apart in (((tint > 0) & (tint < 12), 3), (tint >= 12, 14)):
        places = np.flatnonzero(wanted)
        room = len(kept) + COLOURS
        for colour in rgb[places[np.argsort(-count[places], kind="stable")][:MOST_TRIED]]:
            if len(kept) < room and all(abs(colour - other).max() >= apart for other in kept):
                kept.append(colour)
    return np.array(kept)


def keys_table() -> str:
    """The keys that ship, as a table a menu; those of a part of the window after the others."""
    rows = tomllib.loads(KEYS.read_text(encoding="utf-8"))["action"]
    lines = ["| menu | what it does | keys |", "|---|---|---|"]
    everywhere = [row for row in rows if not row.get("scope")]
    lines += _lines(everywhere)
    lines += [f"| Reason | {r.text} | `{r.key}` |" for r in reasons() if r.key]
    lines += [
        "",
        "These go before the others in one part of the window, or while an edit is under way:",
        "",
    ]
    lines += ["| where | what it does | keys |", "|---|---|---|"]
    for scope, where in SCOPES.items():
        lines += _lines([row | {"menu": where} for row in rows if row.get("scope") == scope])
    return "\n".join(lines)


def _lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    lines = []
    for menu in dict.fromkeys(row["menu"] for row in rows):
        for row in rows:
            if row["menu"] == menu and row["keys"] and not row["text"].startswith("Label "):
                keys = [STANDARD.get(k.removeprefix("Standard:"), k) for k in row["keys"]]
                written = ", ".join(f"`{key}`" for key in dict.fromkeys(keys))
                lines.append(f"| {menu} | {row['text'].removesuffix(' ...')} | {written} |")
    return lines


def write_keys() -> None:
    """Put the table of keys between its two marks in the guide."""
    guide = DOCS / "user-guide.md"
    head, _, rest = guide.read_text(encoding="utf-8").partition(BEGIN)
    tail = rest.partition(END)[2]
    text = f"{head}{BEGIN}\n\n{keys_table()}\n\n{END}{tail}"
    guide.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
