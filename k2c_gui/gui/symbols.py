"""The symbol alphabet: what a label and a state look like, on the image and in the chrome.

Shape and colour say what; a ring is a question, a fill an answer, a broken line says that
something is missing. Sizes are screen pixels and do not scale with the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import cos, pi, sin

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap

from k2c_gui.core.model import BACKING, NO_LABEL, STATUS, Ints, Table
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
        Blind: drawn as if it had no label. The ring stays: that it is a question is no vote.
    sign : str
        Of `SIGNS`: how the grouping bears a decision out.
    """

    label: int
    status: int = PROPOSED
    ambiguous: bool = False
    hidden: bool = False
    sign: str = ""


SIGNS = ("", "dissolved", "expert", "changed", "merged", "conflict", "split", "grew")
"""What a decision looks like beside its label; ``expert``: only an expert marked it."""

_SIGN_OF_BACKING = np.array(
    [SIGNS.index({"detached": "dissolved", "kept": ""}.get(name, name)) for name in BACKING]
)


def signs(instances: Table) -> Ints:
    """Place in `SIGNS` of each INSTANCE row."""
    sign = _SIGN_OF_BACKING[instances["backing"]]
    alone = (instances["n_marks"] == 0) & (instances["status"] != PROPOSED) & (sign == 0)
    return np.asarray(np.where(alone, SIGNS.index("expert"), sign))


def symbol_of(one: np.void, *, hidden: bool) -> Symbol:
    """What an INSTANCE row looks like; of what is withheld only that it is a question."""
    sign = SIGNS[int(signs(np.atleast_1d(one))[0])]
    status = int(one["status"])
    if hidden and status != PROPOSED:
        return Symbol(NO_LABEL, PROPOSED, ambiguous=True, hidden=True, sign=sign)
    return Symbol(int(one["label"]), status, bool(one["ambiguous"]), hidden, sign)


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
    if symbol.status in (DECIDED, REJECTED) and symbol.sign != "dissolved":
        size *= 0.86
    path = outline(label, size)
    saltire = label in styles() and styles()[label].symbol == "saltire"
    if symbol.sign == "dissolved":
        _broken(painter, path, tint, size, casing=casing)
    elif symbol.status == DECIDED:
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
    if symbol.sign == "expert":
        _ticks(painter, size, tint if symbol.status == DECIDED else WHITE, casing=casing)
    elif casing:
        _signed(painter, symbol.sign, size)


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
    return symbol.status == DEFERRED or (symbol.ambiguous and not ruled)


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


def _broken(
    painter: QPainter, path: QPainterPath, tint: QColor, size: float, *, casing: bool
) -> None:
    """An edge with gaps, and a dot: what was decided here, and nothing backs it."""
    line = max(1.5, 0.15 * size)
    if casing:
        _stroke(painter, path, CASING, line + 2.2)
    pen = QPen(tint, line)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    pen.setDashPattern([0.21 * size / line, 0.17 * size / line])
    painter.strokePath(path, pen)
    dot = QPainterPath()
    dot.addEllipse(QPointF(0, 0), 0.17 * size, 0.17 * size)
    if casing:
        _stroke(painter, dot, CASING, 2.2)
    painter.fillPath(dot, tint)


def _ticks(painter: QPainter, size: float, tint: QColor, *, casing: bool) -> None:
    """Four lines that point at what only an expert marked."""
    path = QPainterPath()
    for x, y in ((1, 0), (0, 1), (-1, 0), (0, -1)):
        path.moveTo(0.80 * size * x, 0.80 * size * y)
        path.lineTo(1.18 * size * x, 1.18 * size * y)
    line = max(1.5, 0.15 * size)
    if casing:
        _stroke(painter, path, CASING, line + 2.2)
    _stroke(painter, path, tint, line)


_STROKES: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "changed": (((-4, -2), (4, -2)), ((-4, 2), (4, 2)), ((-2, 4), (2, -4))),
    "merged": (((-4, -4), (0, 0), (-4, 4)), ((0, 0), (4, 0))),
    "split": (((4, -4), (0, 0), (4, 4)), ((0, 0), (-4, 0))),
    "grew": (((-4, 1), (0, -3), (4, 1)), ((0, -3), (0, 4))),
    "conflict": (((0, -4.5), (0, 1)), ((0, 4), (0, 4.4))),
}
"""Lines of each sign, px: not equal; two become one; one becomes two; more; look here."""


def _signed(painter: QPainter, sign: str, size: float) -> None:
    """A small white sign at the upper right."""
    path = QPainterPath()
    for line in _STROKES.get(sign, ()):
        path.moveTo(*line[0])
        for point in line[1:]:
            path.lineTo(*point)
    if not path.isEmpty():
        path.translate(0.8 * size, -0.8 * size)
        _stroke(painter, path, CASING, 3.8)
        _stroke(painter, path, WHITE, 1.6)


def pennant(painter: QPainter, tint: QColor, *, filled: bool, casing: bool = True) -> None:
    """A small flag whose pole stands at the painter's origin; hollow for words alone."""
    pole, cloth = QPainterPath(), QPainterPath()
    pole.moveTo(0, 0)
    pole.lineTo(0, -11)
    for i, (x, y) in enumerate(((0, -11), (7.5, -8.5), (0, -6))):
        (cloth.lineTo if i else cloth.moveTo)(x, y)
    cloth.closeSubpath()
    if casing:
        for path in (pole, cloth):
            _stroke(painter, path, CASING, 3.6)
    for path in (pole, cloth):
        _stroke(painter, path, tint, 1.4)
    if filled:
        painter.fillPath(cloth, tint)


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
