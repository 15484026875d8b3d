"""What judgement remembers of the findings of a window: which of their rows, in which series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.cells import parse_slice
from detectors.core.measurement import Measure, Unit
from detectors.judgement.judged import kind_of
from detectors.judgement.past import Past
from monitor.findings import Findings
from monitor.windows import Window

DECIDED_BY_ROLLOUTS = (Unit.REQUESTS, Unit.ROWS, Unit.USERS, Unit.SECONDS)  # by slice of the model version

Rows = tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.bool_]]


class Remembered:
    """Findings of windows in order, as the past of what is judged.

    Parameters
    ----------
    past : Past
        Grows with every window.
    measures : mapping of full name to Measure
        Others are not remembered.
    version : str or None
        The column of the model version.
    """

    def __init__(self, past: Past, measures: Mapping[str, Measure], version: str | None) -> None:
        self._past, self._measures, self._version = past, measures, version
        self._last: tuple[tuple[Any, ...], Rows] | None = None

    def add(self, window: Window, findings: Findings) -> None:
        """Remember a window."""
        c = findings.columns
        rows, series, decided = self._rows(findings)
        excluded = c["excluded"][rows].astype(bool) | decided
        numbers = (c["value"][rows], c["error"][rows], excluded, c["expected"][rows])
        self._past.remember(window.start_us, series, *numbers)

    def decided(self, measure: Measure, slices: Sequence[str]) -> NDArray[np.bool_]:
        """How much traffic a model version gets, and when, is somebody's decision: whether each slice shows it."""
        if measure.unit not in DECIDED_BY_ROLLOUTS:
            return np.zeros(len(slices), bool)
        return _with_column(self._version, tuple(slices))

    def _rows(self, findings: Findings) -> Rows:
        """Rows that are remembered, their series, and which were decided; those of the window before, if alike."""
        c = findings.columns
        layout = findings.slices, findings.measures, c["slice"].tobytes(), c["measure"].tobytes()
        if self._last is not None and self._last[0] == layout:
            return self._last[1]
        parts: list[Rows] = [(np.empty(0, np.intp), np.empty(0, np.int64), np.empty(0, bool))]
        order = np.argsort(c["measure"], kind="stable")
        bounds = np.searchsorted(c["measure"][order], np.arange(len(findings.measures) + 1))
        for m, name in enumerate(findings.measures):
            if (measure := self._measures.get(name)) is not None:
                at = order[bounds[m] : bounds[m + 1]]
                slices = [findings.slices[s] for s in c["slice"][at].tolist()]
                series = self._past.columns(name, slices, kind_of(measure))
                # Steps of a roll-out say nothing of how far traffic strays by itself, which all slices share.
                parts.append((at, series, self.decided(measure, slices)))
        rows, columns, decided = zip(*parts, strict=True)
        self._last = layout, (np.concatenate(rows), np.concatenate(columns), np.concatenate(decided))
        return self._last[1]


@lru_cache(maxsize=64)  # most measures have the same slices, window after window
def _with_column(column: str | None, slices: tuple[str, ...]) -> NDArray[np.bool_]:
    """Which slices are of one value of a column."""
    out = np.array([column in parse_slice(text) for text in slices], bool)
    out.setflags(write=False)
    return out
