"""The symbol alphabet: what a label and a state look like, on the image and in the chrome.

Shape and colour say what; a ring is a question, a fill an answer, a broken line says that
something is missing. Sizes are screen pixels and do not scale with the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import cos, pi, sin

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap

from k2c_gui.core.model import STATUS
from k2c_gui.io.resources import LabelStyle, label_styles

from .style import ASK, CASING, UNLABELLED, WHITE, colour, look

PROPOSED, DECIDED, REJECTED, DEFERRED = range(len(STATUS))

_EDGES = {"#E69F00": "#B47600", "#56B4E9": "#0072B2", "#CC79A7": "#A84E80", "#009E73": "#007D5A"}


@dataclass(frozen=True, slots=True)
class Symbol:
    """What one instance looks like.

    Attributes
    ----------
    label : int
        Value; a negative one has no label: a white circle.
    status : int
        Place in `STATUS`.
    ambiguous : bool
    hidden : bool
        Blind: drawn as if it had no label, and not as ambiguous.
    """

    label: int
    status: int = PROPOSED
    ambiguous: bool = False
    hidden: bool = False


@cache
def styles() -> dict[int, LabelStyle]:
    """Looks of the labels by value."""
    return {style.value: style for style in label_styles()}


def label_colour(label: int) -> QColor:
    """Colour of a label on the image; white where there is none."""
    style = styles().get(label)
    return UNLABELLED if style is None else QColor(style.colour)


def edge_colour(label: int) -> QColor:
    """Colour of a label's lines in the chrome: in the light theme dark enough to be seen."""
    if look().theme == "dark":
        return label_colour(label)
    style = styles().get(label)
    if style is None:
        return colour("text3")
    edge = _EDGES.get(style.colour.upper())
    return QColor(style.colour).darker(140) if edge is None else QColor(edge)


def centroid_size(zoom: float) -> float:
    """Diameter of a centroid's symbol, screen px, at screen px per image px."""
    return float(min(20.0, max(8.0, 12.0 * zoom**0.32)))


def mark_size(zoom: float) -> float:
    """Diameter of a mark's dot, screen px."""
    return float(min(6.0, max(1.8, 3.0 * zoom**0.45)))


def outline(label: int, size: float) -> QPainterPath:
    """The shape of a label around the origin; shapes of one size weigh the same.

    Parameters
    ----------
    label : int
    size : float
        Diameter of the circle, px.
    """
    style = styles().get(label)
    shape = "circle" if style is None else style.symbol
    path = QPainterPath()
    if shape == "diamond":
        _polygon(path, [(0.0, -0.64), (0.64, 0.0), (0.0, 0.64), (-0.64, 0.0)], size)
    elif shape == "triangle":
        corners = [(a, -pi / 2 + a * 2 * pi / 3) for a in range(3)]
        points = [(0.69 * cos(t), 0.08 + 0.69 * sin(t)) for _, t in corners]
        _polygon(path, points, size)
    elif shape == "saltire":
        reach = 0.42 * size
        for sign in (1, -1):
            path.moveTo(-reach, -reach * sign)
            path.lineTo(reach, reach * sign)
    else:
        path.addEllipse(QPointF(0, 0), size / 2, size / 2)
    return path


def draw(painter: QPainter, symbol: Symbol, size: float, *, casing: bool = True) -> None:
    """Draw a symbol around the painter's origin.

    Parameters
    ----------
    painter : QPainter
        Antialiased.
    symbol : Symbol
    size : float
        Diameter of the proposed symbol, px.
    casing : bool
        The dark edge that parts it from the image; not in the chrome.
    """
    label = -1 if symbol.hidden else symbol.label
    tint = label_colour(label) if casing or symbol.status == DECIDED else edge_colour(label)
    if symbol.status in (DECIDED, REJECTED):
        size *= 0.86
    path = outline(label, size)
    saltire = label in styles() and styles()[label].symbol == "saltire"
    if symbol.status == DECIDED:
        edge = None if casing or look().theme == "dark" else edge_colour(label)
        _filled(painter, path, tint, size, saltire=saltire, casing=casing, edge=edge)
    else:
        line = max(1.5, 0.15 * size)
        if casing:
            _stroke(painter, path, CASING, line + 2.2)
        _stroke(painter, path, tint, line)
    if symbol.status == REJECTED:
        _struck(painter, size, casing=casing)
    if ringed(symbol):
        _ring(painter, size, broken=symbol.status == DEFERRED, casing=casing)


@cache
def chip(symbol: Symbol, size: int, theme: str) -> QPixmap:
    """A symbol for the chrome.

    Parameters
    ----------
    symbol : Symbol
    size : int
        Diameter, px.
    theme : str
        Part of the answer's name only: chips of two themes differ in the ring's yellow.
    """
    side, ratio = round(size * 2.2), 2
    pixmap = QPixmap(side * ratio, side * ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(ratio, ratio)
    painter.translate(side / 2, side / 2)
    draw(painter, symbol, size, casing=False)
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def corners(painter: QPainter, half: float = 23.0, arm: float = 9.0) -> None:
    """Four white corners around the painter's origin: what is selected."""
    path = QPainterPath()
    for sx in (-1, 1):
        for sy in (-1, 1):
            path.moveTo(sx * half, sy * (half - arm))
            path.lineTo(sx * half, sy * half)
            path.lineTo(sx * (half - arm), sy * half)
    _stroke(painter, path, CASING, 4.2)
    _stroke(painter, path, WHITE, 2.0)


def ringed(symbol: Symbol) -> bool:
    """Whether a ring lies around it, which takes almost twice the room."""
    ruled = symbol.status in (DECIDED, REJECTED)
    return symbol.status == DEFERRED or (symbol.ambiguous and not symbol.hidden and not ruled)


def _polygon(path: QPainterPath, points: list[tuple[float, float]], size: float) -> None:
    path.moveTo(points[0][0] * size, points[0][1] * size)
    for x, y in points[1:]:
        path.lineTo(x * size, y * size)
    path.closeSubpath()


def _stroke(painter: QPainter, path: QPainterPath, tint: QColor, width: float) -> None:
    pen = QPen(tint, width)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.strokePath(path, pen)


def _filled(
    painter: QPainter,
    path: QPainterPath,
    tint: QColor,
    size: float,
    *,
    saltire: bool,
    casing: bool,
    edge: QColor | None,
) -> None:
    """A ruled symbol; a saltire has no inside and is drawn thicker instead."""
    if saltire:
        if casing or edge:
            around = CASING if edge is None else edge
            _stroke(painter, path, around, 0.36 * size + (2.6 if casing else 2.0))
        _stroke(painter, path, tint, 0.36 * size)
        return
    if casing:
        _stroke(painter, path, CASING, 2.6)
    painter.fillPath(path, tint)
    if edge:
        _stroke(painter, path, edge, 1.0)


def _struck(painter: QPainter, size: float, *, casing: bool) -> None:
    """A bar through what is no thing at all."""
    path = QPainterPath()
    path.moveTo(-0.75 * size, 0.75 * size)
    path.lineTo(0.75 * size, -0.75 * size)
    if casing:
        _stroke(painter, path, CASING, 4.0)
    _stroke(painter, path, WHITE if casing else colour("text1"), 1.8)


def _ring(painter: QPainter, size: float, *, broken: bool, casing: bool) -> None:
    radius = 1.96 * size / 2
    width = max(1.2, 0.15 * size * 0.9)
    box = QRectF(-radius, -radius, 2 * radius, 2 * radius)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if casing:
        painter.setPen(QPen(CASING, width + 2.2))
        painter.drawEllipse(box)
    pen = QPen(ASK if casing else colour("ask"), width)
    if broken:
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        dash = 2 * pi * radius / 16 / width
        pen.setDashPattern([dash, dash])
    painter.setPen(pen)
    painter.drawEllipse(box)
