"""Panels that open from the layers plate: contrast, and the opacity of each layer."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from k2c_gui.core.model import Floats
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.jobs import Picture
from k2c_gui.gui.style import colour, px

from .image import GAMMAS, Contrast
from .plates import NAMES

_BINS = 96


class Panel(QFrame):
    """A small window that closes on a click elsewhere."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("panel")

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the ground and a hairline around it."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour("raised"))
        painter.setPen(QPen(colour("strong"), 1))
        painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def open_below(self, widget: QWidget) -> None:
        """Open below a widget."""
        self.adjustSize()
        self.move(widget.mapToGlobal(QPoint(0, widget.height() + px(6))))
        self.show()


class Histogram(QWidget):
    """How often each grey value occurs; black and white are lines to be dragged."""

    changed = Signal(float, float)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setMinimumSize(px(232), px(72))
        self.setAccessibleName("Grey values")
        self.setToolTip("Drag the lines: left of the first is black, right of the second white")
        self._heights: Floats = np.zeros(_BINS)
        self._range = (0.0, 1.0)
        self._ends = (0.0, 1.0)
        self._held = -1

    def show_picture(self, picture: Picture | None, contrast: Contrast) -> None:
        """Take the grey values of a picture, and what is black and white."""
        if self._held >= 0:
            return  # the ground does not move under a line that is being dragged
        self._ends = contrast.low, contrast.high
        self._heights = np.zeros(_BINS)
        low, high = self._ends
        if picture is not None and len(picture.sample):
            low = min(low, picture.percentile(0.05))
            high = max(high, picture.percentile(99.95))
        room = 0.04 * (high - low) or 1.0
        self._range = low - room, high + room
        if picture is not None:
            counts, _ = np.histogram(picture.sample, _BINS, self._range)
            self._heights = np.sqrt(counts / max(1, counts.max()))
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the histogram."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width, height = self.width(), self.height()
        points = [QPointF(0, height)]
        for i, share in enumerate(self._heights.tolist()):
            points.append(QPointF((i + 0.5) * width / _BINS, height - share * (height - 4)))
        points.append(QPointF(width, height))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("track"))
        painter.drawPolygon(QPolygonF(points))
        for end in self._ends:
            x = self._place(end)
            painter.setPen(QPen(colour("text1"), 1.4))
            painter.drawLine(QPointF(x, 0), QPointF(x, height))
            painter.setBrush(colour("solid"))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawEllipse(QPointF(x, height / 2), px(4), px(4))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the nearer line."""
        x = event.position().x()
        self._held = int(np.argmin([abs(self._place(end) - x) for end in self._ends]))
        self._drag(x)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag it."""
        if self._held >= 0:
            self._drag(event.position().x())

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Let it go."""
        self._held = -1

    def _place(self, grey: float) -> float:
        low, high = self._range
        return min(self.width() - 2.0, max(2.0, (grey - low) / (high - low) * self.width()))

    def _drag(self, x: float) -> None:
        low, high = self._range
        grey = low + min(1.0, max(0.0, x / self.width())) * (high - low)
        least = (high - low) / 200
        if self._held == 0:
            self._ends = min(grey, self._ends[1] - least), self._ends[1]
        else:
            self._ends = self._ends[0], max(grey, self._ends[0] + least)
        self.update()
        self.changed.emit(*self._ends)


class ContrastPanel(Panel):
    """Black and white, gamma, invert, blur."""

    changed = Signal(object)  # Contrast

    def __init__(self, actions: Actions, parent: QWidget) -> None:
        super().__init__(parent)
        self._contrast = Contrast()
        self.histogram = Histogram(self)
        self.histogram.changed.connect(self._ends)
        self.gamma = QSlider(Qt.Orientation.Horizontal, self)
        self.gamma.setRange(-100, 100)
        self.gamma.setAccessibleName("Gamma")
        self.gamma.valueChanged.connect(self._gamma)
        self._gamma_value = QLabel("1.00", self)
        self.invert = QCheckBox("Invert", self)
        self.invert.toggled.connect(lambda on: self._take(replace(self._contrast, invert=on)))
        self.blur = QCheckBox("Light blur", self)
        self.blur.toggled.connect(lambda on: self._take(replace(self._contrast, blur=on)))
        self.reset = QPushButton("From the image", self)
        self.reset.clicked.connect(lambda: actions.trigger("contrast"))
        for widget, name in (
            (self.invert, "invert"),
            (self.blur, "blur"),
            (self.reset, "contrast"),
        ):
            widget.setToolTip(actions.tooltip(name))
        middle = QHBoxLayout()
        middle.addWidget(QLabel("Gamma", self))
        middle.addWidget(self.gamma)
        middle.addWidget(self._gamma_value)
        last = QHBoxLayout()
        last.addWidget(self.invert)
        last.addWidget(self.blur)
        last.addStretch()
        last.addWidget(self.reset)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(12), px(12), px(12), px(12))
        column.setSpacing(px(8))
        column.addWidget(self.histogram)
        column.addLayout(middle)
        column.addLayout(last)

    def show_picture(self, picture: Picture | None, contrast: Contrast) -> None:
        """Take what is drawn now."""
        self._contrast = contrast
        for widget in (self.gamma, self.invert, self.blur):
            widget.blockSignals(True)
        self.gamma.setValue(round(100 * log(contrast.gamma) / log(GAMMAS[1])))
        self.invert.setChecked(contrast.invert)
        self.blur.setChecked(contrast.blur)
        for widget in (self.gamma, self.invert, self.blur):
            widget.blockSignals(False)
        self._gamma_value.setText(f"{contrast.gamma:.2f}")
        self.histogram.show_picture(picture, contrast)

    def _ends(self, low: float, high: float) -> None:
        self._take(replace(self._contrast, low=low, high=high))

    def _gamma(self, step: int) -> None:
        gamma = exp(step / 100 * log(GAMMAS[1]))
        self._gamma_value.setText(f"{gamma:.2f}")
        self._take(replace(self._contrast, gamma=gamma))

    def _take(self, contrast: Contrast) -> None:
        self._contrast = contrast
        self.changed.emit(contrast)


class OpacityPanel(Panel):
    """One slider a layer."""

    changed = Signal(str, float)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(px(12), px(12), px(12), px(12))
        grid.setVerticalSpacing(px(8))
        self.sliders: dict[str, QSlider] = {}
        self._values: dict[str, QLabel] = {}
        for row, name in enumerate(NAMES):
            slider = QSlider(Qt.Orientation.Horizontal, self)
            slider.setRange(0, 100)
            slider.setMinimumWidth(px(120))
            slider.setAccessibleName(f"Opacity of {name}")
            slider.valueChanged.connect(lambda value, name=name: self._moved(name, value))
            value = QLabel("100 %", self)
            value.setMinimumWidth(px(40))
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            for column, widget in enumerate((QLabel(name.capitalize(), self), slider, value)):
                grid.addWidget(widget, row, column)
            self.sliders[name], self._values[name] = slider, value

    def show_opacity(self, opacity: dict[str, float]) -> None:
        """Take what is drawn now."""
        for name, slider in self.sliders.items():
            slider.blockSignals(True)
            slider.setValue(round(100 * opacity[name]))
            slider.blockSignals(False)
            self._values[name].setText(f"{slider.value()} %")

    def _moved(self, name: str, value: int) -> None:
        self._values[name].setText(f"{value} %")
        self.changed.emit(name, value / 100)
