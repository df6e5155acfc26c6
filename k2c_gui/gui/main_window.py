"""The window: views in docks, actions to verbs, nothing else."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QImage, QShowEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QMainWindow,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from k2c_gui.core.model import ClusterParams, K2CError
from k2c_gui.desk import Desk, State
from k2c_gui.session import Session

from .actions import HELD, Actions
from .jobs import Groupings, Pictures
from .preferences import Preferences
from .style import Theme, look, px
from .views import (
    case,
    decision,
    dialogs,
    micrograph,
    micrographs,
    queue,
    session_bar,
    start,
    tour,
    tune,
)

PRESETS = ("Adjudicate", "Tune", "Overview")
_DOCKS_OF = {
    "Adjudicate": ("queue", "case", "strip"),
    "Tune": ("tune", "micrographs"),
    "Overview": ("micrographs", "case"),
}
_AREA = {
    "queue": Qt.DockWidgetArea.LeftDockWidgetArea,
    "tune": Qt.DockWidgetArea.LeftDockWidgetArea,
    "case": Qt.DockWidgetArea.RightDockWidgetArea,
    "micrographs": Qt.DockWidgetArea.RightDockWidgetArea,
    "strip": Qt.DockWidgetArea.BottomDockWidgetArea,
}
_WIDTH = {"queue": 316, "tune": 316, "case": 372, "micrographs": 400}
_NARROWEST = {"queue": 250, "tune": 300, "case": 296, "micrographs": 300}
_GRIP = 6
_LATEST = 1500
"""ms: marks are grouped then, whether the first image is painted or not."""
_WANTED = (
    *("open", "import", "close", "quit", "about"),
    *("keys-help", "keys-edit", "pixel-size"),
)


class MainWindow(QMainWindow):
    """One session on the screen.

    Parameters
    ----------
    session : Session
        Closed with the window.
    preferences : Preferences
    read_only : str
        Why nothing can be decided, such as who else writes the session; empty: it can.
    """

    closed = Signal()
    bug = Signal(object)
    wanted = Signal(str)  # an action that is not about this session, pixel-size, or find-image

    def __init__(self, session: Session, preferences: Preferences, *, read_only: str = "") -> None:
        super().__init__()
        self.session, self.preferences, self.read_only = session, preferences, read_only
        self.preset = ""
        self._put_away: list[QDockWidget] = []
        self.desk = Desk(session)
        self.pictures = Pictures([m.path for m in self.desk.state.sources.micrographs])
        self.groupings = Groupings(self.desk, waiting=True)
        self.groupings.failed.connect(self.bug)
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
        QTimer.singleShot(_LATEST, self.groupings.begin)

    # Views

    def _make_views(self) -> None:
        parts = self.desk, self.pictures, self.actions_
        self.micrograph = micrograph.View(*parts)
        self.decision = decision.View(*parts)
        self.bar = session_bar.View(*parts)
        self.case = case.View(*parts)
        self.tour = tour.View(*parts)
        views: dict[str, QWidget] = {
            "queue": queue.View(*parts),
            "case": self.case,
            "strip": tune.View(*parts, self.groupings, layout="strip"),
            "tune": tune.View(*parts, self.groupings, layout="dock"),
            "micrographs": micrographs.View(*parts),
        }
        self._waiting = [view for view in views.values() if hasattr(view, "settled")]
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.micrograph, 1)
        column.addWidget(self.tour)
        column.addWidget(self.decision)
        self.setCentralWidget(centre)
        self.setMenuWidget(self.bar)
        self.setDockOptions(
            QMainWindow.DockOption.AllowNestedDocks | QMainWindow.DockOption.AllowTabbedDocks
        )
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
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
                on(name, partial(self._rule, label.value))
        on("defer", lambda: self._rule(None))
        on("next", lambda: desk.go(1))
        on("back", lambda: desk.go(-1))
        on("take-back", desk.undo)
        on("undo", desk.undo)
        on("redo", desk.redo)
        on("copy", self._copy)
        on("note", self.case.focus_note)
        on("blind", lambda: desk.set_blind(not desk.state.blind))
        on("rank", self._rank)
        on("sign-off", desk.sign_off)
        on("next-micrograph", lambda: self._turn(1))
        on("previous-micrograph", lambda: self._turn(-1))
        on("fit", view.fit)
        on("zoom-case", view.zoom_to_case)
        on("zoom-in", lambda: view.zoom(1.25))
        on("zoom-out", lambda: view.zoom(0.8))
        on("peek", lambda: view.peek(True), lambda: view.peek(False))
        for layer in ("marks", "noise", "groups", "centroids", "tiles", "exposure"):
            on(layer, partial(view.toggle_layer, layer))
        on("mark-colours", view.cycle_mark_colours)
        on("contrast", view.contrast_from_image)
        on("invert", view.invert)
        on("gamma-down", lambda: view.gamma(-1))
        on("gamma-up", lambda: view.gamma(1))
        on("blur", view.toggle_blur)
        on("pin", desk.pin)
        on("reset", lambda: desk.try_params(ClusterParams()))
        on("apply", desk.apply)
        on("cancel", self.groupings.stop)
        for preset in PRESETS:
            on(f"preset:{preset}", partial(self.set_preset, preset))
        on("focus", self._focus)
        on("theme", self._turn_theme)
        on("font-larger", lambda: self._scale(0.1))
        on("font-smaller", lambda: self._scale(-0.1))
        on("screenshot-view", lambda: self._save_picture(view.grab_view()))
        on("screenshot-window", lambda: self._save_picture(self.grab().toImage()))
        on("tour", self.tour.start)
        for name in _WANTED:
            on(name, partial(self.wanted.emit, name))
        view.ask_pixel_size.connect(lambda: self.wanted.emit("pixel-size"))
        view.find_image.connect(lambda _micrograph: self.wanted.emit("find-image"))
        self.bar.set_menu(self.menu())
        self.bar.expert_changed.connect(self._rename_expert)

    def _rule(self, label: int | None) -> None:
        if self.desk.rule("defer" if label is None else "label", label, note=self.case.note()):
            self.case.clear_note()

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

    def _save_picture(self, picture: QImage) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Save picture", f"{self.session.path.stem}.png", "Pictures (*.png)"
        )
        if name and not picture.save(name):
            raise K2CError("The picture cannot be written.", file=name)

    # Arrangement

    def set_preset(self, preset: str) -> None:
        """Show the docks of a preset, as they were left."""
        self._keep_docks()
        self.preset = preset
        kept = self.preferences.docks(preset)
        if not (kept and self.restoreState(QByteArray(kept))):
            for name, dock in self.docks.items():
                dock.setFloating(False)
                self.addDockWidget(_AREA[name], dock)
                dock.setVisible(name in _DOCKS_OF[preset])
            QTimer.singleShot(0, self._size_docks)
        self.bar.set_preset(preset)

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
        QTimer.singleShot(0, self._size_docks)

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
            decoded and state.grouping and state.grouping.params == state.params and not waiting
        )

    # State

    def _begin(self) -> None:
        """Group marks once the first image is painted."""
        shown = self.desk.state.shown
        if self.pictures.peek(shown) is not None or self.pictures.error(shown):
            self.micrograph.surface.shown.disconnect(self._begin)
            QTimer.singleShot(0, self.groupings.begin)

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
        can_rule = not self.read_only and self.desk.row() >= 0
        for name, action in actions.items():
            if name.startswith("label:") or name == "defer":
                action.setEnabled(can_rule)
        actions["undo"].setEnabled(bool(state.ledger.undoable) and not self.read_only)
        actions["take-back"].setEnabled(actions["undo"].isEnabled())
        actions["redo"].setEnabled(bool(state.ledger.redoable) and not self.read_only)
        actions["apply"].setEnabled(state.params != state.ledger.params and not self.read_only)
        name = state.evidence[state.shown].name
        signed = name in state.ledger.signed_off
        actions["sign-off"].setEnabled(not self.read_only and not signed)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember where things are, and let the session go."""
        self.preferences.geometry = bytes(self.saveGeometry().data())
        self.preferences.preset = self.preset
        self._keep_docks()
        self.preferences.set_left_off(self.session.identity, self.left_off())
        start.record(self.preferences, self.desk, self.pictures.peek(self.desk.state.shown))
        self.groupings.close()
        self.pictures.close()
        self.session.close()
        super().closeEvent(event)
        self.closed.emit()

    def showEvent(self, event: QShowEvent) -> None:
        """Give the docks of a fresh preset their widths: before, there is nothing to share."""
        super().showEvent(event)
        if not self.preferences.docks(self.preset):
            QTimer.singleShot(0, self._size_docks)

    def event(self, event: QEvent) -> bool:
        """Let held keys go when the window loses the keyboard."""
        if event.type() == QEvent.Type.WindowDeactivate:
            for name in HELD:
                self.actions_.let_go(name)
        return super().event(event)
