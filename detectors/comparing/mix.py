"""How the traffic divides over the values of each slice column."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detectors.core.measurement import Measurement, share
from detectors.core.summary import Summary
from detectors.statistics.list_tally import ListTally


def mix(name: str, summary: Summary, leave_out: str | None) -> Measurement:
    """The share of all requests that each value of a slice column has; NaN for the whole and for pairs of values.

    A mix follows the clock: at night another country is awake. So it is no distance from a window or two, but a
    measurement of each value by itself, that is judged by the same hours of many days.

    Parameters
    ----------
    leave_out : str or None
        A column whose mix is somebody's decision: that of the model version.

    Notes
    -----
    What is sampled are the requests of the whole, with its clustering: one user's requests come from one country.
    """
    lists = summary[ListTally]
    requests = np.asarray(summary.members(lists) @ lists.lists, float)
    single = np.array([len(w) == 1 and leave_out not in w for w in summary.slices.wheres], bool)
    found = share(name, requests, np.full(len(requests), requests[:1].sum()), summary.clustering[:1])
    return replace(found, value=np.where(single, found.value, np.nan))
