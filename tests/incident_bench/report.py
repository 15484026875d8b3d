"""The tables of the bench, and the sentences that stand beside them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from tests.bench.figures import markdown
from tests.incident_bench.scorer import Held
from tests.incident_bench.story import Story

# What recwatch means to reach; of incidents that are not below sight.
RIGHT = 0.95  # in time; right detector, place and item
FALSE_PAGES, FALSE_REPORTS = 0.1, 1.0  # a month
REPORTS = 2  # for one incident

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
    """Markdown: one row for each kind of incident in each place; those too small to be seen in rows of their own."""
    groups: dict[tuple[str, str], list[Held]] = defaultdict(list)
    for held in _held(stories):
        groups[held.kind + (" (below sight)" if held.visible is False else ""), _place(held)].append(held)
    return markdown([HEAD, *(_row(kind, place, held) for (kind, place), held in sorted(groups.items()))])


def curves(stories: Sequence[Story]) -> str:
    """Markdown: one row for each kind and size of effect everywhere, one column for each volume of traffic.

    A cell says how many were found in time, and how many more were found late.
    """
    rates = sorted({story.requests_per_hour for story in stories})
    groups: dict[tuple[str, float], dict[float, list[Held]]] = defaultdict(lambda: defaultdict(list))
    for story in stories:
        for held in story.score.held:
            if held.effect is not None and not dict(held.place).keys() - {"model_version"}:
                groups[held.kind, held.effect][story.requests_per_hour].append(held)
    head = ("incident", "share hit", *(f"{rate:,.0f} requests an hour" for rate in rates))
    rows = [
        (kind, f"{100 * effect:.3g} %", *(_found(by_rate[rate]) for rate in rates))
        for (kind, effect), by_rate in sorted(groups.items())
    ]
    return markdown([head, *rows])


def _found(held: Sequence[Held]) -> str:
    if not held:
        return "-"
    in_time, late = sum(h.in_time for h in held), sum(h.found and not h.in_time for h in held)
    said = f"{in_time}/{len(held)}" + (f" + {late} late" if late else "")
    return said + (" (below sight)" if all(h.visible is False for h in held) else "")


def _held(stories: Iterable[Story]) -> list[Held]:
    return [held for story in stories for held in story.score.held]


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
    held = _held(stories)
    days = sum(story.score.days_outside for story in stories)
    false = [report for story in stories for report in story.score.false]
    pages = sum(report.paged for report in false)
    if held:
        hours = [h.hours for h in held if h.hours is not None]
        named = [h.right_item for h in held if h.right_item is not None]
        found, in_time = sum(h.found for h in held), sum(h.in_time for h in held)
        noun = "incident" if len(held) == 1 else "incidents"
        yield f"{len(held)} {noun}: {found} found, {in_time} in time"
        seen = [h for h in held if h.visible is not False]
        if len(seen) < len(held):
            in_time = sum(h.in_time for h in seen)
            yield f"of the {len(seen)} that are not below sight: {in_time} in time, {_percent(in_time, len(seen))}"
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


def shortfalls(stories: Sequence[Story]) -> Iterator[str]:
    """Where what was found stays below what recwatch means to reach."""
    seen = [held for held in _held(stories) if held.visible is not False]
    late = Counter(held.kind for held in seen if not held.in_time)
    if late.total() > (1 - RIGHT) * len(seen):
        kinds = ", ".join(
            f"{kind} {n} of {sum(h.kind == kind for h in seen)}" for kind, n in late.most_common()
        )
        in_time = _percent(len(seen) - late.total(), len(seen))
        yield f"in time {in_time}, at least {100 * RIGHT:.0f} % is the aim; not: {kinds}"
    for what, right in (
        ("detector", [held.right_detector for held in seen]),
        ("place", [held.right_place for held in seen]),
        ("item", [held.right_item for held in seen if held.right_item is not None]),
    ):
        if sum(right) < RIGHT * len(right):
            yield f"{what} right in {_percent(sum(right), len(right))}, at least {100 * RIGHT:.0f} % is the aim"
    told = _held(stories)  # too many reports are too many, however small what they are about
    if extra := Counter(held.kind for held in told if held.extra_pages):
        yield f"extra pages at {', '.join(extra)}; none is the aim"
    if noisy := Counter(held.kind for held in told if held.reports > REPORTS):
        yield f"more than {REPORTS} reports for one incident: {', '.join(noisy)}"
    days = sum(story.score.days_outside for story in stories)
    false = [report for story in stories for report in story.score.false]
    pages = sum(report.paged for report in false)
    if 30 * pages > FALSE_PAGES * days:
        yield f"{30 * pages / days:.2f} false pages a month; at most {FALSE_PAGES} is the aim"
    if 30 * len(false) > FALSE_REPORTS * days:
        yield f"{30 * len(false) / days:.2f} false reports a month; at most {FALSE_REPORTS} is the aim"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def told_wrongly(stories: Sequence[Story]) -> Iterator[str]:
    """What was missed or late, extra pages, and every false report."""
    for story in stories:
        for held in story.score.held:
            at = f"{held.kind} at {_place(held)} from {held.start:%d %B %H:%M}"
            size = f", {100 * held.effect:.3g} %" if held.effect is not None else ""
            if not held.in_time:
                state = "late" if held.found else "missed"
                why = "" if held.visible is not False else ", below sight"
                by = f", told by {', '.join(held.told_by)}" if held.told_by else ""
                yield f"{story.name}: {state}: {at}{size}{why}{by}"
            elif held.extra_pages:
                yield f"{story.name}: {held.extra_pages} extra pages: {at}{size}, told by {', '.join(held.told_by)}"
        for report in story.score.false:
            place = ",".join(f"{c}={v}" for c, v in sorted(report.place.items())) or "all"
            when = f"{report.opened_at:%d %B %H:%M}"
            yield f"{story.name}: false {report.severity}: {report.detector} at {place} {when}: {report.summary[:100]}"
