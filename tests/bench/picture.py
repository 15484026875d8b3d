"""Pictures of how cost grows: time and memory over one size."""

from __future__ import annotations

from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from tests.bench.figures import MB
from tests.bench.scaling import Curve

LABELS = {
    "rows": "rows in the window",
    "items": "distinct items",
    "slices": "slices",
    "files": "files in the window",
}
ONCE, DECODE = "#1f5fa8", "#8a8a8a"  # told apart in grey, too
STYLE = {
    "svg.hashsalt": "recwatch",
    "svg.fonttype": "none",
    "font.size": 10.0,
}  # the same file for the same figures


def draw(curve: Curve, path: Path) -> None:
    """Write a picture in the format that the file's name ends in, SVG or PNG."""
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        time, memory = figure.subplots(1, 2)
        sizes = [p.size for p in curve.points]
        once, decode = [p.once_seconds for p in curve.points], [p.decode_seconds for p in curve.points]
        time.plot(sizes, once, "o-", color=ONCE, label="recwatch once")
        time.plot(sizes, decode, "s--", color=DECODE, label="decode alone")
        time.set_ylabel("seconds, whole process")
        time.legend(frameon=False)
        memory.plot(sizes, [p.peak_bytes / MB for p in curve.points], "o-", color=ONCE)
        memory.set_ylabel("peak memory, MB")
        for axes in (time, memory):
            _axes(axes, sizes, LABELS[curve.of])
        if curve.of == "rows":  # time grows as they do: a straight line where both axes are logarithmic
            time.set_yscale("log")
            time.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        else:
            time.set_ylim(bottom=0)
        memory.set_ylim(bottom=0)
        unnamed = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(path, metadata=unnamed, dpi=120)


def _axes(axes: Axes, sizes: list[int], label: str) -> None:
    axes.set_xscale("log")
    axes.set_xticks(sizes, [short(size) for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(label)
    axes.grid(True, which="major", color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def short(size: int) -> str:
    """
    >>> [short(n) for n in (44, 1_000, 50_000, 100_000_000)]
    ['44', '1k', '50k', '100M']
    """
    for scale, letter in ((1_000_000, "M"), (1_000, "k")):
        if size >= scale:
            return f"{size / scale:g}{letter}"
    return str(size)
