"""The table by kind of incident, and what stands beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median

from tests.incident_bench.scorer import Held
from tests.incident_bench.story import Story

HEAD = (
    "incident",
    "place",
    "n",
    "found",
    "in time",
    "hours",
    "detector",
    "place right",
    "item",
    "extra pages",
    "reports",
)


def by_kind(stories: Sequence[Story]) -> str:
    """Markdown: one row for each kind of incident in each place."""
    groups: dict[tuple[str, str], list[Held]] = defaultdict(list)
    for story in stories:
        for held in story.score.held:
            groups[held.kind, _place(held)].append(held)
    rows = [HEAD, *(_row(kind, place, held) for (kind, place), held in sorted(groups.items()))]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def _place(held: Held) -> str:
    return ",".join(f"{column}={value}" for column, value in sorted(held.place.items())) or "all"


def _row(kind: str, place: str, held: Sequence[Held]) -> tuple[str, ...]:
    n = len(held)
    hours = [h.hours for h in held if h.hours is not None]
    items = [h.right_item for h in held if h.right_item is not None]
    return (
        kind,
        place,
        str(n),
        f"{sum(h.found for h in held)}/{n}",
        f"{sum(h.in_time for h in held)}/{n}",
        f"{median(hours):.1f}" if hours else "-",
        f"{sum(h.right_detector for h in held)}/{n}",
        f"{sum(h.right_place for h in held)}/{n}",
        f"{sum(items)}/{len(items)}" if items else "-",
        str(sum(h.extra_pages for h in held)),
        f"at most {max(h.reports for h in held)}",
    )


def in_all(stories: Sequence[Story]) -> Iterator[str]:
    """Sentences about the whole."""
    held = [h for story in stories for h in story.score.held]
    days = sum(story.score.days_outside for story in stories)
    false = [report for story in stories for report in story.score.false]
    pages = sum(report.paged for report in false)
    if held:
        hours = [h.hours for h in held if h.hours is not None]
        named = [h.right_item for h in held if h.right_item is not None]
        yield f"{len(held)} incidents: {sum(h.found for h in held)} found, {sum(h.in_time for h in held)} in time"
        yield f"median time to the first report: {f'{median(hours):.1f} hours' if hours else '-'}"
        yield (
            f"right detector {sum(h.right_detector for h in held)}, right place {sum(h.right_place for h in held)}, "
            f"right item {sum(named)} of {len(named)}"
        )
        extra, most = sum(h.extra_pages for h in held), max(h.reports for h in held)
        yield f"{extra} extra pages, at most {most} reports an incident"
    yield f"{days:.0f} days outside incidents: {pages} false pages, {len(false) - pages} false tickets"
    yield f"a month: {pages * 30 / days:.2f} false pages, {len(false) * 30 / days:.2f} false reports"
    yield f"{sum(len(story.score.remarks) for story in stories)} tickets during harmless events"


def told_wrongly(stories: Sequence[Story]) -> Iterator[str]:
    """What was missed or late, and every false report."""
    for story in stories:
        for held in story.score.held:
            if not held.in_time:
                state = "late" if held.found else "missed"
                yield f"{story.name}: {state}: {held.kind} at {_place(held)} from {held.start:%d %B %H:%M}"
        for report in story.score.false:
            place = ",".join(f"{c}={v}" for c, v in sorted(report.place.items())) or "all"
            when = f"{report.opened_at:%d %B %H:%M}"
            yield f"{story.name}: false {report.severity}: {report.detector} at {place} {when}: {report.summary[:100]}"
