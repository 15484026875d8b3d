"""The findings of one window as tables by slice, trouble first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from detectors.core.verdict import Verdict
from monitor.exposition.catalogue import MeasureInfo
from monitor.exposition.render import RANK, WHOLE, worst
from monitor.findings import Finding, Findings
from monitor.web.states import VERDICTS, State
from monitor.web.wording import UNKNOWN, band, number, quantity, short

MOST_SLICES = 60


@dataclass(frozen=True)
class FindingView:
    measure: str
    meaning: str
    value: str
    usual: str
    expected: str
    n: str
    verdict: State
    item: str


@dataclass(frozen=True)
class SliceView:
    """A slice with the worst verdict in it and how often each verdict was given."""

    name: str
    whole: bool
    verdict: State
    counts: str
    findings: tuple[FindingView, ...]


def read_findings(
    findings: Findings, catalogue: Mapping[str, MeasureInfo], most_slices: int = MOST_SLICES
) -> tuple[tuple[SliceView, ...], int]:
    """The whole first, then slices with the worst verdict first; and how many were left out."""
    rows: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        rows[finding.slice].append(finding)
    ranked = sorted(rows, key=lambda name: (name != WHOLE, RANK[worst(f.verdict for f in rows[name])], name))
    views = tuple(_slice(name, rows[name], catalogue) for name in ranked[: most_slices + 1])
    return views, len(ranked) - len(views)


def _slice(name: str, rows: list[Finding], catalogue: Mapping[str, MeasureInfo]) -> SliceView:
    verdicts = [row.verdict for row in rows]
    present = sorted(set(verdicts), key=RANK.__getitem__)
    return SliceView(
        "everything" if name == WHOLE else short(name),
        name == WHOLE,
        VERDICTS[worst(verdicts)],
        ", ".join(f"{verdicts.count(verdict)} {VERDICTS[verdict].word}" for verdict in present),
        tuple(_finding(row, catalogue.get(row.measure)) for row in sorted(rows, key=_trouble_first)),
    )


def _trouble_first(row: Finding) -> tuple[bool, str]:
    return row.verdict not in (Verdict.BREACH, Verdict.ERROR), row.measure


def _finding(row: Finding, info: MeasureInfo | None) -> FindingView:
    unit = info.unit if info else ""
    item = row.evidence.get("item", "")
    return FindingView(
        short(row.measure),
        info.help if info else "",
        quantity(row.value, unit),
        quantity(row.expected, unit),
        band(row.low, row.high, unit),
        number(row.n) if row.n > 0 else UNKNOWN,
        VERDICTS[row.verdict],
        short(item) if item and row.verdict is Verdict.BREACH else "",
    )
