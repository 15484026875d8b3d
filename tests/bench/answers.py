"""recwatch's answers to the questions that are asked in SQL, held against DuckDB's: what is counted of all rows."""

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
        Answers that are the same as DuckDB's, or within what they state, and all answers.
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


def exact(both: Both) -> list[Compared]:
    """The answers that are counted, of all rows."""
    return [_items(both), _first_places(both), _lists(both), _scores(both), _traffic(both)]


def _items(both: Both) -> Compared:
    """Q1: requests that show an item, by cell and overall; in a list it counts once."""
    found = both.summary[ItemCounts]
    shown = found.counts[:, ANYWHERE]
    ours = combine(found.groups[found.group], found.keys[found.key])
    control = both.database.query(REQUESTS_BY_ITEM)
    theirs, n = _keyed(both, control)
    agree, of = same_counts(ours, shown, theirs, n)
    whole = np.bincount(found.key, shown, len(found.keys)).astype(np.int64)
    overall = same_counts(found.keys, whole, codes_hashes(control), n)
    in_rows, rows = _keyed(both, both.sql["Q1"][1])
    as_rows, _ = same_counts(ours, shown, in_rows, rows)
    how = f"exact, as requests that show an item; rows are as many in {100 * as_rows / max(1, of):.2f} %"
    return Compared("Q1 items by slice and overall", how, agree + overall[0], of + overall[1])


def _first_places(both: Both) -> Compared:
    """Q2: the most frequent first places; of equal ones DuckDB may show any."""
    found, table = both.summary[ItemCounts], both.sql["Q2"][0]
    first = found.counts[:, FIRST]
    ours = combine(found.groups[found.group], found.keys[found.key])
    theirs, n = _keyed(both, table)
    order = np.argsort(ours)
    at = order[np.searchsorted(ours, theirs, sorter=order).clip(0, max(0, len(ours) - 1))]
    each = (ours[at] == theirs) & (first[at] == n)
    most = np.sort(first)[::-1][: len(n)] == np.sort(n)[::-1]
    return Compared("Q2 first places", "exact", int(each.sum() + most.sum()), 2 * len(n))


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
    return _same("Q5 list lengths, repeats, gaps", ours, theirs)


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
    return _same("Q6 rows and NaN by slice", ours, theirs)


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
    return _same("Q7 traffic, missing values, times to the minute", ours, theirs)


def _same(question: str, ours: dict[Any, int], theirs: dict[Any, int]) -> Compared:
    """What one side has not is 0."""
    keys = ours.keys() | theirs.keys()
    agree = sum(ours.get(key, 0) == theirs.get(key, 0) for key in keys)
    return Compared(question, "exact", agree, len(keys))


def _keyed(both: Both, table: pa.Table) -> tuple[U64, I64]:
    """A key of cell and item for each row of a table, and how often it occurred; rows without an item are of none."""
    table = table.filter(pc.is_valid(table.column("item_id")))
    cells = both.summary.cells.keys[both.cell_of(table)]
    return combine(cells, codes_hashes(table)), table.column("n").to_numpy().astype(np.int64)


def codes_hashes(table: pa.Table) -> U64:
    """The hash of each row's item."""
    codes = codes_of(table.column("item_id").combine_chunks())
    return codes.hashes[codes.codes]


def same_counts(ours: U64, n: I64, theirs: U64, m: I64) -> tuple[int, int]:
    """How many keys have the same count on both sides, and how many keys there are; repeated keys add up.

    >>> keys = [np.array(k, np.uint64) for k in ([1, 2, 3], [2, 3, 3, 4])]
    >>> same_counts(keys[0], np.array([5, 6, 7]), keys[1], np.array([6, 3, 4, 1]))
    (2, 4)
    """
    keys = distinct(np.concatenate([ours, theirs]))
    counts = [
        np.bincount(np.searchsorted(keys, k), c, len(keys)).astype(np.int64)
        for k, c in ((ours, n), (theirs, m))
    ]
    return int((counts[0] == counts[1]).sum()), len(keys)


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
