"""Holds what a monitor reported over a simulated log against the labels of what happened.

For each labelled incident, the first report that opened while it lasted counts: in time (start plus deadline, a
quarter of an hour granted), severe enough, from a detector that speaks of this kind of trouble, at exactly the right
place, with exactly the right item. Pages beyond the first, and pages for what deserves a ticket, are extra. A report
is false when it opened outside every labelled incident and the quiet time after it, in which recovery may show. A
ticket during a labelled harmless event is a remark, not a false report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

GRANTED = timedelta(minutes=15)
SETTLE = timedelta(hours=1.25)  # an incident's last window is still told so long after its end
QUIET_AFTER = timedelta(hours=12)
ALWAYS = timedelta(days=30)  # what lasts this long is how the shop is, not an event

# Families of detectors whose finding leads a person to the trouble.
SPEAKS_OF: Mapping[str, frozenset[str]] = {
    kind: frozenset(families.split())
    for kind, families in {
        "same_item": "same_item",
        "hidden_part": "same_item",
        "two_items": "same_item",
        "same_family": "same_item diversity",
        "same_list": "same_item fallback",
        "fallback": "fallback same_item",
        "impersonal": "personalization diversity drift",
        "permuted": "personalization staleness",
        "creeping_collapse": "trend personalization diversity",
        "stuck_lists": "staleness",
        "bad_canary": "rollout",
        "single_category": "diversity",
        "score_constant": "scores fallback",
        "score_nan": "scores",
        "score_shift": "scores drift",
        "order_reversed": "scores",
        "blocked_items": "catalog",
        "duplicate_items": "lists",
        "short_lists": "lists",
        "empty_lists": "lists traffic",
        "missing_users": "traffic",
        "double_logging": "traffic",
        "volume_drop": "traffic",
        "log_stops": "traffic",
        "clock_skew": "traffic",
        "bots": "traffic manipulation",
        "id_format": "catalog traffic drift",
        "click_drop": "outcome",
        "item_promotion": "manipulation drift same_item",
        "new_items_blocked": "staleness catalog diversity",
    }.items()
}


@dataclass(frozen=True)
class Report:
    """What a monitor told, as far as it is scored."""

    opened_at: datetime
    severity: str
    detector: str
    place: Mapping[str, str]
    item: str | None
    summary: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Report:
        """From an incident as `recwatch backtest -o` writes it."""
        return cls(
            moment(data["opened_at"]),
            data["severity"],
            data["detector"],
            data.get("slice") or {},
            (data.get("culprit") or {}).get("item"),
            str(data.get("summary", "")),
        )

    @property
    def paged(self) -> bool:
        return self.severity == "page"


@dataclass(frozen=True)
class Held:
    """One labelled incident against the reports.

    Parameters
    ----------
    hours : float or None
        From its start to the first report; None when there was none.
    right_item : bool or None
        None when no item is to blame.
    effect, visible : float, bool or None
        How large it is, and whether that is enough for one window to show it; None when the label does not say.
    """

    kind: str
    place: Mapping[str, str]
    start: datetime
    found: bool
    in_time: bool
    hours: float | None
    extra_pages: int
    reports: int
    right_detector: bool
    right_place: bool
    right_item: bool | None
    told_by: tuple[str, ...]
    effect: float | None = None
    visible: bool | None = None


@dataclass(frozen=True)
class Score:
    """All labelled incidents of a log, and what was reported beside them."""

    held: tuple[Held, ...]
    false: tuple[Report, ...]
    remarks: tuple[Report, ...]
    days_outside: float

    @property
    def false_pages(self) -> int:
        return sum(report.paged for report in self.false)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def score(
    labels: Mapping[str, Any], reported: Sequence[Mapping[str, Any]], quiet_after: timedelta = QUIET_AFTER
) -> Score:
    """Score the incidents that were reported.

    Parameters
    ----------
    labels : mapping
        What `labels.json` of a simulated log holds.
    reported : sequence of mappings
        Incidents as JSON.
    """
    reports = sorted((Report.of(data) for data in reported), key=lambda report: report.opened_at)
    held, claimed, exempt = [], set(), timedelta()
    for event in labels["events"]:
        if event["incident"]:
            start, end = moment(event["start"]), moment(event["end"]) + SETTLE
            mine = [r for r in reports if start < r.opened_at <= end + quiet_after]
            held.append(_hold(event, [r for r in mine if r.opened_at <= end], mine))
            claimed |= {id(r) for r in mine}
            exempt += end + quiet_after - start
    outside = [r for r in reports if id(r) not in claimed]
    harmless = [
        (moment(e["start"]), moment(e["end"]) + quiet_after)
        for e in labels["events"]
        if not e["incident"] and moment(e["end"]) - moment(e["start"]) < ALWAYS
    ]
    remarks = [r for r in outside if not r.paged and any(a < r.opened_at <= b for a, b in harmless)]
    watched = moment(labels["end"]) - moment(labels["start"]) - exempt
    return Score(
        tuple(held),
        tuple(r for r in outside if r not in remarks),
        tuple(remarks),
        watched / timedelta(days=1),
    )


def _hold(event: Mapping[str, Any], during: Sequence[Report], all_of_it: Sequence[Report]) -> Held:
    start = moment(event["start"])
    deadline = start + timedelta(hours=event.get("deadline_hours", 3)) + GRANTED
    place = event.get("place", event["where"])
    first = during[0] if during else None
    page_due = event.get("severity", "page") == "page"
    pages = [r for r in all_of_it if r.paged]
    counting = pages[:1] if page_due else during[:1]
    return Held(
        kind=event["kind"],
        place=place,
        start=start,
        found=first is not None,
        in_time=any(r.opened_at <= deadline for r in counting),
        hours=None if first is None else (first.opened_at - start) / timedelta(hours=1),
        extra_pages=max(0, len(pages) - page_due),
        reports=len(all_of_it),
        right_detector=first is not None and first.detector in SPEAKS_OF.get(event["kind"], {first.detector}),
        right_place=first is not None and dict(first.place) == place,
        right_item=None if "item" not in event else first is not None and first.item == event["item"],
        told_by=tuple(r.detector for r in during),
        effect=event.get("effect"),
        visible=event.get("visible"),
    )
