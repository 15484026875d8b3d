"""Few users with very many requests: what they make of the traffic, and how many equally busy users it is like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from detectors.core.measurement import Measurement
from detectors.core.sorting import number_hashes
from detectors.core.summary import Summary
from detectors.statistics.request_sample import RequestSample

HEAVY = 0.01  # of the requests of a place: who makes more is a heavy user
LEAST = 10  # and not for fewer requests, which in quiet hours is what an eager shopper makes
MOST_NAMED = 5


def heavy_users(summary: Summary) -> Iterator[Measurement]:
    """`heavy_users_share` and `effective_users` of every slice.

    A heavy user makes at least `HEAVY` of the slice's requests, and at least `LEAST` of them in the sample. The
    effective number of users is the inverse of the chance that two requests are of one user (Hill's number of order 2),
    in its unbiased form.

    References
    ----------
    E. H. Simpson, "Measurement of diversity", Nature 163, 1949.
    """
    sample = summary[RequestSample]
    slices = len(summary.slices)
    shares, errors, effective, spread = np.full((4, slices), np.nan)
    n, n_users = np.zeros((2, slices))
    told: list[Mapping[str, Any]] = [{}] * slices
    users, number = number_hashes(sample.user)
    for s, groups in enumerate(summary.members(sample)):
        here = groups[sample.cell]
        requests = int(np.count_nonzero(here))
        if not requests:
            continue
        times = np.bincount(number[here & sample.user_known], minlength=len(users))
        there = np.flatnonzero(times)
        user, times = users[there], times[there]
        least = max(LEAST, HEAVY * requests)
        heavy = times >= least
        n[s] = requests
        shares[s] = times[heavy].sum() / requests
        # One user more or less over the limit is the least that can be said; the rest is that of a share of a sample.
        centre = (times[heavy].sum() + 2) / (requests + 4)
        errors[s] = np.hypot(np.sqrt(centre * (1 - centre) / requests), min(1.0, least / requests) / 2)
        told[s] = _evidence(user[heavy], times[heavy], requests)
        known = int(times.sum())
        pairs = times * (times - 1.0)
        if pairs.any():
            n_users[s] = len(user)
            effective[s] = known * (known - 1.0) / pairs.sum()
            # What each user adds to it, by the delta method: users come and go as wholes.
            spread[s] = effective[s] * np.sqrt(((2 * times / known - pairs / pairs.sum()) ** 2).sum())
    yield Measurement("heavy_users_share", shares, errors, n, lambda s: told[s])
    yield Measurement("effective_users", effective, spread, n_users)


def _evidence(user: np.ndarray, times: np.ndarray, requests: int) -> Mapping[str, Any]:
    """How many they are, and the heaviest of them by hash, with their shares."""
    if not len(user):
        return {}
    most = np.argsort(-times, kind="stable")[:MOST_NAMED]
    return {
        "who": "one user" if len(user) == 1 else f"{len(user)} users",
        "users": len(user),
        "heaviest": [
            {"hash": f"{int(user[i]):016x}", "share": round(float(times[i] / requests), 4)} for i in most
        ],
    }
