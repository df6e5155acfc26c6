"""How long the straight line takes at the real project's size, and a peer on the same files.

    python tests/benchmarks/import_speed.py [--rounds 3] [--peer-rounds 1] [--keep DIR]

Makes a project as large as Key2Cat's Au/Ge data out of the demo's world and writers, then runs
``k2c import``, ``k2c instances``, ``k2c demo`` and panoptes_aggregation (installed into
``.venv-peer/``) as processes of their own, taking turns. Needs Linux or macOS, 1 GB of disk, and
the network the first time. `docs/benchmarks.md` holds figures.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

# The demo's world is made in a process of its own: Linux hands a child the peak memory that its
# parent had when it was started, so this process has to stay small.

CHECKOUT = Path(__file__).resolve().parents[2]
PEER = "panoptes-aggregation==5.3.1"
COUNTS = {"micrographs": 94, "tiles": 10_000, "looks": 50_000, "marks": 170_000, "votes": 362_695}
SQUARE = 34  # micrographs of 10 x 10 tiles; the other 60 have 10 x 11
PARTICLES = 124  # a micrograph: a little more than 170,000 marks, the surplus is left out
VOLUNTEERS = 1000
CONFIG = """\
workflow_id: {workflow}
workflow_version: {{min: '{version}', max: '{version}'}}
extractor_config:
    {extractor}
"""
EXTRACTORS = {
    "picking": (19001, 12, "point_extractor_by_frame: [{task: T0, tools: [0], details: {}}]"),
    "classifying": (19777, 3, "question_extractor: [{task: T0}]"),
}
TARGETS = {"import": (30.0, 1.5), "instances": (5.0, None), "demo": (20.0, None)}  # s, GB
TIMES_FASTER = 10.0


@dataclass(frozen=True)
class Run:
    """What one process took."""

    seconds: float
    cpu: float
    peak: float  # bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="of k2c")
    parser.add_argument("--peer-rounds", type=int, default=1, help="of panoptes_aggregation")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the project, or use it again"
    )
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = asked.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        project = folder / "project"
        if not project.is_dir():
            making = multiprocessing.get_context("spawn").Process(target=make, args=(project,))
            making.start()
            making.join()
            if making.exitcode:
                sys.exit("the project could not be made")
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
        report(measure(project, work, peer(), asked.rounds, asked.peer_rounds))


def make(project: Path) -> None:
    """Write the project: images without anything on them, both exports, ``mapping.toml``."""
    import numpy as np
    import tifffile

    from k2c_gui import demo
    from k2c_gui.core.model import MARKS_PER_CLASSIFICATION
    from k2c_gui.demo import volunteers
    from k2c_gui.demo.scene import scene
    from k2c_gui.demo.world import tiles

    params = demo.WorldParams(
        micrographs=COUNTS["micrographs"], particles=PARTICLES, volunteers=VOLUNTEERS, repeats=0
    )
    scenes = [scene(params, i) for i in range(params.micrographs)]
    # tiles of a taller grid, as wide and as high as those of the others
    cut = tiles(params).reshape(params.micrographs, 10, 10)
    tall = tiles(replace(params, tiles_per_axis=11)).reshape(params.micrographs, 11, 11)[:, :, :10]
    tall = tall[SQUARE:].copy()
    for name, like in (("x0", cut[SQUARE:, :1]), ("width", cut[:1, :1]), ("height", cut[:1, :1])):
        tall[name] = like[name]
    cut = np.concatenate([cut[:SQUARE].ravel(), tall.ravel()])

    people = volunteers.crowd(params)
    looks = volunteers.show(params, people, len(cut))
    marks, origin = volunteers.mark(params, people, scenes, cut, looks)
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.permutation(len(marks))[: COUNTS["marks"]])
    marks, origin = marks[chosen], origin[chosen]
    marks["mark"] = demo.mark_ids(marks["mark"] // MARKS_PER_CLASSIFICATION)
    asked = COUNTS["votes"] // params.votes_per_mark
    about = np.sort(rng.permutation(np.flatnonzero(marks["inside"]))[:asked])
    votes = volunteers.vote(params, people, scenes, marks[about], origin[about])

    part = project.with_name("project.part")
    (part / "images").mkdir(parents=True)
    blank = np.zeros((params.size, params.size), np.uint16)
    for one in scenes:
        per_nm = 1 / one.preset.pixel_nm
        tifffile.imwrite(
            part / "images" / one.name,
            blank,
            compression="zlib",
            resolution=(per_nm, per_nm),
            resolutionunit=1,
            description="ImageJ=1.54f\nunit=nm\n",
            metadata=None,
        )
    names = [one.name for one in scenes]
    demo.write_picking(part / "picking.csv", names, cut, looks, marks)
    demo.write_classifying(part / "classifying.csv", names, votes)
    shutil.copyfile(CHECKOUT / "resources" / "mapping.toml", part / "mapping.toml")
    part.rename(project)


def peer() -> Path:
    """Install the peer, once; the path of its program."""
    program = CHECKOUT / ".venv-peer" / "bin" / "panoptes_aggregation"
    if not program.exists():
        venv.create(CHECKOUT / ".venv-peer", with_pip=True)
        pip = program.with_name("python"), "-m", "pip", "install", "--quiet", PEER
        subprocess.run(pip, check=True)
    return program


def measure(
    project: Path, work: Path, program: Path, rounds: int, peer_rounds: int
) -> dict[str, list[Run]]:
    """Run every command in turn; what each took, by its name."""
    session, exports = work / "benchmark.k2c", [project / f"{kind}.csv" for kind in EXTRACTORS]

    def import_() -> Run:
        session.unlink(missing_ok=True)
        files = [f"--images={project / 'images'}", f"--mapping={project / 'mapping.toml'}"]
        files += [f"--{path.stem}={path}" for path in exports]
        return k2c("import", session, *files)

    def extract() -> Run:
        runs = []
        for path in exports:
            workflow, version, extractor = EXTRACTORS[path.stem]
            config = work / f"{path.stem}.yaml"
            config.write_text(
                CONFIG.format(workflow=workflow, version=version, extractor=extractor)
            )
            options = "--hide_bar", "--dir", work, "--output", path.stem
            runs.append(run(program, "extract", path, config, *options))
        return Run(
            sum(r.seconds for r in runs), sum(r.cpu for r in runs), max(r.peak for r in runs)
        )

    commands: dict[str, tuple[int, Callable[[], Run]]] = {
        "import": (rounds, import_),
        "peer": (peer_rounds, extract),
        "instances": (rounds, lambda: k2c("instances", session, f"--csv={work / 'instances.csv'}")),
        "demo": (rounds, lambda: k2c("demo", Path(tempfile.mkdtemp(dir=work)), "--no-open")),
        "--help": (rounds, lambda: k2c("--help")),
    }
    taken: dict[str, list[Run]] = {name: [] for name in commands}
    for turn in range(max(rounds, peer_rounds)):
        for name, (times, command) in commands.items():
            if turn < times:
                taken[name].append(command())
                print(f"{name}: {taken[name][-1].seconds:.2f} s", file=sys.stderr)
    verify(session)
    return taken


def k2c(*arguments: str | Path) -> Run:
    return run(sys.executable, "-m", "k2c_gui", *arguments)


def run(*command: str | Path) -> Run:
    """Run a process to its end."""
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            sys.exit(f"{' '.join(map(str, command))}\n{output.read().decode(errors='replace')}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


def verify(session: Path) -> None:
    """Make sure that what was imported is what was meant."""
    command = sys.executable, "-m", "k2c_gui", "check", session, "--json"
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["counts"]
    wrong = {name: found[name] for name, count in COUNTS.items() if found[name] != count}
    if wrong:
        sys.exit(f"the session holds {wrong}, not {COUNTS}")


def report(taken: dict[str, list[Run]]) -> None:
    """Print what was measured, and the targets beside it."""
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[2]:.1f}"
    )
    print(f"{'':<10} runs  median s     min     max   cpu s  peak MB")
    for name, runs in taken.items():
        if runs:
            seconds = [run.seconds for run in runs]
            print(
                f"{name:<10} {len(runs):>4} {statistics.median(seconds):>9.2f}"
                f" {min(seconds):>7.2f} {max(seconds):>7.2f}"
                f" {statistics.median(run.cpu for run in runs):>7.2f}"
                f" {max(run.peak for run in runs) / 1e6:>8.0f}"
            )
    median = {
        name: statistics.median(r.seconds for r in runs) for name, runs in taken.items() if runs
    }
    for name, (seconds, gigabytes) in TARGETS.items():
        tell(f"{name} in {median[name]:.2f} s", median[name] < seconds, f"under {seconds:g} s")
        if gigabytes is not None:
            peak = max(run.peak for run in taken[name]) / 1e9
            tell(f"{name} in {peak:.2f} GB", peak < gigabytes, f"under {gigabytes} GB")
    if "peer" in median:
        ratio = median["peer"] / median["import"]
        tell(f"import {ratio:.1f} x as fast as the peer", ratio >= TIMES_FASTER, "at least 10 x")


def tell(what: str, met: bool, target: str) -> None:
    print(f"{'met   ' if met else 'MISSED'} {what} (target: {target})")


if __name__ == "__main__":
    main()
