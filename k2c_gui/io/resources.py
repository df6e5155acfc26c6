"""Files that ship with the program, the label scheme and the reasons among them."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from k2c_gui.core.model import K2CError, Label

_File = TypeVar("_File", bound=msgspec.Struct)


def resource(name: str) -> Path:
    """Path of a shipped file, from an installed wheel and from a checkout alike."""
    package = Path(__file__).parents[1]
    shipped = package / "resources"
    return (shipped if shipped.is_dir() else package.parent / "resources") / name


class LabelStyle(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One ``[[label]]`` of a label scheme.

    Attributes
    ----------
    name, value, use, answers
        As in `Label`; these are frozen in a session.
    colour, symbol, key : str
        How a view draws it and which key decides for it; preferences.
    """

    name: str
    value: int
    use: bool
    answers: list[str] = []
    colour: str = "#999999"
    symbol: str = "o"
    key: str = ""


class _Scheme(msgspec.Struct, forbid_unknown_fields=True):
    label: list[LabelStyle]


class Reason(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One ``[[reason]]`` to disagree with the volunteers' majority.

    Attributes
    ----------
    code : str
        What is stored with a decision.
    text : str
        For people.
    key : str
        Which key gives it to the last ruling.
    """

    code: str
    text: str
    key: str = ""


class _Reasons(msgspec.Struct, forbid_unknown_fields=True):
    reason: list[Reason]


def reasons(path: Path | None = None) -> tuple[Reason, ...]:
    """Read the reasons that the expert may give.

    Parameters
    ----------
    path : Path, optional
        Without it: those that ship with the program.

    Returns
    -------
    tuple of Reason
        In the order of the file.

    Raises
    ------
    K2CError
        Missing, no list of reasons, or two of one code.
    """
    path = path or resource("reasons.toml")
    found = tuple(_decoded(path, _Reasons, "list of reasons").reason)
    if len({reason.code for reason in found}) < len(found):
        raise K2CError("Two reasons have the same code.", file=path)
    return found


def label_styles(path: Path | None = None) -> tuple[LabelStyle, ...]:
    """Read a label scheme.

    Parameters
    ----------
    path : Path, optional
        Without it: the one of Key2Cat.

    Returns
    -------
    tuple of LabelStyle
        In rising order of value.

    Raises
    ------
    K2CError
        Missing, no scheme, or two labels of one name or value.
    """
    path = path or resource("labels.toml")
    styles = _decoded(path, _Scheme, "label scheme").label
    for what in ("value", "name"):
        if len({getattr(style, what) for style in styles}) < len(styles):
            raise K2CError(f"Two labels have the same {what}.", file=path)
    if not styles or not all(0 <= style.value < 1 << 15 for style in styles):
        raise K2CError("Label values run from 0 to 32767.", file=path)
    return tuple(sorted(styles, key=lambda style: style.value))


def labels(path: Path | None = None) -> tuple[Label, ...]:
    """Labels of a scheme without their looks; see `label_styles`."""
    return tuple(Label(s.value, s.name, s.use, tuple(s.answers)) for s in label_styles(path))


def _decoded(path: Path, kind: type[_File], what: str) -> _File:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise K2CError(f"It cannot be read: {error.strerror}.", file=path) from error
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise K2CError(f"This is no {what}: {error}.", file=path) from error
