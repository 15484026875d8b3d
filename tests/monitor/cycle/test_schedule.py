"""What is due follows from the store and the clock alone; whatever happens, no window is lost or doubled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.models import Columns, LogConfig, RecommenderConfig, WindowConfig
from monitor.evaluation import Status
from monitor.schedule import FIRST_RETRY, RETRIES, Due, due, next_due, to_look_at_again
from monitor.store.rows import WindowState
from monitor.windows import EPOCH, Window, windows_between

HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LENGTHS = st.sampled_from([15 * MINUTE, HOUR, 6 * HOUR, DAY])
MOMENTS = st.integers(0, 400 * 86_400).map(lambda s: NOON + timedelta(seconds=s))


def shop(**window: Any) -> RecommenderConfig:
    log = LogConfig(path="/log", columns=Columns(timestamp="t", item="i"))
    return RecommenderConfig(name="shop", log=log, window=WindowConfig(**{"settle": 10 * MINUTE, **window}))


def state(window: Window, at: datetime | None = None, **fields: Any) -> WindowState:
    done = {"status": Status.EVALUATED, "attempt": 1, "rows": 100, "files": ()}
    return WindowState(**{"window": window, "evaluated_at": at or window.end + 10 * MINUTE, **done, **fields})


def hours(first: int, last: int) -> list[Window]:
    """The hours of the day of NOON from `first` until `last`; negative ones are of the day before."""
    midnight = NOON.replace(hour=0)
    return [Window(midnight + h * HOUR, midnight + (h + 1) * HOUR) for h in range(first, last)]


def carried_out(
    states: Sequence[WindowState], todo: Due, now: datetime, most: int | None = None
) -> list[WindowState]:
    """The store after a cycle; `most`: the process ended after so many windows."""
    after = {s.window: s for s in states}
    for window in sorted({*todo.windows, *todo.skipped})[:most]:
        status = Status.SKIPPED if window in todo.skipped else Status.EVALUATED
        after[window] = state(window, now, status=status)
    return sorted(after.values(), key=lambda s: s.window)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (timedelta(hours=12, minutes=9, seconds=59), []),  # settles
        (timedelta(hours=12, minutes=10), hours(11, 12)),
        (timedelta(hours=13, minutes=9), hours(11, 12)),
        (timedelta(hours=13, minutes=10), hours(11, 13)),
    ],
)
def test_a_window_is_due_when_it_has_settled(now: timedelta, expected: list[Window]) -> None:
    found = due(shop(), [state(w) for w in hours(5, 11)], NOON.replace(hour=0) + now, None)
    assert found.windows == tuple(expected)
    assert found.skipped == ()


@given(length=LENGTHS, now=MOMENTS, settle=st.integers(0, 7200), replay=st.integers(0, 20))
def test_on_an_empty_store_history_is_replayed(
    length: timedelta, now: datetime, settle: int, replay: int
) -> None:
    recommender = shop(length=length, settle=timedelta(seconds=settle), replay=replay * DAY)
    found = due(recommender, [], now, None)
    last = now - timedelta(seconds=settle)
    assert found.skipped == ()
    for one, other in zip(found.windows, found.windows[1:], strict=False):
        assert one.end == other.start
    for window in found.windows:
        assert (window.start - EPOCH) % length == timedelta()
        assert window.length == length
        assert window.end <= last
    assert last - length < found.windows[-1].end  # the newest that is due is among them
    assert max(1, replay * DAY // length - 1) <= len(found.windows) <= max(1, replay * DAY // length + 1)
    assert [w.end <= found.silent_before for w in found.windows] == [True] * (len(found.windows) - 1) + [
        False
    ]


@pytest.mark.parametrize(
    ("first_event", "first_window"),
    [
        (NOON - 3 * DAY + 5 * MINUTE, NOON - 3 * DAY),
        (NOON - 30 * DAY, NOON - 14 * DAY),
        (NOON - 30 * MINUTE, NOON - HOUR),
        (NOON + DAY, NOON - HOUR),  # a log of the future: the newest window says so
        (None, NOON - 14 * DAY),
    ],
)
def test_the_replay_begins_where_the_log_does(first_event: datetime | None, first_window: datetime) -> None:
    found = due(shop(), [], NOON + 10 * MINUTE, first_event)
    assert (found.windows[0].start, found.windows[-1].end) == (first_window, NOON)


def test_a_long_outage_is_caught_up_with_within_bounds_and_the_rest_is_skipped() -> None:
    found = due(shop(catch_up=48), [state(w) for w in hours(-200, -100)], NOON + 10 * MINUTE, None)
    assert found.windows == tuple(hours(-36, 12))
    assert found.skipped == tuple(hours(-100, -36))
    assert all(w.end > found.silent_before for w in found.windows)


@given(
    length=LENGTHS,
    start=MOMENTS,
    replay=st.integers(0, 4),
    catch_up=st.integers(1, 30),
    steps=st.lists(
        st.tuples(st.integers(0, 2 * 86_400), st.none() | st.integers(0, 12)), min_size=1, max_size=12
    ),
)
def test_crashes_restarts_and_second_runs_neither_lose_nor_double_a_window(
    length: timedelta, start: datetime, replay: int, catch_up: int, steps: list[tuple[int, int | None]]
) -> None:
    recommender = shop(length=length, replay=replay * DAY, catch_up=catch_up)
    now, states = start, list[WindowState]()
    times: dict[Window, int] = {}
    for seconds, crashes_after in steps:
        now += timedelta(seconds=seconds)
        todo = due(recommender, states, now, None)
        assert set(todo.windows).isdisjoint(todo.skipped)
        for window in sorted({*todo.windows, *todo.skipped})[:crashes_after]:
            times[window] = times.get(window, 0) + 1
        states = carried_out(states, todo, now, crashes_after)
    todo = due(recommender, states, now, None)
    states = carried_out(states, todo, now)
    for window in {*todo.windows, *todo.skipped}:
        times[window] = times.get(window, 0) + 1
    assert set(times.values()) == {1}
    assert [s.window for s in states] == list(
        windows_between(states[0].window.start, now - recommender.window.settle, length)
    )
    assert due(recommender, states, now, None) == Due(silent_before=todo.silent_before)
    assert not next_due(recommender, states, now)


@given(
    replay=st.integers(1, 6),
    crashes=st.lists(st.tuples(st.integers(0, 3600), st.integers(0, 40)), max_size=8),
)
def test_a_replay_that_is_interrupted_goes_on_as_silent_and_as_complete(
    replay: int, crashes: list[tuple[int, int]]
) -> None:
    recommender = shop(replay=replay * DAY, catch_up=3)
    now = NOON + 10 * MINUTE
    whole = due(recommender, [], now, None)
    states = carried_out([], whole, now, 1)
    for seconds, most in crashes:
        now += timedelta(seconds=seconds)
        todo = due(recommender, states, now, None)
        assert todo.silent_before == whole.silent_before
        states = carried_out(states, todo, now, most)
    states = carried_out(states, due(recommender, states, now, None), now)
    replayed = {s.window: s.status for s in states if s.window in whole.windows}
    assert set(replayed) == set(whole.windows)
    assert set(replayed.values()) == {Status.EVALUATED}


@pytest.mark.parametrize("back", [MINUTE, 3 * HOUR, 5 * DAY])
def test_a_clock_that_is_set_back_makes_nothing_due_and_loses_nothing(back: timedelta) -> None:
    states = [state(w) for w in hours(-24 * 10, 12)]
    now = NOON + 10 * MINUTE
    assert due(shop(), states, now - back, None).windows == ()
    assert not next_due(shop(), states, now - back)
    assert due(shop(), states, now + HOUR, None).windows == tuple(hours(12, 13))


def test_windows_that_a_wrong_clock_stored_in_the_future_stop_nobody() -> None:
    wrong = [state(w) for w in windows_between(NOON + 900 * DAY, NOON + 901 * DAY, HOUR)]
    found = due(shop(replay=2 * DAY), wrong, NOON + 10 * MINUTE, None)
    assert found.windows == tuple(hours(-36, 12))
    both = [*(state(w) for w in hours(-36, 11)), *wrong]
    assert due(shop(), both, NOON + 10 * MINUTE, None).windows == tuple(hours(11, 12))


def test_a_failed_window_is_tried_again_with_growing_gaps_and_not_for_ever() -> None:
    [failed] = hours(11, 12)
    recommender = shop()
    tried = [failed.end + 10 * MINUTE]
    for attempt in range(1, RETRIES + 1):
        states = [
            *(state(w) for w in hours(5, 11)),
            state(failed, tried[-1], status=Status.FAILED, attempt=attempt),
        ]
        gap = FIRST_RETRY * 2 ** (attempt - 1)
        assert due(recommender, states, tried[-1] + gap - timedelta(seconds=1), None).windows == ()
        assert due(recommender, states, tried[-1] + gap, None).windows == (failed,)
        tried.append(tried[-1] + gap)
    assert [b - a for a, b in pairwise(tried)] == [m * MINUTE for m in (1, 2, 4, 8, 16)]
    given_up = [state(failed, tried[-1], status=Status.FAILED, attempt=RETRIES + 1)]
    assert due(recommender, given_up, tried[-1] + 20 * MINUTE, None).windows == ()


def test_a_failed_window_is_not_tried_again_when_it_is_old() -> None:
    [failed] = hours(3, 4)
    states = [state(failed, NOON - 2 * HOUR, status=Status.FAILED), *(state(w) for w in hours(4, 12))]
    assert due(shop(lateness=6 * HOUR), states, NOON, None).windows == ()
    assert due(shop(lateness=9 * HOUR), states, NOON, None).windows == (failed,)


@pytest.mark.parametrize("status", [Status.EVALUATED, Status.NO_DATA, Status.REFUSED, Status.SKIPPED])
def test_only_failures_are_tried_again(status: Status) -> None:
    states = [state(w, status=status) for w in hours(5, 12)]
    assert due(shop(), states, NOON + 30 * MINUTE, None).windows == ()


def test_late_rows_are_looked_for_in_what_was_read_and_is_young_enough() -> None:
    statuses = [
        Status.EVALUATED,
        Status.NO_DATA,
        Status.FAILED,
        Status.REFUSED,
        Status.SKIPPED,
        Status.EVALUATED,
    ]
    states = [state(w, status=s) for w, s in zip(hours(6, 12), statuses, strict=True)]
    found = to_look_at_again(shop(lateness=6 * HOUR), states[::-1], NOON)
    assert [s.window for s in found] == [*hours(6, 8), *hours(11, 12)]
    assert [s.window for s in to_look_at_again(shop(lateness=5 * HOUR), states, NOON)] == [
        *hours(7, 8),
        *hours(11, 12),
    ]


def test_windows_that_became_shorter_go_on_where_the_longer_ones_ended() -> None:
    found = due(shop(length=15 * MINUTE), [state(w) for w in hours(5, 11)], NOON + 10 * MINUTE, None)
    assert [w.start.minute for w in found.windows] == [0, 15, 30, 45]
    assert found.windows[0].start == NOON - HOUR
