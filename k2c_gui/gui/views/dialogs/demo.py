"""Write the demo, with progress and a way to stop it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QProgressBar, QWidget

from k2c_gui.core.model import Cancelled, K2CError
from k2c_gui.gui.jobs import Report, Worker

from .sheet import Sheet


class MakeDemo(Sheet):
    """Writes the demo into an empty folder, and opens it.

    Parameters
    ----------
    folder : Path
    opened : callable
        Called with the session.
    parent : QWidget or None
    """

    def __init__(
        self, folder: Path, opened: Callable[[Path], None], parent: QWidget | None
    ) -> None:
        super().__init__("The demo", parent, 460)
        self._opened = opened
        self.say(f"A small world with known truth is written to {folder}.")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 0)
        self.content.addWidget(self.bar)
        self.cancel = self.button("Cancel")
        self.cancel.clicked.connect(self.reject)
        self._report = Report()
        self._report.said.connect(self._said)
        from k2c_gui.importing import make_demo  # brings the readers, which nothing else wants

        self._worker = Worker(self._answered)
        self._worker.ask(folder, lambda: make_demo(folder, progress=self._report)[1])

    def done(self, result: int) -> None:
        """Close; what still runs is stopped, and what it wrote is removed."""
        self._report.stop()
        self._worker.close()
        super().done(result)

    def _said(self, what: str, done: int, total: int) -> None:
        self.notice.tell(what)
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _answered(self, _folder: object, answer: object) -> None:
        self.bar.hide()
        if isinstance(answer, K2CError):
            self.notice.tell(str(answer), bad=not isinstance(answer, Cancelled))
            self.cancel.setText("Close")
        elif isinstance(answer, Exception):
            raise answer
        elif isinstance(answer, Path):
            self.accept()
            self._opened(answer)
