"""The export: choose, see what goes in and how it is divided, write, verify."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from k2c_gui.core.model import Cancelled, K2CError, TrainingSet
from k2c_gui.desk import Desk
from k2c_gui.gui.controls import Notice, Text, hairline, later
from k2c_gui.gui.jobs import Pictures, Report, Worker
from k2c_gui.gui.preferences import Preferences
from k2c_gui.gui.style import PAGE, px
from k2c_gui.io.verification import verify
from k2c_gui.releasing import release

from .asked import COUNTED, Asked, faults, folder_fault, recalled
from .content import Fault, Seen, look_at
from .form import Form
from .outcome import Outcome
from .preview import Preview

_QUIET_MS = 250
"""What goes in is counted when nothing was changed for this long."""
_REQUIRED = ("folder", "licence")
"""Not complained about before the first try."""


class Dialog(QDialog):
    """The export dialog.

    Parameters
    ----------
    desk : Desk
        Its session is read, never written.
    pictures : Pictures
    preferences : Preferences
    parent : QWidget, optional
    """

    def __init__(
        self,
        desk: Desk,
        pictures: Pictures,
        preferences: Preferences,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._desk, self._pictures, self._preferences = desk, pictures, preferences
        self._worker = Worker(self._answered)
        self._report = Report()
        self._seen: Seen | None = None
        self._wanted: object = None  # the question whose answer counts
        self._tried = self._writing = False
        self._folder = Path()
        self._quiet = later(self, _QUIET_MS, self._look)
        self._build()
        self._fit_screen()
        self._look()

    # Parts

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.pages = QStackedWidget()
        self.outcome = Outcome()
        self.pages.addWidget(self._make_choice())
        self.pages.addWidget(self.outcome)
        column.addWidget(self.pages, 1)
        column.addWidget(hairline())
        column.addWidget(self._make_foot())

    def _make_choice(self) -> QWidget:
        state = self._desk.state
        asked = replace(
            recalled(self._preferences.export), folder=_new_folder(self._desk.session.path)
        )
        sources = state.sources
        self.form = Form(asked, sources.micrographs, sources.labels, state.ledger.signed_off)
        self.form.changed.connect(self._changed)
        page = QWidget()
        row = QHBoxLayout(page)
        row.setContentsMargins(px(24), px(20), px(14), px(12))
        row.setSpacing(px(16))
        left = QVBoxLayout()
        left.setSpacing(px(12))
        left.addWidget(Text("Export", size=PAGE, weight=600))
        self._scroll = _scrolled(self.form)
        self._scroll.setMinimumWidth(px(310))
        left.addWidget(self._scroll, 1)
        row.addLayout(left, 9)
        self.preview = Preview(self._desk, self._pictures)
        right = _scrolled(self.preview)
        right.setMinimumWidth(px(290))
        row.addWidget(right, 10)
        return page

    def _make_foot(self) -> QWidget:
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.setContentsMargins(px(24), px(12), px(24), px(12))
        row.setSpacing(px(8))
        self.notice = Notice()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(px(160))
        self.cancel = QPushButton("Cancel")
        self.go = QPushButton("Export")
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
        return foot

    def _fit_screen(self) -> None:
        parent = self.parentWidget()
        room = self.screen().availableSize() if parent is None else parent.window().size()
        self.resize(
            QSize(min(px(1120), room.width() - px(24)), min(px(800), room.height() - px(24)))
        )

    # What goes in

    def _changed(self) -> None:
        """Something else is asked for: what was counted holds no longer."""
        self._report.stop()
        self._quiet.start()

    def _faults(self, asked: Asked) -> dict[str, str]:
        state = self._desk.state
        sources = state.sources
        found = faults(asked, sources.micrographs, sources.labels, state.ledger.signed_off)
        if not self._tried:
            empty = {"folder": asked.folder, "licence": asked.licence}
            for field in _REQUIRED:
                if not empty[field].strip():
                    found.pop(field, None)
        return found

    def _look(self) -> None:
        """Count what goes in, on a worker's thread."""
        asked = self.form.asked()
        found = self._faults(asked)
        self.form.blame(found)
        self._wanted = None
        if any(field in found for field in COUNTED):
            self.preview.clear("Here is drawn what goes in.")
            self.notice.tell(next(found[field] for field in COUNTED if field in found), bad=True)
            return
        if "tile" in found:
            asked = replace(asked, tiled=False)
        choice, seen, session = asked.choice(), self._seen, self._desk.session
        report = self._begin()
        self._wanted = choice
        self._worker.ask(choice, lambda: look_at(session, choice, seen, report))

    def _begin(self) -> Report:
        self._report.stop()
        self._report = report = Report()
        report.said.connect(self._progressed)
        return report

    # Writing

    def _go(self) -> None:
        self._tried = True
        self._quiet.stop()
        asked = self.form.asked()
        found = self._faults(asked)
        self.form.blame(found)
        if found:
            self._point_at(found)
            return
        choice, about = asked.choice(), asked.about()
        session, folder = self._desk.session, Path(asked.folder.strip())
        self._folder = folder
        self._preferences.export = asked.kept()
        self._busy(True)
        self.notice.tell("Beginning")
        self.bar.setRange(0, 0)
        seen, report, moved = self._seen, self._begin(), self._moved()

        def write() -> TrainingSet:
            look_at(session, choice, seen, report)  # refuses what would be empty
            return release(session, folder, choice, about, report, moved=moved)

        self._wanted = "release"
        self._worker.ask("release", write)

    def _moved(self) -> dict[str, Path]:
        """Images that were found elsewhere than the import found them."""
        micrographs = self._desk.state.sources.micrographs
        paths = {m.name: self._pictures.path(i) for i, m in enumerate(micrographs)}
        return {m.name: paths[m.name] for m in micrographs if paths[m.name] != Path(m.path)}

    def _point_at(self, found: dict[str, str]) -> None:
        """Bring the first field that is blamed into view."""
        first = next(iter(found))
        self.notice.tell(found[first], bad=True)
        field = self.form.fields[first]
        # once the words of the faults have their room
        later(self, 0, lambda: self._scroll.ensureWidgetVisible(field, 0, px(64))).start()

    def _busy(self, on: bool) -> None:
        self._writing = on
        self.form.setEnabled(not on)
        self.go.setEnabled(not on)
        self.bar.setVisible(on)

    def _progressed(self, what: str, done: int, total: int) -> None:
        if self._report.stopped:
            return
        of = f", {done:,} of {total:,}" if total else ""
        self.notice.tell(f"{what}{of}")
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _answered(self, question: object, answer: object) -> None:
        if question is not self._wanted:
            if isinstance(answer, Exception) and not isinstance(answer, K2CError):
                raise answer
            return
        if question == "release":
            self._busy(False)
        if isinstance(answer, Cancelled):
            self.notice.tell(str(answer))
        elif isinstance(answer, K2CError):
            self._failed(question, answer)
        elif isinstance(answer, Exception):
            raise answer
        elif isinstance(answer, Seen):
            self._seen = answer
            self.form.explain(answer.chosen, answer.tiles)
            self.preview.show_seen(answer)
            self.notice.tell("")
        elif isinstance(answer, TrainingSet):
            self._written(answer)
        elif isinstance(answer, tuple):
            self._verified(answer)

    def _failed(self, question: object, error: K2CError) -> None:
        said = str(error)
        if question == "verify":
            self._verified((said,))
            return
        field = error.field if isinstance(error, Fault) else ""
        where = f"{self._folder.resolve()}: "
        if question == "release" and said.startswith(where):
            field, said = "folder", said.removeprefix(where)
        if question != "release":
            self.preview.clear("Here is drawn what goes in.")
        if field:
            self.form.blame({field: said})
            self._point_at({field: said})
        self.notice.tell(said, bad=True)

    def _written(self, written: TrainingSet) -> None:
        self.outcome.show_release(self._folder, written)
        self.pages.setCurrentIndex(1)
        self.cancel.hide()
        self.go.setText("Close")
        self.go.clicked.disconnect(self._go)
        self.go.clicked.connect(self.accept)
        self.go.setFocus()
        self.bar.setRange(0, 0)
        self.bar.show()
        folder, report = self._folder, self._begin()
        self._wanted = "verify"
        self._worker.ask("verify", lambda: verify(folder, report))

    def _verified(self, found: tuple[str, ...]) -> None:
        self.bar.hide()
        self.notice.tell("")
        self.outcome.show_faults(found)

    # Leaving

    def reject(self) -> None:
        """Stop writing; with nothing to stop, close."""
        if self._writing:
            self._report.stop()
            self.notice.tell("Stopping")
            return
        super().reject()

    def done(self, result: int) -> None:
        """Close; what still runs is stopped."""
        self._report.stop()
        self._quiet.stop()
        self._worker.close()
        self.preview.proof.close_worker()
        super().done(result)


def _new_folder(session: Path) -> str:
    """A folder beside the session that is not there yet."""
    name = f"{session.stem}-release"
    folder, n = session.resolve().parent / name, 1
    while folder_fault(str(folder)):
        n += 1
        folder = folder.with_name(f"{name}-{n}")
    return str(folder)


def _scrolled(inside: QWidget) -> QScrollArea:
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    scroll.setWidget(inside)
    return scroll
