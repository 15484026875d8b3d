"""What a window is compared with where no expectation from history will do: windows of the day before."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.core.detector import Context, Earlier
from detectors.statistics.item_counts import ANYWHERE, ItemCounts


def untroubled(context: Context, rows: int) -> Iterator[Earlier]:
    """Windows of the day before without an incident that pages, the oldest first, until they have so many rows.

    The oldest is that of the same hour yesterday. It is also the one that trouble of which nobody has been told yet
    reaches last.

    Parameters
    ----------
    rows : int
        No further windows are looked at once those before have this many.
    """
    seen = 0
    for window in reversed(list(context.earlier())):
        if window.troubled:
            continue
        shown = int(window.summary[ItemCounts].counts[:, ANYWHERE].sum())
        if shown:
            yield window
        seen += shown
        if seen >= rows:
            return
