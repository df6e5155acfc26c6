"""The verbs that compare: two settings, two experts, an expert with herself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite, nan
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table as Grid

from . import merging
from . import session as sessions
from .arguments import Json, SessionPath
from .core import agreement as agreements
from .core import diff as diffs
from .core import kappa as kappas
from .core import ledger as ledgers
from .core import pace as paces
from .core import review, splitting
from .core.model import NO_LABEL, ClusterParams, K2CError, Table
from .core.settings import setting
from .core.standing import alike
from .terminal import err, out, print_json, progress

app = typer.Typer()


@app.command()
def diff(
    session: SessionPath,
    a: Annotated[str, typer.Option("--a", metavar="SETTING", help="key=value,... or a name.")],
    b: Annotated[str, typer.Option("--b", metavar="SETTING", help="key=value,... or a name.")],
    moved: Annotated[
        float, typer.Option(metavar="PX", help="A centroid further off than this has moved.")
    ] = diffs.MOVED,
    micrograph: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this one; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare the instances under two settings: born, died, split, merged, moved, flipped.

    A setting is key=value parted by commas, such as "min_cluster_size=5,method=leaf"; what it does
    not name is as applied in the session. 2022, default and applied are settings by name.
    With --micrograph every change is listed.
    """
    if not (isfinite(moved) and moved >= 0):
        raise K2CError(f"--moved is {moved} px.", remedy="Give 0 px or more.")
    with sessions.Session(session) as desk, progress() as report:
        ledger = desk.state.ledger
        settings = setting(a, ledger.params), setting(b, ledger.params)
        only = None if not micrograph else {desk.micrograph(name) for name in micrograph}
        wanted = [e for e in desk.state.evidence if only is None or e.micrograph in only]
        found: dict[str, Table] = {}
        for done, evidence in enumerate(wanted):
            report("Comparing settings", done, len(wanted))
            sides: list[Any] = []
            for params in settings:
                grouping = review.group(evidence, params)
                sides += [grouping, review.instances(evidence, grouping, ledger)]
            found[evidence.name] = diffs.diff(evidence.marks, *sides, moved=moved)
    if as_json:
        print_json(
            {
                "a": asdict(settings[0]),
                "b": asdict(settings[1]),
                "moved_px": moved,
                "micrographs": [
                    {"micrograph": name, "counts": diffs.counts(table), "changes": _changes(table)}
                    for name, table in found.items()
                ],
            }
        )
        return
    _print_diff(found, settings)
    if micrograph:
        _print_changes(found)


@app.command()
def merge(
    files: Annotated[
        list[Path], typer.Argument(metavar="A.k2c B.k2c ...", help="Sessions of one import.")
    ],
    joint: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT.k2c", help="The session to write.")
    ],
    as_json: Json = False,
) -> None:
    """Join the sessions of several experts into a new one; theirs stay as they are."""
    with progress() as report:
        merged = merging.merge(files, joint, progress=report)
    between, in_force = merged.ledger.conflicts, merged.ledger.in_force
    same = sum(alike(in_force[one], in_force[other]) for one, other in between)
    facts = {
        "session": str(merged.path),
        "entries": dict(zip(map(str, files), merged.entries, strict=True)),
        "entries_joined": len(merged.content.log),
        "experts": list(merging.experts(merged.content.log)),
        "decisions_in_force": len(merged.ledger.in_force),
        "conflicts": len(between) - same,
        "alike": same,
        "signed_off": sorted(merged.ledger.signed_off),
        "chosen": list(merged.chosen),
    }
    if as_json:
        print_json(facts)
        return
    for path, entries in zip(files, merged.entries, strict=True):
        out.print(f"{entries:>9} entries in {path}")
    out.print(f"{len(merged.content.log):>9} entries joined")
    out.print(f"{len(merged.ledger.in_force):>9} decisions in force")
    shared = "pairs of them share marks or a place"
    out.print(f"{len(between):>9} {shared}, {same} of these ruled alike")
    for choice in merged.chosen:
        err.print(choice, style="yellow")
    out.print(f"Wrote {merged.path}.")


@app.command()
def agreement(
    first: Annotated[Path, typer.Argument(metavar="A.k2c", help="One expert's session.")],
    second: Annotated[Path, typer.Argument(metavar="B.k2c", help="Another's, of one import.")],
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    as_json: Json = False,
) -> None:
    """Compare what two experts decided: raw agreement, Cohen's kappa, confusion table."""
    with progress() as report:
        contents = merging.read([first, second], progress=report)
    mine, theirs = (ledgers.fold(content.log, content.params).in_force for content in contents)
    labels = contents[0].sources.labels
    near = splitting.near(splitting.jitter(contents[0].sources.marks))
    found = agreements.agreement(mine, theirs, labels, near=near, seed=seed)
    names = kappas.categories(labels)
    if as_json:
        print_json(
            {
                "shared": len(found.shared),
                "only_a": len(found.only_a),
                "only_b": len(found.only_b),
                "same_entry": found.same,
                "categories": list(names),
                "all": _kappa(found.all),
                "independent": _kappa(found.independent),
                "instances": [{"a": a, "b": b} for a, b in found.shared],
            }
        )
        return
    out.print(f"{len(found.shared):>9} instances decided in both")
    out.print(f"{len(found.only_a):>9} only in {first}")
    out.print(f"{len(found.only_b):>9} only in {second}")
    if found.same:
        out.print(f"{found.same:>9} decisions are one and the same in both, and not compared")
    out.print(f"All of the shared: {_words(found.all)}")
    out.print(f"Ruled by each for themselves, not by sign-off: {_words(found.independent)}")
    _print_confusion(found.all, names)


@app.command()
def pace(
    session: SessionPath,
    pause: Annotated[
        float, typer.Option(metavar="S", min=1, help="Longer than this on a case was a pause.")
    ] = paces.IDLE,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    as_json: Json = False,
) -> None:
    """How fast cases were ruled, how often taken back, and whether repeats were ruled alike."""
    with sessions.Session(session) as desk:
        log, labels = desk.log, desk.state.sources.labels
        in_force = desk.state.ledger.in_force
    rows = paces.table(log, labels, pause=pause)
    pairs = paces.repeats(log)
    self_agreement = agreements.compared(pairs, labels, seed=seed)
    waiting = sum(map(len, paces.due(log, in_force).values()))
    if as_json:
        print_json(
            {
                "pause_s": pause,
                "rows": [
                    {key: _number(value) for key, value in asdict(row).items()}
                    | {"undo_rate": _number(_rate(row))}
                    for row in rows
                ],
                "repeats": {"due": waiting, **_kappa(self_agreement)},
            }
        )
        return
    grid = Grid("", "", box=None, pad_edge=False)
    for column in ("cases", "paused", "per hour", "median s", "taken back"):
        grid.add_column(column, justify="right")
    for row in rows:
        grid.add_row(
            row.by,
            row.what,
            str(row.cases),
            str(row.paused),
            _told(row.per_hour, ".0f"),
            _told(row.median, ".1f"),
            _told(_rate(row), ".1%"),
        )
    out.print(grid)
    out.print(f"Repeats ({waiting} more come back): {_words(self_agreement)}")


def _changes(table: Table) -> list[dict[str, Any]]:
    """Each change with its instances, for JSON."""
    told: dict[int, dict[str, Any]] = {}
    for row in table:
        kind = diffs.KINDS[row["kind"]]
        change = told.setdefault(int(row["change"]), {"kind": kind, "a": [], "b": []})
        for side in "ab":
            instance = _instance(row, side)
            if instance and instance not in change[side]:
                change[side].append(instance)
        if kind in ("kept", "moved", "flipped"):
            change["shift_px"] = round(float(row["shift"]), 3)
    return list(told.values())


def _instance(row: Any, side: str) -> dict[str, Any] | None:
    if row[side] == diffs.NOWHERE:
        return None
    label = int(row[f"label_{side}"])
    return {
        "row": int(row[side]),
        "x_px": round(float(row[f"x{side}"]), 3),
        "y_px": round(float(row[f"y{side}"]), 3),
        "label": None if label == NO_LABEL else label,
    }


def _print_diff(found: dict[str, Table], settings: Sequence[ClusterParams]) -> None:
    grid = Grid("micrograph", box=None, pad_edge=False)
    for kind in diffs.KINDS:
        grid.add_column(kind, justify="right")
    total = dict.fromkeys(diffs.KINDS, 0)
    for name, table in found.items():
        counts = diffs.counts(table)
        grid.add_row(name, *(str(counts[kind]) for kind in diffs.KINDS))
        total = {kind: total[kind] + counts[kind] for kind in diffs.KINDS}
    grid.add_row("all", *(str(total[kind]) for kind in diffs.KINDS), style="bold")
    out.print(grid)
    for name, params in zip("ab", settings, strict=True):
        written = ", ".join(f"{key} {value}" for key, value in asdict(params).items())
        out.print(f"{name}: {written}", style="dim")


def _print_changes(found: dict[str, Table]) -> None:
    grid = Grid("micrograph", "change", "from (x, y) px: label", "to", box=None, pad_edge=False)
    for name, table in found.items():
        for change in _changes(table):
            if change["kind"] != "kept":
                grid.add_row(name, change["kind"], _places(change["a"]), _places(change["b"]))
    out.print(grid)


def _places(instances: Sequence[dict[str, Any]]) -> str:
    return " + ".join(
        f"({i['x_px']:.1f}, {i['y_px']:.1f}): {'none' if i['label'] is None else i['label']}"
        for i in instances
    )


def _print_confusion(found: kappas.Kappa, names: Sequence[str]) -> None:
    grid = Grid(box=None, pad_edge=False)
    grid.add_column("a \\ b", no_wrap=True)
    for name in names:  # of a label its number: the rows have the names
        grid.add_column(name.split()[0], justify="right")
    for name, row in zip(names, found.confusion.tolist(), strict=True):
        grid.add_row(name, *map(str, row))
    out.print(grid)


def _kappa(found: kappas.Kappa) -> dict[str, Any]:
    told = {key: _number(value) for key, value in asdict(found).items() if key != "confusion"}
    return {**told, "confusion": found.confusion.tolist()}


def _words(found: kappas.Kappa) -> str:
    told = f"{found.n} instances"
    if found.n:
        told += f", {found.agreement:.1%} alike, kappa {_told(found.kappa, '.3f')}"
    if isfinite(found.low):
        told += f" (95 %: {found.low:.3f} to {found.high:.3f})"
    return told + (f"; {found.why}" if found.why else "") + "."


def _rate(row: paces.Row) -> float:
    return row.taken_back / row.cases if row.cases else nan


def _number(value: Any) -> Any:
    """JSON knows no nan."""
    return None if isinstance(value, float) and not isfinite(value) else value


def _told(value: float, form: str) -> str:
    return format(value, form) if isfinite(value) else "-"
