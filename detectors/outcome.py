"""Outcome: whether people still click what they are shown, and whether scores still say how likely that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from detectors.core.detector import Context, Detector
from detectors.core.measurement import Evidence, Measure, Measurement, Unit, share
from detectors.core.random_groups import rate
from detectors.core.statistic import Statistic
from detectors.core.summary import Summary
from detectors.core.verdict import Severity
from detectors.judgement.spec import History
from detectors.statistics.calibration_bins import CalibrationBins
from detectors.statistics.click_tally import PLACES, ClickTally, PlaceClicks

Counts = NDArray[np.float64]

HOUR = 3_600_000_000  # in microseconds
LEAST_ROWS = 100  # independent rows below which a share of clicks says too little
LEAST_CLICKS = 200  # and clicks, for what is held against them
UNSURE = 0.2  # of a bin's own error: what is taken away for chance may be wrong by so much
OUTSIDE = 0.001  # of the scores may lie outside of [0, 1] by mistake


class Span(NamedTuple):
    """How far back clicks are added up: until so many are expected, and never further than so many hours."""

    clicks: float
    hours: float


def over(span: Span) -> str:
    """In words.

    >>> over(RECENT)
    'over as many windows as bring 200 clicks, at most 6 hours'
    """
    return f"over as many windows as bring {span.clicks:.0f} clicks, at most {span.hours:.0f} hours"


RECENT = Span(200, 6)  # a fall to half is then seven standard errors
LASTING = Span(2000, 24)  # and one by a seventh, six


@dataclass(frozen=True)
class Outcome(Detector):
    """Click rates by slice, and the calibration of scores.

    Clicks are few: one window of a small slice tells little. So they are also added up over the windows before, over
    as many as it takes to expect enough of them; with much traffic that is the window alone.

    Parameters
    ----------
    collapse : float
        Least relative fall of a click rate that pages.
    fall : float
        Least relative fall, over up to a day, that is worth a ticket.
    calibration_change : float
        Least relative change of what scores promise that matters.

    References
    ----------
    C. Guo et al., "On calibration of modern neural networks", ICML 2017 (expected calibration error).
    X. He et al., "Practical lessons from predicting clicks on ads at Facebook", ADKDD 2014 (calibration as a ratio).
    """

    name = "outcome"
    statistics = (ClickTally, PlaceClicks, CalibrationBins)
    telling = 20  # people click less on lists that are broken: what broke them tells more

    collapse: float = 0.4
    fall: float = 0.15
    calibration_change: float = 0.5

    def measures(self) -> tuple[Measure, ...]:
        click, request = frozenset({"click"}), frozenset({"click", "request"})
        place, score = frozenset({"click", "position"}), frozenset({"click", "score"})
        collapse = (History("down", change=self.collapse, relative=True, severity=Severity.PAGE),)
        return (
            Measure("click_rate", Unit.RATIO, "Share of the rows shown that were clicked.", collapse, click,
                    LEAST_ROWS, "{value} of what is shown is clicked"),
            Measure("recent_click_rate", Unit.RATIO,
                    f"Share of rows clicked, {over(RECENT)}.", collapse, click, LEAST_ROWS,
                    "{value} of what was shown lately is clicked"),
            Measure("lasting_click_rate", Unit.RATIO,
                    f"Share of rows clicked, {over(LASTING)}.",
                    (History("down", change=self.fall, relative=True),), click, LEAST_ROWS,
                    "for hours, {value} of what is shown is clicked"),
            Measure("request_click_rate", Unit.RATIO, "Share of requests with a click.",
                    (History("down", change=self.collapse, relative=True),), request, LEAST_ROWS,
                    "{value} of {requests} get a click"),
            Measure("first_place_click_rate", Unit.RATIO, f"Share of first places that were clicked, {over(LASTING)}.",
                    (History("down", change=self.collapse, relative=True),), place, LEAST_ROWS,
                    "the first place is clicked in {value} of lists"),
            Measure("calibration_error", Unit.RATIO,
                    "Expected calibration error: distance between score and share of rows clicked, over bins of score, "
                    f"less what chance adds; {over(LASTING)}.",
                    (History("up", change=self.calibration_change, relative=True),), score, LEAST_ROWS,
                    "scores are {value} away from the share of rows clicked"),
            Measure("calibration_in_the_large", Unit.SCORE,
                    f"Clicks that the scores promise, over those that there are; 1 is calibrated; {over(LASTING)}.",
                    (History("both", change=self.calibration_change, relative=True),), score, LEAST_CLICKS,
                    "scores promise {value} clicks for each that there is"),
        )  # fmt: skip

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        if "click" not in summary.has:
            return
        texts = summary.slices.texts
        now, earlier = _Clicks.of(summary, texts), list(context.earlier())
        past = [_Clicks.of(e.summary, texts) for e in earlier]
        all_rows = _only_clicks_are_written([now, *past])
        shown, asked = now.shown(all_rows), now.asked(all_rows)
        windows = [summary, *(e.summary for e in earlier)]
        yield rate(
            "click_rate",
            now.clicks,
            shown,
            _by_place(_added_up(PlaceClicks, windows[:1], [], texts), all_rows),
        )
        ages = [(context.window_us[1] - e.start_us) / HOUR for e in earlier]
        recent, lasting = (_spans(span, now, past, ages, all_rows) for span in (RECENT, LASTING))
        yield _over("recent_click_rate", recent, now, past, all_rows)
        over_long = _over("lasting_click_rate", lasting, now, past, all_rows)
        yield over_long
        if "request" in summary.has:
            yield rate("request_click_rate", now.clicked, asked)
        if "position" in summary.has:
            yield _first_place(_added_up(PlaceClicks, windows, [*lasting], texts), all_rows, over_long)
        if "score" in summary.has:
            yield from _calibration(_added_up(CalibrationBins, windows, [*lasting], texts), over_long)

    def unsuited(self, summary: Summary) -> Mapping[str, str]:
        bins = summary[CalibrationBins]
        counted = bins.by_bin(np.ones((1, len(bins.groups)), bool))
        outside, inside = counted["outside"].sum(), counted["rows"].sum()
        if outside <= OUTSIDE * (outside + inside):
            return {}
        why = f"scores are no probabilities: {100 * outside / (outside + inside):.3g} % lie outside of 0 to 1"
        return dict.fromkeys(("calibration_error", "calibration_in_the_large"), why)


@dataclass(frozen=True)
class _Clicks:
    """Clicks of one window in the slices that are asked for, by group of users; arrays of shape (slices, GROUPS)."""

    rows: Counts
    known: Counts
    clicks: Counts
    requests: Counts
    known_requests: Counts
    clicked: Counts

    @classmethod
    def of(cls, summary: Summary, texts: Sequence[str]) -> _Clicks:
        """In slices of whichever window; nothing where this one lacks the slice."""
        tally = summary[ClickTally]
        return cls(**tally.by_group(_members(summary, tally, texts)))

    def shown(self, all_rows: NDArray[np.bool_]) -> Counts:
        """Rows that clicks are held against."""
        return np.where(all_rows[:, None], self.rows, self.known)

    def asked(self, all_rows: NDArray[np.bool_]) -> Counts:
        """Requests that clicked ones are held against."""
        return np.where(all_rows[:, None], self.requests, self.known_requests)


def _only_clicks_are_written(windows: Sequence[_Clicks]) -> NDArray[np.bool_]:
    """Slices of which the log has said of no row that it was not clicked, shape (slices,).

    It writes nothing instead: there, rows of which nothing is known were not clicked.
    """
    known = np.sum([w.known.sum(axis=1) for w in windows], axis=0)
    clicks = np.sum([w.clicks.sum(axis=1) for w in windows], axis=0)
    return np.asarray((clicks == known) & (known > 0))


def _spans(
    span: Span, now: _Clicks, past: Sequence[_Clicks], ages: Sequence[float], all_rows: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which of the windows before, the newest first, are added in each slice, shape (windows, slices).

    How many clicks to expect of a window is told by its rows and the click rate of the day before: the clicks that
    there were must not decide, or a collapse would be held against ever more of the time before it.

    Parameters
    ----------
    ages : sequence of float
        Hours from the start of each window to the end of this one.
    """
    rows = np.array([w.shown(all_rows).sum(axis=1) for w in [now, *past]])
    clicks = np.sum([w.clicks.sum(axis=1) for w in past] or [np.zeros(rows.shape[1])], axis=0)
    usual = clicks / np.maximum(rows[1:].sum(axis=0), 1)
    expected = np.cumsum(rows * usual, axis=0)[:-1]  # up to the window after each one
    return (expected < span.clicks) & (np.array(ages) <= span.hours)[:, None]


def _over(
    measure: str, span: NDArray[np.bool_], now: _Clicks, past: Sequence[_Clicks], all_rows: NDArray[np.bool_]
) -> Measurement:
    """The click rate of the window and those before it that its span holds."""
    clicks, of = now.clicks, now.shown(all_rows)
    for added, earlier in zip(span, past, strict=True):
        clicks = clicks + added[:, None] * earlier.clicks
        of = of + added[:, None] * earlier.shown(all_rows)

    def evidence(s: int) -> Mapping[str, Any]:
        told = {"clicks": clicks[s].sum(), "rows": of[s].sum(), "windows": 1 + span[:, s].sum()}
        return {name: int(number) for name, number in told.items()}

    return rate(measure, clicks, of, evidence)


def _added_up(
    kind: type[PlaceClicks] | type[CalibrationBins],
    windows: Sequence[Summary],
    span: Sequence[NDArray[np.bool_]],
    texts: Sequence[str],
) -> Mapping[str, Counts]:
    """Counts of the first window and those after it that each slice's span holds."""
    total: dict[str, Counts] = {}
    for window, added in zip(windows, [np.ones(len(texts), bool), *span], strict=True):
        found = window[kind]
        members = _members(window, found, texts)
        counted = found.by_place(members) if isinstance(found, PlaceClicks) else found.by_bin(members)
        for name, counts in counted.items():
            total[name] = total.get(name, 0.0) + added[:, None] * counts
    return total


def _by_place(places: Mapping[str, Counts], all_rows: NDArray[np.bool_]) -> Evidence:
    """Click rates by place, for people to see: a place that is covered, a list that is not seen."""
    shown = np.where(all_rows[:, None], places["rows"], places["known"])

    def evidence(s: int) -> Mapping[str, Any]:
        there = np.flatnonzero(shown[s])
        names = [str(p) if p <= PLACES else f"{PLACES + 1} and on" for p in (there + 1).tolist()]
        rates = np.round(places["clicks"][s, there] / shown[s, there], 5).tolist()
        return {"click_rate_by_position": dict(zip(names, rates, strict=True))} if names else {}

    return evidence


def _first_place(
    places: Mapping[str, Counts], all_rows: NDArray[np.bool_], clicks: Measurement
) -> Measurement:
    """How often the first place is clicked; of users that click alike, what the click rate of all places says."""
    shown = np.where(all_rows[:, None], places["rows"], places["known"])
    measure, hits, of = "first_place_click_rate", places["clicks"][:, 0], shown[:, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        users = np.fmax(shown.sum(axis=1) / clicks.n, 1.0)
    return share(measure, hits, of, users, _by_place(places, all_rows))


def _calibration(bins: Mapping[str, Counts], clicks: Measurement) -> Iterator[Measurement]:
    """Expected calibration error, and calibration in the large.

    Chance alone puts a bin's clicks off its score: what that adds on average (a folded normal distribution) is taken
    away, or the error would follow from the number of rows.

    Parameters
    ----------
    clicks : Measurement
        The click rate of the same rows: what it says of users that click alike.
    """
    rows, found = bins["rows"], bins["clicks"].sum(axis=1)
    total = rows.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        users = np.fmax(total / clicks.n, 1.0)
        score, clicked = bins["score"] / rows, bins["clicks"] / rows
        seen = (bins["clicks"] + 2 * score) / (rows + 2)  # a bin without a click is not sure to have none
        variance = seen * (1 - seen) / rows * users[:, None]
        off, chance = np.abs(score - clicked), np.sqrt(variance)
        true = np.sqrt(np.maximum(off**2 - variance, 0.0))
        z = np.where(chance > 0, true / chance, np.inf)
        added = 2 * chance * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) + true * (2 * ndtr(z) - 1) - true
        weight = rows / total[:, None]
        value = np.maximum(np.nansum(weight * (off - added), axis=1), 0.0)
        unsure = UNSURE * np.nansum(weight * chance, axis=1)
        error = np.hypot(np.sqrt(np.nansum(weight**2 * variance, axis=1)), unsure)
        outside = bins["outside"][:, 0] / (bins["outside"][:, 0] + total)
        usable = np.where((total > 0) & ~(outside > OUTSIDE), 1.0, np.nan)
        yield Measurement("calibration_error", value * usable, error * usable, total / users)
        promised = np.where(found > 0, bins["score"].sum(axis=1) / found, np.nan) * usable
        yield Measurement(
            "calibration_in_the_large", promised, promised * np.sqrt(users / found), found / users
        )


def _members(summary: Summary, statistic: Statistic, texts: Sequence[str]) -> NDArray[np.bool_]:
    """Cells that make up the slices of whichever window; none where this one lacks the slice."""
    members = summary.members(statistic)
    if summary.slices.texts == tuple(texts):
        return members
    at = {text: i for i, text in enumerate(summary.slices.texts)}
    nothing = np.zeros((1, members.shape[1]), bool)
    return np.concatenate([members, nothing])[[at.get(text, -1) for text in texts]]
