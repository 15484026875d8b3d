"""Outcome: whether people still click and buy what they are shown, and whether scores still say how likely that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.calibration import expected_calibration_error
from detectors.core.catalog import Catalog
from detectors.core.detector import Context, Detector, Earlier, Logged
from detectors.core.measurement import Evidence, Measure, Measurement, Unit, share
from detectors.core.random_groups import rate, together
from detectors.core.spans import Span, added_up, in_slices
from detectors.core.summary import Summary
from detectors.core.verdict import Severity
from detectors.judgement.spec import History
from detectors.statistics.calibration_bins import CalibrationBins
from detectors.statistics.click_tally import PLACES, ClickTally, PlaceClicks
from detectors.statistics.conversion_tally import ConversionTally, WorthHistogram
from detectors.statistics.item_clicks import ItemClicks, ItemConversions
from detectors.statistics.score_histogram import middle_of

Counts = NDArray[np.float64]

HOUR = 3_600_000_000  # in microseconds
LEAST_ROWS = 100  # independent rows below which a share of clicks says too little
LEAST_CLICKS = 200  # and clicks, for what is held against them
OUTSIDE = 0.001  # of the scores may lie outside of [0, 1] by mistake
RECENT = Span(200, 6, "clicks")  # a fall to half is then seven standard errors
LASTING = Span(2000, 24, "clicks")  # and one by a seventh, six
STOPPED, FEWER = 0.9, 0.5  # relative falls of what is logged: a log that stopped, and one that lacks much
CONVERTING = Span(200, 24, "conversions")


@dataclass(frozen=True)
class Outcome(Detector):
    """Click and conversion rates by slice, and the calibration of scores.

    Clicks are few: one window of a small slice tells little. So they are also added up over the windows before, over
    as many as it takes to expect enough of them; with much traffic that is the window alone.

    Parameters
    ----------
    collapse : float
        Least relative fall of a rate that pages.
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
    statistics = (
        ClickTally, PlaceClicks, CalibrationBins, ItemClicks, ConversionTally, ItemConversions, WorthHistogram,
    )  # fmt: skip
    telling = 20  # people click less on lists that are broken: what broke them tells more

    collapse: float = 0.4
    fall: float = 0.15
    calibration_change: float = 0.5

    def measures(self) -> tuple[Measure, ...]:
        click, request = frozenset({"click"}), frozenset({"click", "request"})
        place, score = frozenset({"click", "position"}), frozenset({"click", "score"})
        collapse = (History("down", change=self.collapse, relative=True, severity=Severity.PAGE),)
        less = (History("down", change=self.collapse, relative=True),)
        return (
            Measure("click_rate", Unit.RATIO, "Share of the rows shown that were clicked.", collapse, click,
                    LEAST_ROWS, "{value} of what is shown is clicked", of_response=True),
            Measure("recent_click_rate", Unit.RATIO, f"Share of rows clicked, {RECENT}.", collapse, click,
                    LEAST_ROWS, "{value} of what was shown lately is clicked", of_response=True),
            Measure("conversion_rate", Unit.RATIO, f"Share of rows converted, {CONVERTING}.", collapse,
                    frozenset({"conversion"}), LEAST_ROWS, "{value} of what is shown is converted", of_response=True),
            Measure("lasting_click_rate", Unit.RATIO, f"Share of rows clicked, {LASTING}.",
                    (History("down", change=self.fall, relative=True),), click, LEAST_ROWS,
                    "for hours, {value} of what is shown is clicked", of_response=True),
            Measure("request_click_rate", Unit.RATIO, "Share of requests with a click.", less, request, LEAST_ROWS,
                    "{value} of {requests} get a click", of_response=True),
            Measure("first_place_click_rate", Unit.RATIO, f"Share of first places that were clicked, {LASTING}.",
                    less, place, LEAST_ROWS, "the first place is clicked in {value} of lists", of_response=True),
            Measure("calibration_error", Unit.RATIO,
                    "Expected calibration error: distance between score and share of rows clicked, over bins of score, "
                    f"less what chance adds; {LASTING}.",
                    (History("up", change=self.calibration_change, relative=True),), score, LEAST_CLICKS,
                    "scores are {value} away from the share of rows clicked"),
            Measure("calibration_in_the_large", Unit.SCORE,
                    f"Clicks that the scores promise, over those that there are; 1 is calibrated; {LASTING}.",
                    (History("both", change=self.calibration_change, relative=True),), score, LEAST_CLICKS,
                    "scores promise {value} clicks for each that there is"),
            Measure("rows", Unit.ROWS, "Rows shown of which it is known whether they were clicked.", needs=click),
            Measure("value_per_row", Unit.CURRENCY, "What came of a row shown, on average, in money.",
                    needs=frozenset({"value"}), least_n=LEAST_ROWS),
            Measure("logged", Unit.ROWS, "Outcomes that their own log has of a time as long as the window.",
                    (History("down", change=STOPPED, relative=True, severity=Severity.PAGE),
                     History("down", change=FEWER, relative=True)), frozenset({"outcomes"}),
                    says="{value} outcomes are logged, usually {expected}", follows=frozenset({"traffic"})),
            Measure("joined_share", Unit.RATIO, "Outcomes of rows that were shown, over those that are logged.",
                    (History("down", change=FEWER, relative=True),), frozenset({"outcomes"}), LEAST_CLICKS,
                    "{value} of outcomes belong to a row that was shown"),
        )  # fmt: skip

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        earlier = list(_of_same_batches(_lately(context.earlier()), context))
        windows = [summary, *(e.summary for e in earlier)]
        starts = [context.window_us[0], *(e.start_us for e in earlier)]
        ages = [(context.window_us[1] - start) / HOUR for start in starts]
        happened: dict[str, tuple[Counts, Counts, type[ItemClicks] | type[ItemConversions]]] = {}
        if "click" in summary.has:
            clicks = _Clicks(windows, ages)
            yield from clicks.measured(summary.has)
            happened["click"] = clicks.now["clicks"], clicks.now["shown"], ItemClicks
        if "conversion" in summary.has:
            texts = summary.slices.texts
            found = in_slices(windows, ConversionTally, texts, ConversionTally.by_group)
            yield _over("conversion_rate", CONVERTING, found, ages, "conversions", "rows")[0]
            happened["conversion"] = found["conversions"][0], found["rows"][0], ItemConversions
        for kind in list(happened)[-1:]:  # a click is worth what comes of it
            yield from _value_per_row(summary, context.catalog, *happened[kind])
        if context.outcomes is not None:
            joined = {kind: float(hits[0].sum()) for kind, (hits, _, _) in happened.items()}
            yield from _logged(context.outcomes, joined, len(summary.slices))

    def unsuited(self, summary: Summary) -> Mapping[str, str]:
        bins = summary[CalibrationBins]
        counted = bins.by_bin(np.ones((1, len(bins.groups)), bool))
        outside, inside = counted["outside"].sum(), counted["rows"].sum()
        if outside <= OUTSIDE * (outside + inside):
            return {}
        why = f"scores are no probabilities: {100 * outside / (outside + inside):.3g} % lie outside of 0 to 1"
        return dict.fromkeys(("calibration_error", "calibration_in_the_large"), why)


def _lately(earlier: Iterable[Earlier]) -> Iterator[Earlier]:
    """Windows before, the newest first, without trouble that is over: it has been told, and its clicks would lack in
    the sums of a whole day more. Trouble that goes on is what the sums are there to show.
    """
    over = False
    for window in earlier:
        over |= not window.troubled
        if not (over and window.troubled):
            yield window


def _of_same_batches(earlier: Iterable[Earlier], context: Context) -> Iterator[Earlier]:
    """Windows before in which the same batches are made: people click otherwise in e-mails of the night, and how far
    back it takes to expect enough clicks is another window on another day.
    """
    batches = [where for where, _ in context.expected.batches]
    lag = context.outcomes.lag_us if context.outcomes is not None else 0
    start, end = (edge - lag for edge in context.window_us)
    now = context.expected.absent(batches, (start, end))
    for window in earlier:
        begin = window.start_us - lag
        if np.array_equal(context.expected.absent(batches, (begin, begin + end - start)), now):
            yield window


class _Clicks:
    """Clicks of a window and those before it, in the slices of the window."""

    def __init__(self, windows: Sequence[Summary], ages: Sequence[float]) -> None:
        self.windows, self.ages = windows, ages
        self.texts = windows[0].slices.texts
        self.found = in_slices(windows, ClickTally, self.texts, ClickTally.by_group)
        known, clicks = (self.found[kind].sum(axis=(0, 2)) for kind in ("known", "clicks"))
        # A slice of which the log has said of no row that it was not clicked has a log that writes nothing instead.
        self.all_rows = ((known == clicks) & (known > 0))[:, None]
        self.found["shown"] = np.where(self.all_rows, self.found["rows"], self.found["known"])
        self.found["asked"] = np.where(self.all_rows, self.found["requests"], self.found["known_requests"])
        self.now = {kind: counts[0] for kind, counts in self.found.items()}

    def measured(self, has: frozenset[str]) -> Iterator[Measurement]:
        now, total = self.now, self.now["shown"].sum(axis=1)
        places = in_slices(self.windows, PlaceClicks, self.texts, PlaceClicks.by_place)
        by_place = self._by_place({kind: counts[0] for kind, counts in places.items()})
        yield rate("click_rate", now["clicks"], now["shown"], by_place)
        yield Measurement("rows", total, np.sqrt(total * together(now["clicks"], now["shown"])), total)
        yield _over("recent_click_rate", RECENT, self.found, self.ages, "clicks", "shown")[0]
        lasting, added = _over("lasting_click_rate", LASTING, self.found, self.ages, "clicks", "shown")
        yield lasting
        if "request" in has:
            yield rate("request_click_rate", now["clicked"], now["asked"])
        if "position" in has:
            yield self._first_place(added_up(places, added), lasting)
        if "score" in has:
            bins = in_slices(self.windows, CalibrationBins, self.texts, CalibrationBins.by_bin)
            yield from _calibration(added_up(bins, added), lasting)

    def _by_place(self, places: Mapping[str, Counts]) -> Evidence:
        """Click rates by place, for people to see: a place that is covered, a list that is not seen."""
        shown = np.where(self.all_rows, places["rows"], places["known"])

        def evidence(s: int) -> Mapping[str, Any]:
            there = np.flatnonzero(shown[s])
            names = [str(p) if p <= PLACES else f"{PLACES + 1} and on" for p in (there + 1).tolist()]
            rates = np.round(places["clicks"][s, there] / shown[s, there], 5).tolist()
            return {"click_rate_by_position": dict(zip(names, rates, strict=True))} if names else {}

        return evidence

    def _first_place(self, places: Mapping[str, Counts], clicks: Measurement) -> Measurement:
        """How often the first place is clicked; users click alike as they do in all places."""
        shown = np.where(self.all_rows, places["rows"], places["known"])
        alike = _alike(shown.sum(axis=1), clicks)
        evidence = self._by_place(places)
        return share("first_place_click_rate", places["clicks"][:, 0], shown[:, 0], alike, evidence)


def _over(
    measure: str, span: Span, windows: Mapping[str, Counts], ages: Sequence[float], hits: str, of: str
) -> tuple[Measurement, NDArray[np.bool_]]:
    """A rate of the window and those before it that its span holds, and which those are."""
    added = span.windows(windows[hits].sum(axis=2), windows[of].sum(axis=2), ages)
    total = added_up({name: windows[name] for name in (hits, of)}, added)

    def evidence(s: int) -> Mapping[str, Any]:
        told = {hits: total[hits][s].sum(), "rows": total[of][s].sum(), "windows": added[:, s].sum()}
        return {name: int(number) for name, number in told.items()}

    return rate(measure, total[hits], total[of], evidence), added


def _calibration(bins: Mapping[str, Counts], clicks: Measurement) -> Iterator[Measurement]:
    """Expected calibration error, and calibration in the large; `clicks` are those of the same windows."""
    rows, found = bins["rows"].sum(axis=1), bins["clicks"].sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        outside = bins["outside"][:, 0] / (bins["outside"][:, 0] + rows)
        usable = np.where(outside > OUTSIDE, np.nan, 1.0)
        alike = _alike(rows, clicks)
        value, error = expected_calibration_error(bins["rows"], bins["score"], bins["clicks"], alike)
        # Of very many rows with a few clicks nobody knows how often each score was right.
        enough = np.where(found / alike >= LEAST_CLICKS, rows / alike, found / alike)
        yield Measurement("calibration_error", value * usable, error * usable, enough)
        times = np.where(found > 0, bins["score"].sum(axis=1) / found, np.nan) * usable
        error = times * np.sqrt(alike / found)
    yield Measurement("calibration_in_the_large", times, error, found / alike)


def _alike(rows: Counts, clicks: Measurement) -> Counts:
    """Rows that are worth one, by what is known of the click rate of as many."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.fmax(rows / clicks.n, 1.0)


def _value_per_row(
    summary: Summary,
    catalog: Catalog | None,
    hits: Counts,
    of: Counts,
    items: type[ItemClicks] | type[ItemConversions],
) -> Iterator[Measurement]:
    """Money for each row shown: what the log says of an outcome, else what the catalogue says of the item.

    The error is that of a sum of amounts that come by chance (compound Poisson), some of them together.
    """
    if "value" in summary.has:
        amounts, totals = middle_of(summary[WorthHistogram].keys), summary.totals(WorthHistogram)
    elif catalog is not None and catalog.value is not None:
        at = catalog.find(summary[items].keys)
        amounts = np.nan_to_num(np.where(at >= 0, catalog.value[at], 0.0))
        totals = summary.totals(items)
    else:
        return
    total, squares = np.array([(t @ amounts, t @ amounts**2) for t in totals]).T
    alike = together(hits, of)
    with np.errstate(invalid="ignore", divide="ignore"):
        rows = of.sum(axis=1)
        yield Measurement("value_per_row", total / rows, np.sqrt(squares * alike) / rows, rows / alike)


def _logged(logged: Logged, joined: Mapping[str, float], slices: int) -> Iterator[Measurement]:
    """How much the outcomes' own log holds, and how much of it is of these lists; of the whole alone."""
    rows, found = np.full((2, slices), np.nan)
    rows[0] = sum(logged.number.values())
    yield Measurement("logged", rows, np.sqrt(rows), rows)
    if known := [kind for kind in logged.number if kind in joined]:
        of = np.full(slices, np.nan)
        of[0] = sum(logged.number[kind] for kind in known) * logged.rate
        found[0] = min(sum(joined[kind] for kind in known), of[0])
        yield share("joined_share", found, of, np.ones(slices))
