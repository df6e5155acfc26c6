"""The cards of the start page, in columns."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QContextMenuEvent, QResizeEvent
from PySide6.QtWidgets import QMenu, QWidget

from k2c_gui.gui.preferences import Recent
from k2c_gui.gui.style import px

from .card import Card

AT_FIRST = 6
"""Cards shown before all are asked for."""


class Cards(QWidget):
    """The cards in columns."""

    opened = Signal(Path, bool)
    forgotten = Signal(Path)

    def __init__(self) -> None:
        super().__init__()
        self.all = False
        self._cards: list[Card] = []

    def show_recent(self, recent: Iterable[Recent]) -> None:
        """Make a card of each."""
        for card in self._cards:
            card.hide()
            card.deleteLater()
        self._cards = [Card(one, self) for one in recent]
        for card in self._cards:
            card.clicked.connect(
                lambda _=False, card=card: self.opened.emit(Path(card.recent.path), card.there)
            )
        there = next((card for card in self._cards if card.there), None)
        if there is not None:
            there.first = there is self._cards[0]

    def filter(self, words: str) -> tuple[int, int]:
        """Show the cards that hold every word; how many, and how many there are."""
        wanted = words.casefold().split()
        fits = [c for c in self._cards if all(w in c.recent.path.casefold() for w in wanted)]
        shown = fits if self.all or wanted else fits[:AT_FIRST]
        for card in self._cards:
            card.setVisible(card in shown)
        self.arrange()
        return len(shown), len(self._cards)

    def shown(self) -> list[Card]:
        """Cards that are shown, in order."""
        return [card for card in self._cards if not card.isHidden()]

    def arrange(self) -> None:
        """Columns as wide as the page allows; all cards are alike."""
        gap = px(20)
        columns = max(1, (self.width() + gap) // (px(280) + gap))
        columns = min(columns, 4)
        width = min((self.width() - gap * (columns - 1)) // columns, px(420))
        bottom = 0
        for i, card in enumerate(self.shown()):
            height = card.height_for(width)
            row, column = divmod(i, columns)
            card.setGeometry(column * (width + gap), row * (height + gap), width, height)
            bottom = (row + 1) * (height + gap)
        self.setMinimumHeight(bottom)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange anew."""
        super().resizeEvent(event)
        self.arrange()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to take a card off the list."""
        card = self.childAt(event.pos())
        if isinstance(card, Card):
            path = Path(card.recent.path)
            menu = QMenu(self)
            menu.addAction("Take off the list").triggered.connect(lambda: self.forgotten.emit(path))
            menu.popup(event.globalPos())
