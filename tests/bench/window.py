"""A window of the bench read in process, as the evaluator reads it, but neither judged nor stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from detectors.core.detector import Context, Detector
from monitor.config.loader import load
from monitor.config.models import RecommenderConfig
from monitor.detector_settings import build
from monitor.engine.measure import measure
from monitor.engine.plan import plan
from monitor.engine.summarise import WindowSummary, summarise
from monitor.logs import PredictionLog, Quarantine
from monitor.measurable import available, version_column
from monitor.measured import Measured
from monitor.own.columns import of_log
from monitor.windows import Window
from tests.bench.figures import CouldNotMeasure
from tests.bench.hour import START

HOUR = Window(START, START + timedelta(hours=1))
NOW = HOUR.end + timedelta(minutes=15)


@dataclass(frozen=True)
class Reader:
    """Reads the hour of the bench for the detectors of a configuration, those that are on by default."""

    recommender: RecommenderConfig
    detectors: Mapping[str, Detector]

    @classmethod
    def of(cls, config: Path) -> Reader:
        recommender = load(config).recommenders[0]
        configured = build(recommender.detectors, recommender.detector_files)
        return cls(recommender, {name: c.detector for name, c in configured.items()})

    def read(self) -> WindowSummary:
        """From the listing of the log to the summary of the window: all that is done for each window."""
        statistics = [s for d in self.detectors.values() for s in d.statistics]
        own = of_log(self.detectors.values())
        log, quarantine = PredictionLog(self.recommender.log, self.recommender.slices, own), Quarantine()
        listing = log.files(HOUR, NOW)
        cost = log.cost(listing.files, quarantine)
        reading = plan(listing.files, cost, HOUR, self.recommender.budget)
        return summarise(log, self.recommender, statistics, HOUR, NOW, listing, reading, quarantine)

    def measure(self, read: WindowSummary) -> Measured:
        """What the detectors say of the summary.

        Raises
        ------
        CouldNotMeasure
            When a detector failed.
        """
        found, failures = measure(
            read,
            self.detectors,
            Context((HOUR.start_us, HOUR.end_us), version_column=version_column(self.recommender)),
            available(self.recommender, read.summary.has),
            (),
            lambda detector: None,
        )
        if failures:
            raise CouldNotMeasure(f"detectors failed: {failures}")
        return Measured(HOUR, read.summary.slices.texts, found)
