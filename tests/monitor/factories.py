"""Evaluations, incidents and findings as a real shop makes them, healthy and broken, for any test."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from detectors.core.verdict import Severity, Verdict
from monitor.config.models import Columns, LogConfig, RecommenderConfig
from monitor.evaluation import (
    CannotMeasure,
    CatalogSeen,
    Evaluation,
    FileSeen,
    Quarantined,
    ReadReport,
    Status,
)
from monitor.exposition.catalogue import MeasureInfo
from monitor.findings import COLUMNS, Finding, Findings
from monitor.incidents.incident import Incident, Symptom
from monitor.windows import Window

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAN = math.nan
EMAIL_STUCK = "The same item is on top of 95 % of the lists in e-mails."

CATALOGUE = {
    info.name: info
    for info in (
        MeasureInfo(
            "same_item.first_place_share", "ratio", "Share of requests that have the same item on top."
        ),
        MeasureInfo("same_item.identical_list_share", "ratio", "Share of requests that have the same list."),
        MeasureInfo("diversity.effective_items", "items", "Items that matter, as a Hill number of order 1."),
        MeasureInfo("traffic.requests", "requests", "Requests of the window."),
    )
}


def config(name: str = "home", **fields: Any) -> RecommenderConfig:
    log = LogConfig(path="/var/log/shop", columns=Columns(timestamp="time", item="item", request="request"))
    return RecommenderConfig(**{"name": name, "log": log, "labels": {"team": "discovery"}, **fields})


def finding(measure: str, value: float, verdict: Verdict = Verdict.OK, **fields: Any) -> Finding:
    base: dict[str, Any] = {"slice": "all", "error": 0.01, "n": 1571.0, "excluded": False, "evidence": {}}
    base |= {"expected": NAN, "low": NAN, "high": NAN}
    return Finding(**{**base, **fields, "measure": measure, "value": value, "verdict": verdict})


def findings(rows: Iterable[Finding]) -> Findings:
    """Rows as columns, the whole first."""
    rows = list(rows)
    slices = sorted({row.slice for row in rows} | {"all"}, key=lambda s: (s != "all", s))
    measures = sorted({row.measure for row in rows})
    columns = {
        name: [getattr(row, name) for row in rows] for name in COLUMNS if name not in ("slice", "measure")
    }
    columns["slice"] = [slices.index(row.slice) for row in rows]
    columns["measure"] = [measures.index(row.measure) for row in rows]
    return Findings(
        tuple(slices),
        tuple(measures),
        {name: np.array(columns[name], dtype) for name, dtype in COLUMNS.items()},
        {at: row.evidence for at, row in enumerate(rows) if row.evidence},
    )


def healthy_findings() -> Findings:
    return findings(
        [
            finding("same_item.first_place_share", 0.031, expected=0.031, low=0.0, high=0.09),
            finding("same_item.identical_list_share", 0.002, low=0.0, high=0.02),
            finding("diversity.effective_items", 812.5, expected=812.0, low=640, high=980),
            finding("traffic.requests", 1571, expected=1540.0, low=1200, high=1900),
            finding("same_item.first_place_share", 0.034, slice="surface=email", n=320, low=0.0, high=0.1),
            finding("traffic.requests", 320, slice="surface=email", n=320, low=240, high=410),
            finding(
                "same_item.first_place_share", NAN, Verdict.TOO_FEW, slice="country=LU,surface=email", n=4
            ),
        ]
    )


def stuck_findings(item: str = "sku-007065") -> Findings:
    """One item on top of 97 % of the requests."""
    top = {
        "requests": 1571,
        "top_items": [
            {
                "item": item,
                "share": 0.9694,
                "low": 0.9597,
                "high": 0.9768,
                "expected": 0.031,
                "requests": 1523,
            },
            {
                "item": "sku-000412",
                "share": 0.0026,
                "low": 0.0010,
                "high": 0.0065,
                "expected": 0.012,
                "requests": 4,
            },
        ],
    }
    return findings(
        [
            finding(
                "same_item.first_place_share",
                0.9694,
                Verdict.BREACH,
                expected=0.031,
                high=0.09,
                excluded=True,
                evidence=top,
            ),
            finding("same_item.identical_list_share", 0.41, Verdict.BREACH, high=0.02, excluded=True),
            finding(
                "diversity.effective_items",
                6.2,
                Verdict.BREACH,
                expected=812.0,
                low=640,
                high=980,
                excluded=True,
            ),
            finding("traffic.requests", 1571, expected=1540.0, low=1200, high=1900),
            finding(
                "same_item.first_place_share", 0.95, Verdict.BREACH, slice="surface=email", n=320, high=0.1
            ),
            finding(
                "same_item.first_place_share", NAN, Verdict.TOO_FEW, slice="country=LU,surface=email", n=4
            ),
        ]
    )


def read_report(end: datetime = NOON, **fields: Any) -> ReadReport:
    file = FileSeen("date=2026-03-14/hour=11/part-0.parquet", 1_843_200, int(end.timestamp() * 1e6))
    base = {
        "files": (file,),
        "bytes_read": 1_843_200,
        "rows_read": 15_790,
        "rows": 15_710,
        "requests": 1571,
        "rows_sampled": 15_710,
        "newest_event": end - timedelta(seconds=3),
        "catalog": CatalogSeen(8_000, 0, end - HOUR),
    }
    return ReadReport(**{**base, **fields})


def evaluation(
    name: str = "home", end: datetime = NOON, status: Status = Status.EVALUATED, **fields: Any
) -> Evaluation:
    """A healthy evaluation of the hour before `end`; for another status, one without findings."""
    evaluated = status is Status.EVALUATED
    base: dict[str, Any] = {
        "recommender": name,
        "window": Window(end - HOUR, end),
        "status": status,
        "told_at": end + timedelta(minutes=10),
        "evaluated_at": end + timedelta(minutes=10, seconds=12),
        "read": read_report(end) if evaluated else ReadReport(),
        "findings": healthy_findings() if evaluated else Findings(),
        "seconds": {"read": 0.4, "measure": 0.2, "judge": 0.05} if evaluated else {},
        "cannot_measure": (CannotMeasure("same_item.users", "the log has no user column"),),
    }
    return Evaluation(**{**base, **fields})


def stuck_evaluation(
    name: str = "home", end: datetime = NOON, item: str = "sku-007065", **fields: Any
) -> Evaluation:
    return evaluation(
        name,
        end,
        **{"findings": stuck_findings(item), "open_incidents": (incident(name, end, item),), **fields},
    )


def failed_evaluation(name: str = "home", end: datetime = NOON, **fields: Any) -> Evaluation:
    bad = Quarantined("date=2026-03-14/hour=11/part-0.parquet", "not a Parquet file: it ends in 'html>'", 0)
    base = {"reason": "no file of the window could be read", "read": ReadReport(quarantined=(bad,))}
    return evaluation(name, end, Status.FAILED, **{**base, **fields})


def incident(name: str = "home", end: datetime = NOON, item: str = "sku-007065", **fields: Any) -> Incident:
    """One item stuck on top since the hour before `end`."""
    base: dict[str, Any] = {
        "id": f"{name}-same_item-3f9c1a",
        "recommender": name,
        "labels": {"team": "discovery"},
        "severity": Severity.PAGE,
        "detector": "same_item",
        "measure": "same_item.first_place_share",
        "slice": {},
        "culprit": {"item": item},
        "summary": f"{item} is on top of 97 % of the lists (1,523 of 1,571 requests); 3 % is usual.",
        "onset_at": end - HOUR,
        "opened_at": end + timedelta(minutes=10),
        "before": {"value": 0.031, "share": 0.031},
        "after": {"value": 0.9694, "share": 0.9694},
        "affected": {"requests": 1523.0, "users": 1302.0},
        "model_version": "ranker-2026-03-14",
        "evidence": dict(stuck_findings(item).evidence[0]),
        "symptoms": (
            Symptom(
                "diversity", "diversity.effective_items", {}, 6.2, 812.0, "6 effective items; 812 are usual."
            ),
            Symptom(
                "same_item", "same_item.first_place_share", {"surface": "email"}, 0.95, 0.03, EMAIL_STUCK
            ),
        ),
        "last_seen_at": end,
    }
    return Incident(**{**base, **fields})
