"""Plots a table as SVG: medians as bars or lines, least and most as whiskers. Equal figures give equal files."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from benchmarks.table import Plot, Point

STYLE: Final[dict[Any, Any]] = {
    # Makes the ids inside the file reproducible.
    "svg.hashsalt": "headgate",
    # Keeps text as text, which is small and searchable.
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "errorbar.capsize": 2.0,
}

COLOURS: Final = (
    *("#1f5fa8", "#6fa8dc", "#e07b39", "#3d8f5f", "#8e5ea2", "#b23a48", "#5c6470"),
    *("#b59a00", "#2aa5a0", "#d16ba5", "#7a5230", "#9aa84f", "#4b3f72", "#c98f8f"),
)
"""Colours of series, in this order; the first two are for Headgate."""

WHISKERS: Final = "#404040"

LABELLED_MAX: Final = 24
"""Up to this many bars have their figure beside them."""

CATEGORY_MAX: Final = 18
"""With longer names of categories, bars are horizontal."""

WIDTH_IN: Final = 9.0


def svg(plot: Plot) -> str:
    """Raises ValueError for a plot without a figure."""
    if not any(series.points for series in plot.series):
        raise ValueError(f"no figures: {plot.title}")
    with mpl.rc_context(STYLE):
        figure = Figure(layout="constrained")
        axes = figure.add_subplot()
        height = _lines(axes, plot) if plot.kind == "lines" else _bars(axes, plot)
        figure.set_size_inches(WIDTH_IN, height)
        figure.suptitle(plot.title, x=0.01, horizontalalignment="left", fontweight="bold", fontsize=11)
        if len(plot.series) > 1:
            figure.legend(loc="outside right upper", frameon=False, fontsize=8)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Title": plot.title})
    return text.getvalue()


def _bars(axes: Axes, plot: Plot) -> float:
    """A group per category; the height of the figure, in inches."""
    categories = list(dict.fromkeys(str(point.at) for series in plot.series for point in series.points))
    bars = len(categories) * len(plot.series)
    lying = len(plot.series) == 1 or any(len(category) > CATEGORY_MAX for category in categories)
    thickness = 0.84 / len(plot.series)
    for number, series in enumerate(plot.series):
        places = [
            categories.index(str(point.at)) + (number - (len(plot.series) - 1) / 2) * thickness
            for point in series.points
        ]
        medians = [point.figure.median for point in series.points]
        looks: dict[str, Any] = {"color": COLOURS[number % len(COLOURS)], "label": series.name}
        looks |= {"ecolor": WHISKERS, "error_kw": {"elinewidth": 0.8}}
        if lying:
            drawn = axes.barh(places, medians, thickness, xerr=_whiskers(series.points), **looks)
        else:
            drawn = axes.bar(places, medians, thickness, yerr=_whiskers(series.points), **looks)
        if bars <= LABELLED_MAX:
            axes.bar_label(drawn, [_short(value) for value in medians], padding=3, fontsize=7)
            axes.margins(x=0.1 if lying else None, y=None if lying else 0.1)
    values = axes.xaxis if lying else axes.yaxis
    others = axes.yaxis if lying else axes.xaxis
    others.set_ticks(range(len(categories)), categories)
    others.grid(visible=False)
    margin = 0.55 + 0.4 * max(0, 3 - len(categories))  # a bar or two shall not fill the picture
    (axes.set_ylim if lying else axes.set_xlim)(-margin, len(categories) - 1 + margin)
    (axes.set_xlabel if lying else axes.set_ylabel)(plot.unit)
    if lying:
        axes.invert_yaxis()
    if plot.log:
        (axes.set_xscale if lying else axes.set_yscale)("log")
        # A bar's foot is no figure on such an axis: it stands below the least of them.
        least = min(point.figure.least for series in plot.series for point in series.points)
        foot = 10 ** math.floor(math.log10(least)) if least > 0 else None
        (axes.set_xlim if lying else axes.set_ylim)(foot)
    values.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    return max(2.2, 0.9 + bars * 0.16 + len(categories) * 0.12) if lying else 4.2


def _lines(axes: Axes, plot: Plot) -> float:
    for number, series in enumerate(plot.series):
        axes.errorbar(
            [float(point.at) for point in series.points],
            [point.figure.median for point in series.points],
            yerr=_whiskers(series.points),
            color=COLOURS[number % len(COLOURS)],
            label=series.name,
            marker="o",
            markersize=4,
            elinewidth=0.8,
        )
    axes.set_ylabel(plot.unit)
    axes.set_xlabel(plot.across)
    if plot.log_across:
        at = [float(point.at) for series in plot.series for point in series.points]
        # From nothing at all there is no way on a logarithmic axis; the part next to it is straight.
        least = min((value for value in at if value > 0), default=1.0)
        if min(at) <= 0:
            axes.set_xscale("symlog", linthresh=least)
        else:
            axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
    if plot.log:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(bottom=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    return 4.2


def _whiskers(points: Sequence[Point]) -> list[list[float]]:
    """How far below and above the median the figures went."""
    return [
        [max(0.0, point.figure.median - point.figure.least) for point in points],
        [max(0.0, point.figure.greatest - point.figure.median) for point in points],
    ]


def _short(value: float) -> str:
    if value == 0:
        return "0"
    if abs(value) >= 1:
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:.2g}"
