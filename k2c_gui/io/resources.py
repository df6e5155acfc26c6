"""Files that ship with the program, and the label scheme among them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from k2c_gui.core.model import K2CError, Label


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
    try:
        styles = msgspec.toml.decode(path.read_bytes(), type=_Scheme).label
    except OSError as error:
        raise K2CError(f"It cannot be read: {error.strerror}.", file=path) from error
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise K2CError(f"This is no label scheme: {error}.", file=path) from error
    for what in ("value", "name"):
        if len({getattr(style, what) for style in styles}) < len(styles):
            raise K2CError(f"Two labels have the same {what}.", file=path)
    if not styles or not all(0 <= style.value < 1 << 15 for style in styles):
        raise K2CError("Label values run from 0 to 32767.", file=path)
    return tuple(sorted(styles, key=lambda style: style.value))


def labels(path: Path | None = None) -> tuple[Label, ...]:
    """Labels of a scheme without their looks; see `label_styles`."""
    return tuple(Label(s.value, s.name, s.use, tuple(s.answers)) for s in label_styles(path))
