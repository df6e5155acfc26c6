"""What every test may ask for."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real exports and micrographs beside the checkout; a fresh clone elsewhere has none."""
    if not SHARED.is_dir():
        pytest.skip("the folder of real data is not beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def demo_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo world with its session, ``demo.k2c``; made once, to be read only.

    AuGe_001.tif has 11 instances, one of them a tie; PdC_002.tif has 12, two of them ties.
    """
    from k2c_gui import demo
    from k2c_gui.importing import import_
    from k2c_gui.io.sources import Files

    folder = tmp_path_factory.mktemp("project")
    world = demo.WorldParams(
        seed=10, micrographs=2, size=384, particles=20, tiles_per_axis=4, volunteers=40
    )
    demo.write(folder, world)
    files = Files(
        folder / "images",
        folder / "picking.csv",
        folder / "classifying.csv",
        mapping=folder / "mapping.toml",
    )
    import_(folder / "demo.k2c", files)
    return folder


@pytest.fixture
def project(demo_project: Path, tmp_path: Path) -> Path:
    """Your own copy of `demo_project`."""
    return shutil.copytree(demo_project, tmp_path / "project")


class Ended(NamedTuple):
    """How a run of ``k2c`` ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def rows(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.out)))


@pytest.fixture
def k2c(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Run ``k2c`` in this process."""
    from k2c_gui import cli

    def run(*args: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["k2c", *map(str, args)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            cli.main()
        assert isinstance(left.value.code, int)
        ended = Ended(left.value.code, *capsys.readouterr())
        assert "Traceback" not in ended.err
        return ended

    return run


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may enter; pytest's own are the owner's alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)


@pytest.fixture
def nobody() -> Callable[[], AbstractContextManager[None]]:
    """For a while without the rights of root, whom no mode stops."""

    @contextmanager
    def without() -> Iterator[None]:
        if os.geteuid():
            yield
            return
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)

    return without
