"""Dialogs that tell: of trouble, of a bug, of a session that somebody else writes."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from k2c_gui.gui.style import px

from .sheet import Sheet


class Message(Sheet):
    """Something went wrong, and what can be done."""

    def __init__(self, text: str, parent: QWidget | None) -> None:
        super().__init__("This did not work", parent)
        self.say(text, "text1")
        self.button("Close", main=True).clicked.connect(self.accept)


class Crash(Sheet):
    """A bug of ours, with a report to copy.

    Parameters
    ----------
    report : str
        It quotes no data.
    parent : QWidget or None
    """

    def __init__(self, report: str, parent: QWidget | None) -> None:
        super().__init__("Something broke in k2c", parent, 620)
        self.say("Every decision up to here is on the disk. Please send us this report.")
        self.report = QPlainTextEdit(report)
        self.report.setReadOnly(True)
        self.report.setMinimumHeight(px(220))
        self.report.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.content.addWidget(self.report, 1)
        copy = self.button("Copy the report")
        copy.clicked.connect(self._copy)
        self.button("Go on", main=True).clicked.connect(self.accept)

    def add(self, report: str) -> None:
        """Another one, while the first is still open."""
        if report not in self.report.toPlainText():
            self.report.appendPlainText(f"\n{report}")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.report.toPlainText())
        self.notice.tell("Copied.")


class Locked(Sheet):
    """A session that another program writes: read it, or leave it.

    Parameters
    ----------
    text : str
        Who writes it.
    parent : QWidget or None
    """

    def __init__(self, text: str, parent: QWidget | None) -> None:
        super().__init__("The session is in use", parent)
        self.say(text, "text1")
        self.say(
            "Read-only, you see all there is and cannot decide. What they decide meanwhile"
            " shows when you open it again."
        )
        self.button("Do not open").clicked.connect(self.reject)
        self.button("Open read-only", main=True).clicked.connect(self.accept)
