"""Whether a configuration and its log agree: the log is there, and its columns too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from detectors.core.batch import column_key
from monitor.config.models import Columns, RecommenderConfig
from monitor.config.problems import shown, suggestion
from monitor.detector_settings import build
from monitor.errors import LogError
from monitor.logs import LogFile, PredictionLog, Quarantine
from monitor.own.columns import of_log
from monitor.windows import EPOCH, Window

DAY = timedelta(days=1)
LOOKED_AT = 5  # files whose columns are looked up
Keys = tuple[str | int, ...]


@dataclass(frozen=True, eq=False)
class OpenedLog:
    """A recommender's log, and a day of it to look at.

    Parameters
    ----------
    day : Window
        The newest complete day, else the newest there is.
    complete : bool
    found : frozenset of str
        Roles, slices and `split_by` that the log has.
    """

    log: PredictionLog
    first: datetime
    last: datetime
    day: Window
    complete: bool
    files: tuple[LogFile, ...]
    found: frozenset[str]

    @property
    def now(self) -> datetime:
        """A moment at which all of the day had come."""
        return max(self.last, self.day.end) + DAY


def open_log(recommender: RecommenderConfig) -> OpenedLog:
    """Open a log and look at its newest complete day; no rows are read, but footers.

    Raises
    ------
    LogError
        When there is nothing to be read.
    """
    configured = build(recommender.detectors, recommender.detector_files)
    own = of_log(c.detector for c in configured.values())
    log = PredictionLog(recommender.log, other_columns(recommender), own)
    span = log.span()
    if span is None:
        log.files(Window(EPOCH, EPOCH + DAY), EPOCH + DAY)  # says what is wrong with the place
        raise LogError(f"{recommender.log.path}: holds no row with a time in the years 2000 to 2099")
    day, complete = newest_day(*span)
    files = log.files(day, max(span[1], day.end) + DAY).files
    found = log.columns_found(spread(files))
    columns = {f"column {path}" for path, kind in own if column_key(path, kind) in found}
    return OpenedLog(log, *span, day, complete, files, frozenset(found) | columns)


def other_columns(recommender: RecommenderConfig) -> tuple[str, ...]:
    """Columns beside the roles that an evaluation reads."""
    split = (recommender.split_by,) if recommender.split_by else ()
    return tuple(dict.fromkeys([*recommender.slices, *split]))


def newest_day(first: datetime, last: datetime) -> tuple[Window, bool]:
    """The newest day (UTC) that the log has all of, and whether there is one.

    >>> from datetime import UTC
    >>> day, complete = newest_day(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 9, 12, tzinfo=UTC))
    >>> day.start.isoformat(), complete
    ('2026-03-08T00:00:00+00:00', True)
    """
    newest = Window.containing(last, DAY)
    if newest.end - last < DAY / 24 and first - newest.start < DAY / 24:
        return newest, True
    before = Window(newest.start - DAY, newest.start)
    return (before, True) if first - before.start < DAY / 24 else (newest, False)


def spread(files: Sequence[LogFile]) -> list[LogFile]:
    """A few of the files, the last one among them."""
    if len(files) <= LOOKED_AT:
        return list(files)
    return [files[i * (len(files) - 1) // (LOOKED_AT - 1)] for i in range(LOOKED_AT)]


def disagreements(recommender: RecommenderConfig, opened: OpenedLog) -> Iterator[tuple[Keys, str]]:
    """What the configuration says and the log does not have: keys below the recommender, and what to do."""
    if not opened.files:
        yield ("log", "path"), f"holds no file for {opened.day.start:%Y-%m-%d}, its newest day"
        return
    fields = opened.log.fields(spread(opened.files)[-1])
    columns = recommender.log.columns
    for role in Columns.model_fields:
        path = getattr(columns, role)
        if path is not None and role not in opened.found:
            yield ("log", "columns", role), f"the log has no column {shown(path)}; {suggestion(path, fields)}"
    for index, path in enumerate(recommender.slices):
        if not _has(path, columns, opened.found):
            yield ("slices", index), f"the log has no column {shown(path)}; {suggestion(path, fields)}"
    split = recommender.split_by
    if split is not None and not _has(split, columns, opened.found):
        yield ("split_by",), f"the log has no column {shown(split)}; {suggestion(split, fields)}"
    if columns.timestamp and {"timestamp", "item"} <= opened.found:
        quarantine = Quarantine()
        cost = opened.log.cost(spread(opened.files), quarantine)
        if not cost.per_file and quarantine.items:
            broken = quarantine.items[0]
            yield ("log",), f"no file can be used; {broken.path}: {broken.reason}"


def _has(path: str, columns: Columns, found: frozenset[str]) -> bool:
    """An extra column goes by its own name, unless it plays a part as well."""
    return path in found or any(
        getattr(columns, role) == path and role in found for role in Columns.model_fields
    )


def day_windows(day: Window, length: timedelta) -> list[Window]:
    """Windows that begin on the day; the one that holds its end when windows are longer."""
    if length >= DAY:
        return [Window.containing(day.end - timedelta(microseconds=1), length)]
    n = (day.end - day.start) // length
    start = EPOCH + (day.start - EPOCH) // length * length
    return [Window(start + i * length, start + (i + 1) * length) for i in range(n)]
