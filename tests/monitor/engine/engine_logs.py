"""Small logs as plain rows, a plain reading of them in dictionaries, and what the engine makes of the same."""

from __future__ import annotations

import math
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detectors import Batch, Statistic
from detectors.core.hashing import U64, hash_integers, hash_texts
from monitor.config.models import Columns, LogConfig, RecommenderConfig
from monitor.engine import summarise as engine
from monitor.engine.plan import Plan, plan
from monitor.engine.summarise import WindowSummary, summarise
from monitor.logs import PredictionLog, Quarantine
from monitor.windows import Window
from tests.monitor.logs.log_examples import make_old

HOUR = Window(datetime(2026, 3, 2, 5, tzinfo=UTC), datetime(2026, 3, 2, 6, tzinfo=UTC))
NOW = HOUR.end + timedelta(minutes=10)
Row = dict[str, Any]

PATHS = {"timestamp": "ts", "item": "item_id", "request": "req", "user": "uid", "position": "pos",
         "score": "score", "click": "clicked", "context": "seed"}  # fmt: skip
IDS = ("item", "request", "user")
ID_TYPES = {"text": pa.string(), "int64": pa.int64(), "uint64": pa.uint64()}
TYPES = {
    "timestamp": pa.timestamp("us", "UTC"),
    "position": pa.int32(),
    "score": pa.float64(),
    "click": pa.bool_(),
}
FIRST_ID = {"int64": -(2**62), "uint64": 2**63}


@dataclass(frozen=True)
class Seen(Statistic):
    """Every request of a batch as a tuple, and what the batch counts: not a summary, but what the engine hands over."""

    name = "seen"
    census = True

    groups: U64
    requests: tuple[tuple[Any, ...], ...] = ()
    missing: tuple[tuple[Any, ...], ...] = ()
    repeated: tuple[tuple[Any, ...], ...] = ()

    @classmethod
    def empty(cls) -> Self:
        return cls(np.empty(0, np.uint64))

    @classmethod
    def from_batch(cls, batch: Batch) -> Self:
        cells = batch.cells.values
        requests = []
        for r in range(batch.n_requests):
            rows = range(int(batch.offsets[r]), int(batch.offsets[r + 1]))
            places = batch.position[rows.start : rows.stop]
            assert (np.diff(places) >= 0).all(), "rows of a request are in order of their positions"
            requests.append(
                (cells[batch.cell[r]], int(batch.user[r]) if batch.user_known[r] else None, int(batch.request[r]),
                 int(batch.time[r]), tuple(_row_of(batch, i) for i in rows))
            )  # fmt: skip
        missing = [
            (cells[c], role, int(n)) for role, by_cell in batch.missing.items() for c, n in enumerate(by_cell)
        ]
        repeated = [(cells[c], int(n)) for c, n in enumerate(batch.repeated)]
        return cls(batch.cells.keys, tuple(requests), tuple(missing), tuple(repeated))

    def merge(self, other: Self) -> Self:
        return type(self)(
            np.union1d(self.groups, other.groups),
            self.requests + other.requests,
            self.missing + other.missing,
            self.repeated + other.repeated,
        )


@dataclass(frozen=True)
class SeenSampled(Seen):
    """The same of the sample."""

    name = "seen_sampled"
    census = False


def _row_of(batch: Batch, i: int) -> tuple[Any, ...]:
    score = None if batch.score is None or np.isnan(batch.score[i]) else float(batch.score[i])
    return (
        int(batch.position[i]),
        str(batch.item_names[int(batch.item[i])]),
        score,
        _click_of(batch, i),
    )


def _click_of(batch: Batch, i: int) -> bool | None:
    if batch.click is None or (batch.click_known is not None and not batch.click_known[i]):
        return None
    return bool(batch.click[i])


@dataclass(frozen=True)
class Told:
    """What a log says of a window: by the plain reading or by the engine.

    Parameters
    ----------
    requests : Counter of (cell, user, request, time, rows)
        User and request by id, None for none.
    missing : Counter of (cell, role)
    repeated : Counter of cell
    """

    requests: Counter[tuple[Any, ...]]
    missing: Counter[tuple[Any, ...]]
    repeated: Counter[tuple[Any, ...]]
    inside: int
    future: int
    past: int


@dataclass(frozen=True)
class Shape:
    """How a log is written.

    Parameters
    ----------
    roles : collection of str
        Beside timestamp and item.
    """

    roles: Collection[str] = ("request", "user", "position", "score", "click")
    slices: tuple[str, ...] = ("country",)
    guests: tuple[str, ...] = ()
    ids: str = "text"
    listed: bool = False
    files: int = 1
    row_group: int = 100_000
    partitions: str = ""
    format: Literal["parquet", "jsonl"] = "parquet"
    lists_by: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def recommender(self, folder: str | Path) -> RecommenderConfig:
        paths = {role: PATHS[role] for role in ("timestamp", "item", *self.roles)}
        log = LogConfig(
            path=str(folder),
            columns=Columns(**paths),
            layout="list" if self.listed else "long",
            guests=self.guests,
            partitions=self.partitions,
            format=self.format,
            lists_by=self.lists_by,
        )
        return RecommenderConfig(**{"name": "shop", "log": log, "slices": self.slices, **self.settings})


def number_of(text: str, ids: str) -> int | None:
    """The integer id that stands for a text id."""
    return FIRST_ID[ids] + int.from_bytes(text.encode(), "little") if text else None


def id_of(value: str | None, ids: str) -> str | None:
    """How the engine names an id; the empty text is none."""
    return None if not value else value if ids == "text" else str(number_of(value, ids))


def write_log(folder: str | Path, rows: Sequence[Row], shape: Shape) -> None:
    """Rows in their order, over as many files as wanted. A row's names are roles, and the slice columns' own."""
    table = (_lists if shape.listed else _long)(rows, shape)
    sizes = np.linspace(0, table.num_rows, shape.files + 1).astype(int)
    for i, (start, end) in enumerate(pairwise(sizes)):
        path = Path(folder) / shape.partitions.replace("*", "x") / f"part-{i:03}.parquet"
        path = Path(HOUR.start.strftime(str(path)))
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.slice(start, end - start), path, row_group_size=shape.row_group)
        make_old(path)


def _column(role: str, values: Sequence[Any], ids: str) -> pa.Array:
    if role in IDS and ids != "text":
        return pa.array([None if v is None else number_of(v, ids) for v in values], ID_TYPES[ids])
    return pa.array(values, TYPES.get(role, pa.string()))


def _long(rows: Sequence[Row], shape: Shape) -> pa.Table:
    names = [*("timestamp", "item"), *shape.roles, *shape.slices]
    return pa.table({PATHS.get(n, n): _column(n, [row.get(n) for row in rows], shape.ids) for n in names})


def _lists(rows: Sequence[Row], shape: Shape) -> pa.Table:
    """Rows of a request stand together: each becomes one row, its items, scores and clicks become lists."""
    per_item = [n for n in ("item", "score", "click") if n == "item" or n in shape.roles]
    names = ["timestamp", *(r for r in shape.roles if r not in per_item), *shape.slices]
    lists: dict[Any, list[Row]] = {}
    for row in rows:
        lists.setdefault(row["request"], []).append(row)
    ends = np.cumsum([0, *(len(v) for v in lists.values())]).astype(np.int32)
    flat = [row for shown in lists.values() for row in shown]
    columns = {
        PATHS.get(n, n): _column(n, [shown[0].get(n) for shown in lists.values()], shape.ids) for n in names
    }
    for n in per_item:
        columns[PATHS[n]] = pa.ListArray.from_arrays(
            pa.array(ends), _column(n, [r.get(n) for r in flat], shape.ids)
        )
    return pa.table(columns)


def run(
    folder: str | Path,
    shape: Shape,
    *,
    kinds: Sequence[type[Statistic]] = (Seen,),
    planned: Callable[[Plan], Plan] = lambda found: found,
    log: Callable[..., PredictionLog] = PredictionLog,
    only: tuple[str, str] | None = None,
    quarantine: Quarantine | None = None,
) -> WindowSummary:
    """The window through the engine."""
    recommender = shape.recommender(folder)
    quarantine = quarantine or Quarantine()
    opened = log(recommender.log, tuple(dict.fromkeys([*shape.slices, *([only[0]] if only else [])])))
    listing = opened.files(HOUR, NOW)
    cost = opened.cost(listing.files, quarantine)
    found = planned(plan(listing.files, cost, HOUR, recommender.budget, period=opened.period))
    return summarise(opened, recommender, kinds, HOUR, NOW, listing, found, quarantine, only=only)


def by_engine(rows: Sequence[Row], shape: Shape, *, written: Shape | None = None, **more: Any) -> Told:
    """What the engine tells of rows."""
    with tempfile.TemporaryDirectory() as folder:
        write_log(folder, rows, written or shape)
        return told(run(folder, shape, **more), rows, shape)


def told(window: WindowSummary, rows: Sequence[Row], shape: Shape) -> Told:
    """What was seen, with ids for hashes: an id that is none of the log's is none at all."""
    names = {}
    for role in ("request", "user"):
        texts = sorted({row[role] for row in rows if row.get(role)})
        hashes = (
            hash_texts(texts)
            if shape.ids == "text"
            else hash_integers(np.array([number_of(t, shape.ids) for t in texts], shape.ids))
        )
        names[role] = dict(zip(hashes.tolist(), texts, strict=True))
    seen = window.summary[Seen]
    requests = Counter(
        (cell, names["user"].get(user), names["request"].get(request), time, _sorted(shown))
        for cell, user, request, time, shown in seen.requests
    )
    missing: Counter[tuple[Any, ...]] = Counter()
    for cell, role, n in seen.missing:
        missing[cell, role] += n
    repeated: Counter[tuple[Any, ...]] = Counter()
    for cell, n in seen.repeated:
        repeated[cell] += n
    read = window.read
    assert (read.requests, read.rows_repeated) == (len(seen.requests), repeated.total())
    return Told(requests, +missing, +repeated, read.rows, read.rows_future, read.rows_past)


def by_hand(rows: Sequence[Row], shape: Shape, *, counted_from: int = 1) -> Told:
    """What rows tell, read one after the other."""
    start, end = HOUR.start, HOUR.end
    timed = [row for row in rows if row["timestamp"] is not None]
    inside = [row for row in timed if start <= row["timestamp"] < end]
    roles = {"item", *shape.roles}
    requests: dict[Any, list[Row]] = defaultdict(list)
    for number, row in enumerate(inside):
        wanted = row.get("request") if "request" in roles else None
        requests[wanted or number].append(row)
    out, missing, repeated = Counter[Any](), Counter[Any](), Counter[Any]()
    for key, shown in requests.items():
        first = shown[0]
        cell = tuple(first.get(column) or "(none)" for column in sorted(shape.slices))
        user = first.get("user") if "user" in roles else None
        known = bool(user) and id_of(user, shape.ids) not in shape.guests
        kept: list[tuple[Any, ...]] = []
        places = set()
        for order, row in enumerate(shown, 1):
            for role in roles - {"timestamp"}:
                value = row.get(role)
                missing[cell, role] += value is None or (role in IDS and value == "")
            item = id_of(row["item"], shape.ids)
            if item is None:
                continue
            place = _place(row, roles, order, counted_from)
            if "request" in roles and (place, item) in places:
                repeated[cell] += 1
                continue
            places.add((place, item))
            score = row.get("score") if "score" in roles else None
            click = row.get("click") if "click" in roles else None
            kept.append((place, item, None if score is None or math.isnan(score) else score, click))
        request = key if isinstance(key, str) else None
        out[cell, user if known else None, request, _us(first["timestamp"]), _sorted(kept)] += 1
    latest, earliest = NOW + timedelta(minutes=5), datetime(2000, 1, 1, tzinfo=UTC)
    if shape.partitions:
        earliest = start - timedelta(days=7)
    return Told(
        out,
        +missing,
        +repeated,
        len(inside),
        sum(row["timestamp"] >= latest for row in timed),
        sum(row["timestamp"] < earliest for row in timed),
    )


def _place(row: Row, roles: Collection[str], order: int, counted_from: int) -> int:
    if "position" in roles:
        return 0 if row["position"] is None else max(0, row["position"] + 1 - counted_from)
    return order if "request" in roles else 0


def _sorted(shown: Sequence[tuple[Any, ...]]) -> tuple[tuple[Any, ...], ...]:
    """Rows that share a place are in no order."""
    return tuple(sorted(shown, key=repr))


def _us(moment: datetime) -> int:
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def set_limits(patch: pytest.MonkeyPatch, batch_rows: int, threads: int = 2) -> None:
    """How the engine cuts its work."""
    patch.setattr(engine, "BATCH_ROWS", batch_rows)
    patch.setattr(engine, "THREADS", threads)


def simple_rows(requests: int, items: int = 3, **same: Any) -> list[Row]:
    """Requests a second apart, rows of one side by side."""
    return [
        {
            "timestamp": HOUR.start + timedelta(seconds=r),
            "request": f"r{r}",
            "user": f"u{r % 7}",
            "item": f"i{(r + k) % 11}",
            "position": k + 1,
            "score": 1 - k / 10,
            "click": k == 1,
            "country": ("DE", "US", "LU")[r % 3],
            **same,
        }
        for r in range(requests)
        for k in range(items)
    ]
