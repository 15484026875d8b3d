"""One evaluation cycle of one recommender, from the log to judged windows: the way through, top to bottom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from monitor.batches import Batches
from monitor.config.models import RecommenderConfig
from monitor.evaluation import Evaluation, OutcomesState, ReadReport, Status
from monitor.evaluator import LOOK_BACK, Announce, Evaluator, is_troubled, nothing
from monitor.fold import Fold
from monitor.incidents.incident import Incident
from monitor.incidents.rebaseline import Rebaseline
from monitor.measured import Measured
from monitor.schedule import due, to_look_at_again
from monitor.store import Store
from monitor.windows import Window

REMEMBERED = timedelta(days=15)  # of judged windows a fold is resumed from: what the judge looks back on


def run_cycle(
    recommender: RecommenderConfig,
    store: Store,
    now: datetime,
    *,
    announce: Announce = lambda progress: None,
    leave_out: Mapping[Window, frozenset[str]] | None = None,
) -> Iterator[Evaluation]:
    """Evaluate in window order everything that is due as of `now`.

    Changes that are meant are those known when it begins; each evaluation says how many there were. The caller
    commits each evaluation (`Store.record`) before it asks for the next one.

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
    rebaselines = store.rebaselines(recommender.name)
    for evaluation in _cycle(recommender, store, now, announce, leave_out or {}, rebaselines):
        yield replace(evaluation, rebaselines=len(rebaselines))


def _cycle(
    recommender: RecommenderConfig,
    store: Store,
    now: datetime,
    announce: Announce,
    leave_out: Mapping[Window, frozenset[str]],
    rebaselines: Sequence[Rebaseline],
) -> Iterator[Evaluation]:
    evaluator = Evaluator(
        recommender,
        announce,
        leave_out,
        stored=lambda window: store.summary(recommender.name, window),
        troubled=_troubled(store, recommender, now - REMEMBERED),
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
    fold = _resumed(recommender, evaluator, store, begin, rebaselines)
    after = store.evaluations(
        recommender.name, since=begin.start
    )  # judged again when something before them changes
    by_window = {e.window: e for e in after}
    refold, measured_anew_until = False, begin.start
    for window in sorted({*by_window, *todo.windows, *todo.skipped}):
        earlier, silent = by_window.get(window), window.end <= todo.silent_before
        if window == torn:
            refold, measured_anew_until = True, window.start + LOOK_BACK
        if window in todo.skipped:
            why = "left out: the outage was longer than `catch_up`"
            skipped = nothing(recommender, window, Status.SKIPPED, now, why)
            yield replace(skipped, open_incidents=fold.carry(window, skipped.told_at))
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
            if earlier is not None and read.measured is not None:
                refold, measured_anew_until = True, window.start + LOOK_BACK
            judged = evaluator.judge(fold, read, silent=silent)
            late_rows = judged.read.rows - changed[window].rows if window in changed else 0
            yield replace(judged, attempt=attempt, read=replace(judged.read, rows_late=max(0, late_rows)))
        elif earlier is not None:
            # Detectors look back at the windows of the day before: where one of those changed, they measure again.
            looks_back = refold and window.start <= measured_anew_until and earlier.status is Status.EVALUATED
            if looks_back:
                spent = store.bytes_read(recommender.name, now.astimezone(UTC).date())
                read = evaluator.evaluate(window, now, spent)
                if read.measured is not None:
                    judged = evaluator.judge(fold, read, silent=silent)
                    yield replace(judged, attempt=earlier.attempt, evaluated_at=earlier.evaluated_at)
                    continue
            yield from _keep(fold, earlier, refold, silent)


def backtest(
    recommender: RecommenderConfig,
    windows: Sequence[Window],
    announce: Announce = lambda progress: None,
    rebaselines: Sequence[Rebaseline] = (),
    *,
    store: Store | None = None,
    leave_out: Mapping[Window, frozenset[str]] | None = None,
) -> Iterator[Evaluation]:
    """Evaluate windows of history, each as it would have been when it was due.

    Parameters
    ----------
    store : Store, optional
        What is in it was evaluated before: it goes on from there. The caller commits each evaluation, with its
        statistics, before it asks for the next one. Read only.
    """
    name, left_out = recommender.name, leave_out or {}
    if store is None:
        evaluator = Evaluator(recommender, announce, left_out, keep_summary=False)
        fold = Fold(recommender, evaluator.configured)
        fold.learn(rebaselines)
    else:
        done = {state.window for state in store.states(name)}
        windows = [window for window in windows if window not in done]
        if not windows:
            return
        since = windows[0].start - REMEMBERED
        evaluator = Evaluator(
            recommender,
            announce,
            left_out,
            stored=lambda window: store.summary(name, window),
            troubled=_troubled(store, recommender, since),
        )
        fold = _resumed(recommender, evaluator, store, windows[0], rebaselines)
    for window in windows:
        read = evaluator.evaluate(window, window.end + recommender.window.settle, 0)
        yield evaluator.judge(fold, read, silent=False)


def _troubled(store: Store, recommender: RecommenderConfig, since: datetime) -> set[Window]:
    known, batches = (
        store.evaluations(recommender.name, since=since, with_findings=False),
        Batches(recommender),
    )
    return {e.window for e in known if is_troubled(e, batches)}


def _resumed(
    recommender: RecommenderConfig,
    evaluator: Evaluator,
    store: Store,
    begin: Window,
    rebaselines: Sequence[Rebaseline],
) -> Fold:
    """The fold as it was before a window."""
    fold = Fold(recommender, evaluator.configured)
    fold.learn(rebaselines)
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
        came = {i.id for i in after.open_incidents if i.opened_at < after.told_at}
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
        yield replace(earlier, open_incidents=fold.carry(earlier.window, earlier.told_at))


def _grew(earlier: Evaluation, read: ReadReport, recommender: RecommenderConfig) -> bool:
    """Whether late rows change the window; of outcomes also when they could not be had before."""
    by = 1 + recommender.window.late_share
    if read.rows > earlier.read.rows * by:
        return True
    before, now = earlier.read.outcomes, read.outcomes
    if before is None or now is None or now.state is not OutcomesState.READ:
        return False
    return before.state is not OutcomesState.READ or (
        now.rows / now.sampling_rate > before.rows / before.sampling_rate * by
    )
