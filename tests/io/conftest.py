"""A folder of images and exports that a test puts together row by row."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

from k2c_gui.core.model import Label
from k2c_gui.io import resources, sources
from k2c_gui.io.files import Rows
from k2c_gui.io.mapping import Classifying, Picking
from k2c_gui.io.mapping import Mapping as Map
from k2c_gui.io.readers import Harvest, People, Request, of
from k2c_gui.io.workflows import Workflows

Row = dict[str, str]

COLUMNS = [
    *("classification_id", "user_name", "user_id", "user_ip"),
    *("workflow_id", "workflow_name", "workflow_version", "created_at"),
    *("gold_standard", "expert", "metadata", "annotations", "subject_data", "subject_ids"),
]
PICKING = Picking(workflow_id="1", task="T0", micrograph="#micrograph", x0="#x0", y0="#y0")
CLASSIFYING = Classifying(
    workflow_id="2", task="T0", mark="#mark", micrograph="#micrograph", x="#x", y="#y"
)
TILE = 200  # px, the side of what `Lab.pick` shows


class Lab:
    """Exports that are right unless a test says otherwise.

    The image is ``a.png``, 1000 x 800 px; a tile is 200 x 200 px. Without a name of its own each
    row is another volunteer's, a second later than the one before.
    """

    COLUMNS = COLUMNS
    PICKING = PICKING
    CLASSIFYING = CLASSIFYING

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images = folder / "images"
        self.images.mkdir()
        self.image()
        self._rows = 0

    def image(self, name: str = "a.png", width: int = 1000, height: int = 800) -> Path:
        """Add a black image."""
        encode = imagecodecs.png_encode if name.endswith("png") else imagecodecs.jpeg8_encode
        path = self.images / name
        path.write_bytes(encode(np.zeros((height, width), np.uint8)))
        return path

    def pick(
        self,
        marks: Iterable[Any] = ((10, 20),),
        *,
        subject: str = "7001",
        about: Mapping[str, Any] | None = None,
        size: Any = ({"naturalWidth": TILE, "naturalHeight": TILE},),
        v2: bool = False,
        annotations: Any = None,
        session: str | None = None,
        **cells: str,
    ) -> Row:
        """Make one row of a picking export; marks are ``(x, y)`` or the whole thing as a dict."""
        if annotations is None:
            annotations = [{"task": "T0", "value": [self.mark(m, v2=v2) for m in marks]}]
        place = {"#micrograph": "a.png", "#x0": "0", "#y0": "0"}
        return self._row(
            annotations, subject, about if about is not None else place, size, session, v2, cells
        )

    def mark(self, mark: Any, *, v2: bool = False) -> Any:
        """A mark as a classifier writes it."""
        if isinstance(mark, dict | str) or mark is None:
            return mark
        x, y = mark
        if v2:
            kind = {"frame": 0, "toolIndex": 0, "toolType": "point"}
            return {**kind, "x": x, "y": y, "details": [], "tool_label": None}
        return {"x": x, "y": y, "tool": 0, "frame": 0, "details": [], "tool_label": "Particle"}

    def vote(
        self,
        answer: Any = "Cluster",
        *,
        subject: str = "8001",
        about: Mapping[str, Any] | None = None,
        annotations: Any = None,
        session: str | None = None,
        v2: bool = False,
        **cells: str,
    ) -> Row:
        """Make one row of a classifying export, about the first mark of classification 101."""
        if annotations is None:
            annotations = [{"task": "T0", "task_label": "What is it?", "value": answer}]
        if about is None:
            about = {"#mark": "101:0", "#micrograph": "a.png", "#x": "10.000", "#y": "20.000"}
        cells = {"workflow_id": "2", **cells}
        return self._row(annotations, subject, about, (None,), session, v2, cells)

    def _row(
        self,
        annotations: Any,
        subject: str,
        about: Mapping[str, Any],
        size: Any,
        session: str | None,
        v2: bool,
        cells: dict[str, str],
    ) -> Row:
        self._rows += 1
        n = self._rows
        metadata: dict[str, Any] = {"source": "api", "session": session or f"s{n}"}
        if size is not None:
            metadata["subject_dimensions"] = list(size)
        if v2:
            metadata["classifier_version"] = "2.0"
        row = {
            "classification_id": str(100 + n),
            "user_name": f"volunteer{n}",
            "user_id": str(5000 + n),
            "user_ip": f"{n:020x}",
            "workflow_id": "1",
            "workflow_name": "Picking",
            "workflow_version": "3.20",
            "created_at": f"2024-05-01 10:{n // 60:02d}:{n % 60:02d} UTC",
            "gold_standard": "",
            "expert": "",
            "metadata": json.dumps(metadata),
            "annotations": annotations if isinstance(annotations, str) else dumps(annotations),
            "subject_data": dumps({subject: {"retired": None, **about}}),
            "subject_ids": subject,
        }
        assert cells.keys() <= row.keys(), "a test sets a column that there is not"
        return row | cells

    def table(
        self, rows: Sequence[Mapping[str, str]], columns: Sequence[str] | None = None
    ) -> bytes:
        """Rows as the bytes of a CSV."""
        text = io.StringIO()
        writer = csv.DictWriter(
            text, columns or list(rows[0]), extrasaction="ignore", lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue().encode(errors="surrogatepass")

    def write(
        self, content: Any, name: str = "picking.csv", columns: Sequence[str] | None = None
    ) -> Path:
        """Write rows, text or bytes."""
        if isinstance(content, str):
            content = content.encode(errors="surrogateescape")
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else self.table(content, columns))
        return path

    def read(
        self,
        picking: Any,
        classifying: Any = None,
        *,
        mapping: Any = (PICKING, CLASSIFYING),
        labels: tuple[Label, ...] | None = None,
        known: Any = None,
        **files: Any,
    ) -> sources.Import:
        """Import; `mapping` is the two tables, the text of a mapping.toml, or None to detect."""
        if not isinstance(picking, Path):
            picking = self.write(picking)
        if classifying is not None and not isinstance(classifying, Path):
            classifying = self.write(classifying, "classifying.csv")
        given = None
        if isinstance(mapping, str):
            files["mapping"] = self.write(mapping, "mapping.toml")
        elif mapping is not None:
            tables = mapping if isinstance(mapping, tuple) else (mapping, CLASSIFYING)
            given = Map(picking=tables[0], classifying=tables[1])
        return sources.read(
            sources.Files(self.images, picking, classifying, **files),
            labels or resources.labels(),
            known=known,
            mapping=given,
        )

    def harvest(
        self, rows: Any, table: Picking | Classifying = PICKING, workflows: Path | None = None
    ) -> Harvest:
        """Only read; nothing is put onto a micrograph."""
        path = rows if isinstance(rows, Path) else self.write(rows)
        kind = "picking" if isinstance(table, Picking) else "classifying"
        read = Rows(path)
        return of(read).read(Request(read, table, Workflows(workflows), People()), kind)

    def workflows(self, *versions: tuple[str, list[str], list[str]]) -> Path:
        """Write a workflow export: for each version the tools and the answers of workflow 1."""
        rows = []
        for version, tools, answers in versions:
            major, minor = version.split(".")
            kinds = {"tools": tools, "answers": answers}
            task = {
                kind: [{"label": f"T0.{kind}.{i}.label"} for i in range(len(texts))]
                for kind, texts in kinds.items()
            }
            strings = {
                f"T0.{kind}.{i}.label": text
                for kind, texts in kinds.items()
                for i, text in enumerate(texts)
            }
            rows.append(
                {
                    "workflow_id": "1",
                    "display_name": "Picking",
                    "version": major,
                    "active": "true",
                    "tasks": json.dumps({"T0": {"type": "drawing", **task}}),
                    "strings": json.dumps(strings),
                    "minor_version": minor,
                }
            )
        return self.write(rows, "workflows.csv")


def dumps(value: Any) -> str:
    """JSON as Panoptes writes it: no blanks, text as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A folder of images and exports to fill."""
    return Lab(tmp_path)


@pytest.fixture
def count() -> Callable[..., int]:
    """How many rows, marks or votes met a fate: ``count(tallies, "dropped", "another")``."""

    def counted(found: Any, fate: str, what: str, source: str = "") -> int:
        tallies = found.tallies if hasattr(found, "tallies") else found.fates
        tallies = tallies.tallies() if callable(getattr(tallies, "tallies", None)) else tallies
        return sum(
            t.count
            for t in tallies
            if t.fate == fate and what in t.what and source in ("", t.source)
        )

    return counted
