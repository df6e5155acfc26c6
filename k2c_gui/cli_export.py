"""The verbs that make a release and check one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table as Grid

from . import releasing
from . import session as sessions
from .arguments import Json, SessionPath
from .core.model import K2CError, TrainingSet
from .core.names import label_names
from .core.training_set import parts
from .io import exporters, verification
from .io.papers import CREDIT, TITLE
from .releasing import About, Choice
from .terminal import err, out, print_json, progress

app = typer.Typer()


@app.command()
def export(
    session: SessionPath,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    formats: Annotated[
        str, typer.Option("--format", help=f"One or more of {','.join(exporters.names())}.")
    ],
    image_licence: Annotated[
        str, typer.Option(metavar="TEXT", help="SPDX name, such as CC-BY-4.0, or words; required.")
    ] = "",
    include: Annotated[
        Literal["signed-off", "all"],
        typer.Option(help="Signed-off micrographs only, or what the consensus proposes too."),
    ] = "signed-off",
    labels: Annotated[
        str | None, typer.Option(metavar="0,1", help="Train on these; else on those in use.")
    ] = None,
    ambiguous: Annotated[
        Literal["keep", "drop", "soft"],
        typer.Option(help="Cases without a clear majority; soft: ties, too, as soft labels."),
    ] = "keep",
    box_nm: Annotated[float | None, typer.Option(help="Side of the boxes, nm.")] = None,
    box_px: Annotated[float | None, typer.Option(help="Side of the boxes, px.")] = None,
    split: Annotated[
        str, typer.Option(metavar="A,B,C", help="Shares of train, validation and test.")
    ] = "0.8,0.1,0.1",
    seed: Annotated[int, typer.Option(help="Of the split.")] = 0,
    test: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Test on this; may be repeated.")
    ] = None,
    tile: Annotated[
        int | None,
        typer.Option(metavar="PX", help="Cut micrographs for coco, heatmaps, masks, yolo."),
    ] = None,
    overlap: Annotated[int, typer.Option(metavar="PX", help="What tiles share at least.")] = 0,
    images: Annotated[bool, typer.Option(help="Write images, too, where they belong.")] = True,
    title: Annotated[str, typer.Option(metavar="TEXT")] = TITLE,
    credit: Annotated[str, typer.Option(metavar="TEXT", help="The line to credit.")] = CREDIT,
    date: Annotated[
        str, typer.Option(metavar="YYYY-MM-DD", help="Else the day of the newest decision.")
    ] = "",
    named_experts: Annotated[
        bool, typer.Option("--named-experts", help="The experts agreed to be named.")
    ] = False,
    notes: Annotated[bool, typer.Option("--notes", help="Publish the experts' notes.")] = False,
    as_json: Json = False,
) -> None:
    """Write a training set: a folder with all that is known about it, whole or not at all."""
    choice = Choice(
        formats=tuple(_names(formats)),
        include=include,
        labels=None if labels is None else tuple(map(_whole, _names(labels))),
        ambiguous=ambiguous,
        box_nm=box_nm,
        box_px=box_px,
        ratios=tuple(map(_share, _names(split))),
        seed=seed,
        test=tuple(test or ()),
        tile=tile,
        overlap=overlap,
        images=images,
    )
    about = About(
        image_licence=image_licence,
        title=title,
        credit=credit,
        date=date,
        named_experts=named_experts,
        notes=notes,
    )
    with sessions.Session(session) as desk, progress() as report:
        chosen = releasing.release(desk, folder, choice, about, report)
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "micrographs": len(chosen.micrographs),
                "instances": len(chosen.instances),
                "negatives": len(chosen.negatives),
                "parts": {name: asdict(part) for name, part in parts(chosen).items()},
                "split": chosen.split_source,
                "box": chosen.box_source,
                "left_out": [asdict(tally) for tally in chosen.left_out],
            }
        )
    else:
        _tell(chosen)
        out.print(f"Wrote {folder}.")


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A release.")],
    as_json: Json = False,
) -> None:
    """Recompute all that a release says of itself: hashes, counts, split and labels."""
    with progress() as report:
        faults = verification.verify(folder, report)
    if as_json:
        print_json({"folder": str(folder), "faults": faults})
    else:
        for fault in faults:
            err.print(fault, style="bold red")
        out.print(f"Faults: {len(faults)}." if faults else "The release is as it was written.")
    if faults:
        raise typer.Exit(2)


def _tell(chosen: TrainingSet) -> None:
    """What a release holds, for a person at a terminal."""
    names = label_names(chosen.labels)
    used = [label.value for label in chosen.labels if label.use]
    grid = Grid("part", box=None, pad_edge=False)
    for column in ("micrographs", *(names[v] for v in used), "soft label only", "negatives"):
        grid.add_column(column, justify="right")
    for name, part in parts(chosen).items():
        counts = [part.micrographs, *(part.instances[v] for v in used)]
        grid.add_row(name, *map(str, (*counts, part.unlabelled, part.negatives)))
    out.print(grid)
    out.print(f"Split: {chosen.split_source}. Box: {chosen.box_source}.")
    for tally in chosen.left_out:
        out.print(f"Left out: {tally.count} {tally.source}, {tally.what}.")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise K2CError(f"{text!r} is no label.", remedy="Give numbers, such as --labels 0,1.")
    return int(text)


def _share(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise K2CError(
            f"{text!r} is no share.", remedy="Give three that sum to 1, such as 0.8,0.1,0.1."
        ) from None
