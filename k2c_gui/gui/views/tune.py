"""Tune: one setting of the grouping, live on the shown micrograph, and what it changes.

Two layouts of one view: a strip below the image, and a dock with all there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, replace
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
    QVBoxLayout,
    QWidget,
)

from k2c_gui.core.model import K2CError
from k2c_gui.desk import Desk, State
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.controls import Icon, Progress, Segments, Text, does, fold, hairline, width
from k2c_gui.gui.counts import Counts, PinnedCounts, change, counted, setting
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

_WORDS = {
    "method": ("eom", "leaf"),
    "algorithm": ("hdbscan", "dbscan", "kmeans"),
    "centroid": ("mode", "mean", "median"),
}
_USED_BY = {
    "min_cluster_size": ("hdbscan",),
    "min_samples": ("hdbscan", "dbscan"),
    "epsilon": ("hdbscan", "dbscan"),
    "method": ("hdbscan",),
}


_ROWS = ("Centroids", "Ambiguous", "Noise marks", "Low support")
_NAMES = ("centroids", "ambiguous", "noise marks")


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
        self._pinned = PinnedCounts(self, lambda: self._show_counts(desk.state))
        self._stopped = self._working = False
        self._pairs: list[QWidget] = []
        self._foldable: list[QWidget] = []
        self._make_parts()
        (self._lay_dock if self._roomy else self._lay_strip)()
        self._keep_the_rest()
        self._late = _timer(self, _SHOW_AFTER, self._show_progress)
        self._fade = _timer(self, _FADE_AFTER, self._dim)
        groupings.progressed.connect(self._progressed)
        actions.actions["cancel"].triggered.connect(self._cancelled)
        actions.actions["apply"].enabledChanged.connect(lambda _on: self._show_setting(desk.state))
        desk.subscribe(self._changed)
        self._show_all()

    def settled(self) -> bool:
        """Whether nothing more is being computed here."""
        return self._pinned.settled()

    # Parts

    def _make_parts(self) -> None:
        n = len(self._desk.state.evidence)
        self.dials = {r.field: Dial(r, roomy=self._roomy) for r in _RANGES}
        for name, dial in self.dials.items():
            dial.moved.connect(lambda value, name=name: self._try(name, value))
        self.words = {name: Segments(words) for name, words in _WORDS.items()}
        for name, segments in self.words.items():
            segments.chosen.connect(lambda word, name=name: self._try(name, word))
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
        self.share = Text(size=CAPTION, weight=500, tone="text3")
        self.share_title = Text(tone="text2", elide=Qt.TextElideMode.ElideRight)
        self.share_of = Text(weight=600)
        self.bar = Progress()
        policy = self.bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(policy)
        self.bar.hide()
        self.apply = _button(f"Apply to all {n:,}", self._actions, "apply")
        self.apply.setProperty("main", True)
        self.reset = _button("Reset", self._actions, "reset")

    def _keep_the_rest(self) -> None:
        """What this layout has no place for goes with the view, unseen."""
        texts = (*self.now, *self.then, *self.changes, self.said, self.below, self.pinned_as)
        shares = (self.share, self.share_title, self.share_of, self.bar)
        for part in (*texts, *shares, *self.words.values(), self.histogram):
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
        for button in (Icon("pin", self._actions, "pin"), self.reset, self.apply):
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
        for name in ("method", "algorithm", "centroid"):
            column.addLayout(_row(_name(name, "text1"), self.words[name], wide=0))
        column.addWidget(self.said)
        column.addWidget(hairline())
        column.addLayout(self._table())
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
        foot.addWidget(self.share)
        foot.addLayout(self._buttons())
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)
        whole.addWidget(hairline())
        whole.addLayout(foot)

    def _table(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setVerticalSpacing(px(8))
        grid.setColumnStretch(0, 1)
        right = Qt.AlignmentFlag.AlignRight
        grid.addWidget(Text("This micrograph", size=CAPTION, weight=500, tone="text2"), 0, 0)
        for i, name in enumerate(("now", "pinned", "change")):
            grid.addWidget(Text(name, size=CAPTION, tone="text3"), 0, i + 1, right)
        for i, name in enumerate(_ROWS):
            grid.addWidget(Text(name, tone="text2"), i + 1, 0)
            for j, cells in enumerate((self.now, self.then, self.changes)):
                grid.addWidget(cells[i], i + 1, j + 1)
        return grid

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(px(8))
        row.addWidget(self.apply, 1)
        row.addWidget(_button("Pin", self._actions, "pin"))
        row.addWidget(self.reset)
        return row

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
            self._show_setting(self._desk.state)
            return
        self.said.setText("")
        self._desk.try_params(tried)

    def _cancelled(self) -> None:
        if any(grouping is None for grouping in self._desk.state.groupings):
            self._stopped = True
            self._late.stop()
            self._show_progress()

    # What is shown

    def _changed(self, old: State, new: State) -> None:
        if new.ledger.params is not old.ledger.params:
            self._stopped = False
        if not self.isVisible():
            return
        if (new.params, new.pinned, new.ledger.params) != (
            old.params,
            old.pinned,
            old.ledger.params,
        ):
            self._show_setting(new)
        if new.groupings is not old.groupings:
            self._progressed()
        if new.instances is not old.instances or new.pinned is not old.pinned:
            self._show_counts(new)
        elif new.params is not old.params and not self._fade.isActive():
            self._fade.start()

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
            return QSize(max(px(316), self._inner.minimumSizeHint().width()), hint.height())
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
        self._progressed()

    def _fix_widths(self) -> None:
        """Numbers grow in place: fields hold the most marks that a micrograph has."""
        most = max((len(e.marks) for e in self._desk.state.evidence), default=0)
        digits = "0" * max(3, len(str(most)))

        now = width(digits, TITLE if self._roomy else HEAD, 600) + px(4)
        then, changes = width(digits) + px(4), width("+" + digits, weight=500) + px(4)
        for pair in self._pairs:
            pair.setFixedWidth(now + changes + px(5))
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
        for name, segments in self.words.items():
            segments.set(getattr(params, name))
            segments.setEnabled(params.algorithm in _USED_BY.get(name, (params.algorithm,)))
        words = "Pinned" if self._roomy else "change against pinned"
        self.pinned_as.setText(f"{words} {setting(pinned)}")
        differs = params != state.ledger.params
        self.apply.setEnabled(differs and self._actions.actions["apply"].isEnabled())

    def _show_counts(self, state: State) -> None:
        self._fade.stop()
        grouping = state.grouping
        if grouping is None:
            self._fill(None, None)
            return
        now = counted(state.evidence[state.shown], grouping, state.instances)
        self._fill(now, now if grouping.params == state.pinned else self._pinned.get(state))
        if grouping.params != state.params:
            self._fade.start()
        if self._roomy:
            margins = state.instances["margin"]
            self.histogram.show_margins(margins, grouping.params.margin)
            known = margins[~np.isnan(margins)]
            below = int((known <= grouping.params.margin).sum())
            self.margin_title.setText(f"Vote margin, {len(known):,} instances")
            self.below.setText(f"{below:,} within {100 * grouping.params.margin:.4g} %")

    def _fill(self, now: Counts | None, then: Counts | None) -> None:
        for i in range(len(self.now)):
            n = None if now is None else int(astuple(now)[i])
            before = None if then is None else int(astuple(then)[i])
            self.now[i].setText("\u2013" if n is None else str(n))
            self.now[i].set_tone("text1" if n is not None else "text3")
            self.then[i].setText("\u2013" if before is None else str(before))
            self.changes[i].setText("" if n is None or before is None else change(n, before))

    def _dim(self) -> None:
        for text in self.now:
            text.set_tone("text3")

    # The whole project

    def _progressed(self, *_: int) -> None:
        known = self._desk.state.groupings
        done = sum(grouping is not None for grouping in known)
        if done == len(known):
            self._late.stop()
            self._stopped = self._working = False
        elif not self._working and not self._stopped:
            self._working = True
            self._late.start()
        self._show_progress()

    def _show_progress(self) -> None:
        known = self._desk.state.groupings
        done, total = sum(grouping is not None for grouping in known), len(known)
        working = done < total and not self._stopped and not self._late.isActive()
        self.bar.setVisible(working or self._roomy)
        self.bar.set_share(done / max(1, total))
        stopped = done < total and self._stopped
        if self._roomy:
            at = setting(self._desk.state.ledger.params)
            self.share_title.setText(f"Whole project at {at}")
            self.share_of.setText(f"{done:,} of {total:,}")
            key = self._actions.key("cancel")
            self.share.setText(f"{key} cancels" if working else "Stopped" if stopped else "")
        elif working:
            key = self._actions.key("cancel")
            self.share_title.setText(f"{done:,} of {total:,}, {key} cancels")
        else:
            words = f"stopped at {done:,} of {total:,}" if stopped else "this micrograph"
            self.share_title.setText(words)


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
