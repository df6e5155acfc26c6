"""Every verb of the program, without a window.

Exit codes: 0, done; 2, something is wrong with what was given; 1, a bug of ours.
"""

from __future__ import annotations

import io
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import msgspec
import typer
from rich.table import Table as Grid

from . import __version__, cli_export, cli_review, cli_sweep, importing
from . import session as sessions
from .arguments import Json, SessionPath
from .core.model import K2CError
from .crash import crash_report
from .io import mapping, tables
from .io.sources import Files
from .terminal import err, out, print_json, print_overview, print_tallies, progress, write_rows

app = typer.Typer(
    name="k2c",
    help="Review desk for Key2Cat: from volunteers' marks to curated training sets.",
    add_completion=False,
    pretty_exceptions_enable=False,  # its tracebacks show values, and with them people's names
    rich_markup_mode=None,
)
STOPPED = 130
"""Exit code after Ctrl-C, as shells and typer count it."""


def main() -> NoReturn:
    """Run the program and turn what went wrong into a message and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not every system's pipe takes every name
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    arguments = sys.argv[1:]
    if arguments and arguments[0].lower().endswith(".k2c"):
        arguments = ["open", *arguments]
    try:
        code = app(arguments, standalone_mode=False) or 0
        if code == STOPPED:
            err.print("Stopped; nothing half-done was kept.")
    except typer.TyperException as error:
        err.print(f"{error.format_message()} See k2c --help.", style="bold red")
        code = 2
    except K2CError as error:
        err.print(str(error), style="bold red")
        code = 2
    except SystemExit as stop:
        # how typer and rich leave when the reader of our output, such as head, had enough
        if not isinstance(stop.__context__, BrokenPipeError):
            raise
        code = 0
    except Exception as error:  # the boundary: everything else is a bug
        err.print(crash_report(error))
        code = 1
    sys.exit(code)


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        out.print(f"k2c_gui {__version__}")
    elif context.invoked_subcommand is None and _display():
        raise typer.Exit(_window(None))
    elif context.invoked_subcommand is None:
        out.print(context.get_help())


@app.command("open", hidden=True)
def open_(session: SessionPath) -> None:
    """Open a session in the window: ``k2c SESSION.k2c``."""
    raise typer.Exit(_window(session))


@app.command("demo")
def demo_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    micrographs: Annotated[int, typer.Option(min=1, max=999, help="How many.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same world.")] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open the window.")] = False,
) -> None:
    """Write a small world with known truth: micrographs, exports, mapping and a session."""
    with progress() as report:
        found, session = importing.make_demo(
            folder, micrographs=micrographs, seed=seed, progress=report
        )
    out.print(f"Wrote {folder}: {len(found.sources.micrographs)} micrographs, two exports,")
    out.print("  mapping.toml, truth.csv and demo.k2c.")
    if _display() and not no_open:
        raise typer.Exit(_window(session))
    out.print(f"Next: k2c {session}, or k2c instances {session}")


@app.command("import")
def import_(
    session: SessionPath,
    images: Annotated[Path, typer.Option(help="Folder of micrographs.")],
    picking: Annotated[Path, typer.Option(help="Export of the picking workflow.")],
    classifying: Annotated[
        Path | None, typer.Option(help="Export of the classifying workflow.")
    ] = None,
    workflows: Annotated[
        Path | None, typer.Option(help="Workflow export: names of tools and answers.")
    ] = None,
    mapping_: Annotated[
        Path | None,
        typer.Option("--mapping", help="mapping.toml; without it: detected."),
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="Label scheme of a new session.")] = None,
    pixel_size_nm: Annotated[
        float | None, typer.Option("--pixel-size-nm", help="Pixel size of all micrographs, nm.")
    ] = None,
    remap: Annotated[
        Path | None,
        typer.Option(metavar="NEW.k2c", help="Write a new session; decisions are carried over."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a session of exports and micrographs, or bring a newer export into one."""
    with progress() as report:
        files = Files(images, picking, classifying, workflows, mapping_, pixel_size_nm)
        found, written = importing.import_(
            session, files, labels=labels, remap=remap, progress=report
        )
    if as_json:
        print_json(
            {
                "session": str(written),
                "detected": found.detected,
                "mapping": msgspec.to_builtins(found.mapping),
                "tallies": [asdict(tally) for tally in found.tallies],
            }
        )
        return
    if found.detected:
        out.print("Mapping found (save it as mapping.toml to change it):", style="bold")
        out.print(mapping.dump(found.mapping))
    print_tallies(found.tallies)
    out.print(f"Wrote {written}.")


@app.command()
def instances(
    session: SessionPath,
    min_cluster_size: Annotated[int | None, typer.Option(help="Fewest marks of a group.")] = None,
    min_samples: Annotated[int | None, typer.Option(help="Neighbours of a dense spot.")] = None,
    epsilon: Annotated[float | None, typer.Option(help="px; see HDBSCAN.")] = None,
    method: Annotated[Literal["eom", "leaf"] | None, typer.Option(help="Selection.")] = None,
    algorithm: Annotated[
        Literal["hdbscan", "reference", "dbscan", "kmeans"] | None,
        typer.Option(help="What groups the marks."),
    ] = None,
    centroid: Annotated[
        Literal["mode", "mean", "median"] | None, typer.Option(help="Where a group sits.")
    ] = None,
    margin: Annotated[float | None, typer.Option(help="Ambiguous up to this margin.")] = None,
    micrograph: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this one; may be repeated.")
    ] = None,
    csv: Annotated[str | None, typer.Option(metavar="FILE|-", help="Write the rows here.")] = None,
    as_json: Json = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="Make this setting the project's own.")
    ] = False,
) -> None:
    """Group the marks and list the instances, one a row.

    Without flags the project's applied setting is used. Rows go to --csv, to --json, or to a pipe;
    a terminal gets one line a micrograph.
    """
    asked = {
        "min_cluster_size": min_cluster_size,
        "min_samples": min_samples,
        "epsilon": epsilon,
        "method": method,
        "algorithm": algorithm,
        "centroid": centroid,
        "margin": margin,
    }
    with sessions.Session(session, write=apply) as desk, progress() as report:
        changes: dict[str, Any] = {k: v for k, v in asked.items() if v is not None}
        params = replace(desk.state.ledger.params, **changes)
        only = [desk.micrograph(name) for name in micrograph] if micrograph else None
        table = desk.instances(params, only=only, progress=report)
        if apply:
            desk.apply(params)
        sources = desk.state.sources
    rows = tables.rows(table, sources.micrographs, sources.labels)
    columns = tables.columns(sources.labels)
    if as_json:
        print_json({"params": asdict(params), "instances": list(rows)})
    elif csv is not None and csv != "-":
        write_rows(Path(csv), list(rows), columns)
        out.print(f"Wrote {len(table)} instances to {csv}.")
    elif csv == "-" or not sys.stdout.isatty():
        tables.write_csv(sys.stdout, rows, columns)
        sys.stdout.flush()
    else:
        print_overview(table, [m.name for m in sources.micrographs], params)


app.add_typer(cli_export.app)
app.add_typer(cli_review.app)
app.add_typer(cli_sweep.app)


@app.command()
def check(session: SessionPath, as_json: Json = False) -> None:
    """Read every page of a session, fold its log, and look for its images."""
    with sessions.Session(session) as desk:
        with progress() as report:
            troubles = desk.check(report)
        sources, ledger = desk.state.sources, desk.state.ledger
    counts = {
        "micrographs": len(sources.micrographs),
        "signed_off": len(ledger.signed_off),
        "tiles": len(sources.tiles),
        "looks": len(sources.looks),
        "marks": len(sources.marks),
        "votes": len(sources.votes),
        "decisions_in_force": len(ledger.in_force),
    }
    if as_json:
        print_json({"counts": counts, "troubles": troubles})
    else:
        for what, count in counts.items():
            out.print(f"{count:>9} {what.replace('_', ' ')}")
        for trouble in troubles:
            err.print(trouble, style="bold red")
        out.print("The session is whole." + (" Its images are not." if troubles else ""))
    if troubles:
        raise typer.Exit(2)


@app.command()
def log(session: SessionPath, as_json: Json = False) -> None:
    """List what was decided, undone and applied; with --json one object a line."""
    with sessions.Session(session) as desk:
        entries = desk.log
    if as_json:
        for entry in entries:
            sys.stdout.write(msgspec.json.encode(entry).decode() + "\n")
        sys.stdout.flush()
        return
    grid = Grid("at", "expert", "kind", "about", box=None, pad_edge=False)
    for entry in entries:
        grid.add_row(entry.at, entry.expert, entry.kind, _about(entry))
    out.print(grid if entries else "Nothing was decided yet.")


@app.command()
def screenshot(
    session: SessionPath,
    picture: Annotated[Path, typer.Argument(metavar="OUT", help="The picture, .png or .svg.")],
    micrograph: Annotated[str, typer.Option(metavar="NAME", help="The one to show.")] = "",
    select: Annotated[str, typer.Option(metavar="INSTANCE", help="The case to show.")] = "",
    preset: Annotated[
        Literal["Adjudicate", "Tune", "Overview", "Gallery"], typer.Option(help="Which docks.")
    ] = "Adjudicate",
    size: Annotated[str, typer.Option(metavar="WxH", help="px.")] = "1600x1000",
    theme: Annotated[Literal["dark", "light"], typer.Option(help="Chrome.")] = "dark",
) -> None:
    """Draw the real window, without a display."""
    width, _, height = size.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise K2CError(f"{size} is no size.", remedy="Give width x height, such as 1600x1000.")
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from .gui import app as gui  # brings Qt, which no other verb waits for

    with sessions.Session(session) as desk:
        gui.screenshot(
            desk,
            micrograph=micrograph,
            select=select,
            preset=preset,
            size=(int(width), int(height)),
            theme=theme,
            out=picture,
        )
    out.print(f"Wrote {picture}.")


def _display() -> bool:
    """Whether a window can be shown."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _window(session: Path | None) -> int:
    from .gui import app as gui  # brings Qt, which no other verb waits for

    return gui.run(session)


def _about(entry: Any) -> str:
    ruling = entry.decision or entry.repeat
    if ruling is not None:
        what = f"label {ruling.label}" if ruling.verdict == "label" else ruling.verdict
        return f"{ruling.micrograph} ({ruling.x:.1f}, {ruling.y:.1f}) px: {what}"
    if entry.params is not None:
        return ", ".join(f"{k} {v}" for k, v in asdict(entry.params).items())
    if entry.pixel_size_nm is not None:
        return f"{entry.pixel_size_nm} nm a pixel: {', '.join(entry.micrographs)}"
    return str(entry.micrograph or f"step {entry.target[:8]}")
