"""A log of clicks and purchases: which column joins it with the lists, what happened, and how long after."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from monitor.config.problems import shown
from monitor.errors import UserError
from monitor.inspect import arrival, content
from monitor.inspect.joining import LEAST_JOINED, Join, Shown
from monitor.inspect.mapping import Choice
from monitor.inspect.names import best_match, tokens
from monitor.inspect.rhythm import Landing, Lateness
from monitor.inspect.sample import Sample, SampleColumn, read_sample
from monitor.inspect.survey import Survey, survey
from monitor.logs.source import Source

KIND = "kind event_kind event_type type event event_name action action_type outcome outcome_type interaction"
VALUE = "value price amount revenue total order_value purchase_value conversion_value basket_value gmv sales"
HAPPENED = {"click", "clicked", "purchase", "purchased", "conversion", "event", "outcome", "action"}
CLICK = {"click", "clicks", "clicked", "clickthrough", "tap", "tapped"}
CONVERSION = {
    "purchase", "purchased", "buy", "bought", "order", "ordered", "sale", "sold", "conversion", "converted", "checkout",
    "booking", "booked", "payment", "paid", "subscribe", "subscribed", "subscription", "signup",
}  # fmt: skip
UNDONE = {
    "cancel",
    "cancelled",
    "canceled",
    "refund",
    "refunded",
    "return",
    "returned",
    "remove",
    "removed",
    "failed",
}
MOST_KINDS = 50
IN_TIME = 0.8  # of the outcomes that come at all are waited for: the rest would make news old
LONGEST = timedelta(days=2)
COARSEST = timedelta(hours=1)  # in which steps a longer window than that is looked back


@dataclass(frozen=True, eq=False)
class Outcomes:
    """A log of outcomes as it was found.

    Parameters
    ----------
    columns : mapping of part to Choice
    clicks, conversions : tuple of str
        Values of the kind.
    delay : timedelta
        How long after a request its outcomes are waited for.
    why_delay : str
        What speaks for it.
    remarks : tuple of str
        What people should know.
    """

    path: str
    surveyed: Survey
    sample: Sample
    columns: Mapping[str, Choice]
    unit: str
    clicks: tuple[str, ...]
    conversions: tuple[str, ...]
    delay: timedelta
    why_delay: str
    landing: Landing
    lateness: Lateness | None
    remarks: tuple[str, ...] = ()

    @property
    def partitions(self) -> str:
        """Empty where folders are named by another time than UTC's."""
        return "" if self.lateness is not None and self.lateness.after > 0.001 else self.surveyed.partitions

    @property
    def settle(self) -> timedelta:
        """How long its rows are waited for: files, and rows in later folders than their time's."""
        late = self.lateness
        return max(self.landing.settle, late.allowed) if late and late.by_arrival else self.landing.settle


def read_outcomes(source: Source, path: str, shown_rows: Shown, window: timedelta) -> Outcomes:
    """Look at a bounded part of a log of outcomes.

    Parameters
    ----------
    shown_rows : Shown
        Which items the sampled requests of the prediction log had, and when.
    window : timedelta
        Length of the windows.

    Raises
    ------
    UserError
        When it cannot be joined, or has no time, with the columns that there are.
    LogError
        When nothing can be read.
    """
    surveyed = survey(source, path)
    sample = read_sample(source, surveyed)
    flat = [c for c in sample.columns.values() if not c.listed and (c.codes >= 0).any()]
    join = Join.find(flat, shown_rows)
    if join is None:
        names = ", ".join(shown(c.path) for c in flat[:30])
        raise UserError(
            f"--outcomes {path}: no two columns hold requests and items of the prediction log; it has {names}: write "
            "`outcomes` into the configuration by hand if one of them does"
        )
    taken = {join.request.path, join.item.path}
    when, unit, how = _timestamp(path, [c for c in flat if c.path not in taken], join)
    columns = {
        "timestamp": Choice(when.path, how),
        "request": Choice(join.request.path, join.why_request),
        "item": Choice(join.item.path, join.why_item),
    }
    taken.add(when.path)
    remarks = []
    clicks: tuple[str, ...] = ()
    conversions: tuple[str, ...] = ()
    kind = _kind([c for c in flat if c.path not in taken])
    if kind is not None:
        clicks, conversions = (_values(kind, words) for words in (CLICK, CONVERSION))
        if clicks or conversions:
            columns["kind"] = Choice(kind.path, content.examples(kind))
            taken.add(kind.path)
        else:
            remarks.append(
                f"{shown(kind.path)} ({content.examples(kind)}) tells of no click or purchase that is known by "
                "name, so every row is taken for a click"
            )
    value = _named([c for c in flat if c.path not in taken], VALUE) if conversions else None
    if value is not None and np.isfinite(value.numbers).any():
        columns["value"] = Choice(value.path, content.value_range(value))
    waited_for = _rows_of(sample, columns.get("kind"), clicks or conversions)
    assert when.times is not None  # a column without times is no timestamp
    delay, why_delay = _delay(join.delays(when.times, waited_for), window)
    times = when.times
    return Outcomes(
        path,
        surveyed,
        sample,
        columns,
        unit,
        clicks if "kind" in columns else ("click",),
        conversions,
        delay,
        why_delay,
        arrival.landing(surveyed, sample, times),
        arrival.lateness(sample, times),
        tuple(remarks),
    )


def _timestamp(path: str, columns: Collection[SampleColumn], join: Join) -> tuple[SampleColumn, str, str]:
    """When it happened, its unit, and what it looks like; not the time of the request written beside it."""
    found = []
    for column in columns:
        what = content.times(column)
        if what is None:
            continue
        words = set(tokens(column.path))
        named = 250 if words & HAPPENED else best_match("timestamp", column.path)
        if what.number and not named:
            continue
        assert column.times is not None
        copied = join.copies_request_time(column.times)
        found.append(((not copied, named + 30 * what.native, column.path), column, what))
    if not found:
        names = ", ".join(shown(c.path) for c in columns) or "no others"
        raise UserError(f"--outcomes {path}: no column says when something happened; it has {names}")
    _, column, what = max(found, key=lambda entry: entry[0])
    return column, what.unit, what.text


def _kind(columns: Collection[SampleColumn]) -> SampleColumn | None:
    """The column that says what happened, by its values or its name."""
    few = [c for c in columns if content.is_id(c) and 1 <= c.distinct <= MOST_KINDS and c.filled > 0.9]
    telling = [c for c in few if _values(c, CLICK) or _values(c, CONVERSION)]
    return _named(telling, KIND) or (telling[0] if telling else _named(few, KIND))


def _named(columns: Collection[SampleColumn], usual: str) -> SampleColumn | None:
    """The column with the first of the usual names, as a whole or at its end."""
    for name in usual.split():
        words = name.split("_")
        for column in columns:
            if tokens(column.path)[-len(words) :] == words:
                return column
    return None


def _values(kind: SampleColumn, words: set[str]) -> tuple[str, ...]:
    """Values that tell of such a thing, the most frequent first.

    >>> from monitor.inspect.names import tokens
    >>> set(tokens("product_clicked")) & CLICK, set(tokens("add-to-cart")) & (CLICK | CONVERSION)
    ({'clicked'}, set())
    """
    order = np.argsort(-kind.counts, kind="stable")
    names = [kind.names[i] for i in order.tolist() if kind.counts[i]]
    return tuple(n for n in names if (said := _words(n)) & words and not said & UNDONE)


def _words(text: str) -> set[str]:
    return set(tokens(text)) | set(re.findall(r"[a-z]+", text.lower()))


def _rows_of(sample: Sample, kind: Choice | None, values: Collection[str]) -> NDArray[np.bool_]:
    """The rows of some kinds; all of them where there are no kinds."""
    if kind is None:
        return np.ones(sample.n_rows, bool)
    column = sample.columns[kind.column]
    chosen = np.append([name in values for name in column.names], False)
    return chosen[column.codes]


def _delay(delays: NDArray[np.int64], window: timedelta) -> tuple[timedelta, str]:
    """Whole windows (hours, where they are longer), so that most outcomes are in: waiting less would tell no sooner."""
    step = min(window, COARSEST)
    delays = delays[delays < LONGEST // timedelta(microseconds=1)]
    if len(delays) < LEAST_JOINED:
        return max(step, COARSEST), "how late outcomes come could not be seen"
    late = timedelta(microseconds=int(np.quantile(delays, IN_TIME)))
    delay = step * max(1, math.ceil(late / step))
    within = (delays <= delay // timedelta(microseconds=1)).mean()
    return delay, f"{100 * within:.0f} % come within it, half within {_half(delays)}"


def _half(delays: NDArray[np.int64]) -> str:
    seconds = round(float(np.median(delays)) / 1e6)
    return f"{seconds} s" if seconds < 90 else f"{round(seconds / 60)} min"


def lines_of(found: Outcomes) -> Iterator[tuple[str, str]]:
    """What was found, for the report: a name and a text each."""
    yield "outcomes", f"{found.surveyed.format}, {found.sample.n_rows:,} rows looked at"
    for part, choice in found.columns.items():
        yield f"  {part}", f"{shown(choice.column)}: {choice.why}"
    for name, values in (("clicks", found.clicks), ("conversions", found.conversions)):
        if values and "kind" in found.columns:
            yield f"  {name}", ", ".join(map(shown, values))
    yield "  delay", f"waited for {_plain(found.delay)}: {found.why_delay}"


def _plain(value: timedelta) -> str:
    minutes = round(value.total_seconds() / 60)
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"
