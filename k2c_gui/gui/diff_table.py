"""The table of changes: what was which, where, and with how many marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QSizePolicy, QWidget

from k2c_gui.core.diff import KINDS, NOWHERE
from k2c_gui.core.model import NO_MARK
from k2c_gui.core.queue import anchors
from k2c_gui.desk import State, number

from .comparison import Comparison
from .painting import LEFT, NOTHING, RIGHT, centred, text, width_of
from .style import CAPTION, colour, look, px
from .symbols import Symbol, chip, ringed

ROW = 26
_WORDS = {"flipped": "Label"}
_COLUMNS = (
    ("change", "Change", 82, LEFT),
    ("instance", "Instance", 150, LEFT),
    ("marks", "Marks", 112, LEFT),
    ("label", "Label", 108, LEFT),
    ("place", "Place", 116, RIGHT),
    ("nm", "", 120, RIGHT),
    ("shift", "Moved by", 74, RIGHT),
)


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the table.

    Attributes
    ----------
    kind : str
        Of `KINDS`.
    mark : int
        By which it is selected.
    x, y : float
        px: where it is now, or was.
    nm : tuple of float or None
        The same in nm; None without calibration.
    instances : (str, str)
        What they are called, before and after.
    marks : (str, str)
        How many marks each has.
    symbols : (tuple of Symbol, tuple of Symbol)
    shift : float
        px; nan where it is not one thing that moved.
    """

    kind: str
    mark: int
    x: float
    y: float
    nm: tuple[float, float] | None
    instances: tuple[str, str]
    marks: tuple[str, str]
    symbols: tuple[tuple[Symbol, ...], tuple[Symbol, ...]]
    shift: float

    @property
    def words(self) -> str:
        """The kind, as a person reads it."""
        return _WORDS.get(self.kind, self.kind.capitalize())

    def cells(self) -> dict[str, str]:
        """What the columns of words say."""
        return {
            "change": self.words,
            "instance": _arrow(self.instances, one_sided=True),
            "marks": _arrow(self.marks),
            "place": f"{self.x:.1f}, {self.y:.1f} px",
            "nm": "" if self.nm is None else f"{self.nm[0]:.2f}, {self.nm[1]:.2f} nm",
            "shift": f"{self.shift:.1f} px" if np.isfinite(self.shift) else NOTHING,
        }


def changes_of(found: Comparison) -> list[Change]:
    """List what changed; what was kept is left out."""
    rows = found.changes
    first = np.flatnonzero(np.r_[True, rows["change"][1:] != rows["change"][:-1]][: len(rows)])
    parts = np.split(rows, first[1:])
    kept = KINDS.index("kept")
    return [
        _change(found, part, hidden=bool(found.hidden[start]))
        for start, part in zip(first.tolist(), parts, strict=False)
        if len(part) and part["kind"][0] != kept
    ]


def _change(found: Comparison, part: np.ndarray, *, hidden: bool) -> Change:
    a, b = (list(dict.fromkeys(part[s][part[s] != NOWHERE].tolist())) for s in ("a", "b"))
    state, rows = (found.after, b) if b else (found.before, a)
    x, y = (float(state.instances[axis][rows].mean()) for axis in "xy")
    size = state.sources.micrographs[state.shown].pixel_size_nm
    one = len(part) == 1 and bool(a) and bool(b)
    marks = [_marks(s, r) for s, r in ((found.before, a), (found.after, b))]
    sides = ((found.before, a), (found.after, b))
    names = [", ".join(_name(s, r) for r in own) for s, own in sides]
    symbols = [tuple(_symbol(s.instances[r], hidden=hidden) for r in own) for s, own in sides]
    return Change(
        KINDS[int(part["kind"][0])],
        _anchor(state, rows[0]),
        x,
        y,
        None if size is None else (x * size, y * size),
        (names[0], names[1]),
        (marks[0] or ("noise" if not a else ""), marks[1] or ("noise" if not b else "")),
        (symbols[0], symbols[1]),
        float(part["shift"][0]) if one else np.nan,
    )


def _marks(state: State, rows: Sequence[int]) -> str:
    return " + ".join(str(n) for n in state.instances["n_marks"][list(rows)].tolist())


def _anchor(state: State, row: int) -> int:
    found = anchors(state.instances[row : row + 1], state.ledger)
    return int(found[0]) if len(found) else NO_MARK


def _name(state: State, row: int) -> str:
    return number(state, state.shown, _anchor(state, row))


def _symbol(one: np.void, *, hidden: bool) -> Symbol:
    return Symbol(int(one["label"]), int(one["status"]), bool(one["ambiguous"]), hidden)


def _arrow(sides: tuple[str, str], *, one_sided: bool = False) -> str:
    """What it was and what it is; a name alone where it has the same on both sides."""
    before, after = sides
    if one_sided and (before == after or not before or not after):
        return after or before
    return f"{before} → {after}"


class Columns:
    """Where the columns are: those at the right are left out first when there is no room."""

    def __init__(self, width: int, *, calibrated: bool = True) -> None:
        self.box: dict[str, QRectF] = {}
        left = px(12)
        for name, _, wide, _ in _COLUMNS:
            if name == "nm" and not calibrated:
                continue
            if left + px(wide) <= width - px(4):
                self.box[name] = QRectF(left, 0, px(wide) - px(8), px(ROW))
            left += px(wide)


class Head(QWidget):
    """Names of the columns."""

    def __init__(self) -> None:
        super().__init__()
        self._calibrated = False
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_columns(self, *, calibrated: bool) -> None:
        """Say whether places are known in nm, too."""
        self._calibrated = calibrated
        self.update()

    def sizeHint(self) -> QSize:
        """One row."""
        return QSize(px(200), px(ROW))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The names, and a hairline."""
        painter = QPainter(self)
        columns = Columns(self.width(), calibrated=self._calibrated)
        for name, words, _, align in _COLUMNS:
            if name in columns.box:
                box = columns.box[name]
                text(painter, box, words, size=CAPTION, tone="text3", align=align)
        painter.setPen(colour("line"))
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
        painter.end()


class ChangeTable(QAbstractScrollArea):
    """A row a change; a click selects, arrows mark one and Enter selects it."""

    chosen = Signal(object)  # a Change

    def __init__(self) -> None:
        super().__init__()
        self._changes: list[Change] = []
        self.current = self._over = -1
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.viewport().setBackgroundRole(QPalette.ColorRole.Window)
        self.setAccessibleName("Changes")

    def show_changes(self, changes: list[Change]) -> None:
        """Take other changes; the marked one stays marked if it is among them."""
        marked = self._changes[self.current] if self.current >= 0 else None
        self._changes = changes
        self.current = next((i for i, c in enumerate(changes) if marked and _same(c, marked)), -1)
        self._over = -1
        self._range()
        self.viewport().update()

    def changes(self) -> list[Change]:
        """What is listed."""
        return self._changes

    def step(self, by: int) -> None:
        """Mark the next row, or the one before, and bring it into sight."""
        if self._changes:
            self._mark(min(len(self._changes) - 1, max(0, self.current + by)))

    def choose(self) -> None:
        """Choose the marked row."""
        if self.current >= 0:
            self.chosen.emit(self._changes[self.current])

    def row_box(self, row: int) -> QRectF:
        """Where a row is in the viewport; it may be out of sight."""
        top = row * px(ROW) - self.verticalScrollBar().value()
        return QRectF(0, top, self.viewport().width(), px(ROW))

    def _mark(self, row: int) -> None:
        self.current = row
        bar, top = self.verticalScrollBar(), row * px(ROW)
        room = self.viewport().height() - px(ROW)
        bar.setValue(min(top, max(bar.value(), top - room)))
        self.viewport().update()

    def _range(self) -> None:
        bar, room = self.verticalScrollBar(), self.viewport().height()
        bar.setRange(0, max(0, len(self._changes) * px(ROW) - room))
        bar.setPageStep(room)
        bar.setSingleStep(px(ROW))

    def _at(self, y: float) -> int:
        row = int((y + self.verticalScrollBar().value()) // px(ROW))
        return row if 0 <= row < len(self._changes) else -1

    # Events

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stay at the place."""
        self._range()

    def changeEvent(self, event: QEvent) -> None:
        """Follow theme and scale."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._range()
            self.viewport().update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the arrows begin."""
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show that the arrows go elsewhere."""
        super().focusOutEvent(event)
        self.viewport().update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show which row a click would select."""
        self._hover(self._at(event.position().y()))

    def viewportEvent(self, event: QEvent) -> bool:
        """Forget the pointer when it leaves."""
        if event.type() == QEvent.Type.Leave:
            self._hover(-1)
        return super().viewportEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the row."""
        row = self._at(event.position().y())
        if row >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self._mark(row)
            self.choose()

    def _hover(self, row: int) -> None:
        if row != self._over:
            self._over = row
            self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The rows in sight."""
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(event.rect(), colour("panel"))
        calibrated = any(change.nm for change in self._changes)
        columns = Columns(self.width(), calibrated=calibrated)
        offset = self.verticalScrollBar().value()
        first, last = offset // px(ROW), (offset + self.viewport().height()) // px(ROW) + 1
        for row in range(first, min(last, len(self._changes))):
            painter.save()
            painter.translate(0, row * px(ROW) - offset)
            self._paint_row(painter, row, columns)
            painter.restore()
        painter.end()

    def _paint_row(self, painter: QPainter, row: int, columns: Columns) -> None:
        here = row == self.current
        line = QRectF(0, 0, self.viewport().width(), px(ROW))
        if here or row == self._over:
            painter.fillRect(line, colour("selected" if here else "hover"))
        if here:
            painter.fillRect(
                QRectF(0, 0, 2, px(ROW)), colour("text1" if self.hasFocus() else "text3")
            )
        change = self._changes[row]
        cells = change.cells()
        for name, _, _, align in _COLUMNS:
            box = columns.box.get(name)
            if box is None:
                continue
            if name == "label":
                _labels(painter, box, change)
                continue
            first = name == "change"
            tone = "text1" if first or here else "text2"
            words = (
                "" if name == "shift" and change.kind not in ("moved", "flipped") else cells[name]
            )
            text(painter, box, words, tone=tone, weight=500 if first else 400, align=align)


def _same(one: Change, other: Change) -> bool:
    return one.kind == other.kind and one.mark == other.mark


def _labels(painter: QPainter, box: QRectF, change: Change) -> None:
    """Symbols before, an arrow, symbols after."""
    before, after = change.symbols
    x, y = box.left() + px(8), box.center().y()
    step = px(19)
    for side, symbols in enumerate((before, after)):
        if side and before and after:
            arrow = QRectF(x - px(8), box.top(), step, box.height())
            used = text(painter, arrow, "→", tone="text3")
            x += max(used, width_of("→")) + px(4)
        for symbol in symbols[:3]:
            shape = chip(symbol, px(8 if ringed(symbol) else 10), look().theme)
            centred(painter, shape, x, y)
            x += step
