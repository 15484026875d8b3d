"""What is wrong with a recommender although every single key is right: keys that do not go together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from monitor.config.expected import Kind
from monitor.config.models import (
    CATALOG_PARTS,
    BudgetConfig,
    Columns,
    DaemonConfig,
    LogConfig,
    Mode,
    RecommenderConfig,
    WindowConfig,
)
from monitor.config.problems import shown, suggestion
from monitor.config.units import format_bytes, format_duration

Keys = tuple[str | int, ...]
Mistake = tuple[Keys, str]

DAY = timedelta(days=1)
LONGEST_DELAY = timedelta(days=14)
OWN_LABELS = {"recommender", "slice", "detector", "measure", "severity", "incident", "culprit", "verdict"}
OWN_LABELS |= {"le", "quantile"}  # set in distributions
TARGET_LABELS = {"job", "instance", "type", "cluster", "region", "zone", "service", "env", "environment"}
TARGET_LABELS |= {"stage", "owner", "customer", "dc", "alertname", "alertstate"}
TARGET_LABELS |= {"monitor"}  # Debian's prometheus.yml puts it on everything
CREDENTIALS = "credentials belong in the environment (AWS_ACCESS_KEY_ID)"
NO_CONTEXT = "contextual lists need log.columns.context, the column of what was being looked at"
TIME_ORDERS = ("Y", "Ym", "Ymd", "YmdH", "YmdHM", "Yj", "YjH", "YjHM")


def daemon_mistakes(daemon: DaemonConfig, recommenders: Sequence[RecommenderConfig]) -> Iterator[Mistake]:
    """The same for the daemon's own settings and what recommenders need of them."""
    if not daemon.tick:
        yield ("tick",), "the daemon would never rest; give at least 1s"
    if daemon.worker_memory < 256 * 2**20:
        what = f"{format_bytes(daemon.worker_memory)} is less than an evaluation needs; allow 256MiB or more"
        yield ("worker_memory",), what
    longest = max(recommenders, key=lambda recommender: recommender.window.replay)
    if longest.window.replay > daemon.retention:
        what = f"{format_duration(daemon.retention)} is less than {shown(longest.name)} replays"
        yield (
            ("retention",),
            f"{what} ({format_duration(longest.window.replay)}); keep more, or lower window.replay",
        )


def mistakes(recommender: RecommenderConfig) -> Iterator[Mistake]:
    """Each mistake as the key to blame and what to do about it."""
    yield from _window(recommender.window)
    yield from _budget(recommender.budget)
    yield from _place(recommender.log)
    yield from _partitions("log", recommender.log.partitions)
    yield from _columns(recommender)
    yield from _slices(recommender)
    yield from _split(recommender)
    yield from _catalog(recommender)
    yield from _outcomes(recommender)
    yield from _expected(recommender)
    yield from _maintenance(recommender)
    yield from _labels(recommender.labels)
    for name, parameters in recommender.detectors.items():
        yield from _detector(name, parameters)


def _maintenance(recommender: RecommenderConfig) -> Iterator[Mistake]:
    for index, stretch in enumerate(recommender.maintenance):
        begin, until = stretch.bounds
        if until <= begin:
            yield ("maintenance", index, "until"), "it ends before it begins; give a later time"


def _window(window: WindowConfig) -> Iterator[Mistake]:
    length = window.length
    if not length or (DAY % length and length % DAY):
        what = f"windows of {format_duration(length)} do not fit a day; use a length that divides 24 h, or whole days"
        yield ("window", "length"), what
        return
    if window.settle >= 24 * length:
        what = f"{format_duration(window.settle)} is 24 windows or more; trouble would be told too late, shorten it"
        yield ("window", "settle"), what
    if window.cadence is not None and window.cadence < length:
        what = f"{format_duration(window.cadence)} is shorter than a window ({format_duration(length)}); leave it out"
        yield ("window", "cadence"), what
    if not window.deadline:
        yield ("window", "deadline"), "an evaluation needs time; give at least 1s"


def _budget(budget: BudgetConfig) -> Iterator[Mistake]:
    for key in ("bytes_per_evaluation", "bytes_per_day"):
        if getattr(budget, key) < 2**20:
            yield ("budget", key), f"{format_bytes(getattr(budget, key))} reads nothing; allow 1MiB or more"
    window, day = budget.bytes_per_evaluation, budget.bytes_per_day
    if window > day:
        what = f"{format_bytes(window)} for one window is more than a day may cost ({format_bytes(day)})"
        yield ("budget", "bytes_per_evaluation"), f"{what}; lower it, or raise bytes_per_day"


def _place(log: LogConfig) -> Iterator[Mistake]:
    remote = log.path.startswith("s3://")
    yield from _path("log", log.path)
    for key in ("endpoint", "region"):
        if getattr(log, key) and not remote:
            yield ("log", key), "is for logs on s3:// only; remove it, or set it to null for this recommender"
    if log.endpoint and not _is_endpoint(log.endpoint):
        yield ("log", "endpoint"), f"write http://host:port or https://host; {CREDENTIALS}"


def _path(section: str, path: str) -> Iterator[Mistake]:
    remote = path.startswith("s3://")
    if "://" in path and not remote:
        yield (section, "path"), f"{shown(path)} is not supported; use a local path or s3://bucket/prefix"
    elif remote and not re.fullmatch(r"s3://[^/@:]+(/.*)?", path, re.DOTALL):
        yield (section, "path"), f"write s3://bucket/prefix; {CREDENTIALS}"
    if _unprintable(path):
        yield (section, "path"), "holds a control character; remove it"


def _is_endpoint(url: str) -> bool:
    try:
        parts = urlsplit(url)
        place = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # the port is no number
        return False
    return bool(place) and not (parts.username or parts.path.strip("/") or parts.query or parts.fragment)


def _partitions(section: str, pattern: str) -> Iterator[Mistake]:
    if not pattern:
        return
    at = (section, "partitions")
    directives = re.findall(r"%(.?)", pattern, re.DOTALL)
    times = "".join(dict.fromkeys(directive for directive in directives if directive != "%"))
    if unknown := [f"%{directive}" for directive in directives if directive not in list("YmdjHM%")]:
        yield at, f"{shown(unknown[0])} is not supported; use %Y, %m, %d (or %j), %H and %M"
    elif times not in TIME_ORDERS:
        what = "must say a time, coarse to fine and without gaps, no finer than minutes, such as"
        yield at, f"{shown(pattern)} {what} date=%Y-%m-%d/hour=%H"
    elif _unprintable(pattern) or not all(part.strip(". ") for part in pattern.split("/")):
        yield (
            at,
            f"{shown(pattern)} must be folders below {section}.path, without a slash first or last: %Y/%m/%d",
        )


def _columns(recommender: RecommenderConfig) -> Iterator[Mistake]:
    columns = recommender.log.columns
    parts = {part: column for part in Columns.model_fields if (column := getattr(columns, part)) is not None}
    alone = ("timestamp", "item", "position", "score", "click")
    for index, (part, column) in enumerate(parts.items()):
        for earlier in list(parts)[:index]:
            if parts[earlier] == column and (part in alone or earlier in alone):
                what = f"{shown(column)} is already the {earlier}; a column cannot be both, leave {part} out"
                yield ("log", "columns", part), what
    if recommender.log.layout == "list" and columns.position:
        what = "the list layout has its order in the lists; leave position out, or use layout: long"
        yield ("log", "columns", "position"), what
    if recommender.kind == Kind.CONTEXTUAL and columns.context is None:
        yield ("kind",), NO_CONTEXT
    yield from _lists(recommender.log)


def _lists(log: LogConfig) -> Iterator[Mistake]:
    at = ("log", "lists_by")
    if not log.lists_by:
        return
    if log.layout == "list":
        yield at, "in the list layout each row is a list; leave it out, or use layout: long"
    elif log.columns.request is not None:
        what = f"{shown(log.columns.request)} (log.columns.request) tells lists apart"
        yield at, f"{what}; leave one of them out"
    if "timestamp" not in log.lists_by:
        yield at, "rows of all times would be one list; add timestamp"
    for role in log.lists_by:
        if getattr(log.columns, role) is None:
            yield at, f"the log has no {role}; set log.columns.{role}, or leave it out"
    for role in _repeated(log.lists_by):
        yield at, f"{role} is there twice; remove one"


def _slices(recommender: RecommenderConfig) -> Iterator[Mistake]:
    columns = recommender.log.columns
    parts = {
        getattr(columns, part): part
        for part in ("click", "score", "position", "user", "request", "item", "timestamp")
    }
    seen: set[str] = set()
    for index, column in enumerate(recommender.slices):
        if column in seen:
            yield ("slices", index), f"{shown(column)} is there already; remove one"
        seen.add(column)
        if column in parts:
            what = f"{shown(column)} is the {parts[column]}, which parts no traffic; slice by what many requests share"
            yield ("slices", index), what


def _split(recommender: RecommenderConfig) -> Iterator[Mistake]:
    columns, column = recommender.log.columns, recommender.split_by
    if column is None:
        if recommender.split_value is not None:
            yield ("split_value",), "says nothing without split_by, the column that has this value; add it"
        if recommender.overrides:
            yield (
                ("overrides",),
                "needs split_by; to set something for this recommender, write it in its entry",
            )
    elif column in (columns.timestamp, columns.item, columns.request, columns.user):
        yield (
            ("split_by",),
            f"{shown(column)} has too many values to make a recommender of each; use another column",
        )
    elif recommender.split_value is None and len(recommender.name) > 60:
        yield ("name",), "must have at most 60 characters with split_by; the value is added to it"


def _catalog(recommender: RecommenderConfig) -> Iterator[Mistake]:
    if recommender.catalog:
        if _unprintable(recommender.catalog.path):
            yield ("catalog", "path"), "holds a control character; remove it"
        for part in recommender.catalog.columns:
            if part not in CATALOG_PARTS:
                yield ("catalog", "columns", part), f"unknown part; {suggestion(part, CATALOG_PARTS)}"


def _outcomes(recommender: RecommenderConfig) -> Iterator[Mistake]:
    outcomes = recommender.outcomes
    if outcomes is None:
        return
    yield from _path("outcomes", outcomes.path)
    yield from _partitions("outcomes", outcomes.partitions)
    columns = outcomes.columns
    parts = {part: column for part, column in columns if column is not None}
    for index, (part, column) in enumerate(parts.items()):
        for earlier in list(parts)[:index]:
            if parts[earlier] == column:
                what = f"{shown(column)} is already the {earlier}; a column cannot be both"
                yield ("outcomes", "columns", part), what
    if recommender.log.columns.request is None:
        yield ("outcomes",), "outcomes are joined by request and item; set log.columns.request"
    if not outcomes.clicks and not outcomes.conversions:
        yield (
            ("outcomes", "clicks"),
            "nothing is counted; say which values of kind are a click, or a conversion",
        )
    elif columns.kind is None and (outcomes.conversions or not outcomes.clicks):
        yield (
            ("outcomes", "conversions"),
            "are told by outcomes.columns.kind; set it, or leave conversions out",
        )
    if both := sorted(set(outcomes.clicks) & set(outcomes.conversions)):
        yield ("outcomes", "conversions"), f"{shown(both[0])} is a click already; a kind cannot be both"
    if outcomes.clicks and recommender.log.columns.click:
        what = "clicks come from here, and from log.columns.click; leave one out, here with clicks: []"
        yield ("outcomes", "clicks"), what
    if outcomes.delay > LONGEST_DELAY:
        what = f"{format_duration(outcomes.delay)} is too long to wait; give {format_duration(LONGEST_DELAY)} or less"
        yield ("outcomes", "delay"), what


def _expected(recommender: RecommenderConfig) -> Iterator[Mistake]:
    expected, columns = recommender.expected, recommender.log.columns
    for guest in _repeated(recommender.log.guests):
        yield ("log", "guests"), f"{shown(guest)} is there twice; remove one"
    for name in type(expected).model_fields:
        entries = getattr(expected, name)
        for index, entry in enumerate(entries):
            for column in entry.where:
                if column not in recommender.slices:
                    yield ("expected", name, index, "where", column), _no_slice(column, recommender.slices)
        for said in _repeated(map(str, entries)):
            yield ("expected", name), f"{said} is there twice; keep the one with the right end"
    known = columns.position or columns.request or recommender.log.lists_by
    if expected.positions and recommender.log.layout == "long" and not known:
        what = "places are not known: the log has no position and no request; set log.columns.position"
        yield ("expected", "positions"), what
    for index, entry in enumerate(expected.kinds):
        if not entry.where:
            yield (
                ("expected", "kinds", index),
                "is about no part of the traffic; add `where`, or set `kind` for all of it",
            )
        if entry.kind == Kind.CONTEXTUAL and columns.context is None:
            yield ("expected", "kinds", index, "kind"), NO_CONTEXT


def _no_slice(column: str, slices: Sequence[str]) -> str:
    if not slices:
        return f"{shown(column)} is not sliced by; add it to slices"
    return f"{shown(column)} is not sliced by: add it to slices, or {suggestion(column, slices)}"


def _labels(labels: dict[str, str]) -> Iterator[Mistake]:
    for name, value in labels.items():
        if name in OWN_LABELS:
            yield ("labels", name), f"{shown(name)} is a label that recwatch sets itself; use another name"
        elif name in TARGET_LABELS:
            what = (
                f"{shown(name)} is a label that Prometheus's own configuration usually sets; use another name"
            )
            yield ("labels", name), f"{what}, such as team or tier"
        elif len(value) > 200 or _unprintable(value):
            yield ("labels", name), "must be one line of at most 200 characters"


def _detector(name: str, parameters: dict[str, Any]) -> Iterator[Mistake]:
    at = ("detectors", name)
    if not isinstance(parameters.get("enabled", True), bool):
        yield (*at, "enabled"), f"{shown(parameters['enabled'])} is neither true nor false"
    mode = parameters.get("mode", Mode.PAGE)
    if mode not in [*Mode]:
        yield (*at, "mode"), f"{shown(mode)} is not known here; {suggestion(str(mode), [*Mode])}"
    judge = parameters.get("judge", {})
    if not isinstance(judge, dict):
        yield (*at, "judge"), f"must be a mapping of measures, not {shown(judge)}"
        return
    for measure, limits in judge.items():
        if not isinstance(limits, dict):
            yield (*at, "judge", measure), f"must be a mapping of limits, not {shown(limits)}"


def _repeated(values: Any) -> list[Any]:
    return [value for value, count in Counter(values).items() if count > 1]


def _unprintable(text: str) -> bool:
    return bool(re.search("[\x00-\x1f\x7f]", text))
