"""Click rates, conversions and money against counting by hand, scipy, and traffic that is drawn again and again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from detectors import Batch, Catalog, Context, Expected, Measurement, Severity, Summary, Verdict
from detectors.core.detector import Earlier, Logged
from detectors.core.random_groups import GROUPS, rate, together
from detectors.judgement.judge import Judge
from detectors.judgement.judged import kind_of
from detectors.outcome import LASTING, RECENT, Outcome
from detectors.statistics.click_tally import PLACES
from tests.detectors.batches import HOUR, START, in_slices, measure, measure_summary, of_lists, random_batch
from tests.detectors.clicking import Clicking, day_and_night, hours, without_false
from tests.detectors.recommender import check_sampling, sample
from tests.detectors.remembering import remember

DETECTOR = Outcome()
DAY = 24 * HOUR
RATES = [
    "click_rate",
    "recent_click_rate",
    "lasting_click_rate",
    "request_click_rate",
    "first_place_click_rate",
]


def values(clicks: list[list[bool | None]], **columns: object) -> dict[str, float]:
    lists = [[f"i{i}" for i in range(len(row))] for row in clicks]
    found = measure(DETECTOR, of_lists(lists, clicks=clicks, **columns))
    return {name: float(m.value[0]) for name, m in found.items()}


@pytest.mark.parametrize("seed", range(5))
def test_rates_are_what_counting_by_hand_gives(seed: int) -> None:
    batch = random_batch(np.random.default_rng(seed), requests=200)
    assert batch.click is not None
    known = np.ones(batch.n_rows, bool) if batch.click_known is None else batch.click_known
    found = measure(DETECTOR, batch)
    for s, members in enumerate(batch.cells.slices.members):
        rows = [(c, k, p) for r, o, e in _requests(batch) if members[batch.cell[r]]
                for c, k, p in zip(batch.click[o:e], known[o:e], batch.position[o:e], strict=True)]  # fmt: skip
        asked = [
            any(batch.click[o:e])
            for r, o, e in _requests(batch)
            if members[batch.cell[r]] and any(known[o:e])
        ]
        assert found["click_rate"].value[s] == pytest.approx(np.mean([c for c, k, _ in rows if k]))
        assert found["request_click_rate"].value[s] == pytest.approx(np.mean(asked))
        first = [c for c, k, p in rows if k and p == 1]
        assert found["first_place_click_rate"].value[s] == pytest.approx(
            np.mean(first) if first else np.nan, nan_ok=True
        )
        assert found["click_rate"].evidence is not None
        by_place = found["click_rate"].evidence(s)["click_rate_by_position"]
        for place in range(1, PLACES + 1):
            there = [c for c, k, p in rows if k and p == place]
            assert by_place.get(str(place)) == (pytest.approx(np.mean(there), abs=1e-5) if there else None)


def _requests(batch: Batch) -> Iterator[tuple[int, int, int]]:
    return zip(range(batch.n_requests), batch.offsets[:-1], batch.offsets[1:], strict=True)


def test_places_beyond_the_tenth_are_told_together() -> None:
    found = measure(DETECTOR, of_lists([[f"i{i}" for i in range(13)]], clicks=[[False] * 11 + [True, False]]))
    told = found["click_rate"].evidence(0)["click_rate_by_position"]
    assert told["11 and on"] == pytest.approx(1 / 3, abs=1e-5)


def test_rows_of_which_the_log_says_nothing_do_not_count() -> None:
    assert values([[True, False, None, None]])["click_rate"] == 0.5
    assert values([[None, None], [True, False]])["request_click_rate"] == 1.0


def test_where_a_log_writes_clicks_and_otherwise_nothing_nothing_is_no_click() -> None:
    found = values([[True, None, None, None], [None, None, None, None]])
    assert found["click_rate"] == 1 / 8
    assert found["request_click_rate"] == 0.5
    assert found["first_place_click_rate"] == 0.5
    rng = np.random.default_rng(0)
    batch = Clicking()(rng, 500)
    for measured in measure(DETECTOR, batch).values():
        other = measure(DETECTOR, without_false(batch))[measured.measure]
        if measured.measure in RATES:
            assert other.value[0] == measured.value[0], measured.measure


def test_such_a_log_without_a_click_in_the_window_is_known_by_the_day_before() -> None:
    rng = np.random.default_rng(0)
    batch = Clicking()(rng, 500)
    silent = replace(batch, click=np.zeros(batch.n_rows, bool), click_known=np.zeros(batch.n_rows, bool))
    alone = measure(DETECTOR, silent)["click_rate"]
    assert np.isnan(alone.value[0])  # nothing is known, and nothing says that nothing means no
    after_clicks = _measured_after(silent, [without_false(batch)])["click_rate"]
    assert after_clicks.value[0] == 0
    after_both = _measured_after(silent, [batch])["click_rate"]  # this log does say no, and now says nothing
    assert np.isnan(after_both.value[0])


def _measured_after(batch: Batch, before: list[Batch]) -> dict[str, Measurement]:
    earlier = tuple(
        Earlier(START - (i + 1) * HOUR, Summary.of(b, DETECTOR.statistics)) for i, b in enumerate(before)
    )
    context = Context(window_us=(START, START + HOUR), earlier=lambda: earlier)
    return measure_summary(DETECTOR, Summary.of(batch, DETECTOR.statistics), context)


def test_a_slice_is_measured_apart() -> None:
    found = measure(
        DETECTOR,
        of_lists([["a", "b"]] * 4, clicks=[[True, False], [False, False], [True, True], [True, True]],
                 surfaces=["home", "home", "cart", "cart"]),
    )  # fmt: skip
    assert in_slices(
        of_lists([["a"]] * 4, surfaces=["home", "home", "cart", "cart"]), found["click_rate"]
    ) == {"all": 0.625, "surface=cart": 1.0, "surface=home": 0.25}


# Errors


@pytest.mark.parametrize(
    "traffic",
    [Clicking(), Clicking(visits=4, unlike=0.7), Clicking(visits=2, unlike=0.5, rate=0.3)],
    ids=["rows are independent", "users differ", "two visits"],
)
def test_stated_errors_hold(traffic: Clicking) -> None:
    check_sampling(DETECTOR, traffic, RATES)


def test_ten_clicking_bots_are_ten_users() -> None:
    quiet, bots = (sample(DETECTOR, Clicking(bots=b), 400, 40)["click_rate"] for b in (0, 10))
    assert bots.error.mean() > 4 * quiet.error.mean()
    assert bots.value.mean() > 10 * quiet.value.mean()


def test_one_user_says_nothing() -> None:
    batch = of_lists([["a", "b"]] * 200, clicks=[[True, False]] * 200, users=["me"] * 200)
    assert measure(DETECTOR, batch)["click_rate"].n[0] == 1


def test_the_effect_of_clustering_is_that_of_a_comparison_of_users() -> None:
    """Of users with as many rows each, it is the ratio of variances that scipy finds."""
    rng = np.random.default_rng(3)
    hits = rng.binomial(100, rng.beta(2, 38, GROUPS))[None, :].astype(float)
    of = np.full((1, GROUPS), 100.0)
    p = hits.sum() / of.sum()
    dispersion = hits[0].var(ddof=1) / (100 * p * (1 - p))
    student = (stats.t.ppf(0.975, GROUPS - 1) / stats.norm.ppf(0.975)) ** 2
    shrunk = (hits.sum() * dispersion + 10) / (hits.sum() + 10)
    assert together(hits, of)[0] == pytest.approx(student * shrunk)
    assert rate("x", hits, of).n[0] == pytest.approx(of.sum() / (student * shrunk))


def test_few_groups_widen_the_error() -> None:
    of = np.zeros((1, GROUPS))
    of[0, :3] = 100
    assert together(of * 0.1, of)[0] == pytest.approx(
        (stats.t.ppf(0.975, 2) / stats.norm.ppf(0.975)) ** 2 * 10 / 40
    )


# Windows together


def test_clicks_are_added_up_over_as_many_windows_as_it_takes() -> None:
    rng = np.random.default_rng(5)
    batches = [Clicking(slices=2)(rng, n) for n in (40, 60, 30, 500, 80, 90, 100, 120)]
    now, *before = batches
    found = _measured_after(now, before)
    usual = {}
    for text, members in zip(now.cells.slices.texts, now.cells.slices.members, strict=True):
        clicks, rows = zip(*(_counted(b, members) for b in batches), strict=True)
        usual[text] = sum(clicks[1:]) / sum(rows[1:])
        for measured, span in (("recent_click_rate", RECENT), ("lasting_click_rate", LASTING)):
            windows = 1
            while (
                windows < len(batches)
                and windows + 1 <= span.hours
                and sum(rows[:windows]) * usual[text] < span.hits
            ):
                windows += 1
            s = now.cells.slices.texts.index(text)
            assert found[measured].value[s] == pytest.approx(sum(clicks[:windows]) / sum(rows[:windows]))
            evidence = {"clicks": sum(clicks[:windows]), "rows": sum(rows[:windows]), "windows": windows}
            assert found[measured].evidence(s) == evidence


def _counted(batch: Batch, members: np.ndarray) -> tuple[int, int]:
    rows = members[batch.row_cell]
    assert batch.click is not None
    return int(batch.click[rows].sum()), int(rows.sum())


def test_how_far_back_is_not_decided_by_the_clicks_of_the_window() -> None:
    rng = np.random.default_rng(6)
    before = [Clicking()(rng, 100) for _ in range(6)]
    now = before[0]
    without = replace(now, click=np.zeros(now.n_rows, bool))
    with_clicks, none = (_measured_after(b, before)["recent_click_rate"] for b in (now, without))
    assert with_clicks.evidence(0)["windows"] == none.evidence(0)["windows"]


def test_a_window_that_is_missing_is_a_gap_and_not_older_windows_instead() -> None:
    rng = np.random.default_rng(7)
    batch = Clicking()(rng, 20)
    old = Earlier(START - 6 * HOUR, Summary.of(batch, DETECTOR.statistics))
    context = Context(window_us=(START, START + HOUR), earlier=lambda: (old,))
    found = measure_summary(DETECTOR, Summary.of(batch, DETECTOR.statistics), context)
    assert found["recent_click_rate"].evidence(0)["windows"] == 1
    assert found["lasting_click_rate"].evidence(0)["windows"] == 2


@pytest.mark.parametrize(("lag", "added"), [(0, {1: 6, 3: 1, 5: 5}), (2, {3: 6, 5: 1, 7: 5})])
def test_a_batch_of_the_night_is_in_the_sums_of_its_own_hours_alone(lag: int, added: dict[int, int]) -> None:
    """It is made at three; of outcomes that are waited for, a window tells of requests of earlier hours."""
    nightly = Expected(batches=(({"surface": "S1"}, frozenset({3})),))
    rng = np.random.default_rng(9)
    summaries = [Summary.of(Clicking()(rng, 20), DETECTOR.statistics) for _ in range(6)]
    for clock, windows in added.items():
        start = START // DAY * DAY + DAY + clock * HOUR
        earlier = tuple(Earlier(start - k * HOUR, summary) for k, summary in enumerate(summaries[1:], 1))
        context = Context((start, start + HOUR), nightly, None, lambda earlier=earlier: earlier,
                          Logged({"click": 100}, lag_us=lag * HOUR))  # fmt: skip
        found = measure_summary(DETECTOR, summaries[0], context)["lasting_click_rate"]
        assert found.evidence(0)["windows"] == windows


def test_trouble_that_is_over_is_in_no_sum_and_trouble_that_goes_on_is() -> None:
    rng = np.random.default_rng(8)
    batches = [Clicking()(rng, 20) for _ in range(6)]

    def windows(*troubled: int) -> int:
        summaries = [Summary.of(b, DETECTOR.statistics) for b in batches]
        earlier = tuple(
            Earlier(START - k * HOUR, summary, troubled=k in troubled)
            for k, summary in enumerate(summaries[1:], 1)
        )
        context = Context(window_us=(START, START + HOUR), earlier=lambda: earlier)
        return int(
            measure_summary(DETECTOR, summaries[0], context)["lasting_click_rate"].evidence(0)["windows"]
        )

    assert windows() == windows(1, 2) == windows(1, 2, 3, 4, 5) == 6
    assert windows(2, 3) == windows(4, 5) == 4
    assert windows(1, 3) == 5


# Judged


def judged(
    batches: Iterator[Batch], measures: tuple[str, ...] = tuple(RATES)
) -> list[tuple[int, str, str, Severity]]:
    """Breaches (hour, measure, slice, severity) of a log that is judged hour by hour, as the daemon does."""
    judge, out = Judge(), []
    declared = {m.name: m for m in DETECTOR.measures() if m.name in measures}
    for hour, slices, found in hours(DETECTOR, batches):
        start = START + hour * HOUR
        given = [(f"outcome.{n}", declared[n], m) for n, m in found.items() if n in declared]
        rows = {}
        for (name, spec, _), j in zip(given, judge.judge(start, slices, given), strict=True):
            breach = j.verdict == Verdict.BREACH
            out += [(hour, name.removeprefix("outcome."), j.slices[s],
                     Severity.PAGE if j.page[s] else Severity.TICKET) for s in np.flatnonzero(breach)]  # fmt: skip
            rows[name, kind_of(spec)] = (j.slices, j.value, j.error, breach, j.expected)
        remember(judge, start, rows)
    return out


def log(
    seed: int, days: int, per_hour: int, factor: float = 1.0, since: int = 10**6, **traffic: float
) -> Iterator[Batch]:
    for hour in range(days * 24):
        rng = np.random.default_rng([seed, hour])
        shop = Clicking(rate=0.05 * (factor if hour >= since else 1.0), **traffic)
        yield shop(rng, int(per_hour * day_and_night(hour) * rng.lognormal(0, 0.1)))


@pytest.mark.parametrize(("per_hour", "at_most"), [(300, 5), (1500, 1)])
@pytest.mark.parametrize("since", [9 * 24 + 3, 9 * 24 + 14], ids=["at night", "by day"])
def test_clicks_at_half_of_what_is_usual_page_within_hours(per_hour: int, at_most: int, since: int) -> None:
    found = judged(log(1, 10, per_hour, factor=0.5, since=since), ("click_rate", "recent_click_rate"))
    assert min(hour for hour, _, _, severity in found if severity is Severity.PAGE) - since <= at_most
    assert min(hour for hour, _, _, _ in found) >= since


def test_without_the_fall_nothing_is_said() -> None:
    assert judged(log(1, 10, 300, slices=8)) == []


def test_a_fall_by_a_fifth_becomes_a_ticket_and_no_page() -> None:
    found = judged(log(2, 11, 1500, factor=0.8, since=9 * 24))
    assert {(measure, severity) for _, measure, _, severity in found} == {
        ("lasting_click_rate", Severity.TICKET)
    }


def test_a_slice_with_hardly_any_clicks_never_cries() -> None:
    found = judged(_thin(b) for b in log(3, 12, 250, slices=2))
    assert found == []


def _thin(batch: Batch) -> Batch:
    """The second surface gets one request in a hundred."""
    return replace(batch, cell=(batch.request % np.uint64(100) == 0).astype(np.int32))


def test_what_a_log_lacks_is_not_measured() -> None:
    rng = np.random.default_rng(0)
    assert measure(DETECTOR, random_batch(rng, has=frozenset({"request", "user", "position", "score"}))) == {}
    rows_only = measure(DETECTOR, random_batch(rng, requests=300, has=frozenset({"click"})))
    assert set(rows_only) == {"click_rate", "recent_click_rate", "lasting_click_rate", "rows"}


# Conversions and money


def _bought(rng: np.random.Generator, requests: int, share: float = 0.1) -> Batch:
    """Clicks of which a share becomes a purchase, at prices that differ."""
    batch = Clicking(rate=0.2)(rng, requests)
    assert batch.click is not None
    bought = batch.click & (rng.random(batch.n_rows) < share)
    worth = np.where(bought, rng.lognormal(3, 0.8, batch.n_rows), np.nan)
    return replace(batch, converted=bought, worth=worth, has=batch.has | {"conversion", "value"})


def test_the_conversion_rate_is_of_rows_shown_over_as_many_windows_as_it_takes() -> None:
    rng = np.random.default_rng(0)
    batches = [_bought(rng, 300) for _ in range(4)]
    found = _measured_after(batches[0], batches[1:])["conversion_rate"]
    converted = sum(int(b.converted.sum()) for b in batches if b.converted is not None)
    rows = sum(b.n_rows for b in batches)
    assert found.value[0] == pytest.approx(converted / rows)
    assert found.evidence is not None
    assert found.evidence(0) == {"conversions": converted, "rows": rows, "windows": 4}


def test_money_is_that_of_the_log_to_within_its_bins_and_its_error_holds() -> None:
    batch = _bought(np.random.default_rng(0), 500)
    assert batch.worth is not None
    found = measure(DETECTOR, batch)["value_per_row"]
    assert found.value[0] == pytest.approx(np.nansum(batch.worth) / batch.n_rows, rel=0.01)
    check_sampling(DETECTOR, _bought, ["value_per_row", "conversion_rate"])


def test_where_the_log_has_no_money_the_catalogue_says_what_items_are_worth() -> None:
    batch = replace(Clicking()(np.random.default_rng(0), 500), worth=None)
    value = np.arange(100, dtype=float)
    value[3] = np.nan  # not said: adds nothing
    catalog = Catalog.of([str(i) for i in range(90)], value=value[:90])
    found = measure(DETECTOR, batch, Context(catalog=catalog))["value_per_row"]
    assert batch.click is not None
    worth = np.where(np.arange(100) < 90, np.nan_to_num(value), 0)[batch.item]
    assert found.value[0] == pytest.approx((worth * batch.click).sum() / batch.n_rows)
    converted = replace(
        batch, converted=batch.click & (batch.position == 1), has=batch.has | {"conversion"}
    )  # what comes of a click counts, not the click
    found = measure(DETECTOR, converted, Context(catalog=catalog))["value_per_row"]
    assert found.value[0] == pytest.approx((worth * converted.converted).sum() / batch.n_rows)


def test_a_catalogue_without_money_says_nothing_of_it() -> None:
    batch = Clicking()(np.random.default_rng(0), 50)
    assert "value_per_row" not in measure(DETECTOR, batch, Context(catalog=Catalog.of(["1"])))


def test_what_is_logged_and_what_of_it_belongs_to_rows_shown() -> None:
    batch = _bought(np.random.default_rng(0), 500)
    assert batch.click is not None
    clicks = int(batch.click.sum())
    found = measure(DETECTOR, batch, Context(outcomes=Logged({"click": 2 * clicks})))
    assert found["logged"].value[0] == 2 * clicks
    assert np.isnan(found["logged"].value[1:]).all()  # it belongs to no slice
    assert found["joined_share"].value[0] == 0.5  # conversions are in another log: they do not count
    half = measure(DETECTOR, batch, Context(outcomes=Logged({"click": 4 * clicks}, rate=0.5)))
    assert half["joined_share"].value[0] == 0.5
    nothing = measure(DETECTOR, batch, Context(outcomes=Logged({"click": 0})))
    assert nothing["logged"].value[0] == 0
    assert np.isnan(nothing["joined_share"].value[0])
    assert "logged" not in measure(DETECTOR, batch)
