"""Draw the README's picture: one corner of a demo micrograph, its marks, its centroids.

    python docs/draw_overview.py demo/demo.k2c docs/pictures/overview.png

Needs nothing but the program's own installation; the picture is the same for the same demo.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QImage, QPainter, QPen, QPolygonF

from k2c_gui.core import review
from k2c_gui.core.model import NO_LABEL
from k2c_gui.io import micrographs
from k2c_gui.io.resources import label_styles
from k2c_gui.session import Session

LEFT, TOP, SIDE, ZOOM, GAP = 650, 1500, 500, 1.0, 8  # px of micrograph 2; px of the picture
PANEL = int(SIDE * ZOOM)
CAPTION = 34
TITLES = ("The micrograph", "What volunteers marked", "One centroid a particle")
PLATE, TEXT, ASK = QColor("#151516"), QColor("#EDEDEF"), QColor("#F0E442")
CASING = QColor(0, 0, 0, 150)


def main() -> None:
    """Draw."""
    app = QGuiApplication(sys.argv[:1])
    with Session(Path(sys.argv[1])) as session:
        place = min(1, len(session.state.sources.micrographs) - 1)
        evidence = session.state.evidence[place]
        table = session.instances(only=[place])
        path = Path(session.state.sources.micrographs[place].path)
    bare = grey(micrographs.read(path))
    picture = QImage(3 * PANEL + 2 * GAP, PANEL + CAPTION, QImage.Format.Format_RGB32)
    picture.fill(PLATE)
    painter = QPainter(picture)
    painter.setRenderHints(
        QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
    )
    font = QFont()
    font.setPixelSize(16)
    painter.setFont(font)
    for panel, title in enumerate(TITLES):
        painter.save()
        painter.translate(panel * (PANEL + GAP), 0)
        painter.setPen(TEXT)
        painter.drawText(QRectF(2, 0, PANEL, CAPTION), Qt.AlignmentFlag.AlignVCenter, title)
        painter.translate(0, CAPTION)
        painter.setClipRect(0, 0, PANEL, PANEL)
        painter.drawImage(QRectF(0, 0, PANEL, PANEL), bare)
        if panel == 1:
            draw_marks(painter, evidence)
        if panel == 2:
            draw_centroids(painter, table)
        painter.restore()
    painter.end()
    if not picture.save(sys.argv[2]):
        raise SystemExit(f"{sys.argv[2]} cannot be written")
    del app


def grey(pixels: np.ndarray) -> QImage:
    """The corner, stretched between its .5 and 99.5 percentiles."""
    corner = pixels[TOP : TOP + SIDE, LEFT : LEFT + SIDE].astype(float)
    low, high = np.percentile(corner, [0.5, 99.5])
    eight = (np.clip((corner - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    eight = np.ascontiguousarray(eight)
    return QImage(eight.data, SIDE, SIDE, SIDE, QImage.Format.Format_Grayscale8).copy()


def draw_marks(painter: QPainter, evidence: review.Evidence) -> None:
    """A dot a mark, in the colour of its own five votes; white where they are split or missing."""
    colours = {style.value: QColor(style.colour) for style in label_styles()}
    counts = np.zeros((len(evidence.marks), len(evidence.labels)), int)
    cast = evidence.mark_of_vote >= 0
    labels = np.searchsorted([v.value for v in evidence.labels], evidence.votes["label"][cast])
    np.add.at(counts, (evidence.mark_of_vote[cast], labels), 1)
    for mark, votes in zip(evidence.marks, counts, strict=True):
        first, second = np.sort(votes)[::-1][:2]
        value = evidence.labels[int(votes.argmax())].value
        painter.setPen(QPen(CASING, 1))
        painter.setBrush(colours[value] if first > second else QColor("white"))
        painter.drawEllipse(at(mark), 3, 3)


def draw_centroids(painter: QPainter, table: np.ndarray) -> None:
    """A symbol an instance: colour and shape say the label, a ring says ambiguous."""
    styles = {style.value: style for style in label_styles()}
    for row in table:
        style = styles.get(int(row["label"]))
        colour = QColor("white") if style is None else QColor(style.colour)
        shape = "circle" if row["label"] == NO_LABEL or style is None else style.symbol
        for pen in (QPen(CASING, 4.5), QPen(colour, 2.2)):
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            draw_symbol(painter, at(row), shape)
        if row["ambiguous"]:
            painter.setPen(QPen(ASK, 1.6))
            painter.drawEllipse(at(row), 13, 13)


def draw_symbol(painter: QPainter, spot: QPointF, shape: str) -> None:
    """Outline of a label's shape."""
    x, y, r = spot.x(), spot.y(), 7.0
    if shape == "diamond":
        corners = [(0, -r), (r, 0), (0, r), (-r, 0)]
        painter.drawPolygon(QPolygonF([QPointF(x + a, y + b) for a, b in corners]))
    elif shape == "triangle":
        corners = [(0, -r), (r, 0.8 * r), (-r, 0.8 * r)]
        painter.drawPolygon(QPolygonF([QPointF(x + a, y + b) for a, b in corners]))
    elif shape == "saltire":
        for a in (1, -1):
            painter.drawLine(QPointF(x - 5, y - 5 * a), QPointF(x + 5, y + 5 * a))
    else:
        painter.drawEllipse(spot, r - 1, r - 1)


def at(row: np.void) -> QPointF:
    """Place of a mark or an instance in the panel."""
    return QPointF((row["x"] - LEFT) * ZOOM, (row["y"] - TOP) * ZOOM)


if __name__ == "__main__":
    main()
