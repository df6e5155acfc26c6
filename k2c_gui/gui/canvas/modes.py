"""The plate at the top of the image: which edit is under way, and its keys."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QKeySequence, QPainter
from PySide6.QtWidgets import QWidget

from k2c_gui.core.drafts import Draft
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.style import CAPTION, PLATE_DIM, PLATE_TEXT, font, px

from .plates import Plate, PlateButton

_WIDEST = 620
_COLUMNS = 3


class ModePlate(Plate):
    """A title, and what can be done now.

    Parameters
    ----------
    parent : QWidget
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.title = self.rest = ""
        self._room = _WIDEST
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def say(self, title: str, rest: str) -> None:
        """Show these; without a title nothing."""
        self.title, self.rest = title, rest
        self.setAccessibleName(f"{title}: {rest}" if rest else title)
        self.setVisible(bool(title))
        self.update()

    def fit(self, room: int) -> None:
        """Take as many lines as it needs in so much room, px."""
        self._room = min(room, px(_WIDEST))
        self.resize(self.sizeHint())

    def sizeHint(self) -> QSize:
        """Title and keys, on one line where there is room."""
        one = self._title_width() + self._rest_width() + px(24)
        if one <= self._room:
            return QSize(round(one), px(30))
        wide = self._room - px(24)
        box = self._rest_metrics().boundingRect(
            QRectF(0, 0, wide, 10_000), Qt.TextFlag.TextWordWrap, self.rest
        )
        title = QFontMetricsF(font(CAPTION, 600)).horizontalAdvance(self.title)
        width = max(box.width(), min(title, wide)) + px(24) + 1
        return QSize(round(width), round(px(28) + box.height() + px(6)))

    def fill(self, painter: QPainter) -> None:
        """Paint them."""
        box = QRectF(self.rect()).adjusted(px(12), 0, -px(10), 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        one = self._title_width() + self._rest_width() + px(24) <= self._room
        first = QRectF(box.left(), 0, box.width(), px(30) if one else px(28))
        painter.setFont(font(CAPTION, 600))
        painter.setPen(PLATE_TEXT)
        painter.drawText(first, middle, self.title)
        painter.setFont(font(CAPTION))
        painter.setPen(PLATE_DIM)
        if one:
            first.setLeft(first.left() + self._title_width())
            painter.drawText(first, middle, self.rest)
        else:
            below = QRectF(box.left(), px(25), self.width() - px(24) + 1, self.height() - px(25))
            painter.drawText(below, Qt.TextFlag.TextWordWrap, self.rest)

    def _title_width(self) -> float:
        gap = px(12) if self.rest else 0
        return QFontMetricsF(font(CAPTION, 600)).horizontalAdvance(self.title) + gap

    def _rest_width(self) -> float:
        return self._rest_metrics().horizontalAdvance(self.rest) + 2

    def _rest_metrics(self) -> QFontMetricsF:
        return QFontMetricsF(font(CAPTION))


class WhyPlate(Plate):
    """The reasons that may be given for the last decision, each with its key; nothing waits.

    Parameters
    ----------
    actions : Actions
    parent : QWidget
    """

    def __init__(self, actions: Actions, parent: QWidget) -> None:
        super().__init__(parent)
        self._actions = actions
        self.title = ""
        self.buttons: dict[str, PlateButton] = {}
        for row in actions.rows:
            if row.id.startswith("reason:"):
                button = PlateButton(row.text, self)
                button.clicked.connect(lambda _checked=False, name=row.id: actions.trigger(name))
                self.buttons[row.id] = button
        actions.keys_changed.connect(self._name)
        self._name()
        self.hide()

    def say(self, title: str) -> None:
        """Ask about this; without a title nothing."""
        self.title = title
        self.setAccessibleName(title)
        self.setVisible(bool(title))
        self.update()

    def fit(self, room: int) -> None:
        """Put the reasons into as many columns as there is room for, px."""
        hints = [button.sizeHint() for button in self.buttons.values()]
        wide = max((hint.width() for hint in hints), default=0) + px(4)
        columns = max(1, min(_COLUMNS, (min(room, px(_WIDEST)) - px(16)) // max(1, wide)))
        left, top, line = px(8), px(28), px(24)
        for i, (button, hint) in enumerate(zip(self.buttons.values(), hints, strict=True)):
            x, y = left + i % columns * wide, top + i // columns * line
            button.setGeometry(x, y, hint.width(), hint.height())
        title = QFontMetricsF(font(CAPTION, 600)).horizontalAdvance(self.title)
        rows = -(-len(hints) // columns)
        self.resize(max(2 * left + columns * wide, round(title) + px(24)), top + rows * line + left)

    def fill(self, painter: QPainter) -> None:
        """Paint the question."""
        painter.setFont(font(CAPTION, 600))
        painter.setPen(PLATE_TEXT)
        box = QRectF(px(12), 0, self.width() - px(20), px(30))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, self.title)

    def _name(self) -> None:
        for name, button in self.buttons.items():
            key = self._actions.key(name)
            words = self._actions.actions[name].text()
            button.setText(f"{key} {words}" if key else words)
            button.setToolTip(self._actions.tooltip(name))


def of_draft(draft: Draft, actions: Actions) -> tuple[str, str]:
    """Title and keys while a draft is seen."""
    unknown = None in draft.labels
    leave = f"{actions.key('cancel')} leaves"
    labels = _keys(actions, *(n for n in actions.actions if n.startswith("label:")))
    if draft.kind == "add":
        return "Add a particle", f"{labels} say what it is, a click puts it elsewhere, {leave}"
    if draft.kind == "merge":
        rulings = _keys(actions, "defer", "reject")
        return "Merge into one", f"{labels}, {rulings} say what it is, {leave}"
    store = f"{labels} say what they are" if unknown else f"{actions.key('commit')} stores"
    around = f"{control()} and drag: around marks"
    if not draft.seeds:
        return "Split by the lasso", f"2 to 9 by number, {around} again, {store}, {leave}"
    fewer, more = actions.key("split-fewer"), actions.key("split-more")
    choose = f"2 to 9 or {fewer} {more} choose, drag a number, {around}"
    return f"Split into {len(draft.parts)}", f"{choose}, {store}, {leave}"


def of_tool(tool: str, actions: Actions) -> tuple[str, str]:
    """Title and keys while a tool is in the hand; empty without one."""
    leave = f"{actions.key('cancel')} leaves"
    if tool == "move":
        return "Move the centroid", f"drag it, arrows 1 px, Shift and arrows 10 px, {leave}"
    if tool == "add":
        return "Add a particle", f"click where it is, {leave}"
    if tool == "lasso":
        return "Lasso", f"drag around what is meant, {leave}"
    return "", ""


def of_selection(n: int, actions: Actions) -> tuple[str, str]:
    """Title and keys while several instances are selected."""
    merge, one = actions.key("merge"), actions.key("cancel")
    return f"{n} selected", f"labels rule all of them, {merge} merges, {one} leaves one"


def control() -> str:
    """What Ctrl is called here: that, or the sign on a Mac's key."""
    native = QKeySequence.SequenceFormat.NativeText
    return QKeySequence("Ctrl+A").toString(native).removesuffix("A").removesuffix("+")


def _keys(actions: Actions, *names: str) -> str:
    seen = [n for n in names if n in actions.actions and actions.actions[n].isVisible()]
    return " ".join(key for name in seen if (key := actions.key(name)))
