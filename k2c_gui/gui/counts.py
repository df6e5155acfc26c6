"""A setting in few words, and how numbers differ under two of them."""

from __future__ import annotations

import math

from k2c_gui.core.model import DEFAULT, SETTING_2022, ClusterParams


def setting(params: ClusterParams) -> str:
    """A setting in a few words, such as ``8 · 5 · eom``."""
    if params == SETTING_2022:
        return "the 2022 setting"
    if params == DEFAULT:
        return "the default"
    epsilon = f"{params.epsilon:.1f} px"
    if params.algorithm == "kmeans":
        parts = ["k-means"]
    elif params.algorithm == "dbscan":
        parts = ["dbscan", str(params.min_samples), epsilon]
    else:
        parts = [str(params.min_cluster_size), str(params.min_samples), params.method]
        parts += [epsilon] if params.epsilon else []
        parts += ["library"] if params.algorithm == "reference" else []
    parts += ["weighted"] if params.weighted and params.algorithm == "hdbscan" else []
    return " · ".join(parts + (["split"] if params.split else []))


def change(now: int, before: int) -> str:
    """A difference with its sign: ``+20``, ``\N{MINUS SIGN}3`` or ``±0``."""
    return f"{now - before:+,d}".replace("-", "\u2212") if now != before else "±0"


def share(value: float) -> str:
    """A score between 0 and 1 in three places; a dash where there is none."""
    return "\u2013" if math.isnan(value) else f"{value:.3f}"


def share_change(now: float, before: float) -> str:
    """Difference of two scores with its sign; empty where one is missing."""
    if math.isnan(now) or math.isnan(before):
        return ""
    moved = round(now, 3) - round(before, 3)
    return f"{moved:+.3f}".replace("-", "\u2212") if abs(moved) > 0.0001 else "±0"
