"""The decision bar: a button a label, in the order of the keyboard."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QLayout,
    QSizePolicy,
    QWidget,
)

from k2c_gui.core.model import NO_LABEL
from k2c_gui.desk import Desk, State
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.controls import Text
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.painting import centred, keycap, text, width_of
from k2c_gui.gui.style import BODY, CAPTION, colour, icon_pixmap, look, px
from k2c_gui.gui.symbols import DECIDED, DEFERRED, REJECTED, Symbol, chip, ringed
from k2c_gui.gui.votes import short

FLASH = 90
"""ms that a button answers its key."""

_KEYBOARD = ("1234567890", "QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM")
_NAME = 44
"""px: in less room a name says nothing; the tooltip has it."""

_LEFT_HAND = 5
"""Columns of the keyboard under the left hand."""


class View(QWidget):
    """The bar below the image.

    Parameters
    ----------
    desk : Desk
    pictures : Pictures
        Not used: the bar draws no pictures.
    actions : Actions
    """

    def __init__(self, desk: Desk, pictures: Pictures, actions: Actions) -> None:
        super().__init__()
        self._desk, self._actions = desk, actions
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.labels = [
            _Ruling(actions, f"label:{i}", short(label), Symbol(label.value, DECIDED))
            for i, label in enumerate(desk.state.sources.labels)
            if f"label:{i}" in actions.actions
        ]
        for name, action in actions.actions.items():
            if name.startswith("label:"):
                action.setVisible(name in {button.action for button in self.labels})
        defer = _Ruling(actions, "defer", "Keep ambiguous", Symbol(NO_LABEL, DEFERRED))
        reject = _Ruling(actions, "reject", "Reject", Symbol(NO_LABEL, REJECTED))
        self.rulings = [*self.labels, defer, reject]
        self.selected = Text(weight=600)
        self.selected.hide()
        self._n = 0
        self.next = _Plain(actions, "next", "next")
        self.back = _Plain(actions, "take-back", "take back")
        self._between = QFrame()
        self._between.setProperty("hairline", True)
        self._row = QHBoxLayout(self)
        self._row.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        self._lay_out()
        actions.keys_changed.connect(self._lay_out)
        for button in self.rulings:
            actions.actions[button.action].changed.connect(self._enable)
        actions.actions["take-back"].changed.connect(self._enable)
        desk.subscribe(self._changed)
        self._enable()

    def sizeHint(self) -> QSize:
        """One row of buttons."""
        return QSize(super().sizeHint().width(), px(52))

    def minimumSizeHint(self) -> QSize:
        """The answers without their names; rejecting and what rules nothing give way."""
        answers = sum(button.minimumSizeHint().width() + px(6) for button in self.rulings[:-1])
        return QSize(answers + px(52), px(52))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what there is no room for."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the font scale."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and hasattr(self, "_row"):
            self._lay_out()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A hairline to the image."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour("panel"))
        painter.setPen(colour("line"))
        painter.drawLine(0, 0, self.width(), 0)
        painter.end()

    def _lay_out(self) -> None:
        """Buttons as their keys lie, with a gap between the hands."""
        row = self._row
        while row.count():
            row.takeAt(0)
        row.setContentsMargins(px(10), px(9), px(10), px(9))
        row.setSpacing(px(6))
        self._between.setFixedSize(1, px(18))
        # what is no answer to the question comes last, wherever its key lies
        in_order = sorted(
            self.rulings,
            key=lambda b: (b.action == "reject", _column(self._actions, b.action)),
        )
        left_hand = True
        row.addStretch(1)
        for button in in_order:
            right = _column(self._actions, button.action) >= _LEFT_HAND
            if right and left_hand and row.count() > 1 and button.action != "reject":
                row.addSpacing(px(6))
                row.addWidget(self._between)
                row.addSpacing(px(6))
            left_hand = not right
            row.addWidget(button)
        row.addSpacing(px(8))
        row.addWidget(self.next)
        row.addWidget(self.back)
        row.addWidget(self.selected)
        row.addStretch(1)
        self._fit()

    def _fit(self) -> None:
        """Of what rules nothing show key and word, else the key, else nothing."""
        spare = self.width() - self.minimumSizeHint().width()
        plain = (self.next, self.back)
        for button in plain:
            button.set_compact(compact=False)
        asides = sum(button.sizeHint().width() + px(6) for button in plain)
        *named, reject = self.rulings
        aside = reject.minimumSizeHint().width() + px(6)
        for button in plain:
            button.set_compact(compact=True)
        keys = sum(button.sizeHint().width() + px(6) for button in plain)
        reject.setVisible(spare >= aside + keys)  # its key and the menus have it
        spare -= aside if spare >= aside + keys else 0
        spare -= sum(button.name_width() for button in named)
        whole = spare >= 0
        # the bar through the symbol says it, and its key
        reject.set_room(10_000 if spare - asides - px(20) >= reject.name_width() else 0)
        each = (spare + sum(button.name_width() for button in named)) // len(named)
        for ruling in named:
            ruling.set_room(10_000 if whole else each)
        shown = [button for button in self.rulings if not button.isHidden()]
        answers = sum(button.sizeHint().width() + px(6) for button in shown)
        room = self.width() - answers - px(56)
        wide = 0
        for compact in (False, True):
            for button in plain:
                button.set_compact(compact=compact)
            need = sum(button.sizeHint().width() + px(6) for button in plain)
            if need <= room:
                wide = need - px(6)
                break
        # how many are selected stands in their place, and moves nothing
        several = self._n > 1
        for button in plain:
            button.setVisible(bool(wide) and not several)
        words = f"{self._n} selected"
        if width_of(words, BODY, 600) > wide:
            words = f"× {self._n}"
        self.selected.setText(words if several else "")
        wide = wide or min(room, px(36))
        self.selected.setFixedWidth(max(0, wide))
        self.selected.setVisible(wide > 0 and (several or not plain[0].isVisibleTo(self)))

    def _changed(self, old: State, new: State) -> None:
        drawn = ("selection", "shown", "instances", "grouping", "ledger", "draft")
        if any(getattr(old, name) is not getattr(new, name) for name in drawn):
            self._enable()

    def _enable(self) -> None:
        n = len(self._desk.rows())
        here = n > 0 or self._desk.state.draft is not None
        if n != self._n:
            self._n = n
            self._fit()
        for button in self.rulings:
            allowed = self._actions.actions[button.action].isEnabled()
            if not here:
                button.set_refusal("No instance is selected.")
            else:
                button.set_refusal("" if allowed else "This session is open for reading only.")
        self.back.setEnabled(self._actions.actions["take-back"].isEnabled())


class _Keyed(QAbstractButton):
    """A button that does an action, shows its key, and answers it for a moment."""

    def __init__(self, actions: Actions, action: str, words: str) -> None:
        super().__init__()
        self.action = action
        self._actions = actions
        self._lit = QTimer(self)
        self._lit.setSingleShot(True)
        self._lit.setInterval(FLASH)
        self._lit.timeout.connect(self.update)
        self._refusal = ""
        self.setText(words)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.clicked.connect(lambda: actions.trigger(action))
        actions.actions[action].triggered.connect(self._flash)
        actions.keys_changed.connect(self._name)
        self._name()

    def set_refusal(self, why: str) -> None:
        """Be disabled for a reason; enabled without one."""
        if why != self._refusal:
            self._refusal = why
            self.setEnabled(not why)
            self._name()

    @property
    def lit(self) -> bool:
        """Whether it answers its key right now."""
        return self._lit.isActive()

    def _flash(self) -> None:
        self._lit.start()
        self.update()

    def _name(self) -> None:
        self.setAccessibleName(self._actions.actions[self.action].text())
        self.setToolTip(self._refusal or self._actions.tooltip(self.action))
        self.updateGeometry()
        self.update()

    def _cap_width(self) -> int:
        key = self._actions.key(self.action)
        if key == "Backspace":
            return px(26)
        return max(px(20), round(width_of(key, CAPTION, 600)) + px(10)) if key else 0

    def _cap(self, painter: QPainter, left: float) -> float:
        """Draw the key; return where it ends."""
        key, wide = self._actions.key(self.action), self._cap_width()
        box = QRectF(left, (self.height() - px(20)) / 2, wide, px(20))
        if not key:
            return left
        icon = key == "Backspace"
        keycap(painter, box, "" if icon else key, enabled=self.isEnabled())
        if icon:
            tone = "text1" if self.isEnabled() else "disabled"
            centred(painter, icon_pixmap("backspace", tone, px(14)), *box.center().toTuple())
        return box.right()


class _Ruling(_Keyed):
    """One answer: key, symbol as it will be drawn, name."""

    def __init__(self, actions: Actions, action: str, words: str, symbol: Symbol) -> None:
        super().__init__(actions, action, words)
        self._symbol = symbol
        self._room = 10_000

    def name_width(self) -> int:
        """What the name adds, px."""
        return round(width_of(self.text(), BODY, 600)) + px(9)

    def set_room(self, room: int) -> None:
        """Take this much room for the name, px; none where it would say nothing."""
        if room != self._room:
            self._room = room
            self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Key, symbol, name."""
        name = min(self.name_width(), self._room)
        return self.minimumSizeHint() + QSize(name if name >= px(_NAME) else 0, 0)

    def minimumSizeHint(self) -> QSize:
        """Key and symbol."""
        cap = self._cap_width()
        return QSize(px(8) + (cap + px(6) if cap else 0) + px(29), px(34))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Plain, even where a label leads: no answer is suggested."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lit = self.isDown() or self.lit
        fill = "selected" if lit else "hover" if self.underMouse() else "raised"
        painter.setBrush(colour(fill if self.isEnabled() else "panel"))
        painter.setPen(colour("text1" if self.hasFocus() else "line"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        left = self._cap(painter, px(8))
        shape = chip(self._symbol, px(9 if ringed(self._symbol) else 13), look().theme)
        painter.setOpacity(1.0 if self.isEnabled() else 0.35)
        centred(painter, shape, left + px(18), self.height() / 2)
        painter.setOpacity(1.0)
        words = QRectF(left + px(32), 0, self.width() - left - px(38), self.height())
        if self.width() > self.minimumSizeHint().width():
            text(painter, words, self.text(), weight=600, tone=self._tone())
        painter.end()

    def _tone(self) -> str:
        return "text1" if self.isEnabled() else "disabled"


class _Plain(_Keyed):
    """A key that rules nothing, and what it does."""

    _compact = False

    def set_compact(self, *, compact: bool) -> None:
        """Leave out the words, or not."""
        if compact != self._compact:
            self._compact = compact
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        """Key and words."""
        words = 0 if self._compact else round(width_of(self.text())) + px(10)
        return QSize(self._cap_width() + px(8) + words, px(34))

    def paintEvent(self, event: QPaintEvent) -> None:
        """No box: it is no answer."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left = self._cap(painter, px(4))
        lit = self.lit or self.underMouse() or self.hasFocus()
        tone = "disabled" if not self.isEnabled() else "text1" if lit else "text3"
        words = QRectF(left + px(6), 0, self.width() - left - px(8), self.height())
        if not self._compact:
            text(painter, words, self.text(), tone=tone)
        painter.end()


def _column(actions: Actions, action: str) -> int:
    """Column of an action's key on the keyboard; what has no letter or digit comes last."""
    key = actions.key(action)
    return next((row.index(key) for row in _KEYBOARD if key and key in row), 99)
