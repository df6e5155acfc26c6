"""What tools and answers were called: Zooniverse's workflow export, one row a version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from k2c_gui.core.model import K2CError

from .files import Rows

_NEEDED = ("workflow_id", "version", "minor_version", "tasks", "strings")


class Workflows:
    """Texts of tools and answers by workflow and version.

    Parameters
    ----------
    path : Path or None
        The workflow export; None knows nothing.

    Raises
    ------
    K2CError
        No workflow export, or JSON that is none.
    """

    def __init__(self, path: Path | None) -> None:
        self._versions: dict[str, dict[tuple[int, int], tuple[Any, dict[str, Any]]]] = {}
        self._known: dict[tuple[str, str, str, str, int], str] = {}
        if path is None:
            return
        rows = Rows(path)
        missing = [name for name in _NEEDED if name not in rows.header]
        if missing:
            raise K2CError(
                f"This is no workflow export: no column {missing[0]}.",
                file=path,
                remedy="Export the workflows from the project builder.",
            )
        for number, cells in rows.all():
            row = dict(zip(rows.header, cells, strict=True))
            try:
                version = int(row["version"]), int(row["minor_version"])
                tasks = msgspec.json.decode(row["tasks"])
                strings = msgspec.json.decode(row["strings"], type=dict[str, Any])
            except (ValueError, RecursionError) as error:
                raise K2CError(
                    "This version of the workflow cannot be read.",
                    file=path,
                    row=number,
                    remedy="Export the workflows again.",
                ) from error
            self._versions.setdefault(row["workflow_id"].strip(), {})[version] = tasks, strings

    def tool(self, workflow: str, version: str, task: str, index: int) -> str:
        """Text of a marking tool; empty where it is not known."""
        return self._text(workflow, version, task, "tools", index)

    def answer(self, workflow: str, version: str, task: str, index: int) -> str:
        """Text of an answer; empty where it is not known."""
        return self._text(workflow, version, task, "answers", index)

    def _text(self, workflow: str, version: str, task: str, kind: str, index: int) -> str:
        asked = workflow, version, task, kind, index
        if asked not in self._known:
            tasks, strings = self._at(workflow, version)
            try:
                label = tasks[task][kind][index]["label"] if index >= 0 else ""
                self._known[asked] = str(strings.get(label, label))
            except (KeyError, IndexError, TypeError):
                self._known[asked] = ""
        return self._known[asked]

    def _at(self, workflow: str, version: str) -> tuple[Any, dict[str, Any]]:
        """The version asked for; where it is gone the next later one, as Panoptes does."""
        versions = self._versions.get(workflow)
        if not versions:
            return {}, {}
        major, _, minor = version.partition(".")
        try:
            wanted = int(major), int(minor or 0)
        except ValueError:
            wanted = max(versions)
        return versions[min((v for v in versions if v >= wanted), default=max(versions))]
