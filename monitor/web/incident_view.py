"""One incident as the pages show it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from monitor.exposition.catalogue import MeasureInfo
from monitor.exposition.labels import printable
from monitor.incidents.incident import Incident, Resolution
from monitor.web.evidence import Evidence, Share, read_evidence
from monitor.web.states import SEVERITIES, State
from monitor.web.wording import number, place, quantity, short

LONGEST_SENTENCE = 400
MOST_SYMPTOMS = 30
MOST_ITEMS, MOST_LISTS, MOST_PLACES = 10, 5, 10
RESOLUTIONS = {
    Resolution.RECOVERED: "it recovered",
    Resolution.INTENDED: "the new level is meant",
    Resolution.ESCALATED: "it became worth a page, which goes on with it",
    Resolution.RETRACTED: "late rows showed that it never was",
}


@dataclass(frozen=True)
class Figure:
    """A value in words, and as a part of 1 where it is a share; `of_item` when it is the culprit's own."""

    text: str
    share: float | None = None
    of_item: bool = False


@dataclass(frozen=True)
class SymptomView:
    measure: str
    where: str
    value: str
    expected: str
    summary: str


@dataclass(frozen=True)
class TopItem:
    """An item and its share of the requests; `blamed` when the incident is about it."""

    item: str
    share: Share
    blamed: bool


@dataclass(frozen=True)
class Side:
    """What people got before, or since: the most frequent items, and lists of a few users.

    Parameters
    ----------
    lists : tuple of tuple of (name, blamed)
        An empty name is of an item that is too rare for its name to be kept.
    expired : bool
        Whether there were lists that are no longer kept.
    whole : bool
        Whether they are whole lists, and not single rows of a log that does not tell which rows are one list.
    """

    top_items: tuple[TopItem, ...]
    lists: tuple[tuple[tuple[str, bool], ...], ...]
    expired: bool = False
    whole: bool = True


@dataclass(frozen=True)
class IncidentView:
    """What people need to understand an incident within a minute."""

    id: str
    recommender: str
    recommenders: tuple[str, ...]  # of an incident of the fleet
    severity: State
    open: bool
    silent: bool
    observed: bool
    asks: bool
    summary: str
    where: str
    item: str
    since: datetime
    lasted: timedelta
    opened_at: datetime
    resolved_at: datetime | None
    last_seen_at: datetime | None
    detector: str
    measure: str
    meaning: str
    model_version: str
    labels: tuple[tuple[str, str], ...]
    affected: tuple[tuple[str, str], ...]
    before: Figure | None
    after: Figure | None
    side_before: Side
    side_after: Side
    resolution: str
    evidence: Evidence
    symptoms: tuple[SymptomView, ...]
    symptoms_left_out: int


def read_incident(
    incident: Incident, catalogue: Mapping[str, MeasureInfo], now: datetime, observed: bool = False
) -> IncidentView:
    """Turn an incident into what is shown of it; `observed` when nobody is told of this recommender's incidents."""
    info = catalogue.get(incident.measure)
    unit = info.unit if info else ""
    end = incident.resolved_at or max(now, incident.onset_at)
    return IncidentView(
        id=incident.id,
        recommender=incident.recommender,
        recommenders=tuple(dict.fromkeys(p.recommender for p in incident.parts)),
        severity=SEVERITIES[incident.severity],
        open=incident.open,
        silent=incident.silent,
        observed=observed,
        asks=incident.open and incident.asks,
        summary=printable(incident.summary, LONGEST_SENTENCE),
        where=place(incident.slice) if incident.slice or not incident.parts else "",
        item=short(incident.culprit.get("item", "")),
        since=incident.onset_at,
        lasted=end - incident.onset_at,
        opened_at=incident.opened_at,
        resolved_at=incident.resolved_at,
        last_seen_at=incident.last_seen_at,
        detector=short(incident.detector),
        measure=short(incident.measure),
        meaning=info.help if info else "",
        model_version=short(incident.model_version or ""),
        labels=tuple((short(name), short(value)) for name, value in sorted(incident.labels.items())),
        affected=tuple((short(who), number(count)) for who, count in incident.affected_in_words.items()),
        before=_figure(incident.before, unit),
        after=_figure(incident.after, unit),
        side_before=_side(incident.before, incident.items, incident.counts),
        side_after=_side(incident.after, incident.items, incident.counts),
        resolution=RESOLUTIONS[incident.resolution] if incident.resolution else "",
        evidence=read_evidence(incident.evidence, incident.counts),
        symptoms=tuple(
            SymptomView(
                short(s.measure),
                place(s.slice),
                quantity(s.value, _unit(catalogue, s.measure)),
                quantity(s.expected, _unit(catalogue, s.measure)),
                printable(s.summary, LONGEST_SENTENCE),
            )
            for s in incident.symptoms[:MOST_SYMPTOMS]
        ),
        symptoms_left_out=max(0, len(incident.symptoms) - MOST_SYMPTOMS),
    )


def _unit(catalogue: Mapping[str, MeasureInfo], measure: str) -> str:
    return catalogue[measure].unit if measure in catalogue else ""


def _figure(side: Mapping[str, Any], unit: str) -> Figure | None:
    """The share of the culprit where there is one, else the value of the measure."""
    for key, as_unit in (("share", "ratio"), ("value", unit)):
        value = side.get(key)
        if isinstance(value, int | float) and math.isfinite(value):
            is_share = as_unit == "ratio" and 0 <= value <= 1
            return Figure(quantity(value, as_unit), float(value) if is_share else None, key == "share")
    return None


def _side(side: Mapping[str, Any], blamed: Sequence[str], counts: str) -> Side:
    """Whatever is stored, in bounded size."""
    top = [
        TopItem(
            short(entry["item"]), Share(min(1.0, max(0.0, float(entry["share"])))), entry["item"] in blamed
        )
        for entry in side.get("top_items", ())[:MOST_ITEMS]
    ]
    lists = [
        tuple(("" if item is None else short(item), item in blamed) for item in shown[:MOST_PLACES])
        for shown in side.get("lists", ())[:MOST_LISTS]
    ]
    return Side(tuple(top), tuple(lists), "lists" in side and not lists, counts != "rows")
