"""Drift: items, scores and columns against the same hour yesterday and the hours before; how the traffic divides.

What changes by the clock is alike yesterday, what changes over weeks is alike an hour ago: a distance counts as far as
it is from both. How the traffic divides is no distance: each part's share is judged by the same hours of many days.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from scipy.special import ndtri

from detectors.comparing.items import ItemsAgainst
from detectors.comparing.mix import mix
from detectors.comparing.recent import HOURS, recent_shift
from detectors.comparing.references import Reference, references
from detectors.comparing.shift import Shift, largest, nearest
from detectors.comparing.values import feature_shifts, score_shifts
from detectors.core.batch import column_key
from detectors.core.detector import Context, Detector
from detectors.core.measurement import Measure, Measurement, Unit
from detectors.core.summary import Summary
from detectors.judgement.spec import Floor, History
from detectors.statistics.feature_counts import FeatureCounts
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel
from detectors.statistics.score_histogram import ScoreHistogram

CHANCE = 1e-6  # that the share of any item of a slice moves so by chance
LEAST_LISTS = 50  # independent ones: of fewer, items differ from hour to hour by what few people do

SCORES = {
    "score_distance": "kolmogorov_smirnov",
    "score_wasserstein": "wasserstein",
    "score_stability_index": "stability_index",
}
FEATURES = {
    "numeric_feature_distance": "number",
    "categorical_feature_jump": "text",
    "feature_null_rise": "missing",
}


@dataclass(frozen=True)
class Drift(Detector):
    """Distances between this window and earlier ones, none of which follows from the number of rows.

    Parameters
    ----------
    numbers, texts : tuple of str
        Columns of the log, by their dotted path, whose distribution is watched: a model's features, say.
    jump_above : float
        Limit for the change of one item's share of the requests.
    recent_above : float
        Limit for how much further the last hours are from the rest of the day than any others of it.
    item_change, score_change, feature_change : float
        Least rise of a distance over what is usual that matters, as a share.
    mix_change : float
        Least change of a slice's share of the requests from what is usual at that hour that matters.
    score_above : float
        Limit for the Kolmogorov-Smirnov distance of scores that holds without history.
    spreads : float
        Least rise of the Wasserstein distance of scores that matters, in spreads between the quartiles.
    stability_change : float
        Least rise of the population stability index that matters.
    missing_change : float
        Least rise of such a column's share of missing values that matters.
    """

    name = "drift"
    statistics = (ItemCounts, ListTally, Panel, ScoreHistogram, FeatureCounts)
    telling = 30

    numbers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    jump_above: float = 0.15
    item_change: float = 0.2
    recent_above: float = 0.15
    score_above: float = 0.5
    score_change: float = 0.15
    spreads: float = 0.5
    stability_change: float = 0.25
    feature_change: float = 0.15
    missing_change: float = 0.1
    mix_change: float = 0.15

    def asks_for(self) -> Mapping[str, type]:
        return {**dict.fromkeys(self.numbers, float), **dict.fromkeys(self.texts, str)}

    def measures(self) -> tuple[Measure, ...]:
        score = frozenset({"score"})
        numbers = frozenset(f"column {name}" for name in self.numbers) or frozenset({"numbers"})
        texts = frozenset(f"column {name}" for name in self.texts) or frozenset({"texts"})
        features = frozenset(f"column {name}" for name in self.asks_for()) or numbers | texts

        def up(change: float) -> History:
            return History("up", change=change)

        return (
            Measure("item_jump", Unit.RATIO,
                    "Largest rise of one item's share of the requests against the same hour of the day before.",
                    (Floor(above=self.jump_above),), frozenset({"request"}),
                    says="{item} is in {share} of {requests}, a day before in {share_before}", of_sameness=True),
            Measure("item_distance", Unit.RATIO,
                    "Distance of the items shown from those of earlier windows: one less Morisita's index.",
                    (up(self.item_change),), frozenset({"request"}), least_n=LEAST_LISTS,
                    says="other items are shown than in earlier windows: they are {value} apart", of_sameness=True,
                    at_once=False),
            Measure("recent_item_distance", Unit.RATIO,
                    f"How much further the rows of the last {HOURS} hours are from those of the rest of the day than "
                    "any other hours of it; of rows that belong to no request.",
                    (Floor(above=self.recent_above),),
                    says=f"the last {HOURS} hours show other items than the day before: {{value}} further apart than "
                         "any other hours of it"),
            Measure("score_distance", Unit.RATIO,
                    "Kolmogorov-Smirnov distance of the scores from those of earlier windows.",
                    (Floor(above=self.score_above), up(self.score_change)), score,
                    says="scores are distributed otherwise than in earlier windows: {value} apart, "
                    "their median {median} instead of {median_before}"),
            Measure("score_wasserstein", Unit.SPREADS,
                    "Wasserstein distance of the scores from those of earlier windows, in spreads between quartiles.",
                    (up(self.spreads),), score,
                    says="scores moved by {value} of their spread, their median from {median_before} to {median}"),
            Measure("score_stability_index", Unit.NATS,
                    "Population stability index of the scores against earlier windows.",
                    (up(self.stability_change),), score,
                    says="scores are distributed otherwise than in earlier windows: stability index {value}"),
            Measure("slice_mix", Unit.RATIO,
                    "Share of all requests that each value of a slice column has.",
                    (History("both", change=self.mix_change),), frozenset({"request", "slices"}),
                    least_n=LEAST_LISTS, says="a part of the traffic has {value} of all {requests}", at_once=False),
            Measure("numeric_feature_distance", Unit.RATIO,
                    "Largest Kolmogorov-Smirnov distance of a column of numbers from earlier windows.",
                    (up(self.feature_change),), numbers,
                    says="column {feature} is distributed otherwise than in earlier windows: {value} apart, "
                    "its median {median} instead of {median_before}"),
            Measure("categorical_feature_jump", Unit.RATIO,
                    "Largest change of a value's share in a column of texts.",
                    (up(self.feature_change),), texts,
                    says="column {feature}: {part} is in {share} of rows, in earlier windows in {share_before}"),
            Measure("feature_null_rise", Unit.RATIO,
                    "Largest rise of the share of rows without a value in a column.",
                    (up(self.missing_change),), features,
                    says="column {feature} has no value in {share} of rows, in earlier windows in {share_before}"),
        )  # fmt: skip

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        if "request" in summary.has:
            yield mix("slice_mix", summary, context.version_column)
        else:
            yield _measured("recent_item_distance", recent_shift(summary, context))
        against = references(summary, context)
        if not against:
            return
        if "request" in summary.has:
            sure = float(
                ndtri(1 - CHANCE / max(len(summary[ItemCounts].keys), len(context.catalog or ()), 1))
            )
            items = [ItemsAgainst.of(summary, reference).shifts(sure) for reference in against]
            yield _measured("item_jump", items[0][1])
            yield _measured("item_distance", nearest([distance for distance, _ in items]))
        if "score" in summary.has:
            scores = [score_shifts(summary, reference) for reference in against]
            for name, key in SCORES.items():
                yield _measured(name, nearest([found[key] for found in scores]))
        yield from self._features(summary, against)

    def _features(self, summary: Summary, against: Sequence[Reference]) -> Iterator[Measurement]:
        """Of each kind the column that moved most from all that it is held against."""
        watched = [column_key(name, kind) for name, kind in sorted(self.asks_for().items())]
        if not watched:
            return
        found = [feature_shifts(summary, reference, watched) for reference in against]
        for name, kind in FEATURES.items():
            moved = [
                nearest([s[kind, column] for s in found if (kind, column) in s])
                for column in watched
                if any((kind, column) in s for s in found)
            ]
            if moved:
                yield _measured(name, largest(moved))


def _measured(name: str, shift: Shift) -> Measurement:
    return Measurement(name, shift.value, shift.error, shift.n, shift.evidence)
