"""Evaluations and incidents to store: plain ones, and whatever hypothesis thinks of."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import strategies as st

from detectors.core.verdict import Severity, Verdict
from monitor.evaluation import (
    CannotMeasure,
    CatalogSeen,
    Evaluation,
    FileSeen,
    Quarantined,
    ReadReport,
    Status,
)
from monitor.findings import COLUMNS, Findings
from monitor.incidents.incident import Incident, Part, Symptom
from monitor.windows import Window

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
SETTLE = timedelta(minutes=20)


def window(k: int) -> Window:
    return Window(START + k * HOUR, START + (k + 1) * HOUR)


def evaluation(k: int, recommender: str = "shop", **fields: Any) -> Evaluation:
    told_at = window(k).end + SETTLE
    return Evaluation(
        **{
            "recommender": recommender,
            "window": window(k),
            "status": Status.EVALUATED,
            "told_at": told_at,
            "evaluated_at": told_at,
            **fields,
        }
    )


def incident(id: str = "a1", opened: int = 0, closed: int | None = None, **fields: Any) -> Incident:
    """An incident that window `opened` showed first, and window `closed` showed no more."""
    return Incident(
        **{
            "id": id,
            "recommender": "shop",
            "labels": {"team": "home"},
            "severity": Severity.PAGE,
            "detector": "same_item",
            "measure": "same_item.first_place_share",
            "slice": {},
            "culprit": {"item": "i-7"},
            "summary": "one item for everybody",
            "onset_at": window(opened).start,
            "opened_at": window(opened).end + SETTLE,
            "resolved_at": None if closed is None else window(closed).end + SETTLE,
            **fields,
        }
    )


def findings(slices: int, measures: int, seed: int = 0) -> Findings:
    """A full panel of noise, which compresses no better than real measurements."""
    rng = np.random.default_rng(seed)
    shape = slices * measures
    columns = {name: rng.random(shape).astype(dtype) for name, dtype in COLUMNS.items()}
    columns["slice"] = np.repeat(np.arange(slices, dtype="<i4"), measures)
    columns["measure"] = np.tile(np.arange(measures, dtype="<i4"), slices)
    columns["n"] = rng.integers(100, 10_000, slices).repeat(measures).astype("<f8")
    return Findings(
        ("all", *(f"country=C{i}" for i in range(1, slices))),
        tuple(f"same_item.m{i}" for i in range(measures)),
        columns,
    )


# What hypothesis thinks of. Two halves of one character side by side are the character, in JSON: not lone, so left out.
texts = st.text(st.characters(exclude_categories=()), max_size=8).filter(
    lambda text: not re.search("[\ud800-\udbff][\udc00-\udfff]", text)
)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
counts = st.integers(0, 2**62)
numbers = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
documents = st.dictionaries(texts, json_values, max_size=2)
text_maps = st.dictionaries(texts, texts, max_size=2)


def tuples_of(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=2).map(tuple)


incidents = st.builds(
    Incident,
    id=texts,
    recommender=texts,
    labels=text_maps,
    severity=st.sampled_from(Severity),
    detector=texts,
    measure=texts,
    slice=text_maps,
    culprit=text_maps,
    summary=texts,
    onset_at=moments,
    opened_at=moments,
    resolved_at=st.none() | moments,
    before=documents,
    after=documents,
    affected=st.dictionaries(texts, st.none() | numbers, max_size=2),
    model_version=st.none() | texts,
    evidence=documents,
    symptoms=tuples_of(
        st.builds(Symptom, texts, texts, text_maps, st.none() | numbers, st.none() | numbers, texts)
    ),
    last_seen_at=st.none() | moments,
    quiet_windows=counts,
    silent=st.booleans(),
    parts=tuples_of(st.builds(Part, texts, texts, moments)),
    url=texts,
)
reports = st.builds(
    ReadReport,
    files=tuples_of(st.builds(FileSeen, texts, counts, counts)),
    bytes_read=counts,
    rows=counts,
    sampling_rate=st.floats(0, 1),
    quarantined=tuples_of(st.builds(Quarantined, texts, texts, counts)),
    waiting=tuples_of(texts),
    newest_event=st.none() | moments,
    catalog=st.none() | st.builds(CatalogSeen, counts, counts, st.none() | moments, tuples_of(texts)),
)


@st.composite
def panels(draw: st.DrawFn) -> Findings:
    slices, measures = draw(st.lists(texts, max_size=2)), draw(st.lists(texts, max_size=2))
    rows = len(slices) * len(measures)
    columns = {
        name: np.array(
            draw(st.lists(st.floats(width=int(dtype[2]) * 8), min_size=rows, max_size=rows)), dtype
        )
        for name, dtype in COLUMNS.items()
        if dtype.startswith("<f")
    }
    columns["slice"] = np.repeat(np.arange(len(slices), dtype="<i4"), len(measures))
    columns["measure"] = np.tile(np.arange(len(measures), dtype="<i4"), len(slices))
    columns["verdict"] = np.array(
        draw(st.lists(st.sampled_from(Verdict), min_size=rows, max_size=rows)), "u1"
    )
    columns["excluded"] = np.zeros(rows, "u1")
    evidence = draw(st.dictionaries(st.integers(0, rows - 1), documents, max_size=2)) if rows else {}
    return Findings(tuple(slices), tuple(measures), columns, evidence)


evaluations = st.builds(
    Evaluation,
    recommender=texts,
    window=st.tuples(moments, st.integers(1, 10**9)).map(
        lambda pair: Window(pair[0], pair[0] + timedelta(seconds=pair[1]))
    ),
    status=st.sampled_from(Status),
    told_at=moments,
    evaluated_at=moments,
    reason=texts,
    attempt=st.integers(1, 1000),
    read=reports,
    findings=panels(),
    seconds=st.dictionaries(texts, numbers, max_size=2),
    failures=text_maps,
    cannot_measure=tuples_of(st.builds(CannotMeasure, texts, texts)),
    open_incidents=st.lists(incidents, max_size=2, unique_by=lambda i: i.id).map(tuple),
    summary=st.none() | st.binary(max_size=20),
)
