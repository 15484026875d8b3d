"""Whatever stands in a log: the engine tells the same of it as a plain reading, row by row, in dictionaries."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.statistics.missing import Missing
from monitor.logs import Quarantine
from tests.monitor.engine.engine_logs import (
    HOUR,
    NOW,
    Row,
    Shape,
    by_engine,
    by_hand,
    run,
    simple_rows,
    write_log,
)

HOURLY = "date=%Y-%m-%d/hour=%H"
TIMES = st.one_of(
    st.integers(0, 50).map(lambda minutes: HOUR.start + timedelta(minutes=minutes)),
    st.sampled_from(
        [
            None,
            HOUR.start - timedelta(microseconds=1),
            HOUR.end - timedelta(microseconds=1),
            HOUR.end,
            NOW + timedelta(minutes=5, microseconds=-1),
            NOW + timedelta(minutes=5),
            datetime(1999, 12, 31, 23, tzinfo=UTC),
            datetime(2000, 1, 1, tzinfo=UTC),
            datetime(1970, 1, 21, tzinfo=UTC),
        ]
    ),
)


def texts(*some: str) -> st.SearchStrategy[str | None]:
    return st.sampled_from([*some, *some, None, ""])


def rows(times: st.SearchStrategy[datetime | None] = TIMES) -> st.SearchStrategy[list[Row]]:
    row = st.fixed_dictionaries(
        {
            "timestamp": times,
            "item": texts("a", "b", "c"),
            "request": texts("r1", "r2", "r3", "r4"),
            "user": texts("u1", "u2", "guest"),
            "position": st.sampled_from([None, 1, 1, 2, 2, 3, 4]),
            "score": st.sampled_from([None, 0.5, 0.25, float("nan")]),
            "click": st.sampled_from([None, True, False]),
            "country": texts("DE", "US"),
            "surface": texts("home", "email"),
        }
    )
    return st.lists(row, max_size=24)


shapes = st.builds(
    Shape,
    roles=st.sets(st.sampled_from(["request", "user", "position", "score", "click"])).map(
        lambda roles: tuple(sorted(roles))
    ),
    slices=st.sampled_from([(), ("country",), ("surface", "country")]),
    guests=st.sampled_from([(), ("guest",)]),
    files=st.integers(1, 3),
    row_group=st.sampled_from([1, 3, 100]),
    partitions=st.sampled_from(["", HOURLY]),
)


@given(rows(), shapes)
def test_any_rows_in_any_order(found: list[Row], shape: Shape) -> None:
    engine, hand = by_engine(found, shape), by_hand(found, shape)
    # Files of other times are not even listed without partitions; rows without a time may be counted with them.
    if not shape.partitions or any(row["timestamp"] is None for row in found):
        engine, hand = (replace(told, future=0, past=0) for told in (engine, hand))
    assert engine == hand


@given(rows(), st.sampled_from(["int64", "uint64"]))
def test_ids_may_be_integers(found: list[Row], ids: str) -> None:
    shape = Shape(ids=ids, row_group=5, partitions=HOURLY)
    assert by_engine(found, shape) == by_hand(found, shape)


@given(rows(), st.integers(1, 8))
def test_every_row_written_twice(found: list[Row], row_group: int) -> None:
    """Once more in the same file, or in the next one."""
    for files in (1, 2):
        shape = Shape(files=files, row_group=row_group, partitions=HOURLY)
        twice = [*found, *found]
        assert by_engine(twice, shape) == by_hand(twice, shape)


def test_a_request_written_twice_is_one_request() -> None:
    once = simple_rows(5)
    for files in (1, 2):
        found = by_engine([*once, *once], Shape(files=files))
        assert found.requests == by_engine(once, Shape()).requests
        assert found.repeated.total() == len(once)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.sampled_from([1, 2, 100]))
def test_positions_counted_from_zero(lengths: list[int], row_group: int) -> None:
    found = [
        {**simple_rows(1)[0], "request": f"r{r}", "position": k, "item": f"i{k}"}
        for r, n in enumerate(lengths)
        for k in range(n)
    ]
    shape = Shape(row_group=row_group)
    assert by_engine(found, shape) == by_hand(found, shape, counted_from=0)


def test_a_position_that_is_null_or_a_slip_does_not_shift_the_others() -> None:
    found = simple_rows(8)
    found[0]["position"], found[4]["position"], found[7]["position"] = None, 0, -3
    shown = [row for request in by_engine(found, Shape()).requests for row in request[-1]]
    assert sorted(place for place, *_ in shown) == [0] * 3 + [1] * 7 + [2] * 6 + [3] * 8


@pytest.mark.parametrize("roles", [(), ("user",), ("position", "score")])
def test_without_request_ids_every_row_stands_alone(roles: tuple[str, ...]) -> None:
    found = simple_rows(1, items=4, timestamp=HOUR.start, item="same", user=None)
    assert by_engine(found, Shape(roles=roles)).requests.total() == 4


@given(rows(), st.sampled_from([1, 3, 100]), st.integers(1, 3), st.sampled_from([HOURLY, ""]))
def test_rows_of_one_user_at_one_moment_are_a_list_as_rows_of_one_request_are(
    found: list[Row], row_group: int, files: int, partitions: str
) -> None:
    """Also those without a user: they are told apart by their time alone."""
    asked = [{**row, "request": f"{row['user'] or None} {row['timestamp']}"} for row in found]
    shape = Shape(guests=("guest",), row_group=row_group, files=files, partitions=partitions)
    without = replace(shape, roles=("user", "position", "score", "click"), lists_by=("timestamp", "user"))
    engine, hand = by_engine(asked, without), by_hand(asked, shape)
    unnamed = Counter((cell, user, None, *rest) for cell, user, _, *rest in hand.requests.elements())
    told = (engine.requests, engine.missing, engine.repeated, engine.inside)
    assert told == (unnamed, hand.missing, hand.repeated, hand.inside)


def test_lists_of_a_moment_may_be_told_apart_by_what_is_looked_at_or_by_the_moment_alone() -> None:
    found = simple_rows(4, timestamp=HOUR.start, user="ann")
    shape = Shape(roles=("user", "position", "context"), lists_by=("timestamp", "context"))
    looking = [{**row, "context": row["request"]} for row in found]
    assert by_engine(looking, shape).requests.total() == 4
    assert (
        by_engine(simple_rows(4), Shape(roles=("position",), lists_by=("timestamp",))).requests.total() == 4
    )


def test_where_a_log_has_lost_what_tells_lists_apart_every_row_stands_alone() -> None:
    shape = Shape(lists_by=("timestamp", "user"), roles=("user", "position"))
    assert by_engine(simple_rows(4), shape, written=Shape(roles=("position",))).requests.total() == 12


def test_neighbours_without_a_request_id_are_not_one_request() -> None:
    found = simple_rows(3, request=None, timestamp=HOUR.start)
    for row_group in (1, 2, 100):
        assert by_engine(found, Shape(row_group=row_group, files=2)).requests.total() == 9


def test_a_request_id_that_never_changes_does_not_move_rows_to_another_hour() -> None:
    found = [
        {**row, "request": "always", "timestamp": HOUR.start + timedelta(minutes=20 * k - 30)}
        for k, row in enumerate(simple_rows(6, items=1))
    ]
    told = by_engine(found, Shape())
    assert told == by_hand(found, Shape())
    assert told.inside == 3


def test_guests_stand_for_nobody_whatever_type_the_column_has() -> None:
    found = simple_rows(14)
    guest = str(int.from_bytes(b"u3", "little") - 2**62)
    shape = Shape(ids="int64", guests=(guest,))
    told = by_engine(found, shape)
    assert told == by_hand(found, shape)
    assert sum(user is None for _, user, *_ in told.requests.elements()) == 2


def test_a_column_that_is_nowhere_null_and_one_that_is_everywhere() -> None:
    for nothing in ("request", "user", "position", "score", "click", "country", "item"):
        found = [{**row, nothing: None} for row in simple_rows(4)]
        assert by_engine(found, Shape()) == by_hand(found, Shape()), nothing


def test_one_row() -> None:
    found = simple_rows(1, items=1)
    assert by_engine(found, Shape()) == by_hand(found, Shape())


def test_rows_without_a_time_are_named() -> None:
    found = simple_rows(4)
    found[2]["timestamp"] = found[5]["timestamp"] = None
    quarantine = Quarantine()
    by_engine(found, Shape(files=2), quarantine=quarantine)
    assert [(q.reason, q.rows) for q in quarantine.items] == [("rows without a usable time", 2)]


def test_a_whole_row_group_of_impossible_times_is_counted_without_being_read() -> None:
    """Milliseconds where microseconds were meant: a partitioned log says in what hour the rows should be."""
    ago, ahead = datetime(1970, 1, 21, tzinfo=UTC), datetime(2240, 1, 1, tzinfo=UTC)
    found = [*simple_rows(2, timestamp=ago), *simple_rows(4, timestamp=ahead)]
    told = by_engine(found, Shape(row_group=6, partitions=HOURLY))
    assert (told.inside, told.past, told.future) == (0, 6, 12)


def test_rows_of_other_hours_in_a_log_without_partitions_are_nothing_special() -> None:
    found = [*simple_rows(4, timestamp=HOUR.start - timedelta(days=30)), *simple_rows(4)]
    told = by_engine(found, Shape(row_group=12))
    assert (told.inside, told.past, told.future) == (12, 0, 0)


@given(rows(), st.sampled_from(["DE", "US", "FR"]))
def test_one_recommender_of_a_shared_log(found: list[Row], country: str) -> None:
    shape = Shape(slices=("surface",))
    whole = [{**row, "country": row["country"] or None} for row in found]
    mine = [row for row in whole if row["country"] == country]
    with_column = Shape(slices=("surface", "country"))
    assert by_engine(whole, shape, only=("country", country), written=with_column) == by_hand(mine, shape)


def test_the_window_of_a_recommender_that_has_no_rows_is_empty() -> None:
    told = by_engine(simple_rows(3), Shape(slices=()), only=("country", "FR"), written=Shape())
    assert (told.inside, told.requests.total()) == (0, 0)


def test_the_newest_event_is_of_the_window(tmp_path: Path) -> None:
    write_log(tmp_path, [*simple_rows(4), *simple_rows(1, timestamp=HOUR.end)], Shape())
    assert run(tmp_path, Shape()).read.newest_event == HOUR.start + timedelta(seconds=3)


def test_rows_without_a_value_are_a_share_of_all_rows_also_when_they_are_written_twice(
    tmp_path: Path,
) -> None:
    found = simple_rows(4, user=None)
    found[0]["item"] = None
    write_log(tmp_path, [*found, *found], Shape(slices=()))
    missing = run(tmp_path, Shape(slices=()), kinds=[Missing]).summary[Missing]
    share = dict(zip(missing.columns.tolist(), (missing.nulls / missing.rows)[0].tolist(), strict=True))
    assert (share["user"], share["item"], share["score"]) == (1.0, 2 / 24, 0.0)
