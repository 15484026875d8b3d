"""Windows of event time: half-open, in UTC, aligned to the epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, order=True)
class Window:
    """The interval [start, end) of event time, the unit of evaluation.

    >>> from datetime import timedelta
    >>> w = Window.containing(datetime(2026, 3, 2, 5, 30, tzinfo=UTC), timedelta(hours=1))
    >>> w.start.isoformat(), w.end.isoformat()
    ('2026-03-02T05:00:00+00:00', '2026-03-02T06:00:00+00:00')
    """

    start: datetime
    end: datetime

    @classmethod
    def containing(cls, moment: datetime, length: timedelta) -> Window:
        """The aligned window of that length in which `moment` lies."""
        start = EPOCH + (moment - EPOCH) // length * length
        return cls(start, start + length)

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    @property
    def start_us(self) -> int:
        """Start in microseconds since the epoch, as logs count."""
        return (self.start - EPOCH) // timedelta(microseconds=1)

    @property
    def end_us(self) -> int:
        return (self.end - EPOCH) // timedelta(microseconds=1)


def windows_between(first: datetime, last: datetime, length: timedelta) -> Iterator[Window]:
    """Aligned windows that start at or after `first` and end at or before `last`, in order."""
    window = Window.containing(first, length)
    if window.start < first:
        window = Window(window.end, window.end + length)
    while window.end <= last:
        yield window
        window = Window(window.end, window.end + length)
