"""Rows whose time is not one that their file can hold: whose clocks are wrong, in which part of the traffic."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from detectors.core.batch import Batch
from detectors.core.statistic import Statistic
from detectors.core.summary import Run, Summary
from detectors.statistics.missing import MISPLACED, Missing
from monitor.engine.assemble import assemble
from monitor.engine.chunk import Chunk
from monitor.engine.slicing import SliceValues
from monitor.logs import Period
from monitor.windows import Window


@dataclass
class MisplacedRows:
    """Counts them while a window is read; they are of no other window either, and in none of its other statistics.

    Parameters
    ----------
    window : Window
    has : frozenset of str
        Roles that the log has.
    kinds : tuple of Statistic types
        What is wanted of the window: nothing is counted unless `Missing` is.
    """

    window: Window
    has: frozenset[str]
    kinds: tuple[type[Statistic], ...]
    run: Run
    summary: Summary | None = None

    def add(self, chunk: Chunk, can_be: Period | None, values: SliceValues) -> SliceValues:
        """Count those of a chunk.

        Parameters
        ----------
        can_be : Period or None
            When the rows of its file can be; None where nothing says it.
        values : SliceValues
            What the slice columns have so far.

        Returns
        -------
        SliceValues
            With those of this chunk, where they were needed.
        """
        if can_be is None or Missing not in self.kinds:
            return values
        start, end = self.window.start_us, self.window.end_us
        odd = (chunk.time < can_be.earliest) | (chunk.time >= can_be.latest)
        odd &= (chunk.time < start) | (chunk.time >= end)
        if not odd.any():
            return values
        # A file of a day is read for each of its hours: each takes its part of what is wrong.
        if end - start < can_be.length:
            odd &= chunk.request < np.uint64((end - start) / can_be.length * 2.0**64)
        values = values.admit([chunk])
        rows = assemble([chunk.take(odd)], values, self.has)
        found = Summary.of(_as_missing(rows), [Missing], run=self.run)
        self.summary = found if self.summary is None else Summary.merge_all([self.summary, found], self.run)
        return values


def _as_missing(batch: Batch) -> Batch:
    """No rows but those that lack a time, by cell."""
    rows = np.bincount(batch.cell, batch.length, len(batch.cells)).astype(np.int64)
    nothing = batch.select(np.zeros(batch.n_requests, bool))
    return replace(nothing, missing={MISPLACED: rows + batch.repeated})
