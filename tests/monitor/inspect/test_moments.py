"""When rows of one moment can be seen to be lists, and when not: exact words, and what `init` writes of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from monitor.cli.check import check
from monitor.inspect.moments import Lists, lists_of_moments
from monitor.inspect.sample import SampleColumn
from tests.monitor.inspect import shop_logs
from tests.monitor.inspect.shop_logs import START, as_parquet, partitioned
from tests.monitor.inspect.test_init_on_logs import rows_of, run_init

NO_IDS = "the log has no request ids"


def looked_at(rows: list[dict[str, Any]], position: bool = True, user: bool = True) -> Lists | str:
    def column(name: str, kind: pa.DataType) -> SampleColumn:
        return SampleColumn(name, str(kind), pa.array([row[name] for row in rows], kind))

    return lists_of_moments(
        column("ts", pa.timestamp("us", "UTC")),
        column("position", pa.int64()) if position else None,
        column("user_id", pa.string()) if user else None,
    )


def shop(**changes: Any) -> list[dict[str, Any]]:
    return shop_logs.long_rows(shop_logs.requests(**{"hours": range(24), **changes}))


def test_rows_of_one_user_at_one_time_are_the_requests_that_they_were() -> None:
    rows = shop()
    found = looked_at(rows)
    assert isinstance(found, Lists)
    assert found.by == ("timestamp", "user")
    assert found.why == (
        "no request ids, but rows of one user at one time are a list: 100 % count from the first place on; "
        "5.0 rows each"
    )
    _, asked = np.unique([row["request_id"] for row in rows], return_inverse=True)
    pairs = set(zip(found.column.codes.tolist(), asked.tolist(), strict=True))
    assert len(pairs) == len(set(asked.tolist())) == found.column.distinct


def test_in_any_order_counted_from_zero_and_without_a_user() -> None:
    rows = [{**row, "position": row["position"] - 1} for row in shop()]
    np.random.default_rng(3).shuffle(rows)
    found = looked_at(rows, user=False)
    assert isinstance(found, Lists)
    assert found.by == ("timestamp",)
    assert found.column.distinct == len({row["request_id"] for row in rows})


def test_a_clock_of_seconds_does_not_tell_guests_apart() -> None:
    rows = [{**row, "ts": row["ts"].replace(microsecond=0)} for row in shop(per_hour=2000, guest=0.5)]
    assert looked_at(rows) == (
        f"{NO_IDS}, and rows of one user at one time are not always one: "
        "in 6.42 % of the moments their positions are not those of one list"
    )


def test_two_shelves_of_one_page_are_not_one_list() -> None:
    rows = [row for row in shop() for _ in range(2)]
    assert "in 100 % of the moments" in str(looked_at(rows))


def test_only_rows_that_were_seen_are_not_a_list() -> None:
    rows = [row for row in shop() if row["position"] in (1, 3, 4)]
    assert isinstance(looked_at(rows), str)


def test_times_that_fall_together_now_and_then_do_without_a_user_what_they_need_not_with_one() -> None:
    rows = shop(per_hour=200)
    for row in rows:
        row["ts"] = row["ts"].replace(microsecond=row["ts"].microsecond // 200_000 * 200_000)
    assert isinstance(looked_at(rows), Lists)
    assert str(looked_at(rows, user=False)).startswith(
        f"{NO_IDS}, and rows at one time are not always one: in 0.629 %"
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda row: {"ts": row["ts"] + timedelta(milliseconds=row["position"])},
         f"{NO_IDS}, and hardly any rows of one user have the same time"),
        (lambda row: {"ts": START}, f"{NO_IDS}, and its times are whole days"),
        (lambda row: {"position": row["position"] + 7},
         f"{NO_IDS}, and without positions nothing shows whether rows of one time are a list"),
    ],
)  # fmt: skip
def test_why_not(change: Any, why: str) -> None:
    assert looked_at([{**row, **change(row)} for row in shop()]) == why


def test_without_positions_nothing_shows_it() -> None:
    assert looked_at(shop(), position=False) == (
        f"{NO_IDS}, and without positions nothing shows whether rows of one time are a list"
    )


def without_ids(folder: Path) -> Path:
    rows = shop_logs.long_rows(shop_logs.requests(per_hour=80))
    for row in rows:
        del row["request_id"]
    partitioned(folder / "log", rows, "date=%Y-%m-%d/hour=%H", "part-0.parquet", as_parquet)
    return folder / "log"


def test_init_says_what_tells_lists_apart_and_counts_in_requests(tmp_path: Path) -> None:
    recommender, text, said = run_init(without_ids(tmp_path))
    assert recommender.log.lists_by == ("timestamp", "user")
    assert recommender.log.columns.request is None
    assert "    lists_by: [timestamp, user]" in text
    assert "no request:" not in text
    assert "  lists          timestamp and user: no request ids, but" in said
    assert "80 requests in the median hour" in said
    assert "lists.mean_length" not in said
    assert len(rows_of(recommender, 3)["item"]) == 400
    checked = CliRunner().invoke(check, [str(tmp_path / "written.yaml"), "--plan"], catch_exceptions=False)
    assert checked.exit_code == 0, checked.output
    assert " 80 requests a window" in checked.output


def test_who_says_that_there_is_no_request_means_it(tmp_path: Path) -> None:
    recommender, text, said = run_init(without_ids(tmp_path), "--column", "request=")
    assert recommender.log.lists_by == ()
    assert "# no request: as you said" in text
    assert "400 rows in the median hour" in said
