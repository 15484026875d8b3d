"""The daemon's own log: logfmt or JSON on stderr, in UTC, safe to print, never a flood.

Values may come from a prediction log, so they cannot break a line, colour a terminal or go on for ever. What
is logged never names a user: exceptions that recwatch did not raise on purpose are logged as their type and
place, without their text.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO, cast

import structlog

from monitor.errors import describe

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
LONGEST_VALUE = 500
REPEAT_SECONDS = 10.0
FIRST_KEYS = ("time", "level", "msg", "component")
QUIET = dict.fromkeys(("apscheduler", "asyncio", "uvicorn"), logging.WARNING)

EventDict = MutableMapping[str, Any]


class LogCounts:
    """Messages by level since the start, of those that the level lets through; repeats are counted too."""

    def __init__(self) -> None:
        self.by_level = dict.fromkeys(LEVELS, 0)

    def __call__(self, logger: object, method: str, event: EventDict) -> EventDict:
        self.by_level[event["level"]] += 1
        return event


class RepeatLimit:
    """Lets a message out once in `seconds`; the next one says how often it was repeated in between.

    Messages are the same when their level, text, component and recommender are.
    """

    def __init__(
        self, seconds: float = REPEAT_SECONDS, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds, self._monotonic = seconds, monotonic
        self._seen: dict[tuple[str, ...], tuple[float, int]] = {}

    def __call__(self, logger: object, method: str, event: EventDict) -> EventDict:
        key = tuple(str(event.get(name)) for name in ("level", "event", "component", "recommender"))
        now = self._monotonic()
        since, repeated = self._seen.get(key, (now - self._seconds, 0))
        if now - since < self._seconds:
            self._seen[key] = (since, repeated + 1)
            raise structlog.DropEvent
        if len(self._seen) >= 1000:  # texts with values in them must not pile up
            self._seen = {k: v for k, v in self._seen.items() if now - v[0] < self._seconds or v[1]}
            if len(self._seen) >= 1000:
                self._seen.clear()
        self._seen[key] = (now, 0)
        if repeated:
            event["repeated"] = repeated
        return event


def printable(text: str, longest: int = LONGEST_VALUE) -> str:
    r"""The text, cut to `longest`, without what could end a line, steer a terminal or fail to encode.

    >>> printable("two\nlines \x1b[31m")
    'two\\nlines \\x1b[31m'
    """
    if len(text) > longest:
        text = text[:longest] + "..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _time(logger: object, method: str, event: EventDict) -> EventDict:
    event["time"] = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return event


def _exception(logger: object, method: str, event: EventDict) -> EventDict:
    """Replace exception information by its description: a traceback's text may hold a row of the log."""
    info = event.pop("exc_info", None)
    event.pop("stack_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = describe(error)
    return event


def _safe(logger: object, method: str, event: EventDict) -> EventDict:
    event["msg"] = event.pop("event", "")
    safe: EventDict = {}
    for key, value in event.items():
        name = "".join(c if c.isalnum() or c in "_." else "_" for c in key)
        if isinstance(value, datetime):
            value = value.isoformat()
        elif isinstance(value, BaseException):
            value = describe(value)
        safe[name] = value if isinstance(value, int | float | bool | None) else printable(str(value))
    return safe


def _first_keys(logger: object, method: str, event: EventDict) -> EventDict:
    ordered = {name: event.pop(name) for name in FIRST_KEYS if name in event}
    return {**ordered, **event}


class _Stderr:
    """Whatever is standard error at the moment of writing."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class _Forward(logging.Handler):
    """Sends what libraries log through the same processors."""

    def emit(self, record: logging.LogRecord) -> None:
        level = next((name for name, number in LEVELS.items() if record.levelno <= number), "error")
        getattr(logger(record.name), level)(record.getMessage(), exc_info=record.exc_info)


def setup(
    form: Literal["logfmt", "json"] = "logfmt",
    level: str = "info",
    stream: TextIO | None = None,
    *,
    limit: RepeatLimit | None = None,
) -> LogCounts:
    """Send everything that this process logs to `stream` (stderr), one line a message.

    Returns
    -------
    LogCounts
        Counts by level, for the metric.
    """
    counts = LogCounts()
    _configure(form, level, stream or _Stderr(), counts, limit or RepeatLimit())
    root = logging.getLogger()
    root.handlers[:] = [_Forward()]
    root.setLevel(LEVELS[level])
    for name, quietest in QUIET.items():
        logging.getLogger(name).setLevel(max(quietest, LEVELS[level]))
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    return counts


def logger(component: str) -> Any:
    """The log of one part of recwatch; before any `setup`, warnings and errors go to stderr in logfmt."""
    if not structlog.is_configured():
        _configure("logfmt", "warning", _Stderr(), LogCounts(), RepeatLimit())
    return structlog.get_logger(component=component)


def _configure(
    form: str, level: str, stream: TextIO | _Stderr, counts: LogCounts, limit: RepeatLimit
) -> None:
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.processors.LogfmtRenderer(bool_as_flag=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            counts,
            limit,
            _time,
            _exception,
            _safe,
            _first_keys,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, stream)),
        cache_logger_on_first_use=False,
    )
