"""The page that says what came of a bench: how it was made, tables, and everything that went wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from monitor.simulator.incidents import KINDS
from monitor.simulator.incidents.sight import Sight
from tests.bench.figures import machine, markdown
from tests.incident_bench.report import by_kind, curves, in_all, shortfalls, told_wrongly
from tests.incident_bench.story import Story, Untold

MOST_WRONG = 60  # lines of each scenario

INTRODUCTION = """\
Logs of simulated shops in which things go wrong at known hours. `recwatch init` looks at each log (and at its
catalogue and its log of clicks, where there are such), `recwatch backtest` goes through it with the configuration just
as it was written, and what it would have told is held against what happened.

- *found*: a report opened while it lasted. *In time*: by its deadline and a quarter of an hour, and by a page where a
  page is due. *Hours*: the median from its beginning to the first report; hourly windows make that an hour at best.
- *detector*, *place right*, *item*: whether the first report was of a family that speaks of such trouble, named exactly
  the part of the traffic, and exactly the item.
- *extra pages*: those beyond the first, and pages for what deserves a ticket. *Reports*: of any kind, for one incident.
- A report is *false* when it opened outside every incident and the twelve hours after it, in which recovery may show.
  A ticket during a harmless event (a sale, a roll-out, a holiday, a refreshed catalogue) is counted apart.
- *below sight*: so small by its deadline that one window cannot show it to anybody (the last table says from what size
  on it could); listed, but not held against recwatch."""


@dataclass(frozen=True)
class Run:
    """What a bench has to tell.

    Parameters
    ----------
    command : str
        Makes the same again.
    """

    stories: Sequence[Story]
    untold: Sequence[Untold]
    command: str


def page(run: Run, title: str = "Incident bench", introduction: str = INTRODUCTION) -> str:
    """Markdown."""
    out = [f"# {title}", introduction, made_with(run.command)]
    for scenario, group in by_scenario(run.stories):
        out += [f"## {scenario}", _lines(in_all(group))]
        if short := list(shortfalls(group)):
            out += ["Where it falls short:", _lines(short)]
        if any(story.score.held for story in group):
            out.append(curves(group) if scenario == "curves" else by_kind(group))
        if wrong := list(told_wrongly(group)):
            left = len(wrong) - MOST_WRONG
            more = [f"and {left} more"] if left > 0 else []
            out += ["What went wrong:", _lines(wrong[:MOST_WRONG] + more)]
    if run.untold:
        out += ["## Logs that failed", _lines(f"{one.name}: {one.why}" for one in run.untold)]
    if any(held.visible is not None for story in run.stories for held in story.score.held):
        out += ["## From what size on trouble can be seen", _sights()]
    return "\n\n".join(out) + "\n"


def made_with(command: str) -> str:
    """The command, the machine and the day."""
    return f"Made on {datetime.now(UTC):%d %B %Y} on {machine()}, with\n\n    {command}"


def by_scenario(stories: Sequence[Story]) -> Iterator[tuple[str, list[Story]]]:
    """Logs are named SCENARIO-REQUESTS-SEED."""

    def scenario(story: Story) -> str:
        return re.sub(r"(-[^-]+){2}$", "", story.name) or story.name

    for name, group in groupby(sorted(stories, key=scenario), key=scenario):
        yield name, list(group)


def _sights() -> str:
    """What is asked of a watcher, by kind."""
    rows = [("incident", "the share hit is surely above", "or the drop is clear of chance and of")]
    for kind in sorted((kind for kind in KINDS.values() if not kind.harmless), key=lambda kind: kind.name):
        rows.append(_sight(kind.name, kind.sight))
        rows += [_sight(f"{kind.name}, without {part}", less) for part, less in kind.sight_without.items()]
    return markdown(rows)


def _sight(name: str, sight: Sight) -> tuple[str, str, str]:
    of = "" if sight.per_request == 1 else f", with {sight.per_request:g} to count for each request"
    if sight.noise is None:
        return name, f"{100 * sight.above:g} %{of}", ""
    return name, "", f"{100 * sight.noise:g} % of ordinary variation{of}"


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(f"- {text}" for text in texts)
