"""Bars of medians as PNG beside docs/performance.md, drawn where matplotlib is installed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.document import PLOTS

COLOURS = {"lotor": "#1f6f8b", "strongSwan": "#d98e04", "OpenVPN": "#8a8a8a", "lotor with vpnc": "#6fa8b8"}
OTHERS = ("#7a9e9f", "#b8d8d8", "#4f6367", "#a0522d")


@dataclass(frozen=True, slots=True)
class Plot:
    """Groups of bars: one group for each of `groups`, in it one bar for each of `bars`. `file` without its ending."""

    file: str
    title: str
    unit: str
    groups: Sequence[str]
    bars: Mapping[str, Sequence[float]]


def _label(value: float) -> str:
    """Three figures where a value has fewer before its point, else a whole number."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def draw(plot: Plot) -> str:
    """The line of Markdown that shows it; empty without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no plots: matplotlib is not installed (pip install matplotlib)", file=sys.stderr)
        return ""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / max(1, len(plot.bars))
    for number, (name, values) in enumerate(plot.bars.items()):
        places = [index + (number - (len(plot.bars) - 1) / 2) * width for index in range(len(values))]
        colour = COLOURS.get(name, OTHERS[number % len(OTHERS)])
        drawn = axes.bar(places, list(values), width, label=name, color=colour)
        axes.bar_label(drawn, fmt=_label, fontsize=7)
    axes.set_xticks(range(len(plot.groups)), list(plot.groups))
    axes.set_ylabel(plot.unit)
    axes.set_title(plot.title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    PLOTS.mkdir(exist_ok=True)
    figure.savefig(PLOTS / f"{plot.file}.png", dpi=110, metadata={"Software": None})
    return f"![{plot.title}]({PLOTS.name}/{plot.file}.png)\n"
