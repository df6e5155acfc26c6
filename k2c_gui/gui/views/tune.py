"""Tune: one setting of the grouping, live on the whole project, and what it changes.

Two layouts of one view: a strip below the image, and a dock with all there is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from PySide6.QtCore import QEvent, QSize, Qt, QTimer
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from k2c_gui.core import outcome
from k2c_gui.core.model import STATUS, K2CError
from k2c_gui.desk import Desk, State
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.chooser import Chooser
from k2c_gui.gui.controls import Icon, Progress, Segments, Text, does, fold, hairline, width
from k2c_gui.gui.counts import change, setting, share, share_change
from k2c_gui.gui.histogram import Histogram
from k2c_gui.gui.jobs import Groupings, Pictures
from k2c_gui.gui.sliders import Dial, Range
from k2c_gui.gui.style import CAPTION, HEAD, TITLE, px

_SHOW_AFTER = 150
"""ms: what is done sooner is not worth a word."""

_FADE_AFTER = 60
"""ms: counts of the old setting go grey when the new ones take longer."""

_DBSCAN_EPSILON = 5.0
"""px: a neighbourhood about as wide as the marks of one particle scatter."""

_WORDS: dict[str, dict[Any, str]] = {
    "method": {"eom": "eom", "leaf": "leaf"},
    "centroid": {"mode": "mode", "mean": "mean", "median": "median"},
    "weighted": {True: "on", False: "off"},
    "split": {True: "on", False: "off"},
}
"""Words of a choice, by its value."""

_ALGORITHMS = {
    "hdbscan": "hdbscan",
    "reference": "hdbscan library",
    "dbscan": "dbscan",
    "kmeans": "k-means",
}
_SAID = {"weighted": "Exposure weights", "split": "Split pairs"}
_MEANT = {
    "weighted": "A mark counts for more where fewer volunteers looked, as at the border.",
    "split": "Parts groups in which volunteers marked two particles at once.",
}
_HDBSCAN = ("hdbscan", "reference")
_USED_BY = {
    "min_cluster_size": _HDBSCAN,
    "min_samples": (*_HDBSCAN, "dbscan"),
    "epsilon": (*_HDBSCAN, "dbscan"),
    "method": _HDBSCAN,
    "weighted": ("hdbscan",),
}

_FIELDS = ("centroids", "ambiguous", "noise", "low_support")
_ROWS = ("Centroids", "Ambiguous", "Noise marks", "Low support", "Decisions kept", "F1, truth")
_KEPT, _F1 = 4, 5
_NAMES = ("centroids", "ambiguous", "noise marks")
_SCOPES = {"micrograph": "This micrograph", "project": "Whole project"}


_RANGES = (
    Range("min_cluster_size", "min_cluster_size", 3, 20),
    Range("min_samples", "min_samples", 1, 20),
    Range("epsilon", "epsilon", 0, 200, scale=10, step=10, snap=5),
    Range("margin", "ambiguity margin", 0, 600, scale=1000, step=10, snap=10),
)


class View(QWidget):
    """The strip or the dock.

    Parameters
    ----------
    desk : Desk
    pictures : Pictures
    actions : Actions
    groupings : Groupings
    layout : {"strip", "dock"}
    """

    def __init__(
        self,
        desk: Desk,
        pictures: Pictures,
        actions: Actions,
        groupings: Groupings,
        layout: Literal["strip", "dock"] = "strip",
    ) -> None:
        super().__init__()
        self._desk, self._actions = desk, actions
        self._roomy = layout == "dock"
        self._groupings = groupings
        self._working = False
        self._scope = "project" if self._roomy else "micrograph"
        self._pairs: list[QWidget] = []
        self._foldable: list[QWidget] = []
        self._make_parts()
        (self._lay_dock if self._roomy else self._lay_strip)()
        self._keep_the_rest()
        self._late = _timer(self, _SHOW_AFTER, self._show_progress)
        self._fade = _timer(self, _FADE_AFTER, self._dim)
        groupings.progressed.connect(self._progressed)
        actions.actions["apply"].enabledChanged.connect(lambda _on: self._show_setting(desk.state))
        desk.subscribe(self._changed)
        self._show_all()

    def settled(self) -> bool:
        """Whether every number here is that of the setting."""
        state = self._desk.state
        rows = slice(None) if self._roomy else state.shown
        known = [state.outcomes[one]["known"][rows] for one in (state.params, state.pinned)]
        return self._groupings.stopped or bool(np.all(known))

    # Parts

    def _make_parts(self) -> None:
        self.dials = {r.field: Dial(r, roomy=self._roomy) for r in _RANGES}
        for name, dial in self.dials.items():
            dial.moved.connect(lambda value, name=name: self._try(name, value))
        self.words = {name: Segments(list(words.values())) for name, words in _WORDS.items()}
        self.algorithm = Chooser()  # four words are too many for one line
        self.algorithm.setFixedWidth(px(150))
        for value, word in _ALGORITHMS.items():
            self.algorithm.addItem(word, value)
        self.algorithm.activated.connect(
            lambda place: self._try("algorithm", self.algorithm.itemData(place))
        )
        for name, segments in self.words.items():
            value_of = {word: value for value, word in _WORDS[name].items()}
            segments.chosen.connect(
                lambda word, name=name, value_of=value_of: self._try(name, value_of[word])
            )
            segments.setToolTip(_MEANT.get(name, ""))
        self.scope = Segments(list(_SCOPES.values()))
        scope_of = {word: scope for scope, word in _SCOPES.items()}
        self.scope.chosen.connect(lambda word: self.show_scope(scope_of[word]))
        self.scope.set(_SCOPES[self._scope])
        self.row_names = [Text(name, tone="text2") for name in _ROWS]
        self.back = Text(size=CAPTION, tone="text3", elide=Qt.TextElideMode.ElideRight)
        rows = len(_ROWS) if self._roomy else len(_NAMES)
        right = Qt.AlignmentFlag.AlignRight if self._roomy else Qt.AlignmentFlag.AlignLeft
        self.now = [
            Text(size=TITLE if self._roomy else HEAD, weight=600, tone="text1") for _ in range(rows)
        ]
        self.then = [Text(tone="text3") for _ in range(rows)]
        self.changes = [
            Text(weight=500, tone="text1" if self._roomy else "text2") for _ in range(rows)
        ]
        for text in (*self.now, *self.then, *self.changes):
            text.setAlignment(right | Qt.AlignmentFlag.AlignVCenter)
        self.pinned_as = Text(size=CAPTION, tone="text3", elide=Qt.TextElideMode.ElideRight)
        self.said = Text(size=CAPTION, tone="bad", elide=Qt.TextElideMode.ElideRight)
        self.histogram = Histogram()
        self.below = Text(size=CAPTION, tone="text3")
        self.share_title = Text(tone="text2", elide=Qt.TextElideMode.ElideRight)
        self.share_of = Text(weight=600)
        self.bar = Progress()
        policy = self.bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(policy)
        self.bar.hide()
        self._make_buttons()

    def _make_buttons(self) -> None:
        n = len(self._desk.state.evidence)
        self.apply = _button(f"Apply to all {n:,}", self._actions, "apply")
        self.apply.setProperty("main", True)
        words = ("Default", "2022 setting") if self._roomy else ("Default", "2022")
        self.default = _button(words[0], self._actions, "default-setting")
        self.reset = _button(words[1], self._actions, "reset")

    def _keep_the_rest(self) -> None:
        """What this layout has no place for goes with the view, unseen."""
        texts = (*self.now, *self.then, *self.changes, self.said, self.below, self.pinned_as)
        shares = (self.share_title, self.share_of, self.bar)
        own = (self.histogram, self.scope, self.algorithm, self.back, *self.row_names)
        for part in (*texts, *shares, *self.words.values(), *own):
            if part.parent() is None:
                part.setParent(self)
                part.hide()

    def _lay_strip(self) -> None:
        self._row = row = QHBoxLayout(self)
        row.setSizeConstraint(QHBoxLayout.SizeConstraint.SetNoConstraint)  # parts fold away
        row.setContentsMargins(px(12), px(10), px(12), px(6))
        row.setSpacing(px(14))
        title = Text("Tune", size=TITLE, weight=600)
        row.addWidget(_column(title, self.share_title, self.bar, width=px(124)))
        for dial in self.dials.values():
            row.addWidget(dial, 1, Qt.AlignmentFlag.AlignTop)
        segments = [_column(_name(name), self.words[name]) for name in ("method", "centroid")]
        self._foldable = [self.dials["epsilon"], *segments]
        for part in segments:
            row.addWidget(part)
        row.addWidget(hairline(vertical=True))
        row.addLayout(self._pairs_of_counts())
        buttons = (Icon("pin", self._actions, "pin"), self.default, self.reset, self.apply)
        for button in buttons:
            row.addWidget(button)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def _pairs_of_counts(self) -> QGridLayout:
        counts = QGridLayout()
        counts.setHorizontalSpacing(px(14))
        counts.setVerticalSpacing(px(1))
        for i, name in enumerate(_NAMES):
            # the pair has the fixed width, for the change to stand close to its number
            pair = QWidget()
            line = QHBoxLayout(pair)
            line.setContentsMargins(0, 0, 0, 0)
            line.setSpacing(px(5))
            line.addWidget(self.now[i])
            line.addWidget(self.changes[i])
            line.addStretch(1)
            self._pairs.append(pair)
            counts.addWidget(pair, 0, i)
            counts.addWidget(Text(name, size=CAPTION, tone="text3"), 1, i)
        counts.addWidget(self.pinned_as, 2, 0, 1, len(_NAMES))
        return counts

    def _lay_dock(self) -> None:
        self._inner = inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(px(12), px(8), px(12), px(8))
        column.setSpacing(px(8))
        self.pinned_as.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        column.addLayout(_row(Text("Clustering", size=TITLE, weight=600), self.pinned_as, wide=1))
        for dial in self.dials.values():
            column.addWidget(dial)
        column.addLayout(self._choices())
        self.said.hide()
        column.addWidget(self.said)
        column.addWidget(hairline())
        column.addLayout(self._table())
        column.addWidget(self.back)
        column.addWidget(hairline())
        self.margin_title = Text(weight=500, size=CAPTION, tone="text2")
        column.addLayout(_row(self.margin_title, self.below, wide=0))
        column.addWidget(self.histogram, 1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inner)
        foot = QVBoxLayout()
        foot.setContentsMargins(px(12), px(8), px(12), px(12))
        foot.setSpacing(px(6))
        foot.addLayout(_row(self.share_title, self.share_of, wide=0))
        foot.addWidget(self.bar)
        foot.addWidget(self.apply)
        foot.addLayout(self._buttons())
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)
        whole.addWidget(hairline())
        whole.addLayout(foot)

    def _choices(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(px(8))
        column.addLayout(_row(_name("algorithm", "text1"), self.algorithm, wide=0))
        for name, segments in self.words.items():
            column.addLayout(_row(_name(_SAID.get(name, name), "text1"), segments, wide=0))
        return column

    def _table(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setVerticalSpacing(px(5))
        grid.setColumnStretch(0, 1)
        right = Qt.AlignmentFlag.AlignRight
        grid.addWidget(self.scope, 0, 0, 1, 4)
        for i, name in enumerate(("now", "pinned", "change")):
            grid.addWidget(Text(name, size=CAPTION, tone="text3"), 1, i + 1, right)
        for i, row_name in enumerate(self.row_names):
            grid.addWidget(row_name, i + 2, 0)
            for j, cells in enumerate((self.now, self.then, self.changes)):
                grid.addWidget(cells[i], i + 2, j + 1)
        return grid

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(px(8))
        for button in (_button("Pin", self._actions, "pin"), self.default, self.reset):
            row.addWidget(button, 1)
        return row

    def show_scope(self, scope: str) -> None:
        """Count this micrograph, or the whole project."""
        self._scope = scope
        self.scope.set(_SCOPES[scope])
        self._show_counts(self._desk.state)

    # What the expert does

    def _try(self, name: str, value: object) -> None:
        params = self._desk.state.params
        changes: dict[str, Any] = {name: value}
        if value == "dbscan" and not params.epsilon:
            changes["epsilon"] = _DBSCAN_EPSILON
        try:
            tried = replace(params, **changes)
        except K2CError as error:
            self.said.setText(str(error))
            self.said.setVisible(self._roomy)
            self._show_setting(self._desk.state)
            return
        self.said.setText("")
        self.said.hide()
        self._desk.try_params(tried)

    # What is shown

    def _changed(self, old: State, new: State) -> None:
        if not self.isVisible():
            return
        if new.evidence is not old.evidence:
            self._fix_widths()
        if (new.params, new.pinned, new.ledger.params) != (
            old.params,
            old.pinned,
            old.ledger.params,
        ):
            self._show_setting(new)
        if new.outcomes is not old.outcomes or new.shown != old.shown:
            self._progressed()
            self._show_counts(new)
        if new.instances is not old.instances:
            self._show_margins(new)

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up: a hidden dock computes nothing."""
        super().showEvent(event)
        self._show_all()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave to the dock what a narrow strip has no room for."""
        super().resizeEvent(event)
        if not self._roomy:
            fold(self._row, self._foldable, self.width())

    def minimumSizeHint(self) -> QSize:
        """A strip folds; a dock scrolls up and down, but is as wide as its parts."""
        hint = super().minimumSizeHint()
        if self._roomy:
            bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
            room = self._inner.minimumSizeHint().width() + bar
            return QSize(max(px(316), room), hint.height())
        return QSize(px(640), max(px(84), hint.height()))

    def sizeHint(self) -> QSize:
        """316 px wide as a dock, 84 px high as a strip."""
        hint = super().sizeHint()
        return QSize(px(316), px(700)) if self._roomy else QSize(hint.width(), px(84))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme and the scale."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._fix_widths()

    def _show_all(self) -> None:
        state = self._desk.state
        self._fix_widths()
        self._show_setting(state)
        self._show_counts(state)
        self._show_margins(state)
        self._progressed()

    def _fix_widths(self) -> None:
        """Numbers grow in place: fields hold the most marks that there can be."""
        of_each = [len(evidence.marks) for evidence in self._desk.state.evidence]
        most = sum(of_each) if self._roomy else max(of_each, default=0)
        digits = f"{max(100, 10 ** (len(str(most)) - 1)):,}"
        now = width(digits, TITLE if self._roomy else HEAD, 600) + px(4)
        then, changes = width(digits) + px(4), width("+" + digits, weight=500) + px(4)
        for pair in self._pairs:
            pair.setFixedWidth(max(now + changes + px(5), width("noise marks") + px(4)))
        if self._roomy:
            for cells, room in ((self.now, now), (self.then, then), (self.changes, changes)):
                for cell in cells:
                    cell.setFixedWidth(room)
        else:
            fold(self._row, self._foldable, self.width())

    def _show_setting(self, state: State) -> None:
        params, pinned = state.params, state.pinned
        for name, dial in self.dials.items():
            low = 5 if name == "epsilon" and params.algorithm == "dbscan" else 0
            dial.show_value(getattr(params, name), getattr(pinned, name), low=low)
            dial.setEnabled(params.algorithm in _USED_BY.get(name, (params.algorithm,)))
        self.algorithm.setCurrentIndex(self.algorithm.findData(params.algorithm))
        for name, segments in self.words.items():
            segments.set(_WORDS[name][getattr(params, name)])
            segments.setEnabled(params.algorithm in _USED_BY.get(name, (params.algorithm,)))
        words = "Pinned" if self._roomy else "change against pinned"
        self.pinned_as.setText(f"{words} {setting(pinned)}")
        differs = params != state.ledger.params
        self.apply.setEnabled(differs and self._actions.actions["apply"].isEnabled())

    def _show_counts(self, state: State) -> None:
        of_now, of_then = (state.outcomes[one] for one in (state.params, state.pinned))
        if self._scope == "project":
            now, then = outcome.total(of_now), outcome.total(of_then)
        else:
            now, then = of_now[state.shown], of_then[state.shown]
        self._fill(_numbers(now), _numbers(then))
        told = now["known"] or now["lags"]
        if now["known"] or not told:
            self._fade.stop()
            self._tone("text1" if told else "text3")
        elif not self._fade.isActive():
            self._fade.start()
        if self._roomy:
            self._show_ruled(now, state.truth)

    def _fill(self, now: list[float], then: list[float]) -> None:
        for i, (text, before, moved) in enumerate(
            zip(self.now, self.then, self.changes, strict=True)
        ):
            text.setText(_written(i, now[i]))
            before.setText(_written(i, then[i]))
            if i == _F1 or math.isnan(now[i] - then[i]):
                moved.setText(share_change(now[i], then[i]))
            else:
                moved.setText(change(int(now[i]), int(then[i])))

    def _show_ruled(self, now: np.void, truth: outcome.Truth) -> None:
        """What there is to compare with: decisions, and what is known to be there."""
        ruled, back = int(now["ruled"]), outcome.come_back(now)
        words = ", ".join(f"{n:,} {why}" for why, n in back.items())
        self.back.setText(f"Of {ruled:,} decisions: {words}" if back else "")
        self.back.setToolTip(self.back.text())
        self.back.setVisible(bool(back))
        self.row_names[_KEPT].setToolTip(f"Of {ruled:,} decisions in force.")
        shown = bool(truth.source)
        for cell in (self.row_names[_F1], self.now[_F1], self.then[_F1], self.changes[_F1]):
            cell.setVisible(shown)
        self.row_names[_F1].setToolTip(
            truth.fault or "One to one with truth.csv, within half a particle's diameter."
        )
        self.row_names[_F1].set_tone("bad" if truth.fault else "text2")

    def _show_margins(self, state: State) -> None:
        if not self._roomy or state.grouping is None:
            return
        asked = state.instances["status"] == STATUS.index("proposed")
        margins, margin = state.instances["margin"][asked], state.grouping.params.margin
        self.histogram.show_margins(margins, margin)
        known = margins[~np.isnan(margins)]
        below = int((known <= margin).sum())
        self.margin_title.setText(f"Vote margin, {len(known):,} undecided")
        self.below.setText(f"{below:,} within {100 * margin:.4g} %")

    def _dim(self) -> None:
        self._tone("text3")

    def _tone(self, tone: str) -> None:
        for text in self.now:
            text.set_tone(tone)

    # The whole project

    def _known(self) -> tuple[int, int]:
        """Micrographs known under the tried setting, of all."""
        state = self._desk.state
        return int(state.outcomes[state.params]["known"].sum()), len(state.evidence)

    def _progressed(self, *_: int) -> None:
        done, total = self._known()
        if done == total or self._groupings.stopped:
            self._late.stop()
            self._working = False
        elif not self._working:
            self._working = True
            self._late.start()
        self._show_progress()

    def _show_progress(self) -> None:
        done, total = self._known()
        stopped = done < total and self._groupings.stopped
        working = done < total and not stopped and not self._late.isActive()
        self.bar.setVisible(working or self._roomy)
        self.bar.set_share(done / max(1, total))
        if self._roomy:
            self.share_title.setText(f"Whole project at {setting(self._desk.state.params)}")
            key = self._actions.key("cancel")
            more = f", {key} cancels" if working else ", stopped" if stopped else ""
            self.share_of.setText(f"{done:,} of {total:,}{more}")
        elif working:
            key = self._actions.key("cancel")
            self.share_title.setText(f"{done:,} of {total:,}, {key} cancels")
        else:
            words = f"stopped at {done:,} of {total:,}" if stopped else "this micrograph"
            self.share_title.setText(words)


def _numbers(row: np.void) -> list[float]:
    """What the rows of the table tell; nan where it is not known, or there is nothing."""
    if not (row["known"] or row["lags"]):
        return [math.nan] * len(_ROWS)
    kept = outcome.kept(row) if row["ruled"] else math.nan
    return [*(float(row[name]) for name in _FIELDS), kept, outcome.f1(row)]


def _written(place: int, number: float) -> str:
    return share(number) if place == _F1 or math.isnan(number) else f"{int(number):,}"


def _timer(parent: QWidget, after: int, run: Callable[[], None]) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(after)
    timer.timeout.connect(run)
    return timer


def _button(text: str, actions: Actions, action: str) -> QPushButton:
    button = QPushButton(text)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    does(button, actions, action)
    return button


def _name(name: str, tone: str = "text2") -> Text:
    return Text(name, tone=tone, weight=500 if tone == "text1" else 400)


def _row(left: QWidget, right: QWidget, *, wide: int) -> QHBoxLayout:
    """Two things at the ends of a row; `wide` is the one that takes what room there is."""
    row = QHBoxLayout()
    row.setSpacing(px(8))
    row.addWidget(left, int(wide == 0))
    row.addWidget(right, int(wide == 1))
    return row


def _column(*widgets: QWidget, width: int = 0) -> QWidget:
    part = QWidget()
    column = QVBoxLayout(part)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(px(6))
    for widget in widgets:
        column.addWidget(widget)
    column.addStretch(1)
    if width:
        part.setFixedWidth(width)
    return part
