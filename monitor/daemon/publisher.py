"""From what the workers did to what is exported: counters at once, the rendered series of a recommender soon after."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from monitor.clock import Clock
from monitor.config.models import RecommenderConfig
from monitor.daemon.faults import Fault, Kind
from monitor.errors import StoreError
from monitor.evaluation import Evaluation
from monitor.exposition.catalogue import MeasureInfo
from monitor.exposition.exporter import Exporter
from monitor.exposition.health import Health
from monitor.exposition.state import Records, read_fleet, read_state
from monitor.logging_setup import logger
from monitor.reading.described import Described
from monitor.reading.explanation import Settings

RENDER_SECONDS = (
    1.0  # between two renderings of a recommender: replayed history changes it many times a second
)


class Publisher:
    """Keeps the health counters and the exporter in step with the store.

    Attributes
    ----------
    recommenders, catalogue, described, limits
        What is watched now; replaced as a whole, so that other threads may read them.
    """

    def __init__(self, records: Records, health: Health, exporter: Exporter, clock: Clock) -> None:
        self.recommenders: Sequence[RecommenderConfig] = ()
        self.catalogue: Mapping[str, MeasureInfo] = {}
        self.described: Mapping[str, Mapping[str, Described]] = {}
        self.limits: Mapping[str, Settings] = {}
        self.health = health
        self._records, self._exporter, self._clock = records, exporter, clock
        self._stale: dict[str, float] = {}  # recommenders to render anew, and the time from which on
        self._rendered: dict[str, float] = {}
        self._parts: dict[str, str] = {}  # incidents that one of the fleet tells of, with their recommenders
        self._log = logger("publisher")

    def configure(self, catalogue: Mapping[str, MeasureInfo], series_per_recommender: int) -> None:
        """Measures have these names and units from now on."""
        self.catalogue = catalogue
        self._exporter.configure(catalogue, series_per_recommender)

    def describe(
        self, described: Mapping[str, Mapping[str, Described]], limits: Mapping[str, Settings]
    ) -> None:
        """The configuration says this of the detectors of each recommender."""
        self.described, self.limits = described, limits

    def watch(
        self, recommenders: Sequence[RecommenderConfig], detectors: Mapping[str, Sequence[str]]
    ) -> None:
        """These are the recommenders; of those that are gone nothing stays."""
        names = {r.name for r in recommenders}
        for gone in [r.name for r in self.recommenders if r.name not in names]:
            self._exporter.retire(gone)
            self._stale.pop(gone, None)
        self.recommenders = tuple(recommenders)
        for recommender in recommenders:
            self.health.expect(recommender.name, detectors.get(recommender.name, ()))
            self._stale[recommender.name] = 0.0

    def evaluated(self, evaluation: Evaluation) -> None:
        name = evaluation.recommender
        if any(r.name == name for r in self.recommenders):
            self.health.evaluated(evaluation)
            self._stale.setdefault(name, self._rendered.get(name, 0.0) + RENDER_SECONDS)

    def refresh(self) -> None:
        """Somebody said something: render all anew."""
        self._stale.update(dict.fromkeys((r.name for r in self.recommenders), 0.0))

    def failed(self, fault: Fault) -> None:
        if fault.kind in (Kind.HUNG, Kind.DIED, Kind.MEMORY):
            self.health.worker_restarted()
        elif fault.kind is Kind.STORE:
            self.health.store_failed()

    def flush(self, *, at_once: bool = False) -> None:
        """Render what changed: what is of the fleet first, so that of its parts nobody is told in between."""
        now = time.monotonic()
        due = [c.name for c in self.recommenders if at_once or now >= self._stale.get(c.name, float("inf"))]
        if not due:
            return
        try:
            due += self._flush_fleet()
        except StoreError as error:
            self.health.store_failed()
            self._log.error("cannot read what to export of the fleet", reason=str(error))
        for config in self.recommenders:
            if config.name in due:
                self._stale.pop(config.name, None)
                self._rendered[config.name] = now
                try:
                    self._exporter.update(read_state(self._records, config, self._clock.now()))
                except StoreError as error:
                    self.health.store_failed()
                    self._log.error("cannot read what to export", recommender=config.name, reason=str(error))
                    self._stale[config.name] = now + 10 * RENDER_SECONDS

    def _flush_fleet(self) -> set[str]:
        """Render incidents of the fleet; returns recommenders whose own are told otherwise now."""
        state = read_fleet(self._records, self.recommenders, self._clock.now())
        self._exporter.update_fleet(state)
        parts = {p.incident: p.recommender for i in state.incidents if i.open for p in i.parts}
        changed = {name for _, name in parts.items() ^ self._parts.items()}
        self._parts = parts
        return changed
