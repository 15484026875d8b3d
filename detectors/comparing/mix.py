"""How the traffic divides over the values of each slice column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from detectors.comparing.references import Reference
from detectors.comparing.shift import Shift, share_error
from detectors.core.summary import Summary
from detectors.statistics.list_tally import ListTally


def mix_shift(now: Summary, reference: Reference, leave_out: str | None) -> Shift:
    """The value of a slice column whose share of the requests moved most; of the whole alone.

    Parameters
    ----------
    leave_out : str or None
        A column whose mix is somebody's decision: that of the model version.
    """
    lists = now[ListTally]
    size = len(now.slices)
    requests, before = np.asarray(now.members(lists) @ lists.lists, float), reference.requests
    value, error, n = np.full(size, np.nan), np.full(size, np.nan), np.zeros(size)
    single = np.array([len(w) == 1 and leave_out not in w for w in now.slices.wheres])
    if not single.any() or not requests[:1].sum() or not before[:1].sum():
        return Shift(value, error, n, lambda s: {})
    share, share_before = requests / requests[0], before / before[0]
    top = int(np.where(single, np.abs(share - share_before), -1.0).argmax())
    clustering = float(now.clustering[0])
    n[0], m = requests[0] / clustering, before[0] / clustering
    value[0] = abs(share[top] - share_before[top])
    error[0] = np.hypot(
        *(share_error(np.array(x), np.array(k)) for x, k in ((share[top], n[0]), (share_before[top], m)))
    )
    ((column, part),) = now.slices.wheres[top].items()

    def evidence(s: int) -> Mapping[str, Any]:
        shares = {"share": round(float(share[top]), 4), "share_before": round(float(share_before[top]), 4)}
        return {"column": column, "part": part, **shares} if s == 0 else {}

    return Shift(value, error, n, evidence)
