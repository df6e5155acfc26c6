"""Write the demo, with progress and a way to stop it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QProgressBar, QWidget

from k2c_gui.core.model import Cancelled, K2CError, Progress
from k2c_gui.gui.jobs import Report, Worker
from k2c_gui.importing import import_
from k2c_gui.io.sources import Files

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
        self._worker = Worker(self._answered)
        self._worker.ask(folder, lambda: write(folder, self._report))

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


def write(folder: Path, progress: Progress) -> Path:
    """Fill a new or empty folder with the demo; on failure it is left as it was found.

    Parameters
    ----------
    folder : Path
    progress : Progress

    Returns
    -------
    Path
        The session.

    Raises
    ------
    K2CError
        The folder is not empty, or cannot be written.
    """
    from k2c_gui import demo  # brings scipy, which no window waits for

    there = folder.exists()
    if there and (not folder.is_dir() or any(folder.iterdir())):
        raise K2CError("It is not an empty folder.", file=folder, remedy="Choose a new one.")
    try:
        demo.write(folder, demo.WorldParams(), progress)
        files = Files(
            folder / "images",
            folder / "picking.csv",
            folder / "classifying.csv",
            mapping=folder / "mapping.toml",
        )
        return import_(folder / "demo.k2c", files, progress=progress)[1]
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if there:
            folder.mkdir(exist_ok=True)
        if isinstance(error, OSError):
            raise K2CError(
                f"It cannot be written: {error.strerror or error}.",
                file=folder,
                remedy="Choose another place, or make room.",
            ) from error
        raise
