"""A session to be unkind to."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from k2c_gui.io import session_file
from k2c_gui.io.session_file import SessionFile


@pytest.fixture
def small_session(demo_project: Path, tmp_path: Path) -> Path:
    """A whole session of few marks, alone in its folder."""
    with closing(SessionFile(demo_project / "demo.k2c")) as file:
        content = file.content()
    facts = content.sources
    few = replace(facts, marks=facts.marks[:50], votes=facts.votes[:50])
    path = tmp_path / "disk" / "some.k2c"
    path.parent.mkdir()
    session_file.write(path, replace(content, sources=few))
    return path
