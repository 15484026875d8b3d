"""When an incident is over: after quiet windows, never for lack of data; or when its model version was taken back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from detectors.core.cells import NULL, parse_slice, slice_text
from detectors.core.verdict import Verdict
from monitor.findings import Findings
from monitor.incidents.breach import TRAFFIC
from monitor.incidents.incident import Incident

QUIET_WINDOWS = 2  # decided windows without a breach after which an incident closes
MOST_QUIET_WINDOWS = 6  # of one that keeps coming back
HALFWAY = 0.5


def windows_to_close(incident: Incident) -> int:
    """Quiet windows that it takes: one more for each time that it came back."""
    return min(QUIET_WINDOWS + incident.relapses, MOST_QUIET_WINDOWS)


def recovered(incident: Incident, findings: Findings, version: str | None = None) -> bool:
    """Whether the window shows that the trouble is over at the incident's place.

    Missing data shows nothing. Nor does a value that is merely too uncertain to breach, as at night: it has to be
    nearer to what is usual than to what was found. A model version that was taken back is no missing data: others
    answer in its place.

    Parameters
    ----------
    version : str, optional
        The slice column that says which model answered.
    """
    if version in incident.slice and _taken_back(incident.slice, findings, version):
        return True
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
    if found is None:
        return True  # there is nothing to be farther from
    if usual is None:
        # What it was is not known, as of a new version of the model; what was too much has to be half as much.
        return value >= found or value <= HALFWAY * found
    return bool(abs(value - usual) <= HALFWAY * abs(found - usual))


def _taken_back(where: Mapping[str, str], findings: Findings, version: str) -> bool:
    """Whether a model version answers nothing at its place while others do; rows without a version are no other."""
    measure = next((name for name in TRAFFIC if name in findings.measures), None)
    if measure is None:
        return False
    c = findings.columns
    others = 0.0
    for row in np.flatnonzero(c["measure"] == findings.measures.index(measure)):
        at = parse_slice(findings.slices[c["slice"][row]])
        value = float(c["value"][row])
        if not value > 0 or {**at, version: where[version]} != where:
            continue
        if at.get(version) == where[version]:
            return False
        others += value if at.get(version, NULL) != NULL else 0.0
    return others > 0
