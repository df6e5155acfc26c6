"""How fast cases are ruled, how often taken back, and how far the expert agrees with herself."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from k2c_gui.core import agreement, kappa, pace
from k2c_gui.core.kappa import Kappa
from k2c_gui.core.model import Entry, Label
from k2c_gui.core.pace import REPEAT_AFTER, REPEAT_SHARE, Row
from k2c_gui.desk import Desk
from k2c_gui.gui.controls import Text, hairline
from k2c_gui.gui.jobs import Worker
from k2c_gui.gui.painting import NOTHING, percent
from k2c_gui.gui.style import CAPTION, HEAD, px

from .sheet import Sheet

_HEADS = ("Cases", "In an hour", "Median", "Taken back")
_SECTIONS = {
    "all": "",
    "expert": "By expert",
    "label": "By what was ruled",
    "votes": "By what the votes were",
    "state": "By what stood before",
    "repeat": "Repeats",
}
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class Figures:
    """What the page shows.

    Attributes
    ----------
    rows : tuple of Row
    kappa : Kappa
        Of the repeats.
    due : int
        Decisions of the expert that are to come back still.
    """

    rows: tuple[Row, ...]
    kappa: Kappa
    due: int


def measure(
    log: Sequence[Entry], labels: Sequence[Label], in_force: Container[str], expert: str
) -> Figures:
    """Read the page's figures from a log; a long one takes a moment."""
    again = agreement.compared(pace.repeats(log), labels)
    return Figures(pace.table(log, labels), again, len(pace.due(log, in_force).get(expert, ())))


def in_words(found: Kappa) -> tuple[str, str]:
    """Agreement of repeats in a sentence, and kappa in another one."""
    if not found.n:
        return "No case has come back yet.", ""
    alike = int(np.trace(found.confusion))
    cases = "1 case was" if found.n == 1 else f"{found.n:,} cases were"
    first = f"{cases} ruled twice, {alike:,} alike: {percent(found.agreement)}."
    if not isfinite(found.kappa):
        return first, f"No kappa: {found.why}."
    second = f"Cohen’s kappa {_number(found.kappa)}"
    if isfinite(found.low):
        bounds = f"{_number(found.low)} to {_number(found.high)}"
        return first, f"{second}, 95 % interval {bounds}, drawn over micrographs."
    return first, f"{second}; no interval: {found.why}."


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "\u2212")


class Pace(Sheet):
    """The page of paces, repeats and conflicts.

    Parameters
    ----------
    desk : Desk
    parent : QWidget or None
    """

    go = Signal(str)  # a facet that is to be shown

    def __init__(self, desk: Desk, parent: QWidget | None) -> None:
        super().__init__("Pace", parent, 620)
        self._labels = desk.state.sources.labels
        self.lines: list[tuple[str, ...]] = []
        self._inner = QVBoxLayout()
        self._inner.setContentsMargins(0, 0, px(12), 0)
        self._inner.setSpacing(px(10))
        inner, scroll = QWidget(), QScrollArea()
        inner.setLayout(self._inner)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        self.content.addWidget(scroll, 1)
        self.wait = Text("Reading the log", tone="text3")
        self._inner.addWidget(self.wait)
        between = len(desk.session.state.ledger.conflicts)
        self.decide = self.button("Decide between experts")
        self.decide.setVisible(bool(between))
        self.decide.clicked.connect(self._decide)
        cases = "1 instance" if between == 1 else f"{between:,} instances"
        self.notice.tell(f"Experts disagree on {cases}." if between else "")
        self.button("Close", main=True).clicked.connect(self.accept)
        self.fills = True
        self.resize(px(660), px(680))
        log, labels, expert = desk.session.log, self._labels, desk.session.expert
        in_force = desk.session.state.ledger.in_force
        self._worker = Worker(self._answered)
        self._worker.ask("figures", lambda: measure(log, labels, in_force, expert))

    def done(self, result: int) -> None:
        """Close; what is still read is of no use any more."""
        self._worker.close()
        super().done(result)

    def settled(self) -> bool:
        """Whether the figures are there."""
        return self.wait.isHidden()

    def _decide(self) -> None:
        self.accept()
        self.go.emit("conflict")

    def _answered(self, _question: object, answer: object) -> None:
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Figures):
            self.wait.hide()
            self._show_table(answer.rows)
            self._inner.addWidget(hairline())
            self._show_repeats(answer)
            self._inner.addStretch(1)

    # The table

    def _show_table(self, rows: tuple[Row, ...]) -> None:
        grid = QGridLayout()
        grid.setVerticalSpacing(px(5))
        grid.setHorizontalSpacing(px(16))
        grid.setColumnStretch(0, 1)
        for i, head in enumerate(_HEADS):
            grid.addWidget(_cell(head, size=CAPTION, tone="text3"), 0, i + 1)
        grid.addWidget(hairline(), 1, 0, 1, len(_HEADS) + 1)
        at, section = 2, ""
        for row in rows:
            if row.by != section:
                section = row.by
                if _SECTIONS[section]:
                    title = Text(_SECTIONS[section], size=CAPTION, weight=600, tone="text2")
                    title.setContentsMargins(0, px(8), 0, 0)
                    grid.addWidget(title, at, 0)
                    at += 1
            self._add(grid, at, row)
            at += 1
        self._inner.addLayout(grid)
        paused = rows[0].paused
        if paused:
            cases = "1 case is" if paused == 1 else f"{paused:,} cases are"
            words = f"{cases} in no time above: a pause of more than {pace.IDLE:.0f} s lay in it."
            self._inner.addWidget(_small(words))

    def _add(self, grid: QGridLayout, at: int, row: Row) -> None:
        main = row.by == "all"
        share = f", {percent(row.taken_back / row.cases)}" if row.cases else ""
        cells = (
            f"{row.cases:,}",
            f"{row.per_hour:,.0f} / h" if isfinite(row.per_hour) else NOTHING,
            f"{row.median:.1f} s" if isfinite(row.median) else NOTHING,
            f"{row.taken_back:,}{share}" if row.by != "repeat" else NOTHING,
        )
        name = "All cases ruled one by one" if main else row.what
        tone, weight = ("text1", 600) if main else ("text2", 400)
        grid.addWidget(Text(name, tone=tone, weight=weight), at, 0)
        for i, words in enumerate(cells):
            grid.addWidget(_cell(words, weight=weight, tone="text1"), at, i + 1)
        self.lines.append((name, *cells))

    # Repeats

    def _show_repeats(self, found: Figures) -> None:
        self._inner.addWidget(Text("The same case, ruled twice", size=HEAD, weight=600))
        self.said = [_body(words) for words in in_words(found.kappa) if words]
        for text in self.said:
            self._inner.addWidget(text)
        if found.kappa.n:
            self._inner.addLayout(self._confusion(found.kappa))
        due = f" {found.due:,} are due." if found.due else ""
        self._inner.addWidget(
            _small(
                f"{percent(REPEAT_SHARE)} of your cases come back, with the votes hidden, once"
                f" {REPEAT_AFTER} others lie between. The first ruling stays in force.{due}"
            )
        )

    def _confusion(self, found: Kappa) -> QHBoxLayout:
        """First ruling down, second across; only what was ruled at all."""
        names = kappa.categories(self._labels)
        used = np.flatnonzero(found.confusion.sum(axis=0) + found.confusion.sum(axis=1)).tolist()
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(12))
        grid.setVerticalSpacing(px(3))
        grid.addWidget(Text("first, then second", size=CAPTION, tone="text3"), 0, 0)
        for j, column in enumerate(used):
            grid.addWidget(_cell(_short(names[column]), size=CAPTION, tone="text3"), 0, j + 1)
        for i, row in enumerate(used):
            grid.addWidget(Text(_short(names[row]), tone="text2"), i + 1, 0)
            for j, column in enumerate(used):
                n = int(found.confusion[row, column])
                tone = "text1" if n else "text3"
                grid.addWidget(
                    _cell(f"{n:,}", weight=600 if i == j else 400, tone=tone), i + 1, j + 1
                )
        line = QHBoxLayout()
        line.addLayout(grid)
        line.addStretch(1)
        return line


def _short(name: str) -> str:
    return name.split("/")[0].strip()


def _cell(words: str, *, size: int = 12, weight: int = 400, tone: str = "text1") -> Text:
    text = Text(words, size=size, weight=weight, tone=tone)
    text.setAlignment(_RIGHT)
    return text


def _body(words: str) -> Text:
    text = Text(words, tone="text1")
    text.setWordWrap(True)
    return text


def _small(words: str) -> Text:
    text = Text(words, size=CAPTION, tone="text3")
    text.setWordWrap(True)
    return text
