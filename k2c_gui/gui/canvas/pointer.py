"""What the pointer does on a micrograph: it reads, it selects, it offers the labels."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QPointF, Qt, QTimer

from k2c_gui.core import queue as queues
from k2c_gui.core.model import NO_MARK
from k2c_gui.desk import Desk
from k2c_gui.gui.actions import Actions

from . import words
from .editing import Editor
from .menu import label_menu, place_menu
from .plates import HoverPlate, Readout, ScalePlate
from .stack import Stack
from .surface import Surface

REACH = 12.0
"""Screen px within which the pointer hits something."""

_SEVERAL = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier

HOVER_AFTER = 300
"""ms."""


class Pointer(QObject):
    """Turns what happens on a surface into what the desk and the plates are told.

    A click never decides; only what is chosen from the menu does, as its key would. With Ctrl or
    Shift it takes an instance into the selection, or out of it.

    Parameters
    ----------
    desk : Desk
    actions : Actions
    stack : Stack
    surface : Surface
    editor : Editor
    plates : HoverPlate, ScalePlate
    on_screen : callable
        Whether the shown micrograph is the one on the surface.
    """

    def __init__(
        self,
        desk: Desk,
        actions: Actions,
        stack: Stack,
        surface: Surface,
        editor: Editor,
        plates: tuple[HoverPlate, ScalePlate],
        on_screen: Callable[[], bool],
    ) -> None:
        super().__init__(surface)
        self._desk, self._actions, self._stack = desk, actions, stack
        self._surface, self._editor, self._on_screen = surface, editor, on_screen
        self._hover_plate, self._scale_plate = plates
        self._at: QPointF | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(HOVER_AFTER)
        self._timer.timeout.connect(self._tell)
        surface.clicked.connect(self._click)
        surface.menu_asked.connect(self._offer)
        surface.hovered.connect(self._point)
        surface.left.connect(self._leave)

    def hide(self) -> None:
        """Take the hover plate away until the pointer moves again."""
        self._timer.stop()
        self._hover_plate.hide()

    def read_out(self) -> None:
        """Tell what the pointer points at."""
        looks = self._stack.visible["exposure"]
        full = self._stack.exposure.full if looks else 0
        self._scale_plate.show_readout(self._readout(looks=looks), looks=looks, full=full)

    def _readout(self, *, looks: bool) -> Readout | None:
        view = self._surface.viewport
        if self._at is None:
            return None
        x, y = view.to_image(self._at.x(), self._at.y())
        if not (0 <= x < view.image_width and 0 <= y < view.image_height):
            return None
        seen = self._stack.exposure.looks_at(x, y) if looks else None
        return Readout(x, y, self._stack.image.grey_at(x, y), seen)

    def _hit(self, at: QPointF) -> tuple[int, int]:
        """Instance and mark at a place on the screen; see `Scene.nearest`."""
        drawn = self._stack.scene
        if drawn is None or not self._on_screen():
            return -1, -1
        view = self._surface.viewport
        x, y = view.to_image(at.x(), at.y())
        marks = self._stack.visible["marks"] or self._stack.visible["noise"]
        return drawn.nearest(x, y, REACH / view.zoom, marks=marks)

    def _click(self, at: QPointF, held: Qt.KeyboardModifier) -> None:
        """Select what is there, or nothing; the image does not move under the pointer."""
        if not self._on_screen():
            return
        self.hide()
        if self._editor.click(at):
            return
        mark = self._mark_at(at)
        with self._editor.holding_still():
            if not held & _SEVERAL:
                self._desk.select(mark)
            elif mark != NO_MARK:
                self._desk.toggle(mark)

    def _mark_at(self, at: QPointF) -> int:
        """A mark of the instance at a place on the screen."""
        state, row = self._desk.state, self._hit(at)[0]
        if row < 0:
            return NO_MARK
        drawn = self._stack.scene  # under the pinned setting other groups are to be seen
        table = state.instances if drawn is None else drawn.instances
        return int(queues.anchors(table[row : row + 1], state.ledger)[0])

    def _offer(self, at: QPointF) -> None:
        """Offer what can be done with what is there: with all selected, if it is one of them."""
        if not self._on_screen():
            return
        self.hide()
        mark, desk = self._mark_at(at), self._desk
        if mark == NO_MARK:
            view = self._surface.viewport
            x, y = view.to_image(at.x(), at.y())
            if not (0 <= x <= view.image_width and 0 <= y <= view.image_height):
                return
            menu = place_menu(self._actions, lambda: self._editor.add_at(at), self._surface)
        else:
            if desk.state.find(mark) not in desk.rows():
                with self._editor.holding_still():
                    desk.select(mark)
            chosen = desk.state.selection
            labels = desk.state.sources.labels
            menu = label_menu(
                labels, self._actions, lambda name: self._choose(name, chosen), self._surface
            )
        menu.popup(self._surface.mapToGlobal(at.toPoint()))

    def _choose(self, name: str, selection: tuple[int, ...]) -> None:
        if self._desk.state.selection != selection:
            with self._editor.holding_still():
                self._desk.select(selection[0])
                for mark in selection[1:]:
                    self._desk.toggle(mark)
        self._surface.repaint()  # no case is decided before it was painted
        self._actions.trigger(name)

    def _point(self, at: QPointF) -> None:
        self._at = at
        self._hover_plate.hide()
        self._timer.start()
        self.read_out()

    def _leave(self) -> None:
        self._at = None
        self.hide()
        self.read_out()

    def _tell(self) -> None:
        drawn, state = self._stack.scene, self._desk.state
        if self._at is None or drawn is None or drawn.instances is not state.instances:
            return
        row, mark = self._hit(self._at)
        if row >= 0:
            lines = words.of_instance(state, drawn, row)
        elif mark >= 0:
            lines = words.of_mark(state, drawn, mark)
        else:
            return
        self._hover_plate.show_at(lines, self._at.toPoint(), self._surface.size())
