"""Grids of settings as people write them: ``min_cluster_size=5:15:2,method=eom,leaf``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from math import prod
from typing import Any

from .model import ClusterParams, K2CError
from .settings import KEYS, NAMED, value

MOST = 100_000
"""Settings of a grid; more is a slip of the pen, and would take days."""

Value = int | float | bool | str


@dataclass(frozen=True, slots=True)
class Axis:
    """What one parameter is varied over.

    Attributes
    ----------
    name : str
        A field of `ClusterParams`.
    values : tuple
        One or more, no two alike.
    """

    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Every combination of some values of some parameters.

    Attributes
    ----------
    base : ClusterParams
        What no axis varies.
    axes : tuple of Axis
        Without one: `base` alone.

    Raises
    ------
    K2CError
        It is empty, has more than `MOST` settings, or a setting is none; its size is told.
    """

    base: ClusterParams
    axes: tuple[Axis, ...] = ()

    def __post_init__(self) -> None:
        size = len(self)
        if size > MOST:
            raise _too_many(size)
        if size == 0:
            empty = ", ".join(axis.name for axis in self.axes if not axis.values)
            raise K2CError(
                f"The grid has 0 settings: there is no value of {empty}.",
                remedy="A range is first:last:step, with the last not below the first.",
            )
        try:
            for _ in self.settings():
                pass
        except K2CError as error:
            raise K2CError(f"Of the grid's {size} settings one is none: {error}") from error

    def __len__(self) -> int:
        return prod(self.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each axis."""
        return tuple(len(axis.values) for axis in self.axes)

    def settings(self) -> Iterator[ClusterParams]:
        """Every setting; the last axis varies fastest, as in an array of `shape`."""
        names = [axis.name for axis in self.axes]
        for values in itertools.product(*(axis.values for axis in self.axes)):
            changes: dict[str, Any] = dict(zip(names, values, strict=True))
            yield replace(self.base, **changes)


def grid(text: str, applied: ClusterParams) -> Grid:
    """Read a grid.

    Parameters
    ----------
    text : str
        ``key=values`` parted by commas; values are parted by commas, too, and ``first:last:step``
        is a range that holds its last. A name (``2022``, ``default``, ``applied``) may stand
        first and says what the keys that are not named are.
    applied : ClusterParams
        The session's setting: what they are otherwise.

    Returns
    -------
    Grid
        A key of one value is no axis; it is in the base.

    Raises
    ------
    K2CError
        An unknown or repeated key, a value that is none or given twice, and what `Grid` refuses.
    """
    if not text.strip():
        raise K2CError("The grid has 0 settings.", remedy="To score the applied one: applied.")
    parts = [part.strip() for part in text.split(",")]
    named = NAMED | {"applied": applied}
    base = named[parts.pop(0)] if parts and parts[0] in named else applied
    written: dict[str, list[str]] = {}
    key = ""
    for part in parts:
        if "=" in part:
            key, _, part = (piece.strip() for piece in part.partition("="))
            if key in written:
                raise K2CError(f"{key} is given twice in the grid {text!r}.")
            written[key] = []
        elif not key:
            raise K2CError(
                f"{part!r} is no key=values in the grid {text!r}.",
                remedy=f"Keys are {', '.join(KEYS)}; named settings {', '.join(named)}.",
            )
        if part:
            written[key].append(part)
    counted = {key: [(own, _length(key, own)) for own in parts] for key, parts in written.items()}
    size = prod(sum(n for _, n in parts) for parts in counted.values())
    if size > MOST:  # before any range is laid out
        raise _too_many(size)
    asked = Grid(base, tuple(_axis(key, parts) for key, parts in counted.items()))
    fixed: dict[str, Any] = {a.name: a.values[0] for a in asked.axes if len(a.values) == 1}
    return Grid(replace(base, **fixed), tuple(a for a in asked.axes if a.name not in fixed))


def _axis(key: str, parts: list[tuple[str, int]]) -> Axis:
    values: list[Value] = []
    for part, n in parts:
        if ":" not in part:
            values.append(value(key, part))
            continue
        first, _, step = _range(key, part)
        # decimals, or 0.1 + 0.1 + 0.1 would be past 0.3
        values += [value(key, str(first + i * step)) for i in range(n)]
    twice = {each for each in values if values.count(each) > 1} if len(values) < 1000 else ()
    if twice or len(set(values)) < len(values):
        told = ", ".join(map(str, sorted(twice, key=str)))
        raise K2CError(f"A value of {key} is given twice: {told or 'ranges overlap'}.")
    return Axis(key, tuple(values))


def _length(key: str, part: str) -> int:
    """How many values a part stands for."""
    value(key, part if ":" not in part else "1")
    if ":" not in part:
        return 1
    first, last, step = _range(key, part)
    return max(0, int((last - first) / step) + 1) if last >= first else 0


def _range(key: str, text: str) -> tuple[Decimal, Decimal, Decimal]:
    pieces = text.split(":")
    try:
        numbers = [Decimal(piece.strip()) for piece in pieces]
    except InvalidOperation:
        numbers = []
    if len(numbers) == 2:
        numbers.append(Decimal(1))
    if len(numbers) != 3 or not all(number.is_finite() for number in numbers) or numbers[2] <= 0:
        raise K2CError(
            f"{key} is {text!r}.",
            remedy="A range is first:last or first:last:step, in numbers, with a step above 0.",
        )
    return numbers[0], numbers[1], numbers[2]


def _too_many(size: int) -> K2CError:
    return K2CError(
        f"The grid has {size:,} settings; {MOST:,} is the most.",
        remedy="Take wider steps, or fewer parameters at a time.",
    )
