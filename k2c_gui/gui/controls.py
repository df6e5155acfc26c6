"""Controls that more than one view is made of: words, icons, segments, sliders, a thin bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QPainter,
    QPaintEvent,
    QPalette,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from .actions import Actions
from .style import BODY, CAPTION, colour, font, icon, icon_pixmap, px


class Text(QLabel):
    """Words in one of the sizes and colours of the look, whatever theme and scale is in force.

    Parameters
    ----------
    text : str
    size, weight : int
        See `style.font`.
    tone : str
        A token.
    elide : Qt.TextElideMode
        Where words are left out when there is no room; the whole is the tooltip then.
    """

    def __init__(
        self,
        text: str = "",
        *,
        size: int = BODY,
        weight: int = 400,
        tone: str = "text1",
        elide: Qt.TextElideMode = Qt.TextElideMode.ElideNone,
    ) -> None:
        super().__init__(text)
        self._size, self._weight, self._tone, self._elide = size, weight, tone, elide
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._dress()

    def set_tone(self, tone: str) -> None:
        """Take another colour."""
        if tone != self._tone:
            self._tone = tone
            self._dress()

    def minimumSizeHint(self) -> QSize:
        """Hardly any width where words may be left out."""
        hint = super().minimumSizeHint()
        if self._elide != Qt.TextElideMode.ElideNone:
            hint.setWidth(px(28))
        return hint

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme and the scale."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._dress()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Leave out what there is no room for."""
        if self._elide == Qt.TextElideMode.ElideNone:
            super().paintEvent(event)
            return
        room = self.contentsRect()
        text = self.fontMetrics().elidedText(self.text(), self._elide, room.width())
        self.setToolTip(self.text() if text != self.text() else "")
        painter = QPainter(self)
        painter.setPen(colour(self._tone))
        painter.drawText(room, self.alignment() | Qt.TextFlag.TextSingleLine, text)
        painter.end()

    def _dress(self) -> None:
        self.setFont(font(self._size, self._weight))
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.WindowText, colour(self._tone))
        self.setPalette(palette)


class Icon(QToolButton):
    """A flat button with an icon; it takes no focus, for its action has a key.

    Parameters
    ----------
    name : str
        See `style.icon`.
    actions : Actions, optional
    action : str
        What a click triggers; its name and key are the tooltip.
    """

    def __init__(self, name: str, actions: Actions | None = None, action: str = "") -> None:
        super().__init__()
        self._name = name
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAutoRaise(True)
        self._dress()
        if actions is not None:
            does(self, actions, action)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme and the scale."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._dress()

    def set_icon(self, name: str) -> None:
        """Show another icon."""
        if name != self._name:
            self._name = name
            self._dress()

    def _dress(self) -> None:
        self.setIcon(icon(self._name))
        self.setIconSize(QSize(px(16), px(16)))


class Word(QToolButton):
    """A flat button with words in one of the sizes of the look.

    Parameters
    ----------
    text : str
    size, weight : int
        See `style.font`.
    """

    def __init__(self, text: str = "", *, size: int = BODY, weight: int = 500) -> None:
        super().__init__()
        self._size, self._weight = size, weight
        self.setText(text)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setFont(font(size, weight))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the scale."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self.setFont(font(self._size, self._weight))


def later(owner: QObject, ms: int, run: Callable[[], object]) -> QTimer:
    """Make a timer that calls once, some time after each start, as long as its owner lives.

    `QTimer.singleShot` keeps its owner alive for ever, or calls it when it is gone.
    """
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.setInterval(ms)
    timer.timeout.connect(run)
    return timer


def does(button: QAbstractButton, actions: Actions, action: str) -> None:
    """Let a button do an action, and tell its name and key.

    Parameters
    ----------
    button : QAbstractButton
    actions : Actions
    action : str
    """

    def name() -> None:
        button.setToolTip(actions.tooltip(action))

    button.clicked.connect(lambda: actions.trigger(action))
    button.setAccessibleName(actions.actions[action].text())
    actions.keys_changed.connect(name)
    name()


class Segments(QFrame):
    """Some words of which one is chosen.

    Parameters
    ----------
    words : sequence of str
    """

    chosen = Signal(str)

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__()
        self.setProperty("segments", True)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(1, 1, 1, 1)
        row.setSpacing(0)
        group = QButtonGroup(self)
        self.buttons: dict[str, QToolButton] = {}
        for word in words:
            button = Word(word)
            button.setCheckable(True)
            button.clicked.connect(lambda _checked=False, word=word: self.chosen.emit(word))
            group.addButton(button)
            row.addWidget(button)
            self.buttons[word] = button

    def set(self, word: str) -> None:
        """Show which one is chosen, and tell nobody."""
        if word in self.buttons:
            self.buttons[word].setChecked(True)


class Chip(QAbstractButton):
    """A pill with a count and a name; the chosen one is solid.

    Parameters
    ----------
    name : str
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.count: int | None = None
        self.setText(name)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def show_count(self, count: int | None, *, chosen: bool) -> None:
        """Show a count, none where it is not known, and whether this is the chosen one."""
        self.setChecked(chosen)
        if count != self.count:
            self.count = count
            self.updateGeometry()
        self.setAccessibleName(self._words())
        self.update()

    def nextCheckState(self) -> None:
        """A click asks; what is shown is chosen."""

    def sizeHint(self) -> QSize:
        """22 px high; room for two figures, so that it seldom moves."""
        figures = "00" if self.count is None else max("00", f"{self.count:,}", key=len)
        return QSize(width(f"{self.text()}  {figures}", CAPTION, 500) + px(18), px(22))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Name, then count; a zero is dimmed."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        on = self.isChecked()
        painter.setBrush(colour("solid" if on else "hover" if self.underMouse() else "raised"))
        painter.setPen(colour("text1" if self.hasFocus() else "solid" if on else "line"))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
        inner = box.adjusted(px(9), 0, -px(9), 0)
        full = bool(self.count)
        painter.setFont(font(CAPTION, 500))
        painter.setPen(colour("on_solid" if on else "text1" if full else "text3"))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(inner, middle | Qt.AlignmentFlag.AlignLeft, self.text())
        if self.count is not None:
            painter.setPen(colour("on_solid" if on else "text2" if full else "text3"))
            painter.drawText(inner, middle | Qt.AlignmentFlag.AlignRight, f"{self.count:,}")
        painter.end()

    def _words(self) -> str:
        return self.text() if self.count is None else f"{self.text()} {self.count:,}"


class Progress(QWidget):
    """A thin bar: how much of something is done."""

    def __init__(self) -> None:
        super().__init__()
        self.share = 0.0
        self.setFixedHeight(4)

    def set_share(self, share: float) -> None:
        """Show a share, 0 to 1."""
        if share != self.share:
            self.share = share
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Track, and what is done."""
        painter = QPainter(self)
        paint_progress(painter, QRectF(self.rect()), self.share)
        painter.end()


def paint_progress(painter: QPainter, box: QRectF, share: float, tone: str = "text1") -> None:
    """Draw a thin bar into a box."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    radius = box.height() / 2
    painter.setBrush(colour("track"))
    painter.drawRoundedRect(box, radius, radius)
    if share > 0:
        painter.setBrush(colour(tone))
        done = QRectF(box)
        done.setWidth(max(box.height(), box.width() * min(1.0, share)))
        painter.drawRoundedRect(done, radius, radius)
    painter.restore()


def fold(row: QLayout, parts: Sequence[QWidget], room: int) -> None:
    """Show as many of some parts of a row as there is room for; the last give way first.

    Parameters
    ----------
    row : QLayout
    parts : sequence of QWidget
    room : int
        px.
    """
    for part in parts:
        part.show()
    for part in reversed(parts):
        row.activate()
        if row.minimumSize().width() <= room:
            return
        part.hide()


def width(text: str, size: int = BODY, weight: int = 400) -> int:
    """Width of words in a font of the look, px; widgets learn of a new scale one after another."""
    return QFontMetrics(font(size, weight)).horizontalAdvance(text)


def hairline(*, vertical: bool = False) -> QFrame:
    """A line of 1 px between two things."""
    line = QFrame()
    line.setProperty("hairline", True)
    if vertical:
        line.setFixedWidth(1)
    else:
        line.setFixedHeight(1)
    return line


class Notice(QWidget):
    """What is going on, in words; a trouble with its icon."""

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(8))
        self._icon = QLabel()
        self._icon.setFixedSize(16, 16)
        self._words = Text(tone="text2")
        self._words.setWordWrap(True)
        self._words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row.addWidget(self._icon)
        row.addWidget(self._words, 1)
        self.bad = False
        self._icon.hide()

    def text(self) -> str:
        """What it says."""
        return self._words.text()

    def tell(self, text: str, *, bad: bool = False) -> None:
        """Say something else; `bad` for what went wrong."""
        self.bad = bad
        self._icon.setVisible(bad and bool(text))
        self._icon.setPixmap(icon_pixmap("warning", "bad"))
        self._words.set_tone("bad" if bad else "text2")
        self._words.setText(text)
