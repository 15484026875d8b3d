"""What an incident has cost so far, as far as the store can say it; or why nobody can."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from detectors.core.cells import slice_text
from monitor.evaluation import Evaluation, OutcomesState, Status
from monitor.incidents.cost import Lost, Shown, lost
from monitor.incidents.incident import Incident
from monitor.reading.explanation import Kept
from monitor.web.course import finding_of
from monitor.web.wording import moment, number, period
from monitor.windows import Window

LOOK_BACK = timedelta(days=7)  # for what is usual
WAIT = timedelta(days=2)  # outcomes of the last requests may be told so much later
CLICKS, MONEY, ROWS = "outcome.click_rate", "outcome.value_per_row", "outcome.rows"
NOT_OF_LISTS = {
    "traffic": "requests are missing or too many, and of lists that were not logged nobody knows who saw them",
    "outcome.logged": "it is about clicks that are not recorded, and nobody knows how many there were",
    "outcome.joined_share": "it is about clicks that belong to no list, and nobody knows to which they would",
    "drill": "it is a drill, nothing is wrong",
}


@dataclass(frozen=True)
class Cost:
    """What it has cost in the requests of `window`; `why` nobody can say, where `clicks` is None.

    Parameters
    ----------
    money : Lost or None
        In the currency of the log or of the catalogue; None where no value is configured.
    partly : str
        Of how many of the parts it is the cost, where nobody can say it of some.
    """

    clicks: Lost | None = None
    money: Lost | None = None
    window: Window | None = None
    rows: float = 0.0
    why: str = ""
    partly: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON types only."""
        w = self.window
        return {
            "clicks": vars(self.clicks) if self.clicks else None,
            "money": vars(self.money) if self.money else None,
            "rows": round(self.rows),
            "start": w.start.isoformat() if w else None,
            "end": w.end.isoformat() if w else None,
            "partly": self.partly or None,
            "cannot_estimate": self.why or None,
        }

    def __str__(self) -> str:
        if self.clicks is None or self.window is None:
            return f"cannot estimate: {self.why}"
        parts = [_words(self.clicks, "clicks")]
        parts += [_words(self.money, "in money")] if self.money else []
        when = period(self.window.start, self.window.end)
        partly = f"; {self.partly}" if self.partly else ""
        return f"{', '.join(parts)}; of {number(round(self.rows))} rows shown, {when}{partly}"


def cost_of(records: Kept, incident: Incident) -> Cost:
    """Clicks (and money) that would have come at the rate before, less those that came; of all parts together."""
    if incident.parts:
        return _of_parts(
            [cost_of(records, part) for p in incident.parts if (part := records.incident(p.incident))]
        )
    for about in ("drill" if "drill" in incident.labels else "", incident.detector, incident.measure):
        if about in NOT_OF_LISTS:
            return Cost(why=NOT_OF_LISTS[about])
    onset, until = incident.onset_at, incident.last_seen_at or incident.opened_at
    known = list(
        records.evaluations(incident.recommender, since=onset - LOOK_BACK, until=max(until, onset) + WAIT)
    )
    text = slice_text(incident.slice)
    seen = [(requests_of(e), e) for e in known if e.status is Status.EVALUATED]
    before = [e for w, e in seen if w.end <= onset and e.window.end <= onset]
    since = [(w, e) for w, e in seen if w.start >= onset and w.end <= until]
    usual = [shown for e in before if (shown := _shown(e, CLICKS, text, usual=True))]
    got = [(w, shown) for w, e in since if (shown := _shown(e, CLICKS, text))]
    clicks = lost(usual, [shown for _, shown in got])
    if clicks is None:
        return Cost(why=_why_not(known, bool(got), bool(usual), until))
    money = lost(
        [shown for e in before if (shown := _shown(e, MONEY, text, usual=True))],
        [shown for _, e in since if (shown := _shown(e, MONEY, text))],
        least=math.ulp(0.0),  # anything at all
    )
    rows = sum(shown.rows for _, shown in got)
    return Cost(clicks, money, Window(got[0][0].start, got[-1][0].end), rows)


def _of_parts(costs: Sequence[Cost]) -> Cost:
    """The sum of those of which it is known."""
    known = [c for c in costs if c.clicks and c.window]
    if not known:
        return Cost(why=costs[0].why if costs else "its parts are not kept any more")
    windows = [c.window for c in known if c.window]
    money = [c.money for c in known if c.money]
    return Cost(
        _sum([c.clicks for c in known if c.clicks]),
        _sum(money) if money else None,
        Window(min(w.start for w in windows), max(w.end for w in windows)),
        sum(c.rows for c in known),
        partly="" if len(known) == len(costs) else f"known of {len(known)} of {len(costs)} recommenders",
    )


def _sum(lost: Sequence[Lost]) -> Lost:
    """Ends of intervals add up to an interval that holds at least as surely."""
    return Lost(sum(one.amount for one in lost), sum(one.low for one in lost), sum(one.high for one in lost))


def requests_of(evaluation: Evaluation) -> Window:
    """When the requests were that an evaluation tells the outcomes of."""
    outcomes = evaluation.read.outcomes
    return Window(outcomes.start, outcomes.end) if outcomes else evaluation.window


def _shown(evaluation: Evaluation, measure: str, slice: str, usual: bool = False) -> Shown | None:
    """A place in a window; None where nothing is known, or where it is not usual and has to be."""
    found, rows = (finding_of(evaluation.findings, name, slice) for name in (measure, ROWS))
    outcomes = evaluation.read.outcomes
    if found is None or rows is None or (usual and found.excluded):
        return None
    if outcomes is not None and outcomes.state is not OutcomesState.READ:
        return None
    if not (math.isfinite(found.value) and math.isfinite(found.error) and rows.value > 0):
        return None
    all_rows = rows.value / (outcomes.sampling_rate if outcomes else 1.0)
    independent = found.n if measure == CLICKS else math.nan
    return Shown(requests_of(evaluation).start, all_rows, found.value, found.error, independent)


def _why_not(known: list[Evaluation], got: bool, usual: bool, until: datetime) -> str:
    lacks = [c.why for e in known for c in e.cannot_measure if c.measure == CLICKS]
    if got:
        return "too few clicks are known from before it began to say what is usual"
    if lacks:
        return lacks[-1]
    if usual:
        return f"the clicks of its requests until {moment(until)} are not in yet"
    return "clicks are not measured in its place"


def _words(lost: Lost, what: str) -> str:
    low, high = number(round(lost.low)), number(round(lost.high))
    if lost.low <= 0 <= lost.high:
        return f"{what}: none that can be told from chance ({low} to {high})"
    if lost.high < 0:
        return f"{what}: none, {number(round(-lost.amount))} more came than usual"
    return f"{what}: some {number(round(lost.amount))} ({low} to {high})"
