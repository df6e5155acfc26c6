"""Scores and parameters as people read them: names, numbers, units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite

from k2c_gui.core.grid import Value

from .painting import NOTHING


@dataclass(frozen=True, slots=True)
class Score:
    """One score of a setting.

    Attributes
    ----------
    name : str
        As `core.sweep.SCORES` has it.
    words : str
        As a list of scores names it.
    head : str
        As a column names it.
    unit : str
        What follows a number; ``%``: a share; empty: a plain number.
    """

    name: str
    words: str
    head: str
    unit: str

    @property
    def counts(self) -> bool:
        """Whether it counts something, rather than being a share or an index."""
        return self.unit not in ("%", "")

    def written(self, value: float) -> str:
        """A value, without a unit; a share has its own."""
        if not isfinite(value):
            return NOTHING
        if self.counts:
            return f"{value:,.0f}"
        text = f"{100 * value:.1f} %" if self.unit == "%" else f"{value:.3f}"
        return text.replace("-", "\u2212")

    def told(self, value: float) -> str:
        """A value with its unit."""
        text = self.written(value)
        return f"{text} {self.unit}" if self.counts and isfinite(value) else text

    def short(self, value: float) -> tuple[str, ...]:
        """A value for a small place, the longest first; the unit stands elsewhere."""
        if not isfinite(value):
            return (NOTHING,) * 2
        if self.counts:
            thousands = f"{value / 1000:.0f}k" if value >= 10_000 else f"{value:.0f}"
            return f"{value:.0f}", thousands
        digits = (1, 0) if self.unit == "%" else (2, 1)
        scaled = 100 * value if self.unit == "%" else value
        return tuple(f"{scaled:.{n}f}".replace("-", "\u2212") for n in digits)


WORDS = (
    Score("agreement", "Agreement", "agreement", "%"),
    Score("f1", "F1 of decided instances", "F1", "%"),
    Score("precision", "Precision", "precision", "%"),
    Score("recall", "Recall", "recall", "%"),
    Score("labels", "Labels agreeing", "labels", "%"),
    Score("instances", "Instances", "instances", "instances"),
    Score("ambiguous", "Ambiguous", "ambiguous", "ambiguous"),
    Score("ties", "Ties", "ties", "tied"),
    Score("unvoted", "Without votes", "no votes", "without votes"),
    Score("noise", "Noise marks", "noise", "noise marks"),
    Score("stability", "Stability of labels", "stability", "%"),
    Score("validity", "Relative validity", "validity", ""),
)
"""In the order of the list."""

BY_NAME = {score.name: score for score in WORDS}

PARAMETERS = {
    "min_cluster_size": ("min_cluster_size", "marks", "3:20"),
    "min_samples": ("min_samples", "marks", "1:6,8,10,12,15"),
    "epsilon": ("epsilon", "px", "0:20:2"),
    "margin": ("ambiguity margin", "share of votes", "0:0.4:0.05"),
    "method": ("method", "", "eom,leaf"),
    "algorithm": ("algorithm", "", "hdbscan,reference"),
    "centroid": ("centroid", "", "mode,mean,median"),
    "weighted": ("exposure weights", "", "no,yes"),
    "split": ("split", "", "no,yes"),
}
"""Of each parameter: its words, its unit, the values that a map begins with."""


def parameter(name: str) -> str:
    """A parameter with its unit."""
    words, unit, _ = PARAMETERS[name]
    return f"{words}, {unit}" if unit else words


def as_table(facts: Sequence[tuple[str, str]]) -> str:
    """Names and values for a tooltip, below each other."""
    lines = (
        f"<tr><td>{escape(name)}&nbsp;&nbsp;</td><td align='right'>{escape(told)}</td></tr>"
        for name, told in facts
    )
    return f"<table cellspacing='0'>{''.join(lines)}</table>"


def value(own: Value) -> str:
    """A value of a parameter, without its unit."""
    if isinstance(own, bool):
        return "yes" if own else "no"
    return f"{own:g}" if isinstance(own, float) else str(own)
