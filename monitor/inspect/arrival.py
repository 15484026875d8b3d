"""When the rows of a sample arrived: how late files land, and whether folders are named by it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from monitor.inspect import rhythm
from monitor.inspect.rhythm import Landing, Lateness
from monitor.inspect.sample import Sample
from monitor.inspect.survey import Survey
from monitor.logs.log import PLAUSIBLE
from monitor.windows import EPOCH


def landing(surveyed: Survey, sample: Sample, times: NDArray[np.int64]) -> Landing:
    """How long after their last event files come; `times` of each row, in microseconds."""
    newest, modified = [], []
    for file in sample.files:
        if file.complete and file.end > file.first:
            newest.append(int(times[file.first : file.end].max()))
            modified.append(file.picked.file.modified_us)
    return rhythm.landing(newest, modified) if not surveyed.single else Landing(None)


def lateness(sample: Sample, times: NDArray[np.int64]) -> Lateness | None:
    """How far the rows lie in the folders of their time; None where folders say none."""
    parts = []
    for file in sample.files:
        if file.picked.start is None or file.picked.end is None:
            continue
        at = times[file.first : file.end]
        at = at[(at >= PLAUSIBLE[0]) & (at < PLAUSIBLE[1])]
        bounds = [
            (moment - EPOCH) // timedelta(microseconds=1) for moment in (file.picked.start, file.picked.end)
        ]
        parts.append((at, np.full(len(at), bounds[0]), np.full(len(at), bounds[1])))
    if not parts:
        return None
    return rhythm.lateness(*(np.concatenate([p[i] for p in parts]) for i in range(3)))
