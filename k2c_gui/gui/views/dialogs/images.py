"""Find images that moved since the import: by name, and by content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QProgressBar, QWidget

from k2c_gui.core.model import Cancelled, K2CError, Micrograph, Progress
from k2c_gui.gui.jobs import Report, Worker
from k2c_gui.io.files import sha256

from .sheet import Sheet


@dataclass(frozen=True, slots=True)
class Search:
    """What a folder holds of the images that are missed.

    Attributes
    ----------
    found : dict of int to Path
        By place of the micrograph.
    others : tuple of str
        Names of files that are called so and hold something else.
    """

    found: dict[int, Path]
    others: tuple[str, ...]


def search(folder: Path, missing: dict[int, Micrograph], progress: Progress) -> Search:
    """Look in a folder, and one deep, for images by name and content.

    Parameters
    ----------
    folder : Path
    missing : dict of int to Micrograph
        By place.
    progress : Progress

    Raises
    ------
    K2CError
        The folder cannot be read.
    """
    try:
        inside = _folders(folder)
        found, others = {}, []
        for done, (place, micrograph) in enumerate(missing.items()):
            progress("Looking at images", done, len(missing))
            there = _named(inside, micrograph.name)
            same = next((path for path in there if sha256(path) == micrograph.sha256), None)
            if same is not None:
                found[place] = same
            elif there:
                others.append(micrograph.name)
    except OSError as error:
        raise K2CError(f"It cannot be read: {error.strerror or error}.", file=folder) from error
    return Search(found, tuple(others))


def find_named(folder: Path, name: str) -> Path | None:
    """An image by its name alone, in a folder or one deep; None if there is none."""
    try:
        return next(iter(_named(_folders(folder), name)), None)
    except OSError:
        return None


def _folders(folder: Path) -> list[Path]:
    return [folder, *sorted(part for part in folder.iterdir() if part.is_dir())]


def _named(folders: list[Path], name: str) -> list[Path]:
    return [path for path in (folder / name for folder in folders) if path.is_file()]


class FindImages(Sheet):
    """Asks for the folder in which the images are now; decisions stay as they are.

    Parameters
    ----------
    micrographs : sequence of Micrograph
        Of the session; those whose file is missing are looked for.
    parent : QWidget or None
    """

    found = Signal(object, Path)  # dict of place to Path; the folder

    def __init__(self, micrographs: Sequence[Micrograph], parent: QWidget | None) -> None:
        super().__init__("Images moved", parent, 480)
        self._missing = {i: m for i, m in enumerate(micrographs) if not Path(m.path).is_file()}
        self._report = Report()
        self._worker = Worker(self._answered)
        n = len(self._missing)
        self._first = next(iter(self._missing.values()), None)
        where = "" if self._first is None else f" They were in {Path(self._first.path).parent}."
        images = "1 image is" if n == 1 else f"{n} images are"
        self.say(f"{images} not where the import found them.{where}", "text1")
        self.say(
            "Marks and decisions are not touched. Only images with the same content as at"
            " the import are taken."
        )
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.content.addWidget(self.bar)
        self.bar.hide()
        self.button("Go on without").clicked.connect(self.reject)
        self.choose = self.button("Choose the folder", main=True)
        self.choose.clicked.connect(self._choose)
        self.choose.setEnabled(bool(n))

    def look_in(self, folder: Path) -> None:
        """Look for the images in a folder."""
        self.choose.setEnabled(False)
        self.bar.show()
        self._report = Report()
        self._report.said.connect(self._said)
        report, missing = self._report, self._missing
        self._worker.ask(folder, lambda: search(folder, missing, report))

    def done(self, result: int) -> None:
        """Close; what still runs is stopped."""
        self._report.stop()
        self._worker.close()
        super().done(result)

    def _choose(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder of the images")
        if name:
            self.look_in(Path(name))

    def _said(self, _what: str, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _answered(self, folder: object, answer: object) -> None:
        self.bar.hide()
        self.choose.setEnabled(True)
        if isinstance(answer, Cancelled):
            return
        if isinstance(answer, K2CError):
            self.notice.tell(str(answer), bad=True)
        elif isinstance(answer, Exception):
            raise answer
        elif isinstance(answer, Search) and isinstance(folder, Path):
            self._take(answer, folder)

    def _take(self, answer: Search, folder: Path) -> None:
        if answer.found:
            self.found.emit(answer.found, folder)
        for place in answer.found:
            del self._missing[place]
        if not self._missing:
            self.accept()
            return
        left = f"{len(self._missing)} still missing."
        if answer.others:
            named = ", ".join(answer.others[:3])
            left += f" Of another content than at the import: {named}."
        self.notice.tell(f"{len(answer.found)} found, {left}", bad=True)
