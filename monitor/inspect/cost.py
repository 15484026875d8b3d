"""What a configuration costs in a day, and what one window of it can show: from metadata and a look at one file."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations

import numpy as np
import pyarrow as pa

from detectors.core.cells import NULL, slice_text
from monitor.config.models import RecommenderConfig
from monitor.detector_settings import ConfiguredDetector
from monitor.engine.plan import plan
from monitor.errors import BudgetError
from monitor.inspect.agreement import DAY, OpenedLog, day_windows, other_columns, spread
from monitor.logs import Quarantine
from monitor.logs.conform import list_parts, to_ids
from monitor.measurable import in_log

LOOK_ROWS = 300_000
MOST_VALUES = 60  # of a column


@dataclass(frozen=True)
class DayCost:
    """What the windows of one day take.

    Parameters
    ----------
    most_bytes : int
        Of one window.
    rate : float
        Lowest share of users behind the sampled statistics.
    left_out : float
        Largest share of a window's rows that the byte budget leaves out.
    refused : tuple of str
        Why windows would be refused.
    """

    windows: int
    rows: int
    bytes: int
    most_bytes: int
    exact: bool
    rate: float
    left_out: float
    refused: tuple[str, ...]


def day_cost(recommender: RecommenderConfig, opened: OpenedLog) -> DayCost:
    """Plan every window of the day as the daemon would, without reading a row."""
    windows = day_windows(opened.day, recommender.window.length)
    rows = spent = most = 0
    rate, left_out, exact = 1.0, 0.0, True
    refused = []
    per_day = max(1.0, recommender.window.length / DAY)  # a longer window's cost is shared by its days
    for window in windows:
        files = opened.log.files(window, opened.now).files
        cost = opened.log.cost(files, Quarantine())
        exact &= cost.exact
        try:
            planned = plan(files, cost, window, recommender.budget, spent)
        except BudgetError as error:
            refused.append(str(error))
            continue
        rows += planned.rows
        spent += planned.bytes
        most = max(most, planned.bytes)
        rate, left_out = min(rate, planned.rate), max(left_out, planned.left_out)
    return DayCost(
        len(windows), int(rows / per_day), int(spent / per_day), most, exact, rate, left_out, tuple(refused)
    )


@dataclass(frozen=True)
class Look:
    """A few files of the day, read quickly.

    Parameters
    ----------
    rows, items, requests : float
        Of the whole day; where each row stands alone, all three are the same.
    items_per_second : float
    windows : int
        Windows of the day that seem to have data.
    first_place : float
        Share of requests that have a position 1: less than all where each row stands alone.
    shares : tuple of (slice, share)
        Of the requests; the whole is left out.
    """

    rows: float
    items: float
    requests: float
    items_per_row: float
    items_per_second: float
    windows: int
    first_place: float
    shares: tuple[tuple[str, float], ...]
    noun: str

    @property
    def items_per_request(self) -> float:
        return self.items / max(self.requests, 1e-9)


def look(recommender: RecommenderConfig, opened: OpenedLog) -> Look:
    """Read some rows of a few files of the day, to see how it goes."""
    tables, seconds = _tables(opened)
    if not tables:
        return Look(0, 0, 0, 1, 1, 1, 1, (), "rows")
    # Dictionaries of row groups may differ: columns stay in chunks.
    columns = {n: pa.chunked_array([c for t in tables for c in t[n].chunks]) for n in tables[0].column_names}
    listed = recommender.log.layout == "list"
    has_requests = "request" in in_log(recommender, opened.found)
    read = len(columns["timestamp"])
    times = columns["timestamp"].to_numpy()
    inside = (times >= opened.day.start_us) & (times < opened.day.end_us)
    starts = np.arange(read)
    if has_requests and not listed:
        together = ("request",) if "request" in opened.found else recommender.log.lists_by
        starts = np.unique(_combined(columns, together), return_index=True)[1]
    first_place = 1.0
    if not has_requests and "position" in opened.found:
        positions = columns["position"].to_numpy()
        first_place = float((positions == np.nanmin(positions)).mean())
    lists = [list_parts(chunk)[0].sum() for chunk in columns["item"].chunks] if listed else [read]
    of_the_day = opened.log.cost(opened.files, Quarantine()).rows * inside.mean() / read
    return Look(
        rows=float(read * of_the_day),
        items=float(sum(lists) * of_the_day),
        requests=float(len(starts) * of_the_day),
        items_per_row=float(sum(lists) / read),
        items_per_second=float(sum(lists)) / seconds,
        windows=_windows_with_data(recommender, opened, times[inside]),
        first_place=first_place,
        shares=_shares(recommender, columns, starts),
        noun="requests" if has_requests else "rows",
    )


def _windows_with_data(recommender: RecommenderConfig, opened: OpenedLog, times: np.ndarray) -> int:
    """All of the day's, except for a log that is meant to be empty in most of them."""
    windows = day_windows(opened.day, recommender.window.length)
    if recommender.window.cadence is None or not len(times):
        return len(windows)
    return len(np.unique(times // (recommender.window.length // timedelta(microseconds=1))))


def _tables(opened: OpenedLog) -> tuple[list[pa.Table], float]:
    """Tables of about `LOOK_ROWS` rows, and the seconds that reading them took."""
    files = spread(opened.files)
    started = time.perf_counter()
    tables: list[pa.Table] = []
    for file in files:
        rows = 0
        for table in opened.log.read(file, Quarantine()):
            if len(table):
                tables.append(table)
            rows += len(table)
            if rows >= LOOK_ROWS / len(files):
                break
    return tables, max(time.perf_counter() - started, 1e-6)


def _codes(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    decoded = [to_ids(chunk, as_text=True).dictionary_decode() for chunk in column.chunks]
    encoded = pa.chunked_array(decoded).combine_chunks().dictionary_encode(null_encoding="encode")
    return encoded.indices.to_numpy(), [NULL if v is None else v for v in encoded.dictionary.to_pylist()]


def _combined(columns: dict[str, pa.ChunkedArray], names: Sequence[str]) -> np.ndarray:
    """One number for each combination of values, shape (rows,)."""
    code = _codes(columns[names[0]])[0].astype(np.int64)
    for name in names[1:]:
        values = _codes(columns[name])[0]
        _, code = np.unique(code * (int(values.max(initial=0)) + 1) + values, return_inverse=True)
    return code


def _shares(
    recommender: RecommenderConfig, columns: dict[str, pa.ChunkedArray], starts: np.ndarray
) -> tuple[tuple[str, float], ...]:
    """Shares of the requests that each value, and each pair of values, has."""
    roles = {
        getattr(recommender.log.columns, role): role for role in type(recommender.log.columns).model_fields
    }
    sliced = {}
    for column in other_columns(recommender):
        name = column if column in columns else roles.get(column)
        if name is not None and name in columns:
            codes, names = _codes(columns[name])
            sliced[column] = (codes[starts], names)
    out = []
    for column, (codes, names) in sliced.items():
        counts = np.bincount(codes, minlength=len(names))
        order = np.argsort(-counts, kind="stable")[:MOST_VALUES]
        out += [(slice_text({column: names[i]}), counts[i] / len(starts)) for i in order if counts[i]]
    for a, b in combinations(sliced, 2):
        pairs = sliced[a][0].astype(np.int64) * len(sliced[b][1]) + sliced[b][0]
        values, counts = np.unique(pairs, return_counts=True)
        for i in np.argsort(-counts, kind="stable"):
            x, y = divmod(int(values[i]), len(sliced[b][1]))
            out.append((slice_text({a: sliced[a][1][x], b: sliced[b][1][y]}), counts[i] / len(starts)))
    return tuple(out)


def series(detectors: dict[str, ConfiguredDetector], has: Iterable[str], slices: int) -> int:
    """Series of one recommender: values and verdicts of each slice, bands of the whole, and some of its state."""
    there = frozenset(has)
    measures = sum(m.needs <= there for d in detectors.values() for m in d.measures())
    return measures * slices + 2 * measures + len(detectors) * slices + 30
