"""The page that sets recwatch and its peers side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.bench.figures import markdown
from tests.incident_bench.page import by_scenario, made_with
from tests.incident_bench.report import by_kind
from tests.incident_bench.scorer import Held
from tests.incident_bench.story import Story

RECWATCH = "recwatch"
NAMES: Mapping[str, str] = {
    "sql_thresholds": "thresholds in SQL",
    "evidently_drift": "Evidently: data drift",
    "evidently_recsys": "Evidently: recommenders",
    "evidently_summary": "Evidently: data summary",
    "popmon_lights": "popmon",
}
INTRODUCTION = """\
The logs of the [incident bench](incident-bench.md), each hour of them also put to what people would use otherwise, and
everything scored by the same rules.

What each of them was given:

- **recwatch**: `recwatch init --catalog`, `recwatch backtest`, nothing edited. It tells at the end of the hour plus the
  time that the log needs to settle; the peers are taken to tell at the very end of the hour.
- All peers: the first seven days, in which nothing goes wrong, as reference; hours are judged after them. An hour
  without rows is an alarm for each of them, since a job that finds no data fails. Every alarm is a page. What one test
  says within twelve hours is one report, and an alarm that stays on is one, however long.
- **Thresholds in SQL** (DuckDB): rows under half of, or over 1.8 times, the same hour of last week; more than 10 % of
  the users, items or scores missing; the mean score 20 % away from that of the quiet days, its spread under a fifth;
  half of the click rate gone; lists a tenth shorter; 2 % duplicates; 0.1 % unknown or blocked items; an item first in
  more than 30 % of the requests, in all or in a surface or country with 50 requests or more.
- **Evidently, data drift**: `DataDriftPreset` with its tests on every column but the ids of requests and users. Its
  reference for an hour is a sample of as many requests from the quiet days at the same time of day, so that no test
  fails for the number of rows alone.
- **Evidently, recommenders**: those metrics of `RecsysPreset` that have tests: personalization, popularity bias,
  novelty, score distribution, each within 10 % of the same reference. A list counts as a user; train data are the
  clicks of the quiet days. Diversity and serendipity need a dense matrix of items by items and are left out.
- **Evidently, data summary**: `DataSummaryPreset` with its tests but those of row and column counts, same reference.
- **popmon**: profiles and comparisons of each hour with an external reference, the quiet days; red lights of the
  default rules (7 standard deviations). The item at position 1 is a column of its own, or it could not see the top."""


@dataclass(frozen=True)
class Told:
    """What one of them made of one log.

    Parameters
    ----------
    failed : str
        Why there is no story; empty when there is one.
    tests : mapping
        Alarms by test, before they are merged.
    hours : int
        Hours that were judged.
    """

    who: str
    log: str
    story: Story | None = None
    failed: str = ""
    tests: Mapping[str, int] = field(default_factory=dict)
    hours: int = 0

    @property
    def name(self) -> str:
        return NAMES.get(self.who, self.who)

    def line(self) -> str:
        """For whoever waits."""
        if self.story is None:
            return f"{self.log}: {self.name} failed: {self.failed}"
        held = self.story.score.held
        return (
            f"{self.log}: {self.name}: {sum(h.in_time for h in held)} of {len(held)} in time, "
            f"{self.story.score.false_pages} false pages, used {self.story.seconds:.0f} s"
        )


def page(told: Sequence[Told], command: str, versions: str) -> str:
    """Markdown."""
    whos = list(dict.fromkeys(one.who for one in told))
    left_out = [name for who, name in NAMES.items() if who not in whos]
    said = f"\n\nNot run for this page: {'; '.join(left_out)}." if left_out else ""
    out = ["# What others find", INTRODUCTION, f"{made_with(command)}\n\nPeers: {versions}.{said}"]
    stories = {who: [one.story for one in told if one.who == who and one.story] for who in whos}
    for scenario, _ in by_scenario([one.story for one in told if one.story]):
        mine = {who: dict(by_scenario(stories[who])).get(scenario, []) for who in whos}
        out += [f"## {scenario}", side_by_side(mine), matrix(mine)]
    out += ["## By kind, in full"]
    for who in whos:
        if stories[who]:
            out += [f"### {NAMES.get(who, who)}", by_kind(stories[who])]
    out += ["## Which tests fired", "\n".join(_tests(told))]
    if failed := [f"- {one.log}: {one.name}: {one.failed}" for one in told if one.failed]:
        out += ["## What failed", "\n".join(failed)]
    return "\n\n".join(out) + "\n"


def side_by_side(stories: Mapping[str, Sequence[Story]]) -> str:
    """One row for each of them."""
    head = (
        "who", "found", "in time", "hours", "detector", "place", "item", "extra pages",
        "false pages a month", "false reports a month", "processor time",
    )  # fmt: skip
    return markdown([head, *(_row(NAMES.get(who, who), told) for who, told in stories.items() if told)])


def _row(name: str, stories: Sequence[Story]) -> tuple[str, ...]:
    held = [h for story in stories for h in story.score.held]
    hours = [h.hours for h in held if h.hours is not None]
    named = [h.right_item for h in held if h.right_item is not None]
    days = sum(story.score.days_outside for story in stories)
    false = [report for story in stories for report in story.score.false]
    n = len(held)
    return (
        name,
        f"{sum(h.found for h in held)}/{n}",
        f"{sum(h.in_time for h in held)}/{n}",
        f"{median(hours):.1f}" if hours else "-",
        f"{sum(h.right_detector for h in held)}/{n}",
        f"{sum(h.right_place for h in held)}/{n}",
        f"{sum(named)}/{len(named)}",
        str(sum(h.extra_pages for h in held)),
        f"{30 * sum(report.paged for report in false) / days:.1f}",
        f"{30 * len(false) / days:.1f}",
        f"{sum(story.seconds for story in stories):,.0f} s",
    )


def matrix(stories: Mapping[str, Sequence[Story]]) -> str:
    """In time, by kind and by who; in brackets what was found at all, where that is more."""
    groups: dict[tuple[str, str], dict[str, list[Held]]] = defaultdict(lambda: defaultdict(list))
    for who, told in stories.items():
        for held in (h for story in told for h in story.score.held):
            place = ",".join(held.place.values()) or "all"
            groups[held.kind, place][who].append(held)
    whos = [who for who, told in stories.items() if told]
    rows = [
        (kind, place, *(_cell(by_who[who]) for who in whos))
        for (kind, place), by_who in sorted(groups.items())
    ]
    return markdown([("in time", "place", *(NAMES.get(who, who) for who in whos)), *rows]) if rows else ""


def _cell(held: Sequence[Held]) -> str:
    in_time, found = sum(h.in_time for h in held), sum(h.found for h in held)
    return f"{in_time}/{len(held)}" + (f" ({found} found)" if found > in_time else "")


def _tests(told: Sequence[Told]) -> Iterator[str]:
    """The tests that fired in most hours: what is always on tells nobody anything."""
    for one in told:
        if one.tests:
            most = sorted(one.tests.items(), key=lambda kv: -kv[1])[:8]
            said = ", ".join(f"{test} in {100 * n / one.hours:.0f} %" for test, n in most)
            yield f"- {one.log}, {one.name}, of {one.hours:,} hours: {said}"
