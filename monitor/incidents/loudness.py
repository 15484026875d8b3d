"""How loudly a slice may tell what wider ones tell as a ticket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from detectors.core.measurement import Unit
from detectors.core.verdict import Severity
from monitor.incidents.breach import Breach
from monitor.incidents.place import within

SURELY = 3.0  # standard errors that a slice must lie beyond a wider one


def as_loud_as_wider(breaches: Sequence[Breach]) -> list[Breach]:
    """The same; a page of a slice that shows what a wider one shows as a ticket, but for chance, is a ticket.

    Trouble of everybody that is worth a ticket reaches the size of a page in one thin slice or the other by chance, in
    every window in another one. A slice that is worse off surely stays a page, and so does what is beyond an absolute
    limit.
    """
    return [_no_louder(breach, breaches) for breach in breaches]


def _no_louder(breach: Breach, breaches: Sequence[Breach]) -> Breach:
    if breach.severity is not Severity.PAGE or breach.by_floor or breach.measure.unit is not Unit.RATIO:
        return breach
    wider = [
        b
        for b in breaches
        if b.name == breach.name and b.where != breach.where and within(breach.where, b.where)
    ]
    explained = any(b.severity is Severity.TICKET and alike(breach, b) for b in wider)
    return replace(breach, severity=Severity.TICKET) if explained else breach


def alike(breach: Breach, wider: Breach) -> bool:
    """Whether a share is what the wider place's would be in a sample as small as this."""
    share = min(max(wider.value, 0.0), 1.0)
    error = np.sqrt(share * (1 - share) / max(breach.n, 1.0))
    return bool(abs(breach.value - wider.value) < SURELY * error)
