"""recwatch's answers to the questions that are asked in SQL, held against DuckDB's: what is counted.

Over the budget of rows all but the traffic is counted of the users in a nested sample; else every answer is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detectors.core.cells import NULL, Cells
from detectors.core.hashing import U64, combine, distinct
from detectors.core.summary import Summary
from detectors.statistics.item_counts import ANYWHERE, FIRST, ItemCounts
from detectors.statistics.list_tally import LONGEST, ListTally
from detectors.statistics.minutes import MINUTE, Minutes
from detectors.statistics.missing import Missing
from detectors.statistics.score_tally import ScoreTally
from detectors.statistics.traffic_tally import TrafficTally
from monitor.engine.codes import codes_of
from monitor.measured import Measured
from tests.bench.questions import Answers, Database

I64 = NDArray[np.int64]

STATED = 3.0  # standard errors within which an estimate has to be
MOST = 20  # items that are shown with most users and exposure

# What the fixed questions do not ask in the form in which recwatch counts it; asked beside them, and not timed.
REQUESTS_BY_ITEM = """select surface, country, model_version, item_id, count(distinct request_id) n
    from log where item_id is not null group by all"""
NAN_SCORES = """select surface, country, model_version, count(*) filter (where isnan(score)) n
    from log group by all"""


@dataclass(frozen=True)
class Compared:
    """Answers to one question.

    Parameters
    ----------
    how : str
        "exact", or from what it is estimated and with what error.
    agree, of : int
        Answers that are the same as DuckDB's, or as near as their error says, and all answers.
    """

    question: str
    how: str
    agree: int
    of: int
    exact: bool = True


@dataclass(frozen=True)
class Both:
    """The same window as recwatch and as DuckDB saw it."""

    summary: Summary
    measured: Measured
    database: Database
    sql: Answers

    def cell_of(self, table: pa.Table) -> I64:
        """Index of the cell of each row of a table that has all slice columns."""
        return cells_of(table, self.summary.cells)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return self.summary.cells.columns

    def by(self, *columns: str) -> list[tuple[str, ...]]:
        """The values of some columns, for each cell."""
        at = [self.columns.index(c) for c in columns]
        return [tuple(values[i] for i in at) for values in self.summary.cells.values]

    def groups(self, groups: U64) -> I64:
        """Index of the cell of each group of a statistic."""
        return np.searchsorted(self.summary.cells.keys, groups)

    @property
    def together(self) -> float:
        """Requests of the whole for each independent user."""
        return float(self.summary.clustering[0])

    @cached_property
    def rows_together(self) -> float:
        """Rows of the whole for each independent user."""
        rows = self.summary[TrafficTally].by_slice(np.ones((1, len(self.summary[TrafficTally].groups)), bool))
        return self.together * float(rows["rows"][0] / max(1, rows["requests"][0]))

    def compared(
        self, question: str, counts: I64, truth: I64, together: float | None = None, note: str = ""
    ) -> Compared:
        """Counts of the sample against counts of all rows: equal, or within `STATED` standard errors.

        Parameters
        ----------
        together : float, optional
            What is counted of each independent user; requests unless told otherwise.
        """
        rate = self.summary.rate
        if rate == 1:
            return Compared(question, f"exact{note}", int((counts == truth).sum()), len(truth))
        # One more than was found: that nothing was found of a few is no error of 0.
        error = np.sqrt((1 - rate) * (counts + 1) * (together or self.together)) / rate
        near = np.abs(counts / rate - truth) <= STATED * error
        most = np.argsort(-truth, kind="stable")[:MOST]
        relative = np.median(error[most] / np.maximum(truth[most], 1)) if len(truth) else 0.0
        how = f"estimated from a sample of {100 * rate:g} % of users"
        how += f"; standard error of the largest {100 * relative:,.1f} %"
        return Compared(question, how + note, int(near.sum()), len(truth), exact=False)


def counts(both: Both) -> list[Compared]:
    """The answers that are counts."""
    return [_items(both), _first_places(both), _lists(both), _scores(both), _traffic(both)]


def _items(both: Both) -> Compared:
    """Q1: requests that show an item, by cell and overall; in a list it counts once."""
    found = both.summary[ItemCounts]
    shown = found.counts[:, ANYWHERE]
    ours = combine(found.groups[found.group], found.keys[found.key])
    control = both.database.query(REQUESTS_BY_ITEM)
    theirs, n = _keyed(both, control)
    whole = np.bincount(found.key, shown, len(found.keys)).astype(np.int64)
    sides = aligned(ours, shown, theirs, n), aligned(found.keys, whole, codes_hashes(control), n)
    rows = aligned(*_keyed(both, both.sql["Q1"][1]), theirs, n)
    once = 100 * np.mean(rows[0] == rows[1]) if len(rows[0]) else 100.0
    note = f"; requests that show an item, of which there are as many as rows in {once:.2f} %"
    counts, truth = (np.concatenate(side) for side in zip(*sides, strict=True))
    return both.compared("Q1 items by slice and overall", counts, truth, note=note)


def _first_places(both: Both) -> Compared:
    """Q2: the most frequent first places; of equal ones DuckDB may show any."""
    found, table = both.summary[ItemCounts], both.sql["Q2"][0]
    first = found.counts[:, FIRST]
    ours = combine(found.groups[found.group], found.keys[found.key])
    theirs, n = _keyed(both, table)
    order = np.argsort(ours)
    at = order[np.searchsorted(ours, theirs, sorter=order).clip(0, max(0, len(ours) - 1))]
    counts = np.where(ours[at] == theirs, first[at], 0)
    if both.summary.rate == 1:  # then those that are largest here are so there
        counts = np.concatenate([counts, np.sort(first)[::-1][: len(n)]])
        n = np.concatenate([n, np.sort(n)[::-1]])
    return both.compared("Q2 first places", counts, n)


def _lists(both: Both) -> Compared:
    """Q5: lists by surface and length, lists with an item twice, lists with a gap."""
    tally, table = both.summary[ListTally], both.sql["Q5"][0]
    ours: dict[tuple[Any, ...], int] = {}
    surfaces = both.by("surface")
    names = [*range(LONGEST + 1), "repeated", "gaps"]
    for at, counts in zip(both.groups(tally.groups), tally.counts.tolist(), strict=True):
        for name, count in zip(names, counts, strict=False):  # what comes after the names is no answer
            key = surfaces[at][0], name
            ours[key] = ours.get(key, 0) + count
    theirs: dict[tuple[Any, ...], int] = {}
    for row in table.to_pylist():
        keys = [min(row["length"], LONGEST), *(name for name in ("repeated", "gaps") if row[name])]
        for name in keys:
            key = row["surface"] or NULL, name
            theirs[key] = theirs.get(key, 0) + row["n"]
    return both.compared("Q5 list lengths, repeats, gaps", *_sides(ours, theirs))


def _scores(both: Both) -> Compared:
    """Q6: rows and scores that are not a number, by cell."""
    tally, names = both.summary[ScoreTally], ScoreTally.names
    cells = both.summary.cells.values
    ours: dict[tuple[Any, ...], int] = {}
    for at, counts in zip(both.groups(tally.groups), tally.counts.tolist(), strict=True):
        ours[(*cells[at], "rows")] = counts[names.index("rows")]
        ours[(*cells[at], "nan")] = counts[names.index("nan")]
    theirs: dict[tuple[Any, ...], int] = {}
    for name, table in (("rows", both.sql["Q6"][0]), ("nan", both.database.query(NAN_SCORES))):
        n = np.bincount(both.cell_of(table), table.column("n").to_numpy(), len(cells)).astype(int).tolist()
        theirs |= {(*values, name): count for values, count in zip(cells, n, strict=True)}
    return both.compared("Q6 rows and NaN by slice", *_sides(ours, theirs), both.rows_together)


def _traffic(both: Both) -> Compared:
    """Q7 without the users: rows, requests, missing values, the first and the last minute."""
    traffic, missing, minutes = both.summary[TrafficTally], both.summary[Missing], both.summary[Minutes]
    pairs = both.by("surface", "country")
    ours: dict[tuple[Any, ...], int] = {}

    def add(groups: U64, name: str, counts: I64) -> None:
        for at, count in zip(both.groups(groups), counts.tolist(), strict=True):
            ours[(*pairs[at], name)] = ours.get((*pairs[at], name), 0) + count

    add(missing.groups, "rows_", missing.rows)
    add(traffic.groups, "requests", traffic.counts[:, TrafficTally.names.index("requests")])
    for name, role in (("no_user", "user"), ("no_item", "item")):
        at = np.flatnonzero(missing.columns == role)
        add(missing.groups, name, missing.nulls[:, at].sum(axis=1))
    for group, key in zip(minutes.group.tolist(), minutes.keys[minutes.key].tolist(), strict=True):
        pair = pairs[int(both.groups(minutes.groups[[group]])[0])]
        ours[(*pair, "min")] = min(ours.get((*pair, "min"), key), key)
        ours[(*pair, "max")] = max(ours.get((*pair, "max"), key), key)
    theirs: dict[tuple[Any, ...], int] = {}
    for row in both.sql["Q7"][0].to_pylist():
        pair = row["surface"] or NULL, row["country"] or NULL
        theirs |= {(*pair, name): row[name] for name in ("rows_", "requests", "no_user", "no_item")}
        for name in ("min", "max"):
            moment = row[f'{name}("timestamp")']
            theirs[(*pair, name)] = int(moment.timestamp()) * 1_000_000 // MINUTE
    counts, truth = _sides(ours, theirs)
    name = "Q7 traffic, missing values, times to the minute"  # never sampled
    return Compared(name, "exact", int((counts == truth).sum()), len(truth))


def _sides(ours: dict[Any, int], theirs: dict[Any, int]) -> tuple[I64, I64]:
    """Both in the same order; what one side has not is 0."""
    keys = list(ours.keys() | theirs.keys())
    counts, truth = ([side.get(key, 0) for key in keys] for side in (ours, theirs))
    return np.array(counts, np.int64), np.array(truth, np.int64)


def _keyed(both: Both, table: pa.Table) -> tuple[U64, I64]:
    """A key of cell and item for each row of a table, and how often it occurred; rows without an item are of none."""
    table = table.filter(pc.is_valid(table.column("item_id")))
    cells = both.summary.cells.keys[both.cell_of(table)]
    return combine(cells, codes_hashes(table)), table.column("n").to_numpy().astype(np.int64)


def codes_hashes(table: pa.Table) -> U64:
    """The hash of each row's item."""
    codes = codes_of(table.column("item_id").combine_chunks())
    return codes.hashes[codes.codes]


def aligned(ours: U64, n: I64, theirs: U64, m: I64) -> tuple[I64, I64]:
    """The counts of both sides by the keys that either has; repeated keys add up.

    >>> keys = [np.array(k, np.uint64) for k in ([1, 2, 3], [2, 3, 3, 4])]
    >>> counts = aligned(keys[0], np.array([5, 6, 7]), keys[1], np.array([6, 3, 4, 1]))
    >>> [side.tolist() for side in counts]
    [[5, 6, 7, 0], [0, 6, 7, 1]]
    """
    keys = distinct(np.concatenate([ours, theirs]))
    counts, truth = (
        np.bincount(np.searchsorted(keys, k), c, len(keys)).astype(np.int64)
        for k, c in ((ours, n), (theirs, m))
    )
    return counts, truth


def cells_of(table: pa.Table, cells: Cells) -> I64:
    """Index of the cell of each row; -1 for one that is not there.

    >>> cells = Cells.of(("a", "b"), [("x", "y"), ("x", "(none)")])
    >>> found = cells_of(pa.table({"b": [None, "y", "z"], "a": ["x", "x", "x"]}), cells)
    >>> [cells.values[i] if i >= 0 else None for i in found]
    [('x', '(none)'), ('x', 'y'), None]
    """
    columns = [
        pc.fill_null(table.column(name).cast(pa.string()), NULL).combine_chunks().dictionary_encode()
        for name in cells.columns
    ]
    places = [{value: i for i, value in enumerate(c.dictionary.to_pylist())} for c in columns]
    number = np.full([len(p) for p in places], -1)
    for i, values in enumerate(cells.values):
        if all(value in place for value, place in zip(values, places, strict=True)):
            number[tuple(place[value] for value, place in zip(values, places, strict=True))] = i
    return number[tuple(c.indices.to_numpy() for c in columns)]
