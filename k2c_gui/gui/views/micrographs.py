"""The micrographs of the session: thumbnails, what is on them, how much is decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from k2c_gui.core import outcome
from k2c_gui.desk import Desk, State
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.controls import Segments, Text, paint_progress
from k2c_gui.gui.counts import change
from k2c_gui.gui.jobs import Picture, Pictures, Worker, decode, grey
from k2c_gui.gui.style import BODY, CAPTION, TITLE, colour, font, icon_pixmap, px

THUMBNAIL = 128
"""px: the longer side as kept; shown at about half, for screens of high density."""

_CARD, _SIDE, _PAD = 76, 60, 12
_ORDERS = ("name", "ambiguous")

_Index = QModelIndex | QPersistentModelIndex


def thumbnail(picture: Picture) -> QImage:
    """A small picture with the contrast of the large one.

    Parameters
    ----------
    picture : Picture

    Returns
    -------
    QImage
        At most `THUMBNAIL` px wide and high.
    """
    low, high = picture.percentile(0.5), picture.percentile(99.5)
    if picture.inverted:
        low, high = high, low
    small = next((a for a in reversed(picture.levels) if max(a.shape) >= THUMBNAIL), None)
    pixels = picture.levels[0] if small is None else small
    return grey(pixels, low, high).scaled(
        THUMBNAIL,
        THUMBNAIL,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )


class Thumbnails(Worker):
    """Small pictures, made in the background as they come into view.

    Parameters
    ----------
    pictures : Pictures
    made : callable
        Called with the place of the micrograph.
    """

    def __init__(self, pictures: Pictures, made: Callable[[int], None]) -> None:
        super().__init__(self._made)
        self._pictures, self._tell = pictures, made
        self._known: dict[int, QImage | None] = {}  # None: it cannot be read
        self._wanted: list[int] = []
        pictures.ready.connect(self._again)

    def get(self, micrograph: int) -> QImage | None:
        """A thumbnail if it is there; else None, and `made` follows where it can be."""
        if micrograph not in self._known and micrograph not in self._wanted:
            self._wanted.append(micrograph)
            self._work()
        return self._known.get(micrograph)

    def failed(self, micrograph: int) -> bool:
        """Whether the image cannot be read."""
        return micrograph in self._known and self._known[micrograph] is None

    def settled(self) -> bool:
        """Whether nothing more is being made."""
        return self.busy_with is None and not self._wanted

    def _work(self) -> None:
        if self.busy_with is None and self._wanted:
            i = self._wanted[0]
            picture, path = self._pictures.peek(i), self._pictures.path(i)
            self.ask(i, lambda: thumbnail(picture or decode(i, path)))

    def _made(self, question: object, answer: object) -> None:
        i = question if isinstance(question, int) else -1
        self._wanted = [wanted for wanted in self._wanted if wanted != i]
        self._known[i] = answer if isinstance(answer, QImage) else None
        self._tell(i)
        self._work()

    def _again(self, micrograph: int) -> None:
        """An image that could not be read was found elsewhere."""
        if self.failed(micrograph):
            del self._known[micrograph]
            self._tell(micrograph)


class Cards(QAbstractListModel):
    """Micrographs in an order that only changes when it is asked for.

    Parameters
    ----------
    n : int
    """

    def __init__(self, n: int) -> None:
        super().__init__()
        self.order = list(range(n))

    def rowCount(self, parent: _Index | None = None) -> int:
        """How many."""
        return 0 if parent is not None and parent.isValid() else len(self.order)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Place of the micrograph; the delegate asks for the rest."""
        return self.order[index.row()] if role == Qt.ItemDataRole.UserRole else None

    def put(self, order: list[int]) -> None:
        """Take another order."""
        self.layoutAboutToBeChanged.emit()
        self.order = order
        self.layoutChanged.emit()

    def told(self, micrograph: int) -> None:
        """Something about one micrograph has changed."""
        place = self.index(self.order.index(micrograph))
        self.dataChanged.emit(place, place)


class _Card(QStyledItemDelegate):
    """Draws one micrograph."""

    def __init__(self, desk: Desk, thumbnails: Thumbnails) -> None:
        super().__init__()
        self._desk, self._thumbnails = desk, thumbnails

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(px(200), px(_CARD))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        state, i = self._desk.state, int(index.data(Qt.ItemDataRole.UserRole))
        box: QRect = option.rect
        over = option.state & QStyle.StateFlag.State_MouseOver
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if i == state.shown:
            painter.fillRect(box, colour("selected"))
            painter.fillRect(box.left(), box.top(), 2, box.height(), colour("text1"))
        elif over:
            painter.fillRect(box, colour("hover"))
        painter.fillRect(
            box.left() + px(_PAD), box.bottom(), box.width() - 2 * px(_PAD), 1, colour("line")
        )
        side = px(_SIDE)
        square = QRect(box.left() + px(_PAD), box.top() + (box.height() - side) // 2, side, side)
        self._picture(painter, square, i)
        words = box.adjusted(px(_PAD) + side + px(12), px(9), -px(_PAD), -px(12))
        self._words(painter, words, state, i)
        painter.restore()

    def _picture(self, painter: QPainter, square: QRect, i: int) -> None:
        image = self._thumbnails.get(i)
        path = QPainterPath()
        path.addRoundedRect(QRectF(square), 6, 6)
        painter.fillPath(path, colour("raised"))
        if image is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.save()
            painter.setClipPath(path)
            painter.drawImage(QRectF(square), image, _middle(image))
            painter.restore()
        elif self._thumbnails.failed(i):
            icon = icon_pixmap("warning", "bad")
            painter.drawPixmap(QPointF(square.center()) - QPointF(7.5, 7.5), icon)

    def _words(self, painter: QPainter, box: QRect, state: State, i: int) -> None:
        name, now, then = state.evidence[i].name, *_rows(state, i)
        told = now["known"] or now["lags"]
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop
        painter.setFont(font(CAPTION))
        painter.setPen(colour("text2"))
        share = f"{_percent(now)} % decided" if told else ""
        room = box.width() - painter.fontMetrics().horizontalAdvance(share) - px(8)
        painter.drawText(box, right, share)
        if name in state.ledger.signed_off:
            room -= px(20)
            at = QPointF(box.left() + room + px(4), box.top())
            painter.drawPixmap(at, icon_pixmap("check", "text1"))
        painter.setFont(font(BODY, 600))
        painter.setPen(colour("text1"))
        short = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(box, Qt.AlignmentFlag.AlignTop, short)
        painter.setFont(font(BODY))
        second = box.adjusted(0, px(21), 0, 0)
        bar = QRectF(box.left(), box.bottom() - 3, box.width(), 4)
        if self._thumbnails.failed(i):
            painter.setPen(colour("bad"))
            painter.drawText(second, Qt.AlignmentFlag.AlignTop, "The image cannot be read.")
        elif not told:
            painter.setPen(colour("text3"))
            painter.drawText(second, Qt.AlignmentFlag.AlignTop, "Waiting")
        else:
            # what lags is grey until it is known
            painter.setPen(colour("text2" if now["known"] else "text3"))
            kept = _kept(now)
            painter.drawText(second, right, kept)
            room = painter.fontMetrics().horizontalAdvance(kept) + px(8)
            second.adjust(0, 0, -room if kept else 0, 0)
            words = _counts(now, then if then["known"] else now)
            words = painter.fontMetrics().elidedText(
                words, Qt.TextElideMode.ElideRight, second.width()
            )
            painter.drawText(second, Qt.AlignmentFlag.AlignTop, words)
        done = int(now["ruled"]) / max(1, int(now["centroids"]))
        paint_progress(painter, bar, done, "text1" if i == state.shown else "text2")


class _List(QListView):
    """A list that shows a micrograph by a click, and keeps its place."""

    picked = Signal(int)

    def __init__(self, cards: Cards) -> None:
        super().__init__()
        self.setModel(cards)
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSelectionMode(QListView.SelectionMode.NoSelection)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Micrographs")
        for signal in (self.clicked, self.activated):
            signal.connect(lambda index: self.picked.emit(index.data(Qt.ItemDataRole.UserRole)))


class View(QWidget):
    """The list with its head.

    Parameters
    ----------
    desk : Desk
    pictures : Pictures
    actions : Actions
    """

    def __init__(self, desk: Desk, pictures: Pictures, actions: Actions) -> None:
        super().__init__()
        self._desk = desk
        self._by = _ORDERS[0]
        self.cards = Cards(len(desk.state.evidence))
        self.thumbnails = Thumbnails(pictures, self.cards.told)
        self.thumbnails.setParent(self)
        self.list = _List(self.cards)
        self._delegate = _Card(desk, self.thumbnails)
        self.list.setItemDelegate(self._delegate)
        self.list.picked.connect(desk.show)
        self.count = Text(size=CAPTION, tone="text3")
        self.order = Segments(_ORDERS)
        self.order.setToolTip("By name, or most ambiguous cases left first. Click to sort again.")
        self.order.chosen.connect(self._sort)
        self.order.set(self._by)
        self._lay()
        desk.subscribe(self._changed)
        self._sort(self._by)
        self._show_count(desk.state)

    def settled(self) -> bool:
        """Whether every thumbnail in view is there."""
        return self.thumbnails.settled()

    def sizeHint(self) -> QSize:
        """400 px wide."""
        return QSize(px(400), px(400))

    def minimumSizeHint(self) -> QSize:
        """Names and counts give way."""
        return QSize(px(260), px(120))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The panel."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour("panel"))
        painter.end()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the scale."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self.list.scheduleDelayedItemsLayout()

    def _lay(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(px(_PAD), px(6), px(_PAD), px(6))
        head.setSpacing(px(8))
        head.addWidget(Text("Micrographs", size=TITLE, weight=600))
        head.addWidget(self.count)
        head.addStretch(1)
        head.addWidget(self.order)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.list, 1)

    def _sort(self, by: str) -> None:
        """Put them in order once; it stays until it is asked for again."""
        self._by = by
        state = self._desk.state
        evidence, rows = state.evidence, state.outcomes[state.params]

        def key(i: int) -> tuple[int, str]:
            return 0 if by == "name" else -int(rows["ambiguous"][i]), evidence[i].name

        self.cards.put(sorted(range(len(evidence)), key=key))

    def _changed(self, old: State, new: State) -> None:
        if new.shown != old.shown:
            for i in (old.shown, new.shown):
                self.cards.told(i)
            self.list.scrollTo(self.cards.index(self.cards.order.index(new.shown)))
        if new.outcomes is not old.outcomes:
            self.list.viewport().update()  # only what is in view is drawn
        if new.ledger.signed_off != old.ledger.signed_off:
            self._show_count(new)
            self.list.viewport().update()

    def _show_count(self, state: State) -> None:
        n, signed = len(state.evidence), len(state.ledger.signed_off)
        self.count.setText(f"{signed:,} of {n:,} signed off" if signed else f"{n:,}")


def _rows(state: State, i: int) -> tuple[np.void, np.void]:
    """What the tried and the pinned setting make of a micrograph."""
    return state.outcomes[state.params][i], state.outcomes[state.pinned][i]


def _percent(now: np.void) -> int:
    """Share ruled on; all is 100 only when nothing is left."""
    n = int(now["centroids"])
    return int(100 * int(now["ruled"]) / n) if n else 100


def _counts(now: np.void, then: np.void) -> str:
    """Numbers with what has changed against the pinned setting."""
    parts = []
    for name in ("centroids", "ambiguous"):
        moved = int(now[name]) - int(then[name])
        by = f" {change(int(now[name]), int(then[name]))}" if moved else ""
        parts.append(f"{int(now[name]):,}{by} {name}")
    return "    ".join(parts)


def _kept(now: np.void) -> str:
    """Decisions that the setting bears out, where it does not bear out all."""
    ruled, kept = int(now["ruled"]), outcome.kept(now)
    return f"{kept:,} of {ruled:,} kept" if kept < ruled else ""


def _middle(image: QImage) -> QRectF:
    """The largest square in the middle of a picture."""
    side = min(image.width(), image.height())
    return QRectF((image.width() - side) / 2, (image.height() - side) / 2, side, side)
