"""Rollout: a model version against the others, in the same window and the same traffic.

A healthy roll-out changes every list, and nothing gets worse. So versions are compared in what must not get worse, the
others brought to the version's own mix of the other slice columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from detectors.comparing.sides import Excess, Sides
from detectors.comparing.versions import Versions
from detectors.core.catalog import Catalog
from detectors.core.cells import NULL
from detectors.core.detector import Context, Detector
from detectors.core.measurement import Measure, Measurement, Unit
from detectors.core.summary import Summary
from detectors.core.verdict import Severity
from detectors.judgement.spec import Floor
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel
from detectors.statistics.score_tally import ScoreTally

ENOUGH = 100  # requests of a version: where a window has fewer, those before it are added
WINDOWS = 6  # that are put together at most


@dataclass(frozen=True)
class Rollout(Detector):
    """What a model version does worse than the others in the same window and the same traffic.

    Needs the model version among the slice columns. Where a version has few requests, the windows before are added as
    long as they have both it and others.

    Parameters
    ----------
    overlap_times, overlap_above : float
        Lists of different users are too alike when they share more than this many times what they share under other
        versions, by more than this share of a list.
    category_times, category_above : float
        The same of items of different users that are of one category, as a share of the pairs of items.
    first_place_above, identical_list_above : float
        Limits for how much larger the share of the most frequent first item, or list, is.
    short_above, empty_above : float
        Limits for how much larger the share of short lists (under half as long as usual), or of empty ones, is.
    nan_above, constant_above : float
        Limits for how much larger the share of scores that are no number, or of lists with one score, is.
    ignored : tuple of str
        Versions that are meant to be unlike the rest, such as a control group that gets no personal lists.
    """

    name = "rollout"
    statistics = (ItemCounts, ListTally, ScoreTally, Panel)
    telling = 98

    overlap_times: float = 1.5
    overlap_above: float = 0.005
    category_times: float = 2.0
    category_above: float = 0.05
    first_place_above: float = 0.2
    identical_list_above: float = 0.15
    short_above: float = 0.1
    empty_above: float = 0.1
    nan_above: float = 0.1
    constant_above: float = 0.3
    ignored: tuple[str, ...] = ()

    def measures(self) -> tuple[Measure, ...]:
        version = frozenset({"model_version", "version_slice"})
        lists, scores = version | {"request"}, version | {"score"}

        def page(above: float) -> tuple[Floor]:
            return (Floor(above=above, severity=Severity.PAGE),)

        return (
            Measure("identical_list_excess", Unit.RATIO,
                    "How much larger the share of the most frequent list is than under other model versions.",
                    page(self.identical_list_above), lists,
                    says="{here} of {requests} get one and the same list under model version {version}, "
                    "{elsewhere} under others", of_sameness=True),
            Measure("first_place_excess", Unit.RATIO,
                    "How much larger the share of the most frequent first item is than under other model versions.",
                    page(self.first_place_above), lists | {"position"},
                    says="{item} is at position 1 in {here} of {requests} under model version {version}; "
                    "the top item has {elsewhere} under others", of_sameness=True),
            Measure("overlap_excess", Unit.RATIO,
                    f"What lists of different users share, beyond {self.overlap_times:g} times what they share under "
                    "other model versions.",
                    page(self.overlap_above), lists | {"user"},
                    says="lists of different users share {here} of their items under model version {version}, "
                    "{elsewhere} under others", of_sameness=True),
            Measure("category_excess", Unit.RATIO,
                    "How often items that different users are shown are of one category, beyond "
                    f"{self.category_times:g} times as often as under other model versions.",
                    page(self.category_above), version | {"user", "catalog.category"},
                    says="two items that different users are shown are of one category in {here} of cases under model "
                    "version {version}, in {elsewhere} under others", of_sameness=True),
            Measure("empty_excess", Unit.RATIO,
                    "How much larger the share of empty lists is than under other model versions.",
                    page(self.empty_above), lists | {"empty_lists"},
                    says="{here} of {requests} get an empty list under model version {version}, "
                    "{elsewhere} under others"),
            Measure("nan_excess", Unit.RATIO,
                    "How much larger the share of scores that are not a number is than under other model versions.",
                    page(self.nan_above), scores,
                    says="{here} of scores are not a number under model version {version}, "
                    "{elsewhere} under others"),
            Measure("constant_excess", Unit.RATIO,
                    "How much larger the share of lists with only one score is than under other model versions.",
                    page(self.constant_above), scores | {"request"},
                    says="all scores are the same in {here} of lists under model version {version}, "
                    "{elsewhere} under others"),
            Measure("short_excess", Unit.RATIO,
                    "How much larger the share of lists under half the usual length is than under other versions.",
                    (Floor(above=self.short_above),), lists,
                    says="{here} of lists are short under model version {version}, {elsewhere} under others"),
        )  # fmt: skip

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        column = context.version_column
        if column is None or column not in summary.cells.columns:
            return
        ignored = frozenset({*self.ignored, NULL})
        windows = _Windows(summary, context, column, ignored)
        compared: list[dict[str, _Found]] = [{} for _ in summary.slices.texts]
        for s, where in enumerate(summary.slices.wheres):
            if column in where and where[column] not in ignored:
                depth = windows.depth(where) if len(where) == 1 else 1
                versions = Versions.of(windows.together(depth), column, where, ignored)
                told = {"version": where[column]} | ({"windows": depth} if depth > 1 else {})
                measured = self._compare(versions, context.catalog)
                compared[s] = {name: found.with_evidence(told) for name, found in measured}
        for measure in self.measures():
            yield _measurement(measure.name, [c.get(measure.name, NOTHING) for c in compared])

    def _compare(self, versions: Versions, catalog: Catalog | None) -> Iterator[tuple[str, _Found]]:
        """What there is to compare, by measure."""
        found: dict[str, Excess | None] = {
            "empty_excess": versions.empty(self.empty_above),
            "nan_excess": versions.nan_scores(self.nan_above),
            "constant_excess": versions.constant_scores(self.constant_above),
            "short_excess": versions.short(self.short_above),
            "overlap_excess": versions.likeness(self.overlap_times, self.overlap_above),
        }
        if catalog is not None and catalog.category is not None:
            found["category_excess"] = versions.concentration(
                catalog, catalog.category, self.category_times, self.category_above
            )
        yield from ((name, _Found.of(excess)) for name, excess in found.items() if excess is not None)
        for name, top in (
            ("identical_list_excess", versions.top_list(self.identical_list_above)),
            ("first_place_excess", versions.top_first_item(self.first_place_above)),
        ):
            if top is not None:
                yield name, _Found.of(top[0], item=top[1])


@dataclass(frozen=True)
class _Found:
    """One measure of one version."""

    value: float = float("nan")
    error: float = float("nan")
    n: float = 0.0
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Excess, **evidence: Any) -> Self:
        shares = {"here": round(found.here, 4), "elsewhere": round(found.elsewhere, 4)}
        return cls(found.value, found.error, found.n, {**evidence, **shares})

    def with_evidence(self, more: Mapping[str, Any]) -> _Found:
        return replace(self, evidence={**more, **self.evidence}) if self.evidence else self


NOTHING = _Found()


def _measurement(name: str, found: Sequence[_Found]) -> Measurement:
    value, error, n = np.array([(f.value, f.error, f.n) for f in found]).T
    return Measurement(name, value, error, n, lambda s: found[s].evidence)


class _Windows:
    """The window and, for versions that have few requests in it, those before it that have both them and others."""

    def __init__(self, now: Summary, context: Context, column: str, ignored: frozenset[str]) -> None:
        self._column, self._ignored = column, ignored
        self._earlier = iter(context.earlier())
        self._windows = [_of(now)]
        self._together = [_of(now)]

    def depth(self, where: Mapping[str, str]) -> int:
        """How many windows a version needs to have enough requests, or has at all."""
        requests = 0.0
        for depth in range(1, WINDOWS + 1):
            if (window := self._window(depth)) is None:
                return depth - 1
            lists = window[ListTally]
            sides = Sides.of(window, self._column, where, self._ignored)
            by_cell = sides.by_cell(lists.groups, lists.lists)
            mine, others = by_cell[sides.ours].sum(), by_cell[sides.theirs].sum()
            if not (mine and others):
                return max(depth - 1, 1)
            requests += mine
            if requests >= ENOUGH:
                return depth
        return WINDOWS

    def together(self, depth: int) -> Summary:
        """So many windows as one."""
        while len(self._together) < depth:
            both = self._together[-1].merge(self._windows[len(self._together)])
            self._together.append(replace(both, left_out=self._windows[0].left_out))
        return self._together[depth - 1]

    def _window(self, depth: int) -> Summary | None:
        if len(self._windows) < depth:
            earlier = next(self._earlier, None)
            if earlier is None or earlier.summary.cells.columns != self._windows[0].cells.columns:
                return None
            self._windows.append(_of(earlier.summary))
        return self._windows[depth - 1]


def _of(summary: Summary) -> Summary:
    """What is looked at here alone: the rest need not be merged."""
    return replace(summary, statistics={kind: summary[kind] for kind in Rollout.statistics})
