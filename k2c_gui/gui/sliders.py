"""Sliders with a number, a pinned value and a range; one is a `Dial`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSlider, QVBoxLayout, QWidget

from .controls import Text, width
from .style import CAPTION, TITLE, colour, font, px

_THUMB = 13
_WHEEL_NOTCH = 120


class Slider(QSlider):
    """A thin slider with a pinned value: a triangle under the track; double click goes there.

    Its value is a whole number of ticks. Wheel and arrows go by `singleStep`, the mouse to
    multiples of `snap`.

    Parameters
    ----------
    snap : int
    """

    def __init__(self, snap: int = 1) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.snap = snap
        self.pinned = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumWidth(px(72))

    def set_pinned(self, value: int) -> None:
        """Move the triangle."""
        if value != self.pinned:
            self.pinned = value
            self.update()

    def sizeHint(self) -> QSize:
        """Room for the thumb, and the triangle under it."""
        return QSize(px(150), px(_THUMB + 9))

    def minimumSizeHint(self) -> QSize:
        """As high as `sizeHint`."""
        return QSize(px(72), self.sizeHint().height())

    def place(self, value: int) -> float:
        """Where a value is, px from the left."""
        half = px(_THUMB) / 2 + 1
        span = max(1, self.maximum() - self.minimum())
        return half + (value - self.minimum()) / span * (self.width() - 2 * half)

    def triangle(self) -> QPointF:
        """Middle of the triangle of the pinned value."""
        pinned = min(self.maximum(), max(self.minimum(), self.pinned))
        return QPointF(self.place(pinned), px(_THUMB) + px(5))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Bring the thumb under the pointer, unless that is on the triangle."""
        if event.button() == Qt.MouseButton.LeftButton and not self._on_triangle(event):
            self.setSliderDown(True)
            self._to(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the thumb."""
        if self.isSliderDown():
            self._to(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let the thumb go."""
        self.setSliderDown(False)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Go back to the pinned value."""
        if self._on_triangle(event):
            self.setValue(self.pinned)
        else:
            self.mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Go by one step a notch."""
        turned = event.angleDelta().y() or event.angleDelta().x()
        steps = int(turned / _WHEEL_NOTCH) or (1 if turned > 0 else -1 if turned < 0 else 0)
        self.setValue(self.value() + steps * self.singleStep())
        event.accept()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Track, thumb and triangle."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        on = self.isEnabled()
        middle, left, thumb = px(_THUMB) / 2 + 1, px(_THUMB) / 2 + 1, self.place(self.value())
        _bar(painter, left, self.width() - left, middle, colour("track"))
        _bar(painter, left, thumb, middle, colour("text3" if on else "track"))
        at, half = self.triangle(), px(3.5)
        shape = [QPointF(0, -half), QPointF(half, half * 0.8), QPointF(-half, half * 0.8)]
        painter.setBrush(colour("text3" if on else "disabled"))
        painter.drawPolygon(QPolygonF([at + point for point in shape]))
        painter.setBrush(colour("solid" if on else "disabled"))
        painter.drawEllipse(QPointF(thumb, middle), px(_THUMB) / 2, px(_THUMB) / 2)
        if self.hasFocus() and on:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(colour("text1"))
            painter.drawEllipse(QPointF(thumb, middle), middle - 0.5, middle - 0.5)
        painter.end()

    def _on_triangle(self, event: QMouseEvent) -> bool:
        off = event.position() - self.triangle()
        return abs(off.x()) <= px(7) and off.y() >= -px(4)

    def _to(self, event: QMouseEvent) -> None:
        half = px(_THUMB) / 2 + 1
        share = (event.position().x() - half) / max(1.0, self.width() - 2 * half)
        value = self.minimum() + share * (self.maximum() - self.minimum())
        self.setValue(round(value / self.snap) * self.snap)


class Number(QLineEdit):
    """A number to be typed; Enter, Esc or leaving it gives the keys back.

    Parameters
    ----------
    typed : callable
        Called with the text when Enter is pressed or the field is left with other words in it.
    """

    def __init__(self, typed: Callable[[str], None]) -> None:
        super().__init__()
        self._typed = typed
        self._shown = ""
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # never by itself: it takes the keys
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.editingFinished.connect(self._finished)

    def show_value(self, text: str) -> None:
        """Show a value, unless another one is being typed."""
        self._shown = text
        if not (self.hasFocus() and self.isModified()):
            self.setText(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc takes back what was typed; Enter and Esc let the focus go."""
        if event.key() == Qt.Key.Key_Escape:
            self.setText(self._shown)
            self.clearFocus()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.clearFocus()
        else:
            super().keyPressEvent(event)

    def _finished(self) -> None:
        text, modified = self.text(), self.isModified()
        self.setText(self._shown)
        if modified and text != self._shown:
            self._typed(text)


@dataclass(frozen=True, slots=True)
class Range:
    """What a slider goes through.

    Attributes
    ----------
    field, name : str
        Of `ClusterParams`, and for people.
    low, high : int
        Ticks.
    scale : int
        Ticks that make 1 in the unit of `ClusterParams`.
    step, snap : int
        Ticks: of wheel and arrows, and of the mouse.
    """

    field: str
    name: str
    low: int
    high: int
    scale: int = 1
    step: int = 1
    snap: int = 1

    def text(self, value: float) -> str:
        """A value with its unit."""
        if self.field == "epsilon":
            return f"{value:.1f} px"
        if self.field == "margin":
            return f"{100 * value:.4g} %"
        return str(int(value))

    def value(self, ticks: int) -> float:
        """The value at some ticks."""
        return ticks if self.scale == 1 else ticks / self.scale

    def typed(self, text: str) -> float:
        """What somebody typed, with the unit or without; ValueError when it is no number."""
        number = float(text.replace(",", ".").rstrip(" %px"))
        if self.scale == 1:
            return int(number)
        return number / 100 if self.field == "margin" else number


class Dial(QWidget):
    """A slider with its name and number."""

    moved = Signal(object)

    def __init__(self, range_: Range, *, roomy: bool) -> None:
        super().__init__()
        self.range = range_
        self.slider = Slider(range_.snap)
        self.slider.setSingleStep(range_.step)
        self.slider.setPageStep(range_.step)
        self.slider.setAccessibleName(range_.name)
        self.slider.valueChanged.connect(lambda ticks: self.moved.emit(range_.value(ticks)))
        name = Text(range_.name, weight=500 if roomy else 400)
        self.number: Number | Text
        if roomy:
            self.number = Number(self._typed)
            self.number.setAccessibleName(range_.name)
        else:
            name.set_tone("text2")
            self.number = Text("", size=TITLE, weight=600)
        self._scale = _Scale(self.slider) if roomy else None
        head = QHBoxLayout()
        head.addWidget(name, 1)
        head.addWidget(self.number)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(3))
        column.addLayout(head)
        column.addWidget(self.slider)
        if self._scale is not None:
            column.addWidget(self._scale)
        self._dress()

    def show_value(self, value: float, pinned: float, *, low: int) -> None:
        """Show the value, and the pinned one; the range widens to hold both.

        Parameters
        ----------
        value, pinned : float
        low : int
            Ticks below which no value is possible; 0 is no limit.
        """
        range_, slider = self.range, self.slider
        ticks, pin = round(value * range_.scale), round(pinned * range_.scale)
        slider.blockSignals(True)
        slider.setRange(low or min(range_.low, ticks, pin), max(range_.high, ticks, pin))
        slider.setValue(ticks)
        slider.set_pinned(pin)
        slider.blockSignals(False)
        slider.setToolTip(f"{range_.name}: pinned at {range_.text(pinned)}")
        if isinstance(self.number, Number):
            self.number.show_value(range_.text(value))
        else:
            self.number.setText(range_.text(value))
        if self._scale is not None:
            ends = range_.value(slider.minimum()), range_.value(slider.maximum())
            low_, high = (range_.text(end) for end in ends)
            self._scale.show_ends(low_, high, range_.text(pinned))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the scale."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._dress()

    def _dress(self) -> None:
        if isinstance(self.number, Number):
            self.number.setFont(font(TITLE, 600))
            self.number.setFixedWidth(px(76))
        else:  # a slider must not shrink because its number grows
            widest = self.range.text(self.range.value(self.range.high))
            self.number.setMinimumWidth(width(widest, TITLE, 600) + 2)
            self.number.setAlignment(Qt.AlignmentFlag.AlignRight)

    def _typed(self, text: str) -> None:
        try:
            self.moved.emit(self.range.typed(text))
        except ValueError:
            return  # the field shows what holds again


class _Scale(QWidget):
    """The ends of a slider, and its pinned value under the triangle."""

    def __init__(self, slider: Slider) -> None:
        super().__init__()
        self._slider = slider
        self._low = self._high = self._pinned = ""

    def sizeHint(self) -> QSize:
        return QSize(px(72), px(14))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def show_ends(self, low: str, high: str, pinned: str) -> None:
        self._low, self._high, self._pinned = low, high, pinned
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(font(CAPTION))
        painter.setPen(colour("text3"))
        box = QRectF(self.rect())
        low, high, own = (width(w, CAPTION) for w in (self._low, self._high, self._pinned))
        left = min(max(0.0, self._slider.triangle().x() - own / 2), box.width() - own)
        right = left + own
        vertical = Qt.AlignmentFlag.AlignVCenter
        if left > low + 4:
            painter.drawText(box, vertical | Qt.AlignmentFlag.AlignLeft, self._low)
        if right < box.width() - high - 4:
            painter.drawText(box, vertical | Qt.AlignmentFlag.AlignRight, self._high)
        painter.setPen(colour("text2"))
        painter.drawText(QRectF(left, 0, right - left + 1, box.height()), vertical, self._pinned)
        painter.end()


def _bar(painter: QPainter, left: float, right: float, middle: float, tint: QColor) -> None:
    painter.setBrush(tint)
    painter.drawRoundedRect(QRectF(left, middle - 1.5, max(0.0, right - left), 3), 1.5, 1.5)
