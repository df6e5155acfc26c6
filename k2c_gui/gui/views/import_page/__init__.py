"""The import: choose files, see the proof, import, read what became of every row, open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from k2c_gui.core.model import Cancelled, K2CError
from k2c_gui.gui.controls import Notice, Text
from k2c_gui.gui.jobs import Picture, Report, Worker, decode
from k2c_gui.gui.style import CAPTION, PAGE, TITLE, px
from k2c_gui.importing import MarksMoved, import_, preview
from k2c_gui.io.preview import MOST_ROWS, Preview, recognise
from k2c_gui.io.sources import Import

from .account import Account
from .form import Asked, Form
from .proof import Proof
from .words import explain

_QUIET_MS = 250
"""The survey waits this long for more typing."""
_MOST_WORDS = 32
_TO_COME = "Five tiles will be drawn here, on the micrograph that they were cut from."
_NEEDED = "Choose the folder of micrographs and the picking export, or drop them here."


@dataclass(frozen=True, slots=True)
class _Seen:
    """A survey's answer."""

    preview: Preview
    picture: Picture | None
    trouble: str


class Dialog(QDialog):
    """The import dialog.

    Parameters
    ----------
    paths : iterable of Path
        Files and folders that are known already; what each is for is told by its content.
    parent : QWidget, optional
    """

    imported = Signal(Path)

    def __init__(self, paths: Iterable[Path] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import")
        self.setAcceptDrops(True)
        self._worker = Worker(self._answered)
        self._report = Report()
        self._written: Path | None = None
        self._importing = False
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_QUIET_MS)
        self._quiet.timeout.connect(self._survey)
        self._build()
        self.resize(QSize(px(1080), px(760)))
        self.proof.clear(_TO_COME)
        self.notice.tell(_NEEDED)
        if paths := list(paths):
            self._recognise(paths)

    # Parts

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._make_choice())
        self._pages.addWidget(self._make_account())
        column.addWidget(self._pages, 1)
        line = QFrame()
        line.setFixedHeight(1)
        line.setProperty("hairline", True)
        column.addWidget(line)
        column.addWidget(self._make_foot())

    def _make_choice(self) -> QWidget:
        page = QWidget()
        row = QHBoxLayout(page)
        row.setContentsMargins(px(24), px(20), px(24), px(16))
        row.setSpacing(px(24))
        left = QVBoxLayout()
        left.setSpacing(px(12))
        left.addWidget(Text("Import", size=PAGE, weight=600))
        self.form = Form()
        self.form.changed.connect(self._changed)
        left.addWidget(self.form)
        left.addSpacing(px(8))
        self._found = Text(size=TITLE, weight=600)
        left.addWidget(self._found)
        self._mapping = QGridLayout()
        self._mapping.setContentsMargins(0, 0, 0, 0)
        self._mapping.setHorizontalSpacing(px(16))
        self._mapping.setVerticalSpacing(px(4))
        self._mapping.setColumnStretch(1, 1)
        inside = QWidget()
        inside.setLayout(self._mapping)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)
        left.addWidget(scroll, 1)
        row.addLayout(left, 9)
        right = QVBoxLayout()
        right.setSpacing(px(8))
        self._caption = Text("Proof", size=TITLE, weight=600)
        right.addWidget(self._caption)
        self.proof = Proof()
        right.addWidget(self.proof, 1)
        self._about = Text(size=CAPTION, tone="text3")
        self._about.setWordWrap(True)
        right.addWidget(self._about)
        row.addLayout(right, 10)
        return page

    def _make_account(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(px(24), px(20), px(24), px(16))
        column.setSpacing(px(12))
        self._title = Text(size=PAGE, weight=600)
        column.addWidget(self._title)
        self._sum = Text(tone="text2")
        column.addWidget(self._sum)
        self.account = Account()
        column.addWidget(self.account, 1)
        return page

    def _make_foot(self) -> QWidget:
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.setContentsMargins(px(24), px(12), px(24), px(12))
        row.setSpacing(px(8))
        self.notice = Notice()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(px(180))
        self.cancel = QPushButton("Cancel")
        self.go = QPushButton("Import")
        for button in (self.cancel, self.go):
            button.setAutoDefault(False)
        self.go.setProperty("main", True)
        self.cancel.clicked.connect(self.reject)
        self.go.clicked.connect(self._go)
        row.addWidget(self.notice, 1)
        row.addWidget(self.bar)
        row.addWidget(self.cancel)
        row.addWidget(self.go)
        self.bar.hide()
        self.go.setEnabled(False)
        return foot

    # The survey

    def _recognise(self, paths: list[Path]) -> None:
        self.notice.tell("Looking at what was dropped")
        self._worker.ask("recognise", lambda: recognise(paths))

    def _changed(self) -> None:
        """Something else is asked for: the proof holds no longer."""
        self._report.stop()
        self.go.setEnabled(False)
        self._quiet.start()

    def _survey(self) -> None:
        self._about.setText("")
        self._caption.setText("Proof")
        self._show_mapping([], "")
        asked = self._asked()
        if asked is None:
            return
        self.proof.clear("")
        report = self._begin()
        self._worker.ask(asked, lambda: _look(asked, report))

    def _asked(self) -> Asked | None:
        try:
            asked = self.form.asked()
        except K2CError as error:
            self.proof.clear("")
            self.notice.tell(str(error), bad=True)
            return None
        if asked is None:
            self.proof.clear(_TO_COME)
            self.notice.tell(_NEEDED)
        return asked

    def _begin(self) -> Report:
        self._report.stop()
        self._report = Report()
        self._report.said.connect(self._progressed)
        return self._report

    def _show_seen(self, seen: _Seen, asked: Asked) -> None:
        found = seen.preview
        name = found.micrographs[found.micrograph].name
        n = len(found.micrographs)
        self.proof.show_preview(found, seen.picture)
        self._caption.setText(f"Proof: {name}")
        self._about.setText(
            f"{len(found.tiles)} of its tiles, with the marks of the first {MOST_ROWS:,} rows."
            " Right when the tiles show what lies under their frames, and the dots sit on"
            " particles. Click a tile to see it large."
        )
        rows = explain(found.mapping, votes=asked.files.classifying is not None)
        given = "Mapping as the session has it" if asked.session.exists() else "Mapping as given"
        self._show_mapping(rows, "Mapping found" if found.detected else given)
        if seen.trouble:
            self.notice.tell(seen.trouble, bad=True)
        elif asked.remap is not None:
            self.notice.tell(
                f"{asked.session.name} stays as it is: {asked.remap.name} is written new, and the"
                " decisions are carried over to where their marks are then."
            )
        elif asked.session.exists():
            self.notice.tell("The session is there: what is new is added to it, decisions stay.")
        else:
            self.notice.tell(f"{n} micrograph{'' if n == 1 else 's'}. Ready to import.")
        self.go.setEnabled(True)

    def _show_mapping(self, rows: list[tuple[str, str]], title: str) -> None:
        self._found.setText(title)
        while (item := self._mapping.takeAt(0)) is not None:
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        for i, (what, where) in enumerate(rows):
            value = Text(where)
            value.setWordWrap(True)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            top = Qt.AlignmentFlag.AlignTop
            self._mapping.addWidget(Text(what, tone="text2"), i, 0, top)
            self._mapping.addWidget(value, i, 1, top)
        self._mapping.setRowStretch(_MOST_WORDS, 1)

    # The import

    def _go(self) -> None:
        if self._written is not None:
            self.imported.emit(self._written)
            self.accept()
            return
        asked = self._asked()
        if asked is None:
            return
        self._importing = True
        self.form.setEnabled(False)
        self.go.setEnabled(False)
        self.notice.tell("Beginning")
        self.bar.setRange(0, 0)
        self.bar.show()
        report = self._begin()
        self._worker.ask(
            "import",
            lambda: import_(
                asked.session,
                asked.files,
                labels=asked.labels,
                remap=asked.remap,
                progress=report,
            ),
        )

    def _progressed(self, what: str, done: int, total: int) -> None:
        if self._report.stopped:
            return
        of = f", {done:,} of {total:,}" if total else f", row {done:,}" if done else ""
        self.notice.tell(f"{what}{of}")
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _answered(self, question: object, answer: object) -> None:
        self.bar.hide()
        if question == "import":
            self._importing = False
            self.form.setEnabled(True)
            self.go.setEnabled(True)
        if isinstance(answer, K2CError):
            self._refused(answer, importing=question == "import")
        elif isinstance(answer, Exception):
            raise answer
        elif isinstance(answer, dict):
            self._fill(answer)
        elif isinstance(answer, _Seen) and isinstance(question, Asked):
            self._show_seen(answer, question)
        elif isinstance(answer, tuple):
            self._show_account(*answer)

    def _refused(self, error: K2CError, *, importing: bool) -> None:
        if isinstance(error, MarksMoved):
            self._offer_new(error)
        elif not isinstance(error, Cancelled):
            if not importing:
                self.proof.clear("No proof yet: see below.")
            self.notice.tell(str(error), bad=True)
        elif importing:
            self.notice.tell(str(error))

    def _offer_new(self, moved: MarksMoved) -> None:
        self.form.offer_remap()
        self._quiet.stop()  # what was seen still holds
        self.go.setEnabled(True)
        self.notice.tell(
            f"{moved.what} Import again to write a new session with all of them, and leave this"
            " one as it is.",
            bad=True,
        )

    def _fill(self, roles: dict[str, Path]) -> None:
        if not roles:
            self.notice.tell("Nothing that can be imported was dropped.", bad=True)
        self.form.fill(roles)  # type: ignore[arg-type]  # roles by construction

    def _show_account(self, found: Import, path: Path) -> None:
        self._written = path
        self.account.show_tallies(found.tallies)
        self._title.setText(f"{path.name} is written")
        sources = found.sources
        counts = (
            (len(sources.micrographs), "micrographs"),
            (len(sources.tiles), "tiles"),
            (len(sources.marks), "marks"),
            (len(sources.votes), "votes"),
        )
        self._sum.setText(" · ".join(f"{n:,} {what}" for n, what in counts))
        self._pages.setCurrentIndex(1)
        self.notice.tell(str(path))
        self.cancel.setText("Close")
        self.go.setText("Open")
        self.go.setFocus()

    # Leaving

    def reject(self) -> None:
        """Stop the import; with nothing to stop, close."""
        if self._importing:
            self._report.stop()
            self.notice.tell("Stopping")
            return
        super().reject()

    def done(self, result: int) -> None:
        """Close; what still runs is stopped."""
        self._report.stop()
        self._quiet.stop()
        self._worker.close()
        super().done(result)

    # Dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files and folders while they can still be chosen."""
        if event.mimeData().hasUrls() and self._written is None and not self._importing:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """See what the files are for."""
        urls = event.mimeData().urls()
        event.acceptProposedAction()
        self._recognise([Path(url.toLocalFile()) for url in urls if url.isLocalFile()])


def _look(asked: Asked, report: Report) -> _Seen:
    """Survey, and read the micrograph to draw on; run on a worker's thread."""
    found = preview(asked.session, asked.files, labels=asked.labels, progress=report)
    micrograph = found.micrographs[found.micrograph]
    report(f"Reading {micrograph.name}", 0, 0)
    try:
        picture = decode(found.micrograph, Path(micrograph.path))
    except K2CError as error:
        return _Seen(found, None, str(error))
    return _Seen(found, picture, "")
