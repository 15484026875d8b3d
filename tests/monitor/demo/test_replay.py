"""The replayed log is the embedded one, moved in time and broken from a stated hour on."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from monitor.demo.replay import CATALOG, FIRST_HOUR, HOUR, LOG, STUCK_ITEM, WEEK, Replay, hours

BREAK_AT = FIRST_HOUR + timedelta(days=4, hours=13)


def test_the_embedded_log_is_the_published_one():
    week, items = pq.read_table(LOG), pq.read_table(CATALOG)
    assert (week.num_rows, items.num_rows) == (10_000, 80)
    shown = week["item_id"].value_counts().to_pylist()
    assert max((row["counts"], row["values"]) for row in shown) == (1105, "51")
    assert set(week["item_id"].to_pylist()) == set(items["item_id"].to_pylist())


def test_one_week_of_hours_is_the_log():
    told = list(hours())
    assert len(told) == 7 * 24
    assert pa.concat_tables(rows for _, rows in told).equals(pq.read_table(LOG))
    for window, rows in told:
        assert all(window.start <= moment < window.end for moment in rows["timestamp"].to_pylist())


def test_from_the_break_on_every_row_shows_one_item_and_nothing_else_changes():
    for (window, rows), (_, healthy) in zip(hours(BREAK_AT), hours(), strict=True):
        if window.end <= BREAK_AT:
            assert rows.equals(healthy)
        else:
            assert set(rows["item_id"].to_pylist()) == {STUCK_ITEM}
            assert rows.drop_columns(["item_id"]).equals(healthy.drop_columns(["item_id"]))


def test_a_break_inside_an_hour_spares_the_rows_before_it():
    break_at = BREAK_AT + timedelta(minutes=30)
    rows = next(rows for window, rows in hours(break_at) if window.start == BREAK_AT).to_pylist()
    assert {row["item_id"] == STUCK_ITEM for row in rows if row["timestamp"] >= break_at} == {True}
    assert len({row["item_id"] for row in rows if row["timestamp"] < break_at}) > 5


def test_the_week_is_moved_and_told_again():
    first = datetime(2031, 5, 5, 7, tzinfo=UTC)
    told = list(hours(first=first, weeks=2))
    assert told[0][0].start == first
    assert told[-1][0].end == first + 2 * WEEK
    assert told[3][1].drop_columns(["timestamp"]).equals(told[3 + 168][1].drop_columns(["timestamp"]))
    for window, rows in told:
        assert all(window.start <= moment < window.end for moment in rows["timestamp"].to_pylist())


def test_a_first_hour_that_is_not_full_is_refused():
    with pytest.raises(ValueError, match=r"first must be a full hour, not 2019-11-24T00:30:00\+00:00"):
        next(hours(first=FIRST_HOUR + HOUR / 2))


def test_hours_are_written_when_they_are_over_and_only_once(tmp_path):
    replay = Replay(tmp_path / "log", BREAK_AT)
    assert replay.advance(FIRST_HOUR + HOUR - timedelta(seconds=1)) == []
    history = replay.advance(FIRST_HOUR + timedelta(hours=30, minutes=59))
    assert len(history) == 30
    assert history[-1] == tmp_path / "log/date=2019-11-25/hour=05/part-0.parquet"
    assert replay.written_until == FIRST_HOUR + timedelta(hours=30)
    assert replay.advance(FIRST_HOUR + timedelta(hours=30, minutes=59)) == []
    assert len(replay.advance(FIRST_HOUR + timedelta(hours=31))) == 1


def test_the_written_log_reads_back_as_told_with_nothing_half_written(tmp_path):
    Replay(tmp_path, BREAK_AT).advance(FIRST_HOUR + 2 * WEEK)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"part-0.parquet"}
    told = pa.concat_tables(rows for _, rows in hours(BREAK_AT, weeks=2))
    read = ds.dataset(tmp_path, partitioning=None).to_table().sort_by("timestamp")
    assert read.equals(told.sort_by("timestamp"))
