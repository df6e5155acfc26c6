"""The program with windows: start page, sessions, and what happens when something breaks."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject, QSize, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QFileDialog, QMainWindow, QWidget

from k2c_gui import __version__
from k2c_gui.core import review
from k2c_gui.core.model import K2CError
from k2c_gui.crash import crash_report
from k2c_gui.io.session_file import Locked
from k2c_gui.session import Session

from . import picture
from .main_window import MainWindow
from .preferences import Preferences
from .style import Theme, look
from .views import dialogs, start

_TURN = 0.001
"""s: the window waits at most this long for a worker that is busy in Python, not the usual 5 ms."""

DEMO = "demo.k2c"
"""A session of this name is the demo: the first one opened is shown with the tour."""


class App(QObject):
    """Windows of one run.

    Parameters
    ----------
    preferences : Preferences
    """

    def __init__(self, preferences: Preferences) -> None:
        super().__init__()
        self.preferences = preferences
        self._window: QWidget | None = None
        theme = preferences.theme
        look().apply(None if theme == "system" else theme, preferences.font_scale)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._theme_changed)

    def show_start(self) -> None:
        """Show the start page."""
        page = start.View(self.preferences)
        page.open_session.connect(self.open)
        page.import_files.connect(self.import_)
        page.demo.connect(self.demo)
        page.help.connect(lambda what: dialogs.show(what, self._window, self.preferences))
        window = QMainWindow()
        window.setWindowTitle("k2c")
        window.setCentralWidget(page)
        window.resize(QSize(1280, 860))
        self._take(window)

    def open(self, path: Path) -> None:
        """Open a session; one that is being written elsewhere is offered read-only."""
        now = self._window
        if isinstance(now, MainWindow) and now.session.path.resolve() == path.resolve():
            now.activateWindow()
            return
        try:
            expert = self.preferences.expert
            session, read_only = Session(path, write=True, expert=expert, whole=False), ""
        except Locked as error:
            if not dialogs.offer_read_only(self._window, str(error)):
                return
            session, read_only = Session(path, whole=False), str(error)
        except K2CError as error:
            if self._window is None:
                self.show_start()
            dialogs.tell(self._window, str(error))
            return
        window = MainWindow(session, self.preferences, read_only=read_only)
        window.bug.connect(self._bug)
        window.wanted.connect(self._wanted)
        self.preferences.remember(path, session)
        window.arrived.connect(lambda: self.preferences.remember(path, session))
        window.unreadable.connect(self._unreadable)
        self._take(window)
        if window.images_missing:
            dialogs.show("find-image", window, self.preferences)
        if path.name == DEMO and not (read_only or self.preferences.toured):
            self.preferences.toured = True
            window.actions_.trigger("tour")

    def import_(self, files: list[Path] | None = None) -> None:
        """Show the import dialog; a session that it made is opened."""
        from .views import import_page  # brings the readers, which nothing else wants

        dialog = import_page.Dialog(files or [], self._window)
        dialog.imported.connect(self.open)
        dialog.open()

    def export(self) -> None:
        """Show the export dialog of the session in the window."""
        from .views import export_page  # brings the exporters, which nothing else wants

        window = self._window
        if isinstance(window, MainWindow):
            parts = window.desk, window.pictures, self.preferences
            export_page.Dialog(*parts, window).open()

    def demo(self) -> None:
        """Write the demo where the expert likes, and open it."""
        name = QFileDialog.getExistingDirectory(self._window, "An empty folder for the demo")
        if name:
            dialogs.make_demo(self._window, Path(name), self.open)

    def _take(self, window: QWidget) -> None:
        """Show a window in place of the one before."""
        before, self._window = self._window, window
        window.show()
        if before is not None:
            before.close()
            before.deleteLater()

    def _wanted(self, what: str) -> None:
        window = self._window
        if not isinstance(window, MainWindow):
            return
        if what == "open":
            name, _ = QFileDialog.getOpenFileName(window, "Open session", "", "Sessions (*.k2c)")
            if name:
                self.open(Path(name))
        elif what == "import":
            self.import_()
        elif what == "export":
            self.export()
        elif what == "close":
            self.show_start()
        elif what == "quit":
            window.close()
            QApplication.quit()
        else:
            dialogs.show(what, window, self.preferences, window.desk.set_pixel_size)

    def _unreadable(self, error: BaseException) -> None:
        self.show_start()
        self._bug(error)

    def _theme_changed(self) -> None:
        if self.preferences.theme == "system":
            look().apply(None)

    def _bug(self, error: BaseException) -> None:
        if isinstance(error, K2CError):
            dialogs.tell(self._window, str(error))
        else:
            dialogs.crash(self._window, crash_report(error))

    def hook(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Take what nobody caught; the log on disk holds every decision already."""
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        sys.stderr.write(crash_report(error) + "\n")
        self._bug(error)


def run(path: Path | None = None) -> int:
    """Open a session, or the start page, and stay until the last window is closed.

    Parameters
    ----------
    path : Path, optional

    Returns
    -------
    int
        Exit code.
    """
    program = _program()
    app = App(Preferences())
    sys.excepthook = app.hook
    threading.excepthook = lambda args: app.hook(
        args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
    )
    if path is not None:
        app.open(path)
    if app._window is None:
        app.show_start()
    gc.freeze()  # a session's decisions are many, stay, and need not be looked through again
    return program.exec()


def screenshot(
    session: Session,
    *,
    micrograph: str = "",
    select: str = "",
    preset: str = "Adjudicate",
    size: tuple[int, int] = (1600, 1000),
    theme: Theme = "dark",
    prepare: Callable[[MainWindow], object] | None = None,
    out: Path | None = None,
) -> QImage:
    """Draw the real window, with nothing left to be computed.

    Parameters
    ----------
    session : Session
    micrograph, select : str
        Name of the micrograph to show, and the instance to select on it.
    preset : str
    size : (int, int)
        px.
    theme : {"dark", "light"}
    prepare : callable, optional
        Do something to the window before it is drawn, such as zoom.
    out : Path, optional
        Where to write it, too; see `picture.save`.

    Returns
    -------
    QImage

    Raises
    ------
    K2CError
        No such micrograph, instance or preset, or `out` cannot be written.
    """
    program = _program()
    look().apply(theme, 1.0)
    window = MainWindow(session, Preferences.nowhere())
    desk = window.desk
    for evidence in desk.state.evidence:
        desk.offer(review.group(evidence, desk.state.ledger.params))
    if micrograph:
        desk.show(session.micrograph(micrograph))
    desk.rank("ambiguous")
    if select:
        _select(window, select)
    elif not micrograph:
        desk.go(1)
    window.resize(QSize(*size))
    window.set_preset(preset)
    window.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    window.show()
    _settle(program, window)
    if prepare is not None:
        prepare(window)
        _settle(program, window)
    try:
        if out is not None:
            picture.save(window, out)
        return window.grab().toImage()
    finally:
        window.close()


def _settle(program: QApplication, window: MainWindow) -> None:
    for _ in range(200):
        program.processEvents()
        if window.settled():
            break
        threading.Event().wait(0.02)
    program.processEvents()


def _select(window: MainWindow, instance: str) -> None:
    for i, table in enumerate(window.desk.state.tables):
        rows = [] if table is None else table["instance"].tolist()
        if instance in rows and table is not None:
            window.desk.select_row(i, rows.index(instance))
            return
    raise K2CError(f"There is no instance {instance}.", remedy="See k2c instances for the names.")


def _program() -> QApplication:
    program = QApplication.instance()
    if isinstance(program, QApplication):
        return program
    sys.setswitchinterval(_TURN)
    program = QApplication(sys.argv[:1])
    program.setApplicationName("k2c")
    program.setOrganizationName("k2c_gui")
    program.setApplicationVersion(__version__)
    return program
