"""Edits on the image: which tool is in the hand, what it draws, and what its keys do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import hypot
from typing import Literal

import numpy as np
from PySide6.QtCore import QObject, QPointF, Qt, Signal

from k2c_gui.core.model import Decision, Floats
from k2c_gui.desk import Desk, State, number
from k2c_gui.gui.actions import Actions

from . import modes
from .gestures import Band, Carry, Place
from .modes import ModePlate, WhyPlate
from .preview import SEED, Preview
from .stack import Stack
from .surface import Grip, Surface

Tool = Literal["", "move", "add", "lasso"]

GRASP = 14.0
"""Screen px around a centroid within which it is taken hold of."""

STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
FAR = 10
"""px of a step with Shift."""

_FEWEST, _MOST = 2, 9
_CONTROL, _SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
_SCOPES = {"split": "split", "move": "image"}


class Editor(QObject):
    """Turns keys, clicks and drags into the desk's edits; a plain drag stays a pan.

    Parameters
    ----------
    desk : Desk
    actions : Actions
    stack : Stack
    surface : Surface
    plates : ModePlate, WhyPlate
    on_screen : callable
        Whether the shown micrograph is the one on the surface.

    Attributes
    ----------
    by_hand : bool
        The pointer selects right now: the image must not move under it.
    """

    resized = Signal()  # a plate needs another room

    def __init__(
        self,
        desk: Desk,
        actions: Actions,
        stack: Stack,
        surface: Surface,
        plates: tuple[ModePlate, WhyPlate],
        on_screen: Callable[[], bool],
    ) -> None:
        super().__init__(surface)
        self._desk, self._actions, self._stack = desk, actions, stack
        self._surface, self._on_screen = surface, on_screen
        self.plate, self.why_plate = plates
        self.preview = Preview()
        self.tool: Tool = ""
        self.by_hand = False
        self._pointer_at: QPointF | None = None
        surface.grip = self.grip
        surface.hovered.connect(self._hover)
        surface.left.connect(self._leave_image)
        actions.keys_changed.connect(self.show)

    # What the keys do

    def bind(self) -> None:
        """Let the actions of editing do what they say."""
        on = self._actions.on
        on("merge", partial(self._still, self._desk.merge))
        on("split", self._split)
        on("move", lambda: self.take("" if self.tool == "move" else "move"))
        on("lasso", lambda: self.take("" if self.tool == "lasso" else "lasso"))
        on("add", self._add_at_pointer)
        on("commit", partial(self._still, self._desk.commit))
        on("split-none", self._desk.cancel)
        on("split-more", lambda: self._into(self._parts() + 1))
        on("split-fewer", lambda: self._into(self._parts() - 1))
        for k in range(_FEWEST, _MOST + 1):
            on(f"split:{k}", partial(self._into, k))
        for name, (dx, dy) in STEPS.items():
            on(f"nudge-{name}", partial(self._desk.nudge, dx, dy))
            on(f"nudge-far-{name}", partial(self._desk.nudge, FAR * dx, FAR * dy))
        on("why", self._ask_why)
        for name in self.why_plate.buttons:
            on(name, partial(self._give_reason, name.removeprefix("reason:")))

    def enable(self, *, writable: bool) -> None:
        """Switch off what cannot be done now."""
        state, n = self._desk.state, len(self._desk.rows())
        draft = state.draft
        alone = writable and n == 1 and draft is None
        known = writable and state.grouping is not None
        splitting = writable and draft is not None and draft.kind == "split"
        can = {
            "merge": writable and n > 1 and draft is None,
            "split": writable and n == 1 and (draft is None or splitting),
            "move": alone,
            "add": known and not splitting,
            "lasso": known or state.grouping is not None,
            "why": writable and bool(self._last_ruled()),
            **{f"nudge-{name}": alone for name in STEPS},
            **{f"nudge-far-{name}": alone for name in STEPS},
            **{f"split:{k}": splitting for k in range(_FEWEST, _MOST + 1)},
            **dict.fromkeys(("split-more", "split-fewer", "split-none", "commit"), splitting),
            **dict.fromkeys(self.why_plate.buttons, writable and bool(self._last_ruled())),
        }
        for name, allowed in can.items():
            self._actions.actions[name].setEnabled(allowed)

    def take(self, tool: Tool) -> None:
        """Take a tool into the hand; an empty one lets go."""
        self.tool = tool
        self.show()

    def leave(self) -> bool:
        """Leave what is under way, one thing at a time; False when nothing is."""
        if self._surface.let_go():
            self._show_preview()
        elif self.tool:
            self.take("")
        elif self.why_plate.title:
            self._close_why()
        elif not self._desk.cancel():
            if len(self._desk.rows()) == 1 or not self._desk.rows():
                return False
            with self.holding_still():
                self._desk.select(self._desk.state.selected)
        return True

    @contextmanager
    def holding_still(self) -> Iterator[None]:
        """Select without moving the image."""
        self.by_hand = True
        try:
            yield
        finally:
            self.by_hand = False

    def _still(self, verb: Callable[[], object]) -> None:
        """What was made lies where it is looked at already."""
        with self.holding_still():
            verb()

    def _split(self) -> None:
        if self._desk.state.draft is None:
            self._desk.split()

    def _parts(self) -> int:
        draft = self._desk.state.draft
        return 0 if draft is None else len(draft.parts)

    def _into(self, k: int) -> None:
        if _FEWEST <= k <= _MOST:
            self._desk.split(k)

    def _add_at_pointer(self) -> None:
        if self._pointer_at is None:
            self.take("add")
        else:
            self.add_at(self._pointer_at)

    def add_at(self, at: QPointF) -> None:
        """Show a particle that nobody marked at a place on the screen; a label stores it."""
        self._desk.add(*self._surface.viewport.to_image(at.x(), at.y()))
        self.take("")

    def _ask_why(self) -> None:
        if self.why_plate.title:
            self._close_why()
            return
        desk, last = self._desk, self._last_ruled()
        if not last:
            return
        names = {label.value: label.name for label in desk.state.sources.labels}
        first = last[0]
        what = {"defer": "kept ambiguous", "reject": "rejected"}.get(
            first.verdict, names.get(first.label or 0, "")
        )
        micrograph = next(e.micrograph for e in desk.state.evidence if e.name == first.micrograph)
        who = number(desk.state, micrograph, first.marks[0])
        many = f" and {len(last) - 1} more" if len(last) > 1 else ""
        self.why_plate.say(f"Why {who}{many}: {what}?")
        self.resized.emit()

    def _last_ruled(self) -> list[Decision]:
        """What the last step that stands ruled."""
        step, ruled = self._desk.state.ledger.undoable, []
        for entry in reversed(self._desk.session.log if step else ()):
            if entry.step == step and entry.decision is not None:
                ruled.append(entry.decision)
            elif ruled or entry.step == step:
                break
        return ruled[::-1]

    def _give_reason(self, code: str) -> None:
        if self._desk.give_reason(code):
            self._close_why()

    def _close_why(self) -> None:
        self.why_plate.say("")
        self.resized.emit()

    # What the pointer does

    def click(self, at: QPointF) -> bool:
        """Take a click for the tool in the hand; False: it selects."""
        draft = self._desk.state.draft
        if self.tool == "add" or (draft is not None and draft.kind == "add"):
            self.add_at(at)
            return True
        return draft is not None  # a stray click does not lose a split

    def grip(self, at: QPointF, held: Qt.KeyboardModifier) -> Grip | None:
        """What a drag that begins here does; None: it pans."""
        if not self._on_screen() or self._stack.bare or self._stack.scene is None:
            return None
        draft = self._desk.state.draft
        if draft is not None and draft.kind != "split":
            return None
        control, shift = bool(held & _CONTROL), bool(held & _SHIFT)
        if shift or control or self.tool == "lasso":
            lasso = not shift
            done = partial(self._around, lasso=lasso, add=control and shift)
            return Band(self._surface, at, lasso=lasso, done=done)
        if draft is not None:
            return self._seed_at(at)
        place = self._stack.selection.place
        if self.tool == "move" and place is not None and self._near(at, place, GRASP):
            return self._carry(at, place, partial(self._carried, place), self._put)
        return None

    def _seed_at(self, at: QPointF) -> Grip | None:
        for i, seed in enumerate(self.preview.seeds):
            if self._near(at, seed, SEED + 4):
                move = partial(self._move_seed, i)
                return self._carry(at, seed, move, move)
        return None

    def _carry(
        self,
        at: QPointF,
        place: Place,
        dragged: Callable[[Place], object],
        dropped: Callable[[Place], object],
    ) -> Carry:
        offset = QPointF(*self._surface.viewport.to_screen(*place)) - at
        return Carry(self._surface, offset, dragged, dropped)

    def _near(self, at: QPointF, place: Place, reach: float) -> bool:
        x, y = self._surface.viewport.to_screen(*place)
        return hypot(at.x() - x, at.y() - y) <= reach

    def _around(self, corners: Floats, *, lasso: bool, add: bool) -> None:
        draft = self._desk.state.draft
        if draft is not None:
            self._desk.split_by(corners)
        else:
            with self.holding_still():
                if lasso:
                    self._desk.select_lasso(corners, add=add)
                else:
                    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
                    self._desk.select_box(float(x0), float(y0), float(x1), float(y1), add=add)
        self.tool = ""
        self._show_preview()
        self.show()

    def _move_seed(self, i: int, place: Place) -> None:
        seeds = list(self.preview.seeds)
        seeds[i] = place
        if not self._desk.split_from(seeds):
            self.preview.put_seed(i, place)

    def _carried(self, old: Place, place: Place) -> None:
        scene, row = self._stack.scene, self._desk.row()
        if scene is not None and row >= 0:
            self.preview.carry(old, place, scene.symbols[scene.symbol[row]])
            self._surface.show_overlay((self.preview,))

    def _put(self, place: Place) -> None:
        self._desk.move(*place)
        self._show_preview()

    def _hover(self, at: QPointF) -> None:
        self._pointer_at = at
        place = self._stack.selection.place
        over = self.tool == "move" and place is not None and self._near(at, place, GRASP)
        over = over or any(self._near(at, seed, SEED + 4) for seed in self.preview.seeds)
        crossed = self.tool in ("add", "lasso")
        if over:
            self._surface.setCursor(Qt.CursorShape.SizeAllCursor)
        elif crossed:
            self._surface.setCursor(Qt.CursorShape.CrossCursor)
        else:
            self._surface.unsetCursor()

    def _leave_image(self) -> None:
        self._pointer_at = None

    # What is shown

    def changed(self, old: State, new: State) -> None:
        """Follow the desk."""
        if new.selection != old.selection or new.shown != old.shown:
            self.tool = "" if self.tool == "move" else self.tool
        if new.shown != old.shown:
            self.tool = ""
        if new.ledger is not old.ledger and self.why_plate.title:
            self._close_why()
        if new.draft is not old.draft:
            self._show_preview()
        fields = ("selection", "draft", "trouble", "instances", "shown")
        if any(getattr(new, field) is not getattr(old, field) for field in fields):
            self.show()

    def show(self) -> None:
        """Say what is under way; what was refused, and why, goes before."""
        state = self._desk.state
        title, rest = modes.of_tool(self.tool, self._actions)
        if state.draft is not None:
            title, rest = modes.of_draft(state.draft, self._actions)
        elif not title and len(self._desk.rows()) > 1:
            title, rest = modes.of_selection(len(self._desk.rows()), self._actions)
        waits = state.draft is not None and None in state.draft.labels
        saving = state.trouble.startswith(f"{self._desk.session.path}: ")
        if state.trouble and not waits and not saving:
            title, rest = state.trouble, f"{title}: {rest}" if title else ""
        mode = "split" if state.draft is not None and state.draft.kind == "split" else self.tool
        self._actions.mode = _SCOPES.get(mode, "")
        if (title, rest) != (self.plate.title, self.plate.rest):
            self.plate.say(title, rest)
            self.resized.emit()

    def _show_preview(self) -> None:
        state, scene = self._desk.state, self._stack.scene
        old: list[Place] = []
        if scene is not None:
            rows = self._desk.rows()
            at = np.column_stack([scene.instances[axis][rows] for axis in "xy"])
            old = [(x, y) for x, y in at.tolist()]
        self.preview.show(state.draft, state.basis(), old)
        parting = state.draft is not None and state.draft.kind == "split"
        if parting != self._stack.parting:
            self._stack.parting = parting
            self._surface.show_layers(self._stack.layers())
        seen = state.draft is not None and not self._stack.bare
        self._surface.show_overlay((self.preview,) if seen else ())

    def uncover(self) -> None:
        """Show or hide what is drawn over the image, as the image is bare or not."""
        self._show_preview()
