"""Settings as people write them: ``min_cluster_size=5,method=leaf``."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, get_args, get_type_hints

from .model import DEFAULT, SETTING_2022, ClusterParams, K2CError

NAMED = {"2022": SETTING_2022, "default": DEFAULT}
"""Settings that go by a name; ``applied`` is the session's own."""

_TYPES: dict[str, Any] = get_type_hints(ClusterParams)
KEYS = tuple(field.name for field in fields(ClusterParams))


def setting(text: str, applied: ClusterParams) -> ClusterParams:
    """Read one setting.

    Parameters
    ----------
    text : str
        ``key=value`` parted by commas. A name (``2022``, ``default``, ``applied``) may stand
        first, and what follows changes it.
    applied : ClusterParams
        The session's setting: what keys that are not named fall back to.

    Returns
    -------
    ClusterParams

    Raises
    ------
    K2CError
        An unknown or repeated key, or a value that is none; the message says which are known.
    """
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    named = NAMED | {"applied": applied}
    base = named[parts.pop(0)] if parts and parts[0] in named else applied
    changes: dict[str, Any] = {}
    for part in parts:
        key, equals, written = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise K2CError(
                f"{part!r} is no key=value in the setting {text!r}.",
                remedy=f"Keys are {', '.join(KEYS)}; named settings {', '.join(named)}.",
            )
        if key in changes:
            raise K2CError(f"{key} is given twice in the setting {text!r}.", remedy="Give it once.")
        changes[key] = value(key, written)
    return replace(base, **changes)


def value(key: str, text: str) -> Any:
    """Read one value.

    Parameters
    ----------
    key : str
        A field of `ClusterParams`.
    text : str

    Returns
    -------
    int, float, bool or str
        As the field wants it. Whether it is in range, `ClusterParams` says.

    Raises
    ------
    K2CError
        There is no such key, or the text is no value of it.
    """
    if key not in KEYS:
        raise K2CError(f"There is no parameter {key!r}.", remedy=f"There are {', '.join(KEYS)}.")
    wanted = _TYPES[key]
    if wanted is bool:
        known: dict[str, Any] = {"true": True, "yes": True, "1": True}
        known |= {"false": False, "no": False, "0": False}
        remedy = "Give true or false."
    elif wanted in (int, float):
        try:
            return wanted(text)
        except ValueError:
            kind = "a whole number" if wanted is int else "a number"
            raise K2CError(f"{key} is {text!r}.", remedy=f"Give {kind}.") from None
    else:
        known = {choice: choice for choice in get_args(wanted)}
        remedy = f"Give one of: {', '.join(known)}."
    if text.lower() not in known:
        raise K2CError(f"{key} is {text!r}.", remedy=remedy)
    return known[text.lower()]
