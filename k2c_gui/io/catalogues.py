"""A release as catalogues of data sets read it: Croissant and RO-Crate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from .papers import SPDX, About, Run, abstract


def croissant(
    about: About, run: Run, table: str, columns: Sequence[str], hashes: Mapping[str, str]
) -> dict[str, Any]:
    """Croissant 1.1 with the vocabulary of responsible AI (RAI) 1.0.

    Parameters
    ----------
    about : About
    run : mapping
        What ``run.json`` holds.
    table : str
        Path of the CSV of instances, and `columns`, its header.
    hashes : mapping of str to str
        SHA-256 by path, of the data.

    Returns
    -------
    dict
        JSON-LD.
    """
    counts = run["counts"]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.1",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "name": about.title,
        "description": abstract(run),
        "license": _licence(about),
        "datePublished": about.date,
        "version": "1.0.0",
        "citeAs": f"{about.credit}: {about.title}, {about.date}",
        "creator": {"@type": "sc:Organization", "name": about.credit},
        "rai:dataAnnotationPlatform": "Zooniverse; rulings of experts with k2c_gui",
        "rai:dataAnnotationProtocol": "Volunteers mark particles on overlapping tiles and vote on"
        " what each is; experts rule on ambiguous ones and sign micrographs off.",
        "rai:annotationsPerItem": f"{counts['votes'] / max(1, counts['marks']):.2f} votes a mark",
        "rai:dataAnnotationAnalysis": "Majority of the pooled votes; soft labels are smoothed"
        " shares of them.",
        "rai:dataLimitations": "Positions are those of groups of marks; sizes are not measured.",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": name,
                "name": name,
                "contentUrl": quote(name),
                "encodingFormat": _media(name),
                "sha256": digest,
            }
            for name, digest in hashes.items()
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "instances",
                "name": "instances",
                "key": {"@id": "instances/instance"},
                "field": [_field(column, table) for column in columns],
            }
        ],
    }


def crate(about: About, run: Run, sizes: Mapping[str, int]) -> dict[str, Any]:
    """RO-Crate 1.1.

    Parameters
    ----------
    about : About
    run : mapping
        What ``run.json`` holds.
    sizes : mapping of str to int
        Bytes by path, of every file but the crate's own and the manifest.

    Returns
    -------
    dict
        JSON-LD.
    """
    licence = _licence(about)
    licence_id = licence if licence.startswith("https:") else "#image-licence"
    about_itself = {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": about.title,
        "description": abstract(run),
        "datePublished": about.date,
        "license": {"@id": licence_id},
        "creditText": about.credit,
        "author": {"@id": "#author"},
        "hasPart": [{"@id": quote(name)} for name in sizes],
        "mentions": {"@id": "#export"},
    }
    program = run["program"]["k2c_gui"]
    entities = [
        {"@id": licence_id, "@type": "CreativeWork", "name": about.image_licence},
        {"@id": "#author", "@type": "Organization", "name": about.credit},
        {"@id": "#k2c_gui", "@type": "SoftwareApplication", "name": "k2c_gui", "version": program},
        {
            "@id": "#export",
            "@type": "CreateAction",
            "name": "k2c export",
            "instrument": {"@id": "#k2c_gui"},
            "result": {"@id": "./"},
        },
    ]
    files = [
        {
            "@id": quote(name),
            "@type": "File",
            "name": name,
            "contentSize": str(size),
            "encodingFormat": _media(name),
        }
        for name, size in sizes.items()
    ]
    return {
        "@context": "https://w3id.org/ro/crate/1.1/context",
        "@graph": [about_itself, root, *entities, *files],
    }


_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}

_TEXT_COLUMNS = ("micrograph", "split", "label_name", "source")
_WHOLE_COLUMNS = ("instance", "n_marks", "n_volunteers", "exposure", "ambiguous")

_MEDIA = {
    "csv": "text/csv",
    "json": "application/json",
    "jsonl": "application/jsonlines",
    "md": "text/markdown",
    "parquet": "application/vnd.apache.parquet",
    "png": "image/png",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "txt": "text/plain",
    "xml": "application/xml",
    "yaml": "application/yaml",
    "cff": "application/yaml",
    "zip": "application/zip",
}


def _media(name: str) -> str:
    """Media type of a file; what has none of its own here is text."""
    return _MEDIA.get(name.rpartition(".")[2].lower(), "text/plain")


def _field(column: str, table: str) -> dict[str, Any]:
    whole = column in _WHOLE_COLUMNS or column.startswith("votes_")
    kind = "sc:Integer" if whole else "sc:Text" if column in _TEXT_COLUMNS else "sc:Float"
    return {
        "@type": "cr:Field",
        "@id": f"instances/{column}",
        "name": column,
        "dataType": kind,
        "source": {"fileObject": {"@id": table}, "extract": {"column": column}},
    }


def _licence(about: About) -> str:
    """As an address where it is one that we know."""
    licence = about.image_licence
    return f"https://spdx.org/licenses/{licence}" if licence in SPDX else licence
