"""Reads and measures one window of a recommender and has it judged: the way from the log to an evaluation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache

from detectors.core.batch import Batch
from detectors.core.detector import Context, Earlier
from detectors.core.statistic import Statistic
from detectors.core.summary import Summary
from detectors.core.verdict import Severity
from monitor.batches import Batches
from monitor.catalog import CatalogFile, CatalogRead, KnownItems, joining, known_items, nothing_known
from monitor.config.models import RecommenderConfig
from monitor.detector_settings import build
from monitor.engine.guard import Guard
from monitor.engine.measure import measure
from monitor.engine.plan import plan
from monitor.engine.stored import summary_from_bytes, summary_to_bytes
from monitor.engine.summarise import WindowSummary, summarise
from monitor.errors import BudgetError, LogError
from monitor.evaluation import Evaluation, FileSeen, ReadReport, Status
from monitor.expectations import expected_on
from monitor.fold import Fold
from monitor.incidents.before import with_shares
from monitor.incidents.incident import Incident
from monitor.incidents.pictures import with_pictures
from monitor.logs import Listing, PredictionLog, Quarantine
from monitor.measurable import available, cannot_measure, does_not_suit, version_column
from monitor.measured import Measured
from monitor.outcomes import LateOutcomes, OutcomesSummary, with_outcomes, with_report
from monitor.own.columns import of_catalog, of_log
from monitor.windows import Window

LOOK_BACK = timedelta(
    days=1
)  # windows that are looked back at: for the same hour yesterday, and a culprit's past
MOST_LOOKED_BACK = 96  # of them, where windows are short


@dataclass(frozen=True)
class Progress:
    """What is being done: `stage` is "read", "count" (a detector's statistic while reading, or none any more),
    "measure" (then `detector` says which) or "judge".
    """

    window: Window
    stage: str
    detector: str = ""


Announce = Callable[[Progress], None]


@dataclass(frozen=True)
class Read:
    """A window that was read and measured, or why not; not yet judged."""

    evaluation: Evaluation
    measured: Measured | None
    summary: Summary = field(default_factory=Summary)


class Evaluator:
    """Reads and measures windows of one recommender.

    Parameters
    ----------
    keep_summary : bool
        Whether evaluations carry the window's statistics.
    stored : callable
        Statistics of an earlier window, where the store keeps them.
    troubled : set of Window
        Earlier windows of which `is_troubled` holds.
    alter : callable, optional
        Changes each batch before anything is counted: a drill breaks it.
    """

    def __init__(
        self,
        recommender: RecommenderConfig,
        announce: Announce,
        leave_out: Mapping[Window, frozenset[str]],
        keep_summary: bool = True,
        stored: Callable[[Window], bytes | None] = lambda window: None,
        troubled: Set[Window] = frozenset(),
        alter: Callable[[Batch], Batch] | None = None,
    ) -> None:
        self.recommender = recommender
        self._stored = stored
        self._recent: dict[Window, Summary] = {}
        self._troubled = set(troubled)
        self._batches = Batches(recommender)
        self._alter = alter
        self.configured = build(recommender.detectors, recommender.detector_files)
        self._announce, self._leave_out, self._keep_summary = announce, leave_out, keep_summary
        self._detectors = {name: c.detector for name, c in self.configured.items()}
        self._statistics = [s for d in self._detectors.values() for s in d.statistics]
        split = [recommender.split_by] if recommender.split_by else []
        extra = tuple(dict.fromkeys([*recommender.slices, *split]))
        self._log = PredictionLog(recommender.log, extra, of_log(self._detectors.values()))
        self._catalog_file = (
            CatalogFile(recommender.catalog, recommender.log, of_catalog(self._detectors.values()))
            if recommender.catalog is not None
            else None
        )
        self._only = (
            (recommender.split_by, recommender.split_value)
            if recommender.split_by and recommender.split_value is not None
            else None
        )
        self._outcomes = (
            LateOutcomes(recommender, extra, self._statistics, self._only) if recommender.outcomes else None
        )

    def _of_window(self, left_out: Set[str]) -> list[type[Statistic]]:
        """What is counted of a window's own rows, for the detectors that run."""
        late = self._outcomes.statistics if self._outcomes else frozenset()
        running = [d for name, d in self._detectors.items() if name not in left_out]
        return [s for d in running for s in d.statistics if s not in late]

    def first_event(self) -> datetime | None:
        span = self._log.span()
        return span[0] if span else None

    def has_more(self, window: Window, files: Sequence[FileSeen], rows: int, now: datetime) -> bool:
        """Whether files of a window changed since they were read, by their listing alone."""
        try:
            listed = self._log.files(window, now).files
            if self._outcomes is not None:
                listed += self._outcomes.files(window, now)
        except LogError:
            return False  # told where the log is read; what was found before stays
        return {(f.path, f.size, f.modified_us) for f in listed} != {
            (f.path, f.size, f.modified_us) for f in files
        }

    def evaluate(self, window: Window, now: datetime, spent_today: int) -> Read:
        """Read and measure one window."""
        self._announce(Progress(window, "read"))
        clock = time.perf_counter()
        quarantine = Quarantine()
        listing = Listing((), ())
        left_out = self._leave_out.get(window, frozenset())
        guard = Guard(self._detectors, lambda detector: self._announce(Progress(window, "count", detector)))
        try:
            listing = self._log.files(window, now)
            cost = self._log.cost(listing.files, quarantine)
            reading = plan(
                listing.files, cost, window, self.recommender.budget, spent_today, self._log.period
            )
            summary = summarise(
                self._log,
                self.recommender,
                self._of_window(left_out),
                window,
                now,
                listing,
                reading,
                quarantine,
                only=self._only,
                join=self._joining(),
                run=guard,
            )
        except (BudgetError, LogError) as error:
            status = Status.REFUSED if isinstance(error, BudgetError) else Status.FAILED
            seen = tuple(FileSeen(f.path, f.size, f.modified_us) for f in listing.files)
            report = ReadReport(files=seen, quarantined=quarantine.items, waiting=listing.waiting)
            failed = nothing(self.recommender, window, status, now, str(error))
            return Read(replace(failed, read=report), None)
        summary = guard.without_failed(summary)
        summary, outcomes = self._with_outcomes(summary, window, now, spent_today)
        read_at = time.perf_counter()
        earlier = cache(lambda: tuple(self._earlier(window)))  # every detector asks for them
        known = self._known_items(earlier, summary.summary, window)
        lacks = {**known.lacks, **outcomes.lacks}
        has = available(self.recommender, summary.summary.has) - set(lacks)
        expected = expected_on(self.recommender, window.start.date())
        context = Context(
            (window.start_us, window.end_us),
            expected,
            known.catalog,
            earlier,
            outcomes.logged(window),
            version_column(self.recommender),
        )
        found, failures = measure(
            summary, self._detectors, context, has, left_out,
            lambda detector: self._announce(Progress(window, "measure", detector)), guard.failures,
        )  # fmt: skip
        measured = Measured(window, summary.summary.slices.texts, found, failures)
        evaluation = Evaluation(
            recommender=self.recommender.name,
            window=window,
            status=Status.EVALUATED if summary.read.rows else Status.NO_DATA,
            told_at=window.end + self.recommender.window.settle,
            evaluated_at=now,
            reason="" if summary.read.rows else _why_empty(summary.read, listing),
            read=replace(summary.read, catalog=known.seen),
            seconds={"read": read_at - clock, "measure": time.perf_counter() - read_at},
            failures=failures,
            cannot_measure=(
                *cannot_measure(self._detectors.values(), has, expected.all_kinds, why=lacks),
                *does_not_suit(self._detectors.values(), summary.summary, has, expected.all_kinds),
            ),
            summary=summary_to_bytes(summary.summary) if self._keep_summary else None,
        )
        return Read(evaluation, measured, summary.summary)

    def judge(self, fold: Fold, read: Read, *, silent: bool) -> Evaluation:
        """Judge a window that was read; one that could not be changes nothing."""
        if read.measured is None:
            carried = fold.carry(read.evaluation.window, read.evaluation.told_at)
            return replace(read.evaluation, open_incidents=carried)
        self._announce(Progress(read.evaluation.window, "judge"))
        clock = time.perf_counter()
        window, summary = read.evaluation.window, read.summary

        def on_open(incident: Incident) -> Incident:
            earlier = [e.summary for e in self._earlier(window)]
            return with_pictures(with_shares(incident, summary, earlier), summary, earlier)

        findings, incidents = fold.step(
            read.measured, read.evaluation.told_at, silent=silent, on_open=on_open
        )
        self._recent[window] = summary.lean()
        for old in [w for w in self._recent if w.start < window.start - LOOK_BACK]:
            del self._recent[old]
        seconds = {**read.evaluation.seconds, "judge": time.perf_counter() - clock}
        judged = replace(read.evaluation, findings=findings, open_incidents=incidents, seconds=seconds)
        if is_troubled(judged, self._batches):
            self._troubled.add(window)
        else:
            self._troubled.discard(window)
        return judged

    def _earlier(self, window: Window) -> Iterator[Earlier]:
        """The windows of the day before, newest first: from memory, else from the store."""
        length = window.end - window.start
        for back in range(1, min(MOST_LOOKED_BACK, LOOK_BACK // length) + 1):
            before = Window(window.start - back * length, window.end - back * length)
            if before not in self._recent and (blob := self._stored(before)) is not None:
                with suppress(ValueError):  # damaged: as if it had not been kept
                    self._recent[before] = summary_from_bytes(blob, self._statistics)
            if before in self._recent:
                yield Earlier(before.start_us, self._recent[before], before in self._troubled)

    def _with_outcomes(
        self, summary: WindowSummary, window: Window, now: datetime, spent_today: int
    ) -> tuple[WindowSummary, OutcomesSummary]:
        """The window's statistics with those of outcomes that have a log of their own."""
        if self._outcomes is None:
            return summary, OutcomesSummary()
        found = self._outcomes.summarise(window, now, spent_today + summary.read.bytes_read)
        summary = replace(summary, read=with_report(summary.read, found))
        if found.summary is not None:
            summary = with_outcomes(summary, found.summary, self._outcomes.kinds)
        return summary, found

    def _joining(self) -> Callable[[Batch], Batch]:
        """What becomes of a batch before anything is counted."""
        join, alter = joining(self._catalog_columns()), self._alter
        return join if alter is None else lambda batch: join(alter(batch))

    def _catalog_columns(self) -> CatalogRead | None:
        """The catalogue for the columns of it that detectors ask for; None when there is none to be read."""
        if self._catalog_file is None or not self._catalog_file.own:
            return None
        with suppress(LogError):  # told with what else the catalogue should say
            return self._catalog_file.read()
        return None

    def _known_items(
        self, earlier: Callable[[], Iterable[Earlier]], summary: Summary, window: Window
    ) -> KnownItems:
        """The catalogue as it is now, and why what should be there is not."""
        if self._catalog_file is None:
            return KnownItems()
        try:
            read = self._catalog_file.read()
        except LogError as error:
            return KnownItems(lacks=nothing_known(str(error)))
        return known_items(read, summary, earlier, window.start_us)


def is_troubled(evaluation: Evaluation, batches: Batches) -> bool:
    """Whether something was wrong that people are woken for: what the window shows is not how things usually are.

    An incident of a nightly batch stays open until the next one, and troubles no hour in which none is made.
    """
    return any(
        i.open and i.severity is Severity.PAGE and not batches.idle(i.slice, evaluation.window)
        for i in evaluation.open_incidents
    )


def nothing(
    recommender: RecommenderConfig, window: Window, status: Status, now: datetime, why: str
) -> Evaluation:
    """A window of which there is nothing to judge, and why."""
    return Evaluation(recommender.name, window, status, window.end + recommender.window.settle, now, why)


def _why_empty(read: ReadReport, listing: Listing) -> str:
    """Why a window has no rows: that nothing was logged is said only when nothing else explains it."""
    unit = ": is log.timestamp_unit right?"
    if read.rows_past or read.rows_future:
        other = f"{read.rows_past} from long ago and {read.rows_future} from the future"
        return f"no rows of this window, but {other}{unit}"
    if read.quarantined:
        bad = read.quarantined[0]
        return f"no usable rows: {bad.path}: {bad.reason}{unit if 'usable time' in bad.reason else ''}"
    if listing.waiting:
        return f"no rows yet: {len(listing.waiting)} files are still being written"
    if listing.missing_partitions:
        return f"no rows: no partition {listing.missing_partitions[0]}"
    return "no rows of this window"
