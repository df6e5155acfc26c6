"""A release checked against itself: every hash, every count, every label."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from k2c_gui.core.consensus import headline
from k2c_gui.core.model import (
    SPLITS,
    K2CError,
    Label,
    Micrograph,
    Progress,
    TrainingSet,
    no_progress,
    training_dtype,
)
from k2c_gui.core.names import label_names, stems
from k2c_gui.core.tiling import tile
from k2c_gui.core.training_set import SOURCE_OF_DECISION

from . import exporters
from .files import sha256
from .release import LOG, MANIFEST, RUN, TABLE

_PART: dict[str, str] = {**{split: split for split in SPLITS}, "val": "validation"}
"""What formats call the parts of a split."""

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class _Release:
    folder: Path
    run: Mapping[str, Any]
    instances: list[Row]
    negatives: list[Row]
    lines: list[dict[str, Any]]
    signed: bool  # every file is as the manifest says


def verify(folder: Path, progress: Progress = no_progress) -> tuple[str, ...]:
    """Recompute everything that a release says of itself.

    Parameters
    ----------
    folder : Path
    progress : Progress

    Returns
    -------
    tuple of str
        Faults, as sentences; none in a release that is as it was written.

    Raises
    ------
    K2CError
        It is no release at all.
    """
    if not (folder / MANIFEST).is_file():
        raise K2CError(
            f"There is no {MANIFEST} in it.", file=folder, remedy="Name the folder of a release."
        )
    faults = list(_hashes(folder, progress))
    try:
        release = _read(folder, signed=not faults)
    except (OSError, LookupError, ValueError, TypeError, csv.Error) as error:
        return (*faults, f"It cannot be read: {error}.")
    checks: tuple[Callable[[_Release], Iterator[str]], ...] = (
        _split,
        _paths,
        _counts,
        _labels,
        _measures,
        _decisions,
        _catalogues,
        _formats,
    )
    for done, check in enumerate(checks):
        progress("Counting", done, len(checks))
        try:
            faults += check(release)
        except (
            Exception
        ) as error:  # damaged files, read by a dozen libraries with errors of their own
            faults.append(f"It makes no sense ({check.__name__[1:]}): {error!r}.")
    return tuple(dict.fromkeys(faults))


def _read(folder: Path, *, signed: bool) -> _Release:
    try:
        run = json.loads((folder / RUN).read_text("utf-8"))
        names = {m["name"] for m in run["micrographs"]}
    except (LookupError, ValueError, TypeError) as error:
        raise ValueError(f"{RUN} is broken, or does not name the micrographs") from error
    return _Release(
        folder,
        run,
        _rows(folder / TABLE / "instances.csv", names),
        _rows(folder / TABLE / "negatives.csv", names),
        # not splitlines: a name may hold what Python takes for the end of a line
        [json.loads(line) for line in (folder / LOG).read_text("utf-8").split("\n") if line],
        signed,
    )


def _hashes(folder: Path, progress: Progress) -> Iterator[str]:
    """Every file is in the manifest, and as it was."""
    stated: dict[str, str] = {}
    lines = (folder / MANIFEST).read_text("utf-8", errors="replace").split("\n")
    if lines[-1] == "":
        lines.pop()
    for number, line in enumerate(lines, 1):
        digest, _, name = line.partition("  ")
        if not re.fullmatch(r"[0-9a-f]{64}", digest) or not name or name in stated:
            yield f"{MANIFEST}, row {number}: it is none of ours."
        stated[name] = digest
    there = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() or path.is_symlink()
    } - {MANIFEST}
    for name in sorted(stated.keys() - there):
        yield f"{name} is missing."
    for name in sorted(there - stated.keys()):
        yield f"{name} does not belong to the release."
    for done, name in enumerate(sorted(there & stated.keys())):
        progress("Hashing", done, len(there))
        yield from _hash(folder, name, stated[name])
    folded = Counter(name.casefold() for name in there)
    for name in sorted(there):
        if folded[name.casefold()] > 1:
            yield f"{name} and another file differ in upper and lower case alone."


def _hash(folder: Path, name: str, stated: str) -> Iterator[str]:
    try:
        if sha256(folder / name) != stated:
            yield f"{name} has changed."
    except OSError as error:  # a link that leads nowhere, or what we may not read
        yield f"{name} cannot be read: {error.strerror or error}."


def _split(release: _Release) -> Iterator[str]:
    """No micrograph is in two parts, neither by name nor by image."""
    part_of = _parts(release)
    for name, number in Counter(m["name"] for m in release.run["micrographs"]).items():
        if number > 1:
            yield f"The micrograph {name} is there {number} times."
    images: dict[str, set[str]] = {}
    for micrograph in release.run["micrographs"]:
        if micrograph["split"] not in SPLITS:
            yield f"{micrograph['name']} is in no part of the split."
        if micrograph["sha256"]:
            images.setdefault(micrograph["sha256"], set()).add(micrograph["split"])
    for digest, found in images.items():
        if len(found) > 1:
            yield f"The image {digest[:12]} is in {' and '.join(sorted(found))}."
    for row in (*release.instances, *release.negatives):
        if part_of.get(row["micrograph"]) != row["split"]:
            yield f"Instance {row['instance']} is in {row['split']}, its micrograph is not."


def _paths(release: _Release) -> Iterator[str]:
    """No file of a format tells of a micrograph in two parts."""
    found: dict[tuple[str, str], set[str]] = {}
    known = set(stems(Micrograph(m["name"], "", 0, 0) for m in release.run["micrographs"]))
    for name, stated in release.run["formats"].items():
        place = exporters.load(name).SPLIT_FOLDER
        if place is None:
            continue
        for path in (release.folder / name).rglob("*"):
            *folders, file = path.relative_to(release.folder / name).parts
            stem = file.rpartition(".")[0]
            if name == "crops":
                stem = stem.rpartition("_")[0]  # the number of the instance
            elif stated["tiled"]:
                stem = re.sub(r"_y\d+_x\d+$", "", stem)
            if path.is_file() and stem in known and len(folders) > place:
                part = folders[place]
                found.setdefault((name, stem), set()).add(_PART.get(part, part))
    for (name, stem), parts in sorted(found.items()):
        if len(parts) > 1:
            yield f"{name}: {stem} is in {' and '.join(sorted(parts))}."


def _counts(release: _Release) -> Iterator[str]:
    """The table has as many rows as the filters let through, in every part and label."""
    run, part_of = release.run, _parts(release)
    totals = {"instances": len(release.instances), "negatives": len(release.negatives)}
    totals["labelled"] = sum(row["label"] != "" for row in release.instances)
    totals["decisions"] = len(release.lines)
    for what, number in totals.items():
        if run["counts"][what] != number:
            yield f"There are {number} {what}, and {RUN} says {run['counts'][what]}."
    in_force = Counter(line["source"] for line in release.lines if line["in_force"])
    if {source: n for source, n in run["counts"]["in_force"].items() if n} != dict(in_force):
        yield f"Other numbers of decisions are in force than {RUN} says."
    for split in SPLITS:
        rows = [row for row in release.instances if row["split"] == split]
        labels = Counter(row["label"] for row in rows)
        stated = run["parts"][split]
        found = {
            "micrographs": sum(part == split for part in part_of.values()),
            "unlabelled": labels.pop("", 0),
            "negatives": sum(row["split"] == split for row in release.negatives),
        }
        for what, number in found.items():
            if stated[what] != number:
                yield f"{split} has {number} {what}, and {RUN} says {stated[what]}."
        if {k: n for k, n in stated["instances"].items() if n} != dict(labels):
            yield f"{split} has other numbers of labels than {RUN} says."
    left = {"micrographs": len(run["micrographs"]), "instances": len(release.instances)}
    for entry in reversed(run["filters"]):
        if entry["out"] != left[entry["of"]]:
            yield f"The filter {entry['filter']!r} does not let through what follows."
        left[entry["of"]] = entry["in"]


def _labels(release: _Release) -> Iterator[str]:
    """Every label is what its source makes of the votes, and numbers run on from 1."""
    used = {str(label["value"]): label["use"] for label in release.run["labels"]}
    votes = [f"votes_{value}" for value in used]
    rows = [*release.instances, *release.negatives]
    if [row["instance"] for row in rows] != [str(i) for i in range(1, len(rows) + 1)]:
        yield "The instances are not numbered from 1."
    for row in rows:
        counts = [int(row[column]) for column in votes]
        leaders = [value for value, n in zip(used, counts, strict=True) if n == max(counts) > 0]
        majority = leaders[0] if len(leaders) == 1 else ""
        if row["source"] in ("majority", "sign-off") and row["label"] != majority:
            yield f"The label of instance {row['instance']} is not the majority of its votes."
        shares = [float(row[f"soft_{value}"]) for value in used]
        weight = float(release.run["soft_label_pseudo_count"])
        whole = sum(counts) + weight * len(counts)
        right = [(n + weight) / whole for n in counts]
        if max(abs(a - b) for a, b in zip(shares, right, strict=True)) > 1e-4:
            yield f"The soft label of instance {row['instance']} is not that of its votes."
    for row in release.instances:
        if row["label"] and not used.get(row["label"]):
            yield f"The label of instance {row['instance']} is not trained on."
    for row in release.negatives:
        if row["label"] and used.get(row["label"], True):
            yield f"The label of negative {row['instance']} is trained on."


def _measures(release: _Release) -> Iterator[str]:
    """What follows from the votes, the place and the label is what is written beside them."""
    run, rows = release.run, [*release.instances, *release.negatives]
    labels = tuple(Label(one["value"], one["name"], one["use"]) for one in run["labels"])
    names = {"": ""} | {str(value): name for value, name in label_names(labels).items()}
    nm = {m["name"]: m["pixel_size_nm"] for m in run["micrographs"]}
    votes = [[int(row[f"votes_{label.value}"]) for label in labels] for row in rows]
    counts = np.array(votes, np.int64).reshape(-1, len(labels))
    _, margins, ambiguous = headline(counts, labels, run["parameters"]["margin"])
    for row, margin, unsure in zip(rows, margins.tolist(), ambiguous.tolist(), strict=True):
        told = float(row["margin"] or "nan")
        if isfinite(told) != isfinite(margin) or abs(told - margin) > 1e-4:
            yield f"The margin of instance {row['instance']} is not that of its votes."
        if row["ambiguous"] != str(int(unsure)):
            yield f"Instance {row['instance']} is wrongly told ambiguous or clear."
        if row["label_name"].removeprefix("'") != names[row["label"]].removeprefix("'"):
            yield f"The label of instance {row['instance']} has another name."
        size = nm[row["micrograph"]]
        for axis in "xy":
            place = float(row[f"{axis}_px"]) * (size or float("nan"))
            stated = float(row[f"{axis}_nm"] or "nan")
            if isfinite(stated) != isfinite(place) or abs(stated - place) > 1e-3 * (size or 1):
                yield f"The nm of instance {row['instance']} are not those of its px."


def _catalogues(release: _Release) -> Iterator[str]:
    """The catalogues describe the files that are there."""
    catalogue = json.loads((release.folder / "croissant.json").read_text("utf-8"))
    lines = (release.folder / MANIFEST).read_text("utf-8").split("\n")
    stated = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for entry in catalogue["distribution"]:
        if stated.get(entry["@id"]) != entry["sha256"]:
            yield f"croissant.json has another hash of {entry['@id']}."
    if not release.signed:
        return  # told already
    crate = json.loads((release.folder / "ro-crate-metadata.json").read_text("utf-8"))
    for entity in crate["@graph"]:
        path = release.folder / str(entity.get("name", ""))
        file = entity["@type"] == "File" and path.is_file()
        if file and path.stat().st_size != int(entity["contentSize"]):
            yield f"ro-crate-metadata.json has another size of {entity['name']}."


def _decisions(release: _Release) -> Iterator[str]:
    """The rulings in force give the labels that are exported, and no others."""
    ruled: dict[str, dict[str, Any]] = {}
    for line in release.lines:
        if line["instance"] is None:
            continue
        if not line["in_force"] or str(line["instance"]) in ruled:
            yield f"Decision {line['decision']} cannot stand for instance {line['instance']}."
        ruled[str(line["instance"])] = line
    numbers = [line["decision"] for line in release.lines]
    if sorted(numbers) != list(range(1, len(numbers) + 1)):
        yield "The decisions are not numbered from 1."
    for rows, verdict in ((release.instances, "defer"), (release.negatives, "reject")):
        for row in rows:
            yield from _ruling(row, ruled.pop(row["instance"], None), verdict)
    for number in ruled:
        yield f"A decision is about instance {number}, which is not there."


def _ruling(row: Row, line: Mapping[str, Any] | None, verdict: str) -> Iterator[str]:
    """A row says what its decision says; without a label it has one verdict only."""
    number = row["instance"]
    if (line is None) != (row["source"] == "majority"):
        yield f"Instance {number} is by {row['source']}, and the decisions do not say so."
    elif line is not None:
        label = "" if line["label"] is None else str(line["label"])
        if label != row["label"] or line["verdict"] != ("label" if label else verdict):
            yield f"Instance {number} does not have the label of its decision."
        if row["source"] != SOURCE_OF_DECISION.get(line["source"]):
            yield f"Instance {number} is by {row['source']}, its decision by {line['source']}."
        if line["micrograph"] != row["micrograph"] or _far(line, row):
            yield f"Instance {number} is not where its decision is."


def _formats(release: _Release) -> Iterator[str]:
    """Every format holds as many instances as the table."""
    labelled = [row for row in release.instances if row["label"]]
    for name, stated in release.run["formats"].items():
        found = exporters.load(name).count(release.folder / name)
        if found != stated["instances"]:
            yield f"{name} has {found} instances, and {RUN} says {stated['instances']}."
        if found is None:
            continue
        if stated["tiled"]:
            may = {_on_tiles(release, labelled), _on_tiles(release, release.instances)}
        else:
            may = {len(labelled), len(release.instances)}
        if found not in may:
            yield f"{name} has {found} instances, and the table {max(may)}."


def _on_tiles(release: _Release, rows: list[Row]) -> int:
    """How often instances are shown where the micrographs are cut into tiles."""
    micrographs = tuple(
        Micrograph(m["name"], "", m["width"], m["height"]) for m in release.run["micrographs"]
    )
    place = {m.name: i for i, m in enumerate(micrographs)}
    table = np.zeros(len(rows), training_dtype(1))
    table["micrograph"] = [place[row["micrograph"]] for row in rows]
    for axis in "xy":
        table[axis] = [float(row[f"{axis}_px"]) for row in rows]
    whole = TrainingSet(
        micrographs,
        (Label(0, "", True),),
        table,
        table[:0],
        np.ones(len(micrographs)),
        "",
        (SPLITS[0],) * len(micrographs),
    )
    choice = release.run["choice"]
    return len(tile(whole, choice["tile"], choice["overlap"]).instances)


def _parts(release: _Release) -> dict[str, str]:
    return {m["name"]: m["split"] for m in release.run["micrographs"]}


def _rows(path: Path, names: Set[str]) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    for row in rows:
        if "micrograph" not in row:
            raise ValueError(f"{path.name} has no column micrograph")
        if None in row or None in row.values():
            raise ValueError(f"{path.name} has rows of another length than its header")
        if row["micrograph"] not in names:  # a quote keeps a spreadsheet from running a name
            row["micrograph"] = row["micrograph"].removeprefix("'")
    return rows


def _far(line: Mapping[str, Any], row: Row) -> bool:
    far = max(abs(float(line[axis]) - float(row[axis])) for axis in ("x_px", "y_px"))
    return not isfinite(far) or far > 0.002
