"""Which parts of the traffic an incident comes from: slices by the requests that are off in them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from detectors.core.verdict import Verdict
from monitor.findings import Findings
from monitor.web.course import finding_of
from monitor.web.states import VERDICTS, WHOLE, State
from monitor.web.wording import number, quantity, short

REQUESTS = ("traffic.requests", "traffic.rows")
MOST = 12


@dataclass(frozen=True)
class Contribution:
    """A slice, and how much of the trouble is in it.

    Parameters
    ----------
    part : float
        Of what is off in everything, 0 to 1; slices overlap, so parts do not add up to 1.
    """

    where: str
    value: str
    usual: str
    off: str
    part: float
    verdict: State


def read_contributions(
    findings: Findings, measure: str, unit: str, before: Mapping[str, Any]
) -> tuple[Contribution, ...]:
    """Slices of one measure, those with most that is off first.

    What is off is the change from what is expected, times the requests of the slice where the measure is a share.
    Where nothing is expected, the change is from the incident's usual value.

    Parameters
    ----------
    before : mapping
        The incident's.
    """
    if measure not in findings.measures:
        return ()
    usual = before.get("value")
    fallback = float(usual) if isinstance(usual, int | float) else 0.0
    found = []
    for row in np.flatnonzero(findings.columns["measure"] == findings.measures.index(measure)):
        finding = findings[int(row)]
        if not math.isfinite(finding.value):
            continue
        expected = finding.expected if math.isfinite(finding.expected) else fallback
        change = abs(finding.value - expected)
        off = change * _requests(findings, finding.slice, finding.n) if unit == "ratio" else change
        found.append((off, expected, finding))
    whole = max((off for off, _, f in found if f.slice == WHOLE), default=0.0)
    found.sort(key=lambda entry: (entry[2].slice != WHOLE, -entry[0], entry[2].slice))
    return tuple(
        Contribution(
            "everything" if f.slice == WHOLE else short(f.slice),
            quantity(f.value, unit),
            quantity(expected, unit),
            number(round(off)),
            min(1.0, off / whole) if whole > 0 else 0.0,
            VERDICTS[f.verdict],
        )
        for off, expected, f in found[: MOST + 1]
        if f.slice == WHOLE or off > 0 or f.verdict is Verdict.BREACH
    )


def _requests(findings: Findings, slice: str, otherwise: float) -> float:
    for measure in REQUESTS:
        found = finding_of(findings, measure, slice)
        if found is not None and math.isfinite(found.value):
            return found.value
    return otherwise
