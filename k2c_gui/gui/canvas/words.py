"""What the hover plate says of an instance or a mark."""

from __future__ import annotations

from dataclasses import replace
from math import isnan

from k2c_gui.core import queue as queues
from k2c_gui.core.model import NO_LABEL
from k2c_gui.desk import State, number
from k2c_gui.gui import case_facts
from k2c_gui.gui.symbols import DECIDED, DEFERRED, REJECTED, Symbol

from .plates import Line
from .scene import Scene

HIDDEN = "Hidden until you decide"


def of_instance(state: State, scene: Scene, row: int) -> tuple[Line, ...]:
    """Say what an instance is, its votes, and how many saw it."""
    instance = scene.instances[row]
    symbol = scene.symbols[scene.symbol[row]]
    mark = int(queues.anchors(scene.instances[row : row + 1], state.ledger)[0])
    plain = symbol if symbol.sign in ("dissolved", "expert") else replace(symbol, sign="")
    head = Line(f"{number(state, state.shown, mark)}  {_what(state, symbol)}", symbol=plain)
    seen = f"{instance['n_marks']} marks, {instance['exposure']} looks"
    support = float(instance["support"])
    foot = Line(seen, "" if isnan(support) else f"support {100 * support:.0f} %", dim=True)
    standing = case_facts.standing_words(instance)
    head_lines = (head, Line(standing, dim=True)) if standing else (head,)
    if scene.hidden[row]:
        return *head_lines, Line(HIDDEN, dim=True), foot
    return *head_lines, *_votes(state, instance["votes"].tolist()), foot


def of_mark(state: State, scene: Scene, mark: int) -> tuple[Line, ...]:
    """Say what a mark in no instance is, and the votes on it."""
    head = Line("Noise mark" if scene.noise[mark] else "Mark of no instance")
    if scene.withheld[mark]:
        return head, Line(HIDDEN, dim=True)
    return head, *_votes(state, scene.opinions.counts[mark].tolist())


def _what(state: State, symbol: Symbol) -> str:
    names = {label.value: label.name for label in state.sources.labels}
    label = "No label" if symbol.label == NO_LABEL else names[symbol.label]
    if symbol.hidden and symbol.sign == "conflict":
        return "Experts disagree"
    if symbol.status == DECIDED:
        return f"{label}, decided"
    if symbol.status == REJECTED:
        return "No thing at all, decided"
    if symbol.status == DEFERRED:
        return "Kept ambiguous"
    if symbol.hidden:
        return "Ambiguous"
    return f"{label}, ambiguous" if symbol.ambiguous else f"{label}, proposed"


def _votes(state: State, counts: list[int]) -> tuple[Line, ...]:
    total = sum(counts)
    if not total:
        return (Line("No votes", dim=True),)
    return tuple(
        Line(
            label.name,
            f"{count}   {100 * count / total:3.0f} %",
            Symbol(label.value),
        )
        for label, count in zip(state.sources.labels, counts, strict=True)
        if count
    )
