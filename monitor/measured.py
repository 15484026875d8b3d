"""What the detectors measured of one window, before it is judged and, as findings, after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.cells import WHOLE
from detectors.core.hashing import distinct
from detectors.core.measurement import Measure, Measurement
from detectors.core.verdict import Verdict
from detectors.judgement.judged import Judged
from monitor.evaluation import Evaluation
from monitor.findings import COLUMNS, Findings
from monitor.windows import Window


@dataclass(frozen=True)
class Measured:
    """What the detectors measured of one window, before it is judged.

    Parameters
    ----------
    slices : tuple of str
        Canonical texts, "all" first.
    found : tuple of (full name, Measurement)
    failures : mapping of detector to text
        Detectors that raised or were left out.
    """

    window: Window
    slices: tuple[str, ...] = (WHOLE,)
    found: tuple[tuple[str, Measurement], ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, evaluation: Evaluation) -> Measured:
        """Read back from a stored evaluation, to judge it again."""
        findings = evaluation.findings
        c = findings.columns
        rows_of = {
            name: np.flatnonzero(c["measure"] == m)
            for m, name in enumerate(findings.measures)
            if name.partition(".")[0] not in evaluation.failures
        }
        here = np.ones(len(findings.slices), bool)  # a slice that was gone has its traffic alone
        for rows in rows_of.values():
            here &= np.isin(np.arange(len(here)), c["slice"][rows])
        number = np.where(here, np.cumsum(here) - 1, -1)
        found = []
        for name, rows in rows_of.items():
            rows = rows[here[c["slice"][rows]]]
            at = number[c["slice"][rows]]
            arrays = {k: np.empty(len(rows)) for k in ("value", "error", "n")}
            for k, array in arrays.items():
                array[at] = c[k][rows]
            evidence = {
                int(s): findings.evidence[int(r)]
                for s, r in zip(at, rows, strict=True)
                if int(r) in findings.evidence
            }
            found.append((name, Measurement(name, **arrays, evidence=partial(_of_slice, evidence))))
        slices = tuple(text for text, is_here in zip(findings.slices, here, strict=True) if is_here)
        return cls(evaluation.window, slices or (WHOLE,), tuple(found), evaluation.failures)


def _of_slice(evidence: Mapping[int, Mapping[str, Any]], s: int) -> Mapping[str, Any]:
    return evidence.get(s, {})


def as_stored(found: Sequence[Measurement]) -> list[Measurement]:
    """In the precision in which they are stored: judged again, they are judged the same."""

    def rounded(numbers: NDArray[np.float64], column: str) -> NDArray[np.float64]:
        return numbers.astype(COLUMNS[column], copy=False).astype(float, copy=False)

    with np.errstate(over="ignore"):
        return [
            Measurement(
                m.measure, rounded(m.value, "value"), rounded(m.error, "error"), rounded(m.n, "n"), m.evidence
            )
            for m in found
        ]


def evidence_of(measurement: Measurement, measured: Measured, text: str) -> Mapping[str, Any]:
    if measurement.evidence is None or text not in measured.slices:
        return {}
    return dict(measurement.evidence(measured.slices.index(text)))


def findings_of(
    named: Sequence[tuple[str, Judged, Measurement]], measured: Measured, measures: Mapping[str, Measure]
) -> Findings:
    """Judged measures as columns; evidence is kept of the whole and of what breached."""
    slices = dict.fromkeys(measured.slices)
    for _, judged, _ in named:
        slices.update(dict.fromkeys(judged.slices))
    index = {text: i for i, text in enumerate(slices)}
    places = cache(lambda texts: np.array([index[t] for t in texts]))  # most measures have the same slices
    names = [name for name, _, _ in named]
    sizes = [len(judged.slices) for _, judged, _ in named]
    columns: dict[str, list[NDArray[Any]]] = {
        "slice": [places(judged.slices) for _, judged, _ in named],
        "measure": [np.repeat(np.arange(len(named)), sizes)],
        **{
            name: [getattr(judged, name) for _, judged, _ in named]
            for name in ("value", "error", "n", "expected", "low", "high", "verdict")
        },
    }
    verdict = np.concatenate([np.empty(0, np.uint8), *columns["verdict"]])
    columns["excluded"] = [verdict == int(Verdict.BREACH)]
    evidence: dict[int, Mapping[str, Any]] = {}
    first = np.cumsum([0, *sizes])
    telling = distinct(np.concatenate([first[:-1], np.flatnonzero(columns["excluded"][0])]))
    for row, m in zip(telling.tolist(), (np.searchsorted(first, telling, "right") - 1).tolist(), strict=True):
        _, judged, measurement = named[m]
        if shown := evidence_of(measurement, measured, judged.slices[row - first[m]]):
            evidence[row] = shown
    for name in measures:
        if name.partition(".")[0] in measured.failures and name not in names:
            for column in COLUMNS:
                columns[column].append(np.array([np.nan]))
            columns["slice"][-1] = np.array([index[WHOLE]])
            columns["measure"][-1] = np.array([len(names)])
            columns["verdict"][-1] = np.array([Verdict.ERROR])
            columns["n"][-1] = columns["excluded"][-1] = np.array([0])
            names.append(name)
    with np.errstate(over="ignore"):  # a band without an upper end
        packed = {
            name: np.concatenate(parts).astype(COLUMNS[name]) if parts else np.empty(0, COLUMNS[name])
            for name, parts in columns.items()
        }
    return Findings(tuple(index), tuple(names), packed, evidence)
