"""The daemon counts what it does from zero, and knows when it no longer does it."""

from datetime import timedelta

import pytest

from monitor.evaluation import Status
from monitor.exposition.daemon_families import DAEMON
from monitor.exposition.health import Health
from tests.monitor.factories import NOON, evaluation, failed_evaluation, read_report


def value(health: Health, name: str, **labels: str) -> float | None:
    found: float | None = health.registry.get_sample_value(f"recwatch_{name}", labels)
    return found


@pytest.fixture
def health() -> Health:
    health = Health("1.2.3")
    health.expect("home", ["same_item", "traffic"])
    return health


COUNTERS = (
    "evaluations_total",
    "evaluation_failures_total",
    "evaluations_skipped_total",
    "evaluations_refused_total",
    "read_rows_total",
    "read_bytes_total",
)


def test_counters_begin_at_zero(health: Health) -> None:
    assert [value(health, name, recommender="home") for name in COUNTERS] == [0] * len(COUNTERS)
    assert value(health, "detector_failures_total", recommender="home", detector="traffic") == 0
    for name in (
        "ticks_total",
        "worker_restarts_total",
        "store_errors_total",
        "clock_jumps_total",
        "workers_busy",
    ):
        assert value(health, name) == 0
    for stage in ("read", "measure", "judge"):
        assert value(health, "evaluation_duration_seconds_count", stage=stage) == 0


@pytest.mark.parametrize(
    ("status", "counted"),
    [
        (Status.EVALUATED, ["evaluations_total"]),
        (Status.NO_DATA, ["evaluations_total"]),
        (Status.FAILED, ["evaluations_total", "evaluation_failures_total"]),
        (Status.REFUSED, ["evaluations_total", "evaluations_refused_total"]),
        (Status.SKIPPED, ["evaluations_skipped_total"]),
    ],
)
def test_every_end_of_an_evaluation_has_its_counter(
    health: Health, status: Status, counted: list[str]
) -> None:
    health.evaluated(evaluation(status=status, read=read_report(rows_read=0, bytes_read=0)))
    assert [name for name in COUNTERS if value(health, name, recommender="home")] == counted


def test_reading_stages_and_failing_detectors_are_counted(health: Health) -> None:
    health.evaluated(evaluation(failures={"traffic": "raised ValueError"}))
    health.evaluated(evaluation())
    assert value(health, "read_rows_total", recommender="home") == 2 * 15_790
    assert value(health, "read_bytes_total", recommender="home") == 2 * 1_843_200
    assert value(health, "evaluation_duration_seconds_sum", stage="read") == pytest.approx(0.8)
    assert value(health, "detector_failures_total", recommender="home", detector="traffic") == 1
    assert value(health, "detector_failures_total", recommender="home", detector="same_item") == 0


def test_a_retired_recommender_leaves_nothing_behind(health: Health) -> None:
    health.expect("email", ["same_item"])
    health.evaluated(failed_evaluation("home", failures={"custom": "raised"}))
    health.forget("home")
    left = {
        s.labels["recommender"]
        for f in health.registry.collect()
        for s in f.samples
        if "recommender" in s.labels
    }
    assert left == {"email"}


def test_forgetting_an_unknown_recommender_is_harmless(health: Health) -> None:
    health.forget("never seen")
    health.forget("home")
    health.forget("home")


def test_a_failed_reload_keeps_the_time_of_the_last_good_one(health: Health) -> None:
    health.config_loaded(True, NOON)
    health.config_loaded(False, NOON + timedelta(hours=1))
    assert value(health, "config_last_reload_successful") == 0
    assert value(health, "config_last_reload_success_timestamp_seconds") == NOON.timestamp()
    health.config_loaded(True, NOON + timedelta(hours=2))
    assert value(health, "config_last_reload_successful") == 1


def test_a_scheduler_that_stands_still_is_unhealthy() -> None:
    seconds = [100.0]
    health = Health("1.2.3", timedelta(minutes=5), clock=lambda: seconds[0])
    assert value(health, "last_tick_timestamp_seconds") is None
    seconds[0] += 300
    assert health.unhealthy() == ""
    seconds[0] += 1
    assert health.unhealthy() == "the scheduler has not ticked for 301 s"
    health.tick(NOON)
    assert health.unhealthy() == ""
    assert value(health, "last_tick_timestamp_seconds") == NOON.timestamp()
    assert value(health, "ticks_total") == 1


def test_the_daemons_clock_is_read_when_scraped() -> None:
    seconds = [1_772_000_000.0]
    health = Health("1.2.3", wall=lambda: seconds[0])
    health.ticks_every(timedelta(minutes=1))
    seconds[0] += 15
    assert value(health, "clock_timestamp_seconds") == 1_772_000_015
    assert value(health, "tick_interval_seconds") == 60


def test_log_messages_are_read_when_scraped(health: Health) -> None:
    counts = {"info": 3, "error": 0}
    health.count_log_messages(counts)
    counts["error"] += 1
    assert value(health, "log_messages_total", level="info") == 3
    assert value(health, "log_messages_total", level="error") == 1


def test_two_daemons_in_one_process_do_not_meet() -> None:
    one, other = Health("1"), Health("2")
    one.worker_restarted()
    assert (value(one, "worker_restarts_total"), value(other, "worker_restarts_total")) == (1, 0)


def test_every_declared_metric_exists_and_none_beside(health: Health) -> None:
    health.tick(NOON)
    health.answered("/", 200)
    ends = {"counter": "_total", "info": "_info"}
    exist = {
        f.name + ends.get(f.type, "") for f in health.registry.collect() if f.name.startswith("recwatch")
    }
    assert exist == {family.name for family in DAEMON}


def test_nothing_says_when_a_counter_was_created(health: Health) -> None:
    assert not [s.name for f in health.registry.collect() for s in f.samples if s.name.endswith("_created")]
