"""A widget as a file: pixels, or shapes and words that stay sharp at any size."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QPoint
from PySide6.QtGui import QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

from k2c_gui.core.model import K2CError
from k2c_gui.io.files import write_whole


def save(widget: QWidget, path: Path) -> None:
    """Write what a widget shows, whole or not at all.

    Parameters
    ----------
    widget : QWidget
    path : Path
        ``.svg`` for shapes, words and the micrograph at screen size; else a picture format that Qt
        knows by its ending.

    Raises
    ------
    K2CError
        No such format, or the disk does not take it.
    """
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if path.suffix.lower() == ".svg":
        _shapes(widget, buffer)
    elif not widget.grab().save(buffer, path.suffix[1:] or "png"):
        raise K2CError(
            f"{path.suffix} is no picture that can be written.",
            file=path,
            remedy="Use .png or .svg.",
        )
    data = bytes(buffer.data().data())

    def write(part: Path) -> None:
        part.write_bytes(data)

    write_whole(path, write)


def _shapes(widget: QWidget, device: QIODevice) -> None:
    drawing = QSvgGenerator()
    drawing.setOutputDevice(device)
    drawing.setSize(widget.size())
    drawing.setViewBox(widget.rect())
    drawing.setTitle(widget.windowTitle())
    # a point of this generator is a px of the screen
    drawing.setResolution(widget.logicalDpiX())
    painter = QPainter(drawing)
    widget.render(painter, QPoint())
    painter.end()
