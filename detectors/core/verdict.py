"""What is said of a measurement: five different things, of which the last three are never "ok"."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Verdict(IntEnum):
    """The judgement of one measurement in one slice and window.

    The numbers are stored and exported, so they never change.
    """

    OK = 0
    BREACH = 1
    NO_DATA = 2
    TOO_FEW = 3
    ERROR = 4

    @property
    def decided(self) -> bool:
        """Whether anything was found out, either way."""
        return self in (Verdict.OK, Verdict.BREACH)


class Severity(StrEnum):
    """How loud a breach is: a page wakes somebody, a ticket waits for the morning."""

    TICKET = "ticket"
    PAGE = "page"
