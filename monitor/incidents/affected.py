"""Who is affected by an incident: requests so far, and the most users of one window."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.core.cells import slice_text
from monitor.findings import Findings
from monitor.incidents.breach import Breach
from monitor.incidents.incident import Incident

USERS = "traffic.users"


def affected(
    incident: Incident, primary: Breach | None, breaches: Sequence[Breach], findings: Findings
) -> dict[str, float | None]:
    """With what one more window adds.

    Requests are those by which the primary finding is off, added up. Users are those that were seen to get the
    culprit; else as many of the place's users as of its requests are off. Sums over windows would count people twice,
    so it is the most of any one window.
    """
    requests = incident.affected.get("requests")
    if primary is not None:
        requests = round((requests or 0.0) + primary.excess)
    seen = [float(b.evidence["users"]) for b in breaches if "users" in b.evidence]
    if not seen and primary is not None and primary.requests > 0:
        usual, found = _of_place(findings, slice_text(incident.slice))
        people = abs(found - usual) if primary.measure.unit.counts_traffic else found
        part = 1.0 if primary.measure.unit.counts_traffic else min(1.0, primary.excess / primary.requests)
        seen = [float(round(people * part))] if np.isfinite(people) else []
    before = incident.affected.get("users")
    users = max([*seen, *([before] if before is not None else [])], default=None)
    return {"requests": requests, "users": users}


def _of_place(findings: Findings, text: str) -> tuple[float, float]:
    """Users expected and found; NaN where they are not counted."""
    if USERS not in findings.measures or text not in findings.slices:
        return np.nan, np.nan
    c = findings.columns
    at = np.flatnonzero(
        (c["measure"] == findings.measures.index(USERS)) & (c["slice"] == findings.slices.index(text))
    )
    return (float(c["expected"][at[0]]), float(c["value"][at[0]])) if len(at) else (np.nan, np.nan)
