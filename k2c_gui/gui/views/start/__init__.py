"""The start page: go on with a session, open or import one, try the demo, drop a file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from k2c_gui import __version__
from k2c_gui.gui.actions import sequences, table
from k2c_gui.gui.controls import Text
from k2c_gui.gui.preferences import Preferences
from k2c_gui.gui.style import CAPTION, PAGE, colour, icon, icon_pixmap, px
from k2c_gui.io import micrographs

from .cards import Cards
from .side import Choice, Target
from .thumbnail import record

__all__ = ["View", "record"]

_EXPORTS = (".csv", ".gz", ".zip", ".toml")


class View(QWidget):
    """The start page.

    Parameters
    ----------
    preferences : Preferences
    """

    open_session = Signal(Path)
    import_files = Signal(list)  # of Path; empty: the expert chooses in the dialog
    demo = Signal()
    help = Signal(str)  # about, keys-help

    def __init__(self, preferences: Preferences) -> None:
        super().__init__()
        self._preferences = preferences
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFocus()  # not the first button: Return goes on with the first session
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self._side = self._make_side()
        row.addWidget(self._side)
        row.addWidget(self._make_main(), 1)
        self._make_keys()
        self.refresh()

    def refresh(self) -> None:
        """Read the recent sessions again."""
        self._cards.show_recent(self._preferences.recent)
        self._find_changed()

    def choose_session(self) -> None:
        """Let the expert choose a session file."""
        folder = str(self._preferences.folder)
        name, _ = QFileDialog.getOpenFileName(self, "Open session", folder, "Sessions (*.k2c)")
        if name:
            self._preferences.folder = Path(name).parent
            self.open_session.emit(Path(name))

    # Parts

    def _make_side(self) -> QWidget:
        side = QFrame()
        side.setObjectName("side")
        column = QVBoxLayout(side)
        column.setContentsMargins(px(48), px(60), px(48), px(40))
        column.setSpacing(8)
        head = QHBoxLayout()
        mark = QLabel()
        mark.setPixmap(icon_pixmap("mark", "text1", px(32)))
        self._mark = mark
        head.addWidget(mark)
        head.addSpacing(px(8))
        head.addWidget(Text("k2c", size=PAGE, weight=600))
        head.addStretch()
        column.addLayout(head)
        column.addSpacing(px(16))
        about = Text("Review volunteers’ marks on micrographs.", tone="text2")
        about.setWordWrap(True)
        column.addWidget(about)
        column.addSpacing(px(28))
        self.open_button = Choice("folder", "Open session", "a .k2c file")
        self.import_button = Choice("download", "Import", "images and Zooniverse exports")
        self.demo_button = Choice("flask", "Try the demo", "a small world with known truth")
        self.open_button.clicked.connect(self.choose_session)
        self.import_button.clicked.connect(lambda: self.import_files.emit([]))
        self.demo_button.clicked.connect(self.demo)
        for button in (self.open_button, self.import_button, self.demo_button):
            column.addWidget(button)
        column.addStretch()
        self._target = Target()
        column.addWidget(self._target)
        column.addSpacing(px(28))
        foot = QHBoxLayout()
        foot.addWidget(Text(f"Version {__version__}", size=CAPTION, tone="text3"))
        foot.addStretch()
        for text, what in (("About", "about"), ("Keys", "keys-help")):
            link = _plain(text)
            link.clicked.connect(lambda _=False, what=what: self.help.emit(what))
            foot.addWidget(link)
        column.addLayout(foot)
        return side

    def _make_main(self) -> QWidget:
        main = QWidget()
        self._column = column = QVBoxLayout(main)
        column.setSpacing(0)
        head = QHBoxLayout()
        head.addWidget(Text("Recent sessions", size=PAGE, weight=600))
        head.addStretch()
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a session")
        self.search.setClearButtonEnabled(True)
        lead = QLineEdit.ActionPosition.LeadingPosition
        self._glass = self.search.addAction(icon("search"), lead)
        self.search.setToolTip("Find a session (/)")
        self.search.textChanged.connect(self._find_changed)
        inside = QHBoxLayout(self.search)
        inside.setContentsMargins(0, 4, 5, 4)
        self._keycap = Text("/", size=CAPTION, tone="text2")
        self._keycap.setProperty("keycap", True)
        inside.addStretch()
        inside.addWidget(self._keycap)
        self.search.returnPressed.connect(self._open_first)
        head.addWidget(self.search)
        column.addLayout(head)
        column.addSpacing(px(24))
        self._empty = Text(tone="text2")
        self._empty.setWordWrap(True)
        column.addWidget(self._empty)
        self._cards = Cards()
        self._cards.opened.connect(self._opened)
        self._cards.forgotten.connect(self._forget)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(self._cards)
        for part in (self._scroll, self._scroll.viewport()):
            part.setStyleSheet("background: transparent;")
        column.addWidget(self._scroll, 1)
        column.addSpacing(px(12))
        foot = QHBoxLayout()
        self._count = Text(size=CAPTION, tone="text3")
        self._all = _plain("Show all")
        self._all.clicked.connect(self._show_all)
        foot.addWidget(self._count)
        foot.addStretch()
        foot.addWidget(self._all)
        column.addLayout(foot)
        return main

    def _make_keys(self) -> None:
        changed = self._preferences.keys
        rows = {row.id: row.keys for row in table()} | changed
        for button, keys in (
            (self.open_button, sequences(rows["open"])),
            (self.import_button, sequences(rows["import"])),
            (self.demo_button, [QKeySequence("Ctrl+D")]),
        ):
            if keys:
                button.key = keys[0].toString(QKeySequence.SequenceFormat.NativeText)
            for key in keys:
                self._shortcut(key).activated.connect(button.click)
        self._shortcut(QKeySequence("/")).activated.connect(self._focus_find)
        self._shortcut(QKeySequence("?")).activated.connect(lambda: self.help.emit("keys-help"))
        for name in ("Return", "Enter"):
            self._shortcut(QKeySequence(name)).activated.connect(self._continue)
        escape = QShortcut(QKeySequence("Esc"), self.search)
        escape.setContext(Qt.ShortcutContext.WidgetShortcut)
        escape.activated.connect(self._leave_find)

    def _shortcut(self, key: QKeySequence) -> QShortcut:
        shortcut = QShortcut(key, self)
        shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        return shortcut

    # What the expert does

    def _focus_find(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    def _leave_find(self) -> None:
        self.search.clear()
        self.setFocus()

    def _find_changed(self) -> None:
        self._keycap.setVisible(not self.search.text())
        shown, n = self._cards.filter(self.search.text())
        self._empty.setVisible(not shown)
        self._empty.setText(
            "No session of that name."
            if n
            else "None yet. Open a session, import your exports, or try the demo."
        )
        self._count.setText(f"{shown} of {n} sessions" if n != 1 else "1 session")
        self._count.setVisible(bool(n))
        self._all.setVisible(shown < n and not self.search.text())

    def _show_all(self) -> None:
        self._cards.all = True
        self._find_changed()

    def _continue(self) -> None:
        """Return: the card that has the focus, else the first."""
        focus = self.focusWidget()
        if isinstance(focus, QAbstractButton):
            focus.click()
        else:
            self._open_first()

    def _open_first(self) -> None:
        if cards := self._cards.shown():
            cards[0].click()

    def _opened(self, path: Path, there: bool) -> None:
        if there:
            self.open_session.emit(path)
        else:
            self.choose_session()

    def _forget(self, path: Path) -> None:
        self._preferences.forget(path)
        self.refresh()

    # Dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Say what dropping here would do."""
        paths = _usable(event.mimeData())
        if paths:
            opens = _is_session(paths)
            self._target.words("Drop to open" if opens else "Drop to import", over=True)
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Be as before."""
        self._target.words(over=False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Open a session; take everything else to the import."""
        self._target.words(over=False)
        paths = _usable(event.mimeData())
        event.acceptProposedAction()
        if _is_session(paths):
            self.open_session.emit(paths[0])
        elif paths:
            self.import_files.emit(paths)

    # Looks

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the side a quarter."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme and the font scale."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and hasattr(self, "_cards"):
            self._mark.setPixmap(icon_pixmap("mark", "text1", px(32)))
            self._glass.setIcon(icon("search"))
            self._target.dress()
            self._fit()
            self._cards.arrange()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The page is the canvas, the side a panel."""
        painter = QPainter(self)
        edge = self._side.width()
        canvas = "canvas" if colour("panel").lightness() < 128 else "panel"
        painter.fillRect(self.rect(), colour(canvas))
        side = "panel" if canvas == "canvas" else "raised"
        painter.fillRect(0, 0, edge, self.height(), colour(side))
        painter.fillRect(edge, 0, 1, self.height(), colour("line"))

    def _fit(self) -> None:
        margin = px(48 if self.width() >= px(1400) else 32)
        self._side.setFixedWidth(max(px(300), min(px(400), self.width() // 4)))
        layout = self._side.layout()
        if layout is not None:
            side = px(48 if self._side.width() >= px(400) else 24)
            layout.setContentsMargins(side, px(60), side, px(40))
        self._column.setContentsMargins(margin, px(60), margin, px(40))
        self.search.setFixedWidth(px(220))


def _usable(data: QMimeData) -> list[Path]:
    """Files and folders that the program has a use for."""
    paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    known = (".k2c", *_EXPORTS, *micrographs.SUFFIXES)
    return [path for path in paths if path.is_dir() or path.name.lower().endswith(known)]


def _is_session(paths: list[Path]) -> bool:
    return len(paths) == 1 and paths[0].suffix.lower() == ".k2c"


def _plain(text: str) -> QPushButton:
    button = QPushButton(text)
    button.setProperty("plain", True)
    button.setAutoDefault(False)
    button.setCursor(Qt.CursorShape.PointingHandCursor)
    return button
