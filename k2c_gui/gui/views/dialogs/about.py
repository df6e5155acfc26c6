"""What this program is, made of what, and whom it thanks."""

from __future__ import annotations

import platform

from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout, QWidget

from k2c_gui import __version__
from k2c_gui.gui.controls import Text
from k2c_gui.gui.style import px

from .sheet import Sheet

_PARTS = ("PySide6-Essentials", "numpy", "scipy", "hdbscan")


class About(Sheet):
    """The about page."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__("About k2c", parent, 480)
        self.say("A desk for reviewing volunteers’ marks on electron micrographs.", "text1")
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(24))
        grid.setVerticalSpacing(px(4))
        grid.setColumnStretch(1, 1)
        self.versions = versions()
        for row, (name, version) in enumerate(self.versions):
            grid.addWidget(Text(name, tone="text2"), row, 0)
            grid.addWidget(Text(version), row, 1)
        self.content.addLayout(grid)
        self.say(
            "The marks and votes are the work of the volunteers of Science Scribbler: Key2Cat"
            " on Zooniverse. Without them there would be nothing to review."
        )
        self.say("Free software under the BSD 3-Clause licence, without warranty.", "text3")
        self.button("Copy versions").clicked.connect(self._copy)
        self.button("Close", main=True).clicked.connect(self.accept)

    def _copy(self) -> None:
        text = "\n".join(f"{name} {version}" for name, version in self.versions)
        QGuiApplication.clipboard().setText(text)
        self.notice.tell("Copied.")


def versions() -> list[tuple[str, str]]:
    """Names and versions of the program and what it stands on."""
    return [
        ("k2c_gui", __version__),
        ("Python", platform.python_version()),
        ("Qt", qVersion()),
        *((name, _version(name)) for name in _PARTS),
        ("System", platform.platform()),
    ]


def _version(name: str) -> str:
    from importlib import metadata  # slow to import

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "version not told"  # a frozen program may leave it out
