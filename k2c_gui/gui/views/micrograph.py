"""The micrograph with what volunteers marked on it, what was made of it, and what is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from math import isfinite
from typing import Any

from PySide6.QtCore import QEvent, QPointF, QRectF, QVariantAnimation, Signal
from PySide6.QtGui import QImage, QResizeEvent
from PySide6.QtWidgets import QStyle, QWidget

from k2c_gui.core.model import NO_MARK, STATUS
from k2c_gui.desk import Desk, State
from k2c_gui.gui.actions import Actions
from k2c_gui.gui.canvas.editing import Editor
from k2c_gui.gui.canvas.image import GAMMAS, Contrast, contrast_from, from_picture, screen, suits
from k2c_gui.gui.canvas.minimap import Minimap
from k2c_gui.gui.canvas.modes import ModePlate, WhyPlate
from k2c_gui.gui.canvas.notices import Failure, Notice
from k2c_gui.gui.canvas.panels import ContrastPanel, OpacityPanel
from k2c_gui.gui.canvas.plates import HoverPlate, LayersPlate, ScalePlate
from k2c_gui.gui.canvas.pointer import Pointer
from k2c_gui.gui.canvas.scene import Opinions, opinions, scene
from k2c_gui.gui.canvas.stack import Stack
from k2c_gui.gui.canvas.surface import Surface
from k2c_gui.gui.comparison import Comparison
from k2c_gui.gui.controls import later
from k2c_gui.gui.jobs import Picture, Pictures
from k2c_gui.gui.style import px

CASE_ZOOM = 4.0
"""Screen px per image px at which one case is looked at."""

MIDDLE = 0.04
"""Share of the window, either side of its middle, in which a case need not be centred."""

AHEAD_AFTER = 40
"""ms: what may be shown next is decoded when this is painted, or both would take turns."""

LAG_AFTER, READING_AFTER, PULSE = 60, 150, 180
"""ms."""

_INSET = 12
_ROOM_FOR_MAP = 520, 300


class View(QWidget):
    """The canvas with its plates.

    Parameters
    ----------
    desk : Desk
    pictures : Pictures
        Of the desk's micrographs.
    actions : Actions
    """

    ask_pixel_size = Signal()
    find_image = Signal(int)  # the micrograph whose image is lost

    def __init__(self, desk: Desk, pictures: Pictures, actions: Actions) -> None:
        super().__init__()
        self._desk, self._pictures, self._actions = desk, pictures, actions
        self._stack = Stack()
        self._drawn: State | None = None
        self._on = -1  # the micrograph on the canvas
        self._row = -1
        self._centred = NO_MARK
        self._wanted: tuple[int, ...] = ()
        self._contrast: Contrast | None = None
        self._known: dict[int, Opinions] = {}
        self._place: tuple[float, float, float] | None = None
        self._before: State | None = None  # the desk under the pinned setting, while it is shown

        self.surface = Surface(self)
        self.layers_plate = LayersPlate(actions, self)
        self.minimap = Minimap(self)
        self.scale_plate = ScalePlate(self)
        self.notice = Notice(self)
        self.failure = Failure(actions, self)
        self.hover_plate = HoverPlate(self)
        self.contrast_panel = ContrastPanel(actions, self)
        self.opacity_panel = OpacityPanel(self)
        self.mode_plate, self.why_plate = ModePlate(self), WhyPlate(actions, self)
        self.setFocusProxy(self.surface)

        def on_screen() -> bool:
            return self._on == desk.state.shown and self._before is None

        parts = desk, actions, self._stack, self.surface
        self.editor = Editor(*parts, (self.mode_plate, self.why_plate), on_screen)
        self._pointer = Pointer(
            *parts,
            self.editor,
            (self.hover_plate, self.scale_plate),
            lambda: self._on == desk.state.shown,
        )
        self._ahead_timer = later(self, AHEAD_AFTER, self._fetch_ahead)
        self._lag_timer = later(self, LAG_AFTER, self._lag)
        self._reading_timer = later(self, READING_AFTER, self._say_reading)
        self._place_timer = later(self, 0, self._place_plates)
        self._pulse_timer = later(self, 0, self._start_pulse)
        self._pulse = QVariantAnimation(self)
        self._pulse.setDuration(PULSE)
        self._pulse.setStartValue(1.3)
        self._pulse.setEndValue(1.0)
        self._pulse.valueChanged.connect(self._swell)
        self._connect()
        self._restack()
        desk.subscribe(self._changed)
        self._changed(desk.state, desk.state)

    # What the keys do

    def fit(self) -> None:
        """Show the whole micrograph."""
        self.surface.go_to(self.surface.viewport.fitted(), fitted=True)

    def zoom(self, factor: float) -> None:
        """Zoom at the middle."""
        view = self.surface.viewport
        self.surface.go_to(view.zoomed(factor, view.width / 2, view.height / 2))

    def zoom_to_case(self) -> None:
        """Look at the selected case closely."""
        place = self._stack.selection.place
        if place is not None:
            self.surface.go_to(self.surface.viewport.at(*place, CASE_ZOOM))

    def peek(self, on: bool) -> None:
        """Show the bare image, as long as it is asked for."""
        self._stack.bare = on
        self.editor.uncover()
        self._restack()

    def toggle_layer(self, name: str) -> None:
        """Show or hide one of the six layers."""
        self._stack.visible[name] = not self._stack.visible[name]
        self._restack()

    def set_opacity(self, name: str, opacity: float) -> None:
        """Draw a layer weaker; 0 to 1."""
        self._stack.opacity[name] = min(1.0, max(0.0, opacity))
        self._restack()

    def cycle_mark_colours(self) -> None:
        """Colour marks by label, by agreement, or plainly."""
        self._stack.cycle_colours()
        self._restack()

    def contrast_from_image(self) -> None:
        """Take black and white from the percentiles of this micrograph."""
        picture = self._stack.image.picture
        if picture is not None:
            self._take_contrast(from_picture(picture, self._stack.image.contrast))

    def invert(self) -> None:
        """Swap dark and bright."""
        contrast = self._stack.image.contrast
        self._take_contrast(replace(contrast, invert=not contrast.invert))

    def gamma(self, step: float) -> None:
        """Brighten (1) or darken (-1) the middle greys by a step."""
        contrast = self._stack.image.contrast
        gamma = min(GAMMAS[1], max(GAMMAS[0], contrast.gamma * 1.15**step))
        self._take_contrast(replace(contrast, gamma=gamma))

    def toggle_blur(self) -> None:
        """Blur the image lightly, or no more."""
        contrast = self._stack.image.contrast
        self._take_contrast(replace(contrast, blur=not contrast.blur))

    def look_at(self, place: QPointF) -> None:
        """Bring a place, px of the micrograph, to the middle."""
        self.surface.go_to(self.surface.viewport.centred(place.x(), place.y(), MIDDLE))

    def show_comparison(self, mode: str, found: Comparison | None) -> None:
        """Draw the setting that is tried, what it changes, or the pinned one.

        Parameters
        ----------
        mode : {"Before", "Change", "After"}
        found : Comparison or None
            None: there is nothing to compare.
        """
        self._stack.changes.show(found if mode == "Change" else None)
        before = found.before if found is not None and mode == "Before" else None
        if before is not self._before:
            self._before = before
            if self._drawn is not None and self._on == self._desk.state.shown:
                self._show_scene(self._desk.state)
        self._restack()

    def view_state(self) -> dict[str, Any]:
        """Zoom, place, layers and contrast, to be kept as JSON."""
        view = self.surface.viewport
        return {
            "fitted": self.surface.fitted,
            "zoom": view.zoom,
            "centre": list(view.centre),
            **self._stack.state(),
            "contrast": None if self._contrast is None else asdict(self._contrast),
        }

    def restore_view_state(self, state: Mapping[str, Any]) -> None:
        """Take what `view_state` gave; what is not understood is left as it is."""
        self._stack.restore(state)
        self._contrast = contrast_from(state.get("contrast")) or self._contrast
        centre = state.get("centre")
        numbers = [state.get("zoom"), *(centre if isinstance(centre, list) else ())]
        if len(numbers) == 3 and all(isinstance(n, int | float) and isfinite(n) for n in numbers):
            zoom, x, y = (float(n) for n in numbers if isinstance(n, int | float))
            self._place = None if state.get("fitted") is True else (x, y, zoom)
            self.surface.fitted = self._place is None
            # where the expert had looked goes before where the case lies
            self._centred = self._desk.state.selected
        if self._on >= 0:
            self._arrive_at_place()
            self._show_contrast()
        self._restack()

    def grab_view(self) -> QImage:
        """Take a picture of the view as it is."""
        return self.grab().toImage()

    # What changes at the desk

    def _changed(self, _old: State, new: State) -> None:
        # a verb called while others were being told has brought a newer state already
        new, last = self._desk.state, self._drawn
        self._prefetch(new)
        if new.shown != self._on or last is None:
            self._arrive()
            return
        self._stop_waiting()
        self._drawn = new
        fields = ("grouping", "instances", "blind", "ledger", "evidence")
        remade = any(getattr(new, field) is not getattr(last, field) for field in fields)
        self._notice_travel(last, new)
        if new.evidence is not last.evidence:
            self._stack.show_evidence(new.evidence[new.shown])
        if remade:
            self._show_scene(new)
        if remade or new.selection != last.selection:
            self._select(new)
        self.editor.changed(last, new)
        if new.params is not last.params or new.grouping is not last.grouping:
            self._await_answer(new)
        if new.sources is not last.sources:
            self._show_scale()

    def _arrive(self) -> None:
        """Swap to the shown micrograph once there is something to paint; until then wait."""
        state = self._desk.state
        picture = self._pictures.get(state.shown)
        reason = self._pictures.error(state.shown)
        if picture is None and not reason:
            self._reading_timer.start()
            return
        self._stop_waiting()
        self._pointer.hide()
        micrograph = state.sources.micrographs[state.shown]
        self.failure.say(micrograph.name, _plainly(reason, micrograph.name))
        last = self._drawn or state
        self._on, self._drawn = state.shown, state
        self._stack.image.picture = picture
        self._stack.show_evidence(state.evidence[state.shown])
        self.surface.show_image(micrograph.width, micrograph.height)
        self._arrive_at_place()
        self._show_contrast()
        self._show_scene(state)
        self._select(state)
        self.editor.changed(last, state)
        self._await_answer(state)
        self._show_scale()
        self._place_plates()

    def _stop_waiting(self) -> None:
        self._reading_timer.stop()
        self.notice.say("")

    def _prefetch(self, state: State) -> None:
        shown, case = state.shown, self._desk.place() + 1
        wanted = [shown + 1, shown + 2, shown - 1]
        if 0 < case < len(state.queue.cases):
            wanted.insert(0, int(state.queue.cases["micrograph"][case]))
        ahead = tuple(i for i in wanted if i != shown)
        if (shown, *ahead) != self._wanted:
            self._wanted = (shown, *ahead)
            self._pictures.get(shown)
            self._ahead_timer.start()

    def _fetch_ahead(self) -> None:
        shown, *ahead = self._wanted
        self._pictures.prefetch(ahead)
        # what is shown goes before what may be
        self._pictures.get(shown)

    def _show_scene(self, state: State) -> None:
        known = self._known.pop(state.shown, None)
        evidence = state.evidence[state.shown]
        if known is None or known.evidence is not evidence:
            known = opinions(evidence)
        self._known[state.shown] = known
        while len(self._known) > 4:
            del self._known[next(iter(self._known))]
        if self._before is not None and self._before.shown == state.shown:
            state = self._before
        drawn = scene(state, known)
        part = drawn.differs(self._stack.scene)
        self._stack.show(drawn)
        asked = drawn.instances["ambiguous"] & (
            drawn.instances["status"] == STATUS.index("proposed")
        )
        self.minimap.show_dots(drawn.instances["x"][asked], drawn.instances["y"][asked])
        self._pointer.hide()
        self._pointer.read_out()
        self.surface.renew(None if part is None else [QRectF(*part)])

    def _select(self, state: State) -> None:
        self._row = self._desk.row()
        before = self._stack.marked()
        pinned = self._before  # another table: the same mark, another row
        if pinned is None:
            self._stack.select(self._row, [row for row in self._desk.rows() if row != self._row])
        else:
            self._stack.select(pinned.find(state.selected))
        place = self._stack.selection.place
        if state.selected == NO_MARK:
            self._centred = NO_MARK
        elif place is not None and self._centred != state.selected:
            self._centred = state.selected
            if not self.editor.by_hand:
                self.surface.go_to(
                    self.surface.viewport.centred(*place, MIDDLE), fitted=self.surface.fitted
                )
        self._pointer.hide()
        self.surface.renew([*before, *self._stack.marked()])

    def _notice_travel(self, last: State, new: State) -> None:
        """After an undo or a redo the place of it is shown by a pulse."""
        old, ledger = last.ledger, new.ledger
        if ledger is old:
            return
        undone = ledger.redoable and ledger.redoable == old.undoable
        redone = old.redoable and ledger.undoable == old.redoable
        if undone or redone:
            # it is selected once all is told
            self._pulse_timer.start()

    def _start_pulse(self) -> None:
        still = self.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) == 0
        if self._row >= 0 and not still:
            self._pulse.start()

    def _await_answer(self, state: State) -> None:
        if state.grouping is None or state.grouping.params == state.params:
            self._lag_timer.stop()
            if self._stack.lagging:
                self._stack.lagging = False
                self._restack()
        elif not self._stack.lagging and not self._lag_timer.isActive():
            self._lag_timer.start()

    def _lag(self) -> None:
        self._stack.lagging = True
        self._restack()

    def _picture_came(self, micrograph: int) -> None:
        if micrograph != self._desk.state.shown:
            return
        if micrograph != self._on or self._pictures.get(micrograph) != self._stack.image.picture:
            self._arrive()

    def _picture_failed(self, micrograph: int, _reason: str) -> None:
        self._picture_came(micrograph)

    def _say_reading(self) -> None:
        state = self._desk.state
        self.notice.say(f"Reading {state.sources.micrographs[state.shown].name}")
        self._place_plates()

    def _painted(self) -> None:
        """A case counts as seen once its corners are on the screen."""
        state, drawn = self._desk.state, self._drawn
        if drawn is None or self._row < 0 or self._stack.bare:
            return
        if state.shown == self._on and state.selection == drawn.selection:
            self._desk.painted()

    # What is drawn

    def _restack(self) -> None:
        self.surface.show_layers(self._stack.layers())
        self.layers_plate.show_layers(self._stack.visible, self._stack.colours)
        self.opacity_panel.show_opacity(self._stack.opacity)
        self._pointer.read_out()

    def _take_contrast(self, contrast: Contrast) -> None:
        self._contrast = contrast
        self._show_contrast()

    def _show_contrast(self) -> None:
        """Keep the contrast, unless it would show this picture as a blank frame."""
        picture = self._stack.image.picture
        if picture is None:
            self.minimap.show_image(QImage())
            return
        if self._contrast is None:
            self._contrast = from_picture(picture, Contrast())
        contrast = self._contrast
        if not suits(picture, contrast):
            contrast = from_picture(picture, contrast)
        self._stack.image.contrast = contrast
        self.minimap.show_image(_small(picture, contrast))
        if self.contrast_panel.isVisible():
            self.contrast_panel.show_picture(picture, contrast)
        self.surface.renew()

    def _show_scale(self) -> None:
        state = self._desk.state
        if self._on >= 0:
            nm = state.sources.micrographs[self._on].pixel_size_nm
            self.scale_plate.show_scale(self.surface.viewport.zoom, nm)

    def _follow(self) -> None:
        self._show_scale()
        self.minimap.show_viewport(self.surface.viewport)
        self.hover_plate.hide()

    def _arrive_at_place(self) -> None:
        """Take the zoom and place that were restored, once there is an image to be at."""
        if self._place is not None:
            x, y, zoom = self._place
            self._place = None
            self.surface.go_to(self.surface.viewport.at(x, y, zoom))
        elif self.surface.fitted:
            self.fit()

    def _swell(self, swell: float) -> None:
        self._stack.selection.swell = swell
        self.surface.renew(self._stack.marked())

    def _jump(self, at: QPointF) -> None:
        self.surface.go_to(self.surface.viewport.at(at.x(), at.y()))

    # Plates

    def _open_contrast(self) -> None:
        self.contrast_panel.show_picture(self._stack.image.picture, self._stack.image.contrast)
        self.contrast_panel.open_below(self.layers_plate.contrast)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the canvas all the room, and the plates their corners."""
        self.surface.setGeometry(0, 0, event.size().width(), event.size().height())
        self._place_plates()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the font scale and the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and hasattr(self, "failure"):
            self.failure.restyle()
            # once the plates have taken the new fonts themselves
            self._place_timer.start()

    def _place_plates(self) -> None:
        width, height = self.width(), self.height()
        self.layers_plate.fit(width - 2 * _INSET)
        self.scale_plate.fit(width - 2 * _INSET)
        self.notice.resize(self.notice.sizeHint())
        self.layers_plate.move(_INSET, _INSET)
        beside = self.layers_plate.width() + self.minimap.width() + 3 * _INSET <= width
        top = _INSET if beside else self.layers_plate.height() + 2 * _INSET
        self.minimap.move(width - self.minimap.width() - _INSET, top)
        self.minimap.setVisible(width >= _ROOM_FOR_MAP[0] and height >= _ROOM_FOR_MAP[1])
        self._place_modes()
        self.scale_plate.move(_INSET, height - self.scale_plate.height() - _INSET)
        self.notice.move((width - self.notice.width()) // 2, (height - self.notice.height()) // 2)
        self.failure.setFixedWidth(min(px(380), width - 2 * _INSET))
        self.failure.adjustSize()
        self.failure.move((width - self.failure.width()) // 2, max(px(64), height // 5))

    def _place_modes(self) -> None:
        """Below the layers, beside the map, in the middle."""
        map_room = self.minimap.width() + _INSET if self.width() >= _ROOM_FOR_MAP[0] else 0
        room = self.width() - 2 * _INSET - map_room
        top = _INSET + self.layers_plate.height() + _INSET // 2
        for plate in (self.mode_plate, self.why_plate):
            plate.fit(room)
            plate.move(_INSET + max(0, (room - plate.width()) // 2), top)
            if not plate.isHidden():
                top += plate.height() + _INSET // 2

    def _connect(self) -> None:
        self.surface.moved.connect(self._follow)
        self.surface.shown.connect(self._painted)
        self.editor.resized.connect(self._place_modes)
        self.minimap.asked.connect(self._jump)
        self.scale_plate.pixel_size_asked.connect(self.ask_pixel_size)
        self.failure.find_asked.connect(lambda: self.find_image.emit(self._desk.state.shown))
        self.layers_plate.contrast_asked.connect(self._open_contrast)
        self.layers_plate.opacity_asked.connect(
            lambda: self.opacity_panel.open_below(self.layers_plate.opacity)
        )
        self.contrast_panel.changed.connect(self._take_contrast)
        self.opacity_panel.changed.connect(self.set_opacity)
        self._pictures.ready.connect(self._picture_came)
        self._pictures.failed.connect(self._picture_failed)


def _plainly(reason: str, name: str) -> str:
    """The reason without the path before it: the name stands above."""
    where, mark, rest = reason.partition(": ")
    return rest if mark and where.endswith(name) else reason


def _small(picture: Picture, contrast: Contrast) -> QImage:
    plain = replace(contrast, blur=False)
    return screen(picture.levels[-1], plain, stored_inverted=picture.inverted)
