"""Votes as pictures: a stacked bar, a bar a label, a cell a vote."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from k2c_gui.core.model import Ints, Label

from .painting import MIDDLE, RIGHT, Strip, centred, percent, text, width_of
from .style import BODY, colour, look, px
from .symbols import Symbol, chip, edge_colour, label_colour

HIDDEN = "Hidden until you decide"
_ROW = 22
_USUAL = 0.6
"""Share at the right end of the bars, unless one is longer."""


def block(painter: QPainter, box: QRectF, label: int, radius: float = 2.0) -> None:
    """Fill a box with the colour of a label; in the light theme it has an edge."""
    painter.setBrush(label_colour(label))
    if look().theme == "light":
        painter.setPen(QPen(edge_colour(label), 1))
        box = box.adjusted(0.5, 0.5, -0.5, -0.5)
    else:
        painter.setPen(Qt.PenStyle.NoPen)
    painter.drawRoundedRect(box, radius, radius)


def neutral(painter: QPainter, box: QRectF, radius: float = 2.0) -> None:
    """Fill a box with no label's colour."""
    painter.setBrush(colour("track"))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawRoundedRect(box, radius, radius)


def stacked(painter: QPainter, box: QRectF, votes: Ints, labels: Sequence[Label]) -> None:
    """Draw votes as one bar with a part a label, and a tick at the half.

    Parameters
    ----------
    painter : QPainter
    box : QRectF
    votes : (n_labels,) int64
    labels : sequence of Label
    """
    total = int(votes.sum())
    if not total:
        neutral(painter, box)
        return
    left = box.left()
    for label, count in zip(labels, votes.tolist(), strict=True):
        width = box.width() * count / total
        if count:
            part = QRectF(left, box.top(), max(1.0, width - 1), box.height())
            block(painter, part, label.value, 1.0)
        left += width
    painter.setPen(QPen(colour("text2"), 1))
    middle = round(box.center().x()) + 0.5
    painter.drawLine(QPointF(middle, box.top() - 2), QPointF(middle, box.bottom() + 2))


def short(label: Label) -> str:
    """The first of several names of a label; the whole one belongs into the tooltip."""
    return label.name.split("/")[0].strip()


class Bars(Strip):
    """Votes of one instance, a row a label, in the order of the labels."""

    def __init__(self, labels: Sequence[Label]) -> None:
        super().__init__()
        self._labels = labels
        self._votes: Ints | None = None
        self._hidden = False

    def show_votes(self, votes: Ints | None, *, hidden: bool) -> None:
        """Show counts, one a label; None: nothing is selected."""
        self._votes, self._hidden = votes, hidden
        self.setAccessibleName(self.words())
        self.setToolTip(self.words())
        self.update()

    def words(self) -> str:
        """What is shown, read aloud."""
        if self._hidden:
            return HIDDEN
        if self._votes is None:
            return ""
        return ", ".join(
            f"{count} {label.name}"
            for label, count in zip(self._labels, self._votes.tolist(), strict=True)
        )

    def heightForWidth(self, width: int) -> int:
        """A row a label."""
        return px(_ROW) * len(self._labels)

    def paintEvent(self, event: object) -> None:
        """The bars, or that they are hidden."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._hidden:
            self._withhold(painter)
        else:
            self._paint(painter)
        painter.end()

    def _withhold(self, painter: QPainter) -> None:
        box = QRectF(self.rect()).adjusted(0, px(3), 0, -px(3))
        painter.setPen(colour("line"))
        painter.setBrush(colour("raised"))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        text(painter, box, HIDDEN, tone="text2", align=MIDDLE)

    def _paint(self, painter: QPainter) -> None:
        n = len(self._labels)
        votes = np.zeros(n, np.int64) if self._votes is None else self._votes
        total = max(1, int(votes.sum()))
        scale = _USUAL if votes.max(initial=0) <= _USUAL * total else 1.0
        row, name_at = px(_ROW), px(22)
        name = max(width_of(short(label), BODY, 500) for label in self._labels) + 2
        name = min(name, 0.42 * self.width())
        left = name_at + name + px(12)
        right = self.width() - px(76)
        for i, label in enumerate(self._labels):
            middle = i * row + row / 2
            centred(painter, chip(Symbol(label.value), px(11), look().theme), px(7), middle)
            leading = votes[i] > 0 and votes[i] == votes.max()
            tone, weight = ("text1", 500) if leading else ("text2", 400)
            line = QRectF(name_at, i * row, name, row)
            text(painter, line, short(label), tone=tone, weight=weight)
            bar = QRectF(left, middle - px(5), max(0.0, right - left), px(10))
            neutral(painter, bar, 3)
            if votes[i]:
                share = votes[i] / total / scale
                block(
                    painter,
                    QRectF(bar.left(), bar.top(), bar.width() * share, bar.height()),
                    label.value,
                    3,
                )
            if self._votes is not None:
                count = QRectF(right, i * row, px(34), row)
                text(
                    painter,
                    count,
                    str(votes[i]),
                    tone=tone,
                    weight=600 if leading else 400,
                    align=RIGHT,
                )
                count.translate(px(42), 0)
                text(painter, count, percent(votes[i] / total), tone=tone, align=RIGHT)
        painter.setPen(QPen(colour("strong"), 1))
        half = round(left + (right - left) * 0.5 / scale) + 0.5
        painter.drawLine(QPointF(half, px(2)), QPointF(half, n * row - px(2)))


class MarkByMark(Strip):
    """A column a mark, a cell a vote: whether people differ, or marks do."""

    def __init__(self, labels: Sequence[Label]) -> None:
        super().__init__()
        self._labels = labels
        self._columns: list[list[int]] = []
        self._most = 1
        self._hidden = False

    def show_votes(self, votes: Ints, *, hidden: bool) -> None:
        """Show the votes of each mark: (n_marks, n_labels) counts."""
        lead = np.argsort(-votes.sum(axis=0), kind="stable")
        ranked = votes[np.lexsort([-votes[:, column] for column in lead[::-1]])]
        values = [label.value for label in self._labels]
        self._columns = [
            [values[j] for j in lead for _ in range(counts[j])] for counts in ranked.tolist()
        ]
        most = max(map(len, self._columns), default=1)
        self._hidden = hidden
        if most != self._most:
            self._most = most
            self.updateGeometry()
        self.update()

    def heightForWidth(self, width: int) -> int:
        """A row a vote; the most that a mark has, and five without any."""
        return px(9) * max(5, self._most)

    def paintEvent(self, event: object) -> None:
        """The cells; without colours where the votes are withheld."""
        if not self._columns:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rows = max(5, self._most)
        wide = min(float(px(20)), self.width() / len(self._columns))
        high = self.height() / rows
        gap = 2.0 if wide > 6 else 1.0
        for i, column in enumerate(self._columns):
            for j in range(max(1, len(column))):
                cell = QRectF(i * wide, j * high, max(1.0, wide - gap), high - 2)
                if self._hidden or not column:
                    neutral(painter, cell)
                else:
                    block(painter, cell, column[j])
        painter.end()
