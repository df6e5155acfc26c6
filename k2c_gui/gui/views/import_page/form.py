"""The files that an import needs, as fields to fill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QLineEdit,
    QPushButton,
    QWidget,
)

from k2c_gui.core.model import K2CError
from k2c_gui.gui.controls import Text
from k2c_gui.gui.style import px
from k2c_gui.io.preview import Role
from k2c_gui.io.sources import Files


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be imported, and into which session."""

    files: Files
    session: Path
    labels: Path | None
    remap: Path | None = None
    """A new session that takes the decisions over; None adds to `session`."""


@dataclass(frozen=True, slots=True)
class _Field:
    role: Role
    name: str
    hint: str
    kinds: str = ""


_EXPORTS = "Exports (*.csv *.csv.gz *.gz *.zip);;All files (*)"
_FIELDS = (
    _Field("images", "Micrographs", "A folder of images"),
    _Field("picking", "Picking export", "Where volunteers marked", _EXPORTS),
    _Field("classifying", "Classifying export", "Optional: what the marks are", _EXPORTS),
    _Field("workflows", "Workflow export", "Optional: names of tools", _EXPORTS),
    _Field("mapping", "Mapping", "Optional: found by itself", "Mappings (*.toml)"),
    _Field("labels", "Label scheme", "Optional: that of Key2Cat", "Label schemes (*.toml)"),
    _Field("session", "Session to write", "A .k2c file", "Sessions (*.k2c)"),
)


class Form(QWidget):
    """A line for each file, and the pixel size."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._own_session = ""  # as proposed; what the expert wrote stays
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(px(8))
        grid.setVerticalSpacing(px(8))
        grid.setColumnStretch(1, 1)
        self.lines: dict[str, QLineEdit] = {}
        for row, field in enumerate(_FIELDS):
            self._add(grid, row + (field.role == "session"), field.role, field.name, field.hint)
            choose = QPushButton("Choose")
            choose.setAutoDefault(False)
            choose.setAccessibleName(f"Choose: {field.name}")
            choose.clicked.connect(lambda _=False, field=field: self._choose(field))
            grid.addWidget(choose, row + (field.role == "session"), 2)
        self._add(grid, len(_FIELDS) - 1, "pixel", "Pixel size", "Optional: as the images say")
        unit = Text("nm per px", tone="text3")
        grid.addWidget(unit, len(_FIELDS) - 1, 2)
        self._remap_name = self._add(
            grid, len(_FIELDS) + 1, "remap", "New session", "A .k2c file that is not there"
        )
        self._offer(None)

    def offer_remap(self) -> None:
        """Ask for a new session beside the one that is there."""
        session = Path(self.lines["session"].text().strip())
        names = (session.with_name(f"{session.stem}-{n}.k2c") for n in count(2))
        self._offer(next(path for path in names if not path.exists()))

    def _offer(self, path: Path | None) -> None:
        for widget in (self._remap_name, self.lines["remap"]):
            widget.setVisible(path is not None)
        self.lines["remap"].setText("" if path is None else str(path))

    def fill(self, roles: Mapping[Role, Path]) -> None:
        """Fill lines with what was recognised."""
        for role, path in roles.items():
            self.lines[role].setText(str(path))

    def asked(self) -> Asked | None:
        """What is asked for; None while something needed is not given.

        Raises
        ------
        K2CError
            The pixel size is no number.
        """
        given = {role: line.text().strip() for role, line in self.lines.items()}
        path = {role: Path(text) if text else None for role, text in given.items()}
        images, picking, session = path["images"], path["picking"], path["session"]
        if images is None or picking is None or session is None:
            return None
        size = None
        if given["pixel"]:
            try:
                size = float(given["pixel"].replace(",", "."))
            except ValueError:
                raise K2CError(
                    f"The pixel size {given['pixel']} is no number.", remedy="Give nm above 0."
                ) from None
        more = path["classifying"], path["workflows"], path["mapping"]
        return Asked(Files(images, picking, *more, size), session, path["labels"], path["remap"])

    def _add(self, grid: QGridLayout, row: int, role: str, name: str, hint: str) -> Text:
        label = Text(name, tone="text2")
        line = QLineEdit()
        line.setPlaceholderText(hint)
        line.setAccessibleName(name)
        line.textChanged.connect(lambda text, line=line: self._edited(line, text))
        label.setBuddy(line)
        grid.addWidget(label, row, 0)
        grid.addWidget(line, row, 1)
        self.lines[role] = line
        return label

    def _edited(self, line: QLineEdit, text: str) -> None:
        line.setToolTip(text)
        if line is self.lines.get("images") and text.strip():
            self._propose(Path(text.strip()))
        if line is self.lines.get("session") and "remap" in self.lines:
            self._offer(None)
        self.changed.emit()

    def _propose(self, images: Path) -> None:
        """Propose a session beside the folder of images, while the expert names none."""
        line = self.lines["session"]
        if line.text() in ("", self._own_session):
            folder = images.parent
            self._own_session = str(folder / f"{folder.name or 'session'}.k2c")
            line.setText(self._own_session)

    def _choose(self, field: _Field) -> None:
        line = self.lines[field.role]
        at = line.text() or next((x.text() for x in self.lines.values() if x.text()), "")
        folder = at or str(Path.home())
        if field.role == "images":
            name = QFileDialog.getExistingDirectory(self, field.name, folder)
        elif field.role == "session":
            keep = QFileDialog.Option.DontConfirmOverwrite  # one that is there is added to
            name, _ = QFileDialog.getSaveFileName(
                self, field.name, folder, field.kinds, options=keep
            )
            name = f"{name}.k2c" if name and not name.lower().endswith(".k2c") else name
        else:
            start = str(Path(folder).parent) if Path(folder).is_file() else folder
            name, _ = QFileDialog.getOpenFileName(self, field.name, start, field.kinds)
        if name:
            line.setText(name)
