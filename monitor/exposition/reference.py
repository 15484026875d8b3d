"""Writes the tables of docs/metrics.md: `python -m monitor.exposition.reference`. Not used by the daemon."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from detectors.core.detector import discover
from monitor.exposition.catalogue import MeasureInfo, measure_families
from monitor.exposition.daemon_families import DAEMON
from monitor.exposition.families import RECOMMENDER, Family

PAGE = Path("docs/metrics.md")


def installed_measures() -> dict[str, MeasureInfo]:
    """Measures of all installed detectors with their default settings, by full name."""
    catalogue = {}
    for name, detector in discover().items():
        for measure in detector().measures():
            full = f"{name}.{measure.name}"
            catalogue[full] = MeasureInfo(full, measure.unit.value, measure.help)
    return catalogue


def document(catalogue: Mapping[str, MeasureInfo]) -> dict[str, str]:
    """The tables, by the name of their place in the page."""
    measures = measure_families(catalogue)
    detectors = sorted({catalogue[name].detector for name in measures})
    by_detector = (
        f"### `{detector}`\n\n"
        + _table(
            ("Metric", "Measure", "Unit", "Meaning"),
            (
                (f"`{family.name}`", f"`{name}`", catalogue[name].unit, family.help)
                for name, family in measures.items()
                if catalogue[name].detector == detector
            ),
        )
        for detector in detectors
    )
    return {
        "recommenders": _families(RECOMMENDER),
        "daemon": _families(DAEMON),
        "measurements": "\n".join(by_detector) or "No detector is installed.\n",
    }


def fill(page: str, tables: Mapping[str, str]) -> str:
    """The page with its tables replaced.

    Raises
    ------
    ValueError
        When the page has no place for one of them.
    """
    for name, table in tables.items():
        begin, end = f"<!-- {name}: generated -->\n", f"<!-- {name}: end -->"
        if begin not in page or end not in page:
            raise ValueError(f"the page has no place for the table {name!r}: {begin.strip()} ... {end}")
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}"
    return page


def _families(families: Iterable[Family]) -> str:
    return _table(
        ("Metric", "Type", "Labels", "Unit", "Meaning", "Absent when"),
        (
            (
                f"`{family.name}`",
                family.type,
                ", ".join(f"`{label}`" if " " not in label else label for label in family.labels),
                family.unit,
                family.help,
                family.absent or "never",
            )
            for family in families
        ),
    )


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def main(page: Path = PAGE) -> None:
    """Bring the page in step with the code."""
    page.write_text(fill(page.read_text("utf-8"), document(installed_measures())), "utf-8")
    print(f"{page} is in step with the code")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
