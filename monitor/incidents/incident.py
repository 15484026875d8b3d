"""An incident: breaches that belong together, told once. Its JSON form is part of the stability promise."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
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
        Start of the first window that showed it.
    opened_at : datetime
        When it could first be told: end of the window that was conclusive, plus `settle`.
    before, after : dict
        {"value": ..., "share": ...} as expected, and as found.
    affected : dict
        {"requests": ..., "users": ...} so far; None where it cannot be known.
    drill, silent : bool
        `silent`: found in replayed history, told to nobody.
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
    model_version: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    symptoms: tuple[Symptom, ...] = ()
    last_seen_at: datetime | None = None  # end of the last window that showed it
    quiet_windows: int = 0  # windows in a row that did not show it
    silent: bool = False
    url: str = ""

    @property
    def open(self) -> bool:
        return self.resolved_at is None

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
            "model_version": self.model_version,
            "evidence": self.evidence,
            "symptoms": [vars(s) for s in self.symptoms],
            "last_seen_at": self.last_seen_at.isoformat() if self.last_seen_at else None,
            "quiet_windows": self.quiet_windows,
            "silent": self.silent,
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
        fields["symptoms"] = tuple(Symptom(**s) for s in fields["symptoms"])
        return cls(**fields)
