"""recwatch's answers that are estimated from a nested sample of users, or from bins, held against DuckDB's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.core.cells import NULL, slice_text
from detectors.core.hashing import distinct
from detectors.statistics.panel import USERS, Panel
from detectors.statistics.score_histogram import ScoreHistogram, bin_of, middle_of
from tests.bench.answers import MOST, STATED, Both, Compared, codes_hashes

F = NDArray[np.float64]

USERS_BY_SLICE = "select surface, country, count(distinct user_id) users from log group by all"

BIN_ERROR = 0.016  # of a score: half the width of a bin
BINS = 50  # of Q6


def estimated(both: Both) -> list[Compared]:
    """The answers that are estimated."""
    return [_users_by_item(both), _identical_lists(both), _scores(both), _users(both), _exposure(both)]


def _users_by_item(both: Both) -> Compared:
    """Q3: users reached by the items that reach most."""
    table = both.sql["Q3"][0]
    table = table.filter(table.column("item_id").is_valid())
    estimate, error = _per_user_totals(both, codes_hashes(table), once=True)
    return _within(
        "Q3 users reached by item", estimate, error, table.column("users").to_numpy(), _panel(both)
    )


def _identical_lists(both: Both) -> Compared:
    """Q4: the share of requests that have the most frequent list."""
    n = both.sql["Q4"][0].column("n").to_numpy()
    requests = sum(both.sql["Q7"][0].column("requests").to_pylist())
    found = dict(both.measured.found)["same_item.identical_list_share"]
    how = f"{_panel(both)}; standard error {100 * found.error[0]:.2g} % of requests"
    near = abs(found.value[0] - n[0] / requests) <= STATED * found.error[0]
    return Compared("Q4 identical lists", how, int(near), 1, exact=False)


def _scores(both: Both) -> Compared:
    """Q6: the histogram at the edges of the question's bins, mean and spread by cell."""
    histogram, table = both.summary[ScoreHistogram], both.sql["Q6"][0]
    table = table.filter(table.column("mean").is_valid())
    cell = both.cell_of(table)
    n, mean, bins = (table.column(c).to_numpy().astype(float) for c in ("n", "mean", "bin"))
    spread = np.nan_to_num(table.column("spread").fill_null(0.0).to_numpy())  # one score has none
    edges = np.arange(1, BINS) / BINS
    edge_bin = bin_of(edges.astype(np.float32)).astype(np.uint64)
    group, keys = both.groups(histogram.groups)[histogram.group], histogram.keys[histogram.key]
    count, middle = histogram.counts[:, 0].astype(float), middle_of(keys)
    agree = of = 0
    sampled = 1 - both.summary.rate
    for c in range(len(both.summary.cells)):
        here, ours = cell == c, group == c
        rows = n[here].sum()
        if not rows or not np.isfinite(mean[here]).all():
            continue
        below = np.array([n[here & (bins < k)].sum() for k in range(1, BINS)])
        known = count[ours].sum()
        if not known:  # of a cell without users in the sample nothing is said
            of += 0 if sampled else len(edges) + 2
            continue
        each = STATED * np.sqrt(sampled * both.rows_together / known)  # of a standard deviation
        chance = rows * each * np.sqrt(below / rows * (1 - below / rows) + 1 / known)
        at_least = np.array([count[ours & (keys < b)].sum() for b in edge_bin]) * rows / known - chance
        at_most = np.array([count[ours & (keys <= b)].sum() for b in edge_bin]) * rows / known + chance
        rounding = 1e-9 * rows
        agree += int(((at_least <= below + rounding) & (below <= at_most + rounding)).sum())
        true_mean = (n[here] * mean[here]).sum() / rows
        squares = ((n[here] - 1) * spread[here] ** 2 + n[here] * mean[here] ** 2).sum() / rows
        true_spread = np.sqrt(max(0.0, squares - true_mean**2))
        our_mean = np.average(middle[ours], weights=count[ours])
        our_spread = np.sqrt(np.average((middle[ours] - our_mean) ** 2, weights=count[ours]))
        slack = BIN_ERROR * np.sqrt(squares) + each * true_spread
        agree += int(abs(our_mean - true_mean) <= slack) + int(abs(our_spread - true_spread) <= slack)
        of += len(edges) + 2
    how = f"estimated from bins: a score is known to within {100 * BIN_ERROR} %"
    how += f", of {100 * both.summary.rate:g} % of users" if sampled else ""
    return Compared("Q6 histogram, mean, spread by slice", how, agree, of, exact=False)


def _users(both: Both) -> Compared:
    """Q7: distinct users; DuckDB's answer to the fixed question is an estimate too, so its exact one is taken."""
    found = dict(both.measured.found)["traffic.users"]
    at = {text: i for i, text in enumerate(both.measured.slices)}
    estimate, error, truth = [], [], []
    for row in both.database.query(USERS_BY_SLICE).to_pylist():
        text = slice_text({"surface": row["surface"] or NULL, "country": row["country"] or NULL})
        if text in at:
            estimate.append(found.value[at[text]])
            error.append(found.error[at[text]])
            truth.append(row["users"])
    columns = (np.array(column, float) for column in (estimate, error, truth))
    return _within("Q7 distinct users by slice", *columns, _panel(both))


def _exposure(both: Both) -> Compared:
    """Q8: exposure of the items that get most."""
    table = both.sql["Q8"][0]
    table = table.filter(table.column("item_id").is_valid())
    truth = table.column("exposure").to_numpy()
    most = np.argsort(-truth, kind="stable")[:MOST]
    estimate, error = _per_user_totals(both, codes_hashes(table)[most], once=False)
    return _within("Q8 exposure by item", estimate, error, truth[most], _panel(both))


def _per_user_totals(both: Both, items: NDArray[np.uint64], *, once: bool) -> tuple[F, F]:
    """What items get from all users, brought up from the sample, and its standard error, shapes (items,).

    Each user gives an item 1 if it was shown (`once`), else its exposure. One user more or less is the least error.

    References
    ----------
    D. G. Horvitz and D. J. Thompson, "A generalization of sampling without replacement from a finite universe", 1952;
    each user is in the sample with the same chance.
    """
    panel = both.summary[Panel]
    _, requests, rate = panel.sample_of(np.ones(len(panel.groups), bool))
    rate = min(rate, both.summary.rate)  # a panel of all users of a sample
    kept = np.bincount(panel.request_user, minlength=len(panel.user))
    of_list = np.repeat(np.arange(len(panel.request)), np.diff(panel.offsets))
    rows = np.flatnonzero(requests[of_list])
    owner = panel.request_user[of_list[rows]]
    gives = 1 / np.log2(1 + panel.position[rows].astype(float)) * (panel.user_requests / kept)[owner]
    total, squares = np.zeros(len(items)), np.zeros(len(items))
    for i, item in enumerate(items):
        hits = np.flatnonzero(panel.item[rows] == item)
        by_user = np.bincount(panel.person[owner[hits]], None if once else gives[hits])
        by_user = np.minimum(by_user, 1) if once else by_user
        total[i], squares[i] = by_user.sum(), (by_user**2).sum()
    return total / rate, np.sqrt((1 - rate) * (squares + 1)) / rate


def _within(question: str, estimate: F, error: F, truth: F, how: str) -> Compared:
    """Whether estimates are as near to the truth as they state; those of all users have to be equal."""
    near = np.abs(estimate - truth) <= STATED * error + 1e-9 * np.abs(truth)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.median(error / np.abs(truth)) if len(truth) else 0.0
    return Compared(
        question, f"{how}; standard error {100 * relative:,.1f} %", int(near.sum()), len(near), False
    )


def _panel(both: Both) -> str:
    panel = both.summary[Panel]
    known = len(distinct(panel.user))
    return f"estimated from the panel: {known:,} users, the {USERS:,} of each cell with the smallest hashes"
