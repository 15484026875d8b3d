"""Fixed thresholds in SQL, as an engineer would write them in an afternoon, run on DuckDB every hour.

Each test is a share or a ratio with a round limit. What depends on the hour is held against the same hour a week ago,
what does not against the seven quiet days. The top item is looked at in the whole and in each surface and country.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from tests.incident_bench.peers.adapters.reading import HOUR, Log, silence
from tests.incident_bench.peers.alarms import Alarm

Record = dict[str, Any]  # a row of BY_HOUR
FEWEST = 50  # requests of a group, below which a share is not looked at

# One row an hour: everything that is held against a limit.
BY_HOUR = """
    SELECT hour,
           count(*) AS n_rows,
           count(DISTINCT request_id) AS requests,
           avg((user_id IS NULL)::int) AS null_users,
           avg((item_id IS NULL)::int) AS null_items,
           avg((score IS NULL OR isnan(score))::int) AS bad_scores,
           avg(CASE WHEN isnan(score) THEN NULL ELSE score END) AS score,
           stddev(CASE WHEN isnan(score) THEN NULL ELSE score END) AS spread,
           avg(clicked::int) AS ctr, sum(clicked::int) AS clicks,
           count(*)::double / count(DISTINCT request_id) AS length
    FROM log GROUP BY hour
"""
DUPLICATES = """
    SELECT hour, sum(n - 1)::double / sum(n) AS share
    FROM (SELECT hour, request_id, item_id, count(*) AS n FROM log GROUP BY ALL) GROUP BY hour
"""
BLOCKED = """
    SELECT hour, avg((c.item_id IS NULL OR c.blocked)::int) AS share
    FROM log LEFT JOIN catalog c ON log.item_id = c.item_id GROUP BY hour
"""
TOP_ITEM = """
    SELECT hour, {group} AS part, arg_max(item_id, n) AS item, max(n)::double / sum(n) AS share, sum(n) AS requests
    FROM (SELECT hour, {group}, item_id, count(*) AS n FROM log WHERE position = 1 GROUP BY ALL)
    GROUP BY hour, part
"""


@dataclass(frozen=True)
class Limit:
    """A limit on a column of BY_HOUR.

    Parameters
    ----------
    against : "nothing", "last week" or "quiet days"
        What the value is divided by first.
    """

    test: str
    family: str
    column: str
    against: str = "nothing"
    below: float | None = None
    above: float | None = None


LIMITS = (
    Limit("rows halved", "traffic", "n_rows", "last week", below=0.5),
    Limit("rows doubled", "traffic", "n_rows", "last week", above=1.8),
    Limit("users missing", "traffic", "null_users", above=0.1),
    Limit("items missing", "traffic", "null_items", above=0.1),
    Limit("scores missing", "scores", "bad_scores", above=0.1),
    Limit("mean score moved", "scores", "score", "quiet days", below=0.8, above=1.2),
    Limit("scores constant", "scores", "spread", "quiet days", below=0.2),
    Limit("click rate halved", "outcome", "ctr", "quiet days", below=0.5),
    Limit("lists short", "lists", "length", "quiet days", below=0.9),
)
SHARES = (
    ("duplicates", "lists", DUPLICATES, 0.02),
    ("unknown or blocked items", "catalog", BLOCKED, 0.001),
)
TOP_SHARE = 0.3


def alarms(log: Log, catalog: Path) -> Iterator[Alarm]:
    db = duckdb.connect()
    db.execute("SET threads = 1")
    db.register("log", log.rows)
    ends = {number: end for number, end, _ in log.judged()}
    by_hour = {row["hour"]: row for row in db.sql(BY_HOUR).df().to_dict("records")}
    quiet = [row for hour, row in by_hour.items() if hour < log.first_hour]
    for hour, end in ends.items():
        if hour in by_hour:
            yield from _beyond_limits(by_hour, quiet, hour, end)
        else:
            yield silence(end)
    everywhere: set[int] = set()
    for group in ("NULL", "surface", "country"):
        for hour, part, item, share, requests in db.sql(TOP_ITEM.format(group=group)).fetchall():
            # What the whole says already is not said of its parts again.
            if hour in ends and hour not in everywhere and share > TOP_SHARE and requests >= FEWEST:
                place = {} if part is None else {group: part}
                text = f"{item} is first in {100 * share:.0f} %"
                yield Alarm(f"top item of {part or 'all'}", "same_item", ends[hour], place, str(item), text)
                everywhere |= {hour} if part is None else set()
    if catalog.exists():
        db.execute(f"CREATE VIEW catalog AS SELECT * FROM '{catalog}'")
    for test, family, query, limit in SHARES:
        if query is BLOCKED and not catalog.exists():
            continue
        for hour, share in db.sql(query).fetchall():
            if hour in ends and share > limit:
                yield Alarm(test, family, ends[hour], text=f"{100 * share:.1f} %")


def _beyond_limits(
    by_hour: dict[int, Record], quiet: list[Record], hour: int, end: datetime
) -> Iterator[Alarm]:
    row = by_hour[hour]
    week_ago = by_hour.get(hour - 7 * 24 * HOUR // HOUR)
    for limit in LIMITS:
        value = row[limit.column]
        if limit.against == "last week":
            value = value / week_ago[limit.column] if week_ago else None
        elif limit.against == "quiet days":
            value = value / (sum(q[limit.column] for q in quiet) / len(quiet))
        if limit.column == "ctr" and week_ago and week_ago["clicks"] < FEWEST:
            continue
        if value is None or value != value:
            continue
        if (limit.below is not None and value < limit.below) or (
            limit.above is not None and value > limit.above
        ):
            yield Alarm(limit.test, limit.family, end, text=f"{value:.3g}")
