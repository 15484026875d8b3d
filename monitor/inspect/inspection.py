"""Looks at a log step by step: its folders, a sample of its rows, its columns, its slices, its rhythm."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from monitor.config.models import Columns, LogConfig
from monitor.errors import UserError
from monitor.inspect import arrival, content, rhythm, slices
from monitor.inspect.catalog import Catalog, read_catalog
from monitor.inspect.joining import Shown
from monitor.inspect.mapping import Mapped, map_columns
from monitor.inspect.names import tokens
from monitor.inspect.outcomes import Outcomes, read_outcomes
from monitor.inspect.rhythm import HOUR_US, Guest, Landing, Lateness, Traffic
from monitor.inspect.sameness import NOTHING_LEARNED, Learned, learn, rows_of
from monitor.inspect.sample import Progress, Sample, SampleColumn, read_sample
from monitor.inspect.slices import Candidate, Slicing
from monitor.inspect.survey import NEWEST, Survey, survey
from monitor.logs.log import PLAUSIBLE
from monitor.logs.object_store import open_source
from monitor.logs.source import Source
from monitor.windows import EPOCH

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was found out about a log.

    Parameters
    ----------
    traffic : Traffic
        In requests, or rows where the log has no requests.
    lateness : Lateness or None
        For partitioned logs.
    first, last : datetime
        Event times of the sample.
    """

    path: str
    surveyed: Survey
    sample: Sample
    mapped: Mapped
    slicing: Slicing
    traffic: Traffic
    landing: Landing
    lateness: Lateness | None
    guests: tuple[Guest, ...]
    catalog: Catalog | None
    items_known: float
    first: datetime
    last: datetime
    rows_per_request: float
    endpoint: str | None = None
    region: str | None = None
    learned: Learned = NOTHING_LEARNED
    outcomes: Outcomes | None = None

    @property
    def layout(self) -> str:
        return "list" if self.sample.item_list is not None else "long"

    @property
    def noun(self) -> str:
        """What the traffic is counted in."""
        return "requests" if self.has_requests else "rows"

    @property
    def has_requests(self) -> bool:
        return self.layout == "list" or "request" in self.mapped.choices or self.mapped.lists is not None

    @property
    def first_place(self) -> float:
        """Share of requests that have a first place; where each row stands alone, of rows that are one."""
        path = self.mapped.column("position")
        if self.has_requests or path is None:
            return 1.0
        numbers = self.sample.columns[path].numbers
        return float((numbers == np.nanmin(numbers)).mean())

    @property
    def replay(self) -> timedelta:
        """The log's span in whole days, at most two weeks."""
        days = -(-(self.last - self.first) // timedelta(days=1))
        return min(rhythm.REPLAY, timedelta(days=max(1, days)))

    @property
    def partitions(self) -> str:
        """Empty where folders are named by another time than the event's or the arrival's."""
        return "" if self.lateness is not None and self.lateness.after > 0.001 else self.surveyed.partitions

    @property
    def contextual(self) -> bool:
        """Whether every list has a context and none a user."""
        path = self.mapped.column("context")
        return (
            path is not None
            and "user" not in self.mapped.choices
            and self.sample.columns[path].filled >= 0.95
        )


def inspect_log(
    path: str,
    catalog: str | None = None,
    given: Mapping[str, str] | None = None,
    endpoint: str | None = None,
    region: str | None = None,
    progress: Progress | None = None,
    outcomes: str | None = None,
) -> Inspection:
    """Look at a bounded part of a log.

    Parameters
    ----------
    path : str
        A folder, a file, or `s3://bucket/prefix`.
    given : mapping of role to column
        What the user says.
    outcomes : str, optional
        Where clicks and purchases have a log of their own.

    Raises
    ------
    UserError
        When no timestamp or item is found, or outcomes cannot be joined.
    LogError
        When nothing can be read.
    """
    root = path.rstrip("/") or "/"
    source = _source_of(root, endpoint, region)
    surveyed = survey(source, root)
    sample = read_sample(source, surveyed, (given or {}).get("item"), progress)
    found = read_catalog(_source_of(catalog, endpoint, region), catalog) if catalog else None
    mapped = map_columns(sample, given, found.ids if found else ())
    when = sample.columns[mapped.choices["timestamp"].column]
    item = sample.columns[mapped.choices["item"].column]
    times = when.times if when.times is not None else np.zeros(sample.n_rows, np.int64)
    there = (times >= PLAUSIBLE[0]) & (times < PLAUSIBLE[1])
    first, last = (EPOCH + timedelta(microseconds=int(t)) for t in (times[there].min(), times[there].max()))
    starts = _request_rows(sample, mapped)
    rows_per_request = len(item.codes) / max(1, len(starts))
    traffic = rhythm.traffic(_requests_by_hour(surveyed, sample, times, starts))
    request = mapped.request_of_rows(sample)
    candidates = _candidates(surveyed, sample, mapped, starts, request)
    user = mapped.column("user")
    slicing = slices.choose(
        candidates,
        traffic.per_window,
        "requests" if len(starts) < sample.n_rows else "rows",
        _version(sample, mapped, starts, request),
    )
    lasting = [column for column in slicing.chosen if column != mapped.column("model_version")]
    read = None
    if outcomes is not None:
        read = _outcomes(outcomes, endpoint, region, surveyed, sample, mapped, times, (first, last), traffic)
    rows = rows_of(sample, mapped, np.where(there, times, 0), lasting)
    return Inspection(
        path=root,
        surveyed=surveyed,
        sample=sample,
        mapped=mapped,
        slicing=slicing,
        traffic=traffic,
        landing=arrival.landing(surveyed, sample, times),
        lateness=arrival.lateness(sample, times),
        guests=_guests(sample.columns[user], starts) if user is not None else (),
        catalog=found,
        items_known=content.share_known(item, found.ids) if found else 0.0,
        first=first,
        last=last,
        rows_per_request=rows_per_request,
        endpoint=endpoint,
        region=region,
        learned=learn(rows) if rows is not None else NOTHING_LEARNED,
        outcomes=read,
    )


def _source_of(path: str, endpoint: str | None, region: str | None) -> Source:
    columns = Columns(timestamp="timestamp", item="item")
    return open_source(LogConfig(path=path, columns=columns, endpoint=endpoint, region=region))


def _outcomes(
    path: str,
    endpoint: str | None,
    region: str | None,
    surveyed: Survey,
    sample: Sample,
    mapped: Mapped,
    times: NDArray[np.int64],
    span: tuple[datetime, datetime],
    traffic: Traffic,
) -> Outcomes:
    """The log of outcomes; clicks are those that it tells of, if it does, and of no column beside the lists."""
    request = mapped.column("request")
    if request is None:
        raise UserError(
            f"--outcomes {path}: outcomes are joined by request, and the prediction log has no request ids"
            " (say --column request=NAME if a column holds them)"
        )
    gapless = surveyed.periods[-NEWEST:]
    start, end = (gapless[0][0], gapless[-1][1]) if gapless else span
    looked_into = ((start - EPOCH) // MICROSECOND, (end - EPOCH) // MICROSECOND)
    item = sample.columns[mapped.choices["item"].column]
    rows = Shown.of(sample.columns[request], item, times, looked_into)
    root = path.rstrip("/") or "/"
    found = read_outcomes(_source_of(root, endpoint, region), root, rows, traffic.length)
    if found.clicks and mapped.choices.pop("click", None) is not None:
        mapped.absent["click"] = "clicks are those of the outcomes' log"
    return found


def _request_rows(sample: Sample, mapped: Mapped) -> NDArray[np.int64]:
    """The first row of each request; every row where there are no requests."""
    request = mapped.request_of_rows(sample)
    if request is None or sample.item_list is not None:
        return np.arange(sample.n_rows)
    codes = request.codes
    first = np.full(len(request.names), len(codes))
    np.minimum.at(first, codes[codes >= 0], np.flatnonzero(codes >= 0))
    return np.sort(first[first < len(codes)])


def _requests_by_hour(
    surveyed: Survey, sample: Sample, times: NDArray[np.int64], starts: NDArray[np.int64]
) -> dict[int, float]:
    """Requests in each hour that was looked into; of files that were read in part, what the rest seems to hold."""
    out: dict[int, float] = {}
    for start, end in surveyed.periods:
        first = (start - EPOCH) // timedelta(hours=1)
        out.update(dict.fromkeys(range(first, first + max(1, (end - start) // timedelta(hours=1))), 0.0))
    for file in sample.files:
        if file.end == file.first:
            continue
        weight = file.rows / (file.end - file.first)
        rows = starts[np.searchsorted(starts, file.first) : np.searchsorted(starts, file.end)]
        at = times[rows]
        at = at[(at >= PLAUSIBLE[0]) & (at < PLAUSIBLE[1])] // HOUR_US
        picked = file.picked
        if not file.complete and picked.start is not None and picked.end is not None:
            hours = range(
                (picked.start - EPOCH) // timedelta(hours=1),
                max(1, (picked.end - picked.start) // timedelta(hours=1))
                + (picked.start - EPOCH) // timedelta(hours=1),
            )
            for hour in hours:
                out[hour] = out.get(hour, 0.0) + weight * len(at) / len(hours)
            continue
        for hour, n in zip(*np.unique(at, return_counts=True), strict=True):
            out[int(hour)] = out.get(int(hour), 0.0) + weight * int(n)
    if not surveyed.periods and surveyed.n_files == len(sample.files) and out:
        for hour in range(min(out), min(max(out), min(out) + 24 * 400)):
            out.setdefault(hour, 0.0)
    return out


def _candidates(
    surveyed: Survey, sample: Sample, mapped: Mapped, starts: NDArray[np.int64], request: SampleColumn | None
) -> list[Candidate]:
    item = sample.columns[mapped.choices["item"].column]
    when = sample.columns[mapped.choices["timestamp"].column]
    group = request if sample.item_list is None else None
    out = []
    for path, column in sample.columns.items():
        if path in mapped.taken or column.listed or len(column.codes) != sample.n_rows:
            continue
        if column.type.startswith(("timestamp", "date")) or not (column.codes >= 0).any():
            continue
        if path in Columns.model_fields or (
            re.search(r"_?(id|uuid)$", "_".join(tokens(path))) and column.distinct > 100
        ):
            continue
        candidate = Candidate(path, column.names, column.codes[starts], fraction=_is_fraction(column))
        if 2 <= candidate.n_values <= slices.MOST_VALUES:
            candidate = Candidate(
                path,
                column.names,
                column.codes[starts],
                content.constant_within(column, group) if group is not None else 1.0,
                _follows(column, item) if sample.item_list is None and column is not when else False,
                candidate.fraction,
            )
        out.append(candidate)
    return out


def _version(
    sample: Sample, mapped: Mapped, starts: NDArray[np.int64], request: SampleColumn | None
) -> Candidate | None:
    """The column of the model version, as one to slice by."""
    path = mapped.column("model_version")
    if path is None or sample.columns[path].listed or len(sample.columns[path].codes) != sample.n_rows:
        return None
    column = sample.columns[path]
    group = request if sample.item_list is None else None
    constant = content.constant_within(column, group) if group is not None else 1.0
    return Candidate(path, column.names, column.codes[starts], constant)


def _is_fraction(column: SampleColumn) -> bool:
    if not column.type.startswith(("float", "double", "halffloat", "decimal")):
        return False
    numbers = column.numbers[np.isfinite(column.numbers)]
    return bool((numbers != np.floor(numbers)).any())


def _follows(column: SampleColumn, item: SampleColumn) -> bool:
    """Whether items that were shown several times nearly all have one value."""
    return len(item.names) > column.distinct and content.constant_within(column, item) > 0.98


def _guests(user: SampleColumn, starts: NDArray[np.int64]) -> tuple[Guest, ...]:
    codes = user.codes[starts]
    counts = np.bincount(codes[codes >= 0], minlength=len(user.names))
    return rhythm.guests(user.names, counts)
