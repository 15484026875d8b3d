"""One evaluation cycle of one recommender, from the log to judged windows: the way through, top to bottom."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from detectors.core.detector import Context
from detectors.core.summary import Summary
from monitor.catalog import catalog_size
from monitor.config.models import RecommenderConfig
from monitor.detector_settings import build
from monitor.engine.measure import measure
from monitor.engine.plan import plan
from monitor.engine.stored import summary_from_bytes, summary_to_bytes
from monitor.engine.summarise import summarise
from monitor.errors import BudgetError, LogError
from monitor.evaluation import Evaluation, FileSeen, ReadReport, Status
from monitor.fold import Fold, Measured
from monitor.incidents.before import with_shares
from monitor.incidents.incident import Incident
from monitor.logs import Listing, PredictionLog, Quarantine
from monitor.measurable import WHY, available, cannot_measure
from monitor.schedule import due, to_look_at_again
from monitor.store import Store
from monitor.windows import Window

LOOK_BACK = 24  # windows before an onset that say how frequent the culprit was
REMEMBERED = timedelta(days=15)  # of judged windows a fold is resumed from: what the judge looks back on


@dataclass(frozen=True)
class Progress:
    """What is being done: `stage` is "read", "measure" (then `detector` says which) or "judge"."""

    window: Window
    stage: str
    detector: str = ""


Announce = Callable[[Progress], None]


def run_cycle(
    recommender: RecommenderConfig,
    store: Store,
    now: datetime,
    *,
    announce: Announce = lambda progress: None,
    leave_out: Mapping[Window, frozenset[str]] | None = None,
) -> Iterator[Evaluation]:
    """Evaluate in window order everything that is due as of `now`.

    The caller commits each evaluation (`Store.record`) before it asks for the next one.

    Parameters
    ----------
    store : Store
        Read only.
    announce : callable
        Told what is being done, so that somebody else can end what takes too long.
    leave_out : mapping of Window to set of str
        Detectors that must not run for a window.

    Raises
    ------
    LogError
        When the log cannot be looked at as a whole.
    """
    evaluator = Evaluator(
        recommender,
        announce,
        leave_out or {},
        stored=lambda limit: store.summaries(recommender.name, limit),
    )
    states = store.states(recommender.name)
    todo = due(recommender, states, now, evaluator.first_event() if not states else None)
    late = [s for s in to_look_at_again(recommender, states, now) if s.window not in todo.windows]
    again = {s.window: s for s in states if s.window in todo.windows}
    changed = {
        s.window: s for s in late if todo.windows and evaluator.has_more(s.window, s.files, s.rows, now)
    }
    horizon = min((s.window.start for s in late), default=None) if todo.windows else None
    torn = _torn(store.evaluations(recommender.name, since=horizon, with_findings=False)) if horizon else None
    begin = min([*changed, *todo.windows, *todo.skipped, *([torn] if torn else [])], default=None)
    if begin is None:
        return
    fold = _resumed(recommender, evaluator, store, begin)
    after = store.evaluations(
        recommender.name, since=begin.start
    )  # judged again when something before them changes
    by_window = {e.window: e for e in after}
    refold = False
    for window in sorted({*by_window, *todo.windows, *todo.skipped}):
        earlier, silent = by_window.get(window), window.end <= todo.silent_before
        refold = refold or window == torn
        if window in todo.skipped:
            why = "left out: the outage was longer than `catch_up`"
            skipped = _nothing(recommender, window, Status.SKIPPED, now, why)
            yield replace(skipped, open_incidents=fold.open_incidents)
        elif window in todo.windows or window in changed:
            attempt = (
                again[window].attempt + 1
                if window in again
                else changed[window].attempt + 1
                if window in changed
                else 1
            )
            spent = store.bytes_read(recommender.name, now.astimezone(UTC).date())
            read = evaluator.evaluate(window, now, spent)
            if (
                earlier is not None
                and not _grew(earlier, read.evaluation.read, recommender)
                and window in changed
            ):
                seen = _seen_again(earlier, read.evaluation)
                yield from [*_keep(fold, seen, refold, silent)] or [seen]
                continue
            refold = refold or (earlier is not None and read.measured is not None)
            judged = evaluator.judge(fold, read, silent=silent)
            late_rows = judged.read.rows - changed[window].rows if window in changed else 0
            yield replace(judged, attempt=attempt, read=replace(judged.read, rows_late=max(0, late_rows)))
        elif earlier is not None:
            yield from _keep(fold, earlier, refold, silent)


def backtest(
    recommender: RecommenderConfig, windows: Sequence[Window], announce: Announce = lambda progress: None
) -> Iterator[Evaluation]:
    """Evaluate windows of history, each as it would have been when it was due."""
    evaluator = Evaluator(recommender, announce, {}, keep_summary=False)
    fold = Fold(recommender, evaluator.configured)
    for window in windows:
        read = evaluator.evaluate(window, window.end + recommender.window.settle, 0)
        yield evaluator.judge(fold, read, silent=False)


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
        Statistics of the last windows that the store keeps; asked only when an incident opens.
    """

    def __init__(
        self,
        recommender: RecommenderConfig,
        announce: Announce,
        leave_out: Mapping[Window, frozenset[str]],
        keep_summary: bool = True,
        stored: Callable[[int], Mapping[Window, bytes]] = lambda limit: {},
    ) -> None:
        self.recommender = recommender
        self._stored = stored
        self._recent: dict[Window, Summary] = {}
        self.configured = build(recommender.detectors)
        self._announce, self._leave_out, self._keep_summary = announce, leave_out, keep_summary
        self._detectors = {name: c.detector for name, c in self.configured.items()}
        self._statistics = [s for d in self._detectors.values() for s in d.statistics]
        extra = [*recommender.slices, *([recommender.split_by] if recommender.split_by else [])]
        self._log = PredictionLog(recommender.log, tuple(dict.fromkeys(extra)))
        self._only = (
            (recommender.split_by, recommender.split_value)
            if recommender.split_by and recommender.split_value is not None
            else None
        )

    def first_event(self) -> datetime | None:
        span = self._log.span()
        return span[0] if span else None

    def has_more(self, window: Window, files: Sequence[FileSeen], rows: int, now: datetime) -> bool:
        """Whether files of a window changed since they were read, by their listing alone."""
        try:
            listing = self._log.files(window, now)
        except LogError:
            return False  # told where the log is read; what was found before stays
        return {(f.path, f.size, f.modified_us) for f in listing.files} != {
            (f.path, f.size, f.modified_us) for f in files
        }

    def evaluate(self, window: Window, now: datetime, spent_today: int) -> Read:
        """Read and measure one window."""
        self._announce(Progress(window, "read"))
        clock = time.perf_counter()
        quarantine = Quarantine()
        listing = Listing((), ())
        try:
            listing = self._log.files(window, now)
            cost = self._log.cost(listing.files, quarantine)
            reading = plan(listing.files, cost, window, self.recommender.budget, spent_today)
            summary = summarise(
                self._log,
                self.recommender,
                self._statistics,
                window,
                now,
                listing,
                reading,
                quarantine,
                only=self._only,
            )
        except (BudgetError, LogError) as error:
            status = Status.REFUSED if isinstance(error, BudgetError) else Status.FAILED
            seen = tuple(FileSeen(f.path, f.size, f.modified_us) for f in listing.files)
            report = ReadReport(files=seen, quarantined=quarantine.items, waiting=listing.waiting)
            failed = _nothing(self.recommender, window, status, now, str(error))
            return Read(replace(failed, read=report), None)
        read_at = time.perf_counter()
        items, no_catalog = self._catalog_size()
        has = available(self.recommender, summary.summary.has) - ({"catalog"} if no_catalog else set())
        found, failures = measure(
            summary, self._detectors, self._context(window, items), has, self._leave_out.get(window, frozenset()),
            lambda detector: self._announce(Progress(window, "measure", detector)),
        )  # fmt: skip
        measured = Measured(window, summary.summary.slices.texts, found, failures)
        evaluation = Evaluation(
            recommender=self.recommender.name,
            window=window,
            status=Status.EVALUATED if summary.read.rows else Status.NO_DATA,
            told_at=window.end + self.recommender.window.settle,
            evaluated_at=now,
            reason="" if summary.read.rows else _why_empty(summary.read, listing),
            read=summary.read,
            seconds={"read": read_at - clock, "measure": time.perf_counter() - read_at},
            failures=failures,
            cannot_measure=tuple(
                replace(c, why=c.why.replace(WHY["catalog"], no_catalog or WHY["catalog"]))
                for c in cannot_measure(self._detectors.values(), has, self.recommender.kind)
            ),
            summary=summary_to_bytes(summary.summary) if self._keep_summary else None,
        )
        return Read(evaluation, measured, summary.summary)

    def judge(self, fold: Fold, read: Read, *, silent: bool) -> Evaluation:
        """Judge a window that was read; one that could not be changes nothing."""
        if read.measured is None:
            return replace(read.evaluation, open_incidents=fold.open_incidents)
        self._announce(Progress(read.evaluation.window, "judge"))
        clock = time.perf_counter()
        window, summary = read.evaluation.window, read.summary

        def on_open(incident: Incident) -> Incident:
            return with_shares(incident, summary, self._before(window))

        findings, incidents = fold.step(
            read.measured, read.evaluation.told_at, silent=silent, on_open=on_open
        )
        self._recent[window] = summary
        while len(self._recent) > LOOK_BACK:
            del self._recent[min(self._recent)]
        seconds = {**read.evaluation.seconds, "judge": time.perf_counter() - clock}
        return replace(read.evaluation, findings=findings, open_incidents=incidents, seconds=seconds)

    def _before(self, window: Window) -> Iterator[Summary]:
        """Summaries of the last windows before one, from memory, else from the store."""
        for blob_window, blob in self._stored(LOOK_BACK).items():
            if blob_window not in self._recent:
                self._recent[blob_window] = summary_from_bytes(blob, self._statistics)
        yield from (s for w, s in self._recent.items() if w < window)

    def _catalog_size(self) -> tuple[int | None, str]:
        """Items of the catalogue, and why that is not known although there should be one."""
        if self.recommender.catalog is None:
            return None, ""
        try:
            return catalog_size(self.recommender.catalog), ""
        except LogError as error:
            return None, str(error)

    def _context(self, window: Window, items: int | None) -> Context:
        expected = self.recommender.expected
        day = window.start.date()
        return Context(
            window_us=(window.start_us, window.end_us),
            kind=self.recommender.kind.value,
            expected_positions=frozenset(expected.positions),
            expected_items=frozenset(i.item for i in expected.items if i.until is None or day <= i.until),
            catalog_size=items,
        )


def _resumed(recommender: RecommenderConfig, evaluator: Evaluator, store: Store, begin: Window) -> Fold:
    """The fold as it was before a window."""
    fold = Fold(recommender, evaluator.configured)
    fold.resume(
        sorted(
            store.evaluations(recommender.name, since=begin.start - REMEMBERED, until=begin.start),
            key=lambda e: e.window,
        )
    )
    return fold


def _torn(evaluations: Sequence[Evaluation]) -> Window | None:
    """The first window whose incidents do not go on from those before it: judging again was interrupted there."""
    for before, after in pairwise(sorted(evaluations, key=lambda e: e.window)):
        left = {i.id for i in before.open_incidents if i.open}
        came = {i.id for i in after.open_incidents if i.onset_at < after.window.start}
        if left != came:
            return after.window
    return None


def _seen_again(earlier: Evaluation, again: Evaluation) -> Evaluation:
    """A window that was read once more and hardly grew: its files are known now, and what reading them took."""
    if again.status not in (Status.EVALUATED, Status.NO_DATA):
        return earlier
    read = replace(earlier.read, files=again.read.files, bytes_read=again.read.bytes_read)
    return replace(earlier, read=read)


def _keep(fold: Fold, earlier: Evaluation, refold: bool, silent: bool) -> Iterator[Evaluation]:
    """Go on over a window that is as it was; judged again when something before it changed."""
    if not refold:
        fold.resume([earlier])
    elif earlier.status in (Status.EVALUATED, Status.NO_DATA):
        known = {i.id: i for i in earlier.open_incidents}

        def on_open(incident: Incident) -> Incident:  # with the shares that were looked up when it opened
            told = known.get(incident.id, incident)
            before, after = {**told.before, **incident.before}, {**told.after, **incident.after}
            return replace(incident, before=before, after=after)

        measured = Measured.of(earlier)
        findings, incidents = fold.step(measured, earlier.told_at, silent=silent, on_open=on_open)
        yield replace(earlier, findings=findings, open_incidents=incidents)
    else:
        yield replace(earlier, open_incidents=fold.open_incidents)


def _grew(earlier: Evaluation, read: ReadReport, recommender: RecommenderConfig) -> bool:
    return read.rows > earlier.read.rows * (1 + recommender.window.late_share)


def _nothing(
    recommender: RecommenderConfig, window: Window, status: Status, now: datetime, why: str
) -> Evaluation:
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


def split_values(recommender: RecommenderConfig, now: datetime) -> tuple[str, ...]:
    """The values of the `split_by` column in the newest window that is due, sorted."""
    column = recommender.split_by
    if column is None:
        return ()
    log = PredictionLog(recommender.log, (column,))
    window = Window.containing(
        now - recommender.window.settle - recommender.window.length, recommender.window.length
    )
    quarantine = Quarantine()
    listing = log.files(window, now)
    log.cost(listing.files, quarantine)
    found: set[str] = set()
    for file in listing.files:
        for table in log.read(file, quarantine):
            if column in table.column_names:
                found |= {str(v) for v in table.column(column).unique().to_pylist() if v not in (None, "")}
    return tuple(sorted(found))
