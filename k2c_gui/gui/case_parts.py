"""Parts of the case's dock: heading, figures, history, note."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from .actions import Actions
from .painting import Strip, centred, keycap, text, width_of
from .style import CAPTION, HEAD, colour, look, px
from .symbols import Symbol, chip, ringed


class Heading(Strip):
    """Which instance, where, and what state it is in."""

    def __init__(self) -> None:
        super().__init__()
        self.title = self.micrograph = self.place = self.state = ""
        self._symbol: Symbol | None = None

    def show_case(
        self, title: str, where: tuple[str, str], state: tuple[str, Symbol | None], name: str
    ) -> None:
        """Take the words: where is micrograph and place in the queue, `name` for the tooltip.

        The state is told with a symbol; None is the ring of a question.
        """
        self.title = title
        self.micrograph, self.place = where
        self.state, self._symbol = state
        self.setToolTip(name)
        self.setAccessibleName(f"{title}, {self.state}, {self.micrograph}, {self.place}")
        self.update()

    def heightForWidth(self, width: int) -> int:
        """Two lines."""
        return px(44)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Title and pill, micrograph and place in the queue."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        upper = QRectF(0, 0, self.width(), px(24))
        if self.state:
            upper.setWidth(upper.width() - self._pill(painter) - px(8))
        text(painter, upper, self.title, size=HEAD, weight=600)
        lower = QRectF(0, px(26), self.width(), px(16))
        place = f"  ·  {self.place}" if self.place else ""
        lower.setWidth(lower.width() - width_of(place, CAPTION) - 1)
        used = text(painter, lower, self.micrograph, size=CAPTION, tone="text2")
        rest = QRectF(used, lower.top(), self.width() - used, lower.height())
        text(painter, rest, place, size=CAPTION, tone="text2")
        painter.end()

    def _pill(self, painter: QPainter) -> float:
        words = min(width_of(self.state, CAPTION, 600) + 1, self.width() * 0.55)
        before = px(26)
        box = QRectF(0, px(1), before + words + px(10), px(22))
        box.moveRight(self.width() - 0.5)
        painter.setPen(colour("strong"))
        painter.setBrush(colour("raised"))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), px(11), px(11))
        middle = QPointF(box.left() + px(15), box.center().y())
        if self._symbol is None:
            painter.setPen(QPen(colour("ask"), 1.6))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(middle, px(5), px(5))
        else:
            shape = chip(self._symbol, px(7 if ringed(self._symbol) else 9), look().theme)
            centred(painter, shape, middle.x(), middle.y())
        inner = box.adjusted(before, 0, -px(8), 0)
        text(painter, inner, self.state, size=CAPTION, weight=600)
        return box.width()


class Facts(Strip):
    """Figures of the instance, three in a row."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[tuple[str, str, str]] = []

    def show_cells(self, cells: list[tuple[str, str, str]]) -> None:
        """Take name, value and a second value of each."""
        self.cells = cells
        self.setAccessibleName(", ".join(f"{n} {v} {nm}".strip() for n, v, nm in self.cells))
        self.update()

    def heightForWidth(self, width: int) -> int:
        """Two rows: name and value; name, value and nm."""
        return px(36) + px(8) + px(50)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Names over values."""
        painter = QPainter(self)
        edges = [0.0, 0.31 * self.width(), 0.62 * self.width(), float(self.width())]
        for i, (name, value, below) in enumerate(self.cells):
            left, right = edges[i % 3], edges[i % 3 + 1]
            box = QRectF(left, px(44) * (i // 3), right - left - px(4), px(16))
            text(painter, box, name, size=CAPTION, tone="text2")
            box.translate(0, px(17))
            text(painter, box, value, weight=500)
            box.translate(0, px(16))
            text(painter, box, below, size=CAPTION, tone="text3")
        painter.end()


class History(Strip):
    """What was ruled on the instance, the newest first."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, str]] = []
        self._without = ""

    def show_rows(self, rows: list[tuple[str, str]], without: str) -> None:
        """Take times and words, and what is said without any."""
        self._without = without
        changed = len(rows) != len(self.rows)
        self.rows = rows
        self.setToolTip("\n".join(f"{at}  {words}" for at, words in rows))
        self.setAccessibleName(self.toolTip())
        if changed:
            self.updateGeometry()
        self.update()

    def heightForWidth(self, width: int) -> int:
        """A line a row."""
        return px(20) * max(1, len(self.rows))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Times and words."""
        painter = QPainter(self)
        rows = self.rows or [("", self._without)]
        before = max(width_of(at, CAPTION) for at, _ in rows)
        before += px(12) if before else 0
        for i, (at, words) in enumerate(rows):
            line = QRectF(0, i * px(20), self.width(), px(20))
            text(painter, line, at, size=CAPTION, tone="text3")
            line.setLeft(before)
            text(painter, line, words, tone="text2" if at else "text3")
        painter.end()


class Note(QLineEdit):
    """Words on the case: Enter stores them, Esc leaves them to the next decision.

    Both give the keys back.

    Attributes
    ----------
    stored : str
        What is stored on the case.
    """

    entered = Signal()

    def __init__(self, actions: Actions) -> None:
        super().__init__()
        self._actions = actions
        self._before: QWidget | None = None
        self.stored = ""
        self.setPlaceholderText("Note")
        self.setAccessibleName("Note")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setMinimumHeight(px(30))
        self.setTextMargins(0, 0, px(26), 0)
        actions.keys_changed.connect(self._name)
        self._name()

    def take_focus(self) -> None:
        """Begin to write; what had the keys before gets them back."""
        self._before = QApplication.focusWidget()
        # the reason "shortcut" would select all, and the next letter would replace it
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.end(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and Esc end the writing."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
            before, self._before = self._before, None
            self.clearFocus()
            if event.key() != Qt.Key.Key_Escape:
                self.entered.emit()
            if before is not None and before is not self:
                before.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show the key again."""
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The field, and its key at the right."""
        super().paintEvent(event)
        key = self._actions.key("note")
        if self.hasFocus() or not key:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        wide = max(px(20), round(width_of(key, CAPTION, 600)) + px(10))
        box = QRectF(self.width() - wide - px(6), (self.height() - px(20)) / 2, wide, px(20))
        keycap(painter, box, key, enabled=self.isEnabled())
        painter.end()

    def _name(self) -> None:
        self.setToolTip(
            f"{self._actions.tooltip('note')}: Enter stores it, else it goes with the decision"
        )
        self.update()
