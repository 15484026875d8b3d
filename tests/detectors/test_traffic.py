"""Traffic against counting by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors import Batch, Context, Earlier, Floor, Summary
from detectors.statistics import panel, request_ids
from detectors.traffic import Traffic
from tests.detectors.batches import (
    HOUR,
    ROLES,
    START,
    WINDOW,
    in_slices,
    measure,
    measure_summary,
    of_lists,
    random_batch,
)
from tests.detectors.recommender import Shop, check_sampling, sample

DETECTOR = Traffic()
MINUTE = HOUR // 60


@pytest.mark.parametrize("seed", range(5))
def test_volume_is_what_counting_by_hand_gives(seed: int) -> None:
    batch = random_batch(np.random.default_rng(seed), requests=300)
    found = measure(DETECTOR, batch)
    assert found["requests"].value[0] == batch.n_requests
    assert found["rows"].value[0] == batch.n_rows
    assert found["users"].value[0] == pytest.approx(len(set(batch.user[batch.user_known].tolist())))
    assert found["repeated_share"].value[0] == pytest.approx(
        batch.repeated.sum() / (batch.n_rows + batch.repeated.sum())
    )
    for s, members in enumerate(batch.cells.slices.members):
        mine = members[batch.cell]
        assert found["requests"].value[s] == mine.sum()
        assert found["users"].value[s] == pytest.approx(
            len(set(batch.user[mine & batch.user_known].tolist()))
        )


def before(batch: Batch, ago: int = 1) -> Context:
    return replace(
        WINDOW, earlier=lambda: [Earlier(START - ago * HOUR, Summary.of(batch, DETECTOR.statistics))]
    )


@pytest.mark.parametrize("seed", range(3))
def test_recent_rows_are_those_of_two_windows_slice_by_slice(seed: int) -> None:
    now, last = (random_batch(np.random.default_rng([seed, k]), countries=2 + k) for k in range(2))
    found = measure_summary(DETECTOR, Summary.of(now, DETECTOR.statistics), before(last))["recent_rows"]
    was = dict(zip(last.cells.slices.texts, measure(DETECTOR, last)["rows"].value, strict=True))
    for text, rows, both in zip(
        now.cells.slices.texts, measure(DETECTOR, now)["rows"].value, found.value, strict=True
    ):
        assert both == rows + was.get(text, 0)
    assert found.value[0] == now.n_rows + last.n_rows


def test_rows_of_one_list_come_together_also_where_the_window_has_none() -> None:
    """Of a place with a list in every other hour, rows are no more certain in the hours that have none."""
    last = of_lists([[f"i{i}" for i in range(9)]] * 10, users=[f"u{r}" for r in range(10)])
    none = of_lists([], users=[])
    found = measure_summary(DETECTOR, Summary.of(none, DETECTOR.statistics), before(last))["recent_rows"]
    assert (found.value[0], found.n[0]) == (90, 10)
    assert found.error[0] == pytest.approx(np.sqrt(90 * 9))


def test_recent_rows_are_unknown_after_a_gap() -> None:
    batch = random_batch(np.random.default_rng(0))
    summary = Summary.of(batch, DETECTOR.statistics)
    for context in (WINDOW, before(batch, ago=2)):
        assert np.isnan(measure_summary(DETECTOR, summary, context)["recent_rows"].value).all()


def test_missing_values_are_shares_of_all_rows() -> None:
    batch = of_lists([["a", "b", "c"]] * 30, users=["u"] * 30)
    batch = replace(batch, missing={"item": np.array([10]), "user": np.array([45]), "clock": np.array([1])})
    found = measure(DETECTOR, batch)
    assert found["missing_item_share"].value[0] == pytest.approx(0.1)
    assert found["missing_user_share"].value[0] == pytest.approx(0.45)
    assert {name for name in found if name.startswith("missing")} == {
        "missing_item_share",
        "missing_user_share",
    }


@pytest.mark.parametrize(
    ("minutes", "silent"),
    [
        (range(60), 0),
        ([*range(20), *range(35, 60)], 15),
        (range(45), 15),  # to the end of the window
        (range(10, 60), 10),  # from its start
        ([30], 30),
        ([-90, 10, 30, 200], 29),  # what is outside of the window fills nothing
    ],
)
def test_silence_is_the_longest_run_of_empty_minutes(minutes: range | list[int], silent: int) -> None:
    times = [START + m * MINUTE + 17 for m in minutes]
    batch = of_lists([["a"]] * len(times), times=times)
    assert measure(DETECTOR, batch)["silence"].value[0] == silent * 60


def test_a_slice_falls_silent_by_itself() -> None:
    times = [START + m * MINUTE for m in range(60)] * 2
    surfaces = ["home"] * 60 + ["email"] * 60
    batch = of_lists([["a"]] * 120, times=times, surfaces=surfaces)
    late = batch.select((np.array(surfaces) == "home") | (batch.time < START + 20 * MINUTE))
    assert in_slices(late, measure(DETECTOR, late)["silence"]) == {
        "all": 0.0, "surface=email": 2400.0, "surface=home": 0.0
    }  # fmt: skip


def test_an_empty_window_is_silent_all_the_time() -> None:
    found = measure_summary(DETECTOR, Summary(has=ROLES), WINDOW)
    assert found["silence"].value[0] == 3600
    assert found["requests"].value[0] == found["rows"].value[0] == found["users"].value[0] == 0


def test_times_far_apart_do_no_harm() -> None:
    batch = of_lists([["a"]] * 3, times=[-5 * HOUR, START, 2**60])
    assert measure(DETECTOR, batch)["requests"].value[0] == 3


def twice(batch: Batch, share: float, rng: np.random.Generator) -> Summary:
    """A log in which a share of the requests came again, in another batch."""
    again = batch.select(rng.random(batch.n_requests) < share)
    return Summary.of(batch, DETECTOR.statistics).merge(Summary.of(again, DETECTOR.statistics))


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_repeated_ids_are_counted_across_batches(share: float) -> None:
    batch = Shop()(np.random.default_rng(0), 3000)
    summary = twice(batch, share, np.random.default_rng(1))
    found = measure_summary(DETECTOR, summary, WINDOW)["repeated_ids_share"]
    again = found.value[0] / (1 - found.value[0])
    assert again == pytest.approx(share, abs=0.03)
    floor = next(
        j.above
        for m in DETECTOR.measures()
        for j in m.judge
        if m.name == "repeated_ids_share" and isinstance(j, Floor)
    )
    assert floor is not None
    assert (found.value[0] > floor) == (share > 0)


def test_a_sample_of_request_ids_is_unbiased(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_ids, "IDS", 200)
    found = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        m = measure_summary(DETECTOR, twice(Shop(items=6)(rng, 3000), 0.25, rng), WINDOW)[
            "repeated_ids_share"
        ]
        found.append((m.value[0], m.error[0]))
    value, error = np.array(found).T
    assert value.mean() == pytest.approx(0.2, abs=3 * value.std() / 10)
    assert (np.abs(value - 0.2) <= 2 * error).mean() >= 0.9
    assert error.mean() < 2 * value.std()


@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_users_are_estimated_where_the_panel_is_full(rate: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel, "USERS", 200)
    found = []
    for seed in range(100):
        batch = Shop(items=6, visits=2)(np.random.default_rng(seed), 4000)
        m = measure(DETECTOR, batch, rate=rate)["users"]
        found.append((m.value[0], m.error[0]))
    value, error = np.array(found).T
    assert value.mean() == pytest.approx(2000, rel=0.03)
    assert (np.abs(value - 2000) <= 2 * error).mean() >= 0.9
    assert error.mean() < 2 * value.std()


def test_users_of_a_sample_are_brought_up_to_all() -> None:
    batch = Shop(items=6, visits=2)(np.random.default_rng(0), 8000)
    found = measure(DETECTOR, batch, rate=0.1)
    assert found["users"].value[0] == pytest.approx(4000, abs=3 * found["users"].error[0])
    assert found["requests"].value[0] == 8000  # volume is never sampled
    assert found["rows"].value[0] == 40_000


def test_the_error_of_volume_is_that_of_users_who_come_and_go() -> None:
    """Users arrive at random, each with three requests of five rows."""

    def arrivals(rng: np.random.Generator, requests: int) -> Batch:
        return Shop(items=8, visits=3)(rng, 3 * int(rng.poisson(requests / 3)))

    found = sample(DETECTOR, arrivals, 600, 200)
    for name, truth in (("requests", 600), ("rows", 3000), ("users", 200)):
        assert found[name].covers(truth) >= 0.9, name
        assert found[name].width < 1.3, name


def test_shares_of_missing_rows_count_users() -> None:
    def lacking(rng: np.random.Generator, requests: int) -> Batch:
        batch = Shop(items=8, visits=2)(rng, requests)
        nameless = (rng.random(requests // 2) < 0.2).repeat(2)  # all rows of a user or none
        return replace(batch, missing={"model_version": np.array([5 * nameless.sum()])})

    check_sampling(DETECTOR, lacking, ["missing_model_version_share"])


def test_what_a_log_lacks_is_not_measured() -> None:
    rng = np.random.default_rng(0)
    no_request = measure(DETECTOR, random_batch(rng, has=frozenset({"user"})))
    assert not {"requests", "repeated_share", "repeated_ids_share"} & set(no_request)
    assert no_request["rows"].value[0] == 60
    assert "users" not in measure(DETECTOR, random_batch(rng, has=ROLES - {"user"}))


def test_requests_without_a_user_are_no_users() -> None:
    batch = of_lists([["a"]] * 10, users=["u", "v", *[None] * 8])
    assert measure(DETECTOR, batch)["users"].value[0] == pytest.approx(2)


def test_the_window_s_edges_need_not_be_whole_minutes() -> None:
    batch = of_lists([["a"]] * 2, times=[START + MINUTE, START + 2 * MINUTE])
    window = Context(window_us=(START + MINUTE // 2, START + 3 * MINUTE))
    assert measure(DETECTOR, batch, window)["silence"].value[0] == 60
