"""What `init` tells people: what it found, what cannot be measured and why, what it reads, how soon it would tell."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from detectors.core.cells import slice_text
from monitor.config.models import RecommenderConfig
from monitor.config.problems import shown
from monitor.detector_settings import ConfiguredDetector, build
from monitor.expectations import expected_on
from monitor.inspect.blind_spots import FloorOf, page_floors, smallest_same_list, smallest_stuck_item
from monitor.inspect.inspection import Inspection
from monitor.inspect.outcomes import lines_of as outcome_lines
from monitor.inspect.writer import about
from monitor.measurable import available, cannot_measure

WIDTH = 15
MOST_SLICES = 12


def report(found: Inspection, recommender: RecommenderConfig) -> list[str]:
    """Lines of text; `recommender` is what was written."""
    detectors = build(recommender.detectors, recommender.detector_files)
    return [
        *_looked_at(found),
        "",
        *_found(found),
        *_open(found),
        "",
        *measurable_lines(
            detectors, available(recommender), expected_on(recommender, found.last.date()).all_kinds
        ),
        "",
        *_leave_to_read(found),
        "",
        *_how_soon(found, recommender, detectors),
    ]


def measurable_lines(
    detectors: dict[str, ConfiguredDetector],
    has: Iterable[str],
    kinds: Collection[str],
    why: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """What cannot be measured, by reason; `why` says it of what is configured and not there."""
    helps = {f"{d.detector.name}.{m.name}": m.help for d in detectors.values() for m in d.detector.measures()}
    by_reason: dict[str, list[str]] = {}
    for missing in cannot_measure([d.detector for d in detectors.values()], frozenset(has), kinds, why):
        by_reason.setdefault(missing.why, []).append(missing.measure)
    if not by_reason:
        return ["Everything that the detectors know can be measured."]
    out = []
    for reason, measures in by_reason.items():
        out.append(f"cannot measure: {reason}:")
        width = max(map(len, measures))
        out += [f"  {measure:<{width}}  {helps[measure]}" for measure in measures]
    return out


def _looked_at(found: Inspection) -> list[str]:
    surveyed = found.surveyed
    files = f"{len(found.sample.files):,} {'file' if len(found.sample.files) == 1 else 'files'}"
    of = (
        f" in {len(surveyed.periods):,} of {surveyed.n_partitions:,} partitions"
        if surveyed.n_partitions
        else ""
    )
    if not surveyed.n_partitions and surveyed.n_files > len(found.sample.files):
        of = f" of {surveyed.n_files:,}"
    rows = sum(file.rows for file in found.sample.files)
    part = "all" if rows <= found.sample.n_rows else f"{found.sample.n_rows:,} of about {rows:,}"
    out = [
        f"Looked at {found.path}: {part} rows of {files}{of},",
        f"events from {found.first:%Y-%m-%d %H:%M} to {found.last:%Y-%m-%d %H:%M} UTC.",
    ]
    return out + [f"left out: {text}" for text in found.sample.broken[:5]]


def _found(found: Inspection) -> list[str]:
    traffic = found.traffic
    row = "one row is one request" if found.layout == "list" else "one row is one item shown"
    out = [_entry("layout", f"{found.surveyed.format}, {found.layout}: {row}")]
    if found.partitions:
        by = "arrival" if found.lateness is not None and found.lateness.by_arrival else "event time"
        out.append(_entry("partitions", f"{found.partitions}, by {by}"))
    for role, choice in found.mapped.choices.items():
        out.append(_entry(role, f"{shown(choice.column)}: {choice.why}"))
    if found.mapped.lists is not None:
        out.append(_entry("lists", f"{' and '.join(found.mapped.lists.by)}: {found.mapped.lists.why}"))
    if found.catalog:
        known = f"{100 * found.items_known:.4g} % of the sampled rows have an item of it"
        out.append(_entry("catalog", f"{len(found.catalog.ids):,} items; {known}"))
        if found.catalog.duplicates:
            out.append(_entry("", f"{found.catalog.duplicates:,} ids are there more than once"))
    if found.outcomes:
        out += [_entry(name, _printable(text)) for name, text in outcome_lines(found.outcomes)]
    shares = [
        f"{shown(guest.user)} has {100 * guest.share:.0f} % of the {found.noun}" for guest in found.guests
    ]
    out += [_entry("guests", text) for text in shares]
    batch = f"; data comes every {about(traffic.cadence)}" if traffic.cadence else ""
    out.append(_entry("traffic", f"{traffic.median:,.0f} {found.noun} in the median hour{batch}"))
    settle = found.landing.settle
    out.append(_entry("windows", f"of {about(traffic.length)}, read {about(settle)} after their end"))
    slices = "; ".join(f"{shown(column)} {why}" for column, why in found.slicing.chosen.items()) or "none"
    out.append(_entry("slices", slices))
    for e in found.learned.certain:
        place = f" ({slice_text(e.where)})" if e.where else ""
        what = " ".join(f"{name} {value}" for name, value in e.values.items())
        out.append(_entry("expected", f"{what}{_printable(place)}: {e.why}"))
    return out


def _entry(name: str, text: str) -> str:
    return f"  {name:<{WIDTH}}{text}"


def _open(found: Inspection) -> list[str]:
    """What was not found, was uncertain, or was left out."""
    out = []
    for role, choice in found.mapped.choices.items():
        if choice.others:
            others = ", ".join(map(shown, choice.others[:5]))
            out.append(f"The {role} could also be {others}: say --column {role}=NAME if so.")
    for role, why in found.mapped.absent.items():
        out.append(f"No {role.replace('_', ' ')}: {why}.")
    for column, why in list(found.slicing.left_out.items())[:8]:
        out.append(f"Not sliced by {shown(column)}: {why}.")
    if found.surveyed.remark:
        out.append(f"{found.surveyed.remark[0].upper()}{found.surveyed.remark[1:]}.")
    if found.surveyed.partitions and not found.partitions:
        out.append(
            "The folders are named by another time than UTC, so every file is looked at for every window."
        )
    if found.outcomes:
        out += [f"{remark[0].upper()}{remark[1:]}." for remark in map(_printable, found.outcomes.remarks)]
    if found.catalog and found.items_known < 0.5:
        out.append("Most items of the log are not in the catalogue: are these the same kind of ids?")
    return ["", *out] if out else []


def _leave_to_read(found: Inspection) -> list[str]:
    columns = [choice.column for choice in found.mapped.choices.values()] + list(found.slicing.chosen)
    lines = []
    folders = [] if found.surveyed.single else [found.path]
    files = [found.catalog.path] if found.catalog else []
    if found.outcomes:
        (files if found.outcomes.surveyed.single else folders).append(found.outcomes.path)
    for path in dict.fromkeys([found.path, *folders, *files]):
        if path.startswith("s3://"):
            bucket, _, prefix = path.removeprefix("s3://").partition("/")
            below = f"{prefix}/*" if path in folders else prefix
            lines.append(
                f"  s3:ListBucket on {bucket} (prefix {prefix or '/'}), s3:GetObject on {bucket}/{below}"
            )
        else:
            lines.append(f"  {path}" + ("/ and what is below it" if path in folders else ""))
    return [
        "It needs leave to read (nothing is ever written there):",
        *lines,
        f"  columns: {', '.join(map(shown, dict.fromkeys(columns)))}",
    ]


def _how_soon(
    found: Inspection, recommender: RecommenderConfig, detectors: dict[str, ConfiguredDetector]
) -> list[str]:
    within = about(recommender.window.length + recommender.window.settle)
    floors = floors_of(detectors, available(recommender))
    rows = traffic_by_slice(found)
    out = [
        f"A stuck item is told within {within} of the begin of the window that shows it, with no history needed"
        f" (share of a slice's {found.noun} from which on one window shows it):"
    ]
    out += blind_spot_lines(rows[:MOST_SLICES], floors, found.noun, found.first_place)
    if len(rows) > MOST_SLICES:
        out.append(f"  and {len(rows) - MOST_SLICES} more: recwatch check --plan has them all")
    return out


def floors_of(detectors: dict[str, ConfiguredDetector], has: Iterable[str]) -> list[FloorOf]:
    """Limits of everything that can be measured."""
    there = frozenset(has)
    return [
        floor
        for d in detectors.values()
        for floor in page_floors(d.detector.name, [m for m in d.measures() if m.needs <= there])
    ]


def traffic_by_slice(found: Inspection) -> list[tuple[str, float]]:
    """The whole, then values of the chosen columns, with their requests in a window: of a batch, in one of its own."""
    per_window = found.traffic.per_window
    out = [("all", per_window)]
    weight = np.concatenate(
        [np.full(f.end - f.first, f.rows / max(1, f.end - f.first)) for f in found.sample.files]
    )
    for column in found.slicing.chosen:
        sampled = found.sample.columns[column]
        there = sampled.codes >= 0
        rows = np.bincount(sampled.codes[there], weight[there], len(sampled.names))
        for i in [i for i in np.argsort(-rows, kind="stable") if rows[i]]:
            where = {column: sampled.names[i]}
            share = rows[i] / weight.sum() * found.learned.hours_in_one(where)
            out.append((slice_text(where), per_window * share))
    return out


def blind_spot_lines(
    rows: Sequence[tuple[str, float]], floors: Sequence[FloorOf], noun: str, first_place: float = 1.0
) -> list[str]:
    """A line for each slice: the share of its requests from which on one window shows a stuck item, or one list."""
    width = max((len(_printable(name)) for name, _ in rows), default=0)
    out = []
    for name, n in rows:
        smallest = smallest_stuck_item(n, floors, first_place)
        said = f"from {100 * smallest[0]:.0f} % on" if smallest else "too few to show one in a single window"
        if (one_list := smallest_same_list(n, floors)) is not None:
            said += f", one list from {100 * one_list:.0f} % on"
        out.append(f"  {_printable(name):<{width}}  {n:>9,.0f} {noun} a window: {said}")
    return out


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
