"""Windows that a judge is to remember, by measure and slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from detectors.judgement.judge import Judge

Row = tuple[Sequence[str], Any, Any, Any, Any]  # slices, and of each: value, error, excluded, expected


def remember(judge: Judge, start_us: int, rows: Mapping[tuple[str, int], Row]) -> None:
    """Add a window to the past of a judge, as the fold does; rows by full name and kind of measure."""
    series = [judge.past.columns(name, row[0], kind) for (name, kind), row in rows.items()]
    numbers = zip(*(row[1:] for row in rows.values()), strict=True)
    judge.past.remember(start_us, np.concatenate(series), *map(np.concatenate, numbers))
