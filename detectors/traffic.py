"""Traffic: how much was logged, by whom, how freshly, and what is missing from the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.core.detector import Context, Detector
from detectors.core.id_formats import ROLES
from detectors.core.measurement import Measure, Measurement, Unit, share
from detectors.core.spans import in_slices
from detectors.core.summary import Summary
from detectors.core.verdict import Severity
from detectors.judgement.spec import Floor, History
from detectors.measures.heavy_users import HEAVY, LEAST, heavy_users
from detectors.measures.id_formats import new_formats
from detectors.statistics.minutes import MINUTE, Minutes
from detectors.statistics.missing import MISPLACED, Missing
from detectors.statistics.panel import Panel
from detectors.statistics.request_ids import RequestIds
from detectors.statistics.request_sample import RequestSample
from detectors.statistics.traffic_tally import TrafficTally

COLUMNS = ("item", "user", "request", "position", "score", "click", "model_version", "context")


@dataclass(frozen=True)
class Traffic(Detector):
    """Rows, requests and users against the same hours of earlier days; silence; missing values; repeated requests; few
    users who make a large part of the requests; wrong clocks; ids in a new format.

    Parameters
    ----------
    fall, rise : float
        Least relative change of requests that matters: a fall pages, a rise is a ticket.
    misplaced_rise : float
        Least rise of the share of rows with an impossible time that matters.
    format_rise : float
        Least rise of the share of ids in a new format that matters.
    missing_rise : float
        Least rise of a column's share of missing values that matters.
    repeated_above : float
        Limit for the share of requests logged more than once.
    silence_rise : float
        Seconds by which the longest silence must exceed the usual one.
    heavy_rise : float
        Least rise of the share of requests by heavy users that matters.
    """

    name = "traffic"
    statistics = (TrafficTally, Missing, Minutes, RequestIds, RequestSample, Panel)
    telling = 80

    fall: float = 0.5
    rise: float = 1.5
    misplaced_rise: float = 0.05
    format_rise: float = 0.1
    missing_rise: float = 0.1
    repeated_above: float = 0.05
    silence_rise: float = 600.0
    heavy_rise: float = 0.1

    def measures(self) -> tuple[Measure, ...]:
        volume = (
            History("down", change=self.fall, relative=True, severity=Severity.PAGE),
            History("up", change=self.rise, relative=True),
        )
        users = (
            History("down", change=max(self.fall, 0.6), relative=True),
            History("up", change=self.rise, relative=True),
        )
        return (
            Measure("requests", Unit.REQUESTS, "Requests in the window.", volume, frozenset({"request"}),
                    says="{value} requests in the window, usually {expected}"),
            Measure("rows", Unit.ROWS, "Items shown in the window.", volume,
                    says="{value} rows in the window, usually {expected}"),
            Measure("recent_rows", Unit.ROWS, "Items shown in this window and the one before.",
                    (volume[0],),
                    says="{value} rows in this window and the one before, usually {expected}", windows=2),
            Measure("users", Unit.USERS, "Distinct users in the window.", users, frozenset({"user"}),
                    says="{value} distinct users in the window, usually {expected}"),
            Measure("heavy_users_share", Unit.RATIO,
                    f"Share of requests by users who each make {HEAVY:g} of them or more, and at least {LEAST}.",
                    (History("up", change=self.heavy_rise),), frozenset({"request", "user"}),
                    says="{who} made {value} of the {requests}"),
            Measure("effective_users", Unit.USERS,
                    "Effective number of users: one over the chance that two requests are of one user.",
                    needs=frozenset({"request", "user"})),
            Measure("silence", Unit.SECONDS, "Longest time in the window without a request, to the minute.",
                    (History("up", change=self.silence_rise),),
                    says="no request for {value}"),
            Measure("repeated_share", Unit.RATIO, "Share of rows whose request, position and item were logged before.",
                    (Floor(above=self.repeated_above),), frozenset({"request"}),
                    says="{value} of rows are logged twice"),
            Measure("repeated_ids_share", Unit.RATIO, "Share of appearances of request ids beyond the first.",
                    (Floor(above=self.repeated_above),), frozenset({"request"}),
                    says="{value} of request ids came before"),
            Measure("misplaced_share", Unit.RATIO,
                    "Share of rows whose time is not one that their partition can hold: clocks that are wrong.",
                    (History("up", change=self.misplaced_rise),), frozenset({"partitions"}),
                    says="{value} of rows have a time that their partition cannot hold"),
            *(Measure(f"new_format_{role}_share", Unit.RATIO,
                      f"Share of requests whose {role} id has a format that most windows of the day before hardly had.",
                      (History("up", change=self.format_rise),), frozenset({role}) - {"item"},
                      says=f"{role} ids of {{value}} of the {{requests}} have a format that they did not have: "
                           "{format}; before: {before}") for role in ROLES),
            *(Measure(f"missing_{c}_share", Unit.RATIO,
                      f"Share of rows without a value in the column of the {c.replace('_', ' ')}.",
                      (History("up", change=self.missing_rise),), frozenset({c}),
                      says="{value} of rows have no " + c.replace("_", " ")) for c in COLUMNS),
        )  # fmt: skip

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        tally = summary[TrafficTally]
        counted = tally.by_slice(summary.members(tally))
        requests, rows = counted["requests"].astype(float), counted["rows"].astype(float)
        # A count's own chance error: requests of a user come together, so their variance is that many times Poisson's.
        n = requests / summary.clustering
        rows_together = summary.clustering * np.maximum(rows / np.maximum(requests, 1), 1)
        if "request" in summary.has:
            yield Measurement("requests", requests, np.sqrt(requests * summary.clustering), n)
            yield share("repeated_share", counted["repeated"], rows + counted["repeated"], rows_together)
            yield _repeated_ids(summary)
        yield Measurement("rows", rows, np.sqrt(rows * rows_together), n)
        yield _recent(summary, context, requests, rows)
        if "user" in summary.has:
            yield _users(summary)
        if {"request", "user"} <= summary.has:
            yield from heavy_users(summary)
        yield _silence(summary, context)
        yield from new_formats(summary, context)
        yield from _missing(summary, rows_together)


def _recent(
    summary: Summary, context: Context, requests: NDArray[np.float64], rows: NDArray[np.float64]
) -> Measurement:
    """Rows of the window and the one before; nothing where that one is not known, or is not next to it.

    How many rows come together is told by both: of thin traffic the window itself may have none.
    """
    start, end = context.window_us
    before = next(iter(context.earlier()), None)
    if before is None or before.start_us != start - (end - start):
        nothing = np.full(len(rows), np.nan)
        return Measurement("recent_rows", nothing, nothing, np.zeros(len(rows)))
    counted = in_slices([before.summary], TrafficTally, summary.slices.texts, TrafficTally.by_slice)
    both = rows + counted["rows"][0]
    lists = np.maximum(requests + counted["requests"][0], 1)
    together = summary.clustering * np.maximum(both / lists, 1)
    return Measurement("recent_rows", both, np.sqrt(both * together), both / together)


def _repeated_ids(summary: Summary) -> Measurement:
    """Over the whole only: a request id belongs to no slice before it is known which of its appearances is right."""
    ids = summary[RequestIds]
    value, error = np.full((2, len(summary.slices)), np.nan)
    n = np.zeros(len(summary.slices))
    if len(ids.times):
        n[0] = len(ids.times)
        value[0] = 1 - 1 / ids.times.mean()
        # The delta method on one over the mean; one id more or less is the least that can be said.
        error[0] = np.hypot(ids.times.std() / np.sqrt(n[0]) / ids.times.mean() ** 2, 1 / n[0])
    return Measurement("repeated_ids_share", value, error, n)


def _users(summary: Summary) -> Measurement:
    """Distinct users, exact while the panel holds all of them, else estimated from its bound.

    The error is that of the estimate and, as for any count, that of who happened to come (Poisson).

    References
    ----------
    K. Beyer et al., "On synopses for distinct-value estimation under multiset operations", SIGMOD 2007 (unbiased form).
    """
    value, error = np.zeros((2, len(summary.slices)))
    samples = zip(*(users.tolist() for users in summary.users), summary.samples(), strict=True)
    for s, (found, known, (_, _, rate)) in enumerate(samples):
        # The bound is a place in the range of all hashes, so it says the whole rate, sampling before it included.
        estimate = found / summary.rate if rate == 1 else (found - 1) / rate
        left_out = 1 - (summary.rate if rate == 1 else rate)
        value[s] = estimate * (known / max(found, 1))
        error[s] = np.sqrt(value[s] ** 2 * left_out / max(found - 2, 1) + value[s])
    return Measurement("users", value, error, value)


def _silence(summary: Summary, context: Context) -> Measurement:
    """The longest run of minutes without a request, the window's edges included.

    The longest of n exponential gaps has Gumbel tails: an error of four mean gaps keeps a normal limit as far out.
    """
    start, end = context.window_us
    first, last = start // MINUTE, -(-end // MINUTE)
    minute, counts = summary[Minutes].keys.astype(np.int64), np.stack([*summary.totals(Minutes)])
    requests = counts.sum(axis=1)
    inside = np.flatnonzero((minute >= first) & (minute < last))
    edges = np.concatenate([[first - 1], minute[inside], [last]])
    seen = np.pad(counts[:, inside] > 0, ((0, 0), (1, 1)), constant_values=True)
    newest = np.maximum.accumulate(np.where(seen, edges, 0), axis=1)  # minute that was seen, up to each
    value = np.maximum((edges[1:] - newest[:, :-1]).max(axis=1) - 1, 0) * 60.0
    return Measurement("silence", value, 4e-6 * (end - start) / np.maximum(requests, 1), requests)


def _missing(summary: Summary, rows_together: NDArray[np.float64]) -> Iterator[Measurement]:
    """Share of rows without a value, or with an impossible time; those of a list count as one.

    Rows lack a user, a request id or a right time as lists.
    """
    missing = summary[Missing]
    members = summary.members(missing).astype(np.int64)
    rows = members @ missing.rows
    nulls = members @ missing.nulls
    for i, column in enumerate(missing.columns):
        if column in COLUMNS:
            yield share(f"missing_{column}_share", nulls[:, i], rows, rows_together)
    if "partitions" in summary.has:
        found = np.flatnonzero(missing.columns == MISPLACED)
        odd = nulls[:, found[0]] if len(found) else np.zeros(len(rows), np.int64)
        yield share("misplaced_share", odd, rows, rows_together)
