"""History gone through window by window, as a worker does it: it goes on where the worker before it was stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from monitor.config.models import RecommenderConfig
from monitor.cycle import backtest
from monitor.errors import LogError, UserError
from monitor.evaluation import Evaluation
from monitor.evaluator import Announce
from monitor.incidents.rebaseline import Rebaseline
from monitor.logs import PredictionLog
from monitor.store import Store
from monitor.windows import Window, windows_between


def windows_of_history(
    recommender: RecommenderConfig, begin: datetime | None, end: datetime | None
) -> tuple[Window, ...]:
    """The windows from `begin` to `end`; by default from the log's first event to its last.

    Raises
    ------
    UserError
        When the log cannot be looked at, or it holds no events and does not have to say both.
    """
    try:
        span = PredictionLog(recommender.log).span()
    except LogError as error:
        raise UserError(f"{recommender.name}: {error}") from error
    length = recommender.window.length
    if span is not None:
        begin = begin or Window.containing(span[0], length).start
        end = end or Window.containing(span[1], length).end
    if begin is None or end is None:
        raise UserError(f"{recommender.name}: {recommender.log.path} holds no events: say --from and --to")
    return tuple(windows_between(begin, end, length))


def run_history(
    recommender: RecommenderConfig,
    store: Store,
    now: datetime,
    *,
    announce: Announce,
    leave_out: Mapping[Window, frozenset[str]],
    windows: Sequence[Window],
    rebaselines: Sequence[Rebaseline] = (),
) -> Iterator[Evaluation]:
    """A cycle over windows of history, each judged as it would have been when it was due.

    Parameters
    ----------
    store : Store
        Of this history alone; what it has is done. Read only.
    """
    yield from backtest(recommender, windows, announce, rebaselines, store=store, leave_out=leave_out)
