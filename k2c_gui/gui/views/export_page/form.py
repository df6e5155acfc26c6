"""Everything that one chooses of a release, as fields to fill in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QCompleter,
    QFileDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from k2c_gui.core.model import Label, Micrograph, TrainingSet
from k2c_gui.core.names import label_names
from k2c_gui.core.training_set import BOX_SHARE
from k2c_gui.gui.controls import Segments, Text
from k2c_gui.gui.style import px
from k2c_gui.io.papers import SPDX

from .asked import Asked, Box, Include, taking
from .fields import Field, OneOf, Section, Tick, beside, line
from .formats import Formats

_AMBIGUOUS = {
    "keep": "Ambiguous instances go in with their majority; a tie stays out.",
    "drop": "Ambiguous instances and ties stay out.",
    "soft": "All go in; a tie, or what was kept ambiguous, with a soft label alone.",
}
_BOX = (
    f"{BOX_SHARE:g} × the median distance to the nearest neighbour: boxes of neighbours overlap"
    " little, and hold most of a particle that touches its neighbour."
)
_NEGATIVES = (
    "Labels without a tick, and what experts rejected, become negatives where a format has a place"
    " for them."
)
_TILED = "For COCO, YOLO, masks and heat maps; the other formats get whole micrographs."
_LIST_ROW, _LIST_ROWS = 24, 5


class Form(QWidget):
    """The fields.

    Parameters
    ----------
    asked : Asked
        What they hold at first.
    micrographs, labels : sequence
        Of the session.
    signed_off : frozenset of str
        Names of micrographs.
    """

    changed = Signal()

    def __init__(
        self,
        asked: Asked,
        micrographs: Sequence[Micrograph],
        labels: Sequence[Label],
        signed_off: frozenset[str],
    ) -> None:
        super().__init__()
        self._micrographs, self._labels, self._signed_off = micrographs, labels, signed_off
        self.fields: dict[str, Field] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, px(12), px(16))
        column.setSpacing(px(24))
        sections = (
            *(self._make_target(asked), self._make_content(asked), self._make_formats(asked)),
            *(self._make_size(asked), self._make_split(asked), self._make_images(asked)),
            self._make_credit(asked),
        )
        for section in sections:
            column.addWidget(section)
        column.addStretch()
        self._sizes: dict[str, str] = {}
        self._fill_test(asked.test)
        self._listen()
        self._follow()

    def asked(self) -> Asked:
        """What is written."""
        ticked = tuple(value for value, tick in self.labels.items() if tick.isChecked())
        usual = tuple(label.value for label in self._labels if label.use)
        return Asked(
            folder=self.folder.text(),
            licence=self.licence.text(),
            formats=self.formats.chosen(),
            include=self._include(),
            labels=None if ticked == usual else ticked,
            ambiguous=self._ambiguous,
            box=self._box(),
            size=self.size_.text(),
            shares=(self.shares[0].text(), self.shares[1].text(), self.shares[2].text()),
            seed=self.seed.text(),
            test=self._tested() if self.own_test.isChecked() else (),
            images=self.images.isChecked(),
            tiled=self.tiled.isChecked(),
            tile=self.tile.text(),
            overlap=self.overlap.text(),
            title=self.title.text(),
            credit=self.credit.text(),
            date=self.date.text(),
            named_experts=self.named.isChecked(),
            notes=self.notes.isChecked(),
        )

    def blame(self, faults: Mapping[str, str]) -> None:
        """Say at each field what is wrong with it."""
        for name, field in self.fields.items():
            field.blame(faults.get(name, ""))

    def explain(self, chosen: TrainingSet, tiles: int) -> None:
        """Say at the fields what they amount to."""
        self._sizes = _sizes(chosen)
        words = _BOX if self._box() == "default" else ""
        self.fields["box"].explain(f"{words} {_size(chosen)}".strip())
        self.fields["test"].explain(_split(chosen))
        self.fields["tile"].explain(f"{_TILED} {tiles:,} tiles." if tiles else _TILED)

    # Sections

    def _make_target(self, asked: Asked) -> Section:
        section = Section("Release")
        self.folder = line(asked.folder, "Folder", hint="A new or empty folder")
        self.folder.end(False)  # of a path, its end tells most
        choose = QPushButton("Choose")
        choose.setAutoDefault(False)
        choose.setAccessibleName("Choose: Folder")
        choose.clicked.connect(self._choose_folder)
        self.fields["folder"] = section.add("Folder", beside(self.folder, choose, last=True))
        self.licence = line(asked.licence, "Image licence", hint="Required, such as CC-BY-4.0")
        known = QCompleter(list(SPDX), self.licence)
        known.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.licence.setCompleter(known)
        self.fields["licence"] = section.add(
            "Image licence",
            self.licence,
            hint="A name of the SPDX list, or what the owner of the images allows, in words.",
        )
        return section

    def _make_formats(self, asked: Asked) -> Section:
        section = Section("Formats")
        self.formats = Formats()
        self.formats.choose(asked.formats)
        self.fields["formats"] = section.add("", self.formats)
        return section

    def _make_content(self, asked: Asked) -> Section:
        section = Section("What goes in")
        n, signed = len(self._micrographs), len(self._signed_off)
        self.include = OneOf(
            (
                ("signed-off", f"Signed off only: {signed:,} of {n:,}"),
                ("all", f"All {n:,}, with proposals"),
            )
        )
        self.include.choose(asked.include)
        self.fields["include"] = section.add(
            "Micrographs",
            self.include,
            hint="Proposals are the volunteers' majority: no expert has confirmed them.",
        )
        names = label_names(self._labels)
        self.labels = {
            label.value: Tick(
                names[label.value],
                on=label.use if asked.labels is None else label.value in asked.labels,
            )
            for label in self._labels
        }
        self.fields["labels"] = section.add("Labels", *self.labels.values(), hint=_NEGATIVES)
        self._ambiguous = asked.ambiguous
        self.ambiguous = Segments(tuple(_AMBIGUOUS))
        self.ambiguous.set(asked.ambiguous)
        self.fields["ambiguous"] = section.add("Ambiguous", self.ambiguous)
        return section

    def _make_size(self, asked: Asked) -> Section:
        section = Section("Boxes and discs")
        self.box = OneOf((("default", "From the distances"), ("nm", "In nm"), ("px", "In px")))
        self.box.choose(asked.box)
        self.size_ = line(asked.size, "Side of the box, or diameter of the disc", width=88)
        self._unit = Text(tone="text3")
        self._sized = beside(self.size_, self._unit)
        self.fields["box"] = section.add("Size", self.box, self._sized, hint=_BOX)
        return section

    def _make_split(self, asked: Asked) -> Section:
        section = Section("Split, by micrograph")
        parts = ("Train", "Validation", "Test")
        self.shares = [
            line(share, f"{part}, per cent", width=52)
            for part, share in zip(parts, asked.shares, strict=True)
        ]
        rows = [
            beside(edit, f"% {part.lower()}") for part, edit in zip(parts, self.shares, strict=True)
        ]
        self.fields["split"] = section.add("Shares", *rows)
        self.seed = line(asked.seed, "Seed", width=88)
        self.fields["seed"] = section.add(
            "Seed", self.seed, hint="The same seed divides the same micrographs alike."
        )
        self.own_test = Tick("Choose them by name", on=bool(asked.test))
        self.test = QListWidget()
        self.test.setAccessibleName("Test micrographs")
        self.test.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.test.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.fields["test"] = section.add("Test", self.own_test, self.test)
        return section

    def _make_images(self, asked: Asked) -> Section:
        section = Section("Images and tiles")
        self.images = Tick("Write images", on=asked.images)
        self.fields["images"] = section.add(
            "Images", self.images, hint="As 8-bit PNG, in the formats that have a place for them."
        )
        self.tiled = Tick("Cut micrographs into tiles", on=asked.tiled)
        self.tile = line(asked.tile, "Side of a tile, px", width=72)
        self.overlap = line(asked.overlap, "Overlap of tiles, px", width=72)
        self._tiles = QWidget()
        column = QVBoxLayout(self._tiles)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(4))
        column.addWidget(beside(self.tile, "px side"))
        column.addWidget(beside(self.overlap, "px overlap, at least"))
        self.fields["tile"] = section.add("Tiles", self.tiled, self._tiles, hint=_TILED)
        return section

    def _make_credit(self, asked: Asked) -> Section:
        section = Section("Credit and people")
        self.title = line(asked.title, "Title")
        self.fields["title"] = section.add("Title", self.title)
        self.credit = line(asked.credit, "Credit")
        self.fields["credit"] = section.add("Credit", self.credit)
        self.date = line(asked.date, "Date", hint="YYYY-MM-DD")
        self.fields["date"] = section.add(
            "Date", self.date, hint="Without one: the day of the newest decision."
        )
        self.named = Tick("Publish their names", on=asked.named_experts)
        self.notes = Tick("Publish their notes", on=asked.notes)
        self.fields["people"] = section.add(
            "Experts",
            self.named,
            self.notes,
            hint="Only if they agreed to it. Without names they are expert-1, expert-2 ...",
        )
        return section

    # Following

    def _listen(self) -> None:
        for edit in self.findChildren(QLineEdit):
            edit.textChanged.connect(self._edited)
        ticks = (self.images, self.tiled, self.named, self.notes, self.own_test)
        for tick in (*ticks, *self.labels.values()):
            tick.toggled.connect(self._edited)
        self.formats.changed.connect(self._edited)
        self.box.changed.connect(self._box_changed)
        self.include.changed.connect(self._include_changed)
        self.ambiguous.chosen.connect(self._ambiguous_chosen)
        self.test.itemChanged.connect(self._edited)

    def _edited(self) -> None:
        self._follow()
        self.changed.emit()

    def _follow(self) -> None:
        """Show what the choices make of other fields."""
        self.fields["ambiguous"].explain(_AMBIGUOUS[self._ambiguous])
        self._sized.setVisible(self._box() != "default")
        self._unit.setText(self._box())
        self.test.setVisible(self.own_test.isChecked())
        self._tiles.setVisible(self.tiled.isChecked())
        self.shares[2].setEnabled(not (self.own_test.isChecked() and self._tested()))
        self.folder.setToolTip(self.folder.text())

    def _include_changed(self) -> None:
        self._fill_test(self._tested())
        self._edited()

    def _box_changed(self) -> None:
        """Begin with the size that is in force, in the unit that is chosen."""
        box = self._box()
        self.fields["box"].explain(_BOX if box == "default" else "")
        self.size_.blockSignals(True)
        self.size_.setText(self._sizes.get(box, ""))
        self.size_.blockSignals(False)
        self._edited()

    def _ambiguous_chosen(self, word: str) -> None:
        if word in ("keep", "drop", "soft"):
            self._ambiguous = word  # type: ignore[assignment]  # one of the three by now
        self._edited()

    def _include(self) -> Include:
        return "all" if self.include.chosen == "all" else "signed-off"

    def _box(self) -> Box:
        chosen = self.box.chosen
        return "nm" if chosen == "nm" else "px" if chosen == "px" else "default"

    def _tested(self) -> tuple[str, ...]:
        items = (self.test.item(row) for row in range(self.test.count()))
        return tuple(i.text() for i in items if i.checkState() == Qt.CheckState.Checked)

    def _fill_test(self, ticked: Iterable[str]) -> None:
        """List the micrographs that go in."""
        wanted = set(ticked)
        self.test.blockSignals(True)
        self.test.clear()
        asked = replace(Asked(), include=self._include())
        for micrograph in taking(asked, self._micrographs, self._signed_off):
            item = QListWidgetItem(micrograph.name)
            item.setToolTip(micrograph.name)
            item.setSizeHint(QSize(0, px(_LIST_ROW)))
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            on = micrograph.name in wanted
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            self.test.addItem(item)
        self.test.setFixedHeight(px(_LIST_ROW) * min(_LIST_ROWS, max(1, self.test.count())))
        self.test.blockSignals(False)

    def _choose_folder(self) -> None:
        now = Path(self.folder.text().strip() or Path.home())
        start = next((p for p in (now, *now.parents) if p.is_dir()), Path.home())
        name = QFileDialog.getExistingDirectory(self, "An empty folder", str(start))
        if name:
            self.folder.setText(name)


def _size(chosen: TrainingSet) -> str:
    """Side of the boxes, in px and, where it can be told, in nm."""
    sides = [side for side in chosen.box_px.tolist() if side > 0]
    scales = [m.pixel_size_nm for m in chosen.micrographs]
    if not sides:
        return ""
    px_ = _range(min(sides), max(sides), "px")
    in_nm = [side * nm for side, nm in zip(sides, scales, strict=True) if nm is not None]
    if len(in_nm) < len(sides):
        return f"Now {px_}."
    return f"Now {px_}, {_range(min(in_nm), max(in_nm), 'nm')}."


def _sizes(chosen: TrainingSet) -> dict[str, str]:
    """The size in force by unit, as one writes it; without those that differ."""
    scales = [m.pixel_size_nm for m in chosen.micrographs]
    sides = {"px": chosen.box_px.tolist()}
    if all(scales):
        sides["nm"] = [px_ * (nm or 0) for px_, nm in zip(sides["px"], scales, strict=True)]
    return {
        unit: f"{min(own):.3g}"
        for unit, own in sides.items()
        if own and max(own) - min(own) < 0.01 * max(own)
    }


def _range(low: float, high: float, unit: str) -> str:
    return f"{low:.3g} {unit}" if high - low < 0.01 * high else f"{low:.3g} to {high:.3g} {unit}"


def _split(chosen: TrainingSet) -> str:
    return f"{chosen.split_source[:1].upper()}{chosen.split_source[1:]}."
