"""What goes in, drawn and counted: the right half of the dialog."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from k2c_gui.core.model import LABEL_SOURCE, Bools, Table, TrainingSet
from k2c_gui.desk import Desk
from k2c_gui.gui.chooser import Chooser
from k2c_gui.gui.controls import Icon, Segments, Text
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.style import CAPTION, TITLE, px

from .content import Seen
from .counts import Counts
from .proof import SHAPES, Drawn, Proof


class Preview(QWidget):
    """A micrograph with what goes in of it, and the counts of all.

    Parameters
    ----------
    desk : Desk
    pictures : Pictures
    """

    def __init__(self, desk: Desk, pictures: Pictures) -> None:
        super().__init__()
        self._desk, self._pictures = desk, pictures
        self._seen: Seen | None = None
        self._build()
        pictures.ready.connect(self._picture_ready)
        pictures.failed.connect(self._picture_failed)

    def clear(self, why: str) -> None:
        """Say something in place of all."""
        self.proof.clear(why)
        self.caption.setText("")
        self.left_out.setText("")
        self.counts.hide()
        self._heading.hide()

    def show_seen(self, seen: Seen) -> None:
        """Draw and count what a release would hold."""
        self._seen = seen
        self.counts.show_parts(seen.chosen)
        self.counts.show()
        self._heading.show()
        self.left_out.setText(_left_out(seen.chosen))
        self._fill_which(seen.chosen)
        self._show_proof()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, px(10), 0)
        column.setSpacing(px(8))
        head = QHBoxLayout()
        head.setSpacing(px(4))
        self.which = Chooser()
        self.which.setAccessibleName("Micrograph")
        self.which.currentIndexChanged.connect(self._show_proof)
        self.shape = Segments(SHAPES)
        self.shape.set(SHAPES[0])
        head.addWidget(self._turner("left", "Previous micrograph", -1))
        head.addWidget(self.which, 1)
        head.addWidget(self._turner("right", "Next micrograph", 1))
        head.addWidget(self.shape)
        column.addLayout(head)
        self.proof = Proof()
        self.shape.chosen.connect(self.proof.show_shape)
        column.addWidget(self.proof, 1)
        self.caption = Text(size=CAPTION, tone="text3")
        self.caption.setWordWrap(True)
        column.addWidget(self.caption)
        self._heading = Text("In the release", size=TITLE, weight=600)
        column.addWidget(self._heading)
        self.counts = Counts()
        column.addWidget(self.counts)
        self.left_out = Text(size=CAPTION, tone="text3")
        self.left_out.setWordWrap(True)
        column.addWidget(self.left_out)

    def _turner(self, icon: str, name: str, step: int) -> Icon:
        button = Icon(icon)
        button.setToolTip(name)
        button.setAccessibleName(name)
        button.clicked.connect(lambda: self._turn(step))
        return button

    def _fill_which(self, chosen: TrainingSet) -> None:
        names = [m.name for m in chosen.micrographs]
        there = [self.which.itemText(i) for i in range(self.which.count())]
        if names == there:
            return
        state = self._desk.state
        now = self.which.currentText() or state.evidence[state.shown].name
        self.which.blockSignals(True)
        self.which.clear()
        self.which.addItems(names)
        self.which.setCurrentIndex(names.index(now) if now in names else 0)
        self.which.blockSignals(False)

    def _show_proof(self) -> None:
        seen, i = self._seen, self.which.currentIndex()
        if seen is None or not 0 <= i < len(seen.chosen.micrographs):
            return
        chosen = seen.chosen
        rows = chosen.instances[chosen.instances["micrograph"] == i]
        drawn = Drawn(chosen, i, self._withheld(rows), seen.tile, seen.overlap)
        self.proof.show_drawn(drawn)
        micrograph = chosen.micrographs[i]
        said = [chosen.split[i].capitalize(), f"{len(rows):,} instances"]
        if len(drawn.negatives):
            said.append(f"{len(drawn.negatives):,} negatives, broken")
        if drawn.withheld.any():
            said.append(f"{int(drawn.withheld.sum()):,} white: hidden until you decide")
        said.append(f"{micrograph.width:,} × {micrograph.height:,} px")
        self.caption.setText(f"{' · '.join(said)}. Wheel zooms, double click fits.")
        self._ask_picture()

    def _withheld(self, rows: Table) -> Bools:
        """Where votes are withheld, so is the label; see `edits.withheld`."""
        state = self._desk.state
        between = {uid for pair in state.ledger.conflicts for uid in pair}
        doubtful = (rows["source"] == LABEL_SOURCE.index("majority")) & rows["ambiguous"]
        doubtful |= np.isin(rows["key"], list(between))
        return np.asarray(state.blind & doubtful)

    def _turn(self, step: int) -> None:
        last = self.which.count() - 1
        self.which.setCurrentIndex(min(last, max(0, self.which.currentIndex() + step)))

    def _place(self) -> int:
        """Place of the drawn micrograph in the session; -1: none is drawn."""
        names = [m.name for m in self._desk.state.sources.micrographs]
        name = self.which.currentText()
        return names.index(name) if name in names else -1

    def _ask_picture(self) -> None:
        place = self._place()
        picture = self._pictures.get(place)
        if picture is not None:
            self.proof.show_picture(picture)
        elif trouble := self._pictures.error(place):
            self._picture_failed(place, trouble)

    def _picture_ready(self, place: int) -> None:
        picture = self._pictures.peek(place)
        if place == self._place() and picture is not None:
            self.proof.show_picture(picture)

    def _picture_failed(self, place: int, trouble: str) -> None:
        if place == self._place():
            self.proof.show_trouble(trouble)
            self.caption.setText(trouble)


def _left_out(chosen: TrainingSet) -> str:
    if not chosen.left_out:
        return "Nothing is left out."
    tallies = (
        f"{tally.count:,} {tally.source[:-1] if tally.count == 1 else tally.source}: {tally.what}"
        for tally in chosen.left_out
    )
    return f"Left out: {'; '.join(tallies)}."
