"""What a peer calls an alarm, and how alarms become the reports that are scored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

MERGED = timedelta(hours=12)


@dataclass(frozen=True)
class Alarm:
    """A test of a peer that failed on one hour.

    Parameters
    ----------
    test : str
        Names the test; alarms of the same test are merged.
    family : str
        The family of detectors that speaks of the same: what a person would look at.
    told_at : datetime
        The end of the hour. Peers are not charged for the time that a log needs to settle.
    place : mapping
        The part of the traffic that the test looked at; empty for all of it.
    """

    test: str
    family: str
    told_at: datetime
    place: Mapping[str, str] = field(default_factory=dict)
    item: str | None = None
    text: str = ""


def reports(alarms: Iterable[Alarm]) -> list[dict[str, Any]]:
    """Reports in the form that is scored: everything is a page, and what a test says within 12 hours is said once.

    An alarm that stays on is one report, however long it does.
    """
    last: dict[str, datetime] = {}
    out = []
    for alarm in sorted(alarms, key=lambda alarm: (alarm.told_at, alarm.test)):
        before = last.get(alarm.test)
        last[alarm.test] = alarm.told_at
        if before is None or alarm.told_at - before > MERGED:
            out.append(
                {
                    "opened_at": alarm.told_at.isoformat(),
                    "severity": "page",
                    "detector": alarm.family,
                    "slice": dict(alarm.place),
                    "culprit": {} if alarm.item is None else {"item": alarm.item},
                    "summary": f"{alarm.test}: {alarm.text}",
                }
            )
    return out
