"""How large a pixel is, where the image does not say, or says it wrongly."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLineEdit, QRadioButton, QWidget

from k2c_gui.core.model import Micrograph
from k2c_gui.gui.controls import Text
from k2c_gui.gui.style import px

from .sheet import Sheet


class PixelSize(Sheet):
    """Asks for nm per px, of one micrograph or of all.

    Parameters
    ----------
    micrographs : sequence of Micrograph
    shown : int
        Place of the one in the window.
    parent : QWidget or None
    """

    chosen = Signal(float, list)  # nm per px, names of the micrographs

    def __init__(
        self, micrographs: Sequence[Micrograph], shown: int, parent: QWidget | None
    ) -> None:
        super().__init__("Pixel size", parent, 420)
        self._micrographs, self._shown = micrographs, shown
        micrograph = micrographs[shown]
        now = micrograph.pixel_size_nm
        if now is None:
            self.say(f"{micrograph.name} is not calibrated.")
        else:
            source = micrograph.pixel_size_source
            whence = f", from {source}" if source else ""
            self.say(f"{micrograph.name} has {now:.6g} nm per px{whence}.")
        row = QHBoxLayout()
        self.field = QLineEdit("" if now is None else f"{now:.6g}")
        self.field.setFixedWidth(px(120))
        self.field.setAccessibleName("nm per px")
        self.field.selectAll()
        self.field.textChanged.connect(self._check)
        row.addWidget(self.field)
        row.addWidget(Text("nm per px", tone="text3"))
        row.addStretch()
        self.content.addLayout(row)
        self.one = QRadioButton("This micrograph")
        self.all = QRadioButton(f"All {len(micrographs)} micrographs")
        self._which = QButtonGroup(self)
        for choice in (self.one, self.all):
            self._which.addButton(choice)
            self.content.addWidget(choice)
        self.one.setChecked(True)
        self.button("Cancel").clicked.connect(self.reject)
        self.set = self.button("Set", main=True)
        self.set.clicked.connect(self._choose)
        self._check()
        self.field.setFocus()

    def _value(self) -> float:
        """What is written, nm per px; 0 where what is written is none."""
        try:
            value = float(self.field.text().strip().replace(",", "."))
        except ValueError:
            return 0.0
        return value if isfinite(value) and value > 0 else 0.0

    def _check(self) -> None:
        good = self._value() > 0
        self.set.setEnabled(good)
        written = bool(self.field.text().strip())
        self.notice.tell("Give nm above 0." if written and not good else "", bad=True)

    def _choose(self) -> None:
        wanted = self._micrographs if self.all.isChecked() else [self._micrographs[self._shown]]
        self.chosen.emit(self._value(), [micrograph.name for micrograph in wanted])
        self.accept()
