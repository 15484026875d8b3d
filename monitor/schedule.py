"""Which windows are due: from what the store has and the clock, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.config.models import RecommenderConfig
from monitor.evaluation import Status
from monitor.store.rows import WindowState
from monitor.windows import EPOCH, Window, windows_between

RETRIES = 5
FIRST_RETRY = timedelta(minutes=1)  # doubled each time


@dataclass(frozen=True)
class Due:
    """What an evaluation cycle has to do.

    Parameters
    ----------
    windows : tuple of Window
        To evaluate, in order.
    skipped : tuple of Window
        Older than a bounded catch-up reaches: to be recorded as skipped, in their place in the order.
    silent_before : datetime
        Windows that end by then are replayed history: nobody is told of what is found in them, nor when they are
        judged again.
    """

    windows: tuple[Window, ...] = ()
    skipped: tuple[Window, ...] = ()
    silent_before: datetime = EPOCH


def due(
    recommender: RecommenderConfig, states: Sequence[WindowState], now: datetime, first_event: datetime | None
) -> Due:
    """The windows to evaluate as of `now`.

    Parameters
    ----------
    states : sequence of WindowState
        What the store has of this recommender.
    first_event : datetime or None
        Where the log begins; None when it holds nothing.
    """
    settings = recommender.window
    last = now - settings.settle
    known = {s.window: s for s in states}
    if not known:
        begin = last - settings.replay
        if first_event is not None:
            begin = max(begin, Window.containing(first_event, settings.length).start)
        newest = Window.containing(last - settings.length, settings.length)
        replayed = list(windows_between(min(begin, newest.start), last, settings.length))
        return Due(tuple(replayed), silent_before=replayed[-1].start if replayed else now)
    # Windows later than the clock allows were stored before it was set back: they say nothing of what is due.
    newest_known = max((w.end for w in known if w.end <= last), default=last - settings.replay)
    # The first window was stored when the replay began; one that was interrupted goes on up to that moment.
    replay_end = min(min(s.evaluated_at for s in states) - settings.settle, last)
    replayed = list(windows_between(newest_known, replay_end, settings.length))
    caught_up = replayed[-1].end if replayed else newest_known
    fresh = [w for w in windows_between(caught_up, last, settings.length) if w not in known]
    again = [s.window for s in states if _to_retry(s, now, settings.lateness)]
    reach = settings.catch_up
    skipped, fresh = (fresh[:-reach], fresh[-reach:]) if len(fresh) > reach else ([], fresh)
    silent_before = Window.containing(replay_end - settings.length, settings.length).start
    return Due(tuple(sorted({*again, *replayed, *fresh})), tuple(skipped), silent_before)


def next_due(recommender: RecommenderConfig, states: Sequence[WindowState], now: datetime) -> bool:
    """Whether a cycle would have anything to do; never looks at the log."""
    if not states:
        return True
    found = due(recommender, states, now, None)
    return bool(found.windows or found.skipped)


def to_look_at_again(
    recommender: RecommenderConfig, states: Sequence[WindowState], now: datetime
) -> list[WindowState]:
    """Evaluations whose windows may still get late rows, in order."""
    horizon = now - recommender.window.lateness
    looked_at = (Status.EVALUATED, Status.NO_DATA)
    return sorted(
        (s for s in states if s.window.end > horizon and s.status in looked_at), key=lambda s: s.window
    )


def _to_retry(state: WindowState, now: datetime, lateness: timedelta) -> bool:
    """A window that could not be read is tried again, less and less often, while late rows would be looked for."""
    if state.status is not Status.FAILED or state.attempt > RETRIES or state.window.end <= now - lateness:
        return False
    return now >= state.evaluated_at + FIRST_RETRY * 2 ** (state.attempt - 1)
