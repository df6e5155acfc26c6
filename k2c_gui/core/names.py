"""Names of labels and micrographs as files and columns can hold them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from .model import Label, Micrograph

LONGEST, SHORTENED = 160, 120
"""Bytes of a name: file systems take 255, endings included. What was cut is so much shorter that
it stays as it is when a number and the place of a tile have come behind it."""

_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}$")


def label_names(labels: Iterable[Label]) -> dict[int, str]:
    """Names by value; where two are alike, upper and lower case as one, all get their value."""
    names = {label.value: label.name.strip() or "label" for label in labels}
    if len({name.casefold() for name in names.values()}) == len(names):
        return names
    return {value: f"{name} {value}" for value, name in names.items()}


def stems(micrographs: Iterable[Micrograph]) -> tuple[str, ...]:
    """Names of files without their endings: legal everywhere, and unique ignoring case.

    Letters and digits of any script, ``.``, ``_`` and ``-`` stay; all else becomes ``_``.

    Parameters
    ----------
    micrographs : iterable of Micrograph

    Returns
    -------
    tuple of str
    """
    plain = (unicodedata.normalize("NFC", micrograph.name) for micrograph in micrographs)
    return words(_ENDING.sub("", name) for name in plain)


def words(names: Iterable[str], *, files: bool = False) -> tuple[str, ...]:
    """Names as single words, for files, folders and columns parted by white space.

    As `stems` makes them, of any text.

    Parameters
    ----------
    names : iterable of str
    files : bool
        They are names of files: the ending stays at the end.

    Returns
    -------
    tuple of str
        Cut to `SHORTENED` bytes where they are longer than `LONGEST`; with a number where two
        would be alike.
    """
    taken: set[str] = set()
    found = []
    for name in names:
        plain = re.sub(r"[^\w.-]", "_", unicodedata.normalize("NFC", name))
        ending = _ENDING.search(plain) if files else None
        end = ending[0] if ending else ""
        plain = plain.removesuffix(end)
        if len(plain.encode()) + len(end) > LONGEST:
            plain = plain.encode()[: SHORTENED - len(end)].decode(errors="ignore")
        plain = plain.rstrip(".")
        if not plain or plain[0] in ".-" or _RESERVED.fullmatch(plain.partition(".")[0]):
            plain = f"_{plain}"
        word, number = f"{plain}{end}", 1
        while word.casefold() in taken:
            number += 1
            word = f"{plain}_{number}{end}"
        taken.add(word.casefold())
        found.append(word)
    return tuple(found)


_RESERVED = re.compile(r"(?i)con|prn|aux|nul|(com|lpt)[0-9¹²³]")
"""What Windows keeps for its devices, whatever the ending."""
