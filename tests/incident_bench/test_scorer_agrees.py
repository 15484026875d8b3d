"""The scorer against the rules once more, written down plainly, and against another scorer where there is one."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.incident_bench.scorer import SPEAKS_OF, score

START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 40
KINDS = ("same_item", "impersonal", "short_lists", "log_stops", "item_promotion")
NAMES = ("found", "in_time", "extra_pages", "reports", "right_detector", "right_place", "right_item")
PLACES: tuple[dict[str, str], ...] = ({}, {"country": "DE"}, {"surface": "email"})


def at(hours: float) -> str:
    return (START + timedelta(hours=float(hours))).isoformat()


def random_case(seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Labels and reports that hit and miss in every way."""
    rng = np.random.default_rng(seed)
    events, hour = [], 48.0
    while hour < DAYS * 24 - 100:
        length = int(rng.integers(2, 30))
        said = {
            "deadline_hours": int(rng.integers(1, 8)),
            "severity": str(rng.choice(["page", "ticket"])),
            "item": "sku-1",
            "place": PLACES[rng.integers(3)],
        }
        event = {
            "kind": str(rng.choice(KINDS)),
            "incident": bool(rng.random() < 0.7),
            "where": PLACES[rng.integers(3)],
            "start": at(hour),
            "end": at(hour + length),
            **{name: value for name, value in said.items() if rng.random() < 0.7},
        }
        events.append(event)
        hour += length + int(rng.integers(1, 60))
    events.append({"kind": "guests", "incident": False, "where": {}, "start": at(0), "end": at(100_000)})
    begins = [datetime.fromisoformat(str(event["start"])) for event in events]
    reports = []
    for _ in range(int(rng.integers(0, 60))):
        begin = begins[rng.integers(len(begins))]
        near = (begin - START) / timedelta(hours=1) + float(
            rng.choice([rng.integers(-5, 45), rng.normal(2, 2)])
        )
        reports.append(
            {
                "opened_at": at(max(0, round(near * 4) / 4)).replace("+00:00", "Z"),
                "severity": str(rng.choice(["page", "ticket"])),
                "detector": str(rng.choice(["same_item", "drift", "lists", "traffic", "manipulation"])),
                "slice": PLACES[rng.integers(3)],
                "culprit": {"item": f"sku-{rng.integers(1, 3)}"} if rng.random() < 0.5 else {},
                "summary": "text",
            }
        )
    return {"start": at(0), "end": at(DAYS * 24), "events": events}, reports


def plainly(labels: dict[str, Any], reported: list[dict[str, Any]]) -> dict[str, Any]:
    """The same figures, one rule a line and in plain hours."""

    def hours(text: str) -> float:
        return (datetime.fromisoformat(text.replace("Z", "+00:00")) - START) / timedelta(hours=1)

    reports = sorted(reported, key=lambda r: hours(r["opened_at"]))
    rows, claimed, exempt = [], [], 0.0
    for event in labels["events"]:
        if not event["incident"]:
            continue
        begin, end = hours(event["start"]), hours(event["end"]) + 1.25
        during = [r for r in reports if begin < hours(r["opened_at"]) <= end]
        mine = [r for r in reports if begin < hours(r["opened_at"]) <= end + 12]
        claimed += mine
        exempt += end + 12 - begin
        due = begin + event.get("deadline_hours", 3) + 0.25
        pages = [r for r in mine if r["severity"] == "page"]
        wanted = event.get("severity", "page")
        in_time = [r for r in (pages if wanted == "page" else during[:1]) if hours(r["opened_at"]) <= due]
        first = during[0] if during else None
        item = first["culprit"].get("item") if first else None
        rows.append(
            {
                "found": bool(during),
                "in_time": bool(in_time),
                "hours": hours(first["opened_at"]) - begin if first else None,
                "extra_pages": max(0, len(pages) - (wanted == "page")),
                "reports": len(mine),
                "right_detector": bool(first and first["detector"] in SPEAKS_OF[event["kind"]]),
                "right_place": bool(first and first["slice"] == event.get("place", event["where"])),
                "right_item": item == event["item"] if "item" in event else None,
            }
        )  # fmt: skip
    outside = [r for r in reports if not any(r is c for c in claimed)]
    calm = [
        (hours(e["start"]), hours(e["end"]) + 12)
        for e in labels["events"]
        if not e["incident"] and hours(e["end"]) - hours(e["start"]) < 30 * 24
    ]
    remarks = [
        r
        for r in outside
        if r["severity"] == "ticket" and any(a < hours(r["opened_at"]) <= b for a, b in calm)
    ]
    return {
        "rows": rows,
        "remarks": len(remarks),
        "false": len(outside) - len(remarks),
        "false_pages": sum(r["severity"] == "page" for r in outside),
        "days": (DAYS * 24 - exempt) / 24,
    }


def ours(labels: dict[str, Any], reported: list[dict[str, Any]]) -> dict[str, Any]:
    told = score(labels, reported)
    return {
        "rows": [{name: getattr(held, name) for name in (*NAMES, "hours")} for held in told.held],
        "remarks": len(told.remarks),
        "false": len(told.false),
        "false_pages": told.false_pages,
        "days": told.days_outside,
    }


def elsewhere() -> Callable[[dict[str, Any], list[dict[str, Any]]], dict[str, Any]] | None:
    """A scorer that nobody here wrote, where it is at hand beside the project."""
    for parent in Path(__file__).resolve().parents:
        path = parent / "shared" / "incidents" / "score.py"
        if path.exists():
            break
    else:
        return None
    spec = importlib.util.spec_from_file_location("other_scorer", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def other(labels: dict[str, Any], reported: list[dict[str, Any]]) -> dict[str, Any]:
        told = module.score(labels, reported, 12)
        names = {**{name: name for name in NAMES}, "hours": "hours_to_detect"}
        return {
            "rows": [{name: row[theirs] for name, theirs in names.items()} for row in told["rows"]],
            "remarks": told["remarks_on_harmless_events"],
            "false": len(told["false"]),
            "false_pages": told["false_pages"],
            "days": told["days_watched_outside_incidents"],  # rounded to a tenth
        }

    return other


SCORERS = [plainly, *filter(None, [elsewhere()])]


@pytest.mark.parametrize("other", SCORERS, ids=lambda scorer: scorer.__name__)
def test_both_come_to_the_same(other: Callable[..., dict[str, Any]]) -> None:
    seen = {"found": 0, "in_time": 0, "right_place": 0, "false": 0, "remarks": 0}
    for seed in range(150):
        labels, reports = random_case(seed)
        mine, theirs = ours(labels, reports), other(labels, reports)
        assert mine.pop("days") == pytest.approx(theirs.pop("days"), abs=0.051)
        assert mine == theirs, f"seed {seed}"
        for name in ("found", "in_time", "right_place"):
            seen[name] += sum(row[name] for row in mine["rows"])
        for name in ("false", "remarks"):
            seen[name] += mine[name]
    assert min(seen.values()) > 50, seen  # the cases do reach every rule
