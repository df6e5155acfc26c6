"""The window: views in docks, actions to verbs, nothing else."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QShowEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QMainWindow,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from k2c_gui.core.model import DEFAULT, NO_MARK, SETTING_2022, Verdict
from k2c_gui.core.queue import TO_CHECK
from k2c_gui.desk import Desk, State, new_since, remark_on
from k2c_gui.repeating import RepeatingDesk
from k2c_gui.session import Facts, Session, read

from . import picture
from .actions import HELD, Actions
from .controls import later
from .jobs import Groupings, Pictures, Worker
from .preferences import Preferences
from .style import Theme, look, px
from .views import (
    case,
    decision,
    dialogs,
    diff,
    gallery,
    micrograph,
    micrographs,
    parameter_map,
    queue,
    session_bar,
    start,
    tour,
    tune,
)

PRESETS = ("Adjudicate", "Tune", "Overview", "Gallery")
_DOCKS_OF = {
    "Adjudicate": ("queue", "case", "strip"),
    "Tune": ("tune", "map", "micrographs", "diff"),
    "Overview": ("micrographs", "case"),
    "Gallery": ("micrographs",),
}
_AREA = {
    "queue": Qt.DockWidgetArea.LeftDockWidgetArea,
    "tune": Qt.DockWidgetArea.LeftDockWidgetArea,
    "case": Qt.DockWidgetArea.RightDockWidgetArea,
    "map": Qt.DockWidgetArea.RightDockWidgetArea,
    "micrographs": Qt.DockWidgetArea.RightDockWidgetArea,
    "strip": Qt.DockWidgetArea.BottomDockWidgetArea,
    "diff": Qt.DockWidgetArea.BottomDockWidgetArea,
}
_WIDTH = {"queue": 316, "tune": 316, "case": 372, "map": 400, "micrographs": 400}
_NARROWEST = {"queue": 250, "tune": 316, "case": 296, "map": 296, "micrographs": 296}
_GRIP = 6
_LATEST = 1500
"""ms: marks are read and grouped then, whether the first image is painted or not."""
_WANTED = (
    *("open", "import", "export", "close", "quit", "about"),
    *("keys-help", "keys-edit", "pixel-size"),
)


class MainWindow(QMainWindow):
    """One session on the screen.

    Parameters
    ----------
    session : Session
        Closed with the window. Where it is not whole, the rest is read once there is an image.
    preferences : Preferences
    read_only : str
        Why nothing can be decided, such as who else writes the session; empty: it can.
    """

    closed = Signal()
    bug = Signal(object)
    arrived = Signal()  # a session that was not whole is
    unreadable = Signal(object)  # or why it cannot be
    wanted = Signal(str)  # an action that is not about this session, pixel-size, or find-image

    def __init__(self, session: Session, preferences: Preferences, *, read_only: str = "") -> None:
        super().__init__()
        self.session, self.preferences, self.read_only = session, preferences, read_only
        self.preset = ""
        self._put_away: list[QDockWidget] = []
        self._left_case = -1, NO_MARK  # micrograph and case that the gallery was opened at
        self.desk: Desk = RepeatingDesk(session)
        self.pictures = Pictures([m.path for m in self.desk.state.sources.micrographs])
        self.groupings = Groupings(self.desk, waiting=True)
        self.groupings.failed.connect(self.bug)
        self._reader = Worker(self._arrive)
        self._size_timer = later(self, 0, self._size_docks)
        self._work_timer = later(self, _LATEST, self._work)
        self.actions_ = Actions(self, preferences.keys)
        self.setWindowTitle(f"{session.path.stem} - k2c")
        self.setObjectName("desk")
        self._make_views()
        self._bind()
        self._restore()
        self.desk.subscribe(self._changed)
        self.images_missing = dialogs.images_remembered(preferences, self.desk, self.pictures)
        if read_only:
            self.bar.set_read_only(read_only)
        self._enable(self.desk.state)
        self.micrograph.surface.shown.connect(self._begin)
        self._work_timer.start()

    # Views

    def _make_views(self) -> None:
        parts = self.desk, self.pictures, self.actions_
        self.micrograph = micrograph.View(*parts)
        self.decision = decision.View(*parts)
        self.bar = session_bar.View(*parts)
        self.case = case.View(*parts)
        self.tour = tour.View(*parts)
        self.diff = diff.View(*parts)
        self.map = parameter_map.View(*parts)
        self.gallery = gallery.View(*parts)
        self.gallery.hide()
        views: dict[str, QWidget] = {
            "queue": queue.View(*parts),
            "case": self.case,
            "strip": tune.View(*parts, self.groupings, layout="strip"),
            "tune": tune.View(*parts, self.groupings, layout="dock"),
            "map": self.map,
            "micrographs": micrographs.View(*parts),
            "diff": self.diff,
        }
        self._waiting = [view for view in views.values() if hasattr(view, "settled")]
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.micrograph, 1)
        column.addWidget(self.gallery, 1)
        column.addWidget(self.tour)
        column.addWidget(self.decision)
        self.setCentralWidget(centre)
        self.micrograph.setFocus()  # the arrow keys are the image's until another takes them
        self.setMenuWidget(self.bar)
        self.setDockOptions(
            QMainWindow.DockOption.AllowNestedDocks | QMainWindow.DockOption.AllowTabbedDocks
        )
        self.docks: dict[str, QDockWidget] = {}
        for name, view in views.items():
            dock = QDockWidget(name.capitalize(), self)
            dock.setObjectName(name)
            dock.setWidget(view)
            grip = QWidget()
            grip.setFixedHeight(_GRIP)
            grip.setToolTip(f"Drag to move: {name}")
            dock.setTitleBarWidget(grip)
            self.addDockWidget(_AREA[name], dock)
            self.docks[name] = dock
        self._narrow()

    def _narrow(self) -> None:
        """Keep docks wide enough for their text at the font scale."""
        for name, width in _NARROWEST.items():
            self.docks[name].widget().setMinimumWidth(px(width))

    def menu(self) -> QMenu:
        """Every action, by menu."""
        menu = QMenu(self)
        for name, actions in self.actions_.menus():
            sub = menu.addMenu(name)
            sub.addActions(actions)
        return menu

    # Actions

    def _bind(self) -> None:
        on, desk, view = self.actions_.on, self.desk, self.micrograph
        for i, label in enumerate(desk.state.sources.labels):
            name = f"label:{i}"
            if name in self.actions_.actions:
                self.actions_.actions[name].setText(label.name)
                on(name, partial(self._rule, "label", label.value))
        on("defer", lambda: self._rule("defer"))
        on("reject", lambda: self._rule("reject"))
        on("flag", self._flag)
        on("to-check", self._check)
        view.editor.bind()
        on("next", lambda: desk.go(1))
        on("back", lambda: desk.go(-1))
        on("take-back", desk.undo)
        on("undo", desk.undo)
        on("redo", desk.redo)
        on("copy", self._copy)
        on("note", self.case.focus_note)
        on("blind", lambda: desk.set_blind(not desk.state.blind))
        on("rank", self._rank)
        on("sign-off", self._open_sign_off)
        on("pace", self._open_pace)
        on("next-micrograph", lambda: self._turn(1))
        on("previous-micrograph", lambda: self._turn(-1))
        on("fit", view.fit)
        on("zoom-case", view.zoom_to_case)
        on("zoom-in", lambda: view.zoom(1.25))
        on("zoom-out", lambda: view.zoom(0.8))
        on("peek", lambda: view.peek(True), lambda: view.peek(False))
        on("changes", self.diff.toggle)
        on("flicker", lambda: self.diff.flicker(True), lambda: self.diff.flicker(False))
        on("change-next", lambda: self.diff.step(1))
        on("change-back", lambda: self.diff.step(-1))
        on("change-go", self.diff.go)
        self._bind_map()
        self._bind_gallery()
        self.diff.drawn.connect(view.show_comparison)
        self.diff.looked_at.connect(view.look_at)
        for layer in ("marks", "noise", "groups", "centroids", "tiles", "exposure"):
            on(layer, partial(view.toggle_layer, layer))
        on("mark-colours", view.cycle_mark_colours)
        on("contrast", view.contrast_from_image)
        on("invert", view.invert)
        on("gamma-down", lambda: view.gamma(-1))
        on("gamma-up", lambda: view.gamma(1))
        on("blur", view.toggle_blur)
        on("pin", desk.pin)
        on("reset", lambda: desk.try_params(SETTING_2022))
        on("default-setting", lambda: desk.try_params(DEFAULT))
        on("apply", desk.apply)
        on("cancel", self._leave)
        for preset in PRESETS:
            on(f"preset:{preset}", partial(self.set_preset, preset))
        on("focus", self._focus)
        on("theme", self._turn_theme)
        on("font-larger", lambda: self._scale(0.1))
        on("font-smaller", lambda: self._scale(-0.1))
        on("screenshot-view", lambda: self._save_picture(view))
        on("screenshot-window", lambda: self._save_picture(self))
        on("tour", self.tour.start)
        for name in _WANTED:
            on(name, partial(self.wanted.emit, name))
        view.ask_pixel_size.connect(lambda: self.wanted.emit("pixel-size"))
        view.find_image.connect(lambda _micrograph: self.wanted.emit("find-image"))
        self.bar.set_menu(self.menu())
        self.bar.expert_changed.connect(self._rename_expert)

    def _open_sign_off(self) -> None:
        """Say what is open, and what signing off would accept."""
        sheet = dialogs.SignOff(self.desk, self)
        sheet.go.connect(self._show_facet)
        sheet.agreed.connect(self.desk.sign_off)
        sheet.open_below(self.bar.sign_off)

    def _open_pace(self) -> None:
        page = dialogs.Pace(self.desk, self)
        page.go.connect(self._show_facet)
        page.open()

    def _bind_map(self) -> None:
        on, view = self.actions_.on, self.map
        ways = {"left": (-1, 0), "right": (1, 0), "up": (0, 1), "down": (0, -1)}
        for name, way in ways.items():
            on(f"map-{name}", partial(view.step, *way))
        on("map-go", view.choose)
        on("map-best", view.to_best)
        on("map-score", view.compute)

    def _bind_gallery(self) -> None:
        on, page = self.actions_.on, self.gallery
        ways = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
        for name, way in ways.items():
            on(f"gallery-{name}", partial(page.go, *way))
        on("gallery-except", page.except_)
        on("gallery-accept", page.accept)
        on("gallery-next", lambda: page.turn(1))
        on("gallery-back", lambda: page.turn(-1))
        on("gallery-label", page.next_label)
        on("gallery-show", page.show_crop)
        page.shown.connect(self._show_case)
        page.audit_asked.connect(lambda: self._show_facet("audit"))
        page.read_only = bool(self.read_only)

    def _show_case(self, micrograph: int, mark: int) -> None:
        """Look at an instance on its micrograph."""
        self.set_preset("Adjudicate")
        self.desk.select(mark, micrograph)

    def _show_facet(self, facet: str) -> None:
        """Queue the cases of a facet, and go to the first."""
        self.set_preset("Adjudicate")
        self.desk.rank(facet)
        self.desk.go(1)

    def _rule(self, verdict: Verdict, label: int | None = None) -> None:
        # what a draft makes lies where it is looked at; the next case may not
        still = self.desk.state.draft is not None
        with self.micrograph.editor.holding_still() if still else nullcontext():
            ruled = self.desk.rule(verdict, label, note=self.case.note())
        if ruled:
            self.case.clear_note()

    def _leave(self) -> None:
        """Leave the edit that is under way; without one stop what is computed."""
        if not self.micrograph.editor.leave():
            self.groupings.stop()

    def _flag(self) -> None:
        """Flag all that is selected; if all of it is flagged, no more."""
        ledger, rows = self.desk.state.ledger, self.desk.rows()
        said = [remark_on(ledger, self.desk.marks_of(row)) for row in rows]
        self.desk.remark(flag=not all(one is not None and one.flag for one in said))

    def _check(self) -> None:
        """Go to the first decision that came back."""
        self.desk.rank(TO_CHECK)
        self.desk.go(1)

    def _rank(self) -> None:
        """Rank anew; what Esc left out is grouped after all."""
        self.groupings.resume()
        self.desk.rank(self.desk.state.queue.facet)

    def _turn(self, step: int) -> None:
        n = len(self.desk.state.evidence)
        self.desk.show(min(n - 1, max(0, self.desk.state.shown + step)))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.case.details())

    def _rename_expert(self, name: str) -> None:
        self.session.expert = name
        self.preferences.expert = name

    def _save_picture(self, widget: QWidget) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Save picture", f"{self.session.path.stem}.png", "Pictures (*.png *.svg)"
        )
        if name:
            picture.save(widget, Path(name))

    # Arrangement

    def set_preset(self, preset: str) -> None:
        """Show the docks of a preset, as they were left."""
        self._keep_docks()
        self.preset = preset
        self._turn_corners()
        self._turn_page()
        kept = self.preferences.docks(preset)
        if not (kept and self.restoreState(QByteArray(kept))):
            for name, dock in self.docks.items():
                dock.setFloating(False)
                self.addDockWidget(_AREA[name], dock)
                dock.setVisible(name in _DOCKS_OF[preset])
            self._size_timer.start()
        self.bar.set_preset(preset)

    def _turn_page(self) -> None:
        """The gallery takes the place of the micrograph; nothing unseen stays selected then."""
        on, state = self.preset == "Gallery", self.desk.state
        if on and self.gallery.isHidden():
            self._left_case = state.shown, state.selected
            self.desk.select(NO_MARK)
        for part in (self.micrograph, self.decision):
            part.setVisible(not on)
        self.gallery.setVisible(on)
        shown, mark = self._left_case
        if not on and mark != NO_MARK:
            self._left_case = -1, NO_MARK
            if state.shown == shown and state.selected == NO_MARK:
                self.desk.select(mark)

    def _turn_corners(self) -> None:
        """The strip lies below all; the table of changes between the docks at the sides."""
        areas, tune = Qt.DockWidgetArea, self.preset == "Tune"
        for corner, side in (
            (Qt.Corner.BottomLeftCorner, areas.LeftDockWidgetArea),
            (Qt.Corner.BottomRightCorner, areas.RightDockWidgetArea),
        ):
            self.setCorner(corner, side if tune else areas.BottomDockWidgetArea)

    def _keep_docks(self) -> None:
        if self.bar.isHidden():
            self._focus()  # the image alone is for now, not for ever
        if self.preset:
            self.preferences.set_docks(self.preset, bytes(self.saveState().data()))

    def _size_docks(self) -> None:
        shown = [name for name in _DOCKS_OF[self.preset] if name in _WIDTH]
        self.resizeDocks(
            [self.docks[name] for name in shown],
            [px(_WIDTH[name]) for name in shown],
            Qt.Orientation.Horizontal,
        )

    def _focus(self) -> None:
        """The image and the decision bar alone, or all as it was."""
        hide = not self.bar.isHidden()
        if hide:
            self._put_away = [dock for dock in self.docks.values() if not dock.isHidden()]
        for dock in self._put_away:
            dock.setVisible(not hide)
        self.bar.setVisible(not hide)

    def _turn_theme(self) -> None:
        theme: Theme = "light" if look().theme == "dark" else "dark"
        self.preferences.theme = theme
        look().apply(theme)

    def _scale(self, step: float) -> None:
        look().apply(look().theme, look().scale + step)
        self.preferences.font_scale = look().scale
        self._narrow()
        self._size_timer.start()

    def _restore(self) -> None:
        geometry = self.preferences.geometry
        if not (geometry and self.restoreGeometry(QByteArray(geometry))):
            self.resize(QSize(1600, 1000))
        self.set_preset(self.preferences.preset or PRESETS[0])
        left = self.preferences.left_off(self.session.identity)
        self.desk.rank(str(left.get("facet", "ambiguous")))
        names = [evidence.name for evidence in self.desk.state.evidence]
        if left.get("micrograph") in names:
            self.desk.show(names.index(str(left["micrograph"])))
            if isinstance(mark := left.get("selected"), int):
                self.desk.select(mark)
        view = left.get("view")
        if isinstance(view, dict):
            self.micrograph.restore_view_state(view)

    def left_off(self) -> dict[str, Any]:
        """Where the expert is, for the next time."""
        state = self.desk.state
        return {
            "micrograph": state.evidence[state.shown].name,
            "facet": state.queue.facet,
            "selected": state.selected,
            "view": self.micrograph.view_state(),
        }

    def settled(self) -> bool:
        """Whether everything that the window waits for is there."""
        state = self.desk.state
        decoded = self.pictures.get(state.shown) is not None or self.pictures.error(state.shown)
        waiting = [view for view in self._waiting if view.isVisible() and not view.settled()]
        return bool(
            self.session.whole
            and decoded
            and state.grouping
            and state.grouping.params == state.params
            and not waiting
            and (self.gallery.isHidden() or self.gallery.settled())
        )

    # State

    def _begin(self) -> None:
        """Read and group marks once the first image is painted."""
        shown = self.desk.state.shown
        if self.pictures.peek(shown) is not None or self.pictures.error(shown):
            self.micrograph.surface.shown.disconnect(self._begin)
            self._work_timer.start(0)

    def _work(self) -> None:
        if self.session.whole:
            self.groupings.begin()
        elif self._reader.busy_with is None:
            self._reader.ask("facts", partial(read, self.session.path))

    def _arrive(self, _question: object, facts: object) -> None:
        if not isinstance(facts, Facts):
            self.unreadable.emit(facts)
            return
        self.session.complete(facts)
        self.desk.arrive()
        self.groupings.begin()
        self.arrived.emit()

    def _changed(self, old: State, new: State) -> None:
        if new.tables is not old.tables and not len(new.queue.cases):
            # the first answers fill the queue; from then on only the expert re-ranks it
            self._first_rank(new)
        if new is not old:
            self._enable(new)

    def _first_rank(self, state: State) -> None:
        if all(table is not None for table in state.tables):
            self.desk.rank(state.queue.facet)

    def _enable(self, state: State) -> None:
        actions = self.actions_.actions
        writable = self.session.whole and not self.read_only
        draft = state.draft
        can_rule = writable and (bool(self.desk.rows()) or draft is not None)
        for name, action in actions.items():
            if name.startswith("label:") or name == "defer":
                action.setEnabled(can_rule)
        actions["reject"].setEnabled(can_rule and (draft is None or draft.kind != "add"))
        for name in ("note", "flag"):
            actions[name].setEnabled(writable and bool(self.desk.rows()))
        self.micrograph.editor.enable(writable=writable)
        actions["undo"].setEnabled((bool(state.ledger.undoable) or draft is not None) and writable)
        actions["take-back"].setEnabled(actions["undo"].isEnabled())
        actions["redo"].setEnabled(bool(state.ledger.redoable) and writable)
        actions["export"].setEnabled(self.session.whole)
        actions["apply"].setEnabled(state.params != state.ledger.params and writable)
        signed = state.name in state.ledger.signed_off
        known = state.tables[state.shown] is not None
        new = not signed or bool(new_since(state, state.shown))
        actions["sign-off"].setEnabled(writable and known and new)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember where things are, and let the session go."""
        self.preferences.geometry = bytes(self.saveGeometry().data())
        self.preferences.preset = self.preset
        self._keep_docks()
        if self.session.whole:
            self.preferences.set_left_off(self.session.identity, self.left_off())
            start.record(self.preferences, self.desk, self.pictures.peek(self.desk.state.shown))
        self._reader.close()
        self.groupings.close()
        self.map.close_down()
        self.pictures.close()
        self.session.close()
        super().closeEvent(event)
        self.closed.emit()

    def showEvent(self, event: QShowEvent) -> None:
        """Give the docks of a fresh preset their widths: before, there is nothing to share."""
        super().showEvent(event)
        if not self.preferences.docks(self.preset):
            self._size_timer.start()

    def event(self, event: QEvent) -> bool:
        """Let held keys go when the window loses the keyboard."""
        if event.type() == QEvent.Type.WindowDeactivate:
            for name in HELD:
                self.actions_.let_go(name)
        return super().event(event)
