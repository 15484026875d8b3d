"""Figures beside their targets, and the machine they were measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("recwatch", "numpy", "scipy", "pyarrow", "duckdb")
MB = 1e6


class CouldNotMeasure(Exception):
    """What was to be measured ended with an error; says which and what it printed."""


@dataclass(frozen=True)
class Figure:
    """One figure.

    Parameters
    ----------
    value : float or None
        None when it could not be measured; `note` says why.
    target : float or None
        At most this, or at least this; None when there is none.
    at_least : bool
        Whether more is better.
    unit : str
        Behind the value: " s", " MB", " x".
    """

    name: str
    value: float | None
    unit: str
    target: float | None = None
    note: str = ""
    at_least: bool = False

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "not measured"
        if self.target is None:
            return ""
        good = self.value >= self.target if self.at_least else self.value <= self.target
        return "ok" if good else "falls short"


def table(figures: Sequence[Figure]) -> str:
    """Markdown, aligned."""
    rows = [("figure", "value", "target", "")]
    for figure in figures:
        value = "-" if figure.value is None else f"{_short(figure.value)}{figure.unit}"
        bound = "at least" if figure.at_least else "at most"
        target = "" if figure.target is None else f"{bound} {_short(figure.target)}{figure.unit}"
        rows.append((figure.name, value, target, ": ".join(filter(None, (figure.verdict, figure.note)))))
    return markdown(rows)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns stand under each other; the first row is its head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def millions(rows: int) -> str:
    """
    >>> millions(10_000_000), millions(200_000)
    ('10 million rows', '0.2 million rows')
    """
    return f"{rows / 1e6:g} million rows"


def machine() -> str:
    """Processor, cores, memory, system and versions in one line."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    total = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    cores = len(os.sched_getaffinity(0))
    packages = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    return f"{cpu}, {cores} cores, {total / 2**20:.0f} GiB; Python {platform.python_version()}, {packages}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
