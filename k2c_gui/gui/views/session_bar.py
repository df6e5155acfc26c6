"""The bar at the top: where one is, whether it is on disk, and who decides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from k2c_gui.core import queue as queues
from k2c_gui.core.model import NO_LABEL, STATUS, Entry, Table
from k2c_gui.desk import Desk, State, new_since
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.controls import Icon, Segments, Text, Word, does, fold, width
from k2c_gui.gui.jobs import Pictures
from k2c_gui.gui.style import CAPTION, TITLE, colour, font, icon, icon_pixmap, px

_PRESETS = ("Adjudicate", "Tune", "Overview", "Gallery")
_LONGEST_NAME = 200
_MIDDLE = Qt.TextElideMode.ElideMiddle


class Switch(QAbstractButton):
    """On or off; a click asks for the other, and the state says which it is."""

    def __init__(self) -> None:
        super().__init__()
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """26 x 14 px."""
        return QSize(px(26), px(14))

    def nextCheckState(self) -> None:
        """A click changes nothing by itself."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """A track, and a thumb at the side that is on."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(colour("text1") if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(colour("solid" if self.isChecked() else "track"))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("on_solid" if self.isChecked() else "text2"))
        side = box.height() - 4
        left = box.right() - side - 2 if self.isChecked() else box.left() + 2
        painter.drawEllipse(QRectF(left, box.top() + 2, side, side))
        painter.end()


class Expert(QWidget):
    """The expert's initials; a click edits the name."""

    named = Signal(str)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.initials = Word(size=CAPTION, weight=600)
        self.initials.setProperty("round", True)
        self.initials.clicked.connect(self.edit)
        self.field = QLineEdit()
        self.field.setPlaceholderText("Your name")
        self.field.setAccessibleName("Your name")
        self.field.setMaxLength(80)
        self.field.editingFinished.connect(self._finished)
        self.field.installEventFilter(self)
        self.field.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.field)
        row.addWidget(self.initials)
        self._show()

    def edit(self) -> None:
        """Open the name for editing."""
        self.field.setText(self._name)
        self.field.show()
        self.field.setFocus()
        self.field.selectAll()

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        """Esc leaves the name as it was."""
        pressed = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress
        if not (pressed and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape):
            return False
        self.field.setText(self._name)
        self.field.hide()
        return True

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme and the scale."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._dress()

    def _finished(self) -> None:
        name = " ".join(self.field.text().split())
        self.field.hide()
        if name and name != self._name:
            self._name = name
            self._show()
            self.named.emit(name)

    def _show(self) -> None:
        self.initials.setText(initials(self._name))
        who = f"Decisions are made by {self._name}." if self._name else "Say who decides."
        self.initials.setToolTip(f"{who} Click to change.")
        self.initials.setAccessibleName(who)
        self._dress()

    def _dress(self) -> None:
        self.initials.setFixedSize(px(28), px(26))
        self.field.setFixedWidth(px(140))


class View(QWidget):
    """The session bar.

    Parameters
    ----------
    desk : Desk
    pictures : Pictures
    actions : Actions
    """

    expert_changed = Signal(str)

    def __init__(self, desk: Desk, pictures: Pictures, actions: Actions) -> None:
        super().__init__()
        self._desk, self._actions = desk, actions
        self._read_only = ""
        self._sign_offs = _SignOffs()
        self._make_parts()
        self._lay()
        actions.actions["sign-off"].changed.connect(lambda: self._show_sign_off(desk.state))
        actions.actions["undo"].changed.connect(lambda: self._show_steps(desk.state))
        actions.actions["redo"].changed.connect(lambda: self._show_steps(desk.state))
        desk.subscribe(self._changed)
        self._show_all()

    def set_menu(self, menu: QMenu) -> None:
        """Open this menu from the session's name."""
        self.session.setMenu(menu)

    def set_preset(self, preset: str) -> None:
        """Show which preset is in force."""
        self.presets.set(preset)

    def set_read_only(self, why: str) -> None:
        """Say that nothing can be decided, and who holds the session; empty takes it back."""
        self._read_only = why
        self._show_saved(self._desk.state)

    def sizeHint(self) -> QSize:
        """40 px high."""
        return QSize(super().sizeHint().width(), px(40))

    def minimumSizeHint(self) -> QSize:
        """Names and words give way."""
        return QSize(px(640), px(40))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what a narrow window has no room for."""
        super().resizeEvent(event)
        self._fold()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme and the scale."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._dress()
            self._show_saved(self._desk.state)
            self._show_sign_off(self._desk.state)

    def paintEvent(self, event: QPaintEvent) -> None:
        """One hairline below."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour("panel"))
        painter.fillRect(0, self.height() - 1, self.width(), 1, colour("line"))
        painter.end()

    # Parts

    def _make_parts(self) -> None:
        actions = self._actions
        self.mark = Text()
        self.session = Word(size=TITLE, weight=600)
        self.session.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.session.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.session.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow behind the name
        self.session.setProperty("title", True)
        self.session.setToolTip(str(self._desk.session.path))
        self.previous = Icon("left", actions, "previous-micrograph")
        self.next = Icon("right", actions, "next-micrograph")
        self.micrograph = Text(weight=600, elide=_MIDDLE)
        self.place = Text(tone="text3")
        self.presets = Segments(_PRESETS)
        for name, button in self.presets.buttons.items():
            button.setToolTip(actions.tooltip(f"preset:{name}"))
        self.presets.chosen.connect(lambda name: actions.trigger(f"preset:{name}"))
        actions.keys_changed.connect(self._show_keys)
        self.to_check = Word(weight=600)
        does(self.to_check, actions, "to-check")
        self._to_check: dict[int, tuple[Table, int]] = {}
        self.blind_word = Text("Blind", tone="text2")
        self.blind = Switch()
        does(self.blind, actions, "blind")
        self.disk = Text()
        self.saved = Text(tone="text2", elide=Qt.TextElideMode.ElideRight)
        self.undo = Icon("undo", actions, "undo")
        self.redo = Icon("redo", actions, "redo")
        self.sign_off = QPushButton()
        self.sign_off.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        does(self.sign_off, actions, "sign-off")
        self.help = Icon("help", actions, "keys-help")
        self.expert = Expert(self._desk.session.expert)
        self.expert.named.connect(self.expert_changed)

    def _lay(self) -> None:
        sides = []
        for widgets in (
            (
                *(self.mark, self.session, _Hairline()),
                *(self.previous, self.micrograph, self.place, self.next),
            ),
            (
                *(self.to_check, self.blind_word, self.blind, self.disk, self.saved),
                *(_Hairline(), self.undo, self.redo, self.sign_off, self.help, self.expert),
            ),
        ):
            side = QHBoxLayout()
            side.setSpacing(px(8))
            for widget in widgets:
                side.addWidget(widget)
            sides.append(side)
        sides[0].addStretch(1)
        sides[1].insertStretch(0, 1)
        self._row = row = QHBoxLayout(self)
        row.setSizeConstraint(QHBoxLayout.SizeConstraint.SetNoConstraint)  # parts fold away
        row.setContentsMargins(px(12), 0, px(12), 1)
        row.setSpacing(px(12))
        # equal sides keep the presets in the middle
        row.addLayout(sides[0], 1)
        row.addWidget(self.presets)
        row.addLayout(sides[1], 1)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    # What is shown

    def _changed(self, old: State, new: State) -> None:
        if new.shown != old.shown:
            self._show_place(new)
        if new.blind != old.blind:
            self.blind.setChecked(new.blind)
        if (
            new.saved_at is not old.saved_at
            or new.trouble is not old.trouble
            or new.draft is not old.draft
        ):
            self._show_saved(new)
        if new.tables is not old.tables:
            self._show_to_check(new)
        if new.ledger is not old.ledger:
            self._show_steps(new)
        if (
            new.shown != old.shown
            or new.tables is not old.tables
            or new.ledger.signed_off is not old.ledger.signed_off
        ):
            self._show_sign_off(new)

    def _show_all(self) -> None:
        state = self._desk.state
        self._dress()
        self._show_place(state)
        self.blind.setChecked(state.blind)
        self._show_saved(state)
        self._show_to_check(state)
        self._show_steps(state)
        self._show_sign_off(state)

    def _show_to_check(self, state: State) -> None:
        """How many decisions came back, in the whole project; none: nothing is said."""
        counted = self._to_check
        for i, table in enumerate(state.tables):
            if table is None:
                counted.pop(i, None)
            elif i not in counted or counted[i][0] is not table:
                counted[i] = table, int(queues.facet(table, queues.TO_CHECK).sum())
        n = sum(count for _, count in counted.values())
        self.to_check.setText(f"{n:,} to check")
        if bool(n) == self.to_check.isHidden():
            self.to_check.setVisible(bool(n))
            self._fold()

    def _fold(self) -> None:
        """Leave out what there is no room for."""
        parts = (self.presets, self.help, self.blind_word, self.place)
        fold(self._row, parts, self.width())

    def _dress(self) -> None:
        """Fix what must not move: the fields hold the longest that they may show."""
        name = self._desk.session.path.stem
        room = px(_LONGEST_NAME)
        metrics = QFontMetrics(font(TITLE, 600))
        self.session.setText(metrics.elidedText(name, _MIDDLE, room))
        self.session.setIcon(icon("down"))
        self.session.setIconSize(QSize(px(12), px(12)))
        self.mark.setPixmap(icon_pixmap("mark", "text1", px(16)))
        names = [evidence.name for evidence in self._desk.state.evidence]
        longest = max((width(name, weight=600) for name in names), default=0)
        self.micrograph.setFixedWidth(min(room, longest + px(2)))
        self.saved.setMinimumWidth(width("0000-00-00") + 2)
        self.disk.setFixedWidth(px(16))
        n = len(names)
        self.place.setFixedWidth(width(f"{n} of {n}") + 2)

    def _show_keys(self) -> None:
        for name, button in self.presets.buttons.items():
            button.setToolTip(self._actions.tooltip(f"preset:{name}"))

    def _show_place(self, state: State) -> None:
        n = len(state.evidence)
        self.micrograph.setText(state.evidence[state.shown].name)
        self.place.setText(f"{state.shown + 1} of {n}")
        self.previous.setEnabled(state.shown > 0)
        self.next.setEnabled(state.shown < n - 1)

    def _show_saved(self, state: State) -> None:
        """The tick means on disk; trouble has an icon and words, and no tick."""
        name, tone = "check", "text2"
        # a draft that waits for a label says so itself
        waits = state.draft is not None and None in state.draft.labels
        if state.trouble and not waits:
            name, tone = "warning", "bad"
            text, tip = in_short(state.trouble, str(self._desk.session.path)), state.trouble
        elif self._read_only:
            name, text, tip = "lock", self._read_only, "The session is open for reading only."
        else:
            at = state.saved_at or next((e.at for e in reversed(self._desk.session.log)), "")
            text, tip = when(at), f"On disk since {when(at)}." if at else ""
            name = "check" if at else ""
        self.saved.set_tone(tone)
        self.saved.setText(text or "No changes")
        self.saved.setAccessibleDescription(tip)
        self.disk.setPixmap(icon_pixmap(name, tone, px(16)) if name else QPixmap())
        self.disk.setToolTip(tip)

    def _show_steps(self, state: State) -> None:
        for button, name, step in (
            (self.undo, "undo", state.ledger.undoable),
            (self.redo, "redo", state.ledger.redoable),
        ):
            button.setEnabled(bool(step) and self._actions.actions[name].isEnabled())

    def _show_sign_off(self, state: State) -> None:
        action, table = self._actions.actions["sign-off"], state.tables[state.shown]
        signed = state.name in state.ledger.signed_off
        new = new_since(state, state.shown)
        reopened = not signed and self._sign_offs.holds(state.name, self._desk.session.log)
        self.sign_off.setText(_seen(table, signed=signed, new=new, reopened=reopened))
        most = max((len(known) for known in state.tables if known is not None), default=0)
        digits = "0" * max(3, len(f"{most:,}"))
        self.sign_off.setFixedWidth(width(f"Signed off   {digits} / {digits} seen") + px(26))
        blocked = 0 if table is None else unlabelled(table)
        self.sign_off.setEnabled(
            action.isEnabled() and table is not None and (bool(new) or not signed)
        )
        tip = self._actions.tooltip("sign-off")
        if signed:
            tip = "This micrograph is signed off. Undo takes it back."
            if new:
                tip += f"\n{new:,} proposed since: they are not exported before they are decided."
        elif blocked:
            tip += f"\n{blocked:,} tied or without votes: decide them, or keep them ambiguous."
        elif reopened:
            tip += "\nA decision since the last sign-off has reopened this micrograph."
        self.sign_off.setToolTip(tip)


class _Hairline(QWidget):
    """16 px of a line between two things."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(1, 16)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour("strong"))
        painter.end()


def ruled(table: Table) -> int:
    """How many instances of a micrograph the expert has ruled on."""
    return int((table["status"] != STATUS.index("proposed")).sum())


def unlabelled(table: Table) -> int:
    """How many proposals have no label, and so block the sign-off."""
    proposed = table["status"] == STATUS.index("proposed")
    return int(np.count_nonzero(proposed & (table["label"] == NO_LABEL)))


def initials(name: str) -> str:
    """Two letters of a name; a question mark without one."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


def when(at: str) -> str:
    """A time as the clock on the wall shows it, with the day unless it is today.

    Parameters
    ----------
    at : str
        ISO 8601; empty gives an empty answer.
    """
    if not at:
        return ""
    local = datetime.fromisoformat(at).astimezone()
    today = local.date() == datetime.now().astimezone().date()
    return f"{local:%H:%M:%S}" if today else f"{local:%Y-%m-%d}"


def in_short(trouble: str, path: str) -> str:
    """Trouble in as few words as the bar has room for; the tooltip has all of them.

    Parameters
    ----------
    trouble : str
    path : str
        Of the session; trouble with it means that nothing was saved.
    """
    what = trouble.removeprefix(f"{path}: ")
    if what == trouble:
        return trouble
    return "Not saved: " + what.removeprefix("The session cannot be read or written: ")


class _SignOffs:
    """Which micrographs have a sign-off that was not taken back; the log is read once."""

    def __init__(self) -> None:
        self._of_step: dict[str, str] = {}
        self._undone: set[str] = set()
        self._read = 0

    def holds(self, name: str, log: Sequence[Entry]) -> bool:
        """Whether a micrograph was signed off, be it that a decision has reopened it since."""
        for entry in log[self._read :]:
            if entry.kind == "sign-off":
                self._of_step[entry.step] = entry.micrograph
            elif entry.kind == "undo":
                self._undone.add(entry.target)
            elif entry.kind == "redo":
                self._undone.discard(entry.target)
        self._read = len(log)
        return any(n == name and step not in self._undone for step, n in self._of_step.items())


def _seen(table: Table | None, *, signed: bool, new: int, reopened: bool) -> str:
    if table is None:
        return "Sign off"
    if signed and new:
        return f"Signed off   {new:,} new since"
    words = "Signed off" if signed else "Reopened" if reopened else "Sign off"
    return f"{words}   {ruled(table):,} / {len(table):,} seen"
