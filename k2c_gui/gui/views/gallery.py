"""The gallery: crops of clear cases of one label, accepted by the page but for the exceptions."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from k2c_gui.core.model import NO_LABEL, STATUS, Bools, Floats, Table
from k2c_gui.core.queue import CASE
from k2c_gui.desk import Desk, State, number, withheld
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.controls import Chip, Icon, Segments, Text, does, hairline, later
from k2c_gui.gui.crops import HALF
from k2c_gui.gui.gallery_grid import ACROSS, PAGE, Cell, Grid
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.style import CAPTION, TITLE, px
from k2c_gui.gui.symbols import DECIDED, PROPOSED, Symbol
from k2c_gui.gui.thumbnails import Spot, Thumbnails
from k2c_gui.gui.votes import short

_WHERE = ("This micrograph", "All")
_KEYS = (
    ("gallery-except", "exception"),
    ("gallery-next", "next page"),
    ("gallery-label", "next label"),
    ("gallery-show", "show on its micrograph"),
)


def clear(state: State, table: Table) -> Bools:
    """Tell which instances the votes leave no doubt about, and nobody ruled on.

    Parameters
    ----------
    state : State
    table : structured array
        INSTANCE rows of one micrograph.

    Returns
    -------
    (n,) bool
        Never a tie, nor what is within the margin, without votes or withheld.
    """
    open_ = (table["status"] == STATUS.index("proposed")) & (table["label"] != NO_LABEL)
    return np.asarray(open_ & ~table["ambiguous"] & ~withheld(state, table))


def agreement(table: Table) -> Floats:
    """Share of the votes that the leading label has; nan without votes."""
    votes = table["votes"].sum(axis=1)
    share = np.full(len(table), np.nan)
    np.divide(table["votes"].max(axis=1, initial=0), votes, out=share, where=votes > 0)
    return share


class View(QWidget):
    """The page of crops, what is on it, and what Enter will do.

    Parameters
    ----------
    desk : Desk
    pictures : Pictures
    actions : Actions
    """

    shown = Signal(int, object)  # micrograph and mark of a crop to be looked at on its micrograph
    audit_asked = Signal()

    def __init__(self, desk: Desk, pictures: Pictures, actions: Actions) -> None:
        super().__init__()
        self._desk, self._actions = desk, actions
        self.thumbnails = Thumbnails(pictures)
        self.thumbnails.setParent(self)
        self.thumbnails.ready.connect(self._show_page)
        self._labels = desk.state.sources.labels
        self.label = self._labels[0].value
        self.everywhere = False
        self.page = self.current = 0
        self._cases = np.zeros(0, CASE)
        self._spots: list[Spot] = []
        self._agreement: list[float] = []
        self._ruled: list[bool] = []
        self._excepted: set[tuple[int, int]] = set()
        self._ranked_for: object = None
        self._audited_for: object = None
        self.read_only = False
        self.setProperty("scope", "gallery")
        self._make()
        self._rank_timer: QTimer = later(self, 0, self._rank)
        desk.subscribe(self._changed)
        self._show_page()

    def settled(self) -> bool:
        """Whether every crop that is wanted is there."""
        return self.thumbnails.settled() and not self._rank_timer.isActive()

    # What the keys do

    def go(self, dx: int, dy: int) -> None:
        """Go to a neighbouring crop; beyond the edge nothing happens."""
        across, down = self.current % ACROSS + dx, self.current // ACROSS + dy
        to = down * ACROSS + across
        if 0 <= across < ACROSS and 0 <= to < len(self.grid.cells):
            self.current = to
            self._show_page()

    def turn(self, step: int) -> None:
        """Turn to another page."""
        page = min(max(0, self.pages() - 1), max(0, self.page + step))
        if page != self.page:
            self.page, self.current = page, 0
            self._show_page()

    def except_(self) -> None:
        """Make the current crop an exception, or no more."""
        self._except(self.current)

    def next_label(self) -> None:
        """Show the next label that has clear cases."""
        values = [label.value for label in self._labels]
        at = values.index(self.label)
        around = (*values[at + 1 :], *values[: at + 1])
        self.choose(next((v for v in around if self.chips[v].count), self.label))

    def show_crop(self) -> None:
        """Look at the current crop on its micrograph."""
        if self.current < len(self.grid.cells):
            case = self._cases[self._span()][self.current]
            self.shown.emit(int(case["micrograph"]), int(case["mark"]))

    def accept(self) -> None:
        """Accept what is open on the page but for the exceptions, and turn to the next page."""
        page, total = self.page, self.pages()
        if self._desk.accept(self.to_accept()) and page + 1 < total:
            self.page, self.current = page + 1, 0
        self._show_page()

    # What is on the page

    def pages(self) -> int:
        """How many pages there are."""
        return -(-len(self._cases) // PAGE)

    def to_accept(self) -> Table:
        """Cases that Enter accepts: seen, open, and no exceptions."""
        cases = self._cases[self._span()]
        cells = self.grid.cells
        wanted = [
            bool(cell.image is not None and not cell.excepted and not cell.ruled) for cell in cells
        ]
        return cases[np.array(wanted, bool)] if wanted else cases[:0]

    def choose(self, label: int) -> None:
        """Show the cases of another label."""
        self.label = label
        self._rank()

    def set_everywhere(self, everywhere: bool) -> None:
        """Show the cases of the whole project, or those of the shown micrograph."""
        self.everywhere = everywhere
        self._rank()

    def _span(self) -> slice:
        return slice(self.page * PAGE, (self.page + 1) * PAGE)

    def _except(self, i: int) -> None:
        cases = self._cases[self._span()]
        if i < len(cases) and not self._ruled[self.page * PAGE + i]:
            self._excepted ^= {(int(cases["micrograph"][i]), int(cases["mark"][i]))}
            self._show_page()

    def _click(self, i: int) -> None:
        self.current = i
        self._except(i)
        self._show_page()

    # Parts

    def _make(self) -> None:
        self.where = Text(tone="text3", elide=Qt.TextElideMode.ElideRight)
        self.chips = {label.value: Chip(short(label)) for label in self._labels}
        for value, chip in self.chips.items():
            chip.clicked.connect(lambda _checked=False, value=value: self.choose(value))
        self.scope = Segments(_WHERE)
        self.scope.set(_WHERE[0])
        self.scope.chosen.connect(lambda word: self.set_everywhere(word == _WHERE[1]))
        self.audit = QPushButton()
        self.audit.setToolTip("Some of what is accepted by the page comes back one by one")
        self.audit.setProperty("plain", True)
        self.audit.clicked.connect(self.audit_asked)
        self.grid = Grid()
        self.grid.chosen.connect(self._click)
        self.grid.painted.connect(self._painted)
        self.words = Text(tone="text2")
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.grid)
        self.stack.addWidget(self.words)
        self.setFocusProxy(self.grid)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._top())
        column.addWidget(self.stack, 1)
        column.addSpacing(px(8))
        column.addWidget(hairline())
        column.addLayout(self._foot())

    def _top(self) -> QVBoxLayout:
        title = QHBoxLayout()
        title.setSpacing(px(8))
        title.addWidget(Text("Clear cases", size=TITLE, weight=600))
        title.addWidget(self.where, 1)
        title.addWidget(self.audit)
        title.addWidget(self.scope)
        chips = QHBoxLayout()
        chips.setSpacing(px(4))
        for chip in self.chips.values():
            chips.addWidget(chip)
        chips.addStretch(1)
        chips.addWidget(Text("most agreement first", size=CAPTION, tone="text3"))
        top = QVBoxLayout()
        top.setContentsMargins(px(16), px(10), px(16), px(12))
        top.setSpacing(px(8))
        top.addLayout(title)
        top.addLayout(chips)
        return top

    def _foot(self) -> QHBoxLayout:
        self.said = Text(tone="text2")
        self.back = Icon("left", self._actions, "gallery-back")
        self.forth = Icon("right", self._actions, "gallery-next")
        self.place = Text(tone="text2")
        self.take = QPushButton()
        self.take.setProperty("main", True)
        does(self.take, self._actions, "gallery-accept")
        self.keys = Text(size=CAPTION, tone="text3", elide=Qt.TextElideMode.ElideRight)
        self._actions.keys_changed.connect(self._name_keys)
        self._name_keys()
        row = QHBoxLayout()
        row.setContentsMargins(px(16), px(10), px(16), px(10))
        row.setSpacing(px(8))
        for widget in (self.back, self.place, self.forth):
            row.addWidget(widget)
        row.addSpacing(px(8))
        row.addWidget(self.keys, 1)
        row.addWidget(self.said)
        row.addWidget(self.take)
        return row

    def _show_audit(self, state: State) -> None:
        if self._audited_for is not state.ledger:
            self._audited_for = state.ledger
            drawn = len(self._desk.members("audit"))
            self.audit.setText(f"{drawn} to audit")
            self.audit.setVisible(bool(drawn))

    def _enable(self, *, accept: bool) -> None:
        on = self.isVisible()
        for name, action in self._actions.actions.items():
            if name.startswith("gallery-"):
                action.setEnabled(on and (accept or name != "gallery-accept"))
        self.take.setEnabled(on and accept)

    def _name_keys(self) -> None:
        known = ((self._actions.key(name), words) for name, words in _KEYS)
        self.keys.setText("   ".join(f"{key} {words}" for key, words in known if key))

    # State

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up: a hidden gallery cuts nothing."""
        super().showEvent(event)
        self._rank()
        self.grid.setFocus()

    def hideEvent(self, event: QHideEvent) -> None:
        """Its keys do nothing any more."""
        super().hideEvent(event)
        self._enable(accept=False)

    def _changed(self, old: State, new: State) -> None:
        if not self.isVisible():
            return
        if self._asks(new) != self._ranked_for:
            self._rank_timer.start()
        elif new.tables is not old.tables or new.ledger is not old.ledger:
            self._take_rulings(new)
            self._show_page()
        elif new.trouble is not old.trouble:
            self._show_page()

    def _asks(self, state: State) -> object:
        """What the order stands for; rulings do not change it."""
        known = tuple(map(id, state.groupings))
        return known, self.label, self.everywhere, None if self.everywhere else state.shown

    def _rank(self) -> None:
        """Freeze a new order: the most agreement first."""
        state = self._desk.state
        self._ranked_for = self._asks(state)
        every = range(len(state.tables)) if self.everywhere else (state.shown,)
        parts, spots, shares, keys = [np.zeros(0, CASE)], [], [], []
        counts = dict.fromkeys(self.chips, 0)
        for i in every:
            table = state.tables[i]
            if table is None:
                continue
            rows = table[clear(state, table)]
            for value in counts:
                counts[value] += int((rows["label"] == value).sum())
            rows = rows[rows["label"] == self.label]
            cases = np.zeros(len(rows), CASE)
            cases["micrograph"], cases["mark"] = i, rows["instance"].astype(np.int64)
            parts.append(cases)
            places = zip(rows["x"].tolist(), rows["y"].tolist(), strict=True)
            spots += [Spot(i, x, y) for x, y in places]
            shares += agreement(rows).tolist()
            keys += np.nan_to_num(rows["support"]).tolist()
        order = np.lexsort((-np.array(keys), -np.array(shares)))
        self._cases = np.concatenate(parts)[order]
        self._spots = [spots[i] for i in order.tolist()]
        self._agreement = [shares[i] for i in order.tolist()]
        self._ruled = [False] * len(order)
        self.page = self.current = 0
        for value, chip in self.chips.items():
            chip.show_count(counts[value], chosen=value == self.label)
        self._show_page()

    def _take_rulings(self, state: State) -> None:
        """Take what is ruled by now; where something was taken back, turn to its page."""
        open_: dict[int, set[str]] = {}
        for i in set(self._cases["micrograph"].tolist()):
            table = state.tables[i]
            if table is not None:
                proposed = table["status"] == STATUS.index("proposed")
                open_[i] = set(table["instance"][proposed].tolist())
        before, self._ruled = (
            self._ruled,
            [i in open_ and str(mark) not in open_[i] for i, mark in self._cases.tolist()],
        )
        back = [i for i, (a, b) in enumerate(zip(before, self._ruled, strict=True)) if a and not b]
        if back:
            self.page, self.current = back[0] // PAGE, 0

    def _painted(self) -> None:
        """Every crop of the page is on the screen: now it can be accepted."""
        seen = [cell.image is not None for cell in self.grid.cells]
        self._desk.page_painted(self._cases[self._span()][np.array(seen, bool)])

    def _show_page(self) -> None:
        state, span = self._desk.state, self._span()
        after = slice(span.stop, span.stop + PAGE)
        if self.isVisible():
            self.thumbnails.want((*self._spots[span], *self._spots[after]))
        cells = [self._cell(state, i) for i in range(len(self._cases))[span]]
        self.current = min(self.current, max(0, len(cells) - 1))
        self.grid.show_cells(cells, self.current)
        self._show_words(state)

    def _cell(self, state: State, i: int) -> Cell:
        micrograph, mark = self._cases[i].tolist()
        spot, ruled = self._spots[i], self._ruled[i]
        return Cell(
            number(state, micrograph, mark),
            Symbol(self.label, DECIDED if ruled else PROPOSED),
            self._agreement[i],
            self.thumbnails.get(spot),
            self.thumbnails.error(micrograph),
            (micrograph, mark) in self._excepted and not ruled,
            ruled,
        )

    def _shown_on(self) -> set[int]:
        return set(self._cases["micrograph"][self._span()].tolist())

    def _show_words(self, state: State) -> None:
        name = next(short(label) for label in self._labels if label.value == self.label)
        known = sum(table is not None for table in state.tables)
        here = "all micrographs" if self.everywhere else state.evidence[state.shown].name
        sizes = {state.sources.micrographs[case].pixel_size_nm for case in self._shown_on()}
        nm = next(iter(sizes)) if len(sizes) == 1 else None
        wide = f"{2 * HALF:.0f} px" + (f" or {2 * HALF * nm:.3g} nm" if nm else "")
        self.where.setText(f"{here}, each crop {wide} wide")
        pages = self.pages()
        self.place.setText(f"Page {self.page + 1} of {pages}" if pages else "No page")
        self.back.setEnabled(self.page > 0)
        self.forth.setEnabled(self.page + 1 < pages)
        n, cells = len(self.to_accept()), self.grid.cells
        waiting = sum(cell.image is None and not cell.trouble for cell in cells)
        excepted = sum(cell.excepted for cell in cells)
        self.take.setText(f"Accept {n} as {name.lower()}")
        can = bool(n) and not waiting and self._desk.session.whole and not self.read_only
        self._enable(accept=can)
        said = "1 exception stays open" if excepted == 1 else f"{excepted} exceptions stay open"
        self.said.setText(
            f"Reading {waiting} crops" if waiting else state.trouble or (said if excepted else "")
        )
        self._show_audit(state)
        empty = "" if pages else f"No clear {name.lower()} is open here."
        if not pages and not self.everywhere and known < len(state.tables) and not known:
            empty = "Grouping marks."
        self.words.setText(empty)
        self.stack.setCurrentIndex(1 if empty else 0)
