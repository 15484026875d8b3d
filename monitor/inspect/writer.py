"""The configuration as text, with a comment beside each thing that was decided."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import timedelta

from monitor.config.loader import parse
from monitor.config.models import RecommenderConfig
from monitor.config.problems import shown
from monitor.config.units import format_duration
from monitor.detector_settings import check_detectors
from monitor.errors import UserError
from monitor.inspect.inspection import Inspection
from monitor.inspect.outcomes import Outcomes
from monitor.inspect.sameness import Expectation

PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./=%@+-]*")
WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan"}
COLUMN_OF_COMMENTS = 44
GENERIC = (
    "log",
    "logs",
    "data",
    "predictions",
    "prediction_log",
    "parquet",
    "events",
    "part-0",
    "impressions",
)
NO_COLUMN = {
    "request": "what is shown together is not known, so nothing about lists is measured",
    "user": "nothing about users is measured",
    "position": "the place in a list is not known",
    "score": "nothing about scores is measured",
    "click": "nothing about clicks is measured",
}


def configuration(found: Inspection, name: str | None = None) -> str:
    """The text of a configuration that watches the log; the loader has read it back.

    Raises
    ------
    UserError
        When the loader does not take it: a path or a column that no configuration can name.
    """
    text = "\n".join(_document(found, name or default_name(found.path))) + "\n"
    parsed(text)
    return text


def parsed(text: str) -> RecommenderConfig:
    """The one recommender of a text that `configuration` wrote."""
    try:
        return parse(text, "configuration", environment={}, check_detectors=check_detectors).recommenders[0]
    except UserError as error:
        raise UserError(f"no configuration can be written for this log:\n{error}") from error


def default_name(path: str) -> str:
    """A recommender's name, from the last part of its log's path that tells something.

    >>> default_name("/data/shop-home/log"), default_name("s3://logs/rec/bts_all.parquet")
    ('shop-home', 'bts_all')
    """
    parts = [part for part in path.removeprefix("s3://").split("/") if part]
    stems = [re.sub(r"(\.(parquet|pq|jsonl?|ndjson|csv|tsv|txt|gz|zst))+$", "", part) for part in parts]
    telling = [stem for stem in stems if stem.lower() not in GENERIC] or stems or ["recommender"]
    name = re.sub(r"[^A-Za-z0-9_.:@-]+", "-", telling[-1]).strip("-_.:@")[:80]
    return name or "recommender"


def scalar(text: str) -> str:
    """A text as YAML that every reader takes for just this text.

    >>> print(scalar("item_id"), scalar("NO"), scalar("%Y/%m"), scalar("a: b"), scalar("${HOME}"))
    item_id "NO" "%Y/%m" "a: b" "$${HOME}"
    """
    if PLAIN.fullmatch(text) and text.lower() not in WORDS:
        return text
    out = []
    for character in text.replace("${", "$${"):
        if character in '"\\':
            out.append(f"\\{character}")
        elif character.isprintable():
            out.append(character)
        else:
            code = ord(character)
            out.append(
                f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
            )
    return f'"{"".join(out)}"'


def _line(text: str, comment: str = "") -> str:
    """A line with its comment; comments stand in one column where they can."""
    if not comment:
        return text
    gap = " " * max(2, COLUMN_OF_COMMENTS - len(text))
    return f"{text}{gap}# {_remark(comment)}"


def _remark(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _document(found: Inspection, name: str) -> Iterable[str]:
    files = len(found.sample.files)
    sample = f"{found.sample.n_rows:,} rows of {files:,} {'file' if files == 1 else 'files'}"
    yield f"# Written by recwatch init, from a sample: {sample},"
    yield f"# events from {found.first:%Y-%m-%d %H:%M} to {found.last:%Y-%m-%d %H:%M} UTC."
    yield "# Edit it freely; recwatch check says whether it still fits the log."
    yield "recommenders:"
    yield f"- name: {scalar(name)}"
    yield from _log(found)
    if found.catalog:
        yield from _catalog(found)
    if found.outcomes:
        yield from _outcomes(found.outcomes)
    yield from _slices(found)
    yield from _kind(found)
    yield from _expected(found)
    yield from _window(found)


def _log(found: Inspection) -> Iterable[str]:
    path = found.path if found.path.startswith("s3://") else os.path.abspath(found.path)
    yield "  log:"
    yield f"    path: {scalar(path)}"
    for key, value in (("endpoint", found.endpoint), ("region", found.region)):
        if value:
            yield f"    {key}: {scalar(value)}"
    yield f"    format: {found.surveyed.format}"
    row = (
        "one row is one request, with its items in a list"
        if found.layout == "list"
        else "one row is one item shown"
    )
    yield _line(f"    layout: {found.layout}", row)
    yield from _partitions(found)
    if found.mapped.unit != "auto":
        unit = found.mapped.unit
        yield _line(f"    timestamp_unit: {unit}", "told by the size of the numbers")
    yield "    columns:"
    for role in (
        "timestamp",
        "item",
        "request",
        "user",
        "position",
        "score",
        "click",
        "model_version",
        "context",
    ):
        yield from _column(found, role)
    if (lists := found.mapped.lists) is not None:
        yield _line(f"    lists_by: [{', '.join(lists.by)}]", lists.why)
    if found.guests:
        yield _line("    guests:", "ids that stand for many people: not taken for one user")
        for guest in found.guests:
            yield _line(f"    - {scalar(guest.user)}", f"{100 * guest.share:.0f} % of {found.noun}")


def _outcomes(found: Outcomes) -> Iterable[str]:
    path = found.path if found.path.startswith("s3://") else os.path.abspath(found.path)
    yield "  outcomes:"
    yield f"    path: {scalar(path)}"
    yield f"    format: {found.surveyed.format}"
    if found.partitions:
        late = found.lateness is not None and found.lateness.by_arrival
        yield f"    partitions: {scalar(found.partitions)}"
        yield f"    partitioned_by: {'arrival' if late else 'event_time'}"
    if found.unit != "auto":
        yield _line(f"    timestamp_unit: {found.unit}", "told by the size of the numbers")
    yield "    columns:"
    for part, choice in found.columns.items():
        yield _line(f"      {part}: {scalar(choice.column)}", choice.why)
    for remark in found.remarks:
        yield _remark(f"      # {remark}")
    if "kind" in found.columns:
        for name, values in (("clicks", found.clicks), ("conversions", found.conversions)):
            yield f"    {name}: [{', '.join(map(scalar, values))}]"
    yield _line(f"    delay: {format_duration(found.delay)}", found.why_delay)
    yield _line(f"    settle: {format_duration(found.settle)}", _late_files(found.landing.delay))


def _late_files(delay: timedelta | None) -> str:
    if delay is None:
        return "wait for late files; when files land could not be seen"
    return f"wait for late files; files land {about(delay)} after their last event"


def _partitions(found: Inspection) -> Iterable[str]:
    surveyed, late = found.surveyed, found.lateness
    if not found.partitions:
        if surveyed.partitions and late is not None:
            fits = f"{shown(surveyed.partitions)} fits the folders"
            but = f"{100 * late.after:.1f} % of the sampled rows are later than their folder says: another time zone?"
            yield _remark(f"    # No partitions: {fits}, but {but}.")
        elif surveyed.remark:
            yield f"    # {_remark(surveyed.remark)}"
        return
    yield f"    partitions: {scalar(surveyed.partitions)}"
    if late is not None and late.by_arrival:
        older = f"older than their folder, by up to {about(late.latest)}"
        share = f"{100 * late.before:.2g} % of the sampled rows are {older}"
        yield _line("    partitioned_by: arrival", share)
        yield _line(f"    partition_lateness: {format_duration(late.allowed)}", "twice that, in whole hours")
    else:
        yield _line("    partitioned_by: event_time", "the sampled rows lie in the folder of their time")


def _column(found: Inspection, role: str) -> Iterable[str]:
    choice = found.mapped.choices.get(role)
    if choice is not None:
        also = f"; could also be {', '.join(map(shown, choice.others[:5]))}" if choice.others else ""
        yield _line(f"      {role}: {scalar(choice.column)}", f"{choice.why}{also}")
        return
    if role == "position" and found.layout == "list":
        return
    if role == "request" and found.mapped.lists is not None:
        return  # `lists_by` says it
    why = found.mapped.absent.get(role)
    if role in NO_COLUMN or why:
        yield _remark(f"      # no {role}: {why or NO_COLUMN[role]}")


def _catalog(found: Inspection) -> Iterable[str]:
    catalog = found.catalog
    assert catalog is not None  # asked for by the caller
    path = catalog.path if catalog.path.startswith("s3://") else os.path.abspath(catalog.path)
    yield "  catalog:"
    yield f"    path: {scalar(path)}"
    known = (
        f"{len(catalog.ids):,} items; it has the items of {100 * found.items_known:.4g} % of the sampled rows"
    )
    yield _line(f"    item: {scalar(catalog.item)}", known)
    if catalog.parts:
        yield "    columns:"
        for part, column in catalog.parts.items():
            yield f"      {part}: {scalar(column)}"


def _slices(found: Inspection) -> Iterable[str]:
    slicing = found.slicing
    if slicing.chosen:
        yield _line("  slices:", f"{slicing.n_slices} slices: each value, and each pair of values")
        for column, why in slicing.chosen.items():
            yield _line(f"  - {scalar(column)}", why)
    else:
        yield _line("  slices: []", "no column parts the traffic usefully")
    for column, why in list(slicing.left_out.items())[:20]:
        yield _remark(f"  # not {column}: {why}")


def _kind(found: Inspection) -> Iterable[str]:
    if found.contextual:
        yield _line("  kind: contextual", "every list has a context, and the log has no user")
    else:
        yield _line(
            "  kind: personalised",
            "or contextual (lists depend on log.columns.context), or popular (same for all)",
        )


def _expected(found: Inspection) -> Iterable[str]:
    learned = found.learned
    if not (learned.certain or learned.proposed):
        return
    if learned.certain:
        yield _line("  expected:", "sameness that is meant; give an entry a last day with until: 2030-12-31")
    for key in dict.fromkeys(e.key for e in learned.certain):
        yield f"    {key}:"
        yield from (f"    - {_entry(e)}" for e in learned.certain if e.key == key)
    for e in learned.proposed:
        yield _remark(f"  # If this is meant, and not the trouble itself, say so under expected.{e.key}:")
        yield _remark(f"  # - {_entry(e)}")


def _entry(e: Expectation) -> str:
    place = ", ".join(f"{scalar(column)}: {scalar(value)}" for column, value in e.where.items())
    parts = [f"{name}: {value}" for name, value in e.values.items()]
    parts += [f"where: {{{place}}}"] if place else []
    return f"{{{', '.join([*parts, f'why: {scalar(e.why)}'])}}}"


def _window(found: Inspection) -> Iterable[str]:
    traffic = found.traffic
    usual = f"{traffic.median:,.0f} {found.noun} in the median hour, {traffic.low:,.0f} to {traffic.high:,.0f} in most"
    yield "  window:"
    yield _line(f"    length: {format_duration(traffic.length)}", usual)
    yield _line(f"    settle: {format_duration(found.landing.settle)}", _late_files(found.landing.delay))
    if traffic.cadence is not None:
        seen = f"{traffic.with_data} of {traffic.hours} hours had data: a batch, not silence"
        yield _line(f"    cadence: {format_duration(traffic.cadence)}", seen)
    span = found.last - found.first
    yield _line(f"    replay: {format_duration(found.replay)}", f"the sample spans {about(span)}")


def about(value: timedelta) -> str:
    """A duration for people.

    >>> about(timedelta(minutes=70)), about(timedelta(days=7)), about(timedelta(seconds=42))
    ('1 h 10 min', '7 days', '42 s')
    """
    seconds = round(value.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes >= 36 * 60 or minutes == 24 * 60:
        days = round(minutes / 1440)
        return f"{days} {'day' if days == 1 else 'days'}"
    hours, minutes = divmod(minutes, 60)
    return " ".join(
        part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part
    )
