"""The tour: twelve cases, and with each one thing to know and to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import msgspec
from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from k2c_gui.core.model import NO_MARK
from k2c_gui.desk import Desk, State
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.controls import Icon, Text
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.style import TITLE, colour, px
from k2c_gui.io.resources import resource

PAUSE = 900
"""ms from doing a thing to the next step: what it did is to be seen first."""

_FACET, _PRESET = "ambiguous", "preset:Adjudicate"


class Step(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One ``[[step]]``.

    Attributes
    ----------
    title, text : str
        In the text ``{name of an action}`` stands for its key and ``{labels}`` for all labels.
    actions : list of str
        Doing any of these is doing the step.
    fields : list of str
        Of `State`; changing any of these is doing the step too.
    stored : bool
        What is done counts only when it is on disk.
    times : int
        How often it is to be done.
    """

    title: str
    text: str
    actions: list[str] = []
    fields: list[str] = []
    stored: bool = False
    times: int = 1


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    step: list[Step]


def steps() -> tuple[Step, ...]:
    """The steps of the tour, in order."""
    return tuple(msgspec.toml.decode(resource("tour.toml").read_bytes(), type=_Table).step)


class View(QWidget):
    """A strip between image and decisions; it covers neither, and nothing waits for it.

    Parameters
    ----------
    desk : Desk
    pictures : Pictures
        Not needed here.
    actions : Actions
    """

    ended = Signal()

    def __init__(self, desk: Desk, pictures: Pictures, actions: Actions) -> None:
        super().__init__()
        self._desk, self._actions = desk, actions
        self._steps = steps()
        self._at = -1
        self._case = NO_MARK
        self._faced: set[int] = set()
        self._ledger = desk.state.ledger
        self._done = 0
        self._make()
        # what an action does is done by others, who may be told of it later than this view
        self._look = self._timer(0, self._judge)
        self._pause = self._timer(PAUSE, self.next)
        for name in dict.fromkeys(name for step in self._steps for name in step.actions):
            actions.actions[name].triggered.connect(partial(self._did, name))
        actions.keys_changed.connect(self._say)
        desk.subscribe(self._changed)
        self.hide()

    # What an expert does

    def start(self) -> None:
        """Begin with the first step, whatever was before."""
        self._pause.stop()
        self._faced.clear()
        self._case = NO_MARK
        self._actions.trigger(_PRESET)
        if self._desk.state.queue.facet != _FACET:
            self._desk.rank(_FACET)
        self.show()
        self._go(0)

    def next(self) -> None:
        """Go on, whether the thing was done or not; after the last step the tour ends."""
        if self._at + 1 < len(self._steps):
            self._go(self._at + 1)
        else:
            self.stop()

    def stop(self) -> None:
        """End the tour; `start` begins it anew."""
        self._pause.stop()
        self._at = -1
        self.hide()
        self.ended.emit()

    @property
    def at(self) -> int:
        """Place of the step it is at, from 0; -1 when no tour is under way."""
        return self._at

    def set_pause(self, ms: int) -> None:
        """Go on sooner or later after a thing was done."""
        self._pause.setInterval(ms)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A raised strip with a hairline to the image."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour("raised"))
        painter.setPen(colour("line"))
        painter.drawLine(0, 0, self.width(), 0)
        painter.end()

    # Steps

    def _go(self, place: int) -> None:
        self._pause.stop()
        self._at = place
        self._done = 0
        self._face()
        self._ledger = self._desk.state.ledger
        self._say()

    def _face(self) -> None:
        """Bring a case for this step, unless the expert has gone to a fresh one already."""
        state = self._desk.state
        here = state.selected
        if here in (NO_MARK, self._case) or here in state.ledger.owner:
            # at least one case is passed over at each step, so that there are twelve
            self._faced.add(here)
            for micrograph, mark in state.queue.cases[["micrograph", "mark"]].tolist():
                if mark not in state.ledger.owner and mark not in self._faced:
                    self._desk.select(mark, micrograph)
                    break
        self._case = self._desk.state.selected

    def _did(self, name: str) -> None:
        if self._at >= 0 and name in self._steps[self._at].actions:
            self._count_it()

    def _judge(self) -> None:
        """Go on after a while if the step is done."""
        if self._at < 0 or self._pause.isActive():
            return
        step = self._steps[self._at]
        stored = self._desk.state.ledger is not self._ledger
        if self._done >= step.times and (stored or not step.stored):
            self._pause.start()
            self._tick.show()

    def _changed(self, old: State, new: State) -> None:
        if self._at < 0:
            return
        if self._case == NO_MARK and len(new.queue.cases) and not len(old.queue.cases):
            # the queue was not known when the tour began
            self._first.start()
        if any(getattr(new, f) is not getattr(old, f) for f in self._steps[self._at].fields):
            self._count_it()

    def _count_it(self) -> None:
        self._done += 1
        self._look.start()

    # What is shown

    def _make(self) -> None:
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._count = Text(tone="text3")
        self._title = Text(size=TITLE, weight=600)
        self._text = Text(tone="text2")
        self._text.setWordWrap(True)
        self._tick = Icon("check")
        policy = self._tick.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._tick.setSizePolicy(policy)
        self._skip, self._next = QPushButton("End tour"), QPushButton("Next")
        self._skip.clicked.connect(self.stop)
        self._next.clicked.connect(self.next)
        self._first = self._timer(0, self._face)
        head = QHBoxLayout()
        head.setSpacing(px(8))
        head.addWidget(self._title)
        head.addWidget(self._count)
        head.addStretch()
        words = QVBoxLayout()
        words.setSpacing(px(2))
        words.addLayout(head)
        words.addWidget(self._text, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(px(16), px(8), px(12), px(8))
        row.setSpacing(px(8))
        row.addLayout(words, 1)
        for part in (self._tick, self._skip, self._next):
            row.addWidget(part)

    def _say(self) -> None:
        if self._at < 0:
            return
        step = self._steps[self._at]
        self._count.setText(f"{self._at + 1} of {len(self._steps)}")
        self._title.setText(step.title)
        self._text.setText(re.sub(r"{([^}]+)}", lambda m: self._word(m[1]), step.text))
        self._tick.hide()
        last = self._at + 1 == len(self._steps)
        self._next.setText("Done" if last else "Next")
        self._skip.setVisible(not last)

    def _word(self, name: str) -> str:
        """The key of an action, or its words if it has none; all labels with theirs."""
        if name != "labels":
            return self._actions.key(name) or f"“{self._actions.actions[name].text()}”"
        named = [
            f"{self._actions.key(f'label:{i}')} {label.name}".strip()
            for i, label in enumerate(self._desk.state.sources.labels)
        ]
        return ", ".join(named)

    def _timer(self, ms: int, run: Callable[[], object]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(ms)
        timer.timeout.connect(run)
        return timer
