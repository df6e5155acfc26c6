"""Parameter map: every setting of a grid on the whole project, as a picture and as numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from k2c_gui.core.grid import Grid
from k2c_gui.core.model import ClusterParams, K2CError
from k2c_gui.core.sweep import SCORES
from k2c_gui.desk import Desk, State
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.chooser import Chooser
from k2c_gui.gui.controls import Icon, Progress, Text, does, hairline, later, width
from k2c_gui.gui.heat_map import Cells, HeatMap
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.score_words import BY_NAME, PARAMETERS, WORDS, parameter, value
from k2c_gui.gui.setting_rows import Row, SettingRows
from k2c_gui.gui.sliders import Number
from k2c_gui.gui.style import BODY, CAPTION, TITLE, px
from k2c_gui.gui.sweeps import Axes, Found, Place, Sweeps, wanted

_PAUSE = 250
"""ms: a map is scored when nothing was changed for this long."""

_SHOW_AFTER = 150
"""ms: what is done sooner is not worth a word."""

_OF_ITSELF = 50_000_000
"""Marks times settings: more than this, some ten seconds, is scored when it is asked for."""

_HOW = "Values parted by commas, or first:last:step, such as 1:15:2"

_UNKNOWN = {
    "stability": "There is but one setting, or no instance.",
    "validity": "There are too few marks.",
}
"""Why no setting has a score; the others are told from decisions."""

_COLUMNS = ("agreement", "ambiguous", "instances", "noise")


class View(QWidget):
    """The dock of the map.

    Parameters
    ----------
    desk : Desk
    pictures : Pictures
    actions : Actions
    """

    def __init__(self, desk: Desk, pictures: Pictures, actions: Actions) -> None:
        super().__init__()
        self._desk, self._actions = desk, actions
        self._found: Found | None = None
        self._wanted: tuple[object, Grid] | None = None
        self._stopped: tuple[object, ...] | None = None
        self._done = 0, 0
        self._picked = False  # a person chose the score
        self.sweeps = Sweeps()
        self.sweeps.setParent(self)
        self._make()
        self._lay()
        self._pause = later(self, _PAUSE, self._score)
        self._late = later(self, _SHOW_AFTER, self._show_progress)
        self.sweeps.told.connect(self._told)
        self.sweeps.done.connect(self._arrived)
        actions.actions["cancel"].triggered.connect(self._cancelled)
        actions.keys_changed.connect(self._show_progress)
        desk.subscribe(self._changed)

    def settled(self) -> bool:
        """Whether nothing more is being scored."""
        return not self.sweeps.busy and not self._pause.isActive()

    def close_down(self) -> None:
        """Leave off, and wait for the thread."""
        self._pause.stop()
        self.sweeps.close()

    # What the keys do

    def compute(self) -> None:
        """Score the map that is asked for, whatever it takes."""
        self._stopped = None
        self._pause.stop()
        self._score(asked=True)

    def step(self, across: int, up: int) -> None:
        """Move the cursor of the map."""
        self.heat.step(across, up)

    def choose(self) -> None:
        """Try the setting at the cursor."""
        self.heat.choose()

    def to_best(self) -> None:
        """Put the cursor on the best setting; again: on the next best."""
        best = () if self._found is None else self._found.best
        if best:
            at = best.index(self.heat.here) + 1 if self.heat.here in best else 0
            self.heat.go(best[at % len(best)])

    # Parts

    def _make(self) -> None:
        names = [PARAMETERS[name][0] for name in PARAMETERS]
        self.across, self.up, self.score = Chooser(), Chooser(), Chooser()
        for chooser, i, name in ((self.across, 0, "Across"), (self.up, 1, "Upwards")):
            chooser.addItems(names)
            chooser.setCurrentIndex(i)
            chooser.setAccessibleName(f"{name}: parameter")
        self._chosen = [0, 1]
        self.across.activated.connect(lambda i: self._choose_axis(0, i))
        self.up.activated.connect(lambda i: self._choose_axis(1, i))
        texts = [PARAMETERS[name][2] for name in PARAMETERS]
        self.ranges = (
            Number(lambda text: self._take(0, text)),
            Number(lambda text: self._take(1, text)),
        )
        for field, own, name in zip(self.ranges, texts, ("Across", "Upwards"), strict=False):
            field.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            self._write(field, own)
            field.setAccessibleName(f"{name}: values")
        self._kept_text = dict(zip(PARAMETERS, texts, strict=True))
        self.score.addItems([score.words for score in WORDS])
        self.score.setAccessibleName("Score")
        self.score.currentIndexChanged.connect(self._show_map)
        self.score.activated.connect(self._pick)
        for i, score in enumerate(WORDS):
            told = SCORES[score.name]
            self.score.setItemData(i, told[0].upper() + told[1:], Qt.ItemDataRole.ToolTipRole)
        self.heat = HeatMap(self._tell)
        self.heat.setProperty("scope", "map")
        self.heat.chosen.connect(self._try)
        self.said = Text(size=CAPTION, tone="text3", elide=Qt.TextElideMode.ElideRight)
        self.said.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.trouble = Text(size=CAPTION, tone="bad")
        self.trouble.setWordWrap(True)
        self.trouble.hide()
        self.bar = Progress()
        policy = self.bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(policy)
        self.bar.hide()
        self.button = QPushButton("Compute")
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        does(self.button, self._actions, "map-score")
        self.frames = Text(size=CAPTION, tone="text3", elide=Qt.TextElideMode.ElideRight)
        self.rows = SettingRows(self._tell)
        self.rows.chosen.connect(self._try)
        self.best_by = Text(size=CAPTION, tone="text3", elide=Qt.TextElideMode.ElideRight)
        self.best_by.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.nothing = Text(size=CAPTION, tone="text3")
        self.nothing.setWordWrap(True)

    def _lay(self) -> None:
        self._inner = inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, px(8), 0, px(8))
        column.setSpacing(px(8))
        head = _line(Text("Parameter map", size=TITLE, weight=600))
        head.addWidget(self.said, 1)
        head.addWidget(Icon("pin", self._actions, "pin"))
        column.addLayout(head)
        column.addLayout(self._asked())
        column.addLayout(_line(self.bar))
        column.addLayout(_line(self.trouble))
        column.addLayout(_line(self.heat), 1)
        column.addLayout(_line(self.frames))
        column.addWidget(hairline())
        best = _line(Text("Best settings", size=TITLE, weight=600))
        best.addWidget(self.best_by, 1)
        column.addLayout(best)
        column.addLayout(_line(self.nothing))
        column.addWidget(self.rows)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inner)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)

    def _asked(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(px(12), 0, px(12), 0)
        grid.setHorizontalSpacing(px(8))
        grid.setVerticalSpacing(px(6))
        grid.setColumnStretch(1, 3)
        grid.setColumnStretch(2, 2)
        lines = (
            (self.across, self.ranges[0]),
            (self.up, self.ranges[1]),
            (self.score, self.button),
        )
        for i, (name, line) in enumerate(zip(("Across", "Up", "Score"), lines, strict=True)):
            grid.addWidget(Text(name, tone="text2"), i, 0)
            for j, part in enumerate(line):
                part.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
                part.setMinimumWidth(px(72))
                grid.addWidget(part, i, j + 1)
        return grid

    def sizeHint(self) -> QSize:
        """As wide as the dock at the right, with the rows in sight."""
        return QSize(px(400), px(740))

    def minimumSizeHint(self) -> QSize:
        """As wide as its parts; up and down it scrolls."""
        return QSize(max(px(260), self._inner.minimumSizeHint().width()), px(200))

    # What the expert does

    def _axes(self) -> Axes:
        names = list(PARAMETERS)
        x, y = (names[i] for i in self._chosen)
        return Axes(x, self.ranges[0].text(), y, self.ranges[1].text())

    def _choose_axis(self, axis: int, index: int) -> None:
        """Vary another parameter; the two never are the same, they change places."""
        names = list(PARAMETERS)
        before, other = self._chosen[axis], self._chosen[1 - axis]
        for own, field in zip(self._chosen, self.ranges, strict=True):
            self._kept_text[names[own]] = field.text()
        self._chosen[axis] = index
        if index == other:
            self._chosen[1 - axis] = before
        for chooser, field, own in zip(
            (self.across, self.up), self.ranges, self._chosen, strict=True
        ):
            chooser.setCurrentIndex(own)
            self._write(field, self._kept_text[names[own]])
        self._ask()

    def _pick(self, _index: int) -> None:
        self._picked = True

    def _take(self, axis: int, text: str) -> None:
        self._write(self.ranges[axis], text)
        self._ask()

    def _write(self, field: Number, text: str) -> None:
        field.show_value(text)
        field.setCursorPosition(0)  # where there is no room, its beginning is seen
        field.setToolTip(f"{text}\n{_HOW}")

    def _try(self, place: Place) -> None:
        """Try a setting of the map; what no axis varies stays as it is."""
        found = self._found
        if found is None:
            return
        changes: dict[str, Any] = found.values(place)
        try:
            self._desk.try_params(replace(self._desk.state.params, **changes))
        except K2CError as error:
            self._say_trouble(str(error))

    def _cancelled(self) -> None:
        if self.sweeps.busy or self._pause.isActive():
            self._pause.stop()
            self.sweeps.stop()
            self._stopped = self._question()
            self._show_progress()

    # Scoring

    def _changed(self, old: State, new: State) -> None:
        if not self.isVisible():
            return
        asked = new.evidence is not old.evidence or new.ledger is not old.ledger
        if new.params != old.params or new.pinned != old.pinned:
            self._show_marks()
            # whoever moves a slider is not kept waiting; what was scored is kept
            asked |= self.sweeps.busy
            asked |= self._varies(old.params) != self._varies(new.params)
        if asked:
            self._ask()

    def _varies(self, params: ClusterParams) -> ClusterParams:
        """A setting without what the axes vary."""
        axes, first = self._axes(), ClusterParams(epsilon=1.0)
        same: dict[str, Any] = {name: getattr(first, name) for name in (axes.x, axes.y)}
        return replace(params, **same)

    def _question(self) -> tuple[object, ...]:
        state = self._desk.state
        return self._axes(), self._varies(state.params), state.ledger, state.evidence

    def _ask(self) -> None:
        """Score anew soon."""
        self._stopped = None
        self.sweeps.stop()
        self._pause.start()
        self._show_progress()

    def _grid(self) -> Grid:
        """What is asked for; laid out once."""
        key = self._axes(), self._varies(self._desk.state.params)
        if self._wanted is None or self._wanted[0] != key:
            self._wanted = key, wanted(key[0], self._desk.state.params)
        return self._wanted[1]

    def _score(self, *, asked: bool = False) -> None:
        """Score what is asked for, if it is not there and does not take too long."""
        state = self._desk.state
        if not self.isVisible() or not state.evidence:
            return
        try:
            grid = self._grid()
        except K2CError as error:
            self.sweeps.stop()
            self._say_trouble(str(error))
            self._show_progress()
            return
        self._say_trouble("")
        if self._found is not None and self._found.answers(state, grid):
            self.sweeps.stop()
        elif asked or (self._stopped is None and _quick(state, grid)):
            self._done = 0, len(state.evidence)
            self.sweeps.ask(state, grid)
            self._late.start()
        else:
            self.sweeps.stop()
        self._show_progress()

    def _told(self, _what: str, done: int, total: int) -> None:
        self._done = done, total
        self._show_progress()

    def _arrived(self, answer: object) -> None:
        self._late.stop()
        if isinstance(answer, Found):
            if self._found is None and not answer.best and not self._picked:
                self.score.setCurrentIndex(WORDS.index(BY_NAME["instances"]))
            self._found = answer
            failed = answer.sweep.failed
            told = "; ".join(f"{name}: {why}" for name, why in failed.items())
            self._say_trouble(f"{len(failed):,} left out. {told}" if failed else "")
            self._show_map()
        elif isinstance(answer, K2CError):
            self._say_trouble(str(answer))
        elif isinstance(answer, Exception):
            raise answer
        self._show_progress()

    # What is shown

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up: a hidden dock scores nothing."""
        super().showEvent(event)
        self._show_map()
        self._show_progress()
        if self._stopped is None:
            self._pause.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Leave off; what was scored is kept."""
        super().hideEvent(event)
        self._pause.stop()
        self.sweeps.stop()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the scale."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self.updateGeometry()

    def _show_map(self) -> None:
        found, score = self._found, WORDS[self.score.currentIndex()]
        if found is not None:
            y, x = found.sweep.axes
            cells = Cells(
                found.sweep.scores[score.name],
                [value(v) for v in y.values],
                [value(v) for v in x.values],
                parameter(y.name),
                parameter(x.name),
                score,
                _UNKNOWN.get(score.name, "Nothing is decided yet."),
            )
            self.heat.show_cells(cells)
        self._show_marks()

    def _show_marks(self) -> None:
        """Frames and rows: which setting is tried, which is pinned, which are best."""
        found, state = self._found, self._desk.state
        if found is None:
            self.rows.show_rows("", (), ())
            self.nothing.hide()
            self.best_by.setText("")
            return
        now, pinned = found.place(state.params), found.place(state.pinned)
        self.heat.mark(now, pinned)
        chosen = WORDS[self.score.currentIndex()].name
        names = dict.fromkeys((*_COLUMNS[:2], chosen, *_COLUMNS[2:]))
        columns = [BY_NAME[name] for name in names]
        places = dict.fromkeys((*found.best, *(p for p in (now, pinned) if p is not None)))
        rows = [
            Row(
                place,
                self._name(place),
                tuple(c.written(float(found.sweep.scores[c.name][place])) for c in columns),
                now=place == now,
                pinned=place == pinned,
            )
            for place in places
        ]
        self.rows.show_rows("across · up", columns, rows)
        self.nothing.setVisible(not found.best)
        self.nothing.setText(
            "Nothing was decided that a setting could agree with, so none is best."
        )
        n = found.decided
        by = f"by agreement with {n:,} decision{'s' * (n != 1)}"
        self.best_by.setText(by if found.best else "")

    def _name(self, place: Place) -> str:
        return " · ".join(value(v) for v in list(self._found_values(place).values())[::-1])

    def _found_values(self, place: Place) -> dict[str, Any]:
        return {} if self._found is None else self._found.values(place)

    def _tell(self, place: Place) -> list[tuple[str, str]]:
        """All that is known of a setting."""
        found = self._found
        if found is None:
            return []
        facts = [(parameter(name), value(v)) for name, v in self._found_values(place).items()]
        numbers = [
            (score.words, score.written(float(found.sweep.scores[score.name][place])))
            for score in WORDS
        ]
        return facts[::-1] + numbers

    def _say_trouble(self, words: str) -> None:
        self.trouble.setText(words)
        self.trouble.setVisible(bool(words))

    def _show_progress(self) -> None:
        """How far it is, or how long it took, or why there is nothing."""
        working = self.sweeps.busy and not self._late.isActive()
        done, total = self._done
        self.bar.setVisible(working)
        self.bar.set_share(done / max(1, total))
        self.button.setEnabled(not self.sweeps.busy and not self._fresh())
        self.button.setMinimumWidth(width("Compute", BODY, 500) + px(32))
        if working:
            self.said.setText(f"{done:,} of {total:,}, {self._actions.key('cancel')} cancels")
        elif not self.sweeps.busy:
            self.said.setText(self._outcome())
        self.heat.say(self._empty())
        key = self._actions.key("flicker")
        words = f"Whole frame: now. Broken: pinned. Hold {key} to flicker."
        self.frames.setText("" if self._found is None else words)

    def _fresh(self) -> bool:
        """Whether the map that is shown is the one that is asked for."""
        grid = self._wanted
        key = self._axes(), self._varies(self._desk.state.params)
        if self._found is None or grid is None or grid[0] != key:
            return False
        return self._found.answers(self._desk.state, grid[1])

    def _outcome(self) -> str:
        if self._found is not None and self._fresh():
            took = f"{max(0.1, self._found.seconds):.1f} s"
            return f"{len(self._found.sweep.grid):,} settings, {took}"
        if self._stopped is not None:
            return "Stopped" if self._found is None else "Stopped: the map before"
        return "" if self._found is None or self._pause.isActive() else "The map before"

    def _empty(self) -> str:
        """What stands in the place of the map when there is none."""
        if self._found is not None:
            return "" if self._found.sweep.micrographs else "No micrograph could be scored."
        key = self._actions.key("map-score")
        if self.sweeps.busy:
            return "" if self._late.isActive() else "Scoring settings"
        if self._stopped is not None:
            return f"Stopped. {key} goes on."
        if self._wanted is not None and not self._pause.isActive() and not self.trouble.text():
            n, of = len(self._wanted[1]), len(self._desk.state.evidence)
            return f"{n:,} settings of {of:,} micrographs take a while. {key} scores them."
        return ""


def _quick(state: State, grid: Grid) -> bool:
    """Whether a map is there in some seconds; the other algorithms group anew a setting."""
    own = [axis.values for axis in grid.axes if axis.name == "algorithm"]
    algorithms = own[0] if own else (grid.base.algorithm,)
    marks = sum(len(evidence.marks) for evidence in state.evidence)
    return set(algorithms) == {"hdbscan"} and marks * len(grid) <= _OF_ITSELF


def _line(widget: QWidget) -> QHBoxLayout:
    """A widget with the margins of a dock."""
    row = QHBoxLayout()
    row.setContentsMargins(px(12), 0, px(12), 0)
    row.setSpacing(px(8))
    row.addWidget(widget)
    return row
