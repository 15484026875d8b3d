"""When an incident is over: after quiet windows, never for lack of data."""

from __future__ import annotations

import numpy as np

from detectors.core.cells import slice_text
from detectors.core.verdict import Verdict
from monitor.findings import Findings
from monitor.incidents.incident import Incident

QUIET_WINDOWS = 2  # decided windows without a breach after which an incident closes
MOST_QUIET_WINDOWS = 6  # of one that keeps coming back
HALFWAY = 0.5


def windows_to_close(incident: Incident) -> int:
    """Quiet windows that it takes: one more for each time that it came back."""
    return min(QUIET_WINDOWS + incident.relapses, MOST_QUIET_WINDOWS)


def recovered(incident: Incident, findings: Findings) -> bool:
    """Whether the window shows that the trouble is over at the incident's place.

    Missing data shows nothing. Nor does a value that is merely too uncertain to breach, as at night: it has to be
    nearer to what is usual than to what was found.
    """
    text = slice_text(incident.slice)
    if incident.measure not in findings.measures or text not in findings.slices:
        return False
    c = findings.columns
    at = np.flatnonzero(
        (c["measure"] == findings.measures.index(incident.measure))
        & (c["slice"] == findings.slices.index(text))
    )
    if not len(at) or c["verdict"][at[0]] != Verdict.OK:
        return False
    value, expected = float(c["value"][at[0]]), float(c["expected"][at[0]])
    found, usual = incident.after.get("value"), incident.before.get("value")
    if usual is None and np.isfinite(expected):
        usual = expected
    if found is None or usual is None:
        return True  # there is nothing to be nearer to
    return bool(abs(value - usual) <= HALFWAY * abs(found - usual))
