"""Pan and zoom of the micrograph view against stock pyqtgraph, in one run.

    python tests/benchmarks/paint.py [MARKS ...]

Prints the median and the 95th percentile of one frame, ms: everything from the new viewport to
the pixels, without a display. Stock is what one writes first: an ImageItem with automatic
downsampling off, and one ScatterPlotItem a label.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QWidget

from k2c_gui.core.consensus import headline
from k2c_gui.core.model import MARK, TILE, VOTE, instance_dtype
from k2c_gui.core.review import Evidence
from k2c_gui.gui.canvas.image import Contrast, from_picture
from k2c_gui.gui.canvas.scene import Opinions, Scene
from k2c_gui.gui.canvas.stack import Stack
from k2c_gui.gui.canvas.surface import Surface
from k2c_gui.gui.jobs import Picture, _half
from k2c_gui.gui.style import look
from k2c_gui.gui.symbols import DECIDED, PROPOSED, Symbol
from k2c_gui.io.resources import label_styles, labels

WIDTH, HEIGHT = 1200, 900
FRAMES = 60
MARKS_PER_GROUP = 12

Frame = Callable[[int], None]


def picture(side: int, rng: np.random.Generator) -> Picture:
    levels = [rng.normal(120, 25, (side, side)).clip(0, 255).astype(np.uint8)]
    while max(levels[-1].shape) > 768:
        levels.append(_half(levels[-1]))
    sample = np.sort(levels[-1].ravel().astype(np.float32))
    return Picture(0, tuple(levels), sample, inverted=False)


def scene(n: int, side: int, rng: np.random.Generator) -> Scene:
    """Groups of a dozen marks, a tenth of them noise; labels in equal parts."""
    n_groups = max(1, n // MARKS_PER_GROUP)
    kinds = labels()
    at = rng.uniform(0, side, (n_groups, 2))
    group = rng.integers(0, n_groups, n)
    group[rng.random(n) < 0.1] = -1
    place = np.where(group[:, None] >= 0, at[group] + rng.normal(0, 4, (n, 2)), 0)
    loose = group < 0
    place[loose] = rng.uniform(0, side, (int(loose.sum()), 2))
    counts = rng.integers(0, 5, (n, len(kinds)))
    label, _, _ = headline(counts, kinds, 0.0)
    marks = np.zeros(n, MARK)
    marks["x"], marks["y"] = place.T
    evidence = Evidence(
        0,
        "bench",
        kinds,
        marks,
        np.zeros(0, VOTE),
        np.zeros(0, np.int64),
        np.zeros(1, TILE),
        np.array([20]),
        20,
    )
    order = np.argsort(place[:, 1])
    place, group, loose = place[order], group[order], loose[order]
    x, y = (np.ascontiguousarray(column) for column in place.T)
    known = Opinions(evidence, np.arange(n), x, y, counts, label, counts.max(1) / 10)
    table = np.zeros(n_groups, instance_dtype(len(kinds)))
    table["x"], table["y"] = at.T
    symbols = tuple(
        Symbol(kind.value, status, ambiguous)
        for status, ambiguous in ((PROPOSED, False), (PROPOSED, True), (DECIDED, False))
        for kind in kinds
    )
    return Scene(
        known,
        table,
        group.astype(np.int64),
        loose,
        np.zeros(n_groups, bool),
        np.zeros(n_groups, np.int64),
        np.zeros(n, bool),
        symbols,
        rng.integers(0, len(symbols), n_groups),
    )


def own(drawn: Scene, image: Picture, *, groups: bool) -> tuple[QWidget, Frame, Frame, Frame]:
    stack = Stack()
    stack.image.picture = image
    stack.image.contrast = from_picture(image, Contrast())
    stack.show(drawn)
    stack.visible["groups"] = groups
    surface = Surface()
    surface.resize(WIDTH, HEIGHT)
    side = image.levels[0].shape[0]
    surface.show()
    surface.show_image(side, side)
    surface.show_layers(stack.layers())
    whole = surface.viewport.fitted()

    def pan(i: int) -> None:
        # as a hand does it: a few px a frame, back and forth
        if i == 0:
            surface.go_to(surface.viewport.at(side / 2, side / 2, 1.0))
        step = 9 if i % 40 < 20 else -9
        surface.go_to(surface.viewport.moved(step, 5 * step // 9))
        surface.repaint()

    def pan_whole(i: int) -> None:
        if i == 0:
            surface.go_to(whole)
        step = 9 if i % 40 < 20 else -9
        surface.go_to(surface.viewport.moved(step, 5 * step // 9))
        surface.repaint()

    def zoom(i: int) -> None:
        if i == 0:
            surface.go_to(whole)
        factor = 1.2 if i % 20 < 10 else 1 / 1.2
        at = QPointF(WIDTH * 0.4, HEIGHT * 0.6)
        surface.go_to(surface.viewport.zoomed(factor, at.x(), at.y()))
        surface.repaint()

    return surface, pan, pan_whole, zoom


def stock(drawn: Scene, image: Picture) -> tuple[QWidget, Frame, Frame, Frame]:
    plot = pg.GraphicsLayoutWidget()
    plot.resize(WIDTH, HEIGHT)
    box = plot.addViewBox(lockAspect=True, invertY=True, enableMenu=False)
    box.addItem(pg.ImageItem(image.levels[0].T))
    known = drawn.opinions
    for style in label_styles():
        mine = known.label == style.value
        box.addItem(
            pg.ScatterPlotItem(
                known.x[mine], known.y[mine], size=4, pen=None, brush=QColor(style.colour)
            )
        )
    middle = pg.ScatterPlotItem(
        drawn.instances["x"], drawn.instances["y"], size=12, pen=pg.mkPen("w"), brush=None
    )
    box.addItem(middle)
    plot.show()
    side = image.levels[0].shape[0]

    def at(x: float, y: float, zoom: float) -> None:
        half_x, half_y = WIDTH / 2 / zoom, HEIGHT / 2 / zoom
        box.setRange(xRange=(x - half_x, x + half_x), yRange=(y - half_y, y + half_y), padding=0)
        plot.viewport().repaint()

    def pan(i: int) -> None:
        at(side / 2 + 9 * (i % 20), side / 2 + 5 * (i % 20), 1.0)

    def pan_whole(i: int) -> None:
        at(side / 2 + 9 * (i % 20), side / 2 + 5 * (i % 20), HEIGHT / side)

    def zoom(i: int) -> None:
        at(side / 2, side / 2, HEIGHT / side * 1.2 ** (i % 20 if i % 20 < 10 else 20 - i % 20))

    return plot, pan, pan_whole, zoom


def measure(frame: Frame) -> NDArray[np.float64]:
    took = []
    for i in range(FRAMES + 3):
        start = time.perf_counter()
        frame(i)
        took.append(1000 * (time.perf_counter() - start))
    return np.array(took[3:])


def main(counts: list[int]) -> None:
    app = QApplication([])
    look().apply("dark")
    rng = np.random.default_rng(0)
    image = picture(2048, rng)
    print(f"{'marks':>8} {'what':<12}{'pan 1:1':>16}{'pan whole':>16}{'zoom':>16}   median/p95, ms")
    for n in counts:
        drawn = scene(n, 2048, rng)
        for name, made in (
            ("own", own(drawn, image, groups=False)),
            ("own, hulls", own(drawn, image, groups=True)),
            ("stock", stock(drawn, image)),
        ):
            widget, *frames = made
            app.processEvents()
            cells = []
            for frame in frames:
                took = measure(frame)
                cells.append(f"{np.median(took):.1f}/{np.percentile(took, 95):.1f}")
            print(f"{n:>8} {name:<12}" + "".join(f"{cell:>16}" for cell in cells))
            widget.close()


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [2_000, 20_000, 200_000])
