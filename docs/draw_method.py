"""Draw the pictures of docs/method.md: what 2022 and the default make of the same marks.

    python docs/draw_method.py docs/pictures

One corner of a demo micrograph at its border, and one with particles that touch. Needs nothing
but the program's own installation; the pictures are the same every time.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "benchmarks"))

import numpy as np
from method import LABELS
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QImage, QPainter, QPen

from k2c_gui import demo
from k2c_gui.core import exposure, review
from k2c_gui.core.model import DEFAULT, SETTING_2022, Grouping, Micrograph, Sources, Table

WORLD = demo.WorldParams(
    seed=9007, jitter=0.12, miss_rate=0.15, touching=0.6, double_clicks=0.1, offset=4.0
)
PICTURES = {"method-border.png": (2, 0, 740), "method-touching.png": (1, 200, 1290)}
"""Micrograph, left and top of what is shown, px."""
SIDE, ZOOM, GAP, CAPTION = 220, 2.0, 8, 34
PANEL = int(SIDE * ZOOM)
PLATE, TEXT, NOISE, TRUTH = (QColor(c) for c in ("#151516", "#EDEDEF", "#B8B8BC", "#FFFFFF"))
GROUPS = tuple(
    QColor(c) for c in ("#E69F00", "#56B4E9", "#F0E442", "#CC79A7", "#00D09A", "#FF6A3D", "#8FA8FF")
)


def main() -> None:
    """Draw."""
    app = QGuiApplication(sys.argv[:1])
    world = demo.make(WORLD)
    size = WORLD.size
    sources = Sources(
        tuple(Micrograph(name, name, size, size) for name in world.names),
        LABELS,
        tuple(str(i) for i in range(len(world.tiles))),
        world.tiles,
        world.looks,
        world.marks,
        world.votes,
    )
    evidence = review.evidence(exposure.count(sources))
    for name, (place, left, top) in PICTURES.items():
        corner = grey(world.micrograph(place)[top : top + SIDE, left : left + SIDE])
        truth = world.truth[world.truth["micrograph"] == place]
        own = evidence[place]
        panels = (
            ("Marks, and the true particles", None),
            ("2022", review.group(own, SETTING_2022)),
            ("The default", review.group(own, DEFAULT)),
        )
        picture = QImage(3 * PANEL + 2 * GAP, PANEL + CAPTION, QImage.Format.Format_RGB32)
        picture.fill(PLATE)
        painter = QPainter(picture)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        font = QFont()
        font.setPixelSize(17)
        painter.setFont(font)
        for i, (title, grouping) in enumerate(panels):
            painter.save()
            painter.translate(i * (PANEL + GAP), 0)
            painter.setPen(TEXT)
            painter.drawText(QRectF(4, 0, PANEL, CAPTION), Qt.AlignmentFlag.AlignVCenter, title)
            painter.translate(0, CAPTION)
            painter.setClipRect(0, 0, PANEL, PANEL)
            painter.drawImage(QRectF(0, 0, PANEL, PANEL), corner)
            painter.scale(ZOOM, ZOOM)
            painter.translate(-left, -top)
            draw_truth(painter, truth)
            draw_marks(painter, own.marks, grouping)
            painter.restore()
        painter.end()
        if not picture.save(str(Path(sys.argv[1]) / name)):
            raise SystemExit(f"{name} cannot be written")
    del app


def grey(pixels: np.ndarray) -> QImage:
    """Stretched between the .5 and 99.5 percentiles, and light enough to draw on."""
    low, high = np.percentile(pixels, [0.5, 99.5])
    eight = (np.clip((pixels - low) / (high - low), 0, 1) * 150 + 40).astype(np.uint8)
    eight = np.ascontiguousarray(eight)
    return QImage(eight.data, SIDE, SIDE, SIDE, QImage.Format.Format_Grayscale8).copy()


def draw_truth(painter: QPainter, truth: Table) -> None:
    """A ring as wide as each particle."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(TRUTH, 0.6, Qt.PenStyle.DashLine))
    for particle in truth:
        at, radius = QPointF(particle["x"], particle["y"]), particle["diameter"] / 2
        painter.drawEllipse(at, radius, radius)


def draw_marks(painter: QPainter, marks: Table, grouping: Grouping | None) -> None:
    """A dot a mark, in the colour of its group, and a cross a centroid."""
    colours = [] if grouping is None else distinct(grouping)
    for i, mark in enumerate(marks):
        group = -1 if grouping is None else int(grouping.group_of_mark[i])
        painter.setPen(QPen(QColor(0, 0, 0, 160), 0.4))
        painter.setBrush(NOISE if group < 0 else colours[group])
        painter.drawEllipse(QPointF(mark["x"], mark["y"]), 1.4, 1.4)
    if grouping is None:
        return
    for g, (x, y) in enumerate(zip(grouping.x, grouping.y, strict=True)):
        for colour, width in ((QColor(0, 0, 0), 3.4), (colours[g], 1.8)):
            painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(QPointF(x - 5, y), QPointF(x + 5, y))
            painter.drawLine(QPointF(x, y - 5), QPointF(x, y + 5))


def distinct(grouping: Grouping) -> list[QColor]:
    """A colour for each group that no group near it has, as far as there are colours."""
    chosen: list[int] = []
    for g, (x, y) in enumerate(zip(grouping.x, grouping.y, strict=True)):
        near = np.argsort(np.hypot(grouping.x[:g] - x, grouping.y[:g] - y))[: len(GROUPS) - 1]
        taken = {chosen[i] for i in near}
        chosen.append(min(set(range(len(GROUPS))) - taken))
    return [GROUPS[i] for i in chosen]


if __name__ == "__main__":
    main()
