"""Detectors as somebody else would write them, with names that are as awkward as may be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from detectors import Context, Detector, Measure, Measurement, Summary, Unit
from detectors.core.measurement import share
from detectors.judgement.spec import Floor
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel


@dataclass(frozen=True)
class Same(Detector):
    """Its metrics begin like those of `same_item`, and one of them could be of either by its name."""

    name = "same"
    statistics = (ListTally, Panel)

    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure("item_lists", Unit.REQUESTS, "Lists.", (Floor(above=1e6),)),
            Measure("repeats", Unit.RATIO, "Share of lists with an item twice.", (Floor(above=0.5),)),
        )

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        tally = summary[ListTally]
        counted = tally.by_slice(summary.members(tally))
        lists = summary.clustering * 0 + counted["length_3"]
        yield Measurement("item_lists", lists, lists**0.5, lists)
        yield share("repeats", counted["with_repeat"], lists, summary.clustering)


@dataclass(frozen=True)
class Raising(Detector):
    name = "raising"
    statistics = (ListTally, Panel)

    def measures(self) -> tuple[Measure, ...]:
        return (Measure("nothing", Unit.RATIO, "Nothing.", (Floor(above=0.5),)),)

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        raise RuntimeError("this detector is broken")
