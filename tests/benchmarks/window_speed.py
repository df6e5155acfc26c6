"""How fast the window answers, against a plain window of stock pyqtgraph in one run.

    python tests/benchmarks/window_speed.py [start] [key] [slider] [switch] [stall]

Without a display; run it by hand on an idle machine. Prints medians and 95th percentiles, ms,
from the cause (the start of the process, a key, a slider) to the end of the paint that shows
its effect. The plain window is what one writes first: an ImageItem, one ScatterPlotItem a label,
and the work on the GUI thread.
"""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np

ROOT = Path(__file__).parents[2]
COLD, WARM, KEYS, DRAGS, SWITCHES, SETTINGS = 3, 7, 100, 60, 40, 6

Times = dict[str, list[float]]


def say(what: str, took: list[float], target: str = "") -> None:
    middle, high = np.median(took), np.percentile(took, 95)
    print(f"  {what:<44}{middle:8.1f} /{high:8.1f}   {target}", flush=True)


def ratio(own: list[float], stock: list[float]) -> None:
    middle = np.median(stock) / np.median(own)
    high = np.percentile(stock, 95) / np.percentile(own, 95)
    print(f"  {'stock takes, times as long':<44}{middle:8.1f} /{high:8.1f}", flush=True)


# Start: processes of their own


def start(folder: Path) -> None:
    import many_marks

    print("start of the process to the first painted image, median / p95 ms")
    installed = folder / "installed"
    shutil.copytree(
        ROOT / "k2c_gui", installed / "k2c_gui", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(ROOT / "resources", installed / "resources")
    compileall.compile_dir(installed, quiet=1)
    libraries = Path(np.__file__).parents[1]
    for n, each in ((12, 2_000), (94, 770)):
        path = many_marks.write(folder / f"start{n}.k2c", [each] * n)
        print(f"  {n} micrographs, {n * each:,} marks, {n * each * 5:,} votes")
        read = [path, *folder.glob("*.tif"), *libraries.rglob("*"), *installed.rglob("*")]
        for child in ("own", "stock"):
            for name, runs, target in (("cold", COLD, "1500"), ("warm", WARM, "1000")):
                took = []
                for _ in range(runs):
                    if name == "cold":
                        forget(read)
                    took.append(started(child, path, installed))
                say(f"{child}, {name}", took, target if child == "own" else "")


def forget(paths: list[Path]) -> None:
    """Drop files from the system's page cache, where it lets us and nobody else maps them."""
    if not hasattr(os, "posix_fadvise"):
        return
    for path in paths:
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def started(child: str, path: Path, installed: Path) -> float:
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "PYTHONPATH": str(installed), "XDG_CONFIG_HOME": home}
        begun = time.time()
        out = subprocess.run(
            [sys.executable, __file__, f"--{child}", str(path)],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            cwd=home,
        )
    return 1000 * (float(out.stdout.split()[-1]) - begun)


def child_own(path: Path) -> None:
    """What `k2c SESSION.k2c` does, until the image is painted."""
    from PySide6.QtCore import QTimer
    from PySide6.QtGui import QPaintEvent

    from k2c_gui.gui import app
    from k2c_gui.gui.canvas.surface import Surface

    paint = Surface.paintEvent

    def painted(self: Surface, event: QPaintEvent) -> None:
        paint(self, event)
        view = self.parentWidget()
        if view is not None and view._stack.image.picture is not None:
            QTimer.singleShot(0, leave)

    Surface.paintEvent = painted  # type: ignore[method-assign]
    app.run(path)


def leave() -> None:
    sys.stdout.write(f"{time.time()}\n")
    sys.stdout.flush()
    os._exit(0)


def child_stock(path: Path) -> None:
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    program = QApplication([])
    from k2c_gui.session import Session

    session = Session(path)
    window = Stock(session)
    window.go(0)
    window.plot.show()
    program.processEvents()
    QTimer.singleShot(0, leave)
    program.exec()


class Stock:
    """The plain window."""

    def __init__(self, session: object) -> None:
        import pyqtgraph as pg

        from k2c_gui.io.resources import label_styles

        self.evidence = session.state.evidence  # type: ignore[attr-defined]
        self.paths = [Path(m.path) for m in session.state.sources.micrographs]  # type: ignore[attr-defined]
        self.plot = pg.GraphicsLayoutWidget()
        self.plot.resize(1600, 1000)
        self.box = self.plot.addViewBox(lockAspect=True, invertY=True, enableMenu=False)
        self.image = pg.ImageItem()
        self.box.addItem(self.image)
        self.marks = {}
        for style in label_styles():
            self.marks[style.value] = pg.ScatterPlotItem(size=4, pen=None, brush=style.colour)
            self.box.addItem(self.marks[style.value])
        self.middles = pg.ScatterPlotItem(size=12, pen="w", brush=None)
        self.box.addItem(self.middles)
        self.read: dict[int, object] = {}
        self.label = [np.arange(len(e.marks)) % len(self.marks) for e in self.evidence]

    def prefetch(self, i: int) -> None:
        import tifffile

        self.read[i] = tifffile.imread(self.paths[i]).T

    def go(self, i: int) -> None:
        if i not in self.read:
            self.prefetch(i)
        self.image.setImage(self.read[i], autoLevels=False, levels=(0, 255))
        self.show_marks(i)

    def show_marks(self, i: int) -> None:
        marks = self.evidence[i].marks
        for value, item in self.marks.items():
            own = self.label[i] == value
            item.setData(marks["x"][own], marks["y"][own])

    def group(self, i: int, params: object) -> None:
        from k2c_gui.core import review

        grouping = review.group(self.evidence[i], params)  # type: ignore[arg-type]
        self.middles.setData(grouping.x, grouping.y)

    def look_at(self, x: float, y: float) -> None:
        self.box.setRange(xRange=(x - 200, x + 200), yRange=(y - 125, y + 125), padding=0)

    def paint(self) -> None:
        self.plot.viewport().repaint()


# The rest: one process, one window


class Bench:
    """The window, and a clock that knows when it has painted."""

    def __init__(self, path: Path) -> None:
        from PySide6.QtCore import QEventLoop, QTimer

        from k2c_gui.gui import app
        from k2c_gui.gui.main_window import MainWindow
        from k2c_gui.gui.preferences import Preferences
        from k2c_gui.gui.style import look
        from k2c_gui.session import Session

        self.program = app._program()
        look().apply("dark", 1.0)
        self.session = Session(path, write=True, expert="Benchmark")
        self.window = MainWindow(self.session, Preferences.nowhere())
        self.desk = self.window.desk
        self.painted = False
        self.window.micrograph.surface.shown.connect(self._shown)
        self.window.resize(1600, 1000)
        self.window.show()
        self._beat = QTimer()  # lest a wait for events be for ever
        self._beat.start(100)
        self._wait = QEventLoop.ProcessEventsFlag.WaitForMoreEvents
        self.until(self.window.settled)
        self.until(lambda: all(g is not None for g in self.desk.state.groupings))
        self.rest()

    def _shown(self) -> None:
        self.painted = True

    def until(self, true: Callable[[], bool]) -> None:
        limit = time.perf_counter() + 300
        while not true():
            self.program.processEvents(self._wait)
            if time.perf_counter() > limit:
                raise TimeoutError

    def rest(self, seconds: float = 0.3) -> None:
        """Let what was prefetched and what is drawn late settle."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self.program.processEvents()
            time.sleep(0.005)

    def timed(self, do: Callable[[], object], done: Callable[[], bool]) -> float:
        """Milliseconds until it is done, painted, and nothing is left to paint."""
        self.painted = False
        begun = time.perf_counter()
        do()
        self.until(lambda: self.painted and done())
        self.program.processEvents()
        return 1000 * (time.perf_counter() - begun)

    def close(self) -> None:
        self.window.close()
        self.window.deleteLater()
        self.program.processEvents()


def measured(times: Times, name: str, owner: object, method: str) -> None:
    """Sum up what one call costs, under a name."""
    run = getattr(owner, method)

    def timed(*args: object, **named: object) -> object:
        begun = time.perf_counter()
        try:
            return run(*args, **named)
        finally:
            times[name].append(1000 * (time.perf_counter() - begun))

    setattr(owner, method, timed)


def key(folder: Path) -> None:
    import many_marks

    for decisions in (0, 30_000):
        path = many_marks.write(folder / f"key{decisions}.k2c", [2_000] * 94, decisions)
        print(f"key to next case painted, {decisions:,} decisions in force, median / p95 ms")
        bench = Bench(path)
        bench.desk.rank("undecided")
        bench.desk.go(1)
        bench.rest()
        took, parts = pressed(bench)
        say("all", took, "50")
        for name, cost in parts.items():
            say(f"  {name}", cost)
        bench.close()
    stock = stock_keys(path)
    say("stock: marks set anew and moved to", stock)
    ratio(took, stock)


def pressed(bench: Bench) -> tuple[list[float], Times]:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    parts: Times = defaultdict(list)
    file = bench.session._file
    measured(parts, "commit", file, "append")
    measured(parts, "ledger", bench.session._history, "take")
    measured(parts, "refold: tables and views", bench.desk, "_refold")
    measured(parts, "go: next case in the views", bench.desk, "go")
    took, verbs = [], []
    for _ in range(KEYS):
        before = bench.desk.state.selected
        begun = time.perf_counter()

        def press(begun: float = begun) -> None:
            QTest.keyClick(bench.window, Qt.Key.Key_F)
            verbs.append(1000 * (time.perf_counter() - begun))

        took.append(bench.timed(press, lambda before=before: bench.desk.state.selected != before))
        bench.rest(0.02)
    parts["paint"] = [all_ - verb for all_, verb in zip(took, verbs, strict=True)]
    return took, parts


def stock_keys(path: Path) -> list[float]:
    from k2c_gui.session import Session

    with Session(path) as session:
        stock = Stock(session)
        stock.plot.show()
        stock.go(0)
        took = []
        for i in range(KEYS):
            begun = time.perf_counter()
            marks = stock.evidence[0].marks
            stock.label[0][marks["volunteer"] == i % 6] = i % 4
            stock.show_marks(0)
            stock.look_at(float(marks["x"][i]), float(marks["y"][i]))
            stock.paint()
            took.append(1000 * (time.perf_counter() - begun))
        stock.plot.close()
    return took


def slider(folder: Path) -> None:
    from dataclasses import replace

    import many_marks

    from k2c_gui.core.model import DEFAULT

    print("slider to new centroids painted, 94 micrographs of 2,000 marks, median / p95 ms")
    path = many_marks.write(folder / "slider.k2c", [2_000] * 94)
    bench = Bench(path)
    # the marks lie on a grid: what is one group under a large setting is no particle to split
    bench.desk.try_params(replace(DEFAULT, split=False))
    bench.until(partial(counted, bench))
    dial = next(v for v in bench.window._waiting if hasattr(v, "dials")).dials
    for field, values in (("min_cluster_size", range(3, 20)), ("min_samples", range(1, 18))):
        took, whole = [], []
        for i in range(DRAGS):
            value = values[i % len(values)]
            if getattr(bench.desk.state.params, field) == value:
                continue

            def answered() -> bool:
                state = bench.desk.state
                return state.grouping is not None and state.grouping.params == state.params

            begun = time.perf_counter()
            took.append(bench.timed(partial(dial[field].moved.emit, value), answered))
            if i % 4 == 0:  # else the next value comes as in a drag, while the rest is under way
                bench.until(partial(counted, bench))
                whole.append(1000 * (time.perf_counter() - begun))
            bench.rest(0.02)
        say(field, took, "60")
        say("  all 94 counted", whole)
    bench.close()
    from k2c_gui.session import Session

    with Session(path) as session:
        stock = Stock(session)
        stock.plot.show()
        stock.go(0)
        plain = []
        for i in range(DRAGS):
            begun = time.perf_counter()
            stock.group(0, replace(many_marks.PARAMS, min_cluster_size=3 + i % 17))
            stock.paint()
            plain.append(1000 * (time.perf_counter() - begun))
        stock.plot.close()
    say("stock, on the GUI thread", plain)
    ratio(took, plain)


def switch(folder: Path) -> None:
    import many_marks

    print("switch to a prefetched micrograph of 2,000 marks, median / p95 ms")
    path = many_marks.write(folder / "switch.k2c", [2_000] * 12)
    bench = Bench(path)
    took = []
    for i in range(SWITCHES):
        to = i % 11 + 1
        bench.until(lambda to=to: bench.window.pictures.peek(to) is not None)
        bench.rest(0.1)
        took.append(
            bench.timed(
                lambda to=to: bench.desk.show(to), lambda to=to: bench.window.micrograph._on == to
            )
        )
        bench.rest(0.1)
        if to == 11:
            bench.desk.show(0)
            bench.rest(0.5)
    say("all", took, "20")
    bench.close()
    from k2c_gui.session import Session

    with Session(path) as session:
        stock = Stock(session)
        stock.plot.show()
        for i in range(12):
            stock.prefetch(i)
        plain = []
        for i in range(SWITCHES):
            begun = time.perf_counter()
            stock.go(i % 12)
            stock.paint()
            plain.append(1000 * (time.perf_counter() - begun))
        stock.plot.close()
    say("stock", plain)
    ratio(took, plain)


def counted(bench: Bench) -> bool:
    """Whether what the setting makes of every micrograph is known."""
    state = bench.desk.state
    return bool(state.outcomes[state.params]["known"].all())


def stall(folder: Path) -> None:
    import many_marks

    for marks, target in (([2_000] * 94, "10"), ([20_000], "25"), ([100_000], "25")):
        print(f"gaps of a 5 ms timer on the GUI thread, {len(marks)} x {marks[0]:,} marks, ms")
        bench = Bench(many_marks.write(folder / f"stall{len(marks)}_{marks[0]}.k2c", marks))
        gaps(bench, target)
        bench.close()


def gaps(bench: Bench, target: str) -> None:
    """Try settings, and measure how long nothing else was done meanwhile."""
    from dataclasses import replace

    from PySide6.QtCore import Qt, QTimer

    from k2c_gui.core.model import DEFAULT

    beats: list[float] = []
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: beats.append(time.perf_counter()))
    timer.start(5)
    came: list[tuple[float, float]] = []
    take = bench.desk.take

    def taken(results: object) -> None:
        begun = time.perf_counter()
        take(results)  # type: ignore[arg-type]
        came.append((begun, time.perf_counter()))

    bench.desk.take = taken  # type: ignore[method-assign]
    bench.rest(1.0)
    print(f"  idle: longest {1000 * np.diff(beats).max():.1f}")
    working, taking, drawing, fits = [], [], [], []
    for i in range(SETTINGS):
        beats.clear()
        came.clear()
        begun = time.perf_counter()
        tried = replace(DEFAULT, min_cluster_size=6 + i, min_samples=3 + i, split=False)
        bench.desk.try_params(tried)
        bench.until(partial(counted, bench))
        fits.append(1000 * (time.perf_counter() - begun))
        bench.rest(0.1)
        at = np.array(beats)
        gap = 1000 * np.diff(at)
        # a gap in which an answer came is that of taking and drawing it
        first, last = came[0][0], came[-1][1] + 0.03
        with_answer = np.zeros(len(gap), bool)
        for from_, to in came:
            with_answer |= (at[:-1] < to + 0.03) & (at[1:] > from_)
        during = (at[1:] > begun) & (at[:-1] < max(first, last))
        working.append(float(gap[during & ~with_answer].max(initial=0)))
        taking.append(1000 * max(to - from_ for from_, to in came))
        drawing.append(float(gap[with_answer].max(initial=0)))
    say("until all is counted", fits)
    say("longest gap while it works", working, target)
    say("longest the desk and the views take an answer", taking)
    say("longest gap as an answer comes and is drawn", drawing)


def main(wanted: list[str]) -> None:
    parts = {"start": start, "key": key, "slider": slider, "switch": switch, "stall": stall}
    print(f"load before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    for name in wanted or list(parts):
        with tempfile.TemporaryDirectory() as folder:
            parts[name](Path(folder))
    print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--own"]:
        child_own(Path(sys.argv[2]))
    elif sys.argv[1:2] == ["--stock"]:
        child_stock(Path(sys.argv[2]))
    else:
        main(sys.argv[1:])
