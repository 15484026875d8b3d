"""A change that is meant: from when on what was before it no longer counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Anew:
    """A change that is meant: what is expected of some series is formed anew from then on.

    Inside [start, end) only what was there counts, what was seen as trouble included; after it, what was before it.

    Parameters
    ----------
    covers : callable of (full measure name, slice)
        Whether a series is among them.
    start_us : int
    end_us : int or None
        None: it is for good.
    judged_us : int
        Start of the last window that had been judged when it became known: it changes what is expected of later ones.
    """

    covers: Callable[[str, str], bool]
    start_us: int
    end_us: int | None
    judged_us: int

    def begun(self, start_us: int) -> bool:
        """Whether it counts for the window that starts then."""
        return start_us >= self.start_us and start_us > self.judged_us

    def over(self, start_us: int) -> bool:
        return self.end_us is not None and start_us >= self.end_us
