"""What came of the lists that are old enough: a second look at the log, joined with the outcomes' own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from detectors.core.detector import Logged
from detectors.core.statistic import Statistic
from detectors.core.summary import Summary
from monitor.config.models import RecommenderConfig
from monitor.engine.plan import plan
from monitor.engine.summarise import WindowSummary, summarise
from monitor.errors import BudgetError, LogError
from monitor.evaluation import OutcomesSeen, OutcomesState, Quarantined, ReadReport
from monitor.logs import LogFile, PredictionLog, Quarantine
from monitor.outcomes.log import OutcomesLog
from monitor.windows import Window

COARSEST = timedelta(hours=1)  # steps in which outcomes lag behind long windows
NOT_NEEDED = ("model_version", "context")  # of the log, unless it is sliced by them


@dataclass(frozen=True)
class OutcomesSummary:
    """Outcomes of the requests that a window's evaluation waited for.

    Parameters
    ----------
    summary : Summary or None
        Statistics of outcomes alone; None where there is nothing to make them of.
    seen : OutcomesSeen or None
        None where outcomes have no log of their own.
    lacks : mapping of role to text
        Why what the outcomes' log should tell is not known.
    """

    seen: OutcomesSeen | None = None
    summary: Summary | None = None
    lacks: Mapping[str, str] = field(default_factory=dict)
    quarantined: tuple[Quarantined, ...] = ()

    def logged(self, window: Window) -> Logged | None:
        """How much the outcomes' log holds for a window, where it could be read."""
        if self.seen is None or self.seen.state in (OutcomesState.MISSING, OutcomesState.REFUSED):
            return None
        lag = window.start - self.seen.start
        return Logged(self.seen.logged, self.seen.sampling_rate, lag // timedelta(microseconds=1))


def lag(recommender: RecommenderConfig) -> timedelta:
    """How much older than a window those requests are of which its outcomes are.

    When a window is evaluated, the youngest of them is as old as `delay` and `settle` of the outcomes want it to be; a
    lag is whole windows, or whole hours of longer ones, so that few partitions are read twice.
    """
    if recommender.outcomes is None:
        return timedelta(0)
    step = min(recommender.window.length, COARSEST)
    wanted = recommender.outcomes.delay + recommender.outcomes.settle - recommender.window.settle
    return step * max(0, -(-wanted // step))


class LateOutcomes:
    """Summarises outcomes of one recommender, window by window.

    Parameters
    ----------
    recommender : RecommenderConfig
        With `outcomes`.
    extra_columns : sequence of str
        Slices and the `split_by` column.
    statistics : iterable of Statistic types
        Those that are made of outcomes are chosen.
    only : (column, value), optional
        Of a shared log, the rows of one recommender.
    """

    def __init__(
        self,
        recommender: RecommenderConfig,
        extra_columns: tuple[str, ...],
        statistics: Iterable[type[Statistic]],
        only: tuple[str, str] | None,
    ) -> None:
        assert recommender.outcomes is not None  # by whom this is made
        self.kinds = recommender.outcomes.kinds
        self.statistics = frozenset(s for s in statistics if s.outcome in self.kinds)
        self._recommender, self._only = recommender, only
        columns = recommender.log.columns
        idle = [role for role in NOT_NEEDED if getattr(columns, role) not in extra_columns]
        columns = columns.model_copy(update=dict.fromkeys(idle))
        self._log = PredictionLog(recommender.log.model_copy(update={"columns": columns}), extra_columns)
        self._outcomes = OutcomesLog(recommender.outcomes, recommender.log)
        self._lag = lag(recommender)

    def requests(self, window: Window) -> Window:
        """When the requests were whose outcomes a window tells of."""
        return Window(window.start - self._lag, window.end - self._lag)

    def files(self, window: Window, now: datetime) -> tuple[LogFile, ...]:
        """Files of outcomes that a window looks into."""
        return self._outcomes.listing(self.requests(window), now).files

    def summarise(self, window: Window, now: datetime, spent_today: int) -> OutcomesSummary:
        """Read both logs and join them; what cannot be read concerns the outcomes alone."""
        requests, quarantine = self.requests(window), Quarantine()
        budget = self._recommender.budget
        seen = OutcomesSeen(OutcomesState.READ, "", requests.start, requests.end)
        try:
            listing = self._log.files(requests, now)
            cost = self._log.cost(listing.files, quarantine)
            reading = plan(listing.files, cost, requests, budget, spent_today, all_rows=True)
            integers = self._log.integer_ids(listing.files)
            read = self._outcomes.read(
                requests, now, budget, spent_today + reading.bytes, integers, quarantine
            )
            seen = replace(read.seen, bytes_read=read.seen.bytes_read + reading.bytes)
            if read.rows is None:
                return self._nothing(read.seen, quarantine)
            found = summarise(
                self._log, self._recommender, self.statistics, requests, now, listing, reading, quarantine,
                only=self._only, join=read.rows.join,
            )  # fmt: skip
        except (BudgetError, LogError) as error:
            state = OutcomesState.REFUSED if isinstance(error, BudgetError) else OutcomesState.MISSING
            why = f"outcomes of {requests.start:%Y-%m-%d %H:%M} UTC: {error}"
            return self._nothing(replace(seen, state=state, why=why), quarantine)
        return OutcomesSummary(seen, found.summary, quarantined=quarantine.items)

    def _nothing(self, seen: OutcomesSeen, quarantine: Quarantine) -> OutcomesSummary:
        lacks = self.kinds if seen.state is OutcomesState.LATE else (*self.kinds, "outcomes")
        return OutcomesSummary(seen, None, dict.fromkeys(lacks, seen.why), quarantine.items)


def with_outcomes(window: WindowSummary, outcomes: Summary, kinds: Iterable[str]) -> WindowSummary:
    """The window's statistics with those of outcomes, in the slices of both.

    Parts that were read at another rate, or of which some were left out, get the same: outcomes have errors of their
    own.
    """

    def added(summary: Summary) -> Summary:
        return replace(
            summary,
            cells=summary.cells.merge(outcomes.cells),
            has=summary.has | set(kinds),
            statistics={**summary.statistics, **outcomes.statistics},
            kinds={**outcomes.kinds, **summary.kinds},
        )

    whole = added(window.summary)
    small = None
    if window.small is not None:
        of_text = dict(zip(window.summary.slices.texts, window.small.tolist(), strict=True))
        small = np.array([of_text.get(text, False) for text in whole.slices.texts], bool)
    return replace(
        window,
        summary=whole,
        replicates=tuple((added(part), scale) for part, scale in window.replicates),
        boosted=None if window.boosted is None else added(window.boosted),
        small=small,
    )


def with_report(read: ReadReport, outcomes: OutcomesSummary) -> ReadReport:
    """What reading the window took, with what the outcomes did."""
    if outcomes.seen is None:
        return read
    return replace(
        read,
        files=read.files + outcomes.seen.files,
        bytes_read=read.bytes_read + outcomes.seen.bytes_read,
        quarantined=read.quarantined + outcomes.quarantined,
        outcomes=outcomes.seen,
    )
