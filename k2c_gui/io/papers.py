"""The texts of a release: for people, and for those who cite it.

All are written from what `release` puts into ``run.json`` and from what the expert says in `About`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from k2c_gui.core.model import K2CError

Run = Mapping[str, Any]
"""What ``run.json`` holds."""

_OPEN = "*To be completed by whoever publishes this.*"

SPDX = (
    *("CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"),
    *("CC-BY-ND-4.0", "CC-BY-NC-ND-4.0", "ODC-By-1.0", "ODbL-1.0", "PDDL-1.0"),
    *("BSD-3-Clause", "MIT", "Apache-2.0"),
)
"""Licences that are told from free text; others are handed on in words."""


TITLE = "Key2Cat training set"
CREDIT = "The volunteers of Science Scribbler: Key2Cat on Zooniverse"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What only a person can say of a release.

    Attributes
    ----------
    image_licence : str
        An SPDX identifier or free text; required, for the images are somebody's.
    title : str
    credit : str
        The line to credit, and the author to cite.
    date : str
        YYYY-MM-DD: the day of publication, or of the newest fact in the session.
    named_experts : bool
        The experts agreed to be named.
    notes : bool
        Publish the experts' notes.
    """

    image_licence: str
    title: str = TITLE
    credit: str = CREDIT
    date: str = ""
    named_experts: bool = False
    notes: bool = False

    def checked(self) -> About:
        """The same on single lines.

        Raises
        ------
        K2CError
            No licence, no title, no credit, or a date that is none.
        """
        line = {
            name: " ".join(getattr(self, name).split())
            for name in ("image_licence", "title", "credit", "date")
        }
        if not line["image_licence"]:
            raise K2CError(
                "The licence of the images is missing.",
                remedy="Give one with --image-licence, such as CC-BY-4.0, or say it in words.",
            )
        for name in ("title", "credit"):
            if not line[name]:
                raise K2CError(f"The {name} is empty.", remedy="Give one, or leave the default.")
        if not _is_day(line["date"]):
            raise K2CError(f"{line['date']!r} is no date.", remedy="Give it as YYYY-MM-DD.")
        return replace(self, **line)  # type: ignore[arg-type]


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def readme(about: About, run: Run) -> str:
    """README.md.

    Parameters
    ----------
    about : About
    run : mapping
        What ``run.json`` holds.

    Returns
    -------
    str
    """
    counts = run["counts"]
    files = [f"- `{name}/`: {form['name']}{_tiles(form)}" for name, form in run["formats"].items()]
    return f"""# {_plain(about.title)}

{counts["instances"]} instances on {len(run["micrographs"])} electron micrographs, from
{counts["marks"]} marks and {counts["votes"]} votes of {counts["volunteers"]} volunteers, with
{_rulings(run)}.
Made with k2c_gui {run["program"]["k2c_gui"]}.

Credit: {_plain(about.credit)}
Licence of the images: {_plain(about.image_licence)}
Date: {about.date}

## What is there
{chr(10).join(files)}
- `DATASHEET.md`: how it came about, what it is for, what to beware of
- `run.json`: parameters, versions, hashes of what went in, counts in and out of every filter
- `decisions.jsonl`: the experts' rulings, one a line
- `croissant.json`, `ro-crate-metadata.json`, `CITATION.cff`: the same for machines
- `manifest-sha256.txt`: check with `sha256sum -c manifest-sha256.txt`, or all of it with
  `k2c verify`

## How much
{_parts(run)}

Split: {_plain(run["split"])}. All of a micrograph is in one part.

## How to read it
- Coordinates in `csv/` are px of the full micrograph from the top-left corner of the top-left px, y
  down; `x_nm`, `y_nm` are the same times the px size. Other formats follow their own convention.
- A volunteer's mark has no size. Side of the boxes: {_plain(run["box"])}.
- `label` is the hard label, `source` whose word it is: `majority` of the volunteers, the same
  after an expert's `sign-off`, an `expert` on the case by itself or in `bulk`, or `adjudicated`
  between experts.
- `votes_*` are the volunteers' votes, `soft_*` their shares, smoothed by
  {run["soft_label_pseudo_count"]:g} of a vote more for every label. No expert changes them.
- `support` is the share of looks at the spot that marked it, `margin` (first - second) / votes;
  `ambiguous` is 1 where the margin is at most {run["parameters"]["margin"]:g}.
- `negatives.csv` has what is surely no instance: labels not trained on, and what an expert
  rejected.
"""


def datasheet(about: About, run: Run) -> str:
    """DATASHEET.md, with the headings of Gebru et al., CACM 64 (12), 2021, 86-92.

    Parameters
    ----------
    about : About
    run : mapping
        What ``run.json`` holds.

    Returns
    -------
    str
        Filled in as far as the session knows; the rest is marked as open.
    """
    counts, choice = run["counts"], run["choice"]
    sizes = {m["pixel_size_nm"] for m in run["micrographs"]} - {None}
    scale = f"{min(sizes):g} to {max(sizes):g} nm a px" if sizes else "no px size is known"
    labels = ", ".join(
        f"{label['value']} {_plain(label['name'])}{'' if label['use'] else ' (not trained on)'}"
        for label in run["labels"]
    )
    parameters = ", ".join(f"{name} {value}" for name, value in run["parameters"].items())
    experts = ", ".join(map(_plain, run["experts"])) or "no expert ruled on a single case"
    gone = counts["decisions"] - sum(counts["in_force"].values())
    scope = "signed-off micrographs only" if choice["include"] == "signed-off" else "all of them"
    return f"""# Datasheet: {_plain(about.title)}

The questions are those of Gebru et al., *Datasheets for Datasets*, Communications of the ACM
64 (12), 2021, 86-92.

## Motivation
To train and test detectors of nanoparticles in electron micrographs. Who paid for it: {_OPEN}

## Composition
- {len(run["micrographs"])} electron micrographs ({scale}), {counts["instances"]} instances,
  {counts["negatives"]} negatives. Labels: {labels}.
- Instances were chosen from {scope}. What was left out, in the order of the filters:

{_filters(run)}

{_parts(run)}

- Errors to expect: an instance without an expert's ruling is as right as the majority of the
  volunteers. Particles that too few of them marked are missing. Positions are those of groups of
  marks; sizes are not measured ({_plain(run["box"])}).
- Nothing in it tells who the volunteers are. What the micrographs show: {_OPEN}

## Collection process
{counts["volunteers"]} volunteers of a Zooniverse project marked particles on overlapping tiles
({counts["looks"]} looks, {counts["marks"]} marks), and voted on what each is ({counts["votes"]}
votes). How the samples were made and imaged: {_OPEN}

## Preprocessing, cleaning, labelling
- Marks were grouped by k2c_gui {run["program"]["k2c_gui"]} ({parameters}).
- In force are {_rulings(run)}: {experts}. All are in
  `decisions.jsonl`, also the {gone} that were taken back or replaced.
- Ambiguous instances: {choice["ambiguous"]}.
- Soft labels are the volunteers' shares with {run["soft_label_pseudo_count"]:g} of a vote added
  to each label; an expert's ruling changes the hard label alone.
- The raw exports are not part of this; `run.json` has their SHA-256.

## Uses
Detection, counting and sizing by discs or boxes, learning from soft labels. Not for the shape or
the size of single particles, for nobody drew an outline. Split: {_plain(run["split"])}. Report
figures on the test part only.

## Distribution
Licence of the images: {_plain(about.image_licence)}. Credit: {_plain(about.credit)}. Licence of
the labels, and where they are deposited: {_OPEN}

## Maintenance
Whom to tell of errors, and how a new version comes about: {_OPEN}
"""


def citation(about: About, run: Run) -> str:
    """CITATION.cff, of version 1.2.0 of the Citation File Format.

    Parameters
    ----------
    about : About
    run : mapping
        What ``run.json`` holds.

    Returns
    -------
    str
        YAML; text is quoted as JSON, which YAML reads.
    """
    text = {
        "cff-version": "1.2.0",
        "message": "If you use this data set, please cite it as below.",
        "type": "dataset",
        "title": about.title,
        "date-released": about.date,
        "abstract": abstract(run),
    }
    if about.image_licence in SPDX:
        text["license"] = about.image_licence
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in text.items()]
    author = json.dumps(about.credit, ensure_ascii=False)
    return "\n".join([*lines, "authors:", f"  - name: {author}"])


def abstract(run: Run) -> str:
    """What a release is, in one sentence."""
    counts = run["counts"]
    return (
        f"{counts['instances']} labelled particles on {len(run['micrographs'])} electron"
        f" micrographs, from {counts['marks']} marks and {counts['votes']} votes of"
        f" {counts['volunteers']} volunteers, with {_rulings(run)}."
    )


def _rulings(run: Run) -> str:
    """What experts ruled that is in force; a sign-off only accepts what the majority says."""
    n = run["counts"]["in_force"]
    return (
        f"{_many(n['single'] + n['adjudicated'], 'ruling')} case by case, {n['bulk']} in bulk and"
        f" {_many(n['sign-off'], 'proposal')} accepted by sign-off, of"
        f" {_many(len(run['experts']), 'expert')}"
    )


def _many(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _parts(run: Run) -> str:
    """Counts by part and label, as a table."""
    used = {str(label["value"]): label["name"] for label in run["labels"] if label["use"]}
    head = ["part", "micrographs", *map(_plain, used.values()), "soft label only", "negatives"]
    rows = [
        [
            name,
            part["micrographs"],
            *({str(k): n for k, n in part["instances"].items()}[value] for value in used),
            part["unlabelled"],
            part["negatives"],
        ]
        for name, part in run["parts"].items()
    ]
    return _grid([head, ["---", *["--:"] * (len(head) - 1)], *rows])


def _filters(run: Run) -> str:
    rows = [[f["of"], _plain(f["filter"]), f["in"], f["out"]] for f in run["filters"]]
    if not rows:
        return "Nothing was left out."
    return _grid([["of", "filter", "in", "out"], ["---", "---", "--:", "--:"], *rows])


def _grid(rows: Sequence[Sequence[object]]) -> str:
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


def _tiles(form: Mapping[str, Any]) -> str:
    return ", on tiles" if form["tiled"] else ""


def _plain(text: str) -> str:
    """Text without a meaning in Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", text)
