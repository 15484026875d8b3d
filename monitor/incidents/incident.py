"""An incident: breaches that belong together, told once. Its JSON form is part of the stability promise."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from detectors.core.verdict import Severity

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Symptom:
    """Another breach of the same incident, behind the primary finding."""

    detector: str
    measure: str
    slice: dict[str, str]
    value: float | None
    expected: float | None
    summary: str
    severity: Severity = Severity.TICKET


@dataclass(frozen=True)
class Part:
    """An incident of one recommender that is a part of one of the fleet."""

    recommender: str
    incident: str
    opened_at: datetime


class Resolution(StrEnum):
    """Why an incident is over."""

    RECOVERED = "recovered"  # quiet windows
    INTENDED = "intended"  # the new level is meant: somebody said so
    ESCALATED = "escalated"  # a ticket whose trouble became worth a page: the page goes on with it
    RETRACTED = "retracted"  # late rows showed that it never was


@dataclass(frozen=True)
class Incident:
    """What is wrong with a recommender, told once.

    The identity and everything an alert is labelled with (`severity`, `detector`, `slice`, `culprit`, `labels`) is
    frozen at opening; `summary`, `after`, `symptoms` and the rest follow the latest window.

    Parameters
    ----------
    id : str
        Derived from what it is about, so that running again gives the same.
    detector : str
        Family of the primary finding.
    slice : dict of column to value
        The place; empty means everywhere.
    culprit : dict
        {"item": ...}; empty means no item is to blame.
    onset_at : datetime
        Start of the first window that showed it, conclusively or not.
    opened_at : datetime
        When it could first be told: end of the window that was conclusive, plus `settle`.
    before, after : dict
        {"value": ..., "share": ...} as expected, and as found; of the opening, where lists are counted, also
        "top_items": [{"item": ..., "share": ...}] and "lists", which name items; "lists" are empty once they expired.
    affected : dict
        {"requests": ..., "users": ...}: requests so far, most users of one window; None where it cannot be known.
    counts : str
        What "requests" are: "rows" where the log does not tell which rows are one request.
    model_version : str or None
        Of the place, or the one that appeared or got much more traffic when it began.
    items : tuple of str
        Items that were to blame so far, the culprit first: a stuck item may change every hour.
    judged_by : str
        "floor": an absolute limit, "history": what was usual.
    relapses : int
        How often it came back before it was over, and those of its like that were over a short while before.
    asks : bool
        It has lasted so long that somebody should say whether the new level is meant.
    escalated_to, escalated_from : str or None
        The page that a ticket became, and the other way round.
    silent : bool
        Found in replayed history, told to nobody.
    parts : tuple of Part
        Of an incident of the fleet: the incidents of the recommenders that it tells of, in the order of their opening.
    """

    id: str
    recommender: str
    labels: dict[str, str]
    severity: Severity
    detector: str
    measure: str
    slice: dict[str, str]
    culprit: dict[str, str]
    summary: str
    onset_at: datetime
    opened_at: datetime
    resolved_at: datetime | None = None
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    affected: dict[str, float | None] = field(default_factory=dict)
    counts: str = "requests"
    model_version: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    symptoms: tuple[Symptom, ...] = ()
    last_seen_at: datetime | None = None  # end of the last window that showed it
    quiet_windows: int = 0  # windows in a row that did not show it
    resolution: Resolution | None = None
    items: tuple[str, ...] = ()
    judged_by: str = "history"
    relapses: int = 0
    asks: bool = False
    escalated_to: str | None = None
    escalated_from: str | None = None
    silent: bool = False
    parts: tuple[Part, ...] = ()
    url: str = ""

    @property
    def open(self) -> bool:
        return self.resolved_at is None

    @property
    def affected_in_words(self) -> dict[str, float]:
        """What is known of who is affected, under the name of what is counted."""
        named = {"requests": self.counts}
        return {named.get(who, who): n for who, n in self.affected.items() if n is not None}

    def with_url(self, base: str) -> Incident:
        return replace(self, url=f"{base.rstrip('/')}/incidents/{self.id}")

    def to_json(self) -> dict[str, Any]:
        """JSON types only, in the documented order."""
        return {
            "schema_version": SCHEMA_VERSION,
            "id": self.id,
            "recommender": self.recommender,
            "labels": self.labels,
            "severity": self.severity.value,
            "detector": self.detector,
            "measure": self.measure,
            "slice": self.slice,
            "culprit": self.culprit,
            "summary": self.summary,
            "onset_at": self.onset_at.isoformat(),
            "opened_at": self.opened_at.isoformat(),
            "resolved_at": self.resolved_at.isoformat() if self.resolved_at else None,
            "before": self.before,
            "after": self.after,
            "affected": self.affected,
            "counts": self.counts,
            "model_version": self.model_version,
            "evidence": self.evidence,
            "symptoms": [{**vars(s), "severity": s.severity.value} for s in self.symptoms],
            "last_seen_at": self.last_seen_at.isoformat() if self.last_seen_at else None,
            "quiet_windows": self.quiet_windows,
            "resolution": self.resolution.value if self.resolution else None,
            "items": list(self.items),
            "judged_by": self.judged_by,
            "relapses": self.relapses,
            "asks": self.asks,
            "escalated_to": self.escalated_to,
            "escalated_from": self.escalated_from,
            "silent": self.silent,
            "parts": [{**vars(p), "opened_at": p.opened_at.isoformat()} for p in self.parts],
            "url": self.url,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Incident:
        """Read what `to_json` wrote.

        Raises
        ------
        ValueError
            When it was written by a newer recwatch.
        """
        fields = dict(data)
        if (version := fields.pop("schema_version")) > SCHEMA_VERSION:
            raise ValueError(
                f"incident {fields.get('id')} has schema {version}, this recwatch reads {SCHEMA_VERSION}"
            )
        for name in ("onset_at", "opened_at", "resolved_at", "last_seen_at"):
            fields[name] = datetime.fromisoformat(fields[name]) if fields[name] else None
        fields["severity"] = Severity(fields["severity"])
        fields["symptoms"] = tuple(
            Symptom(**{**s, "severity": Severity(s.get("severity", "ticket"))}) for s in fields["symptoms"]
        )
        fields["items"] = tuple(fields.get("items", ()))
        fields["parts"] = tuple(
            Part(**{**p, "opened_at": datetime.fromisoformat(p["opened_at"])})
            for p in fields.get("parts", ())
        )
        if fields.get("resolution"):
            fields["resolution"] = Resolution(fields["resolution"])
        return cls(**fields)
