"""Dark translucent plates on the image: what is read or switched without leaving it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QWidget

from k2c_gui.gui.actions import Actions
from k2c_gui.gui.controls import fold
from k2c_gui.gui.style import (
    CAPTION,
    PLATE,
    PLATE_DIM,
    PLATE_EDGE,
    PLATE_TEXT,
    WHITE,
    font,
    plate_icon,
    px,
)
from k2c_gui.gui.symbols import Symbol, draw

from .tiles import veil

NAMES = ("marks", "noise", "groups", "centroids", "tiles", "exposure")
"""Layers that can be shown and hidden, as in the plate."""

_STEPS = (1, 2, 5)
_SHADES = 8
_LOOKS = 3
"""Place of the looks among the words of the scale plate."""

_GROUND = QColor("#0C0C0D")
"""Under the legend of the veil, as the darkest of an image."""


@lru_cache(maxsize=64)
def ground(width: int, height: int, ratio: float) -> QPixmap:
    """An empty plate; painting one anew costs more than all that is on it."""
    pixmap = QPixmap(round(width * ratio), round(height * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(PLATE_EDGE, 1))
    painter.setBrush(PLATE)
    painter.drawRoundedRect(QRectF(0.5, 0.5, width - 1, height - 1), 8, 8)
    painter.end()
    return pixmap


class Plate(QWidget):
    """A dark rounded rectangle with a hair of an edge."""

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the plate, then what is on it."""
        painter = QPainter(self)
        painter.drawPixmap(0, 0, ground(self.width(), self.height(), self.devicePixelRatioF()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.fill(painter)
        painter.end()

    def fill(self, painter: QPainter) -> None:
        """Paint what is on the plate."""


class PlateButton(QAbstractButton):
    """A word or an icon on a plate.

    Parameters
    ----------
    text : str
    parent : QWidget
    icon : str
        In place of the text.
    dot : bool
        A dot before the text says whether it is checked.
    quiet : bool
        Dim whether checked or not.
    """

    def __init__(
        self, text: str, parent: QWidget, *, icon: str = "", dot: bool = False, quiet: bool = False
    ) -> None:
        super().__init__(parent)
        self.setText(text)
        self.setAccessibleName(text)
        self.setCheckable(dot)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._icon, self._dot, self._quiet = icon, dot, quiet
        self.underlined = False

    def nextCheckState(self) -> None:
        """What is drawn decides what is checked, not the click."""

    def sizeHint(self) -> QSize:
        """Room for the words."""
        if self._icon:
            return QSize(px(24), px(24))
        wide = QFontMetricsF(font(CAPTION, 600)).horizontalAdvance(self.text())
        return QSize(round(wide) + px(16 if self._dot else 6), px(24))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the dot and the word."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(PLATE_EDGE)
            painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        if self._icon:
            side = px(16)
            at = QPoint((self.width() - side) // 2, (self.height() - side) // 2)
            painter.drawPixmap(at.x(), at.y(), side, side, plate_icon(self._icon))
            painter.end()
            return
        bright = (self.isChecked() or not self._dot) and not self._quiet
        left = px(3)
        if self._dot:
            self._paint_dot(painter)
            left = px(13)
        chosen = QFont(font(CAPTION, 600 if self.isChecked() else 400))
        chosen.setUnderline(self.underlined)
        painter.setFont(chosen)
        painter.setPen(PLATE_TEXT if bright else PLATE_DIM)
        room = QRectF(left, 0, self.width() - left, self.height())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, self.text())
        painter.end()

    def _paint_dot(self, painter: QPainter) -> None:
        centre, radius = QPointF(px(6), self.height() / 2), px(5) / 2
        if self.isChecked():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(WHITE)
            painter.drawEllipse(centre, radius, radius)
        else:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(PLATE_DIM, 1))
            painter.drawEllipse(centre, radius - 0.2, radius - 0.2)


class LayersPlate(Plate):
    """Names of the layers, how marks are coloured, contrast, opacity.

    Parameters
    ----------
    actions : Actions
    parent : QWidget
    """

    contrast_asked = Signal()
    opacity_asked = Signal()

    def __init__(self, actions: Actions, parent: QWidget) -> None:
        super().__init__(parent)
        self._actions = actions
        self._row = row = QHBoxLayout(self)
        row.setSizeConstraint(QHBoxLayout.SizeConstraint.SetNoConstraint)  # names fold away
        row.setContentsMargins(px(4), px(2), px(4), px(2))
        row.setSpacing(px(4))
        self.buttons: dict[str, PlateButton] = {}
        for name in NAMES:
            button = PlateButton(name.capitalize(), self, dot=True)
            button.clicked.connect(lambda _checked=False, name=name: actions.trigger(name))
            self.buttons[name] = button
            row.addWidget(button)
            if name == "marks":
                self.colours = PlateButton("label", self, quiet=True)
                self.colours.clicked.connect(lambda: actions.trigger("mark-colours"))
                row.addWidget(self.colours)
        self.contrast = PlateButton("Contrast", self, icon="contrast")
        self.contrast.clicked.connect(self.contrast_asked)
        self.opacity = PlateButton("Opacity of the layers", self, icon="more")
        self.opacity.clicked.connect(self.opacity_asked)
        row.addSpacing(px(4))
        row.addWidget(self.contrast)
        row.addWidget(self.opacity)
        actions.keys_changed.connect(self._name_keys)
        self._name_keys()

    def fit(self, room: int) -> None:
        """Leave out names that a narrow window has no room for; their keys and opacities stay."""
        names = [self.buttons[name] for name in NAMES if name not in ("marks", "noise")]
        fold(self._row, (self.colours, *names), room)
        self.resize(self.sizeHint().boundedTo(QSize(room, self.sizeHint().height())))

    def show_layers(self, visible: dict[str, bool], colours: str) -> None:
        """Show what is switched on, and what the colours of the marks mean."""
        for name, button in self.buttons.items():
            button.setChecked(visible[name])
        self.colours.setText(colours)
        self.colours.updateGeometry()
        self.adjustSize()
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the font scale."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            for button in self.findChildren(PlateButton):
                button.updateGeometry()

    def fill(self, painter: QPainter) -> None:
        """Part the names from the icons by a hairline."""
        x = self.contrast.x() - px(4)
        painter.setPen(QPen(PLATE_EDGE, 1))
        painter.drawLine(x, px(7), x, self.height() - px(7))

    def _name_keys(self) -> None:
        for name, button in self.buttons.items():
            button.setToolTip(self._actions.tooltip(name))
        self.colours.setToolTip(self._actions.tooltip("mark-colours"))
        self.contrast.setToolTip("Contrast")
        self.opacity.setToolTip("Opacity of the layers")


@dataclass(frozen=True, slots=True)
class Readout:
    """What the cursor points at.

    Attributes
    ----------
    x, y : float
        px of the image.
    grey : float or None
    looks : int or None
        None: not asked for.
    """

    x: float
    y: float
    grey: float | None
    looks: int | None = None


class ScalePlate(Plate):
    """Scale bar, what the cursor points at, and the zoom."""

    pixel_size_asked = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._zoom = 1.0
        self._nm: float | None = None
        self._readout: Readout | None = None
        self._looks = False
        self._full = 0
        self._room = 10_000
        self.link = PlateButton("set pixel size", self)
        self.link.underlined = True
        self.link.clicked.connect(self.pixel_size_asked)

    def fit(self, room: int) -> None:
        """Leave out what a narrow window has no room for: looks, grey, nm, px in this order."""
        self._room = room
        self.resize(self.sizeHint())

    def show_scale(self, zoom: float, pixel_size_nm: float | None) -> None:
        """Take the zoom and the pixel size."""
        self._zoom, self._nm = zoom, pixel_size_nm
        self.link.setVisible(pixel_size_nm is None)
        self.update()

    def show_readout(self, readout: Readout | None, *, looks: bool, full: int = 0) -> None:
        """Take what the cursor points at; None when it is elsewhere.

        With `looks` the veil of the exposure is explained, which ends at the full number.
        """
        if (looks, full) != (self._looks, self._full):
            self._looks, self._full = looks, full
            self.adjustSize()
        if readout != self._readout:
            self._readout = readout
            self.update()

    @property
    def words(self) -> tuple[str, str, str, str, str]:
        """Place in px, place in nm, grey value, looks, zoom."""
        at, nm = self._readout, self._nm
        if at is None:
            place, place_nm, grey, looks = (
                "x –  y – px",
                "– nm",
                "grey –",
                f"0 to {self._full} looks",
            )
        else:
            place = f"x {at.x:.1f}  y {at.y:.1f} px"
            place_nm = "" if nm is None else f"{at.x * nm:.1f}, {at.y * nm:.1f} nm"
            grey = "grey –" if at.grey is None else f"grey {at.grey:.5g}"
            looks = f"{at.looks or 0} of {self._full} looks"
        zoom = 100 * self._zoom
        return (
            place,
            "" if nm is None else place_nm,
            grey,
            looks if self._looks else "",
            f"{zoom:.0f} %" if zoom >= 10 else f"{zoom:.1f} %",
        )

    def sizeHint(self) -> QSize:
        """Room for the longest of each, so that nothing moves."""
        fields = sum(self._fields()) + px(14) * sum(wide > 0 for wide in self._fields())
        return QSize(px(12) + px(120) + round(fields) + px(12), px(30))

    def fill(self, painter: QPainter) -> None:
        """Paint the bar and the words."""
        length, text = scale_bar(px(120), self._zoom, self._nm)
        left, bottom = px(12), self.height() - px(8)
        painter.setPen(PLATE_TEXT)
        painter.setFont(font(CAPTION, 600))
        room = QRectF(left, px(2), length, self.height() - px(12))
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextDontClip, text)
        painter.fillRect(QRectF(left, bottom, length, 2), WHITE)
        x = float(px(12) + px(120))
        painter.setFont(font(CAPTION))
        middle = Qt.AlignmentFlag.AlignVCenter
        for i, (word, wide) in enumerate(zip(self.words, self._fields(), strict=True)):
            if not wide:
                continue
            x += px(14)
            painter.setPen(QPen(PLATE_EDGE, 1))
            painter.drawLine(QPointF(x - px(7), px(8)), QPointF(x - px(7), self.height() - px(8)))
            painter.setPen(PLATE_TEXT if self._readout or i == 4 else PLATE_DIM)
            if i == 1 and self._nm is None:
                self.link.setGeometry(round(x) - px(3), px(3), round(wide) + px(6), px(24))
            before = self._legend(painter, x) if i == _LOOKS else 0
            box = QRectF(x + before, 0, wide - before, self.height())
            painter.drawText(box, middle, word)
            x += wide

    def _legend(self, painter: QPainter, left: float) -> float:
        """Paint what the veil is like from no look to all of them, and where the cursor is."""
        wide, high = px(40), px(8)
        ramp = QRectF(left, (self.height() - high) / 2, wide, high)
        painter.fillRect(ramp, _GROUND)
        step = wide / _SHADES
        for i in range(_SHADES):
            cell = QRectF(left + i * step, ramp.top(), step, high)
            painter.fillRect(cell, veil(i / (_SHADES - 1)))
        if self._readout is not None and self._full:
            share = min(1.0, (self._readout.looks or 0) / self._full)
            at = left + share * (wide - 2)
            painter.fillRect(QRectF(at, ramp.top() - 2, 2, high + 4), WHITE)
        return wide + px(6)

    def _fields(self) -> tuple[float, ...]:
        measure = QFontMetricsF(font(CAPTION)).horizontalAdvance
        fields = [
            measure("x 00000.0  y 00000.0 px"),
            measure("set pixel size" if self._nm is None else "0000.0, 0000.0 nm"),
            measure("grey 00000"),
            measure("00 of 00 looks") + px(46) if self._looks else 0.0,
            measure("4000 %"),
        ]
        for i in (3, 2, 1, 0):
            if sum(fields) + px(14) * sum(wide > 0 for wide in fields) + px(144) > self._room:
                fields[i] = 0.0
        return tuple(fields)


def scale_bar(room: float, zoom: float, pixel_size_nm: float | None) -> tuple[float, str]:
    """Choose a round length that fits.

    Parameters
    ----------
    room : float
        Screen px.
    zoom : float
        Screen px per image px.
    pixel_size_nm : float or None

    Returns
    -------
    length : float
        Screen px.
    text : str
        Such as ``20 nm``; in px without a pixel size.
    """
    per_unit = zoom / (pixel_size_nm or 1.0)
    most = room / per_unit
    power = 10.0**-6
    best = power
    while power <= most:
        best = max([best, *(step * power for step in _STEPS if step * power <= most)])
        power *= 10
    if pixel_size_nm is None:
        text = f"{best:.10g} px"
    elif best >= 1000:
        text = f"{best / 1000:.10g} µm"
    else:
        text = f"{best:.10g} nm"
    return best * per_unit, text


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a hover plate: a symbol, words at the left, a number at the right."""

    text: str
    number: str = ""
    symbol: Symbol | None = None
    dim: bool = False


class HoverPlate(Plate):
    """What lies under the cursor."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.lines: tuple[Line, ...] = ()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def show_at(self, lines: tuple[Line, ...], at: QPoint, room: QSize) -> None:
        """Show the lines near a place, inside the room there is."""
        self.lines = lines
        self.resize(self.sizeHint())
        away = px(16)
        x = at.x() + away if at.x() + away + self.width() < room.width() else at.x() - away
        y = at.y() + away if at.y() + away + self.height() < room.height() else at.y() - away
        x = x if x > at.x() else x - self.width()
        y = y if y > at.y() else y - self.height()
        self.move(max(px(4), x), max(px(4), y))
        self.show()
        self.raise_()
        self.update()

    def sizeHint(self) -> QSize:
        """Room for the widest line."""
        measure = QFontMetricsF(font(CAPTION, 600)).horizontalAdvance
        wide = max(
            (
                measure(line.text)
                + (px(22) if line.symbol else 0)
                + (measure(line.number) + px(20) if line.number else 0)
                for line in self.lines
            ),
            default=0.0,
        )
        return QSize(round(wide) + px(24), px(19) * len(self.lines) + px(13))

    def fill(self, painter: QPainter) -> None:
        """Paint the lines."""
        y, row = px(6), px(19)
        middle = Qt.AlignmentFlag.AlignVCenter
        for i, line in enumerate(self.lines):
            left = px(12)
            if line.symbol is not None:
                painter.save()
                painter.translate(left + px(7), y + row / 2)
                # with casing: the colours of the image, whatever the theme
                draw(painter, line.symbol, px(9))
                painter.restore()
                left += px(22)
            painter.setPen(PLATE_DIM if line.dim else PLATE_TEXT)
            painter.setFont(font(CAPTION, 600 if i == 0 else 400))
            room = QRectF(left, y, self.width() - px(12) - left, row)
            painter.drawText(room, middle | Qt.AlignmentFlag.AlignLeft, line.text)
            painter.drawText(room, middle | Qt.AlignmentFlag.AlignRight, line.number)
            y += row
