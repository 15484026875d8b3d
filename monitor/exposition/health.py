"""The daemon's own health: the only metrics that are live, on a registry of their own."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import prometheus_client as prometheus
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily

from monitor.evaluation import Evaluation, Status
from monitor.exposition.daemon_families import DAEMON
from monitor.exposition.labels import label_value

STAGES = ("read", "measure", "judge")
DURATION_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600)
FAMILIES = {family.name: family for family in DAEMON}


class LogMessages:
    """Exports counts that the logging set-up keeps."""

    def __init__(self) -> None:
        self.by_level: Mapping[str, int] = {}

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = FAMILIES["recwatch_log_messages_total"]
        metric = CounterMetricFamily(family.name, family.help, labels=family.labels)
        for level, count in self.by_level.items():
            metric.add_metric([level], count)
        yield metric


class Health:
    """Counts what the daemon does, and knows whether it still does it.

    Parameters
    ----------
    version : str
        Of recwatch.
    stale_after : timedelta
        Without a tick for so long the daemon is not healthy.
    clock : callable
        Monotonic seconds.
    wall : callable
        What time it is by the daemon's clock, in seconds since the epoch.
    """

    def __init__(
        self,
        version: str,
        stale_after: timedelta = timedelta(minutes=5),
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]  # the client leaves it untyped; created times would double every counter
        self.registry = CollectorRegistry(auto_describe=False)
        self.ready = False
        self._clock, self._stale_after, self._last_tick = clock, stale_after.total_seconds(), clock()

        build = prometheus.Info(
            "recwatch_build", FAMILIES["recwatch_build_info"].help, registry=self.registry
        )
        build.info({"version": version, "python": platform.python_version()})
        self._page = prometheus.Info(
            "recwatch_page", FAMILIES["recwatch_page_info"].help, registry=self.registry
        )
        self._reload_successful = self._gauge("recwatch_config_last_reload_successful")
        self._reload_success_at = self._gauge("recwatch_config_last_reload_success_timestamp_seconds")

        self._evaluations = self._counter("recwatch_evaluations_total")
        self._ended = {
            Status.FAILED: self._counter("recwatch_evaluation_failures_total"),
            Status.SKIPPED: self._counter("recwatch_evaluations_skipped_total"),
            Status.REFUSED: self._counter("recwatch_evaluations_refused_total"),
        }
        self._rows_read = self._counter("recwatch_read_rows_total")
        self._bytes_read = self._counter("recwatch_read_bytes_total")
        self._detector_failures = self._counter("recwatch_detector_failures_total")
        duration = FAMILIES["recwatch_evaluation_duration_seconds"]
        self._duration = Histogram(
            duration.name, duration.help, duration.labels, buckets=DURATION_BUCKETS, registry=self.registry
        )

        self._ticks = self._counter("recwatch_ticks_total")
        self._tick_at: Gauge | None = None
        self._tick_interval = self._gauge("recwatch_tick_interval_seconds")
        self._gauge("recwatch_clock_timestamp_seconds").set_function(wall)
        self._workers_busy = self._gauge("recwatch_workers_busy")
        self._worker_restarts = self._counter("recwatch_worker_restarts_total")
        self._store_errors = self._counter("recwatch_store_errors_total")
        self._clock_jumps = self._counter("recwatch_clock_jumps_total")
        self._http_requests = self._counter("recwatch_http_requests_total")
        for stage in STAGES:
            self._duration.labels(stage)
        self._detectors: set[tuple[str, str]] = set()

        self._log_messages = LogMessages()
        self.registry.register(self._log_messages)
        prometheus.ProcessCollector(registry=self.registry)
        prometheus.PlatformCollector(registry=self.registry)
        prometheus.GCCollector(registry=self.registry)

    def page_at(self, url: str) -> None:
        """Where people reach the page: links of dashboards lead there."""
        self._page.info({"url": url.rstrip("/")})

    def expect(self, recommender: str, detectors: Iterable[str] = ()) -> None:
        """Start the counters of a recommender from zero, so that the first failure is an increase."""
        for counter in self._by_recommender():
            counter.labels(label_value(recommender))
        for detector in detectors:
            self._detectors.add((label_value(recommender), label_value(detector)))
            self._detector_failures.labels(label_value(recommender), label_value(detector))

    def forget(self, recommender: str) -> None:
        """A recommender that is no longer watched leaves no series behind."""
        name = label_value(recommender)
        for counter in self._by_recommender():
            counter.remove(name)
        for pair in {pair for pair in self._detectors if pair[0] == name}:
            self._detector_failures.remove(*pair)
            self._detectors.discard(pair)

    def evaluated(self, evaluation: Evaluation) -> None:
        """Count an evaluation, however it ended."""
        name = label_value(evaluation.recommender)
        if evaluation.status is not Status.SKIPPED:
            self._evaluations.labels(name).inc()
        if evaluation.status in self._ended:
            self._ended[evaluation.status].labels(name).inc()
        self._rows_read.labels(name).inc(evaluation.read.rows_read)
        self._bytes_read.labels(name).inc(evaluation.read.bytes_read)
        for stage in STAGES:
            if stage in evaluation.seconds:
                self._duration.labels(stage).observe(evaluation.seconds[stage])
        for detector in evaluation.failures:
            self._detectors.add((name, label_value(detector)))
            self._detector_failures.labels(name, label_value(detector)).inc()

    def tick(self, now: datetime) -> None:
        """The scheduler's heartbeat."""
        self._last_tick = self._clock()
        self._ticks.inc()
        self._tick_at = self._tick_at or self._gauge("recwatch_last_tick_timestamp_seconds")
        self._tick_at.set(now.timestamp())

    def ticks_every(self, interval: timedelta) -> None:
        """How often the scheduler is to tick from now on."""
        self._tick_interval.set(interval.total_seconds())

    def unhealthy(self) -> str:
        """Why the daemon is not healthy, for people; empty when it is."""
        silence = self._clock() - self._last_tick
        return f"the scheduler has not ticked for {silence:.0f} s" if silence > self._stale_after else ""

    def config_loaded(self, successful: bool, at: datetime) -> None:
        self._reload_successful.set(successful)
        if successful:
            self._reload_success_at.set(at.timestamp())

    def workers_busy(self, count: int) -> None:
        self._workers_busy.set(count)

    def worker_restarted(self) -> None:
        self._worker_restarts.inc()

    def count_log_messages(self, by_level: Mapping[str, int]) -> None:
        """From now on, export these counts; the mapping is read at every scrape."""
        self._log_messages.by_level = by_level

    def store_failed(self) -> None:
        self._store_errors.inc()

    def clock_jumped(self) -> None:
        self._clock_jumps.inc()

    def answered(self, handler: str, code: int) -> None:
        """Count an HTTP request; `handler` comes from a fixed list, never from the request."""
        self._http_requests.labels(handler, str(code)).inc()

    def _by_recommender(self) -> tuple[Counter, ...]:
        return (self._evaluations, *self._ended.values(), self._rows_read, self._bytes_read)

    def _counter(self, name: str) -> Counter:
        return Counter(name, FAMILIES[name].help, FAMILIES[name].labels, registry=self.registry)

    def _gauge(self, name: str) -> Gauge:
        return Gauge(name, FAMILIES[name].help, FAMILIES[name].labels, registry=self.registry)
