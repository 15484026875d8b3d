"""What an incident has cost: against a truth that is known, by hand from a log, and what nobody can say."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from detectors.core.random_groups import GROUPS, rate
from monitor.cli.main import cli
from monitor.cycle import backtest
from monitor.evaluation import Evaluation
from monitor.incidents.cost import Lost, Shown, lost
from monitor.incidents.incident import Incident, Part
from monitor.reading.cost import _words, cost_of
from monitor.store import Store
from tests.monitor.cycle.small_shop import hour, rows_of, shop, write_hour, write_hours
from tests.monitor.factories import evaluation as evaluated
from tests.monitor.factories import incident
from tests.monitor.outcomes.clicks_log import Outcome, counted, outcomes_of, watched, write_outcomes
from tests.monitor.web.browser import Site

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("click_rate", "users", "rows", "before", "since", "most_width"),
    [
        (0.1, 400, 10, 24, 3, 1.25),
        (
            0.004,
            60,
            1,
            160,
            40,
            2.2,
        ),  # a click in four windows: what clusters is hardly known, and is not guessed
    ],
)
def test_the_interval_holds_the_truth_as_often_as_it_says_where_users_click_alike(
    click_rate: float, users: int, rows: int, before: int, since: int, most_width: float
) -> None:
    """Few users click much, so rows are far from independent; then half of the clicks are lost."""
    rng = np.random.default_rng(5)
    trials = 300
    shape = (trials, before + since, users)
    eager = rng.gamma(0.5, click_rate / 0.5, shape).clip(max=1.0)
    usual = float(eager.mean())
    eager[:, before:] *= 0.5
    clicks = rng.binomial(rows, eager)
    of_group = np.eye(GROUPS)[np.arange(users) % GROUPS]
    hits = (clicks @ of_group).reshape(-1, GROUPS)
    found = rate("clicks", hits, np.broadcast_to(rows * of_group.sum(axis=0), hits.shape))
    values, errors, n = (a.reshape(shape[:2]) for a in (found.value, found.error, found.n))
    truth = since * users * rows * usual / 2
    held, amounts, widths = 0, [], []
    for trial in range(trials):
        windows = [
            Shown(START + i * HOUR, users * rows, values[trial, i], errors[trial, i], n[trial, i])
            for i in range(before + since)
        ]
        cost = lost(windows[:before], windows[before:], least=1)
        assert cost is not None
        held += cost.low <= truth <= cost.high
        amounts.append(cost.amount)
        widths.append(cost.high - cost.low)
    assert held / trials >= 0.93
    assert np.mean(amounts) == pytest.approx(truth, rel=0.05)
    assert np.median(widths) < most_width * 2 * 1.96 * np.std(amounts)


def at(day: int, clock: int, value: float, rows: float = 1000.0) -> Shown:
    return Shown(START + day * DAY + clock * HOUR, rows, value, 0.001)


def test_what_is_usual_depends_on_the_time_of_day() -> None:
    week = [at(day, clock, 0.2 if 8 <= clock < 20 else 0.05) for day in range(7) for clock in range(24)]
    night = lost(week, [at(7, 2, 0.01), at(7, 3, 0.01)])
    noon = lost(week, [at(7, 12, 0.01)])
    assert night is not None
    assert noon is not None
    assert (round(night.amount, 6), round(noon.amount, 6)) == (80.0, 190.0)
    midnight = lost(week, [at(7, 0, 0.05)])  # its neighbours are of the day before
    assert midnight is not None
    assert round(midnight.amount, 6) == 0.0


def test_without_the_same_time_of_other_days_all_that_is_known_counts() -> None:
    found = lost([at(0, 1, 0.1), at(0, 2, 0.3, 3000)], [at(0, 9, 0.05)])
    assert found is not None
    assert round(found.amount, 6) == 200.0  # of 250 a thousand rows


def test_how_far_days_differ_widens_the_interval() -> None:
    def width(values: list[float]) -> float:
        found = lost([at(d, 5, v) for d, v in enumerate(values)], [at(9, 5, 0.05)])
        assert found is not None
        assert round(found.amount, 6) == 50.0
        return found.high - found.low

    assert width([0.05, 0.1, 0.15]) > 5 * width([0.1, 0.1, 0.1])


def test_too_little_is_not_guessed_from() -> None:
    assert lost([], [at(0, 1, 0.1)]) is None
    assert lost([at(0, 0, 0.1)], []) is None
    assert lost([at(0, 0, 0.04)], [at(0, 1, 0.1)]) is None  # forty clicks


# From logs to what people read

HOURS, BROKEN = 14, 10
STUCK = "item-7"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Evaluation], list[Outcome]]:
    """One item first in every list from an hour on; people then click on a twentieth instead of a fifth."""
    root = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(8)
    outcomes: list[Outcome] = []
    for k in range(HOURS):
        broken = rows_of(k, 60, item=STUCK)
        write_hour(root / "log", k, broken if k >= BROKEN else rows_of(k, 60))
        if k < BROKEN:
            outcomes += outcomes_of(k)
            continue
        outcomes += [
            {"at": row["ts"] + timedelta(minutes=3), "request_id": row["request_id"], "item_id": row["item_id"],
             "kind": "click", "value": None}
            for row in broken if rng.random() < 0.05
        ]  # fmt: skip
    write_outcomes(root, outcomes, range(HOURS + 2))
    return root, list(backtest(watched(root), [hour(k) for k in range(HOURS)])), outcomes


def stored(folder: Path, evaluations: list[Evaluation]) -> tuple[Store, Incident]:
    store = Store.open(folder)
    for evaluation in evaluations:
        store.record(evaluation)
    [found] = [i for i in store.incidents() if i.culprit == {"item": STUCK}]
    return store, found


def test_clicks_and_money_are_those_that_a_count_by_hand_misses(
    told: tuple[Path, list[Evaluation], list[Outcome]], tmp_path: Path
) -> None:
    _, evaluations, outcomes = told
    store, found = stored(tmp_path, evaluations)
    assert (found.onset_at, found.last_seen_at) == (hour(BROKEN).start, hour(HOURS - 1).end)
    with store:
        cost = cost_of(store, found)
    # the clicks of an hour are known an hour later: those of the last one are not yet
    since = range(BROKEN, HOURS - 1)
    ids = {f"r{k}-0-{r}" for k in since for r in range(60)}
    got = sum(o["request_id"] in ids for o in outcomes)
    usual = [counted(k, outcomes) for k in range(BROKEN - 1)]  # told of before it began
    rows = 180 * len(since)
    assert cost.clicks is not None
    assert cost.money is not None
    assert cost.window is not None
    assert (cost.window.start, cost.window.end, cost.rows) == (
        hour(BROKEN).start,
        hour(HOURS - 1).start,
        rows,
    )
    clicks = float(np.mean([h["outcome.click_rate"] for h in usual])) * rows - got
    money = float(np.mean([h["outcome.value_per_row"] for h in usual])) * rows  # nobody bought anything
    assert cost.clicks.amount == pytest.approx(clicks)
    assert 0 < cost.clicks.low < clicks < cost.clicks.high < 1.5 * clicks
    assert cost.money.amount == pytest.approx(money, rel=0.02)  # amounts are counted in steps of 1.6 %


def test_it_stands_on_the_page_in_the_api_and_in_show(
    told: tuple[Path, list[Evaluation], list[Outcome]], tmp_path: Path
) -> None:
    root, evaluations, _ = told
    store, found = stored(tmp_path, evaluations)
    with store:
        cost = cost_of(store, found)
    says = str(cost).replace("\u00a0", " ")
    assert cost.clicks is not None
    assert says.startswith(f"clicks: some {cost.clicks.amount:.0f} ({cost.clicks.low:.0f} to ")
    assert says.endswith("of 540 rows shown, 2026-03-02 10:00–13:00 UTC")
    with Site(evaluations, [watched(root)], now=hour(HOURS).end) as site:
        assert f"Cost so far: {says}." in site.text(f"/incidents/{found.id}").replace("\u00a0", " ")
        assert site.ask(f"/api/v1/incidents/{found.id}").json()["cost"] == cost.to_json()
    asked = ["show", found.id, "--storage.path", str(tmp_path)]
    shown = CliRunner().invoke(cli, asked).output.replace("\u00a0", " ")
    assert f"cost so far    {says}\n" in shown
    assert json.loads(CliRunner().invoke(cli, [*asked, "--json"]).output)["cost"] == cost.to_json()


def test_of_the_fleet_it_is_that_of_its_parts(
    told: tuple[Path, list[Evaluation], list[Outcome]], tmp_path: Path
) -> None:
    store, found = stored(tmp_path, told[1])
    silent = replace(incident("mail"), detector="traffic", onset_at=found.onset_at)
    parts = tuple(Part(i.recommender, i.id, i.opened_at) for i in (found, silent))
    with store:
        store.record(evaluated("mail", found.opened_at, open_incidents=(silent,)))
        one = cost_of(store, found)
        both = cost_of(store, replace(found, id="f", recommender="(fleet)", parts=(parts[0], *parts)))
        none = cost_of(store, replace(found, id="f", recommender="(fleet)", parts=parts[1:]))
    assert one.clicks is not None
    assert both.clicks is not None
    assert (both.clicks.amount, both.clicks.low) == (2 * one.clicks.amount, 2 * one.clicks.low)
    assert (both.rows, both.window) == (2 * one.rows, one.window)
    assert str(both).endswith("; known of 2 of 3 recommenders")
    assert none.why.startswith("requests are missing or too many")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "nothing says what was clicked (log.columns.click, outcomes)"),
        ({"detector": "traffic", "measure": "traffic.requests"},
         "requests are missing or too many, and of lists that were not logged nobody knows who saw them"),
        ({"detector": "outcome", "measure": "outcome.logged"},
         "it is about clicks that are not recorded, and nobody knows how many there were"),
        ({"labels": {"drill": "true"}}, "it is a drill, nothing is wrong"),
    ],
)  # fmt: skip
def test_what_nobody_can_say_says_why(tmp_path: Path, fields: dict[str, Any], why: str) -> None:
    write_hours(tmp_path, range(4))
    about = replace(
        incident("shop"), onset_at=hour(2).start, opened_at=hour(2).end, last_seen_at=hour(3).end, **fields
    )
    with Store.in_memory() as store:
        for evaluation in backtest(shop(tmp_path), [hour(k) for k in range(4)]):
            store.record(evaluation)
        cost = cost_of(store, about)
    assert str(cost) == f"cannot estimate: {why}"
    assert cost.to_json() == {
        "clicks": None, "money": None, "rows": 0, "start": None, "end": None, "partly": None, "cannot_estimate": why
    }  # fmt: skip


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Lost(60.0, 54.8, 65.2), "clicks: some 60 (55 to 65)"),
        (Lost(10.0, -5.0, 25.0), "clicks: none that can be told from chance (-5 to 25)"),
        (Lost(-50.0, -60.0, -40.0), "clicks: none, 50 more came than usual"),
    ],
)
def test_words(found: Lost, words: str) -> None:
    assert _words(found, "clicks") == words
