"""Where the pages and the API read: the store, the configuration as it is now, and the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from monitor.config.models import RecommenderConfig
from monitor.exposition.catalogue import MeasureInfo
from monitor.reading.described import Described
from monitor.reading.explanation import Kept, Settings
from monitor.store.said import Feedback

Parquet = Callable[[str, datetime, datetime, Mapping[str, str]], BinaryIO]


class Records(Kept, Protocol):
    """What is read from the store."""

    def feedback(self, ids: Iterable[str] | None = None) -> Iterable[Feedback]: ...


@dataclass(frozen=True)
class Sources:
    """All that is shown comes from here.

    Parameters
    ----------
    recommenders, catalogue, now : callable
        The configuration as it is now, the measures' units and help texts, and the clock.
    described, limits : callable
        By recommender: what its configuration says of each detector, and which limits hold.
    parquet : callable, optional
        Measurements of a recommender from a moment to another, chosen as in `measurements`, as an open file.
    """

    records: Records
    recommenders: Callable[[], Sequence[RecommenderConfig]]
    catalogue: Callable[[], Mapping[str, MeasureInfo]]
    now: Callable[[], datetime]
    described: Callable[[], Mapping[str, Mapping[str, Described]]] = dict
    limits: Callable[[], Mapping[str, Settings]] = dict
    parquet: Parquet | None = None

    def config(self, name: str) -> RecommenderConfig | None:
        """None when it is not watched."""
        return next((config for config in self.recommenders() if config.name == name), None)

    def detectors_of(self, name: str) -> Mapping[str, Described]:
        """One made from a split has those of the whole."""
        known = self.described()
        return known.get(name) or known.get(name.partition("/")[0], {})

    def limits_of(self, name: str) -> Settings:
        """One made from a split has those of the whole."""
        known = self.limits()
        return known.get(name) or known.get(name.partition("/")[0], Settings())

    def unit(self, measure: str) -> str:
        """Empty where nothing is known of it."""
        info = self.catalogue().get(measure)
        return info.unit if info else ""
