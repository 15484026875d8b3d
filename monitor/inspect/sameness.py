"""Legitimate sameness, learned from history: pinned places, contextual surfaces, traffic made in a few hours a day.

Only what has been so all along is learned: what began lately may be the incident. What could be the outage itself is
proposed, not switched on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from monitor.inspect.mapping import Mapped
from monitor.inspect.rhythm import HOUR_US
from monitor.inspect.sample import Sample

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

ENOUGH = 5  # requests of an hour that say something of it
DAYS = 4  # on which it has to be so
NEARLY_ALL = 0.9  # of the requests, and of the hours, days alike
IN_EACH_PART = 0.8  # of the hours of each third of history, days alike
LAST_PLACE = 50
HABIT_ITEMS = 3  # different items that an editorial first place has had
MOST_HOURS = 4  # of the day, in which a batch is made
ABSENT = 20  # requests that would be there in other hours if it were no batch
ALIKE_LISTS = 50  # requests that share what they look at with others
OWN_LISTS = 0.7  # different lists for each thing that is looked at


@dataclass(frozen=True)
class Expectation:
    """One thing that was found: where, what, and why it is believed.

    Parameters
    ----------
    key : str
        Its list under `expected`: "positions", "kinds" or "batches".
    values : mapping
        As the configuration has them.
    """

    key: str
    where: Mapping[str, str]
    values: Mapping[str, str]
    why: str


@dataclass(frozen=True)
class Learned:
    """What is meant to be the same: certain enough to be written down, or only proposed."""

    certain: tuple[Expectation, ...] = ()
    proposed: tuple[Expectation, ...] = ()

    def hours_in_one(self, where: Mapping[str, str]) -> float:
        """Hours of traffic that an hour in which a part of it comes brings: many for what is made in a batch."""
        hours = [e.values["hours"] for e in self.certain if e.key == "batches" and e.where == where]
        return 24 / len(hours[0].split(",")) if hours else 1.0


@dataclass(frozen=True, eq=False)
class Rows:
    """Items shown, each of shape (rows,); slices and context as codes of their values, -1 where there is none."""

    hour: Ints
    request: Ints
    position: Ints
    item: Ints
    slices: Mapping[str, tuple[Ints, list[str]]] = field(default_factory=dict)
    context: Ints | None = None

    def scopes(self) -> Iterator[tuple[dict[str, str], Mask]]:
        """Everything, then each value of a slice column."""
        yield {}, np.ones(len(self.hour), bool)
        for column, (codes, names) in self.slices.items():
            for code in np.unique(codes[codes >= 0]).tolist():
                yield {column: names[code]}, codes == code


NOTHING_LEARNED = Learned()


def rows_of(sample: Sample, mapped: Mapped, times: Ints, columns: list[str]) -> Rows | None:
    """The sample's rows with what sameness is learned from; None where requests or places are not known."""
    item = sample.columns[mapped.choices["item"].column]
    request, position = mapped.request_of_rows(sample), mapped.column("position")
    if sample.item_list is not None:
        length, _ = item.parts
        row = np.repeat(np.arange(len(length)), length)
        place = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length) + 1
        asked = row
    elif request is not None and position is not None:
        row = np.arange(sample.n_rows)
        asked, numbers = request.codes, sample.columns[position].numbers
        first = np.nanmin(numbers) if len(numbers) else 1
        place = np.nan_to_num(numbers - first + 1, nan=0.0).astype(np.int64)
    else:
        return None
    slices = {c: (sample.columns[c].codes[row], sample.columns[c].names) for c in columns}
    looked_at = mapped.column("context")
    context = sample.columns[looked_at].codes[row] if looked_at is not None else None
    made = Rows(times[row] // HOUR_US, asked, place, item.codes, slices, context)
    there = (made.item >= 0) & (made.request >= 0) & (made.position >= 1) & (times[row] > 0)
    return _taken(made, there)


def learn(rows: Rows) -> Learned:
    """Everything that has been the same all along."""
    certain: list[Expectation] = []
    proposed: list[Expectation] = []
    for where, here in rows.scopes():
        part = _taken(rows, here)
        known = [e for e in certain if e.where.items() <= where.items()]
        pinned = _pinned(part)
        if len(pinned) > 1 and len(pinned) > 0.5 * len(np.unique(part.position)):
            if not known:
                why = f"one list filled nearly all requests in every hour of {_days(part)} days"
                proposed.append(Expectation("kinds", where, {"kind": "popular"}, why))
            continue
        for position, items in pinned.items():
            if any(e.values.get("position") == str(position) for e in known):
                continue
            why = f"one item at a time filled it on {_days(part)} days, {len(set(items))} in all"
            made = Expectation("positions", where, {"position": str(position)}, why)
            (certain if position > 1 or _is_habit(items) else proposed).append(made)
        if where and (alike := _contextual(part)):
            certain.append(Expectation("kinds", where, {"kind": "contextual"}, alike))
        if where and (hours := _batch_hours(rows, here)):
            why = f"all of it came in {len(hours)} of 24 hours, on {_days(part)} days"
            listed = f"[{', '.join(map(str, hours))}]"
            certain.append(Expectation("batches", where, {"hours": listed}, why))
    return Learned(tuple(certain), tuple(proposed))


def _taken(rows: Rows, here: Mask) -> Rows:
    return Rows(
        rows.hour[here], rows.request[here], rows.position[here], rows.item[here],
        {c: (codes[here], names) for c, (codes, names) in rows.slices.items()},
        None if rows.context is None else rows.context[here],
    )  # fmt: skip


def _days(rows: Rows) -> int:
    return len(np.unique(rows.hour // 24))


def _pinned(rows: Rows) -> dict[int, list[int]]:
    """Places that one item filled in nearly every hour, from the beginning on, and that item by hour."""
    if not len(rows.hour):
        return {}
    inside = rows.position <= LAST_PLACE
    hours, hour = np.unique(rows.hour[inside], return_inverse=True)
    items = int(rows.item.max()) + 1
    code = (rows.position[inside] * len(hours) + hour) * items + rows.item[inside]
    codes, n = np.unique(code, return_counts=True)
    slot, item = np.divmod(codes, items)
    slots, start = np.unique(slot, return_index=True)
    total, top = np.add.reduceat(n, start), np.maximum.reduceat(n, start)
    order = np.lexsort((-n, slot))
    best = item[order][start]
    position, at = np.divmod(slots, len(hours))
    third = (3 * (hours[at] - hours[0])) // (hours[-1] - hours[0] + 1)
    day = hours[at] // 24
    out = {}
    for p in np.unique(position).tolist():
        here = (position == p) & (total >= ENOUGH)
        filled = here & (top >= NEARLY_ALL * total)
        if len(np.unique(day[filled])) < DAYS or _by_day(here, filled, day) < NEARLY_ALL:
            continue
        parts = [here & (third == t) for t in range(3)]
        if all(_by_day(part, filled, day) >= IN_EACH_PART for part in parts):
            out[p] = best[filled].tolist()
    return out


def _by_day(hours: Mask, filled: Mask, day: Ints) -> float:
    """Share of the hours that are filled; each day counts the same, or half a day of trouble at the end, where the
    sample is dense, would outweigh weeks."""
    if not hours.any():
        return 0.0
    _, number = np.unique(day[hours], return_inverse=True)
    return float(np.mean(np.bincount(number, filled[hours]) / np.bincount(number)))


def _is_habit(items: list[int]) -> bool:
    """Whether a first place looks like an editor's: several items, each of which stays for a while."""
    changes = sum(a != b for a, b in pairwise(items))
    return len(set(items)) >= HABIT_ITEMS and changes <= 0.5 * len(items)


def _contextual(rows: Rows) -> str | None:
    """Whether lists are those of what is looked at: alike for all who look at one thing, and different otherwise."""
    if rows.context is None or not len(rows.hour) or (rows.context >= 0).mean() < 0.95:
        return None
    requests, first, number = np.unique(rows.request, return_index=True, return_inverse=True)
    mark = (rows.item.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) ^ (
        rows.position.astype(np.uint64) * np.uint64(0xC4CEB9FE1A85EC53)
    )
    mark *= np.uint64(0xFF51AFD7ED558CCD)
    mark ^= mark >> np.uint64(29)
    signature = np.zeros(len(requests), np.uint64)
    np.add.at(signature, number, mark)
    hour, thing = rows.hour[first], rows.context[first]
    order = np.lexsort((signature, thing, hour))
    hour, thing, signature = hour[order], thing[order], signature[order]
    new_thing = np.ones(len(order), bool)
    new_thing[1:] = (hour[1:] != hour[:-1]) | (thing[1:] != thing[:-1])
    new_list = new_thing.copy()
    new_list[1:] |= signature[1:] != signature[:-1]
    of_list, of_thing = np.cumsum(new_list) - 1, np.cumsum(new_thing) - 1
    size = np.bincount(of_list)
    most = np.zeros(of_thing[-1] + 1, np.int64)
    np.maximum.at(most, of_thing[new_list], size)
    visits = np.bincount(of_thing)
    several = visits >= 2
    if visits[several].sum() < ALIKE_LISTS or len(np.unique(hour // 24)) < DAYS:
        return None
    alike = most[several].sum() / visits[several].sum()
    own = len(np.unique(signature)) / len(np.unique(thing))
    if alike < IN_EACH_PART or own < OWN_LISTS:
        return None
    return f"{100 * alike:.0f} % of those who looked at the same thing got the same list, others got others"


def _batch_hours(rows: Rows, here: Mask) -> list[int]:
    """Hours of the day in which all of a part of the traffic comes, where that is no chance."""
    by_hour = _requests_by_hour(rows, np.ones(len(here), bool))
    mine = _requests_by_hour(rows, here)
    made = sorted({hour % 24 for hour in mine})
    if not made or len(made) > MOST_HOURS or len({hour // 24 for hour in mine}) < 2:
        return []
    due = [hour for hour in by_hour if hour % 24 in made]
    others = sum(n for hour, n in by_hour.items() if hour % 24 not in made)
    share = sum(mine.values()) / max(1, sum(by_hour.values()))
    regular = sum(hour in mine for hour in due) >= IN_EACH_PART * len(due)
    return made if regular and others * share >= ABSENT else []


def _requests_by_hour(rows: Rows, here: Mask) -> dict[int, int]:
    requests, first = np.unique(rows.request[here], return_index=True)
    hours, n = np.unique(rows.hour[here][first], return_counts=True)
    return dict(zip(hours.tolist(), n.tolist(), strict=True)) if len(requests) else {}
