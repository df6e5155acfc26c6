"""The formats of a release, grouped by what they are for, with a line on each."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from k2c_gui.gui.controls import Text
from k2c_gui.gui.style import CAPTION, px
from k2c_gui.io import exporters
from k2c_gui.io.release import TABLE

from .fields import Tick

_GROUPS = {
    "Tables": ("csv", "parquet"),
    "Detection": ("coco", "yolo", "voc", "huggingface"),
    "Pixels": ("masks", "heatmaps", "crops"),
    "Particle picking": ("star", "cryolo", "topaz", "eman2"),
    "Viewers": ("napari", "imagej"),
}
_OTHERS = "Others"


class Formats(QWidget):
    """A box to tick for each format; the table comes with every release."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(2))
        self.ticks: dict[str, Tick] = {}
        for group, names in grouped().items():
            if self.ticks:
                column.addSpacing(px(8))
            column.addWidget(Text(group, tone="text2"))
            for name in names:
                self._add(column, name)
        self.ticks[TABLE].setChecked(True)
        self.ticks[TABLE].setEnabled(False)

    def chosen(self) -> tuple[str, ...]:
        """Formats that are ticked."""
        return tuple(name for name, tick in self.ticks.items() if tick.isChecked())

    def choose(self, names: Iterable[str]) -> None:
        """Tick formats, and tell nobody."""
        wanted = {TABLE, *names}
        for name, tick in self.ticks.items():
            tick.blockSignals(True)
            tick.setChecked(name in wanted)
            tick.blockSignals(False)

    def _add(self, column: QVBoxLayout, name: str) -> None:
        module = exporters.load(name)
        tick = self.ticks[name] = Tick(module.NAME)
        tick.toggled.connect(lambda _on: self.changed.emit())
        column.addWidget(tick)
        extra = " Comes with every release." if name == TABLE else ""
        text = Text(f"{module.DESCRIPTION}{extra}", size=CAPTION, tone="text3")
        text.setWordWrap(True)
        text.setContentsMargins(px(23), 0, 0, px(2))
        column.addWidget(text)


def grouped() -> dict[str, tuple[str, ...]]:
    """Names of all formats by group; one that no group knows is among the others."""
    there = exporters.names()
    found = {group: tuple(n for n in names if n in there) for group, names in _GROUPS.items()}
    rest = set(there).difference(*found.values())
    if rest:
        found[_OTHERS] = tuple(sorted(rest))
    return {group: names for group, names in found.items() if names}
